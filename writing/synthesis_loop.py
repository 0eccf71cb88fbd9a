"""The loop that writes a batch of texts, one pen step after another.

Shapes: ``B`` lines at work, ``T`` pen steps, ``P`` pen steps of a prime, ``U`` characters, ``C``
vocabulary, ``M`` mixture components.
"""

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesis import SynthesisRequest, finished_line
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.lstm_with_gaussian_attention import STEPS_PER_CHARACTER
from model.mixture import BivariateMixture
from model.models import ConditionalHandwriting
from writing.bias_control import StalledPenBias, StalledWindowScale, StallRules
from writing.pen_steps.protocols import StepsOfTexts
from writing.sampling import sample_noise


class _AtWork(NamedTuple):
    """State of the lines at work: tensors ``[B]``.

    Attributes:
        place: in the batch as it began.
        read: pen steps that are read before any is written.
        step_limit: pen steps that are written at most.
        end: place of the end of the text.
    """

    place: Tensor
    read: Tensor
    step_limit: Tensor
    end: Tensor

    def keep(self, rows: Tensor) -> "_AtWork":
        """The lines that stand in ``rows``."""
        return _AtWork(*(values[rows] for values in self))


class SynthesisBatch:
    """One batch of lines, from the first pen step to the last.

    All lines step together. Each reads its own prime and goes on with what it writes; finished
    ones leave the batch, so that the others go faster.

    Args:
        model: encodes the texts.
        pen_steps: makes of texts ``[B, U+1, C]`` the pen steps of the model, a ``TextPenSteps`` or
            the like.
        vocabulary: the model's.
        requests: one a line.
    """

    def __init__(
        self,
        model: ConditionalHandwriting,
        pen_steps: StepsOfTexts,
        vocabulary: Vocabulary,
        requests: Sequence[SynthesisRequest],
    ) -> None:
        self._requests = requests
        self._reads = [len(request.read) for request in requests]
        # Before this step no line writes, and nothing is sampled.
        self._first_step = min(self._reads) - 1
        # Before this one, none has reached its limit.
        self._first_limit = min(
            read - 1 + request.step_limit
            for read, request in zip(self._reads, requests, strict=True)
        )
        self._text = _encode(model, vocabulary, [request.joined_text for request in requests])
        self._steps = pen_steps(self._text)
        self._rules = StallRules.at(model.steps_per_character / STEPS_PER_CHARACTER)
        self._record = _Record(len(requests))

    def write(self, normalisation: Normalisation, bar: "tqdm[NoReturn]") -> list[SynthesisedLine]:
        """The lines in their order; ``bar`` moves with each."""
        heads, noise, lines = self._heads(normalisation), self._noise(), self._all_at_work()
        at_limit = torch.ones(len(self._requests), dtype=torch.bool, device=noise.device)
        biases = torch.tensor([request.bias for request in self._requests]).to(noise)
        bias = StalledPenBias(biases, normalisation, self._rules)
        share = StalledWindowScale(biases, self._rules)
        row, step = heads[0], 0  # [B, 3]
        while True:
            if 0 < step < len(heads):
                row = torch.where((step < lines.read).unsqueeze(1), heads[step, lines.place], row)
            now = bias.after(row) * share.after(self._steps.phi)
            raw, drawn = self._step(row, step, now, noise)
            pen_up = row[:, 0] > 0.5
            # Most steps cannot end a line; to ask the window at each would cost one line dearly.
            if step >= self._first_limit or pen_up.any():
                rows = self._unfinished(step, lines, pen_up, at_limit)
                if rows is not None:
                    bar.update(len(lines.place) - len(rows))
                    self._record.close(lines.place)
                    if not len(rows):
                        break
                    self._steps.keep(rows)
                    bias.keep(rows)
                    share.keep(rows)
                    lines, noise = lines.keep(rows), noise[:, rows]
                    raw, drawn = raw[rows], drawn[rows]
            if step >= self._first_step:
                row = drawn
                self._record.add(row, raw, self._steps.phi)
            step += 1
        return self._finished(at_limit.tolist(), normalisation)

    def _step(self, row: Tensor, step: int, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The raw outputs after the pen step ``row``, and a next one drawn with the bias ``[B]``;
        or ``row`` again while no line writes. After the last step of all there is no noise, and
        what is drawn is of no account."""
        at = step - self._first_step
        if at < 0:
            return self._steps.step(row), row
        return self._steps.step_and_draw(row, bias, noise[min(at, len(noise) - 1)])

    def _unfinished(
        self, step: int, lines: _AtWork, pen_up: Tensor, at_limit: Tensor
    ) -> Tensor | None:
        """The rows of the lines that go on; None if all do. ``at_limit`` becomes false for those
        that end by the rule."""
        written = step + 1 - lines.read  # negative while a prime is read
        ended = has_ended(self._steps.phi, self._steps.kappa, lines.end, pen_up) & (written > 0)
        leaves = ended | (written >= lines.step_limit)
        if not leaves.any():
            return None
        at_limit[lines.place[ended]] = False
        return (~leaves).nonzero().squeeze(1)

    def _all_at_work(self) -> _AtWork:
        device = self._text.device
        ends = [len(request.joined_text) for request in self._requests]
        return _AtWork(
            torch.arange(len(self._requests), device=device),
            torch.tensor(self._reads, device=device),
            torch.tensor([request.step_limit for request in self._requests], device=device),
            torch.tensor(ends, device=device),
        )

    def _heads(self, normalisation: Normalisation) -> Tensor:
        """Return the ink that each line reads, normalised and padded: ``[P, B, 3]``."""
        heads = [
            torch.from_numpy(normalisation.normalise(request.read)) for request in self._requests
        ]
        return torch.nn.utils.rnn.pad_sequence(heads).to(self._text)

    def _noise(self) -> Tensor:
        """``[T, B, 4]``, each line's own noise from the step at which it begins to write."""
        offsets = [read - 1 - self._first_step for read in self._reads]
        noises = [
            torch.nn.functional.pad(
                sample_noise(request.seed, request.step_limit), (0, 0, offset, 0)
            )
            for request, offset in zip(self._requests, offsets, strict=True)
        ]
        return torch.nn.utils.rnn.pad_sequence(noises).to(self._text)

    def _finished(
        self, at_limit: list[bool], normalisation: Normalisation
    ) -> list[SynthesisedLine]:
        finished = []
        for place, request in enumerate(self._requests):
            rows, phi, log_probs = self._record.of(place)
            start = self._reads[place] - 1 - self._first_step
            strokes = normalisation.denormalise(rows[start:])
            phi = phi[start:, : len(request.joined_text) + 1]
            finished.append(
                finished_line(request, strokes, phi, log_probs[start:], at_limit[place])
            )
        return finished


class _Record:
    """Record of the pen steps of a batch."""

    def __init__(self, num_lines: int) -> None:
        self._parts: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(num_lines)]
        self._open: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, row: Tensor, raw: Tensor, phi: Tensor) -> None:
        """A pen step of the lines at work: ``[B, 3]``, ``[B, 6M+1]``, ``[B, U+1]``."""
        self._open.append((row, raw, phi))

    def close(self, places: Tensor) -> None:
        """File the steps since the last call under the lines' places ``[B]``."""
        if not self._open:
            return
        rows, raw, phi = (torch.stack(values, dim=1) for values in zip(*self._open, strict=True))
        self._open = []
        log_probs = BivariateMixture.from_output(raw).log_prob(rows)  # [B, T]
        columns = zip(*(part.cpu().numpy() for part in (rows, phi, log_probs)), strict=True)
        for place, parts in zip(places.tolist(), columns, strict=True):
            self._parts[place].append(parts)

    def of(self, place: int) -> tuple[np.ndarray, ...]:
        """Rows ``[T, 3]``, phi ``[T, U+1]`` and log-densities ``[T]`` of a line."""
        return tuple(np.concatenate(parts) for parts in zip(*self._parts[place], strict=True))


