"""What `lopsided solve` answers, and how it prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lopsided.cli.output import table_console
from lopsided.cli.predicted import ends
from lopsided.naming import listed
from lopsided.plain import plain

if TYPE_CHECKING:
    from lopsided.geometry import Geometry
    from lopsided.solve import Problem, Solution

#: Said in place of distances.
UNPROVED = "no distances to the limit of a vanishing ridge, of which there is no proof here"


def limit_of(problem: Problem) -> Geometry | None:
    """Return the limit of a vanishing ridge, where there is room for it and a proof of it."""
    from lopsided import solve
    from lopsided.theory import PROVED

    if problem.width is not None:
        return None
    found = solve.minimize(problem.at(0.0))
    return found.geometry if found.certificate.relative_gap <= PROVED else None


def flat(told: dict[str, Any]) -> dict[str, Any]:
    """Return a summary without its groups, its distances as columns."""
    names = ("ridge", "objective", "dual", "relative_gap")
    far = told["distance_to_limit"] or {}
    return {name: told[name] for name in names} | {
        f"{part}_to_limit": distance for part, distance in far.items()
    }


def summary(solution: Solution, limit: Geometry | None) -> dict[str, Any]:
    """Return what is worth telling of a solution, one row a group of interchangeable classes."""
    geometry = solution.geometry
    groups = geometry.logits.groups
    first = groups.first
    second = np.array([_second(groups, g) for g in range(groups.m)])
    w, mu = geometry.classifiers, geometry.embeddings
    alignment, collapsed = geometry.alignment(), _collapsed(solution)
    counts = solution.problem.counts
    assert counts is not None
    named = [] if counts.names is None else counts.called_by_group(groups)
    distances = None
    if limit is not None and w.frobenius() > 0:
        distances = {name: float(d) for name, d in geometry.distance(limit)._asdict().items()}
    rows = []
    for g in range(groups.m)[::-1]:
        c, other = int(first[g]), int(second[g])
        same = [float(x.cosine(c, other)) if other >= 0 else None for x in (w, mu)]
        rows.append(
            {
                "samples": counts[c],
                "classes": int(groups.sizes[g]),
                **({} if counts.names is None else {"names": named[g]}),
                "first_class": c,
                "w": float(np.sqrt(w.entries(c, c))),
                "mu": float(np.sqrt(mu.entries(c, c))),
                "alignment": plain(alignment[c]),
                "cosine_w": None if same[0] is None or np.isnan(same[0]) else same[0],
                "cosine_mu": None if same[1] is None or np.isnan(same[1]) else same[1],
                "collapsed": bool(collapsed[g]),
            }
        )
    return {
        "ridge": solution.problem.ridge,
        "bias": solution.problem.bias,
        "objective": solution.objective,
        "dual": solution.certificate.dual,
        "relative_gap": solution.certificate.relative_gap,
        "status": solution.message,
        "distance_to_limit": distances,
        "groups": rows,
    }


def print_one(solution: Solution, limit: Geometry | None) -> None:
    """Print an optimum as a table of groups of classes."""
    from rich.table import Table

    told = summary(solution, limit)
    console = table_console()
    table = Table(
        "samples",
        "classes",
        "|w|",
        "|mu|",
        "cos(w, mu)",
        "cos(w, w')",
        "cos(mu, mu')",
        "",
        box=None,
        pad_edge=False,
    )
    for column in (table.columns[0], *table.columns[2:]):
        column.no_wrap = True
    groups = told["groups"]
    picked = ends(len(groups)).tolist()
    for before, g in zip([-1, *picked[:-1]], picked, strict=True):
        if g - before > 1:
            table.add_row("⋮")
        row = groups[g]
        cells = [_show(row[name]) for name in ("w", "mu", "alignment", "cosine_w", "cosine_mu")]
        table.add_row(
            f"{row['samples']:,}",
            listed(row["names"]) if "names" in row else f"{row['classes']:,}",
            *cells,
            "collapsed" if row["collapsed"] else "",
        )
    console.print(table)
    if len(picked) < len(groups):
        console.print(f"{len(groups)} groups of classes, all in --json and --csv", style="dim")
    bias = "" if isinstance(told["bias"], str) else f" and {told['bias']:g} on the bias"
    console.print(
        f"ridge {told['ridge']:g}{bias} (summed loss), objective {told['objective']:.10g}"
    )
    if told["distance_to_limit"] is not None:
        distances = ", ".join(
            f"{name} {value:.3f}" for name, value in told["distance_to_limit"].items()
        )
        console.print(f"distance to the limit of a vanishing ridge: {distances}")
    elif limit is None and solution.problem.width is None:
        console.print(UNPROVED)
    console.print(told["status"], soft_wrap=True)
    if not any(row["w"] for row in told["groups"]):
        from lopsided import solve

        console.print(
            f"The optimum is zero from ridge {solve.largest_ridge(solution.problem):.10g} up."
        )


def print_path(solutions: list[Solution], limit: Geometry | None) -> None:
    """Print the optima of a path of ridges, a row each."""
    from rich.table import Table

    table = Table(
        "ridge",
        "objective",
        "gap",
        "rank",
        "classifiers",
        "embeddings",
        "logits",
        "collapsed classes",
        box=None,
        pad_edge=False,
    )
    for solution in solutions:
        told = summary(solution, limit)
        distances = list((told["distance_to_limit"] or {}).values()) or [None] * 3
        named = "names" in told["groups"][0]
        collapsed = " and ".join(
            listed(row["names"]) if named else f"{row['samples']:,}"
            for row in told["groups"]
            if row["collapsed"]
        )
        cells = [
            f"{told['ridge']:.3g}",
            f"{told['objective']:.6g}",
            f"{told['relative_gap']:.0e}",
            str(solution.rank),
        ]
        table.add_row(
            *cells,
            *map(_show, distances),
            f"with {collapsed} samples" if collapsed and not named else collapsed,
        )
    for column in table.columns[:-1]:
        column.no_wrap = True
    console = table_console()
    console.print(table)
    if limit is not None:
        console.print(
            "distances of classifiers, embeddings and logits to the limit of a vanishing ridge"
        )
    elif solutions[0].problem.width is None:
        console.print(UNPROVED)


def _second(groups: Any, g: int) -> int:
    """Return another class of a group than its first, or -1."""
    if groups.sizes[g] < 2:
        return -1
    runs = np.flatnonzero(groups.labels == g)
    starts = np.cumsum(groups.lengths) - groups.lengths
    return int(starts[runs[0]] + 1 if groups.lengths[runs[0]] > 1 else starts[runs[1]])


def _collapsed(solution: Solution) -> npt.NDArray[np.bool_]:
    """Return for each group whether its classes are zero, or share their classifier with another
    class of their count: of their group or, in a narrow network, another by itself.
    """
    gram, counts = solution.geometry.classifiers, solution.problem.counts
    assert counts is not None
    samples, lengths = counts[gram.groups.first], np.sqrt(gram.diagonal)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = gram.left @ gram.right.T / np.outer(lengths, lengths)
    np.fill_diagonal(cosines, np.where(gram.groups.sizes > 1, cosines.diagonal(), -1.0))
    alike = np.equal.outer(samples, samples) & np.isclose(lengths[:, None], lengths, rtol=1e-4)
    return np.asarray((lengths == 0) | ((cosines > 1 - 1e-9) & alike).any(axis=1))


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
