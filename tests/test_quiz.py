"""The quizzes: what the directive makes of good and of bad source, and what a reader can do with them in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import axe_playwright_python
import pytest
from browser import chromium, serve
from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
EXTENSIONS = ROOT / "book" / "_ext"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
sys.path.append(str(EXTENSIONS))

import chapter_map  # noqa: E402

pytestmark = pytest.mark.pipeline

GOOD = """
:::{quiz}

1. Which is $\\sqrt4$?
   - [ ] $4$, or `four`
     > That is the square.
   - [x] 2
     > Since $2 \\cdot 2 = 4$.

2. And $1/25$?
   - [x] = 0.04 ± 0.001
     > A twenty-fifth.
   - [ ] = 2,302
     > Far off.
   - [ ] = other
     > Divide.

:::
"""
WHY = "\n     > Why."
BAD = {  # name: (source of the quiz, its line with the mistake, counted from the directive's; what the warning says)
    "no-right": (f"1. Q\n   - [ ] a{WHY}\n   - [ ] b{WHY}", 2, "one answer must be right, [x], not none"),
    "two-right": (f"1. Q\n   - [x] a{WHY}\n   - [x] b{WHY}", 2, "one answer must be right, [x], not 2"),
    "unexplained": (f"1. Q\n   - [x] a{WHY}\n   - [ ] b", 5, "the answer “b” needs an explanation"),
    "no-box": (f"1. Q\n   - [x] a{WHY}\n   - b{WHY}", 5, "an answer begins with [x] or [ ]"),
    "empty": (f"1. Q\n   - [x] a{WHY}\n   - [ ]{WHY}", 5, "an answer without text"),
    "alone": (f"1. Q\n   - [x] a{WHY}", 2, "leaves no choice"),
    "no-answers": ("1. Q\n\n   Then nothing.", 2, "below it a list of answers"),
    "prose": (f"Words.\n\n1. Q\n   - [x] a{WHY}\n   - [ ] b{WHY}", 2, "a numbered list of questions, and nothing else"),
    "no-other": (f"1. Q\n   - [x] = 1{WHY}\n   - [ ] = 2{WHY}", 2, "needs one answer “[ ] = other”"),
    "no-number": (f"1. Q\n   - [x] = one{WHY}\n   - [ ] = other{WHY}", 3, "“= one” is not of the form"),
    "second": (
        f"1. Q\n   - [x] a{WHY}\n   - [ ] b{WHY}\n\n2. Q\n   - [x] a{WHY}\n   - [ ] b",
        11,
        "question 2: the answer “b”",
    ),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A book with a good quiz on its first page and a bad one on each other; the folder, and the warnings."""
    source = tmp_path_factory.mktemp("small")
    (source / "conf.py").write_text(
        f"import sys\nsys.path.append({str(EXTENSIONS)!r})\nextensions = ['myst_parser', 'quiz']\n"
        f"myst_enable_extensions = ['colon_fence', 'dollarmath']\nhtml_static_path = [{str(ROOT / 'book/_static')!r}]\n"
        "html_theme = 'basic'\nmathjax_path = 'none.js'\n"
    )
    (source / "index.md").write_text(f"# Quiz\n{GOOD}\n```{{toctree}}\n:glob:\n\n*\n```\n")
    for name, (quiz, *_) in BAD.items():
        (source / f"{name}.md").write_text(f"# Bad\n\n:::{{quiz}}\n\n{quiz}\n\n:::\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(source), str(source / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return source / "out", done.stderr.splitlines()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def book() -> Iterator[str]:
    if not (HTML / "index.html").exists():
        pytest.fail(f"{HTML} is missing: run `make book` first")
    with serve(HTML) as address:
        yield address


def new_page(browser: Browser, **options: object) -> Page:
    page = browser.new_page(**options)
    page.set_default_timeout(120_000)  # ms: the machine may be busy
    return page


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    for _ in range(80):
        page.keyboard.press(key)
        if target.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def right(form: Locator) -> str:
    return form.locator("details > div[data-right]").get_attribute("data-value")


def answer(form: Locator, value: str) -> None:
    if form.locator("[type=radio]").count():
        form.locator(f"[value='{value}']").check()
    else:
        form.locator("[type=text]").fill(value)
    form.locator("button").click()


@pytest.mark.parametrize("name", BAD)
def test_bad_source_is_a_warning_with_its_file_and_line(small: tuple[Path, list[str]], name: str) -> None:
    _, line, says = BAD[name]
    found = [warning for warning in small[1] if f"{name}.md" in warning]
    assert len(found) == 1, found
    assert f"{name}.md:{line + 3}: WARNING: quiz, question" in found[0]
    assert says in found[0]


def test_good_source_gives_no_warning(small: tuple[Path, list[str]]) -> None:
    assert [warning for warning in small[1] if "index.md" in warning] == []
    assert len(small[1]) == len(BAD)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        *((typed, "Right. A twenty-fifth.") for typed in ("0.04", " 0,0405", "4e-2", "1/25", ".041")),
        ("0.042", "Not so. Divide."),
        ("−0.04", "Not so. Divide."),
        *((typed, "Not so. Far off.") for typed in ("2302", "2,302")),
        *((typed, "Type a number") for typed in ("", "x", "1/", "1/0", "1/2/3")),
    ],
)
def test_a_number_is_read_as_people_write_it(
    small: tuple[Path, list[str]], browser: Browser, typed: str, says: str
) -> None:
    with serve(small[0]) as address:
        page = new_page(browser)
        page.goto(f"{address}/index.html")
        form = page.locator(".quiz-question").nth(1)
        answer(form, typed)
        assert form.locator(".quiz-result").inner_text().startswith(says)
        page.close()


