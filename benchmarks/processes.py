"""Lines a second of training on one machine: threads of one process, or processes of one thread.

    python -m benchmarks.processes [--processors 2] [--naive] [--uncompiled] [--json FILE]

A step of the conditional model is forward, loss, backward, gradient clip and Adam's update, in
bfloat16; of the naive loop (``benchmarks.naive``) the same, in float32. Several processes have an
equal share of the batch each, and share their gradients as ``torchrun`` has them do. Each
arrangement runs in fresh processes, one after the other, in turns; a few steps of each are not
counted.

Shapes: ``B`` lines, ``T`` pen steps.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from base.batch import Batch
from benchmarks.compiled import uncompiled
from benchmarks.naive import NaiveHandwriting
from benchmarks.report import Report, about_run, result_file
from benchmarks.training_step import VOCABULARY, _batch
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from model.loss import MixtureNLL
from model.models import ConditionalHandwriting
from utils.memory import keep_freed_memory

STEPS_BEFORE = 1


class _WithLoss(nn.Module):
    """A model whose output is its loss, as the naive loop's is."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.criterion = MixtureNLL()

    def forward(self, batch: Batch) -> Tensor:
        loss: Tensor = self.criterion(self.model(batch), batch)["loss"]
        return loss


def main() -> None:
    """Print lines a second of each arrangement; with ``--json`` write them, too."""
    options = _options()
    count = options.processors
    names = {
        f"{count} processes of one thread": ("model", count, 1),
        f"one process of {count} threads": ("model", 1, count),
        "one process of one thread": ("model", 1, 1),
    }
    if options.uncompiled:
        names[f"uncompiled, one process of {count} threads"] = ("uncompiled", 1, count)
    if options.naive:
        names[f"naive, one process of {count} threads"] = ("naive", 1, count)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.repeats):
        for name, (what, processes, threads) in names.items():
            seconds = _run(what, processes, threads, options)
            rates[name].append(options.batch_size / seconds)
            print(f"{name:40} {rates[name][-1]:.1f} lines/s", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first = next(iter(medians.values()))
    rows = [[name, f"{rate:.1f}", f"{first / rate:.2f}"] for name, rate in medians.items()]
    for row in rows:
        print(f"{row[0]:40} median {row[1]} lines/s, {row[2]} times as many with the first")
    if options.json:
        title = (
            f"Arrangements of {count} processors: conditional, {options.num_layers} x"
            f" {options.hidden_size}, {options.batch_size} lines of {options.steps} pen steps,"
            " bfloat16, naive in float32"
        )
        columns = ["", "lines/s", "the first / this"]
        Report(title, columns, rows, rates, about_run("cpu")).save(options.json)


def _run(what: str, processes: int, threads: int, options: argparse.Namespace) -> float:
    """Seconds of a step of all processes."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (what, processes, threads, folder, options)
        spawn(_train, arguments, nprocs=processes)
        return float((Path(folder) / "seconds").read_text())


def _train(
    rank: int, what: str, processes: int, threads: int, folder: str, options: argparse.Namespace
) -> None:
    """Take training steps as one of the processes; the first writes how long they took."""
    keep_freed_memory()  # as ``train.py`` does
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = ConditionalHandwriting(VOCABULARY, options.hidden_size, options.num_layers)
    module: nn.Module = NaiveHandwriting(model) if what == "naive" else _WithLoss(model)
    batch = _batch(options.batch_size // processes, options.steps + 1)
    if processes > 1:
        store = f"file://{folder}/store"
        dist.init_process_group("gloo", store, rank=rank, world_size=processes)
        module = DistributedDataParallel(module)
    optimizer = torch.optim.Adam(module.parameters())
    times = []
    with uncompiled(what == "uncompiled"):
        for _ in range(STEPS_BEFORE + options.steps_timed):
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=what != "naive"):
                loss = module(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 10.0)
            optimizer.step()
            times.append(time.perf_counter() - start)
    if rank == 0:
        (Path(folder) / "seconds").write_text(str(statistics.median(times[STEPS_BEFORE:])))
    if processes > 1:
        dist.destroy_process_group()


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--processors", type=int, default=2)
    parser.add_argument("--hidden-size", type=int, default=400)
    parser.add_argument("--num-layers", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32, help="lines, of all processes")
    parser.add_argument("--steps", type=int, default=700, help="pen steps")
    parser.add_argument("--steps-timed", type=int, default=3, help="training steps in a turn")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--naive", action="store_true", help="beside the naive loop, too")
    parser.add_argument(
        "--uncompiled", action="store_true", help="beside the model without compiled recurrences"
    )
    parser.add_argument("--json", type=result_file, metavar="FILE", help="write what was measured")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
