"""What a network answers: how often it is right, which classes it answers too often, which it gets
wrong, and which it takes for which.

Few samples show much by chance. So a class or a pair is named only where chance would name any of
them once in twenty times at most (`CHANCE`, shared among as many as could be named). The rules are
in `docs/guides/measure.md`; each sentence has its counter-examples in the tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.verdict.chance import mean_rate, most_mean
from lopsided.measure.verdict.words import classes
from lopsided.naming import short

#: With so much chance something is named that is nothing.
CHANCE = 0.05
#: Answers that go to the wrong classes, of all, from which on it is said to which.
MOVED = 0.05
#: The classes that are named take this share of them.
MOST = 0.9
#: Minorities are answered too seldom below this share of how often they come.
SELDOM = 0.8
#: Many-shot classes have more training samples than the one, few-shot classes fewer than the other
#: (Liu et al. 2019).
MANY, FEW = 100, 20
#: Worst classes, and pairs, that are named.
NAMED = 5
#: A pair is confused if so many samples at least are, so many times as often as those of others.
PAIR, TIMES = 3, 2.0


def answers(decisions: Decisions, counts: Counts | None, samples: str = "held-out") -> list[str]:
    """Return sentences on what a network answers.

    Args:
        decisions: on samples of k classes, of which some may have none.
        counts: training samples of each class, with their names; None where they are not known.
        samples: what the samples are called.
    """
    names = named(decisions.k, counts)
    said = [
        _too_often(decisions, names, samples),
        _minorities(decisions, counts, names),
        _accuracy(decisions, counts, samples),
        _worst(decisions, names),
        _confused(decisions, names),
    ]
    absent = names[decisions.counts == 0]
    if len(absent):
        said.append(f"No {samples} sample that was given is of {classes(absent)}.")
    return [sentence for sentence in said if sentence]


def named(k: int, counts: Counts | None) -> npt.NDArray[np.object_]:
    """Return what k classes are called: their names, or their labels."""
    names = None if counts is None else counts.names
    return np.array([short(name) for name in names] if names is not None else range(k), object)


def recalls(decisions: Decisions) -> Floats:
    """Return (k,) the share of each class that is answered right; NaN without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(1 - decisions.errors / decisions.counts)


def balanced_accuracy(decisions: Decisions) -> float:
    """Return the mean share of right answers of the classes that have samples."""
    return float(np.nanmean(recalls(decisions)))


def shots(counts: Counts) -> dict[str, Ints]:
    """Return the classes by the training samples they have, as long-tailed recognition groups them;
    minorities and majorities where all are of one such group.
    """
    n = counts.values
    many, few = n > MANY, n < FEW
    kinds = {
        f"many-shot classes (more than {MANY} training samples)": np.flatnonzero(many),
        f"medium-shot classes ({FEW} to {MANY})": np.flatnonzero(~many & ~few),
        f"few-shot classes (fewer than {FEW})": np.flatnonzero(few),
    }
    kinds = {name: members for name, members in kinds.items() if len(members)}
    if len(kinds) > 1:
        return kinds
    rare = np.isin(np.arange(counts.k), counts.minorities)
    if not rare.any():
        return {}
    return {"majority classes": np.flatnonzero(~rare), "minority classes": np.flatnonzero(rare)}


def _accuracy(decisions: Decisions, counts: Counts | None, samples: str) -> str:
    right, n = recalls(decisions), decisions.counts
    there = n > 0
    _, error = mean_rate(decisions.errors, n)
    plain = 1 - decisions.errors.sum() / n.sum()
    said = (
        f"Balanced accuracy is {balanced_accuracy(decisions):.1%} (standard error {error:.1%}) on"
        f" {n.sum():,} {samples} samples, accuracy {plain:.1%}"
    )
    groups = {} if counts is None else shots(counts)
    parts = [
        f"{name} {right[members][there[members]].mean():.1%}"
        for name, members in groups.items()
        if there[members].any()
    ]
    return f"{said}: {', '.join(parts)}." if len(parts) > 1 else f"{said}."


