"""The first layer of conditional synthesis: an LSTM that carries a soft window over the text.

Graves 2013, "Generating Sequences With Recurrent Neural Networks", section 5.1, eq. 46-51. The
window of one step feeds the gates of the next, so no fused LSTM covers the loop. The sequence form
therefore runs a hand-written recurrence: per step one recurrent product and pointwise work, into
preallocated buffers; all input projections before the loop; in the backward pass all weight
gradients as one product each, after the loop. ``forward_plain`` is the same recurrence left to
autograd, the reference for the tests.

Shapes: ``B`` batch, ``T`` pen steps, ``U`` characters of the padded text, ``K`` window components,
``H`` hidden units, ``C`` vocabulary, ``I`` inputs of a step.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model.custom_layers.lstm import clip_gradient
from model.custom_layers.recurrence import add_product, cell_backward, product_type

# Pen steps that a character takes at the start of training, about what people's writing takes.
STEPS_PER_CHARACTER = 25.0
# log(alpha), log(beta) and log(step of kappa) are held within these, so that exp() stays finite in
# float32 for any weights, also after thousands of steps.
LOG_ALPHA_RANGE = (-10.0, 10.0)
LOG_BETA_RANGE = (-10.0, 10.0)
LOG_KAPPA_STEP_RANGE = (-15.0, 2.0)
PARAMETER_RANGES = (LOG_ALPHA_RANGE, LOG_BETA_RANGE, LOG_KAPPA_STEP_RANGE)
# A component's weight under exp(-60) is exactly zero: nothing to the result, and no denormal
# numbers, which would slow the products many times.
LOG_PHI_FLOOR = -60.0
# Widths that are a multiple of this suit the processors' vector units.
PRODUCT_WIDTH = 16


class GaussianAttentionState(NamedTuple):
    """What the layer carries from one pen step to the next.

    Attributes:
        hidden: ``[B, H]``, the LSTM's output h.
        cell: ``[B, H]``, the LSTM's cell c.
        kappa: ``[B, K]``, the window components' positions, in characters.
        window: ``[B, C]``, the window vector w.
    """

    hidden: Tensor
    cell: Tensor
    kappa: Tensor
    window: Tensor


class GaussianAttentionOutput(NamedTuple):
    """What the layer gives for a sequence of ``T`` steps.

    Attributes:
        hidden: ``[B, T, H]``.
        window: ``[B, T, C]``.
        phi: ``[B, T, U]``, the window's weight on each character (eq. 46), without gradient.
        kappa: ``[B, T, K]``, without gradient.
        state: the state after the last step.
    """

    hidden: Tensor
    window: Tensor
    phi: Tensor
    kappa: Tensor
    state: GaussianAttentionState


def window_weights(parameters: Tensor, kappa: Tensor, positions: Tensor, mask: Tensor) -> tuple:
    """The window of one step (eq. 46, 48-51).

    Args:
        parameters: ``[B, 3K]``, the raw (log alpha, log beta, log kappa step).
        kappa: ``[B, K]``, positions after the step before.
        positions: ``[U]``, the character positions 0, 1, ...
        mask: ``[B, 1, U]``, 1 on real characters and 0 on padding.

    Returns:
        phi of each component ``[B, K, U]`` and the new kappa ``[B, K]``.
    """
    bounded = _bounded(parameters)
    components = kappa.shape[1]
    beta, step = bounded[:, components:].exp().split(components, dim=1)
    kappa = kappa + step
    squared = (kappa.unsqueeze(2) - positions).square()  # [B, K, U]
    log_phi = torch.addcmul(
        bounded[:, :components].unsqueeze(2), beta.unsqueeze(2), squared, value=-1
    )
    # The floor keeps exp() away from denormals; the mask makes floored values exactly zero.
    alive = (log_phi > LOG_PHI_FLOOR) * mask
    return log_phi.clamp(min=LOG_PHI_FLOOR).exp() * alive, kappa


def _bounded(parameters: Tensor) -> Tensor:
    """The raw parameters ``[..., 3K]``, each within its range."""
    parts = zip(parameters.chunk(3, dim=-1), PARAMETER_RANGES, strict=True)
    return torch.cat([part.clamp(*bounds) for part, bounds in parts], dim=-1)


class LSTMWithGaussianAttention(nn.Module):
    """LSTM layer with a Gaussian window over the characters (Graves 2013, section 5.1).

    The gates read the step's input, the hidden output and the window of the step before, as in the
    paper but for its peepholes. Gates stand in the order input, forget, cell, output, as in
    ``torch.nn.LSTM``.

    Args:
        input_size: inputs of a step, ``I``.
        hidden_size: ``H``.
        num_characters: size of the vocabulary, ``C``.
        num_window_components: Gaussians of the window, ``K``.
        gradient_clip: bound on the absolute derivative of the loss with respect to each gate's
            summed input (Graves 2013, section 4: 10); None for no bound.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_characters: int,
        num_window_components: int,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__()
        self.gradient_clip = gradient_clip
        self.hidden_size = hidden_size
        self.num_characters = num_characters
        self.num_window_components = num_window_components
        gates = 4 * hidden_size
        self.weight_input = nn.Parameter(torch.empty(gates, input_size))
        # Columns: hidden output of the step before, then its window.
        self.weight_recurrent = nn.Parameter(torch.empty(gates, hidden_size + num_characters))
        self.bias = nn.Parameter(torch.empty(gates))
        self.weight_window = nn.Parameter(torch.empty(3 * num_window_components, hidden_size))
        self.bias_window = nn.Parameter(torch.empty(3 * num_window_components))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform weights as in ``torch.nn.LSTM``, forget bias 1, and a window that is about one
        character wide and moves at the pace of real writing."""
        bound = self.hidden_size**-0.5
        with torch.no_grad():
            for weight in (self.weight_input, self.weight_recurrent):
                weight.uniform_(-bound, bound)
            self.weight_window.uniform_(-bound / 10, bound / 10)
            self.bias.zero_()
            self.bias[self.hidden_size : 2 * self.hidden_size] = 1.0
            log_alpha, log_beta, log_step = self.bias_window.chunk(3)
            log_alpha.fill_(-math.log(self.num_window_components))
            # Components of different widths give the sum a choice from the start.
            log_beta.copy_(torch.linspace(-1.5, 0.5, self.num_window_components))
            log_step.fill_(-math.log(STEPS_PER_CHARACTER))

    def initial_state(self, one_hot_text: Tensor) -> GaussianAttentionState:
        """All zeros, for a text ``[B, U, C]`` whose type and device the state takes."""
        batch = one_hot_text.shape[0]
        return GaussianAttentionState(
            one_hot_text.new_zeros(batch, self.hidden_size),
            one_hot_text.new_zeros(batch, self.hidden_size),
            one_hot_text.new_zeros(batch, self.num_window_components),
            one_hot_text.new_zeros(batch, self.num_characters),
        )

    def forward(
        self, inputs: Tensor, one_hot_text: Tensor, state: GaussianAttentionState | None = None
    ) -> GaussianAttentionOutput:
        """Run over a sequence.

        Args:
            inputs: ``[B, T, I]``.
            one_hot_text: ``[B, U, C]``; rows of padding are all zero and get no weight.
            state: what the steps before left; zeros at the start of a line.
        """
        state = self.initial_state(one_hot_text) if state is None else state
        projected = self._project(inputs)
        projected = projected.to(one_hot_text.dtype)
        # Autocast would take the window's products to its lower precision, too.
        recurrent_type = product_type(projected)
        with torch.autocast(projected.device.type, enabled=False):
            hidden, window, cell, last_kappa, kappa, phi = _Recurrence.apply(
                projected, self.weight_recurrent, self.weight_window, self.bias_window,
                one_hot_text, *state, self.gradient_clip, recurrent_type,
            )  # fmt: skip
        final = GaussianAttentionState(hidden[-1], cell, last_kappa, window[-1])
        return self._output(hidden, window, kappa, phi, final)

    def forward_plain(
        self, inputs: Tensor, one_hot_text: Tensor, state: GaussianAttentionState | None = None
    ) -> GaussianAttentionOutput:
        """The same as ``forward``, step by step under autograd: slow, and the reference."""
        state = self.initial_state(one_hot_text) if state is None else state
        states, phis = [], []
        for row in self._project(inputs).unbind(0):
            state, phi = self._advance(row, one_hot_text, state)
            states.append(state)
            phis.append(phi)
        hidden, _, kappa, window = (torch.stack(values) for values in zip(*states, strict=True))
        return self._output(hidden, window, kappa, torch.stack(phis), state)

    def step(
        self, inputs: Tensor, one_hot_text: Tensor, state: GaussianAttentionState
    ) -> tuple[GaussianAttentionState, Tensor]:
        """One pen step: inputs ``[B, I]`` to the next state and phi ``[B, U]``."""
        row = torch.addmm(self.bias, inputs, self.weight_input.t())
        return self._advance(row, one_hot_text, state)

    def _project(self, inputs: Tensor) -> Tensor:
        """The inputs' share of the gates, ``[T, B, 4H]``: time first, so a step is contiguous."""
        return nn.functional.linear(inputs.transpose(0, 1), self.weight_input, self.bias)

    def _advance(
        self, row: Tensor, one_hot_text: Tensor, state: GaussianAttentionState
    ) -> tuple[GaussianAttentionState, Tensor]:
        recurrent = torch.cat([state.hidden, state.window], dim=1)
        gates = row.to(recurrent.dtype) + recurrent @ self.weight_recurrent.t()
        gates = clip_gradient(gates, self.gradient_clip)
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
        cell = forget_gate.sigmoid() * state.cell + input_gate.sigmoid() * candidate.tanh()
        hidden = output_gate.sigmoid() * cell.tanh()
        parameters = torch.addmm(self.bias_window, hidden, self.weight_window.t())
        positions, mask = positions_and_mask(one_hot_text)
        components, kappa = window_weights(parameters, state.kappa, positions, mask)
        phi = components.sum(1)  # [B, U]
        window = torch.bmm(phi.unsqueeze(1), one_hot_text).squeeze(1)
        return GaussianAttentionState(hidden, cell, kappa, window), phi

    @staticmethod
    def _output(
        hidden: Tensor, window: Tensor, kappa: Tensor, phi: Tensor, state: GaussianAttentionState
    ) -> GaussianAttentionOutput:
        """From time-first tensors."""
        hidden, window, phi, kappa = (part.transpose(0, 1) for part in (hidden, window, phi, kappa))
        return GaussianAttentionOutput(hidden, window, phi.detach(), kappa.detach(), state)


