"""Observe: what a network shows at one moment of its training, beside every law that could describe
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from lopsided.geometry import Geometry
from lopsided.measure import Collapse, Stream
from lopsided.reproduce.network.models import Network
from lopsided.reproduce.network.parallel import Workers
from lopsided.reproduce.network.training import Row, Sample
from lopsided.reproduce.shapes import mean_cosines

#: Images that pass through the network at once.
_BATCH = 2048


@dataclass(frozen=True)
class Observer:
    """Measures a network on its training set against laws.

    Attributes:
        train: the training set.
        test: held-out samples.
        k: number of classes.
        laws: geometries to measure distances to, by name.
        path: geometries of the unconstrained-features optimum over a range of ridges, one of which
            is the nearest.
        workers: the processes that share the work.
    """

    train: Sample
    test: Sample
    k: int
    laws: dict[str, Geometry]
    path: Sequence[Geometry]
    workers: Workers

    def __call__(self, network: Network) -> Row:
        """Return distances, norms, NC1, loss and per-class accuracies as plain data."""
        seen, loss = self.collapse(network, self.train)
        tested, _ = self.collapse(network, self.test)
        distances = {name: list(seen.geometry.distance(law)) for name, law in self.laws.items()}
        to_path = np.array([seen.geometry.distance(optimum) for optimum in self.path])
        nearest = int(
            np.nanargmin((to_path**2).sum(axis=1))
        )  # where the optimum is zero there is no distance
        return {
            "loss": loss,
            "train_accuracy": accuracy(seen),
            "test_accuracy": accuracy(tested),
            "nc1": float(seen.nc1),
            "distances": {**distances, "UFM": to_path[nearest].tolist()},
            "nearest_ridge": nearest,
            "classifier_norms": seen.geometry.classifiers.norms().tolist(),
            "embedding_norms": seen.geometry.embeddings.norms().tolist(),
            "classifier_cosines": mean_cosines(seen.geometry.classifiers, seen.counts.minorities),
            "embedding_cosines": mean_cosines(seen.geometry.embeddings, seen.counts.minorities),
        }

    def collapse(self, network: Network, sample: Sample) -> tuple[Collapse, float]:
        """Return the network's collapse on a sample, and its mean loss there.

        Features are float32 whatever the network trains in; sums are float64.
        """
        stream = Stream(self.k, network.head.in_features)
        total = torch.zeros(2, dtype=torch.float64, device=sample.labels.device)
        with torch.inference_mode():
            for start in range(0, len(sample.labels), _BATCH):
                mine = self.workers.share(
                    torch.arange(start, min(start + _BATCH, len(sample.labels)))
                )
                features = network.body(sample.images[mine])
                logits = network.head(features)
                stream.update(features, sample.labels[mine], logits)
                total[0] += functional.cross_entropy(
                    logits, sample.labels[mine], reduction="sum"
                ).double()
                total[1] += len(mine)
        if self.workers.size > 1:
            stream = stream.sync()
            torch.distributed.all_reduce(total)
        return stream.compute(network.head.weight, network.head.bias), float(total[0] / total[1])


def accuracy(seen: Collapse) -> list[float]:
    """Return the share of samples of each class that the network gets right."""
    assert seen.decisions is not None
    share = 1 - seen.decisions.errors / seen.decisions.counts
    return [float(value) for value in share]
