"""Documents of ink at random, with everything that they can hold."""

import numpy as np

from handwriting.formats.document import (
    InkDocument,
    InkLabel,
    InkPage,
    InkStroke,
    PlacedText,
    colour_of,
)

TEXTS = ["to be", "<&> \"or\" 'not' ]]>", "naïve — ∂", "  two  spaces "]
LEVELS = ["line", "word", "character"]


def random_document(seed: int, decimals: int = 17, with_all: bool = True) -> InkDocument:
    """A document of one to three pages.

    Args:
        seed: of its random numbers.
        decimals: that its numbers are rounded to.
        with_all: with times, other channels and rotations, which not all formats have.
    """
    rng = np.random.default_rng(seed)
    pages = tuple(_page(rng, decimals, with_all) for _ in range(rng.integers(1, 4)))
    notes = (("title", TEXTS[seed % len(TEXTS)]),)
    return InkDocument(pages, 72 / 25.4, "w 7" if with_all else "", notes)


def _page(rng: np.random.Generator, decimals: int, with_all: bool) -> InkPage:
    count = int(rng.integers(1, 7))
    layers = int(rng.integers(1, 4))
    strokes = tuple(_stroke(rng, decimals, layers, with_all) for _ in range(count))
    size = rng.uniform(100, 900, 2).round(decimals).tolist()
    rotation = float(rng.choice([0, 90, 180])) if with_all else 0.0
    texts = tuple(_text(rng, decimals, layers) for _ in range(rng.integers(0, 3)))
    labels = tuple(_label(rng, count, rotation, with_all) for _ in range(rng.integers(0, 3)))
    names = tuple(f"layer {number}" for number in range(layers))
    return InkPage(strokes, labels, texts, *size, rotation, names)


def _stroke(rng: np.random.Generator, decimals: int, layers: int, with_all: bool) -> InkStroke:
    count = int(rng.integers(1, 9))
    points = rng.normal(0, 10.0 ** rng.integers(-2, 4), (count, 2)).round(decimals)
    pressures = rng.uniform(0.1, 1, count) if rng.random() < 0.5 else None
    if pressures is not None and not with_all:
        pressures[-1] = pressures[max(count - 2, 0)]
    alpha = float(rng.choice([1.0, 0.5]))
    others = {}
    if with_all and rng.random() < 0.5:
        others["OTx"] = np.where(rng.random(count) < 0.8, rng.normal(size=count), np.nan)
        others["OTx"][0] = 1.0
    return InkStroke(
        points,
        np.sort(rng.uniform(0, 100, count)) if with_all and rng.random() < 0.7 else None,
        pressures,
        colour_of(*rng.random(3), alpha),
        float(np.round(rng.uniform(0.1, 5), 3)),
        str(rng.choice(["", "highlighter", "eraser"])),
        int(rng.integers(layers)),
        others,
    )


def _text(rng: np.random.Generator, decimals: int, layers: int) -> PlacedText:
    left, top = rng.uniform(0, 500, 2).round(decimals).tolist()
    size = float(np.round(rng.uniform(5, 30), 3))
    layer = int(rng.integers(layers))
    return PlacedText(str(rng.choice(TEXTS)) + "\nb", left, top, size, 1.2 * size, "#00ff00", layer)


def _label(rng: np.random.Generator, count: int, rotation: float, with_all: bool) -> InkLabel:
    strokes = np.sort(rng.choice(count, rng.integers(1, count + 1), replace=False))
    turned = float(rng.choice([rotation, 0.0])) if with_all else 0.0
    writer = str(rng.choice(["", "Ann"]))
    level = str(rng.choice(LEVELS))
    return InkLabel(str(rng.choice(TEXTS)), tuple(strokes.tolist()), level, turned, writer)


def assert_same(found: InkDocument, wanted: InkDocument, tolerance: float = 0.0) -> None:
    """Fail where two documents differ, numbers by more than ``tolerance``."""
    assert (found.units_per_mm, found.writer, found.notes) == (
        wanted.units_per_mm,
        wanted.writer,
        wanted.notes,
    )
    assert len(found.pages) == len(wanted.pages)
    for page, same in zip(found.pages, wanted.pages, strict=True):
        assert (page.labels, page.layers, page.rotation) == (
            same.labels,
            same.layers,
            same.rotation,
        )
        assert np.allclose([page.width, page.height], [same.width, same.height], 0, tolerance)
        assert len(page.texts) == len(same.texts)
        texts = (sorted(each.texts, key=lambda t: (t.layer, t.left)) for each in (page, same))
        for text, same_text in zip(*texts, strict=True):
            assert (text.text, text.colour, text.layer) == (
                same_text.text,
                same_text.colour,
                same_text.layer,
            )
            numbers = [
                (each.left, each.top, each.size, each.line_height) for each in (text, same_text)
            ]
            assert np.allclose(*numbers, rtol=1e-12, atol=tolerance)
        assert len(page.strokes) == len(same.strokes)
        for stroke, same_stroke in zip(page.strokes, same.strokes, strict=True):
            _assert_same_stroke(stroke, same_stroke, tolerance)


def _assert_same_stroke(stroke: InkStroke, same: InkStroke, tolerance: float) -> None:
    for name in ("colour", "tool", "layer"):
        assert getattr(stroke, name) == getattr(same, name)
    assert np.isclose(stroke.width, same.width, rtol=0, atol=tolerance)
    assert stroke.others.keys() == same.others.keys()
    pairs = [(stroke.others[name], same.others[name]) for name in stroke.others]
    pairs.append((stroke.points, same.points))
    for name in ("times", "pressures"):
        own, other = getattr(stroke, name), getattr(same, name)
        assert (own is None) == (other is None)
        pairs += [] if own is None else [(own, other)]
    for own, other in pairs:
        assert own.shape == other.shape
        assert np.allclose(own, other, rtol=0, atol=tolerance, equal_nan=True)
