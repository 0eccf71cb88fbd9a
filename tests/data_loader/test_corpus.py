import json
import logging
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from line_helpers import ListReader, wavy_line, wavy_lines
from patience import A_HANG
from slow_corpus import prepare_slowly

from data_loader import corpus as corpus_module
from data_loader.cleaning import Cleaning
from data_loader.corpus import MAKER, UNFINISHED, Corpus, corpus_key, prepare_corpus
from data_loader.corpus_writer import FILES as files
from data_loader.corpus_writer import Moments, meta_checksum
from handwriting.errors import DataError
from handwriting.ink.normalisation import Normalisation
from handwriting.leftovers import process_tag

ROOT = Path(__file__).parents[2]
FILES = (*files, "meta.json")


def prepare(lines, cache, cleaning: Cleaning | None = None, **arguments) -> Corpus:
    return prepare_corpus(ListReader(lines, **arguments), cleaning or Cleaning(), cache, False)


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_every_line_comes_back_as_it_was(tmp_path):
    lines = wavy_lines(30)
    lines[4] = replace(
        lines[4], text='new\nline, "quotes", \u6771\ud800', writer="", source_id="é/1"
    )
    corpus = prepare(lines, tmp_path)
    assert len(corpus) == 30
    assert corpus.lengths.tolist() == [len(line.strokes) for line in lines]
    for index, (line, read) in enumerate(zip(lines, corpus.lines(), strict=True)):
        np.testing.assert_array_equal(corpus.strokes(index), line.strokes)
        assert replace(read, strokes=line.strokes) == line
        assert corpus.text(index) == line.text
        assert corpus.writer(index) == line.writer
        assert corpus.source_id(index) == line.source_id


def test_splits_are_found_and_an_unknown_one_names_them(tmp_path):
    lines = wavy_lines(30)
    corpus = prepare(lines, tmp_path)
    for split in ("trainset", "testset_v", "testset_t"):
        expected = [number for number, line in enumerate(lines) if line.split == split]
        assert corpus.split(split).tolist() == expected
        assert corpus.split(split).dtype == np.int64
    with pytest.raises(DataError, match="split 'val'.*'testset_t', 'testset_v', 'trainset'"):
        corpus.split("val")


def test_a_corpus_without_training_lines_has_no_normalisation(tmp_path):
    corpus = prepare([wavy_line(1, "testset_t"), wavy_line(2, "")], tmp_path)
    with pytest.raises(DataError, match="split 'trainset'; the splits of this corpus: '', 'test"):
        _ = corpus.normalisation
    assert corpus.normalisation_of("testset_t").std[0] > 0


