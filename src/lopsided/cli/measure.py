"""lopsided measure."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import tyro

from lopsided.cli import pictures, printed
from lopsided.cli.classes import Training
from lopsided.cli.output import (
    bar,
    print_csv,
    require_one_form,
    require_picture,
    require_writable,
    shown,
    table_console,
)

if TYPE_CHECKING:
    from lopsided.arrays import Floats
    from lopsided.counts import Counts
    from lopsided.diagnosis import Diagnosis
    from lopsided.geometry import Geometry
    from lopsided.measure import Collapse, Store
    from lopsided.measure.ood import Outside
    from lopsided.solve import Problem


@dataclass(frozen=True)
class Measure:
    """Measure the geometry of a trained network from its stored features, and say what ails it.

    Geometry is that of the samples trained on; errors are those on samples held out of training,
    given by --held-out. With both the diagnosis tells what another head would be worth.

    Features are read from an npz or safetensors file with arrays features (n, d), labels (n,) and,
    for the head, weight (k, d) and bias (k,); from an npy file with the labels in another; from the
    columns of an Arrow or Parquet file; or from a folder of such files. No pickle is ever read.
    Labels (n, k) of 0 and 1 are several labels a sample; an array targets (n, t) in their place is
    a regression.
    """

    features: tyro.conf.Positional[Path]
    """npz, npy, safetensors, arrow or parquet file, or a folder of them"""
    training: Training
    labels: Optional[Path] = None
    """npy file of the labels of an npy file; by default the one with "labels" for "features" in its
    name"""
    held_out: Optional[Path] = None
    """samples that were not trained on, in the same forms: how often the network errs, why, and
    what to do"""
    ood: Optional[Path] = None
    """features of samples from another distribution, in the same forms: how well scores tell them
    from the held-out samples, else from those trained on, and which classes they take for them"""
    loss: Optional[Literal["cross-entropy", "weighted", "logit-adjusted"]] = None
    """the network was trained with; by default not known"""
    head: Optional[Path] = None
    """npz or safetensors file with weight and bias; by default they are looked for in the
    files of the features and, of a folder, in its head.npz or head.safetensors"""
    ridge: Optional[float] = None
    """compare with the certified optimum of the unconstrained-features model at this ridge too (sum
    normalisation), of the loss said by --loss, else of plain cross-entropy; 0 is the limit"""
    passes: Annotated[Literal[1, 2], tyro.conf.arg(metavar="{1,2}")] = 2
    """2 knows nearest class means and is faster for few classes; 1 reads the data once and knows
    VCI"""
    processes: int = 1
    """processes that share the work; under torchrun its processes do"""
    scheduler: str | None = None
    """address of a Dask scheduler, tcp://HOST:PORT, or its FILE.json, whose workers share the work
    instead"""
    scratch: Path | None = None
    """folder that all workers reach, for class means between two passes; by default where temporary
    files go"""
    ignore: tuple[int, ...] = ()
    """labels of samples to leave out, such as -100"""
    seen: bool = False
    """leave out classes without samples instead of refusing them"""
    json: bool = False
    """print JSON"""
    csv: bool = False
    """print CSV, a row a class"""
    report: Optional[Path] = None
    """write a self-contained HTML page"""
    plot: Optional[Path] = None
    """write the figures to this svg, png or pdf file"""

    def run(self) -> None:
        """Measure, compare and report."""
        from lopsided import measure
        from lopsided.measure.storage import torchrun

        require_one_form(self.json, self.csv)
        if self.scheduler is not None and self.processes != 1:
            raise ValueError(
                "work is shared by --processes of this machine or by the workers of a --scheduler,"
                " not by both"
            )
        targets = None if self.labels else measure.open_targets(self.features, self.head)
        if targets is not None:
            from lopsided.cli import measured

            measured.refuse(self, targets.kind)
            self._require_outputs()
            measured.tell(targets, self)
            return
        self._require_told()
        self._require_outputs()
        store = measure.open_store(self.features, self.labels, self.head, self.ignore)
        counts = self.training.of_all(store.k, self.ignore)
        if store.weight is None and (self.report or self.plot or self.ridge is not None):
            raise ValueError(
                "predictions are compared with classifiers: give the head's weight, beside the"
                " features or by --head"
            )
        if store.weight is None and self.loss is not None:
            raise ValueError(
                "--loss says what the head was trained with: give its weight, with the features"
                " or by --head"
            )
        held_out = None
        if self.held_out is not None:
            if store.weight is None:
                raise ValueError(
                    "answers to held-out samples are the head's: give its weight, with the"
                    " features or by --head"
                )
            held_out = measure.open_store(self.held_out, head=self.head, ignore=self.ignore)
        outside = None
        if self.ood is not None and self.seen:
            raise ValueError("--ood scores by the means of all classes: leave out --seen")
        if self.ood is not None:
            near = store if held_out is None else held_out
            with bar("telling others apart", store.n + near.n) as progress:
                outside = measure.ood.stored_outside(store, self.ood, held_out, progress)
        with bar(f"measuring {store.n:,} samples", store.n * self.passes) as progress:
            collapse = measure.stored(
                store,
                passes=self.passes,
                engine=self.scheduler or self.processes,
                scratch=self.scratch,
                classes="seen" if self.seen else "all",
                counts=counts,
                progress=progress,
            )
        if torchrun.tells():
            self._tell(collapse, store, held_out, outside, counts)

    def _require_told(self) -> None:
        """Refuse what is measured and told nowhere: a row a class has no place for it."""
        drawn = self.report is not None
        shown_by = {"held_out": drawn, "loss": drawn, "ridge": drawn or self.plot is not None}
        for name in ("ood", "held_out", "loss", "ridge") if self.csv else ():
            if getattr(self, name) is not None and not shown_by.get(name, False):
                option = f"--{name.replace('_', '-')}"
                raise ValueError(
                    f"--csv is a row a class: of {option} take --json, or leave it out"
                )

    def _require_outputs(self) -> None:
        """Refuse what could not be told at the end, before the work."""
        from lopsided import Counts
        from lopsided.measure.storage.store import files_of

        read = [*files_of(self.features, self.labels, self.head), self.training.file, self.ood]
        require_picture(self.plot, read)
        if self.report is not None:
            require_writable(self.report, [*read, self.plot])
            if self.report.suffix.lower() not in (".html", ".htm"):
                raise ValueError(f"a page must end in .html, got {str(self.report)!r}")
            for library in ("jinja2", "matplotlib"):
                importlib.import_module(library)
        if self.ridge is not None:
            _problem(Counts([1, 1]), self.ridge, self.loss)

    def _tell(
        self,
        collapse: Collapse,
        store: Store,
        held_out: Store | None,
        outside: Outside | None,
        counts: Counts | None,
    ) -> None:
        from lopsided.diagnosis import diagnose_stored
        from lopsided.diagnosis.geometry import predictions as predicted
        from lopsided.steer.prescribe import rows_read
        from lopsided.steer.prescribe.sentences import in_shell

        predictions: dict[str, Geometry] = {}
        gap: float | None = None
        diagnosis: Diagnosis | None = None
        if collapse.weight is not None:
            predictions = predicted(collapse)
            if self.ridge is not None:
                predictions[f"UFM, ridge {self.ridge:g}"], gap = _optimum(
                    collapse, collapse.weight, self.ridge, self.loss
                )
            predictions = collapse.comparable(predictions)
            rows = 0 if held_out is None else rows_read(store.n, held_out.n)
            with bar("finding a head", rows) as progress:
                diagnosis = diagnose_stored(
                    collapse,
                    store,
                    held_out,
                    counts,
                    loss=self.loss,
                    laws=predictions,
                    progress=progress,
                )
        if self.plot is not None:
            pictures.plot(collapse, predictions, self.plot)
        if self.report is not None:
            name = shown(self.features.name)
            pictures.report(collapse, predictions, self.report, name, diagnosis, outside)
        if self.csv:
            print_csv(collapse.to_records())
            return
        if self.json:
            printed.as_json(collapse, predictions, gap, diagnosis, outside)
            return
        console = table_console()
        console.print(collapse.table(predictions))
        if outside is not None:
            printed.outside(outside, collapse.counts)
        if diagnosis is None:
            console.print(
                "No head was found, so nothing is known of classifiers and answers: give its"
                " weight, with the features or by --head."
            )
        else:
            printed.splits(collapse, predictions)
            told = in_shell(str(diagnosis))
            console.print("\n\n".join(shown(part) for part in told.split("\n\n")))
            if line := printed.to_write_head(self, diagnosis):
                console.print(f"\n{shown(line)}", soft_wrap=True)
        if gap is not None:
            bias = "" if collapse.bias is None else " without the head's bias"
            named = self.loss not in (None, "cross-entropy")
            loss = f"the {self.loss} loss" if named else "plain cross-entropy"
            console.print(
                f"At ridge {self.ridge:g} the optimum of {loss} is at most {gap:.3%} below these"
                f" classifiers and class means{bias}."
            )


def _optimum(
    collapse: Collapse, weight: Floats, ridge: float, loss: str | None
) -> tuple[Geometry, float | None]:
    """Return the certified optimum at a ridge, and the gap of the measured classifiers and means to
    it; none at ridge 0, the limit, where there is no optimum to be near, and where classes that
    were trained were not measured.
    """
    from lopsided import solve
    from lopsided.measure.metrics import ufm_gap

    if not collapse.counts_given and not len(collapse.minorities):
        raise ValueError(
            "an optimum is for the counts of the training set, and the samples measured are"
            " balanced: give --counts"
        )
    counts = collapse.trained or collapse.counts
    problem = _problem(counts, ridge, loss)
    solution = solve.minimize(problem)
    if not ridge or counts.k > collapse.k:
        return solution.geometry, None
    gap = ufm_gap(
        collapse.moments,
        weight,
        collapse.counts,
        ridge=ridge,
        dual=solution.certificate.dual,
        adjustment=problem.adjustment,
    )
    return solution.geometry, gap


def _problem(counts: Counts, ridge: float, loss: str | None) -> Problem:
    from lopsided import Adjustment, solve

    return solve.Problem(counts, Adjustment.named(loss or "cross-entropy", counts), ridge=ridge)
