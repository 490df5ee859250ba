"""The estimators are what scikit-learn asks of one, and the rules that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsOneClassifier
from sklearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils.estimator_checks import check_estimator

from lopsided import Adjustment, steer
from lopsided.steer import posthoc

#: Classifiers that take long, of which others of the table are like.
SLOW = ("GradientBoostingClassifier", "HistGradientBoostingClassifier")
#: Those whose probabilities are not of classes as frequent as they come.
REFUSED = ("AdaBoostClassifier", "ComplementNB", "NearestCentroid")
RANDOM = np.random.default_rng(0)
X = np.concatenate([RANDOM.normal(loc, 1.0, (n, 2)) for loc, n in ((0, 60), (1, 20), (2, 4))])
Y = np.repeat(["many", "some", "few"], [60, 20, 4])


class Resampled(LogisticRegression):
    """A classifier that draws the classes anew, as those of imbalanced-learn do."""

    def __init__(self, sampling_strategy="auto"):
        super().__init__()
        self.sampling_strategy = sampling_strategy


class Boosted(LogisticRegression):
    """A classifier that takes any settings, as LightGBM's does, under all their names."""

    def __init__(self, **others):
        super().__init__()
        self.others = others

    def get_params(self, deep=True):
        return dict(self.others)


class Network(LogisticRegression):
    """A classifier with the settings of one that skorch makes of a network."""

    def __init__(self, criterion=None, criterion__weight=None, iterator_train__sampler=None):
        super().__init__()
        self.criterion = criterion
        self.criterion__weight = criterion__weight
        self.iterator_train__sampler = iterator_train__sampler


class Logits(LogisticRegression):
    """A classifier whose probabilities are logits, as skorch has them of a loss it knows not."""

    def predict_proba(self, X):
        return self.decision_function(X)


class Wide(LogisticRegression):
    """A classifier that has room for more classes than there are, as a network may."""

    def predict_proba(self, X):
        return np.pad(super().predict_proba(X), ((0, 0), (0, 1)))


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


@pytest.mark.parametrize(
    ("inner", "features"),
    [
        (
            HistGradientBoostingClassifier(max_iter=2),
            np.where(np.arange(168).reshape(84, 2) % 5, X, np.nan),
        ),
        (LogisticRegression(), csr_array(np.maximum(X, 0))),
        (
            make_pipeline(CountVectorizer(analyzer="char"), LogisticRegression()),
            [str(x) for x in X],
        ),
        (
            make_pipeline(DictVectorizer(), LogisticRegression()),
            [{"a": str(x[0] > 1), "b": x[1]} for x in X],
        ),
    ],
    ids=["missing", "sparse", "texts", "dictionaries"],
)
def test_whatever_a_classifier_takes_it_is_given_as_it_comes(inner, features):
    found = steer.PostHocClassifier(inner, tau=0.0).fit(features, Y)
    plain = inner.fit(features, Y).predict_proba(features)
    np.testing.assert_allclose(found.predict_proba(features), plain, atol=1e-12)


def test_a_table_keeps_the_types_of_its_columns():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"kind": pandas.Categorical(np.arange(84) * 7 % 12), "size": X[:, 1]})
    inner = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=3, random_state=0)
    found = steer.PostHocClassifier(inner, tau=0.0).fit(table, Y)
    assert found.feature_names_in_.tolist() == ["kind", "size"]
    plain = inner.fit(table, Y).predict_proba(table)
    np.testing.assert_allclose(found.predict_proba(table), plain, atol=1e-12)


