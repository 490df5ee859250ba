"""Transferability, bias and variance, samples of another distribution: equal to scikit-learn, to
naive definitions, and to golden numbers that came from the authors' code."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from lopsided import Counts, measure, predict
from lopsided.measure import Moments, bias_variance, transferability
from lopsided.measure.metrics import drift
from lopsided.measure.ood import (
    SCORES,
    Known,
    Outside,
    Separation,
    logit,
    nc5,
    nci,
    neco,
    rejected,
    separation,
    stored_outside,
)

DIGITS, LABELS = load_digits(return_X_y=True)


def by_scikit_learn(x, y, components, shrinkage):
    """The authors' recipe."""
    z = PCA(components, svd_solver="full").fit_transform(x)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage)
    low = lda.fit_transform(z, y)
    p = lda.predict_proba(z)
    norms = [np.linalg.norm(p[y == c], "nuc") for c in np.unique(y)]
    seli = np.linalg.norm(low - low.mean(axis=0), "nuc")
    return seli, p[np.arange(len(y)), y].mean(), np.log(sum(norms))


def test_transferability_of_digits_is_the_golden_one():
    found = transferability(DIGITS / 16, LABELS)
    assert [found.seli, found.ncc, found.collapse, found.shrinkage] == pytest.approx(
        [666.484324559, 0.959918192, 5.107706972, 0.010695924], abs=1e-9
    )


@pytest.mark.parametrize(("scale", "components"), [(16, 64), (1, 61), (10, 30)])
def test_transferability_is_that_of_linear_discriminants_by_scikit_learn(scale, components):
    found = transferability(DIGITS / scale, LABELS, components)
    assert (found.shrinkage > 0) == (scale > 1)
    wanted = by_scikit_learn(DIGITS / scale, LABELS, components, found.shrinkage)
    assert [found.seli, found.ncc, found.collapse] == pytest.approx(wanted, rel=1e-12)


def test_empty_components_are_no_noise():
    # Three pixels are always white. In units of their own rounding, as scikit-learn's svd solver
    # takes them, they would make the first score 727.4428.
    seen = [transferability(DIGITS, LABELS, q).ncc for q in (64, 61)]
    assert seen[0] == pytest.approx(seen[1], rel=1e-14)
    assert transferability(DIGITS, LABELS).seli == pytest.approx(727.098427445, abs=1e-9)
    beside = np.concatenate([DIGITS, np.full((len(DIGITS), 40), 0.1)], axis=1)
    assert transferability(beside, LABELS).seli == pytest.approx(727.098427445, abs=1e-8)


def test_features_that_collapse_more_transfer_better():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(500, 12))
    frame = np.eye(5, 12)[np.arange(500) % 5]
    hub = [transferability(s * frame + noise, np.arange(500) % 5) for s in (1, 3, 2, 6)]
    scores = measure.hub_scores(hub)
    assert np.argsort(scores).tolist() == [0, 2, 1, 3]
    assert scores[3] == pytest.approx(2)
    same = [hub[0], hub[0]]
    assert measure.hub_scores(same).tolist() == [0, 0]


def test_blocks_of_rows_change_nothing():
    x = np.random.default_rng(0).normal(size=(9000, 6)).astype(np.float32)
    y = np.arange(9000) % 3
    x[y == 1] += 1
    wanted = by_scikit_learn(x.astype(np.float64), y, 6, transferability(x, y).shrinkage)
    found = transferability(x, y)
    assert [found.seli, found.ncc, found.collapse] == pytest.approx(wanted, rel=1e-10)


def test_calibrated_members_that_have_collapsed_have_as_much_bias_as_variance():
    shares = np.array([5, 3, 2])  # of ten members, each sure; of ten samples, each label as often
    members = np.repeat(np.eye(3), shares, axis=0)[:, None].repeat(10, axis=1)
    labels = np.repeat([0, 1, 2], shares)
    found = bias_variance(members, labels)
    p = shares / 10
    assert found.bias2.mean() == pytest.approx(1 - p @ p)
    assert found.variance == pytest.approx(1 - p @ p)
    assert found.correct.sum() == 5


