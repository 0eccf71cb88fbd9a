"""What cuBLAS and cuDNN are told, which can be seen without a GPU."""

import pytest
import torch

from utils.matmul_precision import float32_products


def settings() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("tf32", [True, False])
def test_they_hold_in_the_block_and_no_longer(tf32: bool) -> None:
    before, expected = settings(), ("high" if tf32 else "highest", tf32)
    with pytest.raises(KeyError), float32_products("cuda:1", tf32):
        assert settings() == expected
        raise KeyError
    assert settings() == before


def test_nothing_changes_on_a_cpu() -> None:
    before = settings()
    with float32_products(torch.device("cpu"), tf32=True):
        assert settings() == before
