"""Classes: columns are labels, rows and columns the same groups of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats
from lopsided.groups import Groups
from lopsided.memory import require_memory
from lopsided.problem import Problem


def parts(problem: Problem, groups: Groups | None) -> dict[str, Any]:
    """Return what `Reduced` holds of a problem on classes, by its own symmetry or by a finer
    partition.
    """
    assert problem.counts is not None
    counts = problem.counts
    parameters = (problem.adjustment or Adjustment()).resolve(counts)
    joint, index, _ = parameters.groups.join(parameters.groups if groups is None else groups)
    require_memory(
        8.0 * 40 * joint.m**2, f"the optimum for {joint.m:,} groups of interchangeable classes"
    )
    k, v = joint.sizes.astype(np.float64), parameters.counts[index].astype(np.float64)
    copies = np.repeat(k[:, None], joint.m, axis=1)
    np.fill_diagonal(copies, k - 1)
    factor = np.outer(parameters.columns[index], parameters.samples[index])
    own, shift = factor.diagonal().copy(), parameters.shift[index]
    offset = shift[:, None] - shift + parameters.own[index]
    # A class is not asked to beat itself: cells of no class have no margin, which would hide
    # those that there are.
    offset[copies == 0] = 0
    return {
        "groups": joint,
        "sizes": k,
        "counts": v,
        "mass": k * v * parameters.weight[index],
        "unit": 1 / np.sqrt(np.outer(k, k * v)),
        "copies": copies,
        "factor": factor,
        "own": own,
        "offset": offset,
        "targets": np.zeros_like(copies),
        "multiple": np.flatnonzero(k > 1),
    }


def losses(shifted: Floats, copies: Floats) -> tuple[Floats, Floats]:
    """Return the (m,) losses of margins with their offset, and the (p, m) shares of the cells;
    overflow-safe.
    """
    highest = np.maximum(shifted.max(axis=0), 0.0)
    cells = copies * np.exp(shifted - highest)
    total, own = cells.sum(axis=0), np.exp(-highest)
    value = np.where(highest == 0, np.log1p(total), highest + np.log(own + total))
    return value, cells / (own + total)


def own_entropy(shares: Floats) -> Floats:
    """Return the (m,) terms -p log p of the own class, from what the (p, m) others leave it."""
    others = shares.sum(axis=0)
    inside = others < 1
    return np.where(inside, (others - 1) * np.log1p(-np.where(inside, others, 0.0)), 0.0)
