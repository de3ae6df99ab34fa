"""BFGS and L-BFGS: updates against matrices, SciPy and torch; what they promise on quadratics; what they refuse."""

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import BFGS as ScipysBFGS
from scipy.optimize import LbfgsInvHessProduct, minimize

import gdcourse as gd
from gdcourse.line_search import SearchedTrajectory, backtracking, exact, wolfe
from gdcourse.line_search import descend as search_descend
from gdcourse.quasi_newton import BFGS, LBFGS, bfgs_update, no_pairs, remember, two_loop

HILLS = gd.objectives.Himmelblau()
BANANA = gd.objectives.Rosenbrock()
METHODS = {"bfgs": gd.bfgs, "lbfgs": gd.lbfgs}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
seeds = st.integers(0, 2**32 - 1)


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def a_bowl(d: int, kappa: float, seed: int = 0) -> Any:
    """A quadratic with tilted axes, off the origin."""
    rng = seeded(seed)
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    A = (Q * np.geomspace(1, kappa, d)) @ Q.T
    return gd.objectives.Quadratic((A + A.T) / 2, center=rng.normal(size=d))


def good_pairs(rng: np.random.Generator, count: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs with sᵀy > 0: y = A s, each with a positive definite A of its own."""
    s, M = rng.normal(size=(count, d)), rng.normal(size=(count, d, d))
    return s, np.einsum("kij,klj,kl->ki", M, M, s) + 0.1 * s


def as_printed(G: np.ndarray, s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Equation 6.17 of Nocedal & Wright, word for word."""
    rho, identity = 1 / (y @ s), np.eye(len(s))
    return (identity - rho * np.outer(s, y)) @ G @ (identity - rho * np.outer(y, s)) + rho * np.outer(s, s)


# The update of the matrix.


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 8))
def test_the_update_is_the_printed_one_and_the_secant_equation_holds(seed: int, d: int) -> None:
    rng = seeded(seed)
    M = rng.normal(size=(d, d))
    G = M @ M.T + 0.1 * np.eye(d)
    (s,), (y,) = good_pairs(rng, 1, d)
    new = bfgs_update(G, s, y)
    size = np.abs(new).max()
    np.testing.assert_allclose(new, as_printed(G, s, y), atol=1e-9 * size)
    np.testing.assert_allclose(new @ y, s, atol=1e-10 * size * np.abs(y).max())
    np.testing.assert_array_equal(new, new.T)
    assert np.linalg.eigvalsh(new).min() > -1e-12 * size
    z = rng.normal(size=d)
    z -= s * (s @ z) / (s @ s)
    np.testing.assert_allclose(z @ new @ z, z @ G @ z, atol=1e-9 * size)  # across s nothing is changed


def test_the_update_is_scipys() -> None:
    rng = seeded(1)
    theirs = ScipysBFGS(init_scale=1.0)
    theirs.initialize(6, "inv_hess")
    G = np.eye(6)
    for s, y in zip(*good_pairs(rng, 10, 6), strict=True):
        theirs.update(s, y)
        G = bfgs_update(G, s, y)
        np.testing.assert_allclose(G, theirs.get_matrix(), rtol=1e-8, atol=1e-10)


def test_the_inverse_follows_the_direct_formula() -> None:
    rng = seeded(2)
    G = np.eye(5)
    for s, y in zip(*good_pairs(rng, 6, 5), strict=True):
        B = np.linalg.inv(G)
        direct = B - np.outer(B @ s, B @ s) / (s @ B @ s) + np.outer(y, y) / (y @ s)
        G = bfgs_update(G, s, y)
        np.testing.assert_allclose(np.linalg.inv(G), direct, rtol=1e-7, atol=1e-8)


def test_a_pair_of_negative_curvature_costs_positive_definiteness() -> None:
    G = bfgs_update(np.eye(2), np.array([1.0, 0.0]), np.array([-1.0, 0.5]))
    assert np.linalg.eigvalsh(G)[0] < 0


def test_updates_are_batched() -> None:
    rng = seeded(3)
    G = np.tile(np.eye(4), (2, 3, 1, 1))
    s, y = good_pairs(rng, 6, 4)
    both = bfgs_update(G, s.reshape(2, 3, 4), y.reshape(2, 3, 4))
    for k in range(6):
        np.testing.assert_allclose(both.reshape(6, 4, 4)[k], as_printed(np.eye(4), s[k], y[k]), rtol=1e-12)


