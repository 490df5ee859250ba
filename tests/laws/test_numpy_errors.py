"""Laws of a caller's NumPy: where it raises what it passes over by default, answers stay."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lopsided import Adjustment, Counts, Problem, foresee, measure, predict, solve, steer
from lopsided.measure.metrics.anchors import random_scatter_ratio
from lopsided.steer.prescribe.entropy import entropy

COUNTS = Counts([50, 20, 5])
LDAM = Adjustment.ldam(COUNTS)


def features(times: int) -> tuple[Any, Any]:
    rng, labels = np.random.default_rng(times), np.repeat(np.arange(3), COUNTS.values // times)
    return 3 * np.eye(3, 6)[labels] + rng.normal(size=(len(labels), 6)), labels


def measured() -> measure.Collapse:
    moments = measure.Moments(k=3, d=6)
    moments.update(*features(1))
    return measure.Collapse.of(moments, np.eye(3, 6), counts=COUNTS)


def second(scale: float) -> Any:
    x, y = features(1)
    first = measure.Means(3, 6)
    first.update((x := (scale * x).astype(np.float32)), y)
    second = measure.SecondPass(first, np.eye(3, 6))
    second.update(x, y)
    return second.moments().spread


def path(name: str, rate: float) -> Any:
    optimizer = solve.Optimizer(name, rate, momentum=0.9)
    return solve.train(Problem(COUNTS, ridge=0.0), optimizer, steps=60).distances


#: What is asked, as numbers.
ASKED: dict[str, Callable[[], Any]] = {
    "a law": lambda: predict.seli([10**12, 10**6, 3, 1]).classifiers.norms(),
    "an optimum": lambda: solve.minimize(Problem(COUNTS, ridge=1e-3)).objective,
    "one at a tiny ridge": lambda: foresee(
        Problem(COUNTS, LDAM, ridge=1e-250, bias="free")
    ).classifiers.norms(),
    "a path": lambda: [s.objective for s in solve.path(Problem(COUNTS, LDAM, ridge=1.0), [9.0, 1])],
    "the largest ridge": lambda: solve.largest_ridge(
        Problem(COUNTS, Adjustment(shift=[-100.0, -50.0, 0.0]), ridge=1.0, bias="free")
    ),
    "descent": lambda: path("descent", 0.5),
    "descent over the loss": lambda: path("normalized", 9.0),
    "descent by signs": lambda: path("sign", 0.5),
    "descent by spectra": lambda: path("spectral", 0.03),
    "domains": lambda: predict.compositional(4, 3, 1e-200).embeddings.norms(),
    "a code": lambda: solve.softmax_code(6, 3, starts=2).margin,
    "counts on a sphere": lambda: [
        found.log_objective for found in solve.spherical(COUNTS, 2, [0.1, 0.001], starts=2)
    ],
    "a design": lambda: steer.design(COUNTS, "etf-classifiers", family="ldt").distance,
    "a head": lambda: steer.prescribe((np.eye(3, 6), np.zeros(3)), features(1), features(5)).gain,
    "scales": lambda: steer.posthoc.fit_scales(features(1)[0][:, :3], features(1)[1]),
    "a measurement": lambda: measured().nc1,
    "its words": lambda: measured().verdict() or "",
    "its table": lambda: [row["value"] for row in measured().to_records() if row.get("value")],
    "anchors": lambda: random_scatter_ratio(np.array([5000, 4000, 3]), 2),
    "a law of many counts": lambda: predict.seli(range(1, 300)).classifiers.norms(),
    "sure scores": lambda: entropy(np.array([[0.0, -800.0], [-800.0, 0.0]]), np.zeros(2, int))[1],
    "a gap": lambda: solve.certify(Problem(COUNTS, ridge=0.1), 400 * np.eye(3)).gap,
    "narrow features": lambda: second(1e-30),
}


@pytest.mark.parametrize("asked", ASKED)
def test_answers_are_the_same_where_numpy_raises(asked):
    want = ASKED[asked]()
    with np.errstate(all="raise"):
        got = ASKED[asked]()
    np.testing.assert_array_equal(got, want)


def test_a_scale_that_leaves_float_is_refused_by_its_class_wherever():
    with np.errstate(all="raise"), pytest.raises(ValueError, match="class 2"):
        Adjustment.cdt([10**9, 1000, 1], 40.0)
