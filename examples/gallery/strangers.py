"""
Whom scores take for strangers
==============================

Where 5 % of all new samples are taken for another distribution's, which classes are they of? Class
means and classifiers of the SELI geometry of a long tail, R = 100, with the same noise in every
class and as many new samples of each. It is the frequent classes: their means are short, and their
long classifiers make noise loud. Where networks take the rare ones for strangers, they do so
because these are less well known, not because of the geometry: `lopsided reproduce rare-ood`.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, measure, plot, predict
from lopsided.measure import ood

counts = Counts.exponential(10, largest=1000, ratio=100)
W, H = predict.seli(counts).vectors(16)
rng, k = np.random.default_rng(0), counts.k

labels, new = (np.repeat(np.arange(k), many) for many in (counts.values, 2000))
trained, features = (H[y] + 0.1 * rng.normal(size=(len(y), 16)) for y in (labels, new))
moments = measure.Moments(k, 16)
moments.update(trained, labels)
known = ood.Known.of(moments, W)

ax = plt.figure(figsize=(5.6, 3.8), layout="constrained").subplots()
colours = (plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE, plot.style.GREY)
for name, colour in zip(("logit", "NECO", "NCI", "visible"), colours, strict=True):
    shares = ood.rejected(ood.SCORES[name](known, features), new, k)
    ax.plot(np.arange(1, k + 1), shares, "o-", color=colour, label=name)
ax.axhline(0.05, color=plot.style.FAINT, lw=1)
ax.set(xlabel="class, the most frequent first", ylabel="share rejected", ylim=(0, None))
ax.legend()
plt.show()
