"""Files and folders are whole or not there."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handwriting.errors import UserError
from handwriting.files import check_can_write, whole_file, whole_folder
from handwriting.leftovers import process_tag, unfinished_name


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


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are POSIX")
@pytest.mark.parametrize("left", range(4))
def test_a_failure_for_want_of_open_files_leaves_no_folder(tmp_path: Path, left: int) -> None:
    import resource

    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.open(tmp_path, os.O_RDONLY) for _ in range(left + 1)]
    for descriptor in free:
        os.close(descriptor)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free), usual[1]))
    try:
        with (
            pytest.raises(OSError, match="Too many open files"),
            whole_folder(tmp_path / "results") as temporary,
        ):
            for number in range(9):
                held.append(open(temporary / f"{number}.txt", "w"))  # noqa: SIM115
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        for file in held:
            file.close()
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


def test_the_next_writing_takes_over_what_a_killed_process_left(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    unfinished_name(path).write_text("half of something much longer")
    for text in ("first", "second"):
        with whole_file(path, sync=True) as temporary:
            assert temporary == unfinished_name(path)
            temporary.write_text(text)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["second"]


@pytest.fixture
def dead() -> int:
    """The number of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("write", [whole_file, whole_folder])
def test_what_dead_processes_left_is_swept_and_nothing_else(
    write: Any, tmp_path: Path, dead: int
) -> None:
    host, number = process_tag().split("-")
    ours = [f".a.{host}-{dead}.unfinished.json", f".b.{host}-{dead}-0123abcd.unfinished"]
    others = [
        f".a.{host}-{number}.unfinished.json",  # alive
        f".a.{'0' * 6}-{dead}.unfinished.json",  # of another machine
        ".a.unfinished.json",
        f".b.{dead}",
        f"b.{host}-{dead}.unfinished",
    ]
    for name in (*ours, *others):
        (tmp_path / name).mkdir()
        (tmp_path / name / "inside").write_text("")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    (tmp_path / f".c.{host}-{dead}-0123abcd.unfinished").symlink_to(outside)
    with write(tmp_path / "result") as temporary:
        if write is whole_file:
            temporary.write_text("")
    assert {each.name for each in tmp_path.iterdir()} == {*others, "outside", "result"}
    assert (outside / "kept").exists()


def test_files_of_like_names_have_unfinished_names_of_their_own(tmp_path: Path) -> None:
    names = ("a.pth", "a.pth.best", "a.json", "a", ".a")
    assert len({unfinished_name(tmp_path / name) for name in names}) == len(names)


def test_a_folder_is_not_made_where_it_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "none" / "numbers.json"
    with pytest.raises(OSError), whole_file(path, make_parents=False) as temporary:
        temporary.write_text("new")
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_appears_in_one_step_with_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.mkdir()
    for folder in (tmp_path / "new", usual):
        with whole_folder(folder) as temporary:
            (temporary / "inner").mkdir()
            (temporary / "inner" / "a.txt").write_text("text")
        assert (folder / "inner" / "a.txt").read_text() == "text"
    assert os.stat(tmp_path / "new").st_mode == os.stat(usual).st_mode
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new", "usual"]


def test_a_full_disk_names_the_file_as_it_would_have_been(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with pytest.raises(OSError) as caught, whole_file(tmp_path / "a.json"):
        raise full
    assert caught.value.filename == str(tmp_path / "a.json")
    for raised, name in (
        (lambda temporary: OSError(28, "full"), "out"),
        (lambda temporary: OSError(28, "full", str(temporary / "b" / "c.png")), "out/b/c.png"),
        (lambda temporary: OSError(13, "no", "/elsewhere"), "/elsewhere"),
    ):
        with pytest.raises(OSError) as caught, whole_folder(tmp_path / "out") as temporary:
            raise raised(temporary)
        assert caught.value.filename == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_output_is_tried_and_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "there").mkdir()
    for name in ("new", "a/b/c", "there"):
        check_can_write(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "there"}
    for name in ("file", "file/a/b"):
        with pytest.raises(UserError, match="file: is a file, results need a folder"):
            check_can_write(tmp_path / name)
    for name, why in (("a\0b", "embedded null"), ("n" * 300 + "/a", "File name too long")):
        with pytest.raises(UserError, match=why):
            check_can_write(tmp_path / name)


def test_results_go_into_a_folder_whose_own_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that a container mounts."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    check_can_write(folder)
    with whole_folder(folder) as temporary:
        assert temporary.parent == folder
        (temporary / "a.txt").write_text("text")
    assert [file.name for file in folder.iterdir()] == ["a.txt"]
