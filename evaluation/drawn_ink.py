"""Drawings by code: ink that is no text, to tell text from.

There are two collections that have no code in common but the pen, one to learn from and one to test
with. Each kind of drawing is a function that returns strokes of about the size 1 to 6.

Shapes: ``n`` points of one stroke.
"""

from collections.abc import Callable, Sequence

import numpy as np

from handwriting.ink.line import strokes_from_points

Drawing = Callable[[np.random.Generator], list[np.ndarray]]

_STEP = 0.05


def drawn(collection: Sequence[Drawing], number: int, seed: int) -> list[np.ndarray]:
    """Return ``number`` drawings of each kind of a collection, each ``[T, 3]`` as in
    ``handwriting.ink.line.Line``."""
    random = np.random.default_rng(seed)
    return [_penned(make(random), random) for make in collection for _ in range(number)]


def _penned(strokes: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Strokes as a hand draws them: turned a little, stretched, bent and trembling."""
    angle = random.normal(0, 0.12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turn *= random.uniform(0.8, 1.25, size=(2, 1))
    bend = random.normal(0, 0.03, size=(2, 2))
    found = []
    for stroke in strokes:
        points = _even(stroke) @ turn
        wave = np.sin(points @ bend.T * 2 + random.uniform(0, 6, 2)) * 0.1
        tremble = np.cumsum(random.normal(0, 0.004, points.shape), axis=0)
        found.append(points + wave + tremble - tremble.mean(axis=0))
    return strokes_from_points([100 * stroke for stroke in found])


def _even(stroke: np.ndarray) -> np.ndarray:
    """A stroke's points at even distances."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    wanted = np.linspace(0.0, way[-1], max(int(way[-1] / _STEP), 2))
    return np.stack([np.interp(wanted, way, axis) for axis in stroke.T], axis=1)


def _line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float64)


def _text(text: str, font: str, left: float, bottom: float, height: float) -> list[np.ndarray]:
    """The strokes of a text, ``height`` high in capitals."""
    from HersheyFonts import HersheyFonts

    letters = HersheyFonts()
    letters.load_default_font(font)
    letters.normalize_rendering(1.0)
    strokes = [np.array(stroke, np.float64) for stroke in letters.strokes_for_text(text)]
    return [stroke * height + (left, bottom) for stroke in strokes if len(stroke)]


def _digits(random: np.random.Generator, most: int = 3) -> str:
    return "".join(random.choice(list("0123456789abxy"), random.integers(1, most + 1)))


# The first collection


def _scribble(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, random.uniform(4, 14) * np.pi, 400)
    x = np.sin(at * random.uniform(0.8, 1.2)) * random.uniform(0.5, 2) + at * random.uniform(0, 0.1)
    y = np.sin(at * random.uniform(0.6, 1.6) + random.uniform(0, 6)) * random.uniform(0.3, 1.2)
    return [np.stack([x, y], axis=1)]


def _arrow(random: np.random.Generator) -> list[np.ndarray]:
    length, head = random.uniform(1.5, 5), random.uniform(0.3, 0.8)
    angle = random.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shaft = _line((0, 0), (length, 0)) @ turn
    sides = [_line((length - head, side * head * 0.7), (length, 0)) @ turn for side in (1, -1)]
    return [shaft, *sides]


def _box(random: np.random.Generator) -> list[np.ndarray]:
    width, height = random.uniform(1, 5), random.uniform(0.8, 3)
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
    if random.random() < 0.5:
        return [_line(*corners)]
    return [_line(*pair) for pair in zip(corners[:-1], corners[1:], strict=True)]


def _circle(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, 2 * np.pi * random.uniform(0.95, 1.1), 80) + random.uniform(0, 6)
    size = random.uniform(0.8, 2.5)
    return [np.stack([np.cos(at) * size * random.uniform(0.7, 1.4), np.sin(at) * size], axis=1)]


def _graph(random: np.random.Generator) -> list[np.ndarray]:
    width, height = random.uniform(3, 6), random.uniform(2, 4)
    x = np.linspace(0.1, width - 0.2, 60)
    y = height * (0.5 + 0.35 * np.sin(x * random.uniform(0.5, 3) + random.uniform(0, 6)))
    axes = [_line((0, height), (0, 0)), _line((0, 0), (width, 0))]
    return [*axes, np.stack([x, y], axis=1)]


def _spiral(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, random.uniform(4, 10) * np.pi, 300)
    radius = at * random.uniform(0.04, 0.09)
    return [np.stack([np.cos(at) * radius, np.sin(at) * radius], axis=1)]


