"""Positions of a layer: means are over them, never over channels, samples or time by mistake."""

import numpy as np
import pytest
import torch
from torch import nn

from lopsided import measure

Y = torch.arange(6) % 3


class Around(nn.Module):
    """A layer, what of its output the head sees, and the head."""

    def __init__(self, layer, pool, width=5, before=None):
        super().__init__()
        self.layer, self.pool, self.before = layer, pool, before or (lambda x: x)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        z = self.layer(self.before(x))
        return self.head(self.pool(z[0] if isinstance(z, tuple) else z))


def by_time(x):
    return x.transpose(0, 1)


def act(*parts):
    return nn.Sequential(*parts, nn.ReLU())


class OfMaps(nn.LayerNorm):
    """A norm over channels that are at axis 1, as that of torchvision's ConvNeXt."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Patches(nn.Conv2d):
    """A convolution whose output is a sequence."""

    def forward(self, x):
        return super().forward(x).flatten(2).transpose(1, 2)


class Standardised(nn.Conv2d):
    """A convolution of a weight of its own."""

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight - self.weight.mean(), self.bias)


class OfPixels(nn.Linear):
    """A linear layer of each pixel of an image."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


#: A layer, shape of its inputs, axes of positions in its output, and what it is given of inputs.
LAYERS = {
    "Conv1d": (nn.Conv1d(4, 5, 3, padding=1), (6, 4, 7), 2, None),
    "Conv1d, as many samples as positions": (nn.Conv1d(4, 5, 3, padding=1), (6, 4, 6), 2, None),
    "BatchNorm1d": (nn.BatchNorm1d(5), (6, 5, 7), 2, None),
    "AvgPool1d": (nn.AvgPool1d(2), (6, 5, 8), 2, None),
    "Conv1d and ReLU": (act(nn.Conv1d(4, 5, 1)), (6, 4, 7), 2, None),
    "Conv2d and ReLU": (act(nn.Conv2d(4, 5, 1)), (6, 4, 7, 7), (2, 3), None),
    "Linear": (nn.Linear(4, 5), (6, 7, 4), 1, None),
    "Linear of images": (nn.Linear(4, 5), (6, 7, 8, 4), (1, 2), None),
    "Linear and ReLU": (act(nn.Linear(4, 5)), (6, 7, 4), 1, None),
    "LayerNorm": (nn.LayerNorm(5), (6, 5, 5), 1, None),
    "LayerNorm of maps": (OfMaps(5), (6, 5, 7, 8), (2, 3), None),
    "LayerNorm of maps of one pixel": (OfMaps(5), (6, 5, 1, 1), (2, 3), None),
    "patches": (Patches(4, 5, 2, 2), (6, 4, 8, 8), 1, None),
    "Conv2d of its own weight": (Standardised(4, 5, 1), (6, 4, 5, 5), (2, 3), None),
    "Linear of pixels": (OfPixels(4, 5), (6, 4, 7, 7), (2, 3), None),
    "LSTM of batches": (nn.LSTM(4, 5, batch_first=True), (6, 6, 4), 1, None),
    "LSTM by time": (nn.LSTM(4, 5), (6, 6, 4), 0, by_time),
    "Transformer by time": (nn.TransformerEncoderLayer(5, 1, 9), (6, 6, 5), 0, by_time),
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_is_averaged_over_its_positions(kind):
    torch.manual_seed(0)
    layer, shape, axes, before = LAYERS[kind]
    x = torch.randn(shape)
    model = Around(layer, lambda z: z.mean(axes), before=before).eval()
    found = measure.layers(model, [(x, Y)], ["layer"], show_progress=False)
    with torch.no_grad():
        z = layer(x if before is None else before(x))
        z = (z[0] if isinstance(z, tuple) else z).mean(axes)
    means = np.stack([z[c == Y].double().mean(0) for c in range(3)])
    np.testing.assert_allclose(found["layer"].moments.means, means, atol=1e-6)


def test_where_each_pixel_has_a_label_each_is_a_sample():
    model = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 3, 1))
    x, y = torch.randn(2, 2, 4, 4), torch.arange(32).reshape(2, 4, 4) % 3
    found = measure.layers(model, [(x, y)], ["0", "1"], show_progress=False)
    z = model[0](x).detach().movedim(1, -1)
    assert found["0"].moments.n == 32
    np.testing.assert_allclose(found["0"].moments.means[1], z[y == 1].mean(0), atol=1e-6)
    np.testing.assert_allclose(found["1"].moments.means, found["2"].moments.means)


def dropped():
    """A layer that knows no axes, after a recurrent one by time, of as many samples as times."""
    parts = nn.LSTM(4, 5), nn.Dropout()
    model = Around(nn.ModuleList(parts), None)
    model.forward = lambda x: model.head(parts[1](parts[0](by_time(x))[0])[-1])
    return model


