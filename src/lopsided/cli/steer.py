"""lopsided steer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

from lopsided.cli.classes import Classes
from lopsided.cli.fared import fared
from lopsided.cli.listing import print_tables
from lopsided.cli.output import bar, print_csv, print_json, require_one_form, table_console

if TYPE_CHECKING:
    from rich.table import Table

    from lopsided import Adjustment, Counts, Geometry


@dataclass(frozen=True)
class Row:
    """A loss, the line that makes it, and where it leads: infinitely far where the optimum is
    zero.
    """

    loss: str
    code: str
    adjustment: Adjustment
    norm_ratio: float
    minority_cosine: float
    margins: dict[int, float]
    distance: float


INF = float("inf")

NEAREST = (
    "nearest to the target geometry, which is no promise of accuracy: give --features and"
    " --held-out of a trained network to learn what helps there"
)


#: Options of a loss, and of a head.
_OF_LOSSES, _OF_HEADS = (
    ("target", "family", "ridge", "csv"),
    ("features", "held_out", "head", "loss", "ignore", "out"),
)


@dataclass(frozen=True)
class Steer:
    """Say what to change: the head of a trained network, or the loss for a wanted geometry.

    With --features, of a network that is trained: which head it should have instead, by how much
    balanced accuracy gains, with an interval, and what stands behind the errors. Without: the
    losses whose predicted geometry is nearest to a wanted one.
    """

    classes: Classes
    target: str = "etf-classifiers"
    """what the geometry is wanted to be, a target of --list"""
    family: Optional[str] = None
    """terms of the loss to turn, a family of --list; by default cdt, ldt and both"""
    ridge: float = 0.0
    """of the unconstrained-features model, sum normalisation; 0 is its limit"""
    list: bool = False
    """list the targets and families, and the losses, heads and rules to train and decide with"""
    features: Optional[Path] = None
    """features of the training set with labels and the head, as lopsided measure reads them"""
    held_out: Optional[Path] = None
    """features and labels of samples not trained on; 1 to 5 of the rarest class will do"""
    head: Optional[Path] = None
    """npz or safetensors file with weight and bias; by default they are looked for in the
    files of the features and, of a folder, in its head.npz or head.safetensors"""
    loss: Optional[Literal["cross-entropy", "weighted", "logit-adjusted"]] = None
    """the network was trained with; by default not known"""
    ignore: tuple[int, ...] = ()
    """labels of samples to leave out, such as -100"""
    out: Optional[Path] = None
    """write the prescribed head to this safetensors file"""
    json: bool = False
    """print JSON"""
    csv: bool = False
    """print CSV, a row a loss"""

    def run(self) -> None:
        """Prescribe a head, or print the losses, the nearest first, and how to train with it."""
        require_one_form(self.json, self.csv)
        if self.list:
            if self.classes.given:
                raise ValueError(f"--list lists, leave out {' and '.join(self.classes.given)}")
            self._refuse((*_OF_LOSSES, *_OF_HEADS), "--list lists, leave out {}")
            print_tables(self.json)
            return
        if self.features is not None:
            from lopsided.cli.prescribed import prescribe

            self._refuse(
                _OF_LOSSES, "{} is of a loss, and --features asks for a head: leave out one"
            )
            prescribe(self, self.features)
            return
        self._refuse(_OF_HEADS, "{} goes with --features, the features of the training set")
        self._design()

    def _refuse(self, names: Sequence[str], sentence: str) -> None:
        """Refuse options that would be ignored."""
        for name in names:
            if getattr(self, name) != getattr(Steer, name):
                raise ValueError(sentence.format(f"--{name.replace('_', '-')}"))

    def _design(self) -> None:
        from lopsided.steer import TARGETS, design

        counts = self.classes.resolve()
        families = ["cdt", "ldt", "cdt-ldt"] if self.family is None else [self.family]
        designs = []
        with bar("designing losses", len(families)) as progress:  # a minute, of 40 counts apart
            for family in families:
                designs.append(design(counts, self.target, family, self.ridge))
                progress(1)
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
        unmet = min(designs, key=lambda found: found.distance).unmet
        line = f"loss = steer.AdjustedCrossEntropy({rows[0].code})"
        lines = [
            "from lopsided import Adjustment, Counts, steer",
            f"counts = {self.classes.code(counts)}",
            line,
        ]
        if self.json:
            answer = {
                "target": self.target,
                "ridge": self.ridge,
                **({} if counts.names is None else {"names": list(counts.names)}),
                "counts": counts.values.tolist(),
                "unmet": unmet,
                "code": "\n".join(lines),
                "accuracy": f"{NEAREST}{fared(rows[0].loss, self.target)}",
            }
            print_json("steer", answer | {"losses": [_dict(row) for row in rows]})
            return
        if self.csv:
            print_csv([_flat(_dict(row)) for row in rows])
            return
        console = table_console()
        console.print(f"[bold]{self.target}[/]: {TARGETS[self.target].meaning}", markup=True)
        console.print(_table(rows, counts))
        if unmet:
            console.print(f"not met by any designed loss: {'; '.join(unmet)}")
        told = f"{rows[0].loss}: {NEAREST}{fared(rows[0].loss, self.target)}. To train with it:"
        console.print(told)
        for each in lines:
            console.print(f"    {each}", soft_wrap=True)

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
        shown = sorted(
            {int(counts.distinct[i]) for i in (0, len(counts.distinct) // 2, -1)}, reverse=True
        )
        if not found.logits.frobenius():
            nothing = float("nan")
            return Row(name, code, adjustment, nothing, nothing, dict.fromkeys(shown, nothing), INF)
        squares = found.classifiers.squared_norms()
        margins = relative_margins(found)
        return Row(
            name,
            code,
            adjustment,
            (float(squares[order[-1]] / squares[order[0]]) if squares[order[0]] > 0 else INF),
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
    from rich.table import Table

    from lopsided.cli.predicted_tables import ends_of
    from lopsided.naming import tight

    called = {n: str(n) for n in rows[0].margins}
    of = "margin N: smallest z_y - z_c of a class of N samples"
    if counts.names is not None:
        groups = zip(counts.distinct.tolist(), counts.called_by_group(), strict=True)
        called = {n: tight(names) for n, names in groups if n in called}
        of = "margin: smallest z_y - z_c of these classes"
    table = Table(box=None, header_style="bold")
    table.add_column("loss", no_wrap=True)
    titles = ["norms", "cosine", *(f"margin\n{called[n]}" for n in rows[0].margins), "distance"]
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for i, row in enumerate(rows):
        numbers = (row.norm_ratio, row.minority_cosine, *row.margins.values(), row.distance)
        table.add_row(
            row.loss,
            *(
                "–" if number != number or row.distance == INF else f"{round(number, 4) + 0.0:.4f}"
                for number in numbers
            ),
            style="bold" if i == 0 else "",
        )
    zero = [row.loss for row in rows if row.distance == INF]
    table.caption = (
        f"norms: ‖w‖², {ends_of(counts)}; cosine: of the two rarest;\n{of}, where 1 is the simplex"
        " ETF of equal norms"
        + (f"\nat this ridge the optimum is zero of {'; '.join(zero)}" if zero else "")
    )
    table.caption_justify = "left"
    return table


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without tables inside it."""
    margins = {f"margin_{n}": margin for n, margin in row["margins"].items()}
    return {
        name: value for name, value in row.items() if name not in ("margins", "adjustment")
    } | margins


def _dict(row: Row) -> dict[str, Any]:
    from lopsided.adjustment import ARRAYS
    from lopsided.plain import plain

    terms = {
        name: value.tolist()
        for name in ARRAYS
        if (value := getattr(row.adjustment, name)) is not None
    }
    numbers = {
        name: plain(getattr(row, name))
        for name in ("loss", "code", "norm_ratio", "minority_cosine", "margins", "distance")
    }
    return numbers | {"adjustment": terms | {"per_sample": row.adjustment.per_sample}}
