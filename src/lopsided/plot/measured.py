"""Figures of a measurement: norms per class against predictions, and distances to each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lopsided.arrays import Floats, require_noun
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.plot.gram import DRAWN, by_size, name_classes, require_classes
from lopsided.plot.style import GREY, INK, MAJORITY, MIDDLE, MINORITY, legible, on_axes, shades

#: One colour a prediction, in the order given, where these suffice; told apart by lightness too.
COLOURS = (MAJORITY, MINORITY, MIDDLE, GREY)
#: Predictions beside each other in the legend of bars.
LEGEND = 3


def class_norms(
    measured: Gram,
    predictions: Mapping[str, Gram],
    counts: CountsLike,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
) -> Axes:
    """Draw the norm of each class, measured as dots and each prediction as a line, all scaled to a
    mean square of 1.

    Args:
        measured: classifiers or class means of a network.
        predictions: the same part of predicted geometries, by name; class means of
            `law.about_mean()`.
        counts: class counts; classes stand from the largest to the smallest.
        ax: to draw on; by default new ones.
        names: what the k classes are called; by default what the counts call them.

    Returns:
        The axes.

    Raises:
        TypeError: if a Gram is none.
        ValueError: if a prediction, the counts or the names are for another number of classes.
    """
    counts = Counts.of(counts)
    require_classes(measured, counts, names)
    require_noun(predictions, Mapping, "predictions", "give each a name")
    ax = on_axes(ax)
    order = by_size(counts, measured.k)
    places = np.arange(measured.k)
    drawn = [_scaled(measured)]
    colours = shades(len(predictions), COLOURS)
    for (name, gram), colour in zip(predictions.items(), colours, strict=True):
        require_noun(gram, Gram, name, "a geometry has .classifiers and .embeddings")
        if gram.k != measured.k:
            raise ValueError(f"{name} is for {gram.k} classes, the measurement has {measured.k}")
        drawn.append(_scaled(gram))
        ax.step(places, drawn[-1][order], where="mid", color=colour, lw=1.8, label=legible(name))
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
    name_classes(order, counts, names, ax)
    ax.set_ylabel("norm, scaled")
    ax.legend(frameon=False, fontsize=8)
    return ax


def distances(
    measured: Geometry, predictions: Mapping[str, Geometry], ax: Axes | None = None
) -> Axes:
    """Draw the scale-free distance of each part of a geometry to each prediction as bars, with the
    numbers.

    Args:
        measured: the geometry.
        predictions: others, by name.
        ax: to draw on; by default new ones.

    Raises:
        TypeError: if a geometry is none.
        ValueError: if there is no prediction, or one is for another number of classes.
    """
    require_noun(measured, Geometry, "what is measured", "a measurement has it as .geometry")
    require_noun(predictions, Mapping, "predictions", "give each a name")
    if not predictions:
        raise ValueError("there is no prediction to draw a distance to")
    ax = on_axes(ax)
    kinds = ("class means", "class logits") if measured.paired else ("embeddings", "logits")
    height = 0.8 / len(predictions)
    colours = shades(len(predictions), COLOURS)
    for i, (name, other) in enumerate(predictions.items()):
        places = np.arange(3) + (i - (len(predictions) - 1) / 2) * height
        values = measured.distance(other)
        widths = np.nan_to_num(values)
        ax.barh(places, widths, height * 0.9, color=colours[i], label=legible(name))
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
    ax.set_yticks(range(3), ("classifiers", *kinds))
    rows = -(-len(predictions) // LEGEND)
    ax.set_ylim(2.5, -0.5 - 0.6 * rows)
    longest = max(bar.get_width() for bar in ax.patches)  # type: ignore[attr-defined]
    ax.set_xlim(0, longest * 1.15 or 1)
    ax.set_xlabel("distance (0 same direction, 2 opposite)")
    # Above the bars, whose numbers it would cover, and below a title.
    ax.legend(frameon=False, fontsize=8, loc="upper left", ncols=LEGEND)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _scaled(gram: Gram) -> Floats:
    squares = gram.squared_norms()
    return np.asarray(np.sqrt(squares / (squares.mean() or 1)))
