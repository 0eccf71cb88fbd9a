"""Pictures of the page's three tabs, at two widths, light and dark.

python -m benchmarks.web_pictures --weights FOLDER [--out saved_figures/web]

No real ink is in them: what is read, and the hand that is collected, the writer has written.
"""

import argparse
import io
import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.web_page import PATIENCE, browser_driver, browser_options
from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.ink.line import points_from_strokes
from handwriting.ink.measures import x_height
from handwriting.runtime.writer import Writer
from handwriting.web.server import PageServer

SIZES = {1440: 900, 390: 844}
SCHEMES = ("light", "dark")
_COLOURS = 160
_PAINTING = 500  # ms, in which a page is painted, a part at a time
_SEED = 3
_HAND = "jonas"
_HAND_SIZE = 4.0  # mm, of small letters of the hand that is collected
_READ_TEXT = "Meet me at 7 by the old oak"
_PROMPT = "the five boxing wizards jump quickly"


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        raise UserError("chromium: is not installed")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        draw(options.weights, options.out, browser, Path(folder))
    print(f"written to {options.out}")


def draw(weights: Path, out: Path, executable: str, scratch: Path) -> None:
    """Draw all pictures."""
    ink, hand = _example_files(weights, scratch)
    with PageServer(weights) as server, browser_driver() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=executable, args=browser_options())
        for width, height in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                )
                context.set_default_timeout(PATIENCE)
                page = context.new_page()
                for tab, show in (("write", _write), ("read", _read), ("hand", _hand)):
                    show(page, server.url, ink, hand)
                    _save(page.screenshot(), out / f"{tab}-{width}-{scheme}.png")
                context.close()
        browser.close()
        server.shutdown()


def _write(page: Any, url: str, ink: Path, hand: Path) -> None:
    page.goto(f"{url}#seed={_SEED}&bias=1&hand={_HAND}")
    page.wait_for_selector("#hands label")
    page.click("#write")
    page.wait_for_selector('#pages[data-state="written"]')
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(_PAINTING)


def _read(page: Any, url: str, ink: Path, hand: Path) -> None:
    page.click("#tab-read")
    page.wait_for_selector("#panel-read[data-state=ready]")
    page.set_input_files("#read-file", ink)
    page.wait_for_selector(".word")
    unsure = page.locator(".word.unsure")
    (unsure if unsure.count() else page.locator(".word")).first.click()
    page.wait_for_selector("#alternatives:not([hidden])")


def _hand(page: Any, url: str, ink: Path, hand: Path) -> None:
    page.keyboard.press("Escape")
    page.click("#tab-hand")
    page.wait_for_selector("#prompts button")
    page.set_input_files("#hand-file", hand)
    page.wait_for_selector("#prompts button.done")
    page.evaluate("document.activeElement.blur()")


def _example_files(weights: Path, folder: Path) -> tuple[Path, Path]:
    """A line to read, and one of a hand, as files."""
    writer = Writer(weights)
    hand = _HAND if _HAND in writer.hands else None
    read, prompt = writer.write_lines([_READ_TEXT, _PROMPT], hand=hand, seed=_SEED, bias=1.0)
    ink = folder / "a line.json"
    ink.write_text(json.dumps(np.round(read.strokes.astype(float), 2).tolist()))
    size = _HAND_SIZE / x_height(points_from_strokes(prompt.strokes), _PROMPT)
    traces = "".join(
        "<trace>" + ", ".join(f"{x:.1f} {-y:.1f}" for x, y in stroke * size) + "</trace>"
        for stroke in points_from_strokes(prompt.strokes)
    )
    own = folder / "my-hand.inkml"
    text = f'<annotation type="transcription">{_PROMPT}</annotation>'
    own.write_text(f'<ink xmlns="http://www.w3.org/2003/InkML">{text}{traces}</ink>')
    return ink, own


def _save(picture: bytes, path: Path) -> None:
    """Write a screenshot in few colours, which takes a third of the bytes."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m benchmarks.web_pictures", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--weights", type=Path, required=True, help="a folder of exported models")
    parser.add_argument(
        "--out", type=Path, default=Path("saved_figures/web"), help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    run_command(main)
