"""Cross-entropy of adjusted logits on a CPU, block by block of samples.

Written with the framework's operations, each term of an adjustment costs a fresh (n, k) array and a
trip through memory, forward and back. Here a block of samples is adjusted, exponentiated and summed
while it is in the cache; kept for the gradient are the exponentials and their sums, from which it
follows without another exponential.

The framework's operations are used for batches that fit the cache as a whole; on a GPU and while a
graph is compiled, where they are fused; for second and forward-mode derivatives and under
`torch.func`, which look into them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from lopsided.steer.losses.terms import Terms

#: Numbers in a block: half a megabyte in float32, a part of a core's cache.
BLOCK = 2**17
#: A class counts as no less probable, against the likeliest, than this times the smallest normal
#: number (in float32: 2e-31): what
#: follows from less would be subnormal, on which processors take twenty times as long.
SMALLEST = 2.0**24
#: What the framework's loss is to leave out: nothing. Its default would take a label of -100
#: without a word where nobody may look.
NONE = -(2**63)


def cross_entropy(terms: Terms, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the (n,) losses of samples before their weights, at least in float32.

    Args:
        terms: of the adjustment.
        logits: (n, k).
        labels: (n,), each from 0 to k-1.
        smoothing: share of the uniform distribution in the targets.
    """
    small = logits.numel() < BLOCK
    if small or logits.device.type != "cpu" or not logits.requires_grad or _transformed(logits):
        return _whole(terms, logits, labels, smoothing)
    losses: Tensor = _Blocks.apply(logits, labels, terms, smoothing)  # type: ignore[no-untyped-call]
    return losses


def _whole(terms: Terms, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    adjusted = terms.adjusted(logits, labels)
    return functional.cross_entropy(
        adjusted, labels, ignore_index=NONE, reduction="none", label_smoothing=smoothing
    )


def _transformed(tensor: Tensor) -> bool:
    """Whether something other than plain backward differentiation is to see the operations on a
    tensor.
    """
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return True
    dual = forward_ad.unpack_dual(tensor)  # type: ignore[no-untyped-call]
    return dual.tangent is not None or torch._C._functorch.is_legacy_batchedtensor(tensor)


class _Blocks(torch.autograd.Function):
    """logsumexp(a) - (1 - smoothing) a_y - smoothing mean(a), a = factor_i * columns * z + shift -
    margin_i e_y.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, terms: Terms, smoothing: float) -> Tensor:
        """Return the losses; keep exp(a - max a) and its sums."""
        dtype = torch.promote_types(logits.dtype, torch.float32)
        columns, factor, shift, margin = terms.parts(labels, dtype)
        powers = torch.empty(logits.shape, dtype=dtype)
        least = math.log(SMALLEST * torch.finfo(dtype).tiny)
        losses, totals = [], []
        for z, into, y, sample, less in _blocks(
            logits.shape, logits, powers, labels[:, None], factor, margin
        ):
            a = z.to(dtype)
            for part in (columns, sample):
                a = a if part is None else torch.mul(a, part, out=into)
            a = a if shift is None else torch.add(a, shift, out=into)
            a = a if less is None else torch.scatter_add(a, 1, y, -less, out=into)
            own, top = a.gather(1, y), a.amax(1, keepdim=True)
            own -= top
            torch.sub(a, top, out=into)
            if smoothing:
                own = (1 - smoothing) * own + smoothing * into.mean(1, keepdim=True)
            total = into.clamp_min_(least).exp_().sum(1, keepdim=True)
            losses.append(total.log() - own)
            totals.append(total)
        ctx.save_for_backward(logits, labels, powers, torch.cat(totals))
        ctx.terms, ctx.smoothing = terms, smoothing
        return torch.cat(losses).squeeze(1)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None]:
        """Return slope_i factor_i columns * (softmax(a) - (1 - smoothing) e_y - smoothing / k)."""
        logits, labels, powers, total = ctx.saved_tensors
        if torch.is_grad_enabled() or _transformed(slope):
            with (
                torch.enable_grad()
            ):  # this gradient is to be differentiated, or taken for many slopes at once
                logits = logits.view_as(
                    logits
                )  # without the hooks of the original, which run when this returns
                losses = _whole(ctx.terms, logits, labels, ctx.smoothing)
                return (
                    *torch.autograd.grad(losses, logits, slope, create_graph=True),
                    None,
                    None,
                    None,
                )
        columns, factor, _, _ = ctx.terms.parts(labels, total.dtype)
        weight = slope[:, None] if factor is None else slope[:, None] * factor
        gradient, kept = torch.empty_like(powers), 1 - ctx.smoothing
        for p, into, y, w, sums in _blocks(
            powers.shape, powers, gradient, labels[:, None], weight, total
        ):
            torch.mul(p, w / sums, out=into).scatter_add_(1, y, -kept * w)
            if ctx.smoothing:
                into.sub_(ctx.smoothing / into.shape[1] * w)
            if columns is not None:
                into.mul_(columns)
        return gradient.to(logits.dtype), None, None, None


def _blocks(shape: torch.Size, *parts: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Cut arrays of one row a sample into blocks of rows; None stays None."""
    rows = max(BLOCK // shape[1], 1)
    return zip(
        *(itertools.repeat(None) if part is None else torch.split(part, rows) for part in parts),
        strict=False,
    )
