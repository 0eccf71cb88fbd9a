"""The page writes what Python writes: the same pen steps, lines, texts and pages."""

from dataclasses import replace

import numpy as np
import pytest
from page_scripts import PageScripts

from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.json_reader import read_json_ink
from handwriting.formats.svg_reader import read_svg_file
from handwriting.ink.line import strokes_from_points
from handwriting.pages import GcodeOptions, PageOptions
from handwriting.pages.aligned_text import split_text
from handwriting.pages.hyphenation import hyphenation
from handwriting.pages.layout import layout_pages
from handwriting.runtime.model_file import read_model_file
from handwriting.runtime.noise import candidate_seed, line_seed, pen_noise, random_words
from handwriting.runtime.text_writer import flaws_of_ink
from handwriting.runtime.writer import Writer
from handwriting.text.error_rates import line_errors
from handwriting.text.reading_flaws import word_flaws
from handwriting.web.site import PAGE

SEEDS = [0, 7, 2**31 + 5, 2**53 - 1]
WRITE_ALL = """
    const writer = new TextWriter(model, {bias, seed: seedOf(seed)});
    let spellings = [];
    const lines = [];
    for (const event of writer.write(text, style)) {
      if (event.kind === "pieces") spellings = event.spellings;
      if (event.kind === "piece") lines[event.at] = event.line;
    }
    const none = {strokes: [], text: "", characterOfStep: []};
    const inks = spellings.map((_, at) => lines[at] ?? none);
    const hand = measureHand(inks);
    return spellings.map((spelling, at) => completed(inks[at], spelling, hand));
"""


def _scripts(weights, compiled=True):
    scripts = PageScripts(
        "engine/noise.js",
        "engine/writer_model.js",
        "engine/synthesis.js",
        "engine/judge.js",
        "engine/reader_model.js",
        "pages/completion.js",
        "pages/flaws.js",
        "pages/blocks.js",
        "pages/layout.js",
        "pages/hyphenation.js",
        "ink/writable_text.js",
    )
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


def test_lines_are_what_the_python_runtime_writes(tiny_weights):
    texts = ["the first line", "and", "one more"]
    found = _scripts(tiny_weights).run(
        """return texts.map((text, number) => {
          const seed = lineSeed(seedOf(3), number);
          const steps = new LineWriter(model).write({text, style: null, bias: 0.5, seed});
          for (;;) { const {done, value} = steps.next(); if (done) return value; }
        });""",
        texts=texts,
    )
    written = Writer(tiny_weights).write_lines(texts, seed=3, bias=0.5)
    for line, expected in zip(found, written, strict=True):
        assert np.abs(np.array(line["strokes"]) - expected.strokes).max() < 0.05
        assert np.array_equal(line["characterOfStep"], expected.character_of_step)


