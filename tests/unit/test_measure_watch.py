"""Watching torch models: hooks and diagnose."""

import json
import logging

import numpy as np
import pytest
import torch
from torch import nn

from lopsided import Counts, measure, predict
from lopsided.measure import Stream, trained, watch
from lopsided.measure.network.loggers import JsonLines

K, D, COUNTS = 3, 5, Counts([20, 10, 6])


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, D), nn.Dropout(0.5), nn.ReLU(), nn.Linear(D, K))


def loader(seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(K), torch.tensor(COUNTS.values))
    order = torch.randperm(len(labels), generator=generator)
    inputs = torch.randn(len(labels), 4, generator=generator)
    return [(inputs[part], labels[part]) for part in torch.split(order, 8)]


def by_hand(model, batches):
    stream = Stream(K, D)
    for inputs, labels in batches:
        features = model[:-1](inputs)
        stream.update(features, labels, model[-1](features))
    return stream.compute(model[-1].weight, model[-1].bias)


def test_watching_sees_what_the_head_sees_and_changes_nothing(tmp_path):
    model, batches = network(), loader()
    seli = {"SELI": predict.seli(COUNTS)}
    with watch(
        model, model[-1], COUNTS, predictions=seli, loggers=[JsonLines(tmp_path / "log.jsonl")]
    ) as watching:
        torch.manual_seed(1)
        for inputs, labels in batches:
            loss = nn.functional.cross_entropy(model(inputs), labels)
            watching.labels(labels)
            loss.backward()
        collapse = watching.epoch()
        model.eval()
        model(batches[0][0])
        watching.labels(batches[0][1])
        assert watching.stream.moments.n == 0
        model.train()
    torch.manual_seed(1)
    expected = by_hand(model, batches)
    assert collapse.nc1 == pytest.approx(expected.nc1, rel=1e-9)
    np.testing.assert_allclose(collapse.error_rates, expected.error_rates)
    assert not model._forward_pre_hooks
    assert not model[-1]._forward_hooks
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line["step"] == 1
    assert line["nc1"] == collapse.nc1
    assert line["SELI/classifiers"] == collapse.geometry.distance(seli["SELI"]).classifiers


def test_a_replay_is_the_stream_in_two_passes():
    model, batches = network().eval(), loader()
    results = []
    for scatter in ("pooled", "replay"):
        with watch(model, model[-1], COUNTS, scatter=scatter, during="eval") as watching:
            for inputs, labels in batches:
                model(inputs)
                watching.labels(labels)
            results.append(watching.epoch())
    stream, replay = results
    assert replay.nc1 == pytest.approx(stream.nc1, rel=1e-11)
    np.testing.assert_array_equal(replay.error_rates, stream.error_rates)
    assert watching.stream.n == 0
    with pytest.raises(ValueError, match=r"sample 1 of the batch .class 2. has NaN"):
        watching.stream.update(torch.tensor([[0.0] * D, [float("nan")] * D]), torch.tensor([0, 2]))
    watching.stream.update(torch.eye(2, D), torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="class 1 has no sample"):
        watching.stream.compute()


def test_the_last_linear_layer_is_found_and_named(caplog):
    model = network()
    with caplog.at_level(logging.WARNING, "lopsided"):
        assert watch(model).head is model[-1]
    assert "'3' (5 -> 3)" in caplog.text
    assert watch(model, counts=Counts([1] * D)).head is model[0]
    assert repr(watch(model, model[-1])) == "Watch(head='3', k=3, d=5, epochs=0)"


