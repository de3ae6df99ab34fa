"""Sweeps against the one loop, run by run, and against closed forms; calls on threads, processes and a Dask cluster."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize

import gdcourse as gd
from gdcourse import grids

HILLS = gd.objectives.Himmelblau()
BOWL = gd.objectives.Quadratic([1.0, 10.0])
STARTS = np.random.default_rng(0).uniform(-4, 4, (7, 2))
RULES: dict[Any, dict[str, Any]] = {
    gd.Momentum: {"lr": [0.001, 0.01, 0.3], "beta": [0.5, 0.9]},
    gd.Nesterov: {"lr": [0.001, 0.01, 0.3], "beta": [0.5, 0.9]},  # asks for the gradient elsewhere
    gd.Adam: {"beta1": [0.5, 0.9], "lr": [0.01, 0.5]},
    gd.RMSProp: {"lr": [0.01, 0.1], "rho": [0.9], "eps": [1e-8, 1e-2]},
}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks of three settings or fewer, so that runs are split over many."""
    monkeypatch.setattr(grids, "BLOCK", 6)
    monkeypatch.setattr(grids, "_cores", lambda: 2)  # of which the number of blocks is a multiple


def plain(objective: Any, rule: Any, start: Any, steps: int, **more: Any) -> gd.Trajectory:
    return gd.descend(objective, start, rule, steps, **more)


@pytest.mark.parametrize("record", ["final", "loss"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_run_is_that_of_the_loop(rule: Any, record: str, narrow: None) -> None:
    grid = RULES[rule]
    runs = gd.sweep(HILLS, rule(), starts=STARTS, steps=40, record=record, **grid)
    assert list(runs.axes) == [*grid, "start"]
    assert runs.loss.shape == (*map(len, grid.values()), 7)
    gone = 0
    for index in np.ndindex(runs.loss.shape):
        setting = {name: values[i] for (name, values), i in zip(grid.items(), index, strict=False)}
        run = plain(HILLS, rule(**setting), STARTS[index[-1]], 40)
        gone += run.diverged
        assert runs.diverged[index] == run.diverged
        np.testing.assert_array_equal(runs.start[index], STARTS[index[-1]])
        if not run.diverged:
            np.testing.assert_allclose(runs.theta[index], run.theta[-1], rtol=1e-12)
            assert runs.loss[index] == pytest.approx(run.loss[-1], rel=1e-9)
        if record == "loss":
            assert runs.losses is not None
            expected = np.full(41, np.nan)
            finite = np.isfinite(run.loss)
            expected[: len(run.loss)][finite] = run.loss[finite]
            np.testing.assert_allclose(runs.losses[(slice(None), *index)], expected, rtol=1e-9)
    assert (gone > 0) == (rule in (gd.Momentum, gd.Nesterov))


def test_a_schedule_goes_on_through_a_sweep(narrow: None) -> None:
    rule = gd.Momentum(lr=gd.schedules.Exponential(lr=0.02, gamma=0.9))
    runs = gd.sweep(HILLS, rule, starts=STARTS[0], steps=20, beta=[0.0, 0.5, 0.8, 0.9])
    for k, beta in enumerate([0.0, 0.5, 0.8, 0.9]):
        run = plain(HILLS, gd.Momentum(lr=rule.lr, beta=beta), STARTS[0], 20)
        np.testing.assert_allclose(runs.theta[k], run.theta[-1], rtol=1e-12)


def test_a_seed_means_the_same_at_every_setting(narrow: None) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 3))
    data = gd.objectives.LinearRegression(X, X @ [1.0, 2.0, 3.0] + rng.normal(size=30))
    seeds, rates = [3, 8, 11], [0.01, 0.05, 0.1, 0.2]

    def begin(rng: np.random.Generator) -> Any:
        return rng.normal(size=data.dim)

    def batches(rng: np.random.Generator) -> Any:
        return gd.minibatches(30, 5, rng)

    runs = gd.sweep(data, gd.GradientDescent(), starts=begin, batches=batches, steps=25, seeds=seeds, lr=rates)
    assert list(runs.axes) == ["lr", "seed"]
    assert runs.axes["seed"].tolist() == seeds
    for (k, i), loss in np.ndenumerate(runs.loss):
        rng = np.random.default_rng(seeds[i])
        run = plain(data, gd.GradientDescent(lr=rates[k]), begin(rng), 25, batches=batches(rng))
        assert loss == pytest.approx(run.loss[-1], rel=1e-9)


