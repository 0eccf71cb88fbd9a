"""``strokes.npy``: both Pythons' pickles, what a pickle may hold, and lines that are no lines."""

import io
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from base.base_reader import NoSource
from data_loader.readers.strokes_npy import StrokesNpyReader
from handwriting.errors import ConfigError, DataError

STROKES = [
    np.array([[0, 0, 0], [0, 1.5, 2], [1, -3, 4]], dtype=np.float32),
    np.array([[1, 0, 0], [0, 5, 0], [0, 1, 1], [1, 2, -2]], dtype=np.float32),
]
TEXTS = ["A first line", " and a second, with spaces "]


def objects(items: list) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        array[index] = item
    return array


def npy(pickled: bytes, shape: str = "(2,)") -> bytes:
    """An ``.npy`` file of objects with this pickle inside."""
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 16) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickled


def python2_pickle(arrays: list[np.ndarray]) -> bytes:
    """What ``pickle.dumps`` of Python 2, protocol 2, makes of an object array of float32 arrays,
    written opcode by opcode since no Python 2 is at hand."""

    def reconstruct() -> bytes:
        name = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        return name + b"K\x00\x85U\x01b\x87R"

    def dtype(spec: bytes, order: bytes, flags: int) -> bytes:
        made = b"cnumpy\ndtype\nU" + bytes([len(spec)]) + spec + b"K\x00K\x01\x87R"
        return made + b"(K\x03U\x01" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb" % flags

    parts = [b"\x80\x02", reconstruct(), b"(K\x01K%c\x85" % len(arrays), dtype(b"O8", b"|", 63)]
    parts.append(b"\x89](")
    for array in arrays:
        data = array.astype("<f4").tobytes()
        parts += [reconstruct(), b"(K\x01K%cK\x03\x86" % len(array), dtype(b"f4", b"<", 0), b"\x89"]
        parts += [b"T", struct.pack("<i", len(data)), data, b"tb"]
    return b"".join([*parts, b"etb."])


def write(folder: Path, contents: bytes | np.ndarray | list, texts: list[str] | None = None) -> str:
    """Make a source; an array is saved as NumPy saves it, bytes are the file itself."""
    if isinstance(contents, bytes):
        (folder / "strokes.npy").write_bytes(contents)
    else:
        array = contents if isinstance(contents, np.ndarray) else objects(contents)
        np.save(folder / "strokes.npy", array, allow_pickle=True)
    texts = TEXTS if texts is None else texts
    (folder / "sentences.txt").write_text("".join(f"{text}\n" for text in texts))
    return str(folder)


def check_is_sample(folder: str) -> None:
    lines = list(StrokesNpyReader(folder))
    assert [line.text for line in lines] == TEXTS
    for line, strokes in zip(lines, STROKES, strict=True):
        assert line.strokes.dtype == np.float32
        np.testing.assert_array_equal(line.strokes, strokes)


def test_a_file_saved_by_numpy_is_read(tmp_path):
    check_is_sample(write(tmp_path, STROKES))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_all_protocols_and_both_homes_of_numpy_core(tmp_path, protocol, core):
    pickled = pickle.dumps(objects(STROKES), protocol=protocol)
    for other in (b"numpy._core", b"numpy.core"):
        if protocol < 4:
            pickled = pickled.replace(b"c" + other, b"c" + core.encode())
        else:  # a counted string: \x8c, its length, its characters
            for module in (b".multiarray", b".numeric"):
                old, new = other + module, core.encode() + module
                pickled = pickled.replace(
                    b"\x8c%c%s" % (len(old), old), b"\x8c%c%s" % (len(new), new)
                )
    if protocol >= 4:  # its frames count bytes, which the renaming has changed
        pickled = pickled[:2] + pickled[2 + 9 :] if pickled[2:3] == b"\x95" else pickled
    assert core.encode() in pickled
    check_is_sample(write(tmp_path, npy(pickled)))


@pytest.mark.parametrize("shape", ["(2,)", "(2L,)"])
def test_a_python_2_file_is_read(tmp_path, shape):
    check_is_sample(write(tmp_path, npy(python2_pickle(STROKES), shape)))


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2", "<i4", ">i8", "|i1"])
def test_other_types_of_numbers_are_read(tmp_path, dtype):
    strokes = [np.round(array).astype(dtype) for array in STROKES]
    lines = list(StrokesNpyReader(write(tmp_path, strokes)))
    for line, array in zip(lines, strokes, strict=True):
        np.testing.assert_array_equal(line.strokes, array.astype(np.float32))


def test_lines_of_equal_length_may_be_one_array(tmp_path):
    stacked = np.stack([STROKES[0], STROKES[0]])
    for array in (stacked, stacked.astype(object), np.asfortranarray(stacked)):
        lines = list(StrokesNpyReader(write(tmp_path, array)))
        for line in lines:
            np.testing.assert_array_equal(line.strokes, STROKES[0])
        assert len(lines) == 2


