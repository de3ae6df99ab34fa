r"""What a wrong prediction costs: losses with their gradients, and terms that are added to them.

A loss is called with predictions and targets and returns one number for each item; its method ``grad`` returns the
derivative of that number by the prediction. Neither sums nor averages: that is the caller's, who knows how many items
there are. Over a data set the book takes means::

    loss = gd.losses.LogLoss()
    loss(z, y).mean()            # the mean log loss of the logits z
    X.T @ loss.grad(z, y) / n    # its gradient by θ, for z = Xθ

What a prediction is depends on the loss: a number in the unit of the target (``Squared``, ``Absolute``, ``Huber``), a
logit z (``LogLoss``, ``Hinge``, ``ZeroOne``), a score for each of K classes on the last axis (``SoftmaxCrossEntropy``,
``MulticlassHinge``), or the two parameters of a density on the last axis (``NegativeLogGaussian``,
``NegativeLogLaplace``). Two classes are 0 and 1, K classes 0 to K − 1. Leading axes broadcast as NumPy's do.

Where a loss has a kink, ``grad`` returns a subgradient, which one each docstring says.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from gdcourse._checks import require_non_negative, require_positive

Array = np.ndarray


def sigmoid(z: Any) -> Any:
    """Return σ(z) = 1/(1 + e^{−z}), without overflow: the exponential never has a positive argument."""
    z = _numbers("z", z)
    e = np.exp(-np.abs(z))
    return (np.where(z >= 0, 1.0, e) / (1 + e))[()]


def softmax(scores: Any) -> Array:
    """Return p_j = e^{s_j} / Σ_k e^{s_k} along the last axis, without overflow: the largest exponent is 0."""
    s = _numbers("scores", scores)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_sum_exp(scores: Any) -> Any:
    """Return log Σ_j e^{s_j} along the last axis, shape (...).

    The largest score is taken out of the logarithm, where it leaves a 1, and ``log1p`` sees how little the others add
    to it. So nothing overflows, and where the result is near 0 its digits are right.
    """
    s = _numbers("scores", scores)
    top = s.max(axis=-1)
    others = np.arange(s.shape[-1]) != s.argmax(axis=-1)[..., None]
    return top + np.log1p(np.sum(np.exp(s - top[..., None]), axis=-1, where=others))


def margin(z: Any, y: Any) -> Any:
    """Return m = (2y − 1) z for classes y of 0 and 1: positive where the sign of the logit z is right."""
    return (2 * y - 1) * z


def _numbers(name: str, value: Any) -> Array:
    """Return ``value`` as an array of floats (or complex numbers), or say that it is none."""
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must be a number or an array of numbers, got {value!r}")
    return array if array.dtype.kind in "fc" else array.astype(float)


class Loss(ABC):
    """Base of all losses: a value and a derivative for each item, neither summed nor averaged."""

    def __call__(self, prediction: Any, target: Any) -> Any:
        """Return the loss of each item.

        Parameters
        ----------
        prediction : array_like
            Shape (...), or (..., K) where a prediction is K numbers.
        target : array_like, shape (...)

        Raises
        ------
        TypeError, ValueError
            If an argument holds no numbers, a target is not among the classes, or the shapes do not broadcast.
        """
        return self._value(*self._checked(prediction, target))

    def grad(self, prediction: Any, target: Any) -> Any:
        """Return the derivative of each item's loss by its prediction, in the shape of the prediction."""
        return self._grad(*self._checked(prediction, target))[()]

    def _checked(self, prediction: Any, target: Any) -> tuple[Array, Array]:
        z, y = _numbers("prediction", prediction), _numbers("target", target)
        self._broadcast(z.shape, y.shape)
        return z, y.astype(z.dtype)

    @staticmethod
    def _broadcast(z: tuple[int, ...], y: tuple[int, ...]) -> None:
        try:
            np.broadcast_shapes(z, y)
        except ValueError:
            raise ValueError(f"prediction and target must have shapes that broadcast, got {z} and {y}") from None

    # What follows trusts its arguments: the objectives call it in every step, with data they have checked once.

    @abstractmethod
    def _value(self, z: Array, y: Array) -> Any: ...

    @abstractmethod
    def _grad(self, z: Array, y: Array) -> Any: ...


