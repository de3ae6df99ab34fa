"""The loop and its record: shapes, batches of runs, divergence, stopping, callbacks, minibatches, messages."""

import dataclasses
import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch

import gdcourse as gd

RULES = {
    name: rule
    for name, rule in vars(gd).items()
    if inspect.isclass(rule) and issubclass(rule, gd.Optimizer) and rule is not gd.Optimizer
}


@dataclasses.dataclass(frozen=True)
class Muon(gd.Muon):
    """Muon that reads the points of the plane as matrices, by itself, so that it can stand in line with the others."""

    shape: tuple[int, int] = dataclasses.field(default=(2, 1), metadata={"hyperparameter": False})


RULES["Muon"] = Muon
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
BOWL = gd.objectives.Quadratic([1.0, 10.0])
HILLS = gd.objectives.Himmelblau()

rng = np.random.default_rng(7)
X = rng.normal(size=(30, 2))
DATA = gd.objectives.LinearRegression(X, X @ [1.0, -2.0] + rng.normal(size=30))


def by_hand(objective: Any, start: Any, rule: Any, steps: int, batches: Any = None) -> np.ndarray:
    """The loop as the rule's docstring has it, for one run."""
    theta = np.array(start, dtype=float)
    path, state = [theta], rule.init(theta)
    for t in range(1, steps + 1):
        now = rule.at(t)
        point = now.lookahead(state, theta)
        grad = objective.grad(point) if batches is None else objective.grad(point, batches[t - 1])
        delta, state = now.update(grad, state, theta)
        theta = theta + delta
        path.append(theta)
    return np.array(path)


# One run.


@each_rule
def test_the_loop_is_the_loop(rule: type) -> None:
    scheduled = rule(lr=gd.schedules.Cosine(0.01, 40, lr_min=0.001))
    run = gd.descend(HILLS, [-0.5, 1.0], scheduled, 30)
    np.testing.assert_array_equal(run.theta, by_hand(HILLS, [-0.5, 1.0], scheduled, 30))


def test_a_run_records_each_point_with_its_loss_and_gradient() -> None:
    rule = gd.Nesterov(0.003)
    run = gd.descend(HILLS, [-0.5, 1.0], rule, 30)
    assert (run.theta.shape, run.loss.shape, run.grad_norm.shape) == ((31, 2), (31,), (31,))
    assert run.steps == 30
    np.testing.assert_array_equal(run.theta[0], [-0.5, 1.0])
    np.testing.assert_allclose(run.loss, HILLS(run.theta), rtol=1e-14)
    # Of θ itself, not of the point of look-ahead.
    np.testing.assert_allclose(run.grad_norm, np.hypot(*HILLS.grad(run.theta).T), rtol=1e-14)
    assert run.diverged is False
    assert run.diverged_at is None
    assert run.optimizer is rule
    assert run.minimum == 0


def test_no_steps_is_the_start() -> None:
    run = gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 0)
    assert (run.steps, run.loss[0]) == (0, 5.5)


def test_the_start_is_left_as_it_was() -> None:
    start = np.array([1.0, 1.0])
    run = gd.descend(BOWL, start, gd.GradientDescent(0.1), 5)
    np.testing.assert_array_equal(start, [1, 1])
    run.theta[0] = 7
    np.testing.assert_array_equal(start, [1, 1])
    np.testing.assert_array_equal(gd.descend(BOWL, [1, 2], gd.GradientDescent(0.25), 1).theta[1], [0.75, -3.0])


def test_an_object_of_ones_own_will_do() -> None:
    class Cone:
        def __call__(self, theta: Any) -> Any:
            return np.sqrt(1 + theta[..., 0] ** 2)

        def grad(self, theta: Any) -> Any:
            return theta / np.sqrt(1 + theta**2)

    run = gd.descend(Cone(), [[3.0], [-1.0]], gd.Momentum(0.1), 300)
    np.testing.assert_allclose(run.theta[-1], 0, atol=1e-3)
    assert run.minimum is None


# Many runs at once. (Equal to the last digits, not bits: in arrays of another shape NumPy may round otherwise.)

