"""Evaluation of a trained model: what is measured and what is drawn, by the model's task.

An evaluator is registered under the ``task`` of the models that it evaluates; the commands know
none of them by name.

Shapes: ``B`` lines, ``T`` pen steps.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from base.base_model import BaseModel
from base.registry import METRICS, Registry
from data_loader.batch import Batch
from data_loader.normalisation import Normalisation
from data_loader.vocabulary import Vocabulary
from model.generation import generate
from model.metric import line_scores
from utils.errors import UserError
from utils.plotting import sheet_figure
from utils.sheet import INK_COLOUR, PRIME_COLOUR, Ink, Row, Sheet, contact_sheet

EVALUATORS = Registry("evaluator")
NUMBERS = ("nll", "nll_per_step_raw", "sse")


@dataclass(frozen=True)
class SampleSettings:
    """What a picture of samples shows.

    Attributes:
        seed: of the samples; the same seed gives the same strokes.
        samples: how many lines at each bias, and how many primed ones.
        steps: pen steps of each line, its prime included.
        biases: sampling biases (Graves 2013, section 5.4), one group of lines each.
        primed_bias: the bias of primed lines.
        progress: show a progress bar.
    """

    seed: int = 1
    samples: int = 3
    steps: int = 600
    biases: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    primed_bias: float = 0.5
    progress: bool = False


DEFAULT_SAMPLES = SampleSettings()


class Evaluator(ABC):
    """What is measured and drawn for a task.

    Args:
        model: in evaluation mode from here on.
        normalisation: of the strokes that the model sees.
        vocabulary: of the texts, for tasks that have to do with text.
    """

    def __init__(
        self,
        model: BaseModel,
        normalisation: Normalisation,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.model = model.eval()
        self.normalisation = normalisation
        self.vocabulary = vocabulary

    @abstractmethod
    def score(self, batch: Batch) -> dict[str, list]:
        """Count a batch, on the model's device.

        Returns:
            columns of the table of lines, each with a value for each of the ``B`` lines.
        """

    @abstractmethod
    def numbers(self) -> dict[str, float]:
        """The task's numbers over all lines counted; nan where there was none."""

    @abstractmethod
    def sheets(self, settings: SampleSettings, lines: Sequence[np.ndarray]) -> dict[str, Sheet]:
        """Pictures by name.

        Args:
            settings: what to show.
            lines: real lines of the evaluated split, strokes ``[T, 3]`` in the corpus's units, for
                pictures that start from one; none where there are no data.
        """


def evaluator_of(
    model: BaseModel, normalisation: Normalisation, vocabulary: Vocabulary | None = None
) -> Evaluator:
    """The evaluator of the model's task; ``UserError`` where the task has none."""
    if model.task not in EVALUATORS:
        known = ", ".join(EVALUATORS)
        raise UserError(
            f"{type(model).__name__}: no evaluator for the task {model.task!r}, known: {known}"
        )
    return EVALUATORS[model.task](model, normalisation, vocabulary)


