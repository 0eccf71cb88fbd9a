"""A linear layer over the rows of many steps in float32, its inputs in parts.

PyTorch's own products of floats leave half of some processors unused (AMD's, for one).

Shapes: ``R`` rows, ``I`` inputs, ``O`` outputs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from model.custom_layers.cpu import extension
from model.custom_layers.verified import Pairs, Verified

# Packing the weight does not pay for fewer rows.
COMPILED_ROWS = 256


def linear(parts: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """Outputs ``[R, O]`` of inputs ``[R, I_i]`` that side by side are ``[R, I]``, with weight
    ``[O, I]`` and bias ``[O]``; compiled where that is to be had."""
    if _is_compiled(parts[0], weight):
        return _Linear.apply(weight, bias, *parts)
    return _plain(parts, weight, bias)


def _plain(parts: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """In training a product for each part saves a copy of all parts side by side."""
    if not torch.is_grad_enabled():
        return F.linear(torch.cat(list(parts), dim=1), weight, bias)
    outputs = bias
    weights = weight.split([part.shape[1] for part in parts], dim=1)
    for part, share in zip(parts, weights, strict=True):
        outputs = torch.addmm(outputs, part, share.t())
    return outputs


def _is_compiled(rows: Tensor, weight: Tensor) -> bool:
    return (
        rows.device.type == "cpu"
        and rows.dtype == weight.dtype == torch.float32
        and len(rows) >= COMPILED_ROWS
        and extension.is_available()
        and bool(_COMPILED)
    )


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(weight, *parts)
        outputs = None
        for part, share in zip(parts, _shares(weight, parts), strict=True):
            product = torch.ops.handwriting.linear(
                part.contiguous(), share, bias if outputs is None else None
            )
            outputs = product if outputs is None else outputs.add_(product)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, *parts = ctx.saved_tensors
        needed, grad = ctx.needs_input_grad, grad.contiguous()
        of_weight = None
        if needed[0]:
            products = [torch.ops.handwriting.transposed_product(grad, part) for part in parts]
            of_weight = torch.cat(products, dim=1)
        of_parts = [
            torch.ops.handwriting.linear(grad, share.t(), None) if want else None
            for share, want in zip(_shares(weight, parts), needed[2:], strict=True)
        ]
        return of_weight, grad.sum(0) if needed[1] else None, *of_parts


def _shares(weight: Tensor, parts: Sequence[Tensor]) -> Sequence[Tensor]:
    """The weight ``[O, I_i]`` of each part."""
    return weight.split([part.shape[1] for part in parts], dim=1)


def _compare() -> Pairs:
    generator = torch.Generator().manual_seed(1)
    shapes = [(13, 29), (13,), (110, 12), (110, 17)]
    values = [torch.randn(shape, generator=generator) for shape in shapes]
    results = []
    for compiled in (True, False):
        weight, bias, *parts = leaves = [value.clone().requires_grad_() for value in values]
        if compiled:
            outputs = _Linear.apply(weight, bias, *parts)
        else:
            outputs = F.linear(torch.cat(parts, dim=1), weight, bias)
        outputs.square().sum().backward()
        results.append((outputs, torch.cat([leaf.grad.flatten() for leaf in leaves])))
    fast, plain = results
    return {"outputs": (fast[0], plain[0]), "gradients": (fast[1], plain[1])}


_COMPILED = Verified("compiled linear layer", _compare, 1e-5)
