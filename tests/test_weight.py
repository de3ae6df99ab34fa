"""What pages load: one style sheet, of what they use, and images that say their size; and where formulas sit."""

import base64
import io
import re
import sys
from pathlib import Path

import pytest
import tinycss2
from docutils import nodes
from fontTools.ttLib import TTFont
from PIL import Image

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
sys.path.append(str(ROOT / "book" / "_ext"))

import book_mathjax  # noqa: E402
import book_weight  # noqa: E402


def trim(sheet: str, known: set[str], starts: tuple[str, ...] = ("no-",)) -> str:
    return book_weight.trim(tinycss2.parse_stylesheet(sheet, True, True), known, starts)


@pytest.mark.parametrize(
    "rule",
    [
        ".a .b{x:y}",
        "div.a>#b{x:y}",
        "p{x:y}",
        ".a:not(.c){x:y}",
        ":is(.c,.d) .a{x:y}",
        "@media print{.a{x:y}}",
        ".no-c{x:y}",
        "@font-face{font-family:c}",
        "@keyframes c{from{x:y}}",
        'a[href=".c,.d"]{x:y}',
    ],
)
def test_a_rule_that_can_apply_stays_as_it_is(rule: str) -> None:
    assert trim(rule, {"a", "b"}) == rule


@pytest.mark.parametrize("rule", [".a .c{x:y}", "#c{x:y}", "p.c:not(.a){x:y}", "@media print{.c{x:y}}", ".c,.d{x:y}"])
def test_a_rule_for_what_no_page_has_goes(rule: str) -> None:
    assert trim(f"{rule} .a{{z:1}}", {"a", "b"}) == ".a{z:1}"


def test_of_several_selectors_those_stay_that_can_apply() -> None:
    assert trim(".c,.a:not(.x,.y), .d .b,.b{x:y}", {"a", "b"}) == ".a:not(.x,.y),.b{x:y}"


def test_what_a_page_or_a_script_names_is_known() -> None:
    page = '<p class="one two" id="three">four</p>'
    assert {"one", "two", "three", "show", "bs-tip-"} <= book_weight.words([page], ["x.add(`bs-tip-${y}`, 'show')"])
    assert "four" not in book_weight.words([page], [])


def test_sheets_that_are_put_together_find_their_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.css").write_text('@import "../b.css"; .a{background:url("../x/y.png")}')
    (tmp_path / "b.css").write_text(".b{background:url(data:z)} .c{background:url(fonts/d.woff)}")
    found = book_weight.read(tmp_path, "sub/a.css")
    assert re.findall(r"url\([^)]*\)", found) == ["url(data:z)", "url(fonts/d.woff)", "url(x/y.png)"]


def points(sheet: str) -> list[set[int]]:
    """Return the code points of each font within a style sheet."""
    fonts = re.findall(r"url\(data:font/woff;base64,([^)]*)\)", sheet)
    return [set(TTFont(io.BytesIO(base64.b64decode(font))).getBestCmap()) for font in fonts]


def test_fonts_hold_what_the_sheet_writes(tmp_path: Path) -> None:
    # As the theme and MathJax write them.
    sheet = "".join(
        f'@font-face{{src: url("vendor/fontawesome/webfonts/{name}.woff2") format("woff2"),url(x.ttf)}}'
        for name in ("fa-solid-900", "fa-brands-400")
    )
    sheet += r'.a:before{content:"\f013"} .b:before{content:"\f09b"}'
    assert points(book_weight.embed(sheet, tmp_path)) == [{0xF013}, {0xF09B}]


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    found = [page for page in HTML.rglob("*.html") if not {"lite", "_static"} & set(page.parts)]
    return {page: page.read_text(encoding="utf-8") for page in found if page != HTML / "index.html"}


@pytest.mark.pipeline
def test_every_icon_of_the_book_is_drawn_and_no_script_for_it_is_left(pages: dict[Path, str]) -> None:
    sheet = (HTML / "_static" / "book.css").read_text(encoding="utf-8")
    drawn = set().union(*points(sheet))
    classes = set(" ".join(re.findall(r'class="([^"]*\bfa-[^"]*)"', "".join(pages.values()))).split())
    theme = (book_weight.THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    rules = {
        name: point
        for names, point in re.findall(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', theme)
        for name in re.findall(r"fa-[a-z0-9-]+", names)
    }
    named = classes & rules.keys()
    assert {"fa-github", "fa-rocket", "fa-magnifying-glass", "fa-lightbulb"} <= named
    for name in named:
        assert int(rules[name], 16) in drawn, name
        assert f".{name}:before" in sheet
    assert len(set(re.findall(r"\.fa-[\w-]+:before", sheet))) < 100, "icons that no page shows"
    assert not list((HTML / "_static").rglob("fontawesome*"))
    assert ord("θ") in drawn, "the letters of formulas come with the sheet"


@pytest.mark.pipeline
def test_a_page_has_one_sheet_and_waits_for_no_script(pages: dict[Path, str]) -> None:
    for page, text in pages.items():
        head = text.partition("</head>")[0]
        sheets = [link for link in re.findall(r"<link [^>]*>", head) if 'rel="stylesheet"' in link]
        screen = [link for link in sheets if 'media="print"' not in link]
        assert len(screen) == 1, page
        assert re.search(r'href="(?:\.\./)*_static/book\.css\?v=', screen[0]), page
        for script in re.findall(r"<script [^>]*src=[^>]*>", head) if page.stem != "search" else ():
            assert "defer" in script, (page, script)
        assert "fontawesome.js" not in head, page


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
