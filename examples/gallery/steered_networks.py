"""
Steering trained networks
=========================

Networks on MNIST (five digits with 500 samples, five with 50) trained with class-dependent
(CDT) and label-dependent (LDT) temperatures of exponent γ: the norm ratio of their classifiers
and class means beside the closed forms of Behnia et al. 2023. Lines are theory, marks from a
committed record: run it in a clone of the repository.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter, ScalarFormatter

from lopsided import Adjustment, Counts, predict
from lopsided.plot.style import MAJORITY, MINORITY
from lopsided.shape import contrast

results = Path("results") if Path("results").is_dir() else Path("../../results")
name = "behnia2023-mlp-mnist-step-10-none-0-735154bc.json"
numbers = json.loads((results / name).read_text())["numbers"]
counts = Counts(numbers["counts"])
gammas = np.linspace(-0.5, 0.75, 26)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
for kind, make, colour, marker in (
    ("CDT", Adjustment.cdt, MAJORITY, "o"),
    ("LDT", Adjustment.ldt, MINORITY, "s"),
):
    laws = [predict.cross_entropy(counts, make(counts, gamma)) for gamma in gammas]
    trained = {
        float(key.split()[1]): found["skews"]
        for key, found in numbers["network"].items()
        if key.startswith(kind)
    }
    trained[0.0] = numbers["network"]["CE"]["skews"]
    for ax, part in zip(axes, ("classifiers", "embeddings"), strict=True):
        theory = [contrast(getattr(law, part), counts.minorities).norm_ratio for law in laws]
        ax.semilogy(gammas, theory, color=colour, label=f"{kind}, theory")
        seen = [skew[part]["norm_ratio"] for skew in trained.values()]
        ax.semilogy(list(trained), seen, marker, color=colour, label=f"{kind}, network")
for ax, title in zip(axes, ("classifiers", "class means"), strict=True):
    ax.set(title=title, xlabel="exponent γ")
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
axes[0].set_yticks([0.5, 1, 2, 5])
axes[1].set_yticks([0.1, 0.2, 0.5, 1])
axes[0].set_ylabel("squared norm, majority over minority")
axes[0].legend(fontsize=8)
plt.show()
