"""UNIPEN files by themselves: statements, components, segments, and what is refused."""

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from unipen_files import pen, segment, word, write

from handwriting.errors import DataError
from handwriting.formats.ink_file import document_in_file
from handwriting.formats.unipen_reader import read_unipen, read_unipen_ink
from handwriting.formats.unipen_statements import IncludeFolders
from handwriting.ink.line import points_from_strokes

COORD = ".COORD X Y T\n"


def read(folder: Path, text: str):
    return read_unipen(write(folder / "file.dat", text))


def strokes(line) -> list[list[list[float]]]:
    return [stroke.tolist() for stroke in points_from_strokes(line.strokes)]


def test_a_file_without_segments_is_one_line_of_what_is_drawn(tmp_path):
    up = pen([(5, 5), (6, 6)], "PEN_UP")
    (line,) = read(tmp_path, COORD + pen([(1, 2), (3, 5)]) + up + pen([(7, 8)]))
    assert line.text == "" and line.source_id == "file"
    assert strokes(line) == [[[0, 0], [2, 3]], [[6, 6]]]


def test_the_longest_level_is_read_with_labels_and_writer(tmp_path):
    text = (
        '.WRITER_ID  Ann Lee\n.SEGMENT WORD 0 OK "a"\n'
        + segment("TEXT", "0-1", 'say "a\\b"  @', "GOOD")
        + segment("TEXT", "2", "c")
        + COORD
        + "".join(word(40 * k, 0) for k in range(3))
    )
    first, second = read(tmp_path, text)
    assert (first.text, first.writer, first.source_id) == ('say "a\\b" @', "Ann Lee", "file#1")
    assert (second.text, len(strokes(second))) == ("c", 1)


def test_the_files_own_hierarchy_says_which_level_is_longest(tmp_path):
    text = segment("WORD", "0", "ab") + segment("GLYPH", "0", "c") + pen([(1, 1)])
    text = COORD + text
    assert [line.text for line in read(tmp_path, text)] == ["ab"]
    assert [line.text for line in read(tmp_path, text + ".HIERARCHY GLYPH WORD\n")] == ["c"]


def test_components_without_points_are_not_counted_and_lifts_are(tmp_path):
    ink = ".PEN_UP\n.PEN_DOWN\n" + pen([(0, 0)]) + pen([(1, 1)], "PEN_UP") + ".PEN_DOWN\n\n"
    text = COORD + ink + pen([(2, 5)]) + pen([(3, 3)]) + segment("WORD", "1-2", "x")
    (line,) = read(tmp_path, text)
    assert len(line.strokes) == 1 and line.text == "x"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("0", [[0, 1, 2, 3]]),
        ("0-1", [[0, 1, 2, 3], [10, 11, 12]]),
        ("1,0", [[10, 11, 12], [0, 1, 2, 3]]),
        ("0:1-0:2", [[1, 2]]),
        ("0:3-1:0,2", [[3], [10], [20]]),
        ("0-1:1", [[0, 1, 2, 3], [10, 11]]),
        ("1:2", [[12]]),
        ("0:2-1", [[2, 3], [10, 11, 12]]),
        ("0:3-0:99", [[3]]),
    ],
)
def test_a_segment_names_components_and_points(tmp_path, place, expected):
    components = [(0, 4), (10, 3), (20, 1)]
    ink = "".join(pen([(first + k, 0) for k in range(n)]) for first, n in components)
    path = write(tmp_path / "a.dat", COORD + ink + segment("WORD", place, "w"))
    found = read_unipen_ink(path)
    got = [stroke[:, 0].tolist() for stroke in found.strokes_of(found.segments[0])]
    assert got == expected


