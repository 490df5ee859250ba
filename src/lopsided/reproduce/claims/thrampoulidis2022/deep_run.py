"""What a report shows of one deep-network run: its figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lopsided import predict
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.plot.measured import class_norms, sorted_cosines
from lopsided.report.blocks import Block, Figure, Fold, Row, Table, Text, drawn
from lopsided.reproduce.claims.thrampoulidis2022.kinds import heading
from lopsided.reproduce.figures.lines import COLOURS, GREY, against_epochs
from lopsided.reproduce.record import Record
from lopsided.reproduce.shapes import geometry_of, mean_cosines

_PARTS = ("classifiers", "class means", "logits")


def details(record: Record) -> list[Block]:
    """Return the figures and tables of one run."""
    numbers = record.numbers
    counts = Counts(numbers["counts"])
    predicted, measured = predict.seli(counts), geometry_of(numbers["geometry"], counts)
    return [
        Text(f"{heading(record)}."),
        distances(numbers["history"], record.name),
        final_distances(numbers),
        norms(predicted, measured, counts, record.name),
        cosines("classifiers", predicted.classifiers, measured.classifiers, counts, record.name),
        cosines("class means", predicted.embeddings, measured.embeddings, counts, record.name),
        over_time(numbers["history"], counts, record.name),
        *cosines_over_time(numbers["history"], counts, record.name),
        Row(
            [
                scalar(
                    numbers["history"],
                    "nc1",
                    "NC1, within-class over between-class scatter",
                    record.name,
                ),
                scalar(numbers["history"], "loss", "Training loss", record.name),
            ],
            "Collapse of the features to their class means, and the mean cross-entropy of the"
            " training set.",
        ),
        classes(counts, numbers["history"][-1]),
        Fold("The certified optima along the ridge path", [path(numbers)]),
        Fold("Configuration, data and machine", [configuration(record)]),
    ]


def distances(history: Sequence[dict[str, Any]], name: str) -> Row:
    """Return distance against epoch for classifiers, class means and logits."""
    epochs = [row["epoch"] for row in history]

    def panel(i: int) -> Figure:
        series = {
            law: [row["distances"][law][i] for row in history] for law in history[0]["distances"]
        }
        return drawn(
            lambda ax: against_epochs(epochs, series, ax),
            f"Distance of the {_PARTS[i]} against epoch, {name}",
            _PARTS[i].capitalize(),
        )

    caption = (
        "Distance of the trained network to SELI, to the simplex ETF and to the optimum of the"
        " unconstrained-features model (UFM) with the nearest ridge, against epoch. 0 is the same"
        " geometry up to scale, 2 the opposite. SELI and the ETF predict the same logits."
    )
    return Row([panel(i) for i in range(3)], caption)


def final_distances(numbers: dict[str, Any]) -> Table:
    """Return the distances at the end."""
    last = numbers["history"][-1]
    ridge = numbers["path"][last["nearest_ridge"]]["ridge"]
    titles = {
        "ETF": "simplex ETF",
        "UFM": f"UFM optimum, ridge {ridge:.2g}",
        "free bias": "limit with a free bias",
    }
    rows = [
        [titles.get(law, law), *(f"{value:.3f}" for value in values)]
        for law, values in last["distances"].items()
    ]
    return Table("Distances at the end of training.", ["to", *_PARTS], rows)


def norms(predicted: Geometry, measured: Geometry, counts: Counts, name: str) -> Row:
    """Return the predicted and the measured norm of each class."""
    etf = predict.etf(counts.k)

    def panel(part: str, title: str) -> Figure:
        laws = {"SELI": getattr(predicted, part), "ETF": getattr(etf, part)}
        return drawn(
            lambda ax: class_norms(getattr(measured, part), laws, counts, ax),
            f"Norms of the {title}, {name}",
            title.capitalize(),
        )

    caption = (
        "Norm of each class, scaled to a mean square of 1: lines are predicted from the class"
        f" counts alone, dots are the trained network. Classes have {_runs(counts)} samples."
    )
    return Row([panel("classifiers", "classifiers"), panel("embeddings", "class means")], caption)


def cosines(title: str, predicted: Gram, measured: Gram, counts: Counts, name: str) -> Row:
    """Return the predicted and the measured cosines of all pairs of classes beside each other, in
    one scale of colours.
    """
    shown = [gram.cosines() for gram in (predicted, measured)]
    # Never below 0.3, lest the colours make much of small angles.
    limit = max(
        0.3, *(float(np.nanmax(np.abs(values - np.diag(np.diag(values))))) for values in shown)
    )

    def panel(gram: Gram, kind: str) -> Figure:
        label = f"Cosines of the {title}, {kind}, {name}"
        return drawn(
            lambda ax: sorted_cosines(gram, counts, ax, limit=limit),
            label,
            f"{title.capitalize()}, {kind}",
            (3.6, 3.6),
        )

    caption = (
        f"Cosines of the angles between the {title} of all pairs of classes, largest classes first."
    )
    return Row([panel(predicted, "predicted"), panel(measured, "measured")], caption)


def over_time(history: Sequence[dict[str, Any]], counts: Counts, name: str) -> Row:
    """Return norm ratios, with their prediction, and held-out accuracies of the largest and the
    smallest classes against epoch.
    """
    epochs = [row["epoch"] for row in history]
    large, small = counts.values == counts.distinct[-1], counts.values == counts.distinct[0]
    seli = predict.seli(counts)

    def ratio(norms: Sequence[float]) -> float:
        return float(np.mean(np.square(norms)[large]) / np.mean(np.square(norms)[small]))

    def draw_ratios(ax: Axes) -> None:
        parts = {"classifiers": seli.classifiers, "class means": seli.embeddings}
        keys = {"classifiers": "classifier_norms", "class means": "embedding_norms"}
        against_epochs(
            epochs, {part: [ratio(row[keys[part]]) for row in history] for part in parts}, ax
        )
        for part, gram in parts.items():
            ax.axhline(ratio(gram.norms().tolist()), color=COLOURS[part], lw=0.9, ls="--")

    def draw_accuracies(ax: Axes) -> None:
        groups = {"largest classes": large, "smallest classes": small}
        against_epochs(
            epochs,
            {
                g: [float(np.mean(np.array(row["test_accuracy"])[of])) for row in history]
                for g, of in groups.items()
            },
            ax,
        )

    panels = [
        drawn(
            draw_ratios,
            f"Squared norms, largest over smallest classes, against epoch, {name}",
            "Squared norms, largest / smallest",
        ),
        drawn(draw_accuracies, f"Held-out accuracy against epoch, {name}", "Held-out accuracy"),
    ]
    return Row(
        panels,
        "Left: dashed lines are SELI's prediction. Right: accuracy of the largest and of the"
        " smallest classes.",
    )


def cosines_over_time(history: Sequence[dict[str, Any]], counts: Counts, name: str) -> list[Block]:
    """Return the mean cosines of majority pairs, minority pairs and across, with their prediction;
    nothing for old records.
    """
    if "classifier_cosines" not in history[0]:
        return []
    epochs, seli = [row["epoch"] for row in history], predict.seli(counts)

    def panel(key: str, gram: Gram, title: str) -> Figure:
        expected = mean_cosines(gram, counts.minorities)

        def draw(ax: Axes) -> None:
            against_epochs(
                epochs, {pairs: [row[key][pairs] for row in history] for pairs in expected}, ax
            )
            for pairs, value in expected.items():
                ax.axhline(value, color=COLOURS.get(pairs, GREY), lw=0.9, ls="--")

        return drawn(
            draw, f"Mean cosines of the {title} against epoch, {name}", f"Mean cosines, {title}"
        )

    parts = (
        ("classifier_cosines", seli.classifiers, "classifiers"),
        ("embedding_cosines", seli.embeddings, "class means"),
    )
    return [Row([panel(*part) for part in parts], "Dashed lines are SELI's prediction.")]


def scalar(history: Sequence[dict[str, Any]], key: str, caption: str, name: str) -> Figure:
    """Return one scalar against epoch, on a logarithmic axis."""
    epochs, values = [row["epoch"] for row in history], [row[key] for row in history]
    return drawn(
        lambda ax: against_epochs(epochs, {key: values}, ax, log=True),
        f"{caption} against epoch, {name}",
        caption,
    )


def classes(counts: Counts, last: dict[str, Any]) -> Table:
    """Return samples and accuracies of each class."""
    columns = zip(counts, last["train_accuracy"], last["test_accuracy"], strict=True)
    rows = [
        [str(c), f"{n:,}", f"{train:.1%}", f"{test:.1%}"]
        for c, (n, train, test) in enumerate(columns)
    ]
    mean = [f"{np.mean(last[key]):.1%}" for key in ("train_accuracy", "test_accuracy")]
    return Table(
        "Accuracy of each class at the end.",
        ["class", "samples", "training", "held out"],
        [*rows, ["mean", f"{counts.n:,}", *mean]],
    )


def path(numbers: dict[str, Any]) -> Table:
    """Return the ridge path with its certificates."""
    rows = [
        [f"{p['ridge']:.3g}", f"{p['objective']:.6g}", f"{p['relative_gap']:.1e}"]
        for p in numbers["path"]
    ]
    return Table(
        "Each optimum is proved by its duality gap, relative to the objective.",
        ["ridge λ", "objective", "relative gap"],
        rows,
    )


def configuration(record: Record) -> Table:
    """Return settings, data and machine as one table."""
    facts = {k: v for k, v in record.environment.items() if k != "versions"} | record.environment[
        "versions"
    ]
    numbers = {
        "parameters": f"{record.numbers['parameters']:,}",
        "held-out samples": f"{record.numbers['test_samples']:,}",
    }
    lists = {
        "SHA-256 of the list of samples": record.numbers["indices_sha256"],
        "digest of this record": record.digest(),
    }
    pairs = {**record.configuration, **numbers, **lists, **facts}
    return Table(
        "Everything that determines the numbers, and where they were computed.",
        ["what", "value"],
        [[k.replace("_", " "), str(v)] for k, v in pairs.items() if v != ""],
    )


def _runs(counts: Counts) -> str:
    """Return the counts in words: the two of a step, or the first, then the last."""
    distinct = counts.distinct[::-1].tolist()
    return (
        " or ".join(map(str, distinct))
        if len(distinct) <= 2
        else f"{distinct[0]:,} to {distinct[-1]:,}"
    )
