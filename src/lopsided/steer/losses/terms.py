"""The terms of an `Adjustment` as tensors, and what they do to logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from lopsided import terms as family
from lopsided.adjustment import Adjustment, require_adjustment
from lopsided.arrays import Floats
from lopsided.measure.network.tensors import has_float64
from lopsided.steer.precision import full_precision


class Tensors(NamedTuple):
    """The terms of an adjustment in one precision on one device, as in
    `lopsided.terms.Terms`.
    """

    columns: Tensor | None
    samples: Tensor | None
    shift: Tensor | None
    own: Tensor | None
    weight: Tensor | None


class Placed(NamedTuple):
    """The terms on one device, in both precisions, and the classes of each level but the first."""

    device: torch.device
    single: Tensors
    double: Tensors
    classes: list[Tensor]


class Terms(nn.Module):
    """The loss of a sample is `weight_y * CE(samples_y * columns * z + shift - own_y e_y, y)`.

    The tensors follow the module, or else the logits, from device to device, but not from type to
    type: they are the configuration of the loss, held in float64 and rounded once to the precision
    of the computation. As buffers they would be rounded for good by `.half()` and by wrappers that
    cast the buffers of what they wrap, and hold anything after a start without memory. They stay
    out of `state_dict`.
    """

    def __init__(self, adjustment: Adjustment) -> None:
        super().__init__()
        require_adjustment(adjustment)
        self._terms = adjustment.terms
        lengths = [len(value) for value in self._terms if value is not None and value.ndim]
        #: Number of classes; None where every term is one number for all of them.
        self.k: int | None = lengths[0] if lengths else None
        self._levels = _levels(self._terms.samples, self.k)
        self._placed = self._place(torch.get_default_device())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._placed = self._place(fn(torch.empty(0, device=self._placed.device)).device)
        return self

    def _place(self, device: torch.device) -> Placed:
        # What is made in inference mode, by a validation that comes first, cannot be trained with.
        with torch.inference_mode(False):
            single = _tensors(self._terms, torch.float32, device)
            return Placed(
                torch.empty(0, device=device).device,
                single,
                # Where a device has no float64, no logits have it either.
                _tensors(self._terms, torch.float64, device) if has_float64(device) else single,
                [
                    torch.as_tensor(classes, dtype=torch.int64, device=device)
                    for _, classes in self._levels[1:]
                ],
            )

    def _on(self, device: torch.device) -> Placed:
        # Read and written as one, as threads may use a loss on a device each.
        placed = self._placed
        if device != placed.device:
            placed = self._placed = self._place(device)
        return placed

    def tensors(self, device: torch.device, dtype: torch.dtype) -> Tensors:
        """Return the terms on a device; in float64 for float64, else in float32."""
        placed = self._on(device)
        return placed.double if dtype == torch.float64 else placed.single

    def adjusted(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the (n, k) logits that cross-entropy is to see for these (n,) labels; at least
        float32.
        """
        z = full_precision(logits)
        columns, samples, shift, margin = self.parts(labels, z.dtype)
        factor = columns if samples is None else samples if columns is None else samples * columns
        if factor is None:
            z = z if shift is None else z + shift
        else:
            z = z * factor if shift is None else torch.addcmul(shift, z, factor)
        return z if margin is None else z.scatter_add(1, labels[:, None], -margin)

    def parts(self, labels: Tensor, dtype: torch.dtype) -> tuple[Tensor | None, ...]:
        """Return factors of columns (k,) and of samples (n, 1), shifts (k,), and what a sample's
        own logit loses (n, 1).

        A part that is neutral is None; one of columns that is the same for all of them has shape
        ().
        """
        terms = self.tensors(labels.device, dtype)
        samples, margin = (
            None if part is None else _of(part, labels).expand(len(labels))[:, None]
            for part in (terms.samples, terms.own)
        )
        return terms.columns, samples, terms.shift, margin

    def weights(self, labels: Tensor, like: Tensor) -> Tensor | None:
        """Return the (n,) weights of samples, or None where all are one."""
        weight = self.tensors(like.device, like.dtype).weight
        return None if weight is None else _of(weight, labels).expand(len(labels))

    def every_label(self, logits: Tensor, uniform: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the (n, k) losses of each sample under each label, before weights; costs O(n k)
        for each distinct sample scale.

        Args:
            logits: (n, k).
            uniform: weights of the classes, (k,) or one number; None if the second answer is not
                wanted.

        Returns:
            The losses; and beside each the mean of `uniform` times the losses of all classes, where
            the logits are adjusted for that label: what label smoothing mixes in.
        """
        z = full_precision(logits)
        k, terms = z.shape[1], self.tensors(z.device, z.dtype)
        base, own = z if terms.columns is None else z * terms.columns, terms.own
        found: list[tuple[Tensor, Tensor | None]] = []
        for scale, _ in self._levels:
            a = base * scale
            if terms.shift is not None:
                a = a + terms.shift
            label = a if own is None else a - own
            partition = (
                a.logsumexp(1, keepdim=True) if own is None else torch.logaddexp(_others(a), label)
            )
            mean = None
            if uniform is not None:
                others = (uniform * a).mean(1, keepdim=True)
                mean = uniform.mean() * partition - others - uniform * (label - a) / k
            found.append((partition - label, mean))
        losses, means = found[0]
        for classes, (column, mean) in zip(self._on(z.device).classes, found[1:], strict=True):
            losses = losses.index_copy(1, classes, column[:, classes])
            if means is not None and mean is not None:
                means = means.index_copy(1, classes, mean.expand(len(z), k)[:, classes])
        return losses, means


def _tensors(terms: family.Terms, dtype: torch.dtype, device: torch.device) -> Tensors:
    return Tensors(
        *(
            None if value is None else torch.tensor(value, dtype=dtype, device=device)
            for value in terms
        )
    )


def _levels(samples: Floats | None, k: int | None) -> list[tuple[float, list[int]]]:
    """Return each distinct sample scale with its classes."""
    if samples is None or k is None or samples.ndim == 0:
        return [(1.0 if samples is None else float(samples), [])]
    values, counts = np.unique(samples, return_counts=True)
    classes = np.split(np.argsort(samples, kind="stable"), np.cumsum(counts)[:-1])
    return [(float(value), part.tolist()) for value, part in zip(values, classes, strict=True)]


def _of(values: Tensor, labels: Tensor) -> Tensor:
    """Return one value a sample, or the single value for all."""
    return values[labels] if values.ndim else values


def _others(a: Tensor) -> Tensor:
    """Return (n, k) log-sums of exponentials over the classes other than each, without
    cancellation.

    Subtracting a class from the whole sum is safe for all but the largest, whose rest is summed
    afresh.
    """
    top = a.argmax(1, keepdim=True)
    share = a.softmax(1).scatter(1, top, 0.0)
    rest = a.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
    return (a.logsumexp(1, keepdim=True) + torch.log1p(-share)).scatter(1, top, rest)
