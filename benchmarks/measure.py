"""What the benchmarks share: the clock, the line about the machine, the table and the file it goes to."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(*calls: Callable[[], Any], repeats: int = 5) -> list[float]:
    """Return the median time of each call. They take turns, so that what else the machine does troubles all alike.

    A first turn, which does not count, finds the files and fills the caches.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, took in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            took.append(time.perf_counter() - start)
    return [statistics.median(took[1:]) for took in times]


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(*packages: str) -> str:
    """Return the line about processor, cores and versions."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    load = f"load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{model}, {cores()} cores; Python {platform.python_version()}, {versions}; {load}"


def text(value: Any) -> str:
    """Return a cell: numbers with three digits or all before the point, nothing as a dash."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else "-" if value is None else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the rows under the names of their columns: text to the left, numbers to the right."""
    head = [column.replace("_", " ") for column in columns]
    cells = [head, *([text(value) for value in row] for row in rows)]
    left = [isinstance(value, str) for value in rows[0]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(w) if at else cell.rjust(w) for cell, w, at in zip(line, widths, left, strict=True))
        for line in cells
    ]
    return "\n".join(line.rstrip() for line in lines)


def cell(value: Any) -> str:
    """Return a cell of a .csv file, where a comma would end it: a semicolon stands for it."""
    return f"{value:.5g}" if isinstance(value, float) else "" if value is None else str(value).replace(",", ";")


def report(
    name: str, before: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[Any]], after: Sequence[str] = ()
) -> None:
    """Print a table between two texts, and write it to NAME.txt; to NAME.csv, for the book, the table alone."""
    shown = "\n".join([*before, "", table(columns, rows), *(["", *after] if after else [])]) + "\n"
    print(shown)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(shown, encoding="utf-8")
    lines = [",".join(map(cell, row)) for row in rows]
    (RESULTS / f"{name}.csv").write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8")
