"""Read handwriting from files with a trained recogniser: from the command's options to text."""

import argparse
import json
from pathlib import Path

from handwriting.command_line import print_notes
from handwriting.errors import UserError
from handwriting.files import check_can_write, whole_folder
from handwriting.quoting import printable
from handwriting.readings.json_writer import document_values
from handwriting.readings.registry import FORMATS, ResultFormat, as_text, parse_result_formats
from handwriting.readings.result import ReadDocument
from model.custom_layers.cpu.extension import without_building
from reading.file_reader import (
    FileReader,
    file_reader,
    notes_on,
    printed_text,
    summary,
    write_results,
)
from reading.ink_paths import ink_files
from reading.many_files import Output, read_all, read_one, wait, watch
from trainer.loaded_model import LoadedModel

_NAME = "reading"
_JSON = next(entry for entry in FORMATS if entry.name == "json")


def read_ink(trained: LoadedModel, options: argparse.Namespace, progress: bool = False) -> None:
    """Print what the lines of ``options.ink`` say, a line of text each. With ``options.out``, also
    write ``reading.json``, the formats of ``options.format``, and two pictures: each line under
    what was read (``reading``), and where the model looked as it read each character
    (``attention``).

    Of several files, or a folder, each has a heading; with ``options.out`` the formats of each are
    written under its own name. With ``options.watch``, what is saved in that folder is read until
    the command is interrupted.

    Raises:
        UserError: the model reads no handwriting; a file cannot be read, which is said once all
            others are.
    """
    formats = () if options.format is None else parse_result_formats(options.format)
    if options.out is None and (len(formats) > 1 or any(not entry.text for entry in formats)):
        raise UserError("--format: more than one text needs a folder; say where with --out")
    if options.out is not None:
        check_can_write(options.out)
    if options.watch is not None:
        _watch(file_reader(trained, options), options, Output(formats, options.out))
        return
    files = ink_files(options.ink)
    if len(files) > 1 or options.ink[0].is_dir():
        output = Output(formats or ((_JSON,) if options.out else ()), options.out)
        read_all(file_reader(trained, options), files, output, options, progress)
        return
    with without_building():
        _read_file(file_reader(trained, options, progress), files[0][0], options, formats)


def _watch(reader: FileReader, options: argparse.Namespace, output: Output) -> None:
    if not options.watch.is_dir():
        raise UserError(f"--watch: {options.watch}: is no folder")
    if options.out is not None and not output.formats:
        output = Output((_JSON,), options.out)
    watch(options.watch, lambda path, name: read_one(reader, path, name, output), wait)


def _read_file(
    reader: FileReader,
    path: Path,
    options: argparse.Namespace,
    formats: tuple[ResultFormat, ...],
) -> None:
    document, lines = reader.read_with_lines(path)
    if formats and options.out is None:
        print(as_text(formats[0], document), end="")
    else:
        print(printed_text(document), end="")
    print_notes(notes_on(document))
    if options.out is None:
        return
    from reading.pictures import draw_reading  # matplotlib

    with whole_folder(options.out) as folder:
        _write_json(document, reader, path, folder)
        others = [entry for entry in formats if entry is not _JSON]
        write_results(document, others, folder, _NAME)
        draw_reading(lines, reader.reader.reader, folder)


def _write_json(document: ReadDocument, reader: FileReader, path: Path, folder: Path) -> None:
    """Write ``reading.json``: all that is known, and what its first version had."""
    values = {
        **document_values(document),
        "checkpoint": printable(reader.name),
        "file": printable(str(path)),
        "calibrated": reader.reader.calibration is not None,
        "settings": vars(reader.reader.reader.settings),
        "lines": summary(document),
    }
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / f"{_NAME}.json").write_text(text + "\n", encoding="utf-8")
