"""lopsided predict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from lopsided.adjustment import EXPONENTS
from lopsided.cli.classes import Classes
from lopsided.cli.loss import LossOptions
from lopsided.cli.output import print_csv, print_json, require_one_form, require_picture
from lopsided.cli.targets import read_targets

if TYPE_CHECKING:
    from lopsided import Counts, Geometry, Problem, Targets
    from lopsided.predict import Form
    from lopsided.targets import Kind

#: What a loss has that no longer matters as the ridge vanishes.
WITHOUT_EFFECT = {
    "weighted": "weights",
    "effective-number": "weights",
    "logit-adjusted": "shifts",
    "vs": "shifts",
    "ldam": "additive margins",
}


@dataclass(frozen=True)
class Predict:
    """Predict the geometry of a trained network from class counts and loss, or from a form by
    name.
    """

    classes: Classes
    loss: LossOptions
    ridge: Optional[float] = None
    """on classifiers and features of the summed loss; by default 0, which stands for its limit"""
    form: Optional[str] = None
    """a closed form by name, such as squared; an unknown name is answered with the list"""
    layers: int = 1
    """linear layers above the features"""
    smoothing: float = 0.0
    """share of the uniform distribution in each class's target"""
    targets: Optional[Path] = None
    """instead of class counts, for a form that wants them: a table (csv, npy, npz), one row a
    sample"""
    compare: bool = False
    """all losses side by side"""
    json: bool = False
    """print JSON"""
    csv: bool = False
    """print CSV, a row a class, or with --compare a row a loss"""
    plot: Optional[Path] = None
    """draw it: f.svg, f.png or f.pdf"""

    def run(self) -> None:
        """Print the prediction, and draw it if asked."""
        from lopsided.cli import predicted, predicted_tables

        require_one_form(self.json, self.csv)
        require_picture(self.plot, [self.classes.file, self.targets])
        if self.compare:
            counts = self.classes.resolve()
            rows = predicted.compare(counts, self._all(counts))
            if self.json:
                print_json("predict-compare", {"losses": rows})
            elif self.csv:
                print_csv(predicted.flat(rows))
            else:
                predicted_tables.print_comparison(rows, counts)
            return
        problem = self._problem()
        geometry = self._geometry(problem)
        if self.plot is not None:
            _draw(geometry, problem.targets, self.plot)
        if self.csv:
            print_csv(geometry.to_records())
            return
        if problem.counts is None:
            kind = "predict-samples"
            answer = predicted.summary_of_samples(geometry, problem.targets)
            show = predicted_tables.print_samples
        else:
            kind, answer = "predict", predicted.summary(geometry, problem.counts)
            show = predicted_tables.print_summary
        if self.json:
            print_json(kind, answer)
            return
        show(answer)
        if geometry.about_mean() is not geometry:
            predicted_tables.print_centering()

    def _problem(self) -> Problem:
        from lopsided import Problem, Targets

        kind: Kind = "classes"
        settings = dict[str, Any]()
        if self.form is not None:
            form = _form(self.form)
            kind, settings = form.kind, dict(form.settings)
        words = [word for word in self.loss.given if word != "--bias"]
        if words and ("loss" in settings or kind != "classes"):
            raise ValueError(
                f"the form {self.form} has a loss of its own, leave out {' and '.join(words)}"
            )
        if self.smoothing and kind != "classes":
            raise ValueError(
                f"smoothing is of classes, the form {self.form} is of {kind}: leave out --smoothing"
            )
        if self.csv and kind != "classes":
            raise ValueError(
                f"CSV has a row a class, the form {self.form} is of {kind}: leave out --csv"
            )
        if self.loss.bias is not None:
            settings["bias"] = self.loss.of_bias()
        if kind != "classes":
            if self.targets is None:
                raise ValueError(f"the form {self.form} is of {kind}: give them by --targets FILE")
            if named := self.classes.given:
                raise ValueError(
                    f"the targets say how many samples there are, leave out {' and '.join(named)}"
                )
            targets = read_targets(self.targets, kind)
        else:
            if self.targets is not None:
                raise ValueError(
                    "--targets is for a form that wants them, such as --form regression"
                )
            counts = self.classes.resolve()
            targets = Targets.smoothed(counts, self.smoothing)
            if "loss" not in settings:
                settings["loss"] = self.loss.adjustment(counts)[1]
        return Problem(targets, ridge=self.ridge or 0.0, layers=self.layers, **settings)

    def _geometry(self, problem: Problem) -> Geometry:
        from lopsided import foresee

        if self.form is not None:
            form = _form(self.form)
            if reason := form.speaks(problem):
                raise ValueError(f"the form {form.name} does not speak of this problem: {reason}")
            return form.geometry(problem)
        geometry = foresee(problem)
        assert problem.counts is not None
        title, _ = self.loss.adjustment(problem.counts)
        source = geometry.source
        if problem.ridge == 0:
            source = replace(
                source, name=title if problem.bias != "free" else f"{title}, free bias"
            )
            if self.loss.name in WITHOUT_EFFECT:
                without = WITHOUT_EFFECT[self.loss.name]
                source = replace(
                    source, assumptions=f"{source.assumptions}; there {without} have no effect"
                )
        return replace(geometry, source=source)

    def _all(self, counts: Counts) -> dict[str, Geometry]:
        """Return the geometry of every loss."""
        others = [
            f"--{name}"
            for name in ("form", "plot", "targets", "ridge")
            if getattr(self, name) is not None
        ]
        others += ["--layers"] * (self.layers != 1) + ["--smoothing"] * (self.smoothing != 0)
        if foreign := [name for name in self.loss.given if name in ("--loss", "--bias")] + others:
            raise ValueError(
                "--compare shows all losses in their limit without a bias, leave out"
                f" {' and '.join(foreign)}"
            )
        from lopsided import Problem, foresee

        # Losses that differ only in what vanishes with the ridge share one geometry.
        plain, geometries = foresee(Problem(counts, ridge=0.0)), {}
        for loss in EXPONENTS:
            name, adjustment = self.loss.adjustment(counts, loss)
            scaled = adjustment.scale is not None
            geometries[name] = foresee(Problem(counts, adjustment, ridge=0.0)) if scaled else plain
        return geometries


