"""The whitening of so many class means that no process holds them all: from sums over ranges of
classes, in two readings of them.

Where means are few, or the sums tell too little, it is that of all means at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure.engine.work import Engine, Work
from lopsided.measure.state.center import ROUNDING
from lopsided.measure.state.means import Means
from lopsided.measure.state.whitening import Whitening, from_gram
from lopsided.measure.storage.shelf import Shelf

Source = Means | Shelf


class Around(NamedTuple):
    """Sums over classes with samples of their means from an origin: as they are and by samples, and
    the largest number in the means.
    """

    plain: Floats
    weighted: Floats
    largest: float


def whitening(engine: Engine, source: Source, classes: tuple[slice, ...]) -> Whitening:
    """Return the whitening of the classes that have samples.

    Args:
        engine: that reads the ranges.
        source: the means, or the shelf that they lie on.
        classes: the ranges.

    Raises:
        ValueError: if no class has a sample.
        MemoryError: if it has to be that of all means at once, and they take more than half of this
            machine's memory.
    """
    means = _means(source)
    seen = np.flatnonzero(means.counts)
    k, d = len(seen), means.d
    if len(classes) > 1 and k > d:
        origin = np.array(means.means[seen[0]])
        around = _sum(engine, "center", partial(_around, source, origin), classes, _joined)
        center = around.plain / k
        gram = _sum(engine, "gram", partial(_gram, source, origin, center), classes, np.add)
        # Then the largest distance from the centre is more than rounding, too.
        apart = np.trace(gram) > k * d * (ROUNDING * around.largest) ** 2
        if apart and (columns := from_gram(gram)) is not None:
            return Whitening(columns, (center - around.weighted / means.n) @ columns, k)
    return Whitening.of(means.take(seen))


def _sum(engine: Engine, name: str, function: Any, classes: Sequence[slice], add: Any) -> Any:
    """Return the sum of what a function returns of each range."""
    return engine.run(Work(name, function, classes, add), lambda i: None)[0]


def _means(source: Source) -> Means:
    return source.means() if isinstance(source, Shelf) else source


def _apart(source: Source, origin: Floats, classes: slice) -> tuple[Floats, Ints, float]:
    """Return the means of a range from an origin, how many samples stand behind each, and the
    largest number in them.
    """
    means = _means(source)
    part = np.arange(means.k)[classes]
    here = means.take(part[means.counts[part] > 0])
    return (
        here.means - origin + here.rests,
        here.counts,
        float(np.abs(here.means).max(initial=0.0)),
    )


def _around(source: Source, origin: Floats, classes: slice) -> list[Around]:
    apart, counts, largest = _apart(source, origin, classes)
    return [Around(apart.sum(axis=0), counts @ apart, largest)]


def _joined(one: Around, other: Around) -> Around:
    return Around(
        one.plain + other.plain, one.weighted + other.weighted, max(one.largest, other.largest)
    )


def _gram(source: Source, origin: Floats, center: Floats, classes: slice) -> list[Floats]:
    apart, _, _ = _apart(source, origin, classes)
    apart -= center
    return [apart.T @ apart]
