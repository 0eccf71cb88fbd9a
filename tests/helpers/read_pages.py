"""Results to write: a document whose every part a test can know."""

import numpy as np

from handwriting.readings.result import (
    Alternative,
    Box,
    OtherInk,
    ReadBlock,
    ReadCharacter,
    ReadDocument,
    ReadLine,
    ReadPage,
    ReadWord,
    StrokePart,
    points_of,
    whole_strokes,
)

HEIGHT = 10.0


def word_stroke(left: float, bottom: float, letters: int) -> np.ndarray:
    """A stroke that goes up and down as often as a word has letters, ``[n, 2]``."""
    x = left + 4.0 * np.arange(2 * letters + 1) / 2
    return np.stack([x, bottom + HEIGHT * (np.arange(len(x)) % 2)], axis=1)


def read_document(
    lines: tuple[str, ...] = ("to be", "or not"),
    struck: tuple[str, ...] = (),
    source: str = "a.svg",
) -> ReadDocument:
    """One page: a block of lines, a stroke a word, and a drawing under it."""
    ink: list[np.ndarray] = []
    made = []
    for row, text in enumerate(lines):
        left, first = 0.0, len(ink)
        for word in text.split():
            ink.append(word_stroke(left, -3 * HEIGHT * row, len(word)))
            left += 4.0 * len(word) + 8.0
        made.append((text, range(first, len(ink))))
    ink.append(np.array([[0.0, -3 * HEIGHT * len(lines)], [30.0, -3 * HEIGHT * len(lines) - 20]]))
    strokes = tuple(ink)
    read = tuple(_line(text, numbers, strokes, struck) for text, numbers in made)
    box = read[0].box
    for line in read[1:]:
        box = box.joined(line.box)
    drawing = whole_strokes([len(ink) - 1], strokes)
    other = OtherInk("drawing", Box.around(points_of(drawing, strokes)), drawing, 0.98)
    return ReadDocument((ReadPage(strokes, (ReadBlock(box, read),), (other,)),), source, "tests")


def _line(
    text: str, numbers: range, ink: tuple[np.ndarray, ...], struck: tuple[str, ...]
) -> ReadLine:
    words = tuple(
        _word(word, number, ink, word in struck)
        for word, number in zip(text.split(), numbers, strict=True)
    )
    strokes = whole_strokes(numbers, ink)
    box = Box.around(points_of(strokes, ink))
    return ReadLine(
        text=text,
        confidence=0.8,
        box=box,
        baseline=((box.left, box.bottom), (box.right, box.bottom)),
        words=words,
        strokes=strokes,
        x_height=HEIGHT,
        alternatives=(Alternative(text.upper(), 0.1),),
        characters=tuple(each for word in words for each in word.characters),
        score=-1.5,
    )


def _word(text: str, number: int, ink: tuple[np.ndarray, ...], struck: bool) -> ReadWord:
    box = Box.around(ink[number])
    characters = []
    for at, character in enumerate(text):
        part = StrokePart(number, 2 * at, 2 * at + 3, len(text) == 1)
        characters.append(
            ReadCharacter(character, 0.9, Box.around(points_of([part], ink)), (part,))
        )
    return ReadWord(
        text,
        0.85,
        box,
        ((box.left, box.bottom), (box.right, box.bottom)),
        whole_strokes([number], ink),
        tuple(characters),
        (Alternative(text.upper(), 0.1),),
        struck,
    )
