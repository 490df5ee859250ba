"""Contents: what containers, arrays and random numbers hold, put back in place after a look."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from operator import is_
from typing import Any

import numpy as np

from lopsided.needs import torch

#: What puts something back, and says so of the contents of containers.
Undo = Callable[[], object]
#: What holds other parts.
CONTAINERS = (dict, list, tuple, set, deque)


def contents(
    holder: dict[Any, Any] | Iterable[Any], seen: set[int], copied: Callable[[Any], bool]
) -> Iterator[Undo]:
    """Yield what puts back the contents of the values of a dictionary, or of other parts, where
    these may change in place: what containers hold, and what is in them, arrays and tensors, and
    random numbers.

    Args:
        holder: of the parts.
        seen: identities of the parts that somebody puts back already, to which theirs are added.
        copied: whether an array or a tensor is copied.
    """
    kinds = (*random_numbers(), *CONTAINERS, np.ndarray, torch().Tensor)
    level: list[Any] = [holder]
    while level:  # deep ones are no recursion, and those that hold a million numbers no loop
        moved = {kind for kind in set(map(type, _parts(level))) if issubclass(kind, kinds)}
        parts, level = [part for part in _parts(level) if type(part) in moved] if moved else [], []
        for held in parts:
            if id(held) in seen:
                continue
            seen.add(id(held))
            if isinstance(held, CONTAINERS):
                level.append(held)
            else:
                yield from _own(held, copied)
        if changing := [held for held in level if not isinstance(held, tuple)]:
            # Together: a hundred thousand copies would keep the garbage collector busy.
            yield partial(_refill, changing, [*map(_size, changing)], [*_items(changing)])


def _parts(holders: Iterable[Any]) -> Iterator[Any]:
    """Yield the parts of containers, of dictionaries the values."""
    return chain.from_iterable(
        _plainly(holder).values(holder) if isinstance(holder, dict) else holder
        for holder in holders
    )


def _plainly(held: dict[Any, Any]) -> type[dict[Any, Any]]:
    """Return by whose methods a dictionary is read: its own may make anew what they return."""
    return OrderedDict if isinstance(held, OrderedDict) else dict


def _own(held: Any, copied: Callable[[Any], bool]) -> Iterator[Undo]:
    """Yield what puts back an array, a tensor or random numbers."""
    if isinstance(held, np.ndarray | torch().Tensor):
        if (isinstance(held, np.ndarray) or plain(held)) and copied(held):
            own = held.copy() if isinstance(held, np.ndarray) else held.detach().clone()
            yield partial(_rewrite, held, own)
    elif isinstance(held, random.Random):
        if not isinstance(held, random.SystemRandom):  # which has no state
            yield partial(held.setstate, held.getstate())
    elif isinstance(held, np.random.Generator):
        yield partial(setattr, held.bit_generator, "state", held.bit_generator.state)
    else:
        yield partial(held.set_state, held.get_state())


def random_numbers() -> tuple[type, ...]:
    """Return the types of what random numbers are drawn from."""
    return random.Random, np.random.Generator, np.random.RandomState, torch().Generator


def _size(held: Any) -> int:
    """Return how many items there are of a container."""
    return 2 * len(held) if isinstance(held, dict) else len(held)


def _items(containers: Iterable[Any]) -> Iterator[Any]:
    """Yield what containers hold, of each dictionary the keys, then the values."""
    return chain.from_iterable(
        chain(_plainly(held).keys(held), _plainly(held).values(held))
        if isinstance(held, dict)
        else held
        for held in containers
    )


def _refill(containers: list[Any], sizes: list[int], items: list[Any]) -> bool:
    """Give containers the items that they had, where they have others: some refuse to be written
    to; return whether they had.
    """
    if sizes == [*map(_size, containers)] and all(map(is_, _items(containers), items)):
        return False
    remaining = iter(items)
    for held, size in zip(containers, sizes, strict=True):
        then = [*islice(remaining, size)]
        if size == _size(held) and all(map(is_, _items([held]), then)):
            continue
        held.clear()  # first: to update a Counter adds
        if isinstance(held, list | deque):
            held.extend(then)
        elif isinstance(held, set):
            held.update(then)
        else:
            held.update(dict(zip(then[: size // 2], then[size // 2 :], strict=True)))
    return True


def _rewrite(held: Any, then: Any) -> None:
    """Give an array or a tensor the numbers that it had."""
    if held.shape != then.shape:
        return
    if isinstance(held, np.ndarray):
        if held.flags.writeable:
            held[...] = then
    elif not same(held, then):
        with torch().inference_mode(held.is_inference()), torch().no_grad():
            held.detach().copy_(then)


def plain(part: Any) -> bool:
    """Return whether a part is a tensor that can be compared: others are spread, lazy or sparse."""
    return type(part) is torch().Tensor and part.layout == torch().strided


def same(one: Any, other: Any) -> bool:
    """Return whether a tensor has the values of its copy, bit for bit: NaN is itself there, and
    some types cannot be compared as numbers.
    """
    if one.shape != other.shape:
        return False
    if one.is_meta:
        return True
    return bool(
        torch().equal(*(part if part.is_quantized else _bits(part) for part in (one, other)))
    )


def _bits(tensor: Any) -> Any:
    whole = tensor.detach().resolve_conj().resolve_neg()
    return whole.unsqueeze(-1).view(torch().uint8)
