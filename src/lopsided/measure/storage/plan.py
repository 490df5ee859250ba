"""The plan of a measurement: its tasks, cut over the data alone, and what each of them does.

Tasks are the same whoever runs them and how many there are, and their functions change nothing that
they are given. They are small: a task knows its files and what their headers said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.blocks import Batch
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage.shelf import Shelf
from lopsided.measure.storage.store import Span, Store
from lopsided.memory import require_memory

State = TypeVar("State", bound=Means)

#: Samples of a task, if it is not the last.
ROWS = 65_536
#: Samples a class in a task of the first pass, whose state has a mean of every class: it is then at
#: most an eighth of the float32 features read.
A_CLASS = 64
#: Bytes of means that are merged as one part.
PART = 2**28


@dataclass(frozen=True)
class Task:
    """Some rows, of one shard or of several that follow each other.

    Attributes:
        store: the shards with these rows, without the head.
        spans: the rows.
    """

    store: Store
    spans: tuple[Span, ...]

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(span.stop - span.start for span in self.spans)

    def __str__(self) -> str:
        shard, start, stop = self.spans[0]
        more = f" and {len(self.spans) - 1:,} files after it" if len(self.spans) > 1 else ""
        return f"rows {start:,} to {stop - 1:,} of {self.store.shards[shard].path}{more}"

    def batches(self, verify: bool) -> Iterator[Batch]:
        """Read features and labels, checked, without samples to leave out.

        Args:
            verify: whether the task with the first rows of a file answers for its checksum.

        Raises:
            ValueError: if a file is damaged or has changed, or a feature is not finite; file, row
                and class are named.
        """
        for span in self.spans:
            yield from self.store.batches(span, verify=verify)


def tasks(store: Store, rows: int) -> list[Task]:
    """Return all rows in the order of the files, cut in tasks of so many."""
    cut, spans, room = list[Task](), list[Span](), rows
    for i, shard in enumerate(store.shards):
        start = 0
        while start < shard.n:
            stop = min(start + room, shard.n)
            spans.append(Span(i, start, stop))
            room, start = room - (stop - start), stop
            if not room:
                cut.append(_task(store, spans))
                spans, room = [], rows
    return [*cut, _task(store, spans)] if spans else cut


def _task(store: Store, spans: list[Span]) -> Task:
    first = spans[0].shard
    shards = store.shards[first : spans[-1].shard + 1]
    part = replace(store, shards=shards, weight=None, bias=None)
    return Task(part, tuple(span._replace(shard=span.shard - first) for span in spans))


def ranges(k: int, d: int) -> tuple[slice, ...]:
    """Return the classes in ranges whose means take a part each; one where all means fit in it.

    Raises:
        MemoryError: if not even the counts of so many classes can be held.
    """
    require_memory(
        8.0 * k,
        f"a count for each of {k:,} classes",
        "number the classes without gaps, or measure fewer",
    )
    parts = min(max(-(-16 * k * d // PART), 1), k)
    cuts = [k * i // parts for i in range(parts + 1)]
    return tuple(slice(start, stop) for start, stop in pairwise(cuts))


def first(task: Task, new: Callable[[], State], classes: Sequence[slice]) -> list[State]:
    """Read a task for the first time: the state of each range of classes.

    Args:
        task: what to read.
        new: makes a state without samples.
        classes: the ranges.
    """
    state = new()
    state.fold(task.batches(verify=True))
    if len(classes) == 1:
        return [state]
    everything = np.arange(state.k)
    return [state.take(everything[part]) for part in classes]


def merged(one: State, other: State) -> State:
    """Return the state of all samples of two. Both stay as they are: an engine that lost what came
    of them merges them again.
    """
    result = one.copy()
    result.merge(other)
    return result


class Sums(NamedTuple):
    """What a second pass adds up: counts and spreads (k,), two traces, and decisions."""

    counts: Ints
    spread: Floats
    traces: Floats
    decisions: Decisions


def second(task: Task, prepared: SecondPass | Shelf) -> list[Sums]:
    """Read a task for the second time."""
    ready = prepared.second_pass() if isinstance(prepared, Shelf) else prepared
    here = ready.fresh()
    here.fold(task.batches(verify=False))
    return [Sums(*here.sums(), here.decisions)]


def added(one: Sums, other: Sums) -> Sums:
    """Return the sums over all samples of two; both stay as they are."""
    decisions = Decisions(one.decisions.k)
    for each in (one, other):
        decisions.merge(each.decisions)
    return Sums(
        one.counts + other.counts,
        one.spread + other.spread,
        one.traces + other.traces,
        decisions,
    )
