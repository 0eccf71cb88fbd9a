"""XML from strangers: work grows with the document, and messages are what a terminal can show."""

from collections.abc import Callable
from pathlib import Path

import pytest
from line_count import lines_run

from handwriting.errors import DataError
from handwriting.formats.ink_file import ink_in_file
from handwriting.formats.inkml_reader import InkmlDocument
from handwriting.formats.svg_reader import read_svg
from handwriting.formats.xml_safe import MOST_DEEP, BadXml, xml_tree

FORMAT = '<traceFormat><channel name="X"/><channel name="Y"/></traceFormat>'


def read_inkml(text: str) -> list:
    document = InkmlDocument("a.inkml", "a.inkml", lambda reason, message: None)
    return list(document.lines(f"<ink>{text}</ink>".encode(), require_text=False))


def chained_contexts(number: int) -> None:
    links = "".join(f'<context id="c{n}" contextRef="#c{n - 1}"/>' for n in range(number))
    read_inkml(f"{links}<trace>1 2, 3 4</trace>")


def contexts_of_one_source(number: int) -> None:
    source = f'<definitions><inkSource id="s">{"<a/>" * number}</inkSource></definitions>'
    read_inkml(source + '<context inkSourceRef="#s"/>' * number + "<trace>1 2, 3 4</trace>")


def lines_in_groups(number: int) -> None:
    group = (
        '<traceGroup><annotation type="truth">a</annotation><trace>1 2, 3 4</trace></traceGroup>'
    )
    assert len(read_inkml(group * number)) == number


def groups_of_a_bad_format(number: int) -> None:
    channels = "<channel name='A'/>" * number
    group = (
        '<traceGroup contextRef="#c"><annotation type="truth">a</annotation>'
        "<trace>1 2, 3 4</trace></traceGroup>"
    )
    read_inkml(f'<context id="c"><traceFormat>{channels}</traceFormat></context>{group * number}')


def svg_closes(number: int) -> None:
    read_svg(f'<svg><path d="M0 0L1 1{"zl1 1" * number}{"z" * number}"/></svg>'.encode())


def svg_joined_lines(number: int) -> None:
    lines = "".join(f'<line x1="{n}" x2="{n + 1}"/>' for n in range(number))
    (ink,) = read_svg(f"<svg>{lines}</svg>".encode())
    assert [len(stroke) for stroke in ink.strokes] == [number + 1]


def svg_lines_of_a_page(number: int) -> None:
    group = '<g><title>a</title><path d="M0 0L1 1"/></g>'
    assert len(read_svg(f'<svg><g id="ink">{group * number}</g></svg>'.encode())) == number


def svg_transforms(number: int) -> None:
    read_svg(f'<svg><g transform="{"rotate(1)" * number}"><path d="M0 0L1 1"/></g></svg>'.encode())


@pytest.mark.parametrize(
    "work",
    [
        chained_contexts,
        contexts_of_one_source,
        lines_in_groups,
        groups_of_a_bad_format,
        svg_closes,
        svg_joined_lines,
        svg_lines_of_a_page,
        svg_transforms,
    ],
)
def test_work_grows_with_the_document(work: Callable[[int], None]) -> None:
    few, many = (lines_run(lambda number=number: work(number)) for number in (50, 400))
    assert many < 12 * few


def test_closes_go_where_the_last_move_went() -> None:
    (ink,) = read_svg(b'<svg><path d="M1 1L2 2zL5 5ZM7 7L8 8z"/></svg>')
    assert [stroke.tolist() for stroke in ink.strokes] == [
        [[1, 1], [2, 2], [1, 1], [5, 5], [1, 1]],
        [[7, 7], [8, 8], [7, 7]],
    ]


def test_a_context_inherits_through_others() -> None:
    turned = FORMAT.replace('"Y"', '"Y" orientation="-ve"')
    chain = f'<context id="a">{turned}</context>'
    chain += "".join(f'<context id="c{n}" contextRef="#c{n - 1}"/>' for n in range(1, 9))
    chain += '<context id="c0" contextRef="#a"/><context id="r" contextRef="#r"/>'
    (line,) = read_inkml(chain + '<trace contextRef="#c8">0 0, 3 4</trace>')
    assert line.strokes[1].tolist() == [1, 3, 4]


def test_a_group_in_a_group_of_a_page_is_read_once() -> None:
    inner = '<g id="ink"><g><title>b</title><path d="M0 0L1 1"/></g></g>'
    (line,) = read_svg(f'<svg><g id="ink"><g><title>a</title>{inner}</g></g></svg>'.encode())
    assert line.text == "a" and len(line.strokes) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'<!DOCTYPE ink [<!ATTLIST a b CDATA "c">]><ink/>', "line 1: a DOCTYPE with declarations"),
        (b"<!DOCTYPE ink []><ink/>", "a DOCTYPE with declarations"),
        (b"<g>" * 20_000 + b"</g>" * 20_000, f"inside each other {MOST_DEEP} deep at most"),
        (b'<ink xmlns="' + b"u" * 100_000 + b'"/>', "namespace has 100,000 characters"),
    ],
)
def test_documents_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadXml, match=message):
        xml_tree(data)


def test_a_doctype_that_declares_nothing_is_read() -> None:
    head = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    assert xml_tree(head + b"<svg/>").name == "svg"
    assert xml_tree(b"<g>" * MOST_DEEP + b"</g>" * MOST_DEEP).name == "g"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.inkml", "<ink><trace>1 2,'1e9999999 0,'1e9999999 0</trace></ink>"),
        ("a.inkml", "<ink><trace>1 2, 1e9999999 0</trace></ink>"),
        ("a.inkml", "<ink><trace>1 2, !1e9999999 0</trace></ink>"),
        ("a.inkml", f"<ink><trace>1 2, !1e9999999 {'1' * 30}</trace></ink>"),
        ("a.inkml", f"<ink><trace>1 2, #{'F' * 5000} 0</trace></ink>"),
        ("a.inkml", f"<ink><trace>1 2, {'9' * 5000}\x85 0</trace></ink>"),
        ("a.inkml", f"<{'i' * 5000}/>"),
        ("a.inkml", f'<ink><traceFormat><channel name="\x9b{"i" * 5000}"/></traceFormat></ink>'),
        ("a.svg", f"<svg><path d='M0 0L\x9b31m{'q' * 5000}'/></svg>"),
        ("a.svg", f"<svg><line x1='\x9b31m{'q' * 5000}'/></svg>"),
    ],
)
def test_messages_are_short_and_without_escapes_or_names_of_classes(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as fault:
        ink_in_file(path)
    message = str(fault.value)
    assert message.isprintable() and "class" not in message and "decimal" not in message.lower()
    assert len(message) < 300 + 2 * len(str(path))
