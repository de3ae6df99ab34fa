"""The explorer in a static page: mouse, touch, keyboard, links, accessibility, and no host but its own."""

import json
import re
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from explorer_support import browser, himmelblau, ravine, site, static_page, watch  # noqa: F401

import gdcourse as gd
from gdcourse import frontend

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
MOUNTED = ".gd-explorer.gd-live"


SCHEDULES = [
    gd.schedules.Constant(0.5),
    gd.schedules.InverseTime(0.5, decay=0.2),
    gd.schedules.Piecewise([20, 60], [0.5, 0.1, 0.02]),
    gd.schedules.WarmUp(gd.schedules.Cosine(0.5, steps=90, lr_min=0.001), steps=10, start=0.1),
]


def explorers() -> list[Any]:
    """Return one explorer of each kind that the book has."""
    regression = [gd.GradientDescent(lr=0.3), gd.Adam(lr=0.1)]
    return [
        himmelblau(),
        ravine(inside=True),
        gd.Explorer("LogisticRegression", regression, batch_size=4),
        gd.Explorer("LinearRegression", regression, batch_size=1, inside=True),
        gd.Explorer("Rosenbrock", [gd.GradientDescent(lr=0.001), gd.explorer.Newton()], relief=True),
        gd.Explorer("Quadratic", [gd.GradientDescent(lr=schedule) for schedule in SCHEDULES], noise=1.0, seed=3),
    ]


@pytest.fixture
def visit(browser, site):  # noqa: F811
    """Open a page with these explorers in a context of its own; at the end nothing may have complained."""
    opened = []

    def open_page(*shown: Any, fragment: str = "", head: str = "", **context: Any) -> Any:
        made = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        page = made.new_page()
        complaints = watch(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site.write(f"page-{len(opened)}.html", *(shown or [himmelblau()]), head=head) + fragment)
        page.locator(MOUNTED).first.wait_for()
        opened.append((made, complaints))
        page.asked = asked
        return page

    yield open_page
    for context, complaints in opened:
        context.close()
        assert complaints == []


def state(page: Any, nth: int = 0) -> Any:
    return page.evaluate("n => document.querySelectorAll('.gd-live')[n].figure.state", nth)


def middle(locator: Any) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def add_rule(figure: Any, name: str) -> None:
    figure.get_by_label("Add a rule").click()
    figure.locator(".gd-menu").get_by_role("button", name=name, exact=True).click()


def drawn(page: Any, canvas: str = ".gd-over") -> str:
    return page.locator(canvas).first.evaluate("canvas => canvas.toDataURL()")


def test_the_mouse_drags_the_ball_and_the_paths_follow(visit):
    page = visit()
    x, y = middle(page.locator(".gd-ball"))
    page.mouse.move(x, y)
    page.mouse.down()
    pictures = {drawn(page)}
    for k in range(1, 6):
        page.mouse.move(x + 12 * k, y - 9 * k)
        pictures.add(drawn(page))
    page.mouse.up()
    assert len(pictures) == 6, "each move must redraw the paths"
    width = page.locator(".gd-picture").bounding_box()["width"]
    unit = 12.5 / width  # the domain is 10 high, and the picture 5 to 4
    assert state(page)["start"] == pytest.approx([-0.5 + 60 * unit, -1.0 + 45 * unit], abs=0.05)
    page.mouse.move(x, y)
    assert state(page)["start"][0] > 0, "after the button is let go the ball stays"


def test_a_click_puts_the_start_there(visit):
    page = visit()
    box = page.locator(".gd-picture").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.75)
    assert state(page)["start"] == pytest.approx([0, -2.5], abs=0.05)


def test_zoom_pan_and_turn(visit):
    page = visit()
    page.get_by_role("button", name="Zoom in").click()
    assert state(page)["view"][2] == pytest.approx(12.5 * 0.7, rel=0.01)
    x, y = middle(page.locator(".gd-picture"))
    page.mouse.move(x, y)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    view = state(page)["view"]
    assert view[0] < -0.3
    assert view[1] > 0.1
    assert state(page)["start"] == [-0.5, -1.0]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -40)
    page.keyboard.up("Control")
    page.wait_for_function("w => document.querySelector('.gd-live').figure.state.view[2] < w", arg=view[2])
    page.get_by_role("button", name="Show the whole surface").click()
    assert state(page)["view"] is None
    page.get_by_role("button", name="Show as a relief").click()
    before, turned = drawn(page, ".gd-ground"), state(page)["turn"]
    page.mouse.move(x + 60, y + 60)
    page.mouse.down()
    page.mouse.move(x + 120, y + 70, steps=3)
    page.mouse.up()
    assert state(page)["turn"] != turned
    assert drawn(page, ".gd-ground") != before


