"""Minibatches: each item once an epoch, in an order that is new each time and the same for a seed. And noise."""

import copy
import pickle
from itertools import combinations, islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdcourse as gd


def batches(n: int, size: int, epochs: int | None, seed: int = 0) -> Any:
    return gd.minibatches(n, size, np.random.default_rng(seed), epochs)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(n=st.integers(1, 40), data=st.data(), epochs=st.integers(0, 4), seed=st.integers(0, 99))
def test_each_item_comes_once_an_epoch_and_only_the_last_minibatch_is_smaller(
    n: int, data: st.DataObject, epochs: int, seed: int
) -> None:
    size = data.draw(st.integers(1, n))
    stream = list(batches(n, size, epochs, seed))
    per_epoch = -(-n // size)
    assert len(stream) == epochs * per_epoch
    for epoch in range(epochs):
        part = stream[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert [len(b) for b in part[:-1]] == [size] * (per_epoch - 1)
        assert len(part[-1]) == n - size * (per_epoch - 1)
        assert sorted(np.concatenate(part).tolist()) == list(range(n))


def test_every_epoch_has_an_order_of_its_own() -> None:
    orders = [tuple(b.tolist()) for b in batches(20, 20, 50)]
    assert len(set(orders)) == 50
    assert tuple(range(20)) not in orders
    first = np.array(orders)[:, 0]  # any item may come first
    assert len(set(first.tolist())) > 10


def test_the_seed_decides() -> None:
    one, same, other = ([b.tolist() for b in batches(10, 3, 5, seed)] for seed in (1, 1, 2))
    assert one == same != other


def test_without_epochs_the_stream_never_ends() -> None:
    assert len(list(islice(batches(10, 4, None), 1000))) == 1000
    assert list(batches(10, 4, 0)) == []


def test_indices_pick_items() -> None:
    for batch in batches(5, 2, 1):
        assert isinstance(batch, np.ndarray)
        assert batch.dtype.kind == "i"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"n": 10.0}, TypeError, "n must be an integer, got 10.0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 11}, ValueError, "batch_size must be at most n = 10, got 11"),
        ({"batch_size": "4"}, TypeError, "batch_size must be an integer, got '4'"),
        ({"rng": 0}, TypeError, "rng must be a numpy.random.Generator, .*got 0"),
        ({"rng": np.random}, TypeError, "rng must be a numpy.random.Generator"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
        ({"replace": 1}, TypeError, "replace must be True or False, got 1"),
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"runs": 2.0}, TypeError, "runs must be an integer, got 2.0"),
    ],
)
def test_bad_arguments_are_named_at_the_call(change: dict, error: type, message: str) -> None:
    arguments = {"n": 10, "batch_size": 4, "rng": np.random.default_rng(0), "epochs": 1} | change
    with pytest.raises(error, match=message):
        gd.minibatches(**arguments)  # not only when the first minibatch is asked for


def test_one_stream_is_the_one_that_it_always_was() -> None:
    """The published outputs of a seed rest on it."""
    rng = np.random.default_rng(3)
    expected = [order[k : k + 4].tolist() for order in (rng.permutation(10), rng.permutation(10)) for k in (0, 4, 8)]
    assert [b.tolist() for b in batches(10, 4, 2, seed=3)] == expected


def test_draws_with_replacement_take_nothing_else_from_the_generator() -> None:
    rng = np.random.default_rng(3)
    expected = [rng.integers(10, size=4).tolist() for _ in range(6)]
    stream = gd.minibatches(10, 4, np.random.default_rng(3), 2, replace=True)
    assert [b.tolist() for b in stream] == expected


