"""Time an epoch of a network: the course's Adam through the torch adapter against torch.optim.Adam as it comes.

    python benchmarks/adapter.py

The network is 784-1000-1000-10, 1.8 million parameters, on 4,000 digits in minibatches of 128. Epochs of the two take
turns. The peak of memory is that of a process that trains one epoch, less what it had before the network was made.
Prints a table and writes it to benchmarks/results/adapter.txt.
"""

import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine, report

import gdcourse as gd
from gdcourse.torch_optimizer import Optimizer

GOALS = {"epoch": 1.25, "state": 1.5, "peak": 1.5}
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "torch.optim.Adam": torch.optim.Adam,
    "gd.Adam by the adapter": lambda parameters: Optimizer(parameters, gd.Adam()),
}


class Training:
    """A network, its optimizer, and the seconds of each epoch: in all, and in the optimizer's step."""

    def __init__(self, name: str, images: int, sizes: tuple[int, ...]) -> None:
        train, _ = gd.data.digits().split(1000, np.random.default_rng(0))
        self.batches = list(gd.training.loader(train.images[:images], train.labels[:images], 128, seed=0))
        torch.manual_seed(0)
        self.model = gd.models.MLP(sizes)
        self.optimizer = OPTIMIZERS[name](self.model.parameters())
        self.epochs: list[float] = []
        self.steps: list[float] = []

    def epoch(self) -> None:
        begin, in_steps = time.perf_counter(), 0.0
        for x, y in self.batches:
            self.optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self.model(x), y).backward()
            start = time.perf_counter()
            self.optimizer.step()
            in_steps += time.perf_counter() - start
        self.epochs.append(time.perf_counter() - begin)
        self.steps.append(in_steps)

    def parameters(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.model.parameters()])

    def state(self) -> int:
        """Return the bytes of the tensors that the optimizer keeps."""
        kept = [x for one in self.optimizer.state.values() for x in one.values() if torch.is_tensor(x)]
        return sum(x.numel() * x.element_size() for x in kept)


def resident() -> int:
    """Return the most memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the process that started this one
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) * 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak(name: str, images: int, sizes: tuple[int, ...]) -> int:
    """Return the bytes that training takes, measured in a fresh process."""
    command = [sys.executable, __file__, "--peak", name, str(images), *map(str, sizes)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(name: str, images: str, *sizes: str) -> None:
    torch.set_num_threads(1)
    for warm in (True, False):  # the first, of a small network, loads the libraries
        if (peaks := Path("/proc/self/clear_refs")).exists():
            peaks.write_text("5")  # forget the peak of loading
        before = resident()
        training = Training(name, int(images), (784, 10, 10) if warm else tuple(map(int, sizes)))
        training.epoch()
    print(max(1, resident() - before))


def main(images: int = 4000, sizes: tuple[int, ...] = (784, 1000, 1000, 10), epochs: int = 5) -> None:
    torch.set_num_threads(1)
    first = machine("numpy", "torch")
    both = {name: Training(name, images, sizes) for name in OPTIMIZERS}
    begin = both["torch.optim.Adam"].parameters()
    for _ in range(epochs + 1):  # the first does not count
        for training in both.values():
            training.epoch()
        if len(both["torch.optim.Adam"].epochs) == 1:
            one, other = (training.parameters() for training in both.values())
            assert (one - other).abs().mean() < 1e-3 * (one - begin).abs().mean(), "they do not train alike"
    rows: list[list[Any]] = []
    for name, training in both.items():
        times = [statistics.median(times[1:]) for times in (training.epochs, training.steps)]
        rows.append([name, *times, training.state() / 1e6, peak(name, images, sizes) / 1e6])
    rows.append(["ratio", *(ours / theirs for theirs, ours in zip(rows[0][1:], rows[1][1:], strict=True))])
    report(
        "adapter",
        [
            first,
            f"network {'-'.join(map(str, sizes))}, {images:,} images, minibatches of 128, float32, one thread",
            f"medians of {epochs} epochs",
        ],
        ["optimizer", "epoch_s", "steps_s", "state_MB", "peak_MB"],
        rows,
        ["wanted: " + ", ".join(f"{name} <= {goal}" for name, goal in GOALS.items())],
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(*sys.argv[2:])
    else:
        main()
