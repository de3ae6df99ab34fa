"""Losses against torch, SciPy, exact arithmetic, finite differences, and what makes them losses."""

import decimal
import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

import gdcourse as gd
from gdcourse import losses as L

F = torch.nn.functional
RNG = np.random.default_rng(7)
REAL, BITS, KINDS = RNG.normal(size=60) * 3, RNG.integers(0, 2, 60), RNG.integers(0, 4, 60)
Z, S, Q = 3 * RNG.normal(size=60), 2 * RNG.normal(size=(60, 4)), RNG.normal(size=(60, 2))


def hinge(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.relu(1 - (2 * y - 1) * z)


def gaussian(q: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.gaussian_nll_loss(q[..., 0], y, torch.exp(2 * q[..., 1]), full=True, eps=1e-300, reduction="none")


def laplace(q: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.distributions.Laplace(q[..., 0], torch.exp(q[..., 1])).log_prob(y)


# Each loss with predictions, targets, and the same loss in torch, one number for each item.
CASES: dict[str, tuple[L.Loss, np.ndarray, np.ndarray, Callable]] = {
    "Squared": (L.Squared(), Z, REAL, lambda z, y: F.mse_loss(z, y, reduction="none") / 2),
    "Absolute": (L.Absolute(), Z, REAL, lambda z, y: F.l1_loss(z, y, reduction="none")),
    "Huber": (L.Huber(), Z, REAL, lambda z, y: F.huber_loss(z, y, reduction="none")),
    "Huber-0.3": (L.Huber(0.3), Z, REAL, lambda z, y: F.huber_loss(z, y, delta=0.3, reduction="none")),
    "Huber-4": (L.Huber(4.0), Z, REAL, lambda z, y: 4 * F.smooth_l1_loss(z, y, beta=4.0, reduction="none")),
    "ZeroOne": (L.ZeroOne(), Z, BITS, lambda z, y: ((z > 0) != (y > 0)).double() + 0 * z),
    "LogLoss": (L.LogLoss(), Z, BITS, lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none")),
    "Hinge": (L.Hinge(), Z, BITS, hinge),
    "SoftmaxCrossEntropy": (
        L.SoftmaxCrossEntropy(), S, KINDS, lambda s, y: F.cross_entropy(s, y.long(), reduction="none")
    ),
    "MulticlassHinge": (
        L.MulticlassHinge(), S, KINDS, lambda s, y: s.shape[-1] * F.multi_margin_loss(s, y.long(), reduction="none")
    ),
    "NegativeLogGaussian": (L.NegativeLogGaussian(), Q, REAL, gaussian),
    "NegativeLogLaplace": (L.NegativeLogLaplace(), Q, REAL, laplace),
}  # fmt: skip
CONVEX = [name for name in CASES if name not in ("ZeroOne", "NegativeLogGaussian", "NegativeLogLaplace")]
each = pytest.mark.parametrize(("loss", "prediction", "target", "torchs"), CASES.values(), ids=CASES)
logits = st.floats(-1000, 1000)
classes = st.integers(0, 3)
scores = st.lists(logits, min_size=4, max_size=4).map(np.array)


def strict() -> Any:
    """No overflow, no division by zero, no NaN; what is too small for a float may become 0."""
    return np.errstate(all="raise", under="ignore")


def test_every_loss_is_tested() -> None:
    public = {
        name
        for name, value in vars(L).items()
        if inspect.isclass(value) and issubclass(value, L.Loss) and name[0] != "_" and value is not L.Loss
    }
    assert public == {type(loss).__name__ for loss, *_ in CASES.values()}


# Values and derivatives.


@each
def test_values_and_derivatives_are_torchs(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    z = torch.tensor(prediction, requires_grad=True)
    values = torchs(z, torch.tensor(target, dtype=torch.float64))
    (grads,) = torch.autograd.grad(values.sum(), z)
    np.testing.assert_allclose(loss(prediction, target), values.detach().numpy(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(loss.grad(prediction, target), grads.numpy(), rtol=1e-12, atol=1e-14)


@each
def test_derivatives_are_those_of_central_differences(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    flat = prediction[:, None] if prediction.ndim == 1 else prediction  # one row of coordinates for each item

    def value(theta: np.ndarray) -> np.ndarray:
        return loss(theta.reshape(prediction.shape), target)

    numeric = gd.numerical_gradient(value, flat).reshape(prediction.shape)
    np.testing.assert_allclose(loss.grad(prediction, target), numeric, rtol=1e-6, atol=1e-6)


def test_densities_are_scipys() -> None:
    mu, sigma = Q[:, 0], np.exp(Q[:, 1])
    np.testing.assert_allclose(L.NegativeLogGaussian()(Q, REAL), -scipy.stats.norm.logpdf(REAL, mu, sigma), rtol=1e-13)
    np.testing.assert_allclose(
        L.NegativeLogLaplace()(Q, REAL), -scipy.stats.laplace.logpdf(REAL, mu, sigma), rtol=1e-13
    )


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "value", "grad"),
    [
        (L.Squared(), 3.0, 1.0, 2.0, 2.0),
        (L.Absolute(), 1.0, 3.0, 2.0, -1.0),
        (L.Huber(), 3.0, 1.0, 1.5, 1.0),
        (L.Huber(), 1.5, 1.0, 0.125, 0.5),
        (L.Huber(2.0), 5.0, 0.0, 8.0, 2.0),
        (L.ZeroOne(), 0.1, 0, 1.0, 0.0),
        (L.LogLoss(), 0.0, 1, np.log(2), -0.5),
        (L.LogLoss(), np.log(3), 0, np.log(4), 0.75),
        (L.Hinge(), 0.25, 1, 0.75, -1.0),
        (L.Hinge(), 0.25, 0, 1.25, 1.0),
        (L.SoftmaxCrossEntropy(), np.log([1.0, 2.0, 5.0]), 1, np.log(4), [1 / 8, 2 / 8 - 1, 5 / 8]),
        (L.MulticlassHinge(), [3.2, 5.1, -1.7], 0, 2.9, [-1, 1, 0]),
        (L.MulticlassHinge(), [2.0, 2.5, 1.5], 0, 2.0, [-2, 1, 1]),
        (L.NegativeLogGaussian(), [1.0, 0.0], 3.0, 2 + np.log(2 * np.pi) / 2, [-2.0, -3.0]),
        (L.NegativeLogLaplace(), [1.0, np.log(2)], 3.0, 1 + np.log(4), [-0.5, 0.0]),
    ],
)
def test_values_done_by_hand(loss: L.Loss, prediction: Any, target: Any, value: float, grad: Any) -> None:
    np.testing.assert_allclose(loss(prediction, target), value, rtol=1e-14)
    np.testing.assert_allclose(loss.grad(prediction, target), grad, rtol=1e-14, atol=1e-15)


# From logits, at a thousand.


def exact_log_sum_exp(values: list[float]) -> float:
    """log Σ e^v of values of which one is 0, right down to the smallest float."""
    with decimal.localcontext(prec=350):
        return float(sum(Decimal(v).exp() for v in values).ln())


@given(logits, st.integers(0, 1))
def test_log_loss_is_exact_to_rounding(z: float, y: int) -> None:
    with strict():
        value, grad = L.LogLoss()(z, y), L.LogLoss().grad(z, y)
    np.testing.assert_allclose(value, exact_log_sum_exp([0.0, -z if y else z]), rtol=1e-14, atol=1e-305)
    np.testing.assert_allclose(grad, scipy.special.expit(z) - y, rtol=1e-13, atol=1e-305)


@given(scores, classes)
def test_cross_entropy_is_exact_to_rounding(s: np.ndarray, y: int) -> None:
    with strict():
        value, grad = L.SoftmaxCrossEntropy()(s, y), L.SoftmaxCrossEntropy().grad(s, y)
    differences = [float(x) for x in s - s[y]]
    np.testing.assert_allclose(value, exact_log_sum_exp(differences), rtol=1e-13, atol=1e-305)
    np.testing.assert_allclose(grad, scipy.special.softmax(s) - np.eye(4)[y], rtol=1e-11, atol=1e-14)


def test_log_sum_exp_is_scipys() -> None:
    np.testing.assert_allclose(L.log_sum_exp(S), scipy.special.logsumexp(S, axis=-1), rtol=1e-14)
    np.testing.assert_array_equal(L.log_sum_exp([[1000.0, 1000.0], [-1000.0, -3000.0]]), [1000 + np.log(2), -1000])
    np.testing.assert_allclose(L.log_sum_exp([0.0, -40.0, -50.0]), np.exp(-40) + np.exp(-50), rtol=1e-14)


def test_sigmoid_is_scipys_and_never_overflows() -> None:
    z = np.array([-1e308, -1000.0, -40.0, -1.0, 0.0, 1.0, 40.0, 1000.0, 1e308])
    with strict():
        np.testing.assert_allclose(L.sigmoid(z), scipy.special.expit(z), rtol=1e-15)
    assert L.sigmoid(np.float32(1.5)).dtype == np.float32


def test_softmax_is_scipys() -> None:
    np.testing.assert_allclose(L.softmax(S), scipy.special.softmax(S, axis=-1), rtol=1e-13)
    with strict():
        np.testing.assert_array_equal(L.softmax([1000.0, -1000.0, 1000.0]), [0.5, 0, 0.5])


@given(logits, st.integers(0, 1))
def test_losses_of_the_margin_survive_a_thousand(z: float, y: int) -> None:
    m = z if y else -z
    with strict():
        assert L.ZeroOne()(z, y) == float(m <= 0)
        assert L.Hinge()(z, y) == max(0.0, 1 - m)
        assert L.Hinge().grad(z, y) == (0.0 if m >= 1 else 1.0 - 2 * y)
        for loss in (L.LogLoss(), L.Hinge()):
            assert abs(loss.grad(z, y)) <= 1


def test_a_class_that_is_ruled_out_costs_nothing() -> None:
    # A score of −∞ is how a class is masked.
    loss, s = L.SoftmaxCrossEntropy(), np.array([0.0, -np.inf, 1.0])
    np.testing.assert_allclose(loss(s, 2), np.log1p(np.exp(-1)), rtol=1e-15)
    np.testing.assert_allclose(loss.grad(s, 2), [L.sigmoid(-1.0), 0, -L.sigmoid(-1.0)], rtol=1e-14)
    assert L.MulticlassHinge()(s, 2) == 0


# What makes them these losses.


def test_the_best_constants_are_mean_and_median_and_between() -> None:
    y = np.array([1.0, 2.0, 4.0, 8.0, 60.0])
    grid = np.linspace(0, 70, 70_001)

    def best(loss: L.Loss) -> float:
        return float(grid[np.argmin(loss(grid[:, None], y).mean(axis=1))])

    assert best(L.Squared()) == pytest.approx(15.0, abs=1e-9)
    assert best(L.Absolute()) == pytest.approx(4.0, abs=1e-9)
    # Where the clipped errors balance: (c − 1) + (c − 2) + (c − 4) + (c − 8) = δ.
    assert best(L.Huber(10.0)) == pytest.approx((15 + 10) / 4, abs=1e-9)
    assert best(L.Huber(1e3)) == pytest.approx(15.0, abs=1e-9)


@pytest.mark.parametrize("name", CONVEX)
@given(data=st.data())
def test_chords_lie_above_the_graph(name: str, data: st.DataObject) -> None:
    loss, prediction, target, _ = CASES[name]
    draw = logits if prediction.ndim == 1 else scores
    a, b, share = data.draw(draw), data.draw(draw), data.draw(st.floats(0, 1))
    y = target[0]
    chord = share * loss(a, y) + (1 - share) * loss(b, y)
    assert loss(share * a + (1 - share) * b, y) <= chord + 1e-9 * max(1, abs(chord))
    # And tangents below it: the derivative, at a kink any subgradient, is a lower bound.
    slope = np.sum(loss.grad(a, y) * (b - a))
    assert loss(b, y) >= loss(a, y) + slope - 1e-9 * max(1, abs(slope), abs(loss(a, y)))


@given(logits, st.integers(0, 1))
def test_bits_and_hinge_bound_the_count_of_mistakes(z: float, y: int) -> None:
    mistake = L.ZeroOne()(z, y)
    assert L.LogLoss()(z, y) / np.log(2) >= mistake * (1 - 1e-15)
    assert L.Hinge()(z, y) >= mistake


def test_nats_do_not() -> None:
    assert L.LogLoss()(0.0, 1) < L.ZeroOne()(0.0, 1)


@given(logits, st.integers(0, 1))
def test_two_classes_are_the_binary_loss(z: float, y: int) -> None:
    s = np.array([-0.25 * z, 0.75 * z])
    for many, two in ((L.SoftmaxCrossEntropy(), L.LogLoss()), (L.MulticlassHinge(), L.Hinge())):
        np.testing.assert_allclose(many(s, y), two(s[1] - s[0], y), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(many.grad(s, y)[1], two.grad(s[1] - s[0], y), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("loss", [L.SoftmaxCrossEntropy(), L.MulticlassHinge()])
def test_only_differences_of_scores_count(loss: L.Loss) -> None:
    shift = RNG.normal(size=(60, 1))
    np.testing.assert_allclose(loss(S + shift, KINDS), loss(S, KINDS), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(loss.grad(S, KINDS).sum(axis=-1), 0, atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "grad"),
    [
        (L.Absolute(), 2.0, 2.0, 0.0),
        (L.ZeroOne(), 0.0, 1, 0.0),
        (L.Hinge(), 1.0, 1, 0.0),
        (L.Hinge(), -1.0, 0, 0.0),
        (L.MulticlassHinge(), [3.0, 2.0, 1.0], 0, [0, 0, 0]),
        (L.MulticlassHinge(), [3.0, 2.0, 2.5], 0, [-1, 0, 1]),
        (L.NegativeLogLaplace(), [2.0, 0.0], 2.0, [0.0, 1.0]),
    ],
)
def test_subgradients_at_the_kinks(loss: L.Loss, prediction: Any, target: Any, grad: Any) -> None:
    found = loss.grad(prediction, target)
    np.testing.assert_array_equal(found, grad)
    assert not np.signbit(found[np.equal(found, 0)]).any() if np.ndim(found) else not (found == 0 and np.signbit(found))


def test_a_logit_of_zero_is_a_mistake_for_both_classes() -> None:
    np.testing.assert_array_equal(L.ZeroOne()(0.0, [0, 1]), [1, 1])


def test_huber_meets_its_neighbours() -> None:
    np.testing.assert_array_equal(L.Huber(1e6)(Z, REAL), L.Squared()(Z, REAL))
    np.testing.assert_allclose(L.Huber(1e-9)(Z, REAL) / 1e-9, L.Absolute()(Z, REAL), atol=1e-9)
    with strict():
        assert L.Huber()(1e300, 0.0) == 1e300


def test_the_best_densities_have_the_moments_of_the_data() -> None:
    mean, sigma = REAL.mean(), REAL.std()
    grads = L.NegativeLogGaussian().grad([mean, np.log(sigma)], REAL)
    np.testing.assert_allclose(grads.mean(axis=0), 0, atol=1e-14)
    b = np.abs(REAL - np.median(REAL)).mean()
    grads = L.NegativeLogLaplace().grad([np.median(REAL), np.log(b)], REAL)
    np.testing.assert_allclose(grads.mean(axis=0), 0, atol=1e-14)


# Shapes and kinds.


@each
def test_items_are_the_items_one_by_one(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    kept = prediction.copy(), target.copy()
    values, grads = loss(prediction, target), loss.grad(prediction, target)
    assert (values.shape, grads.shape) == (target.shape, prediction.shape)
    for i in range(0, 60, 7):
        assert np.ndim(loss(prediction[i], target[i])) == 0
        np.testing.assert_array_equal(loss(prediction[i], target[i]), values[i])
        np.testing.assert_array_equal(loss.grad(prediction[i], target[i]), grads[i])
    np.testing.assert_array_equal(prediction, kept[0])
    np.testing.assert_array_equal(target, kept[1])


@each
def test_leading_axes_broadcast(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    # Three runs, one data set; and one prediction for all items.
    runs = np.stack([prediction, 2 * prediction, -prediction])
    assert loss(runs, target).shape == (3, 60)
    np.testing.assert_array_equal(loss(runs, target)[1], loss(2 * prediction, target))
    np.testing.assert_array_equal(loss.grad(runs, target)[2], loss.grad(-prediction, target))
    one = prediction[0]
    np.testing.assert_array_equal(loss(one, target), [loss(one, y) for y in target])
    np.testing.assert_array_equal(loss.grad(one, target), [loss.grad(one, y) for y in target])


@each
def test_single_precision_stays(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    single = prediction.astype(np.float32)
    assert loss(single, target).dtype == loss.grad(single, target).dtype == np.float32


@each
def test_lists_and_integers_are_numbers_too(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    whole, kinds = prediction.round().astype(int), target.round().astype(int)
    np.testing.assert_array_equal(loss(whole.tolist(), kinds.tolist()), loss(whole.astype(float), kinds))
    np.testing.assert_array_equal(loss.grad(whole.tolist(), kinds.tolist()), loss.grad(whole.astype(float), kinds))


# Errors.


BINARY = [L.ZeroOne(), L.LogLoss(), L.Hinge()]
MANY = [L.SoftmaxCrossEntropy(), L.MulticlassHinge()]


@each
def test_shapes_that_do_not_fit_are_named(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    for method in (loss, loss.grad):
        with pytest.raises(
            ValueError, match=r"prediction and target must have shapes that broadcast, got .*60.*\(7,\)"
        ):
            method(prediction, target[:7])


@each
def test_what_is_no_number_is_named(loss: L.Loss, prediction: Any, target: Any, torchs: Any) -> None:
    for method in (loss, loss.grad):
        with pytest.raises(TypeError, match="prediction must be a number or an array of numbers, got 'high'"):
            method("high", target)
        with pytest.raises(
            TypeError, match=r"target must (be a number or an array of numbers|hold classes as integers)"
        ):
            method(prediction, ["cat"] * 60)


@pytest.mark.parametrize("loss", BINARY)
def test_labels_other_than_0_and_1_are_named(loss: L.Loss) -> None:
    for method in (loss, loss.grad):
        with pytest.raises(ValueError, match=r"target must hold the classes 0 and 1 only, got array\(\[-1.*label \+ 1"):
            method(Z, 2 * BITS - 1)
        with pytest.raises(ValueError, match="classes 0 and 1 only"):
            method(0.0, np.nan)


@pytest.mark.parametrize("loss", MANY)
def test_classes_out_of_range_are_named(loss: L.Loss) -> None:
    for method in (loss, loss.grad):
        with pytest.raises(ValueError, match=r"target must hold classes from 0 to 3, got array\(\[1, 2, 3, 4"):
            method(S, KINDS + 1)
        with pytest.raises(ValueError, match="target must hold classes from 0 to 3"):
            method(S, -1)
        with pytest.raises(TypeError, match=r"target must hold classes as integers, got 1\.0"):
            method(S, 1.0)
        for bad in (1.0, S[:, :1]):
            with pytest.raises(ValueError, match=r"prediction must have shape \(\.\.\., K\)"):
                method(bad, 0)


@pytest.mark.parametrize("loss", [L.NegativeLogGaussian(), L.NegativeLogLaplace()])
def test_a_density_wants_two_parameters(loss: L.Loss) -> None:
    for bad in (1.0, [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=r"prediction must have shape \(\.\.\., 2\), location and log scale, got"):
            loss.grad(bad, 0.0)


def test_parameters_out_of_range_are_named() -> None:
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="delta must be"):
            L.Huber(bad)
    for term in (L.L1, L.L2):
        with pytest.raises(ValueError, match="strength must be non-negative and finite, got -1"):
            term(-1.0)
    with pytest.raises(TypeError, match="z must be a number"):
        L.sigmoid("1")


# Extra terms.


@pytest.mark.parametrize(
    ("term", "value", "grad"), [(L.L2(0.5), 3.5, [0.5, 0.0, -1.0, 1.5]), (L.L1(2.0), 12.0, [2, 0, -2, 2])]
)
def test_extra_terms_done_by_hand(term: Any, value: float, grad: Any) -> None:
    theta = [1, 0, -2, 3]
    assert term(theta) == value
    np.testing.assert_array_equal(term.grad(theta), grad)
    many = np.array([theta, [0.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]])
    assert term(many).shape == (3,)
    assert term(many)[0] == value
    np.testing.assert_array_equal(term.grad(many)[0], grad)


@pytest.mark.parametrize("term", [L.L2(0.7), L.L1(0.7)])
def test_gradients_of_extra_terms_are_those_of_differences(term: Any) -> None:
    assert gd.check_gradient(term, S) < 1e-6


def test_l2_is_torchs_weight_decay() -> None:
    p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    p.grad = torch.zeros_like(p)
    torch.optim.SGD([p], lr=0.1, weight_decay=0.5).step()
    expected = np.array([1.0, -2.0]) - 0.1 * L.L2(0.5).grad([1.0, -2.0])
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-15)
