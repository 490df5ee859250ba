"""What a prescription says to a person: cause, remedy, worth, price, and what was not measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.naming import short
from lopsided.steer.prescribe.cause import REWEIGHTED, Cause
from lopsided.steer.prescribe.choice import ENOUGH
from lopsided.steer.prescribe.gain import Accuracies, Gain

APPLY = "prescription.apply_(head)"

#: What is tried without training features and with few held-out samples.
RESCALED = "Scaling the head's scores and subtracting a part of log(n_c / n) from them"


def points(value: float) -> str:
    """Return a difference of fractions in points, with its sign."""
    return f"{round(100 * value, 1) + 0.0:+.1f}"


def in_shell(said: str) -> str:
    """Return what is said of a prescription for those who have a command and no such object."""
    return said.replace(APPLY, "the head that lopsided steer --out writes")


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def warned(contradiction: str) -> str:
    """Say that training samples and counts contradict each other, where they do."""
    return f"Careful: {contradiction}." if contradiction else ""


def unlearned(classes: npt.NDArray[np.bool_]) -> str:
    """Say that no second head was tried, where training samples lack (k,) classes that are
    present.
    """
    if not classes.any():
        return ""
    return (
        "Careful: no second head was tried, which would no more answer a class that has samples"
        " elsewhere and none here: give training samples of each."
    )


def repeated(found: int, held_out: int) -> str:
    """Say how many held-out samples are training samples, where they are more than a few."""
    if found < 0.01 * held_out:
        return ""
    return (
        f"Careful: {found:,} of {held_out:,} held-out samples {_have(found)} the features and the"
        " label of a training sample. If the network was trained on them, the gain is less than is"
        " told here."
    )


def copied(distinct: int, held_out: int) -> str:
    """Say how many held-out samples are copies of others, where they are more than a few."""
    found = held_out - distinct
    if found < 0.01 * held_out:
        return ""
    return (
        f"Careful: {found:,} of {held_out:,} held-out samples {_have(found)} the features and the"
        " label of another of them, as after oversampling, and the interval is that of"
        f" {distinct:,} samples. If they are copies, give each sample once."
    )


def unlike(cause: Cause) -> str:
    """Say that training samples are not what the network learned from, where they cannot be."""
    if not cause.unlike:
        return ""
    return (
        f"Careful: the corrected head gets {cause.training_error:.0%} of training samples wrong and"
        f" {cause.held_out_error:.0%} of held-out ones, means over the classes. No network errs"
        " more on what it learned, unless labels there are wrong: are the training labels right,"
        " the features in their order, and made as the held-out ones are?"
    )


def missing(held_out: Ints, counts: Counts, present: npt.NDArray[np.bool_]) -> str:
    """Say how many of the classes that there are have no held-out sample, where one has none."""
    whose = _some((held_out == 0) & present, int(present.sum()), counts)
    return (
        f"Careful: {whose} no held-out sample, so the whole gain is modelled and none of it"
        " counted: give one of each."
        if whose
        else ""
    )


def absent(counts: Counts, present: npt.NDArray[np.bool_]) -> str:
    """Say how many classes have no sample anywhere, as those that are still to come."""
    whose = _some(~present, len(present), counts)
    return (
        f"Careful: {whose} no sample at all: the gain is that of the others, and a corrected head"
        " may answer none but these."
        if whose
        else ""
    )


def _some(which: npt.NDArray[np.bool_], of: int, counts: Counts) -> str:
    """Return how many classes of so many (k,) booleans tell of, as a subject, or nothing."""
    found = np.flatnonzero(which)
    if not len(found):
        return ""
    first = f"class {short(counts.called(found[:1])[0])}"
    if len(found) == 1:
        return f"{first} has"
    return f"{len(found):,} of {of:,} classes, the first is {first}, have"


def answered(answers: Ints, labels: Ints, minorities: Ints) -> str:
    """Say how seldom the network answers minority classes, where it does so too seldom."""
    if not len(minorities):
        return ""
    said, true = (float(np.isin(each, minorities).mean()) for each in (answers, labels))
    if said >= 0.8 * true:
        return ""
    return (
        f"The network answers a minority class for {said:.1%} of held-out samples; {true:.1%} of"
        " them are of one."
    )


def measured(
    worth: Gain,
    before: Accuracies,
    after: Accuracies,
    cause: Cause,
    held_out: Ints,
    share: float | None,
    *,
    second: bool,
) -> list[str]:
    """Return the sentences about a head that was measured; a second one was tried or not."""
    ends = f"90%: {points(worth.low)} to {points(worth.high)}"
    on = (
        f"measured on {int(held_out.sum()):,} held-out samples, {int(held_out.min()):,} of the"
        " rarest class"
    )
    if not cause.head:
        gains = f"gain {points(worth.expected)} points of balanced accuracy ({ends}; {on})"
        # A second head or a refit: weights that are no multiple of the trained head's.
        other = second or held_out.min() >= ENOUGH
        said = [
            f"The head is not at fault: another would {gains}, so nothing is prescribed."
            if other
            else f"{RESCALED} would {gains}, so nothing is prescribed. Other weights were not"
            " tried: give the features of the training set, with samples of every class, or at"
            f" least {ENOUGH} held-out samples of each class."
        ]
        if share is not None and share < REWEIGHTED:
            said.append(reweighted(share))
        return [*said, *_rest(cause, held_out, after)]
    few = (
        ""
        if before.minorities is None or after.minorities is None
        else f", minorities from {before.minorities:.0%} to {after.minorities:.0%}"
    )
    sure = "is" if worth.low > 0 else "may be"
    there = "" if held_out.all() else ", over the classes that have held-out samples,"
    return [
        f"The head {sure} at fault: with a corrected head on the same features balanced accuracy"
        f" gains about {points(worth.expected)} points ({ends}; {on}). Counted there{there}"
        f" it goes from {before.balanced:.0%} to {after.balanced:.0%}{few}; accuracy on data"
        f" distributed as in training from {before.as_trained:.1%} to {after.as_trained:.1%}."
        f" That takes no new training: {APPLY}."
        + (" More held-out samples would tell whether it gains at all." if worth.low <= 0 else ""),
        *filter(None, [optimistic(held_out)]),
        *_rest(cause, held_out, after),
    ]


#: Classes and held-out samples of the rarest -> how much of the promised gain came, over both kinds
#: of samples in the record of `benchmarks/campaigns/intervals.py`, where a head was prescribed.
CAME = {
    (2, 1): 0.55,
    (2, 2): 0.65,
    (2, 5): 0.82,
    (3, 0): 0.48,
    (3, 1): 0.55,
    (3, 2): 0.74,
    (3, 5): 0.83,
    (5, 0): 0.67,
    (5, 1): 0.66,
    (5, 2): 0.76,
    (5, 5): 0.88,
    (10, 0): 0.75,
    (10, 1): 0.80,
    (10, 2): 0.84,
    (10, 5): 0.95,
}


def optimistic(held_out: Ints) -> str:
    """Say how much of such a promise came in trials, where classes and held-out samples are so few
    that it was much less than all.
    """
    k, m = len(held_out), int(held_out.min())
    # Of the trials with as many or fewer, those with the most.
    tried = max((at for at in CAME if at[0] <= k and at[1] <= m), default=(2, 1))
    if k > 10 or m > 5 or CAME[tried] > 0.9:
        return ""
    classes, samples = tried
    return (
        f"Such promises come too high: in trials with {classes} classes and {samples} held-out"
        f" sample{'' if samples == 1 else 's'} of the rarest, {CAME[tried]:.0%} of the gain came."
        " More held-out samples make it surer."
    )


def _rest(cause: Cause, classes: Ints, after: Accuracies) -> list[str]:
    """Say what the errors that stay are due to, given the held-out samples of each class and how
    often the corrected head is right.
    """
    if cause.training_error is None or not (cause.features or cause.data):
        return []
    training, held_out = cause.wrong
    errs = (
        f"With the corrected head the balanced error is {cause.training_error:.0%} on training"
        f" samples and {cause.held_out_error:.0%} on held-out ones"
    )
    worse = after.minorities is not None and after.minorities < after.balanced
    rare = " of the rare classes" if worse else ""
    if not classes.all():
        errs, rare = f"{errs}, over the classes that have held-out samples", ""
    if cause.few:
        return [
            f"{errs}, of {training:,} and {held_out:,} samples that it gets wrong: too few to tell"
            " what they are due to."
        ]
    more, unless = f"more samples{rare}", "unless labels are wrong or classes overlap"
    train = "longer training, a larger network"
    if not cause.features:
        return [f"{errs}: {more} can help, another head hardly."]
    if cause.data:
        return [f"{errs}: {train}, other inputs and {more} can help, {unless}."]
    return [
        f"{errs}: samples trained on stay wrong too. There {train} or other inputs can help,"
        f" {unless}."
    ]


def reweighted(share: float) -> str:
    """Say what norms that are near to equal, or turned round, may tell."""
    # By less than a tenth of SELI's ratio, in logarithms, they are not told from equal.
    turned = share < -0.1
    like = "are longer for minorities, as after" if turned else "are as near to equal as after"
    return (
        f"The classifiers' norms ({round(share, 2) + 0.0:.2f} of SELI's ratio, below {REWEIGHTED})"
        f" {like} a loss or a sampler that re-weights, or short training: where it re-weights,"
        " subtracting log(n_c / n) would correct twice."
    )


#: Remedy -> what is said of it where nothing was measured.
UNMEASURED = {
    "logit adjustment": (
        f"Trained by plain cross-entropy: subtract log(n_c / n) from the scores, {APPLY} does it."
    ),
    "second head": (
        "A second head, trained on the frozen training features with each class weighing the same,"
        " is safer than subtracting log(n_c / n) where the loss is not known to be plain:"
        f" {APPLY}."
    ),
    "nothing": "Nothing is prescribed.",
}


def unmeasured(
    remedy: str, loss: str | None, share: float | None, held_out: Ints | None
) -> list[str]:
    """Return the sentences where there are no held-out samples, or none but of one class."""
    lack = (
        "there are no held-out samples"
        if held_out is None
        else "all held-out samples are of one class"
    )
    said = [f"Not measured: {lack}.", UNMEASURED[remedy]]
    if remedy == "nothing" and loss != "logit-adjusted":
        said.append(
            "A second head, the safer one where the loss is not known to be plain, was not trained:"
            " steer.prescribe and lopsided steer train it on the features of the training"
            " set, where these are of every class."
        )
    if share is not None and share < REWEIGHTED:
        said.append(reweighted(share))
    said.append(
        "Give 1 to 5 held-out samples of the rarest class, and the others in proportion, to"
        " know what it is worth."
    )
    return said
