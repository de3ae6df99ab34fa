"""The networks have the shapes and numbers they say, and the training loop is the loop one would write by hand."""

import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gdcourse as gd
from gdcourse import models, training
from gdcourse.torch_optimizer import Optimizer

MOONS = gd.data.two_moons(130, np.random.default_rng(0))


def net(seed: int = 0, dropout: float = 0.0) -> models.MLP:
    torch.manual_seed(seed)
    return models.MLP((2, 8, 2), dropout)


def vector(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


@pytest.mark.parametrize(
    ("model", "shape", "scores", "count"),
    [
        (models.LogisticRegression(3), (5, 3), (5,), 4),
        (models.SoftmaxRegression(784, 10), (5, 28, 28), (5, 10), 7_850),
        (models.MLP(), (5, 28, 28), (5, 10), 1_796_010),  # 784·1000 + 1000·1000 + 1000·10 weights and 2,010 biases
        (models.MLP((4, 3)), (5, 4), (5, 3), 15),
        (models.CNN(), (5, 28, 28), (5, 10), 8 * 26 + 16 * 201 + 10 * 785),
        (models.CNN((3, 4), classes=2), (5, 1, 28, 28), (5, 2), 3 * 26 + 4 * 76 + 2 * 197),
    ],
    ids=repr,
)
def test_shapes_and_numbers_of_parameters(model: nn.Module, shape: tuple, scores: tuple, count: int) -> None:
    assert model(torch.zeros(shape)).shape == scores
    assert models.parameter_count(model) == count


@pytest.mark.parametrize("shape", [(3,), (1, 3), (5, 3), (2, 1, 3)])
def test_a_logit_is_the_weights_times_the_item_and_the_bias(shape: tuple) -> None:
    torch.manual_seed(0)
    model, x = models.LogisticRegression(3), torch.randn(shape)
    (w,), (b,) = model.linear.weight, model.linear.bias
    assert model(x).shape == shape[:-1]  # a batch of one keeps its axis
    torch.testing.assert_close(model(x), (x * w).sum(dim=-1) + b)


def test_a_softmax_regression_has_a_score_for_each_class() -> None:
    torch.manual_seed(0)
    model, x = models.SoftmaxRegression(6, 4), torch.randn(5, 2, 3)
    scores = x.reshape(5, 6) @ model.linear.weight.T + model.linear.bias
    assert model(x[:1]).shape == (1, 4)
    torch.testing.assert_close(model(x), scores)


def test_frozen_parameters_are_not_counted() -> None:
    model = models.SoftmaxRegression(4, 3)
    model.linear.bias.requires_grad_(False)
    assert models.parameter_count(model) == 12


def test_the_perceptron_is_linear_maps_with_relu_between() -> None:
    torch.manual_seed(0)
    model = models.MLP((6, 5, 4, 3))
    x = torch.randn(7, 6)
    weights = [layer for layer in model.layers if isinstance(layer, nn.Linear)]
    h = x
    for layer in weights[:-1]:
        h = (h @ layer.weight.T + layer.bias).clamp(min=0)
    torch.testing.assert_close(model(x), h @ weights[-1].weight.T + weights[-1].bias)
    assert model(x).min() < 0  # none after the last


def test_dropout_is_between_the_layers_and_only_while_training() -> None:
    model = models.MLP((6, 50, 3), dropout=0.5)
    x = torch.randn(4, 6)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_a_shifted_digit_gives_shifted_pictures() -> None:
    layers = models.CNN().convolutions
    image = torch.zeros(1, 1, 28, 28)
    image[..., 10:14, 10:14] = torch.rand(4, 4)
    shifted = torch.roll(image, (4, 4), dims=(2, 3))  # a multiple of both poolings
    inner = (..., slice(2, 6), slice(2, 6))  # away from the edges, where the padding is seen
    torch.testing.assert_close(torch.roll(layers(image), (1, 1), dims=(2, 3))[inner], layers(shifted)[inner])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.LogisticRegression(0), "features must be at least 1, got 0"),
        (lambda: models.SoftmaxRegression(3, 1), "classes must be at least 2, got 1"),
        (lambda: models.MLP((3,)), "sizes must hold at least the numbers in and out, got (3,)"),
        (lambda: models.MLP((3, 0, 2)), "sizes must be at least 1, got 0"),
        (lambda: models.MLP(dropout=1.0), "dropout must be in [0, 1), got 1.0"),
        (lambda: models.CNN((1, 2, 3)), "channels must be two numbers, got (1, 2, 3)"),
        (lambda: training.loader([1.0], [1, 2], 3), "equally many, not empty, got 1 and 2"),
        (lambda: training.loader([1.0], [1], 0), "batch_size must be at least 1, got 0"),
        (lambda: training.evaluate(net(), []), "batches must hold at least one item"),
        (lambda: training.fit(net(), [], torch.optim.SGD(net().parameters()), 1), "minibatches in every epoch"),
    ],
)
def test_bad_wishes_are_refused_by_name(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_loader_makes_numbers_of_the_kind_that_losses_want() -> None:
    digits = gd.data.digits()
    ((images, labels), *_) = training.loader(digits.images[:6], digits.labels[:6], 4)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
    assert images.shape == (4, 28, 28)
    np.testing.assert_allclose(images.numpy(), digits.images[:4] / 255.0, rtol=1e-6)
    ((x, y),) = training.loader(np.array([[255.0], [2.0]]), np.array([0.5, 1.0]), 5)
    assert (x.dtype, y.dtype) == (torch.float32, torch.float32)
    assert x.tolist() == [[255.0], [2.0]]


def test_a_loader_reshuffles_by_its_seed() -> None:
    def order(seed: int | None) -> list:
        batches = training.loader(np.arange(10.0), np.arange(10), 4, seed)
        return [[y.tolist() for _, y in batches] for _ in range(2)]

    assert order(None) == [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]] * 2
    assert order(1) == order(1) != order(2)
    first, second = order(1)
    assert first != second
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(10))


