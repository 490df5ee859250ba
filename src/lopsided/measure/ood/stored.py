"""Stored features of samples from another distribution, told from those of the training one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_noun
from lopsided.counts import Counts
from lopsided.measure.checks import rows_of
from lopsided.measure.collapse import Collapse
from lopsided.measure.ood.known import Known
from lopsided.measure.ood.scores import SCORES
from lopsided.measure.ood.told import Separation, nc5, rejected, separation
from lopsided.measure.storage.heads import beside, head_in
from lopsided.measure.storage.reading import stored
from lopsided.measure.storage.rows import CHUNK
from lopsided.measure.storage.shards import open_arrays
from lopsided.measure.storage.store import Progress, Store, shard_files, shared
from lopsided.naming import listed
from lopsided.plain import plain


@dataclass(frozen=True, eq=False)
class Outside:
    """How a network's features tell samples of another distribution from those it knows.

    Attributes:
        n: samples of the other distribution.
        inside: which samples they are told from: those trained on, which are easier than new ones,
            or those held out.
        nc5: mean of |cos| between the class means and the mean of the others.
        separations: score -> how well it tells them apart.
        rejected: score -> (k,) the share of each class's samples that is taken for another
            distribution's where 5 % of all are.
        alike: scores that are the same for all samples, which tell nothing.
    """

    n: int
    inside: Literal["training", "held-out"]
    nc5: float
    separations: dict[str, Separation]
    rejected: dict[str, Floats]
    alike: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON."""
        scores = {
            name: {**told._asdict(), "rejected": plain(self.rejected[name])}
            for name, told in self.separations.items()
        }
        return {"n": self.n, "inside": self.inside, "nc5": self.nc5, "scores": scores}

    def sentence(self) -> str:
        """Return what the figures are of."""
        whom = "those trained on" if self.inside == "training" else "held-out ones"
        return (
            f"{self.n:,} samples of another distribution, told from {whom}; NC5 is {self.nc5:.3f},"
            " 0 where they are orthogonal to the class means. Rejected is the share of a class's"
            " samples that is taken for another distribution where 5 % of all are; of several"
            " classes the mean of their shares."
            + (
                " The same for all samples, as of more classes than dimensions:"
                f" {listed(self.alike)}."
                if self.alike
                else ""
            )
        )

    def table(self, counts: Counts) -> tuple[list[str], list[list[str]]]:
        """Return headers and rows of a table, a row a score.

        Args:
            counts: training samples of each class, which say what a minority is.
        """
        names, few = counts.names or range(counts.k), counts.minorities
        headers = ["score", "AUROC", "FPR95"]
        headers += ["rejected: minorities", "others"] * bool(len(few))
        rows = []
        for name, told in self.separations.items():
            shares = self.rejected[name]
            cells = [name, f"{told.auroc:.3f}", f"{told.fpr95:.3f}"]
            if len(few):
                parts = (shares[few], np.delete(shares, few))
                there = [part[np.isfinite(part)] for part in parts]
                cells += [f"{part.mean():.1%}" if len(part) else "no samples" for part in there]
            c = int(np.nanargmax(shares))
            rows.append([*cells, "none" if name in self.alike else f"{names[c]} ({shares[c]:.1%})"])
        return [*headers, "most rejected class"], rows


def stored_outside(
    train: Store,
    outside: str | Path,
    held_out: Store | None = None,
    progress: Progress = lambda rows: None,
) -> Outside:
    """Return how stored features tell samples of another distribution from those of the training
    one.

    Args:
        train: the training samples, with the head.
        outside: a file of features (n, d) of samples of another distribution, or a folder of them;
            labels are not read.
        held_out: samples of the training distribution that were not trained on; by default the
            training samples stand for them.
        progress: told the number of rows done since the last call, of the training samples and of
            those that the others are told from.

    Raises:
        ValueError: if there is no head, a class has no training sample, widths differ, a number is
            not finite, or a file is among the others and the samples that they are told from; the
            file is named.
        OSError: if there is nothing at a path, or it may not be read.
        ImportError: if scikit-learn is not installed.
    """
    for store in (train,) if held_out is None else (train, held_out):
        require_noun(store, Store, "what is told apart", "open_store opens one")
    if train.weight is None:
        raise ValueError("scores read the head: give its weight, with the features or by --head")
    if held_out is not None:
        train.require_alike(held_out)
    others = tuple(_others(Path(outside), train))  # refused before the work
    for what, inside in (("training", train), ("held-out", held_out)):
        own = (shard.path for shard in inside.shards) if inside else ()
        if common := shared((each.path for each in others), own):
            raise ValueError(
                f"{common} is among the {what} samples and those of another distribution: they"
                " are told apart, so give the file of others"
            )
    collapse: Collapse = stored(train, passes=1, progress=progress)
    known = Known.of(collapse.moments, train.weight, train.bias)
    far = [_scored(known, rows, path) for path, rows in _read(others)]
    mean = sum((len(rows) * rows.mean(axis=0) for _, rows in _read(others)), np.zeros(train.d))
    store = held_out or train
    near, labels = [], []
    for span in store.spans():
        for features, y in store.batches(span):
            near.append(_scored(known, features, store.shards[span.shard].path))
            labels.append(y)
            progress(len(y))
    truth, n = np.concatenate(labels), sum(len(part["logit"]) for part in far)
    scores = {
        name: tuple(np.concatenate([part[name] for part in parts]) for parts in (near, far))
        for name in SCORES
    }
    return Outside(
        n,
        "training" if held_out is None else "held-out",
        nc5(known.means, mean / n),
        {name: separation(*both) for name, both in scores.items()},
        {name: rejected(both[0], truth, train.k) for name, both in scores.items()},
        tuple(name for name, both in scores.items() if not np.ptp(np.concatenate(both))),
    )


def _others(path: Path, train: Store) -> Iterator[Any]:
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    for file, arrays in beside(path, train.named):
        train.require_same_head(file, head_in(file, arrays, train.d))
    found = 0
    for file in shard_files(path) if path.is_dir() else [path]:
        arrays = open_arrays(file, ("features",), ("weight", "bias"))
        features = arrays["features"]
        if features.shape[1] != train.d:
            raise ValueError(
                f"features of samples from another distribution must have the {train.d} dimensions"
                f" of the training features, {file} has {features.shape[1]}"
            )
        train.require_same_head(file, head_in(file, arrays, train.d))
        found += features.shape[0]
        yield features
    if not found:
        raise ValueError(f"there are no samples in {path}")


def _read(others: tuple[Any, ...]) -> Iterator[tuple[Path, npt.NDArray[Any]]]:
    """Read about a megabyte at once, checked."""
    for features in others:
        features.verify()
        (n, d), path = features.shape, features.path
        step = max(CHUNK // features.layout.row, 1)
        for start in range(0, n, step):
            rows = features.take(start, min(start + step, n))

            def place(i: int, start: int = start, path: Path = path) -> str:
                return f"row {start + i} of {path}"

            unknown = np.full(len(rows), -1)
            yield path, rows_of(rows, unknown, d, "features", place).astype(np.float64)


def _scored(known: Known, rows: npt.NDArray[Any], path: Path) -> dict[str, Floats]:
    try:
        return {name: score(known, rows) for name, score in SCORES.items()}
    except ValueError as error:
        raise ValueError(f"in {path}: {error}") from error
