"""Watching and diagnosing models of every kind: the numbers of the features by hand, or the
refusal."""

from __future__ import annotations

import copy
import gc
import io
import random
import re
import sys
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    Sampler,
    StackDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from lopsided import Counts, predict, steer
from lopsided.measure import Moments, agop, diagnose, layers, trained, watch
from lopsided.measure.network.affine import Affine, alone, precision_of
from lopsided.measure.network.answered import makes, require_own
from lopsided.measure.network.intact import COPIED
from lopsided.measure.network.returned import pooled, tensors_of

B, T, D, K, VOCAB = 24, 5, 6, 3, 7


class Net(nn.Module):
    """A body and a head; `forward` is what each case changes."""

    def __init__(self, head: nn.Module | None = None, **more: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, D, bias=False), nn.Tanh())
        self.head = nn.Linear(D, K) if head is None else head
        for name, module in more.items():
            setattr(self, name, module)

    def forward(self, x: torch.Tensor, labels: Any = None) -> Any:
        return self.head(self.body(x))


def net(
    forward: Callable[..., Any],
    head: Callable[[], nn.Module] | None = None,
    **more: Callable[[], nn.Module],
) -> Any:
    """Return what makes a Net with another forward."""
    kind = type("Net", (Net,), {"forward": forward})
    return lambda: kind(
        None if head is None else head(), **{name: make() for name, make in more.items()}
    )


class Normed(nn.Module):
    """The head of LDAM's authors: the weight as (in, out), both sides normalised."""

    def __init__(self, d: int, k: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(d, k))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return functional.normalize(h, dim=1) @ functional.normalize(self.weight, dim=0)


class Scaled(nn.Linear):
    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return 3 * super().forward(h)


class Adapted(nn.Linear):
    """A linear layer with a low-rank adapter beside it."""

    def __init__(self, d: int, k: int, dropout: float = 0.0) -> None:
        super().__init__(d, k)
        self.down, self.up, self.drop = (
            nn.Linear(d, 2, bias=False),
            nn.Linear(2, k, bias=False),
            nn.Dropout(dropout),
        )

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return super().forward(h) + self.up(self.down(self.drop(h)))


class AdaptedBy(nn.Module):
    """A frozen linear layer in an adapter, as PEFT makes it, which adds nothing at first."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.base_layer = inner.requires_grad_(False)
        d, k = inner.in_features, inner.out_features
        self.up, self.down = nn.Linear(k, k, bias=False), nn.Linear(d, k, bias=False)
        nn.init.zeros_(self.up.weight)

    @property
    def weight(self) -> Any:
        return self.base_layer.weight

    @property
    def bias(self) -> Any:
        return self.base_layer.bias

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return self.base_layer(h) + self.up(self.down(h))


class Bent(nn.Linear):
    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return super().forward(h.abs())


class Keyword(nn.Linear):
    def forward(self, *, hidden: torch.Tensor) -> torch.Tensor:
        return super().forward(hidden)


def plain(model: Any, x: Any) -> Any:
    return model.body(x), model.head.weight


def unit(model: Any, x: Any) -> Any:
    return functional.normalize(model.body(x), dim=1), None


def effective(model: Any, x: Any) -> Any:
    """Features and classifiers of an affine head, its columns by definition."""
    unit = torch.eye(D, dtype=x.dtype)
    return model.body(x), (model.head(unit) - model.head(0 * unit)).T


@dataclass
class Case:
    """A model, its inputs and labels, and what `watch` and `diagnose` must find: features by hand,
    or words of a refusal."""

    make: Any
    watched: Any = plain
    diagnosed: Any = None
    inputs: Any = None
    labels: Any = None
    head: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


X = torch.randn(B, 4, generator=torch.Generator().manual_seed(1))
Y = torch.arange(B) % K
IDS = torch.randint(0, VOCAB, (B, T), generator=torch.Generator().manual_seed(2))
SEQUENCES = torch.randn(B, T, 4, generator=torch.Generator().manual_seed(3))
TAGS = torch.arange(B * T).reshape(B, T) % K


def language_model(pool: Callable[[Any], Any] = lambda z: z, k: int = VOCAB) -> Any:
    def forward(self: Any, ids: torch.Tensor, labels: Any = None) -> Any:
        return pool(self.head(self.body(self.embed(ids))))

    return net(forward, lambda: nn.Linear(D, k), embed=lambda: nn.Embedding(VOCAB, 4))


def recurrent(batch_first: bool) -> Any:
    def forward(self: Any, ids: torch.Tensor) -> Any:
        return self.head(self.body(self.inner(self.embed(ids))[0]))

    inner = lambda: nn.LSTM(4, 4, batch_first=batch_first)  # noqa: E731
    embed = lambda: nn.Embedding(VOCAB, 4)  # noqa: E731
    return net(forward, lambda: nn.Linear(D, VOCAB), embed=embed, inner=inner)


def states(model: Any, ids: Any) -> Any:
    h = model.body(model.inner(model.embed(ids))[0])
    return h[:, : T - 1].reshape(-1, D), model.head.weight


def tokens(shift: int) -> Any:
    def features(model: Any, ids: Any) -> Any:
        return model.body(model.embed(ids))[:, : T - shift].reshape(-1, D), model.head.weight

    return features


def last_token(model: Any, ids: Any) -> Any:
    return model.body(model.embed(ids))[:, -1], model.head.weight


def shared(self: Any, x: Any, labels: Any = None) -> Any:
    """Two exits through one head, of which the last is returned."""
    self.head(x @ x.new_ones(4, D))
    return self.head(self.body(x))


class Scale(nn.Module):
    """A factor that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z * self.factor


def of_one_answer(head: Any) -> Any:
    """Return a head that answers the first class, whatever it sees."""
    nn.init.constant_(head.bias[:1].detach(), 3.0)
    return head


