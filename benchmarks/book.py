"""Measure what the book costs those who work on it: its notebooks under nbval, its build, and `import gdcourse`.

    python benchmarks/book.py [build] [import] [notebooks] [NOTEBOOK …]

Every notebook is executed and compared alone, one after another, and then all are as `make test-nbval` does it. The
book is built in a copy of this folder: the one in _build stays as it is. Prints a table and, if nothing is named,
writes it to benchmarks/results/book.txt; half an hour.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from measure import machine, report, seconds, table
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))

from check_book import toc_pages  # noqa: E402
from notebooks import find  # noqa: E402

COLUMNS = ["kind", "what", "seconds", "goal"]
PARTS = ("import", "build", "notebooks")

# As in the Makefile: what `make test-nbval` runs, and the two steps of `make book`.
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "--nbval-sanitize-with=tests/nbval_sanitize.cfg"]
SIDE_BY_SIDE = ["-n", "auto", "--dist=loadfile"]
BOOK = (["tools/build_book.py", "-q", "-W", "--keep-going"], ["tools/check_book.py"])

CHANGED = "book/optimizers/momentum.ipynb"
NBVAL_GOAL, COLD_GOAL, CHANGED_GOAL = 480, 30, 10  # seconds
IMPORT_GOAL = 2  # times `import numpy`


def python(*command: str, root: Path = ROOT, may_fail: bool = False) -> tuple[float, bool]:
    """Run Python with this folder's package; return the seconds, and whether it said that all is well."""
    environment = {"OMP_NUM_THREADS": "1"} | os.environ | {"PYTHONPATH": str(root)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as in any installation
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True)
    took = time.perf_counter() - start
    if done.returncode > may_fail:  # 1: pytest has found a difference
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return took, done.returncode == 0


def import_rows(repeats: int = 21) -> list[list[Any]]:
    """Time fresh interpreters, which take turns; an import is what one takes beyond one that does nothing."""
    lines = ("pass", "import numpy", "import gdcourse")
    bare, numpy, ours = seconds(*(lambda line=line: python("-c", line) for line in lines), repeats=repeats)
    numpy -= bare
    return [
        ["import", "Python itself", bare, None],
        ["import", "numpy", numpy, None],
        ["import", "gdcourse", ours - bare, IMPORT_GOAL * numpy],
    ]


def build_rows(repeats: int = 3) -> list[list[Any]]:
    """Time `make book` in a copy: with nothing built, with nothing changed, and with a word more in one chapter."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "book"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".*", "_build", "build", "*.egg-info"))
        for _ in tqdm(range(repeats), "builds"):
            shutil.rmtree(root / "_build", ignore_errors=True)
            cold, same = build(root), build(root)
            add_word(root / CHANGED)
            times.append((cold, same, build(root)))
    cold, same, changed = map(statistics.median, zip(*times, strict=True))
    return [
        ["build", "cold", cold, COLD_GOAL],
        ["build", "nothing changed", same, None],
        ["build", "one chapter changed", changed, CHANGED_GOAL],
    ]


def build(root: Path) -> float:
    return sum(python(*step, root=root)[0] for step in BOOK)


def add_word(path: Path) -> None:
    """Add a word to the first cell that ends as a paragraph does."""
    notebook = nbformat.read(path, as_version=4)
    texts = (cell for cell in notebook.cells if cell.cell_type == "markdown")
    cell = next(cell for cell in texts if re.fullmatch(r"[A-Z*].*[.?*]", cell.source.splitlines()[-1]))
    cell.source += " Indeed."
    nbformat.write(notebook, path)


def in_order() -> list[Path]:
    """List the notebooks that nbval runs, in the order of the book; an assignment stands there as it is released."""
    order = {page: number for number, page in enumerate(toc_pages(ROOT))}

    def place(path: Path) -> int:
        page = path.relative_to(ROOT).with_suffix("").as_posix()
        return order.get(page.replace("exercises/source", "exercises/release"), len(order))

    return sorted(find(), key=place)


def name(path: Path) -> list[str]:
    """Return the kind and the title of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    title = next(cell.source for cell in cells if cell.cell_type == "markdown").splitlines()[0].removeprefix("# ")
    return ["assignment" if path.is_relative_to(ROOT / "exercises") else "book", title]


def notebook_rows(paths: Sequence[Path], together: bool) -> tuple[list[list[Any]], list[str]]:
    """Return the rows, and what of them ran otherwise than stored: its time may be that of an error."""
    rows, otherwise = [], []
    for path in tqdm(paths, "notebooks"):
        took, well = python("-m", "pytest", str(path), *NBVAL, may_fail=True)
        rows.append([*name(path), took, None])
        otherwise += [] if well else [rows[-1][1]]
    if together:
        tqdm.write("all of them side by side …", file=sys.stderr)
        took, well = python("-m", "pytest", "book", "exercises/source", *NBVAL, *SIDE_BY_SIDE, may_fail=True)
        rows.append(["nbval", "one after another", sum(row[2] for row in rows), None])
        rows.append(["nbval", "side by side", took, NBVAL_GOAL])
        otherwise += [] if well else ["side by side"]
    return rows, otherwise


def verdicts(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Say of each row with a goal whether it was met."""
    said = []
    for kind, what, took, goal in rows:
        if goal is not None:
            times = f", {IMPORT_GOAL * took / goal:.2f} times that of numpy" if kind == "import" else ""
            met = "met" if took <= goal else "NOT MET"
            said.append(f"{kind}, {what}: {took:.3g} s{times}; wanted <= {goal:.3g} s: {met}")
    return said


def main(given: Sequence[str]) -> None:
    parts = [part for part in PARTS if part in given or not given]
    paths = in_order() if "notebooks" in parts else [Path(word).resolve() for word in given if word not in PARTS]
    first = machine("numpy", "jupyter-book", "sphinx", "nbval", "pytest")
    rows: list[list[Any]] = []
    otherwise: list[str] = []
    if paths:
        rows, otherwise = notebook_rows(paths, together="notebooks" in parts)
    if "build" in parts:
        rows += build_rows()
    if "import" in parts:
        rows += import_rows()
    after = [*verdicts(rows), *(f"ran otherwise than stored: {what}" for what in otherwise)]
    if given:
        print("\n".join([first, "", table(COLUMNS, rows), "", *after]))
        return
    before = [
        first,
        "book, assignment: pytest --nbval of that notebook alone; side by side: as make test-nbval;",
        "build: make book, medians of 3; import: in fresh interpreters, less Python itself, medians of 21",
    ]
    report("book", before, COLUMNS, rows, after)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure what the book costs those who work on it.")
    parser.add_argument("given", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}, or a notebook; default: all")
    main(parser.parse_args().given)
