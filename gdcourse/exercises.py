"""What the graded exercises are checked with: a check says what it expected, what came, and where to look.

From the command line, which parts of a notebook pass: ``python -m gdcourse.exercises notebook.ipynb``.
"""

import contextlib
import fnmatch
import inspect
import io
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["ask", "compare", "forbid", "once_answered", "question", "reference", "report", "slope", "stand_in"]

UNANSWERED = "write your code in place of these two lines"  # what the gap in a student's notebook raises
LEDGER = "__questions__"  # in the notebook's namespace: how each question fared
PASSES, FAILS, NO_ANSWER, NOT_RUN = "passes", "fails", "has no answer yet", "not run"

_namespaces: list[dict[str, Any]] = []  # of the checks that are running: where `forbid` finds names imported earlier


def _tensor() -> "tuple[type[torch.Tensor], ...]":
    """Return torch's type of tensor, if torch has been imported: that takes longer than most checks do."""
    return (sys.modules["torch"].Tensor,) if "torch" in sys.modules else ()


def _arrays() -> "tuple[type[torch.Tensor | np.ndarray], ...]":
    return (*_tensor(), np.ndarray)


def question(number: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Run the decorated check at once, and keep in mind how question ``number`` fared.

    Where an answer is still missing, the error names the function. What is written to stderr meanwhile, such as
    warnings, goes where ``print`` goes, since nbgrader takes it for a failure.

    Parameters
    ----------
    number : int
        Of the question. It may have several checks, in one cell: the first that fails ends the cell, and the question
        passes with the last.
    """

    def run(check: Callable[[], None]) -> Callable[[], None]:
        __tracebackhide__ = True  # an error shows the answer and the check, not what lies between
        namespace = check.__globals__
        ledger = namespace.setdefault(LEDGER, {})
        ledger[number] = FAILS
        _namespaces.append(namespace)
        try:
            with contextlib.redirect_stderr(sys.stdout):
                check()
        except NotImplementedError as error:
            if name := _unanswered(error):
                ledger[number] = NO_ANSWER
                raise NotImplementedError(f"`{name}` has no answer yet: {UNANSWERED}") from None
            raise
        finally:
            _namespaces.pop()
        ledger[number] = PASSES
        print(f"Question {number}: every check here passes.")
        return check

    return run


def _unanswered(error: NotImplementedError) -> str:
    """Name the function whose gap raised this; nothing if it was something else."""
    return traceback.extract_tb(error.__traceback__)[-1].name if str(error) == UNANSWERED else ""


def reference(number: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the decorated function or class stand for the student's of the same name, unless question ``number`` passed.

    So each question is graded on its own. It belongs into the hidden part of the checks *after* the question: there
    it gives nothing away. A class that later answers may inherit from stands best in the very next check.
    """

    def choose(ours: Callable[..., Any]) -> Callable[..., Any]:
        namespace = sys._getframe(1).f_globals  # a class has no __globals__
        passed = namespace.get(LEDGER, {}).get(number) == PASSES
        return namespace.get(ours.__name__, ours) if passed else ours

    return choose


@contextlib.contextmanager
def once_answered() -> Iterator[None]:
    """Within this, a function that has no answer yet is told of in a line, and is no error."""
    try:
        yield
    except NotImplementedError as error:
        if not (name := _unanswered(error)):
            raise
        print(f"Not yet: this cell runs as soon as `{name}` is answered.")


@contextlib.contextmanager
def stand_in(namespace: dict[str, Any], name: str, function: Any) -> Iterator[None]:
    """Within this, ``function`` is what ``name`` means in ``namespace``, such as the notebook's ``globals()``."""
    own = namespace[name]
    namespace[name] = function
    try:
        yield
    finally:
        namespace[name] = own


def ask(function: Callable[..., Any], **inputs: Any) -> Any:
    """Call ``function`` with these inputs, in this order, and see that it leaves them as they were.

    Parameters
    ----------
    function : callable
        The student's.
    **inputs
        Tensors, arrays, and lists, tuples or dictionaries of them must come back unchanged: in value, in
        ``requires_grad`` and in ``grad``. The names are those that the message uses; they are passed by position.
    """
    __tracebackhide__ = True
    before = {name: _snapshot(value) for name, value in inputs.items()}
    result = function(*inputs.values())
    caller = getattr(function, "__name__", "your function")
    for name, value in inputs.items():
        _require_unchanged(caller, name, value, before[name])
    return result


def _snapshot(value: Any) -> Any:
    if isinstance(value, _tensor()):
        return value.detach().clone(), value.requires_grad, value.grad is None
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: _snapshot(item) for key, item in value.items()}
    return [_snapshot(item) for item in value] if isinstance(value, list | tuple) else value


