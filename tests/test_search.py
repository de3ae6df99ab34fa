"""Search without slope: directions without a favourite, steps as the docstring has them, nothing kept that is worse."""

import math
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

import gdcourse as gd

BOWL = gd.objectives.Quadratic([1.0, 1.0, 1.0])
HILLS = gd.objectives.Himmelblau()


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Directions.


@pytest.mark.parametrize("d", [1, 2, 3, 17])
def test_a_direction_is_uniform_on_the_sphere(d: int) -> None:
    u = gd.random_directions((4000, d), seeded(d))
    np.testing.assert_allclose(np.sum(u**2, axis=-1), 1, rtol=1e-12)
    oblique = np.arange(1.0, d + 1) * (-1.0) ** np.arange(d)
    for axis in (np.eye(d)[0], np.eye(d)[-1], oblique / np.linalg.norm(oblique)):
        c = u @ axis
        assert abs(np.mean(c > 0) - 0.5) < 4 * 0.5 / math.sqrt(4000)
        if d > 1:  # c² of a uniform direction is Beta(1/2, (d − 1)/2) distributed, along any axis
            assert stats.kstest(c**2, stats.beta(0.5, (d - 1) / 2).cdf).pvalue > 1e-3


def test_directions_take_an_integer_or_a_shape_and_leave_no_two_alike() -> None:
    assert gd.random_directions(4, seeded()).shape == (4,)
    assert gd.random_directions((0, 4), seeded()).shape == (0, 4)
    u = gd.random_directions((3, 5, 2), seeded())
    assert u.shape == (3, 5, 2)
    assert len(np.unique(u.reshape(-1, 2), axis=0)) == 15


# Random search.


def by_hand(f: Any, start: list[float], steps: int, stride: float, seed: int, grow: float, shrink: float) -> Any:
    """One run in plain numbers, with the stream of the package's generator."""
    rng, here, path, strides = np.random.default_rng(seed), list(start), [list(start)], [stride]
    for _ in range(steps):
        z = list(rng.normal(size=len(here)))
        length = math.sqrt(sum(x * x for x in z))
        there = [a + stride * x / length for a, x in zip(here, z, strict=True)]
        if f(np.array(there)) < f(np.array(here)):
            here, stride = there, stride * grow
        else:
            stride = stride * shrink
        path.append(here)
        strides.append(stride)
    return np.array(path), strides


@pytest.mark.parametrize(("grow", "shrink"), [(1.0, 1.0), (1.5, 1.5**-0.25), (1.0, 0.9), (1.2, 1.0)])
def test_a_run_is_the_loop_of_the_docstring(grow: float, shrink: float) -> None:
    run = gd.random_search(HILLS, [-0.5, 1.0], 200, step_size=0.3, rng=seeded(3), grow=grow, shrink=shrink)
    path, strides = by_hand(HILLS, [-0.5, 1.0], 200, 0.3, 3, grow, shrink)
    np.testing.assert_allclose(run.theta, path, rtol=1e-12)
    np.testing.assert_allclose(run.loss, HILLS(path), rtol=1e-9)
    assert 0 < np.count_nonzero(np.diff(run.loss)) < 200
    assert len(set(strides)) > 1 or grow == shrink == 1


def test_a_step_is_one_evaluation_and_no_gradient() -> None:
    seen = []

    def f(theta: Any) -> Any:
        seen.append(theta)
        return np.sum(theta**2, axis=-1)

    run = gd.random_search(f, [1.0, 2.0, 3.0], 40, step_size=0.1, rng=seeded())
    assert (len(seen), run.steps) == (41, 40)
    kept = [run.theta[0], *(run.theta[t] for t in range(1, 41))]
    for t in range(1, 41):  # each proposal is one stride from the point kept before it
        assert np.linalg.norm(seen[t] - kept[t - 1]) == pytest.approx(0.1)
        np.testing.assert_array_equal(kept[t], seen[t] if run.loss[t] < run.loss[t - 1] else kept[t - 1])
    assert np.isnan(run.grad_norm).all()
    assert run.diverged is False
    assert run.diverged_at is None
    assert run.minimum is None  # a plain function does not say


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.floats(1, 4), st.floats(0.05, 1))
def test_the_loss_never_rises_and_is_that_of_the_point(seed: int, stride: float, grow: float, shrink: float) -> None:
    start = seeded(seed).normal(size=(3, 2))
    run = gd.random_search(HILLS, start, 50, step_size=stride, rng=seeded(seed), grow=grow, shrink=shrink)
    assert np.all(np.diff(run.loss, axis=0) <= 0)
    np.testing.assert_array_equal(run.loss, HILLS(run.theta))
    np.testing.assert_array_equal(run.theta[0], start)
    still = run.loss[1:] == run.loss[:-1]
    np.testing.assert_array_equal(still, np.all(run.theta[1:] == run.theta[:-1], axis=-1))


