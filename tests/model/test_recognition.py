"""The recogniser: padding and company change nothing, one truth for text and step, it learns."""

import copy
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from small_recogniser import LENGTHS, TEXTS, VOCABULARY, random_batch, small_model
from torch import Tensor, nn

from base.batch import RecognitionBatch, collate_features
from data_loader.batches import collate
from data_loader.readers.synthetic import SyntheticReader
from handwriting.errors import ConfigError
from handwriting.ink.features import InkFeatures
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import take_rows
from model.loss import Seq2SeqNLL
from model.recognition import RecognitionOutput, Seq2SeqRecognition
from reading.decoding import decode

VARIANTS = {
    "location": {},
    "additive": {"attention": "additive"},
    "layer norm": {"layer_norm": True},
    "no halving": {"num_halvings": 0},
    "one convolution": {"channels": (4,), "num_halvings": 1, "encoder_layers": 1},
    "no CTC": {"ctc": False},
}
variants = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())


def loss_of(model: Seq2SeqRecognition, output: RecognitionOutput, batch: RecognitionBatch):
    weight = 0.4 if model.ctc_output is not None else 0.0
    return Seq2SeqNLL(model.vocabulary, weight, label_smoothing=0.1)(output, batch)["loss"]


def gradients(model: Seq2SeqRecognition, batch: RecognitionBatch) -> list[Tensor]:
    loss = loss_of(model, model(batch), batch)
    return list(torch.autograd.grad(loss, list(model.parameters())))


def row_of(output: RecognitionOutput, row: int, characters: int) -> dict[str, Any]:
    """What has a meaning of one line of a batch."""
    frames = output.frame_lengths[row]
    ctc = output.ctc_logits
    return {
        "logits": output.logits[row, : characters + 1],
        "attention": output.attention[row, : characters + 1, :frames],
        "ctc_logits": None if ctc is None else ctc[row, :frames],
        "text": output.text and output.text[row],
    }


def assert_same_lines(left: RecognitionOutput, right: RecognitionOutput) -> None:
    for row, text in enumerate(TEXTS):
        first, second = (row_of(each, row, len(text)) for each in (left, right))
        assert first.pop("text") == second.pop("text")
        torch.testing.assert_close(first, second)


@variants
@pytest.mark.parametrize("filling", [0.0, 7.0])
def test_padding_changes_nothing(options: dict[str, Any], filling: float) -> None:
    model = small_model(**options)
    short = random_batch()
    long = random_batch(more_points=13, more_characters=4, filling=filling)
    outputs = [model(batch) for batch in (short, long)]
    assert_same_lines(*outputs)
    losses = [
        loss_of(model, output, batch) for output, batch in zip(outputs, (short, long), strict=True)
    ]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(gradients(model, short), gradients(model, long))


@variants
def test_padded_frames_get_no_attention(options: dict[str, Any]) -> None:
    output = small_model(**options)(random_batch(more_points=9))
    frames = torch.arange(output.attention.shape[2])
    beyond = frames >= output.frame_lengths.unsqueeze(1)
    assert beyond.any(dim=1).all()
    assert output.attention.masked_select(beyond.unsqueeze(1)).eq(0).all()
    for row, text in enumerate(TEXTS):
        sums = output.attention[row, : len(text) + 1].sum(1)
        torch.testing.assert_close(sums, torch.ones_like(sums))


@variants
def test_a_row_of_a_batch_is_the_line_alone(options: dict[str, Any]) -> None:
    model, batch = small_model(**options), random_batch()
    together = model(batch)
    for row, (length, text) in enumerate(zip(LENGTHS, TEXTS, strict=True)):
        alone = model(random_batch((length,), (text,)))
        assert alone.frame_lengths[0] == together.frame_lengths[row]
        first, second = row_of(alone, 0, len(text)), row_of(together, row, len(text))
        assert first.pop("text") == second.pop("text")
        torch.testing.assert_close(first, second)


