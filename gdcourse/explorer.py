"""The explorer: drag the start, race the rules. A Jupyter widget whose front end also runs in a page without a kernel.

The front end (``static/``) computes the paths that it shows by itself. What Python holds is the specification: the
surface, the rules, the start. Either side may change it, and the other follows.
"""

import html
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any
from urllib.parse import quote

import anywidget
import contourpy
import numpy as np
import traitlets

from gdcourse import frontend, modern, objectives, optimizers, schedules
from gdcourse._checks import require_between, require_count, require_non_negative
from gdcourse.batching import AdditiveNoise
from gdcourse.descent import Trajectory, descend
from gdcourse.objectives import Objective
from gdcourse.optimizers import Optimizer
from gdcourse.second_order import Newton

__all__ = ["Explorer"]

Array = np.ndarray
MOST_STEPS = 2000
SURFACES = (
    "Quadratic", "Booth", "Himmelblau", "Rosenbrock", "Beale", "Bukin6",
    "Saddle", "Rastrigin", "StyblinskiTang", "LinearRegression", "LogisticRegression",
)  # fmt: skip
SCHEDULES = (
    "Constant", "Piecewise", "Exponential", "InverseTime", "StepDecay", "Cosine", "CosineRestarts", "WarmUp",
)  # fmt: skip
COLOURS = {
    "GradientDescent": "#222222", "SignDescent": "#8c8c8c", "Momentum": "#D55E00", "Nesterov": "#E69F00",
    "AdaGrad": "#009E73", "RMSProp": "#56B4E9", "RMSPropNesterov": "#332288", "Adadelta": "#882255", "Adam": "#0072B2",
    "AMSGrad": "#117733", "AdamW": "#CC79A7", "AdaBound": "#AA4499", "NAdam": "#44AA99", "RAdam": "#999933",
    "Lion": "#C1121F", "Newton": "#B8860B",
}  # fmt: skip


RULES: dict[str, type[Optimizer]] = {
    name: Newton if name == "Newton" else getattr(optimizers, name, None) or getattr(modern, name) for name in COLOURS
}


# The same random numbers as static/random.js draws, so that Python's paths are those that the reader sees.


def uniforms(seed: int) -> Iterator[float]:
    """Yield numbers in [0, 1) from the generator Mulberry32."""
    word, a = 0xFFFFFFFF, seed & 0xFFFFFFFF
    while True:
        a = (a + 0x6D2B79F5) & word
        z = ((a ^ (a >> 15)) * (a | 1)) & word
        z = ((z + (((z ^ (z >> 7)) * (z | 61)) & word)) & word) ^ z
        yield ((z ^ (z >> 14)) & word) / 2**32


def seeded_minibatches(n: int, batch_size: int, seed: int) -> Iterator[Array]:
    """Yield the indices of minibatches, reshuffled (Fisher and Yates) at the start of every epoch."""
    random, order = uniforms(seed), np.arange(n)
    while True:
        for i in range(n - 1, 0, -1):
            j = math.floor(next(random) * (i + 1))
            order[[i, j]] = order[[j, i]]
        for first in range(0, n, batch_size):
            yield order[first : first + batch_size].copy()


def seeded_gaussians(sigma: float, seed: int) -> Iterator[Array]:
    """Yield pairs of normal numbers of standard deviation ``sigma`` (Box and Muller)."""
    random = uniforms(seed)
    while True:
        radius = sigma * math.sqrt(-2 * math.log(1 - next(random)))
        angle = 2 * math.pi * next(random)
        yield np.array([radius * math.cos(angle), radius * math.sin(angle)])


# Specifications: what crosses to the browser.


