"""What a report shows of one deep-network run: its figures and tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lopsided import foresee, predict
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.plain import plain
from lopsided.report.blocks import Block, Fold, Table, Text
from lopsided.reproduce.claims.thrampoulidis2022.deep import figures, time
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import PARTS, DeepRun, heading
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers


def details(run: DeepRun) -> list[Block]:
    """Return the figures and tables of one run."""
    numbers, counts, name = run.numbers, Counts(run.numbers.counts), run.name
    predicted = foresee(run.settings.problem(counts)).about_mean()
    measured = numbers.geometry.geometry(counts)
    return [
        Text(f"{heading(run)}."),
        time.distances(numbers, name),
        final_distances(numbers),
        split(measured, predicted, counts),
        figures.norms(predicted, measured, counts, name),
        figures.cosines("classifiers", predicted, measured, counts, name),
        figures.cosines("embeddings", predicted, measured, counts, name),
        time.contrasts(numbers, predicted, counts, name),
        *time.cosines(numbers, predicted, counts, name),
        time.scalars(numbers, name),
        classes(numbers, counts),
        Fold("The certified optima along the ridge path", [path(numbers)]),
        Fold("Configuration, data and machine", [configuration(run)]),
    ]


def final_distances(numbers: Numbers) -> Table:
    """Return the distances at the end."""
    last = numbers.history[-1]
    ridge = numbers.path[last.nearest_ridge].ridge
    laws = {numbers.prediction: last.distances.prediction, **time.beside(numbers, last)}
    titles = {
        "ETF": "simplex ETF",
        "UFM": f"UFM optimum, ridge {ridge:.2g}",
        "free bias": "limit with a free bias",
    }
    rows = [
        [titles.get(law, law), *(f"{value:.3f}" for value in values)]
        for law, values in laws.items()
    ]
    return Table("Distances at the end of training.", ["to", *PARTS], rows)


def split(measured: Geometry, predicted: Geometry, counts: Counts) -> Table:
    """Return why the network is not its prediction: what the head cannot see, what is not of the
    law, and what is of single classes; and the misfit to the law of the ETF.
    """
    why = measured.split(predicted)
    etf = measured.split(replace(predict.etf(counts.k), counts=counts))
    rows = [
        [title, *(f"{value:.2f}" for value in (whole, *parts, other.law))]
        for title, whole, parts, other in zip(
            PARTS,
            measured.distance(predicted),
            (why.classifiers, why.embeddings, why.logits),
            (etf.classifiers, etf.embeddings, etf.logits),
            strict=True,
        )
    ]
    name = predicted.source.name
    return Table(
        f"Why the network is not {name}. The head sees {why.visible:.0%} of the energy of the class"
        " means; of that part the squared distance is the square of what is not of the law, which"
        " treats classes of equal count alike, and of what makes those classes differ.",
        ["", f"to {name}", "as the head sees it", "of which law", "single classes", "law, to ETF"],
        rows,
    )


def classes(numbers: Numbers, counts: Counts) -> Table:
    """Return samples and accuracies of each class."""
    last = numbers.history[-1]
    columns = zip(counts, last.train_accuracy, last.test_accuracy, strict=True)
    rows = [
        [str(c), f"{n:,}", f"{train:.1%}", f"{test:.1%}"]
        for c, (n, train, test) in enumerate(columns)
    ]
    mean = [f"{np.mean(shares):.1%}" for shares in (last.train_accuracy, last.test_accuracy)]
    return Table(
        "Accuracy of each class at the end.",
        ["class", "samples", "training", "held out"],
        [*rows, ["mean", f"{counts.n:,}", *mean]],
    )


def path(numbers: Numbers) -> Table:
    """Return the ridge path with its certificates."""
    rows = [[f"{p.ridge:.3g}", f"{p.objective:.6g}", f"{p.relative_gap:.1e}"] for p in numbers.path]
    return Table(
        "Each optimum is proved by its duality gap, relative to the objective.",
        ["ridge λ", "objective", "relative gap"],
        rows,
    )


def configuration(run: DeepRun) -> Table:
    """Return settings, data and machine as one table."""
    facts = dict(run.record.environment)
    facts |= facts.pop("versions")
    numbers = {
        "parameters": f"{run.numbers.parameters:,}",
        "held-out samples": f"{run.numbers.test_samples:,}",
        "SHA-256 of the list of samples": run.numbers.indices_sha256,
        "digest of this record": run.record.digest(),
    }
    pairs = plain(run.settings) | numbers | facts
    return Table(
        "Everything that determines the numbers, and where they were computed.",
        ["what", "value"],
        [[k.replace("_", " "), str(v)] for k, v in pairs.items() if v != ""],
    )
