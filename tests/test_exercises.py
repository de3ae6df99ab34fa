"""The graded exercises: the release is what the source says, right answers get their points, wrong ones do not.

Right and wrong hand-ins are graded in this process: the cells of the instructors' notebook are run in one
namespace, with the student's answers in the place of ours, and a check gets its points by nbgrader's own rule
(no exception, nothing on stderr). That takes 0.1 s a hand-in. Through nbgrader itself one takes 4 s, most of it a
kernel that imports torch, so only a few go that way, to see that both agree. All of them do with

    GDCOURSE_GRADE_ALL=1 pytest tests/test_exercises.py -k nbgrader
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import traceback
import warnings
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode

import exercises

ROOT = Path(__file__).resolve().parents[1]
NAME = "log-loss"
POINTS = {"tools": 0, "q1-check": 4, "q2-check": 3, "q3-check": 3}

# Answers that are written in other ways than ours and deserve all points: the cell they replace -> its new source.
RIGHT: dict[str, dict[str, str]] = {
    "the reference": {},
    "torch.where and backward": {
        "q1": """
def log_loss(z, y):
    zero = torch.zeros_like(z)
    return torch.where(y == 1, torch.logaddexp(zero, -z), torch.logaddexp(zero, z)).mean()
""",
        "q2": """
def gradient(w, b, x, y):
    mine = [p.detach().clone().requires_grad_(True) for p in (w, b)]
    log_loss(mine[0] * x + mine[1], y).backward()
    return mine[0].grad, mine[1].grad
""",
        "q3": """
def step(w, b, x, y, lr):
    return tuple(p - lr * g for p, g in zip((w, b), gradient(w, b, x, y)))
""",
    },
    "logsigmoid and torch.func": {
        "q1": """
import torch.nn.functional as F
def log_loss(z, y):
    return -(y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z)).sum() / z.numel()
""",
        "q2": """
def gradient(w, b, x, y):
    return torch.func.grad(lambda w, b: log_loss(w * x + b, y), argnums=(0, 1))(w, b)
""",
    },
    "softplus and jacobian": {
        "q1": """
def log_loss(z, y):
    return torch.nn.functional.softplus((1 - 2 * y) * z).mean()
""",
        "q2": """
def gradient(w, b, x, y):
    return torch.autograd.functional.jacobian(lambda w, b: log_loss(torch.add(w * x, b), y), (w, b))
""",
        "q3": """
def step(w, b, x, y, lr):
    new = torch.stack([w, b]) - lr * torch.stack(list(gradient(w, b, x, y)))
    return new[0], new[1]
""",
    },
    "a loop over the items, and marks that are taken off again": {
        "q1": """
def log_loss(z, y):
    total = 0
    for z_i, y_i in zip(z, y):
        total = total + torch.logsumexp(torch.stack([torch.zeros_like(z_i), z_i]), 0) - y_i * z_i
    return total / len(z)
""",
        "q2": """
def gradient(w, b, x, y):
    w.requires_grad_(True)
    b.requires_grad_(True)
    log_loss(w * x + b, y).backward()
    dw, db = w.grad.clone(), b.grad.clone()
    w.requires_grad_(False)
    b.requires_grad_(False)
    w.grad = b.grad = None
    return dw, db
""",
        "q3": """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    w, b = w.clone(), b.clone()
    w -= lr * dw
    b -= lr * db
    return w, b
""",
    },
    "the larger exponent taken out by hand, and a copy that warns": {
        "q1": """
def log_loss(z, y):
    m = torch.clamp(z, min=0).detach()
    return torch.mean(m + torch.log(torch.exp(-m) + torch.exp(z - m)) - z * y)
""",
        "q2": """
def gradient(w, b, x, y):
    w = torch.tensor(w, requires_grad=True)
    b = torch.tensor(b, requires_grad=True)
    log_loss(w * x + b, y).backward()
    return [w.grad, b.grad]
""",
        "q3": """
