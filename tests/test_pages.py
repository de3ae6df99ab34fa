"""Every page of the built book in a real browser, with no other host to ask: on a laptop from a server, on a phone
from its file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import axe_playwright_python
import pytest
from browser import chromium, serve, show_all
from check_book import toc_pages
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
HTML = ROOT / "_build" / "html"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
WIDTHS = {"laptop": 1280, "phone": 360}
# Every page is looked at in both themes, in each once: colours do not depend on the width.
SCHEMES: dict[int, Literal["light", "dark"]] = {1280: "light", 360: "dark"}

# Axe takes most of its time for what has no text or the same colours again: the glyphs of formulas (their text is in
# the MathML beside them), and the fourth and all further words of a kind in code.
THIN = """() => {
  document.querySelectorAll("mjx-math").forEach(node => node.replaceChildren());
  const seen = {};
  document.querySelectorAll("pre span").forEach(node => {
    seen[node.className] = (seen[node.className] || 0) + 1;
    if (seen[node.className] > 3) node.replaceWith(node.textContent);
  });
}"""

# The text that a reader sees, less code and the formulas that MathJax has set.
PROSE = """() => {
  const copy = document.querySelector("article, main").cloneNode(true);
  copy.querySelectorAll("pre, code, mjx-container, script, style").forEach(node => node.remove());
  return copy.textContent;
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    if not (HTML / "index.html").exists():
        pytest.fail(f"{HTML} is missing: run `make book` first")
    with chromium() as browser, serve(HTML) as address:
        yield browser, address


@pytest.fixture(scope="module")
def readers(site: tuple[Browser, str]) -> dict[int, tuple[Page, list[str]]]:
    """Return for each width a window, in which one page is opened after the other, and what goes wrong in it."""
    found: dict[int, tuple[Page, list[str]]] = {}
    for width in WIDTHS.values():
        page = site[0].new_page(viewport={"width": width, "height": 800}, color_scheme=SCHEMES[width])
        page.set_default_timeout(120_000)  # ms: the machine may be busy
        found[width] = page, watch(page, home(site, width))
    return found


def home(site: tuple[Browser, str], width: int) -> str:
    return site[1] if width == WIDTHS["laptop"] else HTML.as_uri()


def watch(page: Page, address: str) -> list[str]:
    """Return the list of what goes wrong in a window from now on; nothing but this address shall be asked."""
    wrong: list[str] = []
    ours = (address, "data:", "blob:", "about:")
    page.on("console", lambda message: message.type == "error" and wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"request failed: {request.url}"))
    page.on("response", lambda answer: answer.status >= 400 and wrong.append(f"{answer.status}: {answer.url}"))
    page.on("request", lambda asked: asked.url.startswith(ours) or wrong.append(f"another host is asked: {asked.url}"))
    return wrong


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("name", [*toc_pages(ROOT), "search", "genindex"])
def test_page_is_sound(
    site: tuple[Browser, str], readers: dict[int, tuple[Page, list[str]]], name: str, width: int
) -> None:
    page, wrong = readers[width]
    page.goto("about:blank")  # what the page before still did is not held against this one
    wrong.clear()

    page.goto(f"{home(site, width)}/{name}.html", wait_until="networkidle")
    assert show_all(page) == [], "an image is not there"

    assert not wrong
    # MathJax sets an error in a box, and the name of an unknown macro in red.
    bad = page.locator("mjx-merror, [data-mjx-error], mjx-mtext[style*='color: red']")
    assert bad.count() == 0, "MathJax could not read a formula"
    prose = page.evaluate(PROSE)
    for raw in ("$", r"\(", r"\[", r"\begin{"):
        assert raw not in prose, f"a formula was not set: …{prose[max(0, prose.find(raw) - 60) :][:120]}…"
    assert page.locator(".math:not(:has(mjx-container))").count() == 0, "a formula was not set"
    assert page.locator("mjx-container:not(:has(math))").count() == 0, "a formula has no MathML for screen readers"
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"the page scrolls sideways by {over} px at a width of {width} px"
    cut = "all => all.filter(one => one.getBoundingClientRect().left < 0).map(one => one.textContent)"
    assert page.eval_on_selector_all("article mjx-container[display]", cut) == [], "a formula begins off the page"
    page.evaluate(THIN)
    assert axe(page) == []


def axe(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds wrong on the whole page, with up to three places each."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then((result) => result.violations)")
    return [(violation["id"], [node["html"][:200] for node in violation["nodes"]][:3]) for violation in found]


def test_axe_finds_what_is_wrong_anywhere_on_a_page(site: tuple[Browser, str]) -> None:
    browser, address = site
    page = browser.new_page()
    page.goto(f"{address}/book/notation.html", wait_until="networkidle")
    page.evaluate("""() => {
      document.querySelector(".navbar-brand").innerHTML = "<img src='x.png'>";
      document.querySelector("article p").style.color = "#aaa";
    }""")
    assert {"image-alt", "color-contrast"} <= {name for name, _ in axe(page)}
    page.close()


# Their colours do depend on the width: the two ways to look that the test above leaves out.
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
@pytest.mark.parametrize("name", ["book/index", "book/appendix/rules"])
def test_axe_finds_nothing_in_the_map_and_the_table_of_rules(
    site: tuple[Browser, str], name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    browser, address = site
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(120_000)
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    assert axe(page) == []
    # Nothing in the table scrolls sideways, not within its cell either.
    wide = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"
    assert page.eval_on_selector_all(".tag_rules td, .tag_rules :has(> table)", wide) == []
    page.close()
