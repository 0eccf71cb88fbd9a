"""Texts as a model writes them, with marks and shapes for what it does not write."""

import string
import unicodedata

import pytest

from handwriting.errors import UserError
from handwriting.text.spelling import spell, writable_text
from handwriting.text.vocabulary import Vocabulary

# Without X and most signs.
VOCABULARY = Vocabulary(string.ascii_letters.replace("X", "") + string.digits + " .,-'\"/!?()")
POLISH, CZECH, TURKISH = "ĄĆĘŁŃÓŚŹŻąćęłńóśźż", "ÁČĎÉĚÍŇÓŘŠŤÚŮÝŽáčďéěíňóřšťúůýž", "ÇĞİÖŞÜçğıöşü"
LATIN_1 = "".join(
    character
    for character in map(chr, range(0xC0, 0x100))
    if character.isalpha() and character not in "ÆæÞþßÐð"
)


@pytest.mark.parametrize("letters", [POLISH, CZECH, TURKISH, LATIN_1])
def test_letters_with_accents_are_a_base_and_a_mark(letters: str) -> None:
    text, notes = writable_text(letters, VOCABULARY, "text")
    assert (text, notes) == (letters, [])
    spelling = spell(letters, VOCABULARY)
    assert len(spelling.written) == len(letters)
    assert spelling.written.isascii() and spelling.written.isalpha()
    assert spelling.places == tuple(range(len(letters)))
    assert {at for at, _ in spelling.marks} == set(range(len(letters)))
    assert not spelling.shapes
    for letter, written in zip(letters, spelling.written, strict=True):
        base = unicodedata.normalize("NFD", letter)[0]
        assert not base.isascii() or base == written


def test_what_the_model_lacks_is_a_shape_and_stands_apart() -> None:
    spelling = spell("a 45€ X-ray", VOCABULARY)
    assert spelling.written == "a 45 -ray"
    assert spelling.shapes == ((4, "€"), (6, "X"))
    assert "".join(spelling.text[at] for at in spelling.places) == "a 45 -ray".replace(
        "45 -", "45X-"
    )


def test_a_piece_of_shapes_alone_leaves_nothing_for_the_model() -> None:
    spelling = spell("€ X", VOCABULARY)
    assert (spelling.written, spelling.places) == ("", ())
    assert not spelling.is_plain


def test_indents_tabs_and_newlines_stay_in_the_text_alone() -> None:
    spelling = spell("   a\tb\n", VOCABULARY)
    assert (spelling.written, spelling.places) == ("a b", (3, 4, 5))
    assert spelling.is_plain


def test_a_known_character_is_written_as_itself() -> None:
    spelling = spell("é€", Vocabulary("é€"))
    assert (spelling.written, spelling.marks, spelling.shapes) == ("é€", (), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“It’s” ‘so’", "\"It's\" 'so'"),
        ("1999–2001 — and on…", "1999-2001 - and on..."),
        ("• a\u00a0b\u2009c", "- a b c"),
        ("ﬁne ½ soft\u00adly", "fine 1/2 softly"),
        ("Ærø, œuvre", "AErø, oeuvre"),
    ],
)
def test_typography_becomes_that_of_a_typewriter_with_one_note(text: str, expected: str) -> None:
    written, notes = writable_text(text, VOCABULARY, "--text")
    assert written == expected
    assert len(notes) == 1 and notes[0].startswith("--text: ") and " becomes " in notes[0]
    spell(written, VOCABULARY)


def test_what_cannot_be_written_is_named_with_its_place() -> None:
    with pytest.raises(UserError) as fault:
        writable_text("a\nb 漢☂", VOCABULARY, "--text-file a.txt")
    assert str(fault.value).startswith(
        "--text-file a.txt: cannot be written: line 2, column 3: '漢' (U+6F22);"
        " line 2, column 4: '☂' (U+2602)"
    )
    assert "--replace-unknown" in str(fault.value) and "\n" not in str(fault.value)


def test_what_cannot_be_written_is_left_out_when_asked() -> None:
    written, notes = writable_text("a漢b\nþorn", VOCABULARY, "--text", is_lenient=True)
    assert written == "ab\nthorn"
    assert any("left out: line 1, column 2: '漢'" in note for note in notes)


def test_many_places_are_counted() -> None:
    with pytest.raises(UserError, match=r"column 6: .* and 14 more \("):
        writable_text("漢" * 20, VOCABULARY, "--text")
