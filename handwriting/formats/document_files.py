"""Write a document of ink to a file, whole or not at all."""

from pathlib import Path

from handwriting.files import whole_file
from handwriting.formats.document import InkDocument
from handwriting.formats.registry import ink_writer_of


def write_document(document: InkDocument, path: Path) -> None:
    """Write a document in the format that the path's suffix names, with the texts of its labels.
    What the format has no place for is left out; ``docs/formats.md`` says what that is.

    Raises:
        UserError: documents are not written in that format, or the folder cannot be made.
    """
    write = ink_writer_of(path)
    with whole_file(path) as unfinished:
        write(document, unfinished)