def test_batches_that_end_early_are_told(narrow: None) -> None:
    data = gd.objectives.LinearRegression(np.eye(4), np.ones(4))
    with pytest.raises(ValueError, match="batches must last for 5 steps, but ended after 2"):
        gd.sweep(
            data, gd.GradientDescent(), starts=np.zeros(data.dim), batches=lambda rng: [[0], [1]], steps=5, seeds=[0]
        )


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("rule", [gd.Momentum, gd.Nesterov, gd.GradientDescent])
def test_runs_diverge_from_the_stated_rate_on(rule: Any, beta: float) -> None:
    optimizer = rule() if rule is gd.GradientDescent else rule(beta=beta)
    limit = gd.largest_stable_rate(optimizer, 10.0)
    runs = gd.sweep(BOWL, optimizer, starts=[1.0, 1.0], steps=3000, lr=limit * np.array([0.9, 0.99, 1.01, 1.1]))
    worse = np.isnan(runs.loss) | (runs.loss > BOWL([1.0, 1.0]))
    assert worse.tolist() == [False, False, True, True]


def test_memory_does_not_grow_with_the_steps() -> None:
    import tracemalloc

    def peak(steps: int) -> int:
        tracemalloc.start()
        gd.sweep(HILLS, gd.Adam(), starts=np.zeros((2000, 2)), steps=steps, lr=[0.01, 0.1])
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(200) < 1.3 * peak(20)


def test_steps_to_a_tolerance() -> None:
    runs = gd.sweep(BOWL, gd.GradientDescent(), starts=[0.0, 1.0], steps=300, record="loss", lr=[0.01, 0.1, 0.15, 0.3])
    # L = 5 (1 - 10 lr)^(2t): one step at lr = 0.1, never at 0.3, where it diverges.
    expected = [
        np.ceil(np.log(1e-6 / 5) / (2 * np.log(abs(1 - 10 * lr)))) if lr != 0.1 else 1 for lr in (0.01, 0.1, 0.15)
    ]
    assert runs.steps_to(1e-6).tolist() == [*expected, np.inf]
    with pytest.raises(ValueError, match="record='loss'"):
        gd.sweep(BOWL, gd.GradientDescent(), starts=[0.0, 1.0], steps=3, lr=[0.1]).steps_to(1e-6)
    with pytest.raises(ValueError, match="tol must be non-negative"):
        runs.steps_to(-1)