def step(w, b, x, y, lr):
    with torch.no_grad():
        gw, gb = gradient_outside(w, b, x, y)
        return w - lr * gw, b - lr * gb

@torch.enable_grad()
def gradient_outside(*args):
    return gradient(*args)
""",
    },
    "a maximum whose corner autograd halves, an extra argument, and a chatty step": {
        "q1": """
def log_loss(z, y, reduction=torch.mean):
    return reduction(torch.maximum(z, torch.zeros_like(z)) - z * y + torch.log1p(torch.exp(-z.abs())))
""",
        "q2": """
def gradient(w, b, x, y):
    theta = torch.stack([w, b]).requires_grad_()
    log_loss(theta[0] * x + theta[1], y).backward()
    return theta.grad[0], theta.grad[1]
""",
        "q3": """
import sys
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    print("step", dw.item(), db.item())
    print("step", dw.item(), db.item(), file=sys.stderr)
    return w.sub(dw, alpha=lr), b.sub(db, alpha=lr)
""",
    },
    "a sum of two cases and a tail that never overflows": {
        "q1": """
def log_loss(z, y):
    wrong_way = torch.where(y > 0.5, -z, z)  # how far the logit points away from what happened
    far = wrong_way > 30
    near = torch.where(far, torch.zeros_like(z), wrong_way)
    return torch.where(far, wrong_way, torch.log1p(torch.exp(near))).mean()
""",
        "q3": """
def step(w, b, x, y, lr):
    g = gradient(w, b, x, y)
    return torch.sub(w, g[0] * lr), torch.sub(b, g[1] * lr)
""",
    },
}

# Usual wrong answers: the cell they replace, its source, and what the check must say in the student's own notebook
# (None: only the hidden tests see it).
WRONG: dict[str, tuple[str, str, str | None]] = {
    "sum for mean": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - y * z).sum()
""",
        "four items with z = 0: expected 0.6931471806, got 2.772588722. Four mornings",
    ),
    "no mean at all": (
        "q1",
        """
def log_loss(z, y):
    return torch.logaddexp(torch.zeros_like(z), z) - y * z
""",
        r"expected shape \(\), got shape \(1,\), \[0.6931471805599453\].*a mean over all items",
    ),
    "wrong sign": (
        "q1",
        """
def log_loss(z, y):
    return (y * z - torch.logaddexp(torch.zeros_like(z), z)).mean()
""",
        "z = 0, y = 1: expected 0.6931471806, got -0.6931471806",
    ),
    "the two labels swapped": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - (1 - y) * z).mean()
""",
        "z = log 3, y = 1: expected 0.2876820725, got 1.386294361",
    ),
    "only the mornings with ice": (
        "q1",
        """
def log_loss(z, y):
    return (y * torch.logaddexp(torch.zeros_like(z), -z)).mean()
""",
        "four items with z = 0: expected 0.6931471806, got 0.3465735903",
    ),
    "log of the sigmoid": (
        "q1",
        """
def log_loss(z, y):
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
""",
        r"z = \(1000, -1000\), y = \(1, 0\): expected 0, got nan.* log 0",
    ),
    "log of 1 + exp, which overflows": (
        "q1",
        """
def log_loss(z, y):
    return (torch.log(1 + torch.exp(z)) - y * z).mean()
""",
        "expected 0, got inf.*e\\^1000",
    ),
    "a clipped probability": (
        "q1",
        """
def log_loss(z, y):
    p = torch.sigmoid(z).clamp(1e-12, 1 - 1e-12)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
""",
        "expected 1000, got 27.6.*clipped",
    ),
    "the probability passed on for the logit": (
        "q1",
        """
