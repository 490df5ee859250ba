"""Figures of geometries: every function takes what it draws and the matplotlib axes to draw on, and
returns the axes.
"""

from __future__ import annotations

from lopsided.plot.curves import curves
from lopsided.plot.frame import frame
from lopsided.plot.gram import gram
from lopsided.plot.measured import class_norms, distances, sorted_cosines, svg
from lopsided.plot.path import ridge_path, training_paths
from lopsided.plot.steering import against_exponent, losses_beside
from lopsided.plot.style import save
from lopsided.plot.training import against_epochs, against_ratio, dots, several

__all__ = [
    "against_epochs",
    "against_exponent",
    "against_ratio",
    "class_norms",
    "curves",
    "distances",
    "dots",
    "frame",
    "gram",
    "losses_beside",
    "ridge_path",
    "save",
    "several",
    "sorted_cosines",
    "svg",
    "training_paths",
]
