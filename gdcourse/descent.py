"""The one loop of the course: an objective, a start and a rule in, a trajectory out."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from gdcourse._checks import require_count, require_non_negative, takes_many
from gdcourse.modern import Muon
from gdcourse.optimizers import Optimizer

Array = np.ndarray

_END = object()  # of the minibatches: None may be one, and means all the data to the objectives here


class Step(NamedTuple):
    """What a callback of :func:`descend` is given after step ``t`` = 1, 2, …."""

    t: int
    theta: Array  #: After the step.
    grad: Array  #: The gradient that the step used.
    delta: Array  #: The change of θ.
    state: Any  #: The rule's state after the step.
    loss: Any  #: At ``theta``.


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """The record of one run of :func:`descend` or of a search, or of a batch of runs.

    A batch puts its axes after the first: ``theta[k, i]`` is the point of run i after k steps, and ``trajectory[i]`` is
    run i by itself.

    Attributes
    ----------
    theta : array, shape (steps + 1, ..., d)
        The points, start included. NaN after a run has diverged.
    loss : array, shape (steps + 1, ...)
        L at each of them, over all the data.
    grad_norm : array, shape (steps + 1, ...)
        Euclidean norm of ∇L at each of them, over all the data (whatever the rule itself was given). NaN throughout if
        the search takes no gradients.
    diverged : bool, or boolean array of the batch's shape
        Whether the run left the finite numbers.
    diverged_at : int or None, or integer array
        The first step after which θ or L was not finite; None (in a batch −1) where there was none.
    optimizer : Optimizer or None
        The rule, its hyperparameters plain numbers, schedules or NumPy arrays; None after a search.
    minimum : float or None
        The objective's least value, where it says it.
    """

    theta: Array
    loss: Array
    grad_norm: Array
    diverged: Any
    diverged_at: Any
    optimizer: Any = None
    minimum: float | None = None

    def __repr__(self) -> str:
        rule = f" of {type(self.optimizer).__name__}" if self.optimizer is not None else ""
        if self.loss.ndim > 1:
            runs, gone = np.size(self.diverged), np.count_nonzero(self.diverged)
            return f"Trajectory({self.steps} steps, {runs} runs{rule}, {gone} diverged)"
        return f"Trajectory({self.steps} steps{rule}{', diverged' if self.diverged else ''})"

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return len(self.theta) - 1

    def steps_to(self, tol: float, of: str = "grad_norm") -> Any:
        """Return the first step by which the run is within ``tol``, infinity if it never is.

        Parameters
        ----------
        tol : float
            How close.
        of : {"grad_norm", "loss"}
            Of what: the norm of the gradient (as the ``tol`` of :func:`descend`), or the loss above ``minimum``.

        Returns
        -------
        int or inf; for a batch an array of floats

        Raises
        ------
        ValueError
            If ``tol`` is negative, or the run has not recorded what ``of`` asks about.
        """
        require_non_negative("tol", tol)
        if of == "grad_norm":
            taken = ~np.isnan(self.grad_norm)
            if taken.size and not taken.any() and not np.any(self.diverged):
                raise ValueError("of='grad_norm' needs gradients, which this search has not taken; use of='loss'")
            close = self.grad_norm <= tol
        elif of == "loss":
            if self.minimum is None:
                raise ValueError("of='loss' needs the minimum, which the objective does not know; use of='grad_norm'")
            close = self.loss - self.minimum <= tol
        else:
            raise ValueError(f"of must be 'grad_norm' or 'loss', got {of!r}")
        first = np.where(close.any(axis=0), close.argmax(axis=0), np.inf)
        if first.ndim:
            return first
        return int(first) if first < np.inf else math.inf

    def __getitem__(self, run: Any) -> "Trajectory":
        """Return some runs of a batch: ``run`` indexes the batch's axes."""
        batch = self.loss.shape[1:]
        if not batch:
            raise TypeError("this trajectory holds a single run; index its .theta or .loss for a step")
        run = run if isinstance(run, tuple) else (run,)
        diverged, at = self.diverged[run], self.diverged_at[run]
        single = np.ndim(at) == 0
        optimizer = self.optimizer
        if optimizer is not None:
            arrays = {n: a for n, a in optimizer.hyperparameters().items() if isinstance(a, np.ndarray)}
            arrays = {name: np.broadcast_to(a, batch)[run] for name, a in arrays.items()}
            optimizer = replace(optimizer, **{name: float(a) if a.ndim == 0 else a for name, a in arrays.items()})
        return Trajectory(
            theta=self.theta[(slice(None), *run)],
            loss=self.loss[(slice(None), *run)],
            grad_norm=self.grad_norm[(slice(None), *run)],
            diverged=bool(diverged) if single else diverged,
            diverged_at=(int(at) if at >= 0 else None) if single else at,
            optimizer=optimizer,
            minimum=self.minimum,
        )