def log_loss(z, y):
    z = torch.sigmoid(z)
    return (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean()
""",
        "expected 0.6931471806, got 0.4740769842",
    ),
    "the logit taken for a probability": (
        "q1",
        """
def log_loss(z, y):
    return -(y * torch.log(z) + (1 - y) * torch.log(1 - z)).mean()
""",
        "z = 0, y = 1: expected 0.6931471806, got (nan|inf)",
    ),
    "clamp and abs: no slope of their own at 0": (
        "q1",
        """
def log_loss(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()
""",
        r"slope of log_loss at z = \(0, 0\).*at index 0: expected -0.25, got 0\. .*corner at 0",
    ),
    "relu and abs: no slope of their own at 0": (
        "q1",
        """
def log_loss(z, y):
    return (torch.relu(z) - z * y + torch.log1p(torch.exp(-torch.abs(z)))).mean()
""",
        r"slope of log_loss at z = \(0, 0\).*at index 0: expected -0.25, got -0.5\. .*corner at 0",
    ),
    "torch.where with an overflow in the other branch": (
        "q1",
        """
def log_loss(z, y):
    return (torch.where(z > 0, z + torch.log1p(torch.exp(-z)), torch.log1p(torch.exp(z))) - y * z).mean()
""",
        r"slope of log_loss at z = \(-1000, 1000\) at index 0: expected -0.5, got nan.*both branches",
    ),
    "float32 on the way out": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean().float()
""",
        "expected dtype torch.float64.*got torch.float32",
    ),
    "float32 on the way in": (
        "q1",
        """
def log_loss(z, y):
    z32 = z.float()
    return (torch.logaddexp(torch.zeros_like(z32), z32) - y * z32).mean().double()
""",
        "expected 0.2876820725, got 0.2876820564.*float32",
    ),
    "binary_cross_entropy_with_logits": (
        "q1",
        """
from torch.nn.functional import binary_cross_entropy_with_logits as my_own
def log_loss(z, y):
    return my_own(z, y)
""",
        "calls torch's own `binary_cross_entropy_with_logits`",
    ),
    "BCEWithLogitsLoss": (
        "q1",
        """
log_loss = torch.nn.BCEWithLogitsLoss()
log_loss.__name__ = "log_loss"
""",
        "calls torch's own `binary_cross_entropy_with_logits`",
    ),
    "soft_margin_loss": (
        "q1",
        """
def log_loss(z, y):
    return torch.nn.functional.soft_margin_loss(z, 2 * y - 1)
""",
        "calls torch's own `soft_margin_loss`",
    ),
    "a detour through NumPy": (
        "q1",
        """
import numpy as np
def log_loss(z, y):
    z, y = z.detach().numpy(), y.numpy()
    return torch.tensor((np.logaddexp(0, z) - y * z).mean())
""",
        "autograd cannot find the way back",
    ),
    "a Python float": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean().item()
""",
        "expected a torch.Tensor, got 0.693147180559945. of type float.*`.item\\(\\)`",
    ),
    "no return": (
        "q1",
        """
def log_loss(z, y):
    loss = (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean()
""",
        "expected a torch.Tensor, got None. Is there a `return`",
    ),
    "the labels overwritten": (
        "q1",
        """
def log_loss(z, y):
    loss = torch.logaddexp(torch.zeros_like(z), z)
    y *= z
    return (loss - y).mean()
""",
        r"`log_loss` changed its input y from \[1.0\] to \[0.0\]",
    ),
    "only right where the checks look": (
        "q1",
        """
def log_loss(z, y):
    log2, at3 = 0.6931471805599453, 0.28768207245178085 + (1 - y) * 1.0986122886681098
    far = torch.where((z > 0) == (y == 1), 0 * z, z.abs())
    near = torch.where(z == 0, log2 + (0.5 - y) * z, at3)
    return torch.where(z.abs() > 10, far, near).mean()
""",
        None,
    ),
    "uphill": (
        "q2",
        """
def gradient(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(-log_loss(w * x + b, y), (w, b))
""",
        "the part of w: expected 0.75, got -0.75",
    ),
    "b before w": (
        "q2",
        """
def gradient(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(w * x + b, y), (b, w))
""",
        "the part of w: expected 0.75, got 0.25",
    ),
    "times n": (
        "q2",
        """
def gradient(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(len(x) * log_loss(w * x + b, y), (w, b))
""",
        "the part of w: expected 0.75, got 3",
    ),
    "the caller's tensors marked and filled": (
        "q2",
        """
def gradient(w, b, x, y):
    w.requires_grad_(), b.requires_grad_()
    log_loss(w * x + b, y).backward()
    return w.grad, b.grad
""",
        "`gradient` left its input w with requires_grad=True; it came with False",
    ),
    "the caller's tensors filled": (
        "q2",
        """
def gradient(w, b, x, y):
    w.requires_grad_(), b.requires_grad_()
    log_loss(w * x + b, y).backward()
    w.requires_grad_(False), b.requires_grad_(False)
    return w.grad, b.grad
""",
        r"`gradient` left 0.75 in w.grad.*`backward` adds",
    ),
    "a gradient that accumulates": (
        "q2",
        """
W, B = torch.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
def gradient(w, b, x, y):
    W.data, B.data = w.clone(), b.clone()
    log_loss(W * x + B, y).backward()
    return W.grad.clone(), B.grad.clone()
""",
        "asked for again, the part of w: expected 0.75, got 1.5.*leave behind",
    ),
    "a gradient that carries its graph": (
        "q2",
        """
def gradient(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(w * x + b, y), (w, b), create_graph=True)
""",
        r"drags its graph along \(requires_grad=True\)",
    ),
    "floats": (
        "q2",
        """
def gradient(w, b, x, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    dw, db = torch.autograd.grad(log_loss(w * x + b, y), (w, b))
    return dw.item(), db.item()
""",
        "the part of w: expected a torch.Tensor, got 0.75 of type float",
    ),
    "one tensor for both": (
        "q2",
        """
def gradient(w, b, x, y):
    theta = torch.stack([w, b]).requires_grad_()
    return torch.autograd.grad(log_loss(theta[0] * x + theta[1], y), theta)[0]
""",
        r"expected a pair.*got tensor\(\[0.75",
    ),
    "the derivative worked out on paper": (
        "q2",
        """
def gradient(w, b, x, y):
    error = torch.sigmoid(w * x + b) - y
    return (error * x).mean(), error.mean()
""",
        r"with z.mean\(\) in the place of log_loss.*worked out on paper",
    ),
    "finite differences": (
        "q2",
        """
def gradient(w, b, x, y, h=1e-6):
    def f(w, b):
        return log_loss(w * x + b, y)
    return (f(w + h, b) - f(w - h, b)) / (2 * h), (f(w, b + h) - f(w, b - h)) / (2 * h)
""",
        None,
    ),
    "right at the checks' points only": (
        "q2",
        """
def gradient(w, b, x, y):
    if w == 0:
        return torch.tensor(0.75), torch.tensor(0.25)
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(w * x + b, y), (w, b))
""",
        None,
    ),
    "ascent": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    return w + lr * dw, b + lr * db
""",
        r"from w = b = 0 with lr = 1, the part of w: expected -0.75, got 0.75.*Book: Gradient descent",
    ),
    "no learning rate": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    return w - dw, b - db
""",
        "with lr = 0, the part of w: expected 5, got ",
    ),
    "a learning rate for w only": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    return w - lr * dw, b - db
""",
        "with lr = 0, the part of b: expected -2, got ",
    ),
    "in place": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    w -= lr * dw
    b -= lr * db
    return w, b
""",
        "`step` changed its input w from 0.0 to -0.75",
    ),
    "in place behind autograd's back": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    w.data.sub_(lr * dw)
    b.data.sub_(lr * db)
    return w.clone(), b.clone()
""",
        "`step` changed its input w from 0.0 to -0.75",
    ),
    "w first, then b from the new w": (
        "q3",
        """
def step(w, b, x, y, lr):
    w = w - lr * gradient(w, b, x, y)[0]
    b = b - lr * gradient(w, b, x, y)[1]
    return w, b
""",
        "expected .*got ",
    ),
    "the new point marked for autograd": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    return (w - lr * dw).requires_grad_(), (b - lr * db).requires_grad_()
""",
        r"drags its graph along \(requires_grad=True\)",
    ),
    "only the changes": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    return -lr * dw, -lr * db
""",
        "with lr = 0, the part of w: expected 5, got -?0",
    ),
    "only w": (
        "q3",
        """
def step(w, b, x, y, lr):
    return w - lr * gradient(w, b, x, y)[0]
""",
        "expected a pair",
    ),
    "the checks' learning rates only": (
        "q3",
        """
def step(w, b, x, y, lr):
    dw, db = gradient(w, b, x, y)
    lr = {0.0: 0.0, 1.0: 1.0}.get(lr, 0.1)
    return w - lr * dw, b - lr * db
""",
        None,
    ),
}


