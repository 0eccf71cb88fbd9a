"""Text files as lines; see also ``test_text_data_loader.py``."""

import numpy as np
import pytest

from data_loader.text_file import text_file_lines
from handwriting.errors import DataError


@pytest.fixture
def book(tmp_path):
    """A file of 40 paragraphs of words of 1 to 12 letters, whose own lines break anywhere."""
    rng = np.random.default_rng(0)
    paragraphs = [
        "".join(
            "x" * rng.integers(1, 13) + rng.choice([" ", "  ", "\t", "\n"])
            for _ in range(rng.integers(1, 60))
        )
        for _ in range(40)
    ]
    file = tmp_path / "book.txt"
    file.write_text("\n\n".join(paragraphs), encoding="utf-8")
    return file, [paragraph.split() for paragraph in paragraphs]


@pytest.mark.parametrize("widths", [[1], [20], [15, 30, 45]])
def test_no_word_is_lost_or_moved_and_spaces_are_single(book, widths):
    file, paragraphs = book
    lines = text_file_lines(file, widths)
    assert [word for line in lines for word in line.split(" ")] == sum(paragraphs, [])


@pytest.mark.parametrize("width", [1, 12, 20, 33])
def test_lines_are_as_full_as_their_width_allows(book, width):
    file, paragraphs = book
    lines = iter(text_file_lines(file, [width]))
    for words in paragraphs:
        left = len(" ".join(words))
        line = next(lines)
        assert " ".join(words).startswith(line)
        while len(line) < left:
            following = next(lines)
            assert len(line) + 1 + len(following.split()[0]) > width
            assert len(line) <= width or " " not in line
            left -= len(line) + 1
            line = following
        assert len(line) == left, "a paragraph ends with its line"
    assert next(lines, None) is None


def test_widths_are_drawn_as_often_as_they_are_given(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("a " * 20000, encoding="utf-8")
    lengths = [len(line) for line in text_file_lines(file, [9, 9, 9, 19])[:-1]]
    assert set(lengths) == {9, 19}
    assert lengths.count(9) / len(lengths) == pytest.approx(0.75, abs=0.04)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_of_any_editor_are_read_alike(tmp_path, line_break, mark):
    file = tmp_path / "text.txt"
    text = line_break.join(["\u00c9t\u00e9 is", "here", "", "", "Then \u2018it\u2019 goes"])
    file.write_bytes((mark + text).encode("utf-8"))
    assert text_file_lines(str(file), [50]) == ["\u00c9t\u00e9 is here", "Then \u2018it\u2019 goes"]


@pytest.mark.parametrize("content", [b"", b"\n \t\n", "\ufeff".encode(), b"\xe4\xf6", None])
def test_what_is_no_text_is_one_clear_line_that_names_the_file(tmp_path, content):
    file = tmp_path / "text.txt"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"text\.txt: \w+") as caught:
        text_file_lines(file, [10])
    assert "\n" not in str(caught.value)
