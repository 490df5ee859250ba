"""
More classes than dimensions
============================

Where a simplex has no room, directions spread as they can. The least margin of the best code of
k classes in three dimensions beside its bounds (Jiang et al. 2023), and the energy of random
directions, of a simplex and of the uniform limit (Liu et al. 2023).
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Gram, plot, predict, solve
from lopsided.measure.metrics import energy

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
sizes = np.arange(5, 13)
codes = [solve.softmax_code(int(k), 3, starts=3).margin for k in sizes]
bounds = np.array([predict.code_bounds(int(k), 3) for k in sizes])
left.fill_between(sizes, *bounds.T, color=plot.style.FAINT, label="bounds")
left.plot(sizes, codes, "o-", color=plot.style.MAJORITY, label="best code found")
left.set(xlabel="classes in 3 dimensions", ylabel="least one-vs-rest distance")
left.legend()

rng, d = np.random.default_rng(0), 16
many = np.array([2, 3, 5, 9, 17, 40, 100, 300])
scattered = [energy(Gram.of_vectors(rng.normal(size=(k, d)))) for k in many]
simplex = [energy(predict.etf(int(k)).classifiers) for k in many if k <= d + 1]
right.semilogx(many, scattered, "o-", color=plot.style.MINORITY, label="random directions")
right.semilogx(many[: len(simplex)], simplex, "o-", color=plot.style.MAJORITY, label="simplex ETF")
right.axhline(predict.uniform_energy(d), color=plot.style.GREY, lw=1, label="uniform limit")
right.set(xlabel=f"classes in {d} dimensions", ylabel="hyperspherical energy")
right.legend()
plt.show()
