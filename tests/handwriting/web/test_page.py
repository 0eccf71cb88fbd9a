"""The page as it is used: a real browser (Debian's ``chromium``), driven by ``playwright``."""

import gzip
import json
import os
import re
import shutil
import threading
import urllib.parse
import zipfile
import zlib

import numpy as np
import pytest
from sample_files import SAMPLES

from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.json_reader import read_json_ink
from handwriting.formats.svg_reader import read_svg_file
from handwriting.ink.line import points_from_strokes
from handwriting.runtime.hands import Hand, write_hands
from handwriting.runtime.model_file import read_model_file
from handwriting.runtime.synthesis import Prime
from handwriting.web.server import PageServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 240_000  # ms, for a busy machine
TEXT = "Hello, my friend.\nHow are you?"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def vectors(shipped_weights):
    return read_model_file(shipped_weights / "writer.parity.safetensors")


@pytest.fixture(scope="module")
def url(shipped_weights, vectors, tmp_path_factory):
    """Of the page, with the shipped models and a hand."""
    folder = tmp_path_factory.mktemp("page") / "weights"
    shutil.copytree(shipped_weights, folder)
    case = vectors.about["cases"][0]
    hand = Hand("lena", Prime(vectors.tensors["0.strokes"], case["text"]), 0.8)
    write_hands([hand], folder / "hands.safetensors")
    with PageServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class _Visit:
    """A page in a context of its own, and all that it asked for and complained of."""

    def __init__(self, browser, **options):
        options = {
            "viewport": {"width": 1000, "height": 800},
            "reduced_motion": "reduce",
            **options,
        }
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.requests, self.faults, self.expected = [], [], None
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self._complaint(message.text),
        )

    def _complaint(self, text):
        if self.expected is None or self.expected not in text:
            self.faults.append(text)


@pytest.fixture
def visit(browser):
    visits = []

    def begin(**options):
        visits.append(_Visit(browser, **options))
        return visits[-1]

    yield begin
    faults = [fault for each in visits for fault in each.faults]
    for each in visits:
        each.context.close()
    assert faults == []


def _write(page):
    page.click("#write")
    page.wait_for_selector('#pages[data-state="written"]')


def _download(page, button):
    with page.expect_download() as started:
        page.click(button)
    return started.value


def test_write_from_text_to_files(visit, url, tmp_path):
    it = visit(permissions=["clipboard-read", "clipboard-write"])
    page = it.page
    page.goto(url)
    page.wait_for_selector("#hands label")
    names = page.locator("#hands .name").all_inner_texts()
    assert [name.lower() for name in names] == ["lena", "my hand", "a new hand"]
    page.fill("#text", "Hello 漢, my “friend”…\nHow are yôu?")
    page.wait_for_selector("text=cannot write “漢” (left out)")
    page.click("text=Replace them")
    assert page.input_value("#text") == 'Hello , my "friend"...\nHow are yôu?'
    page.fill("#text", "“Yôu”, 5 €")
    _write(page)
    assert '““” became “"”' in page.inner_text("#write-status")
    assert "5 €" in page.get_attribute("#pages", "aria-label")
    page.fill("#text", TEXT)
    _write(page)
    assert (
        page.get_attribute("#pages", "aria-label") == "Handwriting: Hello, my friend. How are you?"
    )
    assert _dark_pixels(page) > 500

    files = {}
    for name in ("svg", "png", "gcode", "inkml", "json", "pdf", "hpgl"):
        page.select_option("#format", name)
        files[name] = tmp_path / f"page.{name}"
        _download(page, "#download").save_as(files[name])
    for lines in (
        read_svg_file(files["svg"]),
        ink_in_file(files["inkml"]),
        read_json_ink(files["json"]),
    ):
        assert [line.text for line in lines] == ["Hello, my friend.", "How are you?"]
        assert all(len(line.strokes) > 50 for line in lines)
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert "G1 X" in files["gcode"].read_text()
    assert files["gcode"].read_text().endswith("M2\n")
    assert files["hpgl"].read_text().endswith("SP0;\n")
    pdf = files["pdf"].read_bytes()
    assert pdf.startswith(b"%PDF-1.4") and pdf.endswith(b"%%EOF\n")
    (content,) = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    strokes = sum(line.strokes[:, 0].sum() for line in read_json_ink(files["json"]))
    assert zlib.decompress(content).count(b" m ") == strokes
    assert int(re.search(rb"startxref\n(\d+)", pdf)[1]) == pdf.index(b"xref\n0 5")

    page.select_option("#rules", "ruled")
    page.click("#link")
    page.wait_for_selector("text=The link is copied")
    link = page.evaluate("navigator.clipboard.readText()")
    given = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).fragment))
    assert (given["text"], given["hand"], given["rules"]) == (TEXT, "lena", "ruled")

    other = visit()
    other.page.goto(link)
    other.page.wait_for_selector("#hands label")
    assert other.page.input_value("#text") == TEXT
    assert other.page.input_value("#rules") == "ruled"