# The two loops.


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 9), st.integers(1, 7), st.integers(0, 12))
def test_two_loops_are_the_dense_product(seed: int, d: int, memory: int, count: int) -> None:
    rng = seeded(seed)
    S, Y = good_pairs(rng, count, d)
    pairs, g = no_pairs(memory, np.zeros(d)), rng.normal(size=d)
    for s, y in zip(S, Y, strict=True):
        pairs = remember(pairs, s, y)
    if not count:
        np.testing.assert_allclose(two_loop(g, pairs), g / np.linalg.norm(g))
        return
    kept = list(zip(S, Y, strict=True))[-memory:]
    s, y = kept[-1]
    G = (s @ y) / (y @ y) * np.eye(d)
    for s, y in kept:
        G = as_printed(G, s, y)
    np.testing.assert_allclose(two_loop(g, pairs), G @ g, atol=1e-10 * np.abs(G).max() * np.abs(g).max() * d)
    size = np.abs(G).max() * np.abs(y).max() * d
    np.testing.assert_allclose(two_loop(y, pairs), s, atol=1e-10 * size)  # the secant equation of the newest pair


def test_two_loops_are_scipys_product() -> None:
    rng = seeded(4)
    S, Y = good_pairs(rng, 6, 20)
    pairs, g = no_pairs(6, np.zeros(20)), rng.normal(size=20)
    for s, y in zip(S, Y, strict=True):
        pairs = remember(pairs, s, y)
    one = pairs._replace(gamma=np.ones(1))  # SciPy's product starts from the identity
    np.testing.assert_allclose(two_loop(g, one), LbfgsInvHessProduct(S, Y) @ g, rtol=1e-9)


def test_a_pair_without_curvature_is_not_remembered_and_the_others_stay() -> None:
    rng = seeded(5)
    pairs = no_pairs(3, np.zeros(4))
    for s, y in zip(*good_pairs(rng, 2, 4), strict=True):
        pairs = remember(pairs, s, y)
    s, across = np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])
    for y in (-s, across, 0 * s, across + 0.9e-8 * s, np.nan * s, np.full(4, np.inf)):
        after = remember(pairs, s, y)
        for old, new in zip(pairs, after, strict=True):
            np.testing.assert_array_equal(old, new)
    assert remember(pairs, s, across + 1.1e-8 * s).rho[-1] != pairs.rho[-1]
    assert remember(pairs, s, across + 0.2 * s, skip=0.3).rho[-1] == pairs.rho[-1]
    for tiny in (1e-160, 1e-200):  # sᵀy is 1e-320, whose inverse is infinite, and 0
        assert remember(pairs, tiny * s, tiny * s).rho[-1] == pairs.rho[-1]


def test_the_rule_that_skips_has_no_unit() -> None:
    s, y = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    for factor in (1e-60, 1e-12, 1e12, 1e60):
        for a, b in ((factor * s, y), (s, factor * y)):
            assert remember(no_pairs(1, s), a, b).rho[0, 0] == pytest.approx(1 / (a @ b))


def test_each_run_of_a_batch_has_a_memory_of_its_own() -> None:
    rng = seeded(6)
    s, y = rng.normal(size=(2, 8, 3, 4))  # about half of the pairs have sᵀy < 0
    both, g = no_pairs(3, np.zeros((3, 4))), rng.normal(size=(3, 4))
    alone = [no_pairs(3, np.zeros(4)) for _ in range(3)]
    for k in range(8):
        both = remember(both, s[k], y[k])
        alone = [remember(alone[i], s[k, i], y[k, i]) for i in range(3)]
        for i in range(3):
            np.testing.assert_allclose(two_loop(g, both)[i], two_loop(g[i], alone[i]), rtol=1e-12)


# The rules.


