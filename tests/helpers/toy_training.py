"""A model and data small enough that a test can train them many times."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_checkpoint import contents
from torch import Tensor, nn

from base.batch import Batch
from trainer.distributed import Distributed
from trainer.run_folder import RunFolder
from trainer.trainer import Trainer, TrainerSettings
from utils.seeding import seed_everything


class ToyModel(nn.Module):
    """Predicts each offset from the row before, with dropout."""

    def __init__(self, dropout: float = 0.3, hidden: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, 2)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Offsets ``[B, T-1, 2]``."""
        return self.layers(batch.strokes[:, :-1])


class SquaredError(nn.Module):
    """Mean over steps. With ``broken_line``, NaN for the batches that have this line."""

    def __init__(self, broken_line: int | None = None) -> None:
        super().__init__()
        self.broken_line = broken_line

    def forward(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        mask = batch.stroke_mask[:, 1:]
        error = (output - batch.strokes[:, 1:, 1:]).square()[mask]
        factor = float("nan") if self.broken_line in batch.line_indices.tolist() else 1.0
        return {
            "loss": error.sum(-1).mean() * factor,
            "weight": mask.sum(),
            "horizontal": error[:, 0].mean().detach(),
        }


class MeanError:
    """Mean over lines of each line's largest error."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64)

    def update(self, output: Tensor, batch: Batch) -> None:
        error = (output - batch.strokes[:, 1:, 1:]).square().sum(-1).double()
        worst = error.masked_fill(~batch.stroke_mask[:, 1:], 0).amax(dim=1)
        self._sums += torch.stack([worst.sum(), torch.tensor(float(len(worst))).double()])

    def sums(self) -> Tensor:
        return self._sums

    def load_sums(self, sums: Tensor) -> None:
        self._sums = sums

    def compute(self) -> float:
        return (self._sums[0] / self._sums[1]).item()


class ToyBatches:
    """Lines that are shuffled and jittered anew in each epoch; rows ``rank::world_size``."""

    def __init__(
        self, count: int, size: int, shuffle: bool, rank: int = 0, world_size: int = 1
    ) -> None:
        generator = np.random.default_rng(count)
        self.lines = [
            generator.normal(size=(length, 3)).astype(np.float32)
            for length in generator.integers(3, 9, size=count)
        ]
        self.size, self.shuffle = size, shuffle
        self.rank, self.world_size = rank, world_size
        self.epoch = self.start = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch, self.start = epoch, 0

    def start_at(self, position: int) -> None:
        self.start = position

    def __len__(self) -> int:
        return -(-len(self.lines) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        generator = np.random.default_rng((7, self.epoch))
        order = np.arange(len(self.lines))
        if self.shuffle:
            order = generator.permutation(order)
        for number in range(self.start, len(self)):
            rows = order[number * self.size : (number + 1) * self.size]
            rows = rows[self.rank :: self.world_size]
            if len(rows):
                yield self._batch(rows)

    def _batch(self, rows: np.ndarray) -> Batch:
        lengths = [len(self.lines[row]) for row in rows]
        strokes = torch.zeros(len(rows), max(lengths), 3)
        for place, row in enumerate(rows):
            line = torch.from_numpy(self.lines[row].copy())
            if self.shuffle:
                scale = np.random.default_rng((self.epoch, int(row))).uniform(0.8, 1.2)
                line = line * scale
            strokes[place, : len(line)] = line
        nothing = torch.zeros(len(rows), 0, dtype=torch.int64)
        return Batch(
            strokes, torch.tensor(lengths), nothing, nothing.sum(1), torch.from_numpy(rows)
        )


class ToyLoader:
    """20 training lines in batches of 4, 7 validation lines in batches of 3."""

    groups: Sequence[str] = ()

    def __init__(self, rank: int = 0, world_size: int = 1) -> None:
        self.train = ToyBatches(20, 4, True, rank, world_size)
        self.validation = ToyBatches(7, 3, False, rank, world_size)


def make_trainer(
    folder: Path | str,
    *,
    resume: dict[str, Any] | None = None,
    scheduler: Any = None,
    distributed: Distributed | None = None,
    dropout: float = 0.3,
    broken_line: int | None = None,
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam,
    draw_history: Callable[..., None] = lambda rows, path: None,
    groups: tuple[str, ...] = (),
    **settings: Any,
) -> Trainer:
    """A toy trainer, as ``train.py`` makes the real one; ``scheduler`` is made of an optimizer.

    Drawing curves takes longer than all else here, and is left out.
    """
    distributed = distributed or Distributed()
    defaults = {"epochs": 4, "monitor": "min error", "tensorboard": False, "sample_period": 0}
    seed_everything(3)
    model = ToyModel(dropout)
    made = optimizer(model.parameters(), lr=0.02)
    loader = ToyLoader(distributed.rank, distributed.world_size)
    loader.groups = groups
    trainer = Trainer(
        model=model,
        criterion=SquaredError(broken_line),
        metrics={"error": MeanError()},
        optimizer=made,
        data_loader=loader,
        settings=TrainerSettings(**{**defaults, **settings}),
        run=RunFolder(Path(folder), "toy", "run"),
        header={key: contents()[key] for key in ("arch", "config")},
        scheduler=scheduler(made) if scheduler else None,
        distributed=distributed,
        line_id=lambda index: f"line-{index}",
        group_of=lambda index: groups[min(index // 3, len(groups) - 1)],
        draw_history=draw_history,
    )
    if resume is not None:
        trainer.resume(resume)
    return trainer
