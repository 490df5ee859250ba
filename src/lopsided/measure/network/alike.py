"""Whether processes hold the same samples or the same network, which sums over them must know."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.measure.network.sync import agree, first, reduce
from lopsided.measure.network.tensors import CLASSES, some, to_numpy
from lopsided.needs import need, torch

_log = logging.getLogger("lopsided")

#: By how much sums of the same samples in another order may differ, of what they are.
ALIKE = 1e-5
#: How far heads of processes may be apart, root mean square, of their size.
APART = 0.1


class Read:
    """What tells the samples that a process read from others, in whatever order they came."""

    def __init__(self) -> None:
        self._sums = np.zeros(5)

    def add(self, features: Any, labels: npt.NDArray[Any], logits: Any) -> None:
        """Take in a batch."""
        y = np.abs(labels.astype(np.float64))
        norm, single = torch().linalg.vector_norm, torch().float32
        rows = [  # without a copy of the logits of all tokens
            norm(part, 1, dim=-1, dtype=torch().promote_types(part.dtype, single))
            for part in (features, logits)
        ]
        sizes = [float(row.cpu().double().sum()) for row in rows]  # some devices lack float64
        self._sums += [len(y), y.sum(), np.square(y).sum(), *sizes]

    def by_all(self) -> bool:
        """Return whether all processes read the same samples, up to rounding, and say that these
        count once, or that those of some come again; every process must call it.

        Raises:
            ValueError: the same in every process, if one of them has a problem instead.
        """
        agree("the samples of an evaluation")
        distributed = need("torch.distributed", "'lopsided[torch]'")
        sums = np.zeros((distributed.get_world_size(), len(self._sums)))
        sums[distributed.get_rank()] = self._sums
        (sums,) = reduce([sums], "sum")
        one, other, rows = sums[:, None], sums[None], sums[:, 0]
        same = (np.abs(one - other) <= ALIKE * np.maximum(one, other)).all(axis=2) & (rows > 0)
        if first() and same.all():
            _log.warning(
                "all processes read the same %s samples, which count once", f"{rows[0]:,.0f}"
            )
        elif first() and (doubled := same.sum(axis=1) > 1).any():
            some = int(np.argmax(doubled))
            _log.warning(
                "processes %s read the same %s samples (%s of the %s share theirs): give each"
                " samples of its own; what comes again weighs more",
                " and ".join(map(str, np.flatnonzero(same[some])[:2])),
                f"{rows[some]:,.0f}",
                f"{doubled.sum():,}",
                f"{len(sums):,}",
            )
        return bool(same.all())


def require_one_head(weight: Any, group: Any = None, *, used: bool) -> None:
    """Refuse the samples of different networks, as where DistributedDataParallel was forgotten;
    every process must call it.

    Args:
        weight: (k, d) classifiers of this process.
        group: process group; by default all processes.
        used: whether it has samples; the others' heads count.

    Raises:
        ValueError: the same in every process, if heads are apart by more than `APART` of their
            size: what steps on their own data move them is less.
    """
    agree(f"a head of shape {tuple(weight.shape)}", group)
    w = to_numpy(some(weight, 0, CLASSES)).astype(np.float64) * used
    parts = w, np.square(w).sum()[None], np.array([float(used)])
    total, square, number = reduce(parts, "sum", group)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.sqrt(1 - np.square(total).sum() / (number * square))[0]
    if apart > APART:
        raise ValueError(
            f"the processes hold different heads, {apart:.0%} of their size apart, so their samples"
            " are of different networks: train one network in all of them"
            " (DistributedDataParallel), or measure each outside the process group"
        )
