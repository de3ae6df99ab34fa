"""Grids of hyperparameters, starts and seeds: a rule run at every point of one, or any other function called there.

:func:`sweep` runs a rule everywhere at once, in blocks that fit into the cache; :func:`call_at` is for work that cannot
be batched, such as training a network, and hands each call to a worker.
"""

import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gdcourse._checks import require_count, require_non_negative
from gdcourse.descent import Trajectory, _numbers, _sealed, _start, coordinates_apart, descend
from gdcourse.optimizers import GradientDescent, Momentum, Nesterov, Optimizer

Array = np.ndarray
Generator = np.random.Generator

BLOCK = 16384  # numbers in θ of the runs that go side by side: few enough that a dozen such arrays stay in the cache
RECORDS = "final", "loss"
ALONE = sys.platform == "emscripten"  # in a browser there are neither threads nor processes


@dataclass(frozen=True, eq=False, repr=False)
class Grid:
    """The values of a function at every point of a grid.

    Attributes
    ----------
    axes : dict from str to array
        The values along each axis, in the order of the axes.
    values : array of floats
        Of the shape of the axes, followed by that of one value.
        NaN where a call failed or was not made any more.
    errors : dict from tuple to Exception
        What went wrong, by the index of the call.
    complete : bool
        Whether all calls were made.
    """

    axes: Mapping[str, Array]
    values: Array
    errors: Mapping[tuple[int, ...], BaseException]
    complete: bool

    def __repr__(self) -> str:
        return f"Grid({_sizes(self.axes)}, {len(self.errors)} failed{'' if self.complete else ', interrupted'})"


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """The runs of a rule at every point of a grid.

    The axes are those of the grid, in its order; then those of the starts, if there are several; then that of the
    seeds.

    Attributes
    ----------
    objective, optimizer
        What was run; of the rule, those hyperparameters that are not in the grid.
    axes : dict from str to array
        The values along each axis: of each hyperparameter, ``"start"`` (or ``"row"`` and ``"column"`` of a grid of
        starts; their numbers), ``"seed"``.
    start : array, shape (..., d)
        Where each run began.
    theta : array, shape (..., d)
        Where each run ended. NaN where it diverged, or was not run any more.
    loss : array, shape (...)
        L there.
    losses : array, shape (steps + 1, ...), or None
        L after each step, if it was recorded. NaN after a run has diverged.
    complete : bool
        Whether all runs were made: False after an interruption.
    """

    objective: Any
    optimizer: Optimizer
    axes: Mapping[str, Array]
    start: Array
    theta: Array
    loss: Array
    losses: Array | None
    complete: bool

    def __repr__(self) -> str:
        gone = np.count_nonzero(self.diverged)
        rest = "" if self.complete else ", interrupted"
        return f"Sweep({type(self.optimizer).__name__}: {_sizes(self.axes)}, {gone} diverged{rest})"

    @property
    def diverged(self) -> Array:
        """Whether each run left the finite numbers (or was not made)."""
        return np.isnan(self.loss)

    def steps_to(self, tol: float) -> Array:
        """Return the first step by which each run's loss is within ``tol`` of the minimum, infinity if it never is.

        Raises
        ------
        ValueError
            If the losses were not recorded, the objective does not know its minimum, or ``tol`` is negative.
        """
        require_non_negative("tol", tol)
        if self.losses is None:
            raise ValueError("steps_to needs the losses: sweep(..., record='loss')")
        minimum = getattr(self.objective, "minimum", None)
        if minimum is None:
            raise ValueError(f"steps_to needs the minimum, which {self.objective!r} does not know")
        close = self.losses - minimum <= tol
        return np.where(close.any(axis=0), close.argmax(axis=0), np.inf)

    def heatmap(self, x: str, y: str, **options: Any) -> Any:
        """Draw it over two of its axes: see :func:`gdcourse.plots.heatmap`."""
        from gdcourse import plots

        return plots.heatmap(self, x, y, **options)

    def basins(self, **options: Any) -> Any:
        """Colour a grid of starts by where the runs end: see :func:`gdcourse.plots.basins`."""
        from gdcourse import plots

        if self.loss.ndim != 2 or list(self.axes) != ["row", "column"]:
            raise ValueError(f"basins need a grid of starts and no other axis, got {_sizes(self.axes)}")
        ends = np.stack([self.start, self.theta])
        values, unknown = np.stack([np.full_like(self.loss, np.nan), self.loss]), np.full((2, *self.loss.shape), np.nan)
        runs = Trajectory(ends, values, unknown, self.diverged, np.where(self.diverged, 1, -1), self.optimizer)
        return plots.basins(self.objective, runs, **options)


