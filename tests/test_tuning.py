"""Sweeps over grids and seeds, against closed forms and plain loops; profiles, by hand and by definition."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gdcourse as gd
from gdcourse import tuning

BOWL = gd.objectives.Quadratic([0.7, 0.7], center=[1.3, -0.7])
HILLS = gd.objectives.Himmelblau()


def normal(rng: np.random.Generator) -> Any:
    while True:
        yield rng.normal(size=2)


# One cost.


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.3])
def test_gradient_descent_on_a_bowl_takes_the_steps_of_the_closed_form(share: float) -> None:
    rates = np.array([0.003, 0.05, 0.3, 1.0, 2.0, 2.8, 2.9, 10.0])
    cost = gd.tune(gd.GradientDescent(), gd.Problem(BOWL, share=share), 400, seeds=range(3), lr=rates).cost
    for k, lr in enumerate(rates):
        shrink = abs(1 - 0.7 * lr)
        expected = math.ceil(math.log(share) / (2 * math.log(shrink))) if shrink < 1 else math.inf
        assert cost[k].tolist() == [expected if expected <= 400 else math.inf] * 3


def test_the_budget_includes_its_last_step() -> None:
    needed = gd.tune(gd.GradientDescent(), gd.Problem(BOWL), 400, seeds=[0], lr=[0.1]).cost.item()
    for steps, expected in [(int(needed), needed), (int(needed) - 1, math.inf)]:
        assert gd.tune(gd.GradientDescent(), gd.Problem(BOWL), steps, seeds=[0], lr=[0.1]).cost.item() == expected


def test_a_known_minimum_other_than_zero_counts() -> None:
    lifted = gd.objectives.from_function(lambda th: BOWL(th) + 5, BOWL.grad, minima=BOWL.minima, domain=BOWL.domain)
    plain, high = (gd.tune(gd.Adam(), gd.Problem(f), 200, seeds=range(4), lr=[0.3]).cost for f in (BOWL, lifted))
    assert np.isfinite(plain).all()
    np.testing.assert_array_equal(plain, high)
    too_low = gd.Problem(lifted, minimum=0.0)  # the floor itself is then 5 above the "minimum"
    assert np.isinf(gd.tune(gd.Adam(), too_low, 200, seeds=range(4), lr=[0.3]).cost).all()


def test_against_torch() -> None:
    problem = gd.Problem(HILLS, share=1e-3)
    ours = gd.tune(gd.Adam(), problem, 150, seeds=[3, 8], lr=[0.1, 0.5]).cost
    assert np.isfinite(ours).any()
    for (k, i), cost in np.ndenumerate(ours):
        p = torch.tensor(problem.run([3, 8][i])[0], requires_grad=True)
        optimizer, losses = torch.optim.Adam([p], lr=[0.1, 0.5][k]), []
        for _ in range(151):
            optimizer.zero_grad()
            loss = (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
        done = [t for t, value in enumerate(losses) if value <= 1e-3 * losses[0]]
        assert cost == (done[0] if done else math.inf)


# Grids and seeds: every run is the run of a plain loop.


@pytest.mark.parametrize("noise", [False, True])
def test_every_run_is_a_run_of_descend_by_itself(noise: bool) -> None:
    problem = gd.Problem(gd.AdditiveNoise(HILLS), share=0.02, batches=normal if noise else None)
    lr, beta, seeds = [0.001, 0.01, 0.05], [0.0, 0.9], [7, 0, 3, 11]
    result = gd.tune(gd.Momentum(), problem, 60, seeds=seeds, lr=lr, beta=beta)
    assert result.cost.shape == (3, 2, 4)
    for (i, j, k), cost in np.ndenumerate(result.cost):
        rng = np.random.default_rng(seeds[k])
        start = rng.uniform([-5, -5], [5, 5])
        run = gd.descend(
            problem.objective,
            start,
            gd.Momentum(lr=lr[i], beta=beta[j]),
            60,
            batches=normal(rng) if noise else None,
        )
        close = [t for t in range(61) if t < len(run.loss) and run.loss[t] <= 0.02 * run.loss[0]]
        assert cost == (close[0] if close else math.inf)
    assert 0 < np.isinf(result.cost).sum() < result.cost.size


def test_minibatches_of_a_seed_are_the_same_for_every_rate_and_rule() -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    data = gd.objectives.LinearRegression(X, X @ [1.0, -2.0, 0.5])
    drawn: list[Any] = []

    class Spy:
        minimum, domain = data.minimum, data.domain

        def __call__(self, theta: Any) -> Any:
            return data(theta)

        def grad(self, theta: Any, batch: Any = None) -> Any:
            if batch is not None:
                drawn.append(batch.copy())
            return data.grad(theta, batch)

    problem = gd.Problem(Spy(), batches=lambda rng: gd.minibatches(20, 4, rng))
    for rule in (gd.GradientDescent(), gd.Adam()):
        drawn.clear()
        gd.tune(rule, problem, 6, seeds=[5, 2], lr=[0.01, 0.1, 1.0])
        batches = np.array(drawn)
        assert batches.shape == (6, 2, 4)
        for i, seed in enumerate([5, 2]):
            rng = np.random.default_rng(seed)
            rng.uniform(*np.transpose(data.domain))
            alone = [b for b, _ in zip(gd.minibatches(20, 4, rng), range(6), strict=False)]
            np.testing.assert_array_equal(batches[:, i], alone)


def test_a_start_may_be_a_point_or_drawn() -> None:
    rng = np.random.default_rng(4)
    assert gd.Problem(BOWL, start=[1.0, 2.0]).run(4)[0].tolist() == [1.0, 2.0]
    assert gd.Problem(BOWL, start=lambda r: r.normal(size=2)).run(4)[0].tolist() == rng.normal(size=2).tolist()
    low, high = BOWL.domain.T
    starts = np.array([gd.Problem(BOWL).run(seed)[0] for seed in range(200)])
    assert (starts >= low).all()
    assert (starts <= high).all()
    np.testing.assert_allclose(starts.mean(axis=0), BOWL.center, atol=0.3)
    np.testing.assert_allclose(starts.std(axis=0), 4 / math.sqrt(12), atol=0.15)


def test_a_start_that_is_done_costs_nothing_and_divergence_is_infinite() -> None:
    cost = gd.tune(gd.GradientDescent(), gd.Problem(BOWL, start=[1.3, -0.7]), 5, seeds=[0], lr=[0.1]).cost
    assert cost.item() == 0
    cost = gd.tune(gd.GradientDescent(), gd.Problem(HILLS), 50, seeds=range(3), lr=[1e3]).cost
    assert np.isinf(cost).all()


def test_tuning_leaves_the_other_hyperparameters_and_names_the_best() -> None:
    problem = gd.Problem(HILLS)
    result = gd.tune(gd.Momentum(beta=0.5), problem, 100, seeds=range(5), lr=[1e-5, 0.01, 0.005])
    assert result.best.beta == 0.5
    medians = np.sort(result.cost, axis=-1)[:, 2]
    assert result.best_index == (int(np.argmin(medians)),)
    assert result.best == replace(gd.Momentum(beta=0.5), lr=result.grid["lr"][result.best_index[0]])
    assert repr(result) == "Tuning(Momentum: 3 lr, 5 seeds)"
    again = gd.tune(result.best, problem, 100, seeds=range(5), lr=[result.best.lr])
    np.testing.assert_array_equal(again.cost[0], result.cost[result.best_index])


def test_among_equal_medians_the_upper_quartile_decides_then_the_first() -> None:
    cost = np.array([[9, 9, 9, 9.0], [1, 5, 7, 9], [1, 5, 6, 9], [5, 5, 6, 6]])
    result = gd.Tuning(gd.Adam(), {"lr": np.array([1.0, 2.0, 3.0, 4.0])}, (0, 1, 2, 3), cost)
    assert result.quantile(0.5).tolist() == [9, 5, 5, 5]
    assert result.best_index == (2,)
    assert result.best.lr == 3.0
    nobody = gd.Tuning(gd.Adam(), {"lr": np.array([1.0, 2.0])}, (0,), np.full((2, 1), np.inf))
    assert nobody.best_index == (0,)
    grid = {"lr": np.array([1.0, 2.0]), "beta1": np.array([0.1, 0.2, 0.3])}
    two = gd.Tuning(gd.Adam(), grid, (0,), np.array([[[6.0], [5.0], [4.0]], [[3.0], [2.0], [1.0]]]))
    assert (two.best.lr, two.best.beta1) == (2.0, 0.3)


def test_progress_shows_a_bar(capfd: pytest.CaptureFixture[str]) -> None:
    gd.tune(gd.Adam(), gd.Problem(BOWL), 3, seeds=[0], lr=[0.1], progress=True)
    assert "1/1" in capfd.readouterr().err
    gd.tune(gd.Adam(), gd.Problem(BOWL), 3, seeds=[0], lr=[0.1])
    assert capfd.readouterr().err == ""


# Quantiles of costs that may be infinite.


@pytest.mark.parametrize(
    ("q", "expected"), [(0, 1), (0.2, 1), (0.21, 2), (0.4, 2), (0.5, 4), (0.6, 4), (0.75, 8), (0.8, 8), (1, np.inf)]
)
def test_a_quantile_is_the_least_cost_that_covers_the_share(q: float, expected: float) -> None:
    assert tuning.quantile([4, np.inf, 1, 8, 2], q) == expected


@given(st.lists(st.one_of(st.floats(0, 1e6), st.just(math.inf)), min_size=1, max_size=12), st.floats(0, 1))
def test_a_quantile_by_its_definition(cost: list[float], q: float) -> None:
    value = tuning.quantile(cost, q)
    assert value in cost
    assert sum(c <= value for c in cost) >= q * len(cost) - 1e-6
    assert all(sum(c <= other for c in cost) < q * len(cost) + 1e-6 for other in cost if other < value)


def test_a_quantile_goes_along_the_axis_that_is_asked_for() -> None:
    cost = np.array([[1.0, 20.0, 3.0], [4.0, 2.0, 30.0]])
    assert tuning.quantile(cost, 0.5).tolist() == [3, 4]
    assert tuning.quantile(cost, 1, axis=0).tolist() == [4, 20, 30]


# Performance profiles.

HAND = [[10, 20, np.inf, 8, np.inf], [20, 10, 30, 8, np.inf], [40, 50, 60, np.inf, np.inf]]


def test_a_profile_by_hand() -> None:
    ratios = tuning.performance_ratios(HAND)
    inf = np.inf
    assert ratios.tolist() == [[1, 2, inf, 1, inf], [2, 1, 1, 1, inf], [4, 5, 2, inf, inf]]
    rho = gd.performance_profile(HAND, [1, 1.99, 2, 4, 5, 1e300])
    assert rho.tolist() == [[0.4, 0.4, 0.6, 0.6, 0.6, 0.6], [0.6, 0.6, 0.8, 0.8, 0.8, 0.8], [0, 0, 0.2, 0.4, 0.6, 0.6]]
    assert gd.performance_profile(HAND, 2).tolist() == [0.6, 0.8, 0.2]


costs = st.integers(1, 4).flatmap(
    lambda rules: st.lists(
        st.lists(st.one_of(st.integers(1, 50).map(float), st.just(math.inf)), min_size=rules, max_size=rules),
        min_size=1,
        max_size=6,
    ).map(lambda rows: np.array(rows).T)
)


@settings(max_examples=100, deadline=None)
@given(costs, st.lists(st.floats(1, 100), min_size=1, max_size=8), st.integers(-8, 8))
def test_a_profile_by_its_definition(cost: Any, taus: list[float], power: int) -> None:
    taus = sorted(taus)
    rho = gd.performance_profile(cost, taus)
    rules, problems = cost.shape
    for s in range(rules):
        for k, tau in enumerate(taus):
            count = sum(math.isfinite(cost[s, p]) and cost[s, p] / min(cost[:, p]) <= tau for p in range(problems))
            assert rho[s, k] == pytest.approx(count / problems)
    assert (np.diff(rho, axis=1) >= 0).all()
    assert ((rho >= 0) & (rho <= 1)).all()
    scale = 2.0 ** (power * np.arange(problems))  # each problem in a unit of its own
    np.testing.assert_array_equal(gd.performance_profile(cost * scale, taus), rho)
    # Somebody is first wherever anybody finishes.
    solved = np.isfinite(cost).any(axis=0).mean()
    assert gd.performance_profile(cost, 1.0).sum() >= solved - 1e-12
    np.testing.assert_allclose(gd.performance_profile(cost, 1e6), np.isfinite(cost).mean(axis=1))


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(optimizer=gd.Adam), TypeError, "optimizer must be a rule"),
        (dict(problem=HILLS), TypeError, r"problem must be a gd\.Problem"),
        (dict(seeds=[]), ValueError, "seeds must hold at least one"),
        (dict(seeds=[0.5]), TypeError, "seeds must be an integer, got 0.5"),
        (dict(seeds=[-1]), ValueError, "seeds must be at least 0, got -1"),
        (dict(lr=0.1), ValueError, r"lr must hold the values to try, shape \(k,\), got shape \(\)"),
        (dict(lr=[]), ValueError, r"lr must hold .* got shape \(0,\)"),
        (dict(lr=[-0.1]), ValueError, "lr must be non-negative"),
        (dict(rate=[0.1]), TypeError, r"grid must be of lr, beta1, beta2, eps for Adam, got \['lr', 'rate'\]"),
        (dict(steps=1.5), TypeError, "steps must be an integer"),
    ],
)
def test_a_sweep_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = dict(optimizer=gd.Adam(), problem=gd.Problem(HILLS), steps=5, seeds=[0], lr=[0.1])
    with pytest.raises(error, match=message):
        gd.tune(**{**given, **arguments})


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(TypeError, match=r"grid must be of lr for GradientDescent, got \[\]"):
        gd.tune(gd.GradientDescent(), gd.Problem(HILLS), 5, seeds=[0])


def test_batches_that_end_too_early_are_an_error_and_divergence_is_none() -> None:
    short = gd.Problem(gd.AdditiveNoise(BOWL), batches=lambda rng: (rng.normal(size=2) for _ in range(7)))
    with pytest.raises(ValueError, match="batches must last for 8 steps, but ended after 7"):
        gd.tune(gd.GradientDescent(), short, 8, seeds=[0, 1], lr=[0.1])
    assert gd.tune(gd.GradientDescent(), short, 7, seeds=[0, 1], lr=[0.1]).cost.shape == (1, 2)
    assert np.isinf(gd.tune(gd.GradientDescent(), gd.Problem(HILLS), 99, seeds=[0], lr=[1e4]).cost).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(share=0.0), ValueError, r"share must lie in \(0, 1\), got 0.0"),
        (dict(share=1.0), ValueError, r"share must lie in \(0, 1\), got 1.0"),
        (dict(share="1 %"), TypeError, "share must be a number, got '1 %'"),
        (dict(batches=[1, 2]), TypeError, "batches must be a callable that is given a generator"),
        (dict(objective=gd.objectives.Saddle()), ValueError, "minimum must be given, since Saddle"),
        (dict(minimum="0"), TypeError, "minimum must be a number"),
        (dict(objective=lambda theta: theta), TypeError, "start must be given"),
    ],
)
def test_a_problem_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        gd.Problem(**{"objective": HILLS, **arguments})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gd.performance_profile([[1, 0]], 2), "cost must be positive, or infinite for a failure, got 0"),
        (lambda: gd.performance_profile([[1, np.nan]], 2), "cost must be non-negative.* got nan"),
        (lambda: gd.performance_profile([1, 2], 2), r"cost must have shape \(rules, problems\), got \(2,\)"),
        (lambda: gd.performance_profile([[1, 2]], 0.5), "tau must be at least 1"),
        (lambda: gd.performance_profile([[1, 2]], [1, np.inf]), "tau must be at least 1 and finite"),
        (lambda: tuning.quantile([1, -2], 0.5), "cost must be non-negative, or infinite for a failure, got -2"),
        (lambda: tuning.quantile([1, 2], 1.5), r"q must be in \[0, 1\], got 1.5"),
        (lambda: tuning.quantile([], 0.5), "cost must hold at least one run"),
    ],
)
def test_costs_refuse(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
