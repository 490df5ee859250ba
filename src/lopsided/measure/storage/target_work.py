"""Stored regressions and label sets at work: their tasks are done by any engine, with the same
bits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from lopsided.arrays import require_noun
from lopsided.measure.collapse import Collapse
from lopsided.measure.engine import engine_of
from lopsided.measure.engine.work import Engine, Work
from lopsided.measure.label_sets import LabelSets
from lopsided.measure.network import sync
from lopsided.measure.regression import RegressionCollapse, collapse_of
from lopsided.measure.state.blocks import Batch
from lopsided.measure.state.means import Means
from lopsided.measure.state.regression import RegressionMoments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage import plan, torchrun
from lopsided.measure.storage.rows import read_all
from lopsided.measure.storage.store import Progress
from lopsided.measure.storage.targets import TargetStore, TargetTask


def stored_regression(
    store: TargetStore, *, engine: Any = None, progress: Progress = lambda rows: None
) -> tuple[RegressionMoments, RegressionCollapse]:
    """Measure a stored regression in one pass.

    Args:
        store: features, targets and the head.
        engine: where the work is done: see `lopsided.measure.stored`.
        progress: told the number of rows done since the last call.

    Raises:
        ValueError: if there is no weight, a number is not finite (file and row are named), or the
            regression cannot be measured: see `regression_collapse`.
        TypeError: if it is no store of targets.
    """
    require_noun(store, TargetStore, "what is measured", "open_targets opens one")
    if store.weight is None:
        raise ValueError(
            "a regression is measured with its last layer: give the weight (t, d), beside the"
            " features or by --head"
        )
    share = torchrun.share(engine, store.shards)
    with engine_of(engine) as runner:
        found = _run(store, share, runner, progress, "regression", _regression, _merged)
    moments = found or RegressionMoments(store.d, store.shards[0]["targets"].shape[1])
    moments = moments if share is None else sync.regression(moments)
    return moments, collapse_of(moments, store.weight)


def stored_sets(
    store: TargetStore, *, engine: Any = None, progress: Progress = lambda rows: None
) -> tuple[LabelSets, Collapse]:
    """Measure stored samples of several labels, each set seen as a class, in two passes.

    Args:
        store: features and labels.
        engine: where the work is done: see `lopsided.measure.stored`.
        progress: told the number of rows done since the last call.

    Returns:
        The sets, and the measurement of their embeddings; it has no head, for the head's rows are
        labels and not sets.

    Raises:
        ValueError: if a number is not finite, or a sample has no label or all (file and sample are
            named), or fewer than two sets occur.
        TypeError: if it is no store of targets.
    """
    require_noun(store, TargetStore, "what is measured", "open_targets opens one")
    seen = _sets(store)
    share = torchrun.share(engine, store.shards)
    with engine_of(engine) as runner:
        here = partial(_run, store, share, runner, progress)
        means = here("means of sets", partial(_first, seen=seen), plan.merged)
        means = means or Means(seen.m, store.d)
        means = means if share is None else sync.means(means)
        second = SecondPass(means, None, None)
        sums = here("second", partial(_second, seen=seen, ready=second), plan.added)
    second = second.joint(*sums) if sums else second
    second = second if share is None else sync.second_pass(second)
    return seen, Collapse.of(second.moments())


def _sets(store: TargetStore) -> LabelSets:
    """Return the sets in all files.

    Raises:
        ValueError: as `LabelSets.of`; the file is named, in which the sample is counted.
    """
    rows = {shard["labels"].path: read_all(shard["labels"]) for shard in store.shards}
    try:
        return LabelSets.of(np.concatenate([*rows.values()]))
    except ValueError:
        for path, own in rows.items():
            try:
                LabelSets.of(own)
            except ValueError as error:
                if len(own):
                    raise ValueError(f"in {path}: {error}") from error
        raise


def _run(
    store: TargetStore,
    share: slice | None,
    engine: Engine,
    progress: Progress,
    name: str,
    function: Callable[[TargetTask], list[Any]],
    merge: Callable[[Any, Any], Any],
) -> Any:
    """Return what this process's share of the tasks comes to; `None` where it has none."""
    tasks = store.tasks()[share or slice(None)]
    if not tasks:
        return None
    work = Work(name, function, tasks, merge)
    with sync.others_told(share is not None):
        return engine.run(work, lambda i: progress(tasks[i].n))[0]


def _regression(task: TargetTask) -> list[RegressionMoments]:
    shard = task.store.shards[0]
    moments = RegressionMoments(task.store.d, shard["targets"].shape[1])
    for features, targets in task.batches():
        moments.update(features, targets)
    return [moments]


def _merged(one: RegressionMoments, other: RegressionMoments) -> RegressionMoments:
    result = copy.copy(one)  # its arrays are replaced by a merge and never written to
    result.merge(other)
    return result


def _numbered(task: TargetTask, seen: LabelSets) -> Iterator[Batch]:
    for features, rows in task.batches():
        yield features, seen.numbers(rows)


def _first(task: TargetTask, seen: LabelSets) -> list[Means]:
    means = Means(seen.m, task.store.d)
    means.fold(_numbered(task, seen))
    return [means]


def _second(task: TargetTask, seen: LabelSets, ready: SecondPass) -> list[plan.Sums]:
    here = ready.fresh()
    here.fold(_numbered(task, seen))
    return [plan.Sums(*here.sums(), here.decisions)]
