"""Write pages to files, in any of the formats."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from handwriting.errors import UserError
from handwriting.files import whole_folder
from handwriting.formats.gcode_writer import write_gcode
from handwriting.formats.gif_writer import write_gif
from handwriting.formats.inkml_writer import write_inkml
from handwriting.formats.json_writer import write_json
from handwriting.formats.png_writer import write_png
from handwriting.formats.svg_writer import write_svg
from handwriting.pages.options import WriteOptions, check_options
from handwriting.pages.page import Page

_PAGE_WRITERS: dict[str, Callable[[Page, Path, WriteOptions], None]] = {
    "svg": write_svg,
    "png": write_png,
    "gif": write_gif,
    "inkml": write_inkml,
    "gcode": write_gcode,
}
_DOCUMENT_WRITERS: dict[str, Callable[[Sequence[Page], Path, WriteOptions], None]] = {
    "json": write_json,
}
FORMATS = ("svg", "png", "gif", "json", "inkml", "gcode")


def parse_formats(text: str) -> tuple[str, ...]:
    """Formats from a list such as ``svg,png``; ``UserError`` naming those that are none."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UserError(
            f"format: must be some of {', '.join(FORMATS)}, got {', '.join(unknown) or 'none'}"
        )
    return names


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
        formats: some of ``FORMATS``.
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


def _jobs(pages: Sequence[Page], formats: Sequence[str], options: WriteOptions, name: str):
    """File names and what writes them."""
    digits = len(str(len(pages)))
    for index, page in enumerate(pages, start=1):
        for format_name in formats:
            if format_name in _PAGE_WRITERS:
                yield f"{name}-{index:0{digits}d}.{format_name}", _bound(format_name, page, options)
    for format_name in formats:
        if format_name in _DOCUMENT_WRITERS:
            writer = _DOCUMENT_WRITERS[format_name]
            yield f"{name}.{format_name}", lambda path, w=writer: w(pages, path, options)


def _bound(format_name: str, page: Page, options: WriteOptions) -> Callable[[Path], None]:
    return lambda path: _PAGE_WRITERS[format_name](page, path, options)
