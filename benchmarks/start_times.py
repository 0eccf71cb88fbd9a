"""Time until each command answers: help, version, mistakes, and the first line that is written.

    python -m benchmarks.start_times [--root PATH ...] [--repeats 5]

Each command runs in a process of its own, the checkouts (``--root``, several to compare) taking
turns, after one run that fills the caches. Seconds are to the first line that it prints, of the
wall clock, and of the processor until it ends, medians both; on a machine that does other things
the second tells more. Modules are those that Python imports.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report import Report, about_run, result_file
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command

ROOT = Path(__file__).parents[1]
WEIGHTS = "saved/models/research/conditional.pth"
COLUMNS = ("command", "exit code", "modules", "s of the wall clock", "s of the processor")
_IMPORTED = re.compile(rb"import time: +\d+ \|")


@dataclass(frozen=True)
class Start:
    """One run of a command: seconds, and the code that it ended with."""

    first_line: float
    processor: float
    code: int


@dataclass(frozen=True)
class Row:
    """Measurements of a command in a checkout."""

    checkout: str
    command: str
    code: int
    modules: int
    first_line: float
    processor: float

    def cells(self) -> list[str]:
        """Return the row as it is shown."""
        seconds = (f"{value:.2f}" for value in (self.first_line, self.processor))
        return [self.command, str(self.code), f"{self.modules:,}", *seconds]


def main() -> None:
    """Measure, print the table and write it."""
    options = _options()
    rows = measure([root.resolve() for root in options.root], options.repeats)
    several = len(options.root) > 1
    columns = ("checkout", *COLUMNS) if several else COLUMNS
    cells = [[row.checkout, *row.cells()] if several else row.cells() for row in rows]
    title = "Start of the commands, until the first line"
    report = Report(title, columns, cells, [asdict(row) for row in rows], about_run())
    print(report.markdown())
    if options.json:
        report.save(options.json)


def measure(roots: Sequence[Path], repeats: int) -> list[Row]:
    """Return a row for each command of each checkout; the checkouts of a command stand together."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, words in _commands(Path(folder)):
            modules = [_modules(root, words) for root in roots]
            starts = [[_start(root, words) for root in roots] for _ in range(repeats)]
            for root, count, runs in zip(roots, modules, zip(*starts, strict=True), strict=True):
                rows.append(_row(root.name, name, count, runs))
                print("  ".join([root.name, *rows[-1].cells()]), file=sys.stderr)
    return rows


def _row(checkout: str, command: str, modules: int, runs: Sequence[Start]) -> Row:
    first_line, processor = (
        statistics.median(getattr(run, name) for run in runs)
        for name in ("first_line", "processor")
    )
    return Row(checkout, command, runs[0].code, modules, first_line, processor)


def _commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Names of commands, as a user types them but for the files, and their words."""
    commands = {
        "train.py": ["train.py"],
        "experiments.py": ["experiments.py"],
        "-m data_loader.prepare": ["-m", "data_loader.prepare"],
        "-m trainer.slim": ["-m", "trainer.slim"],
    }
    for name, words in commands.items():
        for option in ("--help", "--version", "--wrong-option"):
            yield f"{name} {option}", [*words, option]
    yield "train.py -c MISSING", ["train.py", "-c", str(folder / "missing.json")]
    yield "train.py -c WRONG", ["train.py", "-c", str(_wrong_config(folder))]
    missing = str(folder / "missing.pth")
    yield "experiments.py -r MISSING", ["experiments.py", "-r", missing, "--device", "cpu"]
    writing = ["experiments.py", "-r", WEIGHTS, "--device", "cpu", "--text", "hello"]
    out = ["--format", "svg", "--out", str(folder / "page")]
    yield "experiments.py -r conditional.pth --text hello", [*writing, *out]


def _wrong_config(folder: Path) -> Path:
    config = json.loads((ROOT / "config_unconditional.json").read_text(encoding="utf-8"))
    config["optimizer"]["args"]["lr"] = "fast"
    path = folder / "wrong.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def _modules(root: Path, words: Sequence[str]) -> int:
    """Modules that the command imports; this run fills the caches, too."""
    command = [sys.executable, "-X", "importtime", *words]
    done = subprocess.run(command, cwd=root, capture_output=True)
    return len(_IMPORTED.findall(done.stderr))


def _start(root: Path, words: Sequence[str]) -> Start:
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *words], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        output = process.stdout
        assert output is not None, "a pipe was asked for"
        output.readline()
        first_line = time.perf_counter() - begun
        output.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Start(first_line, used.ru_utime + used.ru_stime, process.returncode)


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--root", type=Path, nargs="+", default=[ROOT], help="checkouts to measure")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each command")
    parser.add_argument(
        "--json", type=result_file, metavar="FILE", help="also write what was measured"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
