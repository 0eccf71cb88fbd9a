"""IAM-OnDB: what a line is, the two layouts, and each way its files can be broken."""

import gzip
import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from iam_files import (
    FORMS,
    database_files,
    line_xml,
    strokes_of,
    tar,
    write_folders,
    write_tarballs,
)

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.readers.iam_ondb import IamOndbReader
from handwriting.errors import DataError
from handwriting.ink.line import points_from_strokes

FIRST = "lineStrokes/a01/a01-000/a01-000u-01.xml"


def read_with(folder: Path, name: str, text: str) -> tuple[IamOndbReader, list]:
    """Read the database in which one file has other contents."""
    reader = IamOndbReader(str(write_folders(folder, {**database_files(), name: text})))
    return reader, list(reader)


def only_message(reader: IamOndbReader, reason: str) -> str:
    assert reader.skipped.counts == {reason: 1}
    (message,) = reader.skipped.messages_for(reason)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("write", [write_folders, write_tarballs])
def test_a_line_has_its_text_writer_and_official_split(tmp_path, write):
    reader = READERS["iam_ondb"](str(write(tmp_path)))
    lines = list(reader)
    found = {line.source_id: (line.split, line.writer, line.text) for line in lines}
    assert found == {
        f"{form}-{number:02d}": (split, writer, text)
        for form, (split, writer, texts) in FORMS.items()
        for number, text in enumerate(texts, start=1)
    }
    assert reader.skipped.counts == {}
    assert reader.expected_lines() == len(lines)


def test_offsets_have_y_upwards_and_a_dot_is_a_stroke(tmp_path):
    line = next(iter(IamOndbReader(str(write_tarballs(tmp_path)))))
    assert line.strokes.dtype == np.float32
    assert line.strokes[:, 0].tolist() == [1, 0, 0, 1]
    dot, stroke = (np.array(points) for points in strokes_of("a01-000u", 1))
    points = points_from_strokes(line.strokes)
    assert points[0].tolist() == [[0, 0]]
    np.testing.assert_array_equal(points[1], (stroke - dot[0]) * [1, -1])


def test_folders_and_tarballs_give_the_same_lines(tmp_path):
    (tmp_path / "tar").mkdir()
    packed = list(IamOndbReader(str(write_tarballs(tmp_path / "tar"))))
    unpacked = list(IamOndbReader(str(write_folders(tmp_path / "folders"))))
    assert [line.source_id for line in packed] == [line.source_id for line in unpacked]
    for one, other in zip(packed, unpacked, strict=True):
        np.testing.assert_array_equal(one.strokes, other.strokes)


