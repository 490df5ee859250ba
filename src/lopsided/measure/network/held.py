"""Held: the weight and the bias that a layer has now, whole.

Pruning and the older norms compute a weight before each forward pass, so that after a step, or a
checkpoint that was loaded, the layer holds the one of its last pass. Of a layer that is spread over
processes none holds the whole, and memory that FSDP has given back must not be read.
"""

from __future__ import annotations

from typing import Any

from lopsided.measure.network.intact import modes_kept
from lopsided.measure.network.tensors import is_spread

REMEDY = (
    "leave the head whole, as fully_shard(..., ignored_params={*head.parameters()}) does, or give"
    " features and the whole weight (full_tensor() of a DTensor) to a measure.Stream"
)


def held(head: Any) -> tuple[Any, Any]:
    """Return weight (k, d) and bias of a layer; that of a 1x1 convolution flattened.

    In evaluation mode: a spectral norm moves when it is read in training.

    Raises:
        ValueError: if the layer is spread over processes.
    """
    hooks = getattr(head, "_forward_pre_hooks", {}).values()
    # What they compute lies among the attributes, where a loss may read it with its graph.
    before = {name: value for name, value in vars(head).items() if not name.startswith("_")}
    try:
        with modes_kept(head):
            for hook in filter(_computes, hooks):
                hook(head, ())
            weight, bias = head.weight, getattr(head, "bias", None)
    finally:
        vars(head).update(before)
    if weight.ndim < 2:
        raise ValueError(
            f"the head's weight must be a matrix (k, d), got shape {tuple(weight.shape)}; where"
            f" FSDP has cut it, {REMEDY}"
        )
    if any(part is not None and _is_elsewhere(part) for part in (weight, bias)):
        raise ValueError(
            "the head is spread over processes (FSDP, tensor parallelism), so none of them holds"
            f" its whole weight: {REMEDY}"
        )
    return weight.flatten(1), bias


def _is_elsewhere(tensor: Any) -> bool:
    """Return whether a tensor is a part, or without memory, which FSDP takes away after passes."""
    if is_spread(tensor):
        return True
    return bool(tensor.numel() and not tensor.is_meta and not tensor.untyped_storage().nbytes())


def _computes(hook: Any) -> bool:
    """Return whether a hook computes a weight: pruning, or a norm that is no parametrization."""
    return any(kind.__module__.startswith("torch.nn.utils.") for kind in type(hook).__mro__)
