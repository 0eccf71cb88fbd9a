"""UNIPEN as it is distributed: the folder ``train_r01_v07`` (Zenodo record 1195803, CC BY 4.0).

``data/<category>/<group>/**.dat`` name the segments, one category a kind of text, and include files
of ``include/<group>/``, which hold the ink. The categories overlap: most characters are in three of
them. The same segment is read once.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from base.base_reader import BaseReader, NoSource
from base.registry import READERS
from data_loader.readers.files import (
    check_fractions,
    existing_folder,
    source_fingerprint,
    split_by_hash,
)
from data_loader.readers.unipen_groups import TAGS, UNUSABLE, tag_of, tags_of
from data_loader.readers.unipen_segments import Source, check_levels
from handwriting.errors import DataError
from handwriting.formats.unipen_reader import read_unipen_ink, unipen_ink
from handwriting.formats.unipen_statements import IncludeFolders, read_statements
from handwriting.ink.line import Line, strokes_from_points

_CATEGORIES = ("1a", "1b", "1c", "1d", "2", "3", "4", "5", "6", "7", "8")
_ROOTS = (".", "train_r01_v07")
_VERSION = 1


@READERS.register("unipen")
class UnipenReader(BaseReader):
    """Lines, words and characters of UNIPEN, with text and writer.

    Coordinates are the tablet's units; y grows upwards. A text that was written on several rows is
    divided where its words or characters tell its rows apart, and left out where they do not. Left
    out are also groups and segments that are known to be wrong; ``skipped`` has each reason.

    A writer is a group and a writer's id in it (the same person may have several). A hash of both
    and of the seed, a number in [0, 1), decides on the split: below ``validation_fraction`` it is
    ``testset_v``, below that plus ``test_fraction`` it is ``testset_t``, else ``trainset``.

    Args:
        data_dir: the folder ``train_r01_v07``, or one that holds it.
        levels: any of ``lines``, ``words`` and ``characters``: all segments of these levels, of
            which a shorter one is also part of a longer one. None: all levels, without the words
            and characters whose ink is in a line that is read, or in a word: no ink comes twice.
        groups: contributors by their three letters, or all that have a tag: ``H`` (good ink), ``M``
            (coarser, or one or two writers), ``L`` (screen pixels). None: ``H`` and ``M``.
        without_groups: contributors that are left out of these.
        validation_fraction: part of the writers that becomes split ``testset_v``.
        test_fraction: part of the writers that becomes split ``testset_t``.
        seed: which writers they are.

    Raises:
        ConfigError: when a fraction is not one, or a level is not known.
    """

    name: ClassVar[str] = "unipen"

    def __init__(
        self,
        data_dir: str = "data",
        levels: list[str] | None = None,
        groups: list[str] | None = None,
        without_groups: list[str] | None = None,
        validation_fraction: float = 0.1,
        test_fraction: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        check_levels(levels)
        self.data_dir = data_dir
        self.levels = levels
        self.groups = ["H", "M"] if groups is None else groups
        self.without_groups = without_groups or []
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed
        self._within: Counter[str] = Counter()

    def read(self) -> Iterator[Line]:
        """Stream the lines, one file's ink at a time, in the order of the files' names.

        Raises:
            NoSource: when there is no UNIPEN folder.
            DataError: when no line can be used.
        """
        self.skipped = type(self.skipped)()
        self._within = Counter()
        root = self._root()
        folders = IncludeFolders(root, (root / "include",))
        found = False
        for name, paths in sorted(_paths_by_name(root / "data").items()):
            group = Path(name).parts[0]
            if self._is_wanted_group(group, len(paths), root):
                for source in self._sources(paths, folders):
                    for line in self._lines_of(source, group, name):
                        found = True
                        yield line
        if not found:
            self.raise_no_line(root)
        for level, number in self._within.items():
            message = f"{root}: {number:,} {level} are part of lines or words that are read"
            self.skipped.add(f"{level} within what is read", message, number)

    def fingerprint(self) -> dict[str, Any]:
        """The files with their sizes and times, and the settings.

        Raises:
            NoSource: when there is no UNIPEN folder.
        """
        root = self._root()
        settings = {key: value for key, value in vars(self).items() if key not in _NOT_SETTINGS}
        files = [source_fingerprint(root / part, "") for part in ("data", "include")]
        return {"reader": self.name, "version": _VERSION, "files": files, **settings}

    def locate(self) -> str:
        """The folder of the distribution.

        Raises:
            NoSource: when there is none.
        """
        return str(self._root())

    def _root(self) -> Path:
        folder = existing_folder(self.data_dir)
        for root in (folder / name for name in _ROOTS):
            has_category = any((root / "data" / category).is_dir() for category in _CATEGORIES)
            if has_category and (root / "include").is_dir():
                return root
        raise NoSource(f"{folder}: holds no UNIPEN: no data/1a and the like beside include/")

    def _is_wanted_group(self, group: str, number: int, root: Path) -> bool:
        """Whether anything of a group may be wanted. Its ``number`` files are counted where it is
        of no use, or too coarse."""
        if group in self.without_groups:
            return False
        if group in UNUSABLE:
            reason = f"file of group {group}: {UNUSABLE[group]}"
            self.skipped.add(reason, f"{root / 'data'}: {reason}", number)
            return False
        if group in self.groups or any(tag in self.groups for tag in tags_of(group)):
            return True
        if tags_of(group) == ("L",) and not set(self.groups).isdisjoint(TAGS):
            reason = "file of coarse ink (tag L)"
            self.skipped.add(reason, f"{root / 'data'}: group {group}: {reason}", number)
        return False

    def _sources(self, paths: list[Path], folders: IncludeFolders) -> Iterator[Source]:
        """The ink that files of the same name in several categories include, each once, with the
        segments of all."""
        sources: dict[tuple[str, ...], Source] = {}
        for path in paths:
            try:
                statements = list(read_statements(path, None))
                included = tuple(s.value for s in statements if s.keyword == "INCLUDE")
                segments = unipen_ink(s for s in statements if s.keyword == "SEGMENT").segments
                if included not in sources:
                    sources[included] = Source(read_unipen_ink(path, folders))
                sources[included].add(segments)
            except DataError as error:
                self.skipped.add("file that cannot be read", str(error))
        yield from sources.values()

    def _lines_of(self, source: Source, group: str, name: str) -> Iterator[Line]:
        tag = tag_of(group, source.ink.points_per_mm)
        if group not in self.groups and tag not in self.groups:
            if tag == "L":
                self.skipped.add("file of coarse ink (tag L)", f"{name}: group {group}")
            return
        stem = Path(name).with_suffix("")
        writer = f"{group}/{source.ink.writer or '_'.join(stem.parts[1:])}"
        split = split_by_hash(writer, self.seed, self.validation_fraction, self.test_fraction)
        for piece in source.pieces(group, self.levels, self.skipped, self._within):
            source_id = f"{stem.as_posix()}#{piece.level[0]}{piece.place}"
            yield Line(strokes_from_points(piece.strokes), piece.label, writer, source_id, split)


_NOT_SETTINGS = ("skipped", "data_dir", "_within")


def _paths_by_name(folder: Path) -> dict[str, list[Path]]:
    """The files of all categories by their path inside the category."""
    paths: dict[str, list[Path]] = {}
    for category in _CATEGORIES:
        for path in sorted((folder / category).glob("*/**/*.dat")):
            paths.setdefault(path.relative_to(folder / category).as_posix(), []).append(path)
    return paths
