import dataclasses
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from data_loader.readers.inkml import InkmlReader
from handwriting.errors import UserError
from handwriting.formats.page_files import LIST_OF_PAGES, write_documents, write_pages
from handwriting.formats.registry import WRITTEN_FORMATS, parse_formats
from handwriting.ink.line import points_from_strokes
from handwriting.pages import GcodeOptions, GifOptions, PageOptions, WriteOptions, layout_pages

SVG = "{http://www.w3.org/2000/svg}"
INKML = "{http://www.w3.org/2003/InkML}"
TEXT = "it is in a hat.\nAn <odd> & kind thing"


@pytest.fixture
def pages(write):
    options = PageOptions(page_width=70.0, margin=8.0, lines_per_page=2, ruled=True)
    letters = write(TEXT.replace("<", "a").replace(">", "o").replace("&", "m"), late_by=1)
    return layout_pages(
        [type(letters)(letters.strokes, TEXT, letters.character_of_step)], options
    ).pages


@pytest.fixture
def page(pages):
    assert len(pages) == 2
    return pages[0]


def _one(page, folder, name, **options):
    (file,) = write_pages([page], folder, [name], WriteOptions(**options))
    return file


def _assert_same(strokes, page, tolerance=0.00051):
    """The strokes are those of the page, each once and in order."""
    expected = [_without_repeats(stroke) for stroke in page.strokes()]
    assert len(strokes) == len(expected)
    for a, b in zip(strokes, expected, strict=True):
        a = _without_repeats(a)
        assert len(a) == len(b)
        assert np.abs(a - b).max() <= tolerance


def _without_repeats(stroke):
    stroke = np.asarray(stroke, dtype=np.float64)
    same = np.all(np.abs(np.diff(stroke.round(3), axis=0)) < 1e-9, axis=1)
    return stroke[np.concatenate([[True], ~same])]


def test_svg_has_each_stroke_once_and_no_fill(page, tmp_path):
    text = _one(page, tmp_path, "svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.get("width") == "70mm"
    assert [float(v) for v in root.get("viewBox").split()] == [0.0, 0.0, page.width, page.height]
    assert set(re.findall(r'fill="([^"]*)"', text)) == {"none"}
    ink = root.find(f"{SVG}g[@id='ink']")
    assert (ink.get("fill"), ink.get("stroke-linecap")) == ("none", "round")
    paths = list(ink.iter(f"{SVG}path"))
    _assert_same([_points_of(path.get("d")) for path in paths], page)
    # What is filled without being told so is not there at all.
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg",
        "g",
        "title",
        "path",
    }
    assert [title.text for title in root.iter(f"{SVG}title")] == [line.text for line in page.lines]


def _points_of(path):
    assert path.count("M") == 1
    return np.array([float(v) for v in re.split(r"[ML ]", path)[1:]]).reshape(-1, 2)


def test_svg_rules_are_a_group_of_their_own(page, tmp_path):
    root = ElementTree.parse(_one(page, tmp_path, "svg")).getroot()
    rules = root.find(f"{SVG}g[@id='rules']")
    assert len(rules) == len(page.rules)
    assert rules.get("fill") == "none"
    plain = type(page)(page.width, page.height, page.pen_width, page.lines, ())
    root = ElementTree.parse(_one(plain, tmp_path, "svg")).getroot()
    assert root.find(f"{SVG}g[@id='rules']") is None


def test_svg_dots_are_lines_of_no_length(page, tmp_path):
    root = ElementTree.parse(_one(page, tmp_path, "svg")).getroot()
    dots = [
        points
        for path in root.find(f"{SVG}g[@id='ink']").iter(f"{SVG}path")
        if (points := _points_of(path.get("d"))).tolist() == [points[0].tolist()] * 2
    ]
    assert len(dots) == sum(len(stroke) == 1 for stroke in page.strokes()) > 0


def test_json_gives_the_page_back(pages, tmp_path):
    (file,) = write_pages(pages, tmp_path, ["json"])
    document = json.loads(file.read_text(encoding="utf-8"))
    assert (document["format"], document["units"]) == ("handwriting-pages", "mm")
    assert len(document["pages"]) == len(pages)
    for written, page in zip(document["pages"], pages, strict=True):
        assert (written["width"], written["height"]) == (page.width, page.height)
        assert [line["text"] for line in written["lines"]] == [line.text for line in page.lines]
        baselines = [line["baseline"] for line in written["lines"]]
        assert np.allclose(baselines, [line.baseline for line in page.lines])
        assert np.allclose(written["rules"], page.rules)
        _assert_same([s for line in written["lines"] for s in line["strokes"]], page)


