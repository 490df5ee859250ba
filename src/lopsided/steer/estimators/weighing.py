"""Weighing: the settings of a classifier that make its probabilities those of other shares than the
samples'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.naming import short

#: How classifiers and samplers (scikit-learn, LightGBM, XGBoost, CatBoost, imbalanced-learn,
#: TabPFN, H2O) and networks (skorch, and the losses it trains with) call what makes their
#: probabilities those of other shares than the samples', and where it does not. LightGBM has
#: several names for one thing.
WEIGHING: dict[str, tuple[object, ...]] = {
    "class_weight": (None,),
    "class_weights": (None,),
    "auto_class_weights": (None, "None"),
    "priors": (None, "empirical"),
    "class_prior": (None,),
    "fit_prior": (True,),
    "is_unbalance": (None, False),
    "unbalance": (None, False),
    "unbalanced_sets": (None, False),
    **{
        f"{side}_{name}": (None, 1)
        for side in ("pos", "neg")
        for name in ("bagging_fraction", "bagging", "subsample", "sub_row")
    },
    "scale_pos_weight": (None, 1),
    "balance_probabilities": (False,),
    "balance_classes": (None, False),
    "class_sampling_factors": (None,),
    "sampling_strategy": (),
    "iterator_train__sampler": (None,),
    "iterator_train__batch_sampler": (None,),
    "criterion__weight": (None,),
    "criterion__pos_weight": (None,),
    "criterion__adjustment": (None, Adjustment()),
}
#: Classifiers whose probabilities are no posteriors: how frequent the classes are is not in them.
WITHOUT_COUNTS = ("AdaBoostClassifier", "ComplementNB")


def weighed(given: Any) -> list[str]:
    """Return the settings of a classifier, and of all inside it, that weigh the classes."""
    return [
        f"{name}={short(repr(value))}"
        for name, value in _settings(params(given))
        if not _neutral(name, value)
    ]


def params(given: Any) -> dict[str, Any]:
    """Return the settings of an estimator and of all inside it, of which a `FrozenEstimator` names
    none.
    """
    found = dict(given.get_params())
    for name, part in list(found.items()):
        if hasattr(part, "get_params") and not isinstance(part, type):
            for inner, value in params(part).items():
                found.setdefault(f"{name}__{inner}", value)
    return found


def _settings(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and value of each setting, of each that a search may choose (it comes as a
    mapping, or a list of mappings, name -> values to try or a distribution) and of what it may put
    in a place, and of a loss that is given as it is.
    """
    for name, value in given.items():
        yield name, value
        if name.split("__")[-1] == "criterion" and not isinstance(value, type):
            for part in ("weight", "pos_weight", "adjustment"):
                yield f"criterion__{part}", getattr(value, part, None)
        for grid in value if isinstance(value, list | tuple) else [value]:
            if isinstance(grid, Mapping):
                for tried, values in grid.items():
                    several = isinstance(values, list | tuple | np.ndarray)
                    for one in values if several else [values]:
                        yield str(tried), one
                        if hasattr(one, "get_params") and not isinstance(one, type):
                            yield from _settings(params(one))


def _neutral(name: str, value: Any) -> bool:
    """Return whether a setting of a classifier leaves the classes as frequent as they come."""
    plain = value is None or isinstance(value, bool | int | float | str | Adjustment)
    weighing = [key for key in WEIGHING if f"__{name}".endswith(f"__{key}")]
    return all(plain and value in WEIGHING[key] for key in weighing)
