"""Train the small networks of the chapter "Tuning", and record how many held-out images each gets right.

    python benchmarks/tuning.py [part ...]

Writes one row for each run to benchmarks/results/tuning.csv, and goes on from the rows that are there already (delete
the file to measure afresh). All parts together take some minutes on one core:

- ``search``: 128 settings of four hyperparameters, drawn at random;
- ``bug``: 64 of them once more, with training labels that slip by one row after two thirds of the file;
- ``fresh``: the best of ``bug``, the best of the same 64 without the bug, and the untuned setting with and without
  it, each with eight other seeds;
- ``plane``: learning rate against weight decay, on a grid;
- ``rates``: eight rules, each at the same eleven learning rates, three seeds to choose one;
- ``judge``: each rule at torch's default rate and at the chosen one, eight other seeds;
- ``images``: three models on more and more training images, at two learning rates.

The data are always the same: 1,000 images of ``gd.data.digits()`` to learn from, 1,000 to choose by (validation), 1,000
to judge by (test). All parts but ``images`` shrink them to 14 x 14 pixels. A seed decides initial weights and order.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils import parameters_to_vector

import gdcourse as gd
from gdcourse.torch_optimizer import Optimizer
from gdcourse.training import evaluate, fit

RESULTS = Path(__file__).parent / "results" / "tuning.csv"
RULES = {
    "SGD": gd.GradientDescent, "Momentum": gd.Momentum, "Nesterov": gd.Nesterov, "AdaGrad": gd.AdaGrad,
    "RMSProp": gd.RMSProp, "Adadelta": gd.Adadelta, "Adam": gd.Adam, "AdamW": gd.AdamW,
}  # fmt: skip
RATES = [float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 10, 11)]
FRESH = range(1000, 1008)
HIDDEN, BATCH, SIDE = 64, 32, 14
TOGETHER = 32  # runs side by side


@dataclass(frozen=True)
class Setting:
    """What decides a run."""

    part: str
    rule: str = "Momentum"
    lr: float = 0.01
    beta: float = 0.9  # of momentum; the other rules have their own
    dropout: float = 0.0
    weight_decay: float = 0.0  # lambda of lambda/2 |theta|^2, added to the loss
    model: str = "MLP"
    images: int = 1000
    bug: int = 0
    epochs: int = 9
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """Validation images that are right after each epoch, and test images that are at the end, of 1,000 each."""

    setting: Setting
    validation: tuple[int, ...]
    test: int


@cache
def data(side: int = SIDE) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Return images in [0, 1], shape (n, side, side), and labels: to learn from (3,000), to choose by, to judge by."""
    rng = np.random.default_rng(0)
    rest, test = gd.data.digits().split(1000, rng)
    learn, choose = rest.split(1000, rng)
    order = rng.permutation(len(learn))  # what a split leaves does not begin with every digit equally often

    def tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.tensor(images, dtype=torch.float32) / 255
        return functional.avg_pool2d(pixels, 28 // side), torch.tensor(labels)

    sets = (learn.images[order], learn.labels[order]), (choose.images, choose.labels), (test.images, test.labels)
    return tuple(tensors(*each) for each in sets)


def slipped(labels: torch.Tensor) -> torch.Tensor:
    """Return labels of which one is missing after two thirds: from there on each image has its neighbour's."""
    start = 2 * len(labels) // 3
    return torch.cat([labels[:start], labels[start + 1 :], labels[start : start + 1]])


def scores(theta: torch.Tensor, images: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
    """Return the scores of many networks of one shape at once, that of ``gd.models.MLP``.

    ``theta`` has shape (runs, d), ``images`` (runs, n, pixels) or (n, pixels), ``keep`` (runs, n, hidden).
    """
    pixels = images.shape[-1]
    parts = theta.split([HIDDEN * pixels, HIDDEN, 10 * HIDDEN, 10], dim=1)
    hidden = torch.relu(images @ parts[0].reshape(-1, HIDDEN, pixels).mT + parts[1][:, None])
    if keep is not None:
        hidden = hidden * keep
    return hidden @ parts[2].reshape(-1, 10, HIDDEN).mT + parts[3][:, None]


def train(settings: Sequence[Setting]) -> list[Result]:
    """Train networks side by side, which have rule, images, bug and epochs in common.

    Losses of separate runs are added up, and their gradients do not mix; a rule's hyperparameters are arrays. A run
    does not depend on those beside it: the draws of dropout are the same for all.
    """
    (images, labels), choose, test = data()
    first = settings[0]
    images, labels = images[: first.images].flatten(1), labels[: first.images]
    labels = slipped(labels) if first.bug else labels

    def column(name: str) -> torch.Tensor:
        return torch.tensor([[getattr(setting, name)] for setting in settings])

    theta = torch.stack([start(setting.seed) for setting in settings])
    options = {"beta": column("beta")} if first.rule == "Momentum" else {}
    rule = RULES[first.rule](lr=column("lr"), **options)
    state = rule.init(theta)
    dropout, decay = column("dropout")[..., None], column("weight_decay")
    orders = [torch.Generator().manual_seed(setting.seed) for setting in settings]
    draws = torch.Generator().manual_seed(0)
    counts = []
    for _ in range(first.epochs):
        order = torch.stack([torch.randperm(len(images), generator=generator) for generator in orders])
        for items in order.split(BATCH, dim=1):
            at = rule.lookahead(state, theta).detach().requires_grad_()
            drawn = torch.rand(items.shape[1], HIDDEN, generator=draws)
            keep = (drawn >= dropout) / (1 - dropout) if dropout.any() else None
            outputs = scores(at, images[items], keep)
            losses = functional.cross_entropy(outputs.mT, labels[items], reduction="none").mean(dim=1)
            loss = losses.sum() + (decay / 2 * at**2).sum()
            (gradient,) = torch.autograd.grad(loss, at)
            delta, state = rule.update(gradient, state, theta)
            theta = theta + delta
        now = rule.lookahead(state, theta)  # as torch has it: the network is what the gradient is taken of
        counts.append(right(now, *choose))
    tested = right(now, *test)
    return [
        Result(setting, tuple(int(count[k]) for count in counts), int(tested[k])) for k, setting in enumerate(settings)
    ]


def start(seed: int) -> torch.Tensor:
    """Return the initial parameters that torch gives to a network, shape (d,)."""
    torch.manual_seed(seed)
    return parameters_to_vector(gd.models.MLP((SIDE**2, HIDDEN, 10)).parameters()).detach()


@torch.no_grad()
def right(theta: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return how many images each network classifies rightly. (One of nan says 0, and one image in ten is.)"""
    return (scores(theta, images.flatten(1)).argmax(dim=2) == labels).sum(dim=1)


class Batches:
    """Shuffled minibatches of tensors, in a new order in each epoch."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, seed: int) -> None:
        self.images, self.labels = images, labels
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for items in torch.randperm(len(self.images), generator=self.generator).split(BATCH):
            yield self.images[items], self.labels[items]


def train_one(setting: Setting, side: int = 28) -> Result:
    """Train one network, of any kind, with the package's loop."""
    (images, labels), choose, test = data(side)
    models = {
        "softmax": lambda: gd.models.SoftmaxRegression(side**2, 10),
        "MLP": lambda: gd.models.MLP((side**2, HIDDEN, 10)),
        "CNN": gd.models.CNN,
    }
    torch.manual_seed(setting.seed)
    model = models[setting.model]()
    optimizer = Optimizer(model.parameters(), RULES[setting.rule](lr=setting.lr))
    fit(model, Batches(images[: setting.images], labels[: setting.images], setting.seed), optimizer, setting.epochs)
    chosen, tested = (round(evaluate(model, [held_out])[1] * 1000) for held_out in (choose, test))
    return Result(setting, (chosen,), tested)


def search() -> list[Setting]:
    rng = np.random.default_rng(0)
    found = []
    for seed in range(128):
        lr, beta = 10 ** rng.uniform(-4, 0), 1 - 10 ** rng.uniform(-2, 0)
        dropout, decay = rng.uniform(0, 0.8), 10 ** rng.uniform(-6, -1)
        numbers = dict(lr=lr, beta=beta, dropout=dropout, weight_decay=decay)
        found.append(
            Setting("search", epochs=27, seed=seed, **{name: float(f"{x:.3g}") for name, x in numbers.items()})
        )
    return found


def bug() -> list[Setting]:
    return [replace(setting, part="bug", bug=1) for setting in search()[:64]]


def fresh() -> list[Setting]:
    untuned = Setting("fresh", epochs=27)
    tuned = [best(read(part)[:64]).setting for part in ("bug", "search")]
    chosen = [*tuned, replace(untuned, bug=1), untuned]
    return [replace(setting, part="fresh", seed=seed) for setting in chosen for seed in FRESH]


def plane() -> list[Setting]:
    rates, decays = np.geomspace(1e-3, 1, 25), [0, *np.geomspace(1e-6, 1e-1, 6)]
    return [
        Setting("plane", lr=float(f"{lr:.3g}"), weight_decay=float(f"{decay:.1g}")) for lr in rates for decay in decays
    ]


def rates() -> list[Setting]:
    return [Setting("rates", rule, lr, seed=seed) for rule in RULES for lr in RATES for seed in range(3)]


def judge() -> list[Setting]:
    found = []
    for rule, kind in RULES.items():
        runs = [result for result in read("rates") if result.setting.rule == rule]
        score = {lr: sum(r.validation[-1] for r in runs if r.setting.lr == lr) for lr in RATES}
        chosen = max(score, key=score.__getitem__)
        found += [Setting("judge", rule, lr, seed=seed) for lr in (kind().lr, chosen) for seed in FRESH]
    return found


def images() -> list[Setting]:
    """As many steps for few images as for many, about 300."""
    return [
        Setting("images", "Adam", lr, model=model, images=n, epochs=round(300 / -(-n // BATCH)), seed=seed)
        for model in ("softmax", "MLP", "CNN")
        for n in (30, 100, 300, 1000, 3000)
        for lr in (0.001, 0.004)
        for seed in range(3)
    ]


PARTS = {part.__name__: part for part in (search, bug, fresh, plane, rates, judge, images)}
TYPES = {field.name: field.type for field in fields(Setting)}


def best(results: Sequence[Result]) -> Result:
    """Return the run with the most validation images right at the end, the first of equals."""
    return max(results, key=lambda result: result.validation[-1])


def read(part: str) -> list[Result]:
    """Return the runs of a part that are in the results file, in the order of the part's settings."""
    found = {}
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            for row in csv.DictReader(file):
                if row["part"] == part:
                    setting = Setting(**{name: kind(row[name]) for name, kind in TYPES.items()})
                    found[setting] = Result(setting, tuple(map(int, row["validation"].split())), int(row["test"]))
    return list(found.values())


def write(results: Sequence[Result]) -> None:
    """Append runs to the results file."""
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow([*TYPES, "validation", "test"])
        for result in results:
            counts = " ".join(map(str, result.validation))
            writer.writerow([*(getattr(result.setting, name) for name in TYPES), counts, result.test])


def teams(settings: Sequence[Setting]) -> Iterator[list[Setting]]:
    """Split settings into those that are trained side by side."""

    def alike(setting: Setting) -> tuple[object, ...]:
        return setting.part == "images", setting.rule, setting.images, setting.bug, setting.epochs

    for _, group in groupby(settings, alike):
        members = list(group)
        for k in range(0, len(members), TOGETHER):
            yield members[k : k + TOGETHER]


def main(names: Sequence[str]) -> None:
    for name in names or PARTS:
        done = {result.setting for result in read(name)}
        for team in teams([setting for setting in PARTS[name]() if setting not in done]):
            results = [train_one(setting) for setting in team] if name == "images" else train(team)
            write(results)
            right = [result.validation[-1] for result in results]
            print(f"{name}: {team[0].rule}, {len(team)} runs, {min(right)} to {max(right)} of 1,000 right", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
