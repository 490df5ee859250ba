"""A long tail, and every loss that is meant to help: balanced accuracy beside the geometry it leads
to.

Exponential counts, R = 100, three seeds, one training set for all. The exponents are usual ones of
each paper, or what `steer.design` gives; none was tuned here. The common factor of a design's
scales was set to a geometric mean of 1 after a trial on MNIST had left rare classes unfitted, and
the runs at a rate of 0.05 were added after those at 0.1: read all records together. LDAM is without
its deferred re-weighting. "LDT 0.5" has the predicted geometry of the first design: the two differ
by a common factor of all scales alone; in one the largest class has scale 1, in the other the mean
of the logarithms is 0. A record is one data set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.report.blocks import Block, Fold, Table, Text, drawn
from lopsided.reproduce import ready
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.longtail_settings import DESIGNED, Numbers, Settings
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.seen import Seen


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train every loss with every seed; the work is apart, lest the claim need torch to be told."""
    from lopsided.reproduce.claims import longtail_training

    return longtail_training.compute(settings, context)


def scores(numbers: Numbers) -> dict[str, tuple[Floats, Floats]]:
    """Return for each loss the (seeds,) balanced accuracies and the accuracies on minority
    classes.
    """
    few = Counts(numbers.counts).minorities
    return {
        name: (table.mean(axis=1), table[:, few].mean(axis=1))
        for name, table in numbers.accuracies().items()
    }


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when the better designed loss has the best balanced accuracy of all, in the mean over
    the seeds.
    """
    means = {name: float(balanced.mean()) for name, (balanced, _) in scores(numbers).items()}
    ranked = sorted(means, key=lambda name: -means[name])
    best, mine = ranked[0], next(name for name in ranked if name in DESIGNED)
    _, few = scores(numbers)[mine]
    won = best in DESIGNED
    start = f"The best is “{best}”, with a balanced accuracy of {means[best]:.1%}"
    if not won:
        start = (
            f"No designed loss wins: the best is “{best}”, {means[best]:.1%}; the better design,"
            f" “{mine}”, has {means[mine]:.1%}"
        )
    runs = numbers.runs[mine]
    gap = np.mean(
        [run.distances.prediction.classifiers for run in runs if run.distances.prediction]
    )
    fitted = _least_fitted(runs)
    unfitted = (
        f"; in one seed it fits a class only to {fitted:.0%} of its training samples"
        if fitted < 0.99
        else ""
    )
    return Verdict(
        won,
        f"{start}; cross-entropy has {means['CE']:.1%} (balanced accuracy, means of"
        f" {settings.seeds} seeds on {numbers.title}). On minority classes “{mine}” has"
        f" {few.mean():.1%}. Its classifiers end {gap:.2f} from their prediction{unfitted}.",
    )


def _least_fitted(runs: Sequence[Seen]) -> float:
    return min(min(run.train_accuracy) for run in runs)


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return for each data set the table of losses, and accuracy against the distance to ETF
    classifiers.
    """
    return [block for run in runs for block in _page(run)]


def _page(run: Run[Settings, Numbers]) -> list[Block]:
    from lopsided.reproduce.figures.losses import losses_beside

    numbers, settings, found = run.numbers, run.settings, scores(run.numbers)
    rows = []
    for name in sorted(found, key=lambda each: -found[each][0].mean()):
        balanced, few = found[name]
        measured = _measured(numbers.runs[name]) if name in numbers.runs else ["–"] * 5
        rows.append([name, _percent(balanced), _percent(few), *measured])
    columns = [
        "loss",
        "balanced accuracy",
        f"of the {len(Counts(numbers.counts).minorities)} rarest classes",
        "‖w‖² ratio",
        "W to prediction",
        "M to prediction",
        "W to ETF",
        "least fitted class",
    ]
    points = {
        name: ([seen.distances.etf.classifiers for seen in each], found[name][0])
        for name, each in numbers.runs.items()
    }
    figure = drawn(
        lambda ax: losses_beside(
            points, ax, x="distance of classifiers to the ETF", y="balanced accuracy"
        ),
        f"Balanced accuracy against the distance of classifiers to the ETF, {numbers.title}",
        f"{numbers.title}: each mark is a loss, with the spread over seeds.",
        size=(5.4, 2.8),
    )
    return [
        Table(
            f"{numbers.title}, rate {settings.rate:g}, {settings.seeds} seeds, mean ± standard"
            " deviation.",
            columns,
            rows,
        ),
        figure,
        Fold("The designed losses", [Text(f"{name}: {numbers.losses[name]}") for name in DESIGNED]),
    ]


def _measured(runs: Sequence[Seen]) -> list[str]:
    """Return the cells of a loss, means over its seeds."""
    ratio = np.mean([run.skews.classifiers.norm_ratio for run in runs])
    own = [run.distances.prediction[:2] for run in runs if run.distances.prediction is not None]
    parts = [f"{mean:.2f}" for mean in np.mean(own, axis=0)] if own else ["–", "–"]
    etf = np.mean([run.distances.etf.classifiers for run in runs])
    return [f"{ratio:.2f}", *parts, f"{etf:.2f}", f"{_least_fitted(runs):.0%}"]


def _percent(values: Floats) -> str:
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{100 * values.mean():.1f} ± {100 * spread:.1f} %"


LONGTAIL = Claim(
    name="longtail",
    title="Does the loss designed for a geometry also classify best?",
    statement=(
        "On an exponential long tail a loss that steer.design chose for its geometry reaches a"
        " higher balanced accuracy than the named losses with their usual exponents."
    ),
    source=(
        "asked here, of the losses of Menon 2021, Cao 2019, Ye 2020, Kini 2021, Yang 2022 and"
        " Behnia 2023 with others"
    ),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
)
