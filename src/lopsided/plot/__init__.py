"""Figures of geometries: every function takes what it draws and the matplotlib axes to draw on, and
returns the axes.
"""

from __future__ import annotations

from lopsided import needs

needs.matplotlib()  # before anything here imports it without a sentence for those who lack it

from lopsided.plot.counts import counts  # noqa: E402
from lopsided.plot.curves import curves  # noqa: E402
from lopsided.plot.frame import frame  # noqa: E402
from lopsided.plot.geometry import geometry  # noqa: E402
from lopsided.plot.gram import gram  # noqa: E402
from lopsided.plot.measured import class_norms, distances  # noqa: E402
from lopsided.plot.path import ridge_path, training_paths  # noqa: E402
from lopsided.plot.style import save  # noqa: E402

__all__ = [
    "class_norms",
    "counts",
    "curves",
    "distances",
    "frame",
    "geometry",
    "gram",
    "ridge_path",
    "save",
    "training_paths",
]