@pytest.mark.parametrize(
    ("model", "head", "counts", "words"),
    [
        (nn.Sequential(nn.ReLU()), None, None, "no linear layer"),
        (network(), None, Counts([1, 2]), "no linear layer with 2 outputs"),
        (network(), nn.Linear(2, 2), None, "not a layer of this model"),
        ((dropout := network()), dropout[1], None, "no .k, d. weight"),
        (nn.Sequential(nn.LazyLinear(3)), None, None, "is lazy .* give the model a batch"),
        ((small := network()), small[-1], Counts([1, 2]), "3 outputs, but counts are of 2 classes"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(model, head, counts, words):
    with pytest.raises(ValueError, match=words):
        watch(model, head, counts)


def test_labels_without_a_forward_pass_are_refused():
    model = network()
    with watch(model, model[-1]) as watching:
        model(torch.zeros(3, 4))
        watching.labels(torch.tensor([0, 1, 2]))
        with pytest.raises(ValueError, match="without a forward pass"):
            watching.labels(torch.tensor([0, 1, 2]))


def test_positions_without_a_class_are_refused_or_ignored_by_name():
    model, tokens = nn.Linear(D, K), torch.randn(2, 4, D)
    labels = torch.tensor([[0, 1, 2, -100], [2, 1, 0, -100]])
    with watch(model, model, ignore=-100) as watching:
        model(tokens)
        watching.labels(labels)
        assert watching.stream.moments.n == 6
    with watch(model, model) as watching:
        model(tokens)
        with pytest.raises(ValueError, match="got -100 for sample 3"):
            watching.labels(labels)


@pytest.mark.parametrize("passes", [1, 2])
def test_diagnose_measures_in_evaluation_mode_and_puts_the_mode_back(passes):
    model, batches = network(), loader()
    collapse = trained(model, batches, COUNTS, passes=passes, show_progress=False)
    assert model.training
    assert not model[-1]._forward_hooks
    model.eval()
    expected = by_hand(model, batches)
    assert collapse.nc1 == pytest.approx(expected.nc1, rel=1e-9)
    np.testing.assert_allclose(
        collapse.smallest_margins, expected.smallest_margins, rtol=1e-5, atol=1e-6
    )
    assert collapse.counts == COUNTS
    assert ("nc4" in collapse.metrics()[0]) == (passes == 2)


def test_diagnose_reads_mappings():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(D, K)

        def forward(self, x, labels):
            return self.head(x)

    data = [{"x": torch.randn(9, D), "labels": torch.arange(9) % 3}]
    assert trained(Model(), data, show_progress=False).moments.n == 9


def test_several_labels_a_sample_are_watched_as_sets():
    rows = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 1]])
    sets, head = measure.LabelSets.of(rows), torch.nn.Linear(4, 3)
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    stream = measure.Stream(sets.m, 4, sets=sets)
    stream.update(features, rows)
    with measure.watch(head, head, sets=sets) as watching:
        head(features)
        watching.labels(rows)
        np.testing.assert_array_equal(watching.stream.moments.means, stream.moments.means)
        found = watching.epoch()
        assert (found.nc1, found.k) == (stream.compute().nc1, sets.m)
        head(features)
        with pytest.raises(ValueError, match="not seen"):
            watching.labels(torch.tensor([[1, 0, 1]] * 6))
    with pytest.raises(ValueError, match="3 labels, the head answers 5"):
        measure.watch(torch.nn.Linear(4, 5), sets=sets)
    with pytest.raises(ValueError, match="leave out counts"):
        measure.watch(head, head, [1, 1, 1], sets=sets)
    for build in (lambda: measure.watch(head, head, sets=sets, ignore=0), lambda: by_set(sets)):
        with pytest.raises(ValueError, match="leave ignore= out"):
            build()


def test_several_labels_a_sequence_are_those_of_the_token_that_a_decoder_keeps():
    class Decoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.score = torch.nn.Linear(4, 3)

        def forward(self, tokens):
            return self.score(tokens)[:, -1]

    rows = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 1]])
    sets, tokens = measure.LabelSets.of(rows), torch.randn(6, 5, 4)
    stream = measure.Stream(sets.m, 4, sets=sets)
    stream.update(tokens[:, -1], rows)
    with measure.watch(model := Decoder(), sets=sets) as watching:
        losses = torch.nn.functional.binary_cross_entropy_with_logits(model(tokens), rows.float())
        watching.labels(rows)
        losses.backward()
        np.testing.assert_array_equal(watching.stream.moments.means, stream.moments.means)


def by_set(sets):
    return measure.Stream(sets.m, 4, sets=sets, ignore=-100)
