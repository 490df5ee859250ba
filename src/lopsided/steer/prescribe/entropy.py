"""Cross-entropy of scores, and the linear head that minimises it with a ridge."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import minimize

from lopsided.arrays import Floats, Ints
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Block

#: Samples with a weight each: features, labels, weights.
Weighted = Callable[[], Iterable[tuple[*Block, Floats]]]


def losses(scores: Floats, labels: Ints) -> Floats:
    """Return the (n,) cross-entropies of scores (n, k)."""
    return entropy(scores, labels)[0]


def posterior(scores: Floats) -> Floats:
    """Return the (n, k) softmax of scores."""
    return entropy(scores, np.zeros(len(scores), np.int64))[1]


@np.errstate(under="ignore")
def entropy(scores: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Return the (n,) cross-entropies and the (n, k) softmax of scores."""
    relative = scores - scores.max(axis=1, keepdims=True)
    own = relative[np.arange(len(labels)), labels]
    powers = np.exp(relative, out=relative)
    total = powers.sum(axis=1, keepdims=True)
    powers /= total
    return np.log(total[:, 0]) - own, powers


def fit_linear(
    samples: Weighted,
    start: Linear,
    shift: Floats,
    *,
    ridge: float,
    bias_ridge: float,
    scale: float,
    steps: int,
) -> Linear:
    """Minimise sum_i w_i CE(V h_i / scale + c + shift, y_i) + ridge/2 |V - V0|^2 + bias_ridge/2
    |c - c0|^2 by L-BFGS.

    Args:
        samples: reads the samples; called once a step.
        start: V0 / scale and c0, where the descent starts too.
        shift: (k,) added to the scores in the loss alone.
        ridge: on the weight, in the features' unit `scale`.
        bias_ridge: on the bias.
        scale: unit of the features.
        steps: of L-BFGS, at most.

    Returns:
        V / scale and c.
    """
    k, d = start.weight.shape
    origin = np.concatenate([(start.weight * scale).ravel(), start.bias])
    ridges = np.concatenate([np.full(k * d, ridge), np.full(k, bias_ridge)])

    def objective(flat: Floats) -> tuple[float, Floats]:
        head = Linear(flat[: k * d].reshape(k, d) / scale, flat[k * d :] + shift)
        value, slope = 0.0, np.zeros((k, d + 1))
        for features, labels, weights in samples():
            z = head.scores(features)
            lost, error = entropy(z, labels)
            value += float(weights @ lost)
            error[np.arange(len(labels)), labels] -= 1
            error *= weights[:, None]
            slope[:, :d] += error.T.astype(features.dtype, copy=False) @ features
            slope[:, d] += error.sum(axis=0)
        away = flat - origin
        gradient = np.concatenate([slope[:, :d].ravel() / scale, slope[:, d]])
        return value + 0.5 * float(ridges @ away**2), gradient + ridges * away

    found = minimize(
        objective,
        origin,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxcor": 10, "ftol": 1e-8, "gtol": 1e-6},
    ).x
    return Linear(found[: k * d].reshape(k, d) / scale, found[k * d :])
