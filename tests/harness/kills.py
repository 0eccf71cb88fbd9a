"""Kills commands at random moments, lets them meet full disks and other limits, two writers and a
clock that goes back, and counts what came of it: ``make faults``.

    python -m kills [--rounds 100] [--seed 1] [--state .faults] [KIND ...]

A round of a kind is one run with its fault, then a look at the folder, then a run without a fault.
Right is: no traceback; each file whole or not there; files of the user's as they were; a training
that went on has the weights, bit for bit, and the history of one that was never stopped; a command
that is run again does its work and sweeps what was left.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import torch
from forked_commands import Call, End, Server
from PIL import Image
from tiny_work import WORKS, config, fresh, make_home, tree, unfinished

from handwriting.errors import UserError
from handwriting.files import whole_file
from trainer.checkpointing import load_checkpoint

SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM, signal.SIGINT)
EPOCHS = 4
MOST_KILLS = 4  # of one training
OUTPUT = "out"


class Reference:
    """What each command makes when nothing happens, and how long it takes.

    Args:
        server: runs the commands.
        folder: to make homes in.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.place = folder / "home"
        self.template = make_home(folder / "template")
        settings = config(EPOCHS)
        (self.template / "config.json").write_text(json.dumps(settings))
        self._ends: dict[str, tuple[End, set[str]]] = {}
        assert self.call("prepare", self.template, "exported").code == 0
        self._trained: tuple[End, dict[str, Any], list[Any]] | None = None

    def call(self, name: str, home: Path, output: str = OUTPUT, **faults: Any) -> End:
        """Run one of the ``WORKS``."""
        return self.server.run(
            Call(WORKS[name].command, WORKS[name].to(output), str(home), **faults)
        )

    def of(self, name: str) -> tuple[End, set[str]]:
        """The end of a command, and the files that it makes below its output."""
        if name not in self._ends:
            home = fresh(self.template, self.place)
            end = self.call(name, home)
            assert end.code == 0, f"{name}: {end.err}"
            self._ends[name] = end, set(_made(home))
        return self._ends[name]

    def trained(self) -> tuple[End, dict[str, Any], list[Any]]:
        """A training that was never stopped: its end, its last checkpoint and its history."""
        if self._trained is None:
            home = fresh(self.template, self.place)
            end = self.call("train", home, "saved")
            (path,) = home.glob("saved/models/tiny/*/checkpoint.pth")
            self._trained = end, load_checkpoint(path, resumable=True), _history(home)
        return self._trained


def _made(home: Path) -> list[str]:
    out = home / OUTPUT
    return [str(path.relative_to(home)) for path in [out, *out.rglob("*")] if path.is_file()]


def _history(home: Path) -> list[Any]:
    """The rows of the one run there is, without what time has to do with."""
    (path,) = home.glob("saved/log/tiny/*/metrics.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "lines_per_second")} for row in rows
    ]


def is_whole(path: Path) -> bool:
    """Whether a file can be read to its end by what reads its kind."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix in (".svg", ".inkml"):
            ElementTree.parse(path)
        elif path.suffix == ".png":
            with Image.open(path) as picture:
                picture.load()
        elif path.suffix == ".pth":
            load_checkpoint(path)
        else:
            return path.stat().st_size > 0
    except (ValueError, OSError, ElementTree.ParseError, UserError):
        return False
    return True


@dataclass(frozen=True)
class Round:
    """One round: how often something was done to a command, and what is wrong afterwards."""

    tried: int
    faults: tuple[str, ...] = ()


def _told(end: End) -> list[str]:
    """Faults in how a command ended."""
    found = ["traceback"] if "Traceback" in end.err or "Exception ignored" in end.err else []
    found += ["hang"] if end.hung else []
    if found or (end.code in (1, 2) and not end.is_one_line):
        print(f"{found}, exit code {end.code}: {end.err[-1500:]}", flush=True)
    return found


def _left(
    reference: Reference, name: str, home: Path, before: dict[str, bytes | None]
) -> list[str]:
    """Faults in what a command left: files of the user's, and those that it makes."""
    after = tree(home)
    found = []
    if any(after.get(path, "gone") != data for path, data in before.items()):
        found.append("file changed")
    made = _made(home)
    if not all(is_whole(home / path) for path in made):
        found.append("half a file")
    if made and set(made) != reference.of(name)[1]:
        found.append("half of the files")
    return found


