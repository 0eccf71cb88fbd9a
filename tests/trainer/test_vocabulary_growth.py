"""A model keeps what it knows when its vocabulary grows."""

import torch
from line_helpers import wavy_lines
from small_recogniser import random_batch, small_model

from base.base_model import BaseModel
from data_loader.batches import collate
from handwriting.text.vocabulary import Vocabulary
from model.language_model import CharacterLanguageModel
from model.models import ConditionalHandwriting
from trainer.vocabulary_growth import grown_weights

LINES = wavy_lines(4)
KNOWN = Vocabulary.from_texts(line.text for line in LINES)
LARGER = KNOWN.extended("#~\u00e9" + KNOWN.characters[0])


def larger(model: BaseModel, other: BaseModel, size: int) -> BaseModel:
    other.load_state_dict(grown_weights(other, model.state_dict(), size))
    return other.eval()


def test_new_characters_come_after_the_known_ones() -> None:
    assert LARGER.characters == (*KNOWN.characters, "#", "~", "\u00e9")
    assert KNOWN.extended(KNOWN.characters) == KNOWN


def test_a_writer_writes_known_texts_as_before() -> None:
    torch.manual_seed(1)
    options = {"hidden_size": 6, "num_layers": 3, "num_mixtures": 2}
    model = ConditionalHandwriting(KNOWN, **options).eval()
    other = larger(model, ConditionalHandwriting(LARGER, **options), len(KNOWN))
    inks, texts = [line.strokes for line in LINES], [line.text for line in LINES]
    outputs = [
        each(collate(inks, texts, range(4), vocabulary)).log_prob(
            collate(inks, texts, range(4), vocabulary).strokes[:, 1:]
        )
        for each, vocabulary in ((model, KNOWN), (other, LARGER))
    ]
    torch.testing.assert_close(*outputs)


def test_a_recogniser_scores_known_characters_as_before() -> None:
    model = small_model().eval()
    vocabulary = model.vocabulary.extended("#~")
    other = larger(model, small_model(vocabulary=vocabulary), len(model.vocabulary))
    batch = random_batch()
    before, after = model(batch), other(batch)
    size = len(model.vocabulary)
    torch.testing.assert_close(after.logits[..., :size], before.logits)
    torch.testing.assert_close(after.ctc_logits[..., :size], before.ctc_logits)


def test_a_language_model_scores_known_characters_as_before() -> None:
    torch.manual_seed(2)
    model = CharacterLanguageModel(KNOWN, embedding_size=3, hidden_size=5).eval()
    other = CharacterLanguageModel(LARGER, embedding_size=3, hidden_size=5)
    other = larger(model, other, len(KNOWN))
    inks, texts = [line.strokes for line in LINES], [line.text for line in LINES]
    batch = collate(inks, texts, range(4), KNOWN)
    torch.testing.assert_close(other(batch)[..., : len(KNOWN)], model(batch))


def test_every_weight_that_depends_on_the_vocabulary_is_named() -> None:
    """A model for more characters differs in these weights' shapes and in no others."""
    for make in (
        lambda vocabulary: ConditionalHandwriting(vocabulary, hidden_size=4, num_layers=2),
        lambda vocabulary: CharacterLanguageModel(vocabulary, embedding_size=3, hidden_size=5),
        lambda vocabulary: small_model(vocabulary=vocabulary),
    ):
        small, large = make(KNOWN).state_dict(), make(LARGER).state_dict()
        differ = {name for name in small if small[name].shape != large[name].shape}
        assert differ == set(make(KNOWN).vocabulary_dimensions())
