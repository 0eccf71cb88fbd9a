"""Single pen steps of a model, made fast for sampling.

A model's own ``step`` calls its layers as sequences of length one: for each, ``torch.nn.LSTM``
brings its weights into another layout, two products and their sum are made where one does, and
every intermediate result is a new tensor. Here the weights are packed once (``pack``), a layer is
one product, and results go into buffers that stay. What it computes is what ``step`` computes in
evaluation mode; the tests hold the two together.

Lines are columns: on a CPU the products are as fast as any for one line and a quarter faster for
64, and all gates of one kind stand in one piece, which the arithmetic reads faster. One line is
bound by the memory that the weights are read from, many by arithmetic.

Shapes: ``B`` lines, ``U`` characters, ``C`` vocabulary, ``I`` what a layer reads, ``H`` hidden
units, ``K`` window components, ``M`` mixture components.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from model.custom_layers.window_ranges import LOG_PHI_FLOOR, PARAMETER_RANGES
from model.models import STROKE_SIZE
from writing.pen_steps.draw import sample_one_pen_step, sample_pen_steps
from writing.pen_steps.packed_weights import LayerWeights, PackedWeights

FEW_LINES = 12
"""Up to so many, products are faster with the lines as rows of the result."""

MANY_VALUES = 4096
"""From so many on, three more operations on them take less time than ``torch.tanh``."""


class PenSteps:
    """The pen steps of a batch of lines, one after another.

    It holds the lines' state and changes it in place; one object serves one run.

    Args:
        weights: from ``pack``.
        batch_size: ``B``.
    """

    def __init__(self, weights: PackedWeights, batch_size: int) -> None:
        self._weights = weights
        places, new = weights.places, weights.output.new_zeros
        # A half after the last side is there, unused, if the number of layers is odd.
        self._states = new(places.num_sides * places.period, batch_size)
        self._cells = new(len(weights.layers), places.hidden_size, batch_size)
        self._bind()
        self._sides[:, -1] = 1.0

    def step(self, strokes: Tensor) -> Tensor:
        """The raw outputs ``[B, 6M+1]`` (see ``BivariateMixture.from_output``) after the latest
        pen step ``[B, 3]`` of each line."""
        self._pen.copy_(strokes.t())
        self._side_changed()
        first, *others = self._layers
        first.advance()
        self._look(first.hidden)
        for layer in others:
            layer.advance()
        if len(strokes) <= FEW_LINES and strokes.device.type == "cpu":
            return torch.mm(self._features.t(), self._weights.output.t())
        return torch.mm(self._weights.output, self._features).t()

    def step_and_draw(self, strokes: Tensor, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """``step``, and a next pen step ``[B, 3]`` from what it gives, for the sampling bias
        ``[B]`` and the noise ``[B, 4]``; see ``sample_pen_steps``."""
        raw = self.step(strokes)
        is_one = len(raw) == 1 and raw.device.type == "cpu"
        draw = sample_one_pen_step if is_one else sample_pen_steps
        return raw, draw(raw, bias, noise)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the lines only, whose places are ``rows``, int64 ``[B']``."""
        self._states, self._cells = self._states[:, rows], self._cells[:, :, rows]
        self._bind()

    def _look(self, hidden: Tensor) -> None:
        """Compute all between the first layer, whose output ``[H, B]`` this is, and the next."""

    def _side_changed(self) -> None:
        """Bring the sides to the type of the layers' products."""
        if self._rounded is not self._states:
            self._rounded_sides.copy_(self._sides)

    def _bind(self) -> None:
        """Views that every step would else make anew."""
        places, layers = self._weights.places, self._weights.layers
        self._rounded = self._states.to(layers[0].weight.dtype)
        self._sides, self._rounded_sides = (
            states.view(places.num_sides, places.period, -1)[:, places.side(0)]
            for states in (self._states, self._rounded)
        )  # [sides, S, B]
        self._pen = self._sides[:, :STROKE_SIZE]
        self._features = self._states[: places.width]
        gates = self._states.new_empty(4 * places.hidden_size, self._states.shape[1])
        self._layers = [
            _LayerStep(
                weights,
                self._rounded[places.read(index)],
                self._rounded[places.hidden(index)],
                self._states[places.hidden(index)],
                cell,
                gates,
            )
            for index, (weights, cell) in enumerate(zip(layers, self._cells, strict=True))
        ]


