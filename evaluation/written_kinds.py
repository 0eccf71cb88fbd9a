"""Legibility of kinds of text that a writer writes: ``python -m evaluation.written_kinds``.

Texts of each kind (sentences, numbers, capitals, addresses, dates, prices, every character of ASCII
in company) are drawn by a seed, and written in a hand of their own each. A recogniser that had no
part in choosing among draws reads them.
"""

import argparse
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_loader.readers.composed_grammar import KINDS
from data_loader.readers.synthetic_text import english_vocabulary
from handwriting.command_line import OneLineParser, number, whole_number
from handwriting.errors import UserError, run_command
from handwriting.files import whole_file
from handwriting.ink.line import points_from_strokes, strokes_from_points
from handwriting.ink.measures import height_without_extremes
from handwriting.quoting import printable
from handwriting.runtime.noise import line_seed
from handwriting.runtime.synthesis import Scorer, by_log_prob
from handwriting.text.error_rates import align, count_errors
from utils.shipped import checkpoint_path

if TYPE_CHECKING:
    from handwriting.runtime.text_writer import LineWriter
    from handwriting.text.vocabulary import Vocabulary
    from reading.line_reader import LineReader
    from trainer.loaded_model import LoadedModel
    from utils.figures.sheet import Sheet

CHARACTERS = "".join(map(chr, range(33, 127)))
_WORDS = 5000
_LONGEST = 36
"""Characters of a text: each is written in one piece."""
_TOGETHER = 64
_MOST_TEXTS = 10_000
_MOST_DRAWS = 64
_WORST = 10
_SHOWN = 40  # of each kind, on a sheet
_IN_A_ROW = 4
_APART = 2.0  # inks of a row, in heights


@dataclass(frozen=True)
class Text:
    """A text to write.

    Attributes:
        kind: of ``TEXTS``, or "every character".
        text: that is written.
        part: of it that is to be read exactly: all of it, or the number in a sentence, or the
            character in its company.
    """

    kind: str
    text: str
    part: str


@dataclass(frozen=True)
class Read:
    """A text that was written and read.

    Attributes:
        text: see ``Text``.
        reading: of its ink.
        at_limit: whether the writer did not end it by itself.
        strokes: ``[T, 3]``, that were read.
    """

    text: Text
    reading: str
    at_limit: bool
    strokes: np.ndarray

    @property
    def is_exact(self) -> bool:
        """Whether the part was read as it is: a word of the reading, or in its place."""
        if self.text.kind == EVERY:
            return _is_read(self.text.part, self.text.text, self.reading)
        if self.text.part == self.text.text:
            return self.reading == self.text.text
        return f" {self.text.part} " in f" {self.reading} "


def _of(kind: str) -> Callable[[np.random.Generator, Sequence[str]], tuple[str, str]]:
    def draw(random: np.random.Generator, words: Sequence[str]) -> tuple[str, str]:
        text = " ".join(KINDS[kind](random, words).split())
        return text, text

    return draw


def _number_in_sentence(random: np.random.Generator, words: Sequence[str]) -> tuple[str, str]:
    amount = str(int(random.integers(10, 10 ** int(random.integers(2, 6)))))
    before, after, last = (str(random.choice(words)) for _ in range(3))
    return f"{before} {amount} {after} {last}", amount


def _number_alone(random: np.random.Generator, words: Sequence[str]) -> tuple[str, str]:
    amount = str(int(random.integers(0, 10 ** int(random.integers(1, 7)))))
    return amount, amount


EVERY = "every character"
TEXTS = {
    "sentences": _of("prose"),
    "numbers": _number_alone,
    "numbers in a sentence": _number_in_sentence,
    "capitals": _of("capitals"),
    "addresses": _of("addresses"),
    "dates": _of("dates"),
    "prices": _of("money"),
}
"""Kinds of text: each draws a text and the part of it that is to be read exactly."""


def texts_of(number: int, characters: int, seed: int) -> list[Text]:
    """Return ``number`` texts of each kind, and ``characters`` for each character of ASCII."""
    words = [word for word in english_vocabulary(_WORDS) if 3 <= len(word) <= 8 and word.islower()]
    found = []
    for place, (kind, draw) in enumerate(TEXTS.items()):
        random = np.random.default_rng((seed, place))
        drawn: list[Text] = []
        while len(drawn) < number:
            text, part = draw(random, words)
            if 0 < len(text) <= _LONGEST:
                drawn.append(Text(kind, text, part))
        found += drawn
    random = np.random.default_rng((seed, len(TEXTS)))
    for character in CHARACTERS:
        found += [
            Text(EVERY, _company(character, random, words), character) for _ in range(characters)
        ]
    return found


