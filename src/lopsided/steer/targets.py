"""Targets: what a geometry can be wanted to be, each a number that is 0 where it is met, and the
parts that number is made of.

`TARGETS` lists them by name. Any function of a `Geometry` that is to be as small as possible serves
as well, and so does a `Geometry` itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from lopsided import shape
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.predict import etf
from lopsided.shape import margins, relative_margins

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


def _or_infinite(value: float) -> float:
    """A spread that is not defined, for a zero vector, is as far from the wish as can be."""
    return float("inf") if math.isnan(value) else value


def norm_spread(gram: Gram) -> float:
    """Return the spread of the lengths; infinite where all are zero."""
    return _or_infinite(shape.norm_spread(gram))


def angle_spread(gram: Gram) -> float:
    """Return the spread of the angles about the simplex's; infinite where a vector is zero."""
    return _or_infinite(shape.angle_spread(gram))


def misalignment(geometry: Geometry) -> float:
    """Return the spread of the angles between classifiers and means about their unweighted mean;
    infinite where one is zero.
    """
    return _or_infinite(shape.alignment_spread(geometry.about_mean()))


# Functions with a name each, since a `Design` holds its target and is sent between processes.


def _gram(part: str, geometry: Geometry) -> Gram:
    """Return a Gram, that of the class means about their unweighted mean: so they are measured."""
    gram: Gram = getattr(geometry.about_mean() if part == "embeddings" else geometry, part)
    return gram


def _simplex_distance(part: str, geometry: Geometry) -> float:
    return _gram(part, geometry).distance(etf(geometry.k).classifiers)


def _spread_of(spread: Callable[[Gram], float], part: str, geometry: Geometry) -> float:
    return spread(_gram(part, geometry))


def _simplex_part(part: str, how: str = "") -> Target:
    return Target(
        f"etf-{part}",
        f"distance of the Gram of the {part}{how} to that of the simplex ETF, from 0 to 2",
        partial(_simplex_distance, part),
        {
            f"equal norms of {part}": partial(_spread_of, norm_spread, part),
            f"equal angles of {part}": partial(_spread_of, angle_spread, part),
        },
    )


def _margin_lost(geometry: Geometry) -> float:
    return float(1 - relative_margins(geometry).min())


def _margin_spread(geometry: Geometry) -> float:
    return float(1 - margins(geometry.logits).min() / margins(geometry.logits).max())


def _distance_to(goal: Geometry, geometry: Geometry) -> float:
    return float(np.sqrt(np.mean(np.square(geometry.about_mean().distance(goal)))))


def _part_to(goal: Geometry, part: str, geometry: Geometry) -> float:
    own: Pairing = getattr(geometry.about_mean(), part)
    return own.distance(getattr(goal, part))


def nearest_to(wanted: Geometry) -> Target:
    """Return the target of a given geometry: the root mean square of the distances of classifiers,
    embeddings and logits, class means of both about their unweighted mean, as those of a network
    are measured.
    """
    goal = wanted.about_mean()
    return Target(
        f"nearest to {wanted.source.name}",
        "root mean square of the distances of classifiers, embeddings and logits, from 0 to 2",
        partial(_distance_to, goal),
        {part: partial(_part_to, goal, part) for part in ("classifiers", "embeddings", "logits")},
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
        _simplex_part("embeddings", ", about their unweighted mean,"),
        Target(
            "equal-norms",
            "standard deviation of the classifiers' norms over their mean",
            partial(_spread_of, norm_spread, "classifiers"),
            {"equal norms of classifiers": partial(_spread_of, norm_spread, "classifiers")},
        ),
        Target(
            "largest-margin",
            "how much less than 1 the smallest margin is, where 1 is the simplex ETF of equal"
            " norms",
            _margin_lost,
            {
                "equal margins": _margin_spread,
                "vectors as short as the ETF's for these margins": _margin_lost,
            },
        ),
        Target(
            "aligned",
            "root mean square distance between the unit vectors of w_c and mu_c, class means about"
            " their unweighted mean",
            misalignment,
            {"alignment": misalignment},
        ),
    )
}
