"""Write pages to files, in any of the formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from handwriting.errors import DataError
from handwriting.files import read_regular_file, whole_folder
from handwriting.formats.registry import (
    WRITTEN_FORMATS,
    document_writer_of,
    format_named,
    page_writer_of,
    parse_formats,
)
from handwriting.pages.options import WriteOptions, check_options
from handwriting.pages.page import Page

LIST_OF_PAGES = ".pages"
"""Names of the pages in a folder, so that the next run knows which are its own."""


def write_pages(
    pages: Sequence[Page],
    folder: Path,
    formats: Sequence[str] = ("svg", "png"),
    options: WriteOptions | None = None,
    name: str = "page",
    progress: bool = False,
) -> list[Path]:
    """Write pages to ``folder``: ``page-1.svg``, ``page-2.svg``, ... of each format that holds one
    page, ``page.json`` of one that holds all. See ``write_documents``.

    Args:
        pages: at least one.
        folder: made if it is not there.
        formats: some of ``WRITTEN_FORMATS``.
        options: see ``WriteOptions``.
        name: what the files' names begin with.
        progress: whether a bar shows how far it is.
    """
    return write_documents({name: pages}, folder, formats, options, progress)


def write_documents(
    documents: Mapping[str, Sequence[Page]],
    folder: Path,
    formats: Sequence[str] = ("svg", "png"),
    options: WriteOptions | None = None,
    progress: bool = False,
) -> list[Path]:
    """Write the pages of several documents to one folder.

    All files are written or, if anything fails, none. Files of the same name are replaced, and
    pages that an earlier call wrote to the folder are removed: it keeps a list of them in the
    hidden file ``.pages``.

    Args:
        documents: the pages of each, at least one, by what the names of its files begin with.
        folder: made if it is not there.
        formats: some of ``WRITTEN_FORMATS``.
        options: see ``WriteOptions``.
        progress: whether a bar shows how far it is.

    Returns:
        The files, document by document and page by page.

    Raises:
        UserError: an option is out of range, a format is not known, or the folder cannot be made.
    """
    options = options or WriteOptions()
    check_options(options)
    formats = parse_formats(",".join(formats))
    folder = Path(folder)
    jobs = [
        job for name, pages in documents.items() for job in _jobs(pages, formats, options, name)
    ]
    written = [file for file, _ in jobs]
    earlier = _earlier_pages(folder)
    with whole_folder(folder) as temporary:
        for file, write in tqdm(jobs, desc="pages", unit="file", disable=not progress):
            write(temporary / file)
        (temporary / LIST_OF_PAGES).write_text("\n".join(written) + "\n", encoding="utf-8")
    for file in earlier - set(written):
        (folder / file).unlink(missing_ok=True)
    return [folder / file for file in written]


def _earlier_pages(folder: Path) -> set[str]:
    """Names of the pages that the last call wrote to a folder; none if it cannot be told."""
    try:
        names = read_regular_file(folder / LIST_OF_PAGES).decode("utf-8").splitlines()
    except (DataError, UnicodeDecodeError):
        return set()
    # The list may be of a stranger: files beside it, and of these formats, are all that it names.
    return {
        name
        for name in names
        if Path(name).name == name and Path(name).suffix[1:] in WRITTEN_FORMATS
    }


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
