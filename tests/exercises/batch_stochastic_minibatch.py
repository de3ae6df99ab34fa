"""Right and wrong answers to the assignment batch-stochastic-minibatch."""

GRADIENT = """
def minibatch_gradient(theta, X, y, batch):
    rows, targets = X[batch], y[batch]
    return rows.T @ (rows @ theta - targets) / len(rows)
"""
FULL = """
def full_gradient(theta, X, y, batch_size):
    n, total = len(y), np.zeros(len(theta))
    for first in range(0, n, batch_size):
        part = np.arange(n)[first : first + batch_size]
        total += len(part) / n * minibatch_gradient(theta, X, y, part)
    return total
"""
TRAIN = """
def train(theta, X, y, schedule, epochs, batch_size, rng):
    path, k = [theta], 0
    for epoch in range(epochs):
        order = rng.permutation(len(y))
        for first in range(0, len(y), batch_size):
            batch = order[first : first + batch_size]
            theta = theta - schedule(k) * minibatch_gradient(theta, X, y, batch)
            path.append(theta)
            k += 1
    return np.array(path)
"""
BIAS = """
def bias(estimate, theta, X, y, batch_size):
    total, count = 0, 0
    for chosen in itertools.combinations(range(len(y)), batch_size):
        total, count = total + estimate(theta, X, y, np.array(chosen)), count + 1
    return total / count - minibatch_gradient(theta, X, y, np.arange(len(y)))
"""
VARIANCE = """
def variance(G, batch_size, replace):
    n = len(G)
    trace = np.sum((G - G.mean(axis=0)) ** 2) / n
    factor = 1 if replace else (n - batch_size) / (n - 1)
    return trace / batch_size * factor
"""
SCHEDULE = """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / (curvature * (2 - lr * curvature))
    K, left = 0, square
    while left > plateau:
        K, left = K + 1, left * (1 - lr * curvature) ** 2
    def schedule(k):
        if k <= K:
            return lr
        return 1 / (curvature * (k - K) + 1 / lr)
    return schedule
"""

