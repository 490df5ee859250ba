"""The order in which a loader goes on, left as it was by a look at what it gives."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from lopsided.measure.network.intact import refill
from lopsided.needs import torch

#: Where loaders of Accelerate and of Lightning Fabric keep the one that they wrap.
WRAPPED = ("base_dataloader", "_dataloader")

Undo = Callable[[], object]


@contextmanager
def order_kept(loader: Any) -> Iterator[None]:
    """Put back what the next order of a loader depends on, which reading it moves on: the counters
    of a DataLoader and of what wraps it, what its samplers hold, and the random numbers of all.

    Workers that a DataLoader keeps from epoch to epoch are left where they are, perhaps in the
    middle of one: reading starts others.
    """
    data, undo = getattr(loader, "dataset", None), list[Undo]()
    for sampler in _samplers(loader):
        undo += _kept(sampler, lambda value: value is not data)
    loaders = [loader, *(getattr(loader, name, None) for name in WRAPPED)]
    known = [isinstance(part, torch().utils.data.DataLoader) for part in loaders]
    # What the numbers of other loaders are, they alone know, and data sets those of theirs.
    kinds = (*_random(), int) if any(known) else _random()
    undo += _kept(data, lambda value: isinstance(value, _random()))
    for part, is_known in zip(loaders, known, strict=True):
        undo += _kept(part, lambda value: isinstance(value, kinds))
        if is_known and "_iterator" in vars(part):
            undo.append(partial(vars(part).update, _iterator=part._iterator))
            part._iterator = None
    try:
        yield
    finally:
        for put_back in undo:
            put_back()


def _samplers(loader: Any) -> list[Any]:
    """Return the samplers of a loader, and those within them."""
    found = [loader]
    for part in found:
        inner = (getattr(part, name, None) for name in ("batch_sampler", "sampler"))
        found += [one for one in inner if one is not None and all(one is not f for f in found)]
    return found[1:]


def _kept(part: Any, chosen: Callable[[Any], bool]) -> list[Undo]:
    """Return what puts back the chosen attributes of a sampler or loader, and their contents."""
    own = getattr(part, "__dict__", {})
    then = {name: value for name, value in own.items() if chosen(value)}
    return [partial(own.update, then), *_contents(then, set())]


def _random() -> tuple[type, ...]:
    return random.Random, np.random.Generator, np.random.RandomState, torch().Generator


def _contents(holder: dict[Any, Any] | list[Any], seen: set[int]) -> Iterator[Undo]:
    """Yield what puts back the contents of what a dictionary or list holds, where these may change
    in place: an order that is shuffled, or random numbers.
    """
    kinds = (*_random(), dict, list, np.ndarray, torch().Tensor)
    parts = list(holder.values() if isinstance(holder, dict) else holder)
    among = {kind for kind in set(map(type, parts)) if issubclass(kind, kinds)}
    for held in [part for part in parts if type(part) in among] if among else ():
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, dict | list):
            yield partial(refill, held, held.copy())
            yield from _contents(held, seen)
        elif isinstance(held, np.ndarray | torch().Tensor):
            if held.ndim == 1:  # an order; more axes are data
                yield partial(_rewrite, held, _copy(held))
        elif isinstance(held, random.Random):
            if not isinstance(held, random.SystemRandom):  # which has no state
                yield partial(held.setstate, held.getstate())
        elif isinstance(held, np.random.Generator):
            yield partial(setattr, held.bit_generator, "state", held.bit_generator.state)
        else:
            yield partial(held.set_state, held.get_state())


def _copy(held: Any) -> Any:
    return held.copy() if isinstance(held, np.ndarray) else held.detach().clone()


def _rewrite(held: Any, then: Any) -> None:
    if isinstance(held, np.ndarray):
        if held.flags.writeable:
            held[...] = then
    elif not torch().equal(held, then):
        with torch().no_grad():
            held.copy_(then)
