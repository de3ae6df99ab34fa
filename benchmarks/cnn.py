"""Train the networks of the chapter "A convolutional network, derived and trained": which rule, and shifted digits.

    python benchmarks/cnn.py

Writes benchmarks/results/cnn.csv, which the chapter reads, and prints its medians. Some eight minutes of one core. A
run whose rows are in the file is not repeated, so that an interrupted measurement goes on where it was; delete the file
to begin anew.

The networks, with the parameters d that they have:

    cnn     gdcourse.models.CNN, 11,274
    frozen  the same with the first convolution left as it was drawn
    small   gdcourse.models.MLP with 14 hidden units, 11,140: the CNN's parameters
    large   the same with 997 hidden units, 792,625: the CNN's multiply-adds

Rates are swept in half decades, by the accuracy after 60 steps on 1,000 images held back from the 4,000 of the
training set (mean of two seeds); a sweep goes on until the best rate is not at its edge. At the best rate each network
is then trained on all 4,000 images, for six epochs with three other seeds, and tested on 1,000 that no choice depended
on, which are moved by 0 to 8 pixels up, down, left and right (mean of the four). "moved" networks are trained with
images moved at random by up to four pixels in each direction, anew in every epoch, at the rate that was best without
moving; the small one, which is slow at it, also for 40 epochs ("long").

Columns: experiment (sweep, test, long), net, rule, lr, moved, seed, epoch, shift, loss, accuracy. A sweep's loss and
accuracy are those of the images held back. A run that diverges has the loss inf and the accuracy of guessing, 0.1.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

import gdcourse as gd
from gdcourse import models, training
from gdcourse.torch_optimizer import Optimizer

RESULTS = Path(__file__).parent / "results" / "cnn.csv"
COLUMNS = ("experiment", "net", "rule", "lr", "moved", "seed", "epoch", "shift", "loss", "accuracy")
BATCH, REACH, SHIFTS = 100, 4, range(9)
SWEEP_SEEDS, TEST_SEEDS = (0, 1), (10, 11, 12)
EPOCHS = {"sweep": 2, "test": 6, "long": 40}


def frozen() -> nn.Module:
    """Return a CNN whose first convolution stays as it was drawn."""
    net = models.CNN()
    net.convolutions[0].requires_grad_(False)
    return net


NETS: dict[str, Callable[[], nn.Module]] = {
    "cnn": models.CNN,
    "frozen": frozen,
    "small": lambda: models.MLP((784, 14, 10)),
    "large": lambda: models.MLP((784, 997, 10)),
}
RULES: dict[str, Callable[[float], gd.Optimizer]] = {
    "GradientDescent": gd.GradientDescent,
    "Momentum": gd.Momentum,
    "RMSProp": gd.RMSProp,
    "Adam": gd.Adam,
}
#: Where each sweep begins: the middle k of three rates 10^(k/2).
MIDDLE = {
    ("cnn", "GradientDescent"): -1,
    ("cnn", "Momentum"): -2,
    ("cnn", "RMSProp"): -5,
    ("cnn", "Adam"): -5,
    ("small", "Adam"): -4,
    ("large", "Adam"): -5,
}


def rate(k: int) -> float:
    """Return 10^(k/2) to two digits, as it stands in the file: 0.01, 0.032, 0.1."""
    return float(f"{10 ** (k / 2):.2g}")


def moved(images: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return images moved by whole pixels, with paper where nothing was; what leaves the picture is lost."""
    return nn.functional.pad(images, (right, -right, down, -down))


class Moving:
    """Minibatches whose images are moved at random, by up to ``reach`` pixels in each direction."""

    def __init__(self, batches: Any, reach: int, seed: int) -> None:
        self.batches, self.reach = batches, reach
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for images, labels in self.batches:
            size = images.shape[-1]
            padded = nn.functional.pad(images, (self.reach,) * 4)
            windows = padded.unfold(1, size, 1).unfold(2, size, 1)  # a view: all places of all pictures
            row, column = torch.randint(2 * self.reach + 1, (2, len(images)), generator=self.generator)
            yield windows[torch.arange(len(images)), row, column], labels


def shifted_accuracy(net: nn.Module, test: Any, shift: int) -> tuple[float, float]:
    """Return loss and accuracy, each the mean over four directions."""
    ways = {(shift, 0), (-shift, 0), (0, shift), (0, -shift)}
    (batch,) = test
    found = [training.evaluate(net, [(moved(batch[0], *way), batch[1])]) for way in sorted(ways)]
    loss, accuracy = np.mean(found, axis=0)
    return float(loss), float(accuracy)


