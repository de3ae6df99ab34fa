"""Argument checks shared by the package: each message names the argument, the value and what was expected."""

from typing import Any

import numpy as np


def require_between(name: str, value: Any, low: float, high: float, *, open_high: bool = False) -> None:
    """Raise ``ValueError`` unless every entry of ``value`` lies in [low, high], or [low, high) if ``open_high``.

    Written with operators alone, so that numbers, NumPy arrays and torch tensors are all taken; NaN is refused.
    """
    try:
        inside = (value >= low) & ((value < high) if open_high else (value <= high))
    except TypeError:
        raise TypeError(f"{name} must be a number or an array of numbers, got {value!r}") from None
    if not (inside if isinstance(inside, bool) else bool(inside.all())):
        if high == np.inf:
            expected = "non-negative and finite" if low == 0 else f"at least {low:g} and finite"
        else:
            expected = f"in [{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name} must be {expected}, got {value!r}")


def require_non_negative(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless every entry of ``value`` is finite and at least 0."""
    require_between(name, value, 0, np.inf, open_high=True)


def require_positive(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless every entry of ``value`` is finite and greater than 0."""
    require_non_negative(name, value)
    positive = value > 0
    if not (positive if isinstance(positive, bool) else bool(positive.all())):
        raise ValueError(f"{name} must be greater than 0, got {value!r}")


def require_fraction(name: str, value: Any) -> None:
    """Raise ``ValueError`` unless every entry of ``value`` lies in [0, 1)."""
    require_between(name, value, 0, 1, open_high=True)


def require_number(name: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is one real number: no array, no truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")


def require_inside(name: str, value: Any) -> None:
    """Raise unless ``value`` is one real number in (0, 1)."""
    require_number(name, value)
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie in (0, 1), got {value!r}")


def require_count(name: str, value: Any, low: int = 1) -> None:
    """Raise unless ``value`` is an integer of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}")


def require_generator(name: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is a generator of random numbers."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, such as np.random.default_rng(0), got {value!r}")


def takes_many(f: Any, theta: np.ndarray, values: np.ndarray) -> bool:
    """Whether ``f``, which gave ``values`` at a batch of points ``theta``, gives the first of them for the first alone.

    A function written for one point, ``theta[0]**2 + theta[1]**2``, gives values of the right shape, and wrong ones, if
    it is handed just as many points as a point has coordinates. Only then is ``f`` called again.
    """
    if theta.ndim < 2 or theta.shape[1:] != theta.shape[:-1]:
        return True
    try:
        first = np.asarray(f(theta[:1]))
    except (IndexError, ValueError):
        return False
    return first.shape == values[:1].shape and np.allclose(first, values[:1], rtol=1e-6, equal_nan=True)