CASES = {
    # What a head multiplies.
    "linear": Case(Net),
    "no bias": Case(lambda: Net(nn.Linear(D, K, bias=False))),
    "cosine": Case(lambda: Net(steer.CosineHead(D, K, temperature=0.1)), unit, head="head"),
    "fixed": Case(lambda: Net(steer.FixedHead(predict.etf(K), D)), head="head"),
    "(in, out), normalised": Case(lambda: Net(Normed(D, K)), unit, head="head"),
    "scaled": Case(lambda: Net(Scaled(D, K)), effective),
    "adapter": Case(lambda: Net(Adapted(D, K)), effective, head="head"),
    "adapter with dropout": Case(
        lambda: Net(Adapted(D, K, 0.5)), "no other linear map", effective, head="head"
    ),
    "weight norm": Case(lambda: Net(nn.utils.parametrizations.weight_norm(nn.Linear(D, K)))),
    "spectral norm": Case(
        lambda: Net(nn.utils.parametrizations.spectral_norm(nn.Linear(D, K))),
        lambda m, x: (m.body(x), None),
    ),
    "not linear": Case(lambda: Net(Bent(D, K)), "no other linear map"),
    "called by keyword": Case(
        net(lambda self, x: self.head(hidden=self.body(x)), lambda: Keyword(D, K))
    ),
    # Which call of the head, of which head.
    "probabilities returned": Case(net(lambda self, x: self.head(self.body(x)).log_softmax(1))),
    "softmax returned": Case(net(lambda self, x: self.head(self.body(x)).softmax(1))),
    "sigmoids returned": Case(net(lambda self, x: self.head(self.body(x)).sigmoid())),
    "a temperature": Case(net(lambda self, x: self.head(self.body(x)) / 0.1)),
    "an offset for each class": Case(
        net(lambda self, x: 2 * self.head(self.body(x)) + torch.arange(K)), head="head"
    ),
    "bent answers": Case(net(lambda self, x: self.head(self.body(x)).tanh())),
    "negated": Case(net(lambda self, x: -self.head(self.body(x))), "negated", head="head"),
    "negated distributions": Case(
        net(lambda self, x: (-2 * self.head(self.body(x))).log_softmax(1)), "negated", head="head"
    ),
    "classes in another order": Case(
        net(lambda self, x: self.head(self.body(x))[:, [1, 2, 0]]),
        "in another order of classes",
        head="head",
    ),
    "negated, the head not said": Case(net(lambda self, x: -self.head(self.body(x))), "negated"),
    "a tuple": Case(net(lambda self, x: (self.head(self.body(x)), self.body(x)))),
    "a mapping": Case(
        net(lambda self, x: {"features": self.body(x), "logits": self.head(self.body(x))})
    ),
    "nothing but a loss": Case(net(lambda self, x: {"loss": self.head(self.body(x)).mean()})),
    "an auxiliary head behind": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)), self.aux(h)), aux=lambda: nn.Linear(D, K)
        ),
    ),
    "a teacher behind": Case(
        net(
            lambda self, x: {"told": self.teacher(h := self.body(x)), "learned": self.head(h)},
            teacher=lambda: nn.Linear(D, K).requires_grad_(False),
        ),
    ),
    "logarithms first, an auxiliary head behind": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)).log_softmax(1), self.aux(h)),
            aux=lambda: nn.Linear(D, K),
        ),
    ),
    "a temperature first, a teacher behind": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)) / 2, self.teacher(h)),
            teacher=lambda: nn.Linear(D, K).requires_grad_(False),
        ),
    ),
    "logarithms of a frozen head, an auxiliary one that learns": Case(
        net(
            lambda self, x: (self.aux(h := self.body(x)), self.frozen(h).log_softmax(1))[1],
            aux=lambda: nn.Linear(D, K),
            frozen=lambda: nn.Linear(D, K).requires_grad_(False),
        ),
        lambda m, x: (m.body(x), m.frozen.weight),
    ),
    "what no layer answers first, a head behind": Case(
        net(lambda self, x: ((h := self.body(x)).flip(1)[:, :K].exp(), self.head(h))),
        "does not come from its last linear layer 'head'",
    ),
    "bent answers, what another head tells behind": Case(
        net(
            lambda self, x: ((9 * self.head(h := self.body(x))).tanh(), self.aux(h).softmax(1)),
            aux=lambda: nn.Linear(D, K),
        ),
        "each of the layers 'head', 'aux' can be the head",
    ),
    "bent answers, what a teacher tells behind": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)).tanh(), self.teacher(h).softmax(1)),
            teacher=lambda: nn.Linear(D, K).requires_grad_(False),
        ),
    ),
    "classes before places, an auxiliary head behind": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)).transpose(1, 2), self.aux(h)),
            aux=lambda: nn.Linear(D, K),
        ),
        lambda m, x: (m.body(x).reshape(-1, D), m.head.weight),
        inputs=SEQUENCES,
        labels=TAGS,
    ),
    "bent answers of places, one after another": Case(
        net(lambda self, x: self.head(self.body(x)).tanh().flatten(0, 1)),
        lambda m, x: (m.body(x).reshape(-1, D), m.head.weight),
        inputs=SEQUENCES,
        labels=TAGS,
    ),
    "an auxiliary head alone known": Case(
        net(
            lambda self, x: self.head(h := self.body(x)) + 0 * self.aux(h)[:, :1],
            aux=lambda: nn.Linear(D, 2),
        ),
        "does not come from its last linear layer 'aux'",
    ),
    "one logit, without its axis": Case(
        net(
            lambda self, x: self.logit(self.head(self.body(x)).relu()).squeeze(-1),
            logit=lambda: nn.Linear(K, 1),
        ),
        "one number a sample, as its last layer 'logit'",
    ),
    "its probability": Case(
        net(
            lambda self, x: {"p": self.logit(self.head(self.body(x))).sigmoid()},
            logit=lambda: nn.Linear(K, 1),
        ),
        "one number a sample, as its last layer 'logit'",
    ),
    "a number of each sample beside the answers": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)), self.sure(h).squeeze(-1)),
            sure=lambda: nn.Linear(D, 1),
        )
    ),
    "nothing but a loss, before a layer of one output": Case(
        net(lambda self, x: {"loss": self.head(self.body(x)).mean()}, sure=lambda: nn.Linear(D, 1))
    ),
    "two heads, of which neither makes the output": Case(
        net(
            lambda self, x: {
                "out": self.head(h := self.body(x)).repeat(2, 1),  # as maps that are made larger
                "aux": self.aux(h).repeat(2, 1),
            },
            aux=lambda: nn.Linear(D, K),
        ),
        "each of the layers 'head', 'aux' can be the head",
    ),
    "two heads averaged, which answer one class": Case(
        net(
            lambda self, x: (self.head(h := self.body(x)) + self.aux(h)) / 2,
            lambda: of_one_answer(nn.Linear(D, K)),
            aux=lambda: of_one_answer(nn.Linear(D, K)),
        ),
        "each of the layers 'head', 'aux' can be the head",
    ),
    "nothing but a loss of two heads": Case(
        net(
            lambda self, x: {"loss": (self.head(h := self.body(x)) + self.aux(h)).mean()},
            aux=lambda: nn.Linear(D, K),
        ),
        "each of the layers 'head', 'aux' can be the head",
    ),
    "nothing but a loss beside a teacher": Case(
        net(
            lambda self, x: {"loss": (self.head(h := self.body(x)) - self.teacher(h)).mean()},
            teacher=lambda: nn.Linear(D, K).requires_grad_(False),
        ),
    ),
    "another head chosen": Case(
        net(
            lambda self, x: (self.other(h := self.body(x)), self.head(h)),
            other=lambda: nn.Linear(D, K),
        ),
        head="head",
    ),
    "no call": Case(net(lambda self, x: self.body(x)), "did not go through the head 'head'"),
    "five dropouts": Case(
        net(
            lambda self, x: sum(self.head(self.drop(self.body(x))) for _ in range(5)) / 5,
            drop=lambda: nn.Dropout(0.5),
        ),
        "ran 5 times in one forward pass",
        plain,
    ),
    "two views": Case(
        net(lambda self, x: (self.head(self.body(x)), self.head(self.body(-x)))), "ran 2 times"
    ),
    "early exits": Case(
        net(lambda self, x: [self.head(x @ x.new_ones(4, D)), self.head(self.body(x))]),
        "ran 2 times",
    ),
    "one exit returned": Case(net(shared)),
    "checkpointed": Case(
        net(lambda self, x: checkpoint(lambda x: self.head(self.body(x)), x, use_reentrant=False))
    ),
    # Which row beside which label.
    "another order": Case(net(lambda self, x: self.head(self.body(x)).flip(0)), "in another order"),
    "written over": Case(
        net(lambda self, x: self.head(self.body(x)).div_(2)), "overwritten in place"
    ),
    "tokens": Case(
        Net, lambda m, x: (m.body(x).reshape(-1, D), m.head.weight), inputs=SEQUENCES, labels=TAGS
    ),
    "tokens with padding": Case(
        Net,
        lambda m, x: (m.body(x).reshape(-1, D), m.head.weight),
        inputs=SEQUENCES,
        labels=torch.where(torch.arange(T) < 3, TAGS, -100),
        options={"ignore": [-100, 255]},
    ),
    "tokens, time first": Case(
        Net, "120 rows and 120 labels", inputs=SEQUENCES.transpose(0, 1), labels=TAGS
    ),
    "one token kept": Case(language_model(lambda z: z[:, -1], K), last_token, inputs=IDS),
    "tokens averaged": Case(
        language_model(lambda z: z.mean(1), K), "sees every token.*pool", inputs=IDS
    ),
    "labels are the inputs": Case(language_model(), "shift=1", inputs=IDS, labels=IDS),
    "shifted by 1": Case(language_model(), tokens(1), inputs=IDS, labels=IDS, options={"shift": 1}),
    "shifted by 0": Case(language_model(), tokens(0), inputs=IDS, labels=IDS, options={"shift": 0}),
    "shifted, time last": Case(
        recurrent(True), states, inputs=IDS, labels=IDS, options={"shift": 1}
    ),
    "shifted, time perhaps first": Case(
        recurrent(False), "axis 0 is time", inputs=IDS.T, labels=IDS.T, options={"shift": 1}
    ),
    "a shift of no sequence": Case(Net, "needs features .b, t, d.", options={"shift": 1}),
    "soft labels": Case(Net, "mixup", labels=functional.one_hot(Y, K).float()),
    "a batch short": Case(Net, "24 rows and 23 labels", labels=Y[:-1]),
}


#: Ways to watch a pass.
WATCHED = ["watch", "watch, then back", "back, then watch"]


def measured(how: str, case: Case, model: Any) -> Any:
    """Return the collapse that watching a forward pass in training, without a backward pass or with
    one on either side of the labels, or one of two passes of diagnose, gives."""
    x, y = X if case.inputs is None else case.inputs, Y if case.labels is None else case.labels
    head = None if case.head is None else model.get_submodule(case.head)
    if "watch" in how:
        with watch(model, head, **case.options) as watching:
            answers = [z for z in tensors_of(model(x)) if z.requires_grad]
            slope = partial(torch.autograd.backward, [z.square().sum() for z in answers])
            for step in how.split(", then "):
                slope() if step == "back" else watching.labels(y)
            return watching.epoch()
    return trained(
        model, [(x, y)], head=head, passes=int(how[-1]), show_progress=False, **case.options
    )


def by_hand(case: Case, want: Any, model: Any) -> tuple[Moments, Any]:
    """Return moments and classifiers of the features that a case names."""
    features, weight = want(model, X if case.inputs is None else case.inputs)
    y = Y if case.labels is None else case.labels
    y = y[:, case.options.get("shift", 0) :].reshape(-1) if y.ndim == 2 else y
    kept = torch.isin(y, torch.tensor(case.options.get("ignore", [-1])), invert=True)
    moments = Moments(int(y.max()) + 1, D)
    moments.update(features[kept].numpy(), y[kept].numpy())
    return moments, weight


@pytest.mark.parametrize("how", [*WATCHED, "diagnose 1", "diagnose 2"])
@pytest.mark.parametrize("name", CASES)
def test_a_model_is_measured_right_or_refused_with_the_reason(name, how):
    case = CASES[name]
    want = case.diagnosed if case.diagnosed and how not in WATCHED else case.watched
    torch.manual_seed(0)
    model = case.make()
    if isinstance(want, str):
        with pytest.raises(ValueError, match=want):
            measured(how, case, model)
        return
    got = measured(how, case, model)
    with torch.no_grad():
        moments, weight = by_hand(case, want, model.eval())
    np.testing.assert_array_equal(got.moments.counts, moments.counts)
    np.testing.assert_allclose(got.moments.means, moments.means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got.moments.spread, moments.spread, rtol=1e-5)
    if weight is not None:
        np.testing.assert_allclose(got.weight, weight.detach(), rtol=1e-5, atol=1e-6)
    assert got.decisions.counts.sum() == moments.n
    assert (got.decisions.compared.sum() > 0) == (how == "diagnose 2")


