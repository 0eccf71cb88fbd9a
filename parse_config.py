"""Parse a JSON file and the command line into a frozen, typed config; nothing is written.

A config is ``{name, seed, arch, data_loader, optimizer, loss, metrics, lr_scheduler, trainer}``.
What may stand in it follows from the constructors of the registered components and from
``TrainerSettings``; ``python train.py --schema`` prints it as JSON Schema.
"""

import argparse
import functools
import importlib
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, Field, ValidationError, create_model

from base.components import register_named
from base.config_errors import problem_lines, shown
from base.registry import (
    DATA_LOADERS,
    LOSSES,
    LR_SCHEDULERS,
    METRICS,
    MODELS,
    OPTIMIZERS,
    Registry,
)
from base.renamed import new_path, with_new_names
from base.schema import Arguments, Block, Settings, arguments_type, block_type, build
from handwriting.command_line import OneLineParser
from handwriting.errors import CheckpointError, ConfigError
from utils.device import device_problem
from utils.json_text import parse_json, read_json
from utils.shipped import checkpoint_path, shipped_names

# As a checkpoint to resume: the newest one.
_LATEST = Path("latest")
# The packages that register components when they are imported.
_COMPONENT_PACKAGES = ("data_loader", "model", "trainer")
# What a resumed run may change: how long it goes on, not what it has computed so far.
_CHANGEABLE_ON_RESUME = ("trainer",)
# A type checker cannot follow a form that is subscripted with values only a run knows.
_LITERAL: Any = Literal
_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Names its schema to an editor; not a setting.
_SCHEMA_KEY = "$schema"
# Numbers as people type them that JSON writes otherwise: .5, 1., +2
_LOOSE_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

Overrides = Sequence[tuple[str, Any]]


class Config(Settings):
    """A resolved config, every default filled in; ``config_type`` gives its parts their types."""

    name: Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=100)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    arch: Block
    data_loader: Block
    optimizer: Block
    loss: Block
    metrics: tuple[str, ...] = ()
    lr_scheduler: Block | None = None
    trainer: Arguments


@dataclass(frozen=True)
class Components:
    """Registries of the parts of a config; ``trainer`` is a dataclass of settings."""

    arch: Registry
    data_loader: Registry
    optimizer: Registry
    loss: Registry
    metrics: Registry
    lr_scheduler: Registry
    trainer: type


@functools.cache
def project_components() -> Components:
    """Return the project's own components; importing their packages registers them."""
    for package in _COMPONENT_PACKAGES:
        importlib.import_module(package)
    settings = importlib.import_module("trainer.settings").TrainerSettings
    return Components(
        MODELS, DATA_LOADERS, OPTIMIZERS, LOSSES, METRICS, LR_SCHEDULERS, trainer=settings
    )


def config_type(components: Components | None = None) -> type[Config]:
    """The type of the configs of some components, by default the project's."""
    parts = components or project_components()
    metric: Any = _LITERAL[tuple(parts.metrics)]
    return create_model(
        "Config",
        __base__=Config,
        __doc__="What to train, on what, and how.",
        arch=(block_type(parts.arch), ...),
        data_loader=(block_type(parts.data_loader), ...),
        optimizer=(block_type(parts.optimizer), ...),
        loss=(block_type(parts.loss), ...),
        metrics=(
            Annotated[types.GenericAlias(tuple, (metric, ...)), AfterValidator(_distinct)],
            (),
        ),
        lr_scheduler=(block_type(parts.lr_scheduler) | None, None),
        trainer=(arguments_type(parts.trainer), ...),
    )