def test_a_plain_wheel_scrolls_the_page(visit):
    page = visit(*explorers())
    page.mouse.move(*middle(page.locator(".gd-picture").first))
    page.mouse.wheel(0, 200)
    page.wait_for_function("scrollY > 100")
    assert state(page)["view"] is None


def test_play_pause_step_and_scrub(visit):
    page = visit()
    play, forward, back = (
        page.get_by_role("button", name=name) for name in ("Play", "One step forward", "One step back")
    )
    play.click()
    page.wait_for_function("document.querySelector('.gd-live').figure.step > 5")
    page.get_by_role("button", name="Pause").click()
    at = state(page)["step"]
    page.wait_for_timeout(150)
    assert state(page)["step"] == at
    assert 5 < at < 100
    forward.click()
    assert state(page)["step"] == at + 1
    back.click()
    back.click()
    assert state(page)["step"] == at - 1
    loss = page.locator(".gd-loss").bounding_box()
    page.mouse.click(loss["x"] + loss["width"] / 2, loss["y"] + 60)
    assert 40 < state(page)["step"] < 60
    page.get_by_role("slider", name="Step", exact=True).fill("100")
    assert state(page)["step"] is None
    play.click()
    page.wait_for_function("!document.querySelector('.gd-live').figure.playing", timeout=10_000)
    assert state(page)["step"] is None, "a run that has been played stands at its end"


def test_reduced_motion_plays_in_few_jumps(visit):
    page = visit(reduced_motion="reduce")
    page.evaluate("""() => {
      const figure = document.querySelector('.gd-live').figure, change = figure.change.bind(figure);
      window.steps = [];
      figure.change = (part, how) => { if ('step' in part) steps.push(part.step); return change(part, how); };
    }""")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("!document.querySelector('.gd-live').figure.playing", timeout=10_000)
    assert len(page.evaluate("steps")) <= 18


def test_divergence_is_named_with_its_step(visit):
    page = visit(gd.Explorer("Himmelblau", [gd.GradientDescent(lr=0.1), gd.Adam(lr=0.3)], start=(3.5, 4.0)))
    run = gd.descend(gd.objectives.Himmelblau(), (3.5, 4.0), gd.GradientDescent(lr=0.1), 100)
    assert page.locator(".gd-end").first.inner_text() == f"✕ step {run.diverged_at}"
    words = page.locator("[role=status]").inner_text()
    assert f"Gradient descent diverged at step {run.diverged_at}" in words
    assert re.search(r"Adam reached the minimum \(3, 2\) in \d+ steps", words)


def test_the_stability_limit_is_marked(visit):
    page = visit(ravine())
    assert page.locator(".gd-rate .gd-note").inner_text() == "stable below 0.1"
    number = page.locator(".gd-rate input[type=text]")
    number.fill("0.11")
    number.press("Enter")
    assert page.locator(".gd-rate .gd-note").inner_text() == "stable below 0.1: beyond the limit"
    assert page.locator(".gd-tick").first.is_visible()
    page.get_by_role("button", name="Reset learning rate").click()
    assert state(page)["optimizers"][0]["lr"] == 0.09
    number.fill("-1")
    number.press("Enter")
    assert number.get_attribute("aria-invalid") == "true"
    assert state(page)["optimizers"][0]["lr"] == 0.09


def test_a_schedule_is_chosen_and_its_numbers_moved(visit):
    page = visit(gd.Explorer("Quadratic", [gd.GradientDescent(lr=0.5)], noise=1.0, steps=100))
    page.locator(".gd-all > summary").click()
    menu, constant = page.get_by_label("schedule of η"), drawn(page)
    menu.select_option("1/t")
    assert state(page)["optimizers"] == [
        {"rule": "GradientDescent", "lr": 0.5, "schedule": {"name": "InverseTime", "decay": 0.2}}
    ]
    assert menu.evaluate("menu => menu === document.activeElement"), "the keyboard goes on from where it was"
    assert page.locator(".gd-chip b").inner_text() == "Gradient descent, 1/t"
    assert page.locator(".gd-more .gd-note").first.inner_text() == "in step 100: η = 0.024"  # 0.5 / (1 + 0.2 * 99)
    falling = drawn(page)
    assert falling != constant
    decay = page.get_by_label("decay, typed", exact=True)
    decay.fill("9")
    decay.press("Enter")
    assert state(page)["optimizers"][0]["schedule"]["decay"] == 9
    assert drawn(page) != falling
    page.get_by_role("button", name="Reset decay", exact=True).click()
    assert state(page)["optimizers"][0]["schedule"]["decay"] == 0.2
    menu.select_option("warm-up")
    schedule = state(page)["optimizers"][0]["schedule"]
    assert (schedule["name"], schedule["after"]) == ("WarmUp", {"name": "InverseTime", "decay": 0.2})
    menu.select_option("constant")
    assert state(page)["optimizers"] == [{"rule": "GradientDescent", "lr": 0.5}]
    assert drawn(page) == constant


