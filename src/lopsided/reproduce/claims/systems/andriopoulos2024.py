"""Regression collapse: features to as many directions as outputs, the head to a law of the targets'
covariance.

From the top half of a digit a perceptron predicts three principal components of the bottom half,
scaled to standard deviations 2, 1 and 1/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure import RegressionCollapse, regression_collapse
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.systems import decays
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.singular import svd

#: Standard deviations of the outputs.
_SPREADS = (2.0, 1.0, 0.5)
#: Inputs, hidden units and feature dimensions.
_SIZES = (32, 256, 256, 64)
#: Below this share of the energy NRC1 and NRC2 hold.
_COLLAPSED = 0.01


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        samples: that it is trained on.
        decays: weight decays, one network each.
        features: any numbers, or behind a ReLU.
        steps: of SGD with momentum .9; the rate falls along half a cosine.
        rate: at the start.
        batch: samples of a step.
        seeds: number of repetitions.
    """

    compared: ClassVar[tuple[str, ...]] = ("decays",)

    samples: Annotated[int, Bounds(least=10, most=1797)] = 300
    decays: tuple[Positive, ...] = (1e-2, 5e-3)
    features: Literal["free", "nonnegative"] = "free"
    steps: Whole = 6000
    rate: Positive = 0.02
    batch: Whole = 50
    seeds: Seeds = 2


@dataclass(frozen=True)
class Found:
    """A trained network.

    Attributes:
        decay: its weight decay.
        seed: of the run.
        collapse: NRC1 to NRC3 and the best gamma.
        identity: distance of WW' to the identity, where NRC3 has that to the law.
        error: training error, summed over outputs.
    """

    decay: float
    seed: int
    collapse: RegressionCollapse
    identity: float
    error: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Found, ...]


def _data(settings: Settings) -> tuple[Floats, Floats]:
    from lopsided.reproduce.data.digits import all_digits

    x, _ = all_digits()
    order = np.random.default_rng(0).permutation(len(x))[: settings.samples]
    top, bottom = x[order, :32], x[order, 32:]
    left, _, _ = svd(bottom - bottom.mean(axis=0))
    components = left[:, : len(_SPREADS)]
    return top, components / components.std(axis=0) * _SPREADS


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a decay and seed."""
    from lopsided.reproduce.network.small import Fit, regression

    x, targets = _data(settings)

    def train(decay: float, seed: int) -> Found:
        fit = Fit(
            settings.steps, settings.rate, seed, "sgd", decay, settings.batch, schedule="cosine"
        )
        cut = settings.features == "nonnegative"
        features, weight, error = regression(x, targets, _SIZES, fit, nonnegative=cut)
        gram = weight @ weight.T
        unit = np.eye(len(gram)) / np.sqrt(len(gram))
        apart = float(np.linalg.norm(gram / np.linalg.norm(gram) - unit))
        return Found(decay, seed, regression_collapse(features, targets, weight), apart, error)

    return Outcome(Numbers(decays.each(settings.decays, settings.seeds, Found, train, context)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when features collapse (NRC1, NRC2) and the head is nearer to the law than to the
    identity (NRC3), the more so the larger the weight decay, by the mean over seeds.
    """
    networks = numbers.networks
    hidden = max(max(one.collapse.nrc1, one.collapse.nrc2) for one in networks)
    by_decay = decays.means(networks, lambda one: one.collapse.nrc3)
    ordered = bool(np.all(np.diff(list(by_decay.values())) > 0))
    every = all(
        np.all(np.diff([one.collapse.nrc3 for one in _falling(networks, seed)]) > 0)
        for seed in range(settings.seeds)
    )
    alone = "" if every or not ordered else ", in the mean and not from every seed"
    nearer = all(one.collapse.nrc3 < one.identity for one in networks)
    gammas = [one.collapse.gamma for one in networks]
    nearly = "the nearer" if ordered else "not steadily nearer"
    shown = ", ".join(f"{gap:.3f} at {decay:g}" for decay, gap in by_decay.items())
    return Verdict(
        hidden < _COLLAPSED and nearer and ordered,
        f"{'Behind a ReLU at' if settings.features == 'nonnegative' else 'At'}"
        f" most {hidden:.1e} of the features' energy is outside {len(_SPREADS)} directions or"
        f" outside the head's rows. WW' is {shown} (weight decay, means of"
        f" {settings.seeds} seeds) from its law,"
        f" {'always' if nearer else 'not always'} nearer than to the identity and"
        f" {nearly} with more weight decay{alone}; the best"
        f" gamma is {'always 0' if not any(gammas) else f'up to {max(gammas):.2g}'}"
        f"{': the head is less anisotropic than one layer alone' if not any(gammas) else ''}.",
    )


def _falling(networks: Sequence[Found], seed: int) -> list[Found]:
    """Return the networks of a seed, the largest weight decay first."""
    return sorted((one for one in networks if one.seed == seed), key=lambda one: -one.decay)


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return NRC1 to NRC3 of every network."""
    from lopsided.reproduce.figures.lines import dots

    names, networks = decays.shown(runs)
    floor = 1e-16  # a logarithmic axis has no zero
    series = {
        "NRC1": [max(one.collapse.nrc1, floor) for one in networks],
        "NRC2": [max(one.collapse.nrc2, floor) for one in networks],
        "NRC3": [one.collapse.nrc3 for one in networks],
        "to identity": [one.identity for one in networks],
    }
    figure = drawn(
        lambda ax: dots(series, ax, label="share, or distance"),
        "NRC1 to NRC3 of every network",
        size=(5.6, 2.7),
    )
    rows = [
        [
            name,
            f"{one.collapse.nrc1:.1e}",
            f"{one.collapse.nrc2:.1e}",
            f"{one.collapse.nrc3:.3f}",
            f"{one.collapse.gamma:.2g}",
            f"{one.identity:.3f}",
            f"{one.error:.4f}",
        ]
        for name, one in zip(names, networks, strict=True)
    ]
    columns = ["weight decay", "NRC1", "NRC2", "NRC3", "γ", "to the identity", "error"]
    return [
        Row([figure], "Every network a column, in the order of the table."),
        Table("NRC3 is the distance of WW' to its law at the best γ.", columns, rows),
    ]


ANDRIOPOULOS2024 = Claim(
    name="andriopoulos2024",
    title="Regression collapse",
    statement=(
        "In multivariate regression features collapse to as many directions as there are outputs"
        " (NRC1), in the span of the head's rows (NRC2), and WW' tends to the square root of the"
        " targets' covariance, minus a multiple of the identity (NRC3)."
    ),
    source=cite("andriopoulos2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
