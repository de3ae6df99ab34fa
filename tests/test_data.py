"""The data sets are those of the literature, and standardising can be undone."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gdcourse as gd

ROOT = Path(__file__).parents[1]
MEASUREMENTS = ("bill_length", "bill_depth", "flipper_length", "body_mass")


def test_every_bird_has_every_measurement() -> None:
    birds = gd.data.penguins()
    assert len(birds) == 342
    assert repr(birds) == "Penguins(n=342)"
    for name in MEASUREMENTS:
        values = getattr(birds, name)
        assert values.shape == (342,)
        assert values.dtype == float
        assert np.all(np.isfinite(values))
    assert birds.species.shape == (342,)


def test_the_birds_are_those_of_the_paper() -> None:
    birds = gd.data.penguins()
    kinds, counts = np.unique(birds.species, return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123}
    # R prints these for summary(palmerpenguins::penguins), with the missing values left out.
    assert [round(getattr(birds, name).mean(), 2) for name in MEASUREMENTS] == [43.92, 17.15, 200.92, 4201.75]
    assert [getattr(birds, name).min() for name in MEASUREMENTS] == [32.1, 13.1, 172.0, 2700.0]
    assert [getattr(birds, name).max() for name in MEASUREMENTS] == [59.6, 21.5, 231.0, 6300.0]
    # And lm(body_mass_g ~ flipper_length_mm) gives −5780.83 + 49.69 x with R² = 0.759.
    slope, intercept = np.polyfit(birds.flipper_length, birds.body_mass, 1)
    assert (round(intercept, 2), round(slope, 2)) == (-5780.83, 49.69)
    assert round(np.corrcoef(birds.flipper_length, birds.body_mass)[0, 1] ** 2, 3) == 0.759


def test_a_bird_keeps_its_measurements_together() -> None:
    birds = gd.data.penguins()
    first, last = ([getattr(birds, name)[i].item() for name in (*MEASUREMENTS, "species")] for i in (0, -1))
    assert first == [39.1, 18.7, 181.0, 3750.0, "Adelie"]
    assert last == [50.2, 18.7, 198.0, 3775.0, "Chinstrap"]
    means = {kind: birds.flipper_length[birds.species == kind].mean() for kind in ("Adelie", "Chinstrap", "Gentoo")}
    assert {kind: round(mean, 1) for kind, mean in means.items()} == {
        "Adelie": 190.0,
        "Chinstrap": 195.8,
        "Gentoo": 217.2,
    }


def test_nobody_can_change_the_data_of_everybody() -> None:
    birds = gd.data.penguins()
    assert gd.data.penguins() is birds
    for field in dataclasses.fields(birds):
        with pytest.raises(ValueError, match="read-only"):
            getattr(birds, field.name)[0] = getattr(birds, field.name)[1]
    with pytest.raises(dataclasses.FrozenInstanceError):
        birds.species = np.array([])  # type: ignore[misc]


def test_a_wheel_takes_the_data_along() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {folder.name for folder in (ROOT / "gdcourse").iterdir() if (folder / "__init__.py").exists()}
    assert settings["packages"] == ["gdcourse", *sorted(f"gdcourse.{name}" for name in folders)]
    for package, patterns in settings["package-data"].items():
        folder = ROOT / package.replace(".", "/")
        for pattern in patterns:
            assert list(folder.glob(pattern)), (package, pattern)
    shipped = {
        path.name
        for pattern in settings["package-data"]["gdcourse.data"]
        for path in (ROOT / "gdcourse/data").glob(pattern)
    }
    assert shipped == {"penguins.csv", "README.md"}


def columns(seed: int, n: int, p: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(rng.uniform(-100, 100, p), rng.uniform(0.01, 100, p), (n, p))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 999), n=st.integers(2, 30), p=st.integers(1, 4))
def test_standardised_columns_have_mean_0_and_variance_1(seed: int, n: int, p: int) -> None:
    X = columns(seed, n, p)
    Z, mean, scale = gd.data.standardise(X)
    assert Z.shape == X.shape
    assert mean.shape == scale.shape == (p,)
    np.testing.assert_allclose(Z.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.diag(Z.T @ Z) / n, 1)  # with division by n, not n − 1
    np.testing.assert_allclose(mean + scale * Z, X)


def test_one_column_may_come_without_an_axis() -> None:
    x = columns(0, 20, 1)[:, 0]
    Z, mean, scale = whole = gd.data.standardise(x)
    assert (Z.shape, mean.shape, scale.shape) == ((20,), (), ())
    other = gd.data.standardise(x[:, None])
    np.testing.assert_array_equal(Z, other.Z[:, 0])
    np.testing.assert_allclose(whole.raw([1.0, 2.0]), other.raw([1.0, 2.0]), rtol=1e-15)


def test_other_data_are_standardised_with_the_first_ones_statistics() -> None:
    X = columns(1, 30, 3)
    train, test = X[:20], X[20:]
    fitted = gd.data.standardise(train)
    np.testing.assert_array_equal(fitted.apply(train), fitted.Z)
    np.testing.assert_allclose(fitted.apply(test), (test - train.mean(axis=0)) / train.std(axis=0))
    assert np.abs(fitted.apply(test).mean(axis=0)).min() > 1e-3


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 999), n=st.integers(2, 30), p=st.integers(1, 4))
def test_parameters_come_back_with_the_same_predictions(seed: int, n: int, p: int) -> None:
    X = columns(seed, n, p)
    fitted = gd.data.standardise(X)
    theta = np.random.default_rng(seed).normal(size=(5, p + 1))
    raw = fitted.raw(theta)
    assert raw.shape == theta.shape
    for one, back in zip(theta, raw, strict=True):
        np.testing.assert_allclose(back[0] + X @ back[1:], one[0] + fitted.Z @ one[1:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 2, 1)), r"X must have shape \(n, p\) or \(n,\) with n > 0, got \(3, 2, 1\)"),
        (3.0, r"got \(\)"),
        (np.empty((0, 2)), r"got \(0, 2\)"),
        ([1.0, np.nan], "X must be finite"),
        ([[1.0, 0.1, 5], [2.0, 0.1, 5], [4.0, 0.1, 5]], r"must not have a constant column.*at \[1, 2\]"),
        ([0.1, 0.1, 0.1], r"must not have a constant column.*at \[0\]"),
    ],
)
def test_columns_that_cannot_be_standardised_are_named(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gd.data.standardise(X)


@pytest.mark.parametrize("theta", [1.0, [1.0, 2.0], [[1.0, 2.0, 3.0, 4.0]]])
def test_parameters_without_their_intercept_are_refused(theta: Any) -> None:
    with pytest.raises(ValueError, match=r"theta must have shape \(..., 3\): the intercept and 2 more"):
        gd.data.standardise(columns(0, 9, 2)).raw(theta)
