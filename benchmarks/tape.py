"""Time the gradient of one function by the course's tape, by torch, and by a scalar engine in the manner of micrograd.

    python benchmarks/tape.py

The function is Rosenbrock's in d dimensions. Each engine's gradient, forward and backward, is held
against the same function without any: in NumPy, in torch, in Python's numbers. One thread, float64. Prints a table and
writes it to benchmarks/results/tape.txt.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from measure import machine, report, seconds

import gdcourse as gd
from gdcourse.autodiff import grad


class Value:
    """A number that remembers how it was computed: micrograd's idea, with a stack for its recursion."""

    def __init__(self, data: float, parents: tuple[tuple["Value", float], ...] = ()) -> None:
        self.data, self.grad, self.parents = data, 0.0, parents  # each parent with the derivative by it

    def __add__(self, other: Any) -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Any) -> "Value":
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, power: float) -> "Value":
        return Value(self.data**power, ((self, power * self.data ** (power - 1)),))

    def __sub__(self, other: Any) -> "Value":
        return self + -1 * other

    def __rsub__(self, other: Any) -> "Value":
        return other + -1 * self

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order, seen, waiting = [], set(), [(self, False)]
        while waiting:
            node, done = waiting.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                waiting.append((node, True))
                waiting.extend((parent, False) for parent, _ in node.parents)
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.parents:
                parent.grad += slope * node.grad


def f(theta: Any) -> Any:
    """Return Rosenbrock's function of an array: NumPy's, torch's or the tape's."""
    x, y = theta[:-1], theta[1:]
    return (100 * (y - x**2) ** 2 + (1 - x) ** 2).sum()


def f_by_numbers(theta: Sequence[Any]) -> Any:
    total = 0.0
    for x, y in pairwise(theta):
        total = total + 100 * (y - x**2) ** 2 + (1 - x) ** 2
    return total


def by_torch(theta: torch.Tensor) -> np.ndarray:
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(f(theta), theta)[0].numpy()


def by_numbers(theta: list[float]) -> list[float]:
    values = [Value(x) for x in theta]
    f_by_numbers(values).backward()
    return [value.grad for value in values]


def measure(d: int, with_numbers: bool) -> list[Any]:
    """Return the row of a dimension: microseconds and ratios."""

    theta = np.random.default_rng(0).uniform(-1, 1, d)
    tensor, numbers, by_hand, by_tape = torch.tensor(theta), theta.tolist(), gd.objectives.Rosenbrock(d).grad, grad(f)
    expected = by_hand(theta)
    calls = [(f, theta), (by_hand, theta), (by_tape, theta), (f, tensor), (by_torch, tensor)]
    if with_numbers:
        calls += [(f_by_numbers, numbers), (by_numbers, numbers)]
    for call, argument in (calls[2], calls[4], *calls[6:]):
        np.testing.assert_allclose(call(argument), expected, rtol=1e-9, atol=1e-9)
    times = max(1, 1000 // d)  # at once, as many as the clock can tell apart
    took = seconds(*(partial(repeat, call, argument, times) for call, argument in calls), repeats=5)
    plain, hand, tape, torch_plain, torch_grad, *rest = (1e6 * t / times for t in took)
    row = [plain, hand / plain, tape / plain, torch_plain, torch_grad / torch_plain]
    if not with_numbers:
        return [*row, None, None, tape / torch_grad, None]
    scalar_plain, scalar = rest
    return [*row, scalar_plain, scalar / scalar_plain, tape / torch_grad, scalar / tape]


def repeat(call: Callable[[Any], Any], argument: Any, times: int) -> None:
    for _ in range(times):
        call(argument)


def main(dims: Sequence[int] = (10, 100, 1000, 10_000, 100_000, 1_000_000), most_numbers: int = 10_000) -> None:
    torch.set_num_threads(1)
    first = machine("numpy", "torch")
    rows = [[d, *measure(d, d <= most_numbers)] for d in dims]
    report(
        "tape",
        [
            f"gradient of Rosenbrock's function; one thread, float64; {first}",
            "microseconds of the function alone, and how many times its time the gradient takes, by medians",
            "numbers: a scalar engine, against the function of Python's numbers",
        ],
        [
            "d",
            "NumPy_us",
            "by_hand",
            "tape",
            "torch_us",
            "torch",
            "numbers_us",
            "numbers",
            "tape_by_torch",
            "numbers_by_tape",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
