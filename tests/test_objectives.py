"""Objectives against their definitions, complex steps, finite differences, SciPy and torch."""

import inspect
import re
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch

import gdcourse as gd
from gdcourse import objectives as O

RNG = np.random.default_rng(20)
X, NOISE = RNG.normal(size=(40, 3)), RNG.normal(size=40)
LINE = X @ [1.0, -2.0, 0.5] + 3 + NOISE
CLASS = (X @ [1.0, -2.0, 0.5] + 0.3 + NOISE > 0).astype(float)
KIND = np.argmax(X @ [[1.0, 0.0, -1.0], [-2.0, 1.0, 1.0], [0.5, 0.5, -1.0]] + NOISE[:, None] * [0, 1, -1], axis=1)
TILTED = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, -0.5], [0.0, -0.5, 1.0]])


def bowl(theta: Any) -> Any:
    return np.sum((theta - 1) ** 4, axis=-1) + theta[..., 0] * theta[..., 1]


# Made of analytic functions only: a step into the complex plane gives their derivatives to the last digit.
ANALYTIC = {
    "Quadratic": O.Quadratic(),
    "Quadratic-ravine": O.Quadratic([1.0, 100.0]),
    "Quadratic-matrix": O.Quadratic(TILTED, center=[1.0, -2.0, 3.0]),
    "Himmelblau": O.Himmelblau(),
    "Rosenbrock": O.Rosenbrock(),
    "Rosenbrock-5": O.Rosenbrock(dim=5),
    "Beale": O.Beale(),
    "Booth": O.Booth(),
    "Saddle": O.Saddle(),
    "Rastrigin": O.Rastrigin(),
    "Rastrigin-1": O.Rastrigin(dim=1),
    "StyblinskiTang": O.StyblinskiTang(),
    "StyblinskiTang-3": O.StyblinskiTang(dim=3),
    "DoubleWell": O.DoubleWell(),
    "DoubleWell-right": O.DoubleWell(tilt=-0.2),
    "DoubleWell-even": O.DoubleWell(tilt=0.0),
    "LinearRegression": O.LinearRegression(X, LINE),
    "LinearRegression-intercept": O.LinearRegression(X, LINE, intercept=True),
}
OTHERS = {
    "Bukin6": O.Bukin6(),
    "AbsoluteValue": O.AbsoluteValue(),
    "LogisticRegression": O.LogisticRegression(X, CLASS),
    "LogisticRegression-intercept": O.LogisticRegression(X, CLASS, intercept=True),
    "SoftmaxRegression": O.SoftmaxRegression(X, KIND),
    "SoftmaxRegression-intercept": O.SoftmaxRegression(X, KIND, intercept=True, classes=4),
    "MulticlassSVM": O.MulticlassSVM(X, KIND),
    "MulticlassSVM-intercept": O.MulticlassSVM(X, KIND, intercept=True, classes=4),
    "Regularised-L2": O.Regularised(O.LogisticRegression(X, CLASS, intercept=True), gd.losses.L2(0.3)),
    "Regularised-L1": O.Regularised(O.LinearRegression(X, LINE), gd.losses.L1(0.3)),
    "Regularised-function": O.Regularised(O.Himmelblau(), gd.losses.L2(2.0)),
    "from_function": O.from_function(bowl),
}
ALL = ANALYTIC | OTHERS

each = pytest.mark.parametrize("objective", ALL.values(), ids=ALL)
each_analytic = pytest.mark.parametrize("objective", ANALYTIC.values(), ids=ANALYTIC)
each_other = pytest.mark.parametrize("objective", OTHERS.values(), ids=OTHERS)
with_minima = pytest.mark.parametrize(
    "objective", [o for o in ALL.values() if len(o.minima)], ids=[name for name, o in ALL.items() if len(o.minima)]
)


def points(objective: O.Objective, *shape: int, seed: int = 0) -> np.ndarray:
    """Random points of the domain. None lies on a kink."""
    low, high = objective.domain.T
    return np.random.default_rng(seed).uniform(low, high, size=(*shape, objective.dim))


def test_every_public_objective_is_tested() -> None:
    public = {
        name
        for name, value in vars(O).items()
        if inspect.isclass(value)
        and issubclass(value, O.Objective)
        and not name.startswith("_")
        and name != "Objective"
    }
    assert public <= {type(objective).__name__ for objective in ALL.values()}


# The functions themselves: values from the literature or done by hand.


