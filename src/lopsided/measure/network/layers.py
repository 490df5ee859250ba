"""layers: measure several layers of a trained model at once, in one pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal

import numpy as np

from lopsided.counts import Counts, CountsLike
from lopsided.labels import Ignore, sentinels
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.network.padding import Padding
from lopsided.measure.network.positions import rows
from lopsided.measure.network.returned import tensors_of
from lopsided.measure.network.run import Part, Run
from lopsided.measure.network.stream import Stream
from lopsided.measure.network.sync import agree, reduce
from lopsided.measure.network.tensors import has_values, to_numpy


def layers(
    model: Any,
    loader: Iterable[Any],
    modules: Sequence[str],
    counts: CountsLike | None = None,
    *,
    head: Any = None,
    scatter: Literal["pooled", "none"] = "pooled",
    classes: Classes = "all",
    ignore: Ignore = None,
    shift: int | None = None,
    inputs: Part = None,
    labels: Part = None,
    show_progress: bool = True,
) -> dict[str, Collapse]:
    """Run a trained model over a loader once, and return what its layers show, one `Collapse` each.

    A layer is measured at its output, as a mean over the positions of images and sequences unless
    each position has a label. What an `attention_mask` or a `key_padding_mask` leaves out of a
    sequence takes no part in its mean; padding that is told by other names does. Of convolutions,
    linear, recurrent and attention layers, what normalizes and what pools it is known which axis
    holds channels or time; of others, the axis as long as a layer within or around them is wide
    holds the channels. The last entry is the head, with its weights and answers, measured at its
    input. Processes of a group are joined as by `trained`.

    Args:
        model: a torch module, left as it was.
        loader: batches, as `trained` takes them.
        modules: names of layers in the model, each of which runs once a pass.
        counts: training samples of each class.
        head: as in `trained`.
        scatter: "none" leaves out the d^2 of NC1 in every layer but the head.
        classes: as in `trained`.
        ignore: labels of positions without a class.
        shift: as in `trained`.
        inputs: what of a batch the model is given.
        labels: what of a batch the labels are.
        show_progress: show a progress bar.

    Raises:
        ValueError: if a name is not in the model or given twice, a layer runs not exactly once a
            pass or is the head, the axes of its output are not known, or as `trained`.
        TypeError: as `trained`.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
        >>> data = [(torch.eye(2).repeat(3, 1), torch.tensor([0, 1] * 3))]
        >>> found = layers(net, data, ["0", "1"], show_progress=False)
        >>> [(name, seen.d) for name, seen in found.items()]
        [('0', 3), ('1', 3), ('2', 3)]
    """
    counts = None if counts is None else Counts.of(counts)
    run = Run(
        model,
        counts,
        head=head,
        ignore=ignore,
        shift=shift,
        inputs=inputs,
        labels=labels,
        show_progress=show_progress,
    )
    if isinstance(modules, str):
        raise ValueError(f"modules must be a list of names, such as [{modules!r}]")
    known = dict(model.named_modules())
    for name in modules:
        if name not in known or not name:
            near = ", ".join(list(known)[1:9])
            raise ValueError(f"the model has no layer {name!r}; it has {near}, ...")
    if len(set(modules)) < len(modules):
        raise ValueError(f"every layer is named once, got {list(modules)}")
    passing, outputs = run.passing, dict[str, list[Any]]()
    streams: dict[str, Stream] = {}
    padding, marks = Padding(model), sentinels(ignore)

    def hear(name: str) -> Callable[..., None]:
        def hook(_layer: Any, _args: Any, output: Any) -> None:
            found = next(filter(has_values, tensors_of(output)), None)
            # A copy, since what comes after the layer may write to its output, as ReLU in place.
            outputs.setdefault(name, []).append(None if found is None else found.detach().clone())

        return hook

    def take(features: Any, given: Any, logits: Any) -> None:
        if passing.name in modules:  # only a pass tells for sure which layer is the head
            raise ValueError(
                f"the layer {passing.name!r} is the head, which is measured at its input as the"
                " last entry anyway: leave it out of the names"
            )
        for name in modules:
            heard = outputs.pop(name, [])
            if len(heard) != 1 or heard[0] is None:
                raise ValueError(
                    f"the layer {name!r} made {len(heard)} outputs in one pass, and only one of"
                    " one tensor can be measured; name the layers around it"
                )
            inner = [part for part in known.values() if part is not passing.head]
            try:
                kept = partial(padding.kept, name)
                x, y = rows(heard[0], given, known[name], inner, shift or 0, kept, marks)
            except ValueError as error:
                raise ValueError(f"the layer {name!r} cannot be measured: {error}") from error
            if name not in streams:
                streams[name] = Stream(passing.shape[0], x.shape[-1], scatter, x.device, ignore)
            streams[name].update(x, y)
        padding.forget()
        if passing.name not in streams:
            streams[passing.name] = Stream(*passing.shape, "pooled", features.device, ignore)
        streams[passing.name].update(features, given, logits, linear=True)

    with run, padding.heard(), ExitStack() as hooks:
        for name in modules:
            hooks.callback(known[name].register_forward_hook(hear(name)).remove)
        shared = run.read(loader, "measuring layers", take)
        weight, bias = (None if part is None else to_numpy(part) for part in run.head())
    if shared:
        agree(f"the layers {', '.join(map(repr, modules))}")
        own = [streams[name].d if name in streams else 0 for name in modules]
        (widths,) = reduce([np.array(own, np.int64)], "max")
        # A process without a batch has seen none of them.
        for name, d in zip(modules, widths.tolist(), strict=True):
            if d and name not in streams:
                streams[name] = Stream(passing.shape[0], d, scatter)
        streams.setdefault(passing.name, Stream(*passing.shape))
    if {*modules, passing.name} - set(streams):
        raise ValueError("nothing has been measured: the loader gave no batch")
    result = {}
    for name, stream in streams.items():
        whose = (weight, bias) if name == passing.name else (None, None)
        joined = stream.sync() if shared else stream
        result[name] = joined.compute(*whose, classes, counts)
    return result
