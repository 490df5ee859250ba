"""Laws of Collapse as an object: what it has, what it has not, and that it can be copied and
sent."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from lopsided import Counts, predict
from lopsided.measure import METRICS, Collapse, Decisions, Moments, Undefined

COUNTS = Counts([100, 100, 100, 2, 2, 2])


def measured(*, head=True, answers=True, scatter="pooled"):
    rng = np.random.default_rng(0)
    labels, weight = np.repeat(np.arange(6), 4), rng.standard_normal((6, 9))
    features = weight[labels] + 0.1 * rng.standard_normal((24, 9))
    moments, decisions = Moments(6, 9, scatter), Decisions(6)
    moments.update(features, labels)
    decisions.update(features @ weight.T, labels)
    return Collapse.of(
        moments, weight if head else None, None, decisions if answers else None, counts=COUNTS
    )


CASES = {
    "all": measured(),
    "no head": measured(head=False),
    "no answers": measured(answers=False),
    "no scatter": measured(scatter="none"),
    "features alone": measured(head=False, answers=False, scatter="none"),
}


@pytest.mark.parametrize("name", METRICS)
def test_only_what_is_of_classifiers_needs_a_head(name):
    needs = {"classifiers", "logits", "geometry"} & set(METRICS[name].needs)
    headless = CASES["no head"].metrics()[0]
    if name in CASES["all"].metrics()[0]:
        assert (name in headless) == (not needs)
    if name in headless:
        np.testing.assert_array_equal(headless[name], CASES["all"].metrics()[0][name])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [*METRICS, "geometry"])
def test_a_collapse_has_exactly_the_metrics_that_are_defined(case, name):
    collapse = copy.copy(CASES[case])
    undefined = collapse.metrics()[1] if name in METRICS else {}
    if name == "geometry" and collapse.weight is None:
        undefined[name] = "this needs classifiers: give the head's weight"
    assert hasattr(collapse, name) == (name not in undefined)
    assert getattr(collapse, name, None) is None or name not in undefined
    if name in undefined:
        with pytest.raises(Undefined) as caught:
            getattr(collapse, name)
        assert str(caught.value) == undefined[name]
        assert isinstance(caught.value, ValueError)


def test_completion_offers_every_metric():
    assert set(METRICS) | {"geometry", "verdict", "counts"} <= set(dir(CASES["all"]))


def test_an_unknown_name_is_answered_with_the_nearest_metric():
    with pytest.raises(
        AttributeError, match=r"a collapse has no 'aligment'.* did you mean 'alignment'\?"
    ):
        _ = CASES["all"].aligment
    with pytest.raises(AttributeError) as caught:
        _ = CASES["all"].xyz
    assert not isinstance(caught.value, Undefined)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda collapse: pickle.loads(pickle.dumps(collapse))],  # noqa: S301
)
def test_a_copy_says_the_same(case, again):
    collapse = CASES[case]
    fresh = again(collapse)
    assert fresh.to_dict() == collapse.to_dict()
    collapse.metrics()  # now values are kept
    kept = again(collapse)
    assert kept.to_dict() == collapse.to_dict()
    if collapse.weight is not None:
        laws = {"SELI": predict.seli(COUNTS)}
        assert kept.verdict(laws) == fresh.verdict(laws) == collapse.verdict(laws)


def test_an_error_that_is_not_undefined_is_not_taken_for_a_missing_value(monkeypatch):
    def broken(moments):
        raise ValueError("a mistake")

    monkeypatch.setitem(
        METRICS, "broken", type(METRICS["nc1"])("a broken metric", broken, ("moments",))
    )
    with pytest.raises(ValueError, match="a mistake"):
        measured().metrics()
    with pytest.raises(ValueError, match="a mistake"):
        hasattr(measured(), "broken")


def test_the_reason_names_classes_by_their_labels_where_some_were_left_out():
    moments, weight = Moments(6, 3), np.random.default_rng(1).standard_normal((6, 3))
    features = np.random.default_rng(0).standard_normal((8, 3))
    features[-2:] = features[-4:-2]  # the means of the last two classes coincide
    moments.update(features, np.repeat([1, 2, 4, 5], 2))
    weight[5] = 0
    counts = Counts([9, 9, 9, 9, 1, 1])
    reasons = Collapse.of(moments, weight, classes="seen", counts=counts).metrics()[1]
    assert reasons["cdnv"] == "the means of classes 4 and 5 coincide, so cdnv is not defined"
    assert reasons["alignment"].startswith("the classifier or the mean of class 5 is zero")
    assert reasons["classifier_equiangularity"].startswith("the vector of class 5 is zero")
    assert reasons["minority_cosine_mean"].startswith("the vector of class 5 is zero")


def test_one_sample_a_class_has_no_scatter_to_measure():
    moments, rng = Moments(3, 4), np.random.default_rng(0)
    moments.update(rng.standard_normal((3, 4)), np.arange(3))
    for name in ("nc1", "cdnv", "vci"):
        with pytest.raises(Undefined, match="every class has one sample"):
            getattr(Collapse.of(moments), name)
    moments.update(rng.standard_normal((1, 4)), [0])
    assert Collapse.of(moments).nc1 > 0


def test_a_class_too_large_to_square_is_called_by_its_label_where_others_are_left_out():
    moments = Moments(5, 2)
    with np.errstate(over="ignore"):
        moments.update([[1.0, 0], [0, 1], [1, 1], [1e160, 0]], [0, 1, 3, 3])
    with pytest.raises(ValueError, match="features of class 3 are so large"):
        Collapse.of(moments, classes="seen")
