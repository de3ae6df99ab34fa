"""What a rule is, at a glance, taken from the rule itself: its formulas, what it keeps, what a step of it costs.

Formulas come from docstrings and defaults from signatures; arrays and operations are counted in a rule that runs.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from gdcourse.counting import count_operations
from gdcourse.modern import Muon
from gdcourse.optimizers import Adam, Array, Optimizer
from gdcourse.second_order import Newton

__all__ = ["TORCH", "Counterpart", "Table", "defaults", "differences", "formulas", "operations", "state_arrays"]

STEPS = 12  # before a rule is looked at: more than the pairs that L-BFGS keeps


class Counterpart(NamedTuple):
    """The same rule in ``torch.optim``.

    Attributes
    ----------
    name : str
        Of torch's class.
    names : dict
        torch's name for each hyperparameter that has another one there.
    options : dict
        What torch must be told to be this rule.
    mind : tuple of str
        Further arguments of torch's whose defaults a reader should know.
    """

    name: str
    names: Mapping[str, str] = {}
    options: Mapping[str, Any] = {}
    mind: tuple[str, ...] = ()

    def signature(self) -> dict[str, Any]:
        """Return torch's own defaults, by name."""
        parameters = inspect.signature(getattr(torch.optim, self.name)).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def arguments(self, rule: Optimizer) -> dict[str, Any]:
        """Return what torch's class is to be called with to be ``rule``."""
        given = {self.names.get(name, name): getattr(rule, name) for name in defaults(type(rule))}
        if "beta1" in given:
            given["betas"] = given.pop("beta1"), given.pop("beta2")
        return {**given, **self.options}


#: The counterparts in torch.optim, by the name of our rule.
TORCH = {
    "GradientDescent": Counterpart("SGD"),
    "Momentum": Counterpart("SGD", {"beta": "momentum"}),
    "Nesterov": Counterpart("SGD", {"beta": "momentum"}, {"nesterov": True}),
    "AdaGrad": Counterpart("Adagrad"),
    "RMSProp": Counterpart("RMSprop", {"rho": "alpha"}),
    "Adadelta": Counterpart("Adadelta"),
    "Adam": Counterpart("Adam"),
    "AMSGrad": Counterpart("Adam", options={"amsgrad": True}),
    "AdamW": Counterpart("AdamW"),
    "NAdam": Counterpart("NAdam"),
    "RAdam": Counterpart("RAdam"),
    "Muon": Counterpart("Muon", {"beta": "momentum"}),
    "LBFGS": Counterpart("LBFGS", {"memory": "history_size"}, mind=("line_search_fn", "max_iter")),
}


def formulas(rule: type[Optimizer]) -> list[str]:
    r"""Return the update as the docstring has it: one formula in TeX for each line, less the zeros at the start."""
    lines = inspect.cleandoc(rule.__doc__ or "").splitlines()
    found: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(".. math::"):
            inside = True
            found.append(line.removeprefix(".. math::"))
        elif inside and line.startswith(" "):
            found[-1] += " " + line.strip()
        else:
            inside = False
    parts = [part.strip() for block in found for part in re.split(r",\s*\\q?quad", block)]
    return [part for part in parts if not re.fullmatch(r"[a-z]_0 = 0", part)]


def defaults(rule: type[Optimizer]) -> dict[str, Any]:
    """Return the hyperparameters and other settings that have a number or a truth value as their default."""
    parameters = inspect.signature(rule).parameters.items()
    return {name: p.default for name, p in parameters if isinstance(p.default, (bool, int, float))}


def differences(rule: type[Optimizer]) -> list[str]:
    """Say, as Markdown, where torch has another name or another default; empty if nowhere."""
    counterpart = TORCH[rule.__name__]
    theirs = counterpart.signature()
    said = []
    for name, value in defaults(rule).items():
        other = counterpart.names.get(name, name)
        if name in ("beta1", "beta2") and "betas" in theirs:
            default = theirs["betas"][int(name[-1]) - 1]
        elif other in theirs:
            default = theirs[other]
        else:
            continue  # a setting that torch does not have
        if default != value:
            said.append(f"`{name}` is `{other}={_shown(default)}`" if other != name else f"`{other}={_shown(default)}`")
        elif other != name:
            said.append(f"`{name}` is `{other}`")
    return said + [f"`{name}={theirs[name]!r}`" for name in counterpart.mind]


