"""How far the samples of a class scatter about its mean, against how far the means lie apart."""

from __future__ import annotations

from lopsided.measure.moments import Moments
from lopsided.measure.span import Center, centered, span


def nc1(moments: Moments, *, center: Center = "classes", per_class: bool = True) -> float:
    """Return tr(S_W S_B^+) / k, the within-class scatter in units of the scatter of the class means.

    S_W is the mean over samples of (h - mu_y)(h - mu_y)', S_B the unweighted mean over classes of (mu_c - mu_G)(mu_c - mu_G)'.
    Computed in the span of the class means: no (d, d) pseudo-inverse, which in float32 reports collapse where minorities collapse.

    Source: Papyan, Han and Donoho 2020.

    Args:
        moments: of every class, with a scatter.
        center: global mean mu_G; "samples" is Zhu et al. 2021.
        per_class: divide by k, as Zhu et al. and most later work; `False` is Papyan's notebook and the SELI authors' code.

    Raises:
        ValueError: if no scatter was kept, a class has no sample, or all class means coincide.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[-1.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1])
        >>> nc1(moments, per_class=False)
        0.16
    """
    if moments.scatter is None:
        raise ValueError("nc1 needs the within-class scatter: measure with scatter='pooled', or in two passes")
    spanned = span(centered(moments, center))
    if not len(spanned.values):
        raise ValueError("all class means coincide, so nothing lies between the classes and nc1 is not defined")
    within = moments.scatter.within(spanned.basis / spanned.values)
    quotient = moments.k / moments.n * float(within.trace())
    return quotient / moments.k if per_class else quotient
