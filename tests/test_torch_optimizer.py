"""The adapter against torch.optim on a small network, and as a torch.optim.Optimizer among torch's own tools."""

import copy
import inspect
import io
import math
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

import gdcourse as gd
from gdcourse.torch_optimizer import Optimizer

RULES = {
    name: rule
    for name, rule in vars(gd).items()
    if inspect.isclass(rule) and issubclass(rule, gd.Optimizer) and rule is not gd.Optimizer
}
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
FIXED = settings(derandomize=True, deadline=None, max_examples=12, phases=[Phase.explicit, Phase.generate])
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here"))]


def network(seed: int = 0, bias: bool = True) -> torch.nn.Module:
    """Two layers, in float64: four tensors, or the two matrices alone."""
    torch.manual_seed(seed)
    layers = torch.nn.Linear(3, 5, bias), torch.nn.Tanh(), torch.nn.Linear(5, 1, bias)
    return torch.nn.Sequential(*layers).double()


def for_(rule: type[gd.Optimizer], seed: int = 0) -> torch.nn.Module:
    """Return the network, without its biases for the rule that takes matrices alone."""
    return network(seed, bias=rule is not gd.Muon)


def loss_of(model: torch.nn.Module, step: int = 0) -> torch.Tensor:
    """Squared error on another minibatch at each step."""
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(16, 3, generator=generator, dtype=torch.float64)
    y = torch.sin(x.sum(dim=1, keepdim=True))
    device = next(model.parameters()).device
    return torch.mean((model(x.to(device)) - y.to(device)) ** 2)


def train(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0, after: Callable = lambda: None
) -> torch.Tensor:
    """Take ``steps`` steps; return all parameters as one vector."""
    for step in range(first, first + steps):
        optimizer.zero_grad()
        loss_of(model, step).backward()
        optimizer.step()
        after()
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()


