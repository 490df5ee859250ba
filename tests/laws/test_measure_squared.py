"""Laws of networks of a squared loss, whose answers at its optimum look like probabilities:
(1 - e) e_y + e / k with weight decay and a bias, or with smoothed targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lopsided import measure, steer
from lopsided.measure.network.accelerated import DeviceMoments
from lopsided.measure.network.replay import Replay

K, D, E = 4, 6, 0.1
LABELS = torch.arange(K).repeat_interleave(torch.tensor([40, 20, 10, 5]))
#: Features that have collapsed to class means, but for a little noise, and samples of them.
CENTERS = torch.eye(K, D)
NOISE = 0.01 * torch.randn(len(LABELS), D, generator=torch.Generator().manual_seed(0))
FEATURES = CENTERS[LABELS] + NOISE - NOISE.mean(1, keepdim=True)


def head() -> nn.Linear:
    """A head whose answers to all features are non-negative and sum to one."""
    layer = nn.Linear(D, K)
    with torch.no_grad():
        layer.weight.copy_((1 - E) * (torch.eye(K, D) - 1 / K))
        layer.weight[:, K:] = 0
        layer.bias.fill_(1 / K)
    return layer


HEAD = head()
LOGITS = HEAD(FEATURES).detach()
LOADER = [(FEATURES[part], LABELS[part]) for part in torch.randperm(len(LABELS)).split(16)]


def watched(**options: Any) -> Any:
    with measure.watch(HEAD, HEAD, **options) as watch:
        for features, labels in LOADER:
            HEAD(features)
            watch.labels(labels)
        return watch.epoch()


def streamed(stream: Any) -> Any:
    for features, labels in LOADER:
        stream.update(features, labels, HEAD(features), linear=True)
    return stream.compute(HEAD.weight, HEAD.bias)


def on_device() -> measure.Stream:
    stream = measure.Stream(K, D)
    stream._become(DeviceMoments(stream.moments, "cpu"))
    return stream


def twice() -> measure.Collapse:
    first = measure.Means(K, D)
    first.update(FEATURES, LABELS)
    second = measure.SecondPass(first)
    second.update(FEATURES, LABELS, LOGITS, linear=True)
    weight, bias = HEAD.weight.detach(), HEAD.bias.detach()
    return measure.Collapse.of(second.moments(), weight, bias, second.decisions)


def stored(folder: Any) -> Any:
    arrays = {"weight": HEAD.weight.detach().numpy(), "bias": HEAD.bias.detach().numpy()}
    stores = []
    for name, features in (("train", FEATURES), ("val", FEATURES + 1e-3)):
        path = folder / f"{name}.npz"
        np.savez(path, features=features.numpy(), labels=LABELS.numpy(), **arrays)
        stores.append(measure.open_store(path))
    from lopsided.diagnosis.stored import diagnose_stored

    return diagnose_stored(measure.stored(stores[0]), *stores)


DOORS: dict[str, Callable[..., Any]] = {
    "diagnose": lambda _: measure.diagnose(
        HEAD, LOADER, held_out=[(FEATURES + 1e-3, LABELS)], show_progress=False
    ),
    "diagnose, stored": stored,
    "trained": lambda _: measure.trained(HEAD, LOADER, show_progress=False),
    "trained in two passes": lambda _: measure.trained(HEAD, LOADER, passes=2, show_progress=False),
    "layers": lambda _: measure.layers(
        nn.Sequential(nn.Identity(), HEAD), LOADER, [], show_progress=False
    )["1"],
    "watch": lambda _: watched(),
    "watch, replayed": lambda _: watched(scatter="replay"),
    "a stream": lambda _: streamed(measure.Stream(K, D)),
    "a stream on a device": lambda _: streamed(on_device()),
    "a replay": lambda _: streamed(Replay(K, D)),
    "a second pass": lambda _: twice(),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_linear_head_whose_answers_look_like_probabilities_is_measured(door, tmp_path):
    assert bool((LOGITS > 0).all())
    torch.testing.assert_close(LOGITS.sum(1), torch.ones(len(LABELS)))
    found = DOORS[door](tmp_path)
    np.testing.assert_array_equal(found.error_rates, np.zeros(K))


def test_it_is_prescribed_for():
    samples = FEATURES.numpy(), LABELS.numpy()
    assert steer.prescribe(HEAD, samples, (samples[0] + 1e-3, samples[1])).remedy == "nothing"


def test_probabilities_are_refused_where_nobody_says_that_a_head_is_linear():
    for stream in (measure.Stream(K, D), on_device(), Replay(K, D)):
        with pytest.raises(ValueError, match=r"these are probabilities.*say linear=True"):
            stream.update(FEATURES, LABELS, LOGITS)
