"""Random networks: what is measured of each is right, or it is refused in words.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/networks.py --cases 3000 --seed 2 --out
    benchmarks/records/campaigns/networks.json

A network is put together of a body, a head, a layer beside it, what it makes of its answers, what
it returns, a precision and a wrapper, and measured in one of several ways under labels of one of
several forms. The network itself keeps the answers of its head. Wrong is: class means, weight and
bias that do not make the class means of these answers, other counts or errors of classes than
theirs, an error that is no `ValueError` or `TypeError`, and a mode, a hook or a random state that
is not as it was. It is told where a message says that what the model returns is not made of its
head's answers in a known way.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from campaign import random_cases
from torch import nn
from torch.utils.checkpoint import checkpoint

from lopsided import measure

K, D, PLACES, COUNTS = 4, 8, 5, (30, 14, 7, 4)
#: Where batches end.
ENDS = (13, 30, sum(COUNTS))
#: What is said of answers that are made in another way.
UNKNOWN = "not made of them in a way known here"
#: Error allowed in the class means of the answers, by their largest.
ERRORS = {"float32": 1e-4, "float64": 1e-6, "bfloat16": 0.15, "autocast": 0.15}


class Adapted(nn.Linear):
    """A head with a low-rank matrix beside its weight."""

    def __init__(self) -> None:
        super().__init__(D, K)
        self.low = nn.Parameter(torch.randn(K, 2) @ torch.randn(2, D))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the answers."""
        return super().forward(h) + h @ self.low.T


class Tripled(nn.Linear):
    """A head that multiplies its answers."""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the answers."""
        return 3 * super().forward(h)


class Cosine(nn.Linear):
    """A head of cosines."""

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the answers."""
        return 5 * nn.functional.linear(nn.functional.normalize(h, dim=-1), self.weight)


class Turned(nn.Module):
    """A head whose weight lies the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(D, K)), nn.Parameter(torch.randn(K))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the answers."""
        return h @ self.weight + self.bias


HEADS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(D, K),
    "without a bias": lambda: nn.Linear(D, K, bias=False),
    "of weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(D, K)),
    "behind a norm": lambda: nn.Sequential(nn.LayerNorm(D), nn.Linear(D, K)),
    "of two layers": lambda: nn.Sequential(nn.Linear(D, D), nn.Tanh(), nn.Linear(D, K)),
    "of low rank": lambda: nn.Sequential(nn.Linear(D, 3), nn.Linear(3, K)),
    "clamped in place": lambda: nn.Sequential(nn.Linear(D, K), nn.Hardtanh(-99, 99, inplace=True)),
    "adapted": Adapted,
    "tripled": lambda: Tripled(D, K),
    "of cosines": lambda: Cosine(D, K),
    "turned": Turned,
}
#: Another layer -> how many outputs it has, and whether it learns.
BESIDE = {
    "an auxiliary head": (K, True),
    "a teacher": (K, False),
    "a coarse head": (2, True),
    "a projection": (D, True),
}
MADE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as they are": lambda z: z,
    "a softmax": lambda z: z.softmax(-1),
    "its logarithm": lambda z: z.log_softmax(-1),
    "a temperature": lambda z: z / 0.7,
    "clamped": lambda z: z.clamp(-30, 30),
    "in float32": lambda z: z.float(),
    "one place after another": lambda z: z.reshape(-1, K),
    "classes before places": lambda z: z.transpose(1, -1),
}
RETURNED: dict[str, Callable[..., Any]] = {
    "alone": lambda z, _h, _other: z,
    "a tuple": lambda z, _h, other: (z, *other),
    "a mapping": lambda z, _h, other: {"logits": z, **dict(zip("a", other, strict=False))},
    "a loss first": lambda z, _h, other: (z.float().square().mean(), z, *other),
    "features behind": lambda z, h, other: [z, h, *other],
}
#: Choices of a network.
CHOICES: dict[str, tuple[str, ...]] = {
    "body": ("perceptron", "convolutions", "maps", "recurrent", "attention"),
    "pooled": ("mean", "first", "no", "behind the head"),
    "head": tuple(HEADS),
    "beside": ("nothing", "nothing", *BESIDE),
    "made": ("as they are", "as they are", *MADE),
    "returned": tuple(RETURNED),
    "again": ("no", "no", "checkpoint", "reentrant checkpoint"),
    "precision": ("float32", "float32", "float64", "bfloat16", "autocast"),
    "wrapper": ("none", "none", "DataParallel", "compiled", "a step", "averaged"),
    "way": ("watch", "watch in evaluation", "replay", "trained", "diagnose"),
    "labels": ("int64", "uint8", "a column", "flat", "some left out"),
    "said": ("nothing", "nothing", "the head", "counts"),
}


