"""Right and wrong answers to the assignment newton-and-lbfgs."""

DERIVATIVES = """
def derivatives(theta, X, y, lam):
    z = X @ theta
    p, not_p = np.exp(-np.logaddexp(0, -z)), np.exp(-np.logaddexp(0, z))
    w = p * not_p
    g = X.T @ (p - y) / len(y) + lam * theta
    H = (X.T * w) @ X / len(y) + lam * np.eye(len(theta))
    return g, H
"""
NEWTON = """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    return np.linalg.solve(H, -g)
"""
BACKTRACK = """
def backtrack(f, theta, g, direction, c=1e-4):
    start, promised = f(theta), g @ direction
    if promised >= 0:
        raise ValueError("uphill")
    lr = 1.0
    while not f(theta + lr * direction) <= start + c * lr * promised:
        lr = lr / 2
    return lr
"""
TWO_LOOP = """
def two_loop(g, pairs):
    q, alphas = g.copy(), []
    for s, y in reversed(pairs):
        rho = 1 / (s @ y)
        alpha = rho * (s @ q)
        alphas.append(alpha)
        q = q - alpha * y
    if not pairs:
        return q
    s, y = pairs[-1]
    r = (s @ y) / (y @ y) * q
    for (s, y), alpha in zip(pairs, reversed(alphas)):
        rho = 1 / (s @ y)
        beta = rho * (y @ r)
        r = r + (alpha - beta) * s
    return r
"""
LBFGS = """
def lbfgs(f, grad, theta, memory, tol, limit):
    path, pairs = [theta], []
    g = grad(theta)
    for _ in range(limit):
        if np.linalg.norm(g) <= tol:
            break
        direction = -two_loop(g, pairs)
        lr = backtrack(f, theta, g, direction)
        new = theta + lr * direction
        new_g = grad(new)
        s, y = new - theta, new_g - g
        if s @ y > 0:
            pairs.append((s, y))
        if len(pairs) > memory:
            pairs.pop(0)
        theta, g = new, new_g
        path.append(theta)
    return np.array(path), pairs
"""

RIGHT: dict[str, dict[str, str]] = {
    "formulas throughout": {
        "q1": DERIVATIVES,
        "q2": NEWTON,
        "q3": BACKTRACK,
        "q4": TWO_LOOP,
        "q5": LBFGS,
    },
    "scipy's sigmoid, least squares, a for loop, recursion and a deque": {
        "q1": """
from scipy.special import expit
def derivatives(theta, X, y, lam):
    z = X @ theta
    g = ((expit(z) - y)[:, None] * X).mean(axis=0) + lam * theta
    H = np.einsum("i,ij,ik->jk", expit(z) * expit(-z), X, X) / len(X)
    H[np.diag_indices(len(theta))] += lam
    return g, H
""",
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    return -np.linalg.lstsq(H, g, rcond=None)[0]
""",
        "q3": """
def backtrack(f, theta, g, direction, c=1e-4):
    slope = float(np.dot(g, direction))
    if slope >= 0:
        raise ValueError("not a direction of descent")
    for k in range(80):
        value = f(theta + 0.5**k * direction)
        if np.isfinite(value) and value <= f(theta) + c * 0.5**k * slope:
            return 0.5**k
""",
        "q4": """
def two_loop(g, pairs, gamma=None):
    if gamma is None:
        gamma = pairs[-1][0] @ pairs[-1][1] / (pairs[-1][1] @ pairs[-1][1]) if pairs else 1.0
    if not pairs:
        return gamma * g
    s, y = pairs[-1]
    rho = 1 / (s @ y)
    alpha = rho * (s @ g)
    r = two_loop(g - alpha * y, pairs[:-1], gamma)
    return r + (alpha - rho * (y @ r)) * s
""",
        "q5": """
from collections import deque
def lbfgs(f, grad, theta, memory, tol, limit):
    pairs, path = deque(maxlen=memory), [theta.copy()]
    while np.linalg.norm(grad(path[-1])) > tol and len(path) < limit + 1:
        old = path[-1]
        g = grad(old)
        p = two_loop(-g, list(pairs))
        path.append(old + backtrack(f, old, g, p) * p)
        s, y = path[-1] - old, grad(path[-1]) - g
        if np.dot(s, y) > 0:
            pairs.append((s, y))
    return np.stack(path), pairs
""",
    },
    "loops over the items, Cholesky, and a set of trials": {
        "q1": """
def derivatives(theta, X, y, lam):
    g, H = lam * theta, lam * np.identity(len(theta))
    for x_i, y_i in zip(X, y):
        z = x_i @ theta
        small = np.exp(-abs(z)) / (1 + np.exp(-abs(z)))
        p = small if z < 0 else 1 - small
        g = g + (p - y_i) * x_i / len(y)
        H = H + small * (1 - small) * np.outer(x_i, x_i) / len(y)
    return g, H
""",
        "q2": """
from scipy.linalg import cho_factor, cho_solve
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    return cho_solve(cho_factor(H), -g)
""",
        "q3": """
def backtrack(f, theta, g, direction, c=1e-4):
    if sum(g * direction) >= 0:
        raise ValueError
    k, start = 0, f(theta)
    while True:
        here = f(theta + direction / 2**k)
        if here - start <= c / 2**k * sum(g * direction):
            return 1 / 2**k
        k += 1
""",
        "q4": """
def two_loop(g, pairs):
    m = len(pairs)
    q, alpha, rho = np.array(g), np.zeros(m), np.array([1 / np.sum(s * y) for s, y in pairs])
    for i in range(m - 1, -1, -1):
        alpha[i] = rho[i] * np.sum(pairs[i][0] * q)
        q -= alpha[i] * pairs[i][1]
    if m:
        q *= 1 / (rho[-1] * np.sum(pairs[-1][1] ** 2))
    for i in range(m):
        q += pairs[i][0] * (alpha[i] - rho[i] * np.sum(pairs[i][1] * q))
    return q
""",
        "q5": """
def lbfgs(f, grad, theta, memory, tol, limit):
    theta = theta.copy()
    path, S, Y = [theta.copy()], [], []
    steps = 0
    g = grad(theta)
    while steps < limit and np.sqrt(g @ g) > tol:
        delta = -two_loop(g, list(zip(S, Y)))
        delta = backtrack(f, theta, g, delta) * delta
        theta += delta
        path.append(theta.copy())
        g_old, g = g, grad(theta)
        if delta @ (g - g_old) > 0:
            S, Y = S + [delta], Y + [g - g_old]
            S, Y = S[-memory:], Y[-memory:]
        steps += 1
    return np.array(path), list(zip(S, Y))
""",
    },
    "an overflow that is caught, the whole diagonal, and a general solver": {
        "q1": """
def derivatives(theta, X, y, lam):
    z = X @ theta
    p, q = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z))
    n, d = X.shape
    return X.T @ (p - y) / n + lam * theta, X.T @ np.diag(p * q) @ X / n + np.diag(np.full(d, lam))
