"""What the explorer's browser tests share: a browser, a site of one host, pages with explorers on them."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import gdcourse as gd
from gdcourse import frontend

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or the one that playwright has installed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Site:
    """A host of static files, which knows what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        handler = functools.partial(_Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write(self, name: str, *explorers: Any, head: str = "", scripts: bool = True) -> str:
        """Write a page that holds explorers; return its address."""
        (self.folder / name).write_text(static_page(*explorers, head=head, scripts=scripts), encoding="utf-8")
        return f"{self.url}/{name}"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the front end as its modules are, under /static/, and as the two bundles."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(frontend.STATIC, folder / "static")
    (folder / "page.js").write_text(frontend.page_script(), encoding="utf-8")
    (folder / "widget.js").write_text(frontend.widget_module(), encoding="utf-8")
    site = Site(folder)
    yield site
    site.server.shutdown()


def static_page(*explorers: Any, head: str = "", scripts: bool = True) -> str:
    """Return a page as the book's are: the outputs' text/html, one style sheet, one script."""
    body = "\n".join(explorer.to_html() for explorer in explorers)
    script = '<script defer src="page.js"></script>' if scripts else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="static/explorer.css">'
        f"<style>body {{ margin: 12px; max-width: 760px }}</style>{head}{script}</head>"
        f"<body><main><h1>Explorers</h1>{body}</main></body></html>"
    )


def watch(page: Page) -> list[str]:
    """Collect whatever the page complains of."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def himmelblau(**settings: Any) -> Any:
    """Return an explorer like that of a chapter."""
    rules = [gd.GradientDescent(lr=0.01), gd.Momentum(lr=0.005), gd.Adam(lr=0.3)]
    return gd.Explorer("Himmelblau", rules, **{"start": (-0.5, -1.0), **settings})


def ravine(**settings: Any) -> Any:
    rules = [gd.GradientDescent(lr=0.09), gd.Nesterov(lr=0.05)]
    return gd.Explorer(gd.objectives.Quadratic([[1, 0], [0, 20]]), rules, **settings)