RIGHT: dict[str, dict[str, str]] = {
    "formulas and loops": {
        "q1": GRADIENT,
        "q2": FULL,
        "q3": TRAIN,
        "q4": BIAS,
        "q5": VARIANCE,
        "q6": SCHEDULE,
    },
    "means over rows, parts by splitting": {
        "q1": """
def minibatch_gradient(theta, X, y, batch):
    X, y = X[batch], y[batch]
    return np.mean((X @ theta - y)[:, None] * X, axis=0)
""",
        "q2": """
def full_gradient(theta, X, y, batch_size):
    parts = np.split(np.arange(len(y)), range(batch_size, len(y), batch_size))
    gradients = [minibatch_gradient(theta, X, y, part) for part in parts]
    return np.average(gradients, axis=0, weights=[len(part) for part in parts])
""",
        "q3": """
def train(theta, X, y, schedule, epochs, batch_size, rng):
    n = len(y)
    orders = [rng.permutation(n) for _ in range(epochs)]
    batches = [part for order in orders for part in np.split(order, range(batch_size, n, batch_size))]
    path = np.empty((len(batches) + 1, len(theta)))
    path[0] = theta
    for k, batch in enumerate(batches):
        path[k + 1] = path[k] - schedule(k) * minibatch_gradient(path[k], X, y, batch)
    return path
""",
        "q4": """
def bias(estimate, theta, X, y, batch_size):
    batches = np.array(list(itertools.combinations(np.arange(len(y)), batch_size)))
    return sum(estimate(theta, X, y, b) for b in batches) / len(batches) - full_gradient(theta, X, y, batch_size)
""",
        "q5": """
def variance(G, batch_size, replace):
    trace = G.var(axis=0).sum()
    return trace / batch_size if replace else trace * (1 / batch_size - 1 / len(G)) * len(G) / (len(G) - 1)
""",
        "q6": """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / curvature / (2 - lr * curvature)
    K = max(0, np.ceil(np.log(plateau / square) / (2 * np.log(1 - lr * curvature))))
    return lambda k: lr / (1 + lr * curvature * np.maximum(k - K, 0))
""",
    },
    "item by item": {
        "q1": """
def minibatch_gradient(theta, X, y, batch):
    g = np.zeros(X.shape[1])
    for i in batch:
        g += (np.dot(X[i], theta) - y[i]) * X[i]
    return g / len(batch)
""",
        "q2": """
def full_gradient(theta, X, y, batch_size):
    first, total = 0, 0
    while first < len(y):
        last = min(first + batch_size, len(y))
        total = total + (last - first) * minibatch_gradient(theta, X, y, list(range(first, last)))
        first = last
    return total / len(y)
""",
        "q4": """
from itertools import combinations
def bias(estimate, theta, X, y, batch_size):
    truth = np.mean([minibatch_gradient(theta, X, y, np.array([i])) for i in range(len(y))], axis=0)
    return np.mean([estimate(theta, X, y, list(b)) - truth for b in combinations(range(len(y)), batch_size)], axis=0)
""",
        "q5": """
def variance(G, batch_size, replace):
    n, middle = len(G), sum(G) / len(G)
    squares = [float((row - middle) @ (row - middle)) for row in G]
    if replace:
        return sum(squares) / (n * batch_size)
    return sum(squares) * (n - batch_size) / (n * batch_size * (n - 1))
""",
    },
    "slices of the data, a copy written into": {
        "q2": """
def full_gradient(theta, X, y, batch_size):
    n, total = len(y), 0
    for first in range(0, n, batch_size):
        rows, targets = X[first : first + batch_size], y[first : first + batch_size]
        total = total + len(targets) * minibatch_gradient(theta, rows, targets, np.arange(len(targets)))
    return total / n
""",
        "q3": """
def train(theta, X, y, schedule, epochs, batch_size, rng):
    theta, path, k = theta.copy(), [theta.copy()], 0
    for _ in range(epochs):
        order = rng.permutation(X.shape[0])
        X_now, y_now = X[order], y[order]
        for first in range(0, len(y), batch_size):
            size = min(batch_size, len(y) - first)
            theta -= schedule(k) * minibatch_gradient(theta, X_now, y_now, np.arange(first, first + size))
            path.append(theta.copy())
            k += 1
    return np.stack(path)
""",
        "q6": """
class Schedule:
    def __init__(self, lr, curvature, hold):
        self.lr, self.curvature, self.hold = lr, curvature, hold
    def __call__(self, k):
        return self.lr if k < self.hold else 1 / (self.curvature * (k - self.hold) + 1 / self.lr)
def hold_then_fall(lr, curvature, square, variance):
    K = 0
    while (1 - lr * curvature) ** (2 * K) * square > lr * variance / (curvature * (2 - lr * curvature)):
        K += 1
    return Schedule(lr, curvature, K)
""",
    },
    "a running mean, an order that is used up": {
        "q2": """
def full_gradient(theta, X, y, batch_size):
    mean, seen, left = 0, 0, list(range(len(y)))
    while left:
        part, left = left[:batch_size], left[batch_size:]
        seen += len(part)
        mean = mean + (minibatch_gradient(theta, X, y, np.array(part)) - mean) * len(part) / seen
    return mean
""",
        "q3": """
def train(theta, X, y, schedule, epochs, batch_size, rng):
    path = [np.array(theta)]
    for _ in range(epochs):
        left = rng.permutation(len(X))
        while len(left):
            batch, left = left[:batch_size], left[batch_size:]
            path += [path[-1] - schedule(len(path) - 1) * minibatch_gradient(path[-1], X, y, batch)]
    return np.array(path)
""",
        "q4": """
def bias(estimate, theta, X, y, batch_size):
    batches = set(frozenset(p) for p in itertools.permutations(range(len(y)), batch_size))
    off = [estimate(theta, X, y, np.array(sorted(b))) for b in batches]
    return np.average(off, axis=0) - full_gradient(theta, X, y, len(y))
""",
    },
    "every order of every minibatch, a covariance": {
        "q1": """
def minibatch_gradient(theta, X, y, batch):
    rows = np.take(X, batch, axis=0)
    return np.einsum("ij,i->j", rows, rows.dot(theta) - np.take(y, batch)) / np.size(batch)
""",
        "q4": """
def bias(estimate, theta, X, y, batch_size):
    orders = itertools.permutations(range(len(y)), batch_size)
    estimates = [estimate(theta, X, y, np.array(order)) for order in orders]
    return np.mean(estimates, 0) - full_gradient(theta, X, y, 2)
""",
        "q5": """
def variance(G, batch_size, replace):
    n = len(G)
    sample = np.trace(np.atleast_2d(np.cov(G.T)))
    return sample * (n - 1) / n / batch_size if replace else sample * (1 - batch_size / n) / batch_size
""",
        "q6": """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / (2 * curvature - lr * curvature**2)
    K = next(k for k in itertools.count() if (1 - lr * curvature) ** (2 * k) * square <= plateau)
    return lambda k: min(lr, 1 / (curvature * (k - K) + 1 / lr)) if k > K else lr
""",
    },
    "lists, counted binomials, logarithms": {
        "q1": """
def minibatch_gradient(theta, X, y, batch):
    return np.average([(x @ theta - t) * x for x, t in zip(X[batch], y[batch])], axis=0)
""",
        "q2": """
def full_gradient(theta, X, y, batch_size):
    n = y.size
    full, rest = divmod(n, batch_size)
    g = sum(batch_size * minibatch_gradient(theta, X, y, np.arange(batch_size) + i * batch_size) for i in range(full))
    if rest:
        g = g + rest * minibatch_gradient(theta, X, y, np.arange(n - rest, n))
    return g / n
""",
        "q3": """
def train(theta, X, y, schedule, epochs, batch_size, rng):
    n = len(X)
    rates = [schedule(k) for k in range(epochs * -(-n // batch_size))]
    path, now = theta[None, :], theta
    for k, rate in enumerate(rates):
        at = k * batch_size if not k else at
        if k % -(-n // batch_size) == 0:
            order, at = rng.permutation(np.arange(n)), 0
        now = now - rate * minibatch_gradient(now, X, y, order[at : at + batch_size])
        at += batch_size
        path = np.vstack([path, now])
    return path
""",
        "q4": """
from itertools import combinations
from math import comb
def bias(estimate, theta, X, y, batch_size):
    n = y.shape[0]
    total = np.zeros_like(theta)
    for b in combinations(range(n), batch_size):
        total = total + np.asarray(estimate(theta, X, y, np.array(b, dtype=np.int32)))
    return total / comb(n, batch_size) - X.T @ (X @ theta - y) / n
""",
        "q5": """
def variance(G, batch_size, replace):
    trace = (G**2).sum(axis=1).mean() - (G.mean(axis=0) ** 2).sum()
    if not replace:
        trace *= (len(G) - batch_size) / (len(G) - 1)
    return trace / batch_size
""",
        "q6": """
import math
def hold_then_fall(lr, curvature, square, variance):
    V, keep = lr * variance / (curvature * (2 - lr * curvature)), 1 - lr * curvature
    K = 0 if square <= V else math.ceil(0.5 * math.log(V / square, keep))
    return lambda k: 1.0 / (1.0 / lr + curvature * max(0, k - K))
""",
    },
}

