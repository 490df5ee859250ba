"""Which classes the neighbors of a node have."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import Floats
from lopsided.neighbors import averaging, one_hot


def neighbor_fractions(adjacency: Any, labels: Any) -> Floats:
    """Return (n, k) the share of each class among the neighbors of every node.

    A graph network collapses exactly only if nodes of one class have the same shares.

    Source: Kothapalli, Tirer and Bruna 2023 (arXiv 2307.01951).

    Args:
        adjacency: (n, n) weights of at least 0, an array or a SciPy sparse one; row i has the
            neighbors of node i.
        labels: (n,) classes.

    Raises:
        ValueError: if the adjacency is not square, finite and at least 0, a node has no neighbors,
            or labels do not fit.

    Example:
        >>> star = [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
        >>> neighbor_fractions(star, [0, 0, 1])
        array([[0.5, 0.5],
               [1. , 0. ],
               [1. , 0. ]])
    """
    A = averaging(adjacency)
    return np.asarray(A @ one_hot(labels, A.shape[0]))
