"""A measurement beside predictions, of classes that are all of its head's, or some of them.

A network answers all of its classes; where only some are measured, these do not lie as they would
alone, and what the head can see is seen by all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lopsided.geometry import Geometry
from lopsided.measure import network_geometry
from lopsided.measure.shown import SPLIT
from lopsided.measure.state.center import centered
from lopsided.split import Matrices, Split, about, least_seen, seen_by, split, through

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse


def comparable(collapse: Collapse, predictions: Mapping[str, Geometry]) -> dict[str, Geometry]:
    """Return predictions as the measured geometry is compared with them: see
    `Collapse.comparable`.
    """
    network_geometry.require_geometries(predictions)
    network_geometry.require_order(predictions, collapse.trained, collapse.counts)
    if collapse.every > collapse.k:
        predictions = {
            name: other.take(collapse.classes)
            if other.paired and other.k == collapse.every
            else other
            for name, other in predictions.items()
        }
    return network_geometry.comparable(predictions, collapse.k)


def splits(collapse: Collapse, predictions: Mapping[str, Geometry]) -> dict[str, Split]:
    """Return why the measured geometry is not each prediction: see `Collapse.splits`."""
    own = collapse.geometry.matrices()
    trained, head = collapse.trained, collapse.head
    if trained is not None and head is not None and collapse.every > collapse.k:
        means = centered(collapse.moments)
        own = own._replace(visible=seen_by(head, means, trained.values))
    return {
        name: split([own], _law(collapse, other, predictions[name]))
        for name, other in comparable(collapse, predictions).items()
    }


def _law(collapse: Collapse, other: Geometry, given: Geometry) -> Matrices:
    """Return what is compared of a prediction, whose class means its whole head sees."""
    law = replace(other, counts=collapse.counts).matrices()
    if collapse.trained is None or collapse.every == collapse.k:
        return law
    if given.k == collapse.every <= SPLIT:
        logits = given.logits.matrix()[:, collapse.classes]
        least = least_seen(collapse.trained.values)
        return law._replace(visible=through(given.classifiers.matrix(), logits, least))
    # Of a part alone: the classifiers of cross-entropy, all together, span the class means.
    return law._replace(visible=about(law.embeddings))
