"""Features under linear heads whose targets are numbers, several labels, or the next token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train
from lopsided.steer import PickAllLabel


def regression(
    x: Floats, targets: Floats, sizes: Sequence[int], fit: Fit, *, nonnegative: bool = False
) -> tuple[Floats, Floats, float]:
    """Train a regression; return features, the last layer's weight and the mean squared error.

    Args:
        x: (n, inputs).
        targets: (n, t).
        sizes: inputs, hidden units, feature dimensions.
        fit: how.
        nonnegative: put a ReLU behind the features.
    """
    features, weight, outputs = _under_head(
        (x, targets),
        sizes,
        fit,
        lambda found, wanted: (found - wanted).square().sum(1).mean() / 2,
        bias=True,
        nonnegative=nonnegative,
    )
    return features, weight, float(np.sum((outputs - targets) ** 2) / len(x))


def label_sets(
    x: Floats, rows: Floats, sizes: Sequence[int], fit: Fit, *, nonnegative: bool = False
) -> tuple[Floats, Floats, float]:
    """Train on samples of several labels; return features, the head's weight and the share of
    samples whose largest logits are their labels. Arguments are those of `regression`.
    """
    features, weight, logits = _under_head(
        (x, rows), sizes, fit, PickAllLabel(), bias=False, nonnegative=nonnegative
    )
    least = np.where(rows > 0, logits, np.inf).min(axis=1)
    most = np.where(rows > 0, -np.inf, logits).max(axis=1)
    return features, weight, float(np.mean(least > most))


def composed(
    x: Floats, kinds: Ints, heads: Sequence[Floats | None], sizes: Sequence[int], fit: Fit
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Train features that several heads read at once, each for labels of its own.

    Args:
        x: (n, inputs).
        kinds: (n, heads) a label for each head.
        heads: (k, d) fixed weight of each; None for one that is learned.
        sizes: inputs, hidden units, feature dimensions.
        fit: how.

    Returns:
        What gives for other inputs the features and the logits of the first head.
    """
    torch.manual_seed(fit.seed)
    body, (inputs, labels) = perceptron(sizes), tensors(x, kinds)
    weights = [
        nn.Linear(sizes[-1], int(kinds[:, i].max()) + 1, bias=False).weight
        if given is None
        else tensors(given)[0]
        for i, given in enumerate(heads)
    ]
    learned = nn.ParameterList([w for w in weights if isinstance(w, nn.Parameter)])

    def loss(chosen: Tensor) -> Tensor:
        h, y = body(inputs[chosen]), labels[chosen]
        losses = [functional.cross_entropy(h @ w.T, y[:, i]) for i, w in enumerate(weights)]
        return torch.stack(losses).sum()

    train([body, learned], loss, len(x), fit)

    def answer(others: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            h = body(tensors(others)[0])
            return array(h), array(h @ weights[0].T)

    return answer


def next_token(
    contexts: Floats, shares: Floats, weights: Floats, sizes: Sequence[int], fit: Fit
) -> tuple[Floats, Floats, float]:
    """Train a model of the next token on all contexts at once.

    Args:
        contexts: (m, inputs) what the model sees of each.
        shares: (m, k) of the next tokens.
        weights: (m,) share of each context.
        sizes: inputs, hidden units, feature dimensions.
        fit: how.

    Returns:
        Classifiers (k, d), embeddings (m, d), and the loss.
    """
    torch.manual_seed(fit.seed)
    body, head = perceptron(sizes), nn.Linear(sizes[-1], shares.shape[1], bias=False)
    inputs, wanted, given = tensors(contexts, shares, weights)

    def loss(chosen: Tensor) -> Tensor:
        logits = head(body(inputs[chosen]))
        losses: Tensor = -(wanted[chosen] * logits.log_softmax(1)).sum(1)
        return (given[chosen] * losses).sum()

    train([body, head], loss, len(contexts), fit)
    with torch.no_grad():
        everything = torch.arange(len(contexts))
        return array(head.weight), array(body(inputs)), float(loss(everything))


def _under_head(
    data: tuple[Floats, Floats],
    sizes: Sequence[int],
    fit: Fit,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    bias: bool,
    nonnegative: bool,
) -> tuple[Floats, Floats, Floats]:
    """Train a linear head on features; return features, the head's weight and what it answers."""
    torch.manual_seed(fit.seed)
    inputs, wanted = tensors(*data)
    body = perceptron(sizes)
    if nonnegative:
        body.append(nn.ReLU())
    head = nn.Linear(sizes[-1], wanted.shape[1], bias=bias)
    train(
        [body, head],
        lambda chosen: loss(head(body(inputs[chosen])), wanted[chosen]),
        len(inputs),
        fit,
    )
    with torch.no_grad():
        features = body(inputs)
        return array(features), array(head.weight), array(head(features))
