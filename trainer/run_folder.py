"""The files of a run, and its history: one row an epoch."""

import json
import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handwriting.environment import reason
from handwriting.errors import UserError
from handwriting.files import read_regular_file, whole_file

_LARGEST_VALUE = 1e30  # of a number in the history, which is drawn


@dataclass(frozen=True)
class RunFolder:
    """The two folders of a run: ``models`` with what it made, ``log`` with what happened.

    Attributes:
        save_dir: what all runs are under.
        name: the experiment's name, from the config.
        run_id: what tells its runs apart.
    """

    save_dir: Path
    name: str
    run_id: str

    @classmethod
    def new(cls, save_dir: Path | str, name: str) -> "RunFolder":
        """A run folder of its own, made now, named by the time; ``UserError`` if that fails."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        number = 1
        while True:
            run_id = stamp if number == 1 else f"{stamp}-{number}"
            run = cls(Path(save_dir), name, run_id)
            # The folder is taken by making it, so that two runs of one second cannot share it.
            try:
                run.models.mkdir(parents=True)
            except FileExistsError as error:
                if not run.models.is_dir():
                    raise _cannot_make(run.models, error) from None
                number += 1
                continue
            except OSError as error:
                raise _cannot_make(run.models, error) from None
            return run

    @classmethod
    def holding(cls, path: Path | str, run: dict[str, str]) -> "RunFolder | None":
        """The run in whose folder a checkpoint lies; None where it lies elsewhere.

        Args:
            path: where the checkpoint is. A run whose folders were moved is found by it.
            run: the checkpoint's ``run``.
        """
        folder = Path(path).absolute().parent
        if folder.parts[-3:] != ("models", run["name"], run["id"]):
            return None
        return cls(_short(folder.parents[2]), run["name"], run["id"])

    @classmethod
    def of_checkpoint(
        cls, path: Path | str, run: dict[str, str], save_dir: str | None = None
    ) -> "RunFolder":
        """The run that a checkpoint is resumed in.

        That is the folder which it lies in: whatever names a stranger's checkpoint has, a resumed
        run replaces no files elsewhere.

        Args:
            path: where the checkpoint is.
            run: the checkpoint's ``run``.
            save_dir: of the user's choice, where the run goes on instead.

        Raises:
            UserError: the checkpoint lies in no run's folder, or the other folder has a run.
        """
        found = cls.holding(path, run)
        if save_dir is not None:
            chosen = cls(Path(save_dir), run["name"], run["id"])
            if chosen.models.absolute() != Path(path).absolute().parent and any(
                each.exists() for each in (chosen.checkpoint, chosen.best)
            ):
                raise UserError(
                    f"trainer.save_dir: has a run of this name already, {chosen.models}; resume"
                    f" {chosen.checkpoint}, or choose another folder"
                )
            return chosen
        if found is None:
            where = Path("models", run["name"], run["id"])
            raise UserError(
                f"{path}: run: is not in the folder of its run, {where}; to go on elsewhere, choose"
                " a folder with --set trainer.save_dir=FOLDER"
            )
        return found

    def make(self) -> None:
        """Make both folders where they are not there; ``UserError`` if that fails."""
        for folder in (self.models, self.log):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _cannot_make(folder, error) from None

    @property
    def models(self) -> Path:
        """Folder of the checkpoints, the resolved config and the pictures."""
        return self.save_dir / "models" / self.name / self.run_id

    @property
    def log(self) -> Path:
        """Folder of the text log, ``metrics.jsonl`` and tensorboard's events."""
        return self.save_dir / "log" / self.name / self.run_id

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.models / "checkpoint.pth"

    @property
    def best(self) -> Path:
        """The checkpoint of the epoch with the best monitored value."""
        return self.models / "model_best.pth"

    @property
    def curve(self) -> Path:
        """The loss curve."""
        return self.models / "loss_curve.png"

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the resolved config."""
        with whole_file(self.models / "config.json") as temporary:
            temporary.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def latest_checkpoint(save_dir: Path | str, name: str | None = None) -> Path:
    """Return the checkpoint that was written last.

    Args:
        save_dir: what all runs are under.
        name: of the experiment whose runs count; None for all.

    Raises:
        UserError: there is none.
    """
    models = Path(save_dir) / "models"
    folders = [models / name] if name else list(models.glob("*"))
    found = [each for folder in folders for each in folder.glob("*/checkpoint.pth")]
    dated = sorted((each.stat().st_mtime_ns, str(each)) for each in found if each.is_file())
    if not dated:
        raise UserError(f"-r latest: {models / (name or '')} has no checkpoint of a run")
    return Path(dated[-1][1])


def _short(folder: Path) -> Path:
    """``folder`` relative to the working folder where it is under it, as a person would type it."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _cannot_make(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: cannot make this folder ({reason(error)})")


class History:
    """``metrics.jsonl``: one JSON object a line and epoch.

    Keys are ``epoch`` and ``step`` (completed), ``train.*`` (loss terms, means over the epoch),
    ``val.*`` (loss terms and metrics), ``averaged`` (whether ``val.*`` are of averaged weights),
    ``lr`` (of the epoch's last step), ``seconds`` (of training, without validation) and
    ``lines_per_second``. Values that are not finite are null.

    Args:
        path: the file. It need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, Any]] = []

    def load(self, epoch: int) -> None:
        """Keep the rows up to ``epoch``, in memory and in the file.

        Rows of later epochs are of a run that went on after the checkpoint; the last line may be
        half a line when the process was killed, and a folder of someone else's has anything in it.

        Raises:
            DataError: it is no regular file, or cannot be read.
        """
        data = read_regular_file(self._path) if os.path.lexists(self._path) else b""
        lines = data.decode("utf-8", "replace").splitlines()
        self.rows = [row for row in map(_parsed, lines) if row and row["epoch"] <= epoch]
        with whole_file(self._path) as temporary:
            temporary.write_text("".join(map(_json_line, self.rows)), encoding="utf-8")

    def append(self, row: dict[str, Any]) -> None:
        """Add the row of an epoch."""
        finite = dict(_finite_items(row.items()))
        self.rows.append(finite)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(_json_line(finite))


def _parsed(line: str) -> dict[str, Any] | None:
    """A row, its values null that are not as this program writes them; None for what is no row."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("epoch")) is not int:
        return None
    named = {name: value for name, value in row.items() if name.isprintable()}
    return {name: value if _is_number(value) else None for name, value in named.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and -_LARGEST_VALUE <= value <= _LARGEST_VALUE


def _json_line(row: dict[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def _finite_items(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for name, value in items:
        yield name, None if isinstance(value, float) and not math.isfinite(value) else value
