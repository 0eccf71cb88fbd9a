"""Shards of labelled lines, as ``handwriting write --corpus`` writes them: any number, of any size
together."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from base.base_reader import BaseReader, NoSource, file_fingerprint
from base.registry import READERS
from data_loader.readers.files import check_fractions, place, read_files, split_by_hash
from handwriting.errors import DataError
from handwriting.formats.shards import (
    ABOUT,
    is_shard,
    parsed_labels,
    read_folder,
    strokes_of_npy,
)
from handwriting.ink.line import Line

_LABELS, _STROKES = ".json", ".npy"


@READERS.register("shards")
class ShardsReader(BaseReader):
    """Lines of shards, one shard after the other; no more than one line is in memory.

    The same text is in one split, however often it was written. The writer of a line is the hand
    that it was written in; one that a seed made up has no name.

    Args:
        data_dir: folder of the shards, those in folders in it included.
        shards: paths in ``data_dir`` of shards or of folders of them, read in this order; empty for
            all there are.
        validation_fraction: part of the texts whose lines become split ``testset_v``.
        test_fraction: part of the texts whose lines become split ``testset_t``.
        seed: which texts they are.

    Raises:
        ConfigError: when a fraction is not one.
    """

    name: ClassVar[str] = "shards"

    def __init__(
        self,
        data_dir: str = "data",
        shards: tuple[str, ...] = (),
        validation_fraction: float = 0.02,
        test_fraction: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_fractions(validation_fraction=validation_fraction, test_fraction=test_fraction)
        self.data_dir = data_dir
        self.shards = tuple(shards)
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.seed = seed

    def read(self) -> Iterator[Line]:
        """Stream the lines.

        Raises:
            NoSource: when there is no shard.
            DataError: a shard is damaged.
        """
        self.skipped = type(self.skipped)()
        for path in self._paths():
            name = path.relative_to(self.data_dir).as_posix()
            for strokes, labels in read_folder(path) if path.is_dir() else _read_tar(path):
                text = labels["text"]
                split = split_by_hash(text, self.seed, self.validation_fraction, self.test_fraction)
                yield Line(strokes, text, labels["hand"], f"{name}/{labels['id']}", split)

    def fingerprint(self) -> dict[str, Any]:
        """The shards with their sizes and times, and the settings.

        Raises:
            NoSource: when there is no shard.
        """
        listing = hashlib.sha256()
        paths = self._paths()
        for path in paths:
            _, size, modified = file_fingerprint(path / ABOUT if path.is_dir() else path)
            name = f"{path.relative_to(self.data_dir).as_posix()}\0{size}\0{modified}\n"
            listing.update(name.encode("utf-8", "surrogateescape"))
        return {
            "reader": self.name,
            "version": 1,
            "validation_fraction": self.validation_fraction,
            "test_fraction": self.test_fraction,
            "seed": self.seed,
            "shards": [len(paths), listing.hexdigest()],
        }

    def locate(self) -> str:
        """Count the shards.

        Raises:
            NoSource: when there is none.
        """
        return f"{self.data_dir}: {len(self._paths()):,} shards"

    def _paths(self) -> list[Path]:
        """The shards, in the order they are read in."""
        folder = Path(self.data_dir)
        paths: list[Path] = []
        for place_of_shards in [folder / name for name in self.shards] or [folder]:
            found = list(_shards_in(place_of_shards))
            if not found:
                raise NoSource(f"{place_of_shards}: holds no shard of labelled lines")
            paths += found
        return paths


def _shards_in(path: Path) -> Iterator[Path]:
    """The shards at a path, sorted; hidden files and folders are left out."""
    if is_shard(path):
        yield path
    elif path.is_dir():
        for entry in sorted(path.iterdir()):
            if not entry.name.startswith("."):
                yield from _shards_in(entry)


def _read_tar(path: Path) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """The strokes ``[T, 3]`` and the labels of each line of a tar.

    Raises:
        DataError: it is damaged, or has other members than such lines.
    """
    key, labels = "", None
    for name, data in read_files(path, ""):
        stem, suffix = Path(name).stem, Path(name).suffix
        try:
            if suffix == _LABELS and labels is None:
                key, labels = stem, parsed_labels(data)
            elif suffix == _STROKES and labels is not None and stem == key:
                strokes, complete, labels = strokes_of_npy(data), labels, None
                yield strokes, complete
            else:
                raise ValueError("should be labels (.json) and strokes (.npy) in turn")
        except ValueError as error:
            raise DataError(f"{place(path, name)}: {error}") from None
    if labels is not None:
        raise DataError(f"{path}: has no strokes of its last line")
