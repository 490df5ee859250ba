"""The head of a torch model: its last linear layer, whose weight rows are the classifiers."""

from __future__ import annotations

import logging
from typing import Any

from lopsided.counts import Counts
from lopsided.measure.needs import torch

_log = logging.getLogger("lopsided")


def find_head(model: Any, head: Any = None, counts: Counts | None = None) -> tuple[str, Any]:
    """Return the name and the layer that is the head of a torch model.

    Args:
        model: a torch module.
        head: the layer, if known; otherwise the last linear layer is taken and a log message names it.
        counts: if given, only a layer with as many outputs as classes will do.

    Raises:
        ValueError: if no linear layer fits, the head is not in the model, has no weight matrix, or another number of outputs.
    """
    if head is None:
        layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, torch().nn.Linear)]
        linear = [(name, layer) for name, layer in layers if counts is None or layer.out_features == counts.k]
        if not linear:
            wanted = "" if counts is None else f" with {counts.k} outputs"
            raise ValueError(f"the model has no linear layer{wanted}; say which layer is the head")
        name, head = linear[-1]
        _log.warning("watching the last linear layer %r (%d -> %d)", name, head.in_features, head.out_features)
    else:
        name = next((name for name, module in model.named_modules() if module is head), None)
        if name is None:
            raise ValueError("the head is not a layer of this model")
    weight = getattr(head, "weight", None)
    if weight is None or weight.ndim != 2:
        raise ValueError(f"the head {name!r} has no (k, d) weight matrix")
    if counts is not None and counts.k != len(weight):
        raise ValueError(f"the head {name!r} has {len(weight)} outputs, but counts are of {counts.k} classes")
    return name, head