def test_a_segment_without_components_is_the_ink_that_follows(tmp_path):
    text = "".join(
        f'.SEGMENT DIGIT ? "{digit}"\n.COMMENT {digit} 7 1\n.COMMENT more\n.DT 100\n'
        f".PEN_DOWN\n {digit} 1 \n 5 5\n.PEN_UP\n.DT 10\n"
        for digit in (3, 4)
    )
    ink = read_unipen_ink(write(tmp_path / "a.dat", text))
    assert [s.comment for s in ink.segments] == ["3 7 1", "4 7 1"]
    assert [ink.strokes_of(s)[0][0, 0] for s in ink.segments] == [3, 4]
    assert [line.text for line in read_unipen(tmp_path / "a.dat")] == ["3", "4"]


def test_columns_may_stand_in_any_order_and_time_may_pass_within_a_stroke(tmp_path):
    text = ".COORD P Y X\r\n.PEN_DOWN\r\n9 1 2\r\n.DT 30\r\n9 3 5\r\n.PEN_UP\r\n"
    (line,) = read(tmp_path, text)
    assert strokes(line) == [[[0, 0], [3, 2]]]


def test_resolution_and_rate_are_kept(tmp_path):
    text = ".X_POINTS_PER_INCH 254\n.POINTS_PER_SECOND 100\n" + ".PEN_DOWN\n1 2\n"
    ink = read_unipen_ink(write(tmp_path / "a.dat", text))
    assert (ink.points_per_mm, ink.points_per_second) == (10, 100)
    ink = read_unipen_ink(write(tmp_path / "a.dat", ".X_POINTS_PER_MM 4\n.POINTS_PER_SECOND ?\n"))
    assert (ink.points_per_mm, ink.points_per_second) == (4, 0)


def test_free_text_is_passed_over(tmp_path):
    text = "Some head\n.DATA_INFO  made\n  .SEGMENT is a word here\n.COMMENT .PEN_DOWN\n"
    assert len(read(tmp_path, text + ".PEN_DOWN\n1 2\n3 4\n")) == 1


def test_text_is_utf8_or_else_latin_1(tmp_path):
    for encoding in ("utf-8", "latin-1"):
        text = '.PEN_DOWN\n1 2\n.SEGMENT WORD 0 ? "é"\n'
        (tmp_path / "a.dat").write_bytes(text.encode(encoding))
        assert read_unipen(tmp_path / "a.dat")[0].text == "é"


