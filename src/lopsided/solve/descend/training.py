"""Training paths: what first-order methods do on the unconstrained-features model, step by step.

All methods descend the mean objective (1/n) F(W, H). With batches, every sample has features of its
own. A full-batch method started with equal features inside each class keeps them equal, so it runs
on classifiers and class means alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.geometry import Distances, Geometry, Source
from lopsided.problem import Problem
from lopsided.solve.certificate import certify
from lopsided.solve.descend.optimizers import DIRECTIONS, Optimizer, Slope
from lopsided.solve.minimize import minimize


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
        distances: (t, 3) distances of classifiers, class means and logits to the reference,
            centred.
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
        """Write PATH.json (settings) and PATH.npz (arrays, no pickle)."""
        arrays: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("steps", "loss", "gap", "norms", "distances", "W", "H")
        }
        arrays |= {f"memory{i}": part for i, part in enumerate(self.memory)}
        np.savez(Path(f"{path}.npz"), **arrays)
        Path(f"{path}.json").write_text(
            json.dumps({"optimizer": asdict(self.optimizer), "seed": self.seed}, indent=1) + "\n"
        )

    @classmethod
    def load(cls, path: str | Path) -> Trajectory:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if one of the two files is missing.
        """
        settings = json.loads(Path(f"{path}.json").read_text())
        with np.load(Path(f"{path}.npz"), allow_pickle=False) as stored:
            memory = tuple(
                stored[f"memory{i}"]
                for i in range(sum(name.startswith("memory") for name in stored))
            )
            arrays = {
                name: stored[name]
                for name in ("steps", "loss", "gap", "norms", "distances", "W", "H")
            }
        return cls(Optimizer(**settings["optimizer"]), settings["seed"], **arrays, memory=memory)


def train(
    problem: Problem,
    optimizer: Optimizer,
    steps: int,
    seed: int = 0,
    *,
    size: float = 1e-2,
    reference: Geometry | None = None,
    resume: Trajectory | None = None,
) -> Trajectory:
    """Train the model and record its path.

    Args:
        problem: labels, no bias; its width is the feature dimensions, by default k.
        optimizer: the method.
        steps: steps in all, those before `resume` included.
        seed: of initialisation and batches; the same seed gives the same path, resumed or not.
        size: standard deviation of the initial entries.
        reference: what distances are measured to; by default the problem's own limit of a vanishing
            ridge.
        resume: a path of the same problem and optimiser to go on from.

    Returns:
        The path.

    Raises:
        ValueError: for soft targets, a bias, fewer steps than are behind, or a path of other
            settings.
        FloatingPointError: if the loss becomes infinite; the step is named.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([10, 10, 1, 1]), ridge=0.0)
        >>> path = train(problem, Optimizer("normalized", rate=1.0), steps=1000)
        >>> bool(path.distances[-1].max() < path.distances[1].max() / 3)
        True
    """
    if problem.counts is None or problem.bias != "none":
        raise ValueError(
            "training paths are for class labels without a bias; solve.minimize takes soft targets"
            " and biases"
        )
    if resume is not None and (
        (resume.optimizer, resume.seed) != (optimizer, seed) or steps < resume.steps[-1]
    ):
        raise ValueError(
            "resume a path with its own optimizer, its own seed and at least as many steps"
        )
    model = _Model(problem, optimizer.batch)
    goal = minimize(problem.at(0.0)).geometry if reference is None else reference
    if resume is None:
        W, H = model.begin(seed, size)
        memory: tuple[Floats, ...] = (np.zeros_like(W), np.zeros_like(H)) * 2
        rows, done = [(0, *model.observe(W, H, goal))], 0
    else:
        W, H, memory = resume.W.copy(), resume.H.copy(), resume.memory
        rows = list(
            zip(resume.steps, resume.loss, resume.gap, resume.norms, resume.distances, strict=True)
        )
        done = int(resume.steps[-1])
        if done not in _moments(done):
            rows.pop()
    record = _moments(steps) | {steps}
    for step in range(done + 1, steps + 1):
        slope = model.slope(W, H, memory, step, seed, lift=optimizer.name == "normalized")
        (down, sideways), memory = DIRECTIONS[optimizer.name](optimizer, slope)
        W, H = W - optimizer.rate * down, H - optimizer.rate * sideways
        if step in record:
            rows.append((step, *model.observe(W, H, goal)))
            if not np.isfinite(rows[-1][1]):
                raise FloatingPointError(
                    f"the loss is not finite after step {step}; lower the rate of {optimizer.name}"
                )
    at, loss, gap, norms, distances = zip(*rows, strict=True)
    columns = (np.array(at), np.array(loss), np.array(gap), np.array(norms), np.array(distances))
    return Trajectory(optimizer, seed, *columns, W, H, memory)


def _moments(steps: int) -> set[int]:
    """Return the steps that are recorded, eight a decade, whatever the last one is."""
    count = int(8 * np.log10(max(steps, 1))) + 1
    return {0} | {round(10 ** (i / 8)) for i in range(count)} & set(range(steps + 1))