def _require_unchanged(caller: str, name: str, value: Any, old: Any) -> None:
    __tracebackhide__ = True
    if isinstance(value, _tensor()):
        data, required, without_grad = old
        same = value.shape == data.shape and value.detach().equal(data)
        _require_same(caller, name, same, data.tolist(), value.tolist())
        assert value.requires_grad == required, (
            f"`{caller}` left its input {name} with requires_grad={value.requires_grad}; it came with {required}. Work "
            "on a copy: a tensor of your own may carry any mark you like."
        )
        assert value.grad is None or not without_grad, (
            f"`{caller}` left {value.grad.tolist()} in {name}.grad. `backward` adds to what is there, so the next call "
            "would start from it. Work on a copy, or ask for the gradient without storing it."
        )
    elif isinstance(value, np.ndarray):
        same = value.shape == old.shape and bool(np.all((value == old) | (value != value)))
        _require_same(caller, name, same, old.tolist(), value.tolist())
    elif isinstance(value, Mapping | list | tuple):
        keys, before = (list(x) if isinstance(x, Mapping) else list(range(len(x))) for x in (value, old))
        _require_same(caller, name, keys == before, old, value)
        for key in keys:
            _require_unchanged(caller, f"{name}[{key!r}]", value[key], old[key])
    elif isinstance(value, int | float | str):
        _require_same(caller, name, value == old, old, value)


def _require_same(caller: str, name: str, same: bool, old: Any, new: Any) -> None:
    __tracebackhide__ = True
    assert same, (
        f"`{caller}` changed its input {name} from {old} to {new}. `{name} -= …` writes into what it was given, and so "
        "do `…[i] = …` and, in torch, a method whose name ends in `_`. `a - b` makes something new."
    )


def compare(
    what: str, got: Any, want: Any, idea: str = "", *, parts: Sequence[str] = (), tolerance: float = 1e-8
) -> None:
    """Hold an answer against what is right, and say where they first differ.

    Parameters
    ----------
    what : str
        What was asked for, with its inputs: the message begins with it.
    got : object
        The answer.
    want : torch.Tensor, np.ndarray, float, int, bool, str, or a tuple, list or dict of them
        What is right. A tensor or an array wants its own kind back, with the same shape and dtype, and a tensor
        without a graph; a number wants a number of any library; a tuple or list wants one of the same length.
    idea : str
        What helps where the values differ: the thought that leads on, and the section of the book that explains it,
        as in "Book: Momentum, “From scratch”".
    parts : sequence of str
        Names of the entries of a tuple or list, such as ("w", "b").
    tolerance : float, default 1e-8
        Relative and absolute.
    """
    __tracebackhide__ = True
    if isinstance(want, tuple | list):
        names = list(parts) or [f"entry {i}" for i in range(len(want))]
        several = isinstance(got, tuple | list) and len(got) == len(want)
        count = "a pair" if len(want) == 2 else f"{len(want)} results"
        assert several, f"{what}: expected {count}, {' and '.join(names)}, got {_shown(got)}. End with `return …, …`."
        for name, got_one, want_one in zip(names, got, want, strict=True):
            compare(f"{what}, the part of {name}" if parts else f"{what}, {name}", got_one, want_one, idea,
                    tolerance=tolerance)  # fmt: skip
        return
    if isinstance(want, Mapping):
        same_keys = isinstance(got, Mapping) and set(got) == set(want)
        assert same_keys, f"{what}: expected a dictionary with the keys {', '.join(map(str, want))}, got {_shown(got)}."
        for key in want:
            compare(f"{what}, {key!r}", got[key], want[key], idea, tolerance=tolerance)
        return
    if isinstance(want, str | bool | np.bool_):
        same = isinstance(got, str if isinstance(want, str) else bool | np.bool_) and got == want
        assert same, f"{what}: expected {want!r}, got {_shown(got)}. {idea}"
        return
    _require_kind(what, got, want)
    _compare_values(what, _as_array(got), _as_array(want), idea, tolerance)


