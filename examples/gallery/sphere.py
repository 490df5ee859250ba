"""
Counts and temperature on a circle
==================================

Unit features and unit classifiers in two dimensions, two classes of 50 samples and three of
one. At a high temperature the rare classes share one place; as it falls they part, and in the
limit the counts no longer matter (Jiang et al. 2023). Found by descent from several starts.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, solve

found = solve.spherical([50, 50, 1, 1, 1], d=2, temperatures=[0.5, 0.15, 0.02], starts=4)

figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.3), layout="constrained")
turn = np.linspace(0, 2 * np.pi, 200)
for ax, code in zip(axes, found, strict=True):
    ax.plot(np.cos(turn), np.sin(turn), color=plot.style.FAINT, lw=1)
    angles = np.arctan2(*code.geometry.vectors(2)[0].T[::-1])
    for c, angle in enumerate(angles):
        colour = plot.style.MAJORITY if c < 2 else plot.style.MINORITY
        ax.plot([0, np.cos(angle)], [0, np.sin(angle)], color=colour, lw=3 if c < 2 else 2)
    ax.set_title(f"temperature {code.temperature:g}")
    ax.set_aspect("equal")
    ax.set_axis_off()
plt.show()
