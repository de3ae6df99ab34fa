"""Right and wrong answers to the assignment momentum-and-nesterov."""

MOMENTUM = """
def momentum_step(theta, v, g, lr, beta):
    v = beta * v + g
    return theta - lr * v, v
"""
NESTEROV = """
def nesterov_step(theta, v, slope, lr, beta):
    ahead = theta - lr * beta * v
    v = beta * v + slope(ahead)
    return theta - lr * v, v
"""
CONVERT = """
def convert(lr, v, beta, old, new):
    if old == "b":
        v = -v / lr
    if old == "c":
        lr, v = lr * (1 - beta), v / (1 - beta)
    if new == "b":
        return lr, -lr * v
    if new == "c":
        return lr / (1 - beta), (1 - beta) * v
    return lr, v.copy()
"""
FACTOR = """
def factor(lr, beta, curvature):
    half = (1 + beta - lr * curvature) / 2
    root = np.sqrt(half**2 - beta + 0j)
    return max(abs(half + root), abs(half - root))
"""
BEST = """
def best_setting(curvatures, lr=None):
    a, b = np.sqrt(curvatures.min()), np.sqrt(curvatures.max())
    if lr is None:
        return (2 / (a + b)) ** 2, ((b - a) / (b + a)) ** 2
    return lr, max((1 - np.sqrt(lr) * a) ** 2, (1 - np.sqrt(lr) * b) ** 2)
"""
STEPS = """
def steps_needed(slope, theta, lr, beta, tolerance, limit):
    v = np.zeros(theta.shape)
    for t in range(limit):
        g = slope(theta)
        if np.sqrt((g**2).sum()) <= tolerance:
            return t
        theta, v = momentum_step(theta, v, g, lr, beta)
    return limit
"""

