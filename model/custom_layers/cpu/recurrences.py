"""The compiled recurrences under autograd; see ``operators.cpp`` for what they compute.

Shapes: ``B`` lines, ``T`` steps, ``R`` rows, the lines of all steps, step after step; ``I`` inputs,
``H`` hidden units, ``C`` vocabulary, ``U`` characters, ``K`` window components.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from model.custom_layers.window_ranges import LOG_PHI_FLOOR, PARAMETER_RANGES

_RANGES = [*(bound for bounds in PARAMETER_RANGES for bound in bounds), LOG_PHI_FLOOR]


def lstm(
    parts: Sequence[Tensor],
    weights: tuple[Tensor, Tensor, Tensor],
    state: tuple[Tensor, Tensor],
    counts: Sequence[int],
    dtype: torch.dtype,
    gradient_clip: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Run an LSTM layer over rows.

    Args:
        parts: inputs ``[R, I_i]``, side by side ``[R, I]``.
        weights: of the inputs ``[4H, I]``, of the hidden output ``[4H, H]``, bias ``[4H]``; gates
            in the order input, forget, candidate, output.
        state: hidden output and cell ``[B, H]`` before the first step, of the type of the results.
        counts: ``T`` numbers of lines, never more than at the step before; they sum up to ``R``.
        dtype: of the operands of products: that of the state, or bfloat16 for a float32 state.
        gradient_clip: bound on the derivatives with respect to the gates' summed inputs.

    Returns:
        hidden outputs ``[R, H]``, and each line's cell ``[B, H]`` after its last step.
    """
    options = (list(counts), dtype, gradient_clip, torch.is_grad_enabled())
    return _LSTM.apply(*weights, *state, options, *parts)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight_inputs: Tensor, weight_hidden: Tensor, bias: Tensor, hidden: Tensor,
        cell: Tensor, options: tuple, *parts: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        counts, dtype, ctx.gradient_clip, keep = options
        hiddens, last, gates, cells = torch.ops.handwriting.lstm_forward(
            parts, weight_inputs, weight_hidden, bias, hidden, cell, counts, dtype,
            keep and any(ctx.needs_input_grad),
        )  # fmt: skip
        ctx.counts = counts
        ctx.save_for_backward(weight_inputs, weight_hidden, hiddens, gates, cells, *parts)
        return hiddens[len(hidden) :], last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hiddens: Tensor, grad_cell: Tensor) -> tuple[Tensor | None, ...]:
        weight_inputs, weight_hidden, hiddens, gates, cells, *parts = ctx.saved_tensors
        of_weights = any(ctx.needs_input_grad[:3])
        needed = [*ctx.needs_input_grad[6:], of_weights]
        grad_hidden, grad_cell, joined, *of_parts = torch.ops.handwriting.lstm_backward(
            grad_hiddens, grad_cell, parts, weight_inputs, weight_hidden, hiddens, gates, cells,
            ctx.counts, ctx.gradient_clip, needed,
        )  # fmt: skip
        weights: tuple[Tensor | None, ...] = (None, None, None)
        if of_weights:
            size, inputs = weight_hidden.shape[1], weight_inputs.shape[1]
            of_hidden, of_inputs, of_bias = joined[:, : size + inputs + 1].split(
                [size, inputs, 1], dim=1
            )
            weights = (of_inputs, of_hidden, of_bias.squeeze(1))
        wanted = [each if want else None for each, want in zip(of_parts, needed, strict=False)]
        return (*weights, grad_hidden, grad_cell, None, *wanted)


class WindowSteps(NamedTuple):
    """Rows of the window layer: ``hidden`` ``[R, H]`` and ``window`` ``[R, C]``; after the last
    step ``cell`` ``[B, H]`` and ``last_kappa`` ``[B, K]``; without a gradient ``kappa`` ``[R, K]``
    and ``phi`` ``[R, U]``."""

    hidden: Tensor
    window: Tensor
    cell: Tensor
    last_kappa: Tensor
    kappa: Tensor
    phi: Tensor


class WindowWeights(NamedTuple):
    """The weights of the window layer: ``inputs`` ``[4H, I]``, ``recurrent`` ``[4H, H+C]``,
    ``bias`` ``[4H]``, ``window`` ``[3K, H]`` and ``window_bias`` ``[3K]``."""

    inputs: Tensor
    recurrent: Tensor
    bias: Tensor
    window: Tensor
    window_bias: Tensor


