"""The tape against torch.autograd, analytic gradients and exact counts; what it refuses; and its picture."""

import inspect
import re
import warnings
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import hypothesis.extra.numpy as hnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gdcourse as gd
from gdcourse.counting import count_operations

ad = gd.autodiff
T = ad.Tensor
FIXED = settings(derandomize=True, deadline=None, max_examples=40)
TORCH = {np.power: torch.pow}  # of another name there
POSITIVE = {"divide", "power", "log", "sqrt"}  # functions that are tried on positive numbers


def numbers(shape: tuple[int, ...], seed: int, positive: bool = False) -> np.ndarray:
    drawn = np.random.default_rng(seed).uniform(-2, 2, size=shape)
    return np.abs(drawn) + 0.1 if positive else drawn


def both_gradients(ours: Any, theirs: Any, arrays: list[np.ndarray], seed: int = 0) -> None:
    """Hold value and gradients of one program, written for NumPy and for torch, against each other."""
    mine = [T(a) for a in arrays]
    its = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    y, z = ours(*mine), theirs(*its)
    assert isinstance(y, T)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    weights = numbers(y.shape, seed + 99)
    y.backward(weights)
    z.backward(torch.tensor(weights))
    for a, b in zip(mine, its, strict=True):
        assert a.grad is not None
        assert a.grad.shape == a.shape
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-11, atol=1e-11)


@FIXED
@given(data=st.data(), seed=st.integers(0, 999))
@pytest.mark.parametrize("function", ad.PARTIALS, ids=lambda f: f.__name__)
def test_each_function_of_the_table_is_torchs_with_any_broadcasting(function: Any, data: Any, seed: int) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=function.nin, max_dims=3, max_side=3))
    arrays = [numbers(s, seed + k, function.__name__ in POSITIVE) for k, s in enumerate(shapes.input_shapes)]
    both_gradients(function, TORCH.get(function, getattr(torch, function.__name__, None)), arrays, seed)


STEPS = ["add", "subtract", "multiply", "maximum", "minimum", "logaddexp", "sin", "cos", "tanh", "square", "sum", "@"]


@FIXED
@given(data=st.data(), seed=st.integers(0, 999))
def test_random_programs(data: Any, seed: int) -> None:
    arrays = [numbers(shape, seed + k) for k, shape in enumerate([(3, 3), (1, 3), (3, 1), ()])]
    index = st.integers(0, 99)
    program = data.draw(st.lists(st.tuples(st.sampled_from(STEPS), index, index), min_size=1, max_size=25))

    def run(library: Any, *values: Any) -> Any:
        values = list(values)
        for name, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            if name == "sum":
                made = a.sum(0) if a.ndim else a * 0.5
            elif name == "@":
                made = library.tanh(values[0] @ (b + values[0]))
            else:
                function = getattr(library, name)
                made = library.tanh(function(a, b) if name in STEPS[:6] else function(a))
            values.append(made)
        return sum(v.sum() for v in values)

    both_gradients(lambda *v: run(np, *v), lambda *v: run(torch, *v), arrays)


