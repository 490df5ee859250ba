"""What the claim prescription found, network by network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats
from lopsided.reproduce.claims.prescription.plan import Plan
from lopsided.steer.prescribe.gain import Accuracies

#: Worse than nothing by more than this in balanced accuracy is hurt.
HURT = 0.01
#: What needs no held-out samples, and what does, by the names of the table.
ALONE = ("nothing", "tau = 1", "second head", "nearest class mean", "tau-normalised head")
FITTED = (
    "tau of best held-out accuracy",
    "fitted tau",
    "fitted tau, second head",
    "three numbers",
    "prescribed",
)


@dataclass(frozen=True)
class Draw:
    """What one held-out set led to; accuracies are those on the test set.

    Attributes:
        m: held-out samples of the rarest class.
        samples: held-out samples in all.
        accuracies: by remedy.
        remedy: that was prescribed.
        cause: that was told.
        expected: gain of the corrected head, prescribed or not.
        low: end of its interval.
        high: its other end.
        came: gain of that head on the test set.
        numbers: u, v and a.
    """

    m: int
    samples: int
    accuracies: dict[str, Accuracies]
    remedy: str
    cause: str
    expected: float
    low: float
    high: float
    came: float
    numbers: tuple[float, ...]

    @property
    def covered(self) -> bool:
        """Whether the interval contains the gain that came."""
        return self.low <= self.came <= self.high


@dataclass(frozen=True)
class Figures:
    """The geometry of a network at the end of training.

    Attributes:
        norm_share: of SELI's norm ratio.
        norm_ratio: mean squared length of majority over minority classifiers.
        nc1: of the training features.
        head_to_seli: distance of the classifiers.
        means_to_seli: distance of the class means.
        means_to_etf: distance of the class means.
        training_accuracy: balanced, for comparison.
    """

    norm_share: float
    norm_ratio: float
    nc1: float
    head_to_seli: float
    means_to_seli: float
    means_to_etf: float
    training_accuracy: float


@dataclass(frozen=True)
class Trial:
    """A network, and every remedy on it.

    Attributes:
        plan: of the network.
        title: of its data.
        accuracies: on the test set, by remedies that need no held-out samples.
        figures: of its geometry.
        draws: one a held-out set that there were samples for.
    """

    plan: Plan
    title: str
    accuracies: dict[str, Accuracies]
    figures: Figures
    draws: tuple[Draw, ...]

    def gain(self, remedy: str, m: int | None = None) -> float:
        """Return what a remedy gains on the test set over doing nothing; NaN without such a
        draw.
        """
        found = self.accuracies.get(remedy)
        for draw in self.draws:
            if draw.m == m:
                found = found or draw.accuracies.get(remedy)
        return np.nan if found is None else found.balanced - self.accuracies["nothing"].balanced


@dataclass(frozen=True)
class Numbers:
    """The trials, in the order of the plan."""

    trials: tuple[Trial, ...]

    @property
    def judged(self) -> list[Trial]:
        """Those that the verdict is about."""
        return [trial for trial in self.trials if trial.plan.task not in ("characters", "frozen")]


def gains(trials: list[Trial], remedy: str, m: int | None = None) -> Floats:
    """Return the gains of a remedy, of the networks that have such a draw."""
    found = np.array([trial.gain(remedy, m) for trial in trials])
    return np.asarray(found[~np.isnan(found)])


def draws(trials: list[Trial], m: int) -> list[Draw]:
    """Return the draws with m samples of the rarest class."""
    return [draw for trial in trials for draw in trial.draws if draw.m == m]
