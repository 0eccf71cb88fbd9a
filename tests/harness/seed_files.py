"""Valid files to begin with: of every format of ink that can be read, from the table of formats.

A format that pages are written in is written by its own writer. Others are in ``SAMPLES`` of
``sample_files``, or in ``BY_HAND`` here, under their suffixes; without any, a test fails.
"""

import io
import json
import pickle
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from sample_files import SAMPLES, sample

from handwriting.formats.registry import (
    FORMATS,
    Format,
    document_writer_of,
    page_writer_of,
)
from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page, PageLine

SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99"><g transform="scale(2)">
<path d="M1 1L2 3l4-1 2 5H9V3h-2zM4 4c0 1 2 3 4 4S9 9 8 7Q1 2 3 4T5 5a2 3 10 1 0 4 4"/>
<polyline points="1,2 3,4 5,2"/><line x1="1" y1="2" x2="3" y2="9"/><circle cx="3" cy="4" r="1"/>
<g style="display:none"><path d="M0 0L9 9"/></g></g></svg>"""
INKML = b"""<ink xmlns="http://www.w3.org/2003/InkML"><definitions><traceFormat xml:id="f">
<channel name="X" type="integer"/><channel name="Y" type="decimal" orientation="-ve"/>
<intermittentChannels><channel name="F"/></intermittentChannels></traceFormat>
<context xml:id="c" traceFormatRef="#f"/></definitions><annotation type="writer">w1</annotation>
<traceGroup contextRef="#c"><annotation type="truth">on it</annotation>
<trace>10 20 1,'3'4,'2'-5,"1"1,* *,12 30 2</trace><trace>40 20,42 18.5,44 22</trace></traceGroup>
<traceGroup contextRef="#c"><trace>1 2,3 9,5 2</trace></traceGroup></ink>"""
UNIPEN = b""".VERSION 1.0
.DATA_SOURCE here
.COORD X Y T
.HIERARCHY PAGE TEXT WORD
.X_POINTS_PER_INCH 2540
.WRITER_ID w1
.SEGMENT TEXT 0-3 ? "on it"
.SEGMENT WORD 0-1 OK "on"
.SEGMENT WORD 2:0-3:2 ? "it"
.PEN_DOWN
1 2 0
3 9 10
5 2 20
.PEN_UP
6 3 30
.PEN_DOWN
8 2 40
9 8 50
11 3 60
.PEN_DOWN
13 2 70
14 9 80
16 2 90
"""
ROWS = [[0, 0, 0], [0, 1.5, 4], [1, 2, -4], [0, 3, 0.25], [1, 1, 3]]


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def lines_array() -> bytes:
    """``strokes.npy`` of three lines."""
    lines = np.empty(3, dtype=object)
    lines[:] = [np.array(ROWS[:count], np.float32) for count in (3, 5, 4)]
    return _npy(lines)


def _old_pickle() -> bytes:
    """The same as Python 2 wrote it: protocol 0, an array of float64."""
    lines = np.empty(1, dtype=object)
    lines[0] = np.array(ROWS, np.float64)
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + pickle.dumps(lines, protocol=0)


BY_HAND: dict[str, tuple[bytes, ...]] = {
    ".svg": (SVG,),
    ".inkml": (INKML,),
    ".dat": (UNIPEN,),
    ".json": (json.dumps(ROWS).encode(), json.dumps({"strokes": ROWS, "text": "on it"}).encode()),
    ".npy": (_npy(np.array(ROWS, np.float32)), lines_array(), _old_pickle()),
}


def ink_seeds() -> dict[str, list[bytes]]:
    """Valid files of each format that can be read, by suffix; an empty list where there is none.
    Left out is what an optional package reads that is not installed."""
    seeds: dict[str, list[bytes]] = {}
    for entry in FORMATS:
        for suffix in entry.suffixes if entry.reader else ():
            with suppress(ImportError):
                written = _written(entry) if suffix == entry.suffix else []
                sampled = [sample(suffix, 1)] if suffix in SAMPLES else []
                seeds[suffix] = [*written, *sampled, *BY_HAND.get(suffix, ())]
    return seeds


def _written(entry: Format) -> list[bytes]:
    """A page in a format that pages are written in."""
    page, options = _page(), WriteOptions()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"page{entry.suffix}"
        if write_page := page_writer_of(entry):
            write_page(page, path, options)
        elif write_document := document_writer_of(entry):
            write_document([page, page], path, options)
        else:
            return []
        return [path.read_bytes()]


def _page() -> Page:
    strokes = [np.array([[10.0, 20.0], [11.0, 17.5], [12.5, 20.0]]), np.array([[14.0, 19.0]])]
    lines = tuple(PageLine("on it", 20.0 + 10 * row, tuple(strokes)) for row in range(2))
    return Page(width=60.0, height=40.0, pen_width=0.4, rules=(20.0, 30.0), lines=lines)
