"""Work and memory of every reader of ink grow with the file: at most a constant for each byte."""

import gzip
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from line_count import lines_run
from lz_packing import lz_packed
from sample_files import SAMPLES, field, uim_file

from handwriting.errors import DataError
from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.registry import READ_SUFFIXES

# For each byte of a file; the most is taken by one-letter steps of an SVG path, each an object of
# the library that reads them.
MOST_MEMORY = 400
# Lines of Python.
MOST_WORK = 400
ALWAYS = 300_000
# The same of packed files.
MOST_OF_PACKED, ALWAYS_OF_PACKED = 100, 2_000_000
FEW, MANY = 300, 1200


def array_of_lines(number: int) -> bytes:
    lines = np.empty(number, dtype=object)
    lines[:] = [np.zeros((2, 3)) + [0, 0, 1] for _ in range(number)]
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + b"\x76\x00" + header.encode() + pickle.dumps(lines)


def xml(root: str, inside: str, number: int, tail: str = "") -> bytes:
    return f"<{root}>{inside * number}{tail}</{root}>".encode()


LINE = '<traceGroup><annotation type="truth">a</annotation><trace>1 2,3 4</trace></traceGroup>'
GROUP = '<g id="ink"><g><title>a</title><path d="M0 0L1 1"/></g></g>'
DOCUMENTS: dict[str, Callable[[int], bytes]] = {
    "nothing.svg": lambda n: xml("svg", "<a/>", n),
    "dots.svg": lambda n: xml("svg", "<circle/>", n),
    "lines.svg": lambda n: xml("svg", '<line x2="1"/>', n),
    "pages.svg": lambda n: xml("svg", GROUP, n),
    "steps.svg": lambda n: xml("svg", "", n, f'<path d="M0 0h{" 1" * n}"/>'),
    "moves.svg": lambda n: xml("svg", "", n, f'<path d="M0 0{"m1 1" * n}h1"/>'),
    "closes.svg": lambda n: xml("svg", "", n, f'<path d="M0 0h1{"z" * n}"/>'),
    "loops.svg": lambda n: xml("svg", "", n, f'<path d="M0 0{"h1z" * n}"/>'),
    "curves.svg": lambda n: xml("svg", "", n, f'<path d="M0 0{"c0 9 9 9 9-9" * n}"/>'),
    "arcs.svg": lambda n: xml("svg", "", n, f'<path d="M0 0{"a1 1 0 1 0 1 1" * n}"/>'),
    "turns.svg": lambda n: xml("svg", "", n, f'<g transform="{"rotate(1)" * n}"/>'),
    "nothing.inkml": lambda n: xml("ink", "<a/>", n),
    "lines.inkml": lambda n: xml("ink", LINE, n),
    "traces.inkml": lambda n: xml("ink", "<trace>1 2</trace>", n),
    "loose.inkml": lambda n: xml("ink", "<trace>1 2</trace>", n, LINE),
    "empty.inkml": lambda n: xml("ink", "<trace/>", n),
    "contexts.inkml": lambda n: xml("ink", '<context contextRef="#a" id="a"/>', n),
    "points.inkml": lambda n: xml("ink", "", n, f"<trace>{'1 2,' * n}3 4</trace>"),
    "repeats.inkml": lambda n: xml("ink", "", n, f"<trace>1 2,'1'1{',**' * n}</trace>"),
    "exact.inkml": lambda n: xml("ink", "", n, f"<trace>{'1 2,' * n}{'1' * 30} 4</trace>"),
    "lists.json": lambda n: b"[" + b"[]," * n + b"[0,0,0]]",
    "rows.json": lambda n: b"[" + b"[0,0,1]," * n + b"[1,0,0]]",
    "deep.json": lambda n: b"[" * n + b"]" * n,
    "pages.json": lambda n: (
        b'{"pages":[{"lines":[%s]}]}' % b",".join([b'{"strokes":[[[1,2],[3,4]]],"text":""}'] * n)
    ),
    "ink.dat": lambda n: b".COORD X Y\n" + b".PEN_DOWN\n1 2\n" * n,
    "keywords.dat": lambda n: b".A\n" * n,
    "lines.npy": array_of_lines,
    "groups.inkml": lambda n: xml(
        "ink",
        "",
        n,
        '<traceGroup><annotation type="truth">a'
        f"</annotation>{'<trace>1 2,3 4</trace>' * n}</traceGroup>",
    ),
    "views.inkml": lambda n: xml(
        "ink", '<traceView traceDataRef="#v"/>', n, '<trace id="v">1 2,3 4</trace>'
    ),
    "turned.inkml": lambda n: xml("ink", '<annotation type="rotation">180</annotation>', n, LINE),
    "canvas.json": lambda n: b'[{"points":[%s]}]' % b",".join([b'{"x":1,"y":2}'] * n),
    "lists.excalidraw": lambda n: b'{"elements":[%s]}' % b",".join([b'{"type":"freedraw"}'] * n),
    "points.excalidraw": lambda n: (
        b'{"elements":[{"type":"freedraw","points":[%s]}]}' % b",".join([b"[1,2]"] * n)
    ),
    "records.tldr": lambda n: (
        b'{"records":[%s]}' % b",".join([b'{"typeName":"shape","type":"draw"}'] * n)
    ),
    "fences.md": lambda n: b"```json\n{}\n" * n,
    "points.csv": lambda n: b"x,y\n" + b"1,2\n" * n,
    "empty.csv": lambda n: b"x,y\n" + b",\n" * n,
    "points.tsv": lambda n: b"x\ty\n" + b"1\t2\n" * n,
    "layers.xopp": lambda n: xml("xournal", xopp_page(""), n),
    "strokes.xopp": lambda n: xml("xournal", "", n, xopp_page("<stroke>1 2 3 4</stroke>" * n)),
    "points.xoj": lambda n: xml("xournal", "", n, xopp_page(f"<stroke>{'1 2 ' * n}</stroke>")),
    "fields.uim": lambda n: uim_file({b"INKD": b"\x0a\x00" * n}),
    "points.uim": lambda n: uim_file({b"INKD": field(1, field(5, field(1, b"\0" * n * 4)))}),
    "tree.uim": lambda n: uim_file({b"INKS": field(3, field(2, field(2, b"a" * 16)) * n)}),
    "noise.rm": lambda n: b"reMarkable .lines file, version=6          " + b"\0" * 8 * n,
    "strokes.rm": lambda n: sample_of_dots(".rm", n),
    "strokes.rnote": lambda n: sample_of_dots(".rnote", n),
}
# Packed: what is in them is far larger.
BOMBS: dict[str, Callable[[int], bytes]] = {
    "elements.xopp": lambda n: gzip.compress(xml("xournal", "<a/>", 500 * n)),
    "numbers.xoj": lambda n: gzip.compress(xml("a", "", n, "1 " * 2000 * n)),
    "lists.rnote": lambda n: gzip.compress(b"[" + b"[]," * 500 * n + b"0]"),
    "objects.rnote": lambda n: gzip.compress(b"[" + b'{"a":1},' * 300 * n + b"0]"),
    "texts.md": lambda n: packed_drawing("[" + "[]," * 300 * n + "0]"),
}


