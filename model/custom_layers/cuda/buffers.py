"""The memory that ``window_recurrence`` works in: a fixed number of pen steps, lines as rows.

A line that is longer takes its steps some at a time through the same memory, which a CUDA graph can
then be captured on once for lines of any length.

Shapes: ``N`` pen steps at a time, ``B`` lines, ``H`` hidden units, ``C`` vocabulary, ``K`` window
components, ``U`` characters of the padded text, ``J`` what enters the gates' recurrent product:
hidden output, window, zeros up to a good width.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from model.custom_layers.recurrence import ROW_MULTIPLE

# Texts are padded to multiples of this, so that few graphs serve all.
TEXT_MULTIPLE = 32
# Each part of the activations starts at a multiple of so many numbers, where kernels read best.
ALIGNMENT = 64


class Sizes(NamedTuple):
    """``N``, ``B``, ``H``, ``C``, ``K``, ``U``."""

    steps: int
    batch: int
    hidden: int
    characters: int
    components: int
    text: int

    @property
    def joined(self) -> int:
        """``J``."""
        return -(-(self.hidden + self.characters) // ROW_MULTIPLE) * ROW_MULTIPLE


class RecurrenceInputs(NamedTuple):
    """Values that all steps of a call share.

    Attributes:
        recurrent: ``[4H, J]``, in the type of the recurrent products; zeros beyond ``H + C``.
        window: ``[3K, H]``; window_bias: ``[3K]``.
        characters: ``[B, U]``, int32; -1 is padding.
        one_hot: ``[B, U, C]``; rows of padding are zero.
    """

    recurrent: Tensor
    window: Tensor
    window_bias: Tensor
    characters: Tensor
    one_hot: Tensor

    @staticmethod
    def of(
        weight_recurrent: Tensor, weight_window: Tensor, bias_window: Tensor, one_hot: Tensor,
        product_type: torch.dtype,
    ) -> "RecurrenceInputs":  # fmt: skip
        """From weights ``[4H, H + C]``, ``[3K, H]`` and ``[3K]``, and a text ``[B, U', C]``, which
        is padded."""
        one_hot = F.pad(one_hot, (0, 0, 0, -one_hot.shape[1] % TEXT_MULTIPLE))
        recurrent = F.pad(weight_recurrent, (0, -weight_recurrent.shape[1] % ROW_MULTIPLE))
        characters = one_hot.argmax(2).masked_fill(~one_hot.any(2), -1).int()
        window = weight_window.contiguous()
        return RecurrenceInputs(
            recurrent.to(product_type), window, bias_window, characters, one_hot
        )

    def sizes(self, steps: int) -> Sizes:
        """For ``N`` steps."""
        parameters, hidden = self.window.shape
        batch, text, characters = self.one_hot.shape
        return Sizes(steps, batch, hidden, characters, parameters // 3, text)

    def copy(self) -> "RecurrenceInputs":
        """The same in memory of its own."""
        return RecurrenceInputs(
            *(part.clone(memory_format=torch.contiguous_format) for part in self)
        )

    def take(self, other: "RecurrenceInputs") -> None:
        """Copy what ``other`` holds."""
        for mine, theirs in zip(self, other, strict=True):
            mine.copy_(theirs)


class State(NamedTuple):
    """State from one step to the next: ``[B, H]``, ``[B, C]``, ``[B, H]``, ``[B, K]``."""

    hidden: Tensor
    window: Tensor
    cell: Tensor
    kappa: Tensor


class Activations:
    """Activations of ``N`` steps for the backward pass, all in one piece of memory.

    Attributes:
        memory: flat; it holds all that follows.
        gates: ``[N, B, 4H]``, the inputs' share of the gates' sums, after its step the gates.
        cells: ``[N + 1, B, H]``, entry 0 before the first step, as in what follows.
        joined: ``[N + 1, B, J]``, hidden outputs, windows and zeros.
        raw: ``[N, B, 3K]``, the window's parameters as the weights give them.
        kappas: ``[N + 1, B, K]``.
    """

    def __init__(self, sizes: Sizes, memory: Tensor) -> None:
        self.memory = memory
        shapes = _activation_shapes(sizes)
        rooms = [_room(shape) for shape in shapes]
        parts = memory.split(rooms)
        self.gates, self.cells, self.joined, self.raw, self.kappas = (
            part[: math.prod(shape)].view(shape) for part, shape in zip(parts, shapes, strict=True)
        )

    @staticmethod
    def zeros(sizes: Sizes, like: Tensor) -> "Activations":
        """New ones, of the type and on the device of ``like``."""
        numbers = sum(map(_room, _activation_shapes(sizes)))
        return Activations(sizes, like.new_zeros(numbers))


class ForwardBuffers:
    """The forward pass over up to ``N`` steps.

    Attributes:
        given, activations: see there.
        product: ``[B, 4H]``, a step's recurrent product.
        lowered: ``[B, J]``, what enters it, in its type; None where that is the activations' own.
        phis: ``[N, B, U]``, the window's weights.
    """

    def __init__(self, sizes: Sizes, given: RecurrenceInputs) -> None:
        self.sizes, self.given = sizes, given
        like, product_type = given.one_hot, given.recurrent.dtype
        self.activations = Activations.zeros(sizes, like)
        self.product = like.new_zeros(sizes.batch, 4 * sizes.hidden, dtype=product_type)
        self.lowered = None
        if product_type != like.dtype:
            self.lowered = like.new_zeros(sizes.batch, sizes.joined, dtype=product_type)
        self.phis = like.new_zeros(sizes.steps, sizes.batch, sizes.text)

    def enter(self, state: State) -> None:
        """Begin with a state, which may be what ``after`` gave."""
        activations = self.activations
        hidden, window = self._split(activations.joined[0])
        hidden.copy_(state.hidden)
        window.copy_(state.window)
        activations.cells[0].copy_(state.cell)
        activations.kappas[0].copy_(state.kappa)
        if self.lowered is not None:
            self.lowered.copy_(activations.joined[0])

    def after(self, steps: int) -> State:
        """The state after so many steps; views."""
        activations = self.activations
        hidden, window = self._split(activations.joined[steps])
        return State(hidden, window, activations.cells[steps], activations.kappas[steps])

    def outputs(self, steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """Hidden outputs, windows and kappas after each of the first steps; views."""
        hidden, window = self._split(self.activations.joined[1 : steps + 1])
        return hidden, window, self.activations.kappas[1 : steps + 1]

    def _split(self, joined: Tensor) -> tuple[Tensor, Tensor]:
        sizes = self.sizes
        return joined[..., : sizes.hidden], joined[..., sizes.hidden :][..., : sizes.characters]


class BackwardBuffers:
    """The backward pass over up to ``N`` steps, of which the first ``valid`` are real.

    Attributes:
        given, activations: those of the forward pass.
        valid: ``[1]``, int32. Steps from there on pass the gradients of the state on and have none.
        grad_hiddens: ``[N, B, H]``, of the outputs, from outside; grad_windows: ``[N, B, C]``.
        grad_gates: ``[N, B, 4H]``, of the gates' sums; grad_raw: ``[N, B, 3K]``.
        grad_joined: ``[B, J]``, of what entered the gates at the step that comes after.
        grad_cell: ``[B, H]``; grad_kappa: ``[B, K]``.
        lowered: ``[B, 4H]``, a step's ``grad_gates`` in the type of the products, or None.
    """

    def __init__(self, sizes: Sizes, given: RecurrenceInputs, activations: Activations) -> None:
        self.sizes, self.given, self.activations = sizes, given, activations
        like, product_type = given.one_hot, given.recurrent.dtype
        steps, batch, hidden, characters, components, _ = sizes
        self.valid = like.new_zeros(1, dtype=torch.int32)
        self.grad_hiddens = like.new_zeros(steps, batch, hidden)
        self.grad_windows = like.new_zeros(steps, batch, characters)
        self.grad_gates = like.new_zeros(steps, batch, 4 * hidden)
        self.grad_raw = like.new_zeros(steps, batch, 3 * components)
        self.grad_joined = like.new_zeros(batch, sizes.joined, dtype=product_type)
        self.grad_cell = like.new_zeros(batch, hidden)
        self.grad_kappa = like.new_zeros(batch, components)
        self.lowered = None
        if product_type != like.dtype:
            self.lowered = like.new_zeros(batch, 4 * hidden, dtype=product_type)

    def enter(self, grad_cell: Tensor, grad_kappa: Tensor) -> None:
        """Begin with the gradients of the state after the last step of all."""
        self.grad_joined.zero_()
        self.grad_cell.copy_(grad_cell)
        self.grad_kappa.copy_(grad_kappa)

    def take(self, grad_hiddens: Tensor, grad_windows: Tensor) -> None:
        """The gradients of as many steps as are real."""
        count = len(grad_hiddens)
        self.valid.fill_(count)
        self.grad_hiddens[:count].copy_(grad_hiddens)
        self.grad_windows[:count].copy_(grad_windows)

    def of_state(self) -> State:
        """The gradients of the state before the first step."""
        sizes = self.sizes
        joined = self.grad_joined.to(self.grad_cell.dtype, copy=True)
        hidden, window, _ = joined.tensor_split(
            (sizes.hidden, sizes.hidden + sizes.characters), dim=1
        )
        return State(hidden, window, self.grad_cell.clone(), self.grad_kappa.clone())


def bytes_of(sizes: Sizes, dtype: torch.dtype) -> int:
    """About what the buffers of both passes take."""
    steps, batch, hidden, characters, components, text = sizes
    per_step = 5 * hidden + characters + 3 * components + text  # what is not saved
    saved = sum(map(_room, _activation_shapes(sizes)))
    weights = 4 * hidden * sizes.joined + 3 * components * hidden
    texts = batch * text * (characters + 1)
    return (saved + steps * batch * per_step + weights + texts) * dtype.itemsize


def _activation_shapes(sizes: Sizes) -> list[tuple[int, ...]]:
    steps, batch, hidden, _, components, _ = sizes
    return [
        (steps, batch, 4 * hidden),
        (steps + 1, batch, hidden),
        (steps + 1, batch, sizes.joined),
        (steps, batch, 3 * components),
        (steps + 1, batch, components),
    ]


def _room(shape: tuple[int, ...]) -> int:
    """Numbers up to where the next part may start."""
    return -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
