"""The package as a whole: what an import costs, what it offers, and what its docstrings say."""

import ast
import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gdcourse as gd

ROOT = Path(__file__).parents[1]
RULES = [
    value
    for value in vars(gd).values()
    if inspect.isclass(value) and issubclass(value, gd.Optimizer) and value is not gd.Optimizer
]
OBJECTIVES = [
    value
    for name, value in vars(gd.objectives).items()
    if inspect.isclass(value) and issubclass(value, gd.objectives.Objective) and not name.startswith("_")
]


def test_import_loads_nothing_heavy() -> None:
    code = """
import sys
import gdcourse as gd
gd.descend(gd.objectives.Himmelblau(), [0.0, 0.0], gd.AdaBound(lr=gd.schedules.Cosine(0.1, 5)), 5)
heavy = {"torch", "matplotlib", "IPython", "scipy", "tqdm", "ipywidgets"}
heavy |= {"urllib.request", "concurrent.futures.process"}  # slow to load
print(*sorted(heavy & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_all_twelve_rules_are_there() -> None:
    assert {rule.__name__ for rule in RULES} >= {
        *("GradientDescent", "SignDescent", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "RMSPropNesterov"),
        *("Adadelta", "Adam", "AMSGrad", "AdamW", "AdaBound"),
    }


@pytest.mark.parametrize("name", gd.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(gd, name)
    assert inspect.getdoc(value)
    assert len(gd.__all__) == len(set(gd.__all__))


PUBLIC = [gd.data, gd.line_search, gd.losses, gd.objectives, gd.schedules, gd.tuning]


@pytest.mark.parametrize("module", PUBLIC, ids=lambda m: m.__name__)
def test_everything_in_a_public_module_is_documented(module: Any) -> None:
    for name, value in vars(module).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
            assert value.__doc__, name
            # A dataclass without a docstring is given its signature for one.
            assert not value.__doc__.startswith(f"{name}("), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gdcourse' has no attribute 'sgd'"):
        gd.sgd  # noqa: B018


def section(doc: str, title: str) -> str:
    """Return the body of one section of a numpydoc docstring."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", doc, flags=re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rules_docstring_has_its_formula_its_fields_and_its_source(rule: type) -> None:
    doc = inspect.cleandoc(rule.__doc__ or "")
    assert ".. math::" in doc
    assert r"\Delta\theta" in doc
    heads = [line for line in section(doc, "Parameters").splitlines() if line and not line.startswith(" ")]
    documented = [name.strip() for head in heads for name in head.split(" : ")[0].split(",")]
    assert documented == [field.name for field in dataclasses.fields(rule)]
    assert re.search(r"\((1[89]|20)\d\d\)", section(doc, "References"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_documented_default_is_the_default(rule: type) -> None:
    doc = inspect.cleandoc(rule.__doc__ or "")
    said = re.findall(r"^([\w, ]+) : .*defaults? (.+)$", section(doc, "Parameters"), flags=re.MULTILINE)
    for names, values in said:
        for name, value in zip(names.split(", "), values.split(" and "), strict=True):
            assert float(value) == getattr(rule(), name), name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_page_shows_a_rules_own_lines_without_the_docstring(rule: type) -> None:
    shown = repr(gd.show_source(rule))
    (tree,) = ast.parse(shown).body
    assert isinstance(tree, ast.ClassDef)
    assert (tree.name, ast.get_docstring(tree)) == (rule.__name__, None)
    lines = [line.strip() for line in inspect.getsource(rule).splitlines()]
    assert {line.strip() for line in shown.splitlines()} <= set(lines)
    own = {name for name, value in vars(rule).items() if inspect.isfunction(value) and not name.startswith("__")}
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} >= own & {
        "init",
        "update",
        "lookahead",
    }
    assert gd.show_source(rule)._repr_markdown_() == f"```python\n{shown}\n```"


def test_several_sources_are_shown_one_after_the_other() -> None:
    shown = repr(gd.show_source(gd.Momentum, gd.minibatches))
    assert shown.index("class Momentum") < shown.index("def minibatches")
    assert '"""' not in shown


def test_every_public_name_is_completed() -> None:
    assert set(gd.__all__) <= set(dir(gd))