def test_probabilities_of_half_precision_sum_to_one_as_well_as_they_can():
    thirds = np.full((2, 4, 3), 1 / 3, np.float16)
    assert bias_variance(thirds, [0, 1, 2, 0]).variance == pytest.approx(0)
    assert bias_variance(list(thirds), [0, 1, 2, 0]).bias2 == pytest.approx(2 / 3, rel=1e-3)


def test_bias_and_variance_are_the_mean_squared_error_of_a_member():
    rng = np.random.default_rng(1)
    members = rng.dirichlet(np.ones(4), (5, 60))
    labels = rng.integers(4, size=60)
    found = bias_variance(members, labels)
    errors = np.sum((members - np.eye(4)[labels]) ** 2, axis=2).mean(axis=0)
    assert found.bias2 + found.variance == pytest.approx(errors)
    x, y = np.log(found.variance[found.correct]), np.log(found.bias2[found.correct])
    slope = np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
    line = [slope, y.mean() - slope * x.mean(), np.corrcoef(x, y)[0, 1]]
    assert [found.slope, found.intercept, found.correlation] == pytest.approx(line)
    assert found.fitted == found.correct.sum()
    sure = bias_variance(np.eye(2)[None].repeat(2, axis=0), [0, 1])
    assert sure.fitted == 0
    assert np.isnan(sure.slope)


@pytest.mark.parametrize("soft", [0.0, 0.1])
@pytest.mark.parametrize("k", [3, 10])
@pytest.mark.parametrize("members", [2, 3, 5])
def test_points_that_differ_by_rounding_alone_are_on_no_line(members, k, soft):
    rng = np.random.default_rng(0)
    labels = rng.integers(k, size=300)
    votes = np.eye(k)[np.tile(labels, (members, 1))]
    wrong = (labels + rng.integers(1, k, size=300)) % k
    votes[rng.integers(members, size=300), np.arange(300)] = np.eye(k)[wrong]
    found = bias_variance((1 - soft) * votes + soft / k, labels)
    assert np.isnan([found.slope, found.intercept, found.correlation]).all()


def network(seed=0, n=60, k=4, d=7):
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(n, d)) + 1, np.arange(n) % k
    features += 3 * np.eye(k, d)[labels]
    moments = Moments(k, d)
    moments.update(features, labels)
    weight, bias = rng.normal(size=(k, d)), rng.normal(size=k)
    return features, labels, weight, bias, Known.of(moments, weight, bias)


def test_scores_are_their_naive_definitions():
    features, labels, weight, bias, known = network()
    mean = features.mean(axis=0)
    basis = PCA(3, svd_solver="full").fit(features).components_
    q = np.linalg.qr((weight - weight.mean(axis=0))[:3].T)[0]
    others = np.random.default_rng(1).normal(size=(9, 7))
    for i, h in enumerate(others):
        z = weight @ h + bias
        share = np.linalg.norm(basis @ h) / np.linalg.norm(h)
        away = h - mean
        naive = {
            "probability": np.exp(z).max() / np.exp(z).sum(),
            "logit": z.max(),
            "NECO": share,
            "NECO x logit": share * z.max(),
            "NCI": weight[z.argmax()] @ away / np.linalg.norm(away),
            "visible": np.linalg.norm(q.T @ away) / np.linalg.norm(away),
        }
        found = {name: score(known, others)[i] for name, score in SCORES.items()}
        assert found == pytest.approx(naive)
        assert nci(known, others, alpha=0.3)[i] == pytest.approx(
            naive["NCI"] + 0.3 * np.abs(h).sum()
        )
        centered = np.linalg.norm(basis @ away) / np.linalg.norm(away)
        assert neco(known, others, center=True)[i] == pytest.approx(centered)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(4)])
    out = others.mean(axis=0)
    cosines = [abs(m @ out) / np.linalg.norm(m) / np.linalg.norm(out) for m in means]
    assert nc5(means, out) == pytest.approx(np.mean(cosines))
    middle = means.mean(axis=0)
    spread = np.sqrt(np.mean([np.sum((m - middle) ** 2) for m in means]))
    moments = Moments(4, 7)
    moments.update(features, labels)
    assert drift(moments) == pytest.approx(np.linalg.norm(middle) / spread)


def test_a_sample_of_no_class_is_refused_without_a_class():
    *_, known = network()
    rows = np.zeros((2, len(known.mean)))
    rows[1, 0] = np.nan
    with pytest.raises(ValueError, match="finite, sample 1 has NaN"):
        known.features(rows)


