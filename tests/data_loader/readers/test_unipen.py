"""UNIPEN as distributed: levels, groups, rows, splits, and what is left out."""

import tarfile
from collections import Counter

import pytest
from packed_ink import ink_folder, packed_samples
from unipen_files import add_file, pen, segment, word, write

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.readers.unipen import UnipenReader
from handwriting.errors import ConfigError, DataError
from handwriting.ink.line import points_from_strokes, strokes_from_points

THREE = "".join(word(40 * k, 0) for k in range(3))


def add_phrase(root, name="abc/one.dat", writer="ann"):
    """A line of three words, of which the last is not known by itself; and a word beside it."""
    ink = THREE + word(400, 300) + pen([(1, 1)], "PEN_UP")
    words = segment("WORD", "0", "to") + segment("WORD", "1", "be") + segment("WORD", "3-4", "end")
    characters = segment("CHARACTER", "0:0-0:4", "t") + segment("CHARACTER", "3", "e")
    categories = {
        "8": segment("TEXT", "0-2", "to be or", "OK"),
        "7": words,
        "6": words,
        "2": characters,
    }
    add_file(root, name, ink, writer, categories)


def found(reader):
    return {line.source_id: line.text for line in reader}


def test_all_levels_without_ink_twice_are_read_by_default(tmp_path):
    add_phrase(tmp_path)
    reader = UnipenReader(str(tmp_path))
    lines = list(reader)
    assert [(line.source_id, line.text) for line in lines] == [
        ("abc/one#l0-2", "to be or"),
        ("abc/one#w3-4", "end"),
    ]
    assert reader.skipped.counts == {
        "characters within what is read": 2,
        "words within what is read": 2,
    }
    assert {line.writer for line in lines} == {"abc/ann"}
    points = points_from_strokes(lines[0].strokes)
    assert (
        len(points) == 3
        and points[1][0].tolist() == [40, 0]
        and points[0][1].tolist() == [3.75, 10]
    )


def test_levels_that_are_named_are_read_whole(tmp_path):
    add_phrase(tmp_path)
    assert found(UnipenReader(str(tmp_path), levels=["words"])) == {
        "abc/one#w0": "to",
        "abc/one#w1": "be",
        "abc/one#w3-4": "end",
    }
    both = UnipenReader(str(tmp_path), levels=["characters", "lines"])
    assert list(found(both).values()) == ["to be or", "t", "e"]
    assert both.skipped.counts == {}
    for levels in ([], ["words", "pages"]):
        with pytest.raises(ConfigError, match="levels: must be some of lines, words, characters"):
            UnipenReader(str(tmp_path), levels=levels)


def test_the_folder_may_be_named_or_that_which_holds_it(tmp_path):
    add_phrase(tmp_path / "train_r01_v07")
    assert found(UnipenReader(str(tmp_path))) == found(
        UnipenReader(str(tmp_path / "train_r01_v07"))
    )
    assert UnipenReader(str(tmp_path)).locate() == str(tmp_path / "train_r01_v07")
    with pytest.raises(NoSource, match="holds no UNIPEN: no data/1a and the like beside include/"):
        UnipenReader(str(tmp_path / "train_r01_v07" / "data")).locate()


def test_a_config_may_set_everything(tmp_path):
    settings = {"data_dir": str(tmp_path), "levels": ["words"], "groups": ["abc"]}
    reader = READERS["unipen"](**settings, without_groups=["abd"], test_fraction=0.2)
    assert reader.groups == ["abc"] and reader.levels == ["words"]


def test_a_writer_is_that_of_the_file_or_else_the_file(tmp_path):
    add_phrase(tmp_path, "abc/d1/one.dat", "Ann Lee")
    add_phrase(tmp_path, "abc/d1/two.dat", "")
    add_phrase(tmp_path, "abd/two.dat", "")
    writers = {line.writer for line in UnipenReader(str(tmp_path), levels=["lines"])}
    assert writers == {"abc/Ann Lee", "abc/d1_two", "abd/two"}


