"""Work and memory of every reader of ink grow with the file: at most a constant for each byte."""

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from line_count import lines_run

from handwriting.errors import DataError
from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.registry import READ_SUFFIXES

# For each byte of a file; the most is taken by one-letter steps of an SVG path, each an object of
# the library that reads them.
MOST_MEMORY = 400
# Lines of Python.
MOST_WORK = 400
ALWAYS = 300_000
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
}


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


def test_work_is_in_proportion_to_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DOCUMENTS[name](FEW))
    read(path)  # what is imported at the first use
    few = lines_run(lambda: read(path))
    path.write_bytes(DOCUMENTS[name](MANY))
    many = lines_run(lambda: read(path))
    assert many <= 1.2 * MANY / FEW * few + 2000
    assert many <= MOST_WORK * path.stat().st_size + 10_000
