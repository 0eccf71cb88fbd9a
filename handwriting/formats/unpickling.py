"""Reads the pickle inside an ``.npy`` file of objects, admitting NumPy arrays and nothing else.

A pickle is a program: it names functions and calls them. Here the few names that pickled arrays
use, in the spellings of NumPy before and after it moved ``numpy.core`` to ``numpy._core`` and of
Python 2 and 3, lead to inert stand-ins that check what they are given; every other name is
refused. NumPy's own reconstruction is not called, since its ``__setstate__`` trusts its input.

A pickle can also ask for work without end: a list that holds itself, one string encoded again and
again. So its opcodes are looked through first, and whatever it then builds is counted: all of it
together is no more than ``MOST_GROWTH`` times as large as the pickle.
"""

import io
import math
import pickle
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from handwriting.errors import DataError
from handwriting.files import open_regular_file
from handwriting.formats.pickle_scan import BadPickle, check_opcodes

MOST_GROWTH = 8
"""Bytes of arrays and texts, and elements of lists, that a pickle makes for each of its bytes."""

MOST_NESTED = 4
"""Lists inside each other: a line is a list of rows, each a list of numbers."""

REAL_KINDS = "fiu"
"""Kinds of NumPy types that are real numbers; truth values are none."""

_NUMBER = re.compile(r"[<>=|]?(?P<kind>[fiu])(?P<size>[1248])")
_OBJECT = re.compile(r"[<>=|]?O[48]?")
_ByteOrder = Literal["<", ">", "=", "|"]
_BYTE_ORDERS: dict[str, _ByteOrder] = {"<": "<", ">": ">", "=": "=", "|": "|"}
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_object_array(path: Path) -> np.ndarray:
    """The array of an ``.npy`` file, of numbers or of objects.

    Returns:
        an array of numbers; or an object array whose elements are arrays of numbers, lists,
        numbers, strings or None.

    Raises:
        DataError: when the file is no ``.npy`` file, is truncated, its numbers are not real ones,
            or its pickle holds or calls anything but NumPy arrays, or builds far more than it is.
    """
    try:
        with open_regular_file(path) as file, warnings.catch_warnings():
            # Headers written by Python 2 are read rightly, but with a warning.
            warnings.simplefilter("ignore", UserWarning)
            return _read_array(file)
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist") from None
    except DataError:
        raise
    except BadPickle as error:
        raise DataError(f"{path}: {_one_line(error)}") from None
    except Exception as error:  # a damaged header can raise nearly anything
        raise DataError(f"{path}: is no whole .npy file: {_one_line(error)}") from None


def _one_line(error: object) -> str:
    """Return an error or a type as one line of at most 200 characters that a terminal can show."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _read_array(file: BinaryIO) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"format version {version} is not one of (1, 0), (2, 0)")
    try:
        shape, is_fortran, dtype = _HEADER_READERS[version](file)
    except Exception:  # NumPy's messages have the header's syntax tree in them
        raise ValueError("its header is damaged") from None
    if dtype == np.dtype(object):
        return _filled(_as_array(_unpickle(file.read())))
    if dtype.kind not in REAL_KINDS:
        raise BadPickle(f"must hold real numbers, got an array of type {_one_line(dtype)}")
    data = file.read()
    if not 0 <= math.prod(shape) * dtype.itemsize <= len(data):
        raise ValueError("it is truncated")
    flat: np.ndarray = np.frombuffer(data, dtype=dtype, count=math.prod(shape))
    return _filled(flat.reshape(shape, order="F" if is_fortran else "C").copy())


def _filled(array: np.ndarray) -> np.ndarray:
    """Return an array that has numbers, or no line at all: not a million lines of nothing."""
    if not array.size and any(array.shape):
        raise BadPickle(f"holds nothing, in an array of shape {list(array.shape)}")
    return array


def _unpickle(data: bytes) -> Any:
    try:
        check_opcodes(data)
        return _ArrayUnpickler(data).load()
    except BadPickle:
        raise
    except EOFError:
        raise BadPickle("the pickle in it is truncated") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise BadPickle(f"the pickle in it is damaged: {type(error).__name__}: {error}") from None


def _as_array(value: Any) -> np.ndarray:
    if isinstance(value, _PickledArray):
        value = value.array()
    if not isinstance(value, np.ndarray):
        raise BadPickle(f"the pickle in it holds a {type(value).__name__}, not an array")
    return value


class _Budget:
    """Counts what a pickle builds.

    Args:
        most: bytes and elements, all together.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, number: int) -> None:
        """Count ``number`` bytes or elements; ``BadPickle`` when they are too many."""
        self._left -= number
        if self._left < 0:
            raise BadPickle(f"the pickle in it builds more than {MOST_GROWTH} times its size")

    def spend_items(self, items: Any) -> None:
        """Count the elements of a list and of the lists in it, as often as they stand there."""
        waiting = [(items, 1)]
        while waiting:
            value, depth = waiting.pop()
            if depth > MOST_NESTED:
                raise BadPickle(f"the pickle in it nests lists more than {MOST_NESTED} deep")
            self.spend(len(value))
            waiting.extend((item, depth + 1) for item in value if isinstance(item, list | tuple))


