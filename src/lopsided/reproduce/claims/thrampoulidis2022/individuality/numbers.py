"""What the claim individuality can be told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lopsided.reproduce.choices import Whole
from lopsided.reproduce.claims.thrampoulidis2022.which_law.numbers import Settings as Chosen
from lopsided.reproduce.typed import Bounds
from lopsided.split import Split


@dataclass(frozen=True)
class Settings(Chosen):
    """Which runs are looked at, and how.

    Attributes:
        permutations: of the classes, of each test.
        images: of each class, from which the similarity of the classes is taken.
    """

    permutations: Annotated[int, Bounds(least=1, most=10**6)] = 4999
    images: Whole = 500


@dataclass(frozen=True)
class Part:
    """Why one run is not its law.

    Attributes:
        kind: what was trained, but for the seed.
        title: of the data.
        ratio: R.
        weight_decay: of training.
        seed: of the run.
        fitted: whether every class of the training set is.
        split: of the distance to its prediction.
    """

    kind: str
    title: str
    ratio: float
    weight_decay: float
    seed: int
    fitted: bool
    split: Split


@dataclass(frozen=True)
class Course:
    """How the parts of a kind of run change over training, means over its runs.

    Attributes:
        kind: what was trained.
        ratio: R.
        epochs: that were observed.
        classifiers: law part.
        embeddings: law part of the visible class means.
        logits: law part.
        hidden: share of the class means that the head does not see.
    """

    kind: str
    ratio: float
    epochs: tuple[int, ...]
    classifiers: tuple[float, ...]
    embeddings: tuple[float, ...]
    logits: tuple[float, ...]
    hidden: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """How far the average of m aligned runs is from the law, m = 1, 2, ...

    Attributes:
        distances: root mean square over all choices of m runs.
        law: the misfit of the average over runs and over classes of equal count.
        individual: what makes runs and classes of equal count differ.
        across: the limit of `distances` for many runs, from pairs of runs alone; 0 where the
            pairs say less than nothing.
    """

    distances: tuple[float, ...]
    law: float
    individual: float
    across: float

    def expected(self) -> list[float]:
        """Return what `distances` would be if the individual parts had nothing in common once
        classes are aligned by count.
        """
        return [
            float((self.law**2 + self.individual**2 / m) ** 0.5)
            for m in range(1, len(self.distances) + 1)
        ]


@dataclass(frozen=True)
class Average:
    """Runs that differ in the order of their class counts, aligned by count and averaged.

    Attributes:
        kind: what was trained.
        title: of the data.
        ratio: R.
        equals: whether some classes have equal counts; if none has, only other orders tell the law
            from single classes, and `Curve.law` is of all runs together.
        curves: of classifiers, visible class means, logits, and class means as they are.
    """

    kind: str
    title: str
    ratio: float
    equals: bool
    curves: dict[str, Curve]


@dataclass(frozen=True)
class Unit:
    """Runs of one network on one data set, in one order of the counts or in several.

    Attributes:
        name: network and data.
        title: of the data.
        classes: what the classes are; two data sets may have the same.
        runs: how many.
        within: mean correlation of the individual parts of two of them; None of a single one.
        images: correlation with the cosines of the class means of the images, where the data is
            there, and the share of relabellings that reach it.
        confusion: with the confusions of a linear classifier.
    """

    name: str
    title: str
    classes: str
    runs: int
    within: float | None
    images: tuple[float, ...]
    confusion: tuple[float, ...]


@dataclass(frozen=True)
class Pair:
    """How the individual parts of two units correlate.

    Attributes:
        first: place of a unit.
        second: place of another.
        correlation: of what makes single pairs of classes differ.
        p: share of relabellings of the classes of one that reach it.
    """

    first: int
    second: int
    correlation: float
    p: float


@dataclass(frozen=True)
class Kinship:
    """Who has which individual part, of class means or of classifiers.

    Attributes:
        units: networks on data.
        pairs: of units.
    """

    units: tuple[Unit, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Numbers:
    """What runs owe to the law, to their data, and to what the head does not see.

    Attributes:
        parts: of every run.
        courses: of every kind of run that kept its split, epoch by epoch.
        averages: of runs that differ in the order of their counts.
        kinship: of "class means" and of "classifiers".
        missing: data sets that were not there, of which no similarity is known.
    """

    parts: tuple[Part, ...]
    courses: tuple[Course, ...]
    averages: tuple[Average, ...]
    kinship: dict[str, Kinship]
    missing: tuple[str, ...]
