"""``from handwriting import Writer, Reader``, on tiny models with random weights."""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import handwriting
from evaluation.runtime_export import write_export
from handwriting import Error, PageOptions, Reader, Writer
from handwriting.ink.line import points_from_strokes, strokes_from_points
from handwriting.readings.long_lines import pieces
from handwriting.runtime import weights_folder
from handwriting.runtime.synthesis import by_log_prob
from handwriting.runtime.synthesised_line import SynthesisedLine
from handwriting.text.error_rates import line_errors
from trainer.loaded_model import load_model
from utils.shipped import checkpoint_path

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def writer(exported: Path) -> Writer:
    return Writer(exported)


@pytest.fixture(scope="module")
def shipped_reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("shipped")
    for name in ("conditional", "recognition", "language_model"):
        write_export(load_model(checkpoint_path(name), "cpu"), folder)
    hands = checkpoint_path("conditional").with_name("hands.safetensors")
    shutil.copyfile(hands, folder / hands.name)
    return Reader(folder)


@pytest.fixture(scope="module")
def reader(exported: Path) -> Reader:
    return Reader(exported)


def test_a_page_is_written_saved_and_read(writer: Writer, reader: Reader, tmp_path: Path) -> None:
    page = writer.write("the rain\nin it", seed=3)
    for suffix in ("svg", "png", "json", "inkml", "gcode"):
        (file,) = page.save(tmp_path / f"letter.{suffix}")
        assert file.stat().st_size > 0
    read = reader.read(tmp_path / "letter.json")
    assert [line.truth for line in read.lines] == [line.text for line in page.pages[0].lines]
    assert read.text == "\n".join(line.text for line in read.lines)
    assert sum(len(line.strokes) for line in read.lines) == len(read.ink)
    saved = json.loads(read.save(tmp_path / "read.json")[0].read_text(encoding="utf-8"))
    assert saved["text"] == read.text and len(saved["lines"]) == len(read.lines)
    assert read.save(tmp_path / "read.txt")[0].read_text(encoding="utf-8") == read.text + "\n"
    for shown in (page, read):
        assert shown._repr_svg_().startswith("<svg")


def test_the_seed_decides(writer: Writer) -> None:
    one, same, other = (writer.write("a tree", seed=seed).lines[0].strokes for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_lines_do_not_depend_on_their_company(writer: Writer) -> None:
    many = writer.write_lines(["a tree", "rain", "it is", "no", "on", "in", "at", "so"], seed=4)
    assert [line.text for line in many][:2] == ["a tree", "rain"]
    alone = writer.write_lines(["a tree"], seed=4)[0]
    assert many[0].strokes.shape == alone.strokes.shape
    assert np.abs(many[0].strokes - alone.strokes).max() < 0.05


def test_a_hand_is_one_of_those_there_are(writer: Writer) -> None:
    assert writer.hands == ("lena",)
    assert writer.write("a", hand="lena").lines[0].strokes.shape[1] == 3
    with pytest.raises(Error, match="^hand: there are 1, such as lena; got 'lina'$"):
        writer.write("a", hand="lina")


def test_a_style_comes_from_a_file(writer: Writer, tmp_path: Path) -> None:
    (file,) = writer.write("rain", seed=2).save(tmp_path / "style.json")
    styled = writer.write("a tree", style=file)
    assert not np.array_equal(styled.lines[0].strokes, writer.write("a tree").lines[0].strokes)
    with pytest.raises(Error, match="hand, style: give one of the two"):
        writer.write("a", hand="lena", style=file)
    with pytest.raises(Error, match="style_text: says more about a style"):
        writer.write("a", style_text="rain")


def test_characters_are_replaced_or_refused(writer: Writer) -> None:
    written = writer.write("r\u00e4in \u2014 it")
    assert written.text == "r\u00e4in - it"  # a letter with its mark, and a dash that is known
    assert any("\u2014" in note for note in written.notes)
    with pytest.raises(Error, match="cannot be written"):
        writer.write("rain \u6f22", replace=False)
    with pytest.raises(Error, match="text: must have a character that is no space"):
        writer.write(" \n ")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed: should be from 0 to 1.84467e.19, got -1"),
        ({"bias": float("nan")}, "bias: should be from 0 to 100, got nan"),
        ({"best_of": 0}, "best_of: should be from 1 to 1,000, got 0"),
    ],
)
def test_numbers_have_two_ends(writer: Writer, given: dict, message: str) -> None:
    with pytest.raises(Error, match=message):
        writer.write("a", **given)


