"""The contents of a checkpoint, checked as a whole before anything is done with them.

A checkpoint may come from anyone. Its archive is looked at before it is read, so that reading takes
no more memory than the file is long; its values are counted, so that looking at them takes no more
time than that; then each key is held to its type. A fault is one line with the file and the field.
"""

import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from torch import Tensor

from handwriting.environment import fault_line
from handwriting.errors import CheckpointError
from handwriting.ink.normalisation import LARGEST_MEAN, LARGEST_STD, SMALLEST_STD

# Names of a run's folders: they cannot leave the folder that they are in.
RUN_NAME = r"^\w[\w.-]*$"
LONGEST_NAME = 100
_DEEPEST = 40
_MOST_VALUES = 1_000_000
_MOST_LETTERS = 10_000_000
_MOST_BITS = 256  # of a whole number; those of random states have 64
# Tensors of a checkpoint may share memory, but not so often that they are much longer than it.
_SHARED = 8
_SLACK = 1 << 20  # bytes
_NOT_WHOLE = "not a checkpoint, or a truncated or damaged one"
_PICKLE = "data.pkl"
_ADMITTED = re.compile(
    r"collections (OrderedDict|defaultdict|Counter)|torch Size"
    r"|torch\._utils _rebuild_(tensor_v2|tensor_v3|parameter)"
    r"|torch (\w+Storage|u?int\d+|b?float\d+|bool)|torch\.storage (Untyped|Typed)Storage"
)


def check_archive(path: Path) -> None:
    """Check the directory of a checkpoint's archive, before anything of it is read.

    torch stores its entries as they are. A compressed one could be a thousand times as long as the
    file, and so could entries that overlap.

    Raises:
        CheckpointError: reading it could take more memory than the file is long, or would import
            something that no checkpoint needs.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_sizes(path, entries)
            pickled = [entry for entry in entries if entry.filename.endswith(f"/{_PICKLE}")]
            if len(pickled) != 1:
                raise CheckpointError(f"{path}: {_NOT_WHOLE}")
            _check_imports(path, archive.read(pickled[0]))
    except CheckpointError:
        raise
    except Exception as error:
        if fault_line(error):
            raise
        # A damaged archive can fail anywhere, with any exception.
        raise CheckpointError(f"{path}: {_NOT_WHOLE}") from None


def _check_sizes(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(f"{path}: its archive has compressed entries, which none of ours has")
    whole, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if whole > size:
        raise CheckpointError(f"{path}: its archive says that it holds {whole} bytes, of {size}")


def _check_imports(path: Path, pickled: bytes) -> None:
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name == "STACK_GLOBAL" or (
            operation.name in ("GLOBAL", "INST") and not _ADMITTED.fullmatch(str(argument))
        ):
            name = _shown(".".join(str(argument).split()))
            raise CheckpointError(f"{path}: refused, since loading it would import and run {name}")


def check_contents(path: Path, checkpoint: Mapping[str, Any], resumable: bool) -> None:
    """Check every value of a checkpoint.

    Args:
        path: where it is from.
        checkpoint: with every key of its kind.
        resumable: whether it has what resuming needs.

    Raises:
        CheckpointError: with the first field that is not as it should be.
    """
    longest = _SHARED * path.stat().st_size + _SLACK
    if problem := _Walk(longest).problem(checkpoint):
        raise CheckpointError(f"{path}: {problem}")
    schema = ResumableContents if resumable else Contents
    try:
        schema.model_validate(checkpoint)
    except ValidationError as error:
        raise CheckpointError(f"{path}: {_line(error.errors(include_url=False)[0])}") from None


class _Walk:
    """Count of the values of a checkpoint, which ends where there are too many.

    Lists that hold one another many times are short in a file and endless to look at.

    Args:
        longest: bytes that all tensors may have.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._values = self._letters = self._bytes = 0

    def problem(self, value: Any, where: tuple[Any, ...] = ()) -> str | None:
        """Return what is wrong with ``value`` or in it; None where nothing is."""
        self._values += 1
        if len(where) > _DEEPEST or self._values > _MOST_VALUES:
            return f"{_field(where)}: is deeper or has more values than any checkpoint"
        if (rule := self._rule(value)) is not None:
            return f"{_field(where)}: {rule}"
        for key, item in _items(value):
            problem = self.problem(item, (*where, key))
            if problem:
                return problem
        return None

    def _rule(self, value: Any) -> str | None:
        """Return the rule that a value breaks by itself."""
        if isinstance(value, Tensor):
            self._bytes += value.numel() * value.element_size()
            return _tensor_rule(value, self._bytes > self._longest)
        if isinstance(value, dict):
            if not all(type(key) in (str, int) for key in value):
                return "should have names or whole numbers as keys"
            self._letters += sum(len(key) for key in value if isinstance(key, str))
        elif isinstance(value, str):
            self._letters += len(value)
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            return f"should be a number of at most {_MOST_BITS} bits"
        elif not isinstance(value, list | tuple | int | float | None):
            return f"should be a plain value or a tensor, got {type(value).__name__}"
        return "has more letters than any checkpoint" if self._letters > _MOST_LETTERS else None


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def _tensor_rule(tensor: Tensor, too_long: bool) -> str | None:
    """Return the rule that a tensor breaks: dense, in memory of its own, of finite numbers."""
    if type(tensor) not in (Tensor, torch.nn.Parameter) or tensor.layout != torch.strided:
        return "should be a dense tensor"
    if tensor.is_meta or tensor.is_quantized:
        return "should be a tensor with its numbers"
    if too_long or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "is a tensor of more numbers than the file has"
    if not bool(torch.isfinite(tensor).all()):
        return "should have finite numbers, has NaN or infinity"
    return None


