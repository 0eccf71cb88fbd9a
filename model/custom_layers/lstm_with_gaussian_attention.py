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

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model.custom_layers.lstm import clip_gradient

# Pen steps that a character takes at the start of training, about what people's writing takes.
STEPS_PER_CHARACTER = 25.0
# log(alpha), log(beta) and log(step of kappa) are held within these, so that exp() stays finite in
# float32 for any weights, also after thousands of steps.
LOG_ALPHA_RANGE = (-10.0, 10.0)
LOG_BETA_RANGE = (-10.0, 10.0)
LOG_KAPPA_STEP_RANGE = (-15.0, 2.0)
# A component's weight under exp(-60) is exactly zero: nothing to the result, and no denormal
# numbers, which would slow the products many times.
LOG_PHI_FLOOR = -60.0


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
        mask: ``[B, U]``, 1 on real characters and 0 on padding.

    Returns:
        phi of each component ``[B, K, U]`` and the new kappa ``[B, K]``.
    """
    log_alpha, log_beta, log_step = parameters.chunk(3, dim=1)
    beta = log_beta.clamp(*LOG_BETA_RANGE).exp()
    kappa = kappa + log_step.clamp(*LOG_KAPPA_STEP_RANGE).exp()
    distance = kappa.unsqueeze(2) - positions  # [B, K, U]
    log_phi = log_alpha.clamp(*LOG_ALPHA_RANGE).unsqueeze(2) - beta.unsqueeze(2) * distance.square()
    # The floor keeps exp() away from denormals; the mask makes floored values exactly zero.
    alive = (log_phi > LOG_PHI_FLOOR) * mask.unsqueeze(1)
    return log_phi.clamp(min=LOG_PHI_FLOOR).exp() * alive, kappa


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
            log_alpha.fill_(-torch.tensor(float(self.num_window_components)).log().item())
            # Components of different widths give the sum a choice from the start.
            log_beta.copy_(torch.linspace(-1.5, 0.5, self.num_window_components))
            log_step.fill_(-torch.tensor(STEPS_PER_CHARACTER).log().item())

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
        hidden, window, cell, last_kappa, kappa, phi = _Recurrence.apply(
            projected.to(one_hot_text.dtype), self.weight_recurrent, self.weight_window,
            self.bias_window, one_hot_text, *state, self.gradient_clip,
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
        projected = nn.functional.linear(inputs, self.weight_input, self.bias)
        return projected.transpose(0, 1).contiguous()

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
        positions, mask = _positions_and_mask(one_hot_text)
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


def _positions_and_mask(one_hot_text: Tensor) -> tuple[Tensor, Tensor]:
    length = one_hot_text.shape[1]
    positions = torch.arange(length, dtype=one_hot_text.dtype, device=one_hot_text.device)
    return positions, one_hot_text.sum(2)


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
        window: Tensor, gradient_clip: float | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, batch, gate_size = projected.shape
        size = gate_size // 4
        components, length = kappa.shape[1], one_hot_text.shape[1]
        product_type = _product_type(projected)
        new = projected.new_empty
        joined = new(steps + 1, batch, weight_recurrent.shape[1])
        joined[0, :, :size], joined[0, :, size:] = hidden, window
        gates, cells = new(steps, batch, gate_size), new(steps + 1, batch, size)
        cells[0] = cell
        tanh_cells = new(steps, batch, size)
        parameters = new(steps, batch, 3 * components)
        kappas, component_phis = (
            new(steps, batch, components),
            new(steps, batch, components, length),
        )
        positions, mask = _positions_and_mask(one_hot_text)
        weight = weight_recurrent.t().to(product_type).contiguous()
        weight_out = weight_window.t().contiguous()
        for t in range(steps):
            gate = _add_product(projected[t], joined[t], weight, out=gates[t])
            gate[:, : 2 * size].sigmoid_()
            gate[:, 2 * size : 3 * size].tanh_()
            gate[:, 3 * size :].sigmoid_()
            input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim=1)
            next_cell = torch.mul(forget_gate, cells[t], out=cells[t + 1])
            next_cell.addcmul_(input_gate, candidate)
            torch.tanh(next_cell, out=tanh_cells[t])
            next_hidden = torch.mul(output_gate, tanh_cells[t], out=joined[t + 1, :, :size])
            torch.addmm(bias_window, next_hidden, weight_out, out=parameters[t])
            phi, kappa = window_weights(parameters[t], kappa, positions, mask)
            component_phis[t], kappas[t] = phi, kappa
            joined[t + 1, :, size:] = torch.bmm(phi.sum(1, keepdim=True), one_hot_text).squeeze(1)
        ctx.save_for_backward(
            weight_recurrent, weight_window, one_hot_text,
            joined, gates, cells, tanh_cells, parameters, kappas, component_phis,
        )  # fmt: skip
        ctx.product_type, ctx.gradient_clip = product_type, gradient_clip
        phi = component_phis.sum(2)
        ctx.mark_non_differentiable(kappas, phi)
        ctx.set_materialize_grads(True)
        hidden_steps, window_steps = joined[1:, :, :size].clone(), joined[1:, :, size:].clone()
        return hidden_steps, window_steps, cells[-1].clone(), kappas[-1].clone(), kappas, phi

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_windows: Tensor, grad_cell: Tensor, grad_kappa: Tensor,
        _grad_kappas: Tensor, _grad_phi: Tensor,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        (
            weight_recurrent, weight_window, one_hot_text,
            joined, gates, cells, tanh_cells, parameters, kappas, component_phis,
        ) = ctx.saved_tensors  # fmt: skip
        steps, batch, size = tanh_cells.shape
        grad_gates, cell_factor = _local_derivatives(gates, cells, tanh_cells)
        forget_gates = gates[:, :, size : 2 * size]
        grad_parameters = torch.empty_like(parameters)
        betas = parameters.chunk(3, dim=2)[1].clamp(*LOG_BETA_RANGE).exp()
        kappa_steps = parameters.chunk(3, dim=2)[2].clamp(*LOG_KAPPA_STEP_RANGE).exp()
        positions, _ = _positions_and_mask(one_hot_text)
        text_by_character = one_hot_text.transpose(1, 2)
        weight = weight_recurrent.to(ctx.product_type)
        grad_joined = torch.zeros_like(joined[0])
        for t in reversed(range(steps)):
            grad_window = grad_windows[t] + grad_joined[:, size:]
            grad_phi = torch.bmm(grad_window.unsqueeze(1), text_by_character)  # [B, 1, U]
            grad_log_phi = component_phis[t] * grad_phi  # [B, K, U]
            distance = kappas[t].unsqueeze(2) - positions
            first = grad_log_phi * distance
            grad_alpha, grad_beta, grad_step = grad_parameters[t].chunk(3, dim=1)
            torch.sum(grad_log_phi, 2, out=grad_alpha)
            torch.mul(-betas[t], (first * distance).sum(2), out=grad_beta)
            grad_kappa = grad_kappa - 2.0 * betas[t] * first.sum(2)
            torch.mul(grad_kappa, kappa_steps[t], out=grad_step)
            _zero_outside_ranges(grad_parameters[t], parameters[t])
            grad_hidden = grad_hiddens[t] + grad_joined[:, :size]
            grad_hidden.addmm_(grad_parameters[t], weight_window)
            grad_cell = torch.addcmul(grad_cell, grad_hidden, cell_factor[t])
            grad_gates[t, :, : 3 * size].view(batch, 3, size).mul_(grad_cell.unsqueeze(1))
            grad_gates[t, :, 3 * size :].mul_(grad_hidden)
            if ctx.gradient_clip is not None:
                grad_gates[t].clamp_(-ctx.gradient_clip, ctx.gradient_clip)
            grad_cell = grad_cell * forget_gates[t]
            grad_joined = (grad_gates[t].to(ctx.product_type) @ weight).to(joined.dtype)
        flat_gates = grad_gates.flatten(0, 1).to(ctx.product_type)
        grad_weight = flat_gates.t() @ joined[:-1].flatten(0, 1).to(ctx.product_type)
        flat_parameters = grad_parameters.flatten(0, 1)
        return (
            grad_gates, grad_weight.to(joined.dtype),
            flat_parameters.t() @ joined[1:, :, :size].flatten(0, 1), flat_parameters.sum(0), None,
            grad_joined[:, :size], grad_cell, grad_kappa, grad_joined[:, size:], None,
        )  # fmt: skip


def _product_type(tensor: Tensor) -> torch.dtype:
    """The type of the recurrent products: autocast's where it is on, else the tensor's own."""
    device_type = tensor.device.type
    if torch.is_autocast_enabled(device_type) and tensor.dtype == torch.float32:
        return torch.get_autocast_dtype(device_type)
    return tensor.dtype


def _add_product(row: Tensor, joined: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    """row + joined @ weight, into ``out``, the product in the weight's type."""
    if weight.dtype == row.dtype:
        return torch.addmm(row, joined, weight, out=out)
    return torch.add(row, joined.to(weight.dtype) @ weight, out=out)


