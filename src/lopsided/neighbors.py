"""Neighbors: the means that a graph network takes, and the classes of its nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import Floats, plain_array, real_array


def averaging(adjacency: Any) -> Any:
    """Return the (n, n) matrix that takes the mean over the neighbors of each node, sparse where
    the adjacency is.

    Args:
        adjacency: (n, n) weights of at least 0, an array or a SciPy sparse one; row i has the
            neighbors of node i.

    Raises:
        ValueError: if the adjacency is not square, finite and at least 0, or a node has no
            neighbors.

    Example:
        >>> averaging([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
        array([[0. , 0.5, 0.5],
               [1. , 0. , 0. ],
               [1. , 0. , 0. ]])
    """
    sparse = hasattr(adjacency, "tocsr")
    A: Any = adjacency.tocsr() if sparse else real_array(adjacency, "an adjacency")
    if A.ndim != 2 or A.shape[0] != A.shape[1] or not A.shape[0]:
        raise ValueError(f"an adjacency must be (n, n), got shape {A.shape}")
    entries = np.asarray(A.data if sparse else A)
    if not (fine := np.isfinite(entries) & (entries >= 0)).all():
        raise ValueError(
            f"an adjacency must have finite weights of at least 0, got {entries[~fine].flat[0]:g}"
        )
    degrees = np.asarray(A.sum(axis=1), np.float64).reshape(-1, 1)
    if not degrees.all():
        raise ValueError(
            f"node {int(np.argmin(degrees))} has no neighbors, over which nothing can be averaged;"
            " leave isolated nodes out, or join them to themselves"
        )
    return A.multiply(1 / degrees).tocsr() if sparse else A / degrees


def one_hot(labels: Any, n: int) -> Floats:
    """Return (n, k) the class of each node, 1 in its column.

    Raises:
        ValueError: if labels are no n whole numbers of at least 0, or a class below the largest has
            no node.

    Example:
        >>> one_hot([1, 0], 2)
        array([[0., 1.],
               [1., 0.]])
    """
    y = plain_array(labels, "labels")
    if y.shape != (n,) or y.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {n} whole numbers of at least 0, one a node, got {y.dtype} of shape"
            f" {y.shape}"
        )
    if y.min() < 0:
        node = int(y.argmin())
        raise ValueError(f"labels must be at least 0, got {y[node]} for node {node}")
    counts = np.bincount(y)
    if len(counts) < 2 or not counts.all():
        raise ValueError(
            f"there must be 2 classes or more and each must have nodes, got {counts.tolist()} of"
            " them"
        )
    return np.asarray(np.eye(len(counts))[y])
