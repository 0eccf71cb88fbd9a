"""Precision of float32 products on an NVIDIA GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def float32_products(device: torch.device | str, tf32: bool) -> Iterator[None]:
    """Within the block, have cuBLAS and cuDNN multiply as they are told; then as before.

    Left alone, torch has cuDNN's recurrent layers round to TF32, and cuBLAS not.

    Args:
        device: where one computes; nothing changes for another than a CUDA device.
        tf32: whether factors may be rounded to TF32, 10 bits after the point instead of 23. Sums
            stay in float32.
    """
    if torch.device(device).type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    _set("high" if tf32 else "highest", tf32)
    try:
        yield
    finally:
        _set(*before)


def _set(of_products: str, of_layers: bool) -> None:
    torch.set_float32_matmul_precision(of_products)
    torch.backends.cudnn.allow_tf32 = of_layers
