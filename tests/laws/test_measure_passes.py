"""Which pass labels belong to, what a loss and counts say of them, and what is said when nothing
was measured."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset, WeightedRandomSampler

from lopsided import Adjustment, Counts, steer
from lopsided.measure import Stream, agop, diagnose, layers, stored, trained, watch
from lopsided.measure.counted import contradiction
from lopsided.measure.pull import finding

B, D, K = 40, 6, 5
X = torch.randn(B, D, generator=torch.Generator().manual_seed(0))
Y = torch.arange(B) % K


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(D, D), nn.Linear(D, K))


def test_labels_belong_to_one_pass():
    net = model()
    with watch(net, net[1]) as watching:
        for _ in range(2):
            net(X)
        with pytest.raises(
            ValueError, match="2 forward passes went through the head '1' since the last labels"
        ):
            watching.labels(Y)
        with pytest.raises(ValueError, match="without a forward pass"):
            watching.labels(Y)
        net(-X)
        watching.labels(None)
        net(X)
        watching.labels(Y)
        assert watching.stream.n == B
        expected = Stream(K, D)
        expected.update(net[0](X), Y)
        np.testing.assert_array_equal(watching.stream.moments.means, expected.moments.means)


def test_a_pass_in_the_other_mode_is_neither_measured_nor_in_the_way():
    net = model()
    with watch(net, net[1]) as watching:
        net(X)
        net.eval()(-X)
        watching.labels(Y)
        assert watching.stream.n == 0
        net.train()
        watching.labels(Y)
        expected = Stream(K, D)
        expected.update(net[0](X), Y)
        np.testing.assert_array_equal(watching.stream.moments.means, expected.moments.means)


class Told(nn.Sequential):
    """A model that is given its labels, as those of Hugging Face are."""

    def forward(self, x: Any, labels: Any = None) -> Any:
        return super().forward(x)


#: What looks at a model, on other samples than those that are evaluated.
LOOKS: dict[str, Callable[[Any, Any], Any]] = {
    "trained": lambda net, data: trained(net, data, show_progress=False),
    "diagnose": lambda net, data: diagnose(net, data, held_out=[*data], show_progress=False),
    "layers": lambda net, data: layers(net, data, ["0"], show_progress=False),
    "agop": lambda net, _: agop(net, 1 - X),
    "agop of a function": lambda net, _: agop(lambda x: net(x), 1 - X),
}


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_the_passes_of_a_look_are_of_no_watch(look: Callable[[Any, Any], Any], told: bool):
    net = (Told if told else nn.Sequential)(*model()).eval()
    data = [{"x": 1 - X, "labels": Y} if told else (1 - X, Y)]

    def evaluate(x: Any) -> None:
        with torch.no_grad():
            net(x, labels=Y) if told else net(x)

    with watch(net, net[1], during="eval") as watching, watch(net[1], during="eval") as inner:
        look(net, data)
        for x in (X, -X):
            evaluate(x)
            look(net, data)  # also between a pass and its labels
            for one in [inner] if told else [watching, inner]:
                one.labels(Y)
            look(net, data)
        expected = Stream(K, D)
        for x in (X, -X):
            expected.update(net[0](x), Y)
        for one in (watching, inner):
            np.testing.assert_array_equal(one.stream.moments.means, expected.moments.means)
        look(net, data)
        watching.stream.reset()
        with pytest.raises(ValueError, match="no forward pass went through the model"):
            watching.epoch()


def test_layers_called_one_by_one_are_passes_of_the_head():
    net = model()
    with watch(net, net[1]) as watching:
        net[1](net[0](X))
        watching.labels(Y)
        assert watching.stream.n == B
        for part in (X, -X):
            net[1](net[0](part))
        with pytest.raises(ValueError, match="2 forward passes"):
            watching.labels(Y)


def test_a_data_set_in_the_place_of_its_loader_is_told():
    with pytest.raises(ValueError, match="as where a data set came for its loader"):
        trained(model(), TensorDataset(X, Y), show_progress=False)


def test_passes_inside_vmap_are_left_alone_and_not_measured():
    net = model()

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        return functional.cross_entropy(
            torch.func.functional_call(net, parameters, (x[None],)), y[None]
        )

    with watch(net, net[1]) as watching:
        gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(
            dict(net.named_parameters()), X, Y
        )
        assert gradients["1.weight"].shape == (B, K, D)
        with pytest.raises(ValueError, match="inside vmap"):
            watching.labels(Y)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.jagged, torch.strided], ids=str)
def test_passes_of_nested_tensors_are_made_and_not_measured(layout):
    net = nn.Sequential(nn.Linear(D, D), nn.Linear(D, K))
    given = torch.nested.nested_tensor([torch.randn(n, D) for n in (3, 5)], layout=layout)
    with watch(net) as watching:
        torch.cat(net(given).unbind()).sum().backward()
        with pytest.raises(ValueError, match="nested tensors"):
            watching.labels(torch.arange(8) % K)
    pooled = nn.Module()
    pooled.layer, pooled.head = net[0], nn.Linear(D, K)
    pooled.forward = lambda x: pooled.head(torch.stack([z.mean(0) for z in net[0](x).unbind()]))
    with pytest.raises(ValueError, match="only one of one tensor"):
        layers(pooled, [(given, torch.arange(2))], ["layer"], show_progress=False)


class Tagger(nn.Module):
    """Its states, and what it returns, are (t, b, d): the framework's default."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(D, D), nn.Linear(D, K)

    def forward(self, x: Any) -> Any:
        answers: Any = self.head(self.rnn(x.transpose(0, 1))[0])
        return answers


