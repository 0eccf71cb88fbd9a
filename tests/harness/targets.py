"""Readers of what may come from a stranger, each with valid files and with what to do with one.

A target's ``use`` returns where a file was accepted, after checks that what came of it is right;
it raises ``UserError`` where it was refused. All else is a fault.
"""

import functools
import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from mutations import Mutator, mutated_bytes, mutated_file, mutated_packed, mutated_value
from seed_files import ink_seeds, lines_array
from tiny_work import SOURCE, config


class WrongAcceptance(Exception):
    """A file was accepted, and what came of it is nothing that may be used."""


@dataclass(frozen=True)
class Seed:
    """A valid file: where it stands in a target's folder, and its contents."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: of the target.
        seeds: returns its valid files.
        use: reads a file, whose folder has what else belongs to it.
        mutate: changes a file.
        share: how many cases it gets, beside others.
        surroundings: files that stand beside the one that is changed.
    """

    name: str
    seeds: Callable[[], list[Seed]]
    use: Callable[[Path], None]
    mutate: Mutator = mutated_bytes
    share: float = 1.0
    surroundings: Callable[[], list[Seed]] = field(default=list)


def targets() -> list[Target]:
    """Return all targets: the formats of ink, then corpora, checkpoints, configs and exports."""
    inks = [
        Target(
            f"ink{suffix}", functools.partial(_seeds, f"ink{suffix}", files), use_ink, mutated_file
        )
        for suffix, files in ink_seeds().items()
    ]
    return [each for each in (*inks, *_OTHERS) if each.name != "ONNX" or _has_onnx()]


def _has_onnx() -> bool:
    return all(map(find_spec, ("onnx", "onnxruntime", "onnxscript")))


def _seeds(name: str, files: Sequence[bytes]) -> list[Seed]:
    return [Seed(name, data) for data in files]


def use_ink(path: Path) -> None:
    """Read a file as ``--ink`` and ``--style`` do, and measure its lines as a recogniser does."""
    from handwriting.formats.ink_file import read_ink_file
    from handwriting.ink.features import InkFeatures

    lines = read_ink_file(path)
    for line in lines:
        _check_line(line)
    features = InkFeatures(surroundings=True)
    for line in lines[:3]:
        if not np.isfinite(features.compute(line.strokes)).all():
            raise WrongAcceptance("features that are not finite")


def _check_line(line: Any) -> None:
    strokes = line.strokes
    if (
        strokes.dtype != np.float32
        or strokes.ndim != 2
        or strokes.shape[1] != 3
        or not len(strokes)
    ):
        raise WrongAcceptance(f"strokes of shape {strokes.shape}, {strokes.dtype}")
    if not np.isfinite(strokes).all():
        raise WrongAcceptance("strokes that are not finite")
    if not np.isin(strokes[:, 0], (0.0, 1.0)).all() or strokes[-1, 0] != 1.0:
        raise WrongAcceptance("ends of strokes that are not 0 or 1, or no end at the last point")
    for text in (line.text, line.writer, line.source_id):
        text.encode()  # halves of surrogate pairs cannot be written


def _use_reader(name: str, folder: Path, **settings: Any) -> None:
    from base.registry import READERS
    from data_loader.cleaning import Cleaning, clean

    for line in READERS[name](data_dir=str(folder), **settings).read():
        cleaned = clean(line, Cleaning())
        if cleaned.line is not None:
            _check_line(cleaned.line)


def _iam(folder: Path) -> None:
    _use_reader("iam_ondb", folder)


def _iam_files() -> list[Seed]:
    from iam_files import database_files, tar

    files = database_files()
    archives = []
    for top, name in (
        ("lineStrokes", "lineStrokes-all"),
        ("ascii", "ascii-all"),
        ("original", "original-xml-part"),
    ):
        members = {path: text for path, text in files.items() if path.startswith(f"{top}/")}
        archives.append(Seed(f"{name}.tar.gz", gzip.compress(tar(members), mtime=0)))
    return archives


def _iam_lists() -> list[Seed]:
    import tempfile

    from iam_files import write_lists

    with tempfile.TemporaryDirectory() as folder:
        write_lists(Path(folder))
        lists = [Seed(path.name, path.read_bytes()) for path in Path(folder).iterdir()]
    return [*_iam_files(), *lists]