RIGHT: dict[str, dict[str, str]] = {
    "formulas throughout": {"q1": MOMENTUM, "q2": NESTEROV, "q3": CONVERT, "q4": FACTOR, "q5": BEST, "q6": STEPS},
    "Nesterov by way of momentum": {
        "q1": """
def momentum_step(theta, v, g, lr, beta):
    new = np.add(np.multiply(beta, v), g)
    return np.subtract(theta, np.multiply(lr, new)), new
""",
        "q2": """
def nesterov_step(theta, v, slope, lr, beta):
    return momentum_step(theta, v, slope(theta - lr * (beta * v)), lr, beta)
""",
        "q4": """
def factor(lr, beta, curvature):
    matrix = np.array([[beta, curvature], [-lr * beta, 1 - lr * curvature]])
    return max(abs(np.linalg.eigvals(matrix)))
""",
    },
    "copies, written into": {
        "q1": """
def momentum_step(theta, v, g, lr, beta):
    theta, v = theta.copy(), v.copy()
    v *= beta
    v += g
    theta -= lr * v
    return theta, v
""",
        "q2": """
def nesterov_step(theta, v, slope, lr, beta):
    theta, v = theta.copy(), v.copy()
    v *= beta
    theta -= lr * v
    g = slope(theta)
    theta -= lr * g
    v += g
    return theta, v
""",
    },
    "a table of factors, cmath and a while loop": {
        "q3": """
def convert(lr, v, beta, old, new):
    rates = {"a": 1, "b": 1, "c": 1 / (1 - beta)}
    a_rate = lr / rates[old]
    velocities = {"a": 1, "b": -a_rate, "c": 1 - beta}
    return a_rate * rates[new], v * (velocities[new] / velocities[old])
""",
        "q4": """
import cmath
def factor(lr, beta, curvature):
    trace = 1 + beta - lr * curvature
    root = cmath.sqrt(trace**2 - 4 * beta)
    return max(abs(trace + root), abs(trace - root)) / 2
""",
        "q6": """
def steps_needed(slope, theta, lr, beta, tolerance, limit):
    v, steps = 0 * theta, 0
    while steps < limit and not np.linalg.norm(slope(theta)) <= tolerance:
        theta, v = momentum_step(theta, v, slope(theta), lr, beta)
        steps += 1
    return steps
""",
    },
    "cases for the factor, a sort for the pair": {
        "q4": """
def factor(lr, beta, curvature):
    trace = 1 + beta - lr * curvature
    under = trace**2 - 4 * beta
    if under < 0:
        return beta**0.5
    return (abs(trace) + under**0.5) / 2
""",
        "q5": """
def best_setting(curvatures, lr=None):
    roots = sorted(np.sqrt(curvatures))
    if lr is None:
        kappa = (roots[-1] / roots[0]) ** 2
        beta = ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)) ** 2
        return (1 - np.sqrt(beta)) ** 2 / roots[0] ** 2, beta
    return lr, max((1 - lr**0.5 * root) ** 2 for root in roots)
""",
    },
    "the pair by two linear equations, a count that stops early": {
        "q3": """
def convert(lr, v, beta, old, new):
    if old == new:
        return lr, np.array(v)
    if new == "a":
        return (lr, v / -lr) if old == "b" else (lr * (1 - beta), v / (1 - beta))
    if old == "a":
        return (lr, v * -lr) if new == "b" else (lr / (1 - beta), v * (1 - beta))
    return convert(*convert(lr, v, beta, old, "a"), beta, "a", new)
""",
        "q5": """
def best_setting(curvatures, lr=None):
    low, high = np.sqrt([curvatures.min(), curvatures.max()])
    if lr is None:
        s, r = np.linalg.solve([[low, 1.0], [high, -1.0]], [1.0, 1.0])
        return s**2, r**2
    return lr, np.abs(1 - np.sqrt(lr * np.array(list(curvatures)))).max() ** 2
""",
        "q6": """
def steps_needed(slope, theta, lr, beta, tolerance, limit):
    v = np.zeros_like(theta)
    for t in range(limit):
        norm = np.linalg.norm(slope(theta))
        if norm <= tolerance:
            return t
        if not np.isfinite(norm):
            break
        theta, v = momentum_step(theta, v, slope(theta), lr, beta)
    return limit
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    "uphill": (
        "q1",
        MOMENTUM.replace("theta - lr", "theta + lr"),
        "a first step.*the part of theta at index 0: expected 0.6, got 1.4.*downhill",
    ),
    "an average": (
        "q1",
        MOMENTUM.replace("+ g", "+ (1 - beta) * g"),
        "a first step.*the part of theta at index 0: expected 0.6, got 0.8",
    ),
    "the old velocity moves the ball": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    return theta - lr * v, beta * v + g
""",
        "a first step.*the part of theta at index 0: expected 0.6, got 1",
    ),
    "the rate in the velocity": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    v = beta * v - lr * g
    return theta + v, v
""",
        "the part of v at index 0: expected 4, got -0.4",
    ),
    "friction on the slope, too": (
        "q1",
        MOMENTUM.replace("beta * v + g", "beta * (v + g)"),
        "a first step.*expected 0.6, got 0.8",
    ),
    "no memory": ("q1", MOMENTUM.replace("beta * v + g", "g"), "a second step.*: expected 0.2, got 0.4.*Half of v"),
    "no friction": ("q1", MOMENTUM.replace("beta * v", "v"), "a second step.*: expected 0.2, got "),
    "the state written into": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    v *= beta
    v += g
    return theta - lr * v, v
""",
        r"`momentum_step` changed its input v from \[0.0, 0.0\] to \[4.0, -2.0\]",
    ),
    "theta written into": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    v = beta * v + g
    theta -= lr * v
    return theta, v
""",
        "`momentum_step` changed its input theta from",
    ),
    "v before theta": (
        "q1",
        MOMENTUM.replace("theta - lr * v, v", "v, theta - lr * v"),
        "the part of theta at index 0: expected 0.6, got 4",
    ),
    "theta alone": ("q1", MOMENTUM.replace("lr * v, v", "lr * v"), "expected a pair, theta and v, got"),
    "float32": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    v = (beta * v + g).astype(np.float32)
    return (theta - lr * v).astype(np.float32), v
""",
        "expected dtype float64, the one that came in, got float32",
    ),
    "torch.optim": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    p = torch.tensor(theta, requires_grad=True)
    p.grad = torch.tensor(g)
    optimizer = torch.optim.SGD([p], lr=lr, momentum=beta)
    optimizer.state[p]["momentum_buffer"] = torch.tensor(v)
    optimizer.step()
    return p.detach().numpy(), optimizer.state[p]["momentum_buffer"].numpy()
""",
        "calls the library's own `SGD`.*two lines of arithmetic",
    ),
    "the course's package": (
        "q1",
        """