@pytest.mark.parametrize(
    ("objective", "theta", "value"),
    [
        (O.Quadratic([1.0, 100.0]), [2.0, 3.0], 452.0),
        (O.Quadratic(TILTED, center=[1.0, 1.0, 1.0]), [2.0, 2.0, 0.0], 0.5 * (3 + 2 + 1 + 2 * 1 + 2 * 0.5)),
        (O.Himmelblau(), [0.0, 0.0], 170.0),
        (O.Himmelblau(), [-0.270845, -0.923039], 181.616521),  # the maximum in the middle
        (O.Himmelblau(), [1.0, 2.0], 64 + 4),
        (O.Bukin6(), [-10.0, 2.0], 100.0),
        (O.Bukin6(), [-5.0, 0.0], 50.05),
        (O.Bukin6(), [-15.0, -1.75], 200.05),
        (O.Rosenbrock(), [-1.2, 1.0], 24.2),
        (O.Beale(), [0.0, 0.0], 1.5**2 + 2.25**2 + 2.625**2),
        (O.Beale(), [1.0, 2.0], 2.5**2 + 5.25**2 + 9.625**2),
        (O.Booth(), [0.0, 0.0], 74.0),
        (O.Booth(), [1.0, -1.0], 64 + 16),
        (O.Saddle(), [1.0, 2.0], -1.5),
        (O.Rastrigin(), [0.5, 1.0], 20.25 + 1),
        (O.StyblinskiTang(), [1.0, 2.0], -5 - 19),
        (O.StyblinskiTang(dim=1), [-2.903534], -39.16616570),
        (O.DoubleWell(tilt=0.1), [2.0], 4 - 2 + 0.2),
        (O.AbsoluteValue(), [-1.5], 1.5),
        (O.LinearRegression([1.0, 2.0], [3.0, 2.0]), [2.0], (1 + 4) / 4),
        (O.LinearRegression([[1.0], [2.0]], [3.0, 2.0], intercept=True), [1.0, 2.0], (0 + 9) / 4),
        (O.LogisticRegression([1.0, -2.0], [1, 1]), [0.5], (np.log1p(np.exp(-0.5)) + np.log1p(np.exp(1.0))) / 2),
        (O.SoftmaxRegression([1.0, -2.0], [2, 0]), [0.0, 0.0, 0.0], np.log(3)),
        # Scores (1, 2, 4) and (−2, −4, −8), classes 2 and 0.
        (
            O.SoftmaxRegression([1.0, -2.0], [2, 0]),
            [1.0, 2.0, 4.0],
            (np.log(1 + np.exp(-3) + np.exp(-2)) + np.log(1 + np.exp(-2) + np.exp(-6))) / 2,
        ),
        # Shortfalls: (1 − 4 + 1) and (2 − 4 + 1) count nothing; (−2 + 4 + 1) and (−1 + 4 + 1) count 3 and 4.
        (O.MulticlassSVM([1.0, 1.0], [2, 2]), [1.0, 2.0, 4.0], 0.0),
        (O.MulticlassSVM([1.0, -1.0], [2, 2]), [1.0, 2.0, 4.0], (0 + 4 + 3) / 2),
    ],
    ids=lambda x: x.name if isinstance(x, O.Objective) else "",
)
def test_known_values(objective: O.Objective, theta: list[float], value: float) -> None:
    np.testing.assert_allclose(objective(theta), value, rtol=1e-8)


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_rosenbrock_is_scipys(dim: int) -> None:
    objective = O.Rosenbrock(dim)
    theta = points(objective, 20)
    np.testing.assert_allclose(objective(theta), scipy.optimize.rosen(theta.T), rtol=1e-12)
    np.testing.assert_allclose(objective.grad(theta), scipy.optimize.rosen_der(theta.T).T, rtol=1e-11, atol=1e-10)
    for point in theta:
        np.testing.assert_allclose(objective.hessian(point), scipy.optimize.rosen_hess(point), rtol=1e-12)


# Derivatives.


@each_analytic
def test_derivatives_are_those_of_a_complex_step(objective: O.Objective) -> None:
    theta, h = points(objective, 50), 1e-30
    grad, hessian = objective.grad(theta), objective.hessian(theta)
    for i in range(objective.dim):
        step = 1j * h * np.eye(objective.dim)[i]
        for derivative, f in ((grad[..., i], objective), (hessian[..., i], objective.grad)):
            expected = f(theta + step).imag / h
            np.testing.assert_allclose(derivative, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


@each_other
def test_derivatives_are_those_of_central_differences(objective: O.Objective) -> None:
    theta = points(objective, 50)
    if isinstance(objective, O.Bukin6):  # away from its kinks, where there are derivatives
        distance = np.minimum(np.abs(theta[:, 1] - theta[:, 0] ** 2 / 100), np.abs(theta[:, 0] + 10))
        theta = theta[distance > 0.1]
        assert len(theta) > 30
    grad, hessian = objective.grad(theta), objective.hessian(theta)
    numeric = objective is OTHERS["from_function"]
    for i in range(objective.dim):
        step = 1e-5 * np.eye(objective.dim)[i]
        slope = (objective(theta + step) - objective(theta - step)) / 2e-5
        np.testing.assert_allclose(grad[..., i], slope, rtol=1e-6, atol=1e-6)
        bend = (objective.grad(theta + step) - objective.grad(theta - step)) / 2e-5
        np.testing.assert_allclose(hessian[..., i], bend, rtol=1e-6, atol=1e-3 if numeric else 1e-6)


@each
def test_hessian_is_symmetric(objective: O.Objective) -> None:
    hessian = objective.hessian(points(objective, 20))
    np.testing.assert_allclose(hessian, np.swapaxes(hessian, -1, -2), rtol=1e-14, atol=1e-15)


# Shapes.


@each
@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (0,)], ids=str)
def test_many_points_are_the_points_one_by_one(objective: O.Objective, shape: tuple[int, ...]) -> None:
    theta, d = points(objective, *shape), objective.dim
    before = theta.copy()
    results = objective(theta), objective.grad(theta), objective.hessian(theta)
    assert [np.shape(result) for result in results] == [shape, (*shape, d), (*shape, d, d)]
    np.testing.assert_array_equal(theta, before)
    for index in np.ndindex(*shape):
        single = objective(theta[index]), objective.grad(theta[index]), objective.hessian(theta[index])
        for result, alone in zip(results, single, strict=True):
            np.testing.assert_allclose(np.asarray(result)[index], alone, rtol=1e-13, atol=1e-13)


