"""
A network on its way to SELI
============================

A batch-norm MLP on MNIST, five digits with 1,000 samples and five with 100, over 600 epochs:
how far classifiers, class means and logits are from SELI and from the simplex ETF. SELI and the
ETF predict the same logits. Drawn from the committed record of ``lopsided reproduce deep``:
run it in a clone of the repository.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

from lopsided.plot.style import GREY, MAJORITY

results = Path("results") if Path("results").is_dir() else Path("../../results")
record = json.loads((results / "deep-mlp-mnist-step-10-none-0-0950520a.json").read_text())
history = record["numbers"]["history"]
epochs = [row["epoch"] for row in history]

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained", sharey=True)
parts = {"classifiers": "classifiers", "embeddings": "class means", "logits": "logits"}
for ax, (part, title) in zip(axes, parts.items(), strict=True):
    for law, colour, style in (("seli", MAJORITY, "-"), ("etf", GREY, "--")):
        distances = [row["distances"][law][part] for row in history]
        ax.semilogx(epochs, distances, style, color=colour, label=law.upper())
    ax.set(title=title, xlabel="epoch", ylim=(0, 1.5))
axes[0].set_ylabel("distance")
axes[0].legend()
plt.show()
