"""Line searches: what they find, against closed forms, SciPy and loops by hand; what they cost; descent with them."""

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import line_search, minimize_scalar

import gdcourse as gd
from gdcourse.line_search import Found, backtracking, exact, wolfe
from gdcourse.line_search import descend as search_descend

HILLS = gd.objectives.Himmelblau()
BANANA = gd.objectives.Rosenbrock()
SEARCHES = {"backtracking": backtracking, "exact": exact, "wolfe": wolfe}
each_search = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
numbers = st.floats(-3, 3)


class Counted:
    """An objective that counts its calls."""

    def __init__(self, objective: Any) -> None:
        self.objective, self.minimum, self.values, self.grads = objective, objective.minimum, 0, 0

    def __call__(self, theta: Any) -> Any:
        self.values += 1
        return self.objective(theta)

    def grad(self, theta: Any) -> Any:
        self.grads += 1
        return self.objective.grad(theta)


def a_quadratic(seed: int, d: int = 4) -> tuple[Any, np.ndarray, np.ndarray]:
    """A quadratic with tilted axes, a point, and a direction downhill that is not the gradient's."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    bowl = gd.objectives.Quadratic(Q @ np.diag(rng.uniform(0.1, 50, d)) @ Q.T, center=rng.normal(size=d))
    theta, p = rng.normal(size=(2, d))
    return bowl, theta, p if bowl.grad(theta) @ p < 0 else -p


# Backtracking.


def by_hand(objective: Any, theta: np.ndarray, p: np.ndarray, lr: float, c1: float, shrink: float) -> tuple[float, int]:
    """Armijo's rule for one point, in plain numbers; the step, and the number of trials."""
    slope = float(np.dot(objective.grad(theta), p))
    start = float(objective(theta))
    for k in range(200):
        eta = lr * shrink**k
        if float(objective(theta + eta * p)) <= start + c1 * eta * slope:
            return eta, k + 1
    raise AssertionError


@settings(max_examples=100, deadline=None)
@given(numbers, numbers, st.sampled_from([1e-4, 0.1, 0.5, 0.9]), st.sampled_from([0.3, 0.5, 0.9]), st.floats(0.01, 10))
def test_backtracking_takes_the_first_step_of_the_list_that_is_low_enough(
    x: float, y: float, c1: float, shrink: float, lr: float
) -> None:
    theta = np.array([x, y])
    p = -HILLS.grad(theta)
    if np.linalg.norm(p) < 1e-3:
        return
    found = backtracking(HILLS, theta, p, lr=lr, c1=c1, shrink=shrink, most=200)
    eta, trials = by_hand(HILLS, theta, p, lr, c1, shrink)
    np.testing.assert_allclose(found.lr, eta, rtol=1e-12)
    assert found.loss == HILLS(theta + found.lr * p)
    assert (found.evaluations, found.gradients) == (trials + 1, 1)


@pytest.mark.parametrize("c1", [1e-4, 0.1, 0.25, 0.5, 0.75])
def test_on_a_quadratic_the_condition_passes_just_what_is_below_2_minus_2_c1_exact_steps(c1: float) -> None:
    for seed in range(10):
        bowl, theta, p = a_quadratic(seed)
        limit = 2 * (1 - c1) * (-(bowl.grad(theta) @ p) / (p @ bowl.A @ p))
        assert backtracking(bowl, theta, p, lr=0.999 * limit, c1=c1).lr == 0.999 * limit
        assert backtracking(bowl, theta, p, lr=1.001 * limit, c1=c1).lr == 0.5 * 1.001 * limit


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1e-4, 0.3, 0.8]), st.sampled_from([0.2, 0.5, 0.9]), st.floats(1e-3, 1e3))
def test_the_step_is_no_shorter_than_lipschitz_says(seed: int, c1: float, shrink: float, lr: float) -> None:
    bowl, theta, _ = a_quadratic(seed)
    p, ell = -bowl.grad(theta), bowl.eigenvalues[-1]
    found = backtracking(bowl, theta, p, lr=lr, c1=c1, shrink=shrink, most=1000)
    assert found.lr >= min(lr, 2 * shrink * (1 - c1) / ell) * (1 - 1e-9)
    assert bowl(theta + found.lr * p) <= bowl(theta) - c1 * found.lr * (p @ p) + 1e-9


