"""Samples: features and labels in whatever people keep them, read in blocks as often as needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints, plain_array, require_dense
from lopsided.measure.checks import rows_of, samples_of
from lopsided.measure.storage.store import Progress, Store

#: Rows of a block, of an array that is given whole.
ROWS = 4096

#: Features of at least 32 bits with their labels.
Block = tuple[npt.NDArray[Any], Ints]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples that can be read again: iterating yields blocks (features (b, d), labels (b,)).

    Attributes:
        given: a `Store`, a pair (features, labels), or an iterable of such pairs.
        k: number of classes.
        d: feature dimensions.
        what: the samples are, for the sentences: "train" or "held_out".
        progress: told the number of rows read since the last call.
    """

    given: Any
    k: int
    d: int
    what: str
    progress: Progress = lambda rows: None

    def __post_init__(self) -> None:
        if isinstance(self.given, Iterator):
            raise ValueError(
                f"{self.what} is read several times, and this is an iterator, which is spent after"
                " once; give what makes it: a list, a DataLoader, arrays, or an opened store"
            )
        if not isinstance(self.given, Store) and not isinstance(self.given, Iterable):
            raise TypeError(
                f"{self.what} must be a pair (features, labels), an iterable of such pairs or an"
                f" opened store, got {type(self.given).__name__}"
            )

    def __iter__(self) -> Iterator[Block]:
        try:
            for features, labels in self._raw():
                x, y, _ = samples_of(
                    plain_array(features, "features"),
                    plain_array(labels, "labels"),
                    None,
                    (self.k, self.d),
                )
                x = rows_of(x, y, self.d, "features")
                # Not all digits of whole numbers of 32 bits or more are in float32.
                wide = np.result_type(x, np.float32).itemsize > 4
                yield x.astype(np.float64 if wide else np.float32, copy=False), y
                self.progress(len(y))
        except ValueError as error:
            raise ValueError(f"in {self.what}: {error}") from error

    def _raw(self) -> Iterator[tuple[Any, Any]]:
        if isinstance(self.given, Store):
            for span in self.given.spans():
                yield from self.given.batches(span)
        elif _is_pair(self.given):
            features, labels = self.given
            require_dense(features, "features")
            if len(features) != len(labels):
                raise ValueError(
                    f"features and labels must have one row a sample, got {len(features):,} and"
                    f" {len(labels):,}"
                )
            # Rows by their places: of an index of numbers with a point pandas 2 takes the labels.
            x, y = (getattr(part, "iloc", part) for part in (features, labels))
            for start in range(0, len(features), ROWS):
                yield x[start : start + ROWS], y[start : start + ROWS]
        else:
            for batch in self.given:
                if not _is_pair(batch):
                    raise TypeError(
                        f"{self.what} must give pairs (features, labels), got a"
                        f" {type(batch).__name__}"
                    )
                yield batch

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """Return those of all samples, see `fingerprint`."""
        return np.concatenate([self.fingerprint(*block) for block in self])

    def fingerprint(self, features: npt.NDArray[Any], labels: Ints) -> npt.NDArray[np.uint64]:
        """Return numbers (b,) that are the same for samples of the same label and the same
        features, to the 24 bits of float32, and different for others but for one chance in about
        10^19 a pair.
        """
        factors, of_label = self._random
        digits, exponents = np.frexp(features.astype(np.float64))
        rounded = np.ldexp(np.rint(digits * 2**24), exponents - 24) + 0.0  # -0.0 is 0.0
        return np.asarray(_mixed(rounded.view(np.uint64)) @ factors + of_label[labels])

    @cached_property
    def _random(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Factors of the dimensions (d,), and numbers of the labels (k,)."""
        random = np.random.default_rng(0)
        factors = random.integers(1, 2**63, self.d, np.uint64) * 2 + 1
        return factors, random.integers(1, 2**63, self.k, np.uint64)

    @property
    def kept(self) -> bool:
        """Whether they are kept somewhere, and not handed out by somebody."""
        return isinstance(self.given, Store) or _is_pair(self.given)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the samples are read from, as far as that is known."""
        return (
            tuple(shard.path for shard in self.given.shards)
            if isinstance(self.given, Store)
            else ()
        )

    @property
    def read(self) -> tuple[Path, ...]:
        """These files and those of labels and head beside them, as far as that is known."""
        return self.given.files if isinstance(self.given, Store) else ()


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return other numbers for others, of which every bit depends on all: features of few bits,
    such as signs, differ in their first bits alone, and sums of these soon meet.

    Source: the last step of SplitMix64, Steele, Lea and Flood 2014.
    """
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def shares(counts: npt.ArrayLike) -> Floats:
    """Return the share of each class, of which one without samples has half a sample."""
    some = np.maximum(np.asarray(counts, np.float64), 0.5)
    return np.asarray(some / some.sum())


def require_one_order(**given: Any) -> None:
    """Refuse tables of the same columns in different orders: features go by their places.

    Args:
        given: name -> head, or samples, in any form; those of pairs of tables have titles.

    Raises:
        ValueError: naming two of them and the first column that is elsewhere.
    """
    titles = [(what, _titles(pair[0])) for what, pair in given.items() if _is_pair(pair)]
    for (first, wanted), (what, columns) in combinations(titles, 2):
        if columns != wanted and sorted(columns) == sorted(wanted):
            place = next(i for i, title in enumerate(columns) if title != wanted[i])
            raise ValueError(
                f"the columns of {what} are those of {first} in another order: {columns[place]!r}"
                f" stands where {wanted[place]!r} does; put both in one order"
            )


def _titles(table: Any) -> list[str]:
    """Return the names of a table's columns as texts; none of what is no table."""
    # Arrow has columns themselves where others have their names.
    kind = next((name for name in ("column_names", "columns") if hasattr(type(table), name)), None)
    return [] if kind is None else [str(title) for title in getattr(table, kind)]


def _is_pair(given: Any) -> bool:
    return (
        isinstance(given, tuple | list)
        and len(given) == 2
        and not isinstance(given[0], tuple | dict)
        and (hasattr(given[0], "shape") or isinstance(given[0], list))
        and not (isinstance(given[0], list) and _is_pair(given[0]))
    )
