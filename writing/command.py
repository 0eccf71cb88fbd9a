"""Write a text with a trained model: from the command's options to files of pages."""

import argparse
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from base.base_model import model_as
from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import read_regular_file
from handwriting.formats.page_files import write_pages
from handwriting.formats.registry import READ_SUFFIXES, parse_formats
from handwriting.ink.line import Line
from handwriting.pages import PageOptions, WriteOptions, layout_pages
from handwriting.pages.layout import check_page
from handwriting.pages.options import check_options
from handwriting.runtime.style import in_units_of, read_style_file
from handwriting.runtime.synthesis import Prime, Scorer, by_log_prob
from handwriting.runtime.text_writer import TextWriter, WrittenText
from handwriting.text.plain_text import plain_text
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import check_text, replace_unknown
from model.models import ConditionalHandwriting
from reading.recogniser import load_recogniser
from trainer.loaded_model import LoadedModel, open_data
from writing.export_command import load_step
from writing.line_writer import line_writer
from writing.options import PRECISIONS, gcode_options, page_options
from writing.scorers import by_legibility

TASK = "conditional"
BIAS = 0.75
FORMATS = "svg,png"
_REMEDY = "say where the data are with --data PATH, or give a file to --style"
_MOST_SHOWN = 5


def write(trained: LoadedModel, options: argparse.Namespace, progress: bool = False) -> None:
    """Write the text of the options to files, and say what was written.

    All that can be wrong with the options is looked for before the writing, which takes a while.

    Raises:
        UserError: one clear line.
    """
    vocabulary = _vocabulary(trained, options)
    step = load_step(trained, options)
    pages, formats, files = _checked_options(options)
    out = options.out or options.resume.parent / f"written-{options.resume.stem}"
    _check_is_no_file(out)
    is_lenient = bool(options.replace_unknown)
    text = known_text(read_text(options), vocabulary, "--text", is_lenient)
    style = _style(trained, vocabulary, options, is_lenient)
    started = time.perf_counter()
    lines = line_writer(
        model_as(trained.model, ConditionalHandwriting),
        trained.normalisation,
        vocabulary,
        bias=options.bias[0] if options.bias else BIAS,
        scorer=_scorer(options),
        precision=options.precision or PRECISIONS[0],
        progress=progress,
        pen_steps=step.text_pen_steps if step else None,
    )
    writer = TextWriter(lines, options.seed, options.best_of or 1)
    written = writer.write(text, style)
    layout = layout_pages(written.lines, pages)
    paths = write_pages(layout.pages, out, formats, files, progress=progress)
    print_notes([*_at_limit(written), *layout.warnings])
    print(
        f"{_counted(len(text.split()), 'word')} on {_counted(len(layout.pages), 'page')} in"
        f" {time.perf_counter() - started:.1f} s, written to {out}: {_listed(paths)}"
    )


def _vocabulary(trained: LoadedModel, options: argparse.Namespace) -> Vocabulary:
    """Return the vocabulary of the texts; ``UserError`` where the model writes none."""
    if trained.model.task != TASK or trained.vocabulary is None:
        raise UserError(
            f"{options.resume}: --text needs a model that writes a text, whose task is {TASK!r},"
            f" got one whose task is {trained.model.task!r}"
        )
    return trained.vocabulary


def _scorer(options: argparse.Namespace) -> Scorer:
    """Return the scorer that chooses among several draws."""
    if options.recogniser is None:
        return by_log_prob
    return by_legibility(load_recogniser(options.recogniser, options.device).reader)


def read_text(options: argparse.Namespace) -> str:
    """The text to write, its line ends and accents in one form; ``UserError`` if there is none."""
    text = options.text
    if text is None:
        text = _read_file(options.text_file)
    text = plain_text(text)
    if not text.strip():
        raise UserError(f"{_source(options)}: there is nothing in it to write")
    return text


def _read_file(path: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else read_regular_file(path)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text (byte {error.start + 1})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


def _source(options: argparse.Namespace) -> str:
    return "--text" if options.text is not None else str(options.text_file)


def known_text(text: str, vocabulary: Vocabulary, source: str, is_lenient: bool) -> str:
    """The text in characters that the model knows.

    Args:
        text: with newlines, which it needs not know.
        vocabulary: the model's.
        source: where the text is from, for messages.
        is_lenient: replace characters that it does not know, and say so.

    Raises:
        UserError: naming the characters that it does not know, or nothing is left.
    """
    characters = text.replace("\n", "")
    if not is_lenient:
        try:
            check_text(characters, vocabulary, source)
        except UserError as error:
            raise UserError(f"{error}; --replace-unknown writes similar ones instead") from None
        return text
    unknown = "".join(vocabulary.unknown(characters))
    _, replacements = replace_unknown(unknown, vocabulary)
    print_notes([f"{source}: {old!r} becomes {new!r}" for old, new in replacements])
    known = text.translate({ord(old): new for old, new in replacements})
    check_text(known.replace("\n", ""), vocabulary, source)
    return known


def _style(
    trained: LoadedModel, vocabulary: Vocabulary, options: argparse.Namespace, is_lenient: bool
) -> Prime | None:
    """The line to write like, in the units of the model's data and with a text that it knows."""
    if options.style is None:
        return None
    path = Path(options.style)
    is_file = path.is_file() or path.suffix.lower() in READ_SUFFIXES
    line = _style_of_file(path, trained, options) if is_file else _style_of_data(trained, options)
    if options.style_text is not None:
        line = replace(
            line, text=" ".join(unicodedata.normalize("NFC", options.style_text).split())
        )
    if not line.text.strip():
        raise UserError(
            f"--style {options.style}: its text is not known; give it with --style-text"
        )
    source = f"the text of --style {options.style}"
    text = known_text(line.text, vocabulary, source, is_lenient)
    return Prime(line.strokes, text)


def _style_of_file(path: Path, trained: LoadedModel, options: argparse.Namespace) -> Line:
    if options.data is not None:
        raise UserError("--data: is for a --style that is a line of the data, not a file")
    line, factor = in_units_of(read_style_file(path), trained.normalisation)
    if factor != 1:
        print_notes(
            [f"{path}: made {factor:.3g} times as large, to be of the size of the model's data"]
        )
    return line


def _style_of_data(trained: LoadedModel, options: argparse.Namespace) -> Line:
    corpus = open_data(trained, options.data, _REMEDY).corpus
    for index in range(len(corpus)):
        if corpus.source_id(index) == options.style:
            return corpus.line(index)
    example = corpus.source_id(0)
    raise UserError(
        f"--style: no such file, and no such line in {corpus.folder}, whose ids are such as"
        f" {example!r}; got {options.style!r}"
    )


def _checked_options(
    options: argparse.Namespace,
) -> tuple[PageOptions, tuple[str, ...], WriteOptions]:
    """Return the options of layout, the formats, and the options of their files."""
    formats = parse_formats(options.format if options.format is not None else FORMATS)
    pages, files = page_options(options), WriteOptions(gcode=gcode_options(options))
    check_options(files)
    check_page(pages)
    return pages, formats, files


def _check_is_no_file(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file, results need a folder")


def _at_limit(written: WrittenText) -> list[str]:
    return [
        f"the model did not end this by itself, look at its end: {piece!r}"
        for piece in written.reached_step_limit
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    if len(names) > 2 * _MOST_SHOWN:
        names = [*names[:_MOST_SHOWN], "...", names[-1]]
    return ", ".join(names)
