"""Newton's method: one step on a quadratic, torch and SciPy on the rest, and what attracts it under which damping."""

import math
import re
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import gdcourse as gd
from gdcourse.second_order import Newton, modulus, solve

HILLS = gd.objectives.Himmelblau()
HILLTOP = np.array([-0.270844590667, -0.923038555679])
SADDLE = np.array([0.086677504555, 2.884254701174])  # curvatures -31.7 and 75.5


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def quadratic(seed: int, d: int, spread: float, signs: bool = False) -> gd.objectives.Quadratic:
    rng = seeded(seed)
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    eigenvalues = spread ** rng.uniform(-0.5, 0.5, d) * (rng.choice([-1, 1], d) if signs else 1)
    A = (Q * eigenvalues) @ Q.T
    return gd.objectives.Quadratic((A + A.T) / 2, center=rng.normal(size=d))


HYPERBOLA = gd.objectives.from_function(
    lambda t: np.sqrt(1 + t[..., 0] ** 2),
    lambda t: t / np.sqrt(1 + t**2),
    lambda t: ((1 + t**2) ** -1.5)[..., None],
    dim=1,
)


# The step.


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.floats(1, 1e6), st.booleans())
def test_one_step_solves_every_quadratic(seed: int, d: int, spread: float, signs: bool) -> None:
    bowl = quadratic(seed, d, spread, signs)
    run = gd.newton(bowl, seeded(seed + 1).normal(size=(3, d)), steps=1)
    np.testing.assert_allclose(run.theta[1], np.broadcast_to(bowl.center, (3, d)), atol=1e-13 * spread)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0, 50), st.floats(0, 2), st.booleans())
def test_along_each_eigenvector_a_step_divides_the_slope_by_the_damped_curvature(
    seed: int, d: int, damping: float, lr: float, absolute: bool
) -> None:
    bowl = quadratic(seed, d, 100.0, signs=True)
    eigenvalues, Q = np.linalg.eigh(bowl.A)
    divisor = (np.abs(eigenvalues) if absolute else eigenvalues) + damping
    if np.abs(divisor).min() < 1e-2:
        return
    theta = seeded(seed + 1).normal(size=d)
    expected = theta - lr * Q @ (Q.T @ bowl.grad(theta) / divisor)
    run = gd.newton(bowl, theta, 1, damping, absolute=absolute, lr=lr)
    np.testing.assert_allclose(run.theta[1], expected, rtol=1e-8, atol=1e-8)


def test_the_absolute_step_goes_downhill_everywhere_and_the_plain_one_does_not() -> None:
    theta = gd.plots.grid(HILLS.domain, 40)
    g = HILLS.grad(theta)
    for absolute, damping in ((True, 0.0), (True, 5.0), (False, 0.0)):
        rule = Newton(absolute=absolute, damping=damping, hessian=HILLS.hessian)
        uphill = np.sum(g * rule.update(g, None, theta)[0], axis=-1) > 0
        assert uphill.any() != absolute


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_modulus_of_a_matrix_is_the_root_of_its_square(seed: int, d: int) -> None:
    H = seeded(seed).normal(size=(2, 3, d, d))
    H = H + H.mT
    M = modulus(H)
    np.testing.assert_allclose(M @ M, H @ H, atol=1e-10)
    np.testing.assert_allclose(M, M.mT, atol=1e-12)
    assert np.linalg.eigvalsh(M).min() > -1e-10
    np.testing.assert_allclose(modulus(M), M, atol=1e-10)


def test_a_matrix_that_is_not_finite_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    eigh = np.linalg.eigh

    def particular(H: Any) -> Any:  # on what is not finite some builds of LAPACK return NaN, and others raise
        assert np.isfinite(H).all()
        return eigh(H)

    monkeypatch.setattr(np.linalg, "eigh", particular)
    H = np.array([np.diag([-2.0, 3.0]), np.full((2, 2), np.inf), [[0.0, np.nan], [np.nan, 1.0]]])
    M = modulus(H)
    np.testing.assert_allclose(M[0], np.diag([2.0, 3.0]))
    assert np.isnan(M[1:]).all()


def test_a_singular_matrix_spoils_no_other() -> None:
    A = np.array([[np.diag([2.0, 4.0]), np.zeros((2, 2))], [np.ones((2, 2)), np.eye(2)]])
    x = solve(A, np.ones((2, 2, 2)))
    np.testing.assert_array_equal(x[0, 0], [0.5, 0.25])
    np.testing.assert_array_equal(x[1, 1], [1, 1])
    assert np.isnan(x[0, 1]).all()
    assert np.isnan(x[1, 0]).all()


