"""InkML: which elements are a line, where its text, writer, split and trace format come from."""

from pathlib import Path

import numpy as np
import pytest

from base.base_reader import NoSource
from data_loader.readers.inkml import InkmlReader
from handwriting.errors import ConfigError, DataError

NAMESPACE = 'xmlns="http://www.w3.org/2003/InkML"'
TEXT = '<annotation type="transcription">some words</annotation>'
TRACES = "<trace>1 2, 3 5</trace><trace>7 5</trace>"
STROKES = [[0, 0, 0], [1, 2, -3], [1, 4, 0]]


def write(folder: Path, inside: str, name: str = "a.inkml", root: str = f"ink {NAMESPACE}") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<?xml version='1.0'?>\n<{root}>{inside}</{root.split()[0]}>", encoding="utf-8"
    )
    return str(folder)


def read(folder: Path, inside: str, **settings) -> list:
    return list(InkmlReader(write(folder, inside), **settings))


def test_a_file_is_a_line_with_y_turned_upwards(tmp_path):
    (line,) = read(tmp_path, TEXT + TRACES)
    assert line.strokes.dtype == np.float32
    assert line.strokes.tolist() == STROKES
    assert (line.text, line.writer, line.source_id) == ("some words", "", "a")


def test_y_is_not_turned_where_asked_not_to_or_declared_upwards(tmp_path):
    (line,) = read(tmp_path, TEXT + TRACES, flip_y=False)
    assert line.strokes[:, 2].tolist() == [0, 3, 0]
    upwards = '<channel name="X"/><channel name="Y" orientation="-ve"/>'
    context = f"<context><traceFormat>{upwards}</traceFormat></context>"
    (line,) = read(tmp_path, TEXT + context + TRACES)
    assert line.strokes[:, 2].tolist() == [0, 3, 0]


@pytest.mark.parametrize("root", ["ink", "ink xmlns='urn:other'"])
def test_the_namespace_does_not_matter(tmp_path, root):
    assert len(list(InkmlReader(write(tmp_path, TEXT + TRACES, root=root)))) == 1


def test_a_prefixed_namespace(tmp_path):
    inside = (
        "<i:annotation type='truth'>x</i:annotation><i:trace>1 2</i:trace>"
        "<i:annotationXML><math><mi>x</mi></math></i:annotationXML>"
    )
    root = "i:ink xmlns:i='http://www.w3.org/2003/InkML'"
    (line,) = InkmlReader(write(tmp_path, inside, root=root))
    assert line.text == "x" and line.strokes.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("kind", ["transcription", "truth", "label", "normalizedLabel", "TRUTH"])
def test_the_text_goes_by_several_names(tmp_path, kind):
    (line,) = read(tmp_path, f'<annotation type="{kind}">one\n  two</annotation>{TRACES}')
    assert line.text == "one two"


def test_a_transcription_goes_before_a_label(tmp_path):
    (line,) = read(tmp_path, f'<annotation type="label">other</annotation>{TEXT}{TRACES}')
    assert line.text == "some words"


def test_writer_split_and_source_id_are_annotations(tmp_path):
    notes = "".join(
        f'<annotation type="{kind}">{value}</annotation>'
        for kind, value in (("writer", "w 7"), ("split", "valid"), ("sourceId", "b/1"))
    )
    (line,) = read(tmp_path, TEXT + notes + TRACES)
    assert (line.writer, line.split, line.source_id) == ("w 7", "testset_v", "b/1")
    (line,) = read(tmp_path, TEXT + '<annotation type="split">mine</annotation>' + TRACES)
    assert line.split == "mine"


def test_groups_of_one_transcription_are_one_line(tmp_path):
    nested = "<traceGroup><trace>1 2, 3 5</trace><traceGroup><trace>7 5</trace></traceGroup>"
    (line,) = read(tmp_path, f"{TEXT}{nested}</traceGroup>")
    assert line.strokes.tolist() == STROKES


def group(text: str, trace: str, more: str = "") -> str:
    note = f'<annotation type="truth">{text}</annotation>' if text else ""
    return f"<traceGroup>{note}{more}<trace>{trace}</trace></traceGroup>"


def test_transcribed_groups_are_lines(tmp_path):
    writer = '<annotation type="writer">w</annotation>'
    inside = f"{writer}<traceGroup>{group('one', '1 1')}{group('two', '2 2, 3 3')}</traceGroup>"
    symbol = group("t", "9 9")
    lines = read(tmp_path, inside + group("three", "1 2", symbol))
    found = [(line.source_id, line.text, line.writer, len(line.strokes)) for line in lines]
    assert found == [("a#1", "one", "w", 1), ("a#2", "two", "w", 2), ("a#3", "three", "w", 2)]


