"""The benchmarks run, compare equals, and write tables that the book can read. Nothing here depends on a clock."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
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
