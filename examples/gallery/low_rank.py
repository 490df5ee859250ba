"""
Deep ReLU layers prefer low rank
================================

With ReLU between the layers free features need not collapse: k classes as the edges of a graph of r
vertices, k = r (r - 1) / 2, have rank r. At a small ridge the graph costs less than collapse, below
1, from four layers on and for six classes or more, never under fewer layers (Súkeník, Lampert and
Mondelli 2024; the threshold derived here).
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, predict

vertices = np.arange(4, 21)
ax = plt.figure(figsize=(5.6, 3.8), layout="constrained").subplots()
colours = (plot.style.MINORITY, plot.style.GREY, plot.style.MIDDLE, plot.style.MAJORITY)
for layers, colour in zip((2, 3, 4, 6), colours, strict=True):
    found = [predict.graph_solution(r, 1, 1e-6, layers) for r in vertices]
    ratios = [one.objective / one.collapse for one in found]
    ax.plot(vertices * (vertices - 1) // 2, ratios, "o-", color=colour, label=f"{layers} layers")
ax.axhline(1, color=plot.style.FAINT, lw=1)
ax.set(xscale="log", xlabel="classes", ylabel="cost of the graph over that of collapse")
ax.legend()
plt.show()
