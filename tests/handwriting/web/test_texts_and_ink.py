"""Texts and ink in the page: what Python makes of the same."""

import numpy as np
import pytest
from page_scripts import PageScripts

from handwriting.errors import UserError
from handwriting.formats.svg_reader import read_svg
from handwriting.ink.curves import curved
from handwriting.ink.line import strokes_from_points
from handwriting.ink.pen_path import PathSampling, in_one_measure
from handwriting.text.markup import parse_markup
from handwriting.text.plain_text import plain_text
from handwriting.text.spelling import spell, writable_text
from handwriting.text.vocabulary import Vocabulary
from handwriting.web.shapes import FILE, module_of_shapes

# Of IAM-OnDB, which the shipped models know.
CHARACTERS = " !\"#%&'()+,-./0123456789:;?[]ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def texts():
    return PageScripts("ink/writable_text.js", "interface/prompts.js")


TEXTS = [
    "all is known",
    "“Ça va?” – naïve œuvre… ﬁn × ½",
    "soft\u00adhyphen\u200b, and\u00a0space",
    "e\u0301 is é; Ǆ, ①, ﷺ",
    "ŁÓDŹ þing ẞ ďábelské Ťĺ ęą ı İ ħ ő",
    "20 € or £5, 30 °C ± 2, § 3 ☐ ✓ α",
    "漢 and X are not there",
    "  an indent\n\ta tab  and   spaces\n\n",
    "lines\r\nof\rall\u2028kinds\fand\x85ends",
]


@pytest.mark.parametrize("is_lenient", [False, True])
@pytest.mark.parametrize("text", TEXTS)
def test_texts_become_what_can_be_written_as_in_python(texts, text, is_lenient):
    found = texts.run(
        "return writableText(text, new Set(known), isLenient);",
        text=text,
        known=list(CHARACTERS),
        isLenient=is_lenient,
    )
    vocabulary, text = Vocabulary(CHARACTERS), plain_text(text)
    refused = [
        each for each in dict.fromkeys(text) if not _can_be_written(each, vocabulary, is_lenient)
    ]
    assert found["refused"] == refused
    kept = "".join(each for each in text if each not in refused)
    assert found["text"] == writable_text(kept, vocabulary, "", is_lenient)[0]


def _can_be_written(character, vocabulary, is_lenient):
    try:
        notes = writable_text(character, vocabulary, "", is_lenient)[1]
    except UserError:
        return False
    return not any("left out" in note for note in notes)


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_spelled_as_in_python(texts, text):
    vocabulary = Vocabulary(CHARACTERS)
    text = writable_text(plain_text(text), vocabulary, "", is_lenient=True)[0]
    found = texts.run("return spell(text, new Set(known));", text=text, known=list(CHARACTERS))
    spelling = spell(text, vocabulary)
    assert found["written"] == spelling.written and found["places"] == list(spelling.places)
    assert found["marks"] == [list(mark) for mark in spelling.marks]
    assert found["shapes"] == [list(shape) for shape in spelling.shapes]


def test_what_cannot_be_written_is_named_each_once(texts):
    found = texts.run(
        "return unknownCharacters(text, new Set(known));", text="é漢Ǆ\n漢", known=list(CHARACTERS)
    )
    assert found == [{"character": "漢", "written": None}]


def test_the_shapes_of_the_page_are_those_of_the_package():
    assert FILE.read_text(encoding="utf-8") == module_of_shapes(), (
        "python -m handwriting.web.shapes writes it anew"
    )


def test_prompts_have_every_character_and_none_is_needless(texts):
    prompts = [prompt["text"] for prompt in texts.run("return PROMPTS;")]
    assert set(CHARACTERS) <= set("".join(prompts))
    for prompt in prompts:
        others = "".join(other for other in prompts if other != prompt)
        assert set(CHARACTERS) - set(others), prompt
        assert len(prompt) <= 38