@pytest.mark.parametrize("times", [4, 9])
def test_of_a_layer_after_one_by_time_the_number_of_labels_tells_which_axis_is_time(times):
    torch.manual_seed(0)
    model, x = dropped().eval(), torch.randn(6, times, 4)
    found = measure.layers(model, [(x, Y)], ["layer.1"], show_progress=False)["layer.1"]
    with torch.no_grad():
        z = model.layer[0](by_time(x))[0].mean(0)
    means = np.stack([z[c == Y].double().mean(0) for c in range(3)])
    np.testing.assert_allclose(found.moments.means, means, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "shape", "name", "words"),
    [
        (
            Around(act(nn.Conv1d(5, 5, 1), nn.Linear(5, 5)), lambda z: z.mean(1)),
            (6, 5, 5),
            "layer",
            "'layer' cannot be measured: it is not known whether axis 1 or the last",
        ),
        (
            Around(nn.PReLU(5), lambda z: z.mean(2)),
            (6, 5, 5),
            "layer",
            "not known whether axis 1 or the last .* this PReLU",
        ),
        (
            Around(OfMaps(5), lambda z: z.mean((2, 3))),
            (6, 5, 5, 5),
            "layer",
            "whether axis 1 or the last .* this OfMaps",
        ),
        (dropped(), (6, 6, 4), "layer.1", "not known whether axis 0 is time"),
    ],
)
def test_axes_that_are_not_known_are_refused(model, shape, name, words):
    with pytest.raises(ValueError, match=words):
        measure.layers(model, [(torch.randn(shape), Y)], [name], show_progress=False)


@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_a_layer_under_a_shift_lies_beside_the_labels_ahead(first):
    torch.manual_seed(0)
    ids = torch.randint(0, 3, (20, 6))
    layer = nn.Conv1d(4, 5, 1) if first else nn.Linear(4, 5)
    turned = (lambda z: z.transpose(1, 2)) if first else (lambda z: z)
    embed = nn.Embedding(3, 4)
    model = Around(layer, turned, before=lambda x: turned(embed(x))).eval()
    found = measure.layers(model, [(ids, ids)], ["layer"], shift=1, show_progress=False)
    with torch.no_grad():
        rows = turned(layer(turned(embed(ids))))[:, :-1].reshape(-1, 5)
    moments = measure.Moments(3, 5)
    moments.update(rows.numpy(), ids[:, 1:].reshape(-1).numpy())
    for seen in found.values():
        np.testing.assert_allclose(seen.moments.means, moments.means, atol=1e-6)


class Padded(nn.Module):
    """Reads sequences, of which zero fills up, and tells its parts so in one of some ways."""

    def __init__(self, way):
        super().__init__()
        self.way, self.table = way, nn.Embedding(20, 6)
        block = nn.TransformerEncoderLayer(6, 2, 9, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=way == "nested")
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, tokens, attention_mask=None):
        if self.way == "every other":
            tokens = tokens[:, ::2]
        h, out = self.table(tokens), tokens == 0
        if self.way == "attention":
            h = h + self.attention(h, h, h, key_padding_mask=out)[0]
        elif self.way == "float":
            h = self.encoder(h, None, torch.zeros(out.shape).masked_fill(out, -torch.inf))
        elif self.way == "attention_mask":
            h = self.encoder(h, src_key_padding_mask=None if attention_mask is None else out)
        else:
            h = self.encoder(h, src_key_padding_mask=out)
        return self.head(self.norm(h)[:, 0])


def sequences(t):
    """Return six sequences of 2 to 7 numbers, filled up to t."""
    torch.manual_seed(1)
    tokens = torch.zeros(6, t, dtype=torch.int64)
    for i, own in enumerate(torch.randint(1, 20, (6, 7))):
        tokens[i, : 2 + i] = own[: 2 + i]
    return tokens


#: How a model tells its parts of padding, and a layer that is measured.
TOLD = [
    ("attention", "attention"),
    ("attention", "norm"),
    ("attention", "table"),
    ("float", "encoder.layers.0"),
    ("nested", "encoder"),
    ("encoder", "encoder.layers.1.norm2"),
    ("encoder", "norm"),
    ("attention_mask", "encoder.layers.0"),
    ("every other", "table"),
]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(("way", "name"), TOLD)
def test_padding_has_no_part_in_the_mean_of_a_sequence(way, name):
    torch.manual_seed(0)
    model = Padded(way).eval()

    def measured(t):
        tokens = sequences(t).repeat_interleave(1 + (way == "every other"), dim=1)
        told = way in ("attention_mask", "every other")
        given = (tokens, (tokens != 0).long()) if told else tokens
        found = measure.layers(model, [(given, Y)], [name], show_progress=False)
        return found[name].moments.means

    seen = []
    hook = model.get_submodule(name).register_forward_hook(lambda _m, _x, z: seen.append(z))
    with torch.no_grad():
        for i, own in enumerate(sequences(7)):  # each by itself, without any padding
            own = own[: 2 + i].repeat_interleave(1 + (way == "every other"))
            model(own[None], torch.ones(1, 2 + i))
    hook.remove()
    single = torch.stack([(z[0] if isinstance(z, tuple) else z)[0].mean(0) for z in seen])
    means = np.stack([single[c == Y].double().mean(0) for c in range(3)])
    for t in (7, 15):
        np.testing.assert_allclose(measured(t), means, atol=1e-6)


