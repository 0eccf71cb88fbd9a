"""Time and memory of a training step of a generating model, beside limits and a naive loop.

    python -m benchmarks.training_step [--model conditional] [--hidden-size 400] ...
        [--naive] [--memory] [--steps 200 700 1400] [--batch-size 8 32 128] [--json FILE]

Products are those of the layers and of the output, and nothing else (``benchmarks.products``), as
``torch.mm`` makes them. Bare means ``torch.nn.LSTM`` layers of the same shape: the first reads what
the model's first layer reads, the others as many inputs as the model's (the hidden units below, the
pen step and, in the conditional model, the window), with the sum of the outputs as loss. Naive
means ``benchmarks.naive``, a loop over the pen steps under autograd, always in float32; its loss
must be the model's. A step is forward, loss, backward and gradient clip, and the optimizer's update
for all with ``--optimizer``. They take turns, so that what else the machine does falls on all.

On a GPU (``--device cuda``) products are in float32 and not rounded to TF32, and there are more of
them: the model with its window's recurrence in single launches ("loop") and in torch operations
("plain", see ``model.custom_layers.cuda.graphs``), and model and bare layers in TF32 and bfloat16.
Each is waited for before the next begins, and takes a few steps that are not counted, since graphs
are captured when a batch of a size comes again.

With ``--uncompiled`` the model also runs without its compiled recurrences, as everywhere before
there were any. ``--processor-time`` counts the seconds that this process computed, whatever else
the machine did; it is meant for one thread.

With ``--memory`` each also runs one step alone in a fresh process, after a tiny one that loads the
libraries. Growth is the largest resident memory of the process less what it held before the step;
on a GPU the largest memory allocated less what was before.

Shapes: ``B`` lines, ``T`` pen steps, ``S`` inputs that every layer gets, ``H`` hidden units.
"""

import argparse
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from base.batch import Batch
from benchmarks.compiled import uncompiled
from benchmarks.naive import NaiveHandwriting
from benchmarks.products import all_of, layer_products, output_products
from benchmarks.report import Report, about_run, result_file
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.cuda import graphs
from model.loss import MixtureNLL
from model.mixture import mixture_output_size
from model.models import (
    STROKE_SIZE,
    ConditionalHandwriting,
    StackedHandwriting,
    UnconditionalHandwriting,
)
from utils.matmul_precision import float32_products
from utils.memory import keep_freed_memory

# As many symbols and characters a line as in IAM-OnDB.
VOCABULARY = Vocabulary(map(chr, range(33, 107)))
NUM_CHARACTERS = 30
# What is timed on a GPU besides: who, and how.
ON_CUDA = (
    *("model loop", "model plain"),
    *("bare tf32", "model tf32"),
    *("bare bfloat16", "model bfloat16"),
)
RATIOS = (
    ("bare", "model"),
    ("naive", "model"),
    ("products", "model"),
    ("model loop", "model"),
    ("model plain", "model"),
    ("model uncompiled", "model"),
    ("bare tf32", "model tf32"),
    ("bare bfloat16", "model bfloat16"),
)
STEPS_BEFORE = {"cpu": 1, "cuda": 3}