@each
def test_lists_and_integers_are_points_too(objective: O.Objective) -> None:
    whole, point = [2] * objective.dim, np.full(objective.dim, 2.0)
    np.testing.assert_array_equal(objective(whole), objective(point))
    np.testing.assert_array_equal(objective.grad(whole), objective.grad(point))
    np.testing.assert_array_equal(objective.hessian(whole), objective.hessian(point))


@each
def test_results_are_the_callers_own(objective: O.Objective) -> None:
    # Writing into a gradient or Hessian must not change the objective.
    theta = points(objective, 3)
    kept = objective.grad(theta).copy(), objective.hessian(theta).copy()
    for result in (objective.grad(theta), objective.hessian(theta)):
        result[...] = np.nan
    np.testing.assert_array_equal(objective.grad(theta), kept[0])
    np.testing.assert_array_equal(objective.hessian(theta), kept[1])


@each
def test_a_wrong_last_axis_is_named(objective: O.Objective) -> None:
    for bad in (np.zeros(objective.dim + 1), np.zeros((objective.dim, objective.dim + 2)), 1.0):
        message = rf"theta must have shape \(\.\.\., {objective.dim}\).*got {re.escape(str(np.shape(bad)))}"
        for method in (objective, objective.grad, objective.hessian):
            with pytest.raises(ValueError, match=message):
                method(bad)


@each
def test_domain_is_a_box_with_the_minima_inside(objective: O.Objective) -> None:
    assert objective.domain.shape == (objective.dim, 2)
    assert objective.minima.shape[1:] == (objective.dim,)
    low, high = objective.domain.T
    assert np.all(low < high)
    assert np.all((objective.minima > low) & (objective.minima < high))


# Minima.


@with_minima
def test_minima_are_stationary_and_curved_upwards(objective: O.Objective) -> None:
    hessian = objective.hessian(objective.minima)
    curvature = max(1.0, np.abs(hessian).max())
    assert np.abs(objective.grad(objective.minima)).max() <= 1e-13 * curvature
    assert np.linalg.eigvalsh(hessian).min() >= -1e-12 * curvature
    np.testing.assert_allclose(objective(objective.minima), objective.minimum, rtol=1e-14, atol=1e-25)


@with_minima
def test_nothing_is_lower_than_the_minimum_and_no_minimum_is_left_out(objective: O.Objective) -> None:
    theta = points(objective, 20_000)
    assert np.all(objective(theta) >= objective.minimum)
    smooth = not isinstance(objective, (O.Bukin6, O.AbsoluteValue))
    method = {"method": "L-BFGS-B", "jac": objective.grad} if smooth else {"method": "Nelder-Mead"}
    size = objective.domain[:, 1] - objective.domain[:, 0]
    starts = [*theta[:15], *(objective.minima + 0.01 * size)]
    found = 0
    for start in starts:
        result = scipy.optimize.minimize(objective, start, tol=1e-12, options={"maxiter": 200}, **method)
        assert result.fun >= objective.minimum - 1e-12 * max(1, abs(objective.minimum))
        if smooth and result.fun <= objective.minimum + 1e-9:
            found += 1
            assert np.min(np.abs((result.x - objective.minima) / size).max(axis=-1)) < 1e-3, "a minimum is left out"
    assert found >= len(objective.minima) or not smooth


@pytest.mark.parametrize(
    ("objective", "minima", "minimum"),
    [
        (O.Himmelblau(), [[3, 2], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]], 0),
        (O.Bukin6(), [[-10, 1]], 0),
        (O.Rosenbrock(3), [[1, 1, 1]], 0),
        (O.Beale(), [[3, 0.5]], 0),
        (O.Booth(), [[1, 3]], 0),
        (O.Rastrigin(3), [[0, 0, 0]], 0),
        (O.StyblinskiTang(3), [[-2.903534] * 3], -39.16616570 * 3),
        (O.Quadratic(TILTED, center=[1, 2, 3]), [[1, 2, 3]], 0),
        (O.DoubleWell(tilt=0), [[-1], [1]], -0.25),
        (O.AbsoluteValue(), [[0]], 0),
    ],
    ids=lambda x: x.name if isinstance(x, O.Objective) else "",
)
def test_minima_of_the_literature(objective: O.Objective, minima: Any, minimum: float) -> None:
    np.testing.assert_allclose(objective.minima, minima, atol=1e-6)
    np.testing.assert_allclose(objective.minimum, minimum, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "objective",
    [
        *(O.Saddle(), O.Quadratic([1.0, -1.0]), O.LogisticRegression(X, CLASS)),
        *(O.SoftmaxRegression(X, KIND), O.MulticlassSVM(X, KIND)),
    ],
)
def test_no_minimum_is_claimed_where_none_is_known(objective: O.Objective) -> None:
    assert objective.minima.shape == (0, objective.dim)
    assert objective.minimum is None


