"""The torch stream: types, graphs, devices, state, processes, and input that it refuses."""

import numpy as np
import pytest
import torch
import torch.distributed as dist

from lopsided import measure
from lopsided.measure import Decisions, Moments, Stream
from lopsided.measure.network.accelerated import DeviceMoments

K, D, N = 3, 4, 90


def sample(seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.arange(K), torch.randint(0, K, (N - K,), generator=generator)])
    features = (
        50
        + torch.randn(K, D, generator=generator)[labels]
        + 0.1 * torch.randn(N, D, generator=generator)
    )
    return features, labels, torch.randn(N, K, generator=generator)


def whole(**options):
    stream = Stream(K, D, **options)
    stream.update(*sample())
    return stream


def agree(a, b, rtol=1e-12):
    x, y = a.state_dict(), b.state_dict()
    assert x.keys() == y.keys()
    for name in x:
        torch.testing.assert_close(x[name], y[name], rtol=rtol, atol=rtol * 10)


def test_a_stream_of_batches_is_the_whole():
    stream, (features, labels, logits) = Stream(K, D), sample()
    for part in torch.split(torch.randperm(N), 7):
        stream.update(features[part], labels[part], logits[part])
    agree(stream, whole(), rtol=1e-10)


@pytest.mark.parametrize("where", [(Decisions, "update"), (Moments, "fold")])
def test_samples_whose_taking_in_is_interrupted_are_told_and_never_taken_in_twice(
    where, monkeypatch, caplog
):
    stream = whole()
    part, door = where
    take = getattr(part, door)

    def interrupted(*given, **options):
        take(*given, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(part, door, interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.state_dict()
    assert "taking in samples was interrupted" in caplog.text
    assert stream.n in (0, N)
    assert stream.decisions.counts.sum() == N


def test_a_batch_is_measured_as_it_was_given_whatever_becomes_of_its_buffers():
    stream, buffers = Stream(K, D), [torch.empty_like(part[:5]) for part in sample()]
    for batch in zip(*(torch.split(part, 5) for part in sample()), strict=True):
        for buffer, part in zip(buffers, batch, strict=True):
            buffer.copy_(part)
        stream.update(*buffers)
    agree(stream, whole(), rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_any_float_type_comes_in_and_graphs_are_cut(dtype):
    features, labels, _ = sample()
    stream, exact = Stream(K, D), Stream(K, D)
    stream.update(features.to(dtype).requires_grad_(), labels)
    exact.update(features.to(dtype).double(), labels)
    agree(stream, exact)
    assert not any(tensor.requires_grad for tensor in stream.state_dict().values())


def test_numbers_that_wait_for_their_sign_are_measured():
    features, labels, _ = sample()
    waiting = torch.complex(features, -features).conj().imag  # of which NumPy cannot make an array
    assert waiting.is_neg()
    stream, moments = Stream(K, D), Moments(K, D)
    stream.update(waiting, labels)
    moments.update(waiting, labels)
    np.testing.assert_allclose(stream.moments.means, moments.means, rtol=1e-12)
    stream.reset()
    stream.update(features, labels)
    np.testing.assert_allclose(stream.moments.means, moments.means, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64])
def test_classes_may_be_numbered_by_a_number_of_any_type(kind):
    stream = Stream(kind(K), kind(D))  # as labels.max() + 1 is one
    stream.update(*sample())
    agree(stream, whole())
    found, wanted = (each.compute(torch.eye(K, D)).decisions for each in (stream, whole()))
    for one, other in zip(found.confusions.pairs(), wanted.confusions.pairs(), strict=True):
        assert np.array_equal(one, other)


def test_streams_merge_reset_and_go_on():
    features, labels, logits = sample()
    a, b = Stream(K, D), Stream(K, D)
    a.update(features[:20], labels[:20], logits[:20])
    b.update(features[20:], labels[20:], logits[20:])
    a.merge(b)
    agree(a, whole(), rtol=1e-10)
    before = a.compute(torch.eye(K, D)).nc1
    collapse = a.compute(torch.eye(K, D))
    a.reset()
    agree(a, Stream(K, D))
    assert collapse.nc1 == before


def test_the_state_survives_a_round_trip(tmp_path):
    from safetensors.torch import load_file, save_file

    save_file(whole().state_dict(), tmp_path / "state.safetensors")
    stream = Stream(K, D)
    stream.load_state_dict(load_file(tmp_path / "state.safetensors"))
    agree(stream, whole())
    with pytest.raises(ValueError, match="scatter has shape"):
        Stream(K, D, scatter="none").load_state_dict(whole().state_dict())


#: A part of a state and what becomes of it -> what is said.
SPOILT = {
    "sums in single precision": ("means", lambda part: part.float(), "of torch.float32"),
    "counts in half precision": ("counts", lambda part: part.bfloat16(), "of torch.bfloat16"),
    "a scatter of other samples": ("scatter", lambda part: 2 * part, "its spread adds up to"),
    "a negative scatter": ("scatter", lambda part: -part, "its spread adds up to"),
    "more errors than answers": ("decisions.errors", lambda part: part + N, "more than its"),
    "negative answers": ("decisions.answered", lambda part: part - N, "negative numbers"),
    "answers of more samples": ("decisions.answered", lambda part: part + 1, "answered adds up"),
    "errors that are no pairs": ("decisions.errors", lambda part: 0 * part, "confusions have"),
    "pairs of other errors": ("decisions.confusions", lambda part: part + 1, "confusions have"),
    "no margin below zero": ("decisions.smallest_margin", abs, "smallest_margin contradicts"),
    "margins of nothing": ("decisions.margin_sum", lambda part: part - 1e3, "contradicts"),
    "rests that are no rounding": ("rests", lambda part: part + 1, "what rounding takes off"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_state_that_no_stream_gave_is_not_taken_up(case):
    name, spoil, words = SPOILT[case]
    state = whole().state_dict()
    with pytest.raises(ValueError, match=words):
        Stream(K, D).load_state_dict(state | {name: spoil(state[name])})


def test_the_rule_on_a_device_is_the_rule_in_numpy():
    features, labels, logits = sample()
    on_device = Stream(K, D)
    on_device._become(DeviceMoments(Moments(K, D), "cpu"))
    for i, part in enumerate(torch.split(torch.randperm(N), 13)):
        batch = [given[part] for given in (features, labels, logits)]
        if i % 2:  # as views of NumPy that are turned
            batch = [given.numpy()[::-1] for given in batch]
        on_device.update(*batch)
        if i % 3 == 0:  # what waits is taken in
            assert on_device.moments.n == on_device.n
    on_device.update(features[:0], labels[:0])
    moments, expected = on_device.moments, whole().moments
    agree(on_device, whole(), rtol=1e-10)
    np.testing.assert_array_equal(moments.counts, expected.counts)
    for name in ("means", "spread"):
        np.testing.assert_allclose(getattr(moments, name), getattr(expected, name), rtol=1e-10)
    np.testing.assert_allclose(
        moments.scatter.matrix(), expected.scatter.matrix(), rtol=1e-10, atol=1e-10
    )
    for broken, y, words in (
        (features / 0, labels, "sample 0 of the batch .class 0. has NaN"),
        (features, labels + 1, "labels must be from 0"),
    ):
        with pytest.raises(ValueError, match=words):
            on_device.update(broken, y)
    with pytest.raises(ValueError, match="logits must be finite, sample 2 of the batch"):
        on_device.update(features[:4], labels[:4], logits[:4] / torch.tensor([1, 1, 0, 1])[:, None])
    with pytest.raises(ValueError, match="these are probabilities"):
        on_device.update(features[:9], labels[:9], logits[:9].softmax(1))
    np.testing.assert_array_equal(on_device.moments.counts, expected.counts)


def test_probabilities_in_small_batches_are_refused_again_and_again():
    """A row or two may be a distribution by chance; what is refused once stays refused."""
    features, labels, logits = sample()
    stream = Stream(K, D)
    for start in range(0, 8, 2):
        part = slice(start, start + 2)
        stream.update(features[part], labels[part], logits[part].softmax(1))
    for _ in range(2):
        with pytest.raises(ValueError, match="these are probabilities"):
            stream.compute(classes="seen")
    stream.reset()
    stream.update(features, labels, logits)
    assert stream.compute().decisions.counts.sum() == len(labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_stream_on_the_gpu_is_the_stream_on_the_cpu():
    features, labels, logits = sample()
    stream = Stream(K, D, device="cuda")
    stream.update(features.cuda(), labels.cuda(), logits.cuda())
    agree(stream, whole(), rtol=1e-10)
    agree(stream.to("cpu"), whole(), rtol=1e-10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_nccl_sums_on_the_gpu(tmp_path):
    dist.init_process_group("nccl", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    agree(whole().sync(), whole())
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        ([[1.0, 2.0], [float("nan"), 0.0]], [0, 1], "sample 1 of the batch .class 1. has NaN"),
        ([[1.0, 2.0], [float("inf"), 0.0]], [0, 1], "sample 1 of the batch .class 1. has NaN"),
        ([[1.0, 2.0]], [-1], "from 0 to 1, got -1 for sample 0"),
        ([[1.0, 2.0]], [2], "from 0 to 1, got 2 for sample 0"),
        ([[1.0, 2.0]], [0, 1], "1 rows and 2 labels"),
        ([[1.0, 2.0, 3.0]], [0], r"shape \(b, 2\), got \(1, 3\)"),
        ([1.0, 2.0], [0], r"shape \(b, 2\)"),
        ([[1.0, 2.0]], [[0, 1]], r"shapes \(1, 2\) and \(1, 2\)"),
    ],
)
def test_a_refused_batch_leaves_the_state_as_it_was(features, labels, words):
    stream = Stream(2, 2)
    stream.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]), torch.eye(2))
    before = stream.state_dict()
    with pytest.raises(ValueError, match=words):
        stream.update(torch.tensor(features), torch.tensor(labels))
    if len(np.shape(features)) == 2 and np.shape(features)[1] == 2 and np.ndim(labels) == 1:
        with pytest.raises(ValueError, match=words):
            stream.update(torch.ones(len(labels), 2), torch.tensor(labels), torch.tensor(features))
    for name, tensor in stream.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


def test_a_head_or_a_class_that_does_not_fit_is_named():
    stream = Stream(3, 2)
    stream.update(torch.eye(2), torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="class 1 has no sample"):
        stream.compute(torch.ones(3, 2))
    with pytest.raises(ValueError, match=r"shape \(3, 2\), one row a class, got \(3, 5\)"):
        stream.compute(torch.ones(3, 5), classes="seen")
    with pytest.raises(ValueError, match="weight of class 1 has NaN"):
        stream.compute(torch.tensor([[0.0, 0], [float("nan"), 0], [0, 0]]), classes="seen")
    with pytest.raises(ValueError, match=r"bias must have shape \(3,\)"):
        stream.compute(torch.ones(3, 2), torch.ones(2), classes="seen")
    seen = stream.compute(torch.tensor([[1.0, 0.0], [5.0, 5.0], [0.0, 1.0]]), classes="seen")
    assert seen.classes.tolist() == [0, 2]
    np.testing.assert_allclose(seen.alignment, 2**-0.5)
    with pytest.raises(TypeError, match="labels must be whole numbers"):
        stream.update(torch.eye(2), torch.tensor([0.5, 1.0]))
    with pytest.raises(ValueError, match="classes must be"):
        stream.compute(classes="some")


def test_a_stream_of_label_sets_measures_them_as_kinds_of_samples():
    rng = np.random.default_rng(0)
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]] * 5)
    features = torch.tensor(rng.normal(size=(20, 6)))
    sets = measure.LabelSets.of(rows)
    stream = measure.Stream(sets.m, 6, sets=sets)
    others = measure.Stream(sets.m, 6, sets=sets)
    stream.update(features[:13], torch.tensor(rows[:13] > 0))
    stream.update(features[:0], torch.tensor(rows[:0]))  # a batch of which none is to be measured
    others.update(features[13:], torch.tensor(rows[13:]))
    stream.merge(others)
    plain = measure.Stream(sets.m, 6)
    plain.update(features, torch.tensor(sets.numbers(rows)))
    assert stream.compute().nc1 == pytest.approx(plain.compute().nc1)
    again = measure.Stream(sets.m, 6, sets=sets)
    again.load_state_dict(stream.state_dict())
    assert again.compute().nc1 == stream.compute().nc1
    strange = measure.LabelSets.of(rows[:, [0, 2, 1]])  # as many sets, with other numbers
    stranger = measure.Stream(strange.m, 6, sets=strange)
    with pytest.raises(ValueError, match=r"cannot merge 4 sets of 3 labels .* into 4 sets of 3"):
        stream.merge(stranger)
    with pytest.raises(ValueError, match="cannot merge classes"):
        stream.merge(plain)
    with pytest.raises(ValueError, match="of other label sets than this stream"):
        stranger.load_state_dict(stream.state_dict())
    assert sets.tag_wise(stream.moments.means).angle > 0
    with pytest.raises(ValueError, match="rows are labels"):
        stream.compute(weight=torch.eye(3, 6))
    with pytest.raises(ValueError, match="there are 4 label sets"):
        measure.Stream(3, 6, sets=sets)
    with pytest.raises(ValueError, match=r"LabelSets\.of"):
        measure.Stream(3, 6).update(features, torch.tensor(rows))
