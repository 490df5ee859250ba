"""The options by which every verb is told the class counts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Optional

from lopsided.cli.given import STDIN, is_listed
from lopsided.counts import Counts
from lopsided.numerals import numbers_of


@dataclass(frozen=True)
class _Counted:
    """The ways that all verbs have."""

    counts: Optional[str] = None
    """samples of each class, comma-separated: 50,50,5,5, with names: cat=50,dog=5; or a csv, txt,
    json or parquet file of them; - for standard input"""
    step: Optional[str] = None
    """majority classes first: k=10,ratio=100,minority=50[,rho=0.5]"""
    exponential: Optional[str] = None
    """exponential long tail: k=100,largest=500,ratio=100"""
    zipf: Optional[str] = None
    """Zipf's law: k=1000,largest=100000[,exponent=1]"""

    @property
    def listed(self) -> str | None:
        """The file of labels to count."""
        return None

    @property
    def settings(self) -> dict[str, str]:
        """The options that were given, and their values."""
        found = {
            f"--{each.name.replace('_', '-')}": getattr(self, each.name) for each in fields(self)
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def given(self) -> list[str]:
        """The options that were given, as words of the command line."""
        return list(self.settings)

    @property
    def file(self) -> Path | None:
        """The file that is read for them, if one is."""
        if self.counts is not None and self.counts != STDIN and is_listed(self.counts):
            return Path(self.counts)
        return None if self.listed in (None, STDIN) else Path(str(self.listed))

    def resolve(self, ignore: tuple[int, ...] = ()) -> Counts:
        """Return the counts.

        Args:
            ignore: labels of samples to leave out, where labels are counted.

        Raises:
            ValueError: if not exactly one way is given, or it does not make valid counts.
        """
        if len(self.given) != 1:
            *ways, last = (f"--{each.name.replace('_', '-')}" for each in fields(self))
            raise ValueError(
                f"give the class counts in exactly one way of {', '.join(ways)} or {last}, got"
                f" {' and '.join(self.given) or 'none'}"
            )
        if self.counts is not None:
            return _counts(self.counts)
        if self.listed is not None:
            from lopsided.cli.labels_file import read_labels
            from lopsided.labels import left_out

            labels = read_labels(self.listed)
            out = left_out(labels, ignore) if labels.dtype.kind in "iu" else None
            return Counts.from_labels(labels if out is None else labels[~out])
        if self.step is not None:
            return Counts.step(**_fields(self.step, "step"))
        if self.exponential is not None:
            return Counts.exponential(**_fields(self.exponential, "exponential"))
        return Counts.zipf(**_fields(str(self.zipf), "zipf"))

    def of_all(self, k: int, ignore: tuple[int, ...]) -> Counts | None:
        """Return the counts, where they were given, of all classes of a head of k: one of which the
        samples are left out was trained all the same.

        Raises:
            ValueError: as `resolve`.
        """
        marks = tuple(label for label in ignore if not 0 <= label < k)
        return self.resolve(marks) if self.given else None

    def code(self, counts: Counts) -> str:
        """Return Python that makes the counts; of many, by their profile or from labels."""
        if counts.k <= LISTED:
            named = "" if counts.names is None else f", names={list(counts.names)}"
            return f"Counts({counts.values.tolist()}{named})"
        for profile in FIELDS:
            if (text := getattr(self, profile)) is not None:
                words = ", ".join(f"{k}={v!r}" for k, v in _fields(text, profile).items())
                return f"Counts.{profile}({words})"
        return "Counts.from_labels(labels)  # those of the training set"


@dataclass(frozen=True)
class Classes(_Counted):
    """How many samples each class has; give exactly one of these."""

    labels: Optional[str] = None
    """labels to count, one a sample: a csv, txt, json or parquet file of numbers or names, npy, or
    npz or safetensors with an array labels; - for standard input"""

    @property
    def listed(self) -> str | None:
        """The file of labels to count."""
        return self.labels


@dataclass(frozen=True)
class Training(_Counted):
    """How many training samples each class had; by default the samples measured."""

    training_labels: Optional[str] = None
    """labels of the training set to count, one a sample: a csv, txt, json or parquet file of
    numbers or names, npy, or npz or safetensors with an array labels; - for standard input"""

    @property
    def listed(self) -> str | None:
        """The file of labels to count."""
        return self.training_labels


#: Classes whose counts are listed one by one.
LISTED = 50
#: Profile -> the names it needs and the names it may have.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "step": ({"k", "minority", "ratio"}, {"rho"}),
    "exponential": ({"k", "largest", "ratio"}, set()),
    "zipf": ({"k", "largest"}, {"exponent"}),
}


def _counts(text: str) -> Counts:
    if is_listed(text):
        from lopsided.cli.counts_file import read_counts

        return read_counts(text)
    try:
        return Counts.of(text)
    except ValueError as error:
        raise ValueError(f"--counts: {error}") from None


def _fields(text: str, option: str) -> dict[str, Any]:
    required, optional = FIELDS[option]
    values: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or name not in required | optional:
            raise ValueError(
                f"--{option} takes {', '.join(sorted(required | optional))} as name=value, got"
                f" {part!r}"
            )
        if name in values:
            raise ValueError(f"--{option} has {name} twice")
        values[name] = _number(value, f"{name} of --{option}")
    if missing := required - values.keys():
        raise ValueError(f"--{option} also needs {', '.join(sorted(missing))}")
    return values


def _number(word: str, where: str) -> float | int:
    try:
        return int(word)  # first, because large whole numbers are not floats
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        raise ValueError(f"{where} must be a number, got {word!r}") from None
    # A point may part the thousands of a number of samples or classes, and not of a ratio.
    if where.startswith(("k ", "largest ", "minority ")):
        numbers_of(word)
    return int(number) if number.is_integer() else number
