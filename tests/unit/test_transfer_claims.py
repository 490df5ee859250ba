"""The claims beyond the data trained on: a shortened run is recorded, read back and shown, and the
verdict follows the numbers."""

import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest

from lopsided.measure import Transferability
from lopsided.reproduce import CLAIMS, Place
from lopsided.reproduce.claims.transfer.chen2024 import Ensemble
from lopsided.reproduce.record import Record

HUB = {"samples": 100, "widths": (4,), "steps": (1, 2), "seeds": 1}
#: Claim -> settings of a run too short to hold.
SHORT = {
    "wang2023": HUB,
    "li2022": HUB,
    "chen2024": {"members": 2, "samples": (60,), "steps": 2, "seeds": 1},
    "rare-ood": {"largest": 20, "ratios": (1.0, 4.0), "steps": 2, "seeds": 1},
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Folders as of MNIST and Fashion-MNIST, of noise with a bright row a class."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("mnist", "fashion-mnist"):
        (folder / name).mkdir()
        for part, n in (("train", 900), ("t10k", 100)):
            labels = np.arange(n) % 10
            pixels = rng.integers(0, 120, (n, 28, 28))
            pixels[np.arange(n), 4 + 2 * labels] += 100
            for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
                head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
                content = gzip.compress(head + array.astype(np.uint8).tobytes(), 1)
                (folder / name / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def member(one, rank):
    """A network whose scores, layers and source say how well it transfers."""
    scores = Transferability(rank, rank / 9, -rank, 0.0)
    layers = [replace(layer, nc1=9.0 - i, accuracy=rank / 9) for i, layer in enumerate(one.layers)]
    layers[0] = replace(layers[0], nc1=1.0, accuracy=rank / 9 + 0.1)
    return replace(one, source_nc1=rank, scores=scores, layers=tuple(layers))


def of_hub(numbers):
    members = tuple(member(one, i + 1.0) for i, one in enumerate(numbers.members))
    return replace(numbers, members=members)


def alike(network):
    """A network of which no class is rejected more than another."""
    scores = tuple(replace(one, rejected=(0.05,) * 10) for one in network.scores)
    return replace(network, scores=scores)


def favoured(network):
    shares = tuple(np.linspace(0, 0.1, 10))
    return replace(network, scores=tuple(replace(s, rejected=shares) for s in network.scores))


#: Claim -> what its numbers would have to be.
IDEAL = {
    "wang2023": of_hub,
    "li2022": of_hub,
    "chen2024": lambda n: replace(
        n, ensembles=tuple(replace(e, slope=1.01, correlation=0.99) for e in n.ensembles)
    ),
    "rare-ood": lambda n: replace(
        n, networks=tuple(favoured(one) if one.ratio > 1 else alike(one) for one in n.networks)
    ),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_is_recorded_and_shown_and_judged_by_its_numbers(name, images, tmp_path):
    claim, place = CLAIMS[name], Place(tmp_path, images)
    claim.ready(claim.chosen(SHORT[name]), place)
    record = claim.run(SHORT[name], place.context("short"))
    run = claim.read(Record.load(tmp_path / f"{record.name}.json"))
    assert all(block.kind for block in claim.show([run]))
    assert claim.judge(run.settings, run.numbers) == record.verdict
    ideal = claim.judge(run.settings, IDEAL[name](run.numbers))
    assert ideal.holds, ideal.sentence


def test_classes_that_are_rejected_more_without_a_tail_too_are_no_matter_of_it(images, tmp_path):
    claim = CLAIMS["rare-ood"]
    run = claim.read(claim.run(SHORT["rare-ood"], Place(tmp_path, images).context("short")))
    hard = replace(run.numbers, networks=tuple(map(favoured, run.numbers.networks)))
    assert not claim.judge(run.settings, hard).holds


@pytest.mark.parametrize("correlation", [0.2, 0.99])
def test_what_is_no_line_is_not_called_one(correlation):
    claim = CLAIMS["chen2024"]
    one = Ensemble(60, 0, 0.9, 1.0, 0.0, correlation, (0.1,), (0.1,))
    verdict = claim.judge(claim.chosen({"samples": (60,), "seeds": 1}), claim.numbers((one,)))
    assert verdict.holds == (correlation > 0.9)
    assert ("log bias² is a line" if verdict.holds else "is no line") in verdict.sentence


@pytest.mark.parametrize("name", ["wang2023", "li2022", "rare-ood"])
def test_a_run_without_its_data_is_refused_before_it_starts(name, tmp_path):
    claim = CLAIMS[name]
    with pytest.raises(FileNotFoundError, match="mnist is read from a folder"):
        claim.ready(claim.chosen({}), Place(tmp_path))