def test_traces_outside_transcribed_groups_are_counted(tmp_path):
    reader = InkmlReader(write(tmp_path, group("one", "1 1") + "\n" + group("", "2 2")))
    assert [line.text for line in reader] == ["one"]
    assert reader.skipped.counts == {"trace in no line": 1}
    assert "a.inkml: line 3: trace outside" in reader.skipped.messages[0]


FORMAT = '<traceFormat{0}><channel name="{1}"/><channel name="{2}"/></traceFormat>'
XY, YX = FORMAT.format("", "X", "Y"), FORMAT.format(' xml:id="yx"', "Y", "X")


@pytest.mark.parametrize(
    ("declared", "trace", "first"),
    [
        (f"<context>{YX}</context>", "<trace>", "y"),
        (YX, "<trace>", "y"),
        (f"<definitions>{YX}</definitions>", "<trace>", "y"),
        (f"<definitions>{XY}{YX}</definitions>", "<trace>", "x"),
        (
            f"<definitions>{XY}<context xml:id='c'>{YX}</context></definitions>",
            "<trace contextRef='#c'>",
            "y",
        ),
        (
            f"<definitions>{XY}{YX}<context xml:id='c' traceFormatRef='#yx'/></definitions>",
            "<trace contextRef='#c'>",
            "y",
        ),
        (
            f"<definitions>{XY}<inkSource xml:id='s'>{YX}</inkSource>"
            "<context xml:id='c' inkSourceRef='#s'/></definitions><context contextRef='#c'/>",
            "<trace>",
            "y",
        ),
        (f"<context>{YX}</context><context>{XY}</context>", "<trace>", "x"),
        ("<context xml:id='c' contextRef='#c'/>", "<trace contextRef='#c'>", "x"),
        ("", "<trace contextRef='#absent' brushRef='#b'>", "x"),
    ],
)
def test_the_trace_format_is_found_where_it_is_declared(tmp_path, declared, trace, first):
    (line,) = read(tmp_path, f"{TEXT}{declared}{trace}0 0, 5 7</trace>")
    assert line.strokes[1, 1:].tolist() == ([5, -7] if first == "x" else [7, -5])


def test_a_group_passes_its_context_to_its_traces(tmp_path):
    contexts = f"<definitions>{XY}<context xml:id='c'>{YX}</context></definitions>"
    inside = (
        "<traceGroup contextRef='#c'><trace>0 0, 5 7</trace></traceGroup><trace>0 0, 5 7</trace>"
    )
    (line,) = read(tmp_path, TEXT + contexts + inside)
    assert line.strokes[[1, 3], 1:].tolist() == [[7, -5], [5, -7]]


def test_ink_among_the_definitions_and_in_the_air_is_no_ink(tmp_path):
    more = "<definitions><trace>50 50</trace></definitions><trace type='penUp'>60 60</trace>"
    (line,) = read(tmp_path, TEXT + more + TRACES)
    assert line.strokes.tolist() == STROKES


def test_a_continued_trace_is_one_stroke(tmp_path):
    traces = (
        "<trace continuation='begin'>1 2</trace><trace continuation='middle'>3 5</trace>"
        "<trace continuation='end'>7 5</trace>"
    )
    (line,) = read(tmp_path, TEXT + traces)
    assert line.strokes[:, 0].tolist() == [0, 0, 1]


def test_an_empty_trace_is_left_out_and_counted(tmp_path):
    reader = InkmlReader(write(tmp_path, f"{TEXT}\n<trace> </trace>{TRACES}"))
    (line,) = reader
    assert line.strokes.tolist() == STROKES
    assert reader.skipped.counts == {"stroke without a point": 1}
    assert "a.inkml: line 3: empty trace" in reader.skipped.messages[0]