def test_in_a_browser_it_does_without_threads_and_processes(narrow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = {"lr": [0.01, 0.1, 0.2, 0.3]}
    threaded = gd.sweep(HILLS, gd.Adam(), starts=STARTS, steps=20, **grid)

    def start(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(grids, "ALONE", True)
    monkeypatch.setattr(threading.Thread, "start", start)
    runs = gd.sweep(HILLS, gd.Adam(), starts=STARTS, steps=20, **grid)
    np.testing.assert_array_equal(runs.theta, threaded.theta)
    with pytest.warns(UserWarning, match="1 calls failed"):
        calls = gd.call_at(fails, a=[1, 2, 3])
    np.testing.assert_array_equal(calls.values, [1, np.nan, 3])


class Impatient(Executor):
    """Somebody presses Ctrl-C while it works on the third job."""

    def submit(self, function: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.count = getattr(self, "count", 0) + 1
        if self.count <= 2:
            future.set_result(function(*args, **more))
        elif self.count == 3:
            threading.Timer(0.3, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        return future


def test_an_interruption_keeps_what_is_done(narrow: None) -> None:
    with pytest.warns(UserWarning, match="interrupted: about 2 of 4 blocks are done"):
        runs = gd.sweep(HILLS, gd.Adam(), starts=STARTS[0], steps=5, executor=Impatient(), lr=np.arange(1, 13) / 10)
    assert not runs.complete
    assert "interrupted" in repr(runs)
    assert np.isnan(runs.loss).tolist() == [False] * 6 + [True] * 6
    with pytest.warns(UserWarning, match="interrupted"):
        calls = gd.call_at(volume, executor=Impatient(), a=[1, 2, 3], b=[4])
    assert not calls.complete
    np.testing.assert_array_equal(calls.values, [[4], [8], [np.nan]])


# Calls.


def volume(a: float, b: float, seed: int = 0) -> float:
    return a * b + 100 * seed


def slow_volume(a: float, folder: str, seed: int) -> list[float]:
    """Say that it runs, and where."""
    (Path(folder) / f"{a:g}-{seed}-{os.getpid()}-{time.time_ns()}").touch()
    time.sleep(0.3)
    return [a, 10 * seed]


def fails(a: float) -> float:
    if a == 2:
        raise FloatingPointError("too steep")
    return a


@pytest.mark.parametrize("executor", [None, "threads"])
def test_calls_at_every_point(executor: str | None) -> None:
    with ThreadPoolExecutor(2) as threads:
        grid = gd.call_at(volume, seeds=[0, 2], executor=threads if executor else None, a=[1, 2, 3], b=[10.0, 0.5])
    assert list(grid.axes) == ["a", "b", "seed"]
    assert grid.complete
    expected = [[[a * b + 100 * seed for seed in (0, 2)] for b in (10, 0.5)] for a in (1, 2, 3)]
    assert grid.values.tolist() == expected


def test_processes_get_what_a_notebook_defines() -> None:
    # As in a notebook, whose cells are no file, a spawned process could not import `volume`.
    code = """
import gdcourse as gd
height = 3
def volume(a): return a * height
print(gd.call_at(volume, a=[1, 2]).values.tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert done.stdout == "[3.0, 6.0]\n", done.stderr


def test_a_call_that_fails_takes_no_other_with_it() -> None:
    with ThreadPoolExecutor(2) as threads, pytest.warns(UserWarning, match=r"1 calls failed, one with \{'a': 2\}"):
        grid = gd.call_at(fails, executor=threads, a=[1, 2, 3])
    np.testing.assert_array_equal(grid.values, [1, np.nan, 3])
    assert isinstance(grid.errors[1,], FloatingPointError)


@pytest.mark.parametrize("wrong", [None, [True]], ids=["nothing", "another shape"])
def test_a_result_that_is_none_takes_no_other_with_it(wrong: Any) -> None:
    def rights(a: int) -> Any:
        return wrong if a == 2 else [True, False]

    with ThreadPoolExecutor(1) as thread, pytest.warns(UserWarning, match=r"1 calls failed, one with \{'a': 2\}"):
        grid = gd.call_at(rights, executor=thread, a=[1, 2, 3])
    np.testing.assert_array_equal(grid.values, [[1, 0], [np.nan, np.nan], [1, 0]])
    assert isinstance(grid.errors[1,], (TypeError, ValueError))


def test_a_cluster_loses_a_worker_and_no_result(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill() -> None:
            while len(list(tmp_path.iterdir())) < 4:
                time.sleep(0.02)
            os.kill(int(max(tmp_path.iterdir(), key=os.path.getmtime).name.split("-")[2]), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        grid = gd.call_at(
            slow_volume, seeds=range(4), executor=client.get_executor(), a=[1.0, 2.0, 3.0, 4.0], folder=[str(tmp_path)]
        )
        killer.join()
    assert grid.complete
    assert not grid.errors
    expected = [[[[a, 10 * seed] for seed in range(4)]] for a in (1, 2, 3, 4)]
    assert grid.values.tolist() == expected
    assert len(list(tmp_path.iterdir())) > 16  # what the dead worker had in hand was begun again
    assert len({path.name.split("-")[2] for path in tmp_path.iterdir()}) >= 3


# What is refused.


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"optimizer": 3}, TypeError, "optimizer must be a rule"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"record": "all"}, ValueError, "record must be 'final' or 'loss', got 'all'"),
        ({"starts": [np.nan, 0.0]}, ValueError, "start must be finite"),
        ({"starts": np.zeros((2, 2, 2, 2))}, ValueError, r"starts must have shape \(d,\), \(k, d\) or"),
        ({"starts": lambda rng: [0.0, 0.0]}, ValueError, "seeds must be given, since starts draws"),
        ({"batches": 3, "seeds": [0]}, TypeError, "batches must be a callable"),
        ({"batches": lambda rng: []}, ValueError, "seeds must be given, since batches draws"),
        ({"seeds": []}, ValueError, "seeds must hold at least one seed"),
        ({"seeds": [1.5]}, TypeError, "seeds must be an integer, got 1.5"),
        ({"rho": [0.5]}, TypeError, r"the grid must be of lr, beta1, beta2, eps for Adam, got \['rho'\]"),
        ({"lr": [[0.5]]}, ValueError, r"lr must hold the values to try, shape \(k,\), got shape \(1, 1\)"),
        ({"beta1": [0.5, 1.0]}, ValueError, r"beta1 must be in \[0, 1\)"),
        ({"optimizer": gd.Adam(lr=np.array([0.1, 0.2]))}, ValueError, "lr of the optimizer must be one number"),
        ({"objective": 3}, TypeError, "objective must be callable"),
    ],
)
def test_a_sweep_refuses(given: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments = {"objective": HILLS, "optimizer": gd.Adam(), "starts": [0.0, 0.0], "steps": 3, **given}
    objective, optimizer = arguments.pop("objective"), arguments.pop("optimizer")
    with pytest.raises(error, match=message):
        gd.sweep(objective, optimizer, **arguments)


def test_a_call_refuses() -> None:
    with pytest.raises(TypeError, match="function must be callable"):
        gd.call_at(3, a=[1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a must hold the values to try, shape \(k,\), got shape \(0,\)"):
        gd.call_at(volume, a=[], b=[1])
    with pytest.raises(TypeError, match="optimizer must be GradientDescent, Momentum or Nesterov"):
        gd.largest_stable_rate(gd.Adam(), 1.0)
    with pytest.raises(ValueError, match="curvature must be greater than 0, got 0"):
        gd.largest_stable_rate(gd.Momentum(), 0)


# Pictures.


def test_a_heatmap_shows_the_values_where_they_are() -> None:
    rates, betas = np.geomspace(0.01, 1.0, 5), np.array([0.0, 0.5, 0.9])
    runs = gd.sweep(BOWL, gd.Momentum(), starts=STARTS, steps=400, beta=betas, lr=rates)
    limit = gd.largest_stable_rate(gd.Momentum(beta=betas), 10.0)
    ax = runs.heatmap("lr", "beta", limit=limit)
    mesh = ax.collections[0]
    shown = np.ma.filled(mesh.get_array(), np.inf)
    assert shown.shape == (3, 5)
    worst = np.where(np.isnan(runs.loss), np.inf, runs.loss)
    np.testing.assert_array_equal(shown, np.median(worst, axis=-1))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    x, y = mesh.get_coordinates()[..., 0], mesh.get_coordinates()[..., 1]
    for k, rate in enumerate(rates):  # each value lies in its cell
        assert x[0, k] < rate < x[0, k + 1]
    assert y[0, 0] < 0 < y[1, 0] < 0.5 < y[2, 0] < 0.9 < y[3, 0]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), 2 * (1 + betas) / 10)
    for top, scale in ((9, Normalize), (11, LogNorm)):  # ratios matter from tenfold on
        steps = np.linspace(1, top, runs.loss[..., 0].size).reshape(3, 5, 1) + 0 * STARTS[:, 0]
        norm = runs.heatmap("lr", "beta", of=steps).collections[0].norm
        assert type(norm) is scale
    gone = np.isinf(shown)
    assert gone.any()
    assert (rates[np.nonzero(gone)[1]] > limit[np.nonzero(gone)[0]]).all()
    with pytest.raises(ValueError, match="x must be an axis"):
        runs.heatmap("eps", "beta")
    with pytest.raises(ValueError, match="of must be 'loss' or an array"):
        runs.heatmap("lr", "beta", of=[1])
    with pytest.raises(ValueError, match="limit must have one value for each beta"):
        runs.heatmap("lr", "beta", limit=[1.0])
    plt.close("all")


def test_basins_of_a_sweep_are_those_of_the_runs() -> None:
    starts = gd.plots.grid(HILLS.domain, 9)
    runs = gd.sweep(HILLS, gd.GradientDescent(lr=0.01), starts=starts, steps=200)
    expected = gd.plots.arrived(HILLS, plain(HILLS, gd.GradientDescent(lr=0.01), starts, 200))
    assert len(np.unique(expected)) >= 4
    np.testing.assert_array_equal(runs.basins().images[0].get_array() - 1, expected)
    with pytest.raises(ValueError, match="basins need a grid of starts"):
        gd.sweep(HILLS, gd.GradientDescent(lr=0.01), starts=STARTS, steps=2).basins()
    plt.close("all")