def _form(name: str) -> Form:
    import difflib
    import re

    from lopsided import predict, solve
    from lopsided.predict import FORMS

    if name in FORMS:
        return FORMS[name]
    called, letters = name.replace("-", "_"), re.sub(r"[-_\s]", "", name).lower()
    # A form is a function by another spelling of its name: predict.free_bias, predict.nonnegative.
    spelt = [form for form in FORMS if form.replace("-", "") == letters]
    for verb, face in (("predict", predict), ("solve", solve)):
        if not spelt and called in face.__all__ and called.islower():
            raise ValueError(
                f"{name} is no form of a problem with counts or targets: call"
                f" lopsided.{verb}.{called} in Python"
            )
    near = spelt or difflib.get_close_matches(name, FORMS, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"--form must be one of {', '.join(FORMS)}, got {name!r}{meant}")


#: What the rows and the columns of targets are.
_AXES: dict[Kind, tuple[str, str]] = {
    "classes": ("class", "class"),
    "contexts": ("token", "context"),
    "label sets": ("label", "label set"),
    "regression": ("output", "sample"),
}


def _draw(geometry: Geometry, targets: Targets, path: Path) -> None:
    from matplotlib.figure import Figure

    from lopsided import plot
    from lopsided.cli.predicted import sets_of
    from lopsided.plot.geometry import drawable
    from lopsided.plot.style import class_colours

    counts = geometry.counts
    flat = counts is not None and drawable(geometry)
    figure = Figure(figsize=(4.2 * (2 + flat), 4.2), layout="constrained")
    axes = figure.subplots(1, 2 + flat)
    if flat and counts is not None:
        plot.frame(geometry, axes[0], colours=class_colours(counts, counts.k)).set_title(
            "classifiers (arrows), class means (rings)", fontsize=10
        )
    means = "class means" if geometry.paired else "embeddings"
    names = (None, ["+".join(map(str, labels)) for labels in sets_of(targets)] or None)
    grams = (geometry.classifiers, geometry.embeddings)
    for ax, gram, called, title, what in zip(
        axes[-2:], grams, names, ("classifiers", means), _AXES[targets.kind], strict=True
    ):
        own = counts if gram.k == geometry.k else None
        plot.gram(gram, ax, counts=own, names=called, of=what)
        ax.set_title(f"cosines of {title}", fontsize=10)
    plot.save(figure, path)
