"""Processes that do parts of a work, one thread each: the results come in order, and are the same
however many processes there are."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from handwriting.errors import UserError

Part = TypeVar("Part")
Result = TypeVar("Result")

_AHEAD = 3  # parts for each process that are given out or done and not taken yet
# Else sums of more threads come in another order, and processes take turns at the processors.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def map_in_processes(
    function: Callable[[Part], Result], parts: Iterable[Part], workers: int
) -> Iterator[Result]:
    """Yield ``function(part)`` of each part, in order; few parts are in memory at a time.

    The processes are started anew, so that a program that calls this has its own code under
    ``if __name__ == "__main__":``. They end where the iterator is closed or this process ends, in
    whatever way.

    Args:
        function: of a module, which the processes import.
        parts: can be pickled, as the results can.
        workers: number of processes.

    Raises:
        UserError: a process is ended by someone. Errors of the function are raised as they are.
    """
    before = multiprocessing.active_children()
    with _one_thread_each():
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)
        try:
            yield from _results(pool, function, parts, workers)
            pool.shutdown()
        except BrokenProcessPool:
            raise UserError(
                "a process that did a part of the work was ended, as the system does where memory"
                " is short; fewer workers need less"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - set(before):
                process.terminate()
                process.join()


def _results(
    pool: ProcessPoolExecutor,
    function: Callable[[Part], Result],
    parts: Iterable[Part],
    workers: int,
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for part in parts:
        waiting.append(pool.submit(function, part))
        if len(waiting) > _AHEAD * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Have processes that are started compute with one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin() -> None:
    """Prepare a process: Ctrl-C is its parent's to act on, and it ends where the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
