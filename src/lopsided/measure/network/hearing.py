"""Hearing: where a pass through the head of a model begins and ends, and what is heard of it.

A pass is a call of the model, or of the largest part around its head that is called, as a step of
Lightning calls `self.model`, or of the head alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lopsided.measure.network import compiled
from lopsided.measure.network.affine import precision_of
from lopsided.measure.network.aligned import Call, cut, written
from lopsided.measure.network.head import around, axes_of
from lopsided.measure.network.intact import may_hear
from lopsided.measure.network.returned import tensors_of
from lopsided.measure.network.tensors import has_values
from lopsided.measure.pull import Pull
from lopsided.needs import torch


class Heard(NamedTuple):
    """What was heard of a pass.

    Attributes:
        calls: of each layer that ran and may be the head.
        depth: how deep within the model the part that was called lies; `None` for a head alone.
        output: what the part returned.
        inputs: tables of whole numbers that the model or its parts were given.
        told: whether a part within the model was given labels.
        labels: that the model itself was given by keyword.
    """

    calls: dict[str, list[Call]]
    depth: int | None = None
    output: Any = None
    inputs: Sequence[Any] = ()
    told: bool = False
    labels: Any = None


class Hearing:
    """Hooks on the layers of a model that may be its head and on all that is around one of them,
    from `begin` to `end`.

    Attributes:
        skipped: passes that were not listened to.

    Args:
        model: a torch module.
        layers: that may be the head, by their names.
        keyword: argument of the model that holds labels.
        pull: listens to the gradient at what a layer answers.
        listening: tells whether a pass is to be heard.
    """

    def __init__(
        self,
        model: Any,
        layers: Mapping[str, Any],
        keyword: str,
        *,
        pull: Pull,
        listening: Callable[[], bool],
    ) -> None:
        self._model, self._layers, self._keyword = model, layers, keyword
        self._pull, self._listening = pull, listening
        self._hooks: dict[str, Any] = {}
        # A layer that may be the head may be taken out of the model.
        self._whole = [part for name in layers for part in around(model, name)]
        self.skipped = 0
        self.forget()

    def forget(self) -> None:
        """Drop what was heard of a pass that has not ended."""
        #: How deep within the model what is called lies; None between calls.
        self._open: int | None = None
        self._calls: dict[str, list[Call]] | None = None
        self._inputs: list[Any] = []
        self._told = False

    def begin(self, name: str, owner: object, ended: Callable[[Heard], None]) -> None:
        """Put hooks on the layers and on what is around the layer of that name.

        Args:
            name: of the layer.
            owner: whose look at the model lets these hooks hear; it may hold this object, which
                holds it no longer than the hooks are there.
            ended: called after each pass that was heard.

        Raises:
            ValueError: if they are there already.
        """
        if self._hooks:
            raise ValueError("this measurement watches already; leave its context first")
        whole = around(self._model, name)
        parts = whole[:-1] or whole
        compiled.forget(self._whole)
        try:
            for depth, part in enumerate(parts):
                enter = compiled.apart(self._before(depth, owner))
                self._hooks[f"into {depth}"] = part.register_forward_pre_hook(
                    enter, with_kwargs=True
                )
            for each, layer in self._layers.items():
                hear = compiled.apart(self._hear(each, owner, ended))
                self._hooks[f"head {each}"] = layer.register_forward_hook(hear, with_kwargs=True)
            for depth, part in enumerate(parts):  # after a head that is all
                leave = compiled.apart(self._after(depth, ended))
                self._hooks[f"out of {depth}"] = part.register_forward_hook(leave, with_kwargs=True)
        except BaseException:  # Ctrl-C too; a context that was not entered is not left
            self.end()
            raise

    def only(self, name: str) -> None:
        """Hear no other layer than that of this name from now on."""
        for other in [other for other in self._layers if other != name]:
            if hook := self._hooks.pop(f"head {other}", None):
                hook.remove()

    def end(self) -> None:
        """Remove the hooks."""
        for hook in self._hooks.values():
            hook.remove()
        self._hooks = {}
        compiled.forget(self._whole)
        self.forget()

    def _before(self, depth: int, owner: object) -> Callable[..., None]:
        def hook(_part: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            within = self._open is not None and self._open < depth
            if not within:
                self._calls, self._open = None, None
            if not _hears(owner):
                return
            if not within:
                self._open, self._inputs, self._told = depth, [], False
                if self._listening():
                    self._calls = {}
                else:
                    self.skipped += 1
            self._inputs += _tables(args, keywords, (self._keyword, "labels"))
            self._told |= depth > 0 and keywords.get("labels") is not None

        return hook

    def _hear(
        self, name: str, owner: object, ended: Callable[[Heard], None]
    ) -> Callable[..., None]:
        def hook(layer: Any, args: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> None:
            if not (_hears(owner) and self._listening()):
                return
            features = next(tensors_of([*args, *keywords.values()]), None)
            logits = next(tensors_of(output), None)
            if features is None or logits is None or not has_values(logits):
                return
            heard = self._pull.listen(logits) if axes_of(layer) == 2 else {}
            x, z = (channels_last(cut(part), layer) for part in (features, logits))
            call = Call(x, z, precision_of(x, z, next(layer.parameters(), x)), written(x, z), heard)
            if self._calls is not None:
                self._calls.setdefault(name, []).append(call)
            else:
                # What came to a part that was called for its features came to these.
                ended(Heard({name: [call]}, inputs=self._inputs, told=self._told))

        return hook

    def _after(self, depth: int, ended: Callable[[Heard], None]) -> Callable[..., None]:
        def hook(_part: Any, _args: Any, keywords: dict[str, Any], output: Any) -> None:
            if self._open != depth:
                return
            calls, self._calls, self._open = self._calls, None, None
            # A part may be called for something else, such as its features.
            if calls is None or (depth and not calls):
                return
            labels = None if depth else keywords.get(self._keyword)
            ended(Heard(calls, depth, output, self._inputs, self._told, labels))

        return hook


def channels_last(tensor: Any, layer: Any) -> Any:
    """Return what a layer saw or answered with its channels last, as those of a 1x1 convolution are
    not.
    """
    axes = axes_of(layer)
    return tensor.movedim(1, -1) if tensor.ndim == axes > 2 else tensor


def _tables(args: Sequence[Any], keywords: Mapping[str, Any], labels: Sequence[str]) -> list[Any]:
    """Return the tables of whole numbers that a model is given, but for its labels."""
    given = [*args, *(value for name, value in keywords.items() if name not in labels)]
    tables = (t for t in given if isinstance(t, torch().Tensor) and t.ndim == 2)
    return [t for t in tables if not t.is_floating_point()]


def _hears(owner: object) -> bool:
    """Return whether a call may be looked at, and is one of a pass."""
    return not (_traced() or _again()) and may_hear(owner)


def _traced() -> bool:
    """Return whether calls are written down as a graph, in which nothing may be looked at."""
    return bool(torch().jit.is_tracing())


def _again() -> bool:
    """Return whether a call is made in the backward pass, where a checkpoint makes it a second
    time: that is no new pass.
    """
    return bool(torch()._C._current_graph_task_id() != -1)
