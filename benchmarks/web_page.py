"""The page in a browser: sizes, time to the first ink, steps a second, memory, time to read a line,
and what a text of 10,000 characters takes.

python -m benchmarks.web_page --weights FOLDER [--json FILE]

The browser is Debian's ``chromium``, driven by ``playwright``. Times whose names have ``processor``
are of the processor, of all threads that the page has; on a busy machine those of the wall's clock
mean little.
"""

import argparse
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handwriting.command_line import OneLineParser
from handwriting.errors import UserError, run_command
from handwriting.runtime.hands import hands_of
from handwriting.runtime.weights_folder import HANDS, read_weights
from handwriting.web.server import PageServer
from handwriting.web.site import PAGE, weights_in

_TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all."
PATIENCE = 300_000  # ms
_STEPS = 4000
_LINES = 20
# These run in the page: the engine's own modules, on the page's thread.
_WRITE = """async ([weights, count]) => {
  const {WriterModel} = await import("/engine/writer_model.js");
  const {fetchKernelModule} = await import("/engine/kernel.js");
  const buffer = await (await fetch(`/weights/${weights}`)).arrayBuffer();
  window.writer ??= new WriterModel(buffer, await fetchKernelModule("/engine/kernel.wasm"));
  const steps = window.writer.start("the quick brown fox jumps over");
  for (let at = 0; at < count; at++) steps.step([0, 0.1, 0.1]);
}"""
_READ = """async ([weights, language, count, rows]) => {
  const {ReaderModel} = await import("/engine/reader_model.js");
  const {LanguageModel} = await import("/engine/language_model.js");
  const {LineReader} = await import("/engine/reading.js");
  const {fetchKernelModule} = await import("/engine/kernel.js");
  const loaded = async (name) => (await fetch(`/weights/${name}`)).arrayBuffer();
  const module = await fetchKernelModule("/engine/kernel.wasm");
  if (!window.reader) {
    const model = new ReaderModel(await loaded(weights), module);
    const {symbols} = model.about;
    const own = language && new LanguageModel(await loaded(language), symbols, module);
    window.reader = new LineReader(model, own);
  }
  for (let at = 0; at < count; at++) window.reader.read(rows);
}"""
_LONG = 10_000  # characters
# Through all pages to the end, as fast as they are shown.
_SCROLL = """async () => {
  for (const sheet of document.querySelectorAll("#pages .sheet")) {
    sheet.scrollIntoView();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 30)));
  }
}"""
_POLL = 250  # ms
_TRACED = ["toplevel", "disabled-by-default-devtools.timeline"]


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
    """Return all numbers, for a folder with exports of a writer and a recogniser, and hands."""
    with PageServer(weights) as server, browser_driver() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=executable, args=browser_options())
        try:
            written = _write(browser, server.url)
            long = {f"long_{key}": value for key, value in _write_long(browser, server.url).items()}
            names = {kind: file.name for kind, file in weights_in(weights).items()}
            strokes = example_strokes(weights)
            engine = _engine(browser, server.url, names, strokes)
            return {
                "bytes": sizes(weights),
                "line_points": len(strokes),
                **written,
                **long,
                **engine,
            }
        finally:
            browser.close()
            server.shutdown()


def browser_driver() -> Any:
    """Return a context in which browsers can be started.

    Raises:
        UserError: ``playwright`` is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise UserError("playwright: is not installed (see requirements-dev.txt)") from None
    return sync_playwright()


def browser_options() -> list[str]:
    """Return the command line that the browser needs: as root it has no sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def example_strokes(weights: Path) -> list[Any]:
    """Return the line of the first hand there is, as in ``Line.strokes``."""
    hands = hands_of(read_weights(weights, HANDS))
    rows: list[Any] = next(iter(hands.values())).example.strokes.tolist()
    return rows


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
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    before = _processor_seconds()
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("#hands label")
    ready = time.perf_counter() - started
    page.fill("#text", _TEXT)
    browser.start_tracing(page=page, categories=_TRACED)
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
        "longest_task_processor_ms": longest_task(json.loads(browser.stop_tracing())),
        "heap_bytes": page.evaluate("performance.memory.usedJSHeapSize"),
        "memory_bytes": _page_memory(),
        "own_memory_bytes": _own_memory(),
    }
    context.close()
    return found


def _write_long(browser: Any, url: str) -> dict[str, Any]:
    """Write a long text, look at all its pages, and save them."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}#paper=a4")
    page.wait_for_selector("#hands label")
    page.fill("#text", (f"{_TEXT} " * (_LONG // len(_TEXT) + 1))[:_LONG].strip())
    begin, memory, own = _processor_seconds(), [0], [0]
    browser.start_tracing(page=page, categories=_TRACED)
    page.click("#write")
    while page.get_attribute("#pages", "data-state") != "written":
        memory.append(_page_memory())
        own.append(_own_memory())
        page.wait_for_timeout(_POLL)
    used = _processor_seconds() - begin
    page.click("#pages .sheet")
    page.evaluate(_SCROLL)
    page.select_option("#format", "svg")
    with page.expect_download():
        page.click("#download")
    memory.append(_page_memory())
    own.append(_own_memory())
    found = {
        "processor_ms": 1000 * used,
        "pages": page.locator("#pages .sheet").count(),
        "longest_task_processor_ms": longest_task(json.loads(browser.stop_tracing())),
        "memory_bytes": max(memory),
        "own_memory_bytes": max(own),
    }
    context.close()
    return found


def _page_memory() -> int:
    """Resident bytes of the largest of the browser's processes that run pages."""
    return max((use for _, _, use in _processes()), default=0)


def _own_memory() -> int:
    """Bytes of that process that no other shares, such as the browser's program is shared."""
    largest = max(_processes(), key=lambda each: each[2], default=None)
    if largest is None:
        return 0
    try:
        lines = Path(f"/proc/{largest[0]}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))


def longest_task(trace: Mapping[str, Any]) -> float:
    """Return the longest task of a page's own thread, in ms of the processor, from a trace."""
    events = trace["traceEvents"]
    main_threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event["tdur"] / 1000
        for event in events
        if event["name"].endswith("RunTask")
        and (event["pid"], event["tid"]) in main_threads
        and "tdur" in event
    ]
    return max(tasks, default=0.0)


def _engine(browser: Any, url: str, names: dict[str, str], strokes: list[Any]) -> dict[str, Any]:
    """Run the engine alone: processor time of starting it, and of each step or line."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}#hand")
    found: dict[str, Any] = {}
    if "writer" in names:
        start, each = _processor_times(page, _WRITE, [names["writer"]], _STEPS)
        found |= {"writer_start_processor_ms": start, "steps_per_processor_second": 1000 / each}
    if "reader" in names:
        start, each = _processor_times(
            page, _READ, [names["reader"], names.get("language")], _LINES, strokes
        )
        found |= {"reader_start_processor_ms": start, "read_line_processor_ms": each}
    context.close()
    return found


def _processor_times(
    page: Any, script: str, given: list[Any], count: int, *more: Any
) -> tuple[float, float]:
    """Milliseconds of the first of something, and of one of ``count`` once it is warm."""
    begin = _processor_seconds()
    page.evaluate(script, [*given, 1, *more])
    first = _processor_seconds() - begin
    page.evaluate(script, [*given, max(count // 4, 1), *more])
    begin = _processor_seconds()
    page.evaluate(script, [*given, 0, *more])
    middle = _processor_seconds()
    page.evaluate(script, [*given, count, *more])
    used = (_processor_seconds() - middle) - (middle - begin)
    return 1000 * first, 1000 * used / count


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
