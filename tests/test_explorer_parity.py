"""The front end's rules and surfaces against Python's: every pair, step by step."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from explorer_support import browser, site  # noqa: F401

import gdcourse as gd
from gdcourse import explorer

STEPS = 300
TOLERANCE = 1e-9
STARTS = np.array([[0.2, 0.8], [0.62, 0.55], [0.9, 0.07]])  # as shares of the domain

MOMENTS = {
    "lr": [1e-3, 0.1, 10.0, 0.5],
    "beta1": [0.9, 0.9, 0.99, 0.0],
    "beta2": [0.999, 0.9, 0.99, 0.5],
    "eps": [1e-8, 1e-8, 1e-12, 0.1],
}
SQUARES = {"lr": [0.01, 0.1, 5.0, 0.05], "rho": [0.99, 0.9, 0.5, 0.0], "eps": [1e-8, 1e-8, 1e-8, 0.1]}

# For each rule, settings that are as it comes, bold, wild (where a rule can, it diverges), and odd.
SETTINGS: dict[str, dict[str, list[float]]] = {
    "GradientDescent": {"lr": [1e-3, 0.02, 3.0, 0.3]},
    "SignDescent": {"lr": [1e-3, 0.05, 3.0, 0.3]},
    "Momentum": {"lr": [1e-3, 0.01, 2.0, 0.1], "beta": [0.9, 0.5, 0.9, 0.99]},
    "Nesterov": {"lr": [1e-3, 0.01, 2.0, 0.1], "beta": [0.9, 0.5, 0.9, 0.99]},
    "AdaGrad": {"lr": [0.01, 0.5, 5.0, 1.0], "eps": [1e-10, 1e-7, 1e-10, 0.1]},
    "RMSProp": SQUARES,
    "RMSPropNesterov": {**SQUARES, "beta": [0.9, 0.5, 0.99, 0.0]},
    "Adadelta": {"lr": [1.0, 10.0, 1e4, 3.0], "rho": [0.9, 0.95, 0.5, 0.0], "eps": [1e-6, 1e-3, 1e-6, 0.1]},
    "Adam": MOMENTS,
    "AMSGrad": MOMENTS,
    "AdamW": {**MOMENTS, "weight_decay": [0.01, 0.1, 100.0, 0.0]},
    "AdaBound": {**MOMENTS, "final_lr": [0.1, 0.01, 10.0, 1e-3], "gamma": [1e-3, 0.1, 1.0, 1e-5]},
    "NAdam": {**MOMENTS, "momentum_decay": [4e-3, 0.1, 0.0, 10.0]},
    "RAdam": MOMENTS | {"lr": [1e-3, 0.01, 10.0, 0.05], "beta2": [0.999, 0.9, 0.99, 0.5]},
    "Lion": {"lr": [1e-4, 0.05, 3.0, 0.3], "beta1": [0.9, 0.5, 0.99, 0.0], "beta2": [0.99, 0.9, 0.5, 0.0]}
    | {"weight_decay": [0.0, 0.5, 100.0, 3.0]},
    "Newton": {"lr": [1.0, 0.5, 2.5, 0.1]},
}
SURFACES: dict[str, Any] = {name: explorer.surface_from_json({"name": name}) for name in explorer.SURFACES}
SURFACES["Quadratic, tilted"] = gd.objectives.Quadratic([[3.0, 1.0], [1.0, 0.5]], center=(0.3, -0.7))
SURFACES["Quadratic, no bowl"] = gd.objectives.Quadratic([[1.0, 2.0], [2.0, 1.0]])

# Questions and answers cross as JSON text: many times faster than as objects. JSON has no NaN: it becomes null.
RUN = """async (text) => {
  const { makeSurface } = await import("/static/surfaces.js");
  const { descend, makeRule } = await import("/static/descend.js");
  return JSON.stringify(JSON.parse(text).map(({ surface, rule, start, steps }) => {
    const run = descend(makeSurface(surface), start, makeRule(rule), steps, null);
    const all = (values) => Array.from(values.slice(0, run.taken + 1));
    return { x: all(run.x), y: all(run.y), loss: all(run.loss), at: run.divergedAt };
  }));
}"""

STEP = """async (text) => {
  const { surface, rule, froms } = JSON.parse(text);
  const { makeSurface } = await import("/static/surfaces.js");
  const { makeRule, step } = await import("/static/descend.js");
  const made = makeSurface(surface), law = makeRule(rule);
  return JSON.stringify(froms.map(({ theta, states }) => {
    const next = step(made, law, states ?? [law.init(), law.init()], ...theta, null);
    return theta.map((v, i) => v + next.delta[i]);
  }));
}"""


@pytest.fixture(scope="module")
def page(browser, site):  # noqa: F811
    page = browser.new_page()
    page.goto(site.write("parity.html"))
    yield page
    page.close()


def ask(page: Any, script: str, question: Any) -> Any:
    return json.loads(page.evaluate(script, json.dumps(question)))


def python_runs(surface: Any, rule_name: str, starts: Any) -> tuple[Any, list[Any]]:
    """Run every start with every setting at once; return the trajectories and the state after each step."""
    settings = {name: np.array(values) for name, values in SETTINGS[rule_name].items()}
    extra = {"hessian": surface.hessian} if rule_name == "Newton" else {}
    rule = explorer.RULES[rule_name](**settings, **extra)
    states: list[Any] = []
    run = gd.descend(surface, starts[:, None, :], rule, STEPS, callback=lambda step: states.append(step.state))
    return run, states


def close(ours: Any, theirs: Any) -> bool:
    """Whether two arrays agree to TOLERANCE, relative to their size or to 1 if that is larger, with gaps alike."""
    ours, theirs = np.array(ours, dtype=float), np.array(theirs, dtype=float)
    ours[~np.isfinite(ours)] = np.nan
    theirs[~np.isfinite(theirs)] = np.nan
    if ours.shape != theirs.shape:
        return False
    return np.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def coordinate_states(state: Any, i: int, j: int) -> Any:
    """Return a rule's state as the front end has it: one of plain numbers for each coordinate."""
    if state is None:
        return None
    shape = state.v.shape if hasattr(state, "v") else state.s.shape
    fields = {
        name: np.broadcast_to(value, shape)
        if isinstance(value, np.ndarray)
        else value  # NAdam's product: one a setting
        for name, value in state._asdict().items()
    }
    return [
        {name: float(value[i, j, axis]) if isinstance(value, np.ndarray) else value for name, value in fields.items()}
        for axis in (0, 1)
    ]


