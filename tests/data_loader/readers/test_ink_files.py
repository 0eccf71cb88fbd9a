"""A folder of ink files: texts, writers, splits, and which lines are left out."""

import json
from pathlib import Path

import numpy as np
import pytest
from ink_samples import page, waves
from sample_files import sample

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus
from data_loader.readers.ink_files import InkFilesReader
from handwriting.errors import ConfigError, DataError
from handwriting.formats.registry import READ_SUFFIXES
from handwriting.ink.line import strokes_from_points

UNIPEN = '.COORD X Y\n.SEGMENT LINE 0 ? "from a tablet"\n.PEN_DOWN\n0 0\n5 9\n9 1\n.PEN_UP\n'
INKML = (
    '<ink xmlns="http://www.w3.org/2003/InkML"><annotation type="transcription">in ink</annotation>'
    '<annotation type="writer">Ann</annotation><trace>1 2, 3 5, 9 1</trace></ink>'
)


def write_json(folder: Path, name: str, text: str = "", words: int = 2) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = strokes_from_points(waves(words=words)).tolist()
    path.write_text(json.dumps({"strokes": rows, "text": text}))
    return path


def write_svg(path: Path, strokes: list[np.ndarray]) -> None:
    data = "".join("M" + "L".join(f"{x:.4f} {-y:.4f}" for x, y in each) for each in strokes)
    path.write_text(f'<svg><path d="{data}"/></svg>')


def write_many(folder: Path, number: int) -> None:
    for line in range(number):
        write_json(folder, f"{line:03d}.json", f"line {line}")


def texts(folder: Path, **settings) -> dict[str, str]:
    return {line.source_id: line.text for line in InkFilesReader(str(folder), **settings)}


def test_every_format_that_is_read_is_read(tmp_path: Path) -> None:
    write_json(tmp_path, "a.json", "in json")
    (tmp_path / "b.inkml").write_text(INKML)
    write_svg(tmp_path / "c.svg", waves())
    (tmp_path / "c.txt").write_text("beside it\n")
    (tmp_path / "d.dat").write_text(UNIPEN)
    np.save(tmp_path / "e.npy", strokes_from_points(waves()))
    (tmp_path / "texts.tsv").write_text("e.npy\tin the table\n")
    assert texts(tmp_path) == {
        "a.json": "in json",
        "b.inkml": "in ink",
        "c.svg": "beside it",
        "d.dat": "from a tablet",
        "e.npy": "in the table",
    }


def test_every_suffix_that_is_read_is_found(tmp_path: Path) -> None:
    for suffix in READ_SUFFIXES:
        name = "note.excalidraw" if suffix == ".md" else "note"
        (tmp_path / f"{suffix[1:]}-{name}{suffix}").write_bytes(sample(suffix, lines=1))
        (tmp_path / f"{suffix[1:]}-{name}.txt").write_text(f"in {suffix}")
    (tmp_path / "README.md").write_text("# No drawing")
    assert set(texts(tmp_path).values()) == {f"in {suffix}" for suffix in READ_SUFFIXES}


def test_ink_without_lines_is_divided_where_it_has_several_texts(tmp_path: Path) -> None:
    strokes, groups = page(3)
    write_svg(tmp_path / "letter.svg", strokes)
    (tmp_path / "letter.txt").write_text("one\n\n  two  words \nthree\n")
    lines = list(InkFilesReader(str(tmp_path)))
    assert [line.text for line in lines] == ["one", "two words", "three"]
    assert [line.source_id for line in lines] == [f"letter.svg#{number}" for number in (1, 2, 3)]
    assert [int(line.strokes[:, 0].sum()) for line in lines] == [len(group) for group in groups]


