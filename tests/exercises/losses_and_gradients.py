"""Right and wrong answers to the assignment losses-and-gradients."""

LOG = """
def log_loss(z, y):
    e = np.exp(-np.abs(z))
    sigma = np.where(z > 0, 1.0, e) / (1 + e)
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(e)), (sigma - y) / len(z)
"""
SOFTMAX = """
def softmax_cross_entropy(S, y):
    n = np.arange(len(y))
    S = S - S.max(axis=1, keepdims=True)
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(np.exp(S).sum(axis=1)) - S[n, y])
    P[n, y] -= 1
    return loss, P / len(y)
"""
DIFFERENCES = """
def numerical_gradient(f, theta, eps, scheme):
    eps, grad = np.broadcast_to(eps, theta.shape), np.zeros(theta.shape)
    here = f(theta) if scheme == "forward" else None
    for i in np.ndindex(theta.shape):
        up, down = theta.astype(float), theta.astype(float)
        up[i] += eps[i]
        down[i] -= eps[i]
        grad[i] = (f(up) - here) / eps[i] if scheme == "forward" else (f(up) - f(down)) / (2 * eps[i])
    return grad
"""
STEP = """
def best_step(scheme, value, bend, u):
    value, bend = abs(value), abs(bend)
    if scheme == "forward":
        eps = np.sqrt(2 * u * value / bend)
        return eps, eps * bend / 2 + u * value / eps
    eps = np.cbrt(3 * u * value / (2 * bend))
    return eps, eps**2 * bend / 6 + u * value / (2 * eps)
"""
JUDGE = """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != theta.shape or not np.all(np.isfinite(a)):
        return np.inf
    u = 2.0**-52
    eps = np.cbrt(u) * np.maximum(1, np.abs(theta))
    n = numerical_gradient(f, theta, eps, "central")
    rest = np.maximum(np.abs(a - n) - 100 * u * np.abs(f(theta)) / eps, 0)
    size = max(np.abs(a).max(), np.abs(n).max())
    return rest.max() / size if size > 0 else 0.0
"""
REGRESSION = """
def softmax_regression(W, X, y, lam):
    loss, by_scores = softmax_cross_entropy(X @ W, y)
    grad = X.T @ by_scores
    grad[1:] += lam * W[1:]
    return loss + lam / 2 * np.sum(W[1:] ** 2), grad
"""


def changed(source: str, *pairs: str) -> str:
    """Return the source with one piece after the other replaced."""
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert source.count(old) == 1, (old, source)
        source = source.replace(old, new)
    return source


