"""Data-parallel SGD: several processes train one network, each on its part of every minibatch.

::

    torchrun --standalone --nproc-per-node 2 -m gdcourse.distributed by-hand ddp --save parameters.pt

trains a small network on the digits, once by each method named, on two workers of this machine. On many machines the
same script runs under the ``torchrun`` of each of them, with a common ``--rdzv-endpoint`` in place of ``--standalone``.
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from gdcourse._checks import require_count, require_positive
from gdcourse.batching import minibatches
from gdcourse.data import digits
from gdcourse.models import MLP

__all__ = [
    "Parts",
    "average",
    "gradients",
    "launch",
    "problem",
    "ring_all_reduce",
    "split",
    "train_by_hand",
    "train_locally",
    "train_mean_of_means",
    "train_with_ddp",
]

#: This worker's part of every minibatch: inputs and classes.
Parts = Iterable[tuple[torch.Tensor, torch.Tensor]]


@torch.no_grad()
def average(tensors: Iterable[torch.Tensor], weight: float) -> None:
    r"""Replace the tensors in every worker by their mean over all workers, :math:`\sum_k w_k a_k / \sum_k w_k`.

    One message holds all of them, and the weight travels at its end: the sum of the weights comes back with the rest.

    Parameters
    ----------
    tensors : iterable of torch.Tensor
        Of the same shapes in every worker. Changed in place.
    weight : float
        Of this worker, such as the number of its items.
    """
    tensors = list(tensors)
    one = tensors[0].new_ones(1)
    message = weight * torch.cat([*(a.flatten() for a in tensors), one])
    dist.all_reduce(message)  # now the sum over all workers, in all workers
    mean = message[:-1] / message[-1]
    for a, values in zip(tensors, mean.split([a.numel() for a in tensors]), strict=True):
        a.copy_(values.view_as(a))


def gradients(model: nn.Module) -> list[torch.Tensor]:
    """Return the gradients that ``backward`` has left."""
    return [p.grad for p in model.parameters() if p.grad is not None]


def train_by_hand(model: nn.Module, parts: Parts, lr: float) -> None:
    """Take the gradient of the whole minibatch: the mean of the workers' gradients, weighted by their items.

    Parameters
    ----------
    model : torch.nn.Module
        With the same parameters in every worker. Changed in place.
    parts : iterable of (inputs, classes)
        Of this worker. All workers must have the same number of them.
    lr : float
        Learning rate.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for x, y in parts:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        average(gradients(model), weight=len(y))
        optimizer.step()


def train_mean_of_means(model: nn.Module, parts: Parts, lr: float) -> None:
    """Make the mistake of counting all workers alike, however few items one has.

    Parameters as in :func:`train_by_hand`.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for x, y in parts:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        average(gradients(model), weight=1)
        optimizer.step()


def train_locally(model: nn.Module, parts: Parts, lr: float, every: int = 1) -> None:
    """Let each worker step by its own gradient, and average the *parameters* after ``every`` steps: local SGD.

    Parameters as in :func:`train_by_hand`. A last, incomplete round of steps is averaged too.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    items = 0
    for step, (x, y) in enumerate(parts, 1):
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        items += len(y)
        if step % every == 0:
            average(model.parameters(), weight=items)
            items = 0
    if items:
        average(model.parameters(), weight=items)


def train_with_ddp(model: nn.Module, parts: Parts, lr: float) -> None:
    """Leave it to torch: ``backward`` averages the gradients.

    Parameters as in :func:`train_by_hand`.
    """
    copy = DistributedDataParallel(model)  # all get the parameters of worker 0
    optimizer = torch.optim.SGD(copy.parameters(), lr=lr)
    for x, y in parts:
        optimizer.zero_grad()
        loss = cross_entropy(copy(x), y)
        loss.backward()  # leaves the mean of the workers' gradients: equal weights
        optimizer.step()


METHODS: dict[str, Callable[..., None]] = {
    "by-hand": train_by_hand,
    "mean-of-means": train_mean_of_means,
    "local": train_locally,
    "ddp": train_with_ddp,
}


def split(batch: np.ndarray, shares: Sequence[int]) -> list[np.ndarray]:
    """Return the minibatch in consecutive parts whose sizes go as ``shares``, one for each worker.

    Parameters
    ----------
    batch : array, shape (B,)
    shares : sequence of int
        Positive: (3, 1) gives the first worker three quarters.

    Raises
    ------
    TypeError, ValueError
        If a share is no positive integer, or a worker would get no item.
    """
    for share in shares:
        require_count("shares", share)
    ends = np.cumsum(shares) * len(batch) // sum(shares)
    parts = np.split(batch, ends[:-1])
    if not all(map(len, parts)):
        raise ValueError(f"shares must leave an item to every worker, got {tuple(shares)} of {len(batch)} items")
    return parts


def problem(seed: int = 0) -> tuple[MLP, torch.Tensor, torch.Tensor]:
    """Return what the script trains: a network 784–32–10 in float64, and the 5,000 digits with their classes.

    Parameters
    ----------
    seed : int, default 0
        Of the network's first parameters.
    """
    data = digits()
    torch.manual_seed(seed)
    x = torch.tensor(data.images / 255).flatten(1)
    return MLP((784, 32, 10)).double(), x, torch.tensor(data.labels)


