"""What the tests of the rules share: the same gradients fed to a rule of ours and to an optimizer of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def walk(rule: Any, grads: Any, start: Any) -> list[tuple[Any, Any]]:
    """Feed gradients to a rule, and return θ and the state after each."""
    theta, state = start, rule.init(start)
    path = [(theta, state)]
    for t, grad in enumerate(grads, 1):
        delta, state = rule.at(t).update(grad, state, theta)
        theta = theta + delta
        path.append((theta, state))
    return path


def torch_walk(make: Callable, rule: Any, grads: np.ndarray, start: np.ndarray, schedule: Any = None) -> np.ndarray:
    """Feed gradients to the optimizer that ``make([parameter], rule)`` gives, and return θ after each."""
    p = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([p], rule)
    scheduler = schedule(optimizer) if schedule else None
    path = [start]
    for grad in grads:
        p.grad = torch.tensor(grad)
        optimizer.step()
        if scheduler:
            scheduler.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)
