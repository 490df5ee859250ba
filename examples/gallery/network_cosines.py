"""
The law and the network
=======================

Cosines of the classifiers of a trained network beside the prediction from its class counts
alone: MNIST, five digits with 1,000 samples, five with 100. From a committed record: run it in a
clone of the repository.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

from lopsided import Counts, Gram, plot, predict

results = Path("results") if Path("results").is_dir() else Path("../../results")
numbers = json.loads((results / "deep-mlp-mnist-step-10-none-0-0950520a.json").read_text())[
    "numbers"
]
counts = Counts(numbers["counts"])
measured = Gram.of_matrix(numbers["geometry"]["classifiers"])
law = predict.seli(counts).classifiers

figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 4), layout="constrained")
plot.gram(law, left, counts=counts, limit=0.2).set_title("SELI of the counts")
plot.gram(measured, right, counts=counts, limit=0.2)
right.set_title(f"trained network, distance {measured.distance(law):.2f}")
plt.show()
