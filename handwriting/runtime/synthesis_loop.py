"""The loop that writes a batch of lines, one pen step after another, with NumPy; the counterpart of
``writing.synthesis_loop``.

Shapes: ``B`` lines at work, ``T`` pen steps, ``P`` pen steps of a prime, ``U`` characters with the
end of the text, ``M`` mixture components.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.drawing import MixtureBounds, draw_many, draw_one, log_prob
from handwriting.runtime.noise import pen_noise
from handwriting.runtime.stalls import StallControl
from handwriting.runtime.synthesis import SynthesisRequest, finished_line
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary

# Pen steps whose raw outputs are kept before their densities are computed.
_BLOCK = 64


class Steps(Protocol):
    """The pen steps of a batch of lines, whatever computes them; see ``PenSteps``."""

    phi: np.ndarray
    kappa: np.ndarray

    def step(self, pen: np.ndarray) -> np.ndarray: ...

    def keep(self, rows: np.ndarray) -> None: ...


StepsOfTexts = Callable[[Sequence[Sequence[int]]], Steps]
"""Makes the pen steps for texts, whose ends are among their indices."""


class _Lines(NamedTuple):
    """State of the lines at work, ``[B]`` each: the place in the batch, pen steps that are read
    before any is written, pen steps that are written at most, place of the end of the text."""

    place: np.ndarray
    read: np.ndarray
    step_limit: np.ndarray
    end: np.ndarray

    def keep(self, rows: np.ndarray) -> "_Lines":
        """The lines that stand in ``rows``."""
        return _Lines(*(values[rows] for values in self))


class SynthesisLoop:
    """One batch of lines, from the first pen step to the last. All lines step together; finished
    ones leave the batch, so that the others go faster.

    Args:
        about: of the writer, with its rules.
        pen_steps: makes the writer's pen steps for texts.
        requests: one a line.
    """

    def __init__(
        self,
        about: Mapping[str, Any],
        pen_steps: StepsOfTexts,
        requests: Sequence[SynthesisRequest],
    ) -> None:
        vocabulary = Vocabulary.from_symbols(about["symbols"])
        self._normalisation = Normalisation.from_dict(about["normalisation"])
        self._bounds = MixtureBounds(**about["mixture"])
        self._requests = requests
        texts = [request.joined_text for request in requests]
        self._steps = pen_steps([[*vocabulary.encode(text), vocabulary.eos] for text in texts])
        reads = [len(request.read) for request in requests]
        # Before this step no line writes, and nothing is drawn.
        self._first_step = min(reads) - 1
        limits = [request.step_limit for request in requests]
        ends = [len(text) for text in texts]
        self._lines = _Lines(*map(np.array, (range(len(texts)), reads, limits, ends)))
        self._first_limit = int((self._lines.read - 1 + self._lines.step_limit).min())
        biases = np.array([request.bias for request in requests], np.float32)
        self._stalls = StallControl(about, self._normalisation, biases)
        self._record = _Record(len(requests), self._bounds)
        self._at_limit = np.ones(len(requests), dtype=bool)

    def write(self) -> list[SynthesisedLine]:
        """The lines in their order."""
        heads, noise = self._heads(), self._noise()
        pen, step = heads[0], 0  # [B, 3]
        while True:
            lines = self._lines
            if 0 < step < len(heads):
                pen = np.where((step < lines.read)[:, None], heads[step, lines.place], pen)
            bias = self._stalls.after(pen, self._steps.phi)
            raw = self._steps.step(pen)
            pen_up = pen[:, 0] > 0.5
            # Most steps cannot end a line.
            if step >= self._first_limit or pen_up.any():
                rows = self._unfinished(step, pen_up)
                if rows is not None:
                    self._record.close(lines.place)
                    if not len(rows):
                        break
                    self._keep(rows)
                    noise, pen, bias, raw = noise[:, rows], pen[rows], bias[rows], raw[rows]
            if step >= self._first_step:
                pen = self._drawn(raw, bias, noise[step - self._first_step])
                self._record.add(self._lines.place, pen, raw, self._steps.phi)
            step += 1
        return [self._finished(place) for place in range(len(self._requests))]

    def _drawn(self, raw: np.ndarray, bias: np.ndarray, noise: np.ndarray) -> np.ndarray:
        if len(raw) > 1:
            return draw_many(raw, bias, noise, self._bounds)
        one = draw_one(raw[0].tolist(), float(bias[0]), noise[0].tolist(), self._bounds)
        return np.array([one], np.float32)

    def _unfinished(self, step: int, pen_up: np.ndarray) -> np.ndarray | None:
        """The rows of the lines that go on; None if all do."""
        lines = self._lines
        written = step + 1 - lines.read  # negative while a prime is read
        ended = has_ended(self._steps.phi, self._steps.kappa, lines.end, pen_up) & (written > 0)
        leaves = ended | (written >= lines.step_limit)
        if not leaves.any():
            return None
        self._at_limit[lines.place[ended]] = False
        return np.flatnonzero(~leaves)

    def _keep(self, rows: np.ndarray) -> None:
        self._steps.keep(rows)
        self._stalls.keep(rows)
        self._lines = self._lines.keep(rows)

    def _heads(self) -> np.ndarray:
        """Return the ink that each line reads, normalised and padded: ``[P, B, 3]``."""
        heads = [self._normalisation.normalise(request.read) for request in self._requests]
        return _padded(heads)

    def _noise(self) -> np.ndarray:
        """``[T, B, 4]``, each line's own noise from the step at which it begins to write."""
        noises = []
        for request in self._requests:
            before = len(request.read) - 1 - self._first_step
            noise = pen_noise(request.seed, request.step_limit)
            noises.append(np.concatenate([np.zeros((before, noise.shape[1]), np.float32), noise]))
        return _padded(noises)

    def _finished(self, place: int) -> SynthesisedLine:
        request = self._requests[place]
        start = len(request.read) - 1 - self._first_step
        rows, phi, log_probs = (part[start:] for part in self._record.of(place))
        strokes = self._normalisation.denormalise(rows)
        phi = phi[:, : len(request.joined_text) + 1]
        return finished_line(request, strokes, phi, log_probs, bool(self._at_limit[place]))


