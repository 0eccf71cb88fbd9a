"""A corpus that takes its time to be read, for processes that prepare it at once."""

import time
from pathlib import Path

from line_helpers import ListReader, wavy_lines

from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus


class SlowReader(ListReader):
    """Notes each reading in a file, and takes its time."""

    def __init__(self, log: Path) -> None:
        super().__init__(wavy_lines(10))
        self.log = log

    def read(self):
        with open(self.log, "a") as file:
            file.write("read\n")
        for line in super().read():
            time.sleep(0.03)
            yield line


def prepare_slowly(cache: Path) -> None:
    corpus = prepare_corpus(SlowReader(cache / "log"), Cleaning(), cache, progress=False)
    assert len(corpus) == 10
