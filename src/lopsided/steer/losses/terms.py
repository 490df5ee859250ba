"""The arrays of an `Adjustment` as tensors, and what they do to logits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lopsided.adjustment import ARRAYS, Adjustment
from lopsided.arrays import Floats
from lopsided.steer.losses.checks import full_precision


class Terms(nn.Module):
    """The loss of a sample is `weight_y * CE(samples_y * columns * (z - additive_margin_y e_y) + shift, y)`.

    The tensors are buffers, so they follow the module from device to device, and stay out of `state_dict`: they are the
    configuration of the loss. They hold float64 and are rounded to the logits' precision when used.
    """

    columns: Tensor | None
    samples: Tensor | None
    shift: Tensor | None
    own: Tensor | None
    weight: Tensor | None

    def __init__(self, adjustment: Adjustment) -> None:
        super().__init__()
        arrays = {name: None if (value := getattr(adjustment, name)) is None else np.asarray(value) for name in ARRAYS}
        lengths = [len(value) for value in arrays.values() if value is not None and value.ndim]
        #: Number of classes; None where every term is one number for all of them.
        self.k: int | None = lengths[0] if lengths else None
        scale, margin = arrays["scale"], arrays["margin"]
        columns, samples = (None, scale) if adjustment.per_sample else (scale, None)
        if margin is not None:
            samples = (1.0 if samples is None else samples) / margin
        own = arrays["additive_margin"]
        for factor in (columns, samples):
            own = own if own is None or factor is None else own * factor
        tensors = {"columns": columns, "samples": samples, "shift": arrays["shift"], "own": own, "weight": arrays["weight"]}
        for name, value in tensors.items():
            self.register_buffer(name, None if value is None else torch.tensor(value), persistent=False)
        self._levels = _levels(samples, self.k)

    def adjusted(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the (n, k) logits that cross-entropy is to see for these (n,) labels; at least float32."""
        z = full_precision(logits)
        columns, samples, shift, margin = self.parts(labels, z.dtype)
        factor = columns if samples is None else samples if columns is None else samples * columns
        if factor is None:
            z = z if shift is None else z + shift
        else:
            z = z * factor if shift is None else torch.addcmul(shift, z, factor)
        return z if margin is None else z.scatter_add(1, labels[:, None], -margin)

    def parts(self, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor | None, ...]:
        """Return factors of columns (k,) and of samples (n, 1), shifts (k,), and what a sample's own logit loses (n, 1).

        A part that is neutral is None; one of columns that is the same for all of them has shape ().
        """
        columns, shift = (None if part is None else part.to(dtype) for part in (self.columns, self.shift))
        samples, margin = (
            None if part is None else _of(part, labels, dtype).expand(len(labels))[:, None] for part in (self.samples, self.own)
        )
        return columns, samples, shift, margin

    def weights(self, labels: Tensor, like: Tensor) -> Tensor | None:
        """Return the (n,) weights of samples, or None where all are one."""
        return None if self.weight is None else _of(self.weight, labels, like.dtype).expand(len(labels))

    def every_label(self, logits: Tensor, smoothing: float) -> Tensor:
        """Return the (n, k) weighted losses of each sample under each label; costs O(n k) for each distinct sample scale."""
        z = full_precision(logits)
        k = z.shape[1]
        base = z if self.columns is None else z * self.columns.to(z.dtype)
        own = None if self.own is None else self.own.to(z.dtype)
        columns: list[Tensor] = []
        for scale, _ in self._levels:
            a = base * scale
            if self.shift is not None:
                a = a + self.shift.to(z.dtype)
            label = a if own is None else a - own
            partition = a.logsumexp(1, keepdim=True) if own is None else torch.logaddexp(_others(a), label)
            total = a.sum(1, keepdim=True) + (label - a)
            columns.append(partition - (1 - smoothing) * label - smoothing / k * total)
        losses = columns[0]
        for (_, classes), column in zip(self._levels[1:], columns[1:], strict=True):
            index = torch.as_tensor(classes, device=z.device)
            losses = losses.index_copy(1, index, column[:, index])
        return losses if self.weight is None else losses * self.weight.to(z.dtype)


def _levels(samples: Floats | None, k: int | None) -> list[tuple[float, list[int]]]:
    """Return each distinct sample scale with its classes."""
    if samples is None or k is None or samples.ndim == 0:
        return [(1.0 if samples is None else float(samples), [])]
    values, counts = np.unique(samples, return_counts=True)
    classes = np.split(np.argsort(samples, kind="stable"), np.cumsum(counts)[:-1])
    return [(float(value), part.tolist()) for value, part in zip(values, classes, strict=True)]


def _of(values: Tensor, labels: Tensor, dtype: torch.dtype) -> Tensor:
    """Return one value a sample, or the single value for all."""
    return (values[labels] if values.ndim else values).to(dtype)


def _others(a: Tensor) -> Tensor:
    """Return (n, k) log-sums of exponentials over the classes other than each, without cancellation.

    Subtracting a class from the whole sum is safe for all but the largest, whose rest is summed afresh.
    """
    top = a.argmax(1, keepdim=True)
    share = a.softmax(1).scatter(1, top, 0.0)
    rest = a.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
    return (a.logsumexp(1, keepdim=True) + torch.log1p(-share)).scatter(1, top, rest)