@dataclass(frozen=True)
class Plan:
    """What a network is made of, and how it is measured; see `CHOICES`."""

    body: str
    pooled: str
    head: str
    beside: str
    made: str
    returned: str
    again: str
    precision: str
    wrapper: str
    way: str
    labels: str
    said: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Plan:
        """Draw one; beside linear layers a convolution is no head."""
        found = {name: str(rng.choice(choices)) for name, choices in CHOICES.items()}
        return cls(**found | ({"beside": "nothing"} if found["body"] == "maps" else {}))

    @property
    def sequences(self) -> bool:
        """Whether the body makes features of places one after another."""
        return self.body in ("recurrent", "attention")

    @property
    def placed(self) -> bool:
        """Whether each place has a label."""
        return self.body == "maps" or (self.sequences and self.pooled == "no")

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


class Network(nn.Module):
    """A network by a plan, which keeps the answers of its head."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.answered = plan, torch.empty(0)
        if plan.sequences:
            self.table = nn.Embedding(20, D)
        self.body: nn.Module = {
            "perceptron": lambda: nn.Sequential(nn.Linear(6, D), nn.ReLU()),
            "convolutions": lambda: nn.Sequential(
                nn.Conv2d(1, D, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
            ),
            "maps": lambda: nn.Conv2d(1, D, 3, padding=1),
            "recurrent": lambda: nn.GRU(D, D, batch_first=True),
            "attention": lambda: nn.TransformerEncoderLayer(D, 2, 16, 0.0, batch_first=True),
        }[plan.body]()
        self.head = nn.Conv2d(D, K, 1) if plan.body == "maps" else HEADS[plan.head]()
        if plan.beside != "nothing":
            width, learns = BESIDE[plan.beside]
            self.beside = nn.Linear(D, width).requires_grad_(learns)

    def forward(self, x: torch.Tensor) -> Any:
        """Return what the plan says."""
        plan, h = self.plan, self.body(self.table(x) if self.plan.sequences else x)
        h = h[0] if plan.body == "recurrent" else h
        if plan.sequences and plan.pooled in ("mean", "first"):
            h = h.mean(1) if plan.pooled == "mean" else h[:, 0]
        if plan.again != "no" and self.training:
            z = checkpoint(self.head, h, use_reentrant=plan.again == "reentrant checkpoint")
        else:
            z = self.head(h)
        self.answered = z.detach().clone()
        if plan.sequences and plan.pooled == "behind the head":
            z = z[:, -1]
            self.answered = self.answered[:, -1]
        rows = h.mean((2, 3)) if plan.body == "maps" else h
        other = () if plan.beside == "nothing" else (self.beside(rows),)
        z = z.movedim(1, -1) if plan.body == "maps" else z
        z = MADE[plan.made](z)
        z = z.movedim(-1, 1) if plan.body == "maps" and z.ndim == 4 else z
        return RETURNED[plan.returned](z, h, other)


class Step(nn.Module):
    """What calls a network as a step of Lightning does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def step(self, x: torch.Tensor) -> Any:
        """Return what the network does."""
        return self.model(x)