def test_pieces_with_flaws_are_written_again_and_the_first_of_the_best_is_kept(tiny_weights):
    style = {"strokes": [[0, 0, 0], *[[at % 4 == 3, 20, 5] for at in range(40)]], "text": "abc"}
    found = _scripts(tiny_weights).run(
        """const all = (steps) => {
          for (;;) { const {done, value} = steps.next(); if (done) return value; }
        };
        // So few pen steps that no line ends by itself.
        model.about.limits = {steps_per_character: 0.5, more_steps: 0, of_style_pace: 0};
        const writer = new TextWriter(model, {bias: 0.5, seed: seedOf(9)});
        const kept = [];
        for (const event of writer.write(texts.join("\\n\\n"), style)) {
          if (event.kind === "piece") kept[event.at] = event.line;
        }
        const attempts = texts.map((text) =>
          Array.from({length: 6}, (_, number) => {
            const seed = lineSeed(seedOf(9), number);
            return all(new LineWriter(model).write({text, style, bias: 0.5, seed}));
          }),
        );
        const flawsOf = (lines) => lines.map((line) => flaws(line) + inkFlaws(line).length);
        return {kept, attempts, flaws: attempts.map(flawsOf), drawn: writer.numDrawn};""",
        style=style,
        texts=["a i a i a i a i a i a i a i a i a", "b u b u b u b u b u b u b u b u b"],
    )
    best: dict[int, int] = {}
    missing, drawn = [0, 1], 0
    for _ in range(3):
        for number, piece in enumerate(missing, start=drawn):
            flaws = found["flaws"][piece]
            if piece not in best or flaws[number] < flaws[best[piece]]:
                best[piece] = number
        drawn += len(missing)
        missing = [piece for piece in missing if found["flaws"][piece][best[piece]]]
    assert found["drawn"] == drawn == 6
    for piece, line in enumerate(found["kept"]):
        assert line == found["attempts"][piece][best[piece]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\na \n",
        "one two  three\n\nfour " * 5,
        "a" * 50 + " b",
        "Sätze mit Ümlauten und 🙂 " * 6,
        "    an indent of four\n\t\ttwo tabs\tand one amid the line, which is long enough to cut",
    ],
)
def test_texts_are_cut_as_python_cuts_them(text):
    scripts = PageScripts("pages/aligned_text.js")
    assert scripts.run("return splitText(text, 36);", text=text) == split_text(text, 36)


LETTER = "Zoë's café: 20 € or £5.\n\n\tŽižka, Łódź — “naïve”… 30 °C. Give it to Mr. Jones, please."


@pytest.fixture(scope="module", params=[None, "lena", "otto"])
def letter(request, shipped_weights):
    """A text with accents, shapes and an indent as Python and as the page write it."""
    options = PageOptions(page_width=100, page_height=60, margin=8, line_spacing=9)
    written = Writer(shipped_weights).write(
        LETTER, hand=request.param, seed=5, bias=0.8, page=options
    )
    scripts = _scripts(shipped_weights)
    pieces = scripts.run(
        "const {text} = writableText(letter, knownCharacters(model.about));" + WRITE_ALL,
        letter=LETTER, bias=0.8, seed=5,
        style=None if request.param is None else _style_of(shipped_weights, request.param),
    )  # fmt: skip
    return written, pieces, scripts


def test_a_text_is_written_as_python_writes_it(letter):
    written, pieces, _ = letter
    assert [piece["text"] for piece in pieces] == [line.text for line in written.lines]
    for piece, line in zip(pieces, written.lines, strict=True):
        assert np.array_equal(piece["characterOfStep"], line.character_of_step)
        strokes = np.array(piece["strokes"])
        assert np.array_equal(strokes[:, 0], line.strokes[:, 0])
        assert np.abs(strokes - line.strokes).max() < 1e-3  # heights of small letters


def test_pages_are_laid_out_as_python_lays_them_out(letter):
    written, pieces, scripts = letter
    found = scripts.run(
        "return layoutPages(pieces.map(measuredPiece), options);",
        pieces=pieces,
        options={"pageWidth": 100, "pageHeight": 60, "margin": 8, "lineSpacing": 9},
    )
    _compare_pages(found["pages"], written.pages)


def _compare_pages(found, pages):
    assert len(found) == len(pages)
    for page, expected in zip(found, pages, strict=True):
        assert page["penWidth"] == pytest.approx(expected.pen_width)
        assert [line["text"] for line in page["lines"]] == [line.text for line in expected.lines]
        for line, own in zip(page["lines"], expected.lines, strict=True):
            assert line["baseline"] == pytest.approx(own.baseline)
            assert [len(stroke) for stroke in line["strokes"]] == [len(s) for s in own.strokes]
            for stroke, points in zip(line["strokes"], own.strokes, strict=True):
                assert np.abs(np.array(stroke) - points).max() < 2e-3  # mm
            assert line["pens"] == list(own.pens)


