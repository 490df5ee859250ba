"""Counts: how many training samples each class has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from lopsided import needs, notebook
from lopsided.arrays import Ints, locked, require_noun
from lopsided.counting import counts_of, require_counts
from lopsided.groups import Groups, numbers_of
from lopsided.memory import require_memory
from lopsided.numbering import labels_of, present, require_names
from lopsided.profiles import exponential, require_classes, shared, step, zipf

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Counts:
    """The class counts n_1..n_k: k >= 2 positive integers, in the order of the labels.

    Attributes:
        distinct: (m,) the distinct counts, ascending.
        groups: the partition of the classes by their counts; group g holds the classes of count
            `distinct[g]`.
        names: (k,) the classes' names, or None. They label what is shown and change no number:
            counts are equal by their values.

    Example:
        >>> counts = Counts.step(k=4, minority=5, ratio=10)
        >>> counts
        Counts([50, 50, 5, 5])
        >>> counts.distinct, counts.groups.sizes
        (array([ 5, 50]), array([2, 2]))
    """

    distinct: Ints
    groups: Groups
    names: tuple[str, ...] | None

    def __init__(self, values: npt.ArrayLike, names: Sequence[str] | None = None) -> None:
        """Check and group `values`; `Counts.of` takes other forms of them.

        Args:
            values: k whole numbers, one a class.
            names: of the classes, each once; by default those that `Counts` as `values` have.

        Raises:
            ValueError: if there are fewer than two classes, a count is not a whole number from 1 to
                2**53, or the names are not k different ones; the class is named.
            TypeError: if a name is no text.
        """
        own = values.names if isinstance(values, Counts) else None
        array, named = require_counts(values), require_names(own if names is None else names)
        if named is not None and len(named) != len(array):
            raise ValueError(
                f"names must be one for each of the {len(array)} classes, got {len(named)}"
            )
        self._set(array, np.ones(len(array), np.int64), named)

    def _set(self, values: Ints, lengths: Ints, names: tuple[str, ...] | None = None) -> None:
        runs = Groups.of_columns(values)
        starts = np.concatenate([[0], np.cumsum(runs.lengths)[:-1]])
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "distinct", locked(np.unique(values[starts])))
        object.__setattr__(self, "groups", Groups(runs.labels, np.add.reduceat(lengths, starts)))

    @classmethod
    def _of_runs(cls, values: npt.ArrayLike, lengths: npt.ArrayLike) -> Counts:
        counts = cls.__new__(cls)
        counts._set(require_counts(values, classes="run of classes"), np.asarray(lengths, np.int64))
        return counts

    @classmethod
    def of(cls, given: CountsLike) -> Counts:
        """Return counts as they are, and what people keep counts in as `Counts`; every function
        that takes counts asks this.

        Args:
            given: `Counts`; a sequence, array, tensor or column of a table, one whole number a
                class; a `Counter`, a dictionary or a column with an index from names, or from
                0..k-1, to counts; or text such as "50, 20, 5".

        Raises:
            ValueError: if a number is no count or a name comes twice; the class is named.
            TypeError: if names are neither texts nor the labels 0..k-1.

        Example:
            >>> Counts.of({"cat": 50, "dog": 20}), Counts.of("50, 20, 5")
            (Counts([50, 20], names=['cat', 'dog']), Counts([50, 20, 5]))
        """
        return given if isinstance(given, Counts) else cls(*counts_of(given))

    @classmethod
    def from_shares(cls, shares: Any, total: int = 10**15) -> Counts:
        """Return the counts of classes of which only the shares are known: of pixels, of tokens, of
        a population.

        As the ridge vanishes only ratios of counts matter, and these are kept to `1 / (2 count)`.
        At a finite ridge give the real number of samples, or take none of the numbers literally.
        Equal shares have equal counts, so their sum can differ from `total` by up to half a sample
        a class.

        Args:
            shares: positive numbers in any scale, in the forms that `of` takes.
            total: whole number of samples to share.

        Raises:
            ValueError: if a share is not positive and finite or would be less than half a sample,
                or the total is none.

        Example:
            >>> Counts.from_shares([0.5, 0.3, 0.2], total=10)
            Counts([5, 3, 2])
        """
        given, names = counts_of(shares)
        names = shares.names if isinstance(shares, Counts) else names
        return cls(shared(given, total), names)

    @classmethod
    def step(cls, k: int, minority: int, ratio: float, rho: float = 0.5) -> Counts:
        """(R, rho)-STEP imbalance: majority classes first, then `rho * k` minority classes.

        Args:
            k: number of classes.
            minority: samples of a minority class.
            ratio: R, samples of a majority class over samples of a minority class, at least 1.
            rho: fraction of the *classes* that are minorities, strictly between 0 and 1.

        Raises:
            ValueError: if `rho * k` or `ratio * minority` is not a whole number, or an argument is
                out of range.
        """
        return cls._of_runs(*step(k, minority, ratio, rho))

    @classmethod
    def exponential(cls, k: int, largest: int, ratio: float) -> Counts:
        """Exponential long tail: class c has `int(largest / ratio ** (c / (k - 1)))` samples (Cao
        et al. 2019).

        Raises:
            ValueError: if an argument is out of range or the last class would have no sample.
        """
        return cls(exponential(k, largest, ratio))

    @classmethod
    def zipf(cls, k: int, largest: int, exponent: float = 1.0) -> Counts:
        """Zipf's law: class c has `int(largest / (c + 1) ** exponent)` samples.

        Raises:
            ValueError: if an argument is out of range or the last class would have no sample.
        """
        return cls(zipf(k, largest, exponent))

    @classmethod
    def from_labels(
        cls, labels: Any, k: int | None = None, names: Sequence[str] | None = None
    ) -> Counts:
        """Count labels: the numbers 0..k-1, or names.

        Args:
            labels: (n,) or (n, 1) whole numbers, or texts: array, tensor, sequence or column of a
                table.
            k: number of classes; by default the largest label plus one.
            names: of the classes in their order; by default names among the labels are sorted, or
                in the order of the categories that a column of a table has, and none may be a
                number.

        Raises:
            ValueError: if labels are neither whole numbers nor texts, numbers are among names, a
                label is none of the classes, or a class has no sample; sample or class is named.
            TypeError: if a name is no text.

        Example:
            >>> Counts.from_labels(["dog", "cat", "dog"])
            Counts([1, 2], names=['cat', 'dog'])
        """
        if k is not None:
            require_classes(k)
        numbers, known = labels_of(labels, names)
        return cls(present(numbers, len(known) if k is None and known is not None else k), known)

    def called(self, classes: npt.ArrayLike | None = None) -> list[str]:
        """Return what classes are called, by their names or else by their numbers.

        Args:
            classes: their numbers; by default all of them.

        Raises:
            IndexError: for a class that does not exist, or what is no whole number.

        Example:
            >>> Counts([5, 2], ["cat", "dog"]).called([1]), Counts([5, 2]).called()
            (['dog'], ['0', '1'])
        """
        asked = () if classes is None else np.atleast_1d(numbers_of(classes, self.k)).tolist()
        numbers = range(self.k) if classes is None else asked
        return [str(c) if self.names is None else self.names[c] for c in numbers]

    def called_by_group(self, groups: Groups | None = None) -> list[list[str]]:
        """Return what the classes of each group are called; by default groups of equal counts, the
        smallest first.
        """
        groups = self.groups if groups is None else groups
        require_noun(groups, Groups, "groups")
        called: list[list[str]] = [[] for _ in range(groups.m)]
        for group, name in zip(groups.expand(np.arange(groups.m)), self.called(), strict=True):
            called[group].append(name)
        return called

    @property
    def values(self) -> Ints:
        """(k,) the counts in the order of the labels."""
        return self.groups.expand(self.distinct)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.groups.k

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(int(v) * int(s) for v, s in zip(self.distinct, self.groups.sizes, strict=True))

    @property
    def ratio(self) -> float:
        """R: the largest count over the smallest."""
        return float(self.distinct[-1] / self.distinct[0])

    @property
    def minorities(self) -> Ints:
        """The minority classes: rare among these counts, and at most half as large as the largest
        class.

        Rare is below the geometric mean of the largest and the smallest count. That alone would
        make minorities of half the classes of MNIST, whose counts are balanced but for a little
        jitter.
        """
        values, largest = self.values, int(self.distinct[-1])
        rare = values < np.sqrt(float(self.distinct[0]) * float(largest))
        return np.flatnonzero(rare & (values <= largest // 2))

    def to_records(self) -> list[dict[str, Any]]:
        """Return a row a class, with its name or number and its count, as pandas and polars take
        them.

        Example:
            >>> Counts([5, 2], ["cat", "dog"]).to_records()
            [{'class': 'cat', 'count': 5}, {'class': 'dog', 'count': 2}]
        """
        named = range(self.k) if self.names is None else self.names
        return [
            {"class": name, "count": n} for name, n in zip(named, self.values.tolist(), strict=True)
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the counts: see `lopsided.plot.counts`.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        axes: Axes = needs.plot().counts(self, ax)
        return axes

    def _repr_html_(self) -> str:
        order = notebook.picked(np.argsort(-self.values, kind="stable"))
        facts = f"{self.k:,} classes, {self.n:,} samples, ratio {self.ratio:.6g}"
        drawn = notebook.rows("Samples", self.called(order), self[order], of=self.k)
        return notebook.card("Counts", notebook.said(facts), drawn)

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[int]:
        return iter(self.values.tolist())

    @overload
    def __getitem__(self, c: int) -> int: ...
    @overload
    def __getitem__(self, c: slice | Sequence[int] | Ints) -> Ints: ...
    def __getitem__(self, c: int | slice | Sequence[int] | Ints) -> int | Ints:
        """Return the count of a class, or an array of the counts of several: a slice, or their
        numbers.
        """
        if isinstance(c, slice):
            c = np.arange(*c.indices(self.k))
        found = self.distinct[self.groups.of_class(c)]
        return found if isinstance(found, np.ndarray) else int(found)

    def take(self, classes: Ints) -> Counts:
        """Return the counts of some of the classes, in the order given, with their names."""
        names = None if self.names is None else [self.names[c] for c in classes]
        return Counts(self[classes], names)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Return the counts, so that numpy takes them for the array they stand for."""
        if copy is False:
            raise ValueError(
                "counts are stored by runs of equal ones, so numpy has to be allowed a copy"
            )
        require_memory(8.0 * self.k, f"an array of {self.k:,} counts")
        return np.asarray(self.values, dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(self.values.tobytes())

    def __repr__(self) -> str:
        if self.k <= 20:
            names = "" if self.names is None else f", names={list(self.names)}"
            return f"Counts({self.values.tolist()}{names})"
        return (
            f"Counts(k={self.k:,}, n={self.n:,}, from {self.distinct[-1]:,} to"
            f" {self.distinct[0]:,}, {self.groups.m:,} distinct)"
        )


#: What `Counts.of` takes.
CountsLike = Counts | npt.ArrayLike | Mapping[Any, Any]