def test_the_first_offset_is_dropped_and_the_last_stroke_ends(tmp_path):
    strokes = np.array([[0, 7, 8], [0, 1, 2]], dtype=np.float32)
    (line,) = StrokesNpyReader(write(tmp_path, [strokes], ["x"]))
    assert line.strokes.tolist() == [[0, 0, 0], [1, 1, 2]]


def test_y_can_be_turned(tmp_path):
    folder = write(tmp_path, STROKES)
    for line, strokes in zip(StrokesNpyReader(folder, flip_y=True), STROKES, strict=True):
        np.testing.assert_array_equal(line.strokes, strokes * np.float32([1, 1, -1]))


class Malice:
    """Pickles as a call, as an attacker's object would."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_calls_something_is_refused_uncalled(tmp_path, protocol):
    trap = tmp_path / "trap"
    for payload in (Malice(Path.touch, trap), [Malice(Path.touch, trap)]):
        contents = npy(pickle.dumps(payload, protocol=protocol))
        with pytest.raises(DataError, match=r"strokes\.npy: .*only NumPy arrays are admitted"):
            list(StrokesNpyReader(write(tmp_path, contents)))
    inside = objects([STROKES[0], Malice(Path.touch, trap)])
    with pytest.raises(DataError, match="only NumPy arrays are admitted"):
        list(StrokesNpyReader(write(tmp_path, npy(pickle.dumps(inside, protocol=protocol)))))
    assert not trap.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmatrix\nI0\ntR.",
        b"cbuiltins\neval\n(V1\ntR.",
        b"c__builtin__\nbytes\n(I1000000000000\ntR.",
        b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        b"ccopyreg\n_reconstructor\n(cnumpy\nndarray\ntR.",
        b"Pa persistent id\n.",
        b"cnumpy\ndtype\n(VV8\ntR.",
        b"cnumpy\nndarray\n(I0\ntR.",
        b"(lp0\n.",
        b"I1\n.",
        b"not a pickle",
        b"",
    ],
)
def test_other_pickles_are_refused_in_one_line(tmp_path, pickled):
    with pytest.raises(DataError, match=r"strokes\.npy: the pickle in it ") as error:
        list(StrokesNpyReader(write(tmp_path, npy(pickled))))
    assert "\n" not in str(error.value)


def test_an_array_that_lies_about_its_size_is_refused(tmp_path):
    honest = python2_pickle(STROKES)
    for rows in (b"K\x04", b"K\xff"):
        liar = honest.replace(b"(K\x01K\x03K\x03\x86", b"(K\x01" + rows + b"K\x03\x86", 1)
        assert liar != honest
        with pytest.raises(DataError, match="the pickle in it is damaged"):
            list(StrokesNpyReader(write(tmp_path, npy(liar))))


@pytest.mark.parametrize("kept", [0, 5, 40, 200, -1])
def test_a_truncated_file_is_an_error(tmp_path, kept):
    buffer = io.BytesIO()
    np.save(buffer, objects(STROKES), allow_pickle=True)
    with pytest.raises(DataError, match=r"strokes\.npy: ") as error:
        list(StrokesNpyReader(write(tmp_path, buffer.getvalue()[:kept])))
    assert "\n" not in str(error.value)


def test_a_damaged_name_in_a_pickle_is_shown_on_one_line(tmp_path):
    pickled = b"\x80\x04\x8c\x03a\nb\x8c\x03c\x07d\x93."
    with pytest.raises(DataError, match=r"asks for a b\.c\?d: only NumPy"):
        list(StrokesNpyReader(write(tmp_path, npy(pickled))))


def test_a_damaged_header_is_an_error(tmp_path):
    for shape in ("(2,", "(2L, [)", "2", "(-1,)", "('a',)"):
        with pytest.raises(DataError, match=r"strokes\.npy: ") as error:
            list(StrokesNpyReader(write(tmp_path, npy(b"N.", shape))))
        assert "\n" not in str(error.value)


def test_a_foreign_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"strokes\.npy: is no whole \.npy file"):
        list(StrokesNpyReader(write(tmp_path, b"PK\x03\x04 some archive")))


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (np.zeros((5, 4)), "line of wrong shape", r"line 1: .* shape \[T, 3\], got \[5, 4\]"),
        (np.zeros(3), "line of wrong shape", r"got \[3\]"),
        (np.zeros((0, 3)), "line without a stroke", "line 1: has no point"),
        ([], "line without a stroke", "line 1: has no point"),
        ([[0, 1, 2], [0, 1]], "line that is no array", "line 1: is not an array of numbers"),
        ("text", "line that is no array", "line 1: is not an array of numbers"),
        (None, "line that is no array", "line 1: is not an array of numbers"),
        ([[0, 0, 0], [1, np.nan, 0]], "number that is not finite", "line 1: row 1"),
        ([[0, 0, 0], [1, 0, 1e300]], "number that is not finite", "line 1: row 1"),
        ([[0, 0, 0], [7.5, 1, 1]], "end_of_stroke that is not 0 or 1", r"row 1: column 0 is 7\.5"),
    ],
)
def test_a_bad_line_is_skipped_and_counted(tmp_path, record, reason, detail):
    folder = write(tmp_path, [STROKES[0], record, STROKES[1]], ["a", "b", "c"])
    reader = StrokesNpyReader(folder)
    assert [line.text for line in reader] == ["a", "c"]
    assert reader.skipped.counts == {reason: 1}
    (message,) = reader.skipped.messages
    assert re.search(detail, message)
    assert "strokes.npy" in message and "\n" not in message


def test_no_good_line_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no line can be used; .*line 0: must have shape"):
        list(StrokesNpyReader(write(tmp_path, [np.zeros((2, 2))], ["a"])))


def test_a_single_number_is_no_corpus(tmp_path):
    with pytest.raises(DataError, match="must be an array of lines"):
        list(StrokesNpyReader(write(tmp_path, np.array(3.0))))


def test_counts_of_texts_and_strokes_must_agree(tmp_path):
    for texts in (["one"], ["one", "two", "three"]):
        with pytest.raises(DataError, match=rf"has {len(texts)} lines, .*strokes\.npy has 2"):
            list(StrokesNpyReader(write(tmp_path, STROKES, texts)))


def test_blank_lines_at_the_end_of_the_texts_do_not_count(tmp_path):
    folder = write(tmp_path, STROKES, [*TEXTS, "", " "])
    assert [line.text for line in StrokesNpyReader(folder)] == TEXTS


def test_windows_line_ends_are_no_text(tmp_path):
    folder = write(tmp_path, STROKES, ["one\r", "two\r"])
    assert [line.text for line in StrokesNpyReader(folder)] == ["one", "two"]


def test_a_line_without_text_is_skipped_or_kept_as_asked(tmp_path):
    folder = write(tmp_path, STROKES, ["", "two"])
    reader = StrokesNpyReader(folder)
    assert [line.text for line in reader] == ["two"]
    assert "sentences.txt: line 1: is empty" in reader.skipped.messages[0]
    kept = StrokesNpyReader(folder, require_text=False)
    assert [line.text for line in kept] == ["", "two"]


def test_texts_must_be_utf_8(tmp_path):
    write(tmp_path, STROKES)
    (tmp_path / "sentences.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(DataError, match=r"sentences\.txt: line 2: is not UTF-8"):
        list(StrokesNpyReader(str(tmp_path)))


def test_missing_files(tmp_path):
    with pytest.raises(NoSource, match=r"holds no strokes\.npy"):
        list(StrokesNpyReader(str(tmp_path)))
    write(tmp_path, STROKES)
    (tmp_path / "sentences.txt").unlink()
    with pytest.raises(DataError, match=r"sentences\.txt: is missing.*require_text"):
        list(StrokesNpyReader(str(tmp_path)))
    assert len(list(StrokesNpyReader(str(tmp_path), require_text=False))) == 2
    write(tmp_path, STROKES)
    (tmp_path / "strokes.npy").unlink()
    with pytest.raises(DataError, match=r"strokes\.npy: is missing, though sentences\.txt"):
        list(StrokesNpyReader(str(tmp_path)))


def test_splits_have_the_sizes_asked_for_and_follow_the_seed(tmp_path):
    folder = write(tmp_path, [STROKES[0]] * 40, [f"line {n}" for n in range(40)])

    def splits(seed: int) -> list[str]:
        reader = StrokesNpyReader(folder, validation_fraction=0.1, test_fraction=0.2, seed=seed)
        return [line.split for line in reader]

    assert splits(1) == splits(1) != splits(2)
    counts = [splits(1).count(name) for name in ("trainset", "testset_v", "testset_t")]
    assert counts == [28, 4, 8]


def test_the_fingerprint_follows_the_settings(tmp_path):
    folder = write(tmp_path, STROKES)
    before = StrokesNpyReader(folder).fingerprint()
    assert before == StrokesNpyReader(folder).fingerprint()
    for change in ({"seed": 1}, {"flip_y": True}, {"test_fraction": 0.1}, {"require_text": False}):
        assert StrokesNpyReader(folder, **change).fingerprint() != before


def test_fractions_are_checked():
    with pytest.raises(ConfigError, match="validation_fraction: must be at least 0.*got -0.1"):
        StrokesNpyReader(validation_fraction=-0.1)
    with pytest.raises(ConfigError, match="must be less than 1 together"):
        StrokesNpyReader(validation_fraction=0.5, test_fraction=0.5)