ABOUT = {"normalisation": {"mean": [8.0, 0.0], "std": [40.0, 30.0]}}


def _line(points, milliseconds):
    return [[[x, y, milliseconds * at, 0.5] for at, (x, y) in enumerate(points)]]


def test_a_line_of_ones_own_becomes_a_style_of_the_models_size_and_pace():
    scripts = PageScripts("interface/own_hand.js")
    angle = np.linspace(0, 20, 900)
    points = np.stack([10 * angle, 15 * np.sin(angle)], axis=1).tolist()
    for milliseconds in (4, 16):
        style = scripts.run(
            "return styleOf({text, strokes}, about);",
            text="ten chars.", strokes=_line(points, milliseconds), about=ABOUT,
        )  # fmt: skip
        rows = np.array(style["strokes"])
        assert len(rows) == pytest.approx(210, abs=2)
        spread = np.sqrt(np.square(rows[1:, 1:]).mean())
        usual = np.sqrt((8.0**2 + 40.0**2 + 30.0**2) / 2)
        assert spread == pytest.approx(usual)
        assert rows[-1, 0] == 1 and not rows[:-1, 0].any()
        # y grows upwards.
        assert rows[1, 2] < 0


def test_a_line_without_times_is_parted_along_its_ink():
    scripts = PageScripts("interface/own_hand.js")
    strokes = [[[0, 0, 0], [10, 0, 0], [10, 30, 0]], [[20, 0, 0]]]
    rows = scripts.run(
        "return styleOf({text: 'ab', strokes}, about).strokes;", strokes=strokes, about=ABOUT
    )
    ends = [at for at, row in enumerate(rows) if row[0] == 1]
    assert len(ends) == 2 and ends[1] == ends[0] + 1
    steps = np.hypot(*np.array(rows)[1 : ends[0], 1:].T)
    assert steps.max() == pytest.approx(np.median(steps), rel=1e-6)


@pytest.mark.parametrize("height", [None, 1.0])
def test_a_style_has_the_measure_of_the_writers_lines(height):
    rng = np.random.default_rng(2)
    angle = np.linspace(0, 25, 400)
    wave = np.stack([9 * angle, 20 * np.sin(angle)], axis=1) + rng.normal(0, 0.3, (400, 2))
    strokes = [wave, np.array([[300.0, 4.0]]), np.array([[310.0, 0.0], [320.0, 30.0], [340, 20]])]
    text = "Ab c"
    measure = {"x_height": height, "path": {"smooth": 0.06, "step": 0.6, "turn": 0.7}}
    rows = PageScripts("interface/own_hand.js").run(
        "return styleOf({text, strokes}, {...about, measure}).strokes;",
        strokes=[(stroke * [1, -1]).tolist() for stroke in strokes],
        text=text, about=ABOUT, measure=measure,
    )  # fmt: skip
    expected = in_one_measure(strokes, text, height, PathSampling())
    assert expected is not None
    rounded = strokes_from_points(expected)
    assert np.shape(rows) == rounded.shape
    assert np.allclose(rows, rounded, rtol=0, atol=1e-5 * np.abs(rounded).max())


@pytest.mark.parametrize(
    "points",
    [
        [[0, 0]],
        [[0, 0], [9, 2]],
        [[0, 0], [5, 1], [5, 1], [9, 8], [2, 9], [2, 9.1]],
        [[1, 1], [1, 1], [1, 1], [30, 1]],
        [[0, 0], [0.5, 0.5], [1, 0]],
    ],
)
def test_curves_are_those_of_python(points):
    scripts = PageScripts("ink/curves.js")
    found = scripts.run("return curved(points, 1.3);", points=points)
    expected, owners = curved(np.array(points, np.float64), 1.3)
    assert np.allclose(found["points"], expected)
    assert np.array_equal(found["owners"], owners)