class _Record:
    """Record of the pen steps of a batch."""

    def __init__(self, num_lines: int, bounds: MixtureBounds) -> None:
        self._parts: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(num_lines)]
        self._open: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._bounds = bounds

    def add(self, places: np.ndarray, pen: np.ndarray, raw: np.ndarray, phi: np.ndarray) -> None:
        """A pen step of the lines at work, whose places are ``places``: ``[B, 3]``, ``[B, 6M+1]``,
        ``[B, U]``."""
        self._open.append((pen, raw, phi))
        if len(self._open) == _BLOCK:
            self.close(places)

    def close(self, places: np.ndarray) -> None:
        """File the steps since the last call under the lines' places ``[B]``."""
        if not self._open:
            return
        pens, raw, phi = (np.stack(values, axis=1) for values in zip(*self._open, strict=True))
        self._open = []
        log_probs = log_prob(raw, pens, self._bounds)  # [B, T]
        for line, place in enumerate(places.tolist()):
            self._parts[place].append((pens[line], phi[line], log_probs[line]))

    def of(self, place: int) -> tuple[np.ndarray, ...]:
        """Rows ``[T, 3]``, phi ``[T, U]`` and log-densities ``[T]`` of a line."""
        return tuple(np.concatenate(parts) for parts in zip(*self._parts[place], strict=True))


def has_ended(
    phi: np.ndarray, kappa: np.ndarray, ends: np.ndarray, pen_up: np.ndarray
) -> np.ndarray:
    """Which lines are written, bool ``[B]``; see ``writing.synthesis_loop.has_ended``.

    Args:
        phi: ``[B, U]``.
        kappa: ``[B, K]``.
        ends: int64 ``[B]``, the place of each line's end of text.
        pen_up: bool ``[B]``.
    """
    lines = np.arange(len(phi))
    elsewhere = phi.copy()
    elsewhere[lines, ends] = 0.0
    is_greatest = phi[lines, ends] > elsewhere.max(axis=1)
    ended: np.ndarray = (is_greatest | (kappa.min(axis=1) > ends)) & pen_up
    return ended


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays ``[n, ...]`` of different lengths as one, ``[N, B, ...]``, zeros past their ends."""
    longest = max(map(len, rows))
    padded = np.zeros((longest, len(rows), *rows[0].shape[1:]), np.float32)
    for line, values in enumerate(rows):
        padded[: len(values), line] = values
    return padded