@pytest.mark.parametrize(
    ("inside", "reason", "detail"),
    [
        (TEXT, "line without a stroke", "line 2: no trace with a point"),
        (f"{TEXT}<trace/>", "line without a stroke", "line 2: no trace with a point"),
        (TRACES, "line without transcription", "line 2: no annotation of type transcription"),
        (f"{TEXT}<trace>1 2, NaN 3</trace>", "unusable value in XML", "line 2: trace, point 2"),
        (f"{TEXT}<trace>1 2, 1e999 3</trace>", "unusable value in XML", "is not finite"),
        (f"{TEXT}<trace>1 2, 1e99 3</trace>", "unusable value in XML", "offset is too large"),
        (f"{TEXT}<trace>1 2", "malformed XML", "line 2: malformed XML: mismatched tag"),
        (f"{TEXT}{TRACES}&nbsp;", "malformed XML", "line 2: malformed XML: undefined entity"),
        (
            f'{TEXT}<traceFormat><channel name="X"/></traceFormat>{TRACES}',
            "unusable value in XML",
            "traceFormat without channels X and Y",
        ),
    ],
)
def test_a_bad_file_is_skipped_and_counted(tmp_path, inside, reason, detail):
    write(tmp_path, TEXT + TRACES, "good.inkml")
    reader = InkmlReader(write(tmp_path, inside, "bad.inkml"))
    assert [line.source_id for line in reader] == ["good"]
    assert reader.skipped.counts[reason] == 1
    (message,) = reader.skipped.messages_for(reason)
    assert "bad.inkml: " in message and detail in message and "\n" not in message


def test_entities_are_refused(tmp_path):
    write(tmp_path, TEXT + TRACES, "good.inkml")
    head = "<!DOCTYPE ink [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>"
    (tmp_path / "bad.inkml").write_text(f"{head}<ink>{TEXT}<trace>1 2</trace>&b;</ink>")
    reader = InkmlReader(str(tmp_path))
    assert len(list(reader)) == 1
    assert (
        "bad.inkml: line 1: a DOCTYPE with declarations is not allowed"
        in reader.skipped.messages[0]
    )


def test_another_kind_of_xml_is_named(tmp_path):
    write(tmp_path, TEXT + TRACES, "good.inkml")
    reader = InkmlReader(write(tmp_path, "", "bad.inkml", root="svg"))
    assert len(list(reader)) == 1
    assert "the root is <svg>, not <ink>" in reader.skipped.messages[0]


def test_a_line_without_text_is_kept_where_asked(tmp_path):
    (line,) = read(tmp_path, TRACES, require_text=False)
    assert line.text == ""


def test_folders_are_searched_and_files_read_by_name(tmp_path):
    for name in ("b/2.inkml", "b/1.INKML", "a.inkml", "b/.hidden.inkml", "notes.xml"):
        write(tmp_path, TEXT + TRACES, name)
    assert [line.source_id for line in InkmlReader(str(tmp_path))] == ["a", "b/1", "b/2"]
    assert InkmlReader(str(tmp_path)).expected_lines() == 3
    (line,) = InkmlReader(str(tmp_path / "b/2.inkml"))
    assert line.source_id == "2"


def test_nothing_there(tmp_path):
    with pytest.raises(NoSource, match=r"holds no \.inkml file"):
        list(InkmlReader(str(tmp_path)))
    with pytest.raises(NoSource, match="does not exist"):
        list(InkmlReader(str(tmp_path / "absent")))
    with pytest.raises(DataError, match=r"no line can be used; .*a\.inkml: line 2"):
        list(InkmlReader(write(tmp_path, "<oh")))


def test_a_writer_is_in_one_split_only(tmp_path):
    for number in range(60):
        note = f'<annotation type="writer">w{number % 12}</annotation>'
        write(tmp_path, note + TEXT + TRACES, f"{number}.inkml")
    lines = list(InkmlReader(str(tmp_path), validation_fraction=0.3, test_fraction=0.3))
    splits = {line.writer: {o.split for o in lines if o.writer == line.writer} for line in lines}
    assert all(len(found) == 1 for found in splits.values())
    assert {line.split for line in lines} == {"trainset", "testset_v", "testset_t"}
    again = list(InkmlReader(str(tmp_path), validation_fraction=0.3, test_fraction=0.3, seed=1))
    assert [line.split for line in lines] != [line.split for line in again]


def test_fractions_are_checked():
    with pytest.raises(
        ConfigError, match="test_fraction: must be at least 0 and less than 1, got 1"
    ):
        InkmlReader(test_fraction=1)


def test_the_fingerprint_follows_files_and_settings(tmp_path):
    folder = write(tmp_path, TEXT + TRACES)
    before = InkmlReader(folder).fingerprint()
    assert InkmlReader(folder).fingerprint() == before
    assert InkmlReader(folder, seed=1).fingerprint() != before
    assert InkmlReader(folder, flip_y=False).fingerprint() != before
    write(tmp_path, TEXT + TRACES, "b.inkml")
    assert InkmlReader(folder).fingerprint() != before