# Regression: how far is the number z from the number y?


@dataclass(frozen=True)
class Squared(Loss):
    """Half the squared error, ½ (z − y)², with derivative z − y. Its best constant is the mean.

    The half is this book's convention: torch's ``MSELoss`` and scikit-learn's ``mean_squared_error`` have twice the
    value and twice the slope.
    """

    def _value(self, z: Array, y: Array) -> Any:
        return 0.5 * (z - y) ** 2

    def _grad(self, z: Array, y: Array) -> Any:
        return z - y


@dataclass(frozen=True)
class Absolute(Loss):
    r"""The absolute error, \|z − y\|, with derivative sign(z − y), and 0 at z = y. Its best constant is the median.

    torch calls it ``L1Loss``.
    """

    def _value(self, z: Array, y: Array) -> Any:
        return np.abs(z - y)

    def _grad(self, z: Array, y: Array) -> Any:
        return np.sign(z - y)


@dataclass(frozen=True)
class Huber(Loss):
    r"""Squared near the target, absolute far from it: ½ r² for \|r\| ≤ δ, else δ (\|r\| − ½δ), with r = z − y.

    The derivative is r, clipped to [−δ, δ]. It is torch's ``HuberLoss``; torch's ``SmoothL1Loss`` with ``beta`` = δ is
    this divided by δ.

    Parameters
    ----------
    delta : float, default 1.0
        The δ > 0 up to which an error counts as small, in the unit of the target.

    References
    ----------
    Huber (1964), *Robust estimation of a location parameter*.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        require_positive("delta", self.delta)

    def _value(self, z: Array, y: Array) -> Any:
        r = np.abs(z - y)
        near = np.minimum(r, self.delta)
        return near * (r - 0.5 * near)

    def _grad(self, z: Array, y: Array) -> Any:
        return np.clip(z - y, -self.delta, self.delta)


# Two classes: is the logit z on the side of the class y, and how far?


class _BinaryLoss(Loss):
    """A loss of the margin m = (2y − 1) z, for classes y of 0 and 1."""

    def _checked(self, prediction: Any, target: Any) -> tuple[Array, Array]:
        z, y = super()._checked(prediction, target)
        if not np.all((y == 0) | (y == 1)):
            raise ValueError(
                f"target must hold the classes 0 and 1 only, got {np.unique(y)!r} (of labels −1 and +1, take "
                "(label + 1) / 2)"
            )
        return z, y


@dataclass(frozen=True)
class ZeroOne(_BinaryLoss):
    """1 for a mistake, 0 otherwise: 1[m ≤ 0]. A logit of exactly 0 decides nothing, and counts as a mistake.

    ``grad`` is 0 everywhere. At z = 0 there is no derivative; elsewhere that is what it is.
    """

    def _value(self, z: Array, y: Array) -> Any:
        return (margin(z, y) <= 0).astype(z.dtype)

    def _grad(self, z: Array, y: Array) -> Any:
        return np.zeros_like(z - y)


@dataclass(frozen=True)
class LogLoss(_BinaryLoss):
    """The negative log probability of the class that came, log(1 + e^{−m}), from the logit z.

    The derivative is σ(z) − y. In nats; divide by log 2 for bits, which bound the 0-1 loss from above. Also called
    binary cross-entropy, or logistic loss. torch's ``BCEWithLogitsLoss`` is its mean; ``BCELoss`` and scikit-learn's
    ``log_loss`` want probabilities instead of logits.
    """

    def _value(self, z: Array, y: Array) -> Any:
        m = margin(z, y)
        return np.maximum(-m, 0) + np.log1p(np.exp(-np.abs(m)))

    def _grad(self, z: Array, y: Array) -> Any:
        return sigmoid(z) - y


@dataclass(frozen=True)
class Hinge(_BinaryLoss):
    """The shortfall from a margin of 1, max(0, 1 − m): the loss of support vector machines.

    The derivative is −(2y − 1) where m < 1 and 0 where m > 1; at the kink, m = 1, ``grad`` returns 0. scikit-learn's
    ``hinge_loss`` is its mean. torch's ``HingeEmbeddingLoss`` is another loss.

    References
    ----------
    Cortes & Vapnik (1995), *Support-vector networks*.
    """

    def _value(self, z: Array, y: Array) -> Any:
        return np.maximum(1 - margin(z, y), 0)

    def _grad(self, z: Array, y: Array) -> Any:
        return np.where(margin(z, y) < 1, 1 - 2 * y, 0 * y)


# K classes: does the score s_y of the class y stand above the others?


class _MulticlassLoss(Loss):
    """A loss of the differences s_j − s_y, for scores s on the last axis and classes y from 0 to K − 1."""

    def _checked(self, prediction: Any, target: Any) -> tuple[Array, Array]:
        s, y = _numbers("prediction", prediction), np.asarray(target)
        if s.ndim == 0 or s.shape[-1] < 2:
            raise ValueError(f"prediction must have shape (..., K), a score for each of K > 1 classes, got {s.shape}")
        if y.dtype.kind not in "iu":
            raise TypeError(f"target must hold classes as integers, got {target!r}")
        if not np.all((y >= 0) & (y < s.shape[-1])):
            raise ValueError(f"target must hold classes from 0 to {s.shape[-1] - 1}, got {np.unique(y)!r}")
        self._broadcast(s.shape[:-1], y.shape)
        return s, y


def _one_hot(s: Array, y: Array) -> Array:
    """Return whether j is the class y, shape (..., K)."""
    return np.arange(s.shape[-1]) == y[..., None]


def _above_own(s: Array, y: Array) -> Array:
    """Return s_j − s_y, by how much each score stands above that of the item's own class, shape (..., K)."""
    return s - np.sum(np.where(_one_hot(s, y), s, 0), axis=-1, keepdims=True)


