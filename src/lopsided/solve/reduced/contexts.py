"""Contexts: columns are distributions over the classes, every class a group of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import Floats
from lopsided.groups import Groups
from lopsided.problem import Problem


def parts(problem: Problem) -> dict[str, Any]:
    """Return what `Reduced` holds of a problem on soft targets."""
    # s labels a sample are s samples in the loss, and one in the norm.
    targets, weights = problem.targets.matrix, problem.targets.weights
    strength = problem.targets.strength
    rows, columns = targets.shape
    return {
        "groups": Groups.each(rows),
        "sizes": np.ones(rows),
        "counts": weights,
        "mass": weights * strength,
        "unit": np.broadcast_to(1 / np.sqrt(weights), targets.shape),
        "copies": np.ones(targets.shape),
        "factor": np.ones(targets.shape),
        "own": np.ones(columns),
        "offset": np.zeros(targets.shape),
        "targets": targets / strength,
        "multiple": np.empty(0, np.int64),
    }


def losses(logits: Floats, targets: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the (m,) losses of logits, their (p, m) shares and the derivative of each loss by
    them; overflow-safe.
    """
    highest, top = logits.max(axis=0), (np.argmax(logits, axis=0), np.arange(logits.shape[1]))
    cells = np.exp(logits - highest)
    cells[top] = 0
    others = cells.sum(axis=0)
    value = np.log1p(others) + np.sum(targets * (highest - logits), axis=0)
    cells[top] = 1
    shares = cells / (1 + others)
    # The largest share is near 1 where the fit is good: what it misses is what the others have
    # too much.
    residual = shares - targets
    residual[top] = 0
    residual[top] = -residual.sum(axis=0)
    return value, shares, residual


def information(q: Floats, per_class: Floats) -> Floats:
    """Return the (p, m) terms -q log q, the largest share's from what the others leave it."""
    top = np.argmax(q, axis=0), np.arange(q.shape[1])
    rest = q.copy()
    rest[top] = 0
    terms = -q * np.log(per_class)
    terms[top] = -q[top] * np.log1p(-np.minimum(rest.sum(axis=0), 1 - 1 / len(q)))
    return np.asarray(terms)
