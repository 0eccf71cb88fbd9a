"""Ctrl-C and a scheduler's SIGTERM reach every process of a group. The main process finishes its
step and saves; a worker that died meanwhile would end it with an error instead. So a worker leaves
the group as soon as it runs, and until then, from before it is made, the signals wait."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = {signal.SIGINT, signal.SIGTERM}
HELD = hasattr(signal, "pthread_sigmask")


@contextmanager
def held() -> Iterator[None]:
    """Context in which signals to this thread wait, and to the processes that it starts, until
    they call ``leave_process_group``. What came in between is handled at its end. Where the system
    cannot hold signals, nothing is done."""
    if not HELD:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_process_group(worker: int) -> None:
    """Set up a worker process, as a ``worker_init_fn``: signals to the group pass it by
    from now on, and one that waits for it is dropped. The loader's own SIGTERM ends it as ever."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    if HELD:
        while waiting := signal.sigpending() & SIGNALS:
            signal.sigwait(waiting)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
