"""Check the built book: every page of _toc.yml is there, and every link within the book leads somewhere.

With `--external`, list the links that leave the book, with the pages they stand on; none is asked for.
"""

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"


def toc_pages(root: Path) -> list[str]:
    """List the pages of _toc.yml, in the order of the book."""

    def walk(entry):
        if isinstance(entry, dict):
            yield from (value for key, value in entry.items() if key in ("root", "file"))
            entry = list(entry.values())
        if isinstance(entry, list):
            for value in entry:
                yield from walk(value)

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [page.removesuffix(".md").removesuffix(".ipynb") for page in walk(toc)]


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.depth = 0  # of the article: links of the theme around it are the same on every page
        self.external: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.depth += tag == "article"
        for name, value in attributes:
            if value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)
            elif value and name in ("href", "src"):
                self.links.add(value)
                if self.depth and urlsplit(value).scheme in ("http", "https"):
                    self.external.add(value)

    def handle_endtag(self, tag):
        self.depth -= tag == "article"


def external_links(html: Path, pages: list[str]) -> dict[str, list[str]]:
    """Return the addresses outside of the book that its text links to, each with the pages it stands on."""
    found: dict[str, list[str]] = {}
    for name in pages:
        for link in Page(html / f"{name}.html").external:
            found.setdefault(link, []).append(name)
    return dict(sorted(found.items()))


def broken_links(html: Path, pages: list[str]) -> list[str]:
    """Describe the links of these pages that lead nowhere in the folder."""
    load = cache(Page)
    broken = []
    for name in pages:
        path = html / f"{name}.html"
        for link in sorted(load(path).links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append(f"{name}: {link} leads to no file")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in load(target).anchors:
                broken.append(f"{name}: {link} leads to no anchor")
    return broken


def main() -> int:
    pages = toc_pages(ROOT)
    missing = [name for name in [*pages, "index"] if not (HTML / f"{name}.html").is_file()]
    wrong = [f"{name}.html was not built" for name in missing] or broken_links(HTML, pages)
    if not missing and "--external" in sys.argv[1:]:
        for link, names in external_links(HTML, pages).items():
            print(link, *names, sep="\n    ")
        return 0
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"{len(pages)} pages, every internal link leads somewhere")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
