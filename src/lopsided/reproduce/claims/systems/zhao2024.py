"""Next-token prediction: which letters can follow, and not how often, decides the geometry.

A perceptron predicts the next letter after the most frequent pairs of letters in a small English
text; its logits are compared with the centred support matrix of letters by pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats
from lopsided.geometry import Distances, Geometry, Source
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Concepts that are told.
_CONCEPTS = 4


@dataclass(frozen=True)
class Settings(Checked):
    """The model and its text.

    Attributes:
        contexts: pairs of letters, the most frequent ones.
        steps: numbers of steps of Adam, full batch; one network each.
        rate: of Adam.
        decay: weight decay.
        d: feature dimensions.
        seeds: number of repetitions.
    """

    compared: ClassVar[tuple[str, ...]] = ("steps",)

    contexts: Annotated[int, Bounds(least=10, most=300)] = 100
    steps: tuple[Whole, ...] = (300, 1000, 3000)
    rate: Positive = 3e-3
    decay: Annotated[float, Bounds(least=0, most=1)] = 1e-6
    d: Annotated[int, Bounds(least=27, most=4096)] = 64
    seeds: Seeds = 2


@dataclass(frozen=True)
class Concept:
    """A direction of the logits: letters and pairs at its two ends."""

    value: float
    letters: str
    against: str
    after: str
    after_against: str


@dataclass(frozen=True)
class Found:
    """A trained model.

    Attributes:
        steps: of Adam.
        seed: of the run.
        excess: its loss above the entropy of the text, in nats.
        law: distances to the support geometry.
        shuffled: to that of the same supports given to the contexts in another order.
        explained: share of the energy of its centred logits along the law's.
        frequencies: along the logarithms of how often letters follow, plus one half; the first
            records lack it.
    """

    steps: int
    seed: int
    excess: float
    law: Distances
    shuffled: Distances
    explained: float
    frequencies: float | None = None


@dataclass(frozen=True)
class Numbers:
    """All models, and the concepts of the law and of the last model."""

    models: tuple[Found, ...]
    law: tuple[Concept, ...]
    model: tuple[Concept, ...]


def concepts(geometry: Geometry, letters: str, names: Sequence[str]) -> tuple[Concept, ...]:
    """Return the first directions of the logits in words."""
    left, values, right = geometry.directions()
    told = []
    for i in range(min(_CONCEPTS, len(values))):
        rows, columns = np.argsort(left[:, i]), np.argsort(right[:, i])
        told.append(
            Concept(
                float(values[i]),
                " ".join(letters[j] for j in rows[::-1][:5]),
                " ".join(letters[j] for j in rows[:5]),
                " ".join(names[j] for j in columns[::-1][:5]),
                " ".join(names[j] for j in columns[:5]),
            )
        )
    return tuple(told)


def _along(logits: Floats, counts: Floats) -> float:
    """Return the share of the energy of logits along what knows how often letters follow."""
    told = np.log(counts + 0.5)
    told -= told.mean(axis=0)
    cosine = np.vdot(logits, told) / np.linalg.norm(logits) / np.linalg.norm(told)
    return float(cosine**2)


def _support(counts: Floats) -> Floats:
    return (counts > 0).astype(np.float64)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one model a number of steps and seed."""
    from lopsided.reproduce.data.text import LETTERS, contexts, one_hot
    from lopsided.reproduce.network.small import Fit, next_token

    names, counts = contexts(settings.contexts)
    shares, weights = counts / counts.sum(axis=0), counts.sum(axis=0) / counts.sum()
    entropy = -float(np.sum(weights * shares * np.log(np.where(shares > 0, shares, 1))))
    law = predict.supports(_support(counts))
    order = np.random.default_rng(0).permutation(settings.contexts)
    shuffled = predict.supports(_support(counts)[:, order])
    inputs = one_hot(names)
    cases = [(steps, seed) for steps in sorted(settings.steps) for seed in range(settings.seeds)]
    models, seen = list[Found](), law
    for i, (steps, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{steps} steps, seed {seed}")
        fit = Fit(steps, settings.rate, seed, "adam", settings.decay)
        sizes = (inputs.shape[1], 128, settings.d)
        W, H, loss = next_token(inputs, shares.T, weights, sizes, fit)
        W = W - W.mean(axis=0)
        seen = Geometry.of_factors(W, H, Source("network"))
        found = seen.distance(law)
        models.append(
            Found(
                steps,
                seed,
                loss - entropy,
                found,
                seen.distance(shuffled),
                (1 - found.logits**2 / 2) ** 2,
                _along(W @ H.T, counts),
            )
        )
    told = LETTERS.replace(" ", "_")
    return Outcome(Numbers(tuple(models), concepts(law, told, names), concepts(seen, told, names)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when training brings the logits to the law, and it explains most of them at the end:
    more than shuffled supports do, and than how often letters follow.
    """
    last = [one for one in numbers.models if one.steps == max(settings.steps)]
    first = [one for one in numbers.models if one.steps == min(settings.steps)]
    explained = [one.explained for one in last]
    pairs = list(zip(first, last, strict=True))
    nearer = {
        part: all(getattr(end.law, part) < getattr(start.law, part) for start, end in pairs)
        for part in Distances._fields
    }
    towards = ", ".join(part for part, yes in nearer.items() if yes)
    away = ", ".join(part for part, yes in nearer.items() if not yes)
    null = max((1 - one.shuffled.logits**2 / 2) ** 2 for one in last)
    rivals = [one.frequencies for one in last if one.frequencies is not None]
    often = f", {max(rivals):.0%} along how often letters follow" if rivals else ""
    parts = [float(np.mean([getattr(one.law, p) for one in last])) for p in Distances._fields]
    return Verdict(
        min(explained) > max(0.5, null, *rivals) and nearer["logits"],
        f"After {max(settings.steps)} steps classifiers, embeddings and logits are"
        f" {parts[0]:.2f}, {parts[1]:.2f} and {parts[2]:.2f} from the support geometry, which"
        f" explains {min(explained):.0%} to {max(explained):.0%} of the logits' energy"
        f" ({settings.seeds} seeds; {null:.0%} where the supports are shuffled{often})."
        f" Longer training brings {towards or 'none'} nearer{f', not {away}' if away else ''}."
        f" The loss is still {max(one.excess for one in last):.1g} nats above the text's entropy.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return distances against steps, and the concepts."""
    from lopsided.reproduce.figures.lines import several

    numbers = runs[-1].numbers
    steps = sorted({one.steps for one in numbers.models})
    lines = {
        part: (
            steps,
            [[getattr(one.law, part) for one in numbers.models if one.steps == s] for s in steps],
        )
        for part in Distances._fields
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="steps", label="distance to the support geometry"),
        "Distance of a next-letter model to the support geometry",
    )
    rows = [
        [f"{whose}, {i + 1}", f"{c.value:.2f}", c.letters, c.against, c.after, c.after_against]
        for whose, told in (("law", numbers.law), ("model", numbers.model))
        for i, c in enumerate(told)
    ]
    columns = ["concept", "size", "letters", "against", "after", "against"]
    return [
        Row([figure], "Every seed a line; the logits of the law are the centred support matrix."),
        Table(
            "The first directions of the logits: letters and pairs at their two ends, a space as"
            " an underscore.",
            columns,
            rows,
        ),
    ]


ZHAO2024 = Claim(
    name="zhao2024",
    title="Next letters: the geometry of supports",
    statement=(
        "Next-token models trained towards the entropy of their text align with a geometry that"
        " depends on which tokens can follow a context, and not on how often they do."
    ),
    source=cite("zhao2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
