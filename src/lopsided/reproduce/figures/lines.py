"""Figures of claims and training runs: quantities against epochs, ridges and ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lopsided.plot.style import FAINT, MAJORITY, MIDDLE, MINORITY

#: The colour of each line by its name; told apart by lightness too, for print and for the
#: colour-blind.
COLOURS = {
    "SELI": MAJORITY,
    "ETF": MINORITY,
    "UFM": MIDDLE,
    "free bias": "#8a4f9e",
    "own ridge": MIDDLE,
    "best ridge": "#555555",
    "majority": MAJORITY,
    "minority": MINORITY,
    "cross": MIDDLE,
    "classifiers": MAJORITY,
    "class means": MINORITY,
    "largest classes": MAJORITY,
    "smallest classes": MINORITY,
}
GREY = "#555555"
#: Places up to which each is named on its axis.
FEW = 8


def against_epochs(
    epochs: npt.ArrayLike,
    series: Mapping[str, npt.ArrayLike],
    ax: Axes,
    *,
    label: str = "",
    log: bool = False,
) -> Axes:
    """Draw one line a name against log-spaced epochs, each named at its end.

    Args:
        epochs: (t,) epochs.
        series: name -> (t,) values.
        ax: to draw on.
        label: of the vertical axis.
        log: logarithmic vertical axis.

    Returns:
        The axes.
    """
    x = np.asarray(epochs, np.float64)
    ends = []
    for name, values in series.items():
        y = np.asarray(values, np.float64)
        colour = COLOURS.get(name, GREY)
        ax.plot(x, y, color=colour, lw=1.8, solid_capstyle="round")
        ax.plot(x[-1:], y[-1:], "o", color=colour, ms=3.5, clip_on=False)
        ends.append((float(y[-1]), name, colour))
    ax.set_xscale("log")
    _plain(ax.xaxis)
    ax.set_xlim(x[0], x[-1] if len(x) > 1 else x[0] * 10)
    if log:
        ax.set_yscale("log")
    elif all(np.min(values) >= 0 for values in series.values()):
        ax.set_ylim(bottom=0)
    if label:
        ax.set_ylabel(label)
    ax.set_xlabel("epoch")
    ax.grid(axis="y", lw=0.4, color=FAINT)
    if len(series) > 1:
        _name_ends(ends, float(x[-1]), ax)
    return ax


def _name_ends(ends: Sequence[tuple[float, str, str]], x: float, ax: Axes) -> None:
    """Write each line's name right of its end, names pushed apart where lines end close
    together.
    """
    low, high = ax.get_ylim()
    places: list[float] = []
    for value, name, colour in sorted(ends):
        place = (value - low) / (high - low)
        if places:
            place = max(place, places[-1] + 0.09)
        places.append(place)
        ax.annotate(
            f"{name} {value:.2f}",
            (1, place),
            xytext=(6, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8,
            annotation_clip=False,
        )


def against_ratio(
    ratios: npt.ArrayLike, series: Mapping[str, npt.ArrayLike], ax: Axes, *, label: str = ""
) -> Axes:
    """Draw one line a name against the imbalance ratio R, logarithmic."""
    x = np.asarray(ratios, np.float64)
    for name, values in series.items():
        ax.plot(x, np.asarray(values), color=COLOURS.get(name, GREY), lw=1.8, label=name)
    ax.set_xscale("log")
    _plain(ax.xaxis)
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("imbalance ratio R")
    ax.set_ylabel(label)
    ax.axhline(0, color="#999999", lw=0.5)
    ax.legend()
    return ax


def dots(series: Mapping[str, npt.ArrayLike], ax: Axes, *, label: str = "") -> Axes:
    """Draw small positive numbers, one mark a name in each column, on a logarithmic axis."""
    for (name, values), marker in zip(series.items(), cycle("os^Dv")):
        y = np.asarray(values, np.float64)
        ax.plot(np.arange(len(y)), y, marker, ms=4.5, mfc="none", label=name)
    ax.set_yscale("log")
    ax.set_xticks([])
    ax.set_ylabel(label)
    ax.legend(ncols=len(series), loc="lower center", bbox_to_anchor=(0.5, 1))
    return ax


def several(
    lines: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    ax: Axes,
    *,
    x: str,
    label: str = "",
    log: bool = False,
) -> Axes:
    """Draw repetitions: for each name its (t,) places and its (t, seeds) values, all seeds in one
    colour.

    Args:
        lines: name -> places and values, from few to many.
        ax: to draw on.
        x: label of the horizontal axis, which is logarithmic, down to the least place above a zero.
        label: of the vertical axis.
        log: logarithmic vertical axis.
    """
    shades = colormaps["viridis"](np.linspace(0.05, 0.8, len(lines)))
    ticks = np.unique(np.concatenate([np.ravel(places) for places, _ in lines.values()]))
    alone = len(ticks) == 1  # a line of one place is seen by its mark alone
    for (name, (places, values)), shade in zip(lines.items(), shades, strict=True):
        for i, column in enumerate(np.asarray(values, np.float64).T):
            told = name if i == 0 else None
            mark = "o" if alone else None
            ax.plot(np.asarray(places), column, marker=mark, color=shade, lw=1.3, label=told)
    if alone and ticks[0] > 0:
        ax.set_xlim(ticks[0] / 2, 2 * ticks[0])
    if ticks[0] > 0:
        ax.set_xscale("log")
    else:  # a logarithmic axis has no zero, and would leave it out
        ax.set_xscale("symlog", linthresh=float(ticks[ticks > 0].min(initial=1.0)))
    _plain(ax.xaxis)
    if len(ticks) <= FEW:
        ax.set_xticks(ticks)
    if log:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        _plain(ax.yaxis, (1, 2, 5) if high < 100 * low else (1,))
        ax.set_ylim(low, high * (high / low) ** (0.1 * len(lines)))  # room for the names
    elif all(np.min(values) >= 0 for _, values in lines.values()):
        ax.set_ylim(bottom=0)
    ax.set_xlabel(x)
    ax.set_ylabel(label)
    ax.grid(axis="y", lw=0.4, color=FAINT)
    # A long name must not squeeze the axes.
    ax.legend(loc="upper right" if log else "best").set_in_layout(False)
    return ax


def _plain(axis: Axis, of_ten: Sequence[float] = (1,)) -> None:
    """Write plain numbers on an axis that is logarithmic, at some multiples of powers of ten."""
    axis.set_major_locator(LogLocator(subs=of_ten, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def by_row(
    rows: Sequence[str], series: Mapping[str, npt.ArrayLike], ax: Axes, *, label: str = ""
) -> Axes:
    """Draw one mark a name in each named row; NaN where there is none.

    Args:
        rows: names, from top to bottom.
        series: name -> one value a row.
        ax: to draw on.
        label: of the horizontal axis.
    """
    places = np.arange(len(rows))
    for (name, values), marker in zip(series.items(), cycle("osD^v")):
        colour = COLOURS.get(name, GREY)
        ax.plot(
            np.asarray(values, np.float64),
            places,
            marker,
            ms=6,
            color=colour,
            mfc="none",
            mew=1.4,
            label=name,
        )
    ax.set_yticks(places, rows)
    ax.invert_yaxis()
    if not any(np.any(np.asarray(values) < 0) for values in series.values()):
        ax.set_xlim(left=0)
    ax.set_xlabel(label)
    ax.grid(axis="y", lw=0.4, color=FAINT)
    ax.tick_params(axis="y", length=0)
    ax.legend(
        ncols=len(series),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        columnspacing=1.2,
        handletextpad=0.2,
    )
    return ax
