"""Cross-entropy with any adjustment: the geometry of CDT, LDT, VS and hard margins at vanishing ridge."""

from __future__ import annotations

from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import ClassMatrix, Gram
from lopsided.predict.roots import inverse_root, root


def cross_entropy(counts: Counts, adjustment: Adjustment | None = None) -> Geometry:
    """Return the geometry that an adjusted cross-entropy converges to as the ridge vanishes.

    With x = margin / scale of each class, d = 1 / scale, Q the projector off d and A = Q diag(n_c x_c^2) Q, the class logits are
    Q diag(x), the classifiers have WW' = A^{1/2} and the class means MM' = diag(x) A^{+1/2} diag(x). Weights, shifts and additive
    margins change the geometry at a finite ridge and have no effect in the limit; scales and margins do.

    Source: Behnia, Kini, Vakilian and Thrampoulidis 2023 (arXiv 2303.07608) for STEP imbalance; any counts, scales and margins derived here
    (docs/derivations.md).

    Args:
        counts: the class counts.
        adjustment: of the loss; by default plain cross-entropy, whose geometry is SELI.

    Returns:
        The geometry in the scale in which the smallest margin asked for is met exactly.

    Raises:
        ValueError: if the adjustment is for another number of classes.

    Example:
        >>> from lopsided import Adjustment, Counts
        >>> counts = Counts.step(k=4, minority=1, ratio=100)
        >>> aligned = cross_entropy(counts, Adjustment.cdt(counts, gamma=0.5))
        >>> aligned.alignment().round(12)
        array([1., 1., 1., 1.])
    """
    adjustment = Adjustment() if adjustment is None else adjustment
    given = adjustment.resolve(counts)
    groups, sizes = given.groups, given.groups.sizes
    d = 1 / given.columns
    x = d / given.samples
    a = given.counts * x**2
    left, right, diagonal = inverse_root(a, d, sizes)
    classifiers = Gram(groups, *root(a, d, sizes))
    embeddings = Gram(groups, left * x[:, None], right * x[:, None], diagonal * x**2)
    square = float(sizes @ d**2)
    logits = ClassMatrix(groups, -d[:, None] / square, (d * x)[:, None], x * (1 - d**2 / square))
    source = Source(repr(adjustment), "Behnia et al. 2023", "vanishing ridge, d >= k - 1, no bias")
    return Geometry(classifiers, embeddings, logits, source, counts)