def window_lstm(
    inputs: Tensor,
    weights: WindowWeights,
    one_hot_text: Tensor,
    state: tuple[Tensor, Tensor, Tensor, Tensor],
    dtype: torch.dtype,
    gradient_clip: float | None = None,
) -> WindowSteps:
    """Run the LSTM layer with the Gaussian window over rows, all lines having all steps.

    Args:
        inputs: ``[R, I]``.
        weights: see there.
        one_hot_text: ``[B, U, C]``; rows of padding are all zero.
        state: hidden output and cell ``[B, H]``, kappa ``[B, K]`` and window ``[B, C]`` before the
            first step.
        dtype, gradient_clip: as of ``lstm``.
    """
    # The operator goes through characters, so that texts of none have one without weight.
    if one_hot_text.shape[1] == 0:
        padded = one_hot_text.new_zeros(len(one_hot_text), 1, one_hot_text.shape[2])
        steps = window_lstm(inputs, weights, padded, state, dtype, gradient_clip)
        return steps._replace(phi=steps.phi[:, :0])
    text = (one_hot_text.argmax(2), one_hot_text.sum(2))
    options = (dtype, gradient_clip, torch.is_grad_enabled())
    return WindowSteps(*_WindowLSTM.apply(inputs, *weights, *state, *text, options))


class _WindowLSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_input: Tensor, weight_recurrent: Tensor, bias: Tensor,
        weight_window: Tensor, bias_window: Tensor, hidden: Tensor, cell: Tensor, kappa: Tensor,
        window: Tensor, characters: Tensor, mask: Tensor, options: tuple,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        dtype, ctx.gradient_clip, keep = options
        weight = torch.cat([weight_recurrent, weight_input], dim=1)
        hiddens, windows, kappas, last, phis, gates, cells, raw = (
            torch.ops.handwriting.window_lstm_forward(
                inputs,
                weight,
                bias,
                weight_window,
                bias_window,
                characters,
                mask,
                hidden,
                cell,
                kappa,
                window,
                _RANGES,
                dtype,
                keep and any(ctx.needs_input_grad),
            )  # fmt: skip
        )
        ctx.save_for_backward(
            inputs, weight, weight_window, characters, mask,
            hiddens, windows, kappas, gates, cells, raw,
        )  # fmt: skip
        lines = len(hidden)
        kappa_steps, last_kappa = kappas[lines:].clone(), kappas[-lines:].clone()
        ctx.mark_non_differentiable(kappa_steps, phis)
        return hiddens[lines:], windows[lines:], last, last_kappa, kappa_steps, phis

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_windows: Tensor, grad_cell: Tensor, grad_kappa: Tensor,
        _grad_kappas: Tensor, _grad_phis: Tensor,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        inputs, weight, weight_window, characters, mask, *kept = ctx.saved_tensors
        needed, lines = ctx.needs_input_grad, len(grad_cell)
        of_weights = any(needed[1:4])
        grad_hidden, grad_cell, grad_kappa, grad_window, grad_inputs, joined, grad_raw = (
            torch.ops.handwriting.window_lstm_backward(
                grad_hiddens,
                grad_windows,
                grad_cell,
                grad_kappa,
                inputs,
                weight,
                weight_window,
                characters,
                mask,
                kept,
                _RANGES,
                ctx.gradient_clip,
                needed[0],
                of_weights,
            )  # fmt: skip
        )
        weights: tuple[Tensor | None, ...] = (None, None, None)
        if of_weights:
            pen = inputs.shape[1]
            recurrent = weight.shape[1] - pen
            of_recurrent, of_input, of_bias = joined[:, : recurrent + pen + 1].split(
                [recurrent, pen, 1], dim=1
            )
            weights = (of_input, of_recurrent, of_bias.squeeze(1))
        of_window = grad_raw.t() @ kept[0][lines:] if needed[4] else None
        return (
            grad_inputs if needed[0] else None, *weights, of_window, grad_raw.sum(0),
            grad_hidden, grad_cell, grad_kappa, grad_window, None, None, None,
        )  # fmt: skip
