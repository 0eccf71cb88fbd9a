"""A pen that rests, or writes one character for ever, is drawn without a bias until it goes on.

Shapes: ``B`` = 2 lines, ``U`` characters.
"""

import numpy as np
import pytest
import torch
from torch import Tensor

from handwriting.ink.normalisation import Normalisation
from model.models import UnconditionalHandwriting
from writing.bias_control import (
    CARRIED,
    LONG_STAY,
    LONGEST_STAY,
    StalledPenBias,
    StalledWindowScale,
    StallRules,
)
from writing.sampling import generate

NORMALISATION = Normalisation(mean=(8.0, -1.0), std=(40.0, 20.0))


def rows(*offsets: tuple[float, float]) -> Tensor:
    """``[B, 3]`` in normalised units, of offsets in the corpus's."""
    strokes = np.array([(0, *offset) for offset in offsets], np.float32)
    return torch.from_numpy(NORMALISATION.normalise(strokes)).double()


def bias_of_two() -> StalledPenBias:
    return StalledPenBias(torch.tensor([1.0, 0.5], dtype=torch.float64), NORMALISATION)


def test_pens_that_move_keep_their_bias() -> None:
    bias = bias_of_two()
    for step in range(100):
        way = 20.0 * (-1) ** step
        assert bias.after(rows((way, 0), (0, way))).tolist() == [1.0, 0.5]


def test_a_pen_that_rests_loses_its_bias_little_by_little_and_gets_it_back() -> None:
    bias = bias_of_two()
    resting = torch.stack([bias.after(rows((0, 0), (30, 0))) for _ in range(100)])
    assert resting[0].tolist() == [1.0, 0.5] and resting[-1].tolist() == [0.0, 0.5]
    first = resting[:, 0]
    assert (first.diff() <= 0).all() and ((first > 0) & (first < 1)).sum() > 10
    going = torch.stack([bias.after(rows((30, 0), (30, 0))) for _ in range(20)])[:, 0]
    assert (going.diff() >= 0).all() and going[-1] == 1.0


def test_lines_that_stay_take_their_pace_with_them() -> None:
    bias = bias_of_two()
    for _ in range(100):
        bias.after(rows((30, 0), (0, 0)))
    bias.keep(torch.tensor([1]))
    assert bias.after(rows((0, 0))).tolist() == [0.0]


def phi(*places: int) -> Tensor:
    """``[B, 4]``, the window's weights of lines that write the characters at these places."""
    return torch.nn.functional.one_hot(torch.tensor(places), 4) * 0.7 + 0.01


def shares_of_two() -> StalledWindowScale:
    return StalledWindowScale(torch.ones(2, dtype=torch.float64))


def test_a_window_that_stays_loses_the_bias_little_by_little_and_gets_it_back() -> None:
    share = shares_of_two()
    moving = [step // LONG_STAY for step in range(LONGEST_STAY)]
    of_two = torch.stack([share.after(phi(1, place)) for place in moving])
    assert (of_two[:, 1] == 1).all()
    staying = of_two[:, 0]
    assert (staying[: LONG_STAY + 1] == 1).all() and (staying.diff() <= 0).all()
    assert ((staying > 0) & (staying < 1)).sum() == LONGEST_STAY - LONG_STAY - 1
    assert share.after(phi(1, 1)).tolist()[0] == 0
    assert share.after(phi(2, 1)).tolist()[0] == 1


def test_a_window_that_goes_back_or_sees_nothing_stays() -> None:
    share = shares_of_two()
    share.after(phi(2, 2))
    for _ in range(LONGEST_STAY):
        gone_back, blind = phi(1, 1)[0], torch.zeros(4)
        last = share.after(torch.stack([gone_back, blind]))
    assert last.tolist() == [0.0, 0.0]


def test_lines_that_stay_at_work_take_their_stay_with_them() -> None:
    share = shares_of_two()
    for step in range(LONGEST_STAY + 2):
        share.after(phi(1, min(step // 30, 3)))
    share.keep(torch.tensor([0]))
    assert share.after(phi(1)).tolist() == [0.0]


@pytest.mark.parametrize("bias", [0.0, 3.0])
def test_a_model_of_pens_that_mostly_rest_does_not_rest_for_ever(bias: float) -> None:
    """One component rests, with a weight of 0.9, one goes on: at a bias of 3 the second would be
    chosen once in 6,500 steps."""
    model = UnconditionalHandwriting(hidden_size=2, num_layers=1, num_mixtures=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        # end of stroke; then for both components each: log-weight, means, log-sigmas, correlation
        at_rest = NORMALISATION.normalise(np.zeros((1, 3), np.float32))[0, 1:]
        values = [-9, 2.2, 0, at_rest[0], 2.0, at_rest[1], 2.0, *[-6.0] * 4, 0, 0]
        model.output.bias.copy_(torch.tensor(values))
    (strokes,) = generate(model, NORMALISATION, 1, 600, bias, seeds=[1])
    moves = np.hypot(*strokes[1:, 1:].T) > 20
    assert 5 < moves.sum() < 150


def test_rules_go_with_the_pace_of_the_data() -> None:
    """Data with half of the pen steps: as much time passes in each."""
    coarse = StallRules.at(0.5)
    assert (coarse.long_stay, coarse.longest_stay) == (LONG_STAY / 2, LONGEST_STAY / 2)
    assert coarse.carried**10 == pytest.approx(CARRIED**20)
    share = StalledWindowScale(torch.ones(1, dtype=torch.float64), coarse)
    there = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    shares = [share.after(there).item() for _ in range(LONGEST_STAY)]
    assert shares[LONG_STAY // 2 - 1] == 1 and max(shares[LONGEST_STAY // 2 + 1 :]) == 0
