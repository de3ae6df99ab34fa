"""On a quadratic the course's theorems hold to the last digit: limits of the step size and rates of convergence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdcourse as gd

FIXED = settings(derandomize=True, deadline=None, max_examples=50)
KAPPAS = [1.5, 4.0, 30.0, 1000.0]
spectra = st.lists(st.floats(-3, 3).map(lambda x: 10.0**x), min_size=1, max_size=5)


def turned(spectrum: list[float], seed: int) -> tuple[gd.objectives.Quadratic, np.ndarray]:
    """A quadratic with these eigenvalues in random directions, and the direction of the largest."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(spectrum), len(spectrum))))
    A = turn @ np.diag(spectrum) @ turn.T
    return gd.objectives.Quadratic((A + A.T) / 2), turn[:, np.argmax(spectrum)]


def rate(run: gd.Trajectory, begin: int, end: int) -> np.ndarray:
    """Factor by which the distance to the minimum 0 shrinks in a step, on average from step ``begin`` to ``end``."""
    distance = np.linalg.norm(run.theta, axis=-1)
    return (distance[end] / distance[begin]) ** (1 / (end - begin))


@FIXED
@given(spectrum=spectra, share=st.floats(0.01, 2.2), seed=st.integers(0, 99))
def test_gradient_descent_is_its_closed_form(spectrum: list[float], share: float, seed: int) -> None:
    eta = share / max(spectrum)
    start = np.random.default_rng(seed).normal(size=len(spectrum))
    run = gd.descend(gd.objectives.Quadratic(spectrum, center=start[::-1]), start, gd.GradientDescent(eta), 50)
    t = np.arange(51)[:, None]
    expected = start[::-1] + (1 - eta * np.array(spectrum)) ** t * (start - start[::-1])
    np.testing.assert_allclose(run.theta, expected, rtol=1e-9, atol=1e-9)


@FIXED
@given(spectrum=spectra, margin=st.floats(-5, -1), seed=st.integers(0, 99))
def test_descent_converges_below_two_over_the_largest_eigenvalue_and_diverges_above(
    spectrum: list[float], margin: float, seed: int
) -> None:
    objective, steepest = turned(spectrum, seed)
    eta = 2 / max(spectrum) * (1 + 10**margin * np.array([-1.0, 1.0]))  # from 10 % down to 0.001 % beside the limit
    run = gd.descend(objective, steepest, gd.GradientDescent(eta), 100)
    below, above = run.loss[-1] / run.loss[0]
    assert below < 1 < above
    np.testing.assert_allclose([below, above], (1 - eta * max(spectrum)) ** 200, rtol=1e-5)


@settings(FIXED, max_examples=15)
@given(spectrum=spectra, seed=st.integers(0, 99))
def test_any_start_is_lost_above_the_limit_and_none_below(spectrum: list[float], seed: int) -> None:
    objective, _ = turned(spectrum, seed)
    start = np.random.default_rng(seed).normal(size=(8, 1, len(spectrum)))
    run = gd.descend(objective, start, gd.GradientDescent(np.array([1.9, 4.0]) / max(spectrum)), 400)
    np.testing.assert_array_equal(run.diverged, np.tile([False, True], (8, 1)))
    assert np.all(run.loss[-1, :, 0] < run.loss[0, :, 0])


@pytest.mark.parametrize("kappa", KAPPAS)
def test_best_rate_of_descent(kappa: float) -> None:
    eta = 2 / (1 + kappa) * np.array([0.8, 0.98, 1.0, 1.02])
    begin = 20 + int(2 * kappa)  # by then the slowest direction is all that is left
    run = gd.descend(gd.objectives.Quadratic([1.0, kappa]), [1.0, 1.0], gd.GradientDescent(eta), begin + 40)
    shrink = rate(run, begin, begin + 40)
    np.testing.assert_allclose(shrink[2], (kappa - 1) / (kappa + 1), rtol=1e-12)
    assert np.all(np.delete(shrink, 2) > shrink[2])
    np.testing.assert_allclose(rate(run, 0, 1)[2], (kappa - 1) / (kappa + 1), rtol=1e-12)  # and from the first step on


@pytest.mark.parametrize("kappa", KAPPAS)
def test_best_rate_of_the_heavy_ball(kappa: float) -> None:
    root = np.sqrt(kappa)
    eta, beta = (2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2
    settings = gd.Momentum(eta * np.array([1.0, 0.9, 1.0]), beta + (1 - beta) * np.array([0.0, 0.0, 0.2]))
    half = int(125 / -np.log(beta))
    run = gd.descend(gd.objectives.Quadratic([1.0, kappa]), [1.0, 1.0], settings, 2 * half)
    # At the best setting the two roots meet, so the distance goes as (a + bt) rᵗ: from t to 2t it gains a factor 2.
    shrink = rate(run, half, 2 * half)
    np.testing.assert_allclose(shrink[0] / 2 ** (1 / half), (root - 1) / (root + 1), rtol=2e-3)
    assert np.all(shrink[1:] > shrink[0])


@pytest.mark.parametrize("curvature", [1e-3, 1.0, 70.0])
def test_momentum_bears_rates_up_to_two_plus_two_beta(curvature: float) -> None:
    beta = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95])[:, None]
    margin = np.array([-1e-2, -1e-3, 1e-3, 1e-2])
    eta = (2 + 2 * beta) / curvature * (1 + margin)
    run = gd.descend(gd.objectives.Quadratic([curvature]), [1.0], gd.Momentum(eta, beta), 4000)
    assert np.all(run.loss[-1, :, :2] < run.loss[2000, :, :2])
    assert np.all(run.diverged[:, 2:] | (run.loss[-1, :, 2:] > run.loss[2000, :, 2:]))
    assert not run.diverged[:, :2].any()


@FIXED
@given(curvature=st.floats(0.1, 10), beta=st.floats(0, 0.99), share=st.floats(0.01, 2))
def test_momentum_and_nesterov_are_powers_of_a_matrix(curvature: float, beta: float, share: float) -> None:
    # On ½λθ² a step is linear in (θ, v). With w = 1 for Nesterov, whose gradient is λ(θ − ηβv), and 0 for momentum:
    #     v ← βv + λ(θ − wηβv),   θ ← θ − ηv
    eta = share / curvature
    for rule, w in ((gd.Momentum(eta, beta), 0.0), (gd.Nesterov(eta, beta), 1.0)):
        to_v = np.array([curvature, beta - w * eta * beta * curvature])
        step = np.array([np.array([1.0, 0.0]) - eta * to_v, to_v])
        expected = [(np.linalg.matrix_power(step, t) @ [1.0, 0.0])[0] for t in range(31)]
        run = gd.descend(gd.objectives.Quadratic([curvature]), [1.0], rule, 30)
        np.testing.assert_allclose(run.theta[:, 0], expected, rtol=1e-9, atol=1e-11)


@FIXED
@given(betas=st.floats(0.5, 0.95), scale=st.floats(-6, 6))
def test_adam_and_rmsprop_do_not_see_the_scale_of_the_loss(betas: float, scale: float) -> None:
    c = 10.0**scale
    for rule in (gd.Adam(0.01, betas, betas, eps=0.0), gd.RMSProp(0.01, betas, eps=0.0), gd.SignDescent(0.01)):
        plain = gd.descend(gd.objectives.Quadratic([1.0, 30.0]), [1.0, 2.0], rule, 50)
        scaled = gd.descend(gd.objectives.Quadratic([c, 30.0 * c]), [1.0, 2.0], rule, 50)
        np.testing.assert_allclose(scaled.theta, plain.theta, rtol=1e-7)
