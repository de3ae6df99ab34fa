"""The book's settings: its repository's address, and what `make book` builds from them."""

import shutil
import subprocess
import sys
from pathlib import Path

import check_book
import notebooks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
sys.path.append(str(ROOT / "book" / "_ext"))

from book_repository import find_repository, parse_remote  # noqa: E402

REMOTES = {
    "https://github.com/ada/course.git": "https://github.com/ada/course",
    "https://github.com/ada/course": "https://github.com/ada/course",
    "https://github.com/ada/course.notes/": "https://github.com/ada/course.notes",
    "https://ada:token@github.com/ada/course.git": "https://github.com/ada/course",
    "git@github.com:ada/course.git": "https://github.com/ada/course",
    "ssh://git@github.com/ada/course.git": "https://github.com/ada/course",
    "ssh://git@github.com:22/ada/course": "https://github.com/ada/course",
    "https://gitlab.com/ada/course.git": None,
    "https://github.com.example.org/ada/course": None,
    "https://notgithub.com/ada/course": None,
    "https://github.com/ada": None,
    "/srv/git/course.git": None,
    "": None,
}


@pytest.mark.parametrize(("remote", "address"), REMOTES.items())
def test_address_of_a_remote(remote: str, address: str | None) -> None:
    assert parse_remote(remote) == address


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", "-C", str(folder), *args], check=True, capture_output=True)


def test_repository_comes_from_the_workflow_else_from_origin_else_from_the_settings(tmp_path: Path) -> None:
    workflow = {"GITHUB_REPOSITORY": "ada/course", "GITHUB_REF_NAME": "2027"}
    git(tmp_path, "init", "-q")
    assert find_repository({}, tmp_path) == (None, None)
    git(tmp_path, "remote", "add", "origin", "git@github.com:bob/fork.git")
    assert find_repository({}, tmp_path) == ("https://github.com/bob/fork", None)
    git(tmp_path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert find_repository(workflow, tmp_path) == ("https://github.com/ada/course", "2027")
    assert find_repository(workflow | {"GITHUB_REF_NAME": "12/merge"}, tmp_path)[1] is None
    assert find_repository(workflow | {"GITHUB_SERVER_URL": "https://github.ada.org"}, tmp_path)[0] == (
        "https://github.ada.org/ada/course"
    )


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of two pages with our settings and extensions; its notebook would leave a file if it were executed."""
    root = tmp_path_factory.mktemp("book")
    shutil.copy(ROOT / "_config.yml", root)
    for folder in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / folder, root / "book" / folder)
    (root / "book" / "references.bib").touch()
    (root / "book" / "index.md").write_text("# A book\n\nWith a formula, $x^2$.\n")
    cells = [
        new_markdown_cell("# A chapter"),
        new_code_cell(
            "open('executed', 'w')",
            outputs=[new_output("stream", name="stdout", text="the stored output")],
        ),
    ]
    (root / "book" / "part").mkdir()
    chapter = notebooks.to_text(notebooks.normalise(new_notebook(cells=cells)))
    (root / "book" / "part" / "chapter.ipynb").write_text(chapter)
    (root / "book" / "part" / "draft.md").write_text("# Not in the book yet\n")
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n- file: book/part/chapter\n")
    return root


def build(root: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root), "-W", "--keep-going"]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True)


def test_build_executes_nothing_and_links_to_the_repository_it_is_built_from(small_book: Path) -> None:
    def addresses(repository: str, branch: str, **environ: str) -> None:
        done = build(small_book, **environ)
        assert done.returncode == 0, done.stderr
        page = (small_book / "_build/html/book/part/chapter.html").read_text()
        chapter = "book/part/chapter.ipynb"
        assert f'href="https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{chapter}"' in page
        assert f'href="https://colab.research.google.com/github/{repository}/blob/{branch}/{chapter}"' in page
        assert f'href="https://github.com/{repository}"' in page

    addresses("gdcourse/gdcourse", "main")
    git(small_book, "init", "-q")
    git(small_book, "remote", "add", "origin", "git@github.com:bob/fork.git")
    addresses("bob/fork", "main")
    addresses("ada/course", "2027", GITHUB_REPOSITORY="ada/course", GITHUB_REF_NAME="2027")

    html = small_book / "_build" / "html"
    assert "the stored output" in (html / "book/part/chapter.html").read_text()
    assert not list(small_book.rglob("executed"))
    assert not list(html.rglob("draft.html"))
    assert (html / "_static" / "mathjax" / "formulas.css").exists()
    assert check_book.broken_links(html, check_book.toc_pages(small_book)) == []


def test_build_fails_on_a_warning(small_book: Path) -> None:
    page = small_book / "book" / "index.md"
    before = page.read_text()
    page.write_text(before + "\nA dead {ref}`reference`.\n")
    done = build(small_book)
    assert done.returncode != 0
    assert "undefined label: 'reference'" in done.stderr
    page.write_text(before)


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="here"></p><a href="b.html#there">b</a><a href="#here">a</a>')
    (tmp_path / "b.html").write_text('<img src="c.png"><a href="https://example.org/">elsewhere</a>')
    assert check_book.broken_links(tmp_path, ["a", "b"]) == [
        "a: b.html#there leads to no anchor",
        "b: c.png leads to no file",
    ]


def test_links_that_leave_the_book_are_listed_with_their_pages(tmp_path: Path) -> None:
    text = '<a href="https://a.org/">theme</a><article><a href="https://b.org/x">b</a><a href="c.html">c</a></article>'
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(text)
    assert check_book.external_links(tmp_path, ["a", "b"]) == {"https://b.org/x": ["a", "b"]}


def test_every_page_of_the_contents_has_a_source() -> None:
    pages = check_book.toc_pages(ROOT)
    assert pages[0] == "book/index"
    assert len(pages) == len(set(pages))
    assert [page for page in pages if not any((ROOT / f"{page}{end}").exists() for end in (".md", ".ipynb"))] == []
