"""Time of a training step of a generating model beside that of bare LSTM layers.

    python -m benchmarks.training_step [--model conditional] [--hidden-size 400] ...

Bare means ``torch.nn.LSTM`` layers of the same shape: the first reads what the model's first layer
reads, the others as many inputs as the model's (the hidden units below, the pen step and, in the
conditional model, the window), with the sum of the outputs as loss. A step is forward, loss,
backward and gradient clip, and the optimizer's update for both with ``--optimizer``. Both take
turns, so that what else the machine does falls on both alike.

Shapes: ``B`` lines, ``T`` pen steps, ``S`` inputs that every layer gets, ``H`` hidden units.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from data_loader.batch import Batch
from data_loader.vocabulary import Vocabulary
from model.loss import MixtureNLL
from model.models import (
    STROKE_SIZE,
    ConditionalHandwriting,
    StackedHandwriting,
    UnconditionalHandwriting,
)

# As many symbols and characters a line as in IAM-OnDB.
VOCABULARY = Vocabulary(map(chr, range(33, 107)))
NUM_CHARACTERS = 30


class BareLayers(nn.Module):
    """LSTM layers on top of each other and nothing else."""

    def __init__(self, side_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.side_size = side_size
        self.layers = nn.ModuleList(
            nn.LSTM(side_size if layer == 0 else side_size + hidden_size, hidden_size)
            for layer in range(num_layers)
        )

    def forward(self, steps: Tensor) -> Tensor:
        """Hidden states ``[T, B, H]`` of the last layer for inputs ``[T, B, S]``."""
        hidden, _ = self.layers[0](steps)
        for layer in self.layers[1:]:
            # Zero-padding brings the inputs to the model's number; it costs less than joining.
            hidden, _ = layer(nn.functional.pad(hidden, (self.side_size, 0)))
        return hidden


def main() -> None:
    """Print both medians and their ratio."""
    options = _options()
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)
    batch = _batch(options.batch_size, options.steps + 1).to(options.device)
    model = _model(options).to(options.device)
    side_size = STROKE_SIZE + (len(VOCABULARY) if options.text else 0)
    bare = BareLayers(side_size, options.hidden_size, options.num_layers).to(options.device)
    criterion = MixtureNLL()
    inputs = torch.randn(options.steps, options.batch_size, side_size, device=options.device)
    steps = {
        "bare LSTM layers": _step(bare, lambda: bare(inputs).sum(), options),
        "model": _step(model, lambda: criterion(model(batch), batch)["loss"], options),
    }
    times = _interleaved(steps, options.repeats)
    for name, values in times.items():
        runs = " ".join(f"{value:.3f}" for value in values)
        print(f"{name:18} median {statistics.median(values):.3f} s  ({runs})")
    bare_times, model_times = times.values()
    ratios = [own / other for own, other in zip(model_times, bare_times, strict=True)]
    medians = statistics.median(model_times) / statistics.median(bare_times)
    print(
        f"model / bare: {medians:.3f} of the medians, "
        f"{min(model_times) / min(bare_times):.3f} of the fastest, "
        f"{statistics.median(ratios):.3f} median of the pairs"
    )


def _model(options: argparse.Namespace) -> StackedHandwriting:
    sizes = (options.hidden_size, options.num_layers, options.num_mixtures)
    if options.text:
        return ConditionalHandwriting(VOCABULARY, *sizes, num_window_components=10)
    return UnconditionalHandwriting(*sizes)


def _step(
    module: nn.Module, loss: Callable[[], Tensor], options: argparse.Namespace
) -> Callable[[], None]:
    optimizer = torch.optim.Adam(module.parameters()) if options.optimizer else None

    def step() -> None:
        module.zero_grad(set_to_none=True)
        with torch.autocast(options.device, torch.bfloat16, enabled=options.bfloat16):
            value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 10.0)
        if optimizer is not None:
            optimizer.step()
        if options.device == "cuda":
            torch.cuda.synchronize()

    return step


def _interleaved(steps: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each call, in turns, after one call of each that is not counted."""
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return times


def _batch(num_lines: int, num_steps: int) -> Batch:
    strokes = torch.randn(num_lines, num_steps, STROKE_SIZE)
    strokes[..., 0] = (torch.rand(num_lines, num_steps) < 0.05).float()
    return Batch(
        strokes=strokes,
        stroke_lengths=torch.full((num_lines,), num_steps),
        text=torch.randint(4, len(VOCABULARY), (num_lines, NUM_CHARACTERS)),
        text_lengths=torch.full((num_lines,), NUM_CHARACTERS),
        line_indices=torch.arange(num_lines),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--model", choices=("unconditional", "conditional"), default="unconditional"
    )
    parser.add_argument("--hidden-size", type=int, default=400)
    parser.add_argument("--num-layers", type=int, default=3)
    parser.add_argument("--num-mixtures", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=700, help="pen steps that the model reads")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's choice")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="autocast both to bfloat16")
    parser.add_argument("--optimizer", action="store_true", help="Adam's update counts too")
    options = parser.parse_args()
    options.text = options.model == "conditional"
    return options


if __name__ == "__main__":
    main()
