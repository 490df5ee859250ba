"""Cross-entropy of adjusted logits on a CPU, block by block of samples.

Written with the framework's operations, each term of an adjustment costs a fresh (n, k) array and a
trip through memory, forward and back. Here a block of samples is adjusted and its softmax taken
while it is in the cache. Where the losses are summed to one number, the share of each sample in it
is known, and the softmax becomes the gradient at once: one (n, k) array is made, and kept.

The framework's operations are used for batches that fit the cache as a whole; on a GPU and while a
graph is compiled, where they are fused; for second and forward-mode derivatives and under
`torch.func`, which look into them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from lopsided.steer.losses.inplace import (
    adjusted,
    write_clamped_softmax,
    write_gradient,
    wrote_softmax,
)
from lopsided.steer.losses.terms import Terms

#: Numbers in a block: half a megabyte in float32, a part of a core's cache.
BLOCK = 2**17
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
    if not in_blocks(logits):
        return _whole(terms, logits, labels, smoothing)
    return _apply(logits, labels, terms, smoothing, None)


def total(
    terms: Terms, logits: Tensor, labels: Tensor, shares: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Return the sum of the losses times (n,) shares; samples of share 0 are left out.

    Args:
        terms: as in `cross_entropy`, and so all but `shares`.
        logits: for which `in_blocks` holds.
        labels: (n,).
        shares: (n,) of the samples, of no gradient.
        smoothing: share of the uniform distribution in the targets.
    """
    return _apply(logits, labels, terms, smoothing, shares)


def in_blocks(logits: Tensor) -> bool:
    """Whether blocks are the quicker way for logits, and nothing is to look into it."""
    if logits.numel() < BLOCK or logits.device.type != "cpu" or not logits.requires_grad:
        return False
    return not _transformed(logits)


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
    margin_i e_y; where there are shares, the sum of the losses times them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        labels: Tensor,
        terms: Terms,
        smoothing: float,
        shares: Tensor | None,
    ) -> Tensor:
        """Return the losses or their sum; keep the softmax of a, or the gradient of the sum."""
        losses, array = _block_by_block(logits, labels, terms, smoothing, shares)
        ctx.terms, ctx.smoothing, ctx.dtype = terms, smoothing, logits.dtype
        ctx.gradient = None if shares is None else array
        ctx.save_for_backward(logits, labels, shares, array if shares is None else None)
        return losses if shares is None else _sum(losses, shares)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return slope_i factor_i columns * (softmax(a) - (1 - smoothing) e_y - smoothing / k)."""
        rest = (None, None, None, None)
        again = torch.is_grad_enabled()
        looked_at = again or _transformed(slope)
        gradient, ctx.gradient = ctx.gradient, None  # given away once: others may add to it
        if gradient is not None and not looked_at:
            return (_scaled(gradient, slope).to(ctx.dtype), *rest)
        logits, labels, shares, softmax = ctx.saved_tensors
        if looked_at:
            # This gradient is to be differentiated, or taken for many slopes at once.
            with torch.enable_grad():
                # Without the hooks of the original, which run when this returns.
                logits = logits.view_as(logits)
                losses = _whole(ctx.terms, logits, labels, ctx.smoothing)
                losses = losses if shares is None else _sum(losses, shares)
                found = torch.autograd.grad(losses, logits, slope, create_graph=again)
                return (*found, *rest)
        if softmax is None:
            _, gradient = _block_by_block(logits, labels, ctx.terms, ctx.smoothing, shares)
            return (_scaled(gradient, slope).to(ctx.dtype), *rest)
        columns, factor, _, _ = ctx.terms.parts(labels, softmax.dtype)
        rows, gradient = _times(slope[:, None], factor), torch.empty_like(softmax)
        for p, into, own, row in _blocks(softmax.shape, softmax, gradient, labels[:, None], rows):
            write_gradient(p, into, own, row, columns, ctx.smoothing)
        return (gradient.to(logits.dtype), *rest)


#: With the type that the framework does not declare.
_apply: Callable[..., Tensor] = _Blocks.apply


def _block_by_block(
    logits: Tensor, labels: Tensor, terms: Terms, smoothing: float, shares: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the (n,) losses, and the softmax or the gradient of their sum."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    columns, factor, shift, margin = terms.parts(labels, dtype)
    array, losses = (logits.new_empty(s, dtype=dtype) for s in (logits.shape, (len(logits), 1)))
    rows, scaled = _scales(shares, factor, columns)
    for z, into, loss, own, sample, less, row in _blocks(
        logits.shape, logits, array, losses, labels[:, None], factor, margin, rows
    ):
        terms_of = (own, into, columns, sample, shift, less)
        if smoothing or not wrote_softmax(adjusted(z.to(dtype), *terms_of), own, into, loss):
            a = adjusted(z.to(dtype), *terms_of)
            write_clamped_softmax(a, own, into, loss, smoothing)
        if shares is not None:
            write_gradient(into, into, own, row, scaled, smoothing)
    return losses.squeeze(1), array


def _scaled(gradient: Tensor, slope: Tensor) -> Tensor:
    """Return the gradient times a slope, in place; mostly it is one, and memory is not read."""
    return gradient if slope == 1 else gradient.mul_(slope)


def _sum(losses: Tensor, shares: Tensor) -> Tensor:
    return (losses.where(shares != 0, 0.0) * shares).sum()


def _times(rows: Tensor, factor: Tensor | None) -> Tensor:
    return rows if factor is None else rows * factor


def _scales(
    shares: Tensor | None, factor: Tensor | None, columns: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return what rows (n, 1) and columns of the gradient are multiplied by: columns alone, where
    all samples are alike.
    """
    if shares is None:
        return None, columns
    rows = _times(shares[:, None], factor)
    if columns is None or bool((rows != rows[:1]).any()):
        return rows, columns
    return None, columns * rows[0]


def _blocks(shape: torch.Size, *parts: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Cut arrays of one row a sample into blocks of rows; None stays None."""
    rows = max(BLOCK // shape[1], 1)
    return zip(
        *(itertools.repeat(None) if part is None else torch.split(part, rows) for part in parts),
        strict=False,
    )
