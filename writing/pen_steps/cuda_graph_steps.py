"""The pen steps of ``packed_steps`` as CUDA graphs: one launch a step instead of some hundred.

The first steps of a run are launched kernel by kernel, since a short run would not repay a capture.
Lines that leave are no longer looked at; their places are given up when fewer than half are in use,
for then a graph must be captured anew.

Shapes as in ``packed_steps``, and ``B'`` lines that are still looked at, of ``B`` in the graph.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from model.custom_layers.cuda import graphs
from model.custom_layers.verified import Pairs, Verified
from model.mixture import NOISE_SIZE
from model.models import STROKE_SIZE
from writing.pen_steps.draw import sample_pen_steps
from writing.pen_steps.packed_steps import PenSteps, TextPenSteps
from writing.pen_steps.packed_weights import PackedWeights

STEPS_BEFORE_CAPTURE = 8
TRIED_LINES = 2


def pen_steps(weights: PackedWeights, batch_size: int) -> PenSteps:
    """The pen steps of lines without a text, as fast as the device of the weights allows; see
    ``PenSteps``."""
    return (GraphedPenSteps if _agrees(weights) else PenSteps)(weights, batch_size)


def text_pen_steps(weights: PackedWeights, text: Tensor) -> TextPenSteps:
    """The like for texts ``[B, U+1, C]``, see ``TextPenSteps``."""
    is_graphed = _agrees(weights, text[:TRIED_LINES])
    return (GraphedTextPenSteps if is_graphed else TextPenSteps)(weights, text)


class _Kind(NamedTuple):
    """Kind of pen steps that are compared once in a process."""

    device: torch.device
    layers: torch.dtype
    with_text: bool


_verified: dict[_Kind, Verified] = {}


def _agrees(weights: PackedWeights, text: Tensor | None = None) -> bool:
    """Whether pen steps may be replayed; at their first use in a process some of a small batch are
    compared with those that are launched kernel by kernel."""
    device, layers = weights.output.device, weights.layers[0].weight.dtype
    if not graphs.graphs_are_possible(device):
        return False
    name = f"pen steps {'with' if text is not None else 'without'} a text as graphs on {device}"
    tolerance = 0.03 if layers == torch.bfloat16 else 0.01
    fresh = Verified(name, lambda: _compare(weights, text), tolerance)
    return bool(_verified.setdefault(_Kind(device, layers, text is not None), fresh))


@torch.inference_mode()
def _compare(weights: PackedWeights, text: Tensor | None) -> Pairs:
    """Pen steps as graphs beside the plain ones, on given strokes."""
    graphed: GraphedPenSteps
    if text is None:
        graphed, plain = GraphedPenSteps(weights, TRIED_LINES), PenSteps(weights, TRIED_LINES)
    else:
        graphed, plain = GraphedTextPenSteps(weights, text), TextPenSteps(weights, text)
    lines = TRIED_LINES if text is None else len(text)
    generator = torch.Generator().manual_seed(1)
    found: list[tuple[Tensor, ...]] = []
    for _ in range(STEPS_BEFORE_CAPTURE + 3):
        drawn = torch.rand(lines, STROKE_SIZE + 1 + NOISE_SIZE, generator=generator)
        strokes, bias, noise = drawn.to(weights.output).split([STROKE_SIZE, 1, NOISE_SIZE], dim=1)
        each = (way.step_and_draw(strokes, bias.squeeze(1), noise) for way in (graphed, plain))
        found.append(tuple(part for results in each for part in results))
    raw, strokes, plain_raw, plain_strokes = (
        torch.stack(parts) for parts in zip(*found, strict=True)
    )
    return {"outputs": (raw, plain_raw), "pen steps": (strokes, plain_strokes)}


class _Results(NamedTuple):
    """Results of a step, ``[B, ...]`` each: raw outputs, the pen step drawn from them, and the
    window's phi and kappa, of no width without a window."""

    raw: Tensor
    drawn: Tensor
    phi: Tensor
    kappa: Tensor


