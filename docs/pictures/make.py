"""Make the pictures of the README and the documentation again, byte for byte the same; run by `python docs/pictures/make.py`."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lopsided import Counts, plot, predict
from lopsided.plot.style import GREY, MAJORITY, MINORITY


def frame() -> Figure:
    """Four classes, balanced and at ratio 100."""
    figure = Figure(figsize=(8.4, 4.5))
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(left=0, right=1, top=0.93, bottom=0.09, wspace=0)
    pairs = ((Counts([100] * 4), "balanced: the simplex ETF"), (Counts([100, 100, 1, 1]), "ratio 100 : 1, SELI"))
    for ax, (counts, title) in zip(axes, pairs, strict=True):
        plot.frame(predict.seli(counts), ax, colours=[MAJORITY] * 2 + [MINORITY] * 2).set_title(title, fontsize=12)
    handles = [
        Line2D([], [], color=MAJORITY, lw=5, solid_capstyle="butt", label="large classes 1, 2"),
        Line2D([], [], color=MINORITY, lw=5, solid_capstyle="butt", label="small classes 3, 4"),
        Line2D([], [], color=GREY, lw=2.4, label="classifier $w$"),
        Line2D([], [], color=GREY, lw=1.3, ls=(0, (3.2, 2.2)), marker="o", mfc="white", mew=1.4, ms=6, label="class mean $\\mu$"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=4, frameon=False, fontsize=10, handlelength=2.2)
    return figure


def curves() -> Figure:
    """Norm ratios and cosines of SELI against the ratio R, ten classes, half of them large."""
    ratios = np.geomspace(1, 10_000, 100).round(3)
    figure = Figure(figsize=(10.5, 3.5), layout="constrained")
    theory = [predict.seli(Counts.step(k=10, minority=1000, ratio=ratio)) for ratio in ratios]
    plot.curves(ratios, theory, list(figure.subplots(1, 3)), label="imbalance ratio R")
    return figure


if __name__ == "__main__":
    for make in (frame, curves):
        plot.save(make(), Path(__file__).with_name(f"{make.__name__}.svg"))
