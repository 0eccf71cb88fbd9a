"""The log goes to the console at once, and to its file from the first line on."""

import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handwriting.environment import fault_line
from logger.logger import LaterFileHandler, close_log_file, open_log_file, setup_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:], root.level = handlers, level


def test_file_has_what_came_before_it_was_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setup_logging()
    log = logging.getLogger("corpus")
    log.info("early")
    assert capsys.readouterr().out == "early\n"
    open_log_file(tmp_path / "train.log")
    log.warning("late")
    log.debug("never")
    lines = (tmp_path / "train.log").read_text().splitlines()
    assert [re.sub(r"^[-\d]+ [:,\d]+ ", "", line) for line in lines] == [
        "INFO corpus: early",
        "WARNING corpus: late",
    ]
    assert capsys.readouterr().out == "late\n"


def test_a_second_file_takes_over_and_appends(tmp_path: Path) -> None:
    setup_logging()
    (tmp_path / "b.log").write_text("resumed\n")
    open_log_file(tmp_path / "a.log")
    logging.info("one")
    open_log_file(tmp_path / "b.log")
    logging.info("two")
    assert "two" not in (tmp_path / "a.log").read_text()
    assert re.fullmatch(r"resumed\n.*INFO root: two\n", (tmp_path / "b.log").read_text())


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.parent / "mine")])
def test_a_log_is_written_to_no_link_and_no_pipe(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    make(tmp_path / "train.log")
    setup_logging()
    with pytest.raises(OSError, match="is no regular file") as caught:
        open_log_file(tmp_path / "train.log")
    line = f"{tmp_path / 'train.log'}: is no regular file, the log is not written there"
    assert fault_line(caught.value) == line
    assert (tmp_path / "mine").read_text() == "mine"


def test_between_two_runs_lines_are_kept_for_the_second_one(tmp_path: Path) -> None:
    setup_logging()
    open_log_file(tmp_path / "a.log")
    close_log_file()
    logging.info("of the second")
    open_log_file(tmp_path / "b.log")
    assert (tmp_path / "a.log").read_text() == ""
    assert "of the second" in (tmp_path / "b.log").read_text()


def test_other_processes_report_trouble_only(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging(is_main=False)
    logging.info("progress")
    logging.warning("trouble")
    assert capsys.readouterr().out == "trouble\n"


def test_without_set_up_there_is_no_file(tmp_path: Path) -> None:
    root = logging.getLogger()
    root.handlers[:] = [h for h in root.handlers if not isinstance(h, LaterFileHandler)]
    open_log_file(tmp_path / "train.log")
    assert not list(tmp_path.iterdir())
