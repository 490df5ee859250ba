"""The verdict and the other words of a result."""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from lopsided import Counts, predict, solve
from lopsided.measure import METRICS, Collapse, Decisions, Means, Moments, SecondPass
from lopsided.measure.verdict.angles import angles

COUNTS = Counts([100, 100, 100, 2, 2, 2])


def network(geometry, noise=0.0, seed=0, counts=COUNTS):
    """A network whose class means and classifiers have a geometry, with Gaussian features about the
    means."""
    W, M = geometry.vectors(12, seed)
    labels = np.repeat(np.arange(6), 8)
    rng = np.random.default_rng(seed)
    features = M[labels] + noise * np.linalg.norm(M) * rng.standard_normal((48, 12))
    moments, decisions = Moments(6, 12), Decisions(6)
    moments.update(features, labels)
    decisions.update(features @ W.T, labels)
    return Collapse.of(moments, W, None, decisions, counts=counts)


def predictions():
    return {"SELI": predict.seli(COUNTS), "ETF": predict.etf(6)}


def test_the_verdict_names_the_prediction_that_fits():
    assert "SELI explains both best" in network(predict.seli(COUNTS)).verdict(predictions())
    assert "ETF explains both best" in network(predict.etf(6)).verdict(predictions())


def test_the_verdict_says_so_when_nothing_fits():
    rng = np.random.default_rng(0)
    collapse = network(predict.etf(6), noise=1.0)
    odd = Collapse.of(
        collapse.moments,
        rng.standard_normal((6, 12)) * [[5], [1], [1], [1], [1], [1]],
        counts=COUNTS,
    )
    words = odd.verdict(predictions())
    assert "no prediction fits the classifiers" in words
    assert "have not collapsed" in words


def test_the_verdict_names_merging_minorities_and_their_pairs():
    W, _ = predict.etf(6).vectors(12)
    W[3:] = W[3] + 0.1 * W[3:]
    collapse = network(predict.etf(6))
    merged = Collapse.of(collapse.moments, W, None, collapse.decisions, counts=COUNTS)
    words, near = merged.verdict(predictions()), angles(merged.weight)
    assert "classes 3, 4, 5 are merging (all minorities)" in words
    assert re.search(r", then 3 and 5 \(1.00\), 4 and 5 \(0.99\)\.", words), words
    assert near.number == 3
    assert merged.minority_cosine_max > 0.9
    assert near.members.tolist() == [3, 4, 5]
    assert near.merging[2] == pytest.approx(merged.minority_cosine_max)
    assert near.merging == near.closest


def test_classifiers_of_zero_are_named():
    collapse = network(predict.etf(6))
    W = collapse.weight.copy()
    W[4:] = 0
    words = Collapse.of(collapse.moments, W, counts=COUNTS).verdict()
    assert "classifiers of classes 4, 5 are zero" in words


def test_errors_of_minorities_ask_for_held_out_samples():
    collapse = network(predict.etf(6))
    collapse.decisions.errors[:] = [0, 0, 0, 4, 4, 4]
    assert "Minorities err 50%" in collapse.verdict(predictions())


def test_the_table_shows_predictions_and_anchors_and_the_json_everything():
    collapse = network(predict.seli(COUNTS), noise=0.01)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(collapse.table(predictions()))
    text = console.export_text()
    assert "answers of" not in text
    assert "NC1" in text
    assert "SELI" in text
    assert "random" in text
    plain = collapse.to_dict()
    json.dumps(plain, allow_nan=False)
    assert set(plain["metrics"]) | set(plain["undefined"]) == set(METRICS)
    assert plain["metrics"]["nc1"] == collapse.nc1
    scalars = collapse.scalars(predictions())
    assert scalars["SELI/classifiers"] < 1e-6
    assert all(isinstance(value, float) for value in scalars.values())


