"""Adjustment: a parameterisation of cross-entropy, read alike by predict, solve and the losses of
steer.

With k logits z, label y and softmax cross-entropy CE, the loss of a sample is

    weight_y * CE( scale * (z - additive_margin_y * e_y) / margin_y + shift, y )

where `scale` multiplies logit by logit (CDT), or with `per_sample=True` all logits of the sample by
the entry of its label (LDT). `margin` is what the hard-margin limit asks for, z_y - z_c >=
margin_y, and equals a per-sample scale of 1 / margin; `additive_margin` is LDAM's, subtracted from
the label's own logit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from lopsided.arrays import (
    Floats,
    frozen,
    require_finite,
    require_flag,
    require_noun,
    require_number,
)
from lopsided.counts import Counts, CountsLike
from lopsided.groups import Groups
from lopsided.terms import Parameters, Terms


@dataclass(frozen=True, eq=False, repr=False)
class Adjustment:
    """Weights, scales, shifts and margins of a cross-entropy; `None` is neutral, a single number
    holds for every class.

    Attributes:
        weight: (k,) positive factors of the loss, by label.
        scale: (k,) positive factors of the logits.
        shift: (k,) terms added to the logits.
        margin: (k,) positive margins of the hard-margin limit, by label.
        additive_margin: (k,) terms subtracted from the label's own logit.
        per_sample: the scale acts on all logits of a sample by its label (LDT) instead of on the
            class's column (CDT).

    Raises:
        ValueError: if a number is not finite, a weight, scale or margin is not positive, two
            lengths differ, or numbers have an index that is not 0, 1, 2, ...
        TypeError: if they are no numbers, or `per_sample` is neither True nor False.

    Example:
        >>> Adjustment.cdt(Counts.step(k=4, minority=1, ratio=100), gamma=0.5)
        Adjustment(scale=[1.0, 1.0, 0.1, 0.1])
    """

    weight: npt.ArrayLike | None = None
    scale: npt.ArrayLike | None = None
    shift: npt.ArrayLike | None = None
    margin: npt.ArrayLike | None = None
    additive_margin: npt.ArrayLike | None = None
    per_sample: bool = False

    def __post_init__(self) -> None:
        require_flag(self.per_sample, "per_sample")
        lengths: dict[str, int] = {}
        for name in ARRAYS:
            if (value := getattr(self, name)) is not None:
                array = require_finite(value, name, positive=name in ("weight", "scale", "margin"))
                object.__setattr__(self, name, frozen(array))
                if array.ndim:
                    lengths[name] = len(array)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the arrays of an adjustment must have one length, got {lengths}")

    # Named members; each names its paper.

    @classmethod
    def cross_entropy(cls) -> Adjustment:
        """Plain cross-entropy."""
        return cls()

    @classmethod
    def weighted(cls, counts: CountsLike, exponent: float = 1.0) -> Adjustment:
        """Weighted cross-entropy, weight_c in proportion to n_c ** -exponent, with a mean of one
        over the samples, so that a learning rate keeps its meaning.

        An exponent of 1 gives every class the same part in the loss: weight_c = n / (k n_c).
        """
        return cls(weight=_mean_one(counts, _power(counts, -_number(exponent, "exponent"))))

    @classmethod
    def effective_number(cls, counts: CountsLike, beta: float = 0.999) -> Adjustment:
        """Class-balanced weights, weight_c in proportion to (1 - beta) / (1 - beta ** n_c), with a
        mean of one over the samples.

        Source: Cui et al. 2019 (arXiv 1901.05555), where their sum is k. From beta = 0, plain
        cross-entropy, to 1, `weighted`.

        Raises:
            ValueError: if beta is not from 0 to below 1.
        """
        beta = _number(beta, "beta")
        if not 0 <= beta < 1:
            raise ValueError(f"beta must be from 0 to below 1, got {beta}")
        values = Counts.of(counts).values
        with np.errstate(divide="ignore"):
            return cls(weight=_mean_one(counts, (beta - 1) / np.expm1(values * np.log(beta))))

    @classmethod
    def logit_adjusted(cls, counts: CountsLike, tau: float = 1.0) -> Adjustment:
        """Logit adjustment in training, shift_c = tau * log(n_c / n).

        Source: Menon et al. 2021 (arXiv 2007.07314); tau = 1 is balanced softmax (Ren et al. 2020).
        """
        counts = Counts.of(counts)
        return cls(shift=_number(tau, "tau") * np.log(counts.values / float(counts.n)))

    @classmethod
    def cdt(cls, counts: CountsLike, gamma: float) -> Adjustment:
        """Class-dependent temperatures, scale_c = (n_c / n_max) ** gamma on the class's column.

        Source: Ye et al. 2020 (arXiv 2001.01385); geometry in Behnia et al. 2023 (arXiv
        2303.07608).
        """
        return cls(scale=_power(counts, gamma))

    @classmethod
    def ldt(cls, counts: CountsLike, gamma: float) -> Adjustment:
        """Label-dependent temperatures, scale_y = (n_y / n_max) ** gamma on all logits of a sample
        of label y.

        Source: Behnia et al. 2023 (arXiv 2303.07608).
        """
        return cls(scale=_power(counts, gamma), per_sample=True)

    @classmethod
    def vs(cls, counts: CountsLike, gamma: float, tau: float) -> Adjustment:
        """Vector scaling: the scales of CDT and the shifts of logit adjustment (Kini et al. 2021,
        arXiv 2103.01550).
        """
        counts = Counts.of(counts)
        return cls(scale=cls.cdt(counts, gamma).scale, shift=cls.logit_adjusted(counts, tau).shift)

    @classmethod
    def ldam(cls, counts: CountsLike, max_margin: float = 0.5, scale: float = 30.0) -> Adjustment:
        """Label-distribution-aware margins, additive_margin_y = max_margin * (n_min / n_y) ** 1/4,
        all logits times `scale`.

        The logits are cosines, of features and classifiers of length one, as the head
        `steer.CosineHead` makes them; the losses of steer warn of others.

        Source: Cao et al. 2019 (arXiv 1906.07413), equations 12 and 13.
        """
        counts = Counts.of(counts)
        return cls(
            scale=_number(scale, "scale"),
            additive_margin=_number(max_margin, "max_margin")
            * (counts.distinct[0] / counts.values) ** 0.25,
        )

    @classmethod
    def named(cls, name: str, counts: CountsLike, **exponents: float) -> Adjustment:
        """Return the member that `EXPONENTS` lists under a name, by default with its exponents.

        Raises:
            ValueError: for an unknown name, or an exponent that `EXPONENTS` does not list of it.

        Example:
            >>> Adjustment.named("cdt", [100, 1])
            Adjustment(scale=[1.0, 0.1])
        """
        if name not in EXPONENTS:
            raise ValueError(f"the loss must be one of {', '.join(EXPONENTS)}, got {name!r}")
        member = getattr(cls, name.replace("-", "_"))
        if foreign := sorted(exponents.keys() - EXPONENTS[name].keys()):
            raise ValueError(
                f"the loss {name} takes no {' and no '.join(foreign)} by its name;"
                f" Adjustment.{member.__name__} has all that it takes"
            )
        given = EXPONENTS[name] | exponents
        adjustment: Adjustment = member() if name == "cross-entropy" else member(counts, **given)
        return adjustment

    @property
    def terms(self) -> Terms:
        """What this adjustment does to logits; the only place that says so."""
        arrays: dict[str, Floats | None] = {name: getattr(self, name) for name in ARRAYS}
        scale, margin = arrays["scale"], arrays["margin"]
        columns, samples = (None, scale) if self.per_sample else (scale, None)
        if margin is not None:
            samples = np.asarray((1.0 if samples is None else samples) / margin)
        own = arrays["additive_margin"]
        for factor in (columns, samples):
            own = own if own is None or factor is None else np.asarray(own * factor)
        return Terms(columns, samples, arrays["shift"], own, arrays["weight"])

    def resolve(self, counts: CountsLike) -> Parameters:
        """Group the classes by count and parameters.

        Raises:
            ValueError: if the adjustment is for another number of classes.
        """
        counts = Counts.of(counts)
        varying = {
            name: value
            for name in ARRAYS
            if (value := getattr(self, name)) is not None and value.ndim
        }
        for name, value in varying.items():
            if len(value) != counts.k:
                raise ValueError(
                    f"{name} has {len(value)} entries, but there are {counts.k} classes"
                )
        groups = Groups.of_columns(counts.values, *varying.values()) if varying else counts.groups
        first = groups.first

        def entry(value: Floats | None, neutral: float) -> Floats:
            values = np.asarray(neutral if value is None else value, np.float64)
            return np.broadcast_to(values[first] if values.ndim else values, groups.m)

        terms = self.terms
        return Parameters(
            groups=groups,
            counts=counts.values[first] if varying else counts.distinct,
            weight=entry(terms.weight, 1.0),
            columns=entry(terms.columns, 1.0),
            samples=entry(terms.samples, 1.0),
            shift=entry(terms.shift, 0.0),
            own=entry(terms.own, 0.0),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Adjustment) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        values = (getattr(self, name) for name in ARRAYS)
        return (
            self.per_sample,
            *(None if value is None else (value.shape, value.tobytes()) for value in values),
        )

    def __repr__(self) -> str:
        parts = [
            f"{name}={_short(getattr(self, name))}"
            for name in ARRAYS
            if getattr(self, name) is not None
        ]
        return f"Adjustment({', '.join(parts + ['per_sample=True'] * self.per_sample)})"


#: Name -> the exponents of a named member and what they are unless given. The member is the
#: constructor of that name, with underscores.
EXPONENTS: dict[str, dict[str, float]] = {
    "cross-entropy": {},
    "weighted": {},
    "effective-number": {},
    "logit-adjusted": {"tau": 1.0},
    "cdt": {"gamma": 0.5},
    "ldt": {"gamma": 0.5},
    "vs": {"gamma": 0.25, "tau": 1.0},
    "ldam": {},
}

#: The fields of an adjustment that hold one number a class.
ARRAYS = tuple(field.name for field in fields(Adjustment) if field.name != "per_sample")


def require_adjustment(adjustment: object) -> None:
    """Refuse what is no adjustment, such as the name of one.

    Raises:
        TypeError: naming what it is.
    """
    require_noun(adjustment, Adjustment, "the adjustment", "plain cross-entropy is Adjustment()")


def _power(counts: CountsLike, exponent: float) -> Floats:
    counts = Counts.of(counts)
    share = counts.values / counts.distinct[-1]
    with np.errstate(over="ignore", under="ignore"):  # what leaves float is refused by its class
        return np.asarray(share ** _number(exponent, "exponent"), np.float64)


def _mean_one(counts: CountsLike, weight: Floats) -> Floats:
    """Return the weights over their mean over the samples."""
    counts = Counts.of(counts)
    return np.asarray(weight / (counts.values / counts.n @ weight))


def _number(value: float, name: str) -> float:
    require_finite(require_number(value, name), name)
    return float(value)


def _short(values: Floats) -> str:
    if values.size <= 20:
        return str(values.tolist())
    return f"{len(values):,} from {values.min():g} to {values.max():g}"
