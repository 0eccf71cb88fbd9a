"""All that an InkML file can say of ink: channels, canvases, brushes, views, rotations."""

from pathlib import Path

import numpy as np
import pytest
from ink_samples import page, waves

from data_loader.readers.inkml import InkmlReader
from handwriting.errors import DataError
from handwriting.formats.document import InkDocument
from handwriting.formats.ink_file import document_in_file, ink_in_file, read_ink_file
from handwriting.ink.line import strokes_from_points

WORD = '<annotation type="transcription">word</annotation>'


def write(path: Path, inside: str) -> Path:
    path.write_text(f'<ink xmlns="http://www.w3.org/2003/InkML">{inside}</ink>', encoding="utf-8")
    return path


def document(folder: Path, inside: str) -> InkDocument:
    return document_in_file(write(folder / "a.inkml", inside))


def context(channels: str, more: str = "", around: str = "") -> str:
    return (
        f'<context xml:id="c"><inkSource><traceFormat>{channels}</traceFormat>{more}</inkSource>'
        f"{around}</context>"
    )


XY = '<channel name="X"/><channel name="Y"/>'


def traces(strokes: list[np.ndarray], turn: float = 1.0) -> str:
    """Strokes with y upwards as traces, all numbers times ``turn``."""
    return "".join(
        f"<trace>{', '.join(f'{turn * x:.4f} {-turn * y:.4f}' for x, y in stroke)}</trace>"
        for stroke in strokes
    )


def affine(text: str, kind: str = "affine") -> str:
    mapping = f'<mapping type="{kind}"><affine>{text}</affine></mapping>'
    return f"<canvasTransform>{mapping}</canvasTransform>"


UPSIDE_DOWN = {
    "canvas": context(XY, around=affine("-1 0 700, 0 -1 900")),
    "product": context(
        XY,
        around='<canvasTransform><mapping type="product"><mapping type="identity"/>'
        '<mapping type="affine">-1 0 0 0 -1 0</mapping></mapping></canvasTransform>',
    ),
    "referred": "<definitions><mapping xml:id='m' type='affine'>-1 0 3, 0 -1 4</mapping>"
    "</definitions>"
    + context(XY, around='<canvasTransform><mapping mappingRef="#m"/></canvasTransform>'),
    "annotation": '<annotation type="rotation">180</annotation>',
    "element": "<annotationXML><page><orientation>180°</orientation></page></annotationXML>",
    "attribute": '<annotationXML type="page"><page rotation="-180"/></annotationXML>',
    "word": '<annotationXML><page orientation="upside-down"/></annotationXML>',
    "box": "<annotationXML><emma:emma xmlns:emma='urn:a'><emma:interpretation><context"
    " type='writingRegion' rotatedBoundingBox='9,9 1,9 1,1 9,1'/></emma:interpretation>"
    "</emma:emma></annotationXML>",
}


@pytest.mark.parametrize("said", UPSIDE_DOWN)
def test_a_page_that_says_it_is_turned_comes_out_upright(tmp_path: Path, said: str) -> None:
    strokes, groups = page(3)
    path = write(tmp_path / "a.inkml", UPSIDE_DOWN[said] + traces(strokes, turn=-1.0))
    lines = read_ink_file(path)
    assert len(lines) == len(groups)
    for line, group in zip(lines, groups, strict=True):
        wanted = strokes_from_points([strokes[at] for at in group])
        assert np.allclose(line.strokes, wanted, atol=1e-3)
    (corpus_line,) = InkmlReader(str(tmp_path), require_text=False)
    assert np.allclose(corpus_line.strokes, strokes_from_points(strokes), atol=1e-3)


@pytest.mark.parametrize(("degrees", "first"), [("90", [0, -1]), ("270", [0, 1]), ("-90", [0, 1])])
def test_a_turn_is_clockwise(tmp_path: Path, degrees: str, first: list[int]) -> None:
    # Turned by a quarter clockwise, what goes to the right goes down, which is +y in InkML.
    (line,) = ink_in_file(
        write(
            tmp_path / "a.inkml",
            f'<annotation type="rotation">{degrees}</annotation><trace>0 0, 1 0</trace>',
        )
    )
    turned_back = np.array(first)
    assert np.allclose(line.strokes[1, 1:], -turned_back)
    (line,) = ink_in_file(write(tmp_path / "a.inkml", "<trace>0 0, 1 0</trace>"))
    assert np.allclose(line.strokes[1, 1:], [1, 0])


