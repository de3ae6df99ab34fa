"""What the explorer's browser tests share: a browser, a site of one host, pages with explorers on them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, serve
from playwright.sync_api import Browser, Page

import gdcourse as gd
from gdcourse import frontend

# Fixtures are imported by the test modules and live as long as one of them: two browsers at once playwright refuses.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Site:
    """A host of static files, to which pages can be added."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def write(self, name: str, *explorers: Any, head: str = "", scripts: bool = True) -> str:
        """Write a page that holds explorers; return its address."""
        (self.folder / name).write_text(static_page(*explorers, head=head, scripts=scripts), encoding="utf-8")
        return f"{self.url}/{name}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the front end as its modules are, under /static/, and as the two bundles."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(frontend.STATIC, folder / "static")
    (folder / "page.js").write_text(frontend.page_script(), encoding="utf-8")
    (folder / "widget.js").write_text(frontend.widget_module(), encoding="utf-8")
    with serve(folder) as url:
        yield Site(folder, url)


def static_page(*explorers: Any, head: str = "", scripts: bool = True) -> str:
    """Return a page as the book's are: the outputs' text/html, one style sheet, one script."""
    body = "\n".join(explorer.to_html() for explorer in explorers)
    script = '<script defer src="page.js"></script>' if scripts else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="static/explorer.css">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>body {{ margin: 12px; max-width: 760px }}</style>{head}{script}</head>"
        f"<body><main><h1>Explorers</h1>{body}</main></body></html>"
    )


def watch(page: Page) -> list[str]:
    """Collect whatever the page complains of."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def himmelblau(**settings: Any) -> Any:
    """Return an explorer like that of a chapter."""
    rules = [gd.GradientDescent(lr=0.01), gd.Momentum(lr=0.005), gd.Adam(lr=0.3)]
    return gd.Explorer("Himmelblau", rules, **{"start": (-0.5, -1.0), **settings})


def ravine(**settings: Any) -> Any:
    rules = [gd.GradientDescent(lr=0.09), gd.Nesterov(lr=0.05)]
    return gd.Explorer(gd.objectives.Quadratic([[1, 0], [0, 20]]), rules, **settings)
