"""A look at a model that leaves everything as it was: modes layer by layer, and random states."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lopsided.needs import torch


@contextmanager
def modes_kept(model: Any) -> Iterator[None]:
    """Hold a model in evaluation mode, and put back the mode of each layer: some may be frozen."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        for layer, _ in modes:
            layer.training = False
        yield
    finally:
        for layer, mode in modes:
            layer.training = mode


@contextmanager
def randomness_kept() -> Iterator[None]:
    """Put back the random states of Python, NumPy and torch, on every device in use."""
    python, array = random.getstate(), np.random.get_state()  # noqa: NPY002
    cuda = torch().cuda.is_available() and torch().cuda.is_initialized()
    mps = torch().mps.get_rng_state() if torch().backends.mps.is_available() else None
    try:
        devices = range(torch().cuda.device_count()) if cuda else ()
        with torch().random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(array)  # noqa: NPY002
        if mps is not None:
            torch().mps.set_rng_state(mps)