def test_what_is_no_probability_of_these_classes_is_refused():
    with pytest.raises(ValueError, match=r"Logits gives sample 0 no probabilities: \[.*softmax"):
        steer.PostHocClassifier(Logits()).fit(X, Y).predict(X)
    wide = steer.PostHocClassifier(Wide()).fit(X, Y)
    with pytest.raises(ValueError, match=r"Wide gives probabilities of shape \(84, 4\) for 3"):
        wide.predict(X)
    other = FrozenEstimator(LogisticRegression().fit(X, np.where(Y == "few", "rare", Y)))
    with pytest.raises(ValueError, match=r"Frozen\w+ has learned 3 .*: many, rare, some of few"):
        steer.PostHocClassifier(other).fit(X, Y)


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


class Turned(GaussianNB):
    """A classifier with its classes in another order, as CatBoost has them by `class_names`."""

    def fit(self, X, y):
        super().fit(X, y)
        self.classes_ = self.classes_[::-1]
        return self

    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]


class Lost(GaussianNB):
    """A classifier that knows nothing of a sample, as label propagation far from all others."""

    def predict_proba(self, X):
        found = super().predict_proba(X)
        found[3] = np.nan
        return found


def test_probabilities_are_of_the_classes_that_the_classifier_says_they_are_of():
    plain = steer.PostHocClassifier(GaussianNB()).fit(X, Y)
    turned = steer.PostHocClassifier(Turned()).fit(X, Y)
    assert np.array_equal(turned.decision_logits(X), plain.decision_logits(X))
    with pytest.raises(ValueError, match=r"Lost gives sample 3 no probabilities: \[nan"):
        steer.PostHocClassifier(Lost()).fit(X, Y).predict(X)
    unlabelled = np.where(np.arange(len(Y)) % 4, np.unique(Y, return_inverse=True)[1], -1)
    with pytest.raises(
        ValueError, match="3 classes of the 4 labels: 0, 1, 2 of -1, 0, 1, 2; a lab"
    ):
        steer.PostHocClassifier(SelfTrainingClassifier(GaussianNB())).fit(X, unlabelled)


def test_class_means_tell_digits_apart_in_a_pipeline():
    digits, labels = load_digits(return_X_y=True)
    means = steer.ClassMeans().fit(digits[:900], labels[:900])
    right = means.classes_[means.transform(digits[900:]).argmax(axis=1)] == labels[900:]
    assert right.mean() > 0.8
    assert list(means.get_feature_names_out()[:2]) == ["classmeans0", "classmeans1"]
    model = make_pipeline(steer.ClassMeans(), DecisionTreeClassifier(random_state=0))
    assert model.fit(digits[:900], labels[:900]).score(digits[900:], labels[900:]) > 0.7