import gdcourse
def momentum_step(theta, v, g, lr, beta):
    rule = gdcourse.Momentum(lr=lr, beta=beta)
    delta, state = rule.update(g, gdcourse.Momentum.State(v), theta)
    return theta + delta, state.v
""",
        "calls the library's own `Momentum`",
    ),
    "right at the checks' numbers only": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    beta = beta if theta.ndim == 1 else 0.9
    v = beta * v + g
    return theta - lr * v, v
""",
        None,
    ),
    "beta by heart": (
        "q1",
        """
def momentum_step(theta, v, g, lr, beta):
    v = (0.5 if beta == 0.5 else 0.9) * v + g
    return theta - lr * v, v
""",
        None,
    ),
    "the slope where the ball stands": (
        "q2",
        NESTEROV.replace("slope(ahead)", "slope(theta)"),
        "the point whose slope is asked for at index 0: expected 0.9, got 1",
    ),
    "a look behind": (
        "q2",
        NESTEROV.replace("theta - lr * beta * v", "theta + lr * beta * v"),
        "the point whose slope is asked for at index 0: expected 0.9, got 1.1",
    ),
    "a look ahead without friction": (
        "q2",
        NESTEROV.replace("lr * beta * v", "lr * v"),
        "the point whose slope is asked for at index 0: expected 0.9, got 0.8",
    ),
    "a look ahead without the rate": (
        "q2",
        NESTEROV.replace("lr * beta * v", "beta * v"),
        "the point whose slope is asked for at index 0: expected 0.9, got 0",
    ),
    "a move from the point ahead": (
        "q2",
        NESTEROV.replace("return theta", "return ahead"),
        "the step from .*the part of theta at index 0: expected 0.54, got 0.44",
    ),
    "torch's form": (
        "q2",
        """
def nesterov_step(theta, v, slope, lr, beta):
    g = slope(theta)
    v = beta * v + g
    return theta - lr * (g + beta * v), v
""",
        "the point whose slope is asked for at index 0: expected 0.9, got 1",
    ),
    "two questions": (
        "q2",
        """
def nesterov_step(theta, v, slope, lr, beta):
    g = slope(theta)
    v = beta * v + slope(theta - lr * beta * v)
    return theta - lr * v, v
""",
        "how often a step asks for the slope: expected 1, got 2",
    ),
    "a look ahead in place": (
        "q2",
        """
def nesterov_step(theta, v, slope, lr, beta):
    theta -= lr * beta * v
    g = slope(theta)
    return theta - lr * g, beta * v + g
""",
        "`nesterov_step` changed its input theta",
    ),
    "the old velocity ahead": (
        "q2",
        """
def nesterov_step(theta, v, slope, lr, beta):
    g = slope(theta - lr * beta * v)
    return theta - lr * v, beta * v + g
""",
        "the part of theta at index 0: expected 0.54, got 0.8",
    ),
    "momentum for all but flat problems": (
        "q2",
        """
def nesterov_step(theta, v, slope, lr, beta):
    g = slope(theta - lr * beta * v if len(theta) == 2 else theta)
    v = beta * v + g
    return theta - lr * v, v
""",
        None,
    ),
    "a sign lost on the way to b": (
        "q3",
        CONVERT.replace("-lr * v", "lr * v"),
        "from form a to form b, the part of v at index 0: expected -0.4, got 0.4",
    ),
    "b without the rate": (
        "q3",
        CONVERT.replace("-lr * v", "-v").replace("-v / lr", "-v"),
        "from form a to form b, the part of v at index 0: expected -0.4, got -4",
    ),
    "c: multiplied for divided": (
        "q3",
        CONVERT.replace("lr / (1 - beta), (1 - beta) * v", "lr * (1 - beta), (1 - beta) * v"),
        "from form a to form c, the part of the rate: expected 0.4, got 0.025",
    ),
    "c: the rate left alone": (
        "q3",
        CONVERT.replace("lr / (1 - beta), (1 - beta) * v", "lr, (1 - beta) * v"),
        "from form a to form c, the part of the rate: expected 0.4, got 0.1",
    ),
    "c: the velocity left alone": (
        "q3",
        CONVERT.replace("lr / (1 - beta), (1 - beta) * v", "lr / (1 - beta), v"),
        "from form a to form c, the part of v at index 0: expected 1, got 4",
    ),
    "from a only": (
        "q3",
        """
def convert(lr, v, beta, old, new):
    if new == "b":
        return lr, -lr * v
    if new == "c":
        return lr / (1 - beta), (1 - beta) * v
    return lr, v
""",
        "from form b to form a, the part of v at index 0: expected 4, got -0.4",
    ),
    "b to c without the way by a": (
        "q3",
        """
def convert(lr, v, beta, old, new):
    if (old, new) == ("a", "b"):
        return lr, -lr * v
    if (old, new) == ("b", "a"):
        return lr, -v / lr
    if new == "c" != old:
        return lr / (1 - beta), (1 - beta) * v
    if old == "c" != new:
        return lr * (1 - beta), v / (1 - beta)
    return lr, v.copy()
""",
        "from form b to form c, the part of v at index 0: expected 1, got -0.1",
    ),
    "the velocity rescaled in place": (
        "q3",
        """
def convert(lr, v, beta, old, new):
    if old == "b":
        v /= -lr
    elif old == "c":
        lr, v = lr * (1 - beta), v / (1 - beta)
    if new == "b":
        return lr, -lr * v
    if new == "c":
        return lr / (1 - beta), (1 - beta) * v
    return lr, v.copy()
""",
        "`convert` changed its input v",
    ),
    "the same array given back": ("q3", CONVERT.replace("v.copy()", "v"), None),
    "beta by heart, in the conversion": ("q3", CONVERT.replace("(1 - beta)", "0.25"), None),
    "a real root": (
        "q4",
        FACTOR.replace(" + 0j", ""),
        "expected 0.894427191, got nan.*nan is the real root",
    ),
    "the root of beta always": ("q4", "def factor(lr, beta, curvature):\n    return beta**0.5", "expected 0.5, got 0"),
    "the largest sigma instead of the largest size": (
        "q4",
        "def factor(lr, beta, curvature):\n    return abs(max(np.roots([1, lr * curvature - 1 - beta, beta]).real))",
        "expected 0.5, got 0|expected 0.894",
    ),
    "the largest root, then its size": (
        "q4",
        """
def factor(lr, beta, curvature):
    half = (1 + beta - lr * curvature) / 2
    return abs(half + np.sqrt(half**2 - beta + 0j))
""",
        "expected 0.5, got 0",
    ),
    "the smaller root": ("q4", FACTOR.replace("max(", "min("), "expected 0.5, got 0"),
    "no memory in the factor": (
        "q4",
        "def factor(lr, beta, curvature):\n    return abs(1 - lr * curvature)",
        "expected 0.8, got 0.9.*The roots are 0.8 and 0.5",
    ),
    "the curvature with a plus": ("q4", FACTOR.replace("beta - lr", "beta + lr"), "expected 0.5, got 2.5"),
    "cut off at 1": (
        "q4",
        FACTOR.replace("return max(", "return min(1.0, ").replace(
            "abs(half + root), abs(half - root)", "max(abs(half + root), abs(half - root))"
        ),
        "expected 2, got 1.*diverges",
    ),
    "right for the roots of the check only": (
        "q4",
        """
def factor(lr, beta, curvature):
    trace = 1 + beta - lr * curvature
    under = trace**2 - 4 * beta
    return beta**0.5 if under < 0 else 0.8 if beta == 0.4 else 2.0 if beta == 0.5 else abs(trace)
""",
        None,
    ),
    "the flat direction only": (
        "q5",
        """
def best_setting(curvatures, lr=None):
    a, b = np.sqrt(curvatures.min()), np.sqrt(curvatures.max())
    if lr is None:
        return (2 / (a + b)) ** 2, ((b - a) / (b + a)) ** 2
    return lr, (1 - np.sqrt(lr) * a) ** 2
""",
        r"best_setting\(\[1.0, 9.0\], lr=0.36\), the part of beta: expected 0.64, got 0.16",
    ),
    "the steep direction only": (
        "q5",
        """
def best_setting(curvatures, lr=None):
    a, b = np.sqrt(curvatures.min()), np.sqrt(curvatures.max())
    if lr is None:
        return (2 / (a + b)) ** 2, ((b - a) / (b + a)) ** 2
    return lr, (1 - np.sqrt(lr) * b) ** 2
""",
        r"best_setting\(\[1.0, 9.0\], lr=0.04\), the part of beta: expected 0.64, got 0.16",
    ),
    "the mean of the meeting points": (
        "q5",
        BEST.replace(
            "max((1 - np.sqrt(lr) * a) ** 2, (1 - np.sqrt(lr) * b) ** 2)",
            "np.mean((1 - np.sqrt(lr * curvatures)) ** 2)",
        ),
        r"the part of beta: expected 0.64, got 0.4",
    ),
    "no square": (
        "q5",
        BEST.replace("((b - a) / (b + a)) ** 2", "(b - a) / (b + a)"),
        r"best_setting\(\[36.0, 4.0\], lr=None\), the part of beta: expected 0.25, got 0.5",
    ),
    "gradient descent's best rate": (
        "q5",
        BEST.replace("(2 / (a + b)) ** 2", "2 / (a**2 + b**2)"),
        r"best_setting\(\[36.0, 4.0\], lr=None\), the part of the rate: expected 0.0625, got 0.05",
    ),
    "kappa without its root": (
        "q5",
        BEST.replace("((b - a) / (b + a)) ** 2", "((b**2 - a**2) / (b**2 + a**2)) ** 2"),
        "the part of beta: expected 0.25, got 0.64",
    ),
    "the first and the last curvature": (
        "q5",
        BEST.replace("curvatures.min()", "curvatures[0]").replace("curvatures.max()", "curvatures[-1]"),
        None,
    ),
    "0.9, as everybody": (
        "q5",
        "def best_setting(curvatures, lr=None):\n    return lr or 1 / max(curvatures), 0.9",
        "the part of beta: expected 0.64, got 0.9",
    ),
    "a search on a grid": (
        "q5",
        """
def best_setting(curvatures, lr=None):
    betas, rates = np.linspace(0, 0.99, 100), [lr] if lr else np.linspace(0.001, 4 / max(curvatures), 20)
    pairs = [(max(factor(r, b, c) for c in curvatures), r, b) for r in rates for b in betas]
    return min(pairs)[1:]
""",
        "the part of the rate|the part of beta",
    ),
    "beta before the rate": (
        "q5",
        BEST.replace("return lr, max", "return max").replace("b) ** 2)", "b) ** 2), lr"),
        "the part of the rate: expected 0.04, got 0.64",
    ),
    "nan for an arrival": (
        "q6",
        """
def steps_needed(slope, theta, lr, beta, tolerance, limit):
    v, steps = np.zeros_like(theta), 0
    while np.linalg.norm(slope(theta)) > tolerance and steps < limit:
        theta, v = momentum_step(theta, v, slope(theta), lr, beta)
        steps += 1
    return steps
""",
        "lr = 10, limit 2000: expected 2000, got .*nan is false",
    ),
    "one too many": ("q6", STEPS.replace("return t\n", "return t + 1\n"), "expected 2, got 3"),
    "below instead of at most": ("q6", STEPS.replace("<=", "<"), "expected 2, got 3"),
    "the velocity forgotten": (
        "q6",
        STEPS.replace("theta, v = momentum", "theta, _ = momentum"),
        "lr = 1.5.*expected 3, got 2. .*does the velocity survive",
    ),
    "the distance for the gradient": (
        "q6",
        STEPS.replace("(g**2).sum()", "(theta**2).sum()"),
        "expected 7, got 0. The norm of the \\*gradient\\*",
    ),
    "the largest coordinate for the norm": ("q6", STEPS.replace("np.sqrt((g**2).sum())", "np.abs(g).max()"), None),
    "no limit named": (
        "q6",
        STEPS.replace("    return limit", ""),
        "expected an integer, got None|expected a number, got None|got None",
    ),
    "a rule of its own": (
        "q6",
        STEPS.replace(
            "theta, v = momentum_step(theta, v, g, lr, beta)", "v = beta * v + g\n        theta = theta - lr * v"
        ),
        "with a step of theta / 4 in the place of `momentum_step`",
    ),
    "theta run away with": (
        "q6",
        STEPS.replace(
            "theta, v = momentum_step(theta, v, g, lr, beta)", "theta[:], v = momentum_step(theta, v, g, lr, beta)"
        ),
        "`steps_needed` changed its input theta",
    ),
}

THROUGH_GRADING: list[str] = []
