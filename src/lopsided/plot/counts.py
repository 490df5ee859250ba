"""Class counts as bars, from the largest class to the smallest."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from lopsided.counts import Counts, CountsLike
from lopsided.plot.gram import NAMED, by_size, name_classes
from lopsided.plot.style import MAJORITY, class_colours, on_axes

#: Counts of at least this ratio are drawn on a logarithmic scale.
STEEP = 30


def counts(counts: CountsLike, ax: Axes | None = None) -> Axes:
    """Draw the samples of each class, on a logarithmic scale where the largest class has 30 times
    those of the smallest.

    Args:
        counts: class counts; classes stand from the largest to the smallest.
        ax: to draw on; by default new ones.

    Returns:
        The axes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> len(counts([50, 20, 5], Figure().subplots()).patches)
        3
    """
    counts, ax = Counts.of(counts), on_axes(ax)
    order, values = by_size(counts, counts.k), counts.values
    if counts.k <= NAMED:
        colours = np.array(class_colours(counts, counts.k))[order]
        ax.bar(np.arange(counts.k), values[order], color=colours.tolist())
    else:
        ax.fill_between(np.arange(counts.k), values[order], step="mid", color=MAJORITY)
    if counts.ratio >= STEEP:
        ax.set_yscale("log")
    name_classes(order, counts, None, ax)
    ax.set_ylabel("samples")
    return ax
