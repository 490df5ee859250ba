"""A look at a model that leaves everything as it was: modes layer by layer, random states, and the
order in which a loader goes on.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from lopsided.needs import torch

#: Model -> what lets one thread look at it at a time.
_looks: WeakKeyDictionary[Any, threading.RLock] = WeakKeyDictionary()
_entering = threading.Lock()


@contextmanager
def alone_with(model: Any) -> Iterator[None]:
    """Wait until no other thread looks at a model, which would hear its passes and find the modes
    that it is held in.
    """
    with _entering:
        look = _looks.setdefault(model, threading.RLock())
    with look:
        yield


@contextmanager
def modes_kept(model: Any) -> Iterator[None]:
    """Hold a model in evaluation mode, and put back the mode of each layer: some may be frozen."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        for layer, _ in modes:
            layer.training = False
        yield
    finally:
        for layer, mode in modes:
            layer.training = mode


@contextmanager
def randomness_kept() -> Iterator[None]:
    """Put back the random states of Python, NumPy and torch, on every device in use."""
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002
    cuda = torch().cuda.is_available() and torch().cuda.is_initialized()
    mps = torch().mps.get_rng_state() if torch().backends.mps.is_available() else None
    try:
        devices = range(torch().cuda.device_count()) if cuda else ()
        with torch().random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(array)  # noqa: NPY002
        if mps is not None:
            torch().mps.set_rng_state(mps)


@contextmanager
def buffers_kept(model: Any) -> Iterator[None]:
    """Let every process of DistributedDataParallel measure with the buffers of the first one, and
    put back its own; every process must call it.

    In the first pass without gradients they are sent to all, so that processes would wait for one
    that has no sample to pass. Here they are sent once, before any pass.
    """
    kind = torch().nn.parallel.DistributedDataParallel
    parallel = [part for part in model.modules() if isinstance(part, kind)]
    before = [(buffer, buffer.clone()) for part in parallel for buffer in part.buffers()]
    due = [part.require_forward_param_sync for part in parallel]
    try:
        for part in parallel:
            part.require_forward_param_sync = True
            if part.will_sync_module_buffers():
                part._sync_buffers()
            part.require_forward_param_sync = False
        yield
    finally:
        with torch().no_grad():
            for buffer, own in before:
                buffer.copy_(own)
        for part, was in zip(parallel, due, strict=True):
            part.require_forward_param_sync = was


@contextmanager
def order_kept(loader: Any) -> Iterator[None]:
    """Put back what the next order of a loader depends on, which reading it moves on: the counters
    of a DataLoader, what its samplers hold, and the generators of both.

    Workers that a DataLoader keeps from epoch to epoch are left where they are, perhaps in the
    middle of one: reading starts others.
    """
    states = [vars(part) for part in _samplers(loader) if hasattr(part, "__dict__")]
    before = [(state, state.copy()) for state in states]
    for part in (loader, getattr(loader, "base_dataloader", None)):  # accelerate's wrap another
        if isinstance(part, torch().utils.data.DataLoader):  # what others have, they alone know
            states.append(own := vars(part))
            then = {name: value for name, value in own.items() if isinstance(value, int)}
            before.append((own, then))
            if "_iterator" in own:
                then["_iterator"], own["_iterator"] = own["_iterator"], None
    held = [value for state in states for value in state.values()]
    torches = [(g, g.get_state()) for g in held if isinstance(g, torch().Generator)]
    arrays = [(g, g.bit_generator.state) for g in held if isinstance(g, np.random.Generator)]
    try:
        yield
    finally:
        for state, then in before:
            state.update(then)
        for generator, drawn in torches:
            generator.set_state(drawn)
        for generator, drawn in arrays:
            generator.bit_generator.state = drawn


def _samplers(loader: Any) -> list[Any]:
    """Return the samplers of a loader, and those within them."""
    found = [loader]
    for part in found:
        inner = (getattr(part, name, None) for name in ("batch_sampler", "sampler"))
        found += [one for one in inner if one is not None and all(one is not f for f in found)]
    return found[1:]
