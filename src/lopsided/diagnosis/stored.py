"""The diagnosis of stored features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lopsided.counts import Counts
from lopsided.diagnosis.diagnosis import Diagnosis
from lopsided.geometry import Geometry
from lopsided.measure.collapse import Collapse
from lopsided.measure.counted import seen_of
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.storage.store import Progress, Store
from lopsided.measure.verdict.words import classes
from lopsided.steer.prescribe import Trained, prescribed
from lopsided.steer.prescribe.prescription import Loss


def diagnose_stored(
    collapse: Collapse,
    train: Store,
    held_out: Store | None,
    counts: Counts | None = None,
    *,
    loss: Loss | None = None,
    laws: Mapping[str, Geometry] | None = None,
    progress: Progress = lambda rows: None,
) -> Diagnosis:
    """Return the diagnosis of a network of which features are stored.

    Args:
        collapse: what `lopsided.measure.stored` measured of the training samples, and the counts.
        train: the training samples, with the head.
        held_out: samples that were not trained on, or None.
        counts: training samples of each class of the head, which `collapse` has of the classes
            measured only; by default those, where none is left out.
        loss: the network was trained with, None for unknown.
        laws: predictions to compare the geometry with, by name.
        progress: told the number of rows read for the prescription since the last call.

    Raises:
        ValueError: if there is no head, the sets do not fit, or a sample cannot be used.
    """
    weight, bias = train.weight, train.bias
    if weight is None:
        raise ValueError("a diagnosis needs the head's weight, with the features or by --head")
    if held_out is not None:
        train.require_alike(held_out)
    if counts is None and collapse.k == train.k:
        counts = collapse.counts
    notes: tuple[str, ...] = ()
    prescription = None
    if counts is None:
        absent = classes(sorted({*range(train.k)} - {*collapse.classes.tolist()}))
        notes = (
            f"What to do is not known: there are no training samples of {absent}; give counts.",
        )
    else:
        second = None if held_out is None else train  # a second head only where it can be tried
        seen = seen_of(collapse, train.k)
        trained = Trained.of((weight, bias), second, counts, loss, progress, seen)
        prescription = prescribed(trained, held_out, progress)
    decisions = None if held_out is None else _decisions(train, held_out)
    return Diagnosis.of(collapse, decisions, prescription, counts, laws=laws, notes=notes)


def _decisions(train: Store, held_out: Store) -> Decisions:
    """Return what the head of the one answers to the samples of the other."""
    decisions, bias = Decisions(train.k), 0.0 if train.bias is None else train.bias
    weight = np.asarray(train.weight)
    for span in held_out.spans():
        for features, y in held_out.batches(span):
            logits = features.astype(np.float64) @ weight.T + bias
            decisions.update(logits, y, linear=True)
    return decisions
