"""What evaluation counts and draws for a recogniser."""

import csv
import io
import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import model.recognition_metric  # noqa: F401  (registers the metrics)
from base.batch import RecognitionBatch, collate_features
from base.registry import METRICS
from data_loader.batches import collate
from evaluation import SampleSettings, evaluate, evaluator_of, sample_figures
from evaluation.recognition import RecognitionEvaluator
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.text.error_rates import confusions
from handwriting.text.vocabulary import Vocabulary
from model.recognition import Seq2SeqRecognition
from reading.settings import GREEDY, Decoding, DecodingSettings
from utils.figures.sheet import Sheet

VOCABULARY = Vocabulary("abeABE .")
FEATURES = InkFeatures()
NORMALISATION = Normalisation()
BEAM = Decoding("beam", "beam 3", DecodingSettings(beam=3))
TEXTS = ("ab a", "", "be.", "Abba Ea", "eb")
RATES = ("cer", "wer", "exact", "cer_folded", "wer_folded", "cer_57", "wer_57")


def make_line(text: str) -> Line:
    generator = np.random.default_rng(len(text))
    length = 20 + 8 * len(text)
    strokes = np.zeros((length, 3), dtype=np.float32)
    strokes[1:, 1:] = generator.normal((4, 0), 6, (length - 1, 2))
    strokes[9::10, 0] = strokes[-1, 0] = 1
    return Line(strokes, text, "7", f"line-{text}", "testset_v")


LINES = [make_line(text) for text in TEXTS]


def make_batch(places: list[int]) -> RecognitionBatch:
    lines = [LINES[place] for place in places]
    batch = collate([line.strokes for line in lines], [line.text for line in lines], places,
                    VOCABULARY)  # fmt: skip
    features, lengths = collate_features([FEATURES.compute(line.strokes) for line in lines])
    return RecognitionBatch(**vars(batch), features=features, feature_lengths=lengths)


@pytest.fixture(scope="module")
def recogniser() -> Seq2SeqRecognition:
    torch.manual_seed(3)
    sizes = {"channels": (4,), "kernel_size": 3, "num_halvings": 1, "encoder_size": 4,
             "encoder_layers": 1, "decoder_size": 5, "embedding_size": 3, "attention_size": 4,
             "location_width": 3}  # fmt: skip
    return Seq2SeqRecognition(VOCABULARY, FEATURES.size, **sizes).eval()


@pytest.fixture
def evaluator(recogniser: Seq2SeqRecognition) -> RecognitionEvaluator:
    return RecognitionEvaluator(recogniser, NORMALISATION, VOCABULARY, FEATURES, (GREEDY, BEAM))


def counted(evaluator: RecognitionEvaluator) -> tuple[dict, list[dict]]:
    return evaluate(evaluator, [make_batch([3, 0]), make_batch([4, 1, 2])])


def test_numbers_are_those_of_the_metrics_in_training(
    recogniser: Seq2SeqRecognition, evaluator: RecognitionEvaluator
) -> None:
    numbers, _ = counted(evaluator)
    batch = make_batch(list(range(len(LINES))))
    with torch.no_grad():
        output = recogniser(batch)
    for name in RATES:
        metric = METRICS[name](vocabulary=VOCABULARY)
        metric.update(output, batch)
        assert numbers[name] == metric.compute()


def test_each_decoding_has_a_row_for_each_label_set(evaluator: RecognitionEvaluator) -> None:
    numbers, _ = counted(evaluator)
    rows = numbers["decodings"]
    assert [(row["decoding"], row["label_set"]) for row in rows] == [
        (key, name) for key in ("greedy", "beam") for name in ("all", "folded", "57")
    ]
    assert rows[0]["cer"] == numbers["cer"] and rows[2]["wer"] == numbers["wer_57"]
    assert rows[3]["beam"] == 3 and rows[0]["lines_per_second"] > 0
    table = evaluator.describe(numbers)
    assert [row["label set"] for row in table[:3]] == [
        "all characters",
        "no case or punctuation",
        "57 symbols",
    ]
    assert table[3]["reading"] == "beam 3"
    assert table[0]["CER %"] == f"{100 * numbers['cer']:.2f}"