TOGETHER = {"rtol": 1e-12, "atol": 1e-13}


def settings(rule: Any) -> dict[str, np.ndarray]:
    """Three settings of every hyperparameter, all different."""
    wide = {"lr": [0.001, 0.01, 0.03], "final_lr": [0.001, 0.003, 0.005], "gamma": [0.01, 0.1, 1.0]}
    wide |= {"eps": [1e-8, 1e-3, 0.1], "weight_decay": [0.0, 0.1, 0.5], "momentum_decay": [0.0, 0.004, 10.0]}
    if rule in (gd.GradientDescent, gd.Momentum, gd.Nesterov):
        wide["lr"] = [0.0003, 0.001, 0.002]
    return {name: np.array(wide.get(name, [0.0, 0.5, 0.9])) for name in rule().hyperparameters()}


@each_rule
def test_a_batch_over_starts_and_settings_is_the_runs_one_by_one(rule: type) -> None:
    starts, grid = np.array([[[-0.5, 1.0]], [[2.0, -3.0]]]), settings(rule)
    together = gd.descend(HILLS, starts, rule(**grid), 40)
    assert together.theta.shape == (41, 2, 3, 2)
    assert together.loss.shape == together.grad_norm.shape == (41, 2, 3)
    assert not together.diverged.any()
    for i, j in np.ndindex(2, 3):
        own = rule(**{name: float(values[j]) for name, values in grid.items()})
        alone = gd.descend(HILLS, starts[i, 0], own, 40)
        np.testing.assert_allclose(together.theta[:, i, j], alone.theta, **TOGETHER)
        np.testing.assert_allclose(together.loss[:, i, j], alone.loss, **TOGETHER)
        np.testing.assert_allclose(together.grad_norm[:, i, j], alone.grad_norm, **TOGETHER)
        assert together[i, j].optimizer == own


@each_rule
def test_one_diverging_run_leaves_the_others_alone(rule: type) -> None:
    # A rate at which θ² overflows in the first step, whatever the rule makes of the gradient.
    rates = np.array([0.01, 1e300, 0.02])
    more = {"final_lr": rates, "gamma": 1.0} if rule is gd.AdaBound else {}
    together = gd.descend(BOWL, [1.0, -2.0], rule(lr=rates, **more), 30)
    np.testing.assert_array_equal(together.diverged, [False, True, False])
    np.testing.assert_array_equal(together.diverged_at, [-1, 1, -1])
    assert together.steps == 30
    for run in (0, 2):
        more = {"final_lr": rates[run], "gamma": 1.0} if rule is gd.AdaBound else {}
        alone = gd.descend(BOWL, [1.0, -2.0], rule(lr=rates[run], **more), 30)
        np.testing.assert_allclose(together.theta[:, run], alone.theta, **TOGETHER)
        np.testing.assert_allclose(together.loss[:, run], alone.loss, **TOGETHER)
        np.testing.assert_allclose(together.grad_norm[:, run], alone.grad_norm, **TOGETHER)
    assert not np.isfinite(together.loss[1, 1])
    for record in (together.theta, together.loss, together.grad_norm):
        assert np.isnan(record[2:, 1]).all()
        assert np.isfinite(record[0, 1]).all()


def test_runs_that_diverge_at_different_steps() -> None:
    rates = np.array([0.1, 2.5, 10.0, 1e5, 0.5])
    together = gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(rates), 400)
    alone = [gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(float(rate)), 400) for rate in rates]
    assert [run.diverged for run in alone] == [False, True, True, True, True]
    np.testing.assert_array_equal(together.diverged_at, [-1, *[run.diverged_at for run in alone[1:]]])
    assert np.all(np.diff(together.diverged_at[[3, 2, 1, 4]]) > 0)
    for i, run in enumerate(alone):
        np.testing.assert_array_equal(together.theta[: run.steps + 1, i], run.theta)
        single = together[i]
        assert (single.diverged, single.diverged_at) == (run.diverged, run.diverged_at)


