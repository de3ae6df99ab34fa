"""Classes of points in the plane, made from a seed."""

from typing import Any

import numpy as np

from gdcourse._checks import require_count, require_generator, require_non_negative, require_number


def two_moons(n: int, rng: np.random.Generator, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    r"""Draw two interleaved half circles, which no straight line separates.

    With t uniform on [0, π], class 0 lies at (cos t, sin t) and class 1 at (1 − cos t, ½ − sin t), both with normal
    noise in each coordinate.

    Parameters
    ----------
    n : int
        Number of points, at least 2; half of each class (one more of class 0 if n is odd), in random order.
    rng : numpy.random.Generator
        Where they come from: ``np.random.default_rng(seed)``.
    noise : float, default 0.1
        Standard deviation of the noise, at least 0.

    Returns
    -------
    X : array, shape (n, 2)
    y : array of integers, shape (n,)
        Classes 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind or out of range.
    """
    require_count("n", n, low=2)
    require_generator("rng", rng)
    require_number("noise", noise)
    require_non_negative("noise", noise)
    y = rng.permutation(np.arange(n) % 2)
    t = rng.uniform(0, np.pi, n)
    upper = np.column_stack([np.cos(t), np.sin(t)])
    lower = np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    return np.where(y[:, None] == 0, upper, lower) + rng.normal(0, noise, (n, 2)), y


def blobs(
    n: int, rng: np.random.Generator, centres: Any = ((-1.5, 0.0), (1.5, 0.0)), spread: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a round normal cloud about each of several centres.

    Parameters
    ----------
    n : int
        Number of points, at least one for each centre; the classes are equally large, to within one point, and in
        random order.
    rng : numpy.random.Generator
        Where they come from: ``np.random.default_rng(seed)``.
    centres : array_like, shape (K, p), default two centres 3 apart
    spread : float, default 1.0
        Standard deviation of each coordinate about its centre, at least 0.

    Returns
    -------
    X : array, shape (n, p)
    y : array of integers, shape (n,)
        Classes 0, …, K − 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind or out of range.
    """
    centres = np.asarray(centres, dtype=float)
    if centres.ndim != 2 or not centres.size or not np.isfinite(centres).all():
        raise ValueError(f"centres must be finite and have shape (K, p), got {centres.tolist()}")
    require_count("n", n, low=len(centres))
    require_generator("rng", rng)
    require_number("spread", spread)
    require_non_negative("spread", spread)
    y = rng.permutation(np.arange(n) % len(centres))
    return centres[y] + rng.normal(0, spread, (n, centres.shape[1])), y
