"""The built-in corpus: its promises about seeds, splits, text, and what the pen does."""

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from base.registry import READERS
from data_loader.readers.synthetic import SyntheticReader
from data_loader.readers.synthetic_pen import draw_writer, write_line
from data_loader.readers.synthetic_random import Draws
from data_loader.readers.synthetic_text import Words, draw_text, english_words
from handwriting.errors import ConfigError
from handwriting.ink.glyphs import load_style
from handwriting.ink.line import points_from_strokes

PANGRAM = 'The quick brown fox jumps over a lazy dog: "1234567890" (it\'s -; no?), yes!'


@pytest.fixture(scope="module")
def lines():
    return list(SyntheticReader(num_lines=200))


def assert_same(ours, theirs):
    assert (ours.text, ours.writer, ours.source_id, ours.split) == (
        theirs.text,
        theirs.writer,
        theirs.source_id,
        theirs.split,
    )
    np.testing.assert_array_equal(ours.strokes, theirs.strokes)


def test_it_is_registered_and_says_how_many_lines_it_has():
    reader = READERS["synthetic"](num_lines=3)
    assert reader.expected_lines() == len(list(reader)) == 3
    assert reader.skipped.counts == {}


def test_the_same_seed_gives_the_same_lines_in_any_order(lines):
    reader = SyntheticReader(num_lines=5)
    for index in (150, 3, 3, 0, 77):
        assert_same(reader.line(index), lines[index])


def test_another_seed_gives_other_text_and_other_writers():
    ours, theirs = SyntheticReader(seed=1), SyntheticReader(seed=2)
    assert [ours.line(i).text for i in range(5)] != [theirs.line(i).text for i in range(5)]
    hands = [draw_writer(Draws(seed, 1, 0), 0.0) for seed in (1, 2)]
    assert hands[0].slant != hands[1].slant


def test_another_process_makes_the_same_lines(lines):
    code = (
        "from data_loader.readers.synthetic import SyntheticReader\n"
        "import hashlib\n"
        "print(hashlib.sha256(SyntheticReader().line(7).strokes.tobytes()).hexdigest())"
    )
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "99"},
    )
    assert output.stderr == ""
    assert output.stdout.strip() == hashlib.sha256(lines[7].strokes.tobytes()).hexdigest()


def test_the_pen_moves_as_it_did_on_the_machine_this_was_written_on():
    """Known digests: they change when the corpus does, and then the reader's _VERSION must too."""
    digest = hashlib.sha256()
    for number in range(4):
        writer = draw_writer(Draws(5, 1, number), 0.5)
        for stroke in write_line(PANGRAM, writer, Draws(5, 0, number), 12.0):
            digest.update(stroke.astype("<i4").tobytes())
    assert digest.hexdigest()[:16] == "75a04c48ed71a780"


def test_lines_are_strokes_in_whole_units_that_start_at_rest(lines):
    for line in lines:
        assert line.strokes.dtype == np.float32
        assert line.strokes.shape[1] == 3
        assert len(line.strokes) >= 2
        np.testing.assert_array_equal(line.strokes[0, 1:], 0.0)
        np.testing.assert_array_equal(line.strokes, np.rint(line.strokes))
        assert set(np.unique(line.strokes[:, 0])) <= {0.0, 1.0}
        assert line.strokes[-1, 0] == 1.0


def test_text_keeps_its_length_and_its_characters(lines):
    known = set(load_style("print")) | {" "}
    for line in lines:
        assert 20 <= len(line.text) <= 30
        assert line.text == " ".join(line.text.split())
        assert set(line.text) <= known
    characters = set("".join(line.text for line in lines))
    assert characters >= set("abcdefghilmnoprstuvwy .,")
    assert any(c.isdigit() for c in characters)
    assert any(c.isupper() for c in characters)


@pytest.mark.parametrize("low, high", [(1, 1), (2, 3), (7, 7), (60, 90)])
def test_any_line_length_can_be_asked_for(low, high):
    for index in range(200):
        text = draw_text(Draws(1, 0, index), english_words(), low, high)
        assert low <= len(text) <= high
        assert text == text.strip()