def test_the_bound_is_attained_along_the_steepest_axis() -> None:
    # Along the axis of curvature ℓ a trial just above 2(1 − c₁)/ℓ fails, so what is taken is just above the bound.
    bowl = gd.objectives.Quadratic([1.0, 8.0])
    found = backtracking(bowl, [0.0, 1.0], [0.0, -8.0], lr=(2 * 0.9 / 8) * 1.0001, c1=0.1, shrink=0.3)
    np.testing.assert_allclose(found.lr, 2 * 0.3 * 0.9 / 8, rtol=2e-4)


def test_scipys_wolfe_steps_satisfy_the_same_condition() -> None:
    # A step that SciPy accepts, tried first, is accepted here: Wolfe's first condition is Armijo's.
    rng, seen = np.random.default_rng(1), 0
    for theta in rng.uniform(-2, 2, size=(40, 2)):
        p = -BANANA.grad(theta)
        eta = line_search(BANANA, BANANA.grad, theta, p, c1=0.1, c2=0.9)[0]
        if eta is not None:
            assert backtracking(BANANA, theta, p, lr=eta, c1=0.1).lr == eta
            seen += 1
    assert seen > 30


def test_a_trial_that_is_not_a_number_is_too_long() -> None:
    logarithm = gd.objectives.from_function(lambda x: x[..., 0] - np.log(x[..., 0]), lambda x: 1 - 1 / x, dim=1)
    found = backtracking(logarithm, [0.01], [1.0], lr=4.0)
    assert found.lr == 4.0
    found = backtracking(logarithm, [3.0], [-1.0], lr=8.0)  # 3 − 8 and 3 − 4 are outside the domain
    assert found.lr == 2.0


def test_a_gradient_of_the_wrong_sign_finds_no_step() -> None:
    bowl = gd.objectives.Quadratic([1.0, 5.0])
    wrong = gd.objectives.from_function(bowl, lambda theta: -bowl.grad(theta))
    found = backtracking(wrong, [1.0, -0.5], bowl.grad([1.0, -0.5]))
    assert (found.lr, found.loss, found.evaluations) == (0.0, bowl([1.0, -0.5]), 101)


def test_backtracking_gives_up_after_the_trials_allowed() -> None:
    theta, p = np.array([-3.0, -3.0]), -HILLS.grad([-3.0, -3.0])
    trials = by_hand(HILLS, theta, p, 1.0, 1e-4, 0.5)[1]
    assert backtracking(HILLS, theta, p, most=trials).lr > 0
    found = backtracking(HILLS, theta, p, most=trials - 1, loss=HILLS(theta))
    assert (found.lr, found.loss, found.evaluations) == (0.0, HILLS(theta), trials - 1)


# The exact step.


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_exact_on_a_quadratic_is_the_closed_form_by_one_secant(seed: int, lr: float) -> None:
    bowl, theta, p = a_quadratic(seed)
    closed = -(bowl.grad(theta) @ p) / (p @ bowl.A @ p)
    found = exact(bowl, theta, p, lr=lr)
    np.testing.assert_allclose(found.lr, closed, rtol=1e-9)
    if lr > closed:  # a bracket at once: the slopes at θ, at lr, and at the secant's root, or once more for rounding
        assert found.gradients <= 4


@pytest.mark.parametrize("objective", [HILLS, BANANA, gd.objectives.Beale()], ids=lambda o: o.name)
def test_exact_is_the_minimum_that_scipy_finds_in_the_same_bracket(objective: Any) -> None:
    for theta in np.random.default_rng(2).uniform(-2, 2, size=(25, 2)):
        p = -objective.grad(theta)
        p = p / np.linalg.norm(p)
        found = exact(objective, theta, p, lr=1e-3)
        phi = lambda eta: float(objective(theta + eta * p))  # noqa: B023, E731
        low = found.lr - min(0.01, found.lr / 2)
        scipys = minimize_scalar(phi, bounds=(low, found.lr + 0.01), method="bounded", options={"xatol": 1e-10})
        np.testing.assert_allclose(found.lr, scipys.x, atol=1e-6)
        np.testing.assert_allclose(found.loss, scipys.fun, rtol=1e-9, atol=1e-12)
        assert found.loss < objective(theta)
        # Where it ends the slope along the line is 0, and the returned gradient is the one there.
        np.testing.assert_allclose(found.grad, objective.grad(theta + found.lr * p), rtol=1e-12, atol=1e-12)
        assert abs(found.grad @ p) < 1e-9 * np.linalg.norm(objective.grad(theta))


