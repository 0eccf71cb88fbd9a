"""The page in a browser: sizes, time to the first ink, steps a second, memory, time to read a line.

python -m benchmarks.web_page --weights FOLDER [--json FILE]

The browser is Debian's ``chromium``, driven by ``playwright``. Times are of the wall's clock unless
they say that they are the processor's: on a busy machine only these mean anything.
"""

import argparse
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.web.server import PageServer
from handwriting.web.site import PAGE, weights_in

_TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all."
_PATIENCE = 300_000  # ms
_STEPS = 4000
_LINES = 10
# Runs in the page: the engine's own modules, on the page's thread.
_WRITE = """async ([weights, count]) => {
  const {WriterModel} = await import("/engine/writer_model.js");
  const {fetchKernelModule} = await import("/engine/kernel.js");
  const buffer = await (await fetch(`/weights/${weights}`)).arrayBuffer();
  const start = performance.now();
  const model = new WriterModel(buffer, await fetchKernelModule("/engine/kernel.wasm"));
  const steps = model.start("the quick brown fox jumps over");
  steps.step([0, 0, 0]);
  const first = performance.now() - start;
  for (let at = 0; at < 500; at++) steps.step([0, 0.1, 0.1]);
  const begin = performance.now();
  for (let at = 0; at < count; at++) steps.step([0, 0.1, 0.1]);
  return {first_step_ms: first, steps_per_second: 1000 * count / (performance.now() - begin)};
}"""
_READ = """async ([weights, rows, count]) => {
  const {ReaderModel} = await import("/engine/reader_model.js");
  const {LineReader} = await import("/engine/reading.js");
  const {fetchKernelModule} = await import("/engine/kernel.js");
  const buffer = await (await fetch(`/weights/${weights}`)).arrayBuffer();
  const module = await fetchKernelModule("/engine/kernel.wasm");
  const reader = new LineReader(new ReaderModel(buffer, module));
  for (let at = 0; at < 3; at++) reader.read(rows);
  const begin = performance.now();
  for (let at = 0; at < count; at++) reader.read(rows);
  return {read_line_ms: (performance.now() - begin) / count, points: rows.length};
}"""
_LONG_TASKS = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
  }).observe({type: "longtask"});
}"""


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        raise UserError("chromium: is not installed")
    measured = measure(options.weights, browser)
    text = json.dumps(measured, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")


def measure(weights: Path, executable: str) -> dict[str, Any]:
    """Return all numbers, for a folder with exports of a writer and a recogniser."""
    from playwright.sync_api import sync_playwright

    with PageServer(weights) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        try:
            written = _write(browser, server.url)
            names = {kind: file.name for kind, file in weights_in(weights).items()}
            return {"bytes": sizes(weights), **written, **_engine(browser, server.url, names)}
        finally:
            browser.close()
            server.shutdown()


def sizes(weights: Path) -> dict[str, int]:
    """Return bytes of the page without weights, of its kernel, and of each file of weights."""
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    found = {
        "page": sum(path.stat().st_size for path in files),
        "kernel": (PAGE / "engine/kernel.wasm").stat().st_size,
    }
    return found | {k: file.path.stat().st_size for k, file in weights_in(weights).items()}


def _write(browser: Any, url: str) -> dict[str, Any]:
    """Write a text in the page, from a cold start on."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    page.add_init_script(f"({_LONG_TASKS})()")
    before = _processor_seconds()
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("#hands label")
    ready = time.perf_counter() - started
    page.fill("#text", _TEXT)
    page.evaluate("window.longTasks.length = 0")
    at_click = _processor_seconds()
    page.click("#write")
    page.wait_for_selector("#pages[data-first-ink]")
    to_ink = _processor_seconds() - at_click
    page.wait_for_selector('#pages[data-state="written"]')
    found = {
        "ready_ms": 1000 * ready,
        "ready_processor_ms": 1000 * (at_click - before),
        "first_ink_ms": float(page.get_attribute("#pages", "data-first-ink")),
        "first_ink_processor_ms": 1000 * to_ink,
        "long_tasks_ms": page.evaluate("window.longTasks"),
        "heap_bytes": page.evaluate("performance.memory.usedJSHeapSize"),
        "memory_bytes": max((use for _, _, use in _processes()), default=0),
    }
    context.close()
    return found


def _engine(browser: Any, url: str, names: dict[str, str]) -> dict[str, Any]:
    """Run the engine alone."""
    context = browser.new_context()
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    page.goto(f"{url}#hand")
    found: dict[str, Any] = {}
    if "writer" in names:
        found |= _with_processor_time(page, _WRITE, [names["writer"], _STEPS], "writing")
    if "reader" in names:
        rows = [[float(at % 40 == 39), 2.0 + 3 * (at % 3), (at % 9 - 4) * 3.0] for at in range(700)]
        found |= _with_processor_time(page, _READ, [names["reader"], rows, _LINES], "reading")
    context.close()
    return found


def _with_processor_time(page: Any, script: str, given: list[Any], name: str) -> dict[str, Any]:
    before = _processor_seconds()
    found: dict[str, Any] = page.evaluate(script, given)
    return found | {f"{name}_processor_s": _processor_seconds() - before}


def _processor_seconds() -> float:
    """Processor time of the browser's processes so far."""
    return sum(used for _, used, _ in _processes())


def _processes() -> Iterator[tuple[int, float, int]]:
    """Number, processor seconds and resident bytes of the browser's processes that run pages."""
    ticks, page_size = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    parents, values = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_text()
        except OSError:
            continue
        number = int(stat.parent.name)
        parents[number] = int(fields[1])
        if "--type=renderer" in command:
            used = (int(fields[11]) + int(fields[12])) / ticks
            values[number] = (number, used, int(fields[21]) * page_size)
    for number, value in values.items():
        above: int | None = number
        while above is not None and above != os.getpid():
            above = parents.get(above)
        if above is not None:
            yield value


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m benchmarks.web_page", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--weights", type=Path, required=True, help="a folder of exported models")
    parser.add_argument("--json", type=Path, help="a file to write the numbers to")
    return parser


if __name__ == "__main__":
    run_command(main)
