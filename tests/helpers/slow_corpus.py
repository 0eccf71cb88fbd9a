"""A corpus that is being read until all processes that prepare it have begun."""

import os
import time
from pathlib import Path

from line_helpers import ListReader, wavy_lines

from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus


class SlowReader(ListReader):
    """Notes each reading in a file, and gives its last line when all processes have begun."""

    def __init__(self, folder: Path, processes: int) -> None:
        super().__init__(wavy_lines(10))
        self.folder = folder
        self.processes = processes

    def read(self):
        with open(self.folder / "log", "a") as file:
            file.write("read\n")
        *lines, last = super().read()
        yield from lines
        while len(list(self.folder.glob("begun-*"))) < self.processes:
            time.sleep(0.01)
        time.sleep(0.3)  # the others come to where they have to wait
        yield last


def prepare_slowly(cache: Path, processes: int) -> None:
    reader = SlowReader(cache, processes)
    (cache / f"begun-{os.getpid()}").touch()
    corpus = prepare_corpus(reader, Cleaning(), cache, progress=False)
    assert len(corpus) == 10
