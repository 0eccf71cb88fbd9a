"""Reads the pickle inside an ``.npy`` file of objects, admitting NumPy arrays and nothing else.

A pickle is a program: it names functions and calls them. Here the few names that pickled arrays
use, in the spellings of NumPy before and after it moved ``numpy.core`` to ``numpy._core`` and of
Python 2 and 3, lead to inert stand-ins that check what they are given; every other name is
refused. NumPy's own reconstruction is not called, since its ``__setstate__`` trusts its input.
"""

import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from handwriting.errors import DataError

_NUMBER = re.compile(r"[<>=|]?(?P<kind>[fiub])(?P<size>[1248])")
_OBJECT = re.compile(r"[<>=|]?O[48]?")
_ByteOrder = Literal["<", ">", "=", "|"]
_BYTE_ORDERS: dict[str, _ByteOrder] = {"<": "<", ">": ">", "=": "=", "|": "|"}
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class BadPickle(Exception):
    """A pickle holds something other than arrays of numbers, or is damaged."""


def load_object_array(path: Path) -> np.ndarray:
    """The array of an ``.npy`` file, of numbers or of objects.

    Returns:
        an array of numbers; or an object array whose elements are arrays of numbers, lists,
        numbers, strings or None.

    Raises:
        DataError: when the file is no ``.npy`` file, is truncated, or its pickle holds or calls
            anything but NumPy arrays.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Headers written by Python 2 are read rightly, but with a warning.
            warnings.simplefilter("ignore", UserWarning)
            if _read_header(file).hasobject:
                return _as_array(_unpickle(file))
            array: np.ndarray = np.load(path, allow_pickle=False)
            return array
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist") from None
    except BadPickle as error:
        raise DataError(f"{path}: {_one_line(error)}") from None
    except Exception as error:  # a damaged header can raise nearly anything
        raise DataError(f"{path}: is no whole .npy file: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    """Return an error as one line of at most 200 characters that a terminal can show."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _read_header(file: BinaryIO) -> np.dtype:
    version = np.lib.format.read_magic(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"format version {version} is not one of (1, 0), (2, 0)")
    dtype: np.dtype = _HEADER_READERS[version](file)[2]
    return dtype


def _unpickle(file: BinaryIO) -> Any:
    try:
        # Python 2 pickles hold an array's bytes as a string: "bytes" leaves them as they are.
        return _ArrayUnpickler(file, encoding="bytes").load()
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

    def __init__(self, *_: Any) -> None:
        self._array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        self._array = _build(shape, dtype, "F" if is_fortran else "C", data)

    def array(self) -> np.ndarray:
        if self._array is None:
            raise BadPickle("the pickle in it holds an array without contents")
        return self._array


def _build(shape: Any, dtype: Any, order: Literal["C", "F"], data: Any) -> np.ndarray:
    if not isinstance(dtype, _PickledDtype) or not isinstance(shape, tuple):
        raise BadPickle("the pickle in it holds an array without a type or a shape")
    if dtype.is_object:
        flat: np.ndarray = np.empty(len(data), dtype=object)
        for index, item in enumerate(data):
            flat[index] = item.array() if isinstance(item, _PickledArray) else item
    else:
        raw = data.encode("latin1") if isinstance(data, str) else data
        flat = np.frombuffer(raw, dtype=dtype.dtype)
    array: np.ndarray = flat.reshape(shape, order=order)
    return array


def _reconstruct(subtype: Any, *_: Any) -> _PickledArray:
    if subtype is not _PickledArray:
        raise BadPickle("the pickle in it holds a subclass of an array")
    return _PickledArray()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> _PickledArray:
    array = _PickledArray()
    array.__setstate__((1, shape, dtype, _ascii(order) == "F", data))
    return array


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Python 3 writes bytes in this way where the pickle is to be read by Python 2."""
    if not isinstance(text, str) or _ascii(encoding) != "latin1":
        raise BadPickle("the pickle in it calls a codec")
    return text.encode("latin1")


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


_ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty_bytes,
    ("builtins", "bytes"): _empty_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = _frombuffer


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise BadPickle(
                f"the pickle in it asks for {module}.{name}: only NumPy arrays are admitted"
            ) from None

    def persistent_load(self, _: Any) -> Any:
        raise BadPickle("the pickle in it refers to something outside the file")
