"""Search without slope: points drawn at random, and steps in random directions that are kept if the loss falls."""

from typing import Any

import numpy as np

from gdcourse._checks import require_between, require_count, require_generator, require_positive, takes_many
from gdcourse.descent import Trajectory, _numbers, _sealed, _start, _where

Array = np.ndarray


def random_directions(shape: int | tuple[int, ...], rng: np.random.Generator) -> Array:
    r"""Draw unit vectors, uniform over the sphere: normal numbers divided by their length.

    The density of d independent normal numbers depends on their length alone, so no direction is preferred.

    Parameters
    ----------
    shape : int or tuple of int
        (..., d): the last axis holds the coordinates of one direction.
    rng : numpy.random.Generator
        Where the numbers come from: ``np.random.default_rng(seed)``.

    Returns
    -------
    array of that shape

    Raises
    ------
    TypeError, ValueError
        If ``shape`` holds no dimension d ≥ 1, or ``rng`` is no generator.

    References
    ----------
    Muller (1959), *A note on a method for generating points uniformly on n-dimensional spheres*.
    """
    _check_directions(shape, rng)
    normal = rng.normal(size=shape)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def random_search(
    objective: Any,
    start: Any,
    steps: int,
    *,
    step_size: Any,
    rng: np.random.Generator,
    grow: Any = 1.0,
    shrink: Any = 1.0,
) -> Trajectory:
    r"""Step in a random direction, stay there if the loss has fallen, and repeat.

    .. math:: \theta' = \theta_{t-1} + r_t u_t, \quad u_t \text{ uniform on the unit sphere}, \qquad
              (\theta_t, r_{t+1}) = \begin{cases}
                (\theta', \text{grow} \cdot r_t) & \text{if } L(\theta') < L(\theta_{t-1}) \\
                (\theta_{t-1}, \text{shrink} \cdot r_t) & \text{otherwise}
              \end{cases}

    A step costs one evaluation of the objective, and the start one more; its gradient is never asked for. With
    ``shrink = grow ** (-1 / 4)`` the stride settles where about one step in five succeeds: the 1/5 success rule. With
    ``grow = shrink = 1`` (the default) it is constant.

    Parameters
    ----------
    objective : callable
        Takes θ of shape (..., d), returns values of shape (...). A proposal whose value is not finite is not kept.
    start : array_like, shape (..., d)
        Where to begin: one point, or a batch of them, each a run with directions of its own.
    steps : int
        Number of proposals.
    step_size : float or array
        First stride r₁ > 0, in units of θ. An array over runs is broadcast against ``start``.
    rng : numpy.random.Generator
        Where the directions come from: ``np.random.default_rng(seed)``.
    grow : float or array, default 1.0
        Factor ≥ 1 of the stride after a success.
    shrink : float or array, default 1.0
        Factor in (0, 1] of the stride after a failure.

    Returns
    -------
    Trajectory
        Of the kept points: ``loss`` never rises. ``grad_norm`` is NaN, for no gradient was taken; ask ``steps_to`` with
        ``of="loss"``. ``optimizer`` is None.

    Raises
    ------
    TypeError, ValueError
        Before the first step, naming the argument, if one is not of its kind or out of range.

    References
    ----------
    Rastrigin (1963); Schumer & Steiglitz (1968); the 1/5 rule: Rechenberg (1973), *Evolutionsstrategie*.
    """
    _check_search(objective, steps, rng)
    theta, stride, grow, shrink = _broadcast(start, step_size, grow, shrink)
    thetas = np.empty((steps + 1, *theta.shape))
    losses = np.empty((steps + 1, *theta.shape[:-1]))
    loss = _first_values(objective, theta)
    thetas[0], losses[0] = theta, loss
    with np.errstate(all="ignore"):  # a stride that overflows leads nowhere
        for t in range(1, steps + 1):
            proposal = theta + stride[..., None] * random_directions(theta.shape, rng)
            value = _values(objective, proposal)
            finite = np.isfinite(value) & np.isfinite(proposal).all(axis=-1)
            better = finite & (value < loss)
            theta = np.where(better[..., None], proposal, theta)
            loss = np.where(better, value, loss)
            stride = stride * np.where(better, grow, shrink)
            thetas[t], losses[t] = theta, loss
    return _record(objective, thetas, losses)