# Question (or questions) lost, the source, and what the visible check must say: None where only the hidden one sees it.
WRONG: dict[str, tuple[str, str, str | None]] = {
    "a sum": (
        "q1",
        GRADIENT.replace(" / len(rows)", ""),
        "items 0 and 2 at index 0: expected 3.5, got 7.*The mean over the two",
    ),
    "a mean over all items": (
        "q1",
        GRADIENT.replace("len(rows)", "len(y)"),
        "of item 0, .* at index 0: expected -1, got -0.333",
    ),
    "truth minus prediction": (
        "q1",
        GRADIENT.replace("rows @ theta - targets", "targets - rows @ theta"),
        "of item 0, .* at index 0: expected -1, got 1. The line says.*Book: Linear regression",
    ),
    "twice the error": ("q1", GRADIENT.replace("return ", "return 2 * "), "at index 0: expected -1, got -2"),
    "all items, whatever the minibatch": (
        "q1",
        """
def minibatch_gradient(theta, X, y, batch):
    return X.T @ (X @ theta - y) / len(y)
""",
        "of item 0, .* at index 0: expected -1, got 2.33",
    ),
    "all items, with weights of nought": (
        "q1",
        """
def minibatch_gradient(theta, X, y, batch):
    weights = np.bincount(batch, minlength=len(y))
    return X.T @ (weights * (X @ theta - y)) / len(batch)
""",
        "the other one unknown at index 0: expected 3.5, got nan.*Take",
    ),
    "a mask, so that no item counts twice": (
        "q1",
        """
def minibatch_gradient(theta, X, y, batch):
    chosen = np.zeros(len(y), dtype=bool)
    chosen[batch] = True
    return X[chosen].T @ (X[chosen] @ theta - y[chosen]) / chosen.sum()
""",
        "items 2, 0, 2 at index 0: expected 5, got 3.5. Item 2 stands there twice",
    ),
    "the first items for the named ones": (
        "q1",
        GRADIENT.replace("X[batch], y[batch]", "X[: len(batch)], y[: len(batch)]"),
        "items 0 and 2 at index 0: expected 3.5, got -0.5",
    ),
    "the first coordinate by heart": (
        "q1",
        """
def minibatch_gradient(theta, X, y, batch):
    rows = X[batch]
    errors = rows @ theta - y[batch]
    return np.array([np.mean(errors * rows[:, 0]), np.mean(errors)] + [0.0] * (X.shape[1] - 2))
""",
        None,
    ),
    "parts without weights": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    n = len(y)
    starts = range(0, n, batch_size)
    return np.mean([minibatch_gradient(theta, X, y, np.arange(s, min(s + batch_size, n))) for s in starts], axis=0)
""",
        "n = 5, batch_size = 2: the result.*expected 30, got 33.33.*its weight is 1/5.*Book: Batch",
    ),
    "the weight of a full part for the last one": (
        "q2",
        FULL.replace("len(part) / n", "batch_size / n"),
        "n = 4, batch_size = 9: the result.*expected 25, got 56.25",
    ),
    "a sum of parts": (
        "q2",
        FULL.replace("len(part) / n * ", ""),
        "n = 4, batch_size = 2: the result.*expected 25, got 50. The parts say 15 and 35",
    ),
    "the last part left out": (
        "q2",
        FULL.replace("range(0, n, batch_size)", "range(0, n - batch_size + 1, batch_size)").replace(
            "    return",
            "    if batch_size > n:\n        return minibatch_gradient(theta, X, y, np.arange(n))\n    return",
        ),
        "n = 5, batch_size = 2: the sizes .*together: expected 5, got 4. Every item counts",
    ),
    "all items at once": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    return minibatch_gradient(theta, X, y, np.arange(len(y)))
""",
        "n = 4, batch_size = 2: .*, the largest: expected 2, got 4",
    ),
    "one item at a time": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    return np.mean([minibatch_gradient(theta, X, y, np.array([i])) for i in range(len(y))], axis=0)
