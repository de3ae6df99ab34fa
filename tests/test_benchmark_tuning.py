"""The script behind the chapter "Tuning": its side-by-side training is that of the package, and its file is its own."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gdcourse as gd

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tuning():
    spec = importlib.util.spec_from_file_location("benchmark_tuning", ROOT / "benchmarks" / "tuning.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def alone(tuning, tmp_path, monkeypatch):
    """The script with an empty results file of its own."""
    monkeypatch.setattr(tuning, "RESULTS", tmp_path / "results" / "tuning.csv")
    return tuning


@pytest.mark.parametrize("rule", ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adadelta", "Adam", "AdamW"])
def test_runs_side_by_side_are_those_of_the_packages_loop(tuning, rule):
    lr = {"SGD": 0.1, "Momentum": 0.03, "Nesterov": 0.03, "Adadelta": 1.0}.get(rule, 0.003)
    settings = [tuning.Setting("x", rule, lr * k, images=200, epochs=6 if rule == "SGD" else 2, seed=k) for k in (1, 2)]
    for setting, result in zip(settings, tuning.train(settings), strict=True):
        single = tuning.train_one(setting, side=14)
        assert abs(result.validation[-1] - single.validation[-1]) <= 2  # rounding may turn an image or two
        assert abs(result.test - single.test) <= 2
        assert result.validation[-1] > 150  # it has learned something that a slip could spoil


def test_decay_and_dropout_against_torch(tuning):
    """The same minibatches, masks and penalty, one network, torch's own momentum."""
    setting = tuning.Setting("x", lr=0.1, beta=0.5, dropout=0.4, weight_decay=0.5, images=96, epochs=2, seed=3)
    others = [replace(setting, beta=0.9), replace(setting, dropout=0.0), replace(setting, weight_decay=1.0)]
    (images, labels), (held_out, answers), _ = tuning.data()
    torch.manual_seed(3)
    model = gd.models.MLP((196, 64, 10))
    first, second = model.layers[1], model.layers[3]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=0.5)
    order, draws = torch.Generator().manual_seed(3), torch.Generator().manual_seed(0)
    for _ in range(2):
        for items in torch.randperm(96, generator=order).split(32):
            keep = torch.rand(32, 64, generator=draws) >= 0.4
            hidden = torch.relu(first(images[items].flatten(1))) * keep / 0.6
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(second(hidden), labels[items]).backward()
            optimizer.step()
    with torch.no_grad():
        expected = int((model(held_out).argmax(dim=1) == answers).sum())
    found = [result.validation[-1] for result in tuning.train([setting, *others])]
    assert abs(found[0] - expected) <= 2
    assert all(abs(other - expected) > 2 for other in found[1:])  # each of the three matters


def test_the_three_sets_have_no_image_in_common(tuning):
    learn, choose, test = tuning.data(28)
    assert [len(labels) for _, labels in (learn, choose, test)] == [3000, 1000, 1000]
    rows = np.concatenate([images.flatten(1).numpy() for images, _ in (learn, choose, test)])
    everything = gd.data.digits().images.reshape(5000, -1) / 255
    assert np.allclose(np.sort(rows.sum(axis=1)), np.sort(everything.sum(axis=1)), rtol=1e-5)
    small = tuning.data()[0][0]
    assert torch.allclose(small[0, 3, 5], learn[0][0, 6:8, 10:12].mean())


def test_slipped_labels(tuning):
    labels = torch.arange(9)
    assert tuning.slipped(labels).tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 6]
    assert labels.tolist() == list(range(9))


def test_a_diverged_run_counts_as_one_in_ten(tuning):
    settings = [tuning.Setting("x", "SGD", lr, images=64, epochs=2) for lr in (1e38, 0.1)]
    gone, fine = tuning.train(settings)
    assert gone.validation[-1] == gone.test == 100
    assert fine == tuning.train(settings[1:])[0]  # and spoils none beside it


def test_what_is_in_the_file_is_not_measured_again(alone, monkeypatch, capsys):
    settings = [alone.Setting("plane", lr=lr, images=32, epochs=1) for lr in (0.1, 0.2)]
    monkeypatch.setitem(alone.PARTS, "plane", lambda: settings[:1])
    alone.main(["plane"])
    (first,) = alone.read("plane")
    assert first == alone.train(settings[:1])[0]
    monkeypatch.setitem(alone.PARTS, "plane", lambda: settings)
    capsys.readouterr()
    alone.main(["plane"])
    assert [result.setting for result in alone.read("plane")] == settings
    assert "1 runs" in capsys.readouterr().out
    before = alone.RESULTS.read_text()
    alone.main(["plane"])
    assert alone.RESULTS.read_text() == before


def test_the_rate_is_chosen_by_the_mean_over_seeds(alone):
    def result(rule, lr, seed, count):
        return alone.Result(alone.Setting("rates", rule, lr, seed=seed), (999, count), 0)

    counts = {alone.RATES[2]: (950, 100, 100), alone.RATES[4]: (700, 700, 700)}
    for rule in alone.RULES:
        alone.write([
            result(rule, lr, seed, counts.get(lr, (1, 1, 1))[seed]) for lr in alone.RATES for seed in range(3)
        ])  # fmt: skip
    settings = alone.judge()
    assert {s.lr for s in settings if s.rule == "Adam"} == {0.001, alone.RATES[4]}
    assert {s.seed for s in settings}.isdisjoint(range(3))
    assert len(settings) == len(alone.RULES) * 2 * len(alone.FRESH)


def test_the_committed_results_are_those_of_the_script(tuning):
    """Complete, of the settings that the script would run today, and a sample of them comes out again."""
    for name, part in tuning.PARTS.items():
        assert [result.setting for result in tuning.read(name)] == part(), name
    for name, number in (("search", 7), ("bug", 7), ("judge", 20)):
        stored = tuning.read(name)[number]
        short = tuning.train([replace(stored.setting, epochs=2)])[0]
        assert np.abs(np.subtract(short.validation, stored.validation[:2])).max() <= 10
