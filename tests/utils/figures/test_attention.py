"""Pictures of where a recogniser looked."""

import numpy as np
import pytest

from utils.figures.attention import (
    COLOURS,
    END,
    SPACE,
    SPAN_COLOUR,
    ReadLine,
    attention_figure,
    attention_sheet,
)


def make_line(reading: str = "ab c", steps: int = 40, frames: int = 10) -> ReadLine:
    """A zigzag from left to right in two strokes, read evenly from left to right."""
    strokes = np.zeros((steps, 3), dtype=np.float32)
    strokes[1:, 1] = 2.0
    strokes[:, 2] = np.tile([3, -3], steps // 2)
    strokes[[steps // 2 - 1, steps - 1], 0] = 1
    characters = len(reading) + 1
    attention = np.full((characters, frames), 0.01)
    attention[np.arange(frames) * characters // frames, np.arange(frames)] = 1.0
    positions = np.linspace(0, steps - 1, 2 * frames)
    return ReadLine(strokes, reading, attention, positions, ("written: ab c", "read: ab c"))


def test_frames_share_the_pen_steps_in_order() -> None:
    line = make_line()
    frames = line.frame_of_step
    assert frames.shape == (40,) and frames[0] == 0 and frames[-1] == 9
    assert np.all(np.diff(frames) >= 0) and set(frames) == set(range(10))
    assert np.all(np.diff(line.frame_x) > 0)
    assert line.character_of_step.tolist() == sorted(line.character_of_step)


def test_points_are_where_their_positions_say() -> None:
    """Half of the pen steps hold three quarters of the points."""
    positions = np.concatenate([np.linspace(0, 19, 15), np.linspace(20, 39, 5)])
    line = ReadLine(make_line().strokes, "", np.ones((1, 20)), positions)
    assert line.frame_of_step[19] == 14 and line.frame_of_step[20] == 15
    np.testing.assert_allclose(line.frame_x, 2 * positions)


def test_characters_stand_under_their_ink_in_its_colour() -> None:
    line = make_line()
    sheet = attention_sheet([line])
    words = [text.words for text in sheet.texts]
    assert words == ["written: ab c", "read: ab c", "a", "b", SPACE, "c", END]
    letters = sheet.texts[2:]
    assert [letter.colour for letter in letters[:4]] == list(COLOURS[:4])
    assert all(a.x < b.x and a.y < b.y for a, b in zip(letters[:-1], letters[1:], strict=True))
    for letter in letters[:4]:
        ink = [path.points for path in sheet.paths if path.colour == letter.colour]
        x = np.concatenate(ink)[:, 0]
        assert x.min() - 6 <= letter.x <= x.max()
        assert max(points[:, 1].max() for points in ink) < letter.y


def test_ink_is_neither_lost_nor_joined_over_pen_lifts() -> None:
    line = make_line()
    sheet = attention_sheet([line])
    lifted = 2.0 * (len(line.strokes) // 2 - 1)  # x at the end of the first stroke
    scale = (sheet.width - 24) / (2.0 * (len(line.strokes) - 1))
    gap = (12 + lifted * scale, 12 + (lifted + 2) * scale)
    ink = [path.points for path in sheet.paths if path.colour != SPAN_COLOUR]
    assert not any(p[:, 0].min() < gap[0] + 1 and p[:, 0].max() > gap[1] - 1 for p in ink)
    assert sum(len(points) - 1 for points in ink) == len(line.strokes) - 2


def test_spread_attention_has_a_bar() -> None:
    def longest_bar(line: ReadLine) -> float:
        bars = [path.points for path in attention_sheet([line]).paths if path.colour == SPAN_COLOUR]
        return max(np.ptp(points[:, 0]) for points in bars)

    line = make_line()
    assert longest_bar(line) < 200
    line.attention[1] = 0.1
    assert longest_bar(line) > 700


@pytest.mark.parametrize("steps", [1, 2])
def test_no_text_and_hardly_any_ink(steps: int) -> None:
    strokes = np.zeros((steps, 3), dtype=np.float32)
    strokes[-1, 0] = 1
    line = ReadLine(strokes, "", np.ones((1, 1)), np.zeros(1))
    sheet = attention_sheet([line])
    assert [text.words for text in sheet.texts] == [END]
    assert np.isfinite(sheet.height)
    assert len(attention_figure([line]).axes) == 2


def test_the_map_has_a_row_for_each_character() -> None:
    ink, heat = attention_figure([make_line()]).axes
    labels = [label.get_text() for label in heat.get_yticklabels()]
    assert labels == ["a", "b", SPACE, "c", "end"]
    assert "written: ab c" in ink.get_title(loc="left")


def test_an_empty_picture() -> None:
    assert attention_sheet([]).paths == []
