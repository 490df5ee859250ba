"""A whole geometry on one pair of axes: its frame where that can be drawn, else its cosines."""

from __future__ import annotations

from matplotlib.axes import Axes

from lopsided.arrays import require_noun
from lopsided.files import printable
from lopsided.geometry import Geometry
from lopsided.plot.frame import frame
from lopsided.plot.gram import gram


def geometry(geometry: Geometry, ax: Axes | None = None) -> Axes:
    """Draw classifiers and class means exactly where they span at most three dimensions, else the
    cosines of the classifiers.

    Args:
        geometry: any; one that is all zero has no picture.
        ax: to draw on; by default new ones.

    Returns:
        The axes.

    Raises:
        TypeError: if it is no geometry.
        ValueError: if classifiers and class means are all zero.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from lopsided import predict
        >>> geometry(predict.etf(10), Figure().subplots()).get_title()
        'cosines of classifiers, ETF'
    """
    require_noun(
        geometry, Geometry, "what is drawn", "a measurement and a solution have it as .geometry"
    )
    if drawable(geometry):
        return frame(geometry, ax)
    counts = geometry.counts if geometry.paired else None
    ax = gram(geometry.classifiers, ax, counts=counts)
    ax.set_title(f"cosines of classifiers, {printable(geometry.source.name)}", parse_math=False)
    return ax


def drawable(geometry: Geometry) -> bool:
    """Return whether `frame` can draw a geometry."""
    return geometry.paired and geometry.k <= 4 and geometry.vectors()[0].shape[1] <= 3
