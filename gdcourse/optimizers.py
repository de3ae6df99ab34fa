"""The update rules, one small class each.

A rule is a frozen dataclass: its fields are the hyperparameters, and :meth:`Optimizer.update` is the algorithm as its
paper prints it. Rules are pure. ``init(theta)`` gives the state before the first step, ``update(grad, state, theta)``
gives the change Δθ and the next state, and nothing is modified in place::

    state = rule.init(theta)
    delta, state = rule.update(grad, state, theta)
    theta = theta + delta

The lines use operators and array-API functions only, so they run unchanged on NumPy arrays of any shape and on torch
tensors, and a hyperparameter may be an array that broadcasts against θ (see :func:`gdcourse.descend`, which does so to
run a whole grid of settings at once).

Notation: θ parameters, g gradient, η learning rate (``lr``), β momentum or decay of an average, ρ decay of an average
of squares, v velocity (first moment), s second moment, t step from 1, ε ``eps``.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

from array_api_compat import array_namespace

from gdcourse._checks import require_fraction, require_non_negative, require_positive

Array = Any  # a NumPy array or a torch tensor
LearningRate = Any  # a number, an array, or a schedule: a callable of the step


@dataclass(frozen=True)
class Optimizer:
    """Base of all update rules.

    A rule needs ``update``, and ``init`` if it remembers anything. A rule that wants its gradient elsewhere than at θ
    overrides :meth:`lookahead`.

    Raises
    ------
    TypeError, ValueError
        If a hyperparameter is no number or out of its range, [0, 1) for ``beta…`` and ``rho``, non-negative for all
        others. The message names it, its value and the range.
    """

    lr: LearningRate

    def __post_init__(self) -> None:
        for name, value in self.hyperparameters().items():
            if name == "lr" and callable(value):
                continue
            if name == "lr" and isinstance(value, bool):
                raise TypeError(f"lr must be a number or an array of numbers, got {value!r}")
            decay = name.startswith("beta") or name == "rho"
            check = require_fraction if decay else require_non_negative
            check(name, value)

    def hyperparameters(self) -> dict[str, Any]:
        """Return the hyperparameters by name: all fields but those declared to be none, such as a matrix's shape."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("hyperparameter", True)}

    def init(self, theta: Array) -> Any:
        """Return the state before the first step: ``None`` for a rule without memory."""
        return None

    def lookahead(self, state: Any, theta: Array) -> Array:
        """Return the point at which the rule wants the gradient of its next step: here, unless overridden."""
        return theta

    def update(self, grad: Array, state: Any, theta: Array) -> tuple[Array, Any]:
        """Return Δθ and the next state.

        Parameters
        ----------
        grad : array, shape of θ
            The gradient g at ``lookahead(state, theta)``.
        state
            What ``init`` or the last ``update`` returned.
        theta : array
            The parameters before the step.
        """
        raise NotImplementedError

    def at(self, t: int) -> Self:
        """Return the rule as it stands at step ``t`` = 1, 2, …: with its schedule, if it has one, evaluated.

        A schedule is called with the number of steps already taken, t − 1, as in torch and optax. It must return one
        number.
        """
        if not callable(self.lr):
            return self
        rate = self.lr(t - 1)
        if callable(rate) or getattr(rate, "ndim", 0) > 0:
            raise TypeError(f"lr must be one number at each step, but its schedule returned {rate!r} for step {t}")
        return replace(self, lr=rate)


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    r"""Gradient descent; stochastic gradient descent when the gradient is that of a minibatch.

    .. math:: \Delta\theta = -\eta\, g_t

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0. The default is that of ``torch.optim.SGD``.

    References
    ----------
    Cauchy (1847); Goodfellow, Bengio & Courville (2016), Algorithm 8.1.
    """

    lr: LearningRate = 1e-3

    def update(self, grad: Array, state: None, theta: Array) -> tuple[Array, None]:
        return -self.lr * grad, None


