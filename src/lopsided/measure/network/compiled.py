"""Hooks beside torch.compile.

Compiled code does not notice hooks that come or go, and hooks that hold tensors must not be
compiled themselves.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

from lopsided.needs import loaded, torch
from lopsided.together import together

Method = TypeVar("Method", bound=Callable[..., Any])

WHY = (
    "lopsided reads features and logits between compiled parts: compile without fullgraph=True, or"
    " measure with measure.diagnose"
)


class Hook:
    """A hook of the one module that it was put on: in a copy of that module, such as a moving
    average of its weights, and in a pickle of it, it hears nothing.

    PyTorch copies hooks with modules. What passes through a copy would be taken for the module's
    own, and a hook that is bound to a measurement cannot be pickled.
    """

    def __init__(self, hear: Callable[..., None]) -> None:
        self._hear = hear

    def __call__(self, *given: Any) -> None:
        """Hear what passes."""
        self._hear(*given)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Any:
        return nullcontext().__exit__

    def __reduce__(self) -> tuple[Any, ...]:
        # It takes anything, does nothing, and is loaded without this library.
        return getattr, (nullcontext(), "__exit__")


def apart(hook: Callable[..., None]) -> Hook:
    """Return a hook that stays out of compiled code, which breaks there.

    Code that must not break (fullgraph=True) is refused by PyTorch, with the reason where its
    version takes one.
    """
    disable = torch().compiler.disable
    takes = inspect.signature(disable).parameters
    return Hook(disable(hook, reason=WHY) if "reason" in takes else disable(hook))


def uncompiled(method: Method) -> Method:
    """Return a method that stays out of compiled code, which breaks where it is called, as in a
    training step that is compiled as a whole.

    A compiler reads NumPy's arrays as tensors. Where none is at work, none is imported.
    """
    disabled: list[Any] = []

    @functools.wraps(method)
    def call(*given: Any, **options: Any) -> Any:
        if "torch._dynamo" not in sys.modules:
            return method(*given, **options)
        if not disabled:
            disabled.append(sys.modules["torch"].compiler.disable(method))
        return disabled[0](*given, **options)

    return cast("Method", call)


def forget(modules: Iterable[Any]) -> None:
    """Drop what was compiled of modules, so that the next call notices hooks that came or went."""
    if (dynamo := loaded("torch._dynamo")) is None:
        return
    for module in modules:
        forward = inspect.unwrap(type(module).forward)
        if hasattr(forward, "__code__"):
            dynamo.eval_frame.remove_from_cache(forward)


@together
def eagerly() -> AbstractContextManager[Any]:
    """Return a context in which compiled models run uncompiled: a short look compiles nothing."""
    stance = getattr(torch().compiler, "set_stance", None)
    return nullcontext() if stance is None else stance("force_eager")
