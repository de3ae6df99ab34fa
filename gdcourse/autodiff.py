"""Gradients of NumPy programs, exactly: reverse-mode automatic differentiation with a tape, small enough to read.

A :class:`Tensor` is an array that remembers how it was computed. Functions written in plain NumPy run on it unchanged,
and its ``backward`` walks the record from the result to the inputs with the chain rule. :func:`grad` hides even that.
"""

from collections.abc import Callable
from itertools import count
from types import EllipsisType, NoneType
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gdcourse._derivatives import FLAT, derivative_table

__all__ = ["PARTIALS", "Tensor", "derivative_table", "grad", "relu", "value_and_grad"]

#: The table of :func:`derivative_table`, made once.
PARTIALS = derivative_table()

Array = np.ndarray
Pull = Callable[[Array], Array]  # from the gradient by a result to an operand's share of it


class Tensor(NDArrayOperatorsMixin):
    r"""An array of real numbers that remembers how it was computed, so that derivatives can be taken by it.

    It takes part in NumPy's expressions: operators, broadcasting, indexing, ``@``, the functions of
    :func:`derivative_table`, and ``np.sum``, ``mean``, ``reshape``, ``transpose`` and ``where``. Comparisons give plain
    arrays.

    Parameters
    ----------
    data : array_like of real numbers
        Copied, as floats.
    op, parents, at
        For this module's own use: the function that made it, its operands with what pulls a gradient back to each, and
        the entries of its operand that it was made from.

    Attributes
    ----------
    data : array
        The value, read-only.
    grad : array or None
        The derivative, by each entry, of what ``backward`` was called on; after several calls, the sum.
    op : str
        The name of the function that made it; empty for an input.

    Raises
    ------
    TypeError
        For what is not real numbers, for a function that has no rule here, and for every change in place: the backward
        pass needs the values as they were. (It cannot see a change of a plain array that took part: make none.)

    Notes
    -----
    At kinks, as in torch: \|x\| and :func:`relu` have slope 0 at 0, equal arguments of ``maximum`` and ``minimum`` get
    one half each, and x⁰ has slope 0. An infinite slope, as of the root at 0, makes the gradient infinite, or NaN once
    it meets a factor 0.
    """

    _numbers = count()

    def __init__(self, data: Any, op: str = "", parents: Any = (), at: Any = ...) -> None:
        if isinstance(data, Tensor):
            raise TypeError("data must be numbers, got a Tensor: no gradient of a gradient")
        self.data = _array(data) if op else _array(data).copy()
        self.data.flags.writeable = False
        self.grad: Array | None = None
        self.op, self._at, self._number = op, at, next(Tensor._numbers)
        self._parents = [(x, pull) for x, pull in parents if isinstance(x, Tensor)]

    def tape(self) -> list["Tensor"]:
        """Return all that this was computed from, and itself, in the order of computation."""
        found, waiting = {}, [self]
        while waiting:
            node = waiting.pop()
            if node._number not in found:
                found[node._number] = node
                waiting.extend(parent for parent, _ in node._parents)
        return [found[number] for number in sorted(found)]

    def backward(self, seed: Any = None) -> None:
        """Add to the ``grad`` of all that this was computed from the derivatives of ``np.sum(seed * self)``.

        Parameters
        ----------
        seed : array_like of this shape, optional
            Weights of the entries. Default: 1 if there is one entry.

        Raises
        ------
        ValueError
            If there is no seed and not exactly one entry, or the seed has another shape.
        """
        if seed is None and self.size != 1:
            raise ValueError(f"backward from shape {self.shape} needs a seed; or sum first")
        g = np.ones_like(self.data) if seed is None else _array(seed).copy()
        if g.shape != self.shape:
            raise ValueError(f"seed must have shape {self.shape}, got {g.shape}")
        grads = {self._number: g}
        for node in reversed(self.tape()):
            g = grads.pop(node._number)
            node.grad = g if node.grad is None else node.grad + g
            for parent, pull in node._parents:
                if parent._number not in grads:
                    grads[parent._number] = np.zeros_like(parent.data)
                _add(grads[parent._number], node._at, pull(g))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if "out" in options:
            raise TypeError("a Tensor cannot change in place: write x = x + y, not x += y")
        if method != "__call__" or options:
            call = f"np.{ufunc.__name__} of a Tensor"
            raise TypeError(f"{call} takes no options, got {method} with {options}")
        if ufunc in FLAT:
            return ufunc(*map(_value, inputs))
        return _matmul(*inputs) if ufunc is np.matmul else _elementwise(ufunc, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function not in FUNCTIONS:
            raise TypeError(_no_rule(function))
        return FUNCTIONS[function](*args, **options)

    def __getitem__(self, index: Any) -> "Tensor":
        return Tensor(self.data[index], "index", [(self, lambda g: g)], at=index)

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        def pull(g: Array) -> Array:
            g = g if axis is None or keepdims else np.expand_dims(g, axis)
            return np.broadcast_to(g, self.shape)

        return Tensor(self.data.sum(axis=axis, keepdims=keepdims), "sum", [(self, pull)])

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        total = self.sum(axis, keepdims)
        return total / (self.size / total.size)

    def reshape(self, *shape: Any) -> "Tensor":
        return Tensor(self.data.reshape(*shape), "reshape", [(self, lambda g: g.reshape(self.shape))])

    def transpose(self, *axes: Any) -> "Tensor":
        def pull(g: Array) -> Array:
            share = np.empty_like(self.data)
            share.transpose(*axes)[...] = g
            return share

        return Tensor(self.data.transpose(*axes), "transpose", [(self, pull)])

    T = property(transpose)
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a Tensor cannot change in place: build the new array with np.where, or from its parts")

    def __array__(self, *args: Any, **options: Any) -> NoReturn:
        raise TypeError("a Tensor cannot become a plain array without losing its derivative: take .data if you mean it")

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __repr__(self) -> str:
        return f"Tensor({np.array2string(self.data, separator=', ')})"


def _array(value: Any) -> Array:
    """Return real numbers as an array of floats, or say that they are none."""
    array = np.asanyarray(value)
    if array.dtype.kind not in "biuf" or isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"operands must be Tensors, numbers or arrays of real numbers, got {value!r}")
    return array.astype(float, copy=False)