@variants
def test_steps_and_whole_texts_agree(options: dict[str, Any]) -> None:
    """In whatever order the lines are taken on the way."""
    model, batch = small_model(**options), random_batch()
    output = model(batch)
    encoded = model.encode(batch.features, batch.feature_lengths)
    state, rows = model.initial_state(encoded), torch.arange(len(batch))
    inputs = torch.cat([torch.full((len(batch), 1), VOCABULARY.sos), batch.text], dim=1)
    coverage = torch.zeros_like(output.attention[:, 0])
    for position in range(inputs.shape[1]):
        logits, state = model.step(inputs[rows, position], state, encoded)
        coverage = coverage + output.attention[:, position]
        real = batch.text_lengths[rows] >= position
        for found, expected in (
            (logits, output.logits[rows, position]),
            (state.attention, output.attention[rows, position]),
            (state.coverage, coverage[rows]),
        ):
            torch.testing.assert_close(found[real], expected[real])
        order = torch.tensor([2, 0, 3, 1])
        rows, state, encoded = rows[order], take_rows(state, order), take_rows(encoded, order)


@pytest.mark.parametrize("attention", ["location", "additive"])
def test_gradients_through_whole_texts_and_through_steps_agree(attention: str) -> None:
    """The former are written by hand. A scheduled sampling that replaces nothing takes steps."""
    model = small_model(attention=attention).train()
    batch = random_batch()
    by_hand = gradients(model, batch)
    model.scheduled_sampling = 1e-12
    torch.testing.assert_close(by_hand, gradients(model, batch))


@pytest.mark.parametrize("attention", ["location", "additive"])
def test_gradcheck_from_the_ink_to_the_logits(attention: str) -> None:
    model = small_model(attention=attention, num_halvings=1, encoder_layers=1)
    batch = random_batch((5, 3), ("ab", "c"))

    def logits(features: Tensor) -> Tensor:
        encoded = model.encode(features, batch.feature_lengths)
        inputs = torch.tensor([[VOCABULARY.sos, 4, 5], [VOCABULARY.sos, 6, 0]])
        mask = torch.arange(encoded.memory.shape[1]) < encoded.lengths.unsqueeze(1)
        given = inputs, torch.tensor([3, 2]), encoded.memory, encoded.keys, mask, encoded.start
        return model.decoder(*given)[0]

    assert torch.autograd.gradcheck(logits, batch.features.requires_grad_())


@variants
@pytest.mark.parametrize("scheduled_sampling", [0.0, 0.5])
def test_every_parameter_gets_a_gradient(options: dict[str, Any], scheduled_sampling: float):
    model = small_model(scheduled_sampling=scheduled_sampling, **options).train()
    for name, gradient in zip(
        dict(model.named_parameters()), gradients(model, random_batch()), strict=True
    ):
        assert gradient.abs().sum() > 0, name


def test_the_first_state_uses_both_directions_of_the_top_layer() -> None:
    """Each half of what it is made of has read the whole line."""
    model, batch = small_model(num_halvings=0, channels=(4,)), random_batch()
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d):
            nn.init.constant_(layer.bias, 9.0)  # no unit is at rest, where it would see nothing
    size = model.encoder.output_size // 2
    for half in (slice(0, size), slice(size, None)):
        one_way = copy.deepcopy(model)
        one_way.decoder.start.weight.data[:, half] = 0.0
        features = batch.features.clone().requires_grad_()
        start = one_way.encode(features, batch.feature_lengths).start
        (gradient,) = torch.autograd.grad(start.sum(), features)
        for row, length in enumerate(LENGTHS):
            assert gradient[row, :length].abs().sum(1).gt(0).all()
            assert gradient[row, length:].eq(0).all()


def test_scheduled_sampling_shows_the_decoder_its_own_characters_in_training_alone() -> None:
    batch = random_batch()
    plain, sampling = small_model(), small_model(scheduled_sampling=0.999999)
    assert_same_lines(plain(batch), sampling(batch))
    output = sampling.train()(batch)
    assert output.text is None
    said = output.logits.argmax(dim=2)[:, :-1]
    # Each character was replaced by what the decoder had said, so these texts give the same.
    read = plain(replace(batch, text=said))
    real = torch.arange(output.logits.shape[1]) <= batch.text_lengths.unsqueeze(1)
    torch.testing.assert_close(output.logits[real], read.logits[real])


