"""Workers: the processes of one run under `torchrun`, or the single one without it."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from lopsided.measure.network import sync
from lopsided.measure.storage import torchrun
from lopsided.signals import ended_by_signals


@dataclass(frozen=True)
class Workers:
    """This process among all that train one network.

    Attributes:
        rank: of this process.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def of(cls, device: str) -> Workers:
        """Join the processes that `torchrun` started, if it did, until this one ends: to part and
        meet again for the next network they would wait for ever, where they met before.
        """
        if not torchrun.several():
            return cls()
        if not dist.is_initialized():
            with ended_by_signals(), torchrun.waiting_told():
                dist.init_process_group("nccl" if device == "cuda" else "gloo")
            atexit.register(dist.destroy_process_group)
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def require_alike(self, what: str) -> None:
        """Refuse to train one network on what is another thing in another process, as where every
        machine has a disk of its own.

        Raises:
            ValueError: the same in every process.
        """
        if self.size > 1:
            sync.agree(what)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network with gradients averaged over the processes."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch."""
        return batch.tensor_split(self.size)[self.rank]

    def share_buffers(self, network: nn.Module) -> None:
        """Give every process the first one's running statistics, so that all measure one
        network.
        """
        if self.size > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)

    def leave(self) -> None:
        """Wait until all processes are done with a network."""
        if self.size > 1:
            dist.barrier()


def device_of(name: str) -> torch.device:
    """Return a device that is there: for "cuda" this process's own GPU.

    Raises:
        ValueError: if CUDA is asked for and not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device is available: use --device cpu")
    if name == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device(name)