def test_a_backward_pass_does_not_fail_where_what_it_tells_cannot_be_judged(monkeypatch):
    asked = []
    monkeypatch.setattr("lopsided.measure.pull.finding", lambda *_: asked.append(1) or 1 / 0)
    model = Net()
    with watch(model) as watching:
        loss = functional.cross_entropy(model(X), Y)
        watching.labels(Y)
        loss.backward()
        assert watching.epoch().moments.n == B
    assert asked


def of_type(dtype: torch.dtype) -> Callable[[Any, Any], tuple[Any, Any]]:
    return lambda model, x: (model.to(dtype), x.to(dtype) if x.is_floating_point() else x)


def unchanged(model: Any, x: Any) -> tuple[Any, Any]:
    return model, x


#: A way to run a model -> what it makes of model and inputs, the context, how many rows make a
#: batch of their own, and the relative precision.
WAYS: dict[str, tuple[Callable[[Any, Any], tuple[Any, Any]], Any, int, float]] = {
    "double": (of_type(torch.float64), nullcontext, 0, 1e-5),
    "bfloat16": (of_type(torch.bfloat16), nullcontext, 0, 0.03),
    "half": (of_type(torch.float16), nullcontext, 0, 0.004),
    "autocast": (unchanged, partial(torch.autocast, "cpu", torch.bfloat16), 0, 0.03),
    "inference mode": (unchanged, torch.inference_mode, 0, 1e-5),
    "a batch of one": (unchanged, nullcontext, 1, 1e-5),
}


def run(case: Case, way: str) -> Any:
    """Return the collapse of a case that runs in another way, or why there is none."""
    made, context, last, _ = WAYS[way] if way else (unchanged, nullcontext, 0, 0.0)
    torch.manual_seed(0)
    model, x = made(case.make(), X if case.inputs is None else case.inputs)
    y = Y if case.labels is None else case.labels
    sizes = [len(x) - last, last] if last else [len(x)]
    head = None if case.head is None else model.get_submodule(case.head)
    with context(), watch(model, head, **case.options) as watching:
        try:
            for rows, labels in zip(x.split(sizes), y.split(sizes), strict=True):
                model(rows)
                watching.labels(labels)
            return watching.epoch()
        except ValueError as error:
            return str(error)


