"""What is noticed of misuse: probabilities for logits, columns for rows, what is no tensor."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided import Adjustment, Counts, measure, predict, steer
from lopsided.measure.network.replay import Replay
from lopsided.steer import posthoc

COUNTS = Counts([50, 20, 5, 1])
RULES = {
    "logit adjustment": posthoc.logit_adjustment,
    "multiplicative": lambda z, counts: posthoc.multiplicative(z, counts, 0.25),
    "one-versus-one": posthoc.one_versus_one,
}
LOSSES = {
    "cross-entropy": lambda: steer.AdjustedCrossEntropy(Adjustment.logit_adjusted(COUNTS)),
    "focal": lambda: steer.Focal(2.0),
}
LABELS = torch.arange(8) % 4


def logits(n=8, k=4, seed=0):
    return 3 * torch.randn(n, k, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("k", [3, 4, 300])
def test_a_rule_for_logits_refuses_probabilities(rule, dtype, k):
    counts = Counts(np.arange(1, k + 1))
    probabilities = logits(k=k).to(dtype).softmax(1)
    with pytest.raises(ValueError, match=r"these are probabilities.*give the logits"):
        rule(probabilities, counts)
    with pytest.raises(ValueError, match="these are probabilities"):
        rule(probabilities.float(), counts)


STATES = {
    "stream": measure.Stream,
    "replay": Replay,
    "decisions": lambda k, d: measure.Decisions(k),
}


def margins(state, z, size):
    measured, features = STATES[state](4, 5), torch.randn(8, 5)
    for batch in torch.arange(8).split(size):
        given = (features[batch], LABELS[batch], z[batch])
        measured.update(*(given[:0:-1] if state == "decisions" else given))
    return (measured if state == "decisions" else measured.compute().decisions).margin_sum


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("size", [8, 2])
def test_a_measurement_refuses_probabilities_and_takes_their_logarithms(state, size):
    z = logits()
    assert margins(state, z.log_softmax(1), size) == pytest.approx(
        margins(state, z, size), rel=1e-5
    )
    if state == "decisions" and size == 2:  # two rows may be distributions by chance
        return
    with pytest.raises(ValueError, match=r"these are probabilities.*give the logits"):
        margins(state, z.softmax(1), size)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_logarithms_of_probabilities_are_logits_to_a_rule_that_adds_alone(rule):
    z = logits()
    for logged in (z.log_softmax(1), z.log_softmax(1).numpy(), z.bfloat16().log_softmax(1)):
        if rule is posthoc.logit_adjustment:
            assert (rule(logged, COUNTS).argmax(1) == rule(z, COUNTS).argmax(1)).all()
            continue
        with pytest.raises(ValueError, match="these are log-probabilities"):
            rule(logged, COUNTS)
    assert rule(z - z.amax(1, keepdim=True), COUNTS).shape == z.shape


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_takes_counts_in_every_form(rule):
    wanted = rule(logits(), COUNTS)
    for counts in ([50, 20, 5, 1], np.array(COUNTS), torch.tensor(COUNTS.values), "50, 20, 5, 1"):
        assert torch.equal(rule(logits(), counts), wanted)
    weight = torch.eye(4)
    assert torch.equal(posthoc.tau_normalised(weight, counts=[50, 20, 5, 1]), weight)
    for tau in ("1", True, None):
        with pytest.raises(TypeError, match="tau must be"):
            posthoc.logit_adjustment(logits(), COUNTS, tau)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda: steer.Focal(2.0, 0)(logits(), LABELS), TypeError, "must be an Adjustment"),
        (
            lambda: steer.PeerToPeer()(logits(), torch.eye(4).long(), LABELS),
            TypeError,
            "weight must be floating point",
        ),
        (
            lambda: steer.SpectralContrastive()(logits(), LABELS, np.ones(8)),
            TypeError,
            "weights must be a torch tensor",
        ),
        (
            lambda: steer.SpectralContrastive()(logits(), LABELS, torch.full((8,), torch.inf)),
            ValueError,
            "weights must be finite",
        ),
        (
            lambda: steer.SupervisedContrastive()(logits()[:, :0], LABELS),
            ValueError,
            "one dimension or more",
        ),
        (lambda: steer.nearest_etf(np.eye(3)), TypeError, "must be a torch tensor"),
        (lambda: steer.nearest_etf(torch.eye(3), delta="1"), TypeError, "delta must be one number"),
        (
            lambda: steer.nearest_etf(torch.full((3, 3), torch.nan)),
            ValueError,
            "must be finite",
        ),
        (
            lambda: steer.nearest_frame(torch.eye(3), None, 0.1),
            TypeError,
            "an earlier frame must be a torch tensor",
        ),
        (
            lambda: steer.nearest_etf(torch.eye(3), torch.eye(3), 1e300),
            ValueError,
            "delta is so large",
        ),
        (lambda: steer.FixedHead(predict.etf(3), 5.0), ValueError, "dimensions d must be a whole"),
        (lambda: steer.PrimedHead(5, 3, predict.etf(3)), TypeError, "primes are of must be a Gram"),
        (
            lambda: steer.FixedHead(predict.etf(3), 5, learn_scale="no"),
            TypeError,
            "learn_scale must be True or False",
        ),
        (
            lambda: steer.CenterClassification(torch.nn.Sequential(torch.nn.Linear(5, 3))),
            TypeError,
            r"weight of shape \(k, d\), such as a FixedHead, got Sequential",
        ),
        (lambda: steer.initialise_(torch.nn.Linear(5, 3), "etf"), TypeError, "must be a Geometry"),
        (
            lambda: steer.initialise_(torch.nn.Conv2d(5, 3, 1), predict.etf(3)),
            ValueError,
            r"weight of shape \(k, d\), got \(3, 5, 1, 1\)",
        ),
        (
            lambda: steer.Deferred("cross-entropy", logits, after=3),
            TypeError,
            "must be a function of logits and labels, got 'cross-entropy'",
        ),
        (lambda: steer.AlignedExits([1.0], torch.nn.CrossEntropyLoss), TypeError, "got <class"),
        (lambda: steer.CosineHead(5, 3, seed=0.5), ValueError, "seed must be a whole number"),
        (lambda: steer.FixedHead(predict.etf(3), 5, seed=None), ValueError, "seed must be a whole"),
        (lambda: steer.sparse_frame(4, 16, seed=-1), ValueError, "seed must be a whole number"),
        *(
            (lambda head=head, sizes=sizes: head(*sizes), ValueError, words)
            for head in (
                steer.CosineHead,
                steer.PrototypeHead,
                steer.PrimedHead,
                steer.MixedHead,
                steer.NearestETFHead,
            )
            for sizes, words in (
                ((5, 0), "classes k must be a whole number"),
                ((5, 2.0), "classes k must be a whole number"),
                ((0, 3), "dimensions d must be a whole number"),
            )
        ),
    ],
)
def test_what_a_loss_or_a_head_cannot_read_is_told_in_a_sentence(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_that_takes_the_softmax_itself_says_once_that_it_was_taken(loss):
    loss = loss()
    loss(logits(2).softmax(1), LABELS[:2])  # two rows may be so by chance
    with pytest.warns(UserWarning, match="after a softmax") as heard:
        loss(logits().softmax(1), LABELS)
    assert heard[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(logits().softmax(1), LABELS)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_looks_at_its_first_batch_only_and_never_where_it_may_not(loss):
    z = logits().softmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trusted = loss()
        trusted(logits(), LABELS)
        trusted(z, LABELS)
        torch.vmap(loss())(z[None], LABELS[None])
        loss().to("meta")(z.to("meta"), LABELS.to("meta"))
        torch._dynamo.reset()
        torch.compile(loss(), fullgraph=True, backend="eager")(z, LABELS)


@given(
    st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 5), st.floats(0.01, 30), st.booleans()
)
def test_logits_are_never_taken_for_probabilities(seed, n, k, spread, rectified):
    z = spread * logits(n, max(k, 3), seed)
    z = z.relu() if rectified else z
    for rule in RULES.values():
        rule(z, Counts(np.arange(1, z.shape[1] + 1)))


def test_what_sums_to_one_by_nature_or_by_chance_is_not_refused():
    votes = torch.eye(4).repeat(2, 1)
    for z in (
        votes,
        torch.zeros(8, 4),
        logits(3).softmax(1),
        torch.zeros(0, 4),
        logits().log_softmax(1),
    ):
        assert posthoc.logit_adjustment(z, COUNTS).shape == z.shape
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steer.AdjustedCrossEntropy(Adjustment())(
            torch.ones(8, 1), torch.zeros(8, dtype=torch.int64)
        )
        steer.SquaredError()(logits().softmax(1), LABELS)  # the Brier score


def test_rows_of_classifiers_are_checked_against_the_counts():
    weight = torch.randn(4, 7)
    assert torch.equal(posthoc.tau_normalised(weight, 1.0, COUNTS), posthoc.tau_normalised(weight))
    with pytest.raises(
        ValueError, match=r"shape \(4, d\) for these counts, got \(7, 4\); transpose"
    ):
        posthoc.tau_normalised(weight.T, 1.0, COUNTS)


def test_what_is_no_tensor_of_fractions_is_refused():
    z = logits()
    for call in (
        lambda: steer.AdjustedCrossEntropy(Adjustment())(z.numpy(), LABELS),
        lambda: steer.AdjustedCrossEntropy(Adjustment())(z, LABELS.tolist()),
        lambda: steer.Focal(1.0)(z, LABELS.numpy()),
        lambda: steer.SupervisedContrastive()(z.numpy(), LABELS),
    ):
        with pytest.raises(
            TypeError, match=r"must be a torch tensor, got (ndarray|list); torch\.as_tensor"
        ):
            call()
    for call in (
        lambda: posthoc.multiplicative(z.tolist(), COUNTS, 1.0),
        lambda: posthoc.tau_normalised(z.tolist()),
        lambda: posthoc.fit_tau(z.tolist(), LABELS, COUNTS),
    ):
        with pytest.raises(TypeError, match="must be a NumPy array or a torch tensor, got list"):
            call()
    with pytest.raises(TypeError, match="must both be NumPy arrays or both be torch tensors"):
        posthoc.nearest_mean(z, z.numpy())
    for call in (
        lambda: posthoc.logit_adjustment(z.long(), COUNTS),
        lambda: posthoc.tau_normalised(z.long()),
        lambda: posthoc.tau_normalised(z.long().numpy()),
        lambda: posthoc.nearest_mean(z, z.long()),
        lambda: steer.SupervisedContrastive()(z.long(), LABELS),
    ):
        with pytest.raises(TypeError, match="must be floating point"):
            call()


def test_logits_of_no_class_are_refused():
    with pytest.raises(ValueError, match=r"shape \(n, k\), got \(2, 0\)"):
        steer.AdjustedCrossEntropy(Adjustment())(
            torch.zeros(2, 0), torch.zeros(2, dtype=torch.int64)
        )


def test_only_counts_of_classes_are_filled_up_with_ones():
    for values in ([True, False], "50", None, {0: 5}, [[1, 2], [3, 4]], [1.5, 2], [np.nan, 1], 5):
        with pytest.raises(ValueError, match="count"):
            steer.counts_with_absent(values)
    with pytest.raises(ValueError, match="at least one class"):
        steer.counts_with_absent([0, 0])
    with pytest.raises(ValueError, match="at least 2 whole numbers"):
        steer.counts_with_absent([])
    assert steer.counts_with_absent(torch.tensor([3, 0])) == Counts([3, 1])


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_logits_that_are_no_numbers_give_a_loss_that_is_none(loss, broken):
    z = logits()
    z[0, 1] = broken
    assert not loss()(z, LABELS).isfinite()


def test_percentages_are_no_logits():
    percent = 100 * logits().softmax(1)
    with pytest.raises(ValueError, match="probabilities"):
        posthoc.logit_adjustment(percent, COUNTS)
    with pytest.raises(ValueError, match="probabilities"):
        measure.Decisions(4).update(percent.numpy(), LABELS.numpy())


@pytest.mark.parametrize(
    "loss",
    [
        steer.UniformityGap(4, 5),
        steer.InducedCollapse(4, 5),
        lambda h, y: steer.PeerToPeer()(h, torch.eye(4, 5), y),
    ],
)
def test_features_with_an_axis_too_many_are_not_broadcast_beside_labels(loss):
    with pytest.raises(ValueError, match=r"shape \(n, 5\), got \(8, 1, 5\)"):
        loss(torch.ones(8, 1, 5), LABELS)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_a_head_is_not_fitted_to_features_whose_squares_leave_float64(size):
    with pytest.raises(ValueError, match="squares of the features"):
        posthoc.fit_head(size * np.eye(4), np.arange(4))


SOFT = {
    "adjusted": lambda: steer.AdjustedCrossEntropy(Adjustment()),
    "focal": lambda: steer.Focal(2.0),
    "squared": steer.SquaredError,
    "regression": steer.DotRegression,
    "binary": lambda: steer.AdjustedBinary([3, 2, 1], n=9),
}


@pytest.mark.parametrize("name", SOFT)
def test_logits_and_targets_that_have_changed_places_are_told(name):
    # as where Keras calls a loss of one-hot labels and of what a softmax gives
    targets, loss = torch.eye(3), SOFT[name]()
    answers = logits(3, 3).softmax(1).requires_grad_()
    with pytest.warns(UserWarning, match="called with logits first") as told:
        loss(targets, answers)
    assert told[0].filename == __file__
    loss(answers, targets)
    with torch.no_grad():
        loss(answers, targets)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: steer.CosineHead(4, 3, seed=n).weight,
        lambda n: steer.PrototypeHead(4, 3, seed=n).weight,
        lambda n: steer.MixedHead(4, 3, seed=n).weight,
        lambda n: steer.NearestETFHead(4, 3, seed=n).weight,
        lambda n: steer.UniformityGap(4, 3, seed=n).weight,
        lambda n: torch.as_tensor(steer.sparse_frame(n - 2, 4 * n, 0.2, seed=n)),
        lambda n: steer.GroupAligned(20 * n)(
            logits(9, 5), logits(9, 2), torch.arange(9) % 5, torch.arange(9) % 2
        ),
    ],
)
@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int8])
def test_whole_numbers_of_numpy_are_whole_numbers(make, kind):
    assert torch.equal(make(kind(6)), make(6))


@pytest.mark.parametrize("kind", [np.float16, torch.tensor])
def test_an_accuracy_of_any_type_is_met_to_all_digits(kind):
    learned, fixed = 9 * logits(), logits() / 9
    assert steer.mix_for_confidence(learned, fixed, kind(0.75)) == steer.mix_for_confidence(
        learned, fixed, 0.75
    )
