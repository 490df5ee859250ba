"""Cross-entropy of scores, and the linear head that minimises it with a ridge."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.optimize import minimize

from lopsided.arrays import Floats, Ints
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Block
from lopsided.steer.prescribe.summary import Scale

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
    scale: Scale,
    steps: int,
) -> Linear:
    """Minimise sum_i w_i CE(V g_i + c + shift, y_i) + ridge/2 |V - V0|^2 + bias_ridge/2 |c - c0|^2
    over V and c by L-BFGS, where g are the features in their scale, (h - mean) / length.

    Args:
        samples: reads the samples; called once a step.
        start: head of h that is V0 and c0 in that scale, where the descent starts too.
        shift: (k,) added to the scores in the loss alone.
        ridge: on the weight, in that scale.
        bias_ridge: on the bias there.
        scale: of the features.
        steps: of L-BFGS, at most.

    Returns:
        The head of h that is V and c in that scale.
    """
    k, d = start.weight.shape
    there = scale.into(start)
    origin = np.concatenate([there.weight.ravel(), there.bias])
    ridges = np.concatenate([np.full(k * d, ridge), np.full(k, bias_ridge)])

    def objective(flat: Floats) -> tuple[float, Floats]:
        head = Linear(flat[: k * d].reshape(k, d) / scale.length, flat[k * d :] + shift)
        value, slope = 0.0, np.zeros((k, d + 1))
        for given, labels, weights in samples():
            features = scale.of(given)
            z = head.scores(features)
            lost, error = entropy(z, labels)
            value += float(weights @ lost)
            error[np.arange(len(labels)), labels] -= 1
            error *= weights[:, None]
            slope[:, :d] += error.T.astype(features.dtype, copy=False) @ features
            slope[:, d] += error.sum(axis=0)
        away = flat - origin
        gradient = np.concatenate([slope[:, :d].ravel() / scale.length, slope[:, d]])
        return value + 0.5 * float(ridges @ away**2), gradient + ridges * away

    found = minimize(
        objective,
        origin,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxcor": 10, "ftol": 1e-8, "gtol": 1e-6},
    ).x
    return scale.back(Linear(found[: k * d].reshape(k, d), found[k * d :]))
