"""Batches of lines of like length, in an order that depends on the seed and the epoch alone.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``L`` lines of the split.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from base.batch import Batch
from data_loader.shares import EpochLines
from handwriting.text.vocabulary import Vocabulary


def collate(
    strokes: Sequence[np.ndarray],
    texts: Sequence[str],
    line_indices: Sequence[int],
    vocabulary: Vocabulary,
) -> Batch:
    """Pad lines into a batch, as long as its longest line.

    Args:
        strokes: float32 ``[T, 3]`` of each line, in normalised units.
        texts: the transcription of each line.
        line_indices: the number of each line in its corpus.
        vocabulary: characters that are not in it become its unknown character.
    """
    stroke_lengths = [len(line) for line in strokes]
    padded = np.zeros((len(strokes), max(stroke_lengths), 3), dtype=np.float32)
    for row, line in zip(padded, strokes, strict=True):
        row[: len(line)] = line
    encoded = [vocabulary.encode(text) for text in texts]
    text_lengths = [len(text) for text in encoded]
    text = np.full((len(texts), max(text_lengths)), vocabulary.pad, dtype=np.int64)
    for characters, indices in zip(text, encoded, strict=True):
        characters[: len(indices)] = indices
    return Batch(
        strokes=torch.from_numpy(padded),
        stroke_lengths=torch.tensor(stroke_lengths, dtype=torch.int64),
        text=torch.from_numpy(text),
        text_lengths=torch.tensor(text_lengths, dtype=torch.int64),
        line_indices=torch.tensor([int(index) for index in line_indices], dtype=torch.int64),
    )


class BucketBatchSampler:
    """Batches of positions ``0 .. L-1``, each of lines of like length.

    With ``shuffle``, each epoch shuffles the lines, sorts them by length within pools of
    ``pool_batches`` batches, and shuffles the batches: lines meet others each time, and padding
    stays small. Without, all lines are sorted by length and the order is always the same.

    ``batch_size`` is that of all processes together. Each sees the same batches and takes its rows
    ``rank, rank + world_size, ...`` of each. With ``shuffle`` (training) each process gets a row
    of every batch: a last batch of fewer rows than processes joins the one before it. Without
    (evaluation), a process may find nothing for it in the last batch, and does not get that one.
    With ``whole_batches`` each takes whole ones instead, every ``world_size``-th from that of its
    rank on, as one process would see them.

    Args:
        lengths: pen steps of each line, ``[L]``.
        batch_size: lines in a batch, over all processes.
        seed: of the shuffling.
        shuffle: as above.
        pool_batches: batches in a pool.
        rank: number of this process.
        world_size: number of processes.
        epoch_lines: which positions an epoch has; None for all of them in every epoch.
        groups: a number for each line, ``[L]``: without ``shuffle``, a batch has lines of one
            group, and the groups follow one another. None for one group.
        whole_batches: as above; without ``shuffle`` alone.

    Raises:
        ValueError: for a number out of its range, or, when shuffling, for fewer lines or a smaller
            batch than there are processes.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        pool_batches: int = 50,
        rank: int = 0,
        world_size: int = 1,
        epoch_lines: EpochLines | None = None,
        groups: np.ndarray | None = None,
        whole_batches: bool = False,
    ) -> None:
        self.whole_batches = whole_batches
        self.groups = groups
        self.epoch_lines = epoch_lines
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.pool_batches = pool_batches
        self.rank = rank
        self.world_size = world_size
        self._check()

    def _check(self) -> None:
        if self.batch_size < 1 or self.pool_batches < 1:
            raise ValueError("batch size and pool size must be at least 1")
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"rank: 0 to {self.world_size - 1}, got {self.rank}")
        if self.shuffle and self.whole_batches:
            raise ValueError("whole batches: are for evaluation, got shuffled ones")
        smallest = min(self.batch_size, self._num_lines)
        if self.shuffle and smallest < self.world_size:
            raise ValueError(
                f"each of {self.world_size} processes needs a line of every batch, got batches of"
                f" {self.batch_size} from {self._num_lines} lines"
            )

    def __len__(self) -> int:
        """Batches that this process gets in an epoch, the same in every epoch."""
        if self.whole_batches:
            return len(self.global_batches(0)[self.rank :: self.world_size])
        if self.groups is not None and not self.shuffle:
            return sum(len(batch) > self.rank for batch in self.global_batches(0))
        return sum(size > self.rank for size in self._batch_sizes(self._num_lines))

    @property
    def _num_lines(self) -> int:
        return len(self.lengths) if self.epoch_lines is None else len(self.epoch_lines)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """This process's rows of each batch of ``epoch``, or its whole batches: positions in
        ``lengths``."""
        if self.whole_batches:
            for batch in self.global_batches(epoch)[self.rank :: self.world_size]:
                yield batch.tolist()
            return
        for batch in self.global_batches(epoch):
            rows = batch[self.rank :: self.world_size]
            if len(rows):
                yield rows.tolist()

    def global_batches(self, epoch: int) -> list[np.ndarray]:
        """The batches of ``epoch``, int64 ``[B]`` each, the same in every process."""
        if not self.shuffle:
            order = np.argsort(self.lengths, kind="stable")
            return [batch for group in self._grouped(order) for batch in self._cut(group)]
        generator = np.random.default_rng((self.seed, epoch))
        order = generator.permutation(self._num_lines)
        if self.epoch_lines is not None:
            order = self.epoch_lines.of(epoch)[order]
        batches = [batch for pool in self._pools(order) for batch in self._cut(self._sorted(pool))]
        return [batches[number] for number in generator.permutation(len(batches))]

    def _grouped(self, order: np.ndarray) -> list[np.ndarray]:
        """The positions of each group, in the order given."""
        if self.groups is None:
            return [order]
        of_order = self.groups[order]
        return [order[of_order == group] for group in np.unique(self.groups)]

    def _pools(self, order: np.ndarray) -> list[np.ndarray]:
        """Cut ``order`` into pools; a last pool of less than a batch joins the one before it."""
        size = self.pool_batches * self.batch_size
        starts = list(range(size, len(order), size))
        if starts and len(order) - starts[-1] < self.batch_size:
            starts.pop()
        return np.split(order, starts)

    def _sorted(self, pool: np.ndarray) -> np.ndarray:
        return pool[np.argsort(self.lengths[pool], kind="stable")]

    def _cut(self, positions: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum(self._batch_sizes(len(positions)))
        return np.split(positions, ends[:-1]) if len(ends) else []

    def _batch_sizes(self, lines: int) -> list[int]:
        """Sizes of the batches that ``lines`` are cut into."""
        full, rest = divmod(lines, self.batch_size)
        sizes = [self.batch_size] * full
        if rest and full and self.shuffle and rest < self.world_size:
            sizes[-1] += rest
        elif rest:
            sizes.append(rest)
        return sizes
