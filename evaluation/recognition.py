"""Evaluation of a recogniser.

Shapes: ``B`` lines, ``T`` pen steps, ``U`` characters, ``N'`` encoder frames.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from base.base_model import BaseModel
from base.batch import RecognitionBatch
from evaluation.evaluator import (
    EVALUATORS,
    Evaluator,
    Samples,
    SampleSettings,
    evenly_spread,
    required,
)
from evaluation.recognition_report import RateRow, ReportedLine, confusions_csv, report_html
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.readings.line_reading import Reading
from handwriting.text.error_rates import (
    LABEL_SETS,
    ErrorCounts,
    LabelSet,
    confusions,
    line_errors,
    rate,
)
from handwriting.text.kinds import KINDS, kind_of
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import LanguageModel, recogniser_of
from model.recognition_metric import written_texts
from reading.decoding import decode_encoded
from reading.line_reader import LineReader
from reading.settings import GREEDY, Decoding
from utils.figures.attention import ReadLine, attention_figure, attention_sheet
from utils.figures.features import features_figure

PICTURED_LINES = 4
REPORTED_LINES = 20
_ALL = "all"


@dataclass(frozen=True)
class _Read:
    """A line that was counted: its text, and its reading by each decoding."""

    reference: str
    readings: dict[str, str]

    def errors(self, decoding: Decoding, label_set: LabelSet) -> ErrorCounts:
        return line_errors(self.reference, self.readings[decoding.key], label_set)


@EVALUATORS.register(name="recognition")
class RecognitionEvaluator(Evaluator[RecognitionBatch]):
    """Error rates of what is read, by each decoding and in each label set; a report of lines.

    Args:
        model: a recogniser, in evaluation mode from here on.
        normalisation: not used; a recogniser sees features.
        vocabulary: of the texts.
        features: what the model sees of the ink.
        decodings: ways to read; the last one is that of pictures and the report.
        language_model: on the model's device, for decodings with a language weight.
    """

    training_lines = PICTURED_LINES

    def __init__(
        self,
        model: BaseModel,
        normalisation: Normalisation,
        vocabulary: Vocabulary | None = None,
        features: InkFeatures | None = None,
        decodings: Sequence[Decoding] = (GREEDY,),
        language_model: LanguageModel | None = None,
    ) -> None:
        super().__init__(model, normalisation, vocabulary, features)
        self.decodings = tuple(decodings)
        self.language_model = language_model
        self._seconds = dict.fromkeys((decoding.key for decoding in decodings), 0.0)
        self._read: dict[int, _Read] = {}

    @property
    def shown(self) -> Decoding:
        """The decoding that lines are shown with."""
        return self.decodings[-1]

    def score(self, batch: RecognitionBatch) -> dict[str, list[Any]]:
        """Columns ``characters`` and ``words`` (of the reference), then for each decoding
        ``KEY.reading``, ``KEY.character_errors``, ``KEY.word_errors`` (all characters told apart),
        ``KEY.score`` (log-probability of the reading as the decoding counts it) and
        ``KEY.confidence`` (geometric mean over the reading's characters; nan of none)."""
        readings = {decoding.key: self._decode(batch, decoding) for decoding in self.decodings}
        references = written_texts(batch, self._vocabulary)
        for row, line_index in enumerate(batch.line_indices.tolist()):
            texts = {key: found[row].text for key, found in readings.items()}
            self._read[line_index] = _Read(references[row], texts)
        columns: dict[str, list[Any]] = {
            "characters": [len(reference) for reference in references],
            "words": [len(reference.split()) for reference in references],
        }
        for key, found in readings.items():
            columns.update(_columns(key, references, found))
        return columns

    def take_counted(self) -> dict[str, Any]:
        """The readings of each line, and the seconds that each decoding took."""
        read = {at: [line.reference, line.readings] for at, line in self._read.items()}
        counted = {"read": read, "seconds": dict(self._seconds)}
        self._read, self._seconds = {}, dict.fromkeys(self._seconds, 0.0)
        return counted

    def add_counted(self, counted: dict[str, Any]) -> None:
        """Add lines, and seconds."""
        self._read |= {at: _Read(*line) for at, line in counted["read"].items()}
        for key, seconds in counted["seconds"].items():
            self._seconds[key] += seconds

    @property
    def _vocabulary(self) -> Vocabulary:
        return required(self.vocabulary, "vocabulary")

    @property
    def _features(self) -> InkFeatures:
        return required(self.features, "features")

    def _decode(self, batch: RecognitionBatch, decoding: Decoding) -> list[Reading]:
        """Readings of a batch; its time is counted, the encoder's with it."""
        started = time.perf_counter()
        recogniser = recogniser_of(self.model)
        encoded = recogniser.encode(batch.features, batch.feature_lengths)
        readings = decode_encoded(
            recogniser, encoded, self._vocabulary, decoding.settings, self.language_model
        )
        self._seconds[decoding.key] += time.perf_counter() - started
        return readings

    def numbers(self) -> dict[str, Any]:
        """Error rates of greedy reading under the names that the metrics have in training, and
        ``decodings``: a row for each decoding and label set; ``kinds``: a row for each kind of text
        (``handwriting.text.kinds``) that there is, all characters told apart, and for each source
        of a corpus that has several."""
        rows = self._rows()
        greedy = {row.label_set: row.counts for row in rows if row.key == self.decodings[0].key}
        numbers: dict[str, Any] = {"exact": greedy["all"].exact_rate}
        for name, counts in greedy.items():
            suffix = "" if name == "all" else f"_{name}"
            numbers |= {f"cer{suffix}": counts.cer, f"wer{suffix}": counts.wer}
        numbers["decodings"] = [
            {
                "decoding": row.key,
                "label_set": row.label_set,
                "cer": row.counts.cer,
                "wer": row.counts.wer,
                "exact": row.counts.exact_rate,
                "lines_per_second": row.lines_per_second,
                **vars(self._decoding(row.key).settings),
            }
            for row in rows
        ]
        numbers["kinds"] = self._kinds()
        return numbers

    def tables(self, numbers: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
        """The rates of each decoding and label set, then those of each kind of text."""
        kinds: list[Mapping[str, Any]] = [
            {
                name: _percent(value) if isinstance(value, float) else value
                for name, value in row.items()
            }
            for row in numbers["kinds"]
        ]
        return [self.describe(numbers), kinds]

    def _kinds(self) -> list[dict[str, Any]]:
        """``kind``, ``lines``, and ``cer`` and ``exact`` of greedy reading and, where that is
        another one, of the last decoding; each source by itself, with all its kinds first, where
        ``source_of`` tells sources apart."""
        if self.source_of is None:
            return [row for row in self._kinds_of([*self._read.values()]) if row["kind"] != _ALL]
        sources: dict[str, list[_Read]] = {}
        for line_index, line in self._read.items():
            sources.setdefault(self.source_of(line_index), []).append(line)
        return [
            {"source": name, **row}
            for name in sorted(sources)
            for row in self._kinds_of(sources[name])
        ]

    def _kinds_of(self, lines: Sequence[_Read]) -> Iterator[dict[str, Any]]:
        """A row for all lines, and for each kind of text that there is among them."""
        for kind in (_ALL, *KINDS):
            own = [line for line in lines if kind in (_ALL, kind_of(line.reference))]
            if not own:
                continue
            row: dict[str, Any] = {"kind": kind, "lines": len(own)}
            for decoding in dict.fromkeys((self.decodings[0], self.shown)):
                counts = ErrorCounts()
                for line in own:
                    counts = counts.plus(line.errors(decoding, LABEL_SETS["all"]))
                row[f"{decoding.key} cer"] = counts.cer
                row[f"{decoding.key} exact"] = counts.exact_rate
            yield row

    def describe(self, numbers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """A row for each decoding and label set, rates in percent."""
        return [
            {
                "reading": row.name,
                "label set": LABEL_SETS[row.label_set].title,
                "CER %": _percent(row.counts.cer),
                "WER %": _percent(row.counts.wer),
                "exact %": _percent(row.counts.exact_rate),
                "lines/s": f"{row.lines_per_second:.0f}",
            }
            for row in self._rows()
        ]

    def _decoding(self, key: str) -> Decoding:
        return next(decoding for decoding in self.decodings if decoding.key == key)

    def _rows(self) -> list[RateRow]:
        rows = []
        for decoding in self.decodings:
            for label_set in LABEL_SETS.values():
                counts = ErrorCounts()
                for line in self._read.values():
                    counts = counts.plus(line.errors(decoding, label_set))
                speed = rate(counts.lines, self._seconds[decoding.key])
                rows.append(RateRow(decoding.key, decoding.name, label_set.name, counts, speed))
        return rows

    def samples(self, settings: SampleSettings, lines: Sequence[Line]) -> Samples:
        """Pictures of a few of the lines, evenly spread over them, as they are read now:
        ``features``, the ink as it is, corrected and as points; ``readings``, the characters under
        the ink they were read from; ``attention``, all weights of the attention. None where there
        are no lines."""
        chosen = [lines[place] for place in evenly_spread(len(lines), PICTURED_LINES)]
        if not chosen:
            return Samples({})
        read = [
            self._read_line(line, reading)
            for line, reading in zip(chosen, self._reader().read(_inks(chosen)), strict=True)
        ]
        titles = [line.text for line in chosen]
        return Samples(
            {
                "features": features_figure(_inks(chosen), self._features, titles),
                "readings": attention_sheet(read),
                "attention": attention_figure(read),
            }
        )

    def report(
        self,
        about: Mapping[str, Any],
        settings: SampleSettings,
        lines: Sequence[Line],
    ) -> Mapping[str, str]:
        """``report.html`` and ``confusions.csv``.

        Args:
            about: what was evaluated.
            settings: ``samples`` worst lines, and as many others, are shown.
            lines: those that were counted, in the order of the corpus.
        """
        read = [self._read[line_index] for line_index in sorted(self._read)]
        pairs = [(line.reference, line.readings[self.shown.key]) for line in read]
        table = confusions(pairs)
        number = settings.samples or REPORTED_LINES
        worst = self._worst(read)[:number]
        ordinary = evenly_spread(len(read), number)
        reported = self._reported([*worst, *ordinary], lines)
        page = report_html(
            about,
            self._rows(),
            self.shown.name,
            table,
            [line.errors(self.shown, LABEL_SETS["all"]).character_errors for line in read],
            reported[: len(worst)],
            reported[len(worst) :],
        )
        return {"report.html": page, "confusions.csv": confusions_csv(table)}

    def _worst(self, read: Sequence[_Read]) -> list[int]:
        """Places of the lines with errors, those with most first."""
        errors = [line.errors(self.shown, LABEL_SETS["all"]).character_errors for line in read]
        return [place for place in np.argsort(-np.array(errors), kind="stable") if errors[place]]

    def _reported(self, places: Sequence[int], lines: Sequence[Line]) -> list[ReportedLine]:
        """Lines read once more, for their attention, which would fill the memory if it were kept
        of all lines."""
        chosen = [lines[place] for place in places]
        readings = self._reader().read(_inks(chosen))
        counted = [self._read[line_index] for line_index in sorted(self._read)]
        return [
            ReportedLine(
                source_id=line.source_id,
                writer=line.writer,
                reference=line.text,
                picture=attention_sheet([self._read_line(line, reading, titled=False)]),
                reading=reading.text,
                confidences=reading.confidences,
                others={
                    decoding.name: counted[place].readings[decoding.key]
                    for decoding in self.decodings[:-1]
                },
            )
            for place, line, reading in zip(places, chosen, readings, strict=True)
        ]

    def _reader(self) -> LineReader:
        return LineReader(
            self.model, self._vocabulary, self._features, self.shown.settings, self.language_model
        )

    def _read_line(self, line: Line, reading: Reading, titled: bool = True) -> ReadLine:
        titles = (f"written: {line.text}", f"read: {reading.text}") if titled else ()
        positions = self._features.positions(line.strokes)
        return ReadLine(line.strokes, reading.text, reading.attention, positions, titles)


def _columns(
    key: str, references: Sequence[str], readings: Sequence[Reading]
) -> dict[str, list[Any]]:
    errors = [line_errors(*pair) for pair in zip(references, _texts(readings), strict=True)]
    return {
        f"{key}.reading": _texts(readings),
        f"{key}.character_errors": [counts.character_errors for counts in errors],
        f"{key}.word_errors": [counts.word_errors for counts in errors],
        f"{key}.score": [reading.score for reading in readings],
        f"{key}.confidence": [_confidence(reading) for reading in readings],
    }


def _texts(readings: Sequence[Reading]) -> list[str]:
    return [reading.text for reading in readings]


def _inks(lines: Sequence[Line]) -> list[np.ndarray]:
    return [line.strokes for line in lines]


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _confidence(reading: Reading) -> float:
    return math.nan if reading.confidence is None else reading.confidence