@pytest.mark.parametrize("surface_name", SURFACES)
def test_every_rule_takes_the_same_path(page, surface_name, record_property):
    """300 steps agree to 1e-9, with the same step of divergence; a chaotic path agrees in each step by itself."""
    surface = SURFACES[surface_name]
    low, high = surface.domain.T
    starts = low + STARTS * (high - low)
    spec, compared, diverged, chaotic = explorer.surface_to_json(surface), 0, 0, []
    for rule_name, settings in SETTINGS.items():
        run, states = python_runs(surface, rule_name, starts)
        pairs = list(product(range(len(starts)), range(4)))
        rules = [{"rule": rule_name, **{name: values[j] for name, values in settings.items()}} for _, j in pairs]
        cases = [
            {"surface": spec, "rule": rule, "start": starts[i].tolist(), "steps": STEPS}
            for (i, _), rule in zip(pairs, rules, strict=True)
        ]
        for (i, j), rule, theirs in zip(pairs, rules, ask(page, RUN, cases), strict=True):
            at = int(run.diverged_at[i, j])
            end = (at if at >= 0 else run.steps) + 1
            theta, loss = run.theta[:end, i, j], run.loss[:end, i, j]
            compared, diverged = compared + 1, diverged + (at >= 0)
            same = theirs["at"] == (at if at >= 0 else None)
            if (
                same
                and close(theta[:, 0], theirs["x"])
                and close(theta[:, 1], theirs["y"])
                and close(loss, theirs["loss"])
            ):
                continue
            chaotic.append(f"{surface_name}: {rule} from {starts[i].tolist()}")
            befores = [None, *states]
            froms = [
                {"theta": theta[k].tolist(), "states": coordinate_states(befores[k], i, j) if k else None}
                for k in range(end - 1)
            ]
            single = np.array(ask(page, STEP, {"surface": spec, "rule": rule, "froms": froms}), dtype=float)
            determined = slice(None)
            if rule_name == "Newton":
                # Where H is singular but for rounding, floating point does not determine the step to nine digits.
                with np.errstate(all="ignore"):
                    H = surface.hessian(theta[:-1])
                    determined = np.isfinite(H).all(axis=(1, 2)) & (np.linalg.cond(np.nan_to_num(H)) < 1e6)
            assert close(theta[1:][determined], single[determined]), f"{chaotic[-1]}: not even step by step"
    record_property("compared", compared)
    print(f"\n{surface_name}: {compared} paths ({diverged} diverge), {len(chaotic)} chaotic and compared step by step:")
    print("\n".join(chaotic))
    assert diverged >= 3
    assert len(chaotic) <= compared / 4


