"""The report of a recogniser's evaluation: one HTML file that needs nothing beside it.

It has the error rates, what was taken for what, and lines of handwriting with what was written and
what was read, one under the other.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handwriting.quoting import terminal_text
from handwriting.text.error_rates import (
    LABEL_SETS,
    Confusions,
    Edit,
    ErrorCounts,
    align,
    line_errors,
)
from utils.figures.attention import SPACE
from utils.figures.sheet import Sheet
from utils.figures.sheet_files import sheet_svg
from utils.report import csv_text

MOST_CONFUSIONS = 30
_FEWEST_WRITTEN = 10
_MOST_CHARACTERS = 15
_GAP = "\N{MIDDLE DOT}"
_BANDS = ((0, 0), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (21, None))

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #16213a; background: #fff;
  max-width: 940px; margin: 24px auto 64px; padding: 0 16px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 36px 0 8px; }
p, .note { color: #475467; margin: 4px 0 10px; }
table { border-collapse: collapse; margin: 8px 0; }
th, td { padding: 3px 12px 3px 0; text-align: right; font-variant-numeric: tabular-nums; }
th { color: #475467; font-weight: 500; border-bottom: 1px solid #d0d5dd; }
th:first-child, td:first-child { text-align: left; }
th.group { text-align: center; padding-left: 12px; }
tr.shown td { font-weight: 600; }
.columns { display: flex; flex-wrap: wrap; gap: 12px 48px; align-items: flex-start; }
.bar { display: inline-block; height: 10px; background: #98a2b3; vertical-align: baseline; }
td.left, th.left { text-align: left; }
code, .texts { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { background: #f2f4f7; padding: 0 4px; border-radius: 3px; }
.line { border: 1px solid #e4e7ec; border-radius: 6px; padding: 10px 14px; margin: 14px 0; }
.line .head { display: flex; justify-content: space-between; color: #475467; font-size: 13px; }
.line svg { max-width: 100%; height: auto; display: block; }
.texts { overflow-x: auto; font-size: 14px; line-height: 1.6; border-collapse: collapse;
  display: block; margin: 6px 0 0; }
.texts th { font: 12px system-ui, sans-serif; border: 0; text-align: left; }
.texts td { white-space: pre; text-align: left; padding: 0; }
.wrong { color: #b42318; text-decoration: underline; text-underline-offset: 3px; }
.gap { color: #fff; background: #f04438; border-radius: 2px; }
.missed { color: #b42318; border-bottom: 2px solid #f04438; }
"""


@dataclass(frozen=True)
class RateRow:
    """Errors of one decoding in one label set.

    Attributes:
        key: of the decoding.
        name: of the decoding, for people.
        label_set: its name.
        counts: over all lines.
        lines_per_second: of the decoding.
    """

    key: str
    name: str
    label_set: str
    counts: ErrorCounts
    lines_per_second: float


@dataclass(frozen=True)
class ReportedLine:
    """A line to show.

    Attributes:
        source_id: what names it in its source.
        writer: its writer's id, or an empty string.
        reference: what was written.
        picture: its ink and attention.
        reading: what was read.
        confidences: of each character of the reading, 0 to 1.
        others: what other decodings read, by their names.
    """

    source_id: str
    writer: str
    reference: str
    picture: Sheet
    reading: str
    confidences: Sequence[float]
    others: Mapping[str, str]


def confusions_csv(table: Confusions) -> str:
    """All confusions as CSV: ``written``, ``read`` (empty for nothing), ``count``."""
    return csv_text([("written", "read", "count"), *table.rows()])


def report_html(
    about: Mapping[str, Any],
    rates: Sequence[RateRow],
    shown: str,
    table: Confusions,
    errors: Sequence[int],
    worst: Sequence[ReportedLine],
    ordinary: Sequence[ReportedLine],
) -> str:
    """The report.

    Args:
        about: ``checkpoint``, ``epoch``, ``split``, ``lines``.
        rates: a row for each decoding and label set.
        shown: the name of the decoding that the rest is about.
        table: its confusions.
        errors: character errors of each line of the split.
        worst: the lines with most errors.
        ordinary: lines chosen without a look at their errors.
    """
    parts = [
        _head(about, shown),
        _rates_table(rates, shown),
        _bands_table(errors),
        _confusions_section(table),
        _lines_section(
            "Worst lines", "Those with most characters in error, most first.", worst, shown
        ),
        _lines_section(
            "Lines of the split", "Evenly spread over it, whatever was read.", ordinary, shown
        ),
    ]
    title = f"Recognition of {about['split']}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _head(about: Mapping[str, Any], shown: str) -> str:
    return (
        f"<h1>Recognition of {_text(about['split'])}</h1>"
        f"<p>{about['lines']:,} lines, read by {_text(about['checkpoint'])}, epoch"
        f" {about['epoch']}. Confusions and lines below are of the reading"
        f" <b>{_text(shown)}</b>, all characters told apart.</p>"
    )


