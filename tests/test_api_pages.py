"""The API reference: an entry for every public name, and a link to it wherever a page's code says the name."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import chromium, serve
from check_book import toc_pages
from playwright.sync_api import Browser
from sphinx.util.inventory import InventoryFile

import gdcourse as gd

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
HTML = ROOT / "_build" / "html"
sys.path.append(str(ROOT / "book" / "_ext"))

import gd_api  # noqa: E402
import gd_links  # noqa: E402

# For the tools, not for readers: no entry.
TOOLS = {"frontend", "grading"}
MODULES = [
    importlib.import_module(f"gdcourse.{name}")
    for _, name, _ in pkgutil.iter_modules(gd.__path__)
    if name[0] != "_" and name not in TOOLS
]
PUBLIC = [entry for module in MODULES for entry in gd_api.public(module)]
PAGES = [name for name in toc_pages(ROOT) if name.startswith("book/api/")]
CHAPTERS = [name for name in toc_pages(ROOT) if (ROOT / f"{name}.ipynb").exists()]


@pytest.fixture(scope="module")
def entries() -> dict[str, str]:
    """The address of every entry by its full name."""
    if not (HTML / "objects.inv").exists():
        pytest.fail(f"{HTML} is missing: run `make book` first")
    with (HTML / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, uri: uri)
    kinds = ("py:class", "py:function", "py:data", "py:module", "py:method")
    return {name: item[2] for kind in kinds for name, item in inventory.get(kind, {}).items()}


def test_every_module_is_on_one_page_and_in_the_same_section_of_the_overview() -> None:
    def modules(name: str) -> list[str]:
        text = (ROOT / f"{name}.md").read_text()
        return [
            word
            for line in re.findall(r"^\.\. gd-(?:entries|table):: (.+)$", text, re.MULTILINE)
            for word in line.split()
        ]

    overview = PAGES[0]
    listed = [name for page in PAGES[1:] for name in modules(page)]
    assert sorted(listed) == sorted(module.__name__.removeprefix("gdcourse.") for module in MODULES)
    assert modules(overview) == listed


@pytest.mark.parametrize(("kind", "doc", "name"), PUBLIC, ids=[name for _, _, name in PUBLIC])
def test_a_public_name_has_a_docstring_and_an_entry(kind: str, doc: str, name: str, entries: dict[str, str]) -> None:
    assert doc, f"{name} has no docstring"
    # A dataclass or a NamedTuple without a docstring is given its signature for one.
    assert not doc.startswith(f"{name.rsplit('.', 1)[1]}("), f"{name} has no docstring of its own"
    assert entries[name].startswith("book/api/")
    overview = (HTML / "book" / "api" / "index.html").read_text()
    assert f'href="{entries[name].removeprefix("book/api/").replace("$", name)}"' in overview


def test_every_name_that_the_package_offers_is_among_them(entries: dict[str, str]) -> None:
    assert {f"gdcourse.{name}" for name in gd.__all__} <= set(entries)


def test_a_name_without_a_docstring_is_told() -> None:
    def bare() -> None: ...

    module = SimpleNamespace(__name__="gdcourse.losses", bare=bare, __all__=["bare"])
    assert list(gd_api.public(module)) == [("function", "", "gdcourse.losses.bare")]


class Links(HTMLParser):
    """The text and the address of each of a page's links in code."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: dict[str, set[str]] = {}
        self.inside: str | None = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a" and attributes.get("class") == "gd-link":
            self.inside, self.said = attributes["href"], ""

    def handle_data(self, data):
        if self.inside:
            self.said += data

    def handle_endtag(self, tag):
        if tag == "a" and self.inside:
            self.found.setdefault(self.said, set()).add(self.inside.split("#")[1])
            self.inside = None


def named(path: Path) -> Iterator[str]:
    """Yield the dotted names of the package that a notebook's cells use."""
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code" or {"remove-input", "remove-cell"} & set(cell["metadata"].get("tags", [])):
            continue
        code = "".join(cell["source"])
        try:
            tree = ast.parse(re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE))
        except SyntaxError:
            continue
        # What stands in a string (an f-string's braces, say) is not highlighted as a name everywhere.
        strings = {id(node) for part in ast.walk(tree) if isinstance(part, ast.JoinedStr) for node in ast.walk(part)}
        parts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and id(node) not in strings | parts:
                name = ast.unparse(node)
                if re.fullmatch(r"gd(\.\w+)+", name):
                    yield name


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_name_in_the_code_of_a_chapter_is_a_link_to_its_entry(chapter: str, entries: dict[str, str]) -> None:
    links = Links(HTML / f"{chapter}.html").found
    for name in sorted(set(named(ROOT / f"{chapter}.ipynb"))):
        entry, left = gd_links.find(name.replace("gd.", "gdcourse.", 1), entries)
        assert entry, f"{name} has no entry in the API reference"
        part = name.rsplit(".", left)[0] if left else name
        assert part in links, f"{name} is not linked"
        assert len(links[part]) == 1


