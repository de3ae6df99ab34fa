"""The rules of differentiation that :mod:`gdcourse.autodiff` applies: what calculus knows, apart from the tape."""

from collections.abc import Callable
from typing import Any

import numpy as np


def derivative_table() -> dict[Any, tuple[Callable[..., Any], ...]]:
    """Return for each function its partial derivatives by each argument, from the arguments a, b and the value y."""
    return {
        np.negative: (lambda a, y: -1.0,),
        np.add: (lambda a, b, y: 1.0, lambda a, b, y: 1.0),
        np.subtract: (lambda a, b, y: 1.0, lambda a, b, y: -1.0),
        np.multiply: (lambda a, b, y: b, lambda a, b, y: a),
        np.divide: (lambda a, b, y: 1 / b, lambda a, b, y: -y / b),
        np.power: (
            lambda a, b, y: b * a ** np.where(b == 0, 1.0, b - 1.0),
            lambda a, b, y: y * np.log(np.where(a == 0, 1.0, a)),
        ),
        np.square: (lambda a, y: 2 * a,),
        np.sqrt: (lambda a, y: 0.5 / y,),
        np.exp: (lambda a, y: y,),
        np.log: (lambda a, y: 1 / a,),
        np.logaddexp: (lambda a, b, y: np.exp(a - y), lambda a, b, y: np.exp(b - y)),
        np.sin: (lambda a, y: np.cos(a),),
        np.cos: (lambda a, y: -np.sin(a),),
        np.tanh: (lambda a, y: 1 - y * y,),
        np.absolute: (lambda a, y: np.sign(a),),
        np.maximum: (
            lambda a, b, y: (a > b) + (a == b) / 2,
            lambda a, b, y: (b > a) + (a == b) / 2,
        ),
        np.minimum: (
            lambda a, b, y: (a < b) + (a == b) / 2,
            lambda a, b, y: (b < a) + (a == b) / 2,
        ),
    }


#: Functions that give plain arrays: their derivative is 0 wherever they have one.
FLAT = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.sign, np.isfinite, np.isnan}
