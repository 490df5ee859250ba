"""What a report shows of losses that steer, and of those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from lopsided.counts import Counts
from lopsided.plain import plain
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.behnia2023.numbers import (
    FAMILIES,
    KEPT,
    Free,
    Numbers,
    Settings,
    at_own_ridge,
    law_of,
)
from lopsided.reproduce.seen import Seen, Skews

#: Field of a skew -> what it is.
_QUANTITIES = {
    "norm_ratio": "squared norms, majority / minority",
    "minority": "cosine of two minority classes",
}
_PARTS = {"classifiers": "Classifiers", "embeddings": "Class means"}

_UNSTEERED = (
    "Weights and shifts: at a vanishing ridge the predicted geometry is that of cross-entropy,"
    " SELI. A network has weight decay; the first column is the exact optimum at the ridge that it"
    " amounts to."
)


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return norm ratios and cosines against the exponent for the longest training, and the losses
    that do not steer for all; runs that differ in more than the length by themselves.
    """
    ordered = sorted(runs, key=lambda run: run.settings.epochs)
    kinds = {run.name: _but_epochs(run, ordered) for run in ordered}
    longest = {kinds[run.name]: run for run in ordered}
    columns = [
        "",
        "‖w‖² ratio at own ridge",
        "‖w‖² ratio",
        "cos w",
        "‖μ‖² ratio",
        "cos μ",
        "W to SELI",
        "M to SELI",
        "logits to SELI",
        "free to SELI",
    ]
    table = [_row(run, name, kinds[run.name]) for run in ordered for name in KEPT]
    figures = [row for kind, run in longest.items() for row in _figures(run, kind)]
    return [*figures, Table(_UNSTEERED, columns, table)]


def _but_epochs(run: Run[Settings, Numbers], among: Sequence[Run[Settings, Numbers]]) -> str:
    """Return the settings that tell a run from others, but for the length of its training."""
    own, *every = (plain(one.settings) for one in (run, *among))
    told = (
        f", {name.replace('_', ' ')} {value}"
        for name, value in own.items()
        if name != "epochs" and any(other[name] != value for other in every)
    )
    return "".join(told)


def _row(run: Run[Settings, Numbers], name: str, kind: str) -> list[str]:
    seen, free = run.numbers.network[name], run.numbers.free[name]
    cells = [x for skew in seen.skews for x in skew] + [*seen.distances.seli]
    return [
        f"{name}{kind}, {run.settings.epochs} epochs",
        at_own_ridge(seen, "zero"),
        *(f"{x:.2f}" for x in cells),
        f"{max(free.distance):.1e}",
    ]


def _figures(run: Run[Settings, Numbers], kind: str) -> list[Row]:
    from lopsided.reproduce.figures.losses import against_exponent

    numbers, settings = run.numbers, run.settings
    counts, fine = Counts(numbers.counts), np.linspace(-1.5, 1.5, 61)
    laws = {family: [law_of(counts, family, g) for g in fine] for family in FAMILIES}
    kinds: dict[str, tuple[Mapping[str, Free | Seen], Sequence[float]]] = {
        "free features": (numbers.free, settings.free),
        "network": (numbers.network, settings.exponents),
    }

    def panel(part: str, quantity: str) -> Figure:
        def values(skews: Sequence[Skews]) -> list[float]:
            return [getattr(getattr(one, part), quantity) for one in skews]

        theory = {family: (fine, values(rows)) for family, rows in laws.items()}
        trained = {
            name: {f: (at, values([found[f"{f} {g:g}"].skews for g in at])) for f in FAMILIES}
            for name, (found, at) in kinds.items()
        }
        title, label = _PARTS[part], _QUANTITIES[quantity]
        return drawn(
            partial(against_exponent, theory, trained, label=label, log=quantity == "norm_ratio"),
            f"{title}, {label}, against the exponent",
            title,
        )

    return [
        Row(
            [panel(part, quantity) for quantity in _QUANTITIES],
            f"{title}{kind}: theory as lines, free features as rings, networks on {numbers.title}"
            " as triangles.",
        )
        for part, title in _PARTS.items()
    ]
