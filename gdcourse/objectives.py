"""What can be minimised: test functions with their gradients, Hessians and minima, and losses over data.

Anything that can be called with θ and has a method ``grad`` is an objective to :func:`gdcourse.descend`; the classes
here give more. θ has shape (..., d): the last axis holds one point's coordinates, the leading ones hold as many points
as you like, and values come back with the shape of the leading axes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from gdcourse import losses
from gdcourse._checks import require_count, takes_many
from gdcourse.gradients import numerical_gradient

Array = np.ndarray


def _fixed(points: Any) -> Array:
    """Return a copy that cannot be written to: minima belong to every user of the objective."""
    points = np.array(points, dtype=float)
    points.flags.writeable = False
    return points


class Objective(ABC):
    """Base of all objectives.

    Attributes
    ----------
    dim : int
        Number d of coordinates of θ.
    minima : array, shape (k, d)
        The global minimisers, read-only; none (k = 0) where the function is unbounded below, or they are not known.
    minimum : float or None
        The value there, or None where ``minima`` is empty.
    domain : array, shape (d, 2)
        A box worth drawing, lower and upper end of each coordinate. Nothing stops θ from leaving it.
    name : str
        Its name in figures.
    """

    dim: int = 2
    minima: Array = _fixed(np.empty((0, 2)))
    domain: Array = np.array([[-2.0, 2.0], [-2.0, 2.0]])

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def minimum(self) -> float | None:
        return float(np.min(self(self.minima))) if len(self.minima) else None

    def __repr__(self) -> str:
        return f"{self.name}({'' if self.dim == type(self).dim else f'dim={self.dim}'})"

    def __call__(self, theta: Any) -> Any:
        """Return the value at ``theta``, shape (...,) for θ of shape (..., d)."""
        return self._value(self._coordinates(theta))

    def grad(self, theta: Any) -> Array:
        """Return the gradient at ``theta``, shape (..., d)."""
        return self._grad(self._coordinates(theta))

    def hessian(self, theta: Any) -> Array:
        """Return the Hessian at ``theta``, shape (..., d, d)."""
        return self._hessian(self._coordinates(theta))

    def _coordinates(self, theta: Any) -> Array:
        theta = np.asarray(theta)
        if theta.ndim == 0 or theta.shape[-1] != self.dim:
            raise ValueError(f"theta must have shape (..., {self.dim}) for {self.name}, got {theta.shape}")
        return theta if theta.dtype.kind in "fc" else theta.astype(float)

    @abstractmethod
    def _value(self, theta: Array) -> Any: ...

    @abstractmethod
    def _grad(self, theta: Array) -> Array: ...

    @abstractmethod
    def _hessian(self, theta: Array) -> Array: ...


def _point(*coordinates: Array) -> Array:
    """Put coordinates of shape (...) together, shape (..., d); in memory they lie one after the other."""
    point = np.array(coordinates)  # np.stack and np.moveaxis take longer than a gradient in the plane
    return point.transpose(*range(1, point.ndim), 0)


def _matrix(rows: list[list[Any]]) -> Array:
    """Stack a table of arrays of shape (...) into matrices of shape (..., d, d)."""
    entries = np.broadcast_arrays(*[entry for row in rows for entry in row])
    return np.stack(entries, axis=-1).reshape(*entries[0].shape, len(rows), len(rows))


def _diagonal(entries: Array) -> Array:
    """Put entries of shape (..., d) on the diagonals of matrices of shape (..., d, d)."""
    return entries[..., None] * np.eye(entries.shape[-1])


class Quadratic(Objective):
    r"""A quadratic, L(θ) = ½ (θ − c)ᵀ A (θ − c): the bowl, or the ravine when its eigenvalues differ.

    Parameters
    ----------
    A : array_like, shape (d, d) or (d,)
        The Hessian, symmetric up to rounding, or its eigenvalues, which then lie along the axes.
    center : array_like, shape (d,), optional
        The stationary point c. Default: the origin.

    Attributes
    ----------
    eigenvalues : array, shape (d,)
        Of A, ascending.
    condition_number : float
        κ = λ_max/λ_min; infinite if λ_min is 0, NaN if it is negative.
    """

    def __init__(self, A: Any = (1.0, 1.0), center: Any = None) -> None:
        A = np.asarray(A, dtype=float)
        if A.ndim == 1 and A.size:
            A = np.diag(A)
        square = A.ndim == 2 and A.shape[0] == A.shape[1] and A.size > 0
        if square and not np.all(np.isfinite(A)):
            raise ValueError(f"A must be finite, got {A!r}")
        if not square or not np.allclose(A, A.T, rtol=1e-12, atol=1e-12 * np.abs(A).max()):
            raise ValueError(f"A must be a symmetric matrix or a vector of eigenvalues, got {A!r}")
        self.A = (A + A.T) / 2
        self.dim = len(A)
        self.center = np.zeros(self.dim) if center is None else np.array(center, dtype=float)
        if self.center.shape != (self.dim,):
            raise ValueError(f"center must have shape ({self.dim},), got {self.center.shape}")
        if not np.all(np.isfinite(self.center)):
            raise ValueError(f"center must be finite, got {self.center!r}")
        self.eigenvalues = np.linalg.eigvalsh(self.A)
        # A zero eigenvalue may come out a rounding error below zero, and must not cost a valley its minimum.
        rounding = self.dim * np.finfo(float).eps * np.abs(self.eigenvalues).max()
        self.eigenvalues[(self.eigenvalues < 0) & (self.eigenvalues >= -rounding)] = 0.0
        self.minima = _fixed(self.center[None] if self.eigenvalues[0] >= 0 else np.empty((0, self.dim)))
        self.domain = self.center[:, None] + np.array([-2.0, 2.0])

    def __repr__(self) -> str:
        return f"Quadratic(eigenvalues={self.eigenvalues})"

    @property
    def condition_number(self) -> float:
        low, high = self.eigenvalues[[0, -1]]
        return float(high / low) if low > 0 else (np.inf if low == 0 else np.nan)

    def _value(self, theta: Array) -> Any:
        x = theta - self.center
        return 0.5 * np.sum(x * (x @ self.A), axis=-1)

    def _grad(self, theta: Array) -> Array:
        return (theta - self.center) @ self.A

    def _hessian(self, theta: Array) -> Array:
        return np.broadcast_to(self.A, (*theta.shape, self.dim)).copy()


class Himmelblau(Objective):
    """L(x, y) = (x² + y − 11)² + (x + y² − 7)²: four minima of equal value 0, a maximum and four saddles between.

    References
    ----------
    Himmelblau (1972), *Applied Nonlinear Programming*.
    """

    minima = _fixed(
        [
            [3.0, 2.0],
            [-2.805118086952745, 3.131312518250573],
            [-3.779310253377747, -3.283185991286170],
            [3.584428340330492, -1.848126526964404],
        ]
    )
    domain = np.array([[-5.0, 5.0], [-5.0, 5.0]])

    def _value(self, theta: Array) -> Any:
        x, y = theta[..., 0], theta[..., 1]
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    def _grad(self, theta: Array) -> Array:
        x, y = theta[..., 0], theta[..., 1]
        a, b = x**2 + y - 11, x + y**2 - 7
        return _point(4 * x * a + 2 * b, 2 * a + 4 * y * b)

    def _hessian(self, theta: Array) -> Array:
        x, y = theta[..., 0], theta[..., 1]
        cross = 4 * (x + y)
        return _matrix([[12 * x**2 + 4 * y - 42, cross], [cross, 12 * y**2 + 4 * x - 26]])


class Bukin6(Objective):
    r"""Bukin's function N.6, L(x, y) = 100 √\|y − x²/100\| + \|x + 10\|/100: a curved valley between steep walls.

    It is not differentiable on the parabola y = x²/100 (the valley floor, where the slope across is infinite on either
    side) nor on the line x = −10. There ``grad`` and ``hessian`` count the term concerned as flat: on the floor the
    root contributes nothing, at x = −10 the modulus contributes nothing. At the minimum (−10, 1) the gradient is 0.
    """

    minima = _fixed([[-10.0, 1.0]])
    domain = np.array([[-15.0, -5.0], [-3.0, 3.0]])

    def _value(self, theta: Array) -> Any:
        x, y = theta[..., 0], theta[..., 1]
        return 100 * np.sqrt(np.abs(y - 0.01 * x**2)) + 0.01 * np.abs(x + 10)

    def _wall(self, theta: Array) -> tuple[Array, Array, Array]:
        """Return x and the first two derivatives of 100 √|u| by u = y − x²/100, 0 where u = 0."""
        x, y = theta[..., 0], theta[..., 1]
        u = y - 0.01 * x**2
        floor = u == 0
        distance = np.where(floor, 1.0, np.abs(u))
        return x, np.where(floor, 0.0, 50 * np.sign(u) / np.sqrt(distance)), np.where(floor, 0.0, -25 / distance**1.5)

    def _grad(self, theta: Array) -> Array:
        x, slope, _ = self._wall(theta)
        return _point(-0.02 * x * slope + 0.01 * np.sign(x + 10), slope)

    def _hessian(self, theta: Array) -> Array:
        x, slope, bend = self._wall(theta)
        cross = -0.02 * x * bend
        return _matrix([[0.0004 * x**2 * bend - 0.02 * slope, cross], [cross, bend]])


class Rosenbrock(Objective):
    """Rosenbrock's banana valley, L(θ) = Σᵢ 100 (θᵢ₊₁ − θᵢ²)² + (1 − θᵢ)², minimum 0 at (1, …, 1).

    References
    ----------
    Rosenbrock (1960), *An automatic method for finding the greatest or least value of a function*.
    """

    def __init__(self, dim: int = 2) -> None:
        require_count("dim", dim, low=2)
        self.dim = dim
        self.minima = _fixed(np.ones((1, dim)))
        self.domain = np.tile([-2.0, 2.0], (dim, 1))
        if dim == 2:
            self.domain[1] = [-1.0, 3.0]

    def _value(self, theta: Array) -> Any:
        x, y = theta[..., :-1], theta[..., 1:]
        return np.sum(100 * (y - x**2) ** 2 + (1 - x) ** 2, axis=-1)

    def _grad(self, theta: Array) -> Array:
        x, y = theta[..., :-1], theta[..., 1:]
        rise = y - x**2
        grad = np.zeros_like(theta)
        grad[..., :-1] = -400 * x * rise - 2 * (1 - x)
        grad[..., 1:] += 200 * rise
        return grad

    def _hessian(self, theta: Array) -> Array:
        x, y = theta[..., :-1], theta[..., 1:]
        hessian = np.zeros((*theta.shape, self.dim), dtype=theta.dtype)
        i = np.arange(self.dim - 1)
        hessian[..., i, i] = 1200 * x**2 - 400 * y + 2
        hessian[..., i + 1, i + 1] += 200
        hessian[..., i, i + 1] = hessian[..., i + 1, i] = -400 * x
        return hessian


class Beale(Objective):
    """L(x, y) = Σₖ (cₖ − x(1 − yᵏ))² with c = 1.5, 2.25, 2.625: plateaus, steep corners, minimum 0 at (3, ½).

    References
    ----------
    Beale (1958), *On an iterative method for finding a local minimum of a function of more than one variable*.
    """

    minima = _fixed([[3.0, 0.5]])
    domain = np.array([[-4.5, 4.5], [-4.5, 4.5]])
    _terms = ((1.5, 1), (2.25, 2), (2.625, 3))

    def _value(self, theta: Array) -> Any:
        x, y = theta[..., 0], theta[..., 1]
        return sum((c - x * (1 - y**k)) ** 2 for c, k in self._terms)

    def _grad(self, theta: Array) -> Array:
        x, y = theta[..., 0], theta[..., 1]
        by_x = sum(-2 * (c - x * (1 - y**k)) * (1 - y**k) for c, k in self._terms)
        by_y = sum(2 * (c - x * (1 - y**k)) * x * k * y ** (k - 1) for c, k in self._terms)
        return _point(by_x, by_y)

    def _hessian(self, theta: Array) -> Array:
        x, y = theta[..., 0], theta[..., 1]
        xx = sum(2 * (1 - y**k) ** 2 for _, k in self._terms)
        xy = sum(2 * k * y ** (k - 1) * (c - 2 * x * (1 - y**k)) for c, k in self._terms)
        # The second derivative of yᵏ is 0 for k = 1, where y^(k−2) must not be formed.
        bends = [(c, k, k * (k - 1) * y ** (k - 2) if k > 1 else 0.0) for c, k in self._terms]
        yy = sum(2 * (x * k * y ** (k - 1)) ** 2 + 2 * (c - x * (1 - y**k)) * x * bend for c, k, bend in bends)
        return _matrix([[xx, xy], [xy, yy]])


class Booth(Objective):
    """L(x, y) = (x + 2y − 7)² + (2x + y − 5)²: a quadratic with tilted axes, κ = 9, minimum 0 at (1, 3)."""

    minima = _fixed([[1.0, 3.0]])
    domain = np.array([[-10.0, 10.0], [-10.0, 10.0]])

    def _value(self, theta: Array) -> Any:
        x, y = theta[..., 0], theta[..., 1]
        return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2

    def _grad(self, theta: Array) -> Array:
        x, y = theta[..., 0], theta[..., 1]
        a, b = x + 2 * y - 7, 2 * x + y - 5
        return _point(2 * a + 4 * b, 4 * a + 2 * b)

    def _hessian(self, theta: Array) -> Array:
        return np.broadcast_to(np.array([[10.0, 8.0], [8.0, 10.0]]), (*theta.shape, 2)).copy()


class Saddle(Objective):
    """L(x, y) = ½ (x² − y²): a stationary point at 0 that is no minimum, and no bound below."""

    def _value(self, theta: Array) -> Any:
        return 0.5 * (theta[..., 0] ** 2 - theta[..., 1] ** 2)

    def _grad(self, theta: Array) -> Array:
        return theta * np.array([1.0, -1.0], dtype=theta.dtype)

    def _hessian(self, theta: Array) -> Array:
        return np.broadcast_to(np.diag([1.0, -1.0]), (*theta.shape, 2)).copy()


class Rastrigin(Objective):
    """L(θ) = Σᵢ θᵢ² + 10 (1 − cos 2πθᵢ): a bowl covered in dents, a local minimum near each integer point, 0 at 0.

    References
    ----------
    Rastrigin (1974), *Systems of Extremal Control*.
    """

    def __init__(self, dim: int = 2) -> None:
        require_count("dim", dim)
        self.dim = dim
        self.minima = _fixed(np.zeros((1, dim)))
        self.domain = np.tile([-5.12, 5.12], (dim, 1))

    def _value(self, theta: Array) -> Any:
        return np.sum(theta**2 + 10 * (1 - np.cos(2 * np.pi * theta)), axis=-1)

    def _grad(self, theta: Array) -> Array:
        return 2 * theta + 20 * np.pi * np.sin(2 * np.pi * theta)

    def _hessian(self, theta: Array) -> Array:
        return _diagonal(2 + 40 * np.pi**2 * np.cos(2 * np.pi * theta))


class StyblinskiTang(Objective):
    """L(θ) = ½ Σᵢ (θᵢ⁴ − 16θᵢ² + 5θᵢ): a double well in every coordinate, the deeper one at θᵢ ≈ −2.9035.

    References
    ----------
    Styblinski & Tang (1990), *Experiments in nonconvex optimization*.
    """

    def __init__(self, dim: int = 2) -> None:
        require_count("dim", dim)
        self.dim = dim
        self.minima = _fixed(np.full((1, dim), np.min(np.roots([4.0, 0.0, -32.0, 5.0]).real)))
        self.domain = np.tile([-5.0, 5.0], (dim, 1))

    def _value(self, theta: Array) -> Any:
        return 0.5 * np.sum(theta**4 - 16 * theta**2 + 5 * theta, axis=-1)

    def _grad(self, theta: Array) -> Array:
        return 2 * theta**3 - 16 * theta + 2.5

    def _hessian(self, theta: Array) -> Array:
        return _diagonal(6 * theta**2 - 16)


class DoubleWell(Objective):
    r"""One coordinate, two valleys: L(θ) = ¼θ⁴ − ½θ² + tilt · θ.

    Parameters
    ----------
    tilt : float, default 0.1
        Lowers the left well for tilt > 0 and the right one for tilt < 0. Both wells exist while \|tilt\| < 2/√27.
    """

    dim = 1
    domain = np.array([[-1.8, 1.8]])

    def __init__(self, tilt: float = 0.1) -> None:
        if not np.isfinite(tilt):
            raise ValueError(f"tilt must be finite, got {tilt!r}")
        self.tilt = float(tilt)
        roots = np.roots([1.0, 0.0, -1.0, self.tilt])
        wells = np.sort(roots[np.abs(roots.imag) < 1e-12].real)[:, None]
        values = self._value(wells)
        self.minima = _fixed(wells[values <= values.min() + 1e-12])

    def __repr__(self) -> str:
        return f"DoubleWell(tilt={self.tilt})"

    def _value(self, theta: Array) -> Any:
        x = theta[..., 0]
        return 0.25 * x**4 - 0.5 * x**2 + self.tilt * x

    def _grad(self, theta: Array) -> Array:
        return theta**3 - theta + self.tilt

    def _hessian(self, theta: Array) -> Array:
        return (3 * theta**2 - 1)[..., None]


class AbsoluteValue(Objective):
    r"""One coordinate with a kink: L(θ) = \|θ\|. At 0, where it has no slope, ``grad`` returns the subgradient 0."""

    dim = 1
    minima = _fixed([[0.0]])
    domain = np.array([[-2.0, 2.0]])

    def _value(self, theta: Array) -> Any:
        return np.abs(theta[..., 0])

    def _grad(self, theta: Array) -> Array:
        return np.sign(theta)

    def _hessian(self, theta: Array) -> Array:
        return np.zeros((*theta.shape, 1))


class _FromFunction(Objective):
    def __init__(
        self,
        f: Callable[[Array], Any],
        grad: Callable[[Array], Any] | None,
        hessian: Callable[[Array], Any] | None,
        dim: int,
        minima: Any,
        domain: Any,
        name: str,
    ) -> None:
        self._f, self._g, self._h, self._name, self.dim = f, grad, hessian, name, dim
        self.minima = _fixed(np.empty((0, dim)) if minima is None else np.reshape(minima, (-1, dim)))
        self.domain = np.tile([-2.0, 2.0], (dim, 1)) if domain is None else np.asarray(domain, dtype=float)
        if self.domain.shape != (dim, 2):
            raise ValueError(f"domain must have shape ({dim}, 2), got {self.domain.shape}")
        if not np.all(self.domain[:, 0] < self.domain[:, 1]):
            raise ValueError(
                f"domain must hold a lower and a higher end for each coordinate, got {self.domain.tolist()}"
            )

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"from_function({self.name}, dim={self.dim})"

    def _value(self, theta: Array) -> Any:
        value = np.asarray(self._f(theta))
        if value.shape != theta.shape[:-1] or not takes_many(self._f, theta, value):
            raise ValueError(
                f"f must return one number for each point: shape {theta.shape[:-1]} for theta of shape {theta.shape}, "
                f"got {value.shape} or a mixture (write it with theta[..., 0], theta[..., 1] and sums over axis=-1)"
            )
        return value[()]

    def _grad(self, theta: Array) -> Array:
        if self._g is None:
            return numerical_gradient(self._value, theta)
        return self._shaped("grad", self._g(theta), theta.shape)

    def _hessian(self, theta: Array) -> Array:
        if self._h is not None:
            return self._shaped("hessian", self._h(theta), (*theta.shape, self.dim))
        columns = []
        for i in range(self.dim):
            # Differences of differences where there is no gradient: the step is the wider one that those want.
            h = (1e-4 if self._g is None else 6e-6) * np.maximum(1.0, np.abs(theta[..., i, None]))
            step = h * np.eye(self.dim)[i]
            columns.append((self._grad(theta + step) - self._grad(theta - step)) / (2 * h))
        hessian = np.stack(columns, axis=-1)
        return 0.5 * (hessian + np.swapaxes(hessian, -1, -2))

    @staticmethod
    def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> Array:
        """Return what the user's function ``name`` gave, if it has the right shape."""
        array = np.asarray(value)
        if array.shape != shape:
            raise ValueError(f"{name} must return shape {shape}, got {array.shape}")
        return array


