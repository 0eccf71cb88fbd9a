"""Pages that save and show themselves."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from handwriting.errors import UserError
from handwriting.files import whole_file
from handwriting.formats.registry import (
    WRITTEN_FORMATS,
    document_writer_of,
    format_named,
    listed,
    page_writer_of,
)
from handwriting.pages.options import WriteOptions, check_options
from handwriting.pages.page import Page


class SavablePages:
    """Base of results that have pages."""

    @property
    def pages(self) -> Sequence[Page]:
        """At least one."""
        raise NotImplementedError

    def save(self, path: Path | str, options: WriteOptions | None = None) -> list[Path]:
        """Write the pages to a file of the format that its suffix names.

        Args:
            path: of the file. Of a format that holds one page, several pages are several files:
                ``letter.svg`` becomes ``letter-1.svg``, ``letter-2.svg``.
            options: of the files.

        Returns:
            the files that were written.

        Raises:
            Error: the suffix names no format that can be written, or the file cannot be.
        """
        return save_pages(self.pages, Path(path), options)

    def _repr_svg_(self) -> str:
        """Return the first page as a notebook shows it."""
        from handwriting.formats.svg_writer import page_svg

        return page_svg(self.pages[0])


def save_pages(
    pages: Sequence[Page], path: Path, options: WriteOptions | None = None
) -> list[Path]:
    """Write pages to a file; see ``SavablePages.save``."""
    entry = format_named(path.suffix.lower().removeprefix("."))
    if entry is None or not entry.is_written:
        known = listed([f".{name}" for name in WRITTEN_FORMATS])
        raise UserError(f"{path}: should end in {known}")
    options = options or WriteOptions()
    check_options(options)
    write_document = document_writer_of(entry)
    if write_document is not None:
        with whole_file(path) as unfinished:
            write_document(pages, unfinished, options)
        return [path]
    write_page = page_writer_of(entry)
    assert write_page is not None  # a written format has one of the two
    paths = [path]
    if len(pages) > 1:
        digits = len(str(len(pages)))
        numbers = range(1, len(pages) + 1)
        paths = [path.with_stem(f"{path.stem}-{number:0{digits}d}") for number in numbers]
    with ExitStack() as all_or_none:
        places = [all_or_none.enter_context(whole_file(file)) for file in paths]
        for page, place in zip(pages, places, strict=True):
            write_page(page, place, options)
    return paths
