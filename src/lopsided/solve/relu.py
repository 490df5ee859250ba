"""Deep ReLU networks on free features: descent from several starts, the best of which is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats, require_whole
from lopsided.counts import Counts, CountsLike
from lopsided.singular import singular_values
from lopsided.solve.minimize import require_ridge

#: Singular values of directions below this share of the largest do not count for a rank, nor does a
#: class whose logits are all below it.
SMALL = 1e-3
#: Steepest slope of a converged end, as a share of the ridge's own pull on its largest weight.
FLAT = 1e-2
#: Off-diagonal cosines of the last features up to which they are an orthogonal frame.
APART = 1e-3


@dataclass(frozen=True, eq=False)
class DeepSolution:
    """The best end found. The problem is not convex, and nothing proves that there is none better.

    Where no start ends below the zero network, whose objective is n / 2, that network is the best.

    Attributes:
        objective: of the best.
        objectives: (starts,) of all, ascending; some may have lost a class for good.
        converged: (starts,) whether descent ended by its own criterion where the slope is `FLAT`,
            not at a kink of the ReLUs, in the same order.
        ranks: of the directions of the class features and of what each ReLU makes of them, for the
            best; a class that is lost, with logits of zero, counts for none.
        factors: its W_1 to W_L, each (outputs, inputs), and the class features H (k, width).
        collapsed: whether the features that the last layer sees are an orthogonal frame of all k
            classes.
    """

    objective: float
    objectives: Floats
    converged: tuple[bool, ...]
    ranks: tuple[int, ...]
    factors: tuple[Floats, ...]
    collapsed: bool


def deep_relu(
    counts: CountsLike, ridge: float, layers: int, width: int, starts: int = 4, seed: int = 0
) -> DeepSolution:
    """Minimise ||W_L s(W_{L-1} ... s(W_1 H)) - Y||^2 / 2 + ridge / 2 (sum ||W_l||^2 + ||H||^2), s
    the ReLU.

    Samples of a class may share their features at an optimum, so features are one a class, with a
    ridge that counts as often as the class has samples.

    Source: Súkeník, Lampert and Mondelli 2024 (arXiv 2405.14468).

    Args:
        counts: the class counts.
        ridge: on every factor; positive.
        layers: L, at least 2.
        width: of the features and of all hidden layers, at least k.
        starts: random ones.
        seed: of the first.

    Raises:
        ValueError: if the ridge is not positive, or layers, width, starts or seed are out of range.

    Example:
        >>> found = deep_relu([3, 3], ridge=0.05, layers=3, width=4, starts=2)
        >>> round(found.objective, 6), found.collapsed
        (0.261755, True)
    """
    given = Counts.of(counts)
    size = require_ridge(ridge)
    layers, width = require_whole("layers", layers, 2), require_whole("width", width, given.k)
    starts, seed = require_whole("starts", starts, 1), require_whole("seed", seed, 0)
    model = _Model(given.values.astype(np.float64), size, layers, width)
    ends = sorted((_descent(model, seed + i) for i in range(starts)), key=lambda end: end[0])
    objective, x, _ = ends[0]
    if objective >= (zero := given.n / 2) * (1 - 1e-12):
        objective, x = zero, np.zeros_like(x)  # not what rounding left of a descent to it
    *weights, H = model.factors(x)
    seen = model.forward(weights, H)
    kept = np.abs(seen[-1]).max(axis=1) > SMALL
    units = [_directions(features[kept]) for features in seen[:-1]]
    cosines = units[-1] @ units[-1].T
    off = cosines - np.diag(cosines.diagonal())
    return DeepSolution(
        objective,
        np.array([value for value, _, _ in ends]),
        tuple(fine for _, _, fine in ends),
        tuple(_rank(rows) for rows in units),
        (*weights, H),
        bool(kept.all() and np.abs(off).max() < APART),
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """Objective and slope of all factors in one vector; features are stored times the roots of the
    counts, so that one ridge is right for all.
    """

    times: Floats
    ridge: float
    layers: int
    width: int

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of W_1 to W_L and H."""
        k, d = len(self.times), self.width
        return [*[(d, d)] * (self.layers - 1), (k, d), (k, d)]

    def factors(self, x: Floats) -> list[Floats]:
        sizes = np.cumsum([a * b for a, b in self.shapes])[:-1]
        parts = [p.reshape(s) for p, s in zip(np.split(x, sizes), self.shapes, strict=True)]
        parts[-1] = parts[-1] / np.sqrt(self.times)[:, None]
        return parts

    @staticmethod
    def forward(weights: list[Floats], H: Floats) -> list[Floats]:
        """Return the features, what each ReLU makes of them, and the logits (k, k), a row a
        class.
        """
        seen = [H]
        for w in weights[:-1]:
            seen.append(np.maximum(seen[-1] @ w.T, 0))
        return [*seen, seen[-1] @ weights[-1].T]

    def value(self, x: Floats) -> tuple[float, Floats]:
        *weights, H = self.factors(x)
        seen = self.forward(weights, H)
        off = seen[-1] - np.eye(len(self.times))
        back, slopes = self.times[:, None] * off, list[Floats]()
        fit = float(np.sum(back * off)) / 2
        for w, features, after in zip(weights[::-1], seen[-2::-1], seen[:0:-1], strict=True):
            if after is not seen[-1]:
                back = back * (after > 0)
            slopes.append(back.T @ features)
            back = back @ w
        slopes = [*slopes[::-1], back / np.sqrt(self.times)[:, None]]
        slope = np.concatenate([part.ravel() for part in slopes]) + self.ridge * x
        return fit + self.ridge / 2 * float(x @ x), slope


def _descent(model: _Model, seed: int) -> tuple[float, Floats, bool]:
    from scipy.optimize import minimize  # slow to import

    rng = np.random.default_rng(seed)
    start = [rng.normal(size=shape) * np.sqrt(2 / shape[1]) for shape in model.shapes]

    def value(x: Floats) -> tuple[float, Floats]:
        objective, slope = model.value(x)
        return objective / model.ridge, slope / model.ridge  # as large as the factors at any ridge

    end = minimize(
        value,
        np.concatenate([part.ravel() for part in start]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20000, "maxfun": 40000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-9},
    )
    flat = np.abs(end.jac).max() <= FLAT * np.abs(end.x).max()
    return model.value(end.x)[0], np.asarray(end.x), bool(end.success and flat)


def _directions(features: Floats) -> Floats:
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


def _rank(directions: Floats) -> int:
    values = singular_values(directions)
    return int(np.sum(values > SMALL * values.max(initial=0)))
