"""
Kernel contrastive losses
=========================

Contrastive losses of two views share one optimum: each pair alike, and all pairs spread evenly
(Koromilas et al. 2024). Five points on the sphere of four dimensions, both views one point,
descend on four of them from one start; where there is room all end at the simplex, whose
cosines are -1/4.
"""

import matplotlib.pyplot as plt
import torch

from lopsided import plot, steer

losses = {
    "decoupled InfoNCE": steer.DecoupledInfoNCE(temperature=0.5),
    "Gaussian kernel": steer.KernelContrastive("gaussian"),
    "logarithmic kernel": steer.KernelContrastive("log"),
    "Riesz kernel": steer.KernelContrastive("riesz"),
}
start = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))

ax = plt.figure(figsize=(5.6, 3.8), layout="constrained").subplots()
colours = (plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE, plot.style.GREY)
for (name, loss), colour in zip(losses.items(), colours, strict=True):
    points = start.clone().requires_grad_()
    descent, largest = torch.optim.Adam([points], lr=0.1), []
    for _ in range(120):
        value = loss(points, points)
        descent.zero_grad()
        value.backward()
        descent.step()
        unit = torch.nn.functional.normalize(points.detach(), dim=1)
        largest.append(float((unit @ unit.T - 2 * torch.eye(5)).max()))
    ax.plot(largest, color=colour, label=name)
ax.axhline(-1 / 4, color=plot.style.FAINT, lw=1)
ax.set(xlabel="step", ylabel="largest cosine of two points")
ax.legend()
plt.show()
