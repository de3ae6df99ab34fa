"""Quasi-Newton methods: an inverse Hessian from changes of the gradient, as a matrix (BFGS) or as pairs (L-BFGS)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gdcourse import line_search
from gdcourse._checks import require_count, require_fraction, require_number
from gdcourse.line_search import Found, SearchedTrajectory, wolfe
from gdcourse.optimizers import LearningRate, Optimizer

Array = np.ndarray


def _dot(a: Array, b: Array) -> Array:
    """Return aᵀb for each run, shape (..., 1)."""
    return np.sum(a * b, axis=-1, keepdims=True)


def _unit(grad: Array) -> Array:
    """Return the gradient with length 1: the direction of a run that knows no curvature yet."""
    norm = np.sqrt(_dot(grad, grad))
    return grad / np.where(norm > 0, norm, 1.0)


def _measure(s: Array, y: Array, skip: float) -> tuple[Array, Array, Array]:
    """Return ρ = 1/sᵀy, γ = sᵀy/yᵀy, and whether the pair may be used; each of shape (..., 1)."""
    with np.errstate(all="ignore"):
        sy, yy = _dot(s, y), _dot(y, y)
        rho, gamma = 1 / sy, sy / yy
        usable = (sy > skip * np.sqrt(_dot(s, s)) * np.sqrt(yy)) & np.isfinite(rho) & np.isfinite(gamma)
    return rho, gamma, usable


def bfgs_update(G: Array, s: Array, y: Array) -> Array:
    r"""Return the inverse Hessian that has learned the pair (s, y).

    .. math:: G^+ = (I - \rho\, s y^\top)\, G\, (I - \rho\, y s^\top) + \rho\, s s^\top, \qquad \rho = 1 / s^\top y

    Multiplied out, so that it takes of the order of d² operations. G⁺ y = s; and where sᵀy > 0 and G is symmetric and
    positive definite, so is G⁺. (The literature writes H for our G, which is the name of the Hessian in this course.)

    Parameters
    ----------
    G : array, shape (..., d, d)
        Symmetric.
    s, y : array, shape (..., d)
        A change of θ, and the change of the gradient with it.

    References
    ----------
    Nocedal & Wright (2006), equation 6.17.
    """
    rho = 1 / _dot(s, y)[..., None]
    s, y = s[..., None], y[..., None]
    Gy = G @ y
    return G + rho * ((1 + rho * (y.mT @ Gy)) * (s @ s.mT) - (Gy @ s.mT + s @ Gy.mT))


@dataclass(frozen=True)
class BFGS(Optimizer):
    r"""The rule of :func:`bfgs`: a matrix in the place of the inverse Hessian, learned from the steps taken.

    .. math:: \Delta\theta = -\eta\, G_t\, g_t, \qquad
              G_t = P_t^\top G_{t-1} P_t + \rho_t\, s_t s_t^\top, \qquad P_t = I - \rho_t\, y_t s_t^\top, \qquad
              \rho_t = \frac{1}{s_t^\top y_t}, \qquad
              s_t = \theta_{t-1} - \theta_{t-2}, \qquad y_t = g_t - g_{t-1}

    G is corrected by :func:`bfgs_update` with s, the last change of θ, and y, the change of the gradient. Before the
    first pair it is I/‖g‖, and the step has the length η; the first pair corrects γI, γ = sᵀy/yᵀy. A pair with
    sᵀy ≤ skip · ‖s‖ ‖y‖ is left out.

    Parameters
    ----------
    lr : float, array or schedule, default 1.0
        Learning rate η ≥ 0.
    skip : float, default 1e-8
        In [0, 1): the least cosine between s and y.

    References
    ----------
    Broyden (1970); Fletcher (1970); Goldfarb (1970); Shanno (1970). Nocedal & Wright (2006), Algorithm 6.1.
    """

    lr: LearningRate = 1.0
    skip: float = 1e-8

    class State(NamedTuple):
        G: Any  # (..., d, d)
        learned: Any  # (..., 1): whether G has learned a pair
        theta: Any  # of the last step
        grad: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_skip(self.skip)

    def init(self, theta: Array) -> State:
        G = np.zeros((*theta.shape, theta.shape[-1]))
        return self.State(G, np.zeros((*theta.shape[:-1], 1), dtype=bool), theta, np.zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        s, y = theta - state.theta, grad - state.grad
        _, gamma, usable = _measure(s, y, self.skip)
        with np.errstate(all="ignore"):  # of pairs that are not used
            G = np.where(state.learned[..., None], state.G, gamma[..., None] * np.eye(theta.shape[-1]))
            G = np.where(usable[..., None], bfgs_update(G, s, y), state.G)
        learned = state.learned | usable
        step = np.where(learned, (G @ grad[..., None])[..., 0], _unit(grad))
        return -self.lr * _downhill(step, grad), self.State(G, learned, theta, grad)


class Pairs(NamedTuple):
    """What L-BFGS remembers: its last m pairs, the newest last."""

    s: Any  #: (m, ..., d): changes of θ.
    y: Any  #: (m, ..., d): changes of the gradient.
    rho: Any  #: (m, ..., 1): 1/sᵀy, or 0 where there is no pair yet.
    gamma: Any  #: (..., 1): sᵀy/yᵀy of the newest pair.


def no_pairs(memory: int, theta: Array) -> Pairs:
    """Return the empty memory for ``memory`` pairs, for θ of shape (..., d)."""
    none = np.zeros((memory, *theta.shape))
    return Pairs(none, none, none[..., :1], none[0, ..., :1])


def remember(pairs: Pairs, s: Array, y: Array, skip: float = 1e-8) -> Pairs:
    """Return the memory with the pair (s, y) in the place of the oldest; unchanged if sᵀy ≤ skip · ‖s‖ ‖y‖."""
    rho, gamma, usable = _measure(s, y, skip)
    if not usable.any():
        return pairs
    queues = zip(pairs[:3], (s, y, rho), strict=True)
    s, y, rho = (np.where(usable, [*old[1:], new], old) for old, new in queues)
    return Pairs(s, y, rho, np.where(usable, gamma, pairs.gamma))


def two_loop(grad: Array, pairs: Pairs) -> Array:
    r"""Return G g, where G is γI corrected by the pairs, oldest first, as :func:`bfgs_update` does it.

    No matrix is formed: it takes 4md multiplications and as many additions. Without pairs it returns g/‖g‖.

    Parameters
    ----------
    grad : array, shape (..., d)
        The gradient g, or any other vector.
    pairs : Pairs

    References
    ----------
    Nocedal (1980); Nocedal & Wright (2006), Algorithm 7.4, with γ by their equation 7.20.
    """
    oldest_first = list(zip(pairs.s, pairs.y, pairs.rho, strict=True))
    q, alphas = grad, []
    for s, y, rho in oldest_first[::-1]:
        alphas.append(rho * _dot(s, q))
        q = q - alphas[-1] * y
    r = np.where(pairs.gamma > 0, pairs.gamma * q, _unit(q))
    for s, y, rho in oldest_first:
        beta = rho * _dot(y, r)
        r = r + (alphas.pop() - beta) * s
    return r


@dataclass(frozen=True)
class LBFGS(Optimizer):
    r"""The rule of :func:`lbfgs`: BFGS from the last m pairs alone, without a matrix.

    .. math:: \Delta\theta = -\eta\, G_t\, g_t, \qquad G_t \text{ from the last } m \text{ pairs } (s, y)

    G_t g_t is computed by :func:`two_loop`; s and y are as in :class:`BFGS`.

    Parameters
    ----------
    lr : float, array or schedule, default 1.0
        Learning rate η ≥ 0.
    memory : int, default 10
        m ≥ 1, the number of pairs kept.
    skip : float, default 1e-8
        As in :class:`BFGS`.

    References
    ----------
    Nocedal (1980); Liu & Nocedal (1989); Nocedal & Wright (2006), Algorithm 7.5.
    """

    lr: LearningRate = 1.0
    memory: int = 10
    skip: float = 1e-8

    class State(NamedTuple):
        pairs: Pairs
        theta: Any  # of the last step
        grad: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        require_count("memory", self.memory)
        _require_skip(self.skip)

    def init(self, theta: Array) -> State:
        return self.State(no_pairs(self.memory, theta), theta, np.zeros_like(theta))

    def update(self, grad: Array, state: State, theta: Array) -> tuple[Array, State]:
        pairs = remember(state.pairs, theta - state.theta, grad - state.grad, self.skip)
        step = _downhill(two_loop(grad, pairs), grad)
        return -self.lr * step, self.State(pairs, theta, grad)


def _downhill(step: Array, grad: Array) -> Array:
    """Return G g, but the gradient's direction where rounding has cost G its positive definiteness."""
    return np.where(_dot(step, grad) > 0, step, _unit(grad))


