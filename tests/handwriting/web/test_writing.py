"""The page writes what Python writes: the same pen steps, lines, texts and pages."""

import json

import numpy as np
import pytest
from page_scripts import PageScripts

from handwriting.formats.gcode_writer import page_gcode
from handwriting.formats.inkml_writer import write_inkml
from handwriting.formats.json_writer import write_json
from handwriting.formats.svg_writer import page_svg
from handwriting.pages import AlignedLine, GcodeOptions, Layout, PageOptions, WriteOptions
from handwriting.pages import layout_pages as layout_in_python
from handwriting.pages.aligned_text import split_text
from handwriting.runtime.model_file import read_model_file
from handwriting.runtime.noise import candidate_seed, line_seed, pen_noise, random_words
from handwriting.runtime.writer import Writer
from handwriting.web.site import PAGE

SEEDS = [0, 7, 2**31 + 5, 2**53 - 1]
WRITE_ALL = """
    const writer = new TextWriter(model, {bias, seed: seedOf(seed)});
    const lines = [];
    for (const event of writer.write(text, style)) {
      if (event.kind === "piece") lines[event.at] = {...event.line, text: event.piece};
    }
    return lines;
"""


def _scripts(weights, compiled=True):
    scripts = PageScripts("engine/noise.js", "engine/writer_model.js", "engine/synthesis.js")
    scripts.add_file("weights", weights / "writer.safetensors")
    scripts.add_file("kernel", PAGE / "engine/kernel.wasm")
    module = "new WebAssembly.Module(buffers.kernel)" if compiled else "null"
    scripts.run(f"globalThis.model = new WriterModel(buffers.weights, {module}); return 0;")
    return scripts


@pytest.fixture(scope="module")
def noise():
    return PageScripts("engine/noise.js")


def test_random_words_are_those_of_the_paper(noise):
    key, counter = [0xA4093822, 0x299F31D0], [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    found = noise.run("return randomWords(key, counter);", key=key, counter=counter)
    assert found == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_random_words_are_pythons(noise):
    rng = np.random.default_rng(1)
    counters = rng.integers(0, 2**32, (200, 4))
    key = int(rng.integers(0, 2**63))
    found = noise.run(
        "return counters.map((counter) => randomWords(key, counter));",
        key=[key % 2**32, key // 2**32],
        counters=counters.tolist(),
    )
    assert np.array_equal(found, random_words(key, counters))


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_and_seeds_are_pythons(noise, seed):
    found = noise.run(
        """const own = seedOf(seed);
        return {noise: Array.from({length: 50}, (_, step) => penNoise(own, step)),
                line: lineSeed(own, 3), candidate: candidateSeed(own, 2)};""",
        seed=seed,
    )
    assert np.allclose(found["noise"], pen_noise(seed, 50), rtol=0, atol=1e-6)
    for words, expected in (
        (found["line"], line_seed(seed, 3)),
        (found["candidate"], candidate_seed(seed, 2)),
    ):
        assert words[0] + words[1] * 2**32 == expected


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_lines_of_a_tiny_writer_are_those_of_its_vectors(tiny_weights, compiled):
    _compare_with_vectors(tiny_weights, compiled)


def test_lines_of_the_shipped_writer_are_those_of_its_vectors(shipped_weights):
    _compare_with_vectors(shipped_weights, compiled=True)


def _compare_with_vectors(weights, compiled):
    scripts = _scripts(weights, compiled)
    vectors = read_model_file(weights / "writer.parity.safetensors")
    std = read_model_file(weights / "writer.safetensors").about["normalisation"]["std"]
    styles = []
    for number, case in enumerate(vectors.about["cases"]):
        line = scripts.run(
            """const lines = new LineWriter(model).write({text, style, bias, seed: seedOf(seed)});
            for (;;) { const {done, value} = lines.next(); if (done) return value; }""",
            text=case["text"],
            bias=case["bias"],
            seed=case["seed"],
            style=None if case["style"] is None else styles[case["style"]],
        )
        styles.append(line)
        expected = vectors.tensors[f"{number}.strokes"]
        strokes = np.array(line["strokes"])
        assert strokes.shape == expected.shape
        assert np.array_equal(strokes[:, 0], expected[:, 0])
        # In normalised units.
        assert np.abs((strokes - expected)[:, 1:] / std).max() < 1e-3
        characters = vectors.tensors[f"{number}.character_of_step"]
        assert np.array_equal(line["characterOfStep"], characters)
        assert line["reachedLimit"] == case["reached_step_limit"]
        assert line["logProb"] == pytest.approx(case["log_prob"], abs=0.01)


def test_a_line_after_another_in_the_same_hand_is_the_line_alone(tiny_weights):
    scripts = _scripts(tiny_weights)
    found = scripts.run(
        """const all = (writer, text) => {
          const steps = writer.write({text, style, bias: 0.5, seed: [1, 0]});
          for (;;) { const {done, value} = steps.next(); if (done) return value; }
        };
        const writer = new LineWriter(model);
        const first = all(writer, "ab");
        const read = writer.reading.step;
        return {read, after: all(writer, "cd"), alone: all(new LineWriter(model), "cd")};""",
        style={
            "strokes": [[0, 0, 0], *[[step % 5 == 4, 30, 10] for step in range(60)]],
            "text": "a long text of a hand, longer than its pen steps take the window",
        },
    )
    assert found["read"] > 10
    assert found["after"] == found["alone"]


def test_a_text_is_what_python_writes(tiny_weights):
    text = "the first line of it\n\nand one more"
    lines = _scripts(tiny_weights).run(WRITE_ALL, text=text, style=None, bias=0.5, seed=3)
    written = Writer(tiny_weights).write(text, bias=0.5, seed=3)
    assert [line["text"] for line in lines] == [line.text for line in written.lines]
    for line, expected in zip(lines, written.lines, strict=True):
        assert np.abs(np.array(line["strokes"]) - expected.strokes).max() < 0.05
        assert np.array_equal(line["characterOfStep"], expected.character_of_step)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n a \n",
        "one\ttwo  three\n\nfour " * 5,
        "a" * 50 + " b",
        "Sätze mit Ümlauten und 🙂 " * 6,
    ],
)
def test_texts_are_cut_as_python_cuts_them(text):
    scripts = PageScripts("pages/aligned_text.js")
    assert scripts.run("return splitText(text, 36);", text=text) == split_text(text, 36)


