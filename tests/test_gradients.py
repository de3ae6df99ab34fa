"""Difference quotients: the order of their error, their cost, and the check that rests on them."""

import re
from typing import Any

import numpy as np
import pytest

import gdcourse as gd


def wave(theta: Any) -> Any:
    return np.sin(theta[..., 0]) * np.exp(0.5 * theta[..., 1])


def wave_grad(theta: Any) -> Any:
    x, y = theta[..., 0], theta[..., 1]
    return np.stack([np.cos(x) * np.exp(0.5 * y), 0.5 * np.sin(x) * np.exp(0.5 * y)], axis=-1)


def cubic(theta: Any) -> Any:
    return np.sum(theta**3, axis=-1)


@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-2])
def test_error_of_each_scheme_is_the_taylor_remainder(eps: float) -> None:
    # (x+h)³ − x³ = 3x²h + 3xh² + h³, and (x+h)³ − (x−h)³ = 6x²h + 2h³: the errors are known to the last digit.
    x = np.array([2.0, -1.0, 0.0])
    forward = gd.numerical_gradient(cubic, x, eps, scheme="forward")
    central = gd.numerical_gradient(cubic, x, eps, scheme="central")
    np.testing.assert_allclose(forward - 3 * x**2, 3 * x * eps + eps**2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(central - 3 * x**2, eps**2, rtol=1e-9, atol=1e-12)


def test_default_scheme_is_central() -> None:
    x = np.array([0.3, -0.7])
    np.testing.assert_array_equal(gd.numerical_gradient(wave, x, 0.1), gd.numerical_gradient(wave, x, 0.1, "central"))


@pytest.mark.parametrize(("scheme", "error"), [("central", 1e-9), ("forward", 2e-7)])
def test_default_step_is_near_the_best(scheme: str, error: float) -> None:
    theta = np.random.default_rng(0).uniform(-2, 2, size=(200, 2))
    np.testing.assert_allclose(gd.numerical_gradient(wave, theta, scheme=scheme), wave_grad(theta), rtol=0, atol=error)


@pytest.mark.parametrize("scheme", ["central", "forward"])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_default_step_grows_with_theta(scheme: str, scale: float) -> None:
    theta = scale * np.array([1.0, -3.0])
    grad = gd.numerical_gradient(lambda t: np.sum((t / scale) ** 2, axis=-1), theta, scheme=scheme)
    if scale >= 1:
        np.testing.assert_allclose(scale * grad, [2, -6], rtol=1e-7)
    # Below 1 the step stays: a coordinate of 0 has a step too.
    elif scheme == "central":
        np.testing.assert_allclose(gd.numerical_gradient(wave, theta), wave_grad(theta), atol=1e-9)


@pytest.mark.parametrize("scheme", ["central", "forward"])
@pytest.mark.parametrize("eps", [1e-12, 1e-9])
def test_the_quotient_divides_by_the_distance_that_rounding_left(scheme: str, eps: float) -> None:
    grad = gd.numerical_gradient(lambda t: t[..., 0], np.array([1000.1]), eps=eps, scheme=scheme)
    np.testing.assert_array_equal(grad, [1.0])  # of θ itself, exactly


@pytest.mark.parametrize(("scheme", "evaluations"), [("central", 8), ("forward", 5)])
def test_cost_is_2d_or_d_plus_1_evaluations(scheme: str, evaluations: int) -> None:
    calls = []
    gd.numerical_gradient(lambda t: calls.append(t) or t[..., 0], np.ones(4), scheme=scheme)
    assert len(calls) == evaluations


def test_points_in_any_number_and_theta_as_it_was() -> None:
    theta = np.random.default_rng(1).normal(size=(3, 4, 2))
    before = theta.copy()
    for scheme in ("central", "forward"):
        together = gd.numerical_gradient(wave, theta, scheme=scheme)
        assert together.shape == theta.shape
        np.testing.assert_array_equal(theta, before)
        for index in np.ndindex(3, 4):
            alone = gd.numerical_gradient(wave, theta[index], scheme=scheme)
            np.testing.assert_allclose(together[index], alone, rtol=1e-6)
    np.testing.assert_allclose(gd.numerical_gradient(cubic, [1, 2]), [3, 12], rtol=1e-8)  # integers, in a list


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "backward"}, "scheme must be 'central' or 'forward', got 'backward'"),
        ({"eps": 0.0}, "eps must be greater than 0, got 0.0"),
        ({"eps": -1e-3}, "eps must be non-negative and finite, got -0.001"),
        ({"eps": np.nan}, "eps must be non-negative and finite, got nan"),
        ({"theta": 3.0}, "theta must have shape (..., d), got the number"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        gd.numerical_gradient(**({"f": cubic, "theta": np.ones(2)} | arguments))


@pytest.mark.parametrize("scheme", ["central", "forward"])
def test_a_step_lost_in_rounding_is_named(scheme: str) -> None:
    # The numbers next to 4 are 4.4e-16 below and 8.9e-16 above: of half the gap the sum keeps nothing.
    theta = np.array([[1.0, 0.0], [0.5, 4.0]])
    assert np.all(np.isfinite(gd.numerical_gradient(cubic, theta, eps=5e-16, scheme=scheme)))
    with pytest.raises(ValueError, match=r"eps must be large enough to move theta, got 4e-16 at 4\.0"):
        gd.numerical_gradient(cubic, theta, eps=4e-16, scheme=scheme)
    # An infinite coordinate is no matter of eps: its slope is not finite, as without eps.
    with np.errstate(invalid="ignore"):
        assert np.isnan(gd.numerical_gradient(cubic, [np.inf, 1.0], eps=1e-6, scheme=scheme)[0])


def test_check_passes_a_right_gradient_and_returns_its_error() -> None:
    theta = np.random.default_rng(2).uniform(-2, 2, size=(5, 2))
    assert 0 < gd.check_gradient(wave, theta, wave_grad) < 1e-9
    assert gd.check_gradient(gd.objectives.Himmelblau(), theta) < 1e-8  # its own, where it has one
    # On x³ the central error is ε² = 1e-4 by hand, relative to the gradient 12.
    assert gd.check_gradient(cubic, [2.0], lambda t: 3 * t**2, eps=1e-2, tol=1e-4) == pytest.approx(1e-4 / 12.0001)


@pytest.mark.parametrize("index", [(0, 0), (1, 0), (2, 1)])
@pytest.mark.parametrize("factor", [-1.0, 1.001, np.nan])
def test_check_finds_a_wrong_coordinate_and_says_where(index: tuple[int, int], factor: float) -> None:
    theta = np.array([[0.3, 0.1], [1.4, 1.5], [1.2, -0.5]])
    wrong, right = wave_grad(theta), wave_grad(theta)
    wrong[index] *= factor
    numeric = f"{right[index]:.9f}"[:7]  # as far as central differences are exact
    message = rf"at index {re.escape(str(index))} is {wrong[index]:.8g}, but central differences give {numeric}"
    with pytest.raises(ValueError, match=message):
        gd.check_gradient(wave, theta, lambda t: wrong)


def test_check_names_a_missing_gradient_and_a_wrong_shape() -> None:
    with pytest.raises(TypeError, match=r"grad must be given, since .* has no method grad"):
        gd.check_gradient(wave, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"grad must return the shape of theta, \(2,\), got \(\)"):
        gd.check_gradient(wave, [0.0, 1.0], lambda t: 1.0)


def test_check_finds_a_wrong_sign_of_a_tiny_gradient_and_passes_a_minimum() -> None:
    def tiny(theta: Any) -> Any:
        return 1e-7 * np.sum(theta, axis=-1)

    assert gd.check_gradient(tiny, [0.5, 1.0], lambda t: np.full(2, 1e-7)) < 1e-6
    with pytest.raises(ValueError, match=r"gradient at index \(1,\) is -1e-07"):
        gd.check_gradient(tiny, [0.5, 1.0], lambda t: np.array([1e-7, -1e-7]))
    for objective in (gd.objectives.Rosenbrock(), gd.objectives.Himmelblau(), gd.objectives.StyblinskiTang()):
        gd.check_gradient(objective, objective.minima)


def test_check_names_an_empty_batch() -> None:
    with pytest.raises(ValueError, match=r"theta must hold at least one point, got shape \(0, 2\)"):
        gd.check_gradient(wave, np.empty((0, 2)), wave_grad)


def test_an_error_counts_relative_to_the_gradient_of_its_own_point() -> None:
    theta = np.array([[1e4, 1.0], [1.0, 1e-3]])

    def off(factor: float, index: tuple[int, int]) -> np.ndarray:
        grad = 3 * theta**2
        grad[index] *= factor
        return grad

    # 3e8 stands beside 3 in the first point: to lose the 3 whole is an error of 1e-8.
    gd.check_gradient(cubic, theta[:1], lambda t: off(0.0, (0, 1))[:1])
    # In the second point the same 3 is the largest, whatever the first one holds.
    with pytest.raises(ValueError, match=r"gradient at index \(1, 0\) is 3\.03"):
        gd.check_gradient(cubic, theta, lambda t: off(1.01, (1, 0)))


def test_rounding_grows_with_the_function() -> None:
    def high(theta: Any) -> Any:
        return 1e6 + np.sum(theta, axis=-1)

    # The floor is 4e-8 |f|, here 0.037: an error of 0.03 passes beside a million and not beside 1.
    gd.check_gradient(high, [0.5], lambda t: np.array([1.03]))
    with pytest.raises(ValueError, match="gradient at index"):
        gd.check_gradient(high, [0.5], lambda t: np.array([1.05]))
    with pytest.raises(ValueError, match="gradient at index"):
        gd.check_gradient(lambda t: high(t) - 1e6, [0.5], lambda t: np.array([1.03]))