def _require_kind(what: str, got: Any, want: Any) -> None:
    """Require the library, the shape and the dtype of ``want``."""
    __tracebackhide__ = True
    kind = _kind(want)
    if got is None:
        raise AssertionError(f"{what}: expected {kind}, got None. Is there a `return` at the end?")
    tensor = _tensor()
    if not isinstance(want, _arrays()):
        is_number = np.ndim(got) == 0 and np.asarray(got).dtype.kind in "fiu" and not isinstance(got, tensor)
        assert is_number, f"{what}: expected {kind}, got {_shown(got)}."
        return
    if not isinstance(got, tensor if isinstance(want, tensor) else np.ndarray):
        why = (
            " Return the tensor itself: `.item()` and `float(…)` take the number out of it."
            if isinstance(want, tensor) and isinstance(got, float | int)
            else ""
        )
        raise AssertionError(f"{what}: expected {kind}, got {_shown(got)}.{why}")
    shape, wanted = tuple(got.shape), tuple(want.shape)
    assert shape == wanted, f"{what}: expected shape {wanted}, got shape {shape}, {_shown(got)}.{_of(shape, wanted)}"
    alike = got.dtype == want.dtype or (str(got.dtype).strip("u")[:3] == "int" == str(want.dtype).strip("u")[:3])
    assert alike, (
        f"{what}: expected dtype {want.dtype}, the one that came in, got {got.dtype}. Look for a conversion, for "
        "another library, or for a constant with a dtype of its own."
    )
    assert not (isinstance(got, tensor) and got.requires_grad), (
        f"{what}: it still drags its graph along (requires_grad=True), although nothing that came in asks for one. "
        "Detach what you return."
    )