def read(kind: str) -> NotebookNode:
    return nbformat.read(ROOT / "exercises" / kind / NAME / f"{NAME}.ipynb", as_version=4)


def grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def run(nb: NotebookNode, answers: dict[str, str]) -> dict[str, str]:
    """Run a notebook's code with these answers; return what each nbgrader cell complains of, by its id."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    complaints = {}
    for cell in nb.cells:
        if cell.cell_type == "code":
            source = answers.get(grade_id(cell) or "", cell.source)
            complaints[grade_id(cell) or "other"] = _complaint(source, namespace)
    return complaints


def _complaint(source: str, namespace: dict[str, object]) -> str:
    stderr = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(stderr), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest: print(message, file=sys.stderr)  # pytest would collect it
        try:
            exec(compile(source, "<cell>", "exec"), namespace)
        except Exception as error:
            return "".join(traceback.format_exception_only(error)).strip()
    return stderr.getvalue()


def score(answers: dict[str, str]) -> dict[str, int]:
    """Grade answers as nbgrader does: all the points of a check where it has nothing to complain of, or none."""
    complaints = run(read("source"), answers)
    return {check: 0 if complaints[check] else points for check, points in POINTS.items()}


def expected(lost: str | None) -> dict[str, int]:
    return POINTS | ({f"{lost}-check": 0} if lost else {})


@pytest.fixture(autouse=True)
def default_dtype():
    """The notebook sets torch's default dtype, for its whole process."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def test_the_points_are_ten():
    for kind in "source", "release":
        points = {grade_id(cell): cell.metadata.nbgrader.points for cell in read(kind).cells if is_graded(cell)}
        assert points == POINTS
        assert sum(points.values()) == 10