def _weights(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"should be weights by name, got {_kind(value)}")
    for name, weight in value.items():
        if not isinstance(name, str) or not isinstance(weight, Tensor):
            raise ValueError(f"should be a tensor by name, got {_kind(weight)} at {_shown(name)}")
    return value


def _characters(characters: list[str]) -> list[str]:
    seen = set()
    for character in characters:
        if len(character) != 1 or "\ud800" <= character <= "\udfff":
            raise ValueError(f"should be single characters, got {_shown(character)}")
        if character in seen:
            raise ValueError(f"should have each character once, has {_shown(character)} twice")
        seen.add(character)
    return characters


def _not_nan(value: float) -> float:
    if value != value:
        raise ValueError("should be a number, got NaN")
    return value


def _bytes_tensor(value: Any) -> Any:
    if not isinstance(value, Tensor) or value.dtype != torch.uint8 or value.dim() != 1:
        raise ValueError(f"should be a tensor of bytes, got {_kind(value)}")
    return value


def _integers_tensor(value: Any) -> Any:
    if not isinstance(value, Tensor) or value.dtype != torch.int64 or value.dim() != 1:
        raise ValueError(f"should be a tensor of whole numbers, got {_kind(value)}")
    if bool((value < 0).any()) or bool((value >= 2**32).any()):
        raise ValueError("should be numbers of 32 bits")
    return value


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class _Part(BaseModel):
    """A dict with these keys; others of it are not looked at."""

    model_config = ConfigDict(
        strict=True, frozen=True, arbitrary_types_allowed=True, protected_namespaces=()
    )


