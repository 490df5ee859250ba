"""Figures of one deep run against epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry
from lopsided.gram import Gram
from lopsided.report.blocks import Figure, drawn
from lopsided.report.blocks import Row as Panels
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import PARTS
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.figures.lines import COLOURS, GREY, against_epochs
from lopsided.reproduce.observed import Row
from lopsided.shape import Contrast, contrast

#: Field of a `Contrast` -> pairs of classes, as figures call them.
_PAIRS = {"majority": "majority", "across": "cross", "minority": "minority"}


def beside(numbers: Numbers, row: Row) -> dict[str, Distances]:
    """Return the distances to the laws by their names, to those with a ridge or a bias where they
    were compared as a network is measured.
    """
    found = row.distances
    laws = {"SELI": found.seli, "ETF": found.etf}
    return (
        {numbers.prediction: found.prediction, "UFM": found.ufm, **laws}
        if numbers.about_mean
        else laws
    )


def distances(numbers: Numbers, name: str) -> Panels:
    """Return distance against epoch for classifiers, class means and logits."""
    epochs = [row.epoch for row in numbers.history]
    each = [beside(numbers, row) for row in numbers.history]

    def panel(i: int) -> Figure:
        series = {law: [laws[law][i] for laws in each] for law in each[0]}
        return drawn(
            lambda ax: against_epochs(epochs, series, ax),
            f"Distance of the {PARTS[i]} against epoch, {name}",
            PARTS[i].capitalize(),
        )

    ufm = (
        " UFM is the optimum of the unconstrained-features model with the nearest ridge."
        if numbers.about_mean
        else ""
    )
    caption = (
        "Distance of the trained network to its laws against epoch: SELI, the simplex ETF and what"
        f" else could describe it.{ufm} 0 is the same geometry up to scale, 2 the opposite. SELI"
        " and the ETF predict the same logits."
    )
    return Panels([panel(i) for i in range(3)], caption)


def contrasts(numbers: Numbers, predicted: Geometry, counts: Counts, name: str) -> Panels:
    """Return norm ratios, with their prediction, and held-out accuracies of the largest and the
    smallest classes against epoch.
    """
    history, epochs = numbers.history, [row.epoch for row in numbers.history]
    large, small = counts.values == counts.distinct[-1], counts.values == counts.distinct[0]

    def ratio(norms: Sequence[float]) -> float:
        return float(np.mean(np.square(norms)[large]) / np.mean(np.square(norms)[small]))

    def draw_ratios(ax: Axes) -> None:
        measured = {
            "classifiers": [ratio(row.classifier_norms) for row in history],
            "class means": [ratio(row.embedding_norms) for row in history],
        }
        against_epochs(epochs, measured, ax)
        for part, gram in zip(measured, (predicted.classifiers, predicted.embeddings), strict=True):
            ax.axhline(ratio(gram.norms().tolist()), color=COLOURS[part], lw=0.9, ls="--")

    def draw_accuracies(ax: Axes) -> None:
        tested = np.array([row.test_accuracy for row in history])
        groups = {"largest classes": large, "smallest classes": small}
        against_epochs(epochs, {g: tested[:, of].mean(axis=1) for g, of in groups.items()}, ax)

    panels = [
        drawn(
            draw_ratios,
            f"Squared norms, largest over smallest classes, against epoch, {name}",
            "Squared norms, largest / smallest",
        ),
        drawn(draw_accuracies, f"Held-out accuracy against epoch, {name}", "Held-out accuracy"),
    ]
    return Panels(
        panels,
        "Left: dashed lines are predicted. Right: accuracy of the largest and of the smallest"
        " classes.",
    )


def cosines(numbers: Numbers, predicted: Geometry, counts: Counts, name: str) -> list[Panels]:
    """Return the mean cosines of majority pairs, minority pairs and across, with their prediction;
    nothing for the first records.
    """
    epochs = [row.epoch for row in numbers.history]

    def panel(rows: Sequence[Contrast], gram: Gram, title: str) -> Figure:
        expected = contrast(gram, counts.minorities)
        pairs = [field for field in _PAIRS if not np.isnan(getattr(expected, field))]

        def draw(ax: Axes) -> None:
            series = {_PAIRS[field]: [getattr(row, field) for row in rows] for field in pairs}
            against_epochs(epochs, series, ax)
            for field in pairs:
                colour = COLOURS.get(_PAIRS[field], GREY)
                ax.axhline(getattr(expected, field), color=colour, lw=0.9, ls="--")

        return drawn(
            draw, f"Mean cosines of the {title} against epoch, {name}", f"Mean cosines, {title}"
        )

    classifiers = [row.classifiers for row in numbers.history if row.classifiers is not None]
    embeddings = [row.embeddings for row in numbers.history if row.embeddings is not None]
    if not classifiers:
        return []
    panels = [
        panel(classifiers, predicted.classifiers, "classifiers"),
        panel(embeddings, predicted.embeddings, "class means"),
    ]
    return [Panels(panels, "Dashed lines are predicted.")]


def scalars(numbers: Numbers, name: str) -> Panels:
    """Return NC1 and the loss against epoch, on logarithmic axes."""
    epochs = [row.epoch for row in numbers.history]

    def panel(caption: str, key: str, values: Sequence[float]) -> Figure:
        return drawn(
            lambda ax: against_epochs(epochs, {key: values}, ax, log=True),
            f"{caption} against epoch, {name}",
            caption,
        )

    nc1, loss = ([getattr(row, key) for row in numbers.history] for key in ("nc1", "loss"))
    return Panels(
        [
            panel("NC1, within-class over between-class scatter", "nc1", nc1),
            panel("Training loss", "loss", loss),
        ],
        "Collapse of the features to their class means, and the mean cross-entropy of the"
        " training set.",
    )
