"""The command ``handwriting``, on tiny models with random weights."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from handwriting.commands import COMMANDS, main
from handwriting.errors import EXIT_USER_ERROR, UserError
from handwriting.version import version

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(
    exported: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Runs the command and returns what it prints."""
    monkeypatch.setenv("HANDWRITING_WEIGHTS", str(exported))

    def call(*arguments: object) -> str:
        capsys.readouterr()
        main([str(argument) for argument in arguments])
        return capsys.readouterr().out

    return call


def test_a_text_is_written_to_the_file_that_is_named(run, tmp_path: Path) -> None:
    out = run("write", "a tree", "-o", tmp_path / "tree.svg", "--seed", 2, "--ruled")
    assert out.startswith("2 words on 1 page in ") and out.endswith(f"{tmp_path / 'tree.svg'}\n")
    assert '<g id="rules"' in (tmp_path / "tree.svg").read_text(encoding="utf-8")


def test_many_texts_are_written_in_one_start(run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("rain\n")
    (tmp_path / "lines.txt").write_text("one\n\nsee\n")
    out = run(
        "write", "a", "-f", tmp_path / "a.txt", "--lines", tmp_path / "lines.txt",
        "-o", tmp_path / "out", "--format", "svg,json", "--json",
    )  # fmt: skip
    entries = [json.loads(line) for line in out.splitlines()]
    assert [entry["text"] for entry in entries] == ["a", "rain\n", "one", "see"]
    assert all(entry["pages"] == 1 for entry in entries)
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == sorted(
        f"{name}.{suffix}"
        for name in ("text-1", "a", "line-1", "line-3")
        for suffix in ("svg", "json")
    )


def test_a_corpus_is_written(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "texts.txt").write_text("rain\n\nit is\n\u6f22\n")
    arguments = ("write", "--texts", tmp_path / "texts.txt", "--corpus", tmp_path / "c")
    with pytest.raises(UserError, match="1 of 3 texts could not be written, all others are"):
        run(*arguments, "--json")
    printed = capsys.readouterr()
    (shard,) = (json.loads(line) for line in printed.out.splitlines())
    assert shard["shard"] == str(tmp_path / "c" / "shard-000000") and shard["lines"] == 2
    assert shard["left_out"][0]["line"] == 4
    assert printed.err.startswith(f"error: {tmp_path / 'texts.txt'}: line 4: text: the model")
    assert "0 lines in 0 shards in" in run(*arguments)


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_standard_input_is_written_and_read(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input(monkeypatch, b"rain")
    run("write", "-", "-o", tmp_path / "rain.json")
    data = (tmp_path / "rain.json").read_bytes()
    standard_input(monkeypatch, data)
    from_input = run("read", "-")
    assert from_input == run("read", tmp_path / "rain.json")


def test_a_folder_is_read_and_a_bad_file_does_not_end_it(
    run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ink = tmp_path / "ink"
    run("write", "rain", "see", "-o", ink / "more", "--format", "json")
    (ink / "bad.json").write_text("{")
    with pytest.raises(UserError, match="1 of 3 files could not be read"):
        main(["read", str(ink), "--json", "-o", str(tmp_path / "out"), "--format", "txt,svg"])
    printed = capsys.readouterr()
    entries = [json.loads(line) for line in printed.out.splitlines()]
    assert [Path(entry["file"]).name for entry in entries] == ["bad.json", *_texts("json")]
    assert "error" in entries[0] and printed.err.startswith(f"error: {ink / 'bad.json'}: ")
    assert all(entry["lines"][0]["truth"] for entry in entries[1:])
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == sorted([*_texts("svg"), *_texts("txt")])


def _texts(suffix: str) -> list[str]:
    return [f"text-1.{suffix}", f"text-2.{suffix}"]


def test_files_are_converted(run, tmp_path: Path) -> None:
    run("write", "rain", "-o", tmp_path / "rain.svg")
    run("convert", tmp_path / "rain.svg", "-o", tmp_path / "rain.inkml")
    out = run("convert", tmp_path / "rain.inkml", "-o", tmp_path / "out", "--format", "gcode")
    assert out == f"{tmp_path / 'rain.inkml'}: {tmp_path / 'out' / 'rain.gcode'}\n"


def test_hands_are_listed_and_drawn(run, tmp_path: Path) -> None:
    out = run("hands", "-o", tmp_path / "hands.svg", "--text", "rain")
    assert out == "lena\n"
    assert (tmp_path / "hands.svg").is_file()
    assert json.loads(run("hands", "--json"))["name"] == "lena"


def test_info_says_what_is_there(run, exported: Path) -> None:
    found = json.loads(run("info", "--json"))
    assert found["handwriting"] == version()
    assert "svg" in found["reads"] and "png" in found["writes"]
    assert found["models"]["weights"] == str(exported)
    assert found["models"]["writer"].startswith("int8, ")
    assert "recogniser: int8" in run("info")


def test_serve_hands_the_page_its_weights(
    run, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple] = []
    page = SimpleNamespace(serve=lambda *arguments: served.append(arguments))
    monkeypatch.setitem(sys.modules, "handwriting.web", SimpleNamespace(__path__=[]))
    monkeypatch.setitem(sys.modules, "handwriting.web.__main__", page)
    run("serve", "--port", 0, "--no-open")
    assert served == [(exported, 0, False)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a command, one of write, read, hands, convert, serve, hub, info"),
        (["wright"], "invalid choice: 'wright'"),
        (["write"], "write: give a text, --text-file or --lines"),
        (["write", "a", "b", "-o", "x.svg"], "--out x.svg: is one file, got 2 texts"),
        (["write", "a", "-o", "x.svg", "--format", "png"], "--format: is for a folder"),
        (["write", "a", "-o", "x.doc"], "x.doc: should end in .svg"),
        (["write", "a", "--hand", "tom"], "hand: there are 1, such as lena; got 'tom'"),
        (["write", "a", "--page-width", "0.1"], "page_width: should be greater than"),
        (["write", "a", "--seed", "x"], "--seed: a whole number from 0"),
        (["write", "--texts", "x"], "--texts, --corpus: are given together"),
        (["write", "a", "--texts", "x", "--corpus", "c"], "has the texts of --texts alone"),
        (["write", "--texts", "x", "--corpus", "c", "--ruled"], "--ruled: is for pages, which a"),
        (["write", "--texts", "x", "--corpus", "c"], "x: cannot be read: No such file"),
        (["write", "a", "--workers", "2"], "--workers: is for --texts with --corpus"),
        (["read", "none.svg"], "none.svg: cannot be read: No such file"),
        (["read", "none.doc"], "none.doc: ink is read from"),
        (["convert", "none.svg", "-o", "x.svg"], "none.svg: cannot be read"),
        (["write", "a", "--weights", "none"], "none: is no folder of exported models"),
    ],
)
def test_wrong_input_is_one_line(run, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as fault:
        run(*arguments)
    assert "\n" not in str(fault.value)


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handwriting", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_process_ends_with_its_exit_code() -> None:
    done = process("read", "none.svg", "--weights", "none")
    assert done.returncode == EXIT_USER_ERROR
    assert done.stderr == "error: none: is no folder of exported models\n"


def test_help_lists_every_command_without_loading_models() -> None:
    program = (
        "import sys\nfrom handwriting.commands import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pydantic', 'PIL') if m in sys.modules])"
    )
    for arguments in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.endswith("[]\n"), arguments
        if arguments == ["--help"]:
            assert all(f"\n    {name} " in done.stdout for name in COMMANDS)


def test_completion_needs_a_package_or_prints_a_script(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(UserError, match="shtab is not installed: pip install shtab"):
        main(["--print-completion", "bash"])
    complete = SimpleNamespace(complete=lambda parser, shell: f"{shell}: {parser.prog}")
    monkeypatch.setitem(sys.modules, "shtab", complete)
    with pytest.raises(SystemExit):
        main(["--print-completion", "zsh"])
    assert capsys.readouterr().out == "zsh: handwriting\n"
