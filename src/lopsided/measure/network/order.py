"""The order in which a loader goes on, left as it was by a look at what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from lopsided.measure.network.contents import Undo, contents, random_numbers
from lopsided.measure.network.reached import FEW, HOLDERS, attributes, items_of, reached
from lopsided.needs import torch

#: Where loaders of Accelerate tell all of them together which one is being read, and how far it is.
SHARED = "gradient_state"
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
    within, undo = loaders_in(loader), list[Undo]()
    data = _each(_data, within)
    for sampler in _each(_samplers, within):
        undo += _kept(sampler, lambda value: all(value is not part for part in data))
    known = [*map(_is_loader, within)]
    # What the numbers of other loaders are, they alone know, and data sets those of theirs.
    numbers = random_numbers()
    kinds = (*numbers, int) if any(known) else numbers
    for part in data:
        undo += _kept(part, lambda value: isinstance(value, numbers))
    drawn = [part for part in reached(within) if isinstance(part, numbers)]
    undo += contents(drawn, set(), lambda array: False)
    for part, is_known in zip(within, known, strict=True):
        undo += _kept(part, lambda value: isinstance(value, kinds))
        if is_known:
            there = {name: vars(part)[name] for name in BEGINNING if name in vars(part)}
            undo.append(partial(vars(part).update, there))
            vars(part).update({name: BEGINNING[name] for name in there})
        if (state := getattr(part, SHARED, None)) is not None:
            undo.append(partial(vars(state).update, dict(vars(state))))
    try:
        yield
    finally:
        for put_back in undo:
            put_back()


def loaders_in(loader: Any) -> list[Any]:
    """Return a loader and those that it holds, as one holds another that moves its batches to a
    device, fetches them before they are asked for, or shows a bar.
    """
    found = [loader]
    for part in found:
        inner = (one for one in _parts(part) if _is_loader(one) or _holds_loader(one))
        found += [one for one in inner if all(one is not f for f in found)]
    return found


def _is_loader(part: Any) -> bool:
    return isinstance(part, torch().utils.data.DataLoader)


def _holds_loader(part: Any) -> bool:
    return any(map(_is_loader, _parts(part)))


def _parts(part: Any) -> Iterator[Any]:
    """Yield what an object holds, one by one where it is in a container."""
    for value in attributes(part).values():
        several = isinstance(value, HOLDERS) and len(value) <= FEW
        yield from items_of(value) if several else [value]


def _each(parts: Callable[[Any], list[Any]], loaders: list[Any]) -> list[Any]:
    """Return the parts of all loaders, each once."""
    return [*{id(part): part for loader in loaders for part in parts(loader)}.values()]


def _samplers(loader: Any) -> list[Any]:
    """Return the samplers of a loader, and those within them."""
    found = [loader]
    for part in found:
        inner = (getattr(part, name, None) for name in ("batch_sampler", "sampler"))
        found += [one for one in inner if one is not None and all(one is not f for f in found)]
    return found[1:]


def _data(loader: Any) -> list[Any]:
    """Return the data set of a loader, what makes batches of its samples, and what is within both:
    data sets that it is a part of or made of, and what changes its samples.
    """
    return reached([getattr(loader, name, None) for name in ("dataset", "collate_fn")])


def _kept(part: Any, chosen: Callable[[Any], bool]) -> list[Undo]:
    """Return what puts back the chosen attributes of a sampler or loader, and their contents."""
    then = {name: value for name, value in attributes(part).items() if chosen(value)}
    if not then:
        return []
    # An array of one axis is an order; more axes are data.
    return [partial(vars(part).update, then), *contents(then, set(), lambda array: array.ndim == 1)]
