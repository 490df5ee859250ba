"""Kinds of deep runs, in words: what was trained, on what, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from string import ascii_uppercase

from lopsided.counts import Counts
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.data import DATASETS
from lopsided.reproduce.settings import Training

#: What is compared of two geometries, in the order of `Distances`.
PARTS = ("classifiers", "class means", "logits")

DeepRun = Run[Training, Numbers]

#: Given counts of more sizes are told by a hash.
_LISTED = 6

#: Settings that are named where they are not the default.
_SPECIAL = (
    "largest",
    "rho",
    "split",
    "batch",
    "rate",
    "momentum",
    "weight_decay",
    "schedule",
    "device",
    "amp",
)


def kind(run: DeepRun) -> str:
    """Return what was trained, but for the seed; runs of one kind are averaged."""
    s, counts = run.settings, run.numbers.counts
    model = f"MLP {s.depth}×{s.width}" if s.model == "mlp" else f"{s.model}, width {s.width}"
    profile = {"step": "STEP ", "exponential": "exponential ", "given": _given(counts)}[s.profile]
    if s.profile == "exponential" and not _exponential(counts):  # it ends at a whole number
        profile = f"exponential (ratio {s.ratio:g}) "
    ratio = max(counts) / min(counts)
    bias = "" if s.bias == "none" else f", {s.bias} bias"
    default = Training()
    special = "".join(
        f", {name.replace('_', ' ')} {getattr(s, name)}"
        for name in _SPECIAL
        if getattr(s, name) != getattr(default, name)
    )
    return f"{model} on {data_title(run)}, {profile}R = {ratio:g}{bias}, {s.epochs} epochs{special}"


def data_title(run: DeepRun) -> str:
    """Return what the images are called: one's own by their path, for several may have one name."""
    dataset = run.settings.dataset
    return run.numbers.title if dataset in DATASETS else dataset


def _exponential(counts: Sequence[int]) -> bool:
    """Return whether counts are the exponential tail of their ratio."""
    falling = sorted(counts, reverse=True)
    tail = Counts.exponential(len(falling), falling[0], falling[0] / falling[-1])
    return list(tail) == falling


def _given(counts: Sequence[int]) -> str:
    """Return what tells given counts from others of their ratio; their order is no matter."""
    falling = sorted(counts, reverse=True)
    sizes = [f"{times} × {size:,}" for size, times in Counter(falling).items()]
    if len(sizes) <= _LISTED:
        shown = " and ".join(filter(None, [", ".join(sizes[:-1]), sizes[-1]]))
    else:
        mark = "" if _exponential(counts) else f" ({_hash(falling)})"
        shown = f"{len(counts)} classes of {falling[0]:,} to {falling[-1]:,}{mark}"
    return f"{shown} samples{'' if list(counts) == falling else ', permuted'}, "


def heading(run: DeepRun) -> str:
    """Return what was trained, in one line."""
    return f"{kind(run)}, seed {run.settings.seed}"


def _hash(counts: Sequence[int]) -> str:
    """Return what tells a list of many counts from others."""
    return sha256(",".join(map(str, counts)).encode()).hexdigest()[:6]


def lettered(place: int, name: str) -> str:
    """Return a name with the letters by which figures call it: A to Z, then AA, AB and so on."""
    letters, left = "", place + 1
    while left:
        left, last = divmod(left - 1, len(ascii_uppercase))
        letters = ascii_uppercase[last] + letters
    return f"{letters}: {name}"