def test_a_text_beside_comes_before_the_table_and_that_before_the_files_own(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_json(tmp_path, f"{name}.json", "own")
    (tmp_path / "texts.tsv").write_text("a.json\ttable\nb.json\ttable\n")
    (tmp_path / "a.txt").write_text("beside")
    assert texts(tmp_path) == {"a.json": "beside", "b.json": "table", "c.json": "own"}


def test_the_writer_is_the_setting_or_the_folder_or_the_files_own(tmp_path: Path) -> None:
    write_json(tmp_path, "Bea/letters/a.json", "text")
    write_json(tmp_path, "b.json", "text")
    (tmp_path / "c.inkml").write_text(INKML)
    writers = {line.source_id: line.writer for line in InkFilesReader(str(tmp_path))}
    assert writers == {"Bea/letters/a.json": "Bea", "b.json": "", "c.inkml": "Ann"}
    assert {line.writer for line in InkFilesReader(str(tmp_path), writer="me")} == {"me"}


def test_each_thing_left_out_has_a_reason(tmp_path: Path) -> None:
    write_json(tmp_path, "good.json", "text")
    write_json(tmp_path, "silent.json")
    write_json(tmp_path, "many.json", "text")
    (tmp_path / "many.txt").write_text("one\ntwo\n")
    (tmp_path / "broken.svg").write_text("no drawing")
    (tmp_path / "texts.tsv").write_text("gone.json\ttext\nno tab\n\n")
    write_json(tmp_path, ".hidden/a.json", "text")
    reader = InkFilesReader(str(tmp_path))
    assert [line.source_id for line in reader] == ["good.json"]
    assert reader.skipped.counts == {
        "file that cannot be used": 2,
        "line without a text": 1,
        "row without a text": 1,
        "text without ink": 1,
    }
    broken, many = reader.skipped.messages_for("file that cannot be used")
    assert broken.startswith(f"{tmp_path / 'broken.svg'}: ")
    assert many == f"{tmp_path / 'many.json'}: 1 lines of ink, but 2 of text"
    (silent,) = reader.skipped.messages_for("line without a text")
    assert "silent.txt" in silent and "texts.tsv" in silent
    corpus = prepare_corpus(InkFilesReader(str(tmp_path)), Cleaning(), tmp_path / "prepared")
    assert corpus.meta["skipped"]["counts"] == reader.skipped.counts


def test_splits_depend_on_the_lines_id_and_the_seed_alone(tmp_path: Path) -> None:
    write_many(tmp_path, 200)
    settings = {"validation_fraction": 0.2, "test_fraction": 0.1}
    before = {line.text: line.split for line in InkFilesReader(str(tmp_path), **settings)}
    sizes = [list(before.values()).count(name) for name in ("trainset", "testset_v", "testset_t")]
    assert sum(sizes) == 200 and sizes[0] > 120 and 25 < sizes[1] < 55 and 8 < sizes[2] < 35
    for number in range(0, 200, 2):
        (tmp_path / f"{number:03d}.json").unlink()
    after = {line.text: line.split for line in InkFilesReader(str(tmp_path), **settings)}
    assert len(after) == 100 and after.items() <= before.items()
    other = {line.text: line.split for line in InkFilesReader(str(tmp_path), seed=1, **settings)}
    assert other != after


@pytest.mark.parametrize("seed", range(12))
def test_few_lines_have_at_least_one_in_each_split(tmp_path: Path, seed: int) -> None:
    write_many(tmp_path, 3)
    lines = list(InkFilesReader(str(tmp_path), test_fraction=0.2, seed=seed))
    assert {line.split for line in lines} == {"trainset", "testset_v", "testset_t"}
    write_many(tmp_path, 2)
    (tmp_path / "002.json").unlink()
    splits = sorted(line.split for line in InkFilesReader(str(tmp_path), seed=seed))
    assert splits == ["testset_v", "trainset"]


def test_a_changed_text_makes_another_corpus(tmp_path: Path) -> None:
    write_json(tmp_path, "a.json", "text")
    before = InkFilesReader(str(tmp_path)).fingerprint()
    assert InkFilesReader(str(tmp_path)).fingerprint() == before
    (tmp_path / "a.txt").write_text("another")
    assert InkFilesReader(str(tmp_path)).fingerprint() != before
    json.dumps(before)


def test_no_ink_and_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NoSource, match="does not exist"):
        list(InkFilesReader(str(tmp_path / "gone")))
    with pytest.raises(NoSource, match=r"holds no ink \(.svg, .json, .inkml, .xopp, .* or .npy\)"):
        list(InkFilesReader(str(tmp_path)))
    write_json(tmp_path, "a.json")
    with pytest.raises(DataError, match="no line can be used; .*a.json: no text in it"):
        list(InkFilesReader(str(tmp_path)))
    with pytest.raises(ConfigError, match="validation_fraction"):
        InkFilesReader(validation_fraction=1.5)


def test_auto_does_not_take_it(tmp_path: Path) -> None:
    write_json(tmp_path, "a.json", "text")
    with pytest.raises(NoSource):
        READERS["auto"](data_dir=str(tmp_path), builtin=False).locate()
