"""Any rule of the course as an optimizer of PyTorch.

::

    optimizer = Optimizer(model.parameters(), gd.Adam(lr=1e-3))

The rule's own lines run on the tensors; what is here is the book-keeping that ``torch.optim`` expects.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from gdcourse.optimizers import Optimizer as Rule


class Optimizer(torch.optim.Optimizer):
    r"""A rule of :mod:`gdcourse.optimizers` that steps the parameters of a network.

    Each tensor of parameters is a θ of its own, with its own state. The rule's hyperparameters are the options of the
    parameter groups, by their names in the rule:

        Optimizer([{"params": body}, {"params": head, "lr": 1e-2}], gd.Adam(lr=1e-3))

    and all that works on groups works here: the schedulers of ``torch.optim.lr_scheduler``, ``add_param_group``,
    ``state_dict`` and ``load_state_dict``. A schedule of the course is one line more, since it is called as torch's
    ``LambdaLR`` calls its own: ``LambdaLR(Optimizer(parameters, gd.Adam(lr=1.0)), schedule)``.

    A rule that looks ahead (:class:`gdcourse.Nesterov`, :class:`gdcourse.RMSPropNesterov`) wants its gradient at
    another point φ than θ. The network then holds φ, as it does under ``torch.optim.SGD(nesterov=True)``, and θ is
    kept in the state, as ``state[parameter]["theta"]``.

    Parameters
    ----------
    params : iterable of tensors, of (name, tensor) pairs, or of dicts
        As for every optimizer of ``torch.optim``.
    rule : gdcourse.Optimizer
        With numbers as hyperparameters.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is none, has a schedule as its ``lr``, a parameter is complex, or a group has an option that the
        rule has not, or one out of its range.
    """

    def __init__(self, params: Any, rule: Rule) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"rule must be a rule such as gd.Adam(lr=0.001), got {rule!r}")
        if callable(rule.lr):
            raise TypeError(
                f"lr must be a number, got the schedule {rule.lr!r}: give lr=1.0, and the schedule to "
                "torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)"
            )
        self.rule = rule
        super().__init__(params, {"rule": type(rule).__name__, **rule.hyperparameters()})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, with the rule's hyperparameters where the group has none of its own.

        Raises
        ------
        TypeError, ValueError
            If it has an option that the rule has not, or one out of its range, or a complex parameter.
        """
        names = set(self.rule.hyperparameters())
        unknown = set(param_group) - names - {"params", "param_names", "name", "rule", "initial_lr"}
        if unknown:
            raise TypeError(
                f"the options of {type(self.rule).__name__} are {', '.join(sorted(names))}, "
                f"got also {', '.join(sorted(map(repr, unknown)))}"
            )
        replace(self.rule, **{name: value for name, value in param_group.items() if name in names})  # checks the ranges
        super().add_param_group(param_group)
        for parameter in param_group["params"]:
            if parameter.is_complex():
                raise TypeError(f"parameters must be real, got one of {parameter.dtype}")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that ``state_dict`` returned.

        Raises
        ------
        ValueError
            If it is that of another rule, or its groups are of other sizes.
        """
        rules = {group.get("rule") for group in state_dict["param_groups"]}
        if rules != {type(self.rule).__name__}:
            raise ValueError(
                f"state_dict must be that of {type(self.rule).__name__}, got that of {sorted(map(str, rules))}"
            )
        super().load_state_dict(state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with the gradients that ``backward`` has left. Parameters without one stay as they are.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients anew, and returns the loss.

        Returns
        -------
        What ``closure`` returns; None without it.

        Raises
        ------
        TypeError
            If a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rule = self._rule_of(group)
            for parameter in group["params"]:
                self._step_one(rule, parameter)
        return loss

    def _rule_of(self, group: dict[str, Any]) -> Rule:
        """Return the rule with the hyperparameters of a group."""
        return replace(self.rule, **{name: group[name] for name in self.rule.hyperparameters()})

    def _step_one(self, rule: Any, parameter: torch.Tensor) -> None:
        grad = parameter.grad
        if grad is None:
            return
        if grad.is_sparse:
            raise TypeError("gradients must be dense, got a sparse one (of an Embedding with sparse=True?)")
        memory = self.state[parameter]
        looks_ahead = type(rule).lookahead is not Rule.lookahead
        if memory:
            theta = memory["theta"] if looks_ahead else parameter
            state = rule.State(**{name: memory[name] for name in rule.State._fields})
        else:
            theta = parameter.clone() if looks_ahead else parameter
            state = rule.init(theta)
        delta, state = rule.update(grad, state, theta)
        theta += delta
        if state is not None:
            memory.update(state._asdict())
        if looks_ahead:
            memory["theta"] = theta
            parameter.copy_(rule.lookahead(state, theta))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rule": self.rule}  # for copies and pickles
