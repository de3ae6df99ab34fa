"""Measure the explorer in a browser: how long a slider's handler takes, how dragging runs, what a page pays for one.

    python benchmarks/explorer.py

Prints a table and writes it to benchmarks/results/explorer.txt.
"""

import gzip
import http.server
import platform
import shutil
import sys
import tempfile
import threading
from functools import partial
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import gdcourse as gd
from gdcourse import explorer, frontend

RESULTS = Path(__file__).parent / "results" / "explorer.txt"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
NINE = [explorer.RULES[name](lr=0.01) for name in list(explorer.RULES)[:9]]

# The time of a slider's input handler, in which everything is recomputed and drawn. The browser paints what was drawn
# afterwards; with `painted` the time until the canvas can be read back is counted in.
HANDLER = """async ([places, painted]) => {
  const root = document.querySelector(".gd-live"), slider = root.querySelector(".gd-rate input[type=range]");
  const times = [];
  for (let k = 0; k < places; k++) {
    slider.value = 200 + ((k * 37) % 500);
    const began = performance.now();
    slider.dispatchEvent(new Event("input"));
    if (painted) root.figure.over.getContext("2d").getImageData(0, 0, 1, 1);
    times.push(performance.now() - began);
    await new Promise((next) => requestAnimationFrame(() => setTimeout(next))); // as a hand does: at most one a frame
  }
  return times.slice(places / 5);
}"""
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


def share(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def handler_times(page: Page, url: str, painted: bool = False) -> list[float]:
    page.goto(url)
    page.locator(".gd-live").wait_for()
    return page.evaluate(HANDLER, [100 if painted else 400, painted])


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


def mount_time(page: Page, url: str) -> float:
    """Return the milliseconds that mounting takes: reading the script, and building and drawing the figure."""
    page.goto(url)
    page.locator(".gd-live").wait_for()
    return page.evaluate("performance.getEntriesByName('gdcourse')[0].duration")


def measure(folder: Path, url: str) -> list[tuple[str, str, str]]:
    script, css = frontend.page_script(), frontend.style()
    # The page's own script, between two marks.
    timed = f"performance.mark('a');\n{script}\nperformance.measure('gdcourse', 'a');"
    timed = timed.replace('if (document.readyState === "loading")', "if (false)")
    (folder / "explorer.js").write_text(timed, encoding="utf-8")
    (folder / "explorer.css").write_text(css, encoding="utf-8")
    for name in explorer.SURFACES:
        figure = gd.Explorer(name, NINE, steps=300)
        (folder / f"{name}.html").write_text(page_text(figure), encoding="utf-8")
    (folder / "one.html").write_text(page_text(gd.Explorer()), encoding="utf-8")

    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name in explorer.SURFACES:
            times = handler_times(page, f"{url}/{name}.html")
            line = f"median {share(times, 0.5):.2f} ms, p95 {share(times, 0.95):.2f} ms"
            rows.append((f"slider's handler, 9 rules x 300 steps, {name}", line, "p95 < 4 ms"))
        times = handler_times(page, f"{url}/Himmelblau.html", painted=True)
        line = f"median {share(times, 0.5):.2f} ms, p95 {share(times, 0.95):.2f} ms"
        rows.append(("the same and painted without a GPU, Himmelblau", line, "no figure"))
        page.goto(f"{url}/Himmelblau.html")
        page.locator(".gd-live").wait_for()
        for drag in (False, True):
            frames = frame_times(page, 3, drag)
            line = f"{1000 * len(frames) / sum(frames):.0f} frames a second, p95 {share(frames, 0.95):.1f} ms a frame"
            rows.append(("dragging, 9 rules x 300 steps, Himmelblau" if drag else "the same page at rest", line, "60"))
        mounts = [mount_time(page, f"{url}/one.html") for _ in range(15)]
        line = f"median {share(mounts, 0.5):.0f} ms, most {max(mounts):.0f} ms"
        rows.append(("added to page load by one explorer", line, "< 50 ms"))
        browser.close()
    sizes = [len(gzip.compress(text.encode())) / 1000 for text in (script, css)]
    rows.append(("script + style, gzipped", f"{sizes[0]:.1f} + {sizes[1]:.1f} = {sum(sizes):.1f} kB", "<= 30 kB"))
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=name))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rows = measure(Path(name), f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    wide = max(len(what) for what, _, _ in rows)
    table = "\n".join(f"{what:{wide}}  {found}  (wanted {wanted})" for what, found, wanted in rows)
    table = f"Headless Chromium without a GPU, {platform.machine()}, Python {platform.python_version()}\n\n{table}\n"
    sys.stdout.write(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