PATHS = [
    "M10,20 l30 0 0-10 h-5 v2.5z",
    "m 1 2 3 4 5 6 M7 8c1 2 3 4 5 0s4-4 6 0",
    "M0 0Q5 10 10 0T20 0L1e1.5",
    "M6 2A4 3 30 0 1 9 7a2,2 0 11-3-1",
]


@pytest.mark.parametrize("path", PATHS)
def test_svg_paths_are_the_strokes_that_python_reads(path):
    scripts = PageScripts("ink/svg_path.js")
    found = scripts.run("return pathStrokes(path);", path=path)
    document = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{path}"/></svg>'
    (line,) = read_svg(document.encode())
    assert len(found) == len(line.strokes)
    for stroke, expected in zip(found, line.strokes, strict=True):
        assert np.allclose(stroke[0], expected[0]) and np.allclose(stroke[-1], expected[-1])
        assert _length(stroke) == pytest.approx(_length(expected), rel=0.02)


def _length(stroke):
    return np.hypot(*np.diff(stroke, axis=0).T).sum()


@pytest.mark.parametrize("path", ["10 20", "M1", "M1 2x", "M1 2L3", "M 1 2 z 3"])
def test_broken_paths_are_said_to_be(path):
    scripts = PageScripts("ink/svg_path.js")
    message = scripts.run(
        "try { pathStrokes(path); return null; } catch (error) { return error.message; }", path=path
    )
    assert message is not None and message.startswith("the path has")


def test_transforms_are_those_of_svg():
    scripts = PageScripts("ink/svg_path.js")
    text = "translate(10,20) rotate(90 1 2) scale(2 3) skewX(10) matrix(1 0 0 1 5 6)"
    found = scripts.run("return moved(transformOf(text), [3, 4]);", text=text)
    document = (
        f'<svg xmlns="http://www.w3.org/2000/svg"><path transform="{text}" d="M3 4L3 5"/></svg>'
    )
    (line,) = read_svg(document.encode())
    assert np.allclose(found, line.strokes[0][0])


def test_pages_are_the_same_after_they_were_packed():
    scripts = PageScripts("pages/packed.js")
    page = {
        "width": 100, "height": 50, "penWidth": 0.5, "rules": [10, 20],
        "lines": [
            {
                "text": "a b", "baseline": 10, "strokes": [[[1, 2], [3, 4.5]], [[5, 6]]],
                "pens": [0, 2],
            },
            {"text": "c", "baseline": 20, "strokes": [[[7, 8], [9, 10], [11, 12]]], "pens": []},
        ],
    }  # fmt: skip
    found = scripts.run(
        """const again = unpackPage(packPage(page));
        const {lines, points, ...rest} = again;
        const plain = lines.map(
          ({text, baseline, strokes, pens}) => ({text, baseline, strokes, pens}),
        );
        return {page: {...rest, lines: plain}, count: countPoints(again),
                each: lines.map((line) => line.numPoints)};""",
        page=page,
    )
    assert found == {"page": page, "count": 6, "each": [3, 3]}


MARKED = [
    "plain [not a colour] and [1]",
    "[red]all[/red]",
    "a [blue]b [#2E7D32]c d[/] e[/blue] f [red]g[/]\n[grey]h[/gray]",
    "[red]open",
    "closed[/red]",
    "first\n[red]x[/blue]",
    "[#123456]x[/#123456] [RED]",
]


@pytest.mark.parametrize("text", MARKED)
def test_marks_of_colour_are_read_as_in_python(text):
    found = PageScripts("ink/markup.js").run(
        """try { return parseMarkup(text, "#16213A"); } catch (error) { return error.message; }""",
        text=text,
    )
    try:
        marked = parse_markup(text, "text", "#16213A")
    except UserError as error:
        assert f"text, {found}" == str(error)
        return
    expected = {"text": marked.text, "pens": list(marked.pens), "colours": list(marked.colours)}
    assert found == expected
