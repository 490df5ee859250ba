"""Training: the settings of one deep-network run; its fields are options of the command line and the keys of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lopsided.counts import Counts


@dataclass(frozen=True)
class Training:
    """Everything that determines a training run.

    Attributes:
        dataset: a name in `data.DATASETS`, or the path of a folder or tar of images.
        model: "mlp" (batch norm), "resnet18" or "vgg13".
        width: units of an MLP's layers, or channels of a convolutional network's first stage.
        depth: layers of the MLP; the other models have their own.
        bias: of the head: "none", "decayed" like all other parameters, or "free" of weight decay.
        profile: "step" (majority classes first), "exponential", or "given".
        ratio: R, the largest class count over the smallest.
        rho: fraction of the classes that are minorities, of a step profile.
        largest: samples of the largest class.
        counts: the class counts of profile "given", comma-separated.
        split: seed of the choice of samples; 0 is the choice of Cao et al. 2019.
        epochs: passes over the data.
        batch: samples of a step, at most.
        rate: learning rate of SGD.
        momentum: of SGD.
        weight_decay: of SGD, on all parameters.
        schedule: "constant", or "published": the rate falls to a tenth after a third and two thirds of the epochs.
        seed: of initialisation and order of the samples.
        device: "cpu" or "cuda".
        amp: "off", or "bf16" for autocast; features are measured in float32 either way.
    """

    dataset: str = "mnist"
    model: str = "mlp"
    width: int = 512
    depth: int = 6
    bias: Literal["none", "decayed", "free"] = "none"
    profile: Literal["step", "exponential", "given"] = "step"
    ratio: float = 10.0
    rho: float = 0.5
    largest: int = 1000
    counts: str = ""
    split: int = 0
    epochs: int = 350
    batch: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Literal["constant", "published"] = "constant"
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    amp: Literal["off", "bf16"] = "off"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "rate", "largest"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.momentum < 1 or not self.weight_decay >= 0:
            raise ValueError(f"momentum must be in [0, 1), weight_decay at least 0, got {self.momentum}, {self.weight_decay}")
        if bool(self.counts) != (self.profile == "given"):
            raise ValueError("give counts with the profile 'given', and with no other")

    def class_counts(self, k: int) -> Counts:
        """Return the counts that the profile gives to k classes.

        Raises:
            ValueError: if the profile does not make whole counts of at least 1.
        """
        if self.profile == "given":
            return Counts([int(word) for word in self.counts.split(",")])
        if self.profile == "exponential":
            return Counts.exponential(k, self.largest, self.ratio)
        smallest = self.largest / self.ratio
        if smallest < 1 or smallest != int(smallest):
            raise ValueError(f"largest / ratio must be a whole number, got {self.largest} / {self.ratio:g}")
        return Counts.step(k, int(smallest), self.ratio, self.rho)

    def bias_ridge(self, counts: Counts) -> Literal["none", "free"] | float:
        """Return how the head's bias enters the unconstrained-features model; a decay of the mean loss is n of the sum's."""
        return counts.n * self.weight_decay if self.bias == "decayed" else self.bias

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        drops = 0 if self.schedule == "constant" else sum(epoch >= round(self.epochs * part / 3) - 1 for part in (1, 2))
        return self.rate / float(10**drops)
