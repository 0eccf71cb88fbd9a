"""The package without torch beside torch and onnxruntime: starts, pen steps, pages, memory.

    python -m benchmarks.runtime [--repeats 3]

The shipped models are exported to a temporary folder first. Each measurement is a process of its
own on one thread, the engines taking turns; seconds are of the processor, medians. A start is a
process that writes one line of 19 characters to an SVG file, as the command does; a page is one of
six lines, read with beam, CTC and language model. Memory is the most that the process had.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Report, about_run
from handwriting.errors import UserError

ROOT = Path(__file__).parents[1]
MODELS = ("conditional", "recognition", "language_model")
ENGINES = ("torch", "NumPy", "onnxruntime float32", "onnxruntime int8")
LINES = (1, 8, 64)
TEXT = "The quick brown fox"
PAGE = """Dear Anna,
thank you for the letter
which came on Monday.
We were glad to have it
and hope to see you soon.
Yours, Tom"""

# A small process between this one and the measured one, since a process begins with the memory of
# the one that starts it.
_LAUNCHER = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"processor": used.ru_utime + used.ru_stime, "MB": used.ru_maxrss / 1000}))
"""
_STEPS = """
import time
{setup}
def run(number):
    started = time.process_time()
    lines = write_lines(["The quick brown fox jumps over"] * number)
    return sum(map(len, lines)) / (time.process_time() - started)
run(1)
print(json.dumps({{str(number): run(number) for number in {lines}}}))
"""
_WRITE_TORCH = """
import json, torch
from pathlib import Path
from trainer.loaded_model import load_model
from writing.synthesis import write
torch.set_num_threads(1)
trained = load_model(Path({conditional!r}), "cpu")
steps = None
{onnx}
def write_lines(texts):
    lines = write(trained.model, trained.normalisation, trained.vocabulary, texts, bias=0.75,
                  seeds=range(len(texts)), pen_steps=steps)
    return [line.strokes for line in lines]
"""
_ONNX = """
from writing.pen_steps.onnx_steps import OnnxStep
steps = OnnxStep(Path({step!r})).text_pen_steps
"""
_WRITE_NUMPY = """
import json
from handwriting import Writer
writer = Writer({weights!r})
def write_lines(texts):
    return [line.strokes for line in writer.write_lines(texts, bias=0.75)]
"""
_READ_NUMPY = """
import json, time
from handwriting import Reader
reader = Reader({weights!r}, threads=1)
started = time.process_time()
page = reader.read({page!r})
print(json.dumps({{"seconds": time.process_time() - started}}))
"""
_READ_TORCH = """
import json, time, torch
from pathlib import Path
from handwriting.formats.ink_file import read_ink_file
from reading.line_reader import LineReader
from reading.runtime_export import SETTINGS
from trainer.loaded_model import load_model
torch.set_num_threads(1)
trained = load_model(Path({recognition!r}), "cpu")
language = load_model(Path({language_model!r}), "cpu").model
reader = LineReader(trained.model, trained.vocabulary, trained.features, SETTINGS, language)
started = time.process_time()
reader.read([line.strokes for line in read_ink_file(Path({page!r}))])
print(json.dumps({{"seconds": time.process_time() - started}}))
"""


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="also write what was measured")
    options = parser.parse_args()
    values = measure(options.repeats)
    report = Report(
        "Writing and reading without torch",
        ("measurement", *ENGINES),
        [
            [name, *(_cell(found.get(engine)) for engine in ENGINES)]
            for name, found in values.items()
        ],
        values,
        about_run(),
    )
    print(report.markdown())
    if options.json:
        report.save(options.json)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """Return the measurements by name and engine."""
    with tempfile.TemporaryDirectory() as folder:
        names = _prepared(Path(folder))
        programs = _programs(names)
        runs = [{name: _run(words) for name, words in programs.items()} for _ in range(repeats)]
    values: dict[str, dict[str, float]] = {}
    for measurement, engine in programs:
        found = [run[measurement, engine] for run in runs]
        for name, value in _named(measurement, found).items():
            values.setdefault(name, {})[engine] = value
    return values


def _named(measurement: str, runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The medians of what a measurement's runs say."""

    def median(key: str) -> float:
        return float(statistics.median(run[key] for run in runs))

    if measurement == "steps":
        return {f"pen steps a second, {lines} lines": median(str(lines)) for lines in LINES}
    if measurement == "page":
        return {"s to read a page of six lines": median("seconds"), "MB, reading": median("MB")}
    named = {f"s, {measurement}": median("processor")}
    return named | ({"MB, writing a line": median("MB")} if "line" in measurement else {})


def _prepared(folder: Path) -> dict[str, str]:
    """Export the models, write a page; return the names of the files."""
    weights, onnx = folder / "weights", folder / "onnx"
    for name in MODELS:
        _call("experiments.py", "-r", name, "--export", str(weights))
    _call("experiments.py", "-r", "conditional", "export-onnx", "--out", str(onnx))
    page = folder / "page.json"
    _call("-m", "handwriting", "write", PAGE, "-o", str(page), "--weights", str(weights))
    return {
        **{name: name for name in MODELS}, "weights": str(weights), "page": str(page),
        "folder": str(folder),
        "onnxruntime float32": str(onnx / "step.onnx"),
        "onnxruntime int8": str(onnx / "step.int8.onnx"),
    }  # fmt: skip


def _programs(names: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Words of each command, by measurement and engine."""
    out = ["--out", str(Path(names["folder"]) / "written"), "--format", "svg"]
    torch = ["experiments.py", "-r", names["conditional"], "--device", "cpu", "--text", TEXT, *out]
    mine = ["-m", "handwriting", "write", TEXT, "-o", str(Path(names["folder"]) / "line.svg")]
    programs = {
        ("import", "torch"): ["-c", "import torch; print('{}')"],
        ("import", "NumPy"): ["-c", "import handwriting; print('{}')"],
        ("from start to a line in a file", "torch"): torch,
        ("from start to a line in a file", "NumPy"): [*mine, "--weights", names["weights"]],
        ("from start to a line in a file", "onnxruntime int8"): [
            *torch, "--onnx", names["onnxruntime int8"]
        ],
        ("help", "torch"): ["experiments.py", "--help"],
        ("help", "NumPy"): ["-m", "handwriting", "--help"],
        ("page", "torch"): ["-c", _READ_TORCH.format(**names)],
        ("page", "NumPy"): ["-c", _READ_NUMPY.format(**names)],
    }  # fmt: skip
    for engine in ENGINES:
        onnx = _ONNX.format(step=names[engine]) if engine in names else ""
        setup = _WRITE_TORCH.format(**names, onnx=onnx)
        if engine == "NumPy":
            setup = _WRITE_NUMPY.format(**names)
        programs["steps", engine] = ["-c", _STEPS.format(setup=setup, lines=LINES)]
    return programs


def _run(words: Sequence[str]) -> dict[str, Any]:
    """Return what a command prints, if that is JSON, and what it took."""
    command = [sys.executable, "-c", _LAUNCHER, sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"a process failed: {' '.join(words[:4])}")
    *lines, used = done.stdout.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1][:1] == "{" else {}
    return {**found, **json.loads(used)}


def _call(*words: str) -> None:
    subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=_environment(), check=True, capture_output=True
    )


def _environment() -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads}


if __name__ == "__main__":
    main()
