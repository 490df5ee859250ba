"""The graph solution of deep ReLU networks: of low rank, and cheap where they are deep.

Classes are the edges of a complete graph: all layers but the last see the vertices alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lopsided.arrays import Floats, require_whole
from lopsided.gram import Gram
from lopsided.memory import require_memory
from lopsided.predict.algebra.ridge import require_ridge
from lopsided.predict.forms.squared import largest_root


@dataclass(frozen=True, eq=False)
class GraphSolution:
    """The graph solution at its best scale: an upper bound on the optimum, not the optimum.

    Attributes:
        k: classes, one an edge.
        objective: of the deep unconstrained-features model.
        collapse: what deep neural collapse costs there.
        response: the logit of a sample's own class; the others are 0.
        embeddings: Gram of the classes' features.
        ranks: of the features and of what each ReLU makes of them.
        factors: W_1 to W_L, each of (outputs, inputs), and H (k, vertices), the feature of each
            class, all of one Frobenius norm if H is repeated for all samples.
    """

    k: int
    objective: float
    collapse: float
    response: float
    embeddings: Gram
    ranks: tuple[int, ...]
    factors: tuple[Floats, ...]


def graph_solution(vertices: int, n: int, ridge: float, layers: int) -> GraphSolution:
    """Return the graph solution of k = r (r - 1) / 2 classes of n samples, and what it costs.

    The model is ||W_L s(W_{L-1} ... s(W_1 H)) - Y||^2 / 2 + ridge / 2 (sum ||W_l||^2 + ||H||^2), s
    the ReLU. The feature of an edge is 1 at its two vertices, W_1 to W_{L-2} are the identity, and
    W_{L-1} gives 2, 0 or -2 for an edge that is the same, touches or is apart. It costs min_x n k /
    2 (1 - x)^2 + (L + 1) / 2 ridge (n k^3 r^{L-1} x^2 / 2)^{1/(L+1)}, deep collapse k times min_x n
    / 2 (1 - x)^2 + (L + 1) / 2 ridge (n x^2)^{1/(L+1)}. At a small ridge the graph wins if and only
    if r^{L-1} < 2 k^{L-2}: never for L up to 3, from 6 classes on for L = 4.

    Source: the construction is that of Súkeník, Lampert and Mondelli 2024 (arXiv 2405.14468); costs
    and threshold derived here.

    Args:
        vertices: r, at least 4.
        n: samples of each class.
        ridge: on every factor; positive.
        layers: L, at least 2.

    Raises:
        ValueError: if a number is out of range; a construction of 3 vertices has 3 classes, no
            fewer dimensions.
        MemoryError: if the factors take more than half of this machine's memory.

    Example:
        >>> graph = graph_solution(5, n=1, ridge=0.01, layers=4)
        >>> graph.objective < graph.collapse, graph.k, graph.ranks
        (True, 10, (5, 5, 5, 10))
    """
    r, n = require_whole("vertices", vertices, 4), require_whole("n", n, 1)
    layers = require_whole("layers", layers, 2)
    size, power = require_ridge(ridge, or_zero=False), 1 / (layers + 1)
    k = r * (r - 1) // 2
    require_memory(8.0 * (k * k + layers * r * k), f"the graph solution of {k:,} classes")
    half = (layers + 1) / 2 * size
    x, objective = _least(n * k, half * (n * k**3 * float(r) ** (layers - 1) / 2) ** power, layers)
    _, collapse = _least(n, half * float(n) ** power, layers)
    edges = np.zeros((k, r))
    edges[np.arange(k)[:, None], list(combinations(range(r), 2))] = 1
    factors = [*[np.eye(r)] * (layers - 2), 2 * edges - 1, np.eye(k), edges]
    times = [*[1.0] * layers, np.sqrt(n)]  # H is there for every sample
    lengths = [t * float(np.linalg.norm(f)) for t, f in zip(times, factors, strict=True)]
    common = (x / 2 * np.prod(lengths)) ** power
    scaled = tuple(f * (common / length) for f, length in zip(factors, lengths, strict=True))
    ranks = (*[r if x else 0] * (layers - 1), k if x else 0)
    return GraphSolution(k, objective, k * collapse, x, Gram.of_vectors(scaled[-1]), ranks, scaled)


def _least(weight: float, penalty: float, layers: int) -> tuple[float, float]:
    """Return the x that minimises weight / 2 (1 - x)^2 + penalty x^{2/(layers + 1)}, and the least
    value; the problem of one class of `weight` samples in `squared`, at a ridge of its own.
    """
    power = 1 / (layers + 1)
    ridge = 2 * penalty * power / weight**power
    ratio = layers * ridge ** (1 + 1 / layers) / weight
    if ratio >= (layers - 1) ** ((layers - 1) / layers) / layers:
        return 0.0, weight / 2
    root = float(largest_root(np.array([ratio]), layers)[0])
    x = root / (1 + root)
    return x, weight / 2 * (1 - x) ** 2 + penalty * x ** (2 * power)
