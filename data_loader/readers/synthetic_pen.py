"""The pen of a synthetic writer: letters of a line, and the movement along them.

A line is made in x-heights, y upwards, and rounded to whole units at the end. Only sums, products,
quotients and square roots are used, which are the same on every machine. Shapes: ``N`` points of
all strokes of a line before the pen's timing, ``P`` pieces of letters, ``T`` pen steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_loader.readers.synthetic_random import Draws
from handwriting.ink.glyphs import Glyph, load_style

_NUM_CODES = 128  # characters are ASCII
_JOIN_HEIGHT = 5.0 / 9.0
_SPACING = 0.06  # x-heights between the points of the dense curve
_CURVATURE_SLOWING = 1.2  # x-heights; speed is 1 / sqrt(1 + curvature * this)
_LEAST_SPEED = 0.2  # at the very end of a stroke
_STOPPING = 0.25  # x-heights from a stroke's end over which the pen slows down
_LONGEST_PEN_LIFT = 450.0  # units; cleaning takes longer ones for sensor spikes
# Of a letter's shape: width, height, shear, rotation, two bends, shift in x, shift in y.
_WRITER_SHAPE = np.array([0.07, 0.05, 0.04, 0.02, 0.05, 0.03, 0.0, 0.02])
_LETTER_SHAPE = np.array([0.05, 0.045, 0.035, 0.015, 0.03, 0.02, 0.02, 0.025])
_MAIN_STYLES = ("script", "script_print_capitals")


@dataclass(frozen=True)
class Writer:
    """A synthetic person's hand. Lengths are in x-heights.

    Attributes:
        style: the letter shapes, a name of ``load_style``.
        size: units to the x-height.
        slant: dx/dy of the stems.
        width: scale of all widths.
        ascender: scale of what is above the x-height.
        descender: scale of what is below the baseline.
        letter_spacing: added between letters.
        word_spacing: between words.
        slope: dy/dx of the baseline.
        drift: how far the baseline wanders.
        swelling: relative change of size along the line.
        neatness: scale of each letter's own variation, 1 the usual.
        tremor: how far the pen is off its course, smoothly.
        rounding: passes of smoothing.
        joining: share of the possible joins that are made.
        retraces: whether round letters are joined too, by writing their top twice.
        patience: letters written before the pen goes back for a dot or bar.
        dot: length of a dot.
        shapes: ``[_NUM_CODES, 8]``, this writer's variation of each character.
    """

    style: str
    size: float
    slant: float
    width: float
    ascender: float
    descender: float
    letter_spacing: float
    word_spacing: float
    slope: float
    drift: float
    swelling: float
    neatness: float
    tremor: float
    rounding: int
    joining: float
    retraces: bool
    patience: int
    dot: float
    shapes: np.ndarray


def draw_writer(draws: Draws, print_share: float) -> Writer:
    """A writer; with probability ``print_share`` one who does not join letters."""
    is_print = draws.chance(print_share)
    style = _MAIN_STYLES[int(draws.chance(0.4))]
    tightness = 0.62 if is_print else 0.8
    return Writer(
        style="print" if is_print else style,
        size=(0.85 if is_print else 1.0) * draws.between(95.0, 125.0),
        slant=draws.between(-0.02, 0.2) if is_print else draws.between(0.05, 0.5),
        width=tightness * draws.between(0.85, 1.15),
        ascender=draws.between(0.7, 1.0),
        descender=draws.between(0.75, 1.05),
        letter_spacing=draws.between(0.0, 0.12),
        word_spacing=draws.between(0.75, 1.15),
        slope=draws.between(-0.015, 0.02),
        drift=draws.between(0.02, 0.12),
        swelling=draws.between(0.02, 0.08),
        neatness=draws.between(0.6, 1.3),
        tremor=draws.between(0.01, 0.035),
        rounding=draws.integer(5, 12),
        joining=draws.between(0.8, 1.0),
        retraces=draws.chance(0.5),
        patience=int(draws.chance(0.4)),
        dot=draws.between(0.0, 0.2),
        shapes=draws.spread(_NUM_CODES, 8) * _WRITER_SHAPE,
    )


def write_line(
    text: str, writer: Writer, draws: Draws, points_per_character: float
) -> list[np.ndarray]:
    """Write a line of text.

    Args:
        text: of the characters of the writer's style and spaces.
        writer: whose hand it is.
        draws: for everything that differs from line to line.
        points_per_character: pen points of the line by its characters, spaces included.

    Returns:
        The strokes in order, each float64 ``[n, 2]`` whole units, y upwards.
    """
    pieces = _pieces_of(text, writer, draws)
    points, starts = _place(pieces, text, writer, draws)
    points, starts = _resample_evenly(points, starts)
    points += writer.tremor * _smooth_noise(draws, len(points) * _SPACING * 1.5, len(points))
    points = _smooth(points, starts, writer.rounding)
    points = _bend_baseline(points, writer, draws)
    points, starts = _move_pen(points, starts, points_per_character * len(text))
    points = np.rint(_shorten_pen_lifts(points * writer.size, starts))
    return np.split(points, np.flatnonzero(starts)[1:])


@dataclass(frozen=True)
class _Piece:
    """A piece of a letter: points ``[n, 2]``, the letter's place in the text, whether the pen is
    lifted before it."""

    points: np.ndarray
    at: int
    lifted: bool


def _pieces_of(text: str, writer: Writer, draws: Draws) -> list[_Piece]:
    """All pieces of the line in the order of writing."""
    glyphs = load_style(writer.style)
    joins = draws.uniform(len(text)) < writer.joining
    dots = draws.uniform(len(text))
    pieces: list[_Piece] = []
    waiting: list[_Piece] = []
    before: Glyph | None = None
    for at, character in enumerate(text):
        glyph = glyphs.get(character)
        if waiting and (glyph is None or at - waiting[0].at > writer.patience):
            pieces += waiting
            waiting = []
            before = None
        if glyph is not None:
            may_join = bool(joins[at] and before is not None and before.exits)
            pieces += _letter_pieces(glyph, at, may_join, writer, dots[at])
            waiting += [
                _Piece(_drawn_dot(stroke, writer.dot * dots[at]), at, True)
                for stroke in glyph.late_strokes
            ]
        before = glyph
    return pieces + waiting


def _letter_pieces(
    glyph: Glyph, at: int, may_join: bool, writer: Writer, dot: float
) -> list[_Piece]:
    """The pieces of a letter but the late ones; ``may_join``: to the letter before."""
    first, *others = (_drawn_dot(stroke, writer.dot * dot) for stroke in glyph.strokes)
    is_joined = may_join and glyph.enters
    if may_join and writer.retraces and glyph.lead_in is not None:
        first, is_joined = np.concatenate([glyph.lead_in, first]), True
    return [_Piece(first, at, not is_joined)] + [_Piece(other, at, True) for other in others]


def _drawn_dot(stroke: np.ndarray, length: float) -> np.ndarray:
    """A dot as a short tick; other strokes as they are."""
    if len(stroke) > 1 or length < _SPACING:
        return stroke
    return np.concatenate([stroke, stroke + [0.3 * length, -length]])


def _place(
    pieces: list[_Piece], text: str, writer: Writer, draws: Draws
) -> tuple[np.ndarray, np.ndarray]:
    """Points ``[N, 2]`` of the pieces at their places on a straight baseline, in the writer's
    variation of each letter; and which of them start a stroke, ``[N]``."""
    lengths = np.array([len(piece.points) for piece in pieces])
    starts = np.zeros(int(lengths.sum()), dtype=bool)
    starts[(np.cumsum(lengths) - lengths)[[piece.lifted for piece in pieces]]] = True
    at = np.repeat([piece.at for piece in pieces], lengths)
    codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    shapes = writer.shapes[codes] + writer.neatness * _LETTER_SHAPE * draws.spread(len(text), 8)
    lefts, widths = _lefts(text, writer, draws, 1.0 + shapes[:, 0])
    x, y = _vary(np.concatenate([piece.points for piece in pieces]), shapes[at], widths[at])
    y = np.where(y > 1.0, 1.0 + (y - 1.0) * writer.ascender, y)
    y = np.where(y < 0.0, y * writer.descender, y)
    x = lefts[at] + x * writer.width + writer.slant * (y - _JOIN_HEIGHT)
    return np.stack([x, y], axis=1), starts


def _lefts(
    text: str, writer: Writer, draws: Draws, scales: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Left edge of each character, ``[len(text)]``, and its width before scaling."""
    glyphs = load_style(writer.style)
    is_space = np.array([character == " " for character in text])
    widths = np.array(
        [1.0 if space else glyphs[c].width for c, space in zip(text, is_space, strict=True)]
    )
    gaps = 0.15 * draws.spread(len(text))
    advances = np.where(
        is_space,
        writer.word_spacing * (1.0 + gaps),
        widths * scales * writer.width + writer.letter_spacing * (1.0 + gaps),
    )
    return np.cumsum(advances) - advances, widths