def sweep(
    objective: Any,
    optimizer: Optimizer,
    *,
    starts: Any,
    steps: int,
    seeds: Iterable[int] | None = None,
    batches: Callable[[Generator], Iterable[Any]] | None = None,
    record: str = "final",
    executor: Executor | None = None,
    progress: bool = False,
    **grid: Any,
) -> Sweep:
    """Run a rule from every start, with every seed, at every setting of a grid.

    The runs are those of :func:`gdcourse.descend`, number for number, but side by side in blocks that fit into the
    cache, and with no more recorded than was asked for: memory grows with the number of runs, not with their steps.
    Blocks go to threads, one for each core. Ctrl-C ends the sweep and keeps what is done. Where only the end is
    recorded only the end is looked at: a run whose loss was too large for a number on its way counts, if it came back.

    Parameters
    ----------
    objective
        As for :func:`gdcourse.descend`.
    optimizer : Optimizer
        The rule; what it has of the grid's hyperparameters is replaced.
    starts : array_like, shape (d,), (k, d) or (rows, columns, d), or callable
        Where to begin; a callable is given the seed's generator and returns a point, shape (d,).
    steps : int
        Number of steps.
    seeds : iterable of int, optional
        One run each; needed if ``starts`` or ``batches`` draw. A seed means the same at every setting.
    batches : callable, optional
        Is given the seed's generator, after ``starts``, and returns the minibatches of one run:
        ``lambda rng: gd.minibatches(n, 8, rng)``. Default: exact gradients.
    record : {"final", "loss"}
        What to keep of a run: its last point and loss, or its loss after every step as well.
    executor : concurrent.futures.Executor, optional
        Who runs the blocks. Default: threads of this process.
    progress : bool, default False
        Show a progress bar of the blocks.
    **grid : array_like, shape (k,)
        The values to try of each hyperparameter, ``lr=[0.01, 0.1]``; of several, all combinations are tried.

    Returns
    -------
    Sweep

    Raises
    ------
    TypeError, ValueError
        Before the first step, naming the argument, if one is not of its kind or out of range.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a rule such as gd.Adam(), got {optimizer!r}")
    if record not in RECORDS:
        raise ValueError(f"record must be 'final' or 'loss', got {record!r}")
    require_count("steps", steps, low=0)
    names = list(optimizer.hyperparameters())
    if not set(grid) <= set(names):
        raise TypeError(f"the grid must be of {', '.join(names)} for {type(optimizer).__name__}, got {sorted(grid)}")
    values = _values(grid)
    drawn = _Drawn(starts, batches, _seeds(seeds))
    points = drawn.starts()
    where = {2: ["start"], 3: ["row", "column"]}.get(points.ndim - bool(drawn.seeds), [])
    if points.ndim - bool(drawn.seeds) > 3:
        raise ValueError(f"starts must have shape (d,), (k, d) or (rows, columns, d), got {np.shape(starts)}")
    axes = {**values, **{name: np.arange(size) for name, size in zip(where, points.shape, strict=False)}}
    if drawn.seeds:
        axes["seed"] = np.array(drawn.seeds)
    shape = tuple(len(axis) for axis in axes.values())
    start = np.broadcast_to(points, (*shape, points.shape[-1]))
    for name, value in optimizer.hyperparameters().items():
        if name not in grid and np.ndim(value):
            raise ValueError(f"{name} of the optimizer must be one number; put several in the grid, got {value!r}")
    _with(optimizer, values)  # tells what is wrong with a value, …
    descend(objective, points, optimizer, 0)  # … and this what is wrong with the rest

    seeded = shape[len(shape) - bool(drawn.seeds) :]
    rows = math.prod(shape[: len(shape) - bool(drawn.seeds)])
    theta = np.full((rows, *seeded, start.shape[-1]), np.nan)
    loss = np.full((rows, *seeded), np.nan)
    losses = np.full((steps + 1, rows, *seeded), np.nan) if record == "loss" else None
    blocks = math.ceil(rows * math.prod(seeded) * start.shape[-1] / BLOCK)
    if blocks > _cores():
        blocks += -blocks % _cores()  # so that no core has nothing left to do at the end
    size = math.ceil(rows / blocks)
    settings = np.meshgrid(*values.values(), *[np.arange(n) for n in points.shape[: len(where)]], indexing="ij")
    flat = {name: setting.reshape(-1) for name, setting in zip(values, settings, strict=False)}
    begin = start.reshape(rows, *seeded, -1)
    parts = [slice(low, low + size) for low in range(0, rows, size)]
    jobs = [
        (
            objective,
            _with(optimizer, {name: value[part] for name, value in flat.items()}),
            begin[part],
            steps,
            drawn,
            record,
        )
        for part in parts
    ]

    def store(number: int, result: tuple[Array, Array, Array | None]) -> None:
        part = parts[number]
        theta[part], loss[part], recorded = result
        if losses is not None:
            losses[:, part] = recorded

    def run(executor: Executor) -> bool:
        errors, complete = _each(executor, _block, jobs, store, progress, "block")
        for error in errors.values():
            raise error
        return complete

    if executor is not None:
        complete = run(executor)
    else:
        with _AtOnce() if ALONE else ThreadPoolExecutor(_cores()) as workers:
            complete = run(workers)
    return Sweep(
        objective,
        optimizer,
        axes,
        start,
        theta.reshape(start.shape),
        loss.reshape(shape),
        None if losses is None else losses.reshape(steps + 1, *shape),
        complete,
    )


def _processes() -> Executor:
    """Return workers that are processes, started anew: a fork would copy the locks that threads hold."""
    from concurrent.futures import ProcessPoolExecutor  # imported here: it takes long, and few need it
    from multiprocessing import get_context

    return ProcessPoolExecutor(_cores(), mp_context=get_context("spawn"))


class _AtOnce(Executor):
    """Does each job when it is handed in, where there is nobody else to do it."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **more))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class _Drawn:
    """Where the runs of each seed start, and their minibatches."""

    given: Any
    batches: Callable[[Generator], Iterable[Any]] | None
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.batches is not None and not callable(self.batches):
            raise TypeError(f"batches must be a callable that is given a generator, got {self.batches!r}")
        for name, value in ("starts", self.given), ("batches", self.batches):
            if callable(value) and not self.seeds:
                raise ValueError(f"seeds must be given, since {name} draws")

    def _draw(self, seed: int) -> tuple[Any, Generator]:
        rng = np.random.default_rng(seed)
        return (_numbers("starts", self.given(rng)) if callable(self.given) else None), rng

    def starts(self) -> Array:
        """Return them, shape (..., d), with an axis of seeds before the last if there are any."""
        if callable(self.given):
            return _start(np.stack([self._draw(seed)[0] for seed in self.seeds]))
        points = _start(self.given)
        return points[..., None, :] if self.seeds else points

    def stream(self) -> Iterator[Any] | None:
        """Return the minibatches of a step, of all seeds side by side, for one step after another."""
        if self.batches is None:
            return None
        each = [iter(self.batches(self._draw(seed)[1])) for seed in self.seeds]
        return (np.stack(items) for items in zip(*each, strict=False))


