"""Runs the project's commands, each in a process of its own that starts at once: a server imports
everything, and forks for each command. A command may be given a limit, a fault, or a signal.

Requests and answers are lines of JSON; see ``Call`` and ``End``.
"""

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "train": "train",
    "experiments": "experiments",
    "slim": "trainer.slim",
    "prepare": "data_loader.prepare",
    "adapt": "evaluation.adapt",
    "benchmark": "benchmarks.synthetic_corpus",
    "handwriting": "handwriting.commands",
}
# What these commands import only when they are used.
_LAZY = (
    *("trainer.assembly", "trainer.loaded_model", "reading.command", "writing.command"),
    *("writing.export_command", "evaluation.command", "evaluation.training_pictures"),
    *("evaluation.adaptation", "logger.logger", "matplotlib.backends.backend_agg"),
    *("handwriting.formats.registry", "utils.memory", "trainer.slim", "PIL.PngImagePlugin"),
    *("handwriting.commands.write", "handwriting.commands.read", "handwriting.commands.convert"),
    *("handwriting.runtime.writer", "handwriting.runtime.reader", "evaluation.runtime_export"),
)
NOBODY = 65534
A_HANG = 600.0
LIMITS = ("FSIZE", "NOFILE", "DATA")


@dataclass
class Call:
    """A command and what is to happen to it.

    Attributes:
        command: one of ``COMMANDS``.
        arguments: of its command line.
        folder: to run in.
        stdout: "kept", "closed", or a path such as /dev/full.
        limits: of resources, by the ends of their names: FSIZE in bytes, NOFILE, DATA in bytes
            beyond what the process has.
        user: number to run as.
        environment: variables to set.
        stop_after: seconds until ``signal`` is sent; None for not at all.
        signal: number of the signal.
        clock_back: seconds after which the clock goes back by a day; None for not at all.
    """

    command: str
    arguments: Sequence[str]
    folder: str
    stdout: str = "kept"
    limits: dict[str, int] = field(default_factory=dict)
    user: int | None = None
    environment: dict[str, str] = field(default_factory=dict)
    stop_after: float | None = None
    signal: int = int(signal.SIGKILL)
    clock_back: float | None = None


@dataclass(frozen=True)
class End:
    """The end of a command.

    Attributes:
        code: its exit code; negative for a signal.
        out, err: what it printed.
        seconds: that it took.
        hung: whether it had to be ended.
    """

    code: int
    out: str
    err: str
    seconds: float
    hung: bool = False

    @property
    def is_one_line(self) -> bool:
        """Whether it ended as one whose user is to mend something: exit code 2, and one line."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return self.code == 2 and len(lines) == 1 and "Traceback" not in self.err

    @property
    def line(self) -> str:
        """The line of its error."""
        return next((line for line in self.err.splitlines() if line.startswith("error: ")), "")


class Server:
    """Forks commands; a context manager."""

    def __init__(self) -> None:
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests/helpers", ROOT / "tests/harness")))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "forked_commands"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, call: Call) -> End:
        """Run a command to its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(call)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the server ended"
        return End(**json.loads(answer))

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def serve() -> None:
    """Answer requests until there are no more."""
    for module in (*COMMANDS.values(), *_LAZY):
        importlib.import_module(module)
    _warm_up()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    place = Path(tempfile.mkdtemp(prefix="forked-commands-"))
    place.chmod(0o755)
    try:
        for line in sys.stdin:
            answers.write(json.dumps(asdict(_run(Call(**json.loads(line)), place))) + "\n")
            answers.flush()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _warm_up() -> None:
    """Import what is imported as models are built and texts decoded: a command that runs as another
    user may not be let into the folder of the interpreter."""
    torch = importlib.import_module("torch")
    with torch.device("meta"):
        torch.nn.LSTM(1, 1)(torch.zeros(1, 1, 1))
    for module in ("encodings.utf_8_sig", "cProfile", "encodings.idna", "encodings.ascii"):
        importlib.import_module(module)


def _run(call: Call, place: Path) -> End:
    printed = [place / "out", place / "err"]
    for path in printed:
        path.write_bytes(b"")
    started = time.monotonic()
    child = os.fork()
    if not child:
        _be_command(call, printed)
    status, hung = _wait(child, call, started)
    texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in printed]
    seconds = time.monotonic() - started
    return End(os.waitstatus_to_exitcode(status), *texts, seconds, hung)


def _wait(child: int, call: Call, started: float) -> tuple[int, bool]:
    """Wait for a child, send its signal when it is time, and end it where it hangs."""
    stop_after = call.stop_after
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, False
        passed = time.monotonic() - started
        if stop_after is not None and passed >= stop_after:
            os.kill(child, call.signal)
            stop_after = None
        if passed > A_HANG:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], True
        time.sleep(0.002)


def _be_command(call: Call, printed: list[Path]) -> None:
    """Become the process of a command; this does not return."""
    code: Any = 1
    try:
        _enter(call, printed)
        module = importlib.import_module(COMMANDS[call.command])
        run_command = importlib.import_module("handwriting.errors").run_command
        sys.argv = [call.command, *call.arguments]
        run_command(module.main)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.__excepthook__(*sys.exc_info())
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored: {error}", file=sys.stderr, flush=True)
        code = 120  # as the interpreter ends
    os._exit(code)


def _enter(call: Call, printed: list[Path]) -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    out, err = (os.open(path, os.O_WRONLY | os.O_TRUNC) for path in printed)
    os.dup2(err, 2)
    if call.stdout not in ("kept", "closed"):
        out = os.open(call.stdout, os.O_WRONLY)
    os.dup2(out, 1)
    os.closerange(3, 256)
    if call.stdout == "closed":
        os.close(1)
        sys.stdout = None
    os.chdir(call.folder)
    os.environ.update(call.environment)
    if call.clock_back is not None:
        _turn_back(call.clock_back)
    if call.user is not None:
        os.setgid(call.user)
        os.setuid(call.user)
    for name, value in call.limits.items():
        most = value + (_data_size() if name == "DATA" else 0)
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _turn_back(after: float) -> None:
    """Have the clock of the wall, not that of the processor, go back by a day."""
    now, local, started = time.time, time.localtime, time.monotonic()
    write = time.strftime

    def turned() -> float:
        return now() - (86_400 if time.monotonic() - started > after else 0)

    time.time = turned
    time.localtime = lambda seconds=None: local(turned() if seconds is None else seconds)
    time.strftime = lambda form, when=None: write(form, when or time.localtime())


def _data_size() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData"):
            return int(line.split()[1]) * 1024
    raise OSError("the system does not tell how much memory a process has")


if __name__ == "__main__":
    serve()
