"""Newton's method: steps that know the curvature, plain, damped, and with the Hessian's negative eigenvalues turned."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gdcourse._checks import require_non_negative, takes_many
from gdcourse.descent import Trajectory, _numbers, _where, descend
from gdcourse.optimizers import LearningRate, Optimizer

Array = np.ndarray


def _no_hessian(theta: Array) -> Array:
    raise ValueError("hessian must be given before a step can be taken, such as Newton(hessian=objective.hessian)")


@dataclass(frozen=True)
class Newton(Optimizer):
    r"""The rule of :func:`newton`, for the places that want a rule: a loop of one's own, a line search.

    .. math:: \Delta\theta = -\eta\, (H + \lambda I)^{-1} g_t, \qquad H = \nabla^2 L(\theta)

    With ``absolute``, H is replaced by \|H\|, which has its eigenvectors, and the absolute values of its eigenvalues.
    Where the matrix is exactly singular the step is NaN.

    Parameters
    ----------
    lr : float, array or schedule, default 1.0
        Learning rate η ≥ 0; 1 is the full step.
    damping : float or array, default 0.0
        λ ≥ 0, in the unit of a curvature.
    absolute : bool, default False
        Whether to take \|H\| for H.
    hessian : callable
        Takes θ of shape (..., d), returns H of shape (..., d, d), symmetric. A :class:`gdcourse.Explorer` puts in that
        of its surface; for any other use it must be given.

    References
    ----------
    Nocedal & Wright (2006), section 3.3; for λ Levenberg (1944), Marquardt (1963); for \|H\| Dauphin et al. (2014).
    """

    lr: LearningRate = 1.0
    damping: Any = 0.0
    absolute: bool = False
    hessian: Callable[[Array], Any] = field(default=_no_hessian, kw_only=True)

    def __post_init__(self) -> None:
        for name, value in (("lr", self.lr), ("damping", self.damping)):
            if isinstance(value, bool):
                raise TypeError(f"{name} must be a number or an array of numbers, got {value!r}")
            if not (name == "lr" and callable(value)):
                require_non_negative(name, value)
        if not isinstance(self.absolute, (bool, np.bool_)):
            raise TypeError(f"absolute must be True or False, got {self.absolute!r}")
        if not callable(self.hessian):
            raise TypeError(f"hessian must be callable, such as objective.hessian, got {self.hessian!r}")

    def update(self, grad: Array, state: None, theta: Array) -> tuple[Array, None]:
        H = self.hessian(theta)
        if self.absolute:
            H = modulus(H)
        damping = np.asarray(self.damping)[..., None] * np.eye(theta.shape[-1])
        return -self.lr * solve(H + damping, grad), None


def modulus(H: Any) -> Array:
    r"""Return \|H\| = Q \|Λ\| Qᵀ for symmetric H = Q Λ Qᵀ of shape (..., d, d); NaN where H is not finite."""
    H = np.asarray(H, dtype=float)
    finite = np.isfinite(H).all(axis=(-2, -1), keepdims=True)
    eigenvalues, Q = np.linalg.eigh(np.where(finite, H, 0.0))
    return np.where(finite, (Q * np.abs(eigenvalues)[..., None, :]) @ Q.mT, np.nan)


def solve(A: Array, b: Array) -> Array:
    """Return x of shape (..., d) with A x = b, for each matrix of a batch; NaN where it is exactly singular."""
    try:
        return np.linalg.solve(A, b[..., None])[..., 0]
    except np.linalg.LinAlgError:  # raised for the whole batch, though it may be one matrix of many
        if A.ndim == 2:
            return np.full_like(b, np.nan)
        return np.stack([solve(*pair) for pair in zip(A, b, strict=True)])


def newton(
    objective: Any,
    start: Any,
    steps: int,
    damping: Any = 0.0,
    *,
    absolute: bool = False,
    lr: LearningRate = 1.0,
    tol: float | None = None,
) -> Trajectory:
    r"""Run Newton's method: in every step, go to the stationary point of the quadratic that fits here.

    .. math:: \theta_t = \theta_{t-1} - \eta\, (H + \lambda I)^{-1}\, \nabla L(\theta_{t-1}), \qquad
              H = \nabla^2 L(\theta_{t-1})

    λ = 0 is Newton's method; λ → ∞ is gradient descent with learning rate η/λ. Nothing keeps the loss from rising, and
    a saddle or a maximum attracts the method as a minimum does. With ``absolute`` the eigenvalues of H are replaced by
    their absolute values ("saddle-free"), so that every step begins downhill. A step takes d² numbers and of the order
    of d³ operations.

    Divergence is a result, not an error, as in :func:`gdcourse.descend`: a run ends where θ or L is no longer finite,
    and where the matrix of its step is exactly singular. (One that is singular but for rounding sends θ very far.)

    Parameters
    ----------
    objective
        Can be called with θ of shape (..., d), and has ``grad`` and ``hessian``, of shapes (..., d) and (..., d, d).
    start : array_like, shape (..., d)
        Where to begin: one point, or a batch.
    steps : int
        Number of steps.
    damping : float or array, default 0.0
        λ ≥ 0, in the unit of a curvature. An array over runs is broadcast against ``start``.
    absolute : bool, default False
        Whether to take \|H\| for H.
    lr : float, array or schedule, default 1.0
        Learning rate η ≥ 0.
    tol : float, optional
        A run stops once the norm of its gradient is at most this.

    Returns
    -------
    Trajectory
        As from :func:`gdcourse.descend`.

    Raises
    ------
    TypeError, ValueError
        Before the first step, naming the argument, if one is not of its kind or out of range, or the Hessian at the
        start has another shape, is not finite or not symmetric.

    References
    ----------
    Nocedal & Wright (2006), section 3.3; for λ Levenberg (1944), Marquardt (1963); for \|H\| Dauphin et al. (2014),
    *Identifying and attacking the saddle point problem in high-dimensional non-convex optimization*.
    """
    hessian = getattr(objective, "hessian", None)
    if isinstance(objective, type) or not callable(hessian):
        hint = "; gd.objectives.from_function makes one of a plain function" if callable(objective) else ""
        raise TypeError(f"objective must have a method hessian, got {objective!r}{hint}")
    rule = Newton(lr=lr, damping=damping, absolute=absolute, hessian=hessian)
    _check_hessian(hessian, descend(objective, start, rule, 0).theta[0])
    return descend(objective, start, rule, steps, tol=tol)


def _check_hessian(hessian: Callable[[Array], Any], theta: Array) -> None:
    """Raise unless the Hessian at the start is what a step needs."""
    with np.errstate(all="ignore"):
        H = _numbers("objective.hessian(theta)", hessian(theta))
        if H.shape != (*theta.shape, theta.shape[-1]):
            expected = (*theta.shape, theta.shape[-1])
            raise ValueError(f"objective.hessian must return shape {expected} at the start, got {H.shape}")
        if not takes_many(hessian, theta, H):
            raise ValueError("objective.hessian must return one matrix for each point, but it mixes the points")
        bad = ~np.isfinite(H).all(axis=(-2, -1))
        if bad.any():
            raise ValueError(f"objective.hessian must be finite at the start, got {H[bad][0].tolist()}{_where(bad)}")
        bad = ~(np.abs(H - H.mT) <= 1e-6 * np.abs(H).max(axis=(-2, -1), keepdims=True)).all(axis=(-2, -1))
        if bad.any():
            raise ValueError(f"objective.hessian must be symmetric, got {H[bad][0].tolist()}{_where(bad)}")