def _require_skip(skip: Any) -> None:
    require_number("skip", skip)
    require_fraction("skip", skip)


def bfgs(
    objective: Any,
    start: Any,
    steps: int,
    *,
    search: Callable[..., Found] = wolfe,
    skip: float = 1e-8,
    tol: float | None = None,
) -> SearchedTrajectory:
    r"""Minimise by the method of Broyden, Fletcher, Goldfarb and Shanno, with a line search in every step.

    .. math:: \theta_t = \theta_{t-1} - \eta_t\, G_t\, \nabla L(\theta_{t-1}), \qquad
              G_t\, (g_t - g_{t-1}) = \theta_{t-1} - \theta_{t-2}

    G takes d² numbers, and a step of the order of d² operations. The rest is as in :func:`lbfgs`.

    Parameters
    ----------
    objective, start, steps, search, skip, tol
        As in :func:`lbfgs`.

    Returns
    -------
    SearchedTrajectory

    Raises
    ------
    TypeError, ValueError
        As :func:`lbfgs`.

    References
    ----------
    Broyden (1970); Fletcher (1970); Goldfarb (1970); Shanno (1970). Nocedal & Wright (2006), Algorithm 6.1.
    """
    return line_search.descend(objective, start, search, steps, rule=BFGS(skip=skip), tol=tol)