def _rates_table(rates: Sequence[RateRow], shown: str) -> str:
    """A row for each decoding, three columns for each label set."""
    groups = "".join(
        f'<th class="group" colspan="3">{_text(label_set.title)}</th>'
        for label_set in LABEL_SETS.values()
    )
    columns = "<th>CER %</th><th>WER %</th><th>exact %</th>" * len(LABEL_SETS)
    rows = []
    for name in dict.fromkeys(row.name for row in rates):
        found = {row.label_set: row for row in rates if row.name == name}
        cells = "".join(
            f"<td>{_percent(rate)}</td>"
            for key in LABEL_SETS
            for rate in (
                found[key].counts.cer,
                found[key].counts.wer,
                found[key].counts.exact_rate,
            )
        )
        speed = next(iter(found.values())).lines_per_second
        mark = ' class="shown"' if name == shown else ""
        rows.append(f"<tr{mark}><td>{_text(name)}</td>{cells}<td>{speed:.0f}</td></tr>")
    return (
        f"<h2>Error rates</h2><table><tr><th></th>{groups}<th></th></tr>"
        f"<tr><th>reading</th>{columns}<th>lines/s</th></tr>{''.join(rows)}</table>"
        "<p>CER: edit distance in characters over the length of what was written, all lines"
        " together. WER: the same in words, which end at white space and keep their punctuation."
        " exact: lines without an error. Both texts are compared in three ways:"
        f" {_label_sets()}.</p>"
    )


def _label_sets() -> str:
    return "; ".join(
        f"<b>{_text(label_set.title)}</b>: {_text(label_set.description)}"
        for label_set in LABEL_SETS.values()
    )


def _bands_table(errors: Sequence[int]) -> str:
    """Count lines by their number of errors, and their part of all errors."""
    rows = []
    for least, most in _BANDS:
        within = [count for count in errors if least <= count and (most is None or count <= most)]
        words = f"{least}" if least == most else f"{least}-{most}" if most else f"{least} or more"
        share = len(within) / max(len(errors), 1)
        of_errors = sum(within) / max(sum(errors), 1)
        rows.append(
            f"<tr><td>{words}</td><td>{len(within):,}</td><td>{_percent(share)}</td>"
            f'<td class="left"><span class="bar" style="width:{200 * share:.0f}px"></span></td>'
            f"<td>{_percent(of_errors)}</td></tr>"
        )
    return (
        "<h2>How many errors a line has</h2><table><tr><th>errors</th><th>lines</th>"
        "<th>% of lines</th><th></th><th>% of all errors</th></tr>" + "".join(rows) + "</table>"
    )


def _confusions_section(table: Confusions) -> str:
    rows = table.rows()
    total = sum(count for *_, count in rows)
    kinds = {
        "substituted": sum(table.substitutions.values()),
        "left out": sum(table.deletions.values()),
        "put in": sum(table.insertions.values()),
    }
    words = ", ".join(
        f"{_percent(count / max(total, 1))} % {kind}" for kind, count in kinds.items()
    )
    return (
        f"<h2>Errors</h2><p>{total:,} characters in error: {words}.</p>"
        f'<div class="columns">{_confusions_table(rows, total)}{_characters_table(table)}</div>'
    )


def _confusions_table(rows: Sequence[tuple[str, str, int]], total: int) -> str:
    cells = "".join(
        f'<tr><td>{_character(written)}</td><td class="left">{_character(read)}</td>'
        f"<td>{count:,}</td><td>{_percent(count / max(total, 1))}</td></tr>"
        for written, read, count in rows[:MOST_CONFUSIONS]
    )
    return (
        '<table><tr><th>written</th><th class="left">read</th><th>times</th>'
        "<th>% of errors</th></tr>"
        f"{cells}</table>"
    )


