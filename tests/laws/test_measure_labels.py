"""One door for labels: every way into a measurement takes them in the same forms and leaves out the
same."""

import numpy as np
import pytest
import torch

from lopsided.measure import Moments, Stream, trained, watch
from lopsided.measure.network.accelerated import DeviceMoments
from lopsided.measure.network.replay import Replay

K, D, B = 3, 4, 24
GENERATOR = torch.Generator().manual_seed(0)
FEATURES = torch.randn(B, D, generator=GENERATOR)
WEIGHT = torch.randn(K, D, generator=GENERATOR)
LOGITS = FEATURES @ WEIGHT.T
LABELS = torch.arange(B) % K


def on_device(ignore):
    stream = Stream(K, D, ignore=ignore)
    stream._become(DeviceMoments(stream.moments, "cpu"))
    return stream


STATES = {
    "stream": lambda ignore: Stream(K, D, ignore=ignore),
    "stream on a device": on_device,
    "replay": lambda ignore: Replay(K, D, ignore=ignore),
}


def through(state):
    def door(features, labels, logits, ignore):
        measured = STATES[state](ignore)
        measured.update(features, labels, logits)
        return measured.compute(WEIGHT, classes="seen")

    return door


def head():
    layer = torch.nn.Linear(D, K, bias=False)
    layer.weight.data.copy_(WEIGHT)
    return layer


def watched(scatter):
    def door(features, labels, logits, ignore):
        model = head()
        with watch(model, model, scatter=scatter, classes="seen", ignore=ignore) as watching:
            model(features)
            watching.labels(labels)
            if not watching.stream.n:
                return watching.stream.compute()
            return watching.epoch()

    return door


def diagnosed(passes):
    def door(features, labels, logits, ignore):
        model = head()
        return trained(
            model,
            [(features, labels)],
            head=model,
            passes=passes,
            classes="seen",
            ignore=ignore,
            show_progress=False,
        )

    return door


STREAMS = {name: through(name) for name in STATES}
DOORS = STREAMS | {
    "watch": watched("pooled"),
    "watch and replay": watched("replay"),
    "diagnose": diagnosed(1),
    "diagnose in two passes": diagnosed(2),
}
FORMS = {
    "int64": lambda y: y,
    "int32": lambda y: y.int(),
    "int16": lambda y: y.short(),
    "uint8": lambda y: y.byte(),
    "column": lambda y: y[:, None],
    "array": lambda y: y.numpy(),
    "list": lambda y: y.tolist(),
}
#: The label that marks what to leave out, and what `ignore` says.
MARKS = {
    "below all": (-100, -100),
    "above all": (255, 255),
    "a class": (0, 0),
    "the last class": (K - 1, [K - 1]),
    "one of several": (255, [-100, 255]),
}


@pytest.mark.parametrize(
    ("form", "mark"), [(f, m) for f in FORMS for m in MARKS if (f, m) != ("uint8", "below all")]
)
@pytest.mark.parametrize("door", DOORS)
def test_a_marked_label_is_left_out_by_every_door(door, form, mark):
    label, ignore = MARKS[mark]
    labels = LABELS.clone()
    labels[5:11] = label
    kept = labels != label
    expected = Moments(K, D)
    expected.update(FEATURES[kept].numpy(), labels[kept].numpy())
    got = DOORS[door](FEATURES, FORMS[form](labels), LOGITS, ignore)
    np.testing.assert_array_equal(got.classes, np.flatnonzero(expected.counts))
    np.testing.assert_array_equal(got.moments.counts, expected.counts[got.classes])
    np.testing.assert_allclose(
        got.moments.means, expected.means[got.classes], rtol=1e-12, atol=1e-12
    )
    wrong = (LOGITS[kept].argmax(1) != labels[kept]).numpy()
    np.testing.assert_allclose(
        got.error_rates, [wrong[labels[kept].numpy() == c].mean() for c in got.classes]
    )


@pytest.mark.parametrize("door", DOORS)
def test_what_a_marked_position_holds_does_not_matter(door):
    features, labels = FEATURES.clone(), LABELS.clone()
    features[3:9], labels[3:9] = float("nan"), -100
    assert DOORS[door](features, labels, LOGITS, -100).moments.n == B - 6


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("flat", [False, True])
def test_a_batch_of_sequences_is_the_batch_of_its_positions(door, flat):
    shape = (4, B // 4)
    labels = LABELS.reshape(shape)
    got = DOORS[door](
        FEATURES.reshape(*shape, D),
        labels.flatten() if flat else labels,
        LOGITS.reshape(*shape, K),
        None,
    )
    want = DOORS[door](FEATURES, LABELS, LOGITS, None)
    np.testing.assert_array_equal(got.moments.means, want.moments.means)
    with pytest.raises(ValueError, match=r"shapes \(6, 4, 4\) and \(4, 6\)"):
        DOORS[door](FEATURES.reshape(B // 4, 4, D), labels, None, None)


REFUSED = {
    "a sentinel nobody named": (
        torch.where(LABELS == 1, -100, LABELS),
        ValueError,
        "got -100 for sample 1 of the batch.*ignore",
    ),
    "numbered from 1": (LABELS + 1, ValueError, "got 3 for sample 2 of the batch.*np.unique"),
    "one-hot": (
        torch.nn.functional.one_hot(LABELS, K).float(),
        ValueError,
        "shares of the 3 classes.*mixup",
    ),
    "one-hot integers": (
        torch.nn.functional.one_hot(LABELS, K),
        ValueError,
        "24 rows and 72 labels",
    ),
    "floats": (LABELS.float(), TypeError, "whole numbers, got dtype float32"),
    "truth values": (LABELS == 0, TypeError, "whole numbers, got dtype bool"),
    "beyond int64": (
        np.where(LABELS == 1, np.uint64(2**64 - 100), LABELS.numpy().astype(np.uint64)),
        ValueError,
        "labels must be classes, got 1844",
    ),
    "too few": (LABELS[1:], ValueError, "24 rows and 23 labels"),
}


@pytest.mark.parametrize("labels", REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_labels_that_are_no_classes_are_refused_alike_by_every_door(door, labels):
    given, error, words = REFUSED[labels]
    ignore = None if labels == "a sentinel nobody named" else -100
    with pytest.raises(error, match=words):
        DOORS[door](FEATURES, given, LOGITS, ignore)


@pytest.mark.parametrize("door", DOORS)
def test_nothing_measured_is_said_before_a_class_is_blamed(door):
    with pytest.raises(ValueError, match="nothing has been measured"):
        DOORS[door](FEATURES, torch.full((B,), -1), LOGITS, -1)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float64]
)
@pytest.mark.parametrize("door", STREAMS)
def test_features_of_any_precision_are_summed_in_float64(door, dtype):
    features = (FEATURES + 10).to(dtype)
    exact = Moments(K, D)
    exact.update(features.double().numpy(), LABELS.numpy())
    got = DOORS[door](features, LABELS, None, None)
    np.testing.assert_allclose(got.moments.means, exact.means, rtol=1e-13)
    np.testing.assert_allclose(got.moments.spread, exact.spread, rtol=1e-11)


def test_a_state_without_float64_on_its_device_lives_on_the_cpu(monkeypatch):
    from lopsided.measure.network import stream

    monkeypatch.setattr(stream, "has_float64", lambda device: False)
    measured = Stream(K, D, device="meta")
    measured.update(FEATURES, LABELS)
    assert measured.moments.n == B
