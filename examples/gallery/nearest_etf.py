"""
The simplex nearest to the class means
======================================

A fixed ETF head (Yang et al. 2022) asks features to turn to where it happens to stand. The
nearest ETF (Markou et al. 2024) turns to the class means instead: one polar factor,
differentiable.
"""

import matplotlib.pyplot as plt
import torch

from lopsided import plot, predict, steer

means = torch.tensor([[2.0, 0.4], [-0.1, 0.7], [-1.2, -0.9]])
centred = means - means.mean(0)
fixed = steer.FixedHead(predict.etf(3), d=2, seed=4).weight
nearest = steer.nearest_etf(means)

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
heads = {"fixed, as its seed has it": fixed, "nearest to the means": nearest}
colours = plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE
for ax, (title, head) in zip(axes, heads.items(), strict=True):
    directions = head / head.norm(dim=1, keepdim=True)
    for c, colour in enumerate(colours):
        ax.plot(*zip((0, 0), centred[c].tolist(), strict=True), "--o", color=colour, mfc="white")
        ax.annotate(
            "",
            1.3 * directions[c].numpy(),
            (0, 0),
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.5},
        )
    ax.set(title=title, xlim=(-2, 2), ylim=(-1.6, 1.6), aspect="equal")
    ax.set_axis_off()
plt.show()
