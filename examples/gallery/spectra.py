"""
Imbalance splits the spectrum of a layer
========================================

The Hessian of the squared loss in one of two linear layers, at the collapsed optimum, has k² values
that are not zero. Of equal counts they are all equal (Garrod and Keating 2024); imbalance spreads
them, in the first layer and in the second in different ways (derived here). Ten classes, five of
them with R times the samples of the others.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

axes = plt.figure(figsize=(7.2, 3.6), layout="constrained").subplots(1, 2, sharey=True)
colours = (plot.style.GREY, plot.style.MINORITY, plot.style.MAJORITY)
for layer, ax in enumerate(axes, 1):
    for ratio, colour in zip((1, 10, 100), colours, strict=True):
        counts = Counts.step(k=10, minority=10, ratio=ratio)
        values = predict.layer_spectrum(counts, ridge=0.1, layers=2, layer=layer)
        ax.plot(np.arange(1, len(values) + 1), values, color=colour, label=f"R = {ratio}")
    ax.set(yscale="log", xlabel="eigenvalue", title=f"layer {layer} of 2")
axes[0].set_ylabel("size")
axes[0].legend()
plt.show()
