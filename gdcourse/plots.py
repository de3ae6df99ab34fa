"""The book's figures: contours with paths, surfaces, loss curves, animations, all in one style.

What draws, draws into ``ax`` (a new figure's, if none is given) and returns it; ``animate`` returns the animation, and
``grid`` and ``arrived`` return arrays. ``paths`` is a trajectory, some of them in a row, or a dictionary from label to
trajectory. A rule has the same colour and marker all through the book.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib import colormaps, patheffects
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap, LogNorm, Normalize
from matplotlib.patches import FancyBboxPatch

from gdcourse._checks import require_count
from gdcourse.autodiff import Tensor
from gdcourse.descent import Trajectory
from gdcourse.grids import Sweep

Paths = Trajectory | Iterable[Trajectory] | Mapping[str, Trajectory]

#: One near-white panel for both themes of the book; the pages' style sheet turns it dark where the reader's page is.
PANEL = "#fdfdfb"
INK = "#22262b"

STYLE: dict[Any, Any] = {
    "figure.figsize": (6.4, 4.2),
    "figure.dpi": 110,
    "figure.facecolor": PANEL,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": PANEL,
    "axes.facecolor": PANEL,
    "axes.edgecolor": "#5c6670",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK]),
    "grid.color": "#d9dee3",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "xtick.color": "#3d454d",
    "ytick.color": "#3d454d",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "#c9d0d6",
    "text.color": INK,
    "mathtext.fontset": "cm",
}

#: Name in figures, colour and marker of each rule. The hues are Okabe and Ito's and Paul Tol's, told apart with any
#: colour vision.
RULES: dict[str, tuple[str, Any, str]] = {
    "GradientDescent": ("gradient descent", "#222222", "o"),
    "SignDescent": ("sign descent", "#8c8c8c", "s"),
    "Momentum": ("momentum", "#D55E00", "^"),
    "Nesterov": ("Nesterov", "#E69F00", "v"),
    "AdaGrad": ("AdaGrad", "#009E73", "D"),
    "RMSProp": ("RMSProp", "#56B4E9", "P"),
    "RMSPropNesterov": ("RMSProp + Nesterov", "#332288", "X"),
    "Adadelta": ("Adadelta", "#882255", "<"),
    "Adam": ("Adam", "#0072B2", "*"),
    "AMSGrad": ("AMSGrad", "#117733", ">"),
    "AdamW": ("AdamW", "#CC79A7", "p"),
    "AdaBound": ("AdaBound", "#AA4499", "h"),
    "NAdam": ("NAdam", "#44AA99", "H"),
    "RAdam": ("RAdam", "#999933", "8"),
    "Lion": ("Lion", "#C1121F", "d"),
    "Muon": ("Muon", "#661100", "P"),
}

#: From the valley (near white, so that paths stand out) to the heights.
HEIGHT = LinearSegmentedColormap.from_list("height", ["#fdfdfb", "#e3ecf1", "#c3d5e0", "#a3bdcd", "#86a5b9"])

_CASING = [patheffects.Stroke(linewidth=3.4, foreground=PANEL), patheffects.Normal()]


class _Drawn(NamedTuple):
    label: str
    trajectory: Trajectory
    color: Any
    marker: str


def use_style() -> None:
    """Switch matplotlib to the book's style, for all figures that follow."""
    plt.rcParams.update(STYLE)