def positions_and_mask(one_hot_text: Tensor) -> tuple[Tensor, Tensor]:
    """The positions ``[U]`` and the mask ``[B, 1, U]`` of ``window_weights``."""
    length = one_hot_text.shape[1]
    positions = torch.arange(length, dtype=one_hot_text.dtype, device=one_hot_text.device)
    return positions, one_hot_text.sum(2).unsqueeze(1)


class _Recurrence(torch.autograd.Function):
    """The loop of ``LSTMWithGaussianAttention`` with hand-written back-propagation through time.

    Everything is time-first. ``joined[t]`` holds the hidden output and the window before step t, so
    that one product serves both. Under autocast the recurrent products run in the lower precision;
    gates, cell and the window's whole path stay in the type of the text.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, weight_recurrent: Tensor, weight_window: Tensor,
        bias_window: Tensor, one_hot_text: Tensor, hidden: Tensor, cell: Tensor, kappa: Tensor,
        window: Tensor, gradient_clip: float | None, recurrent_type: torch.dtype,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, batch, gate_size = projected.shape
        size = gate_size // 4
        components, length = kappa.shape[1], one_hot_text.shape[1]
        new = projected.new_empty
        joined_size = weight_recurrent.shape[1]
        weight = _padded(weight_recurrent).to(recurrent_type)
        joined = projected.new_zeros(steps + 1, batch, weight.shape[1])
        joined[0, :, :size], joined[0, :, size:joined_size] = hidden, window
        gates, cells = new(steps, batch, gate_size), new(steps + 1, batch, size)
        cells[0] = cell
        tanh_cells = new(steps, batch, size)
        parameters = new(steps, batch, 3 * components)
        kappas, component_phis = (
            new(steps, batch, components),
            new(steps, batch, components, length),
        )
        positions, mask = positions_and_mask(one_hot_text)
        weight_to_gates = weight.t().contiguous()
        weight_out = weight_window.t().contiguous()
        rows = zip(
            projected.unbind(0), joined[:-1].unbind(0), joined[1:].unbind(0), gates.unbind(0),
            cells[:-1].unbind(0), cells[1:].unbind(0), tanh_cells.unbind(0), parameters.unbind(0),
            kappas.unbind(0), component_phis.unbind(0), strict=True,
        )  # fmt: skip
        for row, before, after, gate, last_cell, next_cell, tanh_cell, raw, new_kappa, phi in rows:
            add_product(row, before, weight_to_gates, out=gate)
            input_forget, candidate, output_gate = gate.split([2 * size, size, size], dim=1)
            input_gate, forget_gate = input_forget.sigmoid_().split(size, dim=1)
            torch.mul(forget_gate, last_cell, out=next_cell)
            next_cell.addcmul_(input_gate, candidate.tanh_())
            torch.tanh(next_cell, out=tanh_cell)
            next_hidden, next_window = after[:, :size], after[:, size:joined_size]
            torch.mul(output_gate.sigmoid_(), tanh_cell, out=next_hidden)
            torch.addmm(bias_window, next_hidden, weight_out, out=raw)
            weights, kappa = window_weights(raw, kappa, positions, mask)
            phi.copy_(weights)
            new_kappa.copy_(kappa)
            next_window.copy_(torch.bmm(weights.sum(1, keepdim=True), one_hot_text).squeeze(1))
        ctx.save_for_backward(
            weight, weight_window, one_hot_text,
            joined, gates, cells, tanh_cells, parameters, kappas, component_phis,
        )  # fmt: skip
        ctx.joined_size, ctx.gradient_clip = joined_size, gradient_clip
        phi = component_phis.sum(2)
        ctx.mark_non_differentiable(kappas, phi)
        ctx.set_materialize_grads(True)
        hidden_steps = joined[1:, :, :size].clone()
        window_steps = joined[1:, :, size:joined_size].clone()
        return hidden_steps, window_steps, cells[-1].clone(), kappas[-1].clone(), kappas, phi

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_windows: Tensor, grad_cell: Tensor, grad_kappa: Tensor,
        _grad_kappas: Tensor, _grad_phi: Tensor,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        (
            weight, weight_window, one_hot_text,
            joined, gates, cells, tanh_cells, parameters, kappas, component_phis,
        ) = ctx.saved_tensors  # fmt: skip
        steps, batch, size = tanh_cells.shape
        positions, _ = positions_and_mask(one_hot_text)
        text_by_character = one_hot_text.transpose(1, 2)
        grad_parameters, grad_gates = torch.empty_like(parameters), torch.empty_like(gates)
        grad_joined = torch.zeros_like(joined[0])
        rows = zip(
            grad_hiddens.unbind(0), grad_windows.unbind(0), component_phis.unbind(0),
            (kappas.unsqueeze(3) - positions).unbind(0), grad_parameters.unbind(0),
            *(part.unbind(0) for part in _parameter_factors(parameters)),
            grad_gates.unbind(0), gates.unbind(0), cells[:-1].unbind(0), tanh_cells.unbind(0),
            strict=True,
        )  # fmt: skip
        for (
            grad_hidden, grad_window, phi, distance, grad_raw, double_beta, factors,
            grad_gate, gate, cell, tanh_cell,
        ) in reversed(list(rows)):  # fmt: skip
            from_hidden = grad_joined[:, :size]
            from_window = grad_joined[:, size : ctx.joined_size]
            grad_phi = torch.bmm((grad_window + from_window).unsqueeze(1), text_by_character)
            grad_log_phi = phi * grad_phi  # [B, K, U]
            first = grad_log_phi * distance
            grad_kappa = torch.addcmul(grad_kappa, double_beta, first.sum(2), value=-1)
            by_parameter = (grad_log_phi.sum(2), (first * distance).sum(2), grad_kappa)
            torch.mul(torch.cat(by_parameter, dim=1), factors, out=grad_raw)
            grad_hidden = torch.addmm(grad_hidden + from_hidden, grad_raw, weight_window)
            grad_cell = cell_backward(grad_hidden, grad_cell, gate, cell, tanh_cell, grad_gate)
            if ctx.gradient_clip is not None:
                grad_gate.clamp_(-ctx.gradient_clip, ctx.gradient_clip)
            grad_joined = (grad_gate.to(weight.dtype) @ weight).to(joined.dtype)
        flat_gates = grad_gates.flatten(0, 1).to(weight.dtype)
        grad_weight = flat_gates.t() @ joined[:-1].flatten(0, 1).to(weight.dtype)
        flat_parameters = grad_parameters.flatten(0, 1)
        return (
            grad_gates, grad_weight[:, : ctx.joined_size].to(joined.dtype),
            flat_parameters.t() @ joined[1:, :, :size].flatten(0, 1), flat_parameters.sum(0), None,
            grad_joined[:, :size], grad_cell, grad_kappa,
            grad_joined[:, size : ctx.joined_size], None, None,
        )  # fmt: skip


def _padded(weight: Tensor) -> Tensor:
    """The weight ``[4H, H+C]`` with columns of zeros up to a multiple of 16, the width that the
    products over a batch are a quarter faster at."""
    return nn.functional.pad(weight, (0, -weight.shape[1] % PRODUCT_WIDTH))


def _parameter_factors(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """What the sums over characters are multiplied by in the window's backward pass.

    Returns:
        2 beta ``[T, B, K]``, and ``[T, B, 3K]``: 1, -beta and the step of kappa for the gradients
        of the raw alpha, beta and kappa; 0 where the parameter's range holds it back.
    """
    bounded = _bounded(parameters)
    _, log_beta, log_step = bounded.chunk(3, dim=2)
    beta = log_beta.exp()
    factors = torch.cat([torch.ones_like(beta), -beta, log_step.exp()], dim=2)
    return 2.0 * beta, factors * (bounded == parameters)
