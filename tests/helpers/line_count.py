"""How much work a call is, whatever the machine and its load."""

import sys
from collections.abc import Callable


def lines_run(work: Callable[[], object]) -> int:
    """Number of lines of Python that run in a call of ``work``."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