def test_splits_are_of_writers_and_of_about_the_size_asked_for(tmp_path):
    for number in range(200):
        ink, segments = (
            word(0, 0) + word(0, 9),
            segment("WORD", "0", "a") + segment("WORD", "1", "b"),
        )
        add_file(tmp_path, f"abc/{number}.dat", ink, f"w{number}", {"7": segments})
    usual = list(UnipenReader(str(tmp_path)))
    counts = Counter(line.split for line in usual)
    assert set(counts) == {"trainset", "testset_v"} and 24 <= counts["testset_v"] <= 60
    split_of = {line.writer: line.split for line in usual}
    assert all(split_of[line.writer] == line.split for line in usual)
    more = UnipenReader(str(tmp_path), test_fraction=0.3, seed=0)
    kept = {line.writer: line.split for line in more}
    assert {w for w, s in kept.items() if s == "testset_v"} == {
        w for w, s in split_of.items() if s == "testset_v"
    }
    assert 40 <= sum(split == "testset_t" for split in kept.values()) <= 80
    assert {line.writer: line.split for line in UnipenReader(str(tmp_path), seed=1)} != split_of
    with pytest.raises(ConfigError, match="less than 1 together"):
        UnipenReader(validation_fraction=0.5, test_fraction=0.5)


def test_groups_are_chosen_by_name_and_tag(tmp_path):
    for group in ("abc", "kai", "apa", "val"):
        add_phrase(tmp_path, f"{group}/one.dat")
    doc = ".COORD X Y T\n.X_POINTS_PER_INCH {}\n"
    segments = {"7": segment("WORD", "0", "a")}
    add_file(tmp_path, "hpb/fine.dat", word(0, 0), "f", segments, doc.format(500))
    coarse = doc.format(84) + word(0, 0)
    add_file(tmp_path, "hpb/coarse.dat", coarse, "c", segments)

    def files(**settings):
        reader = UnipenReader(str(tmp_path), **settings)
        return sorted({line.source_id.partition("#")[0] for line in reader}), reader.skipped.counts

    names, counts = files()
    assert names == ["abc/one", "hpb/fine", "kai/one"]
    assert counts["file of coarse ink (tag L)"] == 5  # four files of apa, one of hpb
    assert counts["file of group val: segments name the wrong ink"] == 4
    assert files(groups=["L"])[0] == ["apa/one", "hpb/coarse"]
    assert files(groups=["H", "apa"])[0] == ["abc/one", "apa/one", "hpb/fine"]
    assert files(groups=["hpb"])[0] == ["hpb/coarse", "hpb/fine"]
    assert files(without_groups=["abc", "val"])[0] == ["hpb/fine", "kai/one"]
    assert "val" not in str(files(without_groups=["val"])[1])
    with pytest.raises(DataError, match="no line can be used; .*group val: segments name"):
        files(groups=["val"])


@pytest.mark.parametrize(
    ("group", "level", "label", "reason"),
    [
        ("gmd", "CHARACTER", "i", "i of gmd: the dot is missing"),
        ("gmd", "CHARACTER", "j", "j of gmd: the dot is missing"),
        ("kai", "CHARACTER", "@", "@ of kai: it stands for the stroke between two characters"),
        ("ibm", "CHARACTER", "a", "characters of ibm: a third of several strokes lack one"),
        ("att", "TEXT", "a b", "lines of att: the words are far apart in a form"),
        ("abc", "TEXT", "say XXX", "label with XXX, which marks what could not be read"),
        ("abc", "WORD", " ", "segment without a label"),
        ("abc", "PAGE", "a", "segment that is no text, word or character"),
    ],
)
def test_what_is_known_to_be_wrong_is_left_out(tmp_path, group, level, label, reason):
    segments = segment(level, "0", label) + segment("WORD", "1", "good")
    add_file(tmp_path, f"{group}/a.dat", THREE, "w", {"7": segments})
    reader = UnipenReader(str(tmp_path))
    assert list(found(reader).values()) == ["good"]
    assert reader.skipped.counts == {reason: 1}
    assert "a.dat: line 4: " in reader.skipped.messages[0]
    assert reader.skipped.messages[0].endswith(repr(" ".join(label.split())))


