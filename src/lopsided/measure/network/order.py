"""The order in which a loader goes on, left as it was by a look at what it gives."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any
from weakref import ProxyTypes

from lopsided.measure.network.contents import Undo, contents, random_numbers
from lopsided.needs import torch

#: Where loaders of Accelerate tell all of them together which one is being read, and how far it is.
SHARED = "gradient_state"
#: Where a DataLoader, and one of torchdata that goes on from a checkpoint, keeps how far it is, and
#: what stands there before it begins.
BEGINNING = {"_iterator": None, "next_iter_state": None, "_initial_iter_for_state_dict": False}
#: Parts of a data set in one container that are looked into, at most.
FEW = 1000


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
    kinds = (*random_numbers(), int) if any(known) else random_numbers()
    for part in data:
        undo += _kept(part, lambda value: isinstance(value, random_numbers()))
    drawn = [part for part in _reached(within) if isinstance(part, random_numbers())]
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
        inner = (one for one in _attributes(part).values() if _is_loader(one) or _holds_loader(one))
        found += [one for one in inner if all(one is not f for f in found)]
    return found


def _attributes(part: Any) -> dict[str, Any]:
    """Return what an object holds itself; what it only points to may be there no more."""
    own = {} if isinstance(part, type) else getattr(part, "__dict__", {})
    return {name: value for name, value in own.items() if type(value) not in ProxyTypes}


def _is_loader(part: Any) -> bool:
    return isinstance(part, torch().utils.data.DataLoader)


def _holds_loader(part: Any) -> bool:
    return any(map(_is_loader, _attributes(part).values()))


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
    return _reached([getattr(loader, name, None) for name in ("dataset", "collate_fn")])


def _reached(parts: list[Any]) -> list[Any]:
    """Return parts, and what is within them, each once."""
    found = level = {id(part): part for part in parts if part is not None}
    while level:
        inner = {id(one): one for part in level.values() for one in _within(part)}
        level = {key: one for key, one in inner.items() if key not in found}
        found = found | level
    return [*found.values()]


def _within(part: Any) -> Iterator[Any]:
    """Yield what an object holds that may draw or hold random numbers, one by one where they are in
    a container, and those of its module. Samples that are objects may be many, and are not looked
    into.
    """
    for value in _held(part):
        values = value.values() if isinstance(value, dict) else value
        held = isinstance(value, dict | list | tuple)
        several = values if held and len(value) <= FEW else () if held else [value]
        yield from (one for one in several if _may_draw(one))
    module = sys.modules.get(str(getattr(part, "__module__", "")))
    yield from (one for one in _attributes(module).values() if isinstance(one, random_numbers()))


def _held(part: Any) -> Iterator[Any]:
    """Yield what an object holds, a function what it was made with."""
    yield from _attributes(part).values()
    if isinstance(part, partial):
        yield from (part.func, part.args, part.keywords)
    elif isinstance(part, MethodType):
        yield from (part.__self__, part.__func__)
    elif isinstance(part, FunctionType):
        yield from (part.__defaults__, part.__kwdefaults__)
        for cell in part.__closure__ or ():
            with suppress(ValueError):  # it is empty
                yield cell.cell_contents
    for kind in type(part).__mro__:
        if "__slots__" in vars(kind):
            members = (m for m in vars(kind).values() if isinstance(m, MemberDescriptorType))
            yield from (getattr(part, member.__name__, None) for member in members)


def _may_draw(value: Any) -> bool:
    if isinstance(value, type | ModuleType | torch().Tensor) or type(value) in ProxyTypes:
        return False
    functions = partial, MethodType, FunctionType, *random_numbers()
    slots = any("__slots__" in vars(kind) for kind in type(value).__mro__)
    return isinstance(value, functions) or slots or bool(getattr(value, "__dict__", None))


def _kept(part: Any, chosen: Callable[[Any], bool]) -> list[Undo]:
    """Return what puts back the chosen attributes of a sampler or loader, and their contents."""
    then = {name: value for name, value in _attributes(part).items() if chosen(value)}
    own = vars(part) if then else {}
    # An array of one axis is an order; more axes are data.
    return [partial(own.update, then), *contents(then, set(), lambda array: array.ndim == 1)]