def test_lines_may_be_turned_apart(tmp_path: Path) -> None:
    groups = "".join(
        f'<traceGroup><annotation type="rotation">{degrees}</annotation>{traces(waves(), turn)}'
        "</traceGroup>"
        for degrees, turn in (("0", 1.0), ("180", -1.0))
    )
    lines = ink_in_file(write(tmp_path / "a.inkml", groups))
    assert len(lines) == 2
    assert np.allclose(lines[0].strokes, lines[1].strokes, atol=1e-3)


def test_times_forces_and_other_channels(tmp_path: Path) -> None:
    channels = (
        f'{XY}<channel name="T" units="s"/><channel name="F" min="0" max="200"/>'
        '<channel name="OTx"/><intermittentChannels><channel name="B1" type="boolean"/>'
        "</intermittentChannels>"
    )
    (found,) = document(
        tmp_path,
        context(channels) + "<trace>1 2 .5 50 7 T, 3 4 .75 100 8, '1 '1 '.25 '-50 '1</trace>",
    ).pages
    (stroke,) = found.strokes
    assert stroke.points.tolist() == [[1, 2], [3, 4], [4, 5]]
    assert stroke.times is not None and stroke.times.tolist() == [0.5, 0.75, 1.0]
    assert stroke.pressures is not None and stroke.pressures.tolist() == [0.25, 0.5, 0.25]
    assert stroke.others["OTx"].tolist() == [7, 8, 9]
    assert stroke.others["B1"][0] == 1 and np.isnan(stroke.others["B1"][1:]).all()


def test_times_are_thousandths_and_counted_from_a_time_stamp(tmp_path: Path) -> None:
    stamps = (
        '<definitions><timestamp xml:id="s" time="5000"/>'
        '<timestamp xml:id="t" timestampRef="#s" timeOffset="500"/></definitions>'
    )
    channels = f'{XY}<channel name="T" respectTo="#t"/>'
    (found,) = document(
        tmp_path, stamps + context(channels) + "<trace>1 2 10, 3 4 20</trace>"
    ).pages
    times = found.strokes[0].times
    assert times is not None and np.allclose(times, [5.51, 5.52])


def test_units_are_those_of_channels_or_of_the_resolution(tmp_path: Path) -> None:
    in_cm = '<channel name="X" units="cm"/><channel name="Y" units="mm"/>'
    found = document(tmp_path, context(in_cm) + "<trace>1 10, 2 30</trace>")
    assert found.units_per_mm == pytest.approx(0.1)
    assert np.allclose(found.pages[0].strokes[0].points, [[1, 1], [2, 3]])
    resolution = (
        '<channelProperties><channelProperty channel="X" name="resolution" value="1000"'
        ' units="1/cm"/></channelProperties>'
    )
    found = document(tmp_path, context(XY, resolution) + "<trace>1 10</trace>")
    assert found.units_per_mm == pytest.approx(100)


def test_brushes(tmp_path: Path) -> None:
    brushes = (
        '<definitions><brush xml:id="red"><brushProperty name="color" value="#FF0000"/>'
        '<brushProperty name="width" value="0.1" units="cm"/></brush>'
        '<brush xml:id="mark"><brushProperty name="color" value="#00FF00"/>'
        '<brushProperty name="transparency" value="127"/>'
        '<brushProperty name="rasterOp" value="maskPen"/></brush></definitions>'
    )
    in_mm = '<channel name="X" units="mm"/><channel name="Y" units="mm"/>'
    (found,) = document(
        tmp_path,
        brushes + context(in_mm) + '<trace brushRef="#red">1 2</trace><traceGroup brushRef="#mark">'
        "<trace>3 4</trace></traceGroup><trace>5 6</trace>",
    ).pages
    assert [(stroke.colour, stroke.tool) for stroke in found.strokes] == [
        ("#ff0000", ""),
        ("#00ff0080", "highlighter"),
        ("", ""),
    ]
    assert found.strokes[0].width == pytest.approx(1.0)


