"""One-versus-one, multiplicative and additive rules on a fixed ETF head and on a linear one.

Batch-norm perceptrons on an imbalanced set of digits, trained by plain cross-entropy; the rules
then decide on the other digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.papers import cite
from lopsided.report.blocks import Block, Table
from lopsided.reproduce.choices import Checked, Positive, Seeds, Uneven, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Heads, and rules as their tables call them.
HEADS, RULES = ("fixed ETF", "linear"), ("one-versus-one", "multiplicative", "logit-adjustment")
#: How near two rules are in balanced accuracy where they decide alike.
ALIKE = 0.01


@dataclass(frozen=True)
class Settings(Checked):
    """The network, its data, and the strengths of the rules.

    Attributes:
        largest: samples of the largest class.
        ratio: R of the exponential counts.
        strengths: tau of the rules; the verdict is by `tau`.
        tau: of one-versus-one and multiplicative; of the additive rule the best strength counts.
        steps: of Adam, at a rate that falls like a cosine.
        rate: of Adam.
        batch: samples of a step.
        decay: weight decay.
        seeds: number of repetitions.
    """

    largest: Annotated[int, Bounds(least=2, most=100)] = 100
    ratio: Uneven = 50.0
    strengths: tuple[Positive, ...] = (0.25, 0.5, 1.0)
    tau: Positive = 0.5
    steps: Whole = 400
    rate: Positive = 3e-3
    batch: Annotated[int, Bounds(least=2, most=10**4)] = 64
    decay: Annotated[float, Bounds(least=0, most=1)] = 1e-4
    seeds: Seeds = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau not in self.strengths:
            raise ValueError(f"tau must be one of strengths {self.strengths}, got {self.tau}")


@dataclass(frozen=True)
class Ruled:
    """A rule of some strength on a network.

    Attributes:
        rule: its name.
        tau: its strength.
        balanced: balanced accuracy.
        alike: share of the samples on which it decides as one-versus-one of that strength does.
    """

    rule: str
    tau: float
    balanced: float
    alike: float


@dataclass(frozen=True)
class Network:
    """A network: its head and seed, its balanced accuracy, and what came of the rules."""

    head: str
    seed: int
    balanced: float
    rules: tuple[Ruled, ...]


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Network, ...]

    def each(self, head: str, rule: str, tau: float, value: str = "balanced") -> Floats:
        """Return a number of a rule, a seed each."""
        return np.array(
            [
                getattr(each, value)
                for network in self.networks
                if network.head == head
                for each in network.rules
                if (each.rule, each.tau) == (rule, tau)
            ]
        )

    def mean(self, head: str, rule: str, tau: float, value: str = "balanced") -> float:
        """Return its mean over the seeds."""
        return float(self.each(head, rule, tau, value).mean())


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a head and seed."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, under_head
    from lopsided.steer import FixedHead, posthoc

    x, y = all_digits()
    counts = Counts.exponential(10, settings.largest, settings.ratio)
    d = 32

    def one(head: str, seed: int) -> Network:
        order = np.random.default_rng(seed).permutation(len(y))
        members = [order[y[order] == c] for c in range(10)]
        train = np.concatenate([m[:n] for m, n in zip(members, counts.values, strict=True)])
        test = np.concatenate([m[-70:] for m in members])
        made = FixedHead(predict.etf(10), d, seed=seed) if head == "fixed ETF" else None
        fit = Fit(
            settings.steps, settings.rate, seed, "adam", settings.decay, settings.batch, "cosine"
        )
        answer = under_head(x[train], y[train], (64, 64, 64, d), made, fit)
        h, _ = answer(x[train])
        lengths = np.linalg.norm(h, axis=1)
        norms = np.array([lengths[y[train] == c].mean() for c in range(10)])
        _, z = answer(x[test])
        rules = []
        for tau in settings.strengths:
            votes = posthoc.one_versus_one(z, counts, tau, norms)
            scores = (
                votes,
                posthoc.multiplicative(z, counts, tau),
                posthoc.logit_adjustment(z, counts, tau),
            )
            for name, each in zip(RULES, scores, strict=True):
                decided = each.argmax(axis=1)
                alike = float(np.mean(decided == votes.argmax(axis=1)))
                rules.append(Ruled(name, tau, _balanced(decided == y[test], y[test]), alike))
        plain = _balanced(z.argmax(axis=1) == y[test], y[test])
        return Network(head, seed, plain, tuple(rules))

    cases = [(head, seed) for head in HEADS for seed in range(settings.seeds)]
    networks = []
    for i, (head, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{head}, seed {seed}")
        name = f"{head.replace(' ', '-')}-{seed}"
        networks.append(context.remember(name, Network, partial(one, head, seed)))
    return Outcome(Numbers(tuple(networks)))


def _balanced(right: np.typing.NDArray[np.bool_], labels: np.typing.NDArray[np.int64]) -> float:
    return float(np.mean([right[labels == c].mean() for c in range(10)]))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when on the fixed ETF head the multiplicative rule is as good as one-versus-one, decides
    more like it than the additive rule of that strength does, and is better than that at its best
    and than none, with every seed.
    """
    tau, etf = settings.tau, HEADS[0]
    votes, times = (numbers.mean(etf, rule, tau) for rule in RULES[:2])
    added, best = max((numbers.mean(etf, RULES[2], t), t) for t in settings.strengths)
    plain = np.array([n.balanced for n in numbers.networks if n.head == etf])
    rivals = np.maximum(numbers.each(etf, RULES[2], best), plain)
    gains = numbers.each(etf, RULES[1], tau) - rivals
    alike, other = (numbers.mean(etf, rule, tau, "alike") for rule in RULES[1:])
    linear = ", ".join(f"{numbers.mean(HEADS[1], rule, tau):.3f}" for rule in RULES[:2])
    return Verdict(
        abs(votes - times) <= ALIKE and alike > other and bool((gains > 0).all()),
        f"Balanced accuracy on a fixed ETF head at tau = {tau:g}: one-versus-one {votes:.3f},"
        f" multiplicative {times:.3f}; additive {added:.3f} at its best strength, {best:g}; without"
        f" a rule {plain.mean():.3f} ({settings.seeds} seeds). Multiplicative gains"
        f" {gains.min():+.3f} to {gains.max():+.3f} over the better of these two, and decides as"
        f" one-versus-one does on {alike:.1%} of the samples, additive at tau = {tau:g} on"
        f" {other:.1%}. On a linear head the first two have {linear}, additive"
        f" {numbers.mean(HEADS[1], RULES[2], best):.3f} at {best:g}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the balanced accuracies of all rules."""
    numbers, settings = runs[-1].numbers, runs[-1].settings
    rows = []
    for head in HEADS:
        plain = [n.balanced for n in numbers.networks if n.head == head]
        rows.append([head, "none", "–", f"{np.mean(plain):.3f}", "–"])
        for tau in settings.strengths:
            for rule in RULES:
                value, alike = (
                    numbers.mean(head, rule, tau, part) for part in ("balanced", "alike")
                )
                rows.append([head, rule, f"{tau:g}", f"{value:.3f}", f"{alike:.1%}"])
    columns = ["head", "rule", "tau", "balanced accuracy", "decides as one-versus-one"]
    return [Table(f"Means of {settings.seeds} seeds.", columns, rows)]


HASEGAWA2024 = Claim(
    name="hasegawa2024",
    title="The multiplicative rule and neural collapse",
    statement=(
        "Where the head is a simplex ETF, multiplying logits approximates the one-versus-one rule"
        " that suits collapsed features, and classifies better than adding to them."
    ),
    source=cite("hasegawa2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
