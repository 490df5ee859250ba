"""The claim contest: every loss, head and rule of the tables against cross-entropy with logit
adjustment after training.

A small convolutional network on a long tail, the same number of steps for each. Which class is rare
is drawn anew for every seed. Each way of training has its rate chosen from the same grid by
balanced accuracy on held-out samples, as many of each class, in a run of its own; strengths are the
published ones. Rules act on the networks of plain cross-entropy.
"""

from __future__ import annotations

from lopsided.reproduce import data
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.claims.contest.numbers import BASE, Numbers
from lopsided.reproduce.claims.contest.page import show
from lopsided.reproduce.claims.contest.settings import Settings
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Verdict

#: A member is ahead where its mean is by this and no seed is behind, in balanced accuracy; behind
#: likewise. The verdict says so: by less, many are in every seed.
AHEAD = 0.01


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train every member with every seed; the work is apart, lest the claim need torch to be
    told.
    """
    from lopsided.reproduce.claims.contest import training

    return training.compute(settings, context)


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when no member is ahead of cross-entropy with logit adjustment after training."""
    gaps = {name: numbers.gaps(name) for name in numbers.entries if name != BASE}
    ahead = {
        name: float(gap.mean())
        for name, gap in gaps.items()
        if gap.mean() > AHEAD and gap.min() >= 0
    }
    ranked = sorted(ahead, key=lambda name: -ahead[name])
    told = "; ".join(f"{name} +{100 * ahead[name]:.1f}" for name in ranked)
    base, plain = (100 * numbers.balanced(name) for name in (BASE, "cross-entropy"))
    are = "is" if len(ahead) == 1 else "are"
    found = f"{len(ahead)} {are} ahead ({told})" if ahead else "none is ahead"
    behind = sum(bool(gap.mean() < -AHEAD and gap.max() <= 0) for gap in gaps.values())
    return Verdict(
        not ahead,
        f"{numbers.title}, {numbers.counts[0]} to {numbers.counts[-1]} samples a class: with logit"
        f" adjustment cross-entropy has a balanced accuracy of {base.mean():.1f} % (without"
        f" {plain.mean():.1f} %; {settings.seeds} seeds). Of {len(gaps)} others, by more than"
        f" {100 * AHEAD:g} point in the mean and with no seed against it, {found} and {behind}"
        f" {'is' if behind == 1 else 'are'} behind.",
    )


def ready(settings: Settings, place: Place) -> None:
    """Find out whether the data is there, and enough of it."""
    data.require(settings.dataset, place.data)


CONTEST = Claim(
    name="contest",
    title="Losses, heads and rules on a long tail",
    statement=(
        "On a long tail no loss, head or rule is ahead of plain cross-entropy with logit adjustment"
        " after training, by more than a point of balanced accuracy and in every seed."
    ),
    source="asked here, of the members of `LOSSES`, `HEADS` and `RULES` with their sources",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    together=True,
    ready=ready,
)