@torch.inference_mode()
def evaluate(
    evaluator: Evaluator, batches: Iterable[Batch], progress: bool = False
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Measure the lines of ``batches``.

    Args:
        evaluator: of the model.
        batches: on any device; with a length, for the progress bar.
        progress: show a progress bar.

    Returns:
        the numbers over all lines, and a row for each line: ``index`` (its number in the corpus)
        and the task's columns, in the order of the corpus.
    """
    device = next(evaluator.model.parameters()).device
    rows: list[dict[str, float]] = []
    for batch in tqdm(batches, desc="evaluating", unit="batch", disable=not progress):
        columns = {"index": batch.line_indices.tolist(), **evaluator.score(batch.to(device))}
        rows += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    return evaluator.numbers(), sorted(rows, key=lambda row: row["index"])


def sample_figures(
    model: BaseModel,
    normalisation: Normalisation,
    vocabulary: Vocabulary | None = None,
    settings: SampleSettings = DEFAULT_SAMPLES,
) -> dict[str, Figure]:
    """Pictures of what the model writes now, by name, for a look during training.

    The model is left in the mode it was in, and torch's own random state is not used.
    """
    was_training = model.training
    try:
        sheets = evaluator_of(model, normalisation, vocabulary).sheets(settings, lines=())
    finally:
        model.train(was_training)
    return {name: sheet_figure(sheet) for name, sheet in sheets.items()}


@EVALUATORS.register(name="unconditional")
class UnconditionalEvaluator(Evaluator):
    """Likelihood and prediction error of real lines; samples, with and without a prime."""

    def __init__(
        self,
        model: BaseModel,
        normalisation: Normalisation,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        super().__init__(model, normalisation, vocabulary)
        self._metrics = {name: METRICS[name](normalisation=normalisation) for name in NUMBERS}

    def score(self, batch: Batch) -> dict[str, list]:
        """Columns ``steps`` (predicted pen steps), ``nll`` (nats of the line, normalised units),
        ``nll_per_step_raw`` and ``sse`` (of this line alone)."""
        output = self.model(batch)
        for metric in self._metrics.values():
            metric.update(output, batch)
        scores = line_scores(output, batch)
        steps = scores["steps"]
        return _lists(
            steps=steps.long(),
            nll=scores["nll"],
            nll_per_step_raw=scores["nll"] / steps + self.normalisation.log_scale,
            sse=scores["squared_error"] / steps,
        )

    def numbers(self) -> dict[str, float]:
        """``nll``, ``nll_per_step_raw`` and ``sse``, as ``model.metric`` defines them."""
        return {name: metric.compute() for name, metric in self._metrics.items()}

    def sheets(self, settings: SampleSettings, lines: Sequence[np.ndarray]) -> dict[str, Sheet]:
        """``samples``: lines at each bias, from the same noise; ``primed``: real beginnings of
        lines and how the model goes on, where there are lines."""
        sheets = {"samples": self._samples(settings)}
        if lines:
            sheets["primed"] = self._primed(settings, lines)
        return sheets

    def _samples(self, settings: SampleSettings) -> Sheet:
        biases, samples = settings.biases, settings.samples
        strokes = generate(
            self.model,
            self.normalisation,
            num_samples=len(biases) * samples,
            max_steps=settings.steps - 1,
            bias=[bias for bias in biases for _ in range(samples)],
            seeds=_seeds(settings) * len(biases),
            progress=settings.progress,
        )
        groups = [strokes[start : start + samples] for start in range(0, len(strokes), samples)]
        return contact_sheet(
            [
                Row(f"bias {bias:g}", [Ink(line) for line in group])
                for bias, group in zip(biases, groups, strict=True)
            ]
        )

    def _primed(self, settings: SampleSettings, lines: Sequence[np.ndarray]) -> Sheet:
        primes = choose_primes(lines, settings)
        strokes = generate(
            self.model,
            self.normalisation,
            num_samples=len(primes),
            max_steps=max(settings.steps - min(map(len, primes)), 1),
            bias=settings.primed_bias,
            primes=primes,
            seeds=_seeds(settings)[: len(primes)],
            include_prime=True,
            progress=settings.progress,
        )
        inks = [
            Ink(line[: max(settings.steps, len(prime) + 1)], len(prime))
            for line, prime in zip(strokes, primes, strict=True)
        ]
        captions = [
            ("the start of a real line", PRIME_COLOUR),
            (f"how the model goes on, bias {settings.primed_bias:g}", INK_COLOUR),
        ]
        return contact_sheet([Row("", inks)], captions)


def choose_primes(lines: Sequence[np.ndarray], settings: SampleSettings) -> list[np.ndarray]:
    """Beginnings ``[P, 3]`` of lines drawn at random: a third of the samples' steps, half of a
    line that is shorter, and at least one step."""
    generator = np.random.default_rng(settings.seed)
    chosen = generator.choice(len(lines), min(settings.samples, len(lines)), replace=False)
    return [
        np.array(lines[index][: max(1, min(settings.steps // 3, len(lines[index]) // 2))])
        for index in chosen
    ]


def _seeds(settings: SampleSettings) -> list[int]:
    """A seed for each sample; fewer samples have the first of them."""
    generator = torch.Generator().manual_seed(settings.seed)
    return [torch.randint(2**62, (), generator=generator).item() for _ in range(settings.samples)]


def _lists(**columns: Tensor) -> dict[str, list]:
    return {name: column.tolist() for name, column in columns.items()}
