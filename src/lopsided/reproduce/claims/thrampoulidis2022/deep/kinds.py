"""Kinds of deep runs, in words: what was trained, on what, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_uppercase

from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.settings import Training

#: What is compared of two geometries, in the order of `Distances`.
PARTS = ("classifiers", "class means", "logits")

DeepRun = Run[Training, Numbers]

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
    """Return what was trained, but for the seed."""
    s, counts = run.settings, run.numbers.counts
    model = f"MLP {s.depth}×{s.width}" if s.model == "mlp" else f"{s.model}, width {s.width}"
    profile = {"step": "STEP ", "exponential": "exponential ", "given": _given(counts)}[s.profile]
    ratio = max(counts) / min(counts)
    bias = "" if s.bias == "none" else f", {s.bias} bias"
    default = Training()
    special = "".join(
        f", {name.replace('_', ' ')} {getattr(s, name)}"
        for name in _SPECIAL
        if getattr(s, name) != getattr(default, name)
    )
    return (
        f"{model} on {run.numbers.title}, {profile}R = {ratio:g}{bias}, {s.epochs} epochs{special}"
    )


def _given(counts: Sequence[int]) -> str:
    """Return what tells given counts from others of their ratio; their order is no matter."""
    falling = sorted(counts, reverse=True)
    sizes = [f"{times} × {size:,}" for size, times in Counter(falling).items()]
    shown = (
        " and ".join(sizes)
        if len(sizes) <= 2
        else f"{len(counts)}, {falling[0]:,} to {falling[-1]:,}"
    )
    return f"{shown} samples{'' if list(counts) == falling else ', permuted'}, "


def heading(run: DeepRun) -> str:
    """Return what was trained, in one line."""
    return f"{kind(run)}, seed {run.settings.seed}"


def lettered(place: int, name: str) -> str:
    """Return a name with the letters by which figures call it: A to Z, then AA, AB and so on."""
    letters, left = "", place + 1
    while left:
        left, last = divmod(left - 1, len(ascii_uppercase))
        letters = ascii_uppercase[last] + letters
    return f"{letters}: {name}"
