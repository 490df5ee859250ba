"""
Collapse, metric by metric
==========================

``measure.watch`` around a plain training loop on digits: NC1 (Papyan, Han and Donoho 2020),
CDNV, the distance of the classifiers to the ETF and to SELI, and NC3, epoch by epoch.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn

from lopsided import Counts, measure, plot, predict

torch.manual_seed(0)
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
counts = Counts.step(k=10, minority=10, ratio=10)
train = torch.cat([torch.nonzero(labels == c)[:n, 0] for c, n in enumerate(counts)])
x, y = images[train].float() / 16, labels[train]

model = nn.Sequential(
    nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10, bias=False)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-3)
laws = {"SELI": predict.seli(counts), "ETF": predict.etf(10)}
epochs = 200
with measure.watch(model, head=model[-1], counts=counts, predictions=laws) as watch:
    for _ in range(epochs):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        watch.labels(y)
        optimizer.step()
        watch.epoch()

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
steps = range(1, epochs + 1)
for name, colour in (
    ("nc1", plot.style.MAJORITY),
    ("cdnv", plot.style.MINORITY),
    ("nc3", plot.style.MIDDLE),
):
    left.loglog(steps, [row[name] for row in watch.history], color=colour, label=name.upper())
left.set(xlabel="epoch", title="collapse")
left.legend()
for law, colour in (("SELI", plot.style.MAJORITY), ("ETF", plot.style.GREY)):
    told = [row[f"{law}/classifiers"] for row in watch.history]
    right.semilogx(steps, told, color=colour, label=f"to {law}")
right.set(xlabel="epoch", title="distance of the classifiers", ylim=(0, None))
right.legend()
plt.show()