RIGHT: dict[str, dict[str, str]] = {
    "logaddexp, one-hot rows, and a step from the identity": {
        "q1": """
def log_loss(z, y):
    return np.logaddexp(0, z).mean() - (y * z).mean(), (np.exp(z - np.logaddexp(0, z)) - y) / z.size
""",
        "q2": """
def softmax_cross_entropy(S, y):
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    onehot = np.eye(S.shape[1])[y]
    return -(log_p * onehot).sum() / len(S), (np.exp(log_p) - onehot) / len(S)
""",
        "q3": """
def numerical_gradient(f, theta, eps, scheme):
    d, shape = theta.size, theta.shape
    steps = np.eye(d) * np.broadcast_to(eps, shape).ravel()
    ahead = np.array([f(theta + s.reshape(shape)) for s in steps])
    if scheme == "forward":
        rise = ahead - f(theta)
    else:
        rise = (ahead - [f(theta - s.reshape(shape)) for s in steps]) / 2
    return (rise / steps.diagonal()).reshape(shape)
""",
        "q5": """
def gradient_error(f, grad, theta):
    a = np.asarray(grad(theta))
    if a.shape != theta.shape:
        return float("inf")
    eps = 1e-5 * np.maximum(1, abs(theta))
    n = numerical_gradient(f, theta, eps, "central")
    allowed = 2e-14 * abs(f(theta)) / eps
    if np.all(abs(a - n) <= allowed):
        return 0
    return float(abs(a - n).max() / max(abs(a).max(), abs(n).max()))
""",
    },
    "loops over items, and a floor in units of the loss": {
        "q1": """
def log_loss(z, y):
    total, slopes = 0.0, []
    for z_i, y_i in zip(z, y):
        m = max(0.0, z_i)
        total += m + math.log(math.exp(-m) + math.exp(z_i - m)) - y_i * z_i
        slopes.append((math.exp(z_i - m) / (math.exp(-m) + math.exp(z_i - m)) - y_i) / len(z))
    return total / len(z), np.array(slopes)
""",
        "q2": """
def softmax_cross_entropy(S, y):
    loss, grad = 0.0, np.empty(S.shape)
    for i in range(len(y)):
        s = S[i] - max(S[i])
        total = sum(math.exp(v) for v in s)
        loss += math.log(total) - s[y[i]]
        for j in range(len(s)):
            grad[i, j] = math.exp(s[j]) / total - (1 if j == y[i] else 0)
    return loss / len(y), grad / len(y)
""",
        "q3": """
def numerical_gradient(f, theta, eps, scheme):
    x = np.array(theta, dtype=float)
    e = np.zeros(theta.shape) + eps
    grad = np.empty_like(x)
    before = f(x.copy()) if scheme == "forward" else None
    for k in range(x.size):
        old = x.flat[k]
        x.flat[k] = old + e.flat[k]
        after, length = f(x), e.flat[k]
        if scheme == "central":
            x.flat[k] = old - e.flat[k]
            before, length = f(x), 2 * length
        x.flat[k] = old
        grad.flat[k] = (after - before) / length
    return grad
""",
        "q4": """
def best_step(scheme, value, bend, u):
    ratio = u * math.fabs(value / bend)
    if scheme == "central":
        eps = (1.5 * ratio) ** (1 / 3)
        return [eps, eps**2 * math.fabs(bend) / 2]
    return [math.sqrt(2 * ratio), math.sqrt(2 * ratio) * math.fabs(bend)]
""",
        "q5": """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != np.shape(theta) or np.isnan(a).any():
        return np.inf
    n = numerical_gradient(f, theta, 1e-5 * np.maximum(1, np.abs(theta)), "central")
    sizes = [np.abs(a).max(), np.abs(n).max(), 1e-4 * abs(f(theta)) / max(1, np.abs(theta).max()), 1e-300]
    return np.abs(a - n).max() / max(sizes)
""",
        "q6": """
def softmax_regression(W, X, y, lam):
    loss, D = softmax_cross_entropy(X @ W, y)
    free = W.copy()
    free[0] = 0
    return loss + 0.5 * lam * (free * free).sum(), sum(np.outer(x, d) for x, d in zip(X, D)) + lam * free
""",
    },
    "both branches of where, with warnings": {
        "q1": """
def log_loss(z, y):
    loss = np.where(z > 0, z + np.log(1 + np.exp(-z)), np.log(1 + np.exp(z))) - y * z
    return loss.mean(), (1 / (1 + np.exp(-z)) - y) / len(y)
""",
        "q2": """
def softmax_cross_entropy(S, y):
    own = S[np.arange(len(y)), y][:, None]
    top = S.max(axis=1, keepdims=True)
    shares = np.exp(S - top)
    loss = np.log(shares.sum(1)) + (top - own)[:, 0]
    return loss.sum() / len(S), (shares / shares.sum(1)[:, None] - (np.arange(S.shape[1]) == y[:, None])) / len(S)
""",
        "q5": """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.asarray(a).shape != theta.shape:
        return np.inf
    eps = 1e-6 * np.maximum(1, np.abs(theta))
    n = numerical_gradient(f, theta, eps, "central")
    rest = np.maximum(np.abs(a - n) - 1e-14 * np.abs(f(theta)) / eps, 0)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(rest.max() / np.abs([a, n]).max(), nan=np.inf if np.isnan(a).any() else 0.0)
""",
    },
    "the margin, and lambdas": {
        "q1": """
def log_loss(z, y):
    m = (2 * y - 1) * z
    pull = np.exp(-np.logaddexp(0, m))  # sigma(-m)
    return np.average(np.logaddexp(0, -m)), -(2 * y - 1) * pull / len(z)
""",
        "q4": """
best_step = lambda scheme, value, bend, u: {
    "forward": lambda r, b: ((2 * r) ** 0.5, (2 * r) ** 0.5 * b),
    "central": lambda r, b: (np.cbrt(3 * r / 2), 3 * r * b / 4 / np.cbrt(3 * r / 2)),
}[scheme](u * abs(value) / abs(bend), 0) if False else (
    (lambda e: (e, e * abs(bend) / 2 + u * abs(value) / e))(np.sqrt(2 * u * abs(value) / abs(bend)))
    if scheme == "forward"
    else (lambda e: (e, e * e * abs(bend) / 6 + u * abs(value) / e / 2))(np.cbrt(1.5 * u * abs(value) / abs(bend)))
)
""",
        "q6": """
def softmax_regression(W, X, y, lam):
    charged = np.ones((len(W), 1))
    charged[0] = 0
    loss, D = softmax_cross_entropy(np.dot(X, W), y)
    return loss + lam * np.sum(charged * W**2) / 2, (D.T @ X).T + lam * charged * W
""",
    },
    "recursion to one dimension, and a list for a pair": {
        "q3": """
def numerical_gradient(f, theta, eps, scheme):
    if theta.ndim != 1:
        g = lambda flat: f(flat.reshape(theta.shape))
        flat_eps = np.ravel(np.broadcast_to(eps, theta.shape))
        return numerical_gradient(g, theta.ravel(), flat_eps, scheme).reshape(theta.shape)
    base = f(theta) if scheme == "forward" else 0.0
    def slope(i):
        e = (eps * np.ones(len(theta)))[i]
        up = np.array([t + e * (i == k) for k, t in enumerate(theta)], dtype=float)
        if scheme == "forward":
            return (f(up) - base) / e
        return (f(up) - f(np.array([t - e * (i == k) for k, t in enumerate(theta)], dtype=float))) / e / 2
    return np.array([slope(i) for i in range(len(theta))])
""",
        "q5": """
def gradient_error(f, grad, theta):
    try:
        a = np.array(grad(theta), dtype=float).reshape(theta.shape) if np.shape(grad(theta)) == theta.shape else None
    except ValueError:
        a = None
    if a is None:
        return np.inf
    worst, size, flat = 0.0, 0.0, []
    for i in np.ndindex(theta.shape):
        eps = 6e-6 * max(1.0, abs(theta[i]))
        up, down = theta.copy(), theta.copy()
        up[i] += eps
        down[i] -= eps
        n = (f(up) - f(down)) / (up[i] - down[i])
        if math.isnan(a[i]):
            return np.inf
        noise = 50 * 2.2e-16 * max(abs(f(up)), abs(f(down))) / eps
        worst, size = max(worst, abs(a[i] - n) - noise), max(size, abs(a[i]), abs(n))
    return worst / size if worst > 0 else 0.0
""",
        "q6": """
def softmax_regression(W, X, y, lam):
    loss, D = softmax_cross_entropy(X @ W, y)
    penalty = np.vstack([np.zeros((1, W.shape[1])), lam * W[1:]])
    return [loss + (W * penalty).sum() / 2, np.einsum("ik,ij->kj", X, D) + penalty]
""",
    },
    "steps of one's own in the judge, nan for what is wrong": {
        "q2": """
def softmax_cross_entropy(S, y):
    n, K = S.shape
    differences = S[:, None, :] - S[:, :, None]  # entry (i, j, k): s_k - s_j
    with np.errstate(over="ignore"):
        P = 1 / np.exp(differences).sum(axis=2)
    above = S - S[range(n), y].reshape(n, 1)
    top = above.max(1)
    loss = np.mean(top + np.log(np.exp(above - top[:, None]).sum(1)))
    P[range(n), y] -= 1
    return np.float64(loss), P / n
""",
        "q5": """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != theta.shape:
        return np.nan
    scale = np.maximum(1, np.abs(theta))
    n = numerical_gradient(f, theta, 2e-5 * scale, "central")
    rest = np.abs(a - n) - 1e-9 * abs(f(theta)) / scale
    if (rest <= 0).all():
        return 0.0
    return (np.maximum(rest, 0) / np.maximum(np.abs(a).max(), np.abs(n).max())).max()
""",
    },
    "two ways to write a mean, all in float64": {
        "q1": """
def log_loss(z, y):
    positive = np.clip(z, 0, None)
    e = np.exp(-np.abs(z))
    grad = np.zeros(len(z))
    grad[z >= 0] = 1 / (1 + e[z >= 0])
    grad[z < 0] = e[z < 0] / (1 + e[z < 0])
    return sum(positive + np.log1p(e) - z * y) / len(y), (grad - y) / len(y)
""",
        "q2": """
def softmax_cross_entropy(S, y):
    S = S.copy()
    S -= np.max(S, 1)[:, np.newaxis]
    np.exp(S, out=(E := np.empty_like(S)))
    Z = E.sum(1)
    own = np.take_along_axis(S, y[:, None], axis=1)[:, 0]
    E /= Z[:, None]
    np.subtract.at(E, (np.arange(len(y)), y), 1.0)
    return float(np.mean(np.log(Z) - own)), E / y.size
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    # --- the log loss ---
    "sum for mean": (
        "q1",
        changed(LOG, "np.mean(", "np.sum("),
        r"z = \[0.0, 0.0, 0.0, 0.0\].*loss: expected 0.6931471806, got 2.772588722. Four birds",
    ),
    "the gradient of the sum": (
        "q1",
        changed(LOG, "(sigma - y) / len(z)", "sigma - y"),
        "the part of gradient at index 0: expected -0.125, got -0.5.*quarter of the say",
    ),
    "wrong sign of the gradient": (
        "q1",
        changed(LOG, "(sigma - y)", "(y - sigma)"),
        "the part of gradient at index 0: expected -0.5, got 0.5",
    ),
    "wrong sign of the loss": ("q1", changed(LOG, "return np.mean", "return -np.mean"), "expected 0.69.*got -0.69"),
    "the two cases swapped": (
        "q1",
        changed(LOG, "- y * z", "- (1 - y) * z", "(sigma - y)", "(sigma - (1 - y))"),
        "expected -0.5, got 0.5|expected 0.2876820725, got 1.386294361",
    ),
    "by way of the probability": (
        "q1",
        """
def log_loss(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), (p - y) / len(z)
""",
        r"z = \[1000.0, -1000.0\], y = \[1.0, 0.0\].*expected 0, got nan.*log 0",
    ),
    "clipped": (
        "q1",
        """
def log_loss(z, y):
    p = np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), (p - y) / len(z)
""",
        "expected 1000, got 27.6.*clipped",
    ),
    "epsilon inside the logarithm": (
        "q1",
        """
def log_loss(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9)), (p - y) / len(z)
""",
        "expected 1000, got 20.7.*clipped|expected 0.69",
    ),
    "exp(z), which overflows": (
        "q1",
        changed(LOG, "np.maximum(z, 0) - y * z + np.log1p(e)", "np.log(1 + np.exp(z)) - y * z"),
        "expected 0, got inf.*e\\^1000",
    ),
    "a gradient by exp(z)": (
        "q1",
        changed(LOG, "(sigma - y)", "(np.exp(z) / (1 + np.exp(z)) - y)"),
        "part of gradient at index 0: expected 0, got nan",
    ),
    "float32 on the way": (
        "q1",
        changed(LOG, "    e =", "    z = z.astype(np.float32)\n    e ="),
        "expected .* got .*float32",
    ),
    "no gradient": ("q1", changed(LOG, ", (sigma - y) / len(z)", ""), "expected a pair, loss and gradient, got .*0.69"),
    "logits overwritten": (
        "q1",
        changed(LOG, "    return", "    y *= z\n    return", "- y * z", "- y"),
        "changed its input y",
    ),
    "gd.losses": (
        "q1",
        """
