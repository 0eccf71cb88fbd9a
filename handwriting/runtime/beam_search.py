"""Beam search over the texts of many lines at once, with NumPy; ``reading.beam_search`` is its
counterpart, and ``reading.decoding`` says what a score is.

All hypotheses of a line have the same number of characters. In each step every one of them is
continued with every character and with the end of the text, and the best ``beam`` of all these go
on; among them, those that end are finished. A line is done once nothing that goes on could still
become better than its best finished text.

Shapes: ``B`` lines, ``K`` hypotheses of each line (the beam), ``R = B K`` rows, those of a line
together, ``N'`` encoder frames, ``C`` vocabulary.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from handwriting.runtime.ctc import (
    CTCFrames,
    CTCPrefixes,
    ctc_frames,
    empty_prefixes,
    extend,
    extension_scores,
)
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import (
    DecoderState,
    Encoded,
    LanguageModel,
    Recogniser,
    log_softmax,
)

# A frame that was never looked at has coverage 0 and would cost infinitely much.
COVERAGE_FLOOR = 0.05
# With a coverage penalty nothing bounds what may still be gained, so that hypotheses this much
# less likely (nats) than the best finished one are given up.
COVERAGE_MARGIN = 30.0
# Further texts are waited for while they may have at least this much less than the best (nats).
ALTERNATIVES_MARGIN = 6.0
_LEAST_LOG = -1e4  # of a character that is impossible
# Lines that are done are dropped from the batch once they make up this share of it.
DROP_SHARE = 0.25


@dataclass(frozen=True)
class Found:
    """A text of a line.

    Attributes:
        characters: int64 ``[U]``, their indices.
        log_probs: float64 ``[U+1]``, the attention decoder's, of each character and of the end.
        attention: float32 ``[U+1, N']``, of each character and of the end.
        scores: logs ``joint``, ``attention``, and ``ctc`` and ``language`` where they count.
        rank: what the search maximises: ``joint`` with normalisation and coverage.
    """

    characters: np.ndarray
    log_probs: np.ndarray
    attention: np.ndarray
    scores: dict[str, float]
    rank: float


class _Scores(NamedTuple):
    """Sums over the characters of each hypothesis, float64 ``[B, K]``, or of each hypothesis with
    one more character, ``[B, K, C]``; ``joint`` is -inf where there is no hypothesis."""

    joint: np.ndarray
    attention: np.ndarray
    ctc: np.ndarray
    language: np.ndarray


@dataclass
class _Beams:
    """The hypotheses of the lines that are not done."""

    numbers: np.ndarray  # int64 [B], their places among all lines
    encoded: Encoded  # of B lines
    previous: np.ndarray  # int64 [R], the latest characters
    scores: _Scores
    state: DecoderState  # R rows
    language_state: np.ndarray | None = None  # [2L, R, H]
    frames: CTCFrames | None = None
    prefixes: CTCPrefixes | None = None


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


@dataclass
class _Endings:
    """The best finished texts of a line, the best first."""

    most: int
    found: list[_Ending] = field(default_factory=list)

    def add(self, ending: _Ending) -> None:
        """Keep one more, where it is among the best."""
        if ending.rank > -np.inf:
            self.found.append(ending)
            self.found.sort(key=lambda each: -each.rank)  # stable: of equals the first stays first
            del self.found[self.most :]


class BeamSearch:
    """The search over one batch of lines.

    Args:
        recogniser: whose decoder it asks.
        encoded: the batch.
        settings: how to search.
        language: a language model, needed where its weight is above 0.
        number: finished texts that are kept of each line, the best ones.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        encoded: Encoded,
        settings: ReadingSettings,
        language: LanguageModel | None = None,
        number: int = 1,
    ) -> None:
        self.recogniser = recogniser
        self.settings = settings
        self.language = language if settings.language_weight > 0 else None
        vocabulary = recogniser.vocabulary
        self._blank, self._end = vocabulary.pad, vocabulary.eos
        self._never = [vocabulary.pad, vocabulary.sos, vocabulary.unk]
        self._is_digit = np.zeros(len(vocabulary), bool)
        digits = "".join(one for one in vocabulary.characters if one.isdecimal())
        self._is_digit[vocabulary.encode(digits)] = True
        self._is_capital = np.zeros_like(self._is_digit)
        capitals = "".join(one for one in vocabulary.characters if one.isupper())
        self._is_capital[vocabulary.encode(capitals)] = True
        self._steps: list[_Step] = []
        self._endings = [_Endings(number) for _ in encoded.lengths]
        self._frame_lengths = encoded.lengths.tolist()
        self._beams = self._first_beams(encoded)

    def run(self) -> list[list[Found]]:
        """The best texts of each line, at least one, the best first."""
        while len(self._beams.numbers):
            self._step()
        return [
            [self._trace(line, ending) for ending in endings.found]
            for line, endings in enumerate(self._endings)
        ]

    def _first_beams(self, encoded: Encoded) -> _Beams:
        """One empty hypothesis for each line; the other places are vacant."""
        beam, number = self.settings.beam, len(encoded.lengths)
        zeros = np.zeros((number, beam))
        joint = np.full_like(zeros, -np.inf)
        joint[:, 0] = 0.0
        rows = np.repeat(np.arange(number), beam)
        beams = _Beams(
            numbers=np.arange(number),
            encoded=encoded,
            previous=np.full(len(rows), self.recogniser.vocabulary.sos),
            scores=_Scores(joint, zeros, zeros, zeros),
            state=self.recogniser.initial_state(encoded).rows(rows),
        )
        if self.language is not None:
            beams.language_state = self.language.initial_state(len(rows))
        if self.settings.ctc_weight > 0:
            log_probs = self.recogniser.ctc_log_probs(encoded)
            beams.frames = ctc_frames(log_probs, encoded.lengths, self._blank)
            beams.prefixes = empty_prefixes(beams.frames, beam, self._blank)
        return beams

    def _step(self) -> None:
        """One character more."""
        beams = self._beams
        logits, state = self.recogniser.step(beams.previous, beams.state, beams.encoded)
        language, language_state = None, None
        if self.language is not None and beams.language_state is not None:
            spoken, language_state = self.language.step(beams.previous, beams.language_state)
            language = self._letters_alone(spoken, beams.previous)
        scores = self._extensions(logits, language)
        size = scores.joint.shape[2]
        flat = _best_places(scores.joint.reshape(len(beams.numbers), -1), self.settings.beam)
        parents, characters = flat // size, flat % size
        chosen = _Scores(
            *(np.take_along_axis(part.reshape(len(flat), -1), flat, axis=1) for part in scores)
        )
        self._record(parents, characters, chosen, state.attention)
        self._finish(parents, characters, chosen, state.coverage)
        self._descend(parents, characters, chosen, state, language_state)
        self._drop_done()

    def _letters_alone(self, logs: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Log-probabilities ``[R, C]`` of the language model, which has no say in numbers nor in
        text that is all capitals: a digit, whatever follows one of ``previous``, and a capital that
        follows one, get what a character gets on the average at that place, as in
        ``reading.decoding.LettersAlone``."""
        usual = (np.exp(logs) * np.maximum(logs, _LEAST_LOG)).sum(axis=1, keepdims=True)
        neutral = self._is_digit[previous][:, None] | self._is_digit
        neutral |= self._is_capital[previous][:, None] & self._is_capital
        kept: np.ndarray = np.where(neutral, usual, logs)
        return kept

    def _extensions(self, logits: np.ndarray, language: np.ndarray | None) -> _Scores:
        """Scores ``[B, K, C]`` of each hypothesis with each character, or with the end."""
        beams, settings = self._beams, self.settings
        shape = (*beams.scores.joint.shape, -1)
        log_probs = log_softmax(logits.astype(np.float64)).reshape(shape)
        attention = beams.scores.attention[:, :, None] + log_probs
        joint = attention
        ctc = spoken = np.zeros_like(attention)
        if beams.frames is not None and beams.prefixes is not None:
            ctc = extension_scores(beams.frames, beams.prefixes, self._blank, self._end)
            joint = settings.ctc_weight * ctc
            if settings.ctc_weight < 1:
                joint = joint + (1 - settings.ctc_weight) * attention
        if language is not None:
            spoken = beams.scores.language[:, :, None] + language.reshape(shape)
            joint = joint + settings.language_weight * spoken
        joint = np.where(self._barred(joint.shape[2]), -np.inf, joint)
        return _Scores(joint, attention, ctc, spoken)

    def _barred(self, size: int) -> np.ndarray:
        """bool ``[B, K, C]``: what may not come next."""
        barred = np.zeros((1, size), dtype=bool)
        barred[:, self._never] = True
        # A text is no longer than the line has encoder frames.
        full = self._beams.encoded.lengths <= len(self._steps)
        barred = barred | (full[:, None] & (np.arange(size) != self._end))  # [B, C]
        vacant: np.ndarray = self._beams.scores.joint == -np.inf
        both: np.ndarray = barred[:, None] | vacant[:, :, None]
        return both

    def _descend(
        self,
        parents: np.ndarray,
        characters: np.ndarray,
        chosen: _Scores,
        state: DecoderState,
        language_state: np.ndarray | None,
    ) -> None:
        """Take the hypotheses after this step; what has ended leaves its place vacant."""
        beams = self._beams
        first = np.arange(len(parents))[:, None] * self.settings.beam
        rows = (first + parents).ravel()
        joint = np.where(characters == self._end, -np.inf, chosen.joint)
        if beams.prefixes is not None and beams.frames is not None:
            beams.prefixes = extend(beams.frames, beams.prefixes, parents, characters)
        beams.previous = characters.ravel()
        beams.scores = chosen._replace(joint=joint)
        beams.state = state.rows(rows)
        beams.language_state = None if language_state is None else language_state[:, rows]

    def _record(
        self,
        parents: np.ndarray,
        characters: np.ndarray,
        chosen: _Scores,
        attention: np.ndarray,
    ) -> None:
        before = np.take_along_axis(self._beams.scores.attention, parents, axis=1)
        step = _Step(
            rows={line: row for row, line in enumerate(self._beams.numbers.tolist())},
            parents=parents,
            characters=characters,
            log_probs=chosen.attention - before,
            attention=attention.reshape(*parents.shape, -1),
        )
        self._steps.append(step)

    def _finish(
        self,
        parents: np.ndarray,
        characters: np.ndarray,
        chosen: _Scores,
        coverage: np.ndarray,
    ) -> None:
        """Keep the texts that end in this step, where they are among the line's best so far."""
        rank = chosen.joint / len(self._steps) ** self.settings.length_normalisation
        if self.settings.coverage > 0:
            covered = np.take_along_axis(self._coverage(coverage), parents, axis=1)
            rank = rank + self.settings.coverage * covered
        names = ("joint", "attention", "ctc", "language")
        for row, slot in zip(*np.nonzero(characters == self._end), strict=True):
            scores = {
                name: float(part[row, slot]) for name, part in zip(names, chosen, strict=True)
            }
            ending = _Ending(len(self._steps) - 1, int(slot), scores, float(rank[row, slot]))
            self._endings[self._beams.numbers[row]].add(ending)

    def _coverage(self, coverage: np.ndarray) -> np.ndarray:
        """Sum over a line's frames of log(min(coverage, 1)) (Wu et al. 2016, eq. 14), ``[B, K]``,
        from the summed attention ``[R, N']``."""
        shape = self._beams.scores.joint.shape
        logs = np.log(np.clip(coverage.astype(np.float64), COVERAGE_FLOOR, 1.0))
        logs = logs.reshape(*shape, -1)
        outside = np.arange(logs.shape[2]) >= self._beams.encoded.lengths[:, None, None]
        summed: np.ndarray = np.where(outside, 0.0, logs).sum(axis=2)
        return summed

    def _drop_done(self) -> None:
        """Take lines that are done out of the batch, once they are many enough to be worth it."""
        beams = self._beams
        best = beams.scores.joint.max(axis=1).tolist()
        lines = zip(beams.numbers.tolist(), best, beams.encoded.lengths.tolist(), strict=True)
        done = np.array([self._is_done(*line) for line in lines])
        # Nothing goes on of them, whether or not they are still computed with the others.
        beams.scores.joint[done] = -np.inf
        if not done.any() or done.sum() < DROP_SHARE * len(done):
            return
        kept, beam = np.flatnonzero(~done), self.settings.beam
        rows = (kept[:, None] * beam + np.arange(beam)).ravel()
        self._beams = _Beams(
            numbers=beams.numbers[kept],
            encoded=Encoded(*(part[kept] for part in beams.encoded)),
            previous=beams.previous[rows],
            scores=_Scores(*(part[kept] for part in beams.scores)),
            state=beams.state.rows(rows),
            language_state=None if beams.language_state is None else beams.language_state[:, rows],
            frames=beams.frames and beams.frames.rows(kept),
            prefixes=beams.prefixes and beams.prefixes.rows(kept),
        )

    def _is_done(self, line: int, best: float, limit: int) -> bool:
        """Whether no hypothesis with a score of at most ``best`` can still win.

        Every further character costs something, and a longer text is divided by more: a bound that
        is exact, but for the coverage, see ``COVERAGE_MARGIN``.
        """
        if best == -np.inf:
            return True
        endings = self._endings[line]
        if not endings.found:
            return False
        ending = endings.found[0]
        wanted = len(endings.found) < endings.most
        if wanted and best > ending.scores["joint"] - ALTERNATIVES_MARGIN:
            return False
        if self.settings.coverage > 0 and best < ending.scores["joint"] - COVERAGE_MARGIN:
            return True
        return bool(ending.rank >= best / (limit + 1) ** self.settings.length_normalisation)

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


def _best_places(scores: np.ndarray, number: int) -> np.ndarray:
    """Places ``[B, K]`` of the greatest of scores ``[B, n]``, the greatest first."""
    places = np.argpartition(-scores, number - 1, axis=1)[:, :number]
    found = np.take_along_axis(scores, places, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1)
