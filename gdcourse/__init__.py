"""Gradient descent and its descendants, from scratch: the package of the gdcourse textbook."""

import importlib
from typing import Any

from gdcourse import autodiff, line_search, losses, objectives, schedules, tuning
from gdcourse.batching import AdditiveNoise, gradient_variance, minibatches
from gdcourse.descent import Step, Trajectory, descend
from gdcourse.gradients import check_gradient, numerical_gradient
from gdcourse.grids import Grid, Sweep, call_at, largest_stable_rate, sweep
from gdcourse.modern import Lion, Muon, NAdam, RAdam, newton_schulz
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
from gdcourse.quasi_newton import bfgs, lbfgs
from gdcourse.search import random_directions, random_sampling, random_search
from gdcourse.second_order import newton
from gdcourse.tuning import Problem, Tuning, performance_profile, tune

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
    "Grid",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Optimizer",
    "Problem",
    "RAdam",
    "RMSProp",
    "RMSPropNesterov",
    "SignDescent",
    "Step",
    "Sweep",
    "Trajectory",
    "Tuning",
    "autodiff",
    "bfgs",
    "call_at",
    "check_gradient",
    "counting",
    "data",
    "descend",
    "distributed",
    "exercises",
    "gradient_variance",
    "largest_stable_rate",
    "lbfgs",
    "line_search",
    "losses",
    "minibatches",
    "models",
    "newton",
    "newton_schulz",
    "numerical_gradient",
    "objectives",
    "overview",
    "performance_profile",
    "plots",
    "random_directions",
    "random_sampling",
    "random_search",
    "schedules",
    "show_source",
    "sweep",
    "torch_optimizer",
    "training",
    "tune",
    "tuning",
]


_HEAVY = {
    "counting",
    "data",
    "distributed",
    "exercises",
    "explorer",
    "models",
    "overview",
    "plots",
    "torch_optimizer",
    "training",
}


def __getattr__(name: str) -> Any:
    # These need matplotlib, a widget library, torch or the package's files: `import gdcourse` shall not wait for them.
    if name in _HEAVY:
        return importlib.import_module(f"gdcourse.{name}")
    if name == "Explorer":
        return importlib.import_module("gdcourse.explorer").Explorer
    raise AttributeError(f"module 'gdcourse' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
