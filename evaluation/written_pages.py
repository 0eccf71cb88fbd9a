"""Legibility of whole pages, as the commands write and read them::

    python -m evaluation.written_pages -r conditional --judge research/recognition

Letters with a date, numbers, a price, an address and capitals are drawn by a seed. The command
``experiments.py`` writes them with its defaults (of several draws of a piece the shipped recogniser
chooses), and another recogniser, which had no part in that, reads the files, lines and order
included. Where tesseract is installed, it reads the pictures.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_loader.readers.composed_grammar import KINDS
from data_loader.readers.synthetic_text import english_vocabulary
from handwriting.command_line import OneLineParser, whole_number
from handwriting.errors import UserError, run_command
from handwriting.limits import MOST_DRAWS
from handwriting.text.error_rates import ErrorCounts, count_errors
from utils.shipped import checkpoint_path

EXPERIMENTS = Path(__file__).parents[1] / "experiments.py"
_WORDS = 5000
_MOST_PAGES = 1000
_SENTENCES = 4
_TESSERACT = "tesseract"


def page_text(seed: int) -> str:
    """Return a letter of eight to a dozen lines, drawn by a seed."""
    random = np.random.default_rng(seed)
    words = [word for word in english_vocabulary(_WORDS) if 3 <= len(word) <= 8 and word.islower()]

    def some(count: int) -> str:
        return " ".join(str(word) for word in random.choice(words, count))

    def kind(name: str) -> str:
        return " ".join(KINDS[name](random, words).split())

    sentences = [
        f"{some(int(random.integers(6, 12))).capitalize()}." for _ in range(_SENTENCES - 1)
    ]
    amount = int(random.integers(10, 10_000))
    sentences.append(f"{some(4).capitalize()} {amount} {some(3)}.")
    lines = [
        kind("dates"),
        f"Dear {str(random.choice(words)).capitalize()},",
        " ".join(sentences),
        kind("money"),
        kind("addresses"),
        some(3).upper(),
        f"Yours, {str(random.choice(words)).capitalize()}",
    ]
    return "\n".join(lines)


def written(
    checkpoint: Path, texts: Sequence[str], folder: Path, work: Path, options: Sequence[object]
) -> None:
    """Write the texts with the command, as ``N-page-K.png`` and ``N-page.json`` in ``folder``, with
    more options of its; what it takes is put into the folder ``work``."""
    names = work / "texts.csv"
    with open(names, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    _run("-r", checkpoint, "--csv", names, "--template", "{text}",
         "--format", "png,json", "--out", folder, *options)  # fmt: skip


def readings(checkpoint: Path, folder: Path, work: Path, number: int) -> list[str]:
    """Read what ``written`` wrote with the command, and return the text of each page."""
    ink, out = work / "ink", work / "read"
    ink.mkdir()
    for path in folder.glob("*.json"):
        shutil.copy(path, ink)
    _run("-r", checkpoint, "--ink", ink, "--format", "txt", "--out", out)
    found = {path.name: path.read_text(encoding="utf-8") for path in out.rglob("*.txt")}
    return [_text_of(found, at) for at in range(number)]


def readings_of_pictures(folder: Path, number: int) -> list[str] | None:
    """Have tesseract read the pictures; None where it is not installed."""
    if shutil.which(_TESSERACT) is None:
        return None
    found = {}
    for path in folder.glob("*.png"):
        command = [_TESSERACT, str(path), "-", "--psm", "6"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise UserError(f"{_TESSERACT}: {done.stderr.strip()[-300:]}")
        found[path.name] = done.stdout
    return [_text_of(found, at) for at in range(number)]


def errors(texts: Sequence[str], read: Sequence[str]) -> ErrorCounts:
    """Count the errors of pages, each as one line: where its lines end is nothing to err in."""
    pairs = zip(texts, read, strict=True)
    return count_errors([(" ".join(text.split()), " ".join(page.split())) for text, page in pairs])


def _text_of(found: dict[str, str], at: int) -> str:
    """The text of the pages of one letter; files are named by its number, from 1."""
    names = [name for name in found if int(name.partition("-")[0]) == at + 1]
    return "\n".join(found[name] for name in sorted(names))


def _run(*words: object) -> None:
    """Run ``experiments.py``, as a user does."""
    command = [sys.executable, str(EXPERIMENTS), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(done.stderr.strip().removeprefix("error: "))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with the arguments ``argv`` (default: the process's own).

    Raises:
        UserError: one of the commands does not work.
    """
    options = _parse(argv)
    texts = [page_text(options.seed + at) for at in range(options.pages)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary) / "pages"
        draws = () if options.draws is None else ("--best-of", options.draws)
        written(options.resume, texts, folder, Path(temporary), ("--seed", options.seed, *draws))
        rows = [(options.judge.stem, readings(options.judge, folder, Path(temporary), len(texts)))]
        pictures = readings_of_pictures(folder, len(texts))
    if pictures is None:
        print(f"{_TESSERACT} is not installed: nobody read the pictures")
    else:
        rows.append((f"{_TESSERACT}, of the picture", pictures))
    for name, read in rows:
        found = errors(texts, read)
        print(
            f"{name}: {found.lines} pages, {found.characters} characters,"
            f" CER {100 * found.cer:.1f} %, WER {100 * found.wer:.1f} %"
        )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m evaluation.written_pages",
        allow_abbrev=False,
        description="Write letters, and count what others read in them.",
    )
    add = parser.add_argument
    add("-r", "--resume", type=checkpoint_path, required=True, help="a writer: a file or a name")
    add("--judge", type=checkpoint_path, required=True, help="a recogniser that chose nothing")
    add("--pages", type=whole_number(1, _MOST_PAGES), default=10, help="how many letters")
    add("--draws", type=whole_number(1, MOST_DRAWS), help="of each piece (default: the command's)")
    add("--seed", type=whole_number(0, 2**31), default=1, help="of texts and ink")
    add("--out", type=Path, help="keep the pages in this folder")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
