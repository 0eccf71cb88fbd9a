"""Makes ``docs/reliability.md`` from the counts that ``fuzz`` and ``kills`` kept.

python -m reliability_report [--fuzz .fuzz] [--faults .faults]
"""

import argparse
import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fuzz import FAULTS, RIGHT

from handwriting.files import whole_file

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
HEAD = """# Reliability

What files from strangers and faults of the machine may do is said in
[SECURITY.md](../SECURITY.md). Two commands try whether that holds, and make this page:

```sh
make fuzz
make faults
```

Both go on where they were stopped (`.fuzz/`, `.faults/`); `CASES=`, `ROUNDS=` and `SEED=` say how
much and which. `make fuzz-guided TARGET=ink.svg` has atheris make files up, which sees what code
they reach; it is not counted here. Some of each is part of `make test`. Counts below are of
real runs, {about}.

## Files that are nearly valid

A case is a valid file with random changes (bytes, numbers, pieces; of checkpoints, configs and
corpora also values), read as the commands read it. *Accepted*: what came of it was checked to be
right (finite numbers, strokes that end, texts that can be written). *Refused*: one line that a
terminal can show. The others are faults: a traceback, a message of more than a line or with an
escape, something accepted that may not be used, more than {seconds} s of the processor, more than
{memory} MB, a process that ended.

"""
KILLS = """
## Killed, full and doubled

*kill*: SIGKILL, SIGTERM or SIGINT at a random moment of the command's work, then a look at all
files, then the command again. A training is killed up to {kills} times and resumed each time: at
its end it has the weights, bit for bit, and the history of one that was never stopped. *limit*: a
random limit on the size of files or on open files. *two writers*: a run resumed while it is
trained. *clock back*: the clock goes back by a day in a training. Half a file, half of the files,
a changed file of the user's, leftovers after the next run, a traceback, a hang and a run that is
lost count as faults.

"""


def page(fuzzed: dict[str, Any], killed: dict[str, Any]) -> str:
    """The page's text, from the counts by target and by kind."""
    from fuzz import MOST_MEMORY, SECONDS
    from kills import MOST_KILLS

    about = f"on Python {platform.python_version()}, {date.today().isoformat()}"
    head = HEAD.format(about=about, seconds=SECONDS, memory=MOST_MEMORY // 1_000_000)
    return "".join([
        head,
        *_table(("what is read", "tried", *RIGHT, *FAULTS), _fuzz_rows(fuzzed)),
        KILLS.format(kills=MOST_KILLS),
        *_table(("what is done to what", "tried", "faults"), _kill_rows(killed)),
        *_listed(fuzzed, killed),
    ])  # fmt: skip


def _fuzz_rows(fuzzed: dict[str, Any]) -> Iterable[Sequence[Any]]:
    whole: Counter[str] = Counter()
    for name, counts in fuzzed.items():
        ends = Counter(counts["ends"])
        whole += ends
        yield [name, counts["done"], *(ends[kind] for kind in (*RIGHT, *FAULTS))]
    yield ["all", whole.total(), *(whole[kind] for kind in (*RIGHT, *FAULTS))]


def _kill_rows(killed: dict[str, Any]) -> Iterable[Sequence[Any]]:
    for name, counts in killed.items():
        yield [name, counts["tried"], sum(counts["faults"].values())]
    yield [
        "all",
        sum(counts["tried"] for counts in killed.values()),
        sum(sum(counts["faults"].values()) for counts in killed.values()),
    ]


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    yield f"| {' | '.join(columns)} |\n"
    yield f"| --- |{' ---: |' * (len(columns) - 1)}\n"
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
        yield f"| {' | '.join(cells)} |\n"


def _listed(fuzzed: dict[str, Any], killed: dict[str, Any]) -> Iterable[str]:
    """The faults, one a line."""
    found = [
        f"- {name}: {about}, {count} times\n"
        for name, counts in fuzzed.items()
        for about, (count, _) in counts["faults"].items()
    ]
    found += [
        f"- {name}: {fault}, {count} times\n"
        for name, counts in killed.items()
        for fault, count in counts["faults"].items()
    ]
    if found:
        yield "\nFaults found in these runs:\n\n"
        yield from found


def _counts(folder: Path) -> dict[str, Any]:
    """The counts of all seeds together."""
    whole: dict[str, Any] = {}
    for path in sorted(folder.glob("seed-*.json")):
        for name, counts in json.loads(path.read_text(encoding="utf-8")).items():
            if name not in whole:
                whole[name] = counts
                continue
            for key in counts:
                whole[name][key] = _joined(whole[name][key], counts[key])
    return whole


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        names = [*first, *(name for name in second if name not in first)]
        return {
            name: _joined(first[name], second[name])
            if name in first and name in second
            else first.get(name, second.get(name))
            for name in names
        }
    if isinstance(first, list):
        return [first[0] + second[0], first[1]]
    return first + second


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Make docs/reliability.md.")
    parser.add_argument("--fuzz", type=Path, default=Path(".fuzz"))
    parser.add_argument("--faults", type=Path, default=Path(".faults"))
    options = parser.parse_args(argv)
    with whole_file(PAGE) as temporary:
        text = page(_counts(options.fuzz), _counts(options.faults))
        temporary.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written")


if __name__ == "__main__":
    main()
