"""The order of strokes for a plotter, which need not be that of writing: the pen's way above the
paper is made short, line by line.

Shapes: ``S`` strokes of a line, ``n`` points of one stroke.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from handwriting.pages.page import Page, PageLine

_ROUNDS = 20
_MOST_STROKES = 400  # of a line that are put in order together; the way to each other is a table


def plotted_lines(page: Page, short_travel: bool) -> Iterator[PageLine]:
    """Yield the lines of a page for a plotter.

    Args:
        page: of writing.
        short_travel: order the strokes of each line, and turn them round, so that the pen travels
            less; every second line is drawn from its right to its left where that is nearer.
    """
    place = np.array([0.0, page.height])
    for line in page.lines:
        if short_travel and line.strokes:
            line = shortened(line, place)
            place = line.strokes[-1][-1]
        yield line


def shortened(line: PageLine, start: np.ndarray) -> PageLine:
    """Return the line with its strokes in an order, and in directions, that make the pen's way
    above the paper short; pen by pen.

    Args:
        line: of writing.
        start: ``[2]``, where the pen is.
    """
    pens = np.array(line.pens or (0,) * len(line.strokes))
    strokes: list[np.ndarray] = []
    order_of_pens: list[int] = []
    for pen in dict.fromkeys(pens.tolist()):
        own = [line.strokes[at] for at in np.flatnonzero(pens == pen)]
        for first in range(0, len(own), _MOST_STROKES):
            strokes += short_order(own[first : first + _MOST_STROKES], start)
            start = strokes[-1][-1]
        order_of_pens += [pen] * len(own)
    return replace(line, strokes=tuple(strokes), pens=tuple(order_of_pens) if line.pens else ())


def travel(strokes: Sequence[np.ndarray]) -> float:
    """Return the pen's way above the paper from each stroke to the next."""
    return float(
        sum(
            np.hypot(*(after[0] - before[-1]))
            for before, after in zip(strokes[:-1], strokes[1:], strict=True)
        )
    )


def short_order(strokes: Sequence[np.ndarray], start: np.ndarray) -> list[np.ndarray]:
    """Return the strokes ``[n, 2]`` in a short order: the nearest end first, and then improved by
    turning round runs of it as long as that helps (2-opt, Croes 1958)."""
    order, is_turned = _nearest_first(strokes, start)
    ends = np.array([[stroke[0], stroke[-1]] for stroke in strokes])  # [S, 2, 2]
    _improve(order, is_turned, ends, start)
    return [
        strokes[at][::-1] if turned else strokes[at]
        for at, turned in zip(order.tolist(), is_turned.tolist(), strict=True)
    ]


def _nearest_first(
    strokes: Sequence[np.ndarray], start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """An order ``[S]``, and whether each of its strokes is turned round: the nearest end first."""
    ends = np.array([[stroke[0], stroke[-1]] for stroke in strokes])
    is_left = np.ones(len(strokes), dtype=bool)
    order, is_turned, place = [], [], start
    for _ in strokes:
        ways = np.hypot(*(ends - place).transpose(2, 0, 1))  # [S, 2]
        ways[~is_left] = np.inf
        at, side = np.unravel_index(int(ways.argmin()), ways.shape)
        order.append(int(at))
        is_turned.append(bool(side))
        is_left[at] = False
        place = ends[at, 1 - side]
    return np.array(order), np.array(is_turned)


def _improve(order: np.ndarray, is_turned: np.ndarray, ends: np.ndarray, start: np.ndarray) -> None:
    """Turn round runs of the order, in place, as long as the way gets shorter."""
    number = len(order)
    for _ in range(_ROUNDS):
        has_improved = False
        for first in range(number):
            at = np.arange(number)
            firsts = ends[order, is_turned.astype(int)]
            lasts = ends[order, 1 - is_turned.astype(int)]
            before = start if first == 0 else lasts[first - 1]
            # The run from ``first`` to each later one, turned round: two ways change.
            others = at[first:]
            after = np.concatenate([firsts[first + 1 :], [[np.nan, np.nan]]])
            old = np.hypot(*(firsts[first] - before)) + _ways(lasts[others], after)
            new = _ways(lasts[others], np.broadcast_to(before, (len(others), 2)))
            new = new + _ways(np.broadcast_to(firsts[first], (len(others), 2)), after)
            best = int((old - new).argmax())
            if old[best] - new[best] > 1e-9:
                run = slice(first, first + best + 1)
                order[run] = order[run][::-1]
                is_turned[run] = ~is_turned[run][::-1]
                has_improved = True
        if not has_improved:
            break


def _ways(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances ``[S]``; 0 to a place that is not there."""
    ways: np.ndarray = np.nan_to_num(np.hypot(*(places - others).T))
    return ways
