"""
The loss whose classifiers are an ETF
=====================================

``steer.design`` searches the family of cross-entropies for the member whose geometry has equal
norms and equal angles. Left the cosines of plain cross-entropy, in the middle those of the
design, right the scales it found: the square root of the counts.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict, steer

counts = Counts([1000, 500, 250, 100, 50, 25, 10])
plain = predict.seli(counts)
found = steer.design(counts, "etf-classifiers", family="ldt")
steered = predict.cross_entropy(counts, found.adjustment)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
plot.gram(plain.classifiers, left, counts=counts, limit=0.7).set_title("cross-entropy")
plot.gram(steered.classifiers, middle, counts=counts, limit=0.7).set_title("designed")
scale = np.asarray(found.adjustment.scale)
right.loglog(counts.values, scale / scale[0], "o", color=plot.style.MINORITY, label="found")
right.loglog(
    counts.values,
    np.sqrt(counts.values / counts.values[0]),
    color=plot.style.GREY,
    label="square root",
    zorder=0,
)
right.set(xlabel="samples of the class", ylabel="scale of its samples' logits")
right.legend()
plt.show()
