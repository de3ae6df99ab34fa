"""Draw the picture of README.md, book/_static/race.png: the race that moves on the book's first page."""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import gdcourse as gd

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "book" / "_static" / "race.png"
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from front_picture import RULES, START, STEPS  # noqa: E402

gd.plots.use_style()
himmelblau = gd.objectives.Himmelblau()
runs = [gd.descend(himmelblau, START, rule, steps=STEPS) for rule in RULES.values()]
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=[1.25, 1])
gd.plots.contour(himmelblau, runs, ax=left).legend(loc="lower center", fontsize=8)
gd.plots.loss_curves(runs, ax=right).set_ylim(1e-14, 1e3)
right.get_legend().remove()
fig.savefig(PICTURE, dpi=95)
Image.open(PICTURE).convert("RGB").quantize(96).save(PICTURE, optimize=True)
