"""Schedules against torch's schedulers of the same kind, over whole runs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as theirs

import gdcourse as gd
from gdcourse import schedules as ours

STEPS = 90


def torch_rates(make: Callable[[torch.optim.Optimizer], Any], lr: float, steps: int = STEPS) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def warm_up(after: Callable, start: float, steps: int) -> Callable:
    return lambda o: theirs.SequentialLR(
        o, [theirs.LinearLR(o, start_factor=start, total_iters=steps), after(o)], milestones=[steps]
    )


# ours, torch's, its base rate, and for how many steps the two are meant to agree
PAIRS = {
    "Constant": (ours.Constant(0.3), lambda o: theirs.ConstantLR(o, factor=1.0), 0.3, STEPS),
    "Exponential": (ours.Exponential(0.5, 0.95), lambda o: theirs.ExponentialLR(o, 0.95), 0.5, STEPS),
    "StepDecay": (ours.StepDecay(0.5, 7, 0.3), lambda o: theirs.StepLR(o, 7, 0.3), 0.5, STEPS),
    "StepDecay-default": (ours.StepDecay(0.5, 30), lambda o: theirs.StepLR(o, 30), 0.5, STEPS),
    "Piecewise": (
        ours.Piecewise([10, 11, 40], [0.8, 0.4, 0.2, 0.1]),
        lambda o: theirs.MultiStepLR(o, [10, 11, 40], gamma=0.5),
        0.8,
        STEPS,
    ),
    "InverseTime": (ours.InverseTime(0.5, 0.1), lambda o: theirs.LambdaLR(o, lambda k: 1 / (1 + k / 10)), 0.5, STEPS),
    "Cosine": (ours.Cosine(0.5, 60), lambda o: theirs.CosineAnnealingLR(o, 60), 0.5, 61),
    "Cosine-floor": (ours.Cosine(0.5, 60, 0.1), lambda o: theirs.CosineAnnealingLR(o, 60, 0.1), 0.5, 61),
    "CosineRestarts": (
        ours.CosineRestarts(0.5, 8, lr_min=0.01),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 8, eta_min=0.01),
        0.5,
        STEPS,
    ),
    "CosineRestarts-doubling": (
        ours.CosineRestarts(0.5, 5, growth=2),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 5, T_mult=2),
        0.5,
        STEPS,
    ),
    "CosineRestarts-tripling": (
        ours.CosineRestarts(0.5, 1, growth=3, lr_min=0.2),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 1, T_mult=3, eta_min=0.2),
        0.5,
        STEPS,
    ),
    "WarmUp": (ours.WarmUp(0.5, 10, start=0.1), lambda o: theirs.LinearLR(o, 0.1, total_iters=10), 0.5, STEPS),
    "WarmUp-Exponential": (
        ours.WarmUp(ours.Exponential(0.5, 0.9), 10, start=0.1),
        warm_up(lambda o: theirs.ExponentialLR(o, 0.9), 0.1, 10),
        0.5,
        STEPS,
    ),
    "WarmUp-StepDecay": (
        ours.WarmUp(ours.StepDecay(0.5, 20, 0.5), 15, start=0.25),
        warm_up(lambda o: theirs.StepLR(o, 20, 0.5), 0.25, 15),
        0.5,
        STEPS,
    ),
    "WarmUp-Cosine": (
        ours.WarmUp(ours.Cosine(0.5, 30), 10, start=0.2),
        warm_up(lambda o: theirs.CosineAnnealingLR(o, 30), 0.2, 10),
        0.5,
        41,
    ),
    "WarmUp-CosineRestarts": (
        ours.WarmUp(ours.CosineRestarts(0.5, 8, growth=2), 10, start=0.2),
        warm_up(lambda o: theirs.CosineAnnealingWarmRestarts(o, 8, T_mult=2), 0.2, 10),
        0.5,
        STEPS,
    ),
}

each = pytest.mark.parametrize("name", PAIRS)


@each
def test_schedule_is_torchs(name: str) -> None:
    schedule, make, lr, steps = PAIRS[name]
    np.testing.assert_allclose(
        [schedule(k) for k in range(steps)], torch_rates(make, lr, steps), rtol=1e-12, atol=1e-16
    )


def test_every_schedule_is_compared() -> None:
    public = {name for name, value in vars(ours).items() if isinstance(value, type) and callable(value)}
    public = {name for name in public if vars(ours)[name].__module__ == ours.__name__}
    assert public == {name.split("-")[0] for name in PAIRS}


@each
def test_an_array_of_steps_gives_the_rates_one_by_one(name: str) -> None:
    schedule, steps = PAIRS[name][0], np.arange(STEPS)
    together = schedule(steps)
    assert together.shape == (STEPS,)
    np.testing.assert_allclose(together, [schedule(k) for k in range(STEPS)], rtol=1e-14, atol=1e-17)
    np.testing.assert_array_equal(schedule(steps.reshape(9, 10)), together.reshape(9, 10))
    np.testing.assert_array_equal(steps, np.arange(STEPS))
    assert isinstance(schedule(3), float)


def test_cosine_stays_down_after_its_end() -> None:
    assert [ours.Cosine(0.5, 60, 0.1)(k) for k in (60, 61, 90, 120)] == [0.1] * 4


def test_warm_up_climbs_from_nothing_by_default() -> None:
    schedule = ours.WarmUp(lambda k: 2.0 / (1 + k), 4)
    np.testing.assert_allclose([schedule(k) for k in range(7)], [0, 0.5, 1, 1.5, 2, 1, 2 / 3], rtol=1e-15)
    assert ours.WarmUp(0.1, 5)(100) == 0.1


def test_inverse_time_of_the_lectures() -> None:
    np.testing.assert_allclose(ours.InverseTime(0.3, 2.0)(np.arange(3)), [0.3, 0.1, 0.06], rtol=1e-15)


@each
def test_descend_takes_step_t_at_the_rate_of_t_minus_1(name: str) -> None:
    # On L = θ each step is the rate itself.
    schedule = PAIRS[name][0]
    slope = gd.objectives.from_function(lambda t: t[..., 0], lambda t: np.ones_like(t), dim=1)
    run = gd.descend(slope, [0.0], gd.GradientDescent(schedule), 30)
    np.testing.assert_allclose(
        -np.diff(run.theta[:, 0]), [schedule(t - 1) for t in range(1, 31)], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (ours.Constant, "lr"),
        (lambda bad: ours.Exponential(bad, 0.9), "lr"),
        (lambda bad: ours.Exponential(0.1, bad), "gamma"),
        (lambda bad: ours.InverseTime(bad, 0.1), "lr"),
        (lambda bad: ours.InverseTime(0.1, bad), "decay"),
        (lambda bad: ours.StepDecay(bad, 5), "lr"),
        (lambda bad: ours.StepDecay(0.1, 5, bad), "gamma"),
        (lambda bad: ours.Cosine(bad, 5), "lr"),
        (lambda bad: ours.Cosine(0.1, 5, bad), "lr_min"),
        (lambda bad: ours.CosineRestarts(bad, 5), "lr"),
        (lambda bad: ours.CosineRestarts(0.1, 5, 1, bad), "lr_min"),
        (lambda bad: ours.WarmUp(0.1, 5, bad), "start"),
        (lambda bad: ours.Piecewise([3], [0.1, bad]), "values"),
    ],
)
def test_a_bad_number_is_named(make: Callable, name: str) -> None:
    for bad in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"^{name} must be .*{bad}"):
            make(bad)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda bad: ours.StepDecay(0.1, bad), "every"),
        (lambda bad: ours.Cosine(0.1, bad), "steps"),
        (lambda bad: ours.CosineRestarts(0.1, bad), "period"),
        (lambda bad: ours.CosineRestarts(0.1, 5, bad), "growth"),
        (lambda bad: ours.WarmUp(0.1, bad), "steps"),
    ],
)
def test_a_bad_count_is_named(make: Callable, name: str) -> None:
    for bad, error in ((0, ValueError), (-3, ValueError), (2.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match=rf"^{name} must be .*got {bad}"):
            make(bad)


def test_other_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="gamma must be greater than 0, got 0"):
        ours.Exponential(0.1, 0.0)
    with pytest.raises(ValueError, match="gamma must be greater than 0, got 0"):
        ours.StepDecay(0.1, 5, 0.0)
    with pytest.raises(ValueError, match=r"start must be in \[0, 1\), got 1.0"):
        ours.WarmUp(0.1, 5, 1.0)
    with pytest.raises(ValueError, match=r"values must hold one rate more than there are boundaries \(3\), got 2"):
        ours.Piecewise([3, 6], [0.1, 0.2])
    for boundaries in ([6, 3], [3, 3]):
        with pytest.raises(ValueError, match="boundaries must increase"):
            ours.Piecewise(boundaries, [0.1, 0.2, 0.3])
    with pytest.raises(TypeError, match="lr must be a number"):
        ours.Exponential("0.1", 0.9)


@each
def test_a_list_of_steps_is_an_array_of_steps(name: str) -> None:
    np.testing.assert_array_equal(PAIRS[name][0]([0, 3, 50]), PAIRS[name][0](np.array([0, 3, 50])))


@pytest.mark.parametrize("make", [ours.Constant, lambda lr: ours.Exponential(lr, 0.9), lambda lr: ours.Cosine(lr, 9)])
def test_a_rate_is_one_number(make: Callable) -> None:
    for bad in (np.array([0.1, 0.2]), True, "0.1"):
        with pytest.raises(TypeError, match=r"^lr must be a number, got"):
            make(bad)


def test_boundaries_that_are_not_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="boundaries must increase"):
        ours.Piecewise([math.nan], [0.1, 0.2])


def test_warm_up_takes_a_function_of_one_number() -> None:
    schedule = ours.WarmUp(lambda k: 0.2 if k < 3 else 0.1, 2)
    assert [schedule(k) for k in range(6)] == [0, 0.1, 0.2, 0.2, 0.2, 0.1]


def test_restarts_late_in_a_long_run_are_found_at_once() -> None:
    assert ours.CosineRestarts(0.5, 3)(3 * 10**9) == 0.5
