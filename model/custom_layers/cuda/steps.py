"""The steps of ``window_recurrence``: the products, and the pointwise work in torch operations.

Per step and direction there is one product and one piece of pointwise work, which is either here,
in some twenty torch operations, or one kernel of ``window_kernels``. All read and write buffers
that stay (``row_buffers``), without a value that the CPU would have to wait for, so that a CUDA
graph can be captured of them.

Shapes as in ``row_buffers``.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from model.custom_layers.cuda.buffers import BackwardBuffers, ForwardBuffers
from model.custom_layers.recurrence import cell_backward, fast_tanh
from model.custom_layers.window_ranges import LOG_PHI_FLOOR, PARAMETER_RANGES


class Pointwise(Protocol):
    """Pointwise work of one step."""

    def forward(self, buffers: ForwardBuffers, step: int) -> None:
        """From the gates' sums to the state after the step."""

    def backward(self, buffers: BackwardBuffers, step: int, bound: float | None) -> None:
        """From the gradients of what the step gives to those of the gates' sums, which are cut to
        [-bound, bound], of the window's parameters, and of cell and kappa before the step."""


def run_forward(buffers: ForwardBuffers, pointwise: Pointwise, steps: int) -> None:
    """The first so many steps, from the state that the buffers hold."""
    weight = buffers.given.recurrent.t()
    for step in range(steps):
        joined = buffers.activations.joined[step]
        entering = joined if buffers.lowered is None else buffers.lowered
        torch.mm(entering, weight, out=buffers.product)
        pointwise.forward(buffers, step)


def run_backward(
    buffers: BackwardBuffers, pointwise: Pointwise, steps: int, bound: float | None
) -> None:
    """The first so many steps, the last of them first."""
    for step in reversed(range(steps)):
        pointwise.backward(buffers, step, bound)
        grad_gates = buffers.grad_gates[step] if buffers.lowered is None else buffers.lowered
        torch.mm(grad_gates, buffers.given.recurrent, out=buffers.grad_joined)


class TorchPointwise:
    """The pointwise work in torch operations, on any device and in any type.

    Sums that belong to the window are no products of cuBLAS, which may round to TF32.
    """

    def forward(self, buffers: ForwardBuffers, step: int) -> None:
        """See ``Pointwise``."""
        kept, sizes = buffers.activations, buffers.sizes
        joined = kept.joined[step + 1]
        hidden = joined[:, : sizes.hidden]
        gates = kept.gates[step].add_(buffers.product)
        _cell(gates, kept.cells[step], kept.cells[step + 1], hidden)
        self._update_window(buffers, step, hidden)
        if buffers.lowered is not None:
            buffers.lowered.copy_(joined)

    def _update_window(self, buffers: ForwardBuffers, step: int, hidden: Tensor) -> None:
        """Move the window (Graves 2013, eq. 46-51)."""
        kept, sizes, given = buffers.activations, buffers.sizes, buffers.given
        raw = kept.raw[step]
        torch.sum(hidden.unsqueeze(1) * given.window, 2, out=raw).add_(given.window_bias)
        parameters = _parameters(raw)
        kappa = torch.add(kept.kappas[step], parameters.step, out=kept.kappas[step + 1])
        components, _ = _components(parameters, kappa, given.characters)
        phi = torch.sum(components, 1, out=buffers.phis[step])
        window = kept.joined[step + 1][:, sizes.hidden :][:, : sizes.characters]
        window.copy_((phi.unsqueeze(2) * given.one_hot).sum(1))

    def backward(self, buffers: BackwardBuffers, step: int, bound: float | None) -> None:
        """See ``Pointwise``."""
        is_real = buffers.valid > step
        kept, sizes = buffers.activations, buffers.sizes
        grad_joined = buffers.grad_joined.to(buffers.grad_cell.dtype)
        grad_window = (
            buffers.grad_windows[step] + (grad_joined[:, sizes.hidden :][:, : sizes.characters])
        )
        grad_raw = self._look_back(buffers, step, grad_window, is_real)
        grad_hidden = buffers.grad_hiddens[step] + grad_joined[:, : sizes.hidden]
        grad_hidden += (grad_raw.unsqueeze(2) * buffers.given.window).sum(1)
        grad_gates = torch.empty_like(kept.gates[step])
        grad_cell = cell_backward(
            grad_hidden, buffers.grad_cell, kept.gates[step], kept.cells[step],
            fast_tanh(kept.cells[step + 1]), grad_gates,
        )  # fmt: skip
        if bound is not None:
            grad_gates.clamp_(-bound, bound)
        _where(is_real, grad_cell, buffers.grad_cell, out=buffers.grad_cell)
        _where(is_real, grad_gates, torch.zeros_like(grad_gates), out=buffers.grad_gates[step])
        if buffers.lowered is not None:
            buffers.lowered.copy_(buffers.grad_gates[step])

    def _look_back(
        self, buffers: BackwardBuffers, step: int, grad_window: Tensor, is_real: Tensor
    ) -> Tensor:
        """Back through the window: the gradient ``[B, 3K]`` of its parameters."""
        kept, given = buffers.activations, buffers.given
        raw = kept.raw[step]
        parameters = _parameters(raw)
        components, distance = _components(parameters, kept.kappas[step + 1], given.characters)
        grad_phi = (given.one_hot * grad_window.unsqueeze(1)).sum(2).unsqueeze(1)  # [B, 1, U]
        moment = components * grad_phi
        of_alpha = moment.sum(2)
        of_distance = (moment * distance).sum(2)
        of_square = (moment * distance.square()).sum(2)
        beta, move = parameters.beta, parameters.step
        grad_kappa = buffers.grad_kappa - 2 * beta * of_distance
        grad_raw = torch.cat([of_alpha, -beta * of_square, grad_kappa * move], dim=1)
        grad_raw *= _within_ranges(raw)
        _where(is_real, grad_kappa, buffers.grad_kappa, out=buffers.grad_kappa)
        zeros = torch.zeros_like(grad_raw)
        return _where(is_real, grad_raw, zeros, out=buffers.grad_raw[step])


