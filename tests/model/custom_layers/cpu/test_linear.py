"""The compiled linear layer is the plain one."""

import pytest
import torch

from model.custom_layers.cpu.linear import COMPILED_ROWS, _Linear, _plain, linear
from model.custom_layers.verified import relative_difference

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.mark.parametrize(("rows", "widths", "outputs"), [(300, (5, 16), 7), (2500, (40,), 121)])
def test_equals_the_plain_one(rows: int, widths: tuple[int, ...], outputs: int) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(outputs, sum(widths)), (outputs,), *((rows, width) for width in widths)]
    values, found = [torch.randn(shape, generator=generator) for shape in shapes], []
    for form in (linear, _plain):
        weight, bias, *parts = leaves = [value.clone().requires_grad_() for value in values]
        result = form(parts, weight, bias)
        result.square().mean().backward()
        found.append([result, *(leaf.grad for leaf in leaves)])
    assert rows >= COMPILED_ROWS and isinstance(found[0][0].grad_fn, _Linear._backward_cls)
    assert all(relative_difference(one, other) < 1e-5 for one, other in zip(*found, strict=True))


def test_frozen_parts() -> None:
    weight, bias, part = torch.randn(3, 4), torch.randn(3, requires_grad=True), torch.randn(300, 4)
    linear([part], weight, bias).sum().backward()
    assert torch.equal(bias.grad, torch.full((3,), 300.0))
    assert weight.grad is None and part.grad is None
