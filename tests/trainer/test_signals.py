"""The first signal is a request, a second one quits."""

import os
import signal
import threading

import pytest

from trainer.signals import SAME_REQUEST_SECONDS, StopRequest


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_first_is_a_request_and_second_quits(
    number: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of its own: a busy machine may take any time between two signals."""
    seconds, went_on = 100.0, False
    monkeypatch.setattr("trainer.signals.time.monotonic", lambda: seconds)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested
        assert stop.signal_name == name
        seconds += SAME_REQUEST_SECONDS  # the same key press, passed on by torchrun
        os.kill(os.getpid(), number)
        went_on = True
        seconds += 0.01
        os.kill(os.getpid(), number)
        pytest.fail("it did not quit")
    assert went_on, "one key press that arrived twice was taken for two"
    assert signal.getsignal(number) is before


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_can_train_too() -> None:
    seen: list[bool] = []

    def run() -> None:
        with StopRequest() as stop:
            seen.append(stop.requested)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]
