"""diagnose: measure a trained torch model over a loader, in one call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal

from rich.progress import track

from lopsided.counts import Counts
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import samples_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.counted import contradicted
from lopsided.measure.network import compiled, sync
from lopsided.measure.network.intact import modes_kept, randomness_kept
from lopsided.measure.network.passing import Passing
from lopsided.measure.network.stream import Stream
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.second import SecondPass
from lopsided.needs import torch

_log = logging.getLogger("lopsided")


def diagnose(
    model: Any,
    loader: Iterable[Any],
    counts: Counts | None = None,
    *,
    head: Any = None,
    passes: Literal[1, 2] = 1,
    classes: Classes = "all",
    ignore: Ignore = None,
    shift: int | None = None,
    show_progress: bool = True,
) -> Collapse:
    """Run the model over a loader, and return what features and head show.

    It runs in evaluation mode and without gradients.     The model is left as it was, the mode of
    each layer and the random state too. In a process group of torch.distributed the samples of all
    processes are joined, so every process must call this.

    Args:
        model: a torch module; one that is compiled runs uncompiled meanwhile.
        loader: pairs (inputs, labels), or mappings with `labels` in them that are given to the
            model as keywords.
        counts: training samples of each class.
        head: the last layer; by default the last linear layer, or the one as wide as it that makes
            the model's output; a message names it.
        passes: 2 runs the model twice over the same data and knows nearest class means too (NC4).
        classes: "all", or "seen" to leave out classes without samples.
        ignore: the label, or labels, of positions without a class, such as -100; without it such
            labels are refused.
        shift: 1 where position t of a sequence was trained on the label of t + 1; known of causal
            models of Hugging Face that are given their labels.
        show_progress: show a progress bar.

    Raises:
        ValueError: if the head is not found, is not linear or does not fit, the loader gives
            nothing or can be read only once for two passes, or a sample cannot be used; it is
            named.
        TypeError: if the loader gives anything else, or labels are not whole numbers.

    Example:
        >>> import torch
        >>> data = [(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))]
        >>> round(diagnose(torch.nn.Linear(2, 2), data, passes=2, show_progress=False).nc1, 6)
        0.083333
    """
    if passes not in (1, 2):
        raise ValueError(f"there are 1 or 2 passes, got {passes}")
    if passes == 2 and isinstance(loader, Iterator):
        raise ValueError(
            "two passes read the data twice, and this loader is an iterator, which is spent after"
            " once; give what makes it"
        )
    together = sync.available()
    if together:
        _log.warning(
            "the samples of all processes are joined: every one of them must call diagnose"
        )
    passing = Passing(model, head, counts, ignore=ignore, shift=shift)
    kept: Literal["pooled", "none"] = "pooled" if passes == 1 else "none"
    stream: Stream | None = None

    def first(features: Any, labels: Any, logits: Any) -> None:
        nonlocal stream
        if stream is None:
            stream = Stream(*passing.shape, kept, features.device, ignore)
        stream.update(features, labels, logits)

    def again(features: Any, labels: Any, logits: Any) -> None:
        batch = to_numpy(features), labels, to_numpy(logits)
        second.update(*samples_of(*batch, passing.shape, sentinels(ignore)))

    def read(title: str, take: Callable[[Any, Any, Any], None]) -> None:
        batches = track(loader, title, transient=True, disable=not show_progress)
        with _others_told(together):
            for number, batch in enumerate(batches):
                labels = _run(model, batch)
                try:
                    take(*passing.samples(labels, by_keyword=isinstance(batch, Mapping)))
                except ValueError as error:
                    raise ValueError(f"in batch {number} of the loader: {error}") from error

    with passing, modes_kept(model), randomness_kept(), torch().no_grad(), compiled.eagerly():
        read("measuring", first)
        stream = stream or Stream(*passing.shape, kept)
        joined = stream.sync() if together else stream
        if not joined.n:
            raise ValueError(
                "nothing has been measured: the loader gave no batch, or all its labels say to"
                " leave out"
            )
        moments, decisions = joined.moments, joined.decisions
        head_map = passing.affine.weight_and_bias()
        if passes == 2:
            second = SecondPass(moments)
            read("measuring again", again)
            second = sync.second_pass(second) if together else second
            moments, decisions = second.moments(), second.decisions
    weight, bias = (None if part is None else to_numpy(part) for part in head_map)
    collapse = Collapse.of(moments, weight, bias, decisions, classes, counts)
    if counts is not None:
        contradicted(collapse, counts, one_epoch=False)
    return collapse


@contextmanager
def _others_told(together: bool) -> Iterator[None]:
    """Let the other processes, which wait for samples, know why those of this one will not come."""
    try:
        yield
    except Exception as error:
        if together:
            with suppress(ValueError):
                sync.agree("", problem=str(error))
        raise


def _run(model: Any, batch: Any) -> Any:
    """Run the model on a batch and return the labels."""
    device = next((part.device for part in model.parameters() if part.device.type != "meta"), None)
    if isinstance(batch, Mapping):
        if "labels" not in batch:
            names = ", ".join(map(str, batch))
            raise TypeError(f"a batch that is a mapping must hold 'labels', got {names}")
        model(**{name: _put(value, device) for name, value in batch.items()})
        return batch["labels"]
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise TypeError(
            "the loader must give pairs (inputs, labels) or mappings with 'labels', got a "
            f"{type(batch).__name__}{size}; choose two of it in a loader of your own"
        )
    inputs, labels = batch
    model(_put(inputs, device))
    return labels


def _put(value: Any, device: Any) -> Any:
    return value.to(device) if isinstance(value, torch().Tensor) and device is not None else value