def descend(
    objective: Any,
    start: Any,
    optimizer: Optimizer,
    steps: int,
    *,
    batches: Iterable[Any] | None = None,
    tol: float | None = None,
    callback: Callable[[Step], Any] | None = None,
    progress: bool = False,
) -> Trajectory:
    """Minimise ``objective`` from ``start`` with the rule ``optimizer``.

    Start and hyperparameters may be arrays over leading axes: all their combinations, by NumPy's broadcasting, then run
    at once. ``lr=np.array([0.1, 0.2])`` with a start of shape (2,) makes two runs; a start of shape (5, 1, 2) makes it
    ten. No run touches another: one that diverges or converges stands still while the others go on.

    Divergence is a result, not an error: a run ends at the first θ or L that is not finite, and the trajectory says
    when.

    Parameters
    ----------
    objective
        Anything that can be called with θ of shape (..., d) and has ``grad``. With ``batches``, ``grad`` is also called
        as ``grad(theta, batch)``. The θ that it is given cannot be written to.
    start : array_like, shape (..., d)
        Where to begin.
    optimizer : Optimizer
        The rule.
    steps : int
        Number of steps.
    batches : iterable, optional
        One minibatch of indices for each step, such as :func:`gdcourse.minibatches`; the run ends early when it does.
    tol : float, optional
        A run stops once the norm of its (full) gradient is at most this.
    callback : callable, optional
        Called with a :class:`Step` after each step; the loop ends if it returns True.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    Trajectory
        With as many points as steps were taken, plus one.

    Raises
    ------
    TypeError, ValueError
        Before the first step, naming the argument, if one is not of its kind or out of range: a start that is not
        finite, a shape that does not fit.
    """
    for method in ("__call__", "grad"):
        if isinstance(objective, type) or not callable(getattr(objective, method, None)):
            hint = "; gd.objectives.from_function makes one of a plain function" if callable(objective) else ""
            raise TypeError(f"objective must be callable and have a method grad, got {objective!r}{hint}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a rule such as gd.Adam(lr=0.01), got {optimizer!r}")
    if isinstance(optimizer, Muon) and optimizer.shape is None:  # it would take a batch of points for a matrix
        raise ValueError(
            f"optimizer must be told how to read theta, a vector, as a matrix: shape=(m, n), got {optimizer!r}"
        )
    require_count("steps", steps, low=0)
    if tol is not None:
        require_non_negative("tol", tol)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    if batches is not None and not np.iterable(batches):
        raise TypeError(f"batches must be an iterable of minibatches, got {batches!r}")
    optimizer = _in_numpy(optimizer)
    theta, rule = _align(start, optimizer)
    batch_shape = theta.shape[:-1]
    stream = iter(batches) if batches is not None else None

    thetas = np.full((steps + 1, *theta.shape), np.nan)
    losses, norms = np.full((2, steps + 1, *batch_shape), np.nan)
    diverged_at = np.full(batch_shape, -1)
    running = np.ones(batch_shape, dtype=bool)
    state = rule.init(theta)

    ticks: Iterable[int] = range(1, steps + 1)
    if progress:
        from tqdm.auto import tqdm

        ticks = tqdm(ticks, desc=type(optimizer).__name__, unit="step")

    callers = np.geterr()  # whose warnings are the callback's
    with np.errstate(all="ignore"):
        loss, full_grad = _first_values(objective, theta)
        thetas[0], losses[0], norms[0] = theta, loss, _norm(full_grad)
        taken = 0
        for t in ticks:
            if tol is not None:
                running = running & ~(norms[t - 1] <= tol)
            if not running.any():
                break
            now = rule.at(t)
            point = _sealed(now.lookahead(state, theta))
            if stream is not None:
                items = next(stream, _END)
                if items is _END:
                    break
                grad = np.asarray(objective.grad(point, items))
            else:
                grad = full_grad if point is theta else np.asarray(objective.grad(point))
            delta, state = now.update(grad, state, theta)
            moved = theta + delta
            goes_on = running & np.isfinite(moved).all(axis=-1)
            whole = goes_on.all()
            # A run that stands still or has left the numbers is evaluated where it was, so that nothing else sees it.
            theta = _sealed(moved if whole else np.where(goes_on[..., None], moved, theta))
            loss, full_grad = np.asarray(objective(theta)), np.asarray(objective.grad(theta))
            thetas[t], losses[t], norms[t] = theta, loss, _norm(full_grad)
            if not whole:
                alive, gone = diverged_at < 0, running & ~goes_on
                thetas[t] = np.where(alive[..., None], np.where(gone[..., None], moved, theta), np.nan)
                losses[t] = np.where(alive & ~gone, loss, np.nan)
                norms[t] = np.where(alive & ~gone, norms[t], np.nan)
            goes_on = goes_on & np.isfinite(loss)
            if not goes_on.all():
                diverged_at = np.where(running & ~goes_on, t, diverged_at)
            running = goes_on
            taken = t
            if callback is not None:
                with np.errstate(**callers):
                    stop = callback(Step(t, thetas[t].copy(), grad, delta, state, losses[t].copy()))
                if isinstance(stop, (bool, np.bool_)) and stop:  # NumPy's True too: ``lambda step: step.loss < 1e-3``
                    break

    if taken < steps:  # copies, so that the steps not taken cost no memory
        thetas, losses, norms = (record[: taken + 1].copy() for record in (thetas, losses, norms))
    diverged = diverged_at >= 0
    single = not batch_shape
    return Trajectory(
        theta=thetas,
        loss=losses,
        grad_norm=norms,
        diverged=bool(diverged) if single else diverged,
        diverged_at=(int(diverged_at) if diverged else None) if single else diverged_at,
        optimizer=optimizer,
        minimum=getattr(objective, "minimum", None),
    )


