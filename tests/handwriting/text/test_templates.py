"""A text for each row of a table."""

from pathlib import Path

import pytest

from handwriting.errors import UserError
from handwriting.text.templates import fill, read_rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_are_filled_in(tmp_path: Path, delimiter: str) -> None:
    table = tmp_path / "names.csv"
    rows = [["name", "gift"], ["Ann", '"a red,\nlong scarf"'], ["Zoë", "tea"]]
    table.write_text("\r\n".join(map(delimiter.join, rows)) + "\r\n", encoding="utf-8-sig")
    read = read_rows(table)
    assert read == [{"name": "Ann", "gift": "a red,\nlong scarf"}, {"name": "Zoë", "gift": "tea"}]
    assert fill("Dear { name }, thanks for {gift} {{really}}.", read[1]) == (
        "Dear Zoë, thanks for tea {really}."
    )


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"^--template: no column 'nam', only 'name', 'gift'$"):
        fill("Dear {nam}", {"name": "a", "gift": "b"}, "--template")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "needs a header and at least one row"),
        (b"name\n", "needs a header and at least one row"),
        (b"name,gift\nAnn\n", "line 2: has another number of fields"),
        (b"name\nAnn,b\n", "line 2: has another number of fields"),
        (b"name\n\xff\n", r"is not UTF-8 text \(byte 6\)"),
        (b'name\n"Ann', "is not CSV"),
    ],
)
def test_tables_that_are_none_are_named_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    table = tmp_path / "names.csv"
    table.write_bytes(content)
    with pytest.raises(UserError, match=message) as fault:
        read_rows(table)
    assert str(table) in str(fault.value) and "\n" not in str(fault.value)
