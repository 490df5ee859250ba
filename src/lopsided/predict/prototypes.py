"""Fixed prototypes in every batch: where they lead the class means."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_finite, require_number, unit_rows
from lopsided.gram import Gram


def prototype_means(prototypes: npt.ArrayLike, temperature: float) -> Gram:
    """Return the class means of supervised contrastive learning with many copies of prototypes in
    every batch.

    The limit is the cross-entropy with the prototypes w as fixed classifiers: h_c is the unit
    vector that maximises h . w_c / t - log sum_j exp(h . w_j / t). For a simplex ETF that is w_c
    itself, for others not.

    Source: Gill, Vakilian and Thrampoulidis 2023 (arXiv 2310.00893) for prototypes; the limit
    derived here.

    Args:
        prototypes: (k, d) unit vectors.
        temperature: t, positive.

    Raises:
        ValueError: if a prototype is no unit vector, or the temperature not positive.

    Example:
        >>> frame = np.eye(2) - 0.5
        >>> prototype_means(frame * 2**0.5, temperature=0.5).cosine(0, 1).round(9).item()
        -1.0
    """
    number = require_number(temperature, "the temperature")
    require_finite(number, "the temperature", positive=True)
    w = unit_rows(prototypes, "prototypes")
    return Gram.of_vectors(np.stack([_best(w, c, temperature) for c in range(len(w))]))


def _best(w: Floats, c: int, temperature: float) -> Floats:
    """Descend from the class's own prototype, through falling temperatures.

    The loss is least where t log sum_j exp(h . (w_j - w_c) / t) over the others is, whose slope
    does not vanish where the loss itself is as small as exp(-1 / t).
    """
    from scipy.optimize import minimize  # slow to import

    apart = np.delete(w, c, axis=0) - w[c]

    def ahead(x: Floats, t: float) -> tuple[float, Floats]:
        length = float(np.linalg.norm(x))
        h = x / length
        a = apart @ h / t
        total = float(np.logaddexp.reduce(a))
        slope = np.exp(a - total) @ apart
        return t * total, (slope - (slope @ h) * h) / length

    h, steps = w[c], max(1, math.ceil(-math.log(temperature, 4)))
    for t in temperature * 4.0 ** np.arange(steps)[::-1]:
        end = minimize(
            ahead, h, (t,), jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-11}
        )
        h = end.x / np.linalg.norm(end.x)
    return np.asarray(h)
