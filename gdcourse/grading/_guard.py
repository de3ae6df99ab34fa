"""Runs in the kernel of a hand-in: notices when the student's code replaces what the checks are made of.

The grader sends the text of this module to the kernel, under a name made up for each hand-in. It notices the usual
ways of tampering. Code that knows of it can undo it, for it lives in the same process.
"""

import builtins
import contextlib
import importlib
import sys
import types
from typing import Any

# Modules that are written to in the course of things.
LIVELY = {"sys", "warnings", "logging", "random"}


class Guard:
    """Remember functions and classes, and say later which of them are others now.

    Parameters
    ----------
    namespace
        Where the notebook's own names are.
    modules
        What the instructors' notebook imports.
    used
        Built-in functions that the checks call.
    shell
        IPython's shell.
    """

    def __init__(self, namespace: dict[str, Any], modules: list[str], used: list[str], shell: object) -> None:
        self.namespace, self.modules, self.used, self.shell = namespace, modules, used, shell
        self.names: set[str] = set()
        self.seen: dict[tuple[str, str], tuple[object, object]] = {}
        self.changed: set[str] = set()
        self.look()

    def spaces(self) -> list[tuple[str, dict[str, Any]]]:
        """List what is watched: the name of each place, and what it holds."""
        for name in self.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        roots = {name.partition(".")[0] for name in self.modules} - LIVELY
        wanted = (roots | set(self.modules)) - LIVELY
        below = ("testing", "linalg", "overrides", "autograd", "nn.functional", "exercises")
        wanted |= {f"{root}.{name}" for root in roots for name in below}
        found = [("builtins", vars(builtins))]
        found += [(name, vars(sys.modules[name])) for name in sorted(wanted) if name in sys.modules]
        found += [(f"IPython's {kind.__name__}", dict(vars(kind))) for kind in type(self.shell).__mro__[:-1]]
        hooks = ("CustomTB", "custom_exceptions", "_showtraceback", "showtraceback", "run_cell", "run_cell_async")
        found += [("IPython's shell", {name: getattr(self.shell, name, None) for name in hooks})]
        if "torch" in sys.modules:
            found += [("torch.Tensor", dict(vars(sys.modules["torch"].Tensor)))]
        found += [("the notebook", {name: self.namespace[name] for name in self.names if name in self.namespace})]
        return found

    @staticmethod
    def essence(value: object) -> tuple[object, object]:
        """Return what makes a function the one it is."""
        if isinstance(value, types.MethodType):  # made anew each time that it is asked for
            value = value.__func__
        return value, value.__code__ if isinstance(value, types.FunctionType) else None

    @staticmethod
    def own(place: str, name: str, value: object) -> bool:
        """Whether a library has replaced a function of its own: torch wraps some when a part of it is first used."""
        if place in ("builtins", "the notebook") or not isinstance(value, types.FunctionType):
            return False
        return value.__name__ == name and value.__code__.co_filename.startswith((sys.prefix, sys.base_prefix))

    def look(self) -> None:
        """Remember what was not there before."""
        for place, space in self.spaces():
            for name, value in list(space.items()):
                if callable(value) or isinstance(value, types.ModuleType):
                    self.seen.setdefault((place, name), self.essence(value))

    def record(self, names: list[str], trusted: bool) -> None:
        """Watch these names of the notebook too, as they are now, after a cell of the instructors.

        If the cell is `trusted` because it calls nothing of the student's, whatever it changed may be so.
        """
        self.names |= set(names)
        if trusted:
            self.seen.clear()
        for name in names:
            if name in self.namespace:
                self.seen["the notebook", name] = self.essence(self.namespace[name])
        self.look()

    def changes(self) -> str:
        """Name what was replaced since."""
        for place, space in self.spaces():
            for name in space:
                if (place, name) in self.seen:
                    old, new = self.seen[place, name], self.essence(space[name])
                    same = old[1] == new[1] and (old[0] is new[0] or new[1] is not None)
                    if not same and not self.own(place, name, new[0]):
                        self.changed.add(f"{name} of {place}" if place != "the notebook" else name)
        for name in self.used:
            own = self.namespace.get(name)
            if callable(own) and getattr(own, "__module__", None) == "__main__":
                self.changed.add(f"the built-in function {name}")
        return ", ".join(sorted(self.changed)[:5])
