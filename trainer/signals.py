"""Ctrl-C and SIGTERM as a request to stop at the next safe point."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)
# One key press can arrive twice, from the terminal and from torchrun. A person who presses again
# because nothing seems to happen takes longer than this.
SAME_REQUEST_SECONDS = 0.5


class StopRequest:
    """Context in which the first Ctrl-C or SIGTERM sets ``requested`` and a second one quits.

    Outside the main thread signals cannot be caught, and nothing is.
    """

    def __init__(self) -> None:
        self.requested = False
        self.signal_name = ""
        self._time = 0.0
        self._previous: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested, self._time = True, now
            self.signal_name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        elif now - self._time > SAME_REQUEST_SECONDS:
            raise KeyboardInterrupt