def from_function(
    f: Callable[[Array], Any],
    grad: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
    *,
    dim: int = 2,
    minima: Any = None,
    domain: Any = None,
    name: str | None = None,
) -> Objective:
    """Make an objective of a plain function.

    Parameters
    ----------
    f : callable
        Takes θ of shape (..., d), returns values of shape (...).
    grad, hessian : callable, optional
        Return shapes (..., d) and (..., d, d). Without them, central differences are taken.
    dim : int, default 2
        Number d of coordinates.
    minima : array_like, shape (k, d), optional
        The global minimisers, if known.
    domain : array_like, shape (d, 2), optional
        A box worth drawing. Default: [−2, 2] in each coordinate.
    name : str, optional
        Default: the function's own name.

    Returns
    -------
    Objective

    Raises
    ------
    TypeError, ValueError
        If an argument is not of its kind; when it is called, if ``f`` does not return one number for each point, or
        ``grad`` or ``hessian`` another shape than theirs.
    """
    require_count("dim", dim)
    if not callable(f):
        raise TypeError(f"f must be callable, got {f!r}")
    for argument, value in (("grad", grad), ("hessian", hessian)):
        if value is not None and not callable(value):
            raise TypeError(f"{argument} must be callable, got {value!r}")
    return _FromFunction(f, grad, hessian, dim, minima, domain, name or str(getattr(f, "__name__", "f")))