@pytest.fixture(scope="module")
def written(shipped_weights):
    """A text in two paragraphs as the page writes it, and as it and Python lay it out."""
    scripts = _scripts(shipped_weights)
    lines = scripts.run(
        WRITE_ALL, text="Dear Anna, come home\n\nsoon.", style=None, bias=0.9, seed=3
    )
    return lines, PageScripts("pages/layout.js", "ink/write_files.js")


OPTIONS = PageOptions(page_width=60.0, page_height=40.0, margin=8.0, line_spacing=8.0, ruled=True)
PAGE_OPTIONS = {
    "pageWidth": 60, "pageHeight": 40, "margin": 8, "lineSpacing": 8, "ruled": True,
}  # fmt: skip


def _python_layout(lines) -> Layout:
    return layout_in_python(
        [
            AlignedLine(
                np.array(line["strokes"], np.float32),
                line["text"],
                np.array(line["characterOfStep"]),
            )
            for line in lines
        ],
        OPTIONS,
    )


def test_pages_are_laid_out_as_in_python(written):
    lines, scripts = written
    found = scripts.run(
        "return layoutPages(lines.map(measuredPiece), options);", lines=lines, options=PAGE_OPTIONS
    )
    expected = _python_layout(lines)
    assert len(found["pages"]) == len(expected.pages) > 1
    for page, other in zip(found["pages"], expected.pages, strict=True):
        assert page["penWidth"] == pytest.approx(other.pen_width)
        assert page["rules"] == pytest.approx(list(other.rules))
        assert [line["text"] for line in page["lines"]] == [line.text for line in other.lines]
        for line, same in zip(page["lines"], other.lines, strict=True):
            assert line["baseline"] == pytest.approx(same.baseline)
            for stroke, points in zip(line["strokes"], same.strokes, strict=True):
                assert np.allclose(stroke, points, rtol=0, atol=1e-6)


def test_a_word_wider_than_the_page_is_cut_as_in_python(write):
    line = write("ab" * 12)
    scripts = PageScripts("pages/layout.js")
    plain = {
        "strokes": line.strokes.tolist(),
        "text": line.text,
        "characterOfStep": line.character_of_step.tolist(),
    }
    found = scripts.run(
        "return layoutPages([measuredPiece(line)], options);", line=plain, options=PAGE_OPTIONS
    )
    texts = [line["text"] for page in found["pages"] for line in page["lines"]]
    expected = layout_in_python([line], OPTIONS)
    assert texts == [line.text for page in expected.pages for line in page.lines]
    assert len(texts) > 1


def test_files_are_those_of_python(written, tmp_path):
    lines, scripts = written
    files = scripts.run(
        """const {pages} = layoutPages(lines.map(measuredPiece), options);
        return {svg: svgOf(pages[0]), gcode: gcodeOf(pages[0]), inkml: inkmlOf(pages[0]),
                json: jsonOf(pages)};""",
        lines=lines,
        options=PAGE_OPTIONS,
    )
    pages = _python_layout(lines).pages
    assert _near(files["svg"], page_svg(pages[0]))
    assert _near(files["gcode"], "\n".join(page_gcode(pages[0], GcodeOptions())) + "\n")
    write_inkml(pages[0], tmp_path / "page.inkml", WriteOptions())
    assert _near(files["inkml"].strip(), (tmp_path / "page.inkml").read_text().strip())
    write_json(pages, tmp_path / "page.json", WriteOptions())
    assert (
        json.loads(files["json"]).keys() == json.loads((tmp_path / "page.json").read_text()).keys()
    )
    assert len(files["json"]) == pytest.approx(len((tmp_path / "page.json").read_text()), rel=0.01)


def _near(text, expected):
    """Whether two files are the same but for numbers rounded the other way at a half."""
    ours, theirs = text.split(), expected.split()
    differing = sum(a != b for a, b in zip(ours, theirs, strict=False))
    return len(ours) == len(theirs) and differing <= 0.002 * len(theirs)
