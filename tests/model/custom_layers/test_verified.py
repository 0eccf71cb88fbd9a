"""A fast way is used only where it agrees with the plain one, and is asked once."""

import logging
import threading

import pytest
import torch

from model.custom_layers.verified import Verified, relative_difference


def pairs(value: float) -> dict:
    return {"outputs": (torch.tensor([value]), torch.tensor([1.0]))}


def test_one_that_agrees_is_compared_once_and_says_nothing(caplog) -> None:
    calls = []

    def compare() -> dict:
        calls.append(threading.current_thread())
        assert torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
        return pairs(1.0001)

    way = Verified("way", compare, 1e-3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), caplog.at_level(logging.INFO):
        assert way and way
    assert len(calls) == 1 and calls[0] is not threading.current_thread()
    assert not caplog.records


@pytest.mark.parametrize("value", [1.1, float("nan"), float("inf")])
def test_one_that_differs_is_not_used_and_says_so_once(value: float, caplog) -> None:
    way = Verified("way", lambda: pairs(value), 1e-3)
    assert not way and not way
    (record,) = caplog.records
    assert "way: the plain way is used, since the fast one's outputs differ" in record.getMessage()


def test_one_that_fails_is_not_used_and_says_why(caplog) -> None:
    def fail() -> dict:
        raise ValueError("no such thing\nand more")

    assert not Verified("way", fail, 1.0)
    (record,) = caplog.records
    assert record.getMessage().endswith("the fast one failed (no such thing)")


def test_relative_difference() -> None:
    assert relative_difference(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 4.0])) == 0.75
    assert relative_difference(torch.zeros(2), torch.zeros(2)) == 0
