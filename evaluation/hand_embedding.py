"""An embedding of hands: lines by one writer lie near each other in it, whatever they say.

What a hand does with the pen is counted: which ways it goes, and which after which (the hinge of
Bulacu and Schomaker, IEEE TPAMI 29(4), 2007, section 3, taken along the pen's own path), how it
turns, how long its strokes are, where the pen goes above the paper, and the measures of
``style_similarity``. Linear discriminant analysis, on
lines whose writers are known, finds the directions in which writers differ most for what one
writer's lines differ by.

Shapes: ``T`` pen steps, ``N`` lines, ``F`` features, ``D`` dimensions of the embedding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.style_similarity import measure_style
from handwriting.ink.levelling import levelled
from handwriting.ink.line import Line
from handwriting.ink.measures import x_height
from handwriting.ink.resampling import evenly_inked

FEWEST_LINES = 3
"""Of a writer, to learn from or to compare with."""

MOST_LINES = 60
"""Of a writer, to learn from or to compare with."""

FEWEST_WRITERS = 10
"""To learn from."""

WRITERS = 50
"""To tell apart."""

_PIECE = 0.25  # of ink that has one direction, in x-heights
_WAYS = 8  # of pairs of directions
_FINE_WAYS = 16
_LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of strokes, in x-heights
_LONGEST = 5000.0  # way of a line's pen, in x-heights; ink without height has none
_SHRINKAGE = 0.1  # of the spread within writers towards a round one
_DIMENSIONS = 48


@dataclass(frozen=True)
class HandEmbedding:
    """A linear map from the features of a line's ink.

    Attributes:
        middle: ``[F]``, what is taken off the features.
        directions: ``[F, D]``.
    """

    middle: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "HandEmbedding | None":
        """Learn from lines of writers that are known, the first ``MOST_LINES`` of each; None where
        fewer than ``FEWEST_WRITERS`` have ``FEWEST_LINES``."""
        of_writer: dict[str, list[np.ndarray]] = {}
        for line in lines:
            rows = of_writer.setdefault(line.writer, [])
            if line.writer and len(rows) < MOST_LINES:
                rows.append(hand_features(line.strokes, line.text))
        groups = [np.array(rows) for rows in of_writer.values() if len(rows) >= FEWEST_LINES]
        if len(groups) < FEWEST_WRITERS:
            return None
        return cls(*_discriminants(groups))

    def embed(self, lines: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
        """Return the places ``[N, D]`` of lines, each strokes ``[T, 3]`` and what they say."""
        features = np.array([hand_features(strokes, text) for strokes, text in lines])
        places: np.ndarray = (features - self.middle) @ self.directions
        return places


@dataclass(frozen=True)
class KnownHands:
    """Lines of writers that were not learned from, to tell whose hand a line is in.

    Attributes:
        embedding: of hands.
        writers: of the lines, at most ``WRITERS`` different ones with ``FEWEST_LINES`` each.
        ids: ``source_id`` of the lines.
        places: ``[N, D]``, of the lines.
    """

    embedding: HandEmbedding
    writers: tuple[str, ...]
    ids: tuple[str, ...]
    places: np.ndarray

    @classmethod
    def of(
        cls, embedding: HandEmbedding, lines: Sequence[Line], asked: Sequence[Line], seed: int
    ) -> "KnownHands | None":
        """Choose writers, of those of ``asked``, by a seed; None where fewer than two have lines
        enough among ``lines``."""
        of_writer: dict[str, list[Line]] = {}
        for line in lines:
            of_writer.setdefault(line.writer, []).append(line)
        wanted = sorted({line.writer for line in asked if line.writer})
        # Two lines of each are left out below.
        wanted = [each for each in wanted if len(of_writer.get(each, ())) >= FEWEST_LINES + 2]
        chosen = np.random.default_rng(seed).permutation(wanted)[:WRITERS].tolist()
        found = [line for writer in chosen for line in of_writer[writer][:MOST_LINES]]
        if len(chosen) < 2:
            return None
        places = embedding.embed([(line.strokes, line.text) for line in found])
        writers = tuple(line.writer for line in found)
        return cls(embedding, writers, tuple(line.source_id for line in found), places)

    def retrieval(
        self,
        styles: Sequence[Line],
        texts: Sequence[Line],
        written: Sequence[tuple[np.ndarray, str]],
    ) -> dict[str, Any]:
        """Return how often a line in a writer's hand is nearest to that writer's other lines, by
        the middle of each writer's.

        Args:
            styles: the line in whose hand each was written; left out of the writer's lines.
            texts: the line that has the same text, left out as well.
            written: what came out, or the lines ``texts`` themselves for a yardstick; strokes
                ``[T, 3]`` and what they say.

        Returns:
            ``retrieval``: the share; None where no line is by one of the writers. ``hands``: how
            many writers there were to choose from; ``in_hands``: how many lines.
        """
        names = sorted(set(self.writers))
        at = [at for at, style in enumerate(styles) if style.writer in names]
        if not at:
            return {"retrieval": None, "hands": len(names), "in_hands": 0}
        writers, ids = np.array(self.writers), np.array(self.ids)
        right = 0
        places = self.embedding.embed([written[each] for each in at])
        for place, each in zip(places, at, strict=True):
            kept = ~np.isin(ids, [styles[each].source_id, texts[each].source_id])
            middles = [self.places[kept & (writers == name)].mean(axis=0) for name in names]
            nearest = int(np.linalg.norm(np.array(middles) - place, axis=1).argmin())
            right += names[nearest] == styles[each].writer
        return {"retrieval": right / len(at), "hands": len(names), "in_hands": len(at)}


def hand_features(strokes: np.ndarray, text: str) -> np.ndarray:
    """Return features ``[F]`` of a line of ink, which do not depend on its size and place.

    Args:
        strokes: ``[T, 3]`` as in ``Line.strokes``.
        text: what they say.
    """
    points = np.cumsum(strokes[:, 1:].astype(np.float64), axis=0)
    level = levelled(points, strokes[:-1, 0] < 0.5)
    parts = np.split(level, np.flatnonzero(strokes[:-1, 0] > 0.5) + 1)
    height = max(x_height(parts, text), sum(map(_length, parts)) / _LONGEST, 1e-9)
    parts = [part / height for part in parts]
    moves = [_moves(part) for part in parts]
    ways = [np.arctan2(move[:, 1], move[:, 0]) for move in moves]
    turns = [np.angle(np.exp(1j * np.diff(way))) for way in ways]
    pairs = [(_bins(way[:-1], _WAYS), _bins(way[1:], _WAYS)) for way in ways]
    lifts = zip(parts, parts[1:], strict=False)
    above = np.array([after[0] - before[-1] for before, after in lifts]).reshape(-1, 2)
    style = np.array(measure_style(strokes, text)[1:])
    return np.concatenate([
        _shares(np.concatenate([_bins(way, _FINE_WAYS) for way in ways]), _FINE_WAYS),
        _shares(np.concatenate([one * _WAYS + next_ for one, next_ in pairs]), _WAYS * _WAYS),
        _shares(np.concatenate([_bins(turn, _FINE_WAYS) for turn in turns]), _FINE_WAYS),
        _shares(np.digitize([_length(part) for part in parts], _LENGTHS), len(_LENGTHS) + 1),
        _shares(_bins(np.arctan2(above[:, 1], above[:, 0]), _WAYS), _WAYS),
        np.nan_to_num(style),
    ])  # fmt: skip


def _moves(part: np.ndarray) -> np.ndarray:
    """From each piece of a stroke's ink ``[n, 2]`` to the next."""
    moves: np.ndarray = np.diff(evenly_inked(part, _PIECE), axis=0)
    return moves


