"""Faults of the machine end in one line and exit code 2, in every command; one test for each kind.

Commands run in a home of their own, with tiny models.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked_commands import NOBODY, Call, End, Server
from tiny_work import WORKS, fresh, make_home, unfinished

# Those that end within a second or two.
QUICK = ("train", "samples", "write", "read", "slim", "prepare", "benchmark")
PRINTING = ("write", "slim", "prepare")
ROOT = Path(__file__).parents[1]

Run = Callable[..., End]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """A home whose corpus is prepared."""
    folder = make_home(tmp_path_factory.mktemp("template") / "home")
    call = Call("prepare", ("-c", "config.json"), str(folder))
    assert server.run(call).code == 0
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    """A copy of it, which anyone may read."""
    folder = fresh(template, tmp_path / "home")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for above in tmp_path.parents[:2]:
        above.chmod(above.stat().st_mode | stat.S_IXOTH)
    tmp_path.chmod(0o755)
    return folder


@pytest.fixture
def run(server: Server, home: Path) -> Run:
    def call(name: str, output: str, **faults: object) -> End:
        work = WORKS[name]
        return server.run(Call(work.command, work.to(output), str(home), **faults))  # type: ignore[arg-type]

    return call


def user() -> int | None:
    """Someone whom permissions hold for."""
    return NOBODY if os.geteuid() == 0 else None


def wrong(ends: dict[str, End], *words: str) -> dict[str, str]:
    """Those that did not end in one line with one of the words."""
    return {
        name: f"{end.code}: {end.err[-500:]}"
        for name, end in ends.items()
        if not end.is_one_line or not any(word in end.line for word in words)
    }


def test_an_output_without_permission_is_found_before_the_work(run: Run, home: Path) -> None:
    (home / "theirs").mkdir(mode=0o555)
    ends = {name: run(name, "theirs/out", user=user()) for name in WORKS}
    assert wrong(ends, "theirs") == {}
    assert wrong(ends, "Permission denied") == {}
    assert [name for name, end in ends.items() if end.out] == []
    assert list((home / "theirs").iterdir()) == []


def test_an_output_below_a_file_is_named(run: Run, home: Path) -> None:
    ends = {name: run(name, "ink.svg/out") for name in WORKS}
    assert wrong(ends, "ink.svg") == {}


def test_a_file_that_becomes_too_large_leaves_nothing(run: Run, home: Path) -> None:
    ends = {name: run(name, f"out-{name}", limits={"FSIZE": 500}) for name in QUICK}
    assert wrong(ends, "File too large") == {}
    assert wrong(ends, "out", "prepared", "saved") == {}
    assert unfinished(home) == []
    assert [path.name for path in home.glob("out*")] == ["out-train"]  # with its log
    assert list(home.glob("out-train/**/*.pth")) == []


def test_no_more_open_files(run: Run, home: Path) -> None:
    ends = {name: run(name, f"out-{name}", limits={"NOFILE": 3}) for name in QUICK}
    assert wrong(ends, "Too many open files") == {}
    for most in (4, 5):  # come to it later in the work
        ends = {name: run(name, f"out-{name}-{most}", limits={"NOFILE": most}) for name in QUICK}
        failed = {name: end for name, end in ends.items() if end.code != 0}
        assert wrong(failed, "Too many open files") == {}
    assert unfinished(home) == []


def test_output_that_is_full_or_closed(run: Run) -> None:
    full = {name: run(name, f"full-{name}", stdout="/dev/full") for name in PRINTING}
    assert wrong(full, "standard output: No space left on device") == {}
    closed = {name: run(name, f"closed-{name}", stdout="closed") for name in PRINTING}
    assert wrong(closed, "standard output: is closed") == {}


def test_a_training_goes_on_without_its_console(run: Run, home: Path) -> None:
    end = run("train", "out", stdout="/dev/full")
    assert end.is_one_line and "the work goes on" in end.err
    (log,) = home.glob("out/log/tiny/*/train.log")
    assert "epoch 2/2" in log.read_text()


def test_not_enough_memory(server: Server, home: Path) -> None:
    large = {
        "train": ("--set", "arch.args.hidden_size=4000"),
        "samples": ("--samples", "20000", "--steps", "2000"),
        "benchmark": ("--lines", "1000000"),
    }
    ends = {
        name: server.run(
            Call(WORKS[name].command, [*WORKS[name].to(f"out-{name}"), *more], str(home),
                 limits={"DATA": 30_000_000})
        )
        for name, more in large.items()
    }  # fmt: skip
    assert wrong(ends, "not enough memory") == {}


def test_names_that_are_not_utf8(server: Server, home: Path) -> None:
    odd = os.fsdecode(b"caf\xe9 \x1b[31m")
    for name in ("writer.pth", "plain.pth", "reader.pth", "ink.svg", "config.json"):
        shutil.copy(home / name, home / f"{odd}.{name}")
    ends = {}
    for name in ("samples", "write", "read", "slim", "prepare"):
        words = [
            f"{odd}.{word}" if (home / f"{odd}.{word}").is_file() else word
            for word in WORKS[name].to(f"{odd}-{name}")
        ]
        ends[name] = server.run(Call(WORKS[name].command, words, str(home)))
        assert (home / f"{odd}-{name}").exists(), ends[name].err
    assert {name: end.err for name, end in ends.items() if end.code} == {}
    assert [end for end in ends.values() if "\x1b" in end.out + end.err] == []
    gone = server.run(Call("slim", (f"{odd}.none", "out"), str(home)))
    assert gone.line == "error: caf\\udce9 \\x1b[31m.none: no such file"


def test_a_file_that_may_not_be_read(run: Run, home: Path) -> None:
    for name in ("writer.pth", "plain.pth", "reader.pth", "config.json"):
        (home / name).chmod(0)
    home.chmod(0o777)
    ends = {name: run(name, "out", user=user()) for name in QUICK if name != "benchmark"}
    assert wrong(ends, "Permission denied") == {}
    assert [end.line for end in ends.values() if "download" in end.line] == []


def test_a_training_that_diverges_is_one_line(server: Server, home: Path) -> None:
    settings = ("--set", "trainer.epochs=50", "--lr", "1e30")
    end = server.run(Call("train", ("-c", "config.json", *settings), str(home)))
    assert end.is_one_line and "non-finite" in end.line


needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="the system lets this user mount nothing",
)


@needs_mounts
@pytest.mark.parametrize("name", ["train", "write"])
def test_a_full_disk_leaves_nothing_half_written(name: str, home: Path) -> None:
    """Of a disk that is smaller than what is written."""
    (home / "disk").mkdir()
    program = "train.py" if name == "train" else "experiments.py"
    words = [sys.executable, str(ROOT / program), *WORKS[name].to("disk/out")]
    shell = 'mount -t tmpfs -o size=8k none disk && "$@"; code=$?; find disk -type f; exit $code'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", shell, "sh", *words],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    end = End(done.returncode, done.stdout, done.stderr, 0.0)
    assert end.is_one_line and "No space left on device" in end.line, done.stderr
    assert "unfinished" not in done.stdout and ".pth" not in done.stdout.split("find")[-1]


@needs_mounts
def test_a_read_only_disk_is_found_before_the_work(home: Path) -> None:
    (home / "disk").mkdir()
    words = [sys.executable, str(ROOT / "experiments.py"), *WORKS["write"].to("disk/out")]
    shell = 'mount -t tmpfs -o ro none disk && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", shell, "sh", *words],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "error: disk/out: cannot be written: Read-only file system\n",
    )
