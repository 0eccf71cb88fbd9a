"""Beam search over the texts of many lines at once; ``reading.decoding`` says what a score is.

All hypotheses of a line have the same number of characters. In each step every one of them is
continued with every character and with the end of the text, and the best ``beam`` of all these go
on; among them, those that end are finished. A line is done once nothing that goes on could still
become better than its best finished text.

Shapes: ``B`` lines, ``K`` hypotheses of each line (the beam), ``R = B K`` rows of the model's
batch, ``N'`` encoder frames, ``C`` vocabulary.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from base.batch import mask_from_lengths
from handwriting.runtime.beam_search import (
    ALTERNATIVES_MARGIN,
    COVERAGE_FLOOR,
    COVERAGE_MARGIN,
    DROP_SHARE,
    Found,
)
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import Decoder, LanguageScorer, max_characters, take_part, take_rows
from reading.constraints import Constraint
from reading.ctc import (
    CTCFrames,
    CTCPrefixes,
    ctc_frames,
    empty_prefixes,
    extend,
    extension_scores,
)
from reading.settings import DecodingSettings


class _Scores(NamedTuple):
    """Sums over the characters of each hypothesis, float64 ``[B, K]``, or of each hypothesis with
    one more character, ``[B, K, C]``; ``joint`` is -inf where there is no hypothesis."""

    joint: Tensor
    attention: Tensor
    ctc: Tensor
    language: Tensor


class _Beams(NamedTuple):
    """The hypotheses of the lines that are not done."""

    previous: Tensor  # int64 [R], the latest characters
    scores: _Scores
    state: Any  # of the model, R rows
    language_state: Any  # of the language model, R rows, or None
    prefixes: CTCPrefixes | None
    allowed: Tensor | None  # int64 [R], states of the constraint


class _Lines(NamedTuple):
    """State of the lines that are not done."""

    numbers: Tensor  # int64 [B], their places among all lines
    limits: Tensor  # int64 [B], characters at most
    encoded: Any  # R rows
    frames: CTCFrames | None


@dataclass(frozen=True)
class _Step:
    """Origins of the hypotheses of a step, to follow the best one back."""

    rows: dict[int, int]  # where a line was in the batch
    parents: np.ndarray  # [B, K]
    characters: np.ndarray  # [B, K]
    log_probs: np.ndarray  # [B, K], of the characters under the attention decoder
    attention: np.ndarray  # [B, K, N'], of the hypotheses before the step


class _Ending(NamedTuple):
    """A finished text: which hypothesis of which step it is, and its scores."""

    step: int
    slot: int
    scores: dict[str, float]
    rank: float


class BeamSearch:
    """The search over one batch of lines.

    Args:
        decoder: the recogniser's.
        encoded: the batch, as the recogniser encodes it.
        ctc_logits: ``[B, N', C]``, needed where CTC has a weight above 0.
        vocabulary: the recogniser's.
        settings: how to search.
        language: scores of a language model, needed where its weight is above 0.
        constraint: to the texts that may be read, on the device of the lines; None for all.
        number: finished texts that are kept of each line, the best ones.
    """

    def __init__(
        self,
        decoder: Decoder,
        encoded: Any,
        ctc_logits: Tensor | None,
        vocabulary: Vocabulary,
        settings: DecodingSettings,
        language: LanguageScorer | None = None,
        constraint: Constraint | None = None,
        number: int = 1,
    ) -> None:
        self.decoder = decoder
        self.vocabulary = vocabulary
        self.settings = settings
        self.language = language if settings.language_weight > 0 else None
        self.constraint = constraint
        self.number = number
        self._steps: list[_Step] = []
        self._endings: dict[int, list[_Ending]] = {}  # the best first
        self._frame_lengths = encoded.lengths.tolist()
        self._lines = self._first_lines(encoded, ctc_logits)
        self._beams = self._first_beams()
        never = (vocabulary.pad, vocabulary.sos, vocabulary.unk)
        self._never = torch.tensor(never, device=encoded.lengths.device)

    def run(self) -> list[list[Found]]:
        """The best texts of each line, at least one, the best first."""
        while len(self._lines.numbers):
            self._step()
        return [
            [self._trace(line, ending) for ending in self._endings_of(line)]
            for line in range(len(self._frame_lengths))
        ]

    # Beginning

    def _first_lines(self, encoded: Any, ctc_logits: Tensor | None) -> _Lines:
        lengths = encoded.lengths
        numbers = torch.arange(len(lengths), device=lengths.device)
        frames = None
        if self.settings.ctc_weight > 0:
            if ctc_logits is None:
                raise ValueError("ctc_weight: above 0, and there are no CTC logits")
            frames = ctc_frames(ctc_logits, lengths, self.vocabulary.pad)
        repeated = take_rows(encoded, numbers.repeat_interleave(self.settings.beam))
        return _Lines(numbers, max_characters(lengths), repeated, frames)

    def _first_beams(self) -> _Beams:
        """One empty hypothesis for each line; the other places are vacant."""
        lines, beam = self._lines, self.settings.beam
        device, shape = lines.numbers.device, (len(lines.numbers), beam)
        zeros = torch.zeros(shape, dtype=torch.float64, device=device)
        joint = torch.full_like(zeros, -torch.inf)
        joint[:, 0] = 0.0
        rows = zeros.numel()
        blank = self.vocabulary.pad
        return _Beams(
            previous=torch.full((rows,), self.vocabulary.sos, device=device),
            scores=_Scores(joint, zeros, zeros, zeros),
            state=self.decoder.initial_state(lines.encoded),
            language_state=self.language and self.language.initial_state(rows),
            prefixes=lines.frames and empty_prefixes(lines.frames, beam, blank),
            allowed=None if self.constraint is None else self.constraint.first(rows),
        )

    # One character more

    def _step(self) -> None:
        beams, encoded = self._beams, self._lines.encoded
        logits, state = self.decoder.step(beams.previous, beams.state, encoded)
        language, language_state = None, None
        if self.language is not None:
            language, language_state = self.language.step(beams.previous, beams.language_state)
        advanced = beams._replace(state=state, language_state=language_state)
        scores = self._extensions(logits, language)
        best, flat = scores.joint.flatten(1).topk(self.settings.beam, dim=1)  # [B, K]
        parents = flat // scores.joint.shape[2]
        characters = flat % scores.joint.shape[2]
        chosen = _Scores(best, *(part.flatten(1).gather(1, flat) for part in scores[1:]))
        self._record(parents, characters, chosen, state.attention)
        self._finish(parents, characters, chosen, state.coverage)
        self._beams = self._descend(advanced, parents, characters, chosen)
        self._drop_done()

    def _extensions(self, logits: Tensor, language: Tensor | None) -> _Scores:
        """Scores ``[B, K, C]`` of each hypothesis with each character, or with the end."""
        before, settings = self._beams.scores, self.settings
        shape = (*before.joint.shape, -1)
        log_probs = logits.double().log_softmax(dim=1).view(shape)
        attention = before.attention.unsqueeze(2) + log_probs
        joint = attention
        ctc = spoken = torch.zeros_like(attention)
        frames = self._lines.frames
        if frames is not None and self._beams.prefixes is not None:
            blank, end = self.vocabulary.pad, self.vocabulary.eos
            ctc = extension_scores(frames, self._beams.prefixes, blank, end)
            joint = settings.ctc_weight * ctc
            if settings.ctc_weight < 1:
                joint = joint + (1 - settings.ctc_weight) * attention
        if language is not None:
            spoken = before.language.unsqueeze(2) + language.double().view(shape)
            joint = joint + settings.language_weight * spoken
        return _Scores(joint.masked_fill(self._barred(), -torch.inf), attention, ctc, spoken)

    def _barred(self) -> Tensor:
        """bool ``[B, K, C]``: what may not come next."""
        joint = self._beams.scores.joint
        barred = torch.zeros(len(self.vocabulary), dtype=torch.bool, device=joint.device)
        barred[self._never] = True
        if self.constraint is not None and self._beams.allowed is not None:
            allowed = self.constraint.allowed(self._beams.allowed, len(barred))
            barred = barred | ~allowed.view(*joint.shape, -1)
        full = (self._lines.limits <= len(self._steps)).unsqueeze(1)  # [B, 1]
        ends = torch.arange(len(self.vocabulary), device=joint.device) == self.vocabulary.eos
        # At its limit a text ends, whatever may be read.
        barred = torch.where(full.unsqueeze(1), ~ends, barred)
        return barred | (joint == -torch.inf).unsqueeze(2)

    def _descend(
        self, beams: _Beams, parents: Tensor, characters: Tensor, chosen: _Scores
    ) -> _Beams:
        """The hypotheses after this step; what has ended leaves its place vacant."""
        beam = self.settings.beam
        first = torch.arange(len(parents), device=parents.device).unsqueeze(1) * beam
        rows = (first + parents).flatten()
        joint = chosen.joint.masked_fill(characters == self.vocabulary.eos, -torch.inf)
        prefixes, frames = beams.prefixes, self._lines.frames
        if prefixes is not None and frames is not None:
            prefixes = extend(frames, prefixes, parents, characters)
        allowed = beams.allowed
        if self.constraint is not None and allowed is not None:
            allowed = self.constraint.after(allowed[rows], characters.flatten())
        return _Beams(
            previous=characters.flatten(),
            scores=chosen._replace(joint=joint),
            state=take_rows(beams.state, rows),
            language_state=take_part(beams.language_state, rows),
            prefixes=prefixes,
            allowed=allowed,
        )

    def _record(
        self, parents: Tensor, characters: Tensor, chosen: _Scores, attention: Tensor
    ) -> None:
        before = self._beams.scores.attention.gather(1, parents)
        numbers = self._lines.numbers.tolist()
        step = _Step(
            rows={line: row for row, line in enumerate(numbers)},
            parents=parents.cpu().numpy(),
            characters=characters.cpu().numpy(),
            log_probs=(chosen.attention - before).cpu().numpy(),
            attention=attention.float().reshape(*parents.shape, -1).cpu().numpy(),
        )
        self._steps.append(step)

    # Ends

    def _finish(
        self, parents: Tensor, characters: Tensor, chosen: _Scores, coverage: Tensor
    ) -> None:
        """Keep the texts that end in this step, where they are among the line's best so far."""
        rank = chosen.joint / len(self._steps) ** self.settings.length_normalisation
        if self.settings.coverage > 0:
            rank = rank + self.settings.coverage * self._coverage(coverage).gather(1, parents)
        rank = rank.masked_fill(characters != self.vocabulary.eos, -torch.inf)
        values, slots = rank.topk(min(self.number, rank.shape[1]), dim=1)
        names = ("joint", "attention", "ctc", "language")
        columns = [part.gather(1, slots).tolist() for part in chosen]
        rows = zip(self._lines.numbers.tolist(), values.tolist(), slots.tolist(), strict=True)
        for row, (line, best, places) in enumerate(rows):
            for at, (value, slot) in enumerate(zip(best, places, strict=True)):
                scores = {name: part[row][at] for name, part in zip(names, columns, strict=True)}
                self._keep(line, _Ending(len(self._steps) - 1, slot, scores, value))

    def _keep(self, line: int, ending: _Ending) -> None:
        """Add a finished text to those of its line, where it is one of the best."""
        if not ending.rank > -np.inf:
            return
        found = self._endings.setdefault(line, [])
        found.append(ending)
        found.sort(key=lambda each: -each.rank)  # stable: of equal ones the first stays first
        del found[self.number :]

    def _endings_of(self, line: int) -> list[_Ending]:
        found = self._endings.get(line)
        if not found:
            raise ValueError(f"line {line} of the batch: no text has a score, they are not finite")
        return found

    def _coverage(self, coverage: Tensor) -> Tensor:
        """Sum over a line's frames of log(min(coverage, 1)) (Wu et al. 2016, eq. 14), ``[B, K]``,
        from the summed attention ``[R, N']``."""
        logs = coverage.double().clamp(COVERAGE_FLOOR, 1.0).log()
        mask = mask_from_lengths(self._lines.encoded.lengths, logs.shape[1])
        return logs.masked_fill(~mask, 0.0).sum(dim=1).view(self._beams.scores.joint.shape)

    def _drop_done(self) -> None:
        """Take lines that are done out of the batch, once they are many enough to be worth it."""
        joint = self._beams.scores.joint
        best = joint.amax(dim=1).tolist()
        numbers, limits = self._lines.numbers.tolist(), self._lines.limits.tolist()
        done = [self._is_done(*line) for line in zip(numbers, best, limits, strict=True)]
        # Nothing goes on of them, whether or not they are still computed with the others.
        joint[torch.tensor(done, device=joint.device)] = -torch.inf
        if not any(done) or sum(done) < DROP_SHARE * len(done):
            return
        kept = torch.tensor([not each for each in done], device=joint.device).nonzero().squeeze(1)
        beam = self.settings.beam
        rows = (kept.unsqueeze(1) * beam + torch.arange(beam, device=kept.device)).flatten()
        beams, lines = self._beams, self._lines
        self._lines = _Lines(
            lines.numbers[kept],
            lines.limits[kept],
            take_rows(lines.encoded, rows),
            take_part(lines.frames, kept),
        )
        self._beams = _Beams(
            previous=beams.previous[rows],
            scores=take_rows(beams.scores, kept),
            state=take_rows(beams.state, rows),
            language_state=take_part(beams.language_state, rows),
            prefixes=take_part(beams.prefixes, kept),
            allowed=take_part(beams.allowed, rows),
        )

    def _is_done(self, line: int, best: float, limit: int) -> bool:
        """Whether no hypothesis with a score of at most ``best`` can still win.

        Every further character costs something, and a longer text is divided by more: a bound that
        is exact, but for the coverage, see ``COVERAGE_MARGIN``.
        """
        if best == -np.inf:
            return True
        endings = self._endings.get(line)
        if not endings:
            return False
        ending = endings[0]
        if len(endings) < self.number and best > ending.scores["joint"] - ALTERNATIVES_MARGIN:
            return False
        if self.settings.coverage > 0 and best < ending.scores["joint"] - COVERAGE_MARGIN:
            return True
        return bool(ending.rank >= best / (limit + 1) ** self.settings.length_normalisation)

    # Back

    def _trace(self, line: int, ending: _Ending) -> Found:
        """Follow a text of a line back to its beginning."""
        slot, characters, log_probs, attention = ending.slot, [], [], []
        for step in reversed(self._steps[: ending.step + 1]):
            row = step.rows[line]
            characters.append(step.characters[row, slot])
            log_probs.append(step.log_probs[row, slot])
            slot = step.parents[row, slot]
            attention.append(step.attention[row, slot, : self._frame_lengths[line]])
        kept = {"joint", "attention"}
        kept |= {"ctc"} if self.settings.ctc_weight > 0 else set()
        kept |= {"language"} if self.language is not None else set()
        return Found(
            characters=np.array(characters[:0:-1], dtype=np.int64),
            log_probs=np.array(log_probs[::-1], dtype=np.float64),
            attention=np.stack(attention[::-1]),
            scores={name: value for name, value in ending.scores.items() if name in kept},
            rank=ending.rank,
        )
