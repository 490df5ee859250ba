"""Cross-entropy with any adjustment: the geometry of CDT, LDT, VS and hard margins at vanishing
ridge.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from lopsided.adjustment import Adjustment, require_adjustment
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.algebra.laplacian import balanced_spectrum
from lopsided.predict.algebra.roots import Factor, inverse_root, others, root
from lopsided.predict.algebra.secular import Secular
from lopsided.predict.form import (
    Form,
    counts_of,
    of_fixed_bias,
    on_classes,
    sharp,
    uniform,
    vanishing,
)
from lopsided.predict.forms.free_bias import free_bias
from lopsided.problem import Problem
from lopsided.terms import Parameters

Bias = Literal["none", "free"]

#: Exact spectra of class means take seconds from so many groups on; for more, `Gram.spectrum` has
#: the digits of the largest.
CUBIC = 500


def cross_entropy(
    counts: CountsLike, adjustment: Adjustment | None = None, bias: Bias = "none"
) -> Geometry:
    """Return the geometry that an adjusted cross-entropy converges to as the ridge vanishes.

    With x = margin / scale of each class, d = 1 / scale, Q the projector off d and A = Q diag(n_c
    x_c^2) Q, the class logits are Q diag(x), the classifiers have WW' = A^{1/2} and the class means
    MM' = diag(x) A^{+1/2} diag(x). Weights, shifts and additive margins change the geometry at a
    finite ridge and have no effect in the limit; scales and margins do. `certificate` proves it.

    Source: Behnia, Kini, Vakilian and Thrampoulidis 2023 (arXiv 2303.07608) for STEP imbalance; any
    counts, scales and margins derived here (docs/theory/derivations.md), the free bias too (see
    `lopsided.predict.forms.free_bias`).

    Args:
        counts: the class counts.
        adjustment: of the loss; by default plain cross-entropy, whose geometry is SELI.
        bias: of the head. A bias with a ridge that stays fixed has the limit of "none"; "free" is a
            bias without a ridge.

    Returns:
        The geometry in the scale in which every margin asked for is met exactly.

    Raises:
        TypeError: if it is no adjustment.
        ValueError: if the adjustment is for another number of classes, the bias is neither, scales
            or margins span more than 30 orders of magnitude, or the bias is free while they differ
            between classes, for which no closed form is known.

    Example:
        >>> from lopsided import Adjustment, Counts
        >>> counts = Counts.step(k=4, minority=1, ratio=100)
        >>> aligned = cross_entropy(counts, Adjustment.cdt(counts, gamma=0.5))
        >>> aligned.alignment().round(12)
        array([1., 1., 1., 1.])
    """
    counts = Counts.of(counts)
    adjustment = Adjustment() if adjustment is None else adjustment
    require_adjustment(adjustment)
    given = adjustment.resolve(counts)
    if bias == "free":
        geometry = free_bias(counts, require_uniform(given))
        return replace(geometry, source=replace(geometry.source, name=f"{adjustment!r}, free bias"))
    if bias != "none":
        raise ValueError(f"bias must be 'none' or 'free', got {bias!r}")
    groups, sizes = given.groups, given.groups.sizes
    a, d, x, unit = reduced(given)
    left, right, diagonal = inverse_root(a, d, sizes)
    means = Factor(left * x[:, None] * unit, right * x[:, None], diagonal * x**2 * unit)
    known = partial(balanced_spectrum, means, d / x, sizes) if groups.m <= CUBIC else None
    embeddings = Gram.paired(groups, *means, eigenvalues=known)
    left, right, diagonal = root(a, d, sizes)
    classifiers = Gram.paired(
        groups, left * unit, right, diagonal * unit, eigenvalues=partial(_roots, a, d, sizes, unit)
    )
    square, rest = float(sizes @ d**2), others((sizes * d**2)[:, None], sizes)[:, 0]
    logits = Pairing.paired(
        groups, -d[:, None] * unit / square, (d * x)[:, None], x * rest * unit / square
    )
    source = Source(repr(adjustment), "Behnia et al. 2023", "vanishing ridge, d >= k - 1, no bias")
    return Geometry(classifiers, embeddings, logits, source, counts)


def _roots(a: Floats, d: Floats, sizes: Ints, unit: float) -> Floats:
    return Secular.of(a, d, sizes).power(0.5, unit)


def reduced(given: Parameters) -> tuple[Floats, Floats, Floats, float]:
    """Return a, d and x of each group near one, and the power of two by which the whole geometry is
    then to be multiplied.

    The projector does not depend on the length of d, and classifiers, class means and logits grow
    like x.

    Raises:
        ValueError: if scales or margins span more than 30 orders of magnitude.
    """
    d = 1 / given.columns
    x = d / given.samples
    _require_range("1 / scale", d, given.groups)
    _require_range("margin / scale", x, given.groups)
    d, x, unit = d / _middle(d), x / _middle(x), _middle(x)
    return given.counts * x**2, d, x, unit


def _middle(values: Floats) -> float:
    """Return the power of two nearest to the geometric mean of the largest and the smallest."""
    return float(2.0 ** np.round(np.mean(np.log2([values.min(), values.max()]))))


def _require_range(name: str, values: Floats, groups: Groups) -> None:
    """Refuse values that leave the range on which the digits are tested."""
    low, high = int(np.argmin(values)), int(np.argmax(values))
    if not (values[low] > 1e-100 and values[high] < 1e100 and values[high] <= 1e30 * values[low]):
        raise ValueError(
            f"{name} must lie between 1e-100 and 1e100 and span at most a factor of 1e30, got"
            f" {values[low]:g} for class {groups.first[low]} and {values[high]:g} for class"
            f" {groups.first[high]}"
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
                f"with a free bias the closed form needs one {name} for all classes, but that of"
                f" class {c} differs; use bias='none', or solve for a small ridge"
            )
    return float(1 / given.columns[0] / given.samples[0])


def _geometry(problem: Problem) -> Geometry:
    bias: Bias = "free" if problem.bias == "free" else "none"
    return of_fixed_bias(cross_entropy(counts_of(problem), problem.adjustment, bias), problem)


def _speaks(problem: Problem) -> str:
    sentence, same = uniform(problem)
    wanted = (f"with a free bias, {sentence}", problem.bias != "free" or same)
    return on_classes(problem, vanishing(problem), sharp(problem), wanted)


def _examples() -> tuple[Problem, ...]:
    step, tail = Counts([8, 8, 2, 2]), Counts([9, 5, 2, 1])
    everything = Adjustment(
        scale=[1, 2, 0.5, 1], shift=[0, 1, 2, 3], margin=[1, 2, 2, 1], additive_margin=0.3
    )
    return (
        Problem(step, Adjustment.cdt(step, 0.5), ridge=0.0),
        Problem(tail, Adjustment.ldt(tail, 0.3), ridge=0.0),
        Problem(tail, everything, ridge=0.0),
        Problem(tail, Adjustment(scale=2.0), ridge=0.0, bias="free"),
    )


FORM = Form("cross-entropy", _geometry, _speaks, _examples, cite("behnia2023"))
