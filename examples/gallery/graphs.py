"""
Graphs collapse where nodes of a class see the same
===================================================

Two classes of 30 nodes under a layer that sees a node and the mean of its neighbors: within over
between variance at the optimum, against how unlike the nodes of a class are in what they see
(Kothapalli, Tirer and Bruna 2023). Random graphs of communities, from sparse to dense; on graphs
where all see the same both are zero.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import measure, plot, solve

rng, labels = np.random.default_rng(0), np.repeat([0, 1], 30)
unlike, own, around = [], [], []
for share in np.geomspace(0.15, 0.9, 10):
    chance = np.where(labels[:, None] == labels, share, share / 3)
    linked = np.triu(rng.random((60, 60)) < chance, 1) + np.eye(60)  # each its own neighbor
    graph = np.maximum(linked, linked.T)
    fractions = measure.neighbor_fractions(graph, labels)
    means = fractions.reshape(2, 30, 2).mean(axis=1)
    unlike.append(np.mean(np.sum((fractions - means[labels]) ** 2, axis=1)))
    optimum = solve.graph_ufm(graph, labels, ridge=0.5, width=4, starts=1)
    own.append(optimum.ratios[0])
    around.append(optimum.ratios[1])

ax = plt.figure(figsize=(5.6, 3.8), layout="constrained").subplots()
ax.plot(unlike, around, "o", color=plot.style.MINORITY, label="means of neighbors")
ax.plot(unlike, own, "o", color=plot.style.MAJORITY, label="features")
ax.set(xscale="log", yscale="log", ylabel="tr $S_W$ / tr $S_B$")
ax.set_xlabel("mean squared spread of what nodes of a class see")
ax.xaxis.set_minor_formatter("")
ax.legend()
plt.show()
