"""Counted costs: operations against formulas and torch's own counter, kept numbers against shapes that add up."""

import gc
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import gdcourse as gd

count, kept = gd.counting.count_operations, gd.counting.kept
RNG = np.random.default_rng(0)


def tensor(*shape: int, grad: bool = True) -> torch.Tensor:
    return torch.from_numpy(RNG.normal(size=shape)).requires_grad_(grad)


def valley(theta: Any) -> Any:
    x, y = theta[:-1], theta[1:]
    return (100 * (y - x**2) ** 2 + (1 - x) ** 2).sum()


@pytest.mark.parametrize("d", [2, 10, 1000])
def test_the_valley_costs_eight_operations_a_pair_on_arrays_and_on_tensors(d: int) -> None:
    theta = RNG.normal(size=d)
    assert count(valley, theta) == count(valley, torch.tensor(theta)) == 8 * (d - 1)
    assert count(gd.autodiff.grad(valley), theta) == 35 * (d - 1)  # counted by hand in "Gradients for free"
    assert count(valley, list(theta)[:1] * d) == 8 * (d - 1)


def test_a_sum_counts_what_goes_in_and_a_function_what_comes_out() -> None:
    A = RNG.normal(size=(3, 4))
    for x in (A, torch.tensor(A)):
        assert count(lambda x: x.sum(), x) == 12
        assert count(lambda x: x.sum(0), x) == 12
        assert count(lambda x: x + x[0], x) == 12
        assert count(lambda x: x[0] + x[:, :1], x) == 12
        assert count(lambda x: x.T.reshape(2, 6)[1], x) == 0
    assert count(lambda x: x.mean(), torch.tensor(A)) == 12
    assert count(lambda x: x.amax(dim=1), torch.tensor(A)) == 12
    assert count(lambda x: x.clone().detach(), torch.tensor(A)) == 0
    assert count(lambda x: x.clone().zero_().copy_(x), torch.tensor(A)) == 0
    assert count(lambda x: x.clone().add_(1), torch.tensor(A)) == 12
    assert count(lambda x: np.tanh(np.tanh(x)), A) == count(lambda x: x.tanh().tanh(), torch.tensor(A)) == 24


def test_products_of_matrices() -> None:
    A, B, b = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 5)), RNG.normal(size=4)
    assert count(lambda x: x @ B, A) == 2 * 3 * 4 * 5
    assert count(lambda x: x @ b, A) == 2 * 3 * 4
    t = torch.tensor
    assert count(lambda x: x @ t(B), t(A)) == 2 * 3 * 4 * 5
    assert count(lambda x: x @ t(b), t(A)) == 2 * 3 * 4
    assert count(lambda x: x @ x, t(b)) == 2 * 4
    assert count(lambda x: torch.addmm(t(np.zeros(5)), x, t(B)), t(A)) == 2 * 3 * 4 * 5 + 3 * 5
    assert count(lambda x: x[None].expand(2, 3, 4) @ t(B).expand(2, 4, 5), t(A)) == 2 * 2 * 3 * 4 * 5


def test_the_products_of_a_network_are_those_that_torch_counts() -> None:
    X, W, V = tensor(32, 20, grad=False), tensor(20, 90), tensor(90, 7)

    def products(x: torch.Tensor) -> None:  # nothing else: the seed of ones is a copy
        y = X @ W @ V
        y.backward(torch.ones_like(y))

    with FlopCounterMode(display=False) as theirs:
        products(W)
    W.grad = V.grad = None
    assert count(products, W) == theirs.get_total_flops() == 2 * 32 * 90 * (2 * 20 + 3 * 7)


def test_a_backward_pass_is_counted_and_counts_do_not_add_up() -> None:
    theta = tensor(10)
    forward = count(valley, theta)
    both = count(lambda x: valley(x).backward(), theta)
    theta.grad = None
    assert forward < both < 4 * forward
    assert count(lambda x: valley(x).backward(), theta) == both
    assert count(lambda x: valley(x).backward(), theta) == both + 10  # now it adds to what is there


def test_a_function_without_a_price_is_named() -> None:
    with pytest.raises(TypeError, match="got torch's sort"):
        count(lambda x: x.sort(), torch.ones(3))


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: x.dot(x), "dot"),
        (lambda x: np.dot(np.eye(3), x), "dot"),
        (lambda x: np.einsum("ij,jk->ik", x, x), "einsum"),
        (lambda x: np.outer(x[0], x[1]), "outer"),
        (lambda x: np.sort(x), "sort"),
        (lambda x: np.vecdot(x, x) if hasattr(np, "vecdot") else np.vdot(x, x), "v[a-z]*dot"),
        (lambda x: np.linalg.norm(x), "norm"),
        (lambda x: np.linalg.inv(x), "inv"),
    ],
)
def test_what_numpy_does_unseen_is_refused_and_not_counted_as_nothing(f: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"got NumPy's {name}"):
        count(f, np.eye(3))


def test_kept_are_the_operands_of_products_and_the_results_of_tanh_until_the_way_back() -> None:
    X, W, V = tensor(8, 5, grad=False), tensor(5, 4), tensor(4, 3)
    with kept() as graphs:
        assert graphs.now == 0
        loss = ((X @ W).tanh() @ V).sum()
        # X for the slope of W; tanh's result, which the next product shares; V
        assert graphs.now == 8 * 5 + 8 * 4 + 4 * 3
        loss.backward()
        assert graphs.now == 0
        (tensor(2, 5, grad=False) @ W).sum()
        assert graphs.most == 84
        with torch.no_grad():
            ((X @ W).tanh() @ V).sum()
        assert graphs.now == 0
    assert W.grad is not None
    assert torch.allclose(W.grad, X.T @ ((1 - (X @ W).tanh() ** 2) * (torch.ones(8, 3).double() @ V.T)))


def test_a_graph_is_kept_as_long_as_something_points_to_it() -> None:
    W, total = tensor(5, 4), torch.zeros(())
    with kept() as graphs:
        for k in range(1, 4):
            total = total + (tensor(8, 5, grad=False) @ W).tanh().sum()
            assert graphs.now == k * (8 * 5 + 8 * 4)
        del total
        gc.collect()
        assert graphs.now == 0


def test_memory_that_is_shared_counts_once_and_in_full() -> None:
    base, W = tensor(100, 5, grad=False), tensor(5, 4)
    with kept() as graphs:
        parts = [x @ W for x in base.split(25)]
        assert graphs.now == 500
        del parts[1:]
        assert graphs.now == 500
        del parts
        assert graphs.now == 0


def test_second_derivatives_are_right_within_it_and_leave_nothing() -> None:
    theta = tensor(4)

    def f(x: torch.Tensor) -> torch.Tensor:
        return (x.tanh() * x).exp().sum()

    with kept() as graphs:
        (g,) = torch.autograd.grad(f(theta), theta, create_graph=True)
        rows = [torch.autograd.grad(entry, theta, retain_graph=True)[0] for entry in g]
        assert torch.allclose(torch.stack(rows), torch.autograd.functional.hessian(f, theta.detach()))
        assert graphs.now > 0
        del g
        gc.collect()
        assert graphs.now == 0