SHAPES = [
    [(3,), (3,)],
    [(2, 3), (3,)],
    [(3,), (3, 2)],
    [(2, 3), (3, 4)],
    [(5, 2, 3), (3, 4)],
    [(2, 3), (5, 3, 4)],
    [(5, 1, 2, 3), (4, 3, 2)],
    [(3,), (5, 3, 2)],
    [(5, 2, 3), (3,)],
    [(1, 2, 3), (5, 3, 1)],
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_matrix_products_of_every_shape(shapes: list[tuple[int, ...]]) -> None:
    arrays = [numbers(shape, k) for k, shape in enumerate(shapes)]
    both_gradients(np.matmul, torch.matmul, arrays)
    both_gradients(lambda a: a @ arrays[1], lambda a: a @ torch.tensor(arrays[1]), arrays[:1])
    both_gradients(lambda b: arrays[0] @ b, lambda b: torch.tensor(arrays[0]) @ b, arrays[1:])


INDICES = [
    0,
    -1,
    np.int64(2),
    (1, 2),
    slice(None, None, 2),
    (..., slice(1, None)),
    (None, 1),
    [0, 0, 2],
    ([0, 0, 1], [1, 1, 3]),
    ((0, 0),),
    np.array([[0, 1], [1, 1]]),
    numbers((3, 4), 5) > 0,
    (slice(None), [3, 3, 3]),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_gives_each_entry_the_gradient_of_every_time_it_was_taken(index: Any) -> None:
    x = T(numbers((3, 4), 0))
    y = x[index]
    np.testing.assert_array_equal(y.data, x.data[index])
    weights = numbers(y.shape, 1)
    y.backward(weights)
    expected = np.zeros((3, 4))
    taken = np.arange(12).reshape(3, 4)[index]
    for place, weight in zip(np.ravel(taken), np.ravel(weights), strict=True):
        expected.flat[place] += weight
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (-1, 0), (0, 1, 2)])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums_and_means(name: str, axis: Any, keepdims: bool) -> None:
    def theirs(x: Any) -> Any:
        return getattr(x, name)(dim=(0, 1, 2) if axis is None else axis, keepdim=keepdims)

    x = [numbers((2, 3, 4), 0)]
    both_gradients(lambda x: getattr(np, name)(x, axis=axis, keepdims=keepdims), theirs, x)
    both_gradients(lambda x: getattr(x, name)(axis, keepdims), theirs, x)


def test_reshape_and_transpose() -> None:
    x = [numbers((2, 3, 4), 0)]
    for new in [(6, 4), (-1,), (4, 3, 2)]:
        both_gradients(lambda x, new=new: x.reshape(new), lambda x, new=new: x.reshape(new), x)
        both_gradients(lambda x, new=new: x.reshape(*new), lambda x, new=new: x.reshape(new), x)
        both_gradients(lambda x, new=new: np.reshape(x, new), lambda x, new=new: x.reshape(new), x)
    for axes in [(2, 0, 1), (-1, 0, 1), (0, 2, 1)]:
        both_gradients(lambda x, a=axes: x.transpose(a), lambda x, a=axes: x.permute(a), x)
        both_gradients(lambda x, a=axes: x.transpose(*a), lambda x, a=axes: x.permute(a), x)
        both_gradients(lambda x, a=axes: np.transpose(x, a), lambda x, a=axes: x.permute(a), x)
    both_gradients(lambda x: x.T, lambda x: x.permute(2, 1, 0), x)
    both_gradients(lambda x: np.transpose(x), lambda x: x.permute(2, 1, 0), x)


def test_where_and_relu() -> None:
    a, b, mask = numbers((3, 1), 0), numbers((4,), 1), numbers((3, 4), 2) > 0
    both_gradients(
        lambda a, b: np.where(mask, a, b * b), lambda a, b: torch.where(torch.tensor(mask), a, b * b), [a, b]
    )
    both_gradients(lambda a: np.where(mask, a, 1.0), lambda a: torch.where(torch.tensor(mask), a, 1.0), [a])
    both_gradients(lambda b: np.where(mask, 1.0, b), lambda b: torch.where(torch.tensor(mask), 1.0, b), [b])
    both_gradients(ad.relu, torch.relu, [np.array([-1.0, -0.0, 0.0, 2.0])])
    assert np.isnan(ad.relu(T(np.nan)).data)
    np.testing.assert_array_equal(ad.relu(np.array([-1.0, 0.0, 2.0])), [0, 0, 2])


