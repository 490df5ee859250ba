"""The samples of one network: to train on, held out, and to test on; small images throughout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints
from lopsided.reproduce import data
from lopsided.reproduce.claims.prescription.characters import characters
from lopsided.reproduce.claims.prescription.plan import Plan
from lopsided.reproduce.data.images import Dataset, Images

#: Samples of the rarest class in the held-out sets that there shall be samples for.
DRAWS = (1, 2, 5, 20)
#: Samples of a held-out set, and test samples of a class, at most.
MOST, TESTED = 6000, 500
#: Test samples of a character.
CHARACTERS_TESTED = 30


@dataclass(frozen=True, eq=False)
class Material:
    """Normalised images (n, channels, side, side) and labels of the three parts.

    Attributes:
        train: with the counts of the plan.
        pool: held-out samples, class by class the first that a draw takes come first.
        test: as many of each class.
        title: of the data.
    """

    train: tuple[npt.NDArray[np.float32], Ints]
    pool: tuple[npt.NDArray[np.float32], Ints]
    test: tuple[npt.NDArray[np.float32], Ints]
    title: str


def held_out_counts(counts: tuple[int, ...], m: int) -> Ints:
    """Return how many samples of each class a held-out set of the training imbalance has, m of the
    rarest.
    """
    return np.maximum(np.rint(np.array(counts) * m / min(counts)), 1).astype(np.int64)


def material(plan: Plan, folder: Path | None) -> Material:
    """Choose the samples of a plan.

    Args:
        plan: of the network.
        folder: of the data sets.
    """
    counts = np.array(plan.counts)
    wanted = [held_out_counts(plan.counts, m) for m in DRAWS]
    # The smallest draw is always had; of larger ones those that are not too large.
    most = np.max([w for i, w in enumerate(wanted) if not i or w.sum() <= MOST], axis=0)
    rng = np.random.default_rng([plan.seed, 1])
    if plan.task == "characters":
        dataset, chosen, pool = _characters(counts, most, plan.seed)
    else:
        name = "fashion-mnist" if plan.task == "frozen" else plan.task
        dataset = small(name, folder)
        chosen, pool = _chosen(dataset.train.labels, counts, most, rng)
    tested = _first(dataset.test.labels, TESTED, rng)
    parts = [dataset.train.take(chosen), dataset.train.take(pool), dataset.test.take(tested)]
    train, held, test = ((dataset.normalise(part), part.labels) for part in parts)
    return Material(train, held, test, dataset.title)


def title_of(plan: Plan) -> str:
    """Return what a reader would call the data of a plan."""
    titles = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "cifar-10": "CIFAR-10 (JPEG)"}
    return titles.get(plan.task, plan.task)


@lru_cache(maxsize=4)
def small(name: str, folder: Path | None) -> Dataset:
    """Return a data set with images of half the width and height, by means of four pixels; digits
    as they are.
    """
    dataset = data.load(name, folder)
    if name == "digits":
        return dataset
    return replace(dataset, train=_halved(dataset.train), test=_halved(dataset.test))


def _halved(images: Images) -> Images:
    n, channels, height, width = images.pixels.shape
    cut = images.pixels.reshape(n, channels, height // 2, 2, width // 2, 2)
    return Images(cut.mean(axis=(3, 5), dtype=np.float32).round().astype(np.uint8), images.labels)


def _characters(counts: Ints, most: Ints, seed: int) -> tuple[Dataset, Ints, Ints]:
    k = len(counts)
    labels = np.concatenate([np.repeat(np.arange(k), counts), np.repeat(np.arange(k), most)])
    train = characters(labels, k, seed)
    test = characters(np.repeat(np.arange(k), CHARACTERS_TESTED), k, seed + 1)
    split = np.arange(len(labels))
    return Dataset(f"{k} characters", train, test), split[: counts.sum()], split[counts.sum() :]


def _chosen(labels: Ints, counts: Ints, most: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return which samples train, and which of the others are held out."""
    train, pool = [], []
    for c, wanted in enumerate(counts):
        members = rng.permutation(np.flatnonzero(labels == c))
        train.append(members[:wanted])
        pool.append(members[wanted : wanted + most[c]])
    return np.concatenate(train), np.concatenate(pool)


def _first(labels: Ints, each: int, rng: np.random.Generator) -> Ints:
    """Return as many samples of each class, not more than asked for."""
    each = min(each, int(np.bincount(labels).min()))
    return np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[:each] for c in range(labels.max() + 1)]
    )
