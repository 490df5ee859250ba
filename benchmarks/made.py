"""Samples of 50,000 classes that are made where others are read: the mean of the class plus noise.

They are the same whoever makes them, since each block of rows has a seed of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lopsided.measure import Store
from lopsided.measure.storage.rows import Layout
from lopsided.measure.storage.shards import Shard

K, D, NOISE, BLOCK, SHARDS = 50_000, 512, 0.5, 512, 16


@functools.cache
def means() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((K, D), dtype=np.float32)


@functools.cache
def cumulated() -> np.ndarray:
    """Shares of the classes, summed up; the largest class has 224 times the samples of the
    smallest.
    """
    shares = np.arange(1, K + 1) ** -0.5
    return np.cumsum(shares / shares.sum())


def labels_of(block: int) -> np.ndarray:
    uniform = np.random.Generator(np.random.SFC64([1, block])).random(BLOCK)
    return np.minimum(np.searchsorted(cumulated(), uniform), K - 1)


def features_of(block: int) -> np.ndarray:
    noise = np.random.Generator(np.random.SFC64([2, block])).standard_normal(
        (BLOCK, D), dtype=np.float32
    )
    noise *= NOISE
    noise += means()[labels_of(block)]
    return noise


@dataclass(frozen=True)
class Made:
    """An array that is made where others are read."""

    make: Callable[[int], np.ndarray]
    first: int
    layout: Layout

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.layout.shape

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return some rows."""
        assert start % BLOCK == 0
        blocks = range(self.first + start // BLOCK, self.first + -(-stop // BLOCK))
        return np.concatenate([self.make(block) for block in blocks])[: stop - start]

    def verify(self) -> None:
        """There is no sum."""


def store(n: int) -> Store:
    each = n // SHARDS // BLOCK * BLOCK
    shards = []
    for i in range(SHARDS):
        rows, first = each if i < SHARDS - 1 else n - each * (SHARDS - 1), i * each // BLOCK
        features = Made(features_of, first, Layout((rows, D), np.dtype(np.float32)))
        labels = Made(labels_of, first, Layout((rows,), np.dtype(np.int64)))
        shards.append(Shard(Path(f"made-{i}"), {"features": features, "labels": labels}))
    return Store(tuple(shards), K, None, None)
