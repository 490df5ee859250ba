"""Losses as torch modules; class counts and adjustments are always explicit arguments.

`LOSSES` lists them by name, each with its published settings: a new one is a file here and a line
there. Members of the cross-entropy family are constructors of `Adjustment`.
"""

from __future__ import annotations

from lopsided import needs

needs.torch()  # its absence is told in a sentence, whichever module is imported

from collections.abc import Callable
from functools import partial

from lopsided.adjustment import EXPONENTS, Adjustment
from lopsided.counts import Counts
from lopsided.papers import cite
from lopsided.predict import etf
from lopsided.predict.centers import multiple_centers
from lopsided.steer.heads.fixed import FixedHead
from lopsided.steer.losses.adjusted import AdjustedCrossEntropy
from lopsided.steer.losses.binary import AdjustedBinary
from lopsided.steer.losses.binding import BindingBatches
from lopsided.steer.losses.center_classification import CenterClassification
from lopsided.steer.losses.centers import MultipleCenters
from lopsided.steer.losses.contrastive import SupervisedContrastive
from lopsided.steer.losses.deferred import Deferred
from lopsided.steer.losses.exits import AlignedExits
from lopsided.steer.losses.focal import Focal
from lopsided.steer.losses.group_aligned import GroupAligned
from lopsided.steer.losses.induced_collapse import InducedCollapse
from lopsided.steer.losses.kernels import DecoupledInfoNCE, KernelContrastive
from lopsided.steer.losses.peer_to_peer import PeerToPeer
from lopsided.steer.losses.pick_all_label import PickAllLabel
from lopsided.steer.losses.shortcut import ShortcutLoss
from lopsided.steer.losses.spectral import SpectralContrastive
from lopsided.steer.losses.squared import DotRegression, SquaredError
from lopsided.steer.losses.uniformity_gap import UniformityGap
from lopsided.steer.member import Member

__all__ = [
    "LOSSES",
    "AdjustedBinary",
    "AdjustedCrossEntropy",
    "AlignedExits",
    "BindingBatches",
    "CenterClassification",
    "DecoupledInfoNCE",
    "Deferred",
    "DotRegression",
    "Focal",
    "GroupAligned",
    "InducedCollapse",
    "KernelContrastive",
    "MultipleCenters",
    "PeerToPeer",
    "PickAllLabel",
    "ShortcutLoss",
    "SpectralContrastive",
    "SquaredError",
    "SupervisedContrastive",
    "UniformityGap",
]


def _adjusted(name: str, counts: Counts) -> AdjustedCrossEntropy:
    return AdjustedCrossEntropy(Adjustment.named(name, counts))


def _first_sentence(constructor: Callable[..., Adjustment]) -> str:
    return " ".join((constructor.__doc__ or "").split("\n\n")[0].split()).rstrip(".")


def _two_centers(counts: Counts) -> MultipleCenters:
    two = [2] * counts.k
    return MultipleCenters(multiple_centers(counts, two, angle=0.2), two, d=3 * counts.k - 1)


_LOGITS, _COSINES, _FEATURES = (
    ("logits", "labels"),
    ("cosines", "labels"),
    ("features", "labels"),
)
_VIEWS, _KERNELS = ("view", "view"), cite("koromilas2024")
#: Where a cross-entropy has a paper of its own, beside that of the family.
_OWN = {
    "effective-number": cite("cui2019"),
    "logit-adjusted": cite("menon2021"),
    "cdt": cite("ye2020"),
    "vs": cite("kini2021"),
    "ldam": cite("cao2019"),
}

#: Name -> loss.
LOSSES: dict[str, Member] = {
    **{
        name: Member(
            _first_sentence(getattr(Adjustment, name.replace("-", "_"))),
            partial(_adjusted, name),
            _COSINES if name == "ldam" else _LOGITS,
            _OWN.get(name, cite("behnia2023", "equation 2")),
        )
        for name in EXPONENTS
    },
    "focal": Member(
        "focal loss", lambda counts: Focal(2.0), _LOGITS, cite("lin2017", "equation 5")
    ),
    "squared": Member(
        "squared error to the one-hot label",
        lambda counts: SquaredError(),
        _LOGITS,
        cite("dang2023"),
    ),
    "dot-regression": Member(
        "squared error of the own cosine to one",
        lambda counts: DotRegression(),
        _COSINES,
        cite("yang2022"),
    ),
    "supervised-contrastive": Member(
        "supervised contrastive loss of a batch's features",
        lambda counts: SupervisedContrastive(),
        _FEATURES,
        cite("khosla2020", "equation 2"),
    ),
    "spectral-contrastive": Member(
        "spectral contrastive loss with labels as context",
        lambda counts: SpectralContrastive(),
        _FEATURES,
        cite("zhai2025"),
    ),
    "uniformity-gap": Member(
        "hyperspherical uniformity gap, in as many dimensions as classes",
        lambda counts: UniformityGap(counts.k, counts.k),
        _FEATURES,
        cite("liu2023"),
    ),
    "induced-collapse": Member(
        "samples at their center, centers apart; beside a cross-entropy",
        lambda counts: InducedCollapse(counts.k, counts.k),
        _FEATURES,
        cite("liu2023b"),
    ),
    "center-classification": Member(
        "cross-entropy of the class means under a fixed ETF; beside a cross-entropy",
        lambda counts: CenterClassification(FixedHead(etf(counts.k), counts.k)),
        _FEATURES,
        cite("zhong2023"),
    ),
    "peer-to-peer": Member(
        "class means and classifiers find each other; beside a cross-entropy",
        lambda counts: PeerToPeer(),
        ("features", "weight", "labels"),
        cite("zhang2024"),
    ),
    "group-aligned": Member(
        "groups count alike, and a class has one mean in both",
        lambda counts: GroupAligned(),
        ("logits", "features", "labels", "groups"),
        cite("lu2024"),
    ),
    "shortcut": Member(
        "cross-entropy under primes, and of what they add; of a primed head",
        lambda counts: ShortcutLoss(),
        ("logits", "unprimed", "labels", "shortcuts"),
        cite("wang2024b"),
    ),
    "multiple-centers": Member(
        "cosine to the nearest center of the class, two centers each",
        _two_centers,
        _FEATURES,
        cite("yan2024"),
    ),
    "pick-all-label": Member(
        "sum of the cross-entropies of all labels of a sample",
        lambda counts: PickAllLabel(),
        ("logits", "label sets"),
        cite("li2024"),
    ),
    "decoupled-infonce": Member(
        "decoupled InfoNCE of two views", lambda counts: DecoupledInfoNCE(), _VIEWS, _KERNELS
    ),
    "kernel-contrastive": Member(
        "kernel contrastive loss of two views, Gaussian",
        lambda counts: KernelContrastive(),
        _VIEWS,
        _KERNELS,
    ),
}
