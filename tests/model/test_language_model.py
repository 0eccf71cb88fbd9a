import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import experiments
from base.batch import Batch
from data_loader.batches import collate
from data_loader.text_data_loader import NO_INK
from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary
from model.language_model import (
    BitsPerCharacter,
    CharacterLanguageModel,
    CharacterNLL,
    character_nll,
)
from parse_config import ConfigParser
from trainer.assembly import build_trainer
from trainer.distributed import Distributed
from trainer.loaded_model import load_model

VOCABULARY = Vocabulary("abc ")
TEXTS = ["abc", "a", "", "cab abba"]
ROOT = Path(__file__).parents[2]


def batch_of(texts: list[str], vocabulary: Vocabulary = VOCABULARY) -> Batch:
    return collate([NO_INK] * len(texts), texts, range(len(texts)), vocabulary)


def model_of(vocabulary: Vocabulary = VOCABULARY, **sizes: Any) -> CharacterLanguageModel:
    torch.manual_seed(2)
    sizes = {"embedding_size": 4, "hidden_size": 6, "num_layers": 2, **sizes}
    return CharacterLanguageModel(vocabulary, **sizes).double().eval()


def stepped(model: CharacterLanguageModel, text: str) -> float:
    """log p of a text with its end, one character at a time."""
    state, previous, total = model.initial_state(1), model.vocabulary.sos, 0.0
    for index in [*model.vocabulary.encode(text), model.vocabulary.eos]:
        log_probs, state = model.step(torch.tensor([previous]), state)
        total += log_probs[0, index].item()
        previous = index
    return total


def test_steps_and_forward_agree_and_padding_changes_nothing() -> None:
    model, batch = model_of(), batch_of(TEXTS)
    nll, counts = character_nll(model(batch), batch, VOCABULARY)
    assert counts.tolist() == [len(text) + 1 for text in TEXTS]
    for text, value in zip(TEXTS, nll.tolist(), strict=True):
        assert value == pytest.approx(-stepped(model, text), rel=1e-5)
        alone = batch_of([text])
        single, _ = character_nll(model(alone), alone, VOCABULARY)
        assert value == pytest.approx(single.item(), rel=1e-6)


def test_the_probabilities_of_all_texts_of_a_length_and_their_beginnings_add_up() -> None:
    model = model_of()
    log_probs, state = model.step(torch.tensor([VOCABULARY.sos]), model.initial_state(1))
    assert log_probs.exp().sum().item() == pytest.approx(1.0)
    assert state.hidden.shape == (1, 2, 6)


def test_loss_and_metric_are_means_over_all_characters_and_ends() -> None:
    model, batch = model_of(), batch_of(TEXTS)
    losses = CharacterNLL(VOCABULARY)(model(batch), batch)
    total = -sum(stepped(model, text) for text in TEXTS)
    assert losses["weight"].item() == 16
    assert losses["loss"].item() == pytest.approx(total / 16, rel=1e-5)
    metric, other = BitsPerCharacter(VOCABULARY), BitsPerCharacter(VOCABULARY)
    assert math.isnan(metric.compute())
    for part, where in ((TEXTS[:1], metric), (TEXTS[1:], other)):
        where.update(model(batch_of(part)), batch_of(part))
    metric.load_sums(metric.sums() + other.sums())
    assert metric.compute() == pytest.approx(total / 16 / math.log(2), rel=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    model, batch = model_of().train(), batch_of(TEXTS)
    CharacterNLL(VOCABULARY)(model(batch), batch)["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_it_answers_in_the_indices_of_another_vocabulary() -> None:
    model = model_of()
    assert model.for_vocabulary(Vocabulary("abc ")) is model
    other = Vocabulary("cb")
    translated = model.for_vocabulary(other)
    state, own_state = translated.initial_state(2), model.initial_state(2)
    for text in ("cc", "bc", "cb"):
        previous, own = torch.tensor(other.encode(text)), torch.tensor(VOCABULARY.encode(text))
        log_probs, state = translated.step(previous, state)
        expected, own_state = model.step(own, own_state)
        assert log_probs.shape == (2, len(other))
        places = [0, 1, 2, 3, *VOCABULARY.encode("cb")]
        torch.testing.assert_close(log_probs, expected[:, places])
    with pytest.raises(UserError, match="all characters of the recogniser, but not X Y; train it"):
        model.for_vocabulary(Vocabulary("aXbY"))


def test_it_learns_texts_by_heart() -> None:
    model = model_of(hidden_size=24, num_layers=1, dropout=0.0).train()
    batch, criterion = batch_of(["abc cab", "bab"]), CharacterNLL(VOCABULARY)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    history = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = criterion(model(batch), batch)["loss"]
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    # Which of the two it is cannot be known before the first character: no model that reads only
    # what stands before gets below the entropy of that choice, and one that has learned comes near.
    entropy = 2 * math.log(2) / 12
    assert entropy <= min(history) < 1.3 * entropy


def tiny_config(folder: Path) -> dict[str, Any]:
    raw = json.loads((ROOT / "config_language_model.json").read_text())
    raw["arch"]["args"] = {"embedding_size": 4, "hidden_size": 8, "dropout": 0.1}
    source = {"type": "synthetic", "args": {"num_lines": 60, "max_characters": 20}}
    raw["data_loader"]["args"] = {
        "source": source,
        "cache_dir": str(folder / "prepared"),
        "batch_size": 4,
        "limit": 12,
        "exclude_splits": [],
    }
    raw["trainer"] = {
        "epochs": 2,
        "save_dir": str(folder / "saved"),
        "monitor": "min bits_per_character",
        "tensorboard": False,
    }
    return raw


def test_the_config_trains_and_its_checkpoint_is_evaluated(tmp_path: Path, capsys) -> None:
    config = ConfigParser.from_dict(tiny_config(tmp_path), device="cpu")
    trainer = build_trainer(config, Distributed())
    trainer.draw_history = lambda rows, path: None
    trainer.train()
    out = tmp_path / "out"
    experiments.main(["-r", str(trainer.run.best), "--out", str(out), "--device", "cpu"])
    numbers = json.loads((out / "metrics.json").read_text())
    printed = capsys.readouterr().out
    assert numbers["task"] == "language"
    assert "bits_per_character" in printed and "perplexity" in printed
    assert numbers["perplexity"] == pytest.approx(2 ** numbers["bits_per_character"])
    rows = (out / "lines.csv").read_text().splitlines()
    assert rows[0] == "line_index,source_id,writer,characters,nll,bits_per_character,text"
    assert np.isfinite(float(rows[1].split(",")[4]))
    trained = load_model(trainer.run.best, "cpu")
    assert trained.model.vocabulary == trained.vocabulary
    assert not trained.model.training
