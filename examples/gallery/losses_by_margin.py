"""
Losses side by side
===================

What a sample of a frequent and of a rare class pays for its margin, two classes at 100 : 1:
focal loss (Lin et al. 2017), label-dependent margins (Cao et al. 2019), logit adjustment (Menon
et al. 2021) and label-dependent temperatures (Behnia et al. 2023).
"""

import matplotlib.pyplot as plt
import torch

from lopsided import Adjustment, Counts, plot, steer

counts = Counts([100, 1])
losses = {
    "cross-entropy": steer.AdjustedCrossEntropy(Adjustment(), reduction="none"),
    "focal": steer.Focal(2.0, reduction="none"),
    "LDAM": steer.AdjustedCrossEntropy(Adjustment.ldam(counts, scale=1.0), reduction="none"),
    "logit-adjusted": steer.AdjustedCrossEntropy(
        Adjustment.logit_adjusted(counts), reduction="none"
    ),
    "LDT, γ = ½": steer.AdjustedCrossEntropy(Adjustment.ldt(counts, 0.5), reduction="none"),
}
margin = torch.linspace(-4, 8, 121, dtype=torch.float64)
colours = (
    plot.style.INK,
    plot.style.MIDDLE,
    plot.style.GREY,
    plot.style.MAJORITY,
    plot.style.MINORITY,
)

figure, axes = plt.subplots(1, 2, figsize=(9.4, 3.8), layout="constrained", sharey=True)
for label, (ax, title) in enumerate(zip(axes, ("frequent class", "rare class"), strict=True)):
    own = torch.stack([margin / 2, -margin / 2], 1) * (1 if label == 0 else -1)
    labels = torch.full((len(margin),), label)
    for (name, loss), colour in zip(losses.items(), colours, strict=True):
        ax.plot(margin, loss(own, labels), color=colour, label=name)
    ax.set(title=title, xlabel="margin of the own class", ylim=(0, 6))
axes[0].set_ylabel("loss")
axes[1].legend(fontsize=8)
plt.show()
