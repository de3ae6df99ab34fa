"""Chapters in the reader's browser: their copies without PyTorch, and, where there is a Pyodide, a run to the end."""

import os
import subprocess
import sys
from pathlib import Path

import lite
import pytest
from browser import chromium, run_notebook, serve

pytestmark = pytest.mark.pipeline
SITE = "https://example.org/course"
CHAPTER = "book/optimizers/momentum"
START, RUN = 240, 500  # seconds; a busy machine needs most of them

# The state of each code cell of the open notebook: [has it run, its errors, has it drawn a figure].
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === "code" && cell.model.sharedModel.source.trim())
  .map(cell => {
    const outputs = cell.model.outputs.toJSON();
    const errors = outputs.filter(o => o.output_type === "error").map(o => `${o.ename}: ${o.evalue}`);
    return [cell.model.executionCount !== null, errors, outputs.some(o => o.data?.["image/png"])];
  })"""


def without_torch(*cells: str) -> list[str]:
    lost: set[str] = set()
    return [lite.without_torch(cell, lost).strip() for cell in cells]


def code(page: str) -> list[str]:
    return [cell.source for cell in lite.for_browser(page, SITE).cells if cell.cell_type == "code"]


def test_what_needs_torch_becomes_a_comment_and_what_does_not_stays() -> None:
    first, second, third, fourth = without_torch(
        "import numpy as np\nimport torch\nfrom torch.optim import lr_scheduler as lrs\nx = np.ones(2)",
        "p = torch.zeros(2)\nfor t in range(3):\n    p = p + t\nprint(p)\ny = 2 * x",
        "for q in range(3):\n    print(q)\np = 1\nprint(p, y)",
        "q = torch.ones(1)\nfor q in range(3):\n    print([t for t in range(q)])",
    )
    assert first.split("\n") == ["import numpy as np", "", "", "x = np.ones(2)"]
    assert second.split("\n") == [
        lite.NOTE,
        "# p = torch.zeros(2)",
        "# for t in range(3):",
        "#     p = p + t",
        "# print(p)",
        "y = 2 * x",
    ]
    assert "#" not in third, "a name that is bound anew needs no torch"
    assert fourth.split("\n")[1:] == ["# q = torch.ones(1)", "for q in range(3):", "    print([t for t in range(q)])"]


@pytest.mark.parametrize(
    "cell",
    [
        "lrs.StepLR",
        "def f():\n    return torch.ones(1)\nf()",
        "kept = {}\nkept['a'] = torch.ones(1)\nprint(kept['a'])",
        "from gdcourse import models\nmodels.MLP()",
        "from gdcourse.torch_optimizer import Optimizer\nOptimizer(1)",
        "a = torch.ones(1)\na += 1",
        "[torch.ones(n) for n in range(3)]",
        "a = 1\nfor i in range(3):\n    a = a + torch.ones(1)\nprint(a)",
    ],
)
def test_last_line_needs_torch(cell: str) -> None:
    _, out = without_torch("import torch\nfrom torch.optim import lr_scheduler as lrs", cell)
    assert out.splitlines()[-1].startswith("# ")


def test_copies_use_no_name_that_they_do_not_define(tmp_path: Path) -> None:
    for page in lite.CHAPTERS:
        cells = code(page)
        assert sum("%pip" in cell for cell in cells) == 1, page
        text = "\n".join(cell for cell in cells if "%pip" not in cell)
        (tmp_path / f"{page.replace('/', '_')}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_copy_runs_where_there_is_no_torch() -> None:
    """With the Python at hand instead of the browser's; modern-rules loses most cells."""
    cells = [cell for cell in code("book/second_order/modern-rules") if "%pip" not in cell]
    program = "\n".join(["import sys", "sys.modules['torch'] = None", *cells])
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | {"MPLBACKEND": "agg"}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_links_lead_to_chapters_of_the_site_or_to_the_published_book() -> None:
    text = "[a](../descent/step-size.ipynb#limits) [b](../api/index.md#x) [c](https://a.org/x.md) [d](#here)"
    mended = lite.mend_links(text, "book/optimizers/adam", SITE)
    assert mended == text.replace("../api/index.md", f"{SITE}/book/api/index.html")


def test_wheels_are_of_python_alone() -> None:
    wanted = lite.requirements(lite.NEEDED)
    assert {"gdcourse", "anywidget", "ipywidgets", "array-api-compat", "psygnal", "ipython"} <= wanted
    assert not wanted & (lite.COMPILED | {"torch", "psutil", "pexpect"})


def test_a_folder_that_is_no_pyodide_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyodide-lock.json").write_text('{"packages": {}}')
    with pytest.raises(SystemExit, match="no full Pyodide distribution: matplotlib, micropip, numpy"):
        lite.copy_pyodide(tmp_path, tmp_path / "out")


def test_a_chapter_runs_to_its_end_in_a_browser_without_another_host(tmp_path: Path) -> None:
    folder = os.environ.get("PYODIDE_DIR")
    if not folder:
        pytest.skip(
            "no Python for the browser: unpack pyodide-314.0.*.tar.bz2 of github.com/pyodide/pyodide/releases "
            "and set PYODIDE_DIR to its folder"
        )
    lite.make(Path(folder), SITE, tmp_path / "lite")
    other: list[str] = []
    with chromium() as browser, serve(tmp_path) as address:
        page = browser.new_page()
        page.set_default_timeout(START * 1000)

        def only_ours(route):
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                other.append(route.request.url)
                route.abort()

        page.context.route("**/*", only_ours)
        page.goto(f"{address}/lite/notebooks/index.html?path={CHAPTER}.ipynb")
        # Another widget is current while the page starts.
        page.wait_for_function(
            f"() => {{ try {{ return ({CELLS})().length === {len(code(CHAPTER))} }} catch {{ return false }} }}"
        )
        cells = run_notebook(page, CELLS, RUN)
        explorers = page.locator(".gd-explorer.gd-live").count()
    assert [errors for _, errors, _ in cells if errors] == []
    assert all(run for run, _, _ in cells)
    assert sum(figure for _, _, figure in cells) >= 5
    assert explorers, "the explorer's widget was not drawn"
    assert other == []
