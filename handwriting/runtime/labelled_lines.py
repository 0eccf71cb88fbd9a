"""Many short texts as lines of handwriting with labels: each is written as a line of its own, and
one that cannot be written does not end the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handwriting.errors import UserError
from handwriting.formats.shards import LabelledLine, LeftOut
from handwriting.pages.aligned_text import AlignedLine
from handwriting.pages.word_boxes import word_boxes
from handwriting.runtime.noise import candidate_seed
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.text_writer import flaws
from handwriting.runtime.writer import Writer

MOST_CHARACTERS = 200
"""Of a text that is written as one line."""

_ATTEMPTS = 3
_AT_ONCE = 256  # lines whose windows are in memory


@dataclass(frozen=True)
class LineSettings:
    """Options of all lines; see ``Writer.write_lines``."""

    hand: str | None = None
    bias: float | None = None
    best_of: int = 1
    replace: bool = True


@dataclass(frozen=True)
class NumberedText:
    """A text, its number, counted from 1, and the seed that it is written with."""

    number: int
    text: str
    seed: int


def write_labelled(
    writer: Writer, texts: Sequence[NumberedText], settings: LineSettings
) -> Iterator[LabelledLine | LeftOut]:
    """Write each text as a line, in their order.

    A line that the model does not end by itself, or in which a word has no ink, is written again
    with further seeds, three times at most: its label would be wrong. Runs of white space become
    one space.

    Raises:
        UserError: the settings are wrong.
    """
    for start in range(0, len(texts), _AT_ONCE):
        yield from _written(writer, texts[start : start + _AT_ONCE], settings)


def _written(
    writer: Writer, texts: Sequence[NumberedText], settings: LineSettings
) -> list[LabelledLine | LeftOut]:
    results: dict[int, LabelledLine | LeftOut] = {}
    waiting: list[tuple[int, NumberedText]] = []
    for place, text in enumerate(texts):
        try:
            waiting.append((place, _writable(writer, text, settings)))
        except UserError as error:
            results[place] = LeftOut(text.number, str(error))
    for attempt in range(_ATTEMPTS):
        lines = writer.write_lines(
            [text.text for _, text in waiting],
            hand=settings.hand,
            bias=settings.bias,
            best_of=settings.best_of,
            replace=settings.replace,
            seeds=[candidate_seed(text.seed, attempt * settings.best_of) for _, text in waiting],
        )
        flawed = []
        for (place, text), line in zip(waiting, lines, strict=True):
            if flaws(line):
                flawed.append((place, text))
                results[place] = LeftOut(text.number, _flaw(line))
            else:
                results[place] = _labelled(text.number, line, settings.hand or "")
        waiting = flawed
    return [results[place] for place in range(len(texts))]


def _writable(writer: Writer, text: NumberedText, settings: LineSettings) -> NumberedText:
    """The text as it is written.

    Raises:
        UserError: it is empty, too long, or has a character that cannot be written.
    """
    one_line = " ".join(text.text.split())
    if not one_line:
        raise UserError("text: must have a character that is no space")
    if len(one_line) > MOST_CHARACTERS:
        raise UserError(
            f"text: has {len(one_line):,} characters, at most {MOST_CHARACTERS} are a line"
        )
    known, _ = writer.known_text(one_line, "text", settings.replace)
    return NumberedText(text.number, known, text.seed)


def _flaw(line: SynthesisedLine) -> str:
    what = "does not end it" if line.reached_step_limit else "leaves out a word of it"
    return f"text: the model {what}, in {_ATTEMPTS} attempts"


def _labelled(number: int, line: SynthesisedLine, hand: str) -> LabelledLine:
    aligned = AlignedLine(line.strokes, line.text, line.character_of_step)
    words = tuple(word_boxes(aligned))
    return LabelledLine(number, line.strokes, line.text, hand, line.seed, words)
