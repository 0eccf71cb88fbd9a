"""The page reads what Python reads: the same features, frames and texts."""

import itertools
import os
from dataclasses import asdict

import numpy as np
import pytest
from page_scripts import PageScripts

from handwriting.ink.line import points_from_strokes, strokes_from_points
from handwriting.ink.line_segmentation import split_lines
from handwriting.ink.measures import x_height
from handwriting.readings.long_lines import pieces, separators
from handwriting.runtime.line_reader import LineReader
from handwriting.runtime.model_file import read_model_file
from handwriting.runtime.reader import Reader
from handwriting.runtime.reading_settings import ReadingSettings
from handwriting.runtime.recogniser import LanguageModel, Recogniser
from handwriting.runtime.writer import Writer
from handwriting.text.error_rates import line_errors
from handwriting.web.site import PAGE

READ = """
    const rows = strokes;
    const {columns} = inkFeatures(rows, model.about.features);
    const encoded = model.encode(columns);
    const {memory, frames} = encoded;
    const text = (codes) => codes.map((code) => model.about.symbols[code]).join("");
    return {
      columns, logProbs: [...encoded.logProbs], ctc: text(bestPath(encoded)),
      memory: [...model.kernel.floats(memory, frames * 2 * model.about.encoder_size)],
      greedy: text(encoded.decoder().greedy(frames)),
    };
"""


def _scripts(weights, compiled=True):
    modules = ("features", "reader_model", "language_model", "beam_search", "ctc", "reading")
    scripts = PageScripts(*(f"engine/{name}.js" for name in modules), "ink/line_segmentation.js")
    scripts.add_file("weights", weights / "recogniser.safetensors")
    scripts.add_file("kernel", PAGE / "engine/kernel.wasm")
    module = "new WebAssembly.Module(buffers.kernel)" if compiled else "null"
    scripts.run(f"globalThis.model = new ReaderModel(buffers.weights, {module}); return 0;")
    if (weights / "language_model.safetensors").is_file():
        scripts.add_file("language", weights / "language_model.safetensors")
        scripts.run(
            "globalThis.language = new LanguageModel(buffers.language, model.about.symbols,"
            f" {module}); return 0;"
        )
    return scripts


@pytest.fixture(scope="module")
def shipped(shipped_weights):
    return _scripts(shipped_weights)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_a_tiny_recogniser_reads_its_vectors(tiny_weights, compiled):
    _compare_with_vectors(_scripts(tiny_weights, compiled), tiny_weights, 3)


def test_the_shipped_recogniser_reads_its_vectors(shipped, shipped_weights):
    _compare_with_vectors(shipped, shipped_weights, 3)


def _compare_with_vectors(scripts, weights, number):
    vectors = read_model_file(weights / "recogniser.parity.safetensors")
    for at, case in enumerate(vectors.about["cases"][:number]):
        values = {name: vectors.tensors[f"{at}.{name}"] for name in ("strokes", "features")}
        found = scripts.run(READ, strokes=values["strokes"].tolist())
        assert np.allclose(found["columns"], values["features"], rtol=0, atol=1e-5)
        # Activations are rounded to 16 bits.
        frames = vectors.tensors[f"{at}.frames"]
        assert np.allclose(found["memory"], frames.ravel(), rtol=0, atol=2e-3)
        logs = vectors.tensors[f"{at}.ctc_log_probs"]
        assert np.allclose(np.exp(found["logProbs"]), np.exp(logs).ravel(), rtol=0, atol=5e-3)
        assert found["ctc"] == case["ctc"]
        assert found["greedy"] == case["greedy"]["text"]


