"""Random training loops, watched and not: both train alike to the bit, and the epochs are right.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/loops.py --cases 120 --seed 5 --out
    benchmarks/records/campaigns/loops.json

A loop is a body, a head, a loss, an optimizer, a precision, and what people do between the steps:
gather gradients, average weights, validate, drop a step that overflowed, compute features again in
the backward pass, compile, and look at the model by the loader that is being read. It is run three
times from one seed: plainly; with the head's inputs and the labels kept by the loop itself; and
watched, some of it by two watches, with looks. Wrong is: weights, buffers, random states, modes or
hooks that are not those of the plain loop; samples, class means, spreads or classifiers of an epoch
that are not those which the loop kept; an error.
"""

from __future__ import annotations

import logging
import os
import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, fields
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from campaign import random_cases
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from lopsided import Adjustment, Counts, measure, steer

K, D, COUNTS = 4, 8, (24, 12, 6, 3)
EPOCHS = 2
#: Error allowed in what an epoch shows, of the largest: features are taken as they are, so it is
#: rounding of float64 alone; a head of cosines normalizes them first, in its own precision.
ERROR, NORMALIZED = 1e-9, 1e-6

CHOICES: dict[str, tuple[str, ...]] = {
    "body": ("perceptron", "batch norm", "dropout", "recurrent", "attention", "tied"),
    "head": ("linear", "without a bias", "weight norm", "spectral norm", "cosine", "frozen"),
    "loss": ("cross-entropy", "smoothed", "logit-adjusted", "LDAM", "focal", "weighted"),
    "optimizer": ("SGD", "Adam", "LBFGS"),
    "precision": ("float32", "float32", "autocast", "scaled", "bfloat16", "float64"),
    "steps": ("each", "each", "gathered", "dropped"),
    "between": ("nothing", "validation", "an average", "a copy", "an error"),
    "looks": ("no", "no", "a diagnosis between", "a diagnosis within", "layers within"),
    "again": ("no", "no", "no", "checkpoint", "reentrant checkpoint"),
    "wrapper": ("none", "none", "compiled", "compiled in place", "DataParallel"),
    "watches": ("one", "training and evaluation", "one an epoch"),
    "scatter": ("pooled", "replay", "none"),
    "marks": ("no", "no", "some left out"),
    "said": ("nothing", "the head"),
    "order": ("a sampler", "a generator", "of PyTorch's own"),
    "loader": ("plain", "plain", "around another", "collating", "augmenting", "iterable"),
}


@dataclass(frozen=True)
class Plan:
    """What a loop does; see `CHOICES`."""

    body: str
    head: str
    loss: str
    optimizer: str
    precision: str
    steps: str
    between: str
    looks: str
    again: str
    wrapper: str
    watches: str
    scatter: str
    marks: str
    said: str
    order: str
    loader: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Plan:
        """Draw one that PyTorch can run."""
        found = {name: str(rng.choice(choices)) for name, choices in CHOICES.items()}
        if found["optimizer"] == "LBFGS":  # calls the model as often as it likes
            found |= {"precision": "float32", "steps": "each", "again": "no"}
        if found["watches"] == "training and evaluation":
            found |= {"between": "validation"}
        return cls(**found)

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


