"""State: what a training run needs to go on from a checkpoint to the bit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.reproduce.checkpoint import Checkpoint
from lopsided.reproduce.settings import Training


def state(network: nn.Module, optimiser: torch.optim.SGD) -> dict[str, Tensor]:
    """Return parameters, buffers and momenta, by name."""
    momenta = {
        f"momentum.{name}": optimiser.state[parameter]["momentum_buffer"]
        for name, parameter in network.named_parameters()
        if optimiser.state[parameter].get("momentum_buffer") is not None
    }
    return {f"model.{name}": tensor for name, tensor in network.state_dict().items()} | momenta


def most(network: nn.Module) -> int:
    """Return how many bytes a checkpoint may have: parameters, buffers, momenta, and room for the
    facts.
    """
    return 2**27 + 2 * sum(int(tensor.nbytes) for tensor in network.state_dict().values())


def require_fit(network: nn.Module, settings: Training, found: Checkpoint) -> None:
    """Refuse a checkpoint from which this network cannot go on.

    Raises:
        ValueError: for other tensors than the network's, or facts that are not those of `train`.
    """
    expected = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    if settings.momentum > 0:
        expected |= {
            f"momentum.{name}": parameter
            for name, parameter in network.named_parameters()
            if parameter.requires_grad
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


def restore(network: nn.Module, optimiser: torch.optim.SGD, tensors: dict[str, Tensor]) -> None:
    """Put a network and its optimiser where `state` was taken."""
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
