"""Draw which chapter needs which, from what the chapters themselves say.

Every chapter has one line that begins with ``*You need:*``. The chapters that the first sentence of that line links to
are those that it needs; what is only of help stands in a second sentence. The directive

    ```{chapter-map}
    ```

draws the chapters one under the other, in the order of `_toc.yml`, each joined to those that it needs. What follows
from other lines is left out: who needs Adam needs what Adam needs.
"""

import json
import posixpath
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

# Measures of the drawing, in the units of its view box: a phone shows them at about 0.9 px.
WIDTH, DOTS, TEXT = 360, 104, 118  # the whole; where the dots stand; where the titles begin
ROW, LINE, HEADING = 28, 17, 40  # a title of one line; each further line of it; the name of a part
COLUMNS = 31  # characters of a title in a line


class Chapter(NamedTuple):
    """A chapter, with the pages of the chapters that it says it needs."""

    page: str
    part: str
    number: int
    title: str
    needs: tuple[str, ...]


def read_chapters(root: Path) -> list[Chapter]:
    """Read the chapters, that is the pages of the numbered parts of _toc.yml, in the order of the book."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    pages = [
        (entry["file"], part["caption"]) for part in toc["parts"] if part.get("numbered") for entry in part["chapters"]
    ]
    known = {page for page, _ in pages}
    chapters = []
    for number, (page, part) in enumerate(pages, 1):
        text = _text(source(root, page))
        title = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
        if title is None:
            raise ValueError(f"{page} has no title")
        needs = tuple(link for link in needed_links(page, text) if link in known)
        chapters.append(Chapter(page, part, number, title[1].strip(), needs))
    return chapters


def source(root: Path, page: str) -> Path:
    """Return the file of a page."""
    notebook = root / f"{page}.ipynb"
    return notebook if notebook.exists() else root / f"{page}.md"


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def needed_links(page: str, text: str) -> list[str]:
    """Return the pages that the first sentence of a page's line `*You need:*` links to."""
    lines = re.findall(r"^\*You need:\*(.*)$", text, flags=re.MULTILINE)
    if len(lines) != 1:
        raise ValueError(f"{page} must have one line that begins with *You need:*, but has {len(lines)}")
    sentence = re.split(r"\.(?=\s|$)", lines[0])[0]
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", sentence)
    links = [re.sub(r"\.(md|ipynb)$", "", link) for link in links if "://" not in link]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) for link in links]


def problems(chapters: Sequence[Chapter]) -> list[str]:
    """Say what is wrong with what the chapters need: only earlier chapters may be needed, so there is no circle."""
    order = {chapter.page: chapter.number for chapter in chapters}
    return [
        f"{chapter.page} needs {need}, which comes later in _toc.yml: name it in a second sentence, or move a chapter"
        for chapter in chapters
        for need in chapter.needs
        if order[need] >= chapter.number
    ]


def all_needed(chapters: Sequence[Chapter]) -> dict[str, set[str]]:
    """Return for each chapter all that it needs, also by way of others."""
    everything: dict[str, set[str]] = {}
    for chapter in chapters:
        everything[chapter.page] = set(chapter.needs).union(*(everything.get(need, set()) for need in chapter.needs))
    return everything


def joined(chapters: Sequence[Chapter]) -> dict[str, list[str]]:
    """Return for each chapter what it needs, without what one of these needs in its turn."""
    everything = all_needed(chapters)
    return {
        chapter.page: [need for need in chapter.needs if not any(need in everything[other] for other in chapter.needs)]
        for chapter in chapters
    }


def short(title: str) -> str:
    """Return a title without what follows its colon."""
    return title.split(": ")[0]


def _wrapped(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > COLUMNS:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def draw(chapters: Sequence[Chapter], address: Callable[[str], str]) -> str:
    """Return the map as SVG; ``address(page)`` is what a chapter's link leads to."""
    edges, titles = joined(chapters), {chapter.page: short(chapter.title) for chapter in chapters}
    at: dict[str, float] = {}
    drawn, y, part = [], 0.0, None
    for chapter in chapters:
        if chapter.part != part:
            part = chapter.part
            y += HEADING
            drawn.append(f'<text class="part" x="{TEXT}" y="{y - 9:g}">{escape(part)}</text>')
        lines = _wrapped(f"{chapter.number} {titles[chapter.page]}")
        at[chapter.page] = middle = y + ROW / 2
        arcs = "".join(f'<path d="{_arc(at[need], middle)}"/>' for need in edges[chapter.page])
        needs = ", ".join(titles[need] for need in edges[chapter.page])
        name = f"{chapter.number} {titles[chapter.page]}" + (
            f"; needs {needs}" if needs else "; needs no other chapter"
        )
        text = "".join(
            f'<tspan x="{TEXT}" y="{middle + 5 + i * LINE:g}">{escape(line)}</tspan>' for i, line in enumerate(lines)
        )
        drawn.append(
            f'<g class="chapter">{arcs}<a href="{escape(address(chapter.page))}" aria-label="{escape(name)}">'
            f'<title>{escape(name)}</title><circle cx="{DOTS}" cy="{middle:g}" r="5"/><text>{text}</text></a></g>'
        )
        y += ROW + LINE * (len(lines) - 1)
    label = "Map of the chapters: a line leads to each from those that it needs"
    return (
        f'<svg class="chapter-map" viewBox="0 0 {WIDTH} {y + 6:g}" role="group" aria-label="{label}">'
        f"{''.join(drawn)}</svg>"
    )


def _arc(y1: float, y2: float) -> str:
    """Return a path on the left of the dots: the farther it goes, the farther out."""
    out = DOTS - 4 - min(130.0, 6 + 0.9 * (y2 - y1) ** 0.78)
    return f"M{DOTS - 4} {y1:g}C{out:.1f} {y1:g} {out:.1f} {y2:g} {DOTS - 4} {y2:g}"


def listed(chapters: Sequence[Chapter], address: Callable[[str], str]) -> str:
    """Return the map as a list, folded."""
    edges, by_page = joined(chapters), {chapter.page: chapter for chapter in chapters}

    def link(page: str) -> str:
        return f'<a href="{escape(address(page))}">{escape(short(by_page[page].title))}</a>'

    items = []
    for chapter in chapters:
        needs = ", ".join(link(need) for need in edges[chapter.page])
        items.append(f"<li>{link(chapter.page)}" + (f" needs {needs}" if needs else "") + "</li>")
    return f'<details class="chapter-list"><summary>The same as a list</summary><ol>{"".join(items)}</ol></details>'


class ChapterMap(SphinxDirective):
    """The map of the chapters, and the same as a list."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        chapters = read_chapters(root)
        for file in [root / "_toc.yml", *(source(root, chapter.page) for chapter in chapters)]:
            self.env.note_dependency(str(file))
        wrong = problems(chapters)
        for line in wrong:
            logging.getLogger(__name__).warning(line, location=self.get_location())
        if wrong:
            return []

        def address(page: str) -> str:
            return self.env.app.builder.get_relative_uri(self.env.docname, page)

        return [nodes.raw("", draw(chapters, address) + listed(chapters, address), format="html")]


def setup(app):
    app.add_directive("chapter-map", ChapterMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
