"""Configs: what is right, what is wrong and how it is said, and what is built."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import torch
from pydantic import Field, ValidationError

from base.registry import LR_SCHEDULERS, OPTIMIZERS, READERS, Registry
from handwriting.errors import CheckpointError, ConfigError, UserError
from parse_config import Components, ConfigParser, json_schema, project_components

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(ROOT.glob("config_*.json"))
PROJECT = json.loads((ROOT / "config_unconditional.json").read_text())


@dataclass(frozen=True)
class Training:
    """How to train."""

    epochs: Annotated[int, Field(gt=0)] = 3
    early_stop: Annotated[int, Field(gt=0)] | None = None
    monitor: str = "min nll"


@dataclass(frozen=True)
class Mending:
    """How to mend."""

    low: int = 1
    high: int = 5
    longest: Annotated[float, Field(gt=0)] | None = None

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low should be at most high")


class Net(torch.nn.Module):
    """A net."""

    def __init__(
        self,
        hidden_size: Annotated[int, Field(gt=0)] = 4,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        layer_norm: bool = False,
        vocabulary: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.vocabulary = vocabulary


class Loader:
    """Loads."""

    def __init__(
        self,
        source: Annotated[object, READERS],
        mending: Mending = Mending(),  # noqa: B008
        batch_size: Annotated[int, Field(gt=0)] = 32,
        seed: int = 0,
    ) -> None:
        self.source, self.mending, self.batch_size, self.seed = source, mending, batch_size, seed


def nll(reduction: Literal["step", "line"] = "step") -> str:
    """A loss."""
    return reduction


def score(normalisation: float) -> float:
    """A metric."""
    return normalisation


def registry(kind: str, *provided: str, **components: Any) -> Registry:
    made = Registry(kind)
    for name, component in components.items():
        made.add(component, name, provided)
    return made


@pytest.fixture(scope="module")
def components() -> Components:
    project_components()  # registers optimizers, schedules and readers, which the toys share
    return Components(
        arch=registry("model", "vocabulary", Net=Net),
        data_loader=registry("data loader", "seed", Loader=Loader),
        optimizer=OPTIMIZERS,
        loss=registry("loss", nll=nll),
        metrics=registry("metric", "normalisation", nll=score, sse=score),
        lr_scheduler=LR_SCHEDULERS,
        trainer=Training,
    )


@pytest.fixture
def raw() -> dict[str, Any]:
    return {
        "name": "toy",
        "seed": 1,
        "arch": {"type": "Net", "args": {"hidden_size": 8}},
        "data_loader": {"type": "Loader", "args": {"source": {"type": "auto"}}},
        "optimizer": {"type": "Adam", "args": {"lr": 0.01}},
        "loss": {"type": "nll"},
        "metrics": ["nll"],
        "lr_scheduler": None,
        "trainer": {"epochs": 2},
    }


def problems(raw: Any, components: Components, **changes: Any) -> list[str]:
    """What is said of ``raw`` with ``changes``, in which __ stands for the dots of a path."""
    overrides = [(path.replace("__", "."), value) for path, value in changes.items()]
    with pytest.raises(ConfigError) as caught:
        ConfigParser.from_dict(raw, overrides, components)
    return caught.value.problems


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_defaults_are_filled_in_and_the_result_is_accepted_unchanged(raw, components):
    parser = ConfigParser.from_dict(raw, components=components)
    resolved = parser.to_dict()
    assert resolved["arch"]["args"] == {"hidden_size": 8, "dropout": 0.0, "layer_norm": False}
    assert resolved["data_loader"]["args"]["mending"] == {"low": 1, "high": 5, "longest": None}
    assert resolved["optimizer"]["args"]["betas"] == [0.9, 0.999]
    assert resolved["trainer"] == {"epochs": 2, "early_stop": None, "monitor": "min nll"}
    assert parser.trainer == Training(epochs=2)
    assert (parser.name, parser.seed, parser.resume) == ("toy", 1, None)
    again = ConfigParser.from_dict(json.loads(json.dumps(resolved)), components=components)
    assert again.to_dict() == resolved


def test_the_callers_dict_is_left_alone(raw, components):
    raw["metrics"] = ["nll", "nll"]
    before = deepcopy(raw)
    ConfigParser.from_dict(raw, [("arch.args.hidden_size", 3), ("metrics.1", "sse")], components)
    assert raw == before


def test_a_config_is_frozen(raw, components):
    config = ConfigParser.from_dict(raw, components=components).config
    for part, name in ((config, "seed"), (config.arch.args, "hidden_size"), (config.arch, "args")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, 2)
    assert config.metrics == ("nll",)


def test_every_problem_shows_at_once_sorted_by_path(raw, components):
    changes = {
        "arch__args__hiden_size": 3,
        "arch__args__dropout": "0.1",
        "arch__args__layer_norm": 1,
        "batch_size": 3,
        "data_loader__args__batch_size": 0,
        "data_loader__args__source__type": "synthetk",
        "data_loader__args__mending__longest": -1,
        "lr_scheduler__type": "StepLr",
        "metrics__0": "nl",
        "metrics__5": "nll",
        "name": "a/b",
        "optimizer__lr": 0.1,
        "optimizer__args__betas": [0.9],
        "optimizer__args__eps": float("nan"),
        "seed": True,
        "seed__x": 1,
        "trainer__epoch": 3,
        "trainer__early_stop": 1.5,
    }
    assert problems(raw, components, **changes) == [
        'arch.args.dropout: should be a number, got "0.1"',
        "arch.args.hiden_size: unknown setting, got 3, did you mean 'hidden_size'?",
        "arch.args.layer_norm: should be true or false, got 1",
        "batch_size: unknown setting, got 3, did you mean 'data_loader.args.batch_size'?",
        "data_loader.args.batch_size: should be greater than 0, got 0",
        "data_loader.args.mending.longest: should be greater than 0, got -1",
        "data_loader.args.source.type: unknown source, got \"synthetk\", did you mean 'synthetic'?",
        "lr_scheduler.type: unknown learning-rate schedule, got \"StepLr\", did you mean 'StepLR'?",
        'metrics.0: should be one of "nll", "sse", got "nl", did you mean \'nll\'?',
        'metrics.5: unknown setting, nothing stands below ["nl"], got "nll"',
        "name: should match pattern '^\\w[\\w.-]*$', got \"a/b\"",
        "optimizer.args.betas.1: is required, got nothing",
        "optimizer.args.eps: should be a finite number, got NaN",
        "optimizer.lr: unknown setting, got 0.1, did you mean 'args.lr'?",
        "seed.x: unknown setting, nothing stands below true, got 1",
        "seed: should be an integer, got true",
        "trainer.early_stop: should be an integer, got 1.5",
        "trainer.epoch: unknown setting, got 3, did you mean 'epochs'?",
    ]


def test_what_is_missing_is_named(components):
    rule = "is required, got nothing"
    names = ["arch", "data_loader", "loss", "name", "optimizer", "seed", "trainer"]
    assert problems({}, components) == [f"{name}: {rule}" for name in names]


def test_a_required_argument_is_required(raw, components):
    assert problems(raw, components, data_loader__args={}, optimizer={"args": {}}) == [
        "data_loader.args.source: is required, got nothing",
        "optimizer.type: is required, got nothing",
    ]


def test_of_an_unknown_component_only_its_name_is_criticised(raw, components):
    (problem,) = problems(raw, components, arch={"type": "zz", "args": {"q": 1}})
    assert problem == 'arch.type: unknown model, got "zz", known: Net'
    (problem,) = problems(raw, components, optimizer={"type": "Adem", "args": {"q": 1}})
    assert problem == "optimizer.type: unknown optimizer, got \"Adem\", did you mean 'Adam'?"


def test_parts_of_the_wrong_shape_are_named(raw, components):
    changes = {"arch": 3, "metrics": "nll", "optimizer__args": [], "trainer": None}
    assert problems(raw, components, **changes) == [
        "arch: should be an object, got 3",
        'metrics: should be a list, got "nll"',
        "optimizer.args: should be an object, got []",
        "trainer: should be an object, got null",
    ]


def test_a_union_is_criticised_where_the_value_went_wrong(raw, components):
    args = {"base_lr": "x", "max_lr": [1, "a"]}
    assert problems(raw, components, lr_scheduler={"type": "CyclicLR", "args": args}) == [
        'lr_scheduler.args.base_lr: should be a number or a list, got "x"',
        'lr_scheduler.args.max_lr.1: should be a number, got "a"',
    ]


def test_what_only_the_constructors_know_is_found_too(raw, components):
    schedule = {"type": "CyclicLR", "args": {"base_lr": 1, "max_lr": [1, 2]}}
    source = {"type": "synthetic", "args": {"num_writers": 1}}
    found = problems(raw, components, lr_scheduler=schedule, data_loader__args__source=source)
    assert len(found) == 2
    assert found[0].startswith("data_loader.args.source.args.num_writers: must be from 3")
    assert found[1].startswith("lr_scheduler.args: max_lr must have the same length")
    (problem,) = problems(raw, components, optimizer__args__betas=[0.9, 1.5])
    assert problem.startswith("optimizer.args: Invalid beta parameter at index 1: 1.5, got {")
    (problem,) = problems(raw, components, data_loader__args__mending__low=9)
    assert problem == 'data_loader.args.mending: low should be at most high, got {"low": 9}'


def test_metrics_are_distinct_and_the_monitored_one_is_among_them(raw, components):
    (problem,) = problems(raw, components, metrics=["nll", "nll"])
    assert problem == 'metrics: should name each of them once, got ["nll", "nll"]'
    (problem,) = problems(raw, components, trainer__monitor="min nl")
    assert problem.startswith("trainer.monitor: should name one of loss, nll, got")
    assert problem.endswith("did you mean 'nll'?")
    ConfigParser.from_dict(raw, [("trainer.monitor", "min loss")], components)


def test_a_long_value_is_cut(raw, components):
    (problem,) = problems(raw, components, seed="x" * 1000)
    assert len(problem) < 120


def test_values_that_are_not_plain_are_refused(raw, components):
    with pytest.raises(ConfigError, match="config: is not made of plain values"):
        ConfigParser.from_dict({**raw, "seed": torch.tensor(1)}, components=components)


def test_build_supplies_what_a_component_takes(raw, components):
    parser = ConfigParser.from_dict(raw, components=components)
    model = parser.build(components.arch, parser.config.arch, vocabulary=("a",), other=3)
    assert (model.hidden_size, model.vocabulary) == (8, ("a",))
    loader = parser.build(components.data_loader, parser.config.data_loader, seed=5)
    assert (loader.batch_size, loader.seed, loader.mending) == (32, 5, Mending())
    assert type(loader.source) is READERS["auto"]
    assert parser.build(components.metrics, "sse", normalisation=2.0, vocabulary=()) == 2.0
    with pytest.raises(TypeError, match="a model is no loss"):
        parser.build(components.loss, parser.config.arch)


ARGUMENTS = {
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 1, "cycle_momentum": False},
    "ExponentialLR": {"gamma": 0.5},
    "MultiStepLR": {"milestones": [3]},
    "OneCycleLR": {"max_lr": [0.1], "total_steps": 9, "cycle_momentum": False},
    "StepLR": {"step_size": 4},
}


def test_the_optimizers_and_schedules_of_torch_can_be_named_and_built(raw, components):
    assert {"Adam", "AdamW", "SGD", "RMSprop"} <= set(OPTIMIZERS)
    assert {"ReduceLROnPlateau", "LinearLR", *ARGUMENTS} <= set(LR_SCHEDULERS)
    pairs = [(name, "StepLR") for name in OPTIMIZERS] + [("SGD", name) for name in LR_SCHEDULERS]
    for optimizer, schedule in pairs:
        schedule_block = {"type": schedule, "args": ARGUMENTS.get(schedule, {})}
        changed = {**raw, "optimizer": {"type": optimizer}, "lr_scheduler": schedule_block}
        parser = ConfigParser.from_dict(changed, components=components)
        resolved = parser.to_dict()
        assert ConfigParser.from_dict(resolved, components=components).to_dict() == resolved
        parameters = [torch.nn.Parameter(torch.zeros(2, 2))]
        built = parser.build(OPTIMIZERS, parser.config.optimizer, params=parameters)
        assert type(built) is OPTIMIZERS[optimizer]
        built = parser.build(LR_SCHEDULERS, parser.config.lr_scheduler, optimizer=built)
        assert type(built) is LR_SCHEDULERS[schedule]


def from_args(components: Components, path: Path, *arguments: str) -> ConfigParser:
    return ConfigParser.from_args(["-c", str(path), *arguments], components=components)


def test_the_command_line_changes_the_file(raw, components, tmp_path):
    path = write(tmp_path / "a.json", raw)
    arguments = [
        *("--set", "arch.args.hidden_size=5", "--set", "name=my-run.2", "--set", "metrics.0=sse"),
        *("--set", "trainer.monitor=min sse", "--set", "optimizer.args.eps=.5"),
        *("--set", "data_loader.args.mending.high=7", "--set", "trainer.early_stop=null"),
        *("--set", 'lr_scheduler={"type": "StepLR", "args": {"step_size": 2}}'),
        *("--set", "optimizer.args.lr=3", "--lr", "1e-4", "--bs", "64", "--device", "cpu"),
    ]
    parser = from_args(components, path, *arguments)
    config = parser.config
    assert config.arch.args.hidden_size == 5
    assert (config.name, config.metrics, config.optimizer.args.eps) == ("my-run.2", ("sse",), 0.5)
    assert config.data_loader.args.mending.high == 7
    assert config.lr_scheduler.args.step_size == 2
    assert (config.optimizer.args.lr, config.data_loader.args.batch_size) == (1e-4, 64)
    assert parser.device == "cpu"


def test_an_override_can_repair_a_file(raw, components, tmp_path):
    path = write(tmp_path / "a.json", {**raw, "seed": "one"})
    assert from_args(components, path, "--set", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set", "arch.args.hidden=5"], "arch.args.hidden: unknown setting, got 5, did you mean"),
        (["--set", "trainer.epochs=three"], 'trainer.epochs: should be an integer, got "three"'),
        (["--set", "trainer.epochs=NaN"], 'trainer.epochs: should be an integer, got "NaN"'),
        (["--set", 'arch={"type": "Net"'], "--set arch, line 1, column 15: is not JSON"),
        (["--set", 'arch={"type": 1, "type": 2}'], 'the key "type" stands there twice'),
        (["--set", "seed"], "--set: should be PATH=VALUE, got 'seed'"),
        (["--lr", "fast"], 'optimizer.args.lr: should be a number, got "fast"'),
        (["--bs", "0"], "data_loader.args.batch_size: should be greater than 0, got 0"),
        (["--bs", "1.5"], "data_loader.args.batch_size: should be an integer, got 1.5"),
        (["--device", "gpu"], '--device: should be auto, cpu, cuda, cuda:N or mps, got "gpu"'),
        (["--device", "cuda:99"], "--device: this machine has"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["-r", "x.pth"], "give either -c CONFIG to start or -r CHECKPOINT to resume"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(
    arguments, expected, raw, components, tmp_path
):
    with pytest.raises(ConfigError) as caught:
        from_args(components, write(tmp_path / "a.json", raw), *arguments)
    (problem,) = caught.value.problems
    assert expected in problem
    assert "\n" not in problem


def test_command_line_and_file_are_criticised_together(raw, components, tmp_path):
    path = write(tmp_path / "a.json", {**raw, "seed": "one"})
    with pytest.raises(ConfigError) as caught:
        from_args(components, path, "--bs", "0", "--device", "gpu", "--set", "name.x=1")
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == ["--device", "data_loader.args.batch_size", "name.x", "seed"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "a",\n "name": "b"}', 'line 2, column 2: the key "name" stands there twice'),
        ('{"name": "a",\n}', "line 2, column 1: is not JSON"),
        ("[1]", "should be an object, got [1]"),
    ],
)
def test_a_file_that_is_no_config_is_named_with_the_place(text, expected, components, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        ConfigParser.from_file(path, components=components)
    (problem,) = caught.value.problems
    assert problem.startswith(str(path))
    assert expected in problem


@pytest.fixture
def checkpoint(raw, components, tmp_path) -> Path:
    config = ConfigParser.from_dict(raw, components=components).to_dict()
    return save(tmp_path / "checkpoint.pth", config)


def save(path: Path, config: dict[str, Any]) -> Path:
    from tiny_checkpoint import contents

    from trainer.checkpointing import save_checkpoint

    save_checkpoint(path, contents(config=config, arch=config["arch"]))
    return path


def resume(components: Components, path: Path, *arguments: str) -> ConfigParser:
    return ConfigParser.from_args(["-r", str(path), *arguments], components=components)


@pytest.fixture
def runs(tmp_path) -> Path:
    """A folder of runs: old, new and one of another name, which is the newest."""
    config = ConfigParser.from_dict({**PROJECT, "name": "mine"}).to_dict()
    for age, (name, run) in enumerate((("other", "1"), ("mine", "2"), ("mine", "1"))):
        folder = tmp_path / "runs" / "models" / name / run
        folder.mkdir(parents=True)
        path = save(folder / "checkpoint.pth", config)
        os.utime(path, ns=(10**18 - age * 10**10,) * 2)
    return tmp_path / "runs"


def test_latest_is_the_newest_checkpoint_of_the_configs_name_or_of_all(runs, tmp_path):
    save_dir = ["--set", f"trainer.save_dir={runs}"]
    config = write(tmp_path / "a.json", {**PROJECT, "name": "mine"})
    named = ConfigParser.from_args(["-c", str(config), "-r", "latest", *save_dir])
    assert named.resume == runs / "models" / "mine" / "2" / "checkpoint.pth"
    of_all = ConfigParser.from_args(["-r", "latest", *save_dir])
    assert of_all.resume == runs / "models" / "other" / "1" / "checkpoint.pth"


def test_without_a_run_latest_is_one_line(tmp_path):
    config = write(tmp_path / "a.json", {**PROJECT, "name": "mine"})
    save_dir = ["--set", f"trainer.save_dir={tmp_path}"]
    for more in ([], ["-c", str(config)]):
        with pytest.raises(UserError, match="^-r latest: .* has no checkpoint of a run$"):
            ConfigParser.from_args(["-r", "latest", *save_dir, *more])


def test_the_loggers_of_a_config_are_built_and_tensorboard_can_be_left_out():
    named = [{"type": "tensorboard"}, {"type": "mlflow", "args": {"experiment": "pens"}}]
    for tensorboard, kinds in (
        (True, ["TensorboardLogger", "MlflowLogger"]),
        (False, ["MlflowLogger"]),
    ):
        overrides = [("trainer.loggers", named), ("trainer.tensorboard", tensorboard)]
        config = ConfigParser.from_dict(PROJECT, overrides)
        loggers = config.trainer.run_loggers()
        assert [type(each).__name__ for each in loggers] == kinds
        assert loggers[-1].experiment == "pens"
        assert ConfigParser.from_dict(config.to_dict()).to_dict() == config.to_dict()
    assert [
        type(each).__name__ for each in ConfigParser.from_dict(PROJECT).trainer.run_loggers()
    ] == ["TensorboardLogger"]
    with pytest.raises(ConfigError, match="trainer.loggers.0"):
        ConfigParser.from_dict(PROJECT, [("trainer.loggers", [{"type": "wandbb"}])])


def test_a_run_resumes_with_its_own_config(raw, components, checkpoint):
    parser = resume(components, checkpoint)
    assert parser.resume == checkpoint
    assert parser.to_dict() == ConfigParser.from_dict(raw, components=components).to_dict()


def test_a_resumed_run_may_go_on_longer_and_elsewhere(components, checkpoint):
    arguments = ["--set", "trainer.epochs=9", "--device", "cpu", "--lr", "0.01"]
    parser = resume(components, checkpoint, *arguments)
    assert (parser.trainer.epochs, parser.device) == (9, "cpu")


def test_a_new_run_may_start_from_the_weights_of_another(raw, components, checkpoint, tmp_path):
    path = write(tmp_path / "a.json", raw)
    assert from_args(components, path).weights is None
    parser = from_args(components, path, "-w", str(checkpoint))
    assert (parser.weights, parser.resume) == (checkpoint, None)
    with pytest.raises(ConfigError, match="--weights: is for a new run"):
        resume(components, checkpoint, "--weights", str(checkpoint))


def test_a_resumed_run_may_not_become_another(components, checkpoint):
    arguments = ["--set", "trainer.epochs=9", "--set", "seed=1", "--lr", "0.1", "--bs", "7"]
    with pytest.raises(ConfigError) as caught:
        resume(components, checkpoint, *arguments)
    rule = "cannot change when resuming (trainer.* and --device can)"
    assert caught.value.problems == [
        f"data_loader.args.batch_size: {rule}, got 7",
        f"optimizer.args.lr: {rule}, got 0.1",
    ]


def test_a_checkpoint_of_another_config_is_named(raw, components, tmp_path):
    path = save(tmp_path / "old.pth", {**raw, "colour": "red"})
    with pytest.raises(CheckpointError, match="old.pth: its config does not fit here: colour: unk"):
        resume(components, path)
    with pytest.raises(CheckpointError, match="none.pth"):
        resume(components, tmp_path / "none.pth")


def test_nothing_is_written(raw, components, tmp_path, monkeypatch):
    path = write(tmp_path / "a.json", raw)
    monkeypatch.chdir(tmp_path)
    from_args(components, path)
    ConfigParser.from_file(SHIPPED[0])
    with pytest.raises(ConfigError):
        from_args(components, path, "--bs", "0")
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_configs_are_right(path):
    parser = ConfigParser.from_file(path)
    assert ConfigParser.from_dict(parser.to_dict()).to_dict() == parser.to_dict()
    assert parser.trainer == parser.config.trainer.instance()
    validator().validate(json.loads(path.read_text()))


@pytest.mark.parametrize("name", ["unconditional", "conditional"])
def test_the_config_named_after_graves_is_the_network_of_the_paper(name):
    parser = ConfigParser.from_file(ROOT / f"saved/models/graves/{name}.json")
    arch = parser.config.arch.args
    assert (arch.hidden_size, arch.num_layers, arch.num_mixtures) == (400, 3, 20)
    assert (parser.config.optimizer.type, parser.config.optimizer.args.lr) == (
        "GravesRMSprop",
        1e-4,
    )
    assert parser.config.data_loader.args.source.type == "auto"


@pytest.mark.parametrize("name", ["unconditional", "conditional", "recognition"])
def test_the_recipes_take_what_data_there_are(name):
    """Whoever has IAM-OnDB alone, or nothing, trains with the same command."""
    sources = json.loads((ROOT / f"config_{name}.json").read_text())["data_loader"]["args"][
        "source"
    ]
    optional = {
        each["source"]["type"] for each in sources["args"]["sources"] if each.get("optional")
    }
    assert sources["type"] == "mixed" and {"iam_ondb", "left_out"} <= optional


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def test_the_json_schema_is_one_and_agrees_with_the_parser():
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = validator()
    shipped = json.loads((ROOT / "config_unconditional.json").read_text())
    resolved = ConfigParser.from_dict(shipped).to_dict()
    assert checker.is_valid(resolved)
    assert checker.is_valid({**shipped, "$schema": "schema.json", "lr_scheduler": None})
    ConfigParser.from_dict({**shipped, "$schema": "schema.json", "lr_scheduler": None})
    for path, value in (
        (("seed",), "1"),
        (("arch", "type"), "Nothing"),
        (("arch", "args", "hiden_size"), 3),
        (("data_loader", "args", "batch_size"), 0),
        (("data_loader", "args", "source", "type"), "nowhere"),
        (("optimizer", "args", "betas"), [0.9]),
        (("trainer", "epoch"), 3),
        (("metrics",), ["nothing"]),
    ):
        wrong = deepcopy(shipped)
        at = wrong
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        assert not checker.is_valid(wrong), path
        with pytest.raises(ConfigError):
            ConfigParser.from_dict(wrong)


def test_the_schema_is_printed_for_editors(components, capsys):
    with pytest.raises(SystemExit) as caught:
        ConfigParser.from_args(["--schema"], components=components)
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out) == json_schema(components)


def test_a_user_sees_the_problems_and_exit_code_2(raw, tmp_path):
    path = write(tmp_path / "a.json", {**raw, "seed": -1, "extra": 1})
    code = (
        "from parse_config import ConfigParser; from handwriting.errors import run_command;"
        f"run_command(lambda: ConfigParser.from_file({str(path)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "seed: should be greater than or equal to 0, got -1\n" in done.stderr
    assert "extra: unknown setting, got 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_text_has_a_nul(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"name": "a", "trainer": {"save_dir": "a\0b"}, "metrics": ["\0"]}))
    with pytest.raises(ConfigError) as caught:
        ConfigParser.from_file(path)
    found = [line for line in caught.value.problems if "without NUL" in line]
    assert sorted(line.split(":")[0] for line in found) == ["metrics.0", "trainer.save_dir"]
