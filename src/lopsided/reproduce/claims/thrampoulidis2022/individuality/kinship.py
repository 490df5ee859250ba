"""Kinship: whether the individual parts of different networks are the same, and whether they are
the data's.

The individual part of a run is u(G) - E u(G), u to norm 1 and E the average over classes of equal
count. Here it is a vector of one number a pair of classes, of mean 0 over the pairs of each kind,
so that a cosine of two of them is a correlation. Runs of one network on one data set are averaged
to a unit. The test relabels the classes of one unit by chance; where all unbalanced runs of both
had one order of the counts, classes of equal count alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.groups import Groups
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import DeepRun, data_title
from lopsided.reproduce.claims.thrampoulidis2022.individuality.averages import matrices
from lopsided.reproduce.claims.thrampoulidis2022.individuality.images import Similarity
from lopsided.reproduce.claims.thrampoulidis2022.individuality.numbers import Kinship, Pair, Unit
from lopsided.split import average, seen, unit

#: Data set -> what its classes are, where another data set has the same.
CLASSES = {"digits": "digits", "mnist": "digits"}


def individual(run: DeepRun, field: str) -> Floats:
    """Return the (k, k) individual part of a run, its diagonal 0, of norm 1.

    Args:
        run: the run.
        field: of a `Seen`.
    """
    shown = matrices(run)
    return apart(getattr(seen(shown), field), shown.counts)


def apart(matrix: Floats, counts: Ints) -> Floats:
    """Return what of a (k, k) matrix makes classes of equal count differ, off the diagonal and of
    norm 1.
    """
    left = unit(matrix) - average(unit(matrix), Groups.of_columns(counts))
    np.fill_diagonal(left, 0.0)
    return unit(left)


def kinship(
    runs: Sequence[DeepRun], field: str, similar: Mapping[str, Similarity], permutations: int
) -> Kinship:
    """Return the units of these runs and how their individual parts correlate.

    Args:
        runs: of one number of classes, with some of equal count.
        field: of a `Seen`.
        similar: data set -> similarity of its classes, as far as the data is there.
        permutations: of each test.
    """
    units: dict[str, list[DeepRun]] = {}
    for run in runs:
        units.setdefault(_unit_of(run), []).append(run)
    own = {name: [individual(run, field) for run in of] for name, of in units.items()}
    means = {name: unit(np.mean(parts, axis=0)) for name, parts in own.items()}
    blocks = {name: _blocks(of) for name, of in units.items()}
    rng = np.random.default_rng(0)
    pairs = [
        Pair(
            i, j, *relabelled(means[a], means[b], _common(blocks[a], blocks[b]), permutations, rng)
        )
        for (i, a), (j, b) in combinations(enumerate(units), 2)
    ]

    def to(name: str, of: Sequence[DeepRun], which: int) -> tuple[float, ...]:
        known = similar.get(of[0].settings.dataset)
        if known is None:
            return ()
        other = unit(
            np.mean([apart(known[which], np.asarray(r.numbers.counts)) for r in of], axis=0)
        )
        return relabelled(
            other, means[name], _common(blocks[name], blocks[name]), permutations, rng
        )

    return Kinship(
        tuple(
            Unit(
                name,
                data_title(of[0]),
                CLASSES.get(of[0].settings.dataset, of[0].settings.dataset),
                len(of),
                _within(own[name]),
                to(name, of, 0),
                to(name, of, 1),
            )
            for name, of in units.items()
        ),
        tuple(pairs),
    )


def relabelled(
    a: Floats, b: Floats, blocks: Ints, permutations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the correlation of two (k, k) individual parts, and the share of relabellings of the
    first within blocks of classes that reach it, the true labels among them.
    """
    found = float(np.vdot(a, b))
    reached = 1
    for _ in range(permutations):
        order = np.arange(len(blocks))
        for block in np.unique(blocks):
            members = np.flatnonzero(blocks == block)
            order[members] = rng.permutation(members)
        reached += float(np.vdot(a[np.ix_(order, order)], b)) >= found - 1e-12
    return found, reached / (permutations + 1)


def _unit_of(run: DeepRun) -> str:
    s = run.settings
    net = f"MLP {s.depth}×{s.width}" if s.model == "mlp" else f"{s.model}, width {s.width}"
    order = ", permuted" if s.profile == "given" else ""
    return f"{net} on {data_title(run)}{order}"


def _blocks(runs: Sequence[DeepRun]) -> set[tuple[int, ...]]:
    """Return the partitions of the classes by count, as the unbalanced runs have them."""
    found = (np.unique(run.numbers.counts, return_inverse=True)[1] for run in runs)
    return {tuple(labels.tolist()) for labels in found if labels.any()}


def _common(a: set[tuple[int, ...]], b: set[tuple[int, ...]]) -> Ints:
    """Return the one partition of all unbalanced runs; a single block where there are several."""
    (first, *others) = a | b or {(0,)}
    return np.asarray(first if not others else (0,) * len(first))


def _within(parts: Sequence[Floats]) -> float | None:
    found = [float(np.vdot(a, b)) for a, b in combinations(parts, 2)]
    return float(np.mean(found)) if found else None
