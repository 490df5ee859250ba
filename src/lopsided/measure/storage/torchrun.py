"""The processes that torchrun started share the work on stored features, and the first tells."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lopsided.measure.network import sync
from lopsided.measure.storage.rows import Stored
from lopsided.needs import need
from lopsided.signals import ended_by_signals

_log = logging.getLogger("lopsided")

#: Seconds after which a process that waits for others says so: they may never come, where the
#: environment is that of a training, or one process of it measures alone.
PATIENCE = 20.0


def share(engine: Any, shards: Sequence[Mapping[str, Stored]]) -> slice | None:
    """Return which tasks are this process's, where torchrun started several.

    Args:
        engine: that was asked for.
        shards: the arrays of each file; all processes read the same files, each its tasks of them.

    Raises:
        ValueError: if an engine was asked for, or the environment does not say how many processes
            there are; or, the same in every process, if they opened different files.
    """
    if not several():
        return None
    if engine not in (None, 1):
        raise ValueError(
            f"under torchrun its processes share the work: leave out the engine, got {engine!r}"
        )
    distributed = need("torch.distributed", "'lopsided[torch]'")
    with waiting_told():
        if not distributed.is_initialized():
            with ended_by_signals():
                distributed.init_process_group("gloo")
            atexit.register(_part)
        with sync.others_told(True):
            told = _told(shards)
        sync.agree(told)
    return slice(distributed.get_rank(), None, distributed.get_world_size())


@contextmanager
def waiting_told() -> Iterator[None]:
    """Say what is waited for where the others do not come soon."""
    said = (
        f"waiting for the other processes: WORLD_SIZE={os.environ['WORLD_SIZE']} in the environment"
        " says how many torchrun has started, and each of them has to run this; without WORLD_SIZE"
        " one process does it alone"
    )
    timer = threading.Timer(PATIENCE, _log.warning, [said])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _told(shards: Sequence[Mapping[str, Stored]]) -> str:
    """Return what tells files from others, wherever they lie."""
    arrays = [(name, shard[name].told()) for shard in shards for name in sorted(shard)]
    digest = hashlib.sha256(repr(arrays).encode()).hexdigest()[:8]
    samples = sum(shard["features"].shape[0] for shard in shards)
    first, *others = [shard["features"].path.name for shard in shards]
    names = f"{first} and {len(others):,} files more" if others else first
    return f"{samples:,} samples of {names} ({digest})"


def _part() -> None:
    """Leave the group in order: threads of one that is still there abort Python now and then when
    it ends.
    """
    distributed = need("torch.distributed", "'lopsided[torch]'")
    if distributed.is_initialized():
        distributed.destroy_process_group()


def tells() -> bool:
    """Return whether this process is to say what was measured: the first, or the only one."""
    return not several() or os.environ.get("RANK") == "0"


def several() -> bool:
    """Return whether torchrun started several processes.

    Raises:
        ValueError: if the environment does not say how many, or which of them this one is.
    """
    said = os.environ.get("WORLD_SIZE", "1")
    if not said.isdecimal() or said == "0":
        raise ValueError(
            f"the environment's WORLD_SIZE is the number of processes of torchrun, got {said!r}"
        )
    if int(said) == 1:
        return False
    rank = os.environ.get("RANK", "0")
    if not rank.isdecimal() or int(rank) >= int(said):
        raise ValueError(
            f"the environment's RANK is the number of this process, below WORLD_SIZE={said}, got"
            f" {rank!r}"
        )
    return True
