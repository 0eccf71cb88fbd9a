"""What the hand-written recurrences share: their products and the LSTM cell's backward step.

Shapes: ``B`` lines, ``H`` hidden units; gates in the order input, forget, candidate, output.
"""

import torch
from torch import Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


def product_type(tensor: Tensor) -> torch.dtype:
    """The type of the recurrent products: autocast's where it is on, else the tensor's own."""
    device_type = tensor.device.type
    if torch.is_autocast_enabled(device_type) and tensor.dtype == torch.float32:
        return torch.get_autocast_dtype(device_type)
    return tensor.dtype


def add_product(row: Tensor, joined: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    """row + joined @ weight, into ``out``, the product in the weight's type."""
    if weight.dtype == row.dtype:
        return torch.addmm(row, joined, weight, out=out)
    return torch.add(row, joined.to(weight.dtype) @ weight, out=out)


def cell_backward(
    grad_hidden: Tensor, grad_cell: Tensor, gate: Tensor, cell: Tensor, tanh_cell: Tensor,
    grad_gate: Tensor,
) -> Tensor:  # fmt: skip
    """Back through one step of the LSTM cell.

    Args:
        grad_hidden, grad_cell: ``[B, H]``, of the step's hidden output and cell.
        gate: ``[B, 4H]``, the step's gates; ``cell``: the cell before; ``tanh_cell``: after.
        grad_gate: ``[B, 4H]``, filled with the gradient of the gates' summed inputs.

    Returns:
        the gradient ``[B, H]`` of the cell before.
    """
    input_gate, forget_gate, candidate, output_gate = gate.chunk(4, dim=1)
    of_input, of_forget, of_candidate, of_output = grad_gate.chunk(4, dim=1)
    _sigmoid_backward(grad_hidden * tanh_cell, output_gate, grad_input=of_output)
    grad_cell = grad_cell + _tanh_backward(grad_hidden * output_gate, tanh_cell)
    _sigmoid_backward(grad_cell * candidate, input_gate, grad_input=of_input)
    _sigmoid_backward(grad_cell * cell, forget_gate, grad_input=of_forget)
    _tanh_backward(grad_cell * input_gate, candidate, grad_input=of_candidate)
    return grad_cell * forget_gate
