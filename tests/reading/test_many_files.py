"""Folders of ink: which files are read, what becomes of a bad one, what is watched."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ink_samples import wave_line

import experiments
from handwriting.errors import UserError
from reading.ink_paths import ink_files, is_ink
from reading.many_files import FILES_OF_A_WORKER, FileResult, watch, workers_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files and a bad one."""
    (tmp_path / "ink/sub").mkdir(parents=True)
    rows = json.dumps(wave_line().tolist())
    for name in ("b.json", "sub/a.json"):
        (tmp_path / "ink" / name).write_text(rows)
    (tmp_path / "ink/a bad.json").write_text("{")
    return tmp_path / "ink"


def test_ink_is_found_below_folders_and_results_are_not_ink(folder: Path) -> None:
    for name in ("b.json.reading.json", ".hidden.json", "notes.txt", "b.json.alto.xml"):
        (folder / name).write_text("x")
    os.symlink(folder, folder / "sub/again", target_is_directory=True)
    found = ink_files([folder, folder / "b.json", folder / "absent.svg"])
    assert [name for _, name in found] == ["a bad.json", "b.json", "sub/a.json", "absent.svg"]
    assert not is_ink(Path("page.reading.json")) and is_ink(Path("PAGE.SVG"))


def test_a_folder_without_ink_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--ink: .*has no .svg"):
        ink_files([tmp_path])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_file_does_not_end_the_rest(
    recogniser: Path, folder: Path, capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    arguments = ["-r", recogniser, "--device", "cpu", "--ink", folder, "--workers", workers]
    with pytest.raises(UserError, match="^1 of 3 files could not be read$"):
        experiments.main([*map(str, arguments)])
    printed = capfd.readouterr()
    assert [line for line in printed.out.splitlines() if line.startswith("==>")] == [
        "==> b.json <==",
        "==> sub/a.json <==",
    ]
    assert printed.err.count("error: ") == 1 and "a bad.json" in printed.err


def test_results_of_a_folder_keep_its_names(recogniser: Path, folder: Path) -> None:
    (folder / "a bad.json").unlink()
    out = folder.parent / "out"
    arguments = ["-r", recogniser, "--device", "cpu", "--ink", folder, "--out", out]
    experiments.main([*map(str, arguments), "--format", "txt,json"])
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert files == [
        "b.json.reading.json", "b.json.txt", "sub/a.json.reading.json", "sub/a.json.txt"
    ]  # fmt: skip


def test_processes_are_as_many_as_are_worth_their_start() -> None:
    assert workers_for(1, None) == workers_for(FILES_OF_A_WORKER, None) == 1
    assert workers_for(3, 8) == 3 and workers_for(100, 2) == 2
    assert 1 <= workers_for(10_000, None) <= (os.cpu_count() or 1)


def test_a_watched_folder_is_read_as_it_fills(tmp_path: Path) -> None:
    """A file is read once it has stayed the same between two looks, and again when it changes."""
    read: list[str] = []

    def note(path: Path, name: str) -> FileResult:
        read.append(f"{name}: {path.read_text()}")
        return FileResult(name)

    def steps() -> Iterator[None]:
        (tmp_path / "a.json").write_text("1")
        yield
        (tmp_path / "a.json").write_text("12")  # still being written
        yield
        assert read == []
        yield
        assert read == ["a.json: 12"]
        (tmp_path / "b.svg").write_text("3")
        yield
        (tmp_path / "a.json").write_text("456")
        yield
        yield

    doing = steps()
    watch(tmp_path, note, lambda: next(doing, "end") is None)
    assert read == ["a.json: 12", "b.svg: 3", "a.json: 456"]