def surface_to_json(surface: Any, _widget: Any = None) -> dict[str, Any]:
    """Return the specification of a surface. Raise ``TypeError`` for one that the front end does not have."""
    name = type(surface).__name__
    if name not in SURFACES or type(surface).__module__ != objectives.__name__ or surface.dim != 2:
        raise TypeError(f"surface must be a two-dimensional objective, one of {', '.join(SURFACES)}; got {surface!r}")
    if name == "Quadratic":
        return {"name": name, "A": surface.A.tolist(), "center": surface.center.tolist()}
    own = frontend.datasets().get(name)
    if own and not (np.array_equal(surface.X, own["X"]) and np.array_equal(surface.y, own["y"])):
        return {"name": name, "X": surface.X.tolist(), "y": surface.y.tolist()}
    return {"name": name}


def surface_from_json(spec: Any, _widget: Any = None) -> Objective:
    """Return the objective of a specification, such as ``{"name": "Himmelblau"}``."""
    arguments = {key: value for key, value in spec.items() if key != "name"}
    if spec["name"] not in SURFACES:
        raise ValueError(f"surface must be one of {', '.join(SURFACES)}, got {spec['name']!r}")
    return getattr(objectives, spec["name"])(**(arguments or frontend.datasets().get(spec["name"], {})))


def rule_to_json(rule: Optimizer) -> dict[str, Any]:
    """Return the specification of a rule. Raise ``TypeError`` for one that the front end does not have."""
    name = type(rule).__name__
    if isinstance(rule, modern.Muon):
        raise TypeError(f"optimizers must be rules for two numbers, but Muon needs a matrix, got {rule!r}")
    if RULES.get(name) is not type(rule):
        raise TypeError(f"optimizers must be rules of the package, such as gd.Adam(lr=0.1), got {rule!r}")
    values: dict[str, Any] = {f.name: getattr(rule, f.name) for f in fields(rule) if f.name != "hessian"}
    for key in ("damping", "absolute") if isinstance(rule, Newton) else ():
        if np.any(values.pop(key)):
            raise ValueError(f"Newton's {key} is not in an explorer: leave it out, got {getattr(rule, key)!r}")
    schedule = None
    if callable(values["lr"]):
        values["lr"], schedule = schedule_to_json(values["lr"])
    for key, value in values.items():
        if callable(value) or np.ndim(value):
            raise TypeError(f"{name}'s {key} must be a plain number in an explorer, got {value!r}")
    spec = {"rule": name, **{key: float(value) for key, value in values.items()}}
    return {**spec, "schedule": schedule} if schedule else spec


def rule_from_json(spec: dict[str, Any]) -> Optimizer:
    """Return the rule of a specification, such as ``{"rule": "Adam", "lr": 0.1}``."""
    values = {key: value for key, value in spec.items() if key not in ("rule", "schedule")}
    if spec.get("schedule"):
        values["lr"] = schedule_from_json(spec["schedule"], values["lr"])
    return RULES[spec["rule"]](**values)


def schedule_to_json(schedule: Any) -> tuple[float, dict[str, Any] | None]:
    """Return the rate that a schedule starts with (or climbs to), and the specification of the rest of it."""
    name = type(schedule).__name__
    if name not in SCHEDULES or type(schedule).__module__ != schedules.__name__:
        raise TypeError(
            f"a schedule in an explorer must be one of gd.schedules: {', '.join(SCHEDULES)}; got {schedule!r}"
        )
    values = {f.name: getattr(schedule, f.name) for f in fields(schedule)}
    if name == "WarmUp":
        lr, after = schedule_to_json(values.pop("schedule"))
        return lr, {"name": name, **values, "after": after}
    if name == "Piecewise":
        rates = [float(rate) for rate in values["values"]]
        if rates[0] == 0:
            raise ValueError(f"a schedule in an explorer must start with a rate above 0, got {schedule!r}")
        factors = [rate / rates[0] for rate in rates]
        return rates[0], {"name": name, "boundaries": np.asarray(values["boundaries"]).tolist(), "factors": factors}
    numbers = {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}
    lr = float(numbers.pop("lr"))
    return lr, {"name": name, **numbers} if name != "Constant" else None


