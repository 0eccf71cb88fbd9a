"""The options of how lines are read."""

import argparse
from pathlib import Path

import pytest
from tiny_checkpoint import SHORT_LINES, make_checkpoint

from evaluation.command import evaluator_for
from evaluation.recognition import RecognitionEvaluator
from experiments import parse_options
from handwriting.errors import UserError
from reading.options import decodings
from reading.recogniser import check_task_options, language_model
from reading.settings import GREEDY, DecodingSettings
from trainer.loaded_model import LoadedModel, load_model


def options_of(*words: str) -> argparse.Namespace:
    return parse_options(["-r", "model.pth", *words])


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    tasks = ("recognition", "language", "unconditional")
    return {task: make_checkpoint(folder / f"{task}.pth", SHORT_LINES, task=task) for task in tasks}


@pytest.fixture(scope="module")
def trained(checkpoints: dict[str, Path]) -> LoadedModel:
    return load_model(checkpoints["recognition"], "cpu")


def test_a_checkpoint_says_what_a_recogniser_sees(
    trained: LoadedModel, checkpoints: dict[str, Path]
) -> None:
    assert trained.features.size == trained.model.encoder.subsampling.convolutions[0].in_channels
    assert load_model(checkpoints["unconditional"], "cpu").features is None


def test_without_options_lines_are_read_greedily() -> None:
    assert decodings(options_of()) == (GREEDY,)


def test_each_decoding_adds_one_thing() -> None:
    found = decodings(
        options_of("--beam", "4", "--coverage", "0.1", "--length-normalisation", "0.7",
                   "--ctc-weight", "0.3", "--language-model", "lm.pth", "--language-weight", "0.2")
    )  # fmt: skip
    beam = {"beam": 4, "length_normalisation": 0.7, "coverage": 0.1}
    assert [decoding.settings for decoding in found] == [
        DecodingSettings(),
        DecodingSettings(**beam),
        DecodingSettings(**beam, ctc_weight=0.3),
        DecodingSettings(**beam, ctc_weight=0.3, language_weight=0.2),
    ]
    assert [decoding.key for decoding in found] == [
        "greedy", "beam", "beam_ctc", "beam_ctc_language"
    ]  # fmt: skip
    assert found[-1].name == "beam 4 + CTC 0.3 + language model 0.2"


@pytest.mark.parametrize("words", [["--ctc-weight", "0.3"], ["--language-model", "lm.pth"]])
def test_a_weight_alone_has_a_beam_too(words: list[str]) -> None:
    greedy, beam, all_of_it = decodings(options_of(*words))
    assert greedy == GREEDY and beam.settings.beam == all_of_it.settings.beam > 1
    weights = all_of_it.settings
    assert max(weights.ctc_weight, weights.language_weight) > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--beam", "0"], "--beam: a whole number from 1 to 1,000, got '0'"),
        (["--ctc-weight", "1.5"], "--ctc-weight: a number from 0 to 1, got '1.5'"),
        (["--coverage", "-1"], "--coverage: a number from 0 to 100"),
        (["--text", "a", "--beam", "2"], "--beam: is for evaluation"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        options_of(*words)


@pytest.mark.parametrize(
    ("words", "task", "message"),
    [
        (["--beam", "2"], "unconditional", "--beam: is for recognisers, got a Unconditional"),
        (["--language-model", "x"], "language", "--language-model: is for recognisers"),
        (["--language-weight", "1"], "recognition", "there is no --language-model"),
        (["--bias", "1"], "recognition", "--bias: is for models that write"),
        (["--samples-only"], "recognition", "--samples-only: is for models that write"),
        (["--steps", "9"], "recognition", "--steps: is for models that write"),
    ],
)
def test_options_of_other_tasks_are_refused(
    words: list[str], task: str, message: str, checkpoints: dict[str, Path]
) -> None:
    model = load_model(checkpoints[task], "cpu").model
    with pytest.raises(UserError, match=message):
        check_task_options(options_of(*words), model)
    check_task_options(options_of(), model)


def test_the_language_model_is_one(trained: LoadedModel, checkpoints: dict[str, Path]) -> None:
    assert language_model(options_of(), trained) is None
    found = language_model(options_of("--language-model", str(checkpoints["language"])), trained)
    assert found.task == "language"
    wrong = options_of("--language-model", str(checkpoints["unconditional"]))
    with pytest.raises(UserError, match="got one of a UnconditionalHandwriting"):
        language_model(wrong, trained)


def test_the_evaluator_has_all_of_it(trained: LoadedModel, checkpoints: dict[str, Path]) -> None:
    options = options_of("--beam", "2", "--language-model", str(checkpoints["language"]))
    evaluator = evaluator_for(trained, options)
    assert isinstance(evaluator, RecognitionEvaluator)
    assert len(evaluator.decodings) == 3 and evaluator.language_model.task == "language"
    assert evaluator.features == trained.features
