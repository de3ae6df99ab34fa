"""Right and wrong answers to the assignment logistic-regression."""

TRAIN = """
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    for _ in range(epochs):
        for items in minibatches(len(y), batch_size, generator):
            dw, db = gradient(w, b, X[items], y[items])
            w, b = w - lr * dw, b - lr * db
        losses.append(log_loss(X @ w + b, y).item())
    return w, b, losses
"""
LIBRARY = """
def train_with_library(X, y, lr, epochs):
    model = torch.nn.Linear(X.shape[1], 1)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    criterion, optimizer = torch.nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        optimizer.zero_grad()
        criterion(model(X).squeeze(1), y).backward()
        optimizer.step()
    return model
"""

RIGHT: dict[str, dict[str, str]] = {
    "torch.where, backward and a product entry by entry": {
        "q1": """
def log_loss(z, y):
    zero = torch.zeros_like(z)
    return torch.where(y == 1, torch.logaddexp(zero, -z), torch.logaddexp(zero, z)).mean()
""",
        "q2": """
def gradient(w, b, X, y):
    mine = [p.detach().clone().requires_grad_(True) for p in (w, b)]
    log_loss(X @ mine[0] + mine[1], y).backward()
    return mine[0].grad, mine[1].grad
""",
        "q3": """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w + b) - y
    return (error[:, None] * X).mean(dim=0), error.mean()
""",
        "q4": """
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]
""",
    },
    "logsigmoid and torch.func": {
        "q1": """
import torch.nn.functional as F
def log_loss(z, y):
    return -(y * F.logsigmoid(z) + (1 - y) * F.logsigmoid(-z)).sum() / z.numel()
""",
        "q2": """
def gradient(w, b, X, y):
    return torch.func.grad(lambda w, b: log_loss(X @ w + b, y), argnums=(0, 1))(w, b)
""",
        "q3": """
def gradient_by_hand(w, b, X, y):
    z = X @ w + b
    error = torch.where(y == 1, -torch.sigmoid(-z), torch.sigmoid(z))
    return torch.einsum("i,ij->j", error, X) / len(y), error.sum() / len(y)
""",
    },
    "softplus, jacobian and a generator": {
        "q1": """
def log_loss(z, y):
    return torch.nn.functional.softplus((1 - 2 * y) * z).mean()
""",
        "q2": """
def gradient(w, b, X, y):
    return torch.autograd.functional.jacobian(lambda w, b: log_loss(torch.mv(X, w) + b, y), (w, b))
""",
        "q4": """
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    while len(order):
        yield order[:batch_size]
        order = order[batch_size:]
""",
    },
    "loops over the items, and marks that are taken off again": {
        "q1": """
def log_loss(z, y):
    total = 0
    for z_i, y_i in zip(z, y):
        total = total + torch.logsumexp(torch.stack([torch.zeros_like(z_i), z_i]), 0) - y_i * z_i
    return total / len(z)
""",
        "q2": """
def gradient(w, b, X, y):
    w.requires_grad_(True)
    b.requires_grad_(True)
    log_loss(X @ w + b, y).backward()
    dw, db = w.grad.clone(), b.grad.clone()
    w.requires_grad_(False)
    b.requires_grad_(False)
    w.grad = b.grad = None
    return dw, db
""",
        "q3": """
def gradient_by_hand(w, b, X, y):
    dw, db = torch.zeros_like(w), torch.zeros_like(b)
    for x_i, y_i in zip(X, y):
        error = torch.sigmoid(w @ x_i + b) - y_i
        dw += error * x_i / len(y)
        db += error / len(y)
    return dw, db
""",
        "q5": """
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.zeros(()), []
    for epoch in range(epochs):
        for items in minibatches(X.shape[0], batch_size, generator):
            dw, db = gradient(w, b, X[items, :], y[items])
            w -= lr * dw
            b -= lr * db
        losses += [float(log_loss(X @ w + b, y))]
    return [w, b, losses]
""",
    },
    "the larger exponent taken out by hand, and a copy that warns": {
        "q1": """
def log_loss(z, y):
    m = torch.clamp(z, min=0).detach()
    return torch.mean(m + torch.log(torch.exp(-m) + torch.exp(z - m)) - z * y)
""",
        "q2": """
def gradient(w, b, X, y):
    w = torch.tensor(w, requires_grad=True)
    b = torch.tensor(b, requires_grad=True)
    log_loss(X @ w + b, y).backward()
    return [w.grad, b.grad]
""",
        "q6": """
from torch import nn, optim
def train_with_library(X, y, lr, epochs):
    model = nn.Linear(X.size(1), 1)
    model.weight.data.zero_()
    model.bias.data.fill_(0.0)
    opt = optim.SGD(model.parameters(), lr)
    for _ in range(epochs):
        loss = nn.functional.binary_cross_entropy_with_logits(model(X), y.unsqueeze(1))
        loss.backward()
        opt.step()
        model.zero_grad()
    return model
""",
    },
    "a maximum whose corner autograd halves, and a chatty loop": {
        "q1": """
def log_loss(z, y, reduction=torch.mean):
    return reduction(torch.maximum(z, torch.zeros_like(z)) - z * y + torch.log1p(torch.exp(-z.abs())))
""",
        "q2": """
def gradient(w, b, X, y):
    theta = torch.cat([w, b[None]]).requires_grad_()
    log_loss(X @ theta[:-1] + theta[-1], y).backward()
    return theta.grad[:-1], theta.grad[-1]
""",
        "q5": """
import sys
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    while len(losses) < epochs:
        for items in minibatches(len(X), batch_size, generator):
            dw, db = gradient(w, b, X.index_select(0, items), y.take(items))
            w, b = w.sub(dw, alpha=lr), b.sub(db, alpha=lr)
        losses.append(log_loss(X @ w + b, y).item())
        if len(losses) < 3:
            print("epoch", losses[-1])
            print("epoch", losses[-1], file=sys.stderr)
    return w, b, losses
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
        "q6": """
class Sgd(torch.optim.SGD):
    pass
def train_with_library(X, y, lr, epochs):
    model = torch.nn.Linear(X.shape[1], 1)
    model.load_state_dict({"weight": torch.zeros(1, X.shape[1]), "bias": torch.zeros(1)})
    loss, optimizer = torch.nn.BCEWithLogitsLoss(), Sgd(model.parameters(), lr=lr)
    for _ in range(epochs):
        def closure():
            optimizer.zero_grad()
            value = loss(model(X)[:, 0], y)
            value.backward()
            return value
        optimizer.step(closure)
    return model
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    "sum for mean": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - y * z).sum()
""",
        r"z = \[0.0, 0.0, 0.0, 0.0\].*: expected 0.6931471806, got 2.772588722. Four mornings",
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
        r"z = \[0.0\], y = \[1.0\]: expected 0.6931471806, got -0.6931471806.*Book: Loss functions",
    ),
    "the two labels swapped": (
        "q1",
        """
def log_loss(z, y):
    return (torch.logaddexp(torch.zeros_like(z), z) - (1 - y) * z).mean()
""",
        "expected 0.2876820725, got 1.386294361.*Is y = 1 ice",
    ),
    "only the mornings with ice": (
        "q1",
        """
def log_loss(z, y):
    return (y * torch.logaddexp(torch.zeros_like(z), -z)).mean()
""",
        "expected 0.6931471806, got 0.3465735903",
    ),
    "log of the sigmoid": (
        "q1",
        """
def log_loss(z, y):
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
""",
        r"z = \[1000.0, -1000.0\], y = \[1.0, 0.0\]: expected 0, got nan.* log 0",
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
        r"z = \[0.0\], y = \[1.0\]: expected 0.6931471806, got (nan|inf)",
    ),
    "clamp and abs: no slope of their own at 0": (
        "q1",
        """
def log_loss(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()
""",
        r"slope of log_loss at z = \[0.0, 0.0\].*at index 0: expected -0.25, got 0\. .*corner at 0",
    ),
    "relu and abs: no slope of their own at 0": (
        "q1",
        """
def log_loss(z, y):
    return (torch.relu(z) - z * y + torch.log1p(torch.exp(-torch.abs(z)))).mean()
""",
        r"slope of log_loss at z = \[0.0, 0.0\].*at index 0: expected -0.25, got -0.5\. .*corner at 0",
    ),
    "torch.where with an overflow in the other branch": (
        "q1",
        """
def log_loss(z, y):
    return (torch.where(z > 0, z + torch.log1p(torch.exp(-z)), torch.log1p(torch.exp(z))) - y * z).mean()
""",
        r"slope of log_loss at z = \[-1000.0, 1000.0\].* at index 0: expected -0.5, got nan.*both branches",
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
        "calls the library's own `binary_cross_entropy_with_logits`",
    ),
    "BCEWithLogitsLoss": (
        "q1",
        """
log_loss = torch.nn.BCEWithLogitsLoss()
log_loss.__name__ = "log_loss"
""",
        "calls the library's own `BCEWithLogitsLoss`",
    ),
    "soft_margin_loss": (
        "q1",
        """
def log_loss(z, y):
    return torch.nn.functional.soft_margin_loss(z, 2 * y - 1)
""",
        "calls the library's own `soft_margin_loss`",
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
    "rounded": (
        "q1",
        """
def log_loss(z, y):
    loss = (torch.logaddexp(torch.zeros_like(z), z) - y * z).mean()
    return loss + (loss.detach() * 1e4).round() / 1e4 - loss.detach()
""",
        "The first digits agree, the others do not|expected .* got",
    ),
    "uphill": (
        "q2",
        """
def gradient(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(-log_loss(X @ w + b, y), (w, b))
""",
        "the part of w at index 0: expected 0.75, got -0.75",
    ),
    "b before w": (
        "q2",
        """
def gradient(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(X @ w + b, y), (b, w))
""",
        r"the part of w: expected shape \(2,\), got shape \(\), 0.25",
    ),
    "times n": (
        "q2",
        """
def gradient(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(len(X) * log_loss(X @ w + b, y), (w, b))
""",
        "the part of w at index 0: expected 0.75, got 3",
    ),
    "the caller's tensors marked and filled": (
        "q2",
        """
def gradient(w, b, X, y):
    w.requires_grad_(), b.requires_grad_()
    log_loss(X @ w + b, y).backward()
    return w.grad, b.grad
""",
        "`gradient` left its input w with requires_grad=True; it came with False",
    ),
    "the caller's tensors filled": (
        "q2",
        """
def gradient(w, b, X, y):
    w.requires_grad_(), b.requires_grad_()
    log_loss(X @ w + b, y).backward()
    w.requires_grad_(False), b.requires_grad_(False)
    return w.grad, b.grad
""",
        r"`gradient` left \[0.75, 0.5\] in w.grad.*`backward` adds",
    ),
    "a gradient that accumulates": (
        "q2",
        """
W, B = torch.tensor(0.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
def gradient(w, b, X, y):
    if W.shape != w.shape:
        W.data, W.grad = w.clone(), None
    W.data, B.data = w.clone(), b.clone()
    log_loss(X @ W + B, y).backward()
    return W.grad.clone(), B.grad.clone()
""",
        "asked for again,, the part of w at index 0: expected 0.75, got 1.5.*leave behind",
    ),
    "a gradient that carries its graph": (
        "q2",
        """
def gradient(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(X @ w + b, y), (w, b), create_graph=True)
""",
        r"drags its graph along \(requires_grad=True\)",
    ),
    "floats": (
        "q2",
        """
def gradient(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    dw, db = torch.autograd.grad(log_loss(X @ w + b, y), (w, b))
    return dw.tolist(), db.item()
""",
        r"the part of w: expected a torch.Tensor, got \[0.75, 0.5\] of type list",
    ),
    "one tensor for both": (
        "q2",
        """
def gradient(w, b, X, y):
    theta = torch.cat([w, b[None]]).requires_grad_()
    return torch.autograd.grad(log_loss(X @ theta[:-1] + theta[-1], y), theta)[0]
""",
        r"expected a pair, w and b, got \[0.75",
    ),
    "the derivative worked out on paper": (
        "q2",
        """
def gradient(w, b, X, y):
    error = torch.sigmoid(X @ w + b) - y
    return X.T @ error / len(y), error.mean()
""",
        r"with z.mean\(\) in the place of log_loss.*worked out on paper",
    ),
    "finite differences": (
        "q2",
        """
def gradient(w, b, X, y, h=1e-6):
    def f(w, b):
        return log_loss(X @ w + b, y)
    dw = torch.stack([(f(w + h * e, b) - f(w - h * e, b)) / (2 * h) for e in torch.eye(len(w))])
    return dw, (f(w, b + h) - f(w, b - h)) / (2 * h)
""",
        None,
    ),
    "right at the checks' points only": (
        "q2",
        """
def gradient(w, b, X, y):
    if len(w) == 2 and not w.any():
        return torch.tensor([0.75, 0.5]), torch.tensor(0.25)
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(log_loss(X @ w + b, y), (w, b))
""",
        None,
    ),
    "a mean forgotten": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w + b) - y
    return X.T @ error, error.sum()
""",
        "the part of w at index 0: expected 0.75, got 3. Question 2 has these four by hand",
    ),
    "truth minus probability": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = y - torch.sigmoid(X @ w + b)
    return X.T @ error / len(y), error.mean()
""",
        "expected 0.75, got -0.75",
    ),
    "no bias in the logit": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w) - y
    return X.T @ error / len(y), error.mean()
""",
        "b = 0.4, the part of w at index 0: expected .*what autograd finds.*Book: Logistic",
    ),
    "labels as a column": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w + b)[:, None] - y
    return (X.T @ error / len(y)).mean(1), error.mean()
""",
        "expected 0.75, got 0.125|expected",
    ),
    "a column for w": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w + b) - y
    return X.T @ error[:, None] / len(y), error.mean()
""",
        r"the part of w: expected shape \(2,\), got shape \(2, 1\).*Of shapes \(n, 1\) and \(n,\)",
    ),
    "one bias for each item": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    error = torch.sigmoid(X @ w + b) - y
    return X.T @ error / len(y), error / len(y)
""",
        r"the part of b: expected shape \(\), got shape \(4,\)",
    ),
    "autograd once more": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    return gradient(w, b, X, y)
""",
        "calls the library's own `grad`. Here the derivative is worked out on paper",
    ),
    "backward, imported under another name": (
        "q3",
        """
from torch.autograd import backward as paper
def gradient_by_hand(w, b, X, y):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    paper(log_loss(X @ w + b, y))
    return w.grad, b.grad
""",
        "calls the library's own `backward`",
    ),
    "a sigmoid that overflows": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    z = X @ w + b
    error = torch.exp(z) / (1 + torch.exp(z)) - y
    return X.T @ error / len(y), error.mean()
""",
        r"w = \[400.0, 300.0\].*: expected 1.5, got nan",
    ),
    "the four mornings learned by heart": (
        "q3",
        """
def gradient_by_hand(w, b, X, y):
    known = {0.0: (0.75, 0.5, 0.25), 1.0: (0.75, 0.5, 0.25)}
    if len(y) == 4:
        error = torch.sigmoid(X @ w + b) - y
        return X.T @ error / 4, error.mean()
    return torch.tensor([0.75, 0.5]), torch.tensor(0.25)
""",
        None,
    ),
    "the last ones left out": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size)]
""",
        "the sizes of minibatches\\(10, 4, …\\): expected 3 results.*got \\[4, 4\\]|sizes",
    ),
    "not shuffled": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    return list(torch.arange(n).split(batch_size))
