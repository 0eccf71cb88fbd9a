"""Letters that are written and read by the commands: their texts, their files, their errors."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation import written_pages
from evaluation.written_pages import errors, main, page_text
from handwriting.errors import UserError


def test_letters_have_all_kinds_of_text_and_are_the_same_again() -> None:
    assert page_text(3) == page_text(3) != page_text(4)
    for seed in range(20):
        date, greeting, sentences, price, address, capitals, name = page_text(seed).split("\n")
        assert greeting.startswith("Dear ") and name.startswith("Yours, ")
        assert sentences.count(".") == 4 and any(word.isdigit() for word in sentences.split())
        assert capitals.isupper() and date and price and address


def test_where_lines_end_is_no_error() -> None:
    found = errors(["one two\nthree", "four"], ["one\ntwo three\n", "fours"])
    assert (found.lines, found.character_errors, found.characters) == (2, 1, 17)


class Commands:
    """Stands in for ``experiments.py``: writes pages of letters, and reads each as its number."""

    def __init__(self) -> None:
        self.words: list[tuple[object, ...]] = []

    def __call__(self, *words: object) -> None:
        self.words.append(words)
        given = dict(zip(words, words[1:], strict=False))
        out = Path(str(given["--out"]))
        out.mkdir()
        if "--csv" in given:
            for name in ("01-page.json", "01-page-1.png", "02-page.json", "02-page-1.png"):
                (out / name).write_text("")
        else:
            read = {path.name: path.name[1] for path in Path(str(given["--ink"])).iterdir()}
            assert sorted(read) == ["01-page.json", "02-page.json"]
            for name, text in read.items():
                (out / f"{name}.txt").write_text(page_text(int(text)))


@pytest.fixture
def checkpoints(tmp_path: Path) -> list[str]:
    for name in ("writer.pth", "judge.pth"):
        (tmp_path / name).write_text("")
    return ["-r", str(tmp_path / "writer.pth"), "--judge", str(tmp_path / "judge.pth")]


def run(checkpoints: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    commands = Commands()
    monkeypatch.setattr(written_pages, "_run", commands)
    main([*checkpoints, "--pages", "2", "--seed", "1", "--draws", "3"])
    return commands


def test_the_judge_reads_what_the_writer_wrote(
    checkpoints: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(written_pages.shutil, "which", lambda name: None)
    write, read = run(checkpoints, monkeypatch).words
    assert str(write[1]).endswith("writer.pth") and str(read[1]).endswith("judge.pth")
    assert "--recogniser" not in write and write[-2:] == ("--best-of", 3)
    printed = capsys.readouterr().out
    assert "tesseract is not installed" in printed
    assert "judge: 2 pages" in printed and "CER 0.0 %" in printed


def test_the_pictures_are_read_where_tesseract_is_there(
    checkpoints: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(written_pages, "_TESSERACT", "echo")
    run(checkpoints, monkeypatch)
    assert "echo, of the picture: 2 pages" in capsys.readouterr().out
    monkeypatch.setattr(written_pages, "_TESSERACT", "false")
    with pytest.raises(UserError, match="^false: "):
        run(checkpoints, monkeypatch)


def test_a_command_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^.*nothing\.pth: .*[^\n]$"):
        main(["-r", str(tmp_path / "nothing.pth"), "--judge", str(tmp_path / "nothing.pth")])