def test_a_diverging_run_ends_and_says_when() -> None:
    # |1 − 10·0.3| = 2, so ½·10·θ² = 5·4ᵗ: the loss overflows at the first t with 5·4ᵗ ≥ 2¹⁰²⁴, that is t = 511.
    run = gd.descend(gd.objectives.Quadratic([10.0]), [1.0], gd.GradientDescent(0.3), 5000)
    assert run.diverged is True
    assert run.diverged_at == run.steps == 511
    np.testing.assert_array_equal(run.theta[:, 0], (-2.0) ** np.arange(512))
    assert np.isfinite(run.loss[:-1]).all()
    assert not np.isfinite(run.loss[-1])


def test_theta_itself_may_be_what_overflows() -> None:
    flat = gd.objectives.from_function(lambda t: np.zeros(t.shape[:-1]), lambda t: np.full_like(t, -1e308), dim=1)
    run = gd.descend(flat, [0.0], gd.GradientDescent(1.0), 10)
    assert run.diverged_at == 2
    np.testing.assert_array_equal(run.theta[:, 0], [0, 1e308, np.inf])
    pair = gd.descend(flat, [0.0], gd.GradientDescent(np.array([1.0, 1e-308])), 10)
    np.testing.assert_array_equal(pair.diverged_at, [2, -1])
    np.testing.assert_allclose(pair.theta[:, 1, 0], np.arange(11), rtol=1e-14)


def test_a_gradient_that_is_not_a_number_is_divergence_too() -> None:
    trap = gd.objectives.from_function(lambda t: t[..., 0], lambda t: np.where(t < 0.5, np.nan, 1.0), dim=1)
    run = gd.descend(trap, [[1.0], [100.0]], gd.GradientDescent(0.2), 6)
    np.testing.assert_array_equal(run.diverged_at, [4, -1])  # at 0.4 after three steps
    np.testing.assert_allclose(run.theta[:, 1, 0], 100 - 0.2 * np.arange(7))


def test_a_diverged_run_is_not_shown_to_the_objective() -> None:
    def picky(theta: Any) -> Any:
        assert np.isfinite(theta).all()
        return np.sum(theta**2, axis=-1)

    objective = gd.objectives.from_function(picky, lambda t: 2 * t)
    run = gd.descend(objective, [1.0, 1.0], gd.GradientDescent(np.array([0.1, 1e308])), 10)
    np.testing.assert_array_equal(run.diverged, [False, True])


@pytest.mark.parametrize("run", [(1, 2), 1, (slice(None), 0), (0, slice(1, 3)), np.array([[True, False, True]] * 2)])
def test_runs_of_a_batch_by_index(run: Any) -> None:
    lr, beta = np.array([[0.01], [0.02]]), np.array([0.0, 0.5, 0.9])
    starts = np.arange(12.0).reshape(2, 3, 2) / 10
    batch = gd.descend(BOWL, starts, gd.Momentum(lr, beta), 20)
    part = batch[run]
    index = (slice(None), *(run if isinstance(run, tuple) else (run,)))
    for name in ("theta", "loss", "grad_norm"):
        np.testing.assert_array_equal(getattr(part, name), getattr(batch, name)[index])
    assert (part.steps, part.minimum) == (20, 0)
    expected = [np.broadcast_to(values, (2, 3))[index[1:]] for values in (lr, beta)]
    np.testing.assert_array_equal(part.optimizer.lr, expected[0])
    np.testing.assert_array_equal(part.optimizer.beta, expected[1])
    if np.ndim(part.diverged) == 0:
        assert (part.diverged, part.diverged_at) == (False, None)
        assert isinstance(part.optimizer.lr, float)
        again = gd.descend(BOWL, starts[1, 2], part.optimizer, 20)
        np.testing.assert_allclose(part.theta, again.theta, **TOGETHER)
    else:
        np.testing.assert_array_equal(part.diverged_at, np.full(part.loss.shape[1:], -1))


def test_indexing_a_batch_step_by_step_or_at_once_is_the_same() -> None:
    batch = gd.descend(BOWL, np.ones((2, 3, 2)), gd.Adam(np.array([0.1, 0.2, 0.3])), 5)
    np.testing.assert_array_equal(batch[1][2].theta, batch[1, 2].theta)
    assert batch[1][2].optimizer == batch[1, 2].optimizer == gd.Adam(0.3)


