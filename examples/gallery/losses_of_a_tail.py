"""
What a loss does to a long tail
===============================

A hundred classes from 500 samples to 5, as in CIFAR-100-LT. Where six parameterisations of
cross-entropy lead as the ridge vanishes (Behnia et al. 2023): the norms of classifiers and of
class means. Weights and logit adjustment change nothing here; scales do.
"""

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, ScalarFormatter

from lopsided import Adjustment, Counts, plot, predict

counts = Counts.exponential(k=100, largest=500, ratio=100)
losses = {
    "cross-entropy, weighted, logit-adjusted": Adjustment.logit_adjusted(counts),
    "CDT, γ = ½ (Ye et al. 2020)": Adjustment.cdt(counts, 0.5),
    "LDT, γ = ½": Adjustment.ldt(counts, 0.5),
    "VS, γ = ¼ (Kini et al. 2021)": Adjustment.vs(counts, 0.25, 1.0),
}
styles = plot.style.INK, plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for (name, adjustment), colour in zip(losses.items(), styles, strict=True):
    geometry = predict.cross_entropy(counts, adjustment)
    for ax, gram in zip(axes, (geometry.classifiers, geometry.embeddings), strict=True):
        ax.semilogy(gram.norms() / gram.norms().mean(), color=colour, label=name)
for ax, title in zip(axes, ("classifiers", "class means"), strict=True):
    ax.set(title=title, xlabel="class, from the largest", ylabel="norm over the mean norm")
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks([0.3, 0.5, 1, 2])
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
plt.show()
