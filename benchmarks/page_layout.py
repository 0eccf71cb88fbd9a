"""Error rates of pages that are laid out, ordered and disturbed as people's are.

    python -m benchmarks.page_layout [--data FOLDER] [--unipen FOLDER] [--only NAME ...]

Pages are made of lines of IAM-OnDB and of UNIPEN, where their folders are named (those that
``data_loader.readers`` read; without an option they are taken from the environment variables
``HANDWRITING_IAM_ONDB`` and ``HANDWRITING_UNIPEN``), else of the built-in corpus. Each row of the
table is one disturbance, with the character error rate of the same lines read in two ways:
*plainly*, which divides a page into lines by one slope and reads them with attention as they come;
and *with layout*, which is how files are read. Both use the same recogniser, greedily. A page's
text is all of its lines, and errors are those of the whole page: lines read in a wrong order count.

Lines have an x-height of 1, and stand 3.8 below each other where nothing else is said. One seed
makes all pages. ``--pictures FOLDER`` draws the first page of each row as it is read instead, with
its blocks, lines and words; ``--weights FOLDER``, exported models, makes pages of lines that their
writer writes in its hands, in place of the data sets.
"""

import argparse
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from base.base_reader import BaseReader
from benchmarks.report import Report, about_run
from data_loader.readers.iam_ondb import IamOndbReader
from data_loader.readers.synthetic import SyntheticReader
from data_loader.readers.synthetic_random import Draws
from data_loader.readers.synthetic_text import draw_text, english_words
from data_loader.readers.unipen import UnipenReader
from handwriting.ink.line import Line, points_from_strokes, strokes_from_points
from handwriting.ink.line_segmentation import split_lines
from handwriting.ink.measures import x_height
from handwriting.readings.document_reader import DocumentReader
from handwriting.readings.page_ink import PageInk
from handwriting.runtime.writer import Writer
from handwriting.text.error_rates import count_errors
from reading.file_reader import calibration_of
from reading.line_reader import LineReader
from reading.page_reader import read_pages
from reading.recogniser import line_reader
from trainer.loaded_model import load_model
from utils.figures.drawing import save_figure
from utils.figures.page_layout import read_page_sheet
from utils.figures.sheet_files import sheet_image
from utils.shipped import checkpoint_path

Strokes = list[np.ndarray]

_PITCH = 3.8
_LEAST_TEXT, _MOST_TEXT = 12, 60
_LONGEST_WRITTEN = 36
_LINES_ON_PAGE = 10
_WORD_GAP = 0.8
_WORD_SPACE = 2.0
_STEEPEST = 0.08
_JITTER = 0.1
_SEED = 7
_PIXELS_PER_POINT = 1.0


