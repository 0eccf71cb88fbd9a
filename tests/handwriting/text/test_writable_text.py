"""Texts in characters that a model knows: what is refused, what is replaced."""

import string

import pytest

from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary
from handwriting.text.writable_text import check_text, replace_unknown

VOCABULARY = Vocabulary(string.ascii_letters + string.digits + " .,-'\"/!?")


@pytest.mark.parametrize("text", ["", " ", "   "])
def test_a_text_without_ink_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="text: must have a character that is no space"):
        check_text(text, VOCABULARY)


def test_unknown_characters_are_named_all_at_once() -> None:
    with pytest.raises(UserError) as error:
        check_text("5 € for a café\n", VOCABULARY, "style")
    message = str(error.value)
    assert message.startswith("style: the model does not know the characters ")
    assert message.endswith("'\\n' (U+000A), 'é' (U+00E9), '€' (U+20AC)")
    assert "\n" not in message
    check_text("5 for a coffee", VOCABULARY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Crème Brûlée, naïve Ångström", "Creme Brulee, naive Angstrom"),
        ("cafe\u0301", "cafe"),
        ("\u201cIt\u2019s\u201d \u2018so\u2019", "\"It's\" 'so'"),
        ("1999\u20132001 \u2014 and on\u2026", "1999-2001 - and on..."),
        ("Straße, Œuvre, Łódź", "Strasse, OEuvre, Lodz"),
        ("a\u00a0b\tc\nd", "a b c d"),
        ("\ufb01ne \u00bd", "fine 1/2"),
        ("soft\u00adly", "softly"),
    ],
)
def test_what_is_replaced(text: str, expected: str) -> None:
    replaced, replacements = replace_unknown(text, VOCABULARY)
    assert replaced == expected
    assert replacements
    check_text(replaced, VOCABULARY)


def test_replacements_are_told_once_each_in_the_order_of_the_text() -> None:
    _, replacements = replace_unknown("été – là", VOCABULARY)
    assert replacements == [("é", "e"), ("–", "-"), ("à", "a")]
    assert replacements[0].character == "é"
    assert replacements[0].written == "e"


def test_known_characters_stay() -> None:
    vocabulary = Vocabulary("café –")
    assert replace_unknown("café –", vocabulary) == ("café –", [])


def test_a_substitute_must_be_known_itself() -> None:
    assert replace_unknown("“a”", Vocabulary("a'"))[0] == "''a''"
    with pytest.raises(UserError, match=r"'…' \(U\+2026\), nor any to write"):
        replace_unknown("a…", Vocabulary("a"))


def test_characters_without_a_base_are_named_all_at_once() -> None:
    with pytest.raises(UserError, match=r"'Ж' \(U\+0416\), '中' \(U\+4E2D\), nor any to write"):
        replace_unknown("é 中 Ж 中", VOCABULARY)