def log_loss(z, y):
    loss = gd.losses.LogLoss()
    return loss(z, y).mean(), loss.grad(z, y) / len(z)
""",
        "calls the library's own `LogLoss`",
    ),
    "always four": ("q1", changed(LOG, "(sigma - y) / len(z)", "(sigma - y) / {1: 1, 2: 2}.get(len(z), 4)"), None),
    # --- softmax cross-entropy ---
    "nothing subtracted": (
        "q2",
        changed(SOFTMAX, "    S = S - S.max(axis=1, keepdims=True)\n", ""),
        "expected 0, got nan.*e\\^1000|got inf",
    ),
    "the maximum of all": (
        "q2",
        changed(SOFTMAX, "S.max(axis=1, keepdims=True)", "S.max()"),
        "each row|Each row",
    ),
    "log of a probability that is 0": (
        "q2",
        changed(SOFTMAX, "np.mean(np.log(np.exp(S).sum(axis=1)) - S[n, y])", "-np.mean(np.log(P[n, y]))"),
        "expected 2000, got inf.*third hint",
    ),
    "epsilon under the logarithm": (
        "q2",
        changed(SOFTMAX, "np.mean(np.log(np.exp(S).sum(axis=1)) - S[n, y])", "-np.mean(np.log(P[n, y] + 1e-12))"),
        "expected 2000, got 27.6.*clipped",
    ),
    "softmax down the columns": (
        "q2",
        changed(
            SOFTMAX,
            "S.max(axis=1, keepdims=True)",
            "S.max(axis=0)",
            "np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)",
            "np.exp(S) / np.exp(S).sum(axis=0)",
            "np.log(np.exp(S).sum(axis=1)) - S[n, y]",
            "np.log(np.exp(S).sum(axis=0))[y] - S[n, y]",
        ),
        "expected 1.098612289, got 0",
    ),
    "the mean over classes too": (
        "q2",
        changed(SOFTMAX, "P / len(y)", "P / P.size"),
        r"index \(0, 0\): expected 0.3333333333, got 0.1",
    ),
    "the gradient of a sum": (
        "q2",
        changed(SOFTMAX, "P / len(y)", "P"),
        r"index \(0, 0\): expected 0.1666666667, got 0.3333333333.*half the say",
    ),
    "sum of prices": ("q2", changed(SOFTMAX, "np.mean(", "np.sum("), "loss: expected 1.242453325, got 2.48"),
    "a column for each item": (
        "q2",
        changed(SOFTMAX, "P[n, y] -= 1", "P[:, y] -= 1"),
        r"part of gradient at index",
    ),
    "the own class not subtracted": (
        "q2",
        changed(SOFTMAX, "    P[n, y] -= 1\n", ""),
        r"\(0, 1\): expected -0.6666666667, got 0.33",
    ),
    "only the own class": (
        "q2",
        changed(SOFTMAX, "P / len(y)", "np.where(P < 0, P, 0) / len(y)"),
        r"\(0, 0\): expected 0.3333333333, got 0",
    ),
    "actual minus predicted": (
        "q2",
        changed(SOFTMAX, "return loss, P", "return loss, -P"),
        "expected 0.3333333333, got -0.33",
    ),
    "scores overwritten": ("q2", changed(SOFTMAX, "S = S - S.max", "S -= S.max"), "changed its input S"),
    "scores in float32": (
        "q2",
        changed(SOFTMAX, "    n =", "    S = S.astype(np.float32)\n    n ="),
        "expected dtype float64|float32",
    ),
    "scipy's log_softmax": (
        "q2",
        """
