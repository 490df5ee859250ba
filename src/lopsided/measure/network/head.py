"""The head of a torch model: its last linear layer, whose weight rows are the classifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from itertools import dropwhile
from typing import Any

from lopsided.arrays import require_noun
from lopsided.counts import Counts
from lopsided.measure.network.intact import modes_kept
from lopsided.needs import torch

#: What to do where the only logit is that of one class over another.
ONE = (
    "; a head of one output is the difference of two: give features, and the rows (-w/2, w/2) with"
    " the biases (-b/2, b/2), to measure.Stream and steer.prescribe"
)


def heads(model: Any, head: Any = None, counts: Counts | None = None) -> dict[str, Any]:
    """Return the layers that can be the head of a torch model, by name; the likeliest is last.

    Args:
        model: a torch module.
        head: the layer or its name, if known; otherwise the linear layers, of any kind that tells
            its sizes, as wide as the last one of several outputs can be it, or as a classifier of
            Hugging Face says that it has labels, or of a model without any the 1x1 convolutions;
            those that learn are likelier than those of a teacher, which do not, and a model that
            tells its classifier itself, as timm's and language models of Hugging Face do, is
            believed first.
        counts: if given, only a layer with as many outputs as classes will do.

    Raises:
        TypeError: if the model is no torch module.
        ValueError: if no linear layer fits, the head is not in the model, has no weight matrix, or
            another number of outputs.
    """
    require_noun(
        model, torch().nn.Module, "the model", "torch.nn.Module is the class of all models"
    )
    if head is None:
        found = _guessed(model, None if counts is None else counts.k)
        if not found:
            _require_hooks(model, *model.modules())
            wanted = "" if counts is None else f" with {counts.k} outputs"
            one = ONE if any(_outputs(layer) == 1 for layer in model.modules()) else ""
            raise ValueError(
                f"the model has no linear layer{wanted}; say which layer is the head{one}"
            )
    else:
        named = dict(model.named_modules())
        found = {
            n: m for n, m in named.items() if m is head or (isinstance(head, str) and n == head)
        }
        if not found and isinstance(head, str):
            some = ", ".join(repr(n) for n, m in named.items() if _outputs(m)) or "none"
            raise ValueError(f"the model has no layer {head!r}; its linear layers are {some}")
        if not found:
            raise ValueError("the head is not a layer of this model")
    _require_hooks(model, *found.values())
    name, head = list(found.items())[-1]
    with modes_kept(head):
        weight = getattr(head, "weight", None)
    if isinstance(weight, torch().nn.UninitializedParameter):
        raise ValueError(
            f"the head {name!r} is lazy and has no weight before its first pass: give the model a"
            " batch first"
        )
    if not isinstance(weight, torch().Tensor) or not is_matrix(weight):
        raise ValueError(f"the head {name!r} has no (k, d) weight matrix")
    widths = (head.out_features,) if hasattr(head, "out_features") else weight.shape[:2]
    if tuple(widths) == (1,):
        raise ValueError(f"the head {name!r} has one output, of which nothing is measured{ONE}")
    if counts is not None and counts.k not in widths:
        outputs = f"the head {name!r} has {widths[0]} outputs"
        raise ValueError(f"{outputs}, but counts are of {counts.k} classes")
    return found


def _require_hooks(model: Any, *layers: Any) -> None:
    """Refuse layers of TorchScript, whose code runs in C++ and calls no hook.

    Raises:
        ValueError: if one of them is.
    """
    if any(isinstance(layer, torch().jit.ScriptModule) for layer in layers):
        raise ValueError(
            f"the layers of {type(model).__name__} were compiled to TorchScript and cannot be"
            " watched: give the module that it was made of, or features and head to measure.Stream"
            " and steer.prescribe"
        )


def is_layer(head: Any) -> bool:
    """Return whether a head is a torch module with a matrix of weights, told without importing
    torch.
    """
    if not any(kind.__module__ == "torch.nn.modules.module" for kind in type(head).__mro__):
        return False
    with modes_kept(head):  # a spectral norm moves when it is read in training
        weight = getattr(head, "weight", None)
    return hasattr(weight, "ndim") and is_matrix(weight)


def is_matrix(weight: Any) -> bool:
    """Return whether a weight is (k, d), or (k, d, 1, 1) as of a 1x1 convolution."""
    return bool(weight.ndim >= 2) and math.prod(weight.shape[2:]) == 1


def axes_of(layer: Any) -> int:
    """Return how many axes the weight of a layer has: 2, or of a convolution that many more as its
    features have beside samples and channels.
    """
    nn = torch().nn
    kinds = {nn.Conv1d: 3, nn.Conv2d: 4, nn.Conv3d: 5}
    return next((axes for kind, axes in kinds.items() if isinstance(layer, kind)), 2)


def _guessed(model: Any, k: int | None) -> dict[str, Any]:
    """Return the layers that can be the head, of k outputs or as many as the last one has."""
    layers = dict(model.named_modules())
    # What an adapter is made of answers a part of what it answers.
    adapters = tuple(f"{n}." for n, layer in layers.items() if _adapted(layer) is not layer)
    layers = {n: layer for n, layer in layers.items() if not n.startswith(adapters)}
    linear = {n: layer for n, layer in layers.items() if _is_linear(_adapted(layer))}
    fitting = linear or {n: layer for n, layer in layers.items() if _outputs(layer)}
    told = None
    with suppress(Exception):  # there is none, or one that is asked otherwise
        told = model.get_classifier()
    with suppress(Exception):
        told = told or _embeddings(model, layers)
    own = {n: layer for n, layer in layers.items() if layer is told and _outputs(layer)}
    # Of dictionaries joined the later one's names come last.
    fitting = {n: layer for n, layer in fitting.items() if n not in own} | own
    # One output tells no classes.
    several = {n: width for n, layer in reversed(fitting.items()) if (width := _outputs(layer)) > 1}
    widths, said = list(several.values()), list[int]()
    with suppress(Exception):
        said = [each for each in _labels(model, next(iter(several), "")) if each in widths]
    width = k or next(iter([*said, *widths]), 0)
    wide = {n: layer for n, layer in fitting.items() if _outputs(layer) == width}
    return dict(sorted(wide.items(), key=lambda item: (item[0] in own, learns(item[1]))))


def _embeddings(model: Any, layers: Mapping[str, Any]) -> Any:
    """Return the layer that a language model of Hugging Face tells as its output embeddings, but
    where one of several outputs that is not in its encoder comes after it: a head of one's own.
    """
    told, encoder = model.get_output_embeddings(), {*model.base_model.modules()}
    after = dropwhile(lambda layer: layer is not told, layers.values())
    later = (layer for layer in after if layer is not told and layer not in encoder)
    return None if any(_outputs(layer) > 1 for layer in later) else told


def _labels(model: Any, last: str) -> list[int]:
    """Return how many labels classifiers of Hugging Face say that they have, which may hold their
    head before their encoder, of those that the last layer is in: one beside or below another head
    tells nothing of that.
    """
    parts = [part for part in around(model, last) if "Classification" in type(part).__name__]
    said = [getattr(getattr(part, "config", None), "num_labels", None) for part in parts]
    return [number for number in said if isinstance(number, int)]


def lone(model: Any) -> str:
    """Return the name of the last layer that could be a head but for its one output, where none of
    several outputs comes after it, or nothing.
    """
    outputs = {n: width for n, layer in model.named_modules() if (width := _outputs(layer))}
    name, width = next(reversed(outputs.items()), ("", 0))
    return name if width == 1 else ""


def learns(layer: Any) -> bool:
    """Return whether a layer has a parameter that is trained."""
    return any(part.requires_grad for part in layer.parameters())


def tied(model: Any, layer: Any) -> str:
    """Return the name of the parameter of another layer that is a layer's weight too, as of tied
    embeddings, or nothing.
    """
    with modes_kept(layer):
        within, start = set(layer.modules()), layer.weight.data_ptr()
    return next(
        (
            f"{name}.{part}"
            for name, other in model.named_modules()
            if other not in within
            for part, held in other.named_parameters(recurse=False)
            if held.numel() and held.data_ptr() == start
        ),
        "",
    )


def _outputs(layer: Any) -> int:
    """Return how many outputs a linear layer, also one with an adapter, or a 1x1 convolution has, 0
    of another layer.
    """
    if _is_linear(inner := _adapted(layer)):
        return int(inner.out_features)
    if axes_of(layer) == 2 or layer.groups != 1 or set(layer.kernel_size) != {1}:
        return 0
    return int(layer.out_channels)


def _is_linear(layer: Any) -> bool:
    """Return whether a layer is linear, or one of another kind that tells the sizes of its matrix
    as linear layers do, such as a head of cosines.
    """
    if isinstance(layer, torch().nn.Linear):
        return True
    sizes = [getattr(layer, name, None) for name in ("out_features", "in_features")]
    if None in sizes:
        return False
    with modes_kept(layer):
        weight = getattr(layer, "weight", None)
    return isinstance(weight, torch().Tensor) and [*weight.shape] == sizes


def _adapted(layer: Any) -> Any:
    """Return the linear layer that an adapter holds beside its own, as PEFT calls it, or the layer
    itself. An adapter has a weight, that of the layer, which a network of one's own has not.
    """
    inner = getattr(layer, "base_layer", None)
    tells = isinstance(inner, torch().nn.Linear) and hasattr(type(layer), "weight")
    return inner if tells else layer


def around(model: Any, name: str) -> list[Any]:
    """Return the modules that a layer is in, from the model inwards, and the layer itself."""
    parts = name.split(".") if name else []
    return [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts) + 1)]