def test_labels_of_as_many_samples_as_a_sequence_is_long_are_not_taken_for_others():
    net, (x, y) = Tagger(), (torch.randn(6, 8, D), torch.arange(48).reshape(6, 8) % K)
    for labels in (y[:, :6], y[:, :6].T):
        with pytest.raises(ValueError, match="it is not known whether axis 0 is time"):
            trained(net, [(x[:, :6], labels)], show_progress=False)
    with pytest.raises(ValueError, match="one row a sample"):
        trained(net, [(x, y)], show_progress=False)
    batches = [(x, y.T), (x[:, :6], y[:, :6].T)]  # of which the first tells
    states = [net.rnn(part.transpose(0, 1))[0] for part, _ in batches]
    expected = Stream(K, D)
    for state, (_, labels) in zip(states, batches, strict=True):
        expected.update(state, labels)
    whole = trained(net, batches, show_progress=False).moments
    np.testing.assert_allclose(whole.means, expected.moments.means, atol=1e-6)
    flat = trained(net, [(x[:, :6], y[:, :6].T.reshape(-1))], classes="seen", show_progress=False)
    assert flat.moments.n == 36


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("before", range(5))  # some passes are looked at more closely than others
def test_a_model_is_traced_while_it_is_watched(before):
    net = model()
    with watch(net, net[1]) as watching:
        for _ in range(before):
            net(X)
            watching.labels(Y)
        torch.jit.trace(net, X)  # several times, and once as it is, to compare
        watching.labels(None)
        net(X)
        traced = torch.jit.trace(net, X, check_trace=False)
        watching.labels(Y)  # of the pass before: what is traced is none
        assert watching.stream.n == (before + 1) * B
    assert torch.equal(traced(-X), net(-X))
    assert "isfinite" not in str(traced.inlined_graph)


def test_labels_may_come_after_the_step_of_the_optimiser():
    net = model()
    optimiser = torch.optim.SGD(net.parameters(), 1.0)
    with watch(net, net[1]) as watching:
        functional.cross_entropy(net(X), Y).backward()
        optimiser.step()
        watching.labels(Y)
    assert watching.stream.n == B


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_of_the_whole_model_is_one_pass(reentrant, late):
    net, x = model(), X.clone().requires_grad_()
    with watch(net, net[1]) as watching:
        for _ in range(2):
            with set_checkpoint_early_stop(False):
                loss = functional.cross_entropy(checkpoint(net, x, use_reentrant=reentrant), Y)
                for told in (late, not late):
                    loss.backward() if told else watching.labels(Y)
        assert watching.passes == 0
        assert watching.epoch().moments.n == 2 * B


def test_a_refused_batch_is_not_measured_and_the_next_one_is():
    net = model()
    with watch(net, net[1]) as watching:
        net(X)
        with pytest.raises(ValueError, match="got 5 for sample 4"):
            watching.labels(Y + 1)
        net(X)
        watching.labels(Y)
        assert watching.stream.n == B


