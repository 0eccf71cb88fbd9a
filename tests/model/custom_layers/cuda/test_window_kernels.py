"""The Triton kernels against the torch operations that they stand for.

They run without a GPU in Triton's interpreter:

    TRITON_INTERPRET=1 python -m pytest tests/model/custom_layers/test_window_kernels.py

and what its compiler makes of them can be seen without one, too, where Triton is installed.
"""

import os
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from model.custom_layers.cuda.buffers import (
    BackwardBuffers,
    ForwardBuffers,
    RecurrenceInputs,
    State,
)
from model.custom_layers.cuda.steps import Pointwise, TorchPointwise, run_backward, run_forward

triton = pytest.importorskip("triton", reason="needs Triton")

from model.custom_layers.cuda import window_kernels  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED or not torch.cuda.is_available() else "cuda"
needs_device = pytest.mark.skipif(
    not INTERPRETED and not torch.cuda.is_available(),
    reason="needs a CUDA device or TRITON_INTERPRET=1",
)
# B, U, C, K, H
SIZES = [(2, 6, 9, 3, 7), (3, 70, 5, 2, 20), (1, 33, 80, 16, 600), (2, 8, 16, 1, 16)]


def given_of(sizes: tuple[int, ...], product_type: torch.dtype) -> RecurrenceInputs:
    batch, text, characters, components, hidden = sizes
    torch.manual_seed(0)
    indices = torch.randint(0, characters, (batch, text))
    one_hot = torch.nn.functional.one_hot(indices, characters).float()
    one_hot[0, -2:] = 0
    weights = (
        torch.randn(4 * hidden, hidden + characters) * hidden**-0.5,
        torch.randn(3 * components, hidden) * 0.1,
        torch.randn(3 * components),
    )
    return RecurrenceInputs.of(*(part.to(DEVICE) for part in (*weights, one_hot)), product_type)


def passes(given: RecurrenceInputs, pointwise: Pointwise, bound: float | None, valid: int) -> dict:
    """What both passes over ``valid + 1`` steps leave behind, of which the last is to spare."""
    torch.manual_seed(1)
    sizes = given.sizes(valid + 1)
    batch, hidden, characters = sizes.batch, sizes.hidden, sizes.characters

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape).to(DEVICE)

    forward = ForwardBuffers(sizes, given)
    forward.activations.gates.copy_(noise(*forward.activations.gates.shape))
    state = (noise(batch, width) for width in (hidden, characters, hidden, sizes.components))
    forward.enter(State(*state))
    run_forward(forward, pointwise, sizes.steps)
    backward = BackwardBuffers(sizes, given, forward.activations)
    backward.grad_hiddens.fill_(torch.nan)  # what stands past the valid steps is not to be read
    backward.enter(noise(batch, hidden), noise(batch, sizes.components))
    backward.take(noise(valid, batch, hidden), noise(valid, batch, characters))
    run_backward(backward, pointwise, sizes.steps, bound)
    kept = forward.activations
    return {
        "gates": kept.gates, "cells": kept.cells, "joined": kept.joined, "raw": kept.raw,
        "kappas": kept.kappas, "phis": forward.phis, "grad_gates": backward.grad_gates,
        "grad_raw": backward.grad_raw, "grad_joined": backward.grad_joined,
        "grad_cell": backward.grad_cell, "grad_kappa": backward.grad_kappa,
    }  # fmt: skip


@needs_device
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("bound", [None, 0.05])
@pytest.mark.parametrize("product_type", [torch.float32, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_the_kernels_do_what_the_operations_do(sizes, bound, product_type) -> None:
    given = given_of(sizes, product_type)
    ours = passes(given, window_kernels.TritonPointwise(), bound, valid=3)
    theirs = passes(given, TorchPointwise(), bound, valid=3)
    tolerance = 1e-5 if product_type == torch.float32 else 0.05
    for name, part in theirs.items():
        scale = part.float().abs().max().item()
        torch.testing.assert_close(
            ours[name], part, rtol=0, atol=tolerance * max(scale, 1.0), msg=name
        )
    assert theirs["grad_gates"][:3].any()
    assert not ours["grad_gates"][3].any()


@pytest.mark.skipif(INTERPRETED, reason="needs Triton's compiler, not its interpreter")
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("lowers", [False, True])
@pytest.mark.parametrize("name", ["_forward", "_backward"])
def test_the_kernels_compile_without_sums_in_changing_order(name, lowers, capability) -> None:
    kernel = getattr(window_kernels, name)
    sizes = given_of((1, 30, 77, 10, 400), torch.float32).sizes(64)
    constants = window_kernels._constants(SimpleNamespace(sizes=sizes))
    num_warps = constants.pop("num_warps")
    constants |= {"LOWERS": lowers} | ({"CLIPS": lowers} if name == "_backward" else {})
    source = triton.compiler.ASTSource(
        fn=kernel, constexprs=constants,
        signature={name: _type_of(name, lowers, constants) for name in kernel.arg_names},
    )  # fmt: skip
    target = triton.backends.compiler.GPUTarget("cuda", capability, 32)
    compiled = triton.compile(source, target=target, options={"num_warps": num_warps})
    assert ".entry" in compiled.asm["ptx"]
    assert "atom" not in compiled.asm["ptx"]


def _type_of(name: str, lowers: bool, constants: dict[str, int]) -> str:
    """Of a kernel's argument."""
    if name in constants:
        return "constexpr"
    if name in ("step", "batch"):
        return "i32"
    if name == "bound":
        return "fp32"
    if name in ("characters_ptr", "valid_ptr"):
        return "*i32"
    is_lowered = name in ("product_ptr", "lowered_ptr", "grad_joined_ptr")
    return "*bf16" if lowers and is_lowered else "*fp32"
