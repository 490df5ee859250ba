"""The networks of the claim prescription: trained, and then only their features are kept."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.reproduce.claims.prescription.characters import SIDE, characters
from lopsided.reproduce.claims.prescription.material import DRAWS, Material, material
from lopsided.reproduce.claims.prescription.plan import Loss, Plan
from lopsided.reproduce.context import Context
from lopsided.reproduce.disk import seal, unseal
from lopsided.reproduce.network.descend import descend
from lopsided.reproduce.network.models.mlp import mlp
from lopsided.reproduce.network.training import batches
from lopsided.reproduce.record import versions
from lopsided.steer import AdjustedCrossEntropy

#: Units of a perceptron's two layers; channels and features of the convolutional network.
WIDTH, CHANNELS, FEATURES = 192, 12, 96
#: Samples of a step, momentum and weight decay of SGD.
BATCH, MOMENTUM, DECAY = 64, 0.9, 5e-4
#: Characters that the frozen body was trained on, samples of each, epochs.
PRETRAINED = (60, 80, 12)
_MOST = 2**30

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Features:
    """What is kept of a network: its head, features and labels."""

    weight: Array
    bias: Array
    train: Array
    train_labels: Array
    pool: Array
    pool_labels: Array
    test: Array
    test_labels: Array

    @property
    def head(self) -> tuple[Array, Array | None]:
        """The head as it was trained; a head without bias has none."""
        return self.weight, self.bias if self.bias.any() else None


def features(plan: Plan, context: Context) -> Features:
    """Train the network of a plan, or take what an interrupted run has kept of it."""
    made = json.dumps([asdict(plan), DRAWS, versions()], sort_keys=True)
    stem = f"features-{hashlib.sha256(made.encode()).hexdigest()[:16]}"
    for path in context.folder.glob(f"{stem}.*.npz"):
        try:
            with np.load(io.BytesIO(unseal(path, _MOST)), allow_pickle=False) as kept:
                return Features(**{field.name: kept[field.name] for field in fields(Features)})
        except (ValueError, KeyError) as error:
            context.note(f"{error}; it is trained again")
    found = _trained(plan, material(plan, context.place.data))
    buffer = io.BytesIO()
    np.savez(buffer, **{field.name: getattr(found, field.name) for field in fields(Features)})
    seal(context.folder, stem, ".npz", buffer.getvalue())
    return found


def cnn(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
    """Return two convolutions and a layer, each with batch norm and ReLU, and its features."""
    side = -(-shape[1] // 4)
    layers: list[nn.Module] = []
    for before, after in ((shape[0], CHANNELS), (CHANNELS, 2 * CHANNELS)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
    flat = 2 * CHANNELS * side * side
    layers += [nn.Flatten(), nn.Linear(flat, FEATURES, bias=False), nn.BatchNorm1d(FEATURES)]
    return nn.Sequential(*layers, nn.ReLU()), FEATURES


def loss_of(loss: Loss, counts: Counts) -> nn.Module:
    """Return the loss to train with."""
    return AdjustedCrossEntropy(Adjustment.named(loss, counts))


def _trained(plan: Plan, given: Material) -> Features:
    torch.set_num_threads(1)
    images, labels = given.train
    counts = Counts(plan.counts)
    if plan.model == "frozen":
        body, d = pretrained()
        images = _apply(body, images)
        head = _fit(None, d, images, labels, counts, plan)
        parts = [images, *(_apply(body, part) for part, _ in (given.pool, given.test))]
    else:
        body, head = _network(plan, images, labels, counts)
        parts = [_apply(body, part) for part, _ in (given.train, given.pool, given.test)]
    weight = head.weight.detach().numpy()
    bias = np.zeros(counts.k, np.float32) if head.bias is None else head.bias.detach().numpy()
    rows = zip(parts, (labels, given.pool[1], given.test[1]), strict=True)
    return Features(weight, bias, *(part for row in rows for part in row))


def _network(plan: Plan, images: Array, labels: Array, counts: Counts) -> tuple[Any, nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        shape = images.shape[1:]
        body, d = mlp(shape, WIDTH, 2) if plan.model == "mlp" else cnn(shape)
    return body, _fit(body, d, images, labels, counts, plan)


def _fit(
    body: nn.Module | None, d: int, images: Array, labels: Array, counts: Counts, plan: Plan
) -> nn.Linear:
    """Train a body, if there is one, and a head; the rate falls to a tenth for the last third."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed + 1)
        head = nn.Linear(d, counts.k, bias=plan.bias)
    network = head if body is None else nn.Sequential(body, head)
    criterion = loss_of(plan.loss, counts)
    optimiser = torch.optim.SGD(network.parameters(), plan.rate, MOMENTUM, weight_decay=DECAY)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    network.train()
    for epoch in range(plan.epochs):
        rate = plan.rate / 10 if 3 * epoch >= 2 * plan.epochs else plan.rate
        order = np.random.default_rng([plan.seed, epoch]).permutation(len(labels))
        cut = ((rate, batch) for batch in batches(torch.from_numpy(order), BATCH))
        for _ in descend(optimiser, lambda batch: criterion(network(x[batch]), y[batch]), cut):
            pass
    network.eval()
    return head


@lru_cache(maxsize=1)
def pretrained() -> tuple[nn.Module, int]:
    """Return a body that has learned another task, balanced: characters of an alphabet of its
    own.
    """
    k, each, epochs = PRETRAINED
    labels = np.repeat(np.arange(k), each)
    images = characters(labels, k, seed=5, alphabet=11)
    pixels = ((images.pixels - images.pixels.mean()) / images.pixels.std()).astype(np.float32)
    plan = Plan("characters", "cnn", "cross-entropy", "step", (each,) * k, epochs, 0.03, True, 5)
    assert pixels.shape[1:] == (1, SIDE, SIDE)
    body, _ = _network(plan, pixels, labels, Counts(plan.counts))
    return body, FEATURES


@torch.inference_mode()
def _apply(body: Any, images: Array) -> Array:
    parts: list[Tensor] = [body(part) for part in torch.split(torch.from_numpy(images), 2048)]
    return torch.cat(parts).numpy()
