"""What the checks of the exercises say: gdcourse.exercises."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.linalg import inv
from torch.nn.functional import conv2d as my_own

import gdcourse as gd
from gdcourse import exercises as ex


@pytest.fixture(autouse=True)
def ledger():
    yield
    globals().pop(ex.LEDGER, None)


def unanswered(x):
    raise NotImplementedError(ex.UNANSWERED)


def test_the_gap_in_a_notebook_raises_what_the_checks_look_for() -> None:
    settings = Path(__file__).parents[1] / "exercises/nbgrader_config.py"
    assert ex.UNANSWERED in settings.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        (0.5, 0.25, "it: expected 0.25, got 0.5. Halve"),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0]), "it at index 1: expected 3, got 2. Halve"),
        (np.ones((2, 2)), np.eye(2), r"it at index \(0, 1\): expected 0, got 1"),
        (np.ones((3, 1)), np.ones(3), r"expected shape \(3,\), got shape \(3, 1\).*every item against every other"),
        (np.ones(3, np.float32), np.ones(3), "expected dtype float64, the one that came in, got float32"),
        (torch.ones(3), np.ones(3), "expected a NumPy array, got"),
        ([1.0], np.ones(1), "expected a NumPy array, got .* of type list"),
        (np.float32(20 / 3), 20 / 3, "The first digits agree"),
        (None, 1.0, "expected a number, got None. Is there a `return`"),
        (None, np.ones(1), "expected a NumPy array, got None"),
        (np.ones(1), 1.0, "expected a number, got"),
        (torch.tensor(1.0), 1.0, "expected a number, got 1.0 of type torch.Tensor"),
        (np.nan, 1.0, "expected 1, got nan"),
        ((1.0, 2.0), (1.0, 3.0), "it, entry 1: expected 3, got 2"),
        (1.0, (1.0, 2.0), "expected a pair, entry 0 and entry 1, got"),
        ({"v": 1.0}, {"v": 2.0}, "it, 'v': expected 2, got 1"),
        ({}, {"v": 2.0}, "expected a dictionary with the keys v, got {}"),
        (1, True, "expected True, got 1"),
        ("a", "b", "expected 'b', got 'a'"),
        (torch.ones(2, requires_grad=True), torch.ones(2), "drags its graph along"),
    ],
)
def test_a_difference_is_told(got, want, says) -> None:
    with pytest.raises(AssertionError, match=says):
        ex.compare("it", got, want, "Halve it.")


def test_what_is_right_passes() -> None:
    for got, want in (
        (np.float64(1.0), 1.0),
        (2, 2.0),
        (np.array([1, 2], np.int32), np.array([1, 2])),
        (np.array([np.inf]), np.array([np.inf])),
        ([1.0, np.ones(2)], (1.0, np.ones(2))),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}),
        (np.bool_(True), True),
    ):
        ex.compare("it", got, want)


def overwrite(x):
    x -= 1


def overwrite_inside(x):
    x["w"][0][0] = 7.0


def lengthen(x):
    x.append(1)


@pytest.mark.parametrize(
    ("function", "x", "says"),
    [
        (overwrite, np.ones(2), r"`overwrite` changed its input x from \[1.0, 1.0\] to \[0.0, 0.0\]"),
        (overwrite, torch.ones(()), "changed its input x from 1.0 to 0.0"),
        (overwrite_inside, {"w": [np.zeros(1)]}, r"changed its input x\['w'\]\[0\] from \[0.0\] to \[7.0\]"),
        (lengthen, [0, 1], r"changed its input x from \[0, 1\] to \[0, 1, 1\]"),
        (lambda x: x.requires_grad_(), torch.ones(2), "left its input x with requires_grad=True"),
        (lambda x: (x**2).sum().backward(), torch.ones(1, requires_grad=True), r"left \[2.0\] in x.grad"),
    ],
)
def test_inputs_come_back_as_they_were(function, x, says) -> None:
    with pytest.raises(AssertionError, match=says):
        ex.ask(function, x=x)


def test_slope_needs_a_trail() -> None:
    assert ex.slope(lambda x: (x**2).sum(), x=torch.tensor([3.0])).tolist() == [6.0]
    with pytest.raises(AssertionError, match="cannot find the way back from the result of `<lambda>` to x"):
        ex.slope(lambda x: torch.tensor(x.sum().item()), x=torch.ones(2))


LINEAR = torch.nn.Linear(1, 1)
SGD = torch.optim.SGD(LINEAR.parameters(), lr=0.1)
PICTURE = torch.ones(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("pattern", "call"),
    [
        ("torch.nn.functional.conv2d", lambda: my_own(PICTURE, PICTURE)),
        ("torch.nn.functional.conv2d", lambda: torch.conv2d(PICTURE, PICTURE)),
        ("torch.nn.functional.unfold", lambda: torch.nn.functional.unfold(PICTURE, 2)),
        ("torch.Tensor.unfold", lambda: PICTURE.unfold(2, 2, 1)),
        ("torch.nn.functional.*loss*", lambda: torch.nn.functional.mse_loss(PICTURE, PICTURE)),
        ("torch.nn.*", lambda: torch.nn.ReLU()),
        ("torch.nn.*", lambda: LINEAR(torch.ones(1))),
        ("torch.optim.*", lambda: SGD.step()),
        ("torch.autograd.*", lambda: torch.autograd.grad(PICTURE.sum(), PICTURE)),
        ("numpy.linalg.*", lambda: inv(np.eye(2))),
        ("numpy.linalg.inv", lambda: np.linalg.inv(np.eye(2))),
        ("gdcourse.optimizers.*", lambda: gd.Adam(lr=0.1)),
    ],
)
def test_what_is_forbidden_teaches_and_comes_back(pattern, call) -> None:
    @ex.question(1)
    def check() -> None:
        with (
            ex.forbid(pattern, because="Write it."),
            pytest.raises(AssertionError, match=r"the library's own .* Write it"),
        ):
            call()

    torch.nn.ReLU()
    LINEAR(torch.ones(1))
    SGD.step()
    assert np.array_equal(inv(np.eye(2)), np.linalg.inv(np.eye(2)))
    assert my_own(PICTURE, PICTURE).item() == 9
    assert gd.Adam(lr=0.1).lr == 0.1


def test_what_is_not_forbidden_still_works_and_a_slip_in_the_name_is_told() -> None:
    with ex.forbid("torch.nn.functional.*loss*", "torch.optim.*", "numpy.linalg.*"):
        assert torch.nn.functional.relu(torch.ones(1)).item() == 1
        assert torch.ones(2, 2).sum() == np.ones((2, 2)).sum()
    with pytest.raises(ValueError, match=r"nothing is called torch\.nn\.Konv"), ex.forbid("torch.nn.Konv*"):
        pass


def test_a_check_without_tensors_does_without_torch_and_an_answer_that_imports_it_is_told() -> None:
    told = """
