"""Positions: which axis of a layer's output holds its channels; the others hold positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lopsided.labels import left_out
from lopsided.measure.network.tensors import to_numpy
from lopsided.needs import torch

#: What modules call the number of channels that they put at axis 1, and at the last axis.
_FIRST = ("out_channels", "num_features", "num_channels")
_LAST = ("out_features", "embedding_dim", "embed_dim", "hidden_size")


def rows(
    output: Any,
    labels: Any,
    layer: Any,
    inner: list[Any],
    shift: int = 0,
    kept: Callable[[tuple[int, ...]], Any] = lambda shape: None,
    marks: tuple[int, ...] = (),
) -> tuple[Any, Any]:
    """Return one row a sample, a mean over positions, or one a position where each has a label.

    Args:
        output: (b, d), (b, *positions, d) or (b, d, *positions) of a layer; (t, b, d) of a
            recurrent one without `batch_first`.
        labels: array of the pass.
        layer: the module; of convolutions, linear and recurrent layers, normalization and pooling
            the axis is known, of others it is the one as long as a layer within is wide.
        inner: modules of the model but the head, which tell of a layer that has no width.
        shift: by how many positions the labels of sequences lie ahead, of which the first are cut.
        kept: (b, t) -> which positions of sequences are no padding, or None for all of them.
        marks: labels to leave out, whose sequences may be padding alone.

    Raises:
        ValueError: if it is not known which axis is which, or another sequence is padding alone.

    Example:
        >>> import torch
        >>> layer, z = torch.nn.Conv1d(2, 5, 1), torch.arange(15.0).reshape(1, 5, 3)
        >>> rows(z, torch.zeros(1), layer, [])[0]
        tensor([[ 1.,  4.,  7., 10., 13.]])
    """
    if output.ndim < 3:
        return output.reshape(len(output), -1), labels
    shape, given = tuple(output.shape), tuple(labels.shape)
    if not _last(shape, layer, inner):
        output = output.movedim(1, -1)
    elif output.ndim == 3:
        output = _samples_first(output, given, layer, inner)
    if shift and output.ndim == 3 and given == (len(output), output.shape[1] - shift):
        output = output[:, :-shift]
    batch = tuple(output.shape[:-1])
    if given in (batch, (*batch, 1), (output[..., 0].numel(),)):
        return output.flatten(0, -2), labels.reshape(-1)
    means = output.flatten(1, -2).mean(1)
    if output.ndim == 3 and (told := kept(batch)) is not None:
        told = told.to(output.device)
        number = told.sum(1, keepdim=True)
        empty = to_numpy(number[:, 0] == 0)
        if marks and labels.size == len(empty):  # as where the last batch is filled up
            empty &= ~left_out(labels.reshape(-1), marks)
        if empty.any():
            raise ValueError(
                f"sample {int(empty.argmax())} of the batch is padding alone, by the mask"
                " that the model was given, and padding has no mean"
            )
        # Padding may be anything, also no number.
        wide = torch().promote_types(output.dtype, torch().float32)
        means = output.where(told[..., None], 0.0).mean(1, dtype=wide) * batch[1] / number
    return means, labels


def batch_first(layers: Iterable[Any]) -> bool:
    """Return whether no layer takes time for axis 0, as the framework's do by default."""
    return all(getattr(layer, "batch_first", True) for layer in layers)


def _samples_first(output: Any, given: tuple[int, ...], layer: Any, inner: list[Any]) -> Any:
    """Return (b, t, d) of what may be (t, b, d); labels of the same two axes lie beside both."""
    t, b, _ = output.shape
    sequential = isinstance(layer, _sequential())
    parts = list(layer.modules()) if sequential else [*layer.modules(), *inner]
    if batch_first(parts):
        return output
    each = given in ((t, b), (t, b, 1), (b, t), (b, t, 1), (t * b,)) and t > 1 < b
    if (t == b > 1 and (each or not sequential)) or (each and len(given) == 1):
        raise ValueError(
            f"of its output {tuple(output.shape)} it is not known whether axis 0 is time, as in"
            " layers without batch_first=True: measure batches of as many samples as no sequence"
            " is long, or build the model with batch_first=True"
        )
    # Of a layer that can stand on either side of such a one the number of labels tells.
    swapped = sequential or given[:1] == (b,) != (t,)
    return output.transpose(0, 1) if swapped and given[:2] != (t, b) else output


def _sequential() -> tuple[type, ...]:
    nn = torch().nn
    encoders = nn.TransformerEncoderLayer, nn.TransformerEncoder
    decoders = nn.TransformerDecoderLayer, nn.TransformerDecoder
    return nn.RNNBase, nn.MultiheadAttention, *encoders, *decoders


def _last(shape: tuple[int, ...], layer: Any, inner: list[Any]) -> bool:
    """Return whether channels are at the last axis, and not at axis 1."""
    known = _known(layer)
    if known is not None:
        last, width = known
        there, elsewhere = (shape[-1 if axis else 1] == width for axis in (last, not last))
        # What a layer of one's own does about a known one, as a norm of maps that turns their axes,
        # its output has to tell.
        usual = width is None or type(layer).forward.__module__.startswith("torch.")
        unclear = elsewhere and isinstance(layer, torch().nn.LayerNorm)
        if usual or (there and not unclear):
            return last
        if elsewhere and not there:
            return not last
    for modules in (list(layer.modules()), inner):
        first = any(shape[1] in _widths(module, _FIRST) for module in modules)
        last = any(shape[-1] in _widths(module, _LAST) for module in modules)
        if first != last:
            return last
        if first:
            break
    raise ValueError(
        f"it is not known whether axis 1 or the last of its output {shape} holds the channels: name"
        " a convolution, a linear or recurrent layer, or what normalizes or pools, instead of this"
        f" {type(layer).__name__}"
    )


def _known(layer: Any) -> tuple[bool, int | None] | None:
    """Return whether a kind of layer has its channels at the last axis, and their number where it
    tells that; None for other kinds.
    """
    nn = torch().nn
    if isinstance(layer, nn.modules.conv._ConvNd):
        return False, layer.out_channels
    if isinstance(layer, nn.modules.batchnorm._NormBase):
        return False, layer.num_features
    if isinstance(layer, nn.GroupNorm):
        return False, layer.num_channels
    if isinstance(layer, nn.LocalResponseNorm) or _pools(layer):
        return False, None
    if isinstance(layer, nn.Linear):
        return True, layer.out_features
    if isinstance(layer, nn.Embedding):
        return True, layer.embedding_dim
    if isinstance(layer, _sequential()):
        return True, None
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) == 1:
        return True, layer.normalized_shape[0]
    return None


def _pools(layer: Any) -> bool:
    return any(kind.__module__ == "torch.nn.modules.pooling" for kind in type(layer).__mro__)


def _widths(module: Any, names: tuple[str, ...]) -> set[int]:
    """Return how many channels a module makes; of an unknown kind the lengths of its vectors."""
    known = [name for name in (*_FIRST, *_LAST) if isinstance(getattr(module, name, None), int)]
    if not known:
        return {len(part) for part in module.parameters(recurse=False) if part.ndim == 1}
    sides = 2 if getattr(module, "bidirectional", False) else 1
    return {sides * getattr(module, name) for name in known if name in names}