def test_a_path_with_a_fixed_rate_is_torchs() -> None:
    # Torch's first step has another length, so ours starts as it has taken it.
    start = torch.tensor([-1.2, 1.0, -0.5, 0.8], dtype=torch.float64)
    loss = gd.objectives.Rosenbrock(4)
    p = start.clone().requires_grad_(True)
    options: dict[str, Any] = {"tolerance_grad": 0, "tolerance_change": 0, "max_iter": 1}
    optimizer = torch.optim.LBFGS([p], lr=0.3, history_size=3, **options)

    def closure() -> Any:
        p.grad = torch.tensor(loss.grad(p.detach().numpy()))
        return torch.tensor(loss(p.detach().numpy()))

    path = [start.numpy().copy()]
    for _ in range(25):
        optimizer.step(closure)
        path.append(p.detach().numpy().copy())
    rule = LBFGS(lr=0.3, memory=3)
    state = rule.update(loss.grad(path[0]), rule.init(path[0]), path[0])[1]
    for t in range(1, 25):
        delta, state = rule.update(loss.grad(path[t]), state, path[t])
        np.testing.assert_allclose(path[t] + delta, path[t + 1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rule", [BFGS(lr=0.7), LBFGS(lr=0.7)], ids=["bfgs", "lbfgs"])
def test_the_first_step_has_the_length_of_the_learning_rate(rule: Any) -> None:
    run = gd.descend(HILLS, [[0.5, 1.0], [-2.0, 3.0]], rule, 1)
    np.testing.assert_allclose(np.linalg.norm(run.theta[1] - run.theta[0], axis=-1), 0.7)
    assert np.all(np.sum((run.theta[1] - run.theta[0]) * HILLS.grad(run.theta[0]), axis=-1) < 0)


def test_the_matrix_is_corrected_from_gamma_times_the_identity() -> None:
    theta, rule, G = np.array([-1.2, 1.0]), BFGS(lr=0.1), None
    state = rule.init(theta)
    for t in range(8):
        before = state
        grad = BANANA.grad(theta)
        delta, state = rule.update(grad, state, theta)
        if t:
            s, y = theta - before.theta, grad - before.grad
            if s @ y > 1e-8 * np.linalg.norm(s) * np.linalg.norm(y):
                G = as_printed((s @ y) / (y @ y) * np.eye(2) if G is None else G, s, y)
        if G is not None:
            np.testing.assert_allclose(state.G, G, rtol=1e-9)
            np.testing.assert_allclose(delta, -0.1 * G @ grad, rtol=1e-9)
        theta = theta + delta
    assert G is not None


def test_unlimited_memory_differs_from_the_matrix_in_gamma_alone() -> None:
    loss, start = gd.objectives.Rosenbrock(4), np.array([-1.2, 1.0, -0.5, 0.8])
    run = gd.bfgs(loss, start, 12)
    s, y = np.diff(run.theta, axis=0), np.diff(loss.grad(run.theta), axis=0)
    pairs = no_pairs(50, start)
    for a, b in zip(s[:-1], y[:-1], strict=True):
        pairs = remember(pairs, a, b)
    first = pairs._replace(gamma=np.array([(s[0] @ y[0]) / (y[0] @ y[0])]))
    step = two_loop(loss.grad(run.theta[-2]), first)
    np.testing.assert_allclose(-run.lr[-1] * step, s[-1], rtol=1e-6)


def test_where_rounding_has_spoilt_the_matrix_the_step_goes_down_the_gradient() -> None:
    theta, grad = np.zeros((2, 2)), np.array([[3.0, 4.0], [6.0, 8.0]])
    G = np.array([-np.eye(2), 2 * np.eye(2)])
    spoilt = BFGS.State(G, np.ones((2, 1), dtype=bool), theta, grad)
    delta, _ = BFGS().update(grad, spoilt, theta)
    np.testing.assert_allclose(delta, [[-0.6, -0.8], [-12, -16]])
    pairs = no_pairs(1, theta)._replace(s=np.ones((1, 2, 2)), gamma=np.ones((2, 1)), rho=np.array([[[-1.0], [0.0]]]))
    delta, _ = LBFGS(memory=1).update(grad, LBFGS.State(pairs, theta, grad), theta)
    np.testing.assert_allclose(delta, [[-0.6, -0.8], [-6, -8]])


@pytest.mark.parametrize("rule", [BFGS(), LBFGS(memory=3)], ids=["bfgs", "lbfgs"])
def test_every_direction_leads_downhill_even_where_curvature_is_negative(rule: Any) -> None:
    # Backtracking knows nothing of curvature; the pairs that it spoils are left out.
    starts = seeded(7).uniform(-5, 5, size=(200, 2))
    run = search_descend(HILLS, starts, backtracking, 60, rule=rule, tol=1e-6)
    assert np.all(run.steps_to(1e-6) < np.inf)
    assert np.linalg.eigvalsh(HILLS.hessian(run.theta[-1]))[:, 0].min() > 0


def test_a_pair_out_of_the_same_minibatch_has_the_curvature_of_the_minibatch() -> None:
    rng = seeded(8)
    X, w = rng.normal(size=(50, 3)), rng.normal(size=3)
    loss, batch = gd.objectives.LinearRegression(X, X @ w), np.arange(5)
    s = rng.normal(size=3)
    pairs = remember(no_pairs(1, s), s, loss.grad(w + s, batch) - loss.grad(w, batch))
    np.testing.assert_allclose(pairs.y[0], X[:5].T @ X[:5] @ s / 5, rtol=1e-9)


# Against SciPy, on the smooth problems of the package.


def regression(kind: str) -> Any:
    rng = seeded(9)
    X = rng.normal(size=(60, 3))
    if kind == "linear":
        return gd.objectives.LinearRegression(X, X @ [1.0, -2.0, 0.5] + rng.normal(size=60), intercept=True)
    if kind == "logistic":
        y = (rng.random(60) < 1 / (1 + np.exp(-X @ [1.0, -2.0, 0.5]))).astype(float)
        return gd.objectives.LogisticRegression(X, y, intercept=True)
    return gd.objectives.Regularised(
        gd.objectives.SoftmaxRegression(X, rng.integers(0, 3, 60), intercept=True), gd.losses.L2(0.1)
    )


PROBLEMS = [
    (gd.objectives.Quadratic([1.0, 10.0, 100.0]), [1.0, 1.0, 1.0]),
    (a_bowl(12, 50.0), np.zeros(12)),
    (HILLS, [2.0, 2.5]),
    (HILLS, [-3.0, -3.0]),
    (BANANA, [-1.2, 1.0]),
    (gd.objectives.Rosenbrock(10), np.tile([-1.2, 1.0], 5)),
    (gd.objectives.Beale(), [1.0, 1.0]),
    (gd.objectives.Booth(), [5.0, -5.0]),
    (gd.objectives.Rastrigin(3), [0.2, -0.1, 0.15]),
    (gd.objectives.StyblinskiTang(3), [-2.5, -3.0, -2.7]),
    (gd.objectives.DoubleWell(0.1), [-1.5]),
    (regression("linear"), np.zeros(4)),
    (regression("logistic"), np.zeros(4)),
    (regression("softmax"), np.zeros(12)),
]


@each_method
@pytest.mark.parametrize(("objective", "start"), PROBLEMS, ids=[f"{p.name}{p.dim}" for p, _ in PROBLEMS])
def test_the_minimum_is_scipys_in_about_as_many_steps(method: Any, objective: Any, start: Any) -> None:
    run, path = method(objective, start, 300, tol=1e-7), []
    options = {"ftol": 0, "gtol": 1e-10, "maxiter": 1000}
    arguments = {"jac": objective.grad, "method": "L-BFGS-B", "options": options}
    theirs = minimize(objective, start, callback=lambda x: path.append(x.copy()), **arguments)
    assert isinstance(run, SearchedTrajectory)
    assert run.grad_norm[-1] <= 1e-7
    np.testing.assert_allclose(run.theta[-1], theirs.x, atol=1e-5)
    np.testing.assert_allclose(run.loss[-1], theirs.fun, atol=1e-12)
    norms = np.linalg.norm(objective.grad(np.array(path)), axis=-1)
    steps = 1 + int(np.argmax(norms <= 1e-6))
    assert run.steps_to(1e-6) <= (1.6 if method is gd.lbfgs else 2.5) * steps + 3


def test_logarithms_out_of_their_domain_are_no_obstacle() -> None:
    barrier = gd.objectives.from_function(
        lambda x: x[..., 0] - np.log(x[..., 0]) + (x[..., 1] - 1) ** 2,
        lambda x: np.stack([1 - 1 / x[..., 0], 2 * (x[..., 1] - 1)], axis=-1),
    )
    for method in METHODS.values():
        np.testing.assert_allclose(method(barrier, [0.1, -3.0], 60, tol=1e-8).theta[-1], [1, 1], atol=1e-7)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
@each_method
def test_the_path_does_not_depend_on_the_unit_of_the_loss(method: Any, scale: float) -> None:
    scaled = gd.objectives.from_function(lambda x: scale * BANANA(x), lambda x: scale * BANANA.grad(x))
    ours, theirs = (method(loss, [-1.2, 1.0], 20) for loss in (BANANA, scaled))
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-6)


def test_memory_one_and_more_memory() -> None:
    bowl, starts = gd.objectives.Quadratic(np.geomspace(1, 100, 20)), seeded(10).normal(size=(15, 20))
    counts = []
    for memory in (1, 5, 20):
        run = gd.lbfgs(bowl, starts, 200, memory, tol=1e-5)
        assert np.all(run.grad_norm[-1] <= 1e-5)
        assert run.optimizer.memory == memory
        counts.append(np.median(run.steps_to(1e-5)))
    assert counts[0] > 1.2 * counts[1] > 1.2 * 1.2 * counts[2]


# Exact line searches on quadratics.


def conjugate_gradients(bowl: Any, theta: np.ndarray, steps: int) -> np.ndarray:
    """Hestenes and Stiefel's method in plain lines."""
    path, r = [theta], -bowl.grad(theta)
    p = r
    for _ in range(steps):
        alpha = (r @ r) / (p @ bowl.A @ p)
        theta, new = theta + alpha * p, r - alpha * bowl.A @ p
        p, r = new + (new @ new) / (r @ r) * p, new
        path.append(theta)
    return np.array(path)


@pytest.mark.parametrize("d", [2, 5, 10])
@pytest.mark.parametrize("memory", [1, 3, 50, None])
def test_on_a_quadratic_with_exact_searches_every_memory_walks_with_conjugate_gradients(
    d: int, memory: int | None
) -> None:
    bowl, start = a_bowl(d, 10.0, seed=d), seeded(11).normal(size=d)
    method = gd.bfgs if memory is None else partial(gd.lbfgs, memory=memory)
    run = method(bowl, start, d, search=exact)
    np.testing.assert_allclose(run.theta, conjugate_gradients(bowl, start, d), atol=1e-7)
    np.testing.assert_allclose(run.theta[-1], bowl.center, atol=1e-7)
    assert np.abs(run.theta[-2] - bowl.center).max() > 1e-4


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 8))
def test_after_d_exact_steps_the_matrix_is_the_inverse_and_until_then_nothing_is_lost(seed: int, d: int) -> None:
    bowl, theta, rule = a_bowl(d, 20.0, seed=seed), seeded(seed + 1).normal(size=d), BFGS()
    state, inverse, S, Y = rule.init(theta), np.linalg.inv(bowl.A), [], []
    for t in range(d + 1):
        direction, state = rule.update(bowl.grad(theta), state, theta)
        if t:
            np.testing.assert_allclose(state.G @ np.array(Y).T, np.array(S).T, atol=1e-5)
        if t == d:
            np.testing.assert_allclose(state.G, inverse, atol=1e-5)
            break
        step = exact(bowl, theta, direction).lr * direction
        S.append(step)
        Y.append(bowl.A @ step)
        theta = theta + step


