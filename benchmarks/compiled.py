"""The compiled recurrences switched off for a while, to measure what they bring."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from model.custom_layers.cpu import extension


@contextmanager
def uncompiled(wanted: bool = True) -> Iterator[None]:
    """Compute without the compiled recurrences, if so wanted."""
    before = os.environ.get(extension.SWITCH)
    if wanted:
        os.environ[extension.SWITCH] = "0"
    try:
        yield
    finally:
        os.environ.pop(extension.SWITCH, None)
        if before is not None:
            os.environ[extension.SWITCH] = before
