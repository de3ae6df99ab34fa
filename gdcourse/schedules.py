"""Learning-rate schedules: the rate as a function of the step.

A schedule is a callable: ``schedule(k)`` is the learning rate after ``k`` steps have been taken, so the first step uses
``schedule(0)`` (in the book's notation, where steps count from 1, η_t = schedule(t − 1)). torch and optax count so
too. ``k`` may be an array or a list, which draws a whole schedule at once. Pass one as ``lr``::

    gd.Adam(lr=gd.schedules.Cosine(lr=0.1, steps=500))

A function of one's own is as good a schedule as any of these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gdcourse._checks import require_count, require_fraction, require_non_negative, require_number, require_positive

Step = Any  # an integer or an array of integers


def _array_if_many(k: Step) -> Step:
    return np.asarray(k) if np.ndim(k) else k


@dataclass(frozen=True)
class Constant:
    """The same rate at every step: η(k) = ``lr``."""

    lr: float

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)

    def __call__(self, k: Step) -> Any:
        return self.lr + 0.0 * _array_if_many(k)


@dataclass(frozen=True)
class Piecewise:
    """A rate for each stretch of steps: η(k) = ``values[i]`` for ``boundaries[i-1]`` ≤ k < ``boundaries[i]``.

    Parameters
    ----------
    boundaries : sequence of int
        Increasing steps at which the rate changes.
    values : sequence of float
        The rates, one more than there are boundaries.
    """

    boundaries: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values must hold one rate more than there are boundaries ({len(self.boundaries) + 1}), "
                f"got {len(self.values)}"
            )
        if np.isnan(self.boundaries).any() or np.any(np.diff(self.boundaries) <= 0):
            raise ValueError(f"boundaries must increase, got {self.boundaries!r}")
        require_non_negative("values", np.asarray(self.values))

    def __call__(self, k: Step) -> Any:
        rate = np.asarray(self.values, dtype=float)[np.searchsorted(self.boundaries, k, side="right")]
        return rate if np.ndim(k) else float(rate)


@dataclass(frozen=True)
class Exponential:
    """A constant share is kept at each step: η(k) = ``lr`` · ``gamma``ᵏ, as torch's ``ExponentialLR``.

    The form η₀ e^(−λk) is the same with gamma = e^(−λ).
    """

    lr: float
    gamma: float

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)
        require_number("gamma", self.gamma)
        require_positive("gamma", self.gamma)

    def __call__(self, k: Step) -> Any:
        return self.lr * self.gamma ** _array_if_many(k)


@dataclass(frozen=True)
class InverseTime:
    """η(k) = ``lr`` / (1 + ``decay`` · k): with decay > 0 it meets the Robbins–Monro conditions Ση = ∞, Ση² < ∞."""

    lr: float
    decay: float

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)
        require_number("decay", self.decay)
        require_non_negative("decay", self.decay)

    def __call__(self, k: Step) -> Any:
        return self.lr / (1 + self.decay * _array_if_many(k))


@dataclass(frozen=True)
class StepDecay:
    """Cut by the factor ``gamma`` every ``every`` steps: η(k) = ``lr`` · gamma^⌊k/every⌋, as torch's ``StepLR``."""

    lr: float
    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)
        require_count("every", self.every)
        require_number("gamma", self.gamma)
        require_positive("gamma", self.gamma)

    def __call__(self, k: Step) -> Any:
        return self.lr * self.gamma ** (_array_if_many(k) // self.every)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from ``lr`` down to ``lr_min`` in ``steps`` steps, then ``lr_min``.

    η(k) = lr_min + ½(lr − lr_min)(1 + cos(πk/steps)), as torch's ``CosineAnnealingLR`` up to k = steps (after which
    torch's climbs again).

    References
    ----------
    Loshchilov & Hutter (2017), *SGDR*, equation 5.
    """

    lr: float
    steps: int
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)
        require_count("steps", self.steps)
        require_number("lr_min", self.lr_min)
        require_non_negative("lr_min", self.lr_min)

    def __call__(self, k: Step) -> Any:
        share = np.minimum(k, self.steps) / self.steps
        rate = self.lr_min + 0.5 * (self.lr - self.lr_min) * (1 + np.cos(np.pi * share))
        return rate if np.ndim(k) else float(rate)


@dataclass(frozen=True)
class CosineRestarts:
    """Cosine that jumps back to ``lr`` at the end of each period, as torch's ``CosineAnnealingWarmRestarts``.

    The first period lasts ``period`` steps, each next one ``growth`` times as many.

    References
    ----------
    Loshchilov & Hutter (2017), *SGDR*, equation 5 (their T₀ and T_mult).
    """

    lr: float
    period: int
    growth: int = 1
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        require_number("lr", self.lr)
        require_non_negative("lr", self.lr)
        require_count("period", self.period)
        require_count("growth", self.growth)
        require_number("lr_min", self.lr_min)
        require_non_negative("lr_min", self.lr_min)

    def __call__(self, k: Step) -> Any:
        steps = np.asarray(k)
        start, length = np.zeros_like(steps), np.full_like(steps, self.period)
        if self.growth == 1:
            start = steps - steps % self.period
        while np.any(steps >= start + length):  # few turns: the periods grow
            over = steps >= start + length
            start = np.where(over, start + length, start)
            length = np.where(over, length * self.growth, length)
        rate = self.lr_min + 0.5 * (self.lr - self.lr_min) * (1 + np.cos(np.pi * (steps - start) / length))
        return rate if np.ndim(k) else float(rate)


@dataclass(frozen=True)
class WarmUp:
    """Climb in a straight line for ``steps`` steps, then follow another schedule.

    η(k) = (start + (1 − start) · k/steps) · schedule(0) for k < steps, and schedule(k − steps) from there on: torch's
    ``SequentialLR`` of a ``LinearLR`` with ``start_factor=start`` and the other scheduler.

    Parameters
    ----------
    schedule : callable or float
        What follows the climb. To be drawn at an array of steps it must take arrays itself.
    steps : int
        Length of the climb.
    start : float, default 0
        Where it begins, as a share in [0, 1) of the schedule's first rate.
    """

    schedule: Callable[[Step], Any] | float
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            object.__setattr__(self, "schedule", Constant(self.schedule))
        require_count("steps", self.steps)
        require_number("start", self.start)
        require_fraction("start", self.start)

    def __call__(self, k: Step) -> Any:
        assert callable(self.schedule)
        k = _array_if_many(k)
        climb = (self.start + (1 - self.start) * np.minimum(k, self.steps) / self.steps) * self.schedule(0)
        if not np.ndim(k):
            return float(climb if k < self.steps else self.schedule(k - self.steps))
        return np.where(k < self.steps, climb, self.schedule(np.maximum(k - self.steps, 0)))