@dataclass(frozen=True)
class SoftmaxCrossEntropy(_MulticlassLoss):
    """The negative log probability of the class that came, −log p_y = log Σ_j e^{s_j − s_y}, p the softmax of s.

    The derivative by the scores is p − onehot(y). In nats. torch's ``CrossEntropyLoss`` is its mean, from scores too.
    With K = 2 it is :class:`LogLoss` of the logit s₁ − s₀.
    """

    def _value(self, s: Array, y: Array) -> Any:
        return log_sum_exp(_above_own(s, y))

    def _grad(self, s: Array, y: Array) -> Any:
        return softmax(s) - _one_hot(s, y)


@dataclass(frozen=True)
class MulticlassHinge(_MulticlassLoss):
    """For each wrong class, the shortfall from standing 1 below the right one: Σ_{j≠y} max(0, s_j − s_y + 1).

    The derivative by s_j is 1 for each wrong class with a shortfall, and by s_y minus their number; at a kink, where a
    shortfall is exactly 0, the class does not count. torch's ``MultiMarginLoss`` divides this by K. With K = 2 it is
    :class:`Hinge` of the logit s₁ − s₀. (Crammer and Singer's loss takes the largest shortfall instead of the sum.)

    References
    ----------
    Weston & Watkins (1999), *Support vector machines for multi-class pattern recognition*.
    """

    def _value(self, s: Array, y: Array) -> Any:
        return np.sum(np.maximum(_above_own(s, y) + 1, 0), axis=-1, where=~_one_hot(s, y))

    def _grad(self, s: Array, y: Array) -> Any:
        own = _one_hot(s, y)
        short = ~own & (_above_own(s, y) + 1 > 0)
        return np.where(own, -np.sum(short, axis=-1, keepdims=True), short).astype(s.dtype)


# Densities: how likely did the model say that y is?


class _DensityLoss(Loss):
    """A negative log density with a location and the logarithm of a scale on the last axis."""

    def _checked(self, prediction: Any, target: Any) -> tuple[Array, Array]:
        q, y = _numbers("prediction", prediction), _numbers("target", target)
        if q.ndim == 0 or q.shape[-1] != 2:
            raise ValueError(f"prediction must have shape (..., 2), location and log scale, got {q.shape}")
        self._broadcast(q.shape[:-1], y.shape)
        return q, y.astype(q.dtype)