@pytest.mark.parametrize("scatter", ["pooled", "replay"])
def test_an_epoch_that_is_refused_is_no_part_of_the_next_one(scatter):
    net = model()
    with watch(net, net[1], scatter=scatter) as watching:
        net(X)
        watching.labels(torch.zeros_like(Y))
        with pytest.raises(ValueError, match="class 1 has no sample"):
            watching.epoch()
        net(X)
        watching.labels(Y)
        assert watching.epoch().moments.n == B


def test_a_watch_is_entered_once_at_a_time_and_again_afterwards():
    net = model()
    watching = watch(net, net[1])
    for _ in range(2):
        with watching:
            with pytest.raises(ValueError, match="watches already"):
                watching.__enter__()
            net(X)
            watching.labels(Y)
    assert watching.stream.n == 2 * B


NOTHING = {
    "no pass": (lambda net, watching: None, "no forward pass went through the model"),
    "the other mode": (
        lambda net, watching: net.eval()(X),
        "the one forward pass was made in the other mode.*during",
    ),
    "no labels": (lambda net, watching: net(X), "1 forward pass came without labels"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_an_epoch_of_nothing_says_what_happened(case):
    net = model()
    act, words = NOTHING[case]
    with watch(net, net[1]) as watching:
        act(net, watching)
        with pytest.raises(ValueError, match=f"nothing was measured.*{words}"):
            watching.epoch()


@pytest.mark.parametrize(
    ("loader", "error", "words"),
    [
        ([], ValueError, "the loader gave no batch"),
        (
            [(X, Y), (X, Y + 1)],
            ValueError,
            "in batch 1 of the loader: labels must be from 0 to 4, got 5 for sample 4",
        ),
        (iter([(X, Y)]), ValueError, "two passes read the data twice"),
        (
            [(X, Y, Y)],
            TypeError,
            "pairs .inputs, labels. or mappings with 'labels', got a tuple of 3",
        ),
        ([X], TypeError, "got a Tensor"),
        ([{"input": X}], TypeError, "must hold 'labels', got input"),
    ],
)
def test_a_loader_that_cannot_be_measured_is_refused_in_words(loader, error, words):
    with pytest.raises(error, match=words):
        trained(model(), loader, passes=2, show_progress=False)


def test_a_loader_that_gives_other_samples_the_second_time_is_noticed():
    class Dwindling:
        size = B

        def __iter__(self):
            yield X[: self.size], Y[: self.size]
            self.size -= K

    with pytest.raises(ValueError, match="both must read the same data"):
        trained(model(), Dwindling(), passes=2, show_progress=False)

    class Augmented:
        def __iter__(self):
            yield X + 0.1 * torch.randn_like(X), Y

    with pytest.raises(ValueError, match="saw other features than the first"):
        trained(model(), Augmented(), passes=2, show_progress=False)
    assert trained(model(), Augmented(), show_progress=False).moments.n == B


def training(
    caplog: Any, loss: Callable[[Any, Any], Any], *, before: bool = True, k: int = K
) -> str:
    """Return what is said while a loss is watched."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(D, D), nn.Linear(D, k))
    x, y = torch.randn(200, D), torch.arange(200) % k
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    with caplog.at_level(logging.WARNING, "lopsided"), watch(net, net[1]) as watching:
        for _ in range(10):
            optimiser.zero_grad()
            value = loss(lambda x: net(x), (x, y))
            if before:
                watching.labels(y)
            value.backward()
            if not before:
                watching.labels(y)
            optimiser.step()
    return caplog.text


COUNTS = Counts([100, 50, 20, 20, 10])


def of(criterion: Any) -> Any:
    return lambda net, batch: criterion(net(batch[0]), batch[1])


LOSSES = {
    "cross-entropy": of(nn.CrossEntropyLoss()),
    "weighted": of(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3, 4, 5]))),
    "label smoothing": of(nn.CrossEntropyLoss(label_smoothing=0.1)),
    "logit adjustment": of(steer.AdjustedCrossEntropy(Adjustment.logit_adjusted(COUNTS))),
    "focal": of(steer.Focal(2.0)),
    "hinge": of(nn.MultiMarginLoss()),
    "binary": lambda net, batch: functional.binary_cross_entropy_with_logits(
        net(batch[0]), functional.one_hot(batch[1], K).float()
    ),
    "squared": lambda net, batch: (net(batch[0]) - functional.one_hot(batch[1], K)).square().mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_is_given_the_labels_measured_is_left_in_peace(name, caplog):
    assert training(caplog, LOSSES[name]) == ""


def fitted(k: int, criterion: Any, further: int = 0) -> None:
    """Train a network until it fits, then watch it with the labels, or those of classes further
    on."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(120) % k
    x = 2 * torch.randn(k, D, generator=draw)[y] + torch.randn(120, D, generator=draw)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, k))
    optimiser = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for _ in range(300):
        optimiser.zero_grad()
        criterion(net(x), y).backward()
        optimiser.step()
    with watch(net, net[2]) as watching:
        for rows in torch.arange(120).split(30):
            criterion(net(x[rows]), y[rows]).backward()
            watching.labels((y[rows] + further) % k)