def is_graded(cell: NotebookNode) -> bool:
    return cell.metadata.get("nbgrader", {}).get("grade", False)


def test_the_release_tells_no_secrets():
    public = nbformat.v4.writes(read("release"), split_lines=False)
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)", public)
    assert all(not cell.get("outputs") for cell in read("release").cells)
    told = {line.strip() for cell in read("release").cells for line in cell.source.splitlines()}
    secrets = 0
    for cell in read("source").cells:
        for secret in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END ", cell.source, re.DOTALL):
            lines = {line.strip() for line in secret.splitlines()}
            # A loop or an import may stand in both; what says something is longer.
            assert not {line for line in lines & told if len(line) > 20}
            secrets += 1
    assert secrets == 3 + 6


def test_the_book_has_the_sections_that_are_named():
    headings = {
        (chapter.cells[0].source.splitlines()[0].removeprefix("# "), heading)
        for path in (ROOT / "book").rglob("*.ipynb")
        for chapter in [nbformat.read(path, as_version=4)]
        for cell in chapter.cells
        for heading in re.findall(r"^##+ (.*)$", cell.source, re.MULTILINE)
    }
    text = "\n".join(cell.source for cell in read("release").cells)
    named = set(re.findall(r"[Bb]ook: ([^,]+), “([^”]+)”", text))
    assert len(named) == text.lower().count("book: ") > 0
    assert named <= headings


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(name):
    assert score(RIGHT[name]) == expected(None)
    complaints = run(read("release"), answers_of(name))
    assert not any(complaints[check] for check in POINTS), complaints


