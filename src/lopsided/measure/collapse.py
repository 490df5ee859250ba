"""Collapse: the result of a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.geometry import Geometry
from lopsided.measure.checks import head_of
from lopsided.measure.decisions import Decisions
from lopsided.measure.metrics import METRICS
from lopsided.measure.moments import Moments
from lopsided.measure.network import geometry

#: Whether every class must have samples, or those without are left out.
Classes = Literal["all", "seen"]


@dataclass(frozen=True, eq=False)
class Collapse:
    """What the samples and the head show. Every metric of METRICS is an attribute, computed when first asked for.

    Attributes:
        moments: of the classes measured.
        weight: (k, d) weight of the head, or `None`.
        bias: (k,) bias of the head, or `None`.
        decisions: what the network answered, or `None`.
        classes: (k,) the label of each class measured.
    """

    moments: Moments
    weight: Floats | None
    bias: Floats | None
    decisions: Decisions | None
    classes: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        moments: Moments,
        weight: npt.ArrayLike | None = None,
        bias: npt.ArrayLike | None = None,
        decisions: Decisions | None = None,
        classes: Classes = "all",
    ) -> Collapse:
        """Take a snapshot of moments, head and decisions.

        Raises:
            ValueError: if a class has no sample under classes="all", or the head does not fit.
        """
        if classes not in ("all", "seen"):
            raise ValueError(f"classes must be 'all' or 'seen', got {classes!r}")
        if weight is None and bias is not None:
            raise ValueError("a bias comes with its weight")
        w, b = (None, None) if weight is None else head_of(weight, bias, moments.k, moments.d)
        if classes == "all":
            moments.require_every_class()
        seen = np.flatnonzero(moments.counts)
        return cls(
            moments.take(seen),
            None if w is None else w[seen],
            None if b is None else b[seen],
            None if decisions is None else decisions.take(seen),
            seen,
        )

    @property
    def k(self) -> int:
        """Number of classes measured."""
        return self.moments.k

    @cached_property
    def geometry(self) -> Geometry:
        """The measured geometry, embeddings centred by the unweighted mean of the class means.

        Raises:
            ValueError: if no head was given.
        """
        if self.weight is None:
            raise ValueError("a geometry has classifiers: give the head's weight")
        return geometry(self.moments, self.weight)

    def __getattr__(self, name: str) -> Any:
        if name not in METRICS:
            raise AttributeError(f"a collapse has no {name!r}; metrics are {', '.join(METRICS)}")
        value = METRICS[name].function(**{need: self._need(name, need) for need in METRICS[name].needs})
        self.__dict__[name] = value
        return value

    def _need(self, metric: str, need: str) -> Any:
        value = self.geometry if need == "geometry" else getattr(self, need)
        if value is None:
            ways = {"weight": "the head's weight", "bias": "the head's bias", "decisions": "logits with the features"}
            raise ValueError(f"{metric} needs {ways[need]}, which this measurement was not given")
        return value