def random_sampling(
    objective: Any, steps: int, *, rng: np.random.Generator, domain: Any = None, runs: int | None = None
) -> Trajectory:
    r"""Draw points uniformly from a box, blind to all before, and keep the best so far.

    .. math:: \theta_t = \begin{cases} \theta' & \text{if } L(\theta') < L(\theta_{t-1}) \\
              \theta_{t-1} & \text{otherwise} \end{cases}
              \qquad \theta' \text{ uniform in the box}

    Parameters
    ----------
    objective : callable
        Takes θ of shape (..., d), returns values of shape (...). A value that is not finite is worse than any other.
    steps : int
        Number of points after the first, each one evaluation.
    rng : numpy.random.Generator
        Where the points come from: ``np.random.default_rng(seed)``.
    domain : array_like, shape (d, 2), optional
        Lower and upper end of each coordinate. Default: the objective's own.
    runs : int, optional
        So many runs, in a batch. Default: one run, without a batch's axis.

    Returns
    -------
    Trajectory
        Of the best points so far, as from :func:`random_search`.

    Raises
    ------
    TypeError, ValueError
        Before the first point, naming the argument, if one is not of its kind or out of range.
    """
    _check_search(objective, steps, rng)
    if runs is not None:
        require_count("runs", runs)
    if domain is None and not hasattr(objective, "domain"):
        raise TypeError(f"domain must be given, since {objective!r} has none")
    box = _numbers("domain", objective.domain if domain is None else domain).astype(float)
    proper = box.ndim == 2 and box.shape[1] == 2 and len(box) > 0 and bool(np.isfinite(box).all())
    if not proper or not (box[:, 0] < box[:, 1]).all():
        raise ValueError(f"domain must hold a lower and a higher end for each coordinate, got {box.tolist()}")
    points = rng.uniform(box[:, 0], box[:, 1], size=(steps + 1, *(() if runs is None else (runs,)), len(box)))
    _first_values(objective, points[0], finite=False)
    values = _values(objective, points)
    rank = np.where(np.isfinite(values), values, np.inf)
    record = np.ones(rank.shape, dtype=bool)
    record[1:] = rank[1:] < np.minimum.accumulate(rank, axis=0)[:-1]
    numbers = np.arange(steps + 1).reshape(-1, *[1] * (rank.ndim - 1))
    best = np.maximum.accumulate(np.where(record, numbers, 0), axis=0)
    return _record(
        objective, np.take_along_axis(points, best[..., None], axis=0), np.take_along_axis(values, best, axis=0)
    )


def _record(objective: Any, thetas: Array, losses: Array) -> Trajectory:
    """Return the trajectory of a search: no gradients, no divergence."""
    batch = losses.shape[1:]
    return Trajectory(
        theta=thetas,
        loss=losses,
        grad_norm=np.full(losses.shape, np.nan),
        diverged=np.zeros(batch, dtype=bool) if batch else False,
        diverged_at=np.full(batch, -1) if batch else None,
        minimum=getattr(objective, "minimum", None),
    )


def _check_directions(shape: Any, rng: Any) -> None:
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    if not lengths:
        raise ValueError("shape must hold at least the number d of coordinates, got ()")
    for axis, length in enumerate(lengths):
        require_count("shape", length, low=1 if axis == len(lengths) - 1 else 0)
    require_generator("rng", rng)


def _check_search(objective: Any, steps: int, rng: Any) -> None:
    if isinstance(objective, type) or not callable(objective):
        raise TypeError(f"objective must be callable, got {objective!r}")
    require_count("steps", steps, low=0)
    require_generator("rng", rng)


def _values(objective: Any, theta: Array) -> Array:
    """Return the objective's values; what it divides or overflows is its own affair, since no bad value is kept."""
    with np.errstate(all="ignore"):
        return _numbers("objective(theta)", objective(_sealed(theta)))


def _first_values(objective: Any, theta: Array, *, finite: bool = True) -> Array:
    """Return the values at the first points, after a look at their shape (and size)."""
    values = _values(objective, theta)
    if values.shape != theta.shape[:-1] or not takes_many(objective, theta, values):
        raise ValueError(
            f"objective must return values of shape {theta.shape[:-1]} at the start, one for each point, got "
            f"{values.shape} or a mixture (write it with theta[..., 0], theta[..., 1] and sums over axis=-1)"
        )
    bad = ~np.isfinite(values)
    if finite and bad.any():
        raise ValueError(f"objective must be finite at the start {theta[bad][0]!r}{_where(bad)}, got {values[bad][0]}")
    return values


def _broadcast(start: Any, step_size: Any, grow: Any, shrink: Any) -> tuple[Array, Array, Array, Array]:
    """Return the start, and the numbers of the stride, one for each run, after a look at all of them."""
    theta = _start(start)
    named = {"step_size": step_size, "grow": grow, "shrink": shrink}
    numbers = {name: _numbers(name, value).astype(float) for name, value in named.items()}
    require_positive("step_size", numbers["step_size"])
    require_between("grow", numbers["grow"], 1, np.inf, open_high=True)
    require_between("shrink", numbers["shrink"], 0, 1)
    require_positive("shrink", numbers["shrink"])
    try:
        batch = np.broadcast_shapes(theta.shape[:-1], *(value.shape for value in numbers.values()))
    except ValueError:
        shapes = {name: value.shape for name, value in numbers.items()}
        raise ValueError(f"start of shape {theta.shape} does not broadcast with {shapes}") from None
    stride, grows, shrinks = (np.broadcast_to(value, batch) for value in numbers.values())
    return np.broadcast_to(theta, (*batch, theta.shape[-1])), stride, grows, shrinks
