"""Exit codes and what is printed with them, in real processes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handwriting.errors import ConfigError, run_command

PROGRAM = """
from handwriting.errors import *
def main():
    {body}
run_command(main)
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(body=body)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ("pass", 0, ""),
        ("raise DataError('lines.xml: no stroke in it')", 2, "error: lines.xml: no stroke in it\n"),
        ("raise ConfigError(['a: b', 'c: d'])", 2, "error: a: b\nc: d\n"),
        ("raise Interrupted('saved checkpoint.pth')", 130, "saved checkpoint.pth\n"),
        ("raise KeyboardInterrupt", 130, "interrupted\n"),
    ],
)
def test_what_a_user_caused_ends_in_its_message_alone(body: str, code: int, errors: str) -> None:
    done = run(body)
    assert (done.returncode, done.stderr) == (code, errors)


def test_a_fault_of_the_program_shows_where_it_is() -> None:
    done = run("raise ValueError('a bug')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and done.stderr.endswith("ValueError: a bug\n")


def test_a_reader_that_goes_away_is_said() -> None:
    body = "print('x' * 10_000_000)"
    command = [sys.executable, "-c", PROGRAM.format(body=body)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b"error: standard output: nobody reads it any more\n"
        assert process.wait() == 2


def test_an_interruption_while_importing_is_one_line(tmp_path: Path) -> None:
    """Whatever the library that is half imported makes of an exception."""
    (tmp_path / "stubborn.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except BaseException as error:\n    raise ImportError('cannot start') from error\n"
    )
    done = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import stubborn")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_an_interruption_that_a_library_makes_an_error_of_is_one_line() -> None:
    body = (
        "import os, signal\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "    except BaseException as error:\n        raise ValueError('schema') from error"
    )
    done = run(body)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_wrong_setting_is_told_in_a_line_that_can_be_read() -> None:
    short = "levels: must be some of lines, words, got 'a'"
    found = ConfigError([short, f"names: got {['x' * 5000] * 3}"])
    assert found.problems[0] == short
    assert found.problems[1].startswith("names: got ['xxx") and len(str(found)) < 1200


def test_an_interruption_where_nothing_can_be_raised_is_not_lost() -> None:
    done = run(
        "import signal, time\n"
        "    class Ending:\n"
        "        def __del__(self): signal.raise_signal(signal.SIGINT)\n"
        "    Ending()\n"
        "    for _ in range(1000): time.sleep(0.01)\n"
        "    print('went on')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_an_interruption_is_not_lost_where_no_thread_can_be_started() -> None:
    done = run(
        "import signal, threading, time\n"
        '    def refuse(self): raise RuntimeError("can\'t start new thread")\n'
        "    class Ending:\n"
        "        def __del__(self): signal.raise_signal(signal.SIGINT)\n"
        "    threading.Thread.start = refuse\n"
        "    Ending()\n"
        "    time.sleep(5)\n"
        "    print('went on')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_the_hook_of_the_caller_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(unraisable: object) -> None: ...

    monkeypatch.setattr(sys, "unraisablehook", hook)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit):
            run_command(lambda: None)
        assert sys.unraisablehook is hook
    finally:
        signal.signal(signal.SIGINT, handler)