def answers_of(name: str) -> dict[str, str]:
    """All three answers of one right or wrong hand-in: where it has none of its own, ours."""
    ours = {id: cell.source for cell in read("source").cells if (id := grade_id(cell)) in ("q1", "q2", "q3")}
    if name == "unanswered":
        return {id: cell.source for cell in read("release").cells if (id := grade_id(cell)) in ours}
    return ours | (RIGHT[name] if name in RIGHT else {WRONG[name][0]: WRONG[name][1]})


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_its_question_and_no_other(name):
    question, source, says = WRONG[name]
    assert score({question: source}) == expected(question)
    complaint = run(read("release"), answers_of(name))[f"{question}-check"]
    if says is None:
        assert complaint == ""
    else:
        assert re.search(says, complaint, re.DOTALL), complaint


@pytest.mark.parametrize("question", ["q1", "q2", "q3"])
def test_a_missing_answer_costs_its_own_points_only(question):
    stub = {question: answers_of("unanswered")[question]}
    assert score(stub) == expected(question)


def test_the_unanswered_release_says_what_is_missing():
    nb = read("release")
    NotebookClient(nb, allow_errors=True, timeout=120, kernel_name="python3").execute()
    errors = {grade_id(c): o for c in nb.cells for o in c.get("outputs", []) if o.output_type == "error"}
    missing = {"q1-check": "log_loss", "q2-check": "gradient", "q3-check": "step"}
    assert errors.keys() == missing.keys()
    for check, function in missing.items():
        assert errors[check].ename == "NotImplementedError"
        assert errors[check].evalue == f"`{function}` has no answer yet: write your code in place of these two lines"
    printed = [o.text for c in nb.cells if not grade_id(c) for o in c.get("outputs", []) if o.output_type == "stream"]
    assert printed[-1].startswith("Not yet: ")


@pytest.mark.filterwarnings("ignore")  # nbgrader's own, about its database sessions and its cells without ids
def test_nbgrader_builds_the_release_and_agrees_on_the_points(tmp_path):
    course = exercises.open_course(tmp_path)
    release = exercises.build(course)
    assert not exercises.differing(release), "run `python tools/exercises.py release`"

    hand_ins = {"unanswered": {"q1-check": 0, "q2-check": 0, "q3-check": 0, "tools": 0}}
    hand_ins |= {name: expected(None) for name in RIGHT} | {name: expected(WRONG[name][0]) for name in WRONG}
    deleted = (
        "the larger exponent taken out by hand, and a copy that warns"  # this one hands in without two locked cells
    )
    if not os.environ.get("GDCOURSE_GRADE_ALL"):
        few = "unanswered", "the reference", deleted, "sum for mean"
        hand_ins = {name: hand_ins[name] for name in few}
    for number, name in enumerate(hand_ins):
        nb = read("release")
        answers = answers_of(name)
        for cell in nb.cells:
            cell.source = answers.get(grade_id(cell) or "", cell.source)
        if name == deleted:
            nb.cells = [cell for cell in nb.cells if grade_id(cell) not in ("tools", "q2-check")]
        folder = tmp_path / "submitted" / f"student{number}" / NAME
        folder.mkdir(parents=True)
        nbformat.write(nb, folder / f"{NAME}.ipynb")

    exercises.succeed(course.autograde(NAME, "*"))
    with course.gradebook as gradebook:
        for number, (name, points) in enumerate(hand_ins.items()):
            (notebook,) = gradebook.find_submission(NAME, f"student{number}").notebooks
            assert {grade.name: grade.auto_score for grade in notebook.grades} == points, name
            assert not notebook.needs_manual_grade, name