COMPANY = {
    **dict.fromkeys(".,;:!?", "{word}{character} {other}"),
    **dict.fromkeys("'", "{word}{character}s {other}"),
    **dict.fromkeys('"', "{word} {number}{character}"),
    **dict.fromkeys("`", "{character}{word} {other}"),
    **dict.fromkeys("([{", "{word} {character}{number}"),
    **dict.fromkeys(")]}", "{word} {number}{character}"),
    **dict.fromkeys("+-*=<>/|", "{number} {character} {amount}"),
    **dict.fromkeys("^", "{number}{character}{amount}"),
    **dict.fromkeys("#$~", "{word} {character}{number}"),
    **dict.fromkeys("%", "{number} {character} {word}"),
    **dict.fromkeys("&", "{Word} {character} {Other}"),
    **dict.fromkeys("@_\\", "{word}{character}{other}"),
}
"""Where people write a character that is no letter or digit: words, and numbers of two digits."""


def _company(character: str, random: np.random.Generator, words: Sequence[str]) -> str:
    """A short text with the character once, where people would write it: a digit in a number, a
    letter in a word, a capital at the beginning of one, others as ``COMPANY`` says."""
    first, second = (str(random.choice(words)) for _ in range(2))
    numbers = [str(number) for number in range(10, 100)]
    if character.isdigit():
        others = [str(digit) for digit in range(10) if str(digit) != character]
        digits = [str(random.choice(others)) for _ in range(3)]
        digits.insert(int(random.integers(4)), character)
        return f"{first} {''.join(digits)}"
    if character.isupper():
        initial = [word for word in words if word.startswith(character.lower())]
        initial = initial or [character + second]  # of few words
        return f"{first} {str(random.choice(initial)).capitalize()}"
    if character.islower():
        having = [word for word in words if word.count(character) == 1]
        without = [word for word in words if character not in word]
        return f"{random.choice(having)} {random.choice(without)}"
    return COMPANY[character].format(
        character=character,
        word=first,
        other=second,
        Word=first.capitalize(),
        Other=second.capitalize(),
        number=random.choice(numbers),
        amount=random.choice(numbers),
    )


def _is_read(character: str, text: str, reading: str) -> bool:
    """Whether the one ``character`` of a text was read in its place."""
    return any(
        edit.kind == "equal" and character in edit.reference for edit in align(text, reading)
    )


def written_and_read(
    texts: Sequence[Text],
    lines: "LineWriter",
    judge: "LineReader",
    draws: int,
    seed: int,
) -> Iterator[Read]:
    """Write texts, each in a hand of its own, and read them."""
    for start in range(0, len(texts), _TOGETHER):
        part = texts[start : start + _TOGETHER]
        seeds = [line_seed(seed, start + place) for place in range(len(part))]
        inks = lines([text.text for text in part], None, draws, seeds)
        readings = judge.read([ink.strokes for ink in inks])
        for text, ink, reading in zip(part, inks, readings, strict=True):
            yield Read(text, reading.text, ink.reached_step_limit, ink.strokes)


def kind_rows(found: Sequence[Read]) -> list[dict[str, Any]]:
    """Return a row for each kind: number of texts, character errors and exact readings in percent,
    and lines that the writer did not end."""
    rows = []
    for kind in dict.fromkeys(each.text.kind for each in found):
        reads = [each for each in found if each.text.kind == kind]
        errors = count_errors([(each.text.text, each.reading) for each in reads])
        rows.append(
            {
                "kind": kind,
                "texts": str(len(reads)),
                "CER %": f"{100 * errors.cer:.1f}",
                "exact %": f"{100 * sum(each.is_exact for each in reads) / len(reads):.1f}",
                "at the limit": str(sum(each.at_limit for each in reads)),
            }
        )
    return rows


def character_rates(found: Sequence[Read]) -> dict[str, float]:
    """Return how often each character was read in its place, the worst first."""
    right: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for each in found:
        if each.text.kind == EVERY:
            number[each.text.part] += 1
            right[each.text.part] += each.is_exact
    rates = {character: right[character] / number[character] for character in number}
    return dict(sorted(rates.items(), key=lambda item: item[1]))


def sheet_of(found: Sequence[Read]) -> "Sheet":
    """A contact sheet of the first texts of each kind, several in a row under their words; where
    the reading is another one, it stands behind its text."""
    from utils.figures.sheet import Ink, Row, contact_sheet

    rows = []
    for kind in dict.fromkeys(each.text.kind for each in found):
        reads = [each for each in found if each.text.kind == kind][:_SHOWN]
        for start in range(0, len(reads), _IN_A_ROW):
            part = reads[start : start + _IN_A_ROW]
            rows.append(Row(f"{kind}: {'   '.join(map(_label, part))}", [Ink(_side_by_side(part))]))
    return contact_sheet(rows)


