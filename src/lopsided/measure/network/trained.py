"""trained: measure a trained torch model over a loader, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from lopsided.counts import Counts, CountsLike
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import samples_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.counted import contradicted
from lopsided.measure.network import sync
from lopsided.measure.network.run import Part, Run
from lopsided.measure.network.stream import Stream
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.means import Means
from lopsided.measure.state.second import SecondPass

#: How far the mean of a class may move from pass to pass, of the distance of the means from their
#: own and of their length: a GPU sums in another order each time.
MOVED, ROUNDED = 1e-3, 1e-4


def trained(
    model: Any,
    loader: Iterable[Any],
    counts: CountsLike | None = None,
    *,
    head: Any = None,
    passes: Literal[1, 2] = 1,
    classes: Classes = "all",
    ignore: Ignore = None,
    shift: int | None = None,
    inputs: Part = None,
    labels: Part = None,
    show_progress: bool = True,
) -> Collapse:
    """Run a trained model over a loader, and return what features and head show.

    It runs in evaluation mode and without gradients. The model is left as it was, the mode of each
    layer and the random state too. In a process group of torch.distributed the samples of all
    processes are joined, so every process must call this; the same samples in all of them count
    once.

    Args:
        model: a torch module; one that is compiled runs uncompiled meanwhile.
        loader: batches: pairs (inputs, labels), or mappings with `labels` in them that are given to
            the model as keywords; of others say `inputs` and `labels`.
        counts: training samples of each class.
        head: the last layer, or its name in the model; by default the last linear layer, or the one
            as wide as it that makes the model's output; a message names it.
        passes: 2 runs the model twice over the same data and knows nearest class means too (NC4).
        classes: "all", or "seen" to leave out classes without samples.
        ignore: the label, or labels, of positions without a class, such as -100; without it such
            labels are refused.
        shift: 1 where position t of a sequence was trained on the label of t + 1; known of causal
            models of Hugging Face that are given their labels.
        inputs: what of a batch the model is given: a function of the batch, or a place or name in
            it; a tuple is given as arguments, a mapping as keywords.
        labels: what of a batch the labels are, likewise.
        show_progress: show a progress bar.

    Raises:
        ValueError: if the head is not found, is not linear or does not fit, the loader gives
            nothing or, for two passes, can be read only once or changes what it gives, or a sample
            cannot be used; it is named.
        TypeError: if the loader gives anything else, or labels are not whole numbers.

    Example:
        >>> import torch
        >>> data = [(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))]
        >>> round(trained(torch.nn.Linear(2, 2), data, passes=2, show_progress=False).nc1, 6)
        0.083333
    """
    if passes not in (1, 2):
        raise ValueError(f"there are 1 or 2 passes, got {passes}")
    if passes == 2 and isinstance(loader, Iterator):
        raise ValueError(
            "two passes read the data twice, and this loader is an iterator, which is spent after"
            " once; give what makes it"
        )
    counts = None if counts is None else Counts.of(counts)
    run = Run(
        model,
        counts,
        head=head,
        ignore=ignore,
        shift=shift,
        inputs=inputs,
        labels=labels,
        show_progress=show_progress,
    )
    passing = run.passing
    kept: Literal["pooled", "none"] = "pooled" if passes == 1 else "none"
    stream: Stream | None = None

    def first(features: Any, labels: Any, logits: Any) -> None:
        nonlocal stream
        if stream is None:
            stream = Stream(*passing.shape, kept, features.device, ignore)
        stream.update(features, labels, logits, linear=True)

    def again(features: Any, labels: Any, logits: Any) -> None:
        batch = to_numpy(features), labels, to_numpy(logits)
        x, y, z = samples_of(*batch, passing.shape, sentinels(ignore))
        second.update(x, y, z, linear=True)
        seen.update(x, y)

    with run:
        shared = run.read(loader, "measuring", first)
        stream = stream or Stream(*passing.shape, kept)
        joined = stream.sync() if shared else stream
        if not joined.n:
            raise ValueError(
                "nothing has been measured: the loader gave no batch, or all its labels say to"
                " leave out"
            )
        moments, decisions = joined.moments, joined.decisions
        head_map = run.head()
        if passes == 2:
            second, seen = SecondPass(moments), Means(*passing.shape)
            if run.read(loader, "measuring again", again):
                second, seen = sync.second_pass(second), sync.means(seen)
            moments, decisions = second.moments(), second.decisions
            _require_same(moments, seen)
    weight, bias = (None if part is None else to_numpy(part) for part in head_map)
    collapse = Collapse.of(moments, weight, bias, decisions, classes, counts)
    if counts is not None:
        contradicted(collapse, counts, one_epoch=False)
    return collapse


def _require_same(first: Means, second: Means) -> None:
    """Refuse features of a second pass that are not those of the first, up to rounding.

    Raises:
        ValueError: if the mean of a class moved.
    """
    there = np.flatnonzero(first.counts)
    one, other = first.means[there], second.means[there]
    apart = np.linalg.norm(one - one.mean(axis=0), axis=1).max()
    moved, length = (np.linalg.norm(part, axis=1) for part in (one - other, one))
    if moved.max() > MOVED * apart + ROUNDED * length.max():
        raise ValueError(
            "the second pass saw other features than the first, the mean of class"
            f" {there[moved.argmax()]} moved: a loader that changes its samples at random is"
            " measured in one pass (passes=1), or give one without augmentation"
        )
