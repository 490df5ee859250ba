"""The secular equation against 50-digit arithmetic, dense eigenvalues, and itself without the far
field."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from lopsided import Counts, predict
from lopsided.predict.algebra.secular import Secular
from lopsided.predict.algebra.sources import Field

RNG = np.random.default_rng(7)


def equation(poles, weights):
    return Secular(np.array(poles, float), np.array(weights, float), np.ones(len(poles), int))


@pytest.mark.parametrize(
    ("poles", "weights"),
    [
        ([1, 10**9, 10**9 + 1], [1, 1, 1]),
        ([1, 2, 3, 2.0**53 - 1, 2.0**53], [1, 5, 1e6, 1, 1]),
        ([5, 50], [3, 3]),
        (np.sort(RNG.choice(10**6, 25, replace=False)) + 1, RNG.integers(1, 9, 25)),
    ],
)
def test_root_offsets_agree_with_fifty_digit_arithmetic(poles, weights):
    found = equation(poles, weights)
    with mp.workdps(50):
        v, w = [mp.mpf(float(x)) for x in poles], [mp.mpf(float(x)) for x in weights]
        for r, (pole, offset) in enumerate(zip(*found.roots, strict=True)):
            low, high = v[r], v[r + 1]
            for _ in range(180):
                middle = (low + high) / 2
                above = sum(b / (a - middle) for a, b in zip(v, w, strict=True)) > 0
                low, high = (low, middle) if above else (middle, high)
            exact = low - v[pole]
            assert abs((mp.mpf(float(offset)) - exact) / exact) < 1e-14


def test_the_far_field_changes_no_digit():
    poles = np.unique((10 ** RNG.uniform(0, 9, 3000)).astype(np.int64))
    found = equation(poles, RNG.integers(1, 50, len(poles)))
    plain = Field(found.poles, found.weights, far=False)
    parts = np.array_split(np.arange(len(poles) - 1)[None], 6, axis=1)
    blocks = [found._solve(part, plain.around(np.zeros(1, int))) for part in parts]
    nearer, offsets = (np.concatenate(part, axis=1)[0] for part in zip(*blocks, strict=True))
    np.testing.assert_array_equal(found.roots[0], nearer)
    np.testing.assert_allclose(found.roots[1], offsets, rtol=1e-13)


def test_the_spectrum_is_that_of_the_dense_matrix():
    poles = np.sort(RNG.choice(10**9, 1000, replace=False)).astype(float)
    weights = RNG.integers(1, 100, 1000).astype(float)
    unit = np.sqrt(weights / weights.sum())
    projector = np.eye(1000) - np.outer(unit, unit)
    dense = np.linalg.eigvalsh(projector * poles @ projector)[::-1]
    np.testing.assert_allclose(equation(poles, weights).spectrum(), dense, atol=1e-13 * dense[0])


def test_spectrum_and_norms_take_different_routes_to_one_trace():
    geometry = predict.seli(Counts.zipf(20_000, largest=10**7))
    for gram in (geometry.classifiers, geometry.embeddings):
        assert gram.spectrum().sum() == pytest.approx(gram.squared_norms().sum(), rel=1e-12)