def test_a_data_surface_has_two_linked_views(visit):
    page = visit(gd.Explorer("LinearRegression", [gd.GradientDescent(lr=0.3)], batch_size=4))
    fitted = drawn(page, ".gd-data")
    page.mouse.click(*middle(page.locator(".gd-picture")))
    page.get_by_role("button", name="One step back").click()
    assert drawn(page, ".gd-data") != fitted
    page.locator(".gd-all > summary").click()
    path = drawn(page)
    page.get_by_role("button", name="New seed").click()
    assert state(page)["seed"] == 1
    assert drawn(page) != path
    size = page.get_by_label("items in a batch, of 24", exact=True)
    size.fill("1000")
    assert state(page)["batch_size"] is None
    assert page.get_by_role("button", name="New seed").is_hidden()
    size.fill("0")
    assert state(page)["batch_size"] == 1


def test_a_link_restores_everything(visit):
    page = visit(*explorers(), permissions=["clipboard-read", "clipboard-write"])
    second = page.locator(".gd-live").nth(1)
    second.locator(".gd-all > summary").click()
    second.get_by_label("Surface", exact=True).select_option("Beale")
    add_rule(second, "AdaBound")
    second.locator(".gd-ball").press("ArrowLeft")
    second.get_by_role("button", name="Zoom out").click()
    second.get_by_role("button", name="One step back").click()
    second.get_by_label("noise on the gradient", exact=True).fill("400")
    second.get_by_role("button", name="New seed").click()
    second.get_by_role("button", name="Copy link").click()
    second.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    there = visit(*explorers(), fragment="#" + link.split("#")[1])
    ours, theirs = state(page, 1), state(there, 1)
    assert ours.pop("speed") == theirs.pop("speed")
    assert theirs == ours
    assert state(there, 0) == state(page, 0), "only the explorer that the link is for"
    assert there.evaluate("scrollY") > 300


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "%7B",
        '{"surface":{"name":"constructor"},"start":[null,1],"steps":1e9}',
        '{"optimizers":[{"rule":"Adam","lr":-1}]}',
        '{"optimizers":[{"rule":"GradientDescent","lr":1,"schedule":{"name":"Cosine","steps":0,"lr_min":0}}]}',
        "null",
    ],
)
def test_a_mangled_link_gives_the_figure_as_it_is(visit, value):
    page = visit(fragment=f"#explorer-1={value}")
    assert state(page)["surface"] == {"name": "Himmelblau"}
    assert len(state(page)["optimizers"]) == 3
    assert state(page)["start"] == [-0.5, -1.0]
    assert state(page)["steps"] == 100


@pytest.mark.parametrize("nth", range(6))
def test_copy_as_python_gives_the_same_explorer(visit, nth):
    page = visit(explorers()[nth])
    page.locator(".gd-all > summary").click()
    add_rule(page, "Newton")
    code = page.evaluate("document.querySelector('.gd-live').figure.asPython()")
    names: dict[str, Any] = {}
    exec(code, names)
    kept = {key: value for key, value in state(page).items() if key in names["w"].spec()}
    spec = json.loads(json.dumps(names["w"].spec()))
    for key in ("inside", "relief"):
        kept.pop(key), spec.pop(key)
    assert spec == kept
    ends = page.evaluate(
        "document.querySelector('.gd-live').figure.runs.map(run => [run.x[run.taken], run.y[run.taken]])"
    )
    for run, end in zip(names["runs"], ends, strict=True):
        assert run.theta[-1].tolist() == pytest.approx(end, rel=1e-9, abs=1e-9, nan_ok=True)


