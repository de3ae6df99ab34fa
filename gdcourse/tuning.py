"""Many runs at once: a rule on a problem, over grids of hyperparameters and over seeds, and the profiles of a race."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gdcourse._checks import require_between, require_inside, require_number
from gdcourse.descent import _numbers
from gdcourse.grids import sweep
from gdcourse.optimizers import Optimizer

Array = np.ndarray
Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class Problem:
    r"""An objective, where its runs start, what they are given, and when one is done.

    A run is done at the first step t with

    .. math:: L(\theta_t) - L^\star \le \text{share} \cdot (L(\theta_0) - L^\star),

    L over all the data and without noise, whatever the rule itself was given. On a function with several minima the one
    that counts is the lowest.

    Parameters
    ----------
    objective : Objective
        Anything that :func:`gdcourse.descend` takes.
    start : array_like of shape (d,), or callable, optional
        Where a run starts; a callable is given the seed's generator and returns the point. Default: a point drawn
        evenly from the objective's ``domain``.
    batches : callable, optional
        Is given the seed's generator, after ``start``, and returns the minibatches of one run (or the noise, for
        :class:`gdcourse.AdditiveNoise`): ``lambda rng: gd.minibatches(n, 8, rng)``. Default: exact gradients.
    share : float, default 0.01
        The share of the excess loss that may be left, in (0, 1).
    minimum : float, optional
        The least value L*. Default: the objective's own.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, if one is not of its kind or out of range, or if the minimum is not known.

    References
    ----------
    The criterion is that of Moré & Wild (2009), *Benchmarking derivative-free optimization algorithms*, equation 2.2.
    """

    objective: Any
    start: Any = None
    batches: Callable[[Generator], Iterable[Any]] | None = None
    share: float = 0.01
    minimum: float | None = None

    def __post_init__(self) -> None:
        if self.start is None and not hasattr(self.objective, "domain"):
            raise TypeError(f"start must be given, since {self.objective!r} has no domain to draw it from")
        if self.batches is not None and not callable(self.batches):
            raise TypeError(f"batches must be a callable that is given a generator, got {self.batches!r}")
        require_inside("share", self.share)
        if self.minimum is None:
            object.__setattr__(self, "minimum", getattr(self.objective, "minimum", None))
        if self.minimum is None:
            raise ValueError(f"minimum must be given, since {self.objective!r} does not know it")
        require_number("minimum", self.minimum)

    def run(self, seed: int) -> tuple[Array, Iterable[Any] | None]:
        """Return the start of a seed's run, shape (d,), and its minibatches."""
        rng = np.random.default_rng(seed)
        if self.start is None:
            start = self.draw(rng)
        else:
            start = _numbers("start", self.start(rng) if callable(self.start) else self.start)
        return start, None if self.batches is None else self.batches(rng)

    def draw(self, rng: Generator) -> Array:
        """Return a point drawn evenly from the objective's domain."""
        low, high = np.transpose(self.objective.domain)
        return rng.uniform(low, high)


@dataclass(frozen=True, eq=False, repr=False)
class Tuning:
    """The costs of a rule on a problem: an axis for each hyperparameter of the grid, in its order, and one of seeds.

    Attributes
    ----------
    optimizer : Optimizer
        The rule, with those hyperparameters that are not in the grid.
    grid : dict from str to array
        The values tried of each hyperparameter.
    seeds : tuple of int
    cost : array of floats, shape (..., seeds)
        The steps after which each run was done; infinite where it never was.
    """

    optimizer: Optimizer
    grid: Mapping[str, Array]
    seeds: tuple[int, ...]
    cost: Array

    def __repr__(self) -> str:
        sizes = " x ".join(f"{len(values)} {name}" for name, values in self.grid.items())
        return f"Tuning({type(self.optimizer).__name__}: {sizes}, {len(self.seeds)} seeds)"

    def quantile(self, q: float) -> Array:
        """Return for each setting the steps by which a share ``q`` of the seeds is done."""
        return quantile(self.cost, q)

    @property
    def best_index(self) -> tuple[int, ...]:
        """Where in the grid the median is least; among equals, where the upper quartile is; then the first."""
        median, upper = self.quantile(0.5), self.quantile(0.75)
        upper = np.where(median == median.min(), upper, np.inf)
        candidates = (median == median.min()) & (upper == upper.min())
        return tuple(int(i) for i in np.argwhere(candidates)[0])

    @property
    def best(self) -> Optimizer:
        """The rule at ``best_index``."""
        values = {name: float(values[i]) for (name, values), i in zip(self.grid.items(), self.best_index, strict=True)}
        return replace(self.optimizer, **values)


