"""Make the pictures of the README and the documentation again, byte for byte the same; run by
`python docs/pictures/make.py`.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lopsided import Counts, plot, predict, solve
from lopsided.plot.style import GREY, MAJORITY, MINORITY


def frame() -> Figure:
    """Four classes, balanced and at ratio 100."""
    figure = Figure(figsize=(8.4, 4.5))
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(left=0, right=1, top=0.93, bottom=0.09, wspace=0)
    pairs = (
        (Counts([100] * 4), "balanced: the simplex ETF"),
        (Counts([100, 100, 1, 1]), "ratio 100 : 1, SELI"),
    )
    for ax, (counts, title) in zip(axes, pairs, strict=True):
        plot.frame(predict.seli(counts), ax, colours=[MAJORITY] * 2 + [MINORITY] * 2).set_title(
            title, fontsize=12
        )
    handles = [
        Line2D([], [], color=MAJORITY, lw=5, solid_capstyle="butt", label="large classes 0, 1"),
        Line2D([], [], color=MINORITY, lw=5, solid_capstyle="butt", label="small classes 2, 3"),
        Line2D([], [], color=GREY, lw=2.4, label="classifier $w$"),
        Line2D(
            [],
            [],
            color=GREY,
            lw=1.3,
            ls=(0, (3.2, 2.2)),
            marker="o",
            mfc="white",
            mew=1.4,
            ms=6,
            label="class mean $\\mu$",
        ),
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=4, frameon=False, fontsize=10, handlelength=2.2
    )
    return figure


def curves() -> Figure:
    """Norm ratios and cosines of SELI against the ratio R, ten classes, half of them large."""
    ratios = np.geomspace(1, 10_000, 100).round(3)
    figure = Figure(figsize=(10.5, 3.5), layout="constrained")
    theory = [predict.seli(Counts.step(k=10, minority=1000, ratio=ratio)) for ratio in ratios]
    plot.curves(ratios, theory, list(figure.subplots(1, 3)), label="imbalance ratio R")
    return figure


def optimisers() -> Figure:
    """Where first-order methods go on free features without a ridge: distance to SELI against
    steps, k = 4, R = 10.
    """
    methods = {
        "gradient descent": solve.Optimizer("descent", 0.5),
        "Adam": solve.Optimizer("adam", 0.01, momentum=0.9),
        "divided by the loss": solve.Optimizer("normalized", 2.0),
        "sign descent": solve.Optimizer("sign", 0.1),
        "spectral descent": solve.Optimizer("spectral", 0.03),
        "Muon (spectral, momentum 0.9)": solve.Optimizer("spectral", 0.005, momentum=0.9),
    }
    problem = solve.Problem(Counts([10, 10, 1, 1]), ridge=0.0)
    paths = {name: solve.train(problem, method, steps=4000) for name, method in methods.items()}
    figure = Figure(figsize=(10.5, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot.training_paths(paths, left, part=0).get_legend().remove()
    plot.training_paths(paths, right, part=1).get_legend().remove()
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    return figure


if __name__ == "__main__":
    for make in (frame, curves, optimisers):
        plot.save(make(), Path(__file__).with_name(f"{make.__name__}.svg"))