# Against others.


def hills(p: Any) -> Any:
    return (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2


def valley(p: Any) -> Any:
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


@pytest.mark.parametrize(
    ("objective", "twin", "start"),
    [
        (HILLS, hills, [4.0, 3.5]),
        (HILLS, hills, [0.3, 2.0]),
        (gd.objectives.Rosenbrock(2), valley, [-1.2, 1.0]),
        (gd.objectives.Rosenbrock(5), valley, [1.1, 1.2, 1.3, 1.6, 2.6]),
    ],
    ids=["minimum", "saddle", "valley", "valley of five"],
)
@pytest.mark.parametrize("damping", [0.0, 3.0])
def test_a_path_is_that_of_torch(objective: Any, twin: Any, start: list[float], damping: float) -> None:
    run = gd.newton(objective, start, 12, damping)
    p = torch.tensor(start, dtype=torch.float64)
    for t in range(13):
        np.testing.assert_allclose(run.theta[t], p.numpy(), rtol=1e-8, atol=1e-10)
        H = torch.autograd.functional.hessian(twin, p) + damping * torch.eye(len(p), dtype=p.dtype)
        p = p - torch.linalg.solve(H, torch.func.grad(twin)(p))


@pytest.mark.parametrize("lr", [1.0, 0.5])
def test_a_path_is_that_of_cramers_rule_in_fifty_digits(lr: float) -> None:
    starts = seeded().uniform(-5, 5, (100, 2))
    run = gd.newton(HILLS, starts, 5, lr=lr)
    paths = []
    with localcontext(prec=50):
        for start in starts:
            x, y = map(Decimal, start)
            paths.append([(x, y)])
            for _ in range(5):
                p, q = x * x + y - 11, x + y * y - 7
                gx, gy = 4 * x * p + 2 * q, 2 * p + 4 * y * q
                a, b, c = 4 * p + 8 * x * x + 2, 4 * (x + y), 4 * q + 8 * y * y + 2
                det = a * c - b * b
                x, y = x - Decimal(lr) * (c * gx - b * gy) / det, y - Decimal(lr) * (a * gy - b * gx) / det
                paths[-1].append((x, y))
    exact = np.array(paths, dtype=float).swapaxes(0, 1)
    close = np.abs(run.theta - exact) <= 1e-9 * np.maximum(1, np.abs(exact))
    assert close[1].all()
    assert np.mean(close.all(axis=(0, 2))) > 0.95  # a rounding error may grow near a singular matrix


@pytest.mark.parametrize("x", [0.5, -0.8, 0.97])
def test_in_one_dimension_it_is_the_root_finder_of_scipy(x: float) -> None:
    run = gd.newton(HYPERBOLA, [x], 4)
    for t in range(1, 5):
        found = optimize.newton(
            lambda t: t / math.sqrt(1 + t * t),
            x,
            lambda t: (1 + t * t) ** -1.5,
            tol=1e-300,
            maxiter=t,
            full_output=True,
            disp=False,
        )
        assert run.theta[t, 0] == pytest.approx(found[0], rel=1e-9, abs=1e-14)


def test_it_ends_where_scipy_ends() -> None:
    for start in ([4.0, 3.5], [-4.0, 3.0], [-4.0, -4.0], [4.0, -2.5]):
        end = gd.newton(HILLS, start, 15).theta[-1]
        arguments = {"jac": HILLS.grad, "hess": HILLS.hessian}
        for method, options in (("Newton-CG", {"xtol": 1e-10}), ("trust-exact", {"gtol": 1e-10})):
            found = optimize.minimize(HILLS, start, method=method, options=options, **arguments).x
            np.testing.assert_allclose(end, found, atol=1e-7)
    # Roots of the gradient, whatever their kind.
    for start in (HILLTOP + 0.1, SADDLE + 0.1):
        found = optimize.root(HILLS.grad, start, jac=HILLS.hessian, tol=1e-13).x
        np.testing.assert_allclose(gd.newton(HILLS, start, 15).theta[-1], found, atol=1e-10)


# How fast, and where to.


def test_the_error_is_squared_with_the_constant_of_the_text() -> None:
    loss = gd.objectives.from_function(
        lambda t: np.exp(t[..., 0]) - 2 * t[..., 0],
        lambda t: np.exp(t) - 2,
        lambda t: np.exp(t)[..., None],
        dim=1,
    )
    error = gd.newton(loss, [1.0], 3).theta[:, 0] - math.log(2)
    assert error[3] / error[2] ** 2 == pytest.approx(0.5, rel=2e-3)
    assert 0 < error[3] < 1e-6


@settings(max_examples=40, deadline=None)
@given(st.floats(-3, 3))
def test_on_the_hyperbola_a_step_takes_minus_the_cube(x: float) -> None:
    theta = gd.newton(HYPERBOLA, [x], 2).theta[:, 0]
    np.testing.assert_allclose(theta, [x, -(x**3), x**9], rtol=1e-9, atol=1e-14)


def test_beyond_one_the_hyperbola_diverges_and_says_when() -> None:
    run = gd.newton(HYPERBOLA, [[0.9], [1.0], [1.1]], 12)
    np.testing.assert_array_equal(run.diverged, [False, False, True])
    np.testing.assert_allclose(run.theta[:5, 1, 0], [1.0, -1.0, 1.0, -1.0, 1.0], rtol=1e-9)
    assert run.theta[-1, 0] == 0
    assert 0 < run.diverged_at[2] < 12


def test_far_from_a_convex_bottom_damping_brings_a_run_home_and_the_modulus_does_not() -> None:
    options: list[dict[str, Any]] = [{}, {"absolute": True}, {"damping": 0.6}, {"damping": 3.0}]
    runs = [gd.newton(HYPERBOLA, [10.0], 300, **option) for option in options]
    assert [bool(run.diverged) for run in runs] == [True, True, False, False]
    for run in runs[2:]:  # the damping exceeds half of the greatest curvature, so the loss never rises
        assert np.all(np.diff(run.loss) <= 0)
        assert abs(run.theta[-1, 0]) < 1e-6


@pytest.mark.parametrize("p", [3, 4, 6])
def test_on_a_flat_bottom_the_error_shrinks_by_a_constant_factor(p: int) -> None:
    flat = gd.objectives.from_function(
        lambda t: np.abs(t[..., 0]) ** p,
        lambda t: p * np.sign(t) * np.abs(t) ** (p - 1),
        lambda t: p * (p - 1) * np.abs(t[..., None]) ** (p - 2),
        dim=1,
    )
    theta = gd.newton(flat, [0.8], 10).theta[:, 0]
    np.testing.assert_allclose(theta[1:] / theta[:-1], (p - 2) / (p - 1))
    assert abs(gd.newton(flat, [0.8], 1, lr=p - 1.0).theta[1, 0]) < 1e-15


def attracts(point: np.ndarray, **options: Any) -> bool:
    around = point + 1e-3 * np.array([[1.0, 0.3], [-0.4, 1.0], [-1.0, -0.6], [0.2, -1.0]])
    ends = gd.newton(HILLS, around, 400, **options).theta[-1]
    return bool(np.all(np.linalg.norm(ends - point, axis=-1) < 1e-4))


@pytest.mark.parametrize("point", [HILLTOP, SADDLE], ids=["hilltop", "saddle"])
def test_a_negative_curvature_attracts_up_to_a_damping_of_half_its_size(point: np.ndarray) -> None:
    curvatures = np.linalg.eigvalsh(HILLS.hessian(point))
    limit = -curvatures[curvatures < 0].max() / 2
    assert attracts(point)
    assert attracts(point, damping=0.97 * limit)
    assert not attracts(point, damping=1.03 * limit)
    assert not attracts(point, absolute=True)
    assert attracts(point, lr=0.5)


def test_without_damping_many_runs_end_at_saddles_and_with_the_modulus_none() -> None:
    starts = seeded().uniform(-5, 5, (1000, 2))
    shares = {}
    for absolute in (False, True):
        run = gd.newton(HILLS, starts, 60, absolute=absolute)
        assert run.grad_norm[-1].max() < 1e-6
        shares[absolute] = np.mean(np.linalg.eigvalsh(HILLS.hessian(run.theta[-1]))[:, 0] > 0)
    assert shares[True] == 1
    assert 0.53 < shares[False] < 0.63


def test_much_damping_is_gradient_descent_with_a_small_rate() -> None:
    start = seeded().uniform(-4, 4, (20, 2))
    damped = gd.newton(HILLS, start, 5, 1e9).theta - start
    descent = gd.descend(HILLS, start, gd.GradientDescent(lr=1e-9), 5).theta - start
    np.testing.assert_allclose(damped, descent, rtol=1e-5, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_path_does_not_depend_on_the_coordinates(seed: int) -> None:
    rng = seeded(seed)
    M = np.linalg.qr(rng.normal(size=(2, 2)))[0] * rng.uniform(0.1, 10, 2)
    theirs = gd.objectives.from_function(
        lambda p: HILLS(p @ M.T), lambda p: HILLS.grad(p @ M.T) @ M, lambda p: M.T @ HILLS.hessian(p @ M.T) @ M
    )
    start = HILLS.minima[rng.integers(4)] + rng.uniform(-0.3, 0.3, 2)
    path = gd.newton(theirs, np.linalg.solve(M, start), 6).theta @ M.T
    np.testing.assert_allclose(path, gd.newton(HILLS, start, 6).theta, atol=1e-8)


# Batches, schedules, records.


def test_starts_and_dampings_are_broadcast_and_no_run_touches_another() -> None:
    starts, damping = seeded().uniform(-5, 5, (4, 1, 2)), np.array([0.0, 1.0, 30.0])
    runs = gd.newton(HILLS, starts, 6, damping)
    assert runs.theta.shape == (7, 4, 3, 2)
    for i in range(4):
        for j in range(3):
            one = gd.newton(HILLS, starts[i, 0], 6, damping[j])
            np.testing.assert_allclose(runs.theta[:, i, j], one.theta, rtol=1e-9)
            assert runs[i, j].optimizer.damping == damping[j]
    rates = gd.newton(HILLS, [4.0, 3.5], 6, lr=np.array([0.5, 1.0]))
    np.testing.assert_allclose(rates.theta[:, 1], gd.newton(HILLS, [4.0, 3.5], 6).theta, rtol=1e-12)
    np.testing.assert_allclose(2 * rates.theta[1, 0] - rates.theta[1, 1], [4.0, 3.5])  # half the way


def test_a_schedule_is_asked_for_every_step() -> None:
    bowl = gd.objectives.Quadratic([1.0, 50.0])
    run = gd.newton(bowl, [1.0, 1.0], 3, lr=lambda k: [0.5, 0.25, 1.0][k])
    np.testing.assert_allclose(run.theta[:, 0], [1, 0.5, 0.375, 0], atol=1e-15)


def test_it_stops_at_the_tolerance_and_records_as_descend_does() -> None:
    run = gd.newton(HILLS, [4.0, 3.5], 50, tol=1e-6)
    assert run.steps < 10
    assert run.grad_norm[-1] <= 1e-6 < run.grad_norm[-2]
    np.testing.assert_allclose(run.loss, HILLS(run.theta), rtol=1e-12)
    assert (run.minimum, run.diverged, run.diverged_at) == (0.0, False, None)
    assert repr(run) == f"Trajectory({run.steps} steps of Newton)"
    assert gd.newton(HILLS, [1, 2], 0).theta.tolist() == [[1, 2]]


def test_a_singular_hessian_is_divergence_of_that_run_alone() -> None:
    flat = gd.objectives.Quadratic([0.0, 2.0])
    run = gd.newton(flat, [1.0, 1.0], 5)
    assert (run.diverged, run.diverged_at) == (True, 1)
    damped = gd.newton(flat, [1.0, 1.0], 5, 1e-6)
    assert not damped.diverged
    np.testing.assert_allclose(damped.theta[-1], [1, 0], atol=1e-6)
    well = gd.objectives.DoubleWell(tilt=0.0)  # L'' = 3θ² − 1
    mixed = gd.newton(gd.objectives.from_function(well, well.grad, lambda t: np.round(well.hessian(t), 9), dim=1),
                      [[1 / math.sqrt(3)], [1.5]], 20)  # fmt: skip
    np.testing.assert_array_equal(mixed.diverged, [True, False])
    assert mixed.theta[-1, 1, 0] == pytest.approx(1)


def test_a_function_without_derivatives_is_differenced() -> None:
    plain = gd.objectives.from_function(lambda t: HILLS(t))
    np.testing.assert_allclose(gd.newton(plain, [4.0, 3.5], 10).theta[-1], [3, 2], atol=1e-6)


def test_least_squares_of_logistic_regression_take_the_same_steps() -> None:
    rng = seeded()
    X = rng.normal(size=(80, 2)) * [1.0, 1000.0]
    y = (rng.random(80) < 0.5).astype(float)
    loss, theta = gd.objectives.LogisticRegression(X, y, intercept=True), np.zeros(3)
    run = gd.newton(loss, theta, 4)
    for t in range(1, 5):
        p = 1 / (1 + np.exp(-loss.X @ theta))
        root = np.sqrt(p * (1 - p))
        theta = np.linalg.lstsq(root[:, None] * loss.X, root * (loss.X @ theta + (y - p) / root**2))[0]
        np.testing.assert_allclose(run.theta[t], theta, rtol=1e-8)


def test_importing_it_loads_neither_torch_nor_scipy() -> None:
    code = "import sys, gdcourse; print(*sorted({'torch', 'scipy', 'matplotlib'} & sys.modules.keys()))"
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr


# Messages.


class Odd(gd.objectives.Himmelblau):
    def __init__(self, H: Any) -> None:
        self.H = H

    def hessian(self, theta: Any) -> Any:
        return self.H(theta) if callable(self.H) else self.H


class NoHessian:
    def __call__(self, theta: Any) -> Any:
        return np.sum(theta**2, axis=-1)

    def grad(self, theta: Any) -> Any:
        return 2 * theta


GOOD = {"objective": HILLS, "start": [1.0, 1.0], "steps": 5}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": NoHessian()}, TypeError, "objective must have a method hessian, got <"),
        ({"objective": np.sum}, TypeError, "gd.objectives.from_function makes one of a plain function"),
        ({"objective": gd.objectives.Himmelblau}, TypeError, "objective must have a method hessian, got <class"),
        ({"objective": 3}, TypeError, "objective must have a method hessian, got 3"),
        ({"objective": Odd(np.eye(3))}, ValueError, "hessian must return shape (2, 2) at the start, got (3, 3)"),
        ({"objective": Odd(np.ones(2))}, ValueError, "hessian must return shape (2, 2) at the start, got (2,)"),
        ({"objective": Odd([[1.0, 2], [0, 1]])}, ValueError, "hessian must be symmetric, got [[1.0, 2.0], [0.0"),
        ({"objective": Odd([[np.inf, 2], [2, 1]])}, ValueError, "hessian must be finite at the start, got [[inf"),
        ({"objective": Odd([["a", 2], [2, 1]])}, TypeError, "hessian(theta) must be an array of real numbers"),
        (
            {"objective": Odd(lambda t: np.stack([np.diag(t[0]), np.diag(t[1])])), "start": [[1.0, 2.0], [3.0, 4.0]]},
            ValueError,
            "objective.hessian must return one matrix for each point, but it mixes the points",
        ),
        ({"start": [1.0, np.nan]}, ValueError, "start must be finite"),
        ({"start": [1.0, 1.0, 1.0]}, ValueError, "theta must have shape (..., 2) for Himmelblau"),
        ({"start": 1.0}, ValueError, "start must have shape (..., d)"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer, got 2.5"),
        ({"damping": -1.0}, ValueError, "damping must be non-negative and finite, got -1.0"),
        ({"damping": np.array([0.0, np.nan])}, ValueError, "damping must be non-negative and finite"),
        ({"damping": True}, TypeError, "damping must be a number or an array of numbers, got True"),
        ({"damping": "much"}, TypeError, "damping must be a number or an array of numbers, got 'much'"),
        ({"damping": np.ones(3), "start": np.ones((2, 2))}, ValueError, "must broadcast over leading axes"),
        ({"lr": -0.1}, ValueError, "lr must be non-negative and finite, got -0.1"),
        ({"lr": True}, TypeError, "lr must be a number or an array of numbers, got True"),
        ({"absolute": 1}, TypeError, "absolute must be True or False, got 1"),
        ({"tol": -1.0}, ValueError, "tol must be non-negative"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        gd.newton(**(GOOD | arguments))


def test_a_rule_without_a_hessian_is_refused_where_it_needs_one() -> None:
    with pytest.raises(ValueError, match=re.escape("hessian must be given before a step can be taken, such as")):
        gd.descend(HILLS, [1.0, 1.0], Newton(), 5)
    with pytest.raises(TypeError, match=re.escape("hessian must be callable, such as objective.hessian, got None")):
        Newton(hessian=None)  # type: ignore[arg-type]
