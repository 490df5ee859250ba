"""Hidden: whether weight decay on the features removes what the head does not see of the class
means.

In the unconstrained-features model a ridge on the features leaves them nothing that the head does
not see: it would cost and earn nothing. A network has no ridge on its features; its weight decay
acts on the layers below. The nearest to it is weight decay on the last normalisation, whose scales
and offsets give the features their lengths. New here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

from lopsided.geometry import Distances
from lopsided.report.blocks import Block, Table
from lopsided.reproduce import ready
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.demo import Demo
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import is_fitted, splits
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import Decay, Training
from lopsided.split import Split


@dataclass(frozen=True)
class Settings(Demo):
    """The network of the demonstration, trained several times.

    Attributes:
        decays: weight decays of the last normalisation, rising.
    """

    decays: tuple[Decay, ...] = (0.0, 1e-3, 1e-2, 1e-1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.decays) < 2 or list(self.decays) != sorted(set(self.decays)):
            raise ValueError(f"decays must be two or more, rising, got {self.decays}")


@dataclass(frozen=True)
class Decayed(Training):
    """One training.

    Attributes:
        own: weight decay of the last normalisation.
    """

    own: Decay = 0.0

    @property
    def feature_decay(self) -> float:
        """Weight decay of the last normalisation."""
        return self.own


@dataclass(frozen=True)
class Trained:
    """What one decay leads to.

    Attributes:
        decay: of the last normalisation.
        fitted: whether every class of the training set is.
        distances: to the prediction.
        split: of these.
    """

    decay: float
    fitted: bool
    distances: Distances
    split: Split


@dataclass(frozen=True)
class Numbers:
    """One network a decay."""

    networks: tuple[Trained, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train a network with every decay; what is finished is not repeated after an interruption."""
    from lopsided.reproduce.claims.thrampoulidis2022.deep import training

    given = {field.name: getattr(settings, field.name) for field in fields(Training)}

    def one(i: int, decay: float) -> Trained:
        many = len(settings.decays)
        part = context.part(i / many, (i + 1) / many, f"decay {decay:g}")
        each = Decayed(**given, own=decay)
        numbers = training.compute(each, part).numbers
        last = numbers.history[-1]
        return Trained(decay, is_fitted(last), last.distances.prediction, splits(each, numbers)[0])

    networks = (
        context.remember(f"decay-{i}", Trained, partial(one, i, decay))
        for i, decay in enumerate(settings.decays)
    )
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when, of the networks that fit every class, the one with the most decay leaves hidden a
    tenth of what the one with the least does.
    """
    told = "; ".join(
        f"{one.decay:g}{'' if one.fitted else ' (which does not fit every class)'}:"
        f" {one.split.hidden:.0%} hidden, class means {one.distances.embeddings:.2f}"
        f" from their prediction, law part {one.split.embeddings.law:.2f}"
        for one in numbers.networks
    )
    hidden = [one.split.hidden for one in numbers.networks if one.fitted]
    removed = len(hidden) > 1 and hidden[-1] < hidden[0] / 10
    end = (
        f"Where every class is fitted it {'removes' if removed else 'does not remove'} what is"
        " hidden."
        if len(hidden) > 1
        else "Fewer than two networks fit every class, which tells nothing."
    )
    return Verdict(removed, f"With a weight decay of the last normalisation of {told}. {end}")


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return a row a decay."""
    return [
        Table(
            "Hidden share of the class means, and the distances to the prediction, whole and law"
            " part.",
            [
                "weight decay of the last normalisation",
                "fits",
                "hidden",
                "classifiers",
                "class means",
            ],
            [
                [
                    f"{one.decay:g}",
                    "yes" if one.fitted else "no",
                    f"{one.split.hidden:.1%}",
                    f"{one.distances.classifiers:.3f}, {one.split.classifiers.law:.3f}",
                    f"{one.distances.embeddings:.3f}, {one.split.embeddings.law:.3f}",
                ]
                for one in run.numbers.networks
            ],
        )
        for run in runs
    ]


HIDDEN = Claim(
    name="hidden",
    title="Weight decay on the features, and what the head does not see",
    statement=(
        "Class means of a trained network have a part that its head does not see, which no law"
        " has; weight decay on the last normalisation, which gives the features their lengths,"
        " removes it."
    ),
    source="new here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
)
