"""What pages load: the icons that they show and no others, images that say their size; and where formulas sit."""

import base64
import io
import re
import sys
from pathlib import Path

import pytest
from docutils import nodes
from fontTools.ttLib import TTFont
from PIL import Image

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
sys.path.append(str(ROOT / "book" / "_ext"))

import book_mathjax  # noqa: E402
import book_weight  # noqa: E402

# As the theme writes them: a rule for each icon and its other names, and two fonts.
SHEET = (
    "".join(
        f'@font-face{{src:url(../vendor/fontawesome/webfonts/{name}.woff2) format("woff2"),url(x.ttf)}}'
        for name in ("fa-solid-900", "fa-brands-400")
    )
    + r'.fa-gear:before,.fa-cog:before{content:"\f013"}.fa-github:before{content:"\f09b"}.fa-x:before{content:"X"}'
)


def points(sheet: str) -> list[set[int]]:
    """Return the code points of each font of a style sheet."""
    fonts = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", sheet)
    return [set(TTFont(io.BytesIO(base64.b64decode(font))).getBestCmap()) for font in fonts]


def test_icons_that_are_named_stay_under_any_of_their_names() -> None:
    sheet = book_weight.icons(SHEET, {"fa-cog"}, {"f107"})
    assert points(sheet) == [{0xF013, 0xF107}]
    assert "fa-gear" in sheet
    assert "fa-github" not in sheet
    assert points(book_weight.icons(SHEET, {"fa-gear", "fa-github"}, set())) == [{0xF013}, {0xF09B}]


@pytest.mark.pipeline
def test_every_icon_of_the_book_is_drawn_and_no_script_for_it_is_left() -> None:
    sheet = (HTML / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    drawn = set().union(*points(sheet))
    pages = [page for page in HTML.rglob("*.html") if not {"lite", "_static"} & set(page.parts)]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    classes = set(" ".join(re.findall(r'class="([^"]*\bfa-[^"]*)"', text)).split())
    theme = (book_weight.THEME / book_weight.SHEET).read_text(encoding="utf-8")
    rules = {
        name: point for names, point in book_weight.RULE.findall(theme) for name in book_weight.NAME.findall(names)
    }
    named = classes & rules.keys()
    assert {"fa-github", "fa-rocket", "fa-magnifying-glass", "fa-lightbulb"} <= named
    for name in named:
        assert int(rules[name], 16) in drawn, name
        assert f".{name}:before" in sheet
    assert len(drawn) < 100
    assert "fontawesome.js" not in text
    assert not list((HTML / "_static").rglob("fontawesome.js*"))


@pytest.mark.pipeline
def test_pictures_of_a_chapter_wait_and_say_their_size() -> None:
    page = HTML / "book" / "optimizers" / "adam.html"
    found = re.findall(r'<img ([^>]*)src="(\.\./\.\./_images/[^"]+\.png)"', page.read_text(encoding="utf-8"))
    assert len(found) >= 5
    for attributes, source in found:
        with Image.open(page.parent / source) as image:
            width, height = image.size
        assert f'width="{width}" height="{height}" loading="lazy"' in attributes


@pytest.mark.parametrize(
    ("before", "after", "together"),
    [
        ("so (", ").", "(x)."),
        ("for ", ", as", "x,"),
        ("", ": a", "x:"),
        ("an ", "-fold", "x-"),
        ("at ", " and", None),
        ("and ", "th", None),
        ("a ", " (b)", None),
        ("so: ", "(t)", None),
    ],
)
def test_a_formula_stays_with_its_punctuation(before: str, after: str, together: str | None) -> None:
    formula = nodes.math("", "x")
    line = nodes.paragraph("", "", *([nodes.Text(before)] if before else []), formula, nodes.Text(after))
    book_mathjax.keep_together(formula)
    assert line.astext() == f"{before}x{after}"
    found = [one.astext() for one in line.findall(nodes.inline) if "gd-together" in one["classes"]]
    assert found == ([together] if together else [])