def _of(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Say what usually stands behind these two shapes."""
    if wanted == ():
        return " The shape () belongs to one number, such as a mean over all items."
    if len(shape) == 2 and len(wanted) == 1 and wanted[0] in shape:
        return (
            " Of shapes (n, 1) and (n,), an operation entry by entry makes (n, n), every item against every other: "
            "give both the same shape."
        )
    return ""


def _compare_values(what: str, got: np.ndarray, want: np.ndarray, idea: str, tolerance: float) -> None:
    __tracebackhide__ = True
    wrong = ~np.isclose(got, want, rtol=tolerance, atol=tolerance)
    if not wrong.any():
        return
    first = tuple(np.argwhere(wrong)[0].tolist())
    where = f" at index {first[0] if len(first) == 1 else first}" if first else ""
    if np.isclose(got, want, rtol=1e-5, atol=1e-5).all():
        idea = "The first digits agree, the others do not: was something computed in float32, or approximated?"
    raise AssertionError(f"{what}{where}: expected {want[first]:.10g}, got {got[first]:.10g}. {idea}")


def _as_array(value: Any) -> np.ndarray:
    array = value.detach().cpu().double().numpy() if isinstance(value, _tensor()) else np.asarray(value)
    return array.astype(float)


def _kind(value: Any) -> str:
    kinds = ((_tensor(), "a torch.Tensor"), (np.ndarray, "a NumPy array"), (int | np.integer, "an integer"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


def _shown(value: Any) -> str:
    """Show a value in a line: short, and with its type where that is the question."""
    if isinstance(value, _arrays()):
        text = str(value.tolist())
        text = text if len(text) < 200 else f"{text[:200]}…"
        return text if value.ndim else f"{text} of type {type(value).__module__}.{type(value).__name__}"
    if value is None:
        return "None"
    text = repr(value)
    return f"{text if len(text) < 200 else text[:200] + '…'} of type {type(value).__name__}"


def slope(function: Callable[..., Any], **inputs: Any) -> "torch.Tensor":
    """Ask autograd for the derivative of the student's ``function`` by the first of these inputs.

    Parameters
    ----------
    function : callable
        Of these inputs, with one number for a result.
    **inputs
        As for :func:`ask`; the first is a tensor.
    """
    import torch

    __tracebackhide__ = True
    first = next(iter(inputs))
    variable = inputs[first].clone().requires_grad_()
    result = ask(function, **{**inputs, first: variable})
    connected = isinstance(result, torch.Tensor) and result.requires_grad
    assert connected, (
        f"autograd cannot find the way back from the result of `{function.__name__}` to {first} (the result was "
        f"{result!r}). Only torch operations leave a trail: `.item()`, `.detach()`, `.numpy()`, `math.log` and "
        "`torch.tensor(…)` of a tensor cut it."
    )
    return torch.autograd.grad(result, variable)[0]


def _refusing(refused: Mapping[Any, Callable[..., Any]]) -> contextlib.AbstractContextManager[Any]:
    """Within this, a call of one of these torch functions is an error, under whatever name."""
    from torch.overrides import TorchFunctionMode

    class Refusing(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            __tracebackhide__ = True
            return refused.get(function, function)(*args, **(kwargs or {}))

    return Refusing()


@contextlib.contextmanager
def forbid(*names: str, because: str = "") -> Iterator[None]:
    """Within this, calls of named library functions, or uses of named classes, fail with a message that teaches.

    It reaches functions of torch however they are called; others where they live and in the notebook, where they may
    have been imported under another name; and of a class each new instance, and methods of instances made earlier.

    Parameters
    ----------
    *names : str
        Dotted names, the last part with ``*`` and ``?`` if wanted: ``"torch.nn.functional.*loss*"``,
        ``"torch.optim.*"``, ``"numpy.linalg.inv"``, ``"torch.Tensor.unfold"``.
    because : str
        What to do instead.
    """
    because = because or "The question is how it works inside: build it from simpler operations."
    refused: dict[Any, Callable[..., Any]] = {}
    # An assignment that does without torch need not wait for it: that it is imported within says enough.
    absent = "torch" not in sys.modules and any(pattern.startswith("torch.") for pattern in names)
    known = [pattern for pattern in names if not (absent and pattern.startswith("torch."))]
    with contextlib.ExitStack() as stack:
        for home, name, value in (found for pattern in known for found in _find(pattern)):
            refuse = _refusal(name, because)
            if inspect.isclass(value):
                for method in _methods(value):
                    stack.enter_context(mock.patch.object(value, method, refuse))
                continue
            refused[value] = refuse
            if inspect.ismodule(home):
                stack.enter_context(mock.patch.object(home, name, refuse))
            for namespace in _namespaces[-1:]:
                for own in [key for key, known in namespace.items() if known is value]:
                    stack.enter_context(stand_in(namespace, own, refuse))
        if _tensor():
            stack.enter_context(_refusing(refused))
        yield
    assert not (absent and "torch" in sys.modules), f"your code imports torch. {because}"


def _find(pattern: str) -> list[tuple[Any, str, Any]]:
    """List what a dotted pattern means, each with the module or class that it lives in and its name there."""
    path, _, last = pattern.rpartition(".")
    home = pkgutil.resolve_name(path)
    if last in vars(home) or hasattr(home, last):
        return [(home, last, getattr(home, last))]
    found = []
    for name in fnmatch.filter(dir(home), last):
        value = getattr(home, name)
        # A module also holds what it imported for itself, such as torch.nn.functional.Tensor.
        root = path if inspect.isclass(value) else path.partition(".")[0]
        lives_here = (getattr(value, "__module__", None) or root).startswith(root)
        if not name.startswith("_") and callable(value) and lives_here:
            found.append((home, name, value))
    if not found:
        raise ValueError(f"nothing is called {pattern}")
    return found


def _methods(cls: type) -> list[str]:
    called = any("__call__" in vars(base) for base in cls.__mro__)
    public = [name for name, value in vars(cls).items() if callable(value) and not name.startswith("_")]
    return ["__init__", *(["__call__"] if called else []), *public]


def _refusal(name: str, because: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"your code calls the library's own `{name}`. {because}")

    return refuse


def report(points: Mapping[int, int], by_hand: Mapping[int, int] | None = None) -> None:
    """Print which questions pass, and how many points are at stake. It is the last cell of an assignment.

    Parameters
    ----------
    points : mapping from int to int
        From the numbers of the questions to their points.
    by_hand : mapping from int to int, optional
        The same for the questions that a person reads.
    """
    print(_summary(sys._getframe(1).f_globals.get(LEDGER, {}), points, by_hand or {}))


def _summary(ledger: Mapping[int, str], points: Mapping[int, int], by_hand: Mapping[int, int]) -> str:
    said = {number: (ledger.get(number, NOT_RUN), points[number]) for number in points}
    won = sum(worth for status, worth in said.values() if status == PASSES)
    said |= {number: ("read by a person", worth) for number, worth in by_hand.items()}
    lines = [f"Question {n}: {status:<17} {worth:>2} {_points(worth)}" for n, (status, worth) in sorted(said.items())]
    total = sum(points.values())
    lines.append(f"The checks here give {won} of {total} points; {total - won} are still at stake.")
    return "\n".join(lines)


def _points(number: int) -> str:
    return "point" if number == 1 else "points"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a notebook's code from top to bottom, and print what its checks say."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m gdcourse.exercises notebook.ipynb", file=sys.stderr)
        return 2
    try:
        cells = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        print(f"notebook must be the path of a notebook, got {arguments[0]!r}", file=sys.stderr)
        return 2
    os.environ.setdefault("MPLBACKEND", "agg")  # figures are drawn, and not shown
    namespace: dict[str, Any] = {"__name__": "__main__"}
    points: dict[str, dict[int, int]] = {"check": {}, "answer": {}}
    for cell in cells:
        about = cell["metadata"].get("nbgrader", {})
        number = str(about.get("grade_id", "")).removeprefix("q").partition("-")[0]
        if about.get("grade") and number.isdecimal():
            points["answer" if about.get("solution") else "check"][int(number)] = about["points"]
        if cell["cell_type"] == "code" and (error := _run("".join(cell["source"]), namespace)):
            print(f"{f'Question {number}' if number.isdecimal() else 'A cell'}: {error}\n")
    ledger = namespace.get(LEDGER, {})
    print(_summary(ledger, points["check"], points["answer"]))
    return 0 if all(ledger.get(number) == PASSES for number in points["check"]) else 1


def _run(source: str, namespace: dict[str, Any]) -> str:
    """Run a cell; return its error, in a line, if it had one."""
    from IPython.core.inputtransformer2 import TransformerManager  # a cell may hold a line for Jupyter alone

    try:
        transform = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
        code = compile(transform(source), "<cell>", "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, namespace)
    except Exception as error:
        return "".join(traceback.format_exception_only(error)).strip()
    return ""


if __name__ == "__main__":
    # As the module that the notebook imports: this one, run as a program, is another.
    from gdcourse.exercises import main as run_main

    sys.exit(run_main())