class _DataObjective(Objective):
    """A mean of losses over the n items of a data set, of which a minibatch's mean is an estimate."""

    _loss: losses.Loss

    def __init__(self, X: Any, y: Any, intercept: bool) -> None:
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        if X.ndim == 1:
            X = X[:, None]
        if X.ndim != 2 or y.shape != X.shape[:1] or not y.size:
            raise ValueError(f"X must have shape (n, p) and y shape (n,) with n > 0, got {X.shape} and {y.shape}")
        if not (np.all(np.isfinite(X)) and np.all(np.isfinite(y))):
            raise ValueError("X and y must be finite")
        self.X = np.column_stack([np.ones(len(y)), X]) if intercept else X
        self.y = y
        self.n, self.dim = self.X.shape
        if not self.dim:
            raise ValueError(f"X must have at least one column, got shape {X.shape}")
        self.minima = _fixed(np.empty((0, self.dim)))
        self.domain = np.tile([-3.0, 3.0], (self.dim, 1))

    def __repr__(self) -> str:
        return f"{self.name}(n={self.n}, dim={self.dim})"

    def __call__(self, theta: Any, batch: Any = None) -> Any:
        """Return the mean loss at ``theta`` over all items, or over those of ``batch``.

        Parameters
        ----------
        theta : array_like, shape (..., d)
        batch : integer array, shape (B,) or (..., B), optional
            Indices of the items; with leading axes, a minibatch for each run.
        """
        X, y = self._items(batch)
        return np.mean(self._loss._value(self._scores(X, theta), y), axis=-1)

    def grad(self, theta: Any, batch: Any = None) -> Array:
        """Return the gradient of the mean loss at ``theta`` over all items, or over those of ``batch``."""
        X, y = self._items(batch)
        residual = self._loss._grad(self._scores(X, theta), y)  # by the score, for each item
        return (residual[..., None, :] @ X)[..., 0, :] / y.shape[-1]

    def _items(self, batch: Any) -> tuple[Array, Array]:
        if batch is None:
            return self.X, self.y
        batch = np.asarray(batch)
        if batch.dtype.kind not in "iu" or not batch.size:
            raise ValueError(f"batch must be a non-empty array of integers, got {batch!r}")
        return self.X[batch], self.y[batch]

    def _scores(self, X: Array, theta: Any) -> Array:
        """Return the linear part Xθ, shape (..., items)."""
        return (X @ self._coordinates(theta)[..., None])[..., 0]

    def _value(self, theta: Array) -> Any:
        return self(theta)

    def _grad(self, theta: Array) -> Array:
        return self.grad(theta)


