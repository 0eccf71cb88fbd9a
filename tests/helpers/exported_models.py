"""Folders of exported models."""

from pathlib import Path

from tiny_checkpoint import make_checkpoint

from evaluation.runtime_export import write_export
from handwriting.runtime.hands import Hand, write_hands
from handwriting.runtime.model_file import read_model_file
from handwriting.runtime.synthesis import Prime
from trainer.loaded_model import load_model
from utils.shipped import checkpoint_path

SOURCE = {
    "type": "synthetic",
    "args": {"num_lines": 60, "num_writers": 5, "min_characters": 8, "max_characters": 14},
}


def export_tiny(folder: Path) -> Path:
    """Write tiny models with random weights, and a hand, to a folder."""
    weights = folder / "weights"
    weights.mkdir()
    for task in ("conditional", "recognition", "language"):
        path = make_checkpoint(folder / task / "model_best.pth", SOURCE, task=task)
        write_export(load_model(path, "cpu"), weights)
    vectors = read_model_file(weights / "writer.parity.safetensors")
    example = Prime(vectors.tensors["0.strokes"], vectors.about["cases"][0]["text"])
    write_hands([Hand("lena", example, 0.5)], weights / "hands.safetensors")
    return weights


def export_shipped(folder: Path, *names: str) -> Path:
    """Write shipped models to a folder."""
    for name in names:
        write_export(load_model(checkpoint_path(name), "cpu"), folder)
    return folder
