"""Inputs as they are: what a loader gives, and which layer is the head."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from lopsided import Counts
from lopsided.measure import Moments, Stream, diagnose, open_store, trained

K, D, B = 4, 6, 24
X, Y = torch.randn(B, 5, generator=torch.Generator().manual_seed(0)), torch.arange(B) % K
QUIET = {"show_progress": False}


def model(head=None):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, D), nn.ReLU(), head or nn.Linear(D, K))


def expected():
    moments = Moments(K, D)
    with torch.no_grad():
        moments.update(model()[:2](X).numpy(), Y.numpy())
    return moments


LOADERS = {
    "pairs": ([(X, Y)], {}),
    "triples with an index": ([(X, Y, torch.arange(B))], {"inputs": 0, "labels": 1}),
    "triples that begin with an index": ([(torch.arange(B), X, Y)], {"inputs": 1, "labels": 2}),
    "mappings with other names": (
        [{"image": X, "target": Y, "path": ["a"] * B}],
        {"inputs": "image", "labels": "target"},
    ),
    "functions": (
        [{"views": [X, X + 1], "target": Y + 1}],
        {"inputs": lambda batch: batch["views"][0], "labels": lambda batch: batch["target"] - 1},
    ),
    "pairs of which only the label is odd": ([(X, (Y, Y))], {"labels": lambda batch: batch[1][0]}),
    "inputs as arguments": ([(X, Y)], {"inputs": lambda batch: (batch[0],)}),
    "inputs as keywords": ([(X, Y)], {"inputs": lambda batch: {"input": batch[0]}}),
}


@pytest.mark.parametrize("name", LOADERS)
def test_batches_are_read_as_they_are(name):
    loader, options = LOADERS[name]
    got = trained(model(), loader, **options, **QUIET)
    np.testing.assert_allclose(got.moments.means, expected().means, rtol=1e-5, atol=1e-6)


class Rows(Dataset):
    """Of two inputs each, which PyTorch's loader hands out as a list."""

    def __len__(self):
        return B

    def __getitem__(self, i):
        return (X[i, :2], X[i, 2:]), Y[i]


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = model()

    def forward(self, first, second):
        return self.net(torch.cat([first, second], 1))


class Pair(Joined):
    def forward(self, both):
        return super().forward(*both)


class Packed(Joined):
    def forward(self, packed):
        return self.net(unpack_sequence(packed)[0])


@pytest.mark.parametrize("around", [nn.DataParallel, AveragedModel])
@pytest.mark.parametrize("kind", [Joined, Pair])
def test_a_model_around_another_is_given_inputs_as_the_one_within_takes_them(kind, around):
    got = trained(around(kind()), DataLoader(Rows(), batch_size=10), **QUIET)
    np.testing.assert_allclose(got.moments.means, expected().means, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [Joined, Pair, Packed])
def test_several_inputs_are_given_as_the_model_takes_them(kind):
    one = pack_sequence([X], enforce_sorted=False)  # of a type that is a tuple's
    loader = [(one, Y)] if kind is Packed else DataLoader(Rows(), batch_size=10)
    got = trained(kind(), loader, **QUIET)
    np.testing.assert_allclose(got.moments.means, expected().means, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("batch", "options", "words"),
    [
        ((X, Y, Y), {}, "got a tuple of 3; say which of it are inputs= and labels="),
        ({"image": X, "target": Y}, {}, "must hold 'labels', got image, target; say which"),
        (
            {"image": X},
            {"inputs": "image", "labels": "y"},
            "no labels at 'y', it is a dict of image",
        ),
        ((X, Y), {"inputs": 0, "labels": 5}, "a batch has no labels at 5, it is a tuple"),
    ],
)
def test_batches_that_cannot_be_read_are_refused_with_what_to_say(batch, options, words):
    with pytest.raises(TypeError, match=words):
        trained(model(), [batch], **options, **QUIET)


def test_a_head_is_known_by_its_name():
    got = trained(model(), [(X, Y)], head="2", **QUIET)
    np.testing.assert_allclose(got.weight, model()[2].weight.detach().numpy())
    with pytest.raises(ValueError, match="no layer 'fc'; its linear layers are '0', '2'"):
        trained(model(), [(X, Y)], head="fc", **QUIET)


class Valued(Joined):
    """A layer of one output comes last: a value beside the classes, or a weight of a sample."""

    def __init__(self):
        super().__init__()
        self.value = nn.Linear(5, 1)

    def forward(self, x):
        return self.net(x), self.value(x)


