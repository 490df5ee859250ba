"""Batches that bind the geometry of a contrastive loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch.distributed
from torch.utils.data import BatchSampler, Sampler

from lopsided.arrays import Ints, plain_array, require_flag, require_whole
from lopsided.labels import check_whole


class BindingBatches(BatchSampler):
    """Batches in random order, each with one fixed sample of every class at its end, so that all
    batches agree on one frame.

    Give it to `torch.utils.data.DataLoader(batch_sampler=...)`. The fixed samples are the first of
    each class; they take part in every batch, the others in one batch an epoch. Every epoch has an
    order of its own. Under `torch.distributed` each process sees its share of the others, and all
    processes the same number of batches.

    Source: batch-binding of Kini et al. 2023 (arXiv 2306.07960).

    Args:
        labels: (n,) or (n, 1) of the data set.
        batch_size: samples of a batch beside the fixed ones.
        seed: of the order; the epoch is added to it.
        drop_last: leave out the last batch of an epoch if it is not full.
        sampler: the order of the samples, if another is wanted, as PyTorch's own samplers give it.
            Where a framework deals out the batches itself (Accelerate), `RandomSampler(data)`: it
            must not be done twice.

    Attributes:
        sampler: the order of the samples; `sampler.set_epoch` is what Lightning calls.
        batch_size: None, because batches differ in length, and what deals them out is not to count
            on one.
        drop_last: as given.

    Raises:
        ValueError: if the batch size or the seed is no whole number or too small, or the labels are
            fewer than two or negative.
        TypeError: if the labels are not whole numbers, or a sampler came in their place.

    Example:
        >>> [len(batch) for batch in BindingBatches([0, 0, 0, 1, 1, 2], batch_size=2)]
        [5, 4]
    """

    def __init__(
        self,
        labels: npt.ArrayLike,
        batch_size: int,
        seed: int = 0,
        *,
        drop_last: bool = False,
        sampler: Iterable[int] | None = None,
    ) -> None:
        array = _classes(labels)
        require_whole("batch_size", batch_size, 1)
        require_whole("seed", seed, 0)
        require_flag(drop_last, "drop_last")
        self._fixed: list[int] = np.unique(array, return_index=True)[1].tolist()
        self._bound = frozenset(self._fixed)
        others = np.setdiff1d(np.arange(len(array)), self._fixed)
        super().__init__(
            Share(others, self._fixed[0], seed, drop_last) if sampler is None else sampler,
            int(batch_size),
            drop_last,
        )
        self._size, self.batch_size = int(batch_size), None  # type: ignore[assignment]

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next epoch, as the framework's distributed sampler does; without
        it epochs are counted.
        """
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        number = len(self.sampler)  # type: ignore[arg-type]
        return number // self._size if self.drop_last else -(-number // self._size)

    def __iter__(self) -> Iterator[list[int]]:
        order = map(int, self.sampler)  # a tensor of one number is in no set of numbers
        while part := list(itertools.islice(order, self._size)):
            if len(part) == self._size or not self.drop_last:
                yield [*(i for i in part if i not in self._bound), *self._fixed]


class Share(Sampler[int]):
    """A process's share of samples, in a new random order every time: the shares of all processes
    make up the whole, once.

    Args:
        samples: to be shared.
        filler: index that may come again, at the end of shares one short, so that all are of one
            length.
        seed: of the order; the epoch is added to it.
        drop_last: leave out what cannot be shared evenly, instead of filling up.
    """

    def __init__(self, samples: Ints, filler: int, seed: int, drop_last: bool) -> None:
        self._samples, self._filler, self._seed, self._drop_last, self._epoch = (
            samples,
            filler,
            seed,
            drop_last,
            0,
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next time."""
        self._epoch = epoch

    def __len__(self) -> int:
        _, processes = _place()
        number = len(self._samples)
        return number // processes if self._drop_last else max(-(-number // processes), 1)

    def __iter__(self) -> Iterator[int]:
        rank, processes = _place()
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._samples)
        self._epoch += 1
        share: list[int] = order[rank::processes][: len(self)].tolist()
        yield from share
        yield from [self._filler] * (len(self) - len(share))


def _classes(labels: npt.ArrayLike) -> Ints:
    if isinstance(
        labels, Sampler
    ):  # as Lightning does where it did not see these batches being made
        raise TypeError(
            f"labels must come first, got a {type(labels).__name__}; under Lightning make the"
            " batches in train_dataloader, or set Trainer(use_distributed_sampler=False)"
        )
    array = plain_array(labels, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(
            "labels must be a vector of at least 2 classes, one a sample, got"
            f" {type(labels).__name__} of shape {array.shape}"
        )
    check_whole(array)
    if array.min() < 0:
        raise ValueError(
            f"labels must not be negative, got {array.min()} for sample {array.argmin()}"
        )
    return array


def _place() -> tuple[int, int]:
    """Return the rank of this process and the number of processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