def schedule_from_json(spec: dict[str, Any] | None, lr: float) -> Any:
    """Return the schedule of a specification, such as ``{"name": "InverseTime", "decay": 0.1}``."""
    if spec is None:
        return schedules.Constant(lr)
    values = {key: value for key, value in spec.items() if key != "name"}
    if spec["name"] == "WarmUp":
        return schedules.WarmUp(schedule_from_json(values.pop("after"), lr), **values)
    if spec["name"] == "Piecewise":
        return schedules.Piecewise(values["boundaries"], [lr * factor for factor in values["factors"]])
    return getattr(schedules, spec["name"])(lr, **values)


class Explorer(anywidget.AnyWidget):
    """An interactive figure: the paths of several rules on a surface, from a start that can be dragged.

    In a running notebook every attribute below follows what the reader does, and may be set. In a static page the same
    figure runs without Python.

    Parameters
    ----------
    surface : Objective or str, default "Himmelblau"
        A two-dimensional objective of the package, or its name.
    optimizers : list of Optimizer, optional
        The rules that race. Their hyperparameters must be plain numbers, but for ``lr``, which may be one of
        ``gd.schedules``. Default: gradient descent, momentum, Adam.
    start : pair of floats, optional
        Where they start. Default: near the upper left corner of the surface's domain.
    steps : int, default 100
        Steps that each takes, up to 2,000.
    noise : float, default 0
        Standard deviation of the noise added to each coordinate of the gradient (test functions only).
    batch_size : int, optional
        Items in a minibatch (regression only). Default: the whole batch.
    seed : int, default 0
        Of the noise, or of the minibatches.
    inside : bool, default False
        Show the numbers and arrows inside the chosen rule.
    relief : bool, default False
        Show the surface as a relief rather than by contours.

    Raises
    ------
    TypeError, ValueError
        At once, naming the argument, if one is not of its kind or out of range. Setting an attribute raises
        ``traitlets.TraitError``, with the same message.
    """

    _esm = frontend.widget_module()
    _css = frontend.style()

    surface = traitlets.Any().tag(sync=True, to_json=surface_to_json, from_json=surface_from_json)
    optimizers = traitlets.Any().tag(
        sync=True,
        to_json=lambda rules, _: [rule_to_json(rule) for rule in rules],
        from_json=lambda specs, _: [rule_from_json(spec) for spec in specs],
    )
    start = traitlets.Any().tag(sync=True)
    steps = traitlets.Any().tag(sync=True)
    noise = traitlets.Any().tag(sync=True)
    batch_size = traitlets.Any().tag(sync=True)
    seed = traitlets.Any().tag(sync=True)
    inside = traitlets.Bool().tag(sync=True)
    relief = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        surface: Objective | str = "Himmelblau",
        optimizers: Any = None,
        *,
        start: Any = None,
        steps: int = 100,
        noise: float = 0.0,
        batch_size: int | None = None,
        seed: int = 0,
        inside: bool = False,
        relief: bool = False,
    ) -> None:
        surface = _surface(surface)
        if optimizers is None:
            optimizers = [RULES["GradientDescent"](lr=0.01), RULES["Momentum"](lr=0.01), RULES["Adam"](lr=0.1)]
        if start is None:
            start = (surface.domain[:, 0] + np.array([0.2, 0.8]) * np.diff(surface.domain)[:, 0]).round(3)
        super().__init__(
            surface=surface,
            optimizers=_rules(optimizers),
            start=_start(start),
            steps=_steps(steps),
            noise=_noise(noise),
            batch_size=_batch_size(batch_size),
            seed=_seed(seed),
            inside=inside,
            relief=relief,
        )

    @traitlets.validate("surface", "optimizers", "start", "steps", "noise", "batch_size", "seed")
    def _check(self, proposal: Any) -> Any:
        try:
            return _CHECKS[proposal["trait"].name](proposal["value"])
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(str(error)) from None

    @property
    def trajectories(self) -> list[Trajectory]:
        """What :func:`gdcourse.descend` gives for each of ``optimizers``, in their order: the paths on the screen."""
        return [self._run(rule) for rule in self.optimizers]

    def _run(self, rule: Optimizer) -> Trajectory:
        objective, batches = self.surface, None
        if isinstance(rule, Newton):
            rule = replace(rule, hessian=objective.hessian)
        if hasattr(objective, "n"):
            if self.batch_size is not None and self.batch_size < objective.n:
                batches = seeded_minibatches(objective.n, self.batch_size, self.seed)
        elif self.noise > 0:
            objective, batches = AdditiveNoise(objective), seeded_gaussians(self.noise, self.seed)
        return descend(objective, self.start, rule, self.steps, batches=batches)

    def spec(self) -> dict[str, Any]:
        """Return what the front end is given, ready for JSON."""
        names = ("start", "steps", "noise", "batch_size", "seed", "inside", "relief")
        return {
            "surface": surface_to_json(self.surface),
            "optimizers": [rule_to_json(rule) for rule in self.optimizers],
            **{name: getattr(self, name) for name in names},
        }

    def to_html(self) -> str:
        """Return the element that a static page mounts, with a picture in it for places that run no scripts."""
        spec = html.escape(json.dumps(self.spec(), allow_nan=False, separators=(",", ":")))
        return f'<div class="gd-explorer" data-spec="{spec}">{self._picture()}</div>'

    def _picture(self) -> str:
        runs = self.trajectories
        picture = quote(static_picture(self.surface, self.optimizers, runs), safe=_UNQUOTED)
        return f'<img alt="{html.escape(self._words(runs))}" width="560" src="data:image/svg+xml,{picture}">'

    def _words(self, runs: list[Trajectory]) -> str:
        ends = []
        for rule, run in zip(self.optimizers, runs, strict=True):
            where = f"diverges at step {run.diverged_at}"
            if not run.diverged:
                where = "ends at ({:.3g}, {:.3g})".format(*run.theta[-1])
            ends.append(f"{type(rule).__name__} (lr {_rate(rule)}) {where}")
        paths = "; ".join(ends) or "no rule yet"
        x, y = self.start
        return f"Contours of {self.surface.name}. From ({x:.3g}, {y:.3g}), {self.steps} steps: {paths}."

    def __repr__(self) -> str:
        names = ", ".join(type(rule).__name__ for rule in self.optimizers)
        x, y = self.start
        return f"Explorer({self.surface.name}, [{names}], start=({x:g}, {y:g}), steps={self.steps})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata


