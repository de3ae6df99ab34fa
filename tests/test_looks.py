"""How the built pages look: the keyboard does what the mouse does, text reflows, nothing moves or glares unasked."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium, serve
from PIL import Image, ImageStat
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
pytestmark = pytest.mark.pipeline
CHAPTER = "book/optimizers/momentum"

# Every element whose transition or animation lasts longer than a blink.
MOVING = """() => [...document.querySelectorAll("*")].filter(node => {
  const style = getComputedStyle(node);
  const times = `${style.transitionDuration}, ${style.animationDuration}`.split(", ");
  return style.scrollBehavior === "smooth" || times.some(time => parseFloat(time) > 0.01);
}).map(node => node.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    if not (HTML / "index.html").exists():
        pytest.fail(f"{HTML} is missing: run `make book` first")
    with chromium() as browser, serve(HTML) as address:
        yield browser, address


def visit(site: tuple[Browser, str], name: str, width: int = 1280, **settings) -> Page:
    browser, address = site
    page = browser.new_page(viewport={"width": width, "height": 800}, **settings)
    page.set_default_timeout(120_000)  # ms: the machine may be busy
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    return page


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def is_seen(page: Page) -> bool:
    """Say whether the element with the focus shows that it has it."""
    return page.evaluate("""() => {
      const style = getComputedStyle(document.activeElement);
      return style.opacity === "1" && (style.outlineStyle !== "none" || style.boxShadow !== "none");
    }""")


def test_the_first_tab_stop_skips_to_the_text(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER)
    page.keyboard.press("Tab")
    assert 'href="#main-content"' in focused(page)
    assert page.locator("#pst-skip-link").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), focused(page)
    page.close()


def test_the_keyboard_unfolds_code_and_solutions_and_reaches_the_copy_buttons(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER)
    page.keyboard.press("Tab")  # from here on the browser shows the focus
    summary = page.locator("details.above-input > summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.above-input").first.get_attribute("open") is not None
    assert is_seen(page)
    copy = page.locator("details.above-input[open] button.copybtn").first
    copy.focus()
    page.wait_for_function("() => getComputedStyle(document.activeElement).opacity === '1'")
    assert is_seen(page)
    solution = page.locator("div.solution").first
    assert not solution.locator("p").last.is_visible()
    solution.locator("button.toggle-button").focus()
    assert is_seen(page)
    page.keyboard.press("Enter")
    solution.locator("p").last.wait_for(state="visible")
    page.close()


def test_the_keyboard_opens_and_closes_the_contents_on_a_phone(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER, 360)
    link = page.locator(".bd-sidebar-primary a, #pst-primary-sidebar-modal a", has_text="Nesterov").first
    assert not link.is_visible()
    page.locator("button.primary-toggle").focus()
    page.keyboard.press("Enter")
    page.locator("#pst-primary-sidebar-modal[open]").wait_for()
    assert page.evaluate("document.activeElement.closest('dialog') !== null"), focused(page)
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('#pst-primary-sidebar-modal').open")
    page.close()


@pytest.mark.parametrize("width", [640, 320])  # a laptop at 200 % and at 400 %
@pytest.mark.parametrize("name", ["book/index", CHAPTER, "book/pytorch/training-loop", "book/api/optimizers"])
def test_text_reflows_when_a_page_is_enlarged(site: tuple[Browser, str], name: str, width: int) -> None:
    page = visit(site, name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_nothing_moves_for_a_reader_who_asks_for_that(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER)
    assert page.evaluate(MOVING), "the test would see nothing"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(MOVING) == []
    page.close()


def test_figures_do_not_glare_in_the_dark(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER, color_scheme="dark")
    figures = page.locator("div.cell_output img:visible").all()
    assert len(figures) >= 3
    for figure in figures:
        picture = Image.open(io.BytesIO(figure.screenshot())).convert("L")
        assert ImageStat.Stat(picture).mean[0] < 90, figure.get_attribute("alt")
    page.close()


def test_a_line_of_text_is_not_too_long_on_a_wide_screen(site: tuple[Browser, str]) -> None:
    page = visit(site, CHAPTER, 1920)
    width = "node => node.getBoundingClientRect().width / parseFloat(getComputedStyle(node).fontSize)"
    assert page.locator("article p").nth(1).evaluate(width) < 48  # em: about 90 letters
    page.close()
