"""
Two geometries of four classes
==============================

With balanced classes, classifiers (solid) and class means (dashed) form a simplex: all lengths
and all angles are equal. At a ratio of 100 the classifiers of large classes grow long, those of
small classes short and crowded (Thrampoulidis et al. 2022).
"""

import matplotlib.pyplot as plt

from lopsided import Counts, plot, predict

figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 4.2), layout="constrained")
plot.frame(predict.seli(Counts([100] * 4)), left).set_title("balanced: the simplex ETF")
plot.frame(predict.seli(Counts([100, 100, 1, 1])), right).set_title("100 : 1, SELI")
plt.show()
