"""The members of the contest, from the tables of `steer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from torch import nn

from lopsided import predict, steer
from lopsided.adjustment import EXPONENTS, Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.steer import posthoc
from lopsided.steer.prescribe import measured
from lopsided.steer.prescribe.samples import Samples
from lopsided.steer.prescribe.trained import Trained

#: Temperature of heads whose logits are cosines, as `NearestETFHead` has it.
TEMPERATURE = 0.1
#: Share of the steps after which deferred weights begin.
DEFERRED = 0.8


@dataclass(frozen=True)
class Way:
    """A way to train.

    Attributes:
        kind: loss, design, head or recipe.
        loss: of the class counts and the number of steps.
        head: of the class counts and the feature dimensions; None where the loss is of features,
            which the nearest class mean then tells apart.
        labelled: the head is called with the labels too in training.
        unit: the head sees features of length one.
        balanced: a batch has as many samples of each class, in the mean.
        adjustment: by which the geometry of a linear head is predicted.
        beside: a loss of features that is added, of the class counts and the feature dimensions.
    """

    kind: str
    loss: Callable[[Counts, int], nn.Module]
    head: Callable[[Counts, int], nn.Module] | None
    labelled: bool = False
    unit: bool = False
    balanced: bool = False
    adjustment: Callable[[Counts], Adjustment] | None = None
    beside: Callable[[Counts, int], nn.Module] | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What a network leaves: (n, d) features and labels of its three samples, and its head."""

    counts: Counts
    features: tuple[Floats, Floats, Floats]
    labels: tuple[Ints, Ints, Ints]
    weight: Floats

    @property
    def logits(self) -> tuple[Floats, Floats, Floats]:
        """Logits of the training, held-out and test samples."""
        train, held, test = (h @ self.weight.T for h in self.features)
        return train, held, test


def linear(counts: Counts, d: int) -> nn.Module:
    """Return the usual head, without bias."""
    return nn.Linear(d, counts.k, bias=False)


def cosine(counts: Counts, d: int) -> nn.Module:
    """Return a head of cosines over a temperature."""
    return steer.CosineHead(d, counts.k, TEMPERATURE)


def plain(counts: Counts, steps: int) -> nn.Module:
    """Return plain cross-entropy."""
    return steer.AdjustedCrossEntropy(Adjustment())


def _of(adjustment: Callable[[Counts], Adjustment], counts: Counts, steps: int) -> nn.Module:
    return steer.AdjustedCrossEntropy(adjustment(counts))


def _ldam(counts: Counts, steps: int) -> nn.Module:
    ldam = Adjustment.ldam(counts)
    heavy = Adjustment(
        weight=Adjustment.weighted(counts).weight,
        scale=ldam.scale,
        additive_margin=ldam.additive_margin,
    )
    return steer.Deferred(
        steer.AdjustedCrossEntropy(ldam),
        steer.AdjustedCrossEntropy(heavy),
        after=round(DEFERRED * steps),
    )


def _reweighted(counts: Counts, steps: int) -> nn.Module:
    heavy = steer.AdjustedCrossEntropy(Adjustment.weighted(counts))
    return steer.Deferred(plain(counts, steps), heavy, after=round(DEFERRED * steps))


def _unit_cosine(counts: Counts, d: int) -> nn.Module:
    return steer.CosineHead(d, counts.k)


def _fixed(counts: Counts, d: int) -> nn.Module:
    return steer.FixedHead(predict.etf(counts.k), d)


@cache
def _designed(target: str, counts: Counts) -> Adjustment:
    return steer.design(counts, target, DESIGNS[target]).adjustment


#: Target -> family of the losses that `steer.design` makes.
DESIGNS: dict[str, str] = {"etf-classifiers": "cdt-ldt", "equal-norms": "cdt"}

#: Losses of features that are no loss alone, and how they are made for feature dimensions.
BESIDE: dict[str, Callable[[Counts, int], nn.Module]] = {
    "induced-collapse": lambda counts, d: steer.InducedCollapse(counts.k, d),
    "center-classification": lambda counts, d: steer.CenterClassification(_fixed(counts, d)),
}


