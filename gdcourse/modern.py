"""Rules since Adam, in the form of :mod:`gdcourse.optimizers`: NAdam, RAdam, Lion, and Muon, which wants a matrix.

Notation as there. The first three treat each coordinate by itself. Muon treats θ as a matrix, so it must be told how a
vector is to be read as one.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from gdcourse._checks import require_count
from gdcourse.optimizers import Adam, Array, LearningRate, Optimizer


@dataclass(frozen=True)
class NAdam(Adam):
    r"""Adam with Nesterov momentum: the average that steps is, but for the new gradient, the next step's.

    .. math:: \mu_t = \beta_1 \bigl(1 - \tfrac12\, 0.96^{\psi t}\bigr), \qquad
              \bar v_t = \frac{\mu_{t+1}\, v_t}{1 - \prod_{i=1}^{t+1} \mu_i}
                       + \frac{(1-\mu_t)\, g_t}{1 - \prod_{i=1}^{t} \mu_i}, \qquad
              \Delta\theta = -\eta\, \frac{\bar v_t}{\sqrt{\hat s_t} + \varepsilon}

    with the moments v and s of :class:`Adam`. As in torch and Keras, v is an average with β₁ throughout, and ŝ is
    s/(1−β₂ᵗ). In the paper the average, too, has the decay μ_t, and ŝ the further factor β₂. The μ are a warm-up of the
    momentum from about β₁/2; as ψ grows they become β₁.

    Parameters
    ----------
    lr : float, array or schedule, default 0.002
        Learning rate η ≥ 0.
    beta1, beta2 : float or array, defaults 0.9 and 0.999
        Decays β₁, β₂ in [0, 1) of the two averages.
    eps : float or array, default 1e-8
        Stabiliser ε ≥ 0, outside the root and after the correction. With ε = 0, a gradient that has been 0 from the
        start gives 0/0.
    momentum_decay : float or array, default 0.004
        Speed ψ ≥ 0 of the momentum's warm-up; the paper's 1/250. All defaults are those of ``torch.optim.NAdam``.

    References
    ----------
    Dozat (2016), *Incorporating Nesterov Momentum into Adam*, ICLR workshop.
    """

    lr: LearningRate = 2e-3
    momentum_decay: float | Array = 4e-3

    class State(NamedTuple):
        v: Array
        s: Array
        mu_product: Any  # μ₁ μ₂ … μ_t: of the shape of the hyperparameters
        t: int

    def init(self, theta: Array) -> State:
        zeros = array_namespace(theta).zeros_like(theta)
        return self.State(v=zeros, s=zeros, mu_product=1.0, t=0)

    def mu(self, t: int) -> Any:
        """Return the momentum μ of step ``t``."""
        return self.beta1 * (1 - 0.5 * 0.96 ** (self.momentum_decay * t))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        t = state.t + 1
        mu, mu_next = self.mu(t), self.mu(t + 1)
        mu_product = state.mu_product * mu
        v = self.beta1 * state.v + (1 - self.beta1) * grad
        s = self.beta2 * state.s + (1 - self.beta2) * grad**2
        average = mu_next * v / (1 - mu_product * mu_next)
        v_bar = average + (1 - mu) * grad / (1 - mu_product)
        s_hat = s / (1 - self.beta2**t)
        delta = -self.lr * v_bar / (xp.sqrt(s_hat) + self.eps)
        return delta, self.State(v, s, mu_product, t)


@dataclass(frozen=True)
class RAdam(Adam):
    r"""Adam that waits until its divisor is known well enough, and then comes in slowly.

    .. math:: \rho_\infty = \frac{2}{1-\beta_2} - 1, \qquad
              \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1-\beta_2^t}, \qquad
              r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\,\rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2)\,\rho_t}}

    .. math:: \Delta\theta = -\eta\, r_t\, \hat v_t\, \frac{\sqrt{1-\beta_2^t}}{\sqrt{s_t} + \varepsilon}
              \quad\text{if } \rho_t > 5, \qquad \Delta\theta = -\eta\, \hat v_t \quad\text{otherwise}

    with the moments of :class:`Adam`. The steps without a divisor are those of averaged gradient descent: η then has
    another unit. With β₂ ≤ 2/3 there are no others. The threshold 5 is that of the authors' code and of torch; the
    paper has 4. The paper has no ε; here, as in both, ε meets √s before the bias correction.

    Parameters
    ----------
    lr, beta1, beta2, eps
        As in :class:`Adam`, with its defaults, which are those of ``torch.optim.RAdam``.

    References
    ----------
    Liu, Jiang, He, Chen, Liu, Gao & Han (2020), *On the Variance of the Adaptive Learning Rate and Beyond*, ICLR,
    Algorithm 2.
    """

    def rectifier(self, t: int) -> Any:
        """Return r_t of step ``t`` = 1, 2, …; 0 while ρ_t ≤ 5."""
        rho_inf = 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / (1 - self.beta2**t)
        known = (rho > 5) * 1.0
        rho = 5 + known * (rho - 5)  # where it is not known, any number will do
        rho_inf = 5 + known * (rho_inf - 5)
        now = (rho - 4) * (rho - 2) * rho_inf
        return known * (now / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5

    def update(self, grad: Array, state: Any, theta: Array) -> tuple[Array, Any]:
        xp = array_namespace(grad)
        t = state.t + 1
        v = self.beta1 * state.v + (1 - self.beta1) * grad
        s = self.beta2 * state.s + (1 - self.beta2) * grad**2
        v_hat = v / (1 - self.beta1**t)
        r = self.rectifier(t) + xp.zeros_like(s)
        adaptive = r * (1 - self.beta2**t) ** 0.5 / (xp.sqrt(s) + self.eps)
        factor = xp.where(r > 0, adaptive, xp.ones_like(s))
        return -self.lr * v_hat * factor, self.State(v, s, t)


@dataclass(frozen=True)
class Lion(Optimizer):
    r"""The sign of a gradient averaged twice: every coordinate moves by η, whatever its slope.

    .. math:: c_t = \beta_1 v_{t-1} + (1-\beta_1)\, g_t, \qquad
              \Delta\theta = -\eta \bigl( \operatorname{sign}(c_t) + \lambda\, \theta_{t-1} \bigr), \qquad
              v_t = \beta_2 v_{t-1} + (1-\beta_2)\, g_t

    with sign(0) = 0 and v₀ = 0. Here β₂ belongs to v too: there is no second moment. The decay is decoupled and
    multiplied by η, as in the paper.

    Parameters
    ----------
    lr : float, array or schedule, default 0.0001
        Learning rate η ≥ 0: the length of the step in each coordinate. The paper advises 3 to 10 times less than
        Adam's.
    beta1, beta2 : float or array, defaults 0.9 and 0.99
        Weight β₁ in [0, 1) of the past in the step, and decay β₂ in [0, 1) of the average that is kept. The paper's.
    weight_decay : float or array, default 0.0
        Decay λ ≥ 0: 3 to 10 times more than Adam's, says the paper, so that ηλ stays. The defaults of ``lr`` and
        ``weight_decay`` are those of the authors' code.

    References
    ----------
    Chen et al. (2023), *Symbolic Discovery of Optimization Algorithms*, NeurIPS, Algorithm 2.
    """

    lr: LearningRate = 1e-4
    beta1: float | Array = 0.9
    beta2: float | Array = 0.99
    weight_decay: float | Array = 0.0

    class State(NamedTuple):
        v: Array

    def init(self, theta: Array) -> State:
        return self.State(v=array_namespace(theta).zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        c = self.beta1 * state.v + (1 - self.beta1) * grad
        v = self.beta2 * state.v + (1 - self.beta2) * grad
        return -self.lr * (xp.sign(c) + self.weight_decay * theta), self.State(v)


#: Coefficients a, b, c of the quintic aX + b(XXᵀ)X + c(XXᵀ)²X that :func:`newton_schulz` repeats.
QUINTIC = (3.4445, -4.7750, 2.0315)


def newton_schulz(
    matrix: Array,
    steps: int = 5,
    coefficients: tuple[float, float, float] = QUINTIC,
    eps: float = 1e-7,
) -> Array:
    r"""Bring all singular values of a matrix near 1, by matrix products alone.

    .. math:: X_0 = \frac{M}{\lVert M \rVert}, \qquad
              X_{k+1} = a X_k + b\, (X_k X_k^\top) X_k + c\, (X_k X_k^\top)^2 X_k

    If M = U S Vᵀ is the singular value decomposition, every X is U p(…p(S/‖M‖)) Vᵀ with p(σ) = aσ + bσ³ + cσ⁵. With the
    default coefficients five steps take all σ of [0.002, 1] into [0.68, 1.21], and further steps come no nearer to 1.
    With a = 15/8, b = −10/8, c = 3/8 they do converge, to U Vᵀ, but a small σ grows by 15/8 a step only, not by 3.4445.

    Parameters
    ----------
    matrix : array, shape (..., m, n)
        M; each of a batch by itself.
    steps : int, default 5
        How many.
    coefficients : three floats, default (3.4445, −4.7750, 2.0315)
        a, b, c. The default is Jordan's.
    eps : float, default 1e-7
        ‖M‖ (Frobenius) counts as at least this, so that 0 stays 0. The default is that of ``torch.optim.Muon``.

    Returns
    -------
    array, shape (..., m, n)

    Raises
    ------
    TypeError, ValueError
        Naming the argument, if ``matrix`` has less than two axes or ``steps`` is no count.

    References
    ----------
    Björck & Bowie (1971); Jordan et al. (2024).
    """
    if getattr(matrix, "ndim", 0) < 2:
        raise ValueError(f"matrix must have shape (..., m, n), got {matrix!r}")
    require_count("steps", steps, low=0)
    xp = array_namespace(matrix)
    a, b, c = coefficients
    norm = xp.sqrt(xp.sum(matrix**2, axis=(-2, -1), keepdims=True))
    X = matrix / xp.clip(norm, eps, None)
    wide = X.shape[-2] <= X.shape[-1]
    X = X if wide else X.mT  # so that X Xᵀ is the smaller of the two products
    for _ in range(steps):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X if wide else X.mT


def _layout(default: Any) -> Any:
    """Return a field that is no hyperparameter, but says how a rule reads θ or computes: always a plain value."""
    return field(default=default, metadata={"hyperparameter": False})


@dataclass(frozen=True)
class Muon(Optimizer):
    r"""Momentum for a matrix, every singular value of the step brought near 1.

    .. math:: v_t = \beta v_{t-1} + (1-\beta)\, g_t, \qquad
              O_t = \operatorname{NewtonSchulz}\bigl(\beta v_t + (1-\beta)\, g_t\bigr), \qquad
              \Delta\theta = -\eta \Bigl( \sqrt{\max(1, \tfrac mn)}\; O_t + \lambda\, \theta_{t-1} \Bigr)

    for θ, g and v of m rows and n columns; see :func:`newton_schulz`. This is ``torch.optim.Muon``, which computes O in
    bfloat16 (and here ε is 1e-7). Jordan's text has v ← βv + g, the same up to ε, since O forgets the scale, and no
    weight decay, which came with Liu et al. (2025). Meant for the weight matrices of hidden layers; all else (biases,
    embeddings, the last layer) is left to a rule such as AdamW.

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0.
    beta : float or array, default 0.95
        Momentum β in [0, 1), of Nesterov's kind in torch's form.
    weight_decay : float or array, default 0.1
        Decay λ ≥ 0, multiplied by η. All defaults are those of ``torch.optim.Muon``.
    ns_steps : int, default 5
        Newton–Schulz steps.
    shape : (m, n), optional
        How to read θ of shape (..., m·n) as a matrix, row by row, as :func:`gdcourse.descend` needs it, for which the
        last axis alone is θ's. Default: the last two axes of θ are the matrix.

    Raises
    ------
    TypeError, ValueError
        If ``ns_steps`` is no count, or ``shape`` is no pair of them; from ``init``, if θ is no matrix.

    References
    ----------
    Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein (2024), *Muon: An optimizer for hidden layers in neural
    networks*. Liu et al. (2025), *Muon is Scalable for LLM Training*.
    """

    lr: LearningRate = 1e-3
    beta: float | Array = 0.95
    weight_decay: float | Array = 0.1
    ns_steps: int = _layout(5)
    shape: tuple[int, int] | None = _layout(None)

    class State(NamedTuple):
        v: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("ns_steps", self.ns_steps)
        if self.shape is None:
            return
        if not isinstance(self.shape, tuple) or len(self.shape) != 2:
            raise TypeError(f"shape must be a pair (m, n), got {self.shape!r}")
        for i, size in enumerate(self.shape):
            require_count(f"shape[{i}]", size)

    def matrices(self, theta: Array) -> Array:
        """Return θ as matrices, shape (..., m, n)."""
        if self.shape is None:
            if theta.ndim < 2:
                got = tuple(theta.shape)
                raise ValueError(f"theta must have shape (..., m, n) for Muon(), got {got}")
            return theta
        m, n = self.shape
        if theta.ndim < 1 or theta.shape[-1] != m * n:
            wants = f"(..., {m * n}) for Muon(shape=({m}, {n}))"
            raise ValueError(f"theta must have shape {wants}, got {tuple(theta.shape)}")
        xp = array_namespace(theta)
        return xp.reshape(theta, (*theta.shape[:-1], m, n))

    def init(self, theta: Array) -> State:
        self.matrices(theta)
        return self.State(v=array_namespace(theta).zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        v = self.beta * state.v + (1 - self.beta) * grad
        ahead = self.beta * v + (1 - self.beta) * grad
        O = newton_schulz(self.matrices(ahead), self.ns_steps)
        m, n = O.shape[-2:]
        step = max(1, m / n) ** 0.5 * xp.reshape(O, theta.shape)
        return -self.lr * (step + self.weight_decay * theta), self.State(v)