def test_plain_arrays_and_numbers_take_part_on_either_side() -> None:
    x, c = numbers((2, 3), 0), numbers((3,), 1)
    t = torch.tensor(c)
    both_gradients(lambda x: c + x, lambda x: t + x, [x])
    both_gradients(lambda x: c - x * c, lambda x: t - x * t, [x])
    both_gradients(lambda x: list(c) / (x + 5), lambda x: t / (x + 5), [x])
    both_gradients(lambda x: np.float64(2) * x - np.int64(1), lambda x: 2 * x - 1, [x])
    both_gradients(lambda x: 2**x + (x + 3) ** 2 + abs(-x), lambda x: 2**x + (x + 3) ** 2 + abs(-x), [x])
    both_gradients(lambda x: x * (x > 0), lambda x: x * (x > 0), [x])
    both_gradients(lambda x: x / np.array([1, 2, 4]), lambda x: x / torch.tensor([1, 2, 4]), [x])
    both_gradients(lambda x: sum(row[0] for row in x), lambda x: sum(row[0] for row in x), [x])


def test_a_node_used_often_is_visited_once_and_gets_the_sum() -> None:
    x = T(3.0)
    y = x
    for _ in range(60):
        y = y + y  # 2^60 paths
    y.backward()
    assert x.grad == 2.0**60
    assert len(y.tape()) == 61
    a = T([1.0, 2.0])
    (a * a * a).backward([1.0, 1.0])
    np.testing.assert_array_equal(a.grad, [3.0, 12.0])


def test_the_tape_is_in_the_order_of_computation_and_leaves_other_things_out() -> None:
    a, b = T(2.0), T(3.0)
    p = a * b
    _ = p * 7
    r = p - 4
    y = r**2 + a**2
    tape = y.tape()
    assert [node.op for node in tape] == ["", "", "multiply", "subtract", "power", "power", "add"]
    assert tape[0] is a
    assert tape[3] is r
    assert tape[-1] is y
    y.backward()
    assert [float(node.grad) for node in tape] == [16, 8, 4, 4, 1, 1, 1]


def test_gradients_accumulate_over_calls_at_every_node() -> None:
    x = T([1.0, 2.0])
    square = x * x
    y = (square * 3.0).sum()
    y.backward()
    y.backward()
    np.testing.assert_array_equal(x.grad, [12.0, 24.0])
    np.testing.assert_array_equal(square.grad, [6.0, 6.0])
    (10 * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [22.0, 34.0])
    x.grad = None
    y.backward()
    np.testing.assert_array_equal(x.grad, [6.0, 12.0])


def test_gradients_share_no_memory() -> None:
    x = T(np.ones((2, 2)))
    y = x.reshape(4)
    seed = np.ones(4)
    y.backward(seed)
    seed[:] = 7
    np.testing.assert_array_equal(y.grad, np.ones(4))
    y.grad[:] = 8
    np.testing.assert_array_equal(x.grad, np.ones((2, 2)))


def test_a_long_chain_meets_no_recursion_limit() -> None:
    x, steps = T(0.3), 10_000
    y = x
    for _ in range(steps):
        y = y * 0.9999 + 0.0
    y.backward()
    np.testing.assert_allclose(x.grad, 0.9999**steps, rtol=1e-10)
    del y  # and is taken apart again


def valley(theta: Any) -> Any:
    x, y = theta[..., :-1], theta[..., 1:]
    return np.sum(100 * (y - x**2) ** 2 + (1 - x) ** 2, axis=-1)


@pytest.mark.parametrize("d", [2, 30, 3000])
def test_a_gradient_costs_the_same_few_evaluations_whatever_d(d: int) -> None:
    theta = numbers((d,), 0)
    assert count_operations(valley, theta) == 8 * (d - 1)
    assert count_operations(ad.grad(valley), theta) == 35 * (d - 1)


def test_taking_coordinates_one_by_one_costs_no_more_than_once_each() -> None:
    def loop(theta: Any) -> Any:
        return sum(theta[i] * theta[i + 1] for i in range(len(theta) - 1))

    def cost(d: int) -> int:
        return count_operations(ad.grad(loop), numbers((d,), 0))

    assert cost(401) - cost(301) == cost(301) - cost(201) < 100 * 20  # linear in d


