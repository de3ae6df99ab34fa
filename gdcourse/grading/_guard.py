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
        What the checks use.
    aliases
        What the notebook's imports call what the checks use: of each name, the module, and what of it ("" for itself).
    used
        Built-in functions that the checks call.
    shell
        IPython's shell.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        modules: list[str],
        aliases: dict[str, tuple[str, str]],
        used: list[str],
        shell: object,
    ) -> None:
        self.namespace, self.used, self.shell = namespace, used, shell
        self.names: set[str] = set()
        self.seen: dict[tuple[str, str], list[object]] = {}
        self.changed: set[str] = set()
        self.homes: dict[str, Any] = {}
        self.below: dict[str, set[str]] = {}
        for name in modules:
            with contextlib.suppress(ImportError):
                self.homes[name] = importlib.import_module(name)
        # The course's own modules, and what they use in their turn.
        self.ours = [name for name in self.homes if name.partition(".")[0] == "gdcourse"]
        for name in self.ours:
            for value in list(vars(self.homes[name]).values()):
                if isinstance(value, types.ModuleType):
                    self.homes.setdefault(value.__name__, value)
        self.aliases = {}
        for alias, (module, part) in aliases.items():
            with contextlib.suppress(ImportError, AttributeError):
                home = importlib.import_module(module)
                self.aliases[alias] = getattr(home, part) if part else home
        self.look()

    def spaces(self) -> list[tuple[str, dict[str, Any]]]:
        """List what is watched: the name of each place, and what it holds."""
        for root in {name.partition(".")[0] for name in self.homes}:
            for below in ("", ".testing", ".linalg", ".overrides", ".autograd", ".nn.functional"):
                if root + below in sys.modules:
                    self.homes.setdefault(root + below, sys.modules[root + below])
        found = [("builtins", vars(builtins))]
        found += [(name, vars(home)) for name, home in sorted(self.homes.items()) if name not in LIVELY]
        found += [(f"IPython's {kind.__name__}", dict(vars(kind))) for kind in type(self.shell).__mro__[:-1]]
        hooks = ("CustomTB", "custom_exceptions", "_showtraceback", "showtraceback", "run_cell", "run_cell_async")
        found += [("IPython's shell", {name: getattr(self.shell, name, None) for name in hooks})]
        kinds = {value: None for name in self.ours for value in vars(self.homes[name]).values()
                 if isinstance(value, type)}  # fmt: skip
        if "unittest.mock" in self.homes:
            mock = self.homes["unittest.mock"]
            kinds[mock._patch] = None
            found += [("patch of unittest.mock", dict(vars(mock.patch)))]
        if "torch" in self.homes:
            kinds[self.homes["torch"].Tensor] = None
        for base in dict.fromkeys(base for kind in kinds for base in kind.__mro__[:-1]):
            place = f"{base.__module__}.{base.__qualname__}"
            found += [(place, dict(vars(base)))]
            # A new method may take the place of an inherited one.
            self.below[place] = {name for other in base.__mro__[1:-1] for name in vars(other)}
        found += [("the notebook", {name: self.namespace[name] for name in self.names if name in self.namespace})]
        return found

    @staticmethod
    def essence(value: object) -> list[object]:
        """Return all that makes a function the one it is."""
        parts: list[object] = []
        for _ in range(4):
            if isinstance(value, types.MethodType | staticmethod | classmethod):  # methods are made anew when asked for
                value = value.__func__
            parts.append(value)
            if isinstance(value, types.FunctionType):
                keywords = (value.__kwdefaults__ or {}).values()
                parts += [value.__code__, value.__defaults__, *keywords]
                for cell in value.__closure__ or ():
                    with contextlib.suppress(ValueError):  # it is empty
                        parts += [cell.cell_contents] if callable(cell.cell_contents) else []
                value = vars(value).get("__wrapped__")
            elif type(value).__name__ == "_ArrayFunctionDispatcher":  # NumPy's functions
                value = getattr(value, "_implementation", None)
            else:
                break
            if value is None:
                break
        return parts

    def same(self, place: str, name: str, old: list[object], new: list[object]) -> bool:
        """Whether it is what it was, or a library has replaced it: torch wraps some when a part is first used."""
        if len(old) == len(new) and all(a is b for a, b in zip(old, new, strict=True)):
            return True
        was, now = old[0], new[0]
        if was is now or place in ("builtins", *self.ours):
            return False
        if place == "the notebook":  # a cell that stands there twice
            if not (isinstance(was, types.FunctionType) and isinstance(now, types.FunctionType)):
                return False
            return old[1:] == new[1:] and was.__globals__ is now.__globals__
        if isinstance(was, type) and isinstance(now, type):  # torch.Storage is another with each default dtype
            return any(now is known[0] for (where, _), known in self.seen.items() if where == place)
        if not isinstance(now, types.FunctionType):
            return False
        return now.__name__ == name and now.__code__.co_filename.startswith((sys.prefix, sys.base_prefix))

    def look(self) -> None:
        """Remember what was not there before."""
        for place, space in self.spaces():
            for name, value in list(space.items()):
                if _counts(value):
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
            for name, value in list(space.items()):
                if (place, name) in self.seen:
                    good = self.same(place, name, self.seen[place, name], self.essence(value))
                else:  # what is new may hide something
                    hides = name in self.below.get(place, ()) or (place in self.ours and hasattr(builtins, name))
                    good = not (hides and _counts(value)) or self.same(place, name, [None], self.essence(value))
                if not good:
                    self.changed.add(f"{name} of {place}" if place != "the notebook" else name)
        for name, value in self.aliases.items():
            if self.namespace.get(name, value) is not value:
                self.changed.add(name)
        for name in self.used:
            own = self.namespace.get(name)
            if callable(own) and getattr(own, "__module__", None) == "__main__":
                self.changed.add(f"the built-in function {name}")
        if "torch.overrides" in sys.modules:
            for mode in sys.modules["torch.overrides"]._get_current_function_mode_stack():
                if type(mode).__module__.partition(".")[0] != "torch":
                    self.changed.add(f"{type(mode).__name__} over all of torch")
        return ", ".join(sorted(self.changed)[:5])


def _counts(value: object) -> bool:
    return callable(value) or isinstance(value, types.ModuleType | staticmethod | classmethod | property)
