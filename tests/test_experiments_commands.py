"""``experiments.py -r CHECKPOINT COMMAND``: short for the options, which go on working."""

from pathlib import Path

import pytest

from experiments import COMMANDS, parse_options
from handwriting.errors import UserError


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["write", "Dear Sir", "--seed", "2"], ["--text", "Dear Sir", "--seed", "2"]),
        (["write", "--text-file", "-"], ["--text-file", "-"]),
        (["read", "page.svg", "--beam", "4"], ["--ink", "page.svg", "--beam", "4"]),
        (["export", "folder"], ["--export", "folder"]),
        (["export-onnx"], ["--export-onnx"]),
        (["evaluate", "--limit", "3"], ["--limit", "3"]),
    ],
)
def test_a_command_is_the_option_it_stands_for(command: list[str], options: list[str]) -> None:
    expected = parse_options(["-r", "model.pth", *options])
    assert parse_options(["-r", "model.pth", *command]) == expected
    assert parse_options([*command, "-r", "model.pth"]) == expected
    assert parse_options(["--resume=model.pth", *command]) == expected


def test_values_of_options_are_no_commands() -> None:
    options = parse_options(["-r", "read", "--text", "write", "--style-text", "export",
                             "--style", "x"])  # fmt: skip
    assert (options.resume, options.text) == (Path("read"), "write")
    assert (options.style_text, options.ink) == ("export", None)


def test_options_of_another_command_are_refused_as_ever() -> None:
    with pytest.raises(UserError, match="--text: is for writing, --ink is for reading"):
        parse_options(["-r", "model.pth", "read", "page.svg", "--text", "x"])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_lists_its_own_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {"--limit N": "evaluate", "--style": "write", "--ink-lines": "read",
             "--export-weights": "export", "--onnx ": "write"}  # fmt: skip
    with pytest.raises(SystemExit):
        parse_options([command, "--help"])
    text = capsys.readouterr().out
    assert "--resume" in text and "--device" in text
    for option, owner in shown.items():
        if owner == command:
            assert option in text
        elif (owner, command) != ("write", "export-onnx"):
            assert option not in text, option


def test_help_without_a_command_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    text = capsys.readouterr().out
    for part in ("--limit N", "--style", "--ink-lines", "--export-weights", *COMMANDS):
        assert part in text
