"""How far features of a pre-trained network have collapsed on other labels, which says how well it
will transfer.

Everything follows from linear discriminants in the leading principal components. Features may be
many: they are read a block of rows at a time, and only their scatter is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import (
    Floats,
    Ints,
    plain_array,
    require_noun,
    require_squares,
    require_whole,
)
from lopsided.measure.checks import labels_of, rows_of, whole
from lopsided.memory import require_memory
from lopsided.singular import singular_values

#: Rows of a block.
_BLOCK = 4096
#: Components whose variances say how much to shrink, and a shrinkage that counts as none.
_LEADING, _NONE = 32, 1e-10
#: Scores that differ by less, of their size, are the same.
_ALIKE = 1e-10


@dataclass(frozen=True)
class Transferability:
    """How collapsed features are on other labels.

    Attributes:
        seli: nuclear norm of the discriminants of all samples; the larger, the farther the classes
            are apart in units of their own spread.
        ncc: mean posterior probability of the right class; 1 where features have collapsed.
        collapse: logarithm of the sum over classes of the nuclear norm of their posteriors; the
            smaller, the more alike are the samples of a class.
        shrinkage: of the covariances toward a multiple of the identity; 0 where features are long.
    """

    seli: float
    ncc: float
    collapse: float
    shrinkage: float


def transferability(
    features: npt.ArrayLike, labels: npt.ArrayLike, components: int = 64
) -> Transferability:
    """Return how collapsed features of a pre-trained network are on other labels.

    Discriminants are those of scikit-learn's `LinearDiscriminantAnalysis(solver="eigen")` in the
    leading principal components, with covariances divided by the number of samples.

    Args:
        features: (n, d) of the samples that will be transferred to. Their scale matters: it says
            how much is shrunk.
        labels: (n,) classes 0..k-1, each with samples.
        components: leading principal components to look at, at most.

    Returns:
        Three scores of one network; `hub_scores` compares networks by them.

    Raises:
        ValueError: if shapes do not fit, a number is not finite (the sample is named), there are
            fewer than two classes, a class has no sample, squares leave float64, all features are
            the same, or features without shrinkage vary in fewer directions within the classes than
            over all.
        TypeError: if the arrays do not hold numbers.

    Source: Wang et al. 2023 (ICCV).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.arange(300) % 3
        >>> far = 4 * np.eye(3, 8)[labels] + rng.normal(size=(300, 8))
        >>> found = transferability(far, labels)
        >>> bool(found.ncc > transferability(far - 3 * np.eye(3, 8)[labels], labels).ncc)
        True
    """
    require_whole("components", components, 1)
    x, y, k = _checked(features, labels)
    n, (z, variances) = len(x), _components(x, components)
    gamma = math.exp(-float(variances[:_LEADING].sum()))
    if gamma <= _NONE:
        gamma, z = 0.0, z[:, variances > 0]
    counts = np.bincount(y, minlength=k)
    order, starts = np.argsort(y, kind="stable"), np.cumsum(counts) - counts
    means = np.add.reduceat(z[order], starts) / counts[:, None]
    deviations = z - means[y]
    within, total = (
        (1 - gamma) * s + gamma * np.trace(s) / len(s) * np.eye(len(s))
        for s in (deviations.T @ deviations / n, z.T @ z / n)
    )
    vectors = _discriminants(total - within, within)
    seen = (z @ vectors[:, : k - 1]) - (z @ vectors[:, : k - 1]).mean(axis=0)
    scale = means @ vectors
    scores = z @ vectors @ scale.T - np.sum(scale**2, axis=1) / 2 + np.log(counts / n)
    posteriors = np.exp(scores - scores.max(axis=1, keepdims=True))
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    norms = [singular_values(posteriors[y == c]).sum() for c in range(k)]
    return Transferability(
        seli=float(singular_values(seen).sum()),
        ncc=float(posteriors[np.arange(n), y].mean()),
        collapse=math.log(float(np.sum(norms))),
        shrinkage=gamma,
    )


def hub_scores(results: Sequence[Transferability]) -> Floats:
    """Return (hub,) scores of networks on the same samples, the largest for the one to transfer.

    Each of the three scores is stretched to 0..1 over the hub: seli + ncc - collapse. One that is
    the same for all networks, up to rounding, says nothing and counts as 0.

    Args:
        results: of `transferability`, one a network.

    Raises:
        TypeError: if a result is none of `transferability`.
        ValueError: if there are fewer than two networks, which nothing compares.

    Source: Wang et al. 2023 (ICCV).

    Example:
        >>> hub_scores([Transferability(9, 0.9, 5, 0), Transferability(3, 0.5, 6, 0)])
        array([ 2., -1.])
    """
    for found in results:
        require_noun(found, Transferability, "each result", "transferability returns them")
    if len(results) < 2:
        raise ValueError(f"a hub has at least 2 networks to compare, got {len(results)}")
    rows = np.array([(found.seli, found.ncc, found.collapse) for found in results])
    low, span = rows.min(axis=0), np.ptp(rows, axis=0)
    told = span > _ALIKE * np.abs(rows).max(axis=0)
    stretched = np.divide(rows - low, span, out=np.zeros_like(rows), where=told)
    return np.asarray(stretched @ [1.0, 1.0, -1.0])


def _checked(
    features: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.generic], Ints, int]:
    y = whole(labels)
    k = int(y.max(initial=0)) + 1
    y = labels_of(y, k)
    given = plain_array(features, "features")
    width = given.shape[-1] if given.ndim == 2 else 0
    x = rows_of(given, y, width, "features", "sample {}".format)
    if k < 2:
        raise ValueError(f"a transfer is to at least 2 classes, got {k}")
    require_squares(np.array([np.abs(block).max() for block in _blocks(x)]), "features")
    present = np.unique(y)
    if len(present) < k:
        missing = int(np.argmax(np.append(present, k) != np.arange(len(present) + 1)))
        raise ValueError(f"each class must have samples, class {missing} has none")
    if all((block == x[0]).all() for block in _blocks(x)):
        raise ValueError("all features are the same, which transfers nothing")
    return x, y, k


def _blocks(x: npt.NDArray[np.generic]) -> Iterator[Floats]:
    for start in range(0, len(x), _BLOCK):
        yield np.asarray(x[start : start + _BLOCK], np.float64)


def _components(x: npt.NDArray[np.generic], most: int) -> tuple[Floats, Floats]:
    """Return the centred samples in their leading components (n, q), and the variances of these."""
    from scipy.linalg import eigh  # slow to import

    n, d = x.shape
    require_memory(16.0 * d * d, f"the scatter in {d:,} dimensions")
    mean = sum((block.sum(axis=0) for block in _blocks(x)), np.zeros(d)) / n
    scatter = np.zeros((d, d))
    for block in _blocks(x):
        block = block - mean
        scatter += block.T @ block
    q = min(most, n, d)
    values, vectors = eigh(scatter, overwrite_a=True, subset_by_index=(d - q, d - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    # An empty component is rounding: in units of its own spread it would be noise as large as any.
    empty = values <= values[0] * max(n, d) * np.finfo(np.float64).eps
    vectors[:, empty] = 0
    return np.concatenate([(block - mean) @ vectors for block in _blocks(x)]), np.where(
        empty, 0.0, values
    ) / max(n - 1, 1)


def _discriminants(between: Floats, within: Floats) -> Floats:
    """Return the generalised eigenvectors as columns, the largest eigenvalue first."""
    from scipy.linalg import LinAlgError, eigh  # slow to import

    values = np.linalg.eigvalsh(within)
    if values[0] <= values[-1] * len(values) * np.finfo(np.float64).eps:
        r = int(np.sum(values > values[-1] * len(values) * np.finfo(np.float64).eps))
        raise ValueError(
            f"within the classes features vary in {r} of {len(values)} directions, and no"
            f" discriminant is the best: give more samples, or at most components={max(r, 1)}"
        )
    try:
        _, vectors = eigh(between, within)
    except LinAlgError as error:  # pragma: no cover - the eigenvalues above are all positive
        raise ValueError("the scatter within the classes has no inverse") from error
    return np.asarray(vectors[:, ::-1])
