"""The exact drawing of up to four classes: their classifiers and class means span at most three
dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from lopsided.arrays import Floats, require_noun
from lopsided.geometry import Geometry
from lopsided.naming import tight
from lopsided.plot.style import FAINT, GREY, class_colours, on_axes

#: Turn about the vertical axis and tilt toward the reader, in degrees, of a frame in three
#: dimensions.
AZIMUTH, ELEVATION = 38.0, 20.0


def frame(
    geometry: Geometry, ax: Axes | None = None, *, colours: Sequence[str] | None = None
) -> Axes:
    """Draw classifiers as solid arrows and class means as dashed lines with a ring, in their true
    lengths and angles.

    Two classes lie on a line and three in a plane; four are seen in parallel projection, the two
    largest classes upward. The class means are drawn in the scale in which their squares sum to
    those of the classifiers.

    Args:
        geometry: of two, three or four classes.
        ax: to draw on; by default new ones.
        colours: one a class; by default by class size.

    Returns:
        The axes.

    Raises:
        TypeError: if it is no geometry.
        ValueError: for more than four classes, a geometry of more than three dimensions or of none,
            or one whose embeddings are no class means.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from lopsided import Counts, predict
        >>> axes = frame(predict.seli(Counts([7, 7, 7])), Figure().subplots())
        >>> [text.get_text() for text in axes.texts]
        ['$w_0$', '$w_1$', '$w_2$']
    """
    require_noun(
        geometry, Geometry, "what is drawn", "a measurement and a solution have it as .geometry"
    )
    if geometry.k > 4:
        raise ValueError(
            f"a frame of {geometry.k} classes has more than three dimensions, at most 4 classes can"
            " be drawn exactly"
        )
    if not geometry.paired:
        raise ValueError(
            f"a frame draws classes, each with its mean: this geometry has {geometry.k} classifiers"
            f" and {geometry.m} embeddings of other samples"
        )
    order = (
        np.arange(geometry.k)
        if geometry.counts is None
        else np.argsort(-geometry.counts.values, kind="stable")
    )
    w, m = _oriented(geometry, list(order))
    ax = on_axes(ax)
    if w.any() and m.any():
        m = m * np.sqrt((w**2).sum() / (m**2).sum())
    colours = class_colours(geometry.counts, geometry.k) if colours is None else colours
    (flat_w, depth), (flat_m, _) = _project(w), _project(m)
    reach = 1.12 * float(np.abs(np.vstack([flat_w, flat_m])).max())
    for i in range(geometry.k):
        for j in range(i):
            ax.plot(*flat_w[[i, j]].T, color=FAINT, lw=0.9, zorder=1)
    halo: list[patheffects.AbstractPathEffect] = [
        patheffects.withStroke(linewidth=4.6, foreground="white")
    ]
    nearness = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)
    for c, (colour, near) in enumerate(zip(colours, nearness, strict=True)):
        width = 1.9 + 0.7 * near
        arrow = FancyArrowPatch(
            (0, 0),
            flat_w[c],
            arrowstyle="-|>",
            color=colour,
            lw=width,
            shrinkA=0,
            shrinkB=0,
            mutation_scale=13,
        )
        arrow.set_path_effects(halo)
        ax.add_patch(arrow).set_zorder(3 + near)
        ax.plot(
            *np.vstack([[0, 0], flat_m[c]]).T,
            color=colour,
            lw=1.3,
            ls=(0, (3.2, 2.2)),
            zorder=5 + near,
        )
        ax.plot(*flat_m[c], "o", color=colour, ms=6, mfc="white", mew=1.4, zorder=6 + near)
        # A mean at the tip of its classifier needs no name of its own.
        apart = float(np.linalg.norm(flat_m[c] - flat_w[c])) > 0.15 * reach
        for sign, tip in [("w", flat_w[c]), *([("\\mu", flat_m[c])] if apart else [])]:
            x, y = _label(np.vstack([flat_w, flat_m]), tip, 0.1 * reach)
            ax.text(
                x,
                y,
                _called(geometry, c, sign),
                parse_math=geometry.counts is None or geometry.counts.names is None,
                color=colour,
                ha="center",
                va="center",
                fontsize=11,
                zorder=9,
            )
    ax.plot(0, 0, "o", color=GREY, ms=3, zorder=8)
    ax.set(xlim=(-reach * 1.1, reach * 1.1), ylim=(-reach * 1.1, reach * 1.1), aspect="equal")
    ax.set_axis_off()
    return ax


def _oriented(geometry: Geometry, order: list[int]) -> tuple[Floats, Floats]:
    """Return classifiers and means in coordinates right, away and up that depend on the geometry
    alone.
    """
    w, m = geometry.vectors()
    if (d := w.shape[1]) > 3:
        raise ValueError(f"this geometry has {d} dimensions, at most 3 can be drawn exactly")
    vectors = [
        vector / length
        for vector in (*w[order], *m[order])
        if (length := np.linalg.norm(vector)) > 0
    ]
    if not vectors:
        raise ValueError("all classifiers and class means are zero, there is nothing to draw")
    # Of four classes the two largest point upward and lie in the plane of up and right.
    toward = [vectors[0] + vectors[1], vectors[0] - vectors[1], *vectors] if d == 3 else vectors
    axes: list[Floats] = []
    for vector in toward:
        rest = vector - sum((vector @ axis * axis for axis in axes), np.zeros(d))
        if len(axes) < d and np.linalg.norm(rest) > 1e-6:
            axes.append(rest / np.linalg.norm(rest))
    basis = np.zeros((d, 3))
    for axis, place in zip(axes, ((0,), (2, 0), (2, 0, 1))[d - 1], strict=True):
        basis[:, place] = axis
    return w @ basis, m @ basis


def _called(geometry: Geometry, c: int, sign: str) -> str:
    """Return what a tip is called: a classifier by its class, its mean with a μ beside; classes are
    numbered from 0, as everywhere.
    """
    if geometry.counts is None or geometry.counts.names is None:
        return f"${sign}_{c}$"
    return tight(geometry.counts.called(c), 12) + (" μ" if sign != "w" else "")


def _project(points: Floats) -> tuple[Floats, Floats]:
    """Return (k, 2) places on the page, and how near each point is to the reader."""
    turn, tilt = np.radians([AZIMUTH, ELEVATION])
    if not points[:, 1].any():
        return points[:, [0, 2]], np.zeros(len(points))
    right = points[:, 0] * np.cos(turn) - points[:, 1] * np.sin(turn)
    away = points[:, 0] * np.sin(turn) + points[:, 1] * np.cos(turn)
    return np.column_stack([right, points[:, 2] * np.cos(tilt) + away * np.sin(tilt)]), points[
        :, 2
    ] * np.sin(tilt) - away * np.cos(tilt)


def _label(tips: Floats, tip: Floats, distance: float) -> tuple[float, float]:
    """Return the place beside a tip that is farthest from all lines, rather outward than not."""
    lines = (tips[:, None, :] * np.linspace(0, 1, 33)[:, None]).reshape(-1, 2)
    angles = np.arange(0, 2 * np.pi, np.pi / 12)
    places = tip + distance * np.column_stack([np.cos(angles), np.sin(angles)])
    free = np.minimum(np.linalg.norm(places[:, None] - lines, axis=2).min(axis=1), distance)
    outward = (places - tip) @ tip / max(float(np.linalg.norm(tip)), 1e-9)
    x, y = places[np.argmax(free + 0.3 * outward)]
    return float(x), float(y)
