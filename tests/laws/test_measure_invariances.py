"""Laws of the metrics: another basis, order, numbering, copy, unit or origin changes none of them,
in whatever state a network is; norms, spreads and margins are in units of features and head."""

import numpy as np
import pytest

from lopsided.measure import METRICS, Stream

#: Metrics in the unit of the features, of the head, and of both.
FEATURES, HEAD = ("embedding_norms", "spreads"), ("classifier_norms",)
LOGITS = ("smallest_margins", "mean_margins")


def network(k, d, counts, seed=0, within=1.0, apart=2.0):
    rng = np.random.default_rng(seed)
    means, labels = apart * rng.normal(size=(k, d)), np.repeat(np.arange(k), counts)
    features = means[labels] + within * rng.normal(size=(len(labels), d))
    return features, labels, means + 0.3 * rng.normal(size=(k, d)), 0.1 * rng.normal(size=k)


def merged():
    features, labels, weight, bias = network(4, 6, [9, 9, 3, 3])
    features[labels == 3], weight[3] = features[labels == 2], weight[2]
    return features, labels, weight, bias


def in_a_line():
    """Means at equal distances in a line, the middle one at the mean of all."""
    features, labels, weight, bias = network(5, 6, [9, 9, 5, 5, 3])
    for c in range(5):
        features[labels == c] += c * np.arange(6.0) - features[labels == c].mean(axis=0)
    return features, labels, weight, bias


def simplex():
    rng = np.random.default_rng(0)
    vertices = 3 * (np.eye(4) - 1 / 4) @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:4]
    labels = np.repeat(np.arange(4), [9, 9, 3, 3])
    return vertices[labels], labels, vertices, np.zeros(4)


def dead_units():
    features, labels, weight, bias = network(4, 6, [9, 5, 3, 2])
    features[:, 3:] = 0
    return features, labels, weight, bias


def blind(rows):
    features, labels, weight, bias = network(4, 6, [9, 5, 3, 2])
    weight[rows] = 0
    return features, labels, weight, bias


NETWORKS = {
    "separated": lambda: network(4, 6, [20, 9, 5, 3]),
    "two classes": lambda: network(2, 5, [20, 4]),
    "few dimensions": lambda: network(8, 3, [9] * 4 + [3] * 4),
    "one dimension": lambda: network(4, 1, [9, 9, 3, 3]),
    "one dimension less than classes": lambda: network(5, 4, [9, 9, 5, 5, 3]),
    "more dimensions than samples": lambda: network(3, 40, [9, 5, 2]),
    "one sample a class": lambda: network(5, 7, [1] * 5),
    "one sample of the rarest": lambda: network(4, 6, [9, 5, 3, 1]),
    "collapsed": lambda: network(4, 6, [9, 5, 3, 2], within=0.0),
    "nearly collapsed": lambda: network(4, 6, [9, 5, 3, 2], within=1e-9),
    "noise": lambda: network(6, 5, [9, 7, 5, 5, 3, 2], apart=0.0),
    "merged classes": merged,
    "a mean that is the mean of all": in_a_line,
    "a simplex": simplex,
    "dead units": dead_units,
    "no classifiers": lambda: blind(slice(None)),
    "one classifier zero": lambda: blind(1),
    "many classes": lambda: network(60, 20, [5] * 30 + [2] * 30),
}


def measured(features, labels, weight, bias):
    stream = Stream(*weight.shape)
    for i in range(0, len(labels), 7):
        batch = features[i : i + 7]
        stream.update(batch, labels[i : i + 7], batch @ weight.T + bias, linear=True)
    values, undefined = stream.compute(weight, bias).metrics()
    return {name: None if name in undefined else values[name] for name in METRICS}


def changed(features, labels, weight, bias):
    """Yield what a network is after a change, new class -> old, and the units of features and
    head in which it is then."""
    rng, (k, d) = np.random.default_rng(1), weight.shape
    basis = np.linalg.qr(rng.normal(size=(d, d)))[0]
    order, place = rng.permutation(len(labels)), rng.permutation(k)
    numbered, kept, shift = np.argsort(place)[labels], np.arange(k), 2.5 * rng.normal(size=d)
    yield "another basis", (features @ basis, labels, weight @ basis, bias), kept, 1, 1
    yield "another order", (features[order], labels[order], weight, bias), kept, 1, 1
    yield "other numbers", (features, numbered, weight[place], bias[place]), place, 1, 1
    yield "another unit", (features * 3.7, labels, weight, bias * 3.7), kept, 3.7, 1
    yield "another unit of the head", (features, labels, weight * 4, bias * 4), kept, 1, 4
    origin = features + shift, labels, weight, bias - weight @ shift
    yield "another origin", origin, kept, 1, 1
    if np.bincount(labels).min() > 1:  # what two copies of one sample are, nobody can tell
        twice = (np.concatenate([part, part]) for part in (features, labels))
        yield "twice", (*twice, weight, bias), kept, 1, 1


@pytest.mark.parametrize("name", NETWORKS)
def test_no_metric_depends_on_basis_order_numbers_copies_unit_or_origin(name):
    given = NETWORKS[name]()
    before = measured(*given)
    for change, other, place, features, head in changed(*given):
        after = measured(*other)
        for metric, value in before.items():
            if change == "another origin" and metric == "drift":
                continue
            found, told = after[metric], f"{metric} of {change}"
            assert (value is None) == (found is None), told
            if value is None:
                continue
            value = np.asarray(value)[place] if np.ndim(value) == 1 else np.asarray(value)
            value = (
                value
                * features ** (metric in FEATURES + LOGITS)
                * head ** (metric in HEAD + LOGITS)
            )
            size = np.abs(value[np.isfinite(value)]).max(initial=1e-6)
            np.testing.assert_allclose(found, value, rtol=1e-7, atol=1e-8 * size, err_msg=told)
