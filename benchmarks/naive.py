"""A straightforward reading of Graves 2013, section 5, for the benchmarks to measure against.

One loop over the pen steps has all of it inside: an ``nn.LSTMCell`` for every layer, the window
(eq. 46-51), the mixture output (eq. 17-22) and its loss (eq. 23-26); autograd does the rest. It
computes with a model's own weights, so that its loss can be held to the model's.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``C`` vocabulary, ``H`` hidden units, ``K``
window components, ``M`` mixture components, ``L`` layers, ``S`` inputs that every layer gets.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from base.batch import Batch
from model.loss import predicted_mask
from model.models import ConditionalHandwriting, StackedHandwriting


class NaiveHandwriting(nn.Module):
    """A generating model and its loss, one pen step after another.

    Args:
        model: whose weights are copied; with a window or without. Of its options only the sizes
            are followed.
    """

    def __init__(self, model: StackedHandwriting) -> None:
        super().__init__()
        self.text_of: Callable[[Tensor, Tensor], Tensor] | None = None
        self.cells = nn.ModuleList()
        if isinstance(model, ConditionalHandwriting):
            self.text_of = model.encode
            self.cells.append(_first_cell(model))
            attention = model.attention
            self.num_characters = model.num_characters
            self.num_window_components = attention.num_window_components
            self.window = _linear(attention.weight_window, attention.bias_window)
        self.cells.extend(_cell(dict(layer.named_parameters())) for layer in model.layers)
        self.output = _linear(model.output.weight, model.output.bias)
        self.num_mixtures = model.num_mixtures
        self.hidden_size = model.hidden_size

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch: nats per predicted pen step, a scalar."""
        strokes = batch.strokes
        lines, num_steps = strokes.shape[:2]
        text = None if self.text_of is None else self.text_of(batch.text, batch.text_lengths)
        zeros = strokes.new_zeros(lines, self.hidden_size)
        states = [(zeros, zeros)] * len(self.cells)
        if text is not None:
            window = strokes.new_zeros(lines, self.num_characters)
            kappa = strokes.new_zeros(lines, self.num_window_components)
        losses = []
        for t in range(num_steps - 1):
            pen = strokes[:, t]
            side, states_before, states = pen, states, []
            below: list[Tensor] = []
            for cell, state in zip(self.cells, states_before, strict=True):
                is_first = text is not None and not below
                inputs = [pen, window] if is_first else [side, *below[-1:]]
                hidden, memory = cell(torch.cat(inputs, dim=1), state)
                states.append((hidden, memory))
                below.append(hidden)
                if text is not None and is_first:
                    window, kappa = self._look(hidden, kappa, text)
                    side = torch.cat([pen, window], dim=1)  # [B, S]
            raw = self.output(torch.cat(below, dim=1))  # [B, 6M+1]
            losses.append(self._loss(raw, strokes[:, t + 1]))
        mask = predicted_mask(batch)
        return (torch.stack(losses, dim=1) * mask).sum() / mask.sum()

    def _look(self, hidden: Tensor, kappa: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """The window ``[B, C]`` and the new kappa ``[B, K]`` (eq. 46-51)."""
        alpha, beta, step = self.window(hidden).exp().unsqueeze(2).chunk(3, dim=1)  # [B, K, 1]
        kappa = kappa + step.squeeze(2)
        positions = torch.arange(text.shape[1], device=text.device)
        components = alpha * torch.exp(-beta * (kappa.unsqueeze(2) - positions) ** 2)  # [B, K, U]
        phi = components.sum(1, keepdim=True)  # [B, 1, U]
        return torch.bmm(phi, text).squeeze(1), kappa

    def _loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """-log p ``[B]`` of pen steps ``[B, 3]`` (eq. 18-26)."""
        m = self.num_mixtures
        end, weights, mean_x, mean_y, sigma_x, sigma_y, correlation = raw.float().split(
            [1, m, m, m, m, m, m], dim=1
        )
        sigma_x, sigma_y, rho = sigma_x.exp(), sigma_y.exp(), correlation.tanh()
        zx, zy = (target[:, 1:2] - mean_x) / sigma_x, (target[:, 2:3] - mean_y) / sigma_y
        rest = 1 - rho**2
        exponent = -(zx**2 + zy**2 - 2 * rho * zx * zy) / (2 * rest)
        log_normal = exponent - torch.log(2 * math.pi * sigma_x * sigma_y * rest.sqrt())
        log_density = torch.logsumexp(log_normal + weights.log_softmax(dim=1), dim=1)
        is_end, end = target[:, 0], end.squeeze(1).sigmoid()
        return -log_density - torch.log(torch.where(is_end == 1, end, 1 - end))


def _cell(layer: dict[str, nn.Parameter]) -> nn.LSTMCell:
    """The cell of a layer with the parameters of ``nn.LSTM``."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return _with_weights(*(layer[name] for name in names))


def _first_cell(model: ConditionalHandwriting) -> nn.LSTMCell:
    """The cell under the window; it reads the pen step and the window before."""
    layer = model.attention
    hidden, window = layer.weight_recurrent.split([model.hidden_size, model.num_characters], dim=1)
    of_inputs = torch.cat([layer.weight_input, window], dim=1)
    return _with_weights(of_inputs, hidden, layer.bias, torch.zeros_like(layer.bias))


@torch.no_grad()
def _with_weights(of_inputs: Tensor, of_hidden: Tensor, *biases: Tensor) -> nn.LSTMCell:
    cell = nn.LSTMCell(of_inputs.shape[1], of_hidden.shape[1]).to(of_inputs)
    cell.weight_ih.copy_(of_inputs)
    cell.weight_hh.copy_(of_hidden)
    cell.bias_ih.copy_(biases[0])
    cell.bias_hh.copy_(biases[1])
    return cell


@torch.no_grad()
def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0]).to(weight)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)
    return linear