#: Losses that pull a network back that is surer of a label than they want it.
BACK = {
    "label smoothing": nn.CrossEntropyLoss(label_smoothing=0.1),
    "squared": lambda z, y: functional.mse_loss(z, functional.one_hot(y, z.shape[1]).float()),
}


@pytest.mark.parametrize("k", [2, 3, 5, 10])
@pytest.mark.parametrize("name", BACK)
def test_a_network_that_is_surer_than_its_targets_tells_of_no_other_labels(name, k, caplog):
    with caplog.at_level(logging.WARNING, "lopsided"):
        fitted(k, BACK[name])
    assert not caplog.text


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_other_labels_are_told_also_of_a_network_that_fits(k, caplog):
    with caplog.at_level(logging.WARNING, "lopsided"):
        fitted(k, nn.CrossEntropyLoss(), further=1)
    assert "toward another class" in caplog.text


def test_labels_that_a_network_is_surer_of_than_their_smoothed_targets_are_no_others():
    target = np.full(10, 0.01)
    target[0] += 0.9
    z = np.log(target) + np.random.default_rng(0).normal(scale=0.3, size=(256, 10))
    z[:, 0] += 0.3
    g = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - target
    assert (g.argmin(axis=1) != 0).mean() > 0.3
    assert finding(g, z, np.zeros(256, np.int64)) == ""


def mixed(share: float) -> Any:
    def loss(net: Any, batch: Any) -> Any:
        x, y = batch
        order = torch.randperm(len(x))
        z = net(share * x + (1 - share) * x[order])
        return share * functional.cross_entropy(z, y) + (1 - share) * functional.cross_entropy(
            z, y[order]
        )

    return loss


DEVIATING = {
    "mixup": (mixed(0.7), "two classes each, as with mixup"),
    "mixup, mostly of others": (mixed(0.3), "toward another class than their label.*mixup"),
    "labels in another order": (
        lambda net, batch: functional.cross_entropy(net(batch[0]), batch[1].flip(0)),
        "in another order",
    ),
}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("name", DEVIATING)
def test_a_loss_that_is_given_other_labels_than_those_measured_is_told(name, before, caplog):
    loss, words = DEVIATING[name]
    training(caplog, loss, before=before)
    assert len(caplog.records) == 1
    assert re.search(words, caplog.text)


@pytest.mark.parametrize(
    ("measured", "one_epoch", "words"),
    [
        ([100, 50, 20, 20, 10], True, ""),
        ([99, 50, 20, 20, 9], True, ""),
        ([10, 20, 20, 50, 100], True, "the samples are most where the training counts are least"),
        ([10, 20, 20, 50, 100], False, "the samples are most where the training counts are least"),
        ([50, 100, 20, 10, 20], True, "sorted by size the counts are those of the samples, but"),
        ([500, 1000, 200, 100, 200], False, "labels number the classes differently"),
        ([40, 40, 40, 40, 40], False, ""),
        ([37, 38, 42, 44, 41], False, ""),
        (
            [101, 50, 20, 20, 10],
            True,
            "class 0 was measured 101 times, more than its 100 training samples: a distributed",
        ),
        ([101, 51, 20, 20, 10], True, "and so was 1 more of the 5 classes"),
        (
            [101, 51, 20, 20, 11],
            True,
            "more than its 100 training samples, and so were 2 more of the 5 classes: a",
        ),
        ([101, 50, 20, 20, 10], False, ""),
        ([0, 0, 20, 20, 10], True, "most where the training counts are least"),
        ([4, 10, 2, 1, 2], False, ""),  # as few may be of a balanced set
    ],
)
def test_samples_that_contradict_counts_are_told(measured, one_epoch, words):
    sentence = contradiction(np.array(measured), COUNTS, one_epoch=one_epoch)
    assert words in sentence
    assert bool(sentence) == bool(words)