def test_the_saddle_bends_up_and_down_and_has_no_bound() -> None:
    saddle = O.Saddle()
    np.testing.assert_array_equal(saddle.grad([0.0, 0.0]), [0, 0])
    np.testing.assert_array_equal(np.linalg.eigvalsh(saddle.hessian([0.0, 0.0])), [-1, 1])
    assert saddle([0.0, 1e6]) < -1e11


@pytest.mark.parametrize("tilt", [-0.5, -0.3, -0.01, 0.01, 0.3, 0.5])  # 2/√27 = 0.385: two wells within, one beyond
def test_tilt_lowers_the_well_on_its_side(tilt: float) -> None:
    well = O.DoubleWell(tilt)
    assert well.minima.shape == (1, 1)
    assert np.sign(well.minima[0, 0]) == -np.sign(tilt)
    grid = np.linspace(-2, 2, 4001)[:, None]
    slopes = np.diff(np.sign(well.grad(grid)[:, 0]))
    assert np.count_nonzero(slopes) == (3 if abs(tilt) < 2 / 27**0.5 else 1)


# Where there is no derivative.


def test_bukins_gradient_on_the_floor_and_on_the_line() -> None:
    objective, x = O.Bukin6(), np.array([-14.0, -12.3, -8.7, -6.0])
    floor = np.stack([x, 0.01 * x**2], axis=-1)
    np.testing.assert_array_equal(objective.grad(floor), [[-0.01, 0], [-0.01, 0], [0.01, 0], [0.01, 0]])
    np.testing.assert_array_equal(objective.hessian(floor), np.zeros((4, 2, 2)))
    np.testing.assert_array_equal(objective.grad([-10.0, 1.0]), [0, 0])
    # On the line x = −10 what remains is the root: 100 √|u| has slope 50/√|u| by u, times −x/50 = 0.2 by x.
    np.testing.assert_allclose(objective.grad([[-10.0, 2.0], [-10.0, 0.75]]), [[10, 50], [-20, -100]], rtol=1e-14)
    # Beside it the modulus adds its 0.01 of either sign.
    beside = objective.grad([[-10.001, 2.0], [-9.999, 2.0]])[:, 0] - 0.2 * objective.grad([-10.0, 2.0])[1]
    np.testing.assert_allclose(beside, [-0.01, 0.01], atol=4e-3)


def test_bukins_walls_grow_infinitely_steep() -> None:
    slopes = O.Bukin6().grad([[-10.0, 1 + 10.0**-k] for k in (2, 4, 6)])[:, 1]
    np.testing.assert_allclose(slopes, [500, 5_000, 50_000], rtol=1e-8)


def test_the_moduluss_subgradient_at_the_kink_is_zero() -> None:
    np.testing.assert_array_equal(O.AbsoluteValue().grad([[0.0], [-2.0], [1e-300]]), [[0], [-1], [1]])


# Quadratics.


def test_a_quadratic_of_eigenvalues_lies_along_the_axes() -> None:
    ravine = O.Quadratic([4.0, 1.0, 100.0], center=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(ravine.A, np.diag([4.0, 1.0, 100.0]))
    np.testing.assert_array_equal(ravine.eigenvalues, [1, 4, 100])
    assert ravine.condition_number == 100
    assert ravine.dim == 3
    np.testing.assert_array_equal(ravine.minima, [[1, 2, 3]])


def test_a_quadratic_of_a_matrix_has_its_eigenvalues() -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    A = turn @ np.diag([0.5, 1, 2, 8]) @ turn.T
    quadratic = O.Quadratic((A + A.T) / 2)
    np.testing.assert_allclose(quadratic.eigenvalues, [0.5, 1, 2, 8], rtol=1e-13)
    np.testing.assert_allclose(quadratic.condition_number, 16, rtol=1e-13)


def test_condition_number_of_a_valley_and_of_a_saddle() -> None:
    assert O.Quadratic([0.0, 3.0]).condition_number == np.inf
    assert np.isnan(O.Quadratic([-1.0, 3.0]).condition_number)


@pytest.mark.parametrize("A", [np.ones((2, 2)), np.ones((3, 3)), np.outer([1, 2, 3.0], [1, 2, 3.0])])
def test_a_valley_keeps_its_minimum_whatever_the_rounding_of_its_zero_eigenvalues(A: np.ndarray) -> None:
    valley = O.Quadratic(A)
    assert len(valley.minima) == 1
    assert valley.eigenvalues[0] >= 0
    assert valley.condition_number > 1e15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"A": [[1.0, 2.0], [0.0, 1.0]]}, "A must be a symmetric matrix or a vector of eigenvalues"),
        ({"A": np.ones((2, 3))}, "A must be a symmetric matrix"),
        ({"A": 3.0}, "A must be a symmetric matrix"),
        ({"A": []}, "A must be a symmetric matrix"),
        ({"A": np.ones((2, 2, 2))}, "A must be a symmetric matrix"),
        ({"A": [1.0, np.inf]}, "A must be finite"),
        ({"A": [1.0, 2.0], "center": [np.nan, 1.0]}, "center must be finite"),
        ({"A": [1.0, 2.0], "center": [1.0]}, r"center must have shape \(2,\), got \(1,\)"),
    ],
)
def test_a_bad_quadratic_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        O.Quadratic(**arguments)


