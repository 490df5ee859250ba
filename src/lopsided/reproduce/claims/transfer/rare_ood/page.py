"""The page of the claim rare-ood."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure.ood import SCORES
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.transfer.rare_ood.numbers import Head, Numbers, Settings


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return what is rejected by frequency, and how well scores tell distributions apart."""
    from lopsided.reproduce.figures.points import by_frequency

    run = runs[-1]
    ratios, numbers = run.settings.ratios, run.numbers
    most = max(ratios)

    def mean(score: str, ratio: float, head: Head) -> Floats:
        every = [one.rejected for one in numbers.of(ratio, score, head)]
        return np.asarray(np.mean(every, axis=0))

    figures = []
    for score in SCORES:
        lines = {f"R = {ratio:g}": mean(score, ratio, "trained") for ratio in ratios}
        lines["prescribed head"] = mean(score, most, "prescribed")
        figures.append(
            drawn(
                partial(by_frequency, lines, label="rejected"),
                f"Share of each class that {score} rejects",
                score,
            )
        )
    rows = []
    for score in SCORES:
        for ratio in ratios:
            for head in ("trained", "prescribed"):
                each = numbers.of(ratio, score, head)
                parts = ("auroc", "fpr95", "frequent", "rare")
                cells = [f"{np.mean([getattr(one, part) for one in each]):.3f}" for part in parts]
                rows.append([f"{score}, R={ratio:g}, {head} head", *cells])
    networks = []
    for ratio in ratios:
        of = [one for one in numbers.networks if one.ratio == ratio]
        parts = ("accuracy", "prescribed", "nc5", "drift")
        cells = [f"{np.mean([getattr(one, part) for one in of]):.3f}" for part in parts]
        networks.append([f"R={ratio:g}", *cells])
    return [
        Row(
            figures,
            "Share of each class's held-out digits that is rejected where 5 % of all are, means"
            f" over the seeds; the prescribed head at R = {most:g}.",
        ),
        Table(
            "Means over the seeds.",
            ["score", "AUROC", "FPR95", "frequent classes rejected", "rare classes rejected"],
            rows,
        ),
        Table(
            "The networks.",
            ["", "balanced accuracy", "with the prescribed head", "NC5", "drift"],
            networks,
        ),
    ]
