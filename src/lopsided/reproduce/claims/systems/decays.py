"""What claims share that train networks at several weight decays, each from several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from lopsided.reproduce.claim import Run
from lopsided.reproduce.context import Context

F = TypeVar("F", bound="Trained")


class Trained(Protocol):
    """A trained network."""

    @property
    def decay(self) -> float:
        """Its weight decay."""

    @property
    def seed(self) -> int:
        """Of the run."""


def each(
    decays: Sequence[float],
    seeds: int,
    kind: type[F],
    train: Callable[[float, int], F],
    context: Context,
) -> tuple[F, ...]:
    """Train a network for each decay and seed; those before an interruption are remembered."""
    cases = [(decay, seed) for decay in decays for seed in range(seeds)]
    networks: list[F] = []
    for i, (decay, seed) in enumerate(cases):
        context.advance(i / len(cases), f"weight decay {decay:g}, seed {seed}")

        def one(decay: float = decay, seed: int = seed) -> F:
            return train(decay, seed)

        networks.append(context.remember(f"{decay:g}-{seed}", kind, one))
    return tuple(networks)


def means(networks: Sequence[F], value: Callable[[F], float]) -> dict[float, float]:
    """Return the mean of a number over seeds, for each decay, the largest first."""
    decays = sorted({one.decay for one in networks}, reverse=True)
    return {
        decay: float(np.mean([value(one) for one in networks if one.decay == decay]))
        for decay in decays
    }


def shown(runs: Sequence[Run[Any, Any]]) -> tuple[list[str], list[Any]]:
    """Return how tables and figures call each network of all runs, and the networks."""
    networks = [(run.settings.features, one) for run in runs for one in run.numbers.networks]
    behind = {"free": "", "nonnegative": ", ReLU"}
    names = [f"{one.decay:g}{behind[features]}, seed {one.seed}" for features, one in networks]
    return names, [one for _, one in networks]
