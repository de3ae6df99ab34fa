"""The training loop of Part V: minibatches, a model, an optimizer; a record of the run, and nothing lost on the way."""

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler, TensorDataset
from tqdm.auto import tqdm

from gdcourse import schedules
from gdcourse._checks import require_count

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

#: What a checkpoint may hold besides tensors and plain Python, so that torch reads it without running foreign code: a
#: schedule of the course inside another one, and NumPy's numbers, such as the learning rates of a sweep.
_KNOWN: list[Any] = [schedule for schedule in vars(schedules).values() if is_dataclass(schedule)]
_KNOWN += [np.dtype, type(np.dtype(float)), type(np.dtype(int)), np.float64(0).__reduce__()[0]]


def loader(
    inputs: Any,
    targets: Any,
    batch_size: int,
    seed: int | None = None,
) -> DataLoader[Any]:
    """Return minibatches of arrays held in memory.

    Parameters
    ----------
    inputs : array_like, shape (n, ...)
        Made float32; images of bytes are divided by 255.
    targets : array_like, shape (n,)
        Whole numbers stay whole (classes), others become float32.
    batch_size : int
        The last minibatch of an epoch is smaller where it does not divide n.
    seed : int, optional
        Reshuffle before each epoch, by a generator with this seed. Without it the order is that of the arrays.

    Returns
    -------
    torch.utils.data.DataLoader
        Its ``len`` is the number of minibatches of an epoch.

    Raises
    ------
    TypeError, ValueError
        If ``batch_size`` is no positive integer, or the numbers of inputs and targets differ.
    """
    require_count("batch_size", batch_size)
    x = torch.from_numpy(np.array(inputs))  # a copy
    y = torch.from_numpy(np.array(targets))
    if not len(x) == len(y) > 0:
        got = f"got {len(x)} and {len(y)}"
        raise ValueError(f"inputs and targets must be equally many, not empty, {got}")
    x = x.to(torch.float32) / 255 if x.dtype == torch.uint8 else x.to(torch.float32)
    y = y.to(torch.float32) if y.is_floating_point() else y.to(torch.int64)
    # In any case its own: without one, each pass draws from that of the process.
    generator = torch.Generator().manual_seed(0 if seed is None else seed)
    items = TensorDataset(x, y)
    order: Sampler[int] = SequentialSampler(items)
    if seed is not None:
        order = RandomSampler(items, generator=generator)
    # A list of indices is taken out of the arrays at once, not item by item.
    chosen = BatchSampler(order, batch_size, drop_last=False)
    return DataLoader(items, batch_size=None, sampler=chosen, generator=generator)


@dataclass
class History:
    """What :func:`fit` records.

    Attributes
    ----------
    loss : list of float
        Of each minibatch, before the step that it caused.
    test_loss, test_accuracy : list of float
        After each epoch, if there was a test set: mean loss, and share of items whose largest score is that of their
        class.
    ends : list of int
        How many minibatches there had been at the end of each complete epoch.
    """

    loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Complete passes over the data."""
        return len(self.ends)

    def epoch_loss(self) -> list[float]:
        """Return the mean minibatch loss of each complete epoch."""
        return [sum(self.loss[low:high]) / (high - low) for low, high in pairwise([0, *self.ends])]


class Diverged(FloatingPointError):
    """What :func:`fit` raises when the loss is no longer finite; ``history`` is the run's up to there."""

    history: History


