"""The graded exercises: the release is what the source says, right answers get their points, wrong ones do not.

Every assignment in `exercises/source` is found; its right and wrong answers stand in a table of its own,
`tests/exercises/<name>.py`, with

- `RIGHT`, answers written in other ways than ours that deserve all points: for each, the cells that it replaces;
- `WRONG`, usual wrong answers: the question (or questions) that each loses, its source, and what the check must say
  in the student's own notebook (None: only the hidden tests see it);
- `THROUGH_GRADING`, the names of a few that `gdcourse.grading` grades as well.

Hand-ins are graded in this process: the cells of the instructors' notebook are run in one namespace, with the
student's answers in the place of ours, and a check gets its points by nbgrader's own rule (no exception, nothing on
stderr). That takes 0.1 s a hand-in; with a kernel that imports torch, some seconds. All go that way with

    GDCOURSE_GRADE_ALL=1 pytest tests/test_exercises.py -k grading
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
import traceback
import warnings
from functools import cache
from pathlib import Path
from types import CodeType

import nbformat
import pytest
import torch
from check_book import toc_pages
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

import exercises
from gdcourse import exercises as ex
from gdcourse.grading import driver, sandbox

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENTS = exercises.assignments()
TABLES = {name: runpy.run_path(str(ROOT / f"tests/exercises/{name.replace('-', '_')}.py")) for name in ASSIGNMENTS}
REFERENCE, UNANSWERED = "the reference", "unanswered"
REGION = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1\n?", re.DOTALL)

assignment = pytest.mark.parametrize("name", ASSIGNMENTS)
right = pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name in ASSIGNMENTS for answer in (REFERENCE, *TABLES[name]["RIGHT"])]
)
wrong = pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name in ASSIGNMENTS for answer in TABLES[name]["WRONG"]]
)


@cache
def read(kind: str, name: str) -> NotebookNode:
    return nbformat.read(ROOT / "exercises" / kind / name / f"{name}.ipynb", as_version=4)


def about(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def points(name: str, kind: str = "source", *, by_hand: bool = False) -> dict[str, int]:
    """The points of the graded cells: those of checks, or those that a person reads."""
    graded = [about(cell) for cell in read(kind, name).cells if about(cell).get("grade")]
    return {cell["grade_id"]: cell["points"] for cell in graded if cell["solution"] is by_hand}


def answer_cells(kind: str, name: str) -> dict[str, str]:
    cells = (cell for cell in read(kind, name).cells if cell.cell_type == "code" and about(cell).get("solution"))
    return {about(cell)["grade_id"]: cell.source for cell in cells}


def answers_of(name: str, answer: str) -> dict[str, str]:
    """All answers of a hand-in: where it has none of its own, ours."""
    if answer == UNANSWERED:
        return answer_cells("release", name)
    table = TABLES[name]
    own = {REFERENCE: {}} | table["RIGHT"] | {key: {q.split()[0]: text} for key, (q, text, _) in table["WRONG"].items()}
    return answer_cells("source", name) | own[answer]


def expected(name: str, answer: str) -> dict[str, int]:
    if answer == UNANSWERED:
        return dict.fromkeys(points(name), 0)
    lost = TABLES[name]["WRONG"].get(answer, ("",))[0].split()
    return points(name) | {f"{question}-check": 0 for question in lost}


def run(kind: str, name: str, answers: dict[str, str], until: str = "") -> dict[str, str]:
    """Run a notebook's code with these answers; return what each nbgrader cell complains of, by its id.

    Nothing is run after the cell `until`.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    complaints = {}
    for cell in read(kind, name).cells:
        only_to_look_at = "ex.once_answered" in cell.source or "ex.report" in cell.source
        if cell.cell_type == "code" and not only_to_look_at:
            grade_id = about(cell).get("grade_id", "")
            complaints[grade_id or "other"] = _complaint(answers.get(grade_id, cell.source), namespace)
            if grade_id and grade_id == until:
                break
    return complaints


@cache
def _compiled(source: str) -> CodeType:
    return compile(TransformerManager().transform_cell(source), "<cell>", "exec")


def _complaint(source: str, namespace: dict[str, object]) -> str:
    stderr = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(stderr), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest: print(message, file=sys.stderr)  # pytest would collect it
        try:
            exec(_compiled(source), namespace)
        except Exception as error:
            return "".join(traceback.format_exception_only(error)).strip()
    return stderr.getvalue()


