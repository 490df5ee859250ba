"""Figures of a measurement: norms per class against predictions, cosines sorted by class size, distances to every prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.plot.style import DIVERGING, GREY, INK, MAJORITY, MIDDLE, MINORITY, number

#: Up to so many classes each is drawn; beyond, neighbours in the order of size are averaged.
DRAWN = 200
#: One colour a prediction, in the order given; told apart by lightness too.
COLOURS = (MAJORITY, MINORITY, MIDDLE, GREY)


def by_size(counts: Counts) -> Ints:
    """Return the classes from the largest to the smallest, equal ones in the order of their labels."""
    return np.argsort(-counts.values, kind="stable")


def class_norms(measured: Gram, predictions: Mapping[str, Gram], counts: Counts, ax: Axes) -> Axes:
    """Draw the norm of each class, measured as dots and each prediction as a line, all scaled to a mean square of 1.

    Args:
        measured: classifiers or class means of a network.
        predictions: the same part of predicted geometries, by name.
        counts: class counts; classes stand from the largest to the smallest.
        ax: to draw on.

    Returns:
        The axes.

    Raises:
        ValueError: if a prediction is for another number of classes.
    """
    order = by_size(counts)
    places = np.arange(measured.k)
    for (name, gram), colour in zip(predictions.items(), COLOURS, strict=False):
        if gram.k != measured.k:
            raise ValueError(f"{name} is for {gram.k} classes, the measurement has {measured.k}")
        ax.step(places, _scaled(gram)[order], where="mid", color=colour, lw=1.8, label=name)
    small = measured.k > DRAWN
    ax.plot(places, _scaled(measured)[order], "o", color=INK, ms=1.5 if small else 4, alpha=0.4 if small else 1, label="measured")
    ax.set_ylim(0, None)
    ax.margins(x=0.02)
    _name_classes(order, ax)
    ax.set_ylabel("norm, scaled")
    ax.legend(frameon=False, fontsize=8)
    return ax


def sorted_cosines(gram: Gram, counts: Counts, ax: Axes, *, limit: float = 0.5) -> Axes:
    """Draw the cosines between the vectors of classes, from the largest class (top left) to the smallest.

    More than DRAWN classes are drawn in that many bins of neighbours, each pair of bins by its mean cosine.

    Args:
        gram: of the vectors.
        counts: class counts.
        ax: to draw on.
        limit: the cosine of the strongest colour, the same in all matrices so that they compare.

    Returns:
        The axes.
    """
    order = by_size(counts)
    lengths = gram.norms()[order, None]
    unit = [gram.groups.expand(part)[order] / np.where(lengths > 0, lengths, np.nan) for part in (gram.left, gram.right)]
    starts = np.unique(np.linspace(0, gram.k, min(gram.k, DRAWN), endpoint=False).astype(int))
    sizes = np.diff(starts, append=gram.k)[:, None]
    left, right = (np.add.reduceat(part, starts, axis=0) / sizes for part in unit)
    values = left @ right.T
    if gram.k <= DRAWN:
        np.fill_diagonal(values, np.nan)
    ax.imshow(np.ma.masked_invalid(values), cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="none")
    if gram.k <= DRAWN:
        _name_classes(order, ax)
        ax.set_yticks(ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()], fontsize=7)
    else:
        ax.set_xlabel(f"classes by size, {len(starts)} bins")
    if gram.k <= 12:
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                ax.text(
                    j, i, number(value), ha="center", va="center", fontsize=5.5, color="white" if abs(value) > 0.7 * limit else INK
                )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def distances(measured: Geometry, predictions: Mapping[str, Geometry], ax: Axes) -> Axes:
    """Draw the scale-free distance of each part of a geometry to each prediction as bars, with the numbers.

    Raises:
        ValueError: if a prediction is for another number of classes.
    """
    parts = ("classifiers", "class means", "class logits")
    height = 0.8 / len(predictions)
    for i, (name, other) in enumerate(predictions.items()):
        places = np.arange(3) + (i - (len(predictions) - 1) / 2) * height
        values = measured.distance(other)
        widths = np.nan_to_num(values)
        ax.barh(places, widths, height * 0.9, color=COLOURS[i % len(COLOURS)], label=name)
        for place, value, width in zip(places, values, widths, strict=True):
            text = f"{value:.2f}" if np.isfinite(value) else "not defined, one of the two is zero"
            ax.annotate(text, (width, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(3), parts)
    ax.invert_yaxis()
    longest = max(bar.get_width() for bar in ax.patches)  # type: ignore[attr-defined]
    ax.set_xlim(0, longest * 1.15 or 1)
    ax.set_xlabel("distance (0 same direction, 2 opposite)")
    ax.legend(frameon=False, fontsize=8)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def svg(draw: Callable[[Axes], object], size: tuple[float, float] = (5.2, 3.6)) -> str:
    """Return one drawing as an SVG element, to be put in a page.

    Args:
        draw: puts the drawing on axes.
        size: width and height in inches.
    """
    figure, text = Figure(figsize=size, layout="constrained"), StringIO()
    draw(figure.subplots())
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "lopsided"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]


def _scaled(gram: Gram) -> Floats:
    squares = gram.squared_norms()
    return np.asarray(np.sqrt(squares / (squares.mean() or 1)))


def _name_classes(order: Ints, ax: Axes) -> None:
    ax.set_xlabel("class, from the largest to the smallest")
    if len(order) <= 25:
        ax.set_xticks(range(len(order)), [str(c) for c in order], fontsize=7)
    else:
        ax.set_xticks([])