SETTINGS = [
    {},
    {"beam": 5},
    {"beam": 4, "ctc_weight": 0.4},
    {"beam": 6, "ctc_weight": 1.0, "length_normalisation": 0.5},
    {"beam": 4, "ctc_weight": 0.3, "language_weight": 0.5},
    {"beam": 3, "coverage": 0.3, "language_weight": 0.4},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_texts_are_searched_as_in_python(tiny_weights, settings):
    scripts = _scripts(tiny_weights)
    settings = ReadingSettings(**settings)
    recogniser = read_model_file(tiny_weights / "recogniser.safetensors")
    language = read_model_file(tiny_weights / "language_model.safetensors")
    recogniser = Recogniser(recogniser.about, recogniser.tensors)
    reader = LineReader(
        recogniser,
        settings,
        LanguageModel(language.about, language.tensors, recogniser.vocabulary),
        alternatives=3,
    )
    vectors = read_model_file(tiny_weights / "recogniser.parity.safetensors")
    for at in range(3):
        strokes = vectors.tensors[f"{at}.strokes"]
        found = scripts.run(
            """const {columns} = inkFeatures(strokes, model.about.features);
            const found = searchJointly(model.encode(columns), settings, language, 3);
            const text = (codes) => codes.map((code) => model.about.symbols[code]).join("");
            return found.map((each) => ({...each, text: text(each.codes)}));""",
            strokes=strokes.tolist(),
            settings=asdict(settings),
        )
        (reading,) = reader.read([strokes])
        expected = [(each.text, each.score) for each in (reading, *reading.alternatives)]
        assert [each["text"] for each in found] == [text for text, _ in expected]
        # Activations are rounded to 16 bits.
        scores = [score for _, score in expected]
        assert [each["joint"] for each in found] == pytest.approx(scores, rel=5e-3, abs=0.02)


def test_the_language_model_has_no_say_in_numbers(tiny_weights):
    scripts = _scripts(tiny_weights)
    found = scripts.run(
        """const {symbols} = model.about;
        const after = (text) => {
          let state = language.initialState();
          let logs = null;
          for (const code of [1, ...[...text].map((each) => symbols.indexOf(each))]) {
            ({logs, state} = language.step(code, state));
          }
          return logs;
        };
        return {letter: after("a"), digit: after("a1"), digits: language.isDigit};"""
    )
    digits = np.array(found["digits"])
    assert digits.any() and not digits.all()
    letter, digit = np.array(found["letter"]), np.array(found["digit"])
    assert np.ptp(letter[digits]) == 0 and np.ptp(letter[~digits]) > 0
    assert np.ptp(digit) == 0


def test_words_have_places_alternatives_and_confidences(shipped, shipped_weights):
    vectors = read_model_file(shipped_weights / "recogniser.parity.safetensors")
    strokes = vectors.tensors["0.strokes"]
    found = shipped.run("return new LineReader(model).read(strokes);", strokes=strokes.tolist())
    words = found["words"]
    assert found["text"] == " ".join(word["text"] for word in words)
    assert found["texts"][0] == found["text"]
    assert len(words) > 3
    edges = [edge for word in words for edge in word["rows"]]
    assert edges == sorted(edges) and edges[0] == 0 and edges[-1] == len(strokes)
    places = np.cumsum(strokes[:, 1])
    middles = [places[word["rows"][0] : word["rows"][1]].mean() for word in words]
    assert middles == sorted(middles)
    for word in words:
        assert 0 < word["confidence"] <= 1
        assert "".join(character["text"] for character in word["characters"]) == word["text"]
        assert found["text"][word["start"] :].startswith(word["text"])
        assert word["text"] not in word["alternatives"]
    assert any(word["alternatives"] for word in words)


def _long_line(rng, words):
    """Rows of words with gaps of all widths between them."""
    strokes, left = [], 0.0
    for _ in range(words):
        angle = np.linspace(0, 2 * np.pi * rng.integers(1, 9), 60)
        strokes.append(np.stack([left + angle, 3 * np.sin(angle)], axis=1))
        left += angle[-1] + rng.uniform(0.2, 8)
    return strokes_from_points(strokes)


@pytest.mark.parametrize("words", [1, 4, 12, 40])
def test_long_lines_are_cut_as_in_python(words):
    rows = _long_line(np.random.default_rng(words), words)
    found = PageScripts("engine/long_lines.js").run(
        "const pieces = piecesOf(rows); return {pieces, between: separatorsOf(rows, pieces)};",
        rows=rows.tolist(),
    )
    cuts = pieces(rows)
    assert found["pieces"] == [[cut.start, cut.stop] for cut in cuts]
    assert found["between"] == separators(rows, cuts)
    assert (len(cuts) > 1) == (words == 40)


def test_a_long_line_is_read_as_in_python(shipped, shipped_weights):
    texts = ["Long lines are read in pieces,", "cut at gaps between their words,", "and joined."]
    lines = Writer(shipped_weights).write_lines(texts, hand="lena", seed=2, bias=1.0)
    strokes = [line.strokes.copy() for line in lines]
    for rows in strokes[1:]:
        rows[0, 1:] = (2.5, 0)
    strokes = np.concatenate(strokes)
    found = shipped.run(
        "return new LineReader(model, globalThis.language ?? null).read(strokes);",
        strokes=strokes.tolist(),
    )
    assert len(pieces(strokes)) > 1
    (reading,) = Reader(shipped_weights).read_lines([strokes])
    assert found["text"] == reading.text
    assert " ".join(word["text"] for word in found["words"]) == " ".join(found["text"].split())
    edges = [edge for word in found["words"] for edge in word["rows"]]
    assert edges == sorted(edges) and edges[-1] == len(strokes)
    for word in found["words"]:
        assert found["text"][word["start"] :].startswith(word["text"])


def test_the_search_finds_the_likeliest_text_of_few_frames():
    scripts = PageScripts("engine/ctc.js")
    rng = np.random.default_rng(3)
    size, frames = 6, 4  # blank, three that are never read, two characters
    probs = rng.dirichlet(np.ones(3), frames)
    logs = np.full((frames, size), -50.0)
    logs[:, [0, 4, 5]] = np.log(probs)
    expected: dict[str, float] = {}
    for path in np.ndindex(*[3] * frames):
        codes = [[0, 4, 5][at] for at in path]
        read = [
            code for at, code in enumerate(codes) if code and (at == 0 or codes[at - 1] != code)
        ]
        text = ",".join(map(str, read))
        prob = float(np.prod(probs[np.arange(frames), path]))
        expected[text] = expected.get(text, 0.0) + prob
    found = scripts.run(
        """const encoded = {logProbs: Float32Array.from(logs), frames, size};
        return searchTexts(encoded, 100).map((found) => {
          return {...found, alone: textLog(encoded, found.codes)};
        });""",
        logs=logs.ravel().tolist(), frames=frames, size=size,
    )  # fmt: skip
    assert len(found) == len(expected)
    for each in found:
        text = ",".join(map(str, each["codes"]))
        assert np.exp(each["log"]) == pytest.approx(expected[text], rel=1e-4)
        assert np.exp(each["alone"]) == pytest.approx(expected[text], rel=1e-4)
    assert [each["log"] for each in found] == sorted((e["log"] for e in found), reverse=True)


def _page(rng, count):
    lines = []
    for line in range(count):
        for letter in range(14):
            x = 30.0 * letter + rng.uniform(0, 4)
            steps = np.linspace(0, 4 * np.pi, 24)
            wave = np.stack([x + steps, 8 * np.sin(steps) - 55.0 * line + 0.05 * x], axis=1)
            lines.append(wave + rng.uniform(-0.5, 0.5, wave.shape))
    return lines


@pytest.mark.parametrize("count", [1, 2, 5])
def test_lines_are_divided_as_in_python(count):
    strokes = _page(np.random.default_rng(count), count)
    scripts = PageScripts("ink/line_segmentation.js", "ink/measures.js")
    plain = [stroke.tolist() for stroke in strokes]
    assert scripts.run("return splitLines(strokes);", strokes=plain) == split_lines(strokes)
    found = scripts.run("return xHeight(strokes, text);", strokes=plain, text="Ab 12 cd")
    assert found == pytest.approx(x_height(strokes, "Ab 12 cd"))
    assert len(split_lines(strokes)) == count


@pytest.mark.slow
def test_real_lines_are_read_as_python_reads_them(shipped, shipped_weights):
    """200 lines of IAM-OnDB; see docs/web.md for the numbers."""
    root = os.environ.get("HANDWRITING_IAM_ONDB")
    if not root:
        pytest.skip("HANDWRITING_IAM_ONDB names no folder with IAM-OnDB")
    from data_loader.readers.iam_ondb import IamOndbReader

    validation = (line for line in IamOndbReader(root).read() if line.split == "testset_v")
    lines = list(itertools.islice(validation, 200))
    reader = Reader(shipped_weights)
    ours, theirs, same, length = 0, 0, 0, 0
    for line in lines:
        found = shipped.run(
            "return new LineReader(model, globalThis.language ?? null).read(strokes).text;",
            strokes=line.strokes.tolist(),
        )
        (reading,) = reader.read_lines([line.strokes])
        ours += line_errors(line.text, found).character_errors
        theirs += line_errors(line.text, reading.text).character_errors
        same += found == reading.text
        length += len(line.text)
    assert abs(ours - theirs) / length < 0.002
    assert same > 0.97 * len(lines)


def test_ink_of_one_dot_has_features():
    scripts = PageScripts("engine/features.js")
    options = {
        "correct_slope": True, "correct_slant": True, "fit_lines": True, "spacing": 0.2,
        "surroundings": True, "time": True,
    }  # fmt: skip
    found = scripts.run("return inkFeatures([[1, 0, 0]], options).columns;", options=options)
    assert np.shape(found) == (1, 31)
    assert np.isfinite(found).all()


def test_points_of_strokes_come_back_from_rows():
    scripts = PageScripts("ink/strokes.js")
    rows = [[0, 0, 0], [1, 2, 3], [0, 4, -5], [0, 1, 1], [1, 0, 2]]
    found = scripts.run("return pointsOfStrokes(rows);", rows=rows)
    expected = points_from_strokes(np.array(rows, np.float32))
    assert [np.array(stroke).tolist() for stroke in expected] == found
    back = scripts.run("return rowsOfPoints(pointsOfStrokes(rows));", rows=rows)
    assert back == rows
