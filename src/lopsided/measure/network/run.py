"""Run: forward passes of a model over data, of which features, labels and answers are taken, and
after which the model is as it was.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing, nullcontext
from typing import Any, Self

import numpy as np

from lopsided.arrays import require_flag
from lopsided.bars import tracked
from lopsided.counts import Counts
from lopsided.labels import Ignore
from lopsided.measure.counted import repeated
from lopsided.measure.network import alike, compiled, sync
from lopsided.measure.network.affine import Map
from lopsided.measure.network.intact import (
    alone_with,
    buffers_kept,
    looked_at_by,
    modes_kept,
    parallel_apart,
    randomness_kept,
)
from lopsided.measure.network.order import loaders_in, order_kept
from lopsided.measure.network.passing import Passing
from lopsided.needs import torch

_log = logging.getLogger("lopsided")

#: What of a batch: a function of it, or its place or name in it.
Part = Callable[[Any], Any] | int | str | None


class Run:
    """A model in evaluation mode and without gradients; a context, so that it is put back.

    Attributes:
        passing: what passes through its head.
        together: whether the processes of a group join their samples.

    Args:
        model: a torch module; one that is compiled runs uncompiled meanwhile.
        counts: training samples of each class.
        head: the last layer or its name in the model.
        ignore: labels of positions without a class.
        shift: by how many positions labels lie ahead.
        inputs: what of a batch the model is given, tuples as arguments and mappings as keywords.
        labels: what of a batch the labels are.
        show_progress: show a progress bar.
    """

    def __init__(
        self,
        model: Any,
        counts: Counts | None = None,
        *,
        head: Any = None,
        ignore: Ignore = None,
        shift: int | None = None,
        inputs: Part = None,
        labels: Part = None,
        show_progress: bool = True,
    ) -> None:
        require_flag(show_progress, "show_progress")
        self._model, self._inputs, self._labels = model, inputs, labels
        self._show, self._stack = show_progress, ExitStack()
        #: Labels that the last loader gave, those of a sequence or an image together one.
        self.rows = 0
        # Its doors hold the head in evaluation mode for a moment.
        alone = alone_with(model) if isinstance(model, torch().nn.Module) else nullcontext()
        with alone:
            self.passing = Passing(model, head, counts, ignore=ignore, shift=shift)
        self.together = sync.available()
        if self.together:
            _log.warning(
                "the samples of all processes are joined: every one of them must call diagnose"
            )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for kept in (
                alone_with(self._model),
                looked_at_by(self.passing),
                self.passing,
                modes_kept(self._model),
                randomness_kept(),
                torch().no_grad(),
                compiled.eagerly(),
                buffers_kept(self._model),
                parallel_apart(self._model) if self.together else nullcontext(),
            ):
                stack.enter_context(kept)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def read(
        self, loader: Iterable[Any], title: str, take: Callable[[Any, Any, Any], None]
    ) -> bool:
        """Run the model over a loader, and give features, labels and answers of each batch away.

        Returns:
            Whether other processes read other samples, to be joined with these. The same samples in
            all of them, as of a loader that is not shared out, count once.

        Raises:
            ValueError: if a batch cannot be used; it is named.
            TypeError: if the loader gives what is no batch.
        """
        batches = tracked(loader, title, show=self._show)
        rows, largest, read = 0, 0, alike.Read()
        # Closed at once: whoever keeps the error would keep the bar, its threads and the workers.
        with order_kept(loader), sync.others_told(self.together), closing(batches):
            for number, batch in enumerate(batches):
                labels, by_keyword = self._forward(batch)
                try:
                    taken = self.passing.samples(labels, by_keyword=by_keyword)
                    take(*taken)
                except ValueError as error:
                    raise ValueError(f"in batch {number} of the loader: {error}") from error
                rows, largest = rows + len(labels), max(largest, len(labels))
                if self.together:
                    read.add(*taken)
        shared = self.together and not read.by_all()
        given = sync.reduce([np.array([rows, largest])], "sum")[0].tolist() if shared else ()
        if sentence := repeated(_one_with_data(loader), rows, *given):
            _log.warning(sentence)
        self.rows = rows
        return shared

    def head(self) -> Map:
        """Return classifiers and bias of the head, `None` for none.

        Raises:
            ValueError: if processes have networks of their own.
        """
        affine = self.passing.affine
        found = affine.weight_and_bias()
        if self.together:
            alike.require_one_head(found[0], used=affine.reading is not None)
        return found

    def _forward(self, batch: Any) -> tuple[Any, bool]:
        """Run the model on a batch; return its labels, and whether the model was given them."""
        inputs, labels = parts(batch, self._inputs, self._labels)
        device = next(
            (part.device for part in self._model.parameters() if part.device.type != "meta"), None
        )
        if isinstance(inputs, Mapping):
            self._model(**{str(name): _put(value, device) for name, value in inputs.items()})
            return labels, "labels" in inputs
        given = _arguments(self._model, inputs)
        self._model(*(_put(value, device) for value in given))
        return labels, False


def parts(batch: Any, inputs: Part = None, labels: Part = None) -> tuple[Any, Any]:
    """Return what a model is given of a batch, and the labels.

    Of a pair these are the first and the second; a mapping with `labels` is given whole.

    Raises:
        TypeError: if the batch is neither and nobody said, or has no such part.

    Example:
        >>> parts({"image": 1, "target": 2, "path": "a.png"}, inputs="image", labels="target")
        (1, 2)
    """
    if inputs is not None and labels is not None:
        return _part(batch, inputs, "inputs"), _part(batch, labels, "labels")
    if isinstance(batch, Mapping) and (labels is not None or "labels" in batch):
        own = _part(batch, "labels" if labels is None else labels, "labels")
        return (batch if inputs is None else _part(batch, inputs, "inputs")), own
    if isinstance(batch, Mapping):
        names = ", ".join(map(str, batch))
        raise TypeError(
            f"a batch that is a mapping must hold 'labels', got {names}; say which of them are"
            " labels=NAME and, unless the model takes the whole mapping, inputs=NAME"
        )
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        if inputs is None or labels is None:
            raise TypeError(
                "the loader must give pairs (inputs, labels) or mappings with 'labels', got a "
                f"{type(batch).__name__}{size}; say which of it are inputs= and labels=, as places"
                " or names in the batch or functions of it"
            )
    first = _part(batch, 0 if inputs is None else inputs, "inputs")
    return first, _part(batch, 1 if labels is None else labels, "labels")


def _part(batch: Any, which: Part, what: str) -> Any:
    if callable(which):
        return which(batch)
    try:
        return batch[which]
    except (KeyError, IndexError, TypeError) as error:
        raise TypeError(
            f"a batch has no {what} at {which!r}, it is a {type(batch).__name__}"
            + (f" of {', '.join(map(str, batch))}" if isinstance(batch, Mapping) else "")
        ) from error


def _arguments(model: Any, inputs: Any) -> tuple[Any, ...]:
    """Return what a model is called with: a tuple is its arguments, and so is a list that it does
    not take for one, which PyTorch's loaders make of the tuples of a data set. Packed sequences are
    one, though their type is a tuple's.
    """
    if isinstance(inputs, tuple) and not isinstance(inputs, _packed()):
        return inputs
    if isinstance(inputs, list) and not _takes(model, inputs) and _takes(model, *inputs):
        return tuple(inputs)
    return (inputs,)


def _takes(model: Any, *given: Any) -> bool:
    """Return whether a model can be called with arguments, as far as its signature tells, or that
    of the one model within it to which it hands on whatever it is given.
    """
    signature, inner = inspect.signature(model.forward), list(model.children())
    kinds = [part.kind for part in signature.parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds and len(inner) == 1:
        return _takes(inner[0], *given)
    try:
        signature.bind(*given)
    except TypeError:
        return False
    return True


def _one_with_data(loader: Any) -> Any:
    """Return a loader, or the one it holds that knows the data set, where these are of one."""
    within = [one for one in loaders_in(loader) if getattr(one, "dataset", None) is not None]
    alike = all(one.dataset is within[0].dataset for one in within)
    return within[0] if within and alike else loader


def _packed() -> Any:
    return torch().nn.utils.rnn.PackedSequence


def _put(value: Any, device: Any) -> Any:
    moved = isinstance(value, (torch().Tensor, _packed())) and device is not None
    return value.to(device) if moved else value
