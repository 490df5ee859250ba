"""The training loop: SGD as published, deterministic by seed on a CPU, resumed to the bit after a
kill.

The order of the samples in an epoch is drawn from (seed, epoch), so a checkpoint between two epochs
needs no state of a random
generator: weights, momenta and the history are everything. Under `torchrun` each process takes its
share of every batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.plain import plain
from lopsided.reproduce import checkpoint
from lopsided.reproduce.checkpoint import Checkpoint
from lopsided.reproduce.context import Context, is_first
from lopsided.reproduce.network.descend import descend
from lopsided.reproduce.network.parallel import Workers
from lopsided.reproduce.network.state import most, require_fit, restore, state
from lopsided.reproduce.settings import Training, observed_epochs
from lopsided.reproduce.typed import typed

#: Seconds of training that a kill may cost.
_SAVE_EVERY = 5.0

T = TypeVar("T")
Loss = Callable[[Tensor, Tensor], Tensor]
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
#: One process that trains by itself.
ALONE = Workers()


class Sample(NamedTuple):
    """Normalised images (n, channels, height, width) and labels (n,), both on the run's device."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class History(Generic[T]):
    """What a run showed.

    Attributes:
        rows: one observation an epoch observed.
        seconds: spent training and observing, over all its resumptions.
        images_per_second: of training alone.
    """

    rows: tuple[T, ...]
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Observing(Generic[T]):
    """How a network is observed on its way, after the epochs of `observed_epochs`.

    Attributes:
        kind: type of an observation.
        observe: an epoch to what is seen after it; the network is in evaluation mode.
    """

    kind: type[T]
    observe: Callable[[int], T]

    def read(self, rows: Any) -> list[T]:
        """Return observations from the plain data of a checkpoint."""
        return list(typed(tuple[self.kind, ...], rows))  # type: ignore[name-defined]


def train(
    settings: Training,
    network: nn.Module,
    sample: Sample,
    context: Context,
    observing: Observing[T] | None = None,
    loss: Loss = functional.cross_entropy,
    workers: Workers = ALONE,
) -> History[T]:
    """Train a network in place, from the latest checkpoint if there is one.

    Args:
        settings: of the run.
        network: freshly built, on the run's device.
        sample: the training set.
        context: where checkpoints go and progress is shown; a checkpoint of another identity is not
            taken.
        observing: what is seen on the way, if anything.
        loss: mean over a batch, of logits and labels.
        workers: the processes that train it together.

    Raises:
        ValueError: if the loss is no longer finite, the network cannot be measured, or batches are
            too small.
    """
    wrapped = workers.wrap(network)
    optimiser = torch.optim.SGD(parameters(network, settings), settings.rate, settings.momentum)
    rows: list[T] = []
    start, seconds, busy = 0, 0.0, 0.0
    found = checkpoint.latest(
        context.folder,
        context.identity,
        context.note,
        partial(require_fit, network, settings),
        most(network),
    )
    if found is not None:
        restore(network, optimiser, found.tensors)
        rows = observing.read(found.facts["rows"]) if observing else []
        start = found.facts["epoch"]
        seconds, busy = found.facts["seconds"], found.facts["busy"]
        context.note(f"continued from epoch {start} of {settings.epochs}")
    measured = set(observed_epochs(settings.epochs) if observing else [])
    began = saved = time.monotonic()
    for epoch in range(start + 1, settings.epochs + 1):
        at = time.monotonic()
        mean = _epoch(settings, epoch, wrapped, optimiser, sample, loss, workers)
        busy += time.monotonic() - at
        if not np.isfinite(mean):
            raise ValueError(
                f"the loss is {mean} in epoch {epoch}: take a smaller rate than {settings.rate:g}"
            )
        if observing and epoch in measured:
            workers.share_buffers(network)
            network.eval()
            try:
                with torch.inference_mode():
                    rows.append(observing.observe(epoch))
            except ValueError as error:
                rate = f"if it has grown without bound, take a smaller rate than {settings.rate:g}"
                raise ValueError(
                    f"the network cannot be measured after epoch {epoch} ({error}); {rate}"
                ) from error
        context.advance(epoch / settings.epochs, _text(epoch, settings.epochs, mean, rows))
        now = time.monotonic()
        if (now - saved > _SAVE_EVERY or epoch == settings.epochs) and is_first():
            facts = {
                "identity": context.identity,
                "epoch": epoch,
                "rows": plain(rows),
                "seconds": seconds + now - began,
                "busy": busy,
            }
            checkpoint.write(context.folder, epoch, Checkpoint(state(network, optimiser), facts))
            saved = now
    return History(
        tuple(rows),
        seconds + time.monotonic() - began,
        settings.epochs * len(sample.labels) / max(busy, 1e-9),
    )


def parameters(network: nn.Module, settings: Training) -> list[dict[str, Any]]:
    """Return the network's parameters in groups of one weight decay: a free bias of the head has
    none, and the last normalisation, which gives the features their lengths, may have its own.
    """
    free = [network.get_parameter("head.bias")] if settings.bias == "free" else []
    *_, last = (part for part in network.modules() if isinstance(part, _NORMS))
    features = list(last.parameters())
    decayed = [
        parameter
        for parameter in network.parameters()
        if not any(parameter is other for other in (*free, *features))
    ]
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": features, "weight_decay": settings.feature_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def _epoch(
    settings: Training,
    epoch: int,
    network: nn.Module,
    optimiser: torch.optim.SGD,
    sample: Sample,
    loss: Loss,
    workers: Workers,
) -> float:
    """Train for one epoch and return the mean loss."""
    network.train()
    rate, device, n = settings.rate_at(epoch - 1), sample.labels.device, len(sample.labels)
    order = np.random.default_rng(settings.shuffle(epoch)).permutation(n)
    total = torch.zeros((), device=device)

    def mean(batch: Tensor) -> Tensor:
        mine = workers.share(batch)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.amp == "bf16"):
            return loss(network(sample.images[mine]), sample.labels[mine])

    cut = batches(torch.from_numpy(order).to(device), settings.batch, workers.size)
    for batch, value in descend(optimiser, mean, ((rate, batch) for batch in cut)):
        total += value * len(batch)
    return float(total) / n


def batches(order: Tensor, most: int, processes: int = 1) -> tuple[Tensor, ...]:
    """Cut the order of samples in batches of equal size, lest a short one be too small for batch
    norm.

    Args:
        order: (n,) numbers of samples.
        most: samples of a batch.
        processes: that share each batch.

    Raises:
        ValueError: if a process would have fewer than two samples of a batch all the same.
    """
    cut = order.tensor_split(-(-len(order) // most))
    if len(cut[-1]) < 2 * processes:
        raise ValueError(
            "batch norm needs two samples of each batch in each process, batches of at most"
            f" {most:,} of {len(order):,} samples leave fewer to {processes}: take a larger batch"
        )
    return cut


def _text(epoch: int, epochs: int, loss: float, rows: Sequence[object]) -> str:
    seen = f", {rows[-1]}" if rows else ""
    return f"train, epoch {epoch} of {epochs}, loss {loss:.4f}{seen}"