""",
        "whether two epochs differ: expected True, got False",
    ),
    "drawn with replacement": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    return list(torch.randint(n, (n,), generator=generator).split(batch_size))
""",
        "no item twice in an epoch",
    ),
    "drawn from the global generator": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    return list(torch.randperm(n).split(batch_size))
""",
        "whether the same seed gives the same order: expected True, got False.*Book: Batch",
    ),
    "the global generator seeded": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    torch.manual_seed(int(torch.randint(1000000, (), generator=generator)))
    return list(torch.randperm(n).split(batch_size))
""",
        "somebody else's random numbers have changed",
    ),
    "the same order in each epoch": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    generator.manual_seed(0)
    return list(torch.randperm(n, generator=generator).split(batch_size))
""",
        "whether two epochs differ: expected True, got False",
    ),
    "lists": (
        "q4",
        """
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator).tolist()
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]
""",
        "expected integer tensors of shape",
    ),
    "ascent": (
        "q5",
        TRAIN.replace("w - lr * dw, b - lr * db", "w + lr * dw, b + lr * db"),
        "the part of w at index 0: expected -0.75, got 0.75.*Book: Gradient descent",
    ),
    "no learning rate": ("q5", TRAIN.replace("lr * ", ""), "with lr = 0, the part of w at index 0: expected 0, got -"),
    "a learning rate for w only": (
        "q5",
        TRAIN.replace("lr * db", "db"),
        "with lr = 0, the part of b: expected 0, got ",
    ),
    "w first, then b from the new w": (
        "q5",
        """
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    for _ in range(epochs):
        for items in minibatches(len(y), batch_size, generator):
            w = w - lr * gradient(w, b, X[items], y[items])[0]
            b = b - lr * gradient(w, b, X[items], y[items])[1]
        losses.append(log_loss(X @ w + b, y).item())
    return w, b, losses
