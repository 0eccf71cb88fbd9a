"""The rules that read a line off the window, on windows made by hand."""

import numpy as np
import torch

from handwriting.runtime.synthesised_line import characters_of_steps, rest_of_prime
from writing.synthesis_loop import has_ended

FAR = torch.tensor([[9.0, 9.0]])
NEAR = torch.tensor([[1.0, 9.0]])
UP, DOWN = torch.tensor([True]), torch.tensor([False])
END = torch.tensor([3])


def window(*weights: float) -> torch.Tensor:
    return torch.tensor([weights])


def test_a_line_ends_where_the_window_is_at_its_end_and_the_pen_is_up() -> None:
    at_end = window(0.0, 0.1, 0.2, 0.3)
    assert has_ended(at_end, NEAR, END, UP).tolist() == [True]
    assert has_ended(at_end, NEAR, END, DOWN).tolist() == [False]


def test_the_weight_at_the_end_must_be_greater_than_on_every_character() -> None:
    # 0.3 is greater than the weight before it and than the mean, but not than every other.
    assert has_ended(window(0.4, 0.0, 0.2, 0.3), NEAR, END, UP).tolist() == [False]
    assert has_ended(window(0.0, 0.0, 0.3, 0.3), NEAR, END, UP).tolist() == [False]
    assert has_ended(window(0.0, 0.0, 0.0, 0.0), NEAR, END, UP).tolist() == [False]


def test_a_window_far_past_the_end_has_passed_it() -> None:
    nothing = window(0.0, 0.0, 0.0, 0.0)
    assert has_ended(nothing, FAR, END, UP).tolist() == [True]
    assert has_ended(nothing, FAR, END, DOWN).tolist() == [False]
    assert has_ended(nothing, torch.tensor([[3.0, 9.0]]), END, UP).tolist() == [False]


def test_each_line_has_its_own_end() -> None:
    phi = torch.tensor([[0.1, 0.5, 0.0, 0.0], [0.1, 0.5, 0.2, 0.0], [0.0, 0.1, 0.2, 0.4]])
    kappa = torch.zeros(3, 2)
    ends, pen_up = torch.tensor([1, 2, 3]), torch.tensor([True, True, True])
    assert has_ended(phi, kappa, ends, pen_up).tolist() == [True, False, True]


def test_the_character_of_a_step_is_the_one_the_window_weighs_most() -> None:
    phi = np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0, 0, 0], [0, 0.2, 0.5], [0, 0, 0]])
    assert characters_of_steps(phi).tolist() == [0, 1, 1, 2, 2]


def test_a_window_that_sees_nothing_yet_is_at_the_first_character() -> None:
    assert characters_of_steps(np.array([[0, 0], [0, 0], [0, 0.5]])).tolist() == [0, 0, 1]


def rest(strokes: list[list[int]], start: int) -> int:
    """Strokes as the characters of their steps."""
    ends = np.concatenate([[0.0] * (len(stroke) - 1) + [1.0] for stroke in strokes])
    return rest_of_prime(ends, np.concatenate(strokes), start)


def test_strokes_of_the_prime_are_left_out() -> None:
    assert rest([[2, 2, 3], [3], [4, 5, 5, 5], [6, 6]], start=5) == 4


def test_a_window_a_little_late_costs_the_new_text_nothing() -> None:
    assert rest([[4, 4, 5, 5, 5, 6], [7]], start=5) == 0
    assert rest([[4, 5], [7]], start=5) == 0


def test_strokes_that_come_back_to_the_prime_later_stay() -> None:
    assert rest([[5, 5], [4, 4], [6]], start=5) == 0


def test_nothing_is_left_out_where_all_is_the_primes() -> None:
    assert rest([[1, 2], [3, 3]], start=5) == 0


def test_an_unfinished_stroke_counts_too() -> None:
    ends = np.array([0.0, 1.0, 0.0, 0.0])
    assert rest_of_prime(ends, np.array([1, 1, 5, 5]), 5) == 2