def test_an_uncompressed_tarball_is_read_too(tmp_path):
    write_tarballs(tmp_path)
    for packed in tmp_path.glob("*.tar.gz"):
        (tmp_path / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert len(list(IamOndbReader(str(tmp_path)))) == 5


def test_lists_name_forms_exactly(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "trainset.txt").write_text(" a01-000\n a01-000u\n")
    reader = IamOndbReader(str(tmp_path))
    splits = {line.source_id: line.split for line in reader}
    assert splits["a01-000u-01"] == "trainset"
    assert splits["a01-000x-01"] == "testset_v"
    message = only_message(reader, "listed form without lines")
    assert "trainset.txt" in message and "form a01-000 " in message


def test_a_form_in_no_list_has_no_split(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "testset_t.txt").unlink()
    splits = {line.source_id: line.split for line in IamOndbReader(str(tmp_path))}
    assert splits["b02-010-01"] == ""


def test_a_form_in_two_lists_is_an_error(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "testset_f.txt").write_text(" a01-000u\n")
    with pytest.raises(DataError, match=r"testset_f\.txt: form a01-000u is in trainset\.txt"):
        list(IamOndbReader(str(tmp_path)))


def test_lists_may_be_elsewhere_but_must_be_somewhere(tmp_path):
    data, lists = tmp_path / "data", tmp_path / "lists"
    write_folders(data)
    lists.mkdir()
    for path in data.glob("*.txt"):
        path.rename(lists / path.name)
    with pytest.raises(DataError, match=r"none of the lists trainset\.txt.*set lists_dir"):
        list(IamOndbReader(str(data)))
    assert len(list(IamOndbReader(str(data), lists_dir=str(lists)))) == 5


def test_malformed_xml_is_skipped_with_file_and_line(tmp_path):
    broken = line_xml(strokes_of("a01-000u", 1)).replace("</Stroke>", "</Strike>", 1)
    reader, lines = read_with(tmp_path, FIRST, broken)
    message = only_message(reader, "malformed XML")
    assert f"{FIRST}: line 7: malformed XML: mismatched tag" in message
    assert len(lines) == 4


def test_a_file_cut_short_is_malformed(tmp_path):
    whole = line_xml(strokes_of("a01-000u", 1))
    reader, lines = read_with(tmp_path, FIRST, whole[: len(whole) // 2])
    assert FIRST in only_message(reader, "malformed XML")
    assert len(lines) == 4


@pytest.mark.parametrize("x", ["nan", "inf", "-inf", "1e999", "", "12a"])
def test_a_coordinate_that_is_no_finite_number_is_named(tmp_path, x):
    text = line_xml([[(1, 2), (x, 3)], [(4, 5)]])
    reader, lines = read_with(tmp_path, FIRST, text)
    message = only_message(reader, "unusable value in XML")
    assert f"{FIRST}: line 7: " in message
    assert len(lines) == 4


def test_a_point_without_y_is_named(tmp_path):
    text = line_xml([[(1, 2), (3, 4)]]).replace(' y="4"', "")
    reader, _ = read_with(tmp_path, FIRST, text)
    assert "line 7: no attribute 'y'" in only_message(reader, "unusable value in XML")


@pytest.mark.parametrize("strokes", [[], [[]], [[], []]])
def test_a_line_without_a_point_is_skipped(tmp_path, strokes):
    reader, lines = read_with(tmp_path, FIRST, line_xml(strokes))
    assert reader.skipped.counts["line without a stroke"] == 1
    assert FIRST in reader.skipped.messages_for("line without a stroke")[0]
    assert len(lines) == 4


def test_an_empty_stroke_is_left_out_and_the_line_kept(tmp_path):
    reader, lines = read_with(tmp_path, FIRST, line_xml([[(1, 2)], [], [(3, 5), (4, 5)], []]))
    assert reader.skipped.counts == {"stroke without a point": 2}
    assert "line 9: empty stroke" in reader.skipped.messages[0]
    assert lines[0].strokes.tolist() == [[1, 0, 0], [0, 2, -3], [1, 1, 0]]


def test_entities_are_refused_not_expanded(tmp_path):
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE b [<!ENTITY e0 "ha">{bomb}]>'
    text = line_xml(strokes_of("a01-000u", 1)).replace("?>\n", f"?>{head}\n", 1)
    reader, lines = read_with(tmp_path, FIRST, text.replace('x="120"', 'x="&e11;"'))
    assert "line 1: a DOCTYPE with declarations" in only_message(reader, "declaration in XML")
    assert len(lines) == 4


def test_external_entities_are_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("7")
    head = f'<!DOCTYPE b [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    text = line_xml([[(1, 2)]]).replace("?>\n", f"?>{head}\n", 1).replace("<StrokeSet>", "&x;")
    reader, _ = read_with(tmp_path / "data", FIRST, text)
    assert "DOCTYPE with declarations" in only_message(reader, "declaration in XML")


def test_a_line_without_transcription_is_skipped_or_kept_as_asked(tmp_path):
    extra = "lineStrokes/a01/a01-000/a01-000u-03.xml"
    text = line_xml(strokes_of("a01-000u", 3))
    reader, lines = read_with(tmp_path, extra, text)
    message = only_message(reader, "line without transcription")
    assert f"{extra}: no transcription of line 3 in a01-000u.txt" in message
    assert len(lines) == 5
    texts = {line.source_id: line.text for line in IamOndbReader(str(tmp_path), require_text=False)}
    assert len(texts) == 6 and texts["a01-000u-03"] == ""


def test_a_blank_line_inside_a_transcription_shifts_nothing(tmp_path):
    _, lines = read_with(tmp_path, "ascii/a01/a01-000/a01-000u.txt", "CSR:\n\nfirst\n\nthird\n")
    assert [line.text for line in lines if line.source_id.startswith("a01-000u")] == ["first"]


def test_a_transcription_without_its_part_is_reported(tmp_path):
    path = "ascii/a01/a01-000/a01-000u.txt"
    reader, lines = read_with(tmp_path, path, "OCR:\n\nonly print\n")
    assert path in reader.skipped.messages_for("transcription without a CSR part")[0]
    assert reader.skipped.counts["line without transcription"] == 2
    assert len(lines) == 3


def test_files_that_are_no_lines_are_reported(tmp_path):
    reader, lines = read_with(tmp_path, "lineStrokes/a01/notes.xml", "<a/>")
    assert "notes.xml" in only_message(reader, "file that is no line")
    assert len(lines) == 5


def test_hidden_companions_of_files_are_ignored(tmp_path):
    reader, lines = read_with(tmp_path, "lineStrokes/a01/._a01-000u-01.xml", "\0\0")
    assert reader.skipped.counts == {} and len(lines) == 5


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.7, 0.97, "all but the last byte"])
def test_a_truncated_tarball_stops_with_its_name(tmp_path, kept):
    path = write_tarballs(tmp_path) / "lineStrokes-all.tar.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: -1 if isinstance(kept, str) else int(kept * len(whole))])
    with pytest.raises(DataError, match=r"lineStrokes-all\.tar\.gz: truncated or damaged") as error:
        list(IamOndbReader(str(tmp_path)))
    assert "\n" not in str(error.value)


def test_a_tarball_cut_between_two_files_is_truncated_too(tmp_path):
    path = write_tarballs(tmp_path) / "lineStrokes-all.tar.gz"
    members = {n: t for n, t in database_files().items() if n.startswith("lineStrokes")}
    whole = gzip.compress(tar(members), compresslevel=0)
    second = whole.index(b"a01-000u-02.xml")
    path.write_bytes(whole[: whole.rindex(b"lineStrokes", 0, second)])
    with pytest.raises(DataError, match="truncated or damaged after"):
        list(IamOndbReader(str(tmp_path)))


def test_a_flipped_byte_in_a_tarball_is_noticed(tmp_path):
    path = write_tarballs(tmp_path) / "ascii-all.tar.gz"
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # in the checksum
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"ascii-all\.tar\.gz: truncated or damaged"):
        list(IamOndbReader(str(tmp_path)))


