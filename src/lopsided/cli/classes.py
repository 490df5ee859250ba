"""The options by which every verb is told the class counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from lopsided.counting import numbers_of
from lopsided.counts import Counts

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Classes:
    """How many samples each class has; give exactly one of these."""

    counts: Optional[str] = None
    """samples of each class, comma-separated: 50,50,5,5, with names: cat=50,dog=5, or a csv, txt or
    json file of either"""
    step: Optional[str] = None
    """majority classes first: k=10,ratio=100,minority=50[,rho=0.5]"""
    exponential: Optional[str] = None
    """exponential long tail: k=100,largest=500,ratio=100"""
    zipf: Optional[str] = None
    """Zipf's law: k=1000,largest=100000[,exponent=1]"""
    labels: Optional[str] = None
    """a file of whole-number labels to count: npy, or npz or safetensors with an array labels"""

    @property
    def given(self) -> list[str]:
        """The options that were given, as words of the command line."""
        names = ("counts", "step", "exponential", "zipf", "labels")
        return [f"--{name}" for name in names if getattr(self, name) is not None]

    @property
    def file(self) -> Path | None:
        """The file that is read for them, if one is."""
        if self.counts is not None and _is_file(self.counts):
            return Path(self.counts)
        return None if self.labels is None else Path(self.labels)

    def resolve(self) -> Counts:
        """Return the counts.

        Raises:
            ValueError: if not exactly one way is given, or it does not make valid counts.
        """
        if len(self.given) != 1:
            ways = "--counts, --step, --exponential, --zipf or --labels"
            raise ValueError(
                f"give the class counts in exactly one way of {ways}, got"
                f" {' and '.join(self.given) or 'none'}"
            )
        if self.counts is not None:
            return _counts(self.counts)
        if self.labels is not None:
            return Counts.from_labels(_labels(self.labels))
        if self.step is not None:
            return Counts.step(**_fields(self.step, "step"))
        if self.exponential is not None:
            return Counts.exponential(**_fields(self.exponential, "exponential"))
        return Counts.zipf(**_fields(str(self.zipf), "zipf"))

    def code(self, counts: Counts) -> str:
        """Return Python that makes the counts; of many, by their profile or from labels."""
        if counts.k <= LISTED:
            return f"Counts({counts.values.tolist()})"
        for profile in FIELDS:
            if (text := getattr(self, profile)) is not None:
                words = ", ".join(f"{k}={v!r}" for k, v in _fields(text, profile).items())
                return f"Counts.{profile}({words})"
        return "Counts.from_labels(labels)  # those of the training set"


#: Classes whose counts are listed one by one.
LISTED = 50
#: Profile -> the names it needs and the names it may have.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "step": ({"k", "minority", "ratio"}, {"rho"}),
    "exponential": ({"k", "largest", "ratio"}, set()),
    "zipf": ({"k", "largest"}, {"exponent"}),
}


def _is_file(text: str) -> bool:
    """Return whether a text names a file of counts, by its ending."""
    return Path(text.strip()).suffix.lower() in (".csv", ".tsv", ".txt", ".json")


def _counts(text: str) -> Counts:
    if _is_file(text):
        from lopsided.cli.counts_file import read_counts

        return read_counts(Path(text))
    try:
        return Counts.of(text)
    except ValueError as error:
        raise ValueError(f"--counts: {error}") from None


def _labels(path: str) -> npt.NDArray[Any]:
    from lopsided.measure.storage.rows import read_all
    from lopsided.measure.storage.shards import open_arrays

    return read_all(open_arrays(Path(path), ("labels",))["labels"]).reshape(-1)


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