def test_inkml_gives_the_strokes_and_texts_back(page, tmp_path):
    root = ElementTree.parse(_one(page, tmp_path, "inkml")).getroot()
    assert root.tag == f"{INKML}ink"
    strokes = [
        [[int(v) / 1000 for v in point.split()] for point in trace.text.split(",")]
        for trace in root.iter(f"{INKML}trace")
    ]
    _assert_same(strokes, page)
    groups = root.findall(f"{INKML}traceGroup")
    texts = [group.find(f"{INKML}annotation").text for group in groups]
    assert texts == [line.text for line in page.lines]


def test_inkml_is_read_as_lines_of_writing(page, tmp_path):
    _one(page, tmp_path, "inkml")
    lines = list(InkmlReader(str(tmp_path)))
    assert [line.text for line in lines] == [line.text for line in page.lines]
    for read, line in zip(lines, page.lines, strict=True):
        strokes = points_from_strokes(read.strokes)
        assert len(strokes) == len(line.strokes)
        for a, b in zip(strokes, line.strokes, strict=True):
            moved = (b - line.strokes[0][0]) * [1000.0, -1000.0]
            assert np.abs(a - moved).max() < 1.5


class _Plotter:
    """Follows a program and keeps what it draws; anything that a plotter must not do fails."""

    def __init__(self, page, options):
        self.page, self.options = page, options
        self.place, self.is_down, self.strokes, self.rate = None, None, [], None

    def run(self, lines):
        assert lines[-1] == "M2"
        for line in (line.partition(";")[0].strip() for line in lines):
            if line == self.options.pen_up:
                self.is_down = False
            elif line == self.options.pen_down:
                assert self.is_down is False
                self.is_down = True
                self.strokes.append([self.place])
            elif line.startswith(("G0", "G1")):
                self._move(line)
            else:
                assert line in ("", "G21", "G90", "M2")
        assert self.is_down is False

    def _move(self, line):
        command, *words = line.split()
        values = {word[0]: float(word[1:]) for word in words}
        self.rate = values.pop("F", self.rate)
        assert set(values) == {"X", "Y"}
        x, y = values["X"], values["Y"]
        assert 0.0 <= x <= self.page.width and 0.0 <= y <= self.page.height
        assert self.is_down == (command == "G1")
        expected = self.options.feed_rate if self.is_down else self.options.travel_rate
        assert self.rate == expected
        self.place = (x, self.page.height - y)
        if self.is_down:
            self.strokes[-1].append(self.place)


@pytest.mark.parametrize(
    "options",
    [GcodeOptions(), GcodeOptions(pen_up="M5", pen_down="M3 S90", feed_rate=900, travel_rate=4e3)],
)
def test_gcode_draws_each_stroke_once_with_the_pen_down(page, tmp_path, options):
    lines = _one(page, tmp_path, "gcode", gcode=options).read_text(encoding="ascii").splitlines()
    commands = [line.partition(";")[0].strip() for line in lines]
    assert [line for line in commands if line][:3] == ["G21", "G90", options.pen_up]
    plotter = _Plotter(page, options)
    plotter.run(lines)
    assert plotter.place == (0.0, page.height)
    _assert_same(plotter.strokes, page, tolerance=0.00052)


def test_gcode_commands_of_several_lines(page, tmp_path):
    options = GcodeOptions(pen_up="M5\nG4 P0.1", pen_down="M3 S90\nG4 P0.2")
    lines = _one(page, tmp_path, "gcode", gcode=options).read_text().splitlines()
    downs = [at for at, line in enumerate(lines) if line == "M3 S90"]
    assert len(downs) == len(list(page.strokes()))
    assert {lines[at + 1] for at in downs} == {"G4 P0.2"}


def _image(file):
    return Image.open(io.BytesIO(file.read_bytes()))


def _ink_pixels(image):
    return np.asarray(image.convert("L"), dtype=int) < 110