OBJECTIVES = [
    gd.objectives.Quadratic([[3.0, 1.0], [1.0, 2.0]], center=[1.0, -1.0]),
    gd.objectives.Himmelblau(),
    gd.objectives.Bukin6(),
    gd.objectives.Rosenbrock(5),
    gd.objectives.Beale(),
    gd.objectives.Booth(),
    gd.objectives.Saddle(),
    gd.objectives.Rastrigin(3),
    gd.objectives.StyblinskiTang(3),
    gd.objectives.DoubleWell(),
    gd.objectives.AbsoluteValue(),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
def test_the_gradients_of_the_objectives_come_out_of_their_own_lines(objective: Any) -> None:
    for shape in [(objective.dim,), (7, objective.dim), (2, 3, objective.dim)]:
        theta = numbers(shape, 4)
        value, grad = ad.value_and_grad(objective._value)(theta)
        np.testing.assert_array_equal(value, objective(theta))
        np.testing.assert_allclose(grad, objective.grad(theta), rtol=1e-12, atol=1e-12)


def test_descend_takes_the_same_path_with_either_gradient() -> None:
    automatic = gd.objectives.from_function(valley, ad.grad(valley), dim=3)
    for start in ([-1.2, 1.0, 0.5], numbers((4, 3), 1)):
        ours, theirs = (gd.descend(o, start, gd.Adam(0.02), 200) for o in (automatic, gd.objectives.Rosenbrock(3)))
        np.testing.assert_allclose(ours.theta, theirs.theta, rtol=0, atol=1e-9)


def test_value_and_grad_takes_constants_and_returns_plain_arrays() -> None:
    def loss(theta: Any, X: Any, y: Any) -> Any:
        return np.mean((X @ theta - y) ** 2) / 2

    X, y, theta = numbers((6, 3), 0), numbers((6,), 1), numbers((3,), 2)
    value, grad = ad.value_and_grad(loss)(theta, X, y)
    assert isinstance(value, float)
    assert type(grad) is np.ndarray
    np.testing.assert_allclose(value, gd.objectives.LinearRegression(X, y)(theta), rtol=1e-14)
    np.testing.assert_allclose(grad, gd.objectives.LinearRegression(X, y).grad(theta), rtol=1e-12)
    np.testing.assert_array_equal(ad.grad(loss)(theta, X, y), grad)
    grad[0] = 0.0  # the caller's own
    assert ad.grad(lambda x: x**3)(2) == 12
    assert ad.grad(lambda x: x**3)(np.float32(2)).dtype == np.float64
    assert ad.grad(lambda x: x.reshape(1, 1) * 2)([3.0]).shape == (1,)


KINKS = [
    (np.abs, 0.0, 0.0),
    (ad.relu, 0.0, 0.0),
    (lambda x: np.maximum(x, 0.0), 0.0, 0.5),
    (lambda x: np.maximum(0.0, x), 0.0, 0.5),
    (lambda x: np.minimum(x, 0.0), 0.0, 0.5),
    (lambda x: np.maximum(x, x), 1.0, 1.0),
    (lambda x: x**0, 0.0, 0.0),
    (lambda x: x**1, 0.0, 1.0),
    (lambda x: x**2, 0.0, 0.0),
    (lambda x: 0.0**x, 2.0, 0.0),
    (lambda x: x**3, -2.0, 12.0),
    (lambda x: np.where(x > 0, x, 0.0), 0.0, 0.0),
    (lambda x: ad.relu(x) - ad.relu(-x), 0.0, 0.0),  # though the function is x
]


@pytest.mark.parametrize(("f", "at", "slope"), KINKS)
def test_conventions_where_there_is_no_derivative(f: Any, at: float, slope: float) -> None:
    assert ad.grad(f)(at) == slope
    t = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    names = {np.abs: torch.abs, ad.relu: torch.relu}
    if f in names:
        names[f](t).backward()
        assert t.grad == slope


def test_ties_are_shared_as_in_torch() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 3.0])
    both_gradients(np.maximum, torch.maximum, [a, b])
    both_gradients(np.minimum, torch.minimum, [a, b])