def test_normalised_training_offsets_have_mean_0_and_deviation_1(tmp_path):
    corpus = prepare(wavy_lines(40), tmp_path)
    predicted = np.concatenate([corpus.strokes(i)[1:] for i in corpus.split("trainset")])
    normalised = corpus.normalisation.normalise(predicted.astype(np.float64))
    np.testing.assert_allclose(normalised[:, 1:].mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(normalised[:, 1:].std(axis=0, dtype=np.float64), 1, rtol=1e-6)


def test_moments_in_pieces_are_those_of_the_whole_even_far_from_0():
    values = np.random.default_rng(0).normal((1e8, -3.0), (2.0, 1e-3), size=(1000, 2))
    moments = Moments()
    for piece in np.split(values, [1, 1, 10, 500]):
        moments.add(piece)
    result = moments.to_dict()
    assert result["steps"] == 1000
    np.testing.assert_allclose(result["mean"], values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result["std"], values.std(axis=0), rtol=1e-6)


def test_offsets_without_spread_are_an_error(tmp_path):
    strokes = np.zeros((10, 3), dtype=np.float32)
    strokes[:, 1] = np.arange(10)
    strokes[-1, 0] = 1
    corpus = prepare([replace(wavy_line(0), strokes=strokes)], tmp_path)
    with pytest.raises(
        DataError, match=r"'trainset'.* along y must be finite and above 0, .*got 0"
    ):
        _ = corpus.normalisation


def test_vocabulary_is_that_of_the_training_texts(tmp_path):
    lines = [
        wavy_line(0, text="bad"),
        wavy_line(1, text="cab"),
        wavy_line(2, "testset_v", text="z"),
    ]
    corpus = prepare(lines, tmp_path)
    assert corpus.vocabulary.characters == ("a", "b", "c", "d")
    assert corpus.vocabulary_of("testset_v").characters == ("z",)
    assert corpus.meta["splits"]["trainset"]["characters"] == {"a": 2, "b": 2, "c": 1, "d": 1}


def test_meta_tells_what_was_dropped_changed_and_counted(tmp_path):
    lines = wavy_lines(20)
    lines[0].strokes[5, 1] = np.nan
    spiked = lines[1].strokes.copy()
    inside = int(np.flatnonzero(spiked[:-2, 0] + spiked[1:-1, 0] == 0)[3])
    spiked[inside + 1, 1] += 5000
    spiked[inside + 2, 1] -= 5000
    lines[1] = replace(lines[1], strokes=spiked)
    lines[2] = replace(lines[2], writer="")
    corpus = prepare(lines, tmp_path)
    meta = corpus.meta
    train = meta["splits"]["trainset"]
    assert (meta["lines"], train["lines"], train["lines_without_writer"]) == (19, 11, 1)
    assert train["dropped"] == {"numbers that are not finite": 1}
    assert meta["changes"] == {"lines with spike points removed": 1, "spike points removed": 1}
    assert meta["points"] == sum(corpus.lengths)
    assert (meta["writers"], meta["writers_in_several_splits"]) == (5, 4)
    assert meta["cleaning"]["max_step"] == 1.0


def test_the_number_of_workers_changes_no_byte(tmp_path):
    lines = [wavy_line(number % 50, text=f"line {number}") for number in range(600)]
    lines[400].strokes[5, 1] = np.nan
    folders_of = [
        prepare_corpus(
            ListReader(lines), Cleaning(smooth=1.0), tmp_path / str(workers), False, workers
        ).folder
        for workers in (1, 3)
    ]
    for name in FILES:
        one, three = (folder / name for folder in folders_of)
        assert one.read_bytes() == three.read_bytes()


def test_prepared_once_it_is_not_read_again(tmp_path):
    reader = ListReader(wavy_lines(10))
    first = prepare_corpus(reader, Cleaning(), tmp_path, progress=False)
    second = prepare_corpus(reader, Cleaning(), tmp_path, progress=False)
    assert reader.times_read == 1
    assert first.folder == second.folder
    assert folders(tmp_path) == [first.folder.name]


def test_another_source_cleaning_or_setting_gives_another_corpus(tmp_path):
    lines = wavy_lines(10)
    corpora = [
        prepare(lines, tmp_path),
        prepare(lines, tmp_path, version=2),
        prepare(lines, tmp_path, Cleaning(drop_duplicates=True)),
        prepare(lines, tmp_path, Cleaning(min_points=30)),
    ]
    assert len({corpus.folder for corpus in corpora}) == 4
    assert len(corpora[3]) < 10


def test_key_does_not_depend_on_the_order_of_a_fingerprint():
    assert corpus_key({"a": 1, "b": 2}, Cleaning()) == corpus_key({"b": 2, "a": 1}, Cleaning())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "short", "empty", "foreign"])
def test_a_damaged_corpus_is_noticed_and_made_anew(tmp_path, caplog, name, damage):
    lines = wavy_lines(10)
    file = prepare(lines, tmp_path).folder / name
    contents = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"short": contents[:-7], "empty": b"", "foreign": b"[1, 2]"}[damage])
    with pytest.raises(DataError, match="damaged prepared corpus"):
        Corpus(file.parent)
    caplog.set_level(logging.WARNING)
    again = prepare(lines, tmp_path)
    np.testing.assert_array_equal(again.strokes(9), lines[9].strokes)
    assert "damaged prepared corpus" in caplog.text
    assert "made anew" in caplog.text
    assert folders(tmp_path) == [file.parent.name]


def test_files_that_do_not_fit_each_other_are_noticed(tmp_path):
    folder = prepare(wavy_lines(10), tmp_path).folder
    meta = json.loads((folder / "meta.json").read_text())
    rewrite(folder, {**meta, "lines": 11})
    with pytest.raises(
        DataError, match="damaged prepared corpus: bytes of offsets.bin: 88, expected 96"
    ):
        Corpus(folder)


def rewrite(folder: Path, meta: dict) -> None:
    """Write ``meta.json`` with the checksum that it should have."""
    meta = {**meta, "checksum": meta_checksum(meta)}
    (folder / "meta.json").write_text(json.dumps(meta))