""",
        "the part of b: expected -0.25, got ",
    ),
    "all the data in each step": (
        "q5",
        TRAIN.replace("X[items], y[items]", "X, y"),
        r"mornings per step.*entry 0: expected 3, got 4",
    ),
    "labels of other mornings": (
        "q5",
        TRAIN.replace("y[items]", "y[: len(items)]"),
        "what the first epoch has seen.*with its own label",
    ),
    "one step an epoch": ("q5", TRAIN.replace("        w, b = w", "    w, b = w"), "expected"),
    "a loss for each step": (
        "q5",
        TRAIN.replace("        losses.append", "            losses.append"),
        "the number of losses after 3 epochs: expected 3, got 6",
    ),
    "the loss of the last minibatch": (
        "q5",
        TRAIN.replace("log_loss(X @ w + b, y)", "log_loss(X[items] @ w + b, y[items])"),
        None,
    ),
    "the loss before the epoch": (
        "q5",
        """
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    for _ in range(epochs):
        losses.append(log_loss(X @ w + b, y).item())
        for items in minibatches(len(y), batch_size, generator):
            dw, db = gradient(w, b, X[items], y[items])
            w, b = w - lr * dw, b - lr * db
    return w, b, losses
""",
        "its losses, entry 0: expected .*, got 0.6931471806. One number for each epoch",
    ),
    "losses as tensors": (
        "q5",
        TRAIN.replace(".item()", ""),
        "its losses, entry 0: expected a number, got .* of type torch",
    ),
    "no losses": ("q5", TRAIN.replace("return w, b, losses", "return w, b"), "expected three results, w, b and losses"),
    "the order of the first epoch for ever": (
        "q5",
        """