def test_as_many_steps_as_there_are_different_curvatures() -> None:
    bowl = gd.objectives.Quadratic([1.0, 1.0, 5.0, 5.0, 5.0, 30.0])
    for method in METHODS.values():
        assert method(bowl, np.ones(6), 20, search=exact, tol=1e-7).steps == 3


# Ends.


@each_method
def test_at_a_stationary_point_it_stands_still(method: Any) -> None:
    for objective, point in ((HILLS, [3.0, 2.0]), (gd.objectives.Saddle(), [0.0, 0.0])):
        run = method(objective, point, 10)
        assert run.steps == 0
        assert (run.diverged, run.diverged_at) == (False, None)


@each_method
def test_it_goes_on_until_rounding_hides_the_rest_and_then_stops(method: Any) -> None:
    for objective, start in PROBLEMS[:10]:
        run = method(objective, start, 2000)
        assert run.steps < 500
        assert run.grad_norm.min() < 2e-6
        assert not run.diverged
        assert np.all(np.diff(run.loss) <= 0)
        assert np.all(np.isfinite(run.theta))


@each_method
def test_without_a_minimum_it_diverges_and_says_when(method: Any) -> None:
    run = method(gd.objectives.Saddle(), [1.0, 0.5], 50)
    assert run.diverged
    assert run.diverged_at == run.steps


