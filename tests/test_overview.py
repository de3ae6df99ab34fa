"""The table of all rules: its formulas are what the rules compute, torch steps alike, and its counts are right."""

import dataclasses
import inspect
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rule_support import torch_walk, walk

import gdcourse as gd
from gdcourse import overview
from gdcourse.quasi_newton import BFGS, LBFGS
from gdcourse.second_order import Newton

PAGE = Path(__file__).parents[1] / "book" / "appendix" / "rules.ipynb"
RULES = {
    name: rule
    for name, rule in vars(gd).items()
    if inspect.isclass(rule) and issubclass(rule, gd.Optimizer) and rule is not gd.Optimizer
}
ALL = {**RULES, "Newton": Newton, "BFGS": BFGS, "LBFGS": LBFGS}
RNG = np.random.default_rng(0)
GRADS = RNG.normal(size=(8, 4)) * [0.1, 1.0, 3.0, 1.0]
OTHER = {"lr": 0.03, "beta": 0.6, "beta1": 0.7, "beta2": 0.8, "rho": 0.75, "eps": 0.01, "weight_decay": 0.3}
OTHER |= {"final_lr": 0.05, "gamma": 0.2, "momentum_decay": 0.5}


def with_other_settings(rule: type) -> Any:
    """Return a rule with settings that are nobody's defaults."""
    return rule(**{field.name: OTHER[field.name] for field in dataclasses.fields(rule) if field.name in OTHER})


# A reader of the formulas, no more than they need: sums, products without a sign, quotients, powers, a few functions.

TOKEN = re.compile(r"\\[a-zA-Z]+|\d+\.?\d*|[a-zA-Z]|[-+/^_{}(),=]")
SPACING = re.compile(r"\\(?:,|;|!|quad|[bB]igg?[lr]?(?![a-z])|left|right)")
FUNCTIONS = {"sign": np.sign, "clip": np.clip, "max": np.maximum}
SYMBOLS = {
    **{r"\eta": "lr", r"\varepsilon": "eps", r"\lambda": "weight_decay", r"\eta^\star": "final_lr"},
    **{r"\psi": "momentum_decay", r"\beta_1": "beta1", r"\beta_2": "beta2"},
}