@pytest.mark.parametrize("seed", [None, 3])
def test_a_loader_gives_the_minibatches_of_torchs_own(seed: int | None) -> None:
    X, y = gd.data.digits().images[:100], gd.data.digits().labels[:100]
    items = torch.utils.data.TensorDataset(torch.from_numpy(X / np.float32(255)), torch.from_numpy(y.astype(np.int64)))
    generator = torch.Generator().manual_seed(3)
    reference = torch.utils.data.DataLoader(items, 32, shuffle=seed is not None, generator=generator)
    ours = training.loader(X, y, 32, seed)
    assert len(ours) == len(reference) == 4
    for _ in range(3):
        for (x1, y1), (x2, y2) in zip(ours, reference, strict=True):
            assert torch.equal(x1, x2)
            assert torch.equal(y1, y2)


def test_a_loader_leaves_the_random_numbers_of_the_process_alone() -> None:
    before = torch.get_rng_state()
    for seed in (None, 3):
        list(training.loader(*MOONS, 32, seed))
    assert torch.equal(torch.get_rng_state(), before)


def test_fit_is_the_loop_written_by_hand() -> None:
    model, twin = net(), net()
    history = training.fit(
        model, training.loader(*MOONS, 32, seed=5), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 4
    )
    optimizer, losses = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9), []
    batches = training.loader(*MOONS, 32, seed=5)
    for _ in range(4):
        for x, y in batches:
            optimizer.zero_grad()
            loss = -torch.log_softmax(twin(x), dim=1)[torch.arange(len(y)), y].mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert torch.equal(vector(model), vector(twin))
    np.testing.assert_allclose(history.loss, losses, rtol=1e-6)
    assert history.epochs == 4
    np.testing.assert_allclose(history.epoch_loss(), np.reshape(losses, (4, 5)).mean(axis=1), rtol=1e-6)


def test_the_rules_of_the_course_train_it_too() -> None:
    model, twin = net(), net()
    training.fit(model, training.loader(*MOONS, 32, seed=1), Optimizer(model.parameters(), gd.Adam(lr=0.01)), 5)
    training.fit(twin, training.loader(*MOONS, 32, seed=1), torch.optim.Adam(twin.parameters(), lr=0.01), 5)
    torch.testing.assert_close(vector(model), vector(twin), rtol=1e-4, atol=1e-6)


def test_evaluate_weighs_items_and_not_minibatches() -> None:
    model = net()
    X, y = (torch.as_tensor(a) for a in MOONS)
    scores = model(X.float())
    loss, accuracy = training.evaluate(model, training.loader(*MOONS, 128))  # 128 items and 2
    assert loss == pytest.approx(nn.functional.cross_entropy(scores, y).item(), rel=1e-6)
    assert accuracy == (scores.argmax(dim=1) == y).double().mean().item()