def test_classes_that_are_weighed_in_training_are_not_corrected_for_again():
    weighing = LogisticRegression(class_weight="balanced")
    fitted = make_pipeline(StandardScaler(), weighing).fit(X, Y)
    for given in (
        weighing,
        make_pipeline(StandardScaler(), weighing),
        FrozenEstimator(fitted),
        make_pipeline(StandardScaler(), FrozenEstimator(fitted)),
        CalibratedClassifierCV(FrozenEstimator(fitted)),
    ):
        with pytest.raises(ValueError, match=r"class_weight='balanced'.*once more: leave it out"):
            steer.PostHocClassifier(given).fit(X, Y)
    even = np.full(len(set(Y)), 1 / len(set(Y)))
    for given in (GaussianNB(priors=even), MultinomialNB(fit_prior=False), Resampled()):
        with pytest.raises(ValueError, match=r"weighs the classes already \((priors|fit_p|sampl)"):
            steer.PostHocClassifier(given).fit(X, Y)
    bagging = {"pos_bagging_fraction": 1.0, "neg_bagging_fraction": 0.1}
    balancing = ({name: True} for name in ("balance_probabilities", "balance_classes"))
    boosting = {"unbalance": True}, {"unbalanced_sets": True}, bagging, {"neg_sub_row": 0.5}
    for settings in (*boosting, *balancing, {"class_sampling_factors": [1.0, 2.0, 1.0]}):
        with pytest.raises(ValueError, match=r"weighs .*\((\w*bal\w+|neg_\w+|\w+_factors)="):
            steer.PostHocClassifier(Boosted(**settings)).fit(X, Y)
    steer.PostHocClassifier(Boosted(unbalance=False, pos_bagging_fraction=1.0)).fit(X, Y)
    steer.PostHocClassifier(Boosted(balance_probabilities=False)).fit(X, Y)
    torn = torch.tensor([3.0, 1.0, 2.0])
    for given in (
        Network(criterion__weight=torn),
        Network(criterion=torch.nn.CrossEntropyLoss(weight=torn)),
        Network(criterion=steer.AdjustedCrossEntropy(Adjustment.logit_adjusted([4, 60, 20]))),
        Network(iterator_train__sampler=torch.utils.data.WeightedRandomSampler(torn, 3)),
    ):
        with pytest.raises(ValueError, match=r"Network weighs .*\(\w*(weight|adj\w+|sampler)="):
            steer.PostHocClassifier(given).fit(X, Y)
    none = steer.AdjustedCrossEntropy(Adjustment())
    for criterion in (torch.nn.CrossEntropyLoss, torch.nn.CrossEntropyLoss(), none):
        steer.PostHocClassifier(Network(criterion)).fit(X, Y)
    for given in (ComplementNB(), AdaBoostClassifier(n_estimators=2)):
        with pytest.raises(ValueError, match=r"(Comp|Ada)\w+ do not tell how frequent classes are"):
            steer.PostHocClassifier(make_pipeline(MinMaxScaler(), given)).fit(X, Y)
    corrected = steer.PostHocClassifier()
    frozen = FrozenEstimator(make_pipeline(MinMaxScaler(), corrected).fit(X, Y))
    for given in (corrected, make_pipeline(MinMaxScaler(), corrected), frozen):
        with pytest.raises(ValueError, match="correct for the counts once more"):
            steer.PostHocClassifier(given).fit(X, Y)
        steer.PostHocClassifier(given, tau=0).fit(X, Y)
    steer.PostHocClassifier(steer.PostHocClassifier(tau=0)).fit(X, Y)
    for given in (GaussianNB(), NearestCentroid(priors="empirical")):
        steer.PostHocClassifier(given).fit(X, Y)
    plain = steer.PostHocClassifier(weighing, tau=0).fit(X, Y)
    assert (plain.predict(X) == weighing.fit(X, Y).predict(X)).all()
    with pytest.raises(ValueError, match="correct for their counts once more"):
        plain.set_params(tau=1.0).predict(X)
    later = steer.PostHocClassifier(tau=0).fit(X, Y).set_params(tau=1.0)
    assert (later.predict(X) == steer.PostHocClassifier().fit(X, Y).predict(X)).all()
    with pytest.raises(ValueError, match="tau must be a finite number"):
        steer.PostHocClassifier(tau=np.nan).fit(X, Y)


