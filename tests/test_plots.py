"""Figures: each draws what it says, touches nothing else, and names what it cannot draw."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import gdcourse as gd

plots = gd.plots
HILLS, BOWL, WELL = gd.objectives.Himmelblau(), gd.objectives.Quadratic([1.0, 10.0]), gd.objectives.DoubleWell()
RUN = gd.descend(HILLS, [0.0, -0.5], gd.Adam(0.1), 20)
OTHER = gd.descend(HILLS, [0.0, -0.5], gd.GradientDescent(0.01), 20)
LOST = gd.descend(HILLS, [0.0, -0.5], gd.GradientDescent(1.0), 20)
BALL = gd.descend(WELL, [0.3], gd.Momentum(0.1), 20)
BATCH = gd.descend(HILLS, plots.grid(HILLS.domain, 9), gd.GradientDescent(0.01), 200)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = mpl.rcParams.copy()
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == dict(before)


def labels(ax: Any) -> list[str]:
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_every_rule_has_its_own_look() -> None:
    rules = {name for name in gd.__all__ if isinstance(getattr(gd, name), type) and name != "Optimizer"}
    rules = {name for name in rules if issubclass(getattr(gd, name), gd.Optimizer)}
    assert set(plots.RULES) == rules
    assert len({(color, marker) for _, color, marker in plots.RULES.values()}) == len(rules)
    assert len({name for name, _, _ in plots.RULES.values()}) == len(rules)


def test_only_use_style_changes_the_style() -> None:
    with mpl.rc_context():
        plots.use_style()
        assert mpl.rcParams["figure.facecolor"] == plots.PANEL


def test_contour_draws_levels_paths_and_minima() -> None:
    ax = plots.contour(HILLS, [RUN, OTHER])
    assert labels(ax) == ["Adam", "gradient descent"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-5, 5), (-5, 5))
    lines = [line.get_xydata() for line in ax.lines]
    for run in (RUN, OTHER):
        assert any(np.array_equal(line, run.theta) for line in lines)
    assert any(np.array_equal(line, HILLS.minima) for line in lines)
    _, levels = plots._heights(HILLS, plots.grid(HILLS.domain, 50))
    assert levels[0] == 0
    assert np.all(np.diff(levels) > 0)
    np.testing.assert_allclose(levels[2:] / levels[1:-1], levels[2] / levels[1])
    _, axes = plt.subplots(1, 2)
    assert plots.contour(HILLS, ax=axes[1]) is axes[1]
    assert not axes[0].has_data()


def test_a_diverged_path_is_drawn_near_the_box() -> None:
    assert LOST.diverged
    ax = plots.contour(HILLS, LOST)
    ax.figure.canvas.draw()
    assert max(np.abs(line.get_xydata()).max() for line in ax.lines if len(line.get_xydata())) <= 105


def test_labels_and_legends() -> None:
    assert labels(plots.contour(HILLS, RUN)) == []
    assert labels(plots.contour(HILLS, {"mine": RUN})) == ["mine"]
    assert labels(plots.contour(HILLS, {"mine": RUN}, legend=False)) == []
    runs = (gd.descend(HILLS, [0.0, -0.5], gd.Momentum(0.01, beta), 5) for beta in (0.5, 0.9))  # a generator
    assert labels(plots.contour(HILLS, runs)) == ["momentum, beta=0.5", "momentum, beta=0.9"]
    rates = (0.01, gd.schedules.Constant(0.02))
    runs = [gd.descend(HILLS, [0.0, -0.5], gd.GradientDescent(lr), 5) for lr in rates]
    shown = ["gradient descent, lr=0.01", "gradient descent, lr=Constant(lr=0.02)"]
    assert labels(plots.loss_curves(runs)) == shown
    assert labels(plots.loss_curves([RUN, RUN])) == ["Adam", "Adam"]


def test_basins_colour_each_start_by_its_minimum() -> None:
    ax = plots.basins(HILLS, BATCH)
    which = plots.arrived(HILLS, BATCH)
    assert set(which.ravel()) <= {-1, 0, 1, 2, 3}
    np.testing.assert_array_equal(ax.images[0].get_array(), which + 1)
    minima = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    many = gd.objectives.from_function(lambda t: -np.prod(np.cos(t), axis=-1), minima=minima)
    ax = plots.basins(many, gd.descend(many, plots.grid(many.domain, 5), gd.GradientDescent(0.1), 3))
    assert len({ax.images[0].cmap(k) for k in range(10)}) == 10


def test_curve_and_surface() -> None:
    ax = plots.curve(WELL, BALL, domain=(-1, 1))
    np.testing.assert_array_equal(ax.lines[0].get_xdata()[[0, -1]], [-1, 1])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), BALL.loss[np.abs(BALL.theta[:, 0]) <= 1])
    ax = plots.surface(HILLS, [RUN, OTHER])
    assert ax.name == "3d"
    assert labels(ax) == ["Adam", "gradient descent"]


def test_loss_curves_are_above_each_paths_own_minimum() -> None:
    lifted = gd.objectives.from_function(lambda t: np.sum(t**2, axis=-1) + 5, lambda t: 2 * t, minima=[[0, 0]])
    runs = [RUN, gd.descend(lifted, [1.0, 1.0], gd.Adam(0.1), 5)]
    ax = plots.loss_curves(runs)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), RUN.loss)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), runs[1].loss - 5)
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", r"$L(\theta_t) - L^\star$")
    fall = gd.descend(gd.objectives.Saddle(), [1.0, 0.5], gd.Adam(0.1), 30)
    ax = plots.loss_curves([runs[1], fall])
    assert (ax.get_yscale(), ax.get_ylabel()) == ("linear", r"$L(\theta_t)$")  # it goes below zero
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), runs[1].loss)


def test_a_cross_ends_a_curve_that_diverged() -> None:
    saddle = gd.objectives.Saddle()
    for run in (LOST, gd.descend(saddle, [0.0, 1.0], gd.GradientDescent(10.0), 400)):
        assert run.diverged
        ax = plots.loss_curves(run)
        curve, cross = ax.lines
        assert cross.get_marker() == "x"
        np.testing.assert_array_equal(cross.get_xydata()[0], curve.get_xydata()[-1])
        assert np.abs(curve.get_ydata()).max() <= 1e4 * abs(run.loss[0])


def test_animation_ends_with_the_whole_path() -> None:
    ax = plt.subplots()[1]
    animation = plots.animate(HILLS, [RUN, LOST], ax=ax, frames=3)
    *_, last = (animation._func(frame) for frame in range(3))
    np.testing.assert_array_equal(last[0].get_xydata(), RUN.theta)
    assert ax.get_title(loc="left") == "step 20"
    animation._draw_was_started = True  # it is not meant to be shown


CONSTANT = gd.objectives.from_function(lambda t: np.ones(t.shape[:-1]))


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: plots.contour(3), TypeError, "objective must be callable, got 3"),
        (lambda: plots.contour(WELL), ValueError, "objective must have 2 coordinates here, got 1"),
        (lambda: plots.curve(HILLS), ValueError, "objective must have 1 coordinate here, got 2"),
        (lambda: plots.surface(gd.objectives.Rosenbrock(3)), ValueError, "objective must have 2 coordinates"),
        (lambda: plots.contour(lambda t: t[..., 0]), TypeError, "domain must be given"),
        (lambda: plots.contour(HILLS, domain=[[1, -1], [0, 1]]), ValueError, "domain must hold a lower and a higher"),
        (lambda: plots.contour(CONSTANT), ValueError, "objective must not be constant"),
        (lambda: plots.contour(lambda t: t, domain=[[0, 1]] * 2), ValueError, "objective must return values of shape"),
        (lambda: plots.contour(HILLS, []), ValueError, "paths must hold at least one run"),
        (lambda: plots.loss_curves({}), ValueError, "paths must hold at least one run"),
        (lambda: plots.animate(HILLS, []), ValueError, "paths must hold at least one run"),
        (lambda: plots.contour(HILLS, BATCH), ValueError, r"paths must be single runs, got a batch of shape \(9, 9\)"),
        (lambda: plots.contour(HILLS, [RUN.theta]), TypeError, "paths must be what gd.descend returns"),
        (lambda: plots.contour(HILLS, BALL), ValueError, "paths must have 2 coordinates here, got 1"),
        (lambda: plots.basins(gd.objectives.Saddle(), BATCH), ValueError, "objective must know its minima"),
        (lambda: plots.basins(HILLS, RUN), ValueError, "runs must start on a grid"),
        (lambda: plots.animate(HILLS, RUN, frames=0), ValueError, "frames must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        draw()
    assert not plt.get_fignums()  # and no empty figure is left


def a_recorded_graph() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    p = a * b
    r = p - 4
    y = r**2 + torch.exp(a) * 5
    return y, {"$a$": a, "$b$": b, "$p = ab$": p, "$r$": r}


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_what_torch_recorded_is_drawn_with_what_it_keeps() -> None:
    y, names = a_recorded_graph()
    drawn = texts(plots.recorded(y, names))
    pairs = list(pairwise(drawn))
    assert ("$a$", "no .grad") in pairs
    assert ("$p = ab$", "Mul, keeps $a$, $b$") in pairs
    assert ("Pow", "keeps $r$") in pairs
    assert ("Exp", "keeps 7.389") in pairs  # its result, which has no name here
    assert "Sub" in drawn  # keeps nothing, and is titled $r$
    assert drawn.count("Add") == 1
    y.backward()
    drawn = texts(plots.recorded(y, names))
    pairs = list(pairwise(drawn))
    assert ("$a$", f".grad {12 + 5 * np.exp(2):.4g}") in pairs
    assert ("$b$", ".grad 8") in pairs
    assert ("$p = ab$", "Mul, freed") in pairs
    assert not any("keeps" in text for text in drawn)


def test_the_recorded_graph_goes_from_the_result_on_the_right_to_the_leaves() -> None:
    y, _ = a_recorded_graph()
    ax = plt.subplots()[1]
    assert plots.recorded(y, ax=ax) is ax
    boxes = [patch.get_bbox() for patch in ax.patches if hasattr(patch, "get_boxstyle")]
    assert len(boxes) == 8  # two leaves, Mul, Sub, Pow, Exp, Mul by 5, Add
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 8
    assert all(arrow.xy[0] < arrow.xyann[0] for arrow in arrows)  # head left of tail
    assert texts(ax).count("leaf") == 2
    x = torch.ones(3, requires_grad=True)
    assert "keeps (3,)" in texts(plots.recorded((x**2).sum()))


@pytest.mark.parametrize("result", [torch.ones(3), torch.ones((), requires_grad=True), 3.0])
def test_a_result_without_a_record_is_named(result: Any) -> None:
    with pytest.raises(TypeError, match="result must be a tensor that torch recorded the making of, got"):
        plots.recorded(result)
