"""Only files are opened: nothing is waited for, nothing is read without end."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_loader.readers.files import read_files, read_text
from data_loader.readers.inkml import InkmlReader
from handwriting.errors import DataError, UserError
from handwriting.files import read_regular_file
from handwriting.formats.ink_file import read_ink_file
from handwriting.formats.registry import READ_SUFFIXES
from handwriting.formats.unpickling import load_object_array
from utils.shipped import checkpoint_path


@pytest.fixture(params=["pipe", "folder", "socket", "device", "nul"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "ink"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "device":
        path = Path("/dev/zero")
    elif request.param == "nul":
        path = tmp_path / "a\0b"
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            yield path
            return
    yield path


def test_what_is_no_file_is_one_line_at_once(no_file: Path) -> None:
    for read in (read_regular_file, read_text, load_object_array):
        with pytest.raises(DataError) as fault:
            read(no_file)
        assert str(fault.value).isprintable()


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
def test_ink_is_read_from_files(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"device{suffix}").symlink_to("/dev/zero")
    (tmp_path / f"folder{suffix}").mkdir()
    for name in ("pipe", "device", "folder"):
        with pytest.raises(DataError, match=f"{name}{suffix}: (is not a regular|cannot be read)"):
            read_ink_file(tmp_path / f"{name}{suffix}")


def test_pipes_are_no_archives_and_none_of_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.inkml")
    with pytest.raises(DataError, match="not a regular file"):
        list(read_files(tmp_path / "a.inkml", ".inkml"))
    assert list(read_files(tmp_path, ".inkml")) == []
    with pytest.raises(DataError, match="holds no"):
        list(InkmlReader(str(tmp_path)))


def test_checkpoints_are_files() -> None:
    with pytest.raises(UserError, match="/dev/zero: is not a regular file"):
        checkpoint_path("/dev/zero")
    assert checkpoint_path("a/b.pth") == Path("a/b.pth")