@each_method
def test_a_batch_is_its_runs(method: Any) -> None:
    starts = np.array([[[-3.0, -3.0], [0.0, -0.5]], [[3.0, 2.0], [4.0, 4.0]]])  # (3, 2) is a minimum
    batch = method(HILLS, starts, 60, tol=1e-6)
    for i in np.ndindex(2, 2):
        alone = method(HILLS, starts[i], 60, tol=1e-6)
        np.testing.assert_allclose(batch[i].theta[: alone.steps + 1], alone.theta, rtol=1e-9)
        assert batch[i].gradients[-1] == alone.gradients[-1]


def test_records_and_costs() -> None:
    run = gd.lbfgs(BANANA, [-1.2, 1.0], 200, 7, tol=1e-6, skip=1e-6)
    assert run.grad_norm[-1] <= 1e-6 < run.grad_norm[-2]
    np.testing.assert_allclose(run.loss, BANANA(run.theta))
    assert len(run.lr) == run.steps
    assert run.evaluations[-1] == run.gradients[-1] > run.steps
    assert repr(run) == f"Trajectory({run.steps} steps of LBFGS)"
    assert run.optimizer == LBFGS(lr=1.0, memory=7, skip=1e-6)
    assert gd.bfgs(BANANA, [0, 0], 1).optimizer == BFGS()
    assert np.mean(run.lr == 1) > 0.5
    other = gd.lbfgs(BANANA, [-1.2, 1.0], 60, search=partial(wolfe, c2=0.1), tol=1e-6)
    assert other.steps < run.steps
    assert not np.array_equal(other.theta[:5], run.theta[:5])


