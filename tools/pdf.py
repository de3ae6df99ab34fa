"""Make the PDF of the book from its HTML: `make pdf`.

Chromium prints the built pages one after another, in the order of _toc.yml. pypdf joins them behind a title page and a
table of contents, makes the bookmarks, and lets links between pages lead to pages of the PDF. A page's number is that
of its sheet, the title page being 1.

On paper nothing folds. The answers to quizzes and the solutions of exercises stand at the end of their chapter, so that
one can think first; code that the page folds away (set-up, drawing, an assignment's checks) is left out. An interactive
figure is its still picture, with the address where it runs. How a page looks on paper says book/_static/print.css.
"""

import argparse
import html
import os
import re
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

import yaml
from check_book import HTML, ROOT, Page, toc_pages
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, Fit, FloatObject, NameObject, NullObject, TextStringObject
from tqdm import tqdm

sys.path.append(str(ROOT / "book" / "_ext"))

from book_repository import site_address

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOP, SIDE = 20, 21  # mm: the margins above and below, and at the sides
PAPER = f"{TOP}mm {SIDE}mm"
TOP_LINE = 842 - TOP / 25.4 * 72  # of the text on a sheet, in points above its foot
HEADING = re.compile(r'<h([12])\b[^>]*>(.*?)<a class="headerlink" href="#([^"]+)"', re.DOTALL)
INDEX = "genindex"  # leads to its places by links, with no page numbers: paper has no use for it
LEFT_OUT = "all-pages"  # the section of the first page that is a table of contents

# Runs in each page before it is printed.
PREPARE = """async ([address, targets, leftOut]) => {
  const article = document.querySelector("article");
  const make = (tag, attributes, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  document.getElementById(leftOut)?.remove();
  article.querySelectorAll("mjx-assistive-mml").forEach((node) => node.remove());

  const answers = make("section", {}, make("h2", {}, "Answers and solutions"));
  article.querySelectorAll(".quiz-question").forEach((question, i) => {
    const folded = question.querySelector("details");
    const [, right, ...others] = folded.children;
    right.querySelector("p").prepend(make("strong", {}, `Quiz, question ${i + 1}: `));
    answers.append(make("div", { className: "gd-answer" }, right, ...others));
    folded.remove();
  });
  answers.append(...article.querySelectorAll("div.solution"));
  if (answers.childElementCount > 1) article.querySelector("section").append(answers);

  for (const figure of article.querySelectorAll(".gd-explorer")) {
    const link = make("a", { href: `${address}#${figure.closest("section").id}` }, address.replace("https://", ""));
    figure.append(make("p", { className: "gd-address" }, "Move it yourself: ", link));
  }

  // A heading that moves to the next sheet must take along what leads to its section.
  for (const section of article.querySelectorAll("section[id]")) {
    const heading = section.querySelector(":scope > :is(h1, h2, h3, h4, h5, h6)");
    if (!heading) continue;
    const { id } = section;
    section.removeAttribute("id");
    for (const mark of [{ id }, ...section.querySelectorAll(":scope > span[id]:empty")]) {
      heading.replaceChildren(make("span", { id: mark.id }, ...heading.childNodes)); // not empty, or it has no place
      mark.remove?.();
    }
  }
  // Chromium notes the place of what a link in the same page leads to, even if the link is not shown.
  article.append(make("div", { hidden: true }, ...targets.map((id) => make("a", { href: "#" + id }))));

  // A formula or a table that is wider than its place becomes smaller.
  const width = (node) => node.getBoundingClientRect().width;
  const shrink = (node, share) => share < 1 &&
    (node.style.fontSize = `${Math.max(0.5, share * 0.98) * parseFloat(getComputedStyle(node).fontSize)}px`);
  for (const formula of article.querySelectorAll("mjx-container[display]")) {
    const number = formula.parentElement.querySelector(".eqno");
    const room = width(formula.parentElement) - (number ? 2 * width(number) : 0);
    shrink(formula, room / width(formula.querySelector("mjx-math")));
  }
  for (const table of article.querySelectorAll("table")) shrink(table, width(table.parentElement) / width(table));

  const images = [...article.querySelectorAll("img")];
  images.forEach((image) => image.removeAttribute("loading"));
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
  await document.fonts.ready;
}"""

MARGIN_BOX = 'color: #4a5159; font: 8.5pt Arial, "Liberation Sans", sans-serif;'

STYLE = """
@page {{ size: A4; margin: {margins};
  @top-left {{ content: {part}; {box} }} @top-right {{ content: {title}; {box} }}
  @bottom-right {{ content: counter(page); {box} }} }}
@page :first {{ @top-left {{ content: none; }} @top-right {{ content: none; }} }}
html {{ counter-reset: page {sheets}; }}
"""