""",
        "n = 4, batch_size = 4: .*, the largest: expected 4, got 1",
    ),
    "the formula for everything": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    for first in range(0, len(y), batch_size):
        minibatch_gradient(theta, X, y, np.arange(first, min(first + batch_size, len(y))))
    return X.T @ (X @ theta - y) / len(y)
""",
        "n = 4, batch_size = 4: the result, with the mean of y for a gradient at index 0: expected 25",
    ),
    "the last part filled up from the start": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    n, batch_size = len(y), min(batch_size, len(y))
    starts = range(0, n, batch_size)
    return np.mean([minibatch_gradient(theta, X, y, np.arange(s, s + batch_size) % n) for s in starts], axis=0)
""",
        "n = 5, batch_size = 2: the sizes .*together: expected 5, got 6",
    ),
    "weights for a few items only": (
        "q2",
        FULL.replace("len(part) / n *", "(len(part) / n if n < 8 else 1 / -(-n // batch_size)) *"),
        None,
    ),
    "the start overwritten": (
        "q3",
        TRAIN.replace("theta = theta - schedule", "theta -= schedule").replace("append(theta)", "append(theta.copy())"),
        "`train` changed its input theta from",
    ),
    "one array in all rows": (
        "q3",
        TRAIN.replace("path, k = [theta]", "theta = theta.copy()\n    path, k = [theta]").replace(
            "theta = theta - schedule", "theta -= schedule"
        ),
        "the path at index .*: expected 6, got 0.857.*an array of its own",
    ),
    "uphill": ("q3", TRAIN.replace("theta - schedule", "theta + schedule"), "the path at .*: expected 3, got 9"),
    "no start in the path": (
        "q3",
        TRAIN.replace("path, k = [theta]", "path, k = []"),
        r"the path: expected shape \(7, 2\), got shape \(6, 2\)",
    ),
    "theta at the end only": (
        "q3",
        TRAIN.replace("np.array(path)", "theta"),
        r"the path: expected shape \(7, 2\), got shape \(2,\)",
    ),
    "shuffled once for all epochs": (
        "q3",
        TRAIN.replace("        order = rng.permutation(len(y))\n", "").replace(
            "path, k", "order = rng.permutation(len(y))\n    path, k"
        ),
        "how often `rng.permutation` is asked: expected 2, got 1. Each epoch has an order of its own",
    ),
    "shuffled in every step": (
        "q3",
        TRAIN.replace("batch = order", "batch = rng.permutation(len(y))"),
        "more than 2 orders, one an epoch",
    ),
    "drawn with replacement": (
        "q3",
        TRAIN.replace("batch = order[first : first + batch_size]", "batch = rng.integers(len(y), size=batch_size)"),
        "`rng.integers` was asked for. An epoch is .*each item once",
    ),
    "minibatches drawn by choice": (
        "q3",
        TRAIN.replace("batch = order[first : first + batch_size]", "batch = rng.choice(len(y), batch_size, False)"),
        "`rng.choice` was asked for",
    ),
    "a generator of its own": (
        "q3",
        TRAIN.replace("path, k", "rng = np.random.default_rng(0)\n    path, k"),
        "how often `rng.permutation` is asked: expected 2, got 0. .*and from no other",
    ),
    "not shuffled": (
        "q3",
        TRAIN.replace("rng.permutation(len(y))", "np.arange(len(y))"),
        "how often `rng.permutation` is asked: expected 2, got 0",
    ),
    "asked for an order, and not followed": (
        "q3",
        TRAIN.replace("batch = order[first : first + batch_size]", "batch = np.arange(len(y))[first:][:batch_size]"),
        "the y of the items that step 1 reads at index 1: expected 30, got 10",
    ),
    "the last minibatch dropped": (
        "q3",
        TRAIN.replace("range(0, len(y), batch_size)", "range(0, len(y) - batch_size + 1, batch_size)"),
        "how often `minibatch_gradient` is asked: expected 6, got 4. .*the last one has a car in it",
    ),
    "the last minibatch filled up": (
        "q3",
        TRAIN.replace(
            "order[first : first + batch_size]", "np.take(order, range(first, first + batch_size), mode='wrap')"
        ),
        r"that step 3 reads: expected shape \(1,\), got shape \(2,\)",
    ),
    "the whole set in disguise": (
        "q3",
        TRAIN.replace("minibatch_gradient(theta, X, y, batch)", "minibatch_gradient(theta, X, y, order)"),
        r"that step 1 reads: expected shape \(2,\), got shape \(5,\)",
    ),
    "targets of other items": (
        "q3",
        TRAIN.replace(
            "minibatch_gradient(theta, X, y, batch)", "minibatch_gradient(theta, X[batch], y, np.arange(len(batch)))"
        ),
        "the y of the items that step 1 reads at index 1: expected 30, got 10",
    ),
    "one step an epoch": (
        "q3",
        TRAIN.replace("            theta = ", "        theta = ")
        .replace("            path", "        path")
        .replace("            k +=", "        k +="),
        "how often `minibatch_gradient` is asked: expected 6, got 2",
    ),
    "a schedule by epochs": (
        "q3",
        TRAIN.replace("schedule(k)", "schedule(epoch)"),
        r"what `schedule` is asked for: expected shape \(6,\), got shape \(2,\), \[0, 1\].*",
    ),
    "steps counted anew in each epoch": (
        "q3",
        TRAIN.replace("        order =", "        k = 0\n        order ="),
        r"what `schedule` is asked for: expected shape \(6,\), got shape \(3,\)",
    ),
    "the rate lowered before the first step": (
        "q3",
        TRAIN.replace("schedule(k)", "schedule(k + 1)"),
        r"what `schedule` is asked for at index 0: expected 0, got 1.*begins with schedule\(0\)",
    ),
    "one rate for all steps": (
        "q3",
        TRAIN.replace("schedule(k)", "schedule(0)"),
        r"what `schedule` is asked for: expected shape \(6,\)",
    ),
    "all gradients at the start": (
        "q3",
        TRAIN.replace("minibatch_gradient(theta", "minibatch_gradient(path[0]"),
        "the path at .*: expected 2, got 1",
    ),
    "an epoch's gradients at its start": (
        "q3",
        TRAIN.replace("        order =", "        begin = theta\n        order =").replace(
            "minibatch_gradient(theta", "minibatch_gradient(begin"
        ),
        "the path at .*: expected 2, got 1",
    ),
    "at least one epoch": ("q3", TRAIN.replace("range(epochs)", "range(max(1, epochs))"), None),
    "two columns only": (
        "q3",
        TRAIN.replace("np.array(path)", "np.array(path)[:, :2]"),
        None,
    ),
    "the suspect for a witness": (
        "q4",
        BIAS.replace("- minibatch_gradient", "- estimate"),
        "the bias of the sum, batch_size = 2 at index 0: expected 3, got -3.*It is yours to compute",
    ),
    "the disjoint parts of one epoch": (
        "q4",
        """
