"""A folder with tiny models and files, and commands that use them: a second of work each."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = {"type": "synthetic", "args": {"num_lines": 40, "num_writers": 5, "max_characters": 20}}
RUN = "20000101-000000"


@dataclass(frozen=True)
class Work:
    """A command that makes something.

    Attributes:
        command: see ``forked_commands``.
        arguments: that the output is added to.
        output: the option of its output; empty where that is an argument without one.
    """

    command: str
    arguments: tuple[str, ...]
    output: str = "--out"

    def to(self, output: str) -> list[str]:
        """Return the arguments with an output."""
        if self.output.endswith("="):
            return [*self.arguments, "--set", f"{self.output}{output}"]
        return [*self.arguments, *([self.output] if self.output else []), output]


WORKS = {
    "train": Work("train", ("-c", "config.json"), "trainer.save_dir="),
    "evaluate": Work("experiments", ("-r", "writer.pth", "--limit", "2", "--samples", "1")),
    "evaluate reading": Work("experiments", ("-r", "reader.pth", "--limit", "2")),
    "samples": Work(
        "experiments", ("-r", "plain.pth", "--samples-only", "--steps", "20", "--samples", "1")
    ),
    "write": Work("experiments", ("-r", "writer.pth", "--text", "e", "--format", "svg,png,json")),
    "read": Work("experiments", ("-r", "reader.pth", "--ink", "ink.svg")),
    "slim": Work("slim", ("writer.pth",), ""),
    "export": Work("experiments", ("-r", "writer.pth", "--export-weights", "float32"), "--export"),
    "package write": Work(
        "handwriting", ("write", "on it", "--weights", "weights", "--format", "svg,json,pdf")
    ),
    "package read": Work(
        "handwriting", ("read", "ink.svg", "--weights", "weights", "--format", "txt,json")
    ),
    "package convert": Work("handwriting", ("convert", "ink.svg", "--format", "svg,inkml,png")),
    "prepare": Work("prepare", ("-c", "config.json", "--export", "inkml"), "--to"),
    "adapt": Work("adapt", ("-w", "reader.pth", "--ink", "ink", "--other", "ink", "--epochs", "1")),
    "benchmark": Work("benchmark", ("--lines", "3"), "--json"),
}


def make_home(folder: Path) -> Path:
    """Fill a folder, to run the commands in."""
    from exported_models import export_tiny
    from tiny_checkpoint import make_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(export_tiny(Path(place)), folder / "weights")
    for name, task in (
        ("plain", "unconditional"),
        ("writer", "conditional"),
        ("reader", "recognition"),
    ):
        make_checkpoint(folder / f"{name}.pth", source=SOURCE, task=task)
    (folder / "config.json").write_text(json.dumps(config()))
    (folder / "ink.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0L9 20L18 0M4 9L14 9"/></svg>'
    )
    (folder / "ink").mkdir()
    for number in range(8):
        line = {"strokes": [[0, 0, 0], [0, 3, 9 + number], [0, 4, -9], [1, 2, 9]], "text": "abc"}
        (folder / "ink" / f"{number}.json").write_text(json.dumps(line))
    return folder


def config(epochs: int = 2, **changes: Any) -> dict[str, Any]:
    """Settings of a run of a second."""
    model = {"hidden_size": 8, "num_layers": 1, "num_mixtures": 2}
    loader = {"source": SOURCE, "cache_dir": "prepared", "batch_size": 4, "limit": 8}
    training = {
        "epochs": epochs,
        "save_dir": "saved",
        "sample_period": None,
        "tensorboard": False,
        **changes,
    }
    return {
        "name": "tiny",
        "seed": 1,
        "arch": {"type": "UnconditionalHandwriting", "args": model},
        "data_loader": {"type": "HandwritingDataLoader", "args": loader},
        "optimizer": {"type": "Adam", "args": {"lr": 0.01}},
        "loss": {"type": "mixture_nll"},
        "metrics": ["nll"],
        "trainer": training,
    }


def tree(folder: Path, but: tuple[str, ...] = ()) -> dict[str, bytes | None]:
    """All that is in a folder: contents of files, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.relative_to(folder).parts[0] not in but
    }


def unfinished(folder: Path) -> list[str]:
    """Names of files that look half made."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob(".*")
        if ".unfinished" in path.name or path.name.startswith(".building-")
    ]


def fresh(home: Path, place: Path) -> Path:
    """Return a copy of a folder."""
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(home, place))