SCHEDULES = [
    gd.schedules.Constant(0.1),
    gd.schedules.InverseTime(0.1, decay=0.3),
    gd.schedules.Exponential(0.1, gamma=0.97),
    gd.schedules.StepDecay(0.1, every=70, gamma=0.3),
    gd.schedules.Piecewise([50, 200], [0.1, 0.02, 0.05]),
    gd.schedules.Cosine(0.1, steps=150, lr_min=0.01),
    gd.schedules.CosineRestarts(0.1, period=37),
    gd.schedules.CosineRestarts(0.1, period=20, growth=2, lr_min=0.005),
    gd.schedules.WarmUp(0.1, steps=40),
    gd.schedules.WarmUp(gd.schedules.StepDecay(0.1, every=50), steps=25, start=0.2),
]
RATES = """async (text) => {
  const { rateAfter } = await import("/static/schedules.js");
  return JSON.stringify(JSON.parse(text).map(({ lr, schedule }) =>
    Array.from({ length: 301 }, (_, k) => rateAfter(schedule ?? null, lr, k))));
}"""


def test_every_schedule_is_among_those_compared():
    assert {type(schedule).__name__ for schedule in SCHEDULES} == set(explorer.SCHEDULES)


def test_every_schedule_gives_the_same_rates_and_crosses_unharmed(page):
    specs = [explorer.rule_to_json(gd.GradientDescent(lr=schedule)) for schedule in SCHEDULES]
    for schedule, spec, theirs in zip(SCHEDULES, specs, ask(page, RATES, specs), strict=True):
        ours = [schedule(k) for k in range(301)]
        np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-15, err_msg=repr(schedule))
        back = explorer.rule_from_json(json.loads(json.dumps(spec))).lr
        rates = [back(k) if callable(back) else back for k in range(301)]
        np.testing.assert_allclose(rates, ours, rtol=1e-14, err_msg=repr(schedule))


@pytest.mark.parametrize("rule", [gd.GradientDescent, gd.Nesterov, gd.Adam, gd.AdaBound])
def test_paths_under_every_schedule(page, rule):
    surface, start = gd.objectives.Quadratic([[3.0, 1.0], [1.0, 0.5]]), [1.3, -0.9]
    cases = [
        {
            "surface": explorer.surface_to_json(surface),
            "rule": explorer.rule_to_json(rule(lr=schedule)),
            "start": start,
            "steps": STEPS,
        }
        for schedule in SCHEDULES
    ]
    for schedule, theirs in zip(SCHEDULES, ask(page, RUN, cases), strict=True):
        run = gd.descend(surface, start, rule(lr=schedule), STEPS)
        assert close(run.theta, np.column_stack([theirs["x"], theirs["y"]])), schedule