Weights = Annotated[Any, AfterValidator(_weights)]
Bytes = Annotated[Any, AfterValidator(_bytes_tensor)]
Integers = Annotated[Any, AfterValidator(_integers_tensor)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
# NumPy reads beyond its state's 624 numbers where this says so.
Place = Annotated[int, Field(ge=0, le=624)]
Name = Annotated[str, Field(pattern=RUN_NAME, max_length=LONGEST_NAME)]
Mean = Annotated[float, Field(ge=-LARGEST_MEAN, le=LARGEST_MEAN, allow_inf_nan=False)]
Std = Annotated[float, Field(ge=SMALLEST_STD, le=LARGEST_STD, allow_inf_nan=False)]


class StoredBlock(_Part):
    """A component by name, with its arguments."""

    type: Annotated[str, Field(max_length=1000)]
    args: dict[str, Any] = Field(default_factory=dict)


class StoredLoader(StoredBlock):
    """The data loader, whose arguments a resolved config always has."""

    args: dict[str, Any]


class StoredConfig(_Part):
    """The parts of a config that using a checkpoint looks at; its schema checks the others."""

    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    data_loader: StoredLoader
    trainer: dict[str, Any]


class StoredVocabulary(_Part):
    """The characters of a vocabulary."""

    characters: Annotated[
        list[str], BeforeValidator(_list), Field(max_length=0x110000), AfterValidator(_characters)
    ]


class StoredNormalisation(_Part):
    """The mean and the standard deviation of offsets."""

    mean: Annotated[list[Mean], BeforeValidator(_list), Field(min_length=2, max_length=2)]
    std: Annotated[list[Std], BeforeValidator(_list), Field(min_length=2, max_length=2)]


class StoredBest(_Part):
    """The best monitored value and its epoch."""

    value: Annotated[float, AfterValidator(_not_nan)] | None
    epoch: Count | None


class StoredRun(_Part):
    """The names of a run's folders."""

    name: Name
    id: Name


class Contents(_Part):
    """Everything that a slim checkpoint has."""

    format_version: Annotated[int, Field(ge=1)]
    arch: StoredBlock
    config: StoredConfig
    vocabulary: StoredVocabulary | None
    normalisation: StoredNormalisation | None
    model: Weights
    averaged: Weights | None
    epoch: Count
    step: Count
    best: StoredBest
    run: StoredRun


class StoredOptimizer(_Part):
    """The state of an optimizer, in torch's form."""

    state: dict[int, dict[str, Any]]
    param_groups: Annotated[list[dict[str, Any]], Field(min_length=1)]


class StoredNoise(_Part):
    """The state of adaptive weight noise and of its generator."""

    noise: dict[str, Any]
    generator: Bytes


class StoredSampler(_Part):
    """The place in an epoch."""

    epoch: Count
    position: Count


class StoredSums(_Part):
    """The sums over the batches of an epoch that are done."""

    sums: dict[str, Number]
    weight: Annotated[Number, Field(ge=0)]
    lines: Count
    seconds: Annotated[Number, Field(ge=0)]


class StoredRandom(_Part):
    """The random states of one process."""

    python: Annotated[tuple[int, Integers, float | None], BeforeValidator(_tuple)]
    numpy: Annotated[tuple[Integers, Place, Count, float], BeforeValidator(_tuple)]
    torch: Bytes
    cuda: Bytes | None


class ResumableContents(Contents):
    """Everything that a checkpoint has which can be resumed."""

    optimizer: StoredOptimizer
    scheduler: dict[str, Any] | None
    scaler: dict[str, Any] | None
    weight_noise: StoredNoise | None
    sampler: StoredSampler
    running: StoredSums
    early_stop: Count
    monitored: float | None
    random: Annotated[list[StoredRandom], Field(min_length=1)]


def _line(error: ErrorDetails) -> str:
    """Return one error of pydantic's: the field, the rule, the value's kind."""
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    message = re.sub(r"dictionary or instance of \w+", "dictionary", message)
    got = error["input"]
    plain = got is None or isinstance(got, str | int | float)
    said = "" if ", got " in message else f", got {_shown(got) if plain else _kind(got)}"
    return f"{_field(error['loc'])}: {message[:1].lower()}{message[1:]}{said}"


def _field(where: tuple[Any, ...]) -> str:
    parts = (_printable(str(part), 60) for part in where)
    return ".".join(parts) or "its contents"


def _shown(value: Any) -> str:
    return _printable(repr(value), 60)


def _printable(text: str, longest: int) -> str:
    short = text if len(text) <= longest else text[: longest - 3] + "..."
    return short if short.isprintable() else ascii(short)[1:-1]


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
