"""Runs that torchrun starts again: when one of its processes dies, it starts all of them anew with
the same command (``--max-restarts``), and they go on with the run that they began.

A run's folder has the name of the start of torchrun that last trained it, by which it is found.
"""

import os
from pathlib import Path

from handwriting.errors import UserError
from handwriting.files import open_regular_file, whole_file
from handwriting.leftovers import host_tag
from trainer.run_folder import RunFolder

LAUNCH = ".launch"


def launch_name() -> str | None:
    """Return a name of the torchrun that started this process, which stays the same over its
    restarts; None without it."""
    run_id = os.environ.get("TORCHELASTIC_RUN_ID")
    if run_id is None:
        return None
    parent = os.getppid()
    return f"{run_id} {host_tag()}-{parent}-{_started(parent)}"


def _started(process: int) -> str:
    """When a process was started, in the system's own unit; empty where the system does not tell.
    Numbers of processes are used again."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
        return after_name.split()[19]
    except (OSError, IndexError):
        return ""


def sign(run: RunFolder) -> None:
    """Note in a run's folder that this start of torchrun trains it."""
    if name := launch_name():
        with whole_file(run.models / LAUNCH) as temporary:
            temporary.write_text(f"{name}\n", encoding="utf-8")


def begun_run(save_dir: Path | str, name: str) -> Path | None:
    """Return the newest checkpoint of the run that this start of torchrun has begun.

    Args:
        save_dir: what all runs are under.
        name: of the experiment.

    Returns:
        None where there is none yet.
    """
    launch = launch_name()
    if launch is None:
        return None
    runs = [RunFolder(Path(save_dir), name, each.parent.name) for each in _signed(save_dir, name)]
    ours = [run for run in runs if _signature(run) == launch and run.checkpoint.is_file()]
    return max((run.checkpoint for run in ours), key=os.path.getmtime, default=None)


def _signed(save_dir: Path | str, name: str) -> list[Path]:
    return list((Path(save_dir) / "models" / name).glob(f"*/{LAUNCH}"))


def _signature(run: RunFolder) -> str:
    try:
        with open_regular_file(run.models / LAUNCH) as file:
            return file.read(1000).decode("utf-8", "replace").strip()
    except (UserError, OSError):
        return ""
