"""
Infinitely wide networks on two classes
=======================================

Variance within over that between classes, of the features that infinitely wide ReLU networks have
at initialisation (NNGP) and in lazy training (NTK), by the number of hidden layers: the kernel says
it, no network is trained (Kothapalli and Tirer 2024). Two Gaussian clouds in eight dimensions, one
of 100 samples, one of 100 or of 5.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import measure, plot, predict

rng, hidden = np.random.default_rng(0), range(1, 7)
ax = plt.figure(figsize=(5.6, 3.8), layout="constrained").subplots()
kernels = {"NNGP": predict.nngp, "NTK": predict.ntk}
for rare, style in ((100, "o-"), (5, "o--")):
    y = np.repeat([0, 1], [100, rare])
    x = rng.normal(size=(len(y), 8)) / 2 + np.where(y, 0.7, -0.7)[:, None]
    x *= np.sqrt(8) / np.linalg.norm(x, axis=1, keepdims=True)
    for (name, kernel), colour in zip(
        kernels.items(), (plot.style.MAJORITY, plot.style.MINORITY), strict=True
    ):
        ratios = []
        for layers in hidden:
            features = measure.features_of(kernel(x, layers))
            moments = measure.Moments(2, features.shape[1], "none")
            moments.update(features, y)
            ratios.append(measure.metrics.scatter_ratio(moments))
        ax.plot(hidden, ratios, style, color=colour, label=f"{name}, 100 and {rare} samples")
ax.set(xlabel="hidden layers", ylabel="tr $S_W$ / tr $S_B$", ylim=(0, None))
ax.legend()
plt.show()
