"""The benchmarks run, compare equals, and write tables that the book can read. Nothing here depends on a clock."""

import importlib
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
TINY: dict[str, dict[str, Any]] = {
    "sweep": dict(runs=20, steps=10, sample=2),
    "path": dict(steps=10, repeats=1),
    "adapter": dict(images=128, sizes=(784, 10, 10), epochs=1),
    "second_order": dict(repeats=1, most_dimensions=2),
    "tape": dict(dims=(10, 30), most_numbers=10),
    "scaling": dict(most_steps=1000, most_runs=1000, most_dimensions=1000),
}


@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_runs_and_its_table_can_be_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "sweep":
        pytest.importorskip("optax", reason="benchmarks/requirements.txt is not installed")
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(importlib.import_module("measure"), "RESULTS", tmp_path)
    importlib.import_module(name).main(**TINY[name])
    new, kept = (read(folder / f"{name}.csv") for folder in (tmp_path, FOLDER / "results"))
    assert new.dtype.names == kept.dtype.names, "the committed results are those of another script"
    assert len(new) >= 2
    said = (tmp_path / f"{name}.txt").read_text()
    assert "numpy" in said
    assert all(column.replace("_", " ") in said for column in new.dtype.names)


def read(path: Path) -> np.ndarray:
    return np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script about the book, with programs that take two seconds each and do nothing."""
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("book")
    monkeypatch.setattr(script, "python", lambda *command, **more: (2.0, True))
    return script


@pytest.mark.pipeline
def test_the_books_table_has_every_notebook_in_the_order_of_the_book(book: Any) -> None:
    measure = importlib.import_module("measure")
    notebooks = [tuple(map(measure.cell, book.name(path))) for path in book.in_order()]
    rows = read(FOLDER / "results" / "book.csv")
    measured = [(row["kind"], row["what"]) for row in rows if row["kind"] in ("book", "assignment")]
    assert measured == notebooks, "the book has changed: run benchmarks/book.py, then the page How fast is it?"
    assert rows["seconds"][len(measured)] == pytest.approx(rows["seconds"][: len(measured)].sum(), rel=1e-3)


@pytest.mark.pipeline
def test_the_books_programs_are_those_of_make(book: Any) -> None:
    lines = " ".join((ROOT / "Makefile").read_text().replace("\\\n", " ").split())
    for step in (["-m", "pytest", "$(NOTEBOOKS)", *book.NBVAL, *book.SIDE_BY_SIDE], *book.BOOK):
        assert f"$(BIN)/python {' '.join(step)} " in lines


@pytest.mark.pipeline
def test_a_full_run_writes_a_table_and_a_part_only_prints_it(
    book: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.import_module("measure"), "RESULTS", tmp_path)
    monkeypatch.setattr(book, "seconds", lambda *calls, repeats: [0.05, 0.15, 0.3])
    monkeypatch.setattr(book, "build_rows", lambda: [["build", "cold", 31.0, 30]])
    book.main(["import"])
    assert list(tmp_path.iterdir()) == []
    assert "gdcourse: 0.25 s, 2.50 times that of numpy; wanted <= 0.2 s: NOT MET" in capsys.readouterr().out
    book.main([str(ROOT / "book" / "optimizers" / "adam.ipynb")])
    assert "side by side" not in capsys.readouterr().out

    book.main([])
    new, kept = (read(folder / "book.csv") for folder in (tmp_path, FOLDER / "results"))
    assert new.dtype.names == kept.dtype.names
    seconds = {what: row for _, what, row, _ in new.tolist()}
    assert seconds["one after another"] == 2 * len(book.in_order())
    assert [seconds[what] for what in ("side by side", "cold", "numpy", "gdcourse")] == pytest.approx(
        [2, 31, 0.1, 0.25]
    )
    assert "side by side: 2 s; wanted <= 480 s: met" in (tmp_path / "book.txt").read_text()


@pytest.mark.pipeline
def test_builds_are_timed_from_nothing_then_unchanged_then_with_one_word_more(
    book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def python(step: str, *options: str, root: Path) -> tuple[float, bool]:
        assert root != ROOT
        if step == "tools/build_book.py":
            cells = nbformat.read(root / book.CHANGED, as_version=4).cells
            seen.append(((root / "_build").exists(), sum(len(cell.source.split()) for cell in cells)))
            (root / "_build").mkdir(exist_ok=True)
        return float(len(seen)), True

    monkeypatch.setattr(book, "python", python)
    rows = book.build_rows(repeats=2)
    words = seen[0][1]
    once = [(False, words), (True, words), (True, words + 1)]
    assert seen == once + [(built, more + 1) for built, more in once]
    assert [row[2] for row in rows] == [5, 7, 9]  # medians of 2 and 8, 4 and 10, 6 and 12: both steps of each


@pytest.mark.pipeline
def test_the_explorers_two_files_say_the_same() -> None:
    told = (FOLDER / "results" / "explorer.txt").read_text()
    lines = re.findall(r"^(.*handler.*), (\w+) +median (\S+) ms, p95 (\S+) ms; own work p95 (\S+) ms", told, re.M)
    rows = read(FOLDER / "results" / "explorer.csv").tolist()
    assert [line[:2] for line in lines] == [row[:2] for row in rows]
    assert len(lines) > 10
    for line, row in zip(lines, rows, strict=True):
        assert [float(ms) for ms in line[2:]] == pytest.approx(row[2:], abs=0.051)  # rounded