def score(name: str, answers: dict[str, str]) -> dict[str, int]:
    """Grade answers as nbgrader does: all the points of a check where it has nothing to complain of, or none."""
    complaints = run("source", name, answers)
    return {check: 0 if complaints[check] else worth for check, worth in points(name).items()}


@pytest.fixture(autouse=True)
def torch_as_it_was():
    """A notebook sets torch's default dtype, for its whole process, and a student may seed its generator."""
    dtype, state = torch.get_default_dtype(), torch.get_rng_state()
    yield
    torch.set_default_dtype(dtype)
    torch.set_rng_state(state)


# --- what each assignment is ---


@assignment
def test_the_points_are_ten_and_the_last_cell_knows_them(name):
    for kind in "source", "release":
        checks, by_hand = points(name, kind), points(name, kind, by_hand=True)
        assert sum(checks.values()) + sum(by_hand.values()) == 10
        last = ast.parse(read(kind, name).cells[-1].source).body[-1].value
        assert ast.unparse(last.func) == "ex.report"
        told = [ast.literal_eval(value) for value in (*last.args, *(keyword.value for keyword in last.keywords))]
        numbered = [{f"q{number}": worth for number, worth in some.items()} for some in (*told, {})]
        assert {key.removesuffix("-check"): worth for key, worth in checks.items()} == numbered[0]
        assert by_hand == numbered[1]


def test_every_assignment_is_a_page_of_the_book():
    pages = [page for page in toc_pages(ROOT) if page.startswith("exercises/")]
    assert set(pages) == {f"exercises/release/{name}/{name}" for name in ASSIGNMENTS}
    titles = [read("release", Path(page).name).cells[0].source.splitlines()[0] for page in pages]
    assert titles == sorted(titles)  # they begin with their numbers


@assignment
def test_the_release_holds_what_a_student_may_see_and_no_more(name):
    source, release = read("source", name), read("release", name)
    assert [about(cell).get("grade_id") for cell in source.cells] == [
        about(cell).get("grade_id") for cell in release.cells
    ]
    assert all(not cell.get("outputs") for cell in release.cells)
    visible = {line.strip() for cell in source.cells for line in REGION.sub("", cell.source).splitlines()}
    stub = {"# YOUR CODE HERE", f'raise NotImplementedError("{ex.UNANSWERED}")', "YOUR ANSWER HERE"}
    told = {line.strip() for cell in release.cells for line in cell.source.splitlines()}
    assert told <= visible | stub
    assert not any("BEGIN " in line or "### END" in line for line in told)
    regions = [match for cell in source.cells for match in REGION.findall(cell.source)]
    assert [kind for kind, _ in regions].count("SOLUTION") == len(answer_cells("source", name)) + len(
        points(name, by_hand=True)
    )
    solutions = {line.strip() for kind, text in regions if kind == "SOLUTION" for line in text.splitlines()}
    # A loop or a reset may stand in both; what says something is longer.
    assert not {line for line in solutions & told if len(line) > 20}
    hidden = [cell for cell in source.cells if about(cell).get("grade_id") in points(name)]
    assert all("### BEGIN HIDDEN TESTS" in cell.source for cell in hidden)


@cache
def headings() -> set[tuple[str, str]]:
    return {
        (chapter.cells[0].source.splitlines()[0].removeprefix("# "), heading)
        for path in (ROOT / "book").rglob("*.ipynb")
        for chapter in [nbformat.read(path, as_version=4)]
        for cell in chapter.cells
        for heading in re.findall(r"^##+ (.*)$", cell.source, re.MULTILINE)
    }


@assignment
def test_the_book_has_the_pages_and_sections_that_are_named(name):
    text = "\n".join(cell.source for cell in read("release", name).cells)
    text = re.sub(r'"\s*\n\s*"', "", text)  # a message over several lines
    named = re.findall(r"[Bb]ook: ([^“”:]+), “([^”]+)”", text)
    assert len(named) == text.lower().count("book: ") > 0
    assert set(named) <= headings()
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / "exercises/release" / name / link).resolve().is_file()] == []


@assignment
def test_the_unanswered_release_runs_to_its_end_and_says_what_is_missing(name, capsys):
    assert ex.main([str(ROOT / "exercises/release" / name / f"{name}.ipynb")]) == 1
    told = capsys.readouterr().out
    cells = answer_cells("source", name)
    functions = {key: re.findall(r"^ *def (\w+)", text, re.MULTILINE) for key, text in cells.items()}
    assert "A cell: " not in told
    for check, worth in points(name).items():
        number = check.removeprefix("q").removesuffix("-check")
        (line,) = re.findall(rf"^Question {number}: (\w+): `(\w+)` has no answer yet: {ex.UNANSWERED}$", told, re.M)
        assert line[0] == "NotImplementedError"
        assert line[1] in functions[f"q{number}"]
        assert re.search(rf"^Question {number}: has no answer yet +{worth} point", told, re.MULTILINE)