def _surface(value: Any) -> Objective:
    if isinstance(value, str):
        return surface_from_json({"name": value})
    surface_to_json(value)
    return value


def _rules(value: Any) -> list[Optimizer]:
    if isinstance(value, Optimizer):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"optimizers must be a list of rules, such as [gd.Adam(lr=0.1)], got {value!r}")
    for rule in value:
        rule_to_json(rule)
    return list(value)


def _start(value: Any) -> list[float]:
    start = np.asarray(value, dtype=float)
    if start.shape != (2,) or not np.all(np.isfinite(start)):
        raise ValueError(f"start must be two finite numbers, got {value!r}")
    return [float(x) for x in start]


def _steps(value: Any) -> int:
    require_count("steps", value)
    require_between("steps", value, 1, MOST_STEPS)
    return int(value)


def _noise(value: Any) -> float:
    require_non_negative("noise", value)
    return float(value)


def _batch_size(value: Any) -> int | None:
    if value is not None:
        require_count("batch_size", value)
    return value


def _seed(value: Any) -> int:
    require_count("seed", value, low=0)
    require_between("seed", value, 0, 2**32 - 1)
    return int(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "surface": _surface, "optimizers": _rules, "start": _start, "steps": _steps, "noise": _noise,
    "batch_size": _batch_size, "seed": _seed,
}  # fmt: skip


_UNQUOTED = " '()*+,-./:;=?@_~!$&"  # what may stand in a double-quoted data URI as it is