@pytest.mark.parametrize("values", [[500, 387, 300, 232, 180, 139, 108, 83, 64, 50], [200, 100]])
@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("n", [20, 50, 100])
def test_a_few_samples_drawn_at_random_contradict_no_counts(values, balanced, n):
    counts, rng = Counts(values), np.random.default_rng(0)
    shares = np.ones(counts.k) / counts.k if balanced else counts.values / counts.n
    drawn = rng.multinomial(n, shares, size=1000)
    told = [bool(contradiction(measured, counts, one_epoch=False)) for measured in drawn]
    assert np.mean(told) <= 0.002


@pytest.mark.parametrize("how", ["watch", "diagnose", "stored, 1", "stored, 2"])
def test_counts_in_reverse_order_are_told_in_use(how, caplog, tmp_path):
    net, labels = model(), torch.repeat_interleave(torch.arange(K), torch.tensor(COUNTS.values))
    x, turned = torch.randn(len(labels), D), Counts(COUNTS.values[::-1])
    with caplog.at_level(logging.WARNING, "lopsided"):
        if how == "diagnose":
            trained(net, [(x, labels)], turned, head=net[1], show_progress=False)
        elif how.startswith("stored"):
            np.savez(tmp_path / "x.npz", features=x.numpy(), labels=labels.numpy())
            stored(tmp_path / "x.npz", passes=int(how[-1]), counts=turned)
        else:
            with watch(net, net[1], turned) as watching:
                for _ in range(2):
                    net(x)
                    watching.labels(labels)
                    watching.epoch()
    assert caplog.text.count("most where the training counts are least") == 1


def test_training_samples_that_a_sampler_of_others_draws_anew_are_told(caplog):
    net, labels = model(), torch.repeat_interleave(torch.arange(K), torch.tensor(COUNTS.values))
    x = torch.randn(len(labels), D)
    drawn = torch.cat([torch.arange(len(labels)), len(labels) - 1 - torch.arange(5)])
    # Nothing is known of a sampler that is no class of torch.
    loader = DataLoader(TensorDataset(x, labels), 16, sampler=drawn.tolist()[5:])
    with caplog.at_level(logging.WARNING, "lopsided"):
        held_out = [(torch.randn(len(labels), D), labels)]
        found = diagnose(net, loader, COUNTS, held_out=held_out, head=net[1], show_progress=False)
    told = f"class {K - 1} was measured 15 times, more than its 10 training samples: a"
    assert caplog.text.count(told) == 1
    assert f"Careful: {told} distributed" in str(found)
    # Samples of one loader alone may be held out, and of another distribution.
    with caplog.at_level(logging.WARNING, "lopsided"):
        caplog.clear()
        trained(net, loader, COUNTS, head=net[1], show_progress=False)
    assert not caplog.text


class Around:
    """What gives the batches of other loaders, one after the other."""

    def __init__(self, *loaders):
        vars(self).update({f"loader{i}": loader for i, loader in enumerate(loaders)})

    def __iter__(self):
        for loader in [*vars(self).values()]:
            yield from loader


