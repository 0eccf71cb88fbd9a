"""Lines and a reader that the tests of this folder make for themselves."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from base.base_reader import BaseReader
from data_loader.loader_settings import LoaderContext, LoaderSettings
from handwriting.ink.line import Line, strokes_from_points


def wavy_line(number: int, split: str = "trainset", points: int = 0, text: str = "") -> Line:
    """A line of a few wavy strokes, about 550 units high; the same for the same arguments."""
    rng = np.random.default_rng((7, number))
    points = points or int(rng.integers(20, 90))
    x = np.cumsum(rng.uniform(5, 40, points))
    y = 275 * np.sin(x / 90) + rng.normal(0, 5, points)
    cuts = sorted(rng.choice(np.arange(1, points), size=min(3, points - 1), replace=False))
    strokes = strokes_from_points(np.split(np.stack([x, y], axis=1), cuts))
    return Line(strokes, text or f"line {number}", f"writer{number % 5}", f"id-{number}", split)


def wavy_lines(count: int) -> list[Line]:
    """``count`` lines; of ten, six are for training, two for validation and two for testing."""
    splits = ["trainset"] * 6 + ["testset_v"] * 2 + ["testset_t"] * 2
    return [wavy_line(number, splits[number % 10]) for number in range(count)]


class ListReader(BaseReader):
    """Yields given lines, and counts how often it is read."""

    name = "list"

    def __init__(self, lines: list[Line], version: int = 1, fails_at: int | None = None) -> None:
        super().__init__()
        self.lines = lines
        self.version = version
        self.fails_at = fails_at
        self.times_read = 0

    def fingerprint(self) -> dict[str, Any]:
        return {"reader": self.name, "lines": len(self.lines), "version": self.version}

    def expected_lines(self) -> int:
        return len(self.lines)

    def read(self) -> Iterator[Line]:
        self.times_read += 1
        for number, line in enumerate(self.lines):
            if number == self.fails_at:
                raise RuntimeError("the reader broke")
            yield line


def loader_parts(**arguments: Any) -> dict[str, Any]:
    """Arguments of a data loader from the flat names that a config has."""
    parts: dict[str, Any] = {"settings": {}, "context": {}}
    for name, value in arguments.items():
        for part, kind in (("settings", LoaderSettings), ("context", LoaderContext)):
            if name in kind.__dataclass_fields__:
                parts[part][name] = value
                break
        else:
            parts[name] = value
    settings = LoaderSettings(**parts.pop("settings"))
    return {**parts, "settings": settings, "context": LoaderContext(**parts.pop("context"))}