def _hatching(random: np.random.Generator) -> list[np.ndarray]:
    pitch, lean, height = random.uniform(0.15, 0.4), random.uniform(0.2, 1), random.uniform(1, 2)
    return [
        _line((at * pitch, 0), (at * pitch + lean, height * random.uniform(0.8, 1.1)))
        for at in range(random.integers(6, 16))
    ]


def _zigzag(random: np.random.Generator) -> list[np.ndarray]:
    number, height = int(random.integers(6, 20)), random.uniform(0.8, 2.5)
    x = np.arange(number) * random.uniform(0.1, 0.4)
    return [np.stack([x, np.where(np.arange(number) % 2, height, 0.0)], axis=1)]


def _star(random: np.random.Generator) -> list[np.ndarray]:
    tips = int(random.choice([5, 7]))
    at = np.pi / 2 + np.arange(tips + 1) * 2 * np.pi * (tips // 2) / tips
    return [np.stack([np.cos(at), np.sin(at)], axis=1) * random.uniform(0.8, 2.5)]


def _triangle(random: np.random.Generator) -> list[np.ndarray]:
    width, height = random.uniform(1.5, 4), random.uniform(1.2, 3)
    tip = width * random.uniform(0.2, 0.8)
    return [_line((0, 0), (width, 0), (tip, height), (0, 0))]


def _crossing(random: np.random.Generator) -> list[np.ndarray]:
    width, height = random.uniform(1.5, 5), random.uniform(1.2, 3)
    return [_line((0, 0), (width, height)), _line((0, height), (width, 0))]


def _fraction(random: np.random.Generator) -> list[np.ndarray]:
    top, bottom = _digits(random), _digits(random)
    width = 0.8 * max(len(top), len(bottom)) + 0.6
    return [
        *_text(top, "futural", 0.3, 0.4, 1.0),
        _line((0, 0), (width, random.normal(0, 0.05))),
        *_text(bottom, "futural", 0.3, -1.5, 1.0),
    ]


def _table(random: np.random.Generator) -> list[np.ndarray]:
    rows, columns = int(random.integers(2, 5)), int(random.integers(2, 5))
    width, height = columns * random.uniform(0.8, 1.5), rows * random.uniform(0.6, 1)
    across = [_line((0, y), (width, y)) for y in np.linspace(0, height, rows + 1)]
    down = [_line((x, height), (x, 0)) for x in np.linspace(0, width, columns + 1)]
    return [*across, *down]


LEARNT: tuple[Drawing, ...] = (
    _scribble, _arrow, _box, _circle, _graph, _spiral, _hatching, _zigzag, _star, _triangle,
    _crossing, _fraction, _table,
)  # fmt: skip


# The second collection


def _wandering(random: np.random.Generator) -> list[np.ndarray]:
    """A scribble that keeps its direction for a while."""
    turning = np.cumsum(random.normal(0, 0.12, 300)) * 0.12 + random.choice([-1, 1]) * 0.15
    heading = np.cumsum(turning)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * 0.12
    return [np.cumsum(steps, axis=0)]


def _curved_arrow(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, random.uniform(0.8, 2.2), 50)
    radius, turn = random.uniform(1.5, 3.5), random.uniform(0, 6)
    shaft = np.stack([np.cos(at + turn), np.sin(at + turn)], axis=1) * radius
    tip, along = shaft[-1], shaft[-1] - shaft[-6]
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]])
    head = np.stack([tip - 0.5 * along + 0.35 * across, tip, tip - 0.5 * along - 0.35 * across])
    return [shaft, head]


def _round_box(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, 2 * np.pi, 120)
    power = random.uniform(0.25, 0.5)
    x = np.sign(np.cos(at)) * np.abs(np.cos(at)) ** power * random.uniform(1.2, 3)
    y = np.sign(np.sin(at)) * np.abs(np.sin(at)) ** power * random.uniform(0.8, 1.8)
    return [np.stack([x, y], axis=1)]


def _loops(random: np.random.Generator) -> list[np.ndarray]:
    """One ellipse, gone round several times."""
    at = np.linspace(0, 2 * np.pi * random.uniform(3, 7), 400)
    drift = np.cumsum(random.normal(0, 0.01, (400, 2)), axis=0)
    return [np.stack([np.cos(at) * random.uniform(0.8, 2), np.sin(at)], axis=1) + drift]