def test_lines_have_their_reading_and_its_errors(
    recogniser: Seq2SeqRecognition, evaluator: RecognitionEvaluator
) -> None:
    numbers, rows = counted(evaluator)
    assert [row["line_index"] for row in rows] == list(range(len(LINES)))
    with torch.no_grad():
        texts = recogniser(make_batch(list(range(len(LINES))))).text
    assert [row["greedy.reading"] for row in rows] == texts
    assert [row["characters"] for row in rows] == [len(text) for text in TEXTS]
    errors = sum(row["greedy.character_errors"] for row in rows)
    assert errors / sum(map(len, TEXTS)) == numbers["cer"]
    for row in rows:
        assert row["beam.score"] < 0
        assert math.isnan(row["beam.confidence"]) or 0 < row["beam.confidence"] <= 1


def test_the_files_are_about_the_lines_counted(evaluator: RecognitionEvaluator) -> None:
    _, rows = counted(evaluator)
    about = {"checkpoint": "c.pth", "epoch": 1, "split": "testset_v", "lines": len(LINES)}
    files = evaluator.report(about, SampleSettings(samples=3), LINES)
    assert sorted(files) == ["confusions.csv", "report.html"]
    page = files["report.html"]
    errors = [row["beam.character_errors"] for row in rows]
    worst = np.argsort(-np.array(errors), kind="stable")[:3]
    shown = [page.index(f"<span>{LINES[place].source_id}, writer 7") for place in worst]
    assert shown == sorted(shown)
    assert page.count('<div class="line">') == 6
    table = list(csv.DictReader(io.StringIO(files["confusions.csv"])))
    expected = confusions(
        (text, row["beam.reading"]) for text, row in zip(TEXTS, rows, strict=True)
    )
    assert [int(row["count"]) for row in table] == [count for *_, count in expected.rows()]


def test_pictures_are_of_the_same_lines_each_time(
    recogniser: Seq2SeqRecognition, evaluator: RecognitionEvaluator
) -> None:
    pictures = evaluator.samples(SampleSettings(), LINES).pictures
    assert isinstance(pictures["readings"], Sheet) and isinstance(pictures["attention"], Figure)
    shown = [text.get_text() for text in pictures["features"].texts]
    assert shown == [TEXTS[place] for place in (0, 1, 3, 4)]
    titles = [text.words for text in pictures["readings"].texts if text.words.startswith("written")]
    assert titles == [f"written: {TEXTS[place]}" for place in (0, 1, 3, 4)]
    again = evaluator.samples(SampleSettings(), LINES).pictures["readings"]
    assert [text.words for text in again.texts] == [
        text.words for text in pictures["readings"].texts
    ]
    assert evaluator.samples(SampleSettings(), []).pictures == {}
    recogniser.train()
    figures = sample_figures(
        recogniser, NORMALISATION, VOCABULARY, features=FEATURES, lines=LINES[:2]
    )
    assert set(figures) == {"features", "readings", "attention"} and recogniser.training
    recogniser.eval()


def test_pictures_of_training_are_of_so_many_lines(recogniser: Seq2SeqRecognition) -> None:
    evaluator = evaluator_of(recogniser, NORMALISATION, VOCABULARY, FEATURES)
    assert isinstance(evaluator, RecognitionEvaluator) and evaluator.training_lines > 0
    assert evaluator.decodings == (GREEDY,)


def test_each_kind_of_text_has_a_row_and_each_source_its_own(
    evaluator: RecognitionEvaluator,
) -> None:
    kinds = counted(evaluator)[0]["kinds"]
    assert sum(row["lines"] for row in kinds) == len(LINES)
    evaluator.source_of = ["even", "odd", "even", "odd", "even"].__getitem__
    rows = counted(evaluator)[0]["kinds"]
    whole = {row["source"]: row for row in rows if row["kind"] == "all"}
    assert {name: row["lines"] for name, row in whole.items()} == {"even": 3, "odd": 2}
    for name, row in whole.items():
        parts = [each for each in rows if each["source"] == name and each["kind"] != "all"]
        assert sum(each["lines"] for each in parts) == row["lines"]
    # The rates of all lines lie between those of the sources.
    rates = [row["greedy exact"] * row["lines"] for row in whole.values()]
    exact = sum(row["greedy exact"] * row["lines"] for row in kinds)
    assert sum(rates) == pytest.approx(exact)