def test_scores_of_pytorch_ood_are_ours():
    nci_of = pytest.importorskip("pytorch_ood.detector.nci", exc_type=ImportError).NCI
    torch = pytest.importorskip("torch")
    features, _, weight, bias, known = network()
    head = torch.nn.Linear(7, 4).double()
    head.weight.data, head.bias.data = torch.tensor(weight), torch.tensor(bias)
    others = np.random.default_rng(1).normal(size=(9, 7))
    for alpha in (0.0, 0.2):
        theirs = nci_of(torch.nn.Identity(), head.float(), alpha).to("cpu")
        theirs.fit_features(torch.tensor(features))
        found = -theirs.predict_features(torch.tensor(others)).numpy()
        assert found == pytest.approx(nci(known, others, alpha=alpha), rel=1e-4)


def test_in_a_collapsed_network_the_head_sees_what_principal_directions_hold():
    counts = Counts([30, 30, 5, 5])
    W, H = predict.seli(counts).vectors(6)
    labels = np.repeat(np.arange(4), counts.values)
    moments = Moments(4, 6)
    moments.update(H[labels], labels)
    known = Known.of(moments, W)
    assert known.visible.shape == known.directions.shape == (6, 3)
    others = np.random.default_rng(0).normal(size=(20, 6))
    assert SCORES["visible"](known, others) == pytest.approx(neco(known, others, center=True))
    assert SCORES["visible"](known, H) == pytest.approx(1)
    unseen = np.linalg.svd(H)[2][-1]
    assert nc5(known.means, unseen) == pytest.approx(0, abs=1e-12)
    assert neco(known, np.zeros((1, 6))).tolist() == [0]


def test_scores_by_directions_tell_nothing_where_these_are_all(tmp_path):
    rng = np.random.default_rng(0)
    features, labels, weight, bias, known = network(k=6, d=4)
    others = 10 ** rng.uniform(-3, 3, (50, 1)) * rng.normal(size=(50, 4))
    for score in (neco, SCORES["visible"]):
        assert (score(known, others) == 1).all()
    assert SCORES["NECO x logit"](known, others).tolist() == logit(known, others).tolist()
    np.savez(tmp_path / "train.npz", features=features, labels=labels, weight=weight, bias=bias)
    np.savez(tmp_path / "others.npz", features=others)
    store = measure.open_store(tmp_path / "train.npz")
    found = stored_outside(store, tmp_path / "others.npz")
    assert found.alike == ("NECO", "visible")
    for name in found.alike:
        assert found.separations[name] == (0.5, 1.0)
        assert found.rejected[name] == pytest.approx(0.05)
    assert found.sentence().endswith("as of more classes than dimensions: NECO, visible.")
    rows = found.table(Counts(np.bincount(labels)))[1]
    assert [row[0] for row in rows if row[-1] == "none"] == ["NECO", "visible"]


def test_what_is_told_of_several_classes_is_the_mean_of_their_shares():
    """Of 105 samples 5.25 are taken: all five of class 2, and hardly any of the others."""
    counts, labels = Counts([60, 40, 5]), np.repeat([0, 1, 2], [60, 40, 5])
    shares = rejected(np.where(labels == 2, 0.0, 1.0), labels, 3)
    assert shares @ counts.values == pytest.approx(0.05 * counts.n)
    found = Outside(9, "held-out", 0.0, {"one": Separation(0.5, 0.5)}, {"one": shares})
    assert found.sentence().endswith("of several classes the mean of their shares.")
    (cells,) = found.table(Counts([60, 15, 5]))[1]
    assert cells[3:5] == [f"{np.mean(part):.1%}" for part in (shares[1:], shares[:1])]


