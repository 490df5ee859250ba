"""What a diagnosis says of the geometry: the verdict, and how much of a distance is of the law."""

from __future__ import annotations

from collections.abc import Mapping

from lopsided import predict
from lopsided.geometry import Geometry
from lopsided.measure.collapse import Collapse
from lopsided.measure.shown import SPLIT
from lopsided.measure.verdict import of_geometry

#: One part of a distance is the more by this factor.
MORE = 1.5
#: Nearer than this it is the law.
NEAR = 0.01


def predictions(collapse: Collapse) -> dict[str, Geometry]:
    """Return what can be predicted of all classes that were trained: SELI only for training counts
    that are known or, of a lopsided set, supposed.
    """
    known = collapse.counts_given or len(collapse.minorities)
    counts = collapse.trained or collapse.counts
    seli = {"SELI": predict.seli(counts)} if known else {}
    return seli | {"ETF": predict.etf(counts.k)}


def geometry(collapse: Collapse, laws: Mapping[str, Geometry]) -> list[str]:
    """Return the sentences on geometry, of a measurement with a head."""
    return [said for said in (of_geometry(collapse, laws), _of_law(collapse, laws)) if said]


def _of_law(collapse: Collapse, laws: Mapping[str, Geometry]) -> str:
    """Say how much of the distance of the classifiers to the first law is misfit to it, and how
    much what makes classes of equal count differ; nothing where no two have equal counts.
    """
    if collapse.k > SPLIT or collapse.counts.groups.m == collapse.k or not laws:
        return ""
    name = next(iter(laws))
    found = collapse.splits({name: laws[name]})[name].classifiers
    if not found.distance > NEAR or not found.individual:  # NaN, of zero; no two classes alike
        return ""
    which = (
        "mostly single classes"
        if found.individual > MORE * found.law
        else "mostly the law"
        if found.law > MORE * found.individual
        else "as much the law as single classes"
    )
    return (
        f"Of the classifiers' distance {found.distance:.2f} to {name}, {found.law:.2f} is misfit to"
        f" the law and {found.individual:.2f} what makes classes of equal counts differ (in"
        f" squares): {which}."
    )
