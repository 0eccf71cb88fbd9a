"""Statements of UNIPEN files: Guyon, Schomaker, Plamondon, Liberman and Janet, "UNIPEN project of
on-line data exchange and recognizer benchmarks", ICPR 1994; format definition 1.0.

A statement begins with a keyword, which is a dot and capitals at the beginning of a line, and ends
where the next one begins. ``.INCLUDE`` stands for the statements of another file. A file is read
once, where it is first included, so that work and memory are in proportion to the files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from handwriting.errors import DataError
from handwriting.files import read_regular_file
from handwriting.quoting import quoted

MOST_INCLUDES_DEEP = 16
_KEYWORD = re.compile(r"^\.([A-Z][A-Z0-9_]*)", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        keyword: its keyword without the dot, such as ``PEN_DOWN``.
        text: everything after the keyword.
        path: the file it stands in.
        line: number of its line in the file, counted from 1.
    """

    keyword: str
    text: str
    path: Path
    line: int

    @property
    def where(self) -> str:
        """The file and the line, as messages name them."""
        return f"{self.path}: line {self.line}"

    @property
    def value(self) -> str:
        """The rest of the keyword's line, single spaces between words."""
        return " ".join(self.text.partition("\n")[0].split())


@dataclass(frozen=True)
class IncludeFolders:
    """The folders in which included files are looked for, and the one that holds them all.

    Attributes:
        root: no file outside this folder is opened, whatever a name or a link says.
        search: folders inside it, in the order in which they are looked through.
    """

    root: Path
    search: tuple[Path, ...]

    @classmethod
    def around(cls, path: Path) -> "IncludeFolders":
        """Return the folders of a file by itself: the one it lies in; and where that is in a tree
        like that of the distribution, ``data/.../FILE`` beside ``include/``, the tree."""
        folder = path.absolute().parent
        for above in (folder, *folder.parents):
            if above.name == "data" and (above.parent / "include").is_dir():
                return cls(above.parent, (folder, above.parent / "include"))
        return cls(folder, (folder,))

    def find(self, statement: Statement) -> Path:
        """The file that an ``.INCLUDE`` names.

        Raises:
            DataError: when there is none, or it is outside the root.
        """
        name = statement.value.strip('"')
        outside = False
        for folder in self.search:
            try:
                path = (folder / name).resolve()
                is_inside = path.is_relative_to(self.root.resolve())
                if is_inside and path.exists() and name:
                    return path
            except (OSError, ValueError, RuntimeError):
                continue
            outside = outside or not is_inside
        problem = f"is outside {self.root}" if outside else "is not there"
        raise DataError(f"{statement.where}: included file {quoted(name)} {problem}")


def read_statements(path: Path, folders: IncludeFolders | None) -> Iterator[Statement]:
    """Stream the statements of a file and of those it includes.

    Args:
        path: the file.
        folders: see there; None: an ``.INCLUDE`` is a statement as others are.

    Raises:
        DataError: when a file cannot be read, includes itself, or is included too deep; names the
            file and the line.
    """
    seen = {path.resolve()}
    stack = [(path.resolve(), statements_of(path, read_regular_file(path)))]
    while stack:
        statement = next(stack[-1][1], None)
        if statement is None:
            stack.pop()
        elif statement.keyword != "INCLUDE" or folders is None:
            yield statement
        else:
            included = folders.find(statement)
            if any(included == opened for opened, _ in stack):
                raise DataError(f"{statement.where}: {included.name} includes itself")
            if len(stack) > MOST_INCLUDES_DEEP:
                raise DataError(
                    f"{statement.where}: files are included {MOST_INCLUDES_DEEP} deep at most"
                )
            if included not in seen:
                seen.add(included)
                stack.append((included, statements_of(included, read_regular_file(included))))


def statements_of(path: Path, data: bytes) -> Iterator[Statement]:
    """The statements of a file's contents; what stands before the first keyword is none."""
    text = decoded(data)
    line, counted = 1, 0
    keywords = list(_KEYWORD.finditer(text))
    for found, following in zip_longest(keywords, keywords[1:]):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        end = following.start() if following else len(text)
        yield Statement(found[1], text[found.end() : end], path, line)


def decoded(data: bytes) -> str:
    """Text in UTF-8, else in Latin-1 as the files of 1994 have it, with lines that end in \\n."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
