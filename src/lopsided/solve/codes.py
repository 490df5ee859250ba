"""Classifiers and features on the unit sphere: softmax codes, and what counts and temperature make
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats, require_finite, require_whole
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.hull import one_vs_rest
from lopsided.papers import cite

#: Temperatures through which a code is annealed, one after the other.
TEMPERATURES = tuple(np.geomspace(0.5, 1e-3, 10).tolist())
#: Below this temperature cosines, which are rounded, decide nothing any more.
COLDEST = 1e-5


@dataclass(frozen=True, eq=False)
class Code:
    """The best code found.

    Attributes:
        geometry: unit classifiers, and for each the unit feature of the largest margin.
        margin: the least one-vs-rest distance, the largest of all starts.
        spread: by how much the worst start's margin is smaller.
    """

    geometry: Geometry
    margin: float
    spread: float


@dataclass(frozen=True, eq=False)
class Spherical:
    """An optimum of the cross-entropy on the sphere, the best found.

    Attributes:
        temperature: divides the inner products of classifiers and features.
        objective: the summed cross-entropy; 0 where float64 has no number so small.
        margins: (k,) one-vs-rest distance of each class; 0, or what rounding makes of it (some
            1e-8), for classes that have merged.
        geometry: unit classifiers and class means.
        log_objective: the logarithm of the objective, which tells optima apart all the same.
    """

    temperature: float
    objective: float
    margins: Floats
    geometry: Geometry
    log_objective: float


@np.errstate(under="ignore")
def softmax_code(k: int, d: int, starts: int = 8, seed: int = 0) -> Code:
    """Look for the code of k unit vectors in d dimensions that maximises the least one-vs-rest
    distance.

    From random starts the softmax is annealed to a small temperature; then a sequence of linear
    programmes takes the margin to its last digits. Nothing proves that the best start is the best
    code: compare `spread`, and `predict.code_bounds`.

    Source: Jiang et al. 2023 (arXiv 2310.05351).

    Raises:
        ValueError: if k, d, `starts` or `seed` is no whole number, or too small.

    Example:
        >>> round(softmax_code(5, 2, starts=2).margin, 9)  # 1 - cos(72 degrees)
        0.690983006
    """
    k = require_whole("classes k", k, 2)
    d, starts, seed = _whole(d, starts, seed)
    found = [
        _polished(_annealed(np.ones(k), d, TEMPERATURES, seed + i)[-1][1]) for i in range(starts)
    ]
    margins = [float(one_vs_rest(W).min()) for W, _ in found]
    best = int(np.argmax(margins))
    source = Source("softmax code", cite("jiang2023"), f"best of {starts} starts, no proof")
    return Code(
        Geometry.of_vectors(*found[best], source), margins[best], margins[best] - min(margins)
    )


@np.errstate(under="ignore")
def spherical(
    counts: CountsLike, d: int, temperatures: Sequence[float], starts: int = 8, seed: int = 0
) -> list[Spherical]:
    """Minimise sum_c n_c CE(W h_c / temperature, c) over unit classifiers and unit features.

    As the temperature vanishes the limit is the softmax code, for any counts. At a finite
    temperature t the margins of a majority and a minority differ by about t log R (derived here),
    and where there is no room for that the rarest classes merge. Each temperature starts from the
    one before, the largest first, and the best start of each is returned.

    Args:
        counts: the class counts.
        d: dimensions.
        temperatures: each positive.
        starts: random starts.
        seed: of the starts.

    Returns:
        One optimum a temperature, in descending order of these.

    Raises:
        ValueError: if a temperature is below 1e-5, where the limit is `softmax_code`, or d,
            `starts` or `seed` is no whole number, or too small.

    Example:
        >>> equal = spherical([5, 5, 5], 2, [0.1], starts=1)[0]
        >>> equal.margins.round(6)
        array([1.5, 1.5, 1.5])
    """
    given = Counts.of(counts)
    d, starts, seed = _whole(d, starts, seed)
    scale = _temperatures(temperatures)
    weights = given.values.astype(np.float64)
    runs = [_annealed(weights, d, scale, seed + i) for i in range(starts)]
    result = []
    for temperature, *found in zip(scale, *runs, strict=True):
        logarithm, (W, H) = min(found, key=lambda pair: pair[0])
        source = Source(
            f"sphere, temperature {temperature:g}", "derived here", f"best of {starts} starts"
        )
        geometry = Geometry.of_vectors(W, H, source, given)
        objective = float(np.exp(logarithm))
        result.append(Spherical(float(temperature), objective, one_vs_rest(W), geometry, logarithm))
    return result


def _whole(d: int, starts: int, seed: int) -> tuple[int, int, int]:
    return (
        require_whole("dimensions d", d, 2),
        require_whole("starts", starts, 1),
        require_whole("seed", seed, 0),
    )


def _temperatures(temperatures: Sequence[float]) -> list[float]:
    """Return temperatures from the largest to the smallest."""
    given = np.atleast_1d(require_finite(temperatures, "temperatures", positive=True))
    if not given.size or given.min() < COLDEST:
        raise ValueError(
            f"temperatures must be one or more of at least {COLDEST:g}, got {given.tolist()}; of"
            " none the limit is solve.softmax_code"
        )
    return sorted(given.tolist(), reverse=True)


def _annealed(
    weights: Floats, d: int, temperatures: Sequence[float], seed: int
) -> list[tuple[float, tuple[Floats, Floats]]]:
    """Return the logarithm of the objective, classifiers and features at each temperature, each
    from the one before.
    """
    from scipy.optimize import minimize  # slow to import

    k, result = len(weights), []
    x = np.random.default_rng(seed).normal(size=2 * k * d)
    for temperature in temperatures:
        end = minimize(
            _objective(weights, d, temperature),
            x,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 3000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-10},
        )
        x = end.x / np.repeat(np.linalg.norm(end.x.reshape(-1, d), axis=1), d)
        W, H = x.reshape(2, k, d)
        result.append((float(end.fun / temperature), (W, H)))
    return result


def _objective(
    weights: Floats, d: int, temperature: float
) -> Callable[[Floats], tuple[float, Floats]]:
    """Return temperature times the logarithm of the summed cross-entropy, a function of vectors of
    any length that stand for their directions.

    The logarithm keeps the slope where the cross-entropy itself is as small as exp(-1 /
    temperature).
    """
    k = len(weights)

    def value(x: Floats) -> tuple[float, Floats]:
        raw = x.reshape(2, k, d)
        lengths = np.linalg.norm(raw, axis=2, keepdims=True)
        W, H = unit = raw / lengths
        ahead = (W @ H.T) / temperature
        ahead = ahead - ahead.diagonal()
        np.fill_diagonal(ahead, -np.inf)
        rest = np.logaddexp.reduce(ahead, axis=0)  # of a loss log(1 + exp(rest))
        losses = np.logaddexp(0, rest)
        small = rest < -30  # where the loss is exp(rest)
        logarithm = np.where(small, rest, np.log(np.where(small, 1.0, losses)))
        rate = np.where(small, 1.0, np.exp(rest - losses) / np.where(small, 1.0, losses))
        total = logarithm + np.log(weights)
        whole = np.logaddexp.reduce(total)
        slope = np.exp(ahead - rest) * (rate * np.exp(total - whole))
        np.fill_diagonal(slope, -slope.sum(axis=0))
        by = np.stack([slope @ H, slope.T @ W])
        by = (by - np.sum(by * unit, axis=2, keepdims=True) * unit) / lengths
        return temperature * float(whole), by.ravel()

    return value


def _polished(factors: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the code of the largest least margin nearby, and its best features.

    Each linear programme moves classifiers and features a little, along the tangents of their
    spheres, so that the least of all margins (w_c - w_j) . h_c grows most.
    """
    from scipy.optimize import linprog

    W, H = factors
    k, d = W.shape
    c, j = (index.ravel() for index in np.nonzero(~np.eye(k, dtype=bool)))
    row, reach = np.arange(len(c)), 0.05
    margin = float(_margins(W, H).min())
    for _ in range(60):
        by = np.zeros((len(c), 2, k, d))
        by[row, 0, c] += H[c]
        by[row, 0, j] -= H[c]
        by[row, 1, c] += W[c] - W[j]
        unit = np.stack([W, H])
        by -= np.sum(by * unit, axis=3, keepdims=True) * unit  # tangents
        table = np.hstack([-by.reshape(len(c), -1), np.ones((len(c), 1))])
        goal = np.append(np.zeros(2 * k * d), -1.0)
        bounds = [(-reach, reach)] * (2 * k * d) + [(None, None)]
        end = linprog(goal, table, _margins(W, H), bounds=bounds, method="highs")
        if end.x is None:
            break
        moved = unit + end.x[:-1].reshape(unit.shape)
        moved /= np.linalg.norm(moved, axis=2, keepdims=True)
        if (better := float(_margins(*moved).min())) > margin:
            (W, H), margin, reach = moved, better, reach * 1.5
        else:
            reach /= 4
        if reach < 1e-12:
            break
    return W, H


def _margins(W: Floats, H: Floats) -> Floats:
    logits = W @ H.T
    return (logits.diagonal() - logits).T[~np.eye(len(W), dtype=bool)]
