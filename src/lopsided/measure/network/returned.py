"""What a model returned, beside what its head answered: whose answers, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lopsided.needs import torch

#: Columns by which rows are told apart.
COLUMNS = 8


def tensors_of(output: Any) -> Iterator[Any]:
    """Yield the real tensors of two axes or more that a model returned, its logits first."""
    if isinstance(output, torch().Tensor):
        if output.is_floating_point() and output.ndim > 1:
            yield output
    elif isinstance(output, Mapping):
        for name in sorted(output, key=lambda name: name != "logits"):
            yield from tensors_of(output[name])
    elif isinstance(output, list | tuple):
        yield from tensors_of(getattr(output, "logits", None))
        for part in output:
            yield from tensors_of(part)
    elif hasattr(output, "logits"):
        yield from tensors_of(output.logits)


def same(one: Any, other: Any) -> bool:
    """Return whether two tensors have the same shape and numbers, in whatever types."""
    if one.shape != other.shape or one.device != other.device:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def same_decisions(one: Any, other: Any) -> bool:
    """Return whether two tensors decide alike, as logits and their logarithmic softmax do."""
    if one.shape != other.shape or one.device != other.device:
        return False
    return bool((one.argmax(-1) == other.argmax(-1)).all())


def reordered(one: Any, other: Any) -> bool:
    """Return whether two tensors have the same rows in another order."""
    width = one.shape[-1]
    if one.device != other.device or (one.numel(), width) != (other.numel(), other.shape[-1]):
        return False
    rows, others = (part.reshape(-1, width)[:, :COLUMNS] for part in (one, other))
    return not same(rows, others) and same(rows.sort(0).values, others.sort(0).values)


def pooled(features: Any, logits: Any, answer: Any) -> tuple[Any, Any] | None:
    """Return features (b, d) and logits (b, k) of the one token a sequence that a model kept.

    Args:
        features: (b, t, d) of all tokens.
        logits: (b, t, k) of all tokens.
        answer: what the model returned; if that is not (b, k), or of no token, there is no result.
    """
    if answer.shape != (len(logits), logits.shape[2]) or answer.device != logits.device:
        return None
    kept = (logits == answer[:, None]).all(-1)
    if not bool(kept.any(1).all()):
        return None
    index = torch().arange(len(kept), device=kept.device), kept.int().argmax(1)
    return features[index], logits[index]
