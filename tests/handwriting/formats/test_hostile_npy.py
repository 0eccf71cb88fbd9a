"""Arrays from strangers: work and memory stay in proportion to the file, numbers are numbers."""

import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from handwriting.errors import DataError
from handwriting.formats.unpickling import MOST_GROWTH, load_object_array

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR"
OBJECT = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8I00\nI01\ntR"


def npy(pickled: bytes) -> bytes:
    """An ``.npy`` file of one object with this pickle inside."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickled


def holding(items: bytes, number: int = 1) -> bytes:
    """A pickle of an object array with a list made by opcodes."""
    shape = b"(J%stR".replace(b"R", b"") % struct.pack("<i", number)
    return b"\x80\x04" + RECONSTRUCT + b"(K\x01" + shape + OBJECT + b"I00\n" + items + b"tb."


def shared(depth: int, width: int = 10) -> bytes:
    """Opcodes of lists that hold ten times the one before."""
    made = b"](" + b"K\x00" * width + b"e\x94"
    for number in range(depth):
        made = made + b"](" + b"h%c" % number * width + b"e\x94"
    return made


def refusal(path: Path, contents: bytes) -> str:
    path.write_bytes(contents)
    with pytest.raises(DataError) as fault:
        load_object_array(path)
    message = str(fault.value)
    assert message.startswith(f"{path}: ") and message.isprintable()
    return message


def test_the_opcodes_by_hand_make_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy(holding(b"](K\x05e")))
    assert load_object_array(path).tolist() == [5]


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"\x80\x04Nr\x00\x00\x00\x10.", "asks for memo 268435456"),
        (b"\x80\x04Np99999999\n.", "asks for memo 99999999"),
        (b"\x80\x04\x95" + b"\xff" * 7 + b"\x0f.", "truncated"),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0f.", "truncated"),
        (b"\x80\x04}.", "opcode EMPTY_DICT"),
        (b"\x80\x04\x8f.", "opcode EMPTY_SET"),
        (holding(b"]\x94(h\x00h\x00e"), "nests lists|builds more"),
        (holding(b"](" + shared(9) + b"e"), "nests lists|builds more"),
        (holding(b"](" + b"](" * 5000 + b"e" * 5000 + b"e"), "nests lists"),
        (holding(b"](" + shared(1, 200) + b"e", 1), "builds more than"),
    ],
)
def test_pickles_that_ask_for_far_more_than_they_are(
    tmp_path: Path, pickled: bytes, message: str
) -> None:
    tracemalloc.start()
    found = refusal(tmp_path / "a.npy", npy(pickled))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any(part in found for part in message.split("|")), found
    assert peak < 2_000_000


def test_one_text_encoded_again_and_again(tmp_path: Path) -> None:
    text = b"X" + struct.pack("<I", 10_000) + b"a" * 10_000 + b"\x940"
    again = b"c_codecs\nencode\n(h\x00X\x06\x00\x00\x00latin1tR0" * (MOST_GROWTH * 30)
    message = refusal(tmp_path / "a.npy", npy(b"\x80\x04" + text + again + b"N."))
    assert f"builds more than {MOST_GROWTH} times its size" in message


def test_one_line_many_times(tmp_path: Path) -> None:
    array = np.empty(1000, dtype=object)
    array[:] = [np.zeros((1000, 3))] * 1000
    assert "builds more than" in refusal(tmp_path / "a.npy", npy(pickle.dumps(array)))


@pytest.mark.parametrize(
    "array",
    [
        np.ones((3, 3), dtype=bool),
        np.ones((3, 3), dtype=complex),
        np.ones((3, 3), dtype="datetime64[s]"),
        np.ones((3, 3), dtype="timedelta64[s]"),
        np.ones((3, 3), dtype=[("a", float)]),
        np.array([["1", "2", "3"]]),
        np.array([[b"1", b"2", b"3"]]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_what_is_no_real_number_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "plain.npy", array)
    message = refusal(tmp_path / "a.npy", (tmp_path / "plain.npy").read_bytes())
    assert "must hold real numbers, got an array of type" in message
    lines = np.empty(1, dtype=object)
    lines[0] = array
    refusal(tmp_path / "a.npy", npy(pickle.dumps(lines)))


def test_arrays_of_nothing_and_arrays_that_are_not_there(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", np.zeros((3, 0)))
    data = (tmp_path / "b.npy").read_bytes()
    many = data.replace(b"(3, 0), }        ", b"(300000000, 0), }")
    assert len(many) == len(data)
    assert "holds nothing" in refusal(tmp_path / "a.npy", many)
    absent = data.replace(b"(3, 0), }        ", b"(300000000, 9), }")
    assert "it is truncated" in refusal(tmp_path / "a.npy", absent)
    for damage in (b"a3, 0), }", b"-3, -0), }", b"\x1b3, 0), }"):
        damaged = data.replace(b"(3, 0), }", b"(" + damage)
        assert "is no whole .npy file: " in refusal(tmp_path / "a.npy", damaged)
