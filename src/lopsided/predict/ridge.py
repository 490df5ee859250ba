"""The check that every geometry of a finite ridge makes at its door."""

from __future__ import annotations

from lopsided.arrays import require_finite


def require_ridge(ridge: float, *, or_zero: bool) -> None:
    """Refuse a ridge that is no number, negative, or so small or large that its square is no float.

    Raises:
        ValueError: naming the ridge.
    """
    require_finite(ridge, "ridge")
    if not (1e-100 <= ridge <= 1e100 or (or_zero and ridge == 0)):
        raise ValueError(f"the ridge must be {'0 or ' * or_zero}from 1e-100 to 1e100, got {ridge}")