def _rate(rule: Optimizer) -> str:
    spec = rule_to_json(rule)
    return f"{spec['lr']:g}" + (f", {spec['schedule']['name']}" if "schedule" in spec else "")


def dress(rules: list[str]) -> list[str]:
    """Return whose colour each racer wears, the twin of ``dress`` in static/rules.js."""
    if len(rules) < 2 or len(set(rules)) > 1:
        return rules
    lent = [name for name in ("Adam", "Momentum", "AdaGrad", "AdamW", "RMSProp", "Adadelta") if name != rules[0]]
    return [rules[0], *(lent[i % len(lent)] for i in range(len(rules) - 1))]


def static_picture(
    surface: Objective, rules: list[Optimizer], runs: list[Trajectory], size: tuple[int, int] = (560, 420)
) -> str:
    """Return contours and paths as a small SVG: log-spaced lines, whole pixels, no path further than the edge."""
    w, h = size
    (x0, x1), (y0, y1) = surface.domain
    unit = max((x1 - x0) / w, (y1 - y0) / h)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2

    def points(xy: Array) -> str:
        pixels = np.column_stack([w / 2 + (xy[:, 0] - cx) / unit, h / 2 - (xy[:, 1] - cy) / unit]).round().astype(int)
        kept = np.r_[True, np.any(np.diff(pixels, axis=0) != 0, axis=1)]
        return " ".join(f"{x},{y}" for x, y in pixels[kept])

    x, y = cx + unit * np.linspace(-w / 2, w / 2, 113), cy + unit * np.linspace(-h / 2, h / 2, 85)
    z = surface(np.stack(np.meshgrid(x, y), axis=-1))
    levels = z.min() + np.ptp(z) / 500 * np.expm1(np.linspace(0, np.log(501), 12))[1:-1]
    lines: list[Any] = [line for level in levels for line in contourpy.contour_generator(x, y, z).lines(level)]
    every = 1 if sum(map(len, lines)) < 4000 else 3  # a surface full of dents has long lines: fewer points on each
    parts = [
        f"<polyline points='{points(line[np.r_[: len(line) - 1 : every, -1]])}'/>" for line in lines if len(line) > 2
    ]
    drawn = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {w} {h}' fill='none' stroke-linejoin='round'>",
        f"<rect width='{w}' height='{h}' fill='#fff'/><g stroke='#b4c3d3'>{''.join(parts)}</g><g stroke-width='2'>",
    ]
    dresses = dress([type(rule).__name__ for rule in rules])
    for worn, run in zip(dresses, runs, strict=True):
        inside = np.all(np.isfinite(run.theta) & (np.abs(run.theta - [cx, cy]) < 3 * unit * w), axis=1)
        last = len(inside) if inside.all() else int(inside.argmin())
        drawn.append(f"<polyline stroke='{COLOURS[worn]}' points='{points(run.theta[:last])}'/>")
    drawn.append("</g>")
    for minimum in surface.minima:
        px, py = points(minimum[None]).split(",")
        drawn.append(f"<circle cx='{px}' cy='{py}' r='5' stroke='#222' stroke-width='1.5'/>")
    if runs:
        px, py = points(runs[0].theta[:1]).split(",")
        drawn.append(f"<circle cx='{px}' cy='{py}' r='6' stroke='#222' stroke-width='3' fill='#fff'/>")
    names = {worn: type(rule).__name__ for worn, rule in zip(dresses, rules, strict=True)}
    if len(set(names.values())) < len(names):  # one rule in several colours: its rates tell the paths apart
        rates = [_rate(rule) for rule in rules]
        names = dict(zip(dresses, [f"{type(rules[0]).__name__} {rates[0]}", *rates[1:]], strict=False))
    legend = "".join(f"<tspan dx='10' fill='{COLOURS[worn]}'>{name}</tspan>" for worn, name in names.items())
    text = f"<text x='10' y='{h - 10}' font-family='sans-serif' font-size='13' fill='#444'>"
    drawn.append(f"{text}{surface.name}:{legend}</text></svg>")
    return "".join(drawn)
