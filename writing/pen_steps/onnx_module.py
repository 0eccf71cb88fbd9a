"""One pen step of a generating model as a module whose state is passed in and out, for ONNX.

It is built from the weights that ``packed_weights.pack`` lays out for ``packed_steps`` and
computes what that computes, with the drawing of the next pen step after it. What is wanted here is
another thing, though: few nodes, each of which costs a runtime a microsecond or so; products that
can be rounded to 8 bits apart from those that cannot; and nothing written in place.

Inputs and outputs are dictionaries, whose names are those of the file. The state of a line is every
input ``NAME`` for which there is an output ``next_NAME``: zeros before its first pen step.

Shapes: ``B`` lines, ``U`` characters, ``C`` vocabulary, ``H`` hidden units, ``K`` window
components, ``M`` mixture components.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.custom_layers.window_ranges import LOG_PHI_FLOOR, PARAMETER_RANGES
from model.mixture import MAX_CORRELATION_LOGIT, MAX_LOG_SIGMA, NOISE_SIZE
from model.models import STROKE_SIZE, StackedHandwriting
from writing.pen_steps.packed_weights import LayerWeights, PackedWeights, pack

NEXT = "next_"


class PenStepGraph(nn.Module):
    """One pen step of ``B`` lines, of a model with a window over a text or without.

    Args:
        model: whose weights are copied, in float32.
    """

    def __init__(self, model: StackedHandwriting) -> None:
        super().__init__()
        weights = pack(model)
        self.hidden_size = model.hidden_size
        self.num_characters = getattr(model, "num_characters", 0)
        side_size = STROKE_SIZE + self.num_characters
        self.layers = nn.ModuleList(
            _LayerGraph(weights, index, side_size) for index in range(len(weights.layers))
        )
        self.window = _WindowGraph(*weights.window) if weights.window is not None else None
        self.output = _packed_output(weights)
        self.draw = _DrawGraph(model.num_mixtures)
        self.float().requires_grad_(False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The next pen step, and the states after this one.

        Args:
            inputs: ``pen`` ``[B, 3]``, the latest pen step, in normalised units; ``noise``
                ``[B, 4]``, see ``BivariateMixture.sample_from_noise``; ``bias`` ``[B]``, of the
                sampling, at least 0; ``hidden_0``, ``cell_0``, ... ``[B, H]`` of each layer. With
                a window also: ``text`` ``[B, U, C]``, one-hot characters with the end of the text,
                zeros on padding; ``positions`` ``[B, U]``: 0, 1, 2, ..., and infinity on padding;
                ``kappa`` ``[B, K]`` and ``window`` ``[B, C]``.

        Returns:
            ``next_pen`` ``[B, 3]``, drawn; ``raw`` ``[B, 6M+1]``, the distribution that it is
            drawn from without a bias (see ``BivariateMixture.from_output``); ``phi`` ``[B, U]``,
            the window's weights, where there is one; and the states.
        """
        pen = inputs["pen"]
        results: dict[str, Tensor] = {}
        below: list[Tensor] = []
        side = pen if self.window is None else torch.cat([pen, inputs["window"]], dim=1)
        for index, layer in enumerate(self.layers):
            own = [inputs[f"hidden_{index}"], inputs[f"cell_{index}"]]
            hidden, cell = layer(below[-1:], side, *own)
            below.append(hidden)
            results[f"{NEXT}hidden_{index}"], results[f"{NEXT}cell_{index}"] = hidden, cell
            if self.window is not None and index == 0:
                phi, kappa, window = self.window(hidden, *self._seen(inputs))
                side = torch.cat([pen, window], dim=1)
                results |= {"phi": phi, f"{NEXT}kappa": kappa, f"{NEXT}window": window}
        raw = self.output(torch.cat(below, dim=1))
        next_pen = self.draw(raw, inputs["bias"], inputs["noise"])
        return {f"{NEXT}pen": next_pen, "raw": raw, **results}

    def example(self, num_lines: int = 2, num_characters: int = 3) -> dict[str, Tensor]:
        """Inputs of the right shapes, all zeros: lines before their first pen step."""
        sizes = {"pen": (STROKE_SIZE,), "noise": (NOISE_SIZE,), "bias": ()}
        if self.window is not None:
            sizes |= {
                "text": (num_characters, self.num_characters),
                "positions": (num_characters,),
                "kappa": (self.window.num_components,),
                "window": (self.num_characters,),
            }
        for index in range(len(self.layers)):
            sizes |= {f"hidden_{index}": (self.hidden_size,), f"cell_{index}": (self.hidden_size,)}
        return {name: torch.zeros(num_lines, *size) for name, size in sizes.items()}

    @staticmethod
    def _seen(inputs: dict[str, Tensor]) -> list[Tensor]:
        return [inputs[name] for name in ("kappa", "text", "positions")]