@pytest.mark.parametrize("name", [name for name in FILES if "offsets" in name])
def test_offsets_ascend_from_0_to_the_end(tmp_path, name):
    folder = prepare(wavy_lines(10), tmp_path).folder
    offsets = np.fromfile(folder / name, np.int64)
    changed = offsets.copy()
    changed[4] = changed[6] + 1
    for wrong in (changed, offsets[::-1], offsets - 1, np.zeros(11, np.int64)):
        wrong.tofile(folder / name)
        with pytest.raises(DataError, match=f"damaged prepared corpus: {name}: offsets"):
            Corpus(folder)


def test_a_line_has_a_pen_step_at_least(tmp_path):
    folder = prepare(wavy_lines(10), tmp_path).folder
    offsets = np.fromfile(folder / "offsets.bin", np.int64)
    offsets[4] = offsets[5]
    offsets.tofile(folder / "offsets.bin")
    with pytest.raises(DataError, match="damaged prepared corpus: offsets.bin: offsets do not as"):
        Corpus(folder)


@pytest.mark.parametrize("name", ["splits.bin", "sources.bin"])
def test_numbers_of_names_are_those_there_are(tmp_path, name):
    file = prepare(wavy_lines(10), tmp_path).folder / name
    np.full(10, 7, np.uint16).tofile(file)
    with pytest.raises(DataError, match=f"damaged prepared corpus: {name}: numbers are not"):
        Corpus(file.parent)


def test_bytes_that_are_no_text_are_noticed_where_they_are_read(tmp_path):
    folder = prepare(wavy_lines(10), tmp_path).folder
    file = folder / "texts.bin"
    file.write_bytes(b"\xff" * file.stat().st_size)
    with pytest.raises(DataError, match="damaged prepared corpus: texts: line 3: is no text"):
        Corpus(folder).text(3)


def test_a_large_corpus_is_read_whole_only_where_it_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus_module, "ALWAYS_CHECKED", 100)
    lines = wavy_lines(10)
    folder = prepare(lines, tmp_path).folder

    def refused(path):
        raise AssertionError(f"{path} is read")

    with monkeypatch.context() as context:
        context.setattr(corpus_module, "_checksum", refused)
        prepare(lines, tmp_path)
        os.utime(folder / "ids.bin")
        with pytest.raises(AssertionError, match="is read"):
            prepare(lines, tmp_path)
    Corpus(folder).check_contents()
    monkeypatch.setattr(corpus_module, "_checksum", refused)
    Corpus(folder).check_contents()


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_noticed(tmp_path, name):
    lines = wavy_lines(10)
    file = prepare(lines, tmp_path).folder / name
    contents = file.read_bytes()
    for at in np.random.default_rng(0).integers(0, len(contents), 40):
        changed = bytearray(contents)
        changed[at] ^= 1
        if name == "meta.json" and chr(changed[at]).isspace() and chr(contents[at]).isspace():
            continue  # which is the same JSON
        file.write_bytes(changed)
        with pytest.raises(DataError, match="damaged prepared corpus") as fault:
            Corpus(file.parent).check_contents()
        assert "\n" not in str(fault.value)
    again = prepare(lines, tmp_path)
    np.testing.assert_array_equal(again.strokes(9), lines[9].strokes)


def test_a_newer_format_is_noticed(tmp_path):
    folder = prepare(wavy_lines(10), tmp_path).folder
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "format_version": 99}))
    with pytest.raises(DataError, match="format version: 99"):
        Corpus(folder)


def test_a_reader_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="broke"):
        prepare(wavy_lines(10), tmp_path, fails_at=7)
    assert folders(tmp_path) == []


def test_a_source_without_usable_lines_is_an_error_that_says_why(tmp_path):
    with pytest.raises(DataError, match=r"'list': no usable line \(fewer than 999 points: 10\)"):
        prepare(wavy_lines(10), tmp_path, Cleaning(min_points=999))
    with pytest.raises(DataError, match="no usable line .it is empty"):
        prepare([], tmp_path)
    assert folders(tmp_path) == []


def test_messages_of_the_reader_are_logged_and_kept(tmp_path, caplog):
    class Remarking(ListReader):
        def read(self):
            self.skipped.add("malformed XML", "a.xml: line 3: broken")
            return super().read()

    caplog.set_level(logging.WARNING)
    corpus = prepare_corpus(Remarking(wavy_lines(10)), Cleaning(), tmp_path, progress=False)
    assert "a.xml: line 3: broken" in caplog.text
    assert corpus.meta["skipped"]["counts"] == {"malformed XML": 1}


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: cannot be written"):
        prepare(wavy_lines(10), tmp_path / "file")


