"""What a reader should know about a page as a whole."""

from handwriting.quoting import quoted
from handwriting.readings.result import ReadPage
from handwriting.text.vocabulary import Vocabulary

# Below this mean confidence of its characters a page is doubtful as a whole. It takes some ink to
# say so.
DOUBTFUL = 0.5
_FEWEST_CHARACTERS = 8
_MOST_SHOWN = 20


def page_notes(page: ReadPage, vocabulary: Vocabulary, calibrated: bool) -> tuple[str, ...]:
    """Return the notes on a page, a sentence each.

    Args:
        page: as it was read.
        vocabulary: the model's.
        calibrated: whether confidences mean something.
    """
    found = [_unknown_characters(page, vocabulary)]
    if calibrated:
        found.append(_doubt(page))
    return tuple(note for note in found if note)


def _unknown_characters(page: ReadPage, vocabulary: Vocabulary) -> str:
    truth = "".join(line.truth or "" for line in page.lines)
    unknown = vocabulary.unknown(truth)
    if not unknown:
        return ""
    shown = quoted("".join(unknown[:_MOST_SHOWN]))
    return f"the file's text has characters that the model does not know: {shown}"


def _doubt(page: ReadPage) -> str:
    confidences = [
        character.confidence
        for line in page.lines
        for character in line.characters
        if character.confidence is not None
    ]
    if len(confidences) < _FEWEST_CHARACTERS:
        return ""
    mean = sum(confidences) / len(confidences)
    if mean >= DOUBTFUL:
        return ""
    return (
        f"nearly all of it was read with little confidence (a character's mean is {mean:.0%}): it"
        " may be in a script, a direction or characters that the model does not know, or no text"
    )
