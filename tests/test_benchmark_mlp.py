"""The benchmark of the perceptrons loses no run, repeats none, and its nets side by side are nets alone."""

import importlib.util
import math
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gdcourse as gd

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "mlp.py"


@pytest.fixture
def mlp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the benchmark, which writes to an empty folder and trains on forty images."""
    spec = importlib.util.spec_from_file_location("benchmark_mlp", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.COMMITTED = module.RESULTS
    few = gd.data.Digits(gd.data.digits().images[::125], gd.data.digits().labels[::125])
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "data", lambda: (few, few))
    monkeypatch.setattr("sys.argv", ["mlp.py"])
    return module


def pretend(mlp: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Replace the training by rows that are made up, best at the third rate; return the list of what is trained."""
    trained = []

    def train_one(*run: Any) -> list[dict]:
        trained.append(run)
        rule, lr, _, _, epochs = run
        cost = 1.0 + abs(mlp.GRID[rule].index(lr) - 2) if lr in mlp.GRID[rule] else 9.0
        values = dict(test_loss=0.5, test_accuracy=0.5)
        return [
            {**dict(zip(mlp.RUN, run, strict=True)), "epoch": k + 1, "train_loss": cost, **values}
            for k in range(epochs)
        ]

    def train_many(width: int, starts: int, epochs: int) -> list[dict]:
        trained.append((width,))
        rest = dict.fromkeys(mlp.WIDTH_COLUMNS[4:], 0.25)
        return [dict(width=width, starts=starts, epochs=epochs, seed=seed, **rest) for seed in range(starts)]

    monkeypatch.setattr(mlp, "train_one", train_one)
    monkeypatch.setattr(mlp, "train_many", train_many)
    return trained


