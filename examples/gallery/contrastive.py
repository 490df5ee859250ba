"""
Losses without a classifier
===========================

Contrastive losses have geometries of their own. Lengths of the class means of a long tail:
equal for supervised contrastive learning (Kini et al. 2023), growing with rarity for the
spectral contrastive loss (Zhai et al. 2025). Right, prototypes in every batch steer the class
means (Gill et al. 2023): the colder, the farther apart two of them are.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import Counts, plot, predict

counts = Counts.exponential(k=10, largest=500, ratio=50)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), layout="constrained")
for name, law, colour in (
    ("supervised contrastive", predict.contrastive(counts), plot.style.MAJORITY),
    ("spectral contrastive", predict.spectral_contrastive(counts), plot.style.MINORITY),
):
    left.semilogy(range(10), law.embeddings.norms(), "o-", color=colour, label=name)
left.set(xlabel="class, from the largest", ylabel="norm of the class mean")
left.legend()

temperatures = np.geomspace(0.05, 5, 30)
for own, colour in ((90, plot.style.MAJORITY), (60, plot.style.MINORITY), (30, plot.style.MIDDLE)):
    turn = np.radians([-own / 2, own / 2])
    # Two prototypes `own` degrees apart, and a third away from both.
    prototypes = np.array([*np.stack([np.cos(turn), np.sin(turn)], 1), [-1.0, 0.0]])
    cosines = [predict.prototype_means(prototypes, t).cosine(0, 1) for t in temperatures]
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    right.semilogx(temperatures, angles, color=colour, label=f"prototypes {own}° apart")
right.set(xlabel="temperature", ylabel="angle of two class means, degrees")
right.legend(fontsize=8)
plt.show()
