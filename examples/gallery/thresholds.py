"""
How many samples does a class need?
===================================

Left, the norm of a classifier against its class's samples, at one ridge: squared loss under one,
two and three linear layers (Dang et al. 2023), where below a threshold a class has no classifier at
all. Right, the norm of a class mean at three ridges: cross-entropy behind a ReLU (Dang et al.
2024), where it is the mean that vanishes, and the classifier stays to tell what the class is not.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

sizes = Counts(np.unique(np.geomspace(1, 1000, 120).astype(int)))
ridge = 3.0

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained", sharex=True)
for layers, colour in zip(
    (1, 2, 3), (plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE), strict=True
):
    norms = predict.squared(sizes, ridge, layers).classifiers.norms()
    left.semilogx(sizes.values, norms, color=colour, label=f"{layers} layer{'s'[: layers - 1]}")
    left.axvline(predict.squared_threshold(ridge, layers), color=colour, lw=0.8, ls=":")
left.set(title="squared loss", xlabel="samples of the class", ylabel="norm of its classifier")
left.legend()
for ridge, colour in (
    (1.0, plot.style.MAJORITY),
    (3.0, plot.style.MINORITY),
    (10.0, plot.style.MIDDLE),
):
    means = predict.nonnegative(sizes, ridge).embeddings.norms()
    right.semilogx(sizes.values, means, color=colour, label=f"ridge {ridge:g}")
right.set(
    title="cross-entropy behind a ReLU",
    xlabel="samples of the class",
    ylabel="norm of its class mean",
)
right.legend()
plt.show()