@dataclass(frozen=True)
class Written:
    """A line or a page of writing in x-heights, y upwards.

    Attributes:
        strokes: arrays of points ``[n, 2]`` in the order of writing.
        texts: its lines, as they are read.
    """

    strokes: Strokes
    texts: tuple[str, ...]

    def moved(self, right: float, up: float) -> "Written":
        return replace(self, strokes=[stroke + (right, up) for stroke in self.strokes])

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest x and y."""
        points = np.concatenate(self.strokes)
        return points.min(axis=0), points.max(axis=0)

    @property
    def width(self) -> float:
        low, high = self.box
        return float(high[0] - low[0])


Random = np.random.Generator
Maker = Callable[[list[Written], Random], Iterable[Written]]


def written(line: Line) -> Written:
    """A line with an x-height of 1, its first ink at x = 0, the middle of its heights at y = 0."""
    strokes = points_from_strokes(line.strokes)
    size = x_height(strokes)
    points = np.concatenate(strokes)
    origin = points[:, 0].min(), float(np.median(points[:, 1]))
    return Written([(stroke - origin) / size for stroke in strokes], (line.text,))


def words_of(strokes: Sequence[np.ndarray]) -> list[list[int]]:
    """Numbers of the strokes of each word, divided at wide gaps, from the left."""
    order = sorted(range(len(strokes)), key=lambda at: float(strokes[at][:, 0].min()))
    words: list[list[int]] = []
    right = -np.inf
    for at in order:
        if strokes[at][:, 0].min() > right + _WORD_GAP:
            words.append([])
        words[-1].append(at)
        right = max(right, strokes[at][:, 0].max())
    return [sorted(word) for word in words]


def joined(parts: Sequence[Written]) -> Written:
    """One after the other."""
    strokes = [stroke for part in parts for stroke in part.strokes]
    return Written(strokes, tuple(text for part in parts for text in part.texts))


# Disturbances of one line


def each(change: Callable[[Written, Random], Written]) -> Maker:
    """Every line by itself, changed."""
    return lambda lines, random: (change(line, random) for line in lines)


def reordered(line: Written, order: Iterable[int]) -> Written:
    return replace(line, strokes=[line.strokes[at] for at in order])


def later(line: Written, late: Iterable[int]) -> Written:
    """Strokes ``late`` written after all others."""
    late = list(late)
    first = [at for at in range(len(line.strokes)) if at not in set(late)]
    return reordered(line, [*first, *late])


def dots_and_bars_last(line: Written, random: Random) -> Written:
    """Short strokes that stand over ink written before them, at the end of the line."""
    late, right = [], -np.inf
    for at, stroke in enumerate(line.strokes):
        way = np.hypot(*np.diff(stroke, axis=0).T).sum()
        if way < 1.5 and stroke[:, 0].mean() < right:
            late.append(at)
        right = max(right, stroke[:, 0].max())
    return later(line, late)


def words_last(number: int) -> Callable[[Written, Random], Written]:
    """Words, not the last one, written after the line."""

    def change(line: Written, random: Random) -> Written:
        words = words_of(line.strokes)
        chosen = random.permutation(max(len(words) - 1, 0))[:number]
        return later(line, [at for word in chosen for at in words[word]])

    return change


def at_random(line: Written, random: Random) -> Written:
    return reordered(line, random.permutation(len(line.strokes)).tolist())


def jittered(line: Written, random: Random) -> Written:
    return replace(
        line,
        strokes=[stroke + random.normal(0, _JITTER, stroke.shape) for stroke in line.strokes],
    )


def twice(line: Written, random: Random) -> Written:
    return replace(line, strokes=[stroke for stroke in line.strokes for _ in range(2)])


def some_backwards(line: Written, random: Random) -> Written:
    """A tenth of the strokes with their points in the opposite order."""
    backwards = random.random(len(line.strokes)) < 0.1
    pairs = zip(line.strokes, backwards, strict=True)
    return replace(line, strokes=[stroke[::-1] if is_one else stroke for stroke, is_one in pairs])


def all_backwards(line: Written, random: Random) -> Written:
    return replace(line, strokes=[stroke[::-1] for stroke in line.strokes])


# Pages


def below_each_other(lines: Sequence[Written], pitch: float = _PITCH) -> Written:
    """Lines at equal distances."""
    return joined([line.moved(0.0, -pitch * at) for at, line in enumerate(lines)])


def pages_of(number: int, make: Callable[[list[Written], Random], Written]) -> Maker:
    """Pages of ``number`` lines each."""

    def pages(lines: list[Written], random: Random) -> Iterator[Written]:
        for start in range(0, len(lines), number):
            yield make(lines[start : start + number], random)

    return pages


def plain_page(lines: list[Written], random: Random) -> Written:
    return below_each_other(lines)


def close_page(pitch: float) -> Callable[[list[Written], Random], Written]:
    return lambda lines, _: below_each_other(lines, pitch)


def one_long_line(lines: list[Written], random: Random) -> Written:
    """All lines beside each other, a word's space between them."""
    parts, left = [], 0.0
    for line in lines:
        parts.append(line.moved(left, 0.0))
        left += line.width + _WORD_SPACE
    return Written(joined(parts).strokes, (" ".join(line.texts[0] for line in lines),))


def two_columns(gap: float) -> Callable[[list[Written], Random], Written]:
    """Half of the lines in each column, the right one a little lower or higher."""

    def make(lines: list[Written], random: Random) -> Written:
        half = (len(lines) + 1) // 2
        left, right = lines[:half], lines[half:]
        beside = max(line.width for line in left) + gap
        up = random.uniform(-0.5, 0.5) * _PITCH
        columns = [below_each_other(left)]
        if right:
            columns.append(below_each_other(right).moved(beside, up))
        return joined(columns)

    return make


def turned(degrees: float) -> Callable[[list[Written], Random], Written]:
    def make(lines: list[Written], random: Random) -> Written:
        return turned_by(below_each_other(lines), degrees)

    return make


