"""Write a text with a trained model: from the command's options to files of pages."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from base.base_model import model_as
from data_loader.cleaning import measure_of
from data_loader.readers.synthetic import SyntheticReader
from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import check_can_write
from handwriting.formats.page_files import write_documents
from handwriting.formats.registry import parse_formats
from handwriting.ink.line import Line
from handwriting.pages import PageOptions, WriteOptions, layout_pages
from handwriting.pages.options import check_options
from handwriting.pages.paper import check_page
from handwriting.runtime.hands import hand_named, hands_of
from handwriting.runtime.scorers import Critic, by_legibility
from handwriting.runtime.style import in_measure_of, in_units_of, read_style_file
from handwriting.runtime.synthesis import Prime, by_log_prob
from handwriting.runtime.text_writer import TextWriter, WrittenText
from handwriting.runtime.weights_folder import HANDS, read_weights_if_there
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import check_text, replace_unknown
from model.models import ConditionalHandwriting
from reading.line_reader import LineReader
from reading.recogniser import line_reader, load_recogniser
from trainer.loaded_model import LoadedModel, load_model, open_data
from utils.shipped import checkpoint_path
from writing.export_command import load_step
from writing.line_writer import line_writer
from writing.options import PRECISIONS, page_options, style_file, write_options
from writing.texts import normalised, read_texts

TASK = "conditional"
BIAS = 0.75
DRAWS = 4
"""Of each piece, where a recogniser chooses and nobody says how many."""

RECOGNISERS = ("recognition",)
"""Short names of those that choose among draws, as far as they are there."""

FORMATS = "svg,png"
_REMEDY = "say where the data are with --data PATH, or give a file to --style"
_MOST_SHOWN = 5


def write(trained: LoadedModel, options: argparse.Namespace, progress: bool = False) -> None:
    """Write the text or the texts of the options to files, and say what was written.

    All that can be wrong with the options is looked for before the writing, which takes a while.

    Raises:
        UserError: one clear line.
    """
    vocabulary = _vocabulary(trained, options)
    step = load_step(trained, options)
    pages, formats, files = _checked_options(options)
    out = options.out or options.resume.parent / f"written-{options.resume.stem}"
    check_can_write(out)
    texts, notes = read_texts(options, vocabulary)
    print_notes(notes)
    style = _style(trained, vocabulary, options)
    started = time.perf_counter()
    readers = _readers(options)
    lines = line_writer(
        model_as(trained.model, ConditionalHandwriting),
        trained.normalisation,
        vocabulary,
        bias=options.bias[0] if options.bias else BIAS,
        scorer=by_legibility(*readers) if readers else by_log_prob,
        precision=options.precision or PRECISIONS[0],
        progress=progress,
        pen_steps=step.text_pen_steps if step else None,
    )
    writer = TextWriter(
        lines,
        vocabulary,
        seed=options.seed,
        best_of=options.best_of or (DRAWS if readers else 1),
        critic=Critic(*readers),
    )
    written = writer.write_all([text.text for text in texts], style)
    layouts = [
        layout_pages(ink.lines, replace(pages, pens=text.colours), text.pens)
        for ink, text in zip(written, texts, strict=True)
    ]
    documents = {text.name: layout.pages for text, layout in zip(texts, layouts, strict=True)}
    paths = write_documents(documents, out, formats, files, progress=progress)
    print_notes([note for ink in written for note in _doubts(ink)])
    print_notes([note for layout in layouts for note in layout.warnings])
    words = sum(len(text.text.split()) for text in texts)
    number = sum(len(layout.pages) for layout in layouts)
    print(
        f"{_counted(words, 'word')} on {_counted(number, 'page')} in"
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


def _readers(options: argparse.Namespace) -> list[LineReader]:
    """Return what chooses among several draws by reading them: the recogniser of the options, or
    those at hand; none where nothing is to be chosen."""
    if options.best_of == 1:
        return []
    if options.recogniser is not None:
        return [load_recogniser(options.recogniser, options.device).reader]
    paths = [path for path in map(checkpoint_path, RECOGNISERS) if path.is_file()]
    return [line_reader(load_model(path, options.device), str(path)) for path in paths]


def _style(
    trained: LoadedModel, vocabulary: Vocabulary, options: argparse.Namespace
) -> Prime | None:
    """The line to write like, in the units of the model's data and with a text that it knows."""
    if options.hand is not None:
        hands = read_weights_if_there(options.resume.parent, HANDS)
        return hand_named(hands_of(hands), options.hand).example
    if options.style is None:
        return None
    path = style_file(options)
    line = (
        _style_of_data(trained, options) if path is None else _style_of_file(path, trained, options)
    )
    if options.style_text is not None:
        line = replace(line, text=" ".join(normalised(options.style_text).split()))
    if not line.text.strip():
        raise UserError(
            f"--style {options.style}: its text is not known; give it with --style-text"
        )
    source = f"the text of --style {options.style}"
    try:
        text, replacements = replace_unknown(line.text, vocabulary)
        check_text(text, vocabulary)
    except UserError as error:
        raise UserError(f"{source}: {str(error).removeprefix('text: ')}") from None
    print_notes([f"{source}: {old!r} is taken for {new!r}" for old, new in replacements])
    return Prime(line.strokes, text)


def _style_of_file(path: Path, trained: LoadedModel, options: argparse.Namespace) -> Line:
    line = read_style_file(path)
    measure = measure_of(trained.config["data_loader"]["args"])
    if measure is not None:
        text = options.style_text or line.text
        known = replace(line, text=text)
        return replace(in_measure_of(known, measure.x_height, measure.path), text=line.text)
    line, factor = in_units_of(line, trained.normalisation)
    if factor != 1:
        print_notes(
            [f"{path}: made {factor:.3g} times as large, to be of the size of the model's data"]
        )
    return line


def _style_of_data(trained: LoadedModel, options: argparse.Namespace) -> Line:
    # The built-in corpus is made only for who asks for a line of it.
    is_of_builtin = options.style.startswith(SyntheticReader.name)
    try:
        corpus = open_data(trained, options.data, _REMEDY, is_of_builtin).corpus
    except UserError as error:
        if options.data is not None:
            raise
        raise UserError(f"--style {options.style}: no such file, and {error}") from None
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
    pages, files = page_options(options), write_options(options)
    check_options(files)
    check_page(pages)
    return pages, formats, files


def _doubts(written: WrittenText) -> list[str]:
    """Notes on pieces that are worth a look."""
    at_limit = [
        f"the model did not end this by itself, look at its end: {piece!r}"
        for piece in written.reached_step_limit
    ]
    return [*at_limit, *(f"look at this: {flaw}" for flaw in written.flaws)]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    if len(names) > 2 * _MOST_SHOWN:
        names = [*names[:_MOST_SHOWN], "...", names[-1]]
    return ", ".join(names)
