"""At the ends of what float64 holds a figure is right or refused."""

from __future__ import annotations

import numpy as np
import pytest

from lopsided import measure, solve


@pytest.mark.parametrize("small", [1e-4, 1e-6])
def test_a_condition_number_keeps_small_singular_values(small):
    tail = measure.linear_tail([np.diag([1, small])] * 2)
    assert tail.condition_product == pytest.approx(small**-2)
    assert tail.condition_head == pytest.approx(1 / small) == tail.predicted


def test_a_condition_number_that_rounding_hides_is_refused():
    with pytest.raises(ValueError, match="singular value 2 of their product"):
        measure.linear_tail([np.diag([1, 1e-9])] * 2)


def test_the_zero_network_has_rank_0_and_is_not_collapsed():
    found = solve.deep_relu([3, 3, 2], ridge=5.0, layers=2, width=4, starts=1)
    assert (found.objective, found.ranks, found.collapsed) == (4.0, (0, 0), False)
    assert not any(f.any() for f in found.factors)
