"""
Rules for a trained network
===========================

A small network on lopsided digits, then three rules of one strength τ and no more training:
logit adjustment (Menon et al. 2021; τ = 1 is balanced softmax, Ren et al. 2020), multiplicative
adjustment (Hasegawa and Sato 2024) and τ-normalised classifiers (Kang et al. 2020). Balanced
accuracy on test samples.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from lopsided import Counts, plot
from lopsided.steer import posthoc

torch.manual_seed(0)
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
images = images.float() / 16
counts = Counts.exponential(k=10, largest=100, ratio=50)
train = torch.cat([torch.nonzero(labels == c)[:n, 0] for c, n in enumerate(counts)])
test = torch.ones(len(labels), dtype=torch.bool)
test[train] = False

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10, bias=False))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-3)
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(images[train]), labels[train]).backward()
    optimizer.step()

with torch.no_grad():
    features = model[:2](images[test]).double().numpy()
weight = model[2].weight.detach().double().numpy()
rules = {
    "logit adjustment": lambda tau: posthoc.logit_adjustment(features @ weight.T, counts, tau),
    "multiplicative": lambda tau: posthoc.multiplicative(features @ weight.T, counts, tau),
    "τ-normalised": lambda tau: features @ posthoc.tau_normalised(weight, tau).T,
}


def balanced_accuracy(logits):
    """Return the mean over the classes of the share of right answers."""
    right, own = logits.argmax(1) == labels[test].numpy(), labels[test].numpy()
    return np.mean([right[own == c].mean() for c in range(10)])


strengths = np.linspace(0, 3, 31)
ax = plt.figure(figsize=(6.4, 3.8), layout="constrained").subplots()
for (name, rule), colour in zip(
    rules.items(), (plot.style.MAJORITY, plot.style.MINORITY, plot.style.MIDDLE), strict=True
):
    ax.plot(
        strengths, [balanced_accuracy(rule(tau)) for tau in strengths], color=colour, label=name
    )
ax.set(xlabel="strength τ; 0 changes nothing", ylabel="balanced accuracy")
ax.legend()
plt.show()