def _length(part: np.ndarray) -> float:
    return float(np.hypot(*np.diff(part, axis=0).T).sum())


def _bins(angles: np.ndarray, number: int) -> np.ndarray:
    """The part of the circle that each angle lies in; the first one is about 0."""
    parts: np.ndarray = np.floor(angles / (2 * np.pi) * number + 0.5).astype(int) % number
    return parts


def _shares(bins: np.ndarray, number: int) -> np.ndarray:
    """Square roots of the bins' shares, in which rare and frequent ones are equally sure."""
    counts = np.bincount(bins, minlength=number).astype(np.float64)
    shares: np.ndarray = np.sqrt(counts / max(counts.sum(), 1.0))
    return shares


def _discriminants(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's linear discriminants of groups of rows ``[n, F]``, in which rows of one group have a
    spread of 1 each way: the middle ``[F]`` and the directions ``[F, D]``."""
    means = np.array([rows.mean(axis=0) for rows in groups])
    middle = means.mean(axis=0)
    inner = np.concatenate([rows - mean for rows, mean in zip(groups, means, strict=True)])
    scale = np.maximum(inner.std(axis=0), 1e-6)
    within = np.cov(inner / scale, rowvar=False)
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    whiten = vectors / np.sqrt(values)
    between = np.cov((means - middle) / scale @ whiten, rowvar=False)
    _, axes = np.linalg.eigh(between)
    chosen = axes[:, ::-1][:, : min(_DIMENSIONS, len(groups) - 1)]
    return middle, (whiten @ chosen) / scale[:, None]