class _PickledDtype:
    """Stands in for ``numpy.dtype``: numbers in either byte order, and objects."""

    def __init__(self, spec: Any, *_: Any) -> None:
        self.spec = _ascii(spec)
        self.order: _ByteOrder = "="
        if not (_NUMBER.fullmatch(self.spec) or _OBJECT.fullmatch(self.spec)):
            raise BadPickle(f"the pickle in it holds an array of type {self.spec!r}, not numbers")

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(state[2:5]):
            raise BadPickle("the pickle in it holds an array of structured type")
        self.order = _byte_order(_ascii(state[1]))

    @property
    def is_object(self) -> bool:
        return _OBJECT.fullmatch(self.spec) is not None

    @property
    def dtype(self) -> np.dtype:
        dtype: np.dtype = np.dtype(self.spec.lstrip("<>=|")).newbyteorder(self.order)
        return dtype


class _PickledArray:
    """Stands in for ``numpy.ndarray`` until its state has been checked."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self._array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        if not isinstance(dtype, _PickledDtype) or not isinstance(shape, tuple):
            raise BadPickle("the pickle in it holds an array without a type or a shape")
        flat = self._objects(data) if dtype.is_object else self._numbers(data, dtype.dtype)
        self._array = flat.reshape(shape, order="F" if is_fortran else "C")

    def array(self) -> np.ndarray:
        if self._array is None:
            raise BadPickle("the pickle in it holds an array without contents")
        return self._array

    def _objects(self, data: Any) -> np.ndarray:
        if not isinstance(data, list):
            raise BadPickle("the pickle in it holds an array of objects without their list")
        self._budget.spend_items(data)
        flat: np.ndarray = np.empty(len(data), dtype=object)
        for index, item in enumerate(data):
            flat[index] = self._element(item) if isinstance(item, _PickledArray) else item
        return flat

    def _element(self, item: "_PickledArray") -> np.ndarray:
        """The array of a line, which may be of objects, but not of arrays again."""
        array = item.array()
        self._budget.spend(max(array.nbytes, 1))
        if array.dtype == object and any(isinstance(value, np.ndarray) for value in array.flat):
            raise BadPickle("the pickle in it nests arrays in arrays of arrays")
        return array

    def _numbers(self, data: Any, dtype: np.dtype) -> np.ndarray:
        if isinstance(data, str):
            self._budget.spend(len(data))
            data = data.encode("latin1")
        return np.frombuffer(data, dtype=dtype)


# Stands for the class itself, which pickled arrays name and never call.
_ARRAY_CLASS = object()


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise BadPickle("the pickle in it calls bytes")
    return b""


def _byte_order(name: str) -> _ByteOrder:
    if name not in _BYTE_ORDERS:
        raise BadPickle(f"the pickle in it holds an array of byte order {name!r}")
    return _BYTE_ORDERS[name]


def _ascii(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise BadPickle(f"the pickle in it has a {type(value).__name__} where a name must be")
    return text


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles ``data`` with stand-ins for the few names that arrays use."""

    def __init__(self, data: bytes) -> None:
        # Python 2 pickles hold an array's bytes as a string: "bytes" leaves them as they are.
        super().__init__(io.BytesIO(data), encoding="bytes")
        self._budget = _Budget(MOST_GROWTH * len(data))
        self._admitted: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): _ARRAY_CLASS,
            ("numpy", "dtype"): _PickledDtype,
            ("_codecs", "encode"): self._encode,
            ("__builtin__", "bytes"): _empty_bytes,
            ("builtins", "bytes"): _empty_bytes,
        }
        for core in ("numpy.core", "numpy._core"):
            self._admitted[f"{core}.multiarray", "_reconstruct"] = self._reconstruct
            self._admitted[f"{core}.numeric", "_frombuffer"] = self._frombuffer

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._admitted[module, name]
        except KeyError:
            raise BadPickle(
                f"the pickle in it asks for {module}.{name}: only NumPy arrays are admitted"
            ) from None

    def persistent_load(self, _: Any) -> Any:
        raise BadPickle("the pickle in it refers to something outside the file")

    def _reconstruct(self, subtype: Any, *_: Any) -> _PickledArray:
        if subtype is not _ARRAY_CLASS:
            raise BadPickle("the pickle in it holds a subclass of an array")
        return _PickledArray(self._budget)

    def _frombuffer(self, data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> _PickledArray:
        array = _PickledArray(self._budget)
        array.__setstate__((1, shape, dtype, _ascii(order) == "F", data))
        return array

    def _encode(self, text: Any, encoding: Any = "latin1") -> bytes:
        """Python 3 writes bytes in this way where the pickle is to be read by Python 2."""
        if not isinstance(text, str) or _ascii(encoding) != "latin1":
            raise BadPickle("the pickle in it calls a codec")
        self._budget.spend(len(text))
        return text.encode("latin1")