def test_a_single_run_cannot_be_indexed() -> None:
    with pytest.raises(TypeError, match="this trajectory holds a single run"):
        gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 3)[0]


# Stopping, and how long it took.


def test_tol_ends_the_run_at_the_first_point_that_is_close() -> None:
    free = gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(0.1), 200)
    stopped = gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(0.1), 200, tol=1e-3)
    first = int(np.argmax(free.grad_norm <= 1e-3))
    assert stopped.steps == first > 0
    np.testing.assert_array_equal(stopped.theta, free.theta[: first + 1])
    assert gd.descend(BOWL, [0.0, 0.0], gd.GradientDescent(0.1), 200, tol=0.0).steps == 0


def test_runs_of_a_batch_stop_one_by_one_and_stand_still() -> None:
    rates = np.array([0.01, 0.05, 0.1])
    batch = gd.descend(BOWL, [1.0, 1.0], gd.Momentum(rates, 0.5), 2000, tol=1e-3)
    alone = [gd.descend(BOWL, [1.0, 1.0], gd.Momentum(float(r), 0.5), 2000, tol=1e-3) for r in rates]
    assert len({run.steps for run in alone}) == 3
    assert batch.steps == max(run.steps for run in alone)
    for i, run in enumerate(alone):
        end = run.steps + 1
        np.testing.assert_array_equal(batch.theta[:end, i], run.theta)
        still = np.broadcast_to(run.theta[-1], (batch.steps - run.steps, 2))
        np.testing.assert_array_equal(batch.theta[end:, i], still)
        np.testing.assert_array_equal(batch.loss[end:, i], run.loss[-1])
    assert not batch.diverged.any()


def test_steps_to_counts_by_gradient_and_by_loss() -> None:
    # θ_t = 2⁻ᵗ: the gradient is 2⁻ᵗ, the loss ½4⁻ᵗ.
    run = gd.descend(gd.objectives.Quadratic([1.0], center=[0.0]), [1.0], gd.GradientDescent(0.5), 20)
    for t in range(21):
        assert run.steps_to(0.5**t) == t
        assert run.steps_to(0.5 * 0.25**t, of="loss") == t
        assert run.steps_to(0.99 * 0.5**t) == (t + 1 if t < 20 else math.inf)
    assert isinstance(run.steps_to(0.1), int)
    assert run.steps_to(0.0) == math.inf
    assert run.steps_to(5.0) == 0


def test_steps_to_is_above_the_minimum_not_above_zero() -> None:
    lifted = gd.objectives.from_function(lambda t: 0.5 * t[..., 0] ** 2 - 7, lambda t: t, dim=1, minima=[[0.0]])
    run = gd.descend(lifted, [1.0], gd.GradientDescent(0.5), 20)
    assert run.minimum == -7
    assert run.steps_to(0.5 * 0.25**3, of="loss") == 3


def test_steps_to_of_a_batch() -> None:
    run = gd.descend(BOWL, [1.0, 0.0], gd.GradientDescent(np.array([0.5, 1e-9, 3.0])), 700)
    np.testing.assert_array_equal(run.diverged, [False, False, True])
    np.testing.assert_array_equal(run.steps_to(0.5**10), [10, np.inf, np.inf])
    np.testing.assert_array_equal(run.steps_to(0.5 * 0.25**10, of="loss"), [10, np.inf, np.inf])


def test_steps_to_names_what_is_wrong() -> None:
    run = gd.descend(gd.objectives.Saddle(), [1.0, 0.0], gd.GradientDescent(0.5), 5)
    with pytest.raises(ValueError, match="of='loss' needs the minimum"):
        run.steps_to(1e-3, of="loss")
    with pytest.raises(ValueError, match="of must be 'grad_norm' or 'loss', got 'theta'"):
        run.steps_to(1e-3, of="theta")
    with pytest.raises(ValueError, match="tol must be non-negative and finite, got -1"):
        run.steps_to(-1)


# Callbacks, progress.


