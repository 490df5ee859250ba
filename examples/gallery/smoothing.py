"""
Balanced classes: one shape, many sizes
=======================================

With equal counts every ridge and every label smoothing lead to the same simplex (Zhu et al.
2021, Zhou et al. 2022); they set its size alone, down to zero at a large ridge.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

counts = Counts([100] * 10)
ridges = np.geomspace(1e-3, 20, 80)
ax = plt.figure(figsize=(6.4, 3.8), layout="constrained").subplots()
for smoothing, colour in zip(
    (0.0, 0.05, 0.2), (plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE), strict=True
):
    found = [predict.balanced(counts, ridge, smoothing) for ridge in ridges]
    norms = [geometry.classifiers.norms()[0] for geometry in found]
    ax.semilogx(ridges, norms, color=colour, label=f"label smoothing {smoothing:g}")
ax.set(xlabel="ridge", ylabel="norm of every classifier", ylim=(0, None))
ax.legend()
plt.show()