class _Product(nn.Module):
    """``x @ weight + bias``: a weight ``[I, O]`` that no node has to transpose.

    Args:
        weight: ``[O, I]``.
        bias: ``[O]``, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.t().contiguous())
        self.bias = None if bias is None else nn.Parameter(bias.contiguous())

    def forward(self, inputs: Tensor) -> Tensor:
        """``[B, I]`` to ``[B, O]``."""
        product = inputs @ self.weight
        return product if self.bias is None else product + self.bias


class _LayerGraph(nn.Module):
    """One step of an LSTM layer.

    What it reads of hidden outputs, which lie in (-1, 1), is one product, by far the greatest; the
    pen step and the window, whose values have other ranges, are another.

    Args:
        weights: of the model.
        index: of the layer.
        side_size: of pen step and window.
    """

    def __init__(self, weights: PackedWeights, index: int, side_size: int) -> None:
        super().__init__()
        places, layer = weights.places, weights.layers[index]
        start = places.read(index).start
        sources = [places.hidden(index)]
        if index:
            sources.insert(0, places.hidden(index - 1))
        columns = [layer.weight[:, place.start - start : place.stop - start] for place in sources]
        side = layer.weight[:, places.side(index).start - start :][:, :side_size]
        bias = layer.weight[:, places.one(index) - start]
        self.hidden = _Product(torch.cat(columns, dim=1))
        self.side = _Product(side, bias)
        self.size = places.hidden_size
        self.gates_norm, self.cell_norm = _norms(layer)

    def forward(
        self, below: list[Tensor], side: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hidden output and cell ``[B, H]`` after the step, from what stands below (if anything),
        the side, and these two before it."""
        gates = self.hidden(torch.cat([*below, hidden], dim=1)) + self.side(side)  # [B, 4H]
        sigmoids, candidate = self.gates_norm(gates).split([3 * self.size, self.size], dim=1)
        entry, forget, exit_gate = sigmoids.sigmoid().split(self.size, dim=1)
        cell = forget * cell + entry * candidate.tanh()
        return exit_gate * self.cell_norm(cell).tanh(), cell


class _WindowGraph(nn.Module):
    """The window over the text (Graves 2013, eq. 46-51), as ``TextPenSteps`` has it.

    Args:
        weight: ``[3K, H]``.
        bias: ``[3K, 1]``.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.num_components = len(weight) // 3
        self.parameters_of = _Product(weight, bias.squeeze(1))
        bounds = torch.tensor(PARAMETER_RANGES).repeat_interleave(self.num_components, dim=0)
        self.register_buffer("least", bounds[:, 0].contiguous())
        self.register_buffer("greatest", bounds[:, 1].contiguous())

    def forward(
        self, hidden: Tensor, kappa: Tensor, text: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """phi ``[B, U]``, kappa ``[B, K]`` and the window ``[B, C]`` after the step."""
        size = self.num_components
        bounded = self.parameters_of(hidden).maximum(self.least).minimum(self.greatest)
        log_alpha, log_rest = bounded.unsqueeze(2).split([size, 2 * size], dim=1)  # [B, K, 1]
        beta, step = log_rest.exp().split(size, dim=1)
        kappa = kappa + step.squeeze(2)
        distance = kappa.unsqueeze(2) - positions.unsqueeze(1)  # [B, K, U]
        log_phi = log_alpha - beta * (distance * distance)
        seen = torch.where(log_phi > LOG_PHI_FLOOR, log_phi, -math.inf)
        phi = seen.exp().sum(dim=1, keepdim=True)  # [B, 1, U]
        return phi.squeeze(1), kappa, (phi @ text).squeeze(1)


class _DrawGraph(nn.Module):
    """``draw.sample_pen_steps`` without a search or an index, for which ONNX has no node or only
    several."""

    numbers: Tensor

    def __init__(self, num_mixtures: int) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.arange(num_mixtures, dtype=torch.float32))

    def forward(self, raw: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
        """Pen steps ``[B, 3]`` from raw outputs ``[B, 6M+1]``, bias ``[B]``, noise ``[B, 4]``."""
        num_mixtures, bias = len(self.numbers), bias.unsqueeze(1)
        uniform, of_end, normal_x, normal_y = noise.split(1, dim=1)  # [B, 1] each
        end, rest = raw.split([1, 6 * num_mixtures], dim=1)
        by_kind = rest.reshape(-1, 6, num_mixtures)
        shares = (by_kind[:, 0] * (1 + bias)).softmax(dim=1).cumsum(dim=1)  # [B, M]
        is_before = shares <= uniform * shares[:, -1:]
        component = is_before.float().sum(dim=1, keepdim=True).clamp(max=num_mixtures - 1)
        is_chosen = (self.numbers == component).float().unsqueeze(2)  # [B, M, 1]
        chosen = (by_kind @ is_chosen).squeeze(2)  # [B, 6]
        _, means, log_sigmas, logit = chosen.split([1, 2, 2, 1], dim=1)
        sigmas = (log_sigmas.clamp(-MAX_LOG_SIGMA, MAX_LOG_SIGMA) - bias).exp()
        logit = logit.clamp(-MAX_CORRELATION_LOGIT, MAX_CORRELATION_LOGIT)
        correlated_y = logit.tanh() * normal_x + normal_y / logit.cosh()
        offsets = means + sigmas * torch.cat([normal_x, correlated_y], dim=1)
        ends = (of_end < end.sigmoid()).float()
        return torch.cat([ends, offsets], dim=1)


class _Norm(nn.Module):
    """Layer normalisation with given weights, ``[S]`` each."""

    def __init__(self, gain: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(gain), nn.Parameter(bias)

    def forward(self, values: Tensor) -> Tensor:
        """``[B, S]`` to the same."""
        return F.layer_norm(values, self.gain.shape, self.gain, self.bias)


def _norms(layer: LayerWeights) -> tuple[nn.Module, nn.Module]:
    """Of the gates' sums and of the cell's output; nothing where the layer has none."""
    norm = layer.norm
    if norm is None:
        return nn.Identity(), nn.Identity()
    return _Norm(norm.gates_gain, norm.gates_bias), _Norm(norm.cell_gain, norm.cell_bias)


def _packed_output(weights: PackedWeights) -> _Product:
    places = weights.places
    columns = [weights.output[:, places.hidden(index)] for index in range(places.num_layers)]
    return _Product(torch.cat(columns, dim=1), weights.output[:, places.one(0)])
