import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lopsided import Counts
from lopsided.reproduce import checkpoint
from lopsided.reproduce.checkpoint import Checkpoint
from lopsided.reproduce.claims.hidden import Decayed
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.network.models import MODELS, Network, build
from lopsided.reproduce.network.training import Observing, Sample, batches, parameters, train
from lopsided.reproduce.settings import Training, observed_epochs

SETTINGS = Training(dataset="digits", width=8, depth=2, largest=20, epochs=6, batch=16, rate=0.05)


class StopError(Exception):
    """Stands for kill -9 between two epochs."""


@dataclass(frozen=True)
class Weights:
    """What is seen of a network."""

    epoch: int
    first: tuple[float, ...]


Observe = Callable[[int, Network], Weights]


def first_weights(epoch: int, network: Network) -> Weights:
    return Weights(epoch, tuple(network.head.weight.flatten()[:3].tolist()))


def run(
    folder: Path,
    settings: Training,
    stop_after: int = 10**9,
    note: Callable[[str], None] = lambda _: None,
    observe: Observe = first_weights,
) -> dict[str, object]:
    generator = torch.Generator().manual_seed(0)
    sample = Sample(torch.randn(60, 1, 4, 4, generator=generator), torch.arange(60) % 3)
    network = build(
        settings.model, (1, 4, 4), 3, settings.width, settings.depth, bias=False, seed=settings.seed
    )

    def advance(fraction: float, text: str) -> None:
        if fraction * settings.epochs >= stop_after + 1:
            raise StopError

    context = Context(folder, Place(folder), advance, note, identity="me")
    observing = Observing(Weights, lambda epoch: observe(epoch, network))
    history = train(settings, network, sample, context, observing)
    return {"rows": history.rows, "head": network.head.weight.detach().numpy().copy()}


@pytest.fixture(autouse=True)
def save_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lopsided.reproduce.network.training._SAVE_EVERY", 0.0)


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_an_interrupted_run_ends_in_the_same_bits(tmp_path: Path, stop_after: int) -> None:
    whole = run(tmp_path / "whole", SETTINGS)
    with pytest.raises(StopError):
        run(tmp_path / "broken", SETTINGS, stop_after)
    notes: list[str] = []
    resumed = run(tmp_path / "broken", SETTINGS, note=notes.append)
    assert notes == [f"continued from epoch {stop_after} of 6"]
    assert resumed["rows"] == whole["rows"]
    np.testing.assert_array_equal(resumed["head"], whole["head"])


def test_another_seed_gives_another_network(tmp_path: Path) -> None:
    heads = [run(tmp_path / str(seed), replace(SETTINGS, seed=seed))["head"] for seed in (0, 1)]
    assert not np.array_equal(*heads)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "other run", "empty"])
def test_a_damaged_checkpoint_is_refused_in_a_sentence_and_the_one_before_used(
    tmp_path: Path, damage: str
) -> None:
    whole = run(tmp_path / "whole", SETTINGS)
    folder = tmp_path / "broken"
    with pytest.raises(StopError):
        run(folder, SETTINGS, 4)
    (last,) = folder.glob("00000004.*.safetensors")
    content = last.read_bytes()
    if damage == "truncated":
        last.write_bytes(content[:-7])
    elif damage == "flipped":
        last.write_bytes(content[:-7] + bytes([content[-7] ^ 1]) + content[-6:])
    elif damage == "foreign":
        from safetensors.torch import save

        last.write_bytes(save({"x": torch.zeros(2)}))
    elif damage == "other run":
        checkpoint.write(folder, 4, Checkpoint({"x": torch.zeros(2)}, {"identity": "somebody"}))
    else:
        last.write_bytes(b"")
    notes: list[str] = []
    resumed = run(folder, SETTINGS, note=notes.append)
    assert len(notes) == 2
    assert notes[0].endswith("going back to the checkpoint before it")
    assert notes[1] == "continued from epoch 3 of 6"
    np.testing.assert_array_equal(resumed["head"], whole["head"])


def test_only_two_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS)
    assert sorted(path.name[:9] for path in tmp_path.iterdir()) == ["00000005.", "00000006."]


def test_a_network_that_cannot_be_measured_stops_the_run_in_a_sentence(tmp_path: Path) -> None:
    def blind(epoch: int, network: Network) -> Weights:
        raise ValueError("logits must be finite")

    with pytest.raises(
        ValueError,
        match=(
            r"after epoch 1 \(logits must be finite\); if it has grown without bound, take a"
            r" smaller"
        ),
    ):
        run(tmp_path, SETTINGS, observe=blind)


@pytest.mark.parametrize(("n", "most", "processes"), [(9, 2, 1), (64, 4, 3), (2, 2, 2)])
def test_batches_too_small_for_batch_norm_are_refused_in_a_sentence(
    n: int, most: int, processes: int
) -> None:
    with pytest.raises(ValueError, match="take a larger batch"):
        batches(torch.arange(n), most, processes)
    assert [len(batch) for batch in batches(torch.arange(10), 4)] == [4, 3, 3]


def test_a_loss_that_is_not_finite_stops_the_run_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="take a smaller rate than 1e"):
        run(tmp_path, replace(SETTINGS, rate=1e30))


@pytest.mark.parametrize("epochs", [1, 2, 7, 350])
def test_observed_epochs_rise_from_one_to_the_last(epochs: int) -> None:
    chosen = observed_epochs(epochs)
    assert chosen[0] == 1
    assert chosen[-1] == epochs
    assert all(a < b for a, b in itertools.pairwise(chosen))


