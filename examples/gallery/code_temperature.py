"""
By how much the margins of rare classes are smaller
===================================================

Unit features and unit classifiers, two classes of R samples and four of one. The margins of the
two kinds differ by temperature times log R as the temperature falls, in two dimensions as in
three (the diagonal); where there is no room for that rare classes merge. Derived here.
"""

import matplotlib.pyplot as plt
import numpy as np

from lopsided import plot, solve

temperatures = np.geomspace(0.6, 0.01, 14)
ax = plt.figure(figsize=(5.6, 4), layout="constrained").subplots()
for d, style in ((2, "o-"), (3, "s--")):
    for ratio, colour in ((10, plot.style.MAJORITY), (1000, plot.style.MINORITY)):
        found = solve.spherical([ratio] * 2 + [1] * 4, d, temperatures, starts=2)
        gaps = [code.margins[:2].mean() - code.margins[2:].min() for code in found]
        ax.plot(
            temperatures * np.log(ratio),
            gaps,
            style,
            color=colour,
            ms=3.5,
            lw=1.2,
            label=f"{d} dimensions, R = {ratio}",
        )
ax.plot([0, 2], [0, 2], color=plot.style.FAINT, lw=1)
ax.set(xlabel="temperature times log R", ylabel="gap of margins", xlim=(0, 2.2), ylim=(0, 1.6))
ax.legend(fontsize=8)
plt.show()
