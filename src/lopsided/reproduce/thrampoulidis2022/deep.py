"""Deep networks trained on imbalanced classes converge to SELI: one run, from class counts to verdict.

Published: SGD of momentum 0.9 and weight decay 5e-4, batches of 128, rate 0.1 divided by 10 after a third and two thirds of 350
epochs, no bias in the head, no augmentation. What moves the geometry is steps times rate, so a falling rate freezes it, on small
data before it has arrived. A constant rate arrives, but its noise keeps the network away (classifiers 0.15 to 0.2 from SELI on
MNIST at a rate of 0.1). A long constant start before the rate falls, the default, has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lopsided import predict, solve
from lopsided.counts import Counts
from lopsided.reproduce import data, ready
from lopsided.reproduce.choices import Whole
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.context import Context
from lopsided.reproduce.data import Dataset, Images
from lopsided.reproduce.models import build
from lopsided.reproduce.observe import Observer, matrices
from lopsided.reproduce.parallel import Workers, device_of
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import Schedule, Training
from lopsided.reproduce.thrampoulidis2022.deep_page import show
from lopsided.reproduce.training import Sample, train

#: Points of the ridge path that the network is held against.
_RIDGES = 15

#: A balanced network is called near its ETF below this distance: about half of what separates SELI from the ETF at R = 10.
NEAR = 0.2


@dataclass(frozen=True)
class Deep(Training):
    """The published schedule, longer than published because the sets are smaller."""

    epochs: Whole = 600
    schedule: Schedule = "published"


def ridges(counts: Counts) -> list[float]:
    """Return ridges from where the optimum is almost zero down to where it is almost SELI, log-spaced."""
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
    indices, seen = data.write_indices(chosen, context.place.out / "indices", context.writer), dataset.digest()
    device, workers = device_of(settings.device), Workers.of(settings.device)

    context.advance(0.01, "predict: SELI and ETF in closed form")
    laws = {"SELI": predict.seli(counts), "ETF": predict.etf(counts.k)}
    if settings.bias == "free":
        laws["free bias"] = predict.cross_entropy(counts, bias="free")
    context.advance(0.02, "solve: the optimum along a ridge path")
    path = [solve.minimize(solve.Problem(counts, ridge=ridge, bias=settings.bias_ridge(counts))) for ridge in ridges(counts)]

    train_set, test_set = dataset.train.take(chosen), dataset.test.take(data.balanced(dataset.test.labels))
    sample, held_out = (_sample(dataset, images, device) for images in (train_set, test_set))
    ready.require_memory(settings, dataset.shape)
    bias = settings.bias != "none"
    network = build(settings.model, dataset.shape, dataset.k, settings.width, settings.depth, bias, settings.seed)
    network = network.to(device)
    observer = Observer(sample, held_out, dataset.k, laws, [solution.geometry for solution in path], workers)
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
    speed = {"seconds": history.seconds, "device": _device_name(device), "images_per_second": round(history.images_per_second)}
    return Outcome(numbers, {**speed, "data_sha256": seen})


def judge(configuration: dict[str, Any], numbers: dict[str, Any]) -> Verdict:
    """Hold when classifiers and class means end nearer to the prediction than to the ETF; if balanced, when all is near the ETF.

    The prediction is SELI, also for a bias with weight decay; for a free bias it is that bias's limit. SELI's logits decide
    nothing: the ETF's are the same.
    """
    last = numbers["history"][-1]
    law = "free bias" if "free bias" in last["distances"] else "SELI"
    name = "SELI" if law == "SELI" else "the limit with a free bias"
    (w, m, logits), (w_etf, m_etf, logits_etf) = last["distances"][law], last["distances"]["ETF"]
    end = _fitted(last)
    if len(set(numbers["counts"])) == 1:
        holds = max(w, m, logits) < NEAR
        near = f"All are below {NEAR}." if holds else f"Not all are below {NEAR}: the network has not arrived."
        amounts = f"classifiers {w:.2f}, class means {m:.2f}, logits {logits:.2f}"
        return Verdict(holds, f"The classes are balanced, so SELI is the ETF; distances to it: {amounts}. {near}{end}")
    amounts = f"Classifiers are {w:.2f} from {name} and {w_etf:.2f} from the ETF; class means {m:.2f} and {m_etf:.2f}"
    both = (
        f"logits are {logits:.2f} from the simplex that both predict"
        if law == "SELI"
        else f"logits {logits:.2f} and {logits_etf:.2f}"
    )
    return Verdict(w < w_etf and m < m_etf, f"{amounts}; {both}. {_explains(name, w < w_etf, m < m_etf)}{end}")


def _explains(name: str, classifiers: bool, means: bool) -> str:
    if classifiers and means:
        return f"{name[0].upper()}{name[1:]} explains both better."
    if not classifiers and not means:
        return "The prediction does not hold here: the ETF explains both better."
    better, worse = ("classifiers", "class means") if classifiers else ("class means", "classifiers")
    start = f"{name[0].upper()}{name[1:]} explains the {better} better"
    return f"{start}, but the prediction does not hold for the {worse}: the ETF is nearer."


def _fitted(last: dict[str, Any]) -> str:
    """Say so when the network has not yet fitted its training set, where the theory begins."""
    worst = min(last["train_accuracy"])
    return "" if worst > 0.99 else f" One class is fitted only to {worst:.0%}: the network has not reached the end of training."


def _sample(dataset: Dataset, images: Images, device: torch.device) -> Sample:
    pixels = torch.from_numpy(dataset.normalise(images)).to(device, memory_format=torch.channels_last)
    return Sample(pixels, torch.from_numpy(images.labels).to(device))


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


DEEP = Claim(
    name="deep",
    title="Deep networks approach SELI",
    statement=(
        "Deep networks trained on imbalanced classes to zero training error and beyond approach the SELI geometry in their "
        "classifiers and class means, not the simplex ETF."
    ),
    source="Thrampoulidis et al. 2022, Section 5 and Figures 1, 5 and 6",
    settings=Deep,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
)
