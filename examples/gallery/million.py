"""
A million classes
=================

Zipf's law over a million classes, such as the words of a language: every norm and the whole
spectrum of SELI, in closed form.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

counts = Counts.zipf(k=1_000_000, largest=10_000_000)
seli = predict.seli(counts)

rank = np.arange(1, counts.k + 1)
shown = np.unique(np.geomspace(1, counts.k - 1, 400).astype(int)) - 1
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for part, gram, colour in (
    ("classifiers", seli.classifiers, plot.style.MAJORITY),
    ("class means", seli.embeddings, plot.style.MINORITY),
):
    left.loglog(rank[shown], gram.norms()[shown], color=colour, label=part)
    right.loglog(rank[shown], gram.spectrum()[shown], color=colour, label=part)
left.set(xlabel="class, from the largest", ylabel="norm")
right.set(xlabel="number", ylabel="eigenvalue of the Gram matrix")
left.legend()
plt.show()