class Outer(nn.Module):
    """A module whose model is called by its users, as in a step of Lightning."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model


def heard(case: Case, depth: int) -> Any:
    """Return the collapse of a case whose model is within others, or why there is none."""
    torch.manual_seed(0)
    model = outer = case.make()
    for _ in range(depth):
        outer = Outer(outer)
    head = None if case.head is None else model.get_submodule(case.head)
    with watch(outer, head, **case.options) as watching:
        model(X if case.inputs is None else case.inputs)
        try:
            watching.labels(Y if case.labels is None else case.labels)
        except ValueError as error:
            return str(error).replace(depth * "model.", "")
        return watching.epoch()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", [name for name in CASES if name != "no call"])
def test_a_model_within_another_that_nobody_calls_is_measured_as_it_is_by_itself(name, depth):
    want, got = (heard(CASES[name], deep) for deep in (0, depth))
    if isinstance(want, str):
        assert got == want
        return
    np.testing.assert_array_equal(got.moments.means, want.moments.means)
    np.testing.assert_array_equal(got.moments.counts, want.moments.counts)


def test_a_part_around_the_head_may_be_called_for_something_else_or_fail():
    outer = Outer(Net())
    with watch(outer) as watching:
        outer.model.forward, forward = lambda x: outer.model.body(x), outer.model.forward
        outer.model(X)  # for its features, and the head alone
        outer.model.head(outer.model.body(X))
        watching.labels(Y)
        outer.model.forward = forward
        with pytest.raises(TypeError):
            outer.model(None)
        outer.model(X)
        watching.labels(Y)
        assert watching.epoch().moments.n == 2 * B


@pytest.mark.parametrize("begun", [False, True])
def test_another_layer_that_might_be_the_head_may_be_taken_away(begun):
    model = nn.Sequential(OrderedDict(other=nn.Linear(D, K), model=Net()))
    model.forward = model.model.forward
    watching = watch(model)
    if not begun:
        model.other = None
    with watching:
        if begun:
            del model.other
        model(X)
        watching.labels(Y)
        assert watching.epoch().moments.n == B


def test_a_model_goes_with_who_looked_at_it():
    """Else the next one, on a GPU, finds no room until garbage is collected."""
    model = Net()
    gone = weakref.ref(model)
    gc.disable()
    try:
        diagnose(model, [(X, Y)], held_out=[(X, Y)], show_progress=False)
        del model
        assert gone() is None
    finally:
        gc.enable()


#: What is written over, inference mode copies before; the others' rows are not those of labels.
APART = ("written over", "a batch short", "tokens, time first")
ALIKE = [name for name in CASES if name not in APART]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda z: 64 * z, "times 64"),
        (lambda z: 5 * (z / 5).tanh(), "not made of them"),  # the largest ones are equal in halves
        (lambda z: (z / 2).softmax(-1), "not made of them"),
        (lambda z: -64 * z, "negated"),
        (lambda z: 0.01 * z.roll(1, 0).sin(), "does not come from"),
        (torch.ones_like, "does not come from"),
    ],
)
def test_what_a_model_makes_of_answers_is_known_in_every_type(made, words, dtype):
    z = (3 * torch.randn(64, 50, generator=torch.Generator().manual_seed(0))).to(dtype)
    try:
        told = require_own("head", z, [made(z)], guessed=True, chosen=False)
    except ValueError as error:
        told = str(error)
    assert words in told


def test_a_factor_that_is_one_to_three_digits_is_not_told():
    z = torch.randn(64, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    told = [require_own("head", z, [f * z], guessed=True, chosen=False) for f in (1.0001, 1.01)]
    assert told[0] == ""
    assert told[1].endswith("times 1.01")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ALIKE)
def test_a_model_is_measured_alike_in_whatever_way_it_runs(name, way):
    case, (*_, precision) = CASES[name], WAYS[way]
    want, got = run(case, ""), run(case, way)
    if isinstance(want, str):
        assert isinstance(got, str)
        assert re.search(case.watched, got)
        return
    np.testing.assert_array_equal(got.moments.counts, want.moments.counts)
    for name in ("weight", "moments.means", "moments.spread"):
        numbers = attrgetter(name)(want)
        bound = precision * max(np.abs(numbers).max(), 1.0)
        np.testing.assert_allclose(attrgetter(name)(got), numbers, rtol=0, atol=bound)


def gradients(case: Case, labelled: str) -> list[Any]:
    """Return the gradients of a step while watched, labelled before or after the backward pass, or
    while not watched."""
    torch.manual_seed(0)
    model, y = case.make(), Y if case.labels is None else case.labels
    head = None if case.head is None else model.get_submodule(case.head)
    learns = [part for part in model.parameters() if part.requires_grad]
    with watch(model, head, **case.options) if labelled else nullcontext() as watching:
        output = model(X if case.inputs is None else case.inputs)
        losses = [z.log_softmax(-1)[..., 0].sum() for z in tensors_of(output, 1)]
        losses = losses or [output["loss"]]
        steps = ["backward", "labels"] if labelled == "after" else ["labels", "backward"]
        for step in steps:
            if step == "backward" and learns:
                losses[0].backward()
            if step == "labels" and labelled:
                with suppress(ValueError):  # what cannot be measured is told here, and only here
                    watching.labels(y)
    return [None if part.grad is None else part.grad.clone() for part in learns]


@pytest.mark.parametrize("labelled", ["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_backward_pass_is_that_of_a_model_that_nobody_watches(name, labelled):
    for got, want in zip(gradients(CASES[name], labelled), gradients(CASES[name], ""), strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("linear", ""),
        ("probabilities returned", ""),
        ("softmax returned", ""),
        ("sigmoids returned", ""),
        ("another head chosen", ""),
        ("a temperature", "answers of the head 'head' times 10; the head's own answers are"),
        ("an offset for each class", "times 2 and with an offset for each class"),
        ("bent answers", "that is not made of them in a way known here"),
    ],
)
def test_what_a_model_makes_of_its_head_is_said_once(name, words, caplog):
    torch.manual_seed(0)
    model = CASES[name].make()
    with watch(model, model.head) as watching:
        for _ in range(5):
            model(X)
            watching.labels(Y)
    assert len(caplog.records) == bool(words)
    assert words in caplog.text


def test_a_temperature_that_learns_is_said_once(caplog):
    torch.manual_seed(0)
    model = net(lambda self, x: self.scale(self.head(self.body(x))), scale=lambda: Scale())()
    with watch(model, model.head) as watching:
        for _ in range(5):
            model(X)
            watching.labels(Y)
            model.scale.factor.data += 0.5
    assert len(caplog.records) == 1
    assert "times 2;" in caplog.text


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
def test_a_mean_of_two_heads_is_not_made_of_one_of_them_however_coarse_numbers_are(dtype):
    for seed in range(50):  # of logits that differ from each other by less than from zero
        torch.manual_seed(seed)
        h, head, other = torch.randn(B, D, dtype=dtype) / 4, *torch.randn(2, D, K, dtype=dtype)
        z, offset = h @ head, torch.arange(K, dtype=dtype)
        assert not makes(z, ((z + h @ other) / 2 + 4).log_softmax(1))
        assert not makes(z, (z + h @ other) / 2 + 4)
        assert makes(z, (z / 2).log_softmax(1))
        assert makes(z, z + offset)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("squash", [torch.Tensor.sigmoid, partial(torch.softmax, dim=1)])
@pytest.mark.parametrize("k", [10, 1000])
def test_probabilities_are_made_of_their_own_logits_alone_however_small_they_are(dtype, squash, k):
    torch.manual_seed(0)
    for size in (0.3, 1.0, 5.0):
        z, other = (size * torch.randn(2, 8, k)).to(dtype)
        assert makes(z, squash(z))
        assert not makes(other, squash(z))
        assert not makes(z, (squash(z) + squash(other)) / 2)
    assert makes(0 * z, squash(0 * z))  # of a head that begins at zero


@pytest.mark.parametrize("batch", [1, 2])
def test_two_samples_of_two_classes_do_not_make_another_layer_the_head(batch):
    model = Net(nn.Linear(D, 2).requires_grad_(False), aux=nn.Linear(D, 2))
    model.forward = lambda x: (model.aux(h := model.body(x)), model.head(h))[1]
    with watch(model) as watching:
        for part in X.split(batch):
            model(part)
            watching.labels(torch.arange(batch))
        assert watching.head is model.head


def test_a_head_that_is_a_part_of_the_answer_is_one_only_where_it_was_chosen(caplog):
    def forward(self, x):
        parts = [head(self.body(x)) for head in (self.head, self.other)]
        return sum(parts) / 2, *parts

    torch.manual_seed(0)
    model = net(forward, other=lambda: nn.Linear(D, K))()
    for head in (None, model.head):
        with watch(model, head) as watching:
            model(X)
            if head is None:
                with pytest.raises(ValueError, match="none makes the model's output as it is"):
                    watching.labels(Y)
            else:
                watching.labels(Y)
    assert "not made of them" not in caplog.text


@pytest.mark.parametrize("told", [lambda z: z, lambda z: z.softmax(1)], ids=["as is", "softmax"])
def test_features_of_as_many_dimensions_as_classes_are_no_answers(told, caplog):
    def forward(self, x):
        h = self.wide(x).relu()
        return h, told(self.head(h))

    torch.manual_seed(0)
    model = net(forward, lambda: nn.Linear(K, K), wide=lambda: nn.Linear(4, K))()
    with watch(model) as watching:
        model(X)
        watching.labels(Y)
        assert watching.head is model.head
    assert "not made of them" not in caplog.text

    model.forward = lambda x: model.wide(x).relu() + 0 * model.head(model.wide(x).relu()).sum()
    with watch(model) as watching:  # of features alone nothing tells the head
        model(X)
        with pytest.raises(ValueError, match="none makes the model's output as it is"):
            watching.labels(Y)


@pytest.mark.parametrize("how", ["watch", "diagnose 1", "diagnose 2"])
@pytest.mark.parametrize(
    "name", ["linear", "cosine", "scaled", "adapter", "(in, out), normalised", "tokens"]
)
def test_decisions_are_those_of_the_head_itself(name, how):
    torch.manual_seed(0)
    model, case = CASES[name].make(), CASES[name]
    got = measured(how, case, model)
    with torch.no_grad():
        z = model(X if case.inputs is None else case.inputs).reshape(-1, K)
    y = (Y if case.labels is None else case.labels).reshape(-1)
    wrong = (z.argmax(1) != y).double()
    np.testing.assert_allclose(got.error_rates, [wrong[y == c].mean() for c in range(K)])


def evaluated(model, mode=torch.no_grad, after=lambda logits: None):
    """Return the watch of an evaluation, what is done with each answer before its labels come."""
    watching = watch(model.eval(), model.head, during="eval").__enter__()
    with mode():
        for rows in torch.arange(B).chunk(3):
            after(model(X[rows]))
            watching.labels(Y[rows])
    return watching


@pytest.mark.parametrize("after", [lambda z: z.sub_(9.0 * torch.arange(K)), lambda z: z.zero_()])
def test_answers_of_inference_mode_are_measured_as_they_were_before_they_are_written_over(after):
    torch.manual_seed(0)
    model = Net()
    expected = evaluated(model).epoch()
    found = evaluated(model, torch.inference_mode, after).epoch()
    np.testing.assert_array_equal(found.mean_margins, expected.mean_margins)
    with pytest.raises(ValueError, match="overwritten in place"):
        evaluated(model, torch.no_grad, after)


@pytest.mark.parametrize("name", ["linear", "scaled", "(in, out), normalised"])
def test_weights_that_are_lent_for_an_evaluation_are_measured_with_its_features(name):
    torch.manual_seed(0)
    model = CASES[name].make()
    trained_weights = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for part in model.parameters():
            part.mul_(1.5).add_(0.1 * torch.randn_like(part))
    expected, lent = evaluated(model).epoch(), evaluated(model)
    model.load_state_dict(trained_weights)
    found = lent.epoch()
    np.testing.assert_array_equal(found.weight, expected.weight)
    np.testing.assert_array_equal(found.moments.means, expected.moments.means)
    with torch.no_grad():  # the next evaluation is of what the weights are then
        model(X), lent.labels(Y)
    assert (lent.epoch().weight != expected.weight).any()


PRECISIONS = {
    "float16": (torch.float16, None),
    "bfloat16": (torch.bfloat16, None),
    "float64": (torch.float64, None),
    "autocast to bfloat16": (None, torch.bfloat16),
    "autocast to float16": (None, torch.float16),
}


@pytest.mark.parametrize("how", ["watch", "diagnose 2"])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["linear", "cosine", "scaled", "(in, out), normalised"])
def test_a_head_is_recognised_at_every_precision(name, precision, how):
    dtype, autocast = PRECISIONS[precision]
    torch.manual_seed(0)
    model = CASES[name].make().to(dtype or torch.float32)
    case = Case(None, inputs=X.to(dtype or torch.float32), head="head")
    with torch.autocast("cpu", autocast or torch.bfloat16, enabled=autocast is not None):
        got = measured(how, case, model)
    with torch.no_grad():
        exact, weight = CASES[name].watched(model.double(), X.double())
    moments = Moments(K, D)
    moments.update(exact.numpy(), Y.numpy())
    np.testing.assert_allclose(got.moments.means, moments.means, rtol=0.02, atol=0.02)
    if weight is not None:
        np.testing.assert_allclose(got.weight, weight.detach(), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_head_that_scales_by_a_tenth_is_not_taken_for_rounding(precision, factor):
    dtype, autocast = PRECISIONS[precision]
    torch.manual_seed(0)
    head = type(
        "Head", (nn.Linear,), {"forward": lambda self, h: factor * nn.Linear.forward(self, h)}
    )(64, 10)
    x, y = torch.randn(40, 64), torch.arange(40) % 10
    model = head.to(dtype or torch.float32)
    with (
        torch.autocast("cpu", autocast or torch.bfloat16, enabled=autocast is not None),
        watch(model, model) as watching,
    ):
        model(x.to(dtype or torch.float32))
        watching.labels(y)
    np.testing.assert_allclose(
        watching.epoch().weight, factor * head.weight.detach().double(), rtol=0.03, atol=2e-3
    )


def frozen_in_parts() -> Any:
    """A network in training, of which a norm is frozen in evaluation mode, and a spectral norm
    moves when it is read."""
    torch.manual_seed(0)
    norm = nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        nn.Linear(4, D),
        nn.BatchNorm1d(D),
        nn.Dropout(0.2),
        nn.BatchNorm1d(D),
        norm(nn.Linear(D, K)),
    )
    model[3].eval()
    model[0].weight.requires_grad_(False)
    return model


def training(look: Callable[[Any], None]) -> dict[str, torch.Tensor]:
    """Return what two steps of training give when somebody looks in between, and random numbers
    drawn afterwards."""
    import random

    model = frozen_in_parts()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
    for _ in range(2):
        optimiser.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        look(model)
        optimiser.step()
    modes = torch.tensor([[layer.training for layer in model.modules()]])
    drawn = torch.tensor([random.random(), np.random.random(), float(torch.rand(1))])  # noqa: NPY002
    return model.state_dict() | {"modes": modes, "drawn": drawn}


def noisy():
    """Batches that draw from every random state there is."""
    import random

    for _ in range(2):
        x = X + random.random() + np.random.random() + torch.rand(B, 4)  # noqa: NPY002
        yield x, Y


#: Training and held-out samples of a head alone.
FEATURES = [(X.repeat(1, 2)[:, :D], Y), (2 * X.repeat(1, 2)[:, :D], Y)]


def broken():
    yield X, Y
    raise RuntimeError("the disk is full")


def look_and_fail(model: Any) -> None:
    for loader in (broken(), [(X, Y + 5)], [(X[:, :2], Y)]):
        with pytest.raises((ValueError, RuntimeError)):
            trained(model, loader, show_progress=False)


LOOKS = {
    "diagnose": lambda model: trained(model, noisy(), show_progress=False),
    "diagnose in two passes": lambda model: trained(model, [(X, Y)], passes=2, show_progress=False),
    "diagnose with held-out samples": lambda model: diagnose(
        model, noisy(), held_out=noisy(), show_progress=False
    ),
    "a prescription for its head": lambda model: steer.prescribe(model[4], *FEATURES),
    "diagnose that ends in an error": look_and_fail,
    "watch in evaluation mode": lambda model: watch(model, during="eval").__enter__().__exit__(),
}


@pytest.mark.parametrize("look", LOOKS)
def test_training_goes_on_as_if_nobody_had_looked(look):
    want, got = training(lambda model: None), training(LOOKS[look])
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=0, atol=0, msg=name)


class Drawing(nn.Linear):
    """A layer that draws random numbers in evaluation mode, too."""

    def forward(self, x):
        drawn = random.random() + np.random.random() + torch.rand(1)  # noqa: NPY002
        return super().forward(x) * drawn


#: What looks at a network of noisy layers.
OF_NOISE: dict[str, Callable[[Any], Any]] = {
    "trained": lambda model: trained(model, [(X, Y)], show_progress=False),
    "layers": lambda model: layers(model, [(X, Y)], ["0"], show_progress=False),
    "agop": lambda model: agop(model, X),
}


@pytest.mark.parametrize("look", OF_NOISE)
def test_a_network_that_draws_leaves_the_random_numbers_that_come_next(look):
    model, drawn = nn.Sequential(Drawing(4, D), nn.Linear(D, K)), []
    for looked in (False, True):
        torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
        if looked:
            OF_NOISE[look](model)
        drawn.append([random.random(), np.random.random(), float(torch.rand(1))])  # noqa: NPY002
    assert drawn[0] == drawn[1]


DATA = (TensorDataset(X, Y),)


class Epochs(Sampler):
    """An order of its own every time, of a counter, an order kept, and a generator of NumPy."""

    def __init__(self):
        self.epoch, self.order, self.random = 0, np.arange(B), np.random.default_rng(0)

    def __len__(self):
        return B

    def __iter__(self):
        self.epoch += 1
        self.order = (self.epoch + self.random.permutation(self.order)) % B
        yield from self.order.tolist()


class Shuffled(Sampler):
    """An order of what a sampler holds, which the next one depends on."""

    def __init__(self, held, draw):
        self.held, self.draw = held, draw

    def __len__(self):
        return B

    def __iter__(self):
        yield from list(self.draw(self.held))


def in_place(shuffle):
    def draw(held):
        for part in held.values() if isinstance(held, dict) else [held]:
            shuffle(part)
        return [i for part in held.values() for i in part] if isinstance(held, dict) else held

    return draw


def turned(held):
    held.copy_(held[torch.randperm(B)])
    return held.tolist()


#: What samplers hold, and how they draw an order from it.
HELD = {
    "list": lambda: (list(range(B)), in_place(random.shuffle)),
    "array": lambda: (np.arange(B), in_place(np.random.shuffle)),
    "tensor": lambda: (torch.arange(B), turned),
    "class by class": lambda: (
        {c: [i for i in range(B) if i % K == c] for c in range(K)},
        in_place(random.shuffle),
    ),
    "Python's": lambda: (random.Random(0), lambda held: held.sample(range(B), B)),
    "NumPy's older": lambda: (np.random.RandomState(0), lambda held: held.permutation(B)),
}


class Wrapped:
    """A loader around another, as that of Lightning Fabric."""

    def __init__(self, loader):
        self._dataloader, self._number = loader, 0

    def __iter__(self):
        self._dataloader.sampler.set_epoch(self._number)
        self._number += 1
        yield from self._dataloader


class Moved:
    """A loader that moves what another gives to a device."""

    def __init__(self, loader):
        self.loader, self.device = loader, "cpu"

    def __iter__(self):
        for x, y in self.loader:
            yield x.to(self.device), y.to(self.device)


class Own:
    """A loader that has random numbers of its own, as that of fastai."""

    def __init__(self):
        self.rng = random.Random(0)

    def __iter__(self):
        self.rng = random.Random(self.rng.randint(0, 2**32 - 1))
        order = self.rng.sample(range(B), B)
        yield X[order], Y[order]


class Noisy(TensorDataset):
    """Samples with noise of random numbers of their own."""

    random = None

    def __getitem__(self, i):
        self.random = self.random or np.random.default_rng(0)
        return X[i] + torch.tensor(self.random.standard_normal(4)).float(), Y[i]


class Jitter:
    """Changes samples by random numbers of its own."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def __call__(self, x):
        return x + float(self.random.standard_normal())


