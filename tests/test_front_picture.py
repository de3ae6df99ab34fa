"""The moving picture of the first page: what it shows is what the rules do, and the reader can stop it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, serve

import gdcourse as gd

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import front_picture  # noqa: E402

pytestmark = pytest.mark.pipeline


def numbers(text: str) -> np.ndarray:
    return np.array([[float(value) for value in pair.split(",")] for pair in text.split()])


def landscape(points: np.ndarray) -> np.ndarray:
    """The inverse of `front_picture.place`: from the picture to the landscape."""
    x = -5.2 + points[:, 0] * 10.4 / 780
    return np.stack([x, 4.4 - points[:, 1] * 9.2 / 690], axis=1)


def test_the_ways_are_those_of_the_rules():
    html = front_picture.picture("What is seen")
    ways = [landscape(numbers(points)) for points in re.findall(r'<polyline[^>]* points="([^"]*)"', html)]
    himmelblau = gd.objectives.Himmelblau()
    assert len(ways) == len(front_picture.RULES) == 5
    for way, rule in zip(ways, front_picture.RULES.values(), strict=True):
        want = gd.descend(himmelblau, front_picture.START, rule, steps=120).theta
        np.testing.assert_allclose(way, want, atol=0.01)
    # As the text for those who do not see it says: three end at the lower left, two at the upper left.
    valleys = [(-3.78, -3.28)] * 3 + [(-2.81, 3.13)] * 2
    np.testing.assert_allclose([way[-1] for way in ways], valleys, atol=0.15)
    levels = [landscape(numbers(line)) for line in re.findall(r'<path class="level" d="M([^"]*)"', html)]
    assert len(levels) > len(front_picture.LEVELS)
    for level in levels:  # a line of one height
        heights = himmelblau(level)
        assert np.ptp(np.log(heights)) < 0.2


def text(html: str) -> str:
    return re.search(r'aria-label="([^"]*)"', html)[1]


def test_text_that_html_would_take_for_its_own_is_kept_as_text():
    assert text(front_picture.picture('a "b" <i>')) == "a &quot;b&quot; &lt;i&gt;"


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_it_moves_stops_and_goes_on_by_the_keyboard(motion):
    with chromium() as browser, serve(HTML) as address:
        page = browser.new_page(reduced_motion=motion)
        page.set_default_timeout(120_000)  # ms: the machine may be busy
        page.goto(f"{address}/book/index.html")
        button, output = page.locator(".gd-race button"), page.locator(".gd-race output")
        if motion == "no-preference":
            page.wait_for_function("() => document.querySelector('.gd-race output').textContent.includes('120')")
        assert (button.inner_text(), output.inner_text()) == ("Run again", "after 120 steps")
        heads = page.locator(".gd-race .head").evaluate_all("all => all.map(one => one.getAttribute('transform'))")
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('.gd-race output').textContent !== 'after 0 steps'")
        page.keyboard.press("Enter")
        step = int(output.inner_text().split()[1])
        assert 0 < step < 120, "it ended before it could be stopped"
        assert button.inner_text() == "Go on"
        for way in page.locator(".gd-race .way").all():
            assert len(way.get_attribute("points").split()) == step + 1
        page.keyboard.press("Space")
        page.wait_for_function("() => document.querySelector('.gd-race output').textContent.includes('120')")
        now = page.locator(".gd-race .head").evaluate_all("all => all.map(one => one.getAttribute('transform'))")
        assert now == heads
