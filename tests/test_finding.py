"""Finding things: the glossary and its previews, the index, the search, the bibliography."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import axe_playwright_python
import pytest
from browser import chromium, serve
from docutils.core import publish_doctree
from docutils.nodes import reference
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "book" / "_ext"))

import book_glossary  # noqa: E402
from book_glossary import Entry  # noqa: E402
from book_search import SearchSymbols  # noqa: E402

pytestmark = pytest.mark.pipeline
HTML = ROOT / "_build" / "html"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
CHAPTER = "book/optimizers/adam.html"
LINK = re.compile(r'<a class="gd-term[^"]*" href="([^"]+)#([^"]+)">([^<]+)</a>')
GLOSSARY = (HTML / "book/appendix/glossary.html").read_text(encoding="utf-8")
ENTRIES = re.findall(r'((?:<dt id="term-[^"]+">.*?</dt>)+)<dd>(.*?)</dd>', GLOSSARY, flags=re.DOTALL)
TERMS = [re.findall(r'<dt id="(term-[^"]+)">(.*?)<', terms) for terms, _ in ENTRIES]


def pages_with_terms() -> dict[str, list[tuple[str, str]]]:
    """Return for each page the entries that it links to, each with the words that are the link."""
    pages = [*HTML.glob("book/*/*.html"), *HTML.glob("exercises/release/*/*.html")]
    found = {path.name: LINK.findall(path.read_text(encoding="utf-8")) for path in pages}
    return {name: [(entry, unescape(words)) for _, entry, words in links] for name, links in found.items() if links}


# --- the glossary


def test_an_entry_has_a_short_definition_and_one_link_to_a_section() -> None:
    assert len(ENTRIES) > 60
    for (first, *_), (_, entry) in zip(TERMS, ENTRIES, strict=True):
        definition, where = re.findall(r"<p>(.*?)</p>", entry, flags=re.DOTALL)
        assert "<a" not in definition, first
        assert len(re.findall(r'href="\.\./[a-z_]+/[a-z-]+\.html#[^"]+"', where)) == 1, first
        words = re.sub(r"<.*?>|\\\(.*?\\\)", " ", definition).split()
        assert 4 < len(words) < 60, first


def test_every_term_is_linked_and_no_page_links_one_twice() -> None:
    pages = pages_with_terms()
    assert {terms[0][0] for terms in TERMS} == {entry for links in pages.values() for entry, _ in links}
    for page, links in pages.items():
        assert max(Counter(entry for entry, _ in links).values()) == 1, page
    chapters = [path.stem for part in ("foundations", "descent", "optimizers", "second_order", "pytorch")
                for path in (ROOT / "book" / part).glob("*.ipynb")]  # fmt: skip
    assert {f"{chapter}.html" for chapter in chapters} < set(pages)


def test_a_page_holds_the_definitions_of_its_terms_and_no_others() -> None:
    page = (HTML / CHAPTER).read_text(encoding="utf-8")
    template = re.search(r'<template id="gd-terms">(.*?)</template>', page, flags=re.DOTALL)
    assert template
    held = re.findall(r'<div id="(term-[^"]+)"><p>', template[1])
    assert sorted(held) == sorted(entry for _, entry, _ in LINK.findall(page))
    assert "<a" not in template[1]


def linked(text: str) -> list[tuple[str, str]]:
    """Link the terms in a page of reStructuredText; return what the links show, and where they lead."""
    entries = [
        Entry("glossary", "gradient", ["gradient"], ""),
        Entry("glossary", "descent", ["gradient descent", "GD"], ""),
        Entry("glossary", "newton", ["Newton's method"], ""),
        Entry("glossary", "minimum", ["local minimum"], ""),
        Entry("glossary", "loss", ["loss"], ""),
    ]
    env = SimpleNamespace(gd_glossary=entries, doc2path=lambda name: f"{name}.ipynb")
    app = SimpleNamespace(env=env, builder=SimpleNamespace(get_relative_uri=lambda here, there: there))
    doctree = publish_doctree(text, settings_overrides={"report_level": 5})
    before = doctree.astext()
    book_glossary.add_links(app, doctree, "chapter")
    assert doctree.astext() == before  # a link changes no word
    return [(link.astext(), link["refuri"]) for link in doctree.findall(reference) if "gd-term" in link["classes"]]


def test_the_first_mention_is_linked_and_the_longest_name_counts() -> None:
    text = "The gradient descent of *GD* and gradient\ndescent; a *gradient*, two gradients."
    assert linked(text) == [("gradient descent", "glossary#descent"), ("gradient", "glossary#gradient")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Gradients and losses.", ["Gradients", "losses"]),
        ("Of two local minima one.", ["local minima"]),
        ("Newton’s method, gradient\ndescent.", ["Newton’s method", "gradient\ndescent"]),
        ("A gradient-free method, lossless; gd.", []),
        ("Title, loss\n===========\n\n``loss``, :math:`loss`, `loss <there.html>`_\n\n::\n\n   loss\n", []),
        (".. figure:: a.png\n\n   The loss.\n\nA loss.", ["loss"]),
        (".. rubric:: Loss", []),
    ],
)
def test_terms_are_found_in_prose_only(text: str, words: list[str]) -> None:
    assert [shown for shown, _ in linked(text)] == words


# --- in the browser


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    with chromium() as browser, serve(HTML) as address:
        yield browser, address


@pytest.fixture
def chapter(site: tuple[Browser, str]) -> Iterator[Page]:
    browser, address = site
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(60_000)
    page.goto(f"{address}/{CHAPTER}", wait_until="load")
    yield page
    page.close()


def test_pointer_shows_the_definition_and_it_stays_while_the_pointer_is_on_it(chapter: Page) -> None:
    tip, link = chapter.locator("#gd-tip"), chapter.get_by_role("link", name="running averages")
    assert not tip.is_visible()
    link.hover()
    tip.wait_for()
    assert "An average in which each past value counts" in tip.inner_text()
    tip.locator("mjx-container").first.wait_for()
    assert link.get_attribute("aria-describedby") == "gd-tip"
    assert tip.get_attribute("role") == "tooltip"
    for _ in range(2):
        tip.hover()
        chapter.wait_for_timeout(600)
        assert tip.is_visible()
    chapter.mouse.move(5, 5)
    tip.wait_for(state="hidden")
    assert link.get_attribute("aria-describedby") is None
    link.hover()
    tip.wait_for()
    chapter.keyboard.press("Escape")
    assert not tip.is_visible()


def test_keyboard_shows_it_and_escape_hides_it(chapter: Page) -> None:
    tip = chapter.locator("#gd-tip")
    links = chapter.locator("a.gd-term")
    chapter.evaluate("document.querySelector('.admonition a.gd-term').focus()")
    chapter.keyboard.press("Tab")
    chapter.keyboard.press("Shift+Tab")
    tip.wait_for()
    first = tip.inner_text()
    chapter.keyboard.press("Escape")
    assert not tip.is_visible()
    assert chapter.evaluate("document.activeElement.classList.contains('gd-term')")
    chapter.keyboard.press("Tab")
    tip.wait_for()
    assert tip.inner_text() != first
    links.nth(0).focus()
    chapter.keyboard.press("Enter")  # the link is a link
    chapter.wait_for_url("**/glossary.html#term-*")


@pytest.mark.parametrize("width", [1280, 360])
def test_every_definition_lies_within_the_window(site: tuple[Browser, str], width: int) -> None:
    browser, address = site
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.goto(f"{address}/{CHAPTER}", wait_until="load")
    page.keyboard.press("Tab")  # from now on focus counts as that of a keyboard
    for index in range(page.locator("a.gd-term").count()):
        box = page.evaluate(
            """async (index) => {
              const link = document.querySelectorAll("a.gd-term")[index];
              document.querySelectorAll("details").forEach((details) => details.open = true);
              link.closest(".toggle-hidden")?.classList.remove("toggle-hidden");
              link.scrollIntoView({block: "center", behavior: "instant"});
              link.focus({preventScroll: true, focusVisible: true});
              await new Promise((resolve) => setTimeout(resolve, 100));
              const tip = document.getElementById("gd-tip").getBoundingClientRect();
              const at = link.getClientRects()[0];
              return [tip.left, tip.right, tip.top, tip.bottom, tip.width, at.top, at.bottom];
            }""",
            index,
        )
        left, right, top, bottom, size, link_top, link_bottom = box
        assert size > 100
        assert left >= 0
        assert right <= width
        assert top >= link_bottom - 1 or bottom <= link_top + 1  # it does not cover its term
    page.close()


def test_a_tap_follows_the_link(site: tuple[Browser, str]) -> None:
    browser, address = site
    context = browser.new_context(viewport={"width": 360, "height": 700}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}", wait_until="load")
    page.locator("a.gd-term").first.tap()
    page.wait_for_url("**/glossary.html#term-*")
    context.close()


def test_definitions_show_without_a_server(site: tuple[Browser, str]) -> None:
    browser, _ = site
    page = browser.new_page()
    page.goto((HTML / CHAPTER).as_uri(), wait_until="load")
    page.locator("a.gd-term").first.hover()
    page.locator("#gd-tip").wait_for()
    page.close()


# --- the index


def test_the_index_lists_terms_names_and_symbols_and_is_in_the_contents() -> None:
    text = unescape((HTML / "genindex.html").read_text(encoding="utf-8")).replace("’", "'")
    links = re.findall(r"<li><a.*?>(.*?)</a>", text, flags=re.DOTALL)
    listed = {re.sub(r"<.*?>|\u200b|\(.*", "", name, flags=re.DOTALL).strip() for name in links}
    names = {unescape(name).replace("’", "'") for terms in TERMS for _, name in terms}
    assert names <= listed
    assert {"descend", "Quadratic", "Trajectory"} <= listed
    assert {"∇", "η", "θ", "κ", "ℓ"} <= listed
    assert "gdcourse" not in re.sub(r'href=".*?"', "", text.split("<article")[1].split("</article>")[0])
    for page in ("book/index", "book/appendix/glossary"):
        assert 'genindex.html"' in (HTML / f"{page}.html").read_text(encoding="utf-8")


# --- the search


def test_symbols_are_words_of_their_own() -> None:
    split = SearchSymbols({}).split
    assert split("∇L = η₁") == ["∇", "L", "η", "₁"]
    assert split(r"\nabla L(\theta)") == ["∇", "nabla", "L", "θ", "theta"]
    assert split(r"\varepsilon_t") == ["ε", "epsilon", "_t"]
    assert split(r"\partial \Delta\theta \beta_2") == ["∂", "partial", "δ", "Delta", "θ", "theta", "β", "beta", "_2"]
    assert split("beta, bias correction") == ["beta", "bias", "correction"]


def search(page: Page, query: str) -> list[str]:
    """Type a query into the search field; return the links of the results."""
    page.get_by_role("button", name="Search").first.click()
    field = page.locator("dialog[open] input[name=q]")
    field.fill(query)
    field.press("Enter")
    page.wait_for_function("document.querySelector('.search-summary')?.innerText")
    return page.eval_on_selector_all("ul.search a", "links => links.map(link => link.getAttribute('href'))")


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("Adam", ["book/appendix/glossary.html#term-Adam", "book/optimizers/adam.html"]),
        ("bias correction", ["book/appendix/glossary.html#term-bias-correction", "book/optimizers/adam.html"]),
        ("∇", ["book/notation.html#index-0"]),
        ("η", ["book/notation.html#index-0"]),
        ("learning rate", ["book/appendix/glossary.html#term-learning-rate"]),
        ("overshoot", ["book/appendix/glossary.html#term-overshoot", "book/optimizers/momentum.html"]),
        ("nabla", ["book/notation.html#index-0"]),
    ],
)
def test_search_finds(chapter: Page, query: str, pages: list[str]) -> None:
    found = search(chapter, query)
    assert set(pages) <= set(found[:5]), found[:8]


def test_a_page_that_was_found_highlights_the_words(chapter: Page) -> None:
    search(chapter, "overshoot")
    chapter.locator("ul.search a[href*='momentum.html']").click()
    chapter.wait_for_url("**/momentum.html*")
    chapter.locator("span.highlighted", has_text="overshoot").first.wait_for(state="attached")
    chapter.evaluate("localStorage.clear()")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
@pytest.mark.parametrize("name", ["search.html?q=overshoot", CHAPTER])
def test_axe_finds_nothing(site: tuple[Browser, str], name: str, width: int, scheme: Literal["light", "dark"]) -> None:
    browser, address = site
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(60_000)
    page.goto(f"{address}/{name}", wait_until="networkidle")
    if name == CHAPTER:
        page.keyboard.press("Tab")
        page.evaluate("document.querySelector('a.gd-term').focus({focusVisible: true})")
        page.locator("#gd-tip").wait_for()
    page.add_script_tag(path=AXE)
    where = {CHAPTER: "#gd-tip, a.gd-term"}.get(name, "article, #search-results, .bd-search-container")
    found = page.evaluate(
        "where => axe.run({include: [...document.querySelectorAll(where)]}).then(result => result.violations)", where
    )
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in found] == []
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
    page.close()


# --- the bibliography

# Works for which no DOI, and no address of their publisher or of an archive, could be checked.
WITHOUT = {
    "himmelblau1972applied",
    "novikoff1962convergence",
    "rastrigin1963convergence",
    "raydan2002relaxed",
    "rechenberg1973evolutionsstrategie",
}


def test_every_work_has_a_doi_or_an_address_shown_as_a_link() -> None:
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    works = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", text, flags=re.MULTILINE | re.DOTALL))
    assert len(works) > 100
    fields = {
        key: dict(re.findall(r"^ *(\w+) *= \{(.*)\},?$", work, flags=re.MULTILINE)) for key, work in works.items()
    }
    assert {key for key, work in fields.items() if not {"doi", "url"} & set(work)} == WITHOUT
    page = unescape((HTML / "book/appendix/bibliography.html").read_text(encoding="utf-8"))
    links = re.findall(r'class="reference external" href="([^"]+)"', page)
    dois = [work["doi"] for work in fields.values() if "doi" in work]
    assert len(set(dois)) == len(dois)
    assert all(re.fullmatch(r"10\.\d{4,5}/\S+", doi) for doi in dois)
    shown = [work for work in fields.values() if {f"https://doi.org/{work.get('doi')}", work.get("url")} & set(links)]
    assert len(shown) == page.count('class="citation"') - len(WITHOUT)
    assert not [key for key, work in fields.items() if "arxiv.org" in work.get("url", "")]  # these have a DOI