def turned_by(page: Written, degrees: float) -> Written:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return replace(page, strokes=[stroke @ turn for stroke in page.strokes])


def turned_at_random_order(lines: list[Written], random: Random) -> Written:
    """Turned upside down, and nothing known of the order."""
    return at_random(turned_by(below_each_other(lines), 180.0), random)


def sloping(lines: list[Written], random: Random) -> Written:
    """Each line on a slope of its own, no nearer to the one before than a page's lines are."""
    parts: list[Written] = []
    up, before = 0.0, 0.0
    for line in lines:
        slope = random.uniform(-_STEEPEST, _STEEPEST)
        if parts:
            nearest = min(0.0, (before - slope) * min(line.width, parts[-1].width))
            up += nearest - _PITCH
        strokes = [
            np.stack([stroke[:, 0], stroke[:, 1] + up + slope * stroke[:, 0]], axis=1)
            for stroke in line.strokes
        ]
        parts.append(replace(line, strokes=strokes))
        before = slope
    return joined(parts)


def drawn(points: Sequence[tuple[float, float]], random: Random) -> np.ndarray:
    """A stroke along straight sides, a point each 0.2, as straight as a hand draws."""
    corners = np.array(points, dtype=float)
    sides = [
        np.linspace(a, b, max(int(np.hypot(*(b - a)) / 0.2), 2))
        for a, b in zip(corners[:-1], corners[1:], strict=True)
    ]
    path = np.concatenate(sides)
    sway = np.cumsum(random.normal(0, 0.012, path.shape), axis=0)
    return path + sway - np.linspace(sway[0], sway[-1], len(sway))


def ruled(lines: list[Written], random: Random) -> Written:
    """A frame around the page, a ruled line under its first line, and in each line an underlined
    word."""
    page = below_each_other(lines)
    (left, bottom), (right, top) = page.box
    left, right, bottom, top = left - 1.5, right + 1.5, bottom - 1.5, top + 1.5
    frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    strokes = list(page.strokes)
    for at, line in enumerate(lines):
        words = words_of(line.strokes)
        word = np.concatenate([line.strokes[part] for part in words[random.integers(len(words))]])
        under = float(np.percentile(word[:, 1], 5)) - 0.5 - _PITCH * at
        ends = [(word[:, 0].min(), under), (word[:, 0].max(), under)]
        if ends[1][0] - ends[0][0] > 3.0:
            strokes.append(drawn(ends, random))
    rule = [(left + 1.0, -0.5 * _PITCH - 0.2), (right - 1.0, -0.5 * _PITCH - 0.2)]
    return replace(page, strokes=[*strokes, drawn(frame, random), drawn(rule, random)])


def on_ruled_paper(lines: list[Written], random: Random) -> Written:
    """A ruled line under each line, drawn before the writing."""
    page = below_each_other(lines)
    (left, _), (right, _) = page.box
    rules = [
        drawn([(left - 2.0, -_PITCH * at - 0.7), (right + 2.0, -_PITCH * at - 0.7)], random)
        for at in range(len(lines))
    ]
    return replace(page, strokes=[*rules, *page.strokes])


def beside_a_sketch(lines: list[Written], random: Random) -> Written:
    """Boxes and curves as high as the page, the lines to the right of them."""
    page = below_each_other(lines)
    (left, bottom), (_, top) = page.box
    x, high = left - 30.0, top - bottom
    box = [(x, top), (x + 18, top), (x + 18, bottom + high / 2), (x, bottom + high / 2), (x, top)]
    around = np.linspace(0.0, 6.0 * np.pi, 300)
    spiral = np.stack([np.cos(around), np.sin(around)], axis=1) * (around / 2.5)[:, None]
    arrow = [(x + 20.0, top - 4.0), (left - 3.0, top - 4.0)]
    sketch = [drawn(box, random), spiral + (x + 9.0, bottom + high / 4), drawn(arrow, random)]
    return replace(page, strokes=[*sketch, *page.strokes])


def signed(lines: list[Written], random: Random) -> Written:
    """The last line to the right of the one before it, far away."""
    *body, last = lines
    page = below_each_other(body)
    (_, _), (right, _) = page.box
    return joined([page, last.moved(right + 10.0, -_PITCH * (len(body) - 1) - 1.0)])


