"""What benchmarks measured, as JSON and as Markdown.

    python -m benchmarks.report

makes ``benchmarks/README.md`` of the files in ``benchmarks/results/``, which the benchmarks write
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

from handwriting.files import whole_file

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
HEAD = """# What was measured

Made by `make benchmarks` (the last table by `make precision`) from `benchmarks/results/*.json`.
Each table of seconds is of one run, in which what is compared took turns; other machines, and other
times on this one, give other seconds, but much the same ratios. No test asserts any of it.
"""


@dataclass(frozen=True)
class Report:
    """One run of a benchmark.

    Attributes:
        title: what it is about.
        columns: heads of the table.
        rows: its cells, as they are shown.
        values: all that was measured, plain values.
        about: machine, versions, date, command; see ``about_run``.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    values: Any
    about: Mapping[str, Any]

    def save(self, path: str | Path) -> None:
        """Write it as JSON, in a folder that is made if need be."""
        with whole_file(Path(path)) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """What ``save`` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def markdown(self) -> str:
        """A section with the table."""
        about = self.about
        lines = [
            f"## {self.title}",
            "",
            f"`{about['command']}`",
            "",
            f"{about['device']}, {about['threads']} threads, torch {about['torch']}, Python"
            f" {about['python']}, {about['date']}.",
            "",
            _row(self.columns),
            _row(["---", *["---:"] * (len(self.columns) - 1)]),
            *(_row(cells) for cells in self.rows),
        ]
        return "\n".join(lines) + "\n"


def about_run(device: str = "cpu") -> dict[str, Any]:
    """Where and how this process measures, as plain values."""
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


def main() -> None:
    """Make the page; the tables stand in the order of their files' names."""
    sections = [Report.load(path).markdown() for path in sorted(RESULTS.glob("[!.]*.json"))]
    target = FOLDER / "README.md"
    with whole_file(target) as temporary:
        temporary.write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    print(f"{len(sections)} tables in {target}")


def _arguments() -> list[str]:
    """Those of the command line that say what is measured."""
    arguments = sys.argv[1:]
    if "--json" in arguments:
        at = arguments.index("--json")
        del arguments[at : at + 2]
    return arguments


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processor() -> str:
    """The processor's name where the system tells it, and how many there are."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name} ({os.cpu_count()} processors)"


if __name__ == "__main__":
    main()
