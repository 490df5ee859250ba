"""The geometry of classifiers trained on lopsided (class-imbalanced) data.

Five verbs over three nouns:

* ``predict``: class counts and loss -> `Geometry`, in closed form, for any number of classes;
* ``solve``: class counts, loss and ridge -> `Geometry`, the global optimum of the
  unconstrained-features model with a proof;
* ``measure``: features, labels and head -> `Geometry` of a trained network;
* ``steer``: wanted geometry -> loss, head, hyper-parameters;
* ``reproduce``: claim of a paper -> record: figures, numbers, verdict.

Theory, optimum and network return the same object, so `distance` compares any two of them. The
sub-packages load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, overload

from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.gram import Gram
from lopsided.loss import CrossEntropy, Squared
from lopsided.pairing import Pairing
from lopsided.problem import Problem
from lopsided.targets import Targets

if TYPE_CHECKING:
    from lopsided.theory import foresee

    __version__: str

__all__ = [
    "Adjustment",
    "Counts",
    "CrossEntropy",
    "Distances",
    "Geometry",
    "Gram",
    "Pairing",
    "Problem",
    "Source",
    "Squared",
    "Targets",
    "distance",
    "foresee",
]

#: Packages and modules that load on first use.
_PARTS = ("predict", "solve", "measure", "steer", "reproduce", "plot", "report", "shape")


@overload
def distance(a: Geometry, b: Geometry) -> Distances: ...
@overload
def distance(a: Pairing, b: Pairing) -> float: ...
def distance(a: Geometry | Pairing, b: Geometry | Pairing) -> Distances | float:
    """Return the scale-free distance of two Grams or pairings, or part by part of two geometries.

    The distance of matrices A and B is ||A/||A|| - B/||B|||| in Frobenius norms, from 0 to 2.

    Raises:
        TypeError: if one is a geometry and the other is not.
        ValueError: if the numbers of classes differ or a matrix is zero.
    """
    if isinstance(a, Geometry) and isinstance(b, Geometry):
        return a.distance(b)
    if isinstance(a, Pairing) and isinstance(b, Pairing):
        return a.distance(b)
    raise TypeError(
        f"distance compares two geometries or two matrices, got {type(a).__name__} and"
        f" {type(b).__name__}"
    )


def __getattr__(name: str) -> Any:
    if name == "foresee":  # asks predict and solve, which load on first use
        return importlib.import_module("lopsided.theory").foresee
    if name == "__version__":
        return _version()
    if name in _PARTS:
        return importlib.import_module(f"lopsided.{name}")
    raise AttributeError(f"module 'lopsided' has no attribute {name!r}")


def _version() -> str:
    from importlib import metadata  # which takes longer to import than all of this file

    try:
        return metadata.version("lopsided")
    except metadata.PackageNotFoundError:  # run from its source, never installed
        return "0+unknown"
