"""The base of evaluators.

Shapes: ``B`` lines, ``T`` pen steps.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from base.base_metric import BaseMetric
from base.base_model import BaseModel
from base.batch import Batch, BatchT
from base.registry import METRICS, Registry
from data_loader.batches import collate
from evaluation.density_map import density_map, in_units_of_corpus
from evaluation.hand_embedding import HandEmbedding
from handwriting.errors import UserError
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.vocabulary import Vocabulary
from model.metric import line_scores
from model.mixture import BivariateMixture
from trainer.distributed import ALONE, Distributed
from utils.figures.density import density_figure
from utils.figures.sheet import Sheet
from utils.figures.sheet_files import sheet_image
from writing.pen_steps.onnx_steps import OnnxStep
from writing.sampling import sample_seeds

Given = TypeVar("Given")

EVALUATORS = Registry("evaluator")
NUMBERS = ("nll", "nll_per_step_raw", "sse")
UNITS = {
    "nll": "nats per line, normalised units",
    "nll_per_step_raw": "nats per pen step, the corpus's own units",
    "sse": "squared error per pen step, normalised units",
}
SENTENCES = (
    "The quick brown fox jumps over the lazy dog",
    "0 1 2 3 4 5 6 7 8 9",
    "Queen Xenia of Zanzibar, Q X Z",
    "Would it be fine by you, Mr. Jones?",
)
# For pictures during training: an untrained model does not know when to stop.
SHORT_SENTENCES = ("The quick brown fox", "0 1 2 3 4 5 6 7 8 9", "Quiz, Xerxes, Zebra")


@dataclass(frozen=True)
class SampleSettings:
    """Settings of samples and their pictures.

    Attributes:
        seed: of the samples; the same seed gives the same strokes.
        samples: how many lines: drawn at each bias, and primed, by a model without text; written
            again at each bias by one with text. None for the task's default.
        steps: pen steps of each line, its prime included; a model with text stops by itself.
        biases: sampling biases (Graves 2013, section 5.4), one group of lines each; None for the
            task's default.
        primed_bias: the bias of primed lines.
        sentences: for a model with text.
        in_hands: a model with text writes the texts of real lines in the styles of others.
        hand_embedding: learned from other writers, to tell whose hand a line is in; None where the
            data have too few.
        progress: show a progress bar.
        onnx: an export of the model, to draw with in its place.
    """

    seed: int = 1
    samples: int | None = None
    steps: int = 600
    biases: tuple[float, ...] | None = None
    primed_bias: float = 0.5
    sentences: tuple[str, ...] = SENTENCES
    in_hands: bool = False
    hand_embedding: HandEmbedding | None = None
    progress: bool = False
    onnx: OnnxStep | None = None


DEFAULT_SAMPLES = SampleSettings()


@dataclass(frozen=True)
class Samples:
    """Samples that a model wrote.

    Attributes:
        pictures: by name.
        rows: numbers about what it wrote, plain values, one row for each bias; none where the
            task counts nothing there.
        real: the real lines whose texts it wrote again.
        written: at each bias, what it wrote for each of ``real``.
        styles: how far styles were kept, plain values, rows for real lines and each bias; none
            where texts were written in no style.
    """

    pictures: Mapping[str, Sheet | Figure]
    rows: Sequence[dict[str, Any]] = field(default_factory=tuple)
    real: Sequence[Line] = field(default_factory=tuple)
    written: Mapping[float, Sequence[SynthesisedLine]] = field(default_factory=dict)
    styles: Sequence[dict[str, Any]] = field(default_factory=tuple)


class Evaluator(ABC, Generic[BatchT]):
    """Numbers and pictures for a task, from batches as its models take them.

    Args:
        model: in evaluation mode from here on.
        normalisation: of the strokes that the model sees.
        vocabulary: of the texts, for tasks that have to do with text.
        features: of ink, for models that see these.

    Attributes:
        training_lines: how many validation lines the pictures during training are of.
        source_of: the source of a line by its number in the corpus, where there are several; a task
            may then give numbers of each.
    """

    training_lines = 0
    source_of: Callable[[int], str] | None = None

    def __init__(
        self,
        model: BaseModel,
        normalisation: Normalisation,
        vocabulary: Vocabulary | None = None,
        features: InkFeatures | None = None,
    ) -> None:
        self.model = model.eval()
        self.normalisation = normalisation
        self.vocabulary = vocabulary
        self.features = features
        self.prepare()

    def prepare(self) -> None:  # noqa: B027 - not every task counts anything
        """Set up what the task counts; called at the end of construction."""

    @abstractmethod
    def score(self, batch: BatchT) -> dict[str, list[Any]]:
        """Count a batch, on the model's device.

        Returns:
            columns of the table of lines, each with a value for each of the ``B`` lines.
        """

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """The task's numbers over all lines counted, plain values; nan where there was none."""

    def take_counted(self) -> dict[str, Any]:
        """Return what was counted, tensors and plain values, and count from nothing again.

        Raises:
            UserError: the task's lines cannot be divided between processes.
        """
        raise UserError(
            f"torchrun: an evaluation of the task {self.model.task!r} cannot be divided between"
            " processes"
        )

    def add_counted(self, counted: dict[str, Any]) -> None:
        """Count what ``take_counted`` returned, here or in another process."""
        raise NotImplementedError

    def tables(self, numbers: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
        """The rows of each table that is printed of the numbers."""
        return [self.describe(numbers)]

    def describe(self, numbers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The rows of a table in which the numbers are printed, each a cell under each name; one
        row for each number unless a task has a better table."""
        return [
            {"": name, "value": f"{value:.4f}", "unit": UNITS.get(name, "")}
            for name, value in numbers.items()
        ]

    @abstractmethod
    def samples(self, settings: SampleSettings, lines: Sequence[Line]) -> Samples:
        """Have the model write.

        Args:
            settings: what to show.
            lines: real lines of the evaluated split, in the corpus's units, for pictures that
                start from one and numbers that compare with them; none where there are no data.
        """

    def report(
        self,
        about: Mapping[str, Any],
        settings: SampleSettings,
        lines: Sequence[Line],
    ) -> Mapping[str, str]:
        """More files about the lines counted, text by name, for tasks that have such.

        Args:
            about: ``checkpoint``, ``epoch``, ``split``, ``lines`` and the like.
            settings: how many lines to show.
            lines: those that were counted, in the order of the corpus, in its units.
        """
        return {}


class LikelihoodEvaluator(Evaluator[Batch]):
    """Likelihood and prediction error of real lines, for models that predict pen steps."""

    def prepare(self) -> None:
        """Make the metrics."""
        self._metrics = {name: METRICS[name](normalisation=self.normalisation) for name in NUMBERS}

    def score(self, batch: Batch) -> dict[str, list[Any]]:
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

    def take_counted(self) -> dict[str, Any]:
        """The sums of each metric."""
        return take_sums(self._metrics)

    def add_counted(self, counted: dict[str, Any]) -> None:
        """Add to the sums of each metric."""
        add_sums(self._metrics, counted)

    @torch.no_grad()
    def density(self, strokes: np.ndarray, text: str, title: str) -> Figure | None:
        """Return the density of the pen along a line, see ``density_map``.

        Args:
            strokes: ``[T, 3]``, in the corpus's units.
            text: what it says; of no account to a model without text.
            title: words above the picture.

        Returns:
            the picture; None for a line of one point, or one that went out of all bounds.
        """
        normalised = self.normalisation.normalise(strokes)
        if len(normalised) < 2 or not np.isfinite(np.cumsum(normalised, axis=0)).all():
            return None
        vocabulary = self.vocabulary or Vocabulary("")
        batch = collate([normalised], [text], [0], vocabulary)
        mixtures = self.model(batch.to(next(self.model.parameters()).device))
        parts = {name: value.squeeze(0) for name, value in vars(mixtures).items()}
        mixtures = in_units_of_corpus(BivariateMixture(**parts), self.normalisation)
        return density_figure(density_map(mixtures, strokes), title)


def evaluator_of(
    model: BaseModel,
    normalisation: Normalisation,
    vocabulary: Vocabulary | None = None,
    features: InkFeatures | None = None,
) -> Evaluator[Any]:
    """The evaluator of the model's task; ``UserError`` where the task has none."""
    if model.task not in EVALUATORS:
        known = ", ".join(EVALUATORS)
        raise UserError(
            f"{type(model).__name__}: no evaluator for the task {model.task!r}, known: {known}"
        )
    evaluator: Evaluator[Any] = EVALUATORS[model.task](model, normalisation, vocabulary, features)
    return evaluator


@torch.inference_mode()
def evaluate(
    evaluator: Evaluator[BatchT],
    batches: Iterable[BatchT],
    progress: bool = False,
    processes: Distributed = ALONE,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measure the lines of ``batches``.

    Args:
        evaluator: of the model.
        batches: on any device; with a length, for the progress bar.
        progress: show a progress bar.
        processes: each of which has every ``world_size``-th of all batches, from the one with its
            rank on.

    Returns:
        the numbers over all lines, and a row for each line: ``line_index`` (its number in the
        corpus) and the task's columns, in the order of the corpus; in every process the same, those
        of one process alone.
    """
    device = next(evaluator.model.parameters()).device
    rows: list[dict[str, Any]] = []
    shares: list[_Share] = []
    for batch in tqdm(batches, desc="evaluating", unit="batch", disable=not progress):
        columns = {"line_index": batch.line_indices.tolist(), **evaluator.score(batch.to(device))}
        rows += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        if processes.world_size > 1:
            shares.append({"rows": rows, "counted": evaluator.take_counted()})
            rows = []
    if processes.world_size > 1:
        rows = _joined(evaluator, processes.gather(shares))
    return evaluator.numbers(), sorted(rows, key=lambda row: row["line_index"])


_Share = dict[str, Any]
"""Of a batch: the ``rows`` of its lines, and what its task ``counted``."""


def _joined(evaluator: Evaluator[Any], shares: Sequence[Sequence[_Share]]) -> list[dict[str, Any]]:
    """Count the batches of all processes in the order that one process would have them in, so that
    sums are rounded the same; return the rows of their lines.

    Raises:
        ValueError: a line came twice, from a data loader that divides nothing.
    """
    rows: list[dict[str, Any]] = []
    for turn in zip_longest(*shares):
        for share in turn:
            if share is not None:
                evaluator.add_counted(share["counted"])
                rows += share["rows"]
    if len({row["line_index"] for row in rows}) < len(rows):
        raise ValueError("evaluation: the processes have lines in common")
    return rows


def take_sums(metrics: Mapping[str, BaseMetric]) -> dict[str, Any]:
    """Return the sums of metrics by name, and reset them."""
    sums = {name: metric.sums() for name, metric in metrics.items()}
    for metric in metrics.values():
        metric.reset()
    return sums


def add_sums(metrics: Mapping[str, BaseMetric], sums: Mapping[str, Tensor]) -> None:
    """Add sums to those of metrics, by name."""
    for name, metric in metrics.items():
        metric.load_sums(metric.sums() + sums[name])


def sample_figures(
    model: BaseModel,
    normalisation: Normalisation,
    vocabulary: Vocabulary | None = None,
    settings: SampleSettings = DEFAULT_SAMPLES,
    features: InkFeatures | None = None,
    lines: Sequence[Line] = (),
) -> dict[str, Figure | Image.Image]:
    """Pictures of what the model writes or reads now, by name, for a look during training.

    The model is left in the mode it was in, and torch's own random state is not used.
    """
    was_training = model.training
    try:
        evaluator = evaluator_of(model, normalisation, vocabulary, features)
        samples = evaluator.samples(settings, lines)
    finally:
        model.train(was_training)
    return {name: as_picture(picture) for name, picture in samples.pictures.items()}


def as_picture(picture: Sheet | Figure) -> Figure | Image.Image:
    """A picture that can be looked at: the image of a sheet, other figures as they are."""
    return sheet_image(picture) if isinstance(picture, Sheet) else picture


def seeds_of(settings: SampleSettings, number: int) -> list[int]:
    """A seed for each of ``number`` samples; fewer samples have the first of them."""
    return sample_seeds(number, torch.Generator().manual_seed(settings.seed), None)


def evenly_spread(total: int, number: int) -> list[int]:
    """``number`` places of ``total``, or all where there are no more, evenly spread."""
    return [int(place) for place in np.linspace(0, total - 1, min(number, total)).round()]


def required(value: Given | None, name: str) -> Given:
    """Return what a task cannot do without; ``ValueError`` where the evaluator was given none."""
    if value is None:
        raise ValueError(f"{name}: the task needs one, got none")
    return value


def _lists(**columns: Tensor) -> dict[str, list[Any]]:
    return {name: column.tolist() for name, column in columns.items()}