def _leaves(state: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of all that a state holds."""
    for name, value in state._asdict().items() if state is not None else ():
        if hasattr(value, "_asdict"):
            yield from _leaves(value)
        else:
            yield name, value


def _with_leaves(state: Any, leaves: Iterator[Any]) -> Any:
    """Return the state with other values in their order."""
    if state is None:
        return None
    return type(state)(*(_with_leaves(v, leaves) if hasattr(v, "_asdict") else next(leaves) for v in state))


def _under_way(rule: Optimizer, size: int) -> tuple[Array, Array, Any]:
    """Return θ, g and the state of a rule that has taken a few steps down a bowl of ``size`` parameters.

    For Muon, θ is a matrix of ``size`` × ``size``.
    """
    rng = np.random.default_rng(0)
    shape = (size, size) if isinstance(rule, Muon) else (size,)
    theta, curvature = rng.normal(size=shape), rng.uniform(0.5, 2.0, size=shape)
    state = rule.init(theta)
    for _ in range(STEPS):
        delta, state = rule.update(curvature * theta, state, theta)
        theta = theta + delta
    return theta, curvature * theta, state


def state_arrays(rule: Optimizer, size: int = 128) -> dict[str, int]:
    """Return how many arrays of the size of θ each part of the state takes; numbers beside them are left out.

    Parameters
    ----------
    rule : Optimizer
    size : int, default 128
        Number d of parameters; for Muon, of rows and of columns.
    """
    theta, _, state = _under_way(rule, size)
    counted = {name: np.size(value) // theta.size for name, value in _leaves(state)}
    return {name: count for name, count in counted.items() if count}


def operations(rule: Optimizer, size: int) -> int:
    """Count the operations on numbers of one step: the look-ahead, Δθ, the state, and θ + Δθ; no gradient.

    A power, a root and a sign count one each, as :func:`gdcourse.counting.count_operations` has it.

    Parameters
    ----------
    rule : Optimizer
    size : int
        Number d of parameters; for Muon, of rows and of columns.

    Raises
    ------
    TypeError
        If the rule solves equations, as Newton's does.
    """
    theta, grad, state = _under_way(rule, size)
    leaves = [value for _, value in _leaves(state)]
    counted = [i for i, value in enumerate(leaves) if np.ndim(value) and np.asarray(value).dtype == float]

    def step(theta: Array, grad: Array, *arrays: Array) -> Array:
        now = list(leaves)
        for i, array in zip(counted, arrays, strict=True):
            now[i] = array
        memory = _with_leaves(state, iter(now))
        rule.lookahead(memory, theta)
        delta, _ = rule.update(grad, memory, theta)
        return theta + delta

    return count_operations(step, theta, grad, *(leaves[i] for i in counted))


def _each(count: Callable[[int], float], of: str) -> str:
    """Write a count, for each parameter, as a d + b: measured at three sizes, with a rest that grows no more."""
    sizes = np.array([32, 64, 128])
    a, b, _ = np.round(np.linalg.solve(np.stack([sizes, sizes**0, 1 / sizes], axis=1), [count(n) for n in sizes]))
    return f"{b:.0f}" if a == 0 else f"${a:.0f}{of} {'+' if b >= 0 else '-'} {abs(b):.0f}$"


def _cost(rule: Optimizer) -> str:
    if isinstance(rule, Newton):
        return "a Hessian, and $d$ equations to solve: of the order of $d^2$ per parameter"
    if isinstance(rule, Muon):
        return _each(lambda n: operations(rule, n) / n**2, "n") + " per parameter, for $n \\times n$"
    return _each(lambda n: operations(rule, n) / n, "d") + " per parameter"


def _state(rule: Optimizer) -> str:
    if isinstance(rule, Newton):
        return "none"
    small, large = (state_arrays(rule, size) for size in (64, 128))
    if not large:
        return "none"
    grows = any(large[name] != small[name] for name in large)  # a matrix has as many rows as there are parameters
    total = sum(count for name, count in large.items() if count == small[name])
    count = f"$d + {total}$" if grows else str(total)
    names = [f"`{name}`" + ("" if n == 1 else f" × {n}" if n == small[name] else " × $d$") for name, n in large.items()]
    return f"{count} array{'s' * (count != '1')}: {', '.join(names)}"


def _torch(rule: type[Optimizer]) -> str:
    if rule.__name__ not in TORCH:
        return "none"
    counterpart = TORCH[rule.__name__]
    options = ", ".join(f"{name}={value!r}" for name, value in counterpart.options.items())
    differ = differences(rule)
    return f"`{counterpart.name}{f'({options})' if options else ''}`" + (f"; {', '.join(differ)}" if differ else "")


def _update(rule: type[Optimizer]) -> str:
    found = formulas(rule)
    lines = [f"$\\displaystyle {formula}$" for formula in found]
    if issubclass(rule, Adam):
        meant = {
            "v_t": r"(?<!hat )(?<!bar )v_t",
            "s_t": r"(?<!hat )s_t",
            r"\hat v_t": r"\\hat v_t",
            r"\hat s_t": r"\\hat s_t",
        }
        used = [tex for tex, pattern in meant.items() if re.search(pattern, "".join(found))]
        if borrowed := [f"${tex}$" for tex in used if not any(line.startswith(f"{tex} =") for line in found)]:
            lines.append(f"{' and '.join(borrowed)} as in Adam")
    return "<br>".join(lines).replace("|", r"\vert ")


def _made(rule: Any) -> Optimizer:
    """Return the rule with its defaults."""
    return rule()


def _shown(value: Any) -> str:
    return repr(value).replace("e-0", "e-")


class Table:
    """A table of rules for a page: a row for each, with its formulas and what was measured in it.

    Parameters
    ----------
    rules : dict
        For each rule (its class) how it is called, and when to use it, both as Markdown.
    """

    def __init__(self, rules: Mapping[type[Optimizer], tuple[str, str]]) -> None:
        rows = ["| rule, and when | update | state, cost, defaults, torch |", "|---|---|---|"]
        for rule, (name, when) in rules.items():
            settings = ", ".join(f"`{key}={_shown(value)}`" for key, value in defaults(rule).items())
            facts = {
                "State": _state(_made(rule)),
                "Cost": _cost(_made(rule)),
                "Defaults": settings,
                "torch": _torch(rule),
            }
            measured = "<br>".join(f"**{key}** {value}" for key, value in facts.items())
            rows.append(f"| **{name}**<br>{when} | {_update(rule)} | {measured} |")
        self._text = "\n".join(rows)

    def __repr__(self) -> str:
        return self._text

    def _repr_markdown_(self) -> str:
        return self._text
