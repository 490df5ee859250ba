"""The page of the claim prescription: its tables, and every network."""

from __future__ import annotations

from collections.abc import Sequence

from lopsided.report.blocks import Block, Fold, Table, Text
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.prescription import tables
from lopsided.reproduce.claims.prescription.numbers import Numbers
from lopsided.reproduce.claims.prescription.settings import Settings
from lopsided.reproduce.claims.prescription.tables import points


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the tables of the latest run."""
    run = runs[-1]
    numbers, held_out = run.numbers, sorted(run.settings.held_out)
    return [
        tables.alone(numbers),
        *(tables.fitted(numbers.judged, m) for m in held_out),
        tables.intervals(numbers, held_out),
        Text(
            "What geometry is good for: it tells whether the loss has re-weighted. It does not"
            " choose a remedy; how far it tells of errors and of gains, beyond what the settings"
            " and the training accuracy tell, is in the table after."
        ),
        tables.losses(numbers),
        tables.figures(numbers),
        Fold("Every network", [_every(numbers)]),
    ]


def _every(numbers: Numbers) -> Table:
    rows = []
    for trial in numbers.trials:
        plan = trial.plan
        told = [
            f"{draw.remedy}, {points(draw.expected)} ({points(draw.low)} to {points(draw.high)});"
            f" came {points(draw.came)}"
            for draw in trial.draws
        ]
        rows.append(
            [
                f"{plan.seed}",
                trial.title,
                plan.model,
                plan.loss,
                f"{plan.shape}, {max(plan.counts)} to {min(plan.counts)}",
                f"{plan.epochs} at {plan.rate:g}",
                f"{trial.accuracies['nothing'].balanced:.1%}",
                "; ".join(
                    f"m = {draw.m}: {word}" for draw, word in zip(trial.draws, told, strict=True)
                ),
            ]
        )
    columns = ["seed", "data", "model", "loss", "counts", "epochs", "balanced accuracy", "told"]
    return Table("", columns, rows)
