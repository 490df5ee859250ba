"""Graphs: free features of nodes under a layer that sees a node and the mean of its neighbors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_whole
from lopsided.counts import Counts, CountsLike
from lopsided.neighbors import averaging, one_hot
from lopsided.solve.minimize import require_ridge

#: Class means coincide where their variance is below this share of the mean square of features:
#: what is left there is rounding.
SAME = 1e-24


@dataclass(frozen=True, eq=False)
class GraphUFM:
    """The best optimum found of free features on a graph.

    Attributes:
        features: (n, d) of the nodes, or (k, d) of the classes.
        classifiers: (k, d) of a node's own features.
        of_neighbors: (k, d) of the mean of its neighbors'.
        objective: of the best start.
        spread: by how much the worst start's objective is larger.
        ratios: variance within classes over that between them, of the features and of the
            neighbors' means; 0 where they have collapsed, infinite where all classes have one mean,
            as at the zero optimum of a large ridge.
    """

    features: Floats
    classifiers: Floats
    of_neighbors: Floats
    objective: float
    spread: float
    ratios: tuple[float, float]


def graph_ufm(
    adjacency: Any, labels: Any, ridge: float, width: int, starts: int = 3, seed: int = 0
) -> GraphUFM:
    """Minimise ||H W_1' + A H W_2' - Y||^2 / 2 + ridge / 2 (||W_1||^2 + ||W_2||^2 + ||H||^2), A the
    mean over the neighbors of a node.

    Features collapse at the optimum if nodes of one class have the same degree and the same shares
    of classes among their neighbors; then `graph_classes` has the same optimum. Nothing proves that
    the best start is the best there is: compare `spread`.

    Source: Kothapalli, Tirer and Bruna 2023 (arXiv 2307.01951).

    Args:
        adjacency: (n, n) weights of at least 0, an array or a SciPy sparse one.
        labels: (n,) classes.
        ridge: on all factors; positive.
        width: d.
        starts: random ones.
        seed: of the first.

    Raises:
        ValueError: if graph and labels do not fit, a node has no neighbors, or ridge, width, starts
            or seed are out of range.

    Example:
        >>> pairs = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
        >>> graph_ufm(pairs, [0, 0, 1, 1], ridge=0.1, width=2).ratios[0] < 1e-9
        True
    """
    A = averaging(adjacency)
    Y = one_hot(labels, A.shape[0])
    return _best(A, Y, np.ones(len(Y)), ridge, width, starts, seed)


def graph_classes(
    fractions: npt.ArrayLike,
    counts: CountsLike,
    ridge: float,
    width: int,
    starts: int = 3,
    seed: int = 0,
) -> GraphUFM:
    """Minimise what `graph_ufm` does over one feature vector a class, where every node of class c
    has the shares fractions[c] of classes among its neighbors.

    Source: derived here.

    Raises:
        ValueError: if fractions are no (k, k) rows that sum to 1, or as `graph_ufm`.

    Example:
        >>> found = graph_classes([[1.0, 0.0], [0.0, 1.0]], [2, 2], ridge=0.1, width=2)
        >>> found.ratios
        (0.0, 0.0)
    """
    n, S = Counts.of(counts), real_array(fractions, "fractions")
    if S.shape != (n.k, n.k):
        raise ValueError(f"fractions must be ({n.k}, {n.k}), a row a class, got shape {S.shape}")
    fine = (S >= 0).all(axis=1) & (np.abs(S.sum(axis=1) - 1) <= 1e-9)
    if not fine.all():
        c = int(np.argmin(fine))
        raise ValueError(
            f"fractions must be shares of at least 0, each row of sum 1; those of class {c} sum to"
            f" {S[c].sum():.6g} and the least is {S[c].min():.3g}"
        )
    return _best(S, np.eye(n.k), n.values.astype(np.float64), ridge, width, starts, seed)


def _best(
    A: Any, Y: Floats, times: Floats, ridge: float, width: int, starts: int, seed: int
) -> GraphUFM:
    """Descend from all starts; every row of the features stands for so many nodes."""
    from scipy.optimize import minimize  # slow to import

    size = require_ridge(ridge)
    (n, k), d = Y.shape, require_whole("width", width, 1)
    starts, seed = require_whole("starts", starts, 1), require_whole("seed", seed, 0)
    roots = np.sqrt(times)[:, None]  # the ridge is then the same for all rows

    def split(x: Floats) -> tuple[Floats, Floats, Floats]:
        H, W, V = np.split(x.reshape(n + 2 * k, d), [n, n + k])
        return H / roots, W, V

    def value(x: Floats) -> tuple[float, Floats]:
        H, W, V = split(x)
        of_neighbors = A @ H
        off = H @ W.T + of_neighbors @ V.T - Y
        weighed = times[:, None] * off
        slope = (weighed @ W + A.T @ (weighed @ V)) / roots
        slopes = np.vstack([slope, weighed.T @ H, weighed.T @ of_neighbors]).ravel()
        # Over the ridge, as large as the factors at any ridge.
        return float(np.sum(weighed * off) / size + x @ x) / 2, slopes / size + x

    ends = []
    for start in range(starts):
        rng = np.random.default_rng(seed + start)
        end = minimize(
            value,
            rng.normal(size=(n + 2 * k) * d) / np.sqrt(d),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 20000, "maxfun": 40000, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-12},
        )
        ends.append(end)
    best = min(ends, key=lambda end: float(end.fun))
    objective, found = size * float(best.fun), best.x
    if objective >= (zero := float(times.sum()) / 2) * (1 - 1e-12):
        objective, found = zero, np.zeros_like(found)  # not what rounding left of a descent to it
    H, W, V = split(found)
    ratios = _ratio(H, Y), _ratio(A @ H, Y)
    spread = max(size * float(max(end.fun for end in ends)) - objective, 0.0)
    return GraphUFM(H, W, V, objective, spread, ratios)


def _ratio(features: Floats, Y: Floats) -> float:
    """Return the variance within classes over that of the class means; infinite where these
    coincide.
    """
    means = Y.T @ features / Y.sum(axis=0)[:, None]
    within = float(np.sum((features - Y @ means) ** 2)) / len(Y)
    between = float(np.sum((means - means.mean(axis=0)) ** 2)) / len(means)
    size = float(np.sum(features**2)) / len(Y)
    return within / between if between > SAME * size else float("inf")
