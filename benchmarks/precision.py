"""Whether training in bfloat16 follows training in float32.

    python -m benchmarks.precision [--config config_conditional.json] [--epochs 2] [--seeds 1 2 3]
        [--set arch.args.hidden_size=256 ...] [--json FILE]

Each seed is trained twice with ``train.py``, from the same weights, with the same batches in the
same order, once in each precision; what differs is rounding, and what grows of it. Validation is in
float32 for both. How far the seeds lie apart says how much a difference means.

That takes long. FILE is written after every run, and a run that it has, under the same settings, is
not made again; so it can be stopped and called again, for other seeds, too.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Report, about_run, result_file
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command

TRAIN = Path(__file__).parents[1] / "train.py"
PRECISIONS = ("float32", "bfloat16")

Found = dict[str, dict[str, float]]
"""The last epoch's validation ``nll``, by seed and by precision."""


def main() -> None:
    """Print the last epoch's validation of each run, and how far the precisions are apart."""
    options = _options()
    settings = f"{options.config}, {options.epochs} epochs, {' '.join(options.set)}"
    found = found_before(options.json, settings)
    for seed in options.seeds:
        of_seed = found.setdefault(str(seed), {})
        for precision in PRECISIONS:
            if precision in of_seed:
                continue
            of_seed[precision] = _trained(options, seed, precision)
            if options.json:
                report(found, settings, options.device).save(options.json)
    for cells in report(found, settings, options.device).rows:
        print("  ".join(cells))


def found_before(path: str | None, settings: str) -> Found:
    """Read the measurements that an earlier call under these settings wrote there."""
    if path is None or not Path(path).exists():
        return {}
    before = Report.load(Path(path)).values
    return before["nll"] if before["settings"] == settings else {}


def report(found: Found, settings: str, device: str = "cpu") -> Report:
    """The table: a row for each seed, then how far the seeds are apart in float32."""
    rows = [_row(seed, of_seed) for seed, of_seed in found.items()]
    in_float32 = [of_seed["float32"] for of_seed in found.values() if "float32" in of_seed]
    if len(in_float32) > 1:
        spread = f"{statistics.stdev(in_float32):.2f}"
        rows.append(["standard deviation over seeds", spread, "", ""])
    columns = ["seed, nll (nats per line) of the validation split", *PRECISIONS, "difference"]
    values = {"settings": settings, "nll": found}
    return Report("bfloat16 beside float32 in training", columns, rows, values, about_run(device))


def _trained(options: argparse.Namespace, seed: int, precision: str) -> float:
    """The last epoch's validation of one run."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [
            f"seed={seed}",
            f"trainer.precision={precision}",
            f"trainer.epochs={options.epochs}",
            f"trainer.save_dir={folder}",
            "trainer.sample_period=null",
            *options.set,
        ]
        command = [sys.executable, str(TRAIN), "-c", options.config, "--device", options.device]
        command += [word for setting in settings for word in ("--set", setting)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (log,) = Path(folder).glob("log/*/*/metrics.jsonl")
        epochs = [json.loads(line) for line in log.read_text().splitlines()]
    seconds = sum(epoch["seconds"] for epoch in epochs)
    nll: float = epochs[-1]["val.nll"]
    print(f"seed {seed}, {precision}: nll {nll:.2f}, {seconds:.0f} s", flush=True)
    return nll


def _row(seed: str, found: dict[str, float]) -> list[str]:
    cells = [f"{found[precision]:.2f}" if precision in found else "" for precision in PRECISIONS]
    difference = ""
    if len(found) == len(PRECISIONS):
        difference = f"{100 * (found['bfloat16'] / found['float32'] - 1):+.2f} %"
    return [seed, *cells, difference]


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--config", default="config_conditional.json")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--json",
        type=result_file,
        metavar="FILE",
        help="also write what was measured, go on from it",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