import sys
import numpy as np
from gdcourse import exercises as ex

def check(answer):
    with ex.forbid("torch.*", because="Build it."):
        ex.compare("sum", ex.ask(answer, x=np.ones(2)), np.array([2.0, 2.0]))

check(lambda x: x + x)
assert "torch" not in sys.modules
def sly(x):
    import torch
    return torch.add(torch.tensor(x), torch.tensor(x)).numpy()
check(sly)
"""
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "AssertionError: your code imports torch. Build it."


def test_an_unanswered_function_is_named(capsys) -> None:
    with pytest.raises(NotImplementedError, match="`unanswered` has no answer yet: write your code"):
        ex.question(1)(lambda: unanswered(1))
    with ex.once_answered():
        unanswered(1)
    assert "as soon as `unanswered` is answered" in capsys.readouterr().out
    with pytest.raises(NotImplementedError, match="of my own"), ex.once_answered():
        raise NotImplementedError("of my own")


def test_a_reference_stands_in_for_what_has_not_passed(capsys) -> None:
    space: dict = {"ex": ex}
    exec("def f(): return 'mine'\ndef g(): return 'mine'", space)
    exec("@ex.question(1)\ndef check(): pass", space)
    with pytest.raises(AssertionError):
        exec("@ex.question(2)\ndef check(): assert g() == 'ours'", space)
    exec("@ex.reference(1)\ndef f(): return 'ours'\n@ex.reference(2)\ndef g(): return 'ours'", space)
    assert (space["f"](), space["g"]()) == ("mine", "ours")
    exec("@ex.reference(2)\nclass g: pass", space)  # a class too, since later answers may inherit from it
    assert isinstance(space["g"], type)
    exec("ex.report({1: 4, 2: 3, 3: 2}, by_hand={4: 1})", space)
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "Question 1: passes             4 points",
        "Question 2: fails              3 points",
        "Question 3: not run            2 points",
        "Question 4: read by a person   1 point",
        "The checks here give 4 of 9 points; 5 are still at stake.",
    ]


def test_the_command_line_says_the_same(tmp_path, capsys) -> None:
    def cell(source, **about):
        return {"cell_type": "code", "source": source, "metadata": {"nbgrader": about} if about else {}}

    def check(number, line):
        source = f"@ex.question({number})\ndef check():\n    {line}"
        return cell(source, grade=True, grade_id=f"q{number}-check", points=number, solution=False)

    first = cell("from gdcourse import exercises as ex\nif False:\n    %pip install it")
    notebook = tmp_path / "it.ipynb"
    notebook.write_text(json.dumps({"cells": [first, check(1, "pass"), check(2, "ex.compare('it', 1, 2)")]}))
    assert ex.main([str(notebook)]) == 1
    told = capsys.readouterr().out
    assert "Question 2: AssertionError: it: expected 2, got 1." in told
    assert "The checks here give 1 of 3 points; 2 are still at stake." in told
    notebook.write_text(json.dumps({"cells": [first, check(1, "pass")]}))
    assert ex.main([str(notebook)]) == 0
    assert ex.main([]) == 2


@pytest.mark.parametrize("content", [None, "", "print(1)", "[]", "{}"])
def test_what_is_no_notebook_is_named(tmp_path, capsys, content):
    path = tmp_path / "answers.ipynb"
    if content is not None:
        path.write_text(content)
    assert ex.main([str(path)]) == 2
    assert f"notebook must be the path of a notebook, got '{path}'" in capsys.readouterr().err
    assert ex.main([str(tmp_path)]) == 2
