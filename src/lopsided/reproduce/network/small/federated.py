"""Federated learning: clients train copies of a network on samples of their own, a server averages
them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train

#: Features, as the head sees them, and logits of inputs.
Answer = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Client:
    """Whoever keeps samples to themselves.

    Attributes:
        x: (n, inputs).
        y: (n,) labels.
        loss: of logits and labels, that this client trains with.
    """

    x: Floats
    y: Ints
    loss: Callable[[Tensor, Tensor], Tensor]


def federated(
    clients: Sequence[Client],
    sizes: Sequence[int],
    head: Callable[[], nn.Module],
    fit: Fit,
    rounds: int,
    observe: Callable[[int, Answer], None],
    *,
    unit: bool,
) -> Answer:
    """Train a perceptron under a head by federated averaging, all clients in every round.

    Args:
        clients: in each round every one starts at the server's network and trains with an optimiser
            of its own; the server takes the mean, weighted by their samples.
        sizes: inputs, hidden units, feature dimensions.
        head: makes what takes features to logits; it is trained and averaged too, as far as it
            learns.
        fit: how a client trains in a round; its steps are passes over the client's samples.
        rounds: of averaging.
        observe: takes the number of a round, from 1, and what the server's network answers.
        unit: the head sees features of length one.

    Returns:
        What the server's network answers after the last round.
    """
    torch.manual_seed(fit.seed)
    body, top = perceptron(sizes), head()
    network = nn.ModuleList([body, top])
    data = [tensors(client.x, client.y) for client in clients]
    weights = [len(client.y) / sum(len(each.y) for each in clients) for client in clients]

    def seen(inputs: Tensor) -> Tensor:
        h: Tensor = body(inputs)
        return functional.normalize(h, dim=-1) if unit else h

    def lost(number: int, chosen: Tensor) -> Tensor:
        inputs, labels = data[number]
        return clients[number].loss(top(seen(inputs[chosen])), labels[chosen])

    def answer(others: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            h = seen(tensors(others)[0])
            return array(h), array(top(h))

    for turn in range(rounds):
        server = copy.deepcopy(network.state_dict())
        mean = {name: torch.zeros_like(value) for name, value in server.items()}
        for number, client in enumerate(clients):
            network.load_state_dict(server)
            n = len(client.y)
            batch = min(fit.batch, n)
            # Another order for every client and round, the same for every head and loss.
            seed = fit.seed + 1000 * (1 + turn * len(clients) + number)
            own = replace(fit, steps=fit.steps * (n // batch), batch=batch, seed=seed)
            train([body, top], partial(lost, number), n, own)
            for name, value in network.state_dict().items():
                mean[name] += weights[number] * value
        network.load_state_dict(mean)
        observe(turn + 1, answer)
    return answer
