"""What the claim which-law can be told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lopsided.geometry import Distances
from lopsided.reproduce.choices import Checked
from lopsided.split import Split

LAWS = ("SELI", "own ridge", "best ridge", "free bias", "ETF")


@dataclass(frozen=True)
class Settings(Checked):
    """Which runs are compared.

    Attributes:
        runs: names of records of the claim deep; by default all there are.
    """

    runs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.runs:
            if Path(name).name != name:
                raise ValueError(
                    f"runs are names of records in the folder of the results, got {name!r}"
                )


@dataclass(frozen=True)
class Fit:
    """How far a network is from a law, and why; and the law's ridge, if it has one."""

    distances: Distances
    split: Split
    ridge: float | None = None

    @property
    def laws(self) -> Distances:
        """The part of each distance that is of the law."""
        found = self.split
        return Distances(found.classifiers.law, found.embeddings.law, found.logits.law)

    @property
    def size(self) -> float:
        """One number for a law: the root mean square of the law parts of its three distances."""
        return float(np.sqrt(np.mean(np.square(self.laws))))

    @property
    def raw(self) -> float:
        """The root mean square of its three distances."""
        return float(np.sqrt(np.mean(np.square(self.distances))))


@dataclass(frozen=True)
class Fitted:
    """One run beside all laws.

    Attributes:
        kind: what was trained, but for the seed.
        ratio: R.
        seed: of the run.
        fitted: whether every class of the training set is.
        laws: by their names; one that is zero is left out.
    """

    kind: str
    ratio: float
    seed: int
    fitted: bool
    laws: dict[str, Fit]


@dataclass(frozen=True)
class Numbers:
    """The runs beside all laws."""

    runs: tuple[Fitted, ...]