def test_touch_taps_drags_and_pinches(visit):
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    box = page.locator(".gd-picture").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.75)
    assert state(page)["start"] == pytest.approx([0, -2.5], abs=0.1)
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        client.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]},
        )

    x, y = middle(page.locator(".gd-ball"))
    touch("touchStart", (x, y))
    for k in range(1, 5):
        touch("touchMove", (x - 15 * k, y - 20 * k))
    touch("touchEnd")
    assert state(page)["start"][0] < -1.5
    assert state(page)["start"][1] > -0.5
    assert page.evaluate("scrollY") == 0, "dragging the ball must not scroll the page"
    x, y = box["x"] + 150, box["y"] + 250
    touch("touchStart", (x - 20, y), (x + 20, y))
    for k in range(1, 5):
        touch("touchMove", (x - 20 - 10 * k, y), (x + 20 + 10 * k, y))
    touch("touchEnd")
    assert state(page)["view"][2] < 6


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_page(visit, width):
    page = visit(*explorers(), viewport={"width": width, "height": 740})
    for summary in page.locator(".gd-all > summary").all():
        summary.click()
    # The menu opens in the click and is moved under its button a task later: it must fit at both moments.
    at_once = "(button) => { button.click(); return document.documentElement.scrollWidth; }"
    assert page.get_by_label("Add a rule").last.evaluate(at_once) <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    clipped = page.evaluate("""() => {
      const out = ({ left, right }) => right > innerWidth || left < 0;
      return [...document.querySelectorAll('.gd-live :is(button, input, select, label, td, th, summary)')]
        .filter((e) => e.checkVisibility() && out(e.getBoundingClientRect())).map((e) => e.outerHTML.slice(0, 80));
    }""")
    assert clipped == []


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(visit, dark):
    head = "<style>body { background: #121212; color: #eee }</style>" if dark else ""
    page = visit(*explorers(), head=head)
    assert page.locator(MOUNTED).first.get_attribute("data-gd-theme") == ("dark" if dark else "light")
    for summary in page.locator(".gd-all > summary").all():
        summary.click()
    page.get_by_label("Add a rule").last.click()
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document).then((result) => result.violations)")
    assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in found] == []


def test_everything_is_done_by_keyboard_alone(visit):
    page = visit(ravine())

    def tab_to(name: str, limit: int = 60) -> None:
        """Press Tab until the control of this name has the focus."""
        for _ in range(limit):
            page.keyboard.press("Tab")
            label = page.evaluate("""() => {
              const e = document.activeElement;
              return e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || '';
            }""")
            if label.strip().startswith(name):
                return
        pytest.fail(f"Tab never came to {name!r}")

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    def again(name: str) -> None:
        page.evaluate("document.activeElement.blur()")
        page.locator("h1").click()
        tab_to(name)

    def now() -> Any:
        return state(page)

    again("Start point")
    x, y = now()["start"]
    press("ArrowRight", "ArrowRight", "ArrowUp")
    assert now()["start"][0] > x
    assert now()["start"][1] > y
    x, y = now()["start"]
    press("Shift+ArrowLeft")
    assert now()["start"][0] < x - 0.3
    press("+")
    assert now()["view"] is not None
    press("0")
    assert now()["view"] is None
    again("Show as a relief")
    press("Enter")
    assert now()["relief"]
    again("Start point")
    turn = now()["turn"]
    press("PageUp")
    assert now()["turn"] != turn
    again("Show as a relief")
    press("Space")
    assert not now()["relief"]
    again("One step back")
    press("Enter", "Enter")
    assert now()["step"] == 98
    again("One step forward")
    press("Space")
    assert now()["step"] == 99
    again("Step")
    press("Home")
    assert now()["step"] == 0
    again("Play")
    press("Enter")
    page.wait_for_function("document.querySelector('.gd-live').figure.step > 3")
    press("Enter")
    assert page.evaluate("!document.querySelector('.gd-live').figure.playing")
    again("learning rate")
    before = now()["optimizers"][0]["lr"]
    press("ArrowRight")
    assert now()["optimizers"][0]["lr"] > before
    again("learning rate, typed")
    press("Control+a")
    page.keyboard.type("0.05")
    press("Enter")
    assert now()["optimizers"][0]["lr"] == 0.05
    again("Reset learning rate")
    press("Enter")
    assert now()["optimizers"][0]["lr"] == 0.09
    again("Nesterov")
    press("Enter")
    assert now()["selected"] == 1
    again("Add a rule")
    press("Enter")
    tab_to("Adam")
    press("Enter")
    assert now()["optimizers"][-1]["rule"] == "Adam"
    again("Remove Adam")
    press("Enter")
    assert len(now()["optimizers"]) == 2
    again("All controls")
    press("Enter")
    for name, keys, key in [
        ("steps", ["ArrowLeft"], "steps"),
        ("noise on the gradient", ["End"], "noise"),
        ("speed of play", ["ArrowRight"], "speed"),
        ("New seed", ["Enter"], "seed"),
        ("show the inside", ["Space"], "inside"),
    ]:
        before = now()[key]
        again(name)
        if key in ("steps", "noise", "speed") and page.evaluate("document.activeElement.type") != "range":
            pytest.fail(f"{name} is no slider")
        press(*keys)
        assert now()[key] != before, name
    again("eigenvalue")
    press("ArrowRight")
    assert now()["surface"]["A"][0][0] > 1
    again("Surface")
    page.keyboard.type("Beale")
    assert now()["surface"]["name"] == "Beale"
    again("Start, θ₁")
    press("Control+a")
    page.keyboard.type("1.25")
    press("Enter")
    assert now()["start"][0] == 1.25
    again("Start over")
    press("Enter")
    assert now()["surface"]["name"] == "Quadratic"
    assert now()["optimizers"][0]["lr"] == 0.09
    page.wait_for_timeout(900)
    assert "From (" in page.locator("[role=status]").inner_text()


