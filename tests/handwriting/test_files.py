"""Files and folders are whole or not there."""

from pathlib import Path

import pytest

from handwriting.errors import UserError
from handwriting.files import whole_file, whole_folder


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "numbers.json"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.suffix == ".json"
    assert path.read_text() == "new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_folder_is_filled_at_the_end_and_other_files_in_it_stay(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "a.txt").write_text("old")
    with whole_folder(folder) as temporary:
        (temporary / "a.txt").write_text("new")
        assert (folder / "a.txt").read_text() == "old"
    texts = {file.name: file.read_text() for file in folder.iterdir()}
    assert texts == {"notes.txt": "mine", "a.txt": "new"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "results") as temporary:
        (temporary / "a.txt").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "results" / "today"
    with pytest.raises(UserError, match="file/results: cannot make"), whole_folder(folder):
        pass


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="file: is a file"), whole_folder(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "kept"