@settings(derandomize=True, deadline=None, max_examples=50)
@given(n=st.integers(1, 12), data=st.data(), runs=st.integers(1, 5))
def test_each_of_many_runs_sees_each_item_once_an_epoch(n: int, data: st.DataObject, runs: int) -> None:
    size = data.draw(st.integers(1, n))
    stream = list(gd.minibatches(n, size, np.random.default_rng(0), 2, runs=runs))
    per_epoch = -(-n // size)
    assert len(stream) == 2 * per_epoch
    assert [b.shape for b in stream[:-1:per_epoch]] == [(runs, size)] * len(stream[:-1:per_epoch])
    for epoch in (stream[:per_epoch], stream[per_epoch:]):
        assert np.array_equal(np.sort(np.concatenate(epoch, axis=1)), np.tile(np.arange(n), (runs, 1)))


def test_runs_have_orders_of_their_own_new_in_every_epoch() -> None:
    one, other = gd.minibatches(20, 20, np.random.default_rng(0), 2, runs=30)
    assert len({tuple(order) for order in np.concatenate([one, other]).tolist()}) == 60


def test_with_replacement_all_tuples_of_items_are_equally_likely() -> None:
    stream = gd.minibatches(3, 2, np.random.default_rng(0), 1, replace=True, runs=90_000)
    first, second = stream
    assert first.shape == second.shape == (90_000, 2)  # the last minibatch is as large as the others
    tuples = np.concatenate([first, second], axis=1) @ 3 ** np.arange(4)
    seen = np.bincount(tuples, minlength=81)
    expected = 90_000 / 81
    assert np.abs(seen - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize(("epochs", "length"), [(0, 0), (1, 3), (4, 12)])
def test_an_epoch_with_replacement_is_as_long_as_one_without(epochs: int, length: int) -> None:
    stream = list(gd.minibatches(10, 4, np.random.default_rng(0), epochs, replace=True))
    assert [b.shape for b in stream] == [(4,)] * length


def test_a_stream_of_many_runs_drives_that_many_runs() -> None:
    rng = np.random.default_rng(0)
    objective = gd.objectives.LinearRegression(rng.normal(size=(12, 2)), rng.normal(size=12))
    rule = gd.GradientDescent(lr=0.1)
    stream = list(gd.minibatches(12, 5, np.random.default_rng(1), 3, runs=4))
    together = gd.descend(objective, np.zeros((4, 2)), rule, steps=9, batches=stream)
    for k in range(4):
        alone = gd.descend(objective, np.zeros(2), rule, steps=9, batches=[b[k] for b in stream])
        assert np.allclose(together.theta[:, k], alone.theta, rtol=0, atol=1e-14)
    assert len({tuple(end) for end in together.theta[-1].round(6).tolist()}) == 4


# The variance of the gradient


X = np.random.default_rng(5).normal(size=(8, 3)) + 0.5
LINE, CLASS = np.random.default_rng(6).normal(size=8), np.array([0, 1, 1, 0, 1, 0, 0, 1])
THETA = np.array([[0.3, -0.2, 0.8], [0.0, 0.0, 0.0]])


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(
    ("objective", "residuals"),
    [
        (gd.objectives.LinearRegression(X, LINE), lambda z: z - LINE),
        (gd.objectives.LogisticRegression(X, CLASS), lambda z: sigmoid(z) - CLASS),
    ],
)
def test_the_gradient_variance_is_the_trace_of_the_items_covariance(objective: Any, residuals: Any) -> None:
    expected = [np.trace(np.cov(residuals(X @ theta)[:, None] * X, rowvar=False, bias=True)) for theta in THETA]
    assert np.allclose(gd.gradient_variance(objective, THETA), expected, rtol=1e-12)
    assert np.allclose(
        gd.gradient_variance(objective, THETA[None, :, None]), np.reshape(expected, (1, 2, 1)), rtol=1e-12
    )
    assert gd.gradient_variance(objective, THETA[0].tolist()).shape == ()


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_all_minibatches_have_the_variance_of_the_formula(size: int) -> None:
    objective = gd.objectives.LogisticRegression(X, CLASS)
    off = objective.grad(THETA[0], np.array(list(combinations(range(8), size)))) - objective.grad(THETA[0])
    assert np.allclose(off.mean(axis=0), 0, atol=1e-15)
    formula = gd.gradient_variance(objective, THETA[0]) / size * (8 - size) / 7
    assert np.isclose(np.sum(off**2, axis=1).mean(), formula, rtol=1e-12, atol=1e-28)


@pytest.mark.parametrize("objective", [gd.objectives.Himmelblau(), gd.objectives.LinearRegression, None])
def test_what_is_no_mean_over_items_has_no_gradient_variance(objective: Any) -> None:
    with pytest.raises(TypeError, match="objective must be a mean over items, with n and grad"):
        gd.gradient_variance(objective, [0.0, 0.0])


# Additive noise


def test_the_noise_is_added_to_the_gradient_and_to_nothing_else() -> None:
    himmelblau = gd.objectives.Himmelblau()
    noisy = gd.AdditiveNoise(himmelblau)
    theta = np.array([[0.3, -0.7], [1.0, 2.0], [4.0, 0.0]])
    noise = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]])
    assert np.array_equal(noisy.grad(theta, noise), himmelblau.grad(theta) + noise)
    assert np.array_equal(noisy.grad(theta, noise[0]), himmelblau.grad(theta) + noise[0])
    assert np.array_equal(noisy.grad(theta), himmelblau.grad(theta))
    assert np.array_equal(noisy(theta), himmelblau(theta))
    assert noisy.minima is himmelblau.minima
    assert (noisy.minimum, noisy.dim, noisy.name) == (himmelblau.minimum, 2, "Himmelblau")
    assert repr(noisy) == "AdditiveNoise(Himmelblau())"


def test_the_records_of_a_noisy_run_are_exact() -> None:
    bowl = gd.objectives.Quadratic([1.0, 3.0])
    noise = np.random.default_rng(0).normal(size=(20, 2))
    run = gd.descend(gd.AdditiveNoise(bowl), [1.0, 1.0], gd.GradientDescent(lr=0.1), 20, batches=noise)
    theta = np.array([1.0, 1.0])
    for k in range(20):
        theta = theta - 0.1 * (np.array([1.0, 3.0]) * theta + noise[k])
        assert np.allclose(run.theta[k + 1], theta, rtol=0, atol=1e-14)
    assert np.array_equal(run.loss, bowl(run.theta))
    assert np.allclose(run.grad_norm, np.linalg.norm(bowl.grad(run.theta), axis=-1), rtol=1e-14)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 1, 2)])
def test_noise_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    noisy = gd.AdditiveNoise(gd.objectives.Himmelblau())
    with pytest.raises(ValueError, match=r"noise must broadcast to the gradient's shape \(2,\), got \("):
        noisy.grad([0.0, 0.0], np.zeros(shape))


@pytest.mark.parametrize("objective", [gd.objectives.Himmelblau, lambda theta: theta, 3.0])
def test_what_has_no_gradient_gets_no_noise(objective: Any) -> None:
    with pytest.raises(TypeError, match="objective must be callable and have a method grad, got"):
        gd.AdditiveNoise(objective)


def test_it_can_be_copied_and_misses_what_its_objective_misses() -> None:
    noisy = gd.AdditiveNoise(gd.objectives.Quadratic([2.0]))
    for other in (copy.deepcopy(noisy), pickle.loads(pickle.dumps(noisy))):
        assert other([3.0]) == 9.0
    with pytest.raises(AttributeError, match="no_such_thing"):
        noisy.no_such_thing  # noqa: B018
