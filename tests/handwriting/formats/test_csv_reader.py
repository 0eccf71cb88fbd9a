"""Tables of points: names, delimiters, and what a pen column means."""

from pathlib import Path

import numpy as np
import pytest

from handwriting.errors import DataError
from handwriting.formats.ink_file import document_in_file

STROKES = [[[1, 2], [3, 5]], [[7, 5], [8, 6], [9, 9]]]
TABLES = {
    "stroke id": "x,y,t,stroke/1,2,0,4/3,5,10,4/7,5,30,5/8,6,40,5/9,9,50,5",
    "pen state": "X;Y;Time (ms);Pen Down/1;2;0;1/3;5;10;1/4;4;20;0/5;4;25;0/7;5;30;1/8;6;40;1/"
    "9;9;50;1",
    "pen as id": "x|y|timestamp|pen/1|2|0|0/3|5|10|0/7|5|30|2/8|6|40|2/9|9|50|2",
    "end": "pos_x,pos_y,t,end_of_stroke/1,2,0,0/3,5,10,1/7,5,30,0/8,6,40,0/9,9,50,1",
    "up at ends": "x,y,t,pen_up/1,2,0,0/3,5,10,1/7,5,30,0/8,6,40,0/9,9,50,0",
    "up in the air": "x,y,t,penup/1,2,0,0/3,5,10,0/4,4,15,1/4,4,20,1/5,5,25,1/7,5,30,0/8,6,40,0/"
    "9,9,50,0",
    "no names": "1 2 0 1/3 5 10 1/4 4 20 0/7 5 30 1/8 6 40 1/9 9 50 1",
    "truths": "x,y,t,down/1,2,0,true/3,5,10,True/0,0,20,false/7,5,30,true/8,6,40,true/9,9,50,true",
    "stroke and state": "sid,y,x,t,contact/0,2,1,0,1/0,5,3,10,1/0,0,0,20,0/0,5,7,30,1/0,6,8,40,1/"
    "0,9,9,50,1",
    "missing places": "x,y,t,stroke/1,2,0,0/,,5,0/3,5,10,0/7,5,30,1/8,6,40,1/nan,1,45,1/9,9,50,1",
    "quotes": '\ufeff"x","y","t","stroke"/"1","2","0","0"/"3","5","10","0"/7,5,30,1/8,6,40,1/'
    "9,9,50,1",
}
"""A slash for each end of a row."""


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_all_kinds(tmp_path: Path, name: str) -> None:
    ends = "\r\n" if name == "quotes" else "\n"
    (tmp_path / "a.csv").write_bytes((TABLES[name].replace("/", ends) + ends).encode())
    (found,) = document_in_file(tmp_path / "a.csv").pages
    assert [stroke.points.tolist() for stroke in found.strokes] == STROKES
    times = [stroke.times.tolist() for stroke in found.strokes if stroke.times is not None]
    assert np.allclose(np.concatenate(times), [0, 0.01, 0.03, 0.04, 0.05])


def test_two_and_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,5\n")
    assert [s.points.tolist() for s in document_in_file(path).pages[0].strokes] == [
        [[1, 2], [3, 5]]
    ]
    path.write_text("1,2,1\n3,5,1\n4,4,0\n7,5,1\n")
    assert [len(s.points) for s in document_in_file(path).pages[0].strokes] == [2, 1]
    path.write_text("1,2,0\n3,5,8\n")
    (stroke,) = document_in_file(path).pages[0].strokes
    assert stroke.times is not None and np.allclose(stroke.times, [0, 0.008])


def test_pages_pressures_and_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("page;x;y;pressure\n1;1,5;2;0,25\n2;3;5;1\n2;4;5;\n")
    first, second = document_in_file(path).pages
    (stroke,) = first.strokes
    assert stroke.points.tolist() == [[1.5, 2]]
    assert stroke.pressures is not None and stroke.pressures.tolist() == [0.25]
    assert second.strokes[0].pressures is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "no row"),
        ("x,y\n", "no row of numbers"),
        ("x,z\n1,2\n", "no column y, got 'x, z'"),
        ("x,y\n1,two\n", "row 2: y is no number, got 'two'"),
        ("x,y\n1,2\nTrue,3\n", "row 3: x is no number, got 'True'"),
        ("x,y,t\n1,2,0\n3,5,down\n", "row 3: time is no number, got 'down'"),
        ("x,y,pressure\n1,2,false\n", "row 2: pressure is no number, got 'false'"),
        ("1,2\n3,true\n", "row 2: 1 is no number, got 'true'"),
        ("x,y\n1,inf\n", "not finite|no ink"),
        ("x,y\n1,1e39\n", "far too large"),
        ("1,2,3,4,5\n", "5 columns without names"),
        ("x,y,pen\n1,2,0\n", "no ink"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message) as fault:
        document_in_file(tmp_path / "a.csv")
    assert str(fault.value).startswith(f"{tmp_path / 'a.csv'}: ")
