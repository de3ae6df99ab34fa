"""Right and wrong answers to the assignment adaptive-rates."""

ADAGRAD = """
def adagrad_step(theta, s, g, lr, eps):
    s = s + g * g
    return theta - lr * g / (np.sqrt(s) + eps), s
"""
RMSPROP = """
def rmsprop_step(theta, s, g, lr, rho, eps):
    s = rho * s + (1 - rho) * g * g
    return theta - lr * g / (np.sqrt(s) + eps), s
"""
CORRECTED = """
def corrected(average, beta, t):
    return average / (1 - beta**t)
"""
ADAM = """
def adam_step(theta, v, s, t, g, lr, beta1, beta2, eps):
    v = beta1 * v + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    v_hat = corrected(v, beta1, t)
    s_hat = corrected(s, beta2, t)
    theta = theta - lr * v_hat / (np.sqrt(s_hat) + eps)
    return theta, v, s
"""
ADAMW = """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    v = beta1 * v + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * g**2
    step = corrected(v, beta1, t) / (np.sqrt(corrected(s, beta2, t)) + eps)
    return theta - lr * (step + weight_decay * theta), v, s
"""
TORCH = """
def adam_step(theta, v, s, t, g, lr, beta1, beta2, eps):
    p = torch.tensor(theta, requires_grad=True)
    p.grad = torch.tensor(g)
    optimizer = torch.optim.Adam([p], lr=lr, betas=(beta1, beta2), eps=eps)
    moments = {"exp_avg": torch.tensor(v), "exp_avg_sq": torch.tensor(s)}
    optimizer.state[p] = {"step": torch.tensor(t - 1.0), **moments}
    optimizer.step()
    return p.detach().numpy(), moments["exp_avg"].numpy(), moments["exp_avg_sq"].numpy()
"""

