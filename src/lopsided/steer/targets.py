"""Targets: what a geometry can be wanted to be, each a number that is 0 where it is met, and the parts that number is made of.

`TARGETS` lists them by name. Any function of a `Geometry` that is to be as small as possible serves as well, and so does a
`Geometry` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.predict import etf

Measure = Callable[[Geometry], float]


@dataclass(frozen=True)
class Target:
    """A wish for a geometry.

    Attributes:
        name: what to call it.
        meaning: what the distance is, in a sentence.
        distance: 0 where the wish is met.
        parts: named requirements that the wish consists of, each 0 where met.
    """

    name: str
    meaning: str
    distance: Measure
    parts: Mapping[str, Measure]


def relative_margins(geometry: Geometry) -> Floats:
    """Return (k,) the smallest margin z_y - z_c of each class mean, relative to that of the simplex ETF of equal norms.

    (k - 1) min over c != y of (w_y - w_c) . mu_y / (||W|| ||M||). The smallest of them is at most 1, and 1 for the ETF: the least
    ||W|| ||M|| with all margins 1 is the UF-SVM of balanced classes.
    """
    size = np.sqrt(_trace(geometry.classifiers) * _trace(geometry.embeddings))
    return geometry.logits.groups.expand((geometry.k - 1) * margins(geometry.logits) / size)


def margins(logits: Pairing) -> Floats:
    """Return (m,) the smallest margin z_y - z_c of each group's class means, in tiles of groups."""
    lowest = np.empty(logits.groups.m)
    single = logits.groups.sizes == 1
    for start in range(0, logits.groups.m, 1024):
        tile = np.arange(start, min(start + 1024, logits.groups.m))
        rivals = logits.left @ logits.right[tile].T
        rivals[tile, tile - start] = np.where(single[tile], -np.inf, rivals[tile, tile - start])
        lowest[tile] = logits.own[tile] - rivals.max(axis=0)
    return lowest


def norm_spread(gram: Gram) -> float:
    """Return the standard deviation of the norms over their mean."""
    norms, sizes = np.sqrt(gram.diagonal), gram.groups.sizes
    mean = np.average(norms, weights=sizes)
    return float(np.sqrt(np.average((norms - mean) ** 2, weights=sizes)) / mean) if mean > 0 else np.inf


def angle_spread(gram: Gram) -> float:
    """Return the root mean square deviation of the cosines of all pairs from the simplex's -1 / (k - 1)."""
    norms = np.sqrt(gram.diagonal)
    if not (norms > 0).all():
        return np.inf
    k, one = gram.k, np.ones((len(norms), 1))
    unit, other = gram.left / norms[:, None], gram.right / norms[:, None]
    excess = Pairing.paired(gram.groups, np.hstack([unit, one / (k - 1)]), np.hstack([other, one]), np.zeros_like(norms))
    return excess.frobenius() / float(np.sqrt(k * (k - 1)))


def misalignment(geometry: Geometry) -> float:
    """Return the root mean square distance between the unit vectors of w_c and mu_c; infinite where one is zero."""
    cosines = geometry.alignment()
    return float(np.sqrt(np.mean(np.maximum(2 - 2 * cosines, 0)))) if np.isfinite(cosines).all() else np.inf


def _trace(gram: Gram) -> float:
    return float(gram.groups.sizes @ gram.diagonal)


def _simplex_part(part: str) -> Target:
    def gram(geometry: Geometry) -> Gram:
        return geometry.classifiers if part == "classifiers" else geometry.embeddings

    return Target(
        f"etf-{part}",
        f"distance of the Gram of the {part} to that of the simplex ETF, from 0 to 2",
        lambda geometry: gram(geometry).distance(etf(geometry.k).classifiers),
        {f"equal norms of {part}": lambda g: norm_spread(gram(g)), f"equal angles of {part}": lambda g: angle_spread(gram(g))},
    )


def nearest_to(wanted: Geometry) -> Target:
    """Return the target of a given geometry: the root mean square of the distances of classifiers, embeddings and logits."""
    return Target(
        f"nearest to {wanted.source.name}",
        "root mean square of the distances of classifiers, embeddings and logits, from 0 to 2",
        lambda geometry: float(np.sqrt(np.mean(np.square(geometry.distance(wanted))))),
        {
            "classifiers": lambda g: g.classifiers.distance(wanted.classifiers),
            "embeddings": lambda g: g.embeddings.distance(wanted.embeddings),
            "logits": lambda g: g.logits.distance(wanted.logits),
        },
    )


def least(measure: Measure) -> Target:
    """Return the target of a user's function of the geometry, wanted as small as possible."""
    name = getattr(measure, "__name__", type(measure).__name__)
    return Target(name, "the function given, as small as possible", measure, {name: measure})


#: Name -> target.
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        _simplex_part("classifiers"),
        _simplex_part("embeddings"),
        Target(
            "equal-norms",
            "standard deviation of the classifiers' norms over their mean",
            lambda geometry: norm_spread(geometry.classifiers),
            {"equal norms of classifiers": lambda geometry: norm_spread(geometry.classifiers)},
        ),
        Target(
            "largest-margin",
            "how much less than 1 the smallest margin is, where 1 is the simplex ETF of equal norms",
            lambda geometry: float(1 - relative_margins(geometry).min()),
            {
                "equal margins": lambda geometry: float(1 - margins(geometry.logits).min() / margins(geometry.logits).max()),
                "vectors as short as the ETF's for these margins": lambda geometry: float(1 - relative_margins(geometry).min()),
            },
        ),
        Target(
            "aligned",
            "root mean square distance between the unit vectors of w_c and mu_c",
            misalignment,
            {"alignment": misalignment},
        ),
    )
}
