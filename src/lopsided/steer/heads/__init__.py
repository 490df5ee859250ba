"""Heads as torch modules: fixed to a predicted geometry, following the nearest ETF, or
normalised.

`HEADS` lists them by name, as they are made for class counts and feature dimensions: a new one is a
file here and a line there.
"""

from __future__ import annotations

from lopsided.papers import cite
from lopsided.predict import etf, seli
from lopsided.steer.heads.fixed import CosineHead, FixedHead, initialise_
from lopsided.steer.heads.following import NearestETFHead
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.nearest import nearest_etf, nearest_frame
from lopsided.steer.heads.primed import PrimedHead
from lopsided.steer.member import Member

__all__ = [
    "HEADS",
    "CosineHead",
    "FixedHead",
    "NearestETFHead",
    "PrimedHead",
    "frame",
    "initialise_",
    "nearest_etf",
    "nearest_frame",
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
