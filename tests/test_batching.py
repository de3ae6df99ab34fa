"""Minibatches: each item once an epoch, in an order that is new each time and the same for a seed."""

from itertools import islice
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
    ],
)
def test_bad_arguments_are_named_at_the_call(change: dict, error: type, message: str) -> None:
    arguments = {"n": 10, "batch_size": 4, "rng": np.random.default_rng(0), "epochs": 1} | change
    with pytest.raises(error, match=message):
        gd.minibatches(**arguments)  # not only when the first minibatch is asked for
