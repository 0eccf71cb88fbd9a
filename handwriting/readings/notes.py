"""Notes on a page as a whole."""

from handwriting.quoting import quoted
from handwriting.readings.result import ReadPage
from handwriting.text.vocabulary import Vocabulary

# Above this doubt a page is doubtful as a whole: of pages of three lines in the scripts and the
# direction that a model knows hardly any, of mirrored and upturned ones nearly all. It takes some
# text to say so.
DOUBTFUL = 0.3
_FEWEST_CHARACTERS = 20
_MOST_SHOWN = 20


def page_notes(page: ReadPage, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the notes on a page, a sentence each.

    Args:
        page: as it was read.
        vocabulary: the model's.
    """
    found = [_unknown_characters(page, vocabulary), _doubt(page)]
    return tuple(note for note in found if note)


def _unknown_characters(page: ReadPage, vocabulary: Vocabulary) -> str:
    truth = "".join(line.truth or "" for line in page.lines)
    unknown = vocabulary.unknown(truth)
    if not unknown:
        return ""
    shown = quoted("".join(unknown[:_MOST_SHOWN]))
    return f"the file's text has characters that the model does not know: {shown}"


def _doubt(page: ReadPage) -> str:
    lengths = [len(line.text) for line in page.lines]
    if sum(lengths) < _FEWEST_CHARACTERS:
        return ""
    lines = zip(page.lines, lengths, strict=True)
    mean = sum(line.doubt * length for line, length in lines) / sum(lengths)
    if mean <= DOUBTFUL:
        return ""
    return (
        "hardly any of it can be relied on (the recogniser's two outputs differ in"
        f" {mean:.0%} of the text): it may be in a script, a direction or characters that the model"
        " does not know, or no text"
    )