class Network(nn.Module):
    """A network by a plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.first = nn.Linear(6, D)
        self.body: nn.Module = {
            "perceptron": lambda: nn.Sequential(nn.ReLU(), nn.Linear(D, D), nn.Tanh()),
            "batch norm": lambda: nn.Sequential(nn.BatchNorm1d(D), nn.ReLU()),
            "dropout": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.3)),
            "recurrent": lambda: nn.GRU(2, D, batch_first=True),
            "attention": lambda: nn.TransformerEncoderLayer(2, 1, 8, 0.1, batch_first=True),
            "tied": lambda: self.first,
        }[plan.body]()
        self.out = nn.Linear(2, D) if plan.body == "attention" else nn.Identity()
        head: nn.Module = nn.Linear(D, K, bias=plan.head != "without a bias")
        if plan.head == "cosine":
            head = steer.CosineHead(D, K)
        elif plan.head == "weight norm":
            head = nn.utils.parametrizations.weight_norm(head)
        elif plan.head == "spectral norm":
            head = nn.utils.parametrizations.spectral_norm(head)
        self.head = head.requires_grad_(plan.head != "frozen")
        self.seen: list[torch.Tensor] | None = None

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the head sees."""
        body = self.plan.body
        if body in ("recurrent", "attention"):
            h = self.body(x.reshape(-1, 3, 2))
            return h[0][:, -1] if body == "recurrent" else self.out(h.mean(1))
        h = self.first(x)
        return self.body(h[:, :6] if body == "tied" else h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the answers."""
        h = self.features(x)
        if self.seen is not None:
            self.seen.append(h.detach().clone())
        if self.plan.again != "no" and self.training:
            return checkpoint(self.head, h, use_reentrant=self.plan.again == "reentrant checkpoint")
        return self.head(h)


def loss_of(plan: Plan) -> Any:
    """Return the loss; -100 is left out."""
    counts = Counts(COUNTS)
    if plan.loss == "focal":
        return steer.Focal(1.0)
    rules = {
        "logit-adjusted": lambda: Adjustment.logit_adjusted(counts),
        "LDAM": lambda: Adjustment.ldam(counts),
        "weighted": lambda: Adjustment.weighted(counts),
    }
    if plan.loss in rules:
        return steer.AdjustedCrossEntropy(rules[plan.loss]())
    return nn.CrossEntropyLoss(label_smoothing=0.1 * (plan.loss == "smoothed"))


def optimizer_of(plan: Plan, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer of what learns."""
    learns = [p for p in model.parameters() if p.requires_grad]
    if plan.optimizer == "LBFGS":
        return torch.optim.LBFGS(learns, lr=0.05, max_iter=3)
    if plan.optimizer == "SGD":
        return torch.optim.SGD(learns, lr=0.05, momentum=0.9, weight_decay=1e-3)
    return torch.optim.Adam(learns, lr=0.01)


class Augmented(Dataset[Any]):
    """Samples that are moved by random numbers of a generator of its own."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, seed: int) -> None:
        self.tensors, self.own = (x, y), torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.tensors[1])

    def __getitem__(self, i: int) -> Any:
        x, y = (part[i] for part in self.tensors)
        return x + 0.1 * torch.randn(x.shape, generator=self.own).to(x), y


class Streamed(IterableDataset[Any]):
    """Samples in an order of NumPy's, one a pass."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, seed: int) -> None:
        self.tensors, self.own = (x, y), np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Any]:
        x, y = self.tensors
        return iter([(x[i], y[i]) for i in self.own.permutation(len(y))])


class Collate:
    """Batches in which random features are left out."""

    def __init__(self, seed: int) -> None:
        self.own = random.Random(seed)

    def __call__(self, samples: list[Any]) -> Any:
        """Return a batch."""
        x, y = default_collate(samples)
        return x * (torch.tensor([self.own.random() for _ in range(6)]) > 0.1).to(x), y


class Around:
    """A loader that hands on the batches of another, as one does that moves them to a device."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loader)


def loader_of(plan: Plan, seed: int, kind: torch.dtype) -> tuple[Any, tuple[torch.Tensor, ...]]:
    """Return a loader of the training samples in batches, and the samples."""
    rng = np.random.default_rng([seed, 1])
    y = torch.from_numpy(rng.permutation(np.repeat(np.arange(K), COUNTS)))
    x = (torch.from_numpy(rng.standard_normal((len(y), 6))) + 0.4 * y[:, None]).to(kind)
    if plan.marks != "no":
        y = torch.where(torch.from_numpy(rng.random(len(y)) < 0.15), -100, y)
    if plan.loader == "iterable":
        return DataLoader(Streamed(x, y, seed), 8), (x, y)
    data: Any = Augmented(x, y, seed) if plan.loader == "augmenting" else TensorDataset(x, y)
    own = torch.Generator().manual_seed(seed)
    order: dict[str, Any] = {"shuffle": True}
    if plan.order == "a sampler":
        chances = torch.from_numpy(1 / np.asarray(COUNTS))[y.clamp(0)]
        order = {"sampler": WeightedRandomSampler(chances, len(y), generator=own)}
    elif plan.order == "a generator":
        order["generator"] = own
    collate = Collate(seed) if plan.loader == "collating" else None
    loader = DataLoader(data, 8, collate_fn=collate, **order)
    return Around(loader) if plan.loader == "around another" else loader, (x, y)


class Look:
    """What of a loop is measured: nothing, what it keeps itself, or by watches."""

    def __init__(self, model: Network, whole: nn.Module, plan: Plan, how: str) -> None:
        self.model, self.whole, self.plan, self.how = model, whole, plan, how
        self.watches: dict[bool, Any] = {}
        self.refused = ""
        self.kept: dict[bool, list[tuple[torch.Tensor, torch.Tensor]]] = {True: [], False: []}
        self.epochs: list[dict[bool, Any]] = []
        model.seen = [] if how == "kept" else None

    def begin(self) -> None:
        """Begin an epoch."""
        if self.how != "watched" or (self.watches and self.plan.watches != "one an epoch"):
            return
        for training in (
            (True, False) if self.plan.watches == "training and evaluation" else (True,)
        ):
            during = "train" if training else "eval"
            try:
                watching = measure.watch(
                    self.whole,
                    head=self.model.head if self.plan.said == "the head" else None,
                    during=during,
                    scatter=self.plan.scatter,
                    classes="seen",
                    ignore=-100,
                )
            except ValueError as error:
                self.refused = str(error)
            else:
                self.watches[training] = watching.__enter__()

    def labels(self, y: torch.Tensor) -> None:
        """Say what the labels of the last pass were."""
        training = self.whole.training
        if self.model.seen is not None:
            self.kept[training].append((self.model.seen.pop(), y))
        if training in self.watches:
            try:
                self.watches[training].labels(y)
            except ValueError as error:
                self.refused = str(error)

    def end(self, last: bool) -> None:
        """Close an epoch."""
        if self.how == "kept":
            self.epochs.append({**self.kept, "weight": weight_of(self.model)})
            self.kept = {True: [], False: []}
        if self.how == "watched":
            try:
                self.epochs.append({t: each.epoch() for t, each in self.watches.items()})
            except ValueError as error:
                self.refused = self.refused or str(error)
            if last or self.plan.watches == "one an epoch":
                for watching in self.watches.values():
                    watching.__exit__(None, None, None)
                self.watches = {}


def weight_of(model: Network) -> Any:
    """Return what the head multiplies, as it is now."""
    with torch.no_grad():
        training = model.head.training
        weight = (
            model.head.eval().weight.double().clone().numpy()
        )  # a norm is estimated in training
        model.head.train(training)
    return weight


def pass_once(call: Any, x: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Return the answers of one pass."""
    half = plan.precision in ("autocast", "scaled")
    with torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
        return call(x).float() if half else call(x)


