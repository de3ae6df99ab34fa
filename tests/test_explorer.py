"""The explorer's Python side: what it takes and refuses, what it writes, and that it says the same as the front end."""

import gzip
import json
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import traitlets
from explorer_support import browser, himmelblau, ravine, site  # noqa: F401

import gdcourse as gd
from gdcourse import explorer, frontend


class Element(HTMLParser):
    """The attributes of the first div and the first img of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, {name: value or "" for name, value in attrs})


@pytest.mark.parametrize("name", explorer.SURFACES)
def test_the_html_holds_the_specification_and_a_small_picture(name):
    rules = [rule(lr=0.01) for rule in explorer.RULES.values()]
    w = gd.Explorer(name, rules, steps=300)
    text = w.to_html()
    assert len(text.encode()) <= 40_000
    found = Element(text).found
    assert found["div"]["class"] == "gd-explorer"
    assert json.loads(found["div"]["data-spec"]) == json.loads(json.dumps(w.spec()))
    kind, svg = found["img"]["src"].split(",", 1)
    assert kind == "data:image/svg+xml"
    assert '"' not in svg
    picture = ElementTree.fromstring(unquote(svg))
    assert len(picture.findall(".//{*}polyline")) > 13
    assert "nan" not in unquote(svg)
    assert found["img"]["alt"].startswith("Contours of ")
    assert w.to_html() == gd.Explorer(name, rules, steps=300).to_html(), "the same cell must give the same output"


def test_the_output_is_a_widget_and_html_and_a_text_without_an_address():
    w = himmelblau()
    data, _ = w._repr_mimebundle_()
    assert data["text/html"] == w.to_html()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == w.model_id
    assert data["text/plain"] == "Explorer(Himmelblau, [GradientDescent, Momentum, Adam], start=(-0.5, -1), steps=100)"


def test_trajectories_are_those_of_descend():
    w = himmelblau(steps=40)
    expected = gd.descend(gd.objectives.Himmelblau(), (-0.5, -1.0), gd.Adam(lr=0.3), 40)
    np.testing.assert_array_equal(w.trajectories[2].theta, expected.theta)
    w.start = (1, 2)
    assert w.trajectories[0].theta[0].tolist() == [1, 2]
    w.surface = "Saddle"
    assert isinstance(w.surface, gd.objectives.Saddle)


@pytest.mark.parametrize("name", explorer.SURFACES)
def test_surfaces_and_rules_cross_and_come_back(name):
    surface = explorer.surface_from_json({"name": name})
    assert explorer.surface_to_json(surface)["name"] == name
    assert explorer.surface_to_json(
        explorer.surface_from_json(explorer.surface_to_json(surface))
    ) == explorer.surface_to_json(surface)
    for rule in explorer.RULES.values():
        assert explorer.rule_from_json(json.loads(json.dumps(explorer.rule_to_json(rule(lr=0.5))))) == rule(lr=0.5)


def test_own_data_cross_whole():
    X, y = np.array([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]]), np.array([0.0, 1.0, 1.0])
    spec = gd.Explorer(gd.objectives.LogisticRegression(X, y)).spec()["surface"]
    assert spec == {"name": "LogisticRegression", "X": X.tolist(), "y": y.tolist()}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"surface": "Nowhere"}, "surface must be one of Quadratic, .*got 'Nowhere'"),
        ({"surface": gd.objectives.DoubleWell()}, "surface must be a two-dimensional objective"),
        ({"surface": gd.objectives.Rosenbrock(3)}, "surface must be a two-dimensional objective"),
        ({"surface": gd.objectives.from_function(lambda theta: theta[..., 0])}, "surface must be a two-dimensional"),
        ({"optimizers": [3]}, "optimizers must be rules of the package, such as .*got 3"),
        ({"optimizers": [gd.Muon(shape=(2, 1))]}, "optimizers must be rules for two numbers, but Muon needs a matrix"),
        ({"optimizers": "Adam"}, "optimizers must be a list of rules"),
        ({"optimizers": [gd.Adam(lr=lambda t: 0.1)]}, "must be one of gd.schedules: Constant, .*<lambda>"),
        ({"optimizers": [gd.Adam(lr=gd.schedules.WarmUp(lambda t: 0.1, 3))]}, "must be one of gd.schedules"),
        ({"optimizers": [gd.Adam(lr=gd.schedules.Piecewise([3], [0, 0.1]))]}, "must start with a rate above 0"),
        ({"optimizers": [gd.Adam(lr=np.array([0.1, 0.2]))]}, "Adam's lr must be a plain number"),
        ({"start": (1, 2, 3)}, r"start must be two finite numbers, got \(1, 2, 3\)"),
        ({"start": (np.nan, 0)}, "start must be two finite numbers"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 1.5}, "steps must be an integer"),
        ({"steps": 100_000}, r"steps must be in \[1, 2000\]"),
        ({"noise": -1}, "noise must be non-negative"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_bad_input_is_refused_at_once(setting, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gd.Explorer(**setting)
    w = gd.Explorer()
    ((name, value),) = setting.items()
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(w, name, value)


def test_importing_the_package_stays_light():
    heavy = ("anywidget", "ipywidgets", "matplotlib", "contourpy", "torch")
    code = f"import gdcourse, sys; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


# ---- the bundle ----


@pytest.mark.parametrize("bundle", ["widget_module", "page_script"])
def test_a_bundle_holds_every_module_and_nothing_to_load(bundle):
    text = getattr(frontend, bundle)()
    assert not re.search(r"^\s*import\b", text, flags=re.MULTILINE)
    assert re.findall(r"^export .*", text, flags=re.MULTILINE) == (
        ["export default { render };"] if bundle == "widget_module" else []
    )
    for module in frontend.MODULES:
        for name in re.findall(r"^export (?:class|const|function) (\w+)", frontend.source(module), flags=re.MULTILINE):
            assert re.search(rf"^(?:class|const|function) {name}\b", text, flags=re.MULTILINE), (module, name)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_no_name_is_defined_by_two_modules():
    names = [
        name
        for module in (*frontend.MODULES, "static.js")
        for name in re.findall(
            r"^(?:export )?(?:class|const|let|function) (\w+)", frontend.source(module), flags=re.MULTILINE
        )
    ]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)


def test_every_import_has_its_export_and_comes_later_in_the_bundle():
    order = [*frontend.MODULES, "static.js"]
    for module in order:
        for names, other in re.findall(
            r'^import \{([^}]*)\} from "\./([\w.]+)";$', frontend.source(module), flags=re.MULTILINE
        ):
            assert order.index(other) < order.index(module)
            for name in filter(str.strip, names.split(",")):
                assert re.search(
                    rf"^export (?:class|const|function) {name.strip()}\b", frontend.source(other), flags=re.MULTILINE
                )


def test_the_front_end_is_small():
    parts = [frontend.page_script(), frontend.style()]
    assert sum(len(gzip.compress(part.encode())) for part in parts) <= 30_000


def test_the_bundle_is_a_module_that_anywidget_can_load(browser, site):  # noqa: F811
    page = browser.new_page()
    page.goto(site.write("empty.html"))
    assert page.evaluate("import('/widget.js').then((module) => typeof module.default.render)") == "function"
    page.close()


# ---- the same facts on both sides ----


@pytest.fixture(scope="module")
def ask(browser, site) -> Any:  # noqa: F811
    page = browser.new_page()
    page.goto(site.write("facts.html"))

    def run(module: str, expression: str) -> Any:
        return page.evaluate(f"import('/static/{module}').then((m) => {expression})")

    yield run
    page.close()


def test_rules_have_the_same_defaults_and_colours(ask):
    looks = ask("rules.js", "m.LOOKS")
    assert list(looks) == list(explorer.RULES) == ask("rules.js", "Object.keys(m.RULES)")
    for name, rule in explorer.RULES.items():
        _, colour, _, _, defaults = looks[name]
        assert colour == explorer.COLOURS[name]
        own = {
            field.name: field.default for field in fields(rule) if field.name not in ("hessian", "damping", "absolute")
        }
        assert MISSING not in own.values()
        assert defaults == own
    controls = ask("rules.js", "m.CONTROLS")
    assert all(name in controls for look in looks.values() for name in look[4])


def test_every_rule_of_the_package_is_in_the_explorer():
    own = {name for name, value in vars(gd).items() if isinstance(value, type) and issubclass(value, gd.Optimizer)}
    assert own - {"Optimizer", "Muon"} == set(explorer.RULES) - {"Newton"}  # Muon needs a matrix


def test_newtons_method_in_an_explorer_is_that_of_the_package_without_its_repairs():
    rule = gd.second_order.Newton(lr=0.5)
    w = gd.Explorer("Himmelblau", [rule], start=(4.0, 3.5), steps=9)
    himmelblau = gd.objectives.Himmelblau()
    np.testing.assert_array_equal(w.trajectories[0].theta, gd.newton(himmelblau, [4.0, 3.5], 9, lr=0.5).theta)
    assert explorer.rule_to_json(rule) == {"rule": "Newton", "lr": 0.5}
    assert explorer.rule_to_json(gd.second_order.Newton(hessian=w.surface.hessian)) == {"rule": "Newton", "lr": 1.0}
    for key, value in (("damping", 3.0), ("damping", np.array([0.0, 1.0])), ("absolute", True)):
        with pytest.raises(ValueError, match=f"Newton's {key} is not in an explorer: leave it out, got "):
            gd.Explorer("Himmelblau", [gd.second_order.Newton(**{key: value})])


def test_every_surface_of_the_package_is_in_the_explorer():
    objective = gd.objectives.Objective
    public = {
        name for name, value in vars(gd.objectives).items() if isinstance(value, type) and issubclass(value, objective)
    }
    plane = {name for name in public if not name.startswith("_") and getattr(gd.objectives, name).dim == 2}
    assert plane - {"Objective", "Regularised"} == set(explorer.SURFACES)  # neither is a surface of its own


@pytest.mark.parametrize("name", explorer.SURFACES)
def test_surfaces_have_the_same_minima_domain_and_hessian(ask, name):
    surface = explorer.surface_from_json({"name": name})
    made = f"m.makeSurface({json.dumps(explorer.surface_to_json(surface))})"
    theirs = ask("surfaces.js", f"(({{ domain, minima, minimum }}) => ({{ domain, minima, minimum }}))({made})")
    np.testing.assert_allclose(theirs["domain"], surface.domain, rtol=1e-12)
    if len(surface.minima):
        np.testing.assert_allclose(theirs["minima"], surface.minima, rtol=1e-9, atol=1e-12)
        assert theirs["minimum"] == pytest.approx(surface.minimum, rel=1e-9, abs=1e-12)
    if name == "LogisticRegression":  # the front end finds its minimum by Newton's method; Python does not know it
        assert np.linalg.norm(surface.grad(theirs["minima"][0])) < 1e-9
    for share in ([0.3, 0.6], [0.81, 0.17]):
        x, y = point = surface.domain[:, 0] + np.array(share) * np.diff(surface.domain)[:, 0]
        (a, b), (_, c) = surface.hessian(point)
        np.testing.assert_allclose(ask("surfaces.js", f"{made}.hessian({x}, {y})"), [a, b, c], rtol=1e-9, atol=1e-12)
    assert ask("surfaces.js", f"m.defaultStart({made})") == gd.Explorer(surface).start


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
def test_both_sides_draw_the_same_random_numbers(ask, seed):
    ours = explorer.uniforms(seed)
    assert ask("random.js", f"((r) => Array.from({{ length: 50 }}, r))(m.uniforms({seed}))") == [
        next(ours) for _ in range(50)
    ]
    batches = explorer.seeded_minibatches(10, 4, seed)
    assert ask("random.js", f"m.minibatches(10, 4, {seed}, 7)") == [next(batches).tolist() for _ in range(7)]
    noise = explorer.seeded_gaussians(2.0, seed)
    np.testing.assert_allclose(
        ask("random.js", f"m.gaussians(2, {seed}, 20)"), [next(noise) for _ in range(20)], rtol=1e-12
    )


def test_an_epoch_has_each_item_once_and_the_noise_its_size():
    batches = explorer.seeded_minibatches(10, 4, 3)
    epochs = [np.concatenate([next(batches) for _ in range(3)]) for _ in range(2)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert not np.array_equal(*epochs)
    noise = explorer.seeded_gaussians(2.0, 0)
    drawn = np.array([next(noise) for _ in range(4000)])
    assert np.abs(drawn.mean(axis=0)).max() < 0.1
    assert np.abs(drawn.std(axis=0) - 2).max() < 0.1


@pytest.mark.parametrize(
    "make",
    [
        lambda: himmelblau(noise=20.0, seed=5),
        lambda: gd.Explorer("LinearRegression", [gd.Adam(lr=0.1), gd.Nesterov(lr=0.05)], batch_size=5, seed=9),
    ],
)
def test_disturbed_paths_agree_too(browser, site, make):  # noqa: F811
    w = make()
    page = browser.new_page()
    page.goto(site.write("disturbed.html", w))
    runs = json.loads(
        page.evaluate(
            "JSON.stringify(document.querySelector('.gd-live').figure.runs.map("
            "({ x, y }) => [...x].map((value, k) => [value, y[k]])))"
        )
    )
    for ours, theirs in zip(w.trajectories, runs, strict=True):
        np.testing.assert_allclose(theirs, ours.theta, rtol=1e-9, atol=1e-9)
    page.close()


def test_the_stability_limits_are_where_runs_turn(ask):
    """Just inside the limit a run on the quadratic comes down; just outside it grows."""
    surface = gd.objectives.Quadratic([1.0, 20.0])
    for rule in (gd.GradientDescent(), gd.Momentum(beta=0.6), gd.Nesterov(beta=0.6), explorer.Newton()):
        limit = ask("rules.js", f"m.stabilityLimit({json.dumps(explorer.rule_to_json(rule))}, 20)")
        for factor, grows in ((0.99, False), (1.01, True)):
            spec = explorer.rule_to_json(rule) | {"lr": limit * factor}
            w = gd.Explorer(
                surface,
                [explorer.rule_from_json(spec)],
                start=(0.0 if rule != explorer.Newton() else 1.0, 1.0),
                steps=2000,
            )
            run = w.trajectories[0]
            assert bool(run.diverged or run.loss[-1] > run.loss[0]) is grows, (rule, factor)


def test_the_picture_of_a_page_is_that_of_its_explorer():
    assert "NaN" not in ravine().to_html()
    wild = gd.Explorer("Himmelblau", [gd.GradientDescent(lr=1.0)], steps=50)
    assert "diverges at step" in Element(wild.to_html()).found["img"]["alt"]


def test_one_rule_that_races_with_itself_wears_several_colours():
    rates = [gd.GradientDescent(lr=lr) for lr in (0.1, 0.2, 0.3)]
    assert explorer.dress(["GradientDescent"] * 3) == ["GradientDescent", "Adam", "Momentum"]
    assert explorer.dress(["Adam", "Adam"]) == ["Adam", "Momentum"]
    assert explorer.dress(["Adam", "Adam", "Momentum"]) == ["Adam", "Adam", "Momentum"]
    picture = gd.Explorer("Booth", rates).to_html()
    assert "GradientDescent 0.1%3C" in picture
    assert "%3E0.3%3C" in picture
