"""One deep run: predict, solve, train, and measure what the network shows on its way."""

from __future__ import annotations

import numpy as np
import torch

from lopsided import predict, solve
from lopsided.counts import Counts
from lopsided.reproduce import data, ready
from lopsided.reproduce.claim import Outcome
from lopsided.reproduce.context import Context
from lopsided.reproduce.data import Dataset, Images
from lopsided.reproduce.network.models import build
from lopsided.reproduce.network.observe import Observer
from lopsided.reproduce.network.parallel import Workers, device_of
from lopsided.reproduce.network.training import Sample, train
from lopsided.reproduce.settings import Training
from lopsided.reproduce.shapes import matrices

#: Points of the ridge path that the network is held against.
_RIDGES = 15


def ridges(counts: Counts) -> list[float]:
    """Return ridges from where the optimum is almost zero down to where it is almost SELI,
    log-spaced.
    """
    smallest, largest = np.sqrt(counts.distinct[[0, -1]])
    return [float(ridge) for ridge in np.geomspace(0.8 * largest, 1e-6 * smallest, _RIDGES)]


def compute(settings: Training, context: Context) -> Outcome:
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

    context.advance(0.01, "predict: SELI and ETF in closed form")
    laws = {"SELI": predict.seli(counts), "ETF": predict.etf(counts.k)}
    if settings.bias == "free":
        laws["free bias"] = predict.cross_entropy(counts, bias="free")
    context.advance(0.02, "solve: the optimum along a ridge path")
    path = [
        solve.minimize(solve.Problem(counts, ridge=ridge, bias=settings.bias_ridge(counts)))
        for ridge in ridges(counts)
    ]

    train_set, test_set = (
        dataset.train.take(chosen),
        dataset.test.take(data.balanced(dataset.test.labels)),
    )
    sample, held_out = (_sample(dataset, images, device) for images in (train_set, test_set))
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
        sample, held_out, dataset.k, laws, [solution.geometry for solution in path], workers
    )
    history = train(settings, network, sample, observer, context.of(f"data {seen}").part(0.05, 1.0))
    network.eval()
    final, _ = observer.collapse(network, sample)
    workers.leave()
    numbers = {
        "title": dataset.title,
        "counts": counts.values,
        "indices_sha256": indices,
        "test_samples": len(held_out.labels),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "path": [
            {"ridge": ridge, "objective": s.objective, "relative_gap": s.certificate.relative_gap}
            for ridge, s in zip(ridges(counts), path, strict=True)
        ],
        "history": history.rows,
        "geometry": matrices(final.geometry),
    }
    speed = {
        "seconds": history.seconds,
        "device": _device_name(device),
        "images_per_second": round(history.images_per_second),
    }
    return Outcome(numbers, {**speed, "data_sha256": seen})


def _sample(dataset: Dataset, images: Images, device: torch.device) -> Sample:
    pixels = torch.from_numpy(dataset.normalise(images)).to(
        device, memory_format=torch.channels_last
    )
    return Sample(pixels, torch.from_numpy(images.labels).to(device))


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