@pytest.mark.parametrize("rule", [BFGS(), LBFGS(memory=4)], ids=["bfgs", "lbfgs"])
def test_a_rule_is_pure(rule: Any) -> None:
    theta = np.array([0.3, -0.4])
    state = rule.update(HILLS.grad(theta), rule.init(theta), theta)[1]
    there = theta + 0.1
    first, after = rule.update(HILLS.grad(there), state, there)
    second, again = rule.update(HILLS.grad(there), state, there)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(theta, [0.3, -0.4])
    np.testing.assert_array_equal(after.grad, again.grad)


def test_a_rate_may_be_a_schedule_or_an_array() -> None:
    noisy, start = gd.AdditiveNoise(a_bowl(3, 5.0)), np.ones(3)
    noise = seeded(12).normal(size=(6, 2, 3))
    both = gd.descend(noisy, np.ones((2, 3)), LBFGS(lr=np.array([0.1, 0.5])), 6, batches=noise)
    for i, lr in enumerate((0.1, 0.5)):
        alone = gd.descend(noisy, start, LBFGS(lr=lambda t, lr=lr: lr), 6, batches=noise[:, i])
        np.testing.assert_allclose(both.theta[:, i], alone.theta, rtol=1e-9)


# Messages.


@each_method
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": np.sum}, TypeError, "objective must be callable and have a method grad"),
        ({"start": [np.nan, 1.0]}, ValueError, "start must be finite"),
        ({"start": 1.0}, ValueError, "start must have shape (..., d)"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer, got 2.5"),
        ({"search": "wolfe"}, TypeError, "search must be a line search such as"),
        ({"skip": -0.1}, ValueError, "skip must be non-negative"),
        ({"skip": 1.0}, ValueError, "skip must be in [0, 1), got 1.0"),
        ({"skip": np.ones(2)}, TypeError, "skip must be a number, got array"),
        ({"skip": "no"}, TypeError, "skip must be a number"),
        ({"tol": -1.0}, ValueError, "tol must be non-negative and finite, got -1.0"),
    ],
)
def test_bad_arguments_are_named(method: Any, arguments: dict, error: type, message: str) -> None:
    good = {"objective": HILLS, "start": [1.0, 1.0], "steps": 5}
    with pytest.raises(error, match=re.escape(message)):
        method(**(good | arguments))


@pytest.mark.parametrize(
    ("memory", "error", "message"),
    [
        (0, ValueError, "memory must be at least 1, got 0"),
        (-3, ValueError, "memory must be"),
        (2.5, TypeError, "memory must be an integer, got 2.5"),
        ("ten", TypeError, "memory must be a"),
        (True, TypeError, "memory must be an integer, got True"),
    ],
)
def test_a_bad_memory_is_named(memory: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        gd.lbfgs(HILLS, [1.0, 1.0], 5, memory)
    with pytest.raises((TypeError, ValueError), match="lr must be"):
        LBFGS(lr=-1.0)
