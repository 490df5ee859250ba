"""A classifier that corrects another: its log-probabilities lose tau log(n_c / n) after the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lopsided.arrays import Floats
from lopsided.naming import listed, short
from lopsided.steer.estimators.labels import require_all
from lopsided.steer.estimators.weighing import WITHOUT_COUNTS, params, weighed
from lopsided.steer.posthoc import logit_adjustment
from lopsided.steer.posthoc.logits import finite

#: How far the sum of a sample's probabilities may be from one, which float16 leaves by a digit.
SUMMED = 1e-2


class PostHocClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose log-probabilities lose tau log(n_c / n) after it is fitted.

    Source: Menon et al. 2021 (arXiv 2007.07314), equation 9.

    Args:
        estimator: any classifier with `predict_proba`; None for logistic regression. Others decide
            by margins or by votes, which are no log-probabilities: wrap them in scikit-learn's
            `CalibratedClassifierCV`.
        tau: strength; 1 is for balanced accuracy, 0 changes nothing.
        class_weight: label -> how much its errors cost, beside the adjustment; None for equal ones.

    Attributes:
        classes_: the labels, sorted; texts too.
        counts_: (k,) samples of each in the training set.
        estimator_: the fitted classifier.

    Example:
        >>> X, y = np.array([[0.0], [0.1], [0.2], [0.3], [1.0]]), ["no", "no", "no", "no", "yes"]
        >>> PostHocClassifier().fit(X, y).predict([[0.6]])
        array(['yes'], dtype='<U3')
    """

    def __init__(
        self,
        estimator: Any = None,
        tau: float = 1.0,
        class_weight: Mapping[Any, float] | None = None,
    ) -> None:
        self.estimator = estimator
        self.tau = tau
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the classifier to features and (n,) labels, and count these.

        The classifier is given the features as they come: a table keeps its columns' names and
        types. One that is frozen is corrected for the counts of these labels, so give it the
        samples that it was trained on.

        Raises:
            ValueError: if the labels are not classes, `class_weight` names another or no positive
                finite number, tau is not finite, or the classifier weighs the classes itself, by
                `class_weight`, `priors` or another of `weighing.WEIGHING`, or may be chosen so by a
                search, is one of `WITHOUT_COUNTS` or corrects as this one does, or does not learn
                all of the labels as classes.
            TypeError: if `class_weight` is no mapping, or the classifier has no probabilities.
        """
        require_all(y)
        y = validate_data(self, y=y)
        check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.counts_ = counts
        if len(self.classes_) < 2:
            raise ValueError(
                "a classifier needs samples of two classes or more, got those of one class or none:"
                f" {self.classes_.tolist()}"
            )
        self._log_weights()
        finite(self.tau)
        given = self._given()
        self._require_plain(given)
        self.estimator_ = clone(given).fit(X, y)
        if not hasattr(self.estimator_, "predict_proba"):
            raise TypeError(
                f"{given} has no predict_proba, and its decisions are no log-probabilities: give"
                " CalibratedClassifierCV of it, from sklearn.calibration"
            )
        learned = np.sort(getattr(self.estimator_, "classes_", self.classes_))
        if not np.array_equal(learned, self.classes_):
            raise ValueError(
                f"{type(given).__name__} has learned {len(learned)} classes of the"
                f" {len(self.classes_)} labels: {listed(learned)} of {listed(self.classes_)}; a"
                " label that marks samples as not labelled is no class: leave these out"
            )
        for told in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, told):
                setattr(self, told, getattr(self.estimator_, told))
        return self

    def decision_logits(self, X: Any) -> Floats:
        """Return the (n, k) adjusted logits of features.

        Raises:
            ValueError: if what the classifier gives of a sample are no probabilities; it is named;
                or they are of more classes; or it weighs the classes and tau is not 0 any more, as
                in `fit`.
        """
        check_is_fitted(self)
        self._require_plain(self.estimator_)  # tau may be another than it was fitted with
        order = np.argsort(getattr(self.estimator_, "classes_", self.classes_))
        found = np.asarray(self.estimator_.predict_proba(X))
        if found.ndim != 2 or found.shape[1] != len(order):
            raise ValueError(
                f"{type(self.estimator_).__name__} gives probabilities of shape {found.shape} for"
                f" {len(order)} classes"
            )
        found = found[:, order]
        # Numbers that are none are no probabilities either.
        right = (found >= 0).all(axis=1) & (np.abs(found.sum(axis=1) - 1) <= SUMMED)
        if not right.all():
            i = int(np.argmin(right))
            raise ValueError(
                f"{type(self.estimator_).__name__} gives sample {i} no probabilities:"
                f" {short(found[i].tolist())}; of logits give their softmax (skorch:"
                " predict_nonlinearity)"
            )
        with np.errstate(divide="ignore"):
            logits = np.log(found)
        logits = np.maximum(logits, np.log(np.finfo(np.float64).tiny))
        adjusted: Floats = logit_adjustment(logits, self.counts_, self.tau)
        return adjusted + self._log_weights()

    def predict_proba(self, X: Any) -> Floats:
        """Return the (n, k) softmax of the adjusted logits: with tau = 1 and no class weights the
        probabilities where all classes are as frequent.
        """
        return np.exp(log_softmax(self.decision_logits(X), axis=1))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the (n,) labels."""
        best = self.decision_logits(X).argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[best]
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given = self._given()
        if hasattr(given, "__sklearn_tags__"):  # of classifiers beside scikit-learn some have none
            tags.input_tags = get_tags(given).input_tags
        return tags

    def _given(self) -> Any:
        return LogisticRegression() if self.estimator is None else self.estimator

    def _require_plain(self, given: Any) -> None:
        """Refuse a classifier whose probabilities are not those of the counts, where these are to
        be corrected for.
        """
        if not self.tau:
            return
        if weights := weighed(given):
            raise ValueError(
                f"{type(given).__name__} weighs the classes already ({weights[0]}), and the"
                " adjustment would correct for their counts once more: leave it out there, or give"
                " tau=0"
            )
        inside = (given, *params(given).values())
        if any(isinstance(part, PostHocClassifier) and part.tau for part in inside):
            raise ValueError(
                f"{type(given).__name__} is, or holds, a PostHocClassifier, and the adjustment"
                " would correct for the counts once more: give what that one is of, or tau=0"
            )
        if wrong := {type(part).__name__ for part in inside} & set(WITHOUT_COUNTS):
            raise ValueError(
                f"the probabilities of {wrong.pop()} do not tell how frequent classes are, so there"
                " is nothing to correct; give another classifier, or tau=0"
            )

    def _log_weights(self) -> Floats:
        """Return (k,) logarithms of the class weights."""
        if not isinstance(self.class_weight, Mapping | None):
            raise TypeError(
                "class_weight must be a mapping, label -> weight, or None, got"
                f" {self.class_weight!r}; 'balanced' is what tau=1 does already"
            )
        given = {} if self.class_weight is None else dict(self.class_weight)
        if strangers := sorted(map(str, given.keys() - set(self.classes_.tolist()))):
            raise ValueError(
                f"class_weight names {', '.join(strangers)}, but the classes are"
                f" {', '.join(map(str, self.classes_))}"
            )
        weights = np.array([float(given.get(label, 1.0)) for label in self.classes_.tolist()])
        if not ((weights > 0) & (weights < np.inf)).all():
            raise ValueError(f"class weights must be positive and finite, got {self.class_weight}")
        return np.asarray(np.log(weights))
