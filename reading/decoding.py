"""Handwriting to text: decoding with a recogniser, and what its scores are made of.

The recogniser writes a text y = y_1 ... y_U and its end one character after the other. Four scores
of a text say how good it is, all of them logs of probabilities:

- *attention*: log p_att(y | x), the sum over the characters and the end of what the attention
  decoder gives them;
- *CTC*: log p_ctc(y | x) of the encoder's other output, which reads along the frames and cannot
  skip or repeat a part of the line as an attention that is lost does (Watanabe et al. 2017; Hori
  et al. 2017). Of a text that is not finished it is that of all texts which begin so;
- *language*: log p_lm(y) of a language model that has seen no ink (shallow fusion, Gulcehre et al.
  2015);
- *coverage*: the sum over the frames of log(min(c, 1)), where c is how much attention a frame got
  in all (Wu et al. 2016, eq. 14): near 0 for a text that all of the ink was read for.

They are put together as

    joint = (1 - ctc_weight) attention + ctc_weight CTC + language_weight language
    rank  = joint / (U + 1) ** length_normalisation + coverage_weight coverage

Unfinished texts of the same length compete by ``joint``, and finished ones of all lengths by
``rank``: each character costs some probability, so that without normalisation short texts are
preferred. Padding, start and unknown character are never written, and no text is longer than the
line has encoder frames.

``decode`` is the beam search, and with a beam of 1 and no other weights it is greedy decoding;
``model.greedy.greedy_text`` is the same with less work, for the error rates during training.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``U`` characters,
``C`` vocabulary.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handwriting.errors import UserError
from handwriting.readings.line_reading import Reading, with_frames
from handwriting.runtime.beam_search import Found
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import (
    LanguageModel,
    LanguageScorer,
    Recogniser,
    max_characters,
    take_rows,
)
from reading.beam_search import BeamSearch
from reading.ctc import ctc_greedy
from reading.settings import GREEDY, TEXT_ALONE, DecodingSettings, Request

__all__ = [
    "DecodingSettings",
    "ctc_greedy",
    "decode",
    "decode_encoded",
    "max_characters",
]

# Hypotheses that are worked on at once: a processor is quicker while its caches hold them, another
# device where there are many of them. More lines are read in parts.
ROWS = {"cpu": 128}
MANY_ROWS = 4096

_LEAST_LOG = -1e4  # of a probability: 0 times minus infinity is no number


@torch.no_grad()
def decode(
    model: Recogniser,
    features: Tensor,
    feature_lengths: Tensor,
    vocabulary: Vocabulary,
    settings: DecodingSettings = GREEDY.settings,
    language_model: LanguageModel | None = None,
    request: Request = TEXT_ALONE,
) -> list[Reading]:
    """Read lines of handwriting.

    Args:
        model: the recogniser, in evaluation mode.
        features: float32 ``[B, N, F]``, on the model's device.
        feature_lengths: int64 ``[B]``, feature points of each line.
        vocabulary: the model's.
        settings: how to search, and the weights of the scores.
        language_model: on the same device; not used where its weight is 0.
        request: what to find beside the text, and which texts may be read.

    Returns:
        a reading for each line, the same whichever lines it is batched with.

    Raises:
        UserError: a weight is set for a score that is not there, or the language model does not
            know a character of the vocabulary.
    """
    encoded = model.encode(features, feature_lengths)
    return decode_encoded(model, encoded, vocabulary, settings, language_model, request)


@torch.no_grad()
def decode_encoded(
    model: Recogniser,
    encoded: Any,
    vocabulary: Vocabulary,
    settings: DecodingSettings = GREEDY.settings,
    language_model: LanguageModel | None = None,
    request: Request = TEXT_ALONE,
) -> list[Reading]:
    """``decode`` for lines that are encoded already, so that several settings can be tried."""
    language = _language(vocabulary, settings, language_model)
    constraint = request.constraint
    if constraint is not None:
        constraint = constraint.to(encoded.lengths.device)
    decoder = model.packed()
    readings: list[Reading] = []
    for part in _parts(encoded, settings.beam):
        ctc_logits = _ctc_logits(model, part, settings)
        search = BeamSearch(
            decoder, part, ctc_logits, vocabulary, settings, language, constraint,
            request.alternatives,
        )  # fmt: skip
        found = [_readings(texts, vocabulary) for texts in search.run()]
        readings += _placed(model, part, found, vocabulary, request) if request.places else found
    return readings


def _readings(texts: list[Found], vocabulary: Vocabulary) -> Reading:
    """The best reading of a line, with the others in it."""
    first, *others = (_reading(text, vocabulary) for text in texts)
    return replace(first, alternatives=tuple(others))


def _placed(
    model: Recogniser,
    encoded: Any,
    readings: list[Reading],
    vocabulary: Vocabulary,
    request: Request,
) -> list[Reading]:
    """The readings with the frames of their characters, where the recogniser has a CTC output."""
    logits = model.ctc_logits(encoded)
    if logits is None:
        return readings
    allowed = None if request.constraint is None else request.constraint.characters
    texts = ctc_greedy(logits, encoded.lengths, vocabulary, allowed)
    log_probs = logits.float().log_softmax(dim=2).cpu().numpy()
    lengths = encoded.lengths.tolist()
    lines = zip(readings, log_probs, lengths, texts, strict=True)
    return [with_frames(reading, line[:n], text, vocabulary) for reading, line, n, text in lines]


def _parts(encoded: Any, beam: int) -> Iterator[Any]:
    """The encoded lines in parts of not too many hypotheses."""
    device = encoded.lengths.device
    lines = max(ROWS.get(device.type, MANY_ROWS) // beam, 1)
    for rows in torch.arange(len(encoded.lengths), device=device).split(lines):
        yield take_rows(encoded, rows)


def _ctc_logits(model: Recogniser, encoded: Any, settings: DecodingSettings) -> Tensor | None:
    """``[B, N', C]`` where they count."""
    if settings.ctc_weight == 0:
        return None
    logits = model.ctc_logits(encoded)
    if logits is None:
        raise UserError(
            "ctc_weight: the recogniser has no CTC output, so it should be 0,"
            f" got {settings.ctc_weight}"
        )
    return logits


def _language(
    vocabulary: Vocabulary,
    settings: DecodingSettings,
    language_model: LanguageModel | None,
) -> LanguageScorer | None:
    if settings.language_weight == 0:
        return None
    if language_model is None:
        raise UserError(
            "language_weight: there is no language model, so it should be 0,"
            f" got {settings.language_weight}"
        )
    return LettersAlone(language_model.for_vocabulary(vocabulary), vocabulary)


class LettersAlone:
    """A language model that has no say in numbers.

    A language model of prose takes digits for unlikely, and for no number more than for another. So
    a digit, and whatever follows one, gets what a character gets on the average at that place
    (minus the entropy of the model's next character): it neither gains nor loses by being there.

    Args:
        scorer: what scores all else.
        vocabulary: the recogniser's.
    """

    def __init__(self, scorer: LanguageScorer, vocabulary: Vocabulary) -> None:
        self.scorer = scorer
        self.is_digit = torch.zeros(len(vocabulary), dtype=torch.bool)
        digits = [one for one in vocabulary.characters if one.isdecimal()]
        self.is_digit[vocabulary.encode("".join(digits))] = True

    def initial_state(self, batch_size: int) -> Any:
        """Return the scorer's."""
        return self.scorer.initial_state(batch_size)

    def step(self, previous: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return log-probabilities ``[R, C]``, those of numbers replaced, and the next state."""
        log_probs, after = self.scorer.step(previous, state)
        probs = log_probs.exp()
        usual = (probs * log_probs.clamp_min(_LEAST_LOG)).sum(dim=1, keepdim=True)  # [R, 1]
        is_digit = self.is_digit.to(previous.device)
        neutral = is_digit[previous].unsqueeze(1) | is_digit  # [R, C]
        return torch.where(neutral, usual.expand_as(log_probs), log_probs), after


def _reading(found: Found, vocabulary: Vocabulary) -> Reading:
    return Reading(
        text=vocabulary.decode(found.characters.tolist()),
        score=found.scores["joint"],
        confidences=tuple(np.exp(found.log_probs[:-1]).tolist()),
        attention=found.attention,
        scores=found.scores,
        rank=found.rank,
    )
