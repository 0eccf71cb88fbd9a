"""One text for each row of a table: ``Dear {name}, ...`` and a CSV file with a column ``name``."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from handwriting.errors import UserError
from handwriting.files import read_regular_file

MOST_ROWS = 10_000
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header, each by the names of its columns.

    Args:
        path: UTF-8; fields apart by commas, semicolons or tabs, whichever its first line has most
            of.

    Raises:
        UserError: it cannot be read, or has no header, no rows or too many of them; names the file.
    """
    data = read_regular_file(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text (byte {error.start + 1})") from None
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise UserError(
                    f"{path}, line {reader.line_num}: has another number of fields than the header"
                )
            rows.append({name.strip(): value.strip() for name, value in row.items()})
            if len(rows) > MOST_ROWS:
                raise UserError(f"{path}: at most {MOST_ROWS:,} rows")
    except csv.Error as error:
        raise UserError(f"{path}: is not CSV: {error}") from None
    if not rows:
        raise UserError(f"{path}: needs a header and at least one row below it")
    return rows


def fill(template: str, row: Mapping[str, str], source: str = "template") -> str:
    """Return a template with ``{name}`` as the row has it; ``{{`` and ``}}`` are braces.

    Args:
        template: the text.
        row: by the names of the columns.
        source: where the template is from, for messages.

    Raises:
        UserError: naming a column that is not there, and those that are.
    """

    def value(field: re.Match[str]) -> str:
        if field[1] is None:
            return field[0][0]
        name = field[1].strip()
        if name not in row:
            raise UserError(f"{source}: no column {name!r}, only {_listed(list(row))}")
        return row[name]

    return _FIELD.sub(value, template)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
