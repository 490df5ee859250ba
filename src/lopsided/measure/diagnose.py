"""diagnose: measure a trained torch model over a loader, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from rich.progress import track

from lopsided.counts import Counts
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.head import find_head
from lopsided.measure.needs import torch
from lopsided.measure.second import SecondPass
from lopsided.measure.stream import Stream
from lopsided.measure.tensors import to_numpy


def diagnose(
    model: Any,
    loader: Iterable[Any],
    counts: Counts | None = None,
    *,
    head: Any = None,
    passes: Literal[1, 2] = 1,
    classes: Classes = "all",
    show_progress: bool = True,
) -> Collapse:
    """Run the model over a loader, in evaluation mode and without gradients, and return what features and head show.

    Args:
        model: a torch module; its mode is put back afterwards.
        loader: pairs (inputs, labels), or mappings with `labels` in them that are given to the model as keywords.
        counts: training samples of each class.
        head: the last layer; by default the last linear layer, which a message names.
        passes: 2 runs the model twice over the same data and knows nearest class means too (NC4).
        classes: "all", or "seen" to leave out classes without samples.
        show_progress: show a progress bar.

    Raises:
        ValueError: if the head is not found or does not fit, or a sample cannot be used; it is named.

    Example:
        >>> import torch
        >>> data = [(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))]
        >>> round(diagnose(torch.nn.Linear(2, 2), data, passes=2, show_progress=False).nc1, 6)
        0.083333
    """
    if passes not in (1, 2):
        raise ValueError(f"there are 1 or 2 passes, got {passes}")
    _, layer = find_head(model, head, counts)
    weight, bias = to_numpy(layer.weight), None if getattr(layer, "bias", None) is None else to_numpy(layer.bias)
    with _evaluating(model), _captured(layer) as seen:

        def samples(title: str) -> Iterator[tuple[Any, Any, Any]]:
            for batch in track(loader, title, transient=True, disable=not show_progress):
                labels = _run(model, batch, layer.weight.device)
                yield seen["features"], labels, seen["logits"]

        k, d = weight.shape
        stream = Stream(k, d, scatter="pooled" if passes == 1 else "none", device=layer.weight.device)
        for features, labels, logits in samples("measuring" if passes == 1 else "measuring, first pass"):
            stream.update(features, labels, logits)
        if passes == 1:
            return stream.compute(weight, bias, classes, counts)
        second = SecondPass(stream.moments, weight, bias)
        for features, labels, _ in samples("measuring, second pass"):
            second.update(to_numpy(features), to_numpy(labels))
    return Collapse.of(second.moments(), weight, bias, second.decisions, classes, counts)


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        with torch().no_grad():
            yield
    finally:
        model.train(training)


@contextmanager
def _captured(layer: Any) -> Iterator[dict[str, Any]]:
    """Hold what the head last saw and answered."""
    seen: dict[str, Any] = {}
    hook = layer.register_forward_hook(lambda _layer, inputs, output: seen.update(features=inputs[0], logits=output))
    try:
        yield seen
    finally:
        hook.remove()


def _run(model: Any, batch: Any, device: Any) -> Any:
    """Run the model on a batch and return the labels."""
    if isinstance(batch, Mapping):
        model(**{name: value.to(device) for name, value in batch.items()})
        return batch["labels"]
    inputs, labels = batch
    model(inputs.to(device))
    return labels