def between(plan: Plan, model: Network, whole: Any, samples: Any, look: Look) -> None:
    """Do what people do between two epochs."""
    x, y = samples
    if plan.between in ("validation", "an error"):
        whole.eval()
        with torch.no_grad():
            pass_once(whole, x, plan)
        look.labels(y)
        whole.train()
    if plan.between == "an error":
        with suppress(RuntimeError):
            pass_once(whole, x[:, :1], plan)
    if plan.between in ("an average", "a copy"):
        other = torch.optim.swa_utils.AveragedModel(model)
        other.train(plan.between == "a copy")
        pass_once(other.module, x, plan)


def look_at(plan: Plan, model: Network, loader: Any, where: str) -> None:
    """Look at the model by the loader that it is trained with, where the plan says so."""
    kind, _, place = plan.looks.rpartition(" ")
    if place != where:
        return
    seen, model.seen = model.seen, None
    with suppress(ValueError):
        if kind == "layers":
            measure.layers(model, loader, ["first", "body"], show_progress=False)
        else:
            measure.diagnose(model, loader, show_progress=False, ignore=-100)
    model.seen = seen


def loop(plan: Plan, seed: int, how: str) -> tuple[list[Any], Look]:
    """Run a loop; return what it left, and what was seen of it."""
    for each in (random.seed, np.random.seed, torch.manual_seed):
        each(seed)
    kind = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(plan.precision, torch.float32)
    model = Network(plan).to(kind)
    loader, samples = loader_of(plan, seed, kind)
    whole: Any = model
    if plan.wrapper == "compiled":
        whole = torch.compile(model, backend="eager")
    elif plan.wrapper == "compiled in place":
        model.compile(backend="eager")
    elif plan.wrapper == "DataParallel":
        whole = nn.DataParallel(model)
    loss, optimizer = loss_of(plan).to(kind), optimizer_of(plan, model)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, enabled=plan.precision == "scaled")
    look = Look(model, whole, plan, how)
    whole.train()
    for epoch in range(EPOCHS):
        look.begin()
        for step, (x, y) in enumerate(loader):

            def closure(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
                answers = pass_once(whole, x, plan)
                look.labels(y)
                value: torch.Tensor = loss(answers, y)
                if plan.optimizer == "LBFGS":
                    optimizer.zero_grad()
                scaler.scale(value).backward()
                return value

            if plan.optimizer == "LBFGS":
                optimizer.step(closure)
                continue
            if not bool((y >= 0).any()):
                continue
            closure()
            if step == 2 and how == "watched":
                look_at(plan, model, loader, "within")
            if plan.steps == "gathered" and step % 2:
                continue
            if not (plan.steps == "dropped" and step % 3 == 1):
                scaler.step(optimizer)
                scaler.update()
            optimizer.zero_grad()
        between(plan, model, whole, samples, look)
        if how == "watched":
            look_at(plan, model, loader, "between")
        look.end(epoch == EPOCHS - 1)
    return left(model, whole), look


def left(model: Network, whole: Any) -> list[Any]:
    """Return what a watched loop must leave as a plain one does."""
    parts = list(whole.modules())
    return [
        {name: value.numpy().tobytes() for name, value in bits(model.state_dict())},
        [None if p.grad is None else p.grad.double().numpy().tobytes() for p in model.parameters()],
        [(type(part).__name__, part.training) for part in parts],
        [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in parts],
        [sorted(set(vars(part)) - {"seen"}) for part in parts],
        [p.requires_grad for p in model.parameters()],
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # type: ignore[index]  # noqa: NPY002
        random.getstate(),
    ]


def bits(state: dict[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the values of a state as NumPy has them, too."""
    for name, value in state.items():
        yield name, value.double() if value.is_floating_point() else value


#: What `left` returns, in its order.
LEFT = (
    "weights",
    "gradients",
    "modes",
    "hooks",
    "attributes",
    "what learns",
    "torch's random state",
)
LEFT += ("NumPy's random state", "Python's random state")


def wrong_in(plan: Plan, seed: int) -> tuple[str, list[str]]:
    """Return whether a loop was measured or refused, and what should not have been."""
    plain, _ = loop(plan, seed, "plain")
    again, kept = loop(plan, seed, "kept")
    if [name for name, a, b in zip(LEFT, plain, again, strict=True) if a != b]:
        return "not the same twice", []
    watched, look = loop(plan, seed, "watched")
    wrong = [
        f"{name} are others" for name, a, b in zip(LEFT, plain, watched, strict=True) if a != b
    ]
    if look.refused:
        return f"refused: {look.refused}", wrong
    for number, (own, found) in enumerate(zip(kept.epochs, look.epochs, strict=True)):
        for training, collapse in found.items():
            wrong += [
                f"epoch {number}, {'training' if training else 'evaluation'}: {what}"
                for what in judged(collapse, own[training], own["weight"], plan)
            ]
    return "measured", wrong


def judged(collapse: Any, rows: list[Any], weight: Any, plan: Plan) -> Iterator[str]:
    """Yield what an epoch shows otherwise than the loop kept it."""
    x = torch.cat([features for features, _ in rows]).double().numpy()
    y = torch.cat([labels for _, labels in rows]).numpy()
    x, y = x[y >= 0], y[y >= 0]
    error = NORMALIZED if plan.head == "cosine" else ERROR
    if plan.head == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    classes = np.unique(y)
    if collapse.classes.tolist() != classes.tolist():
        yield f"classes {collapse.classes.tolist()} for {classes.tolist()}"
        return
    if collapse.moments.counts.tolist() != [int((y == c).sum()) for c in classes]:
        yield f"counts {collapse.moments.counts.tolist()}"
        return
    means = np.stack([x[y == c].mean(0) for c in classes])
    spread = [((x[y == c] - mean) ** 2).sum() for c, mean in zip(classes, means, strict=True)]
    scale = np.abs(x).max()
    if (off := np.abs(collapse.moments.means - means).max()) > error * scale:
        yield f"class means off by {off:.2g}"
    if (off := np.abs(collapse.moments.spread - spread).max()) > error * len(x) * scale**2:
        yield f"spreads off by {off:.2g}"
    if plan.head != "cosine" and (off := np.abs(collapse.weight - weight[classes]).max()) > 0:
        yield f"weight off by {off:.2g}"


def run(cases: int, seed: int) -> dict[str, Any]:
    """Run so many loops, and return what came of them."""
    warnings.simplefilter("ignore")  # of PyTorch, about recurrent layers and steps
    for name in ("lopsided", "torch._dynamo", "torch._subclasses"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    for index in range(cases):
        plan = Plan.drawn(np.random.default_rng([seed, index]))
        if index % 20 == 0:
            torch._dynamo.reset()  # compiles no network again after eight of one class
        try:
            end, found = wrong_in(plan, seed * 10**6 + index)
        except Exception as error:
            end, found = "error", [f"{type(error).__name__}: {str(error)[:300]}"]
        ended[re.sub(r"'[^']*'|\d+", "#", end)[:90]] += 1
        for what in found:
            wrong.append(f"{index}: {what}: {plan}")
            print(wrong[-1], flush=True)
    return {"ended": dict(ended.most_common()), "wrong": wrong}


if __name__ == "__main__":
    random_cases(__doc__, "random training loops, watched and not", run, 1000)
