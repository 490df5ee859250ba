"""Every sentence of the verdict: where it is said, and the counter-examples of which a figure alone
would say it wrongly.

NETWORKS are measurements, each with what is true of it in its name. SENTENCES says of which of them
a sentence is said and of which it is not, though a naive rule would.
"""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest

from lopsided import Counts, predict, solve
from lopsided.measure import Collapse, Decisions, Moments

STEP = Counts.step(k=10, minority=5, ratio=10)
TAIL = Counts.exponential(50, 500, 100)
MNIST = Counts([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
SELI, ETF = predict.seli(STEP), predict.etf(10)
LAWS = {"SELI": SELI, "ETF": ETF}


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def of(features, labels, weight, counts=STEP, *, bias=None, laws=LAWS, errors=None, classes="all"):
    """Measure features in one pass, with the answers of the head or with given errors; return
    measurement and predictions."""
    moments, decisions = Moments(len(weight), weight.shape[1]), Decisions(len(weight))
    moments.update(features, labels)
    decisions.update(features @ weight.T + (0 if bias is None else bias), labels)
    if errors is not None:
        decisions.errors[:] = errors
    return Collapse.of(moments, weight, bias, decisions, classes, counts), laws


def drawn(law=SELI, samples=STEP, noise=0.05, d=32):
    """Samples about the class means of a prediction: features, labels and its classifiers."""
    weight, means = law.vectors(d, 0)
    labels = np.repeat(np.arange(len(samples)), list(samples))
    return means[labels] + noise * np.sqrt(np.mean(means**2)) * draw(len(labels), d), labels, weight


def settled(counts=STEP, laws=LAWS, **options):
    return of(*drawn(**options), counts, laws=laws)


def noise(samples, d, weight=None):
    k, labels = len(samples), np.repeat(np.arange(len(samples)), list(samples))
    laws = {"SELI": predict.seli(Counts(samples)), "ETF": predict.etf(k)}
    return of(
        draw(len(labels), d),
        labels,
        draw(k, d, seed=1) if weight is None else weight,
        Counts(samples),
        laws=laws,
    )


def untrained(k, d, counts):
    """Features that show the classes a little, and a random head."""
    labels = np.repeat(np.arange(k), 10)
    laws = {"SELI": predict.seli(counts), "ETF": predict.etf(k)}
    return of(
        draw(k, d)[labels] + 3 * draw(10 * k, d, seed=1),
        labels,
        draw(k, d, seed=2),
        counts,
        laws=laws,
    )


def changed(change, **options):
    """The network of `drawn` after a change of its features, labels and weight."""
    features, labels, weight = drawn(**options)
    features, weight = change(features.copy(), labels, weight.copy())
    return of(features, labels, weight)


def merge(features, labels, weight, together=slice(5, 10)):
    means = np.stack([features[labels == c].mean(axis=0) for c in range(10)])
    shift = np.zeros_like(means)
    shift[together] = means[together][0] - means[together]
    weight[together] = weight[together][0] + 0.01 * weight[together]
    return features + shift[labels], weight


def scatter(features, labels, weight):
    features[labels >= 8] += 0.5 * draw(*features[labels >= 8].shape, seed=3)
    return features, weight


def far(features, labels, weight):
    features = draw(*features.shape, seed=3)
    features[labels == 0] += 1000
    return features, weight


def on_a_circle():
    turn = 2 * np.pi * np.arange(10) / 10
    points, labels = np.column_stack([np.cos(turn), np.sin(turn)]), np.repeat(np.arange(10), 20)
    return of(points[labels] + 0.01 * draw(200, 2), labels, points)


def two(counts, features=None, weight=None):
    x, labels, w = drawn(predict.etf(2), [20, 20])
    laws = {"SELI": predict.seli(counts), "ETF": predict.etf(2)}
    return of(
        x if features is None else features,
        labels,
        w if weight is None else weight,
        counts,
        laws=laws,
    )


def halfway():
    """Classifiers and means as far from the one prediction as from the other: the sum of the two
    Grams."""

    def between(part):
        grams = [
            getattr(law, part).matrix() / getattr(law, part).frobenius() for law in (SELI, ETF)
        ]
        values, vectors = np.linalg.eigh(grams[0] + grams[1])
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        return root @ np.eye(10, 32)

    labels = np.repeat(np.arange(10), 4)
    return of(between("embeddings")[labels] + 0.001 * draw(40, 32), labels, between("classifiers"))


def merged_classifiers(counts, members, **options):
    features, labels, weight = drawn(predict.etf(10), **options)
    weight[members] = weight[members[0]] + 0.05 * weight[members]
    return of(features, labels, weight, counts)


def zero(*classes):
    return changed(lambda x, _, w: (x, np.where(np.isin(np.arange(10), classes)[:, None], 0, w)))


NETWORKS = {
    "SELI": lambda: settled(),
    "SELI, ten times as many samples": lambda: settled(samples=[500] * 5 + [50] * 5),
    "SELI, far from the origin": lambda: changed(lambda x, _, w: (x + 1e6, w)),
    "SELI, a part of all classifiers shared": lambda: changed(lambda x, _, w: (x, w + 30)),
    "SELI, features still scattered": lambda: settled(noise=0.6),
    "SELI, one sample a minority": lambda: settled(
        Counts([50] * 5 + [1] * 5), samples=[50] * 5 + [1] * 5
    ),
    "SELI, one sample a class": lambda: settled(samples=[1] * 10),
    "SELI, counts not given": lambda: settled(None),
    "SELI, a balanced set measured, counts given": lambda: settled(samples=[20] * 10),
    "SELI, a balanced set measured, counts not given": lambda: settled(None, samples=[20] * 10),
    "SELI, a balanced set measured and taken for the training set": lambda: settled(
        None, {"SELI": predict.seli(Counts([20] * 10)), "ETF": ETF}, samples=[20] * 10
    ),
    "SELI, nothing predicted": lambda: settled(laws={}),
    "SELI, only itself predicted": lambda: settled(laws={"SELI": SELI}),
    "SELI, counts reversed": lambda: settled(Counts(STEP.values[::-1])),
    "SELI, counts a little off": lambda: settled(Counts([47, 52, 50, 49, 51, 5, 6, 5, 5, 4])),
    "SELI, counts in another order": lambda: settled(
        Counts(np.roll(STEP.values, 3)), samples=[50] * 5 + [4, 6, 5, 5, 5]
    ),
    "SELI, what training left over measured": lambda: settled(samples=[20] * 5 + [65] * 5),
    "SELI, a bias": lambda: of(*drawn(), bias=np.arange(10.0)),
    "SELI, the same bias for all": lambda: of(*drawn(), bias=np.ones(10)),
    "SELI, all classifiers negated": lambda: changed(lambda x, _, w: (x, -w)),
    "SELI, classifiers turned": lambda: changed(
        lambda x, _, w: (x, w @ np.linalg.qr(draw(32, 32, seed=5))[0])
    ),
    "SELI, classifiers of equal count exchanged": lambda: changed(
        lambda x, _, w: (x, w[[1, 2, 3, 4, 0, 6, 7, 8, 9, 5]])
    ),
    "SELI, a part of all classifiers shared, negated": lambda: changed(lambda x, _, w: (x, 30 - w)),
    "two classes, classifiers exchanged": lambda: two(
        Counts([90, 9]), weight=drawn(predict.etf(2), [20, 20])[2][::-1]
    ),
    "SELI, an optimum of zero predicted": lambda: settled(
        laws={"the optimum": solve.minimize(solve.Problem(STEP, ridge=1e6)).geometry, "ETF": ETF}
    ),
    "ETF, MNIST as it is": lambda: settled(
        MNIST, {"SELI": predict.seli(MNIST), "ETF": ETF}, law=ETF, samples=[40] * 10
    ),
    "ETF, balanced": lambda: settled(
        Counts([9] * 10),
        {"SELI": predict.seli(Counts([9] * 10)), "ETF": ETF},
        law=ETF,
        samples=[9] * 10,
    ),
    "ETF, balanced, features still scattered": lambda: settled(
        Counts([9] * 10),
        {"SELI": predict.seli(Counts([9] * 10)), "ETF": ETF},
        law=ETF,
        samples=[9] * 10,
        noise=0.6,
    ),
    "halfway between SELI and ETF": halfway,
    "noise": lambda: noise([50] * 5 + [5] * 5, 64),
    "noise in many dimensions": lambda: noise([20] * 5 + [2] * 5, 2048),
    "noise in many dimensions, two samples a class": lambda: noise([2] * 10, 2048),
    "noise in many dimensions, one sample a class": lambda: noise([1] * 10, 2048),
    "noise under the head of an ETF": lambda: noise([50] * 5 + [5] * 5, 32, drawn(ETF)[2]),
    "untrained, fifty classes": lambda: untrained(50, 2048, TAIL),
    "untrained, a thousand classes": lambda: untrained(
        1000, 64, Counts.exponential(1000, 500, 100)
    ),
    "two classes": lambda: two(Counts([90, 9])),
    "two classes, untrained": lambda: two(Counts([90, 9]), draw(40, 2), draw(2, 2, seed=1)),
    "ten classes on a circle": on_a_circle,
    "minority means merged, classifiers too": lambda: changed(merge),
    "minority means merged to within their scatter": lambda: changed(
        lambda x, y, w: merge(x + 0.01 * draw(*x.shape), y, w)
    ),
    "two pairs of means merged": lambda: changed(
        lambda x, y, w: merge(merge(x, y, w, slice(0, 2))[0], y, w, slice(8, 10))
    ),
    "two minorities scattered": lambda: changed(scatter),
    "one class far away, the others noise": lambda: changed(far),
    "all means alike": lambda: changed(lambda x, _, w: (np.ones_like(x), w)),
    "minority classifiers merged": lambda: merged_classifiers(STEP, [6, 7, 8]),
    "four minority classifiers merged": lambda: merged_classifiers(STEP, [6, 7, 8, 9]),
    "a majority and a minority classifier merged": lambda: merged_classifiers(STEP, [4, 9]),
    "two classifiers merged, MNIST as it is": lambda: merged_classifiers(
        MNIST, [4, 9], samples=[20] * 10
    ),
    "one long classifier": lambda: changed(
        lambda x, _, w: (x, np.eye(10, 32) * np.array([20] + [1] * 9)[:, None])
    ),
    "some classifiers zero": lambda: zero(2, 3),
    "one classifier zero": lambda: zero(7),
    "one classifier next to zero": lambda: changed(
        lambda x, _, w: (x, w * np.array([1] * 9 + [1e-14])[:, None])
    ),
    "all classifiers zero": lambda: zero(*range(10)),
    "all classifiers zero, a bias": lambda: of(
        *drawn()[:2], np.zeros((10, 32)), bias=np.arange(10.0)
    ),
    "all classifiers the same": lambda: changed(lambda x, _, w: (x, np.ones_like(w))),
    "minorities err": lambda: of(*drawn(), errors=[0] * 5 + [3] * 5),
    "minorities err once in five samples": lambda: of(
        *drawn(samples=[5] * 5 + [1] * 5), errors=[0] * 9 + [1]
    ),
    "all classes err": lambda: of(*drawn(), errors=[30] * 5 + [3] * 5),
    "one class errs, MNIST as it is": lambda: of(
        *drawn(samples=[20] * 10), MNIST, errors=[0] * 5 + [19] + [0] * 4
    ),
    "the one small class errs": lambda: of(
        *drawn(samples=[20] * 10), Counts([100] * 9 + [10]), errors=[0] * 9 + [18]
    ),
}


@functools.cache
def words(name):
    collapse, laws = NETWORKS[name]()
    return collapse.verdict(laws)


COLLAPSED = "Features have collapsed to their class means"
SCATTERED = "Features have not collapsed to their class means"
MERGED = r"Features have collapsed to \d+ points instead of 10: classes"
APART = r"No two classifiers are merging \(every cosine is below 0.5\)"
MERGING = r"The classifiers of classes [\d, ]+ are merging"
NOISE = r"Of the squared distances between class means \d+% is what sampling alone would give"
MERGED_MEANS = [
    "minority means merged, classifiers too",
    "minority means merged to within their scatter",
]
UNALIGNED = [
    "SELI, all classifiers negated",
    "SELI, classifiers turned",
    "SELI, classifiers of equal count exchanged",
    "SELI, a part of all classifiers shared, negated",
]
ALL_NOISE = [
    "noise",
    "noise in many dimensions",
    "noise in many dimensions, two samples a class",
    "noise under the head of an ETF",
]

#: Sentence -> networks of which it is said, and networks of which a naive rule would say it.
SENTENCES = {
    COLLAPSED: (
        [
            "SELI",
            "SELI, far from the origin",
            "SELI, one sample a minority",
            "ETF, MNIST as it is",
            "all classifiers zero",
        ],
        [
            *ALL_NOISE,
            *MERGED_MEANS,
            "SELI, features still scattered",
            "SELI, one sample a class",
            "two minorities scattered",
            "noise in many dimensions, one sample a class",
            "one class far away, the others noise",
        ],
    ),
    SCATTERED: (
        [
            *ALL_NOISE,
            "SELI, features still scattered",
            "untrained, fifty classes",
            "two classes, untrained",
        ],
        [
            *MERGED_MEANS,
            "two pairs of means merged",
            "two minorities scattered",
            "SELI, one sample a class",
        ],
    ),
    MERGED: (
        [*MERGED_MEANS, "two pairs of means merged", "one class far away, the others noise"],
        ["SELI", *ALL_NOISE],
    ),
    r"Features of classes 8, 9 have not collapsed to their class means, those of the others have": (
        ["two minorities scattered"],
        ["SELI, features still scattered", *MERGED_MEANS],
    ),
    r"; of classes 5, 6, 7, 8, 9 one sample each tells no scatter": (
        ["SELI, one sample a minority"],
        ["SELI"],
    ),
    "Every class has one sample: its scatter is zero by construction": (
        ["SELI, one sample a class", "noise in many dimensions, one sample a class"],
        ["SELI, one sample a minority"],
    ),
    "All class means coincide": (
        ["all means alike"],
        [*MERGED_MEANS, *ALL_NOISE, "SELI, far from the origin"],
    ),
    NOISE: (
        ALL_NOISE,
        ["SELI", "SELI, one sample a minority", "SELI, one sample a class", *MERGED_MEANS],
    ),
    APART: (
        [
            "SELI",
            "ETF, balanced",
            "noise in many dimensions",
            "untrained, fifty classes",
            "one long classifier",
        ],
        [
            "minority classifiers merged",
            "SELI, a part of all classifiers shared",
            "ten classes on a circle",
        ],
    ),
    MERGING: (
        [
            "minority classifiers merged",
            "a majority and a minority classifier merged",
            "two classifiers merged, MNIST as it is",
            "minority means merged, classifiers too",
        ],
        [
            "SELI, a part of all classifiers shared",
            "ten classes on a circle",
            "untrained, a thousand classes",
            "one long classifier",
            "one classifier next to zero",
        ],
    ),
    r"are merging \(all minorities\)": (
        ["minority classifiers merged"],
        ["a majority and a minority classifier merged", "two classifiers merged, MNIST as it is"],
    ),
    r"are merging \(not only minorities\)": (
        ["a majority and a minority classifier merged"],
        ["minority classifiers merged", "two classifiers merged, MNIST as it is"],
    ),
    r"closest are \d+ and \d+, with a cosine of 0.\d\d, "
    r"as [\d,]+ random directions in \d+ dimensions may have": (
        ["ten classes on a circle", "untrained, a thousand classes"],
        ["minority classifiers merged"],
    ),
    "but about the mean classifier, which moves all logits of a sample alike, none are": (
        ["SELI, a part of all classifiers shared"],
        ["minority classifiers merged", "all classifiers the same"],
    ),
    "The classifiers of classes 2, 3 are zero": (
        ["some classifiers zero"],
        ["all classifiers zero", "SELI"],
    ),
    r"The classifier of class \d is zero": (
        ["one classifier zero", "one classifier next to zero"],
        ["SELI"],
    ),
    "All classifiers are zero: the head answers the same for every sample": (
        ["all classifiers zero", "all classifiers zero, a bias"],
        ["all classifiers the same", "some classifiers zero"],
    ),
    "All classifiers are the same": (
        ["all classifiers the same"],
        ["SELI, a part of all classifiers shared"],
    ),
    "SELI explains both best": (
        [
            "SELI",
            "SELI, ten times as many samples",
            "SELI, far from the origin",
            "SELI, a part of all classifiers shared",
            "SELI, one sample a minority",
            "SELI, a balanced set measured, counts given",
        ],
        [
            "SELI, features still scattered",
            "SELI, only itself predicted",
            "halfway between SELI and ETF",
            "SELI, a balanced set measured and taken for the training set",
            *UNALIGNED,
        ],
    ),
    "SELI explains each by itself best": (UNALIGNED, ["SELI", "two minorities scattered"]),
    r"but logits are [\d.]+ from SELI(, [\d.]+ from ETF)? \(nearer than 0.25 would be a fit\): "
    "classifiers do not lie to the class means as predicted": (
        [*UNALIGNED, "two classes, classifiers exchanged"],
        [
            "SELI",
            "SELI, a part of all classifiers shared",
            "SELI, features still scattered",
            "two classes",
            "noise",
            "all classifiers zero",
        ],
    ),
    "SELI fits both": (["SELI, only itself predicted"], ["SELI"]),
    "ETF explains both best": (
        ["ETF, MNIST as it is"],
        [
            "untrained, fifty classes",
            "noise in many dimensions, two samples a class",
            "ETF, balanced",
        ],
    ),
    "SELI is nearest to both so far": (["SELI, features still scattered"], ["SELI"]),
    "(SELI|ETF) explains the class means best": (
        ["all classifiers zero", "some classifiers zero", "minority classifiers merged"],
        ["two minorities scattered", "noise", "one class far away, the others noise"],
    ),
    "SELI explains the classifiers best": (
        ["one class far away, the others noise"],
        ["some classifiers zero"],
    ),
    "(SELI|ETF) is nearest to the classifiers so far": (
        ["two minorities scattered", "all means alike", "noise under the head of an ETF"],
        ["some classifiers zero", "noise"],
    ),
    "SELI and ETF are equally near both so far": (
        ["ETF, balanced, features still scattered"],
        ["ETF, balanced"],
    ),
    "SELI and ETF explain the classifiers equally well": (
        ["two classes"],
        ["two classes, untrained"],
    ),
    r"no prediction fits the classifiers \(nearer than 0.25 would be a fit\)": (
        ["some classifiers zero", "noise", "two classes, untrained"],
        ["SELI, a part of all classifiers shared"],
    ),
    r"no prediction fits the class means \(nearer than 0.25 would be a fit\)": (
        ["one class far away, the others noise"],
        ["noise", "two classes"],
    ),
    "explain both equally well": (
        ["halfway between SELI and ETF", "ETF, balanced"],
        ["SELI", "ETF, MNIST as it is"],
    ),
    "and are one geometry here": (
        ["ETF, balanced", "two classes"],
        ["halfway between SELI and ETF", "ETF, MNIST as it is"],
    ),
    r"about their mean, which no softmax depends on, 0.00 from SELI": (
        ["SELI, a part of all classifiers shared"],
        ["two classes, untrained", "all classifiers the same"],
    ),
    r"(SELI|ETF) fits the (classifiers|class means) no better than random directions may": (
        ["untrained, fifty classes"],
        ["ETF, MNIST as it is"],
    ),
    r"no prediction fits the classifiers or the class means \(nearer than 0.25 would be a fit\)": (
        ["ten classes on a circle", "SELI, a balanced set measured and taken for the training set"],
        ["SELI", *ALL_NOISE],
    ),
    "predictions spread 10 classes over 9 dimensions, these features have 2": (
        ["ten classes on a circle"],
        ["noise", "SELI"],
    ),
    "of the class means nothing can be said": (ALL_NOISE, ["SELI", "SELI, one sample a class"]),
    "class means of two classes are opposite whatever the network does": (
        ["two classes", "two classes, untrained"],
        ["SELI"],
    ),
    r"The optimum of the optimum is zero, so there is nothing to compare with\.": (
        ["SELI, an optimum of zero predicted"],
        ["all classifiers zero"],
    ),
    "are the counts in the order of the labels": (
        ["SELI, counts reversed", "SELI, counts in another order"],
        [
            "SELI, what training left over measured",
            "SELI",
            "SELI, a balanced set measured, counts given",
            "SELI, counts a little off",
            "SELI, counts not given",
        ],
    ),
    "SELI is for other class counts than the training counts given": (
        ["SELI, counts reversed"],
        ["SELI", "SELI, counts a little off", "SELI, a balanced set measured, counts given"],
    ),
    "SELI is for other class counts than the samples measured have": (
        ["SELI, a balanced set measured, counts not given"],
        ["SELI, counts not given", "SELI, a balanced set measured and taken for the training set"],
    ),
    "No training counts were given: minorities and predictions go by the samples measured": (
        ["SELI, counts not given"],
        ["SELI", "SELI, a balanced set measured, counts not given"],
    ),
    "No training counts were given, and the samples measured are balanced": (
        [
            "SELI, a balanced set measured, counts not given",
            "SELI, a balanced set measured and taken for the training set",
        ],
        ["SELI, counts not given", "ETF, balanced", "SELI, a balanced set measured, counts given"],
    ),
    "The head has a bias; SELI is for a head without": (
        ["SELI, a bias"],
        ["SELI", "SELI, the same bias for all"],
    ),
    r"closest are 6 and 7, with a cosine of 1.00, then 6 and 8 \(1.00\), 7 and 8 \(1.00\)": (
        ["minority classifiers merged"],
        ["a majority and a minority classifier merged"],
    ),
    r"and 1 more pair\.": (["four minority classifiers merged"], ["minority classifiers merged"]),
    r"and \d more pairs": (
        ["minority means merged, classifiers too"],
        ["minority classifiers merged", "SELI"],
    ),
    "training on at a constant rate": (
        ["SELI, features still scattered", "untrained, fifty classes", "two minorities scattered"],
        ["SELI", *ALL_NOISE, *MERGED_MEANS, "SELI, one sample a class", "all means alike"],
    ),
    r"Minorities err \d+% of the time \(mean of their classes; in \d+ of \d+ samples\), other"
    " classes 0%; why, and what another head would be worth, held-out samples tell": (
        ["minorities err", "the one small class errs", "two minorities scattered"],
        [
            "minorities err once in five samples",
            "all classes err",
            "one class errs, MNIST as it is",
        ],
    ),
    r"Minorities err 60% of the time \(mean of their classes; in 15 of 25 samples\)": (
        ["minorities err"],
        ["the one small class errs"],
    ),
}
SAID = [(sentence, name) for sentence, (said, _) in SENTENCES.items() for name in said]
NOT_SAID = [(sentence, name) for sentence, (_, not_said) in SENTENCES.items() for name in not_said]


@pytest.mark.parametrize(("sentence", "name"), SAID)
def test_the_verdict_says_what_is_true(sentence, name):
    assert re.search(sentence, words(name)), words(name)


@pytest.mark.parametrize(("sentence", "name"), NOT_SAID)
def test_the_verdict_does_not_say_what_only_a_figure_suggests(sentence, name):
    assert not re.search(sentence, words(name)), words(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_sentence_of_a_verdict_is_without_a_counter_example(name):
    for sentence in re.split(r"(?<=[a-z)%])[.?] |\.$", words(name)):
        distances = re.match(r"(Classifiers|Class means) are [\d.]+ from [^:]+: (.+)", sentence)
        for clause in distances[2].split("; ") if distances else [sentence]:
            assert not clause or any(re.search(known, clause + ".") for known in SENTENCES), clause


def test_balanced_counts_are_never_told_of_minorities():
    for name in (
        "ETF, MNIST as it is",
        "two classifiers merged, MNIST as it is",
        "one class errs, MNIST as it is",
    ):
        assert "minorit" not in words(name)


@pytest.mark.parametrize(
    "name",
    ["SELI", "noise", "minority classifiers merged", "two minorities scattered", *MERGED_MEANS],
)
def test_a_verdict_does_not_depend_on_units_rotation_or_origin(name):
    collapse, laws = NETWORKS[name]()
    moments, turn = collapse.moments, np.linalg.qr(draw(collapse.moments.d, collapse.moments.d))[0]
    moved = moments.copy()
    moved.means = 7 * moments.means @ turn + 5
    moved.spread = 49 * moments.spread
    moved.scatter = None
    plain = Collapse.of(
        strip(moments), collapse.weight, None, collapse.decisions, counts=collapse.counts
    )
    other = Collapse.of(
        moved, 3 * collapse.weight @ turn, None, collapse.decisions, counts=collapse.counts
    )
    assert other.verdict(laws) == plain.verdict(laws)


def strip(moments):
    result = moments.copy()
    result.scatter = None
    return result


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_minorities_do_not_err_more_because_few_samples_of_the_others_are_right(rate):
    rng, said = np.random.default_rng(0), 0
    features, labels, weight = drawn(samples=[5] * 10)
    for _ in range(200):
        collapse, _ = of(
            features,
            labels,
            weight,
            Counts([100] * 2 + [10] * 8),
            errors=rng.binomial(5, [rate] * 10),
        )
        said += "Minorities err" in collapse.verdict()
    assert said <= 0.05 * 200


@pytest.mark.parametrize(("k", "few"), [(10, 2), (4, 2), (4, 5)])
@pytest.mark.parametrize("ratio", [0.05, 0.2])
def test_classes_of_few_samples_are_not_told_apart_from_others_that_scatter_alike(k, few, ratio):
    counts, told = Counts([50] * (k // 2) + [few] * (k - k // 2)), []
    means = predict.etf(k).vectors(k - 1, 0)[1]
    means /= np.linalg.norm(means[0] - means[1]) / 2**0.5
    labels = np.repeat(np.arange(k), counts.values)
    for seed in range(60):
        noise = (ratio / (k - 1)) ** 0.5 * draw(len(labels), k - 1, seed=seed)
        told.append(of(means[labels] + noise, labels, means, counts)[0].verdict())
    apart = [text for text in told if re.search("Features of .* those of the others have", text)]
    assert len(apart) <= 0.07 * 60
    assert any("are too few to tell" in text for text in told)
    memorised = np.where(labels < k // 2, 0.5, 1e-3)[:, None]
    features = means[labels] + memorised * draw(len(labels), k - 1)
    assert "those of the others have" in of(features, labels, means, counts)[0].verdict()


@pytest.mark.parametrize("apart", [2.0, 4.0])
def test_merged_means_are_not_told_to_be_nearer_than_they_are(apart):
    """Two samples of a class are sqrt(2) apart, in the mean of squares."""
    means = np.array([[0, 0], [apart, 0], [40, 40], [0, -40.0]])
    labels = np.repeat(np.arange(4), 200)
    collapse, _ = of(means[labels] + draw(800, 2) / 2**0.5, labels, np.eye(4, 2), None)
    told = re.search(r"share one, each mean at most ([\d.]+) times as far", collapse.verdict())
    assert told
    assert float(told[1]) > apart / 2**0.5


@pytest.mark.parametrize("d", [3, 64])
def test_untrained_heads_of_three_classes_fit_nothing(d):
    labels, counts, said = np.repeat(np.arange(3), 3), Counts([100, 100, 10]), 0
    laws = {"SELI": predict.seli(counts), "ETF": predict.etf(3)}
    for seed in range(100):
        weight, means = draw(2, 3, d, seed=seed)
        collapse, _ = of(means[labels] + 0.001 * draw(9, d), labels, weight, counts)
        said += bool(re.search("explains? (the cl|both|each)", collapse.verdict(laws)))
    assert said <= 0.1 * 100  # of classifiers and of means once in twenty times at most
    features, labels, weight = drawn(laws["SELI"], samples=[9, 9, 9], d=d)
    assert "SELI explains both best" in of(features, labels, weight, counts)[0].verdict(laws)


def test_a_prediction_for_other_classes_is_refused_by_name():
    collapse, _ = NETWORKS["SELI"]()
    for call in (collapse.verdict, collapse.table, collapse.scalars):
        with pytest.raises(
            ValueError, match="the prediction ETF is for 9 classes, the measurement has 10 classes"
        ):
            call({"SELI": SELI, "ETF": predict.etf(9)})


def test_names_of_predictions_are_the_users():
    collapse, _ = NETWORKS["SELI"]()
    assert "[bold]my law[/] explains both best" in collapse.verdict(
        {"[bold]my law[/]": SELI, "{}": ETF}
    )
    assert "classes 1, 2, 3" not in collapse.verdict({})


def test_classes_left_out_keep_their_labels_in_words():
    features, labels, weight = drawn(ETF)
    weight[[6, 8]] = weight[6] + 0.01 * weight[[6, 8]]
    seen = labels != 2
    collapse, _ = of(features[seen], labels[seen], weight, classes="seen")
    assert (
        "The classifiers of classes 6, 8 are merging (all minorities); closest are 6 and 8"
        in collapse.verdict({})
    )
