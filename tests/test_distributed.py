"""Real processes, started by torchrun, train as one does; and the ring of the chapter sums as NumPy does."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy

import gdcourse as gd
from gdcourse import distributed

STEPS, B, LR, SEED = 7, 20, 0.5, 3
DEALS = {"1:1": (10, 10), "3:1": (15, 5)}


def vector(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def minibatches(seed: int = SEED) -> Iterator[np.ndarray]:
    return islice(gd.minibatches(5000, B, np.random.default_rng(seed)), STEPS)


def step(model: nn.Module, loss: torch.Tensor) -> None:
    grads = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), grads, strict=True):
            p -= LR * g


def alone(weights: Callable[[np.ndarray], torch.Tensor]) -> torch.Tensor:
    """Train in this process alone, on the sum of the items' losses with these weights."""
    model, x, y = distributed.problem(SEED)
    for batch in minibatches():
        loss = (cross_entropy(model(x[batch]), y[batch], reduction="none") * weights(batch)).sum()
        step(model, loss)
    return vector(model)


def of_the_batch(batch: np.ndarray) -> torch.Tensor:
    return torch.full((B,), 1 / B, dtype=torch.float64)


def of_the_parts(deal: tuple[int, ...]) -> Callable[[np.ndarray], torch.Tensor]:
    """Return the weights of items whose parts count alike."""
    return lambda batch: torch.cat([torch.full((n,), 1 / (len(deal) * n), dtype=torch.float64) for n in deal])


def by_turns(deal: tuple[int, ...], every: int) -> torch.Tensor:
    """Play local SGD in one process: a copy of the network for each worker."""
    models = [distributed.problem(SEED)[0] for _ in deal]
    _, x, y = distributed.problem(SEED)
    batches = list(minibatches())
    for first in range(0, STEPS, every):
        for k, model in enumerate(models):
            for batch in batches[first : first + every]:
                mine = np.split(batch, np.cumsum(deal)[:-1])[k]
                step(model, cross_entropy(model(x[mine]), y[mine]))
        mean = sum(n / B * vector(model) for n, model in zip(deal, models, strict=True))
        for model in models:
            nn.utils.vector_to_parameters(mean.clone(), model.parameters())  # they become views of it
    return vector(models[0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[Any, torch.Tensor], str]:
    """Return what two workers found, by every method and with both deals, and what they printed: one start for all."""
    file = tmp_path_factory.mktemp("workers") / "parameters.pt"
    options = ("--steps", STEPS, "--batch-size", B, "--lr", LR, "--seed", SEED, "--every", 1, 3, "--save", file)
    printed = distributed.launch(*distributed.METHODS, "--shares", *DEALS, *options)
    return torch.load(file), printed


@pytest.mark.parametrize("deal", DEALS)
@pytest.mark.parametrize("method", ["by-hand", "local/1"])
def test_two_processes_are_as_one_however_the_items_are_dealt(trained: Any, method: str, deal: str) -> None:
    torch.testing.assert_close(trained[0][method, deal], alone(of_the_batch), rtol=0, atol=1e-13)


@pytest.mark.parametrize("method", ["mean-of-means", "ddp"])
def test_the_mean_of_means_is_as_one_for_equal_parts_only(trained: Any, method: str) -> None:
    found, one = trained[0], alone(of_the_batch)
    torch.testing.assert_close(found[method, "1:1"], one, rtol=0, atol=1e-13)
    assert (found[method, "3:1"] - one).norm() > 0.01 * one.norm()
    torch.testing.assert_close(found[method, "3:1"], alone(of_the_parts(DEALS["3:1"])), rtol=0, atol=1e-13)


@pytest.mark.parametrize("deal", DEALS)
def test_local_steps_are_averaged_every_so_often_and_at_the_end(trained: Any, deal: str) -> None:
    torch.testing.assert_close(trained[0]["local/3", deal], by_turns(DEALS[deal], 3), rtol=0, atol=1e-13)


def test_only_one_worker_reports(trained: Any) -> None:
    lines = trained[1].splitlines()
    assert [tuple(re.split(r" +shares |,", line)[:2]) for line in lines] == list(trained[0])
    model, x, y = distributed.problem()
    nn.utils.vector_to_parameters(trained[0]["by-hand", "1:1"], model.parameters())
    assert lines[0].endswith(f"after {STEPS} steps: {cross_entropy(model(x), y).item():.4f}")


def alive(script: Path) -> list[str]:
    """Return the processes that run the script, when five seconds have passed or none is left."""
    found, end = [str(script)], time.monotonic() + 5
    while found and time.monotonic() < end:
        time.sleep(0.1)
        found = []
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # gone meanwhile
                found.append(process.read_bytes().decode())
        found = [line for line in found if str(script) in line]
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_a_worker_that_fails_ends_the_others_and_is_heard_without_the_noise_of_its_starter(tmp_path: Path) -> None:
    script = tmp_path / "failing.py"  # without torch, which takes seconds to import
    lines = "import os, sys, time", "sys.exit(sys.argv[1]) if os.environ['RANK'] == '1' else time.sleep(300)"
    script.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"^a worker failed:\nno more bread$"):
        distributed.launch("no more bread", script=script)
    assert alive(script) == []


