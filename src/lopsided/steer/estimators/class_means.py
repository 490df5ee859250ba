"""Class means as a transformer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lopsided.arrays import Floats, require_unmasked
from lopsided.steer.estimators.labels import require_all
from lopsided.steer.posthoc import nearest_mean


class ClassMeans(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Features to the logits -||h - mu_c||^2 / 2 of the nearest class mean.

    Source: `posthoc.nearest_mean`; the class means are all that neural collapse leaves of features
    (Papyan et al. 2020).

    Attributes:
        classes_: the labels, sorted; texts too.
        means_: (k, d) class means.

    Example:
        >>> X, y = np.array([[0.0], [2.0], [10.0]]), ["a", "a", "b"]
        >>> ClassMeans().fit(X, y).transform([[2.0]])
        array([[ -0.5, -32. ]])
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Take the class means of (n, d) features and (n,) labels.

        Raises:
            ValueError: if the labels are not classes.
            TypeError: if features or labels are a masked array, whose mask would be lost.
        """
        require_all(y)
        require_unmasked(X, "features")
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, inverse = np.unique(y, return_inverse=True)
        k = len(self.classes_)
        self.means_ = np.stack([X[inverse == c].mean(axis=0) for c in range(k)])
        return self

    def transform(self, X: Any) -> Floats:
        """Return the (n, k) logits of (n, d) features."""
        check_is_fitted(self)
        require_unmasked(X, "features")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        logits: Floats = nearest_mean(X, self.means_)
        return logits

    @property
    def _n_features_out(self) -> int:  # as scikit-learn asks for it
        return len(self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
