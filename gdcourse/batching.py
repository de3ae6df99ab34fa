"""Streams of minibatch indices, the variance of what they give, and gradients with noise of a known size."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from gdcourse._checks import require_count, require_generator

Array = np.ndarray


def minibatches(
    n: int,
    batch_size: int,
    rng: np.random.Generator,
    epochs: int | None = None,
    *,
    replace: bool = False,
    runs: int | None = None,
) -> Iterator[Array]:
    """Yield the indices of one minibatch after another, reshuffled at the start of every epoch.

    Within an epoch each of the ``n`` items comes exactly once; the last minibatch is smaller where ``batch_size`` does
    not divide ``n``. With ``replace`` there is no such order: every item of every minibatch is drawn by itself, from
    all ``n``, and all minibatches have the same size.

    Parameters
    ----------
    n : int
        Number of items.
    batch_size : int
        Items in a minibatch, from 1 (stochastic gradient descent) to n (the whole batch).
    rng : numpy.random.Generator
        Where the shuffling comes from: ``np.random.default_rng(seed)``.
    epochs : int, optional
        Passes over the data, of ⌈n / batch_size⌉ minibatches each. Without it the stream never ends.
    replace : bool, default False
        Draw with replacement: minibatches independent of each other, in place of shuffled epochs.
    runs : int, optional
        Draw for that many runs at once, each with an order of its own.

    Returns
    -------
    iterator of integer arrays, shape (batch_size,), or (runs, batch_size)

    Raises
    ------
    TypeError, ValueError
        At the call, if an argument is not of its kind or out of range.
    """
    _require(n, batch_size, rng, epochs, replace, runs)
    lead = () if runs is None else (runs,)

    def stream() -> Iterator[Array]:
        items = np.tile(np.arange(n), (*lead, 1))
        for _ in count() if epochs is None else range(epochs):
            if not replace:
                order = rng.permuted(items, axis=-1) if lead else rng.permutation(n)
            for first in range(0, n, batch_size):
                if replace:
                    yield rng.integers(n, size=(*lead, batch_size))
                else:
                    yield order[..., first : first + batch_size]

    return stream()


def _require(n: Any, batch_size: Any, rng: Any, epochs: Any, replace: Any, runs: Any) -> None:
    """Refuse what :func:`minibatches` cannot use, before the first minibatch is asked for."""
    require_count("n", n)
    require_count("batch_size", batch_size)
    if batch_size > n:
        raise ValueError(f"batch_size must be at most n = {n}, got {batch_size}")
    require_generator("rng", rng)
    if epochs is not None:
        require_count("epochs", epochs, low=0)
    if not isinstance(replace, bool):
        raise TypeError(f"replace must be True or False, got {replace!r}")
    if runs is not None:
        require_count("runs", runs)


def gradient_variance(objective: Any, theta: Any) -> Any:
    r"""Return how much the gradients of single items vary: (1/n) Σᵢ ‖∇Lᵢ(θ) − ∇L(θ)‖², the trace of their covariance Σ.

    The mean gradient of B items drawn with replacement is off by 1/B of this in the mean square; without replacement
    by (n − B)/(n − 1) times as much. Divided by ‖∇L‖² it is the noise scale of McCandlish et al., a number of items.

    Parameters
    ----------
    objective : LinearRegression, LogisticRegression, or another mean over items
        With the number of items ``n`` and ``grad(theta, batch)``, where ``batch`` may have leading axes.
    theta : array_like, shape (..., d)

    Returns
    -------
    float, or array of shape (...)

    Raises
    ------
    TypeError
        If the objective is no mean over items.

    References
    ----------
    McCandlish, Kaplan, Amodei & OpenAI Dota Team (2018), *An Empirical Model of Large-Batch Training*.
    """
    if isinstance(objective, type) or not hasattr(objective, "n") or not callable(getattr(objective, "grad", None)):
        raise TypeError(f"objective must be a mean over items, with n and grad(theta, batch), got {objective!r}")
    singles = np.arange(objective.n)[:, None]  # n minibatches of one
    gradients = objective.grad(np.asarray(theta)[..., None, :], singles)
    deviations = gradients - gradients.mean(axis=-2, keepdims=True)
    return np.mean(np.sum(deviations**2, axis=-1), axis=-1)


class AdditiveNoise:
    r"""An objective whose gradient comes with noise of your making: ``grad(theta, noise)`` is ∇L(θ) + noise.

    To :func:`gdcourse.descend` the noise of a step is that step's "minibatch", so that noise of exactly known
    distribution can be studied on any surface:

        noisy = gd.AdditiveNoise(gd.objectives.Himmelblau())
        gd.descend(noisy, start, rule, 100, batches=(rng.normal(0, sigma, 2) for _ in range(100)))

    Value, minima and all else are those of the objective.

    Parameters
    ----------
    objective : Objective
        Anything that can be called with θ of shape (..., d) and has ``grad``.

    Raises
    ------
    TypeError
        If the objective is no such thing.
    """

    def __init__(self, objective: Any) -> None:
        for method in ("__call__", "grad"):
            if isinstance(objective, type) or not callable(getattr(objective, method, None)):
                raise TypeError(f"objective must be callable and have a method grad, got {objective!r}")
        self.objective = objective

    def __call__(self, theta: Any) -> Any:
        """Return the value at ``theta``, free of noise."""
        return self.objective(theta)

    def grad(self, theta: Any, noise: Any = 0.0) -> Array:
        """Return ∇L(θ) + noise, shape (..., d).

        Parameters
        ----------
        theta : array_like, shape (..., d)
        noise : array_like that broadcasts to the shape of θ, default 0

        Raises
        ------
        ValueError
            If the noise does not have the shape of one gradient, or of one for each run.
        """
        exact, noise = np.asarray(self.objective.grad(theta)), np.asarray(noise)
        try:
            return exact + np.broadcast_to(noise, exact.shape)
        except ValueError:
            raise ValueError(f"noise must broadcast to the gradient's shape {exact.shape}, got {noise.shape}") from None

    def __getattr__(self, name: str) -> Any:
        if name == "objective":  # not yet set, while being copied or unpickled
            raise AttributeError(name)
        return getattr(self.objective, name)

    def __repr__(self) -> str:
        return f"AdditiveNoise({self.objective!r})"
