"""Columns brought to mean 0 and variance 1."""

from typing import Any, NamedTuple

import numpy as np


class Standardised(NamedTuple):
    """Columns of mean 0 and variance 1, with what is needed to go there again and to come back.

    Attributes
    ----------
    Z : array, shape (n, p) or (n,)
        The standardised columns, (X − mean) / scale.
    mean, scale : array, shape (p,) or ()
        Mean and standard deviation (with division by n) of each column of X, in its units.
    """

    Z: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def apply(self, X: Any) -> np.ndarray:
        """Return other data, such as a test set, in the same units: with this mean and scale, not with their own."""
        return (np.asarray(X, dtype=float) - self.mean) / self.scale

    def raw(self, theta: Any) -> np.ndarray:
        r"""Return the parameters that make the same predictions from the columns in their own units.

        .. math::
            \theta_1 + \sum_{j=1}^p \theta_{j+1} \frac{x_j - m_j}{s_j}
            = \Bigl(\theta_1 - \sum_{j=1}^p \frac{\theta_{j+1} m_j}{s_j}\Bigr)
            + \sum_{j=1}^p \frac{\theta_{j+1}}{s_j}\, x_j

        Parameters
        ----------
        theta : array_like, shape (..., p + 1)
            Of the standardised columns, the intercept first.

        Returns
        -------
        array, shape (..., p + 1)

        Raises
        ------
        ValueError
            If the last axis of ``theta`` does not hold an intercept and one coefficient for each column.
        """
        theta = np.asarray(theta, dtype=float)
        p = self.mean.size
        if theta.ndim == 0 or theta.shape[-1] != p + 1:
            raise ValueError(f"theta must have shape (..., {p + 1}): the intercept and {p} more, got {theta.shape}")
        slopes = theta[..., 1:] / self.scale
        intercept = theta[..., :1] - np.sum(slopes * self.mean, axis=-1, keepdims=True)
        return np.concatenate([intercept, slopes], axis=-1)


def standardise(X: Any) -> Standardised:
    r"""Return the columns of X shifted to mean 0 and scaled to variance 1, with their means and scales.

    .. math:: z_{ij} = \frac{x_{ij} - m_j}{s_j}, \qquad
        m_j = \frac1n \sum_i x_{ij}, \qquad s_j^2 = \frac1n \sum_i (x_{ij} - m_j)^2

    The division is by n, not n − 1, so that ZᵀZ/n has ones on its diagonal.

    Parameters
    ----------
    X : array_like, shape (n, p) or (n,)
        Without the column of ones of an intercept.

    Returns
    -------
    Standardised
        ``Z, mean, scale``; its methods ``apply`` and ``raw`` treat other data and bring parameters back.

    Raises
    ------
    ValueError
        If X has another shape, holds no items or a value that is not finite, or has a constant column.
    """
    X = np.asarray(X, dtype=float)
    if X.ndim not in (1, 2) or not X.size:
        raise ValueError(f"X must have shape (n, p) or (n,) with n > 0, got {X.shape}")
    if not np.all(np.isfinite(X)):
        raise ValueError("X must be finite")
    constant = np.flatnonzero(np.ptp(X, axis=0) == 0)
    if constant.size:
        raise ValueError(
            f"X must not have a constant column, which has no scale, got one at {constant.tolist()} "
            "(add the column of ones of an intercept after standardising)"
        )
    mean, scale = np.mean(X, axis=0), np.std(X, axis=0)
    return Standardised((X - mean) / scale, mean, scale)
