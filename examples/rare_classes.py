"""My network predicts only the majority: why, and what do I change?

Trains a small network on a few handwritten digits, half of them rare, asks what ails it, takes the
head that is prescribed, and measures again on samples that neither training nor the prescription
has seen. A few seconds:

    python examples/rare_classes.py
"""

import copy

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided import Counts, measure

torch.manual_seed(0)

# 100 samples of each digit from 0 to 4, two of each from 5 to 9 (R = 50). A quarter as many, at
# least one, are held out of training; all the others are the test.
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
counts = Counts.step(k=10, minority=2, ratio=50)
train, val, test = [], [], []
for c, n in enumerate(counts):
    own = torch.nonzero(labels == c)[:, 0]
    own = own[torch.randperm(len(own))].tolist()
    held = max(n // 4, 1)
    train, val, test = train + own[:n], val + own[n : n + held], test + own[n + held :]


def loader(chosen, shuffle=False):
    """Return batches of some of the samples."""
    data = TensorDataset(images[chosen].float() / 16, labels[chosen])
    return DataLoader(data, batch_size=32, shuffle=shuffle)


# Plain cross-entropy, as everybody begins.
model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
for _ in range(15):
    for x, y in loader(train, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

# What ails it?
diagnosis = measure.diagnose(
    model, loader(train), counts, held_out=loader(val), loss="cross-entropy", show_progress=False
)
print(diagnosis)

# Take the head that is prescribed.
better = copy.deepcopy(model)
diagnosis.prescription.apply_(better[-1])


# Did it keep its promise?
def balanced_accuracy(network):
    """Return the mean over the classes of the share of test samples that are answered right."""
    with torch.no_grad():
        right = (network(images[test].float() / 16).argmax(1) == labels[test]).numpy()
    return float(np.mean([right[labels[test].numpy() == c].mean() for c in range(10)]))


before, after = balanced_accuracy(model), balanced_accuracy(better)
low, high = diagnosis.prescription.interval
print(f"\nOn {len(test):,} test samples balanced accuracy goes from {before:.1%} to {after:.1%}:")
print(f"{100 * (after - before):+.1f} points; promised were {100 * low:+.1f} to {100 * high:+.1f}.")