def _assert_shows(pixels, page):
    """There is ink at every point of the page's strokes, and little elsewhere."""
    scale = pixels.shape[1] / page.width
    near = np.zeros_like(pixels)
    reach = int(np.ceil(1.5 * page.pen_width * scale)) + 1
    for stroke in page.strokes():
        for x, y in np.floor(stroke * scale).astype(int):
            around = (slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
            assert pixels[around].any()
            near[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    assert not (pixels & ~near).any()


def test_png_shows_all_ink_dots_too_at_its_size(page, tmp_path):
    image = _image(_one(page, tmp_path, "png", dpi=200.0))
    assert image.size == (round(70 / 25.4 * 200), round(page.height / 25.4 * 200))
    _assert_shows(_ink_pixels(image), page)


def test_gif_writes_the_strokes_in_order_at_pen_speed(page, tmp_path):
    options = GifOptions(
        steps_per_second=200.0, frame_seconds=0.1, hold_seconds=1.0, dpi=120.0, crop_margin=None
    )
    image = _image(_one(page, tmp_path, "gif", gif=options))
    steps = sum(len(stroke) for stroke in page.strokes())
    assert image.n_frames == int(np.ceil(steps / 20))
    assert image.info["loop"] == 0
    shown, durations = [], []
    for frame in range(image.n_frames):
        image.seek(frame)
        durations.append(image.info["duration"])
        shown.append(_ink_pixels(image))
    assert durations == [100] * (image.n_frames - 1) + [1100]
    _assert_shows(shown[-1], page)
    for before, after in zip(shown[:-1], shown[1:], strict=True):
        assert not (before & ~after).any()
    # A third of the frames show a third of the pen steps: those of the first strokes.
    third, left = image.n_frames // 3, image.n_frames // 3 * 20
    parts = []
    for stroke in page.strokes():
        parts.append(stroke[:left])
        left -= len(parts[-1])
        if left <= 0:
            break
    line = type(page.lines[0])("", 0.0, tuple(parts))
    _assert_shows(
        shown[third - 1], type(page)(page.width, page.height, page.pen_width, (line,), ())
    )


def test_gif_of_a_long_page_is_written_faster(page, tmp_path):
    options = GifOptions(
        steps_per_second=50.0, longest_seconds=1.0, frame_seconds=0.1, crop_margin=None
    )
    image = _image(_one(page, tmp_path, "gif", gif=options))
    assert image.n_frames == 10
    image.seek(9)
    _assert_shows(_ink_pixels(image), page)


def test_gif_that_does_not_loop(page, tmp_path):
    options = GifOptions(longest_seconds=1.0, loop=False)
    assert "loop" not in _image(_one(page, tmp_path, "gif", gif=options)).info


def test_an_empty_page_can_be_written_in_every_format(tmp_path):
    layout = layout_pages([], PageOptions(page_width=60.0, margin=5.0))
    files = write_pages(layout.pages, tmp_path, WRITTEN_FORMATS)
    assert all(file.stat().st_size > 0 for file in files)


def test_files_are_named_by_page_and_format(pages, tmp_path):
    files = write_pages(pages, tmp_path / "out", ["svg", "json", "gcode"])
    names = ["page-1.svg", "page-1.gcode", "page-2.svg", "page-2.gcode", "page.json"]
    assert [file.name for file in files] == names
    assert _shown(tmp_path / "out") == sorted(names)
    many = write_pages(list(pages) * 5, tmp_path, ["svg"], name="letter")
    assert (many[0].name, many[-1].name) == ("letter-01.svg", "letter-10.svg")


def _shown(folder):
    """Names of the files in a folder that are not hidden."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_second_run_leaves_no_page_of_the_first_and_nothing_else_goes(pages, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "page-9.svg").write_text("mine")
    (out / "notes.txt").write_text("mine")
    write_pages(list(pages) * 2, out, ["svg", "json"])
    write_pages(pages[:1], out, ["png"])
    assert _shown(out) == ["notes.txt", "page-1.png", "page-9.svg"]
    write_documents({"1-page": pages, "2-page": pages[:1]}, out, ["svg"])
    assert _shown(out) == [
        "1-page-1.svg", "1-page-2.svg", "2-page-1.svg", "notes.txt", "page-9.svg"
    ]  # fmt: skip


@pytest.mark.parametrize("listed", [b"../mine.svg\n/etc/x.svg\nnotes.txt\n", b"\xff\x00"])
def test_a_list_of_pages_that_is_a_strangers_removes_nothing_else(pages, tmp_path, listed):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.svg").write_text("mine")
    (out / "notes.txt").write_text("mine")
    (out / LIST_OF_PAGES).write_bytes(listed)
    write_pages(pages[:1], out, ["svg"])
    assert (tmp_path / "mine.svg").exists() and (out / "notes.txt").exists()


def test_an_animation_is_cropped_to_the_ink(page, tmp_path):
    whole, cut = (
        _image(_one(page, tmp_path, "gif", gif=GifOptions(crop_margin=margin)))
        for margin in (None, 2.0)
    )
    scale = 96 / 25.4
    points = np.concatenate(list(page.strokes()))
    assert whole.size == (round(page.width * scale), round(page.height * scale))
    assert np.allclose(
        cut.size, (np.ptp(points, axis=0) + 4 + 2 * page.pen_width) * scale, atol=1.5
    )
    shown = []
    for image in (whole, cut):
        image.seek(image.n_frames - 1)
        shown.append(_ink_pixels(image).sum())
    assert shown[1] == pytest.approx(shown[0], rel=0.05)


def test_apng_and_gif_have_the_same_frames(page, tmp_path):
    options = GifOptions(steps_per_second=400.0, frame_seconds=0.1)
    gif, apng = (_image(_one(page, tmp_path, name, gif=options)) for name in ("gif", "apng"))
    assert apng.format == "PNG"
    assert (apng.size, apng.n_frames) == (gif.size, gif.n_frames)
    for frame in (0, gif.n_frames // 2, gif.n_frames - 1):
        gif.seek(frame)
        apng.seek(frame)
        assert gif.convert("RGB").tobytes() == apng.convert("RGB").tobytes()


def test_hpgl_draws_each_stroke_once(page, tmp_path):
    program = _one(page, tmp_path, "hpgl").read_text(encoding="ascii").splitlines()
    assert (program[0], program[1], program[-1]) == ("IN;", "SP1;", "SP0;")
    strokes = []
    for line in program[2:-2]:
        up, down = re.fullmatch(r"PU(\d+,\d+);PD([\d,]*);PU;", line).groups()
        numbers = [int(v) for v in f"{up},{down}".strip(",").split(",")]
        points = np.array(numbers, dtype=np.float64).reshape(-1, 2) / 40
        strokes.append(points * [1.0, -1.0] + [0.0, page.height])
    expected = list(page.strokes())
    assert len(strokes) == len(expected)
    for drawn, stroke in zip(strokes, expected, strict=True):
        for point in stroke:
            assert np.hypot(*(drawn - point).T).min() < 0.02
        assert np.hypot(*(drawn[0] - stroke[0])) < 0.02


def test_pdf_has_all_pages_in_their_size(pages, tmp_path):
    pytest.importorskip("fpdf")
    (file,) = write_pages(pages, tmp_path, ["pdf"])
    data = file.read_bytes()
    assert data.startswith(b"%PDF-")
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    points = [tuple(float(v) for v in box) for box in boxes]
    sizes = [(page.width * 72 / 25.4, page.height * 72 / 25.4) for page in pages]
    assert np.allclose(points[-len(pages) :], sizes, atol=0.02)  # after the document's default


def test_several_pens_are_in_every_format(page, tmp_path):
    line = page.lines[0]
    pens = tuple(index % 2 for index in range(len(line.strokes)))
    coloured = dataclasses.replace(
        page, lines=(dataclasses.replace(line, pens=pens),), pens=("#000000", "#ff0000")
    )
    svg = _one(coloured, tmp_path, "svg").read_text()
    assert svg.count('stroke="#ff0000"') == sum(pens)
    gcode = _one(coloured, tmp_path, "gcode", gcode=GcodeOptions(pen_change="T{pen}")).read_text()
    changes = [row for row in gcode.splitlines() if row.startswith("T")]
    assert changes[:2] == ["T2", "T1"] and len(changes) == len(pens) - 1
    hpgl = _one(coloured, tmp_path, "hpgl").read_text()
    assert hpgl.count("SP2;") == sum(pens)
    (written,) = json.loads(_one(coloured, tmp_path, "json").read_text())["pages"]
    assert written["pens"] == ["#000000", "#ff0000"]
    assert written["lines"][0]["pens"] == list(pens)
    for name in ("png", "gif"):
        image = _image(_one(coloured, tmp_path, name))
        if name == "gif":
            image.seek(image.n_frames - 1)
        colours = {colour for _, colour in image.convert("RGB").getcolors(100_000)}
        assert (255, 0, 0) in colours and (0, 0, 0) in colours


def test_a_failure_leaves_no_file_and_keeps_the_old_ones(pages, tmp_path):
    write_pages(pages[:1], tmp_path / "out", ["svg"])
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    broken = type(pages[0])(70.0, 40.0, 0.4, ("not a line",), ())
    with pytest.raises(AttributeError):
        write_pages([pages[1], broken], tmp_path / "out", ["svg"])
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert after == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_formats_are_parsed_and_checked():
    assert parse_formats("svg, PNG,svg") == ("svg", "png")
    for text, named in (("svg,bmp,tiff", "bmp, tiff"), ("", "none")):
        with pytest.raises(UserError, match=f"^format: must be some of svg, .*, got {named}$"):
            parse_formats(text)


def test_write_options_out_of_range_are_named(page, tmp_path):
    with pytest.raises(UserError, match=r"^gif.frame_seconds: should be .* 0.02, got 0.001$"):
        _one(page, tmp_path, "gif", gif=GifOptions(frame_seconds=0.001))
    with pytest.raises(
        UserError, match="^gcode.feed_rate: should be greater than or equal to 0.1, got 0$"
    ):
        _one(page, tmp_path, "gcode", gcode=GcodeOptions(feed_rate=0))