def fit(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    *,
    loss: Loss = nn.functional.cross_entropy,
    scheduler: Any = None,
    test: Batches | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> History:
    """Train ``model``, wherever it lies, CPU or GPU.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    batches : iterable of (inputs, targets)
        One epoch's minibatches each time it is iterated over: a DataLoader, such as :func:`loader` makes.
    optimizer : torch.optim.Optimizer
        Of the model's parameters: torch's, or a rule of the course as :class:`gdcourse.torch_optimizer.Optimizer`.
    epochs : int
        Passes over the data, those of the checkpoint included.
    loss : callable, default ``torch.nn.functional.cross_entropy``
        Of scores and targets: the mean over the minibatch.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Stepped after every minibatch.
    test : iterable of (inputs, targets), optional
        Evaluated after every epoch.
    checkpoint : path, optional
        Written after every epoch: everything that the rest of the run depends on, the states of torch's random
        generators too (not of NumPy's: draw with torch's in a data set that draws). If the file is there already,
        training goes on where it ended, and ends as it would have without interruption.
    progress : bool, default False
        Show a progress bar, with the mean minibatch loss of the last epoch.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an epoch holds no minibatch.
    Diverged
        When the loss of a minibatch is no longer finite: a FloatingPointError that has what was recorded until then as
        its ``history``. The checkpoint is still that of the last complete epoch.
    """
    require_count("epochs", epochs, low=0)
    history = History()
    if checkpoint is not None and Path(checkpoint).exists():
        history = _resume(checkpoint, model, optimizer, scheduler, batches)
    device = next(model.parameters()).device
    done = history.epochs
    bar = tqdm(range(done, epochs), initial=done, total=epochs, disable=not progress)
    for _ in bar:
        model.train()
        before = len(history.loss)
        for inputs, targets in batches:
            optimizer.zero_grad()
            value = loss(model(inputs.to(device)), targets.to(device))
            if not torch.isfinite(value):
                what = f"the loss of step {len(history.loss) + 1} is {value.item()}"
                error = Diverged(f"{what}: try a lower lr")
                error.history = history
                raise error
            value.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            history.loss.append(value.item())
        if len(history.loss) == before:
            why = "got none (a generator can be read only once)"
            raise ValueError(f"batches must hold minibatches in every epoch, {why}")
        history.ends.append(len(history.loss))
        bar.set_postfix(loss=np.mean(history.loss[before:]))
        if test is not None:
            test_loss, accuracy = evaluate(model, test, loss=loss)
            history.test_loss.append(test_loss)
            history.test_accuracy.append(accuracy)
        if checkpoint is not None:
            _save(checkpoint, model, optimizer, scheduler, batches, history)
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Batches,
    *,
    loss: Loss = nn.functional.cross_entropy,
) -> tuple[float, float]:
    """Return the mean loss over all items, and the share of them that are classified rightly.

    Dropout and the like are switched off meanwhile. A model with one score for each item says class 1 where it is
    positive; one with K scores the class of the largest.

    Parameters
    ----------
    model : torch.nn.Module
    batches : iterable of (inputs, targets)
    loss : callable, default ``torch.nn.functional.cross_entropy``
        Of scores and targets: the mean over the minibatch.

    Raises
    ------
    ValueError
        If there are no items.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    total, right, items = 0.0, 0, 0
    for inputs, targets in batches:
        targets = targets.to(device)
        scores = model(inputs.to(device))
        guess = scores > 0 if scores.ndim == 1 else scores.argmax(dim=1)
        total += loss(scores, targets).item() * len(targets)
        right += int((guess == targets).sum())
        items += len(targets)
    model.train(training)
    if not items:
        raise ValueError("batches must hold at least one item, got none")
    return total / items, right / items


def _save(
    path: Any,
    model: nn.Module,
    optimizer: Any,
    scheduler: Any,
    batches: Any,
    history: History,
) -> None:
    """Write the checkpoint beside its place and move it there: a run killed meanwhile leaves the last one whole."""
    order = getattr(batches, "generator", None)
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "history": asdict(history),
        "random": torch.get_rng_state(),
        "random_cuda": gpus,
        "order": None if order is None else order.get_state(),
    }
    beside = Path(f"{os.fspath(path)}.part")
    torch.save(state, beside)
    os.replace(beside, path)


def _resume(path: Any, model: nn.Module, optimizer: Any, scheduler: Any, batches: Any) -> History:
    with torch.serialization.safe_globals(_KNOWN):
        state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if scheduler is not None:
        scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random"])
    if torch.cuda.is_available() and state["random_cuda"]:
        torch.cuda.set_rng_state_all(state["random_cuda"])
    if state["order"] is not None:
        batches.generator.set_state(state["order"])
    return History(**state["history"])