@pytest.mark.parametrize(
    "search",
    [
        lambda *of: GridSearchCV(*of, cv=2),
        lambda *of: RandomizedSearchCV(*of, cv=2, n_iter=1, random_state=0),
    ],
    ids=["grid", "random"],
)
def test_a_search_that_may_choose_weights_is_weighing(search):
    inner, weights = make_pipeline(LogisticRegression()), [None, "balanced"]
    for grid in (
        {"logisticregression__class_weight": weights},
        [{"logisticregression__C": [1.0]}, {"logisticregression__class_weight": np.array(weights)}],
    ):
        given = BaggingClassifier(search(inner, grid), n_estimators=1)
        with pytest.raises(ValueError, match=r"__class_weight='balanced'.*once more: leave it out"):
            steer.PostHocClassifier(given).fit(X, Y)
        steer.PostHocClassifier(search(inner, grid), tau=0).fit(X, Y)
    steps = Pipeline([("sampler", "passthrough"), ("classifier", LogisticRegression())])
    for place in ("sampler", "classifier"):
        given = search(steps, {place: [LogisticRegression(), Resampled()]})
        with pytest.raises(ValueError, match=r"sampling_strategy='auto'.*once more: leave it out"):
            steer.PostHocClassifier(given).fit(X, Y)
    harmless = {"logisticregression__C": [0.1, 1.0], "logisticregression__class_weight": [None]}
    steer.PostHocClassifier(search(inner, harmless)).fit(X, Y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # scikit-learn's own, of descents that are cut short
def test_of_all_classifiers_of_scikit_learn_those_corrected_know_how_frequent_classes_are():
    positive, shares = MinMaxScaler().fit_transform(X), np.array([4, 60, 20]) / 84
    corrected = 0
    for _, kind in all_estimators(type_filter="classifier"):
        try:
            inner = kind()
            if kind.__name__ in SLOW or not hasattr(inner.fit(positive, Y), "predict_proba"):
                continue
        except (TypeError, ValueError):  # it takes a classifier, or other samples
            continue
        if kind.__name__ in REFUSED:
            with pytest.raises(ValueError, match=r"weighs the classes already|do not tell how"):
                steer.PostHocClassifier(inner).fit(positive, Y)
            continue
        steer.PostHocClassifier(inner).fit(positive, Y)
        mean = inner.predict_proba(positive).mean(axis=0)
        assert np.abs(mean - shares).max() < 0.1, (kind.__name__, mean)
        corrected += 1
    assert corrected > 15


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan")])
@pytest.mark.parametrize("kind", [steer.PostHocClassifier, steer.ClassMeans])
def test_a_label_that_is_missing_is_no_class(kind, missing):
    X = np.arange(12.0).reshape(6, 2)
    with pytest.raises(ValueError, match="labels must not be missing"):
        kind().fit(X, ["a", "a", "a", "b", "b", missing])


@pytest.mark.parametrize("kind", [steer.PostHocClassifier, steer.ClassMeans])
def test_so_is_one_among_objects_that_have_no_order_with_it(kind):
    X, labels = np.arange(12.0).reshape(6, 2), ["a", "a", "a", "b", "b", None]
    with pytest.raises(ValueError, match="labels must not be missing, got None for sample 5"):
        kind().fit(X, np.array(labels, object))


@pytest.mark.parametrize("kind", [steer.PostHocClassifier, steer.ClassMeans])
def test_so_is_what_pandas_calls_missing(kind):
    pandas = pytest.importorskip("pandas")
    labels = pandas.Series(["a", "a", "a", "b", "b", None], dtype="string")
    with pytest.raises(ValueError, match="labels must not be missing, got <NA> for sample 5"):
        kind().fit(np.arange(12.0).reshape(6, 2), labels)


@pytest.mark.parametrize("kind", [steer.PostHocClassifier, steer.ClassMeans])
def test_masks_of_labels_and_of_what_is_averaged_are_not_lost(kind):
    X, y = np.arange(12.0).reshape(6, 2), np.array([0, 0, 0, 1, 1, 1])
    with pytest.raises(TypeError, match="labels must not be a masked array"):
        kind().fit(X, np.ma.array(y, mask=y == 0))
    masked, means = np.ma.array(X, mask=X == 3), steer.ClassMeans()
    for do in (means.fit, means.fit(X, y).transform):
        with pytest.raises(TypeError, match="features must not be a masked array"):
            do(masked, *[y] * (do == means.fit))


@pytest.mark.parametrize("kind", [steer.PostHocClassifier, steer.ClassMeans])
def test_a_label_that_is_missing_in_an_array_is_told_as_scikit_learn_does(kind):
    X = np.arange(12.0).reshape(6, 2)
    with pytest.raises(ValueError, match="NaN"):
        kind().fit(X, np.array(["a", "a", "a", "b", "b", np.nan], object))
    with pytest.raises(ValueError, match="requires y to be passed"):
        kind().fit(X, None)