def _characters_table(table: Confusions) -> str:
    """The characters that were misread or left out most often, for how often they were written."""
    missed = {
        char: table.deletions.get(char, 0)
        + sum(count for (written, _), count in table.substitutions.items() if written == char)
        for char, count in table.written.items()
        if count >= _FEWEST_WRITTEN
    }
    rates = sorted(
        ((missed[char] / table.written[char], char) for char in missed if missed[char]),
        reverse=True,
    )
    cells = "".join(
        f"<tr><td>{_character(char)}</td><td>{table.written[char]:,}</td><td>{missed[char]:,}</td>"
        f"<td>{_percent(rate)}</td></tr>"
        for rate, char in rates[:_MOST_CHARACTERS]
    )
    return (
        f"<table><tr><th>hardest</th><th>written</th><th>missed</th><th>%</th></tr>{cells}</table>"
    )


def _lines_section(title: str, note: str, lines: Sequence[ReportedLine], shown: str) -> str:
    legend = (
        "Above: the ink, and under it each character that was read where the recogniser looked most"
        " for it, in the colour of that ink; a grey bar where it looked at more. Below: what was"
        f' written and what was read; <span class="wrong">wrong</span>,'
        f' <span class="gap">{_GAP}</span> nothing in this place,'
        f" {_shaded('shaded', 0.4)} the darker, the less sure the recogniser was."
    )
    cards = "".join(_card(line, shown) for line in lines) or "<p>None.</p>"
    return f"<h2>{title}</h2><p>{note} {legend}</p>{cards}"


def _card(line: ReportedLine, shown: str) -> str:
    counts = line_errors(line.reference, line.reading)
    writer = f", writer {_text(line.writer)}" if line.writer else ""
    reference, reading = _aligned(line)
    rows = [("written", reference), (shown if line.others else "read", reading)]
    rows += [
        (name, _marked(line.reference, other))
        for name, other in line.others.items()
        if other != line.reading
    ]
    texts = "".join(f"<tr><th>{_text(name)}</th><td>{text}</td></tr>" for name, text in rows)
    return (
        f'<div class="line"><div class="head"><span>{_text(line.source_id)}{writer}</span>'
        f"<span>{counts.character_errors} of {counts.characters} characters in error, CER"
        f" {_percent(counts.cer)} %</span></div>{sheet_svg(line.picture)}"
        f'<table class="texts">{texts}</table></div>'
    )


def _aligned(line: ReportedLine) -> tuple[str, str]:
    """Reference and reading with gaps, so that what belongs together stands in one column."""
    above, below, at = [], [], 0
    for edit in align(line.reference, line.reading):
        confidences = line.confidences[at : at + len(edit.reading)]
        at += len(edit.reading)
        above.append(_reference_part(edit))
        marks = "" if edit.kind == "equal" else "wrong"
        below += [
            _shaded(char, confidence, marks)
            for char, confidence in zip(edit.reading, confidences, strict=True)
        ]
        below.append(_gaps(len(edit.reference) - len(edit.reading)))
    return "".join(above), "".join(below)


def _reference_part(edit: Edit) -> str:
    words = _text(edit.reference)
    if edit.kind != "equal" and words:
        words = f'<span class="missed">{words}</span>'
    return words + _gaps(len(edit.reading) - len(edit.reference))


def _marked(reference: str, reading: str) -> str:
    """A reading with its errors marked, without shades."""
    return "".join(
        _text(edit.reading)
        if edit.kind == "equal"
        else f'<span class="wrong">{_text(edit.reading)}</span>'
        + _gaps(len(edit.reference) - len(edit.reading))
        for edit in align(reference, reading)
    )


def _gaps(number: int) -> str:
    return f'<span class="gap">{_GAP * number}</span>' if number > 0 else ""


def _shaded(text: str, confidence: float, marks: str = "") -> str:
    """Text on a background that is the darker the less confident it was read."""
    doubt = min(max(1 - confidence, 0.0), 1.0)
    shade = f' style="background:rgba(247,144,9,{0.75 * doubt:.2f})"' if doubt >= 0.05 else ""
    kind = f' class="{marks}"' if marks else ""
    if not (shade or kind):
        return _text(text)
    return f'<span{kind}{shade} title="confidence {confidence:.2f}">{_text(text)}</span>'


def _character(char: str) -> str:
    return f"<code>{_text(char.replace(' ', SPACE))}</code>" if char else "nothing"


def _text(words: Any) -> str:
    return html.escape(terminal_text(str(words)))


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"
