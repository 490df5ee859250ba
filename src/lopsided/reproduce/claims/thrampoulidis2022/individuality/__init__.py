"""What separates a trained network from its law: the law's own misfit, single classes, and what the
head does not see.

`lopsided.split` takes a distance apart. Here the parts are held against what they are called. If
single classes make theirs, it averages away over networks whose classes got their counts in other
orders (`averages`). If it is the data's, other networks on the same images have the same, networks
on other images do not, and the images themselves show it (`kinship`, `images`). New here; nobody
has published it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.report.blocks import Block
from lopsided.reproduce import data
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.thrampoulidis2022.deep import DEEP
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import DeepRun, data_title, kind
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import is_fitted, splits
from lopsided.reproduce.claims.thrampoulidis2022.individuality.averages import averages
from lopsided.reproduce.claims.thrampoulidis2022.individuality.images import (
    Similarity,
    similarity,
)
from lopsided.reproduce.claims.thrampoulidis2022.individuality.kinship import kinship
from lopsided.reproduce.claims.thrampoulidis2022.individuality.numbers import (
    Course,
    Kinship,
    Numbers,
    Pair,
    Part,
    Settings,
)
from lopsided.reproduce.claims.thrampoulidis2022.which_law import all_runs
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Record, Verdict

#: The average of all runs is at most this much farther from the law than it would be if individual
#: parts had nothing in common, relative to one run.
_CLOSE = 0.15
#: Relabellings that may do as well as the true labels.
_LEVEL = 0.05
#: Name of a kinship -> field of `lopsided.split.Seen`.
_FIELDS = {"class means": "embeddings", "classifiers": "classifiers"}


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Take the distances of all runs apart, and hold their parts against each other."""
    runs = []
    for i, name in enumerate(settings.runs):
        context.advance(0.5 * i / len(settings.runs), name)
        runs.append(DEEP.read(Record.load(context.place.out / f"{name}.json")))
    parts = tuple(_part(run) for run in runs)
    done = [run for run, part in zip(runs, parts, strict=True) if part.fitted]
    context.advance(0.5, "the images")
    similar, missing = _similar(done, settings.images, context)
    # Where no two counts are equal, one run does not tell the law from single classes.
    equal = [run for run in done if len(set(run.numbers.counts)) < len(run.numbers.counts)]
    context.advance(0.8, "relabel the classes")
    kin = {
        name: kinship(equal, field, similar, settings.permutations)
        for name, field in _FIELDS.items()
    }
    return Outcome(Numbers(parts, courses(done), averages(done), kin, missing))


def _part(run: DeepRun) -> Part:
    s, numbers = run.settings, run.numbers
    ratio = max(numbers.counts) / min(numbers.counts)
    fitted = is_fitted(numbers.history[-1])
    why, _ = splits(s, numbers)
    return Part(kind(run), data_title(run), ratio, s.weight_decay, s.seed, fitted, why)


def _similar(
    runs: Sequence[DeepRun], images: int, context: Context
) -> tuple[dict[str, Similarity], tuple[str, ...]]:
    """Return the similarity of the classes of every data set that is there, and those that are
    not.
    """
    found, missing = {}, []
    for name in sorted({run.settings.dataset for run in runs}):
        try:
            found[name] = similarity(data.load(name, context.place.data), images)
        except FileNotFoundError as error:
            context.note(f"without the images of {name}: {error}")
            missing.append(name)
    return found, tuple(missing)


def courses(runs: Sequence[DeepRun]) -> tuple[Course, ...]:
    """Return how the parts of every kind of run change over training, where runs kept them."""
    kinds: dict[str, list[DeepRun]] = {}
    for run in runs:
        if all(row.split is not None for row in run.numbers.history):
            kinds.setdefault(kind(run), []).append(run)
    return tuple(_course(name, members) for name, members in kinds.items())


