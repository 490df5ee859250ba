"""One network of the claim prescription: every remedy, and what it does on the test set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided import measure, predict
from lopsided.arrays import Floats, Ints
from lopsided.measure.metrics import METRICS
from lopsided.measure.state.moments import Moments
from lopsided.reproduce.claims.prescription.material import held_out_counts, title_of
from lopsided.reproduce.claims.prescription.numbers import Draw, Figures, Trial
from lopsided.reproduce.claims.prescription.plan import Plan
from lopsided.reproduce.claims.prescription.training import Features
from lopsided.shape import contrast
from lopsided.steer.prescribe import measured
from lopsided.steer.prescribe.choice import Seen
from lopsided.steer.prescribe.gain import Accuracies
from lopsided.steer.prescribe.heads import PLAIN, stacked, three_numbers
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples
from lopsided.steer.prescribe.trained import Trained

#: The strengths among which held-out accuracy chooses.
TAUS = np.arange(0, 2.01, 0.25)


def trial(plan: Plan, kept: Features, held_out: tuple[int, ...]) -> Trial:
    """Try every remedy on a network."""
    trained = Trained.of(kept.head, (kept.train, kept.train_labels), plan.counts, None)
    assert trained.second is not None
    k, d = trained.first.weight.shape
    means = Moments(k, d)
    means.update(kept.train, kept.train_labels)
    heads = _alone(trained, means.means)
    found = {name: _accuracies(head, kept, trained) for name, head in heads.items()}
    draws = []
    for m in held_out:
        index = _drawn(kept.pool_labels, held_out_counts(plan.counts, m))
        if index is not None:
            pair = kept.pool[index], kept.pool_labels[index]
            draws.append(_draw(m, trained, pair, kept, found["nothing"].balanced))
    return Trial(plan, title_of(plan), found, _figures(trained, means, kept), tuple(draws))


def _alone(trained: Trained, means: Floats) -> dict[str, Linear]:
    """Return the heads that need no held-out samples."""
    first, second = trained.first, trained.second
    assert second is not None
    lengths = np.linalg.norm(first.weight, axis=1, keepdims=True)
    return {
        "nothing": first,
        "tau = 1": Linear(first.weight, first.bias - trained.log_shares),
        "second head": second,
        "nearest class mean": Linear(means, -0.5 * (means**2).sum(axis=1)),
        "tau-normalised head": Linear(first.weight / lengths, np.zeros(len(means))),
    }


def _draw(
    m: int, trained: Trained, pair: tuple[npt.NDArray[np.float32], Ints], kept: Features, was: float
) -> Draw:
    first, second, pi = trained.first, trained.second, trained.log_shares
    assert second is not None
    k, d = first.weight.shape
    samples = Samples(pair, k, d, "held_out")
    told = measured(trained, samples)
    seen = Seen.of(samples, first, second, pi)
    *both, prior = seen.parts
    zero = np.broadcast_to(0.0, prior.shape)
    fitted, on_second = (
        stacked(
            three_numbers((scores, zero, prior), seen.labels, seen.shift, PLAIN), head, None, pi
        )
        for scores, head in zip(both, (first, second), strict=True)
    )
    assert told.numbers is not None
    assert told.worth is not None
    assert told.cause is not None
    heads = {
        "tau of best held-out accuracy": Linear(first.weight, first.bias - _counted_tau(seen) * pi),
        "fitted tau": fitted,
        "fitted tau, second head": on_second,
        "three numbers": stacked(np.array(told.numbers), first, second, pi),
        "prescribed": told.head,
    }
    return Draw(
        m,
        len(pair[1]),
        {name: _accuracies(head, kept, trained) for name, head in heads.items()},
        told.remedy,
        ", ".join(told.cause.named) or "none",
        told.worth.expected,
        told.worth.low,
        told.worth.high,
        _accuracies(told.corrected, kept, trained).balanced - was,
        told.numbers,
    )


def _accuracies(head: Linear, kept: Features, trained: Trained) -> Accuracies:
    answers = head.scores(kept.test).argmax(axis=1)
    shares = np.exp(trained.log_shares)
    return Accuracies.of(answers, kept.test_labels, shares, trained.counts.minorities)


def _counted_tau(seen: Seen) -> float:
    """Return the strength with the best balanced accuracy on held-out samples, the least of
    equal ones.
    """
    k = len(seen.shift)
    scores = [seen.scores((1, 0, tau)).argmax(axis=1) for tau in TAUS]
    accuracy = [
        Accuracies.of(each, seen.labels, np.ones(k), np.array([], np.int64)) for each in scores
    ]
    return float(TAUS[int(np.argmax([each.balanced for each in accuracy]))])


def _drawn(labels: Ints, wanted: Ints) -> Ints | None:
    """Return the first samples of each class that are wanted, or None where there are too few."""
    members = [np.flatnonzero(labels == c)[:n] for c, n in enumerate(wanted)]
    enough = all(len(index) == n for index, n in zip(members, wanted, strict=True))
    return np.concatenate(members) if enough else None


def _figures(trained: Trained, means: Moments, kept: Features) -> Figures:
    counts, weight = trained.counts, trained.first.weight
    shape = measure.geometry(means, weight, center_classifiers=True, counts=counts)
    seli, etf = predict.seli(counts), predict.etf(counts.k)
    answers = trained.first.scores(kept.train).argmax(axis=1)
    shares, few = np.exp(trained.log_shares), counts.minorities
    share = trained.norm_share
    return Figures(
        np.nan if share is None else share,
        contrast(shape.classifiers, few).norm_ratio,
        float(METRICS["nc1"].function(means)),
        shape.classifiers.distance(seli.classifiers),
        shape.embeddings.distance(seli.embeddings),
        shape.embeddings.distance(etf.embeddings),
        Accuracies.of(answers, kept.train_labels, shares, few).balanced,
    )
