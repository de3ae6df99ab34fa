"""The PDF of the book, made here of a few pages: its sheets, contents, bookmarks and links."""

import re
from pathlib import Path
from typing import NamedTuple

import pdf
import pytest
from pypdf import PdfReader
from pypdf.generic import Destination

pytestmark = pytest.mark.pipeline
PAGES = [
    "book/index",
    "book/descent/gradient-descent",
    "book/optimizers/momentum",
    "exercises/release/momentum-and-nesterov/momentum-and-nesterov",
    "book/api/gradients",
    "book/appendix/bibliography",
]
SITE = "https://example.org/course"


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


class Entry(NamedTuple):
    """A bookmark: its title, the sheet that it leads to, from 0, and how deep it lies."""

    title: str
    sheet: int
    depth: int


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    missing = [page for page in PAGES if not (pdf.HTML / f"{page}.html").exists()]
    if missing:
        pytest.fail(f"{missing[0]}.html is not built: run `make book` first")
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    pdf.Book(PAGES, pdf.HTML, SITE).make(out)
    return PdfReader(out)


@pytest.fixture(scope="module")
def texts(book: PdfReader) -> list[str]:
    return [sheet.extract_text() for sheet in book.pages]


def bookmarks(book: PdfReader) -> list[Entry]:
    def walk(items: list, depth: int):
        for item in items:
            if isinstance(item, Destination):
                yield Entry(str(item.title), book.get_destination_page_number(item), depth)
            else:
                yield from walk(item, depth + 1)

    return list(walk(book.outline, 0))


def links(book: PdfReader):
    return [(i, link.get_object()) for i, sheet in enumerate(book.pages) for link in sheet.get("/Annots", ())]


def test_every_page_and_section_has_a_bookmark_at_its_heading(book: PdfReader, texts: list[str]) -> None:
    found = iter(entry for entry in bookmarks(book) if entry.title not in pdf.part_names(pdf.ROOT).values())
    assert next(found) == Entry("Contents", 1, 0)
    for page in PAGES:
        for heading, entry in [(heading, next(found)) for heading in pdf.headings(pdf.HTML / f"{page}.html")]:
            text = texts[entry.sheet]
            assert entry.title == heading.text
            assert squeezed(entry.title) in squeezed(text), f"sheet {entry.sheet + 1} has no “{entry.title}”"
            # The first sheet of a page has no running head, which would name the page too.
            assert heading.level > 1 or text.startswith(f"{entry.sheet + 1}\n")
    assert next(found, None) is None
    assert {entry.title for entry in bookmarks(book) if entry.depth == 0} >= {"Contents", "Descent", "Optimizers"}


def test_contents_name_the_sheets_of_the_bookmarks(book: PdfReader, texts: list[str]) -> None:
    first = min(entry.sheet for entry in bookmarks(book) if entry.title != "Contents")
    contents = squeezed("".join(texts[1:first]))
    for entry in bookmarks(book):
        if entry.title == "Contents" or entry.title in pdf.part_names(pdf.ROOT).values():
            continue
        assert f"{squeezed(entry.title)}{entry.sheet + 1}" in contents, f"“{entry.title}” is on sheet {entry.sheet + 1}"


def test_every_sheet_has_its_number_and_something_else(texts: list[str]) -> None:
    for number, text in enumerate(texts[1:], 2):
        assert str(number) in text.split(), f"sheet {number} has no number, or a wrong one"
        assert len(squeezed(text)) > 20, f"sheet {number} is empty"


def test_formulas_are_set(book: PdfReader, texts: list[str]) -> None:
    prose = "".join(texts)
    for raw in (r"\(", r"\[", r"\begin", r"\frac"):
        assert raw not in prose, f"a formula was not set: {prose[max(0, prose.find(raw) - 60) :][:120]}"
    fonts = [font.get_object() for sheet in book.pages for font in sheet["/Resources"].get("/Font", {}).values()]
    names = {str(font["/FontDescriptor"]["/FontName"]) for font in fonts if "/FontDescriptor" in font}
    assert any("MathJax_Math" in name for name in names), names


def test_links_lead_into_the_pdf_or_to_the_published_book(book: PdfReader, texts: list[str]) -> None:
    first = {entry.title: entry.sheet for entry in bookmarks(book)}
    descent = range(first["6. Gradient descent"], first["11. Momentum"])
    momentum = range(first["11. Momentum"], first["Assignment 4 · Momentum and Nesterov"])
    inside, outside = set(), set()
    for sheet, link in links(book):
        if "/Dest" in link:
            target = book.get_page_number(link["/Dest"][0].get_object())
            top = float(link["/Dest"][3])
            assert 0 < top <= 842
            inside.add((sheet in momentum, target in descent))
        else:
            outside.add(str(link["/A"]["/URI"]))
    assert (True, True) in inside, "no link leads from a chapter to another one"
    assert all(re.match("https?://|mailto:", address) for address in outside), outside
    # A page that is not in the PDF is on the published site.
    assert f"{SITE}/book/optimizers/adam.html" in outside


def test_answers_stand_at_the_end_and_figures_say_where_they_run(texts: list[str]) -> None:
    prose = " ".join(texts)
    chapter = prose[prose.index("11.10. Further reading", prose.index("11.9. Exercises")) :]
    assert (
        "Solution to"
        not in prose[prose.index("11.9. Exercises", prose.index("11.8. Quiz\n")) :].partition("Further")[0]
    )
    assert chapter.index("Answers and solutions") < chapter.index("Quiz, question 1") < chapter.index("Exercise 11.1")
    assert "Move it yourself" in prose
    assert "example.org/course/book/optimizers/momentum.html" in squeezed(prose)
    assert "Show the code" not in prose
    assert "Hint" in prose, "the hints of an assignment are open"


def test_title_author_and_language(book: PdfReader) -> None:
    assert book.metadata is not None
    assert book.metadata.title == "Gradient descent, a course you can run"
    assert book.metadata.author == "The gdcourse authors"
    assert book.trailer["/Root"]["/Lang"] == "en"


def test_a_heading_that_moves_to_the_next_sheet_takes_its_bookmark_along(tmp_path: Path) -> None:
    def section(anchor: str, level: int, text: str) -> str:
        heading = f'<h{level}>{text}<a class="headerlink" href="#{anchor}"></a></h{level}>'
        return f'<section id="{anchor}"><span id="label-{anchor}"></span>{heading}'

    (tmp_path / "a.html").write_text(
        "<style>h2 { break-after: avoid } div { break-inside: avoid }</style><article>"
        + section("first", 1, "First")
        + '<div style="height: 190mm"></div>'  # leaves room for a heading, not for what follows it
        + section("second", 2, "Second")
        + '<div style="height: 90mm"></div></section></section></article>'
    )
    pdf.Book(["a"], tmp_path, SITE).make(tmp_path / "a.pdf")
    made = PdfReader(tmp_path / "a.pdf")
    (sheet,) = [entry.sheet for entry in bookmarks(made) if entry.title == "Second"]
    assert "Second" in made.pages[sheet].extract_text()


def test_an_unknown_page_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"book/nowhere\.html: run 'make book' first"):
        pdf.main(["book/nowhere", "--out", str(tmp_path / "x.pdf")])