def test_shares_that_do_not_fit_the_workers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    for wrong in ("0", "1:1", "half"):
        try:
            with pytest.raises(SystemExit, match=f"--shares must be 1 positive integers, such as .*, got {wrong}"):
                distributed.main(["by-hand", "--shares", wrong])
        finally:
            dist.destroy_process_group()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_no_process_outlives_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a starter that, as torchrun, ends the worker of another session when it is asked; but no other worker."""
    script, starter = tmp_path / "sleeper.py", tmp_path / "starter"
    script.write_text(f"import sys, time\nopen({str(tmp_path)!r} + sys.argv[1], 'w')\ntime.sleep(300)\n")
    starter.write_text(
        f"#!{sys.executable} -IS\n"
        "import signal, subprocess, sys\n"
        "start = lambda k, **more: subprocess.Popen([sys.executable, sys.argv[-1], k], **more)\n"
        "first = start('/0', start_new_session=True)\n"
        "start('/1', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "signal.signal(signal.SIGTERM, lambda *_: [first.terminate(), sys.exit()])\n"
        "signal.pause()\n"
    )
    starter.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(starter))
    with pytest.raises(TimeoutError, match=r"2 workers had not finished after 4 s"):
        distributed.launch(script=script, timeout=4)
    assert {file.name for file in tmp_path.iterdir()} >= {"0", "1"}  # they had started
    assert alive(script) == []


def test_the_mean_over_one_worker_is_its_own() -> None:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        tensors = [torch.arange(6.0).reshape(2, 3).T, torch.ones(())]
        before = [t.clone() for t in tensors]
        distributed.average(tensors, weight=7)
    finally:
        dist.destroy_process_group()
    torch.testing.assert_close(tensors, before)


@pytest.mark.parametrize("K", [1, 2, 3, 7])
@pytest.mark.parametrize("d", [1, 6, 84])
def test_the_ring_sums_and_sends_a_piece_in_every_round(K: int, d: int) -> None:
    vectors = np.random.default_rng(K).integers(-50, 50, (K, d)).astype(float)
    kept = vectors.copy()
    states, sent = distributed.ring_all_reduce(vectors)
    np.testing.assert_array_equal(vectors, kept)
    assert states.shape == (2 * K - 1, K, d)
    np.testing.assert_array_equal(states[0], vectors)
    np.testing.assert_array_equal(states[-1], np.tile(vectors.sum(axis=0), (K, 1)))
    if d % K == 0:
        np.testing.assert_array_equal(sent, 2 * (K - 1) * d // K)
        changed = np.diff(distributed.ring_all_reduce(np.ones((K, d)))[0], axis=0) != 0
        assert (changed.sum(axis=2) == d // K).all()  # in each round every worker receives one piece


def test_after_half_of_the_rounds_each_worker_has_the_next_piece_complete() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 20))
    half = distributed.ring_all_reduce(vectors)[0][4]
    for k in range(5):
        complete = np.isclose(half[k], vectors.sum(axis=0), rtol=0, atol=1e-12).reshape(5, 4)
        np.testing.assert_array_equal(complete, np.repeat(np.arange(5) == (k + 1) % 5, 4).reshape(5, 4))


def test_a_neighbour_hears_only_from_its_left() -> None:
    """What worker 0 alone holds has come to worker r at most after r rounds."""
    states, _ = distributed.ring_all_reduce([[1.0] * 6] + [[0.0] * 6] * 5)
    for r, held in enumerate(states[:6]):
        assert (held[r + 1 :] == 0).all()


def test_a_ring_wants_one_row_a_worker() -> None:
    for wrong in ([1.0, 2.0], np.zeros((0, 3))):
        with pytest.raises(ValueError, match=r"vectors must have shape \(K, d\), got"):
            distributed.ring_all_reduce(wrong)


@pytest.mark.parametrize(("size", "shares", "sizes"), [(64, (3, 1), [48, 16]), (10, (1, 1, 1), [3, 3, 4])])
def test_a_minibatch_is_dealt_in_order_and_to_the_last_item(size: int, shares: tuple, sizes: list) -> None:
    parts = distributed.split(np.arange(size), shares)
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(size))


def test_every_worker_needs_an_item() -> None:
    with pytest.raises(ValueError, match=r"shares must leave an item to every worker, got \(9, 1\) of 1 items"):
        distributed.split(np.arange(1), (9, 1))
    with pytest.raises(ValueError, match="shares must be at least 1, got 0"):
        distributed.split(np.arange(5), (1, 0))


def test_bad_arguments_of_launch_are_named() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        distributed.launch("by-hand", workers=0)
    with pytest.raises(ValueError, match="timeout must be greater than 0, got 0"):
        distributed.launch("by-hand", timeout=0)


def test_started_without_torchrun_it_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SystemExit, match="start me with: torchrun --standalone"):
        distributed.main(["by-hand"])