DISTURBANCES: dict[str, Maker] = {
    "lines, undisturbed": each(lambda line, _: line),
    "dots and bars last": each(dots_and_bars_last),
    "one word last": each(words_last(1)),
    "three words last": each(words_last(3)),
    "strokes at random": each(at_random),
    "each stroke twice": each(twice),
    "a tenth of the strokes backwards": each(some_backwards),
    "all strokes backwards": each(all_backwards),
    "jitter of 0.1": each(jittered),
    "ten lines as one": pages_of(_LINES_ON_PAGE, one_long_line),
    "pages, undisturbed": pages_of(_LINES_ON_PAGE, plain_page),
    "two columns, 3 apart": pages_of(_LINES_ON_PAGE, two_columns(3.0)),
    "two columns, 15 apart": pages_of(_LINES_ON_PAGE, two_columns(15.0)),
    "turned by 15 degrees": pages_of(_LINES_ON_PAGE, turned(15)),
    "turned by 45 degrees": pages_of(_LINES_ON_PAGE, turned(45)),
    "turned by 90 degrees": pages_of(_LINES_ON_PAGE, turned(90)),
    "turned by 180 degrees": pages_of(_LINES_ON_PAGE, turned(180)),
    "turned by 180, strokes at random": pages_of(_LINES_ON_PAGE, turned_at_random_order),
    "lines 2.4 apart": pages_of(_LINES_ON_PAGE, close_page(2.4)),
    "lines 1.8 apart": pages_of(_LINES_ON_PAGE, close_page(1.8)),
    "lines on slopes of their own": pages_of(_LINES_ON_PAGE, sloping),
    "30 lines": pages_of(30, plain_page),
    "underlines, a frame, a rule": pages_of(_LINES_ON_PAGE, ruled),
    "ruled paper": pages_of(_LINES_ON_PAGE, on_ruled_paper),
    "beside a sketch": pages_of(_LINES_ON_PAGE, beside_a_sketch),
    "a signature beside the last line": pages_of(_LINES_ON_PAGE, signed),
}


# Reading


def read_plainly(reader: LineReader, pages: Sequence[Written]) -> list[str]:
    """All texts of each page, lines divided by one slope and read as they come."""
    lines, numbers = [], []
    for number, page in enumerate(pages):
        for group in split_lines(page.strokes):
            lines.append(strokes_from_points([page.strokes[at] for at in group]))
            numbers.append(number)
    texts: list[list[str]] = [[] for _ in pages]
    for number, text in zip(numbers, reader.read(lines), strict=True):
        texts[number].append(text.text)
    return [" ".join(page) for page in texts]


def read_with_layout(reader: LineReader, pages: Sequence[Written], timed: bool) -> list[str]:
    """All texts of each page, as files are read."""
    found = read_pages(reader, [page.strokes for page in pages], timed)
    return [" ".join(reading.text for reading in page.readings) for page in found]


