"""Time of making the built-in corpus, and what its pen steps are like. Run by hand.

python benchmarks/synthetic_corpus.py [--lines 10000] [--out saved_figures/synthetic.png]
"""

import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.report import Report, about_run, result_file
from data_loader.readers.synthetic import SyntheticReader
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from handwriting.ink.line import Line, points_from_strokes


def main() -> None:
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="draw 20 lines by 20 writers into this PNG")
    parser.add_argument(
        "--json", type=result_file, metavar="FILE", help="also write the numbers to this file"
    )
    arguments = parser.parse_args()
    start, start_cpu = time.perf_counter(), time.process_time()
    lines = list(SyntheticReader(num_lines=arguments.lines))
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    print(f"{len(lines)} lines in {seconds:.1f} s ({cpu_seconds:.1f} s of one core)")
    print_statistics(lines)
    if arguments.json:
        values = {"lines": len(lines), "seconds": seconds, "seconds of one core": cpu_seconds}
        rows = [[name, f"{value:,.1f}"] for name, value in values.items()]
        title = "Making the built-in corpus"
        Report(title, ["", "measured"], rows, values, about_run()).save(arguments.json)
    if arguments.out:
        draw(lines[:20], arguments.out)


def print_statistics(lines: list[Line]) -> None:
    """Points by character, and the lengths of pen steps in units and standard deviations."""
    offsets = np.concatenate([line.strokes[1:, 1:] for line in lines])
    is_lift = np.concatenate([line.strokes[:-1, 0] for line in lines]) > 0.5
    lengths = np.sqrt((offsets**2).sum(axis=1))
    points = sum(len(line.strokes) for line in lines)
    print(f"points per character: {points / sum(len(line.text) for line in lines):.2f}")
    print(f"points per line: {points / len(lines):.0f}")
    print(f"strokes per line: {is_lift.sum() / len(lines) + 1:.1f}")
    quantiles = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)
    print(f"quantiles {quantiles}")
    print(f"  of steps on paper: {np.quantile(lengths[~is_lift], quantiles).round(1)}")
    print(f"  of pen lifts:      {np.quantile(lengths[is_lift], quantiles).round(1)}")
    print(f"zero steps: {(lengths == 0.0).mean():.2e}")
    normalised = (offsets - offsets.mean(axis=0)) / offsets.std(axis=0)
    print(f"mean {offsets.mean(axis=0)}, standard deviation {offsets.std(axis=0)}")
    print(f"largest normalised offset: {np.abs(normalised).max(axis=0).round(1)}")


def draw(lines: list[Line], path: Path) -> None:
    """The lines below each other in two columns."""
    rows = (len(lines) + 1) // 2
    figure = Figure(figsize=(20, 1.1 * rows))
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for line, axis in zip(lines, axes, strict=False):
        for stroke in points_from_strokes(line.strokes):
            axis.plot(*stroke.T, "k-", marker="." if len(stroke) == 1 else None, markersize=3)
        axis.set_title(f"{line.writer}: {line.text}", fontsize=7)
    for axis in axes:
        axis.set_aspect("equal")
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    run_command(main)
