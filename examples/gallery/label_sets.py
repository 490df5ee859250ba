"""
Several labels a sample
=======================

Samples of two labels lie on the sum of their labels' class means (Li et al. 2024): four
classes, the means of single labels solid, those of pairs dashed.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, predict

found = predict.label_sets(4, {1: 100, 2: 50}, ridge=0.01)
_, embeddings = found.vectors(3)
singles, pairs = embeddings[:4], embeddings[4:]

ax = plt.figure(figsize=(5.4, 5)).add_subplot(projection="3d")
for c, point in enumerate(singles):
    ax.plot(*np.stack([0 * point, point], 1), color=plot.style.MAJORITY, lw=2.5)
    ax.text(*1.12 * point, f"{c}", color=plot.style.MAJORITY, size=13, ha="center")
for (i, j), point in zip([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], pairs, strict=True):
    ax.plot(*np.stack([0 * point, point], 1), color=plot.style.MINORITY, ls="--")
    ax.text(*1.2 * point, f"{{{i}, {j}}}", color=plot.style.MINORITY, size=10, ha="center")
ax.set_box_aspect((1, 1, 1), zoom=1.3)
ax.set_axis_off()
ax.view_init(18, 35)
plt.show()