def test_a_layer_of_one_output_is_no_head_of_classes():
    got = trained(Valued(), [(X, Y)], **QUIET)
    np.testing.assert_allclose(got.weight, model()[2].weight.detach().numpy())
    single = nn.Sequential(nn.Linear(5, D), nn.ReLU(), nn.Linear(D, 1))
    for options in ({"head": "2"}, {"counts": [12, 12]}):
        with pytest.raises(ValueError, match=r"is the difference of two: give .* \(-w/2, w/2\)"):
            trained(single, [(X, Y % 2)], **options, **QUIET)
    w, b = single[2].weight.detach(), single[2].bias.detach()
    rows, biases = torch.cat([-w / 2, w / 2]), torch.cat([-b / 2, b / 2])
    stream = Stream(2, D)
    stream.update(single[:2](X), Y % 2)
    collapse = stream.compute(rows, biases)  # as the sentence says
    assert collapse.classifier_etf_distance == pytest.approx(0, abs=1e-7)
    alone = stream.compute(w, b)
    np.testing.assert_array_equal(collapse.weight, alone.weight)
    np.testing.assert_array_equal(collapse.bias, alone.bias)


class Timm(nn.Module):
    """As timm's: tells its classifier; another layer of the same width comes last."""

    def __init__(self):
        super().__init__()
        self.body, self.fc, self.aux = model()[:2], nn.Linear(D, K), nn.Linear(D, K)

    def get_classifier(self):
        return self.fc

    def forward(self, x):
        return self.fc(self.body(x)) if not self.training else self.aux(self.body(x))


def test_a_model_that_tells_its_classifier_is_believed(caplog):
    net = Timm()
    got = trained(net, [(X, Y)], **QUIET)
    np.testing.assert_allclose(got.weight, net.fc.weight.detach().numpy())
    assert "'fc' (6 -> 4)" in caplog.text


def test_a_method_of_that_name_that_wants_more_tells_nothing():
    class Named(Timm):
        def get_classifier(self, name):
            return getattr(self, name)

    net = Named()
    got = trained(net, [(X, Y)], **QUIET)
    np.testing.assert_allclose(got.weight, net.fc.weight.detach().numpy())


@pytest.mark.parametrize("several", [True, False])
def test_positions_of_one_image_or_sequence_are_told_to_go_together(several):
    """They are no more samples than their images, which no interval over positions knows."""
    net = nn.Sequential(nn.Conv2d(1, 6, 1), nn.ReLU(), nn.Conv2d(6, 3, 1))
    images, masks = torch.randn(20, 1, 4, 4), torch.arange(320).reshape(20, 4, 4) % 3
    if not several:
        masks[:, 1:] = masks[:, 0, 1:] = 255  # one position of each is left
        masks[:, 0, 0] = torch.arange(20) % 3
    batches = [(images[:10], masks[:10]), (images[10:], masks[10:])]
    found = diagnose(net, batches, held_out=batches[1:], ignore=255, **QUIET)
    for said in (str(found), str(found.prescription), " ".join(found.prescription.doubts)):
        assert ("positions of one sequence or image" in said) == several


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("guessed", [True, False])
def test_a_1x1_convolution_is_a_head_of_pixels(guessed, channels):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, D, 3, padding=1), nn.ReLU(), nn.Conv2d(D, K, 1))
    images, labels = torch.randn(2, 3, 5, 7), torch.randint(0, K, (2, 5, 7))
    labels[0, 0] = 255
    masks = labels[:, None] if channels else labels
    got = trained(net, [(images, masks)], head=None if guessed else "2", ignore=255, **QUIET)
    kept = labels.flatten() != 255
    with torch.no_grad():
        rows, answers = (part(images).movedim(1, -1).flatten(0, 2)[kept] for part in (net[:2], net))
    moments = Moments(K, D)
    moments.update(rows.numpy(), labels.flatten()[kept].numpy())
    np.testing.assert_allclose(got.moments.means, moments.means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got.weight, net[2].weight.detach().numpy()[:, :, 0, 0])
    wrong = answers.argmax(1).numpy() != labels.flatten()[kept].numpy()
    assert got.decisions.errors.sum() == wrong.sum()


@pytest.mark.parametrize("channels", [False, True])
def test_masks_of_more_pixels_than_the_head_sees_are_told_apart(channels):
    net = nn.Sequential(nn.Conv2d(3, D, 3, 2, 1), nn.Conv2d(D, K, 1), nn.Upsample(scale_factor=2))
    images, labels = torch.randn(2, 3, 8, 6), torch.randint(0, K, (2, 8, 6))
    with pytest.raises(ValueError, match="sees 4 x 3 places of an image, and its mask has 8 x 6"):
        trained(net, [(images, labels[:, None] if channels else labels)], **QUIET)
    assert trained(net, [(images, labels[:, ::2, ::2])], **QUIET).moments.n == 24


