"""What separates a network from its law, held against routes of its own."""

from itertools import combinations

import numpy as np
import pytest

from lopsided import Counts, predict
from lopsided.groups import Groups
from lopsided.reproduce.claims.thrampoulidis2022.individuality.averages import curve
from lopsided.reproduce.claims.thrampoulidis2022.individuality.images import cosines
from lopsided.reproduce.claims.thrampoulidis2022.individuality.kinship import apart, relabelled
from lopsided.split import average, unit

COUNTS = Counts.step(10, 10, 10)
GROUPS = Groups.of_columns(COUNTS.values)
SELI = predict.seli(COUNTS).classifiers.matrix()


def noisy(rng, size=0.3):
    """SELI with an individual part for every class and pair."""
    noise = rng.standard_normal((10, 10))
    return unit(SELI) + size * unit(noise + noise.T - 2 * average((noise + noise.T) / 2, GROUPS))


def test_an_average_of_runs_is_as_far_as_the_mean_over_all_choices_of_them_says():
    rng = np.random.default_rng(0)
    runs = [noisy(rng) for _ in range(4)]
    units, law = [unit(run) for run in runs], unit(SELI)
    for m, distance in enumerate(curve(runs, SELI, GROUPS).distances, start=1):
        chosen = [np.mean(some, axis=0) - law for some in combinations(units, m)]
        assert distance == pytest.approx(np.sqrt(np.mean([np.sum(d**2) for d in chosen])))


def test_individual_parts_with_nothing_in_common_average_away_as_expected():
    rng = np.random.default_rng(1)
    found = curve([noisy(rng) for _ in range(60)], SELI, GROUPS)
    assert found.distances[0] == pytest.approx(found.expected()[0], rel=1e-12)
    assert found.distances[3] == pytest.approx(found.expected()[3], rel=0.02)
    shared = noisy(rng)
    same = curve([shared] * 12, SELI, GROUPS)
    assert same.distances[-1] == pytest.approx(same.distances[0])
    assert same.expected()[-1] < same.distances[-1] / 2


def test_what_is_the_law_has_no_individual_part_and_what_is_not_is_orthogonal_to_it():
    part = apart(noisy(np.random.default_rng(2)), COUNTS.values)
    assert np.linalg.norm(part) == pytest.approx(1)
    assert average(part, GROUPS) == pytest.approx(np.zeros((10, 10)), abs=1e-12)


def test_a_relabelling_test_finds_what_is_shared_and_only_that():
    rng = np.random.default_rng(3)
    mine, other = (apart(noisy(rng), COUNTS.values) for _ in range(2))
    blocks = np.zeros(10, np.int64)
    assert relabelled(mine, mine, blocks, 99, rng) == (pytest.approx(1), 0.01)
    assert relabelled(mine, other, blocks, 99, rng)[1] > 0.05
    # Where every class is a block of its own no relabelling is left.
    assert relabelled(mine, other, np.arange(10), 9, rng)[1] == 1


def test_classes_whose_images_are_alike_have_a_cosine_near_1():
    pixels = np.array([[1.0, 0.0], [1.0, 0.1], [-2.0, -0.1]])
    found = cosines(pixels, np.arange(3))
    assert found[0, 1] > 0.99
    assert found[0, 2] < -0.99