def has_ended(phi: Tensor, kappa: Tensor, ends: Tensor, pen_up: Tensor) -> Tensor:
    """Which lines are written: Graves 2013, section 5.3, with the pen lifted.

    The paper stops where the window's weight on the end of the text is greater than on every
    character. That can come true in the middle of the last character's last stroke, so the pen
    must be up besides. Far past the text all weights are zero in a computer's numbers, where
    exactly they still would be greatest at its end; so a line is written, too, where all
    components of the window have passed the end.

    Args:
        phi: ``[B, U+1]``, the window's weights; zero on padding.
        kappa: ``[B, K]``, the positions of the window's components.
        ends: int64 ``[B]``, the place of each line's end of text.
        pen_up: bool ``[B]``, whether the latest pen step is a stroke's last.

    Returns:
        bool ``[B]``.
    """
    places = ends.unsqueeze(1)
    at_end = phi.gather(1, places).squeeze(1)
    elsewhere = phi.scatter(1, places, 0.0).amax(dim=1)
    return ((at_end > elsewhere) | (kappa.amin(dim=1) > ends)) & pen_up


def _encode(model: ConditionalHandwriting, vocabulary: Vocabulary, texts: Sequence[str]) -> Tensor:
    """``[B, U+1, C]``, where the model is."""
    indices = [torch.tensor(vocabulary.encode(text)) for text in texts]
    padded = torch.nn.utils.rnn.pad_sequence(
        indices, batch_first=True, padding_value=vocabulary.pad
    )
    lengths = torch.tensor([len(text) for text in texts])
    device = model.output.weight.device
    return model.encode(padded.to(device), lengths.to(device))