class Then:
    """Changes of samples, one after the other."""

    def __init__(self, *steps):
        self.steps = steps

    def __call__(self, x):
        for step in self.steps:
            x = step(x)
        return x


class Changed(TensorDataset):
    """Samples that are changed as they are read."""

    def __init__(self, change):
        super().__init__(X, Y)
        self.change = change

    def __getitem__(self, i):
        return self.change(X[i]), Y[i]


class Unasked:
    """Is to be asked for nothing that it lacks."""

    __slots__ = ("unset",)

    def __getattr__(self, name):
        raise RuntimeError(name)


def pointing(change):
    """Return a change that points to itself and to what is there no more, or not to be asked."""
    change.itself, change.gone, change.unasked = change, weakref.proxy(Jitter()), Unasked()
    return change


class Collated:
    """Makes batches of samples that it changes."""

    def __init__(self):
        self.change = Jitter()

    def __call__(self, samples):
        x, y = firsts(samples)
        return self.change(x), y

    def of(self, samples):
        return self(samples)


#: Random numbers of a script.
OF_ALL = np.random.default_rng(0)


def jittered(x, numbers):
    return x + float(numbers.standard_normal())


def jittered_by_all(x):
    return jittered(x, OF_ALL)


class Slotted:
    """Changes samples, without a dictionary of attributes."""

    __slots__ = ("numbers",)

    def __init__(self):
        self.numbers = [np.random.default_rng(0)]

    def __call__(self, x):
        return jittered(x, self.numbers[0])


class Module(nn.Module):
    """Changes samples as a layer."""

    def __init__(self):
        super().__init__()
        self.change = Slotted()

    def forward(self, x):
        return self.change(x)


class First:
    """Changes samples by the first of lists that have names."""

    def __init__(self, changes):
        self.changes = changes

    def __call__(self, x):
        return self.changes["x"][0][0](x)


class Joined:
    """Reads loaders one after the other."""

    def __init__(self, loaders):
        self.loaders = loaders

    def __iter__(self):
        return chain.from_iterable(self.loaders)


def within_a_function():
    numbers = np.random.default_rng(0)
    return lambda x: jittered(x, numbers)


#: What changes samples by random numbers that it holds elsewhere than in an attribute.
CHANGES = {
    "a function of a function": within_a_function,
    "arguments": lambda: partial(jittered, numbers=np.random.default_rng(0)),
    "a method": lambda: Slotted().__call__,
    "slots": Slotted,
    "a layer": Module,
    "lists by name": lambda: First({"x": [[Slotted()]]}),
}


def firsts(samples):
    """Return a batch of samples, of those by name too."""
    pairs = [sample["x"] if isinstance(sample, dict) else sample for sample in samples]
    return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])


def dealt():
    sampler = DistributedSampler(Y, num_replicas=1, rank=0)
    return Wrapped(DataLoader(TensorDataset(X, Y), sampler=sampler))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


ORDERS = {
    "shuffled": lambda: {"shuffle": True, "generator": seeded()},
    "weighed": lambda: {"sampler": WeightedRandomSampler(torch.ones(B), B, generator=seeded())},
    "batches": lambda: {
        "batch_sampler": BatchSampler(RandomSampler(Y, generator=seeded()), 8, drop_last=False)
    },
    "binding": lambda: {"batch_sampler": steer.BindingBatches(Y, 8)},
    "epochs": lambda: {"sampler": Epochs()},
    **{name: partial(lambda make: {"sampler": Shuffled(*make())}, HELD[name]) for name in HELD},
}
#: Data sets of which a data set with random numbers of its own is a part.
PARTS = {
    "a part": lambda data: Subset(data, range(B - 1)),
    "a part of a part": lambda data: Subset(Subset(data, range(B)), range(B - 1)),
    "joined": lambda data: ConcatDataset([TensorDataset(X, Y), data]),
    "by name": lambda data: StackDataset(x=data, y=Y),
    "one of many": lambda data: ConcatDataset([TensorDataset(X[:0], Y[:0])] * 1000 + [data]),
}
#: Other loaders.
LOADERS = {
    "wrapped": dealt,
    "moved": lambda: Moved(DataLoader(*DATA, shuffle=True, generator=seeded())),
    "moved, of noise": lambda: Moved(DataLoader(Noisy(X, Y), sampler=Epochs())),
    "moved twice": lambda: Moved(Moved(DataLoader(*DATA, shuffle=True, generator=seeded()))),
    "one of several": lambda: Joined([DataLoader(Noisy(X, Y), sampler=Epochs())]),
    "own": Own,
    "noisy": lambda: DataLoader(Noisy(X, Y)),
    "changed": lambda: DataLoader(Changed(Jitter())),
    "changed in steps": lambda: DataLoader(
        Subset(Changed(Then(torch.abs, Jitter())), range(B - 1))
    ),
    "changed by what others point to": lambda: DataLoader(Changed(pointing(Jitter()))),
    "collated": lambda: DataLoader(*DATA, collate_fn=Collated()),
    "collated by a method": lambda: DataLoader(*DATA, collate_fn=Collated().of),
    **{
        f"changed by {name}": partial(lambda make: DataLoader(Changed(make())), CHANGES[name])
        for name in CHANGES
    },
    **{
        name: partial(lambda part: DataLoader(part(Noisy(X, Y)), collate_fn=firsts), PARTS[name])
        for name in PARTS
    },
}


