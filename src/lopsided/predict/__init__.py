"""Predict: the geometry that a loss converges to on given class counts, in closed form.

`GEOMETRIES` lists every closed form that needs the class counts alone; each has a file of its own here.
"""

from __future__ import annotations

from collections.abc import Callable

from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.predict.cross_entropy import cross_entropy
from lopsided.predict.etf import etf
from lopsided.predict.free_bias import free_bias
from lopsided.predict.seli import seli

#: Name -> the geometry of given class counts.
GEOMETRIES: dict[str, Callable[[Counts], Geometry]] = {
    "seli": seli,
    "etf": lambda counts: etf(counts.k),
    "free-bias": free_bias,
}

__all__ = ["GEOMETRIES", "cross_entropy", "etf", "free_bias", "seli"]
