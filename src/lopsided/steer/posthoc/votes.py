"""One-versus-one: every two classes have a boundary of their own, and votes decide."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_finite
from lopsided.counts import Counts, CountsLike
from lopsided.steer.either import like, seen
from lopsided.steer.logits import logits_of
from lopsided.steer.posthoc.logits import finite


def one_versus_one(
    logits: Any, counts: CountsLike, tau: float = 0.5, norms: npt.ArrayLike | None = None
) -> Any:
    """Let every two classes vote, each pair at the boundary that suits the spread of its features.

    With classifiers on a simplex ETF the angle between two is rho = arccos(-1 / (k - 1)). Features
    of class c spread the less the larger a_c = n_c^tau |mu_c|, so the boundary lies at the angle
    theta_cd = rho a_d / (a_c + a_d) from w_c: c beats d where z_c cos theta_dc > z_d cos theta_cd.
    `multiplicative` is its approximation. Equal a give the order of the logits.

    Source: Hasegawa and Sato 2024 (arXiv 2409.17582), the condition simplified here.

    Args:
        logits: (n, k) of a trained model whose classifiers are near to an ETF.
        counts: of the training set, of at least three classes.
        tau: strength; 0 changes no decision where norms are equal.
        norms: (k,) mean lengths of the features of each class; None for equal ones.

    Returns:
        (n, k) whole numbers to decide by, k times the votes of a class plus the place of its logit,
        which breaks ties.

    Raises:
        ValueError: if the counts do not match the logits' width, there are only two classes, whose
            classifiers are on one line, tau is not finite, a norm is not positive, a logit is NaN
            (the sample is named), or probabilities, or their logarithms, came instead of logits.
        TypeError: if the logits are not floating point.

    Example:
        >>> one_versus_one(np.array([[2.0, 1.9, 0.0]]), [100, 1, 1], tau=0.5).argmax(1)
        array([1])
    """
    counts = Counts.of(counts)
    z = logits_of(logits, counts, multiplied=True)
    if seen(z) and (z != z).any():
        sample = int((z != z).any(1).nonzero()[0][0])
        raise ValueError(f"logits must be numbers to be voted on, sample {sample} has NaN")
    cosines = like(np.cos(boundaries(counts, tau, norms)), z)
    # Of equal logits the first is the answer, as of every argmax.
    place = counts.k - 1 - (-z).argsort(stable=True).argsort()
    votes = place * 0
    for c in range(counts.k):
        votes[:, c] = (z[:, c : c + 1] * cosines[:, c] > z * cosines[c]).sum(1)
    return counts.k * votes + place


def boundaries(counts: Counts, tau: float = 0.5, norms: npt.ArrayLike | None = None) -> Floats:
    """Return (k, k) angles theta_cd, in radians, of the boundary against class d from classifier c.

    Raises:
        ValueError: as `one_versus_one` does.

    Example:
        >>> tail = Counts([100, *[10] * 9])
        >>> round(float(boundaries(tail)[0, 1]), 6)
        0.404139
    """
    if counts.k < 3:
        raise ValueError(
            "one-versus-one needs three classes or more: classifiers of two are on one line, where"
            " their logits have no ratio to decide by; use logit_adjustment"
        )
    lengths = np.ones(counts.k) if norms is None else require_finite(norms, "norms", positive=True)
    if lengths.shape != (counts.k,):
        raise ValueError(
            f"norms must be one number for each of {counts.k} classes, got {lengths.shape}"
        )
    spread = np.log(lengths) + finite(tau) * np.log(counts.values)
    # a_d / (a_c + a_d), whatever the size of the two.
    share = 0.5 * (1 + np.tanh((spread - spread[:, None]) / 2))
    return np.asarray(math.acos(-1 / (counts.k - 1)) * share)