def test_what_a_random_head_answers_is_among_all_its_classes_where_some_were_left_out():
    rng, labels = np.random.default_rng(0), np.repeat([0, 2, 5], 3000)
    features, W = rng.standard_normal((9000, 40)), rng.standard_normal((6, 40))
    means = Means(6, 40)
    means.update(features, labels)
    second = SecondPass(means, W)
    second.update(features, labels)
    seen = Collapse.of(second.moments(), W, None, second.decisions, classes="seen")
    columns = {str(column.header): [*column.cells] for column in seen.table().columns}
    random = dict(zip(columns["metric"], columns["random"], strict=True))
    assert random[METRICS["nc4"].title] == "0.167"
    assert random[METRICS["error_rates"].title] == "0.833"
    np.testing.assert_allclose(seen.error_rates, 5 / 6, atol=0.03)


def test_a_table_says_of_how_many_samples_the_answers_are():
    whole = network(predict.seli(COUNTS))
    few = Decisions(6)
    few.update(np.eye(6), np.arange(6))
    part = Collapse.of(whole.moments, whole.weight, None, few, counts=COUNTS)
    assert part.table().title == "48 samples, 6 classes, 12 dimensions; answers of 6 of the samples"


def test_a_result_keeps_its_numbers_and_names_what_it_has():
    collapse = network(predict.etf(6))
    before = collapse.moments.means.copy()
    with pytest.raises(AttributeError, match="a collapse has no 'nc9'; its metrics are nc1"):
        _ = collapse.nc9
    with pytest.raises(ValueError, match="give the head's weight"):
        _ = Collapse.of(collapse.moments).geometry
    with pytest.raises(ValueError, match="nc4 compares with the nearest class mean"):
        _ = collapse.nc4
    with pytest.raises(ValueError, match="error_rates needs the answers"):
        _ = Collapse.of(collapse.moments).error_rates
    np.testing.assert_array_equal(collapse.moments.means, before)
    assert repr(collapse) == "Collapse(n=48, k=6, d=12)"


@pytest.mark.parametrize(
    ("features", "head", "words", "undefined"),
    [
        (1.0, 0.0, "All classifiers are zero", "alignment"),
        (0.0, 1.0, "All class means coincide", "nc1"),
        (0.0, 0.0, "All classifiers are zero", "nearest_etf_distance"),
    ],
)
def test_where_something_is_zero_the_rest_is_still_told(features, head, words, undefined):
    rng = np.random.default_rng(0)
    labels, W = np.repeat(np.arange(6), 8), rng.standard_normal((6, 12))
    moments = Moments(6, 12)
    moments.update(features * rng.standard_normal((48, 12)) + features * W[labels] + 3.0, labels)
    collapse = Collapse.of(moments, head * W, counts=COUNTS)
    assert words in collapse.verdict(predictions())
    values, missing = collapse.metrics()
    assert undefined in missing
    assert "classifier_norms" in values
    scalars = collapse.scalars(predictions())
    assert np.isfinite(list(scalars.values())).all()
    assert ("SELI/embeddings" in scalars) == bool(features)
    json.dumps(collapse.to_dict(), allow_nan=False)


def test_an_optimum_of_zero_is_no_prediction():
    zero = solve.minimize(solve.Problem(COUNTS, ridge=1e6)).geometry
    words = network(predict.etf(6)).verdict({"the optimum": zero, "ETF": predict.etf(6)})
    assert (
        "The optimum of the optimum is zero, so there is nothing to compare with. Classifiers are"
        " 0.00 from ETF" in words
    )


@pytest.mark.parametrize("factor", [1e200, 1e100, 1e-100])
def test_numbers_whose_squares_leave_float64_are_refused(factor):
    moments = Moments(2, 3)
    with np.errstate(over="ignore"):
        moments.update(factor * np.eye(2, 3), [0, 1])
    with pytest.raises(ValueError, match="squares of their inner products leave float64"):
        Collapse.of(moments, np.eye(2, 3)).geometry  # noqa: B018  computed when asked for
    with pytest.raises(ValueError, match="the head's weights reach"):
        Collapse.of(moments, factor * np.eye(2, 3))