def test_bad_files_and_segments_are_counted_and_the_rest_is_read(tmp_path):
    segments = segment("WORD", "0-9", "a") + segment("WORD", "3", "up") + segment("WORD", "0", "b")
    add_file(tmp_path, "abc/a.dat", THREE + pen([(1, 1)], "PEN_UP"), "w", {"7": segments})
    add_file(tmp_path, "abc/b.dat", ".PEN_DOWN\n1 x 2\n", "w", {"7": segments})
    write(tmp_path / "data" / "7" / "abc" / "c.dat", ".INCLUDE abc/no.dat\n" + segments)
    write(tmp_path / "data" / "7" / "abc" / "d.dat", ".INCLUDE ../data/7/abc/d.dat\n" + segments)
    reader = UnipenReader(str(tmp_path))
    assert found(reader) == {"abc/a#w0": "b"}
    assert reader.skipped.counts == {
        "file that cannot be read": 3,
        "segment that names no ink": 1,
        "segment without a stroke": 1,
    }
    assert "abc/data/b.dat: line 2: 'x' is not a number" in str(reader.skipped.messages)


def add_rows(root, labels, text, rows=2, level="WORD"):
    """A text whose words are written on rows of two."""
    ink = "".join(word(40 * (k % 2), -50 * (k // 2)) for k in range(2 * rows))
    parts = "".join(segment(level, str(k), label) for k, label in enumerate(labels))
    texts = segment("TEXT", f"0-{2 * rows - 1}", text)
    add_file(root, "abc/a.dat", ink, "w", {"8": texts, "7": parts})


@pytest.mark.parametrize("level", ["WORD", "CHARACTER"])
def test_a_text_of_several_rows_is_divided_where_its_parts_tell(tmp_path, level):
    add_rows(tmp_path, ["a", "b", "c", "d", "e", "f"], "a b cd ef", 3, level)
    reader = UnipenReader(str(tmp_path))
    assert found(reader) == {
        "abc/a#l0-1": "a b",
        "abc/a#l2-3": "cd",
        "abc/a#l4-5": "ef",
    }
    assert [line.strokes[0].tolist() for line in reader] == [[0, 0, 0]] * 3


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["a", "b", "c", "d"], "a bc d"),  # the row ends inside a word
        (["a", "b", "c", "x"], "a b c d"),  # the words spell something else
        (["a", "b", "c"], "a b c d"),  # a word is not known
    ],
)
def test_rows_that_cannot_be_told_apart_are_left_out_and_their_words_read(tmp_path, labels, text):
    add_rows(tmp_path, labels, text)
    # Enough rows and words for their places alone to say that there are several.
    reader = UnipenReader(str(tmp_path))
    assert list(found(reader).values()) == labels
    assert reader.skipped.counts == {"text of several rows that its words do not divide": 1}


def test_the_fingerprint_is_of_files_and_settings(tmp_path):
    add_phrase(tmp_path)
    first = UnipenReader(str(tmp_path)).fingerprint()
    assert first == UnipenReader(str(tmp_path)).fingerprint()
    assert first != UnipenReader(str(tmp_path), levels=["lines"]).fingerprint()
    assert first != UnipenReader(str(tmp_path), without_groups=["kai"]).fingerprint()
    write(tmp_path / "include" / "abc" / "data" / "one.dat", THREE * 2)
    assert first != UnipenReader(str(tmp_path)).fingerprint()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    archive = ink_folder("unipen-as-distributed") / "train_r01_v07-sample.tar.xz"
    folder = tmp_path_factory.mktemp("unipen")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_the_sample_as_distributed_is_the_packed_copy(sample):
    def identity(name, level, writer, label, strokes):
        return name, level[0], writer, label, strokes.tobytes()

    reader = UnipenReader(str(sample), levels=["lines", "words", "characters"])
    ours = Counter(
        identity(f"{name}.dat", place, line.writer, line.text, line.strokes)
        for line in reader
        for name, place in [line.source_id.split("#")]
    )
    files = {key[0] for key in ours}
    packed = Counter(
        identity(s.name, s.level, f"{s.group}/{s.writer}", s.label, strokes_from_points(s.strokes))
        for s in packed_samples(ink_folder("unipen"))
        if s.name in files
    )
    assert packed.total() == 2254 and len(files) == 33
    assert ours == packed
    assert reader.skipped.counts == {}
