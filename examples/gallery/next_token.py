"""
Concepts of a small text
========================

For next-token prediction the logits' law is the centred support matrix: which letters can
follow a pair of letters, not how often (Zhao et al. 2024). Its singular vectors are concepts:
letters and contexts placed by the second and the third.
"""

import matplotlib.pyplot as plt

from lopsided import plot, predict
from lopsided.reproduce.data.text import LETTERS, contexts

names, counts = contexts(60)
concepts = predict.supports(counts > 0).directions()

figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for ax, vectors, words, colour, title in (
    (axes[0], concepts.left, list(LETTERS), plot.style.MAJORITY, "letters"),
    (axes[1], concepts.right, names, plot.style.MINORITY, "the two letters before"),
):
    x, y = vectors[:, 1], vectors[:, 2]
    ax.scatter(x, y, s=0)
    for i, word in enumerate(words):
        ax.text(x[i], y[i], word.replace(" ", "_"), color=colour, ha="center", va="center")
    ax.set(title=title, xlabel="second concept", ylabel="third concept")
    ax.axhline(0, lw=0.6, color=plot.style.FAINT, zorder=0)
    ax.axvline(0, lw=0.6, color=plot.style.FAINT, zorder=0)
plt.show()
