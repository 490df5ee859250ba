"""Figures of steered geometries: quantities against the exponent of a loss, and losses beside each
other.
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


def losses_beside(
    points: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], ax: Axes, *, x: str, y: str
) -> Axes:
    """Draw one named mark a loss with the spread over its seeds.

    Args:
        points: loss -> its (seeds,) values along x and along y.
        ax: to draw on.
        x: label of the horizontal axis.
        y: label of the vertical axis.

    Returns:
        The axes.
    """
    shades = colormaps["viridis"](np.linspace(0.0, 0.85, len(points)))
    for (name, (along, up)), shade, marker in zip(points.items(), shades, cycle("osD^v<>PX*h8")):
        a, b = np.asarray(along, np.float64), np.asarray(up, np.float64)
        ax.errorbar(
            a.mean(),
            b.mean(),
            xerr=_spread(a),
            yerr=_spread(b),
            fmt=marker,
            color=shade,
            ms=4.5,
            lw=0.8,
            capsize=1.5,
            label=name,
        )
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(lw=0.4, color=FAINT)
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _spread(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
