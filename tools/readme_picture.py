"""Draw the picture of README.md and of the book's first page: book/_static/race.png."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import gdcourse as gd

PICTURE = Path(__file__).parents[1] / "book" / "_static" / "race.png"

gd.plots.use_style()
himmelblau = gd.objectives.Himmelblau()
rules = [
    gd.GradientDescent(lr=0.01),
    gd.Momentum(lr=0.005, beta=0.95),
    gd.Nesterov(lr=0.004, beta=0.9),
    gd.RMSProp(lr=0.08),
    gd.Adam(lr=0.25),
]
runs = [gd.descend(himmelblau, [-0.3, -0.9], rule, steps=120) for rule in rules]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=[1.25, 1])
gd.plots.contour(himmelblau, runs, ax=left).legend(loc="lower center", fontsize=8)
gd.plots.loss_curves(runs, ax=right).set_ylim(1e-14, 1e3)
right.get_legend().remove()
fig.savefig(PICTURE, dpi=95)
Image.open(PICTURE).convert("RGB").quantize(96).save(PICTURE, optimize=True)