def _block(
    objective: Any, optimizer: Optimizer, start: Array, steps: int, drawn: _Drawn, record: str
) -> tuple[Array, Array, Array | None]:
    """Run some of the settings, shape (settings, ..., d), to the end: their last points and losses, and all losses."""
    theta = coordinates_apart(start)
    arrays = {n: a for n, a in optimizer.hyperparameters().items() if isinstance(a, np.ndarray)}
    rule = _with(optimizer, {name: a.reshape(-1, *[1] * (theta.ndim - 1)) for name, a in arrays.items()})
    losses = np.full((steps + 1, *theta.shape[:-1]), np.nan) if record == "loss" else None
    stream = drawn.stream()
    state = rule.init(theta)
    with np.errstate(all="ignore"):  # divergence is a result
        if losses is not None:
            losses[0] = objective(theta)
        for t in range(1, steps + 1):
            now = rule.at(t)
            point = _sealed(now.lookahead(state, theta))
            if stream is None:
                grad = np.asarray(objective.grad(point))
            elif (items := next(stream, None)) is None:
                raise ValueError(f"batches must last for {steps} steps, but ended after {t - 1}")
            else:
                grad = np.asarray(objective.grad(point, items))
            delta, state = now.update(grad, state, theta)
            theta = _sealed(theta + delta)
            if losses is not None:
                losses[t] = objective(theta)
        loss = np.asarray(objective(theta))
    gone = ~(np.isfinite(theta).all(axis=-1) & np.isfinite(loss))
    if losses is not None:  # once gone, gone for good
        lost = np.logical_or.accumulate(~np.isfinite(losses), axis=0)
        losses[lost] = np.nan
        gone |= lost[-1]
    return np.where(gone[..., None], np.nan, theta), np.where(gone, np.nan, loss), losses


