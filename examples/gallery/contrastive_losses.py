"""
What contrastive losses want
============================

Four classes, each one point on the sphere, moved from one place to the simplex: the losses of
Khosla et al. 2020 (supervised contrastive) and of Koromilas et al. 2024 (decoupled InfoNCE and
a kernel), each over its own range. All of them are least at the simplex.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from lopsided import plot, predict, steer

simplex, _ = predict.etf(4).vectors(3)
simplex = np.hstack([simplex / np.linalg.norm(simplex, axis=1, keepdims=True), np.zeros((4, 1))])
pole = np.array([0.0, 0.0, 0.0, 1.0])
labels = torch.arange(4).repeat(2)


def paired(loss):
    """Return a loss of two views that are equal."""
    return lambda points: loss(points, points)


losses = {
    "supervised contrastive": lambda points: steer.SupervisedContrastive(0.5)(
        points.repeat(2, 1), labels
    ),
    "decoupled InfoNCE": paired(steer.DecoupledInfoNCE()),
    "kernel": paired(steer.KernelContrastive()),
}
turns = np.linspace(0.02, np.pi / 2, 60)
colours = plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE
ax = plt.figure(figsize=(6.4, 3.8), layout="constrained").subplots()
for (name, loss), colour in zip(losses.items(), colours, strict=True):
    points = [torch.tensor(np.cos(t) * pole + np.sin(t) * simplex) for t in turns]
    values = np.array([float(loss(at)) for at in points])
    cosines = [float(at[0] @ at[1]) for at in points]
    ax.plot(cosines, (values - values.min()) / np.ptp(values), color=colour, label=name)
ax.invert_xaxis()
ax.set(xlabel="cosine of two classes, from one point to the simplex", ylabel="loss, of its range")
ax.legend()
plt.show()
