"""Measure how time and memory grow with steps, runs and dimensions, and how near a large step comes to copying speed.

    python benchmarks/scaling.py

An exponent of 1 is a cost in proportion. Prints a table and writes it to benchmarks/results/scaling.txt; some minutes.
"""

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from measure import machine, report, seconds, table

import gdcourse as gd

HILLS = gd.objectives.Himmelblau()

# Arrays of d numbers that a step of momentum on Σθ² reads and writes, operation by operation: 2θ takes 2 of them,
# βv 2, + g 3, −ηv 2, and θ + Δθ 3.
PASSES = 12


def steps(n: int) -> Callable[[], Any]:
    return lambda: gd.descend(HILLS, [-1.0, 1.5], gd.Adam(lr=0.01), n)


def runs(n: int) -> Callable[[], Any]:
    starts = np.random.default_rng(0).uniform(-5, 5, (n, 2))
    return lambda: gd.sweep(HILLS, gd.Adam(lr=0.01), starts=starts, steps=100)


def dimensions(d: int, steps: int = 10) -> Callable[[], Any]:
    squares = gd.objectives.from_function(lambda x: (x**2).sum(axis=-1), lambda x: 2 * x, dim=d)
    start = np.ones(d)
    return lambda: gd.sweep(squares, gd.Momentum(lr=0.1), starts=start, steps=steps)


def peak(call: Callable[[], Any]) -> int:
    """Return the most bytes that a call holds at once, its result included."""
    tracemalloc.start()
    call()
    try:
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exponents(sizes: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Return the exponents of a power of the size that fit the smaller half of the sizes, and the larger half."""
    x, y, half = np.log(sizes), np.log(values), (len(sizes) + 1) // 2
    return float(np.polyfit(x[:half], y[:half], 1)[0]), float(np.polyfit(x[-half:], y[-half:], 1)[0])


def copy_speed(d: int) -> float:
    """Return the GB/s of NumPy's copy of d numbers, read and written."""
    source, target = np.ones(d), np.empty(d)
    return 16 * d / seconds(lambda: np.copyto(target, source), 9) / 1e9


def step_speed(d: int, few: int = 5, many: int = 15) -> float:
    """Return the GB/s of a step of momentum: from the difference of two runs, which has no beginning and no end."""
    took = seconds(dimensions(d, many), 3) - seconds(dimensions(d, few), 3)
    return 8 * PASSES * d * (many - few) / took / 1e9


def main(most_steps: int = 100_000, most_runs: int = 1_000_000, most_dimensions: int = 10_000_000) -> None:
    first = machine("numpy")
    rows, fits = [], []
    for name, make, most in (
        ("steps", steps, most_steps),
        ("runs", runs, most_runs),
        ("dimensions", dimensions, most_dimensions),
    ):
        sizes = [10**k for k in range(len(str(most)))]
        took = [seconds(make(n), 9 if n <= most / 100 else 3) for n in sizes]
        memory = [peak(make(n)) for n in sizes]
        rows += [
            [name, f"{n:,}", f"{1000 * t:.3g}", f"{1e9 * t / n:,.0f}", f"{m / 1e6:.3g}", f"{m / n:,.0f}"]
            for n, t, m in zip(sizes, took, memory, strict=True)
        ]
        fits.append([name, *(f"{x:.2f}" for x in (*exponents(sizes, took), *exponents(sizes, memory)))])
    copy, step = copy_speed(most_dimensions), step_speed(most_dimensions)
    text = [
        first,
        "steps: of one path, gd.descend, Adam on Himmelblau; runs: gd.sweep, Adam on Himmelblau, 100 steps;",
        "dimensions: gd.sweep with one run, momentum on the sum of squares, 10 steps; medians",
        "",
        table(["of", "number", "ms", "ns each", "MB", "bytes each"], rows),
        "",
        "fitted exponents, over the smaller half of the sizes and the larger half",
        "",
        table(["of", "time, small", "time, large", "memory, small", "memory, large"], fits),
        "",
        f"a step in {most_dimensions:,} dimensions moves {PASSES} arrays at {step:.1f} GB/s; "
        f"NumPy copies at {copy:.1f} GB/s: {step / copy:.0%}",
    ]
    report("scaling", "\n".join(text))


if __name__ == "__main__":
    main()