STORED = {
    "refused": "Storage.prototype.getItem = Storage.prototype.setItem = () => { throw new DOMException('no'); }",
    "no localStorage": "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no'); } })",
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
    **{text: f"localStorage.getItem('gdcourse') ?? localStorage.setItem('gdcourse', {text!r})" for text in
       ("{{", "5", "null", '{"index": 5}', '{"index": {"right": {}}, "x": null}', "[1]")},
}  # fmt: skip


@pytest.mark.parametrize("stored", STORED)
def test_it_works_where_storage_is_refused_or_holds_nonsense(
    small: tuple[Path, list[str]], browser: Browser, stored: str
) -> None:
    with serve(small[0]) as address:
        page, errors = new_page(browser), []
        page.on("pageerror", lambda error: errors.append(error.stack))
        page.add_init_script(STORED[stored])
        page.goto(f"{address}/index.html")
        for form, value in zip(page.locator(".quiz-question").all(), ("b", "0.04"), strict=True):
            answer(form, value)
        assert page.locator(".quiz-progress").text_content().startswith("2 of 2 answered right. First on")
        assert [error for error in errors if "quiz.js" in error] == []  # Sphinx's own scripts may fail
        page.close()


def test_a_file_on_disk_keeps_answers_too(small: tuple[Path, list[str]], browser: Browser) -> None:
    page = new_page(browser)
    page.goto((small[0] / "index.html").as_uri())
    answer(page.locator(".quiz-question").first, "b")
    page.reload()
    assert page.locator(".quiz-mark").inner_text().strip() == "✓ answered right"
    page.close()


def test_every_chapter_has_one_quiz_before_its_exercises() -> None:
    for chapter in chapter_map.read_chapters(ROOT):
        text = chapter_map._text(chapter_map.source(ROOT, chapter.page))
        order = re.findall(r"^(## Summary|## Quiz\n\n:::\{quiz\}|:::\{quiz\}|## Exercises)", text, flags=re.MULTILINE)
        assert order == ["## Summary", "## Quiz\n\n:::{quiz}", "## Exercises"], chapter.page
        forms = re.findall(r'<form class="quiz-question".*?</form>', (HTML / f"{chapter.page}.html").read_text(), re.S)
        assert 3 <= len(forms) <= 5, chapter.page
        places = [re.search('data-value="([^"]*)"[^>]*data-right', form)[1] for form in forms]
        assert not (len(forms) > 3 and len(set(places)) == 1), f"{chapter.page}: always the same letter"


