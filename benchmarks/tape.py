"""Time the gradient of one function by the course's tape, by torch, and by a scalar engine in the manner of micrograd.

    python benchmarks/tape.py

The function is Rosenbrock's in d dimensions. Each engine's gradient, forward and backward, is held
against the same function without any: in NumPy, in torch, in Python's numbers. One thread, float64. Prints a table and
writes it to benchmarks/results/tape.txt.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from measure import machine, report, seconds, table

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


def measure(d: int, with_numbers: bool) -> list[float]:
    """Return the row of a dimension: microseconds and ratios."""

    def microseconds(function: Callable[[Any], Any], theta: Any) -> float:
        """Return the median time of a call, of as many calls at once as the clock can tell apart."""
        times = max(1, 10_000 // d)
        return seconds(lambda: [function(theta) for _ in range(times)], 9) / times * 1e6

    theta = np.random.default_rng(0).uniform(-1, 1, d)
    tensor, numbers, by_hand, by_tape = torch.tensor(theta), theta.tolist(), gd.objectives.Rosenbrock(d).grad, grad(f)
    expected = by_hand(theta)
    np.testing.assert_allclose(by_tape(theta), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_torch(tensor), expected, rtol=1e-9, atol=1e-9)
    plain, hand, tape = (microseconds(g, theta) for g in (f, by_hand, by_tape))
    torch_plain, torch_grad = microseconds(f, tensor), microseconds(by_torch, tensor)
    row = [plain, hand / plain, tape / plain, torch_plain, torch_grad / torch_plain, tape / torch_grad]
    if with_numbers:
        np.testing.assert_allclose(by_numbers(numbers), expected, rtol=1e-9, atol=1e-9)
        scalar_plain, scalar = microseconds(f_by_numbers, numbers), microseconds(by_numbers, numbers)
        row += [scalar_plain, scalar / scalar_plain, scalar / tape]
    return row


def main(dims: Sequence[int] = (10, 100, 1000, 10_000, 100_000, 1_000_000), most_numbers: int = 10_000) -> None:
    torch.set_num_threads(1)
    first = machine("numpy", "torch")
    rows = []
    for d in dims:
        cells = [f"{x:,.0f}" if x >= 100 else f"{x:.2f}" for x in measure(d, d <= most_numbers)]
        rows.append([f"{d:,}", *cells, *["-"] * (9 - len(cells))])
    head = ["d", "NumPy f µs", "by hand / f", "tape / f", "torch f µs", "torch / f", "tape / torch"]
    text = [
        f"gradient of Rosenbrock's function; one thread, float64; {first}",
        "medians; by hand: the written gradient; numbers: a scalar engine, against the function of Python's floats",
        "",
        table([*head, "numbers f µs", "numbers / f", "numbers / tape"], rows),
    ]
    report("tape", "\n".join(text))


if __name__ == "__main__":
    main()
