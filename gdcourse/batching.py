"""Streams of minibatch indices."""

from collections.abc import Iterator

import numpy as np

from gdcourse._checks import require_count


def minibatches(n: int, batch_size: int, rng: np.random.Generator, epochs: int | None = None) -> Iterator[np.ndarray]:
    """Yield the indices of one minibatch after another, reshuffled at the start of every epoch.

    Within an epoch each of the ``n`` items comes exactly once; the last minibatch is smaller where ``batch_size`` does
    not divide ``n``.

    Parameters
    ----------
    n : int
        Number of items.
    batch_size : int
        Items in a minibatch, from 1 (stochastic gradient descent) to n (the whole batch).
    rng : numpy.random.Generator
        Where the shuffling comes from: ``np.random.default_rng(seed)``.
    epochs : int, optional
        Passes over the data. Without it the stream never ends.

    Returns
    -------
    iterator of integer arrays

    Raises
    ------
    TypeError, ValueError
        At the call, if an argument is not of its kind or out of range.
    """
    require_count("n", n)
    require_count("batch_size", batch_size)
    if batch_size > n:
        raise ValueError(f"batch_size must be at most n = {n}, got {batch_size}")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, such as np.random.default_rng(0), got {rng!r}")
    if epochs is not None:
        require_count("epochs", epochs, low=0)
    return _stream(n, batch_size, rng, epochs)


def _stream(n: int, batch_size: int, rng: np.random.Generator, epochs: int | None) -> Iterator[np.ndarray]:
    epoch = 0
    while epochs is None or epoch < epochs:
        order = rng.permutation(n)
        for first in range(0, n, batch_size):
            yield order[first : first + batch_size]
        epoch += 1
