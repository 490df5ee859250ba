"""predict = measure: features that stand where theory says are measured there; and the gap of an
optimum is zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided import Counts, measure, predict, solve
from lopsided.measure.metrics import ufm_gap


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8), st.integers(0, 10**6))
def test_features_at_the_prediction_are_measured_there(values, seed):
    counts = Counts(values)
    seli = predict.seli(counts)
    W, M = seli.vectors(seed=seed)
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(counts.k), np.minimum(counts.values, 5)))
    moments = measure.Moments(counts.k, M.shape[1])
    # A common offset, as the biases of a network give it, is taken out by the centring.
    moments.update(M[labels] + 10 * rng.standard_normal(M.shape[1]), labels)
    geometry = measure.geometry(moments, W, counts=counts)
    assert max(geometry.distance(seli)) < 1e-6
    np.testing.assert_allclose(geometry.alignment(), seli.alignment(), rtol=1e-6)


@pytest.mark.parametrize("ridge", [0.1, 1e-16])
def test_the_gap_of_an_optimum_is_its_certificate_and_of_anything_else_larger(ridge):
    counts = Counts([30, 10, 3])
    problem = solve.Problem(counts, ridge=ridge)
    solution = solve.minimize(problem)
    W, M = solution.W, solution.M
    moments = measure.Moments(3, M.shape[1], "none")
    moments.update(M, [0, 1, 2])
    dual = solution.certificate.dual
    gap = ufm_gap(moments, W, counts, ridge=ridge, dual=dual)
    assert gap == pytest.approx(solution.certificate.relative_gap, abs=1e-12)
    assert ufm_gap(moments, 1.1 * W, counts, ridge=ridge, dual=dual) > 1e-4
