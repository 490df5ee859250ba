"""
Several centers a class, several domains
========================================

Two frames that are no simplex of classes: three centers for each of four classes (Yan et al.
2024), and class means of five classes in three domains under two frozen heads, where a domain
moves every class alike (Wang et al. 2024).
"""

import matplotlib.pyplot as plt

from lopsided import plot, predict

centers = predict.multiple_centers([90, 30, 10, 10], [3, 3, 3, 3], angle=0.6)
domains = predict.compositional(5, 3, ridge=0.3)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
names = [f"{c}.{i}" for c in range(4) for i in range(3)]
plot.gram(centers.embeddings, left, names=names).set_title("centers of a class lean together")
left.set(xlabel="class.center")
names = [f"{c}{'abc'[i]}" for c in range(5) for i in range(3)]
plot.gram(domains.embeddings, right, names=names).set_title("class and domain add up")
right.set(xlabel="class and domain")
plt.show()