def json_schema(components: Components | None = None) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a config file, with which an editor completes and checks it.

    A config that names the schema's file under the key ``$schema`` is valid too.
    """
    schema = config_type(components).model_json_schema()
    schema["properties"] = {_SCHEMA_KEY: {"type": "string"}, **schema["properties"]}
    return {"$schema": _SCHEMA_DIALECT, **schema}


class ConfigParser:
    """A config that was found right, and what builds its parts.

    Attributes:
        config: the frozen config.
        resume: the checkpoint to go on from, ``None`` for a fresh run.
        weights: the checkpoint whose weights a fresh run starts from, ``None`` for random ones.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` and the like.
        moved: whether the user chose the folder that a resumed run goes on in.
    """

    def __init__(
        self,
        config: Config,
        resume: Path | None = None,
        device: str = "auto",
        weights: Path | None = None,
        moved: bool = False,
    ) -> None:
        self.moved = moved
        self.config = config
        self.resume = resume
        self.weights = weights
        self.device = device

    @property
    def name(self) -> str:
        """Names the run's folders."""
        return self.config.name

    @property
    def seed(self) -> int:
        """Of every random number."""
        return self.config.seed

    @functools.cached_property
    def trainer(self) -> Any:
        """The ``TrainerSettings``."""
        return self.config.trainer.instance()

    def build(self, registry: Registry, block: Block | str, **provided: Any) -> Any:
        """Call the component that ``block`` names, with its arguments and what it takes of
        ``provided``; components among its arguments are built first, the same way.

        Args:
            registry: where the component is registered.
            block: a part of ``config``, or the name of a component without arguments of its own.
            provided: what the framework supplies. One that the component was not registered to
                take is left out, so that the caller need not know which component it is.
        """
        if isinstance(block, str):
            names = registry.provided(block) & provided.keys()
            return registry[block](**{name: provided[name] for name in names})
        if block.__registry__ is not registry:
            raise TypeError(f"a {block.__registry__.kind} is no {registry.kind}")
        return build(block, provided)

    def to_dict(self) -> dict[str, Any]:
        """The config in plain values, which ``from_dict`` takes again."""
        return self.config.model_dump(mode="json")

    @classmethod
    def from_dict(
        cls,
        raw: Mapping[str, Any],
        overrides: Overrides = (),
        components: Components | None = None,
        resume: Path | None = None,
        device: str = "auto",
        weights: Path | None = None,
    ) -> "ConfigParser":
        """The config ``raw`` after ``overrides``, which are pairs of dotted path and value.

        Raises:
            ConfigError: with everything that is wrong, sorted by path.
        """
        changed, problems = _overridden(raw, overrides)
        problems += _nul_problems(changed)
        _check_is_config(changed)
        if problem := device_problem(device):
            problems.append(problem)
        parts = components or project_components()
        register_named(changed)
        schema = config_type(parts)
        try:
            config = schema.model_validate_json(_as_json(changed))
        except ValidationError as error:
            problems += problem_lines(error, schema, changed)
        else:
            problems += _joint_problems(config)
        if problems:
            raise ConfigError(sorted(problems))
        return cls(config, resume, device, weights)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        overrides: Overrides = (),
        components: Components | None = None,
        device: str = "auto",
        weights: Path | None = None,
    ) -> "ConfigParser":
        """The config in the JSON file ``path``; as ``from_dict`` otherwise.

        With ``weights``, the model is theirs, and so are the features of a recogniser; overrides
        can still change settings such as dropout. Where their lines had one size and one kind of
        points, and the config's have not, the config's lines are given the same.
        """
        raw = read_json(path)
        if not isinstance(raw, dict):
            raise ConfigError([f"{path}: should be an object, got {shown(raw)}"])
        if weights is not None:
            overrides = [*_of_weights(weights, is_ours=components is None), *overrides]
            overrides += _measure_of_weights(weights, _overridden(raw, overrides)[0])
        return cls.from_dict(raw, overrides, components, device=device, weights=weights)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        overrides: Overrides = (),
        components: Components | None = None,
        device: str = "auto",
    ) -> "ConfigParser":
        """The config of a checkpoint, to resume it; overrides may change the trainer's settings.

        Raises:
            CheckpointError: the checkpoint, or the config in it, cannot be used.
            ConfigError: as ``from_dict``, or an override would change what the run computes.
        """
        from trainer.checkpointing import load_checkpoint

        raw = load_checkpoint(path, map_location="cpu")["config"]
        try:
            stored = cls.from_dict(raw, components=components)
        except ConfigError as error:
            faults = "; ".join(error.problems)
            raise CheckpointError(f"{path}: its config does not fit here: {faults}") from error
        resumed = cls.from_dict(stored.to_dict(), overrides, components, Path(path), device)
        problems = _resume_problems(stored.to_dict(), resumed.to_dict(), overrides)
        if problems:
            raise ConfigError(problems)
        resumed.moved = any(new_path(path) == "trainer.save_dir" for path, _ in overrides)
        return resumed

    @classmethod
    def from_args(
        cls,
        argv: Sequence[str] | None = None,
        description: str | None = None,
        components: Components | None = None,
    ) -> "ConfigParser":
        """The config that a command line asks for (default: this process's own).

        ``--schema`` prints the JSON Schema and ends the process, as ``--help`` does.
        """
        args = _argument_parser(description).parse_args(argv)
        if args.schema:
            print(json.dumps(json_schema(components), indent=2))
            raise SystemExit(0)
        if args.resume == _LATEST and not _LATEST.exists():
            args.resume, args.config = cls._latest(args, components), None
        if (args.config is None) == (args.resume is None):
            raise ConfigError(["give either -c CONFIG to start or -r CHECKPOINT to resume"])
        if args.weights is not None and args.resume is not None:
            raise ConfigError(["--weights: is for a new run, a resumed one has its own"])
        overrides = _command_line_overrides(args)
        if args.resume is not None:
            return cls.from_checkpoint(args.resume, overrides, components, args.device)
        return cls.from_file(args.config, overrides, components, args.device, args.weights)

    @classmethod
    def _latest(cls, args: argparse.Namespace, components: Components | None) -> Path:
        """The newest checkpoint of the config's name, or of all runs where there is no config."""
        from trainer.run_folder import latest_checkpoint

        overrides = _command_line_overrides(args)
        if args.config is not None:
            config = cls.from_file(args.config, overrides, components, args.device)
            return latest_checkpoint(config.trainer.save_dir, config.name)
        named = [value for path, value in overrides if new_path(path) == "trainer.save_dir"]
        default = (components or project_components()).trainer().save_dir
        return latest_checkpoint(str(named[-1]) if named else default)


class _ArgumentParser(OneLineParser):
    """Parser that reports errors as those of a config."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{message} (see --help)"])


def _argument_parser(description: str | None) -> argparse.ArgumentParser:
    parser = _ArgumentParser(description=description, allow_abbrev=False)
    add = parser.add_argument
    add("-c", "--config", type=Path, metavar="FILE", help="config to train from")
    help_resume = (
        "checkpoint to resume; latest is the newest one, with -c that of the config's name"
    )
    add("-r", "--resume", type=checkpoint_path, metavar="CHECKPOINT", help=help_resume)
    help_weights = (
        "checkpoint whose model and weights a new run starts from: a file, or one of"
        f" {', '.join(shipped_names())}; new characters are added to its vocabulary"
    )
    add("-w", "--weights", type=checkpoint_path, metavar="CHECKPOINT", help=help_weights)
    help_set = "change one setting, such as trainer.epochs=3; VALUE is JSON, or else text"
    add("--set", action="append", default=[], metavar="PATH=VALUE", help=help_set)
    add("--lr", metavar="NUMBER", help="short for --set optimizer.args.lr=NUMBER")
    add("--bs", metavar="LINES", help="short for --set data_loader.args.batch_size=LINES")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    add("--schema", action="store_true", help="print the JSON Schema of configs and exit")
    return parser


def _command_line_overrides(args: argparse.Namespace) -> list[tuple[str, Any]]:
    """Pairs of path and value, in the order in which they count."""
    malformed = [each for each in args.set if not re.match(r"[^=]+=", each)]
    if malformed:
        raise ConfigError([f"--set: should be PATH=VALUE, got {each!r}" for each in malformed])
    texts = [each.split("=", 1) for each in args.set]
    flags = {"optimizer.args.lr": args.lr, "data_loader.args.batch_size": args.bs}
    texts += [[path, text] for path, text in flags.items() if text is not None]
    return [(path, _value(text, f"--set {path}")) for path, text in texts]


def _value(text: str, name: str) -> Any:
    """Return the value of ``text`` on the command line: JSON, or else itself."""
    if _LOOSE_NUMBER.fullmatch(text) and not text.lstrip("+-").isdecimal():
        return float(text)
    if text[:1] in ("{", "["):
        return parse_json(text, name)
    try:
        return parse_json(text, name)
    except ConfigError:
        return text


def _overridden(raw: Mapping[str, Any], overrides: Overrides) -> tuple[Any, list[str]]:
    """``raw`` as lists and dicts with the overrides made, and what is wrong with their paths."""
    changed = with_new_names({key: value for key, value in raw.items() if key != _SCHEMA_KEY})
    problems = []
    for path, value in overrides:
        try:
            changed = _with_value(changed, new_path(path).split("."), value)
        except TypeError as error:
            problems.append(f"{path}: {error}")
    return changed, problems


def _with_value(raw: Any, keys: list[str], value: Any) -> Any:
    """A copy of ``raw`` with ``value`` at the end of ``keys``; objects on the way are made."""
    if not keys:
        return value
    key, *rest = keys
    if isinstance(raw, list | tuple) and key.isdecimal() and int(key) < len(raw):
        at = int(key)
        return [*raw[:at], _with_value(raw[at], rest, value), *raw[at + 1 :]]
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise TypeError(f"unknown setting, nothing stands below {shown(raw)}, got {shown(value)}")
    return {**raw, key: _with_value(raw.get(key), rest, value)}


def _nul_problems(raw: Any) -> list[str]:
    """Return the settings whose texts have a NUL, with which no file or component can be named."""
    problems, waiting = [], [("", raw)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and "\0" in value:
            problems.append(f"{path}: should be a text without NUL, got {shown(value)}")
        elif isinstance(value, Mapping):
            waiting += [(f"{path}.{key}".lstrip("."), part) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(f"{path}.{at}", part) for at, part in enumerate(value)]
    return problems


def _as_json(raw: Any) -> str:
    try:
        return json.dumps(raw)
    except (TypeError, ValueError) as error:
        raise ConfigError([f"config: is not made of plain values: {error}"]) from error


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("should name each of them once")
    return names


def _joint_problems(config: Config) -> list[str]:
    """Return what only shows once every value is of its type."""
    from base.config_trial import monitor_lines, trial_lines

    problems = trial_lines(config.data_loader, config.optimizer, config.lr_scheduler)
    monitor = getattr(config.trainer, "monitor", None)
    return problems + ([] if monitor is None else monitor_lines(monitor, config.metrics))


def _of_weights(path: Path, is_ours: bool) -> list[tuple[str, Any]]:
    """The settings that a checkpoint's weights were made for, whose model is checked where it
    ``is_ours``: of the project's own components."""
    from trainer.checkpointing import load_checkpoint
    from trainer.loaded_model import checked_model

    checkpoint = load_checkpoint(path)
    if is_ours:
        checked_model(path, checkpoint)
    settings = [("arch", checkpoint["arch"])]
    features = checkpoint["config"]["data_loader"]["args"].get("features")
    if features is not None:
        settings.append(("data_loader.args.features", features))
    return settings


def _measure_of_weights(path: Path, raw: Any) -> list[tuple[str, Any]]:
    """The cleaning that gave the lines of a checkpoint's weights one measure, where the config
    ``raw`` has none that gives its lines some."""
    from data_loader.cleaning import measure_of
    from trainer.checkpointing import load_checkpoint

    trained_on = load_checkpoint(path)["config"]["data_loader"]["args"]
    try:
        own = measure_of(raw["data_loader"]["args"])
    except (AttributeError, KeyError, TypeError, ConfigError):
        return []  # what is wrong with the config is said as it is checked
    measure = measure_of(trained_on)
    if own is not None or measure is None:
        return []
    settings = {"x_height": measure.x_height, "path": measure.path and asdict(measure.path)}
    return [(f"data_loader.args.cleaning.{name}", value) for name, value in settings.items()]


def _resume_problems(
    before: dict[str, Any], after: dict[str, Any], overrides: Overrides
) -> list[str]:
    """The overrides that would make the rest of a run another run."""
    changed = {key for key in before if before[key] != after[key]} - {*_CHANGEABLE_ON_RESUME}
    rule = "cannot change when resuming (trainer.* and --device can)"
    return sorted(
        f"{path}: {rule}, got {shown(value)}"
        for path, value in dict(overrides).items()
        if path.split(".")[0] in changed
    )


def _check_is_config(raw: Mapping[str, Any]) -> None:
    """``ConfigError`` for a file that is no config at all, before the components are imported."""
    unknown = [key for key in raw if key not in Config.model_fields]
    missing = [key for key, field in Config.model_fields.items() if field.is_required()]
    if unknown and not any(key in raw for key in missing):
        raise ConfigError(
            [f"config: holds none of {', '.join(missing)}, got {', '.join(map(str, unknown))}"]
        )
