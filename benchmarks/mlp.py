"""Train the perceptrons of the chapter on them, which a page cannot do while its reader waits.

    python benchmarks/mlp.py [--minutes 5]

Two tables of text, which the chapter plots:

- benchmarks/results/mlp.csv: the experiment of Kingma & Ba (2015), section 6.2, on 4,000 images. Five rules, five
  learning rates each, with dropout and without, eight epochs, one seed; then each rule's best rate, and the rate that
  it has by default, with three fresh seeds, of which the first goes on to 32 epochs. A line for each epoch of each run.
- benchmarks/results/mlp-widths.csv: nets with one hidden layer of 2 to 100 units, ten or twenty starts of each width.
  A line for each net, after its last step.

All in all about 20 minutes on one core. A run is written when it is finished, and what the files hold is not run
again: stop it when you like (--minutes does so between two runs), and call it once more. To run all anew, remove the
files. torch on the CPU, float32, one thread; another processor or version rounds differently, and its losses differ in
the third digit after some hundred steps.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from tqdm import tqdm

import gdcourse as gd
from gdcourse.torch_optimizer import Optimizer

RESULTS = Path(__file__).parent / "results"

BATCH_SIZE, EPOCHS, LONG = 128, 8, 32
CHOOSING, REPORTED = 0, (1, 2, 3)  # seeds: one that the rates are chosen by, others that the figures are made from
# Five rates in steps of about the root of ten.
GRID = {
    "AdaGrad": (0.001, 0.003, 0.01, 0.03, 0.1),
    "RMSProp": (0.0001, 0.0003, 0.001, 0.003, 0.01),
    "Nesterov": (0.003, 0.01, 0.03, 0.1, 0.3),
    "Adadelta": (0.1, 0.3, 1.0, 3.0, 10.0),
    "Adam": (0.0001, 0.0003, 0.001, 0.003, 0.01),
}
RUN = ("rule", "lr", "dropout", "seed", "epochs")
RUN_COLUMNS = (*RUN, "epoch", "train_loss", "test_loss", "test_accuracy")

# Width: starts, and passes over the data. The narrow nets are slow to come to rest, the wide ones to compute.
WIDTHS = {2: (20, 200), 3: (20, 200), 5: (20, 200), 10: (20, 200), 30: (20, 100), 100: (10, 100)}
WIDTH_BATCH_SIZE, WIDTH_LR, WEIGHT_DECAY = 500, 0.01, 0.001
WIDTH_COLUMNS = (
    *("width", "starts", "epochs", "seed", "objective", "train_loss", "train_accuracy", "test_loss", "test_accuracy"),
    *("gradient_norm", "disagreement", "match"),
)

Row = dict[str, Any]  # in a table: of text


def data() -> tuple[gd.data.Digits, gd.data.Digits]:
    """Return 4,000 images to train, 1,000 to test: the same for all runs, and in the chapter."""
    return gd.data.digits().split(1000, np.random.default_rng(0))


def text(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


class Table:
    """Rows in a file of text. What belongs together is added together, so a run is in it whole or not at all."""

    def __init__(self, path: Path, columns: Sequence[str], key: Sequence[str], rows_each: int | str) -> None:
        self.path, self.columns, self.key = path, tuple(columns), tuple(key)
        self.rows: list[Row] = []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                found = [row for row in csv.DictReader(file) if None not in row.values()]
            keys = [self._key(row) for row in found]
            wanted = [int(row[rows_each]) if isinstance(rows_each, str) else rows_each for row in found]
            self.rows = [row for row, key, n in zip(found, keys, wanted, strict=True) if keys.count(key) == n]
        self._write()  # without what an interruption tore

    def _key(self, row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in self.key)

    def _write(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        beside = self.path.with_suffix(".part")
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(beside, self.path)

    def __contains__(self, key: Iterable[Any]) -> bool:
        return tuple(text(value) for value in key) in {self._key(row) for row in self.rows}

    def add(self, rows: Iterable[Row]) -> None:
        """Add the rows of a finished run, with five digits, and bring the file up to date."""
        self.rows += [{name: text(value) for name, value in row.items()} for row in rows]
        self._write()


def train_one(rule: str, lr: float, dropout: float, seed: int, epochs: int) -> list[Row]:
    """Train the big net once: the seed sets its first weights, the order of the images, and the masks of dropout."""
    train, test = data()
    torch.manual_seed(seed)
    model = gd.models.MLP(dropout=dropout)
    optimizer = Optimizer(model.parameters(), getattr(gd, rule)(lr=lr))
    batches = gd.training.loader(train.images, train.labels, BATCH_SIZE, seed=seed)
    unseen = gd.training.loader(test.images, test.labels, 1000)
    try:
        history = gd.training.fit(model, batches, optimizer, epochs, test=unseen)
        found = (history.epoch_loss(), history.test_loss, history.test_accuracy)
    except FloatingPointError:  # it diverged: infinite losses, and guesses
        found = ([float("inf")] * epochs, [float("inf")] * epochs, [0.1] * epochs)
    run = dict(rule=rule, lr=lr, dropout=dropout, seed=seed, epochs=epochs)
    return [
        {**run, "epoch": k + 1, "train_loss": cost, "test_loss": loss, "test_accuracy": accuracy}
        for k, (cost, loss, accuracy) in enumerate(zip(*found, strict=True))
    ]


def best_rate(rows: Sequence[Row], rule: str, dropout: float) -> float:
    """Return the rate whose run with the seed for choosing had the lowest training cost in its last epoch."""
    wanted = (rule, dropout, CHOOSING, EPOCHS)
    last = [r for r in rows if (r["rule"], float(r["dropout"]), int(r["seed"]), int(r["epoch"])) == wanted]
    return float(min(last, key=lambda row: float(row["train_loss"]))["lr"])


def runs(table: Table) -> Iterator[tuple[str, float, float, int, int]]:
    """Yield all runs, in an order in which each rule's best rate is known when it is asked for."""
    for dropout in (0.5, 0.0):
        for rule, rates in GRID.items():
            for lr in rates:
                yield rule, lr, dropout, CHOOSING, EPOCHS
    for dropout in (0.5, 0.0):
        for rule in GRID:
            for seed in REPORTED:
                epochs = LONG if (dropout, seed) == (0.5, REPORTED[0]) else EPOCHS
                yield rule, best_rate(table.rows, rule, dropout), dropout, seed, epochs
    for rule in GRID:
        default = getattr(gd, rule)().lr
        if default != best_rate(table.rows, rule, 0.5):
            for seed in REPORTED:
                yield rule, default, 0.5, seed, EPOCHS