# --- right and wrong answers ---


@assignment
def test_the_table_is_full(name):
    table = TABLES[name]
    assert len(table["RIGHT"]) >= 6
    assert len(table["WRONG"]) >= 6
    assert {f"{q}-check" for lost, _, _ in table["WRONG"].values() for q in lost.split()} == points(name).keys()
    assert not table["RIGHT"].keys() & table["WRONG"].keys()
    assert set(table["THROUGH_GRADING"]) <= table["RIGHT"].keys() | table["WRONG"].keys()


@right
def test_a_right_answer_gets_all_points(name, answer):
    answers = answers_of(name, answer)
    complaints = run("source", name, answers)
    assert complaints == dict.fromkeys(complaints, "")
    assert not any(complaint for check, complaint in run("release", name, answers).items() if check in points(name))


@wrong
def test_a_wrong_answer_loses_its_question_and_no_other(name, answer):
    lost, _, says = TABLES[name]["WRONG"][answer]
    answers = answers_of(name, answer)
    assert score(name, answers) == expected(name, answer)
    check = f"{lost.split()[0]}-check"
    complaint = run("release", name, answers, until=check)[check]
    if says is None:
        assert complaint == ""
    else:
        assert re.search(says, complaint, re.DOTALL), complaint


@pytest.mark.parametrize(("name", "question"), [(n, q) for n in ASSIGNMENTS for q in answer_cells("source", n)])
def test_a_missing_answer_costs_its_own_points_only(name, question):
    answers = answers_of(name, REFERENCE) | {question: answer_cells("release", name)[question]}
    assert score(name, answers) == points(name) | {f"{question}-check": 0}


# --- nbgrader itself ---


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = exercises.open_course(tmp_path_factory.mktemp("course").resolve())
    return course, exercises.build(course)


@pytest.mark.filterwarnings("ignore")  # nbgrader's own, about its database sessions and its cells without ids
def test_the_release_is_what_nbgrader_makes_of_the_source(course):
    assert not exercises.differing(course[1]), "run `make release`"


def test_the_grading_agrees_on_the_points(tmp_path):
    """Through nbgrader, with a kernel for each and a watch for tampering, which flags nobody."""
    wanted = {}
    for name in ASSIGNMENTS:
        table = TABLES[name]
        graded = [UNANSWERED, *table["THROUGH_GRADING"]]
        if os.environ.get("GDCOURSE_GRADE_ALL"):
            graded = [UNANSWERED, REFERENCE, *table["RIGHT"], *table["WRONG"]]
        checks = list(points(name))
        for number, answer in enumerate(graded):
            nb = nbformat.from_dict(read("release", name))
            answers = answers_of(name, answer)
            cells = [nbformat.from_dict(cell) for cell in nb.cells]
            for cell in cells:
                cell.source = answers.get(about(cell).get("grade_id"), cell.source)
            # The last one hands in without two locked cells: they come back.
            deleted = checks[1:3] if number == len(graded) - 1 else []
            nb.cells = [cell for cell in cells if about(cell).get("grade_id") not in deleted]
            folder = tmp_path / "in" / f"student{number}" / name
            folder.mkdir(parents=True)
            nbformat.write(nb, folder / f"{name}.ipynb")
            wanted[name, f"student{number}"] = answer, "graded", expected(name, answer)

    command = [sys.executable, "-W", "ignore", "-m", "gdcourse.grading", tmp_path / "in", tmp_path / "out"]
    command += ["--source", ROOT / "exercises" / "source", "--time-limit", "600"]
    command += ["--unsandboxed"] if sandbox.why_not() else []
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    results = {
        (result["assignment"], result["student"]): (
            wanted[result["assignment"], result["student"]][0],
            result["status"],
            {q["id"]: q["points"] for q in result["questions"] if not q["manual"]},
        )
        for result in driver.Store(tmp_path / "out" / "results").all()
    }
    wrong = {key: (result, wanted[key]) for key, result in results.items() if result != wanted[key]}
    assert not wrong
    assert results.keys() == wanted.keys(), done.stderr