def test_evaluate_takes_one_logit_for_each_item() -> None:
    model = models.LogisticRegression(2)
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor([[0.0, -3.0]]))
        model.linear.bias.fill_(0.5)
    X, y = gd.data.two_moons(200, np.random.default_rng(1))
    batches = training.loader(X, y.astype(float), 64)
    loss, accuracy = training.evaluate(model, batches, loss=nn.functional.binary_cross_entropy_with_logits)
    z = 0.5 - 3.0 * X[:, 1]
    assert loss == pytest.approx(np.mean(np.logaddexp(0, z) - y * z), rel=1e-5)
    assert accuracy == np.mean((z > 0) == y) > 0.8


def test_evaluating_switches_dropout_off_and_on_again() -> None:
    model = net(dropout=0.5)
    batches = training.loader(*MOONS, 64)
    assert training.evaluate(model, batches) == training.evaluate(model, batches)
    assert model.training
    model.eval()
    training.evaluate(model, batches)
    assert not model.training


def test_the_test_set_is_looked_at_after_each_epoch_and_changes_nothing() -> None:
    model, twin = net(dropout=0.2), net(dropout=0.2)
    held = training.loader(*gd.data.two_moons(60, np.random.default_rng(9)), 60)
    history = training.fit(
        model, training.loader(*MOONS, 32, seed=1), torch.optim.Adam(model.parameters()), 3, test=held
    )
    assert len(history.test_loss) == len(history.test_accuracy) == 3
    assert (history.test_loss[-1], history.test_accuracy[-1]) == training.evaluate(model, held)
    torch.manual_seed(0)
    twin = net(dropout=0.2)
    training.fit(twin, training.loader(*MOONS, 32, seed=1), torch.optim.Adam(twin.parameters()), 3)
    assert torch.equal(vector(model), vector(twin))


class Killed(Exception):
    pass


def dying(batches: Any, at: int) -> Any:
    """Return the loader with a kill in the middle of its epoch ``at``."""

    class Dying:
        generator = batches.generator
        epoch = 0

        def __iter__(self) -> Any:
            self.epoch += 1
            for i, batch in enumerate(batches):
                if (self.epoch, i) == (at, 2):
                    raise Killed
                yield batch

    return Dying()


def begin(make: Callable = torch.optim.Adam) -> tuple:
    """Return a net with dropout, its optimizer and its scheduler, for runs of six epochs of five minibatches."""
    model = net(dropout=0.3)
    optimizer = make(model.parameters())
    return model, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)


@pytest.mark.parametrize(
    "make", [torch.optim.Adam, lambda p: Optimizer(p, gd.Nesterov(lr=0.05))], ids=["torch", "ours"]
)
def test_a_killed_run_ends_as_if_nothing_had_happened(make: Callable, tmp_path: Path) -> None:
    held = training.loader(*MOONS, 64)
    model, optimizer, scheduler = begin(make)
    whole = training.fit(model, training.loader(*MOONS, 32, seed=7), optimizer, 6, scheduler=scheduler, test=held)
    end = vector(model)

    file = tmp_path / "run.pt"
    model, optimizer, scheduler = begin(make)
    batches = dying(training.loader(*MOONS, 32, seed=7), at=4)
    with pytest.raises(Killed):
        training.fit(model, batches, optimizer, 6, scheduler=scheduler, test=held, checkpoint=file)
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    model, optimizer, scheduler = begin(make)
    torch.manual_seed(99)  # another process would be in another state
    history = training.fit(
        model, training.loader(*MOONS, 32, seed=7), optimizer, 6, scheduler=scheduler, test=held, checkpoint=file
    )
    assert torch.equal(vector(model), end)
    assert history == whole
    # Asked again it has nothing to do.
    model, optimizer, scheduler = begin(make)
    again = training.fit(model, training.loader(*MOONS, 32), optimizer, 6, scheduler=scheduler, checkpoint=file)
    assert again == whole
    assert torch.equal(vector(model), end)