@dataclass(frozen=True)
class SignDescent(Optimizer):
    r"""Move every coordinate by the same amount, against the sign of its slope.

    .. math:: \Delta\theta = -\eta\, \operatorname{sign}(g_t), \qquad \operatorname{sign}(0) = 0

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0: here the length of the step in each coordinate. The default is ours; none is common.

    References
    ----------
    Bernstein, Wang, Azizzadenesheli & Anandkumar (2018), *signSGD*, Algorithm 1.
    """

    lr: LearningRate = 1e-3

    def update(self, grad: Array, state: None, theta: Array) -> tuple[Array, None]:
        xp = array_namespace(grad)
        return -self.lr * xp.sign(grad), None


@dataclass(frozen=True)
class Momentum(Optimizer):
    r"""Gradient descent with momentum (the heavy ball).

    .. math:: v_t = \beta v_{t-1} + g_t, \qquad \Delta\theta = -\eta\, v_t, \qquad v_0 = 0

    The convention of torch and optax. *Deep Learning* (Algorithm 8.2) puts the rate inside, v ← βv − ηg and θ ← θ + v:
    the same path while η is constant, another one under a schedule. An average, v ← βv + (1−β)g, run with the
    learning rate η is this rule's path with η(1−β).

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0. The default is that of ``torch.optim.SGD``.
    beta : float or array, default 0.9
        Momentum β in [0, 1). ``torch.optim.SGD`` has 0, that is no momentum; 0.9 is the usual choice.

    References
    ----------
    Polyak (1964); Sutskever, Martens, Dahl & Hinton (2013), equations 1 and 2 (with the rate inside).
    """

    lr: LearningRate = 1e-3
    beta: float | Array = 0.9

    class State(NamedTuple):
        v: Array

    def init(self, theta: Array) -> State:
        return self.State(v=array_namespace(theta).zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        v = self.beta * state.v + grad
        return -self.lr * v, self.State(v)


@dataclass(frozen=True)
class Nesterov(Momentum):
    r"""Nesterov momentum: the gradient is taken where the velocity is about to carry us.

    .. math:: g_t = \nabla L(\theta - \eta\beta v_{t-1}), \qquad v_t = \beta v_{t-1} + g_t, \qquad
              \Delta\theta = -\eta\, v_t

    The look-ahead form of *Deep Learning*, with the rate outside the velocity as in :class:`Momentum`. torch steps the
    point of look-ahead itself, φ = θ − ηβv, without ever naming θ: for a constant η the two are the same path, seen at
    different points.

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0. The default is that of ``torch.optim.SGD``.
    beta : float or array, default 0.9
        Momentum β in [0, 1).

    References
    ----------
    Nesterov (1983); Sutskever et al. (2013), equations 3 and 4; Goodfellow et al. (2016), Algorithm 8.3.
    """

    def lookahead(self, state: Momentum.State, theta: Array) -> Array:
        return theta - self.lr * self.beta * state.v


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    r"""Divide each coordinate's step by the root of the sum of its squared gradients so far.

    .. math:: s_t = s_{t-1} + g_t^2, \qquad \Delta\theta = -\frac{\eta}{\sqrt{s_t} + \varepsilon}\, g_t, \qquad s_0 = 0

    Parameters
    ----------
    lr : float, array or schedule, default 0.01
        Learning rate η ≥ 0. The default is that of ``torch.optim.Adagrad``.
    eps : float or array, default 1e-10
        Stabiliser ε ≥ 0, outside the root. The default is torch's; *Deep Learning* suggests 1e-7. With ε = 0, a
        gradient that has been 0 from the start gives 0/0.

    References
    ----------
    Duchi, Hazan & Singer (2011); Goodfellow et al. (2016), Algorithm 8.4.
    """

    lr: LearningRate = 1e-2
    eps: float | Array = 1e-10

    class State(NamedTuple):
        s: Array

    def init(self, theta: Array) -> State:
        return self.State(s=array_namespace(theta).zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        s = state.s + grad**2
        return -self.lr * grad / (xp.sqrt(s) + self.eps), self.State(s)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    r"""AdaGrad that forgets: the sum of squares becomes an exponential average.

    .. math:: s_t = \rho s_{t-1} + (1-\rho)\, g_t^2, \qquad \Delta\theta = -\frac{\eta}{\sqrt{s_t} + \varepsilon}\, g_t,
              \qquad s_0 = 0

    ε stands outside the root, as in torch. *Deep Learning* (Algorithm 8.5) has √(δ + s), ε inside.

    Parameters
    ----------
    lr : float, array or schedule, default 0.01
        Learning rate η ≥ 0. The default is that of ``torch.optim.RMSprop``.
    rho : float or array, default 0.99
        Decay ρ in [0, 1) of the average of squares. The default is torch's (where it is called alpha); Hinton's slides
        have 0.9.
    eps : float or array, default 1e-8
        Stabiliser ε ≥ 0, outside the root. The default is torch's. With ε = 0, a gradient that has been 0 from the
        start gives 0/0.

    References
    ----------
    Tieleman & Hinton (2012), lecture 6.5; Goodfellow et al. (2016), Algorithm 8.5.
    """

    lr: LearningRate = 1e-2
    rho: float | Array = 0.99
    eps: float | Array = 1e-8

    class State(NamedTuple):
        s: Array

    def init(self, theta: Array) -> State:
        return self.State(s=array_namespace(theta).zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        s = self.rho * state.s + (1 - self.rho) * grad**2
        return -self.lr * grad / (xp.sqrt(s) + self.eps), self.State(s)


@dataclass(frozen=True)
class RMSPropNesterov(Optimizer):
    r"""RMSProp with Nesterov momentum: the velocity gathers scaled gradients, each taken at the look-ahead point.

    .. math:: g_t = \nabla L(\theta - \eta\beta v_{t-1}), \qquad s_t = \rho s_{t-1} + (1-\rho)\, g_t^2, \qquad
              v_t = \beta v_{t-1} + \frac{g_t}{\sqrt{s_t} + \varepsilon}, \qquad \Delta\theta = -\eta\, v_t

    Algorithm 8.6 with two changes of convention: the rate outside the velocity as in :class:`Momentum` (the same path
    while η is constant), and an ε, which the book leaves out (``eps=0`` restores it).

    Parameters
    ----------
    lr : float, array or schedule, default 0.01
        Learning rate η ≥ 0.
    rho : float or array, default 0.99
        Decay ρ in [0, 1) of the average of squares.
    beta : float or array, default 0.9
        Momentum β in [0, 1).
    eps : float or array, default 1e-8
        Stabiliser ε ≥ 0, outside the root. The defaults of ``lr``, ``rho`` and ``eps`` are those of :class:`RMSProp`.
        With ε = 0, a gradient that has been 0 from the start gives 0/0.

    References
    ----------
    Goodfellow et al. (2016), Algorithm 8.6.
    """

    lr: LearningRate = 1e-2
    rho: float | Array = 0.99
    beta: float | Array = 0.9
    eps: float | Array = 1e-8

    class State(NamedTuple):
        v: Array
        s: Array

    def init(self, theta: Array) -> State:
        zeros = array_namespace(theta).zeros_like(theta)
        return self.State(v=zeros, s=zeros)

    def lookahead(self, state: State, theta: Array) -> Array:
        return theta - self.lr * self.beta * state.v

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        s = self.rho * state.s + (1 - self.rho) * grad**2
        v = self.beta * state.v + grad / (xp.sqrt(s) + self.eps)
        return -self.lr * v, self.State(v, s)


@dataclass(frozen=True)
class Adadelta(Optimizer):
    r"""The step has the units of θ: a running size of past steps over a running size of past gradients.

    .. math:: s_t = \rho s_{t-1} + (1-\rho)\, g_t^2, \qquad
              \Delta_t = \frac{\sqrt{u_{t-1} + \varepsilon}}{\sqrt{s_t + \varepsilon}}\, g_t, \qquad
              u_t = \rho u_{t-1} + (1-\rho)\, \Delta_t^2, \qquad \Delta\theta = -\eta\, \Delta_t

    Here ε stands inside both roots, as in the paper and in torch, and s₀ = u₀ = 0.

    Parameters
    ----------
    lr : float, array or schedule, default 1.0
        Learning rate η ≥ 0. The paper has none, that is 1, as here and in ``torch.optim.Adadelta``.
    rho : float or array, default 0.9
        Decay ρ in [0, 1). The default is torch's; the paper's experiments use 0.95.
    eps : float or array, default 1e-6
        Stabiliser ε ≥ 0, which also sets the size of the first steps. The default is the paper's and torch's. With
        ε = 0, a gradient that has been 0 from the start gives 0/0, and any other no step at all.

    References
    ----------
    Zeiler (2012), Algorithm 1.
    """

    lr: LearningRate = 1.0
    rho: float | Array = 0.9
    eps: float | Array = 1e-6

    class State(NamedTuple):
        s: Array
        u: Array

    def init(self, theta: Array) -> State:
        zeros = array_namespace(theta).zeros_like(theta)
        return self.State(s=zeros, u=zeros)

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        s = self.rho * state.s + (1 - self.rho) * grad**2
        step = xp.sqrt(state.u + self.eps) / xp.sqrt(s + self.eps) * grad
        u = self.rho * state.u + (1 - self.rho) * step**2
        return -self.lr * step, self.State(s, u)


@dataclass(frozen=True)
class Adam(Optimizer):
    r"""Average gradient over root of average squared gradient, both corrected for their start at zero.

    .. math:: v_t = \beta_1 v_{t-1} + (1-\beta_1)\, g_t, \qquad s_t = \beta_2 s_{t-1} + (1-\beta_2)\, g_t^2, \qquad
              \Delta\theta = -\eta\, \frac{\hat v_t}{\sqrt{\hat s_t} + \varepsilon}, \qquad
              \hat v_t = \frac{v_t}{1-\beta_1^t}, \quad \hat s_t = \frac{s_t}{1-\beta_2^t}

    The paper calls the two moments m and v. ε stands outside the root and after the correction, as in the paper's
    Algorithm 1 and in torch.

    Parameters
    ----------
    lr : float, array or schedule, default 0.001
        Learning rate η ≥ 0.
    beta1, beta2 : float or array, defaults 0.9 and 0.999
        Decays β₁, β₂ in [0, 1) of the two averages.
    eps : float or array, default 1e-8
        Stabiliser ε ≥ 0. All defaults are those of the paper and of ``torch.optim.Adam``. With ε = 0, a gradient that
        has been 0 from the start gives 0/0.

    References
    ----------
    Kingma & Ba (2015), Algorithm 1; Goodfellow et al. (2016), Algorithm 8.7.
    """

    lr: LearningRate = 1e-3
    beta1: float | Array = 0.9
    beta2: float | Array = 0.999
    eps: float | Array = 1e-8

    class State(NamedTuple):
        v: Array
        s: Array
        t: int

    def init(self, theta: Array) -> Any:
        zeros = array_namespace(theta).zeros_like(theta)
        return self.State(v=zeros, s=zeros, t=0)

    def update(self, grad: Array, state: Any, theta: Array) -> tuple[Array, Any]:
        xp = array_namespace(grad)
        t = state.t + 1
        v = self.beta1 * state.v + (1 - self.beta1) * grad
        s = self.beta2 * state.s + (1 - self.beta2) * grad**2
        v_hat = v / (1 - self.beta1**t)
        s_hat = s / (1 - self.beta2**t)
        return -self.lr * v_hat / (xp.sqrt(s_hat) + self.eps), self.State(v, s, t)


@dataclass(frozen=True)
class AMSGrad(Adam):
    r"""Adam whose second moment never shrinks.

    .. math:: v_t = \beta_1 v_{t-1} + (1-\beta_1)\, g_t, \qquad s_t = \beta_2 s_{t-1} + (1-\beta_2)\, g_t^2, \qquad
              m_t = \max(m_{t-1}, s_t), \qquad
              \Delta\theta = -\eta\, \frac{\hat v_t}{\sqrt{m_t / (1-\beta_2^t)} + \varepsilon}

    The maximum is taken before the bias correction, as in torch. The paper's Algorithm 2 has neither correction nor ε.

    Parameters
    ----------
    lr, beta1, beta2, eps
        As in :class:`Adam`, with its defaults, which are those of ``torch.optim.Adam(amsgrad=True)``.

    References
    ----------
    Reddi, Kale & Kumar (2018), Algorithm 2.
    """

    class State(NamedTuple):
        v: Array
        s: Array
        s_max: Array
        t: int

    def init(self, theta: Array) -> State:
        zeros = array_namespace(theta).zeros_like(theta)
        return self.State(v=zeros, s=zeros, s_max=zeros, t=0)

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        xp = array_namespace(grad)
        t = state.t + 1
        v = self.beta1 * state.v + (1 - self.beta1) * grad
        s = self.beta2 * state.s + (1 - self.beta2) * grad**2
        s_max = xp.maximum(state.s_max, s)
        v_hat = v / (1 - self.beta1**t)
        s_hat = s_max / (1 - self.beta2**t)
        return -self.lr * v_hat / (xp.sqrt(s_hat) + self.eps), self.State(v, s, s_max, t)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay: θ shrinks by a share of itself, not by way of the gradient.

    .. math:: \Delta\theta = -\eta \left(
                \frac{\hat v_t}{\sqrt{\hat s_t} + \varepsilon} + \lambda\, \theta_{t-1} \right)

    with the moments of :class:`Adam`. The decay is multiplied by η, as in torch. In the paper (Algorithm 2) a schedule
    multiplier scales both terms and the rate α only the first, so its λ is ηλ here.

    Parameters
    ----------
    lr, beta1, beta2, eps
        As in :class:`Adam`, with its defaults.
    weight_decay : float or array, default 0.01
        Decay λ ≥ 0. The default is that of ``torch.optim.AdamW``.

    References
    ----------
    Loshchilov & Hutter (2019), Algorithm 2.
    """

    weight_decay: float | Array = 1e-2

    def update(self, grad: Array, state: Adam.State, theta: Array) -> tuple[Array, Adam.State]:
        delta, state = super().update(grad, state, theta)
        return delta - self.lr * self.weight_decay * theta, state


@dataclass(frozen=True)
class AdaBound(Adam):
    r"""Adam whose per-coordinate rate is clipped to bounds that close in on a single one: from Adam to SGD.

    .. math:: \eta_t = \operatorname{clip}\Bigl( \frac{\eta\, c_t}{\sqrt{s_t} + \varepsilon},\, l_t,\, u_t \Bigr),
              \qquad c_t = \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}, \qquad
              l_t = \eta^\star \Bigl(1 - \frac{1}{\gamma t + 1}\Bigr), \qquad
              u_t = \eta^\star \Bigl(1 + \frac{1}{\gamma t}\Bigr), \qquad
              \Delta\theta = -\eta_t\, v_t

    with the moments of :class:`Adam`. This is the authors' published code, bias corrections included: what the bounds
    clip is the rate of the uncorrected v. The paper's Algorithm 2 has no correction and a further factor 1/√t. In their
    code a schedule scales η* along with η; here η* stays.

    Parameters
    ----------
    lr, beta1, beta2, eps
        As in :class:`Adam`, with its defaults. ε meets √s before any bias correction.
    final_lr : float or array, default 0.1
        The rate η* > 0 of the SGD that it ends as.
    gamma : float or array, default 0.001
        Speed γ > 0 at which the bounds close in. Both defaults are those of the paper.

    References
    ----------
    Luo, Xiong, Liu & Sun (2019), Algorithm 2 and the bounds of their section 4.
    """

    final_lr: float | Array = 0.1
    gamma: float | Array = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("final_lr", self.final_lr)
        require_positive("gamma", self.gamma)

    def update(self, grad: Array, state: Adam.State, theta: Array) -> tuple[Array, Adam.State]:
        xp = array_namespace(grad)
        t = state.t + 1
        v = self.beta1 * state.v + (1 - self.beta1) * grad
        s = self.beta2 * state.s + (1 - self.beta2) * grad**2
        lower = self.final_lr * (1 - 1 / (self.gamma * t + 1))
        upper = self.final_lr * (1 + 1 / (self.gamma * t))
        correction = (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        rate = xp.clip(self.lr * correction / (xp.sqrt(s) + self.eps), lower, upper)
        return -rate * v, self.State(v, s, t)
