"""One deep run: predict, solve, train, and measure what the network shows on its way."""

from __future__ import annotations

import numpy as np
import torch

from lopsided import foresee, predict, solve
from lopsided.counts import Counts
from lopsided.measure.network_geometry import comparable
from lopsided.reproduce import data, ready
from lopsided.reproduce.claim import Outcome
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers, Optimum
from lopsided.reproduce.context import Context
from lopsided.reproduce.data import Dataset, Images
from lopsided.reproduce.network.models import build
from lopsided.reproduce.network.observe import Observer
from lopsided.reproduce.network.parallel import Workers, device_of
from lopsided.reproduce.network.training import Observing, Sample, train
from lopsided.reproduce.observed import Row
from lopsided.reproduce.seen import Matrices
from lopsided.reproduce.settings import Training

#: Points of the ridge path that the network is held against.
_RIDGES = 15


def ridges(counts: Counts) -> list[float]:
    """Return ridges from where the optimum is almost zero down to where it is almost SELI,
    log-spaced.
    """
    smallest, largest = np.sqrt(counts.distinct[[0, -1]])
    return [float(ridge) for ridge in np.geomspace(0.8 * largest, 1e-6 * smallest, _RIDGES)]


def compute(settings: Training, context: Context) -> Outcome[Numbers]:
    """Predict, solve, train and measure.

    Raises:
        ValueError: if the settings do not fit the data, or CUDA is asked for and missing.
        FileNotFoundError: if the data is not there.
    """
    torch.set_num_threads(1)
    context.advance(0.0, "read the images")
    dataset = data.load(settings.dataset, context.place.data)
    counts = settings.class_counts(dataset.k)
    chosen = data.choose(dataset.train.labels, counts, settings.split)
    indices, seen = (
        data.write_indices(chosen, context.place.out / "indices", context.writer),
        dataset.digest(),
    )
    device, workers = device_of(settings.device), Workers.of(settings.device)
    workers.require_alike(f"images of SHA-256 {seen}")

    context.advance(0.01, "predict: where training leads, in closed form")
    prediction = foresee(settings.problem(counts))
    laws = {"prediction": prediction, "seli": predict.seli(counts), "etf": predict.etf(counts.k)}
    context.advance(0.02, "solve: the optimum along a ridge path")
    path = {
        f"{ridge:g}": solve.minimize(settings.problem(counts, ridge)) for ridge in ridges(counts)
    }
    optima = {name: solution.geometry for name, solution in path.items()}

    train_set, test_set = (
        dataset.train.take(chosen),
        dataset.test.take(data.balanced(dataset.test.labels)),
    )
    sample, held_out = (
        _sample(dataset, images, device, settings.width) for images in (train_set, test_set)
    )
    ready.require_memory(settings, dataset.shape)
    bias = settings.bias != "none"
    network = build(
        settings.model,
        dataset.shape,
        dataset.k,
        settings.width,
        settings.depth,
        bias,
        settings.seed,
    )
    network = network.to(device)
    observer = Observer(
        sample,
        held_out,
        dataset.k,
        comparable(laws, dataset.k),
        list(comparable(optima, dataset.k).values()),
        workers,
    )
    # Of several processes each normalises its own share of a batch: another network.
    several = f" by {workers.size} processes" if workers.size > 1 else ""
    part = context.of(f"data {seen}{several}").part(0.05, 1.0)
    observing = Observing(Row, lambda epoch: observer(epoch, network))
    history = train(settings, network, sample, part, observing, workers=workers)
    network.eval()
    final, _ = observer.collapse(network, sample)
    workers.leave()
    numbers = Numbers(
        dataset.title,
        prediction.source.name,
        tuple(counts.values.tolist()),
        indices,
        len(held_out.labels),
        sum(parameter.numel() for parameter in network.parameters()),
        tuple(
            Optimum(ridge, s.objective, s.certificate.relative_gap)
            for ridge, s in zip(ridges(counts), path.values(), strict=True)
        ),
        history.rows,
        Matrices.of(final.geometry),
    )
    speed = {
        "seconds": history.seconds,
        "device": _device_name(device),
        "images_per_second": round(history.images_per_second),
    }
    return Outcome(numbers, {**speed, "processes": workers.size, "data_sha256": seen})


def _sample(dataset: Dataset, images: Images, device: torch.device, width: int) -> Sample:
    # Channels last is quicker. Of fewer than 8 channels PyTorch 2.13 on the CPU then writes beyond
    # its memory in the gradient of a 1x1 convolution of stride 2.
    order = torch.channels_last if width >= 8 else torch.contiguous_format
    pixels = torch.from_numpy(dataset.normalise(images)).to(device, memory_format=order)
    return Sample(pixels, torch.from_numpy(images.labels).to(device))


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