def test_words_come_by_frequency_and_only_where_they_fit():
    words = Words({"a": 1.0, "of": 3.0, "the": 6.0})
    draws = Draws(1, 0, 0)
    drawn = [words.draw(draws, 10) for _ in range(4000)]
    shares = [drawn.count(word) / len(drawn) for word in ("a", "of", "the")]
    np.testing.assert_allclose(shares, [0.1, 0.3, 0.6], atol=0.04)
    assert {words.draw(draws, 2) for _ in range(100)} == {"a", "of"}
    assert {words.draw(draws, 1) for _ in range(20)} == {"a"}


@pytest.mark.parametrize("num_writers, held_out", [(3, 1), (40, 4), (101, 10)])
def test_splits_are_by_writer_in_their_shares(num_writers, held_out):
    reader = SyntheticReader(num_writers=num_writers, min_characters=3, max_characters=5)
    writers = {"trainset": set(), "testset_v": set(), "testset_t": set()}
    for index in range(2 * num_writers):
        line = reader.line(index)
        writers[line.split].add(line.writer)
    sizes = {split: len(names) for split, names in writers.items()}
    assert sizes == {
        "trainset": num_writers - 2 * held_out,
        "testset_v": held_out,
        "testset_t": held_out,
    }
    assert sum(sizes.values()) == len(set.union(*writers.values()))


def test_a_writer_is_recognisable_by_size():
    """Writers differ in height by far more than their 20 lines each leave to chance."""
    reader = SyntheticReader(num_writers=8, num_lines=160)
    heights = np.zeros((20, 8))
    for line in reader:
        number = int(line.source_id[-6:])
        y = np.cumsum(line.strokes[:, 2])
        heights[divmod(number, 8)] = y.std()
    within = heights.var(axis=0).mean()
    between = heights.mean(axis=0).var()
    assert between > 10.0 * within / 20


@pytest.mark.parametrize("points_per_character", [8.0, 12.0, 25.0])
def test_lines_have_the_points_per_character_asked_for(points_per_character):
    reader = SyntheticReader(num_lines=40, points_per_character=points_per_character)
    lines = list(reader)
    points = sum(len(line.strokes) for line in lines) / sum(len(line.text) for line in lines)
    assert points == pytest.approx(points_per_character, rel=0.03)


def test_pen_steps_have_no_outliers_and_hardly_a_zero(lines):
    offsets = np.concatenate([line.strokes[1:, 1:] for line in lines])
    is_lift = np.concatenate([line.strokes[:-1, 0] for line in lines]) > 0.5
    lengths = np.hypot(*offsets.T)
    assert lengths[~is_lift].max() < 120.0
    assert lengths.max() < 452.0
    assert (lengths == 0.0).mean() < 1e-3
    assert 15.0 < np.median(lengths[~is_lift]) < 50.0


def test_the_pen_is_slower_at_the_ends_of_a_stroke_than_in_its_middle(lines):
    ends, middles = [], []
    for line in lines:
        for stroke in points_from_strokes(line.strokes):
            steps = np.hypot(*np.diff(stroke, axis=0).T)
            if len(steps) >= 6:
                ends += [steps[0], steps[-1]]
                middles += list(steps[2:-2])
    assert np.mean(ends) < 0.75 * np.mean(middles)


def test_the_pen_is_slower_in_bends(lines):
    turns, speeds = [], []
    for line in lines:
        for stroke in points_from_strokes(line.strokes):
            steps = np.diff(stroke, axis=0)
            norms = np.hypot(*steps.T)
            if len(steps) >= 6 and norms.min() > 0.0:
                cosines = (steps[2:-1] * steps[1:-2]).sum(axis=1) / (norms[2:-1] * norms[1:-2])
                turns += list(1.0 - cosines)
                speeds += list(norms[2:-1] + norms[1:-2])
    turns, speeds = np.array(turns), np.array(speeds)
    assert speeds[turns > 0.3].mean() < 0.8 * speeds[turns < 0.05].mean()


def test_lines_run_to_the_right_and_y_grows_upwards():
    """An l stands on the baseline and a y hangs below it."""
    writer = draw_writer(Draws(1, 1, 0), 0.0)
    tall, hanging = (
        np.concatenate(write_line(text, writer, Draws(1, 0, 0), 12.0)) for text in ("llll", "yyyy")
    )
    assert tall[:, 1].max() > hanging[:, 1].max() + 0.5 * writer.size
    assert hanging[:, 1].min() < tall[:, 1].min() - 0.5 * writer.size
    for points in (tall, hanging):
        assert points[-1, 0] > points[0, 0] + 3.0 * writer.size


