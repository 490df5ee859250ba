"""Cosines of class against class as a heat map, comparable between theory and measurement and
readable for any number of classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from scipy.sparse import csr_array

from lopsided.arrays import Floats, Ints, require_noun, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.gram import Gram
from lopsided.naming import tight
from lopsided.plot.style import DIVERGING, FAINT, INK, number, on_axes

#: Up to so many classes each has its cell; beyond, neighbours in the order of size are averaged.
DRAWN = 200
#: Up to so many groups of interchangeable classes are named and their cosines written.
GROUPS = 6
#: Up to so many classes each cell has its number, and up to so many each class its name.
WRITTEN, NAMED = 12, 25
#: The strongest colour is never of a smaller cosine, lest colours make much of rounding.
LEAST = 0.02


def gram(
    gram: Gram,
    ax: Axes | None = None,
    *,
    counts: CountsLike | None = None,
    names: Sequence[str] | None = None,
    limit: float | None = None,
    of: str = "class",
) -> Axes:
    """Draw the cosines between k vectors, the cosine of a vector with itself left grey.

    More than DRAWN classes are drawn in that many bins of neighbours, each pair of bins by the mean
    cosine of two different classes. Where there are no two, or a vector is zero, nothing is drawn.

    Args:
        gram: of the vectors.
        ax: to draw on; by default new ones.
        counts: class counts; with them classes stand from the largest to the smallest.
        names: what the k classes are called; by default what the counts call them.
        limit: cosine of the strongest colour, positive; by default the largest there is, see
            `strongest`.
        of: what each vector is of, as the axis says it: a context, a label set.

    Returns:
        The axes.

    Raises:
        TypeError: if it is no Gram.
        ValueError: if counts or names are of another number of classes, or the limit is not
            positive and finite.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from lopsided import predict
        >>> axes = gram(predict.etf(4).classifiers, Figure().subplots())
        >>> [text.get_text() for text in axes.texts]
        ['−.33']
    """
    counts = None if counts is None else Counts.of(counts)
    require_classes(gram, counts, names)
    top = strongest(gram, counts=counts) if limit is None else require_number(limit, "limit")
    if not 0 < top < np.inf:
        raise ValueError(f"the cosine of the strongest colour must be positive, got limit={limit}")
    ax = on_axes(ax)
    order = by_size(counts, gram.k)
    values = binned_cosines(gram, order)
    ax.set_facecolor(FAINT)
    image = ax.imshow(
        np.ma.masked_invalid(values),
        cmap=DIVERGING,
        norm=Normalize(-top, top),
        interpolation="none",
    )
    groups = gram.groups if counts is None else counts.groups
    starts = np.flatnonzero(np.diff(groups.of_class(order), prepend=-1))
    if gram.groups.m < gram.k and len(starts) <= GROUPS and gram.k <= DRAWN:
        _blocks(values, starts, top, ax)
        _name_blocks(order, starts, counts, names, ax, of)
    else:
        if gram.k <= WRITTEN:
            _write_cells(values, top, ax)
        name_classes(order, counts, names, ax, both=True, of=of)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=25, pad=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8)
    return ax


def require_classes(gram: Gram, counts: Counts | None, names: Sequence[str] | None) -> None:
    """Refuse what are no vectors, and counts or names of another number of classes than theirs.

    Raises:
        TypeError: naming what came.
        ValueError: naming both numbers.
    """
    require_noun(gram, Gram, "what is drawn", "a geometry has .classifiers and .embeddings")
    for what, given in (("counts", counts), ("names", names)):
        if given is not None and len(given) != gram.k:
            raise ValueError(f"the {what} are of {len(given)} classes, the vectors of {gram.k}")


def strongest(*grams: Gram, counts: Counts | None = None) -> float:
    """Return the largest cosine that `gram` would draw of any of some Grams, for one scale of
    colours in all of their pictures.
    """
    drawn = [np.abs(binned_cosines(gram, by_size(counts, gram.k))) for gram in grams]
    return max(LEAST, *(float(np.nanmax(values, initial=0.0)) for values in drawn))


def by_size(counts: Counts | None, k: int) -> Ints:
    """Return the classes from the largest to the smallest, equal ones in the order of their
    labels.
    """
    return np.arange(k) if counts is None else np.argsort(-counts.values, kind="stable")


def binned_cosines(gram: Gram, order: Ints) -> Floats:
    """Return the mean cosines of two different classes, one of each of two bins of neighbours; NaN
    where there are no two.
    """
    k, groups = gram.k, gram.groups
    lengths = np.sqrt(gram.diagonal)
    known = lengths > 0
    scale = (known / np.where(known, lengths, 1))[:, None]
    left, right = gram.left * scale, gram.right * scale
    bins = np.empty(k, np.int64)
    bins[order] = np.arange(k) * min(k, DRAWN) // k
    # How many classes of each group a bin has: structure makes a million classes as cheap as few.
    of = groups.of_class(np.arange(k))
    members = csr_array((np.ones(k), (bins, of)), shape=(min(k, DRAWN), groups.m))
    sizes = members @ known.astype(np.float64)
    # A class with itself is no pair: a measured vector has a cosine of 1 with itself, a predicted
    # one stands for its whole group.
    itself = members @ np.vecdot(left, right)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    sums = (members @ left) @ (members @ right).T - np.diag(itself)
    result: Floats = np.full(pairs.shape, np.nan)
    np.divide(sums, pairs, out=result, where=pairs > 0)
    return result


def name_classes(
    order: Ints,
    counts: Counts | None,
    names: Sequence[str] | None,
    ax: Axes,
    *,
    both: bool = False,
    of: str = "class",
) -> None:
    """Name the classes along an axis: each of few, a few of many by their names or their counts."""
    k = len(order)
    cells = min(k, DRAWN) if both else k
    named = names is not None or counts is None or counts.names is not None or counts.groups.m == 1
    chosen = np.arange(k) if k <= NAMED else np.linspace(0, k - 1, 6).round().astype(int)
    if k <= NAMED or named:
        called = [str(c) if names is None else names[c] for c in order[chosen]]
        if names is None and counts is not None:
            called = counts.called(order[chosen])
        title = of
    else:
        assert counts is not None
        called, title = [f"{n:,}" for n in counts[order[chosen]]], f"samples of a {of}"
    labels = [tight([name]) for name in called]
    long = k <= NAMED and max(map(len, labels)) * k > 60
    places = chosen * cells // k
    ax.set_xticks(places, labels, fontsize=7, parse_math=False, rotation=90 if long else 0)
    if both:
        ax.set_yticks(places, labels, fontsize=7, parse_math=False)
    binned = f"\n{cells} bins of {k:,}" if cells < k else ""  # which in one line has no room
    ax.set_xlabel(f"{title}{_size(counts)}{binned}")


def _size(counts: Counts | None) -> str:
    return "" if counts is None else ", from the largest to the smallest"


def _name_blocks(
    order: Ints, starts: Ints, counts: Counts | None, names: Sequence[str] | None, ax: Axes, of: str
) -> None:
    """Name the groups of interchangeable classes by their classes, or else by their counts."""
    ends = np.append(starts[1:], len(order))
    every = names if names is not None or counts is None else counts.names
    if every is not None:
        blocks = zip(starts, ends, strict=True)
        called = [tight([every[c] for c in order[start:end]]) for start, end in blocks]
        several = "classes" if of == "class" else of  # nobody knows its plural
        ax.set_xlabel(f"{several}{_size(counts)}")
    elif counts is not None:
        called = [f"{counts[int(order[start])]:,}" for start in starts]
        ax.set_xlabel(f"samples a {of}")
    else:
        called = [""] * len(starts)
    ax.set_xticks((starts + ends - 1) / 2, called, parse_math=False)
    ax.set_yticks((starts + ends - 1) / 2, called, parse_math=False)


def _blocks(values: Floats, starts: Ints, top: float, ax: Axes) -> None:
    """Part the groups, and write the cosine of each block, beside the grey diagonal where that
    passes.
    """
    ends = np.append(starts[1:], len(values))
    for edge in starts[1:] - 0.5:
        ax.axhline(edge, color="white", lw=2)
        ax.axvline(edge, color="white", lw=2)
    for upper, lower in zip(starts, ends, strict=True):
        for left, right in zip(starts, ends, strict=True):
            block = values[upper:lower, left:right]
            known = block[np.isfinite(block)]
            small = min(lower - upper, right - left) < len(values) / 25
            if not known.size or np.ptp(known) > 0.005 or small:
                continue
            across, down = (0.75, 0.25) if upper == left else (0.5, 0.5)
            x, y = left - 0.5 + across * (right - left), upper - 0.5 + down * (lower - upper)
            _write(x, y, float(known.mean()), top, ax)


def _write_cells(values: Floats, top: float, ax: Axes) -> None:
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            _write(j, i, float(value), top, ax, 5.5)


def _write(
    x: float, y: float, value: float, top: float, ax: Axes, size: float | None = None
) -> None:
    colour = "white" if abs(value) > 0.6 * top else INK
    ax.text(x, y, number(value), color=colour, ha="center", va="center", fontsize=size)
