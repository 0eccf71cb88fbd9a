"""Tables of points: names, delimiters, and what a pen column means."""

from pathlib import Path

import numpy as np
import pytest

from handwriting.errors import DataError
from handwriting.formats.ink_file import document_in_file

STROKES = [[[1, 2], [3, 5]], [[7, 5], [8, 6], [9, 9]]]
TABLES = {
    "stroke id": "x,y,t,stroke\n1,2,0,4\n3,5,10,4\n7,5,30,5\n8,6,40,5\n9,9,50,5\n",
    "pen state": "X;Y;Time (ms);Pen Down\n1;2;0;1\n3;5;10;1\n4;4;20;0\n5;4;25;0\n7;5;30;1\n8;6;40;1\n9;9;50;1\n",
    "pen as id": "x\ty\ttimestamp\tpen\n1\t2\t0\t0\n3\t5\t10\t0\n7\t5\t30\t2\n8\t6\t40\t2\n9\t9\t50\t2\n",
    "end": "pos_x,pos_y,t,end_of_stroke\n1,2,0,0\n3,5,10,1\n7,5,30,0\n8,6,40,0\n9,9,50,1\n",
    "up at ends": "x,y,t,pen_up\n1,2,0,0\n3,5,10,1\n7,5,30,0\n8,6,40,0\n9,9,50,0\n",
    "up in the air": "x,y,t,penup\n1,2,0,0\n3,5,10,0\n4,4,15,1\n4,4,20,1\n5,5,25,1\n7,5,30,0\n8,6,40,0\n9,9,50,0\n",
    "no names": "1 2 0 1\n3 5 10 1\n4 4 20 0\n7 5 30 1\n8 6 40 1\n9 9 50 1\n",
    "truths": "x,y,t,down\n1,2,0,true\n3,5,10,True\n0,0,20,false\n7,5,30,true\n8,6,40,true\n9,9,50,true\n",
    "stroke and state": "sid,y,x,t,contact\n0,2,1,0,1\n0,5,3,10,1\n0,0,0,20,0\n0,5,7,30,1\n0,6,8,40,1\n0,9,9,50,1\n",
    "missing places": "x,y,t,stroke\n1,2,0,0\n,,5,0\n3,5,10,0\n7,5,30,1\n8,6,40,1\nnan,1,45,1\n9,9,50,1\n",
    "quotes": '\ufeff"x","y","t","stroke"\r\n"1","2","0","0"\r\n"3","5","10","0"\r\n7,5,30,1\r\n8,6,40,1\r\n9,9,50,1\r\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_all_kinds(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_bytes(TABLES[name].encode())
    (found,) = document_in_file(tmp_path / "a.csv").pages
    assert [stroke.points.tolist() for stroke in found.strokes] == STROKES
    times = [stroke.times.tolist() for stroke in found.strokes if stroke.times is not None]
    assert np.allclose(np.concatenate(times), [0, 0.01, 0.03, 0.04, 0.05])


def test_two_and_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,5\n")
    assert [s.points.tolist() for s in document_in_file(path).pages[0].strokes] == [[[1, 2], [3, 5]]]
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