def test_a_callback_sees_each_step() -> None:
    seen: list[gd.Step] = []
    rule = gd.Momentum(0.01)
    run = gd.descend(HILLS, [-0.5, 1.0], rule, 5, callback=seen.append)
    assert [step.t for step in seen] == [1, 2, 3, 4, 5]
    v = np.zeros(2)
    for t, step in enumerate(seen, 1):
        np.testing.assert_array_equal(step.grad, HILLS.grad(run.theta[t - 1]))
        v = 0.9 * v + step.grad
        np.testing.assert_array_equal(step.state.v, v)
        np.testing.assert_array_equal(step.delta, -0.01 * v)
        np.testing.assert_array_equal(step.theta, run.theta[t])
        assert step.loss == run.loss[t]


def test_a_callback_sees_the_gradient_that_the_rule_was_given() -> None:
    seen: list[gd.Step] = []
    run = gd.descend(HILLS, [-0.5, 1.0], gd.Nesterov(0.01, 0.8), 2, callback=seen.append)
    ahead = run.theta[1] + 0.8 * (run.theta[1] - run.theta[0])  # θ − ηβv, with Δθ = −ηv
    np.testing.assert_allclose(seen[1].grad, HILLS.grad(ahead), rtol=1e-12)


@pytest.mark.parametrize("answer", [True, np.True_])
def test_a_callback_that_returns_true_ends_the_run(answer: Any) -> None:
    run = gd.descend(
        BOWL, [1.0, 1.0], gd.GradientDescent(0.01), 50, callback=lambda step: answer if step.t == 7 else None
    )
    assert run.steps == 7
    np.testing.assert_array_equal(run.theta, gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(0.01), 7).theta)


def test_a_callback_that_returns_anything_else_does_not() -> None:
    for answer in (None, False, np.False_, 1, "yes", np.ones(2), np.array([True, True])):
        assert gd.descend(BOWL, np.ones((2, 2)), gd.Adam(), 5, callback=lambda step, a=answer: a).steps == 5


def test_a_callback_may_stop_on_the_loss() -> None:
    run = gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(0.1), 500, callback=lambda step: step.loss < 1e-3)
    assert run.loss[-1] < 1e-3 <= run.loss[-2]


def test_progress_shows_a_bar_and_changes_nothing(capsys: pytest.CaptureFixture) -> None:
    quiet = gd.descend(HILLS, [-0.5, 1.0], gd.Adam(0.1), 20)
    assert capsys.readouterr() == ("", "")
    shown = gd.descend(HILLS, [-0.5, 1.0], gd.Adam(0.1), 20, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Adam: " in err
    assert "20/20" in err
    np.testing.assert_array_equal(shown.theta, quiet.theta)
    assert gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(0.1), 500, tol=1e-2, progress=True).steps < 500


# Minibatches.


@each_rule
def test_each_step_has_the_minibatch_of_its_turn(rule: type) -> None:
    batches = list(gd.minibatches(30, 8, np.random.default_rng(0), epochs=5))
    run = gd.descend(DATA, [0.0, 0.0], rule(lr=0.01), 20, batches=batches)
    np.testing.assert_array_equal(run.theta, by_hand(DATA, [0.0, 0.0], rule(lr=0.01), 20, batches))
    # What is recorded is over all the data.
    np.testing.assert_allclose(run.loss, DATA(run.theta), rtol=1e-13)
    np.testing.assert_allclose(run.grad_norm, np.linalg.norm(DATA.grad(run.theta), axis=-1), rtol=1e-12)


def test_the_run_ends_with_the_minibatches() -> None:
    run = gd.descend(
        DATA, [0.0, 0.0], gd.Adam(), 100, batches=gd.minibatches(30, 8, np.random.default_rng(0), epochs=3)
    )
    assert run.steps == 12
    assert run.diverged is False
    assert (
        gd.descend(DATA, [0.0, 0.0], gd.Adam(), 5, batches=gd.minibatches(30, 8, np.random.default_rng(0))).steps == 5
    )
    assert gd.descend(DATA, [0.0, 0.0], gd.Adam(), 5, batches=[]).steps == 0


def test_no_minibatch_is_taken_that_is_not_used() -> None:
    stream = iter([[0], [1], [2], [3]])
    gd.descend(DATA, [0.0, 0.0], gd.Adam(), 2, batches=stream)
    assert next(stream) == [2]


