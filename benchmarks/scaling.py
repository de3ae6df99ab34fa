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


def copy_ms(d: int) -> float:
    """Return the milliseconds of NumPy's copy of d numbers."""
    source, target = np.ones(d), np.empty(d)
    return 1000 * seconds(lambda: np.copyto(target, source), repeats=9)[0]


def step_ms(d: int, few: int = 5, many: int = 15) -> float:
    """Return the milliseconds of a step of momentum: by the difference of two runs, without their beginning and end."""
    short, long = seconds(dimensions(d, few), dimensions(d, many), repeats=3)
    return 1000 * (long - short) / (many - few)


def main(most_steps: int = 10_000, most_runs: int = 100_000, most_dimensions: int = 10_000_000) -> None:
    first = machine("numpy")
    rows, fits = [], []
    for name, make, most in (
        ("steps", steps, most_steps),
        ("runs", runs, most_runs),
        ("dimensions", dimensions, most_dimensions),
    ):
        sizes = [10**k for k in range(len(str(most)))]
        took = [seconds(make(n), repeats=9 if n <= most / 100 else 3)[0] for n in sizes]
        memory = [peak(make(n)) for n in sizes]
        rows += [[name, n, 1e3 * t, m / 1e6, 1e9 * t / n, m / n] for n, t, m in zip(sizes, took, memory, strict=True)]
        fits.append([name, *exponents(sizes, took), *exponents(sizes, memory)])
    copy, step = copy_ms(most_dimensions), step_ms(most_dimensions)
    rows += [["one copy", most_dimensions, copy, *3 * [None]], ["one step", most_dimensions, step, *3 * [None]]]
    speeds = [8e-6 * most_dimensions * passes / ms for passes, ms in ((2, copy), (PASSES, step))]  # GB/s
    report(
        "scaling",
        [
            first,
            "steps: of one path, gd.descend, Adam on Himmelblau; runs: gd.sweep, Adam on Himmelblau, 100 steps;",
            "dimensions: gd.sweep with one run, momentum on the sum of squares, 10 steps; medians",
        ],
        ["what", "number", "ms", "MB", "ns_each", "bytes_each"],
        rows,
        [
            "fitted exponents, over the smaller half of the sizes and the larger half",
            "",
            table(["of", "time_small", "time_large", "memory_small", "memory_large"], fits),
            "",
            f"a step in {most_dimensions:,} dimensions reads and writes {PASSES} arrays at {speeds[1]:.1f} GB/s; "
            f"NumPy copies at {speeds[0]:.1f} GB/s: {speeds[1] / speeds[0]:.0%}",
        ],
    )


if __name__ == "__main__":
    main()