def test_exact_from_the_left_takes_the_nearest_minimum() -> None:
    well = gd.objectives.DoubleWell(tilt=0.1)
    nearest = exact(well, [-1.8], [1.0], lr=1e-2).lr
    np.testing.assert_allclose(-1.8 + nearest, well.minima[0, 0], atol=1e-9)


def test_exact_copes_with_slopes_that_overflow() -> None:
    steep = gd.objectives.from_function(lambda x: np.exp(x[..., 0]) - x[..., 0], lambda x: np.exp(x) - 1, dim=1)
    np.testing.assert_allclose(exact(steep, [-5000.0], [1.0], lr=1e4).lr, 5000, rtol=1e-9)


def test_where_the_loss_falls_without_end_the_step_is_infinite() -> None:
    found = exact(gd.objectives.Saddle(), [0.0, 1.0], [0.0, 1.0])
    assert found.lr == np.inf
    assert np.isnan(found.loss)


@pytest.mark.parametrize("share", [0.3, 0.9, 1.5])
def test_a_share_of_the_exact_step(share: float) -> None:
    bowl, theta, p = a_quadratic(3)
    found, whole = exact(bowl, theta, p, share=share), exact(bowl, theta, p)
    np.testing.assert_allclose(found.lr, share * whole.lr, rtol=1e-14)
    np.testing.assert_allclose(found.loss, bowl(theta + share * whole.lr * p), rtol=1e-12)
    assert found.grad is None


def test_the_bracket_is_found_by_doubling() -> None:
    seen: list[float] = []

    def slope(x: np.ndarray) -> np.ndarray:
        seen.append(float(x[0]))
        return x - 5

    parabola = gd.objectives.from_function(lambda x: 0.5 * (x[..., 0] - 5) ** 2, slope, dim=1)
    assert exact(parabola, [0.0], [1.0], lr=0.5).lr == 5
    assert seen == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 5.0]


# Wolfe's conditions.


def holds(objective: Any, theta: np.ndarray, p: np.ndarray, eta: float, c1: float, c2: float) -> bool:
    """Both conditions, in plain lines, with a little room for rounding."""
    start, slope = float(objective(theta)), float(objective.grad(theta) @ p)
    enough = float(objective(theta + eta * p)) <= start + c1 * eta * slope + 1e-12 * abs(start)
    return enough and abs(float(objective.grad(theta + eta * p) @ p)) <= c2 * abs(slope) * (1 + 1e-12)


WOLFE = [HILLS, BANANA, gd.objectives.Beale(), gd.objectives.Rastrigin(), gd.objectives.StyblinskiTang()]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(WOLFE),
    numbers,
    numbers,
    st.floats(0, 6.3),
    st.sampled_from([(1e-4, 0.9), (1e-4, 0.1), (0.3, 0.4), (1e-4, 1e-3)]),
    st.sampled_from([1e-4, 1e-2, 1.0, 30.0]),
)
def test_a_wolfe_step_satisfies_both_conditions_and_teaches_curvature(
    objective: Any, x: float, y: float, angle: float, c: tuple[float, float], lr: float
) -> None:
    theta, p = np.array([x, y]), np.array([np.cos(angle), np.sin(angle)])
    grad = objective.grad(theta)
    if abs(grad @ p) < 1e-2:
        return
    p = -p * np.sign(grad @ p)
    found = wolfe(objective, theta, p, lr=lr, c1=c[0], c2=c[1])
    assert found.lr > 0
    assert holds(objective, theta, p, found.lr, *c)
    assert found.loss == objective(theta + found.lr * p)
    np.testing.assert_array_equal(found.grad, objective.grad(theta + found.lr * p))
    assert (found.grad - grad) @ p > 0


