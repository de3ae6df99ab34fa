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
from gdcourse.data import _benchmark

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
    assert shipped == {"digits.npz", "penguins.csv", "README.md"}


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


def test_the_digits_are_500_of_each() -> None:
    digits = gd.data.digits()
    assert repr(digits) == "Digits(n=5000)"
    assert digits.images.shape == (5000, 28, 28)
    assert digits.images.dtype == np.uint8
    assert (digits.images.min(), digits.images.max()) == (0, 255)
    np.testing.assert_array_equal(digits.labels, np.repeat(np.arange(10), 500))
    assert gd.data.digits() is digits
    with pytest.raises(ValueError, match="read-only"):
        digits.images[0, 0, 0] = 1


def test_the_digits_are_upright_and_show_what_their_labels_say() -> None:
    images, labels = gd.data.digits().images / 255.0, gd.data.digits().labels
    means = np.array([images[labels == digit].mean(axis=0) for digit in range(10)])
    # A 0 has a hole in the middle, a 1 is a stroke, and a 7 is heavier above the middle than below, a 6 the other way.
    assert means[0, 13:15, 13:15].max() < 0.2 < 0.6 < means[1, 13:15, 13:15].min()
    assert means[7, :14].sum() > 1.05 * means[7, 14:].sum()
    assert means[6, 14:].sum() > 1.05 * means[6, :14].sum()
    # The nearest of the ten mean images names the digit: about four in five, as on the whole of MNIST.
    distances = np.sum((images[:, None] - means) ** 2, axis=(2, 3))
    assert 0.78 < np.mean(distances.argmin(axis=1) == labels) < 0.85


@pytest.mark.parametrize("test", [10, 1000, 4990])
def test_a_split_shares_nothing_and_has_each_digit_equally_often(test: int) -> None:
    digits = gd.data.digits()
    train, held = digits.split(test, np.random.default_rng(3))
    assert (len(train), len(held)) == (5000 - test, test)
    assert set(np.bincount(held.labels)) == {test // 10}
    assert set(np.bincount(train.labels)) == {500 - test // 10}
    rows = {image.tobytes(): int(label) for image, label in zip(digits.images, digits.labels, strict=True)}
    assert len(rows) == 5000  # no image is there twice
    seen = [*zip(train.images, train.labels, strict=True), *zip(held.images, held.labels, strict=True)]
    assert {image.tobytes(): int(label) for image, label in seen} == rows


def test_a_split_is_drawn_and_shuffled_by_its_seed() -> None:
    digits = gd.data.digits()
    same, again, other = (digits.split(1000, np.random.default_rng(seed))[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(same.images, again.images)
    assert not np.array_equal(same.images, other.images)
    assert np.any(np.diff(same.labels) < 0)
    first, last = same.images[:500].mean(), same.images[500:].mean()
    assert abs(first - last) < 3  # in random order, not sorted by digit


@pytest.mark.parametrize("test", [5, 0, 5000, 6000])
def test_a_split_needs_equal_numbers_and_something_to_train_on(test: int) -> None:
    with pytest.raises(ValueError, match="test must be"):
        gd.data.digits().split(test, np.random.default_rng(0))


def test_moons_lie_on_their_half_circles() -> None:
    X, y = gd.data.two_moons(401, np.random.default_rng(0), noise=0.0)
    assert X.shape == (401, 2)
    assert np.bincount(y).tolist() == [201, 200]
    upper, lower = X[y == 0], X[y == 1] - [1.0, 0.5]
    for moon, side in ((upper, 1), (lower, -1)):
        np.testing.assert_allclose(np.hypot(*moon.T), 1.0, rtol=1e-12)
        assert np.all(side * moon[:, 1] >= 0)
        assert moon[:, 0].min() < -0.99 < 0.99 < moon[:, 0].max()
        angle = np.arctan2(side * moon[:, 1], moon[:, 0]) / np.pi
        assert abs(angle.mean() - 0.5) < 0.06  # uniform along the arc


def test_the_noise_of_moons_and_the_spread_of_blobs_are_standard_deviations() -> None:
    exact, _ = gd.data.two_moons(20_000, np.random.default_rng(5), noise=0.0)
    noisy, _ = gd.data.two_moons(20_000, np.random.default_rng(5), noise=0.3)
    np.testing.assert_allclose((noisy - exact).std(axis=0), 0.3, rtol=0.02)
    X, y = gd.data.blobs(30_000, np.random.default_rng(6), centres=[[0, 0, 5], [3, 1, 0], [-2, 0, 0]], spread=0.5)
    assert np.bincount(y).tolist() == [10_000] * 3
    for k, centre in enumerate([[0, 0, 5], [3, 1, 0], [-2, 0, 0]]):
        np.testing.assert_allclose(X[y == k].mean(axis=0), centre, atol=0.02)
        np.testing.assert_allclose(X[y == k].std(axis=0), 0.5, rtol=0.03)
    assert np.any(np.diff(y) < 0)


@pytest.mark.parametrize("make", [gd.data.two_moons, gd.data.blobs])
def test_made_data_are_their_seeds(make: Any) -> None:
    (X, y), (X2, y2), (X3, _) = (make(50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(X, X2)
    np.testing.assert_array_equal(y, y2)
    assert not np.array_equal(X, X3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda rng: gd.data.two_moons(1, rng), ValueError, "n must be at least 2, got 1"),
        (lambda rng: gd.data.two_moons(10, 0), TypeError, "rng must be a numpy.random.Generator"),
        (lambda rng: gd.data.two_moons(10, rng, noise=-1.0), ValueError, "noise must be non-negative"),
        (lambda rng: gd.data.blobs(1, rng), ValueError, "n must be at least 2, got 1"),
        (lambda rng: gd.data.blobs(10, rng, spread=np.nan), ValueError, "spread must be non-negative"),
        (lambda rng: gd.data.blobs(10, rng, centres=[1.0, 2.0]), ValueError, r"centres must .* shape \(K, p\)"),
        (lambda rng: gd.data.digits().split(100, 0), TypeError, "rng must be a numpy.random.Generator"),
    ],
)
def test_bad_wishes_are_refused_by_name(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.random.default_rng(0))


def test_a_measured_table_has_a_field_for_each_column() -> None:
    runs = gd.data.benchmark("mlp")
    assert runs.dtype.names[:3] == ("rule", "lr", "dropout")
    assert {"Adam", "AdaGrad"} <= set(runs["rule"])
    assert runs["train_loss"].dtype == float


def test_a_measured_table_comes_from_the_repository_where_it_is_not_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    near, asked = gd.data.benchmark("cnn"), []

    def fetched(address: str, timeout: float) -> Any:
        asked.append(address)
        return (folder / address.rpartition("/")[2]).open("rb")

    folder = _benchmark.RESULTS
    monkeypatch.setattr(_benchmark, "RESULTS", folder / "elsewhere")
    monkeypatch.setattr("urllib.request.urlopen", fetched)
    np.testing.assert_array_equal(gd.data.benchmark("cnn"), near)
    assert asked == ["https://raw.githubusercontent.com/gdcourse/gdcourse/HEAD/benchmarks/results/cnn.csv"]


def test_a_table_that_nobody_measured_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"name must be one of adapter, .*tuning; got 'resnet'"):
        gd.data.benchmark("resnet")