def bias(estimate, theta, X, y, batch_size):
    n = len(y)
    parts = [np.arange(s, min(s + batch_size, n)) for s in range(0, n, batch_size)]
    estimates = [estimate(theta, X, y, part) for part in parts]
    mean = np.average(estimates, axis=0, weights=[len(part) for part in parts])
    return mean - minibatch_gradient(theta, X, y, np.arange(n))
""",
        "how many different minibatches of two were tried: expected 3, got",
    ),
    "drawn with replacement, all lists": (
        "q4",
        BIAS.replace(
            "itertools.combinations(range(len(y)), batch_size)", "itertools.product(range(len(y)), repeat=batch_size)"
        ),
        "how many different minibatches of two were tried: expected 3, got 6",
    ),
    "combinations with replacement": (
        "q4",
        BIAS.replace("combinations", "combinations_with_replacement"),
        "how many different minibatches of two were tried: expected 3, got 6",
    ),
    "neighbours only": (
        "q4",
        """
def bias(estimate, theta, X, y, batch_size):
    n = len(y)
    rings = [(np.arange(batch_size) + i) % n for i in range(n)]
    mean = np.mean([estimate(theta, X, y, ring) for ring in rings], axis=0)
    return mean - minibatch_gradient(theta, X, y, np.arange(n))