@pytest.mark.parametrize(("d", "stride"), [(1, 0.7), (2, 0.1), (3, 1.0), (30, 0.3), (200, 0.1)])
def test_the_share_of_successes_is_that_of_a_spherical_cap(d: int, stride: float) -> None:
    start = np.tile(np.eye(d)[0], (4000, 1))
    run = gd.random_search(gd.objectives.Quadratic(np.ones(d)), start, 1, step_size=stride, rng=seeded(d))
    exact = 0.5 * special.betainc((d - 1) / 2, 0.5, 1 - (stride / 2) ** 2) if d > 1 else 0.5
    share = np.mean(run.loss[1] < run.loss[0])
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 4000)


def test_the_fifth_rule_makes_one_step_in_five_succeed_and_falls_by_a_share_of_d() -> None:
    d = 40
    bowl, start = gd.objectives.Quadratic(np.ones(d)), gd.random_directions((30, d), seeded())
    run = gd.random_search(bowl, start, 1500, step_size=5.0, rng=seeded(1), grow=1.3, shrink=1.3**-0.25)
    late = run.loss[300:]
    rate = np.mean(np.log(late[0] / late[-1])) / (len(late) - 1)
    # A stride that stood still would succeed with p = 0.2. Its logarithm falls with that of |θ|, by rate/2 a step:
    # p ln a − (1 − p) ln(a)/4 = −rate/2.
    share = 0.2 - 0.8 * (rate / 2) / math.log(1.3)
    assert np.mean(np.diff(late, axis=0) < 0) == pytest.approx(share, abs=0.003)
    assert 0.3 / d < rate < 0.405 / d  # at the very best 0.405/d


def test_starts_and_strides_are_broadcast_and_each_run_has_directions_of_its_own() -> None:
    strides = np.array([0.1, 0.2, 0.4])
    run = gd.random_search(BOWL, np.ones((5, 1, 3)), 10, step_size=strides, rng=seeded())
    assert (run.theta.shape, run.loss.shape, run.diverged.shape) == ((11, 5, 3, 3), (11, 5, 3), (5, 3))
    moves = np.linalg.norm(np.diff(run.theta, axis=0), axis=-1)
    moved = moves > 0
    np.testing.assert_allclose(moves[moved], np.broadcast_to(strides, moves.shape)[moved])
    directions = (run.theta[:, :, :] - 1)[1:] / strides[:, None]
    first = directions[0][np.linalg.norm(directions[0], axis=-1) > 0]
    assert len(np.unique(first.round(9), axis=0)) == len(first) > 3
    one = run[2, 1]
    np.testing.assert_array_equal(one.theta, run.theta[:, 2, 1])
    assert one.diverged_at is None
    shapes = gd.random_search(BOWL, np.ones(3), 2, step_size=0.1, rng=seeded(), grow=[1.0, 2.0], shrink=[[0.5], [1.0]])
    assert shapes.loss.shape == (3, 2, 2)


def test_each_run_of_a_batch_has_a_stride_of_its_own() -> None:
    # Of two runs, one always fails, the other always succeeds.
    seen = []

    def f(theta: Any) -> Any:
        seen.append(theta)
        return np.array([0.0, -float(len(seen))])

    run = gd.random_search(f, np.zeros((2, 3)), 6, step_size=1.0, rng=seeded(), grow=2.0, shrink=0.5)
    lengths = [np.linalg.norm(seen[t] - run.theta[t - 1], axis=-1) for t in range(1, 7)]
    np.testing.assert_allclose(lengths, [[0.5**k, 2.0**k] for k in range(6)])
    np.testing.assert_array_equal(run.loss[:, 0], 0)
    assert not run.theta[:, 0].any()  # a tie is not kept
    assert run.theta[1:, 1].all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_not_kept(bad: float) -> None:
    def f(theta: Any) -> Any:
        return np.where(theta[..., 0] < 0, bad, theta[..., 0])

    run = gd.random_search(f, np.ones((20, 2)), 100, step_size=0.3, rng=seeded())
    assert np.all(run.theta[..., 0] >= 0)
    assert np.all(np.isfinite(run.loss))
    assert not run.diverged.any()
    np.testing.assert_array_equal(run.diverged_at, -1)


