"""Which law fits: every finished deep run, held against all geometries that could describe it.

The candidates need nothing but the class counts and, for the second, the run's own weight decay:

* SELI, the limit of a vanishing ridge;
* the optimum at the run's own ridge (`lopsided.reproduce.shapes.own_ridge`);
* the optimum at the ridge that matches best, one fitted number, as a floor;
* the limit of a head whose bias is free, where classes are centred by their samples;
* the simplex ETF.

This table is new; nobody has published it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from lopsided import predict, solve
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.problem import Bias
from lopsided.report.blocks import Block, Figure, Table, drawn
from lopsided.reproduce.choices import Checked
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.claims.thrampoulidis2022.kinds import kind, lettered
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Record, Verdict
from lopsided.reproduce.settings import Training
from lopsided.reproduce.shapes import geometry_of, own_ridge

LAWS = ("SELI", "own ridge", "best ridge", "free bias", "ETF")


@dataclass(frozen=True)
class Settings(Checked):
    """Which runs are compared.

    Attributes:
        runs: names of records of the claim deep; by default all there are.
    """

    runs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.runs:
            if Path(name).name != name:
                raise ValueError(
                    f"runs are names of records in the folder of the results, got {name!r}"
                )


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


def laws(
    measured: Geometry, counts: Counts, weight_decay: float, bias: Bias = "none"
) -> dict[str, dict[str, Any]]:
    """Return the distances of a network to every law, with the ridge of the two that have one.

    Args:
        measured: the network.
        counts: its class counts.
        weight_decay: of its training.
        bias: of its head; the optima at a ridge have the same. A law that is zero is left out.
    """

    def at(ridge: float) -> Geometry:
        return solve.minimize(solve.Problem(counts, ridge=ridge, bias=bias)).geometry

    def misfit(logarithm: float) -> float:
        optimum = at(float(np.exp(logarithm)))
        return (
            float(np.sum(np.square(measured.distance(optimum))))
            if optimum.logits.frobenius()
            else np.inf
        )

    # Where a group of classes collapses the misfit has a kink; a coarse scan finds the right
    # valley.
    zero = solve.largest_ridge(solve.Problem(counts, ridge=1.0))
    least = 1e-9 * float(np.sqrt(counts.distinct[0]))
    scan = np.linspace(np.log(least), np.log(0.99 * zero), 24)
    lowest = int(np.argmin([misfit(x) for x in scan]))
    bracket = scan[max(lowest - 1, 0)], scan[min(lowest + 1, len(scan) - 1)]
    best = float(
        np.exp(minimize_scalar(misfit, bounds=bracket, method="bounded", options={"xatol": 1e-3}).x)
    )
    own = own_ridge(measured, counts, weight_decay)
    candidates = {
        "SELI": predict.seli(counts),
        "own ridge": at(own),
        "best ridge": at(best),
        "free bias": predict.cross_entropy(counts, bias="free"),
        "ETF": predict.etf(counts.k),
    }
    ridges = {"own ridge": {"ridge": own}, "best ridge": {"ridge": best}}
    return {
        name: {"distances": measured.distance(law), **ridges.get(name, {})}
        for name, law in candidates.items()
        if law.logits.frobenius()
    }


def compute(chosen: Settings, context: Context) -> Outcome:
    """Hold every run against every law."""
    runs = []
    for i, name in enumerate(chosen.runs):
        context.advance(i / len(chosen.runs), name)
        record = Record.load(context.place.out / f"{name}.json")
        counts = Counts(record.numbers["counts"])
        measured = geometry_of(record.numbers["geometry"], counts)
        training = Training(**record.configuration)
        fits = laws(measured, counts, training.weight_decay, training.bias_ridge(counts))
        runs.append(
            {
                "kind": kind(record),
                "R": counts.ratio,
                "seed": record.configuration["seed"],
                "laws": fits,
            }
        )
    return Outcome({"runs": runs})


def _size(distances: Sequence[float]) -> float:
    """Return one number for a law: the root mean square of its three distances."""
    return float(np.sqrt(np.mean(np.square(distances))))


def judge(configuration: dict[str, Any], numbers: dict[str, Any]) -> Verdict:
    """Hold when SELI or an optimum at a ridge known beforehand is nearer than the ETF in every
    imbalanced run.
    """
    runs = [run for run in numbers["runs"] if run["R"] > 1]
    if not runs:
        return Verdict(False, "All runs are of balanced classes, on which the laws agree.")
    sizes = {
        law: [_size(run["laws"][law]["distances"]) for run in runs if law in run["laws"]]
        for law in LAWS
    }
    free = [law for law in LAWS if law != "best ridge"]
    wins = dict.fromkeys(free, 0)
    for run in runs:
        known = {law: _size(run["laws"][law]["distances"]) for law in free if law in run["laws"]}
        wins[min(known, key=lambda law: known[law])] += 1
    beaten = sum(
        min(
            _size(run["laws"][law]["distances"])
            for law in ("SELI", "own ridge")
            if law in run["laws"]
        )
        < _size(run["laws"]["ETF"]["distances"])
        for run in runs
    )
    means = ", ".join(
        f"{law} {np.mean(values):.2f} ± {np.std(values):.2f}"
        for law, values in sizes.items()
        if values
    )
    nearest = ", ".join(f"{law} in {count}" for law, count in wins.items() if count)
    return Verdict(
        beaten == len(runs),
        f"Over {len(runs)} imbalanced runs the root mean square of the three distances is, mean ±"
        f" spread over the runs: {means}. Of the laws without a fitted number, nearest is"
        f" {nearest}. SELI or the optimum at the run's own ridge is nearer than the ETF in {beaten}"
        f" of {len(runs)} runs.",
    )


def show(records: Sequence[Record]) -> list[Block]:
    """Return one row a kind of run, mean and spread over its seeds."""
    runs = max((record.numbers["runs"] for record in records), key=len)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        kinds.setdefault(run["kind"], []).append(run)
    blocks: list[Block] = [misfits(kinds)]
    for i, part in enumerate(("classifiers", "class means", "logits")):
        rows = []
        for place, (title, members) in enumerate(sorted(kinds.items())):
            rows.append(
                [
                    lettered(place, f"{title} ({len(members)})"),
                    *(_mean(members, law, i) for law in LAWS),
                ]
            )
        blocks.append(
            Table(
                f"Distance of the {part}, mean ± standard deviation over the seeds (their number in"
                " brackets).",
                ["run", *LAWS],
                rows,
            )
        )
    return blocks


def misfits(kinds: Mapping[str, Sequence[dict[str, Any]]]) -> Figure:
    """Return the root mean square of the three distances, a row a kind of run and a mark a law."""
    from lopsided.reproduce.figures.lines import by_row

    def size(members: Sequence[dict[str, Any]], law: str) -> float:
        return float(
            np.mean(
                [
                    _size(run["laws"][law]["distances"]) if law in run["laws"] else np.nan
                    for run in members
                ]
            )
        )

    names = sorted(kinds)
    series = {law: [size(kinds[name], law) for name in names] for law in LAWS}
    rows = [lettered(place, "").removesuffix(": ") for place in range(len(names))]
    return drawn(
        lambda ax: by_row(rows, series, ax, label="distance, root mean square of the three"),
        "Distance of every kind of run to every law",
        "Root mean square of the distances of classifiers, class means and logits to each law, mean"
        " over the seeds; the letters are those of the tables.",
        (6.2, 0.9 + 0.24 * len(names)),
    )


def _mean(runs: Sequence[dict[str, Any]], law: str, part: int) -> str:
    values = [run["laws"][law]["distances"][part] for run in runs if law in run["laws"]]
    if not values:
        return "–"
    return f"{np.mean(values):.3f}" + (
        f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    )


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
    compute=compute,
    judge=judge,
    show=show,
    prepare=all_runs,
)
