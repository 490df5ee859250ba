"""Design, the inverse problem: the loss whose predicted geometry is nearest to a wanted one.

The search knows nothing of the closed forms' exponents: it scans the exponents of the family's
terms, first each alone, then together, refines them without derivatives, and lets the curves bend
where exponents do not meet the target. At ridge 0 a trial is a closed form, at a positive ridge a
solved problem. The target is any function, so the best found need not be the best there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lopsided import notebook
from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.problem import Problem
from lopsided.steer.families import FAMILIES, Curves, Family, check_family
from lopsided.steer.targets import TARGETS, Measure, Target, least, nearest_to
from lopsided.theory import foresee

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A target or a part of it counts as met up to this.
MET = 1e-5

#: Of a function, which has no value that is enough, what is gained by less is rounding.
_ROUNDING = 1e-12

#: Exponents and bends are searched from minus this to this.
LARGEST = 2.0

#: In steps of a half, where theory has its answers: where counts span orders of magnitude the way
#: to them from a neighbor is no descent.
_SCANNED = np.linspace(-1.5, 1.5, 7)
_BENDS = 2


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A loss for a wanted geometry.

    Attributes:
        adjustment: the loss; train with `steer.AdjustedCrossEntropy(design.adjustment)`.
        geometry: what it is predicted to lead to; at a positive ridge its source states how exactly
            it was solved.
        distance: from there to the target, 0 where it is met.
        target: what was wanted.
        family: the terms that were turned.
        exponents: of n_c / n_max, one a term of the family that could turn: at ridge 0 no weight
            and no shift, and at equal counts nothing.
        plain: the distance of plain cross-entropy, to compare.
        parts: the target's parts, each 0 where met.
        trials: geometries looked at.
    """

    adjustment: Adjustment
    geometry: Geometry
    distance: float
    target: Target
    family: Family
    exponents: tuple[float, ...]
    plain: float
    parts: dict[str, float]
    trials: int

    def __repr__(self) -> str:
        exponents = ", ".join(f"{value:.4g}" for value in self.exponents)
        return (
            f"Design({self.family} with exponents ({exponents}): {self.distance:.3g} from"
            f" {self.target.name}, plain cross-entropy {self.plain:.3g})"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the predicted geometry: see `Geometry.plot`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        return self.geometry.plot(ax)

    def _repr_html_(self) -> str:
        missing = f"not met: {'; '.join(self.unmet)}" if self.unmet else "all of it is met"
        wanted = notebook.said(f"{self.target.meaning}; {missing}", self.target.name)
        return notebook.card(repr(self), wanted, self.geometry.drawings())

    @property
    def met(self) -> bool:
        """Whether the target is met, up to 1e-5."""
        return self.distance <= MET

    @property
    def unmet(self) -> tuple[str, ...]:
        """The parts of the target that the family cannot meet on these counts, each with what is
        missing, and whether an exponent ended at the bound of the search: beyond it may be nearer.
        """
        ended = any(abs(value) > 0.999 * LARGEST for value in self.exponents)
        bound = f", with an exponent at the bound of the search, {LARGEST:g}" if ended else ""
        return tuple(
            f"{part} (off by {value:.3g}{bound})"
            for part, value in self.parts.items()
            if value > MET
        )


@np.errstate(under="ignore")
def design(
    counts: CountsLike,
    target: str | Target | Geometry | Measure,
    family: str = "cdt-ldt",
    ridge: float = 0.0,
) -> Design:
    """Return the adjustment of a family whose predicted geometry is nearest to a target.

    Args:
        counts: the class counts.
        target: a name of `TARGETS`, a `Target`, a `Geometry` to be near, or a function of a
            geometry to make small.
        family: which terms of the loss to turn, a name of `FAMILIES`. Weights and shifts do not
            move the geometry of ridge 0.
        ridge: of the unconstrained-features model in the sum normalisation; 0 is its limit, where
            closed forms answer.

    Returns:
        The design, best found; its distance says how near it comes and `unmet` what the family
        cannot meet.

    Raises:
        ValueError: if the target or family is unknown, the ridge negative, or the ridge so large
            that every classifier is zero, or a target gives NaN.
        TypeError: if a target gives something other than one number.

    Example:
        >>> counts = Counts.step(k=10, minority=5, ratio=100)
        >>> wanted = design(counts, "etf-classifiers", family="ldt")
        >>> round(wanted.exponents[0], 6), wanted.met
        (0.5, True)
    """
    counts, chosen = Counts.of(counts), _target(target)
    known = check_family(family)
    if not 0 <= require_number(ridge, "ridge") < np.inf:
        raise ValueError(f"ridge must be a finite number of at least 0, got {ridge}")
    terms = tuple(term for term in FAMILIES[known] if ridge > 0 or term not in ("weight", "shift"))
    curves = Curves(known, counts, terms, min(_BENDS, max(counts.groups.m - 2, 0)))
    search = _Search(
        lambda adjustment: foresee(Problem(counts, adjustment, ridge=ridge)),
        chosen.distance,
        curves,
        0.0 if isinstance(target, str | Target | Geometry) else -np.inf,
    )
    plain = search.distance(search.start)
    if not np.isfinite(plain):
        raise ValueError(
            f"at ridge {ridge} plain cross-entropy has no geometry to start from; a smaller"
            " ridge may"
            if search.predict(Adjustment()).logits.frobenius() == 0
            else f"the target gives {plain} of the geometry of plain cross-entropy, where the"
            " search starts; it must give a finite number of that one"
        )
    best = search.run()
    adjustment = curves.adjustment(best)
    geometry = foresee(Problem(counts, adjustment, ridge=ridge))
    return Design(
        adjustment,
        geometry,
        chosen.distance(geometry),
        chosen,
        known,
        tuple(float(best[i]) for i in range(0, len(best), 1 + curves.bends)),
        plain,
        {name: measure(geometry) for name, measure in chosen.parts.items()},
        search.trials,
    )


class _Search:
    """Minimises a distance over the coefficients of a family.

    Args:
        predict: the geometry of an adjustment.
        measure: the distance of a geometry.
        curves: of the family.
        least: the distance at which there is nothing to gain; minus infinity of a user's function.
    """

    def __init__(
        self,
        predict: Callable[[Adjustment], Geometry],
        measure: Measure,
        curves: Curves,
        least: float,
    ) -> None:
        self.predict, self.measure, self.curves, self.trials = predict, measure, curves, 0
        self.least = least
        self.start = np.zeros(curves.size)

    def distance(self, coefficients: Floats) -> float:
        """Return the distance of one member; infinite where all its classifiers or embeddings are
        zero.
        """
        self.trials += 1
        geometry = self.predict(self.curves.adjustment(coefficients))
        if geometry.logits.frobenius() == 0:
            return np.inf
        distance = require_number(self.measure(geometry), "what a target gives of a geometry")
        if np.isnan(distance):
            raise ValueError(
                "a target must give a number of every geometry, it gave NaN; where a member of the"
                " family has none, give infinity"
            )
        return distance

    def run(self) -> Floats:
        """Return the best coefficients, with as few terms turned as it takes.

        What fewer terms reach is where more of them start, so none does worse than its parts.
        """
        best, step = self.start, 1 + self.curves.bends
        if self._found(best):
            return best
        exponents = range(0, self.curves.size, step)
        sets = [
            turned
            for number in range(1, len(exponents) + 1)
            for turned in itertools.combinations(exponents, number)
        ]
        reached: dict[tuple[int, ...], Floats] = {}
        for bent in (False, True) if self.curves.bends else (False,):
            for turned in sets:
                starts = [found for part, found in reached.items() if set(part) <= set(turned)]
                grid = [] if bent else self._grid(turned)
                free = [i + j for i in turned for j in range(step if bent else 1)]
                start = min([self.start, *starts, *grid], key=self.distance)
                ends = [self._refine(start, free)]
                if turned in reached and start is not reached[turned]:
                    ends.append(self._refine(reached[turned], free))  # another valley, perhaps
                reached[turned] = min(ends, key=self.distance)
                if self._gains(reached[turned], best):
                    best = reached[turned]
                if self._found(best):
                    return best
        return best

    def _found(self, coefficients: Floats) -> bool:
        """Return whether there is nothing to gain."""
        return abs(self.distance(coefficients) - self.least) <= MET

    def _gains(self, coefficients: Floats, best: Floats) -> bool:
        """Return whether coefficients with more terms turned are better than the best so far."""
        now, then = self.distance(best), self.distance(coefficients)
        if np.isfinite(self.least):
            return then < now
        size = max(abs(self.distance(self.start)), abs(now))
        return now - then > max(MET * size, _ROUNDING)

    def _grid(self, turned: Sequence[int]) -> list[Floats]:
        """Return the exponents to look at before one is refined."""
        grid = []
        for values in itertools.product(_SCANNED, repeat=len(turned)):
            grid.append(self.start.copy())
            grid[-1][list(turned)] = values
        return grid

    def _refine(self, start: Floats, free: list[int]) -> Floats:
        """Descend from a point without derivatives, moving the coefficients that are free."""
        from scipy.optimize import minimize  # slow to import

        def point(values: Floats) -> Floats:
            moved = start.copy()
            moved[free] = values
            return moved

        def kinkless(values: Floats) -> float:
            # A distance has a kink where it vanishes; its square, with the sign a user's function
            # may have, has none.
            distance = self.distance(point(values))
            return distance * abs(distance)

        found = minimize(
            kinkless,
            start[free],
            method="COBYQA",
            bounds=[(-LARGEST, LARGEST)] * len(free),
            options={"initial_tr_radius": 0.2, "final_tr_radius": 1e-9, "maxfev": 80 * len(free)},
        )
        return min(start, point(found.x), key=self.distance)


def _target(target: str | Target | Geometry | Measure) -> Target:
    if isinstance(target, Target):
        return target
    if isinstance(target, Geometry):
        return nearest_to(target)
    if callable(target):
        return least(target)
    if not isinstance(target, str) or target not in TARGETS:
        raise ValueError(
            f"target must be one of {', '.join(TARGETS)}, a geometry or a function of one, got"
            f" {target!r}"
        )
    return TARGETS[target]
