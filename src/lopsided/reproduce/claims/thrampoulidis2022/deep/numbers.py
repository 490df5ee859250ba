"""What a deep run finds."""

from __future__ import annotations

from dataclasses import dataclass

from lopsided.reproduce.observed import Row
from lopsided.reproduce.seen import Matrices


@dataclass(frozen=True)
class Optimum:
    """A certified optimum of the unconstrained-features model."""

    ridge: float
    objective: float
    relative_gap: float


@dataclass(frozen=True)
class Numbers:
    """What a deep run finds.

    Attributes:
        title: of the data.
        prediction: name of the geometry to which the run's problem leads.
        counts: of the classes.
        indices_sha256: hash of the list of training samples.
        test_samples: held-out samples.
        parameters: of the network.
        path: optima over a range of ridges.
        history: what was observed, epoch by epoch.
        geometry: of the network at the end.
        about_mean: laws were compared with class means about their unweighted mean, as a network's
            are; in the first records those with a ridge or a free bias were not, but for the last
            distance to the prediction.
    """

    title: str
    prediction: str
    counts: tuple[int, ...]
    indices_sha256: str
    test_samples: int
    parameters: int
    path: tuple[Optimum, ...]
    history: tuple[Row, ...]
    geometry: Matrices
    about_mean: bool = True
