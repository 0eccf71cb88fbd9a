"""Whether training in bfloat16 follows training in float32.

    python -m benchmarks.precision [--config config_conditional.json] [--epochs 2] [--seeds 1 2 3]
        [--set arch.args.hidden_size=256 ...] [--json FILE]

Each seed is trained twice with ``train.py``, from the same weights, with the same batches in the
same order, once in each precision; what differs is rounding, and what grows of it. Validation is in
float32 for both. How far the seeds lie apart says how much a difference means.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import Report, about_run

TRAIN = Path(__file__).parents[1] / "train.py"
PRECISIONS = ("float32", "bfloat16")
MEASURES = ("nll", "nll_per_step_raw")


def main() -> None:
    """Print the last epoch's validation of each run, and how far the precisions are apart."""
    options = _options()
    found = {
        seed: {precision: _trained(options, seed, precision) for precision in PRECISIONS}
        for seed in options.seeds
    }
    rows = [_row(str(seed), of_seed) for seed, of_seed in found.items()]
    for row in rows:
        print("  ".join(row))
    for measure in MEASURES:
        values = [of_seed["float32"][measure] for of_seed in found.values()]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        rows.append([f"standard deviation of {measure} over seeds", f"{spread:.4f}", "", ""])
    if options.json:
        settings = " ".join(options.set)
        title = f"bfloat16 beside float32, {options.config} {settings}, epoch {options.epochs}"
        columns = ["seed, measure on the validation split", *PRECISIONS, "difference"]
        Report(title, columns, rows, found, about_run(options.device)).save(options.json)


def _trained(options: argparse.Namespace, seed: int, precision: str) -> dict[str, float]:
    """The last epoch's measures of one run."""
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
        last = json.loads(log.read_text().splitlines()[-1])
    print(
        f"seed {seed}, {precision}: nll {last['val.nll']:.2f}, {last['seconds']:.0f} s", flush=True
    )
    return {measure: last[f"val.{measure}"] for measure in MEASURES}


def _row(seed: str, found: dict[str, dict[str, float]]) -> list[str]:
    cells = [seed + ", " + " and ".join(MEASURES)]
    cells += [" and ".join(f"{found[p][m]:.3f}" for m in MEASURES) for p in PRECISIONS]
    parts = [found["bfloat16"][m] / found["float32"][m] - 1 for m in MEASURES]
    return [*cells, " and ".join(f"{100 * part:+.2f} %" for part in parts)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--config", default="config_conditional.json")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", metavar="FILE", help="also write what was measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()
