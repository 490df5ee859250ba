"""Optional libraries, imported when first used; a missing one is answered with the line that
installs it.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any


@functools.cache
def need(module: str, extra: str) -> Any:
    """Import a library that the core does without.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] == module.split(".")[0]:
            raise ImportError(
                f"this needs {module.split('.')[0]}; install it with: pip install {extra}"
            ) from error
        raise


def loaded(module: str) -> Any:
    """Return a module that somebody imported, None where nobody did. One that another thread is
    about to import is waited for: it stands among the modules before it has what it holds.
    """
    found = sys.modules.get(module)
    being = getattr(getattr(found, "__spec__", None), "_initializing", False)
    return importlib.import_module(module) if being else found


def torch() -> Any:
    """Return torch.

    Raises:
        ImportError: with the command that installs it.
    """
    return need("torch", "'lopsided[torch]'")


def matplotlib() -> Any:
    """Return matplotlib.

    Raises:
        ImportError: with the command that installs it.
    """
    return need("matplotlib", "'lopsided[plot]'")


def plot() -> Any:
    """Return `lopsided.plot`, by which nouns draw themselves although it is built on them.

    Raises:
        ImportError: with the command that installs matplotlib.
    """
    return importlib.import_module("lopsided.plot")
