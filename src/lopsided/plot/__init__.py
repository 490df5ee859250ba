"""Figures of geometries: every function takes what it draws and the matplotlib axes to draw on, and
returns the axes.
"""

from __future__ import annotations

from lopsided.plot.curves import curves
from lopsided.plot.frame import frame
from lopsided.plot.gram import gram
from lopsided.plot.measured import class_norms, distances
from lopsided.plot.path import ridge_path, training_paths
from lopsided.plot.style import save

__all__ = [
    "class_norms",
    "curves",
    "distances",
    "frame",
    "gram",
    "ridge_path",
    "save",
    "training_paths",
]