from scipy.special import log_softmax as mine
def softmax_cross_entropy(S, y):
    log_p, own = mine(S, axis=1), np.eye(S.shape[1])[y]
    return -(log_p * own).sum() / len(y), (np.exp(log_p) - own) / len(y)
""",
        "calls the library's own `log_softmax`",
    ),
    "numbers learned by heart": (
        "q2",
        changed(SOFTMAX, "    return loss, P / len(y)", "    return loss, P / (len(y) if len(y) < 3 else 2)"),
        None,
    ),
    # --- differences ---
    "central over eps": (
        "q3",
        changed(DIFFERENCES, "(2 * eps[i])", "eps[i]"),
        "central at index 0: expected 4, got 8.*how long",
    ),
    "backward for forward": (
        "q3",
        changed(DIFFERENCES, "(f(up) - here)", "(here - f(down))"),
        "forward at index 0: expected 4.2, got 3.8",
    ),
    "always central": (
        "q3",
        changed(DIFFERENCES, 'scheme == "forward" else (f', 'scheme == "fwd" else (f'),
        "forward at index 0: expected 4.2, got 4",
    ),
    "wrong sign of the difference": (
        "q3",
        changed(DIFFERENCES, "(f(up) - here)", "(here - f(up))"),
        "expected 4.2, got -4.2",
    ),
    "steps that stay": (
        "q3",
        """
