"""Collapse: the result of a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided import notebook
from lopsided.arrays import Floats, Ints, frozen, locked, require_noun
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.measure import against
from lopsided.measure.checks import head_of
from lopsided.measure.metrics import METRICS, Undefined
from lopsided.measure.metrics.declared import Declared
from lopsided.measure.metrics.undefined import NO_HEAD
from lopsided.measure.network_geometry import geometry
from lopsided.measure.shown import cell, table
from lopsided.measure.state.center import centered
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import Moments
from lopsided.measure.verdict import verdict
from lopsided.measure.verdict.angles import are_same
from lopsided.plain import plain
from lopsided.split import Split

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

#: Whether every class must have samples, or those without are left out.
Classes = Literal["all", "seen"]


@dataclass(frozen=True, eq=False, repr=False)
class Collapse(Declared):
    """What samples and head show. Every metric of METRICS is an attribute, computed when first
    asked for.

    One that is not defined here raises `Undefined`, whose sentence says why.

    Attributes:
        moments: of the classes measured.
        weight: (k, d) weight of the head, or `None`.
        bias: (k,) bias of the head, or `None`.
        decisions: what the network answered, or `None`.
        classes: (k,) the label of each class measured.
        counts: training samples of each class, which say what a minority is; by default the samples
            measured.
        trained: training samples of all classes, of those left out too; None where the counts were
            not given.
        answered: what the network answered, by all classes, with those left out too; or `None`.
        head: (every class, d) weight of the whole head, with those left out too, where the counts
            were given; or `None`.
        constant: whether the classifiers of all classes are the same, where some are left out; else
            `None`.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[-1.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1])
        >>> collapse = Collapse.of(moments, weight=[[-1.0], [1.0]])
        >>> round(collapse.nc1, 12), collapse.alignment
        (0.08, array([1., 1.]))
    """

    moments: Moments
    weight: Floats | None
    bias: Floats | None
    decisions: Decisions | None
    classes: Ints
    counts: Counts
    trained: Counts | None = None
    answered: Decisions | None = None
    head: Floats | None = None
    constant: bool | None = None

    @classmethod
    def of(
        cls,
        moments: Moments,
        weight: npt.ArrayLike | None = None,
        bias: npt.ArrayLike | None = None,
        decisions: Decisions | None = None,
        classes: Classes = "all",
        counts: CountsLike | None = None,
    ) -> Collapse:
        """Take a snapshot of moments, head and decisions.

        Raises:
            ValueError: if a class has no sample under classes="all", fewer than two classes have
                samples, squares of features left float64, or head, decisions or counts do not fit.
            TypeError: if the moments are none.
        """
        require_noun(moments, Moments, "what is measured", "Moments.update makes them of features")
        require_choice(classes)
        if weight is None and bias is not None:
            raise ValueError("a bias was given without its weight")
        counts = None if counts is None else Counts.of(counts)
        if counts is not None and counts.k != moments.k:
            raise ValueError(f"counts are of {counts.k} classes, the samples of {moments.k}")
        if decisions is not None:
            require_noun(decisions, Decisions, "decisions")
        if decisions is not None and decisions.k != moments.k:
            raise ValueError(
                f"decisions are between {decisions.k} classes, the samples of {moments.k}"
            )
        w, b = (None, None) if weight is None else head_of(weight, bias, moments.k, moments.d)
        if classes == "all":
            moments.require_every_class()
        seen, every = np.flatnonzero(moments.counts), np.arange(moments.k)
        if len(seen) < 2:
            raise ValueError(
                f"a measurement needs samples of at least 2 classes, got {moments.n:,} samples of"
                f" {len(seen)}"
            )
        moments.require_squares()
        measured = moments.take(seen)
        rows, whole = None if w is None else locked(w[seen]), len(seen) == moments.k
        return cls(
            measured,
            rows,
            None if b is None else locked(b[seen]),
            None if decisions is None else decisions.take(seen),
            seen,
            Counts(moments.counts[seen]) if counts is None else counts.take(seen),
            counts,
            None if decisions is None else decisions.take(every),
            # Theory alone asks for the others, which may be most of a vocabulary.
            rows if w is None or whole else None if counts is None else frozen(w),
            None if w is None or whole else are_same(w),
        )

    @property
    def k(self) -> int:
        """Number of classes measured."""
        return self.moments.k

    @property
    def names(self) -> npt.NDArray[np.object_]:
        """(k,) what the classes measured are called: the names in the counts, else the labels."""
        names = self.counts.names
        return np.array(self.classes.tolist() if names is None else names, object)

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return self.moments.d

    @property
    def minorities(self) -> Ints:
        """The minority classes of all that were trained, by their numbers among those measured."""
        if self.trained is None:
            return self.counts.minorities
        return np.flatnonzero(np.isin(self.classes, self.trained.minorities))

    @property
    def counts_given(self) -> bool:
        """Whether the counts were given, or are those of the samples measured."""
        return self.trained is not None

    @property
    def every(self) -> int:
        """Number of classes that theory is asked of: all that were trained, where that is known."""
        return self.k if self.trained is None else self.trained.k

    @property
    def mean_classifier(self) -> Floats:
        """(d,) mean classifier of these classes, which moves all logits of a sample alike.

        Raises:
            Undefined: if no head was given.
        """
        rows = self.weight if self.trained is None else self.head
        if rows is None:
            raise Undefined(NO_HEAD)
        return np.asarray(rows.mean(axis=0))

    @cached_property
    def geometry(self) -> Geometry:
        """The measured geometry, embeddings centred by the unweighted mean of the class means.

        Raises:
            Undefined: if no head was given.
        """
        if self.weight is None:
            raise Undefined(NO_HEAD)
        return geometry(self.moments, self.weight, counts=self.counts)

    def comparable(self, predictions: Mapping[str, Geometry]) -> dict[str, Geometry]:
        """Return predictions as the measured geometry is compared with them: with class means about
        their unweighted mean and, of all classes that were trained, those measured.

        A network answers all its classes; where only some are measured these do not lie as they
        would alone.

        Raises:
            ValueError: if a prediction is of another number of classes, or of those of the counts
                by their names in another order.
            TypeError: if it is none.
        """
        return against.comparable(self, predictions)

    def splits(self, predictions: Mapping[str, Geometry]) -> dict[str, Split]:
        """Return why the measured geometry is not each prediction: see `Geometry.split`. What the
        head can see is seen by all of its classes, measured or not.

        Raises:
            Undefined: if no head was given.
            ValueError: if a prediction is of another number of classes.
            MemoryError: if there are too many classes for (k, k) matrices.
        """
        return against.splits(self, predictions)

    def _metric(self, name: str) -> Any:
        if name == "geometry":  # which has raised: Python asks here for what a property lacks
            raise Undefined(NO_HEAD)
        if name not in METRICS:
            near = get_close_matches(name, METRICS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise AttributeError(
                f"a collapse has no {name!r}; its metrics are {', '.join(METRICS)}{hint}"
            )
        metric = METRICS[name]
        try:
            value = metric.function(
                *(self._need(need, name) for need in metric.needs), **metric.options
            )
        except Undefined as error:
            raise error.named(self.names.tolist()) from None
        if isinstance(value, np.ndarray):  # which the table and the JSON tell later, too
            value = locked(value)
        self.__dict__[name] = value
        return value

    if not TYPE_CHECKING:  # to whom a metric that is not declared is an error
        __getattr__ = _metric

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *METRICS})

    def _need(self, need: str, metric: str) -> Any:
        if need == "embeddings" and self.weight is None:
            return Gram.of_vectors(centered(self.moments))  # as in a geometry, which takes a head
        if need in ("classifiers", "embeddings", "logits"):
            return getattr(self.geometry, need)
        value = getattr(self, need)
        if value is None:
            raise Undefined(
                f"{metric} needs the answers of the network: give logits with the features, or a"
                " head in two passes"
            )
        return value

    def metrics(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return every metric that is defined here, and for every other one the sentence why it is
        not.
        """
        values: dict[str, Any] = {}
        undefined: dict[str, str] = {}
        for name in METRICS:
            try:
                values[name] = getattr(self, name)
            except Undefined as error:
                undefined[name] = str(error)
        return values, undefined

    def scalars(self, predictions: Mapping[str, Geometry] | None = None) -> dict[str, float]:
        """Return every metric that is one number, and the distances to predictions as
        NAME/classifiers and so on; for loggers.
        """
        result = {
            name: float(value) for name, value in self.metrics()[0].items() if np.ndim(value) == 0
        }
        for name, other in self.comparable(predictions or {}).items():
            distances = self.geometry.distance(other)._asdict()
            result |= {
                f"{name}/{part}": value for part, value in distances.items() if np.isfinite(value)
            }
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON; numbers that are not finite become `None`."""
        values, undefined = self.metrics()
        return {
            "k": self.k,
            "d": self.moments.d,
            "n": self.moments.n,
            "classes": self.classes.tolist(),
            **({} if self.counts.names is None else {"names": list(self.counts.names)}),
            "counts": self.counts.values.tolist(),
            "counts_given": self.counts_given,
            "measured": self.moments.counts.tolist(),
            "metrics": plain(values),
            "undefined": undefined,
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return a row a class: its name or label, its training samples, those measured, and every
        metric that has one figure a class, as pandas and polars take them; None where a class has
        none.
        """
        each: dict[str, Any] = {
            "class": self.names,
            "count": self.counts.values,
            "measured": self.moments.counts,
        }
        each |= {
            name: value for name, value in self.metrics()[0].items() if np.shape(value) == (self.k,)
        }
        columns = [plain(np.asarray(column)) for column in each.values()]
        return [dict(zip(each, row, strict=True)) for row in zip(*columns, strict=True)]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the measured geometry: see `Geometry.plot`.

        Raises:
            ImportError: if matplotlib is not installed.
            Undefined: if no head was given.
        """
        return self.geometry.plot(ax)

    def _repr_html_(self) -> str:
        values, undefined = self.metrics()
        figures = notebook.table(
            (METRICS[name].title, cell(value)) for name, value in values.items()
        )
        untold = [f"{METRICS[name].title}: {why}" for name, why in undefined.items()]
        told = notebook.said("; ".join(untold), "Not defined here") if untold else ""
        drawn = "" if self.weight is None else self.geometry.drawings()
        return notebook.card(repr(self), figures, told, drawn)

    def table(self, predictions: Mapping[str, Geometry] | None = None) -> Table:
        """Return the metrics beside those of predicted geometries, as a rich table; per-class
        figures as smallest to largest.
        """
        return table(self, predictions or {})

    def verdict(self, predictions: Mapping[str, Geometry] | None = None) -> str:
        """Return what a practitioner needs to know, in sentences: see
        `lopsided.measure.verdict`.
        """
        return verdict(self, predictions or {})

    def __repr__(self) -> str:
        return f"Collapse(n={self.moments.n:,}, k={self.k}, d={self.moments.d})"


def require_choice(classes: Classes) -> None:
    """Refuse what is no choice of classes.

    Raises:
        ValueError: naming those that there are.
    """
    if classes not in ("all", "seen"):
        raise ValueError(f"classes must be 'all' or 'seen', got {classes!r}")