@pytest.mark.parametrize("objective", WOLFE[:3], ids=lambda o: o.name)
def test_a_first_step_is_taken_exactly_where_scipy_takes_it(objective: Any) -> None:
    counts = np.zeros(2, dtype=int)
    rng = np.random.default_rng(11)
    for theta, length in zip(rng.uniform(-2, 2, size=(60, 2)), np.geomspace(0.02, 5, 60), strict=True):
        p = -length * objective.grad(theta) / np.linalg.norm(objective.grad(theta))
        theirs = line_search(objective, objective.grad, theta, p, c1=1e-4, c2=0.9)[0]
        ours = wolfe(objective, theta, p)
        counts[int(theirs == 1)] += 1
        assert (ours.lr == 1) == (theirs == 1)
        if theirs is not None:
            assert holds(objective, theta, p, theirs, 1e-4, 0.9)
            assert wolfe(objective, theta, p, lr=theirs).lr == theirs
    assert counts.min() > 2


def test_wolfe_on_a_parabola_finds_the_bottom_by_one_cubic() -> None:
    for seed in range(10):
        bowl, theta, p = a_quadratic(seed)
        closed = -(bowl.grad(theta) @ p) / (p @ bowl.A @ p)
        found = wolfe(bowl, theta, p, lr=3 * closed, c2=1e-3)
        np.testing.assert_allclose(found.lr, closed, rtol=1e-9)
        assert (found.evaluations, found.gradients) == (3, 3)
        # Armijo passes up to 2(1 − c₁) times the bottom, Wolfe's second between 1 − c₂ and 1 + c₂ times.
        assert wolfe(bowl, theta, p, lr=1.89 * closed).lr == 1.89 * closed
        assert wolfe(bowl, theta, p, lr=1.91 * closed).lr != 1.91 * closed
        assert wolfe(bowl, theta, p, lr=0.11 * closed).lr == 0.11 * closed
        assert wolfe(bowl, theta, p, lr=0.09 * closed).lr == 2 * 0.09 * closed
        assert wolfe(bowl, theta, p, lr=1.39 * closed, c1=0.31, c2=0.4).lr != 1.39 * closed
        assert wolfe(bowl, theta, p, lr=1.37 * closed, c1=0.31, c2=0.4).lr == 1.37 * closed


def test_wolfe_needs_few_trials() -> None:
    trials = []
    for theta in np.random.default_rng(12).uniform(-4, 4, size=(200, 2)):
        p = -HILLS.grad(theta)
        trials.append(wolfe(HILLS, theta, p / np.linalg.norm(p), c2=0.1).evaluations - 1)
    assert np.mean(trials) < 5
    assert max(trials) < 20


def test_wolfe_stays_where_the_function_has_values() -> None:
    logarithm = gd.objectives.from_function(lambda x: x[..., 0] - np.log(x[..., 0]), lambda x: 1 - 1 / x, dim=1)
    assert holds(logarithm, np.array([3.0]), np.array([-1.0]), wolfe(logarithm, [3.0], [-1.0], lr=50.0).lr, 1e-4, 0.9)
    assert holds(logarithm, np.array([0.01]), np.array([1.0]), wolfe(logarithm, [0.01], [1.0]).lr, 1e-4, 0.9)


