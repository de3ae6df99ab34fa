"""Time a single path of 300 steps: `gd.descend` against a loop with torch.optim and autograd.

    python benchmarks/path.py

torch's loop is timed twice: as it stands, and with the point and the loss of each step kept, which `gd.descend` does
too. The overhead is what `gd.descend` takes beyond a bare loop that computes the same values, gradients and steps:
records, and the look at each step for divergence. Prints a table and writes it to benchmarks/results/path.txt.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure import machine, report, seconds

import gdcourse as gd

GOAL = 5
START = [-1.0, 1.5]
HILLS = gd.objectives.Himmelblau()
RULES = {
    gd.GradientDescent(lr=0.01): lambda p: torch.optim.SGD(p, lr=0.01),
    gd.Momentum(lr=0.001): lambda p: torch.optim.SGD(p, lr=0.001, momentum=0.9),
    gd.Adam(lr=0.01): lambda p: torch.optim.Adam(p, lr=0.01),
}


def run_torch(make: Callable[[Any], Any], steps: int, keep: bool) -> tuple[list[torch.Tensor], list[float]]:
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([theta])
    points, losses = [theta.detach().clone()], []
    for _ in range(steps):
        optimizer.zero_grad()
        x, y = theta
        loss = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
        loss.backward()
        optimizer.step()
        if keep:
            losses.append(loss.item())
            points.append(theta.detach().clone())
    return points, losses


def bare(rule: Any, steps: int) -> None:
    theta = np.array(START)
    state = rule.init(theta)
    for _ in range(steps):
        delta, state = rule.update(HILLS.grad(theta), state, theta)
        theta = theta + delta
        HILLS(theta)


def measure(rule: Any, make: Callable[[Any], Any], steps: int, repeats: int) -> list[float]:
    """Return the microseconds a step: of gd.descend, of its bare loop, of torch's with and without what is kept."""
    ours = gd.descend(HILLS, START, rule, steps)
    points, losses = run_torch(make, steps, keep=True)
    np.testing.assert_allclose(torch.stack(points).numpy(), ours.theta, rtol=1e-9)
    np.testing.assert_allclose(losses, ours.loss[:-1], rtol=1e-6, atol=1e-12)
    calls: list[Callable[[], Any]] = [
        lambda: gd.descend(HILLS, START, rule, steps),
        lambda: bare(rule, steps),
        lambda: run_torch(make, steps, keep=True),
        lambda: run_torch(make, steps, keep=False),
    ]
    return [took / steps * 1e6 for took in seconds(*calls, repeats=repeats)]


def main(steps: int = 300, repeats: int = 31) -> None:
    torch.set_num_threads(1)
    first = machine("numpy", "torch")
    rows = []
    for rule, make in RULES.items():
        own, without, kept, plain = measure(rule, make, steps, repeats)
        rows.append([type(rule).__name__, own, own - without, kept, plain, kept / own, plain / own])
    report(
        "path",
        [
            f"{steps} steps on Himmelblau, float64, one thread; {first}",
            "microseconds a step, medians; the paths are the same; torch with points and losses kept, and bare",
        ],
        ["rule", "descend", "overhead", "torch_kept", "torch_bare", "ratio_kept", "ratio_bare"],
        rows,
        [f"wanted: ratio kept >= {GOAL}; the least is {min(row[-2] for row in rows):.1f}"],
    )


if __name__ == "__main__":
    main()
