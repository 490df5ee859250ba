"""Training: the settings of one deep-network run; its fields are options of the command line and
the keys of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from lopsided.counts import Counts
from lopsided.problem import Problem
from lopsided.reproduce.choices import Checked, Positive, Ratio, Seed, Whole
from lopsided.reproduce.typed import Bounds

Width = Annotated[int, Bounds(least=1, most=10**6)]
Depth = Annotated[int, Bounds(least=1, most=1000)]
#: Batch norm has nothing to normalise one sample by.
Batch = Annotated[int, Bounds(least=2, most=10**9)]
Decay = Annotated[float, Bounds(least=0, most=1e38)]
Profile = Literal["step", "exponential", "given"]
Schedule = Literal["constant", "published", "late"]
#: Schedule -> shares of the epochs after which the rate falls to a tenth.
_DROPS = {"constant": (), "published": (1 / 3, 2 / 3), "late": (0.8, 0.9)}


@dataclass(frozen=True)
class Training(Checked):
    """Everything that determines a training run.

    Attributes:
        dataset: a name in `data.DATASETS`, or the path of a folder or tar of images.
        model: "mlp" (batch norm), "cnn" (four convolutions), "resnet18" or "vgg13".
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
        schedule: "constant", "published": the rate falls to a tenth after a third and two thirds of
            the epochs, or "late": after eight and nine tenths.
        seed: of initialisation and order of the samples.
        device: "cpu" or "cuda".
        amp: "off", or "bf16" for autocast; features are measured in float32 either way.

    Raises:
        ValueError: for a value that is not one of these, or settings that contradict each other.
    """

    dataset: str = "mnist"
    model: Literal["mlp", "cnn", "resnet18", "vgg13"] = "mlp"
    width: Width = 512
    depth: Depth = 6
    bias: Literal["none", "decayed", "free"] = "none"
    profile: Profile = "step"
    ratio: Ratio = 10.0
    rho: Annotated[float, Bounds(above=0, below=1)] = 0.5
    largest: Whole = 1000
    counts: str = ""
    split: Seed = 0
    epochs: Whole = 350
    batch: Batch = 128
    rate: Positive = 0.1
    momentum: Annotated[float, Bounds(least=0, below=1)] = 0.9
    weight_decay: Decay = 5e-4
    schedule: Schedule = "constant"
    seed: Seed = 0
    device: Literal["cpu", "cuda"] = "cpu"
    amp: Literal["off", "bf16"] = "off"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_used("rho", self.profile == "step", "profile step")
        self._require_used("depth", self.model == "mlp", "model mlp")
        for name in ("ratio", "largest"):
            self._require_used(name, self.profile != "given", "profiles step and exponential")
        if bool(self.counts) != (self.profile == "given"):
            raise ValueError("give counts with the profile 'given', and with no other")
        if self.profile == "given" and not all(
            word.strip().isdecimal() for word in self.counts.split(",")
        ):
            raise ValueError(f"counts must be whole numbers, comma-separated, got {self.counts!r}")
        if self.profile == "step" and (
            self.largest < self.ratio or not (self.largest / self.ratio).is_integer()
        ):
            raise ValueError(
                f"largest / ratio must be a whole number, got {self.largest} / {self.ratio:g}"
            )

    def _require_used(self, name: str, used: bool, where: str) -> None:
        """Refuse a setting that would be told of a run and have no part in it."""
        default = type(self).__dataclass_fields__[name].default
        if not used and getattr(self, name) != default:
            raise ValueError(
                f"{name} belongs to {where}; leave it at {default:g}, got {getattr(self, name):g}"
            )

    def class_counts(self, k: int) -> Counts:
        """Return the counts that the profile gives to k classes.

        Raises:
            ValueError: if the profile does not fit k classes.
        """
        if self.profile == "given":
            return Counts([int(word) for word in self.counts.split(",")])
        if self.profile == "exponential":
            return Counts.exponential(k, self.largest, self.ratio)
        return Counts.step(k, int(self.largest / self.ratio), self.ratio, self.rho)

    def bias_ridge(self, counts: Counts) -> Literal["none", "free"] | float:
        """Return how the head's bias enters the unconstrained-features model; a decay of the mean
        loss is n of the sum's.
        """
        return counts.n * self.weight_decay if self.bias == "decayed" else self.bias

    @property
    def feature_decay(self) -> float:
        """Weight decay of the last normalisation, which gives the features their lengths."""
        return self.weight_decay

    def problem(self, counts: Counts, ridge: float = 0.0) -> Problem:
        """Return the unconstrained-features model of this run at a ridge, by default as it
        vanishes.
        """
        return Problem(counts, ridge=ridge, bias=self.bias_ridge(counts))

    def shuffle(self, epoch: int) -> list[int]:
        """Return the seed of the order of the samples in an epoch, counted from 1."""
        return [self.seed, epoch]

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        drops = sum(epoch >= round(self.epochs * share) - 1 for share in _DROPS[self.schedule])
        return self.rate / float(10**drops)


@dataclass(frozen=True)
class Comparison(Training):
    """Settings of a comparison of losses: small networks on the CPU, heads without bias.

    Raises:
        ValueError: for a bias, a device or a precision that these runs do not have.
    """

    width: Width = 256
    depth: Depth = 4
    largest: Whole = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, only in (("bias", "none"), ("device", "cpu"), ("amp", "off")):
            if getattr(self, name) != only:
                raise ValueError(
                    f"a comparison of losses has {name} {only}, got {getattr(self, name)}"
                )

    def shuffle(self, epoch: int) -> list[int]:
        """Return the seed of the order of the samples in an epoch, which comparisons have always
        counted from 0.
        """
        return [self.seed, epoch - 1]

    def class_counts(self, k: int) -> Counts:
        """Return the counts that the profile gives to k classes.

        Raises:
            ValueError: if the profile does not fit k classes, or leaves no class a minority.
        """
        counts = super().class_counts(k)
        if not len(counts.minorities):
            raise ValueError(
                "losses are compared by what they do for minorities, and no class is one at a"
                f" ratio of {counts.ratio:g}"
            )
        return counts


def observed_epochs(epochs: int) -> list[int]:
    """Return log-spaced epochs from 1 to `epochs`, both included.

    Example:
        >>> observed_epochs(20)
        [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 20]
    """
    chosen, epoch = [1], 1
    while epoch < epochs:
        epoch = min(epochs, max(epoch + 1, round(epoch * 1.27)))
        chosen.append(epoch)
    return chosen
