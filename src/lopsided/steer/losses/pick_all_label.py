"""Pick-all-label loss, for samples of several labels."""

from __future__ import annotations

from torch import Tensor

from lopsided.steer.checks import check_logits, check_tensor, visible
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.precision import full_precision


class PickAllLabel(Loss):
    """The sum of the cross-entropies of all labels of a sample: s logsumexp(z) - sum of their s
    logits.

    Source: Li et al. 2024 (arXiv 2310.15903); its geometry is `predict.label_sets` and, for any
    sets and counts, `solve` on `Targets.label_sets`.

    Args:
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ValueError: if the reduction is unknown.

    Example:
        >>> import torch
        >>> sets = torch.tensor([[True, True, False, False]])
        >>> round(float(PickAllLabel()(torch.zeros(1, 4), sets)), 4)  # 2 log 4
        2.7726
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(None, reduction)

    def forward(self, logits: Tensor, sets: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), or (n, k, ...) of which every place is a sample.
            sets: booleans, or numbers 0 and 1, of the logits' shape: the labels of each sample.

        Raises:
            ValueError: if shapes do not fit, a number is neither 0 nor 1, or a sample has no label
                or all of them; the sample is named.
            TypeError: if the logits are whole numbers.
        """
        check_tensor(logits, "logits")
        check_tensor(sets, "sets")
        if sets.shape != logits.shape:
            raise ValueError(
                f"sets must have the logits' shape {tuple(logits.shape)}, got {tuple(sets.shape)}"
            )
        if logits.ndim > 2:
            places = (values.movedim(1, -1).flatten(0, -2) for values in (logits, sets))
            each: Tensor = self(*places)
            return each.reshape(logits[:, 0].shape) if self.reduction == "none" else each
        check_logits(logits, None)
        if visible(sets):
            _require_sets(sets)
        z = full_precision(logits)
        chosen = sets.to(z.dtype)
        return self.reduce(chosen.sum(1) * z.logsumexp(1) - (chosen * z).sum(1))


def _require_sets(sets: Tensor) -> None:
    if not bool(((sets == 0) | (sets == 1)).all()):
        raise ValueError("sets must be booleans, or numbers 0 and 1")
    number = (sets != 0).sum(1)
    if bool((wrong := (number == 0) | (number == sets.shape[1])).any()):
        sample = int(wrong.nonzero()[0])
        raise ValueError(
            f"each sample must have 1 to {sets.shape[1] - 1} labels, sample {sample} has"
            f" {int(number[sample])}"
        )