def test_views_are_lines_and_words(tmp_path: Path) -> None:
    strokes = "".join(
        f'<trace xml:id="t{number}">{number} 0, {number} 1</trace>' for number in range(4)
    )
    views = (
        '<traceView><annotation type="type">Textblock</annotation>'
        '<annotation type="transcription">all of it</annotation>'
        '<traceView><annotation type="type">Textline</annotation>'
        '<annotation type="transcription">a line</annotation>'
        '<traceView traceDataRef="#t0"><annotation type="type">Word</annotation></traceView>'
        '<traceView traceDataRef="#t2"/></traceView></traceView>'
    )
    (found,) = document(tmp_path, strokes + views).pages
    assert [(label.text, label.strokes, label.level) for label in found.labels] == [
        ("all of it", (0, 2), "paragraph"),
        ("a line", (0, 2), "line"),
        ("", (0,), "word"),
    ]
    line, rest = ink_in_file(tmp_path / "a.inkml")
    assert (line.text, rest.text) == ("a line", "")
    assert [int(each.strokes[:, 0].sum()) for each in (line, rest)] == [2, 2]
    (corpus_line,) = InkmlReader(str(tmp_path))
    assert corpus_line.text == "a line" and len(corpus_line.strokes) == 4


def test_a_view_of_a_part_of_a_trace(tmp_path: Path) -> None:
    view = f'<traceView traceDataRef="#t" from="2" to="3">{WORD}</traceView>'
    write(tmp_path / "a.inkml", f'<trace xml:id="t">0 0, 1 1, 2 2, 3 3</trace>{view}')
    (line,) = InkmlReader(str(tmp_path))
    assert line.strokes.tolist() == [[0, 0, 0], [1, 1, -1]]


def test_texts_of_microsofts_programs(tmp_path: Path) -> None:
    def group(level: str, text: str, inside: str) -> str:
        said = f'<context type="{level}"/><literal>{text}</literal>'
        emma = f'<emma xmlns="urn:e"><interpretation>{said}</interpretation></emma>'
        return f"<traceGroup><annotationXML>{emma}</annotationXML>{inside}</traceGroup>"

    words = group("inkWord", "one", "<trace>0 0, 1 1</trace>")
    words += group("inkWord", "two", "<trace>5 0, 6 1</trace>")
    (found,) = document(tmp_path, group("line", "one two", words)).pages
    assert [(label.level, label.text) for label in found.labels] == [
        ("line", "one two"),
        ("word", "one"),
        ("word", "two"),
    ]


def test_what_a_file_says_is_a_drawing_is_not_read(tmp_path: Path) -> None:
    def group(kind: str, trace: str) -> str:
        said = f'<context type="{kind}"/>'
        return (
            f"<traceGroup><annotationXML>{said}</annotationXML><trace>{trace}</trace></traceGroup>"
        )

    path = write(tmp_path / "a.inkml", group("line", "0 0, 5 1") + group("inkDrawing", "0 9, 9 5"))
    assert len(document_in_file(path).pages[0].strokes) == 2
    (line,) = ink_in_file(path)
    assert line.strokes.tolist() == [[0, 0, 0], [1, 5, -1]]


def test_annotations_of_the_document_are_kept(tmp_path: Path) -> None:
    notes = '<annotation type="writer">Ann</annotation><annotation type="title">A</annotation>'
    found = document(tmp_path, notes + "<trace>1 2</trace>")
    assert (found.writer, found.notes) == ("Ann", (("title", "A"),))


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (context(XY, around=affine("1 0 0")) + "<trace>1 2</trace>", "two rows of three numbers"),
        (context(XY, around=affine("1 0 x 0 1 0")) + "<trace>1 2</trace>", "two rows of three"),
        (context(XY, around=affine("1 0 0 0 1e300 0")) + "<trace>1 9e99</trace>", "not finite"),
        (
            "<definitions><mapping xml:id='m' mappingRef='#m'/></definitions>"
            + context(XY, around="<canvasTransform><mapping mappingRef='#m'/></canvasTransform>")
            + "<trace>1 2</trace>",
            "16 deep at most",
        ),
        (
            f'<traceView xml:id="v" traceDataRef="#v">{WORD}</traceView><trace>1 2</trace>',
            "over and",
        ),
        ("<trace>1 2</trace><trace>1 2, x 3</trace>", "point 2: 'x 3': is not a list of numbers"),
        ("<trace type='penUp'>1 2</trace>", "no trace with a point"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, inside: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as fault:
        document(tmp_path, inside)
    assert str(fault.value).startswith(f"{tmp_path / 'a.inkml'}: ")
