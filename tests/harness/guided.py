"""Reads files that a coverage-guided fuzzer makes up: ``make fuzz-guided TARGET=ink.svg``.

    python -m guided TARGET [--cases 100000] [--state .fuzz]

Needs the package atheris (libFuzzer for Python), where it can be had. Beside ``fuzz``, whose cases
are changes at random, it keeps what reached new code and goes on from there. Cases are judged as
those of ``fuzz`` are; the first fault is kept under ``found/`` and ends the run. What reached new
code is in ``guided/TARGET`` of the state, from which the next run goes on.
"""

import argparse
import sys
import tempfile
import types
from collections.abc import Iterator, Sequence
from pathlib import Path

import fuzz
from targets import Target, targets

_SOURCES = ("handwriting", "data_loader", "trainer", "base")


def guided(target: Target, cases: int, state: Path) -> None:
    """Read cases; this ends the process, with exit code 0 where none was a fault."""
    import atheris

    judge = fuzz.Judge(target, Path(tempfile.mkdtemp(prefix="fuzz-")))
    for seed in target.seeds():  # imports what there is to watch
        judge.judge(fuzz.Case(seed.name, seed.data))
    for function in _functions():
        atheris.instrument_func(function)
    folder = state / "guided" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed.data)

    def read(data: bytes) -> None:
        case = fuzz.Case(seeds[0].name, data)
        ended = judge.judge(case)
        if not ended.is_right:
            kept = state / "found" / target.name / "guided"
            kept.mkdir(parents=True, exist_ok=True)
            (kept / case.name).write_bytes(data)
            raise AssertionError(f"{kept / case.name}: {ended.kind}: {ended.about}")

    longest = 4 * max(len(seed.data) for seed in seeds)
    atheris.Setup(["guided", f"-runs={cases}", f"-max_len={longest}", str(folder)], read)
    atheris.Fuzz()


def _functions() -> Iterator[types.FunctionType]:
    """The functions and methods of the project's modules that are imported, each once."""
    found: dict[int, types.FunctionType] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in _SOURCES:
            continue
        values = list(vars(module).values())
        for kind in [value for value in values if isinstance(value, type)]:
            values += vars(kind).values()
        for value in values:
            inner = getattr(value, "__func__", value)
            if isinstance(inner, types.FunctionType) and inner.__module__ == name:
                found[id(inner)] = inner
    yield from found.values()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Read files that a guided fuzzer makes up.")
    known = {each.name: each for each in targets()}
    parser.add_argument("target", choices=known)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--state", type=Path, default=Path(".fuzz"))
    options = parser.parse_args(argv)
    try:
        import atheris  # noqa: F401
    except ImportError:
        parser.error("atheris is not installed: pip install atheris")
    guided(known[options.target], options.cases, options.state)


if __name__ == "__main__":
    main()