def ring_all_reduce(vectors: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Sum the vectors of K workers that stand in a ring, each of which sends only to its neighbour.

    Each vector is cut into K pieces, and in every round each worker sends one piece on. In the first K - 1 rounds what
    comes is added to what is there; then piece k + 1 is complete at worker k. In K - 1 more rounds it goes round as it
    is. So each worker sends 2(K - 1)/K of a vector.

    Parameters
    ----------
    vectors : array_like, shape (K, d)
        One row a worker.

    Returns
    -------
    states : array, shape (2K - 1, K, d)
        What the workers hold at the start and after each round; in the last, every row is the sum.
    sent : array of integers, shape (K,)
        How many numbers each worker has sent.

    Raises
    ------
    ValueError
        If ``vectors`` is no matrix, or has no row.

    References
    ----------
    Patarasuk & Yuan (2009), *Bandwidth optimal all-reduce algorithms for clusters of workstations*.
    """
    held = np.array(vectors, dtype=float)
    if held.ndim != 2 or not len(held):
        raise ValueError(f"vectors must have shape (K, d), got {held.shape}")
    K = len(held)
    pieces = np.array_split(np.arange(held.shape[1]), K)
    states, sent = [held.copy()], np.zeros(K, dtype=int)
    for r in range(2 * (K - 1)):
        for k in range(K):
            piece, neighbour = pieces[(k - r) % K], (k + 1) % K
            message = held[k, piece]  # another piece than the one that k receives now
            if r < K - 1:
                message = message + held[neighbour, piece]
            held[neighbour, piece] = message
            sent[k] += len(piece)
        states.append(held.copy())
    return np.array(states), sent


def launch(
    *arguments: object, workers: int = 2, timeout: float = 120.0, script: str | os.PathLike[str] | None = None
) -> str:
    """Start this script under ``torchrun`` on this machine, wait for it, and return what it prints.

    The processes find one another through a free port of 127.0.0.1; no other network is needed. None of them outlives
    the call.

    Parameters
    ----------
    *arguments : object
        Of the script, in their order, such as ``"by-hand", "--steps", 100``.
    workers : int, default 2
        Processes to start.
    timeout : float, default 120.0
        Seconds after which they are ended.
    script : path, optional
        File of another script, to be started in place of this one.

    Raises
    ------
    TypeError, ValueError
        If ``workers`` or ``timeout`` is not a positive number.
    RuntimeError
        If a worker fails, with what it said.
    TimeoutError
        If they have not finished in time.
    """
    require_count("workers", workers)
    require_positive("timeout", timeout)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    program = ["-m", "gdcourse.distributed"] if script is None else [os.fspath(script)]
    command += [f"--nproc-per-node={workers}", *program, *map(str, arguments)]
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        "OMP_NUM_THREADS": "1",
        **_loopback(),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
    }
    # A session of its own, so that the workers can be ended together with the process that started them.
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        printed, complaint = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{workers} workers had not finished after {timeout:g} s") from None
    finally:
        _end(process)
    if process.returncode:
        raise RuntimeError(f"a worker failed:\n{_first_failure(complaint)}")
    return printed


def _loopback() -> dict[str, str]:
    """Return the setting by which gloo uses the interface of 127.0.0.1, where its name is known."""
    names = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    found = [name for name in ("lo", "lo0") if name in names]
    return {"GLOO_SOCKET_IFNAME": found[0]} if found else {}


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and all that it has started: torchrun passes SIGTERM on, and after 30 s it kills its workers."""
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=45)
        except subprocess.TimeoutExpired:
            process.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _first_failure(complaint: str) -> str:
    """Return what the workers said, without the report of torchrun that follows."""
    said = re.split(r"^[EW]\d{4} .*(?:elastic|torch/distributed)", complaint, maxsplit=1, flags=re.MULTILINE)[0].strip()
    return "\n".join((said or complaint.strip()).splitlines()[-20:])


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gdcourse.distributed", description="Train on the digits, data-parallel.")
    parser.add_argument("methods", nargs="+", choices=[*METHODS], help="how; several are run one after the other")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=64, help="items of all workers together")
    parser.add_argument("--shares", nargs="+", help="of the workers in each minibatch, such as 1:1 3:1; default: equal")
    parser.add_argument("--lr", type=float, default=0.5)
    parser.add_argument("--every", type=int, nargs="+", default=[1], help="local steps between averages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="file for the final parameters, a vector for each method")
    return parser.parse_args(words)


def _sizes(shares: str, workers: int) -> list[int]:
    """Return the numbers in shares such as "3:1"."""
    sizes = [int(share) if share.isdigit() else 0 for share in shares.split(":")]
    if len(sizes) != workers or not all(sizes):
        raise SystemExit(f"--shares must be {workers} positive integers, such as 3:1 for two workers, got {shares}")
    return sizes


def main(words: Sequence[str] | None = None) -> None:
    """Train by each method named, in this process as one of the workers that ``torchrun`` has started."""
    options = _arguments(words)
    if "RANK" not in os.environ:
        raise SystemExit("start me with: torchrun --standalone --nproc-per-node 2 -m gdcourse.distributed ...")
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    rank, workers = dist.get_rank(), dist.get_world_size()
    found = {}
    for shares in options.shares or [":".join(["1"] * workers)]:
        sizes = _sizes(shares, workers)
        for method, every in ((m, h) for m in options.methods for h in (options.every if m == "local" else [1])):
            model, x, y = problem(options.seed)
            batches = islice(
                minibatches(len(y), options.batch_size, np.random.default_rng(options.seed)), options.steps
            )
            mine = (split(batch, sizes)[rank] for batch in batches)
            more = {"every": every} if method == "local" else {}
            METHODS[method](model, ((x[items], y[items]) for items in mine), options.lr, **more)
            name = f"{method}/{every}" if method == "local" else method
            found[name, shares] = nn.utils.parameters_to_vector(model.parameters()).detach()
            with torch.no_grad():
                loss = cross_entropy(model(x), y).item()
            if rank == 0:
                print(f"{name:<13} shares {shares}, loss after {options.steps} steps: {loss:.4f}", flush=True)
    if rank == 0 and options.save:
        torch.save(found, options.save)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
