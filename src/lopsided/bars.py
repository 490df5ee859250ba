"""Bars of long work, on standard error: what a program prints stays its own."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress


def bars(*, show: bool = True) -> Progress:
    """Return a context that shows bars where somebody looks, on a terminal or in a notebook that
    can, and that leaves nothing behind.
    """
    from rich.console import Console  # slow to import, and nothing that the core needs
    from rich.progress import Progress

    console = Console(stderr=True)
    seen = find_spec("ipywidgets") is not None if console.is_jupyter else console.is_terminal
    return Progress(console=console, transient=True, disable=not (show and seen))


def tracked(items: Iterable[Any], title: str, *, show: bool) -> Generator[Any]:
    """Yield items under a bar; to be closed, or it stays for as long as somebody keeps it."""
    with bars(show=show) as bar:
        yield from bar.track(items, description=title)
