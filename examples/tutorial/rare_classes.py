"""
My model ignores the rare classes
=================================

Train a small network on a few handwritten digits, half of them rare; ask what ails it; take the
head that is prescribed; measure again on samples that neither training nor the prescription has
seen. It takes a few seconds, and the digits come with scikit-learn:

.. code-block:: sh

    pip install 'lopsided[reproduce]'
    python examples/tutorial/rare_classes.py
"""

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided import Counts, measure, plot

torch.manual_seed(0)

# %%
# A training set with a long tail
# -------------------------------
#
# 100 samples of each digit from 0 to 4, two of each from 5 to 9, a ratio of 50. A quarter as many,
# at least one, are held out of training: they will tell what the network does to samples that it
# has not seen. All the others are the test.
images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
counts = Counts.step(k=10, minority=2, ratio=50)
train, val, test = [], [], []
for c, n in enumerate(counts):
    own = torch.nonzero(labels == c)[:, 0]
    own = own[torch.randperm(len(own))].tolist()
    held = max(n // 4, 1)
    train, val, test = train + own[:n], val + own[n : n + held], test + own[n + held :]
print(f"{len(train)} samples to train on, {len(val)} held out, {len(test):,} for the test")

# %%
# Train
# -----
#
# Plain cross-entropy, as everybody begins.


def loader(chosen, shuffle=False):
    """Return batches of some of the samples."""
    data = TensorDataset(images[chosen].float() / 16, labels[chosen])
    return DataLoader(data, batch_size=32, shuffle=shuffle)


model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
for _ in range(15):
    for x, y in loader(train, shuffle=True):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def recalls(network):
    """Return the share of test samples of each class that are answered right."""
    with torch.no_grad():
        right = (network(images[test].float() / 16).argmax(1) == labels[test]).numpy()
    return np.array([right[labels[test].numpy() == c].mean() for c in range(10)])


before = recalls(model).mean()
print(f"balanced accuracy on the test: {before:.1%}")

# %%
# Diagnose
# --------
#
# ``diagnose`` takes the samples trained on, for the geometry, and samples held out of training, for
# the errors. It says what the network answers, why, and what to do about it.
diagnosis = measure.diagnose(
    model, loader(train), counts, held_out=loader(val), loss="cross-entropy", show_progress=False
)
print(diagnosis)

# %%
# The geometry shows the cause. The classifiers of rare classes are less than half as long as those
# of frequent ones, about as SELI, the law of this imbalance, says; a short classifier rarely wins.
plot.class_norms(
    diagnosis.collapse.geometry.classifiers,
    {name: law.classifiers for name, law in diagnosis.laws.items()},
    counts,
)
plt.show()

# %%
# Fix
# ---
#
# The prescription is another head for the same features: nothing else is trained. It says what it
# gains, with a 90 % interval, before you take it.
prescription = diagnosis.prescription
better = copy.deepcopy(model)
prescription.apply_(better[-1])

# %%
# Measure again
# -------------
#
# Did it keep its promise?
after = recalls(better).mean()
low, high = prescription.interval
print(f"On {len(test):,} test samples balanced accuracy goes from {before:.1%} to {after:.1%}:")
print(f"{100 * (after - before):+.1f} points; promised were {100 * low:+.1f} to {100 * high:+.1f}.")

# %%
# Class by class: what the rare digits gain, and what the frequent ones pay.
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
places = np.arange(10)
ax.bar(places - 0.2, recalls(model), 0.38, color=plot.style.GREY, label="as trained")
ax.bar(places + 0.2, recalls(better), 0.38, color=plot.style.MINORITY, label="prescribed head")
ax.set_xticks(places, [f"{c}\n{n}" for c, n in enumerate(counts)])
ax.set(xlabel="digit, and its training samples", ylabel="answered right", ylim=(0, 1.02))
ax.legend(loc="upper right")
plt.show()

# %%
# From here
# ---------
#
# * Your own model: :doc:`/guides/diagnose` takes any module and any loader, and
#   :doc:`/guides/integrations` what sits inside Lightning or Hugging Face.
# * What stands behind the numbers: :doc:`/guides/prescribe`.
# * Why the classifiers come out as they do: :doc:`/theory/concepts`.