class LinearRegression(_DataObjective):
    r"""Half the mean squared error of a line: L(θ) = 1/(2n) Σᵢ (xᵢᵀθ − yᵢ)².

    Parameters
    ----------
    X : array_like, shape (n, p) or (n,)
    y : array_like, shape (n,)
    intercept : bool, default False
        Put a column of ones before X, so that θ₁ is the intercept.
    """

    _loss = losses.Squared()

    def __init__(self, X: Any, y: Any, intercept: bool = False) -> None:
        super().__init__(X, y, intercept)
        best = np.linalg.lstsq(self.X, self.y)[0]
        self.minima = _fixed(best[None])
        self.domain = best[:, None] + np.array([-3.0, 3.0])

    def _hessian(self, theta: Array) -> Array:
        return np.broadcast_to(self.X.T @ self.X / self.n, (*theta.shape, self.dim)).copy()


class LogisticRegression(_DataObjective):
    r"""Mean log loss of a linear classifier: L(θ) = 1/n Σᵢ log(1 + e^{zᵢ}) − yᵢzᵢ, with logits zᵢ = xᵢᵀθ.

    ``minima`` is empty: there is no closed form, and on separable data no minimum at all.

    Parameters
    ----------
    X : array_like, shape (n, p) or (n,)
    y : array_like, shape (n,)
        Classes 0 and 1.
    intercept : bool, default False
        Put a column of ones before X, so that θ₁ is the intercept.
    """

    _loss = losses.LogLoss()

    def __init__(self, X: Any, y: Any, intercept: bool = False) -> None:
        super().__init__(X, y, intercept)
        if not np.all((self.y == 0) | (self.y == 1)):
            raise ValueError(f"y must hold the classes 0 and 1 only, got {np.unique(self.y)!r}")

    def _hessian(self, theta: Array) -> Array:
        p = losses.sigmoid(self._scores(self.X, theta))
        return np.einsum("...n,ni,nj->...ij", p * (1 - p), self.X, self.X) / self.n


