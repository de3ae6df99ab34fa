"""Muon against torch's own, Newton–Schulz against the singular values; and what NAdam, RAdam and Lion claim."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rule_support import torch_walk, walk

import gdcourse as gd
from gdcourse.modern import QUINTIC

FIXED = settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.explicit, Phase.generate])
STEPS = 60
SHAPES = [(4, 3), (3, 4), (3, 3), (1, 5), (5, 1), (40, 6)]


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def path_of(rule: Any, grads: Any, start: Any) -> np.ndarray:
    return np.array([theta for theta, _ in walk(rule, grads, start)])


def polynomial(sigma: Any, steps: int, coefficients: Any = QUINTIC) -> Any:
    """What Newton–Schulz does to a singular value, as a polynomial in numbers."""
    a, b, c = coefficients
    for _ in range(steps):
        sigma = a * sigma + b * sigma**3 + c * sigma**5
    return sigma


# Newton–Schulz.


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_newton_schulz_is_the_polynomial_on_the_singular_values(shape: tuple[int, int], steps: int) -> None:
    matrix = seeded(1).normal(size=shape) * 7
    U, S, Vt = np.linalg.svd(matrix, full_matrices=False)
    expected = U * polynomial(S / np.sqrt(np.sum(S**2)), steps) @ Vt
    np.testing.assert_allclose(gd.newton_schulz(matrix, steps), expected, rtol=0, atol=1e-12)


def test_newton_schulz_with_the_converging_coefficients_ends_at_the_polar_factor() -> None:
    matrix = seeded(2).normal(size=(6, 4))
    U, _, Vt = np.linalg.svd(matrix, full_matrices=False)
    ours = gd.newton_schulz(matrix, 30, (15 / 8, -10 / 8, 3 / 8))
    np.testing.assert_allclose(ours, U @ Vt, rtol=0, atol=1e-12)


def test_five_steps_level_the_singular_values_that_the_docstring_promises() -> None:
    sigma = np.linspace(0.002, 1, 100_001)
    after = polynomial(sigma, 5)
    assert 0.68 < after.min() < 0.69
    assert 1.20 < after.max() < 1.21
    for steps in (6, 10, 20):
        assert polynomial(sigma, steps).min() < 0.69
    assert polynomial(1e-4, 5) < 0.06  # what is smaller is not level yet


def test_newton_schulz_takes_each_matrix_of_a_batch_by_itself() -> None:
    batch = seeded(3).normal(size=(2, 5, 3, 4)) * np.array([1e-3, 1.0, 10.0, 1e5, 0.0])[:, None, None]
    together = gd.newton_schulz(batch)
    for i, j in np.ndindex(2, 5):
        np.testing.assert_allclose(together[i, j], gd.newton_schulz(batch[i, j]), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(together[:, 4], 0)


def test_newton_schulz_forgets_the_scale_down_to_eps() -> None:
    matrix = seeded(4).normal(size=(3, 4))
    np.testing.assert_allclose(gd.newton_schulz(1e6 * matrix), gd.newton_schulz(matrix), rtol=1e-12)
    tiny = 1e-12 * matrix / np.linalg.norm(matrix)
    np.testing.assert_allclose(gd.newton_schulz(tiny), QUINTIC[0] ** 5 * tiny / 1e-7, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(gd.newton_schulz(tiny, eps=1e-20), gd.newton_schulz(matrix), rtol=1e-12)


@pytest.mark.parametrize("bad", [np.ones(3), np.float64(1.0), 2.0, [[1.0]]])
def test_newton_schulz_wants_a_matrix(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"^matrix must have shape \(\.\.\., m, n\), got "):
        gd.newton_schulz(bad)


def test_newton_schulz_wants_a_count() -> None:
    with pytest.raises(ValueError, match=r"^steps must be at least 0, got -1"):
        gd.newton_schulz(np.eye(2), -1)
    with pytest.raises(TypeError, match=r"^steps must be an integer, got 2\.5"):
        gd.newton_schulz(np.eye(2), 2.5)


# Muon against torch's.


def torch_muon(p: Any, rule: Any) -> torch.optim.Optimizer:
    return torch.optim.Muon(p, lr=rule.lr, momentum=rule.beta, weight_decay=rule.weight_decay, ns_steps=rule.ns_steps)


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch's Muon orthogonalise in the precision of the gradient, as ours does, and not in bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())


def difference(ours: Any, theirs: Any) -> float:
    ours, theirs = np.array(ours), np.array(theirs)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("double")
@settings(FIXED, max_examples=8)
@given(
    lr=st.floats(1e-4, 1.0),
    beta=st.just(0.0) | st.floats(0.0, 0.99),
    weight_decay=st.floats(0.0, 0.5),
    ns_steps=st.integers(1, 7),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 10**6),
)
def test_muon_takes_torchs_path(
    shape: Any, lr: float, beta: float, weight_decay: float, ns_steps: int, scale: float, seed: int
) -> None:
    rng = seeded(seed)
    grads, start = scale * rng.normal(size=(STEPS, *shape)), rng.normal(size=shape)
    rule = gd.Muon(lr=lr, beta=beta, weight_decay=weight_decay, ns_steps=ns_steps)
    assert difference(path_of(rule, grads, start), torch_walk(torch_muon, rule, grads, start)) <= 1e-9


def test_muon_is_torchs_as_it_comes_within_the_precision_of_bfloat16() -> None:
    grads, start = seeded(5).normal(size=(STEPS, 8, 5)), np.zeros((8, 5))
    assert 1e-6 < difference(path_of(gd.Muon(), grads, start), torch_walk(torch_muon, gd.Muon(), grads, start)) < 0.02


@pytest.mark.usefixtures("double")
def test_muons_scheduled_rate_enters_where_torchs_does() -> None:
    grads, start = seeded(6).normal(size=(STEPS, 4, 3)), np.ones((4, 3))
    ours = path_of(gd.Muon(lr=gd.schedules.Exponential(lr=0.5, gamma=0.95)), grads, start)
    theirs = torch_walk(
        torch_muon, gd.Muon(lr=0.5), grads, start, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.95)
    )
    assert difference(ours, theirs) <= 1e-9


# A loss whose parameter is a matrix: ½‖A W − B‖² / rows.

A, B = seeded(7).normal(size=(20, 4)), seeded(8).normal(size=(20, 3))
FIT = gd.objectives.from_function(
    lambda w: 0.5 * np.mean(np.sum((A @ w.reshape(*w.shape[:-1], 4, 3) - B) ** 2, axis=-1), axis=-1),
    lambda w: (A.T @ (A @ w.reshape(*w.shape[:-1], 4, 3) - B) / 20).reshape(w.shape),
    dim=12,
)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("shape", [(4, 3), (2, 6), (12, 1), (1, 12)])
def test_muon_in_descend_takes_torchs_path_along_its_own_gradients(shape: tuple[int, int]) -> None:
    start, rule = seeded(9).normal(size=12), gd.Muon(lr=0.02, weight_decay=0.0, shape=shape)
    run = gd.descend(FIT, start, rule, 200)
    p = torch.nn.Parameter(torch.tensor(start.reshape(shape)))
    optimizer = torch.optim.Muon([p], lr=0.02, momentum=0.95, weight_decay=0.0)
    path = [start]
    for _ in range(200):
        optimizer.zero_grad()
        rest = torch.tensor(A) @ p.reshape(4, 3) - torch.tensor(B)
        (0.5 * (rest**2).sum(dim=1).mean()).backward()
        optimizer.step()
        path.append(p.detach().numpy().reshape(12).copy())
    assert run.loss[-1] < 0.8 * run.loss[0]
    assert difference(run.theta, path) <= 1e-8


def test_muon_in_descend_runs_a_batch_one_by_one() -> None:
    starts, rates = seeded(10).normal(size=(3, 1, 12)), np.array([0.003, 0.01, 1e300, 0.03])
    betas, decay = np.array([0.0, 0.5, 0.9, 0.99]), np.array([0.0, 0.1, 0.2, 0.3])
    together = gd.descend(FIT, starts, gd.Muon(rates, betas, decay, shape=(4, 3)), 30)
    np.testing.assert_array_equal(together.diverged, [[False, False, True, False]] * 3)
    for i, j in np.ndindex(3, 4):
        alone = gd.descend(FIT, starts[i, 0], gd.Muon(rates[j], betas[j], decay[j], shape=(4, 3)), 30)
        size = len(alone.theta)
        np.testing.assert_allclose(together.theta[:size, i, j], alone.theta, rtol=1e-11, atol=1e-12)
        assert together[i, j].optimizer == alone.optimizer
        assert together[i, j].optimizer.shape == (4, 3)


def test_muon_reads_a_vector_row_by_row() -> None:
    grads, start = seeded(11).normal(size=(10, 12)), seeded(12).normal(size=12)
    flat = path_of(gd.Muon(lr=0.1, shape=(4, 3)), grads, start)
    whole = path_of(gd.Muon(lr=0.1), grads.reshape(10, 4, 3), start.reshape(4, 3))
    np.testing.assert_allclose(np.array(flat).reshape(11, 4, 3), whole, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_muon_on_torch_tensors_and_on_numpy_arrays(shape: tuple[int, int]) -> None:
    grads, start = seeded(13).normal(size=(10, *shape)), np.ones(shape)
    theirs = [theta for theta, _ in walk(gd.Muon(lr=0.1), torch.tensor(grads), torch.tensor(start))]
    assert all(isinstance(theta, torch.Tensor) and theta.dtype == torch.float64 for theta in theirs)
    np.testing.assert_allclose(
        np.array([t.numpy() for t in theirs]), path_of(gd.Muon(lr=0.1), grads, start), atol=1e-12
    )


@pytest.mark.parametrize("module", [np, torch], ids=["numpy", "torch"])
def test_muon_in_single_precision_stays_single(module: Any) -> None:
    theta = module.ones((3, 2), dtype=module.float32)
    delta, state = gd.Muon().update(theta, gd.Muon().init(theta), theta)
    assert delta.dtype == state.v.dtype == module.float32


@pytest.mark.parametrize("convert", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_muons_update_is_pure(convert: Any) -> None:
    rule, theta, grad = gd.Muon(), convert(np.eye(3)), convert(seeded(14).normal(size=(3, 3)))
    _, state = rule.update(grad, rule.init(theta), theta)
    before = copy.deepcopy((grad, state, theta))
    first, again = rule.update(grad, state, theta), rule.update(grad, state, theta)
    for one, other in zip((*before, *first), (grad, state, theta, *again), strict=True):
        np.testing.assert_array_equal(np.asarray(getattr(one, "v", one)), np.asarray(getattr(other, "v", other)))


def test_muons_first_step_levels_every_direction_of_the_gradient() -> None:
    U, V = (np.linalg.qr(seeded(15).normal(size=(n, 4)))[0] for n in (16, 9))
    grad = U * np.array([100.0, 10.0, 1.0, 0.5]) @ V.T
    delta, _ = gd.Muon(lr=0.1, weight_decay=0.0).update(grad, gd.Muon().init(grad), grad)
    along = -np.diag(U.T @ delta @ V) / (0.1 * math.sqrt(16 / 9))
    assert np.all((along > 0.68) & (along < 1.21))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"shape": (2, 3, 4)}, r"^shape must be a pair \(m, n\), got \(2, 3, 4\)"),
        ({"shape": 6}, r"^shape must be a pair \(m, n\), got 6"),
        ({"shape": (2, 0)}, r"^shape\[1\] must be at least 1, got 0"),
        ({"shape": (2.0, 3)}, r"^shape\[0\] must be an integer, got 2\.0"),
        ({"ns_steps": 0}, "^ns_steps must be at least 1, got 0"),
        ({"ns_steps": 5.0}, r"^ns_steps must be an integer, got 5\.0"),
    ],
)
def test_muon_refuses_what_is_no_layout(setting: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        gd.Muon(**setting)


def test_muon_refuses_what_is_no_matrix() -> None:
    for theta in (np.ones(6), np.ones(()), torch.ones(6)):
        with pytest.raises(ValueError, match=r"^theta must have shape \(\.\.\., m, n\) for Muon\(\), got \("):
            gd.Muon().init(theta)
    for theta in (np.ones(5), np.ones(()), np.ones((6, 2))):
        with pytest.raises(ValueError, match=r"^theta must have shape \(\.\.\., 6\) for Muon\(shape=\(2, 3\)\), got "):
            gd.Muon(shape=(2, 3)).init(theta)
    for start in (np.ones(12), np.ones((4, 3))):  # a batch of points is no matrix
        with pytest.raises(ValueError, match=r"^optimizer must be told how to read theta.*shape=\(m, n\), got Muon"):
            gd.descend(FIT, start, gd.Muon(), 3)
    with pytest.raises(ValueError, match=r"^theta must have shape \(\.\.\., 6\) .* got \(12,\)"):
        gd.descend(FIT, np.ones(12), gd.Muon(shape=(2, 3)), 3)


# NAdam, RAdam, Lion: one claim at a time.


def test_nadam_is_adam_one_step_ahead_if_the_gradient_repeats() -> None:
    # With a constant momentum (ψ large) and after the bias corrections are done: v̄_t = v_{t+1} for g_{t+1} = g_t.
    rule = gd.NAdam(lr=1.0, beta1=0.9, beta2=0.0, eps=0.0, momentum_decay=1e9)
    grads = seeded(16).normal(size=(400, 3))
    theta = np.zeros(3)
    state = rule.init(theta)
    for grad in grads:
        delta, state = rule.update(grad, state, theta)
    ahead = 0.9 * state.v + 0.1 * grads[-1]
    np.testing.assert_allclose(delta, -ahead / np.abs(grads[-1]), rtol=1e-12)


def test_nadams_momentum_warms_up_from_half() -> None:
    rule = gd.NAdam()
    np.testing.assert_allclose([rule.mu(0), rule.mu(250)], [0.45, 0.9 * (1 - 0.48)], rtol=1e-14)
    assert rule.mu(10**6) == 0.9


def test_nadam_of_a_constant_gradient_is_sign_descent_of_about_the_rate() -> None:
    path = np.array(path_of(gd.NAdam(lr=0.1), np.full((300, 1), 5.0), np.zeros(1)))
    np.testing.assert_allclose(np.diff(path[200:, 0]), -0.1, rtol=0.05)


def exact_rectifier(t: int, beta2: float) -> float:
    """Liu et al., their r, with ρ from its definition: as long as a simple average with the same centre of mass."""
    weights = (1 - beta2) * beta2 ** np.arange(t - 1, -1, -1) / (1 - beta2**t)
    rho = 2 * np.sum(weights * np.arange(t, 0, -1)) - 1
    rho_inf = 2 / (1 - beta2) - 1
    if rho <= 5:
        return 0.0
    return math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


@pytest.mark.parametrize("beta2", [0.0, 0.5, 0.6, 2 / 3, 0.7, 0.9, 0.99, 0.999])
def test_the_rectifier_from_its_definition(beta2: float) -> None:
    rule = gd.RAdam(beta2=beta2)
    for t in (*range(1, 40), 100, 1000, 5000):
        assert rule.rectifier(t) == pytest.approx(exact_rectifier(t, beta2), rel=1e-6, abs=1e-9)
    assert (rule.rectifier(10**5) > 0.9) == (beta2 > 2 / 3)


def test_radam_waits_five_steps_and_then_is_rectified() -> None:
    rule, grads = gd.RAdam(lr=1.0), np.full((7, 1), 3.0)
    deltas = np.diff(np.array(path_of(rule, grads, np.zeros(1)))[:, 0])
    np.testing.assert_allclose(deltas[:5], -3.0, rtol=1e-12)  # averaged gradient descent
    np.testing.assert_allclose(deltas[5:], [-rule.rectifier(6), -rule.rectifier(7)], rtol=1e-7)
    assert 0 < rule.rectifier(6) < 0.05


def test_radams_settings_may_wait_for_different_times() -> None:
    beta2, grads = np.array([[0.5], [0.9], [0.999]]), np.full((12, 3, 1), 2.0)
    deltas = np.diff(np.array(path_of(gd.RAdam(lr=1.0, beta2=beta2), grads, np.zeros((3, 1))))[..., 0], axis=0)
    np.testing.assert_allclose(deltas[:, 0], -2.0)
    assert [int(np.argmax(deltas[:, j] > -1.9)) for j in (1, 2)] == [5, 5]


def test_lions_steps_have_one_length_and_the_decay_is_a_fence() -> None:
    grads = seeded(17).normal(size=(100, 4)) * [1e-8, 1.0, 1e8, 0.0]
    steps = np.abs(np.diff(np.array(path_of(gd.Lion(lr=0.25), grads, np.zeros(4))), axis=0))
    np.testing.assert_array_equal(steps, np.tile([0.25, 0.25, 0.25, 0.0], (100, 1)))
    far = gd.objectives.Quadratic([1.0, 1.0], center=(3.0, 0.3))
    end = gd.descend(far, [0.0, 0.0], gd.Lion(lr=0.001, weight_decay=2.0), 8000).theta[-1]
    np.testing.assert_allclose(end, [0.5, 0.3], atol=0.02)  # 1/λ in the first coordinate; the second is left alone