class _Parameters(NamedTuple):
    """``[B, K]`` each: log alpha, beta, and how far kappa moves."""

    log_alpha: Tensor
    beta: Tensor
    step: Tensor


def _parameters(raw: Tensor) -> _Parameters:
    log_alpha, log_beta, log_step = (
        part.clamp(*bounds)
        for part, bounds in zip(raw.chunk(3, dim=1), PARAMETER_RANGES, strict=True)
    )
    return _Parameters(log_alpha, log_beta.exp_(), log_step.exp_())


def _within_ranges(raw: Tensor) -> Tensor:
    parts = zip(raw.chunk(3, dim=1), PARAMETER_RANGES, strict=True)
    return torch.cat([(part >= low) & (part <= high) for part, (low, high) in parts], dim=1)


def _components(
    parameters: _Parameters, kappa: Tensor, characters: Tensor
) -> tuple[Tensor, Tensor]:
    """phi of each component and its distances, ``[B, K, U]``."""
    positions = torch.arange(characters.shape[1], dtype=kappa.dtype, device=kappa.device)
    distance = kappa.unsqueeze(2) - positions
    exponent = parameters.log_alpha.unsqueeze(2) - parameters.beta.unsqueeze(2) * distance.square()
    alive = (exponent > LOG_PHI_FLOOR) & (characters >= 0).unsqueeze(1)
    return exponent.clamp_(min=LOG_PHI_FLOOR).exp_() * alive, distance


def _cell(gates: Tensor, cell: Tensor, next_cell: Tensor, hidden: Tensor) -> None:
    """One step of the LSTM cell; the sums ``[B, 4H]`` become the gates, the last two are filled."""
    entry, forget, candidate, output = gates.chunk(4, dim=1)
    gates[:, : 2 * cell.shape[1]].sigmoid_()
    fast_tanh(candidate, out=candidate)
    torch.mul(forget, cell, out=next_cell).addcmul_(entry, candidate)
    fast_tanh(next_cell, out=hidden).mul_(output.sigmoid_())


def _where(condition: Tensor, chosen: Tensor, other: Tensor, out: Tensor) -> Tensor:
    return out.copy_(torch.where(condition, chosen, other))
