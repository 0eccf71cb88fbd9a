"""CUDA graphs: many small kernels that are launched as one, and who may use them when.

A graph replays the kernels of one call on the very memory of that call. So whoever wants a replay
brings memory that stays, fills it, replays, and takes the results out before anyone else does the
same; ``GraphCache`` sees to that.

``HANDWRITING_CUDA`` in the environment, read when this module is imported, says how the recurrence
of the window layer and the steps of sampling run on an NVIDIA GPU:

======== =========================================================================================
graph    the default: as CUDA graphs, or as ``loop`` where no graph can be captured
loop     the same kernels, launched one by one
plain    as on a CPU, in torch operations
======== =========================================================================================
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Generic, Protocol, TypeVar

import torch

from handwriting.errors import UserError

Body = Callable[[], None]

MODES = ("graph", "loop", "plain")
MAX_ENTRIES = 16
MAX_BYTES = 2 * 2**30
"""Of the memory that graphs hold for good, all together."""
MAX_SEEN = 4096

_capturing = threading.Lock()  # CUDA allows one capture at a time
_logger = logging.getLogger(__name__)


def mode_of_environment() -> str:
    """``HANDWRITING_CUDA``, "graph" where it is not set.

    Raises:
        UserError: it is something else than one of ``MODES``.
    """
    mode = os.environ.get("HANDWRITING_CUDA", "graph")
    if mode not in MODES:
        raise UserError(f"HANDWRITING_CUDA: one of {', '.join(MODES)}, got {mode!r}")
    return mode


mode = mode_of_environment()


def graphs_are_possible(device: torch.device) -> bool:
    """Whether a graph may be captured or replayed now."""
    if mode != "graph" or device.type != "cuda":
        return False
    return not torch.cuda.is_current_stream_capturing()


def capture(body: Body, device: torch.device) -> Body:
    """See ``capture_on_cuda``; tests put something else here, to run without a GPU."""
    return capture_on_cuda(body, device)


def wait() -> None:
    """For the GPU, if one is in use: a graph must not go while it runs."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def log_fallback(reason: object) -> None:
    """Say that something slower runs, and why."""
    _logger.warning("On the GPU something slower has to do: %s", reason)


def capture_on_cuda(body: Body, device: torch.device) -> Body:
    """A call that does on the GPU what ``body`` does, in one launch.

    The body runs once before the capture: that compiles its kernels and has the libraries take the
    memory they want, neither of which may happen in a capture.

    Args:
        body: works on tensors that stay, without waiting for the GPU.
        device: of all of them.

    Raises:
        RuntimeError: the body cannot be captured.
    """
    graph, stream = torch.cuda.CUDAGraph(), _capture_stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    # The second block also leaves the stream where a capture breaks off.
    with _capturing, torch.cuda.stream(stream):
        body()
        # Threads that pin memory for the next batches go on meanwhile.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            body()
    torch.cuda.current_stream(device).wait_stream(stream)
    return graph.replay


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all captures: cuBLAS takes memory for each stream that it works in."""
    return torch.cuda.Stream(device)


class Entry(Protocol):
    """Graphs of one kind, and the memory they work in."""

    nbytes: int


AnyEntry = TypeVar("AnyEntry", bound=Entry)


class GraphCache(Generic[AnyEntry]):
    """Graphs by what they were captured for; those longest unused go first.

    What is seen for the first time gets no graph: it may never come again.

    One caller at a time: an entry's memory must not change between what a caller puts in and what
    it takes out. On a GPU all callers' kernels must also stand in one queue; what comes from
    another stream than the first one that asked gets no graph.

    Args:
        max_entries: how many are held.
        max_bytes: of their memory together.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._lock = threading.Lock()
        self._seen: set[Hashable] = set()
        self._failed: set[Hashable] = set()
        self._entries: OrderedDict[Hashable, AnyEntry] = OrderedDict()
        self._streams: dict[torch.device, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def nbytes(self) -> int:
        """Memory of the entries."""
        return sum(entry.nbytes for entry in self._entries.values())

    @contextmanager
    def lease(
        self, key: Hashable, device: torch.device, nbytes: int, make: Callable[[], AnyEntry] | None
    ) -> Iterator[AnyEntry | None]:
        """The entry for this block alone, or None: then the caller has to do without.

        Args:
            key: what the graphs depend on.
            nbytes: about what the entry will take.
            make: makes it. If it raises RuntimeError there is none for this key, ever. None: take
                one that is there, or none.
        """
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            yield self._entry(key, device, nbytes, make) if self._in_queue(device) else None
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Drop all, as if nothing had been seen."""
        with self._lock:
            self._drop_to(0, 0)
            self._seen.clear()
            self._failed.clear()
            self._streams.clear()

    def _in_queue(self, device: torch.device) -> bool:
        if device.type != "cuda":
            return True
        stream = torch.cuda.current_stream(device).cuda_stream
        return self._streams.setdefault(device, stream) == stream

    def _entry(
        self, key: Hashable, device: torch.device, nbytes: int, make: Callable[[], AnyEntry] | None
    ) -> AnyEntry | None:
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key]
        if make is None or nbytes > self._max_bytes:
            return None
        if key in self._failed or not self._seen_before(key):
            return None
        self._drop_to(self._max_entries - 1, self._max_bytes - nbytes)
        try:
            # Tensors of inference mode could not be written to outside of it.
            with torch.inference_mode(False), torch.no_grad():
                self._entries[key] = make()
        except RuntimeError as error:
            self._failed.add(key)
            log_fallback(error)
            return None
        return self._entries[key]

    def _seen_before(self, key: Hashable) -> bool:
        if key in self._seen:
            return True
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(key)
        return False

    def _drop_to(self, entries: int, nbytes: int) -> None:
        if len(self._entries) > entries or self.nbytes > nbytes:
            wait()
        while len(self._entries) > entries or self.nbytes > nbytes:
            self._entries.popitem(last=False)