def _value(x: Any) -> Array:
    """Return the plain array of an operand."""
    return x.data if isinstance(x, Tensor) else _array(x)


def _add(into: Array, at: Any, share: Array) -> None:
    """Add to some entries in place; what was taken twice, by an array of indices, is added to twice."""
    if all(isinstance(i, (int, slice, EllipsisType, NoneType)) for i in np.index_exp[at]):
        into[at] += share
    else:
        np.add.at(into, at, share)


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its operand, of this shape, was repeated."""
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    stretched = [extra + i for i, n in enumerate(shape) if n == 1]
    return g.sum(axis=(*range(extra), *stretched)).reshape(shape)


def _no_rule(function: Any) -> str:
    known = ", ".join(sorted(f.__name__ for f in {*PARTIALS, *FUNCTIONS, np.matmul}))
    return f"np.{function.__name__} has no rule here; a Tensor can be given to {known}"


def _elementwise(function: Any, *inputs: Any) -> Tensor:
    """Apply a function of the table entry by entry, with broadcasting."""
    if function not in PARTIALS:
        raise TypeError(_no_rule(function))
    values = [_value(x) for x in inputs]
    y = function(*values)

    def through(partial: Callable[..., Any], shape: tuple[int, ...]) -> Pull:
        return lambda g: _unbroadcast(g * partial(*values, y), shape)

    rules = zip(PARTIALS[function], values, strict=True)
    pulls = [through(partial, value.shape) for partial, value in rules]
    return Tensor(y, function.__name__, zip(inputs, pulls, strict=True))


def _matmul(a: Any, b: Any) -> Tensor:
    """Multiply matrices: the gradients of Y = AB are Ā = ȲBᵀ and B̄ = AᵀȲ.

    As everywhere in NumPy, a vector is a row if it stands on the left, and a column on the right.
    """
    x, y = _value(a), _value(b)
    rows, columns = x if x.ndim > 1 else x[None, :], y if y.ndim > 1 else y[:, None]
    shape = (*np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2]), rows.shape[-2], columns.shape[-1])

    def pull_a(g: Array) -> Array:
        return _unbroadcast(g.reshape(shape) @ np.swapaxes(columns, -1, -2), rows.shape).reshape(x.shape)

    def pull_b(g: Array) -> Array:
        return _unbroadcast(np.swapaxes(rows, -1, -2) @ g.reshape(shape), columns.shape).reshape(y.shape)

    return Tensor(np.matmul(x, y), "matmul", [(a, pull_a), (b, pull_b)])


def _where(condition: Any, a: Any, b: Any) -> Tensor:
    """Choose entry by entry; what was not chosen gets exactly 0, even of an infinite gradient."""
    chosen, x, y = _value(condition) != 0, _value(a), _value(b)

    pulls = [
        (a, lambda g: _unbroadcast(np.where(chosen, g, 0.0), x.shape)),
        (b, lambda g: _unbroadcast(np.where(chosen, 0.0, g), y.shape)),
    ]
    return Tensor(np.where(chosen, x, y), "where", pulls)


FUNCTIONS: dict[Any, Callable[..., Any]] = {getattr(np, f.__name__): f for f in (Tensor.sum, Tensor.mean)}
FUNCTIONS |= {np.reshape: Tensor.reshape, np.transpose: Tensor.transpose, np.where: _where}


def relu(x: Any) -> Any:
    """Return max(x, 0) entry by entry, with slope 0 at 0; NaN stays NaN."""
    return np.where(x <= 0, 0.0, x)


def value_and_grad(f: Callable[..., Any]) -> Callable[..., tuple[Any, Array]]:
    r"""Return a function that gives f and its gradient ∇f, by one run of f forward and one backward.

    Parameters
    ----------
    f : callable
        Takes an array (and further arguments, which count as constants) and returns one number; or, from θ of shape
        (..., d), one number for each point, without mixing the points. Written in NumPy.

    Returns
    -------
    callable
        From the arguments of f to its value, and the gradient, which has the shape of the first argument. It raises
        ``TypeError`` if what f returns was not computed from that argument, and ``ValueError`` if it has another shape
        than these two.

    References
    ----------
    Linnainmaa (1976), *Taylor expansion of the accumulated rounding error*; Griewank & Walther (2008), *Evaluating
    Derivatives*, 2nd edition.
    """
    if not callable(f):
        raise TypeError(f"f must be callable, got {f!r}")

    def both(theta: Any, *constants: Any) -> tuple[Any, Array]:
        x = Tensor(theta)
        y = f(x, *constants)
        if not isinstance(y, Tensor) or not any(node is x for node in y.tape()):
            raise TypeError(f"f must return a Tensor that was computed from its argument, got {y!r}")
        if y.size != 1 and y.shape != x.shape[:-1]:
            raise ValueError(f"f must return one number, or one for each point, got shape {y.shape} from {x.shape}")
        y.backward(np.ones(y.shape))
        return y.data.copy()[()], x.grad  # type: ignore[return-value]

    return both


def grad(f: Callable[..., Any]) -> Callable[..., Array]:
    """Return the function ∇f: the second half of :func:`value_and_grad`."""
    both = value_and_grad(f)
    return lambda *args: both(*args)[1]
