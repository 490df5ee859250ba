"""
A bias changes the law
======================

Where the bias of the head is free of weight decay, the classifiers sum to zero, and those of
rare classes do not crowd. Ten classes on a long tail.
"""

import matplotlib.pyplot as plt

from lopsided import Counts, plot, predict

counts = Counts.exponential(k=10, largest=1000, ratio=100)
laws = {"no bias, SELI": predict.seli(counts), "free bias": predict.free_bias(counts)}

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
for (name, law), colour in zip(
    laws.items(), (plot.style.MAJORITY, plot.style.MINORITY), strict=True
):
    norms = law.classifiers.norms()
    axes[0].plot(norms / norms.mean(), "o-", color=colour, label=name)
axes[0].set(xlabel="class, from the largest", ylabel="norm over the mean norm", ylim=(0, None))
axes[0].legend()
for ax, (name, law) in zip(axes[1:], laws.items(), strict=True):
    plot.gram(law.classifiers, ax, counts=counts, limit=0.5).set_title(name)
plt.show()
