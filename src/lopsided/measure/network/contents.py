"""Contents: what containers, arrays and random numbers hold, put back in place after a look."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_
from typing import Any

import numpy as np

from lopsided.needs import torch

#: What puts something back.
Undo = Callable[[], object]


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
    kinds = (*random_numbers(), dict, list, tuple, set, deque, np.ndarray, torch().Tensor)
    parts = list(holder.values() if isinstance(holder, dict) else holder)
    # Lists of a million numbers are passed over at once.
    among = {kind for kind in set(map(type, parts)) if issubclass(kind, kinds)}
    for held in [part for part in parts if type(part) in among] if among else ():
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, dict | list | tuple | set | deque):
            if not isinstance(held, tuple):
                yield partial(_refill, held, dict(held) if isinstance(held, dict) else list(held))
            yield from contents(held, seen, copied)
        elif isinstance(held, np.ndarray | torch().Tensor):
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


def _refill(held: Any, then: Any) -> None:
    """Give a container the contents that it had, where it has others: some refuse to be written
    to.
    """
    if _holds(held, then):
        return
    held.clear()  # first: to update a Counter adds
    if isinstance(held, list | deque):
        held.extend(then)
    else:
        held.update(then)


def _holds(held: Any, then: Any) -> bool:
    """Return whether a container has the very contents that it had."""
    if isinstance(held, set):
        return {*map(id, held)} == {*map(id, then)}
    if len(held) != len(then) or not all(map(is_, held, then)):
        return False
    return not isinstance(held, dict) or all(map(is_, held.values(), then.values()))


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
