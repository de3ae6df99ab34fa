"""Line searches: how far to go along a given direction; and descent that asks one in every step.

A line search is handed a point θ and a direction p, looks at the objective along that line, φ(η) = L(θ + ηp), and
returns the learning rate η for this one step. Any callable with the arguments of :func:`backtracking` that returns a
:class:`Found` is one::

    found = search(objective, theta, direction, lr=1.0)
    theta = theta + found.lr * direction

θ has shape (..., d), and each point of a batch gets an η of its own. The objective must be the one that the direction
comes from: for the gradient of a minibatch, the loss of that minibatch.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from gdcourse import descent
from gdcourse._checks import require_between, require_count, require_inside, require_number, require_positive
from gdcourse.descent import Trajectory
from gdcourse.optimizers import GradientDescent, Optimizer

Array = np.ndarray


class Found(NamedTuple):
    """What a line search found. But for ``grad``, each field has the shape of θ's leading axes.

    ``lr`` is 0 where there is no step to be found, and infinite where the loss falls along the line without end.
    """

    lr: Any  #: The learning rate η.
    loss: Any  #: L(θ + ηp).
    evaluations: Any  #: How often the search computed L.
    gradients: Any  #: How often it computed ∇L.
    grad: Any = None  # ∇L(θ + ηp), if the search computed it


class _Line:
    """φ(η) = L(θ + ηp) and its slope φ′(η) = ∇L(θ + ηp)ᵀp, with a count of how often each was computed for each run."""

    def __init__(self, objective: Any, theta: Any, direction: Any, lr: Any, loss: Any, grad: Any) -> None:
        self.objective = objective
        self.theta, self.direction = np.asarray(theta, dtype=float), np.asarray(direction, dtype=float)
        if self.theta.ndim == 0 or self.direction.shape != self.theta.shape:
            shapes = f"{self.theta.shape} and {self.direction.shape}"
            raise ValueError(f"theta and direction must have one shape (..., d), got {shapes}")
        self.shape = self.theta.shape[:-1]
        self.evaluations, self.gradients = np.zeros((2, *self.shape), dtype=int)
        self._known_loss = None if loss is None else self._shaped("loss", loss, self.shape)
        require_positive("lr", lr)
        if np.ndim(lr):
            self._shaped("lr", lr, self.shape)
        every, here = np.ones(self.shape, dtype=bool), np.zeros(self.shape)
        if grad is None:
            self.start_slope, self.grad = self.slope(here, every)
        else:
            self.grad = self._shaped("grad", grad, self.theta.shape)
            self.start_slope = np.sum(self.grad * self.direction, axis=-1)
        uphill = self.start_slope > 0
        if uphill.any():
            slope = self.start_slope[uphill].flat[0]
            raise ValueError(f"direction must lead downhill, but the slope ∇L(θ)ᵀp along it is {slope:g}")
        self.descends = self.start_slope < 0
        self.first = np.where(self.descends, lr, 0.0)

    @staticmethod
    def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(value, dtype=float)
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, as theta has it, got {array.shape}")
        return array

    def _point(self, eta: Array) -> Array:
        return np.where(eta[..., None] == 0, self.theta, self.theta + eta[..., None] * self.direction)

    def start_loss(self) -> Array:
        """Return φ(0), computed only if the caller did not know it."""
        if self._known_loss is None:
            self._known_loss = self.value(np.zeros(self.shape), np.ones(self.shape, dtype=bool))
        return self._known_loss

    def value(self, eta: Array, wanted: Array) -> Array:
        """Return φ(η); it counts for the runs that wanted it."""
        self.evaluations += wanted
        return np.asarray(self.objective(self._point(eta)), dtype=float)

    def slope(self, eta: Array, wanted: Array) -> tuple[Array, Array]:
        """Return φ′(η), and the gradient there; it counts for the runs that wanted it."""
        self.gradients += wanted
        grad = np.asarray(self.objective.grad(self._point(eta)), dtype=float)
        return np.sum(grad * self.direction, axis=-1), grad

    def found(self, eta: Array, loss: Array, grad: Array | None = None) -> Found:
        return Found(eta[()], loss[()], self.evaluations[()], self.gradients[()], grad)


def backtracking(
    objective: Any,
    theta: Any,
    direction: Any,
    *,
    lr: Any = 1.0,
    c1: float = 1e-4,
    shrink: float = 0.5,
    loss: Any = None,
    grad: Any = None,
    most: int = 100,
) -> Found:
    r"""Shorten the step until it lowers the loss enough (Armijo's condition of sufficient decrease).

    .. math:: L(\theta + \eta p) \le L(\theta) + c_1\, \eta\, \nabla L(\theta)^\top p, \qquad
              \eta = \eta_0,\ \gamma\,\eta_0,\ \gamma^2\eta_0,\ \dots

    The first η that satisfies it is taken. If ∇L is ℓ-Lipschitz and p = −∇L(θ), every η ≤ 2(1 − c₁)/ℓ satisfies it, and
    so the search ends with η ≥ min(η₀, 2γ(1 − c₁)/ℓ).

    Parameters
    ----------
    objective
        Can be called with θ of shape (..., d), and has ``grad``.
    theta : array_like, shape (..., d)
        The point θ.
    direction : array_like, shape (..., d)
        The direction p. It leads downhill: ∇L(θ)ᵀp < 0, or it is 0.
    lr : float, or array of shape (...), default 1.0
        η₀ > 0, the first step tried.
    c1 : float, default 1e-4
        Share of the drop promised by the slope that has to be delivered, in (0, 1). On a quadratic the condition lets
        pass every step up to 2(1 − c₁) times the exact one.
    shrink : float, default 0.5
        Factor γ by which a step is shortened, in (0, 1).
    loss, grad : array, optional
        L(θ) and ∇L(θ), if they are known; else they are computed, and counted.
    most : int, default 100
        Number of trials before the search gives up.

    Returns
    -------
    Found
        ``lr`` is 0, with the loss at θ, where the slope is 0, or where ``most`` trials were not low enough: near a
        minimum, where rounding hides the difference (the loss must fall in floating point too), or with a wrong
        gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range or of the wrong shape, or the direction leads uphill.

    References
    ----------
    Armijo (1966), *Minimization of functions having Lipschitz continuous first partial derivatives*; Nocedal & Wright
    (2006), Algorithm 3.1.
    """
    require_inside("c1", c1)
    require_inside("shrink", shrink)
    require_count("most", most)
    with np.errstate(all="ignore"):
        line = _Line(objective, theta, direction, lr, loss, grad)
        start = phi = line.start_loss()
        eta, searching = line.first, line.descends
        for _ in range(most):
            if not searching.any():
                break
            phi = line.value(eta, searching)
            limit = start + c1 * eta * line.start_slope
            searching = searching & ~((phi <= limit) & (phi < start))
            eta = np.where(searching, shrink * eta, eta)
    stands = searching | ~line.descends
    eta, phi = np.where(stands, 0.0, eta), np.where(stands, start, phi)
    return line.found(eta, phi)


def exact(
    objective: Any,
    theta: Any,
    direction: Any,
    *,
    lr: Any = 1.0,
    share: float = 1.0,
    tol: float = 1e-12,
    loss: Any = None,
    grad: Any = None,
    most: int = 100,
) -> Found:
    r"""Go to a minimum along the line, where the slope φ′(η) = ∇L(θ + ηp)ᵀp changes its sign from − to +.

    The step is doubled until the slope is no longer negative, and the change of sign is closed in upon by the secant
    through the slopes at both ends (regula falsi; an end that stays twice has its slope halved, which is the Illinois
    rule). On a quadratic with Hessian A the slope is linear, and one secant gives

    .. math:: \eta = \frac{-\nabla L(\theta)^\top p}{p^\top A\, p} .

    Where there are several minima along the line it finds one of them, the nearest if ``lr`` is short enough.

    Parameters
    ----------
    objective, theta, direction, loss, grad
        As in :func:`backtracking`.
    lr : float, or array of shape (...), default 1.0
        The first step at which the slope is looked up, greater than 0.
    share : float, default 1.0
        The share of the way to that minimum that is gone, in (0, 2).
    tol : float, default 1e-12
        The slope counts as 0 once it is at most this times that at θ.
    most : int, default 100
        Number of doublings, and of secants.

    Returns
    -------
    Found
        ``lr`` is 0 where the slope at θ is 0. It is infinite, and the loss NaN, where the slope was still negative
        after ``most`` doublings.

    Raises
    ------
    TypeError, ValueError
        As :func:`backtracking`.

    References
    ----------
    Cauchy (1847), for the step; Raydan & Svaiter (2002), *Relaxed steepest descent and Cauchy-Barzilai-Borwein method*,
    for a share of it; Dowell & Jarratt (1971), *A modified regula falsi method for computing the root of an
    equation*, for the Illinois rule.
    """
    require_number("share", share)
    if not 0 < share < 2:
        raise ValueError(f"share must lie in (0, 2), got {share!r}")
    require_positive("tol", tol)
    require_count("most", most)
    with np.errstate(all="ignore"):
        line = _Line(objective, theta, direction, lr, loss, grad)
        low, at_low = np.zeros(line.shape), line.start_slope
        high, (at_high, at) = line.first, line.slope(line.first, line.descends)
        for _ in range(most):
            falls = line.descends & (at_high < 0)
            if not falls.any():
                break
            low, at_low = np.where(falls, high, low), np.where(falls, at_high, at_low)
            high = np.where(falls, 2 * high, high)
            at_high, at = line.slope(high, falls)
        endless, flat = at_high < 0, tol * np.abs(line.start_slope)
        eta, side = high, np.zeros(line.shape)
        searching = line.descends & ~endless & ~(np.abs(at_high) <= flat)
        for _ in range(most):
            if not searching.any():
                break
            secant = (low * at_high - high * at_low) / (at_high - at_low)
            within = (low < secant) & (secant < high)  # false for NaN, where a slope has overflowed
            eta = np.where(searching, np.where(within, secant, (low + high) / 2), eta)
            at_eta, at = line.slope(eta, searching)
            last, side = side, np.where(at_eta < 0, -1.0, 1.0)
            stale = np.where(side == last, 0.5, 1.0)
            low, high = np.where(side < 0, eta, low), np.where(side > 0, eta, high)
            at_low, at_high = (
                np.where(side < 0, at_eta, stale * at_low),
                np.where(side > 0, at_eta, stale * at_high),
            )
            searching = searching & ~((np.abs(at_eta) <= flat) | (high - low <= 4 * np.spacing(high)))
        eta = share * eta
        phi = line.value(eta, line.descends)
    known = at if share == 1 else None
    return line.found(np.where(endless, np.inf, eta), np.where(endless, np.nan, phi), known)


def wolfe(
    objective: Any,
    theta: Any,
    direction: Any,
    *,
    lr: Any = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    loss: Any = None,
    grad: Any = None,
    most: int = 60,
) -> Found:
    r"""Find a step that is neither too long nor too short: the strong Wolfe conditions.

    .. math:: \varphi(\eta) \le \varphi(0) + c_1\, \eta\, \varphi'(0), \qquad
              \lvert\varphi'(\eta)\rvert \le c_2\, \lvert\varphi'(0)\rvert, \qquad
              \varphi(\eta) = L(\theta + \eta p)

    The first is Armijo's condition. The second asks that the slope along the line has become flatter, and so for a
    change of the gradient y with pᵀy > 0, which is what :func:`gdcourse.bfgs` and :func:`gdcourse.lbfgs` live on.

    The step is doubled until a bracket of acceptable steps is found, between the best step so far and one that is
    higher or beyond a minimum; the bracket is then narrowed at the minimum of the cubic through the values and slopes
    at its ends, or in its middle where that minimum lies within a tenth of an end. Every trial computes L and ∇L.

    Parameters
    ----------
    objective, theta, direction, loss, grad
        As in :func:`backtracking`.
    lr : float, or array of shape (...), default 1.0
        The first step tried, greater than 0.
    c1 : float, default 1e-4
        Share of the drop promised by the slope that has to be delivered, in (0, 1).
    c2 : float, default 0.9
        Share of the slope that may be left, in (c1, 1). 0.1 is usual for conjugate gradients; the smaller, the nearer
        to :func:`exact`.
    most : int, default 60
        Number of trials before the search gives up.

    Returns
    -------
    Found
        With ``grad``. If no trial satisfies both conditions, as happens where rounding hides the differences, ``lr`` is
        the lowest one that satisfies the first, or 0 where there is none, or where the slope at θ is 0. It is infinite,
        and the loss NaN, where L was still falling after ``most`` doublings.

    Raises
    ------
    TypeError, ValueError
        As :func:`backtracking`, or if c2 does not lie in (c1, 1).

    References
    ----------
    Wolfe (1969), *Convergence conditions for ascent methods*; Nocedal & Wright (2006), Algorithms 3.5 and 3.6 (here as
    one loop: their bracketing phase is the one in which the far end of the bracket is infinite) and equation 3.59.
    """
    require_inside("c1", c1)
    require_inside("c2", c2)
    if not c1 < c2:
        raise ValueError(f"c2 must be greater than c1 = {c1!r}, got {c2!r}")
    require_count("most", most)
    with np.errstate(all="ignore"):
        line = _Line(objective, theta, direction, lr, loss, grad)
        start, grad_low = line.start_loss(), line.grad
        low = np.stack([np.zeros(line.shape), start, line.start_slope])  # η, φ and φ′ at the best step so far
        high = np.full((3, *line.shape), np.inf)  # and at the far end of the bracket, which is not yet known
        eta, searching = line.first, line.descends
        for _ in range(most):
            if not searching.any():
                break
            phi, (slope, grad_here) = line.value(eta, searching), line.slope(eta, searching)
            trial = np.stack([eta, phi, slope])
            lower = (phi <= start + c1 * eta * line.start_slope) & (phi < low[1])  # false for NaN
            better, worse = searching & lower, searching & ~lower
            beyond = better & (slope * (high[0] - low[0]) >= 0)  # a minimum lies between the last best step and this
            high = np.where(worse, trial, np.where(beyond, low, high))
            low, grad_low = np.where(better, trial, low), np.where(better[..., None], grad_here, grad_low)
            searching = searching & ~(better & (np.abs(slope) <= -c2 * line.start_slope))
            searching = searching & ~(np.abs(high[0] - low[0]) <= 4 * np.spacing(np.maximum(low[0], high[0])))
            eta = np.where(searching, np.where(np.isinf(high[0]), 2 * low[0], _cubic(low, high)), eta)
        endless = searching & np.isinf(high[0])
    return line.found(np.where(endless, np.inf, low[0]), np.where(endless, np.nan, low[1]), grad_low)


def _cubic(low: Array, high: Array) -> Array:
    """Return where the cubic with these values and slopes at both ends is least; the middle if that is near an end."""
    (a, at_a, slope_a), (b, at_b, slope_b) = low, high
    d1 = slope_a + slope_b - 3 * (at_a - at_b) / (a - b)
    d2 = np.sign(b - a) * np.sqrt(d1**2 - slope_a * slope_b)
    share = 1 - (slope_b + d2 - d1) / (slope_b - slope_a + 2 * d2)
    return np.where((share >= 0.1) & (share <= 0.9), a + share * (b - a), (a + b) / 2)


@dataclass(frozen=True, eq=False, repr=False)
class SearchedTrajectory(Trajectory):
    """The record of :func:`descend`: a trajectory, with what the searches found and what they cost.

    Attributes
    ----------
    lr : array, shape (steps, ...)
        η of each step: ``lr[0]`` led from ``theta[0]`` to ``theta[1]``. 0 where the search found none, and in a batch
        for a run that has stopped.
    evaluations, gradients : integer array, shape (steps + 1, ...)
        How often L and ∇L had been computed when this point was reached, the search's trials included.
    """

    lr: Any = None
    evaluations: Any = None
    gradients: Any = None

    def __getitem__(self, run: Any) -> "SearchedTrajectory":
        """Return some runs of a batch: ``run`` indexes the batch's axes."""
        plain, run = super().__getitem__(run), run if isinstance(run, tuple) else (run,)
        records = {name: getattr(self, name)[(slice(None), *run)] for name in ("lr", "evaluations", "gradients")}
        return SearchedTrajectory(**{f.name: getattr(plain, f.name) for f in fields(plain)}, **records)


def descend(
    objective: Any,
    start: Any,
    search: Callable[..., Found],
    steps: int,
    *,
    rule: Optimizer | None = None,
    lr: float = 1.0,
    grow: float | None = None,
    tol: float | None = None,
) -> SearchedTrajectory:
    r"""Minimise ``objective`` with a line search in every step: the rule says where to, the search how far.

    .. math:: \theta_t = \theta_{t-1} + \eta_t\, p_t, \qquad p_t \text{ the change that the rule proposes,} \qquad
              \eta_t \text{ what the search finds along it}

    Without a rule, p = −∇L(θ): steepest descent. The loop is that of :func:`gdcourse.descend`, and as there ``start``
    may be a batch.

    Parameters
    ----------
    objective
        Anything that can be called with θ of shape (..., d) and has ``grad``.
    start : array_like, shape (..., d)
        Where to begin.
    search : callable
        :func:`backtracking`, :func:`exact`, :func:`wolfe`, or another; with parameters of its own by
        ``functools.partial(backtracking, c1=0.1)``.
    steps : int
        Number of steps at most.
    rule : Optimizer, default ``GradientDescent(lr=1.0)``
        What proposes the direction, from the gradient at θ (a look-ahead is not asked for), each time downhill.
    lr : float, default 1.0
        η₀, the first step that each search tries.
    grow : float, optional
        If given, at least 1: each search after the first begins at ``grow`` times the last η instead of ``lr``.
    tol : float, optional
        A run stops once the norm of its gradient is at most this.

    Returns
    -------
    SearchedTrajectory
        A run ends early where its search finds no step, and has diverged where it finds an infinite one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind or out of range, or the rule proposes a direction uphill.
    """
    if not callable(search):
        raise TypeError(f"search must be a line search such as gd.line_search.backtracking, got {search!r}")
    require_count("steps", steps, low=0)
    require_number("lr", lr)
    require_positive("lr", lr)
    if grow is not None:
        require_number("grow", grow)
        require_between("grow", grow, 1, np.inf, open_high=True)
    rule = GradientDescent(lr=1.0) if rule is None else rule
    begin = descent.descend(objective, start, rule, 0, tol=tol)  # checks the other arguments
    if type(rule).lookahead is not Optimizer.lookahead or any(map(np.ndim, rule.hyperparameters().values())):
        raise ValueError(f"rule must take its gradient at θ and have single numbers for hyperparameters, got {rule!r}")

    theta, loss, norm = begin.theta[0], begin.loss[0], begin.grad_norm[0]
    grad, state, first = np.asarray(objective.grad(theta)), rule.init(theta), np.full(norm.shape, float(lr))
    running, diverged_at = np.ones(norm.shape, dtype=bool), np.full(norm.shape, -1)
    evaluations, gradients = np.ones((2, *norm.shape), dtype=int)
    rates, records = [], [(theta, loss, norm, evaluations, gradients)]
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            running = running & ~(norm <= (0.0 if tol is None else tol))
            if not running.any():
                break
            direction, state = rule.at(t).update(grad, state, theta)
            direction = np.where(running[..., None], direction, 0.0)  # along 0 a search stands still, and tries nothing
            found = search(objective, theta, direction, lr=first, loss=loss, grad=grad)
            theta, loss = theta + np.asarray(found.lr)[..., None] * direction, np.asarray(found.loss)
            grad = np.asarray(objective.grad(theta) if found.grad is None else found.grad)
            norm = np.sqrt(np.sum(grad * grad, axis=-1))
            evaluations = evaluations + found.evaluations
            gradients = gradients + found.gradients + (running if found.grad is None else 0)
            rates.append(found.lr)
            records.append((theta, loss, norm, evaluations, gradients))
            left = running & ~(np.isfinite(theta).all(axis=-1) & np.isfinite(loss))
            diverged_at = np.where(left, t, diverged_at)
            theta = np.where(left[..., None], np.nan, theta)
            running = running & ~left & (found.lr > 0)
            first = np.where(running & (grow is not None), (grow or 0.0) * found.lr, lr)
    diverged = diverged_at >= 0
    single = not norm.shape
    points, losses, norms, *counts = (np.array(record) for record in zip(*records, strict=True))
    return SearchedTrajectory(
        theta=points,
        loss=losses,
        grad_norm=norms,
        diverged=bool(diverged) if single else diverged,
        diverged_at=(int(diverged_at) if diverged else None) if single else diverged_at,
        optimizer=rule,
        minimum=begin.minimum,
        lr=np.array(rates).reshape(-1, *norm.shape),
        evaluations=counts[0],
        gradients=counts[1],
    )
