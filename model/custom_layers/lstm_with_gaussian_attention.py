"""The first layer of conditional synthesis: an LSTM that carries a soft window over the text.

Graves 2013, "Generating Sequences With Recurrent Neural Networks", section 5.1, eq. 46-51. The
window of one step feeds the gates of the next, so no fused LSTM covers the loop. The sequence form
therefore runs a hand-written recurrence: per step one recurrent product and pointwise work, into
preallocated buffers, lines as columns (see ``recurrence``); in the backward pass the weights'
gradients as products over many steps at once, and the window's components ``[K, U]`` of each line
made anew rather than kept. On NVIDIA GPUs ``window_recurrence`` does the same in few kernels.
``forward_plain`` is the same recurrence left to autograd, the reference for the tests.

Shapes: ``B`` batch, ``T`` pen steps, ``U`` characters of the padded text, ``K`` window components,
``H`` hidden units, ``C`` vocabulary, ``I`` inputs of a step.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model.custom_layers.cpu import extension, recurrences
from model.custom_layers.cuda import graphs, runners, window_recurrence
from model.custom_layers.lstm import COMPILED_STEPS, clip_gradient
from model.custom_layers.recurrence import (
    GateGradients,
    GateInputs,
    add_product,
    cell_backward,
    cell_forward,
    fast_tanh,
    join_weights,
    per_step,
    product_type,
)
from model.custom_layers.verified import Pairs, Verified, gradients_of
from model.custom_layers.window_ranges import LOG_PHI_FLOOR, PARAMETER_RANGES, PHI_FLOOR

STEPS_PER_CHARACTER = 25.0
"""Pen steps that a character takes, about, in the points of a tablet."""


class GaussianAttentionState(NamedTuple):
    """State of the layer between two pen steps.

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
    """Output of the layer for a sequence of ``T`` steps.

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


def window_weights(
    parameters: Tensor, kappa: Tensor, positions: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
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
        steps_per_character: the window's pace at the start of training.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_characters: int,
        num_window_components: int,
        gradient_clip: float | None = None,
        steps_per_character: float = STEPS_PER_CHARACTER,
    ) -> None:
        super().__init__()
        self.gradient_clip = gradient_clip
        self._first_pace = steps_per_character
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
            log_step.fill_(-math.log(self._first_pace))

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
        if self._is_compiled(inputs, one_hot_text):
            return self._forward_compiled(inputs, one_hot_text, state)
        dtype = one_hot_text.dtype
        weights = (self.weight_input, self.weight_recurrent, self.bias, self.weight_window)
        recurrent_type = product_type(one_hot_text)
        on_gpu = window_recurrence.is_for(one_hot_text) and agrees_on_gpu(
            one_hot_text.device, recurrent_type
        )
        recurrence = window_recurrence.RowRecurrence if on_gpu else _Recurrence
        # Autocast would take the window's products to its lower precision, too.
        with torch.autocast(inputs.device.type, enabled=False):
            hidden, window, cell, last_kappa, kappa, phi = recurrence.apply(
                inputs.to(dtype).transpose(0, 1), *weights, self.bias_window, one_hot_text,
                *state, self.gradient_clip, recurrent_type, torch.is_grad_enabled(),
            )  # fmt: skip
        final = GaussianAttentionState(hidden[-1], cell, last_kappa, window[-1])
        return self._output(hidden, window, kappa, phi, final)

    def _is_compiled(self, inputs: Tensor, one_hot_text: Tensor) -> bool:
        """Whether the sequence form runs in compiled operators."""
        return (
            inputs.device.type == "cpu"
            and one_hot_text.dtype == self.bias.dtype == torch.float32
            and inputs.shape[1] >= COMPILED_STEPS
            and product_type(one_hot_text) in COMPILED
            and extension.is_available()
            and bool(COMPILED[product_type(one_hot_text)])
        )

    def _forward_compiled(
        self, inputs: Tensor, one_hot_text: Tensor, state: GaussianAttentionState
    ) -> GaussianAttentionOutput:
        """``forward`` in compiled operators."""
        lines, num_steps = inputs.shape[:2]
        dtype = product_type(one_hot_text)
        with torch.autocast("cpu", enabled=False):
            rows = inputs.to(one_hot_text.dtype).transpose(0, 1).flatten(0, 1)
            weights = recurrences.WindowWeights(
                self.weight_input, self.weight_recurrent, self.bias,
                self.weight_window, self.bias_window,
            )  # fmt: skip
            steps = recurrences.window_lstm(
                rows, weights, one_hot_text, state, dtype, self.gradient_clip
            )
        hidden, window, kappa, phi = (
            part.unflatten(0, (num_steps, lines))
            for part in (steps.hidden, steps.window, steps.kappa, steps.phi)
        )
        final = GaussianAttentionState(hidden[-1], steps.cell, steps.last_kappa, window[-1])
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

    Under autocast the recurrent products run in the lower precision;
    gates, cell and the window's whole path stay in the type of the text.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight_input: Tensor, weight_recurrent: Tensor, bias: Tensor,
        weight_window: Tensor, bias_window: Tensor, one_hot_text: Tensor, hidden: Tensor,
        cell: Tensor, kappa: Tensor, window: Tensor, gradient_clip: float | None,
        recurrent_type: torch.dtype, keep: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        steps, batch, num_inputs = inputs.shape
        size, components, characters = (part.shape[1] for part in (hidden, kappa, window))
        text = _Text(one_hot_text)
        weight = join_weights([weight_recurrent, weight_input], bias, recurrent_type)
        entering = GateInputs(weight, [size, characters, num_inputs], batch)
        kept, new = steps if keep else 1, one_hot_text.new_empty
        gates, parameters = new(kept, 4 * size, batch), new(kept, 3 * components, batch)
        cells, kappas = new(kept + 1, size, batch), new(steps + 1, components, batch)
        hiddens, windows = new(steps + 1, batch, size), new(steps + 1, batch, characters)
        phis = new(steps, one_hot_text.shape[1], batch)
        hiddens[0], windows[0] = hidden, window
        cells[0], kappas[0] = cell.t(), kappa.t()
        last_cells, next_cells = (cells[:-1], cells[1:]) if keep else (cells[:1], cells[:1])
        hidden, window = hidden.t().contiguous(), window.t().contiguous()
        bias_window, bounds = bias_window.unsqueeze(1), _bounds(parameters)
        rows = zip(
            inputs.mT.unbind(0), per_step(gates, steps), per_step(last_cells, steps),
            per_step(next_cells, steps), per_step(parameters, steps), phis.unbind(0),
            kappas[:-1].unbind(0), kappas[1:].unbind(0), hiddens[1:].mT.unbind(0),
            windows[1:].mT.unbind(0), strict=True,
        )  # fmt: skip
        for (
            pen, gate, last_cell, next_cell, raw, phi, kappa, next_kappa, next_hidden, next_window
        ) in rows:  # fmt: skip
            entering.fill((hidden, window, pen))
            entering.sum_into(gate)
            cell_forward(gate, last_cell, next_cell, hidden)
            torch.addmm(bias_window, weight_window, hidden, out=raw)
            log_alpha, beta, step = _bounded_columns(raw, bounds)
            torch.add(kappa, step, out=next_kappa)
            weights, _ = text.weights(log_alpha, beta, next_kappa)
            torch.sum(weights, 0, out=phi)
            text.read(phi.mul_(text.mask), out=window)
            next_hidden.copy_(hidden)
            next_window.copy_(window)
        ctx.save_for_backward(
            weight, weight_window, one_hot_text,
            inputs, gates, cells, hiddens, windows, parameters, kappas,
        )  # fmt: skip
        ctx.gradient_clip = gradient_clip
        kappas, phis = kappas.mT, phis.mT
        last_cell, last_kappa, kappa_steps = next_cells[-1].t(), kappas[-1], kappas[1:].clone()
        ctx.mark_non_differentiable(kappa_steps, phis)
        return hiddens[1:], windows[1:], last_cell.clone(), last_kappa.clone(), kappa_steps, phis

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hiddens: Tensor, grad_windows: Tensor, grad_cell: Tensor, grad_kappa: Tensor,
        _grad_kappas: Tensor, _grad_phi: Tensor,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        (
            weight, weight_window, one_hot_text,
            inputs, gates, cells, hiddens, windows, parameters, kappas,
        ) = ctx.saved_tensors  # fmt: skip
        needed = ctx.needs_input_grad
        size, characters, num_inputs = (part.shape[2] for part in (hiddens, windows, inputs))
        gradients = GateGradients(
            weight, [size, characters, num_inputs], gates[0], len(gates), any(needed[1:4])
        )
        text, bounds, back = _Text(one_hot_text), _bounds(parameters), weight_window.t()
        grad_inputs = gates.new_empty(inputs.shape) if needed[0] else None
        grad_weight_window = torch.zeros_like(weight_window)
        grad_parameters = torch.empty_like(parameters)
        grad_cell, grad_kappa = (part.t().clone() for part in (grad_cell, grad_kappa))
        grad_hidden, from_hidden = torch.empty_like(cells[0]), torch.zeros_like(cells[0])
        from_window = gates.new_zeros(characters, gates.shape[2])
        for chunk in gradients.chunks():
            for step in reversed(chunk):
                grad_raw = grad_parameters[step]
                grad_phi = text.read_back(from_window + grad_windows[step].t())
                text.back(
                    grad_phi, parameters[step], bounds, kappas[step + 1], grad_kappa, grad_raw
                )
                grad_hidden.copy_(grad_hiddens[step].t()).add_(from_hidden).addmm_(back, grad_raw)
                grad_cell = cell_backward(
                    grad_hidden, grad_cell, gates[step], cells[step],
                    fast_tanh(cells[step + 1]), gradients.gate, dim=0,
                )  # fmt: skip
                if ctx.gradient_clip is not None:
                    gradients.gate.clamp_(-ctx.gradient_clip, ctx.gradient_clip)
                from_hidden, from_window, of_input = gradients.back(step)
                if grad_inputs is not None:
                    grad_inputs[step].t().copy_(of_input)
            gradients.add_weights(chunk, [hiddens, windows, inputs])
            of_chunk = grad_parameters[chunk.start : chunk.stop].transpose(0, 1).flatten(1)
            after = hiddens[chunk.start + 1 : chunk.stop + 1].flatten(0, 1)
            add_product(grad_weight_window, of_chunk, after, out=grad_weight_window)
        of_recurrent, of_inputs, of_bias = gradients.of_weights([size + characters, num_inputs])
        return (
            grad_inputs, of_inputs, of_recurrent, of_bias,
            grad_weight_window, grad_parameters.sum((0, 2)), None,
            from_hidden.t(), grad_cell.t(), grad_kappa.t(), from_window.t(), None, None, None,
        )  # fmt: skip


class _Text:
    """A batch of texts as the recurrence reads it, on columns.

    Attributes:
        mask: ``[U, B]``, 1 on real characters and 0 on padding.

    Args:
        one_hot_text: ``[B, U, C]``.
    """

    def __init__(self, one_hot_text: Tensor) -> None:
        positions, mask = positions_and_mask(one_hot_text)
        self.mask = mask.squeeze(1).t().contiguous()
        self._positions = positions.unsqueeze(1)  # [U, 1]
        self._characters = one_hot_text.argmax(2).t().contiguous()  # [U, B]
        # A sum in no fixed order, as GPUs add up at indices, would not be the same twice.
        self._by_character = one_hot_text.transpose(1, 2) if one_hot_text.is_cuda else None

    def weights(self, log_alpha: Tensor, beta: Tensor, kappa: Tensor) -> tuple[Tensor, Tensor]:
        """``window_weights`` from bounded parameters ``[K, B]`` and kappa after the step: phi of
        each component, ``[K, U, B]``, as yet without the mask; and its distances."""
        distance = kappa.unsqueeze(1) - self._positions
        phi = distance.square().mul_(beta.unsqueeze(1))
        torch.sub(log_alpha.unsqueeze(1), phi, out=phi)
        phi.clamp_(min=LOG_PHI_FLOOR).exp_()
        return torch.threshold_(phi, PHI_FLOOR, 0.0), distance

    def read(self, phi: Tensor, out: Tensor) -> Tensor:
        """The window ``[C, B]`` for phi ``[U, B]``."""
        if self._by_character is not None:
            return out.copy_(torch.bmm(self._by_character, phi.t().unsqueeze(2)).squeeze(2).t())
        return out.zero_().scatter_add_(0, self._characters, phi)

    def read_back(self, grad_window: Tensor) -> Tensor:
        """The gradient of phi ``[U, B]``."""
        return grad_window.gather(0, self._characters).mul_(self.mask)

    def back(
        self, grad_phi: Tensor, raw: Tensor, bounds: tuple[Tensor, Tensor], kappa: Tensor,
        grad_kappa: Tensor, grad_raw: Tensor,
    ) -> None:  # fmt: skip
        """Back through one step of the window.

        Args:
            grad_phi: ``[U, B]``.
            raw: ``[3K, B]``, the step's parameters; kappa: ``[K, B]``, after the step.
            grad_kappa: ``[K, B]``, of kappa after the step from what follows; changed to that of
                kappa before it.
            grad_raw: ``[3K, B]``, filled.
        """
        log_alpha, beta, step = _bounded_columns(raw, bounds)
        phi, distance = self.weights(log_alpha, beta, kappa)
        moments = phi.new_empty(3, *phi.shape)
        torch.mul(phi, grad_phi, out=moments[0])
        torch.mul(moments[0], distance, out=moments[2])
        torch.mul(moments[2], distance, out=moments[1])
        of_alpha, of_square, of_distance = moments.sum(2)  # [K, B] each
        grad_kappa.sub_(of_distance.mul_(beta), alpha=2)
        torch.cat([of_alpha, of_square.mul_(beta).neg_(), grad_kappa * step], out=grad_raw)
        lowest, highest = bounds
        grad_raw.mul_((raw >= lowest) & (raw <= highest))


def _bounds(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and highest parameters, ``[3K, 1]`` each, for parameters ``[T, 3K, B]``."""
    components = parameters.shape[1] // 3
    lowest, highest = (
        parameters.new_tensor(ends).repeat_interleave(components).unsqueeze(1)
        for ends in zip(*PARAMETER_RANGES, strict=True)
    )
    return lowest, highest


