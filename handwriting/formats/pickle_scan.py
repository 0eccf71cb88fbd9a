"""Looks through a pickle before it is run: whether its opcodes are those of arrays, lists, numbers
and strings, all of it is there, and it asks for no more memory than its size warrants."""

import pickletools
from typing import Any

# All that pickled arrays use, and lists, numbers and strings in them. Dictionaries and sets are not
# among them: they hash what they hold, which nested tuples can make endless.
_NUMBERS = "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT NONE NEWTRUE NEWFALSE"
_TEXTS = (
    "STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8"
    " BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)
_LISTS = "EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3"
_STACK = "MARK POP POP_MARK DUP GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE"
_CALLS = "GLOBAL STACK_GLOBAL REDUCE BUILD PROTO FRAME STOP"
_ADMITTED = frozenset(f"{_NUMBERS} {_TEXTS} {_LISTS} {_STACK} {_CALLS}".split())
_MEMO = frozenset(("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT"))


class BadPickle(Exception):
    """A pickle holds something other than arrays of numbers, or is damaged."""


def check_opcodes(data: bytes) -> None:
    """Look through the pickle ``data``, in time in proportion to its size, running nothing.

    Raises:
        BadPickle: when an opcode is none that arrays need, its argument is not all there, or it
            names a place in the memo, or a frame, beyond the size of the pickle.
    """
    try:
        for opcode, argument, _ in pickletools.genops(data):
            _check(opcode.name, argument, len(data))
    except (ValueError, LookupError) as error:
        is_cut = "exhausted" in str(error) or "expected" in str(error)
        state = "truncated" if is_cut else "damaged"
        raise BadPickle(f"the pickle in it is {state}: {error}") from None


def _check(name: str, argument: Any, size: int) -> None:
    if name not in _ADMITTED:
        raise BadPickle(f"the pickle in it has the opcode {name}, which no array needs")
    if name in _MEMO and not 0 <= argument <= size:
        raise BadPickle(f"the pickle in it has {size} bytes and asks for memo {argument}")
    if name == "FRAME" and argument > size:
        raise BadPickle(f"the pickle in it is truncated: a frame of {argument} bytes")