class _MulticlassObjective(_DataObjective):
    """A mean of losses over items with a score for each of K classes, s = Wx; θ holds the rows of W, one by one."""

    dim = 0  # classes times columns, once there are data

    def __init__(self, X: Any, y: Any, intercept: bool = False, classes: int | None = None) -> None:
        super().__init__(X, y, intercept)
        kinds = self.y.astype(int)
        if np.any(kinds != self.y) or kinds.min() < 0:
            raise ValueError(f"y must hold classes as whole numbers from 0, got {np.unique(self.y)!r}")
        needed = max(2, int(kinds.max()) + 1)
        if classes is not None:
            require_count("classes", classes, low=needed)
        self.y = kinds
        self.classes = needed if classes is None else int(classes)
        self.dim = self.classes * self.X.shape[1]
        self.minima = _fixed(np.empty((0, self.dim)))
        self.domain = np.tile([-3.0, 3.0], (self.dim, 1))

    def weights(self, theta: Any) -> Array:
        """Return W, shape (..., classes, columns): a row of weights for each class."""
        theta = self._coordinates(theta)
        return theta.reshape(*theta.shape[:-1], self.classes, self.X.shape[1])

    def grad(self, theta: Any, batch: Any = None) -> Array:
        """Return the gradient of the mean loss at ``theta`` over all items, or over those of ``batch``."""
        X, y = self._items(batch)
        residual = self._loss._grad(self._scores(X, theta), y)  # by the score, for each item
        grad = np.swapaxes(residual, -1, -2) @ X / y.shape[-1]
        return grad.reshape(*grad.shape[:-2], self.dim)

    def _scores(self, X: Array, theta: Any) -> Array:
        """Return the scores Wx, shape (..., items, classes)."""
        return X @ np.swapaxes(self.weights(theta), -1, -2)