def test_each_run_of_a_batch_may_have_its_own_minibatches() -> None:
    streams = [list(gd.minibatches(30, 10, np.random.default_rng(seed), epochs=4)) for seed in (1, 2)]
    together = gd.descend(DATA, np.zeros((2, 2)), gd.Adam(0.1), 12, batches=np.stack(streams, axis=1))
    for run, stream in enumerate(streams):
        alone = gd.descend(DATA, [0.0, 0.0], gd.Adam(0.1), 12, batches=stream)
        np.testing.assert_allclose(together.theta[:, run], alone.theta, **TOGETHER)


def test_tol_looks_at_all_the_data() -> None:
    # The first item alone would stop here at once: its own gradient is 0 at the start.
    objective = gd.objectives.LinearRegression([1.0, 1.0], [0.0, 2.0])
    run = gd.descend(objective, [0.0], gd.GradientDescent(0.1), 5, batches=[[0]] * 5, tol=0.5)
    assert run.steps == 5
    np.testing.assert_array_equal(run.grad_norm, np.ones(6))


# Messages.


class Odd:
    """A bowl whose value and gradient are bent by the functions it is given."""

    def __init__(self, value: Any = lambda v: v, grad: Any = lambda g: g) -> None:
        self.bend_value, self.bend_grad = value, grad

    def __call__(self, theta: Any) -> Any:
        return self.bend_value(np.sum(theta**2, axis=-1))

    def grad(self, theta: Any) -> Any:
        return self.bend_grad(2 * theta)


class OnePoint(Odd):
    """A bowl written for a single point."""

    def __call__(self, theta: Any) -> Any:
        return theta[0] ** 2 + theta[1] ** 2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": [1.0, np.nan]}, ValueError, r"start must be finite, got \[1.0, nan\]"),
        ({"start": [1.0, -np.inf]}, ValueError, "start must be finite"),
        ({"start": 1.0}, ValueError, r"start must have shape \(\.\.\., d\) with d > 0, got 1.0"),
        ({"start": []}, ValueError, r"start must have shape \(\.\.\., d\) with d > 0"),
        ({"start": [1.0, 2.0, 3.0]}, ValueError, r"theta must have shape \(\.\.\., 2\) for Quadratic, got \(3,\)"),
        ({"steps": -1}, ValueError, "steps must be at least 0, got -1"),
        ({"steps": 10.0}, TypeError, "steps must be an integer, got 10.0"),
        ({"tol": -1e-3}, ValueError, "tol must be non-negative and finite, got -0.001"),
        ({"tol": np.nan}, ValueError, "tol must be non-negative and finite, got nan"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be a rule such as .*, got 0.1"),
        ({"optimizer": gd.Adam}, TypeError, "optimizer must be a rule such as"),
        ({"objective": lambda theta: 0.0}, TypeError, "objective must be callable and have a method grad"),
        ({"objective": gd.objectives.Himmelblau}, TypeError, "objective must be callable and have a method grad"),
        ({"objective": 3}, TypeError, "objective must be callable and have a method grad, got 3"),
        ({"objective": Odd(value=lambda v: v * np.ones(2))}, ValueError, r"objective must return values of shape \(\)"),
        ({"objective": Odd(grad=lambda g: g[:1])}, ValueError, r"objective.grad must return shape \(2,\).*got \(1,\)"),
        ({"objective": Odd(value=lambda v: v * np.nan)}, ValueError, "objective must be finite at the start"),
        ({"start": [[1.0, 1.0], [1.0]]}, TypeError, "start must be an array of real numbers"),
        ({"start": "ab"}, TypeError, "start must be an array of real numbers, got 'ab'"),
        ({"start": [1j, 0]}, TypeError, "start must be an array of real numbers"),
        ({"start": torch.ones(2, requires_grad=True)}, TypeError, "start must be .*detach"),
        ({"start": np.array([[1, 1], [1, np.nan]])}, ValueError, r"start must be finite, .* at index \(1,\)"),
        ({"start": np.ones((3, 2)), "objective": Odd(value=lambda v: v * [1, 1, np.inf])}, ValueError, r"index \(2,\)"),
        ({"batches": 3}, TypeError, "batches must be an iterable of minibatches, got 3"),
        ({"objective": lambda theta: 0.0}, TypeError, "gd.objectives.from_function"),
        ({"objective": Odd(value=lambda v: None)}, TypeError, r"objective\(theta\) must be .* got None"),
        ({"objective": Odd(grad=lambda g: None)}, TypeError, r"objective.grad\(theta\) must be .* got None"),
        ({"objective": OnePoint(), "start": np.eye(2)}, ValueError, "one for each point"),
        (
            {"start": np.ones((4, 2)), "optimizer": gd.Adam(lr=np.ones(3))},
            ValueError,
            r"start and hyperparameters must broadcast over leading axes, got start \(4,\), lr \(3,\)",
        ),
    ],
)
def test_bad_arguments_are_named_before_the_first_step(change: dict, error: type, message: str) -> None:
    arguments = {"objective": BOWL, "start": [1.0, 1.0], "optimizer": gd.Adam(), "steps": 5} | change
    steps: list[Any] = []
    with pytest.raises(error, match=message):
        gd.descend(**arguments, callback=steps.append)
    assert not steps


