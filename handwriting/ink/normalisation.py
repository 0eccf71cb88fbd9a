"""The normalisation of pen offsets: per axis, mean 0 and standard deviation 1 over training."""

from dataclasses import asdict, dataclass

import numpy as np

# Offsets of real ink are between these in any unit, from metres to the finest of tablets.
SMALLEST_STD = 1e-9
LARGEST_STD = 1e9
LARGEST_MEAN = 1e9


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of the offsets (dx, dy), in the corpus's own units."""

    mean: tuple[float, float] = (0.0, 0.0)
    std: tuple[float, float] = (1.0, 1.0)

    @property
    def log_scale(self) -> float:
        """log(std_x * std_y): what a log-density per step in normalised units has over one in the
        corpus's own units."""
        return float(np.log(self.std[0]) + np.log(self.std[1]))

    def normalise(self, strokes: np.ndarray) -> np.ndarray:
        """Strokes ``[..., 3]`` in the corpus's units to float32 in normalised units."""
        offsets = (strokes[..., 1:] - np.asarray(self.mean)) / np.asarray(self.std)
        return _joined(strokes[..., :1], offsets)

    def denormalise(self, strokes: np.ndarray) -> np.ndarray:
        """The inverse of ``normalise``."""
        offsets = strokes[..., 1:] * np.asarray(self.std) + np.asarray(self.mean)
        return _joined(strokes[..., :1], offsets)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain values, for a checkpoint or JSON."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> "Normalisation":
        """The inverse of ``to_dict``."""
        (mean_x, mean_y), (std_x, std_y) = values["mean"], values["std"]
        return cls(mean=(mean_x, mean_y), std=(std_x, std_y))


def _joined(ends: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    strokes: np.ndarray = np.concatenate([ends, offsets], axis=-1).astype(np.float32)
    return strokes
