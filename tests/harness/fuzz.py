"""Reads many files that are nearly valid, and counts how each ended: ``make fuzz``.

    python -m fuzz [--cases 100000] [--seed 1] [--state .fuzz] [TARGET ...]

A case is a valid file with random changes; its number and the seed decide all of it. Cases run in
this process's children, some hundred in each, with a limit on the processor's time and one on
memory for each case. What is done is kept in a folder, and a call goes on from there. Of each new
fault the smallest file that still shows it is kept there, too.

Right ends are ``accepted`` (with what comes of the file checked) and ``refused`` (one line that a
terminal can show). Faults are ``traceback``, ``message`` (more than a line, or an escape in it),
``wrong`` (accepted, but nothing that may be used), ``hang``, ``memory`` and ``crash``.
"""

import argparse
import hashlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from targets import Seed, Target, WrongAcceptance, targets

from handwriting.errors import UserError
from handwriting.files import whole_file

RIGHT = ("accepted", "refused")
FAULTS = ("traceback", "message", "wrong", "hang", "memory", "crash")
SECONDS = 20  # of the processor
MOST_MEMORY = 250_000_000  # more than there was before the case
LONGEST_MESSAGE = 2000
IN_A_CHILD = 300
SMALLER_TRIES = 60
ROOT = Path(__file__).parents[2]


class TooSlow(BaseException):
    """A case took too much of the processor's time."""


@dataclass(frozen=True)
class Case:
    """A changed file: where it stands in a folder, and its contents."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Ended:
    """The end of a case: one of ``RIGHT`` or ``FAULTS``, and what shows which fault it is."""

    kind: str
    about: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it is no fault."""
        return self.kind in RIGHT


def case_of(target: Target, seeds: Sequence[Seed], seed: int, number: int) -> Case:
    """Return the case of a number."""
    chance = random.Random(f"{seed}:{target.name}:{number}")
    chosen = chance.choice(seeds)
    others = [each.data for each in seeds]
    return Case(chosen.name, target.mutate(chance, chosen.data, others))


class Judge:
    """Runs cases of a target in this process.

    Args:
        target: what reads them.
        folder: that is empty.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        for each in target.surroundings():
            (folder / each.name).write_bytes(each.data)
        self._kept = {each.name: each.data for each in target.surroundings()}

    def judge(self, case: Case) -> Ended:
        """Read a case."""
        path = self._folder / case.name
        path.write_bytes(case.data)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        signal.signal(signal.SIGPROF, _too_slow)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            ended = self._read(path)
        except TooSlow:
            ended = Ended("hang", _place(sys.exc_info()[2]))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if case.name in self._kept:
            path.write_bytes(self._kept[case.name])
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        if grown > MOST_MEMORY:
            return Ended("memory", f"{grown // 100_000_000 / 10:.1f} GB after {ended.kind}")
        return ended

    def _read(self, path: Path) -> Ended:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                self._target.use(path)
        except UserError as error:
            return _of_message(str(error))
        except WrongAcceptance as error:
            return Ended("wrong", str(error)[:100])
        except MemoryError as error:
            return Ended("memory", _place(error.__traceback__))
        except Exception as error:
            return Ended("traceback", f"{type(error).__name__} {_place(error.__traceback__)}")
        return Ended("accepted")


def _of_message(text: str) -> Ended:
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines):
        return Ended("message", f"not printable: {ascii(text)[:100]}")
    if max(map(len, lines)) > LONGEST_MESSAGE:
        return Ended("message", f"{max(map(len, lines))} letters: {text[:100]}")
    return Ended("refused")


def _too_slow(*_: object) -> None:
    raise TooSlow


def _place(trace: Any) -> str:
    """Return the file and the line of ours in which an error came up."""
    ours = [
        frame
        for frame in traceback.extract_tb(trace)
        if frame.filename.startswith(str(ROOT)) and ".venv" not in frame.filename
    ]
    inner = [frame for frame in ours if "/tests/" not in frame.filename] or ours
    return f"{Path(inner[-1].filename).relative_to(ROOT)}:{inner[-1].lineno}" if inner else "?"


def in_children(target: Target, cases: Iterator[tuple[int, Case]]) -> Iterator[tuple[int, Ended]]:
    """Judge cases in child processes, in order; one that ends a child is told by its number."""
    pending = list(cases)
    while pending:
        done = 0
        for number, ended in _in_child(target, pending):
            done += 1
            yield number, ended
        pending = pending[done:]


def _in_child(target: Target, cases: list[tuple[int, Case]]) -> Iterator[tuple[int, Ended]]:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_child(target, cases, writer)
    os.close(writer)
    told = 0
    with os.fdopen(reader) as answers:
        for line in answers:
            kind, about = json.loads(line)
            yield cases[told][0], Ended(kind, about)
            told += 1
    _, status = os.waitpid(child, 0)
    if told < len(cases) and os.waitstatus_to_exitcode(status) != 0:
        signal_number = -os.waitstatus_to_exitcode(status)
        kind = "hang" if signal_number in (signal.SIGXCPU, signal.SIGKILL) else "crash"
        yield cases[told][0], Ended(kind, f"signal {signal_number}")


def _be_child(target: Target, cases: list[tuple[int, Case]], writer: int) -> None:
    """Judge cases and tell how they ended; this does not return."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    code = 1
    try:
        judge = Judge(target, folder)
        with os.fdopen(writer, "w") as answers:
            for _, case in cases:
                used = sum(os.times()[:2])
                most = int(used + 3 * SECONDS) + 1  # where no Python runs that could end it
                resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
                ended = judge.judge(case)
                answers.write(json.dumps([ended.kind, ended.about]) + "\n")
                answers.flush()
                if ended.kind == "memory":
                    break  # what it took is not given back, and the next would not be seen
        code = 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code)