@pytest.mark.parametrize("order", [*ORDERS, *LOADERS])
def test_a_loader_goes_on_in_the_order_it_would_have(order):
    def make():
        return LOADERS[order]() if order in LOADERS else DataLoader(*DATA, **ORDERS[order]())

    loaders = [make() for _ in range(2)]
    orders: list[list[Any]] = [[], []]
    for epoch in range(3):
        for read, loader in zip(orders, loaders, strict=True):
            random.seed(epoch)
            np.random.seed(epoch)  # noqa: NPY002
            torch.manual_seed(epoch)
            read.append([x.tolist() for x, _ in loader])
        trained(Net(), loaders[1], passes=1 + epoch % 2, show_progress=False)
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]


class JitteredByAll:
    """Changes samples, and holds nothing."""

    def __call__(self, x):
        return jittered_by_all(x)


class DrawnByAll(torch.utils.data.Sampler):
    def __iter__(self):
        return iter(OF_ALL.permutation(B).tolist())

    def __len__(self):
        return B


@pytest.mark.parametrize(
    "make",
    [
        lambda: DataLoader(Changed(jittered_by_all)),
        lambda: DataLoader(Changed(JitteredByAll())),
        lambda: DataLoader(*DATA, sampler=DrawnByAll()),
    ],
)
def test_the_random_numbers_of_a_script_are_put_back(make):
    loader, before = make(), OF_ALL.bit_generator.state
    trained(Net(), loader, passes=1, show_progress=False)
    assert OF_ALL.bit_generator.state == before
    next(iter(loader))
    assert OF_ALL.bit_generator.state != before


def test_what_a_sampler_counts_is_counted_once():
    class Counting(torch.utils.data.Sampler):
        def __init__(self):
            self.drawn = Counter({0: 2, 1: 5})

        def __iter__(self):
            self.drawn.update(range(B))
            return iter(range(B))

        def __len__(self):
            return B

    sampler = Counting()
    trained(Net(), DataLoader(TensorDataset(X, Y), 8, sampler=sampler), show_progress=False)
    assert sampler.drawn == {0: 2, 1: 5}


@pytest.mark.parametrize("kept", [False, True])
def test_a_loader_with_workers_is_left_where_it_is_also_within_an_epoch(kept):
    def epochs(look) -> list[list[Any]]:
        options = {"num_workers": 1, "persistent_workers": kept}
        loader = DataLoader(TensorDataset(X, Y), 8, shuffle=True, generator=seeded(), **options)
        look(loader)
        orders: list[list[Any]] = []
        for _ in range(2):
            orders.append([])
            for x, _y in loader:
                orders[-1] += x.tolist()
                look(loader)
        return orders

    model = Net()
    looked = epochs(lambda loader: trained(model, loader, show_progress=False))
    assert looked == epochs(lambda loader: None)


class Resuming(DataLoader):
    """Goes on where a checkpoint was made, as that of torchdata."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.next_iter_state: int | None = None

    def __iter__(self) -> Any:
        begun, self.next_iter_state = self.next_iter_state or 0, None
        return islice(super().__iter__(), begun, None)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_loader_that_goes_on_from_a_checkpoint_is_read_whole_and_goes_on_there(passes):
    loader = Resuming(TensorDataset(X, Y), 8, shuffle=True, generator=seeded())
    loader.next_iter_state = 1
    assert trained(Net(), loader, passes=passes, show_progress=False).moments.n == B
    assert len([*loader]) == len(loader) - 1


class Observer(nn.Module):
    """Buffers that a pass moves in evaluation mode: in place, to another length, to another
    buffer, and a number that tells of it.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("most", torch.zeros(()))
        self.register_buffer("each", torch.zeros(0))
        self.register_buffer("cache", torch.zeros(1))
        self.length = 1

    def forward(self, x):
        self.most.copy_(torch.maximum(self.most, x.abs().max()))
        self.each.resize_(x.shape[1]).copy_(x.detach().amax(0))
        if len(x) > self.length:
            self.length, self.cache = len(x), torch.zeros(len(x))
        return x + self.cache[: len(x), None]


@pytest.mark.parametrize("filled", [False, True])
def test_buffers_that_move_in_evaluation_mode_are_put_back(filled):
    model = nn.Sequential(Observer(), Net()).eval()
    if filled:
        model(X[:3])
    held = dict(model.named_buffers())
    before = {name: buffer.clone() for name, buffer in held.items()}
    trained(model, [(10 * X, Y)], passes=2, show_progress=False)
    agop(model, 10 * X[:2])
    for name, buffer in model.named_buffers():
        assert buffer is held[name]
        torch.testing.assert_close(buffer, before[name], rtol=0, atol=0)
    assert model[0].length == len(model[0].cache)
    assert model(X).shape == (B, K)


