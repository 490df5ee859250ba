"""Laws of digits: every figure of a prediction beside ninety-digit arithmetic, and at the border of
what is accepted.

The cases are the first of `benchmarks/campaigns/predict.py`, which asks ten thousand.
"""

from __future__ import annotations

import random
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp

from lopsided import Adjustment, Counts, Gram, predict

FOLDER = Path(__file__).parents[2] / "benchmarks" / "campaigns"
CASES = 12


@pytest.fixture(scope="module")
def campaign():
    before, sys.path = sys.path, [str(FOLDER), *sys.path]
    try:
        return runpy.run_path(str(FOLDER / "predict.py"))
    finally:
        sys.path = before


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(90):
        yield


@pytest.mark.parametrize("part", range(5))
def test_every_figure_of_a_prediction_has_thirteen_digits(campaign, part):
    figures = 0
    for seed in range(CASES):
        rng = random.Random(seed)
        counts = Counts(campaign["counts_of"](rng))
        for figure, what, error in campaign["PARTS"][part](rng, counts):
            assert error <= campaign["TOLERANCES"].get(figure, 0.0), (figure, what, counts)
            figures += 1
    assert figures > 10 * CASES


@pytest.mark.parametrize("name", ["scale", "margin"])
@pytest.mark.parametrize("unit", [1e-69, 1.0, 1e69])
def test_scales_and_margins_have_their_digits_up_to_a_factor_of_1e30_and_are_refused_beyond(
    campaign, name, unit
):
    def at(span):
        values = [unit, unit * span**0.5, unit * span]
        return values, Adjustment(**{name: values})

    counts, oracle = Counts([10**12, 50, 1]), campaign["exact"]
    values, adjustment = at(0.99e30)
    found = predict.cross_entropy(counts, adjustment)
    ones = [1.0] * 3
    mp.dps = 300
    wanted = oracle.cross_entropy(
        list(counts),
        *((values, ones) if name == "scale" else (ones, [1 / mp.mpf(margin) for margin in values])),
    )
    for figure, what, error in campaign["of_geometry"]("border", found, wanted):
        assert error <= campaign["TOLERANCES"][figure], (figure, what)
    with pytest.raises(ValueError, match="at most a factor of 1e30"):
        predict.cross_entropy(counts, at(1.01e30)[1])


def test_lengths_whose_squares_are_no_floats_are_refused_and_shorter_ones_are_measured():
    vectors = np.array([[3.0, 4.0], [4.0, -3.0], [1.0, 1.0]])
    for unit in (1e-139, 1.0, 1e139):
        gram = Gram.of_vectors(vectors * unit)
        np.testing.assert_allclose(
            gram.cosines(), Gram.of_vectors(vectors).cosines(), rtol=0, atol=1e-15
        )
        assert gram.distance(Gram.of_vectors(vectors)) < 1e-15
    for unit in (1e-150, 1e150):
        with pytest.raises(ValueError, match=r"class 0 is 4e.*another unit"):
            Gram.of_vectors(vectors * unit)