def test_a_stride_without_bound_leaves_the_search_where_it_is() -> None:
    def f(theta: Any) -> Any:  # falls for ever, towards 0, which it reaches at infinity
        return 1 / (1 + np.abs(theta[..., 0]))

    run = gd.random_search(f, [1.0], 2000, step_size=1.0, rng=seeded(), grow=1e3)
    assert np.all(np.isfinite(run.theta))


def test_the_start_is_left_as_it_was_and_no_objective_may_write() -> None:
    start = np.array([1.0, 2.0, 3.0])
    run = gd.random_search(BOWL, start, 5, step_size=0.5, rng=seeded())
    run.theta[0] = 7
    np.testing.assert_array_equal(start, [1, 2, 3])

    def writes(theta: Any) -> Any:
        theta *= 0
        return np.sum(theta, axis=-1)

    with pytest.raises(ValueError, match="read-only"):
        gd.random_search(writes, start, 5, step_size=0.5, rng=seeded())
    assert gd.random_search(BOWL, [1, 2, 3], 0, step_size=1, rng=seeded()).loss == [7.0]  # integers, no steps


def test_a_seed_gives_the_run_again() -> None:
    one, two, other = (
        gd.random_search(HILLS, [0.0, 0.0], 30, step_size=0.3, rng=seeded(seed)).theta for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


# Random sampling.


@pytest.mark.parametrize("runs", [None, 4])
def test_sampling_keeps_the_best_so_far(runs: int | None) -> None:
    run = gd.random_sampling(HILLS, 60, rng=seeded(5), runs=runs)
    points = np.random.default_rng(5).uniform(-5, 5, size=(61, *(() if runs is None else (runs,)), 2))
    for t in range(61):
        loss = HILLS(points[: t + 1])
        np.testing.assert_array_equal(run.loss[t], loss.min(axis=0))
        np.testing.assert_array_equal(HILLS(run.theta[t]), run.loss[t])
    assert run.minimum == 0
    assert run.steps == 60


def test_samples_are_uniform_in_the_box() -> None:
    seen = []

    def f(theta: Any) -> Any:
        seen.append(theta)
        return np.sum(theta, axis=-1)

    box = [[-1.0, 3.0], [10.0, 11.0], [0.0, 1e-3]]
    gd.random_sampling(f, 3999, rng=seeded(), domain=box)
    points = seen[-1]
    assert points.shape == (4000, 3)
    for column, (low, high) in zip(points.T, box, strict=True):
        assert stats.kstest(column, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_sampling_gets_as_near_as_a_ball_is_large() -> None:
    # N points in [-1, 1]^2: the nearest is farther than ρ with probability (1 − πρ²/4)^N.
    plane = gd.objectives.Quadratic([1.0, 1.0])
    run = gd.random_sampling(plane, 99, rng=seeded(), domain=[[-1, 1], [-1, 1]], runs=3000)
    rho = np.sqrt(2 * run.loss[-1])
    assert stats.kstest(rho, lambda r: 1 - (1 - np.pi * np.minimum(r, 1) ** 2 / 4) ** 100).pvalue > 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_worse_than_any_other(bad: float) -> None:
    def f(theta: Any) -> Any:
        return np.where(theta[..., 0] < 0, bad, theta[..., 0])

    run = gd.random_sampling(f, 50, rng=seeded(), domain=[[-1, 1], [-1, 1]], runs=50)
    assert np.all(run.theta[-1, :, 0] >= 0)
    found = np.isfinite(run.loss)
    assert not found[0].all()
    assert np.all(found[1:] >= found[:-1])
    assert np.all(np.diff(np.where(found, run.loss, 2.0), axis=0) <= 0)


# The record, and messages.


def test_the_record_is_drawn_and_asked_like_any_other() -> None:
    run = gd.random_search(HILLS, [0.0, -0.5], 80, step_size=0.5, rng=seeded())
    assert repr(run) == "Trajectory(80 steps)"
    level = run.loss[40]
    assert run.steps_to(level, of="loss") == np.argmax(run.loss <= level)
    with pytest.raises(ValueError, match=re.escape("of='grad_norm' needs gradients, which this search has not taken")):
        run.steps_to(1e-3)
    runs = gd.random_search(HILLS, np.zeros((3, 2)), 5, step_size=0.5, rng=seeded())
    with pytest.raises(ValueError, match="needs gradients"):
        runs.steps_to(1e-3)
    assert runs[runs.diverged].steps_to(1e-3).shape == (0,)  # no runs, nothing to complain about
    fig, axes = plt.subplots(1, 2)
    gd.plots.contour(HILLS, {"search": run}, ax=axes[0])
    gd.plots.loss_curves({"search": run, "slope": gd.descend(HILLS, [0, 0], gd.GradientDescent(0.01), 9)}, ax=axes[1])
    assert len(axes[1].lines) == 2
    plt.close(fig)


def test_a_gradient_that_is_no_number_from_the_start_is_no_search() -> None:
    def no_number(theta: Any) -> Any:
        return np.full(np.shape(theta), np.nan)

    flat = gd.objectives.from_function(lambda theta: np.sum(theta**2, axis=-1), dim=2, grad=no_number)
    run = gd.descend(flat, [1.0, 1.0], gd.GradientDescent(0.1), steps=5)
    assert np.isnan(run.grad_norm).all()
    assert run.steps_to(1e-3) == math.inf


GOOD = {"objective": BOWL, "start": [1.0, 1.0, 1.0], "steps": 5, "step_size": 0.1, "rng": seeded()}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": 3}, TypeError, "objective must be callable, got 3"),
        ({"objective": gd.objectives.Himmelblau}, TypeError, "objective must be callable, got <class"),
        ({"objective": lambda theta: theta}, ValueError, "objective must return values of shape () at the start"),
        ({"objective": lambda theta: np.nan}, ValueError, "objective must be finite at the start"),
        ({"objective": lambda theta: "low"}, TypeError, "objective(theta) must be an array of real numbers"),
        ({"start": 1.0}, ValueError, "start must have shape (..., d) with d > 0, got 1.0"),
        ({"start": [[1.0, 1, 1], [1, np.inf, 1]]}, ValueError, "start must be finite, got [1.0, inf, 1.0] at index"),
        ({"start": ["a"]}, TypeError, "start must be an array of real numbers"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer, got 2.5"),
        ({"step_size": 0.0}, ValueError, "step_size must be greater than 0"),
        ({"step_size": [0.1, -0.1]}, ValueError, "step_size must be non-negative and finite"),
        ({"step_size": "big"}, TypeError, "step_size must be an array of real numbers"),
        ({"grow": 0.9}, ValueError, "grow must be at least 1 and finite"),
        ({"shrink": 1.1}, ValueError, "shrink must be in [0, 1]"),
        ({"shrink": 0.0}, ValueError, "shrink must be greater than 0"),
        ({"rng": 0}, TypeError, "rng must be a numpy.random.Generator, such as np.random.default_rng(0), got 0"),
        (
            {"start": np.ones((2, 3)), "step_size": [0.1, 0.2, 0.3]},
            ValueError,
            "start of shape (2, 3) does not broadcast with {'step_size': (3,), 'grow': (), 'shrink': ()}",
        ),
    ],
)
def test_bad_arguments_of_a_search_are_named(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        gd.random_search(**(GOOD | arguments))


def test_an_objective_that_mixes_the_points_is_found_out() -> None:
    with pytest.raises(ValueError, match="or a mixture"):
        gd.random_search(lambda x: x[0] ** 2 + x[1] ** 2, np.ones((2, 2)), 5, step_size=0.1, rng=seeded())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": 3}, TypeError, "objective must be callable, got 3"),
        ({"objective": np.sum}, TypeError, "domain must be given, since <function sum"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"rng": None}, TypeError, "rng must be a numpy.random.Generator"),
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"domain": [[1.0, -1.0]]}, ValueError, "domain must hold a lower and a higher end for each coordinate, got"),
        ({"domain": [1.0, 2.0]}, ValueError, "domain must hold a lower and a higher end"),
        ({"domain": [[0.0, np.inf]] * 2}, ValueError, "domain must hold a lower and a higher end"),
        ({"domain": [[0.0, 1.0]] * 3}, ValueError, "theta must have shape (..., 2) for Himmelblau"),
    ],
)
def test_bad_arguments_of_sampling_are_named(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        gd.random_sampling(**({"objective": HILLS, "steps": 5, "rng": seeded()} | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((), seeded()), ValueError, "shape must hold at least the number d of coordinates, got ()"),
        (((3, 0), seeded()), ValueError, "shape must be at least 1, got 0"),
        ((2.5, seeded()), TypeError, "shape must be an integer"),
        ((3, 7), TypeError, "rng must be a numpy.random.Generator"),
    ],
)
def test_bad_arguments_of_a_direction_are_named(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        gd.random_directions(*arguments)
