"""Objective: the mean that first-order methods descend, over all samples or over one batch.

With batches, every sample has features of its own. A full-batch method started with equal features
inside each class keeps them equal, so it runs on classifiers and class means alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.geometry import Distances, Geometry, Source
from lopsided.problem import Problem
from lopsided.solve.certificate import certify
from lopsided.solve.descend.optimizers import Slope


class Losses(NamedTuple):
    """The losses of some logits.

    Attributes:
        values: (b,) of each row, divided by the exponential of the exponent.
        slope: (b, k) their derivative by the logits, divided likewise.
        exponent: 0, or where values and slope would underflow the logarithm of what lifts them.
        largest: size of the largest logit that the loss sees.
    """

    values: Floats
    slope: Floats
    exponent: float
    largest: float


class MeanObjective:
    """The mean objective (1/n) F(W, H) and its gradients, sample by sample or class by class.

    Raises:
        ValueError: if a batch is larger than all samples.
    """

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
        self.n = n
        self.labels = np.arange(k) if batch is None else np.repeat(np.arange(k), self.counts.values)
        self.copies = self.counts.values.astype(np.float64) if batch is None else np.ones(n)
        if batch is not None and batch > n:
            raise ValueError(f"a batch of {batch} is more than the {n} samples")

    @property
    def shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The shapes of classifiers (k, d) and features."""
        d = self.problem.width or self.counts.k
        return (self.counts.k, d), (len(self.labels), d)

    def begin(self, seed: int, size: float) -> tuple[Floats, Floats]:
        """Draw Gaussian classifiers and features."""
        rng = np.random.default_rng(seed)
        W, H = (size * rng.standard_normal(shape) for shape in self.shapes)
        return W, H

    @np.errstate(under="ignore")
    def slope(
        self, W: Floats, H: Floats, memory: tuple[Floats, ...], step: int, seed: int, lift: bool
    ) -> Slope:
        """Return gradients of the mean objective, over one batch if there are batches; `lift` as in
        `_losses`.
        """
        n, ridge = self.n, self.problem.ridge
        chosen = self._chosen(step, seed)
        features, labels, copies = (
            (H, self.labels, self.copies)
            if chosen is None
            else (H[chosen], self.labels[chosen], self.copies[chosen])
        )
        losses = self._losses(features @ W.T, labels, lift=lift and ridge == 0)
        residual = losses.slope
        mean = 1 / (n if chosen is None else len(chosen))
        by_w = (residual * copies[:, None]).T @ features * mean + ridge / n * W
        by_h = ridge / n * H
        by_h[slice(None) if chosen is None else chosen] += residual @ W * mean
        loss = float(copies @ losses.values) * mean + self._decay(W, H) / n
        log_loss = float(np.log(loss)) + losses.exponent if loss > 0 else -np.inf
        weights = (np.ones(len(W)), self.copies)
        return Slope((by_w, by_h), memory, loss, log_loss, losses.largest, step, weights)

    def observe(
        self, W: Floats, H: Floats, goal: Geometry
    ) -> tuple[float, float, Floats, Distances]:
        """Return objective, relative gap, norms and distances to a geometry about its mean."""
        total = np.zeros((self.counts.k, H.shape[1]))
        np.add.at(total, self.labels, H * self.copies[:, None])
        M = total / self.counts.values[:, None]
        gap = certify(self.problem, W @ M.T).relative_gap if self.problem.ridge > 0 else np.nan
        # The loss does not see classifiers along one over the scales of the columns, and laws have
        # nothing there. Class means are about their mean, as those of a network are measured.
        unseen = (1 / self.columns) / np.linalg.norm(1 / self.columns)
        geometry = Geometry.of_vectors(
            W - np.outer(unseen, unseen @ W), M - M.mean(axis=0), Source("training path")
        )
        norms = np.array([np.linalg.norm(W), np.linalg.norm(M)])
        return self.loss(W, H), gap, norms, geometry.distance(goal)

    @np.errstate(under="ignore")
    def loss(self, W: Floats, H: Floats) -> float:
        """Return the objective, in sums over all samples."""
        losses = self._losses(H @ W.T, self.labels).values
        return float(self.copies @ losses) + self._decay(W, H)

    def _decay(self, W: Floats, H: Floats) -> float:
        if not (ridge := self.problem.ridge):
            return 0.0
        return ridge / 2 * float(np.sum(W**2) + self.copies @ np.sum(H**2, axis=1))

    def _losses(self, z: Floats, labels: Ints, lift: bool = False) -> Losses:
        """Return the losses of rows of logits (b, k), lifted where they would underflow and may."""
        rows = np.arange(len(labels))
        scale = self.samples[labels, None] * self.columns
        adjusted = scale * z + self.shift
        adjusted[rows, labels] -= self.own[labels]
        size = float(np.abs(adjusted).max())
        relative = adjusted - adjusted[rows, labels][:, None]
        if lift:
            relative[rows, labels] = -np.inf
            largest = float(relative.max())
            if largest < -40:
                # Here log(1 + x) is x and the own share is 1, to all digits.
                cells = np.exp(relative - largest)
                losses = cells.sum(axis=1)
                cells[rows, labels] = -losses
                return self._weighed(losses, cells, scale, labels, largest, size)
            relative[rows, labels] = 0.0
        high = relative.max(axis=1)
        cells = np.exp(relative - high[:, None])
        cells[rows, labels] = 0
        others, own = cells.sum(axis=1), np.exp(-high)
        losses = np.where(high == 0, np.log1p(others), high + np.log(own + others))
        shares = cells / (own + others)[:, None]
        shares[rows, labels] = -shares.sum(axis=1)
        return self._weighed(losses, shares, scale, labels, 0.0, size)

    def _weighed(
        self,
        losses: Floats,
        shares: Floats,
        scale: Floats,
        labels: Ints,
        exponent: float,
        largest: float,
    ) -> Losses:
        weight = self.weight[labels]
        return Losses(weight * losses, weight[:, None] * scale * shares, exponent, largest)

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
