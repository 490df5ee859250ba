"""Figures of claims and training runs: points, and quantities by the frequency of a class."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from lopsided.plot.style import FAINT, MAJORITY
from lopsided.reproduce.figures.lines import GREY


def scattered(
    groups: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    ax: Axes,
    *,
    x: str,
    label: str,
    log: bool = False,
) -> Axes:
    """Draw points, one colour and mark a name.

    Args:
        groups: name -> places and heights.
        ax: to draw on.
        x: label of the horizontal axis.
        label: of the vertical one.
        log: logarithmic horizontal axis.
    """
    shades = colormaps["viridis"](np.linspace(0.05, 0.8, len(groups)))
    marks = cycle("os^Dv")
    for (name, (places, heights)), shade, mark in zip(groups.items(), shades, marks, strict=False):
        ax.plot(places, heights, mark, ms=4.5, mfc="none", color=shade, label=name)
    if log:
        ax.set_xscale("log")
    ax.set_xlabel(x)
    ax.set_ylabel(label)
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.legend().set_in_layout(False)
    return ax


def by_frequency(lines: Mapping[str, npt.ArrayLike], ax: Axes, *, label: str = "") -> Axes:
    """Draw for each name its (k,) values against the classes, the most frequent first."""
    shades = colormaps["viridis"](np.linspace(0.05, 0.8, len(lines)))
    for (name, values), shade in zip(lines.items(), shades, strict=True):
        y = np.asarray(values, np.float64)
        ax.plot(np.arange(1, len(y) + 1), y, "o-", ms=3, lw=1.3, color=shade, label=name)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("class, the most frequent first")
    ax.set_ylabel(label)
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.legend().set_in_layout(False)
    return ax


def against_each_other(
    across: npt.ArrayLike, up: npt.ArrayLike, ax: Axes, *, x: str, label: str
) -> Axes:
    """Draw pairs of positive numbers as points on two logarithmic axes, and where both are equal.

    Args:
        across: (n,) numbers of the horizontal axis.
        up: (n,) of the vertical one.
        ax: to draw on.
        x: label of the horizontal axis.
        label: of the vertical one.
    """
    places, heights = np.asarray(across, np.float64), np.asarray(up, np.float64)
    ax.plot(places, heights, ".", ms=3, color=MAJORITY)
    ends = [min(places.min(), heights.min()), max(places.max(), heights.max())]
    ax.plot(ends, ends, color=GREY, lw=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(numticks=5))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(x)
    ax.set_ylabel(label)
    return ax