def _label(read: Read) -> str:
    return read.text.text if read.is_exact else f"{read.text.text} [{printable(read.reading)}]"


def _side_by_side(reads: Sequence[Read]) -> np.ndarray:
    placed: list[np.ndarray] = []
    left = 0.0
    for read in reads:
        parts = points_from_strokes(read.strokes)
        points = np.concatenate(parts)
        shift = np.array([left - points[:, 0].min(), -np.median(points[:, 1])])
        placed += [part + shift for part in parts]
        left += float(np.ptp(points[:, 0])) + _APART * height_without_extremes(points[:, 1])
    return strokes_from_points(placed)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: a checkpoint is none of a writer, or of a recogniser.
    """
    options = _parse(argv)
    from handwriting.runtime.scorers import by_legibility
    from model.models import ConditionalHandwriting
    from reading.recogniser import load_recogniser
    from trainer.loaded_model import load_model
    from utils.memory import keep_freed_memory
    from utils.report import describe_rows
    from writing.line_writer import line_writer

    keep_freed_memory()
    trained = load_model(options.resume, options.device)
    model = trained.model
    if not isinstance(model, ConditionalHandwriting):
        raise UserError(f"{options.resume}: its task is {model.task!r}, it writes no texts")
    judge = load_recogniser(options.judge, options.device).reader
    scorer: Scorer = by_log_prob
    if options.picker is not None:
        scorer = by_legibility(load_recogniser(options.picker, options.device).reader)
    lines = line_writer(
        model, trained.normalisation, _vocabulary(trained), bias=options.bias, scorer=scorer
    )
    known = set(_vocabulary(trained).characters)
    texts = texts_of(options.texts, options.characters, options.seed)
    unknown = [text for text in texts if not set(text.text) <= known]
    writable = [text for text in texts if set(text.text) <= known]
    found = list(written_and_read(writable, lines, judge, options.draws, options.seed))
    if unknown:
        print(f"{len(unknown)} texts have characters that the model does not know")
    print(describe_rows(kind_rows(found)))
    rates = character_rates(found)
    worst = [f"{character} {100 * rates[character]:.0f}" for character in list(rates)[:_WORST]]
    if worst:
        print(f"characters in company that are read least often, percent: {', '.join(worst)}")
    if options.out is not None:
        _write(found, options.out)
    if options.sheet is not None:
        from utils.figures.drawing import save_figure
        from utils.figures.sheet_files import sheet_image

        save_figure(sheet_image(sheet_of(found)), options.sheet)
        print(f"written to {options.sheet}")


def _vocabulary(trained: "LoadedModel") -> "Vocabulary":
    assert trained.vocabulary is not None  # of a model that writes texts
    return trained.vocabulary


def _write(found: Sequence[Read], path: Path) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("kind", "text", "part", "reading", "exact", "at the limit"))
    for each in found:
        cells = (each.text.kind, each.text.text, each.text.part, printable(each.reading))
        writer.writerow((*cells, int(each.is_exact), int(each.at_limit)))
    with whole_file(path) as temporary:
        temporary.write_text(table.getvalue(), encoding="utf-8")
    print(f"written to {path}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m evaluation.written_kinds",
        allow_abbrev=False,
        description="Write texts of many kinds, and count what a recogniser reads in them.",
    )
    add = parser.add_argument
    add(
        "-r", "--resume", type=checkpoint_path, required=True, metavar="CHECKPOINT",
        help="the writer: a file or a short name",
    )  # fmt: skip
    add(
        "--judge", type=checkpoint_path, required=True, metavar="CHECKPOINT",
        help="recogniser that reads: a file or a short name",
    )  # fmt: skip
    add(
        "--picker", type=checkpoint_path, metavar="CHECKPOINT",
        help="another recogniser, which chooses among draws (default: the likeliest is taken)",
    )  # fmt: skip
    add("--texts", type=whole_number(1, _MOST_TEXTS), default=50, help="of each kind")
    add("--characters", type=whole_number(0, 1000), default=4, help="texts for each character")
    add("--draws", type=whole_number(1, _MOST_DRAWS), default=1, help="of each text")
    add("--bias", type=number(0, 100), default=0.75, help="sampling bias (default: 0.75)")
    add("--seed", type=whole_number(0, 2**31 - 1), default=1, help="of all that is drawn")
    add("--out", type=Path, metavar="FILE", help="CSV file of all texts and readings")
    add("--sheet", type=Path, metavar="FILE", help="PNG picture of the first texts of each kind")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