class GraphedPenSteps(PenSteps):
    """``PenSteps``, replayed."""

    _rows: Tensor | None
    _inputs: Tensor
    _carried: tuple[Tensor, ...]

    def __init__(self, weights: PackedWeights, batch_size: int) -> None:
        super().__init__(weights, batch_size)
        self._begin()

    def step(self, strokes: Tensor) -> Tensor:
        """See ``PenSteps.step``."""
        self._read(strokes)
        return self._advance(is_drawing=False).raw

    def step_and_draw(self, strokes: Tensor, bias: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """``step``, and a next pen step ``[B', 3]`` from what it gives, for the sampling bias
        ``[B']`` and the noise ``[B', 4]``; see ``sample_pen_steps``."""
        self._read(strokes, bias.unsqueeze(1), noise)
        results = self._advance(is_drawing=True)
        return results.raw, results.drawn

    def keep(self, rows: Tensor) -> None:
        """See ``PenSteps.keep``."""
        self._rows = rows if self._rows is None else self._rows[rows]
        self._show(*(part[rows] for part in self._shown()))
        if 2 * len(self._rows) < len(self._inputs):
            graphs.wait()
            self._show(*self._carried)
            super().keep(self._rows)
            self._begin()

    def _begin(self) -> None:
        """Memory for as many lines as there are now, and no graphs yet."""
        lines, outputs = self._states.shape[1], self._weights.output.shape[0]
        new = self._weights.output.new_zeros
        self._rows = None
        self._inputs = new(lines, STROKE_SIZE + 1 + NOISE_SIZE)
        self._carried = tuple(part.clone() for part in self._shown())
        self._widths = [outputs, STROKE_SIZE, *(part.shape[1] for part in self._carried)]
        self._widths += [0] * (len(_Results._fields) - len(self._widths))
        self._outputs = new(lines, sum(self._widths))
        self._replays: dict[bool, Callable[[], None]] = {}
        self._steps_taken = 0

    def _read(self, *parts: Tensor) -> None:
        """Take ``[B', ...]`` of the lines that are looked at."""
        given = torch.cat(parts, dim=1)
        target = self._inputs[:, : given.shape[1]]
        if self._rows is None:
            target.copy_(given)
        else:
            target[self._rows] = given

    def _advance(self, is_drawing: bool) -> _Results:
        self._steps_taken += 1
        if is_drawing not in self._replays and self._steps_taken > STEPS_BEFORE_CAPTURE:
            self._replays[is_drawing] = self._captured(is_drawing)
        if is_drawing in self._replays:
            self._replays[is_drawing]()
        else:
            self._compute(is_drawing)
        rows = self._rows
        outputs = self._outputs.clone() if rows is None else self._outputs[rows]
        results = _Results(*outputs.split(self._widths, dim=1))
        self._show(results.phi, results.kappa)
        return results

    def _compute(self, is_drawing: bool) -> None:
        """A step from ``_inputs`` to ``_outputs``, all in memory that stays."""
        self._show(*self._carried)
        strokes, bias, noise = self._inputs.split([STROKE_SIZE, 1, NOISE_SIZE], dim=1)
        outputs = _Results(*self._outputs.split(self._widths, dim=1))
        raw = PenSteps.step(self, strokes)
        outputs.raw.copy_(raw)
        if is_drawing:
            outputs.drawn.copy_(sample_pen_steps(raw, bias.squeeze(1), noise))
        targets = (outputs.phi, outputs.kappa)
        for carried, target, part in zip(self._carried, targets, self._shown(), strict=False):
            carried.copy_(part)
            target.copy_(part)

    def _captured(self, is_drawing: bool) -> Callable[[], None]:
        """A call that replays ``_compute``; that itself where it cannot be captured."""
        device = self._states.device

        def compute() -> None:
            self._compute(is_drawing)

        changed = [self._states, self._cells, self._rounded, *self._carried]
        before = [part.clone() for part in changed]
        try:
            replay = graphs.capture(compute, device)
        except RuntimeError as error:
            graphs.log_fallback(error)
            replay = compute
        # The capture has tried the step.
        for part, values in zip(changed, before, strict=True):
            part.copy_(values)
        return replay

    def _shown(self) -> tuple[Tensor, ...]:
        """Attributes that a step leaves, to read and for the next: phi and kappa, if any."""
        return ()

    def _show(self, *parts: Tensor) -> None:
        """Set these attributes, if there are any."""


class GraphedTextPenSteps(GraphedPenSteps, TextPenSteps):
    """``TextPenSteps``, replayed."""

    def __init__(self, weights: PackedWeights, text: Tensor) -> None:
        TextPenSteps.__init__(self, weights, text)
        self._begin()

    def _shown(self) -> tuple[Tensor, ...]:
        return self.phi, self.kappa

    def _show(self, *parts: Tensor) -> None:
        self.phi, self.kappa = parts
