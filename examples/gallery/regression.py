"""
Regression collapses too
========================

Ten outputs of falling variance. At the optimum (Andriopoulos et al. 2024) an output's direction
is used only if its strength exceeds the ridge; the weaker the output, the more of it stays
unexplained.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, predict

rng = np.random.default_rng(0)
targets = rng.normal(size=(500, 10)) * np.geomspace(3, 0.1, 10)
strengths = np.linalg.svd(targets - targets.mean(0), compute_uv=False)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
ridges = np.geomspace(0.3, 100, 60)
spectra = np.array([predict.regression(targets, r).classifiers.spectrum() for r in ridges])
left.semilogx(ridges, spectra, color=plot.style.MAJORITY, alpha=0.8)
left.set(xlabel="ridge", ylabel="eigenvalues of WW'", title="directions switch off")
for ridge, colour in ((3.0, plot.style.MAJORITY), (20.0, plot.style.MINORITY)):
    logits = predict.regression(targets, ridge).logits.matrix()
    kept = np.linalg.svd(logits, compute_uv=False)
    right.loglog(strengths, np.maximum(kept, 1e-1), "o-", color=colour, label=f"ridge {ridge:g}")
right.loglog(strengths, strengths, color=plot.style.GREY, lw=1, label="all of it")
right.set_xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
right.minorticks_off()
right.set(
    xlabel="strength in the targets",
    ylabel="strength in the fit",
    ylim=(0.5, None),
    title="weak outputs are left out",
)
right.legend()
plt.show()
