"""
What a prescribed head was promised to gain, and what it gained
===============================================================

Sixty-four small networks with a long tail, each diagnosed with one held-out sample of its
rarest class: the expected gain in balanced accuracy with its 90 % interval, and the gain on
test samples. From the committed record of ``lopsided reproduce prescription``: run
it in a clone of the repository.
"""

from pathlib import Path

import matplotlib.pyplot as plt

from lopsided import plot
from lopsided.reproduce import CLAIMS, Record

results = Path("results") if Path("results").is_dir() else Path("../../results")
(path,) = results.glob("prescription-*.json")
run = CLAIMS["prescription"].read(Record.load(path))
colours = {
    "cross-entropy": plot.style.MAJORITY,
    "weighted": plot.style.MINORITY,
    "logit-adjusted": plot.style.MIDDLE,
}

figure, ax = plt.subplots(figsize=(6.2, 5), layout="constrained")
ax.axline((0, 0), slope=1, color=plot.style.GREY, lw=1)
for trial in run.numbers.judged:
    for draw in trial.draws:
        if draw.m == 1:
            ax.errorbar(
                100 * draw.expected,
                100 * draw.came,
                xerr=[[100 * (draw.expected - draw.low)], [100 * (draw.high - draw.expected)]],
                fmt="o",
                color=colours[trial.plan.loss],
                ms=4,
                lw=0.7,
                alpha=0.8,
            )
for loss, colour in colours.items():
    ax.plot([], [], "o", color=colour, label=f"trained with {loss}")
ax.set(xlabel="promised gain, points of balanced accuracy", ylabel="gain on test samples, points")
ax.legend(fontsize=9)
plt.show()
