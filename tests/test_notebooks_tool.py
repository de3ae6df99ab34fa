"""tools/notebooks.py: what it executes, the form it writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import notebooks
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.pipeline
ALT = {"mystnb": {"image": {"alt": "A parabola with a ball rolling to its lowest point"}}}


def save(folder: Path, *cells: NotebookNode, executed: bool = True) -> Path:
    """Write a notebook that `check` accepts, unless its cells are wrong."""
    nb = new_notebook(cells=list(cells))
    if executed:
        nb.metadata["gdcourse"] = {"executed": notebooks.code_hash(nb)}
    path = folder / "chapter.ipynb"
    path.write_text(notebooks.to_text(notebooks.normalise(nb)))
    return path


def code(source: str, *outputs: NotebookNode, **metadata: object) -> NotebookNode:
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def text(content: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=content)


def display(**data: str) -> NotebookNode:
    return new_output("display_data", data={mime.replace("_", "/"): value for mime, value in data.items()})


GOOD = {
    "a printed number": (new_markdown_cell("# A chapter"), code("print(1)", text("1\n"))),
    "a picture with alt text": (code("plot();", display(image_png="iVBORw0KGgo="), **ALT),),
    "a path inside a picture": (code("show()", display(text_html='<img src="data:image/png;base64,AA/tmp/BB=="/>')),),
}
BAD = {
    "error output ValueError": code("f()", new_output("error", ename="ValueError", evalue="no", traceback=[])),
    "text on stderr": code("warn()", text("UserWarning: beware\n", "stderr")),
    "a path of this machine": code("print(p)", text("/home/ada/course/data.csv\n")),
    "a path of this machine in an output: '/tmp/'": code("p", display(text_html="<p>/tmp/x</p>")),
    "a memory address": code("f", display(text_plain="<function f at 0x7f30af047750>")),
    "an image without alt text": code("plot();", display(image_png="iVBORw0KGgo=")),
    "at least 20 characters": code("plot();", display(image_png="iVBO"), mystnb={"image": {"alt": "A parabola"}}),
    "more than 1,000,000": code("print('a' * 10**6)", text("a" * 10**6)),
}


@pytest.mark.parametrize("cells", GOOD.values(), ids=GOOD)
def test_check_accepts(tmp_path: Path, cells: tuple[NotebookNode, ...]) -> None:
    assert notebooks.problems(save(tmp_path, *cells)) == []


@pytest.mark.parametrize(("reason", "cell"), BAD.items(), ids=BAD)
def test_check_refuses(tmp_path: Path, reason: str, cell: NotebookNode, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path, cell)
    assert notebooks.main(["check", str(path)]) == 1
    line = capsys.readouterr().err
    assert reason in line
    assert "chapter.ipynb" in line


def test_check_refuses_code_that_was_not_run(tmp_path: Path) -> None:
    (reason,) = notebooks.problems(save(tmp_path, code("print(1)", text("1\n")), executed=False))
    assert "not executed" in reason
    path = save(tmp_path, code("print(1)", text("1\n")))
    path.write_text(path.read_text().replace("print(1)", "print(2)"))
    assert "not executed" in notebooks.problems(path)[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"execution_count": null', '"execution_count": 3'),
        ('"metadata": {},\n   "outputs"', '"metadata": {"collapsed": true},\n   "outputs"'),
        ('"id": "', '"id": "x'),
        ('"name": "python3"', '"name": "my-kernel"'),
        ('\n "nbformat_minor": 5\n}\n', '\n "nbformat_minor": 5\n}'),
    ],
)
def test_check_refuses_another_form(tmp_path: Path, old: str, new: str) -> None:
    path = save(tmp_path, code("print(1)", text("1\n")))
    before = path.read_text()
    path.write_text(before.replace(old, new, 1))
    assert path.read_text() != before
    assert notebooks.problems(path) == ["not normalised (make notebooks)"]
    assert notebooks.main(["run", str(path)]) == 0  # normalises, and does not execute
    assert path.read_text() == before


def test_check_refuses_what_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "broken.ipynb").write_text("{")
    assert "not a valid notebook" in notebooks.problems(tmp_path / "broken.ipynb")[0]
    assert notebooks.main(["run", str(tmp_path)]) == 1
    assert notebooks.main(["check", str(tmp_path / "nowhere")]) == 1


def test_normalise_keeps_content_only() -> None:
    widget = {notebooks.WIDGET: {"model_id": "a"}}
    nb = new_notebook(
        metadata={"widgets": {}, "kernelspec": {"name": "mine", "display_name": "Mine"}, "authors": []},
        cells=[
            code(
                "f()",
                text("a"),
                text("b"),
                new_output("display_data", data=dict(widget)),
                new_output("execute_result", data={"text/plain": "1", **widget}, execution_count=7),
                tags=["hide-input"],
                execution={"iopub.status.busy": "now"},
                jupyter={"source_hidden": True},
            ),
            code("f()"),
            code("g()", nbgrader={"grade_id": "q1"}),
        ],
    )
    made = notebooks.normalise(nb)
    nbformat.validate(made)
    assert set(made.metadata) == {"kernelspec", "language_info"}
    first, second, graded = made.cells
    assert first.metadata == {"tags": ["hide-input"]}
    assert [output.get("text") or output.data for output in first.outputs] == ["ab", {"text/plain": "1"}]
    assert second.id == f"{first.id}-2"
    assert graded.id == "q1"
    assert notebooks.to_text(notebooks.normalise(made)) == notebooks.to_text(made)


def test_run_executes_what_changed_and_then_changes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path, code("x = 6"), code("print(x * 7)"), code("open('here', 'w').close()"), executed=False)
    assert notebooks.main(["run", str(tmp_path)]) == 0
    assert notebooks.read(path).cells[1].outputs[0].text == "42\n"
    assert (tmp_path / "here").exists()  # it runs in its own folder
    once = path.read_bytes()
    (tmp_path / "here").unlink()
    assert notebooks.main(["run", str(tmp_path)]) == 0
    assert not (tmp_path / "here").exists()
    assert notebooks.main(["run", "--force", str(tmp_path)]) == 0
    assert (tmp_path / "here").exists()
    assert path.read_bytes() == once
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chapter.ipynb", "here"]
    assert "1 of 1 notebooks executed, 0 failed" in capfd.readouterr().out


def test_run_leaves_a_failing_notebook_as_it_was(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path, code("print(1)"), code("1 / 0"), executed=False)
    before = path.read_bytes()
    assert notebooks.main(["run", str(path)]) == 1
    assert path.read_bytes() == before
    error = capfd.readouterr().err
    assert "chapter.ipynb" in error
    assert "1 / 0" in error
    assert "ZeroDivisionError" in error


def test_nbval_holds_a_notebook_to_its_outputs(tmp_path: Path) -> None:
    """Ours have no execution counts, and without our conftest.py nbval would compare none of them."""
    path = save(
        tmp_path,
        code("print(0.125)"),
        code("from IPython.display import HTML\nHTML('<b>' + str(6 * 7) + '</b>')"),
        code("[1, 2];"),
        executed=False,
    )
    assert notebooks.main(["run", str(path)]) == 0

    def nbval() -> str:
        options = ["--nbval", "--nbval-current-env", "-q", "--color=no", "-p", "no:cacheprovider", "-p", "conftest"]
        environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
        command = [sys.executable, "-m", "pytest", *options, str(path)]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True).stdout

    assert "3 passed" in nbval()
    path.write_text(path.read_text().replace('"0.125', '"0.126').replace("<b>42</b>", "<b>43</b>"))
    assert "2 failed, 1 passed" in nbval()
