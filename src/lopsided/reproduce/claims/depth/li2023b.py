"""Units behind a ReLU: how many are active before and after training, in three kinds of networks,
and in features that a contrastive loss drives to an orthogonal frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats, Ints
from lopsided.gram import Gram
from lopsided.measure import active_share
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

if TYPE_CHECKING:
    from lopsided.reproduce.network.small import Fit

#: The networks.
_KINDS = ("perceptron", "residual", "transformer")
#: Entries of unit features that count as none, and how far above 1 / k a share may be.
_NONE, _ABOVE = 0.01, 0.1
#: Nearer than this the features of the contrastive loss are its frame.
_FRAME = 0.1


@dataclass(frozen=True)
class Settings(Checked):
    """The networks and their data.

    Attributes:
        samples: of each digit.
        width: of hidden layers and streams, a multiple of 4.
        layers: with a ReLU, in every network.
        steps: of Adam, full batch.
        rate: of Adam.
        decay: on all parameters.
        seeds: number of repetitions.
    """

    samples: Digits = 60
    width: Annotated[int, Bounds(least=12, most=4096, multiple=4)] = 48
    layers: Annotated[int, Bounds(least=1, most=50)] = 3
    steps: Whole = 500
    rate: Positive = 1e-3
    decay: Positive = 5e-4
    seeds: Seeds = 2


@dataclass(frozen=True)
class Active:
    """Shares of active units, layer by layer, mean over classes.

    Attributes:
        network: its kind.
        seed: of it.
        before: training.
        after: training.
        classes: by how much the shares of classes differ after training: the largest over the
            smallest, by layer.
    """

    network: str
    seed: int
    before: tuple[float, ...]
    after: tuple[float, ...]
    classes: tuple[float, ...]


@dataclass(frozen=True)
class Frame:
    """Non-negative features of the contrastive loss.

    Attributes:
        before: mean share of active units before training.
        after: after training.
        frame: distance of the class means' Gram to the orthogonal frame.
    """

    before: float
    after: float
    frame: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Active, ...]
    frames: tuple[Frame, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a kind and seed."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    x, y, networks, frames = x[chosen], y[chosen], [], []
    cases = [(kind, seed) for kind in (*_KINDS, "frame") for seed in range(settings.seeds)]
    for i, (kind, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{kind}, seed {seed}")
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay=settings.decay)
        if kind == "frame":
            frames.append(_frame(x, y, settings.width, fit))
        else:
            before, after = (
                [active_share(units, y) for units in _units(kind, x, y, settings, each)]
                for each in (replace(fit, steps=0), fit)
            )
            first, last = (tuple(float(s.mean()) for s in shares) for shares in (before, after))
            apart = tuple(float(s.max() / s.min()) if s.min() else 0.0 for s in after)
            networks.append(Active(kind, seed, first, last, apart))
    return Outcome(Numbers(tuple(networks), tuple(frames)))


def _units(kind: str, x: Floats, y: Ints, settings: Settings, fit: Fit) -> list[Floats]:
    from lopsided.reproduce.network.small import classifier, residual, transformer

    d, layers = settings.width, settings.layers
    if kind == "perceptron":
        return classifier(x, y, (x.shape[1], *[d] * layers), fit).units(x)
    return (residual if kind == "residual" else transformer)(x, y, d, layers, fit).units(x)


def _frame(x: Floats, y: Ints, width: int, fit: Fit) -> Frame:
    from lopsided.reproduce.network.small import prototypes
    from lopsided.steer import SupervisedContrastive

    sizes, loss = (x.shape[1], 2 * width, width), SupervisedContrastive(0.5)
    before, after = (
        prototypes(x, y, sizes, loss, each, nonnegative=True)
        for each in (replace(fit, steps=0), fit)
    )
    first, last = (float(active_share(h, y, _NONE).mean()) for h in (before, after))
    means = np.array([after[y == c].mean(axis=0) for c in range(10)])
    law = predict.contrastive(np.bincount(y)).embeddings
    return Frame(first, last, Gram.of_vectors(means).distance(law))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every network has fewer active units after training than before, on average over
    its layers, and features of the contrastive loss are at its frame with hardly more than 1 / k.
    """
    falls = all(np.mean(one.after) < np.mean(one.before) for one in numbers.networks)
    most = max(one.after for one in numbers.frames)
    near = max(one.frame for one in numbers.frames) <= _FRAME
    told = []
    for kind in _KINDS:
        mine = [one for one in numbers.networks if one.network == kind]
        before = np.mean([one.before for one in mine])
        after = np.mean([one.after for one in mine], axis=0)
        told.append(f"{kind} {before:.2f} to {', '.join(f'{v:.2f}' for v in after)} by layer")
    frames = ", ".join(f"{one.after:.3f}" for one in numbers.frames)
    return Verdict(
        bool(falls and near and most <= 0.1 * (1 + _ABOVE)),
        f"Shares of active units before and after training, means of {settings.seeds} seeds:"
        f" {'; '.join(told)}. Under the contrastive loss, whose frame allows 0.1 of ten classes, it"
        f" is {frames}, at a distance of"
        f" {max(one.frame for one in numbers.frames):.2f} at most from the frame.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the shares by layer, before and after training."""
    numbers = runs[-1].numbers
    rows = [
        [
            f"{one.network}, seed {one.seed}",
            ", ".join(f"{v:.2f}" for v in one.before),
            ", ".join(f"{v:.2f}" for v in one.after),
            ", ".join(f"{v:.1f}" for v in one.classes),
        ]
        for one in numbers.networks
    ]
    frames = [
        [str(i), f"{one.before:.3f}", f"{one.after:.3f}", f"{one.frame:.3f}"]
        for i, one in enumerate(numbers.frames)
    ]
    return [
        Row([_picture(numbers, kind) for kind in _KINDS], "Digits, every seed a line."),
        Table(
            "Shares of active units by layer.",
            ["network", "before training", "after", "largest over smallest class"],
            rows,
        ),
        Table(
            "Non-negative features of the contrastive loss.",
            ["seed", "before training", "after", "to the frame"],
            frames,
        ),
    ]


def _picture(numbers: Numbers, kind: str) -> Figure:
    from lopsided.reproduce.figures.lines import several

    mine = [one for one in numbers.networks if one.network == kind]
    layers = range(len(mine[0].after))
    lines = {
        name: ([i + 1 for i in layers], [[getattr(one, name)[i] for one in mine] for i in layers])
        for name in ("before", "after")
    }
    return drawn(
        lambda ax: several(lines, ax, x="layer", label="share of active units"),
        f"Active units of a {kind}, before and after training",
        kind,
    )


LI2023B = Claim(
    name="li2023b",
    title="Trained ReLU units are sparse",
    statement=(
        "In training units behind a ReLU become inactive on most samples; in the orthogonal frame"
        " of the contrastive loss a share of 1 / k is active at most."
    ),
    source=f"{cite('li2023b')}; the share in the frame derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
