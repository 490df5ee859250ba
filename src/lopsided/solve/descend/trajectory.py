"""Trajectory: a training path, recorded at log-spaced steps, in memory and in files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lopsided.arrays import Floats, Ints
from lopsided.files import reading
from lopsided.packing import read_arrays, read_facts, write_pair
from lopsided.solve.descend.optimizers import Optimizer


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A training path, recorded at log-spaced steps.

    Attributes:
        optimizer: what made it.
        seed: of the initialisation and the batches.
        steps: (t,) steps recorded, 0 first.
        loss: (t,) objective, sum normalisation, ridge included.
        gap: (t,) relative duality gap of the class-mean logits; NaN for ridge 0.
        norms: (t, 2) Frobenius norms of classifiers and of class means.
        distances: (t, 3) distances of classifiers, class means and logits to the reference, class
            means of both about their unweighted mean, classifiers without what no softmax sees.
        W: (k, d) classifiers at the end.
        H: (n, d) features at the end; (k, d) class means for full batches.
        memory: the optimiser's running averages, to resume.
    """

    optimizer: Optimizer
    seed: int
    steps: Ints
    loss: Floats
    gap: Floats
    norms: Floats
    distances: Floats
    W: Floats
    H: Floats
    memory: tuple[Floats, ...]

    def save(self, path: str | Path) -> None:
        """Write PATH.json (settings) and PATH.npz (arrays, no pickle).

        Raises:
            ValueError: if one of them is there and no save wrote it.
        """
        arrays: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("steps", "loss", "gap", "norms", "distances", "W", "H")
        }
        arrays |= {f"memory{i}": part for i, part in enumerate(self.memory)}
        write_pair(path, arrays, {"optimizer": asdict(self.optimizer), "seed": self.seed})

    @classmethod
    def load(cls, path: str | Path) -> Trajectory:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if one of the two files is missing.
            ValueError: if one of them is damaged, was changed or holds no path, or they are of two
                saves; it is named.
        """
        facts, arrays = Path(f"{path}.json"), Path(f"{path}.npz")
        with reading(facts):
            settings = read_facts(facts)
            optimizer, seed = Optimizer(**settings["optimizer"]), settings["seed"]
        stored = read_arrays(arrays, settings)
        with reading(arrays):
            memory = tuple(
                stored[f"memory{i}"]
                for i in range(sum(name.startswith("memory") for name in stored))
            )
            parts = {
                name: stored[name]
                for name in ("steps", "loss", "gap", "norms", "distances", "W", "H")
            }
        return cls(optimizer, seed, **parts, memory=memory)
