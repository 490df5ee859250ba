"""What records of trained networks answer, in numbers: of those that fit every class of their
training set, where the theory begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lopsided.plain import plain
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import NEAR, is_fitted, splits
from lopsided.reproduce.spread import spread

Runs = Sequence[Run[Any, Any]]


def fitted(run: Run[Any, Any]) -> bool:
    """Whether a run fits every class of its training set."""
    return is_fitted(run.numbers.history[-1])


def uneven(run: Run[Any, Any]) -> bool:
    """Whether it does so on classes of unequal counts."""
    return fitted(run) and _ratio(run) > 1


def even(run: Run[Any, Any]) -> bool:
    """Whether it does so on classes of equal counts."""
    return fitted(run) and _ratio(run) == 1


def near(run: Run[Any, Any]) -> bool:
    """Whether the logits' law part is small."""
    return splits(run.settings, run.numbers)[0].logits.law < NEAR


def collapsed(run: Run[Any, Any]) -> bool:
    """Whether the scatter within classes fell to a tenth, relative to that between them."""
    history = run.numbers.history
    return bool(history[-1].nc1 < history[0].nc1 / 10)


def worse(runs: Runs) -> bool:
    """Whether class means are farther from SELI with each larger ratio, in every kind of run that
    was trained at several.

    Runs of different kinds are not averaged: a ratio that only the easier data has would look
    easier itself.
    """
    grows = [_grows(kind) for kind in _at_several_ratios(runs)]
    return bool(grows) and all(grows)


def _at_several_ratios(runs: Runs) -> list[dict[float, list[Run[Any, Any]]]]:
    """Return by ratio the runs that differ in ratio, seed and order of the counts alone, of every
    kind that has several ratios.
    """
    kinds: dict[Any, list[Run[Any, Any]]] = {}
    for run in runs:
        counts, told = run.numbers.counts, plain(run.settings)
        rest = sorted((n, v) for n, v in told.items() if n not in ("ratio", "seed", "counts"))
        kinds.setdefault((*rest, max(counts), len(set(counts))), []).append(run)
    return [found for of in kinds.values() if len(found := _members(of)) > 1]


def _grows(members: dict[float, list[Run[Any, Any]]]) -> bool:
    far = [
        np.mean([run.numbers.history[-1].distances.prediction.embeddings for run in of])
        for of in members.values()
    ]
    return bool(np.all(np.diff(far) > 0))


def _ratio(run: Run[Any, Any]) -> float:
    counts = run.numbers.counts
    return float(max(counts) / min(counts))


def _members(runs: Runs) -> dict[float, list[Run[Any, Any]]]:
    ratios = sorted({_ratio(run) for run in runs})
    return {ratio: [run for run in runs if _ratio(run) == ratio] for ratio in ratios}


def _by_ratio(runs: Runs, tell: Callable[[Runs], str]) -> str:
    members = _members(runs).items()
    return "; ".join(f"R = {ratio:g} ({len(of)} runs): {tell(of)}" for ratio, of in members)


def approach(runs: Runs) -> str:
    """Tell the law parts of classifiers and class means, beside those to the ETF."""

    def one(of: Runs) -> str:
        both = [splits(run.settings, run.numbers) for run in of]
        told = (
            f"{part} {spread([getattr(law, field).law for law, _ in both])}"
            f" (ETF {spread([getattr(etf, field).law for _, etf in both])})"
            for part, field in (("classifiers", "classifiers"), ("class means", "embeddings"))
        )
        return ", ".join(told)

    return f"Law parts of the distance to the prediction. {_by_ratio(runs, one)}."


def logits(runs: Runs) -> str:
    """Tell the law part of the logits, which SELI has as balanced classes have."""

    def one(of: Runs) -> str:
        found = [splits(run.settings, run.numbers)[0].logits for run in of]
        raw = spread([run.numbers.history[-1].distances.prediction.logits for run in of])
        return f"{spread([part.law for part in found])}, raw {raw}"

    return f"Distance of the logits to the simplex, law part. {_by_ratio(runs, one)}."


def balanced(runs: Runs) -> str:
    """Tell the raw distances to the ETF."""
    last = [run.numbers.history[-1].distances.etf for run in runs]
    parts = zip(("classifiers", "class means", "logits"), zip(*last, strict=True), strict=True)
    told = ", ".join(f"{part} {spread(values)}" for part, values in parts)
    return f"Raw distances to the ETF at the end: {told}."


def convergence(runs: Runs) -> str:
    """Tell which part of the class means' distance grows with the ratio."""

    def one(of: Runs) -> str:
        found = [splits(run.settings, run.numbers)[0] for run in of]
        raw = spread([run.numbers.history[-1].distances.prediction.embeddings for run in of])
        return (
            f"raw {raw}, law part {spread([s.embeddings.law for s in found])}, single classes"
            f" {spread([s.embeddings.individual for s in found])}, hidden"
            f" {np.mean([s.hidden for s in found]):.0%}"
        )

    kinds = _at_several_ratios(runs)
    return (
        f"Class means, distance to SELI: it grows with R in {sum(map(_grows, kinds))} of"
        f" {len(kinds)} kinds of runs that differ in R alone. Over runs of all kinds, which differ"
        f" in data too: {_by_ratio(runs, one)}."
    )


def collapse(runs: Runs) -> str:
    """Tell the scatter within classes at the end."""

    def one(of: Runs) -> str:
        values = [run.numbers.history[-1].nc1 for run in of]
        return f"{min(values):.2g} to {max(values):.2g}"

    return f"Within-class over between-class scatter at the end. {_by_ratio(runs, one)}."