SMALL = {"page_width": 70.0, "page_height": 90.0, "margin": 8.0, "line_spacing": 9.0}
LAYOUTS = {
    "drift": {**SMALL, "drift": 1.2, "seed": 7},
    "right": {**SMALL, "align": "right", "drift": 0.5},
    "center": {**SMALL, "align": "center", "ruled": True, "fit_height": True},
    "narrow": {**SMALL, "page_width": 40.0},
    "a size": {"page_width": 80.0, "margin": 6.0, "x_height": 2.0},
    "fit": {**SMALL, "fit": True},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_options_of_pages_do_what_they_do_in_python(letter, name):
    written, pieces, scripts = letter
    pens = [at % 3 for at in range(sum(not each.isspace() for each in written.text))]
    options = PageOptions(**LAYOUTS[name], pens=("#111111", "#aa0000", "#00aa00"))
    expected = layout_pages(written.lines, options, pens)
    found = scripts.run(
        "return layoutPages(pieces.map(measuredPiece), {...options, pens});",
        pieces=pieces,
        pens=pens,
        options={_camel(key): value for key, value in LAYOUTS[name].items()},
    )
    _compare_pages(found["pages"], expected.pages)
    assert [each.translate(QUOTES) for each in found["warnings"]] == list(expected.warnings)


QUOTES = str.maketrans("“”", "''")


def _camel(name):
    first, *others = name.split("_")
    return "".join([first, *(other.title() for other in others)])


LONG = (
    "Understandably, extraordinary circumstances necessitate hyphenation. (Re-entering) 12"
    ' "notwithstanding".'
)


@pytest.mark.parametrize("language", ["en_GB", "en_US"])
def test_words_are_hyphenated_as_in_python(shipped_weights, language):
    rules = (PAGE / f"vendor/hyphenation/hyph_{language}.dic").read_text(encoding="utf-8")
    scripts = _scripts(shipped_weights)
    points = hyphenation(language)
    words = ["naïveté", "Don't", "re-enter", "(however)", "antidisestablishmentarianism,", "a12b"]
    found = scripts.run(
        "return words.map(hyphenationOf(rules));", words=words + LONG.split(), rules=rules
    )
    assert found == [list(points(word)) for word in words + LONG.split()]
    pieces = scripts.run(WRITE_ALL, text=LONG, style=None, bias=0.8, seed=5)
    written = Writer(shipped_weights).write(LONG, bias=0.8, seed=5)
    options = PageOptions(page_width=48, page_height=200, margin=6, hyphenate=language)
    found = scripts.run(
        """const points = hyphenationOf(rules);
        const page = {...options, points, slant: measureHand(pieces).slant};
        return layoutPages(pieces.map(measuredPiece), page);""",
        pieces=pieces, rules=rules, options={"pageWidth": 48, "pageHeight": 200, "margin": 6},
    )  # fmt: skip
    expected = layout_pages(written.lines, options)
    assert any(line.text.endswith("-") for line in expected.pages[0].lines)
    _compare_pages(found["pages"], expected.pages)


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 7, 2**53 - 1])
def test_random_numbers_of_pages_are_numpys(seed):
    found = PageScripts("pages/random.js").run(
        """const generator = new Generator(seed);
        const normals = Array.from({length: 3000}, () => generator.normal());
        return [...normals, generator.uniform(2, 5), generator.normal()];""",
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    expected = [*rng.normal(size=3000), rng.uniform(2, 5), rng.normal()]
    assert found == pytest.approx(expected, abs=1e-9)


def test_flaws_that_show_are_pythons(tiny_weights, shipped_weights):
    lines = [
        *Writer(tiny_weights).write_lines(["run away", "and leave"], seed=2),
        *Writer(shipped_weights).write_lines(["Fine words", "g j 47, (X)"], seed=2),
    ]
    stretched = [
        replace(line, strokes=line.strokes * [1, 1, each]) for line in lines for each in (1, 9)
    ]
    found = PageScripts("pages/flaws.js").run(
        "return lines.map(inkFlaws);",
        lines=[
            {
                "strokes": line.strokes.tolist(),
                "text": line.text,
                "characterOfStep": line.character_of_step.tolist(),
            }
            for line in stretched
        ],
    )
    assert found == flaws_of_ink(stretched)
    assert [] in found and any(found)


@pytest.fixture(scope="module")
def written(shipped_weights):
    """A text in two paragraphs as the page writes it, and scripts to lay it out."""
    scripts = _scripts(shipped_weights)
    lines = scripts.run(
        WRITE_ALL, text="Dear Anna, come home\n\nsoon.", style=None, bias=0.9, seed=3
    )
    return lines, PageScripts("pages/blocks.js", "pages/layout.js", "ink/write_files.js")


PAGE_OPTIONS = {
    "pageWidth": 60, "pageHeight": 40, "margin": 8, "lineSpacing": 8, "ruled": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def laid_out(written):
    lines, scripts = written
    return scripts.run(
        "return layoutPages(lines.map(measuredPiece), options);", lines=lines, options=PAGE_OPTIONS
    )


def test_pages_are_wrapped_at_the_width_of_the_ink(laid_out):
    pages = laid_out["pages"]
    texts = [line["text"] for page in pages for line in page["lines"]]
    assert " ".join(texts) == "Dear Anna, come home soon."
    assert len(texts) > 2
    for page in pages:
        assert page["rules"] == pytest.approx([13.6, 21.6, 29.6])
        baselines = [line["baseline"] for line in page["lines"]]
        assert set(baselines) <= set(page["rules"])
        assert baselines == sorted(set(baselines))
        for line in page["lines"]:
            x, y = np.concatenate([np.array(stroke) for stroke in line["strokes"]]).T
            assert x.min() == pytest.approx(8.0) and x.max() <= 52.0 + 1e-6
            # Most of the ink is between the baseline and where tall letters end.
            over = line["baseline"] - y
            assert np.mean((over > -0.4 * 8) & (over < 0.7 * 8)) > 0.8
    # "soon." begins a line of its own, after an empty one or on a page of its own.
    rows = [(at, page["rules"].index(line["baseline"]), line["text"])
            for at, page in enumerate(pages) for line in page["lines"]]  # fmt: skip
    (before, last) = rows[-2:]
    assert last[2] == "soon."
    assert last[0] > before[0] or last[1] >= before[1] + 2


def test_a_wider_page_takes_more_words_in_a_line(written):
    lines, scripts = written
    rows = [
        scripts.run(
            """const pieces = lines.map(measuredPiece);
            const {pages} = layoutPages(pieces, {...options, pageWidth: width});
            return pages.flatMap((page) => page.lines).length;""",
            lines=lines, options=PAGE_OPTIONS, width=width,
        )
        for width in (45, 60, 300)
    ]  # fmt: skip
    assert rows[0] > rows[1] > rows[2] == 2


def test_a_word_wider_than_the_page_is_cut_and_reported(write):
    line = write("ab" * 12)
    plain = {
        "strokes": line.strokes.tolist(),
        "text": line.text,
        "characterOfStep": line.character_of_step.tolist(),
    }
    found = PageScripts("pages/blocks.js", "pages/layout.js").run(
        "return layoutPages([measuredPiece(line)], options);", line=plain, options=PAGE_OPTIONS
    )
    texts = [line["text"] for page in found["pages"] for line in page["lines"]]
    assert "".join(texts) == "ab" * 12 and len(texts) > 1
    assert found["warnings"] == [f"“{'ab' * 12}” is wider than the page and was split"]


def test_files_hold_the_ink_of_the_pages(laid_out, written, tmp_path):
    pages = laid_out["pages"]
    files = written[1].run(
        """return {svg: svgOf(pages[0]), gcode: gcodeOf(pages[0]), inkml: inkmlOf(pages[0]),
                json: jsonOf(pages)};""",
        pages=pages,
    )
    readers = {"svg": read_svg_file, "inkml": ink_in_file, "json": read_json_ink}
    for suffix, read in readers.items():
        path = tmp_path / f"page.{suffix}"
        path.write_text(files[suffix], encoding="utf-8")
        wanted = pages if suffix == "json" else pages[:1]
        expected = [line for page in wanted for line in page["lines"]]
        scale = 1000 if suffix == "inkml" else 1  # its units are thousandths of a mm
        for line, own in zip(read(path), expected, strict=True):
            assert line.text == own["text"]
            points = [np.array(stroke) * [1, -1] for stroke in own["strokes"]]
            rows = strokes_from_points(points)
            assert line.strokes[:, 0].sum() == len(points)
            ends = np.cumsum(line.strokes[:, 1:], axis=0)[line.strokes[:, 0] > 0.5] / scale
            expected_ends = np.cumsum(rows[:, 1:], axis=0)[rows[:, 0] > 0.5]
            assert np.allclose(ends, expected_ends, rtol=0, atol=0.05)


def test_gcode_draws_each_stroke_with_the_pen_down(laid_out, written):
    page = laid_out["pages"][0]
    program = written[1].run("return gcodeOf(page);", page=page).splitlines()
    strokes = [stroke for line in page["lines"] for stroke in line["strokes"]]
    options = GcodeOptions()
    assert program.count(options.pen_down) == len(strokes)
    assert program.count(options.pen_up) == len(strokes) + 1
    travels = [line for line in program if line.startswith("G0 X")]
    first, *_, home = travels
    x, y = strokes[0][0]
    values = [float(part[1:]) for part in first.split()[1:3]]
    assert values == pytest.approx([x, page["height"] - y], abs=1e-3)
    assert home.startswith("G0 X0 Y0 ") and program[-1] == "M2"


def _random_words(rng):
    return " ".join(
        "".join(rng.choice(list("abcd"), rng.integers(1, 6))) for _ in range(rng.integers(1, 6))
    )


def test_flaws_that_a_reading_shows_are_pythons():
    rng = np.random.default_rng(4)
    pairs = [(_random_words(rng), _random_words(rng)) for _ in range(400)]
    pairs += [("one word here", "one here"), ("one two", "one two two two"), ("", "abcde")]
    found = PageScripts("engine/judge.js").run(
        """return pairs.map(([text, reading]) =>
          [editsOf([...text], [...reading]).length, wordFlaws(text, reading)]);""",
        pairs=pairs,
    )
    for (text, reading), (edits, flaws) in zip(pairs, found, strict=True):
        assert edits == line_errors(text, reading).character_errors
        assert [flaw.translate(QUOTES) for flaw in flaws] == word_flaws(text, reading)


def test_the_best_of_several_is_the_one_that_python_keeps(shipped_weights):
    text = "Thursday's 3 flights were all late."
    scripts = _scripts(shipped_weights)
    scripts.add_file("reader", shipped_weights / "recogniser.safetensors")
    found = scripts.run(
        """const reader = new ReaderModel(buffers.reader, new WebAssembly.Module(buffers.kernel));
        const settings = {bias: 0.3, seed: [9, 0], bestOf: 3};
        const writer = new TextWriter(model, settings, new Judge(reader));
        const lines = [];
        for (const event of writer.write(text, style)) {
          if (event.kind === "piece") lines[event.at] = event.line;
        }
        return lines;""",
        text=text,
        style=_style_of(shipped_weights, "mira"),
    )
    written = Writer(shipped_weights).write(text, hand="mira", seed=9, bias=0.3, best_of=3)
    for line, expected in zip(found, written.lines, strict=True):
        strokes = np.array(line["strokes"])
        assert strokes.shape == expected.strokes.shape
        assert np.abs(strokes - expected.strokes).max() < 1e-3


def _style_of(weights, name):
    example = Writer(weights).hand(name).example
    return {"strokes": example.strokes.tolist(), "text": example.text}