def test_wolfe_says_where_there_is_no_end_and_gives_up_where_there_is_no_step() -> None:
    found = wolfe(gd.objectives.Saddle(), [0.0, 1.0], [0.0, 1.0])
    assert found.lr == np.inf
    assert np.isnan(found.loss)
    bowl = gd.objectives.Quadratic([1.0, 5.0])
    wrong = gd.objectives.from_function(bowl, lambda theta: -bowl.grad(theta))
    found = wolfe(wrong, [1.0, -0.5], bowl.grad([1.0, -0.5]))
    assert (found.lr, found.loss) == (0.0, bowl([1.0, -0.5]))
    np.testing.assert_array_equal(found.grad, wrong.grad([1.0, -0.5]))
    corner = gd.objectives.from_function(  # a slope of −1 left of 1, of +2 right of it: no step satisfies the second
        lambda x: np.maximum(1 - x[..., 0], 2 * (x[..., 0] - 1)), lambda x: np.where(x < 1, -1.0, 2.0), dim=1
    )
    found = wolfe(corner, [0.0], [1.0], lr=0.3)
    np.testing.assert_allclose(found.lr, 1, rtol=1e-9)  # the lowest there is
    assert found.loss == corner([found.lr])
    np.testing.assert_array_equal(found.grad, corner.grad([found.lr]))
    parabola = gd.objectives.Quadratic([1.0])
    two = wolfe(parabola, [-1.0], [1.0], lr=0.7, c2=1e-3, most=2)  # 0.7 is too short, 1.4 is higher
    assert two.lr == 0.7
    np.testing.assert_allclose(two.grad, [-0.3])
    one = wolfe(HILLS, [-3.0, -3.0], -HILLS.grad([-3.0, -3.0]), most=1)
    assert (one.lr, one.evaluations) == (0.0, 2)


def test_c2_must_exceed_c1() -> None:
    with pytest.raises(ValueError, match=re.escape("c2 must be greater than c1 = 0.5, got 0.4")):
        wolfe(HILLS, [1.0, 1.0], [1.0, 1.0], c1=0.5, c2=0.4)


# All of them.


@each_search
def test_a_batch_is_its_points_one_by_one(search: Any) -> None:
    theta = np.random.default_rng(4).uniform(-4, 4, size=(3, 5, 2))
    p, lr = -HILLS.grad(theta), np.geomspace(0.01, 1, 15).reshape(3, 5)
    p[1, 2] = 0.0
    found = search(HILLS, theta, p, lr=lr)
    for i in np.ndindex(3, 5):
        alone = search(HILLS, theta[i], p[i], lr=lr[i])
        np.testing.assert_allclose(found.lr[i], alone.lr, rtol=1e-9)
        np.testing.assert_allclose(found.loss[i], alone.loss, rtol=1e-9, atol=1e-12)
        assert (found.evaluations[i], found.gradients[i]) == (alone.evaluations, alone.gradients)
        if alone.grad is not None:
            np.testing.assert_allclose(found.grad[i], HILLS.grad(theta[i] + found.lr[i] * p[i]), rtol=1e-9, atol=1e-9)


@each_search
def test_the_counts_are_the_calls(search: Any) -> None:
    for theta in np.random.default_rng(5).uniform(-4, 4, size=(10, 2)):
        counted = Counted(HILLS)
        found = search(counted, theta, -HILLS.grad(theta))
        assert (found.evaluations, found.gradients) == (counted.values, counted.grads)
        known = Counted(HILLS)
        again = search(known, theta, -HILLS.grad(theta), loss=HILLS(theta), grad=HILLS.grad(theta))
        assert again.lr == found.lr
        assert (again.evaluations, again.gradients) == (known.values, known.grads)
        assert known.grads == counted.grads - 1
        assert known.values == counted.values - (search is not exact)


@each_search
def test_where_there_is_no_slope_the_search_stands_still_and_tries_nothing(search: Any) -> None:
    counted = Counted(HILLS)
    here = HILLS(HILLS.minima[0])
    found = search(counted, HILLS.minima[0], np.zeros(2), loss=here, grad=HILLS.grad(HILLS.minima[0]))
    assert (found.lr, found.evaluations, found.gradients) == (0.0, 0, 0)
    assert found.loss == here


@each_search
def test_the_point_and_the_direction_are_left_as_they_were(search: Any) -> None:
    theta, p = np.array([1.0, 1.0]), -HILLS.grad([1.0, 1.0])
    before = p.copy()
    search(HILLS, theta, p)
    np.testing.assert_array_equal(theta, [1, 1])
    np.testing.assert_array_equal(p, before)