def test_a_schedule_that_leaves_its_range_is_named() -> None:
    with pytest.raises(ValueError, match="lr must be non-negative and finite, got -"):
        gd.descend(BOWL, [1.0, 1.0], gd.GradientDescent(lambda k: 0.1 - 0.02 * k), 20)


def test_a_callback_that_cannot_be_called_is_named() -> None:
    with pytest.raises(TypeError, match="callback must be callable, got 3"):
        gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 5, callback=3)


def test_an_objective_that_writes_into_its_point_is_caught() -> None:
    class Writes(Odd):
        def grad(self, theta: Any) -> Any:
            theta *= 2
            return theta

    with pytest.raises(ValueError, match="read-only"):
        gd.descend(Writes(), [1.0, 1.0], gd.GradientDescent(0.1), 5)


def test_a_callback_may_write_into_its_step() -> None:
    def spoil(step: gd.Step) -> None:
        step.theta[...] = 7

    free, run = (gd.descend(BOWL, np.ones((2, 2)), gd.Adam(), 5, callback=c) for c in (None, spoil))
    np.testing.assert_array_equal(run.theta, free.theta)


def test_the_callbacks_own_warnings_are_heard_and_the_loops_are_not() -> None:
    with np.errstate(all="raise"):
        gd.descend(BOWL, np.full(2, 1e-200), gd.GradientDescent(0.1), 5)
        with pytest.raises(FloatingPointError):
            gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 5, callback=lambda step: np.float64(1) / np.float64(0))


def test_none_is_a_minibatch_of_all_the_data() -> None:
    run = gd.descend(DATA, [0.0, 0.0], gd.Adam(), 5, batches=[None] * 3)
    np.testing.assert_array_equal(run.theta, gd.descend(DATA, [0.0, 0.0], gd.Adam(), 3).theta)


@pytest.mark.parametrize("rates", [torch.tensor([0.1, 0.2]), np.array([0.1, 0.2])])
def test_hyperparameters_of_other_arrays_are_kept_as_numpys(rates: Any) -> None:
    runs = gd.descend(BOWL, [1.0, 1.0], gd.Momentum(rates, beta=torch.tensor(0.5)), 3)
    assert runs[1].optimizer == gd.Momentum(float(rates[1]), beta=0.5)


def test_a_trajectory_says_what_it_is() -> None:
    rates = np.array([[0.1] * 3, [0.01] * 3])
    assert repr(gd.descend(BOWL, [1.0, 1.0], gd.Adam(rates), 5)) == "Trajectory(5 steps, 6 runs of Adam, 0 diverged)"
    run = gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 5)
    assert repr(run) == "Trajectory(5 steps of Adam)"
    assert run == run
    assert run != gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 5)
    early = gd.descend(BOWL, [1.0, 1.0], gd.Adam(), 10_000, callback=lambda step: step.t == 2)
    assert early.theta.base is None