""",
        "q2": """
import scipy
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    return scipy.linalg.solve(H, -g, assume_a="sym")
""",
        "q3": """
def backtrack(f, theta, g, direction, c=1e-4):
    rate = g.T.dot(direction)
    if not rate < 0:
        raise ValueError("uphill or nan")
    return next(lr for lr in 2.0 ** -np.arange(1000.0) if f(theta + lr * direction) <= f(theta) + c * lr * rate)
""",
    },
    "signs of the margin, and a solver for positive definite matrices": {
        "q1": """
def derivatives(theta, X, y, lam):
    sign = 2 * y - 1
    m = sign * (X @ theta)
    miss = np.where(m > 0, np.exp(-np.abs(m)), 1.0) / (1 + np.exp(-np.abs(m)))  # the chance of the other
    hit = np.where(m > 0, 1.0, np.exp(-np.abs(m))) / (1 + np.exp(-np.abs(m)))
    A = np.sqrt(hit * miss / len(y))[:, None] * X
    return -(sign * miss) @ X / len(y) + lam * theta, A.T @ A + lam * np.eye(X.shape[1])
""",
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    values, Q = np.linalg.eigh(H)
    if not np.allclose(H, H.T):
        return np.linalg.solve(H, -g)
    return -Q @ ((Q.T @ g) / values)
""",
        "q4": """
def two_loop(g, pairs):
    if len(pairs) == 0:
        return g
    S, Y = (np.array(x) for x in zip(*pairs))
    sy = (S * Y).sum(axis=1)
    down = {}
    for i in reversed(range(len(sy))):
        down[i] = S[i] @ g / sy[i]
        g = g - down[i] * Y[i]
    g = g * sy[-1] / (Y[-1] @ Y[-1])
    for i in range(len(sy)):
        g = g + S[i] * (down[i] - Y[i] @ g / sy[i])
    return g
""",
    },
    "a chatty loop with the slopes kept, and pairs counted from the front": {
        "q3": """
import sys
def backtrack(f, theta, g, direction, c=1e-4, lr=1.0):
    assert len(g) == len(direction)
    if g @ direction >= 0:
        raise ValueError(f"direction leads up: {g @ direction}")
    new = f(theta + lr * direction)
    if new <= f(theta) + c * lr * (g @ direction):
        return lr
    print("too high", new, file=sys.stderr)
    return backtrack(f, theta, g, direction, c, lr / 2)
""",
        "q5": """
def lbfgs(f, grad, theta, memory, tol, limit):
    thetas, grads, kept = [theta], [grad(theta)], []
    for t in range(1, limit + 1):
        if np.linalg.norm(grads[-1]) <= tol:
            return np.vstack(thetas), kept[max(0, len(kept) - memory):]
        p = -1.0 * two_loop(grads[-1], kept[max(0, len(kept) - memory):])
        thetas.append(thetas[-1] + p * backtrack(f, thetas[-1], grads[-1], p))
        grads.append(grad(thetas[-1]))
        s, y = thetas[t] - thetas[t - 1], grads[t] - grads[t - 1]
        kept += [(s, y)] if s.dot(y) > 0 else []
    return np.vstack(thetas), kept[max(0, len(kept) - memory):]
""",
    },
    "tanh and cosh, a column for the right-hand side, math, slices, and pairs as arrays": {
        "q1": """
def derivatives(theta, X, y, lam):
    half = X @ theta / 2
    g = X.T @ ((np.tanh(half) + 1) / 2 - y) / len(y)
    bend = 0.25 / np.cosh(half) ** 2
    return g + lam * theta, np.dot(X.T, bend.reshape(-1, 1) * X) / X.shape[0] + np.diag(lam * np.ones_like(theta))
""",
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    return np.linalg.solve(H, -g[:, np.newaxis]).ravel()
""",
        "q3": """
import itertools, math
def backtrack(f, theta, g, direction, c=1e-4):
    slope = math.fsum(g * direction)
    if slope >= 0:
        raise ValueError("up")
    f0 = f(theta)
    for eta in (math.ldexp(1, -k) for k in itertools.count()):
        value = f(theta + eta * direction)
        if not math.isfinite(value) or value > f0 + c * eta * slope:
            continue
        return eta
""",
        "q4": """
def two_loop(g, pairs):
    direction, stack = np.copy(g), []
    for s, y in pairs[::-1]:
        a = np.inner(s, direction) / np.inner(s, y)
        direction -= a * y
        stack.insert(0, a)
    gamma = np.inner(*pairs[-1]) / np.inner(pairs[-1][1], pairs[-1][1]) if len(pairs) else 1.0
    direction *= gamma
    for a, (s, y) in zip(stack, pairs):
        direction += s * (a - np.inner(y, direction) / np.inner(s, y))
    return direction
""",
        "q5": """
def lbfgs(f, grad, theta, memory, tol, limit):
    path, pairs, k = np.array([theta]), [], 0
    while k < limit:
        g = grad(path[-1])
        if np.sum(g**2) ** 0.5 <= tol:
            break
        p = -two_loop(g, pairs)
        path = np.vstack([path, path[-1] + backtrack(f, path[-1], g, p) * p])
        pair = np.array([path[-1] - path[-2], grad(path[-1]) - g])
        if pair[0] @ pair[1] > 0:
            if len(pairs) == memory:
                del pairs[0]
            pairs.append(pair)
        k += 1
    return path, pairs
""",
    },
    "log_expit, elimination by hand, a whole number for the first rate, and the steps in a function": {
        "q1": """
from scipy.special import log_expit
def derivatives(theta, X, y, lam):
    z = X.dot(theta)
    g, H = lam * theta, lam * np.eye(theta.size)
    w = np.exp(log_expit(z) + log_expit(-z)) / y.size
    return g - (y - np.exp(log_expit(z))).dot(X) / y.size, H + sum(w[i] * np.outer(X[i], X[i]) for i in range(y.size))
""",
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    A, b = H.copy(), -g
    for i in range(len(b)):
        for j in range(i + 1, len(b)):
            m = A[j, i] / A[i, i]
            A[j] -= m * A[i]
            b[j] -= m * b[i]
    delta = np.zeros(len(b))
    for i in reversed(range(len(b))):
        delta[i] = (b[i] - A[i, i + 1 :] @ delta[i + 1 :]) / A[i, i]
    return delta
""",
        "q3": """
def backtrack(f, theta, g, direction, c=1e-4):
    if not np.vdot(g, direction) < 0:
        raise ValueError
    eta = 1
    def enough():
        return f(theta + eta * direction) - f(theta) <= c * np.vdot(g, eta * direction)
    while not enough():
        eta = eta / 2
    return eta
""",
        "q5": """
def lbfgs(f, grad, theta, memory, tol, limit):
    def step(theta, pairs):
        g = grad(theta)
        delta = -two_loop(g, pairs)
        new = theta + backtrack(f, theta, g, delta) * delta
        s, y = new - theta, grad(new) - g
        return new, (pairs + [(s, y)] * bool(s @ y > 0))[-memory:]
    path, pairs = [theta], []
    while len(path) - 1 != limit and not np.linalg.norm(grad(path[-1])) <= tol:
        new, pairs = step(path[-1], pairs)
        path += [new]
    return np.array(path), tuple(pairs)
""",
    },
    "QR": {
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    Q, R = np.linalg.qr(H)
    return -scipy.linalg.solve_triangular(R, Q.T @ g)
""",
    },
    "singular values": {
        "q2": """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    U, values, Vt = np.linalg.svd(H)
    return Vt.T @ ((U.T @ -g) / values)
""",
    },
    "torch's solver": {
        "q2": """
import torch
def newton_step(theta, X, y, lam):
    g, H = map(torch.from_numpy, derivatives(theta, X, y, lam))
    return -torch.linalg.solve(H, g).numpy()
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    # --- the derivatives ---
    "uphill": ("q1", DERIVATIVES.replace("p - y", "y - p"), "part of g at index 0: expected 0.25, got -0.25.*p - y"),
    "sum for mean in the gradient": (
        "q1",
        DERIVATIVES.replace("(p - y) / len(y)", "(p - y)"),
        "part of g at index 0: expected 0.25, got 1.*mean",
    ),
    "sum for mean in the Hessian": (
        "q1",
        DERIVATIVES.replace("@ X / len(y)", "@ X"),
        r"part of H at index \(0, 0\): expected 0.25, got 1\.",
    ),
    "the gradient without the regulariser": (
        "q1",
        DERIVATIVES.replace(" + lam * theta", ""),
        "at .log 3, 0., lam = 2, the part of g at index 0: expected 2.697224577, got 0.5",
    ),
    "the Hessian without the regulariser": (
        "q1",
        DERIVATIVES.replace(" + lam * np.eye(len(theta))", ""),
        r"lam = 2, the part of H at index \(0, 0\): expected 2.25, got 0.25",
    ),
    "the regulariser in every entry of the Hessian": (
        "q1",
        DERIVATIVES.replace("lam * np.eye(len(theta))", "lam"),
        r"lam = 2, the part of H at index \(0, 1\): expected 0.75, got 2.75",
    ),
    "the regulariser divided by n": (
        "q1",
        DERIVATIVES.replace("X.T @ (p - y) / len(y) + lam * theta", "(X.T @ (p - y) + lam * theta) / len(y)"),
        "part of g at index 0: expected 2.697224577, got",
    ),
    "twice the regulariser": (
        "q1",
        DERIVATIVES.replace("lam * theta", "2 * lam * theta").replace("lam * np.eye", "2 * lam * np.eye"),
        r"part of H at index \(0, 0\): expected 2.25, got 4.25",
    ),
    "an intercept that goes free": (
        "q1",
        DERIVATIVES.replace("    return", "    g[0] -= lam * theta[0]\n    H[0, 0] -= lam\n    return"),
        r"lam = 2, the part of H at index \(0, 0\): expected 2.25, got 0.25",
    ),
    "p for p (1 - p)": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "w = p"),
        r"part of H at index \(0, 0\): expected 0.25, got 0.5.*p \(1 - p\) = 1/4",
    ),
    "the weights twice": (
        "q1",
        DERIVATIVES.replace("(X.T * w) @ X", "(X.T * w) @ (w[:, None] * X)"),
        r"part of H at index \(0, 0\): expected 0.25, got 0.0625",
    ),
    "squared errors for weights": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "w = (p - y) ** 2"),
        r"at \(log 3, 0\), lam = 2, the part of H at index \(0, 0\)",
    ),
    "no weights": (
        "q1",
        DERIVATIVES.replace("(X.T * w) @ X", "X.T @ X"),
        r"part of H at index \(0, 0\): expected 0.25",
    ),
    "an overflowing sigmoid": (
        "q1",
        DERIVATIVES.replace("p, not_p = np.exp(-np.logaddexp(0, -z)),", "p, not_p = np.exp(z) / (1 + np.exp(z)),"),
        "at 1000.*part of g at index 0: expected 0, got nan.*infinity",
    ),
    "an overflowing weight": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "w = np.exp(z) / (1 + np.exp(z)) ** 2"),
        r"at 1000.*part of H at index \(0, 0\): expected 0, got nan.*infinity",
    ),
    "1 - p, rounded to 0": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "w = p * (1 - p)"),
        r"H at z = 40, times exp\(40\) at index \(0, 0\): expected 1, got 0.*write 1 - σ\(z\) as σ\(-z\)",
    ),
    "1 - p for one side only": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "w = not_p * (1 - not_p)"),
        None,
    ),
    "clipped logits": (
        "q1",
        DERIVATIVES.replace("z = X @ theta", "z = np.clip(X @ theta, -35, 35)"),
        r"H at z = 40, times exp\(40\)",
    ),
    "the Hessian alone": ("q1", DERIVATIVES.replace("return g, H", "return H"), "expected a pair, g and H, got"),
    "the Hessian first": ("q1", DERIVATIVES.replace("return g, H", "return H, g"), r"part of g: expected shape \(2,\)"),
    "theta overwritten": (
        "q1",
        DERIVATIVES.replace("    g = ", "    theta *= lam\n    g = ").replace("lam * theta", "theta"),
        "`derivatives` changed its input theta",
    ),
    "X overwritten": (
        "q1",
        DERIVATIVES.replace("    g = ", "    g0 = X.T @ (p - y)\n    g = ").replace(
            "H = (X.T * w) @ X", "X *= np.sqrt(w)[:, None]\n    H = X.T @ X"
        ),
        "`derivatives` changed its input X",
    ),
    "float32": (
        "q1",
        DERIVATIVES.replace("return g, H", "return g.astype(np.float32), H.astype(np.float32)"),
        "expected dtype float64.*got float32",
    ),
    "difference quotients": (
        "q1",
        """
def derivatives(theta, X, y, lam):
    def slope(theta):
        moves = 1e-5 * np.eye(len(theta))
        return np.array([(loss(theta + m, X, y, lam) - loss(theta - m, X, y, lam)) / 2e-5 for m in moves])
    moves = 1e-4 * np.eye(len(theta))
    return slope(theta), np.array([(slope(theta + m) - slope(theta - m)) / 2e-4 for m in moves])
""",
        "expected .* got",
    ),
    "the course's own class": (
        "q1",
        """
from gdcourse.objectives import LogisticRegression
def derivatives(theta, X, y, lam):
    ready = LogisticRegression(X, y)
    return ready.grad(theta) + lam * theta, ready.hessian(theta) + lam * np.eye(len(theta))
""",
        "calls the library's own `.*`. It is two formulas",
    ),
    "one weight for all items": (
        "q1",
        DERIVATIVES.replace("(X.T * w) @ X", "X.T @ X * w.mean()"),
        r"H at \(14, -0.2\) among the flights.*the change of your own g",
    ),
    "clipped probabilities": (
        "q1",
        DERIVATIVES.replace("w = p * not_p", "p = np.clip(p, 1e-15, 1 - 1e-15)\n    w = p * (1 - p)"),
        r"H at z = 40, times exp\(40\)",
    ),
    "the mean over the columns": (
        "q1",
        DERIVATIVES.replace("len(y)", "X.shape[1]"),
        "part of g at index 0: expected 0.25, got 0.5.*is it the mean",
    ),
    # --- Newton's step ---
    "a step uphill": (
        "q2",
        NEWTON.replace("-g)", "g)"),
        "at index 0: expected -0.7692307692, got 0.7692307692.*is it -g",
    ),
    "the inverse": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "-np.linalg.inv(H) @ g"),
        "calls the library's own `inv`. Solve the equations",
    ),
    "the pseudoinverse, under another name": (
        "q2",
        "from numpy.linalg import pinv as best\n" + NEWTON.replace("np.linalg.solve(H, -g)", "best(H) @ -g"),
        "calls the library's own `pinv`. Solve the equations",
    ),
    "the inverse by scipy": (
        "q2",
        "from scipy import linalg\n" + NEWTON.replace("np.linalg.solve(H, -g)", "linalg.inv(H) @ -g"),
        "calls the library's own `inv`. Solve the equations",
    ),
    "the power -1": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "np.linalg.matrix_power(H, -1) @ -g"),
        "calls the library's own `matrix_power`",
    ),
    "divided by the diagonal": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "-g / np.diag(H)"),
        "at index 0: expected -0.7692307692, got -1.",
    ),
    "divided entry by entry": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "-g / H"),
        r"expected shape \(2,\), got shape \(2, 2\)",
    ),
    "the product for the quotient": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "-H @ g"),
        "expected -0.7692307692, got -0.8125",
    ),
    "the new theta for the step": (
        "q2",
        NEWTON.replace("return ", "return theta + "),
        "with a stand-in for derivatives at index 0: expected 1, got 6.*the change alone",
    ),
    "lam dropped on the way": (
        "q2",
        NEWTON.replace("X, y, lam)\n    return", "X, y, 0.0)\n    return"),
        "another stand-in at index 0: expected -0.2, got -1.*lam handed on",
    ),
    "theta moved": (
        "q2",
        NEWTON.replace("return ", "theta += ") + "    return theta - theta\n",
        "changed its input theta",
    ),
    "a step with derivatives of its own": (
        "q2",
        """
def newton_step(theta, X, y, lam):
    p = 1 / (1 + np.exp(-X @ theta))
    H = (X.T * (p * (1 - p))) @ X / len(y) + lam * np.eye(len(theta))
    return np.linalg.solve(H, -X.T @ (p - y) / len(y) - lam * theta)
""",
        "with a stand-in for derivatives",
    ),
    "steps by heart": (
        "q2",
        """
def newton_step(theta, X, y, lam):
    if theta.tolist() == [0.0, 0.0]:
        return np.array([-10 / 13, -1 / 13])
    if len(theta) == 10:
        return -np.ones(10)
    return np.array([1.0, -4.0]) if lam == 0 else -theta / (1 + lam)
""",
        None,
    ),
    "the inverse from the equations": (
        "q2",
        NEWTON.replace("np.linalg.solve(H, -g)", "np.linalg.solve(H, np.eye(len(g))) @ -g"),
        r"your H Δ \+ g is .*e-0\d in the worst entry.*an inverse, however it was made",
    ),
    "the inverse by torch": (
        "q2",
        "import torch\n"
        + NEWTON.replace("np.linalg.solve(H, -g)", "-(torch.linalg.inv(torch.from_numpy(H)).numpy() @ g)"),
        "an inverse, however it was made",
    ),
    "the inverse from eigenvalues": (
        "q2",
        """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    values, Q = np.linalg.eig(H)
    return -(Q @ np.diag(1 / values) @ Q.T) @ g
""",
        "an inverse, however it was made",
    ),
    "two by two only": (
        "q2",
        """
def newton_step(theta, X, y, lam):
    g, H = derivatives(theta, X, y, lam)
    (a, b), (c, d) = H[:2, :2]
    return -np.array([d * g[0] - b * g[1], a * g[1] - c * g[0]]) / (a * d - b * c)
""",
        r"ten numbers.*expected shape \(10,\), got shape \(2,\)",
    ),
    "a little on the diagonal, to be safe": (
        "q2",
        NEWTON.replace("solve(H", "solve(H + 1e-6 * np.eye(len(g))"),
        "the step at .0, 0., lam = 0 at index 0.*approximated",
    ),
    "a column": (
        "q2",
        NEWTON.replace("-g)", "-g[:, None])"),
        r"expected shape \(2,\), got shape \(2, 1\)",
    ),
    # --- backtracking ---
    "no damping at all": (
        "q3",
        "def backtrack(f, theta, g, direction, c=1e-4):\n    return 1.0\n",
        "direction -2: expected 0.5, got 1.*not enough",
    ),
    "the slope with the wrong sign": (
        "q3",
        BACKTRACK.replace("start + c", "start - c"),
        "direction -2: expected 0.5, got 1",
    ),
    "any descent is enough": (
        "q3",
        BACKTRACK.replace("+ c * lr * promised", "").replace("<=", "<"),
        "c = 0.9: expected 0.125, got 1.*Which sign",
    ),
    "the square of the gradient for the slope": (
        "q3",
        BACKTRACK.replace("c * lr * promised", "c * lr * -(g @ g)"),
        "direction -1, c = 0.9: expected 0.125, .*with g² instead",
    ),
    "the square of the gradient with the wrong sign": (
        "q3",
        BACKTRACK.replace("c * lr * promised", "c * lr * (g @ g)"),
        "direction -2: expected 0.5, got 1",
    ),
    "the slope without the rate": (
        "q3",
        BACKTRACK.replace("c * lr * promised", "c * promised"),
        "c = 0.9: expected 0.125, and after 200 trials",
    ),
    "c left out": (
        "q3",
        BACKTRACK.replace("c * lr * promised", "lr * promised"),
        "no step was accepted|expected .* got",
    ),
    "c of its own": (
        "q3",
        BACKTRACK.replace("c * lr * promised", "1e-4 * lr * promised"),
        "c = 0.9: expected 0.125, got 1",
    ),
    "halved before the first trial": (
        "q3",
        BACKTRACK.replace("lr = 1.0", "lr = 0.5"),
        "direction -1: expected 1, got 0.5.*first trial",
    ),
    "halved once too often": (
        "q3",
        BACKTRACK.replace("return lr", "return lr / 2"),
        "direction -1: expected 1, got 0.5",
    ),
    "a tenth for a half": (
        "q3",
        BACKTRACK.replace("lr / 2", "lr / 10"),
        "direction -2: expected 0.5, got 0.1",
    ),
    "trials that start from the last trial": (
        "q3",
        BACKTRACK.replace("f(theta + lr * direction)", "f(theta := theta + lr * direction)"),
        "expected .* (got|no step was accepted)",
    ),
    "the new point": (
        "q3",
        BACKTRACK.replace("return lr", "return theta + lr * direction"),
        "expected a number, got",
    ),
    "nan accepted": (
        "q3",
        BACKTRACK.replace("not f(theta + lr * direction) <=", "f(theta + lr * direction) >"),
        "θ - log θ at 2, direction -4: expected 0.25, got 1.*nan",
    ),
    "an array of slopes": (
        "q3",
        BACKTRACK.replace("g @ direction", "g * direction"),
        "ValueError|truth value",
    ),
    "uphill without a word": (
        "q3",
        BACKTRACK.replace("promised >= 0", "False"),
        "θ² at 1, direction 1.0: expected 'a ValueError'",
    ),
    "level without a word": (
        "q3",
        BACKTRACK.replace("promised >= 0", "promised > 0"),
        "θ² at 1, direction 0.0: expected 'a ValueError'",
    ),
    "the default of c changed": ("q3", BACKTRACK.replace("c=1e-4", "c=0.9"), None),
    "uphill by signs": (
        "q3",
        BACKTRACK.replace("promised >= 0", "np.all(g * direction >= 0)"),
        None,
    ),
    "the theta moved by backtracking": (
        "q3",
        BACKTRACK.replace("return lr", "theta += lr * direction\n    return lr"),
        "`backtrack` changed its input theta",
    ),
    "lower, not lower or equal": (
        "q3",
        BACKTRACK.replace("<=", "<"),
        "c = 0.5: expected 1, got 0.5.*the condition has ≤",
    ),
    "gives up after thirty halvings": (
        "q3",
        BACKTRACK.replace("while not", "while lr > 1e-9 and not"),
        None,
    ),
    "the slope along a direction of length 1": (
        "q3",
        BACKTRACK.replace("g @ direction", "g @ direction / np.linalg.norm(direction)"),
        "direction 0.0: expected a ValueError",
    ),
    "an assertion for the error": (
        "q3",
        BACKTRACK.replace('if promised >= 0:\n        raise ValueError("uphill")', "assert promised < 0"),
        "expected a ValueError, got AssertionError",
    ),
    # --- the two loops ---
    "oldest to newest in the first loop": (
        "q4",
        TWO_LOOP.replace("in reversed(pairs)", "in pairs").replace(
            "zip(pairs, reversed", "zip(reversed(pairs), reversed"
        ),
        "two pairs.*has the last word",
    ),
    "newest to oldest in both loops": (
        "q4",
        TWO_LOOP.replace("zip(pairs, reversed(alphas))", "zip(reversed(pairs), alphas)"),
        "two pairs.*Which pair comes first",
    ),
    "alphas that meet other pairs": (
        "q4",
        TWO_LOOP.replace("reversed(alphas)", "alphas"),
        "two pairs.*expected|pairs in three dimensions",
    ),
    "alpha computed anew": (
        "q4",
        TWO_LOOP.replace("        r = r +", "        alpha = rho * (s @ r)\n        r = r +"),
        "the pair s = .1, 0., y = .2, 1., and g = y|g = .4, 0.: .*Is α the one of line 1",
    ),
    "alpha forgotten on the way up": (
        "q4",
        TWO_LOOP.replace("(alpha - beta)", "(-beta)"),
        "and g = y at index 0: expected 1, got 0",
    ),
    "the sign of beta": (
        "q4",
        TWO_LOOP.replace("alpha - beta", "alpha + beta"),
        r"g = \(0, 5\) at index 0: expected -1, got 1",
    ),
    "beta with s for y": (
        "q4",
        TWO_LOOP.replace("rho * (y @ r)", "rho * (s @ r)"),
        r"g = \(0, 5\) at index 0: expected -1, got 0",
    ),
    "s and y swapped": (
        "q4",
        TWO_LOOP.replace("for s, y in", "for y, s in").replace("for (s, y), alpha", "for (y, s), alpha"),
        "G y = s",
    ),
    "rho is s times y": (
        "q4",
        TWO_LOOP.replace("1 / (s @ y)", "(s @ y)"),
        r"and g = y at index 0: expected 1, got .*ρ = 1/\(s · y\)",
    ),
    "rho from y alone": (
        "q4",
        TWO_LOOP.replace("1 / (s @ y)", "1 / (y @ y)"),
        r"and g = y at index 0: expected 1, got .*ρ = 1/\(s · y\)",
    ),
    "no gamma": (
        "q4",
        TWO_LOOP.replace("(s @ y) / (y @ y) * q", "q"),
        r"g = \(0, 5\) at index 0: expected -1, got -2.5.*γ = 2/5",
    ),
    "gamma upside down": (
        "q4",
        TWO_LOOP.replace("(s @ y) / (y @ y)", "(y @ y) / (s @ y)"),
        r"g = \(0, 5\) at index 0: expected -1, got .*γ = 2/5",
    ),
    "the longer gamma": (
        "q4",
        TWO_LOOP.replace("(s @ y) / (y @ y)", "(s @ s) / (s @ y)"),
        r"g = \(0, 5\) at index 0: expected -1, got .*γ = 2/5",
    ),
    "gamma of the oldest pair": (
        "q4",
        TWO_LOOP.replace("s, y = pairs[-1]", "s, y = pairs[0]"),
        "pairs in three dimensions.*γ is that of the newest",
    ),
    "the sign of the direction": (
        "q4",
        TWO_LOOP.replace("return r", "return -r"),
        "and g = y at index 0: expected 1, got -1",
    ),
    "minus without pairs": ("q4", TWO_LOOP.replace("return q", "return -q"), r"no pairs, g = \(3, -4\) at index 0"),
    "an error without pairs": ("q4", TWO_LOOP.replace("    if not pairs:\n        return q\n", ""), "IndexError"),
    "g overwritten": (
        "q4",
        TWO_LOOP.replace("g.copy()", "g").replace("q = q - alpha * y", "q -= alpha * y"),
        "`two_loop` changed its input g",
    ),
    "the pairs turned around for good": (
        "q4",
        TWO_LOOP.replace("for s, y in reversed(pairs)", "pairs.reverse()\n    for s, y in pairs")
        .replace("pairs[-1]", "pairs[0]")
        .replace("zip(pairs, reversed", "zip(reversed(pairs), reversed"),
        r"`two_loop` changed its input pairs",
    ),
    "the pairs used up": (
        "q4",
        TWO_LOOP.replace("q, alphas = g.copy(), []", "q, alphas, all_pairs = g.copy(), [], list(pairs)")
        .replace("for s, y in reversed(pairs):", "while pairs:\n        s, y = pairs.pop()")
        .replace("    if not pairs", "    pairs = all_pairs\n    if not pairs"),
        r"`two_loop` changed its input pairs",
    ),
    "the stored y scaled": (
        "q4",
        TWO_LOOP.replace("        q = q - alpha * y", "        y *= alpha\n        q = q - y\n        y /= alpha or 1"),
        r"`two_loop` changed its input pairs|expected",
    ),
    "the matrix after all": (
        "q4",
        """
def two_loop(g, pairs):
    if not pairs:
        return g
    G = pairs[-1][0] @ pairs[-1][1] / (pairs[-1][1] @ pairs[-1][1]) * np.eye(len(g))
    for s, y in pairs:
        V = np.eye(len(g)) - np.outer(y, s) / (s @ y)
        G = V.T @ G @ V + np.outer(s, s) / (s @ y)
    return G @ g
""",
        r"for d = 1000 it took \d+ MB at once.*d × d",
    ),
    "the course's own two loops": (
        "q4",
        """
from gdcourse import quasi_newton
def two_loop(g, pairs):
    if not pairs:
        return g
    memory = quasi_newton.no_pairs(len(pairs), g)
    for s, y in pairs:
        memory = quasi_newton.remember(memory, s, y)
    return quasi_newton.two_loop(g, memory)
""",
        "calls the library's own",
    ),
    "right for up to four pairs": (
        "q4",
        TWO_LOOP.replace("    q, alphas", "    pairs = pairs[-4:]\n    q, alphas"),
        None,
    ),
    "gamma for one pair alone": (
        "q4",
        TWO_LOOP.replace("r = (s @ y) / (y @ y) * q", "r = (s @ y) / (y @ y) * q if len(pairs) == 1 else q"),
        "2 pairs in three dimensions",
    ),
    "a matrix for each pair": (
        "q4",
        """
def two_loop(g, pairs):
    V, r = [np.eye(len(g)) - np.outer(y, s) / (s @ y) for s, y in pairs], g
    alphas = []
    for (s, y), M in reversed(list(zip(pairs, V))):
        alphas.append(s @ r / (s @ y))
        r = M @ r
    if pairs:
        r = r * (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1])
    for (s, y), M in zip(pairs, V):
        r = M.T @ r + alphas.pop() * s
    return r
""",
        r"for d = 1000 it took \d+ MB at once.*d × d",
    ),
    "below the oldest pair, g again": (
        "q4",
        TWO_LOOP.replace("(y @ y) * q", "(y @ y) * g"),
        "g = .4, 0.|and g = y",
    ),
    # --- L-BFGS ---
    "uphill all the way": (
        "q5",
        LBFGS.replace("-two_loop", "two_loop"),
        "ValueError: direction must lead downhill",
    ),
    "bad pairs learned": (
        "q5",
        LBFGS.replace("if s @ y > 0", "if True"),
        "cos θ from 1, limit = 1: the number of pairs: expected 0, got 1",
    ),
    "the absolute value asked": (
        "q5",
        LBFGS.replace("if s @ y > 0", "if abs(s @ y) > 1e-12"),
        "cos θ from 1, limit = 1: the number of pairs: expected 0, got 1",
    ),
    "no step where the pair is bad": (
        "q5",
        LBFGS.replace(
            "            pairs.append((s, y))", "            pairs.append((s, y))\n        else:\n            continue"
        ),
        "cos θ from 1, limit = 2: the path: expected shape",
    ),
    "all forgotten at a bad pair": (
        "q5",
        LBFGS.replace(
            "            pairs.append((s, y))",
            "            pairs.append((s, y))\n        else:\n            pairs = []",
        ),
        None,
    ),
    "y the wrong way round": (
        "q5",
        LBFGS.replace("new_g - g", "g - new_g"),
        r"limit = 1: the pairs: expected shape \(1, 2, 1\), got shape \(0, 2, 1\)",
    ),
    "both the wrong way round": (
        "q5",
        LBFGS.replace("new - theta, new_g - g", "theta - new, g - new_g"),
        r"limit = 1: the pairs at index \(0, 0, 0\): expected -1.5, got 1.5.*new minus old",
    ),
    "the direction for the step": (
        "q5",
        LBFGS.replace("s, y = new - theta", "s, y = direction"),
        r"limit = 1: the pairs at index \(0, 0, 0\): expected -1.5, got -3",
    ),
    "no line search": (
        "q5",
        LBFGS.replace("lr = backtrack(f, theta, g, direction)", "lr = 1.0"),
        r"limit = 1: the path at index \(1, 0\): expected -0.5, got -2",
    ),
    "gradient descent": (
        "q5",
        LBFGS.replace("-two_loop(g, pairs)", "-g"),
        r"limit = 9: the path: expected shape \(3, 1\)",
    ),
    "one pair too many": (
        "q5",
        LBFGS.replace("len(pairs) > memory", "len(pairs) > memory + 1"),
        r"memory = 2, limit = 6: the pairs: expected shape \(2, 2, 5\), got shape \(3, 2, 5\)",
    ),
    "a memory without end": (
        "q5",
        LBFGS.replace("pairs.pop(0)", "pass"),
        r"memory = 2, limit = 6: the pairs: expected shape \(2, 2, 5\), got shape \(6, 2, 5\)",
    ),
    "the newest forgotten": (
        "q5",
        LBFGS.replace("pairs.pop(0)", "pairs.pop()"),
        "memory = 2, limit = 6: the pairs at index .*the oldest first",
    ),
    "the newest first": (
        "q5",
        LBFGS.replace("pairs.append((s, y))", "pairs.insert(0, (s, y))").replace("pop(0)", "pop()"),
        "memory = 2, limit = 6: the pairs at index .*the oldest first",
    ),
    "bad pairs push good ones out": (
        "q5",
        LBFGS.replace("if s @ y > 0:\n            pairs.append((s, y))", "pairs.append((s, y))")
        .replace("theta, g = new", "theta, g = new")
        .replace("two_loop(g, pairs)", "two_loop(g, [(s, y) for s, y in pairs if s @ y > 0])")
        .replace("return np.array(path), pairs", "return np.array(path), [(s, y) for s, y in pairs if s @ y > 0]"),
        None,
    ),
    "one array for the whole path": (
        "q5",
        LBFGS.replace("path, pairs = [theta], []", "theta = theta.copy()\n    path, pairs = [theta], []").replace(
            "theta, g = new, new_g", "theta[:] = new\n        g = new_g"
        ),
        r"limit = 1: the path at index \(0, 0\): expected 1, got -0.5",
    ),
    "the start moved": (
        "q5",
        LBFGS.replace("theta, g = new, new_g", "theta += new - theta\n        g = new_g"),
        "`lbfgs` changed its input theta",
    ),
    "a path without its start": (
        "q5",
        LBFGS.replace("path, pairs = [theta], []", "path, pairs = [], []"),
        r"limit = 1: the path: expected shape \(2, 1\), got shape \(1, 1\)",
    ),
    "the last point only": (
        "q5",
        LBFGS.replace("np.array(path)", "theta"),
        r"limit = 1: the path: expected shape \(2, 1\), got shape \(1,\)",
    ),
    "the path alone": ("q5", LBFGS.replace("np.array(path), pairs", "np.array(path)"), "End with `return path, pairs`"),
    "a list for the path": ("q5", LBFGS.replace("np.array(path)", "path"), "the path: expected a NumPy array"),
    "one step too many": (
        "q5",
        LBFGS.replace("range(limit)", "range(limit + 1)"),
        r"limit = 1: the path: expected shape \(2, 1\), got shape \(3, 1\)",
    ),
    "never level enough": (
        "q5",
        LBFGS.replace("np.linalg.norm(g) <= tol", "False"),
        "ValueError: direction must lead downhill|limit = 9: the path: expected shape",
    ),
    "the largest slope for the norm": ("q5", LBFGS.replace("np.linalg.norm(g)", "np.abs(g).max()"), None),
    "looks at the slope one step late": (
        "q5",
        LBFGS.replace(
            "        theta, g = new, new_g",
            "        if len(path) > 1 and np.linalg.norm(g) <= tol: break\n        theta, g = new, new_g",
        ).replace(
            "        if np.linalg.norm(g) <= tol:\n            break\n",
            "        if not np.any(g):\n            break\n",
        ),
        None,
    ),
    "a bound of its own": (
        "q5",
        LBFGS.replace("s @ y > 0", "s @ y > 1e-10"),
        "times 2\\^-20.*the path at index .*above 0, so the pair is kept.*bound of your own",
    ),
    "every pair asked, the last ones handed back": (
        "q5",
        LBFGS.replace("        if len(pairs) > memory:\n            pairs.pop(0)\n", "").replace(
            "path), pairs", "path), pairs[-memory:]"
        ),
        None,
    ),
    "a gradient that stays": (
        "q5",
        LBFGS.replace("theta, g = new, new_g", "theta = new"),
        "expected",
    ),
    "a fresh start when the memory is full": (
        "q5",
        LBFGS.replace("pairs.pop(0)", "pairs = pairs[-1:]"),
        None,
    ),
    "a c of its own": (
        "q5",
        LBFGS.replace("g, direction)", "g, direction, 0.9)"),
        r"limit = 1: the path at index \(1, 0\): expected -0.5",
    ),
    "the pairs as two lists": (
        "q5",
        LBFGS.replace("np.array(path), pairs", "np.array(path), ([s for s, y in pairs], [y for s, y in pairs])"),
        r"expected a list of pairs \(s, y\) beside the path",
    ),
    "no pairs to hand back": (
        "q5",
        LBFGS.replace("path), pairs", "path), None"),
        r"expected a list of pairs \(s, y\) beside the path, got None",
    ),
    "the pairs with their rho": (
        "q5",
        LBFGS.replace("path), pairs", "path), [(s, y, 1 / (s @ y)) for s, y in pairs]"),
        r"expected a list of pairs \(s, y\) beside the path",
    ),
    "scipy's own": (
        "q5",
        """
from scipy.optimize import minimize
def lbfgs(f, grad, theta, memory, tol, limit):
    path = [theta]
    minimize(f, theta, jac=grad, method="L-BFGS-B", callback=lambda x: path.append(x.copy()))
    return np.array(path), []
""",
        "calls the library's own `minimize`. The method is a loop",
    ),
    "the course's own": (
        "q5",
        """
from gdcourse import lbfgs as ready
def lbfgs(f, grad, theta, memory, tol, limit):
    run = ready(gd.objectives.from_function(f, grad, dim=len(theta)), theta, limit, memory, tol=tol)
    return run.theta, []
""",
        "calls the library's own `lbfgs`. The method is a loop",
    ),
}

THROUGH_GRADING = ["the inverse"]