def numerical_gradient(f, theta, eps, scheme):
    eps, grad = np.broadcast_to(eps, theta.shape), np.zeros(theta.shape)
    up, down, here = theta.astype(float), theta.astype(float), f(theta) if scheme == "forward" else None
    for i in np.ndindex(theta.shape):
        up[i] += eps[i]
        down[i] -= eps[i]
        grad[i] = (f(up) - here) / eps[i] if scheme == "forward" else (f(up) - f(down)) / (2 * eps[i])
    return grad
""",
        "forward at index 1: expected 4, got",
    ),
    "theta overwritten": (
        "q3",
        """
def numerical_gradient(f, theta, eps, scheme):
    eps, grad = np.broadcast_to(eps, theta.shape), np.zeros(theta.shape)
    here = f(theta)
    for i in np.ndindex(theta.shape):
        theta[i] += eps[i]
        grad[i] = (f(theta) - here) / eps[i]
    return grad
""",
        r"changed its input theta from \[1.0, 2.0\]",
    ),
    "an array of integers": (
        "q3",
        changed(
            DIFFERENCES, "up, down = theta.astype(float), theta.astype(float)", "up, down = theta.copy(), theta.copy()"
        ),
        "expected 2.5, got 0.*array of integers",
    ),
    "vectors only": (
        "q3",
        changed(DIFFERENCES, "for i in np.ndindex(theta.shape)", "for i in range(len(theta))"),
        r"index \(0, 0\): expected 2, got",
    ),
    "one eps for all": (
        "q3",
        changed(DIFFERENCES, "np.broadcast_to(eps, theta.shape)", "np.full(theta.shape, np.ravel(eps)[0])"),
        "index 1: expected 4.5, got 4.1.*own eps",
    ),
    "f(theta) again and again": (
        "q3",
        changed(DIFFERENCES, "(f(up) - here)", "(f(up) - f(theta))", "f(theta) if", "None if"),
        "number of calls of f for 5 entries, forward: expected 6, got 10",
    ),
    "the package's own": (
        "q3",
        """