FRONT = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: {margins}; @bottom-right {{ content: counter(page); {box} }} }}
@page :first {{ @bottom-right {{ content: none; }} }}
body {{ color: #1b1f24; font: 10.5pt/1.5 Arial, "Liberation Sans", sans-serif; margin: 0; }}
a {{ color: inherit; text-decoration: none; }}
.title {{ break-after: page; display: flex; flex-direction: column; height: 250mm; }}
.title h1 {{ font-size: 34pt; line-height: 1.15; margin: 60mm 0 8mm; max-width: 150mm; }}
.title .by {{ font-size: 14pt; }}
.title .foot {{ color: #4a5159; font-size: 9pt; margin-top: auto; max-width: 140mm; }}
h2 {{ font-size: 20pt; margin: 0 0 4mm; }}
h3 {{ break-after: avoid; font-size: 11.5pt; margin: 6mm 0 1mm; }}
.line {{ break-inside: avoid; display: flex; margin: 0.2mm 0; }}
.line i {{ border-bottom: 1px dotted #8a9099; flex: 1; margin: 0 1.5mm 1.2mm; min-width: 8mm; }}
.section {{ color: #4a5159; font-size: 9pt; padding-left: 6mm; }}
.chapter {{ break-after: avoid; font-weight: 600; margin-top: 1.5mm; }}
</style><div class="title"><h1>{title}</h1><div class="by">{author}</div><div class="foot">
Read it with its moving figures, or run it, at {site}. Code that the pages fold away, for set-up and drawing, is left
out here. Text and figures: CC BY 4.0. Code: BSD 3-Clause.</div></div>
<h2>Contents</h2>{lines}</html>"""


class Heading(NamedTuple):
    """A heading of a page: its level, its text, and its anchor."""

    level: int
    text: str
    anchor: str


class Place(NamedTuple):
    """A place in the PDF: a sheet, from 0, and the height above its foot, in points."""

    sheet: int
    top: float


def headings(path: Path) -> list[Heading]:
    """Return the title of a built page and its sections."""
    text = path.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
    found = [Heading(int(level), plain(inner), unquote(anchor)) for level, inner, anchor in HEADING.findall(text)]
    return [heading for heading in found if heading.anchor != LEFT_OUT]


def plain(markup: str) -> str:
    """Return the text of some HTML."""
    return " ".join(html.unescape(re.sub(r"<math.*?</math>|<[^>]+>", "", markup)).split())


def part_names(root: Path) -> dict[str, str]:
    """Return the name of the part that each page of _toc.yml belongs to, none for the first page."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def files(entries: list) -> list[str]:
        return [file for entry in entries for file in (entry["file"], *files(entry.get("sections", [])))]

    return {page: part["caption"] for part in toc["parts"] for page in files(part["chapters"])}


def quoted(text: str) -> str:
    """Return a text as a string of CSS."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Book:
    """The PDF of some pages, while it is made."""

    def __init__(self, pages: Sequence[str], folder: Path, site: str) -> None:
        self.pages, self.folder, self.site = pages, folder, site.rstrip("/")
        self.headings = {page: headings(folder / f"{page}.html") for page in pages}
        self.parts = part_names(ROOT)
        self.settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
        self.places: dict[tuple[str, str], Place] = {}  # of an anchor of a page; of the page itself, ""
        self.targets = {page: {heading.anchor for heading in self.headings[page]} for page in pages}
        for page in pages:
            for link in Page(folder / f"{page}.html").links:
                other, anchor = self.split(page, link)
                if other in self.targets and anchor:
                    self.targets[other].add(anchor)

    def address(self, page: str) -> str:
        """Return the address of a built page."""
        return (self.folder / f"{page}.html").as_uri()

    def split(self, page: str, link: str) -> tuple[str | None, str]:
        """Return the page and the anchor that a link in a page leads to; no page where that is not in the book."""
        path, anchor = urldefrag(link)
        if urlsplit(path).scheme not in ("", "file"):
            return None, ""
        base = self.folder / f"{page}.html"
        target = Path(os.path.normpath(base.parent / unquote(urlsplit(path).path))) if path else base
        name = target.relative_to(self.folder).as_posix() if target.is_relative_to(self.folder) else ""
        return name.removesuffix(".html") or None, unquote(anchor)

    def front(self) -> str:
        """Return the title page and the contents as HTML."""
        lines, part = [], None
        for page in self.pages:
            if self.parts.get(page) != part:
                part = self.parts.get(page)
                lines.append(f"<h3>{html.escape(part or '')}</h3>")
            for heading in self.headings[page]:
                place = self.places.get((page, heading.anchor))
                kind = "chapter" if heading.level == 1 else "section"
                lines.append(
                    f'<p class="line {kind}"><a href="{html.escape(self.address(page))}#{heading.anchor}">'
                    f"{html.escape(heading.text)}</a><i></i><span>{place.sheet + 1 if place else 999}</span></p>"
                )
        return FRONT.format(
            title=html.escape(self.settings["title"]),
            author=html.escape(self.settings["author"]),
            language=self.settings["sphinx"]["config"]["language"],
            site=self.site.removeprefix("https://"),
            lines="\n".join(lines),
            margins=PAPER,
            box=MARGIN_BOX,
        )

    def make(self, out: Path) -> None:
        """Print the pages and join them."""
        with TemporaryDirectory() as scratch, sync_playwright() as playwright:
            installed = next(filter(None, map(shutil.which, BROWSERS)), None)
            browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox", "--disable-gpu"])
            # As wide as the text on the paper, so that what is measured is what is printed.
            width = round((210 - 2 * SIDE) / 25.4 * 96)
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
            tab.set_default_timeout(120_000)
            tab.emulate_media(media="print")
            # Scripts only fold, move or colour what paper shows as it is.
            tab.route(re.compile(r"^https?:|\.js(\?|$)"), lambda route: route.abort())

            def print_front() -> PdfReader:
                tab.set_content(self.front(), wait_until="load")
                tab.pdf(path=f"{scratch}/front.pdf", prefer_css_page_size=True)
                return PdfReader(f"{scratch}/front.pdf")

            sheets = len(print_front().pages)
            printed = []
            for number, page in enumerate(tqdm(self.pages, desc="pages", unit="page")):
                path = f"{scratch}/{number}.pdf"
                tab.goto(self.address(page), wait_until="load")
                tab.evaluate(PREPARE, [f"{self.site}/{page}.html", sorted(self.targets[page]), LEFT_OUT])
                part, title = quoted(self.parts.get(page, "")), quoted(self.headings[page][0].text)
                style = STYLE.format(part=part, title=title, sheets=sheets, margins=PAPER, box=MARGIN_BOX)
                tab.add_style_tag(content=style)
                tab.pdf(path=path, prefer_css_page_size=True, print_background=True)
                reader = PdfReader(path)
                self.places[page, ""] = Place(sheets, TOP_LINE)
                for name, place in reader.named_destinations.items():
                    sheet = sheets + reader.get_page_number(place["/Page"].get_object())
                    # Chromium measures from the corner of the text, not of the paper.
                    top = float(place["/Top"]) - (842 - TOP_LINE)
                    self.places[page, unquote(name.removeprefix("/"))] = Place(sheet, top)
                printed.append(reader)
                sheets += len(reader.pages)
            self.join([print_front(), *printed]).write(out)
            browser.close()

    def join(self, printed: Sequence[PdfReader]) -> PdfWriter:
        """Join what was printed, and make its links and bookmarks."""
        writer = PdfWriter()
        owners = []
        for reader, page in zip(printed, ["", *self.pages], strict=True):
            for sheet in reader.pages:
                writer.add_page(sheet)
                owners.append(page)
        for sheet, page in zip(writer.pages, owners, strict=True):
            for link in sheet.get("/Annots", ()):
                self.mend_link(link.get_object(), page, writer)
        writer.add_outline_item(title="Contents", page_number=1)
        for before, page in pairwise([None, *self.pages]):
            if self.parts.get(page) != self.parts.get(before):
                part = writer.add_outline_item(
                    title=self.parts[page], page_number=self.places[page, ""].sheet, bold=True
                )
            above = part if page in self.parts else None
            for heading in self.headings[page]:
                sheet, top = self.places[page, heading.anchor]
                item = writer.add_outline_item(
                    title=heading.text, page_number=sheet, parent=above, fit=Fit.xyz(None, top), is_open=False
                )
                above = item if heading.level == 1 else above
        writer.add_metadata({"/Title": self.settings["title"], "/Author": self.settings["author"]})
        writer.root_object[NameObject("/Lang")] = TextStringObject(self.settings["sphinx"]["config"]["language"])
        writer.page_mode = "/UseOutlines"
        writer.create_viewer_preferences().display_doctitle = True
        return writer

    def mend_link(self, link: dict, page: str, writer: PdfWriter) -> None:
        """Let a link of a page lead to a place of the PDF, or else to the published book."""
        # Within its page, a link of Chromium's leads to a name.
        named = link.pop("/Dest", None)
        target = f"#{str(named).removeprefix('/')}" if named else link["/A"]["/URI"]
        other, anchor = self.split(page, target)
        place = self.places.get((other, anchor)) or self.places.get((other, ""))
        if place:
            link.pop("/A", None)
            sheet = writer.pages[place.sheet].indirect_reference
            link[NameObject("/Dest")] = ArrayObject(
                [sheet, NameObject("/XYZ"), NullObject(), FloatObject(round(place.top, 1)), NullObject()]
            )
        elif other:
            link["/A"][NameObject("/URI")] = TextStringObject(target.replace(self.folder.as_uri(), self.site))


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the PDF."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="pages of _toc.yml; if none is named all, less the index")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "gdcourse.pdf")
    parser.add_argument("--site", default=site_address(ROOT), help="address of the published book (%(default)s)")
    options = parser.parse_args(arguments)
    pages = options.pages or [page for page in toc_pages(ROOT) if page != INDEX]
    missing = [page for page in pages if not (HTML / f"{page}.html").is_file()]
    if missing:
        sys.exit(f"There is no {HTML / missing[0]}.html: run 'make book' first.")
    Book(pages, HTML, options.site).make(options.out)
    print(f"{options.out}: {len(PdfReader(options.out).pages)} pages")


if __name__ == "__main__":
    main()
