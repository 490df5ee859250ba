"""How far features of pre-trained networks are from collapse on the target tells which transfers
best.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure import hub_scores
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.transfer.hub import (
    SOURCES,
    Member,
    Numbers,
    Settings,
    hubs,
    ready,
)
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict

#: The rank correlation with accuracy, averaged over the hubs, that says much.
_MUCH = 0.5


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train and try every hub."""
    return Outcome(*hubs(settings, context))


def _tau(members: Sequence[Member], scores: Floats) -> float:
    """Return the weighted rank correlation of scores with accuracies."""
    from scipy.stats import weightedtau  # slow to import

    return float(weightedtau([one.accuracy for one in members], scores).statistic)


def _taus(numbers: Numbers, source: str = "") -> list[float]:
    """Return the correlation of each hub, or of its networks of one source."""
    found = []
    for seed in sorted({one.seed for one in numbers.members}):
        hub = [one for one in numbers.members if one.seed == seed and source in ("", one.source)]
        found.append(_tau(hub, hub_scores([one.scores for one in hub])))
    return found


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when scores and accuracies are ranked alike in every hub, and much so on average."""
    taus = _taus(numbers)
    mean = float(np.mean(taus))
    within = ", ".join(f"{np.mean(_taus(numbers, name)):.2f} of {name}" for name in SOURCES)
    size = len(numbers.members) // len(taus)
    hub = [one for one in numbers.members if one.seed == 0]
    best = hub[int(np.argmax(hub_scores([one.scores for one in hub])))]
    lost = max(one.accuracy for one in hub) - best.accuracy
    return Verdict(
        bool(min(taus) > 0 and mean > _MUCH),
        f"The weighted rank correlation of hub scores with the accuracy of linear probes is"
        f" {mean:.2f} on average ({min(taus):.2f} to {max(taus):.2f} in {len(taus)} hubs of"
        f" {size} networks); among networks of one source it is {within}. In the first hub the"
        f" network of the largest score is {lost:.1%} below the best.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return scores and accuracies of every hub."""
    from lopsided.reproduce.figures.points import scattered

    numbers = runs[-1].numbers
    figures = []
    for seed in sorted({one.seed for one in numbers.members}):
        hub = [one for one in numbers.members if one.seed == seed]
        scores = hub_scores([one.scores for one in hub])
        groups = {
            name: (
                [score for one, score in zip(hub, scores, strict=True) if one.source == name],
                [one.accuracy for one in hub if one.source == name],
            )
            for name in SOURCES
        }
        figures.append(
            drawn(
                partial(scattered, groups, x="hub score", label="accuracy of the probe"),
                f"Hub scores and accuracies of hub {seed}",
                f"hub {seed}",
            )
        )
    rows = [
        [
            f"{one.source}, width {one.width}, {one.steps:,} steps",
            f"{one.scores.seli:.1f}",
            f"{one.scores.ncc:.3f}",
            f"{one.scores.collapse:.3f}",
            f"{one.scores.shrinkage:.2g}",
            f"{one.accuracy:.3f}",
        ]
        for one in numbers.members
        if one.seed == 0
    ]
    columns = ["network", "seli", "ncc", "collapse", "shrinkage", "accuracy"]
    return [
        Row(figures, "Each point a network: its score among its hub, and what a probe reaches."),
        Table("The first hub.", columns, rows),
    ]


WANG2023 = Claim(
    name="wang2023",
    title="Collapse on the target says which network to transfer",
    statement=(
        "The nearer the features of a pre-trained network are to collapse on the target data, the"
        " better it transfers."
    ),
    source=cite("wang2023"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready,
)
