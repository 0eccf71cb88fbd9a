"""Pages as JSON.

The document, in mm to 1/1000, x to the right and y downwards from the page's top left corner::

    {"format": "handwriting-pages", "version": 1, "units": "mm",
     "pages": [{"width": 210, "height": 297, "pen_width": 0.4, "rules": [25, 35, ...],
                "lines": [{"text": "hello world", "baseline": 25,
                           "strokes": [[[18, 24.1], [18.3, 24.6], ...], ...]}, ...]}, ...]}

Strokes are in the order they were written; one of a single point is a dot. ``rules`` are the y of
the lines printed on ruled paper, empty on plain paper. A page in several pens has their colours,
``"pens": ["#16213a", "#b03030"]``, and a line that is not all in the first has the pen of each
stroke, ``"pens": [0, 0, 1, ...]``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handwriting.pages.options import WriteOptions
from handwriting.pages.page import Page

_DECIMALS = 3


def write_json(pages: Sequence[Page], path: Path, options: WriteOptions) -> None:
    """Write all pages as one document."""
    document = {
        "format": "handwriting-pages",
        "version": 1,
        "units": "mm",
        "pages": [_page(page) for page in pages],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def _page(page: Page) -> dict[str, Any]:
    return {
        "width": page.width,
        "height": page.height,
        "pen_width": round(page.pen_width, _DECIMALS),
        "rules": [round(y, _DECIMALS) for y in page.rules],
        **({"pens": list(page.pens)} if len(page.pens) > 1 else {}),
        "lines": [
            {
                "text": line.text,
                "baseline": round(line.baseline, _DECIMALS),
                "strokes": [stroke.round(_DECIMALS).tolist() for stroke in line.strokes],
                **({"pens": list(line.pens)} if line.pens else {}),
            }
            for line in page.lines
        ],
    }
