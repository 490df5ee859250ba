"""lopsided steer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lopsided.cli.classes import Classes
from lopsided.cli.output import table_console
from lopsided.cli.tables import listed

if TYPE_CHECKING:
    from rich.table import Table

    from lopsided import Adjustment, Counts, Geometry


@dataclass(frozen=True)
class Row:
    """A loss, the line that makes it, and where it leads."""

    loss: str
    code: str
    adjustment: Adjustment
    norm_ratio: float
    minority_cosine: float
    margins: dict[int, float]
    distance: float


@dataclass(frozen=True)
class Steer:
    """Find the loss whose predicted geometry is nearest to a wanted one, beside the named
    losses.
    """

    classes: Classes
    target: str = "etf-classifiers"
    """what the geometry is wanted to be, a target of --list"""
    family: str | None = None
    """terms of the loss to turn, a family of --list; by default cdt, ldt and both"""
    ridge: float = 0.0
    """of the unconstrained-features model, sum normalisation; 0 is its limit"""
    list: bool = False
    """list the targets and families, and the losses, heads and rules to train and decide with"""
    json: bool = False
    """print JSON, with the arrays of each loss"""

    def run(self) -> None:
        """Print the losses, best first, and how to train with the best."""
        from lopsided.steer import TARGETS, design

        if self.list:
            if self.classes.given:
                raise ValueError(f"--list lists, leave out {' and '.join(self.classes.given)}")
            self._list()
            return
        counts = self.classes.resolve()
        designs = [
            design(counts, self.target, family, self.ridge)
            for family in ([self.family] if self.family else ["cdt", "ldt", "cdt-ldt"])
        ]
        ridge = f", ridge={self.ridge!r}" if self.ridge else ""
        rows = [
            self._row(counts, name, code, adjustment) for name, code, adjustment in _named(counts)
        ]
        for i, found in enumerate(designs, start=1):
            code = (
                f'steer.design(counts, "{self.target}", family="{found.family}"{ridge}).adjustment'
            )
            rows.insert(
                i,
                self._row(
                    counts, f"designed: {found.family}", code, found.adjustment, found.geometry
                ),
            )
        # Among equals plain cross-entropy goes first, then the designs, whose scales are learned
        # faster than those of named losses.
        rows.sort(key=lambda row: round(row.distance, 5))
        best = rows[0]
        unmet = min(designs, key=lambda found: found.distance).unmet
        line = f"loss = steer.AdjustedCrossEntropy({best.code})"
        if self.json:
            answer = {
                "target": self.target,
                "ridge": self.ridge,
                **({} if counts.names is None else {"names": list(counts.names)}),
                "counts": counts.values.tolist(),
                "unmet": unmet,
                "code": line,
            }
            print(json.dumps(answer | {"losses": [_dict(row) for row in rows]}, allow_nan=False))
            return
        console = table_console()
        console.print(f"[bold]{self.target}[/]: {TARGETS[self.target].meaning}")
        console.print(_table(rows, counts))
        if unmet:
            console.print(f"not met by any designed loss: {'; '.join(unmet)}", markup=False)
        console.print(f"train with the best:\n    {line}", markup=False, soft_wrap=True)

    def _list(self) -> None:
        from rich.table import Table

        from lopsided import steer

        tables = {
            kind: listed(getattr(steer, kind.upper()))
            for kind in ("targets", "families", "losses", "heads", "rules")
        }
        if self.json:
            print(json.dumps({kind: [line._asdict() for line in tables[kind]] for kind in tables}))
            return
        console = table_console()
        for kind, lines in tables.items():
            table = Table(box=None, header_style="bold")
            sourced = any(line.source for line in lines)
            for header in (kind, "what it is", *["source"] * sourced):
                table.add_column(header, no_wrap=header == kind)
            for line in lines:
                table.add_row(*line[: 2 + sourced])
            console.print(table, "")

    def _row(
        self,
        counts: Counts,
        name: str,
        code: str,
        adjustment: Adjustment,
        geometry: Geometry | None = None,
    ) -> Row:
        import numpy as np

        from lopsided import Problem, foresee
        from lopsided.shape import relative_margins
        from lopsided.steer import TARGETS

        found = (
            foresee(Problem(counts, adjustment, ridge=self.ridge)) if geometry is None else geometry
        )
        order = np.argsort(counts.values, kind="stable")
        squares = found.classifiers.squared_norms()
        margins = relative_margins(found)
        shown = sorted(
            {int(counts.distinct[i]) for i in (0, len(counts.distinct) // 2, -1)}, reverse=True
        )
        return Row(
            name,
            code,
            adjustment,
            (
                float(squares[order[-1]] / squares[order[0]])
                if squares[order[0]] > 0
                else float("inf")
            ),
            float(found.classifiers.cosine(order[0], order[1])),
            {n: float(margins[counts.values == n].min()) for n in shown},
            TARGETS[self.target].distance(found),
        )


def _named(counts: Counts) -> list[tuple[str, str, Adjustment]]:
    from lopsided import Adjustment

    return [
        ("cross-entropy", "Adjustment()", Adjustment()),
        ("weighted", "Adjustment.weighted(counts)", Adjustment.weighted(counts)),
        ("logit-adjusted", "Adjustment.logit_adjusted(counts)", Adjustment.logit_adjusted(counts)),
        ("CDT, γ=½", "Adjustment.cdt(counts, gamma=0.5)", Adjustment.cdt(counts, gamma=0.5)),
        ("LDT, γ=½", "Adjustment.ldt(counts, gamma=0.5)", Adjustment.ldt(counts, gamma=0.5)),
        (
            "VS, γ=¼, τ=1",
            "Adjustment.vs(counts, gamma=0.25, tau=1.0)",
            Adjustment.vs(counts, gamma=0.25, tau=1.0),
        ),
    ]


def _table(rows: list[Row], counts: Counts) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from lopsided.cli.predicted import ends_of
    from lopsided.naming import tight

    called = {n: str(n) for n in rows[0].margins}
    gap, of = " ", "margin N: smallest z_y - z_c of a class of N samples"
    if counts.names is not None:
        groups = zip(counts.distinct.tolist(), counts.called_by_group(), strict=True)
        called = {n: escape(tight(names)) for n, names in groups if n in called}
        gap, of = "\n", "margin: smallest z_y - z_c of these classes"
    table = Table(box=None, header_style="bold")
    table.add_column("loss", no_wrap=True)
    titles = ["norms", "cosine", *(f"margin{gap}{called[n]}" for n in rows[0].margins), "distance"]
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for i, row in enumerate(rows):
        numbers = (row.norm_ratio, row.minority_cosine, *row.margins.values(), row.distance)
        table.add_row(
            row.loss,
            *(f"{round(number, 4) + 0.0:.4f}" for number in numbers),
            style="bold" if i == 0 else "",
        )
    table.caption = escape(
        f"norms: ‖w‖², {ends_of(counts)}; cosine: of the two rarest;\n{of}, where 1 is the simplex"
        " ETF of equal norms"
    )
    table.caption_justify = "left"
    return table


def _dict(row: Row) -> dict[str, Any]:
    from lopsided.adjustment import ARRAYS

    terms = {
        name: value.tolist()
        for name in ARRAYS
        if (value := getattr(row.adjustment, name)) is not None
    }
    numbers = {
        name: getattr(row, name)
        for name in ("loss", "code", "norm_ratio", "minority_cosine", "margins", "distance")
    }
    numbers["norm_ratio"] = (
        row.norm_ratio if math.isfinite(row.norm_ratio) else None
    )  # JSON has no infinity
    return numbers | {"adjustment": terms | {"per_sample": row.adjustment.per_sample}}
