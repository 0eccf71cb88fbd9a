"""Write pages to files, in any of the formats."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from handwriting.files import whole_folder
from handwriting.formats.registry import (
    document_writer_of,
    format_named,
    page_writer_of,
    parse_formats,
)
from handwriting.pages.options import WriteOptions, check_options
from handwriting.pages.page import Page


def write_pages(
    pages: Sequence[Page],
    folder: Path,
    formats: Sequence[str] = ("svg", "png"),
    options: WriteOptions | None = None,
    name: str = "page",
    progress: bool = False,
) -> list[Path]:
    """Write pages to ``folder``: ``page-1.svg``, ``page-2.svg``, ... of each format that holds one
    page, ``page.json`` of one that holds all.

    All files are written or, if anything fails, none. Files of the same name are replaced.

    Args:
        pages: at least one.
        folder: made if it is not there.
        formats: some of ``WRITTEN_FORMATS``.
        options: see ``WriteOptions``.
        name: what the files' names begin with.
        progress: whether a bar shows how far it is.

    Returns:
        The files, page by page.

    Raises:
        UserError: an option is out of range, a format is not known, or the folder cannot be made.
    """
    options = options or WriteOptions()
    check_options(options)
    formats = parse_formats(",".join(formats))
    jobs = list(_jobs(pages, formats, options, name))
    with whole_folder(Path(folder)) as temporary:
        for file, write in tqdm(jobs, desc="pages", unit="file", disable=not progress):
            write(temporary / file)
    return [Path(folder) / file for file, _ in jobs]


def _jobs(
    pages: Sequence[Page], formats: Sequence[str], options: WriteOptions, name: str
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """File names and what writes them."""
    digits = len(str(len(pages)))
    entries = [entry for entry in map(format_named, formats) if entry is not None]
    for index, page in enumerate(pages, start=1):
        for entry in entries:
            if write_page := page_writer_of(entry):
                file = f"{name}-{index:0{digits}d}{entry.suffix}"
                yield file, partial(_write_page, write_page, page, options)
    for entry in entries:
        if write_document := document_writer_of(entry):
            yield f"{name}{entry.suffix}", partial(_write_page, write_document, pages, options)


def _write_page(
    write: Callable[..., None], ink: Page | Sequence[Page], options: WriteOptions, path: Path
) -> None:
    write(ink, path, options)