def test_the_longest_part_of_a_name_that_has_an_entry_is_found() -> None:
    names = {
        "gdcourse.Adam",
        "gdcourse.plots",
        "gdcourse.plots.RULES",
        "gdcourse.line_search.descend",
        "gdcourse.descend",
    }
    assert gd_links.find("gdcourse.plots.RULES.values", names) == ("gdcourse.plots.RULES", 1)
    assert gd_links.find("gdcourse.optimizers.Adam", names) == ("gdcourse.Adam", 0)
    assert gd_links.find("gdcourse.line_search.descend", names) == ("gdcourse.line_search.descend", 0)
    assert gd_links.find("gdcourse.nothing", names) == (None, 0)


def test_a_link_changes_no_text_and_no_keyword_and_no_attribute() -> None:
    def span(*names: str) -> str:
        return gd_links.DOT.join(f'<span class="n">{name}</span>' for name in names)

    body = (
        '<pre><span class="kn">from</span> <span class="nn">gdcourse.line_search</span> '
        '<span class="kn">import</span> '
        f'{span("exact")}\n{span("gd", "descend")}(f, {span("exact")}<span class="o">=</span>1, {span("x", "exact")})\n'
        f"{span('exact')} = {span('gd', 'nothing')}</pre>"
        '<code class="docutils literal notranslate"><span class="pre">gd.descend(f,</span> '
        '<span class="pre">x)</span></code>'
        '<a href="b"><code class="docutils literal notranslate"><span class="pre">gd.descend</span></code></a>'
    )
    objects = {
        name: SimpleNamespace(docname="api", node_id=name)
        for name in ("gdcourse.descend", "gdcourse.line_search.exact")
    }
    app = SimpleNamespace(
        env=SimpleNamespace(get_domain=lambda name: SimpleNamespace(objects=objects)),
        builder=SimpleNamespace(get_relative_uri=lambda page, target: f"{target}.html"),
    )
    context = {"body": body}
    gd_links.add_links(app, "page", "page.html", context, doctree=object())
    after = context["body"]
    assert gd_links.text(after) == gd_links.text(body)
    assert re.findall(r'class="gd-link" href="([^"]+)"', after) == [
        "api.html#gdcourse.line_search.exact",  # the import
        "api.html#gdcourse.descend",
        "api.html#gdcourse.line_search.exact",  # not the keyword, not the attribute of x
        "api.html#gdcourse.descend",  # in the sentence, once
    ]


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Browser, str]]:
    with chromium() as browser, serve(HTML) as address:
        yield browser, address


def test_links_in_code_look_like_the_code_and_are_not_copied(site: tuple[Browser, str]) -> None:
    browser, address = site
    page = browser.new_page()
    page.goto(f"{address}/book/optimizers/momentum.html", timeout=120_000)
    link = page.locator("pre a.gd-link:visible").first
    looks = "node => { const s = getComputedStyle(node); return [s.color, s.textDecorationLine]; }"
    color, line = link.evaluate(looks)
    assert [color, line] == [link.locator("xpath=ancestor::pre").evaluate(looks)[0], "none"]
    link.hover()
    assert link.evaluate(looks)[1] == "underline"
    cell = link.locator("xpath=ancestor::pre")
    source = json.loads((ROOT / "book" / "optimizers" / "momentum.ipynb").read_text())["cells"]
    codes = ["".join(code["source"]) for code in source if code["cell_type"] == "code"]
    # What the copy button takes is the element's text.
    assert cell.inner_text().strip() in codes
    page.close()


def test_every_source_link_leads_to_lines_of_the_repository() -> None:
    for name in PAGES[1:]:
        page = (HTML / f"{name}.html").read_text()
        links = re.findall(r'href="(https://[^"]+/gdcourse/[^"]+\.py)#L(\d+)-L(\d+)"', page)
        assert links, name
        for address, first, last in links:
            path = ROOT / "gdcourse" / address.split("/gdcourse/")[-1]
            assert 0 < int(first) <= int(last) <= len(path.read_text().splitlines()), address


def test_public_functions_are_found_by_definition_not_by_import() -> None:
    names = {name for _, _, name in PUBLIC}
    assert {"gdcourse.Adam", "gdcourse.plots.RULES", "gdcourse.line_search.wolfe", "gdcourse.Explorer"} <= names
    assert "gdcourse.plots.Tensor" not in names
    assert all(inspect.ismodule(module) for module in MODULES)