def chosen_lines(reader: BaseReader, split: str, number: int) -> list[Written]:
    """Lines of a split that are neither short nor long, ten of each writer, from writers that are
    spread evenly over those that have so many."""
    of_writer: dict[str, list[Line]] = {}
    for line in reader.read():
        if line.split == split and is_usual(line.text):
            of_writer.setdefault(line.writer, []).append(line)
    tens = [lines[:_LINES_ON_PAGE] for lines in of_writer.values() if len(lines) >= _LINES_ON_PAGE]
    wanted = -(-number // _LINES_ON_PAGE)
    places = np.unique(np.linspace(0, len(tens) - 1, wanted).round().astype(int))
    return [written(line) for place in places for line in tens[place]][:number]


def lines_of_hands(writer: Writer, number: int) -> list[Written]:
    """Lines of made-up texts in the writer's hands, ten in each, one hand after the other."""
    draws, words = Draws(_SEED, 0, 0), english_words()
    lines: list[Written] = []
    for place in range(-(-number // _LINES_ON_PAGE)):
        texts = [
            draw_text(draws, words, _LEAST_TEXT, _LONGEST_WRITTEN) for _ in range(_LINES_ON_PAGE)
        ]
        hand = writer.hands[place % len(writer.hands)] if writer.hands else None
        found = writer.write_lines(texts, hand, seed=_SEED)
        lines += [written(Line(each.strokes, each.text, "", "", "")) for each in found]
    return lines[:number]


def is_usual(text: str) -> bool:
    return _LEAST_TEXT <= len(text) <= _MOST_TEXT and re.search(r"[a-z]", text) is not None


def rates(
    plain_reader: LineReader, reader: LineReader, lines: list[Written], name: str
) -> tuple[float, float]:
    """Error rates in percent of a disturbance, read plainly and with layout."""
    # Of its own for each row, so that rows can be run one by one.
    pages = list(DISTURBANCES[name](lines, np.random.default_rng(_SEED)))
    truth = [" ".join(page.texts) for page in pages]
    timed = "at random" not in name
    plain = read_plainly(plain_reader, pages)
    with_layout = read_with_layout(reader, pages, timed)
    return tuple(  # type: ignore[return-value]  # two of them
        100 * count_errors(zip(truth, texts, strict=True)).cer for texts in (plain, with_layout)
    )


def draw(
    reader: DocumentReader[LineReader], lines: list[Written], names: Sequence[str], folder: Path
) -> None:
    """Draw the first page of each disturbance as it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        page = next(iter(DISTURBANCES[name](lines, np.random.default_rng(_SEED))))
        ink = PageInk(tuple(page.strokes), timed="at random" not in name)
        picture = sheet_image(read_page_sheet(reader.read_page(ink)), _PIXELS_PER_POINT)
        save_figure(picture, folder / f"{re.sub('[^a-z0-9]+', '-', name)}.png")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Error rates of disturbed pages.")
    environment = os.environ.get
    parser.add_argument("--data", default=environment("HANDWRITING_IAM_ONDB"), help="IAM-OnDB")
    parser.add_argument("--unipen", default=environment("HANDWRITING_UNIPEN"), help="UNIPEN")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="exported models")
    parser.add_argument("--split", default="testset_t")
    parser.add_argument("--lines", type=int, default=100, help="of each data set")
    parser.add_argument("--recogniser", type=checkpoint_path, default="recognition")
    parser.add_argument("--only", nargs="*", choices=list(DISTURBANCES), metavar="NAME")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    return parser.parse_args()


def data_sets(options: argparse.Namespace) -> dict[str, list[Written]]:
    """Lines of each data set whose folder is known."""
    if options.weights:
        return {"written": lines_of_hands(Writer(options.weights), options.lines)}
    readers: dict[str, BaseReader] = {}
    if options.data:
        readers["IAM-OnDB"] = IamOndbReader(options.data)
    if options.unipen:
        readers["UNIPEN"] = UnipenReader(
            options.unipen, levels=["lines"], validation_fraction=0.4, test_fraction=0.4
        )
    if not readers:
        # A split by writers: with many of them, those of a few are the test's.
        readers["built-in"] = SyntheticReader(num_lines=4000, num_writers=200)
    return {
        name: chosen_lines(reader, options.split, options.lines) for name, reader in readers.items()
    }


def main() -> None:
    """Print the table, and write it where ``--json`` says."""
    options = parsed()
    sets = data_sets(options)
    trained = load_model(options.recogniser, "cpu")
    if options.pictures:
        documents = DocumentReader(
            line_reader(trained, "--recogniser"), calibration_of(options.recogniser)
        )
        names = options.only or list(DISTURBANCES)
        draw(documents, next(iter(sets.values())), names, options.pictures)
        return
    plain_reader = line_reader(trained, "--recogniser", careful=False)
    reader = line_reader(trained, "--recogniser")
    ways = ("plain", "layout")
    columns = ["CER in percent", *(f"{name}, {way}" for name in sets for way in ways)]
    print(" | ".join(columns))
    rows, values = [], {}
    for name in options.only or DISTURBANCES:
        found = [
            rate for lines in sets.values() for rate in rates(plain_reader, reader, lines, name)
        ]
        values[name] = dict(zip(columns[1:], found, strict=True))
        rows.append([name, *(f"{rate:.1f}" for rate in found)])
        print(" | ".join(rows[-1]), flush=True)
    if options.json:
        title = f"Pages that are laid out, ordered and disturbed, {options.lines} lines"
        Report(title, columns, rows, values, about_run()).save(options.json)


if __name__ == "__main__":
    from handwriting.errors import run_command

    run_command(main)
