"""The unconstrained-features model trained by SGD: how near it gets to SELI in practice, and where
descent would end.

Published setting: k = 10, d = 20, minority classes of 5 samples, batches of 5, constant rate, 6000
epochs, neither bias nor ridge. The follow-up (Behnia et al. 2023, Figure 4) shows the same
plateaus.

Beside it runs full-batch descent whose step is divided by the loss and by the largest logit, so
that margins grow linearly instead of logarithmically; its loss is kept as a logarithm and falls to
e^-10000. Samples of a class start equal there and so stay equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from lopsided.counts import Counts
from lopsided.problem import Problem
from lopsided.report.blocks import Block
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.thrampoulidis2022.ufm_sgd.numbers import (
    Distanced,
    Epoch,
    Numbers,
    Paths,
    Settings,
    Step,
)
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import observed_epochs
from lopsided.solve import Optimizer, descent

#: Below this distance descent has arrived.
_ARRIVED = 1e-2

#: A distance that is passed on the way, to compare speeds.
_NEAR = 0.05


def sgd(settings: Settings, counts: Counts, context: Context) -> tuple[Epoch, ...]:
    """Train classifiers and features by SGD, all seeds side by side.

    Returns:
        One row an observed epoch: the epoch, and for each seed the distances.
    """
    k, d, n, s = settings.k, settings.d, counts.n, settings.seeds
    labels = np.repeat(np.arange(k), counts.values)
    rngs = [np.random.default_rng(seed) for seed in range(s)]
    W = np.stack([rng.standard_normal((k, d)) for rng in rngs]) * settings.start
    H = np.stack([rng.standard_normal((n, d)) for rng in rngs]) * settings.start
    target, member = np.eye(k)[labels], np.eye(k)[labels] / counts.values
    rows, seeds, step = [], np.arange(s)[:, None], settings.rate / settings.batch
    measured = set(observed_epochs(settings.epochs))
    for epoch in range(1, settings.epochs + 1):
        order = np.stack([rng.permutation(n) for rng in rngs])
        for start in range(0, n, settings.batch):
            chosen = order[:, start : start + settings.batch]
            features = H[seeds, chosen]
            error = np.exp(features @ W.transpose(0, 2, 1))
            error /= error.sum(axis=2, keepdims=True)
            error -= target[chosen]
            H[seeds, chosen] = features - step * (error @ W)
            W -= step * (error.transpose(0, 2, 1) @ features)
        if epoch in measured:
            seen = (Distanced.of(W[i], member.T @ H[i], counts) for i in range(s))
            rows.append(Epoch(epoch, tuple(seen)))
        if epoch % 20 == 0:
            context.advance(
                epoch / settings.epochs,
                f"SGD, R = {counts.ratio:g}, epoch {epoch} of {settings.epochs}",
            )
    return tuple(rows)


def descend(settings: Settings, counts: Counts, rate: float = 10.0) -> tuple[Step, ...]:
    """Run loss-normalised descent on classifiers and class means.

    Returns:
        One row an observed step.
    """
    problem = Problem(counts, ridge=0.0, width=settings.d)
    optimizer, measured = Optimizer("normalized", rate), set(observed_epochs(settings.steps))
    # The loss of the paths is the mean, that of the claim the sum.
    return tuple(
        Step(
            state.step,
            state.log_loss + float(np.log(counts.n)),
            Distanced.of(state.W, state.H, counts),
        )
        for state in descent(problem, optimizer, settings.steps)
        if state.step in measured
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Run both on every ratio; a finished ratio is not repeated after an interruption."""
    ratios = sorted(settings.ratios)
    profiles = [Counts.step(settings.k, settings.minority, ratio) for ratio in ratios]
    total, done, paths = sum(counts.n for counts in profiles), 0, []
    for ratio, counts in zip(ratios, profiles, strict=True):
        part = context.part(done / total, (done + counts.n) / total)
        trained = partial(sgd, settings, counts, part)
        paths.append(
            Paths(
                ratio,
                context.remember(f"sgd-{ratio}", tuple[Epoch, ...], trained),
                context.remember(
                    f"descent-{ratio}", tuple[Step, ...], partial(descend, settings, counts)
                ),
            )
        )
        done += counts.n
    return Outcome(Numbers(tuple(paths)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when SGD ends nearer to SELI than to the ETF, and normalised descent arrives, later with
    larger R.

    SGD alone cannot show the order: an epoch has more steps at larger R, and what is left of the
    start dominates at small R.
    """
    paths = numbers.ratios
    ends = [path.final("seli").mean(axis=0) for path in paths]
    nearer = all(
        bool(np.all(path.final("seli")[:, :2] < path.final("etf")[:, :2]))
        for path in paths
        if path.ratio != 1
    )
    ordered = bool(np.all(np.diff([end[:2] for end in ends], axis=0) > 0))
    steps = [path.steps_to(_NEAR) for path in paths]
    slower = all(one < other for one, other in pairwise(steps))
    arrived = max(max(path.descent[-1].at.seli) for path in paths)
    come = "arrives" if arrived < _ARRIVED else "does not arrive"
    needed = ", ".join(
        f"{step:g}" if np.isfinite(step) else f"more than {settings.steps}" for step in steps
    )
    shown = ", ".join(
        f"{end[0]:.2f} and {end[1]:.2f} at R = {path.ratio}"
        for path, end in zip(paths, ends, strict=True)
    )
    return Verdict(
        nearer and slower and arrived < _ARRIVED,
        f"After {settings.epochs} epochs of SGD classifiers and class means are still"
        f" {shown} from SELI (means of {settings.seeds} seeds):"
        f" with imbalance {'all' if nearer else 'not all'} nearer to it than to the ETF. Under"
        f" SGD convergence {'worsens steadily with' if ordered else 'is not steady in'} R. Descent"
        f" that divides its step by the loss {come}, within {arrived:.0e} at every R; its"
        f" classifiers need {needed} steps to come within {_NEAR}:"
        f" {'more' if slower else 'not always more'} with more imbalance.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the report of these runs; the drawing is apart, lest the claim need matplotlib to be
    told.
    """
    from lopsided.reproduce.claims.thrampoulidis2022.ufm_sgd import page

    return page.show(runs)


UFM_SGD = Claim(
    name="ufm-sgd",
    title="Free features approach SELI, by descent more slowly with more imbalance",
    statement=(
        "Trained without ridge, the unconstrained-features model converges in direction to SELI,"
        " the more slowly the larger the imbalance; SGD at a constant rate gets part of the way,"
        " which is not steadily shorter the larger the imbalance."
    ),
    source=(
        "Thrampoulidis et al. 2022; setting as in Behnia et al. 2023 (arXiv 2303.07608), Figure 4"
    ),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
