"""Answered: whether what a model returns is what its head answered, or is made of it.

Classifiers are measured from the head, and training moves what the model returns. A softmax
changes nothing, a temperature one factor, an offset of each class only the bias. A model that
returns its head's answers negated or its classes in another order has other classifiers than its
head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lopsided.measure.network.head import ONE
from lopsided.measure.network.returned import reordered, same, same_decisions
from lopsided.needs import torch

#: Rounding allowed, in units of the type's own, and in all.
ROUNDING, LARGEST = 64, 0.03
#: What is left of answers beside a factor of logits, at most, of what they have in common.
PART = 0.25


def require_own(
    name: str,
    logits: Any,
    answers: Sequence[Any],
    *,
    guessed: bool,
    chosen: bool,
    rivals: Sequence[str] = (),
    lone: str = "",
) -> str:
    """Return in a sentence what a model makes of its head's answers, or nothing.

    Args:
        name: of the head.
        logits: (*batch, k) that it answered.
        answers: tensors that the model returned.
        guessed: whether it is not sure yet that this layer is the head.
        chosen: whether somebody said that it is. Of several answers the first one is the model's:
            the others may be those of its parts, such as two heads whose mean it returns.
        rivals: names of other layers in the pass that can be the head as well.
        lone: name of a last layer of one output, where the model returned a number a sample.

    Raises:
        ValueError: if the model returns the answers in another order of rows or of classes, or
            negated; or, where the head is guessed, none that come from it, or nothing that tells it
            from its rivals.
    """
    k, rows = logits.shape[-1], logits.reshape(-1, logits.shape[-1])
    alike = [z for answer in answers if (z := beside(answer, logits)) is not None]
    if any(reordered(rows, answer) for answer in alike):
        raise ValueError(
            f"the model returns the answers {tuple(logits.shape)} of the head {name!r} in "
            "another order of rows, so labels do not lie beside their features; give features "
            "in the order of the labels to a measure.Stream"
        )
    if not alike and guessed and lone:
        raise ValueError(
            f"the model returns one number a sample, as its last layer {lone!r} of one output does,"
            f" and not the {k} answers of the layer {name!r}; if that is the head all the same, say"
            f" so (head=...){ONE}"
        )
    if not alike and guessed and len(answers) == 1 and not _has_classes(answers[0], logits):
        raise _elsewhere(name)
    if not alike and guessed and rivals:  # of maps that were made larger, or of a loss alone
        raise _several(name, rivals)
    own = [same(rows, answer) for answer in alike]
    if not alike or own[0] or (chosen and any(own)):
        return ""
    alike = alike[:1] if any(own) or (guessed and rivals) else alike
    found = [_made(rows, answer) for answer in alike]
    for made in ("negated", "in another order of classes"):
        if made in found:
            raise ValueError(
                f"the model returns the answers of the head {name!r} {made}, so its classifiers"
                " are not those of the head; write them into the head's weight, or give features"
                " and the head that you mean to a measure.Stream"
            )
    if known := [made for made in found if made is not None]:
        return known[0] and f"the model returns the answers of the head {name!r} {known[0]}"
    if guessed and rivals:  # a mean of them can decide as each of them does
        raise _several(name, rivals)
    if guessed and not any(same_decisions(rows, answer) for answer in alike):
        raise _elsewhere(name)
    return (
        f"the model returns something of the shape of the answers of the head {name!r} that is"
        " not made of them in a way known here"
    )


def makes(logits: Any, answer: Any) -> bool:
    """Return whether what a model returned is made of a layer's answers (*batch, k) in a way that
    is known here; of two samples of two classes any are, by a factor and offsets, which tells
    nothing.
    """
    rows, laid = logits.reshape(-1, logits.shape[-1]), beside(answer, logits)
    if laid is None or (rows.shape[1] == 2 and len(rows) <= 2):
        return False
    return reordered(rows, laid) or _made(rows, laid) is not None


def beside(answer: Any, logits: Any) -> Any:
    """Return the rows (n, k) of an answer beside those of logits (*batch, k), or `None` if it has
    others; losses of places take the classes before the places.
    """
    k = logits.shape[-1]
    if answer.numel() != logits.numel() or k not in (answer.shape[-1], answer.shape[1]):
        return None
    return (answer if answer.shape[-1] == k else answer.movedim(1, -1)).reshape(-1, k)


def _has_classes(answer: Any, logits: Any) -> bool:
    """Return whether an answer has an axis of the classes of logits (*batch, k): the last, or that
    before other places. A batch may have as many samples, a sequence as many places, as the layer
    has outputs.
    """
    k, shape = logits.shape[-1], answer.shape
    return shape[-1:] == (k,) or (
        len(shape) > 2 and shape[1] == k and shape[:-1] != logits.shape[:-1]
    )


def _several(name: str, rivals: Sequence[str]) -> ValueError:
    return ValueError(
        f"each of the layers {', '.join(map(repr, [*rivals, name]))} can be the head, and none"
        " makes the model's output as it is; say which one it is (head=...)"
    )


def _elsewhere(name: str) -> ValueError:
    return ValueError(
        f"the model's output does not come from its last linear layer {name!r}; say which layer is"
        " the head (head=...)"
    )


def _made(z: Any, answer: Any) -> str | None:
    """Return how answers (n, k) are made of logits (n, k): "" if no classifier depends on it."""
    if z.device != answer.device or not bool(z.isfinite().all() & answer.isfinite().all()):
        return None
    double = torch().float64 in (z.dtype, answer.dtype)  # others need no more, and many are large
    wide = torch().float64 if double else torch().float32
    eps = max(torch().finfo(dtype).eps for dtype in (z.dtype, answer.dtype, wide))
    rounding = min(ROUNDING * eps, LARGEST)
    z, answer = (part.detach().to(wide) for part in (z, answer))
    for squashed in (z.softmax(-1), z.sigmoid()):
        # Of many classes all probabilities are small: beside what tells them apart no rounding is.
        left, signal = squashed - answer, float((answer - answer.mean()).norm())
        near = float(left.norm()) <= PART * signal + eps * float(answer.norm())
        if near and bool((left.abs() <= rounding).all()):
            return ""
    if reordered(z.T.contiguous(), answer.T.contiguous()):
        return "in another order of classes"
    for over, words in (((1,), ""), ((1, 0), "with an offset for each class")):
        factor = _factor(z, answer, over, rounding)
        if factor is not None and factor < 0:
            return "negated"
        if factor is not None:
            # Capped logits are told by how far from 1 their factor is where they are large.
            told = f"times {factor:.3g}"
            scaled = abs(factor - 1) > rounding and told != "times 1"
            return " and ".join([*([told] * scaled), *([words] * bool(words))])
    return None


def _factor(z: Any, answer: Any, over: tuple[int, ...], rounding: float) -> float | None:
    """Return the factor of answers by logits, both about their means over some axes."""
    a, b = answer, z
    for axis in over:
        a, b = a - a.mean(axis, keepdim=True), b - b.mean(axis, keepdim=True)
    size = float(b.norm())
    factor = float((a * b).sum()) / size / size if size else 0.0
    noise = rounding * (float(answer.norm()) + abs(factor) * float(z.norm()))
    signal, left = abs(factor) * size, float((a - factor * b).norm())
    # Beside large offsets the rounding allowed is much of what else there is.
    return factor if left <= noise < signal and left <= PART * signal else None
