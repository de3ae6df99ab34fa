"""Measure what the chapter "Data-parallel SGD" plots: messages, steps of one and two workers, and large batches.

    python benchmarks/data_parallel.py [times | batches]

Takes about three minutes on two cores (with an argument, one of its two parts), prints what it finds, and writes
benchmarks/results/data_parallel_times.csv and data_parallel_batches.csv. Two workers stand on one machine here: their
messages go through its memory, and they share its cores with whatever else runs. Each time is the least of many, which
other programs disturb least.
"""

import csv
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy

import gdcourse as gd
from gdcourse import distributed

RESULTS = Path(__file__).parent / "results"
SIZES = (784, 64, 10)  # of the network that is timed: 50,890 parameters
NUMBERS = [round(10 ** (k / 2)) for k in range(13)]  # in a message, 1 to 1 million
BATCHES = [2**k for k in range(4, 11)]
EPOCHS, SEEDS, RATES = 5, 3, [0.05 * 2**k for k in range(8)]


def least(act: Callable[[], Any], seconds: float) -> float:
    """Return the shortest time of many calls, as many as rank 0 manages in so many seconds, at least five."""
    times, end = [], time.perf_counter() + seconds
    more = torch.ones(1)
    while more.item():
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
        more[:] = len(times) < 5 or time.perf_counter() < end
        dist.broadcast(more, 0)
    return min(times)


def alone(act: Callable[[], Any], seconds: float) -> float:
    """Return the shortest time in rank 0, while the others wait."""
    times, end = [0.0], time.perf_counter() + seconds
    if dist.get_rank() == 0:
        while len(times) < 6 or time.perf_counter() < end:
            start = time.perf_counter()
            act()
            times.append(time.perf_counter() - start)
    dist.barrier()
    return min(times[1:], default=0.0)


def measure() -> None:
    """In each of the two workers that torchrun has started."""
    dist.init_process_group("gloo", timeout=timedelta(seconds=120))
    torch.set_num_threads(1)
    rank, rows = dist.get_rank(), []
    if hasattr(os, "sched_setaffinity"):  # a core for each, or the system may put both on one
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
    for d in NUMBERS:
        message = torch.zeros(d)
        rows.append(("all-reduce", 2, d, least(lambda m=message: dist.all_reduce(m), 1.0)))
    torch.manual_seed(0)
    model = gd.models.MLP(SIZES)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01)

    def step(items: int, together: bool) -> Callable[[], None]:
        x, y = torch.rand(items, SIZES[0]), torch.randint(SIZES[-1], (items,))

        def act() -> None:
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            if together:
                distributed.average([p.grad for p in parameters], weight=items)
            optimizer.step()

        return act

    for B in BATCHES:
        rows.append(("step", 1, B, alone(step(B, together=False), 1.0)))
        rows.append(("step", 2, B, least(step(B // 2, together=True), 3.0)))
    if rank == 0:
        with open(RESULTS / "data_parallel_times.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["what", "workers", "size", "microseconds"])
            for what, workers, size, seconds in rows:
                writer.writerow([what, workers, size, f"{1e6 * seconds:.1f}"])
                print(f"{what:<10} {workers} workers, size {size:>7,}: {1e6 * seconds:8.1f} us")
    dist.destroy_process_group()


def digits() -> list[torch.Tensor]:
    """Return 4,000 images and their labels to train, 1,000 to test."""
    data = []
    for part in gd.data.digits().split(1000, np.random.default_rng(0)):
        data += [torch.tensor(part.images).flatten(1) / 255, torch.tensor(part.labels)]
    return data


def train(B: int, lr: float, warm: int, seed: int, data: list[torch.Tensor]) -> float:
    """Return the share of the test digits that a run of EPOCHS epochs gets wrong: 0.9, if it diverges."""
    x, y, x_test, y_test = data
    torch.manual_seed(seed)
    model = gd.models.MLP((784, 32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    schedule = gd.schedules.WarmUp(lr, warm) if warm else gd.schedules.Constant(lr)
    for k, batch in enumerate(gd.minibatches(len(y), B, np.random.default_rng(seed), epochs=EPOCHS)):
        optimizer.param_groups[0]["lr"] = schedule(k)
        optimizer.zero_grad()
        cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        return (model(x_test).argmax(dim=1) != y_test).double().mean().item()


def batches() -> None:
    """Train on the digits for EPOCHS epochs at a grid of batch sizes and learning rates, without and with warm-up."""
    torch.set_num_threads(1)
    data, rows = digits(), []
    for B in [2**k for k in range(5, 12)]:
        for epochs in (0, 1):  # of warm-up
            wrong = []
            for lr in RATES:
                of_seeds = [train(B, lr, epochs * -(-len(data[1]) // B), seed, data) for seed in range(SEEDS)]
                rows += [(B, lr, epochs, seed, f"{share:.3f}") for seed, share in enumerate(of_seeds)]
                wrong.append(np.median(of_seeds))
            print(f"B = {B:>4}, {epochs} epochs of warm-up, wrong by rate:", np.round(wrong, 3), flush=True)
    with open(RESULTS / "data_parallel_batches.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["batch_size", "lr", "warm_up_epochs", "seed", "wrong"])
        writer.writerows(rows)


def main() -> None:
    if "RANK" in os.environ:
        measure()
        return
    RESULTS.mkdir(exist_ok=True)
    load = f"load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores; {load}", flush=True)
    if sys.argv[1:] in ([], ["times"]):
        sys.stdout.write(distributed.launch(script=__file__, timeout=400))
    if sys.argv[1:] in ([], ["batches"]):
        batches()


if __name__ == "__main__":
    main()