def data(plan: Plan, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs, and the label of each sample or place; -100 has none."""
    y = torch.from_numpy(rng.permutation(np.repeat(np.arange(K), COUNTS)))
    shift = 0.4 * y.float()
    if plan.sequences:
        x = torch.from_numpy(rng.integers(0, 20, (len(y), PLACES)))
        x[:, 0], x[:, -1] = y, y + K
    elif plan.body == "perceptron":
        x = torch.from_numpy(rng.standard_normal((len(y), 6))).float() + shift[:, None]
    else:
        x = torch.from_numpy(rng.standard_normal((len(y), 1, 3, 4))).float()
        x = x + shift[:, None, None, None]
    if plan.placed:
        size = (len(y), 3, 4) if plan.body == "maps" else (len(y), PLACES)
        y = torch.from_numpy(rng.integers(0, K, size))
    if plan.labels == "some left out":
        y = torch.where(torch.from_numpy(rng.random(y.shape) < 0.15), -100, y)
    return x, y


def formed(y: torch.Tensor, form: str) -> torch.Tensor:
    """Return labels in one of their forms."""
    if form == "a column":
        return y[:, None] if y.ndim == 1 else y
    return {"uint8": y.to(torch.uint8), "flat": y.reshape(-1)}.get(form, y)


def state(model: nn.Module) -> list[Any]:
    """Return what a measurement must leave as it is."""
    hooks = [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in model.modules()]
    return [hooks, [part.training for part in model.modules()], torch.get_rng_state().tolist()]


def measured(plan: Plan, seed: int) -> tuple[str, str]:
    """Return whether a network was measured, refused or measured wrong, and how."""
    rng = np.random.default_rng([seed, 1])
    torch.manual_seed(seed)
    kind = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(plan.precision, torch.float32)
    model = Network(plan).to(kind)
    x, y = data(plan, rng)
    x = x.to(kind) if x.is_floating_point() else x
    whole: Any = {
        "DataParallel": nn.DataParallel,
        "compiled": lambda each: torch.compile(each, backend="eager"),
        "a step": Step,
        "averaged": torch.optim.swa_utils.AveragedModel,
    }.get(plan.wrapper, lambda each: each)(model)
    inner = whole.module if plan.wrapper == "averaged" else model
    looks = plan.way in ("trained", "diagnose")
    whole = model if looks and plan.wrapper == "a step" else whole
    call = whole.step if isinstance(whole, Step) else whole
    given: dict[str, Any] = {"ignore": -100}
    if plan.said == "counts" and not plan.placed:
        given["counts"] = COUNTS
    if plan.said == "the head":
        kinds = (nn.Linear, nn.Conv2d, Turned)
        head = [part for part in inner.head.modules() if isinstance(part, kinds)][-1]
        given["head"] = next(name for name, part in whole.named_modules() if part is head)
    precise = torch.autocast("cpu", torch.bfloat16) if plan.precision == "autocast" else None
    answers: list[torch.Tensor] = []
    cuts = [slice(*ends) for ends in zip((0, *ENDS), ENDS, strict=False)]

    def keep(_module: Any, _inputs: Any, _output: Any) -> None:
        z = inner.answered.movedim(1, -1) if plan.body == "maps" else inner.answered
        answers.append(z.reshape(-1, K).double())

    def loader() -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(x[cut], formed(y[cut], plan.labels)) for cut in cuts]

    listening = inner.register_forward_hook(keep)
    whole.train(not looks and plan.way != "watch in evaluation")
    before = state(whole)
    try:
        if looks:
            look = measure.trained if plan.way == "trained" else measure.diagnose
            counts = given.pop("counts", None)
            with precise or nullcontext():
                found = look(whole, loader(), counts, show_progress=False, **given)
            found = getattr(found, "collapse", found)
        else:
            during = "train" if whole.training else "eval"
            scatter = "replay" if plan.way == "replay" else "pooled"
            with measure.watch(whole, during=during, scatter=scatter, **given) as watching:
                for inputs, labels in loader():
                    with precise or nullcontext():
                        call(inputs)
                    watching.labels(labels)
                found = watching.epoch()
    except (ValueError, TypeError) as error:
        found = str(error)
    except Exception as error:
        return "wrong", f"{type(error).__name__}: {str(error)[:200]}"
    if state(whole) != before:
        return "wrong", "modes, hooks or random states are others"
    listening.remove()
    if isinstance(found, str):
        return "refused", found
    return judged(found, torch.cat(answers[-len(cuts) :]).numpy(), y.reshape(-1).numpy(), plan)


def judged(found: Any, z: Any, y: Any, plan: Plan) -> tuple[str, str]:
    """Compare what was measured with the answers of the head."""
    z, y = z[y >= 0], y[y >= 0]
    counts = np.bincount(y, minlength=K).tolist()
    if found.moments.counts.tolist() != counts:
        return "wrong", f"samples {found.moments.counts.tolist()}, not {counts}"
    wanted = np.stack([z[y == c].mean(axis=0) for c in range(K)])
    made = found.moments.means @ found.weight.T + (0.0 if found.bias is None else found.bias)
    error = float(np.abs(made - wanted).max() / np.abs(wanted).max())
    if not error <= ERRORS[plan.precision]:
        return "wrong", f"means of answers are off by {error:.1e}"
    missed = np.bincount(y[z.argmax(axis=1) != y], minlength=K)
    apart = bool((np.ptp(np.sort(z)[:, -2:], axis=1) > ERRORS["float32"]).all())  # no ties
    exact = apart and plan.precision in ("float32", "float64") and found.decisions is not None
    if exact and found.decisions.errors.tolist() != missed.tolist():
        return "wrong", f"errors {found.decisions.errors.tolist()}, not {missed.tolist()}"
    return "measured", ""


class Messages(logging.Handler):
    """What the library said."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.said += record.getMessage()


def run(cases: int, first: int) -> dict[str, Any]:
    """Draw so many networks, and return what came of them."""
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    messages, log = Messages(), logging.getLogger("lopsided")
    log.addHandler(messages)
    log.propagate = False
    tally: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong: list[str] = []
    for case in range(cases):
        seed = first * 10**6 + case
        plan = Plan.drawn(np.random.default_rng(seed))
        if case % 50 == 0:
            torch._dynamo.reset()  # compiles no network again after eight of one class
        messages.said = ""
        told, what = measured(plan, seed)
        told = "told" if UNKNOWN in messages.said and told != "refused" else told
        tally[told] += 1
        if told == "wrong":
            wrong.append(f"{seed}: {what}: {plan}")
            print(wrong[-1], flush=True)
        elif told == "refused":
            what = re.sub(r"in batch \d+ of the loader: ", "", what)
            reasons[" ".join(re.sub(r"(?<!\w)'[^']*'|[\d(),]", "", what).split()[:9])] += 1
    return {**dict(tally), "refused as": dict(reasons.most_common()), "wrong": wrong}


if __name__ == "__main__":
    random_cases(__doc__, "random networks", run, 3000)