class TextPenSteps(PenSteps):
    """The pen steps of a batch of lines whose text is given.

    Args:
        weights: from ``pack``, of a ``ConditionalHandwriting``.
        text: ``[B, U+1, C]``, from its ``encode``.

    Attributes:
        phi: ``[B, U+1]``, the window's weights at the latest step.
        kappa: ``[B, K]``, the positions of its components.
    """

    def __init__(self, weights: PackedWeights, text: Tensor) -> None:
        if weights.window is None:
            raise ValueError("the weights are of a model without a window over a text")
        self._window_weights = weights.window
        self._text = text
        # Padding is infinitely far away, so no component weighs it.
        positions = torch.arange(text.shape[1], dtype=text.dtype, device=text.device)
        self._positions = positions.where(text.any(dim=2), math.inf).unsqueeze(1)  # [B, 1, U+1]
        self.phi = text.new_zeros(text.shape[:2])
        self.kappa = text.new_zeros(len(text), len(self._window_weights[1]) // 3)
        self._bounds = _parameter_bounds(self.kappa)
        super().__init__(weights, len(text))

    def keep(self, rows: Tensor) -> None:
        """See ``PenSteps.keep``."""
        self._text, self._positions = self._text[rows], self._positions[rows]
        self.phi, self.kappa = self.phi[rows], self.kappa[rows]
        super().keep(rows)

    def _look(self, hidden: Tensor) -> None:
        """Move the window; every layer above, and the first one's next step, gets it.

        ``window_weights`` in fewer operations: it can say of a component that its weight is zero
        without a thought for gradients.
        """
        weight, bias = self._window_weights
        bounded = torch.addmm(bias, weight, hidden).t().clamp(*self._bounds)
        log_alpha, log_rest = bounded[:, :, None].tensor_split([self.kappa.shape[1]], dim=1)
        beta, step = log_rest.exp().chunk(2, dim=1)  # [B, K, 1]
        self.kappa = self.kappa + step.squeeze(2)
        squared = (self.kappa.unsqueeze(2) - self._positions).square_()  # [B, K, U+1]
        log_phi = torch.addcmul(log_alpha, beta, squared, value=-1)
        self.phi = F.threshold(log_phi, LOG_PHI_FLOOR, -math.inf).exp_().sum(1)
        window = torch.bmm(self.phi.unsqueeze(1), self._text)  # [B, 1, C]
        self._window.copy_(window.squeeze(1).t())
        self._side_changed()

    def _bind(self) -> None:
        super()._bind()
        self._window = self._sides[:, STROKE_SIZE : STROKE_SIZE + self._text.shape[2]]


class _LayerStep:
    """One layer of a run: its weights, and views of the states of ``B`` lines.

    Args:
        weights: of the layer.
        read: ``[I, B]``, what the product reads, in its type.
        rounded: the layer's own output in it, ``[H, B]``.
        hidden: the same in the model's type; it may be the same memory.
        cell: ``[H, B]``.
        gates: ``[4H, B]``, a place to work in, which all layers share.
    """

    def __init__(
        self,
        weights: LayerWeights,
        read: Tensor,
        rounded: Tensor,
        hidden: Tensor,
        cell: Tensor,
        gates: Tensor,
    ) -> None:
        weight, self._norm = weights
        self._rounded, self._cell, self._gates = rounded, cell, gates
        self.hidden = hidden
        self._is_rounded = rounded.dtype != hidden.dtype
        self._sums = gates.to(rounded.dtype)
        self._product = _product(weight, read, self._sums)
        size = len(hidden)
        self._sigmoids = gates[: 3 * size]
        self._entry, self._forget, self._exit, self._candidate = gates.split(size)

    def advance(self) -> None:
        """One step of the layer."""
        self._sum_gates()
        self._sigmoids.sigmoid_()
        _tanh_(self._candidate)
        self._cell.mul_(self._forget).addcmul_(self._entry, self._candidate)
        _tanh_(self.hidden.copy_(self._read_out())).mul_(self._exit)
        if self._is_rounded:
            self._rounded.copy_(self.hidden)

    def _sum_gates(self) -> None:
        self._product()
        if self._norm is not None:
            sums = self._sums.t().to(self._gates.dtype)
            gain, bias = self._norm.gates_gain, self._norm.gates_bias
            self._gates.copy_(F.layer_norm(sums, gain.shape, gain, bias).t())
        elif self._is_rounded:
            self._gates.copy_(self._sums)

    def _read_out(self) -> Tensor:
        norm = self._norm
        if norm is None:
            return self._cell
        return F.layer_norm(self._cell.t(), norm.cell_gain.shape, *norm[2:]).t()


def _product(weight: Tensor, read: Tensor, out: Tensor) -> Callable[[], object]:
    """A call that puts ``weight @ read``, ``[4H, I]`` by ``[I, B]``, into ``out``. On a CPU the
    library is fastest for one line when it is told of a vector, and for a few (many times faster)
    when they are rows of the result."""
    num_lines = read.shape[1]
    if weight.dtype != torch.float32 or weight.device.type != "cpu" or num_lines > FEW_LINES:
        return partial(torch.mm, weight, read, out=out)
    if num_lines == 1:
        return partial(torch.mv, weight, read.squeeze(1), out=out.squeeze(1))
    rows = out.new_empty(num_lines, len(weight))

    def by_rows() -> None:
        torch.mm(read.t(), weight.t(), out=rows)
        out.copy_(rows.t())

    return by_rows


def _tanh_(values: Tensor) -> Tensor:
    """tanh in place. Where there are many values, it is made of a sigmoid, exact to the rounding of
    1: on a CPU ``torch.tanh`` takes five times as long."""
    if values.numel() < MANY_VALUES or values.device.type != "cpu":
        return values.tanh_()
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)


def _parameter_bounds(kappa: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the greatest raw parameters of the window, ``[3K]`` each."""
    bounds = kappa.new_tensor(PARAMETER_RANGES).repeat_interleave(kappa.shape[1], dim=0)
    return bounds[:, 0].contiguous(), bounds[:, 1].contiguous()
