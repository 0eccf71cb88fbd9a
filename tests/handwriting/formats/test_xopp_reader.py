"""Notes of Xournal++: strokes, widths, texts over the ink, and all that is no ink."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ink_samples import page
from sample_files import COLOUR, xopp_text

from handwriting.errors import DataError
from handwriting.formats.document_files import write_document
from handwriting.formats.ink_file import document_in_file, read_ink_file

NOTE = (
    '<xournal><title>my note</title><page width="100" height="200">'
    '<background type="pdf" domain="absolute" filename="/etc/passwd" pageno="1"/>'
    '<layer name="first"><image left="1" top="2" right="3" bottom="4">aGVsbG8=</image>'
    '<stroke tool="pen" color="blue" width="2 1 3" ts="12ll" fn="a.mp3" fill="9">0 0 4 0 4 4'
    "</stroke>"
    '<stroke tool="highlighter" color="#ff000080" width="9">0 0 5 5</stroke></layer>'
    '<layer><stroke tool="pen" color="#00ff00ff" width="1">7 7 7 7</stroke>'
    '<text font="Serif" size="10" x="50" y="60" color="black">typed\nlines</text>'
    '<teximage text="x^2" left="1">YQ==</teximage></layer></page></xournal>'
)


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_what_a_note_has_is_read(tmp_path: Path) -> None:
    document = document_in_file(write(tmp_path / "a.xopp", NOTE))
    (found,) = document.pages
    pen, marker, dot = found.strokes
    assert pen.points.tolist() == [[0, 0], [4, 0], [4, 4]]
    assert pen.pressures is not None and pen.pressures.tolist() == [0.5, 1.5, 1.5]
    assert (pen.width, pen.colour, pen.tool, pen.layer) == (2, "#3333cc", "", 0)
    assert (marker.tool, marker.colour, marker.is_writing) == ("highlighter", "#ff000080", False)
    assert len(dot.points) == 1 and (dot.colour, dot.layer) == ("#00ff00", 1)
    (text,) = found.texts
    assert (text.text, text.left, text.top, text.size) == ("typed\nlines", 50, 60, 10)
    assert (found.width, found.height, found.layers) == (100, 200, ("first", ""))
    assert document.notes == (("title", "my note"),)
    assert document.units_per_mm == pytest.approx(72 / 25.4)


def test_pressures_may_stand_beside_the_width(tmp_path: Path) -> None:
    note = NOTE.replace('width="2 1 3"', 'width="2" pressures="1 3"')
    pen = document_in_file(write(tmp_path / "a.xopp", note)).pages[0].strokes[0]
    assert pen.width == 2
    assert pen.pressures is not None and pen.pressures.tolist() == [0.5, 1.5, 1.5]


def test_what_is_no_ink_is_written_back(tmp_path: Path) -> None:
    document = document_in_file(write(tmp_path / "a.xopp", NOTE))
    write_document(document, tmp_path / "b.xopp")
    written = gzip.decompress((tmp_path / "b.xopp").read_bytes()).decode()
    for piece in (
        '<background type="pdf" domain="absolute" filename="/etc/passwd" pageno="1"/>',
        '<image left="1" top="2" right="3" bottom="4">aGVsbG8=</image>',
        '<teximage text="x^2" left="1">YQ==</teximage>',
        'ts="12ll" fn="a.mp3"',
        'fill="9"',
        'font="Serif"',
        "<title>my note</title>",
    ):
        assert piece in written
    assert written.index("<image") < written.index("<stroke") < written.index("<teximage")


def test_typed_text_over_the_ink_is_what_it_says(tmp_path: Path) -> None:
    strokes, _ = page(3, pitch=3.0)
    over = [0, 2]
    texts = "".join(
        f'<text font="Sans" size="0.9" x="0" y="{3 * line - 1}" color="black">line {line}</text>'
        for line in over
    )
    beside = '<text font="Sans" size="1" x="60" y="2">beside</text>'
    below = '<text font="Sans" size="1" x="0" y="40">below</text>'
    path = write(tmp_path / "a.xopp", xopp_text(strokes, texts + beside + below))
    assert [line.text for line in read_ink_file(path)] == ["line 0", "", "line 2"]
    (whole,) = read_ink_file(path, divide=False)
    assert whole.text in ("line 0 line 2", "line 2 line 0")


def test_pages_are_divided_apart(tmp_path: Path) -> None:
    one, two = page(2)[0], page(3)[0]
    first, second = (xopp_text(strokes).partition("<page")[2] for strokes in (one, two))
    both = f"<xournal><page{first.partition('</page>')[0]}</page><page{second}"
    lines = read_ink_file(write(tmp_path / "a.xoj", both))
    assert len(lines) == 5


def test_plain_and_archived_notes(tmp_path: Path) -> None:
    strokes, _ = page(1)
    (tmp_path / "plain.xopp").write_text(xopp_text(strokes))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/xournal++")
        file.writestr("content.xml", xopp_text(strokes))
    (tmp_path / "packed.xopp").write_bytes(archive.getvalue())
    for name in ("plain", "packed"):
        (found,) = document_in_file(tmp_path / f"{name}.xopp").pages
        assert found.strokes[0].colour == COLOUR
        assert np.allclose(found.strokes[0].points * [1, -1], strokes[0], atol=1e-4)


def test_labels_that_another_program_cut_become_texts(tmp_path: Path) -> None:
    layer = (
        '</layer><layer name="text of the handwriting">'
        '<text size="2" x="1" y="2" strokes="0,7">gone</text>'
        '<text size="2" x="1" y="2" strokes="1-0">backwards</text>'
        '<text size="2" x="1" y="2" strokes="0-0" level="word">there</text>'
    )
    (found,) = document_in_file(write(tmp_path / "a.xopp", xopp_text(page(1)[0][:2], layer))).pages
    assert [text.text for text in found.texts] == ["gone", "backwards"]
    assert [(label.text, label.strokes, label.level) for label in found.labels] == [
        ("there", (0,), "word")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<xournal/>", "no ink: no stroke"),
        ("<svg/>", "the root is <svg>, not <xournal>"),
        ("<xournal><page/></xournal>", "line 1: <page> has no width"),
        (NOTE.replace("0 0 5 5", "0 0 5"), "pairs of x and y, got 3 numbers"),
        (NOTE.replace("0 0 5 5", "0 0 5 x"), "got '0 0 5 x', not numbers"),
        (NOTE.replace("0 0 5 5", "0 0 5 inf"), "not finite"),
        (NOTE[:300], "malformed XML"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as fault:
        document_in_file(write(tmp_path / "a.xopp", text))
    assert str(fault.value).startswith(f"{tmp_path / 'a.xopp'}: ")


def test_damaged_packing(tmp_path: Path) -> None:
    packed = gzip.compress(NOTE.encode())
    for name, data in (("cut", packed[:40]), ("zip", b"PK\3\4" + packed)):
        (tmp_path / f"{name}.xopp").write_bytes(data)
        with pytest.raises(DataError, match="truncated|damaged"):
            document_in_file(tmp_path / f"{name}.xopp")
