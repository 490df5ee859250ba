"""A look at a model that leaves everything as it was: modes layer by layer, buffers and random
states.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from lopsided.measure.network.compiled import Hook
from lopsided.measure.network.contents import Undo, contents, plain, same
from lopsided.needs import torch
from lopsided.together import Alone, together

_log = logging.getLogger("lopsided")
#: Bytes of the largest tensor that is copied to be put back: quantized weights are larger, and take
#: as much memory as the model; states and counters are smaller.
COPIED = 2**22
#: Bytes of all that are copied of what layers hold beside their buffers.
IN_ALL = 2**28
#: Model -> what lets one thread look at it at a time.
_looks: WeakKeyDictionary[Any, Alone] = WeakKeyDictionary()
_entering = Alone()
#: Who looks at a model in this thread, if somebody does.
_looking: ContextVar[Any] = ContextVar("looking", default=None)


@contextmanager
def looked_at_by(who: Any) -> Iterator[None]:
    """Let forward passes be those of a look, which are nobody else's to hear."""
    before = _looking.set(who)
    try:
        yield
    finally:
        _looking.reset(before)


def may_hear(who: Any) -> bool:
    """Return whether a forward pass in this thread is somebody's to hear: their own look's, or no
    look's.
    """
    return _looking.get() in (None, who)


@contextmanager
def alone_with(model: Any) -> Iterator[None]:
    """Wait until no other thread looks at a model, which would hear its passes and find the modes
    that it is held in.
    """
    with _entering:
        look = _looks.setdefault(model, Alone())
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


@together
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
    """Put back buffers that a pass in evaluation mode moves, such as those of observers before a
    quantization, with the numbers of their layers, and what else a layer holds: the state that a
    recurrent network goes on from, what is counted, its own random numbers; and take away the hooks
    that a first pass puts there. Of a tensor that is too large to be copied a change is told.
    """
    large = [
        (f"{name}.{part}".lstrip("."), tensor, tensor._version)
        for name, layer in model.named_modules()
        for part, tensor in {**vars(layer), **layer._buffers}.items()
        if plain(tensor) and tensor.nbytes > COPIED and not tensor.is_inference()
    ]
    seen, room = {id(tensor) for _, tensor, _ in large}, _Room()
    held: list[tuple[Any, type, set[tuple[Any, ...]], dict[str, Any], list[Undo]]] = []
    for name, layer in model.named_modules():
        parts = _held(layer)
        undo = [*contents(parts, seen, room)]
        undo += [
            partial(layer._buffers.__setitem__, part, None)
            for part, buffer in layer._buffers.items()
            if buffer is None
        ]
        held.append((layer, type(layer), _made(layer), parts, undo))
        within = f"a tensor within {name or type(layer).__name__}"
        large += [(within, tensor, tensor._version) for tensor in room.refused()]
    hooks = [(layer, {*chain(*_hooks(layer))}) for layer in model.modules()]
    before = [
        (layer, name, buffer, buffer.detach().clone(), _numbers(layer))
        for layer in model.modules()
        for name, buffer in layer._buffers.items()
        if plain(buffer) and buffer.nbytes <= COPIED
    ]
    try:
        yield
    finally:
        # A lazy layer has become another one, or has made parts that its attributes tell of.
        other = {
            id(layer)
            for layer, kind, made, *_ in held
            if type(layer) is not kind or made != _made(layer)
        }
        kept = (each for each in held if id(each[0]) not in other)
        told = [_put_back(layer, parts, undo) for layer, _, _, parts, undo in kept]
        if any(told) and not other:
            for layer, own in hooks:
                _take_away(layer, own)
        for layer, name, buffer, own, numbers in before:
            if dict(layer._buffers.items()).get(name) is buffer and same(buffer, own):
                continue
            with torch().inference_mode(buffer.is_inference()), torch().no_grad():
                if buffer.grad_fn is not None:  # of a pass that is differentiated
                    buffer.detach_()
                (buffer if buffer.shape == own.shape else buffer.resize_(own.shape)).copy_(own)
            layer._buffers[name] = buffer
            vars(layer).update(numbers)
        for name, tensor, version in large:
            if tensor._version != version:
                _log.warning(
                    "%s changed while the model was looked at, and is too large (%.0f MiB) to be"
                    " put back",
                    name,
                    tensor.nbytes / 2**20,
                )


class _Room:
    """What is copied of the arrays and tensors that layers hold: as many as there is room for."""

    def __init__(self) -> None:
        self._left, self._refused = IN_ALL, list[Any]()

    def __call__(self, array: Any) -> bool:
        fits = bool(array.nbytes <= min(COPIED, self._left))
        if fits:
            self._left -= array.nbytes
        elif isinstance(array, torch().Tensor) and not array.is_inference():
            self._refused.append(array)
        return fits

    def refused(self) -> list[Any]:
        """Return the tensors that were not copied since this was asked last."""
        refused, self._refused = self._refused, []
        return refused