def ways() -> dict[str, Way]:
    """Return every loss and head that can be trained alone, losses designed for a geometry, and
    what the field trains with beside.

    Losses and heads that need what is not there take no part: two views or several labels a sample,
    shortcuts, groups.
    """
    found: dict[str, Way] = {}
    for name, member in steer.LOSSES.items():

        def loss(counts: Counts, steps: int, name: str = name) -> nn.Module:
            made: nn.Module = steer.LOSSES[name].function(counts)
            return made

        def adjustment(counts: Counts, name: str = name) -> Adjustment:
            return Adjustment.named(name, counts)

        needs = member.needs
        if name in BESIDE:
            found[name] = Way("loss", plain, linear, beside=BESIDE[name])
        elif name == "ldam":
            found[name] = Way("loss", loss, _unit_cosine)
        elif name in EXPONENTS:
            found[name] = Way("loss", loss, linear, adjustment=adjustment)
        elif needs == ("logits", "labels"):
            found[name] = Way("loss", loss, linear)
        elif needs == ("cosines", "labels"):
            found[name] = Way("loss", loss, _fixed, unit=True)
        elif needs == ("features", "labels"):
            found[name] = Way("loss", loss, None)
    for target in DESIGNS:
        designed = partial(_designed, target)
        found[f"designed: {target}"] = Way(
            "design", partial(_of, designed), linear, adjustment=designed
        )
    for name, member in steer.HEADS.items():
        if "shortcuts" in member.needs:
            continue

        def head(counts: Counts, d: int, name: str = name) -> nn.Module:
            made: nn.Module = steer.HEADS[name].function(counts, d)
            return made

        labelled = member.needs[-1] == "labels"
        found[f"{name} head"] = Way(
            "head", plain, cosine if name == "cosine" else head, labelled=labelled
        )
    found["balanced sampler"] = Way("recipe", plain, linear, balanced=True)
    found["deferred weights"] = Way("recipe", _reweighted, linear)
    found["ldam, deferred weights"] = Way("recipe", _ldam, _unit_cosine)
    return found


def rules() -> dict[str, Callable[[Kept], Floats]]:
    """Return every rule as it is used on a network: its (n, k) scores of the test samples."""

    def voted(kept: Kept) -> Floats:
        h, y = kept.features[0], kept.labels[0]
        lengths = np.linalg.norm(h, axis=1)
        norms = np.array([lengths[y == c].mean() for c in range(kept.counts.k)])
        votes: Floats = posthoc.one_versus_one(kept.logits[2], kept.counts, 0.5, norms)
        return votes

    def shortened(kept: Kept) -> Floats:
        radius = float(np.median(np.linalg.norm(kept.weight, axis=1)))
        return np.asarray(kept.features[2] @ posthoc.max_norm_(kept.weight.copy(), radius).T)

    def fitted(kept: Kept) -> Floats:
        _, held, test = kept.logits
        tau = posthoc.fit_tau(held, kept.labels[1], kept.counts)
        return np.asarray(posthoc.logit_adjustment(test, kept.counts, tau))

    return {
        "logit-adjustment": lambda kept: posthoc.logit_adjustment(kept.logits[2], kept.counts),
        "multiplicative": lambda kept: posthoc.multiplicative(kept.logits[2], kept.counts, 0.5),
        "one-versus-one": voted,
        "tau-normalised": lambda kept: kept.features[2] @ posthoc.tau_normalised(kept.weight).T,
        "max-norm": shortened,
        "nearest-mean": nearest,
        "fitted tau": fitted,
        "classifier retraining": lambda kept: posthoc.fit_head(
            kept.features[0], kept.labels[0]
        ).scores(kept.features[2]),
        "learnable scales": lambda kept: (
            kept.logits[2] * posthoc.fit_scales(kept.logits[0], kept.labels[0])
        ),
        "prescribed": _prescribed,
    }


def nearest(kept: Kept, part: int = 2) -> Floats:
    """Return the scores of the nearest class mean of the training features, of the test samples or
    of the part of a number; NaN of a network that diverged.
    """
    h, y = kept.features[0], kept.labels[0]
    means = np.stack([h[y == c].mean(axis=0) for c in range(kept.counts.k)])
    if not np.isfinite(means).all():
        return np.full((len(kept.features[part]), kept.counts.k), np.nan)
    scores: Floats = posthoc.nearest_mean(kept.features[part], means)
    return scores


def _prescribed(kept: Kept) -> Floats:
    """Return the scores of the corrected head, also where it would gain too little to be
    prescribed.
    """
    (train, held, test), labels = kept.features, kept.labels
    trained = Trained.of((kept.weight, None), (train, labels[0]), kept.counts, "cross-entropy")
    k, d = kept.weight.shape
    samples = Samples((held, labels[1]), k, d, "held_out")
    return measured(trained, samples).corrected.scores(test)
