"""Which law fits: every finished deep run, held against all geometries that could describe it.

The candidates need nothing but the class counts and, for the second, the run's own weight decay:

* SELI, the limit of a vanishing ridge;
* the optimum at the run's own ridge (`lopsided.reproduce.shapes.own_ridge`);
* the optimum at the ridge that matches best, one fitted number, as a floor;
* the limit of a head whose bias is free, where classes are centred by their samples;
* the simplex ETF.

A law is blamed for its own part of the distance alone (`lopsided.split`): not for what single
classes have of their images, and not for what the head does not see. This table is new; nobody has
published it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from lopsided import foresee, predict, solve
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.measure.network_geometry import comparable
from lopsided.problem import Problem
from lopsided.report.blocks import Block
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.thrampoulidis2022.deep import DEEP
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import kind
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import is_fitted
from lopsided.reproduce.claims.thrampoulidis2022.which_law.numbers import (
    LAWS,
    Fit,
    Fitted,
    Numbers,
    Settings,
)
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Record, Verdict
from lopsided.reproduce.settings import Training
from lopsided.reproduce.shapes import own_ridge
from lopsided.reproduce.spread import spread


def all_runs(options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Take all finished deep runs, unless some are named; what is no record, or was changed, is
    left out as from reports.

    Raises:
        ValueError: if there is none.
    """
    found = tuple(path.stem for path in sorted(place.out.glob("deep-*.json")) if _is_record(path))
    if not options and not found:
        raise ValueError(
            f"no deep run in {place.out} to compare laws on: run lopsided reproduce deep first"
        )
    return {"runs": found, **options}


def _is_record(path: Path) -> bool:
    try:
        Record.load(path)
    except ValueError:
        return False
    return True


def laws(measured: Geometry, counts: Counts, training: Training) -> dict[str, Fit]:
    """Return the distances of a network to every law.

    Args:
        measured: the network.
        counts: its class counts.
        training: its settings.
    """

    def at(ridge: float) -> Geometry:
        return foresee(training.problem(counts, ridge))

    def misfit(logarithm: float) -> float:
        optimum = at(float(np.exp(logarithm))).about_mean()
        return _fit(measured, optimum).size if optimum.logits.frobenius() else float("inf")

    # Where a group of classes collapses the misfit has a kink; a coarse scan finds the right
    # valley.
    least = 1e-9 * float(np.sqrt(counts.distinct[0]))
    zero = solve.largest_ridge(Problem(counts, ridge=1.0))
    scan = np.linspace(np.log(least), np.log(0.99 * zero), 24)
    lowest = int(np.argmin([misfit(x) for x in scan]))
    bracket = scan[max(lowest - 1, 0)], scan[min(lowest + 1, len(scan) - 1)]
    best = float(
        np.exp(minimize_scalar(misfit, bounds=bracket, method="bounded", options={"xatol": 1e-3}).x)
    )
    own = own_ridge(measured, counts, training.weight_decay)
    ridges = {"own ridge": own, "best ridge": best}
    free = Problem(counts, ridge=0.0, bias="free")
    candidates = {
        "SELI": predict.seli(counts),
        **{name: at(ridge) for name, ridge in ridges.items()},
        "free bias": foresee(free),
        "ETF": replace(predict.etf(counts.k), counts=counts),
    }
    alive = {name: law for name, law in candidates.items() if law.logits.frobenius()}
    return {
        name: _fit(measured, law, ridges.get(name))
        for name, law in comparable(alive, counts.k).items()
    }


def _fit(measured: Geometry, law: Geometry, ridge: float | None = None) -> Fit:
    return Fit(measured.distance(law), measured.split(law), ridge)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Hold every run against every law."""
    runs = []
    for i, name in enumerate(settings.runs):
        context.advance(i / len(settings.runs), name)
        record = Record.load(context.place.out / f"{name}.json")
        run = DEEP.read(record)
        counts = Counts(run.numbers.counts)
        fits = laws(run.numbers.geometry.geometry(counts), counts, run.settings)
        end = is_fitted(run.numbers.history[-1])
        runs.append(Fitted(kind(run), counts.ratio, run.settings.seed, end, fits))
    return Outcome(Numbers(tuple(runs)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when SELI or an optimum at a ridge known beforehand has a smaller law part than the ETF
    in every imbalanced run that fits its training set.
    """
    uneven = [run for run in numbers.runs if run.ratio > 1]
    runs = [run.laws for run in uneven if run.fitted]
    if not runs:
        return Verdict(False, "No run of unequal classes fits its training set.")
    wins = dict.fromkeys((law for law in LAWS if law != "best ridge"), 0)
    beaten = 0
    for fits in runs:
        known = {law: fits[law].size for law in wins if law in fits}
        wins[min(known, key=lambda law: known[law])] += 1
        beaten += min(known["SELI"], known.get("own ridge", np.inf)) < known["ETF"]
    nearest = ", ".join(f"{law} in {count}" for law, count in wins.items() if count)
    left = len(uneven) - len(runs)
    unfitted = f"; {left} that do not fit every class are left out" if left else ""
    return Verdict(
        beaten == len(runs),
        f"Over {len(runs)} imbalanced runs{unfitted}, the law parts of the three distances have the"
        f" root mean square, mean ± spread over the runs: {_means(runs, 'size')}; the raw"
        f" distances {_means(runs, 'raw')}. Of the laws without a fitted number, nearest is"
        f" {nearest}. SELI or the optimum at the run's own ridge is nearer than the ETF in {beaten}"
        f" of {len(runs)} runs.",
    )


def _means(runs: Sequence[Mapping[str, Fit]], what: str) -> str:
    told = {law: [getattr(fits[law], what) for fits in runs if law in fits] for law in LAWS}
    return ", ".join(f"{law} {spread(values)}" for law, values in told.items() if values)


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the report of these runs; the drawing is apart, lest the claim need matplotlib to be
    told.
    """
    from lopsided.reproduce.claims.thrampoulidis2022.which_law import page

    return page.show(runs)


WHICH_LAW = Claim(
    name="which-law",
    title="Which law fits trained networks",
    statement=(
        "Trained networks stop short of the limit, with a finite ridge, a bias, a finite time. Of"
        " all geometries that theory offers from class counts and weight decay, which one is"
        " nearest to each finished run?"
    ),
    source="new here; the laws are those of lopsided.predict and lopsided.solve",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    prepare=all_runs,
)