""",
        None,
    ),
    "a thousand draws": (
        "q4",
        """
def bias(estimate, theta, X, y, batch_size):
    rng, n = np.random.default_rng(0), len(y)
    draws = [estimate(theta, X, y, rng.permutation(n)[:batch_size]) for _ in range(1000)]
    return np.mean(draws, axis=0) - minibatch_gradient(theta, X, y, np.arange(n))
""",
        "the bias of the mean, batch_size = 2 at index 0: expected 0, got",
    ),
    "truth minus estimate": (
        "q4",
        BIAS.replace("return total / count -", "return -total / count +"),
        "the bias of the sum, .*expected 3, got -3.*The order is estimate minus truth",
    ),
    "no truth at all": (
        "q4",
        BIAS.replace("- minibatch_gradient(theta, X, y, np.arange(len(y)))", ""),
        "the bias of the mean, batch_size = 2 at index 0: expected 0, got 3",
    ),
    "a sum over minibatches": (
        "q4",
        BIAS.replace("total / count", "total"),
        "the bias of the mean, batch_size = 2 at index 0: expected 0, got 6",
    ),
    "one's own gradient for every estimate": (
        "q4",
        BIAS.replace("estimate(theta", "minibatch_gradient(theta"),
        "how many different minibatches of two were tried: expected 3, got 0",
    ),
    "tuples": ("q4", BIAS.replace("np.array(chosen)", "chosen"), r"was given the tuple \(0, 1\) for a batch"),
    "a size": (
        "q4",
        BIAS.replace("return total", "return abs(total").replace("len(y)))\n", "len(y))))\n"),
        "expected -0.5, got 0.5",
    ),
    "a sample's variance": (
        "q5",
        VARIANCE.replace("axis=0)) ** 2) / n", "axis=0)) ** 2) / (n - 1)"),
        "batch_size = 1, with replacement, .*: expected 5.5, got 7.333",
    ),
    "a mean over the coordinates": (
        "q5",
        VARIANCE.replace("np.sum((G - G.mean(axis=0)) ** 2) / n", "np.mean((G - G.mean(axis=0)) ** 2)"),
        "batch_size = 1, with replacement, .*: expected 5.5, got 2.75",
    ),
    "off one mean of everything": (
        "q5",
        VARIANCE.replace("G.mean(axis=0)", "G.mean()"),
        "batch_size = 1, with replacement, .*: expected 5.5, got",
    ),
    "a number for each coordinate": (
        "q5",
        VARIANCE.replace("np.sum((G - G.mean(axis=0)) ** 2) / n", "G.var(axis=0)"),
        "expected a number, got",
    ),
    "the same with and without": (
        "q5",
        VARIANCE.replace("1 if replace else (n - batch_size) / (n - 1)", "1"),
        "batch_size = 4, without replacement, .*: expected 0, got 1.375. .*nothing left to chance",
    ),
    "with and without swapped": (
        "q5",
        VARIANCE.replace("if replace", "if not replace"),
        "batch_size = 2, with replacement, .*: expected 2.75, got 1.83",
    ),
    "n for n - 1": (
        "q5",
        VARIANCE.replace("(n - batch_size) / (n - 1)", "(n - batch_size) / n"),
        "batch_size = 1, without replacement, .*: expected 5.5, got 4.125",
    ),
    "a spread for a variance": (
        "q5",
        VARIANCE.replace("return trace / batch_size * factor", "return (trace / batch_size * factor) ** 0.5"),
        "batch_size = 1, with replacement, .*: expected 5.5, got 2.345",
    ),
    "the square of the batch size": (
        "q5",
        VARIANCE.replace("trace / batch_size", "trace / batch_size**2"),
        "batch_size = 2, with replacement, .*: expected 2.75, got 1.375",
    ),
    "never more than n": (
        "q5",
        VARIANCE.replace("    n = len(G)", "    n = len(G)\n    batch_size = min(batch_size, n)"),
        "batch_size = 8, with replacement, .*: expected 0.6875, got 1.375",
    ),
    "all minibatches listed": (
        "q5",
        """
def variance(G, batch_size, replace):
    n = len(G)
    ways = itertools.product(range(n), repeat=batch_size) if replace else itertools.combinations(range(n), batch_size)
    return np.mean([np.sum((G[list(w)].mean(axis=0) - G.mean(axis=0)) ** 2) for w in ways])
