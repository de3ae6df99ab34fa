"""Measure what the pages of the built book cost a reader, in a browser whose processor is slowed down four times.

    python benchmarks/pages.py [--visits N] [PAGE …]

Every page is opened as a first visit (nothing cached) and as a next one (after another page), from a server that
compresses. Prints a table and, if no pages are named, writes it to benchmarks/results/pages.txt. That axe finds nothing
on any of them is for tests/test_pages.py to say.
"""

import argparse
import gzip
import http.server
import json
import os
import platform
import shutil
import statistics
import sys
import threading
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
RESULTS = ROOT / "benchmarks" / "results" / "pages.txt"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
SLOWER = 4
LONG = 50  # ms: what a task takes beyond this, a reader who clicks may have to wait

# What the browser itself reports: the largest paint, and how far things moved.
OBSERVE = """
window.lcp = 0; window.cls = 0;
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.lcp = e.startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.cls += e.value; })
  .observe({ type: "layout-shift", buffered: true });
"""


class Visit(NamedTuple):
    """What one visit of a page cost: kB, ms until the largest paint, ms blocked by the clock and of own work."""

    sent: float
    lcp: float
    blocked: float
    own: float
    moved: float
    strangers: int


@cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


class Server(http.server.SimpleHTTPRequestHandler):
    """Serve a folder as web hosts do: text is compressed, and what was fetched may be kept for a while."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        packed = path.suffix not in (".png", ".woff", ".woff2", ".webp")
        body = compressed(path) if packed else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def visit(browser: Browser, context: BrowserContext, address: str, slower: int = SLOWER) -> Visit:
    """Open a page and wait until it is at rest."""
    page = context.new_page()
    page.add_init_script(OBSERVE)
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    sent: dict[str, float] = {}
    hosts: list[str] = []
    within: set[str] = set()  # what stands in a page or a style sheet itself is not sent again
    client.on(
        "Network.requestWillBeSent",
        lambda event: event["request"]["url"].startswith("data:") and within.add(event["requestId"]),
    )
    client.on("Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]}))
    page.on("request", lambda request: hosts.append(request.url))
    client.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    browser.start_tracing(page=page, categories=["toplevel", "loading", "blink.user_timing"])
    page.goto(address, wait_until="networkidle", timeout=180_000)
    page.wait_for_timeout(1500)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    lcp, cls = page.evaluate("[window.lcp, window.cls]")
    page.close()
    home = address.split("/")[2]
    strangers = sum(url.startswith("http") and url.split("/")[2] != home for url in hosts)
    return Visit(sum(sent[id] for id in sent.keys() - within) / 1000, lcp, *blocking(events, home), cls, strangers)


def blocking(events: list[dict], home: str) -> tuple[float, float]:
    """Return the total blocking time after the first paint, in ms: by the clock, and of the page's own work."""
    paints = [e for e in events if e["name"] == "firstContentfulPaint"]
    if not paints:
        return 0, 0
    paint = max(paints, key=lambda e: e["ts"])
    tasks = [
        e
        for e in events
        if e["name"].endswith("RunTask") and (e["pid"], e["tid"]) == (paint["pid"], paint["tid"]) and "dur" in e
    ]
    after = [e for e in tasks if e["ts"] + e["dur"] > paint["ts"]]
    clock = sum(max(0, e["dur"] / 1000 - LONG) for e in after)
    own = sum(max(0, e.get("tdur", e["dur"]) / 1000 - LONG) for e in after)
    return clock, own


def measure(browser: Browser, url: str, name: str, before: str, visits: int) -> tuple[str, ...]:
    """Return the row of a page; `before` is the page that a reader comes from on a next visit."""
    first = []
    for _ in range(visits):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        first.append(visit(browser, context, f"{url}/{name}.html"))
        context.close()
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visit(browser, context, f"{url}/{before}.html", slower=1)
    again = visit(browser, context, f"{url}/{name}.html", slower=1)
    context.close()
    middle = Visit(*(statistics.median(values) for values in zip(*first, strict=True)))
    return (
        name,
        f"{middle.sent:.0f}",
        f"{again.sent:.0f}",
        f"{middle.lcp:.0f}",
        f"{middle.blocked:.0f}",
        f"{middle.own:.0f}",
        f"{middle.moved:.3f}",
        f"{max(one.strangers for one in (*first, again)):.0f}",
    )


def main(names: list[str], visits: int) -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    from check_book import toc_pages

    pages = toc_pages(ROOT)
    head = ("page", "kB first", "next", "LCP ms", "TBT ms", "own", "CLS", "other hosts")
    rows = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for name in names or pages:
            before = pages[pages.index(name) - 1]
            rows.append(measure(browser, f"http://127.0.0.1:{server.server_port}", name, before, visits))
            print(*rows[-1], flush=True)
        browser.close()
    server.shutdown()
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [f"{row[0]:{widths[0]}}  " + "  ".join(map(str.rjust, row[1:], widths[1:])) for row in (head, *rows)]
    machine = f"headless Chromium without a GPU, {platform.machine()}, {os.cpu_count()} cores"
    load = f"load when measured {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    what = f"processor slowed {SLOWER} times, medians of {visits} first visits; 1280 x 800; {machine}; {load}\n"
    wanted = (
        "wanted: <= 1000 kB on the first visit, <= 300 kB on the next, LCP < 1500 ms, TBT < 150 ms "
        "(own: the page's own work, without what other programs took), no other host\n"
    )
    table = what + wanted + "\n" + "\n".join(lines) + "\n"
    print("\n" + table)
    if not names:
        RESULTS.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure what the pages of the book cost a reader.")
    parser.add_argument("--visits", type=int, default=3, help="first visits of each page")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="default: all")
    given = parser.parse_args()
    main(given.pages, given.visits)
