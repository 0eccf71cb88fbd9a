"""Pictures of what was read: each line of ink under its text, and where the model looked."""

from collections.abc import Sequence
from pathlib import Path

from handwriting.ink.page_layout import LineInk
from handwriting.readings.document_reader import LineResult
from reading.line_reader import LineReader
from utils.figures.attention import ReadLine, attention_sheet
from utils.figures.sheet import Ink, Row, Sheet, contact_sheet
from utils.figures.sheet_files import save_sheet

_MOST_PICTURED = 100


def draw_reading(
    lines: Sequence[tuple[LineInk, LineResult]], reader: LineReader, folder: Path
) -> None:
    """Draw the first lines to ``reading`` and ``attention``, as PNG and SVG."""
    read = [pair for pair in lines if pair[1].line is not None][:_MOST_PICTURED]
    save_sheet(reading_sheet(read), folder / "reading")
    looked = [_looked(ink, result, reader) for ink, result in read]
    save_sheet(attention_sheet(looked), folder / "attention")


def reading_sheet(lines: Sequence[tuple[LineInk, LineResult]]) -> Sheet:
    """Lines of ink, each under what was read."""
    return contact_sheet([Row(_title(result), [Ink(ink.strokes)]) for ink, result in lines])


def _looked(ink: LineInk, result: LineResult, reader: LineReader) -> ReadLine:
    reading = result.reading
    if reading is None:
        raise ValueError("a line that was not read has no attention")
    return ReadLine(
        ink.strokes,
        reading.text,
        reading.attention,
        reader.positions(ink.strokes),
        (_title(result),),
    )


def _title(result: LineResult) -> str:
    if result.line is None or not result.line.text:
        return "(nothing read)"
    sure = result.line.confidence
    return result.line.text if sure is None else f"{result.line.text}   ({sure:.0%} sure)"
