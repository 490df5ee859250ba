"""Whether a deep run approaches its prediction, judged by the part of its distance that a law can
be blamed for.

Raw distances of class means hardly tell SELI from its rivals: most of them is what the head cannot
see, and what single classes have of their images. Neither is of any law. What is left,
`lopsided.split` says how, is the law part. Balanced classes are all of one count, and their average
is the ETF whatever the network shows: there the raw distances decide.
"""

from __future__ import annotations

from dataclasses import replace

from lopsided import foresee, predict
from lopsided.counts import Counts
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.observed import Row
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import Training
from lopsided.split import Split

#: A balanced network is called near its ETF below this distance: about half of what separates SELI
#: from the ETF at R = 10.
NEAR = 0.2


def splits(settings: Training, numbers: Numbers) -> tuple[Split, Split]:
    """Return why the network is not its prediction, and why it is not the ETF."""
    counts = Counts(numbers.counts)
    measured = numbers.geometry.geometry(counts)
    law = foresee(settings.problem(counts)).about_mean()
    return measured.split(law), measured.split(replace(predict.etf(counts.k), counts=counts))


def judge(settings: Training, numbers: Numbers) -> Verdict:
    """Hold when the law parts of classifiers and visible class means are nearer to the prediction
    than to the ETF; if balanced, when all is near the ETF.

    SELI's logits decide nothing: the ETF's are the same.
    """
    last = numbers.history[-1]
    if len(set(numbers.counts)) == 1:
        return _balanced(last)
    law, etf = splits(settings, numbers)
    name = "the limit with a free bias" if numbers.prediction == "free bias" else numbers.prediction
    w, m = (
        one.law < other.law
        for one, other in ((law.classifiers, etf.classifiers), (law.embeddings, etf.embeddings))
    )
    raw, far = last.distances.prediction, last.distances.etf
    alike = (
        "Where classes of equal count are averaged"
        if len(set(numbers.counts)) < len(numbers.counts)
        else "As the head sees them, no two counts being equal"
    )
    return Verdict(
        w and m,
        f"{alike}, classifiers are {law.classifiers.law:.2f} from {name} and"
        f" {etf.classifiers.law:.2f} from the ETF, visible class means {law.embeddings.law:.2f} and"
        f" {etf.embeddings.law:.2f}. {_explains(name, w, m)} Raw distances, with single classes and"
        f" with the {law.hidden:.0%} of the class means that the head does not see:"
        f" {raw.classifiers:.2f} and {far.classifiers:.2f}, {raw.embeddings:.2f} and"
        # Means of a free bias, taken about their unweighted mean, have the logits of the ETF too.
        f" {far.embeddings:.2f}; logits are {raw.logits:.2f} from the simplex that both predict."
        f"{unfitted(last)}",
    )


def _balanced(last: Row) -> Verdict:
    law = last.distances.prediction
    holds = max(law) < NEAR
    near = (
        f"All are below {NEAR}."
        if holds
        else f"Not all are below {NEAR}: the network has not arrived."
    )
    return Verdict(
        holds,
        "The classes are balanced, so SELI is the ETF; distances to it: classifiers"
        f" {law.classifiers:.2f}, class means {law.embeddings:.2f}, logits {law.logits:.2f}."
        f" {near}{unfitted(last)}",
    )


def _explains(name: str, classifiers: bool, means: bool) -> str:
    if classifiers and means:
        return f"{name[0].upper()}{name[1:]} explains both better."
    if not classifiers and not means:
        return "The prediction does not hold here: the ETF explains both better."
    better, worse = (
        ("classifiers", "class means") if classifiers else ("class means", "classifiers")
    )
    start = f"{name[0].upper()}{name[1:]} explains the {better} better"
    return f"{start}, but the prediction does not hold for the {worse}: the ETF is nearer."


def is_fitted(last: Row) -> bool:
    """Whether every class of the training set is fitted, where the theory begins."""
    return min(last.train_accuracy) > 0.99


def unfitted(last: Row) -> str:
    """Say so when the network has not yet fitted its training set."""
    if is_fitted(last):
        return ""
    return (
        f" Not every class is fitted, the worst to {min(last.train_accuracy):.0%}: the network has"
        " not reached the end of training."
    )