class Many(nn.Module):
    """Nets of one shape with one hidden layer, side by side: each from the start that it would have alone.

    The losses are summed, so each net gets its own gradient and no other's, and a rule that works coordinate by
    coordinate takes each net where it would go alone.
    """

    def __init__(self, width: int, seeds: Sequence[int], sizes: tuple[int, int] = (784, 10)) -> None:
        super().__init__()
        starts = []
        for seed in seeds:
            torch.manual_seed(seed)
            starts.append([p.detach() for p in gd.models.MLP((sizes[0], width, sizes[1])).parameters()])
        self.w1, self.b1, self.w2, self.b2 = (
            nn.Parameter(torch.stack(alike)) for alike in zip(*starts, strict=True)
        )  # shapes (nets, h, pixels), (nets, h), (nets, 10, h), (nets, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores, shape (nets, items, classes)."""
        hidden = (x.flatten(1) @ self.w1.flatten(0, 1).T).unflatten(1, self.b1.shape) + self.b1
        return torch.relu(hidden).transpose(0, 1) @ self.w2.transpose(1, 2) + self.b2[:, None]

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return each net's mean cross-entropy."""
        scores = self(x)
        each = nn.functional.cross_entropy(scores.flatten(0, 1), y.repeat(len(scores)), reduction="none")
        return each.unflatten(0, scores.shape[:2]).mean(dim=1)

    def objectives(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return each net's loss plus λ/2 times the squared length of all its parameters."""
        squares = sum(p.flatten(1).square().sum(dim=1) for p in self.parameters())
        return self.losses(x, y) + WEIGHT_DECAY / 2 * squares


def train_many(width: int, starts: int, epochs: int) -> list[Row]:
    """Train nets of one width from several starts, on the same minibatches: what differs at the end is the start's."""
    train, test = data()
    (seen,) = gd.training.loader(train.images, train.labels, len(train))
    (unseen,) = gd.training.loader(test.images, test.labels, len(test))
    nets = Many(width, range(starts))
    optimizer = torch.optim.Adam(nets.parameters(), lr=WIDTH_LR, fused=True)
    steps = epochs * -(-len(train) // WIDTH_BATCH_SIZE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)  # to 0, so that they come to rest
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for items in torch.randperm(len(train), generator=order).split(WIDTH_BATCH_SIZE):
            optimizer.zero_grad()
            nets.objectives(seen[0][items], seen[1][items]).sum().backward()
            optimizer.step()
            scheduler.step()
    optimizer.zero_grad()
    objective = nets.objectives(*seen)
    objective.sum().backward()
    slopes = sum(p.grad.flatten(1).square().sum(dim=1) for p in nets.parameters()).sqrt()
    with torch.no_grad():
        said, said_unseen = nets(seen[0]).argmax(dim=2), nets(unseen[0]).argmax(dim=2)
        columns = dict(
            objective=objective.detach(),
            train_loss=nets.losses(*seen),
            train_accuracy=(said == seen[1]).float().mean(dim=1),
            test_loss=nets.losses(*unseen),
            test_accuracy=(said_unseen == unseen[1]).float().mean(dim=1),
            gradient_norm=slopes,
            disagreement=(said_unseen != said_unseen.roll(-1, dims=0)).float().mean(dim=1),
            match=torch.tensor([match(nets.w1[k], nets.w1[(k + 1) % starts]) for k in range(starts)]),
        )
    return [
        {
            **dict(width=width, starts=starts, epochs=epochs, seed=seed),
            **{name: values[seed].item() for name, values in columns.items()},
        }
        for seed in range(starts)
    ]


def match(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the mean cosine between the hidden units of two nets, each paired with the partner that suits best."""
    cosines = (nn.functional.normalize(one) @ nn.functional.normalize(other).T).numpy()
    return float(cosines[linear_sum_assignment(cosines, maximize=True)].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    end = time.monotonic() + 60 * parser.parse_args().minutes
    torch.set_num_threads(1)
    table = Table(RESULTS / "mlp.csv", RUN_COLUMNS, RUN, "epochs")
    for run in tqdm(runs(table), unit="run", desc="five rules"):
        if time.monotonic() > end:
            return
        if run not in table:
            table.add(train_one(*run))
    widths = Table(RESULTS / "mlp-widths.csv", WIDTH_COLUMNS, ("width",), "starts")
    for width, (starts, epochs) in tqdm(WIDTHS.items(), unit="width", desc="widths"):
        if time.monotonic() > end:
            return
        if (width,) not in widths:
            widths.add(train_many(width, starts, epochs))


if __name__ == "__main__":
    main()
