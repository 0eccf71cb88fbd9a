"""The picture of a window over a text."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage

from utils.figures.window import WindowedLine, window_figure


def make_line(text: str = "ab c", steps_each: int = 6) -> WindowedLine:
    """Each character is written, and looked at, for some steps in a row, a stroke each."""
    characters = np.repeat(np.arange(len(text)), steps_each)
    strokes = np.zeros((len(characters), 3), dtype=np.float32)
    strokes[1:, 1] = 3.0
    strokes[:, 2] = np.tile([1, -1], len(characters) // 2)
    strokes[steps_each - 1 :: steps_each, 0] = 1
    phi = np.eye(len(text) + 1, dtype=np.float32)[characters]
    return WindowedLine(strokes, text, phi, "a title")


def test_the_map_has_a_row_for_each_character_and_a_column_for_each_step() -> None:
    line = make_line()
    ink, heat = window_figure([line]).axes
    (image,) = [child for child in heat.get_children() if isinstance(child, AxesImage)]
    pixels = image.get_array()
    assert pixels.shape == (5, 24, 3)
    is_white = np.all(pixels == 1.0, axis=2)
    assert np.array_equal(~is_white, line.phi.T > 0)
    labels = [label.get_text() for label in heat.get_yticklabels()]
    assert labels[:2] == ["a", "b"] and labels[3:] == ["c", "end"]
    assert ink.get_title(loc="left") == "a title"


def test_ink_has_the_colour_of_the_row_that_the_window_lay_on() -> None:
    line = make_line()
    ink, heat = window_figure([line]).axes
    (pieces,) = ink.collections
    colours = [to_hex(colour) for colour in pieces.get_colors()]
    rows = [to_hex(label.get_color()) for label in heat.get_yticklabels()]
    # A stroke of six points has five pieces.
    assert colours == [row for row in rows[:4] for _ in range(5)]


def test_words_are_marked_at_their_first_step() -> None:
    _, heat = window_figure([make_line("ab c d")]).axes
    assert [line.get_xdata()[0] for line in heat.get_lines()] == [0, 18, 30]


def test_a_dot_is_drawn() -> None:
    line = make_line("a", steps_each=4)
    line.strokes[0, 0] = 1
    ink, _ = window_figure([line]).axes
    first = ink.collections[0].get_segments()[0]
    assert np.ptp(first, axis=0).max() > 0


@pytest.mark.parametrize("case", ["one step", "not finite", "no window", "no line"])
def test_what_an_untrained_model_may_write_can_be_drawn(case: str) -> None:
    line = make_line("ab", steps_each=4)
    if case == "one step":
        line = WindowedLine(line.strokes[:1], "ab", line.phi[:1])
    if case == "not finite":
        line.strokes[3:] = np.nan
    if case == "no window":
        line.phi[:] = 0
    figure = window_figure([] if case == "no line" else [line])
    figure.canvas.draw()
