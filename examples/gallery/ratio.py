"""
More and more imbalance
=======================

Ten classes, half of them rare. As the ratio grows, minority classifiers collapse onto one;
minority class means never do (Thrampoulidis et al. 2022).
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

ratios = np.geomspace(1, 10_000, 60).round(2)
theory = [predict.seli(Counts.step(k=10, minority=100, ratio=ratio)) for ratio in ratios]
plot.curves(ratios, theory, label="ratio R of majority to minority samples")
plt.show()
