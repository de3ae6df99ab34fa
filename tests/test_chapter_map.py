"""The map of the chapters: it says what the chapters say, and no chapter needs a later one."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
EXTENSIONS = ROOT / "book" / "_ext"
sys.path.append(str(EXTENSIONS))

import chapter_map  # noqa: E402
from chapter_map import Chapter  # noqa: E402

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def chapters() -> list[Chapter]:
    return chapter_map.read_chapters(ROOT)


def test_no_chapter_needs_a_later_one_or_itself(chapters: list[Chapter]) -> None:
    assert chapter_map.problems(chapters) == []


def test_every_chapter_is_on_the_map_once_and_in_the_list(chapters: list[Chapter]) -> None:
    svg = ElementTree.fromstring(chapter_map.draw(chapters, lambda page: f"{page}.html"))
    links = [link.get("href") for link in svg.iter("a")]
    files = sorted(
        path
        for part in ("foundations", "descent", "optimizers", "second_order", "pytorch")
        for path in (ROOT / "book" / part).glob("*.ipynb")
    )
    assert links == [f"{chapter.page}.html" for chapter in chapters]
    assert sorted(str(path.relative_to(ROOT).with_suffix(".html")) for path in files) == sorted(links)
    assert all((link.get("aria-label") or "").strip() for link in svg.iter("a"))
    joined = chapter_map.joined(chapters)
    assert len(list(svg.iter("path"))) == sum(map(len, joined.values()))
    items = chapter_map.listed(chapters, str).split("<li>")[1:]
    for chapter, item in zip(chapters, items, strict=True):
        assert re.findall('href="([^"]+)"', item) == [chapter.page, *joined[chapter.page]]


def test_needs_are_the_links_of_the_first_sentence() -> None:
    def needs(line: str) -> list[str]:
        return chapter_map.needed_links("book/b/here", f"# Here\n\n*You need:* {line}\n")

    assert needs("nothing.") == []
    assert needs("[A](../a/a.ipynb), above all {eq}`a-b`; [B](b.ipynb#part) up to 1.5. [C](c.ipynb) helps.") == [
        "book/a/a",
        "book/b/b",
    ]
    assert needs("[Out](https://example.org/a.html) and [B](b.md)") == ["book/b/b"]
    for text in ("# Here\n", "*You need:* a.\n\n*You need:* b.\n"):
        with pytest.raises(ValueError, match="book/b/here must have one line"):
            chapter_map.needed_links("book/b/here", text)


def made(**needs: str) -> list[Chapter]:
    return [
        Chapter(page, "Part", i, f"{page}: more", tuple(wanted)) for i, (page, wanted) in enumerate(needs.items(), 1)
    ]


def test_what_follows_from_other_lines_is_not_drawn() -> None:
    assert chapter_map.joined(made(a="", b="a", c="ab", d="ac")) == {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}


def test_a_circle_and_a_later_chapter_are_found() -> None:
    assert len(chapter_map.problems(made(a="b", b="a", c="c"))) == 2


def test_the_directive_draws_and_warns(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\nextensions = ['chapter_map', 'myst_parser']\n"
    )
    toc = "parts:\n- caption: Part & more\n  numbered: true\n  chapters:\n  - file: sub/a\n  - file: sub/b\n"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "index.md").write_text("# Index\n\n```{toctree}\nsub/a\nsub/b\n```\n\n```{chapter-map}\n```\n")
    (tmp_path / "sub").mkdir()

    def build(a: str, b: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "sub" / "a.md").write_text(f"# A < B\n\n*You need:* {a}.\n")
        (tmp_path / "sub" / "b.md").write_text(f"# B\n\n*You need:* {b}.\n")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(tmp_path), str(tmp_path / "out")]
        return subprocess.run(command, capture_output=True, text=True)

    done = build("nothing", "[A](a.md)")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "index.html").read_text()
    assert '<a href="sub/b.html" aria-label="2 B; needs A &lt; B">' in page
    assert "Part &amp; more" in page
    done = build("[B](b.md)", "nothing")
    assert done.returncode != 0
    assert "sub/a needs sub/b, which comes later" in done.stderr
