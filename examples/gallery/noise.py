"""
What metrics say of noise
=========================

Left, ten class means and more and more scatter about them: NC1 (Papyan, Han and Donoho 2020),
CDNV and the variability collapse index (Xu and Liu 2023). Right, directions in 16 dimensions, a
simplex while there is room and random beyond: GNC2 (Wu and Papyan 2024) and the angles off the
simplex.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Gram, measure, plot, predict
from lopsided.measure.metrics import cdnv, equiangularity, gnc2, nc1, vci

rng = np.random.default_rng(0)
means, labels = rng.normal(size=(10, 32)), np.arange(2000) % 10
scatter = np.geomspace(0.03, 3, 15)
seen = []
for width in scatter:
    moments = measure.Moments(k=10, d=32)
    moments.update(means[labels] + width * rng.normal(size=(2000, 32)), labels)
    seen.append((nc1(moments), cdnv(moments), vci(moments)))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
colours = plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE
for values, name, colour in zip(
    zip(*seen, strict=True), ("NC1", "CDNV", "VCI"), colours, strict=True
):
    left.loglog(scatter, values, "o-", color=colour, label=name)
left.set(xlabel="scatter of a sample", ylabel="metric")
left.legend()

sizes = np.array([4, 8, 17, 32, 64, 128, 256])
grams = [
    predict.etf(int(k)).classifiers if k <= 17 else Gram.of_vectors(rng.normal(size=(k, 16)))
    for k in sizes
]
for function, name, colour in ((gnc2, "GNC2", colours[0]), (equiangularity, "angles", colours[1])):
    right.semilogx(sizes, [function(gram) for gram in grams], "o-", color=colour, label=name)
right.axvline(17, color=plot.style.GREY, lw=0.8, ls=":")
right.set(xlabel="classes in 16 dimensions", ylabel="metric, 0 in a simplex")
right.legend()
plt.show()
