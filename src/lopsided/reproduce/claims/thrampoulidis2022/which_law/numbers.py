"""What the claim which-law can be told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lopsided.geometry import Distances
from lopsided.reproduce.choices import Checked

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
    """How far a network is from a law, and the law's ridge, if it has one."""

    distances: Distances
    ridge: float | None = None

    @property
    def size(self) -> float:
        """One number for a law: the root mean square of its three distances."""
        return float(np.sqrt(np.mean(np.square(self.distances))))


@dataclass(frozen=True)
class Fitted:
    """One run beside all laws.

    Attributes:
        kind: what was trained, but for the seed.
        ratio: R.
        seed: of the run.
        laws: by their names; one that is zero is left out.
    """

    kind: str
    ratio: float
    seed: int
    laws: dict[str, Fit]


@dataclass(frozen=True)
class Numbers:
    """The runs beside all laws."""

    runs: tuple[Fitted, ...]