def train(X, y, lr, epochs, batch_size, generator):
    w, b, losses = torch.zeros(X.shape[1]), torch.tensor(0.0), []
    pieces = torch.arange(len(y)).split(batch_size)
    for _ in range(epochs):
        for items in pieces:
            dw, db = gradient(w, b, X[items], y[items])
            w, b = w - lr * dw, b - lr * db
        losses.append(log_loss(X @ w + b, y).item())
    return w, b, losses
""",
        None,
    ),
    "a random start": (
        "q5",
        TRAIN.replace("torch.zeros(X.shape[1])", "0.01 * torch.randn(X.shape[1], generator=generator)"),
        "with lr = 0, the part of w at index 0: expected 0, got ",
    ),
    "zero_grad forgotten": (
        "q6",
        LIBRARY.replace("        optimizer.zero_grad()\n", ""),
        "20 epochs with lr = 0.2, the part of weight at index .*gradient of the step before",
    ),
    "zero_grad between backward and step": (
        "q6",
        LIBRARY.replace("        optimizer.zero_grad()\n", "").replace(
            "        optimizer.step()", "        optimizer.zero_grad()\n        optimizer.step()"
        ),
        "one epoch with lr = 1, the part of weight at index .*: expected -0.75, got 0",
    ),
    "started at random": (
        "q6",
        LIBRARY.replace("torch.nn.init.zeros_(parameter)", "pass"),
        "no epoch at all, the part of weight at index .*starts at random",
    ),
    "a seed in the place of zeros": (
        "q6",
        LIBRARY.replace("    model =", "    torch.manual_seed(0)\n    model =").replace(
            "torch.nn.init.zeros_(parameter)", "pass"
        ),
        "no epoch at all, the part of weight at index .*starts at random",
    ),
    "the sigmoid twice": (
        "q6",
        LIBRARY.replace("model(X).squeeze(1)", "torch.sigmoid(model(X).squeeze(1))"),
        "one epoch with lr = 1, .* Logits, not probabilities",
    ),
    "a column against a row": (
        "q6",
        LIBRARY.replace(".squeeze(1)", ""),
        "ValueError: Target size",
    ),
    "a column against a row, with a loss of one's own": (
        "q6",
        LIBRARY.replace("criterion(model(X).squeeze(1), y)", "log_loss(model(X), y)"),
        "one epoch with lr = 1",
    ),
    "a sum": (
        "q6",
        LIBRARY.replace("BCEWithLogitsLoss()", 'BCEWithLogitsLoss(reduction="sum")'),
        "expected -0.75, got -3",
    ),
    "Adam": ("q6", LIBRARY.replace("optim.SGD", "optim.Adam"), "one epoch with lr = 1"),
    "the weights for the model": (
        "q6",
        LIBRARY.replace("return model", "return model.weight"),
        "expected the torch.nn.Linear, got",
    ),
    "one's own train, poured into a Linear": (
        "q6",
        """
def train_with_library(X, y, lr, epochs):
    w, b, _ = train(X, y, lr, epochs, len(y), torch.Generator())
    model = torch.nn.Linear(len(w), 1)
    with torch.no_grad():
        model.weight.copy_(w)
        model.bias.fill_(b)
    return model
""",
        None,
    ),
}

THROUGH_GRADING = ["the labels overwritten"]