def apart(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the largest difference, relative to the size of the vector."""
    return float((mine - theirs).abs().max() / theirs.abs().max())


lr, beta, rho, eps = st.floats(1e-4, 0.03), st.floats(0, 0.99), st.floats(0.5, 0.999), st.floats(1e-10, 1e-2)


@pytest.mark.parametrize(
    "pair",
    [
        (lambda r: gd.GradientDescent(r["lr"]), lambda p, r: torch.optim.SGD(p, lr=r["lr"])),
        (lambda r: gd.Momentum(r["lr"], r["beta"]), lambda p, r: torch.optim.SGD(p, lr=r["lr"], momentum=r["beta"])),
        (
            lambda r: gd.Nesterov(r["lr"], r["beta"]),
            lambda p, r: torch.optim.SGD(p, lr=r["lr"], momentum=r["beta"], nesterov=r["beta"] > 0),
        ),
        (lambda r: gd.AdaGrad(r["lr"], r["eps"]), lambda p, r: torch.optim.Adagrad(p, lr=r["lr"], eps=r["eps"])),
        (
            lambda r: gd.RMSProp(r["lr"], r["rho"], r["eps"]),
            lambda p, r: torch.optim.RMSprop(p, lr=r["lr"], alpha=r["rho"], eps=r["eps"]),
        ),
        (
            lambda r: gd.Adadelta(10 * r["lr"], r["rho"], r["eps"]),
            lambda p, r: torch.optim.Adadelta(p, lr=10 * r["lr"], rho=r["rho"], eps=r["eps"]),
        ),
        (
            lambda r: gd.Adam(r["lr"], r["beta"], r["rho"], r["eps"]),
            lambda p, r: torch.optim.Adam(p, lr=r["lr"], betas=(r["beta"], r["rho"]), eps=r["eps"]),
        ),
        (
            lambda r: gd.AMSGrad(r["lr"], r["beta"], r["rho"], r["eps"]),
            lambda p, r: torch.optim.Adam(p, lr=r["lr"], betas=(r["beta"], r["rho"]), eps=r["eps"], amsgrad=True),
        ),
        (
            lambda r: gd.AdamW(r["lr"], r["beta"], r["rho"], r["eps"], weight_decay=r["decay"]),
            lambda p, r: torch.optim.AdamW(
                p, lr=r["lr"], betas=(r["beta"], r["rho"]), eps=r["eps"], weight_decay=r["decay"]
            ),
        ),
    ],
    ids=["GradientDescent", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adadelta", "Adam", "AMSGrad", "AdamW"],
)
@FIXED
@given(r=st.fixed_dictionaries({"lr": lr, "beta": beta, "rho": rho, "eps": eps, "decay": st.floats(0, 0.3)}))
def test_a_network_goes_where_torch_takes_it(pair: Any, r: dict[str, float]) -> None:
    rule, reference = pair
    mine, theirs = network(), network()
    ours = train(mine, Optimizer(mine.parameters(), rule(r)), 100)
    assert apart(ours, train(theirs, reference(theirs.parameters(), r), 100)) <= 1e-10


@each_rule
def test_each_tensor_goes_the_way_of_the_rule_itself(rule: type[gd.Optimizer]) -> None:
    # The same losses, but the rule stepped by hand on NumPy arrays, each tensor a θ of its own.
    model, shadow, rule = for_(rule), for_(rule), rule(lr=0.01)
    thetas = [p.detach().numpy().copy() for p in model.parameters()]
    states = [rule.init(theta) for theta in thetas]
    for step in range(30):
        ahead = [rule.lookahead(state, theta) for state, theta in zip(states, thetas, strict=True)]
        for p, point in zip(shadow.parameters(), ahead, strict=True):
            p.data = torch.from_numpy(np.array(point))
        shadow.zero_grad()
        loss_of(shadow, step).backward()
        for i, p in enumerate(shadow.parameters()):
            delta, states[i] = rule.update(p.grad.numpy(), states[i], thetas[i])
            thetas[i] = thetas[i] + delta
    optimizer = Optimizer(model.parameters(), rule)
    train(model, optimizer, 30)
    for p, theta, state in zip(model.parameters(), thetas, states, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), rule.lookahead(state, theta), rtol=1e-12, atol=1e-14)
        if rule.lookahead(state, theta) is not theta:
            np.testing.assert_allclose(optimizer.state[p]["theta"].numpy(), theta, rtol=1e-12, atol=1e-14)


@each_rule
@pytest.mark.parametrize("device", DEVICES)
def test_a_run_can_be_saved_and_taken_up_again(rule: type[gd.Optimizer], device: str) -> None:
    whole, half = for_(rule).to(device), for_(rule).to(device)
    straight = train(whole, Optimizer(whole.parameters(), rule(lr=0.01)), 20)
    optimizer = Optimizer([{"params": half.parameters(), "lr": 0.01}], rule())
    train(half, optimizer, 10)
    file = io.BytesIO()
    torch.save({"model": half.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, map_location="cpu", weights_only=True)
    resumed = for_(rule, seed=1).to(device)
    resumed.load_state_dict(saved["model"])
    optimizer = Optimizer(resumed.parameters(), rule(lr=0.5))
    optimizer.load_state_dict(saved["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert torch.equal(train(resumed, optimizer, 10, first=10), straight)


@pytest.mark.parametrize("device", DEVICES)
@each_rule
def test_the_device_changes_nothing(rule: type[gd.Optimizer], device: str) -> None:
    here, there = for_(rule), for_(rule).to(device)
    mine = train(here, Optimizer(here.parameters(), rule(lr=0.01)), 20)
    theirs = train(there, Optimizer(there.parameters(), rule(lr=0.01)), 20)
    assert theirs.device.type == device
    assert apart(theirs.cpu(), mine) < 1e-9
    assert all(p.dtype == torch.float64 for p in there.parameters())


def test_single_precision_stays_single() -> None:
    model = network().float()
    optimizer = Optimizer(model.parameters(), gd.Adam())
    loss = torch.mean(model(torch.ones(1, 3)) ** 2)
    loss.backward()
    optimizer.step()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(optimizer.state[p]["v"].dtype == torch.float32 for p in model.parameters())


def test_a_group_has_its_own_hyperparameters() -> None:
    mine, theirs = network(), network()
    ours = Optimizer(
        [{"params": mine[0].parameters(), "lr": 1e-3, "beta1": 0.5}, {"params": mine[2].parameters()}], gd.Adam(lr=0.02)
    )
    reference = torch.optim.Adam(
        [{"params": theirs[0].parameters(), "lr": 1e-3, "betas": (0.5, 0.999)}, {"params": theirs[2].parameters()}],
        lr=0.02,
    )
    assert apart(train(mine, ours, 50), train(theirs, reference, 50)) <= 1e-10


def test_a_group_can_be_added_and_a_rate_changed_on_the_way() -> None:
    def run(optimizer_of: Callable, model: Any) -> torch.Tensor:
        optimizer = optimizer_of(model[0].parameters())
        train(model, optimizer, 5)
        optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.05})
        optimizer.param_groups[0]["lr"] = 0.002
        model.zero_grad()
        return train(model, optimizer, 20, first=5)

    mine = run(lambda p: Optimizer(p, gd.RMSProp(lr=0.01)), network())
    assert apart(mine, run(lambda p: torch.optim.RMSprop(p, lr=0.01), network())) <= 1e-10


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda o: lr_scheduler.StepLR(o, 7, 0.3),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 30),
        lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.05, total_steps=40, cycle_momentum=False),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, total_iters=5), lr_scheduler.ExponentialLR(o, 0.9)], [5]
        ),
    ],
    ids=["StepLR", "CosineAnnealingLR", "LambdaLR", "OneCycleLR", "SequentialLR"],
)
def test_schedulers_of_torch_work(scheduler: Callable) -> None:
    mine, theirs = network(), network()
    ours, reference = Optimizer(mine.parameters(), gd.Adam(lr=0.02)), torch.optim.Adam(theirs.parameters(), lr=0.02)
    mine_after, their_after = scheduler(ours), scheduler(reference)
    moved = train(mine, ours, 35, after=mine_after.step)
    assert apart(moved, train(theirs, reference, 35, after=their_after.step)) <= 1e-10
    assert ours.param_groups[0]["lr"] == pytest.approx(reference.param_groups[0]["lr"], rel=1e-12)


def test_reduce_on_plateau_works() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), gd.Momentum(lr=0.01))
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    train(model, optimizer, 10, after=lambda: plateau.step(1.0))
    assert optimizer.param_groups[0]["lr"] < 0.01


def test_a_schedule_of_the_course_is_torchs_lambda() -> None:
    schedule = gd.schedules.Exponential(0.05, 0.9)
    objective = gd.objectives.Quadratic([1.0, 20.0])
    path = gd.descend(objective, [1.0, -2.0], gd.Momentum(lr=schedule), 30)
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = Optimizer([theta], gd.Momentum(lr=1.0))
    rates = lr_scheduler.LambdaLR(optimizer, schedule)
    for _ in range(30):
        theta.grad = torch.from_numpy(objective.grad(theta.detach().numpy()))
        optimizer.step()
        rates.step()
    np.testing.assert_allclose(theta.detach().numpy(), path.theta[-1], rtol=1e-12)


def test_a_closure_is_called_once_with_gradients_on_and_its_loss_returned() -> None:
    mine, theirs, calls = network(), network(), []

    def closing(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], torch.Tensor]:
        def closure() -> torch.Tensor:
            calls.append(1)
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            return loss

        return closure

    ours, reference = Optimizer(mine.parameters(), gd.Adam()), torch.optim.Adam(theirs.parameters())
    first = ours.step(closing(mine, ours))
    assert len(calls) == 1
    assert first.item() == reference.step(closing(theirs, reference)).item()
    assert ours.step(closing(mine, ours)) < first


def test_what_has_no_gradient_stays_and_is_counted_from_its_first_step() -> None:
    used, unused = (torch.nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(2))
    optimizer = Optimizer([used, unused], gd.Adam(lr=0.1))
    assert optimizer.step() is None
    assert torch.equal(used, torch.ones(2))
    used.grad = torch.ones(2, dtype=torch.float64)
    for _ in range(3):
        optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    unused.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    torch.testing.assert_close(unused.detach(), torch.full((2,), 0.9, dtype=torch.float64))  # Adam's first step is η


def test_copies_and_pickles_go_on_alike() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), gd.Nesterov(lr=0.02))
    train(model, optimizer, 5)
    twin, twins = copy.deepcopy((model, optimizer))
    other, others = pickle.loads(pickle.dumps((model, optimizer)))
    end = train(model, optimizer, 5, first=5)
    assert torch.equal(train(twin, twins, 5, first=5), end)
    assert torch.equal(train(other, others, 5, first=5), end)


def test_nothing_of_a_step_is_recorded_by_autograd() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), gd.RMSPropNesterov())
    train(model, optimizer, 2)
    for p in model.parameters():
        assert p.is_leaf
        assert p.requires_grad
        assert not any(value.requires_grad for value in optimizer.state[p].values())


def test_a_gradient_is_left_as_it_was() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), gd.AdamW())
    loss_of(model).backward()
    before = [p.grad.clone() for p in model.parameters()]
    optimizer.step()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True))


def sparse() -> None:
    table = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = Optimizer(table.parameters(), gd.Adam())
    table(torch.tensor([1])).sum().backward()
    optimizer.step()


def weights(dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2, dtype=dtype))]


def muon_and_biases() -> None:
    model = network()
    train(model, Optimizer(model.parameters(), gd.Muon()), 1)


def foreign_state() -> None:
    state = Optimizer(weights(), gd.Adam()).state_dict()
    Optimizer(weights(), gd.RMSProp()).load_state_dict(state)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Optimizer(weights(), gd.Adam), TypeError, "rule must be a rule such as gd.Adam(lr=0.001), got <class"),
        (lambda: Optimizer(weights(), torch.optim.Adam), TypeError, "rule must be a rule"),
        (
            lambda: Optimizer(weights(), gd.Adam(lr=gd.schedules.Constant(0.1))),
            TypeError,
            "lr must be a number, got the",
        ),
        (lambda: Optimizer([{"params": weights(), "betas": 0.5}], gd.Adam()), TypeError, "eps, lr, got also 'betas'"),
        (lambda: Optimizer([{"params": weights(), "beta1": 1.5}], gd.Adam()), ValueError, "beta1 must be in [0, 1)"),
        (
            lambda: Optimizer(weights(torch.complex64), gd.Adam()),
            TypeError,
            "parameters must be real, got one of torch.c",
        ),
        (lambda: Optimizer([], gd.Adam()), ValueError, "empty parameter list"),
        (muon_and_biases, ValueError, "theta must have shape (..., m, n) for Muon(), got (5,)"),
        (sparse, TypeError, "gradients must be dense"),
        (foreign_state, ValueError, "state_dict must be that of RMSProp, got that of ['Adam']"),
    ],
)
def test_what_cannot_work_is_refused_clearly(call: Callable, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_hyperparameter_out_of_range_is_refused_at_the_step_too() -> None:
    (theta,) = weights()
    optimizer = Optimizer([theta], gd.Adam())
    theta.grad = torch.ones(2, dtype=torch.float64)
    optimizer.param_groups[0]["lr"] = math.nan
    with pytest.raises(ValueError, match="lr must be non-negative"):
        optimizer.step()