BAD = {
    "no ink": (".VERSION 1.0\n", "{path}: no ink: no .PEN_DOWN with a point is in it"),
    "word": (".PEN_DOWN\n1 2\n3 ink\n", "{path}: line 1: 'ink' is not a number"),
    "row": (".VERSION 1\n.PEN_DOWN\n1 2 3\n4 5 6\n", "6 numbers in 2 rows, but a point is X Y"),
    "odd": (".PEN_DOWN\n1\n", "{path}: line 1: 1 numbers in 1 rows, but a point is X Y"),
    "nan": (".PEN_DOWN\n1 nan\n", "line 1: a coordinate is beyond 1e+09 or no number"),
    "huge": (".PEN_DOWN\n1 1e300\n", "line 1: a coordinate is beyond 1e+09 or no number"),
    "columns": ("\n.COORD X T\n", "{path}: line 2: .COORD must name X and Y, got 'X T'"),
    "label": ('.SEGMENT WORD 0 ? "a\n', "{path}: line 1: the label has no end"),
    "level": (".SEGMENT\n", "{path}: line 1: the segment has no level"),
    "place": ('.SEGMENT WORD 1--2 ? "a"\n.PEN_DOWN\n1 2\n', "line 1: '1--2' names no components"),
    "there": (
        '.PEN_DOWN\n1 2\n.SEGMENT WORD 0-999999999 ? "a"\n',
        "{path}: line 3: components 0 to 999999999 are named, of 1",
    ),
    "back": ('.PEN_DOWN\n1 2\n.SEGMENT WORD 1-0 ? "a"\n', "components 1 to 0 are named, of 1"),
    "lifted": ('.PEN_UP\n1 2\n.SEGMENT WORD 0 ? "a"\n', "line 3: the segment has no ink"),
    "none": ('.PEN_DOWN\n1 2\n.SEGMENT WORD ? "a"\n', "line 3: no ink follows the segment"),
    "include": ("\n.INCLUDE b/c.doc\n", "line 2: included file 'b/c.doc' is not there"),
    "nothing": (".INCLUDE\n", "line 1: included file '' is not there"),
    "itself": (".INCLUDE file.dat\n", "{path}: line 1: file.dat includes itself"),
    "binary": (".INCLUDE a\0b\x1b[31m\n", r"line 1: included file 'a\x00b\x1b[31m' is not there"),
    "above": (".INCLUDE ../outside.dat\n", "line 1: included file '../outside.dat' is outside "),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_that_names_file_and_line(tmp_path, case):
    text, expected = BAD[case]
    write(tmp_path / "outside.dat", ".PEN_DOWN\n1 2\n")
    path = tmp_path / "in" / "file.dat"
    with pytest.raises(DataError) as error:
        read_unipen(write(path, text))
    message = str(error.value)
    assert expected.format(path=path) in message
    assert message.startswith(str(path)) and message.isprintable() and len(message) < 500


def test_only_regular_files_inside_the_folder_are_opened(tmp_path):
    secret = write(tmp_path / "secret.doc", ".COMMENT not for you\n")
    path = write(tmp_path / "in" / "a.dat", ".INCLUDE b.doc\n.PEN_DOWN\n1 2\n")
    (tmp_path / "in" / "b.doc").symlink_to(secret)
    with pytest.raises(DataError, match="'b.doc' is outside"):
        read_unipen(path)
    path.write_text(f".INCLUDE {secret}\n")
    with pytest.raises(DataError, match="is outside"):
        read_unipen(path)
    path.write_text(".INCLUDE .\n")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_unipen(path)
    os.mkfifo(tmp_path / "in" / "pipe")
    path.write_text(".INCLUDE pipe\n")
    for source in (path, tmp_path / "in" / "pipe"):
        with pytest.raises(DataError, match="pipe: is not a regular file"):
            read_unipen(source)
    with pytest.raises(DataError, match="none.dat: cannot be read: No such file"):
        read_unipen(tmp_path / "none.dat")
    (tmp_path / "in" / "loop").symlink_to("loop")
    path.write_text(".INCLUDE loop\n")
    with pytest.raises(DataError, match="'loop' is not there"):
        read_unipen(path)


def test_in_a_tree_as_distributed_includes_are_found_beside_data(tmp_path):
    write(tmp_path / "include" / "abc" / "one.dat", COORD + pen([(1, 1), (2, 3)]))
    path = write(tmp_path / "data" / "8" / "abc" / "one.dat", ".INCLUDE abc/one.dat\n")
    assert strokes(read_unipen(path)[0]) == [[[0, 0], [1, 2]]]
    assert IncludeFolders.around(path).root == tmp_path


def test_a_chain_of_includes_is_read_and_has_an_end(tmp_path):
    for number in range(40):
        write(tmp_path / f"{number}.dat", f".INCLUDE {number + 1}.dat\n")
    write(tmp_path / "40.dat", ".PEN_DOWN\n1 2\n")
    assert len(read_unipen(tmp_path / "24.dat")) == 1
    with pytest.raises(DataError, match="16.dat: line 1: files are included 16 deep at most"):
        read_unipen(tmp_path / "0.dat")


def test_a_file_that_is_included_again_and_again_is_read_once(tmp_path):
    for number in range(15):
        write(tmp_path / f"{number}.dat", f".INCLUDE {number + 1}.dat\n" * 100)
    write(tmp_path / "15.dat", ".PEN_DOWN\n1 2\n")
    started = time.process_time()
    assert len(read_unipen(tmp_path / "0.dat")[0].strokes) == 1
    assert time.process_time() - started < 10


def test_segments_that_multiply_the_ink_are_refused(tmp_path):
    ink = "".join(f".PEN_DOWN\n{k} 0\n" for k in range(1000))
    text = ink + segment("WORD", "0-999", "a") * 1000
    with pytest.raises(DataError, match="line 2017: the segments name the same ink over and over"):
        read(tmp_path, text)


def many_strokes(n: int) -> str:
    return "".join(f".PEN_DOWN\n{k} 0\n{k} 1\n" for k in range(n))


def many_segments(n: int) -> str:
    return many_strokes(n) + "".join(segment("CHARACTER", f"{k}", "a") for k in range(n))


def many_times(n: int) -> str:
    return ".PEN_DOWN\n1 2\n" + ".DT 10\n3 4\n" * n


def many_spans(n: int) -> str:
    return many_strokes(n) + segment("TEXT", ",".join(map(str, range(n))), "a")


def many_bad_labels(n: int) -> str:
    return ".PEN_DOWN\n1 2\n" + '.SEGMENT WORD 0 ? "a\\\n"\n' * min(n, 16) + "\n" * 5 * n


@pytest.mark.parametrize(
    "make", [many_strokes, many_segments, many_times, many_spans, many_bad_labels]
)
def test_time_and_memory_are_in_proportion_to_the_file(tmp_path, make):
    costs = []
    for n in (1_000, 8_000):
        path = write(tmp_path / f"{n}.dat", make(n))
        started = time.process_time()
        read_unipen(path)
        seconds = time.process_time() - started
        tracemalloc.start()
        read_unipen(path)
        costs.append((path.stat().st_size, seconds, tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    (small, fast, low), (large, slow, high) = costs
    assert slow < 4 * max(fast, 0.02) * large / small
    assert high < 2 * max(low, 1e5) * large / small and high < 100 * large


def test_mutated_files_are_read_or_refused_in_one_line(tmp_path):
    good = (
        COORD + many_segments(5) + pen([(1, 2)]) + '.SEGMENT TEXT 0:1-3:0,4 OK "b\\"c"\n'
    ).encode()
    draw = np.random.default_rng(5)
    for _ in range(400):
        data = bytearray(good)
        for _ in range(draw.integers(1, 6)):
            at = int(draw.integers(len(data)))
            data[at : at + int(draw.integers(3))] = bytes(draw.integers(0, 256, 2).tolist())
        (tmp_path / "a.dat").write_bytes(data)
        try:
            lines = read_unipen(tmp_path / "a.dat")
        except DataError as error:
            assert "\n" not in str(error) and str(error).startswith(str(tmp_path))
        else:
            assert lines and all(np.isfinite(line.strokes).all() for line in lines)


def test_documents_have_times_pressures_and_labels(tmp_path):
    text = (
        ".COORD X Y T P\n.X_POINTS_PER_MM 10\n.WRITER_ID w\n.HIERARCHY WORD CHARACTER\n"
        '.SEGMENT WORD 0-2 ? "ab"\n.SEGMENT CHARACTER 0:1-0:1 ? "a"\n.SEGMENT CHARACTER 1 ? "no"\n'
        ".PEN_DOWN\n1 2 0 7\n3 5 10 8\n.PEN_UP\n4 4 20 0\n.PEN_DOWN\n6 6 30 9\n"
        ".COORD X Y\n.DT 5\n7 7\n"
    )
    document = document_in_file(write(tmp_path / "a.dat", text))
    (page,) = document.pages
    first, second = page.strokes
    assert first.points.tolist() == [[1, -2], [3, -5]]
    assert first.times.tolist() == [0, 0.01] and first.pressures.tolist() == [7, 8]
    assert second.points.tolist() == [[6, -6], [7, -7]]
    assert second.times is None and second.pressures is None
    assert [(label.level, label.text, label.strokes) for label in page.labels] == [
        ("word", "ab", (0, 1)),
        ("character", "a", (0,)),
    ]
    assert (document.writer, document.units_per_mm) == ("w", 10)


def test_documents_without_ink(tmp_path):
    with pytest.raises(DataError, match="no ink"):
        document_in_file(write(tmp_path / "a.dat", ".COORD X Y\n.PEN_UP\n1 2\n"))