def test_the_focus_is_never_lost(visit):
    """While a control is used with the keys, what is rebuilt around it must not take the focus away."""
    page = visit(ravine())
    for name in ("learning rate", "Step"):
        control = page.get_by_role("slider", name=name, exact=True)
        control.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
            assert control.evaluate("e => e === document.activeElement")


def test_the_figure_follows_the_theme_of_the_page(visit):
    page = visit(head='<style>html[data-theme="dark"] body { background: #121212; color: #eee }</style>')
    before = drawn(page, ".gd-ground")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.locator(".gd-live[data-gd-theme=dark]").wait_for()
    assert drawn(page, ".gd-ground") != before
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.locator(".gd-live[data-gd-theme=light]").wait_for()
    assert drawn(page, ".gd-ground") == before


def test_no_request_leaves_the_host(visit, site):  # noqa: F811
    page = visit(*explorers())
    for summary in page.locator(".gd-all > summary").all():
        summary.click()
    page.get_by_role("button", name="Play").first.click()
    page.wait_for_timeout(300)
    assert page.asked
    assert all(url.startswith((site.url, "data:")) for url in page.asked)


def test_without_scripts_the_picture_stands_there(browser, site):  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.write("plain.html", himmelblau()))
    picture = page.locator(".gd-explorer img")
    assert picture.is_visible()
    box = picture.bounding_box()
    assert box["width"] > 300
    assert box["height"] > 200
    assert "Contours of Himmelblau" in picture.get_attribute("alt")
    context.close()


FAR = "<style>h1 { margin-bottom: 5000px; }</style>"  # pushes the explorers below it far down


def test_one_far_away_is_mounted_when_it_comes_near(browser, site):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    url = site.write("far.html", himmelblau(), ravine(), head=FAR)
    page.goto(url)
    page.wait_for_timeout(500)
    assert page.locator(MOUNTED).count() == 0
    assert page.locator(".gd-explorer img").count() == 2, "until then the picture stands there"
    page.evaluate("scrollTo(0, 4000)")
    page.locator(f"#explorer-1{MOUNTED}").wait_for()
    page.close()


def test_one_far_away_is_mounted_at_once_if_a_link_leads_to_it(browser, site):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    url = site.write("linked.html", himmelblau(), ravine(), head=FAR)
    page.goto(f"{url}#explorer-2=%7B%22start%22%3A%5B1.5%2C0.5%5D%7D")
    page.locator(f"#explorer-2{MOUNTED}").wait_for()
    page.wait_for_function("scrollY > 4000")
    page.close()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.evaluate("location.hash = '#explorer-2=%7B%22start%22%3A%5B1.5%2C0.5%5D%7D'")  # a link within the page
    page.locator(f"#explorer-2{MOUNTED}").wait_for()
    page.close()


def test_it_runs_from_a_file(browser, tmp_path):  # noqa: F811
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "explorer.css").write_text(frontend.style())
    (tmp_path / "page.js").write_text(frontend.page_script())
    (tmp_path / "index.html").write_text(static_page(himmelblau()))
    page = browser.new_page()
    complaints = watch(page)
    page.goto((tmp_path / "index.html").as_uri())
    page.locator(MOUNTED).wait_for()
    assert page.locator(".gd-choose").count() == 3
    assert complaints == []
    page.close()