def xopp_page(inside: str) -> str:
    return f'<page width="1" height="1"><layer>{inside}</layer></page>'


def sample_of_dots(suffix: str, number: int) -> bytes:
    return SAMPLES[suffix]([np.array([[float(n), float(n % 7)]]) for n in range(number)])


def packed_drawing(text: str) -> bytes:
    """A note with a text of few characters packed as lz-string does, each as it stands."""
    return f"```compressed-json\n{lz_packed(text)}\n```".encode()


@pytest.fixture(params=DOCUMENTS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def read(path: Path) -> None:
    try:
        ink_in_file(path)
    except DataError as error:
        assert str(error).isprintable() and len(str(error)) < 400


def test_every_format_is_here() -> None:
    assert {Path(name).suffix for name in DOCUMENTS} == set(READ_SUFFIXES)


def test_memory_is_in_proportion_to_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DOCUMENTS[name](MANY))
    read(path)
    tracemalloc.start()
    read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= MOST_MEMORY * path.stat().st_size + ALWAYS


@pytest.mark.parametrize("name", BOMBS)
def test_what_packed_files_unpack_to_is_bounded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name](MANY))
    with pytest.raises(DataError, match="more than (50|100) times|far larger"):
        ink_in_file(path)
    tracemalloc.start()
    read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= MOST_OF_PACKED * path.stat().st_size + ALWAYS_OF_PACKED


def test_work_is_in_proportion_to_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DOCUMENTS[name](FEW))
    read(path)  # what is imported at the first use
    few = lines_run(lambda: read(path))
    path.write_bytes(DOCUMENTS[name](MANY))
    many = lines_run(lambda: read(path))
    assert many <= 1.2 * MANY / FEW * few + 2000
    assert many <= MOST_WORK * path.stat().st_size + 10_000
