"""Norm ratios and cosines along a family of geometries: theory as lines, measurements as marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lopsided.arrays import Floats, real_array, require_flag, require_noun
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.plot.style import FAINT, GREY, MAJORITY, MIDDLE, MINORITY, legible
from lopsided.shape import Contrast, contrast

#: Between which classes a cosine is; the line's colour and dashes.
PAIRS = {"majority": (MAJORITY, "-"), "minority": (MINORITY, "-"), "across": (MIDDLE, (0, (4, 2)))}


def curves(
    places: npt.ArrayLike,
    geometries: Sequence[Geometry],
    axes: Sequence[Axes] | None = None,
    *,
    label: str,
    log: bool = True,
    measured: Mapping[str, tuple[npt.ArrayLike, Sequence[Geometry]]] | None = None,
) -> Sequence[Axes]:
    """Draw squared norm ratios, cosines of classifiers and cosines of class means of geometries
    along a parameter.

    Majority are the classes of the largest count, minority those of the smallest; of a network,
    whose classes of one count differ, their mean is drawn: of squared norms, and of the cosines of
    all pairs of two of them, or of one and one.

    Args:
        places: (t,) values of the parameter, such as the ratio R or the exponent gamma, in any
            order.
        geometries: t predicted geometries with counts, drawn as lines.
        axes: three to draw on; by default new ones.
        label: of the parameter.
        log: logarithmic parameter.
        measured: name -> places and geometries that are drawn as marks. Where a network is among
            them the class means of all are drawn about their unweighted mean, as its are measured.

    Returns:
        The axes.

    Raises:
        ValueError: if there are not three axes, numbers of places and geometries differ or are 0, a
            place has none on the axis, or a geometry has no counts.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from lopsided import Counts, predict
        >>> ratios = [1, 10, 100]
        >>> theory = [predict.seli(Counts.step(k=10, minority=1, ratio=ratio)) for ratio in ratios]
        >>> axes = curves(ratios, theory, Figure().subplots(1, 3), label="ratio R")
        >>> axes[0].get_ylabel()
        'squared norm, majority over minority'
    """
    require_flag(log, "log")
    require_noun({} if measured is None else measured, Mapping, "measured")
    marked = dict(measured or {})
    for where in (places, *(where for where, _ in marked.values())):
        _require_drawn(real_array(where, "places"), log)
    if any(one.source.centered for _, found in marked.values() for one in found):
        geometries = [law.about_mean() for law in geometries]
        marked = {
            name: (where, [one.about_mean() for one in found])
            for name, (where, found) in marked.items()
        }
    if axes is None:
        from matplotlib import pyplot

        axes = list(pyplot.subplots(1, 3, figsize=(10.5, 3.5), layout="constrained")[1])
    if len(axes) != 3:
        raise ValueError(
            f"norm ratios, cosines of classifiers and of class means need 3 axes, got {len(axes)}"
        )
    for ax in axes:
        require_noun(ax, Axes, "each of axes")
    norms, *both = axes
    _lines(norms, places, geometries, _ratios)
    _lines(both[0], places, geometries, lambda geometry: _cosines(geometry, geometry.classifiers))
    _lines(both[1], places, geometries, lambda geometry: _cosines(geometry, geometry.embeddings))
    for (name, (where, found)), marker in zip(marked.items(), cycle("os^Dv")):
        _lines(norms, where, found, _ratios, marker, name)
        _lines(
            both[0],
            where,
            found,
            lambda geometry: _cosines(geometry, geometry.classifiers),
            marker,
            name,
        )
        _lines(
            both[1],
            where,
            found,
            lambda geometry: _cosines(geometry, geometry.embeddings),
            marker,
            name,
        )
    norms.set_yscale("log")
    norms.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    norms.yaxis.set_minor_formatter(NullFormatter())
    norms.set_ylabel("squared norm, majority over minority")
    both[0].set_ylabel("cosine of classifiers")
    both[1].set_ylabel("cosine of class means")
    for ax in axes:
        if log:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(numticks=6))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0)
        ax.set_xlabel(label)
        ax.grid(axis="y", lw=0.5, color=FAINT)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        if ax is not norms:
            ax.axhline(0, color=GREY, lw=0.7, zorder=1)
        ax.legend(frameon=False, fontsize=8)
    return axes


def _require_drawn(places: Floats, log: bool) -> None:
    """Refuse places that an axis lacks, which matplotlib leaves out without a word."""
    wrong = ~np.isfinite(places) | ((places <= 0) & log)
    if wrong.any():
        what = "positive on a logarithmic axis, or log=False given" if log else "finite"
        raise ValueError(f"places must be {what}, got {places[wrong].flat[0]:g}")


#: Name -> colour and dashes of the line, and the values at one geometry.
Values = dict[str, tuple[str, object, float]]


def _ratios(geometry: Geometry) -> Values:
    grams = {"classifiers": geometry.classifiers, "class means": geometry.embeddings}
    colours = {"classifiers": (MAJORITY, "-"), "class means": (MINORITY, (0, (4, 2)))}
    return {
        name: (*colours[name], _contrast(geometry, gram).norm_ratio) for name, gram in grams.items()
    }


def _cosines(geometry: Geometry, gram: Gram) -> Values:
    found = _contrast(geometry, gram)
    return {name: (*PAIRS[name], getattr(found, name)) for name in PAIRS}


def _contrast(geometry: Geometry, gram: Gram) -> Contrast:
    """Return how the largest classes differ from the smallest; all of them where all are equal."""
    if geometry.counts is None:
        raise ValueError(
            f"the geometry {geometry.source.name} has no class counts, so its majority and minority"
            " are unknown"
        )
    values = geometry.counts.values
    large, small = (np.flatnonzero(values == end) for end in (values.max(), values.min()))
    found = contrast(gram, small, large)
    return found._replace(across=found.majority) if values.max() == values.min() else found


def _lines(
    ax: Axes,
    places: npt.ArrayLike,
    geometries: Sequence[Geometry],
    values: Callable[[Geometry], Values],
    marker: str | None = None,
    name: str = "",
) -> None:
    for geometry in geometries:
        require_noun(geometry, Geometry, "what is drawn")
    x = np.asarray(places, np.float64)
    if x.shape != (len(geometries),):
        raise ValueError(
            f"one geometry a place is needed, got {len(geometries)} geometries for places of shape"
            f" {x.shape}"
        )
    if not len(x):
        raise ValueError("there is no geometry to draw")
    order = np.argsort(x, kind="stable")  # lest a line go back and forth
    x, rows = x[order], [values(geometries[i]) for i in order]
    for i, (line, (colour, dashes, _)) in enumerate(rows[0].items()):
        y = [row[line][2] for row in rows]
        if marker is None:
            ax.plot(x, y, color=colour, ls=dashes, lw=1.8, label=line)
        else:
            ax.plot(
                x,
                y,
                marker,
                color=colour,
                mfc="white",
                mew=1.3,
                ms=5,
                clip_on=False,
                zorder=4,
                label=legible(name) if i == 0 else None,
            )
