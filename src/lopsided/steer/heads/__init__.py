"""Heads as torch modules: fixed to a predicted geometry, following the nearest ETF, normalised,
mixed, or of distances.

`HEADS` lists them by name, as they are made for class counts and feature dimensions: a new one is a
file here and a line there.
"""

from __future__ import annotations

from lopsided import needs

needs.torch()  # its absence is told in a sentence, whichever module is imported

from lopsided.papers import cite
from lopsided.predict import etf, seli
from lopsided.steer.heads.distance import PrototypeHead
from lopsided.steer.heads.fixed import CosineHead, FixedHead, initialise_
from lopsided.steer.heads.following import NearestETFHead
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.mixed import MixedHead, mix_for_confidence
from lopsided.steer.heads.nearest import nearest_etf, nearest_frame
from lopsided.steer.heads.primed import PrimedHead
from lopsided.steer.heads.prototypes import assign, flow
from lopsided.steer.heads.sparse import sparse_frame
from lopsided.steer.member import Member

__all__ = [
    "HEADS",
    "CosineHead",
    "FixedHead",
    "MixedHead",
    "NearestETFHead",
    "PrimedHead",
    "PrototypeHead",
    "assign",
    "flow",
    "frame",
    "initialise_",
    "mix_for_confidence",
    "nearest_etf",
    "nearest_frame",
    "sparse_frame",
]

#: Name -> head.
HEADS: dict[str, Member] = {
    "fixed-etf": Member(
        "classifiers fixed to the simplex ETF",
        lambda counts, d: FixedHead(etf(counts.k), d),
        ("features",),
        cite("yang2022"),
    ),
    "fixed-etf-lengths": Member(
        "directions fixed to the simplex ETF, squared lengths n / (k n_c)",
        lambda counts, d: FixedHead(etf(counts.k), d, lengths=counts),
        ("features",),
        cite("yang2022"),
    ),
    "fixed-seli": Member(
        "classifiers fixed to SELI of the class counts",
        lambda counts, d: FixedHead(seli(counts), d),
        ("features",),
        cite("thrampoulidis2022"),
    ),
    "nearest-etf": Member(
        "the simplex ETF nearest to the class means",
        lambda counts, d: NearestETFHead(d, counts.k),
        ("features", "labels"),
        cite("markou2024"),
    ),
    "sparse-etf": Member(
        "classifiers fixed to a simplex ETF of many zeros",
        lambda counts, d: FixedHead.of_vectors(sparse_frame(counts.k, d)),
        ("features",),
        cite("xiao2024"),
    ),
    "mixed-etf": Member(
        "logits of a learned head and of the simplex ETF, half and half until it is matched",
        lambda counts, d: MixedHead(d, counts.k),
        ("features",),
        cite("ni2025"),
    ),
    "prototype": Member(
        "minus half the distance to a learned prototype",
        lambda counts, d: PrototypeHead(d, counts.k),
        ("features",),
        cite("sharma2023"),
    ),
    "cosine": Member(
        "learned directions, logits are cosines",
        lambda counts, d: CosineHead(d, counts.k),
        ("features",),
        cite("wang2017"),
    ),
    "primed": Member(
        "linear, told the shortcut of each sample in training",
        lambda counts, d: PrimedHead(d, counts.k),
        ("features", "shortcuts"),
        cite("wang2024b"),
    ),
}
