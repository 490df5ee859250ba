"""The head of a torch model: its last linear layer, whose weight rows are the classifiers."""

from __future__ import annotations

import re
from typing import Any

from lopsided.counts import Counts
from lopsided.measure.network.intact import modes_kept
from lopsided.needs import torch

#: Models that train position t on the label of position t + 1, by the names of their classes.
CAUSAL = re.compile(r"ForCausalLM$|(?<!XLNet)LMHeadModel$")


def heads(model: Any, head: Any = None, counts: Counts | None = None) -> dict[str, Any]:
    """Return the layers that can be the head of a torch model, by name; the likeliest is last.

    Args:
        model: a torch module.
        head: the layer, if known; otherwise the linear layers as wide as the last one can be it.
        counts: if given, only a layer with as many outputs as classes will do.

    Raises:
        ValueError: if no linear layer fits, the head is not in the model, has no weight matrix, or
            another number of outputs.
    """
    if head is None:
        kind = torch().nn.Linear
        linear = {n: layer for n, layer in model.named_modules() if isinstance(layer, kind)}
        last = next((layer.out_features for layer in reversed(linear.values())), 0)
        k = last if counts is None else counts.k
        found = {n: layer for n, layer in linear.items() if layer.out_features == k}
        if not found:
            wanted = "" if counts is None else f" with {counts.k} outputs"
            raise ValueError(f"the model has no linear layer{wanted}; say which layer is the head")
    else:
        found = {n: layer for n, layer in model.named_modules() if layer is head}
        if not found:
            raise ValueError("the head is not a layer of this model")
    name, head = list(found.items())[-1]
    with modes_kept(head):
        weight = getattr(head, "weight", None)
    if not isinstance(weight, torch().Tensor) or weight.ndim != 2:
        raise ValueError(f"the head {name!r} has no (k, d) weight matrix")
    widths = (head.out_features,) if hasattr(head, "out_features") else weight.shape
    if counts is not None and counts.k not in widths:
        outputs = f"the head {name!r} has {widths[0]} outputs"
        raise ValueError(f"{outputs}, but counts are of {counts.k} classes")
    return found


def around(model: Any, name: str) -> list[Any]:
    """Return the modules that a layer is in, from the model inwards, and the layer itself."""
    parts = name.split(".") if name else []
    return [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts) + 1)]


def causal(model: Any, name: str) -> str:
    """Return the class of the causal language model that a layer is in, which shifts its labels."""
    names = (type(module).__name__ for module in around(model, name))
    return next((found for found in names if CAUSAL.search(found)), "")
