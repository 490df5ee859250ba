"""Measuring stored features: in one pass or two, in one process or many, under torchrun too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Literal, TypeVar

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import CountsLike
from lopsided.lifeline import Workers
from lopsided.measure.checks import rows_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.network import sync
from lopsided.measure.state.blocks import Batch
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage.store import Span, Store
from lopsided.needs import need

State = TypeVar("State", Means, Moments, SecondPass)


def stored(
    store: Store,
    *,
    passes: Literal[1, 2] = 2,
    processes: int = 1,
    classes: Classes = "all",
    counts: CountsLike | None = None,
    progress: Callable[[int], object] = lambda rows: None,
) -> Collapse:
    """Measure stored features.

    Args:
        store: opened features.
        passes: 2 reads the data twice, knows nearest class means (NC4) and never forms the (d, d)
            scatter; 1 reads it once, keeps the scatter and knows VCI.
        processes: processes that share the work; each holds one state and reads its own rows. Under
            torchrun the processes started there share it instead. Checksums that files state are
            verified in the first pass.
        classes: "all", or "seen" to leave out classes without samples.
        counts: training samples of each class, where the samples measured are others.
        progress: told the number of rows done since the last call.

    Raises:
        ValueError: if a feature is not finite (file, row and class are named), a file is damaged or
            was changed since it was opened, a class has no sample under classes="all", or `passes`
            or `processes` is out of range.
        ChildProcessError: if one of the processes was ended from outside.
    """
    if passes not in (1, 2) or processes < 1:
        raise ValueError(
            f"there are 1 or 2 passes and at least 1 process, got passes={passes} and"
            f" processes={processes}"
        )
    spans, joined = _share(store.spans())
    if passes == 1:
        moments = _read(store, spans, Moments(store.k, store.d), processes, progress)
        moments = sync.moments(moments) if joined else moments
        return Collapse.of(moments, store.weight, store.bias, None, classes, counts)
    first = _read(store, spans, Means(store.k, store.d), processes, progress)
    first = sync.means(first) if joined else first
    if classes == "all":
        first.require_every_class()
    second = _read(store, spans, SecondPass(first, store.weight, store.bias), processes, progress)
    second = sync.second_pass(second) if joined else second
    decisions = None if store.weight is None else second.decisions
    return Collapse.of(second.moments(), store.weight, store.bias, decisions, classes, counts)


def _share(spans: list[Span]) -> tuple[list[Span], bool]:
    """Return this process's spans, and whether torchrun started others that have the rest."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return spans, False
    distributed = need("torch.distributed", "'lopsided[torch]'")
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    return spans[distributed.get_rank() :: distributed.get_world_size()], True


def _read(
    store: Store, spans: list[Span], state: State, processes: int, progress: Callable[[int], object]
) -> State:
    """Bring the rows of the spans into a state."""
    shares = [share for i in range(processes) if (share := spans[i::processes])]
    if len(shares) < 2:
        return _fold(store, spans, state, progress)
    done, reported = get_context("spawn").Value("q", 0), 0
    with _one_thread_each(), Workers(len(shares), _start_worker, store, done) as pool:
        pending = {pool.submit(_work, share, state) for share in shares}
        while pending:
            finished, pending = wait(pending, timeout=0.2)
            progress(done.value - reported)
            reported = done.value
            for work in finished:
                try:
                    state.merge(work.result())
                except BrokenProcessPool:
                    raise ChildProcessError(
                        f"one of {len(shares)} processes was ended from outside, as happens where"
                        " memory is short; nothing was measured, try fewer"
                    ) from None
    return state


def _fold(
    store: Store, spans: list[Span], state: State, progress: Callable[[int], object]
) -> State:
    for span in spans:
        # The process that has the first rows of a shard answers for its sum, once.
        if span.start == 0 and not isinstance(state, SecondPass):
            store.shards[span.shard].arrays["features"].verify()
        state.fold(_checked(store, span, progress))
    return state


def _checked(store: Store, span: Span, progress: Callable[[int], object]) -> Iterator[Batch]:
    for start, features, labels in store.batches(span):
        kept, y = store.kept(labels)
        numbers = np.arange(start, start + len(labels))[kept]

        def place(i: int, numbers: Ints = numbers) -> str:
            return f"row {numbers[i]} of {store.shards[span.shard].path}"

        yield rows_of(features[kept], y, store.d, "features", place), y
        progress(len(labels))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started here keep to one thread of linear algebra, lest they fight for the
    cores.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_worker: dict[str, Any] = {}


def _start_worker(store: Store, done: Any) -> None:
    _worker.update(store=store, done=done)


def _work(spans: list[Span], state: State) -> State:
    done = _worker["done"]

    def progress(rows: int) -> None:
        with done.get_lock():
            done.value += rows

    return _fold(_worker["store"], spans, state, progress)