def _drawn(paths: Paths | None, dim: int | None = None) -> list[_Drawn]:
    """Give each path its label, colour and marker; refuse what is not a single run (of ``dim`` coordinates)."""
    if paths is None:
        return []
    if isinstance(paths, Trajectory):
        paths = [paths]
    labels = [str(label) for label in paths] if isinstance(paths, Mapping) else None
    runs = list(paths.values() if isinstance(paths, Mapping) else paths)
    if not runs:
        raise ValueError("paths must hold at least one run, got none")
    for run in runs:
        if not isinstance(run, Trajectory):
            raise TypeError(f"paths must be what gd.descend returns, got {run!r}")
        if run.loss.ndim != 1:
            raise ValueError(f"paths must be single runs, got a batch of shape {run.loss.shape[1:]}: take path[i]")
        if dim is not None and run.theta.shape[-1] != dim:
            raise ValueError(f"paths must have {dim} coordinate{'s' * (dim > 1)} here, got {run.theta.shape[-1]}")
    rules = [type(run.optimizer).__name__ if run.optimizer is not None else "path" for run in runs]
    drawn = []
    for k, (run, rule) in enumerate(zip(runs, rules, strict=True)):
        name, color, marker = RULES.get(rule, (rule, INK, "o"))
        alike = [other for other, its in zip(runs, rules, strict=True) if its == rule]
        if len(alike) > 1:  # several runs of one rule: shades in the order of drawing
            color = colormaps["plasma"](0.05 + 0.75 * rules[:k].count(rule) / (len(alike) - 1))
        drawn.append(_Drawn(labels[k] if labels else ", ".join([name, *_differing(run, alike)]), run, color, marker))
    return drawn


def _differing(run: Trajectory, alike: list[Trajectory]) -> list[str]:
    """Return those hyperparameters of a run, as text, in which the runs of its rule differ."""

    def text(run: Trajectory, name: str) -> str:
        value = getattr(run.optimizer, name)
        return getattr(value, "__name__", repr(value)) if callable(value) else f"{value:g}"

    names = run.optimizer.hyperparameters() if run.optimizer is not None else {}
    return [f"{name}={text(run, name)}" for name in names if len({text(other, name) for other in alike}) > 1]


def _box(objective: Any, domain: Any, dim: int) -> np.ndarray:
    """Return the box to draw, shape (dim, 2), after a look at objective and domain."""
    if isinstance(objective, type) or not callable(objective):
        raise TypeError(f"objective must be callable, got {objective!r}")
    if getattr(objective, "dim", dim) != dim:
        raise ValueError(f"objective must have {dim} coordinate{'s' * (dim > 1)} here, got {objective.dim}")
    if domain is None and not hasattr(objective, "domain"):
        raise TypeError(f"domain must be given, since {objective!r} has none")
    box = np.asarray(objective.domain if domain is None else domain, dtype=float)
    if dim == 1 and box.shape == (2,):
        box = box[None]
    if box.shape != (dim, 2) or not np.all(np.isfinite(box)) or not np.all(box[:, 0] < box[:, 1]):
        raise ValueError(f"domain must hold a lower and a higher end for each of {dim} coordinates, got {box.tolist()}")
    return box


