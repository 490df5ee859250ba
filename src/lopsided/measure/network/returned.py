"""What a model returned, beside what its head answered: whose answers, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lopsided.needs import torch

#: Columns by which rows are told apart.
COLUMNS = 8


def tensors_of(output: Any, axes: int = 2) -> Iterator[Any]:
    """Yield the real tensors of so many axes or more that a model returned, its logits first."""
    if isinstance(output, torch().Tensor):
        if output.is_floating_point() and output.ndim >= axes:
            yield output
    elif isinstance(output, Mapping):
        for name in sorted(output, key=lambda name: name != "logits"):
            yield from tensors_of(output[name], axes)
    elif isinstance(output, list | tuple):
        yield from tensors_of(getattr(output, "logits", None), axes)
        for part in output:
            yield from tensors_of(part, axes)
    elif hasattr(output, "logits"):
        yield from tensors_of(output.logits, axes)


def same(one: Any, other: Any) -> bool:
    """Return whether two tensors have the same shape and numbers, in whatever types."""
    if one.shape != other.shape or one.device != other.device:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def same_decisions(one: Any, other: Any) -> bool:
    """Return whether two tensors decide alike, as logits and their logarithmic softmax do; where
    one of them has several largest numbers by rounding, the other may tell these apart.
    """
    if one.shape != other.shape or one.device != other.device:
        return False
    first, second = one.argmax(-1, keepdim=True), other.argmax(-1, keepdim=True)
    alike = first == second
    largest = (one.gather(-1, second) == one.gather(-1, first)) | (
        other.gather(-1, first) == other.gather(-1, second)
    )
    return bool(largest.all()) and 2 * int(alike.sum()) > alike.numel()


def reordered(one: Any, other: Any) -> bool:
    """Return whether two tensors have the same rows in another order."""
    width = one.shape[-1]
    if one.device != other.device or (one.numel(), width) != (other.numel(), other.shape[-1]):
        return False
    rows, others = (part.reshape(-1, width)[:, :COLUMNS] for part in (one, other))
    return not same(rows, others) and same(rows.sort(0).values, others.sort(0).values)


def pooled(
    features: Any, logits: Any, answer: Any, inputs: Sequence[Any] = ()
) -> tuple[Any, Any] | None:
    """Return features (b, d) and logits (b, k) of the one token a sequence that a model kept.

    Args:
        features: (b, t, d) of all tokens.
        logits: (b, t, k) of all tokens.
        answer: what the model returned; if that is not (b, k), or of no token, there is no result.
        inputs: tables of whole numbers that it was given.

    Raises:
        ValueError: if other tokens have the same answers, and it is not known which was kept.
    """
    if answer.shape != (len(logits), logits.shape[2]) or answer.device != logits.device:
        return None
    may = (logits == answer[:, None]).all(-1)
    if not bool(may.any(1).all()):
        return None
    sequences, place = torch().arange(len(may), device=may.device), may.int().argmax(1)
    if not bool((may.sum(1) == 1).all()):
        # In half precision few numbers stand for the answers of two classes.
        rules = (kept for kept in _ends(may, inputs) if bool(may[sequences, kept].all()))
        found = next(rules, None)
        one = features[sequences, place][:, None]
        if found is None and bool((may & (features != one).any(-1)).any()):
            raise ValueError(
                "the model returned the answers of one token of each sequence, and other tokens"
                f" have the same answers in {logits.dtype}, so it is not known whose features they"
                " are; measure in float32, or give pooled features to a measure.Stream"
            )
        place = place if found is None else found
    index = sequences, place
    return features[index], logits[index]


def _ends(may: Any, inputs: Sequence[Any]) -> Iterator[Any]:
    """Yield (b,) the tokens that models keep of sequences (b, t), the likeliest rule first: the
    last that a mask leaves, the last, the last before those that fill up, the same of each.
    """
    (b, t), tables = may.shape, [given.to(may.device) for given in inputs]
    tables = [given for given in tables if given.shape == may.shape]
    masks = [ones for given in tables if bool(((ones := given == 1) | (given == 0)).all())]
    at = torch().arange(t, device=may.device)
    yield from ((at * mask).argmax(1) for mask in masks if bool(mask.any(1).all()))
    yield at[-1:].expand(b)
    for given in tables:
        filling, often = given[:, -1].unique(return_counts=True)
        for number in filling[often.argsort(descending=True)]:
            yield (at * (given != number)).argmax(1)
    yield from at[may.all(0)].flip(0)[:, None].expand(-1, b)
