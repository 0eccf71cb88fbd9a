"""Read handwriting from a file with a trained recogniser: from the command's options to text."""

import argparse
import json
import math
from collections.abc import Sequence
from typing import Any

from handwriting.command_line import print_notes
from handwriting.files import whole_folder
from handwriting.formats.ink_file import read_ink_file
from handwriting.ink.features import InkFeatures
from handwriting.ink.line import Line
from handwriting.text.error_rates import count_errors
from reading.decoding import Reading
from reading.line_reader import confidence
from reading.options import decodings
from reading.recogniser import language_model, line_reader
from trainer.loaded_model import LoadedModel
from utils.figures.attention import ReadLine, attention_sheet
from utils.figures.sheet import Ink, Row, Sheet, contact_sheet
from utils.figures.sheet_files import save_sheet

_ONE_LINE = "one"
_MOST_PICTURED = 100
_DECIMALS = 4


def read_ink(trained: LoadedModel, options: argparse.Namespace, progress: bool = False) -> None:
    """Print what the lines of ``options.ink`` say, a line of text each. With ``options.out``, also
    write ``reading.json`` and two pictures: each line under what was read (``reading``), and where
    the model looked as it read each character (``attention``).

    Raises:
        UserError: the model reads no handwriting.
        DataError: the file has no lines of ink.
    """
    model = language_model(options, trained)
    settings = decodings(options)[-1].settings
    source = f"{options.resume}: --ink"
    reader = line_reader(trained, source, settings, model, options.bs, progress)
    lines = read_ink_file(options.ink, divide=options.ink_lines != _ONE_LINE)[: options.limit]
    readings = reader.read([line.strokes for line in lines])
    for reading in readings:
        print(reading.text)
    print_notes([*_beside_the_texts(lines, readings)])
    if options.out is not None:
        document = {
            "checkpoint": str(options.resume),
            "file": str(options.ink),
            "settings": vars(settings),
            "lines": [_entry(*pair) for pair in zip(lines, readings, strict=True)],
        }
        with whole_folder(options.out) as folder:
            text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
            (folder / "reading.json").write_text(text + "\n", encoding="utf-8")
            save_sheet(reading_sheet(lines, readings), folder / "reading")
            looked = _read_lines(lines, readings, reader.features)
            save_sheet(attention_sheet(looked), folder / "attention")


def reading_sheet(lines: Sequence[Line], readings: Sequence[Reading]) -> Sheet:
    """The first lines of ink, each under what was read."""
    pairs = list(zip(lines, readings, strict=True))[:_MOST_PICTURED]
    return contact_sheet(
        [
            Row(f"{reading.text}   ({_percent(reading)})", [Ink(line.strokes)])
            for line, reading in pairs
        ]
    )


def _read_lines(
    lines: Sequence[Line], readings: Sequence[Reading], features: InkFeatures
) -> list[ReadLine]:
    pairs = list(zip(lines, readings, strict=True))[:_MOST_PICTURED]
    return [
        ReadLine(
            line.strokes,
            reading.text,
            reading.attention,
            features.positions(line.strokes),
            (f"{reading.text}   ({_percent(reading)})",),
        )
        for line, reading in pairs
    ]


def _percent(reading: Reading) -> str:
    value = confidence(reading)
    return "nothing read" if math.isnan(value) else f"{value:.0%} sure"


def _entry(line: Line, reading: Reading) -> dict[str, Any]:
    sure = confidence(reading)
    return {
        "id": line.source_id,
        "text": reading.text,
        "confidence": None if math.isnan(sure) else round(sure, _DECIMALS),
        "confidences": [round(value, _DECIMALS) for value in reading.confidences],
        "score": round(reading.score, _DECIMALS),
        "text_in_file": line.text or None,
    }


def _beside_the_texts(lines: Sequence[Line], readings: Sequence[Reading]) -> list[str]:
    """Error rates against the texts that the file itself has."""
    pairs = [
        (line.text, reading.text)
        for line, reading in zip(lines, readings, strict=True)
        if line.text
    ]
    if not pairs:
        return []
    errors = count_errors(pairs)
    return [
        f"the file has the text of {len(pairs)} of its {len(lines)} lines: character error rate"
        f" {errors.cer:.2%}, word error rate {errors.wer:.2%}"
    ]
