"""The average gradient outer product as what collapses: a deep kernel machine, layer by layer.

Each layer fits the labels by a Laplace kernel, maps the features by the root of the fit's AGOP, and
then by random ReLU units, which nobody trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure import Moments, agop
from lopsided.measure.metrics import scatter_ratio
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds


@dataclass(frozen=True)
class Settings(Checked):
    """The machine and its data.

    Attributes:
        samples: of each digit.
        layers: of the machine.
        units: random ReLU units of a layer.
        bandwidth: of the Laplace kernel, beside features of mean squared length 1.
        ridge: of the fit.
        seeds: draws of samples and units.
    """

    samples: Annotated[int, Bounds(least=2, most=150)] = 30
    layers: Annotated[int, Bounds(least=1, most=50)] = 6
    units: Whole = 256
    bandwidth: Positive = 2.0
    ridge: Positive = 1e-3
    seeds: Seeds = 2


@dataclass(frozen=True)
class Path:
    """Within over between variance along the layers of one machine.

    Attributes:
        inputs: of the digits themselves.
        mapped: behind the root of the AGOP, a layer each.
        random: behind the random units.
        without: behind random units where no AGOP comes before.
    """

    inputs: float
    mapped: tuple[float, ...]
    random: tuple[float, ...]
    without: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """The paths, one a seed."""

    paths: tuple[Path, ...]


def _unit(x: Floats) -> Floats:
    return np.asarray(x / np.sqrt(np.mean(np.sum(x**2, axis=1))))


def _root(x: Floats, targets: Floats, settings: Settings) -> Floats:
    """Return the root of the AGOP of the kernel machine that fits the targets."""
    import torch

    given = torch.as_tensor(x)

    def kernel(z: torch.Tensor) -> torch.Tensor:
        apart = torch.cdist(z, given, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-apart / settings.bandwidth)

    ridge = settings.ridge * torch.eye(len(x), dtype=given.dtype)
    weights = torch.linalg.solve(kernel(given) + ridge, torch.as_tensor(targets))
    values, vectors = np.linalg.eigh(agop(lambda z: kernel(z) @ weights, given))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _ratio(x: Floats, labels: Ints) -> float:
    moments = Moments(10, x.shape[1], "none")
    moments.update(x, labels)
    return scatter_ratio(moments)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Run one machine a seed, and random units alone beside it."""
    from lopsided.reproduce.data.digits import all_digits

    images, digits = all_digits()
    paths = []
    for seed in range(settings.seeds):
        rng = np.random.default_rng(seed)
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(digits == c))[: settings.samples] for c in range(10)]
        )
        x, y = images[chosen], digits[chosen]
        alone, mapped, random, without = x, [], [], []
        for layer in range(settings.layers):
            share = (seed + layer / settings.layers) / settings.seeds
            context.advance(share, f"seed {seed}, layer {layer}")
            units = rng.normal(size=(settings.units, x.shape[1]))
            x = _unit(x)
            x = _unit(x @ _root(x, np.eye(10)[y], settings))
            mapped.append(_ratio(x, y))
            x, alone = (np.maximum(features @ units.T, 0) for features in (x, _unit(alone)))
            random.append(_ratio(x, y))
            without.append(_ratio(alone, y))
        start = _ratio(images[chosen], y)
        paths.append(Path(start, tuple(mapped), tuple(random), tuple(without)))
    return Outcome(Numbers(tuple(paths)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when the AGOP lowers the ratio in every layer, random units do not, and the ratio falls
    from the inputs to the end.
    """
    steps = []
    for path in numbers.paths:
        before = (path.inputs, *path.random[:-1])
        steps += list(zip(before, path.mapped, path.random, strict=True))
    falls = sum(after < before for before, after, _ in steps)
    rises = sum(after >= before for _, before, after in steps)
    ends = [path.random[-1] / path.inputs for path in numbers.paths]
    alone = [path.without[-1] / path.inputs for path in numbers.paths]
    return Verdict(
        falls == rises == len(steps) and max(ends) < 1 < min(alone),
        f"The root of the AGOP lowers tr S_W / tr S_B in {falls} of {len(steps)} layers"
        f" ({settings.seeds} seeds), random ReLU units raise it in {rises}. After"
        f" {settings.layers} layers it is {min(ends):.2f} to {max(ends):.2f} of that of the inputs;"
        f" behind random units without an AGOP {min(alone):.2f} to {max(alone):.2f}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the ratio against depth."""
    from lopsided.reproduce.figures.lines import several

    paths = runs[-1].numbers.paths
    layers = list(range(1, len(paths[0].mapped) + 1))
    parts = {
        "random units alone": "without",
        "behind random units": "random",
        "behind the AGOP": "mapped",
    }
    lines = {
        name: (layers, [[getattr(path, part)[i] for path in paths] for i in range(len(layers))])
        for name, part in parts.items()
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="layer", label="within over between variance", log=True),
        "Variance within over between classes, by layer",
    )
    rows = [
        [f"{layer}", *(f"{np.mean(values[layer - 1]):.3f}" for _, values in lines.values())]
        for layer in layers
    ]
    return [
        Row([figure], "A deep kernel machine on the digits; every seed a line."),
        Table("Means of the seeds.", ["layer", *lines], rows),
    ]


BEAGLEHOLE2024 = Claim(
    name="beaglehole2024",
    title="Gradient outer products collapse",
    statement=(
        "In a deep kernel machine it is the projection on the average gradient outer product that"
        " collapses the classes, not the random features."
    ),
    source=cite("beaglehole2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
