"""Training with a loss of `lopsided.steer`, and what is seen of the network that comes out.

The networks are small, so that a comparison of many losses and seeds takes minutes on one thread.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lopsided import foresee, predict
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.measure import Moments
from lopsided.measure.metrics import METRICS
from lopsided.problem import Problem
from lopsided.reproduce import data, ready
from lopsided.reproduce.context import Context
from lopsided.reproduce.network import training
from lopsided.reproduce.network.models import MODELS
from lopsided.reproduce.network.training import Sample
from lopsided.reproduce.seen import Laws, OwnRidge, Seen, Skews
from lopsided.reproduce.settings import Comparison, Training
from lopsided.reproduce.shapes import geometry, own_ridge
from lopsided.steer import AdjustedCrossEntropy


@dataclass(frozen=True)
class Material:
    """The data of a comparison, the same for all its runs.

    Attributes:
        title: of the data set.
        counts: of the training set.
        train: the training set.
        test: held-out samples, as many of each class.
        indices: hash of the list of training samples.
        digest: hash of the whole data set.
    """

    title: str
    counts: Counts
    train: Sample
    test: Sample
    indices: str
    digest: str


class Trained(nn.Module):
    """A body and a head that have been trained together.

    Attributes:
        body: images to (n, d) features.
        head: features to logits.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, images: Tensor) -> Tensor:
        """Return the (n, k) logits."""
        logits: Tensor = self.head(self.body(images))
        return logits

    @property
    def weight(self) -> Tensor:
        """The (k, d) weight of the head."""
        weight = self.head.weight
        assert isinstance(weight, Tensor)
        return weight


def material(settings: Training, context: Context) -> Material:
    """Read the data and choose the training set.

    Raises:
        ValueError: if the class counts do not fit the data.
        FileNotFoundError: if the data is not there.
    """
    dataset = data.load(settings.dataset, context.place.data)
    counts = settings.class_counts(dataset.k)
    ready.require_memory(settings, dataset.shape)
    chosen = data.choose(dataset.train.labels, counts, settings.split)
    train, test = dataset.train.take(chosen), dataset.test.take(data.balanced(dataset.test.labels))
    seen, held_out = (
        Sample(torch.from_numpy(dataset.normalise(part)), torch.from_numpy(part.labels))
        for part in (train, test)
    )
    indices = data.write_indices(chosen, context.place.out / "indices", context.writer)
    return Material(dataset.title, counts, seen, held_out, indices, dataset.digest())


def train(
    settings: Comparison, adjustment: Adjustment, given: Material, seed: int, context: Context
) -> Trained:
    """Return a body and a linear head without bias after SGD with the cross-entropy of an
    adjustment; initialisation and order of the samples come from the seed alone.

    Raises:
        ValueError: if the loss is no longer finite.
    """
    images, _ = given.train
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body, d = MODELS[settings.model](
            (images.shape[1], images.shape[2], images.shape[3]), settings.width, settings.depth
        )
        network = Trained(body, nn.Linear(d, given.counts.k, bias=False))
    loss = AdjustedCrossEntropy(adjustment)
    training.train(replace(settings, seed=seed), network, given.train, context, loss=loss)
    # What comes of it is remembered.
    shutil.rmtree(context.folder, ignore_errors=True)
    network.eval()
    return network


@torch.inference_mode()
def observe(
    settings: Comparison, adjustment: Adjustment, given: Material, network: Trained
) -> Seen:
    """Return accuracies by class, the geometry in numbers, its distance to prediction, SELI and
    ETF, and what the exact optimum has at the run's own ridge.
    """
    counts = given.counts
    features, tested = (features_of(network.body, part) for part in (given.train, given.test))
    moments = Moments(counts.k, network.weight.shape[1])
    moments.update(features.numpy(), given.train.labels.numpy())
    seen = geometry(network.weight.double().numpy(), moments.means, counts, adjustment)
    limit = Problem(counts, adjustment, ridge=0.0)
    prediction = seen.distance(foresee(limit))
    ridge = own_ridge(seen, counts, settings.weight_decay)
    optimum = foresee(limit.at(ridge))
    alive = bool(optimum.classifiers.diagonal.all())
    return Seen(
        accuracies(network.head(tested), given.test.labels, counts.k),
        accuracies(network.head(features), given.train.labels, counts.k),
        float(METRICS["nc1"].function(moments)),
        Laws(seen.distance(predict.seli(counts)), seen.distance(predict.etf(counts.k)), prediction),
        Skews.of(seen, counts),
        OwnRidge(ridge, Skews.of(optimum, counts) if alive else None),
    )


def features_of(body: nn.Module, sample: Sample) -> Tensor:
    """Return the (n, d) features of a sample."""
    return torch.cat([body(images) for images in torch.split(sample.images, 2048)])


def accuracies(logits: Tensor, labels: Tensor, k: int) -> tuple[float, ...]:
    """Return the share of each class that is right."""
    right = (logits.argmax(1) == labels).double()
    return tuple(float(right[labels == c].mean()) for c in range(k))