def _again(reference: Reference, name: str, home: Path) -> list[str]:
    """Faults of running a command once more, without anything that happens to it."""
    if (home / OUTPUT).exists() and name in ("slim", "adapt", "prepare"):
        return []  # they replace nothing
    end = reference.call(name, home)
    found = _told(end)
    if end.code != 0 or set(_made(home)) != reference.of(name)[1]:
        found.append("not done again")
    if unfinished(home):
        found.append("not swept")
    return found


def kill(reference: Reference, name: str, chance: random.Random) -> Round:
    """End a command at some moment of its work."""
    usual, _ = reference.of(name)
    home = fresh(reference.template, reference.place)
    before = tree(home)
    moment, number = chance.uniform(0, usual.seconds), chance.choice(SIGNALS)
    end = reference.call(name, home, stop_after=moment, signal=int(number))
    found = [*_told(end), *_left(reference, name, home, before)]
    return Round(1, tuple([*found, *_again(reference, name, home)]))


def limit(reference: Reference, name: str, chance: random.Random) -> Round:
    """Let a command come to some limit: of a file's size, of open files, or of memory."""
    reference.of(name)
    home = fresh(reference.template, reference.place)
    before = tree(home)
    kind = chance.choice(("FSIZE", "FSIZE", "NOFILE"))
    most = {"FSIZE": int(2 ** chance.uniform(10, 17)), "NOFILE": chance.randrange(3, 9)}[kind]
    end = reference.call(name, home, limits={kind: most})
    found = [*_told(end), *_left(reference, name, home, before)]
    if end.code != 0 and not end.is_one_line:
        found.append("not one line")
    if unfinished(home):
        found.append("not swept")
    return Round(1, tuple([*found, *_again(reference, name, home)]))


def kill_training(reference: Reference, chance: random.Random) -> Round:
    """End a training a few times, and let it go on each time."""
    usual, expected, history = reference.trained()
    home = fresh(reference.template, reference.place)
    found: list[str] = []
    kills = 0
    for _ in range(chance.randint(1, MOST_KILLS)):
        moment = chance.uniform(0, usual.seconds)
        number = chance.choice(SIGNALS)
        end = _go_on(reference, home, stop_after=moment, signal=int(number))
        kills += end.code != 0
        found += _told(end)
        found += [] if end.code in (0, -number, 130) else ["odd exit code"]
    end = _go_on(reference, home)
    found += _told(end)
    return Round(max(kills, 1), tuple([*found, *_compare(home, end, expected, history)]))


def _go_on(reference: Reference, home: Path, **faults: Any) -> End:
    """Resume the run where there is a checkpoint; begin one where there is none."""
    checkpoints = sorted(home.glob("saved/models/tiny/*/checkpoint.pth"))
    if not checkpoints:
        for folder in home.glob("saved"):
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
        return reference.call("train", home, "saved", **faults)
    arguments = ["-r", str(checkpoints[-1])]
    return reference.server.run(Call("train", arguments, str(home), **faults))


def _compare(home: Path, end: End, expected: dict[str, Any], history: list[Any]) -> list[str]:
    """Faults of a training that has come to its end at last."""
    checkpoints = list(home.glob("saved/models/tiny/*/*.pth"))
    if end.code != 0 or len(checkpoints) != 2:
        return ["run lost"]
    found = [] if all(map(is_whole, checkpoints)) else ["half a file"]
    (path,) = home.glob("saved/models/tiny/*/checkpoint.pth")
    state = load_checkpoint(path, resumable=True)
    weights = state["model"].items()
    if not all(torch.equal(weight, expected["model"][key]) for key, weight in weights):
        found.append("other weights")
    if _history(home) != history:
        found.append("other history")
    return [*found, *(["not swept"] if unfinished(home) else [])]