def test_infinite_slopes_and_what_where_makes_of_them() -> None:
    with np.errstate(all="ignore"):
        assert ad.grad(np.sqrt)(0.0) == np.inf
        # torch: gradients of what was not chosen are 0, but 0 times the infinite slope behind it is not a number.
        assert np.isnan(ad.grad(lambda x: np.where(x > 0, x * np.log(x), 0.0))(0.0))
        assert ad.grad(lambda x: np.sqrt(np.where(x > 0, x, 0.0)))(-1.0) == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ad.grad(lambda x: np.where(x > 0, x * np.log(np.where(x > 0, x, 1.0)), 0.0))(0.0) == 0.0


def test_comparisons_and_flat_functions_give_plain_arrays() -> None:
    x = T([-1.0, 0.0, 2.0])
    compare = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}
    for function in compare | {np.sign, np.isfinite, np.isnan}:
        values = function(x, 0.0) if function.nin == 2 else function(x)
        assert type(values) is np.ndarray
        np.testing.assert_array_equal(values, function(x.data, 0.0) if function.nin == 2 else function(x.data))
    assert (x > 0.0).tolist() == [False, False, True]
    assert bool(T(1.0))
    assert not T(0.0)


def test_the_data_are_a_copy_that_cannot_be_written_to() -> None:
    source = np.array([1.0, 2.0])
    x = T(source)
    source[0] = 9
    assert x.data.tolist() == [1.0, 2.0]
    assert T([1, 2]).data.dtype == np.float64
    for tensor in (x, x * 2, x[0], x.reshape(2, 1), x.T, x.sum()):
        with pytest.raises(ValueError, match="read-only"):
            tensor.data[...] = 0


def test_a_tensor_says_what_it_is() -> None:
    x = T([[1.0, 2.5]])
    assert repr(x) == "Tensor([[1. , 2.5]])"
    assert (x.shape, x.ndim, x.size, len(x)) == ((1, 2), 2, 2, 1)
    assert x.grad is None


def change(x: Any) -> None:
    x += 1.0


def assign(x: Any) -> None:
    x[0] = 1.0


