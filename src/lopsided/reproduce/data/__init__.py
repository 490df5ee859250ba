"""Labelled images for training: where they come from, and which of them a run uses.

`DATASETS` names the sets that lopsided knows; any other name is taken for the path of a folder or a
tar of images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lopsided.reproduce.data.cifar import cifar10
from lopsided.reproduce.data.digits import digits
from lopsided.reproduce.data.folders import images_of
from lopsided.reproduce.data.idx import idx_folder
from lopsided.reproduce.data.images import Dataset, Images
from lopsided.reproduce.data.split import balanced, choose, shared_out, write_indices

#: Name -> reader, given the folder of all data sets.
DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "digits": lambda folder: digits(),
    "mnist": lambda folder: idx_folder(folder / "mnist", "MNIST"),
    "fashion-mnist": lambda folder: idx_folder(folder / "fashion-mnist", "Fashion-MNIST"),
    "cifar-10": cifar10,
}


def load(name: str, folder: Path | None) -> Dataset:
    """Return a data set.

    Args:
        name: a name in `DATASETS`, or the path of a folder or tar of images (train/CLASS/IMAGE and
            test/CLASS/IMAGE).
        folder: where the data sets are, one sub-folder each; digits come with scikit-learn and need
            none.

    Raises:
        FileNotFoundError: if there is no such data; says where it was looked for.
        ValueError: if a file is damaged.
    """
    require(name, folder)
    return (
        DATASETS[name](folder or Path())
        if name in DATASETS
        else images_of(Path(name), Path(name).stem)
    )


def require(name: str, folder: Path | None) -> None:
    """Find out whether there is such a data set, without reading it; see `load`.

    Raises:
        FileNotFoundError: if there is no such data; says where it was looked for.
    """
    if name not in DATASETS and not Path(name).exists():
        raise FileNotFoundError(
            f"no data set {name!r}: give one of {', '.join(DATASETS)}, or a folder or tar of images"
        )
    if name in DATASETS and folder is None and name != "digits":
        raise FileNotFoundError(
            f"{name} is read from a folder: give it by --data-dir or LOPSIDED_DATA, or use"
            " --dataset digits"
        )


__all__ = [
    "DATASETS",
    "Dataset",
    "Images",
    "balanced",
    "choose",
    "load",
    "require",
    "shared_out",
    "write_indices",
]