class Bench:
    """The file of results, and the runs that fill it."""

    def __init__(self, path: Path, digits: gd.data.Digits, held: int = 1000) -> None:
        rng = np.random.default_rng(0)
        self.path, self.rows = path, []
        self.train, self.test = digits.split(held, rng)
        self.part, self.validation = self.train.split(held, rng)
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def run(self, experiment: str, net: str, rule: str, lr: float, seed: int, moving: bool = False) -> None:
        """Train once and add the rows, if they are not there."""
        key = {"experiment": experiment, "net": net, "rule": rule, "lr": f"{lr:g}"}
        key |= {"moved": str(int(moving)), "seed": str(seed)}
        if any(key.items() <= row.items() for row in self.rows):
            return
        sweeping = experiment == "sweep"
        epochs = EPOCHS[experiment]
        seen, unseen = (self.part, self.validation) if sweeping else (self.train, self.test)
        torch.manual_seed(seed)
        model = NETS[net]()
        batches: Any = training.loader(seen.images, seen.labels, BATCH, seed=seed)
        test = training.loader(unseen.images, unseen.labels, len(unseen))
        if moving:
            batches = Moving(batches, REACH, seed)
        optimizer = Optimizer([p for p in model.parameters() if p.requires_grad], RULES[rule](lr))
        found: list[tuple[int, int, float, float]] = []
        try:
            history = training.fit(model, batches, optimizer, epochs, test=test)
            each = zip(history.test_loss, history.test_accuracy, strict=True)
            found = [(k + 1, 0, *both) for k, both in enumerate(each)]
            if sweeping:
                found = found[-1:]
            else:
                found += [(epochs, s, *shifted_accuracy(model, test, s)) for s in SHIFTS if s]
        except FloatingPointError:
            found = [(epochs, 0, float("inf"), 0.1)]
        self.add([key | dict(zip(COLUMNS[6:], _text(*row), strict=True)) for row in found])

    def add(self, rows: list[dict[str, str]]) -> None:
        new = not self.path.exists()
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
        self.rows += rows

    def accuracy(self, **wanted: str) -> list[float]:
        """Return the accuracies of the rows with these entries."""
        return [float(row["accuracy"]) for row in self.rows if wanted.items() <= row.items()]

    def best(self, net: str, rule: str) -> float:
        """Sweep until the best of the rates has a worse one on either side, and return it."""
        ks = [MIDDLE[net, rule] + step for step in (-1, 0, 1)]
        while True:
            score = {}
            for k in ks:
                for seed in SWEEP_SEEDS:
                    self.run("sweep", net, rule, rate(k), seed)
                score[k] = np.mean(self.accuracy(experiment="sweep", net=net, rule=rule, lr=f"{rate(k):g}"))
            winner = max(ks, key=lambda k: score[k])
            if winner == min(ks):
                ks.insert(0, winner - 1)
            elif winner == max(ks):
                ks.append(winner + 1)
            else:
                return rate(winner)


def _text(epoch: int, shift: int, loss: float, accuracy: float) -> tuple[str, str, str, str]:
    return str(epoch), str(shift), f"{loss:.4f}", f"{accuracy:.4f}"


def measure(bench: Bench) -> None:
    rates = {(net, rule): bench.best(net, rule) for net, rule in MIDDLE}
    rates["frozen", "Adam"] = rates["cnn", "Adam"]
    for seed in TEST_SEEDS:
        for (net, rule), lr in rates.items():
            for moving in (False, True):
                if not moving or (rule == "Adam" and net != "frozen"):
                    bench.run("test", net, rule, lr, seed, moving)
        bench.run("long", "small", "Adam", rates["small", "Adam"], seed, moving=True)


def main() -> None:
    torch.set_num_threads(1)
    bench = Bench(RESULTS, gd.data.digits())
    measure(bench)
    runs = dict.fromkeys((r["net"], r["rule"], r["lr"], r["moved"]) for r in bench.rows if r["experiment"] == "test")
    sys.stdout.write("median accuracy of three seeds in percent, test images moved by 0 to 8 pixels\n")
    for net, rule, lr, moving in runs:
        key = {"experiment": "test", "net": net, "rule": rule, "lr": lr, "moved": moving, "epoch": str(EPOCHS["test"])}
        line = "  ".join(f"{100 * median(bench.accuracy(**key, shift=str(s))):5.1f}" for s in SHIFTS)
        sys.stdout.write(f"{net:<7}{rule:<16} lr {lr:<6} {'moved' if moving == '1' else '':<6}{line}\n")


if __name__ == "__main__":
    main()