def _course(name: str, runs: Sequence[DeepRun]) -> Course:
    rows = [[row.split for row in run.numbers.history if row.split] for run in runs]

    def mean(values: Sequence[Sequence[float]]) -> tuple[float, ...]:
        return tuple(np.mean(values, axis=0).tolist())

    counts = runs[0].numbers.counts
    return Course(
        name,
        max(counts) / min(counts),
        tuple(row.epoch for row in runs[0].numbers.history),
        mean([[split.classifiers.law for split in run] for run in rows]),
        mean([[split.embeddings.law for split in run] for run in rows]),
        mean([[split.logits.law for split in run] for run in rows]),
        mean([[split.hidden for split in run] for run in rows]),
    )


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when single classes average away as if they had nothing in common, and their parts are
    shared by networks on the same images, not by those on others.
    """
    kin = numbers.kinship["classifiers"]
    same = [pair for pair in kin.pairs if _title(kin, pair)]
    other = [pair for pair in kin.pairs if not _classes(kin, pair)]
    averaged = [average for average in numbers.averages if average.equals]
    if not (same and other and averaged):
        return Verdict(
            False,
            "There are too few runs: it takes two networks on one data set, one on another, and"
            " runs with their counts in several orders.",
        )
    worst = max(
        (curve.distances[-1] - curve.expected()[-1]) / curve.distances[0]
        for average in averaged
        for name, curve in average.curves.items()
        if not name.endswith("too")
    )
    shared = max(pair.p for pair in same)
    shown = [unit.images for unit in kin.units if unit.images]
    apart = float(np.mean([pair.correlation for pair in other]))
    alike = float(np.mean([pair.correlation for pair in same]))
    means = "; ".join(
        f"{average.title}, R = {average.ratio:g}: {curve.distances[0]:.2f} alone,"
        f" {curve.distances[-1]:.2f} averaged over {len(curve.distances)},"
        f" {curve.expected()[-1]:.2f} expected"
        for average in averaged
        for curve in [average.curves["class means"]]
    )
    return Verdict(
        worst < _CLOSE and shared < _LEVEL and apart < alike / 2,
        f"Visible class means are from their law, aligned by count: {means}. What makes classes of"
        f" equal count differ in the classifiers correlates by {alike:.2f} between networks on the"
        f" same images ({len(same)} pairs, p at most {shared:.2g}), by {apart:.2f} between networks"
        f" on other classes ({len(other)} pairs){_of_images(shown)}. The head does not see"
        f" {_hidden(numbers)} of the class means.",
    )


def _of_images(shown: Sequence[tuple[float, ...]]) -> str:
    if not shown:
        return ""
    values, ps = zip(*shown, strict=True)
    return (
        f", and by {min(values):.2f} to {max(values):.2f} with the cosines of the images' class"
        f" means (p at most {max(ps):.2g})"
    )


def _hidden(numbers: Numbers) -> str:
    """Return the share of the class means that the head does not see, by ratio: the least and the
    most of all runs, which differ in data and weight decay too.
    """
    ratios = sorted({part.ratio for part in numbers.parts if part.fitted})
    told = []
    for ratio in ratios:
        shares = [p.split.hidden for p in numbers.parts if p.fitted and p.ratio == ratio]
        told.append(f"{min(shares):.0%} to {max(shares):.0%} at R = {ratio:g}")
    return ", ".join(told)


def _title(kin: Kinship, pair: Pair) -> bool:
    return kin.units[pair.first].title == kin.units[pair.second].title


def _classes(kin: Kinship, pair: Pair) -> bool:
    return kin.units[pair.first].classes == kin.units[pair.second].classes


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the report of these runs; the drawing is apart, lest the claim need matplotlib to be
    told.
    """
    from lopsided.reproduce.claims.thrampoulidis2022.individuality import page

    return page.show(runs)


INDIVIDUALITY = Claim(
    name="individuality",
    title="What a network owes to the law, to its data, and to what its head does not see",
    statement=(
        "A trained network is away from SELI for three reasons: a misfit to the law, which"
        " training removes; what single classes have of their images, which is the same in"
        " different networks on the same images and averages away when classes get their counts in"
        " other orders; and a part of the class means that the head does not see."
    ),
    source="new here; the law is that of Thrampoulidis et al. 2022, the split lopsided.split",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    prepare=all_runs,
)
