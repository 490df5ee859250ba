"""Regression collapse: WW' = [(Y N Y')^{1/2} - ridge I]_+, the squared loss on any targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.geometry import Geometry, Source
from lopsided.loss import Squared
from lopsided.papers import cite
from lopsided.predict.form import Form, first, positive, roomy
from lopsided.predict.forms.squared import largest_root, squared_threshold
from lopsided.problem import Problem
from lopsided.singular import svd
from lopsided.targets import Targets


def regression(targets: npt.ArrayLike, ridge: float, layers: int = 1) -> Geometry:
    """Return the optimum of a regression with a free bias: as many classifiers as outputs, as many
    embeddings as samples.

    With the centred targets U diag(sigma) V' (bias: their mean), each direction is fitted by
    itself, as a class of sigma^2 samples
    is in `squared`: for one layer WH' = sum_j (sigma_j - ridge)_+ u_j v_j'.

    Source: Andriopoulos et al. 2024 (arXiv 2409.04180); any ridge and depth derived here.

    Args:
        targets: (n, t), t outputs for each of n samples.
        ridge: on every factor, summed loss.
        layers: L, linear layers above the features.

    Raises:
        ValueError: if the targets are no finite array (n, t), or the ridge or the layers are out of
            range.

    Example:
        >>> targets = [[3.0, 0.0], [-3.0, 0.0], [0.0, 0.1], [0.0, -0.1]]
        >>> regression(targets, ridge=0.5).classifiers.squared_norms().round(4)
        array([3.7426, 0.    ])
    """
    return geometry(
        Problem(Targets.regression(targets), Squared(), ridge=ridge, bias="free", layers=layers)
    )


def geometry(problem: Problem) -> Geometry:
    """Return the optimum of a squared loss on free features, with a free bias or without."""
    y, w = problem.targets.matrix, problem.targets.weights
    if problem.bias == "free":
        y = y - np.average(y, axis=1, weights=w)[:, None]
    left, values, right = svd(y * np.sqrt(w))
    # Under many layers and a tiny ridge what rounding leaves of a direction that is none would be
    # fitted by long embeddings.
    values[values <= np.finfo(float).eps * max(y.shape) * values[0]] = 0.0
    lengths = _lengths(values, problem.ridge, problem.layers)
    embeddings = values * np.sqrt(lengths) / (lengths + problem.ridge)
    factors = left * np.sqrt(lengths), (right.T / np.sqrt(w)[:, None]) * embeddings
    source = Source(
        f"regression, {problem.layers} linear layer{'s' * (problem.layers > 1)},"
        f" ridge {problem.ridge:g}",
        FORM.source,
        f"squared loss, free features, {'free' if problem.bias == 'free' else 'no'} bias",
    )
    if problem.counts is not None:
        return Geometry.of_vectors(*factors, source, problem.counts)
    return Geometry.of_factors(*factors, source)


def _lengths(values: Floats, ridge: float, layers: int) -> Floats:
    """Return the squared lengths of the product of the layers along each direction of the
    targets.
    """
    alive = values**2 > squared_threshold(ridge, layers)
    if layers == 1:
        return np.where(alive, values - ridge, 0.0)
    lengths = np.zeros_like(values)
    lengths[alive] = ridge * largest_root(
        layers * ridge ** (1 + 1 / layers) / values[alive] ** 2, layers
    )
    return lengths


def _speaks(problem: Problem) -> str:
    return first(
        ("the loss must be squared", isinstance(problem.loss, Squared)),
        ("features must be free", problem.features == "free"),
        positive(problem),
        ("the bias must be none or free", isinstance(problem.bias, str)),
        roomy(problem),
    )


def _examples() -> tuple[Problem, ...]:
    targets = Targets.regression(np.random.default_rng(0).normal(size=(12, 3)) * [3, 1, 0.5])
    return (
        Problem(targets, Squared(), ridge=0.4, bias="free"),
        Problem(targets, Squared(), ridge=3.0, bias="free"),
        Problem(targets, Squared(), ridge=0.4),
        Problem(targets, Squared(), ridge=0.2, layers=2, bias="free"),
    )


FORM = Form(
    "regression",
    geometry,
    _speaks,
    _examples,
    cite("andriopoulos2024"),
    "regression",
    settings={"loss": Squared(), "bias": "free"},
)
