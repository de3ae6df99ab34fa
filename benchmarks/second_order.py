"""Count what L-BFGS and Newton's method compute until the gradient is 1e-8 long, and time it, here and in SciPy.

    python benchmarks/second_order.py

Every run is ended by the objective itself, as soon as it is asked for a gradient that short, so that no stopping rule
of one library is held against another's. Prints a table and writes it to benchmarks/results/second_order.txt.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import machine, report, seconds
from scipy.optimize import minimize

import gdcourse as gd

TOLERANCE = 1e-8
MOST = 15_000  # steps


class Arrived(Exception):
    """The gradient is short enough."""


class Counted:
    """An objective that counts what it is asked for, and ends the run when it arrives."""

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self.values = self.gradients = self.hessians = 0

    def __call__(self, theta: Any) -> Any:
        self.values += 1
        return self.objective(theta)

    def grad(self, theta: Any) -> np.ndarray:
        self.gradients += 1
        grad = self.objective.grad(theta)
        if np.linalg.norm(grad) <= TOLERANCE:
            raise Arrived(self.objective(theta))
        return grad

    def hessian(self, theta: Any) -> np.ndarray:
        self.hessians += 1
        return self.objective.hessian(theta)


def scipys(method: str, **options: Any) -> Callable[[Counted, np.ndarray], Any]:
    def run(f: Counted, start: np.ndarray) -> Any:
        second = {} if method == "L-BFGS-B" else {"hess": f.hessian}
        return minimize(f, start, jac=f.grad, method=method, options={"maxiter": MOST, **options}, **second)

    return run


METHODS: dict[str, Callable[[Counted, np.ndarray], Any]] = {
    "gd.lbfgs": lambda f, start: gd.lbfgs(f, start, MOST),
    "SciPy L-BFGS-B": scipys("L-BFGS-B", maxcor=10, gtol=0, ftol=0, maxfun=10 * MOST),
    "gd.newton": lambda f, start: gd.newton(f, start, 100),
    "SciPy Newton-CG": scipys("Newton-CG", xtol=0),
    "SciPy trust-exact": scipys("trust-exact", gtol=0),
}


def problems() -> dict[str, tuple[Any, np.ndarray]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 20))
    y = (X @ rng.normal(size=20) + rng.normal(size=500) > 0).astype(float)
    logistic = gd.objectives.Regularised(gd.objectives.LogisticRegression(X, y), gd.losses.L2(0.01))
    return {
        "Himmelblau": (gd.objectives.Himmelblau(), np.array([4.0, 3.5])),
        "Rosenbrock d = 2": (gd.objectives.Rosenbrock(), np.array([-1.2, 1.0])),
        "Rosenbrock d = 100": (gd.objectives.Rosenbrock(100), np.tile([-1.2, 1.0], 50)),
        "Quadratic d = 100 κ = 10⁴": (gd.objectives.Quadratic(np.geomspace(1, 1e4, 100)), np.ones(100)),
        "logistic regression d = 20": (logistic, np.zeros(20)),
    }


def arrive(
    run: Callable[[Counted, np.ndarray], Any], objective: Any, start: np.ndarray
) -> tuple[Counted, float | None]:
    """Return what was counted, and the loss on arrival; None if it did not arrive."""
    counted = Counted(objective)
    try:
        run(counted, start)
    except Arrived as arrived:
        return counted, float(arrived.args[0])
    return counted, None


def main(repeats: int = 7, most_dimensions: int = 100) -> None:
    first = machine("numpy", "scipy")
    rows: list[list[Any]] = []
    for problem, (objective, start) in problems().items():
        if len(start) > most_dimensions:
            continue
        calls = [partial(arrive, run, objective, start) for run in METHODS.values()]
        took = seconds(*calls, repeats=repeats)
        for name, call, time in zip(METHODS, calls, took, strict=True):
            counted, loss = call()
            counts = (counted.values, counted.gradients, counted.hessians or None, 1000 * time, loss)
            rows.append([problem, name, *(counts if loss is not None else [None] * 5)])
    report(
        "second_order",
        [
            first,
            f"until a gradient of length <= {TOLERANCE:g} is computed; medians of {repeats}; 10 pairs for both L-BFGS",
            "a dash for all: the method ended, or gave up, before",
        ],
        ["problem", "method", "values", "gradients", "Hessians", "ms", "loss"],
        rows,
    )


if __name__ == "__main__":
    main()