def test_with_the_keyboard_alone_from_a_wrong_answer_to_a_finished_chapter(browser: Browser, book: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, asked = context.new_page(), []
    page.set_default_timeout(120_000)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{book}/book/optimizers/momentum.html#quiz", wait_until="networkidle")
    forms = page.locator(".quiz-question").all()
    for form in forms:
        button, result = form.locator("button"), form.locator(".quiz-result")
        radios, field = form.locator("[type=radio]"), form.locator("[type=text]")
        if field.count():
            tab_to(page, field)
            page.keyboard.type("123456")
            page.keyboard.press("Enter")
            want = form.locator("details > div:not([data-value])")
            wanted, back = right(form), field
        else:
            letters = [radio.get_attribute("value") for radio in radios.all()]
            at = letters.index(right(form))
            wrong = 0 if at else 1
            tab_to(page, radios.first)
            page.keyboard.press("Space")
            for _ in range(wrong):
                page.keyboard.press("ArrowDown")
            tab_to(page, button)
            page.keyboard.press("Enter")
            want = form.locator(f"details > div[data-value={letters[wrong]}]")
            wanted, back = (at - wrong) % len(letters), radios.nth(wrong)
        assert result.get_attribute("role") == "status"
        assert result.inner_text().startswith("Not so. ")
        assert result.get_attribute("data-is") == "wrong"
        explained = want.evaluate("one => one.lastElementChild.textContent.replace(/^.*?: /s, '')")
        assert explained in result.evaluate("one => one.textContent")
        assert form.locator(".quiz-mark").count() == 0
        if field.count():
            page.keyboard.press("Control+a")
            page.keyboard.type(wanted)
        else:
            tab_to(page, back, "Shift+Tab")
            for _ in range(wanted):
                page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert result.inner_text().startswith("Right. ")
        assert form.locator(".quiz-mark").inner_text().strip() == "✓ answered right"
    count = len(forms)
    stored = json.loads(page.evaluate("localStorage.getItem('gdcourse')"))
    assert list(stored) == ["book/optimizers/momentum"]
    assert len(stored["book/optimizers/momentum"]["right"]) == count
    for name in ("optimizers/momentum", "foundations/gradients"):  # loaded again; and the sidebar of another page
        page.goto(f"{book}/book/{name}.html")
        marked = page.locator(".bd-sidebar-primary a:has(.quiz-mark)")
        assert marked.evaluate_all("all => all.map(one => one.textContent)") == ["11. Momentum ✓ quiz answered"]
        if name == "optimizers/momentum":
            assert page.locator("form .quiz-mark").count() == count
            said = page.locator(".quiz-progress").text_content()
            assert said.startswith(f"{count} of {count} answered right. First on ")
    page.goto(f"{book}/book/appendix/for-students.html#what-the-book-remembers")
    kept = page.locator(".quiz-kept")
    assert kept.locator("p").inner_text() == f"Kept now: {count} right answers, 1 finished chapter."
    tab_to(page, kept.locator("button"))
    page.keyboard.press("Enter")
    assert kept.locator("p").inner_text() == "Kept now: 0 right answers, 0 finished chapters."
    assert page.evaluate("localStorage.getItem('gdcourse')") is None
    assert page.locator(".quiz-mark").count() == 0
    page.goto(f"{book}/book/optimizers/momentum.html")
    assert page.locator(".quiz-progress").text_content() == f"0 of {count} answered right."
    assert [url for url in asked if not url.startswith((book, "data:", "blob:"))] == []
    context.close()


def test_a_click_on_a_formula_chooses_its_answer(browser: Browser, book: str) -> None:
    page = new_page(browser)
    page.goto(f"{book}/book/foundations/loss-functions.html", wait_until="networkidle")
    form = page.locator(".quiz-question").first
    form.locator("label:nth-of-type(2) mjx-container").first.click()
    assert form.locator("input:checked").get_attribute("value") == "b"
    page.close()


def test_without_scripts_the_answer_unfolds_and_nothing_dead_is_shown(browser: Browser, book: str) -> None:
    page = new_page(browser, java_script_enabled=False)
    url = f"{book}/book/optimizers/momentum.html"
    page.goto(url)
    for form in page.locator(".quiz-question").all():
        assert not form.locator("button").is_visible()
        shown = form.locator("details > div[data-right]")
        assert not shown.is_visible()
        form.locator("summary").click()
        assert "is right." in shown.inner_text()
    page.locator(".quiz-question [type=text]").first.press("Enter")
    assert page.url == url
    page.goto(f"{book}/book/appendix/for-students.html")
    assert page.locator(".quiz-kept").inner_text() == "Nothing is kept: scripts are off."
    page.close()


def test_on_paper_there_are_questions_and_no_controls(browser: Browser, book: str) -> None:
    page = new_page(browser)
    page.goto(f"{book}/book/optimizers/momentum.html")
    form = page.locator(".quiz-question").nth(1)
    answer(form, right(form))
    page.emulate_media(media="print")
    assert form.locator("legend").is_visible()
    for part in ("button", ".quiz-result", "summary", ".quiz-mark"):
        assert not form.locator(part).is_visible(), part
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(browser: Browser, book: str, width: int, scheme: Literal["light", "dark"]) -> None:
    page = new_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{book}/book/foundations/loss-functions.html", wait_until="networkidle")
    first, *others = page.locator(".quiz-question").all()
    for form in others:
        answer(form, right(form))
        form.locator("summary").click()
    answer(first, "a")
    page.evaluate(
        'localStorage.setItem(\'gdcourse\', \'{"book/optimizers/adam": {"right": [], "finished": "2026-01-02"}}\')'
    )
    answer(others[0], right(others[0]))  # shows the mark in the sidebar
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        "axe.run({include: ['.quiz', '.quiz-progress', '.bd-links .quiz-mark']}).then((result) => result.violations)"
    )
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in found] == []
    page.goto(f"{book}/book/appendix/for-students.html", wait_until="networkidle")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run('.quiz-kept').then((result) => result.violations)")
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in found] == []
    page.close()
