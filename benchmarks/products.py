"""The products of LSTM layers' training step and nothing else, as ``torch.mm`` makes them.

What is faster than this packs its weights, as oneDNN's LSTM does, or makes fewer products.

Shapes: ``B`` lines, ``T`` pen steps, ``H`` hidden units, ``I`` what a layer reads besides its own
hidden units, ``O`` outputs.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def layer_products(
    num_steps: int, num_lines: int, input_size: int, hidden_size: int, dtype: torch.dtype
) -> Callable[[], None]:
    """The products of one layer's step. Those that need not wait for one another are made at once:
    ``[T * B, I]`` with ``[I, 4H]`` ahead of the loop, and after the loop back the gradients of the
    inputs and of both weights. In the loops, ``[4H, H]`` with ``[H, B]`` and back."""
    gates, rows = 4 * hidden_size, num_steps * num_lines
    inputs, outputs = _drawn(rows, input_size, dtype), _drawn(rows, gates, dtype)
    hiddens = _drawn(rows, hidden_size, dtype)
    of_inputs, of_hidden = (_drawn(size, gates, dtype) for size in (input_size, hidden_size))
    # Lines are columns here, which is faster (see ``model.custom_layers.recurrence``).
    hidden, gate = _drawn(hidden_size, num_lines, dtype), _drawn(gates, num_lines, dtype)
    ahead, back = torch.empty_like(gate), torch.empty_like(hidden)
    to_inputs, to_gates = of_inputs.t().contiguous(), of_hidden.t().contiguous()
    all_ahead, all_back = torch.empty_like(outputs), torch.empty_like(inputs)

    def multiply() -> None:
        torch.mm(inputs, of_inputs, out=all_ahead)
        for _ in range(num_steps):
            torch.mm(to_gates, hidden, out=ahead)
        for _ in range(num_steps):
            torch.mm(of_hidden, gate, out=back)
        torch.mm(outputs, to_inputs, out=all_back)
        torch.mm(inputs.t(), outputs)
        torch.mm(hiddens.t(), outputs)

    return multiply


def output_products(
    num_steps: int, num_lines: int, hidden_size: int, output_size: int
) -> Callable[[], None]:
    """Products of the output layer, ``[T * B, H]`` with ``[H, O]``, and back."""
    rows = num_steps * num_lines
    hidden, outputs = (_drawn(rows, size, torch.float32) for size in (hidden_size, output_size))
    weight = _drawn(hidden_size, output_size, torch.float32)

    def multiply() -> None:
        torch.mm(hidden, weight)
        torch.mm(outputs, weight.t())
        torch.mm(hidden.t(), outputs)

    return multiply


def all_of(calls: Sequence[Callable[[], None]]) -> Callable[[], None]:
    """One call for several."""

    def call() -> None:
        for each in calls:
            each()

    return call


def _drawn(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(rows, columns).mul_(0.1).to(dtype)