def smaller(target: Target, case: Case, ended: Ended) -> Case:
    """Return the smallest file found that ends in the same way."""
    tries = SMALLER_TRIES
    size = len(case.data) // 2
    while size and tries > 0:
        at = 0
        while at < len(case.data) and tries > 0:
            shorter = Case(case.name, case.data[:at] + case.data[at + size :])
            tries -= 1
            ((_, found),) = in_children(target, iter([(0, shorter)]))
            if found == ended:
                case = shorter
            else:
                at += size
        size //= 2
    return case


class State:
    """What is done, in a folder.

    Args:
        folder: made where it is not there.
        seed: of the cases; those of another one are not gone on with.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._path = folder / f"seed-{seed}.json"
        self.targets: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            self.targets = json.loads(self._path.read_text(encoding="utf-8"))

    def of(self, target: Target) -> dict[str, Any]:
        """The counts of a target: ``done``, ``ends`` by kind, and ``faults`` by what they are."""
        return self.targets.setdefault(target.name, {"done": 0, "ends": {}, "faults": {}})

    def save(self) -> None:
        """Write it."""
        with whole_file(self._path) as temporary:
            temporary.write_text(json.dumps(self.targets, indent=1) + "\n", encoding="utf-8")

    def keep(self, target: Target, case: Case, ended: Ended) -> Path:
        """Write a file that shows a fault."""
        digest = hashlib.sha256(case.data).hexdigest()[:8]
        folder = self.folder / "found" / target.name / f"{ended.kind}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / case.name).write_bytes(case.data)
        return folder / case.name


def fuzz(wanted: dict[str, int], seed: int, state: State) -> None:
    """Run cases of the targets in turn, up to the number that is wanted of each, and keep what is
    found."""
    chosen = [each for each in targets() if each.name in wanted]
    seeds = {target.name: target.seeds() for target in chosen}
    while left := [each for each in chosen if state.of(each)["done"] < wanted[each.name]]:
        for target in left:
            done = state.of(target)["done"]
            size = math.ceil(IN_A_CHILD * target.share)
            numbers = range(done, min(done + size, wanted[target.name]))
            _fuzz_some(target, seeds[target.name], numbers, seed, state)


def _fuzz_some(
    target: Target, seeds: Sequence[Seed], numbers: range, seed: int, state: State
) -> None:
    counts = state.of(target)
    ends = Counter(counts["ends"])
    cases = ((number, case_of(target, seeds, seed, number)) for number in numbers)
    for number, ended in in_children(target, cases):
        ends[ended.kind] += 1
        if not ended.is_right:
            _note(target, case_of(target, seeds, seed, number), ended, state)
    counts["done"], counts["ends"] = numbers.stop, dict(ends)
    state.save()


def _note(target: Target, case: Case, ended: Ended, state: State) -> None:
    faults = state.of(target)["faults"]
    key = f"{ended.kind}: {ended.about}"
    if key not in faults:
        slow = ended.kind in ("hang", "memory")
        kept = state.keep(target, case if slow else smaller(target, case, ended), ended)
        faults[key] = [0, str(kept)]
        print(f"{target.name}: {key}: {kept}", flush=True)
    faults[key][0] += 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the number of faults decides its exit code."""
    options = _options(argv)
    state = State(options.state, options.seed)
    chosen = [each for each in targets() if not options.targets or each.name in options.targets]
    whole = sum(each.share for each in chosen)
    wanted = {each.name: round(options.cases * each.share / whole) for each in chosen}
    fuzz(wanted, options.seed, state)
    for target in chosen:
        ends = state.of(target)["ends"]
        told = ", ".join(f"{kind} {ends[kind]:,}" for kind in (*RIGHT, *FAULTS) if kind in ends)
        print(f"{target.name}: {told}", flush=True)
    return int(any(state.of(target)["faults"] for target in chosen))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read many files that are nearly valid.")
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--cases", type=int, default=100_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, default=Path(".fuzz"), help="what is done and found")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