def _too_often(decisions: Decisions, names: npt.NDArray[np.object_], samples: str) -> str:
    """Say which classes are answered more often than they come: each takes more samples of others
    than it loses, which of as many either way is a coin's side.
    """
    lost, n = decisions.errors, int(decisions.counts.sum())
    taken = decisions.answered - (decisions.counts - lost)
    excess, chance = taken - lost, CHANCE / decisions.k
    clear = (excess > 0) & (bdtrc(np.maximum(taken - 1, 0), taken + lost, 0.5) <= chance)
    moved = int(excess[clear].sum())
    if moved < MOVED * n:
        return ""
    extra = np.where(clear, excess, 0)
    order = np.argsort(-extra, kind="stable")
    enough = int(np.searchsorted(np.cumsum(extra[order]), MOST * moved)) + 1
    chosen = np.sort(order[:enough])
    said, true = (int(part[chosen].sum()) / n for part in (decisions.answered, decisions.counts))
    are = "they are" if len(chosen) > 1 else "it is"
    return (
        f"The network answers {classes(names[chosen])} for {said:.0%} of the {samples} samples;"
        f" {are} {true:.0%} of them."
    )


def _minorities(decisions: Decisions, counts: Counts | None, names: npt.NDArray[np.object_]) -> str:
    """Say how seldom minority classes are answered, and which never, if they lose many more samples
    to the others than they take, and not by chance.
    """
    few = np.zeros(0, np.int64) if counts is None else counts.minorities
    n, answered = decisions.counts, decisions.answered
    if not n[few].any():
        return ""
    inside = np.isin(np.arange(decisions.k), few)
    labels, others, numbers = decisions.confusions.pairs()
    # All errors less those among minorities: of pairs that were not held, more on both sides.
    among = int(numbers[inside[labels] & inside[others]].sum())
    lost = int(decisions.errors[few].sum()) - among
    taken = int((answered - n + decisions.errors)[few].sum()) - among
    if answered[few].sum() > SELDOM * n[few].sum() or bdtr(taken, taken + lost, 0.5) > CHANCE:
        return ""
    never = names[few[(answered[few] == 0) & (n[few] > 0)]]
    whom = f"one of the {len(few):,} minority classes" if len(few) > 1 else "the minority class"
    said = (
        f"It answers {whom} for"
        f" {answered[few].sum() / n.sum():.1%} of the samples; they are"
        f" {n[few].sum() / n.sum():.1%}"
    )
    return f"{said}, and never {classes(never)}." if len(never) else f"{said}."


def _worst(decisions: Decisions, names: npt.NDArray[np.object_]) -> str:
    """Say which classes err clearly more than the mean of the classes, which is itself known no
    better than the classes of few samples let it be.
    """
    e, n = decisions.errors, decisions.counts
    chance = bdtrc(np.maximum(e - 1, 0), np.maximum(n, 1), most_mean(e, n))
    clear = np.flatnonzero((e > 0) & (chance <= CHANCE / decisions.k))
    if not len(clear):
        return ""
    worst = clear[np.lexsort((chance[clear], -e[clear] / n[clear]))]
    some = [f"{names[c]} (right in {n[c] - e[c]:,} of {n[c]:,})" for c in worst[:NAMED]]
    return f"Worst {'are classes' if len(worst) > 1 else 'is class'} {_and_more(some, len(worst))}."


def _confused(decisions: Decisions, names: npt.NDArray[np.object_]) -> str:
    """Say which class is taken for which.

    Only where samples of all others together are not taken for it as often, rates added: a class
    that is answered for many is half of no pair.
    """
    labels, taken_for, numbers = decisions.confusions.pairs()
    n, k = decisions.counts, decisions.k
    into = decisions.answered - (n - decisions.errors)  # samples of others that a class takes
    others = (into[taken_for] - numbers + 0.5) / (n.sum() - n[labels] - n[taken_for] + 1)
    usual = np.minimum(TIMES * others, 1.0)
    chance = bdtrc(numbers - 1, np.maximum(n[labels], numbers), usual)
    rates = numbers / n[labels]
    most = 2 * rates >= np.bincount(taken_for, rates, minlength=k)[taken_for] * (1 - 1e-9)
    clear = np.flatnonzero((numbers >= PAIR) & most & (chance <= CHANCE / (k * (k - 1))))
    if not len(clear):
        return ""
    order = clear[np.argsort(-rates[clear], kind="stable")]
    least = "at least " if decisions.confusions.missed else ""
    some = [
        f"{names[labels[i]]} for {names[taken_for[i]]} (in {least}{numbers[i]:,} of"
        f" {n[labels[i]]:,})"
        for i in order[:NAMED]
    ]
    return f"Most confused: {_and_more(some, len(order))}."


def _and_more(some: list[str], of: int) -> str:
    return ", ".join(some) + (f" and {of - len(some):,} more" if of > len(some) else "")
