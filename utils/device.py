"""The device that a model runs on, by its name on the command line."""

import re

from handwriting.errors import ConfigError

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def resolve_device(name: str) -> str:
    """Return ``name``, with "auto" made "cuda" or "cpu" by what there is.

    Raises:
        ConfigError: it is no device's name, or this machine has no such device.
    """
    if problem := device_problem(name):
        raise ConfigError([problem])
    if name == "auto":
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def device_problem(name: str) -> str | None:
    """Return what is wrong with the name of a device, as one line; None where nothing is."""
    if not _DEVICE.fullmatch(name):
        return f'--device: should be auto, cpu, cuda, cuda:N or mps, got "{name}"'
    kind, _, number = name.partition(":")
    if kind not in ("cuda", "mps"):
        return None
    import torch

    count = torch.cuda.device_count()
    if kind == "cuda" and int(number or 0) >= count:
        return f"--device: this machine has {count} CUDA devices, got {name!r}"
    if kind == "mps" and not torch.backends.mps.is_available():
        return f"--device: this machine has no MPS device, got {name!r}"
    return None
