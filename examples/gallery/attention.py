"""
The margin of attention
=======================

Softmax attention trained to attend to one token of each sequence goes to a hard-margin
direction (Tarzanagh et al. 2023). Tokens in the plane; the shade is the score that this
direction gives.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, solve

rng = np.random.default_rng(3)
tokens = rng.normal(size=(8, 4, 2)) + np.array([0.4, 0.2])
chosen = tokens @ np.array([1.0, 0.7])
chosen = chosen.argmax(1)
queries = np.tile([1.0, 0.0], (8, 1))
margin = solve.attention_margin(tokens, queries, chosen)
direction = margin.W @ queries[0]

reach = np.abs(tokens).max() * np.linspace(-1.05, 1.05, 100)
x, y = np.meshgrid(reach, reach)
ax = plt.figure(figsize=(5.6, 4.6), layout="constrained").subplots()
shade = ax.contourf(x, y, x * direction[0] + y * direction[1], 14, cmap="PuOr", alpha=0.6)
for sequence, own in zip(tokens, chosen, strict=True):
    for other in np.delete(sequence, own, 0):
        ax.plot(*np.stack([sequence[own], other], 1), color=plot.style.GREY, lw=0.6)
    ax.plot(*np.delete(sequence, own, 0).T, "o", color=plot.style.MINORITY, ms=4)
    ax.plot(*sequence[own], "o", color=plot.style.MAJORITY, ms=8)
ax.set(title="chosen tokens (large) and the others", xticks=[], yticks=[], aspect="equal")
ax.figure.colorbar(shade, ax=ax, label="score", shrink=0.8)
plt.show()
