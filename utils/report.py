"""Numbers for people and programs: tables to print, and ``metrics.json``."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handwriting.quoting import spreadsheet_cell


def write_report(report: dict[str, Any], path: Path) -> None:
    """Write ``metrics.json``; numbers that are not finite become null, which JSON can say."""
    text = json.dumps(_finite(report), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, in which no text is a formula to a spreadsheet."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([spreadsheet_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def describe_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table with a column for each name that the rows have a value for, words on the left of
    their columns and numbers on the right."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    columns = [_column(column) for column in zip(*cells, strict=True)]
    return "\n".join("  " + "  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _column(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    is_number = all(cell[:1] in "-0123456789n" for cell in cells[1:])
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}"