@each_search
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(direction=[1.0, 1.0]), "direction must lead downhill, but the slope ∇L(θ)ᵀp along it is 11"),
        (dict(direction=[[-1.0, -1.0]]), "theta and direction must have one shape (..., d), got (2,) and (1, 2)"),
        (dict(theta=1.0, direction=-1.0), "theta and direction must have one shape (..., d), got () and ()"),
        (dict(lr=0.0), "lr must be greater than 0, got 0.0"),
        (dict(lr=-1.0), "lr must be non-negative and finite, got -1.0"),
        (dict(lr=np.ones(3)), "lr must have shape (), as theta has it, got (3,)"),
        (dict(loss=np.ones(2)), "loss must have shape (), as theta has it, got (2,)"),
        (dict(grad=np.ones(3)), "grad must have shape (2,), as theta has it, got (3,)"),
        (dict(most=0), "most must be at least 1, got 0"),
    ],
)
def test_messages(search: Any, arguments: dict[str, Any], message: str) -> None:
    bowl = gd.objectives.Quadratic([1.0, 10.0])
    with pytest.raises(ValueError, match=re.escape(message)):
        search(bowl, **({"theta": [1.0, 1.0], "direction": [-1.0, -1.0]} | arguments))


@pytest.mark.parametrize(
    ("search", "arguments", "message"),
    [
        (backtracking, dict(c1=0.0), "c1 must lie in (0, 1), got 0.0"),
        (backtracking, dict(c1=1.0), "c1 must lie in (0, 1), got 1.0"),
        (backtracking, dict(shrink=1.0), "shrink must lie in (0, 1), got 1.0"),
        (backtracking, dict(shrink="half"), "shrink must be a number, got 'half'"),
        (wolfe, dict(c1=0.0), "c1 must lie in (0, 1), got 0.0"),
        (wolfe, dict(c2=1.0), "c2 must lie in (0, 1), got 1.0"),
        (exact, dict(share=2.0), "share must lie in (0, 2), got 2.0"),
        (exact, dict(share=0), "share must lie in (0, 2), got 0"),
        (exact, dict(tol=0.0), "tol must be greater than 0, got 0.0"),
    ],
)
def test_messages_of_one(search: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        search(HILLS, [1.0, 1.0], [1.0, 1.0], **arguments)


# Descent.


@each_search
def test_the_loop_is_the_loop(search: Any) -> None:
    steps = 15 if search is wolfe else 25  # it reaches rounding sooner
    run = search_descend(HILLS, [-0.5, 1.0], search, steps)
    theta = np.array([-0.5, 1.0])
    for t in range(steps):
        found = search(HILLS, theta, -HILLS.grad(theta))
        np.testing.assert_allclose(run.lr[t], found.lr, rtol=1e-9)
        theta = theta - found.lr * HILLS.grad(theta)
        np.testing.assert_allclose(run.theta[t + 1], theta, rtol=1e-9)
        np.testing.assert_allclose(run.loss[t + 1], HILLS(theta), rtol=1e-7, atol=1e-20)
        np.testing.assert_allclose(run.grad_norm[t + 1], np.linalg.norm(HILLS.grad(theta)), rtol=1e-6, atol=1e-9)
    assert run.steps == len(run.lr) == steps
    assert isinstance(run, gd.Trajectory)
    assert (run.minimum, run.diverged, run.diverged_at) == (0.0, False, None)
    assert type(run.optimizer) is gd.GradientDescent


@pytest.mark.parametrize("kappa", [3.0, 10.0, 100.0])
def test_the_worst_start_gives_the_bound_in_every_step_and_others_less(kappa: float) -> None:
    bowl = gd.objectives.Quadratic([1.0, kappa])
    bound = ((kappa - 1) / (kappa + 1)) ** 2
    run = search_descend(bowl, [kappa, 1.0], exact, 40)
    np.testing.assert_allclose(run.loss[1:] / run.loss[:-1], bound, rtol=1e-9)
    np.testing.assert_allclose(run.lr, 2 / (1 + kappa), rtol=1e-9)
    others = search_descend(bowl, np.random.default_rng(6).normal(size=(50, 2)), exact, 3)
    assert np.all(others.loss[1:] <= bound * others.loss[:-1] * (1 + 1e-9))


def test_consecutive_steps_of_the_exact_search_are_orthogonal() -> None:
    run = search_descend(BANANA, [-1.2, 1.0], exact, 30)
    steps = np.diff(run.theta, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    assert np.abs(np.sum(steps[1:] * steps[:-1], axis=1)).max() < 1e-8


@each_search
@pytest.mark.parametrize("grow", [None, 2.0])
def test_the_recorded_costs_are_the_calls(search: Any, grow: float | None) -> None:
    counted = Counted(BANANA)
    run = search_descend(counted, [-1.2, 1.0], search, 20, grow=grow)
    # Before the first step the arguments are checked, with one more ∇L, which is no part of the algorithm.
    assert (run.evaluations[-1], run.gradients[-1]) == (counted.values, counted.grads - 1)
    assert (run.evaluations[0], run.gradients[0]) == (1, 1)
    assert np.all(np.diff(run.evaluations) >= 1)


def test_a_search_starts_at_lr_or_where_the_last_one_ended_times_grow() -> None:
    tried: list[float] = []

    def spy(*arguments: Any, lr: Any, **known: Any) -> Found:
        tried.append(float(lr))
        return backtracking(*arguments, lr=lr, **known)

    run = search_descend(BANANA, [-1.2, 1.0], spy, 6, lr=0.5)
    assert tried == [0.5] * 6
    tried.clear()
    run = search_descend(BANANA, [-1.2, 1.0], spy, 6, lr=0.5, grow=3.0)
    np.testing.assert_array_equal(tried, [0.5, *(3 * run.lr[:-1])])


def test_a_batch_of_runs_is_its_runs_and_costs_what_they_cost() -> None:
    starts = np.array([[[-3.0, -3.0], [0.0, -0.5]], [[3.0, 2.0], [4.0, 4.0]]])  # (3, 2) is a minimum
    batch = search_descend(HILLS, starts, partial(backtracking, c1=0.3), 60, tol=1e-6, grow=2.0)
    for i in np.ndindex(2, 2):
        alone = search_descend(HILLS, starts[i], partial(backtracking, c1=0.3), 60, tol=1e-6, grow=2.0)
        one = batch[i]
        assert isinstance(one, type(batch))
        np.testing.assert_allclose(one.theta[alone.steps], alone.theta[-1], rtol=1e-9)
        np.testing.assert_allclose(one.lr[: alone.steps], alone.lr, rtol=1e-12)
        assert np.all(one.lr[alone.steps :] == 0)
        assert (one.evaluations[-1], one.gradients[-1]) == (alone.evaluations[-1], alone.gradients[-1])
    assert batch[1, 0].evaluations[-1] == 1
    assert batch[0].theta.shape[1:] == (2, 2)


def test_the_rule_gives_the_direction() -> None:
    run = search_descend(gd.objectives.Quadratic([1.0, 90.0]), [3.0, 1.0], exact, 5, rule=gd.SignDescent(lr=1.0))
    np.testing.assert_allclose(run.theta[1] - run.theta[0], -run.lr[0] * np.ones(2))
    flat = gd.objectives.Quadratic([2.0, 90.0])
    newton = gd.explorer.Newton(hessian=flat.hessian)
    run = search_descend(flat, [3.0, 1.0], backtracking, 5, rule=newton, tol=1e-9)
    assert run.steps == 1
    np.testing.assert_allclose(run.lr, [1.0])
    np.testing.assert_allclose(run.theta[1], [0, 0], atol=1e-12)


def test_momentum_as_a_rule_is_refused_where_it_leads_uphill() -> None:
    with pytest.raises(ValueError, match="direction must lead downhill"):
        search_descend(gd.objectives.Quadratic([1.0, 30.0]), [3.0, 1.0], backtracking, 50, rule=gd.Momentum(1.0, 0.99))


def test_a_run_stops_at_tol_at_a_stationary_point_and_where_no_step_is_found() -> None:
    run = search_descend(HILLS, [0.0, -0.5], backtracking, 500, tol=1e-4)
    assert run.grad_norm[-1] <= 1e-4 < run.grad_norm[-2]
    assert run.steps < 500
    assert search_descend(HILLS, [3.0, 2.0], backtracking, 5).steps == 0
    bowl = gd.objectives.Quadratic([1.0, 5.0])
    wrong = gd.objectives.from_function(bowl, lambda theta: -bowl.grad(theta))
    run = search_descend(wrong, [0.0, -0.5], backtracking, 50)
    assert run.steps == 1
    np.testing.assert_array_equal(run.lr, [0.0])
    np.testing.assert_array_equal(run.theta[1], run.theta[0])


def test_a_run_that_falls_without_end_has_diverged() -> None:
    run = search_descend(gd.objectives.Saddle(), [[1.0, 0.5], [1.0, 0.0]], exact, 10)
    np.testing.assert_array_equal(run.diverged, [True, False])
    assert run[0].diverged_at == run.diverged_at[0] > 0
    assert np.isnan(run.loss[-1, 0])
    np.testing.assert_array_equal(run.theta[-1, 1], [0, 0])


def test_after_a_run_of_a_batch_has_diverged_its_record_is_nan() -> None:
    cliff = gd.objectives.from_function(
        lambda x: 0.5 * (x[..., 0] ** 2 + 9 * x[..., 1] ** 2) - np.maximum(x[..., 2], 0),
        lambda x: np.stack([x[..., 0], 9 * x[..., 1], -1.0 * (x[..., 2] > 0)], axis=-1),
        dim=3,
    )
    run = search_descend(cliff, [[9.0, 1.0, 0.0], [0.0, 0.0, 1.0]], exact, 6)
    np.testing.assert_array_equal(run.diverged_at, [-1, 1])
    assert not np.isfinite(run.theta[1, 1]).all()
    assert np.isnan(run.theta[2:, 1]).all()
    assert np.isnan(run.loss[1:, 1]).all()
    assert np.isfinite(run.theta[:, 0]).all()
    assert run.steps == 6


def test_a_rule_may_have_a_schedule() -> None:
    rule = gd.GradientDescent(lr=gd.schedules.Piecewise([1], [1.0, 0.25]))
    plain, scheduled = (search_descend(BANANA, [-1.2, 1.0], exact, 3, rule=r) for r in (None, rule))
    np.testing.assert_allclose(scheduled.theta, plain.theta, rtol=1e-6)
    np.testing.assert_allclose(scheduled.lr, plain.lr * [1, 4, 4], rtol=1e-6)


def test_armijo_never_lets_the_loss_rise() -> None:
    starts = np.random.default_rng(9).uniform(-10, 10, size=(50, 2))
    run = search_descend(BANANA, starts, partial(backtracking, shrink=0.7), 200, lr=10.0)
    assert np.all(np.diff(run.loss, axis=0) <= 0)
    assert not run.diverged.any()
    fall = 1e-4 * run.lr * run.grad_norm[:-1] ** 2
    assert np.all(run.loss[:-1] - run.loss[1:] >= fall - 1e-9 * run.loss[:-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(objective=np.sum), "objective must be callable and have a method grad"),
        (dict(start=[np.nan, 0.0]), "start must be finite"),
        (dict(search="armijo"), "search must be a line search such as gd.line_search.backtracking, got 'armijo'"),
        (dict(steps=-1), "steps must be at least 0, got -1"),
        (dict(rule="gd"), "optimizer must be a rule such as gd.Adam(lr=0.01), got 'gd'"),
        (dict(rule=gd.Nesterov()), "rule must take its gradient at θ"),
        (dict(rule=gd.GradientDescent(np.ones(2))), "rule must take its gradient at θ and have single numbers"),
        (dict(lr=0.0), "lr must be greater than 0, got 0.0"),
        (dict(lr=np.ones(2)), "lr must be a number, got array([1., 1.])"),
        (dict(grow=0.5), "grow must be at least 1 and finite, got 0.5"),
        (dict(tol=-1.0), "tol must be non-negative and finite, got -1.0"),
    ],
)
def test_messages_of_descend(arguments: dict[str, Any], message: str) -> None:
    defaults = {"objective": HILLS, "start": [0.0, 0.0], "search": backtracking, "steps": 3}
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        search_descend(**(defaults | arguments))
