"""Stored regressions and label sets at work: their tasks are done by any engine, with the same
bits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from lopsided.measure.collapse import Collapse
from lopsided.measure.engine import engine_of
from lopsided.measure.engine.work import Work
from lopsided.measure.label_sets import LabelSets
from lopsided.measure.regression import RegressionCollapse, collapse_of
from lopsided.measure.state.blocks import Batch
from lopsided.measure.state.means import Means
from lopsided.measure.state.regression import RegressionMoments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage import plan
from lopsided.measure.storage.rows import read_all
from lopsided.measure.storage.targets import TargetStore, TargetTask

#: Told how many samples were read.
Progress = Callable[[int], object]


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
    """
    if store.weight is None:
        raise ValueError(
            "a regression is measured with its last layer: give the weight (t, d), beside the"
            " features or by --head"
        )
    tasks = store.tasks()
    with engine_of(engine) as runner:
        work = Work("regression", _regression, tasks, _merged)
        (moments,) = runner.run(work, lambda i: progress(tasks[i].n))
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
        ValueError: if a number is not finite, a sample has no label or all, or fewer than two sets
            occur.
    """
    seen = LabelSets.of(np.concatenate([read_all(shard["labels"]) for shard in store.shards]))
    tasks = store.tasks()
    with engine_of(engine) as runner:
        work = Work("means of sets", partial(_first, seen=seen), tasks, plan.merged)
        (first,) = runner.run(work, lambda i: progress(tasks[i].n))
        second = SecondPass(first, None, None)
        work = Work("second", partial(_second, seen=seen, ready=second), tasks, plan.added)
        (sums,) = runner.run(work, lambda i: progress(tasks[i].n))
    return seen, Collapse.of(second.joint(*sums).moments())


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