def test_a_diagnosis_reads_both_sets_and_leaves_the_model_as_it_was():
    net, counts = (
        model(nn.Linear(D, K, bias=False)).train(),
        Counts([B // K] * K, names=list("abcd")),
    )
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found = diagnose(net, [(X, Y)], counts, held_out=[(X + 1, Y)], **QUIET)
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    np.testing.assert_allclose(found.collapse.moments.means, expected().means, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        answers = net(X + 1).argmax(1)
    assert found.held_out.answered.tolist() == torch.bincount(answers, minlength=K).tolist()
    assert found.collapse.nc4 == pytest.approx(
        trained(net, [(X, Y)], counts, passes=2, **QUIET).nc4
    )
    assert found.prescription.held_out.tolist() == [B // K] * K
    assert found.to_dict()["held_out"]["n"] == B


class Cosine(nn.Linear):
    """Answers by the cosines of features and classifiers."""

    def forward(self, x):
        return 5 * nn.functional.normalize(x, dim=-1) @ nn.functional.normalize(self.weight).T


def test_a_head_that_is_no_plain_linear_layer_is_named_where_another_is_prescribed():
    odd = "The head is a linear map of the features divided by their lengths, not its weight"
    found = diagnose(model(Cosine(D, K)), [(X, Y)], held_out=[(X, Y)], **QUIET)
    assert odd in str(found)
    assert odd not in str(diagnose(model(), [(X, Y)], held_out=[(X, Y)], **QUIET))


def test_a_diagnosis_says_whose_answers_it_tells():
    class Adjusted(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = model()

        def forward(self, x):
            return self.own(x) - 3 * torch.arange(K)

    said = "with an offset for each class: what is said of answers, cause and gain is of the head's"
    told = str(diagnose(Adjusted(), [(X, Y)], held_out=[(X + 1, Y)], **QUIET))
    assert said in told
    assert "behind the head" in told.partition(said)[2]
    assert said not in str(diagnose(model(), [(X, Y)], held_out=[(X + 1, Y)], **QUIET))


TIED = {
    "untied": lambda head, table: None,
    "one parameter": lambda head, table: setattr(head, "weight", table.weight),
    "two of one memory": lambda head, table: setattr(head.weight, "data", table.weight.data),
}


@pytest.mark.parametrize("name", TIED)
def test_a_head_that_is_tied_to_embeddings_is_not_to_be_written_to(name):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(K, D), nn.Dropout(), nn.Linear(D, K))
    TIED[name](net[2], net[0])
    following = [(Y, (Y + 1) % K)]  # never the token itself, which a tied head answers
    found = diagnose(net, following, held_out=[(Y, (Y + 1) % K)], **QUIET)
    assert found.prescription.remedy != "nothing"
    assert ("The head's weight is '0.weight' too" in str(found)) == (name != "untied")


def test_what_takes_the_place_of_a_cosine_head_stands_behind_a_division_by_lengths(tmp_path):
    net = model(Cosine(D, K))
    given = diagnose(net, [(X, Y)], held_out=[(X + 1, Y)], **QUIET).prescription
    plain = nn.Linear(D, K)
    with pytest.raises(ValueError, match="for features divided by their lengths"):
        given.apply_(plain)
    plain.load_state_dict({n: torch.as_tensor(a) for n, a in given.state_dict().items()})
    with torch.no_grad():
        features = net[:2](X + 1)
        wanted = plain(nn.functional.normalize(features, dim=-1))
    np.testing.assert_allclose(given.score(features), wanted, rtol=1e-4, atol=1e-5)
    np.savez(tmp_path / "x.npz", features=features.numpy(), labels=Y.numpy())
    head = given.save(tmp_path / "head.safetensors")
    with pytest.raises(ValueError, match="holds a head for features divided by their lengths"):
        open_store(tmp_path / "x.npz", head=head)


def test_a_diagnosis_of_one_set_says_which_half_is_missing():
    alone = diagnose(model(), [(X, Y)], **QUIET)
    assert "No held-out samples were given" in str(alone)
    assert "Not measured: there are no held-out samples" in str(alone)
    other = diagnose(model(), None, [6] * K, held_out=[(X, Y)], **QUIET)
    assert other.collapse is None
    assert other.prescription is not None
    assert "No training samples were given" in str(other)
    unknown = diagnose(model(), None, held_out=[(X, Y)], **QUIET)
    assert "What to do is not known without the training counts: give counts." in str(unknown)
    with pytest.raises(ValueError, match="give training samples, held-out samples, or best both"):
        diagnose(model(), None, **QUIET)
    with pytest.raises(ValueError, match="there is no held-out sample: the loader gave no batch"):
        diagnose(model(), [(X, Y)], held_out=[], **QUIET)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_diagnosis_that_keeps_no_features_measures_the_same(passes):
    kept = diagnose(model(), [(X, Y)], **QUIET)
    found = diagnose(model(), [(X, Y)], held_out=[(X, Y)], passes=passes, **QUIET)
    assert found.nc1 == pytest.approx(kept.nc1, rel=1e-6)
    assert found.moments.n == kept.moments.n == B
    assert found.held_out is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = diagnose(model(), None, [B] * K, held_out=[(X, Y)], **QUIET).nc1


def test_samples_trained_on_are_not_held_out():
    loader = [(X, Y)]
    with pytest.raises(ValueError, match="are one loader"):
        diagnose(model(), loader, held_out=loader, **QUIET)
