"""The HTML of every built page is valid, and says what the page is; `tools/check_html.py` can tell."""

import re
import sys
from collections import Counter
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest
from check_book import HTML, toc_pages
from check_html import wrong
from docutils.core import publish_doctree
from PIL import Image

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
sys.path.append(str(ROOT / "book" / "_ext"))
sys.path.append(str(ROOT / "tools"))

import book_html  # noqa: E402

PAGES = toc_pages(ROOT)


def page(name: str) -> str:
    path = HTML / f"{name}.html"
    if not path.exists():
        pytest.fail(f"{path} is missing: run `make book` first")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*PAGES, "index", "search", "genindex"])
def test_the_html_of_every_page_is_valid(name: str) -> None:
    assert wrong(page(name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_of_the_text_says_what_it_shows(name: str) -> None:
    article = re.search(r"<article.*</article>", page(name), flags=re.DOTALL)[0]
    texts = [unescape(text) for text in re.findall(r'<img [^>]*?alt="([^"]*)"', article)]
    assert len(texts) == article.count("<img ")
    assert [text for text in texts if len(text.split()) < 4] == []


BAD = {
    "<div><span>x</div>": "end-tag-too-early",
    "<div>x": "expected-one-end-tag-but-got-another",
    "<p>x<ul><li>y</li></ul></p>": "unexpected-end-tag",
    '<p class="a" class="b">x</p>': "duplicate-attribute",
    '<p id="a"></p><p id="a"></p>': "id 'a' is given 2 times",
    "<details><summary><p>x</p></summary></details>": "holds text only",
    "<ul><div>x</div></ul>": "holds items only",
    "<div><li>x</li></div>": "stands in <div>",
    '<a href="x"><button>y</button></a>': "is a control in another",
    '<img src="a.png">': "has no alt",
    '<img src="a b.png" alt="">': "has a space",
    "<h1>x</h1><h3>y</h3>": "comes after <h1>",
    '<button aria-controls="nothing">x</button>': "refers by aria-controls to 'nothing'",
}


@pytest.mark.parametrize(("body", "said"), BAD.items())
def test_bad_html_is_found(body: str, said: str) -> None:
    html = '<!DOCTYPE html><html lang="en"><head><title>x</title></head><body>{}</body></html>'
    good = '<h1 id="a">x</h1><p>y <a href="#a">z</a></p><svg><path d="M0 0"/></svg><img src="a.png" alt="">'
    assert wrong(html.format(good)) == []
    (found,) = wrong(html.format(body))[:1]
    assert said in found


def attributes(name: str, key: str) -> str:
    found = re.findall(rf'<meta (?:name|property)="{key}" content="([^"]*)">', page(name))
    assert len(found) == 1, f"{name} has {len(found)} {key}"
    return unescape(found[0])


def test_every_page_says_what_it_is_and_no_two_the_same() -> None:
    texts = {name: attributes(name, "description") for name in PAGES if name != "book/appendix/bibliography"}
    assert [text for text in texts.values() if not 25 <= len(text) <= 185 or re.search(r"\\|\$|\ue000", text)] == []
    assert [text for text, count in Counter(texts.values()).items() if count > 1] == []
    assert attributes("book/optimizers/adam", "og:title").endswith("Adam")


def test_a_shared_link_shows_a_card_that_is_there() -> None:
    address = attributes("book/optimizers/adam", "og:image")
    assert address.startswith("https://")
    card = HTML / address[address.index("_static/") :]
    assert card.stat().st_size <= 100_000
    with Image.open(card) as picture:
        assert picture.size == (1200, 630)
    signs = re.findall(r'<link rel="(?:icon|apple-touch-icon)" href="([^"]*)"', page("book/optimizers/adam"))
    assert len(signs) == 3
    assert all((HTML / "book" / "optimizers" / sign).is_file() for sign in signs)


def test_the_sign_is_the_one_that_the_tool_draws() -> None:
    import brand

    assert (ROOT / "book" / "_static" / "favicon.svg").read_text() == brand.svg()


def test_a_description_is_whole_sentences_without_tex() -> None:
    def describe(text: str) -> str:
        settings = {"doctitle_xform": False}  # sections stay sections, as Sphinx has it
        return book_html.describe(publish_doctree(f"Title\n=====\n\n{text}", settings_overrides=settings))

    assert describe("One.\nTwo :math:`\\eta`. Three :math:`x`!") == "One. Three x!"
    assert describe("* an item of a list.\n\n.. note:: A box.\n\nA sentence.") == "A sentence."
    assert describe("A " + "word " * 30 + "ends. " + "Next " * 20 + "one.").endswith("ends.")
    assert len(describe("A " + "word " * 60 + "ends.")) <= 185


@pytest.mark.parametrize(
    ("repository", "base", "address"),
    [
        ("https://github.com/Ada/course", "", "https://ada.github.io/course"),
        ("https://github.com/ada/ada.github.io", "", "https://ada.github.io"),
        ("https://github.com/ada/course", "https://example.org/book/", "https://example.org/book"),
    ],
)
def test_where_the_book_is_read(repository: str, base: str, address: str) -> None:
    config = SimpleNamespace(html_baseurl=base, html_theme_options={"repository_url": repository})
    assert book_html.site(config) == address
