"""Figures of steered geometries: quantities against the exponent of a loss, and members of a
contest.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes

from lopsided.plot.style import FAINT, MAJORITY, MINORITY

_FAMILIES = {"CDT": MAJORITY, "LDT": MINORITY}


def against_exponent(
    theory: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    trained: Mapping[str, Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]],
    ax: Axes,
    *,
    label: str,
    log: bool = False,
) -> Axes:
    """Draw a quantity against the exponent gamma: theory as lines, trained models as marks.

    Args:
        theory: family of losses -> exponents and values.
        trained: kind of model -> family -> exponents and values.
        ax: to draw on.
        label: of the vertical axis.
        log: logarithmic vertical axis.

    Returns:
        The axes.
    """
    for family, (x, y) in theory.items():
        ax.plot(
            np.asarray(x), np.asarray(y), color=_FAMILIES[family], lw=1.4, label=f"{family}, theory"
        )
    for (kind, families), marker in zip(trained.items(), cycle("o^s")):
        for family, (x, y) in families.items():
            ax.plot(
                np.asarray(x),
                np.asarray(y),
                marker,
                color=_FAMILIES[family],
                ms=4,
                mfc="none" if marker == "o" else None,
                label=f"{family}, {kind}",
            )
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("exponent γ")
    ax.set_ylabel(label)
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.legend(fontsize=7)
    return ax


def ahead(points: Mapping[str, Mapping[str, npt.NDArray[np.float64]]], ax: Axes, *, x: str) -> Axes:
    """Draw how far each member of a contest is ahead, a line a member, the best in the mean first.

    Args:
        points: member -> data -> (seeds,) differences.
        ax: to draw on.
        x: label of the horizontal axis.

    Returns:
        The axes.
    """
    names = sorted(
        points, key=lambda name: np.mean([each.mean() for each in points[name].values()])
    )
    titles = list(dict.fromkeys(title for each in points.values() for title in each))
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(titles)))
    ax.axvline(0.0, lw=0.8, color=FAINT)
    for i, (title, shade, marker) in enumerate(zip(titles, shades, cycle("osD^v<>"))):
        there = [row for row, name in enumerate(names) if title in points[name]]
        values = [points[names[row]][title] for row in there]
        ax.errorbar(
            [each.mean() for each in values],
            np.array(there) + 0.6 * ((i + 0.5) / len(titles) - 0.5),
            xerr=[_spread(each) for each in values],
            fmt=marker,
            color=shade,
            ms=3,
            lw=0.6,
            label=title,
        )
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.set_xlabel(x)
    ax.grid(lw=0.4, color=FAINT)
    ax.legend(fontsize=7, ncols=2, loc="lower center", bbox_to_anchor=(0.3, 1.0))
    return ax


def _spread(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
