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
from lopsided.reproduce.context import Context
from lopsided.reproduce.network import checkpoint
from lopsided.reproduce.network.checkpoint import Checkpoint
from lopsided.reproduce.network.models import Network
from lopsided.reproduce.network.parallel import Workers
from lopsided.reproduce.settings import Training, observed_epochs
from lopsided.reproduce.typed import typed

#: Seconds of training that a kill may cost.
_SAVE_EVERY = 5.0

T = TypeVar("T")


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


def train(
    settings: Training,
    network: Network,
    sample: Sample,
    observe: Callable[[int, Network], T],
    kind: type[T],
    context: Context,
) -> History[T]:
    """Train a network in place, from the latest checkpoint if there is one.

    Args:
        settings: of the run.
        network: freshly built, on the run's device.
        sample: the training set.
        observe: epoch and network to what is seen; called after the epochs of `observed_epochs`, in
            evaluation mode.
        kind: type of what is seen.
        context: where checkpoints go and progress is shown; a checkpoint of another identity is not
            taken.

    Raises:
        ValueError: if the loss is no longer finite, the network cannot be measured, or batches are
            too small.
    """
    workers = Workers.of(settings.device)
    wrapped = workers.wrap(network)
    optimiser = torch.optim.SGD(parameters(network, settings), settings.rate, settings.momentum)
    rows: list[T] = []
    start, seconds, busy = 0, 0.0, 0.0
    found = checkpoint.latest(
        context.folder,
        context.identity,
        context.note,
        partial(_require_fit, network, settings),
        _most(network),
    )
    if found is not None:
        _restore(network, optimiser, found.tensors)
        rows = list(typed(tuple[kind, ...], found.facts["rows"]))  # type: ignore[valid-type]
        start = found.facts["epoch"]
        seconds, busy = found.facts["seconds"], found.facts["busy"]
        context.note(f"continued from epoch {start} of {settings.epochs}")
    measured = set(observed_epochs(settings.epochs))
    began = saved = time.monotonic()
    for epoch in range(start + 1, settings.epochs + 1):
        at = time.monotonic()
        loss = _epoch(settings, epoch, wrapped, optimiser, sample, workers)
        busy += time.monotonic() - at
        if not np.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} in epoch {epoch}: take a smaller rate than {settings.rate:g}"
            )
        if epoch in measured:
            workers.share_buffers(network)
            network.eval()
            try:
                with torch.inference_mode():
                    rows.append(observe(epoch, network))
            except ValueError as error:
                rate = f"if it has grown without bound, take a smaller rate than {settings.rate:g}"
                raise ValueError(
                    f"the network cannot be measured after epoch {epoch} ({error}); {rate}"
                ) from error
        context.advance(epoch / settings.epochs, _text(epoch, settings.epochs, loss, rows))
        now = time.monotonic()
        if (now - saved > _SAVE_EVERY or epoch == settings.epochs) and workers.first:
            facts = {
                "identity": context.identity,
                "epoch": epoch,
                "rows": plain(rows),
                "seconds": seconds + now - began,
                "busy": busy,
            }
            checkpoint.write(context.folder, epoch, Checkpoint(_state(network, optimiser), facts))
            saved = now
    return History(
        tuple(rows),
        seconds + time.monotonic() - began,
        settings.epochs * len(sample.labels) / max(busy, 1e-9),
    )


def parameters(network: Network, settings: Training) -> list[dict[str, Any]]:
    """Return the network's parameters in groups of one weight decay: a free bias of the head has
    none.
    """
    free = [network.head.bias] if settings.bias == "free" else []
    decayed = [
        parameter
        for parameter in network.parameters()
        if not any(parameter is other for other in free)
    ]
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def _epoch(
    settings: Training,
    epoch: int,
    network: nn.Module,
    optimiser: torch.optim.SGD,
    sample: Sample,
    workers: Workers,
) -> float:
    """Train for one epoch and return the mean loss."""
    network.train()
    for group in optimiser.param_groups:
        group["lr"] = settings.rate_at(epoch - 1)
    device, n = sample.labels.device, len(sample.labels)
    order = torch.from_numpy(np.random.default_rng([settings.seed, epoch]).permutation(n)).to(
        device
    )
    total = torch.zeros((), device=device)
    for batch in batches(order, settings.batch, workers.size):
        mine = workers.share(batch)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.amp == "bf16"):
            loss = functional.cross_entropy(network(sample.images[mine]), sample.labels[mine])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        total += loss.detach() * len(batch)
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


def _state(network: Network, optimiser: torch.optim.SGD) -> dict[str, Tensor]:
    momenta = {
        f"momentum.{name}": optimiser.state[parameter]["momentum_buffer"]
        for name, parameter in network.named_parameters()
        if optimiser.state[parameter].get("momentum_buffer") is not None
    }
    return {f"model.{name}": tensor for name, tensor in network.state_dict().items()} | momenta


def _most(network: Network) -> int:
    """Return how many bytes a checkpoint may have: parameters, buffers, momenta, and room for the
    facts.
    """
    return 2**27 + 2 * sum(int(tensor.nbytes) for tensor in network.state_dict().values())


def _require_fit(network: Network, settings: Training, found: Checkpoint) -> None:
    """Refuse a checkpoint from which this network cannot go on.

    Raises:
        ValueError: for other tensors than the network's, or facts that are not those of `train`.
    """
    expected = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    if settings.momentum > 0:
        expected |= {
            f"momentum.{name}": parameter for name, parameter in network.named_parameters()
        }
    given = {name: (tensor.shape, tensor.dtype) for name, tensor in found.tensors.items()}
    if given != {name: (tensor.shape, tensor.dtype) for name, tensor in expected.items()}:
        raise ValueError("the checkpoint holds other tensors than this network")
    kinds = {"epoch": int, "rows": list, "seconds": float, "busy": float}
    for name, kind in kinds.items():
        if not isinstance(found.facts.get(name), kind):
            raise ValueError(f"the checkpoint has no {name} of a training run")
    if not 1 <= found.facts["epoch"] <= settings.epochs:
        raise ValueError(
            f"the checkpoint is of epoch {found.facts['epoch']}, the run has {settings.epochs}"
        )


def _restore(network: Network, optimiser: torch.optim.SGD, tensors: dict[str, Tensor]) -> None:
    prefix = "model."
    network.load_state_dict(
        {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
    )
    for name, parameter in network.named_parameters():
        if (momentum := tensors.get(f"momentum.{name}")) is not None:
            optimiser.state[parameter]["momentum_buffer"] = momentum.to(parameter.device)
