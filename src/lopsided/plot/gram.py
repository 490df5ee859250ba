"""Cosines of class against class as a heatmap, with the groups of interchangeable classes
marked.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.plot.style import DIVERGING, FAINT, INK, number

#: Up to so many classes each has its cell; of more, so many are drawn, evenly chosen in the order
#: of size.
DRAWN = 200
#: Up to so many groups are named and their cosines written.
NAMED = 6


def gram(gram: Gram, ax: Axes, *, counts: Counts | None = None, limit: float | None = None) -> Axes:
    """Draw the cosines between k vectors; the cosine of a vector with itself is left grey.

    Args:
        gram: of the vectors.
        ax: to draw on.
        counts: class counts; with them classes stand from the largest to the smallest and groups
            are named by their counts.
        limit: cosine of the strongest colour; by default the largest there is, and 0.02 at least.

    Returns:
        The axes.

    Raises:
        ValueError: if the counts are for another number of classes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from lopsided import predict
        >>> axes = gram(predict.etf(4).classifiers, Figure().subplots())
        >>> [text.get_text() for text in axes.texts]
        ['−.33']
    """
    if counts is not None and counts.k != gram.k:
        raise ValueError(f"the counts are of {counts.k} classes, the vectors of {gram.k}")
    order = np.arange(gram.k) if counts is None else np.argsort(-counts.values, kind="stable")
    shown = order[np.unique(np.linspace(0, gram.k - 1, min(gram.k, DRAWN)).round().astype(int))]
    values = gram.cosine(shown[:, None], shown[None, :])
    np.fill_diagonal(values, np.nan)
    strongest = max(float(np.nanmax(np.abs(values), initial=0.0)), 0.02) if limit is None else limit
    ax.set_facecolor(FAINT)
    image = ax.imshow(
        np.ma.masked_invalid(values),
        cmap=DIVERGING,
        norm=Normalize(-strongest, strongest),
        interpolation="none",
    )
    labels = (gram.groups if counts is None else counts.groups).of_class(shown)
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    ends = np.append(starts[1:], len(shown))
    if len(starts) <= NAMED:
        for edge in starts[1:] - 0.5:
            ax.axhline(edge, color="white", lw=2)
            ax.axvline(edge, color="white", lw=2)
        _write(values, starts, ends, strongest, ax)
        names = (
            [""] * len(starts) if counts is None else [f"{counts[int(shown[s])]}" for s in starts]
        )
        centres = (starts + ends - 1) / 2
        ax.set_xticks(centres, names)
        ax.set_yticks(centres, names)
    elif gram.k <= 2 * NAMED and counts is not None:
        ax.set_xticks(range(gram.k), [str(counts[int(c)]) for c in shown], rotation=90)
        ax.set_yticks(range(gram.k), [str(counts[int(c)]) for c in shown])
    else:
        ax.set_xticks([])
        ax.set_yticks([])
    if counts is not None:
        ax.set_xlabel(
            "samples a class"
            if ax.get_xticks().size
            else "classes, from the largest to the smallest"
        )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=25, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    return ax


def _write(values: Floats, starts: Ints, ends: Ints, strongest: float, ax: Axes) -> None:
    """Write the cosine of each block, beside the grey diagonal where that passes."""
    for top, bottom in zip(starts, ends, strict=True):
        for left, right in zip(starts, ends, strict=True):
            block = values[top:bottom, left:right]
            known = block[np.isfinite(block)]
            if (
                not known.size
                or np.ptp(known) > 0.005
                or min(bottom - top, right - left) < len(values) / 25
            ):
                continue
            across, down = (0.75, 0.25) if top == left else (0.5, 0.5)
            value = float(known.mean())
            ax.text(
                left - 0.5 + across * (right - left),
                top - 0.5 + down * (bottom - top),
                number(value),
                color="white" if abs(value) > 0.6 * strongest else INK,
                ha="center",
                va="center",
            )