@pytest.mark.parametrize("kind", [O.Rosenbrock, O.Rastrigin, O.StyblinskiTang])
def test_a_bad_dimension_is_named(kind: type) -> None:
    for bad, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error, match=f"dim must be .*got {bad!r}"):
            kind(dim=bad)
    with pytest.raises(ValueError, match="dim must be at least 2, got 1"):
        O.Rosenbrock(dim=1)


# Functions of one's own.


def bowl_grad(theta: Any) -> Any:
    return 4 * (theta - 1) ** 3 + theta[..., ::-1]


def bowl_hessian(theta: Any) -> Any:
    return 12 * ((theta - 1) ** 2)[..., None] * np.eye(2) + np.array([[0.0, 1.0], [1.0, 0.0]])


def test_from_function_fills_in_what_is_not_given() -> None:
    theta = np.random.default_rng(2).uniform(-2, 2, size=(30, 2))
    for objective, grad_error, hessian_error in (
        (O.from_function(bowl), 1e-7, 1e-4),
        (O.from_function(bowl, bowl_grad), 0, 1e-6),
        (O.from_function(bowl, bowl_grad, bowl_hessian), 0, 0),
        (O.from_function(bowl, hessian=bowl_hessian), 1e-7, 0),
    ):
        np.testing.assert_array_equal(objective(theta), bowl(theta))
        np.testing.assert_allclose(objective.grad(theta), bowl_grad(theta), rtol=0, atol=grad_error)
        np.testing.assert_allclose(objective.hessian(theta), bowl_hessian(theta), rtol=0, atol=hessian_error)


def test_from_function_calls_what_it_is_given() -> None:
    # Not its own differences: a gradient that is deliberately another function's comes back as it is.
    objective = O.from_function(bowl, grad=lambda theta: 7 * theta, hessian=lambda theta: theta[..., None] + [[1.0, 2]])
    np.testing.assert_array_equal(objective.grad([1.0, 2.0]), [7, 14])
    np.testing.assert_array_equal(objective.hessian([1.0, 2.0]), [[2, 3], [3, 4]])


def test_from_function_keeps_what_is_known_of_it() -> None:
    plain = O.from_function(bowl)
    assert (plain.name, plain.dim, plain.minimum, plain.minima.shape) == ("bowl", 2, None, (0, 2))
    np.testing.assert_array_equal(plain.domain, [[-2, 2], [-2, 2]])
    told = O.from_function(lambda t: t[..., 0] ** 2 + 5, dim=1, minima=[[0.0]], domain=[[-3, 4]], name="a parabola")
    assert (told.name, told.dim, told.minimum) == ("a parabola", 1, 5.0)
    np.testing.assert_array_equal(told.domain, [[-3, 4]])
    assert told([3.0]) == 14


@pytest.mark.parametrize(
    "f", [lambda theta: theta[0] ** 2 + theta[1], lambda theta: np.sum(theta**2), lambda theta: theta**2]
)
def test_a_function_of_one_point_only_gets_a_clear_message(f: Any) -> None:
    objective = O.from_function(f)
    for method in (objective, objective.grad):
        with pytest.raises(ValueError, match=r"f must return one number for each point: shape \(5,\).*axis=-1"):
            method(np.ones((5, 2)))


def test_from_function_names_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="f must be callable, got 3"):
        O.from_function(3)
    with pytest.raises(ValueError, match=r"domain must have shape \(2, 2\), got \(2,\)"):
        O.from_function(bowl, domain=[-1, 1])
    with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
        O.from_function(bowl, dim=0)


# Losses over data.


def test_linear_regression_is_least_squares() -> None:
    for intercept, columns in ((False, X), (True, np.column_stack([np.ones(40), X]))):
        objective = O.LinearRegression(X, LINE, intercept=intercept)
        best, (residual,), *_ = np.linalg.lstsq(columns, LINE)
        np.testing.assert_allclose(objective.minima, [best], rtol=1e-12)
        np.testing.assert_allclose(objective.minimum, residual / 80, rtol=1e-12)  # 1/(2n) Σ r²
    line = O.LinearRegression(X[:, 0], LINE, intercept=True)
    np.testing.assert_allclose(line.minima[0], np.polyfit(X[:, 0], LINE, 1)[::-1], rtol=1e-12)