def test_a_mask_of_other_positions_is_none_of_a_layer():
    torch.manual_seed(0)

    class Across(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.head = (
                nn.MultiheadAttention(6, 1, batch_first=True),
                nn.Linear(6, 3),
            )

        def forward(self, x, memory, out):
            z = self.attention(x, memory, memory, key_padding_mask=out)[0]
            return self.head(z.mean(1))

    model, out = Across().eval(), torch.arange(5).expand(6, 5) > 2
    given = torch.randn(6, 5, 6), torch.randn(6, 5, 6), out
    found = measure.layers(model, [(given, Y)], ["attention"], show_progress=False)
    np.testing.assert_allclose(
        found["attention"].moments.means, found["head"].moments.means, atol=1e-6
    )


def test_a_sequence_of_padding_alone_is_refused():
    tokens = sequences(8)
    tokens[4] = 0
    model = Padded("encoder").eval()
    with pytest.raises(ValueError, match="sample 4 of the batch is padding alone"):
        measure.layers(model, [(tokens, Y)], ["table"], show_progress=False)
    assert not any(part._forward_pre_hooks for part in model.modules())


def test_a_sequence_of_padding_alone_that_its_label_leaves_out_is_not_asked():
    tokens, labels = sequences(8), Y.clone()
    model, some = Padded("encoder").eval(), [i for i in range(len(Y)) if i != 4]
    tokens[4], labels[4] = 0, -100
    padded, plain = (
        measure.layers(model, [batch], ["table"], ignore=-100, show_progress=False)["table"]
        for batch in ((tokens, labels), (tokens[some], Y[some]))
    )
    assert padded.moments.n == len(some)
    np.testing.assert_allclose(padded.moments.means, plain.moments.means, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_of_a_script_nobody_knows_what_it_takes_and_other_layers_are_measured():
    script = torch.jit.trace(nn.Linear(4, 5), torch.randn(6, 4))
    model = nn.Sequential(script, nn.Linear(5, 5), nn.Linear(5, 3))
    assert measure.layers(model, [(torch.randn(6, 4), Y)], ["1"], show_progress=False)["1"].d == 5


class Told(nn.Module):
    """Tells what reads a table of numbers whatever is wanted, by the name of a mask."""

    def __init__(self, part, mask):
        super().__init__()
        self.table, self.part, self.head = nn.Embedding(20, 6), part, nn.Linear(6, 3)
        self.mask = mask

    def forward(self, tokens):
        return self.head(self.part(self.table(tokens), self.mask).mean(1))


class Reads(nn.Module):
    def forward(self, x, attention_mask: torch.Tensor):
        return x + 0 * attention_mask.sum()


@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(6, 6).tril(),
        torch.ones(6, 6).triu(1).bool(),
        torch.zeros(6, 6),
        torch.zeros(6, 7),
    ],
    ids=["tokens before", "tokens behind", "to be added", "to be added, of another length"],
)
def test_a_mask_that_tells_nothing_of_padding_leaves_nothing_out(mask):
    torch.manual_seed(0)
    model = Told(Reads(), mask).eval()
    tokens = torch.randint(1, 20, mask.shape)
    found = measure.layers(model, [(tokens, Y)], ["table"], show_progress=False)
    means = found["head"].moments.means
    np.testing.assert_allclose(found["table"].moments.means, means, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_that_is_told_of_padding_is_not_heard():
    model = Told(torch.jit.script(Reads()), torch.ones(6, 7)).eval()
    found = measure.layers(model, [(sequences(7), Y)], ["table"], show_progress=False)
    assert found["table"].d == 6


def test_a_part_that_is_told_of_no_padding_has_that_of_the_model():
    torch.manual_seed(0)

    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, h, attention_mask=None):
            return self.linear(h)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.part, self.head = nn.Embedding(20, 6), Part(), nn.Linear(6, 3)

        def forward(self, tokens, attention_mask):
            return self.head(self.part(self.table(tokens), attention_mask=None)[:, 0])

    model = Model()

    def measured(t):
        given = sequences(t), sequences(t) != 0
        return measure.layers(model, [(given, Y)], ["part.linear"], show_progress=False)

    near, far = (measured(t)["part.linear"].moments.means for t in (7, 15))
    np.testing.assert_allclose(near, far, atol=1e-6)
