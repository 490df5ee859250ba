"""What the claim ufm-sgd can be told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.reproduce.choices import Checked, Positive, Whole
from lopsided.reproduce.typed import Bounds


@dataclass(frozen=True)
class Settings(Checked):
    """The published model; rate and initialisation are not published.

    Attributes:
        ratios: R of the STEP profiles.
        k: number of classes, half of them minorities.
        d: feature dimensions.
        minority: samples of a minority class.
        batch: samples of a step.
        start: standard deviation of the entries at the start, normal.
        rate: learning rate of SGD on the mean loss of a batch.
        epochs: of SGD.
        seeds: number of repetitions, trained side by side.
        steps: of loss-normalised descent.
    """

    compared: ClassVar[tuple[str, ...]] = ("ratios",)

    ratios: tuple[Whole, ...] = (1, 5, 10, 100)
    k: Annotated[int, Bounds(least=4, most=1000, multiple=2)] = 10
    d: Annotated[int, Bounds(least=1, most=10**5)] = 20
    minority: Whole = 5
    batch: Whole = 5
    start: Positive = 0.1
    rate: Positive = 0.4
    epochs: Whole = 6000
    seeds: Annotated[int, Bounds(least=1, most=1000)] = 3
    steps: Whole = 20000


@dataclass(frozen=True)
class Distanced:
    """Distances of centred classifiers and class means to SELI and to the ETF."""

    seli: Distances
    etf: Distances

    @classmethod
    def of(cls, W: Floats, M: Floats, counts: Counts) -> Distanced:
        """Measure explicit classifiers and class means."""
        seen = Geometry.of_vectors(W - W.mean(axis=0), M - M.mean(axis=0), Source("UFM"))
        return cls(seen.distance(predict.seli(counts)), seen.distance(predict.etf(counts.k)))


@dataclass(frozen=True)
class Epoch:
    """All seeds after one epoch of SGD."""

    epoch: int
    seeds: tuple[Distanced, ...]


@dataclass(frozen=True)
class Step:
    """One step of loss-normalized descent, with the logarithm of the loss."""

    step: int
    log_loss: float
    at: Distanced


@dataclass(frozen=True)
class Paths:
    """What was observed at one ratio of SGD, epoch by epoch, and of descent, step by step."""

    ratio: int
    sgd: tuple[Epoch, ...]
    descent: tuple[Step, ...]

    def final(self, law: Literal["seli", "etf"]) -> Floats:
        """Return the (seeds, 3) distances to a law at the end of SGD."""
        return np.array([getattr(seed, law) for seed in self.sgd[-1].seeds])

    def steps_to(self, distance: float) -> float:
        """Return the first observed step of descent from which the classifiers stay nearer to SELI
        than `distance`.
        """
        far = [row.step for row in self.descent if row.at.seli.classifiers >= distance]
        later = [row.step for row in self.descent if not far or row.step > far[-1]]
        return float(later[0]) if later else np.inf


@dataclass(frozen=True)
class Numbers:
    """The paths, one pair a ratio."""

    ratios: tuple[Paths, ...]
