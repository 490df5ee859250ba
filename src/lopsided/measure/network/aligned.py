"""Aligned: labels laid beside the features of a forward pass, or why they cannot be.

That row i of what a head saw belongs to label i is an assumption. Causal language models train
position t on the label of t + 1; decoders pool after the head; multi-sample dropout, siamese
networks and early exits call the head several times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.labels import left_out
from lopsided.measure.network.returned import pooled, same


class Call(NamedTuple):
    """A call of a head.

    Attributes:
        features: (*batch, d) that it saw.
        logits: (*batch, k) that it answered.
        precision: of its arithmetic.
        written: how often features and logits had been written to by then.
        heard: what `Pull` will know of the loss.
    """

    features: Any
    logits: Any
    precision: float
    written: tuple[int, ...]
    heard: dict[str, Any]


class Pass(NamedTuple):
    """A forward pass.

    Attributes:
        call: of the head, to which labels belong.
        answers: tensors that the model returned.
        inputs: tables of whole numbers that it was given.
        told: whether a part within the model was given labels.
    """

    call: Call
    answers: Sequence[Any] = ()
    inputs: Sequence[Any] = ()
    told: bool = False


def cut(tensor: Any) -> Any:
    """Return a tensor cut from its graph; of inference_mode, where nobody counts what is written to
    it, a copy.
    """
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def written(*tensors: Any) -> tuple[int, ...]:
    """Return how often tensors have been written to; copies of inference_mode never are."""
    return tuple(0 if tensor.is_inference() else int(tensor._version) for tensor in tensors)


def require_unwritten(call: Call) -> None:
    """Refuse a call whose features or logits are no longer those that the head saw and answered.

    Raises:
        ValueError: if they were written to.
    """
    if written(call.features, call.logits) != call.written:
        raise ValueError(
            "features or logits were overwritten in place after the head's call (such as by div_ "
            "or +=), so neither is known any more; write to new tensors, or give the labels before"
        )


def one_of(calls: Sequence[Call], answers: Sequence[Any], name: str) -> Call:
    """Return the one call of the head in a forward pass; calls on the same features are one.

    Raises:
        ValueError: if there is none, or there are several of which not one gives the model's
            output.
    """
    distinct: list[Call] = []
    for call in calls:
        if not any(same(call.features, other.features) for other in distinct):
            distinct.append(call)
    if not distinct:
        missed = f"the forward pass did not go through the head {name!r}, or did so inside vmap"
        single = "or without an axis of samples, as where a data set came for its loader"
        raise ValueError(
            f"{missed}, with nested tensors, {single}, where its features cannot be read"
        )
    if len(distinct) > 1:
        returned = [call for call in distinct if any(same(call.logits, z) for z in answers)]
        distinct = returned if len(returned) == 1 else distinct
    if len(distinct) > 1:
        raise ValueError(
            f"the head {name!r} ran {len(calls)} times in one forward pass, on different features, "
            "so labels belong to none of them alone; with dropout between the times measure in "
            "evaluation mode (measure.diagnose, or during='eval'), with several views or exits "
            "give the features that you mean to a measure.Stream"
        )
    require_unwritten(distinct[0])
    return distinct[0]


def laid(
    labels: npt.NDArray[Any],
    one: Pass,
    shift: int | None,
    marks: tuple[int, ...],
    causal: str | None = "",
    *,
    time_first: bool = False,
) -> tuple[Any, Any, Any]:
    """Return features, labels and logits of a pass, row beside row.

    Args:
        labels: of the pass, of any shape.
        one: the pass.
        shift: by how many positions the labels lie ahead; `None` if nobody said.
        marks: labels to leave out.
        causal: name of the causal language model that was given these labels itself; None of a
            model that is known not to shift them.
        time_first: whether features may be (t, b, d).

    Raises:
        ValueError: if the labels lie beside other features than their own, or may.
    """
    require_unwritten(one.call)
    features, logits, y = one.call.features, one.call.logits, labels
    # Of a sequence there is one label, or a row of one for each class.
    whole = y.size == len(logits) or y.shape == (len(logits), logits.shape[-1])
    if whole and logits.ndim == 3 and logits.shape[1] > 1 and y.shape != logits.shape[:2]:
        given = one.inputs
        kept = (pair for z in one.answers if (pair := pooled(features, logits, z, given)))
        found = next(kept, None)
        if found is None:
            missed, remedy = "did not return the answers of one token of each", "pool"
            if not one.answers:
                missed = (
                    "returned a loss or decisions alone, or was not called as a whole, so that "
                    "nobody sees which token it keeps"
                )
                remedy = "let it return its answers, call it as a whole, pool"
            raise ValueError(
                f"the head sees every token, features {tuple(features.shape)}, there is one label "
                f"a sequence, and the model {missed}; {remedy} the tokens before the head, or give "
                "pooled features to a measure.Stream"
            )
        return found[0], y, found[1]
    mask = y.ndim == 3 or (y.ndim == 4 and y.shape[1] == 1)
    if features.ndim == 4 and mask and y.shape[-2:] != features.shape[1:3]:
        seen, given = (" x ".join(map(str, sizes)) for sizes in (features.shape[1:3], y.shape[-2:]))
        raise ValueError(
            f"the head sees {seen} places of an image, and its mask has {given}: give the labels"
            " of the places that it sees, such as every eighth one, or interpolated by 'nearest'"
        )
    sequences = features.ndim == 3 and y.shape == features.shape[:2]
    if shift is None and sequences and causal is not None:
        _require_no_shift(y, one.inputs, marks, causal)
    if not shift:
        if sequences and time_first:
            raise ValueError(
                f"of features {tuple(features.shape)} and labels {y.shape} it is not known whether "
                "axis 0 is time, as in layers without batch_first=True: begin with a batch of more "
                "or fewer samples than a sequence is long, which tells, or give the labels in one "
                "vector, in the order of the features"
            )
        return features, y, logits
    if not sequences:
        shapes = f"{tuple(features.shape)} and {y.shape}"
        raise ValueError(f"a shift needs features (b, t, d) and labels (b, t), got {shapes}")
    if time_first:
        raise ValueError(
            f"of features {tuple(features.shape)} it is not known whether axis 0 is time, as in "
            "layers without batch_first=True, and a shift along the other would take the labels of "
            "other samples: give labels that are shifted already, those of the last positions "
            "marked by ignore=, and shift=0, or build the model with batch_first=True"
        )
    last = max(features.shape[1] - shift, 0)
    return features[:, :last], y[:, shift:], logits[:, :last]


def _require_no_shift(y: Any, inputs: Sequence[Any], marks: tuple[int, ...], causal: str) -> None:
    """Refuse labels that the model shifts, as far as that is known."""
    given = [table.cpu().numpy() for table in inputs if tuple(table.shape) == y.shape]
    if causal:
        why = f"{causal} is a causal language model and shifts its labels"
    elif any(_repeats(y, x, marks) for x in given) and not any(
        _repeats(y[:, :-1], x[:, 1:], marks) for x in given if not _repeats(y, x, marks)
    ):  # else they are given beside the tokens, and are shifted already
        why = "the labels are the model's inputs, as are those that a causal language model shifts"
    else:
        return
    raise ValueError(
        f"{why}, so that position t is trained on the label of t + 1: say shift=1 to measure it "
        "so, or shift=0 if each position is trained on its own label, as where labels that are "
        "shifted already are given to the model"
    )


def _repeats(y: npt.NDArray[Any], given: npt.NDArray[Any], marks: tuple[int, ...]) -> bool:
    """Return whether labels are these inputs, but for positions to leave out."""
    if y.dtype.kind not in "iu":
        return False
    y = y.astype(np.int64)
    out = left_out(y, marks)
    kept = np.ones(y.shape, bool) if out is None else ~out
    # Masks and types of tokens are whole numbers too, and of one or two kinds.
    return len(np.unique(y[kept])) > 2 and bool((y == given)[kept].all())