def test_all_is_trained_once_and_in_the_second_call_nothing(mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = pretend(mlp, monkeypatch)
    mlp.main()
    assert len(trained) == len(set(trained)) == 2 * 25 + 2 * 5 * 3 + 2 * 3 + len(mlp.WIDTHS)
    assert ("Nesterov", 0.001, 0.5, 2, 8) in trained, "a default that is not the best"
    assert ("Adadelta", 1.0, 0.5, 1, 32) in trained, "the long run, at the best rate"
    first = [(mlp.RESULTS / name).read_bytes() for name in ("mlp.csv", "mlp-widths.csv")]
    trained.clear()
    mlp.main()
    assert trained == []
    assert [(mlp.RESULTS / name).read_bytes() for name in ("mlp.csv", "mlp-widths.csv")] == first


def test_an_interruption_costs_the_run_it_falls_in(mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = pretend(mlp, monkeypatch)
    whole, calls = mlp.train_one, []

    def stops_at_the_fourth(*run: Any) -> list[dict]:
        calls.append(run)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return whole(*run)

    monkeypatch.setattr(mlp, "train_one", stops_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        mlp.main()
    path = mlp.RESULTS / "mlp.csv"
    assert len(path.read_text().splitlines()) == 1 + 3 * 8
    done = list(trained)
    path.write_text(path.read_text()[:-30])  # and the last lines are torn
    trained.clear()
    mlp.main()
    assert trained[:2] == [done[2], calls[3]]
    assert not set(done[:2]) & set(trained)


def test_no_time_no_run(mlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = pretend(mlp, monkeypatch)
    monkeypatch.setattr("sys.argv", ["mlp.py", "--minutes", "0"])
    mlp.main()
    assert trained == []


def test_the_best_rate_is_that_of_the_last_epoch_of_the_seed_for_choosing(mlp: Any) -> None:
    def row(lr: str, seed: int, epoch: int, cost: float, dropout: str = "0.5") -> dict:
        return dict(rule="Adam", lr=lr, dropout=dropout, seed=str(seed), epoch=str(epoch), train_loss=str(cost))

    rows = [row("1", 0, 7, 0.1), row("1", 0, 8, 0.9), row("2", 0, 8, 0.5), row("3", 1, 8, 0.1)]
    rows += [row("4", 0, 8, 0.1, dropout="0"), row("5", 0, 8, math.inf)]
    assert mlp.best_rate(rows, "Adam", 0.5) == 2.0


def test_a_run_is_the_plain_loop_with_its_seed(mlp: Any) -> None:
    train, _ = mlp.data()
    rows = mlp.train_one("Adam", 0.001, 0.5, 7, 2)
    torch.manual_seed(7)
    model = gd.models.MLP(dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    batches = gd.training.loader(train.images, train.labels, 128, seed=7)
    for row in rows:
        ((x, y),) = batches  # forty images: one minibatch, in a new order, which decides whom a mask of dropout meets
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            right = (model.eval()(x).argmax(dim=1) == y).float().mean().item()
        model.train()
        assert row["train_loss"] == pytest.approx(loss.item(), rel=1e-4)
        assert row["test_accuracy"] == pytest.approx(right, abs=0.03)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {tuple(row[name] for name in mlp.RUN) for row in rows} == {("Adam", 0.001, 0.5, 7, 2)}


def test_a_run_that_diverges_has_infinite_losses(mlp: Any) -> None:
    rows = mlp.train_one("Nesterov", 1e30, 0.0, 0, 3)
    assert [row["train_loss"] for row in rows] == [math.inf] * 3


def nets_alone(mlp: Any, width: int, seeds: range) -> list[nn.Module]:
    nets = []
    for seed in seeds:
        torch.manual_seed(seed)
        nets.append(gd.models.MLP((784, width, 10)))
    return nets


def test_nets_side_by_side_are_nets_alone(mlp: Any) -> None:
    train, _ = mlp.data()
    batches = [(x, y) for x, y in gd.training.loader(train.images, train.labels, 16, seed=0)]
    many = mlp.Many(3, range(4))
    optimizer = torch.optim.Adam(many.parameters(), lr=0.01, fused=True)
    for x, y in batches:
        optimizer.zero_grad()
        many.objectives(x, y).sum().backward()
        optimizer.step()
    for k, net in enumerate(nets_alone(mlp, 3, range(4))):
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for x, y in batches:
            theta = nn.utils.parameters_to_vector(net.parameters())
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            (loss + mlp.WEIGHT_DECAY / 2 * theta @ theta).backward()
            optimizer.step()
        x, y = batches[0]
        torch.testing.assert_close(many(x)[k], net(x), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(many.losses(x, y)[k], nn.functional.cross_entropy(net(x), y), rtol=1e-3, atol=1e-4)


def test_rows_of_a_width(mlp: Any) -> None:
    rows = mlp.train_many(4, starts=3, epochs=2)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert len({row["objective"] for row in rows}) == 3
    assert set(rows[0]) == set(mlp.WIDTH_COLUMNS)
    for row in rows:
        assert row["objective"] > row["train_loss"] == row["test_loss"]  # here both sets are the same images
        assert row["gradient_norm"] > 0
        assert 0 <= row["disagreement"] <= 1
        assert 40 * row["test_accuracy"] == pytest.approx(round(40 * row["test_accuracy"]), abs=1e-4)


def test_the_columns_of_a_width_are_those_of_each_net_alone(mlp: Any) -> None:
    train, _ = mlp.data()
    ((x, y),) = gd.training.loader(train.images, train.labels, len(train))
    nets = nets_alone(mlp, 4, range(3))
    said = [net(x).argmax(dim=1) for net in nets]
    for k, row in enumerate(mlp.train_many(4, starts=3, epochs=0)):
        net, after = nets[k], (k + 1) % 3
        theta = nn.utils.parameters_to_vector(net.parameters())
        loss = nn.functional.cross_entropy(net(x), y)
        objective = loss + mlp.WEIGHT_DECAY / 2 * theta @ theta
        slope = nn.utils.parameters_to_vector(torch.autograd.grad(objective, list(net.parameters()))).norm()
        match = mlp.match(net.layers[1].weight.detach(), nets[after].layers[1].weight.detach())
        assert row["train_loss"] == pytest.approx(loss.item(), rel=1e-4)
        assert row["objective"] == pytest.approx(objective.item(), rel=1e-4)
        assert row["gradient_norm"] == pytest.approx(slope.item(), rel=1e-3)
        assert row["train_accuracy"] == pytest.approx((said[k] == y).float().mean().item(), abs=0.03)
        assert row["disagreement"] == pytest.approx((said[k] != said[after]).float().mean().item(), abs=0.03)
        assert row["match"] == pytest.approx(match, abs=1e-4)


def test_the_match_is_the_best_over_all_pairings(mlp: Any) -> None:
    torch.manual_seed(0)
    one, other = torch.randn(4, 9), torch.randn(4, 9)
    cosines = nn.functional.cosine_similarity(one[:, None], other[None], dim=2).numpy()
    best = max(np.mean([cosines[i, p[i]] for i in range(4)]) for p in permutations(range(4)))
    assert mlp.match(one, other) == pytest.approx(best, abs=1e-6)
    assert mlp.match(one, 3 * one[[2, 0, 3, 1]]) == pytest.approx(1, abs=1e-6)


def test_the_committed_tables_are_complete(mlp: Any, tmp_path: Path) -> None:
    for name in ("mlp.csv", "mlp-widths.csv"):
        (tmp_path / name).write_bytes((mlp.COMMITTED / name).read_bytes())
    table = mlp.Table(tmp_path / "mlp.csv", mlp.RUN_COLUMNS, mlp.RUN, "epochs")
    assert all(run in table for run in mlp.runs(table))
    widths = mlp.Table(tmp_path / "mlp-widths.csv", mlp.WIDTH_COLUMNS, ("width",), "starts")
    assert all((width,) in widths for width in mlp.WIDTHS)
    for name in ("mlp.csv", "mlp-widths.csv"):  # nothing in them was torn, doubled or left over
        assert (tmp_path / name).read_bytes() == (mlp.COMMITTED / name).read_bytes()