def test_more_settings_change_the_pages(visit, url, tmp_path):
    page = visit().page
    fragment = urllib.parse.urlencode(
        {
            "text": "A [red]red word[/red] among others.",
            "marks": "colours",
            "drift": "1",
            "seed": "3",
        }
    )
    page.goto(f"{url}#{fragment}")
    page.wait_for_selector('#pages[data-state="written"]')
    assert page.get_attribute("#more-settings", "open") is not None
    page.select_option("#format", "json")

    def pages():
        _download(page, "#download").save_as(tmp_path / "page.json")
        return json.loads((tmp_path / "page.json").read_text())["pages"]

    (found,) = pages()
    assert found["pens"] == ["#16213a", "#b3261e"]
    assert "red word" in " ".join(line["text"] for line in found["lines"])
    assert {pen for line in found["lines"] for pen in line.get("pens", [0])} == {0, 1}
    left = min(x for line in found["lines"] for stroke in line["strokes"] for x, _ in stroke)

    page.select_option("#align", "right")
    moved = _until(lambda: pages()[0]["lines"], lambda lines: _left(lines) > left + 5)
    assert [line["text"] for line in moved] == [line["text"] for line in found["lines"]]

    page.select_option("#hyphens", "en_GB")
    page.fill("#text", "Unquestionably extraordinary circumstances")
    page.select_option("#align", "left")
    page.select_option("#paper", "a6")
    page.evaluate("document.getElementById('size').value = 20")
    _write(page)
    assert any(line["text"].endswith("-") for page in pages() for line in page["lines"])

    page.fill("#text", "[red]open")
    page.click("#write")
    page.wait_for_selector("text=Colours: line 1, column 1: [red] is not closed by [/red].")
    page.fill("#text", "the best of two")
    page.select_option("#best", "2")
    _write(page)
    texts = [line["text"] for page in pages() for line in page["lines"]]
    assert " ".join(texts).replace("- ", "") == "the best of two"


def _left(lines):
    return min(x for line in lines for stroke in line["strokes"] for x, _ in stroke)


def _until(find, is_good):
    """What ``find`` returns once it is good; the page lays it out beside its own thread."""
    for _ in range(200):
        found = find()
        if is_good(found):
            return found
    return found


def _dark_pixels(page):
    return page.evaluate(
        """() => [...document.querySelectorAll("#pages canvas")].reduce((sum, canvas) => {
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let dark = 0;
          for (let at = 0; at < data.length; at += 4) dark += data[at] < 100 ? 1 : 0;
          return sum + dark;
        }, 0)"""
    )


def test_a_link_is_text_and_never_code(visit, url, shipped_weights):
    page = visit().page
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    fragment = urllib.parse.urlencode(
        {
            "text": evil,
            "seed": "1e9",
            "bias": "NaN",
            "ink": "red;}",
            "paper": "toString",
            "pen": "99",
        }
    )
    page.goto(f"{url}#{fragment}")
    page.wait_for_selector("#hands label")
    assert page.input_value("#text") == evil
    assert page.title() == "Handwriting"
    own = read_model_file(shipped_weights / "writer.safetensors").about["bias"]
    assert float(page.input_value("#bias")) == own
    assert page.input_value("#paper") == "fit"
    assert page.input_value("#pen") == "0.45"


