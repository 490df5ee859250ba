"""What members of the tables of steer are called with."""

import numpy as np
import torch

from lopsided import Counts, steer

COUNTS = Counts([40, 10, 10, 2])
LABELS = torch.tensor([0, 1, 2, 3, 0, 1])


def given(name: str, loss: torch.nn.Module) -> list[torch.Tensor]:
    """Return six samples of what a loss needs, in float64."""
    needs = steer.LOSSES[name].needs
    random = np.random.default_rng(0)
    width = loss.vectors.shape[1] if name == "multiple-centers" else COUNTS.k
    others = {
        "labels": LABELS,
        "label sets": torch.nn.functional.one_hot(LABELS) + torch.tensor([0, 0, 0, 1]) > 0,
        "groups": torch.tensor([0, 1, 0, 1, 1, 1]),
        "shortcuts": torch.tensor([0, 1, 2, 0, 0, 3]),
    }
    found = [
        others[need] if need in others else torch.tensor(random.normal(size=(6, width)))
        for need in needs
    ]
    if "weight" in needs:
        found[1] = found[1][: COUNTS.k]
    found[0] = bounded(name)(found[0])
    return found


def bounded(name: str):
    """Return what brings values to where a loss takes them."""
    return torch.tanh if steer.LOSSES[name].needs[0] == "cosines" else torch.Tensor.clone


def of_rule(name: str, features: torch.Tensor) -> dict[str, object]:
    """Return by name what a rule of `steer.RULES` needs, made of features of at least k
    dimensions.
    """
    values = {
        "logits": features[:, : COUNTS.k],
        "weight": features[: COUNTS.k],
        "features": features,
        "means": features[: COUNTS.k],
        "counts": COUNTS,
        "tau": 0.7,
        "radius": 2.0,
    }
    return {need: values[need] for need in steer.RULES[name].needs}
