"""Kinds of deep runs, in words: what was trained, on what, and how."""

from __future__ import annotations

from dataclasses import asdict
from string import ascii_uppercase

from lopsided.reproduce.record import Record
from lopsided.reproduce.settings import Training

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


def kind(record: Record) -> str:
    """Return what was trained, but for the seed."""
    c = record.configuration
    model = (
        f"MLP {c['depth']}×{c['width']}"
        if c["model"] == "mlp"
        else f"{c['model']}, width {c['width']}"
    )
    profile = {"step": "STEP ", "exponential": "exponential ", "given": ""}[c["profile"]]
    ratio = max(record.numbers["counts"]) / min(record.numbers["counts"])
    bias = "" if c["bias"] == "none" else f", {c['bias']} bias"
    default = asdict(Training())
    special = "".join(
        f", {name.replace('_', ' ')} {c[name]}" for name in _SPECIAL if c[name] != default[name]
    )
    return (
        f"{model} on {record.numbers['title']}, {profile}R = {ratio:g}{bias}, {c['epochs']}"
        f" epochs{special}"
    )


def heading(record: Record) -> str:
    """Return what was trained, in one line."""
    return f"{kind(record)}, seed {record.configuration['seed']}"


def lettered(place: int, name: str) -> str:
    """Return a name with the letter by which figures call it."""
    return f"{ascii_uppercase[place]}: {name}" if place < len(ascii_uppercase) else name