class BareLayers(nn.Module):
    """LSTM layers on top of each other and nothing else."""

    def __init__(self, side_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.side_size = side_size
        self.layers = nn.ModuleList(
            nn.LSTM(side_size if layer == 0 else side_size + hidden_size, hidden_size)
            for layer in range(num_layers)
        )

    def forward(self, steps: Tensor) -> Tensor:
        """Hidden states ``[T, B, H]`` of the last layer for inputs ``[T, B, S]``."""
        hidden: Tensor = self.layers[0](steps)[0]
        for layer in self.layers[1:]:
            # Zero-padding brings the inputs to the model's number; it costs less than joining.
            hidden, _ = layer(nn.functional.pad(hidden, (self.side_size, 0)))
        return hidden


def main() -> None:
    """Print medians and ratios for each size; with ``--json`` write them, too."""
    options = _options()
    keep_freed_memory()  # as ``train.py`` does
    names = ["bare", "model", *(["naive"] if options.naive else [])]
    names += ["model uncompiled"] if options.uncompiled else []
    names += ["products"] if options.device == "cpu" else []
    names += ON_CUDA if options.device == "cuda" else ()
    rows = []
    for batch_size in options.batch_size:
        for num_steps in options.steps:
            row: dict[str, Any] = {"batch_size": batch_size, "steps": num_steps}
            if options.repeats:
                row["seconds"] = _times(names, batch_size, num_steps, options)
            if options.memory:
                row["growth_mib"] = {
                    name: _alone(_memory_growth, name, batch_size, num_steps, options)
                    for name in names
                    if name != "products"
                }
            _print_row(row)
            rows.append(row)
    if options.json:
        _report(rows, options).save(options.json)


def _times(
    names: list[str], batch_size: int, num_steps: int, options: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds of each one's steps."""
    _prepare(options)
    batch = _batch(batch_size, num_steps + 1).to(options.device)
    model = _model(options).to(options.device)
    if "naive" in names:
        _check_loss(model, batch)
    steps = {name: _contestant(name, model, batch, options) for name in names}
    clock = time.process_time if options.processor_time else time.perf_counter
    return _interleaved(steps, options.repeats, STEPS_BEFORE[options.device], clock)


def _check_loss(model: StackedHandwriting, batch: Batch) -> None:
    with torch.no_grad():
        own = MixtureNLL()(model(batch), batch)["loss"].item()
        naive = NaiveHandwriting(model)(batch).item()
    if not math.isclose(own, naive, rel_tol=1e-4):
        raise RuntimeError(f"the naive loop's loss {naive} is not the model's, {own}")


def _memory_growth(
    name: str, batch_size: int, num_steps: int, options: argparse.Namespace
) -> float:
    """MiB that one training step adds at most to what the process holds before it."""
    _prepare(options)
    model = _model(options).to(options.device)
    batch = _batch(batch_size, num_steps + 1).to(options.device)
    step = _contestant(name, model, batch, options)
    _contestant(name, model, _batch(2, 4).to(options.device), options)()
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = _resident("VmRSS")
    step()
    return (_resident("VmHWM") - before) / 2**10


def _resident(which: str) -> int:
    """KiB of memory that the process holds now (``VmRSS``) or held at most (``VmHWM``).

    Not ``getrusage``: its largest includes, after a fork and exec, that of the parent.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{which}:")]
    return int(line.split()[1])


def _alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the function in a process of its own, and return its result."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _print_row(row: dict[str, Any]) -> None:
    print(f"batch size {row['batch_size']}, {row['steps']} steps")
    for name, values in row.get("seconds", {}).items():
        runs = " ".join(f"{value:.3f}" for value in values)
        print(f"  {name:14} median {statistics.median(values):.3f} s  ({runs})")
    for above, below in RATIOS:
        if above in row.get("seconds", {}):
            _print_ratio(row["seconds"], above, below)
    growth = row.get("growth_mib", {})
    for name, value in growth.items():
        print(f"  {name:14} memory grows by {value:.0f} MiB")
    if "naive" in growth:
        print(f"  memory, model / naive: {growth['model'] / growth['naive']:.3f}")


def _print_ratio(times: dict[str, list[float]], above: str, below: str) -> None:
    ratios = [a / b for a, b in zip(times[above], times[below], strict=True)]
    medians = statistics.median(times[above]) / statistics.median(times[below])
    print(
        f"  time, {above} / {below}: {medians:.3f} of the medians, "
        f"{min(times[above]) / min(times[below]):.3f} of the fastest, "
        f"{statistics.median(ratios):.3f} median of the pairs"
    )


def _report(rows: list[dict[str, Any]], options: argparse.Namespace) -> Report:
    cells = []
    for row in rows:
        times, growth = row.get("seconds", {}), row.get("growth_mib", {})
        for name in times or growth:
            cells.append([name, str(row["batch_size"]), str(row["steps"])])
            cells[-1] += [_ratio(times, name, to) for to in (None, "bare", "naive")]
            cells[-1].append(_rate(times, name, row["batch_size"]))
            cells[-1] += [_ratio(growth, name, to) for to in (None, "naive")]
    precision = "bfloat16, naive in float32" if options.bfloat16 else "float32"
    precision += ", processor time" if options.processor_time else ""
    title = (
        f"Training step, {options.model}, {options.num_layers} x {options.hidden_size},"
        f" {options.num_mixtures} mixture components, {precision}"
    )
    if options.recompute_steps:
        title += f", {options.recompute_steps} steps' activations at a time"
    columns = ["", "lines", "pen steps", "s", "/ bare", "/ naive", "lines/s"]
    columns += ["growth, MiB", "/ naive"]
    return Report(title, columns, cells, rows, about_run(options.device))


def _ratio(values: dict[str, Any], name: str, to: str | None) -> str:
    """Median of ``name``, by that of ``to``; nothing where one is not there."""
    if name not in values or (to is not None and to not in values):
        return ""
    own, other = (
        statistics.median(value if isinstance(value, list) else [value])
        for value in (values[name], values[to] if to else 1.0)
    )
    return f"{own / other:.2f}" if to or own < 50 else f"{own:.0f}"


def _rate(times: dict[str, list[float]], name: str, lines: int) -> str:
    """Lines a second; nothing where there are no times."""
    return f"{lines / statistics.median(times[name]):.1f}" if name in times else ""


def _prepare(options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)


def _contestant(
    name: str, model: StackedHandwriting, batch: Batch, options: argparse.Namespace
) -> Callable[[], None]:
    """A training step of ``name``, to be called."""
    who, *how = name.split()
    bfloat16 = "bfloat16" in how or (options.bfloat16 and who != "naive")
    if who == "products":
        return _products(batch, options, torch.bfloat16 if bfloat16 else torch.float32)
    module, loss = _module_and_loss(who, model, batch, options)
    step = _step(module, loss, options, bfloat16)

    def call() -> None:
        with _running(how), float32_products(options.device, tf32="tf32" in how):
            step()

    return call


def _products(batch: Batch, options: argparse.Namespace, dtype: torch.dtype) -> Callable[[], None]:
    """The products that the model's training step takes."""
    lines, num_steps = batch.strokes.shape[0], batch.strokes.shape[1] - 1
    size, side = options.hidden_size, _side_size(options)
    layers = [
        layer_products(num_steps, lines, side + (size if layer else 0), size, dtype)
        for layer in range(options.num_layers)
    ]
    outputs = mixture_output_size(options.num_mixtures)
    return all_of([*layers, output_products(num_steps, lines, options.num_layers * size, outputs)])


def _side_size(options: argparse.Namespace) -> int:
    """``S``."""
    return STROKE_SIZE + (len(VOCABULARY) if options.text else 0)


@contextmanager
def _running(how: list[str]) -> Iterator[None]:
    """The window's recurrence on a GPU in the mode that is among the words, or as it is; without
    the compiled recurrences of a CPU where the words say so."""
    before = graphs.mode
    graphs.mode = next((word for word in how if word in graphs.MODES), before)
    try:
        with uncompiled("uncompiled" in how):
            yield
    finally:
        graphs.mode = before


def _module_and_loss(
    who: str, model: StackedHandwriting, batch: Batch, options: argparse.Namespace
) -> tuple[nn.Module, Callable[[], Tensor]]:
    if who == "naive":
        naive = NaiveHandwriting(model)
        return naive, lambda: naive(batch)
    if who == "model":
        criterion = MixtureNLL()
        return model, lambda: criterion(model(batch), batch)["loss"]
    side_size = _side_size(options)
    bare = BareLayers(side_size, options.hidden_size, options.num_layers).to(options.device)
    lines, num_steps = batch.strokes.shape[:2]
    inputs = torch.randn(num_steps - 1, lines, side_size, device=options.device)
    return bare, lambda: bare(inputs).sum()


def _model(options: argparse.Namespace) -> StackedHandwriting:
    sizes = (options.hidden_size, options.num_layers, options.num_mixtures)
    if options.text:
        return ConditionalHandwriting(VOCABULARY, *sizes, recompute_steps=options.recompute_steps)
    return UnconditionalHandwriting(*sizes, recompute_steps=options.recompute_steps)


def _step(
    module: nn.Module, loss: Callable[[], Tensor], options: argparse.Namespace, bfloat16: bool
) -> Callable[[], None]:
    optimizer = torch.optim.Adam(module.parameters()) if options.optimizer else None

    def step() -> None:
        module.zero_grad(set_to_none=True)
        with torch.autocast(options.device, torch.bfloat16, enabled=bfloat16):
            value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 10.0)
        if optimizer is not None:
            optimizer.step()
        if options.device == "cuda":
            torch.cuda.synchronize()

    return step


def _interleaved(
    steps: dict[str, Callable[[], None]],
    repeats: int,
    before: int,
    clock: Callable[[], float],
) -> dict[str, list[float]]:
    """Seconds of each call by a clock, in turns, after so many calls of each that are not
    counted."""
    for _ in range(before):
        for step in steps.values():
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = clock()
            step()
            times[name].append(clock() - start)
    return times


def _batch(num_lines: int, num_steps: int) -> Batch:
    strokes = torch.randn(num_lines, num_steps, STROKE_SIZE)
    strokes[..., 0] = (torch.rand(num_lines, num_steps) < 0.05).float()
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.full((num_lines,), num_steps),
        text=torch.randint(4, len(VOCABULARY), (num_lines, NUM_CHARACTERS)),
        text_lengths=torch.full((num_lines,), NUM_CHARACTERS),
        line_indices=torch.arange(num_lines),
    )


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--model", choices=("unconditional", "conditional"), default="unconditional"
    )
    parser.add_argument("--hidden-size", type=int, default=400)
    parser.add_argument("--num-layers", type=int, default=3)
    parser.add_argument("--num-mixtures", type=int, default=20)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32])
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[700], help="pen steps that the model reads"
    )
    parser.add_argument("--repeats", type=int, default=5, help="timed steps; 0: no times")
    parser.add_argument("--naive", action="store_true", help="beside the naive loop, too")
    parser.add_argument(
        "--uncompiled", action="store_true", help="beside the model without compiled recurrences"
    )
    parser.add_argument(
        "--processor-time", action="store_true", help="seconds that were computed, of one thread"
    )
    parser.add_argument("--memory", action="store_true", help="measure the growth of memory, too")
    parser.add_argument("--recompute-steps", type=int, help="of the model, see there")
    parser.add_argument("--json", type=result_file, metavar="FILE", help="write what was measured")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's choice")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--bfloat16", action="store_true", help="autocast bare and model to bfloat16"
    )
    parser.add_argument("--optimizer", action="store_true", help="Adam's update counts, too")
    options = parser.parse_args()
    options.text = options.model == "conditional"
    return options


if __name__ == "__main__":
    run_command(main)