def test_evaluation_reads_freely_whatever_the_true_text_is() -> None:
    model, batch = small_model(), random_batch()
    free = model(batch).text
    assert free == model(replace(batch, text=torch.full_like(batch.text, 4))).text
    readings = decode(model, batch.features, batch.feature_lengths, VOCABULARY)
    assert free == [reading.text for reading in readings]
    assert model.train()(batch).text is None


def test_dropout_is_for_training_alone_and_of_whole_lines() -> None:
    batch = random_batch()
    model = small_model(dropout=0.5, decoder_dropout=0.5)
    torch.testing.assert_close(model(batch).logits, model(batch).logits)
    memory = model.train().encode(batch.features, batch.feature_lengths).memory
    dropped = memory.eq(0)
    assert 0 < dropped.float().mean() < 1
    assert torch.equal(dropped.any(dim=1), dropped.all(dim=1))
    assert not torch.equal(model(batch).logits, model(batch).logits)


@pytest.mark.parametrize("scheduled_sampling", [0.0, 0.5])
def test_bf16_autocast_stays_near_float32(scheduled_sampling: float) -> None:
    model = small_model(scheduled_sampling=scheduled_sampling).float().train()
    batch = random_batch()
    batch = replace(batch, features=batch.features.float())
    torch.manual_seed(3)
    exact = model(batch)
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(batch)
    for name in ("logits", "ctc_logits", "attention"):
        assert getattr(rough, name).dtype == torch.float32
        torch.testing.assert_close(getattr(rough, name), getattr(exact, name), atol=0.1, rtol=0.1)
    loss_of(model, rough, batch).backward()
    assert all(each.grad.isfinite().all() for each in model.parameters())
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert len(model.eval()(batch).text) == len(batch)


def test_the_vocabulary_is_not_changed_by_building_models() -> None:
    vocabulary = Vocabulary("abc ")
    before, encoded = copy.deepcopy(vars(vocabulary)), vocabulary.encode("ab?")
    for _ in range(2):
        model = small_model(vocabulary)
        assert model.vocabulary is vocabulary
        model(random_batch(vocabulary=vocabulary))
        assert vars(vocabulary) == before
        assert vocabulary.encode("ab?") == encoded
        assert model.decoder.output.out_features == len(vocabulary) == 8


def test_more_halvings_than_convolutions_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"arch.args.num_halvings: .* convolutions, 2, got 3"):
        small_model(num_halvings=3)


def synthetic_lines(count: int) -> RecognitionBatch:
    """The first lines of the built-in corpus, as the recogniser's data loader gives them."""
    reader = SyntheticReader(num_lines=count, num_writers=3, min_characters=3, max_characters=8)
    lines = list(reader.read())
    texts = [line.text for line in lines]
    strokes = [line.strokes.astype(np.float32) for line in lines]
    batch = collate(strokes, texts, range(count), Vocabulary.from_texts(texts))
    features, lengths = collate_features(
        [InkFeatures(spacing=0.4).compute(line) for line in strokes]
    )
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return RecognitionBatch(**values, features=features, feature_lengths=lengths), texts


def test_it_learns_eight_lines_without_an_error() -> None:
    batch, texts = synthetic_lines(8)
    vocabulary = Vocabulary.from_texts(texts)
    torch.manual_seed(1)
    model = Seq2SeqRecognition(
        vocabulary, batch.features.shape[2], channels=(16, 32), encoder_size=24, encoder_layers=1,
        decoder_size=48, embedding_size=16, attention_size=24, location_width=5, dropout=0.0,
        decoder_dropout=0.0,
    )  # fmt: skip
    criterion, read = Seq2SeqNLL(vocabulary, ctc_weight=0.3), None
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(1, 201):
        optimizer.zero_grad()
        loss = criterion(model(batch), batch)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        if step % 20 == 0:
            with torch.no_grad():
                read = model.eval()(batch).text
            model.train()
            if read == texts:
                break
    assert read == texts
