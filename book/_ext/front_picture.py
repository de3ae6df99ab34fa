"""The moving picture of the first page: the directive ``race`` runs five rules and draws their ways on one landscape.

The picture is an SVG in the page, drawn whole; ``race.js`` then takes it back to the start and lets it grow step by
step, unless the reader's system asks for less motion. Without scripts, and on paper, it stands still and is complete.
"""

from html import escape

import contourpy
import gdcourse as gd
import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

START, STEPS = [-0.3, -0.9], 120
RULES = {
    "gradient descent": gd.GradientDescent(lr=0.01),
    "momentum": gd.Momentum(lr=0.005, beta=0.95),
    "Nesterov": gd.Nesterov(lr=0.004, beta=0.9),
    "RMSProp": gd.RMSProp(lr=0.08),
    "Adam": gd.Adam(lr=0.25),
}
LEFT, RIGHT, BOTTOM, TOP = -5.2, 5.2, -4.8, 4.4  # of the landscape
WIDTH, HEIGHT = 780, 690  # of the picture
LEVELS = np.geomspace(1, 700, 12)


def place(points: np.ndarray) -> list[str]:
    """Return points of the landscape, shape (n, 2), as points of the picture: ``"x,y"``, y downwards."""
    x = (points[:, 0] - LEFT) / (RIGHT - LEFT) * WIDTH
    y = (TOP - points[:, 1]) / (TOP - BOTTOM) * HEIGHT
    return [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]


def contours(objective: gd.objectives.Objective) -> str:
    """Return lines of equal height, as SVG."""
    x, y = np.linspace(LEFT, RIGHT, 105), np.linspace(BOTTOM, TOP, 93)
    generator = contourpy.contour_generator(x, y, objective(np.stack(np.meshgrid(x, y), axis=-1)))
    lines = (line for level in LEVELS for line in generator.lines(level))
    return "".join(f'<path class="level" d="M{" ".join(place(line))}"/>' for line in lines)


def picture(alt: str) -> str:
    """Return the picture with its legend and its button, as HTML."""
    himmelblau = gd.objectives.Himmelblau()
    ways, names = [], []
    for number, (name, rule) in enumerate(RULES.items(), 1):
        points = place(gd.descend(himmelblau, START, rule, steps=STEPS).theta)
        ways.append(
            f'<polyline class="way run-{number}" points="{" ".join(points)}"/>'
            f'<circle class="head run-{number}" r="8" transform="translate({points[-1]})"/>'
        )
        names.append(f'<li class="run-{number}">{escape(name)}</li>')
    (start,) = place(np.array([START]))
    return (
        f'<figure class="gd-race"><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(alt, quote=True)}">{contours(himmelblau)}{"".join(ways)}'
        f'<circle class="start" r="6" transform="translate({start})"/></svg>'
        f"<figcaption><ul>{''.join(names)}</ul>"
        f'<div><button type="button" hidden>Run again</button> '
        f'<output aria-live="off">after {STEPS} steps</output></div></figcaption></figure>'
    )


class Race(SphinxDirective):
    """``race``: the picture; the content of the directive is the text for those who do not see it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        return [nodes.raw("", picture(" ".join(self.content)), format="html")]


def add_to_page(app, pagename, templatename, context, doctree):
    if 'class="gd-race"' in context.get("body", ""):
        app.add_js_file("race.js", loading_method="defer")


def setup(app):
    app.add_directive("race", Race)
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