def call_at(
    function: Callable[..., Any],
    *,
    seeds: Iterable[int] | None = None,
    executor: Executor | None = None,
    progress: bool = False,
    **grid: Iterable[Any],
) -> Grid:
    """Call a function at every point of a grid, each call on a worker: for what cannot be batched.

    Ctrl-C ends it and keeps what is done. A call that fails, or returns what it should not, takes no other with it: a
    warning tells of it, and ``errors``.

    Parameters
    ----------
    function : callable
        ``function(lr=0.1, seed=3)`` returns a number, or an array of the same shape each time; True is 1. Processes get
        a copy of it if it is defined in a notebook, with what it refers to, and otherwise import it.
    seeds : iterable of int, optional
        Another axis, the last, named ``"seed"``.
    executor : concurrent.futures.Executor, optional
        Who calls: ``client.get_executor()`` of a Dask client spreads the calls over a cluster. Default: new processes,
        one for each core.
    progress : bool, default False
        Show a progress bar.
    **grid : iterables
        The values of each argument.

    Returns
    -------
    Grid

    Raises
    ------
    TypeError, ValueError
        Naming the argument, if one is not of its kind.
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    axes = {name: np.asarray(list(values)) for name, values in grid.items()}
    if seeds is not None:
        axes["seed"] = np.array(_seeds(seeds))
    for name, values in axes.items():
        if values.ndim != 1 or not values.size:
            raise ValueError(f"{name} must hold the values to try, shape (k,), got shape {values.shape}")
    shape = tuple(len(values) for values in axes.values())
    indices = list(np.ndindex(shape))
    points = [
        {name: values[i].item() for (name, values), i in zip(axes.items(), index, strict=True)} for index in indices
    ]
    results: dict[int, Array] = {}

    def store(number: int, result: Any) -> None:
        value = _numbers("the result of function", np.asarray(result) + 0)  # True is 1
        first = next(iter(results.values()), value)
        if value.shape != first.shape:
            raise ValueError(f"function must return the same shape each time, got {first.shape} and {value.shape}")
        results[number] = value

    def run(executor: Executor) -> tuple[dict[int, BaseException], bool]:
        return _each(executor, _Call(function), [(point,) for point in points], store, progress, "call")

    if executor is not None:
        errors, complete = run(executor)
    else:
        with _AtOnce() if ALONE else _processes() as workers:
            errors, complete = run(workers)
    inner = next((result.shape for result in results.values()), ())
    values = np.full((len(indices), *inner), np.nan)
    for number, result in results.items():
        values[number] = result
    if errors:
        number, error = next(iter(errors.items()))
        warnings.warn(f"{len(errors)} calls failed, one with {points[number]}: {error!r}", stacklevel=2)
    failed = {indices[number]: error for number, error in errors.items()}
    return Grid(axes, values.reshape(*shape, *inner), failed, complete)


@dataclass(frozen=True)
class _Call:
    """Call a function with the arguments of a point; it can be sent to a process that has not got the function."""

    function: Callable[..., Any]

    def __call__(self, point: Mapping[str, Any]) -> Any:
        return self.function(**point)

    def __reduce__(self) -> tuple[Callable[[bytes], "_Call"], tuple[bytes]]:
        import cloudpickle

        return _received, (cloudpickle.dumps(self.function),)  # pickle itself would send no more than a name


def _received(function: bytes) -> _Call:
    import cloudpickle

    return _Call(cloudpickle.loads(function))


def largest_stable_rate(optimizer: Optimizer, curvature: float) -> Any:
    r"""Return the learning rate from which on a rule diverges along a direction of this curvature λ.

    .. math:: \frac{2}{\lambda} \text{ (gradient descent)}, \qquad \frac{2 (1 + \beta)}{\lambda} \text{ (momentum)},
       \qquad \frac{2 (1 + \beta)}{\lambda (1 + 2 \beta)} \text{ (Nesterov)}

    Parameters
    ----------
    optimizer : GradientDescent, Momentum or Nesterov
        Its ``beta`` may be an array.
    curvature : float
        The largest eigenvalue of the Hessian, greater than 0.

    Raises
    ------
    TypeError
        For another rule, of which no such formula is known here.
    """
    if not curvature > 0:
        raise ValueError(f"curvature must be greater than 0, got {curvature!r}")
    if isinstance(optimizer, GradientDescent):
        return 2 / curvature
    if isinstance(optimizer, Nesterov):  # which is a Momentum, too
        return 2 * (1 + optimizer.beta) / (1 + 2 * optimizer.beta) / curvature
    if isinstance(optimizer, Momentum):
        return 2 * (1 + optimizer.beta) / curvature
    raise TypeError(f"optimizer must be GradientDescent, Momentum or Nesterov, got {optimizer!r}")


def _each(
    executor: Executor,
    function: Callable[..., Any],
    jobs: Sequence[tuple[Any, ...]],
    store: Callable[[int, Any], None],
    progress: bool,
    unit: str,
) -> tuple[dict[int, BaseException], bool]:
    """Have the jobs done and stored; return the errors by the job's number, and whether all was done."""
    from tqdm.auto import tqdm

    futures = {executor.submit(function, *job): number for number, job in enumerate(jobs)}
    errors: dict[int, BaseException] = {}
    try:
        for future in tqdm(as_completed(futures), total=len(futures), unit=unit, disable=not progress):
            try:
                if (error := future.exception()) is None:
                    store(futures[future], future.result())
            except Exception as refused:  # not what a result should be
                error = refused
            if error is not None:
                errors[futures[future]] = error
    except KeyboardInterrupt:
        for future in futures:
            future.cancel()
        done = sum(future.done() and not future.cancelled() for future in futures)
        warnings.warn(f"interrupted: about {done} of {len(futures)} {unit}s are done, the others NaN", stacklevel=3)
        return errors, False
    return errors, True


def _values(grid: Mapping[str, Any]) -> dict[str, Array]:
    values = {name: _numbers(name, value).astype(float) for name, value in grid.items()}
    for name, value in values.items():
        if value.ndim != 1 or not value.size:
            raise ValueError(f"{name} must hold the values to try, shape (k,), got shape {value.shape}")
    return values


def _seeds(seeds: Iterable[int] | None) -> tuple[int, ...]:
    if seeds is None:
        return ()
    seeds = tuple(seeds)
    if not seeds:
        raise ValueError("seeds must hold at least one seed, got none")
    for seed in seeds:
        require_count("seeds", seed, low=0)
    return seeds


def _with(optimizer: Optimizer, values: Mapping[str, Any]) -> Optimizer:
    return replace(optimizer, **values) if values else optimizer


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sizes(axes: Mapping[str, Array]) -> str:
    return " x ".join(f"{len(values)} {name}" for name, values in axes.items()) or "1 run"
