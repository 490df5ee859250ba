"""Cross-entropy with any adjustment: the geometry of CDT, LDT, VS and hard margins at vanishing ridge."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from lopsided.adjustment import Adjustment, Parameters
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.predict.free_bias import free_bias
from lopsided.predict.roots import inverse_root, others, root
from lopsided.predict.secular import Secular

Bias = Literal["none", "free"]


def cross_entropy(counts: Counts, adjustment: Adjustment | None = None, bias: Bias = "none") -> Geometry:
    """Return the geometry that an adjusted cross-entropy converges to as the ridge vanishes.

    With x = margin / scale of each class, d = 1 / scale, Q the projector off d and A = Q diag(n_c x_c^2) Q, the class logits are
    Q diag(x), the classifiers have WW' = A^{1/2} and the class means MM' = diag(x) A^{+1/2} diag(x). Weights, shifts and additive
    margins change the geometry at a finite ridge and have no effect in the limit; scales and margins do. `certificate` proves it.

    Source: Behnia, Kini, Vakilian and Thrampoulidis 2023 (arXiv 2303.07608) for STEP imbalance; any counts, scales and margins
    derived here (docs/derivations.md), the free bias too (see `lopsided.predict.free_bias`).

    Args:
        counts: the class counts.
        adjustment: of the loss; by default plain cross-entropy, whose geometry is SELI.
        bias: of the head. A bias with a ridge that stays fixed has the limit of "none"; "free" is a bias without a ridge.

    Returns:
        The geometry in the scale in which every margin asked for is met exactly.

    Raises:
        ValueError: if the adjustment is for another number of classes, the bias is neither, scales or margins span more than
            30 orders of magnitude, or the bias is free while they differ between classes, for which no closed form is known.

    Example:
        >>> from lopsided import Adjustment, Counts
        >>> counts = Counts.step(k=4, minority=1, ratio=100)
        >>> aligned = cross_entropy(counts, Adjustment.cdt(counts, gamma=0.5))
        >>> aligned.alignment().round(12)
        array([1., 1., 1., 1.])
    """
    adjustment = Adjustment() if adjustment is None else adjustment
    given = adjustment.resolve(counts)
    if bias == "free":
        geometry = free_bias(counts, require_uniform(given))
        return replace(geometry, source=replace(geometry.source, name=f"{adjustment!r}, free bias"))
    if bias != "none":
        raise ValueError(f"bias must be 'none' or 'free', got {bias!r}")
    groups, sizes = given.groups, given.groups.sizes
    d = 1 / given.columns
    x = d / given.samples
    _require_range("1 / scale", d, groups)
    _require_range("margin / scale", x, groups)
    a = given.counts * x**2
    left, right, diagonal = inverse_root(a, d, sizes)
    classifiers = Gram.paired(groups, *root(a, d, sizes), eigenvalues=lambda: np.sqrt(Secular.of(a, d, sizes).spectrum()))
    embeddings = Gram.paired(groups, left * x[:, None], right * x[:, None], diagonal * x**2)
    square = float(sizes @ d**2)
    logits = Pairing.paired(
        groups, -d[:, None] / square, (d * x)[:, None], x * others((sizes * d**2)[:, None], sizes)[:, 0] / square
    )
    source = Source(repr(adjustment), "Behnia et al. 2023", "vanishing ridge, d >= k - 1, no bias")
    return Geometry(classifiers, embeddings, logits, source, counts)


def _require_range(name: str, values: Floats, groups: Groups) -> None:
    """Refuse values whose squares, times counts, leave the range of the quadrature and of float64."""
    low, high = int(np.argmin(values)), int(np.argmax(values))
    if not (values[low] > 1e-100 and values[high] < 1e100 and values[high] <= 1e30 * values[low]):
        raise ValueError(
            f"{name} must lie between 1e-100 and 1e100 and span at most a factor of 1e30, got {values[low]:g} for class "
            f"{groups.first[low]} and {values[high]:g} for class {groups.first[high]}"
        )


def require_uniform(given: Parameters) -> float:
    """Return margin / scale where all classes have the same.

    Raises:
        ValueError: if scales or margins differ; a class is named.
    """
    for name, values in (("scale", given.columns), ("margin or per-sample scale", given.samples)):
        if (different := values != values[0]).any():
            c = int(given.groups.first[np.argmax(different)])
            raise ValueError(
                f"with a free bias the closed form needs one {name} for all classes, but that of class {c} differs; "
                "use bias='none', or solve for a small ridge"
            )
    return float(1 / (given.columns[0] * given.samples[0]))
