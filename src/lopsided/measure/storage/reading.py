"""Measuring stored features: in one pass or two, on any engine, under torchrun too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lopsided.arrays import locked
from lopsided.counts import Counts, CountsLike
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.counted import contradicted
from lopsided.measure.engine import engine_of
from lopsided.measure.engine.here import Here
from lopsided.measure.engine.work import Engine, Work, as_it_is
from lopsided.measure.network import sync
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage import plan, shelf, torchrun
from lopsided.measure.storage.plan import Task
from lopsided.measure.storage.shelf import Shelf
from lopsided.measure.storage.store import Progress, Store, open_store
from lopsided.measure.storage.whitened import whitening

#: All classes in one part.
WHOLE = (slice(None),)


def stored(
    path: Store | str | Path,
    *,
    engine: Any = None,
    passes: Literal[1, 2] = 2,
    classes: Classes = "all",
    counts: CountsLike | None = None,
    scratch: str | Path | None = None,
    progress: Progress = lambda rows: None,
) -> Collapse:
    """Measure stored features. Every engine gives the same bits, on machines that are alike.

    Args:
        path: of the features, or what `open_store` opened.
        engine: where the work is done: by default in this process; a number of processes; an
            executor of `concurrent.futures`; a Dask client, the address of its scheduler
            ("tcp://HOST:PORT") or the path of its file; the module `ray` after `ray.init`. Workers
            that die are replaced, but for those of an executor. Under torchrun its processes share
            the work instead.
        passes: 2 reads the data twice, knows nearest class means (NC4) and never forms the (d, d)
            scatter; 1 reads it once, keeps the scatter and knows VCI. Checksums that files state
            are verified in the first pass.
        classes: "all", or "seen" to leave out classes without samples.
        counts: training samples of each class, where the samples measured are others.
        scratch: folder that all workers reach, for the class means between two passes; by default
            where temporary files go, which machines do not share.
        progress: told the number of rows done since the last call.

    Raises:
        ValueError: if a feature is not finite (file, row and class are named), a file is damaged or
            was changed since it was opened, a class has no sample under classes="all", `passes`
            or `engine` is none of these, or the processes of torchrun opened different files.
        ChildProcessError: if workers died of the same rows again and again; they are named.
    """
    if passes not in (1, 2):
        raise ValueError(f"there are 1 or 2 passes, got passes={passes}")
    store = path if isinstance(path, Store) else open_store(path)
    share = torchrun.share(engine, [shard.arrays for shard in store.shards])
    with engine_of(engine) as runner:
        reading = Reading(store, runner, share, progress)
        decisions = None
        if passes == 1:
            moments = reading.once()
        else:
            with shelf.new_folder(scratch) as folder:
                second = reading.twice(folder, classes)
                decisions = None if store.weight is None else second.decisions
                moments = second.moments()
    collapse = Collapse.of(moments, store.weight, store.bias, decisions, classes, counts)
    if counts is not None and torchrun.tells():
        contradicted(collapse, Counts.of(counts), one_epoch=False)
    return collapse


@dataclass(frozen=True)
class Reading:
    """One measurement at work.

    Attributes:
        store: to read.
        engine: that reads it.
        share: of the tasks, under torchrun; else `None`.
        progress: told of rows done.
    """

    store: Store
    engine: Engine
    share: slice | None
    progress: Progress

    def once(self) -> Moments:
        """Return the moments by one pass."""
        new = partial(Moments, self.store.k, self.store.d)
        (moments,) = self._first("moments", new, WHOLE) or [new()]
        return moments if self.share is None else sync.moments(moments)

    def twice(self, folder: Path, classes: Classes) -> SecondPass:
        """Return the second of two passes.

        Args:
            folder: for what workers share between them.
            classes: "all" if each must have samples.
        """
        k, d = self.store.k, self.store.d
        new, parts = partial(Means, k, d), plan.ranges(k, d)
        here = isinstance(self.engine, Here)
        shared = Shelf(folder, tuple(part.start for part in parts))
        if here:
            (means,) = self._first("means", new, WHOLE) or [new()]
            means = means if self.share is None else sync.means(means)
        else:
            shared.lay_out(k, d)
            self._first("means", new, parts, shared.keep)
            means = shared.means()
        if classes == "all":
            means.require_every_class()
        white = whitening(self.engine, means if here else shared, parts)
        weight, bias = self.store.weight, self.store.bias
        head = None if weight is None else locked(weight), bias  # so that it is not copied
        second = SecondPass(means, *(head if here else (None, None)), whitening=white)
        if not here:
            shared.put(weight=head[0], bias=head[1], columns=white.columns, tilt=white.tilt)
        function = partial(plan.second, prepared=second if here else shared)
        sums = self._run(Work("second", function, self._tasks(plan.ROWS), plan.added))
        joint = second.joint(*sums[0]) if sums else second.fresh()
        return joint if self.share is None else sync.second_pass(joint)

    def _first(
        self,
        name: str,
        new: Callable[[], Any],
        parts: tuple[slice, ...],
        keep: Callable[[int, Any], Any] = as_it_is,
    ) -> list[Any]:
        function = partial(plan.first, new=new, classes=parts)
        tasks = self._tasks(max(plan.ROWS, plan.A_CLASS * self.store.k))
        return self._run(Work(name, function, tasks, plan.merged, keep, len(parts)))

    def _tasks(self, rows: int) -> list[Task]:
        return plan.tasks(self.store, rows)[self.share or slice(None)]

    def _run(self, work: Work) -> list[Any]:
        """Return what is kept of each part; nothing where no task is this process's."""
        if not work.tasks:
            return []
        with sync.others_told(self.share is not None):
            return self.engine.run(work, lambda i: self.progress(work.tasks[i].n))