X3 = T([1.0, 2.0, 3.0])
WRONG: dict[str, tuple[Any, type, str]] = {
    "no seed": (lambda: X3.backward(), ValueError, "backward from shape (3,) needs a seed; or sum first"),
    "seed's shape": (lambda: X3.backward([1.0]), ValueError, "seed must have shape (3,), got (1,)"),
    "seed's axes": (lambda: X3.backward(np.ones((3, 1))), ValueError, "seed must have shape (3,), got (3, 1)"),
    "seed of text": (lambda: X3.backward("a"), TypeError, "real numbers, got 'a'"),
    "+=": (lambda: change(X3), TypeError, "cannot change in place: write x = x + y, not x += y"),
    "array +=": (lambda: np.add(1, X3, out=np.ones(3)), TypeError, "cannot change in place"),
    "item": (lambda: assign(X3), TypeError, "cannot change in place: build the new array with np.where"),
    "text": (lambda: X3 + "a", TypeError, "operands must be Tensors, numbers or arrays of real numbers, got 'a'"),
    "None": (lambda: None * X3, TypeError, "got None"),
    "complex": (lambda: X3 * 1j, TypeError, "got 1j"),
    "complex data": (lambda: T(np.ones(2) + 1j), TypeError, "must be Tensors, numbers or arrays of real numbers"),
    "objects": (lambda: T([None]), TypeError, "got [None]"),
    "masked": (lambda: T(np.ma.array([1.0], mask=[True])), TypeError, "got masked_array"),
    "twice": (lambda: T(X3), TypeError, "data must be numbers, got a Tensor: no gradient of a gradient"),
    "no rule": (
        lambda: np.arctan(X3),
        TypeError,
        "np.arctan has no rule here; a Tensor can be given to absolute, add,",
    ),
    "remainder": (lambda: X3 % 2, TypeError, "np.remainder has no rule here"),
    "no function": (lambda: np.linalg.norm(X3, axis=0), TypeError, "np.norm has no rule here"),
    "stack": (lambda: np.stack([X3, X3]), TypeError, "np.stack has no rule here"),
    "reduce": (lambda: np.add.reduce(X3), TypeError, "np.add of a Tensor takes no options, got reduce with {}"),
    "option": (
        lambda: np.sin(X3, where=[True]),
        TypeError,
        "np.sin of a Tensor takes no options, got __call__ with {'where'",
    ),
    "array": (lambda: np.array([X3, X3]), TypeError, "cannot become a plain array without losing its derivative"),
    "asarray": (lambda: gd.objectives.Rosenbrock(3)(X3), TypeError, "cannot become a plain array"),
    "float": (lambda: float(X3[0]), TypeError, "not 'Tensor'"),
    "0-d": (lambda: list(X3.sum()), TypeError, "unsized"),
    "no callable": (lambda: ad.grad(3), TypeError, "f must be callable, got 3"),
    "constant": (lambda: ad.grad(lambda x: 3.0)(1.0), TypeError, "computed from its argument, got 3.0"),
    "other": (lambda: ad.grad(lambda x: X3.sum())(1.0), TypeError, "computed from its argument, got Tensor(6.)"),
    "vector": (lambda: ad.grad(lambda x: x * 2)(np.ones(3)), ValueError, "got shape (3,) from (3,)"),
    "twice grad": (lambda: ad.grad(ad.grad(np.sin))(1.0), TypeError, "no gradient of a gradient"),
    "dtype": (lambda: np.sum(X3, dtype=float), TypeError, "dtype"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_it_refuses_is_named(case: str) -> None:
    call, error, message = WRONG[case]
    with pytest.raises(error, match=re.escape(message)):
        call()
    assert X3.grad is None


@pytest.mark.parametrize("name", [n for n, v in vars(ad).items() if inspect.getmodule(v) is ad and n[0] != "_"])
def test_everything_public_is_documented(name: str) -> None:
    value = getattr(ad, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def drawn(**options: Any) -> list[str]:
    plt.close("all")
    a, b = T(2.0), T(3.0)
    p = a * b
    y = (p - 4) ** 2 + a**2
    if options.pop("backward", True):
        y.backward()
    ax = gd.plots.graph(y, {"$a$": a, "$p$": p}, **options)
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_the_graph_shows_names_values_gradients_and_local_derivatives() -> None:
    texts = drawn()
    assert texts[:3] == ["$a$", "2", "16"]
    start = texts.index("$p$")
    assert texts[start : start + 5] == ["$p$", "6", "4", "3", "2"]  # dp/da = b, dp/db = a
    assert texts[texts.index("subtract") :][:4] == ["subtract", "2", "4", "1"]
    assert "input" in texts
    assert "16" not in drawn(backward=False)
    ax = plt.subplots()[1]
    x = T(5.0)
    assert gd.plots.graph(x * x, ax=ax) is ax
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["input", "5", "multiply", "25", "10"]
    plt.close("all")


def test_the_graph_has_each_box_right_of_its_operands_and_none_on_another() -> None:
    a, b, c = T(1.0), T(2.0), T(3.0)
    early = a * b  # made first and used last
    for y, count in [((a * b + b * c + a * c) * c + a, 10), ((a + 1) * 2 * c + early, 8)]:
        tape, ax = y.tape(), gd.plots.graph(y)
        boxes = [patch.get_bbox() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
        assert len(boxes) == len(tape) == count
        for box, node in zip(boxes, tape, strict=True):
            for parent, _ in node._parents:
                assert boxes[[other is parent for other in tape].index(True)].x1 < box.x0
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[i + 1 :])
    plt.close("all")


def test_what_the_graph_cannot_draw_is_named() -> None:
    with pytest.raises(TypeError, match=r"result must be a Tensor, got 3\.0"):
        gd.plots.graph(3.0)
    with pytest.raises(ValueError, match=r"computed from single numbers, got an array of shape \(3,\)"):
        gd.plots.graph(T([1.0, 2.0, 3.0]).sum())