def _npy_corpus() -> list[Seed]:
    return [Seed("strokes.npy", lines_array()), Seed("sentences.txt", b"on it\nor not\nas is\n")]


def _pendigits() -> list[Seed]:
    digit = '.SEGMENT DIGIT ? "{}"\n.COMMENT {} 12 {}\n.PEN_DOWN\n1 2\n5 9\n3 2\n.PEN_UP\n.DT 9\n'
    text = ".VERSION 1.0\n.COORD X Y\n" + "".join(digit.format(n, n, n) for n in range(4))
    return [Seed("pendigits-orig.tra", text.encode())]


def _ink_folder() -> list[Seed]:
    line = json.dumps({"strokes": [[0, 0, 0], [0, 3, 9], [1, 2, -9]]}).encode()
    return [Seed("texts.txt", b"a.json on it\n"), Seed("a.json", line), Seed("a.txt", b"on it")]


@functools.cache
def _checkpoints() -> tuple[dict[str, Any], ...]:
    """A slim checkpoint of each task, and one that can be resumed."""
    import tempfile

    from tiny_checkpoint import make_checkpoint

    from data_loader.corpus import logger
    from trainer.checkpointing import load_checkpoint

    logger.disabled = True
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for task in ("unconditional", "conditional", "recognition"):
            path = make_checkpoint(Path(folder) / f"{task}.pth", source=SOURCE, task=task)
            found.append(load_checkpoint(path))
        found.append(_resumable(Path(folder)))
    return tuple(found)


def _resumable(folder: Path) -> dict[str, Any]:
    from parse_config import ConfigParser
    from trainer.assembly import build_trainer
    from trainer.checkpointing import load_checkpoint
    from trainer.distributed import Distributed

    settings = {"cache_dir": str(folder / "prepared")}
    raw = config(epochs=1, save_dir=str(folder / "saved"), weight_noise=0.01, averaging=0.9)
    raw["data_loader"]["args"] |= settings
    trainer = build_trainer(ConfigParser.from_dict(raw, device="cpu"), Distributed())
    trainer.draw_history = lambda rows, path: None
    trainer.train()
    return load_checkpoint(trainer.run.checkpoint, resumable=True)


def _checkpoint_files() -> list[Seed]:
    import torch

    seeds = []
    for checkpoint in _checkpoints():
        file = io.BytesIO()
        torch.save(checkpoint, file)
        seeds.append(Seed("checkpoint.pth", file.getvalue()))
    return seeds