def test_a_checkpoint_holds_schedules_of_the_course_and_rates_of_a_sweep(tmp_path: Path) -> None:
    def run(epochs: int, checkpoint: Path | None) -> tuple:
        model = net()
        groups = [{"params": p, "lr": lr} for p, lr in zip(model.parameters(), np.geomspace(0.1, 1, 4), strict=True)]
        optimizer = torch.optim.SGD(groups, momentum=0.9)
        schedule = gd.schedules.WarmUp(gd.schedules.Cosine(0.1, np.arange(30)[-1]), 10)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
        batches = training.loader(*MOONS, 32, seed=7)
        training.fit(model, batches, optimizer, epochs, scheduler=scheduler, checkpoint=checkpoint)
        return vector(model), scheduler.get_last_lr()

    run(3, tmp_path / "run.pt")
    resumed, rates = run(6, tmp_path / "run.pt")
    whole, expected = run(6, None)
    assert torch.equal(resumed, whole)
    assert rates == expected


DIES = """
import os, sys
import torch
sys.path.insert(0, {tests!r})
from test_training import MOONS, begin
from gdcourse import training

save = torch.save

def half(state, path):
    save(state, path)
    if len(state["history"]["ends"]) == 4:
        os.truncate(path, os.path.getsize(path) // 2)
        os._exit(9)  # nothing is closed or written any more, as under `kill -9`

torch.save = half
model, optimizer, scheduler = begin()
training.fit(model, training.loader(*MOONS, 32, seed=7), optimizer, 6, scheduler=scheduler, checkpoint={file!r})
"""


def test_a_process_may_die_even_while_it_writes(tmp_path: Path) -> None:
    file = tmp_path / "run.pt"
    script = DIES.format(tests=str(Path(__file__).parent), file=str(file))
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert dead.returncode == 9, dead.stderr
    (model, optimizer, scheduler), batches = begin(), training.loader(*MOONS, 32, seed=7)
    torch.manual_seed(99)
    resumed = training.fit(model, batches, optimizer, 6, scheduler=scheduler, checkpoint=file)
    (twin, optimizer, scheduler), batches = begin(), training.loader(*MOONS, 32, seed=7)
    assert resumed == training.fit(twin, batches, optimizer, 6, scheduler=scheduler)
    assert torch.equal(vector(model), vector(twin))


def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(tmp_path: Path) -> None:
    X, y = MOONS
    X = X.copy()
    model, file = net(), tmp_path / "run.pt"
    training.fit(model, training.loader(X, y, 32, seed=0), torch.optim.SGD(model.parameters()), 1, checkpoint=file)
    before = file.read_bytes()
    X[:] = np.nan
    with pytest.raises(FloatingPointError, match="the loss of step 6 is nan: try a lower lr"):
        training.fit(model, training.loader(X, y, 32, seed=0), torch.optim.SGD(model.parameters()), 2, checkpoint=file)
    assert file.read_bytes() == before


def test_a_run_that_diverges_keeps_what_it_recorded() -> None:
    model, test = net(), training.loader(*MOONS, 130)
    X, y = torch.tensor(MOONS[0], dtype=torch.float32), torch.tensor(MOONS[1])

    class Batches:
        """Four minibatches; the seventh that is taken holds no numbers."""

        taken = 0

        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for _ in range(4):
                self.taken += 1
                yield X * (np.nan if self.taken == 7 else 1.0), y

    with pytest.raises(training.Diverged, match="the loss of step 7 is nan") as caught:
        training.fit(model, Batches(), torch.optim.SGD(model.parameters(), lr=0.1), 3, test=test)
    error = pickle.loads(pickle.dumps(caught.value))  # as it comes from another process
    assert isinstance(error, FloatingPointError)
    assert str(error) == "the loss of step 7 is nan: try a lower lr"
    assert len(error.history.loss) == 6
    assert error.history.epochs == len(error.history.test_loss) == 1
    assert error.history.epoch_loss() == [pytest.approx(np.mean(error.history.loss[:4]))]


def test_progress_is_shown_when_asked_for(capsys: pytest.CaptureFixture) -> None:
    model = net()
    training.fit(model, training.loader(*MOONS, 64), torch.optim.SGD(model.parameters()), 2)
    assert capsys.readouterr().err == ""
    training.fit(model, training.loader(*MOONS, 64), torch.optim.SGD(model.parameters()), 2, progress=True)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "loss=" in shown


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_the_loop_runs_where_the_model_is() -> None:
    model, twin = net().cuda(), net()
    for each in (model, twin):
        training.fit(each, training.loader(*MOONS, 32, seed=1), Optimizer(each.parameters(), gd.Adam(lr=0.01)), 3)
    torch.testing.assert_close(vector(model).cpu(), vector(twin), rtol=1e-3, atol=1e-5)