def test_units_that_are_dead_in_training_are_no_principal_directions():
    rng = np.random.default_rng(0)
    features, labels = np.zeros((200, 20)), np.arange(200) % 10
    features[:, :5] = np.abs(rng.normal(size=(200, 5)) + rng.normal(size=(10, 5))[labels])
    others = np.abs(rng.normal(size=(50, 20)))
    inside = np.linalg.norm(others[:, :5], axis=1) / np.linalg.norm(others, axis=1)
    for order in (np.arange(20), rng.permutation(20)):
        moments = Moments(10, 20)
        moments.update(features[:, order], labels)
        for components in (None, 7):
            known = Known.of(moments, rng.normal(size=(10, 20)), components=components)
            assert known.directions.shape == (20, 5)
            assert neco(known, others[:, order]) == pytest.approx(inside)
    moments = Moments(2, 3)
    moments.update(np.ones((4, 3)), [0, 0, 1, 1])
    assert neco(Known.of(moments, np.eye(2, 3)), np.eye(3)).tolist() == [0, 0, 0]


def test_separation_is_by_pairs_and_ranks():
    rng = np.random.default_rng(0)
    near, far = rng.normal(1, 1, 200).round(1), rng.normal(0, 1, 100).round(1)
    found = separation(near, far)
    pairs = np.subtract.outer(near, far)
    assert found.auroc == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2))
    assert found.auroc == pytest.approx(roc_auc_score(np.repeat([1, 0], [200, 100]), [*near, *far]))
    limit = max(t for t in near if np.mean(near >= t) >= 0.95)
    assert found.fpr95 == np.mean(far >= limit)


def test_a_score_without_favourites_rejects_every_class_alike():
    labels = np.arange(4000) % 4
    scores = np.random.default_rng(0).random(4000)
    assert rejected(scores, labels, 4) == pytest.approx(0.05, abs=0.015)
    assert rejected(scores - (labels == 2), labels, 4).tolist() == [0, 0, 0.2, 0]
    assert np.isnan(rejected(scores, labels, 5)[4])
    for n, share in ((5, 0.05), (23, 0.05), (100, 0.07), (5, 0.95)):
        for same in (np.arange(n), np.arange(n) // 3, np.zeros(n)):
            assert rejected(same, np.zeros(n, int), 1, share=share) == pytest.approx(share)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: transferability(DIGITS, LABELS[1:]), "one row a sample"),
        (lambda: transferability(DIGITS, 0 * LABELS), "at least 2 classes"),
        (lambda: transferability(DIGITS, LABELS + (LABELS > 4)), "class 5 has none"),
        (lambda: transferability(np.eye(2), [0, 10**15]), "class 1 has none"),
        (lambda: transferability(np.full((4, 3), 0.1), [0, 1, 0, 1]), "are the same"),
        (lambda: transferability(DIGITS, LABELS, 0), "components must be a whole number"),
        (lambda: transferability([[1.0, np.nan], [0, 1]], [0, 1]), r"sample 0 \(class 0\) has NaN"),
        (lambda: transferability(1e2 * np.eye(4, 9), [0, 1, 0, 1]), "vary in 2 of 3 directions"),
        (lambda: transferability(DIGITS[0], LABELS), "must have shape"),
        (lambda: measure.hub_scores([]), "at least 2 networks"),
        (lambda: bias_variance([np.eye(2), np.eye(3)], [0, 1]), r"member 1 has \(3, 3\)"),
        (lambda: bias_variance([np.eye(2), 2 * np.eye(2)], [0, 1]), "member 1 for sample 0 sum to"),
        (lambda: bias_variance([np.eye(2)], [0, 1]), "at least 2 members"),
        (lambda: bias_variance([np.eye(2)] * 2, [0]), "one label a sample"),
        (lambda: bias_variance([np.eye(2)] * 2, [0, 2]), "from 0 to 1"),
        (lambda: nci(network()[-1], np.ones((2, 6))), r"must have shape \(n, 7\)"),
        (lambda: neco(network()[-1], np.full((2, 7), np.inf)), "sample 0"),
        (lambda: Known.of(Moments(2, 3, "none"), np.ones((2, 3))), "no sample"),
        (lambda: nc5(np.eye(2), np.zeros(2)), "has none"),
        (lambda: separation([], [1.0]), "got 0 and 1"),
        (lambda: rejected([1.0], [0, 1], 2), "one label a score"),
        (lambda: rejected([1.0], [0], 2, share=2), "between 0 and 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_training_a_head_further_changes_no_score_of_what_was_known_of_it():
    features, _, weight, _, known = network()
    before = logit(known, features)
    weight *= 2.0
    np.testing.assert_array_equal(logit(known, features), before)
