"""Where the scalars of a measurement go: anything with the two methods of `Logger`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lopsided.measure.needs import need


class Logger(Protocol):
    """Takes scalars, step by step."""

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Take the scalars of one step."""

    def close(self) -> None:
        """Finish."""


class JsonLines:
    """One JSON object a line.

    Args:
        path: file to append to.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = Path(path).open("a")  # noqa: SIM115  closed by close()

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Write a line."""
        self._file.write(json.dumps({"step": step, **scalars}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Scalars for tensorboard.

    Args:
        folder: of the event files.

    Raises:
        ImportError: if tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        need("tensorboard", "tensorboard")
        self._writer = need("torch.utils.tensorboard", "'lopsided[torch]' tensorboard").SummaryWriter(str(folder))

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Write one value a scalar."""
        for name, value in scalars.items():
            self._writer.add_scalar(f"geometry/{name}", value, step)

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
