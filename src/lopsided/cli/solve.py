"""lopsided solve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from lopsided.cli.classes import Classes
from lopsided.cli.loss import LossOptions
from lopsided.cli.output import (
    print_csv,
    print_json,
    require_one_form,
    require_picture,
    table_console,
)

if TYPE_CHECKING:
    from lopsided.geometry import Geometry
    from lopsided.solve import Problem, Solution

_POINTS = 17


@dataclass(frozen=True)
class Solve:
    """Solve the unconstrained-features model to its global optimum, with a proof."""

    classes: Classes
    loss: LossOptions
    ridge: Optional[float] = None
    """ridge on classifiers and features of the summed loss; 0 for the limit of a vanishing ridge"""
    weight_decay: Optional[float] = None
    """instead of --ridge: weight decay of a mean loss, on classifiers and features"""
    width: Optional[int] = None
    """feature dimensions; as many as the optimum wants if not given"""
    starts: Optional[int] = None
    """local minima compared where the width is too small for a proof; more find better"""
    path: bool = False
    """solve a path of ridges down from where the optimum is zero"""
    json: bool = False
    """print JSON"""
    csv: bool = False
    """print CSV, a row a class, or with --path a row a ridge"""
    plot: Optional[Path] = None
    """write a figure of the path (svg, png or pdf)"""

    def run(self) -> None:
        """Print the optimum, or the path."""
        import numpy as np

        from lopsided import solve

        if self.starts is not None and self.width is None:
            raise ValueError("--starts compares optima of a narrow network, add --width")
        if self.starts is not None and self.path:
            raise ValueError("--starts compares optima at one ridge, leave out --path or --starts")
        require_one_form(self.json, self.csv)
        if self.plot is not None and not self.path:
            raise ValueError("--plot draws a path of ridges, add --path")
        require_picture(self.plot, [self.classes.file])
        problem = self._problem()
        limit = solve.minimize(problem.at(0.0)).geometry if problem.width is None else None
        if not self.path:
            self._print_one(solve.minimize(problem, starts=self.starts), limit)
            return
        top = solve.largest_ridge(problem)
        solutions = solve.path(problem, np.geomspace(0.99 * top, 1e-8 * top, _POINTS).tolist())
        if self.json:
            print_json("solve-path", {"solutions": [_summary(s, limit) for s in solutions]})
        elif self.csv:
            print_csv([_flat(_summary(s, limit)) for s in solutions])
        else:
            _print_path(solutions, limit)
        if self.plot is not None:
            from matplotlib.figure import Figure

            from lopsided.plot import ridge_path, save

            figure = Figure(figsize=(5.2, 3.4), layout="constrained")
            ridge_path(solutions, figure.subplots(), limit)
            save(figure, self.plot)

    def _problem(self) -> Problem:
        from lopsided import solve

        counts = self.classes.resolve()
        if [self.ridge is not None, self.weight_decay is not None, self.path].count(True) != 1:
            raise ValueError("give one of --ridge, --weight-decay, and --path for all ridges")
        bias, (_, adjustment) = self.loss.of_bias(), self.loss.adjustment(counts)
        if self.weight_decay is not None:
            decay = self.weight_decay
            return solve.Problem.from_weight_decay(
                counts, decay, decay, adjustment, bias=bias, width=self.width
            )
        return solve.Problem(
            counts,
            adjustment,
            ridge=1.0 if self.ridge is None else self.ridge,
            bias=bias,
            width=self.width,
        )

    def _print_one(self, solution: Solution, limit: Geometry | None) -> None:
        from rich.markup import escape
        from rich.table import Table

        from lopsided.cli.predicted import ends
        from lopsided.naming import listed

        if self.csv:
            print_csv(solution.to_records())
            return
        summary = _summary(solution, limit)
        if self.json:
            print_json("solve", summary)
            return
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
        table.columns[0].no_wrap = True
        groups = summary["groups"]
        picked = ends(len(groups)).tolist()
        for before, g in zip([-1, *picked[:-1]], picked, strict=True):
            if g - before > 1:
                table.add_row("⋮")
            row = groups[g]
            cells = [_show(row[name]) for name in ("w", "mu", "alignment", "cosine_w", "cosine_mu")]
            table.add_row(
                f"{row['samples']:,}",
                escape(listed(row["names"])) if "names" in row else f"{row['classes']:,}",
                *cells,
                "collapsed" if row["collapsed"] else "",
            )
        console.print(table)
        if len(picked) < len(groups):
            console.print(f"{len(groups)} groups of classes, all in --json and --csv", style="dim")
        console.print(
            f"ridge {summary['ridge']:g} (summed loss), objective {summary['objective']:.10g}"
        )
        if summary["distance_to_limit"] is not None:
            distances = ", ".join(
                f"{name} {value:.3f}" for name, value in summary["distance_to_limit"].items()
            )
            console.print(f"distance to the limit of a vanishing ridge: {distances}")
        console.print(summary["status"], soft_wrap=True)
        if not any(row["w"] for row in summary["groups"]):
            from lopsided import solve

            console.print(
                f"The optimum is zero from ridge {solve.largest_ridge(solution.problem):.10g} up."
            )


def _flat(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a summary without its groups, its distances as columns."""
    names = ("ridge", "objective", "dual", "relative_gap")
    far = summary["distance_to_limit"] or {}
    return {name: summary[name] for name in names} | {
        f"{part}_to_limit": distance for part, distance in far.items()
    }


def _summary(solution: Solution, limit: Geometry | None) -> dict[str, Any]:
    """Return what is worth telling of a solution, one row a group of interchangeable classes."""
    import numpy as np

    geometry = solution.geometry
    groups = geometry.logits.groups
    first = groups.first
    second = np.array([_second(groups, g) for g in range(groups.m)])
    w, mu = geometry.classifiers, geometry.embeddings
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
                "alignment": _ratio(
                    geometry.logits.entries(c, c), np.sqrt(w.entries(c, c) * mu.entries(c, c))
                ),
                "cosine_w": None if same[0] is None or np.isnan(same[0]) else same[0],
                "cosine_mu": None if same[1] is None or np.isnan(same[1]) else same[1],
                "collapsed": bool(
                    w.entries(c, c) == 0 or (same[0] is not None and same[0] > 1 - 1e-9)
                ),
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


def _print_path(solutions: list[Solution], limit: Geometry | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from lopsided.naming import listed

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
        summary = _summary(solution, limit)
        distances = list((summary["distance_to_limit"] or {}).values()) or [None] * 3
        named = "names" in summary["groups"][0]
        collapsed = " and ".join(
            escape(listed(row["names"])) if named else f"{row['samples']:,}"
            for row in summary["groups"]
            if row["collapsed"]
        )
        cells = [
            f"{summary['ridge']:.3g}",
            f"{summary['objective']:.6g}",
            f"{summary['relative_gap']:.0e}",
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
    console.print(
        "distances of classifiers, embeddings and logits to the limit of a vanishing ridge"
    )


def _second(groups: Any, g: int) -> int:
    """Return another class of a group than its first, or -1."""
    import numpy as np

    if groups.sizes[g] < 2:
        return -1
    runs = np.flatnonzero(groups.labels == g)
    starts = np.cumsum(groups.lengths) - groups.lengths
    return int(starts[runs[0]] + 1 if groups.lengths[runs[0]] > 1 else starts[runs[1]])


def _ratio(numerator: Any, denominator: Any) -> float | None:
    return float(numerator / denominator) if denominator > 0 else None


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
