"""Figures of a measurement: norms per class against predictions, cosines sorted by class size,
distances to every prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes

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
    """Return the classes from the largest to the smallest, equal ones in the order of their
    labels.
    """
    return np.argsort(-counts.values, kind="stable")


def class_norms(
    measured: Gram,
    predictions: Mapping[str, Gram],
    counts: Counts,
    ax: Axes,
    *,
    classes: Ints | None = None,
) -> Axes:
    """Draw the norm of each class, measured as dots and each prediction as a line, all scaled to a
    mean square of 1.

    Args:
        measured: classifiers or class means of a network.
        predictions: the same part of predicted geometries, by name.
        counts: class counts; classes stand from the largest to the smallest.
        ax: to draw on.
        classes: (k,) labels of the classes, where some were left out of the measurement.

    Returns:
        The axes.

    Raises:
        ValueError: if a prediction is for another number of classes.
    """
    order = by_size(counts)
    places = np.arange(measured.k)
    drawn = [_scaled(measured)]
    for (name, gram), colour in zip(predictions.items(), cycle(COLOURS)):
        if gram.k != measured.k:
            raise ValueError(f"{name} is for {gram.k} classes, the measurement has {measured.k}")
        drawn.append(_scaled(gram))
        ax.step(places, drawn[-1][order], where="mid", color=colour, lw=1.8, label=name)
    small = measured.k > DRAWN
    ax.plot(
        places,
        drawn[0][order],
        "o",
        color=INK,
        ms=1.5 if small else 4,
        alpha=0.4 if small else 1,
        label="measured",
    )
    # The highest mark is whole; a frame from zero has no margin of its own.
    ax.set_ylim(0, 1.08 * max(float(values.max()) for values in drawn) or 1)
    ax.margins(x=0.02)
    _name_classes(order if classes is None else classes[order], ax)
    ax.set_ylabel("norm, scaled")
    ax.legend(frameon=False, fontsize=8)
    return ax


def sorted_cosines(
    gram: Gram, counts: Counts, ax: Axes, *, limit: float | None = None, classes: Ints | None = None
) -> Axes:
    """Draw the cosines between the vectors of classes, from the largest class (top left) to the
    smallest.

    More than DRAWN classes are drawn in that many bins of neighbours, each pair of bins by the mean
    cosine of two different classes. Where there are no two, or a vector is zero, nothing is drawn.

    Args:
        gram: of the vectors.
        counts: class counts.
        ax: to draw on.
        limit: the cosine of the strongest colour; by default the largest there is, and 0.02 at
            least.
        classes: (k,) labels of the classes, where some were left out of the measurement.

    Returns:
        The axes.
    """
    order = by_size(counts)
    values = _binned_cosines(gram, order)
    strongest = max(float(np.nanmax(np.abs(values), initial=0.0)), 0.02) if limit is None else limit
    drawn = np.ma.masked_invalid(values)
    image = ax.imshow(drawn, cmap=DIVERGING, vmin=-strongest, vmax=strongest, interpolation="none")
    if gram.k <= DRAWN:
        _name_classes(order if classes is None else classes[order], ax)
        ax.set_yticks(
            ax.get_xticks(), [label.get_text() for label in ax.get_xticklabels()], fontsize=7
        )
    else:
        ax.set_xlabel(f"classes from the largest to the smallest, {len(values)} bins")
        ax.set_xticks([])
        ax.set_yticks([])
    if gram.k > 12:
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=25, pad=0.03)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8)
    else:
        for (i, j), value in np.ndenumerate(values):
            if np.isfinite(value):
                ax.text(
                    j,
                    i,
                    number(value),
                    ha="center",
                    va="center",
                    fontsize=5.5,
                    color="white" if abs(value) > 0.7 * strongest else INK,
                )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def distances(measured: Geometry, predictions: Mapping[str, Geometry], ax: Axes) -> Axes:
    """Draw the scale-free distance of each part of a geometry to each prediction as bars, with the
    numbers.

    Raises:
        ValueError: if there is no prediction, or one is for another number of classes.
    """
    if not predictions:
        raise ValueError("there is no prediction to draw a distance to")
    parts = ("classifiers", "class means", "class logits")
    height = 0.8 / len(predictions)
    for i, (name, other) in enumerate(predictions.items()):
        places = np.arange(3) + (i - (len(predictions) - 1) / 2) * height
        values = measured.distance(other)
        widths = np.nan_to_num(values)
        ax.barh(places, widths, height * 0.9, color=COLOURS[i % len(COLOURS)], label=name)
        for place, value, width in zip(places, values, widths, strict=True):
            text = f"{value:.2f}" if np.isfinite(value) else "not defined, one of the two is zero"
            ax.annotate(
                text,
                (width, place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    ax.set_yticks(range(3), parts)
    ax.invert_yaxis()
    longest = max(bar.get_width() for bar in ax.patches)  # type: ignore[attr-defined]
    ax.set_xlim(0, longest * 1.15 or 1)
    ax.set_xlabel("distance (0 same direction, 2 opposite)")
    ax.legend(frameon=False, fontsize=8)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _binned_cosines(gram: Gram, order: Ints) -> Floats:
    """Return the mean cosines of two different classes, one of each of two bins; NaN where there
    are no two.
    """
    lengths = gram.norms()[order]
    known = lengths > 0
    scale = (known / np.where(known, lengths, 1))[:, None]
    unit = [gram.groups.expand(part)[order] * scale for part in (gram.left, gram.right)]
    starts = np.unique(np.linspace(0, gram.k, min(gram.k, DRAWN), endpoint=False).astype(int))
    left, right = (np.add.reduceat(part, starts, axis=0) for part in unit)
    sizes = np.add.reduceat(known.astype(np.float64), starts)
    # A class with itself is no pair: a measured vector has a cosine of 1 with itself, a predicted
    # one stands for its whole group.
    itself = np.add.reduceat(np.vecdot(*unit), starts)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    result: Floats = np.full(pairs.shape, np.nan)
    np.divide(left @ right.T - np.diag(itself), pairs, out=result, where=pairs > 0)
    return result


def _scaled(gram: Gram) -> Floats:
    squares = gram.squared_norms()
    return np.asarray(np.sqrt(squares / (squares.mean() or 1)))


def _name_classes(names: Ints, ax: Axes) -> None:
    ax.set_xlabel("class, from the largest to the smallest")
    if len(names) <= 25:
        ax.set_xticks(range(len(names)), [str(name) for name in names], fontsize=7)
    else:
        ax.set_xticks([])
