"""What a report shows of SGD and descent on free features."""

from __future__ import annotations

from collections.abc import Sequence

from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.ufm_sgd.numbers import (
    Numbers,
    Settings,
)
from lopsided.reproduce.spread import spread


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return distance against epoch for SGD and against step for descent."""
    from lopsided.reproduce.figures.lines import several

    paths = runs[-1].numbers.ratios

    def trained(i: int, title: str) -> Figure:
        lines = {
            f"R = {path.ratio}": (
                [row.epoch for row in path.sgd],
                [[seed.seli[i] for seed in row.seeds] for row in path.sgd],
            )
            for path in paths
        }
        return drawn(
            lambda ax: several(lines, ax, label="distance to SELI", x="epoch"),
            f"SGD on the UFM, {title}",
            title,
        )

    descents = {
        f"R = {path.ratio}": (
            [row.step for row in path.descent],
            [[max(row.at.seli)] for row in path.descent],
        )
        for path in paths
    }
    descent = drawn(
        lambda ax: several(descents, ax, label="largest distance to SELI", x="step", log=True),
        "Normalised descent on the UFM",
        "Normalised descent",
    )
    rows = [
        [
            f"R = {path.ratio}",
            *(
                spread(part.tolist(), 3)
                for final in (path.final("seli"), path.final("etf"))
                for part in final.T[:2]
            ),
        ]
        for path in paths
    ]
    parts = ("classifiers", "class means")
    return [
        Row(
            [trained(0, "Classifiers"), trained(1, "Class means"), descent],
            "Left and middle: SGD in the published setting, every seed a line. Right: full-batch"
            " descent with the step divided by the loss, the largest of the three distances.",
        ),
        Table(
            "Distances at the end of SGD, mean ± standard deviation over the seeds.",
            ["", *(f"{p} to {law}" for law in ("SELI", "ETF") for p in parts)],
            rows,
        ),
    ]
