"""Rules as scikit-learn estimators: a classifier that corrects another, and class means as a
transformer.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "the estimators are scikit-learn's: pip install 'lopsided[reproduce]'"
    ) from error

from lopsided.steer.estimators.class_means import ClassMeans
from lopsided.steer.estimators.post_hoc import PostHocClassifier

__all__ = ["ClassMeans", "PostHocClassifier"]