class Reader:
    def __init__(self, tex: str, values: dict[str, Any]) -> None:
        tex = tex.replace(r"\eta^\star", r"\last ").replace(r"\tfrac12", "0.5 ").replace(r"\Delta\theta", r"\step ")
        self.tokens = TOKEN.findall(SPACING.sub(" ", re.sub(r"\\prod_\{i=1\}\^", r"\\product_", tex)))
        self.values = values

    def next(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, (token, expected, self.tokens)
        return token

    def starts(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def sum(self) -> Any:
        total = 0.0
        sign = -1 if self.starts("-") and self.next() else 1
        while True:
            total = total + sign * self.product()
            if not self.starts("+", "-"):
                return total
            sign = 1 if self.next() == "+" else -1

    def product(self) -> Any:
        result = self.power()
        while self.tokens and not self.starts("+", "-", ")", "}", ",", "="):
            if self.starts("/"):
                self.next()
                result = result / self.power()
            else:
                result = result * self.power()
        return result

    def power(self) -> Any:
        base = self.atom()
        if self.starts("^"):
            self.next()
            return base ** self.group()
        return base

    def group(self) -> Any:
        if not self.starts("{"):
            return self.atom()
        self.next()
        value = self.sum()
        self.next("}")
        return value

    def arguments(self) -> list[Any]:
        self.next("(")
        values = [self.sum()]
        while self.next(",", ")") == ",":
            values.append(self.sum())
        return values

    def atom(self) -> Any:
        if self.starts("("):
            return self.arguments()[0]
        token = self.next()
        if token[0].isdigit():
            return float(token)
        if token == r"\frac":
            return self.group() / self.group()
        if token == r"\sqrt":
            return np.sqrt(self.group())
        if token == r"\operatorname":
            return FUNCTIONS[self.word()](*self.arguments())
        if token == r"\max":
            return np.maximum(*self.arguments())
        return self.values[self.symbol(token)]

    def word(self) -> str:
        self.next("{")
        letters = ""
        while not self.starts("}"):
            letters += self.next()
        self.next()
        return letters

    def symbol(self, token: str) -> str:
        name = token + " " + self.next() if token in (r"\hat", r"\bar") else token
        if self.starts("_"):
            self.next()
            name += "_" + (self.word() if self.starts("{") else self.next())
        if name.startswith(r"\product"):  # of μ_i, which stands behind it
            assert (self.next(), self.next(), self.next()) == (r"\mu", "_", "i")
        return name


def read(formula: str, values: dict[str, Any]) -> None:
    """Compute one formula, and put the result where its left side says."""
    reader = Reader(formula, values)
    name = reader.symbol(reader.next())
    reader.next("=")
    values[name] = reader.sum()
    assert not reader.tokens


def path_of_the_formulas(rule: Any, start: np.ndarray) -> list[np.ndarray]:
    """Walk by the formulas that the page shows, in whatever order they stand."""
    settings = {name: getattr(rule, name) for name in rule.hyperparameters()}
    constants = {r"\eta": settings.pop("lr"), r"\last": settings.pop("final_lr", None)}
    named = {tex: settings[name] for tex, name in SYMBOLS.items() if name in settings}
    constants |= {f"\\{name}": value for name, value in settings.items()} | named
    lines = overview.formulas(type(rule))
    if isinstance(rule, gd.optimizers.Adam):
        own = {line.split(" = ")[0] for line in lines}
        lines += [line for line in overview.formulas(gd.Adam) if line.split(" = ")[0] not in own]
    lines = [line for line in lines if r"\nabla" not in line and not line.startswith(r"\operatorname")]
    theta, path, memory = start, [start], dict.fromkeys(["v", "s", "u", "m"], np.zeros_like(start))
    for t, g in enumerate(GRADS, 1):
        values = {**constants, "t": t, "g_t": g, r"\theta_t-1": theta}
        values |= {f"{name}_t-1": value for name, value in memory.items()}
        if isinstance(rule, gd.NAdam):
            mu = [next(line for line in lines if line.startswith(r"\mu_t ="))] * (t + 1)
            each = []
            for i, line in enumerate(mu, 1):
                there = {**constants, "t": i}
                read(line, there)
                each.append(there[r"\mu_t"])
            values |= {r"\mu_t+1": each[t], r"\product_t": math.prod(each[:t]), r"\product_t+1": math.prod(each)}
        waiting = list(lines)
        while waiting:
            left = []
            for line in waiting:
                formula, _, condition = line.partition(r"\quad\text{")
                if condition and (condition[:2] == "if") != (values.get(r"\rho_t", 0) > 5):
                    continue
                if "otherwise" in condition and r"\rho_t" not in values:
                    left.append(line)
                    continue
                try:
                    with np.errstate(all="ignore"):  # r_t where it is not used
                        read(formula, values)
                except KeyError:
                    left.append(line)
            assert len(left) < len(waiting), left
            waiting = left
        memory = {name: values.get(f"{name}_t", 0) for name in memory}
        theta = theta + values[r"\step"]
        path.append(theta)
    return path


@pytest.mark.parametrize("name", sorted(RULES.keys() - {"Muon"}))
def test_the_formulas_are_what_the_rule_computes(name: str) -> None:
    rule = with_other_settings(RULES[name])
    start = np.array([1.0, -2.0, 0.5, 3.0])
    ours = [theta for theta, _ in walk(rule, GRADS, start)]
    np.testing.assert_allclose(path_of_the_formulas(rule, start), ours, rtol=1e-12)


def test_a_line_of_a_formula_fits_its_column() -> None:
    assert all(1 <= len(overview.formulas(rule)) <= 6 for rule in ALL.values())
    assert overview.formulas(gd.Momentum) == [r"v_t = \beta v_{t-1} + g_t", r"\Delta\theta = -\eta\, v_t"]


# A rule that looks ahead is torch's seen from another point, and Muon is held against torch in tests of its own.
@pytest.mark.parametrize("name", sorted(overview.TORCH.keys() - {"Nesterov", "Muon", "LBFGS"}))
def test_torchs_counterpart_steps_alike(name: str) -> None:
    rule = with_other_settings(ALL[name])
    counterpart = overview.TORCH[name]
    start = np.ones(4)

    def make(parameters: list, rule: Any) -> torch.optim.Optimizer:
        return getattr(torch.optim, counterpart.name)(parameters, **counterpart.arguments(rule))

    ours = [theta for theta, _ in walk(rule, GRADS, start)]
    np.testing.assert_allclose(torch_walk(make, rule, GRADS, start), ours, rtol=1e-8)  # NAdam's μ: float32


@pytest.mark.parametrize("name", overview.TORCH)
def test_torch_has_every_name_that_the_page_gives_it(name: str) -> None:
    counterpart = overview.TORCH[name]
    theirs = counterpart.signature()
    assert {*counterpart.names.values(), *counterpart.options, *counterpart.mind} <= theirs.keys()
    assert counterpart.names.keys() <= overview.defaults(ALL[name]).keys()


def test_differences_from_torch() -> None:
    assert overview.differences(gd.Adam) == overview.differences(gd.AdamW) == []
    assert overview.differences(gd.Momentum) == ["`beta` is `momentum=0`"]
    assert overview.differences(gd.RMSProp) == ["`rho` is `alpha`"]
    assert overview.differences(LBFGS)[0] == "`memory` is `history_size=100`"


def test_state_and_operations_counted_by_hand() -> None:
    assert overview.state_arrays(gd.GradientDescent()) == {}
    assert overview.state_arrays(gd.AMSGrad()) == {"v": 1, "s": 1, "s_max": 1}
    assert overview.state_arrays(gd.Muon(), 8) == {"v": 1}
    assert overview.state_arrays(BFGS(), 20) == {"G": 20, "theta": 1, "grad": 1}
    assert overview.state_arrays(LBFGS(memory=3)) == {"s": 3, "y": 3, "theta": 1, "grad": 1}
    for rule, each in {
        gd.GradientDescent: 2,  # −ηg; θ + Δθ
        gd.Momentum: 4,  # βv, + g; −ηv; θ + Δθ
        gd.Nesterov: 6,  # and θ − ηβv
        gd.AdaGrad: 7,  # g², s +; −ηg, √, + ε, /; θ + Δθ
        gd.Adam: 14,  # βv, (1 − β)g, +; βs, g², (1 − β)g², +; two corrections; √, + ε, −η, /; θ + Δθ
    }.items():
        assert overview.operations(rule(), 50) == 50 * each, rule
    # Each pair more: two products and two sums in either loop.
    more, less = (overview.operations(LBFGS(memory=m), 1000) for m in (6, 5))
    assert (more - less) / 1000 == pytest.approx(8, abs=0.1)
    with pytest.raises(TypeError):
        overview.operations(Newton(hessian=lambda theta: np.eye(5)), 5)


def test_every_rule_is_on_the_page_with_a_link() -> None:
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert sorted(re.findall(r"^        (?:gd\.)?(\w+): \($", code, flags=re.MULTILINE)) == sorted(ALL)
    for rule in ALL.values():
        text = repr(overview.Table({rule: ("[Name](a.ipynb)", "When.")}))
        assert len(text.splitlines()) == 3
        assert text.splitlines()[2].count("|") == 4, "a bar in a formula would end its column"