class SoftmaxRegression(_MulticlassObjective):
    r"""Mean softmax cross-entropy of a linear classifier: L(W) = 1/n Σᵢ log Σⱼ e^{sᵢⱼ} − sᵢ at yᵢ, scores sᵢ = W xᵢ.

    θ holds the rows of W one after the other: with K classes and p columns, d = K p numbers. ``minima`` is empty: one
    vector added to all rows changes no loss, so no minimum is isolated, and on separable data there is none.

    Parameters
    ----------
    X : array_like, shape (n, p) or (n,)
    y : array_like, shape (n,)
        Classes 0, …, K − 1.
    intercept : bool, default False
        Put a column of ones before X, so that each row of W begins with its intercept.
    classes : int, optional
        The number K of classes. Default: one more than the largest in y, and at least 2.
    """

    _loss = losses.SoftmaxCrossEntropy()

    def _hessian(self, theta: Array) -> Array:
        p = losses.softmax(self._scores(self.X, theta))
        bend = p[..., None] * np.eye(self.classes) - p[..., :, None] * p[..., None, :]
        hessian = np.einsum("...nkl,ni,nj->...kilj", bend, self.X, self.X) / self.n
        return hessian.reshape(*theta.shape, self.dim)


class MulticlassSVM(_MulticlassObjective):
    r"""Mean multiclass hinge loss of a linear classifier: L(W) = 1/n Σᵢ Σ_{j≠yᵢ} max(0, sᵢⱼ − sᵢ at yᵢ + 1), sᵢ = W xᵢ.

    θ holds the rows of W one after the other: with K classes and p columns, d = K p numbers. ``minima`` is empty, since
    no closed form is known. L is made of flat pieces: at a kink ``grad`` returns a subgradient, in which a class whose
    shortfall is exactly 0 does not count, and ``hessian`` is 0 everywhere. What makes large weights cost something,
    :class:`gdcourse.losses.L2`, is not part of it: :class:`Regularised` adds it.

    Parameters
    ----------
    X : array_like, shape (n, p) or (n,)
    y : array_like, shape (n,)
        Classes 0, …, K − 1.
    intercept : bool, default False
        Put a column of ones before X, so that each row of W begins with its intercept.
    classes : int, optional
        The number K of classes. Default: one more than the largest in y, and at least 2.
    """

    _loss = losses.MulticlassHinge()

    def _hessian(self, theta: Array) -> Array:
        return np.zeros((*theta.shape, self.dim))


