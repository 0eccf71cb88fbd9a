"""Hyphenation by the rules of a language (the package ``pyphen``)."""

import re
from collections.abc import Callable, Sequence

from handwriting.errors import UserError

_FEWEST = 2  # letters before and after a hyphen


def hyphenation(language: str) -> Callable[[str], Sequence[int]]:
    """Return what finds the places in a word where it may be cut: the numbers of characters before
    each cut, ascending.

    Args:
        language: such as ``en_GB``, ``de`` or ``pl``.

    Raises:
        UserError: there are no rules for it, or the package is not installed.
    """
    try:
        import pyphen
    except ImportError:
        raise UserError(
            "hyphenate: needs the package pyphen, which is not installed (pip install pyphen)"
        ) from None
    name = pyphen.language_fallback(language.replace("-", "_"))
    if name is None:
        known = ", ".join(sorted({known.split("_")[0] for known in pyphen.LANGUAGES}))
        raise UserError(f"hyphenate: no rules for {language!r}; there are rules for {known}")
    dictionary = pyphen.Pyphen(lang=name, left=_FEWEST, right=_FEWEST)

    def points(word: str) -> list[int]:
        """Cuts within the letters of a word; a hyphen of its own is one already."""
        found = re.search(r"[^\W\d_]{4,}", word)
        if found is None or "-" in word:
            return []
        return [found.start() + int(place) for place in dictionary.positions(found[0])]

    return points
