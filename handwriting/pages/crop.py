"""A page cut to the ink on it."""

from dataclasses import replace

import numpy as np

from handwriting.pages.page import Page


def cropped(page: Page, margin: float) -> Page:
    """Return the part of a page that has ink, with ``margin`` mm of the paper around it; a page
    without ink as it is."""
    strokes = list(page.strokes())
    if not strokes:
        return page
    points = np.concatenate(strokes)
    reach = margin + page.pen_width
    left, top = np.maximum(points.min(axis=0) - reach, 0.0)
    right, bottom = np.minimum(points.max(axis=0) + reach, (page.width, page.height))
    lines = tuple(
        replace(
            line,
            baseline=line.baseline - top,
            strokes=tuple(stroke - [left, top] for stroke in line.strokes),
        )
        for line in page.lines
    )
    rules = tuple(rule - top for rule in page.rules if top <= rule <= bottom)
    width, height = float(right - left), float(bottom - top)
    return replace(page, width=width, height=height, lines=lines, rules=rules)
