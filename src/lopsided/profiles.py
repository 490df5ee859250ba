"""Profiles: the class counts of the imbalances that papers use, and of shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST_EXACT, Floats, Ints, require_finite, require_number


def step(k: int, minority: int, ratio: float, rho: float) -> tuple[list[int], list[int]]:
    """Return the counts of the two runs of (R, rho)-STEP imbalance, and the classes of each.

    Raises:
        ValueError: as `Counts.step`.
    """
    require_classes(k)
    for name, value in (("minority", minority), ("ratio", ratio), ("rho", rho)):
        require_number(value, name)
    # Plain numbers, whose product does not leave the range of a narrow type.
    minority, ratio = np.asarray(minority).item(), np.asarray(ratio).item()
    if not (1 <= minority <= LARGEST_EXACT and 1 <= ratio < np.inf):
        raise ValueError(
            f"ratio must be at least 1 and finite, minority from 1 to 2**53, got ratio={ratio},"
            f" minority={minority}"
        )
    few, large = float(rho * k) if 0 < rho < 1 else 0.0, ratio * minority
    if not 0 < round(few) < k or abs(few - round(few)) > 1e-9 * k:
        raise ValueError(
            f"rho must leave a whole number of minority classes between 1 and {k - 1}, got"
            f" rho={rho}, k={k}"
        )
    if not large < np.inf or abs(large - round(large)) > 1e-9 * large:
        raise ValueError(
            f"ratio * minority must be a whole number, got ratio={ratio}, minority={minority}"
        )
    return [round(large), minority], [k - round(few), round(few)]


def exponential(k: int, largest: int, ratio: float) -> Ints:
    """Return the (k,) counts of an exponential long tail.

    Raises:
        ValueError: as `Counts.exponential`.
    """
    require_classes(k)
    _tail_arguments(largest, ratio, "ratio", 1)
    return _whole(largest, np.asarray(ratio ** (np.arange(k) / (k - 1)), np.float64))


def zipf(k: int, largest: int, exponent: float) -> Ints:
    """Return the (k,) counts of Zipf's law.

    Raises:
        ValueError: as `Counts.zipf`.
    """
    require_classes(k)
    _tail_arguments(largest, exponent, "exponent", 0)
    with np.errstate(over="ignore"):  # to counts of 0, which are refused
        powers = np.arange(1, k + 1, dtype=np.float64) ** exponent
    return _whole(largest, powers)


def _whole(largest: int, powers: Floats) -> Ints:
    """Return the whole parts of a count over powers."""
    # A quotient: 1 / ratio rounds, and 49 * (1 / 49) is less than 1.
    found = largest / powers
    # Powers round too: 32 / 32 ** 0.8 is 2, and in float64 less.
    whole = np.rint(found)
    error = np.finfo(np.float64).eps * (2 + np.log(np.minimum(powers, LARGEST_EXACT))) * found
    return np.where(np.abs(found - whole) <= error, whole, np.floor(found)).astype(np.int64)


def shared(shares: npt.ArrayLike, total: int) -> Floats:
    """Return the (k,) whole numbers of samples of shares of a total.

    Raises:
        ValueError: as `Counts.from_shares`.
    """
    if (
        isinstance(total, bool)
        or not isinstance(total, int | np.integer)
        or not 2 <= total <= LARGEST_EXACT
    ):
        raise ValueError(f"total must be a whole number from 2 to 2**53, got {total!r}")
    array = np.atleast_1d(require_finite(shares, "shares", positive=True))
    if len(array) < 2:
        raise ValueError(f"shares must be at least 2 positive numbers, one a class, got {shares!r}")
    part = array / array.max()
    counts = np.rint(part / part.sum() * total)
    if (counts < 1).any():
        c = int(np.argmin(counts))
        raise ValueError(
            f"share {array[c]:g} of class {c} is less than half of one sample in {total:,};"
            " leave the class out"
        )
    return np.asarray(counts)


def require_classes(k: Any) -> None:
    """Refuse a number of classes that is none.

    Raises:
        ValueError: naming it.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 2:
        raise ValueError(f"a classifier needs a whole number of at least 2 classes, got {k!r}")
    if k > LARGEST_EXACT:
        raise ValueError(f"at most 2**53 classes can be told apart, got {k}")


def _tail_arguments(largest: float, value: float, name: str, least: float) -> None:
    require_number(largest, "largest")
    require_number(value, name)
    if not 1 <= largest <= LARGEST_EXACT or largest != int(largest):
        raise ValueError(f"largest must be a whole number from 1 to 2**53, got {largest}")
    if not least <= value < np.inf:
        raise ValueError(f"{name} must be a finite number of at least {least}, got {value}")