@dataclass(frozen=True)
class NegativeLogGaussian(_DensityLoss):
    """−log q(y) of a Gaussian: ½u² + log σ + ½ log 2π, with u = (μ − y)/σ, from the pair (μ, log σ).

    The derivative is u/σ by μ and 1 − u² by log σ. With a fixed σ = 1 it is :class:`Squared`, plus a constant. torch's
    ``GaussianNLLLoss`` wants the variance σ², and leaves the constant out unless ``full=True``.
    """

    def _value(self, q: Array, y: Array) -> Any:
        mu, log_sigma = q[..., 0], q[..., 1]
        u = (mu - y) / np.exp(log_sigma)
        return 0.5 * u**2 + log_sigma + 0.5 * math.log(2 * math.pi)

    def _grad(self, q: Array, y: Array) -> Any:
        sigma = np.exp(q[..., 1])
        u = (q[..., 0] - y) / sigma
        return np.stack([u / sigma, 1 - u**2], axis=-1)


@dataclass(frozen=True)
class NegativeLogLaplace(_DensityLoss):
    r"""−log q(y) of a Laplace density: \|u\| + log 2b, with u = (μ − y)/b, from the pair (μ, log b).

    The derivative is sign(u)/b by μ (0 at u = 0) and 1 − \|u\| by log b. With a fixed b = 1 it is :class:`Absolute`,
    plus a constant.
    """

    def _value(self, q: Array, y: Array) -> Any:
        mu, log_b = q[..., 0], q[..., 1]
        return np.abs(mu - y) / np.exp(log_b) + log_b + math.log(2)

    def _grad(self, q: Array, y: Array) -> Any:
        b = np.exp(q[..., 1])
        u = (q[..., 0] - y) / b
        return np.stack([np.sign(u) / b, 1 - np.abs(u)], axis=-1)


# Extra terms: what large parameters cost. ``objectives.Regularised`` adds one to an objective.


@dataclass(frozen=True)
class L2:
    """Half the squared length of θ, ½ λ Σ θ_i², with gradient λθ: it pulls in proportion.

    Parameters
    ----------
    strength : float
        λ ≥ 0. torch's ``weight_decay`` adds just this λθ to the gradient; a term written Σ θ_i² has λ = 2.
    """

    strength: float

    def __post_init__(self) -> None:
        require_non_negative("strength", self.strength)

    def __call__(self, theta: Any) -> Any:
        """Return the term at θ of shape (..., d), shape (...)."""
        return 0.5 * self.strength * np.sum(_numbers("theta", theta) ** 2, axis=-1)

    def grad(self, theta: Any) -> Any:
        """Return its gradient, shape (..., d)."""
        return self.strength * _numbers("theta", theta)

    def hessian(self, theta: Any) -> Array:
        """Return its Hessian, λ on the diagonal, shape (..., d, d)."""
        theta = _numbers("theta", theta)
        return self.strength * np.broadcast_to(np.eye(theta.shape[-1]), (*theta.shape, theta.shape[-1]))


@dataclass(frozen=True)
class L1:
    r"""The sum of sizes, λ Σ \|θ_i\|, with gradient λ sign(θ), and 0 where θ_i = 0: it pulls equally, however near.

    Parameters
    ----------
    strength : float
        λ ≥ 0.
    """

    strength: float

    def __post_init__(self) -> None:
        require_non_negative("strength", self.strength)

    def __call__(self, theta: Any) -> Any:
        """Return the term at θ of shape (..., d), shape (...)."""
        return self.strength * np.sum(np.abs(_numbers("theta", theta)), axis=-1)

    def grad(self, theta: Any) -> Any:
        """Return a subgradient, shape (..., d)."""
        return self.strength * np.sign(_numbers("theta", theta))

    def hessian(self, theta: Any) -> Array:
        """Return 0, shape (..., d, d): between its kinks the term is straight."""
        theta = _numbers("theta", theta)
        return np.zeros((*theta.shape, theta.shape[-1]))