def _bounded_columns(raw: Tensor, bounds: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """log alpha, beta and the step of kappa, ``[K, B]`` each."""
    components = len(raw) // 3
    bounded = torch.clamp(raw, *bounds)
    bounded[components:].exp_()
    return bounded.chunk(3)


def _compare(dtype: torch.dtype) -> Pairs:
    """The compiled recurrence beside the one above, with operands of products of a type."""
    leaves, lines = _small_case(torch.device("cpu"))
    pen, weights = leaves[0], recurrences.WindowWeights(*leaves[1:6])
    state = GaussianAttentionState(*leaves[6:])
    found = recurrences.window_lstm(pen, weights, lines.text, state, dtype, 1.0)
    return _pairs(lines.results(found, leaves), _plain_results(torch.device("cpu"), dtype))


def _compare_on_gpu(device: torch.device, dtype: torch.dtype) -> Pairs:
    """The GPU's recurrence beside the one above: launched step by step, then as a graph, which it
    is from the second time on."""
    plain = _plain_results(device, dtype)
    found: dict[str, tuple[Tensor, Tensor]] = {}
    try:
        for turn in ("first", "second"):
            leaves, lines = _small_case(device)
            results = lines.apply(window_recurrence.RowRecurrence, leaves, dtype)
            pairs = _pairs(lines.results(results, leaves), plain)
            found |= {f"{name} of a {turn} call": pair for name, pair in pairs.items()}
    finally:
        runners.GRAPHS.clear()  # They are of this thread's stream, and of no line's size.
    return found


class _SmallCase(NamedTuple):
    """Texts ``[B, U, C]``, and weights of the loss for hidden outputs and windows, ``[T * B, H]``
    and ``[T * B, C]``."""

    text: Tensor
    of_hidden: Tensor
    of_window: Tensor

    def apply(
        self, recurrence: type[torch.autograd.Function], leaves: list[Tensor], dtype: torch.dtype
    ) -> tuple[Tensor, ...]:
        """Call a recurrence on leaves, the first of them pen steps ``[T * B, I]``."""
        pen, *others = leaves
        rows = pen.unflatten(0, (-1, len(self.text)))
        found: tuple[Tensor, ...] = recurrence.apply(
            rows, *others[:5], self.text, *others[5:], 1.0, dtype, True
        )
        return found

    def results(self, found: tuple[Tensor, ...], leaves: list[Tensor]) -> dict[str, Tensor]:
        """Results of a recurrence, and gradients of leaves."""
        hidden, window, cell, last_kappa, _, phi = (part.reshape(-1) for part in found)
        ends = [(each * each).sum() for each in (cell, last_kappa)]
        loss = hidden @ self.of_hidden.flatten() + window @ self.of_window.flatten() + sum(ends)
        loss.backward()
        # Those of the window are much larger, and would hide the others.
        gates, window = (gradients_of(each) for each in (leaves[:4], leaves[4:]))
        return {
            "hidden outputs": hidden,
            "windows": phi,
            "gradients of the gates": gates,
            "gradients of the window": window,
        }


def _small_case(device: torch.device) -> tuple[list[Tensor], _SmallCase]:
    """Leaves (pen steps, weights, state), the same each time, and what goes with them."""
    steps, lines, inputs, size, characters, components = 5, 3, 3, 21, 11, 4
    generator = torch.Generator().manual_seed(1)
    shapes = [
        (steps * lines, inputs), (4 * size, inputs), (4 * size, size + characters), (4 * size,),
        (3 * components, size), (3 * components,), (lines, size), (lines, size),
        (lines, components), (lines, characters),
    ]  # fmt: skip
    values = [0.5 * torch.randn(shape, generator=generator) for shape in shapes]
    text = torch.randint(characters, (lines, 7), generator=generator)
    text = nn.functional.one_hot(text, characters).float()
    text[1, 4:] = 0
    of_hidden = torch.randn(steps * lines, size, generator=generator)
    of_window = torch.randn(steps * lines, characters, generator=generator)
    leaves = [value.to(device).requires_grad_() for value in values]
    return leaves, _SmallCase(*(part.to(device) for part in (text, of_hidden, of_window)))


def _plain_results(device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    leaves, lines = _small_case(device)
    return lines.results(lines.apply(_Recurrence, leaves, dtype), leaves)


def _pairs(fast: dict[str, Tensor], plain: dict[str, Tensor]) -> Pairs:
    return {name: (fast[name], plain[name]) for name in fast}


# By the type of the operands of products.
COMPILED = {
    torch.float32: Verified("compiled window", lambda: _compare(torch.float32), 1e-4),
    torch.bfloat16: Verified("compiled window in bfloat16", lambda: _compare(torch.bfloat16), 0.03),
}


def agrees_on_gpu(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a GPU's recurrence gives there what the plain one does, for operands of products of a
    type; compared at its first use in a process."""
    way = _on_gpu(device, dtype, graphs.mode)
    # Nothing else may run on a GPU while someone captures what does.
    if not way.is_known and device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return False
    return bool(way)


@cache
def _on_gpu(device: torch.device, dtype: torch.dtype, mode: str) -> Verified:
    """The comparison for one GPU and one way of ``HANDWRITING_CUDA``. Products may be rounded to
    TF32, with 10 bits after the point."""
    tolerance = 0.03 if dtype == torch.bfloat16 else 0.01
    name = f"window on {device} ({mode}, {str(dtype).removeprefix('torch.')})"
    return Verified(name, lambda: _compare_on_gpu(device, dtype), tolerance)