def test_a_file_that_is_no_tarball_is_an_error(tmp_path):
    path = write_tarballs(tmp_path) / "lineStrokes-all.tar.gz"
    path.write_text("<html>Please log in</html>" * 99)
    with pytest.raises(DataError, match=r"lineStrokes-all\.tar\.gz: truncated or damaged after"):
        list(IamOndbReader(str(tmp_path)))


def test_damaged_writers_cost_nothing_but_writers(tmp_path):
    path = write_tarballs(tmp_path) / "original-xml-part.tar.gz"
    path.write_bytes(path.read_bytes()[:40])
    reader = IamOndbReader(str(tmp_path))
    assert {line.writer for line in reader} == {""}
    assert str(path) in only_message(reader, "damaged file of writers")


def test_missing_strokes_are_an_error_where_the_rest_is_there(tmp_path):
    (write_tarballs(tmp_path) / "lineStrokes-all.tar.gz").unlink()
    with pytest.raises(DataError, match="is missing, though ascii-all.tar.gz is there") as error:
        list(IamOndbReader(str(tmp_path)))
    assert not isinstance(error.value, NoSource)


def test_missing_transcriptions_are_an_error_unless_not_wanted(tmp_path):
    (write_tarballs(tmp_path) / "ascii-all.tar.gz").unlink()
    with pytest.raises(DataError, match=r"ascii-all\.tar\.gz: is missing.*require_text"):
        list(IamOndbReader(str(tmp_path)))
    reader = IamOndbReader(str(tmp_path), require_text=False)
    assert [line.text for line in reader] == [""] * 5
    assert reader.expected_lines() is None


def test_an_empty_or_absent_folder_has_no_source(tmp_path):
    with pytest.raises(NoSource, match="holds no IAM-OnDB"):
        list(IamOndbReader(str(tmp_path)))
    with pytest.raises(NoSource, match="does not exist"):
        list(IamOndbReader(str(tmp_path / "absent")))


def test_a_database_in_which_every_line_is_bad_is_an_error(tmp_path):
    files = {n: t for n, t in database_files().items() if not n.startswith("lineStrokes")}
    write_folders(tmp_path, {**files, FIRST: "<a>"})
    with pytest.raises(DataError, match="no line can be used.*a01-000u-01.xml: line 1: malformed"):
        list(IamOndbReader(str(tmp_path)))


def test_reading_again_counts_again(tmp_path):
    reader, lines = read_with(tmp_path, FIRST, "<a>")
    assert [line.source_id for line in reader] == [line.source_id for line in lines]
    assert reader.skipped.counts == {"malformed XML": 1}


@pytest.mark.parametrize("write", [write_folders, write_tarballs])
def test_the_fingerprint_follows_files_and_settings(tmp_path, write):
    write(tmp_path)
    before = IamOndbReader(str(tmp_path)).fingerprint()
    assert IamOndbReader(str(tmp_path)).fingerprint() == before
    assert IamOndbReader(str(tmp_path), require_text=False).fingerprint() != before
    for path in [p for p in sorted(tmp_path.rglob("*")) if p.is_file()]:
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        assert IamOndbReader(str(tmp_path)).fingerprint() != before, path
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert IamOndbReader(str(tmp_path)).fingerprint() == before


def test_the_real_database():
    folder = os.environ.get("HANDWRITING_IAM_ONDB")
    if not folder:
        pytest.skip("HANDWRITING_IAM_ONDB does not name a folder with IAM-OnDB")
    reader = IamOndbReader(folder)
    lines: Counter[str] = Counter()
    writers: dict[str, set[str]] = defaultdict(set)
    for line in reader:
        lines[line.split] += 1
        writers[line.split].add(line.writer)
        assert line.strokes[-1, 0] == 1 and line.text and np.isfinite(line.strokes).all()
    assert lines["trainset"] == 5364 and lines["testset_v"] == 1438 and lines["testset_t"] == 1518
    assert not (writers["trainset"] & writers["testset_v"]) - {""}
    assert not (writers["trainset"] & writers["testset_t"]) - {""}