def tune(
    optimizer: Optimizer,
    problem: Problem,
    steps: int,
    *,
    seeds: Iterable[int],
    progress: bool = False,
    **grid: Any,
) -> Tuning:
    """Run a rule on a problem at every setting of a grid, once for each seed, and count the steps that it needs.

    All runs go side by side in one :func:`gdcourse.sweep`. A seed has the same start and the same
    minibatches at every setting and for every rule, so that differences are those of the rules.

    Parameters
    ----------
    optimizer : Optimizer
        The rule; what it has of the grid's hyperparameters is replaced.
    problem : Problem
    steps : int
        The budget of a run. A run that is not done by then counts as one that never is.
    seeds : iterable of int
        One run each, at every setting.
    progress : bool, default False
        Show a progress bar.
    **grid : array_like, shape (k,)
        The values to try of each hyperparameter, ``lr=[0.01, 0.1]``; of several, all combinations are tried.

    Returns
    -------
    Tuning

    Raises
    ------
    TypeError, ValueError
        Before the first step, naming the argument, if one is not of its kind or out of range.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a rule such as gd.Adam(), got {optimizer!r}")
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a gd.Problem, got {problem!r}")
    names = ", ".join(optimizer.hyperparameters())
    if not grid:
        raise TypeError(f"the grid must be of {names} for {type(optimizer).__name__}, got []")
    run = sweep(
        problem.objective,
        optimizer,
        starts=problem.draw if problem.start is None else problem.start,
        steps=steps,
        seeds=seeds,
        batches=problem.batches,
        record="loss",
        progress=progress,
        **grid,
    )
    assert run.losses is not None
    excess = run.losses - problem.minimum
    done = excess <= problem.share * excess[0]
    cost = np.where(done.any(axis=0), done.argmax(axis=0), np.inf)
    *values, drawn = run.axes.items()
    return Tuning(optimizer, dict(values), tuple(drawn[1].tolist()), cost)


def quantile(cost: Any, q: float, axis: int = -1) -> Array:
    """Return the least cost within which a share of at least ``q`` of the runs is done; infinite if fewer ever are.

    It is one of the costs, never a value between two, so that a failure (an infinite cost) needs no number.

    Parameters
    ----------
    cost : array_like
        Infinite where a run was never done.
    q : float
        In [0, 1]; 0.5 is a median, of an even number of runs the lower one.
    axis : int, default -1
        That of the runs.
    """
    require_number("q", q)
    require_between("q", q, 0, 1)
    ordered = np.sort(_costs(cost), axis=axis)
    runs = ordered.shape[axis] if ordered.ndim else 0
    if not runs:
        raise ValueError(f"cost must hold at least one run, got shape {ordered.shape}")
    # The share may be off by a rounding error: 0.6 of five runs are three.
    return np.take(ordered, max(int(np.ceil(q * runs - 1e-9)), 1) - 1, axis=axis)


def performance_ratios(cost: Any) -> Array:
    r"""Return each rule's cost over that of the best rule on the same problem.

    .. math:: r_{p,s} = \frac{c_{p,s}}{\min_{s'} c_{p,s'}} \ge 1, \qquad r_{p,s} = \infty \text{ if } c_{p,s} = \infty

    Parameters
    ----------
    cost : array_like, shape (rules, problems)
        Positive; infinite where a rule fails.

    Returns
    -------
    array, shape (rules, problems)

    Raises
    ------
    ValueError
        If a cost is not positive, or the shape is another.
    """
    cost = _positive(cost)
    best = cost.min(axis=0)
    never = np.full(cost.shape, np.inf)
    return np.divide(cost, best, out=never, where=np.isfinite(best))


def performance_profile(cost: Any, tau: Any) -> Array:
    r"""Return for each rule the share of problems that it solves within a factor τ of the best rule there.

    .. math:: \rho_s(\tau) = \frac{1}{n_p}\, \bigl|\{p : r_{p,s} \le \tau\}\bigr|

    with the ratios of :func:`performance_ratios`. ρ(1) is the share of problems on which the rule is best (with
    others, where there is a tie), and its limit the share that it solves at all. A problem that nobody solves counts
    for nobody.

    Parameters
    ----------
    cost : array_like, shape (rules, problems)
        Positive; infinite where a rule fails.
    tau : array_like, shape (k,) or ()
        Factors, finite and at least 1.

    Returns
    -------
    array, shape (rules, k) or (rules,)

    Raises
    ------
    ValueError
        If a cost is not positive, or τ not finite and at least 1.

    References
    ----------
    Dolan & Moré (2002), *Benchmarking optimization software with performance profiles*, section 2.
    """
    ratios = performance_ratios(cost)
    tau = _numbers("tau", tau)
    require_between("tau", tau, 1, np.inf, open_high=True)
    within = ratios[(..., *[None] * tau.ndim)] <= tau  # rule, problem, factor
    return within.mean(axis=1)


def _costs(cost: Any) -> Array:
    """Return costs as an array of floats, after a look at their signs."""
    cost = _numbers("cost", cost).astype(float)
    if not np.all(cost >= 0):
        raise ValueError(f"cost must be non-negative, or infinite for a failure, got {cost[~(cost >= 0)][0]:g}")
    return cost


def _positive(cost: Any) -> Array:
    """Return costs of shape (rules, problems), none of which is 0."""
    cost = _costs(cost)
    if cost.ndim != 2 or not cost.size:
        raise ValueError(f"cost must have shape (rules, problems), got {cost.shape}")
    if not np.all(cost > 0):
        raise ValueError("cost must be positive, or infinite for a failure, got 0")
    return cost