def test_linear_regression_with_fewer_items_than_unknowns_still_has_a_minimum() -> None:
    objective = O.LinearRegression(X[:2], LINE[:2])
    np.testing.assert_allclose(objective.minimum, 0, atol=1e-25)
    np.testing.assert_allclose(objective.grad(objective.minima), 0, atol=1e-13)


@pytest.mark.parametrize("intercept", [False, True])
def test_logistic_regression_is_torchs_log_loss(intercept: bool) -> None:
    objective = O.LogisticRegression(X, CLASS, intercept=intercept)
    columns = torch.tensor(np.column_stack([np.ones(40), X]) if intercept else X)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(columns @ theta, torch.tensor(CLASS))

    for point in points(objective, 5):
        theta = torch.tensor(point, requires_grad=True)
        value = loss(theta)
        (grad,) = torch.autograd.grad(value, theta)
        np.testing.assert_allclose(objective(point), value.item(), rtol=1e-13)
        np.testing.assert_allclose(objective.grad(point), grad.numpy(), rtol=1e-12, atol=1e-15)
        hessian = torch.autograd.functional.hessian(loss, theta).numpy()
        np.testing.assert_allclose(objective.hessian(point), hessian, rtol=1e-11, atol=1e-15)


def test_logistic_regression_has_scipys_minimum() -> None:
    objective = O.LogisticRegression(X, CLASS, intercept=True)
    found = scipy.optimize.minimize(lambda t: objective(t), np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    assert found.success  # from values alone
    assert np.linalg.norm(objective.grad(found.x)) < 1e-5
    assert np.linalg.eigvalsh(objective.hessian(found.x)).min() > 0


def test_log_loss_is_stable_at_logits_of_a_thousand() -> None:
    with np.errstate(all="raise", under="ignore"):
        for x, y, value, grad in (
            (1000.0, 0, 1000.0, 1000.0),
            (1000.0, 1, 0.0, 0.0),
            (-1000.0, 1, 1000.0, 1000.0),
            (-1000.0, 0, 0.0, 0.0),
        ):
            objective = O.LogisticRegression([x], [y])
            assert objective([1.0]) == value
            assert objective.grad([1.0])[0] == grad  # (σ(x) − y) x
            assert objective.hessian([1.0])[0, 0] == 0
    tail = O.LogisticRegression([1.0], [1])  # log(1 + e^−40) is lost if 1 + e^−40 is formed
    np.testing.assert_allclose(tail([40.0]), np.exp(-40.0), rtol=1e-12)
    np.testing.assert_allclose(tail.grad([-40.0]), [-1.0], rtol=1e-15)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("classes", [None, 3, 5])
@pytest.mark.parametrize(
    ("kind", "torchs"),
    [
        (O.SoftmaxRegression, torch.nn.functional.cross_entropy),
        # torch divides the sum over the classes by their number.
        (O.MulticlassSVM, lambda s, y: s.shape[-1] * torch.nn.functional.multi_margin_loss(s, y)),
    ],
)
def test_multiclass_objectives_are_torchs(kind: Any, torchs: Any, classes: int | None, intercept: bool) -> None:
    objective = kind(X, KIND, intercept=intercept, classes=classes)
    columns = torch.tensor(np.column_stack([np.ones(40), X]) if intercept else X)
    K = classes or 3
    assert (objective.classes, objective.dim) == (K, K * columns.shape[1])

    def loss(theta: torch.Tensor) -> torch.Tensor:
        return torchs(columns @ theta.reshape(K, -1).T, torch.tensor(KIND))

    for point in points(objective, 5):
        theta = torch.tensor(point, requires_grad=True)
        value = loss(theta)
        (grad,) = torch.autograd.grad(value, theta)
        np.testing.assert_allclose(objective(point), value.item(), rtol=1e-13)
        np.testing.assert_allclose(objective.grad(point), grad.numpy(), rtol=1e-12, atol=1e-15)
        if kind is O.SoftmaxRegression:  # torch has no second derivatives of the other
            hessian = torch.autograd.functional.hessian(loss, theta).numpy()
            np.testing.assert_allclose(objective.hessian(point), hessian, rtol=1e-10, atol=1e-15)


def test_two_classes_of_softmax_are_logistic_regression() -> None:
    softmax, logistic = O.SoftmaxRegression(X, CLASS), O.LogisticRegression(X, CLASS)
    theta = points(logistic, 9)
    rows = np.concatenate([0.3 * theta, 1.3 * theta], axis=-1)  # only the difference of the rows counts
    np.testing.assert_allclose(softmax(rows), logistic(theta), rtol=1e-13)
    np.testing.assert_allclose(softmax.grad(rows)[:, 3:], logistic.grad(theta), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(softmax.grad(rows)[:, :3], -logistic.grad(theta), rtol=1e-12, atol=1e-15)


def test_rows_of_weights_belong_to_the_classes() -> None:
    objective = O.SoftmaxRegression(X, KIND, intercept=True)
    theta = np.arange(24.0).reshape(2, 12)
    np.testing.assert_array_equal(objective.weights(theta)[1], [[12, 13, 14, 15], [16, 17, 18, 19], [20, 21, 22, 23]])
    # A step against the gradient raises the share of an item's own class.
    single = O.SoftmaxRegression([[1.0, 2.0]], [1], classes=3)
    rows = single.weights(-single.grad(np.zeros(6)))
    np.testing.assert_allclose(rows, [[-1 / 3, -2 / 3], [2 / 3, 4 / 3], [-1 / 3, -2 / 3]], rtol=1e-14)


def test_softmax_is_stable_at_scores_of_a_thousand() -> None:
    with np.errstate(all="raise", under="ignore"):
        objective = O.SoftmaxRegression([1.0], [0], classes=3)
        theta = np.array([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 0.0]])
        np.testing.assert_array_equal(objective(theta), [0, 2000])
        np.testing.assert_array_equal(objective.grad(theta), [[0, 0, 0], [-1, 1, 0]])
        np.testing.assert_array_equal(objective.hessian(theta), np.zeros((2, 3, 3)))


@pytest.mark.parametrize("kind", [O.SoftmaxRegression, O.MulticlassSVM])
def test_bad_classes_are_named(kind: Any) -> None:
    for bad in (KIND - 1, KIND + 0.5):
        with pytest.raises(ValueError, match=r"y must hold classes as whole numbers from 0, got array\("):
            kind(X, bad)
    for classes, error, message in (
        (2, ValueError, "classes must be at least 3, got 2"),
        (3.0, TypeError, "classes must be an integer, got 3.0"),
    ):
        with pytest.raises(error, match=message):
            kind(X, KIND, classes=classes)
    assert kind(X, np.zeros(40)).classes == 2


DATA = {
    "linear": O.LinearRegression(X, LINE, intercept=True),
    "logistic": O.LogisticRegression(X, CLASS, intercept=True),
    "softmax": O.SoftmaxRegression(X, KIND, intercept=True),
    "svm": O.MulticlassSVM(X, KIND, intercept=True),
}
each_data = pytest.mark.parametrize("objective", DATA.values(), ids=DATA)


@each_data
def test_single_items_average_to_the_whole(objective: Any) -> None:
    theta = points(objective, 3)
    values = np.mean([objective(theta, [i]) for i in range(40)], axis=0)
    grads = np.mean([objective.grad(theta, [i]) for i in range(40)], axis=0)
    np.testing.assert_allclose(values, objective(theta), rtol=1e-13)
    np.testing.assert_allclose(grads, objective.grad(theta), rtol=1e-12, atol=1e-15)


@each_data
def test_a_minibatch_is_the_data_set_of_its_items(objective: Any) -> None:
    items = np.array([3, 17, 17, 38, 0])  # every class is among them
    part = type(objective)(objective.X[items], objective.y[items])
    theta = points(objective, 6)
    np.testing.assert_allclose(objective(theta, items), part(theta), rtol=1e-13)
    np.testing.assert_allclose(objective.grad(theta, items), part.grad(theta), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(objective.grad(theta, np.arange(40)), objective.grad(theta), rtol=1e-12, atol=1e-15)


@each_data
def test_each_run_may_have_its_own_minibatch(objective: Any) -> None:
    theta, items = points(objective, 6), np.random.default_rng(3).integers(0, 40, size=(6, 8))
    together, values = objective.grad(theta, items), objective(theta, items)
    assert (together.shape, values.shape) == ((6, objective.dim), (6,))
    for run in range(6):
        np.testing.assert_allclose(together[run], objective.grad(theta[run], items[run]), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(values[run], objective(theta[run], items[run]), rtol=1e-13)
    # One θ, many minibatches.
    np.testing.assert_allclose(objective.grad(theta[0], items)[4], objective.grad(theta[0], items[4]), rtol=1e-12)


def test_a_term_is_added_whole_to_every_minibatch() -> None:
    objective, term = DATA["logistic"], gd.losses.L2(0.3)
    whole = O.Regularised(objective, term)
    theta, items = points(objective, 6), np.random.default_rng(3).integers(0, 40, size=(6, 8))
    for batch in (items, items[0], None):
        np.testing.assert_array_equal(whole(theta, batch), objective(theta, batch) + term(theta))
        np.testing.assert_array_equal(whole.grad(theta, batch), objective.grad(theta, batch) + term.grad(theta))
    run = gd.descend(whole, np.zeros(4), gd.GradientDescent(0.1), steps=10, batches=items)
    assert len(run.theta) == 7


def test_an_l2_term_makes_least_squares_ridge_regression() -> None:
    objective, strength = DATA["linear"], 0.7
    ridge = np.linalg.solve(objective.X.T @ objective.X / 40 + strength * np.eye(4), objective.X.T @ objective.y / 40)
    whole = O.Regularised(objective, gd.losses.L2(strength))
    np.testing.assert_allclose(whole.grad(ridge), 0, atol=1e-13)
    assert whole.minima.shape == (0, 4)
    assert whole.minimum is None


def test_what_cannot_be_regularised_is_named() -> None:
    with pytest.raises(TypeError, match="objective must be an Objective, got 3"):
        O.Regularised(3, gd.losses.L2(1.0))
    for bad in (0.1, gd.losses.L2, np.sum):
        with pytest.raises(TypeError, match=r"term must be callable and have a method grad, such as gd\.losses\.L2"):
            O.Regularised(O.Himmelblau(), bad)


@pytest.mark.parametrize("kind", [O.LinearRegression, O.LogisticRegression, O.SoftmaxRegression, O.MulticlassSVM])
def test_bad_data_is_named(kind: type) -> None:
    for arguments in ((X, CLASS[:-1]), (X[0, 0], CLASS), (X[None], CLASS), (X[:0], CLASS[:0]), (X, CLASS[:, None])):
        with pytest.raises(ValueError, match=r"X must have shape \(n, p\) and y shape \(n,\)"):
            kind(*arguments)
    for arguments in ((np.where(np.eye(40, 3) > 0, np.nan, X), CLASS), (X, np.where(CLASS == 1, np.inf, CLASS))):
        with pytest.raises(ValueError, match="X and y must be finite"):
            kind(*arguments)
    objective = kind(X, CLASS)
    for bad in ([], [0.0, 1.0], CLASS == 1):
        with pytest.raises(ValueError, match="batch must be a non-empty array of integers"):
            objective.grad(np.zeros(objective.dim), bad)


def test_classes_other_than_0_and_1_are_named() -> None:
    with pytest.raises(ValueError, match=r"y must hold the classes 0 and 1 only, got array\(\[-1"):
        O.LogisticRegression(X, 2 * CLASS - 1)


def test_check_gradient_agrees_along_the_way() -> None:
    for objective in ALL.values():
        assert gd.check_gradient(objective, points(objective, 20, seed=4), tol=1e-5) <= 1e-5


# Small print.


@each
def test_minima_cannot_be_written_to(objective: O.Objective) -> None:
    assert not objective.minima.flags.writeable


@pytest.mark.parametrize(
    ("objective", "shown"),
    [
        (O.Himmelblau(), "Himmelblau()"),
        (O.Rosenbrock(5), "Rosenbrock(dim=5)"),
        (O.Quadratic([50.0, 1.0]), "Quadratic(eigenvalues=[ 1. 50.])"),
        (O.DoubleWell(0.2), "DoubleWell(tilt=0.2)"),
        (O.LinearRegression(X, LINE), "LinearRegression(n=40, dim=3)"),
        (O.from_function(bowl), "from_function(bowl, dim=2)"),
        (O.Regularised(O.Himmelblau(), gd.losses.L2(0.1)), "Regularised(Himmelblau(), L2(strength=0.1))"),
    ],
)
def test_an_objective_says_what_it_is(objective: O.Objective, shown: str) -> None:
    assert repr(objective) == shown


def test_a_matrix_symmetric_up_to_rounding_is_symmetric_and_the_objectives_own() -> None:
    A = np.array([[2.0, 0.1 + 0.2], [0.3, 1.0]])
    quadratic = O.Quadratic(A)
    A[:] = np.nan
    np.testing.assert_array_equal(quadratic.A, quadratic.A.T)
    np.testing.assert_allclose(quadratic.A, [[2.0, 0.3], [0.3, 1.0]])


def test_the_saddle_keeps_single_precision() -> None:
    assert O.Saddle().grad(np.ones(2, dtype=np.float32)).dtype == np.float32


def test_the_numerical_hessian_far_out() -> None:
    theta = np.array([1e6, -2e6])
    quadratic = O.from_function(lambda t: t[..., 0] ** 2 + 3 * t[..., 1] ** 2)
    np.testing.assert_allclose(quadratic.hessian(theta), [[2, 0], [0, 6]], atol=1e-3)


def test_arguments_out_of_range_are_named() -> None:
    for more, error, message in (
        ({"grad": 3}, TypeError, "grad must be callable, got 3"),
        ({"hessian": np.eye(2)}, TypeError, "hessian must be callable"),
        ({"domain": [[1, -1], [0, 1]]}, ValueError, "domain must hold a lower and a higher end"),
    ):
        with pytest.raises(error, match=message):
            O.from_function(bowl, **more)
    wrong = O.from_function(bowl, lambda theta: theta[..., 0], lambda theta: theta)
    with pytest.raises(ValueError, match=r"grad must return shape \(2,\), got \(\)"):
        wrong.grad([1.0, 2.0])
    with pytest.raises(ValueError, match=r"hessian must return shape \(2, 2\), got \(2,\)"):
        wrong.hessian([1.0, 2.0])
    with pytest.raises(ValueError, match="f must return one number for each point"):
        O.from_function(lambda theta: theta[0] ** 2 + theta[1])(np.eye(2))
    with pytest.raises(ValueError, match="tilt must be finite, got nan"):
        O.DoubleWell(np.nan)
    with pytest.raises(ValueError, match=r"X must have at least one column, got shape \(3, 0\)"):
        O.LinearRegression(np.empty((3, 0)), np.ones(3))
