"""Writes lines of handwriting in forms that other programs read, and the readers here read back.

Nothing is overwritten, and nothing half-written is left under the name asked for: files are
written under a temporary name beside it and renamed when they are whole.

Shapes: ``T`` pen steps.
"""

import re
from collections.abc import Iterable
from decimal import Decimal, localcontext
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from handwriting.errors import DataError
from handwriting.files import whole_file, whole_folder
from handwriting.formats.inkml_reader import EXACT
from handwriting.ink.line import Line
from handwriting.quoting import is_xml_text

STROKES_FILE = "strokes.npy"
SENTENCES_FILE = "sentences.txt"
_NOT_IN_NAMES = re.compile(r"[^\w.#+-]")


def write_strokes_npy(lines: Iterable[Line], folder: str | Path) -> int:
    """Write ``strokes.npy`` and ``sentences.txt`` into ``folder``, which is made if need be.

    The strokes are an object array of float32 ``[T, 3]``, y upwards, pickled by ``numpy.save``:
    ``numpy.load(..., allow_pickle=True)`` reads them. Writers, ids and splits have no place in this
    form. All lines are held in memory, 12 bytes a pen step.

    Returns:
        the number of lines written.

    Raises:
        DataError: when one of the files exists, or a text has a line break in it.
        UserError: when the folder cannot be made.
    """
    folder = Path(folder)
    for name in (STROKES_FILE, SENTENCES_FILE):
        _check_is_new(folder / name)
    strokes, texts = [], []
    for line in lines:
        if "\n" in line.text or line.text.endswith("\r"):
            raise DataError(
                f"{folder / SENTENCES_FILE}: cannot hold the text of line {line.source_id}, which"
                f" has a line break: {line.text!r}"
            )
        strokes.append(np.array(line.strokes, dtype=np.float32))
        texts.append(f"{line.text}\n")
    array = np.empty(len(strokes), dtype=object)
    for index, rows in enumerate(strokes):  # at once, NumPy would stack lines of equal length
        array[index] = rows
    # Last the strokes: sentences alone are recognised as half an export, strokes alone might not.
    with whole_file(folder / SENTENCES_FILE) as path:
        path.write_text("".join(texts), encoding="utf-8", newline="\n")
    with whole_file(folder / STROKES_FILE) as path:
        np.save(path, array, allow_pickle=True)
    return len(strokes)


def write_inkml(lines: Iterable[Line], folder: str | Path) -> int:
    """Write a new folder with one InkML file a line, named by the line's source id.

    Coordinates are absolute, x and y (downwards, as InkML has it), from the line's first point, in
    as many digits as it takes to give every offset exactly. Annotations hold the text
    (transcription), writer, split and source id. Lines are written as they come.

    Returns:
        the number of lines written.

    Raises:
        DataError: when the folder exists and is not empty, two ids give one file name, or a text
            has a character that XML cannot hold.
        UserError: when the folder cannot be made.
    """
    folder = Path(folder)
    if not folder.is_dir() or any(folder.iterdir()):
        _check_is_new(folder)
    count = 0
    with whole_folder(folder) as building:
        for line in lines:
            path = building / _file_name(line)
            if path.exists():
                raise DataError(f"{folder / path.name}: is the file of two lines, {line.source_id}")
            path.write_text(inkml_document(line), encoding="utf-8", newline="\n")
            count += 1
    return count


def inkml_document(line: Line) -> str:
    """One line of handwriting as an InkML document.

    Raises:
        DataError: when a text of it has a character that XML cannot hold.
    """
    annotations = {
        "transcription": line.text,
        "writer": line.writer,
        "split": line.split,
        "sourceId": line.source_id,
    }
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ink xmlns="http://www.w3.org/2003/InkML">',
        *(_annotation(kind, text, line) for kind, text in annotations.items() if text),
        '<context><traceFormat><channel name="X" type="decimal"/>'
        '<channel name="Y" type="decimal"/></traceFormat></context>',
        *_traces(line.strokes),
        "</ink>",
    ]
    return "\n".join(parts) + "\n"


def _file_name(line: Line) -> str:
    name = _NOT_IN_NAMES.sub("_", line.source_id).lstrip(".")  # a dot would hide the file
    return f"{name or 'line'}.inkml"


def _annotation(kind: str, text: str, line: Line) -> str:
    if not is_xml_text(text):
        raise DataError(
            f"line {line.source_id}: its {kind} has a character that XML cannot hold: {text!r}"
        )
    space = "" if text == " ".join(text.split()) else ' xml:space="preserve"'
    return f'<annotation type="{kind}"{space}>{escape(text, {chr(13): "&#13;"})}</annotation>'


def _traces(strokes: np.ndarray) -> list[str]:
    """A ``<trace>`` a stroke, from strokes ``[T, 3]``."""
    traces, points = [], []
    x = y = Decimal(0)
    with localcontext(EXACT):
        for end_of_stroke, dx, dy in strokes.tolist():
            x, y = x + Decimal(dx), y - Decimal(dy)
            points.append(f"{x:f} {y:f}")
            if end_of_stroke > 0.5:
                traces.append(f"<trace>{', '.join(points)}</trace>")
                points = []
    if points:
        traces.append(f"<trace>{', '.join(points)}</trace>")
    return traces


def _check_is_new(path: Path) -> None:
    if path.exists():
        raise DataError(f"{path}: exists and is not overwritten; choose another folder")