@pytest.mark.parametrize("moves", [False, True])
def test_of_a_buffer_too_large_to_be_copied_a_change_is_told(moves, caplog):
    class Bank(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("rows", torch.zeros(COPIED // 4 + 1))

        def forward(self, x):
            if moves:
                self.rows[0] += 1
            return x

    model = nn.Sequential(Bank(), Net())
    trained(model, [(X, Y)], show_progress=False)
    words = "0.rows changed while the model was looked at, and is too large (4 MiB) to be put back"
    assert (words in caplog.text) == moves


@pytest.mark.parametrize("moves", [False, True])
def test_of_tensors_that_are_too_many_to_be_copied_a_change_is_told(moves, caplog, monkeypatch):
    monkeypatch.setattr("lopsided.measure.network.intact.IN_ALL", 4 * 10)

    class Bank(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = [torch.zeros(4) for _ in range(4)]

        def forward(self, x):
            for row in self.rows if moves else ():
                row += 1
            return x

    model = nn.Sequential(Bank(), Net())
    trained(model, [(X, Y)], show_progress=False)
    assert [float(row[0]) for row in model[0].rows] == [0, 0, moves, moves]
    assert caplog.text.count("a tensor within 0 changed while the model was looked at") == 2 * moves


class Stateful(nn.Module):
    """Goes on from the state of the batch before, which it holds as a plain attribute; counts in a
    number, a tensor, a list and a dictionary; keeps what it saw last.
    """

    def __init__(self):
        super().__init__()
        self.cell, self.state = nn.GRUCell(4, 4), None
        self.passes, self.total, self.each, self.named = 0, torch.zeros(1), [], {"passes": 0}

    def forward(self, x):
        before = torch.zeros_like(x) if self.state is None else self.state[: len(x)]
        self.state = self.cell(x, before).detach()
        self.passes, self.last = self.passes + 1, x
        self.total += 1
        self.each.append(len(x))
        self.named["passes"] += 1
        return self.cell(x, before)


@pytest.mark.parametrize("trained_before", [False, True])
def test_the_state_that_a_network_goes_on_from_is_put_back(trained_before):
    model = nn.Sequential(Stateful(), Net())
    if trained_before:
        model(X)
    layer, passes = model[0], int(trained_before)
    held, state = dict(vars(layer)), None if layer.state is None else layer.state.clone()
    diagnose(model, [(3 * X, Y)], held_out=[(-X, Y)], show_progress=False)
    assert {name: id(part) for name, part in vars(layer).items()} == {
        name: id(part) for name, part in held.items()
    }
    assert (layer.passes, int(layer.total), len(layer.each)) == (passes,) * 3
    assert layer.named == {"passes": passes}
    assert state is None or torch.equal(layer.state, state)


def counting(held: Any) -> None:
    held["passes"] = held.get("passes", 0) + 1


def deep() -> list[Any]:
    """Return lists in each other, of more levels than Python calls itself."""
    held = list[Any]()
    for _ in range(3 * sys.getrecursionlimit()):
        held = [held]
    return held


def innermost(held: list[Any]) -> list[Any]:
    while held and isinstance(held[0], list):
        held = held[0]
    return held


class Shown(dict):
    """A dictionary that shows texts of what it holds, as configurations do that build it."""

    def values(self):
        return [str(value) for value in super().values()]


#: What a layer may hold, what a pass does to it, and what then tells of that.
STATES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a tensor": (lambda: torch.zeros(3), lambda held: held.add_(1), torch.Tensor.tolist),
    "an array": (lambda: np.zeros((2, 2)), lambda held: held.__iadd__(1), np.ndarray.tolist),
    "a list": (lambda: [0], lambda held: held.append(1), list),
    "a set": (lambda: {0}, lambda held: held.add(1), set),
    "a queue": (lambda: deque([0, 1], maxlen=2), lambda held: held.append(2), list),
    "a dictionary": (dict, counting, dict),
    "an ordered one": (OrderedDict, counting, dict),
    "one that shows texts": (
        lambda: Shown(a=1, b=[2]),
        lambda held: held["b"].append(3),
        lambda held: [*held.items()],
    ),
    "one of lists": (lambda: defaultdict(list), lambda held: held["a"].append(1), dict),
    "a counter": (lambda: Counter("ab"), lambda held: held.update("ab"), dict),
    "a pair": (lambda: (torch.zeros(2), 0), lambda held: held[0].add_(1), str),
    "nested": (lambda: {"h": [torch.zeros(2)]}, lambda held: held["h"][0].add_(1), str),
    "some of many": (
        lambda: [[0, 1], {"a": 0}, {1, 2}, deque([0, 1], maxlen=2), Counter("ab"), (3, [4])],
        lambda held: (
            held[1].update(b=1),
            held[3].append(2),
            held[4].update("a"),
            held[5][1].append(5),
        ),
        str,
    ),
    "deep": (deep, lambda held: innermost(held).append(1), lambda held: len(innermost(held))),
    "random numbers": (
        lambda: np.random.default_rng(0),
        lambda held: held.random(),
        lambda held: held.bit_generator.state,
    ),
    "torch's": (
        seeded,
        lambda held: torch.rand(1, generator=held),
        lambda held: str(held.get_state()),
    ),
    "Python's": (lambda: random.Random(0), lambda held: held.random(), random.Random.getstate),
}


class Holding(nn.Linear):
    """A head whose answers are doubled, and that holds a state under a name, which a pass moves; it
    draws random numbers.
    """

    def __init__(self, name, state):
        super().__init__(D, K)
        make, self.move, self.told = STATES[state]
        self.name = name
        setattr(self, name, make())
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x):
        self.move(getattr(self, self.name))
        self.passes += 1
        random.random(), np.random.random(), torch.rand(1)  # noqa: NPY002
        return 2 * super().forward(x)

    def now(self):
        drawn = random.getstate(), np.random.get_state()[2], torch.get_rng_state().tolist()  # noqa: NPY002
        return self.told(getattr(self, self.name)), float(self.passes), drawn


@pytest.mark.parametrize("name", ["state", "_state"])
@pytest.mark.parametrize("state", STATES)
def test_what_a_layer_holds_is_put_back_whatever_it_is_called(state, name):
    model = Net(Holding(name, state))
    held, before = getattr(model.head, name), model.head.now()
    trained(model, [(X, Y)], passes=2, show_progress=False)
    alone(model.head)
    assert getattr(model.head, name) is held
    assert model.head.now() == before


@pytest.mark.parametrize("state", STATES)
def test_a_head_that_is_asked_while_watched_is_left_as_training_left_it(state):
    def run(watched):
        random.seed(0), np.random.seed(0), torch.manual_seed(0)  # noqa: NPY002
        model = Net(Holding("_state", state))
        with watch(model) if watched else torch.enable_grad() as watching:
            for _ in range(3):
                model(X)
                if watched:
                    watching.labels(Y)
            if watched:
                np.testing.assert_allclose(
                    watching.epoch().weight, 2 * model.head.weight.detach(), rtol=1e-5
                )
        return model.head.now()

    assert run(True) == run(False)


def test_a_container_that_may_not_be_written_to_is_left_alone():
    class Frozen(dict):
        def refuse(self, *_: Any, **__: Any) -> None:
            raise TypeError("frozen")

        clear = update = __setitem__ = refuse

    model = Net()
    model.settings = Frozen({"width": 4})
    trained(model, [(X, Y)], show_progress=False)
    assert model.settings == {"width": 4}


HELD = {
    "an expanded NaN": lambda: torch.full((1, 1), torch.nan).expand(4, 4),
    "half complex": lambda: torch.ones(4, dtype=torch.complex32),
    "conjugate": lambda: torch.ones(4, dtype=torch.complex64).conj(),
    "bits": lambda: torch.ones(4, dtype=torch.uint8).view(torch.bits8),
    "none": lambda: torch.zeros(0),
    "a number": lambda: torch.zeros(()),
    "turned": lambda: torch.zeros(4, 6).t()[::2],
    "float8": lambda: torch.ones(4).to(torch.float8_e4m3fn),
}


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@pytest.mark.parametrize("name", HELD)
def test_a_model_may_hold_tensors_of_all_kinds(name):
    model = Net()
    model.register_buffer("held", HELD[name]())
    model.plain = HELD[name]()
    trained(model, [(X, Y)], show_progress=False)


class Late(nn.Module):
    """Makes a layer in its first pass, of which an attribute tells."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self._made = kind, False
        if kind == "list":
            self.inner = nn.ModuleList()
        if kind == "lists":
            self.inner = nn.ModuleDict({"layers": nn.ModuleList()})
        if kind == "parameters":
            self.inner = nn.ParameterDict()

    def forward(self, x):
        if not self._made:
            self._made, layer = True, nn.Linear(x.shape[1], x.shape[1])
            if self.kind == "attribute":
                self.inner = layer
            elif self.kind == "parameters":
                self.inner["weight"] = layer.weight
            else:
                (self.inner if self.kind == "list" else self.inner["layers"]).append(layer)
        return x


@pytest.mark.parametrize("kind", ["attribute", "list", "lists", "parameters"])
def test_what_a_layer_makes_in_its_first_pass_stays_with_what_tells_of_it(kind):
    model = nn.Sequential(Late(kind), Net())
    trained(model, [(X, Y)], show_progress=False)
    made = [*model[0].parameters()]
    model(X)
    assert [*map(id, made)] == [*map(id, model[0].parameters())]
    assert model[0]._made


class Recording(nn.Module):
    """Puts hooks on its layers in its first pass, of which an attribute tells, as models of Hugging
    Face that return their hidden states do."""

    def __init__(self):
        super().__init__()
        self.inner, self.net = nn.Linear(X.shape[1], X.shape[1]), Net()
        self._recorded, self.hooked = [], False

    def forward(self, x):
        if not self.hooked:
            for layer in (self.inner, self.net):
                layer.register_forward_hook(self._hear, with_kwargs=True)
            self.hooked = True
        self._recorded.clear()
        return self.net(self.inner(x))

    def _hear(self, _layer, _args, _keywords, output):
        self._recorded.append(output)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    "look",
    [
        lambda model: trained(model, [(X, Y)], passes=2, show_progress=False),
        lambda model: diagnose(model, [(X, Y)], show_progress=False),
        lambda model: layers(model, [(X, Y)], ["inner"], show_progress=False),
        lambda model: agop(model, X),
    ],
    ids=["trained", "diagnose", "layers", "agop"],
)
def test_hooks_of_a_first_pass_are_not_there_twice_after_a_look(look, watched):
    model = Recording()
    with watch(model) if watched else nullcontext() as watching:
        look(model)
        model(X)
        if watched:
            watching.labels(Y)
            assert watching.epoch().moments.n == len(Y)
    assert len(model._recorded) == 2
    look(model)
    model(X)
    assert len(model._recorded) == 2


class Recorder:
    """Puts a hook on a layer in the first pass, and knows it by itself."""

    def __init__(self):
        self.hooked, self.heard = False, 0

    def attach(self, layer):
        if not self.hooked:
            layer.register_forward_hook(self.hear)
            self.hooked = True

    def hear(self, *_):
        self.heard += 1


@pytest.mark.parametrize("look", [trained, partial(layers, modules=["inner"])])
def test_hooks_of_a_first_pass_stay_where_what_tells_of_them_does(look):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.net = nn.Linear(X.shape[1], X.shape[1]), Net()
            self.recorder, self.passes = Recorder(), 0

        def forward(self, x):
            self.recorder.attach(self.inner)
            self.last, self.passes = self.inner(x), self.passes + 1
            return self.net(self.last)

    model = Model()
    for _ in range(2):
        look(model, [(X, Y)], show_progress=False)
    assert model.passes == 0
    before = model.recorder.heard
    model(X)
    assert model.recorder.heard == before + 1


@pytest.mark.parametrize("lazy", [False, True])
def test_a_look_empties_what_it_filled_and_puts_back_what_lies_beside(lazy):
    class Memory(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", None)
            self.inner = nn.LazyLinear(X.shape[1]) if lazy else nn.Identity()
            self.calls, self.means, self.drawn = 0, [], torch.Generator().manual_seed(0)

        def forward(self, x):
            mean = x.mean(0) if self.mean is None else self.mean / 2 + x.mean(0) / 2
            self.mean, self.calls = mean.detach(), self.calls + 1
            self.means.append(self.mean)
            return self.inner(x - mean + torch.randn(1, generator=self.drawn))

    model, drawn = nn.Sequential(Memory(), Net()), torch.Generator().manual_seed(0).get_state()
    trained(model, [(X, Y)], head="1.head", show_progress=False)
    assert model[0].mean is None
    assert (model[0].calls, model[0].means) == (0, [])
    assert torch.equal(model[0].drawn.get_state(), drawn)
    assert model.state_dict().keys().isdisjoint({"0.mean"})


@pytest.mark.parametrize("labelled", [False, True])
def test_gradients_for_many_slopes_at_once_are_taken_while_watched(labelled):
    model = Net()

    def slopes(told):
        answers = model(X)
        if told:
            watching.labels(Y)
        many = torch.eye(K)[:, None].expand(K, B, K)
        return torch.autograd.grad(answers, model.head.weight, many, is_grads_batched=True)[0]

    want = slopes(told=False)
    with watch(model) as watching:
        torch.testing.assert_close(slopes(labelled), want)
        if not labelled:
            watching.labels(Y)
        assert watching.epoch().moments.n == B


def test_training_while_watched_is_training():
    def run(watched: bool) -> dict[str, torch.Tensor]:
        model = frozen_in_parts()
        optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
        torch.manual_seed(1)
        watching = watch(model)
        for epoch in range(2):
            for _ in range(3):
                with watching if watched else torch.enable_grad():
                    optimiser.zero_grad()
                    loss = functional.cross_entropy(model(X), Y)
                    loss.backward()
                    optimiser.step()
                    if watched:
                        watching.labels(Y)
            if watched:
                assert watching.epoch().moments.n == 3 * B, epoch
        assert not any(
            m._forward_hooks or m._forward_pre_hooks
            for m in model.modules()
            if not hasattr(m, "parametrizations")
        )
        return model.state_dict()

    want, got = run(False), run(True)
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=0, atol=0)


@pytest.mark.parametrize("d", [2048, 32768])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bias_far_larger_than_what_is_added_to_it_is_one_of_a_linear_head(d, dtype):
    torch.manual_seed(0)
    head, features = nn.Linear(d, 40, dtype=dtype), torch.rand(40, d, dtype=dtype)
    with torch.no_grad():
        head.weight.mul_(1e-3)
        head.bias.copy_(20 * torch.randn(40))
    with watch(head, head, scatter="none") as watching:  # no d^2 numbers
        head(features)
        watching.labels(torch.arange(40))
        np.testing.assert_array_equal(watching.epoch().weight, head.weight.detach())


@pytest.mark.parametrize("counts", [None, [B // K + 1] * K])
def test_a_head_within_an_adapter_is_measured_with_it(counts):
    torch.manual_seed(0)
    model = Net(AdaptedBy(nn.Linear(D, K)))
    model.body[0] = AdaptedBy(nn.Linear(4, D))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
    with watch(model, counts=counts) as watching:
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            watching.labels(Y)
            optimizer.step()
        found = watching.epoch()
    weight = effective(model, X)[1].detach().numpy()
    assert np.abs(weight - model.head.weight.numpy()).max() > 0.1
    assert found.weight == pytest.approx(weight, abs=1e-5)
    diagnosed = diagnose(model, [(X, Y)], counts, show_progress=False).collapse
    assert diagnosed.weight == pytest.approx(weight, abs=1e-5)
    with pytest.raises(ValueError, match="adapter"):
        steer.prescribe(model.head, (model.body(X).detach(), Y), None).apply_(model.head)


def test_a_network_that_calls_its_first_layer_the_base_is_no_adapter():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.base_layer, self.fc = nn.Linear(4, D), nn.Linear(D, K)

        def forward(self, x):
            return self.fc(self.base_layer(x).relu())

    model = nn.DataParallel(Own())
    found = trained(model, [(X, Y)], show_progress=False)
    np.testing.assert_array_equal(found.weight, model.module.fc.weight.detach())


def test_a_classifier_that_cannot_tell_its_labels_is_not_asked():
    class ForClassification(Net):
        @property
        def config(self):
            raise RuntimeError("no config yet")

    assert trained(ForClassification(), [(X, Y)], show_progress=False).k == K


def test_a_teacher_that_is_called_by_itself_is_not_measured():
    model = Net(teacher=nn.Linear(4, K).requires_grad_(False))
    with watch(model) as watching:
        model.teacher(X)
        model.head(model.body(X))
        watching.labels(Y)
        assert watching.head is model.head
        np.testing.assert_array_equal(watching.epoch().weight, model.head.weight.detach())


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "compute",
    [
        lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5),
        nn.utils.spectral_norm,
        nn.utils.weight_norm,
    ],
)
def test_a_weight_that_hooks_compute_is_that_of_the_next_pass_not_of_the_last(compute):
    # as after a step, or after a checkpoint was loaded
    layer, other = (compute(nn.Linear(D, K)) for _ in range(2))
    layer.load_state_dict(other.eval().state_dict())
    want = other(torch.eye(D)) - other(torch.zeros(1, D))
    before = layer.weight  # which a loss may still read
    np.testing.assert_allclose(alone(layer)[0].detach(), want.T.detach(), atol=1e-6)
    assert layer.weight is before


def test_what_passes_through_a_copy_of_the_model_is_not_the_model_s():
    model, file = Net(), io.BytesIO()
    with watch(model, labels_from="labels") as watching:
        average, _ = copy.deepcopy(model).eval(), torch.save(model, file)
        file.seek(0)
        model(X, labels=Y)
        for other in (average, torch.load(file, weights_only=False)):
            other(X + 1, labels=Y)
        assert watching.epoch().moments.n == B
        model(X)
        average(X + 1)  # between a pass and its labels, as a teacher's
        watching.labels(Y)
        assert watching.epoch().moments.n == B
    torch.testing.assert_close(average(X), model(X))


#: Of which token models keep the answers, and whether they are given a mask or what fills up.
KEPT = {
    "the last": (lambda real: torch.full((len(real),), T - 1), None),
    "the first": (lambda real: torch.zeros(len(real), dtype=torch.int64), "a mask"),
    "the last that is real": (lambda real: real.sum(1) - 1, "tokens"),
    "the last of a mask": (lambda real: real.sum(1) - 1, "a mask"),
    "the last but one": (lambda real: real.sum(1) - 2, "a mask"),
}


@pytest.mark.parametrize("name", KEPT)
def test_the_token_that_was_kept_is_known_where_others_have_the_same_answers(name):
    place, told = KEPT[name]
    real = torch.arange(T) < 2 + torch.arange(B)[:, None] % (T - 1)
    given = {"a mask": [real.long()], "tokens": [torch.where(real, 1 + IDS, 0)]}.get(told, [])
    order = torch.Generator().manual_seed(0)
    features = torch.randn(B, T, D, generator=order)
    logits = torch.randint(0, 3, (B, T, 2), generator=order).bfloat16()
    kept = torch.arange(B), place(real)
    assert (logits == logits[kept][:, None]).all(-1).sum() > B
    if name == "the last but one":  # which nothing tells
        with pytest.raises(ValueError, match="other tokens have the same answers"):
            pooled(features, logits, logits[kept], given)
        return
    found = pooled(features, logits, logits[kept], given)
    assert found is not None
    assert torch.equal(found[0], features[kept])


def test_of_a_model_whose_parts_are_called_nobody_knows_which_token_it_keeps():
    model = language_model(lambda z: z[:, -1], K)()
    with watch(model) as watching:
        model.head(model.body(model.embed(IDS)))
        with pytest.raises(ValueError, match="not called as a whole"):
            watching.labels(Y)


def test_a_model_of_tokens_that_returns_no_answers_is_told_so():
    model = language_model(lambda z: z[:, -1].argmax(-1), K)()
    with pytest.raises(ValueError, match="returned a loss or decisions alone"):
        trained(model, [(IDS, Y)], show_progress=False)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_features_are_those_of_the_token_kept_in_half_precision(precision):
    def forward(self: Any, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        answers = self.head(self.body(self.inner(self.embed(ids))[0]))
        return answers[torch.arange(len(ids)), mask.sum(1) - 1]

    torch.manual_seed(0)
    make = net(
        forward,
        lambda: nn.Linear(D, 2),
        inner=lambda: nn.GRU(4, 4, batch_first=True),
        embed=lambda: nn.Embedding(VOCAB, 4),
    )
    model = make().to(precision)
    with torch.no_grad():  # near to which there are few numbers
        model.head.bias.copy_(torch.tensor([32.0, -32.0]))
    mask = (torch.arange(T) < 2 + torch.arange(B)[:, None] % (T - 1)).long()
    moments = Moments(2, D)
    with torch.no_grad():
        features = model.body(model.inner(model.embed(IDS))[0])
    moments.update(features[torch.arange(B), mask.sum(1) - 1].float().numpy(), Y.numpy() % 2)
    got = trained(model, [((IDS, mask), Y % 2)], show_progress=False)
    np.testing.assert_allclose(got.moments.means, moments.means, rtol=1e-6, atol=1e-7)


def test_features_below_the_smallest_normal_number_show_no_other_head():
    head, order = nn.Linear(64, K, bias=False), torch.Generator().manual_seed(0)
    x = 3e-41 * torch.randn(B, 64, generator=order)
    affine = Affine("head", head)
    affine.compare(x, head(x).detach(), precision_of(x))
    assert not affine.unlike_stored()


@pytest.mark.parametrize("shape", [(D, 3), (5, D, 3), (D, 5, 3)], ids=str)
def test_a_layer_as_wide_as_a_batch_or_a_sequence_is_long_is_no_head_for_that(shape):
    class Directions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Parameter(torch.randn(D, K))

        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return functional.normalize(h, dim=-1) @ self.rows

    model = nn.Sequential(nn.Linear(3, D), Directions())
    with watch(model, classes="seen") as watching:
        model(torch.randn(shape))
        with pytest.raises(ValueError, match="does not come from its last linear layer '0'"):
            watching.labels(torch.zeros(shape[:-1], dtype=torch.int64))


@pytest.mark.parametrize("name", steer.HEADS)
def test_a_head_of_the_table_is_found_behind_a_linear_layer(name):
    head = steer.HEADS[name].function(Counts([5, 4, 3]), D)
    model = nn.Sequential(nn.Linear(3, D), nn.ReLU(), head).eval()
    with watch(model, during="eval") as watching:
        assert watching.head is head
        model(torch.randn(B, 3))
        if name == "prototype":  # whose answers no weight makes
            with pytest.raises(ValueError, match="no other linear map of the features"):
                watching.labels(torch.arange(B) % 3)
        else:
            watching.labels(torch.arange(B) % 3)
            assert watching.epoch().k == 3
