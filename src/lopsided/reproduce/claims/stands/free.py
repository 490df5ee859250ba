"""What records of the unconstrained-features model answer, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lopsided.reproduce.claim import Run
from lopsided.reproduce.spread import spread

Runs = Sequence[Run[Any, Any]]


def _worst(field: str, of: Callable[[Any], Sequence[Any]]) -> Callable[[Runs], float]:
    return lambda runs: max(getattr(one, field) or 0.0 for run in runs for one in of(run.numbers))


def _cases(numbers: Any) -> Sequence[Any]:
    return tuple(numbers.cases)


def optimum(runs: Runs) -> str:
    """Tell how many starts came how near to the one optimum."""
    far, excess = _worst("distance", _cases)(runs), _worst("objective", _cases)(runs)
    starts = runs[-1].settings.starts
    return (
        f"{starts} random starts at each of {len(runs[-1].numbers.cases)} objectives end at most"
        f" {far:.0e} from the certified optimum, {excess:.0e} above its value."
    )


def scaled(runs: Runs) -> str:
    """Tell what a weight on the features' ridge does."""
    return (
        f"||W||² is the weight times ||H||² to {_worst('scale', _cases)(runs):.0e}; the geometry is"
        f" to {_worst('distance', _cases)(runs):.0e} the optimum's at the ridge times the root of"
        " the weight, not that at the same ridge."
    )


def centred(runs: Runs) -> str:
    """Tell what sums to zero, and when."""
    return (
        f"Classifiers sum to zero to {_worst('classifiers', _cases)(runs):.0e} at every ridge;"
        f" class means only as it vanishes: their sum is up to {_worst('means', _cases)(runs):.2f}"
        " of their length."
    )


def balanced(runs: Runs) -> str:
    """Tell what SELI is of balanced classes, and of two."""
    etf = max(max(c.to_etf) for run in runs for c in run.numbers.cases if c.to_etf is not None)
    two = max(abs(c.cosine + 1) for run in runs for c in run.numbers.cases if c.cosine is not None)
    return (
        f"SELI of balanced classes is the ETF to {etf:.0e}, two classes are antipodal to {two:.0e}."
    )


def sgd(runs: Runs) -> str:
    """Tell where SGD ends at each ratio, with the spread over the seeds."""
    paths = runs[-1].numbers.ratios
    last = {path.ratio: path.final("seli") for path in paths}
    ends = "; ".join(
        f"R = {ratio}: {spread(seen[:, 0])} and {spread(seen[:, 1])}"
        for ratio, seen in last.items()
    )
    return (
        f"Under SGD convergence is not steady in R: classifiers and class means end from SELI at"
        f" {ends} (means of {runs[-1].settings.seeds} seeds). Descent that divides its step by the"
        " loss arrives at every R, and needs more steps with more imbalance."
    )