def _bars(random: np.random.Generator) -> list[np.ndarray]:
    number = int(random.integers(3, 7))
    strokes = [_line((-0.2, 0), (number * 0.9, 0))]
    for at in range(number):
        height, left = random.uniform(0.5, 3), at * 0.9
        strokes.append(_line((left, 0), (left, height), (left + 0.6, height), (left + 0.6, 0)))
    return strokes


def _square_spiral(random: np.random.Generator) -> list[np.ndarray]:
    points, heading, length = [np.zeros(2)], 0, 0.3
    for _ in range(int(random.integers(8, 16))):
        step = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)][heading % 4]) * length
        points.append(points[-1] + step)
        heading, length = heading + 1, length + random.uniform(0.1, 0.25)
    return [np.array(points)]


def _cross_hatching(random: np.random.Generator) -> list[np.ndarray]:
    size, number = random.uniform(1.5, 3), int(random.integers(5, 10))
    at = np.linspace(0, size, number)
    one = [_line((0, a), (a, 0)) for a in at[1:]]
    other = [_line((size - a, 0), (size, a)) for a in at[1:]]
    return [*one, *other]


def _polygon(random: np.random.Generator) -> list[np.ndarray]:
    number = int(random.integers(5, 9))
    at = np.sort(random.uniform(0, 2 * np.pi, number))
    points = np.stack([np.cos(at), np.sin(at)], axis=1) * random.uniform(0.8, 2.5, (number, 1))
    return [np.concatenate([points, points[:1]])]


def _house(random: np.random.Generator) -> list[np.ndarray]:
    width, height = random.uniform(2, 4), random.uniform(1.2, 2.5)
    roof = height + random.uniform(0.6, 1.5)
    door = width * random.uniform(0.3, 0.6)
    return [
        _line((0, 0), (width, 0), (width, height), (0, height), (0, 0)),
        _line((0, height), (width / 2, roof), (width, height)),
        _line((door, 0), (door, height / 2), (door + 0.5, height / 2), (door + 0.5, 0)),
    ]


def _face(random: np.random.Generator) -> list[np.ndarray]:
    at = np.linspace(0, 2 * np.pi, 90)
    around = np.stack([np.cos(at), np.sin(at)], axis=1) * 1.6
    smile = np.linspace(np.pi * 1.15, np.pi * 1.85, 30)
    mouth = np.stack([np.cos(smile), np.sin(smile)], axis=1) * random.uniform(0.7, 1.1)
    eyes = [_line((x, 0.5), (x + 0.05, random.uniform(0.3, 0.45))) for x in (-0.6, 0.6)]
    return [around, *eyes, mouth]


def _flow(random: np.random.Generator) -> list[np.ndarray]:
    """Boxes with arrows from each to the next."""
    strokes: list[np.ndarray] = []
    for at in range(int(random.integers(2, 4))):
        left = at * 3.0
        strokes.append(_line((left, 0), (left + 2, 0), (left + 2, 1.2), (left, 1.2), (left, 0)))
        if at:
            strokes += [
                _line((left - 1, 0.6), (left, 0.6)),
                _line((left - 0.3, 0.8), (left, 0.6), (left - 0.3, 0.4)),
            ]
    return strokes


def _root(random: np.random.Generator) -> list[np.ndarray]:
    """A root of a fraction, with an exponent."""
    under, over = _digits(random, 2), _digits(random, 2)
    width = 0.9 * max(len(under), len(over)) + 1.2
    return [
        _line((0, 0.8), (0.3, 1.0), (0.7, -1.2), (1.1, 2.4), (1.1 + width, 2.4)),
        *_text(over, "scripts", 1.5, 0.8, 1.0),
        _line((1.3, 0.4), (1.0 + width, 0.4)),
        *_text(under, "scripts", 1.5, -1.2, 1.0),
        *_text(_digits(random, 1), "scripts", 1.3 + width, 2.6, 0.7),
    ]


def _tree(random: np.random.Generator) -> list[np.ndarray]:
    """Lines that fork downwards."""
    strokes: list[np.ndarray] = []
    level = [(0.0, 0.0)]
    for depth in range(3):
        below = []
        for x, y in level:
            for side in (-1, 1):
                end = (x + side * 2.0 / 2**depth, y - random.uniform(0.8, 1.2))
                strokes.append(_line((x, y), end))
                below.append(end)
        level = below
    return strokes


TESTED: tuple[Drawing, ...] = (
    _wandering, _curved_arrow, _round_box, _loops, _bars, _square_spiral, _cross_hatching, _polygon,
    _house, _face, _flow, _root, _tree,
)  # fmt: skip
