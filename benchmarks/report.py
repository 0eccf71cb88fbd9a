"""Results of benchmarks, as JSON and as Markdown.

    python -m benchmarks.report

makes ``benchmarks/README.md`` from the files in ``benchmarks/results/``, which the benchmarks write
with ``--json FILE``; ``make benchmarks`` runs them all.
"""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch

from handwriting.errors import UserError, run_command
from handwriting.files import check_can_write, whole_file

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
HEAD = """# Benchmark results

`make benchmarks` makes this page from `benchmarks/results/*.json` (`make precision` adds the last
table). Each table of seconds comes from one run, in which the variants took turns. Seconds differ
between machines, and on one machine from day to day; ratios within a table differ much less. No
test asserts any of these numbers. [docs/speed.md](../docs/speed.md) sums them up.
"""


@dataclass(frozen=True)
class Report:
    """One run of a benchmark.

    Attributes:
        title: heading of its section.
        columns: heads of the table.
        rows: cells of the table, as text.
        values: everything that was measured, as plain values.
        about: machine, versions, date, command; see ``about_run``.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    values: Any
    about: Mapping[str, Any]

    def save(self, path: str | Path) -> None:
        """Write the report as JSON; make the folder if it is not there."""
        with whole_file(Path(path)) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Return the report that ``save`` wrote to ``path``."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def markdown(self) -> str:
        """Return the section of the page with the table."""
        about = self.about
        lines = [
            f"## {self.title}",
            "",
            f"`{about['command']}`",
            "",
            f"{about['device']}, {_counted(about['threads'], 'thread')}, torch {about['torch']},"
            f" Python {about['python']}, {about['date']}.",
            "",
            _row(self.columns),
            _row(["---", *["---:"] * (len(self.columns) - 1)]),
            *(_row(cells) for cells in self.rows),
        ]
        return "\n".join(lines) + "\n"


def about_run(device: str = "cpu") -> dict[str, Any]:
    """Describe the machine, the versions and the command of this process, as plain values."""
    program = Path(sys.argv[0]).stem
    return {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "-m", f"benchmarks.{program}", *_arguments()]),
        "device": torch.cuda.get_device_name() if device == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def result_file(text: str) -> Path:
    """Return the path of a file for what is measured, as the type of an argument.

    Raises:
        UserError: there is a folder of that name, or nothing can be written where it is to be.
    """
    path = Path(text)
    if path.is_dir():
        raise UserError(f"--json: {path} is a folder")
    check_can_write(path.parent)
    return path


def main() -> None:
    """Make the page, with the tables in the order of their files' names."""
    sections = [Report.load(path).markdown() for path in sorted(RESULTS.glob("[!.]*.json"))]
    target = FOLDER / "README.md"
    with whole_file(target) as temporary:
        temporary.write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    print(f"{len(sections)} tables in {target}")


def _arguments() -> list[str]:
    """Return the command line's arguments without the file that the result goes to."""
    arguments = sys.argv[1:]
    if "--json" in arguments:
        at = arguments.index("--json")
        del arguments[at : at + 2]
    return arguments


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _processor() -> str:
    """Return the processor's name, as far as the system tells it, and the number of processors."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name} ({os.cpu_count()} processors)"


if __name__ == "__main__":
    run_command(main)