def test_a_long_text_shows_progress_and_can_be_stopped(visit, url, tmp_path):
    page = visit().page
    page.goto(f"{url}#paper=a6&size=6")
    page.wait_for_selector("#hands label")
    sentence = "This is a sentence of a long text. "
    page.fill("#text", (sentence * (10_000 // len(sentence) + 1))[:10_000])
    page.click("#write")
    page.wait_for_function(
        "() => /Writing … \\d+ of 2\\d\\d parts/.test("
        "document.getElementById('write-status').textContent)"
    )
    page.wait_for_function("() => document.querySelectorAll('#pages .sheet').length > 1")
    page.click("#stop")
    page.wait_for_selector('#pages[data-state="stopped"]')
    assert page.is_enabled("#download")
    archive = tmp_path / "pages.zip"
    _download(page, "#download").save_as(archive)
    with zipfile.ZipFile(archive) as files:
        assert files.testzip() is None
        assert len(files.namelist()) == page.locator("#pages .sheet").count()
    page.fill("#text", "short")
    _write(page)
    assert page.locator("#pages .sheet").count() == 1


def _draw(page, selector, strokes, left=40.0, top=60.0, height=60.0):
    """Draw strokes, y upwards, with the mouse, so high and there."""
    box = page.locator(selector).bounding_box()
    points = np.concatenate(strokes)
    scale = height / np.ptp(points[:, 1])
    corner = np.array([points[:, 0].min(), points[:, 1].max()])
    for stroke in strokes:
        placed = (stroke - corner) * [scale, -scale] + [box["x"] + left, box["y"] + top]
        page.mouse.move(*placed[0])
        page.mouse.down()
        for point in placed[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def _word(vectors):
    """The strokes of the first word of a line that the writer wrote: "The", thinned."""
    rows, characters = vectors.tensors["0.strokes"], vectors.tensors["0.character_of_step"]
    own = rows[: int(np.argmax(characters > 3))].copy()
    own[-1, 0] = 1.0
    return [stroke[:: max(len(stroke) // 14, 1)] for stroke in points_from_strokes(own)]


def test_read_while_drawing_and_from_files(visit, url, vectors, tmp_path):
    it = visit(permissions=["clipboard-read", "clipboard-write"])
    page = it.page
    page.goto(f"{url}#read")
    page.wait_for_selector("#panel-read[data-state=ready]")
    strokes = _word(vectors)
    _draw(page, "#read-canvas", strokes)
    page.wait_for_selector('#read-text[data-state="read"] .word')
    assert page.inner_text("#read-text").strip()
    assert not page.is_visible("#read-hint")
    word = page.locator(".word").first
    word.hover()
    word.click()
    page.wait_for_selector("#alternatives:not([hidden])")
    choice = page.locator("#alternatives [role=option]").first
    chosen = choice.inner_text()
    choice.click()
    assert page.locator(".word").first.inner_text() == chosen
    before = page.locator("#read-canvas").screenshot()
    page.click("#read-boxes")
    assert page.get_attribute("#read-boxes", "aria-pressed") == "true"
    assert page.locator("#read-canvas").screenshot() != before
    page.click("#read-copy")
    page.wait_for_selector("text=The text is copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#read-text").strip()

    page.click("#read-undo")
    assert page.is_enabled("#read-redo")
    page.click("#read-redo")
    assert not page.is_enabled("#read-redo")
    page.click("#read-eraser")
    _draw(page, "#read-canvas", strokes[:1])
    page.click("#read-undo")
    page.click("#read-clear")
    assert not page.is_enabled("#read-clear")
    assert page.inner_text("#read-text").strip() == ""

    for name, content in _files(vectors).items():
        path = tmp_path / name
        path.write_bytes(content)
        page.set_input_files("#read-file", path)
        page.wait_for_selector(".word")
        assert len(page.inner_text("#read-text").strip()) > 8, name
        page.click("#read-clear")
        page.wait_for_selector(".word", state="detached")
    # Chromium writes a document with styles of its own for broken XML, and then complains of them.
    it.expected = "Applying inline style"
    for name, content, message in (
        ("broken.inkml", b"<ink><trace>1 2", "broken XML"),
        ("entities.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "declares entities"),
        ("empty.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no ink"),
        ("page.html", b"<p>", "ink is read from"),
        ("binary.json", b"\xff\xfe\x00", "no text in UTF-8"),
        ("other.json", b'{"a": 1}', "of no known shape"),
        ("broken.csv", b"x,y\n1,two", "row 2: y is no number"),
        ("large.json", b"[[0,0,0],[1,1e300,1e300]]", "too large"),
        ("broken.xopp", b"\x1f\x8b\x08broken", "compression is broken"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        page.set_input_files("#read-file", path)
        page.wait_for_selector(f"#read-status.wrong:has-text({json.dumps(message)})")


def _files(vectors):
    """A line in every format that the page reads."""
    rows = vectors.tensors["0.strokes"]
    strokes = [np.round(stroke * [1, -1], 2) for stroke in points_from_strokes(rows)]
    traces = "".join(
        "<trace>" + ", ".join(f"{x} {y}" for x, y in stroke) + "</trace>" for stroke in strokes
    )
    paths = "".join(f'<path d="M{" ".join(f"{x},{y}" for x, y in stroke)}"/>' for stroke in strokes)
    inks = "".join(
        '<stroke tool="pen">' + " ".join(f"{x} {y}" for x, y in stroke) + "</stroke>"
        for stroke in strokes
    )
    xournal = f'<xournal><page height="800"><layer>{inks}</layer></page></xournal>'
    samples = {
        f"sample{suffix}": SAMPLES[suffix](points_from_strokes(rows))
        for suffix in (
            ".csv",
            ".dat",
            ".excalidraw",
            ".md",
            ".npy",
            ".rnote",
            ".tldr",
            ".tsv",
            ".xoj",
        )
    }
    return samples | {
        "line.inkml": f'<ink xmlns="http://www.w3.org/2003/InkML">{traces}</ink>'.encode(),
        "line.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><g transform="scale(0.1) '
        f'rotate(2)">{paths}</g></svg>'.encode(),
        "line.json": json.dumps(rows.tolist()).encode(),
        "line.xopp": gzip.compress(xournal.encode()),
    }


def test_my_hand_is_kept_exported_and_written_in(visit, url, vectors, tmp_path):
    it = visit()
    page = it.page
    page.goto(f"{url}#hand")
    page.wait_for_selector("#prompts button")
    prompt = page.inner_text("#prompt-text")
    strokes = [stroke[::3] for stroke in points_from_strokes(vectors.tensors["0.strokes"])]
    strokes = [stroke for stroke in strokes if len(stroke) > 1]
    _draw(page, "#hand-canvas", strokes, height=40.0)
    page.wait_for_selector("text=Kept in this browser")
    page.wait_for_selector(f'#hand-canvas[data-kept="{len(strokes)}"]')
    page.reload()
    page.wait_for_selector("#prompts button.done")
    page.click("#prompts button.done")
    assert page.is_enabled("#hand-clear")
    file = tmp_path / "hand.inkml"
    _download(page, "#hand-export").save_as(file)
    (line,) = ink_in_file(file)
    assert (line.text, line.writer) == (prompt, "me")
    assert line.strokes[:, 0].sum() == len(strokes)
    assert len(line.strokes) > sum(map(len, strokes)) / 2

    page.click("#hand-use")
    page.wait_for_selector("#hands input[value=mine]:checked", state="attached")
    page.fill("#text", "so be it")
    _write(page)
    assert _dark_pixels(page) > 100

    page.click("#tab-hand")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#hand-delete")
    page.wait_for_selector("text=No line yet")
    page.set_input_files("#hand-file", file)
    page.wait_for_selector("#prompts button.done")
    assert "1 of 6" in page.inner_text("#hand-summary")


def test_all_works_offline_once_it_is_loaded(visit, url, vectors):
    it = visit()
    page = it.page
    page.goto(url)
    page.wait_for_selector("#hands label")
    page.click("#tab-read")
    page.wait_for_selector("#panel-read[data-state=ready]")
    page.wait_for_load_state("networkidle")  # the status is empty before it loads, too
    page.click("#tab-hand")
    page.wait_for_selector("#prompts button")
    assert {urllib.parse.urlsplit(each).netloc for each in it.requests} == {
        urllib.parse.urlsplit(url).netloc
    }
    it.requests.clear()
    it.context.set_offline(True)
    page.click("#tab-write")
    page.fill("#text", "off")
    _write(page)
    page.click("#tab-read")
    _draw(page, "#read-canvas", _word(vectors))
    page.wait_for_selector(".word")
    assert it.requests == []


def test_other_pages_can_use_the_reader_as_a_module(visit, url, vectors):
    page = visit().page
    page.goto(f"{url}#hand")
    strokes = [stroke.tolist() for stroke in points_from_strokes(vectors.tensors["0.strokes"])]
    found = page.evaluate(
        """async (strokes) => {
          const {HandwritingStroke, createHandwritingRecognizer, queryHandwritingRecognizer} =
            await import("/interface/handwriting_recognizer.js");
          const none = await queryHandwritingRecognizer({languages: ["zh"]});
          const recognizer = await createHandwritingRecognizer({languages: ["en"]});
          const drawing = recognizer.startDrawing({recognitionType: "text", alternatives: 2});
          const made = strokes.map((points) => {
            const stroke = new HandwritingStroke();
            points.forEach(([x, y], t) => stroke.addPoint({x, y: -y, t}));
            return stroke;
          });
          made.forEach((stroke) => drawing.addStroke(stroke));
          const predictions = await drawing.getPrediction();
          const count = drawing.getStrokes().length;
          drawing.clear();
          const empty = await drawing.getPrediction();
          recognizer.finish();
          return {none, predictions, count, empty};
        }""",
        strokes,
    )
    assert (found["none"], found["count"], found["empty"]) == (None, len(strokes), [])
    best, *others = found["predictions"]
    assert len(others) == 2 and all(other["text"] != best["text"] for other in others)
    segments = best["segmentationResult"]
    assert len(best["text"]) > 8
    graphemes = {segment["beginIndex"]: segment["grapheme"] for segment in segments}
    letters = {at: each for at, each in enumerate(best["text"]) if each != " "}
    assert graphemes == letters
    # Each point belongs to one grapheme, but for those of the spaces' moves.
    covered = {
        (part["strokeIndex"], point)
        for segment in segments
        for part in segment["drawingSegments"]
        for point in range(part["beginPointIndex"], part["endPointIndex"])
    }
    assert len(covered) > 0.9 * sum(map(len, strokes))


def test_without_webassembly_it_still_writes(visit, url):
    it = visit()
    it.context.route(
        re.compile(r"kernel\.wasm"), lambda route: route.fulfill(status=200, body="no")
    )
    page = it.page
    page.goto(url)
    page.wait_for_selector("text=No WebAssembly here")
    page.click("#hands input[value=new]", force=True)
    page.fill("#text", "a")
    page.click("#write")
    page.wait_for_selector('#pages[data-state="written"]')


@pytest.mark.parametrize("width", [360, 2560])
def test_it_fits_every_width_and_works_with_keys(visit, url, width):
    page = visit(viewport={"width": width, "height": 800}, color_scheme="dark").page
    page.goto(url)
    page.wait_for_selector("#hands label")
    page.focus("#tab-write")
    for name in ("write", "read", "hand"):
        selected = page.get_attribute(f"#tab-{name}", "aria-selected")
        assert selected == "true"
        assert page.evaluate("document.activeElement.id") == f"tab-{name}"
        page.wait_for_selector(f"#panel-{name}:not([hidden])")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("ArrowRight")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, canvas.ink")]
          .filter((each) => !(each.textContent.trim() || each.labels?.length ||
                              each.getAttribute("aria-label")))
          .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
