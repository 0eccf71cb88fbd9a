"""Writing texts with an exported model, and pages of them."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from handwriting.errors import UserError
from handwriting.formats.saving import SavablePages
from handwriting.ink.line import Line
from handwriting.ink.normalisation import Normalisation
from handwriting.ink.pen_path import PathSampling
from handwriting.limits import MOST_BIAS, MOST_DRAWS
from handwriting.pages.aligned_text import AlignedLine
from handwriting.pages.options import PageOptions
from handwriting.pages.page import Page
from handwriting.runtime import weights_folder as folders
from handwriting.runtime.hands import Hand, hand_named, hands_of
from handwriting.runtime.noise import MOST_SEED, line_seed
from handwriting.runtime.onnx_steps import FILE as FAST_FILE
from handwriting.runtime.onnx_steps import OnnxSteps, open_session
from handwriting.runtime.pen_steps import PenSteps, pack
from handwriting.runtime.scorers import Critic, ReadsTwice, by_legibility
from handwriting.runtime.style import in_measure_of, in_units_of, read_style_file
from handwriting.runtime.synthesis import (
    Limits,
    Prime,
    Scorer,
    batches,
    best_of_each,
    by_log_prob,
    request,
)
from handwriting.runtime.synthesis_loop import StepsOfTexts, SynthesisLoop
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.runtime.text_writer import Pieces, TextWriter
from handwriting.text.plain_text import plain_text
from handwriting.text.spelling import writable_text
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import check_text, replace_unknown

_BATCH = 64


@dataclass(frozen=True)
class WrittenText(SavablePages):
    """A text in ink. In a notebook it shows itself.

    Attributes:
        text: as it was written.
        lines: its pieces, in the text's order, in the units of the model.
        notes: what is not as one would expect, a sentence each.
        options: of its pages.
    """

    text: str
    lines: tuple[AlignedLine, ...]
    notes: tuple[str, ...] = ()
    options: PageOptions | None = None

    @cached_property
    def _layout(self) -> tuple[tuple[Page, ...], tuple[str, ...]]:
        from handwriting.pages.layout import layout_pages

        layout = layout_pages(self.lines, self.options)
        return layout.pages, layout.warnings

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages, laid out at the first use."""
        return self._layout[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the notes, and what the layout adds to them."""
        return (*self.notes, *self._layout[1])


class Writer:
    """Writes texts by hand.

    >>> from handwriting import Writer
    >>> letter = Writer().write("Dear Anna,\\nthank you!", seed=3)
    >>> letter.save("letter.svg")  # doctest: +SKIP

    The same seed writes the same strokes, on every machine.

    Args:
        weights: a folder of exported models, or a repository of a model hub,
            ``hub:OWNER/NAME[@REVISION]``; None for those of the environment variable
            ``HANDWRITING_WEIGHTS``, else those in the package.
        fast: write with onnxruntime and ``step.int8.onnx`` of the folder: many lines in about half
            the time, with slightly other strokes.

    Attributes:
        hands: the names of the hands that it can write in.

    Raises:
        Error: the folder has no writer that can be used; or, to be fast, onnxruntime or the file is
            not there.
    """

    def __init__(self, weights: Path | str | None = None, fast: bool = False) -> None:
        folder = folders.weights_folder(weights)
        self._folder = folder
        file = folders.read_weights(folder, folders.WRITER)
        self.about = file.about
        path = folder / folders.WRITER
        self._pen_steps: StepsOfTexts
        if fast:
            self._pen_steps = partial(OnnxSteps, open_session(folder / FAST_FILE))
        else:
            packed = folders.built(path, partial(pack, file.about, file.tensors))
            self._pen_steps = partial(PenSteps, packed)
        self.vocabulary, self.normalisation, self._limits, self._pieces = folders.built(
            path, self._rules
        )
        hands = folders.read_weights_if_there(folder, folders.HANDS)
        self._hands = folders.built(folder / folders.HANDS, partial(hands_of, hands))

    @cached_property
    def _judge(self) -> ReadsTwice | None:
        """The recogniser of the folder, which chooses among draws; None where it has none."""
        from handwriting.runtime.reader import Reader

        there = (self._folder / folders.RECOGNISER).is_file()
        return Reader(self._folder, language_weight=0).lines if there else None

    def _rules(self) -> tuple[Vocabulary, Normalisation, Limits, Pieces]:
        about = self.about
        return (
            Vocabulary.from_symbols(about["symbols"]),
            Normalisation.from_dict(about["normalisation"]),
            Limits(**about["limits"]),
            Pieces(**about["pieces"]),
        )

    @property
    def hands(self) -> tuple[str, ...]:
        """See the class."""
        return tuple(self._hands)

    def hand(self, name: str) -> Hand:
        """Return a hand by its name; ``Error``, with names like it, where there is none."""
        return hand_named(self._hands, name)

    def write(
        self,
        text: str,
        hand: str | None = None,
        seed: int = 1,
        bias: float | None = None,
        best_of: int = 1,
        style: Path | str | None = None,
        style_text: str | None = None,
        replace: bool = True,
        page: PageOptions | None = None,
    ) -> WrittenText:
        """Write a text of any length.

        Args:
            text: a newline starts a new line on the page.
            hand: one of ``hands``; None for one that the seed makes up.
            seed: of all that is drawn, 0 to 2**64 - 1.
            bias: 0 is as varied as real hands, more is neater; None for that of the hand or of the
                model.
            best_of: write each piece so often and keep what the recogniser of the folder reads with
                the fewest errors, by two looks; without one, what the model finds likeliest.
            style: instead of ``hand``, a file with a line of handwriting to write like.
            style_text: what that line says, where the file does not say it.
            replace: write characters that the model does not know as similar ones, with a note;
                else they are an error.
            page: options of the pages.

        Raises:
            Error: a text that cannot be written, a hand or a file that is not there, or a number
                out of its range.
        """
        _check_range("seed", seed, 0, MOST_SEED)
        _check_range("best_of", best_of, 1, MOST_DRAWS)
        text, notes = writable_text(plain_text(text), self.vocabulary, "text", replace)
        if not text.strip():
            raise UserError(f"text: must have a character that is no space, got {text!r}")
        prime, own_bias = self._style(hand, style, style_text, replace)
        wanted = self._bias(own_bias if bias is None else bias)
        judge = self._judge if best_of > 1 else None
        lines = partial(self._write_lines, bias=wanted, judge=judge)
        critic = None if judge is None else Critic(judge)
        writer = TextWriter(lines, self.vocabulary, seed, best_of, self._pieces, critic)
        written = writer.write(text, prime)
        notes += [f"not ended by itself: {piece!r}" for piece in written.reached_step_limit]
        notes += written.flaws
        return WrittenText(text, tuple(written.lines), tuple(notes), page)

    def write_lines(
        self,
        texts: Sequence[str],
        hand: str | None = None,
        seed: int = 1,
        bias: float | None = None,
        best_of: int = 1,
        replace: bool = True,
        seeds: Sequence[int] | None = None,
    ) -> list[SynthesisedLine]:
        """Write each text as one line, many at once; they are not cut, and each has a hand of its
        own unless one is named. Arguments as for ``write``, and ``seeds``, one for each text, in
        place of those that ``seed`` gives them."""
        _check_range("seed", seed, 0, MOST_SEED)
        _check_range("best_of", best_of, 1, MOST_DRAWS)
        known = [self.known_text(text, "text", replace)[0] for text in texts]
        prime, own_bias = self._style(hand, None, None, replace)
        if seeds is None:
            seeds = [line_seed(seed, number) for number in range(len(texts))]
        wanted = self._bias(own_bias if bias is None else bias)
        judge = self._judge if best_of > 1 else None
        return self._write_lines(known, prime, best_of, seeds, wanted, judge)

    def known_text(self, text: str, name: str, replace: bool) -> tuple[str, list[str]]:
        """Return a text in characters that the model knows, and what was replaced, a sentence each;
        ``Error`` where that is not possible, or not wanted."""
        text = plain_text(text).replace("\t", " ")
        characters = text.replace("\n", "")
        if not replace:
            check_text(characters, self.vocabulary, name)
            return text, []
        unknown = "".join(self.vocabulary.unknown(characters))
        _, replacements = replace_unknown(unknown, self.vocabulary)
        known = text.translate({ord(old): new for old, new in replacements})
        check_text(known.replace("\n", ""), self.vocabulary, name)
        return known, [f"{name}: {old!r} becomes {new!r}" for old, new in replacements]

    def _bias(self, bias: float | None) -> float:
        wanted = float(self.about["bias"] if bias is None else bias)
        _check_range("bias", wanted, 0, MOST_BIAS)
        return wanted

    def _style(
        self, hand: str | None, style: Path | str | None, style_text: str | None, replace: bool
    ) -> tuple[Prime | None, float | None]:
        """The line to write like, and the bias of its hand."""
        if style is None:
            if style_text is not None:
                raise UserError("style_text: says more about a style, which is not given")
            if hand is None:
                return None, None
            found = self.hand(hand)
            return found.example, found.bias
        if hand is not None:
            raise UserError("hand, style: give one of the two")
        path = Path(style)
        line = read_style_file(path)
        says = line.text if style_text is None else style_text
        line = self._in_units(dataclasses.replace(line, text=says))
        says = " ".join(plain_text(says).split())
        if not says:
            raise UserError(f"style: the text of {path} is not known; give it with style_text")
        return Prime(line.strokes, self.known_text(says, "style_text", replace)[0]), None

    def _in_units(self, line: Line) -> Line:
        """A line of any size in the units of the lines that the model learned from, and with such
        points as they have."""
        measure = self.about.get("measure")
        if measure is None:
            return in_units_of(line, self.normalisation)[0]
        path = measure["path"]
        sampling = None if path is None else PathSampling(**path)
        return in_measure_of(line, measure["x_height"], sampling)

    def _write_lines(
        self,
        texts: Sequence[str],
        style: Prime | None,
        best_of: int,
        seeds: Sequence[int],
        bias: float,
        judge: ReadsTwice | None,
    ) -> list[SynthesisedLine]:
        requests = [
            request(self.vocabulary, text, style, bias, seed, self._limits)
            for text, seed in zip(texts, seeds, strict=True)
        ]
        best: dict[int, SynthesisedLine] = {}
        scorer: Scorer = by_log_prob
        if judge is not None:
            scorer = by_legibility(judge)
        for places in batches(requests, max(_BATCH // best_of, 1)):
            wanted = [wish for place in places for wish in requests[place].candidates(best_of)]
            lines = SynthesisLoop(self.about, self._pen_steps, wanted).write()
            best.update(zip(places, best_of_each(lines, best_of, scorer), strict=True))
        return [best[place] for place in range(len(requests))]


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise UserError(f"{name}: should be from {least:,g} to {most:,g}, got {value}")