def test_several_pages_are_several_files(writer: Writer, tmp_path: Path) -> None:
    written = writer.write("a\na\na", page=PageOptions(lines_per_page=1))
    files = written.save(tmp_path / "letter.svg")
    assert [file.name for file in files] == [f"letter-{n}.svg" for n in (1, 2, 3)]
    assert [file.name for file in written.save(tmp_path / "all.json")] == ["all.json"]
    with pytest.raises(Error, match=r"letter.doc: should end in .svg, .png"):
        written.save(tmp_path / "letter.doc")


def test_strokes_are_read_as_a_file_is(reader: Reader) -> None:
    points = np.linspace(0, 20, 30)
    stroke = np.stack([points, 3 * np.sin(points)], axis=1)
    page = reader.read([stroke, stroke + (30.0, 0.0)], divide=False)
    assert len(page.lines) == 1 and [part.stroke for part in page.lines[0].strokes] == [0, 1]
    box = page.lines[0].box
    assert (box.left, box.right) == (0.0, 50.0) and -3 <= box.bottom < box.top <= 3
    for wrong, message in (
        ([np.zeros((4, 3))], r"stroke 1: should be points \[n, 2\], got \[4, 3\]"),
        ([stroke * np.nan], "stroke 1: should have finite numbers alone"),
        ([np.zeros((1, 2))], "no ink to read"),
        ([], "no ink to read"),
    ):
        with pytest.raises(Error, match=message):
            reader.read(wrong)


def test_words_have_their_ink(shipped_reader: Reader) -> None:
    """Words of a written line: with the right number of strokes and places from left to right."""
    line = Writer(shipped_reader.weights).write("three words here", hand="otto", seed=4)
    strokes = points_from_strokes(line.lines[0].strokes)
    page = shipped_reader.read(strokes)
    (read,) = page.lines
    assert line_errors("three words here", read.text).cer < 0.3 and len(read.words) == 3
    boxes = [word.box for word in read.words]
    assert all(box is not None for box in boxes)
    assert all(a.right < b.left for a, b in itertools.pairwise(boxes))
    owned = [part.stroke for word in read.words for part in word.strokes]
    assert sorted(set(owned)) == list(range(len(strokes)))
    assert all(0 < word.confidence <= 1 for word in read.words)
    assert "".join(each.text for each in read.characters) == read.text
    assert sum(other.share for other in read.alternatives) < 1


def test_a_page_has_its_layout_and_is_read_stroke_by_stroke(shipped_reader: Reader) -> None:
    writer = Writer(shipped_reader.weights)
    columns = []
    texts = (
        "the left side\nof a page\nhas some\nwords in it",
        "and the right\nside of the\npage has\nother ones",
    )
    for column, text in enumerate(texts):
        (page,) = writer.write(text, hand="otto", seed=4).pages
        columns += [stroke * [1, -1] + [120.0 * column, 0] for line in page.lines
                    for stroke in line.strokes]  # fmt: skip
    page = shipped_reader.read(columns)
    (read,) = page.read_pages
    assert [len(block.lines) for block in read.blocks] == [4, 4]
    assert line_errors("\n\n".join(texts), page.text).cer < 0.3
    session = shipped_reader.session()
    texts = [session.add_stroke(stroke) for stroke in columns]
    assert texts[-1] == page.text and len(set(texts)) > 5


def test_long_lines_are_read_in_pieces(shipped_reader: Reader) -> None:
    text = "it is a long line of words that goes on and on, and then some more of it"
    written = Writer(shipped_reader.weights).write(text, hand="otto", seed=4)
    ink, left = [], 0.0
    for line in written.lines:
        strokes = points_from_strokes(line.strokes)
        points = np.concatenate(strokes)
        ink += [stroke + [left - points[:, 0].min(), 0] for stroke in strokes]
        left += np.ptp(points[:, 0]) + 40.0
    strokes = strokes_from_points(ink)
    assert len(pieces(strokes)) > 1
    (reading,) = shipped_reader.read_lines([strokes])
    assert line_errors(text, reading.text).cer < 0.3
    assert reading.attention.shape[0] == len(reading.text) + 1