def _heights(objective: Any, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values over a grid and about 18 levels, spaced geometrically above the lowest value."""
    z = np.asarray(objective(theta), dtype=float)
    if z.shape != theta.shape[:-1]:
        raise ValueError(f"objective must return values of shape {theta.shape[:-1]} on the grid, got {z.shape}")
    z = np.where(np.isfinite(z), z, np.nan)
    if np.isnan(z).all() or np.nanmin(z) == np.nanmax(z):
        raise ValueError("objective must not be constant, or nowhere finite, over the domain: it has no level lines")
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    known = getattr(objective, "minimum", None)
    base = min(low, known) if known is not None else low
    first = max(np.nanquantile(z, 0.01) - base, 1e-4 * (high - base))
    return z, base + np.concatenate([[0.0], np.geomspace(first, high - base, 17)])


def _near(points: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """Return the finite ones of the points, none further out than ten boxes: matplotlib fails at 1e300."""
    points = points[np.isfinite(points).all(axis=-1)]
    margin = 10 * np.ptp(domain, axis=1)
    return np.clip(points, domain[:, 0] - margin, domain[:, 1] + margin)


def _wants_legend(legend: bool | None, paths: Paths | None, drawn: list[_Drawn]) -> bool:
    return legend if legend is not None else len(drawn) > 1 or isinstance(paths, Mapping)


def grid(domain: Any, count: int) -> np.ndarray:
    """Return a grid of points over a box, shape (count, count, 2): rows go with θ₂, columns with θ₁."""
    x, y = (np.linspace(low, high, count) for low, high in domain)
    return np.stack(np.meshgrid(x, y), axis=-1)


def contour(
    objective: Any,
    paths: Paths | None = None,
    *,
    ax: Axes | None = None,
    domain: Any = None,
    legend: bool | None = None,
) -> Axes:
    """Draw the level lines of a function of two parameters, its minima, and paths on it.

    Levels are spaced geometrically above the lowest value, so that the floor of a valley shows as well as its walls. A
    ring marks a path's start, the rule's own marker its end. A path that leaves the box is drawn up to its edge.

    Parameters
    ----------
    objective
        Takes arrays of shape (..., 2); ``minima`` and ``domain`` are used where it has them.
    paths : Trajectory, list or dict, optional
        Single runs, labelled by their rule (and by what differs, if a rule comes twice) or by the dictionary's keys.
    ax : matplotlib Axes, optional
    domain : array_like, shape (2, 2), optional
        Lower and upper end of θ₁ and of θ₂. Default: the objective's own.
    legend : bool, optional
        Default: if there is more than one path, or a dictionary of them.

    Returns
    -------
    matplotlib Axes
    """
    domain = _box(objective, domain, 2)
    drawn = _drawn(paths, 2)
    theta = grid(domain, 241)
    z, levels = _heights(objective, theta)
    ax = ax if ax is not None else plt.subplots()[1]
    norm = BoundaryNorm(levels, HEIGHT.N)
    ax.contourf(theta[..., 0], theta[..., 1], z, levels, cmap=HEIGHT, norm=norm)
    ax.contour(theta[..., 0], theta[..., 1], z, levels[1:], colors="#55748a", linewidths=0.4, alpha=0.7)
    for label, path, color, marker in drawn:
        points = _near(path.theta, domain)
        x, y = points.T
        every: dict[str, Any] = dict(marker=".", markersize=4) if len(points) <= 80 else {}
        ax.plot(x, y, color=color, linewidth=1.5, path_effects=_CASING, zorder=3, **every)
        ax.plot(x[0], y[0], "o", color=PANEL, markeredgecolor=color, markeredgewidth=1.6, markersize=7, zorder=5)
        ax.plot(x[-1], y[-1], marker, color=color, markeredgecolor=PANEL, markersize=10, zorder=6)
        ax.plot([], [], color=color, marker=marker, label=label)
    mark_minima(ax, objective)
    ax.set(xlim=domain[0], ylim=domain[1], xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(visible=False)
    if _wants_legend(legend, paths, drawn):
        ax.legend()
    return ax


def mark_minima(ax: Axes, objective: Any) -> Axes:
    """Mark the known minima with yellow stars."""
    minima = np.asarray(getattr(objective, "minima", np.empty((0, 2))))
    ax.plot(minima[:, 0], minima[:, 1], "*", color="#F0E442", markeredgecolor=INK, markersize=13, zorder=4)
    return ax


def basins(objective: Any, runs: Trajectory, *, ax: Axes | None = None, within: float = 0.1) -> Axes:
    """Colour each start of a grid by the minimum that its run ends at, over the level lines.

    Grey where a run ends nowhere near a minimum: it wanders, or has diverged.

    Parameters
    ----------
    objective
        With ``minima`` and ``domain``.
    runs : Trajectory
        A batch whose starts ``theta[0]``, shape (rows, columns, 2), are a grid such as :func:`grid` makes.
    ax : matplotlib Axes, optional
    within : float, default 0.1
        How close to a minimum counts as being there.

    Returns
    -------
    matplotlib Axes
    """
    domain = _box(objective, None, 2)
    which = arrived(objective, runs, within)
    if runs.theta.ndim != 4 or runs.theta.shape[-1] != 2:
        raise ValueError(f"runs must start on a grid, shape (rows, columns, 2), got {runs.theta.shape[1:]}")
    theta = grid(domain, 241)
    z, levels = _heights(objective, theta)
    ax = ax if ax is not None else plt.subplots()[1]
    (left, right), (low, high) = runs.theta[0, 0, [0, -1], 0], runs.theta[0, [0, -1], 0, 1]
    count = len(objective.minima)
    colors: list[Any] = ["#7cc4ee", "#f2c14e", "#4fb892", "#dd9fc1", "#b9a7e0", "#e88b5a"][:count]
    if count > len(colors):
        colors = list(colormaps["turbo"](np.linspace(0.05, 0.95, count)))
    colors = ["#8a8d90", *colors]
    ax.imshow(
        which + 1,
        extent=(left, right, low, high),
        origin="lower",
        cmap=ListedColormap(colors),
        vmin=0,
        vmax=len(colors) - 1,
        interpolation="nearest",
        aspect="auto",
    )
    ax.contour(theta[..., 0], theta[..., 1], z, levels[1:], colors=INK, linewidths=0.4, alpha=0.5)
    mark_minima(ax, objective)
    ax.set(xlim=domain[0], ylim=domain[1], xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(visible=False)
    return ax


def arrived(objective: Any, runs: Trajectory, within: float = 0.1) -> np.ndarray:
    """Return for each run of a batch the index of the minimum within reach of its last point, −1 if there is none."""
    if not len(getattr(objective, "minima", ())):
        raise ValueError(f"objective must know its minima, got {objective!r}")
    distance = np.linalg.norm(runs.theta[-1][..., None, :] - objective.minima, axis=-1)
    distance = np.where(np.isnan(distance), np.inf, distance)
    return np.where(distance.min(axis=-1) <= within, distance.argmin(axis=-1), -1)


def curve(objective: Any, paths: Paths | None = None, *, ax: Axes | None = None, domain: Any = None) -> Axes:
    """Draw a function of one parameter as a graph, and paths as balls on it.

    Parameters
    ----------
    objective
        Takes arrays of shape (..., 1).
    paths, ax, domain
        As in :func:`contour`; ``domain`` has shape (2,) or (1, 2).
    """
    ((low, high),) = _box(objective, domain, 1)
    drawn = _drawn(paths, 1)
    x = np.linspace(low, high, 400)
    values = objective(x[:, None])
    ax = ax if ax is not None else plt.subplots()[1]
    ax.plot(x, values, color="#4f7089")
    for label, path, color, _ in drawn:
        inside = np.isfinite(path.loss) & (path.theta[:, 0] >= low) & (path.theta[:, 0] <= high)
        ax.plot(path.theta[inside, 0], path.loss[inside], "o-", color=color, linewidth=1, label=label, zorder=3)
        if inside[0]:
            ax.plot(path.theta[0, 0], path.loss[0], "o", color=PANEL, markeredgecolor=color, markersize=8, zorder=4)
    ax.set(xlabel=r"$\theta$", ylabel=r"$L(\theta)$")
    if _wants_legend(None, paths, drawn):
        ax.legend()
    return ax


def surface(objective: Any, paths: Paths | None = None, *, ax: Any = None, domain: Any = None) -> Any:
    """Draw a function of two parameters as a surface in space, with paths on it.

    Parameters are those of :func:`contour`; ``ax``, if given, must have the projection "3d".
    """
    domain = _box(objective, domain, 2)
    drawn = _drawn(paths, 2)
    theta = grid(domain, 121)
    z, levels = _heights(objective, theta)
    ax = ax if ax is not None else plt.figure(figsize=(6.4, 4.8)).add_subplot(projection="3d")
    norm = BoundaryNorm(levels, HEIGHT.N)
    ax.plot_surface(
        theta[..., 0], theta[..., 1], z, cmap=HEIGHT, norm=norm, rcount=60, ccount=60, alpha=0.85, linewidth=0
    )
    for label, path, color, _ in drawn:
        inside = np.isfinite(path.loss) & ((path.theta >= domain[:, 0]) & (path.theta <= domain[:, 1])).all(axis=-1)
        x, y = path.theta[inside].T
        ax.plot(x, y, path.loss[inside], ".-", color=color, linewidth=1.5, markersize=3, label=label, zorder=5)
    ax.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", zlabel=r"$L$")
    if _wants_legend(None, paths, drawn):
        ax.legend()
    return ax


def loss_curves(paths: Paths, *, ax: Axes | None = None, log: bool | None = None) -> Axes:
    """Draw the loss against the step, above each path's known minimum; plain if the minimum of one is not known.

    A cross ends the curve of a run that diverged, which is drawn up to 10,000 times the largest loss at the start.

    Parameters
    ----------
    paths : Trajectory, list or dict
    ax : matplotlib Axes, optional
    log : bool, optional
        Logarithmic axis, on which a constant rate of convergence is a straight line. Default: if no value shown is
        negative (but for rounding, above a known minimum) or, of a plain loss, zero.
    """
    drawn = _drawn(paths)
    if not drawn:
        raise ValueError("paths must hold at least one run, got none")
    ax = ax if ax is not None else plt.subplots()[1]
    minima = [path.minimum for _, path, _, _ in drawn]
    known = None not in minima
    losses = [path.loss - (path.minimum or 0.0) if known else path.loss for _, path, _, _ in drawn]
    ceiling = 1e4 * max(abs(loss[0]) for loss in losses) or np.inf
    positive = True
    for (label, path, color, _), loss in zip(drawn, losses, strict=True):
        steps = np.flatnonzero(np.isfinite(loss) & ~(path.diverged & (np.abs(loss) > ceiling)))
        ax.plot(steps, loss[steps], color=color, label=label)
        if path.diverged:
            ax.plot(steps[-1], loss[steps[-1]], "x", color=color, markersize=9, markeredgewidth=2)
        # A run that has arrived is at its minimum, give or take a rounding error, and leaves the axis at its foot.
        rounding = 1e-12 * max(1.0, abs(path.minimum or 0.0))
        positive &= bool(loss[steps].min() >= -rounding and loss[0] > 0 if known else loss[steps].min() > 0)
    ax.set(xlabel="step", ylabel=r"$L(\theta_t) - L^\star$" if known else r"$L(\theta_t)$")
    if positive if log is None else log:
        ax.set_yscale("log")
    if _wants_legend(None, paths, drawn):
        ax.legend()
    return ax


def heatmap(
    runs: Sweep,
    x: str,
    y: str,
    *,
    of: Any = "loss",
    label: str | None = None,
    ax: Axes | None = None,
    limit: Any = None,
) -> Axes:
    """Draw a sweep over two of its axes, dark where it went well; hatched where all runs diverged.

    Of the other axes, such as starts and seeds, it shows the median; a run that diverged counts as infinite.

    Parameters
    ----------
    runs : Sweep
    x, y : str
        Names of axes of the sweep. Values that grow by a factor get a logarithmic axis.
    of : {"loss"} or array of the sweep's shape
        What to show: the loss at the end, or other values, such as ``runs.steps_to(1e-3)``, infinite where there is
        none. Positive values over more than a tenfold get a logarithmic scale.
    label : str, optional
        What the colours mean. Default: "loss at the end" for the loss.
    ax : matplotlib Axes, optional
    limit : array_like, shape of the values of ``y``, optional
        For each of them the ``x`` from which on runs diverge by theory, such as
        :func:`gdcourse.largest_stable_rate`: drawn as a line.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an axis is none of the sweep's, or has a single value, or the shape of ``of`` is another.
    """
    names = list(runs.axes)
    for name, axis in ("x", x), ("y", y):
        if axis not in names or len(runs.axes[axis]) < 2 or x == y:
            raise ValueError(
                f"{name} must be an axis of two values or more, another than the other, of {runs!r}, got {axis!r}"
            )
    values = np.asarray(runs.loss if isinstance(of, str) and of == "loss" else of)
    if values.shape != runs.loss.shape:
        raise ValueError(f"of must be 'loss' or an array of shape {runs.loss.shape}, got {of!r}")
    label = label or ("loss at the end" if isinstance(of, str) else None)
    values = np.where(runs.diverged & np.isnan(values), np.inf, values)
    values = np.moveaxis(values, (names.index(y), names.index(x)), (0, 1)).reshape(
        *map(len, (runs.axes[y], runs.axes[x])), -1
    )
    middle = np.quantile(values, 0.5, axis=-1, method="lower")
    shown = np.ma.masked_invalid(middle)
    ax = ax if ax is not None else plt.subplots()[1]
    ax.set_facecolor("#d9dee3")
    ax.patch.set(hatch="////", edgecolor="#8a8d90")
    positive = shown.count() and shown.min() > 0 and shown.max() > 10 * shown.min()
    norm = (
        LogNorm(shown.min(), shown.max())
        if positive
        else Normalize(shown.min(), shown.max())
        if shown.count()
        else None
    )
    edges = {name: _edges(runs.axes[name]) for name in (x, y)}
    drawn = ax.pcolormesh(edges[x][0], edges[y][0], shown, cmap="viridis", norm=norm)
    ax.figure.colorbar(drawn, ax=ax, label=label)
    if limit is not None:
        low, high = edges[x][0][[0, -1]]
        line = np.asarray(limit, dtype=float)
        if line.shape != np.shape(runs.axes[y]):
            raise ValueError(
                f"limit must have one value for each {y}, shape {np.shape(runs.axes[y])}, got shape {line.shape}"
            )
        ax.plot(
            line,
            runs.axes[y],
            color="white",
            path_effects=[patheffects.Stroke(linewidth=4, foreground=INK), patheffects.Normal()],
        )
        ax.set_xlim(low, high)
    ax.set(xscale=edges[x][1], yscale=edges[y][1], xlabel=x, ylabel=y)
    ax.grid(visible=False)
    return ax


def _edges(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the edges of cells around some values, and the scale on which they are even."""
    geometric = values.min() > 0 and len(values) > 2 and np.ptp(np.diff(np.log(values))) < 1e-6
    centers = np.log(values) if geometric else values.astype(float)
    between = (centers[1:] + centers[:-1]) / 2
    edges = np.concatenate([[2 * centers[0] - between[0]], between, [2 * centers[-1] - between[-1]]])
    return (np.exp(edges), "log") if geometric else (edges, "linear")


def animate(
    objective: Any, paths: Paths, *, ax: Axes | None = None, domain: Any = None, frames: int = 60, fps: int = 20
) -> FuncAnimation:
    """Animate paths racing over the level lines.

    Parameters
    ----------
    objective, paths, ax, domain
        As in :func:`contour`.
    frames : int, default 60
        Pictures in the animation, spread evenly over the steps.
    fps : int, default 20
        Pictures a second.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Save it with ``.save("race.gif")``, or show it with ``.to_jshtml()``.
    """
    require_count("frames", frames)
    require_count("fps", fps)
    domain = _box(objective, domain, 2)
    drawn = _drawn(paths, 2)
    if not drawn:
        raise ValueError("paths must hold at least one run, got none")
    ax = contour(objective, ax=ax, domain=domain)
    lines, heads = [], []
    for label, _, color, marker in drawn:
        lines.append(ax.plot([], [], color=color, linewidth=1.5, path_effects=_CASING, label=label)[0])
        heads.append(ax.plot([], [], marker, color=color, markeredgecolor=PANEL, markersize=10)[0])
    ax.legend(loc="upper right")
    last = max(d.trajectory.steps for d in drawn)

    def draw(frame: int) -> list[Any]:
        step = round(last * frame / max(frames - 1, 1))
        for line, head, (_, path, _, _) in zip(lines, heads, drawn, strict=True):
            points = _near(path.theta[: step + 1], domain)
            line.set_data(*points.T)
            head.set_data(*points[-1:].T)
        ax.set_title(f"step {step}", loc="left")
        return [*lines, *heads]

    figure: Any = ax.figure
    return FuncAnimation(figure, draw, frames=frames, interval=1000 / fps, blit=False)


def _places(operands: Mapping[int, list[int]]) -> tuple[dict[int, int], dict[int, float]]:
    """Return the column and the height of each box of a graph, from its operands, which stand before it."""
    boxes = list(operands)
    column = dict.fromkeys(boxes, 0)  # counted from the result, and each box as far to the right as it may stand
    for box in reversed(boxes):
        for operand in operands[box]:
            column[operand] = min(column[operand], column[box] - 1)
    height: dict[int, float] = {}
    for box in boxes:
        places = [height[operand] for operand in operands[box]]
        height[box] = float(np.mean(places)) if places else -len(height)
    for c in set(column.values()):  # boxes of a column at least 1 apart, about the same middle
        inside = sorted((box for box in boxes if column[box] == c), key=lambda box: -height[box])
        middle = float(np.mean([height[box] for box in inside]))
        for k, box in enumerate(inside):
            height[box] = middle + (len(inside) - 1) / 2 - k
    return column, height


def graph(result: Tensor, names: Mapping[str, Tensor] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw how a number was computed from others: the values forward (blue), the gradients backward (orange).

    Each box is a number, to the right of all that it was computed from. An arrow carries the local derivative of its
    head by its tail: a gradient is the sum, over the arrows that leave its box, of local derivative times the gradient
    at the head.

    Parameters
    ----------
    result : Tensor
        One number. Gradients are drawn where ``backward`` has left them.
    names : dict, optional
        From a label to the Tensor that it stands for. The others are labelled with the function that made them.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    if not isinstance(result, Tensor):
        raise TypeError(f"result must be a Tensor, got {result!r}")
    tape = result.tape()
    for node in tape:
        if node.size != 1:
            raise ValueError(f"result must be computed from single numbers, got an array of shape {node.shape}")
    label = {id(node): name for name, node in (names or {}).items()}
    column, height = _places({id(node): [id(parent) for parent, _ in node._parents] for node in tape})
    ax = ax if ax is not None else plt.subplots(figsize=(1.36 * (1 - min(column.values())), 2.9))[1]
    wide, high = 0.74, 0.7
    for node in tape:
        x, y = column[id(node)], height[id(node)]
        box = (x - wide / 2, y - high / 2), wide, high
        ax.add_patch(FancyBboxPatch(*box, boxstyle="round,pad=0,rounding_size=0.08", fc="#e3ecf1", ec="#55748a"))
        ax.text(x, y + 0.15, label.get(id(node), node.op or "input"), ha="center", va="center", fontsize=13)
        grad = "" if node.grad is None else f"{node.grad.item():.4g}"
        numbers = [(x - wide / 4, f"{node.data.item():.4g}", "#0072B2"), (x + wide / 4, grad, "#B84A00")]
        for place, text, color in numbers:
            ax.text(place, y - 0.16, text, ha="center", va="center", fontsize=13, color=color, fontweight="bold")
        local: dict[int, float] = {}  # of an operand that stands twice, as in x x, the sum
        for parent, pull in node._parents:
            local[id(parent)] = local.get(id(parent), 0.0) + pull(np.ones(node.shape)).item()
        for parent_id, derivative in local.items():
            tail, head = (column[parent_id] + wide / 2, height[parent_id]), (x - wide / 2, y)
            ax.annotate("", head, tail, arrowprops=dict(arrowstyle="-|>", color="#55748a", shrinkA=0, shrinkB=0))
            at, chip = np.mean([tail, head], axis=0), dict(fc=PANEL, ec="none", pad=1.2)
            ax.text(at[0], at[1], f"{derivative:.4g}", ha="center", va="center", fontsize=11, bbox=chip)
    ys = height.values()
    ax.set(xlim=(min(column.values()) - 0.5, 0.5), ylim=(min(ys) - 0.5, max(ys) + 0.5))
    ax.set_axis_off()
    return ax


def recorded(result: Any, names: Mapping[str, Any] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw what torch recorded of a computation: the functions that a backward pass will call, and what each has kept.

    The arrows go the way of the backward pass: from the result, on the right, to the leaves, on the left, which show
    their ``.grad``. Values appear only where a function keeps them for its derivative.

    Parameters
    ----------
    result : torch.Tensor
        Computed from a tensor that requires a gradient.
    names : dict, optional
        From a label to the tensor that it stands for. Kept tensors without one are shown by value, or by shape.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError
        If nothing was recorded of ``result``.
    """
    if getattr(result, "grad_fn", None) is None:
        raise TypeError(f"result must be a tensor that torch recorded the making of, got {result!r}")
    nodes: list[Any] = []

    def visit(node: Any) -> None:
        for operand in _operands(node):
            if operand not in nodes:
                visit(operand)
        nodes.append(node)

    visit(result.grad_fn)  # operands first
    leaf = {id(node): node.variable for node in nodes if hasattr(node, "variable")}
    title, short = {}, {}
    for name, tensor in (names or {}).items():
        title[id(tensor) if tensor.grad_fn is None else id(tensor.grad_fn)] = name
        short[tensor.data_ptr()] = name if "=" not in name else name.split("=")[0].strip() + "$"
    column, height = _places({id(node): [id(operand) for operand in _operands(node)] for node in nodes})
    ax = ax if ax is not None else plt.subplots(figsize=(1.7 * (1 - min(column.values())), 2.9))[1]
    wide, high = 0.76, 0.7
    for node in nodes:
        x, y, variable = column[id(node)], height[id(node)], leaf.get(id(node))
        fill, edge = ("#e3ecf1", "#55748a") if variable is None else ("#f5e3c8", "#B84A00")
        box = (x - wide / 2, y - high / 2), wide, high
        ax.add_patch(FancyBboxPatch(*box, boxstyle="round,pad=0,rounding_size=0.08", fc=fill, ec=edge))
        kind = node.name().removesuffix("Backward0")
        if variable is None:
            top, kept = title.get(id(node), kind), _kept(node, short)
            kept = ", ".join(filter(None, [kind, kept])) if id(node) in title else kept
        else:
            top, kept = title.get(id(variable), "leaf"), "no .grad"
            if variable.grad is not None:
                kept = f".grad {_shown(variable.grad, {})}"
        ax.text(x, y + 0.15, top, ha="center", va="center", fontsize=13)
        ax.text(
            x, y - 0.17, kept, ha="center", va="center", fontsize=10.5, color="#B84A00" if variable is not None else INK
        )
        for operand in {id(operand): operand for operand in _operands(node)}:
            tail, head = (x - wide / 2, y), (column[operand] + wide / 2, height[operand])
            ax.annotate("", head, tail, arrowprops=dict(arrowstyle="-|>", color="#B84A00", shrinkA=0, shrinkB=0))
    ys = height.values()
    ax.set(xlim=(min(column.values()) - 0.5, 0.5), ylim=(min(ys) - 0.5, max(ys) + 0.5))
    ax.set_axis_off()
    return ax


def _operands(node: Any) -> list[Any]:
    """Return the functions of torch's graph that a backward pass goes on to from this one."""
    return [operand for operand, _ in node.next_functions if operand is not None]


def _kept(node: Any, names: Mapping[int, str]) -> str:
    """Say which tensors a function of torch's graph keeps for its derivative."""
    found = []
    for attribute in sorted((a for a in dir(node) if a.startswith("_saved_")), reverse=True):
        try:
            tensor = getattr(node, attribute)
        except RuntimeError:  # after a backward pass
            return "freed"
        if hasattr(tensor, "data_ptr"):
            found.append(_shown(tensor, names))
    return "keeps " + ", ".join(found) if found else ""


def _shown(tensor: Any, names: Mapping[int, str]) -> str:
    """Return a tensor's name, or its value if it is one number, or its shape."""
    if tensor.data_ptr() in names:
        return names[tensor.data_ptr()]
    return f"{tensor.item():.4g}" if tensor.numel() == 1 else f"{tuple(tensor.shape)}"