def numerical_gradient(f, theta, eps, scheme):
    return gd.numerical_gradient(f, theta, eps, scheme)
""",
        "calls the library's own `numerical_gradient`",
    ),
    "a flat gradient": ("q3", changed(DIFFERENCES, "return grad", "return grad.ravel()"), r"expected shape \(2, 3\)"),
    "vectors and matrices only": (
        "q3",
        changed(DIFFERENCES, "    return grad", "    return grad if grad.ndim < 3 else grad.ravel()"),
        None,
    ),
    # --- the best step ---
    "a square root for both": (
        "q4",
        changed(STEP, "np.cbrt(3 * u * value / (2 * bend))", "np.sqrt(3 * u * value / (2 * bend))"),
        r"best_step\('central'.*eps: expected 0.01, got 0.001",
    ),
    "the 2 lost": (
        "q4",
        changed(STEP, "np.sqrt(2 * u * value / bend)", "np.sqrt(u * value / bend)"),
        "eps: expected 0.001, got 0.0007",
    ),
    "rounding by eps, not by 2 eps": (
        "q4",
        changed(STEP, "/ (2 * bend)", "/ bend", "u * value / (2 * eps)", "u * value / eps"),
        "eps: expected 0.01, got 0.0125",
    ),
    "without the value": (
        "q4",
        changed(STEP, "2 * u * value / bend", "2 * u / bend"),
        "eps: expected 0.001, got 0.0007",
    ),
    "truncation only": (
        "q4",
        changed(STEP, "eps * bend / 2 + u * value / eps", "eps * bend / 2"),
        "error: expected 0.004, got 0.002",
    ),
    "signs left in": (
        "q4",
        changed(STEP, "abs(value), abs(bend)", "value, bend"),
        "expected 0.001, got nan.*errors are made of sizes",
    ),
    "float64 only": (
        "q4",
        changed(STEP, "    value,", "    u = u if u > 1e-7 and u < 2e-6 and u != 2**-23 else 2.2e-16\n    value,"),
        None,
    ),
    "eps alone": ("q4", changed(STEP, "return eps, eps * bend", "return eps + 0 * bend"), "expected a pair"),
    # --- the judge ---
    "an absolute tolerance": (
        "q5",
        changed(JUDGE, "rest.max() / size if size > 0 else 0.0", "rest.max()"),
        "a mistake got through: a billionth of it, doubled|false alarm",
    ),
    "an absolute difference": (
        "q5",
        """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != theta.shape or not np.all(np.isfinite(a)):
        return np.inf
    return np.abs(a - numerical_gradient(f, theta, 1e-5, "central")).max()
