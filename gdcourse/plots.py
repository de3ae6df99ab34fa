"""The book's figures: contours with paths, surfaces, loss curves, animations, all in one style.

Every function draws into ``ax`` (a new figure's, if none is given) and returns it. ``paths`` is a trajectory, a list of
them, or a dictionary from label to trajectory. A rule has the same colour and marker all through the book.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, ListedColormap

from gdcourse.descent import Trajectory

Paths = Trajectory | Sequence[Trajectory] | Mapping[str, Trajectory]

#: One near-white panel for both themes of the book; the pages' style sheet turns it dark where the reader's page is.
PANEL = "#fdfdfb"
INK = "#22262b"

STYLE = {
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
    "axes.prop_cycle": plt.cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK]),
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

#: Name in figures, colour and marker of each rule. The hues are Okabe and Ito's and Paul Tol's, told apart with any colour vision.
RULES = {
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


def _drawn(paths: Paths | None) -> Iterator[_Drawn]:
    """Give each path its label, colour and marker."""
    if paths is None:
        return
    if isinstance(paths, Trajectory):
        paths = [paths]
    rules = [type(p.optimizer).__name__ for p in (paths.values() if isinstance(paths, Mapping) else paths)]
    known = [RULES.get(rule, (rule, INK, "o")) for rule in rules]
    labels = list(paths) if isinstance(paths, Mapping) else [name for name, _, _ in known]
    trajectories = paths.values() if isinstance(paths, Mapping) else paths
    alike = {rule: rules.count(rule) for rule in rules}
    seen: dict[str, int] = {}
    for label, path, rule, (_, color, marker) in zip(labels, trajectories, rules, known, strict=True):
        if path.loss.ndim != 1:
            raise ValueError(f"paths must be single runs, got a batch of shape {path.loss.shape[1:]}: take path[i]")
        if alike[rule] > 1:  # several runs of one rule: shades in the order of drawing
            color = colormaps["plasma"](0.05 + 0.75 * seen.get(rule, 0) / (alike[rule] - 1))
            seen[rule] = seen.get(rule, 0) + 1
        yield _Drawn(label, path, color, marker)


def _heights(objective: Any, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values over a grid and about 18 levels, spaced geometrically above the lowest value."""
    z = np.asarray(objective(theta), dtype=float)
    z = np.where(np.isfinite(z), z, np.nan)
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    known = getattr(objective, "minimum", None)
    base = min(low, known) if known is not None else low
    first = max(np.nanquantile(z, 0.01) - base, 1e-4 * (high - base))
    return z, base + np.concatenate([[0.0], np.geomspace(first, high - base, 17)])


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
        Single runs, labelled by their rule or by the dictionary's keys.
    ax : matplotlib Axes, optional
    domain : array_like, shape (2, 2), optional
        Lower and upper end of θ₁ and of θ₂. Default: the objective's own.
    legend : bool, optional
        Default: if there is more than one path.

    Returns
    -------
    matplotlib Axes
    """
    ax = ax if ax is not None else plt.subplots()[1]
    domain = np.asarray(objective.domain if domain is None else domain, dtype=float)
    theta = grid(domain, 241)
    z, levels = _heights(objective, theta)
    norm = BoundaryNorm(levels, HEIGHT.N)
    ax.contourf(theta[..., 0], theta[..., 1], z, levels, cmap=HEIGHT, norm=norm)
    ax.contour(theta[..., 0], theta[..., 1], z, levels[1:], colors="#55748a", linewidths=0.4, alpha=0.7)
    drawn = list(_drawn(paths))
    margin = 10 * np.ptp(domain, axis=1)
    for label, path, color, marker in drawn:
        points = path.theta[np.isfinite(path.theta).all(axis=-1)]
        points = np.clip(points, domain[:, 0] - margin, domain[:, 1] + margin)
        x, y = points.T
        every = dict(marker=".", markersize=4) if len(points) <= 80 else {}
        ax.plot(x, y, color=color, linewidth=1.5, path_effects=_CASING, zorder=3, **every)
        ax.plot(x[0], y[0], "o", color=PANEL, markeredgecolor=color, markeredgewidth=1.6, markersize=7, zorder=5)
        ax.plot(x[-1], y[-1], marker, color=color, markeredgecolor=PANEL, markersize=10, zorder=6)
        ax.plot([], [], color=color, marker=marker, label=label)
    mark_minima(ax, objective)
    ax.set(xlim=domain[0], ylim=domain[1], xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(visible=False)
    if legend if legend is not None else len(drawn) > 1:
        ax.legend()
    return ax


def mark_minima(ax: Axes, objective: Any) -> None:
    """Mark the known minima with yellow stars."""
    minima = np.asarray(getattr(objective, "minima", np.empty((0, 2))))
    ax.plot(minima[:, 0], minima[:, 1], "*", color="#F0E442", markeredgecolor=INK, markersize=13, zorder=4)


def basins(objective: Any, runs: Trajectory, *, ax: Axes | None = None, within: float = 0.1) -> Axes:
    """Colour each start of a grid by the minimum that its run ends at, over the level lines.

    Dark where a run ends nowhere near a minimum: it wanders, or has diverged.

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
    ax = ax if ax is not None else plt.subplots()[1]
    which = arrived(objective, runs, within)
    (left, right), (low, high) = runs.theta[0, 0, [0, -1], 0], runs.theta[0, [0, -1], 0, 1]
    colors = ["#33383d", "#7cc4ee", "#f2c14e", "#4fb892", "#dd9fc1", "#b9a7e0", "#e88b5a"][: len(objective.minima) + 1]
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
    theta = grid(objective.domain, 241)
    z, levels = _heights(objective, theta)
    ax.contour(theta[..., 0], theta[..., 1], z, levels[1:], colors=INK, linewidths=0.4, alpha=0.5)
    mark_minima(ax, objective)
    ax.set(xlim=objective.domain[0], ylim=objective.domain[1], xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(visible=False)
    return ax


def arrived(objective: Any, runs: Trajectory, within: float = 0.1) -> np.ndarray:
    """Return for each run of a batch the index of the minimum within reach of its last point, −1 if there is none."""
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
    ax = ax if ax is not None else plt.subplots()[1]
    low, high = np.ravel(objective.domain if domain is None else domain)
    x = np.linspace(low, high, 400)
    ax.plot(x, objective(x[:, None]), color="#4f7089")
    drawn = list(_drawn(paths))
    for label, path, color, _ in drawn:
        inside = np.isfinite(path.loss) & (path.theta[:, 0] >= low) & (path.theta[:, 0] <= high)
        ax.plot(path.theta[inside, 0], path.loss[inside], "o-", color=color, linewidth=1, label=label, zorder=3)
        if inside[0]:
            ax.plot(path.theta[0, 0], path.loss[0], "o", color=PANEL, markeredgecolor=color, markersize=8, zorder=4)
    ax.set(xlabel=r"$\theta$", ylabel=r"$L(\theta)$")
    if len(drawn) > 1:
        ax.legend()
    return ax


def surface(objective: Any, paths: Paths | None = None, *, ax: Any = None, domain: Any = None) -> Any:
    """Draw a function of two parameters as a surface in space, with paths on it.

    Parameters are those of :func:`contour`; ``ax``, if given, must have the projection "3d".
    """
    ax = ax if ax is not None else plt.figure(figsize=(6.4, 4.8)).add_subplot(projection="3d")
    domain = np.asarray(objective.domain if domain is None else domain, dtype=float)
    theta = grid(domain, 121)
    z, levels = _heights(objective, theta)
    norm = BoundaryNorm(levels, HEIGHT.N)
    ax.plot_surface(
        theta[..., 0], theta[..., 1], z, cmap=HEIGHT, norm=norm, rcount=60, ccount=60, alpha=0.85, linewidth=0
    )
    drawn = list(_drawn(paths))
    for label, path, color, _ in drawn:
        inside = np.isfinite(path.loss) & ((path.theta >= domain[:, 0]) & (path.theta <= domain[:, 1])).all(axis=-1)
        x, y = path.theta[inside].T
        ax.plot(x, y, path.loss[inside], ".-", color=color, linewidth=1.5, markersize=3, label=label, zorder=5)
    ax.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", zlabel=r"$L$")
    if len(drawn) > 1:
        ax.legend()
    return ax


def loss_curves(paths: Paths, *, ax: Axes | None = None, log: bool = True) -> Axes:
    """Draw the loss against the step, above the known minimum where there is one.

    A cross ends the curve of a run that diverged, which is drawn up to 10,000 times the largest loss at the start.

    Parameters
    ----------
    paths : Trajectory, list or dict
    ax : matplotlib Axes, optional
    log : bool, default True
        Logarithmic axis, on which a constant rate of convergence is a straight line.
    """
    ax = ax if ax is not None else plt.subplots()[1]
    drawn = list(_drawn(paths))
    minimum = drawn[0].trajectory.minimum
    ceiling = 1e4 * max(path.loss[0] - (minimum or 0.0) for _, path, _, _ in drawn)
    for label, path, color, _ in drawn:
        loss = path.loss - (minimum or 0.0)
        steps = np.flatnonzero(np.isfinite(loss) & ~(path.diverged & (loss > ceiling)))
        ax.plot(steps, loss[steps], color=color, label=label)
        if path.diverged:
            ax.plot(steps[-1], loss[steps[-1]], "x", color=color, markersize=9, markeredgewidth=2)
    ax.set(xlabel="step", ylabel=r"$L(\theta_t) - L^\star$" if minimum is not None else r"$L(\theta_t)$")
    if log:
        ax.set_yscale("log")
    if len(drawn) > 1:
        ax.legend()
    return ax


def animate(objective: Any, paths: Paths, *, domain: Any = None, frames: int = 60, fps: int = 20) -> FuncAnimation:
    """Animate paths racing over the level lines.

    Parameters
    ----------
    objective, paths, domain
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
    ax = contour(objective, domain=domain)
    drawn = list(_drawn(paths))
    lines, heads = [], []
    for label, _, color, marker in drawn:
        lines.append(ax.plot([], [], color=color, linewidth=1.5, path_effects=_CASING, label=label)[0])
        heads.append(ax.plot([], [], marker, color=color, markeredgecolor=PANEL, markersize=10)[0])
    ax.legend(loc="upper right")
    last = max(d.trajectory.steps for d in drawn)

    def draw(frame: int) -> list[Any]:
        step = round(last * frame / max(frames - 1, 1))
        for line, head, (_, path, _, _) in zip(lines, heads, drawn, strict=True):
            points = path.theta[: step + 1]
            points = points[np.isfinite(points).all(axis=-1)]
            line.set_data(*points.T)
            head.set_data(*points[-1:].T)
        ax.set_title(f"step {step}", loc="left")
        return [*lines, *heads]

    return FuncAnimation(ax.figure, draw, frames=frames, interval=1000 / fps, blit=False)
