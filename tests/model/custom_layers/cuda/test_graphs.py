"""Who gets a graph, how many there are, and the switch."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from model.custom_layers.cuda import graphs
from model.custom_layers.cuda.graphs import GraphCache

ROOT = Path(__file__).parents[4]
CPU = torch.device("cpu")


class Entry:
    def __init__(self, nbytes: int = 10) -> None:
        self.nbytes = nbytes


def ask(cache: GraphCache, key: str, nbytes: int = 10) -> Entry | None:
    with cache.lease(key, CPU, nbytes, lambda: Entry(nbytes)) as entry:
        return entry


def ask_twice(cache: GraphCache, key: str, nbytes: int = 10) -> Entry | None:
    ask(cache, key, nbytes)
    return ask(cache, key, nbytes)


def test_what_comes_again_gets_an_entry_and_keeps_it() -> None:
    cache = GraphCache()
    assert ask(cache, "a") is None
    entry = ask(cache, "a")
    assert entry is not None
    assert ask(cache, "a") is entry
    assert ask(cache, "b") is None
    cache.clear()
    assert ask(cache, "a") is None


def test_who_may_not_make_one_takes_what_is_there() -> None:
    cache = GraphCache()
    for _ in range(3):
        with cache.lease("a", CPU, 10, None) as entry:
            assert entry is None
    assert ask(cache, "a") is None, "to look for an entry is not to be seen"
    made = ask(cache, "a")
    with cache.lease("a", CPU, 10, None) as entry:
        assert entry is made


def test_the_longest_unused_go_first() -> None:
    cache = GraphCache(max_entries=2)
    first, second = ask_twice(cache, "a"), ask_twice(cache, "b")
    assert ask(cache, "a") is first
    ask_twice(cache, "c")
    assert len(cache) == 2
    assert ask(cache, "a") is first
    assert ask(cache, "b") is not second


def test_memory_is_bounded() -> None:
    cache = GraphCache(max_bytes=100)
    ask_twice(cache, "a", 40)
    ask_twice(cache, "b", 40)
    assert cache.nbytes == 80
    ask_twice(cache, "c", 90)
    assert cache.nbytes == 90
    assert ask_twice(cache, "d", 101) is None
    assert cache.nbytes == 90, "what cannot be held drives nothing out"


def test_one_at_a_time_and_the_next_after_an_error() -> None:
    cache = GraphCache()
    ask(cache, "a")
    with pytest.raises(KeyError), cache.lease("a", CPU, 10, Entry) as entry:
        assert entry is not None
        assert ask(cache, "a") is None
        raise KeyError
    assert ask(cache, "a") is entry


def test_what_cannot_be_made_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    cache, tries = GraphCache(), []

    def fail() -> None:
        tries.append(1)
        raise RuntimeError("out of memory")

    for _ in range(4):
        with cache.lease("a", CPU, 10, fail) as entry:
            assert entry is None
    assert len(tries) == len(caplog.records) == 1
    assert "out of memory" in caplog.text


class FakeStream:
    """Stands in for streams; what happens is noted in ``events``."""

    events: list[str]

    def __init__(self, device: torch.device | None = None) -> None:
        self.name = "side" if device is CPU else "main"

    def wait_stream(self, other: "FakeStream") -> None:
        self.events.append(f"{self.name} waits for {other.name}")


@contextmanager
def noted(events: list[str], name: str) -> Iterator[None]:
    events.append(f"begin {name}")
    try:
        yield
    finally:
        events.append(f"end {name}")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a capture does, without a GPU."""
    seen: list[str] = []
    monkeypatch.setattr(FakeStream, "events", seen, raising=False)
    monkeypatch.setattr(graphs, "_capture_stream", FakeStream)
    cuda = {
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: seen.append("replay")),
        "current_stream": lambda device: FakeStream(),
        "stream": lambda stream: noted(seen, stream.name),
        "graph": lambda graph, stream, capture_error_mode: noted(seen, capture_error_mode),
    }
    for name, stand_in in cuda.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return seen


def test_a_capture_warms_up_beside_the_main_stream_and_waits_for_it(events) -> None:
    graphs.capture_on_cuda(lambda: events.append("body"), CPU)()
    assert events == [
        *("side waits for main", "begin side", "body", "begin thread_local", "body"),
        *("end thread_local", "end side", "main waits for side", "replay"),
    ]


def test_a_capture_that_breaks_off_leaves_its_stream_and_lets_the_next_begin(events) -> None:
    def fail() -> None:
        raise RuntimeError("not permitted")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="not permitted"):
            graphs.capture_on_cuda(fail, CPU)
        assert events[-1] == "end side"


def test_no_graphs_without_a_gpu() -> None:
    assert not graphs.graphs_are_possible(CPU)


@pytest.mark.parametrize("mode", [None, *graphs.MODES])
def test_the_environment_says_what_runs(mode: str | None, monkeypatch) -> None:
    monkeypatch.delenv("HANDWRITING_CUDA", raising=False)
    if mode is not None:
        monkeypatch.setenv("HANDWRITING_CUDA", mode)
    assert graphs.mode_of_environment() == (mode or "graph")


def test_an_unknown_mode_is_refused_with_its_name() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import model.custom_layers.cuda.graphs"], cwd=ROOT,
        env={**os.environ, "HANDWRITING_CUDA": "fast"}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert "HANDWRITING_CUDA: one of graph, loop, plain, got 'fast'" in result.stderr
