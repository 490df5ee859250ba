"""
When do rare classes collapse?
==============================

The certified optimum of the unconstrained-features model along the ridge, from strong (left) to
weak. The classes of a group share one classifier until the ridge falls below the root of their
count (Hong and Ling 2023): of the rare ones Fang et al. 2021 called that minority collapse. In
the limit the optimum is SELI.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict, solve

counts = Counts([1000] * 3 + [100] * 3 + [10] * 3)
problem = solve.Problem(counts, ridge=1.0)
optima = solve.path(problem, np.geomspace(solve.largest_ridge(problem), 1e-3, 40))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
plot.ridge_path(optima, left)
left.get_legend().remove()
for line, count in zip(list(left.get_lines()), counts.distinct, strict=True):
    at = {"color": line.get_color(), "fontsize": 9}
    left.annotate(f"{count:,} samples", (2e-3, line.get_ydata()[-1]), ha="right", va="bottom", **at)
    left.axvline(count**0.5, color=line.get_color(), lw=0.8, ls=":", zorder=0)
plot.ridge_path(optima, right, goal=predict.seli(counts))
plt.show()