def _made(layer: Any) -> set[tuple[Any, ...]]:
    """Return the names of the parameters, buffers and layers that a layer has, and of those in its
    containers, with the kinds of what learns: a buffer that is filled can be emptied again, and a
    lazy layer is of the kind that it becomes.
    """
    layers = layer._modules.items()
    within = ((name, part) for name, part in layers if isinstance(part, _containers()))
    return {
        *((name, type(part)) for name, part in layer._parameters.items()),
        *((name,) for name, _ in layer._buffers.items()),
        *((name, getattr(part, "cls_to_become", None) or type(part)) for name, part in layers),
        *((name, *one) for name, part in within for one in _made(part)),
    }


@cache
def _containers() -> tuple[type, ...]:
    """Return the kinds of layers that hold parts for another one."""
    nn = torch().nn
    return nn.ModuleList, nn.ModuleDict, nn.Sequential, nn.ParameterList, nn.ParameterDict


def _hooks(layer: Any) -> list[dict[int, Any]]:
    """Return what a layer holds of its hooks, by their numbers, of which no two are the same."""
    own = vars(layer)
    return [own[name] for name in _of_every_layer() if "_hooks" in name and name in own]


def _take_away(layer: Any, own: set[int]) -> None:
    """Take away the hooks of a layer but its own and those of a measurement, which may have begun
    in another thread.

    Where an attribute that tells of them, perhaps of a layer around, was put back the next pass
    would put them there a second time; where nothing was, none would.
    """
    held = _hooks(layer)
    kept = own.union(*({n for n, hook in part.items() if isinstance(hook, Hook)} for part in held))
    for part in held:
        for number in part.keys() - kept:
            del part[number]


def _numbers(layer: Any) -> dict[str, Any]:
    """Return the plain numbers of a layer, which may tell of its buffers: how long one is, whether
    it is filled.
    """
    own = {name: part for name, part in vars(layer).items() if isinstance(part, int | float)}
    return {name: part for name, part in own.items() if name != "training"}


def _held(layer: Any) -> dict[str, Any]:
    """Return the attributes of a layer that are not the framework's own: of its layers those that
    begin with an underscore are.
    """
    own = type(layer).__module__.split(".")[0] == "torch"
    return {
        name: part
        for name, part in vars(layer).items()
        if name not in _of_every_layer() and not (own and name.startswith("_"))
    }


@cache
def _of_every_layer() -> frozenset[str]:
    """Return the names of the attributes that every layer has."""
    return frozenset(vars(torch().nn.Module()))


def _put_back(layer: Any, parts: dict[str, Any], undo: Iterable[Undo]) -> bool:
    """Give a layer the attributes that it had, with their contents, and take away those that it had
    not; return whether one was another that may tell of hooks, as counts and tensors do not.
    """
    now, silent = _held(layer), (int, float, torch().Tensor)
    others = [part for name, part in now.items() if part is not parts.get(name)]
    for name in now.keys() - parts.keys():
        del vars(layer)[name]  # a layer may refuse that anything is deleted
    vars(layer).update(parts)
    refilled = [put_back() is True for put_back in undo]
    tells = (isinstance(part, bool) or not isinstance(part, silent) for part in others)
    return any(refilled) or any(tells)


@contextmanager
def untouched(layer: Any) -> Iterator[None]:
    """Hold a layer in evaluation mode to be called by somebody who only looks at it, and put back
    what that moves.
    """
    with modes_kept(layer), randomness_kept(), buffers_kept(layer):
        yield


@contextmanager
def parallel_apart(model: Any) -> Iterator[None]:
    """Let every process of DistributedDataParallel measure with the buffers of the first one, and
    by itself; every process must call it.

    In the first pass without gradients buffers are sent to all, and in every pass after a training
    on uneven inputs (`Join`) it is told that there is one, so that processes would wait for one
    that has no sample to pass. Here buffers are sent once, before any pass.
    """
    kind = torch().nn.parallel.DistributedDataParallel
    parallel = [part for part in model.modules() if isinstance(part, kind)]
    before = [(part, part.require_forward_param_sync, part._join_config) for part in parallel]
    try:
        for part, _, join in before:
            part._join_config = join._replace(enable=False)
            part.require_forward_param_sync = True
            if part.will_sync_module_buffers():
                part._sync_buffers()
            part.require_forward_param_sync = False
        yield
    finally:
        for part, due, join in before:
            part.require_forward_param_sync, part._join_config = due, join