class _Model:
    """The mean objective and its gradients, sample by sample or class by class."""

    def __init__(self, problem: Problem, batch: int | None) -> None:
        assert problem.counts is not None
        self.problem, self.counts, self.batch = problem, problem.counts, batch
        parameters = (problem.adjustment or Adjustment()).resolve(problem.counts)
        expand = parameters.groups.expand
        self.columns, self.samples, self.shift = (
            expand(parameters.columns),
            expand(parameters.samples),
            expand(parameters.shift),
        )
        self.weight, self.own = expand(parameters.weight), expand(parameters.own)
        k, n = self.counts.k, self.counts.n
        self.labels = np.arange(k) if batch is None else np.repeat(np.arange(k), self.counts.values)
        self.copies = self.counts.values.astype(np.float64) if batch is None else np.ones(n)
        if batch is not None and batch > n:
            raise ValueError(f"a batch of {batch} is more than the {n} samples")

    def begin(self, seed: int, size: float) -> tuple[Floats, Floats]:
        """Draw Gaussian classifiers and features."""
        rng = np.random.default_rng(seed)
        d = self.problem.width or self.counts.k
        return size * rng.standard_normal((self.counts.k, d)), size * rng.standard_normal(
            (len(self.labels), d)
        )

    def slope(
        self, W: Floats, H: Floats, memory: tuple[Floats, ...], step: int, seed: int, lift: bool
    ) -> Slope:
        """Return gradients of the mean objective, over one batch if there are batches; `lift` as in
        `_losses`.
        """
        n, ridge = self.counts.n, self.problem.ridge
        chosen = self._chosen(step, seed)
        features, labels, copies = (
            (H, self.labels, self.copies)
            if chosen is None
            else (H[chosen], self.labels[chosen], self.copies[chosen])
        )
        losses, residual, exponent = self._losses(features @ W.T, labels, lift=lift and ridge == 0)
        mean = 1 / (n if chosen is None else len(chosen))
        by_w = (residual * copies[:, None]).T @ features * mean + ridge / n * W
        by_h = ridge / n * H
        by_h[slice(None) if chosen is None else chosen] += residual @ W * mean
        decay = ridge / 2 / n * float(np.sum(W**2) + self.copies @ np.sum(H**2, axis=1))
        loss = float(copies @ losses) * mean + decay
        log_loss = float(np.log(loss)) + exponent if loss > 0 else -np.inf
        return Slope((by_w, by_h), memory, loss, log_loss, step, (np.ones(len(W)), self.copies))

    def observe(
        self, W: Floats, H: Floats, goal: Geometry
    ) -> tuple[float, float, Floats, Distances]:
        """Return objective, relative gap, norms and distances."""
        losses, _, _ = self._losses(H @ W.T, self.labels)
        decay = self.problem.ridge / 2 * float(np.sum(W**2) + self.copies @ np.sum(H**2, axis=1))
        total = np.zeros((self.counts.k, H.shape[1]))
        np.add.at(total, self.labels, H * self.copies[:, None])
        M = total / self.counts.values[:, None]
        gap = certify(self.problem, W @ M.T).relative_gap if self.problem.ridge > 0 else np.nan
        # Training leaves the means of W and M where they began; the law is about the rest.
        geometry = Geometry.of_vectors(
            W - W.mean(axis=0), M - M.mean(axis=0), Source("training path")
        )
        norms = np.array([np.linalg.norm(W), np.linalg.norm(M)])
        return float(self.copies @ losses) + decay, gap, norms, geometry.distance(goal)

    def _losses(self, z: Floats, labels: Ints, lift: bool = False) -> tuple[Floats, Floats, float]:
        """Return the loss of each row of logits (b, k), its derivative by them, and 0.

        With `lift`, where these would underflow, they are divided by the exponential of the last
        number returned.
        """
        rows = np.arange(len(labels))
        scale = self.samples[labels, None] * self.columns
        adjusted = scale * z + self.shift
        adjusted[rows, labels] -= self.own[labels]
        relative = adjusted - adjusted[rows, labels][:, None]
        if lift:
            relative[rows, labels] = -np.inf
            largest = relative.max()
            if largest < -40:
                # Here log(1 + x) is x and the own share is 1, to all digits.
                cells = np.exp(relative - largest)
                losses, shares = cells.sum(axis=1), cells
                shares[rows, labels] = -losses
                return (
                    self.weight[labels] * losses,
                    self.weight[labels, None] * scale * shares,
                    float(largest),
                )
            relative[rows, labels] = 0.0
        high = relative.max(axis=1)
        cells = np.exp(relative - high[:, None])
        cells[rows, labels] = 0
        others, own = cells.sum(axis=1), np.exp(-high)
        losses = np.where(high == 0, np.log1p(others), high + np.log(own + others))
        shares = cells / (own + others)[:, None]
        shares[rows, labels] = -shares.sum(axis=1)
        return self.weight[labels] * losses, self.weight[labels, None] * scale * shares, 0.0

    def _chosen(self, step: int, seed: int) -> Ints | None:
        """Return the samples of a step's batch: each epoch is one shuffle, drawn from seed and
        epoch alone.
        """
        if self.batch is None:
            return None
        batches = -(-self.counts.n // self.batch)
        epoch, place = divmod(step - 1, batches)
        order = np.random.default_rng([seed, 1 + epoch]).permutation(self.counts.n)
        return order[place * self.batch : (place + 1) * self.batch]