def test_the_published_schedule_divides_by_ten_at_epochs_116_and_232_of_350() -> None:
    rates = [Training(schedule="published").rate_at(epoch) for epoch in range(350)]
    assert [epoch for epoch in range(1, 350) if rates[epoch] != rates[epoch - 1]] == [116, 232]
    np.testing.assert_allclose(rates[::117], [0.1, 0.01, 0.001])


def test_a_late_schedule_divides_by_ten_after_eight_and_nine_tenths() -> None:
    rates = [Training(schedule="late", epochs=100).rate_at(epoch) for epoch in range(100)]
    assert [epoch for epoch in range(1, 100) if rates[epoch] != rates[epoch - 1]] == [79, 89]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"rate": float("nan")}, "rate must be above 0"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1"),
        ({"counts": "5,5"}, "give counts with the profile 'given'"),
        ({"profile": "given"}, "give counts with the profile 'given'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Training(**wrong)  # type: ignore[arg-type]


def test_profiles_give_the_counts_of_the_paper() -> None:
    assert Training(largest=100, ratio=10).class_counts(4).values.tolist() == [100, 100, 10, 10]
    assert Training(largest=100, ratio=10, profile="exponential").class_counts(
        3
    ).values.tolist() == [100, 31, 10]
    assert Training(profile="given", counts="7,5").class_counts(2).values.tolist() == [7, 5]
    with pytest.raises(ValueError, match="largest / ratio must be a whole number"):
        Training(largest=100, ratio=7).class_counts(4)


@pytest.mark.parametrize("size", [8, 28, 32])
@pytest.mark.parametrize("model", list(MODELS))
def test_every_model_makes_features_of_every_image_size(model: str, size: int) -> None:
    network = build(model, (1, size, size), 10, width=2, depth=3, bias=False, seed=0)
    with torch.inference_mode():
        assert network.eval()(torch.zeros(2, 1, size, size)).shape == (2, 10)
    assert network.head.bias is None


def test_the_convolutional_models_have_the_size_that_their_pages_say() -> None:
    # ResNet-18 with a 3x3 stem and 10 classes has 11,173,962 parameters, of which 10 are the head's
    # bias.
    resnet = build("resnet18", (3, 32, 32), 10, width=64, depth=1, bias=True, seed=0)
    assert sum(p.numel() for p in resnet.parameters()) == 11_173_962
    small = build("cnn", (3, 32, 32), 10, width=32, depth=1, bias=False, seed=0)
    assert sum(p.numel() for p in small.parameters()) == 94_112
    vgg = build("vgg13", (3, 32, 32), 10, width=64, depth=1, bias=True, seed=0)
    convolutions = [m for m in vgg.body.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [
        64,
        64,
        128,
        128,
        256,
        256,
        512,
        512,
        512,
        512,
    ]


@pytest.mark.parametrize(("bias", "decay"), [("decayed", 5e-4), ("free", 0.0)])
def test_only_a_free_bias_is_spared_the_weight_decay(bias: str, decay: float) -> None:
    network = build("mlp", (1, 2, 2), 3, 4, 1, bias=True, seed=0)
    groups = parameters(network, Training(bias=bias))  # type: ignore[arg-type]
    found = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert found.pop(id(network.head.bias)) == decay
    assert set(found.values()) == {5e-4}
    assert found.keys() == {id(p) for p in network.parameters() if p is not network.head.bias}


def test_the_last_normalisation_may_have_a_weight_decay_of_its_own() -> None:
    network = build("mlp", (1, 2, 2), 3, 4, 2, bias=False, seed=0)
    groups = parameters(network, Decayed(own=0.1))
    found = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    *_, last = (part for part in network.modules() if isinstance(part, torch.nn.BatchNorm1d))
    assert [found.pop(id(p)) for p in last.parameters()] == [0.1, 0.1]
    assert set(found.values()) == {5e-4}


def test_a_decayed_bias_enters_the_model_with_n_times_its_decay() -> None:
    counts = Counts([30, 10])
    assert Training(bias="decayed").bias_ridge(counts) == pytest.approx(40 * 5e-4)
    assert Training(bias="free").bias_ridge(counts) == "free"


def test_an_unknown_model_is_answered_with_the_list() -> None:
    with pytest.raises(ValueError, match="one of mlp, cnn, resnet18, vgg13"):
        build("lenet", (1, 8, 8), 10, 8, 1, False, 0)


@pytest.mark.slow
def test_a_run_killed_with_minus_nine_ends_in_the_same_record(tmp_path: Path) -> None:
    from lopsided.reproduce import CLAIMS, grid

    options = {"width": 16, "depth": 2, "epochs": 60, "largest": 40, "batch": 44}
    name = "demo"
    script = (
        "from rich.console import Console; import pathlib, sys\n"
        "from lopsided.reproduce import CLAIMS, Place, grid\n"
        "from lopsided.reproduce.network import training\n"
        "training._SAVE_EVERY = 0.0\n"
        f"grid.run(CLAIMS[{name!r}], [{options!r}], Place(pathlib.Path(sys.argv[1])), 1,"
        " Console(quiet=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "killed")])
    deadline = time.monotonic() + 60
    while (
        not list((tmp_path / "killed").glob(".work/*/000000[1-4]*.safetensors"))
        and time.monotonic() < deadline
    ):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -9
    assert not list((tmp_path / "killed").glob("*.json"))
    from rich.console import Console

    records = [
        grid.run(CLAIMS[name], [options], Place(tmp_path / where), 1, Console(quiet=True))[0]
        for where in ("killed", "whole")
    ]
    assert records[0].digest() == records[1].digest()
