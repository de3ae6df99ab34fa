"""Draw the book's sign (favicon) and the card that a shared link shows, into book/_static.

The sign is gradient descent in a bowl, and the card the race of the first page: `.venv/bin/python tools/brand.py`.
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import gdcourse as gd

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book" / "_static"
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from front_picture import RULES, START, STEPS  # noqa: E402

NIGHT, LEVEL, PATH = "#0b3f63", "#8cc4ea", "#ff8a3d"
SIZE = 64  # of the sign, in its own units


def sign() -> tuple[list[np.ndarray], np.ndarray]:
    """Return the level lines and the path of the sign, shape (n, 2) each, y downwards."""
    c, s = np.cos(0.5), np.sin(0.5)
    turned = np.array([[c, -s], [s, c]])
    bowl = gd.objectives.Quadratic(turned @ np.diag([1.0, 3.0]) @ turned.T)
    run = gd.descend(bowl, turned @ [-2.1, 2.5], gd.GradientDescent(lr=0.06), steps=60)
    turn = np.linspace(0, 2 * np.pi, 49)
    ellipse = np.stack([np.cos(turn), np.sin(turn) / np.sqrt(3)], axis=1) @ turned.T

    def place(points: np.ndarray) -> np.ndarray:
        return np.stack([36 + 10 * points[:, 0], 36 - 10 * points[:, 1]], axis=1)

    return [place(radius * ellipse) for radius in (1.1, 2.2, 3.3)], place(run.theta)


def svg() -> str:
    """Return the sign as SVG."""
    levels, path = sign()

    def points(line: np.ndarray) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in line)

    lines = "".join(f'<polygon points="{points(level[:-1])}"/>' for level in levels)
    x, y = path[-1]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">'
        f'<clipPath id="c"><rect width="{SIZE}" height="{SIZE}" rx="13"/></clipPath><g clip-path="url(#c)">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="{NIGHT}"/>'
        f'<g fill="none" stroke="{LEVEL}" stroke-width="2.5">{lines}</g>'
        f'<polyline points="{points(path)}" fill="none" stroke="{PATH}" stroke-width="5" stroke-linejoin="round" '
        f'stroke-linecap="round"/><circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="#fff"/></g></svg>\n'
    )


def png(size: int) -> Image.Image:
    """Return the sign as a square picture of so many pixels."""
    levels, path = sign()
    scale = 8 * size / SIZE  # drawn at eight times the size, for smooth edges
    picture = Image.new("RGBA", (8 * size, 8 * size))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, 8 * size, 8 * size), 13 * scale, NIGHT)
    for line, color, width in [*((level, LEVEL, 2.5) for level in levels), (path, PATH, 5)]:
        draw.line([tuple(point) for point in scale * line], color, round(width * scale), joint="curve")
    x, y = scale * path[-1]
    r = 5.5 * scale
    draw.ellipse((x - r, y - r, x + r, y + r), "#fff")
    corners = Image.new("L", picture.size)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, 8 * size, 8 * size), 13 * scale, 255)
    picture.putalpha(corners)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def card() -> Image.Image:
    """Return the card of a shared link, 1200 × 630."""
    objective = gd.objectives.Himmelblau()
    runs = [gd.descend(objective, START, rule, steps=STEPS) for rule in RULES.values()]
    fig = plt.figure(figsize=(12, 6.3), dpi=100, facecolor=NIGHT)
    ax = fig.add_axes((0.5, 0, 0.5, 1))
    x, y = np.linspace(-5.2, 5.2, 201), np.linspace(-5.4, 5.4, 201)
    loss = objective(np.stack(np.meshgrid(x, y), axis=-1))
    ax.contour(x, y, loss, np.geomspace(1, 700, 12), colors=LEVEL, alpha=0.5, zorder=1)
    ax.axis("off")
    for run, color in zip(runs, ["#ffffff", "#56b4e9", PATH, "#f2a7d3", "#3ad6a6"], strict=True):
        ax.plot(*run.theta.T, color=color, lw=4)
        ax.plot(*run.theta[-1], "o", color=color, ms=11, mec=NIGHT, mew=2)
    ax.plot(*START, "o", color=NIGHT, ms=12, mec="white", mew=3)
    fade = np.zeros((1, 256, 4)) + mpl.colors.to_rgba(NIGHT)
    fade[..., 3] = np.linspace(1, 0, 256)  # the lines of the landscape begin gently
    ax.imshow(fade, extent=(-5.2, -2.6, -5.4, 5.4), aspect="auto", zorder=1.9)
    ax.set(xlim=(-5.2, 5.2), ylim=(-5.4, 5.4))
    words = dict(x=0.05, color="white", family="DejaVu Sans")
    fig.text(y=0.60, s="Gradient descent,", size=31, weight="bold", **words)
    fig.text(y=0.49, s="a course you can run", size=31, weight="bold", **words)
    note = "Every algorithm from scratch, checked,\ndrawn, and yours to play with."
    fig.text(y=0.31, s=note, size=17, linespacing=1.6, **(words | dict(color=LEVEL)))
    fig.canvas.draw()
    picture = Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB")
    plt.close(fig)
    return picture.quantize(128)


def main() -> None:
    (STATIC / "favicon.svg").write_text(svg(), encoding="utf-8")
    png(48).save(STATIC / "favicon.png", optimize=True)
    png(180).save(STATIC / "touch-icon.png", optimize=True)
    card().save(STATIC / "card.png", optimize=True)


if __name__ == "__main__":
    main()