def two_writers(reference: Reference, chance: random.Random) -> Round:
    """Resume a run twice at once: one goes on, the other one is told who has it."""
    home = fresh(reference.template, reference.place)
    long = [*WORKS["train"].to("saved"), "--set", "trainer.epochs=100000"]
    first: list[End] = []
    call = Call("train", long, str(home), stop_after=60.0, signal=int(signal.SIGTERM))
    with Server() as other:
        thread = threading.Thread(target=lambda: first.append(other.run(call)))
        thread.start()
        paths: list[Path] = []
        while not paths and thread.is_alive():
            time.sleep(0.05)
            paths = list(home.glob("saved/models/tiny/*/checkpoint.pth"))
        second = reference.server.run(Call("train", ["-r", str(paths[0])], str(home)))
        holder = json.loads((paths[0].parent / ".lock-holder.json").read_text())
        _end(int(holder["process"]))
        thread.join()
    found = [*_told(first[0]), *_told(second)]
    if not second.is_one_line or "is training this run" not in second.line:
        found.append("two writers")
    rows = [row["epoch"] for row in _history(home)]
    if rows != list(range(1, len(rows) + 1)) or not is_whole(paths[0]):
        found.append("run spoiled")
    return Round(1, tuple(found))


def _end(process: int) -> None:

    os.kill(process, signal.SIGTERM)


def clock_back(reference: Reference, chance: random.Random) -> Round:
    """Let the clock go back by a day in a training."""
    usual, expected, history = reference.trained()
    home = fresh(reference.template, reference.place)
    end = reference.call("train", home, "saved", clock_back=chance.uniform(0, usual.seconds))
    return Round(1, tuple([*_told(end), *_compare(home, end, expected, history)]))


Kind = Callable[[Reference, random.Random], Round]


def kinds() -> dict[str, tuple[Kind, float]]:
    """What can be done to which command, and how many rounds of it beside others."""
    found: dict[str, tuple[Kind, float]] = {"kill train": (kill_training, 2.0)}
    for name in WORKS:
        if name in ("train", "adapt", "evaluate", "benchmark"):
            continue
        found[f"kill {name}"] = (_on(kill, name), 1.0)
        found[f"limit {name}"] = (_on(limit, name), 0.3)
    found["kill evaluate"] = (_on(kill, "evaluate"), 0.3)
    found["two writers"] = (two_writers, 0.05)
    found["clock back"] = (clock_back, 0.1)
    return found


def _on(kind: Callable[[Reference, str, random.Random], Round], name: str) -> Kind:
    return lambda reference, chance: kind(reference, name, chance)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; whether there were faults decides its exit code."""
    options = _options(argv)
    path = options.state / f"seed-{options.seed}.json"
    counts: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        reference = Reference(server, Path(folder))
        for name, (kind, share) in kinds().items():
            if options.kinds and name not in options.kinds:
                continue
            of_kind = counts.setdefault(name, {"rounds": 0, "tried": 0, "faults": {}})
            while of_kind["rounds"] < max(round(options.rounds * share), 1):
                chance = random.Random(f"{options.seed}:{name}:{of_kind['rounds']}")
                found = kind(reference, chance)
                of_kind["rounds"] += 1
                of_kind["tried"] += found.tried
                of_kind["faults"] = dict(Counter(of_kind["faults"]) + Counter(found.faults))
                if found.faults:
                    print(
                        f"{name}, round {of_kind['rounds']}: {', '.join(found.faults)}", flush=True
                    )
                with whole_file(path) as temporary:
                    temporary.write_text(json.dumps(counts, indent=1) + "\n")
            print(
                f"{name}: {of_kind['tried']} tried, faults {of_kind['faults'] or 'none'}",
                flush=True,
            )
    return int(any(each["faults"] for each in counts.values()))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill commands, and look at what is left.")
    parser.add_argument("kinds", nargs="*", help="default: all")
    parser.add_argument("--rounds", type=int, default=100, help="of a kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, default=Path(".faults"), help="what is done")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