""",
        "`variance` lists minibatches",
    ),
    "numbers learned by heart": (
        "q5",
        """
def variance(G, batch_size, replace):
    known = {(1, True): 5.5, (1, False): 5.5, (2, True): 2.75, (8, True): 0.6875, (2, False): 11 / 6}
    return known.get((batch_size, replace), 0.0)
""",
        None,
    ),
    "two coordinates": ("q5", VARIANCE.replace("(G - G.mean(axis=0))", "(G - G.mean(axis=0))[:, :2]"), None),
    "the rate for a schedule": (
        "q6",
        """
def hold_then_fall(lr, curvature, square, variance):
    return lr
""",
        "expected a function of k, got 0.5",
    ),
    "a constant rate": (
        "q6",
        """
def hold_then_fall(lr, curvature, square, variance):
    return lambda k: lr
""",
        "the fall: .*the rate at k = 5: expected 0.2, got 0.5",
    ),
    "a fall from the first step on": (
        "q6",
        SCHEDULE.replace("while left > plateau", "while False"),
        "the hold: .*the rate at k = 1: expected 0.5, got 0.333.*below the plateau at K = 2",
    ),
    "a fall before the first step": (
        "q6",
        SCHEDULE.replace("k <= K", "k < K").replace("(k - K)", "(k - K + 1)"),
        "the hold: .*the rate at k = 2: expected 0.5, got 0.333",
    ),
    "a step late": (
        "q6",
        SCHEDULE.replace("(k - K)", "(k - K - 1)"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.25",
    ),
    "a start that fades without the square": (
        "q6",
        SCHEDULE.replace(" ** 2", ""),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.333",
    ),
    "a jump down to 1/(λ k)": (
        "q6",
        SCHEDULE.replace("curvature * (k - K) + 1 / lr", "curvature * (k + 1)"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.1666",
    ),
    "a curvature forgotten in the fall": (
        "q6",
        SCHEDULE.replace("1 / (curvature * (k - K) + 1 / lr)", "1 / ((k - K) + 1 / lr)"),
        "twice the curvature: .*the rate at k = 4: expected 0.1666666667, got 0.2",
    ),
    "a curvature forgotten in the plateau": (
        "q6",
        SCHEDULE.replace("(curvature * (2 - lr * curvature))", "(2 - lr * curvature)"),
        "twice the curvature: .*the rate at k = 3: expected 0.25, got 0.166",
    ),
    "a plateau of 1": (
        "q6",
        SCHEDULE.replace("lr * variance / (curvature * (2 - lr * curvature))", "1.0"),
        None,
    ),
    "a fall that began before the start": (
        "q6",
        """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / (curvature * (2 - lr * curvature))
    K = np.ceil(np.log(plateau / square) / (2 * np.log(1 - lr * curvature)))
    return lambda k: lr if k <= K else 1 / (curvature * (k - K) + 1 / lr)
""",
        "a start on the plateau: .*the rate at k = 0: expected 0.5, got 0.333",
    ),
    "the rate squared in the plateau": (
        "q6",
        SCHEDULE.replace("lr * variance", "lr**2 * variance"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.25",
    ),
    "the plateau for small rates": (
        "q6",
        SCHEDULE.replace("(curvature * (2 - lr * curvature))", "(2 * curvature)"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.25",
    ),
    "a fall by a factor": (
        "q6",
        SCHEDULE.replace("1 / (curvature * (k - K) + 1 / lr)", "lr * (2 / 3) ** (k - K)"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.148",
    ),
    "a fall like the root of k": (
        "q6",
        SCHEDULE.replace("curvature * (k - K) + 1 / lr", "(curvature * (k - K) + 1 / lr**2) ** 0.5"),
        "the fall: .*the rate at k = 5: expected 0.2, got 0.37",
    ),
    "never held for more than five steps": (
        "q6",
        SCHEDULE.replace("while left > plateau", "while left > plateau and K < 5"),
        "a long way: .*the rate at k = 2302: expected 0.001, got",
    ),
    "a schedule that counts its calls": (
        "q6",
        """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / (curvature * (2 - lr * curvature))
    state = {"left": square, "rate": lr}
    def schedule(k):
        rate = state["rate"]
        if state["left"] <= plateau:
            state["rate"] = 1 / (1 / rate + curvature)
        state["left"] *= (1 - lr * curvature) ** 2
        return rate
    return schedule