def _norm(grad: Array) -> Array:
    return np.sqrt((grad * grad).sum(axis=-1))


def _sealed(theta: Array) -> Array:
    """Make an array read-only: an objective that writes into its argument is an error at once, not a wrong path."""
    theta.flags.writeable = False
    return theta


def _numbers(name: str, value: Any) -> Array:
    """Return ``value`` as an array of real numbers, or say that it is none."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged; a torch tensor that requires grad
        raise TypeError(f"{name} must be an array of real numbers, got {value!r}: {error}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got {value!r}")
    return array


def _start(start: Any) -> Array:
    """Return the start as an array of floats of shape (..., d), or say what is wrong with it."""
    theta = _numbers("start", start).astype(float)
    if theta.ndim == 0 or theta.shape[-1] == 0:
        raise ValueError(f"start must have shape (..., d) with d > 0, got {start!r}")
    bad = ~np.isfinite(theta).all(axis=-1)
    if bad.any():
        raise ValueError(f"start must be finite, got {theta[bad][0].tolist() if bad.ndim else start!r}{_where(bad)}")
    return theta


def _where(bad: Array) -> str:
    """Say which run of a batch is the first bad one."""
    return f" at index {tuple(int(i) for i in np.argwhere(bad)[0])}" if bad.ndim else ""


def _first_values(objective: Any, theta: Array) -> tuple[Array, Array]:
    """Return value and gradient at the start, after a look at their kind and shape."""
    loss = _numbers("objective(theta)", objective(theta))
    full_grad = _numbers("objective.grad(theta)", objective.grad(theta))
    if loss.shape != theta.shape[:-1]:
        raise ValueError(f"objective must return values of shape {theta.shape[:-1]} at the start, got {loss.shape}")
    if not takes_many(objective, theta, loss):
        raise ValueError(
            f"objective must return values of shape {theta.shape[:-1]} at the start, one for each point, "
            "but it mixes the points (write it with theta[..., 0], theta[..., 1] and sums over axis=-1)"
        )
    if full_grad.shape != theta.shape:
        raise ValueError(f"objective.grad must return shape {theta.shape} at the start, got {full_grad.shape}")
    bad = ~np.isfinite(loss)
    if bad.any():
        raise ValueError(f"objective must be finite at the start {theta[bad][0]!r}{_where(bad)}, got {loss[bad][0]!r}")
    return loss, full_grad


def _in_numpy(optimizer: Optimizer) -> Optimizer:
    """Return the rule with each hyperparameter that is neither number nor schedule as a NumPy array of floats."""
    arrays = {
        name: _numbers(name, value).astype(float)
        for name, value in optimizer.hyperparameters().items()
        if not isinstance(value, Real) and not callable(value)
    }
    return (
        replace(optimizer, **{name: a if a.ndim else float(a) for name, a in arrays.items()}) if arrays else optimizer
    )


def _align(start: Any, optimizer: Optimizer) -> tuple[Array, Optimizer]:
    """Broadcast start and hyperparameters against each other, and give the latter θ's last axis."""
    theta = _start(start)
    arrays = {name: a for name, a in optimizer.hyperparameters().items() if isinstance(a, np.ndarray)}
    try:
        batch = np.broadcast_shapes(theta.shape[:-1], *(a.shape for a in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ValueError(
            f"start and hyperparameters must broadcast over leading axes, got start {theta.shape[:-1]}, {shapes}"
        ) from None
    rule = replace(optimizer, **{name: a[..., None] for name, a in arrays.items()})
    return _sealed(np.broadcast_to(theta, (*batch, theta.shape[-1])).copy()), rule


def coordinates_apart(theta: Array) -> Array:
    """Return a copy that has one coordinate after the other in memory: each operation then runs along the points."""
    return _sealed(np.moveaxis(np.moveaxis(theta, -1, 0).copy(order="C"), 0, -1))