DATA = TensorDataset(X[:11], Y[:11])
#: Loader -> what is said of it.
LOADERS = {
    "shuffled": (DataLoader(DATA, 4, shuffle=True), ""),
    "a list": ([(X[:11], Y[:11])], ""),
    "a share that is cut": (
        DataLoader(DATA, sampler=DistributedSampler(DATA, 2, 1, drop_last=True)),
        "",
    ),
    "a share that is padded": (
        DataLoader(DATA, sampler=DistributedSampler(DATA, 2, 1)),
        "DistributedSampler draws samples more than once",
    ),
    "weighed": (
        DataLoader(DATA, 4, sampler=WeightedRandomSampler([1.0] * 11, 11)),
        "WeightedRandomSampler draws samples more than once",
    ),
    "weighed, within another": (
        Around(DataLoader(DATA, 4, sampler=WeightedRandomSampler([1.0] * 11, 11))),
        "WeightedRandomSampler draws samples more than once",
    ),
    "two within another": (
        Around(DataLoader(DATA), DataLoader(TensorDataset(X[11:], Y[11:]))),
        "",
    ),
    "bound": (
        DataLoader(DATA, batch_sampler=steer.BindingBatches(Y[:11], 2)),
        "the loader gave 21 samples of a data set of 11",
    ),
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_that_gives_samples_more_than_once_is_told(name, caplog):
    (loader, words), net = LOADERS[name], model()
    with caplog.at_level(logging.WARNING, "lopsided"):
        trained(net, loader, head=net[1], classes="seen", show_progress=False)
    assert words in caplog.text
    assert bool(words) == ("weighs more" in caplog.text)


@pytest.mark.parametrize("passes", [None, 1, 2])
def test_counts_that_were_given_are_not_asked_for_where_classes_are_left_out(passes):
    net, some = model(), Y != 1
    counts, options = [50] * len(net[1].weight), {"classes": "seen", "show_progress": False}
    found = diagnose(net, [(X[some], Y[some])], counts, head=net[1], passes=passes, **options)
    remedy = found.sections["Cause and remedy"]
    assert "give counts" not in remedy
    assert ("leave out passes=" in remedy) == (passes is not None)


def _process(rank: int, size: int, folder: str) -> None:
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size
    )
    # Uneven shards, the last one empty.
    mine = (
        [(X[:10], Y[:10]), (X[10:], Y[10:])]
        if size == 1
        else [[(X[:10], Y[:10]), (X[10:12], Y[10:12])], [(X[12:], Y[12:])], []][rank]
    )
    net = model()
    for passes in (1, 2):
        got = trained(net, mine, head=net[1], passes=passes, show_progress=False)
        np.savez(
            f"{folder}/{passes}-{rank}",
            means=got.moments.means,
            nc1=got.nc1,
            errors=got.decisions.errors,
            pairs=got.decisions.confusions.state(),
            n=got.moments.n,
        )
    both = diagnose(net, mine, head=net[1], held_out=list(mine), show_progress=False)
    np.savez(
        f"{folder}/both-{rank}",
        pairs=both.held_out.confusions.state(),
        nc1=both.collapse.nc1,
        alone=both.prescription is None and "diagnose in one process" in str(both),
    )
    broken = [(X, Y + rank)]
    try:
        trained(net, broken, head=net[1], show_progress=False)
    except ValueError as error:
        Path(folder, f"error-{rank}").write_text(str(error))
    dist.destroy_process_group()


def test_processes_that_diagnose_together_give_the_answer_of_one(tmp_path):
    mp.start_processes(_process, args=(3, str(tmp_path)), nprocs=3, start_method="fork")
    net = model()
    for passes in (1, 2):
        want = trained(net, [(X, Y)], head=net[1], passes=passes, show_progress=False)
        for rank in range(3):
            got = np.load(tmp_path / f"{passes}-{rank}.npz")
            assert got["n"] == B
            np.testing.assert_allclose(got["means"], want.moments.means, rtol=1e-5)
            np.testing.assert_allclose(got["nc1"], want.nc1, rtol=1e-5)
            np.testing.assert_array_equal(got["errors"], want.decisions.errors)
            np.testing.assert_array_equal(got["pairs"], want.decisions.confusions.state())
            both = np.load(tmp_path / f"both-{rank}.npz")
            np.testing.assert_array_equal(both["pairs"], want.decisions.confusions.state())
            np.testing.assert_allclose(both["nc1"], want.nc1, rtol=1e-5)
            assert both["alone"]
    assert (
        "process 1 could not measure: in batch 0 of the loader: labels must be from 0 to 4"
        in (tmp_path / "error-0").read_text()
    )
    assert (
        (tmp_path / "error-1")
        .read_text()
        .startswith("in batch 0 of the loader: labels must be from 0 to 4")
    )
