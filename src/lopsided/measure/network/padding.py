"""Padding: the positions of sequences that a model is told to leave out, which are of no sample."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from lopsided.needs import torch

#: Arguments (b, t) that say so -> whether they are true there, or minus infinity; else they are 0
#: there and 1 elsewhere. Where a module is told several, the last is of what it answers.
MASKS = {
    "attention_mask": False,
    "key_padding_mask": True,
    "src_key_padding_mask": True,
    "tgt_key_padding_mask": True,
}


class Padding:
    """What the modules of a model are told of padding.

    Args:
        model: a torch module.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        #: Name of a module and what it was told, the outer calls of a pass first.
        self._told: list[tuple[str, Any]] = []

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear what modules are told, until the context is left."""
        with ExitStack() as hooks:
            for name, part in _tellable(self._model):
                hook = part.register_forward_pre_hook(self._hear(name), with_kwargs=True)
                hooks.callback(hook.remove)
            yield

    def forget(self) -> None:
        """Drop what was told in a pass."""
        self._told.clear()

    def kept(self, name: str, shape: tuple[int, ...]) -> Any:
        """Return (b, t) which positions of a layer's output are of samples, or None for all: what
        the nearest call around it was told, else what others were, if that is the same.

        Args:
            name: of the layer.
            shape: (b, t).
        """
        fits = [(told, kept) for told, kept in self._told if kept.shape == shape]
        around = [kept for told, kept in fits if _holds(told, name)]
        found = around[-1:] or [kept for _, kept in fits]
        return found[0] if found and all(bool((kept == found[0]).all()) for kept in found) else None

    def _hear(self, name: str) -> Callable[..., None]:
        def hook(part: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            given = {**dict(zip(_parameters(part), args, strict=False)), **keywords}
            # Of attention to something else the keys are no positions of what is answered.
            other = given.get("query") is not given.get("key")
            for mask, marks in MASKS.items():
                if mask in given and not (mask == "key_padding_mask" and other):
                    self._take(name, given[mask], marks)

        return hook

    def _take(self, name: str, mask: Any, marks: bool) -> None:
        if isinstance(mask, torch().Tensor) and mask.ndim == 2:  # others are of pairs of tokens
            out = mask == -torch().inf if mask.is_floating_point() else mask != 0
            if marks or _tells(mask):
                self._told.append((name, ~out if marks else mask != 0))


def _tells(mask: Any) -> bool:
    """Return whether a mask is 1 at tokens and 0 at padding: numbers to be added to scores are 0
    where nothing is left out, and a triangle says which tokens see which before them.
    """
    if len(mask) == mask.shape[1]:
        ones = mask != 0
        triangle = torch().ones_like(ones).tril()
        if bool((ones == triangle).all() | (ones != triangle).all()):
            return False
    return bool(((mask == 0) | (mask == 1)).all() & mask.any())


def _tellable(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules that may be told of padding, with their names. The framework's encoders
    hand on what they are told, by a way of their own where nobody listens within; scripts call no
    hook.
    """
    closed: list[str] = []
    for name, part in model.named_modules():
        script = isinstance(part, torch().jit.ScriptModule)
        if script or any(_holds(outer, name) for outer in closed):
            continue
        parameters = _parameters(part)
        anything = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        if anything or MASKS.keys() & parameters.keys():
            yield name, part
        if isinstance(part, (torch().nn.TransformerEncoder, torch().nn.TransformerEncoderLayer)):
            closed.append(name)


def _parameters(part: Any) -> Mapping[str, inspect.Parameter]:
    """Return what a module takes, by its names; nothing where Python does not know it."""
    try:
        return inspect.signature(part.forward).parameters
    except (TypeError, ValueError):
        return {}


def _holds(outer: str, name: str) -> bool:
    """Return whether a module is a layer or around it, by their names; that of a model is empty."""
    return not outer or f"{name}.".startswith(f"{outer}.")