class Regularised(Objective):
    """An objective with an extra term that charges for the parameters, L(θ) + R(θ).

    A minibatch estimates L; the term is added whole, not per item. It charges for every coordinate of θ, the intercept
    too. ``minima`` is empty: those of L are no longer the minima.

    Parameters
    ----------
    objective : Objective
    term : gdcourse.losses.L2 or gdcourse.losses.L1
        Or anything of θ that has a value, ``grad`` and, where it is wanted, ``hessian``.
    """

    def __init__(self, objective: Objective, term: Any) -> None:
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective, got {objective!r}")
        if isinstance(term, type) or not (callable(term) and callable(getattr(term, "grad", None))):
            raise TypeError(f"term must be callable and have a method grad, such as gd.losses.L2(0.1), got {term!r}")
        self.objective, self.term = objective, term
        self.dim, self.domain = objective.dim, objective.domain
        self.minima = _fixed(np.empty((0, self.dim)))

    def __repr__(self) -> str:
        return f"Regularised({self.objective!r}, {self.term!r})"

    def __call__(self, theta: Any, batch: Any = None) -> Any:
        """Return the value at ``theta``, of L over all items or over those of ``batch``."""
        theta = self._coordinates(theta)
        return self.objective(theta, *self._given(batch)) + self.term(theta)

    def grad(self, theta: Any, batch: Any = None) -> Array:
        """Return the gradient at ``theta``, of L over all items or over those of ``batch``."""
        theta = self._coordinates(theta)
        return self.objective.grad(theta, *self._given(batch)) + self.term.grad(theta)

    @staticmethod
    def _given(batch: Any) -> tuple[Any, ...]:
        return () if batch is None else (batch,)

    def _value(self, theta: Array) -> Any:
        return self(theta)

    def _grad(self, theta: Array) -> Array:
        return self.grad(theta)

    def _hessian(self, theta: Array) -> Array:
        return self.objective.hessian(theta) + self.term.hessian(theta)