def _vary(
    points: np.ndarray, shapes: np.ndarray, widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """x and y, each ``[N]``, of points ``[N, 2]`` under the variations ``[N, 8]``."""
    width, height, shear, rotation, bend_x, bend_y, shift_x, shift_y = shapes.T
    x, y = points.T
    across = 2.0 * x / widths - 1.0
    up = y - 0.5
    varied_x = x * (1.0 + width) + shear * up + bend_x * (up * up - 0.25) + shift_x
    varied_y = y * (1.0 + height) + rotation * across + bend_y * (across * across - 1.0) + shift_y
    return varied_x, varied_y


def _resample_evenly(points: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same strokes with points about ``_SPACING`` apart."""
    steps = _step_lengths(points, starts)
    return _sample_strokes(points, starts, np.cumsum(steps), np.ceil, 1.0 / _SPACING)


def _step_lengths(points: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Distance of each point from the one before, ``[N]``; 0 where a stroke starts."""
    steps = np.zeros(len(points))
    steps[1:] = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1))
    steps[starts] = 0.0
    return steps


def _sample_strokes(
    points: np.ndarray,
    starts: np.ndarray,
    progress: np.ndarray,
    rounded: Callable[[np.ndarray], np.ndarray],
    rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Points at even distances of ``progress``, both ends of each stroke among them.

    Args:
        points: ``[N, 2]``.
        starts: ``[N]``, where a stroke starts.
        progress: ``[N]``, growing along the line, not growing where a stroke starts.
        rounded: how the number of steps of a stroke becomes whole.
        rate: steps by progress.

    Returns:
        Points and starts, as given.
    """
    first, last, stroke = _stroke_bounds(starts)
    extent = progress[last] - progress[first]
    # Kept to a grid, so that rounding is not decided by the last bit.
    counts = rounded(np.rint(extent * rate * 2.0**20) / 2.0**20).astype(np.int64)
    counts = np.where(extent > 0.0, np.maximum(counts, 1), 0)
    begins = np.cumsum(counts + 1) - (counts + 1)
    new_stroke = np.repeat(np.arange(len(first)), counts + 1)
    share = (np.arange(len(new_stroke)) - begins[new_stroke]) / np.maximum(counts, 1)[new_stroke]
    # A gap of 1 between strokes keeps the interpolation from running over from one to the next.
    at = progress[first][new_stroke] + share * extent[new_stroke] + new_stroke
    at = np.minimum(at, (progress[last] + np.arange(len(first)))[new_stroke])
    known = progress + stroke
    sampled = np.stack([np.interp(at, known, values) for values in points.T], axis=1)
    new_starts = np.zeros(len(sampled), dtype=bool)
    new_starts[begins] = True
    return sampled, new_starts


def _smooth_noise(draws: Draws, num_knots: float, size: int) -> np.ndarray:
    """``[size, 2]``: smooth noise of about unit size with ``num_knots`` independent values."""
    knots = draws.spread(int(num_knots) + 3, 2)
    at = np.arange(size) * ((len(knots) - 2) / max(size, 1))
    return _between_knots(knots, at)


def _between_knots(knots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values of knots ``[K, ...]`` at places ``at``, 0 <= at <= K - 2, without corners."""
    index = at.astype(np.int64)
    share = at - index
    share = (share * share * (3.0 - 2.0 * share)).reshape(-1, *[1] * (knots.ndim - 1))
    between: np.ndarray = knots[index] * (1.0 - share) + knots[index + 1] * share
    return between


def _smooth(points: np.ndarray, starts: np.ndarray, passes: int) -> np.ndarray:
    """Corners rounded; the ends of strokes stay where they are."""
    smoothed: np.ndarray = points.copy()
    weights = 0.25 * ~_is_end(starts)[1:-1]
    weights = weights.reshape(-1, *[1] * (points.ndim - 1))
    for _ in range(passes):
        smoothed[1:-1] += weights * _second_difference(smoothed)
    return smoothed


def _second_difference(values: np.ndarray) -> np.ndarray:
    second: np.ndarray = values[2:] - 2.0 * values[1:-1] + values[:-2]
    return second


def _is_end(starts: np.ndarray) -> np.ndarray:
    """``[N]``, true on the first and the last point of each stroke."""
    is_end: np.ndarray = starts | np.append(starts[1:], True)
    return is_end


def _bend_baseline(points: np.ndarray, writer: Writer, draws: Draws) -> np.ndarray:
    """Slope, drift and swelling along the line, which change over about six x-heights."""
    x, y = points.T
    left = x.min()
    knots = draws.spread(int((x.max() - left) / 6.0) + 3, 2)
    drift, swelling = _between_knots(knots, (x - left) / 6.0).T
    y = y * (1.0 + writer.swelling * swelling) + writer.drift * drift + writer.slope * x
    return np.stack([x, y], axis=1)


def _move_pen(
    points: np.ndarray, starts: np.ndarray, num_points: float
) -> tuple[np.ndarray, np.ndarray]:
    """The points where the pen is at even times: fast on straight parts, slow in bends and at the
    ends of strokes. About ``num_points`` of them."""
    steps = _step_lengths(points, starts)
    durations = steps / _speed(points, starts, steps)
    # Each stroke has one point more than steps, and is rounded.
    rate = max(num_points - starts.sum(), 1.0) / max(durations.sum(), 1e-9)
    return _sample_strokes(points, starts, np.cumsum(durations), np.rint, rate)


def _speed(points: np.ndarray, starts: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The pen's speed ``[N]`` on the way to each point, 1 on a long straight stroke."""
    turning = np.zeros_like(points)
    turning[1:-1] = _second_difference(points)
    turning[_is_end(starts)] = 0.0
    curvature = np.sqrt((turning**2).sum(axis=1)) / _SPACING**2
    along = np.cumsum(steps)
    first, last, stroke = _stroke_bounds(starts)
    to_end = np.minimum(along - along[first][stroke], along[last][stroke] - along)
    at_ends = (_LEAST_SPEED * _STOPPING + to_end) / (_STOPPING + to_end)
    return _smooth(at_ends / np.sqrt(1.0 + _CURVATURE_SLOWING * curvature), starts, 4)


def _stroke_bounds(starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last point of each stroke, and each point's stroke ``[N]``."""
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(starts)) - 1
    return first, last, np.cumsum(starts) - 1


def _shorten_pen_lifts(points: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Move ink nearer that follows too long a pen lift, in units."""
    offsets = np.diff(points, axis=0, prepend=points[:1])
    lengths = np.sqrt((offsets**2).sum(axis=1))
    too_long = starts & (lengths > _LONGEST_PEN_LIFT)
    if not too_long.any():
        return points
    offsets[too_long] *= (_LONGEST_PEN_LIFT / lengths[too_long])[:, None]
    moved: np.ndarray = points[0] + np.cumsum(offsets, axis=0)
    return moved
