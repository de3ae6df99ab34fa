"""Time 10,000 runs of 300 steps: `gd.sweep` against torch.optim, one run at a time and on the batch, and against optax.

    python benchmarks/sweep.py

All start from the same points, with the same hyperparameters, in float64, and must end at the same points. optax and
jax come with benchmarks/requirements.txt. Prints a table and writes it to benchmarks/results/sweep.txt; about two
minutes.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
import torch
from measure import cores, machine, report, seconds

import gdcourse as gd

GOALS = {"one_by_one": 3000, "batch": 4, "optax_cold": 4, "optax_warm": 1.2}
TOLERANCE = 1e-6  # between two ends of a run, in each coordinate


def himmelblau(theta: Any) -> Any:
    x, y = theta[..., 0], theta[..., 1]
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def rosenbrock(theta: Any) -> Any:
    x, y = theta[..., 0], theta[..., 1]
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


# Surface, the same for torch and jax, rule, the same in torch and in optax. The rates let no run diverge.
CASES: list[tuple[Any, Callable[[Any], Any], Any, Callable[[Any], Any], Any]] = [
    (surface, function, rule, in_torch, in_optax)
    for surface, function, rate in (
        (gd.objectives.Himmelblau(), himmelblau, 1e-3),
        (gd.objectives.Rosenbrock(), rosenbrock, 1e-4),
    )
    for rule, in_torch, in_optax in (
        (gd.Adam(lr=0.01), lambda p: torch.optim.Adam(p, lr=0.01), optax.adam(0.01)),
        (
            gd.Momentum(lr=rate, beta=0.9),
            lambda p, rate=rate: torch.optim.SGD(p, lr=rate, momentum=0.9),
            optax.sgd(rate, momentum=0.9),
        ),
    )
]


def run_torch(function: Callable[[Any], Any], make: Callable[[Any], Any], starts: np.ndarray, steps: int) -> np.ndarray:
    """Run torch's rule from one start, or from all as one tensor: in the gradient of the sum each has its own."""
    theta = torch.tensor(starts, requires_grad=True)
    optimizer = make([theta])
    for _ in range(steps):
        optimizer.zero_grad()
        function(theta).sum().backward()
        optimizer.step()
    return theta.detach().numpy()


def compiled_optax(function: Callable[[Any], Any], rule: Any, steps: int) -> Callable[[np.ndarray], Any]:
    """Return optax's runs, compiled when first called: one run by `scan`, all side by side by `vmap`."""
    slope = jax.grad(function)

    def step(carry: Any, _: None) -> Any:
        theta, state = carry
        change, state = rule.update(slope(theta), state, theta)
        return (optax.apply_updates(theta, change), state), None

    def run(start: Any) -> Any:
        return jax.lax.scan(step, (start, rule.init(start)), None, length=steps)[0][0]

    return jax.jit(jax.vmap(run))


def measure(case: tuple[Any, ...], runs: int, steps: int, sample: int, repeats: int) -> tuple[str, list[float]]:
    """Return the name of a case, and the seconds of each of the five for all its runs."""
    surface, function, rule, in_torch, in_optax = case
    low, high = surface.domain.T
    starts = np.random.default_rng(0).uniform(low, high, (runs, 2))

    def ours() -> np.ndarray:
        return gd.sweep(surface, rule, starts=starts, steps=steps).theta

    def one_by_one() -> np.ndarray:
        return np.array([run_torch(function, in_torch, start, steps) for start in starts[:sample]])

    def batch() -> np.ndarray:
        return run_torch(function, in_torch, starts, steps)

    def cold() -> np.ndarray:
        jax.clear_caches()
        return np.asarray(compiled_optax(function, in_optax, steps)(starts))

    ends = ours()
    assert np.isfinite(ends).all()
    for other in (one_by_one, batch, cold):
        found = other()
        difference = np.abs(found - ends[: len(found)]).max()
        assert difference < TOLERANCE, f"{other.__name__} ends elsewhere, by {difference:g}"
    warm = compiled_optax(function, in_optax, steps).lower(starts).compile()  # which `cold` does not clear away
    own, single, together, first, again = seconds(
        ours, one_by_one, batch, cold, lambda: np.asarray(warm(starts)), repeats=repeats
    )
    return f"{type(rule).__name__} on {surface.name}", [own, single * runs / sample, together, first, again]


def main(runs: int = 10_000, steps: int = 300, sample: int = 10, repeats: int = 5) -> None:
    jax.config.update("jax_enable_x64", True)
    torch.set_num_threads(cores())
    first = machine("numpy", "torch", "jax", "optax")
    found = dict(measure(case, runs, steps, sample, repeats) for case in CASES)
    found["all four"] = list(np.sum(list(found.values()), axis=0))
    rows = []
    for name, (ours, *others) in found.items():
        work = runs * steps * (len(CASES) if name == "all four" else 1)
        rows.append([name, 1000 * ours, work / ours / 1e6, *(t / ours for t in others)])
    missed = [
        f"{name}: {ratio:.2f} times, {goal} wanted"
        for (name, goal), ratio in zip(GOALS.items(), rows[-1][3:], strict=True)
        if ratio < goal
    ]
    report(
        "sweep",
        [
            f"{runs:,} runs x {steps} steps, float64; {first}",
            "how many times the time of gd.sweep the others take, by medians; all end at the same points",
            f"one by one: torch.optim on {sample} runs, scaled; batch: torch.optim on all; cold: with compiling",
        ],
        ["case", "sweep_ms", "million_steps_a_second", *GOALS],
        rows,
        [
            "wanted, of all four: " + ", ".join(f"{name} >= {goal}" for name, goal in GOALS.items()),
            "missed: " + ("; ".join(missed) or "none"),
        ],
    )


if __name__ == "__main__":
    main()
