"""Gradients by finite differences, and the check of a gradient against them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gdcourse._checks import require_positive

_UNIT = np.finfo(float).eps


def numerical_gradient(
    f: Callable[[np.ndarray], Any],
    theta: Any,
    eps: float | None = None,
    scheme: str = "central",
) -> np.ndarray:
    r"""Gradient of ``f`` by finite differences, one coordinate after the other.

    .. math:: \frac{f(\theta + \epsilon e_i) - f(\theta - \epsilon e_i)}{2\epsilon} \;\text{(central)}, \qquad
              \frac{f(\theta + \epsilon e_i) - f(\theta)}{\epsilon} \;\text{(forward)}

    The error of the first is O(ε²), of the second O(ε), as long as rounding, of the order u/ε, stays below. It costs 2d
    or d + 1 evaluations of ``f``.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of ``theta`` and returns one number for each point.
    theta : array_like, shape (..., d)
        Where. Several points at once if ``f`` takes them.
    eps : float, optional
        The ε above. Default: ∛u (central) or √u (forward) times max(1, \|θᵢ\|), with u = 2.2e-16.
    scheme : {"central", "forward"}
        Which quotient.

    Returns
    -------
    array, shape (..., d)

    Raises
    ------
    ValueError
        If ``scheme`` is neither of the two, or ``eps`` is not positive, or so small that a coordinate of θ plus ``eps``
        rounds to the coordinate itself.
    """
    theta, h = _steps(theta, eps, scheme)
    central, grad = scheme == "central", np.empty_like(theta)
    here = None if central else f(theta)
    for i in range(theta.shape[-1]):
        up, down = theta.copy(), theta.copy()
        up[..., i] += h[..., i]
        if central:
            down[..., i] -= h[..., i]
        # We divide by the distance that the rounded points really have.
        rise = f(up) - (f(down) if central else here)
        grad[..., i] = rise / (up[..., i] - down[..., i])
    return grad


def _steps(theta: Any, eps: float | None, scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """Return θ as floats and the step in each coordinate, after a look at all three."""
    if scheme not in ("central", "forward"):
        raise ValueError(f"scheme must be 'central' or 'forward', got {scheme!r}")
    theta = np.array(theta, dtype=float)
    if theta.ndim == 0:
        raise ValueError(f"theta must have shape (..., d), got the number {theta[()]!r}")
    if eps is None:
        return theta, _UNIT ** (1 / 3 if scheme == "central" else 1 / 2) * np.maximum(1.0, np.abs(theta))
    require_positive("eps", eps)
    if np.any(lost := np.isfinite(theta) & (theta + eps == theta)):
        raise ValueError(f"eps must be large enough to move theta, got {eps!r} at {float(theta[lost][0])!r}")
    return theta, np.full_like(theta, eps)


def check_gradient(
    f: Callable[[np.ndarray], Any],
    theta: Any,
    grad: Callable[[np.ndarray], Any] | None = None,
    *,
    eps: float | None = None,
    tol: float = 1e-6,
) -> float:
    r"""Compare a gradient with central differences and return the largest relative error.

    The error of a coordinate is \|a − n\| for the analytic value a and the numerical value n, over the size of the
    point's gradient, that is the largest \|a\| or \|n\| of its coordinates. Differences of numbers of the size of f are
    exact only to a multiple of u^(2/3) max(1, \|f\|), with u = 2.2e-16. What is below a thousand times that, 4e-8
    max(1, \|f\|), therefore passes, whatever the size of the gradient.

    Parameters
    ----------
    f : callable or objective
        The function.
    theta : array_like, shape (..., d)
        Where to compare.
    grad : callable, optional
        The gradient under test. Default: ``f.grad``.
    eps : float, optional
        As in :func:`numerical_gradient`.
    tol : float, default 1e-6
        The largest error that passes.

    Raises
    ------
    ValueError
        If ``theta`` holds no point, or the error exceeds ``tol`` (or is NaN) in some coordinate; the message names the
        worst one and both values.
    """
    if grad is None:
        if not hasattr(f, "grad"):
            raise TypeError(f"grad must be given, since {f!r} has no method grad")
        grad = f.grad
    require_positive("tol", tol)
    theta = np.asarray(theta, dtype=float)
    if not theta.size:
        raise ValueError(f"theta must hold at least one point, got shape {theta.shape}")
    analytic = np.asarray(grad(theta), dtype=float)
    if analytic.shape != theta.shape:
        raise ValueError(f"grad must return the shape of theta, {theta.shape}, got {analytic.shape}")
    numeric = numerical_gradient(f, theta, eps)
    size = np.fmax.reduce(np.fmax(np.abs(analytic), np.abs(numeric)), axis=-1, keepdims=True)  # NaN aside
    rounding = 1e3 * _UNIT ** (2 / 3) * np.maximum(1.0, np.abs(f(theta)))[..., None]
    error = np.abs(analytic - numeric) / np.fmax(size, rounding / tol)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    if not error[worst] <= tol:
        raise ValueError(
            f"gradient at index {tuple(int(i) for i in worst)} is {analytic[worst]:.8g}, "
            f"but central differences give {numeric[worst]:.8g} (relative error {error[worst]:.1e}, tol {tol:.1e})"
        )
    return float(error[worst])
