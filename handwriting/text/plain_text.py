"""A text in one form, whatever it comes from."""

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")


def plain_text(text: str) -> str:
    """Return a text with accents composed (NFC), and newlines for line ends of any kind."""
    return _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))
