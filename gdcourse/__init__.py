"""Gradient descent and its descendants, from scratch: the package of the gdcourse textbook."""

import importlib
from typing import Any

from gdcourse import autodiff, data, line_search, losses, objectives, schedules
from gdcourse.batching import AdditiveNoise, gradient_variance, minibatches
from gdcourse.descent import Step, Trajectory, descend
from gdcourse.gradients import check_gradient, numerical_gradient
from gdcourse.optimizers import (
    AdaBound,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
    RMSPropNesterov,
    SignDescent,
)
from gdcourse.pages import show_source
from gdcourse.search import random_directions, random_sampling, random_search
from gdcourse.second_order import newton

__all__ = [
    "AMSGrad",
    "AdaBound",
    "AdaGrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "AdditiveNoise",
    "Explorer",
    "GradientDescent",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "RMSPropNesterov",
    "SignDescent",
    "Step",
    "Trajectory",
    "autodiff",
    "check_gradient",
    "counting",
    "data",
    "descend",
    "gradient_variance",
    "line_search",
    "losses",
    "minibatches",
    "models",
    "newton",
    "numerical_gradient",
    "objectives",
    "plots",
    "random_directions",
    "random_sampling",
    "random_search",
    "schedules",
    "show_source",
    "torch_optimizer",
    "training",
]


def __getattr__(name: str) -> Any:
    # These need matplotlib, a widget library and torch, which `import gdcourse` should not have to wait for.
    if name in ("counting", "explorer", "models", "plots", "torch_optimizer", "training"):
        return importlib.import_module(f"gdcourse.{name}")
    if name == "Explorer":
        return importlib.import_module("gdcourse.explorer").Explorer
    raise AttributeError(f"module 'gdcourse' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
