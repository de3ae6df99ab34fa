"""What the tests that need a browser share: finding Chromium, starting it, and serving a folder to it."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # there is no other host
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, or else playwright's own; without either, skip (but fail in CI)."""
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed, args=list(ARGS))
        except Error as error:
            if installed:
                raise
            reason = f"no Chromium: install one, or run `playwright install chromium` ({error.message.splitlines()[0]})"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def show_all(page: Page) -> list[str]:
    """Lay out, mount and load all of a page, as if its reader had been everywhere; return the images that are missing.

    What is out of sight is laid out, and clipped, only when it comes near (book/_static/custom.css).
    """
    page.add_style_tag(content="* { content-visibility: visible !important; }")
    for explorer in page.locator(".gd-explorer[data-spec]").all():
        explorer.scroll_into_view_if_needed()
        expect(explorer).to_contain_class("gd-live", timeout=60_000)
    page.evaluate("scrollTo(0, 0)")
    return page.evaluate(
        """() => Promise.all([...document.images].map(image => {
          image.loading = "eager";
          return image.decode().then(() => (image.naturalWidth > 1 ? null : image.src), () => image.src);
        })).then(sources => sources.filter(Boolean))"""
    )


def run_notebook(page: Page, cells: str, seconds: float) -> list:
    """Run the notebook that is open in JupyterLab until all has run or something failed; return the state of its cells.

    ``cells`` is JavaScript that says it: for each code cell, whether it has run, its errors, and what else is wanted.
    """
    page.evaluate("async () => await window.jupyterapp.shell.currentWidget.sessionContext.ready")
    # What is stored is not what has run here.
    page.evaluate("async () => await window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    page.wait_for_function(
        f"(({cells})()).every(([run]) => run) || (({cells})()).some(([run, errors]) => errors.length)",
        timeout=seconds * 1000,
    )
    return page.evaluate(cells)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; the address ends with no slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
