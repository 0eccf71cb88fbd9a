"""What the numbers of a trace mean."""

from decimal import Decimal

import pytest

from handwriting.formats.inkml_trace import TraceFormat, decode_columns, decode_trace, number_type
from handwriting.formats.xml_safe import BadXml, xml_tree


def decode(text: str, layout: TraceFormat | None = None, number=float) -> list[tuple]:
    return decode_trace(
        xml_tree(f"<trace>{text}</trace>".encode()), layout or TraceFormat(), number
    )


def layout(text: str) -> TraceFormat:
    return TraceFormat.from_node(xml_tree(f"<traceFormat>{text}</traceFormat>".encode()))


def test_points_are_parted_by_commas_and_values_by_space():
    assert decode("1 2,3 4 , -5\n 6.5,") == [(1, 2), (3, 4), (-5, 6.5)]
    assert decode("") == decode("  ") == []


def test_differences_as_in_the_recommendation():
    # W3C InkML, section 3.2.1, the example of first and second differences.
    found = decode("1125 18432,'23'43,\"7\"-8,3-5,7 -3,6 2,6 8,3 6")
    assert found == [
        (1125, 18432),
        (1148, 18475),
        (1178, 18510),
        (1211, 18540),
        (1251, 18567),
        (1297, 18596),
        (1349, 18633),
        (1404, 18676),
    ]


def test_channels_change_their_mode_apart_and_back():
    assert decode("10 10, '1 20, 2 30, !50 '5, 60 1") == [
        (10, 10),
        (11, 20),
        (13, 30),
        (50, 35),
        (60, 36),
    ]


def test_second_differences_go_on_from_explicit_values():
    assert decode('0 0, 3 1, "1 2') == [(0, 0), (3, 1), (7, 2)]


def test_a_star_repeats_the_value_or_the_difference():
    assert decode("5 1, * 2, '2 3, * 4, \"1 5, * 6") == [
        (5, 1),
        (5, 2),
        (7, 3),
        (9, 4),
        (12, 5),
        (16, 6),
    ]


def test_hexadecimal_numbers():
    assert decode("#1F -#10, 1 2") == [(31, -16), (1, 2)]


def test_values_without_space_between():
    assert decode("3-5,1.5.25,+2+3") == [(3, -5), (1.5, 0.25), (2, 3)]


def test_channels_stand_in_the_order_declared():
    channels = '<channel name="T"/><channel name="Y"/><channel name="F"/><channel name="X"/>'
    assert decode("9 2 7 1, 10 4 7 3", layout(channels)) == [(1, 2), (3, 4)]


def test_intermittent_channels_may_be_left_out():
    channels = (
        '<channel name="X"/><channel name="Y"/>'
        '<intermittentChannels><channel name="S" type="boolean"/></intermittentChannels>'
    )
    assert decode("1 2 T, 3 4, 5 6 F, 7 8 ?", layout(channels)) == [(1, 2), (3, 4), (5, 6), (7, 8)]
    with pytest.raises(BadXml, match="has 4 values, not 2 to 3"):
        decode("1 2 3 4", layout(channels))


def test_an_axis_may_be_declared_to_point_the_other_way():
    found = layout('<channel name="X"/><channel name="Y" orientation="-ve"/>')
    assert found.signs == (1, -1)


def columns(text: str, found: TraceFormat | None = None) -> list[list[float]]:
    trace = xml_tree(f"<trace>{text}</trace>".encode())
    return decode_columns(trace, found or TraceFormat()).tolist()


def test_all_channels_are_decoded_with_truths_and_values_that_are_missing():
    channels = (
        '<channel name="X"/><channel name="Y"/><channel name="F"/><intermittentChannels>'
        '<channel name="B1" type="boolean"/></intermittentChannels>'
    )
    found = columns("1 2 3 T, 4 5 6, '1 '1 '-1 F, 1 1 ? T", layout(channels))
    assert found[0] == [1, 2, 3, 1] and found[2] == [5, 6, 5, 0]
    assert found[1][:3] == [4, 5, 6] and found[1][3] != found[1][3]
    assert found[3][:2] == [6, 7] and found[3][2] != found[3][2]


@pytest.mark.parametrize(
    "text",
    [
        "1125 18432,'23'43,\"7\"-8,3-5,7 -3,6 2,6 8,3 6",
        "10 10, '1 20, 2 30, !50 '5, 60 1",
        "5 1, * 2, '2 3, * 4, \"1 5, * 6",
        "#1F -#10, 1 2",
        "3-5,1.5.25,+2+3",
        "1 2,3 4 , -5\n 6.5,",
        "",
    ],
)
def test_columns_are_the_points(text):
    assert [tuple(row) for row in columns(text)] == decode(text)


def test_a_format_has_so_many_channels_at_most():
    with pytest.raises(BadXml, match="1002 channels"):
        layout('<channel name="X"/><channel name="Y"/>' + '<channel name="A"/>' * 1000)


def test_a_format_without_x_or_y_is_refused():
    with pytest.raises(BadXml, match=r"without channels X and Y, got 'X, F'"):
        layout('<channel name="X"/><channel name="F"/>')
    assert layout("") == TraceFormat()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2, 3", "point 2: '3': has 1 values, not 2"),
        ("1 2,, 3 4", "point 2: '': has 0 values, not 2"),
        ("1 2 3", "point 1: '1 2 3': has 3 values, not 2"),
        ("1 nan", "point 1: '1 nan': is not a list of numbers"),
        ("1 2, 3 inf", "point 2: '3 inf': is not a list of numbers"),
        ("1_0 2", "is not a list of numbers"),
        ("1 T", "x and y must be numbers"),
        ("? 1", "x and y must be numbers"),
        ("'1 2", "the first point must be explicit"),
        ("* 2", "the first point must be explicit"),
    ],
)
def test_a_bad_point_is_named(text, message):
    with pytest.raises(BadXml, match=r"^line 1: trace, ") as error:
        decode(text)
    assert message in str(error.value)


def test_many_digits_are_kept():
    assert number_type(["1 2", "0.5 1e3"]) is float
    assert number_type(["1 2", "1234567.0000000000001 0"]) is Decimal
    (point,) = decode("1234567.0000000000001 0", number=Decimal)
    assert point[0] - 1234567 == Decimal("1e-13")
