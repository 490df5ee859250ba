"""lopsided predict."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lopsided.cli.classes import Classes
from lopsided.cli.output import require_picture

if TYPE_CHECKING:
    from lopsided import Adjustment, Counts, Geometry

Loss = Literal["cross-entropy", "weighted", "logit-adjusted", "cdt", "ldt", "vs", "ldam"]

#: The exponents that each loss has, and what they are unless given.
EXPONENTS: dict[str, dict[str, float]] = {
    "cross-entropy": {},
    "weighted": {},
    "logit-adjusted": {"tau": 1.0},
    "cdt": {"gamma": 0.5},
    "ldt": {"gamma": 0.5},
    "vs": {"gamma": 0.25, "tau": 1.0},
    "ldam": {},
}

#: What a loss has that no longer matters as the ridge vanishes.
WITHOUT_EFFECT = {"weighted": "weights", "logit-adjusted": "shifts", "vs": "shifts", "ldam": "additive margins"}


@dataclass(frozen=True)
class Predict:
    """Predict the geometry that a loss converges to on given class counts."""

    classes: Classes
    loss: Loss | None = None
    """cross-entropy and its adjustments; by default cross-entropy"""
    gamma: float | None = None
    """exponent of the scales of cdt, ldt (by default 0.5) and vs (0.25)"""
    tau: float | None = None
    """factor of the shifts of logit-adjusted and vs (by default 1)"""
    bias: Literal["none", "free"] = "none"
    """of the classifiers; with a ridge on it that stays fixed, a bias has the limit of none"""
    geometry: str | None = None
    """instead of a loss: a geometry by name, such as etf; an unknown name is answered with the list"""
    compare: bool = False
    """all losses side by side"""
    json: bool = False
    """print JSON"""
    plot: Path | None = None
    """draw it: f.svg, f.png or f.pdf"""

    def run(self) -> None:
        """Print the prediction, and draw it if asked."""
        from lopsided.cli import predicted

        require_picture(self.plot)
        counts = self.classes.resolve()
        if self.compare:
            rows = predicted.compare(counts, self._all(counts))
            print(json.dumps(rows, indent=1, allow_nan=False)) if self.json else predicted.print_comparison(rows, counts)
            return
        geometry = self._geometry(counts)
        if self.plot is not None:
            _draw(geometry, counts, self.plot)
        answer = predicted.summary(geometry, counts)
        print(json.dumps(answer, indent=1, allow_nan=False)) if self.json else predicted.print_summary(answer)

    def _geometry(self, counts: Counts) -> Geometry:
        from lopsided import predict

        if self.geometry is None:
            name, adjustment = self.adjustment(counts, self.loss or "cross-entropy")
            plain = adjustment.scale is None and self.bias == "none"
            geometry = predict.seli(counts) if plain else predict.cross_entropy(counts, adjustment, self.bias)
            source = replace(geometry.source, name=name if self.bias == "none" else f"{name}, free bias")
            if self.loss in WITHOUT_EFFECT:
                source = replace(source, assumptions=f"{source.assumptions}; there {WITHOUT_EFFECT[self.loss]} have no effect")
            return replace(geometry, source=source)
        if self.loss is not None or self.gamma is not None or self.tau is not None or self.bias != "none":
            raise ValueError("a geometry by name has no loss, exponents or bias, give either --geometry or --loss")
        if self.geometry not in predict.GEOMETRIES:
            raise ValueError(f"--geometry must be one of {', '.join(predict.GEOMETRIES)}, got {self.geometry!r}")
        return predict.GEOMETRIES[self.geometry](counts)

    def _all(self, counts: Counts) -> dict[str, Geometry]:
        """Return the geometry of every loss."""
        if self.loss is not None or self.geometry is not None or self.plot is not None or self.bias != "none":
            raise ValueError(
                "--compare shows all losses without a bias in a table, leave out --loss, --geometry, --bias and --plot"
            )
        from lopsided import predict

        # Losses that differ only in what vanishes with the ridge share one geometry.
        plain, geometries = predict.seli(counts), {}
        for loss in EXPONENTS:
            name, adjustment = self.adjustment(counts, loss, strict=False)
            geometries[name] = plain if adjustment.scale is None else predict.cross_entropy(counts, adjustment)
        return geometries

    def adjustment(self, counts: Counts, loss: str, *, strict: bool = True) -> tuple[str, Adjustment]:
        """Return the name and the adjustment of a loss; strict refuses exponents that it does not have.

        Raises:
            ValueError: for such an exponent.
        """
        from lopsided import Adjustment

        known = EXPONENTS[loss]
        given = {name: value for name in ("gamma", "tau") if (value := getattr(self, name)) is not None}
        if strict and (foreign := sorted(given.keys() - known.keys())):
            raise ValueError(f"the loss {loss} has no {' and no '.join(foreign)}, leave out --{' and --'.join(foreign)}")
        exponents = {name: given.get(name, default) for name, default in known.items()}
        member = getattr(Adjustment, loss.replace("-", "_"))
        adjustment: Adjustment = member() if loss == "cross-entropy" else member(counts, **exponents)
        greek = {"gamma": "γ", "tau": "τ"}
        title = loss if len(loss) > 4 else loss.upper()
        return ", ".join([title, *(f"{greek[name]}={value:g}" for name, value in exponents.items())]), adjustment


def _draw(geometry: Geometry, counts: Counts, path: Path) -> None:
    from matplotlib.figure import Figure

    from lopsided import plot
    from lopsided.plot.style import class_colours

    flat = counts.k <= 4 and geometry.vectors()[0].shape[1] <= 3
    figure = Figure(figsize=(4.2 * (2 + flat), 4.2), layout="constrained")
    axes = figure.subplots(1, 2 + flat)
    if flat:
        plot.frame(geometry, axes[0], colours=class_colours(counts, counts.k)).set_title(
            "classifiers (arrows), class means (rings)", fontsize=10
        )
    for ax, gram, title in zip(axes[-2:], (geometry.classifiers, geometry.embeddings), ("classifiers", "class means"), strict=True):
        plot.gram(gram, ax, counts=counts).set_title(f"cosines of {title}", fontsize=10)
    plot.save(figure, path)