""",
        "the hold: .*the rate at k = 0: expected 0.5, got 0.333.*A schedule looks at k alone",
    ),
    "each item of a minibatch once": (
        "q1",
        GRADIENT.replace("rows, targets", "batch = np.unique(batch)\n    rows, targets"),
        "items 2, 0, 2 at index 0: expected 5, got 3.5",
    ),
    "a column for the gradient": (
        "q1",
        GRADIENT.replace("rows @ theta - targets", "rows @ theta[:, None] - targets[:, None]"),
        r"of item 0, .*expected shape \(2,\), got shape \(2, 1\)",
    ),
    "parts as equal as can be": (
        "q2",
        """
def full_gradient(theta, X, y, batch_size):
    parts = np.array_split(np.arange(len(y)), -(-len(y) // batch_size))
    return sum(len(part) * minibatch_gradient(theta, X, y, part) for part in parts) / len(y)
""",
        "n = 7, batch_size = 3: .*, the smallest: expected 1, got 2. .*as large as they may be",
    ),
    "an array shuffled by another method": (
        "q3",
        TRAIN.replace("order = rng.permutation(len(y))", "order = np.arange(len(y))\n        rng.shuffle(order)"),
        "`rng.shuffle` was asked for. .*another way to shuffle.*may be another run",
    ),
    "last epoch's order shuffled on": (
        "q3",
        TRAIN.replace("path, k", "order = np.arange(len(y))\n    path, k").replace(
            "rng.permutation(len(y))", "rng.permutation(order)"
        ),
        "`rng.permutation` was asked for array.*the order of n items is",
    ),
    "the rows shuffled, the targets not": (
        "q3",
        TRAIN.replace(
            "batch = order[first : first + batch_size]", "batch = np.arange(len(y))[first:][:batch_size]"
        ).replace("minibatch_gradient(theta, X, y", "minibatch_gradient(theta, X[order], y"),
        "the y of the items that step 1 reads at index 1: expected 30, got 10",
    ),
    "a row for each epoch": (
        "q3",
        TRAIN.replace(
            "            path.append(theta)\n            k += 1", "            k += 1\n        path.append(theta)"
        ),
        r"the path: expected shape \(7, 2\), got shape \(3, 2\)",
    ),
    "a median": (
        "q4",
        """
def bias(estimate, theta, X, y, batch_size):
    estimates = [estimate(theta, X, y, np.array(b)) for b in itertools.combinations(range(len(y)), batch_size)]
    return np.median(estimates, axis=0) - minibatch_gradient(theta, X, y, np.arange(len(y)))
""",
        "the bias of the mean, batch_size = 2 at index 0: expected 0, got 0.5",
    ),
    "a summed truth": (
        "q4",
        BIAS.replace("- minibatch_gradient(theta, X, y, np.arange(len(y)))", "- X.T @ (X @ theta - y)"),
        "the bias of the mean, batch_size = 2 at index 0: expected 0, got -6",
    ),
    "all minibatches listed, by a name of its own": (
        "q5",
        """
from itertools import combinations as choose, product
def variance(G, batch_size, replace):
    n = len(G)
    ways = product(range(n), repeat=batch_size) if replace else choose(range(n), batch_size)
    return np.mean([np.sum((G[list(w)].mean(axis=0) - G.mean(axis=0)) ** 2) for w in ways])
""",
        "`variance` lists minibatches",
    ),
    "off zero, not off the mean": (
        "q5",
        VARIANCE.replace("G - G.mean(axis=0)", "G"),
        "batch_size = 1, with replacement, .*: expected 5.5, got 14.5",
    ),
    "a distance, then squared": (
        "q5",
        VARIANCE.replace(
            "np.sum((G - G.mean(axis=0)) ** 2) / n", "np.mean(np.linalg.norm(G - G.mean(axis=0), axis=1)) ** 2"
        ),
        "batch_size = 1, with replacement, .*: expected 5.5, got 3.8",
    ),
    "rounded down to whole steps": (
        "q6",
        """
def hold_then_fall(lr, curvature, square, variance):
    plateau = lr * variance / (curvature * (2 - lr * curvature))
    K = max(0, int(np.log(plateau / square) / (2 * np.log(1 - lr * curvature))))
    return lambda k: lr if k <= K else 1 / (curvature * (k - K) + 1 / lr)
""",
        "the hold: .*the rate at k = 2: expected 0.5, got 0.333",
    ),
    "a list for a function": (
        "q6",
        SCHEDULE.replace("return schedule", "return [schedule(k) for k in range(5000)]"),
        "expected a function of k, got",
    ),
    "five thousand rates, and then the last": (
        "q6",
        SCHEDULE.replace("def schedule(k):", "def schedule(k):\n        k = min(k, 5000)"),
        None,
    ),
}

THROUGH_GRADING = ["parts without weights", "slices of the data, a copy written into"]
