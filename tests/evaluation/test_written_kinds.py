"""``python -m evaluation.written_kinds``: texts of many kinds, written and read."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoint import make_checkpoint

from evaluation.written_kinds import (
    CHARACTERS,
    EVERY,
    TEXTS,
    Read,
    Text,
    character_rates,
    kind_rows,
    main,
    sheet_of,
    texts_of,
)
from handwriting.errors import UserError

INK = np.array([[0, 0, 0], [1, 3, 4]], np.float32)
SOURCE = {"type": "synthetic", "args": {"num_lines": 40, "num_writers": 5, "max_characters": 20}}


def test_texts_are_of_all_kinds_and_the_same_again() -> None:
    texts = texts_of(3, 2, seed=5)
    assert texts == texts_of(3, 2, seed=5) != texts_of(3, 2, seed=6)
    assert len(texts) == 3 * len(TEXTS) + 2 * len(CHARACTERS)
    assert {text.kind for text in texts} == {*TEXTS, EVERY}
    assert all(text.part in text.text for text in texts)


def test_every_character_stands_once_in_its_company() -> None:
    for text in texts_of(1, 3, seed=1):
        if text.kind == EVERY:
            assert text.text.count(text.part) == 1 and len(text.text) > 2


@pytest.mark.parametrize(
    ("text", "part", "reading", "exact"),
    [
        ("12 May", "12 May", "12 May", True),
        ("12 May", "12 May", "12 may", False),
        ("on 12 of", "12", "on 12 oF", True),
        ("on 12 of", "12", "on 112 of", False),
    ],
)
def test_a_number_in_a_sentence_is_read_as_a_word(
    text: str, part: str, reading: str, exact: bool
) -> None:
    assert Read(Text("numbers in a sentence", text, part), reading, False, INK).is_exact == exact


def test_a_character_is_read_where_it_stands() -> None:
    text = Text(EVERY, "of Xat", "X")
    assert Read(text, "oh Xat", False, INK).is_exact
    assert not Read(text, "of Kat", False, INK).is_exact
    rates = character_rates([Read(text, "of Xat", False, INK), Read(text, "of at", False, INK)])
    assert rates == {"X": 0.5}


def test_rows_count_errors_and_ends() -> None:
    text = Text("dates", "1 May", "1 May")
    (row,) = kind_rows([Read(text, "1 May", False, INK), Read(text, "1 Mag", True, INK)])
    assert row == {
        "kind": "dates", "texts": "2", "CER %": "10.0", "exact %": "50.0", "at the limit": "1",
    }  # fmt: skip


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        task: str(make_checkpoint(folder / f"{task}.pth", source=SOURCE, task=task))
        for task in ("conditional", "recognition")
    }


def test_the_command_writes_and_reads(
    checkpoints: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "texts.csv"
    judge = checkpoints["recognition"]
    main(
        ["-r", checkpoints["conditional"], "--judge", judge, "--picker", judge, "--draws", "2",
         "--texts", "1", "--characters", "0", "--out", str(out)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "texts have characters that the model does not know" in printed
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert 0 < len(rows) <= len(TEXTS) and all(row["kind"] in TEXTS for row in rows)


def test_a_model_that_writes_no_texts_is_refused(checkpoints: dict[str, str]) -> None:
    judge = checkpoints["recognition"]
    with pytest.raises(UserError, match="its task is 'recognition', it writes no texts"):
        main(["-r", judge, "--judge", judge])


def test_a_sheet_has_the_texts_of_all_kinds_and_what_was_read_otherwise() -> None:
    right, wrong = Text("dates", "1 May", "1 May"), Text("prices", "$3", "$3")
    reads = [Read(right, "1 May", False, INK)] * 5 + [Read(wrong, "83\x1b", False, INK)]
    sheet = sheet_of(reads)
    words = [text.words for text in sheet.texts]
    assert len(words) == 3 and words[0] == "dates: " + "   ".join(["1 May"] * 4)
    assert words[2] == "prices: $3 [83\\x1b]"
    assert len(sheet.paths) == 6
    left = sorted(float(path.points[:, 0].min()) for path in sheet.paths[:4])
    assert (np.diff(left) > np.ptp(sheet.paths[0].points[:, 0])).all()
