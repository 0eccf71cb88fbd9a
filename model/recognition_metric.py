"""Error rates of a recogniser during training, summed exactly over batches and processes.

They are about the model's own greedy reading in validation; ``handwriting.text.error_rates``
defines them and the label sets.
"""

from typing import Any

from base.base_metric import BaseMetric
from base.batch import Batch
from base.registry import METRICS
from handwriting.text.error_rates import (
    ALL,
    FOLDED,
    TASK_57,
    LabelSet,
    count_errors,
)
from handwriting.text.vocabulary import Vocabulary


def written_texts(batch: Batch, vocabulary: Vocabulary) -> list[str]:
    """The true texts ``[B]`` of a batch. A character that the vocabulary does not have is U+FFFD,
    which no model reads, so it counts as an error."""
    texts = zip(batch.text.tolist(), batch.text_lengths.tolist(), strict=True)
    return [vocabulary.decode(text[:length]) for text, length in texts]


class TextMetric(BaseMetric):
    """An error rate over all lines, 0.05 for 5 %.

    Args:
        vocabulary: the model's.
    """

    label_set: LabelSet = ALL
    errors = "character_errors"
    of = "characters"

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def _count(self, output: Any, batch: Batch) -> tuple[int, int]:
        """Count the errors in ``output.text``, the reading of each line.

        Raises:
            ValueError: nothing was read, as by a model in training mode.
        """
        if output.text is None:
            raise ValueError("no text to count errors of: the model is in training mode")
        pairs = zip(written_texts(batch, self.vocabulary), output.text, strict=True)
        counts = count_errors(pairs, self.label_set)
        return getattr(counts, self.errors), getattr(counts, self.of)


@METRICS.register(name="cer", provided=("vocabulary",))
class CharacterErrorRate(TextMetric):
    """Character error rate, all characters."""


@METRICS.register(name="wer", provided=("vocabulary",))
class WordErrorRate(TextMetric):
    """Word error rate, words split at white space, all characters."""

    errors, of = "word_errors", "words"


@METRICS.register(name="exact", provided=("vocabulary",))
class ExactLines(TextMetric):
    """Rate of lines that were read without an error; the more the better."""

    errors, of = "exact", "lines"


@METRICS.register(name="cer_folded", provided=("vocabulary",))
class FoldedCharacterErrorRate(CharacterErrorRate):
    """Character error rate without case and punctuation."""

    label_set = FOLDED


@METRICS.register(name="wer_folded", provided=("vocabulary",))
class FoldedWordErrorRate(WordErrorRate):
    """Word error rate without case and punctuation."""

    label_set = FOLDED


@METRICS.register(name="cer_57", provided=("vocabulary",))
class CharacterErrorRate57(CharacterErrorRate):
    """Character error rate in 57 symbols."""

    label_set = TASK_57


@METRICS.register(name="wer_57", provided=("vocabulary",))
class WordErrorRate57(WordErrorRate):
    """Word error rate in 57 symbols."""

    label_set = TASK_57