def test_strokes_cannot_be_written_to(tmp_path):
    strokes = prepare(wavy_lines(10), tmp_path).strokes(0)
    with pytest.raises(ValueError, match="read-only"):
        strokes[0, 0] = 5


def test_a_corpus_is_sent_to_a_process_by_its_folder(tmp_path):
    corpus = prepare(wavy_lines(100), tmp_path)
    sent = pickle.dumps(corpus)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).strokes(7), corpus.strokes(7))  # noqa: S301


def test_processes_that_prepare_at_once_share_one_preparation(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=prepare_slowly, args=(tmp_path, 3)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(A_HANG)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "read\n"
    assert len(folders(tmp_path)) == 1


KILLED = """
import signal, sys
sys.path[:0] = sys.argv[1:3]
from line_helpers import ListReader, wavy_lines
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus

class Endless(ListReader):
    def read(self):
        yield from super().read()
        print("reading", flush=True)
        signal.pause()

prepare_corpus(Endless(wavy_lines(10)), Cleaning(), sys.argv[3], progress=False)
"""


def test_a_killed_preparation_is_never_mistaken_for_a_corpus(tmp_path):
    paths = [str(ROOT), str(ROOT / "tests" / "helpers"), str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *paths], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "reading\n"
        os.kill(process.pid, signal.SIGKILL)
    assert [name.startswith(UNFINISHED) for name in folders(tmp_path)] == [True]
    corpus = prepare(wavy_lines(10), tmp_path)
    assert len(corpus) == 10
    assert folders(tmp_path) == [corpus.folder.name]


def test_only_what_this_program_certainly_left_is_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    host, alive = process_tag().split("-")
    dead = process.pid
    kept = {
        ".building-site": None,
        f".building-{dead}-0123abcd": None,
        f".building-{dead}-1123abcd": f"{host}-{dead + 1}",
        f".building-{dead}-2123abcd": f"000000-{dead}",
        f".building-{alive}-3123abcd": f"{host}-{alive}",
        ".building-x-4123abcd": f"{host}-{dead}",
    }
    for name, maker in {**kept, f".building-{dead}-5123abcd": f"{host}-{dead}"}.items():
        (tmp_path / name).mkdir()
        if maker is not None:
            (tmp_path / name / MAKER).write_text(maker)
    (tmp_path / ".lock").write_text("the user's own")
    corpus = prepare(wavy_lines(10), tmp_path)
    assert set(folders(tmp_path)) == {*kept, corpus.folder.name}
    assert (tmp_path / ".lock").read_text() == "the user's own"
    assert not (corpus.folder / MAKER).exists()


def test_normalisation_is_plain_numbers(tmp_path):
    normalisation = prepare(wavy_lines(10), tmp_path).normalisation
    again = Normalisation.from_dict(json.loads(json.dumps(normalisation.to_dict())))
    assert again == normalisation


def test_a_corpus_that_cannot_be_read_now_stays(tmp_path, monkeypatch):
    """Where there are too many open files, it is not the corpus that is damaged."""
    corpus = prepare(wavy_lines(3), tmp_path)
    before = (corpus.folder / "meta.json").stat().st_mtime_ns

    def refused(*arguments, **options):
        raise OSError(24, "Too many open files", str(corpus.folder / "strokes.bin"))

    monkeypatch.setattr(np, "memmap", refused)
    with pytest.raises(DataError, match="cannot be read: Too many open files"):
        prepare(wavy_lines(3), tmp_path)
    monkeypatch.undo()
    assert (prepare(wavy_lines(3), tmp_path).folder / "meta.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("splits.trainset.offsets.mean", [0.0]),
        ("splits.trainset.characters", {"a": 0.5}),
        ("splits.trainset", 0),
        ("skipped", {"counts": {}}),
        ("lines", True),
        ("split_names", [1]),
    ],
)
def test_all_of_the_meta_is_checked(tmp_path, field, value):
    corpus = prepare(wavy_lines(3), tmp_path)
    meta = json.loads((corpus.folder / "meta.json").read_text())
    inner = meta
    *most, last = field.split(".")
    for key in most:
        inner = inner[key]
    inner[last] = value
    rewrite(corpus.folder, meta)
    with pytest.raises(DataError, match=f"damaged prepared corpus: meta.json: {field}"):
        Corpus(corpus.folder)