def test_results_are_saved_with_their_text(reader: Reader, writer: Writer, tmp_path: Path) -> None:
    page = reader.read(writer.write("rain", seed=2).save(tmp_path / "a.json")[0])
    for name in (
        "a.md",
        "a.hocr",
        "a.pdf",
        "a.alto.xml",
        "a.inkml",
        "a.xopp",
        "a.boxes.svg",
        "a.svg",
    ):
        (file,) = page.save(tmp_path / name)
        assert file.stat().st_size > 0
    values = page.to_dict()
    assert {"file", "text", "notes", "lines", "others"} == set(values)
    assert all(line["page"] == 1 and "words" in line for line in values["lines"])


def test_threads_and_batches_change_nothing(exported: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [rng.normal(size=(int(size), 3)).astype(np.float32) for size in range(10, 50)]
    one, three = (Reader(exported, threads=threads).read_lines(lines) for threads in (1, 3))
    assert [each.text for each in one] == [each.text for each in three]
    (alone,) = Reader(exported).read_lines(lines[7:8])
    assert alone.text == one[7].text and alone.rank == pytest.approx(one[7].rank, abs=1e-4)


def test_other_readings_have_lower_scores(reader: Reader) -> None:
    lines = [np.random.default_rng(2).normal(size=(40, 3)).astype(np.float32)]
    (reading,) = reader.read_lines(lines)
    scores = [other.score for other in reading.alternatives]
    assert 1 <= len(scores) <= 3
    assert len({reading.text, *(other.text for other in reading.alternatives)}) == len(scores) + 1


def test_one_bad_file_does_not_end_the_others(
    writer: Writer, reader: Reader, tmp_path: Path
) -> None:
    (good,) = writer.write("rain").save(tmp_path / "good.json")
    (tmp_path / "bad.json").write_text("{")
    found = dict(reader.read_files([tmp_path / "bad.json", good]))
    assert isinstance(found[tmp_path / "bad.json"], Error)
    assert not isinstance(found[good], Error)


@pytest.mark.parametrize("kind", [Writer, Reader])
def test_weights_that_are_not_there_are_one_line(kind: type, tmp_path: Path) -> None:
    with pytest.raises(Error, match="is no folder of exported models"):
        kind(tmp_path / "none")
    with pytest.raises(Error, match=r"(writer|recogniser).safetensors: cannot be read: No such"):
        kind(tmp_path)


def test_weights_are_named_by_the_environment(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights_folder.VARIABLE, str(exported))
    assert weights_folder.weights_folder() == exported


def test_the_names_of_the_package_are_there() -> None:
    assert set(handwriting.__all__) <= set(dir(handwriting))
    for name in handwriting.__all__:
        assert getattr(handwriting, name).__module__.startswith("handwriting.")
    assert handwriting.__version__
    with pytest.raises(AttributeError, match="no attribute 'Wroter'"):
        handwriting.Wroter  # noqa: B018


def test_importing_the_package_imports_nothing_large() -> None:
    program = "import sys, handwriting; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_writing_and_reading_need_no_torch(exported: Path, tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["torch"] = None
from handwriting import Reader, Writer
Writer({str(exported)!r}).write("rain").save({str(tmp_path / "a.json")!r})
print(type(Reader({str(exported)!r}).read({str(tmp_path / "a.json")!r}).text).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "str\n"


def test_the_recogniser_of_the_folder_chooses_among_draws(
    writer: Writer, exported: Path, tmp_path: Path
) -> None:
    """Of the same draws it takes the one it reads best; without it, the likeliest is taken."""
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("writer", "hands"):
        shutil.copy(exported / f"{name}.safetensors", alone)
    texts = ["on it", "as is", "no rain"]
    judged = writer.write_lines(texts, seed=3, best_of=6)
    likeliest = Writer(alone).write_lines(texts, seed=3, best_of=6)
    looks = Reader(exported, language_weight=0).lines

    def errors(lines: list[SynthesisedLine]) -> list[float]:
        return [
            sum(line_errors(line.text, text).character_errors for text in found)
            for line, found in zip(lines, looks.read_twice([x.strokes for x in lines]), strict=True)
        ]

    ended = [not line.reached_step_limit for line in likeliest]
    better = np.array(errors(judged)) <= np.array(errors(likeliest))
    assert all(better[ended])
    assert all(np.array(by_log_prob(likeliest)) >= np.array(by_log_prob(judged)))