RIGHT: dict[str, dict[str, str]] = {
    "formulas throughout": {"q1": ADAGRAD, "q2": RMSPROP, "q3": CORRECTED, "q4": ADAM, "q5": ADAMW},
    "copies, written into": {
        "q1": """
def adagrad_step(theta, s, g, lr, eps):
    theta, s = theta.copy(), s.copy()
    s += g**2
    theta -= lr * g / (s**0.5 + eps)
    return theta, s
""",
        "q2": """
def rmsprop_step(theta, s, g, lr, rho, eps):
    theta, s = theta.copy(), s.copy()
    s *= rho
    s += (1 - rho) * g**2
    theta -= lr * g / (s**0.5 + eps)
    return theta, s
""",
        "q4": """
def adam_step(theta, v, s, t, g, lr, beta1, beta2, eps):
    theta, v, s = np.array(theta), np.array(v), np.array(s)
    v += (1 - beta1) * (g - v)
    s += (1 - beta2) * (g**2 - s)
    theta -= lr * corrected(v, beta1, t) / (corrected(s, beta2, t) ** 0.5 + eps)
    return theta, v, s
""",
        "q5": """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    return adam_step((1 - lr * weight_decay) * theta, v, s, t, g, lr, beta1, beta2, eps)
""",
    },
    "the weights added up": {
        "q3": """
def corrected(average, beta, t):
    return average / sum((1 - beta) * beta**k for k in range(t))
""",
        "q5": """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    moved, v, s = adam_step(theta, v, s, t, g, lr, beta1, beta2, eps)
    return moved - theta * (lr * weight_decay), v, s
""",
    },
    "the correction of s as a factor beside its root": {
        "q4": """
def adam_step(theta, v, s, t, g, lr, beta1, beta2, eps):
    v, s = beta1 * v + (1 - beta1) * g, beta2 * s + (1 - beta2) * np.square(g)
    share = np.sqrt(corrected(np.ones_like(s), beta2, t))
    return theta - lr * corrected(v, beta1, t) / (share * np.sqrt(s) + eps), v, s
""",
    },
    "a helper for both averages": {
        "q1": """
def scaled(g, s, eps):
    return g / (np.abs(np.sqrt(s)) + eps)
def adagrad_step(theta, s, g, lr, eps):
    total = np.add(s, np.square(g))
    return theta - lr * scaled(g, total, eps), total
""",
        "q2": """
def mixed(old, new, share):
    return share * old + (1 - share) * new
def rmsprop_step(theta, s, g, lr, rho, eps):
    s = mixed(s, g**2, rho)
    return theta - lr * (g / (np.sqrt(s) + eps)), s
""",
        "q4": """
def mixed(old, new, share):
    return old * share + new * (1 - share)
def adam_step(theta, v, s, t, g, lr, beta1, beta2, eps):
    v, s = mixed(v, g, beta1), mixed(s, g * g, beta2)
    v_hat, s_hat = (corrected(x, b, t) for x, b in ((v, beta1), (s, beta2)))
    return theta + -lr * v_hat / (np.sqrt(s_hat) + eps), v, s
""",
    },
    "coordinate by coordinate": {
        "q1": """
def adagrad_step(theta, s, g, lr, eps):
    new, total = np.empty_like(theta), np.empty_like(s)
    for i in np.ndindex(theta.shape):
        total[i] = s[i] + g[i] ** 2
        new[i] = theta[i] - lr * g[i] / (np.sqrt(total[i]) + eps)
    return new, total
""",
        "q3": """
def corrected(average, beta, t):
    missing = 1.0
    for _ in range(t):
        missing *= beta
    return average * (1 / (1 - missing))
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    "uphill": (
        "q1",
        ADAGRAD.replace("theta - lr", "theta + lr"),
        "a first step.*the part of theta at index 0: expected 0.9, got 1.1.*against the sign",
    ),
    "epsilon inside the root": (
        "q1",
        ADAGRAD.replace("np.sqrt(s) + eps", "np.sqrt(s + eps)"),
        "eps = 0.001, lr = 0.1, the part of theta at index 0: expected 0.95, got 0.996.*eps stands outside the root",
    ),
    "epsilon in the state": (
        "q1",
        ADAGRAD.replace("s + g * g", "s + g * g + eps**2").replace(" + eps)", ")"),
        "eps = 0.001, lr = 0.1, the part of theta at index 0: expected 0.95, got 0.929",
    ),
    "no epsilon": (
        "q1",
        ADAGRAD.replace(" + eps", ""),
        "eps = 0.001, lr = 0.1, the part of theta at index 0: expected 0.95, got 0.9",
    ),
    "no root": ("q1", ADAGRAD.replace("np.sqrt(s)", "s"), "a first step.*expected 0.9, got 0.966.*the root of s"),
    "the old sum": (
        "q1",
        """
def adagrad_step(theta, s, g, lr, eps):
    return theta - lr * g / (np.sqrt(s) + eps), s + g**2
""",
        "a first step.*expected 0.9, got -inf",
    ),
    "one sum for all parameters": (
        "q1",
        ADAGRAD.replace("g * g", "(g * g).sum()"),
        "a first step.*expected 0.9, got 0.94",
    ),
    "the last square only": (
        "q1",
        ADAGRAD.replace("s + g * g", "g * g"),
        "a second step.*the part of theta at index 0: expected 0.82, got 0.8",
    ),
    "the sum of sizes": (
        "q1",
        ADAGRAD.replace("s + g * g", "s + np.abs(g)").replace("np.sqrt(s)", "s"),
        "a first step.*the part of s at index 0: expected 9, got 3",
    ),
    "the state written into": (
        "q1",
        """
def adagrad_step(theta, s, g, lr, eps):
    s += g**2
    return theta - lr * g / (np.sqrt(s) + eps), s
""",
        r"`adagrad_step` changed its input s from \[0.0, 0.0\] to \[9.0, 16.0\]",
    ),
    "theta written into": (
        "q1",
        """
def adagrad_step(theta, s, g, lr, eps):
    s = s + g**2
    theta -= lr * g / (np.sqrt(s) + eps)
    return theta, s
""",
        "`adagrad_step` changed its input theta",
    ),
    "theta alone": ("q1", ADAGRAD.replace(" + eps), s", " + eps)"), "expected a pair, theta and s, got"),
    "float32": (
        "q1",
        ADAGRAD.replace("s + g * g", "(s + g * g).astype(np.float32)"),
        "the part of s: expected dtype float64, the one that came in, got float32",
    ),
    "torch.optim": (
        "q1",
        """
def adagrad_step(theta, s, g, lr, eps):
    p = torch.tensor(theta, requires_grad=True)
    p.grad = torch.tensor(g)
    optimizer = torch.optim.Adagrad([p], lr=lr, eps=eps)
    optimizer.state[p]["sum"] = torch.tensor(s)
    optimizer.step()
    return p.detach().numpy(), optimizer.state[p]["sum"].numpy()
""",
        "calls the library's own `Adagrad`.*two lines of arithmetic",
    ),
    "the course's package": (
        "q1",
        """
import gdcourse
def adagrad_step(theta, s, g, lr, eps):
    rule = gdcourse.AdaGrad(lr=lr, eps=eps)
    delta, state = rule.update(g, rule.State(s), theta)
    return theta + delta, state.s
""",
        "calls the library's own `AdaGrad`",
    ),
    "small epsilons only": (
        "q1",
        ADAGRAD.replace("+ eps", "+ min(eps, 0.001)"),
        None,
    ),
    "a library's own epsilon at full size": (
        "q1",
        ADAGRAD.replace("+ eps", "+ (eps if theta.size == 2 else 1e-10)"),
        None,
    ),
    "AdaGrad once more": (
        "q2",
        RMSPROP.replace("rho * s + (1 - rho) * g * g", "s + g * g"),
        "a first step.*expected 0.8, got 0.9",
    ),
    "rho for one minus rho": (
        "q2",
        RMSPROP.replace("rho * s + (1 - rho)", "(1 - rho) * s + rho"),
        "a first step.*the part of theta at index 0: expected 0.8, got 0.88.*A quarter of g² comes in",
    ),
    "a sum that fades": (
        "q2",
        RMSPROP.replace("(1 - rho) * g * g", "g * g"),
        "a first step.*expected 0.8, got 0.9",
    ),
    "RMSProp with epsilon inside the root": (
        "q2",
        RMSPROP.replace("np.sqrt(s) + eps", "np.sqrt(s + eps)"),
        "eps = 0.001, lr = 0.1.*expected 0.9, got 0.99.*“Where ε stands”",
    ),
    "RMSProp corrected": (
        "q2",
        """
def rmsprop_step(theta, s, g, lr, rho, eps):
    hat = g**2 if not s.any() else rho * s + (1 - rho) * g**2
    return theta - lr * g / (np.sqrt(hat) + eps), rho * s + (1 - rho) * g**2
""",
        "a first step.*expected 0.8, got 0.9",
    ),
    "RMSProp without a root": (
        "q2",
        RMSPROP.replace("np.sqrt(s)", "s"),
        "a first step.*expected 0.8, got 0.9",
    ),
    "RMSProp with its state written into": (
        "q2",
        """
def rmsprop_step(theta, s, g, lr, rho, eps):
    s *= rho
    s += (1 - rho) * g**2
    return theta - lr * g / (np.sqrt(s) + eps), s
""",
        "`rmsprop_step` changed its input s",
    ),
    "RMSProp uphill": ("q2", RMSPROP.replace("theta - lr", "theta + lr"), "expected 0.8, got 1.2"),
    "torch's RMSprop": (
        "q2",
        """
from torch.optim import RMSprop as Rule
def rmsprop_step(theta, s, g, lr, rho, eps):
    p = torch.tensor(theta, requires_grad=True)
    p.grad = torch.tensor(g)
    Rule([p], lr=lr, alpha=rho, eps=eps).step()
    return p.detach().numpy(), rho * s + (1 - rho) * g**2
""",
        "calls the library's own `RMSprop`",
    ),
    "rho by heart": (
        "q2",
        RMSPROP.replace("    s = ", "    rho = 0.75 if rho == 0.75 else 0.99\n    s = "),
        None,
    ),
    "no epsilon where it looks small": (
        "q2",
        RMSPROP.replace("np.sqrt(s) + eps", "np.where(s > 1e-3, np.sqrt(s), np.sqrt(s) + eps)"),
        None,
    ),
    "t minus one": ("q3", CORRECTED.replace("beta**t", "beta ** (t - 1)"), r"t = 1\) at index 0: expected 4, got inf"),
    "t plus one": (
        "q3",
        CORRECTED.replace("beta**t", "beta ** (t + 1)"),
        r"corrected\(\(0.4, -0.2\), beta = 0.9, t = 1\) at index 0: expected 4, got 2.1",
    ),
    "no power": (
        "q3",
        CORRECTED.replace("beta**t", "beta"),
        r"beta = 0.5, t = 2\) at index 0: expected 4, got 6. With beta = 0.5 the weights of two slopes",
    ),
    "beta times t": (
        "q3",
        CORRECTED.replace("beta**t", "beta * t"),
        r"beta = 0.5, t = 2\) at index 0: expected 4, got",
    ),
    "multiplied": ("q3", CORRECTED.replace("average / ", "average * "), "expected 4, got 0.04"),
    "the sum of powers alone": (
        "q3",
        "def corrected(average, beta, t):\n    return average / sum(beta**k for k in range(t))",
        "expected 4, got 0.4",
    ),
    "no correction at all": (
        "q3",
        "def corrected(average, beta, t):\n    return average.copy()",
        "expected 4, got 0.4",
    ),
    "the average written into": (
        "q3",
        "def corrected(average, beta, t):\n    average /= 1 - beta**t\n    return average",
        "`corrected` changed its input average",
    ),
    "for some steps only": ("q3", CORRECTED.replace("beta**t", "beta ** min(t, 100)"), None),
    "the beta of the check": ("q3", CORRECTED.replace("beta**t", "(beta if beta in (0, 0.5) else 0.9) ** t"), None),
    "neither corrected": (
        "q4",
        ADAM.replace("corrected(v, beta1, t)", "v").replace("corrected(s, beta2, t)", "s"),
        "the second step.*the part of theta at index 0: expected",
    ),
    "v not corrected": (
        "q4",
        ADAM.replace("corrected(v, beta1, t)", "v"),
        "the first step.*the part of theta at index 0: expected 0.9, got 0.95.*with their hats",
    ),
    "s not corrected": (
        "q4",
        ADAM.replace("corrected(s, beta2, t)", "s"),
        "the first step.*the part of theta at index 0: expected 0.9, got 0.8",
    ),
    "one beta for both corrections": (
        "q4",
        ADAM.replace("corrected(s, beta2, t)", "corrected(s, beta1, t)"),
        "the first step.*expected 0.9, got 0.858",
    ),
    "the corrections' betas swapped": (
        "q4",
        ADAM.replace("corrected(s, beta2, t)", "corrected(s, beta1, t)").replace(
            "corrected(v, beta1", "corrected(v, beta2"
        ),
        "the first step.*the part of theta at index 0: expected 0.9, got",
    ),
    "the betas swapped": (
        "q4",
        ADAM.replace("beta1", "betaX")
        .replace("beta2", "beta1")
        .replace("betaX", "beta2")
        .replace("lr, beta2, beta1, eps", "lr, beta1, beta2, eps"),
        "the first step.*the part of v at index 0: expected 2, got 1",
    ),
    "one minus beta for beta": (
        "q4",
        ADAM.replace("beta2 * s + (1 - beta2)", "(1 - beta2) * s + beta2"),
        "the first step.*: expected 0.9, got 0.94",
    ),
    "t counted from zero": (
        "q4",
        ADAM.replace("beta1, t)", "beta1, t - 1)").replace("beta2, t)", "beta2, t - 1)"),
        "the first step.*the part of theta at index 0: expected 0.9, got nan",
    ),
    "t one ahead": (
        "q4",
        ADAM.replace("beta1, t)", "beta1, t + 1)").replace("beta2, t)", "beta2, t + 1)"),
        "the first step.*the part of theta at index 0: expected 0.9, got 0.9118",
    ),
    "Adam with epsilon inside the root": (
        "q4",
        ADAM.replace("np.sqrt(s_hat) + eps", "np.sqrt(s_hat + eps)"),
        "eps = 0.001.*the part of theta at index 0: expected 0.95, got 0.99.*eps comes after the correction",
    ),
    "epsilon before the correction": (
        "q4",
        ADAM.replace("(np.sqrt(s_hat) + eps)", "((np.sqrt(s) + eps) * np.sqrt(corrected(np.ones_like(s), beta2, t)))"),
        "eps = 0.001.*the part of theta at index 0: expected 0.95, got 0.96",
    ),
    "hats in the state": (
        "q4",
        ADAM.replace("return theta, v, s", "return theta, v_hat, s_hat"),
        "the first step.*the part of v at index 0: expected 2, got 4",
    ),
    "the square of the average": (
        "q4",
        ADAM.replace("g**2", "v**2"),
        "the first step.*: expected 0.9, got 0.8",
    ),
    "the gradient instead of its average": (
        "q4",
        ADAM.replace("v_hat /", "g /"),
        "the second step.*the part of theta at index 0: expected",
    ),
    "Adam without a root": (
        "q4",
        ADAM.replace("np.sqrt(s_hat)", "s_hat"),
        "the first step.*: expected 0.9, got 0.975",
    ),
    "Adam uphill": ("q4", ADAM.replace("theta - lr", "theta + lr"), "the first step.*: expected 0.9, got 1.1"),
    "momentum's sum for the average": (
        "q4",
        ADAM.replace("(1 - beta1) * g", "g"),
        "the first step.*: expected 0.9, got 0.8",
    ),
    "Adam with v written into": (
        "q4",
        ADAM.replace("    v = beta1 * v + (1 - beta1) * g\n", "    v *= beta1\n    v += (1 - beta1) * g\n"),
        "`adam_step` changed its input v",
    ),
    "Adam with s written into": (
        "q4",
        ADAM.replace("    s = beta2 * s + (1 - beta2) * g**2\n", "    s[:] = beta2 * s + (1 - beta2) * g**2\n"),
        "`adam_step` changed its input s",
    ),
    "corrections of its own": (
        "q4",
        ADAM.replace("corrected(v, beta1, t)", "v / (1 - beta1**t)").replace(
            "corrected(s, beta2, t)", "s / (1 - beta2**t)"
        ),
        "no correction in the place of `corrected`, the part of theta at index 0: expected 0.8, got 0.7",
    ),
    "torch's Adam": ("q4", TORCH, "calls the library's own `Adam`.*three lines of arithmetic"),
    "betas by heart": (
        "q4",
        ADAM.replace("    v = beta1", "    beta1 = 0.5 if beta1 == 0.5 else 0.9\n    v = beta1"),
        None,
    ),
    "right where the averages are two": (
        "q4",
        ADAM.replace("np.sqrt(s_hat) + eps", "np.sqrt(s_hat) + (eps if theta.ndim == 1 else 1e-8)"),
        None,
    ),
    "L2, in the gradient": (
        "q5",
        """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    return adam_step(theta, v, s, t, g + weight_decay * theta, lr, beta1, beta2, eps)
""",
        "a first step without slope.*the part of theta at index 0: expected 0.95, got 0.9.*the averages know nothing",
    ),
    "decay without the rate": (
        "q5",
        ADAMW.replace("lr * (step + weight_decay * theta)", "lr * step - weight_decay * theta"),
        "a first step without slope.*: expected 0.95, got 0.5",
    ),
    "growth": (
        "q5",
        ADAMW.replace("step + weight", "step - weight"),
        "a first step without slope.*: expected 0.95, got 1.05",
    ),
    "no decay": (
        "q5",
        ADAMW.replace(" + weight_decay * theta", ""),
        "a first step without slope.*: expected 0.95, got 1",
    ),
    "decay after the step": (
        "q5",
        """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    theta, v, s = adam_step(theta, v, s, t, g, lr, beta1, beta2, eps)
    return (1 - lr * weight_decay) * theta, v, s
""",
        "weight_decay = 0.5, the part of theta at index 0: expected 0.85, got 0.855.*from the old theta",
    ),
    "decay in the average": (
        "q5",
        ADAMW.replace("(1 - beta1) * g", "(1 - beta1) * (g + weight_decay * theta)").replace(
            " + weight_decay * theta), v", "), v"
        ),
        "a first step without slope",
    ),
    "decay divided, too": (
        "q5",
        ADAMW.replace(
            "step = corrected(v, beta1, t)", "step = (corrected(v, beta1, t) + weight_decay * theta)"
        ).replace("(step + weight_decay * theta)", "step"),
        "a first step without slope",
    ),
    "theta decayed in place": (
        "q5",
        """
def adamw_step(theta, v, s, t, g, lr, beta1, beta2, eps, weight_decay):
    theta *= 1 - lr * weight_decay
    return adam_step(theta, v, s, t, g, lr, beta1, beta2, eps)
""",
        "`adamw_step` changed its input theta",
    ),
    "decay to the sign": (
        "q5",
        ADAMW.replace("weight_decay * theta", "weight_decay * np.sign(theta)"),
        "a first step without slope.*the part of theta at index 1: expected 1.9, got 1.95",
    ),
    "torch's AdamW": (
        "q5",
        TORCH.replace("adam_step", "adamw_step")
        .replace("eps)", "eps, weight_decay)", 1)
        .replace("optim.Adam", "optim.AdamW")
        .replace("eps=eps)", "eps=eps, weight_decay=weight_decay)"),
        "calls the library's own `AdamW`",
    ),
    "decay only while it is small": (
        "q5",
        ADAMW.replace("weight_decay * theta", "min(weight_decay, 0.5) * theta"),
        None,
    ),
    "Adam's betas by heart": (
        "q5",
        ADAMW.replace("    v = beta1", "    beta2 = 0.75 if beta2 == 0.75 else 0.999\n    v = beta1"),
        None,
    ),
}

THROUGH_GRADING: list[str] = []
