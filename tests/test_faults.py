"""Small files that once went wrong; ``HANDWRITING_FAULTS`` names the folder that has them."""

import os
import tracemalloc
from pathlib import Path

import pytest

from data_loader.readers.files import read_files
from handwriting.errors import DataError
from handwriting.formats.ink_file import read_ink_file
from handwriting.formats.registry import READ_SUFFIXES

FOLDER = os.environ.get("HANDWRITING_FAULTS")
FILES = sorted(Path(FOLDER).iterdir()) if FOLDER else []
MOST_MEMORY = 100_000_000


def read(path: Path) -> None:
    if path.suffix in READ_SUFFIXES:
        read_ink_file(path)
    elif ".tar" in path.suffixes:
        list(read_files(path, ""))


@pytest.mark.skipif(not FOLDER, reason="HANDWRITING_FAULTS names no folder")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_that_went_wrong_is_read_or_refused_in_one_line(path: Path) -> None:
    tracemalloc.start()
    try:
        read(path)
    except DataError as error:
        assert str(path) in str(error) and str(error).isprintable() and "class" not in str(error)
    assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    tracemalloc.stop()
