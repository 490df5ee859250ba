"""What the claim contest can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from lopsided.counts import Counts
from lopsided.reproduce.choices import Checked, Positive, Ratio, Seeds, Whole
from lopsided.reproduce.typed import Bounds

Task = Literal["digits", "mnist", "fashion-mnist", "cifar-10"]
Model = Literal["mlp", "cnn"]
#: Samples of the largest class of each data set.
LARGEST: dict[str, int] = {"digits": 80, "mnist": 500, "fashion-mnist": 500, "cifar-10": 1000}


@dataclass(frozen=True)
class Settings(Checked):
    """A small network on a long tail.

    Attributes:
        dataset: images of ten classes, of half the width and height; digits as they are.
        model: batch-norm perceptron of two layers, or two convolutions and a layer.
        ratio: R of the exponential counts, at most the samples of the largest class (of digits 80),
            so that the rarest has one.
        steps: of SGD, for each network.
        batch: samples of a step.
        rates: to choose from.
        decay: weight decay.
        held_out: samples of each class to choose the rate by.
        tested: test samples of each class, at most.
        seeds: repetitions, beside the one that chooses.
    """

    dataset: Task = "digits"
    model: Model = "mlp"
    ratio: Ratio = 100.0
    steps: Whole = 150
    batch: Annotated[int, Bounds(least=2, most=10**4)] = 64
    rates: tuple[Positive, ...] = (0.02, 0.07, 0.25)
    decay: Annotated[float, Bounds(least=0, most=1)] = 5e-4
    held_out: Annotated[int, Bounds(least=1, most=1000)] = 20
    tested: Whole = 200
    seeds: Seeds = 4

    @property
    def counts(self) -> Counts:
        """Of the classes, the most frequent first."""
        return Counts.exponential(10, LARGEST[self.dataset], min(self.ratio, LARGEST[self.dataset]))
