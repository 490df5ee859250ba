"""The estimators are what scikit-learn asks of one, and the rules that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsOneClassifier
from sklearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from lopsided import steer
from lopsided.steer import posthoc

RANDOM = np.random.default_rng(0)
X = np.concatenate([RANDOM.normal(loc, 1.0, (n, 2)) for loc, n in ((0, 60), (1, 20), (2, 4))])
Y = np.repeat(["many", "some", "few"], [60, 20, 4])


class Resampled(LogisticRegression):
    """A classifier that draws the classes anew, as those of imbalanced-learn do."""

    def __init__(self, sampling_strategy="auto"):
        super().__init__()
        self.sampling_strategy = sampling_strategy


@pytest.mark.filterwarnings("ignore")  # scikit-learn's own, on checks that are skipped
@pytest.mark.parametrize("estimator", [steer.PostHocClassifier(), steer.ClassMeans()])
def test_it_passes_the_checks_of_scikit_learn(estimator):
    check_estimator(estimator)


def test_the_classifier_is_logit_adjustment_of_another():
    plain = LogisticRegression().fit(X, Y)
    found = steer.PostHocClassifier(tau=0.7).fit(X, Y)
    assert found.classes_.tolist() == ["few", "many", "some"]
    logits = posthoc.logit_adjustment(np.log(plain.predict_proba(X)), [4, 60, 20], 0.7)
    np.testing.assert_allclose(found.predict_proba(X), softmax(logits, axis=1))
    assert found.predict(X).tolist() == plain.classes_[logits.argmax(axis=1)].tolist()
    neutral = steer.PostHocClassifier(tau=0.0).fit(X, Y)
    assert neutral.predict(X).tolist() == plain.predict(X).tolist()


def test_class_weights_are_by_label_and_any_classifier_will_do():
    calibrated = CalibratedClassifierCV(LinearSVC(), cv=2)
    for inner in (calibrated, DecisionTreeClassifier(max_depth=2)):
        plain = steer.PostHocClassifier(inner).fit(X, Y)
        heavy = steer.PostHocClassifier(inner, class_weight={"few": 1e6}).fit(X, Y)
        assert (heavy.predict(X) == "few").sum() > (plain.predict(X) == "few").sum()
    for wrong, words in (
        ({"rare": 2.0}, "names rare"),
        ({"few": 0.0}, "positive"),
        ({"few": np.inf}, "finite"),
    ):
        with pytest.raises(ValueError, match=words):
            steer.PostHocClassifier(class_weight=wrong).fit(X, Y)
    with pytest.raises(TypeError, match="mapping"):
        steer.PostHocClassifier(class_weight="balanced").fit(X, Y)


@pytest.mark.parametrize(
    "inner",
    [SVC(), LinearSVC(), make_pipeline(SVC()), OneVsOneClassifier(SVC()), LinearRegression()],
    ids=str,
)
def test_margins_and_votes_are_not_taken_for_log_probabilities(inner):
    targets = Y if "Classif" in str(inner) or "SV" in str(inner) else np.arange(len(Y)) % 3
    with pytest.raises(TypeError, match=r"has no predict_proba.* CalibratedClassifierCV"):
        steer.PostHocClassifier(inner).fit(X, targets)


def test_class_means_tell_digits_apart_in_a_pipeline():
    digits, labels = load_digits(return_X_y=True)
    means = steer.ClassMeans().fit(digits[:900], labels[:900])
    right = means.classes_[means.transform(digits[900:]).argmax(axis=1)] == labels[900:]
    assert right.mean() > 0.8
    model = make_pipeline(steer.ClassMeans(), DecisionTreeClassifier(random_state=0))
    assert model.fit(digits[:900], labels[:900]).score(digits[900:], labels[900:]) > 0.7


def test_classes_that_are_weighed_in_training_are_not_corrected_for_again():
    weighing = LogisticRegression(class_weight="balanced")
    for given in (weighing, make_pipeline(StandardScaler(), weighing)):
        with pytest.raises(ValueError, match=r"class_weight='balanced'.*once more: leave it out"):
            steer.PostHocClassifier(given).fit(X, Y)
    even = np.full(len(set(Y)), 1 / len(set(Y)))
    for given in (GaussianNB(priors=even), MultinomialNB(fit_prior=False), Resampled()):
        with pytest.raises(ValueError, match=r"weighs the classes already \((priors|fit_p|sampl)"):
            steer.PostHocClassifier(given).fit(X, Y)
    with pytest.raises(ValueError, match="ComplementNB do not tell how frequent classes are"):
        steer.PostHocClassifier(make_pipeline(MinMaxScaler(), ComplementNB())).fit(X, Y)
    steer.PostHocClassifier(GaussianNB()).fit(X, Y)
    plain = steer.PostHocClassifier(weighing, tau=0).fit(X, Y)
    assert (plain.predict(X) == weighing.fit(X, Y).predict(X)).all()
    with pytest.raises(ValueError, match="tau must be a finite number"):
        steer.PostHocClassifier(tau=np.nan).fit(X, Y)
