"""Observe: what a network shows at one moment of its training, beside every law that could describe
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from lopsided.geometry import Geometry
from lopsided.measure import Collapse, Stream
from lopsided.reproduce.network.models import Network
from lopsided.reproduce.network.parallel import Workers
from lopsided.reproduce.network.training import Sample
from lopsided.reproduce.observed import Beside, Row
from lopsided.shape import contrast

#: Images that pass through the network at once.
_BATCH = 2048


@dataclass(frozen=True)
class Observer:
    """Measures a network on its training set against laws.

    Attributes:
        train: the training set.
        test: held-out samples.
        k: number of classes.
        laws: by the field of `Beside`, made `comparable` with a network.
        path: optima of the unconstrained-features model over a range of ridges, one of which is the
            nearest; made `comparable` too.
        workers: the processes that share the work.
    """

    train: Sample
    test: Sample
    k: int
    laws: Mapping[str, Geometry]
    path: Sequence[Geometry]
    workers: Workers

    def __call__(self, epoch: int, network: Network) -> Row:
        """Return distances, norms, NC1, loss and per-class accuracies."""
        seen, loss = self.collapse(network, self.train)
        tested, _ = self.collapse(network, self.test)
        found, rare = seen.geometry, seen.counts.minorities
        to_path = [found.distance(optimum) for optimum in self.path]
        # Where the optimum is zero there is no distance.
        nearest = int(np.nanargmin(np.square(to_path).sum(axis=1)))
        return Row(
            epoch,
            loss,
            accuracy(seen),
            accuracy(tested),
            float(seen.nc1),
            Beside(
                **{name: found.distance(law) for name, law in self.laws.items()},
                ufm=to_path[nearest],
            ),
            nearest,
            tuple(found.classifiers.norms().tolist()),
            tuple(found.embeddings.norms().tolist()),
            contrast(found.classifiers, rare),
            contrast(found.embeddings, rare),
            found.split(self.laws["prediction"]),
        )

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
                stream.update(features, sample.labels[mine], logits, linear=True)
                total[0] += functional.cross_entropy(
                    logits, sample.labels[mine], reduction="sum"
                ).double()
                total[1] += len(mine)
        if self.workers.size > 1:
            stream = stream.sync()
            torch.distributed.all_reduce(total)
        return stream.compute(network.head.weight, network.head.bias), float(total[0] / total[1])


def accuracy(seen: Collapse) -> tuple[float, ...]:
    """Return the share of samples of each class that the network gets right."""
    assert seen.decisions is not None
    share = 1 - seen.decisions.errors / seen.decisions.counts
    return tuple(float(value) for value in share)