def mutated_checkpoint(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a checkpoint with another value somewhere, or with other bytes."""
    import torch

    if chance.random() < 0.3:
        return _mutated_archive(chance, data)
    checkpoint = torch.load(io.BytesIO(data), weights_only=True)
    more = [torch.tensor(float("nan")), torch.zeros(0), torch.zeros(3, 2).bool(), torch.ones(2)]
    file = io.BytesIO()
    torch.save(mutated_value(chance, checkpoint, more), file)
    return file.getvalue()


def _mutated_archive(chance: random.Random, data: bytes) -> bytes:
    """Bytes changed anywhere; a checkpoint is longer than what other files are cut to."""
    at = chance.randrange(len(data))
    piece = mutated_bytes(chance, data[at : at + 2000], [data[:4000]])
    return data[:at] + piece + data[at + 2000 :]


def use_checkpoint(path: Path) -> None:
    """Load it as every command does; its numbers are to be finite."""
    import torch

    from trainer.checkpointing import load_checkpoint
    from trainer.loaded_model import load_model

    load_checkpoint(path)
    trained = load_model(path, "cpu")
    weights = trained.model.state_dict().values()
    if not all(bool(torch.isfinite(weight).all()) for weight in weights):
        raise WrongAcceptance("weights that are not finite")
    mean, std = trained.normalisation.mean, trained.normalisation.std
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and min(std) > 0):
        raise WrongAcceptance(f"normalisation by {mean}, {std}")


def _configs() -> list[Seed]:
    root = Path(__file__).parents[2]
    return [Seed("config.json", path.read_bytes()) for path in sorted(root.glob("config_*.json"))]


def mutated_json(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a JSON file with another value somewhere, or with other bytes."""
    if chance.random() < 0.3:
        return mutated_bytes(chance, data, others)
    return json.dumps(mutated_value(chance, json.loads(data))).encode("utf-8", "surrogatepass")


def use_config(path: Path) -> None:
    """Check it as ``train.py -c`` does."""
    from parse_config import ConfigParser

    parser = ConfigParser.from_file(path, device="cpu")
    ConfigParser.from_dict(parser.to_dict(), device="cpu")  # what it resolved to is valid, too


@functools.cache
def _corpus_files() -> tuple[Seed, ...]:
    import tempfile

    from base.registry import READERS
    from data_loader.cleaning import Cleaning
    from data_loader.corpus import logger, prepare_corpus

    logger.disabled = True
    with tempfile.TemporaryDirectory() as folder:
        source = READERS["synthetic"](**{**SOURCE["args"], "num_lines": 4})
        corpus = prepare_corpus(source, Cleaning(), folder, progress=False)
        return tuple(Seed(path.name, path.read_bytes()) for path in sorted(corpus.folder.iterdir()))


def mutated_corpus(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return one of a corpus's files changed; sometimes with a checksum that fits again."""
    from data_loader.corpus_writer import meta_checksum

    is_meta = data.startswith(b"{") and data.count(b"\n{") == 0
    if not is_meta or chance.random() < 0.3:
        at = chance.randrange(len(data))
        return (
            data[:at]
            + mutated_bytes(chance, data[at : at + 2000], [data[:999]])
            + data[at + 2000 :]
        )
    meta = mutated_value(chance, json.loads(data))
    if isinstance(meta, dict) and chance.random() < 0.8:
        meta["checksum"] = meta_checksum(json.loads(json.dumps(meta)))
    return json.dumps(meta).encode()


def use_corpus(path: Path) -> None:
    """Open the corpus of a file and look at all its lines."""
    from data_loader.corpus import Corpus

    corpus = Corpus(path.parent)
    corpus.check_contents()
    for line in corpus.lines():
        _check_line(line)
    for split in corpus.splits:
        normalisation = corpus.normalisation_of(split)
        if not np.isfinite([*normalisation.mean, *normalisation.std]).all():
            raise WrongAcceptance("a normalisation that is not finite")
        corpus.vocabulary_of(split)


@functools.cache
def _shard_files(tar: bool) -> tuple[Seed, ...]:
    import tempfile

    from base.registry import READERS
    from handwriting.formats.shards import LabelledLine, write_folder, write_tar

    source = READERS["synthetic"](**{**SOURCE["args"], "num_lines": 4})
    lines = [
        LabelledLine(number, line.strokes, line.text, "lena", number, ())
        for number, line in enumerate(source.read(), start=1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        if tar:
            write_tar(Path(folder) / "shard-000000.tar", lines)
        else:
            write_folder(Path(folder), lines)
        return tuple(Seed(path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir()))


@functools.cache
def _exported_files() -> tuple[Seed, ...]:
    import tempfile

    from exported_models import export_tiny

    from data_loader.corpus import logger

    logger.disabled = True
    with tempfile.TemporaryDirectory() as folder:
        weights = export_tiny(Path(folder))
        paths = sorted(path for path in weights.iterdir() if ".parity." not in path.name)
        return tuple(Seed(path.name, path.read_bytes()) for path in paths)


def mutated_model_file(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return an exported model with another value in its rules, another number in its weights, or
    other bytes."""
    kind = chance.random()
    if kind < 0.25:
        return _mutated_archive(chance, data)
    size = int.from_bytes(data[:8], "little")
    header, numbers = json.loads(data[8 : 8 + size]), data[8 + size :]
    if kind < 0.5:
        at = chance.randrange(len(numbers) // 4) * 4
        value = np.float32(chance.choice((np.nan, np.inf, -1e38, 0, 1e30, -7)))
        numbers = numbers[:at] + value.tobytes() + numbers[at + 4 :]
    elif kind < 0.8:
        about = mutated_value(chance, json.loads(header["__metadata__"]["handwriting"]))
        header["__metadata__"]["handwriting"] = json.dumps(about)
    else:
        header = mutated_value(chance, header)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + numbers


def use_models(path: Path) -> None:
    """Write a line and read it, with the models of a file's folder."""
    from handwriting.runtime.reader import Reader
    from handwriting.runtime.writer import Writer

    writer = Writer(path.parent)
    (line,) = writer.write_lines(["I"], hand=writer.hands[0] if writer.hands else None)
    for found in (line, *(writer.hand(name).example for name in writer.hands)):
        if not np.isfinite(found.strokes).all():
            raise WrongAcceptance("strokes that are not finite")
    (reading,) = Reader(path.parent, beam=2, threads=1).read_lines([line.strokes[:60]])
    reading.text.encode()


@functools.cache
def _onnx_files() -> tuple[Seed, ...]:
    """A pen step in ONNX and its description."""
    import tempfile

    from tiny_checkpoint import make_checkpoint

    from trainer.loaded_model import load_model
    from writing.pen_steps.onnx_export import write_step

    with tempfile.TemporaryDirectory() as folder:
        path = make_checkpoint(Path(folder) / "writer.pth", source=SOURCE, task="conditional")
        trained = load_model(path, "cpu")
        place = Path(folder) / "onnx"
        place.mkdir()
        write_step(trained.model, trained.normalisation, trained.vocabulary, place)
        return tuple(Seed(path.name, path.read_bytes()) for path in sorted(place.iterdir()))


def mutated_graph(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a graph with other bytes, or a description with another value."""
    return (
        mutated_json(chance, data, others) if data[:1] == b"{" else _mutated_archive(chance, data)
    )


def use_pen_step(path: Path) -> None:
    """Take pen steps with a graph; sometimes one that was changed along with its checksum."""
    import torch

    from writing.pen_steps.onnx_export import DESCRIPTION_FILE, FLOAT_FILE, checksum
    from writing.pen_steps.onnx_steps import OnnxStep

    description = path.with_name(DESCRIPTION_FILE)
    graph = path if path.suffix == ".onnx" else path.with_name(FLOAT_FILE)
    whole = description.read_bytes()
    if path == graph and len(path.read_bytes()) % 2:
        about = json.loads(whole)
        about["sha256"] = {graph.name: checksum(graph)}
        description.write_text(json.dumps(about))
    try:
        step = OnnxStep(graph)
        shapes = {each.name: each.shape for each in step.few_lines.get_inputs()}
        text = torch.zeros(2, 2, shapes["text"][2])
        text[:, :, 5] = 1
        if not torch.isfinite(step.text_pen_steps(text).step(torch.zeros(2, 3))).all():
            raise WrongAcceptance("pen steps that are not finite")
    finally:
        if path == graph:
            description.write_bytes(whole)


_OTHERS = (
    Target("IAM-OnDB", _iam_files, lambda path: _iam(path.parent), mutated_packed, 1.0, _iam_lists),
    Target(
        "strokes.npy corpus",
        _npy_corpus,
        lambda path: _use_reader("strokes_npy", path.parent),
        surroundings=_npy_corpus,
    ),
    Target("pendigits", _pendigits, lambda path: _use_reader("pendigits", path.parent)),
    Target(
        "folder of ink",
        _ink_folder,
        lambda path: _use_reader_folder(path.parent),
        surroundings=_ink_folder,
    ),
    Target(
        "prepared corpus",
        lambda: list(_corpus_files()),
        use_corpus,
        mutated_corpus,
        surroundings=lambda: list(_corpus_files()),
    ),
    Target(
        "shard",
        lambda: list(_shard_files(False)),
        lambda path: _use_reader("shards", path.parent),
        mutated_corpus,
        0.3,
        lambda: list(_shard_files(False)),
    ),
    Target(
        "shard in a tar",
        lambda: list(_shard_files(True)),
        lambda path: _use_reader("shards", path.parent),
        share=0.3,
    ),
    Target("checkpoint", _checkpoint_files, use_checkpoint, mutated_checkpoint, 0.3),
    Target("config", _configs, use_config, mutated_json, 0.3),
    Target(
        "exported model",
        lambda: list(_exported_files()),
        use_models,
        mutated_model_file,
        0.5,
        lambda: list(_exported_files()),
    ),
    Target(
        "ONNX",
        lambda: list(_onnx_files()),
        use_pen_step,
        mutated_graph,
        0.2,
        lambda: list(_onnx_files()),
    ),
)


def _use_reader_folder(folder: Path) -> None:
    from data_loader.readers.ink_files import InkFilesReader

    for line in InkFilesReader(str(folder)).read():
        _check_line(line)
