"""Averages: runs whose classes have the same counts in different orders, aligned by count.

With D_i the difference of run i from the law, of unit norm each, the mean square over all choices
of m runs of the norm of their average is

    (1/m) mean_i |D_i|^2 + (1 - 1/m) mean_{i != j} <D_i, D_j>

exactly. If what is individual belongs to single classes, and classes got their counts by lot, then
<D_i, D_j> is the square of the law part, which one run alone tells too, where classes have equal
counts: from the average over their permutations. That the two agree is the test.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided import foresee
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.groups import Groups
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import DeepRun, data_title
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import kind as kind_of
from lopsided.reproduce.claims.thrampoulidis2022.individuality.numbers import Average, Curve
from lopsided.split import Matrices, aligned, average, seen, unit

#: What is averaged -> the field of a `Seen`.
PARTS = {
    "classifiers": "classifiers",
    "class means": "embeddings",
    "logits": "logits",
    "class means, hidden part too": "means",
}


def matrices(run: DeepRun) -> Matrices:
    """Return what a run shows at its end."""
    shown = run.numbers.geometry
    A, B, L = (np.asarray(part) for part in (shown.classifiers, shown.embeddings, shown.logits))
    return Matrices(A, B, L, np.asarray(run.numbers.counts))


def averages(runs: Sequence[DeepRun]) -> tuple[Average, ...]:
    """Return an average for every kind of run that was trained with its counts in several
    orders.
    """
    kinds: dict[str, list[DeepRun]] = {}
    for run in runs:
        if run.settings.profile == "given":
            kinds.setdefault(kind_of(run), []).append(run)
    return tuple(
        of_kind(kind, members)
        for kind, members in kinds.items()
        if len({run.numbers.counts for run in members}) > 1
    )


def of_kind(kind: str, runs: Sequence[DeepRun]) -> Average:
    """Return the average of runs of one kind."""
    counts = Counts(sorted(runs[0].numbers.counts, reverse=True))
    law = foresee(runs[0].settings.problem(counts)).about_mean()
    goal = seen(
        Matrices(
            law.classifiers.matrix(), law.embeddings.matrix(), law.logits.matrix(), counts.values
        )
    )
    shown = [seen(aligned(matrices(run))) for run in runs]
    groups = Groups.of_columns(counts.values)
    curves = {
        name: curve([getattr(one, field) for one in shown], getattr(goal, field), groups)
        for name, field in PARTS.items()
    }
    return Average(kind, data_title(runs[0]), counts.ratio, groups.m < counts.k, curves)


def curve(parts: Sequence[Floats], goal: Floats, groups: Groups) -> Curve:
    """Return how the distance of averages to a law falls with their number.

    Args:
        parts: a (k, k) matrix a run, at least two, aligned by count.
        goal: the law's.
        groups: of the classes with equal counts.
    """
    law, units = unit(goal), np.array([unit(part) for part in parts])
    apart = (units - law).reshape(len(parts), -1)
    products = apart @ apart.T
    own = float(np.mean(np.diag(products)))
    others = float((products.sum() - np.trace(products)) / (len(parts) * (len(parts) - 1)))
    mean = average(units.mean(axis=0), groups)
    m = np.arange(1, len(parts) + 1)
    return Curve(
        tuple(np.sqrt(own / m + (1 - 1 / m) * others).tolist()),
        float(np.linalg.norm(mean - law)),
        float(np.sqrt(np.mean(np.sum((units - mean) ** 2, axis=(1, 2))))),
        float(np.sqrt(max(others, 0.0))),
    )
