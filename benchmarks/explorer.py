"""Measure the explorer in a browser: how long a slider's handler takes, how dragging runs, what a page pays for one.

    python benchmarks/explorer.py

Prints a table and writes it to benchmarks/results/explorer.txt; to explorer.csv, for the book, the handlers' times.
"""

import gzip
import http.server
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

import gdcourse as gd
from gdcourse import explorer, frontend

RESULTS = Path(__file__).parent / "results"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
NINE = [explorer.RULES[name](lr=0.01) for name in list(explorer.RULES)[:9]]

# Milliseconds between two events: a hand on a slider is no faster, and the last picture is on the screen by then.
PAUSE = 40

FRAMES = """() => new Promise((done) => {
  const times = [];
  const tick = (now) => {
    times.push(now);
    if (window.dragging) requestAnimationFrame(tick);
    else done(times);
  };
  requestAnimationFrame(tick);
})"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def page_text(*figures: gd.Explorer) -> str:
    body = "".join(figure.to_html() for figure in figures)
    return (
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="explorer.css">'
        f'<body style="max-width: 760px">{body}<script defer src="explorer.js"></script>'
    )


def share(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def handler_times(
    browser: Browser, page: Page, kind: str, act: Callable[[int], None]
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each handler of events of this kind: by the clock, and of its thread's own work.

    In its handler the figure recomputes and draws everything. The second number is the first without what other
    programs on the machine took meanwhile.
    """
    for k in range(40):  # the browser compiles what is used often
        act(k)
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    for k in range(120):
        act(k)
        page.wait_for_timeout(PAUSE)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    found = [e for e in events if e["name"] == "EventDispatch" and e["args"].get("data", {}).get("type") == kind]
    return [e["dur"] / 1000 for e in found], [e["tdur"] / 1000 for e in found]


class Handler(NamedTuple):
    """What was moved, on which surface, and how many milliseconds its handlers took."""

    handler: str
    surface: str
    median_ms: float
    p95_ms: float
    own_p95_ms: float

    @classmethod
    def of(cls, handler: str, surface: str, clock: list[float], own: list[float]) -> "Handler":
        return cls(handler, surface, share(clock, 0.5), share(clock, 0.95), share(own, 0.95))

    def row(self) -> tuple[str, str, str]:
        found = f"median {self.median_ms:.1f} ms, p95 {self.p95_ms:.1f} ms; own work p95 {self.own_p95_ms:.1f} ms"
        return f"{self.handler}, {self.surface}", found, "p95 < 4 ms"


def slide(browser: Browser, page: Page) -> tuple[list[float], list[float]]:
    """Move the learning rate's slider with the keyboard, to and fro."""
    page.locator(".gd-rate input[type=range]").focus()
    return handler_times(
        browser, page, "input", lambda k: page.keyboard.press("ArrowRight" if k % 60 < 30 else "ArrowLeft")
    )


def drag(browser: Browser, page: Page) -> tuple[list[float], list[float]]:
    """Drag the ball with the mouse."""
    box = page.locator(".gd-picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    times = handler_times(browser, page, "pointermove", lambda k: page.mouse.move(x + k % 40, y + k % 30))
    page.mouse.up()
    return times


def frame_times(page: Page, seconds: float, drag: bool) -> list[float]:
    """Return the times between frames, while a real mouse drags the ball or while nothing happens."""
    page.evaluate(f"window.dragging = true; window.frames_ = ({FRAMES})(); 0")
    box = page.locator(".gd-picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if drag:
        page.mouse.move(x, y)
        page.mouse.down()
        for k in range(int(seconds * 100)):
            page.mouse.move(x + 80 * ((k % 100) / 100 - 0.5), y + 50 * ((k % 70) / 70 - 0.5))
        page.mouse.up()
    else:
        page.wait_for_timeout(1000 * seconds)
    page.evaluate("window.dragging = false; 0")
    times = page.evaluate("window.frames_")
    return [after - before for before, after in pairwise(times[5:])]


def mount_times(browser: Browser, page: Page, url: str) -> tuple[float, float]:
    """Return the milliseconds of the script, which builds and draws the figure: by the clock, and its own work."""
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.goto(url)
    page.locator(".gd-live").wait_for()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    script = max((e for e in events if e["name"] == "EvaluateScript"), key=lambda e: e["dur"])
    return script["dur"] / 1000, script["tdur"] / 1000


def measure(folder: Path, url: str) -> tuple[list[Handler], list[tuple[str, str, str]]]:
    script, css = frontend.page_script(), frontend.style()
    # Mounted as soon as the script is read, not when it comes near: so one entry of the trace holds both.
    now = script[: script.index('if (document.readyState === "loading")')]
    now += 'document.querySelectorAll(".gd-explorer").forEach(mount);\n})();\n'
    (folder / "explorer.js").write_text(now, encoding="utf-8")
    (folder / "explorer.css").write_text(css, encoding="utf-8")
    for name in explorer.SURFACES:
        figure = gd.Explorer(name, NINE, steps=300)
        (folder / f"{name}.html").write_text(page_text(figure), encoding="utf-8")
    (folder / "one.html").write_text(page_text(gd.Explorer()), encoding="utf-8")

    handlers = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name in explorer.SURFACES:
            page.goto(f"{url}/{name}.html")
            page.locator(".gd-live").wait_for()
            handlers.append(Handler.of("slider's handler", name, *slide(browser, page)))
            if name in ("Himmelblau", "LogisticRegression"):
                handlers.append(Handler.of("handler of the dragged ball", name, *drag(browser, page)))
        rows = [handler.row() for handler in handlers]
        page.goto(f"{url}/Himmelblau.html")
        page.locator(".gd-live").wait_for()
        for dragged in (False, True):
            frames = frame_times(page, 3, dragged)
            line = f"{1000 * len(frames) / sum(frames):.0f} frames a second, p95 {share(frames, 0.95):.1f} ms a frame"
            rows.append(
                ("frames while the ball is dragged" if dragged else "frames of the same page at rest", line, "60")
            )
        clock, own = zip(*(mount_times(browser, page, f"{url}/one.html") for _ in range(15)), strict=True)
        line = f"median {share(clock, 0.5):.0f} ms; own work median {share(own, 0.5):.0f} ms"
        rows.append(("added to page load by one explorer", line, "< 50 ms"))
        browser.close()
    sizes = [len(gzip.compress(text.encode())) / 1000 for text in (script, css)]
    rows.append(("script + style, gzipped", f"{sizes[0]:.1f} + {sizes[1]:.1f} = {sum(sizes):.1f} kB", "<= 30 kB"))
    return handlers, rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=name))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        handlers, rows = measure(Path(name), f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    wide = max(len(what) for what, _, _ in rows)
    table = "\n".join(f"{what:{wide}}  {found}  (wanted {wanted})" for what, found, wanted in rows)
    machine = f"headless Chromium without a GPU, {platform.machine()}, {os.cpu_count()} cores"
    load = f"load when measured {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    table = f"9 rules x 300 steps; {machine}; {load}\n\n{table}\n"
    sys.stdout.write(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "explorer.txt").write_text(table, encoding="utf-8")
    lines = [",".join(f"{x:.5g}" if isinstance(x, float) else x for x in row) for row in (Handler._fields, *handlers)]
    (RESULTS / "explorer.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