""",
        "a false alarm: a billion times that.*unit of f has changed",
    ),
    "a floor of 1": (
        "q5",
        changed(JUDGE, "size = max(", "size = max(1, "),
        "a mistake got through: a billionth of it, doubled.*max\\(1",
    ),
    "each entry by its own size": (
        "q5",
        """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != theta.shape or not np.all(np.isfinite(a)):
        return np.inf
    n = numerical_gradient(f, theta, 6e-6 * np.maximum(1, np.abs(theta)), "central")
    size = np.maximum(np.abs(a), np.abs(n))
    return (np.abs(a - n) / np.where(size > 0, size, 1)).max()
""",
        r"a false alarm: exp\(x\) \+ 1e-9 y.*largest entry",
    ),
    "0/0 for a constant": (
        "q5",
        changed(JUDGE, "rest.max() / size if size > 0 else 0.0", "rest.max() / np.float64(size)"),
        "a false alarm: a constant.* got nan",
    ),
    "nothing allowed for rounding": (
        "q5",
        changed(JUDGE, " - 100 * u * np.abs(f(theta)) / eps", ""),
        "a false alarm: a log loss at its minimum.*allow for",
    ),
    "a bare floor for rounding": (
        "q5",
        changed(JUDGE, "100 * u * np.abs(f(theta)) / eps", "1e-8"),
        "a mistake got through: a billionth",
    ),
    "eps for numbers near 1": (
        "q5",
        """
def gradient_error(f, grad, theta):
    a = grad(theta)
    if np.shape(a) != theta.shape or not np.all(np.isfinite(a)):
        return np.inf
    n = numerical_gradient(f, theta, 6e-6, "central")
    scale = np.maximum(1, np.abs(theta))
    rest = np.maximum(np.abs(a - n) - 4e-9 * np.abs(f(theta)) / scale, 0)
    size = max(np.abs(a).max(), np.abs(n).max())
    return rest.max() / size if size > 0 else 0.0
""",
        "a false alarm: x² - x y at θ near 1e8.*grow with theta",
    ),
    "no sizes": (
        "q5",
        changed(JUDGE, "np.abs(a - n) -", "(n - a) -"),
        "a mistake got through: the same with twice the first entry.*sizes",
    ),
    "lengths compared": (
        "q5",
        changed(JUDGE, "np.abs(a - n) -", "np.abs(np.linalg.norm(a) - np.linalg.norm(n)) -"),
        "a mistake got through: the same with (the sign lost|its entries swapped)",
    ),
    "the last entry left out": (
        "q5",
        changed(JUDGE, "rest.max() /", "rest[:-1].max() /"),
        r"a mistake got through: the same without its last entry",
    ),
    "forward with a step of 1e-3": (
        "q5",
        changed(JUDGE, "np.cbrt(u) *", "1e-3 *", '"central"', '"forward"'),
        "a false alarm: x² y \\+ 3 y, a gradient that is right",
    ),
    "a percent is near enough": (
        "q5",
        changed(JUDGE, "    return rest.max() / size if", "    return rest.max() / size / 1000 if"),
        "a mistake got through: the same, a thousandth too large",
    ),
    "shapes that broadcast": (
        "q5",
        changed(JUDGE, "np.shape(a) != theta.shape or ", ""),
        r"a mistake got through: a gradient of shape \(1, 2\)",
    ),
    "shapes, the error raised": (
        "q5",
        changed(JUDGE, "        return np.inf", "        raise ValueError('shape')"),
        "ValueError: shape",
    ),
    "nan dropped by max": (
        "q5",
        changed(
            JUDGE, " or not np.all(np.isfinite(a))", "", "rest.max() / size", "max(np.nanmax(rest), 0) / size"
        ).replace("np.abs(a).max(), np.abs(n).max()", "np.nanmax(np.abs(a)), np.abs(n).max()"),
        "a mistake got through: a gradient with a nan",
    ),
    "a verdict for an error, and the wrong way round": (
        "q5",
        changed(JUDGE, "return rest.max() / size if size > 0 else 0.0", "return rest.max() <= 1e-5 * size"),
        "a false alarm: x² y",
    ),
    "the package's own check": (
        "q5",
        """