def test_script_joins_its_letters_and_print_does_not():
    def strokes_of(print_share):
        writers = [draw_writer(Draws(3, 1, number), print_share) for number in range(10)]
        lines = [write_line("nun", writer, Draws(3, 0, 0), 12.0) for writer in writers]
        return np.mean([len(line) for line in lines])

    assert strokes_of(print_share=0.0) < 2.0
    assert strokes_of(print_share=1.0) == 3.0


@pytest.mark.parametrize("style", ["script", "script_print_capitals", "print"])
def test_every_character_has_a_shape_of_ordinary_size(style):
    glyphs = load_style(style)
    assert len(glyphs) == 52 + 10 + len(".,!?'\"-;:()")
    for character, glyph in glyphs.items():
        points = np.concatenate(glyph.strokes + glyph.late_strokes)
        assert np.isfinite(points).all(), character
        assert 0.0 < glyph.width < 4.0, character
        assert np.abs(points).max() < 4.0, character
        assert len(glyph.strokes[0]) >= 1


def test_small_letters_of_all_styles_have_the_same_height():
    for style in ("script", "print"):
        for character in "acemnorsuvwx":
            stroke = np.concatenate(load_style(style)[character].strokes)
            assert stroke[:, 1].max() == pytest.approx(1.0, abs=0.35), (style, character)
            assert stroke[:, 1].min() == pytest.approx(0.0, abs=0.35), (style, character)


def test_a_dot_may_be_a_stroke_of_one_point():
    strokes = [SyntheticReader().line(index).strokes for index in range(40)]
    ends = np.concatenate([np.flatnonzero(np.diff(s[:, 0], prepend=1.0) == 0.0) for s in strokes])
    assert len(ends) > 0
    assert any((s[1:, 0] * s[:-1, 0]).any() for s in strokes)


def test_random_numbers_are_uniform_bell_shaped_and_bounded():
    uniform = Draws(1, 0, 0).uniform(20_000)
    assert 0.0 <= uniform.min() < uniform.max() < 1.0
    counts = np.histogram(uniform, bins=10, range=(0.0, 1.0))[0]
    np.testing.assert_allclose(counts, 2000, atol=200)
    spread = Draws(1, 0, 1).spread(20_000)
    assert abs(spread.mean()) < 0.03
    assert spread.std() == pytest.approx(1.0, abs=0.02)
    assert np.abs(spread).max() <= 2.0 * np.sqrt(3.0)
    assert {Draws(1, 0, i).integer(2, 4) for i in range(100)} == {2, 3, 4}


def test_random_streams_do_not_repeat_each_other():
    keys = itertools.product((1, 2), (0, 1), (0, 1))
    first = [Draws(*key).uniform(1)[0] for key in keys]
    assert len(set(first)) == 8


def test_all_settings_out_of_range_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        SyntheticReader(num_writers=2, min_characters=9, max_characters=8, print_share=1.5)
    assert caught.value.problems == [
        "num_writers: must be from 3 to 1099511627776, got 2",
        "max_characters: must be from 9 to 200, got 8",
        "print_share: must be from 0.0 to 1.0, got 1.5",
    ]


def test_the_fingerprint_follows_every_setting():
    changes = {
        "num_lines": 9,
        "num_writers": 9,
        "seed": 9,
        "min_characters": 9,
        "max_characters": 99,
        "points_per_character": 9.0,
        "print_share": 0.9,
    }
    plain = SyntheticReader().fingerprint()
    assert plain == SyntheticReader().fingerprint()
    for name, value in changes.items():
        assert SyntheticReader(**{name: value}).fingerprint() == {**plain, name: value}


def test_the_fonts_and_words_are_loaded_only_when_a_line_is_made():
    code = (
        "import sys\n"
        "from data_loader.readers.synthetic import SyntheticReader\n"
        "reader = SyntheticReader()\n"
        "reader.fingerprint()\n"
        "print(sorted({'wordfreq', 'HersheyFonts'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
