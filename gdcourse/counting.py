"""What a computation costs, in exact numbers that no clock disturbs: operations, and what a graph keeps in memory."""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Kept", "count_operations", "kept"]

# torch's own functions, by name. What is neither here, nor a view, nor works entry by entry is refused.
PRODUCTS = {"mm", "bmm", "mv", "dot"}
SUMS = {"sum", "mean", "amax", "amin", "max", "min", "prod"}
COPIES = {
    *("clone", "_to_copy", "copy", "fill", "cat", "stack", "index", "index_select", "gather", "_efficientzerotensor"),
    *("empty", "empty_like", "zeros", "zeros_like", "new_zeros", "ones", "ones_like", "full", "full_like", "arange"),
    *("new_empty_strided", "new_empty", "scalar_tensor", "slice_backward", "select_backward", "lift_fresh"),
    *("is_same_size", "_has_same_storage_numel", "_unsafe_view", "zero"),
}

# NumPy's functions that work behind the back of its ufuncs, where nobody counts.
UNSEEN = {np.dot, np.vdot, np.inner, np.outer, np.tensordot, np.einsum, np.sort, np.argsort}


class _Counted(np.ndarray):
    """An array that counts every operation on its entries."""

    total = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if ufunc.signature is not None and ufunc is not np.matmul:
            _refuse(f"NumPy's {ufunc.__name__}")
        inputs = tuple(np.asarray(x) for x in inputs)
        if out:
            options["out"] = tuple(np.asarray(array) for array in out)
        result = getattr(ufunc, method)(*inputs, **options)
        inner = 2 * inputs[0].shape[-1] if ufunc is np.matmul else 1
        _Counted.total += inputs[0].size if method == "reduce" else inner * np.size(result)
        return out[0] if out else np.asarray(result).view(_Counted)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in UNSEEN or function.__module__ == "numpy.linalg":
            _refuse(f"NumPy's {function.__name__}")
        return super().__array_function__(function, types, args, kwargs)

    def dot(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse("NumPy's dot")


def _refuse(name: str) -> NoReturn:
    raise TypeError(f"f must be made of sums, matrix products by @ and functions entry by entry, got {name}")


class _Counting(TorchDispatchMode):
    """Counts the operations of all that torch computes meanwhile."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        name = function._schema.name.split("::")[1].rstrip("_")
        if function.is_view or name in COPIES:
            return out
        if name in PRODUCTS:
            self.total += 2 * args[0].shape[-1] * out.numel()
        elif name == "addmm":
            self.total += (2 * args[1].shape[-1] + 1) * out.numel()
        elif name in SUMS:
            self.total += args[0].numel()
        elif torch.Tag.pointwise in getattr(function._overloadpacket, function._overloadname).tags:
            self.total += out.numel()
        else:
            _refuse(f"torch's {name}")
        return out


def count_operations(f: Callable[..., Any], *arrays: Any) -> int:
    """Count the operations on numbers that ``f(*arrays)`` takes.

    A function entry by entry, such as ``tanh``, counts one for each entry that it writes, whatever it does inside; a
    sum of n numbers counts n, a product of matrices of m × n and n × p numbers 2mnp. Copies and views are free.

    Parameters
    ----------
    f : callable
        Of arrays: what NumPy does with them, and with all that is computed from them, is counted. Of tensors: all
        that torch does meanwhile, a backward pass included.
    *arrays : array_like, or torch.Tensor

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If torch or NumPy is asked for a function that is none of these, such as a sort; NumPy's ``dot``, ``einsum`` and
        ``linalg`` too, which do not say what they do: write ``@``.
    """
    if any(isinstance(array, torch.Tensor) for array in arrays):
        with _Counting() as counting:
            f(*arrays)
        return counting.total
    _Counted.total = 0
    f(*(np.array(array, dtype=float).view(_Counted) for array in arrays))
    return int(_Counted.total)


class Kept:
    """The numbers that graphs keep in memory for their backward passes: a record that :func:`kept` fills.

    Attributes
    ----------
    now : int
        Numbers kept at present. Memory that several functions share counts once.
    most : int
        The largest that ``now`` has been.
    """

    def __init__(self) -> None:
        self.now = self.most = 0
        self._users: Counter[int] = Counter()

    def _pack(self, tensor: torch.Tensor) -> "_Parcel":
        storage = tensor.untyped_storage()
        key, size = storage.data_ptr(), storage.nbytes() // tensor.element_size()
        parcel = _Parcel(tensor)
        if not self._users[key]:
            self.now += size
            self.most = max(self.most, self.now)
        self._users[key] += 1
        weakref.finalize(parcel, self._release, key, size).atexit = False
        return parcel

    def _release(self, key: int, size: int) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            self.now -= size


class _Parcel:
    """What a graph holds in place of a tensor, so that its end is seen."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # the graph knows its place; holding that too would be a circle, never freed


@contextmanager
def kept() -> Iterator[Kept]:
    """Count what is kept, from here on, by the graphs that torch records within this context.

    Returns
    -------
    context manager of Kept

    Examples
    --------
    >>> with kept() as numbers:
    ...     loss = model(x).square().mean()
    >>> numbers.now  # after loss.backward(): 0
    """
    record = Kept()
    with torch.autograd.graph.saved_tensors_hooks(record._pack, lambda parcel: parcel.tensor):
        yield record
