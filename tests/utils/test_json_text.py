import pytest

from handwriting.errors import ConfigError
from utils.json_text import parse_json, read_json


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "a": 1,\n  "b" 2\n}', "f, line 3, column 7: is not JSON: Expecting ':' delimiter"),
        ("", "f, line 1, column 1: is not JSON: Expecting value"),
        ('{\n  "a": {"b": 1,\n   "b": 2}}', 'f, line 3, column 4: the key "b" stands there twice'),
        ('{"a": 1, "\\u0061": 2}', 'f, line 1, column 10: the key "\\u0061" stands there twice'),
        ('{"a": [1,\n NaN]}', "f, line 2, column 2: NaN is not a number of JSON"),
        ("-Infinity", "f, line 1, column 1: -Infinity is not a number of JSON"),
        ("[" * 100_000, "f: is beyond what can be read"),
        ("9" * 10_000, "f: is beyond what can be read"),
    ],
)
def test_what_is_wrong_in_a_text_is_named_with_its_place(text, problem):
    with pytest.raises(ConfigError) as caught:
        parse_json(text, "f")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)
    assert "\n" not in str(caught.value)


def test_all_repeated_keys_are_named():
    with pytest.raises(ConfigError) as caught:
        parse_json('{"a": 1, "a": {"b": 1, "b": 2}}', "f")
    assert len(caught.value.problems) == 2


def test_a_key_may_stand_in_several_objects_and_among_values():
    text = '[{"a": "a", "b": ["a", "a", "NaN", "{\\"a\\": 1, "]}, {"a": {"a": "b"}}]'
    value = parse_json(text, "f")
    assert value == [{"a": "a", "b": ["a", "a", "NaN", '{"a": 1, ']}, {"a": {"a": "b"}}]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="none.json: cannot be read: No such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_json(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(ConfigError, match="latin.json: is not UTF-8 text"):
        read_json(tmp_path / "latin.json")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "a.json") == {"a": 1}