def _local_derivatives(gates: Tensor, cells: Tensor, tanh_cells: Tensor) -> tuple[Tensor, Tensor]:
    """What each step's gradients are multiplied by, for all steps at once.

    Returns:
        ``[T, B, 4H]``: for the raw input, forget and candidate gates the factor of the cell's
        gradient, for the raw output gate the factor of the hidden output's; and ``[T, B, H]``, the
        factor that takes the hidden output's gradient to the cell.
    """
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=2)
    factors = torch.empty_like(gates)
    of_input, of_forget, of_candidate, of_output = factors.chunk(4, dim=2)
    torch.mul(candidate, input_gate * (1 - input_gate), out=of_input)
    torch.mul(cells[:-1], forget_gate * (1 - forget_gate), out=of_forget)
    torch.mul(input_gate, 1 - candidate.square(), out=of_candidate)
    torch.mul(tanh_cells, output_gate * (1 - output_gate), out=of_output)
    return factors, output_gate * (1 - tanh_cells.square())


def _zero_outside_ranges(gradient: Tensor, parameters: Tensor) -> None:
    """No gradient to the parameters ``[B, 3K]`` that their range holds back."""
    ranges = (LOG_ALPHA_RANGE, LOG_BETA_RANGE, LOG_KAPPA_STEP_RANGE)
    parts = zip(gradient.chunk(3, dim=1), parameters.chunk(3, dim=1), ranges, strict=True)
    for part, raw, (low, high) in parts:
        part.mul_((raw >= low) & (raw <= high))
