"""Lines of a source, cleaned one after the other or by several processes, in the same order."""

from collections.abc import Iterable, Iterator
from itertools import islice

from data_loader.cleaning import Cleaned, Cleaning, clean
from handwriting.ink.line import Line
from handwriting.worker_processes import map_in_processes

_LINES = 256  # of a part that a process cleans

_Part = tuple[Cleaning, list[Line]]


def cleaned_lines(
    lines: Iterable[Line], cleaning: Cleaning, workers: int
) -> Iterator[tuple[str, Cleaned]]:
    """Yield each line's split and what cleaning made of the line, in the order of the lines.

    Args:
        lines: of a source; they are read in this process.
        cleaning: done to each.
        workers: processes that clean; with one, this process does.

    Raises:
        UserError: a process is ended by someone.
    """
    if workers == 1:
        for line in lines:
            yield line.split, clean(line, cleaning)
        return
    for part in map_in_processes(_clean_part, _parts(lines, cleaning), workers):
        yield from part


def _parts(lines: Iterable[Line], cleaning: Cleaning) -> Iterator[_Part]:
    rest = iter(lines)
    while part := list(islice(rest, _LINES)):
        yield cleaning, part


def _clean_part(part: _Part) -> list[tuple[str, Cleaned]]:
    cleaning, lines = part
    return [(line.split, clean(line, cleaning)) for line in lines]
