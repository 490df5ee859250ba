"""The shelf: what the first pass found, in files that every worker maps, so that no message ever
carries it and a machine holds it once.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.drafts import naming
from lopsided.measure.state.means import Means
from lopsided.measure.state.second import SecondPass
from lopsided.measure.state.whitening import Whitening


@dataclass(frozen=True)
class Shelf:
    """A folder of this measurement's own, which all workers reach.

    Attributes:
        folder: new and empty at first.
        starts: the first class of each range of classes that is kept by itself.
    """

    folder: Path
    starts: tuple[int, ...]

    def lay_out(self, k: int, d: int) -> None:
        """Make room for counts and means of k classes in d dimensions."""
        for name, shape, kind in (
            ("counts", (k,), np.int64),
            ("means", (k, d), np.float64),
            ("rests", (k, d), np.float64),
        ):
            path = self.folder / f"{name}.npy"
            with naming(path):  # nothing is written yet but the header
                np.lib.format.open_memmap(path, "w+", kind, shape)

    def keep(self, part: int, state: Means) -> None:
        """Write the means of a range of classes; twice is as well as once."""
        for name in ("counts", "means", "rests"):
            array = self._mapped(name)
            rows = np.ascontiguousarray(getattr(state, name))
            path = self.folder / f"{name}.npy"
            with naming(path), path.open("r+b") as file:
                row = array.strides[0]
                file.seek(array.offset + self.starts[part] * row)
                file.write(rows.data)

    def put(self, **arrays: npt.NDArray[Any] | None) -> None:
        """Write arrays of these names; `None` is left out."""
        for name, array in arrays.items():
            if array is not None:
                path = self.folder / f"{name}.npy"
                with naming(path):
                    np.save(path, array)

    def means(self) -> Means:
        """Return the means, mapped and not to be changed."""
        found = Means(2, 1)
        found.counts, found.means, found.rests = (
            self._mapped(name) for name in ("counts", "means", "rests")
        )
        return found

    def second_pass(self) -> SecondPass:
        """Return the second pass over no samples yet, which a process prepares once."""
        return _second_pass(self)

    def _mapped(self, name: str) -> np.memmap[Any, Any]:
        array: np.memmap[Any, Any] = np.load(self.folder / f"{name}.npy", "r", allow_pickle=False)
        return array

    def _given(self, name: str) -> npt.NDArray[Any] | None:
        return self._mapped(name) if (self.folder / f"{name}.npy").exists() else None


@functools.lru_cache(maxsize=1)  # of the measurement at work
def _second_pass(shelf: Shelf) -> SecondPass:
    means = shelf.means()
    whitening = Whitening(
        np.array(shelf._mapped("columns")), np.array(shelf._mapped("tilt")), len(means.counts)
    )
    return SecondPass(means, shelf._given("weight"), shelf._given("bias"), whitening=whitening)


@contextmanager
def new_folder(scratch: str | Path | None) -> Iterator[Path]:
    """Make a folder that is removed at the end, in a given one or where temporary files go.

    Raises:
        OSError: if it cannot be made.
    """
    # Workers may stand in another folder.
    folder = Path(tempfile.mkdtemp(prefix="lopsided-", dir=scratch)).absolute()
    try:
        yield folder
    finally:
        # A disk over the network keeps files that a worker still maps, for as long.
        shutil.rmtree(folder, ignore_errors=True)