def test_a_broken_specification_leaves_the_picture(browser, site):  # noqa: F811
    broken = himmelblau().to_html().replace("Himmelblau&quot;", "Nowhere&quot;")
    page = browser.new_page()
    url = site.write("broken.html", ravine())
    text = (site.folder / "broken.html").read_text()
    (site.folder / "broken.html").write_text(text.replace("<h1>Explorers</h1>", "<h1>Explorers</h1>" + broken))
    page.goto(url)
    page.locator(MOUNTED).wait_for()
    assert page.locator(".gd-explorer").first.locator("img").is_visible()
    assert page.locator(MOUNTED).count() == 1, "the next one runs all the same"
    page.close()


WALK = """(perSurface) => {
  const wrong = [], proto = CanvasRenderingContext2D.prototype;
  const odd = (v) => (typeof v === "number" ? !Number.isFinite(v) : /NaN|undefined|Infinity/.test(v));
  for (const name of "moveTo lineTo arc rect strokeRect fillText strokeText drawImage clearRect".split(" ")) {
    const plain = proto[name];
    proto[name] = function (...all) {
      if (all.some(odd)) wrong.push(`${name}(${all})`);
      return plain.apply(this, all);
    };
  }
  // A small generator, so that every walk is the same.
  let word = 1;
  const random = () => ((word = (Math.imul(word, 1664525) + 1013904223) >>> 0) / 4294967296);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const root = document.querySelector(".gd-live"), figure = root.figure;
  const places = [0, 0, 1000, 1000, 500, 250, 750, null];
  const choose = (select, value) => { select.value = value; select.dispatchEvent(new Event("change")); };
  const press = (label) => root.querySelector(`[aria-label="${label}"]`).click();
  let settings = 0, diverged = 0;
  const rules = [...root.querySelectorAll(".gd-menu button")].map((button) => button.textContent);
  for (const { value: surface } of [...figure.surfaceMenu.options]) {
    choose(figure.surfaceMenu, surface);
    for (const rule of rules) {
      figure.change({ optimizers: [] });
      [...root.querySelectorAll(".gd-menu button")].find((button) => button.textContent === rule).click();
      for (let visit = 0; visit < perSurface; visit++) {
        if (visit % 12 === 3) press(pick(["Zoom in", "Zoom out", "Show the whole surface"]));
        if (visit % 25 === 7) press("Show as a relief");
        if (visit % 10 === 5) figure.change({ step: pick([null, 0, 1, 7]), inside: random() < 0.5 });
        const box = figure.plane();
        const across = pick([0, box.w / 2, box.w, random() * box.w]);
        if (visit % 3 === 0) figure.change({ start: [box.x(across), box.y(random() * box.h)] });
        // Every slider in sight of this rule and this surface, at a place of its own: ends, quarters, anywhere.
        const all = [...root.querySelectorAll(":is(.gd-rate, .gd-more, .gd-lasting) input[type=range]")];
        const sliders = all.filter((slider) => !slider.closest("[hidden]"));
        for (const slider of sliders) {
          if (slider.id.endsWith("-steps")) slider.value = pick([0, 300, 600]);
          else slider.value = pick(places) ?? 1000 * random();
        }
        const moved = pick(sliders);
        for (const slider of sliders.filter((s) => s === moved || random() < 0.4)) {
          slider.dispatchEvent(new Event("input"));
          settings++;
          if (odd(root.textContent)) wrong.push(root.textContent.match(/.{0,20}(NaN|undefined|Infinity)/)[0]);
        }
        diverged += figure.runs[0].divergedAt !== null;
        if (wrong.length > 5) return { settings, diverged, wrong, at: [surface, JSON.stringify(figure.state)] };
      }
    }
  }
  return { settings, diverged, wrong };
}"""


def test_the_whole_control_box_can_be_walked(visit):
    """Every rule on every surface, the sliders at their ends and between: no exception, no NaN drawn or written."""
    page = visit(himmelblau(), viewport={"width": 340, "height": 500})
    page.set_default_timeout(300_000)
    walked = page.evaluate(WALK, 23)
    print(f"\n{walked['settings']} settings, {walked['diverged']} of them divergent")
    assert walked["wrong"] == [], walked
    assert walked["settings"] >= 10_000
    assert walked["diverged"] > 50
