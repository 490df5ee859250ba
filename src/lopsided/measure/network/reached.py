"""What a loader, its data set and what changes their samples hold, as far as it may draw random
numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple
from weakref import ProxyTypes

from lopsided.measure.network.contents import random_numbers
from lopsided.needs import torch

#: Parts of a data set in one container that are looked into, at most.
FEW = 1000
#: What may hold other parts, and is none itself.
HOLDERS = dict, list, tuple


def reached(roots: Iterable[Any]) -> list[Any]:
    """Return parts, and what is within them, each once, with the random numbers of the modules that
    they are of. Containers within them are no parts. Samples that are objects may be many, and are
    not looked into; data sets that one is made of are.
    """
    given = {id(part): part for part in roots if part is not None}
    found: dict[int, Any] = {}
    kinds = _Kinds()
    modules: set[str] = set()
    waiting = [*given.values()]
    while waiting:  # deep ones are no recursion
        part = waiting.pop()
        if id(part) in found:
            continue
        found[id(part)] = part
        holds = chain(_held(part), _in_slots(part, kinds[type(part)].slots))
        waiting += (held for held in holds if kinds[type(held)].draws)
        if (name := str(getattr(part, "__module__", ""))) not in modules:
            modules.add(name)
            of_module = attributes(sys.modules.get(name)).values()
            waiting += (one for one in of_module if isinstance(one, random_numbers()))
    return [part for key, part in found.items() if key in given or not isinstance(part, HOLDERS)]


def attributes(part: Any) -> dict[str, Any]:
    """Return what an object holds itself; what it only points to may be there no more."""
    if isinstance(part, type):
        return {}
    own: dict[str, Any] = {}
    with suppress(AttributeError):  # its own way of finding what it lacks is not asked
        own = dict(object.__getattribute__(part, "__dict__"))  # another thread may go on with it
    return {name: value for name, value in own.items() if type(value) not in ProxyTypes}


def items_of(container: Any) -> Iterable[Any]:
    """Return what one of `HOLDERS` holds, of a dictionary without its keys."""
    return container.values() if isinstance(container, dict) else container


def _in_slots(part: Any, slots: Iterable[Any]) -> Iterator[Any]:
    """Yield what lies in slots of an object, where they are filled."""
    for slot in slots:
        with suppress(AttributeError):
            yield slot.__get__(part)


def _held(part: Any) -> Iterator[Any]:
    """Yield what an object holds, a container its items, a function what it was made with."""
    if isinstance(part, HOLDERS) and len(part) <= FEW:
        yield from items_of(part)
    own = attributes(part)
    yield from own.values()
    several = own.get("datasets")
    if isinstance(several, HOLDERS):  # however many
        yield from items_of(several)
    if isinstance(part, partial):
        yield from (part.func, part.args, part.keywords)
    elif isinstance(part, MethodType):
        yield from (part.__self__, part.__func__)
    elif isinstance(part, FunctionType):
        yield from (part.__defaults__, part.__kwdefaults__)
        for cell in part.__closure__ or ():
            with suppress(ValueError):  # it is empty
                yield cell.cell_contents


class _Kind(NamedTuple):
    """What of parts of one type is looked at.

    Attributes:
        draws: whether they may draw random numbers: their own, of what they hold, or those of
            their module.
        slots: what reads attributes that lie in no dictionary.
    """

    draws: bool
    slots: list[Any]

    @classmethod
    def of(cls, kind: type) -> _Kind:
        """Return it for a type."""
        own = [vars(each) for each in kind.__mro__ if "__slots__" in vars(each)]
        members = (m for each in own for m in each.values() if isinstance(m, MemberDescriptorType))
        never = kind in ProxyTypes or issubclass(kind, (type, ModuleType, torch().Tensor))
        holding = *HOLDERS, MethodType, *random_numbers()
        # What is written in Python has one or the other.
        draws = bool(own or kind.__dictoffset__) or issubclass(kind, holding)
        return cls(draws and not never, [*members])


class _Kinds(dict[type, _Kind]):
    """Each kind, once it is asked for."""

    def __missing__(self, kind: type) -> _Kind:
        """Look at a kind and remember it."""
        self[kind] = _Kind.of(kind)
        return self[kind]
