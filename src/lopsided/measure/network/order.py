"""The order in which a loader goes on, left as it was by a look at what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from lopsided.measure.network.contents import Undo, contents, random_numbers
from lopsided.needs import torch

#: Where loaders of Accelerate and of Lightning Fabric keep the one that they wrap.
WRAPPED = ("base_dataloader", "_dataloader")
#: Where a DataLoader, and one of torchdata that goes on from a checkpoint, keeps how far it is, and
#: what stands there before it begins.
BEGINNING = {"_iterator": None, "next_iter_state": None, "_initial_iter_for_state_dict": False}


@contextmanager
def order_kept(loader: Any) -> Iterator[None]:
    """Put back what the next order of a loader depends on, which reading it moves on: the counters
    of a DataLoader and of what wraps it, what its samplers hold, and the random numbers of all.

    Workers that a DataLoader keeps from epoch to epoch are left where they are, perhaps in the
    middle of one: reading starts others.
    """
    data, undo = _data(loader), list[Undo]()
    for sampler in _samplers(loader):
        undo += _kept(sampler, lambda value: all(value is not part for part in data))
    loaders = [loader, *(getattr(loader, name, None) for name in WRAPPED)]
    known = [isinstance(part, torch().utils.data.DataLoader) for part in loaders]
    # What the numbers of other loaders are, they alone know, and data sets those of theirs.
    kinds = (*random_numbers(), int) if any(known) else random_numbers()
    for part in data:
        undo += _kept(part, lambda value: isinstance(value, random_numbers()))
    for part, is_known in zip(loaders, known, strict=True):
        undo += _kept(part, lambda value: isinstance(value, kinds))
        if is_known:
            there = {name: vars(part)[name] for name in BEGINNING if name in vars(part)}
            undo.append(partial(vars(part).update, there))
            vars(part).update({name: BEGINNING[name] for name in there})
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


def _data(loader: Any) -> list[Any]:
    """Return the data set of a loader, and those that it is a part of or made of."""
    found = [getattr(loader, "dataset", None)]
    for part in found:
        own = getattr(part, "__dict__", {})
        several = own.get("datasets")
        several = list(several.values()) if isinstance(several, dict) else several
        inner = [own.get("dataset"), *(several if isinstance(several, list | tuple) else ())]
        found += [one for one in inner if one is not None and all(one is not f for f in found)]
    return found


def _kept(part: Any, chosen: Callable[[Any], bool]) -> list[Undo]:
    """Return what puts back the chosen attributes of a sampler or loader, and their contents."""
    own = {} if isinstance(part, type) else getattr(part, "__dict__", {})
    then = {name: value for name, value in own.items() if chosen(value)}
    # An array of one axis is an order; more axes are data.
    return [partial(own.update, then), *contents(then, set(), lambda array: array.ndim == 1)]
