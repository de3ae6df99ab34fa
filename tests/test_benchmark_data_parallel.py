"""benchmarks/data_parallel.py, and the tables that it has left for the chapter."""

import importlib.util
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import gdcourse as gd


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "data_parallel.py"
    spec = importlib.util.spec_from_file_location("benchmark_data_parallel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_grid_is_whole(bench):
    runs = gd.data.benchmark("data_parallel_batches")
    found = [tuple(run)[:4] for run in runs]
    wanted = product([2**k for k in range(5, 12)], (0, 1), bench.RATES, range(bench.SEEDS))
    assert sorted(found) == sorted((B, lr, warm, seed) for B, warm, lr, seed in wanted)


def test_the_times_are_whole(bench):
    times = gd.data.benchmark("data_parallel_times")
    assert [int(row["size"]) for row in times if row["what"] == "all-reduce"] == bench.NUMBERS
    steps = [(int(row["workers"]), int(row["size"])) for row in times if row["what"] == "step"]
    assert sorted(steps) == sorted(product((1, 2), bench.BATCHES))


@pytest.mark.parametrize("lr", [0.1, 0.4])
@pytest.mark.parametrize("warm", [0, 1])
@pytest.mark.parametrize("B", [512, 2048])
def test_stored_runs_come_out_again(bench, B, warm, lr):
    """At rates well below the limit, where rounding does not decide."""
    runs, data = gd.data.benchmark("data_parallel_batches"), bench.digits()
    steps = warm * -(-len(data[1]) // B)
    (stored,) = runs["wrong"][
        (runs["batch_size"] == B) & (runs["lr"] == lr) & (runs["warm_up_epochs"] == warm) & (runs["seed"] == 1)
    ]
    np.testing.assert_allclose(bench.train(B, lr, steps, 1, data), stored, atol=0.006)


def test_what_diverges_guesses(bench):
    assert 0.85 <= bench.train(512, 50.0, 0, 0, bench.digits()) <= 0.95