def lbfgs(
    objective: Any,
    start: Any,
    steps: int,
    memory: int = 10,
    *,
    search: Callable[..., Found] = wolfe,
    skip: float = 1e-8,
    tol: float | None = None,
) -> SearchedTrajectory:
    r"""Minimise by L-BFGS, limited-memory BFGS, with a line search in every step.

    .. math:: \theta_t = \theta_{t-1} - \eta_t\, G_t\, \nabla L(\theta_{t-1}), \qquad
              G_t \text{ from the last } m \text{ pairs } (\Delta\theta, \Delta g)

    The search tries η = 1 first; in the first step, where no curvature is known, that is a step of length 1. A pair
    with sᵀy ≤ skip · ‖s‖ ‖y‖ is left out, so that G stays positive definite; a step that satisfies the conditions of
    :func:`gdcourse.line_search.wolfe` gives a pair with sᵀy > 0.

    A run ends at a stationary point, and where the search finds no lower one: close to a minimum, where rounding hides
    the differences of L.

    Parameters
    ----------
    objective
        Anything that can be called with θ of shape (..., d) and has ``grad``: all the data, no minibatches.
    start : array_like, shape (..., d)
        Where to begin: one point, or a batch.
    steps : int
        Number of steps at most.
    memory : int, default 10
        m ≥ 1, the number of pairs kept. They take 2md numbers, and a step about 4md multiplications.
    search : callable, default :func:`gdcourse.line_search.wolfe`
        A line search, with parameters of its own by ``functools.partial``.
    skip : float, default 1e-8
        In [0, 1): the least cosine between s and y. On a quadratic the cosine is at least 2√κ/(κ + 1), so that 1e-8
        leaves out nothing unless κ > 4e16.
    tol : float, optional
        A run stops once the norm of its gradient is at most this.

    Returns
    -------
    SearchedTrajectory
        With the learning rates found, and the numbers of values and gradients computed.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, if one is not of its kind or out of range.

    References
    ----------
    Nocedal (1980), *Updating quasi-Newton matrices with limited storage*; Liu & Nocedal (1989), *On the limited memory
    BFGS method for large scale optimization*; Nocedal & Wright (2006), Algorithm 7.5.
    """
    return line_search.descend(objective, start, search, steps, rule=LBFGS(memory=memory, skip=skip), tol=tol)
