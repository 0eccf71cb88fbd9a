"""Kinds of text."""

import pytest

from handwriting.text.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("7", "digit"), ("Q", "capital"), ("q", "small letter"), ("%", "symbol"), ("", "symbol"),
        ("1,250.00", "number"), ("12 / 3 = 4", "number"), ("$ 5", "number"),
        ("NASA", "capitals"), ("MARY HAD A LITTLE LAMB.", "capitals"), ("I", "capital"),
        ("Mendham, NJ 07945", "mixed"), ("B2B", "mixed"), ("don't", "word"), ("--", "word"),
        ("to be or not", "short line"), ("to be or not to be, that is", "line"),
        ("x y" * 30, "long line"), ("x y" * 26 + "zz", "line"), ("x y" * 27, "long line"),
    ],
)  # fmt: skip
def test_texts_of_each_kind(text: str, kind: str) -> None:
    assert kind_of(text) == kind and kind in KINDS