def gradient_error(f, grad, theta):
    try:
        return gd.check_gradient(f, theta, grad)
    except ValueError:
        return np.inf
""",
        "calls the library's own `check_gradient`",
    ),
    "theta overwritten by the judge": (
        "q5",
        changed(JUDGE, "    rest =", "    theta += 1e-3\n    rest ="),
        "changed its input theta",
    ),
    "all entries in one error": (
        "q5",
        changed(JUDGE, "return rest.max() / size", "return rest / size"),
        "returns one number",
    ),
    "only vectors": (
        "q5",
        changed(JUDGE, "np.abs(a).max(), np.abs(n).max()", "np.abs(a).max(), np.abs(n).max(), 1e5 * (n.ndim - 1)"),
        None,
    ),
    # --- the whole ---
    "the intercepts charged": (
        "q6",
        changed(REGRESSION, "grad[1:] += lam * W[1:]", "grad += lam * W", "W[1:] ** 2", "W**2"),
        r"lam = 2, the part of loss: expected 25.25.*free of",
    ),
    "the intercepts charged in the gradient": (
        "q6",
        changed(REGRESSION, "grad[1:] += lam * W[1:]", "grad += lam * W"),
        r"lam = 2, the part of gradient at index \(0, 0\): expected 2, got 12",
    ),
    "twice lam": ("q6", changed(REGRESSION, "lam * W[1:]", "2 * lam * W[1:]"), r"index \(1, 0\): expected 0, got 2"),
    "a ½ lost in the loss": ("q6", changed(REGRESSION, "lam / 2", "lam"), "expected 25.25, got 35.5"),
    "no term in the gradient": (
        "q6",
        changed(REGRESSION, "    grad[1:] += lam * W[1:]\n", ""),
        r"\(1, 0\): expected 0, got -2",
    ),
    "W overwritten": (
        "q6",
        changed(REGRESSION, "    grad[1:] +=", "    W[0] = 0\n    grad[1:] +="),
        "changed its input W",
    ),
    "the mean twice": (
        "q6",
        changed(REGRESSION, "X.T @ by_scores", "X.T @ by_scores / len(y)"),
        "Is there one mean only",
    ),
    "the term by n": (
        "q6",
        changed(REGRESSION, "lam / 2 *", "lam / 2 / len(y) *", "+= lam * W[1:]", "+= lam / len(y) * W[1:]"),
        "expected 25.25, got 20.125",
    ),
    "the wrong way up": (
        "q6",
        changed(REGRESSION, "    return", "    grad = grad.T\n    return"),
        r"expected shape \(2, 3\), got shape \(3, 2\)",
    ),
    "uphill": ("q6", changed(REGRESSION, "X.T @", "-X.T @"), r"index \(0, 0\): expected -0.1666666667, got 0.16"),
    "a loss of its own": (
        "q6",
        changed(
            REGRESSION,
            "softmax_cross_entropy(X @ W, y)",
            "(lambda S: (np.logaddexp.reduce(S - S[range(len(y)), y][:, None], axis=1).mean(), "
            "(np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True)) - np.eye(S.shape[1])[y]) / len(y)))(X @ W)",
        ),
        "with S.sum.*does yours call `softmax_cross_entropy`",
    ),
    "a numerical gradient for an answer": (
        "q6",
        """
def softmax_regression(W, X, y, lam):
    def loss(W):
        return softmax_cross_entropy(X @ W, y)[0] + lam / 2 * np.sum(W[1:] ** 2)
    return loss(W), numerical_gradient(loss, W, 1e-4, "forward")
""",
        "expected .* got",
    ),
    "two items only": ("q6", changed(REGRESSION, "+= lam * W[1:]", "+= lam * W[1:] * (len(y) < 3)"), None),
}

THROUGH_GRADING: list[str] = ["nothing allowed for rounding"]
